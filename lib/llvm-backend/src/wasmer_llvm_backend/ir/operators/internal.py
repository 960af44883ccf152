"""Operators that middlewares put into bodies: points and traces (core's `wasm.operators.internal`).

Points are read and written volatile: a trap, a call or the embedder must find what was used
up to there, and no pass may move the count past either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.ir.operators import calls
from wasmer_llvm_backend.module_text import CONTEXT_ACCESS
from wasmer_runtime_core.contract.helpers import SLOTS, VMCALLS
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import VMCTX
from wasmer_runtime_core.wasm.operators.internal import MOST_SIZE, SHARED
from wasmer_runtime_core.wasm.types import I64

if TYPE_CHECKING:
    from wasmer_llvm_backend.ir.function import FunctionState

POINTS_USED: Final = VMCTX["points_used"].offset
POINTS_AT: Final = VMCTX["points_at"].offset
_TRACE: Final = VMCALLS[SLOTS["trace"]]
EXECUTION_LIMIT_EXCEEDED: Final = BY_NAME["EXECUTION_LIMIT_EXCEEDED"].number


def _points(f: FunctionState, word: int) -> tuple[str, str]:
    """The address of the points used, and their number."""
    if (word >> 24) & 0xFF == SHARED:
        place = f.let(f"getelementptr i8, ptr %0, i64 {POINTS_AT}")
        place = f.let(f"load ptr, ptr {place}, align 8{CONTEXT_ACCESS}")
    else:
        place = f.let(f"getelementptr i8, ptr %0, i64 {POINTS_USED}")
    return place, f.let(f"load volatile i64, ptr {place}, align 8{CONTEXT_ACCESS}")


def add_points(f: FunctionState, word: int, a: int, b: int) -> None:
    """``points_used += a``."""
    place, used = _points(f, word)
    f.out.append(f"store volatile i64 {f.let(f'add i64 {used}, {a}')}, ptr {place}, align 8{CONTEXT_ACCESS}")


def add_points_by_size(f: FunctionState, word: int, a: int, b: int) -> None:
    """``points_used += (size << a) >> b``; the size stays where it is."""
    place, used = _points(f, word)
    if (word >> 16) & 0xFF == I64:
        size = f.let(f"call i64 @llvm.umin.i64(i64 {f.stack[-1]}, i64 {MOST_SIZE})")
    else:
        size = f.let(f"zext i32 {f.stack[-1]} to i64")
    if a:
        size = f.let(f"shl i64 {size}, {a}")
    if b:
        size = f.let(f"lshr i64 {size}, {b}")
    f.out.append(f"store volatile i64 {f.let(f'add i64 {used}, {size}')}, ptr {place}, align 8{CONTEXT_ACCESS}")


def check_points(f: FunctionState, word: int, a: int, b: int) -> None:
    """A trap if the points used reach the limit, both unsigned."""
    limit = (a & 0xFFFFFFFF) | (b << 32)
    f.trap_if(f.let(f"icmp uge i64 {_points(f, word)[1]}, {limit}"), EXECUTION_LIMIT_EXCEEDED)


def trace(f: FunctionState, word: int, a: int, b: int) -> None:
    """A call of the helper, with what the record holds as constants."""
    f.stack += [str((word >> 16) & 0xFF), str(a), str(b), str(f.offset)]
    calls.helper(f, _TRACE, 0, word, a, b)
