"""The guest's memory, as host functions reach it.

Pointers and lengths arrive as signed 32-bit numbers and are masked. Every range is checked
before anything is read or written, so a call either happens or changes nothing. The view of
the memory is kept in the state; a memory only grows and its bytes do not move, so a view
that is too short for a range is the only sign needed that it has to be made anew.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final, Protocol

from wasmer_wasi.errno import EFAULT, WasiError

if TYPE_CHECKING:
    from wasmer_wasi.files import Buffers
    from wasmer_wasi.state import WasiState

U32: Final = 0xFFFF_FFFF
U64: Final = 0xFFFF_FFFF_FFFF_FFFF

SIZE: Final = Struct("<I")
TIME: Final = Struct("<Q")
_IOVEC: Final = Struct("<II")

MAX_BUFFERS: Final = 1024
"""Most buffers that the host takes in one call."""


class Context(Protocol):
    """What a host function gets first: core's `Ctx`, as far as it is used here."""

    data: WasiState

    def memory(self, index: int) -> Any: ...


def beyond(ctx: Context, state: WasiState, end: int) -> bool:
    """Whether `end` lies behind the memory's last byte, now that the memory may have grown."""
    try:
        view = memoryview(ctx.memory(0))
    except (IndexError, KeyError, LookupError):  # a module without a memory
        view = memoryview(bytearray())
    state.view = view if view.format == "B" else view.cast("B")
    state.memory_bytes = len(state.view)
    return end > state.memory_bytes


def span(ctx: Context, state: WasiState, pointer: int, length: int) -> memoryview:
    """The bytes of a range.

    Raises:
        WasiError: EFAULT, it is not all in memory.
    """
    pointer &= U32
    end = pointer + (length & U32)
    if end > state.memory_bytes and beyond(ctx, state, end):
        raise WasiError(EFAULT)
    return state.view[pointer:end]


def check(ctx: Context, state: WasiState, pointer: int, length: int) -> int:
    """The unsigned value of a pointer to `length` bytes (any int) that are all in memory.

    Raises:
        WasiError: EFAULT, they are not.
    """
    pointer &= U32
    end = pointer + length
    if end > state.memory_bytes and beyond(ctx, state, end):
        raise WasiError(EFAULT)
    return pointer


def gather(ctx: Context, state: WasiState, iovs: int, count: int) -> Buffers:
    """The buffers of an array of iovecs, empty ones left out, `MAX_BUFFERS` at the most.

    Raises:
        WasiError: EFAULT, the array or one of its buffers is not all in memory.
    """
    buffers: Buffers = []
    size = _IOVEC.size * (count & U32)
    start = check(ctx, state, iovs, size)
    for pointer, length in _IOVEC.iter_unpack(state.view[start : start + size]):
        end = pointer + length
        if end > state.memory_bytes and beyond(ctx, state, end):
            raise WasiError(EFAULT)
        if length and len(buffers) < MAX_BUFFERS:
            buffers.append(state.view[pointer:end])
    return buffers
