"""The program's memory, as functions reach it.

Pointers and lengths arrive as signed 32-bit numbers and are masked; every range is checked before anything is read or
written. No view of the memory outlives a call. What does not lie in memory is EFAULT, an `OSError`: a call that answers
with error numbers tells the program, any other one ends it (`functions`).
"""

from __future__ import annotations

import errno
from struct import Struct
from typing import Any, Final, final
from weakref import ref

from wasmer_emscripten.numbers import must_be_answer
from wasmer_runtime_core.running.interrupts import check_interrupts
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import Buffers
from wasmer_vfs.waiting import PIECE_BYTES

U32: Final = 0xFFFF_FFFF
U64: Final = 0xFFFF_FFFF_FFFF_FFFF

MAX_BUFFERS: Final = 1024
"""Iovecs that a call looks at, as on the host (`IOV_MAX`)."""

MAX_BYTES: Final = 0x7FFF_F000
"""Bytes of all buffers of a call, which may be the same ones many times; the most that the host takes in one call."""

_U16: Final = Struct("<H")
_U32: Final = Struct("<I")
_I32: Final = Struct("<i")
_U64: Final = Struct("<Q")
_F64: Final = Struct("<d")
_IOVEC: Final = Struct("<II")
_CHUNK: Final = 256


class NoMemory(bytearray):
    """Stands for the memory of a program that has none, or none yet: no range but the empty one lies in it."""

    def read(self, offset: int, length: int) -> bytes:
        return b""

    def write(self, offset: int, data: bytes) -> None:
        pass


@final
class Guest:
    """The memory of one program.

    It only grows, so a length that is too short for a range is the only sign needed that it has to be looked at anew:
    `check` does, and so comes first, before `memory` is used.

    Attributes:
        owner: the context of the program's instance, weakly; None until there is one.
        memory: as last seen.
        size: its length then.
    """

    __slots__ = ("memory", "owner", "size")

    def __init__(self) -> None:
        self.owner: ref[Any] | None = None
        self.memory: Any = NoMemory()
        self.size = 0

    def belong_to(self, ctx: Any) -> None:
        """Be the memory of the instance of this context."""
        self.owner = ref(ctx)
        self.memory = NoMemory()
        self.size = 0

    @property
    def context(self) -> Any:
        """The context of the program's instance.

        Raises:
            ReferenceError: it is gone, or there was none.
        """
        ctx = None if self.owner is None else self.owner()
        if ctx is None:
            raise ReferenceError("the program's instance is gone")
        return ctx

    def look(self) -> int:
        """Bytes that the memory has now."""
        try:
            self.memory = self.context.memory(0)
        except (LookupError, ReferenceError) as none:
            must_be_answer(none)
            self.memory = NoMemory()
        self.size = len(self.memory)
        return self.size

    def check(self, pointer: int, length: int) -> int:
        """The unsigned value of a pointer to `length` bytes that are all in memory.

        Raises:
            OSError: EFAULT, they are not.
        """
        pointer &= U32
        end = pointer + length
        if end > self.size and end > self.look():
            raise refusal(errno.EFAULT)
        return pointer

    # --- bytes

    def read(self, pointer: int, length: int) -> bytes:
        """A copy of some bytes. `length` is a number that this package has bounded."""
        pointer = self.check(pointer, length)
        data: bytes = self.memory.read(pointer, length)
        return data

    def write(self, pointer: int, data: bytes | memoryview) -> None:
        """Write all of `data`, or nothing."""
        pointer = self.check(pointer, len(data))
        self.memory.write(pointer, data)

    def view(self, pointer: int, length: int) -> memoryview:
        """A range of the memory itself, to be released when the call ends."""
        pointer = self.check(pointer, length)
        with memoryview(self.memory) as whole:
            return whole[pointer : pointer + length]

    def gather(self, iovs: int, count: int) -> Buffers:
        """The buffers of an array of iovecs, empty ones left out; `release` them when they are done with.

        Of more than `MAX_BUFFERS`, and of more than `MAX_BYTES`, the first ones are used, which makes a short read or
        write.

        Raises:
            OSError: EFAULT, one of them is not all in memory; EINVAL, a negative count, or more than `MAX_BUFFERS` of
                which the first ones are all empty.
        """
        if count < 0:
            raise refusal(errno.EINVAL)
        iovs = self.check(iovs, _IOVEC.size * count)
        used = min(count, MAX_BUFFERS)
        ranges = []
        room = MAX_BYTES
        for pointer, length in _IOVEC.iter_unpack(self.memory.read(iovs, _IOVEC.size * used)):
            self.check(pointer, length)
            length = min(length, room)
            if length:
                ranges.append((pointer, pointer + length))
                room -= length
        if used < count and not ranges:
            raise refusal(errno.EINVAL)
        with memoryview(self.memory) as whole:
            return [whole[start:end] for start, end in ranges]

    def string(self, pointer: int, most: int) -> bytes:
        """The bytes before the next NUL.

        Raises:
            OSError: EFAULT, there is none in memory; ENAMETOOLONG, more than `most` bytes before it.
        """
        start = at = self.check(pointer, 1)
        wanted = _CHUNK
        while at - start <= most:
            if at + wanted > self.size:
                self.look()
            piece: bytes = self.memory.read(at, min(wanted, self.size - at))
            end = piece.find(0)
            if end >= 0:
                if at + end - start > most:
                    break
                return bytes(self.memory.read(start, at + end - start))
            if len(piece) < wanted:
                raise refusal(errno.EFAULT)
            at += wanted
            if wanted < PIECE_BYTES:
                wanted *= 2  # most are short, and a long one is no more steps than its size needs
            else:
                check_interrupts()
        raise refusal(errno.ENAMETOOLONG)

    # --- numbers

    def u32(self, pointer: int) -> int:
        pointer = self.check(pointer, 4)
        value: int = _U32.unpack_from(self.memory, pointer)[0]
        return value

    def i32(self, pointer: int) -> int:
        pointer = self.check(pointer, 4)
        value: int = _I32.unpack_from(self.memory, pointer)[0]
        return value

    def u64(self, pointer: int) -> int:
        pointer = self.check(pointer, 8)
        value: int = _U64.unpack_from(self.memory, pointer)[0]
        return value

    def f64(self, pointer: int) -> float:
        pointer = self.check(pointer, 8)
        value: float = _F64.unpack_from(self.memory, pointer)[0]
        return value

    def put_u16(self, pointer: int, value: int) -> None:
        pointer = self.check(pointer, 2)
        _U16.pack_into(self.memory, pointer, value & 0xFFFF)

    def put_u32(self, pointer: int, value: int) -> None:
        pointer = self.check(pointer, 4)
        _U32.pack_into(self.memory, pointer, value & U32)

    def put_u64(self, pointer: int, value: int) -> None:
        pointer = self.check(pointer, 8)
        _U64.pack_into(self.memory, pointer, value & U64)

    def unpack(self, layout: Struct, pointer: int) -> tuple[Any, ...]:
        """The fields of a record."""
        pointer = self.check(pointer, layout.size)
        return layout.unpack_from(self.memory, pointer)

    def pack(self, layout: Struct, pointer: int, *values: Any) -> None:
        """Write a record."""
        pointer = self.check(pointer, layout.size)
        layout.pack_into(self.memory, pointer, *values)
