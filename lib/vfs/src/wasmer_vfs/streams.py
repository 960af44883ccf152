"""Python file objects as files of the guest.

A `Stream` stands before any file object, text or binary, or a callable: programs write to a
`BytesIO` or read from a `StringIO` without knowing. The object stays its owner's; closing the
guest's descriptor flushes it and leaves it open. It is a stream, whatever the object could do: no
seeking, no resizing.

What blocks in the object's own Python code is the object's affair: no deadline ends it before it
comes back. A file that is read without a buffer (`io.FileIO`) is waited for here.
"""

from __future__ import annotations

import codecs
import errno
import io
from _thread import RLock
from collections.abc import Callable
from typing import Any, Final, Protocol, final

from wasmer_vfs.errors import refusal
from wasmer_vfs.files import Buffers, Pieces, StreamFile, release
from wasmer_vfs.status import Status
from wasmer_vfs.waiting import PIECE_BYTES, look, wait_to_read


class FileObject(Protocol):
    """What an object of the user's own needs to stand for a stream.

    Any Python file object has it, and so has any class with these two; a file for one
    direction needs only that one. `flush` and `fileno` are used where they exist.
    """

    def read(self, size: int, /) -> bytes | str: ...
    def write(self, data: bytes, /) -> int | None: ...


@final
class Stream(StreamFile):
    """A Python file object, text or binary, or a callable.

    Reading asks for what is there now (`readinto1`, `read1`) where the object can tell, so a
    terminal or a pipe behind it stays interactive. A callable for input gets the number of
    bytes wanted and returns bytes, b"" at the end; one for output gets bytes.

    Attributes:
        target: the object.
        output: it is written to; else it is read.
    """

    __slots__ = ("_left", "_read", "_write", "output", "target")

    def __init__(self, target: Any, *, output: bool) -> None:
        self.target = target
        self.output = output
        self._left = b""
        self._read = None if output else _reader_into(target)
        self._write = _writer_from(target) if output else None

    def read(self, buffers: Buffers) -> int:
        if self.output:
            raise refusal(errno.EBADF)
        if not buffers:
            return 0
        buffer = buffers[0]
        if self._read is not None:
            if type(self.target) is io.FileIO and self.pollable() >= 0:
                wait_to_read(self.target.fileno())
            count = self._read(buffer)
            if count is None:
                raise refusal(errno.EAGAIN)
            return count
        data = self._left or self._more(len(buffer))
        count = min(len(data), len(buffer))
        buffer[:count] = data[:count]
        self._left = data[count:]
        return count

    def _more(self, wanted: int) -> bytes:
        """What a file object without `readinto`, or a callable, gives."""
        target = self.target
        if callable(target) and not hasattr(target, "read"):
            data = target(wanted)
        elif hasattr(target, "read"):
            data = (getattr(target, "read1", None) or target.read)(wanted)
        else:
            raise refusal(errno.EBADF)
        if data is None:
            raise refusal(errno.EAGAIN)
        return data.encode() if isinstance(data, str) else bytes(data)

    def write(self, buffers: Pieces) -> int:
        if self._write is None:
            raise refusal(errno.EBADF)
        total = 0
        for buffer in buffers:
            size = len(buffer)
            if size > PIECE_BYTES:
                count = self._write_in_pieces(self._write, buffer)
            else:
                count = self._write(buffer)
                if not isinstance(count, int):
                    count = size
            total += count
            if count < size:
                break
            if total >= PIECE_BYTES:
                look()
        return total

    def _write_in_pieces(self, write: Callable[[memoryview], Any], buffer: bytes | memoryview) -> int:
        total = 0
        with memoryview(buffer) as whole:
            for start in range(0, len(whole), PIECE_BYTES):
                piece = whole[start : start + PIECE_BYTES]
                try:
                    count = write(piece)
                finally:
                    release([piece])
                if not isinstance(count, int):
                    count = min(PIECE_BYTES, len(whole) - start)
                total += count
                if total < min(start + PIECE_BYTES, len(whole)):
                    break
                look()
        return total

    def status(self) -> Status:
        terminal = hasattr(self.target, "isatty") and self.target.isatty()
        return Status(0, 0, "character device" if terminal else "unknown", 1, 0, 0, 0, 0)

    def set_flags(self, flags: int) -> None:
        raise refusal(errno.EBADF)

    def pollable(self) -> int:
        try:
            host = self.target.fileno()
        except (AttributeError, OSError):
            return -1
        return host if isinstance(host, int) else -1

    def available(self) -> int:
        return len(self._left) or 1

    def close(self) -> None:
        """The object is its owner's: it is flushed, not closed."""
        if self.output and hasattr(self.target, "flush") and not getattr(self.target, "closed", False):
            self.target.flush()


@final
class Captured(StreamFile):
    """Output that is kept, which all who are given it add to, in whatever thread they run.

    Attributes:
        buffer: what there is of it.
        limit: the most bytes; what is beyond is ENOSPC.
    """

    __slots__ = ("_lock", "buffer", "limit")

    def __init__(self, limit: int) -> None:
        self.buffer = io.BytesIO()
        self.limit = limit
        self._lock = RLock()  # a signal's handler may run a program, too

    def read(self, buffers: Buffers) -> int:
        raise refusal(errno.EBADF)

    def write(self, buffers: Pieces) -> int:
        total = 0
        for data in buffers:
            with self._lock:
                room = max(self.limit - self.buffer.tell(), 0)
                if len(data) > room:
                    if room:
                        total += self.buffer.write(bytes(data[:room]))
                    if total:
                        return total
                    raise refusal(errno.ENOSPC)
                total += self.buffer.write(data)
            if total >= PIECE_BYTES:
                look()
        return total

    def status(self) -> Status:
        return Status(0, 0, "unknown", 1, 0, 0, 0, 0)

    def set_flags(self, flags: int) -> None:
        raise refusal(errno.EBADF)

    def pollable(self) -> int:
        return -1

    def available(self) -> int:
        return 1

    def close(self) -> None:
        pass


DEFAULT_CAPTURED_BYTES: Final = 1 << 30


def _reader_into(target: Any) -> Callable[[memoryview], int] | None:
    """What fills a buffer in place, where the object has such a thing."""
    if isinstance(target, io.TextIOBase):
        inner = getattr(target, "buffer", None)
        return None if inner is None else _reader_into(inner)
    read: Callable[[memoryview], int] | None = getattr(target, "readinto1", None) or getattr(target, "readinto", None)
    return read


def _writer_from(target: Any) -> Callable[[bytes | memoryview], Any] | None:
    """What writes a buffer; binary files take it as it lies in memory, others a copy."""
    if isinstance(target, (io.RawIOBase, io.BufferedIOBase)):
        return target.write
    write = getattr(target, "write", None) or (target if callable(target) else None)
    if write is None:
        return None
    if isinstance(target, io.TextIOBase):
        inner = getattr(target, "buffer", None)
        if inner is not None:
            return _behind_text(target, inner)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        return lambda buffer: _ignore(write(decode(bytes(buffer))))
    return lambda buffer: write(bytes(buffer))


def _behind_text(target: Any, inner: Any) -> Callable[[bytes | memoryview], Any]:
    """Bytes to the binary file under a text file, after the text that is under way."""

    def write(buffer: bytes | memoryview) -> Any:
        target.flush()
        count = inner.write(buffer)
        inner.flush()
        return count

    return write


def _ignore(count: object) -> None:
    """A text file counts characters; the bytes were all taken."""
