"""What the vmctx leads to: globals, references, tables (specification, sections 4.4.2 to 4.4.6).

Stores to globals are volatile: a trap must not find an older value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.module_text import CONTEXT_ACCESS, CONTEXT_CONSTANT
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import TABLE_DEFINITION

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState

TABLE_OUT_OF_BOUNDS: Final = BY_NAME["TABLE_OUT_OF_BOUNDS"].number


def context_constant(f: FunctionState, type_: str, offset: int) -> str:
    """A field of the vmctx that never changes."""
    place = f.let(f"getelementptr i8, ptr %0, i64 {offset}")
    return f.let(f"load {type_}, ptr {place}, align 8{CONTEXT_CONSTANT}")


def field(f: FunctionState, type_: str, base: str, offset: int) -> str:
    """A field of something that the vmctx leads to."""
    place = f.let(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base
    return f.let(f"load {type_}, ptr {place}, align 8{CONTEXT_ACCESS}")


def global_get(f: FunctionState, word: int, a: int, b: int) -> None:
    view = f.view
    type_ = view.global_types[a]
    place = global_address(f, a)
    constant = not view.global_mutable[a]
    f.stack.append(f.let(f"load {type_}, ptr {place}, align 8{CONTEXT_CONSTANT if constant else CONTEXT_ACCESS}"))


def global_set(f: FunctionState, word: int, a: int, b: int) -> None:
    view = f.view
    place = global_address(f, a)
    f.out.append(f"store volatile {view.global_types[a]} {f.stack.pop()}, ptr {place}, align 8{CONTEXT_ACCESS}")


def global_address(f: FunctionState, index: int) -> str:
    view = f.view
    if index < view.imported_globals:
        return context_constant(f, "ptr", view.global_offsets[index])
    return f.let(f"getelementptr i8, ptr %0, i64 {view.global_offsets[index]}")


def element(f: FunctionState, index: str, table: int, kind: int) -> str:
    """The address of a table's element, checked."""
    definition = context_constant(f, "ptr", f.view.table_offsets[table])
    length = field(f, "i64", definition, TABLE_DEFINITION["length"].offset)
    wide = index if table in f.view.wide_tables else f.let(f"zext i32 {index} to i64")
    f.trap_if(f.let(f"icmp uge i64 {wide}, {length}"), kind)
    base = field(f, "ptr", definition, TABLE_DEFINITION["base"].offset)
    return f.let(f"getelementptr ptr, ptr {base}, i64 {wide}")


def ref_null(f: FunctionState, word: int, a: int, b: int) -> None:
    f.stack.append("null")


def ref_func(f: FunctionState, word: int, a: int, b: int) -> None:
    f.stack.append(f.let(f"getelementptr i8, ptr %0, i64 {f.view.record_offsets[a]}"))


def table_get(f: FunctionState, word: int, a: int, b: int) -> None:
    place = element(f, f.stack.pop(), a, TABLE_OUT_OF_BOUNDS)
    f.stack.append(f.let(f"load ptr, ptr {place}, align 8{CONTEXT_ACCESS}"))


def table_size(f: FunctionState, word: int, a: int, b: int) -> None:
    definition = context_constant(f, "ptr", f.view.table_offsets[a])
    length = field(f, "i64", definition, TABLE_DEFINITION["length"].offset)
    f.stack.append(length if a in f.view.wide_tables else f.let(f"trunc i64 {length} to i32"))
