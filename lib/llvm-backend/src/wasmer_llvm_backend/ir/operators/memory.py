"""Loads and stores (specification, section 4.4.7). What traps does so by itself, on the guard pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.ir.operators.context import context_constant, field
from wasmer_llvm_backend.ir.templates import Access
from wasmer_llvm_backend.module_text import CONTEXT_CONSTANT, MEMORY_ACCESS
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import MEMORY_DEFINITION, VMCTX
from wasmer_runtime_core.wasm.body.body import access_memory, access_offset
from wasmer_runtime_core.wasm.operators.rows import OPERATORS
from wasmer_runtime_core.wasm.types import PAGE_BYTES

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState

OUT_OF_BOUNDS: Final = BY_NAME["MEMORY_OUT_OF_BOUNDS"].number
PAGE_SHIFT: Final = PAGE_BYTES.bit_length() - 1
LANE_ACCESSES: Final = frozenset(row.code for row in OPERATORS.values() if row.immediate == "memarg lane")


def address(f: FunctionState, index: str, offset: int, memory: int, size: int) -> str:
    """Where an access goes; compared with the memory's length if that is wanted.

    Guard pages make the address depend on nothing but the index and the offset, so one that
    was computed on every way to here is taken again. LLVM would find it, at a price: half of
    what it is given to read is addresses.
    """
    if memory in f.view.checked_memories:
        is_wide = memory in f.view.wide_memories
        wide = index if is_wide else f.let(f"zext i32 {index} to i64")
        definition = context_constant(f, "ptr", f.view.memory_offsets[memory])
        length = field(f, "i64", definition, MEMORY_DEFINITION["length"].offset)
        if is_wide:  # where the access ends may be more than 64 bits hold
            end = f.let(f"add i64 {wide}, {offset + size}")
            f.trap_if(f.let(f"icmp ult i64 {end}, {offset + size}"), OUT_OF_BOUNDS)
        else:
            end = f.let(f"add nuw i64 {wide}, {offset + size}")
        f.trap_if(f.let(f"icmp ugt i64 {end}, {length}"), OUT_OF_BOUNDS)
        base = field(f, "ptr", definition, MEMORY_DEFINITION["base"].offset)
        place = f.let(f"getelementptr i8, ptr {base}, i64 {wide}")
        return f.let(f"getelementptr i8, ptr {place}, i64 {offset}") if offset else place
    found = f.places.get((memory, index, offset))
    if found is not None:
        return found
    if index[0] != "%":
        place = f.let(f"getelementptr i8, ptr {memory_base(f, memory)}, i64 {(int(index) & 0xFFFFFFFF) + offset}")
    elif offset:
        place = f.let(f"getelementptr i8, ptr {address(f, index, 0, memory, 0)}, i64 {offset}")
    else:
        wide = f.let(f"zext i32 {index} to i64")
        place = f.let(f"getelementptr i8, ptr {memory_base(f, memory)}, i64 {wide}")
    f.places[memory, index, offset] = place
    return place


def memory_base(f: FunctionState, memory: int) -> str:
    """Read in the entry block: it never changes while memories are reserved."""
    if memory in f.memory_bases:
        return f.memory_bases[memory]
    value = f"%memory{memory}"
    if memory == 0:
        f.head.append(f"%place0 = getelementptr i8, ptr %0, i64 {VMCTX['memory_base'].offset}")
    else:
        f.head.append(f"%pointer{memory} = getelementptr i8, ptr %0, i64 {f.view.memory_offsets[memory]}")
        f.head.append(f"%definition{memory} = load ptr, ptr %pointer{memory}, align 8{CONTEXT_CONSTANT}")
        f.head.append(
            f"%place{memory} = getelementptr i8, ptr %definition{memory}, i64 {MEMORY_DEFINITION['base'].offset}"
        )
    f.head.append(f"{value} = load ptr, ptr %place{memory}, align 8{CONTEXT_CONSTANT}")
    f.memory_bases[memory] = value
    return value


def volatile(f: FunctionState, b: int) -> str:
    """What a load or store says of itself.

    What is in a shared memory may be another thing at each look. LLVM gives a plain load that another thread's
    store meets no value at all, and might read twice what was read once: what an index was compared with need not be
    what is used then. A volatile access is one access. (*Unordered* ones would have to be aligned; these need not be.)
    """
    return "volatile " if f.volatile or access_memory(b) in f.view.shared_memories else ""


def load(f: FunctionState, access: Access, size: int, word: int, a: int, b: int) -> None:
    stack = f.stack
    vector = stack.pop() if (word & 0xFFFF) in LANE_ACCESSES else ""
    place = address(f, stack.pop(), access_offset(a, b), access_memory(b), size)
    value = f.let(f"load {volatile(f, b)}{access.memory}, ptr {place}, align 1{MEMORY_ACCESS}{f.location()}")
    f.loaded[value] = f.located
    f.load_places[f.located] = (place, size)
    if access.row is not None:
        value = f.template(access.row, value, vector, "", str(word >> 24))
    stack.append(value)


def store(f: FunctionState, access: Access, size: int, word: int, a: int, b: int) -> None:
    value = f.stack.pop()
    if access.row is not None:
        value = f.template(access.row, value, "", "", str(word >> 24))
    place = address(f, f.stack.pop(), access_offset(a, b), access_memory(b), size)
    # where a value comes from the same place, the load traps before the store could
    number = f.loaded.get(value, 0)
    location = f", !dbg !{number}" if f.load_places.get(number) == (place, size) else f.location()
    f.out.append(f"store {volatile(f, b)}{access.memory} {value}, ptr {place}, align 1{MEMORY_ACCESS}{location}")


def memory_size(f: FunctionState, word: int, a: int, b: int) -> None:
    definition = context_constant(f, "ptr", f.view.memory_offsets[a])
    length = field(f, "i64", definition, MEMORY_DEFINITION["length"].offset)
    pages = f.let(f"lshr i64 {length}, {PAGE_SHIFT}")
    f.stack.append(pages if a in f.view.wide_memories else f.let(f"trunc i64 {pages} to i32"))
