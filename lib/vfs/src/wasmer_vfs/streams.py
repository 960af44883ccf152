"""Python file objects as files of the guest.

A `Stream` stands before any file object, text or binary, or a callable: programs write to a
`BytesIO` or read from a `StringIO` without knowing. The object stays its owner's; closing the
guest's descriptor flushes it and leaves it open. It is a stream, whatever the object could do: no
seeking, no resizing.

What blocks in the object's own Python code is the object's affair: no deadline ends it before it
comes back. A file without a buffer (`io.FileIO`) is waited for here. Of an object that reads ahead, as
files with a buffer do, `peek` says how much there is that its descriptor does not know of.
"""

from __future__ import annotations

import codecs
import errno
import io
import os

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, Protocol, final
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import (
    Buffers,
    Pieces,
    StreamFile,
    may_wait,
    read_in_pieces,
    read_when_ready,
    release,
    write_in_pieces,
    write_when_ready,
)
from wasmer_vfs.status import Status
from wasmer_vfs.waiting import PIECE_BYTES, Interrupted, asked, lock_of, look, must_be_refusal, new_lock, plainly

if TYPE_CHECKING:
    from collections.abc import Callable


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
    terminal or a pipe behind it stays interactive, and never for more than some MiB. A callable for input
    gets the number of bytes wanted and returns bytes, b"" at the end; one for output gets bytes.

    An `OSError` of the object's own is a refusal; whatever else it raises ends the call, as `Interrupted`.

    Attributes:
        target: the object.
        output: it is written to; else it is read.
    """

    __slots__ = ("_ahead", "_left", "_peek", "_raw", "_read", "_shared", "_write", "output", "target")

    @plainly
    def __init__(self, target: Any, *, output: bool) -> None:
        self.target = target
        self.output = output
        self._left = b""
        self._ahead = 0
        self._raw = target if type(target) is io.FileIO else None
        self._shared = lock_of(target.fileno()) if self._raw is not None and may_wait(target.fileno()) else None
        self._read = None if output else _reader_into(target)
        self._write = _writer_from(target) if output else None
        self._peek = None if output or not self._waits() else _peek_of(target)

    def read(self, buffers: Buffers) -> int:
        if self.output:
            raise refusal(errno.EBADF)
        if not buffers:
            return 0
        buffer = buffers[0][:PIECE_BYTES]
        try:
            if self._raw is not None:
                count: int = self._asked(self._read_raw, self._raw, [buffer])
                return count
            return self._read_from_object(buffer)
        finally:
            release([buffer])

    def _read_raw(self, raw: io.FileIO, buffers: Buffers) -> int:
        if self._shared is None:
            return read_in_pieces(raw.fileno(), buffers)
        return read_when_ready(raw.fileno, self._shared, buffers)

    def _write_raw(self, raw: io.FileIO, buffers: Pieces) -> int:
        if self._shared is None:
            return write_in_pieces(raw.fileno(), buffers)
        return write_when_ready(raw.fileno, self._shared, buffers)

    def _read_from_object(self, buffer: memoryview) -> int:
        if self._read is None:
            data = self._left or self._more(len(buffer))
            count = min(len(data), len(buffer))
            buffer[:count] = data[:count]
            self._left = data[count:]
            return count
        if self._peek is not None:
            if not self._ahead:
                self._ahead = len(self._asked(self._peek, 1) or b"")
                if not self._ahead and os.get_blocking(self.pollable()):
                    return 0  # the end, which a terminal would have to be told once more
            buffer = buffer[: self._ahead or len(buffer)]
        try:
            count = self._asked(self._read, buffer)
            if count is None:
                raise refusal(errno.EAGAIN)
            self._ahead = max(self._ahead - count, 0)
            return self._checked(count, len(buffer))
        finally:
            release([buffer])

    def _more(self, wanted: int) -> bytes:
        """What a file object without `readinto`, or a callable, gives."""
        target = self.target
        if callable(target) and not hasattr(target, "read"):
            data = self._asked(target, wanted)
        elif hasattr(target, "read"):
            data = self._asked(getattr(target, "read1", None) or target.read, wanted)
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
            for start in range(0, len(buffer), PIECE_BYTES):
                piece = buffer if len(buffer) <= PIECE_BYTES else memoryview(buffer)[start : start + PIECE_BYTES]
                try:
                    count = self._write_piece(self._write, piece)
                except OSError as failure:  # told when nothing was written at all
                    must_be_refusal(failure)
                    if total:
                        return total
                    raise
                finally:
                    if piece is not buffer and isinstance(piece, memoryview):
                        release([piece])
                total += count
                if count < min(len(buffer) - start, PIECE_BYTES):
                    return total
                if total >= PIECE_BYTES:
                    look()
        return total

    def _write_piece(self, write: Callable[[bytes | memoryview], Any], piece: bytes | memoryview) -> int:
        size = len(piece)
        if self._raw is not None:
            count: int = self._asked(self._write_raw, self._raw, [piece])
            return count
        try:
            answer = self._asked(write, piece)
        except BlockingIOError as failure:
            must_be_refusal(failure)
            answer = getattr(failure, "characters_written", 0)
            if not answer:
                raise
        if answer is None and isinstance(self.target, io.RawIOBase):
            raise refusal(errno.EAGAIN)
        if not isinstance(answer, int) or isinstance(answer, bool):  # it does not count, and has taken all
            return size
        return self._checked(answer, size)

    def _asked(self, ask: Callable[..., Any], *given: Any) -> Any:
        """What the object answers; what its owner has closed refuses."""
        try:
            return asked(ask, *given)
        except Interrupted as interrupted:
            reason = interrupted.reason
            closed = isinstance(reason, ValueError) and getattr(self.target, "closed", False)
            if not closed or raised_by_a_handler(reason):
                raise
        raise refusal(errno.EBADF)

    def _checked(self, count: int, size: int) -> int:
        """
        Raises:
            RuntimeError: the object says that it has read or written more than it was given.
        """
        if 0 <= count <= size:
            return count
        what = "taken" if self.output else "given"
        raise RuntimeError(f"a {type(self.target).__name__} says that it has {what} {count} bytes of {size}")

    def status(self) -> Status:
        terminal = hasattr(self.target, "isatty") and self._asked(self.target.isatty)
        return Status(0, 0, "character device" if terminal else "unknown", 1, 0, 0, 0, 0)

    def set_flags(self, flags: int) -> None:
        raise refusal(errno.EBADF)

    def pollable(self) -> int:
        if self._left or self._ahead:
            return -1
        if not hasattr(self.target, "fileno"):
            return -1
        try:
            host = self._asked(self.target.fileno)
        except OSError as failure:
            must_be_refusal(failure)
            if getattr(self.target, "closed", False):
                raise
            return -1
        return host if isinstance(host, int) else -1

    def _waits(self) -> bool:
        """Whether it may have to wait for someone else, as far as it has a descriptor of the host."""
        try:
            return may_wait(self.pollable())
        except OSError as failure:
            must_be_refusal(failure)
            return False

    def available(self) -> int:
        return len(self._left) or self._ahead or 1

    def close(self) -> None:
        """The object is its owner's: it is flushed, not closed."""
        if self.output and hasattr(self.target, "flush") and not getattr(self.target, "closed", False):
            self._asked(self.target.flush)


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
        self._lock = new_lock()  # a signal's handler may run a program, too

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


def _peek_of(target: Any) -> Callable[[int], bytes] | None:
    """What shows the bytes that the object has read ahead, where it has such a thing."""
    if isinstance(target, io.TextIOBase):
        return _peek_of(getattr(target, "buffer", None))
    peek: Callable[[int], bytes] | None = getattr(target, "peek", None)
    return peek


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
