"""Calls: inside the unit, through the module's table of code addresses, of imports, indirect ones, of helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.ir.operators.context import context_constant, element, field
from wasmer_llvm_backend.module_text import CALL, CONTEXT_ACCESS
from wasmer_runtime_core.contract.convention import RESULT_SLOT_BYTES
from wasmer_runtime_core.contract.helper_operators import wide_operands
from wasmer_runtime_core.contract.helpers import VMCall
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import FUNCTION_RECORD, IMPORT_RECORD, TYPE_RECORD
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState
    from wasmer_llvm_backend.ir.view import Signature

UNDEFINED_ELEMENT: Final = BY_NAME["UNDEFINED_ELEMENT"].number
UNINITIALIZED_ELEMENT: Final = BY_NAME["UNINITIALIZED_ELEMENT"].number
TYPE_MISMATCH: Final = BY_NAME["INDIRECT_CALL_TYPE_MISMATCH"].number
NULL_REFERENCE: Final = BY_NAME["NULL_REFERENCE"].number
HELPER_TYPES: Final = {"i32": "i32", "i64": "i64", "index": "i64", "ref": "ptr"}
"""Type of a helper's parameter or result -> in LLVM's words."""


def take_arguments(f: FunctionState, signature: Signature) -> list[str]:
    count = len(signature.params)
    if not count:
        return []
    stack = f.stack
    values = stack[-count:]
    del stack[-count:]
    return [f"{type_} {f.opaque(type_, value)}" for type_, value in zip(signature.params, values, strict=True)]


def emit_call(f: FunctionState, signature: Signature, callee: str, context: str, arguments: list[str]) -> None:
    """A call by the machine contract; its results are pushed."""
    given = [f"ptr {context}"]
    if signature.buffered:
        given.append("ptr %buffer")
        f.buffer_slots = max(f.buffer_slots, len(signature.results) - 1)
    value = f.invoke(f"{signature.external_result} {callee}({', '.join(given + arguments)})", bool(signature.results))
    if not signature.results:
        return
    f.stack.append(value)
    for at, type_ in enumerate(signature.results[1:]):
        place = f.let(f"getelementptr i8, ptr %buffer, i64 {RESULT_SLOT_BYTES * at}")
        f.stack.append(f.let(f"load {type_}, ptr {place}, align 8"))


def call(f: FunctionState, word: int, a: int, b: int) -> None:
    view = f.view
    signature = view.signatures[b]
    arguments = take_arguments(f, signature)
    if a < view.imported_functions:
        record = view.import_offsets[a]
        code = context_constant(f, "ptr", record + IMPORT_RECORD["code"].offset)
        context = context_constant(f, "ptr", record + IMPORT_RECORD["vmctx"].offset)
        emit_call(f, signature, code, context, arguments)
        return
    copied = f.inlined.get(a)
    size = len(copied.records) // RECORD_BYTES if copied is not None else 0
    if size and size <= f.growth:
        f.growth -= size
        f.copied.add(a)
        callee = f"@i{a}"
    else:
        f.called.add(a)
        callee = f"@f{a}"
    if callee[1] == "i" or (a in f.internal and signature.in_registers):
        given = ", ".join(["ptr %0", *arguments])
        whole = f.invoke(f"fastcc {signature.internal_result} {callee}({given})", bool(signature.results))
        if signature.results and not signature.buffered:
            f.stack.append(whole)
        elif signature.results:
            for at in range(len(signature.results)):
                f.stack.append(f.let(f"extractvalue {signature.internal_result} {whole}, {at}"))
    elif a in f.unit and a not in f.in_place:
        emit_call(f, signature, callee, "%0", arguments)
    else:
        emit_call(f, signature, entry(f, a - view.imported_functions), "%0", arguments)


def entry(f: FunctionState, entry: int) -> str:
    """The code address in an entry of the module's table."""
    return f.let(f"load ptr, ptr {f.view.slot(entry)}, align 8{CONTEXT_ACCESS}")


