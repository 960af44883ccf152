"""Calls in place of the function that makes them.

LLVM promises such a call (``musttail``) where the callee's prototype is the caller's own. So a function that makes one
has a prototype that fits all: the vmctx, five integers and eight vectors, which by the machine contract are the
registers where a function of any type finds arguments. What lies on the stack is read and written as memory, above the
return address; where that is too little, the room is made before the function begins (`prologue.with_room`).

Whoever calls such a function by its own type does so through the table of code addresses: at a direct call LLVM would
take the two prototypes for one.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.ir.operators.calls import entry, find_callee, take_callee
from wasmer_llvm_backend.ir.operators.context import context_constant, field
from wasmer_llvm_backend.ir.templates import V128
from wasmer_llvm_backend.module_text import CALL, LIKELY
from wasmer_runtime_core.contract.convention import (
    IN_INTEGER_REGISTER,
    IN_VECTOR_REGISTER,
    INTEGER_ARGUMENTS,
    VECTOR_ARGUMENTS,
)
from wasmer_runtime_core.contract.vmctx import FUNCTION_RECORD, IMPORT_RECORD
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmer_llvm_backend.ir.function import FunctionState
    from wasmer_llvm_backend.ir.view import ModuleView, Signature
    from wasmer_runtime_core.wasm.body.body import Body

RETURN_CALL: Final = BY_MNEMONIC["return_call"].code
RETURN_CALL_INDIRECT: Final = BY_MNEMONIC["return_call_indirect"].code
RETURN_CALL_REF: Final = BY_MNEMONIC["return_call_ref"].code

VECTOR: Final = "<4 x float>"
PARAMETERS: Final = ("ptr", *["i64"] * (INTEGER_ARGUMENTS - 1), *[VECTOR] * VECTOR_ARGUMENTS)
"""Types of the prototype."""
FRAME_ADDRESS: Final = "declare ptr @llvm.frameaddress.p0(i32 immarg)"
"""What stands in an LLVM module with such functions."""
FIRST_VECTOR: Final = INTEGER_ARGUMENTS
OWN_ARGUMENTS: Final = 16
"""Where those on the stack lie, from the frame pointer on."""


def calls_in_place(body: Body) -> Iterator[tuple[int, int]]:
    """Of each call in place of a function: the function that is called, -1 if by a reference, and its type."""
    words = array("I", body.records)
    codes = words[0::4]
    for code in (RETURN_CALL, RETURN_CALL_INDIRECT, RETURN_CALL_REF):
        at = -1
        for _ in range(codes.count(code)):
            at = codes.index(code, at + 1)
            a, b = words[4 * at + 1], words[4 * at + 2]
            yield (a, b) if code == RETURN_CALL else (-1, a)


def most_passed(view: ModuleView, body: Body) -> int | None:
    """The most bytes that calls in place of a function pass on the stack; None: it makes none."""
    return max([view.signatures[type_].arguments.stack_bytes for _, type_ in calls_in_place(body)], default=None)


def receive(f: FunctionState, signature: Signature) -> list[str]:
    """The function's parameters, of the prototype that has room for all. In its first block."""
    f.head.append("%frame = call ptr @llvm.frameaddress.p0(i32 0)")
    f.result_buffer = f.let("inttoptr i64 %1 to ptr") if signature.buffered else ""
    arguments = signature.arguments
    values: list[str] = []
    for type_, where, place in zip(signature.params, arguments.wheres, arguments.places, strict=True):
        if where == IN_INTEGER_REGISTER:
            text = {"i32": f"trunc i64 %{place} to i32", "ptr": f"inttoptr i64 %{place} to ptr"}.get(type_)
            values.append(f"%{place}" if text is None else f.let(text))
        elif where == IN_VECTOR_REGISTER:
            value = f"%{FIRST_VECTOR + place}"
            if type_ != "float":
                whole = V128 if type_ == V128 else "<2 x double>"
                value = f.let(f"bitcast {VECTOR} {value} to {whole}")
            if type_ != V128:
                whole = VECTOR if type_ == "float" else "<2 x double>"
                value = f.let(f"extractelement {whole} {value}, i32 0")
            values.append(value)
        else:
            values.append(f.let(f"load volatile {type_}, ptr {own_argument(f, place)}, align 8"))
    return values


