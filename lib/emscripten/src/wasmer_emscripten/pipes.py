"""Pipes between parts of one program.

A program has one thread: who waits for its own pipe would wait for ever. So reading an empty pipe whose other end is
open, and writing to a full one, is EAGAIN, whatever was asked for, as with emcc's own file system.
"""

from __future__ import annotations

import errno
import itertools
from typing import Final, final

from wasmer_vfs.errors import refusal
from wasmer_vfs.files import Buffers, Pieces, StreamFile
from wasmer_vfs.status import Status

PIPE_BYTES: Final = 65_536
"""What a pipe holds at most, as on Linux."""
DEVICE: Final = 6

_numbers: Final = itertools.count(1)


@final
class _Bytes:
    """What is in a pipe, and which of its ends are open."""

    __slots__ = ("data", "number", "readable", "writable")

    def __init__(self) -> None:
        self.data = bytearray()
        self.readable = True
        self.writable = True
        self.number = next(_numbers) & 0x7FFF_FFFF


@final
class PipeEnd(StreamFile):
    """One end of a pipe."""

    __slots__ = ("_inside", "writing")

    def __init__(self, inside: _Bytes, *, writing: bool) -> None:
        self._inside = inside
        self.writing = writing

    def read(self, buffers: Buffers) -> int:
        inside = self._inside
        if self.writing:
            raise refusal(errno.EBADF)
        if not inside.data and inside.writable and buffers:
            raise refusal(errno.EAGAIN)
        total = 0
        for buffer in buffers:
            count = min(len(buffer), len(inside.data))
            buffer[:count] = inside.data[:count]
            del inside.data[:count]
            total += count
        return total

    def write(self, buffers: Pieces) -> int:
        inside = self._inside
        if not self.writing:
            raise refusal(errno.EBADF)
        if not inside.readable:
            raise refusal(errno.EPIPE)
        total = 0
        for data in buffers:
            room = PIPE_BYTES - len(inside.data)
            if data and not room:
                if total:
                    break
                raise refusal(errno.EAGAIN)
            piece = bytes(data[:room])
            inside.data += piece
            total += len(piece)
        return total

    def status(self) -> Status:
        return Status(DEVICE, self._inside.number, "pipe", 1, len(self._inside.data), 0, 0, 0)

    def set_flags(self, flags: int) -> None:
        pass

    def pollable(self) -> int:
        return -1

    def available(self) -> int:
        return 0 if self.writing else len(self._inside.data)

    @property
    def ready(self) -> bool:
        """Whether reading, or writing, would do something now."""
        if self.writing:
            return not self._inside.readable or len(self._inside.data) < PIPE_BYTES
        return bool(self._inside.data) or not self._inside.writable

    @property
    def hung_up(self) -> bool:
        """Whether nobody has the other end."""
        return not (self._inside.readable if self.writing else self._inside.writable)

    def close(self) -> None:
        if self.writing:
            self._inside.writable = False
        else:
            self._inside.readable = False


def pipe() -> tuple[PipeEnd, PipeEnd]:
    """The ends to read from and to write to."""
    inside = _Bytes()
    return PipeEnd(inside, writing=False), PipeEnd(inside, writing=True)
