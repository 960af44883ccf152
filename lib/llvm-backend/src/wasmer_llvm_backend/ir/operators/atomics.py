"""Atomic accesses (threads): LLVM's, sequentially consistent, on a shared memory; plain ones on others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from wasmer_llvm_backend.ir.operators.memory import address
from wasmer_llvm_backend.module_text import MEMORY_ACCESS
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.wasm.body.body import access_memory, access_offset
from wasmer_runtime_core.wasm.operators.rows import ATOMIC_PAGE, OPERATORS, Operator

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState

UNALIGNED: Final = BY_NAME["MISALIGNED_ATOMIC_ACCESS"].number
ORDER: Final = "seq_cst"


class Atomic(NamedTuple):
    """An operator.

    Attributes:
        verb: "fence", "load", "store", "cmpxchg", or what LLVM's `atomicrmw` calls it.
        type: of its values.
        part: the type in memory, of `size` bytes.
    """

    verb: str
    type: str
    part: str
    size: int


def _atomic(row: Operator) -> Atomic:
    words = row.mnemonic.split(".")
    verb = words[-1].split("_")[0] if "rmw" in row.mnemonic else words[-1].rstrip("_u0123456789")
    return Atomic(verb, "i64" if words[0] == "i64" else "i32", f"i{8 * row.access_bytes}", row.access_bytes)


ATOMICS: Final = {
    code: _atomic(row) for code, row in OPERATORS.items() if code & ~0xFF == ATOMIC_PAGE and not row.helper
}
"""By operator code, those that no helper carries out."""


def operator(f: FunctionState, row: Atomic, word: int, a: int, b: int) -> None:
    if row.verb == "fence":
        f.out.append(f"fence {ORDER}")
        return
    stack = f.stack
    replacement = narrow(f, row, stack.pop()) if row.verb == "cmpxchg" else ""
    value = "" if row.verb == "load" else narrow(f, row, stack.pop())
    index = stack.pop()
    need_alignment(f, row, index, a, access_memory(b))
    place = address(f, index, access_offset(a, b), access_memory(b), row.size)
    end = f", align {row.size}{MEMORY_ACCESS}{f.location()}"
    if access_memory(b) not in f.view.shared_memories:
        plain(f, row, place, value, replacement, end)
    elif row.verb == "load":
        push(f, row, f.let(f"load atomic {row.part}, ptr {place} {ORDER}{end}"))
    elif row.verb == "store":
        f.out.append(f"store atomic {row.part} {value}, ptr {place} {ORDER}{end}")
    elif row.verb == "cmpxchg":
        values = f"{row.part} {value}, {row.part} {replacement}"
        pair = f.let(f"cmpxchg volatile ptr {place}, {values} {ORDER} {ORDER}{end}")
        push(f, row, f.let(f"extractvalue {{ {row.part}, i1 }} {pair}, 0"))
    else:
        push(f, row, f.let(f"atomicrmw volatile {row.verb} ptr {place}, {row.part} {value} {ORDER}{end}"))


def plain(f: FunctionState, row: Atomic, place: str, value: str, replacement: str, end: str) -> None:
    """On a memory that nobody else has: read, compute, write."""
    was = ""
    if row.verb != "store":
        was = f.let(f"load {f.volatile}{row.part}, ptr {place}{end}")
    if row.verb == "cmpxchg":
        same = f.let(f"icmp eq {row.part} {was}, {value}")
        value = f.let(f"select i1 {same}, {row.part} {replacement}, {row.part} {was}")
    elif row.verb not in ("load", "store", "xchg"):
        value = f.let(f"{row.verb} {row.part} {was}, {value}")
    if row.verb != "load":
        f.out.append(f"store {f.volatile}{row.part} {value}, ptr {place}{end}")
    if was:
        push(f, row, was)


def need_alignment(f: FunctionState, row: Atomic, index: str, a: int, memory: int) -> None:
    """Trap where the address, an index and an offset of which `a` are the low bits, is not aligned."""
    mask = row.size - 1
    if not mask:
        return
    type_ = "i64" if memory in f.view.wide_memories else "i32"
    if a & mask:
        index = f.let(f"add {type_} {index}, {a & mask}")
    low = f.let(f"and {type_} {index}, {mask}")
    f.trap_if(f.let(f"icmp ne {type_} {low}, 0"), UNALIGNED)


def narrow(f: FunctionState, row: Atomic, value: str) -> str:
    """As much of a value as is in memory."""
    return value if row.part == row.type else f.let(f"trunc {row.type} {value} to {row.part}")


def push(f: FunctionState, row: Atomic, value: str) -> None:
    """What was in memory, zero-extended."""
    f.stack.append(value if row.part == row.type else f.let(f"zext {row.part} {value} to {row.type}"))
