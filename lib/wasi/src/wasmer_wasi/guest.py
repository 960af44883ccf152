"""The guest's memory, as host functions reach it.

Pointers and lengths arrive as signed 32-bit numbers and are masked. Every range is checked
before anything is read or written, so a call either happens or changes nothing; and numbers
that a guest can make large without paying for them are bounded before work begins.

No view of the memory outlives a call, since the memory's owner can give it back as soon as no view
exists: records are packed into the memory itself, short texts are copied, and the buffers
of reads and writes are released when the call ends. The memory is kept in the state; it only grows, so
a length that is too short for a range is the only sign needed that it has to be looked at anew.
"""

from __future__ import annotations

from struct import Struct

from wasmer_runtime_core.errors import ExportWrongType
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, Protocol
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_vfs.paths import MAX_PATH_BYTES
from wasmer_wasi.errno import EFAULT, EINVAL, ENAMETOOLONG, WasiError
from wasmer_wasi.no_memory import NoMemory

if TYPE_CHECKING:
    from wasmer_vfs.files import Buffers
    from wasmer_wasi.state import WasiState

U32: Final = 0xFFFF_FFFF
U64: Final = 0xFFFF_FFFF_FFFF_FFFF

FLAGS: Final = Struct("<H")
SIZE: Final = Struct("<I")
TIME: Final = Struct("<Q")
_IOVEC: Final = Struct("<II")

MAX_BUFFERS: Final = 1024
"""Iovecs that a call looks at, and the most buffers that the host takes in one call (`IOV_MAX`)."""
MAX_BYTES: Final = 0x7FFF_F000
"""Bytes of all buffers of a call, which may be the same ones many times; the most that the host takes in one call."""


class Context(Protocol):
    """What a host function gets first: core's `Ctx`, as far as it is used here."""

    data: Any

    def memory(self, which: int | str, /) -> Any: ...


def beyond(ctx: Context, state: WasiState, end: int) -> bool:
    """Whether `end` lies behind the memory's last byte, now that the memory may have grown."""
    state.memory = memory_of(ctx)
    state.memory_bytes = len(state.memory)
    return end > state.memory_bytes


def memory_of(ctx: Context) -> Any:
    """Where pointers lead: what the guest exports as ``memory`` (WASI's application ABI), else its first memory."""
    for which in ("memory", 0):
        try:
            return ctx.memory(which)
        except (LookupError, ExportWrongType) as failure:
            if raised_by_a_handler(failure):
                raise
    return NoMemory()


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


def path_text(ctx: Context, state: WasiState, pointer: int, length: int) -> bytes:
    """The bytes of a path, or of the text of a link.

    Raises:
        WasiError: EFAULT, they are not all in memory; ENAMETOOLONG, more than `MAX_PATH_BYTES`.
    """
    length &= U32
    pointer = check(ctx, state, pointer, length)
    if length > MAX_PATH_BYTES:
        raise WasiError(ENAMETOOLONG)
    text: bytes = state.memory.read(pointer, length)
    return text


def gather(ctx: Context, state: WasiState, iovs: int, count: int) -> Buffers:
    """The buffers of an array of iovecs, empty ones left out; `release` them when they are done with.

    Of more than `MAX_BUFFERS` iovecs, and of more than `MAX_BYTES`, the first ones are used, which makes a
    short read or write.

    Raises:
        WasiError: EFAULT, the array or one of the buffers is not all in memory; EINVAL, there are more than
            `MAX_BUFFERS` iovecs, and the first ones are all empty.
    """
    count &= U32
    start = check(ctx, state, iovs, _IOVEC.size * count)
    used = min(count, MAX_BUFFERS)
    ranges = []
    room = MAX_BYTES
    for pointer, length in _IOVEC.iter_unpack(state.memory.read(start, _IOVEC.size * used)):
        end = pointer + length
        if end > state.memory_bytes and beyond(ctx, state, end):
            raise WasiError(EFAULT)
        if length and room:
            ranges.append((pointer, pointer + min(length, room)))
            room -= min(length, room)
    if used < count and not ranges:
        raise WasiError(EINVAL)
    with memoryview(state.memory) as view:
        return [view[pointer:end] for pointer, end in ranges]