def own_argument(f: FunctionState, place: int) -> str:
    """The address of an argument on the stack of the function itself, or of what is called in its place.

    Accesses there are volatile: LLVM would look in vain for what it can do with each pair of them.
    """
    return f.let(f"getelementptr i8, ptr %frame, i64 {OWN_ARGUMENTS + place}")


def jump(f: FunctionState, signature: Signature, code: str, *contexts: str) -> None:
    """Arguments from the stack of operands, and the call; what it returns is returned.

    Of two contexts the first is meant where they are equal. As a rule they are, and told by a branch, the next round of
    a loop need not wait for what is loaded here.
    """
    given = [f"{type_} poison" for type_ in PARAMETERS]
    if signature.buffered:
        given[1] = f"i64 {f.let(f'ptrtoint ptr {f.result_buffer} to i64')}"
    arguments = signature.arguments
    count = len(signature.params)
    values = f.stack[len(f.stack) - count :]
    del f.stack[len(f.stack) - count :]
    for type_, operand, where, place in zip(signature.params, values, arguments.wheres, arguments.places, strict=True):
        value = f.opaque(type_, operand)
        if where == IN_INTEGER_REGISTER:
            if type_ != "i64":
                value = f.let(f"zext i32 {value} to i64" if type_ == "i32" else f"ptrtoint ptr {value} to i64")
            given[place] = f"i64 {value}"
        elif where == IN_VECTOR_REGISTER:
            whole = V128
            if type_ != V128:
                whole = VECTOR if type_ == "float" else "<2 x double>"
                value = f.let(f"insertelement {whole} poison, {type_} {value}, i32 0")
            if whole != VECTOR:
                value = f.let(f"bitcast {whole} {value} to {VECTOR}")
            given[FIRST_VECTOR + place] = f"{VECTOR} {value}"
        else:
            f.out.append(f"store volatile {type_} {value}, ptr {own_argument(f, place)}, align 8")
    result = signature.external_result
    if len(contexts) > 1:
        f.blocks += 1
        same = f.let(f"icmp eq ptr {contexts[0]}, {contexts[1]}")
        f.out.append(f"br i1 {same}, label %own{f.blocks}, label %other{f.blocks}{LIKELY}")
    for name, context in zip(("own", "other"), contexts, strict=False):
        if len(contexts) > 1:
            f.start(f"{name}{f.blocks}")
        given[0] = f"ptr {context}"
        text = f"musttail call {result} {code}({', '.join(given)}) {CALL}{f.location()}"
        f.out += [f"ret {result} {f.let(text)}"] if signature.results else [text, "ret void"]


def return_call(f: FunctionState, word: int, a: int, b: int) -> None:
    view = f.view
    if a < view.imported_functions:
        record = view.import_offsets[a]
        code = context_constant(f, "ptr", record + IMPORT_RECORD["code"].offset)
        context = context_constant(f, "ptr", record + IMPORT_RECORD["vmctx"].offset)
    else:
        code, context = entry(f, a - view.imported_functions), "%0"
    jump(f, view.signatures[b], code, context)


def return_call_indirect(f: FunctionState, word: int, a: int, b: int) -> None:
    jump_to(f, find_callee(f, f.stack.pop(), a, b), a)


def return_call_ref(f: FunctionState, word: int, a: int, b: int) -> None:
    jump_to(f, take_callee(f), a)


def jump_to(f: FunctionState, record: str, type_index: int) -> None:
    """The function of a record, which is of this type."""
    code = field(f, "ptr", record, FUNCTION_RECORD["code"].offset)
    context = field(f, "ptr", record, FUNCTION_RECORD["vmctx"].offset)
    jump(f, f.view.signatures[type_index], code, "%0", context)