def call_indirect(f: FunctionState, word: int, a: int, b: int) -> None:
    signature = f.view.signatures[a]
    index = f.stack.pop()
    arguments = take_arguments(f, signature)
    record = find_callee(f, index, a, b)
    code = field(f, "ptr", record, FUNCTION_RECORD["code"].offset)
    context = field(f, "ptr", record, FUNCTION_RECORD["vmctx"].offset)
    emit_call(f, signature, code, context, arguments)


def find_callee(f: FunctionState, index: str, type_index: int, table: int) -> str:
    """The record of the function at a place of a table, where there is one, and of that type."""
    place = element(f, index, table, UNDEFINED_ELEMENT)
    record = f.let(f"load ptr, ptr {place}, align 8{CONTEXT_ACCESS}")
    f.trap_if(f.let(f"icmp eq ptr {record}, null"), UNINITIALIZED_ELEMENT)
    expected = context_constant(f, "i64", f.view.type_offsets[type_index])
    found = field(f, "i64", record, FUNCTION_RECORD["type"].offset)
    depth = f.view.open_types.get(type_index)
    if depth is not None:  # it, or what has it in its list of supertypes
        type_ = f.let(f"inttoptr i64 {found} to ptr")
        place = f.let(f"getelementptr i8, ptr {type_}, i64 {TYPE_RECORD['depth'].offset}")
        above = f.let(f"load i32, ptr {place}, align 4{CONTEXT_ACCESS}")
        f.trap_if(f.let(f"icmp ult i32 {above}, {depth}"), TYPE_MISMATCH)
        display = field(f, "ptr", type_, TYPE_RECORD["supertypes"].offset)
        found = field(f, "i64", display, 8 * depth)
    f.trap_if(f.let(f"icmp ne i64 {expected}, {found}"), TYPE_MISMATCH)
    return record


def call_ref(f: FunctionState, word: int, a: int, b: int) -> None:
    signature = f.view.signatures[a]
    record = take_callee(f)
    arguments = take_arguments(f, signature)
    code = field(f, "ptr", record, FUNCTION_RECORD["code"].offset)
    context = field(f, "ptr", record, FUNCTION_RECORD["vmctx"].offset)
    emit_call(f, signature, code, context, arguments)


def take_callee(f: FunctionState) -> str:
    """The record that the reference on top refers to."""
    record = f.stack.pop()
    f.trap_if(f.let(f"icmp eq ptr {record}, null"), NULL_REFERENCE)
    return record


def ref_as_non_null(f: FunctionState, word: int, a: int, b: int) -> None:
    f.trap_if(f.let(f"icmp eq ptr {f.stack[-1]}, null"), NULL_REFERENCE)


def helper(f: FunctionState, row: VMCall, immediates: int, word: int, a: int, b: int) -> None:
    """An operator that core carries out: its operands, then so many words of the record."""
    types = [HELPER_TYPES[type_] for type_ in row.types]
    count = len(types) - immediates
    stack = f.stack
    values = stack[len(stack) - count :] if count else []
    del stack[len(stack) - count :]
    wide = wide_operands(row, a, b, f.view.wide_memories, f.view.wide_tables)
    for at, type_ in enumerate(row.types[:count]):
        if type_ == "index" and not wide[at]:
            values[at] = f.let(f"zext i32 {values[at]} to i64")
    values += [str(word) for word in (a, b)[:immediates]]
    arguments = ["ptr %0"] + [f"{type_} {value}" for type_, value in zip(types, values, strict=True)]
    code = entry(f, f.view.defined_functions + row.slot)
    result = HELPER_TYPES[row.results[0]] if row.results else "void"
    text = f"call {result} {code}({', '.join(arguments)}) {CALL}{f.location()}"
    if not row.results:
        f.out.append(text)
    elif row.results[0] == "index" and not any(wide):
        f.stack.append(f.let(f"trunc i64 {f.let(text)} to i32"))
    else:
        f.stack.append(f.let(text))
