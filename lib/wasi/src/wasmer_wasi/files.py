"""What can stand behind a file descriptor that is not a directory.

`File` is what every open file can do; each operation takes buffers that lie in the guest's
memory, so that nothing is copied on the way, and raises `OSError` or `WasiError` where it
cannot. Here are

* `HostFile`: a descriptor of the host, for files, terminals, pipes and devices;
* `Stream`: any Python file object, text or binary, or a callable. Programs write to a
  `BytesIO` or read from a `StringIO` without knowing.

Files of the in-memory file system are in `memory_filesystem`, sockets in `sockets`.
"""

from __future__ import annotations

import codecs
import fcntl
import io
import os
import stat
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, final

from wasmer_wasi.errno import EAGAIN, EBADF, EINVAL, ENOTSUP, EPERM, ESPIPE, WasiError
from wasmer_wasi.types import (
    FDFLAG_APPEND,
    FDFLAG_DSYNC,
    FDFLAG_NONBLOCK,
    FDFLAG_RSYNC,
    FDFLAG_SYNC,
    FILETYPE_BLOCK_DEVICE,
    FILETYPE_CHARACTER_DEVICE,
    FILETYPE_DIRECTORY,
    FILETYPE_REGULAR_FILE,
    FILETYPE_SOCKET_STREAM,
    FILETYPE_SYMBOLIC_LINK,
    FILETYPE_UNKNOWN,
)

Buffers = list[memoryview]

SEEK_SET: Final = 0
SEEK_CUR: Final = 1
SEEK_END: Final = 2


class Status(NamedTuple):
    """A filestat record's fields, in their order. Times are nanoseconds since 1970."""

    dev: int
    ino: int
    filetype: int
    nlink: int
    size: int
    atim: int
    mtim: int
    ctim: int


class File(Protocol):
    """An open file. Buffers are filled or written in turn; counts are bytes."""

    def read(self, buffers: Buffers) -> int: ...
    def write(self, buffers: Buffers) -> int: ...
    def read_at(self, buffers: Buffers, offset: int) -> int: ...
    def write_at(self, buffers: Buffers, offset: int) -> int: ...
    def seek(self, offset: int, whence: int) -> int: ...
    def status(self) -> Status: ...
    def set_size(self, size: int) -> None: ...
    def set_times(self, atim: int | None, mtim: int | None) -> None: ...
    def sync(self, *, data_only: bool) -> None: ...
    def allocate(self, offset: int, length: int) -> None: ...
    def advise(self, offset: int, length: int, advice: int) -> None: ...
    def set_flags(self, flags: int) -> None: ...
    def pollable(self) -> int:
        """A host descriptor that `poll` can wait for, or -1: always ready."""
        ...

    def available(self) -> int:
        """Bytes that can be read without waiting, as far as known."""
        ...

    def close(self) -> None: ...


class WasiFile(Protocol):
    """What a file of the user's own needs to stand for stdin, stdout or stderr.

    Any Python file object has it, and so has any class with these two; a file for one
    direction needs only that one. `seek`, `tell`, `truncate`, `flush` and `fileno` are used
    where they exist.
    """

    def read(self, size: int, /) -> bytes | str: ...
    def write(self, data: bytes, /) -> int | None: ...


FILETYPES: Final = {
    stat.S_IFREG: FILETYPE_REGULAR_FILE,
    stat.S_IFDIR: FILETYPE_DIRECTORY,
    stat.S_IFLNK: FILETYPE_SYMBOLIC_LINK,
    stat.S_IFCHR: FILETYPE_CHARACTER_DEVICE,
    stat.S_IFBLK: FILETYPE_BLOCK_DEVICE,
    stat.S_IFSOCK: FILETYPE_SOCKET_STREAM,
}
"""The host's kinds of file. A pipe has none in WASI: it is `FILETYPE_UNKNOWN`."""


def status_of(found: os.stat_result) -> Status:
    """The host's answer as WASI's record."""
    return Status(
        found.st_dev,
        found.st_ino,
        FILETYPES.get(stat.S_IFMT(found.st_mode), FILETYPE_UNKNOWN),
        found.st_nlink,
        found.st_size,
        found.st_atime_ns & _U64,
        found.st_mtime_ns & _U64,
        found.st_ctime_ns & _U64,
    )


_U64: Final = 0xFFFF_FFFF_FFFF_FFFF
_HOST_FLAGS: Final = (
    (FDFLAG_APPEND, os.O_APPEND),
    (FDFLAG_DSYNC, os.O_DSYNC),
    (FDFLAG_NONBLOCK, os.O_NONBLOCK),
    (FDFLAG_RSYNC, os.O_RSYNC),
    (FDFLAG_SYNC, os.O_SYNC),
)
_CHANGEABLE: Final = FDFLAG_APPEND | FDFLAG_NONBLOCK
_ADVICES: Final = (
    os.POSIX_FADV_NORMAL,
    os.POSIX_FADV_SEQUENTIAL,
    os.POSIX_FADV_RANDOM,
    os.POSIX_FADV_WILLNEED,
    os.POSIX_FADV_DONTNEED,
    os.POSIX_FADV_NOREUSE,
)


def host_flags(flags: int) -> int:
    """fdflags as the host's `open` takes them."""
    result = 0
    for flag, host in _HOST_FLAGS:
        if flags & flag:
            result |= host
    return result


@final
class HostFile:
    """A descriptor of the host.

    Attributes:
        host: its number; -1 when closed.
        owned: closed with this object. Inherited standard streams are not owned, and their
            flags, which other processes share, are never changed.
        read_only: opened below a read-only preopen.
    """

    __slots__ = ("host", "owned", "read_only")

    def __init__(self, host: int, *, owned: bool = True, read_only: bool = False) -> None:
        self.host = host
        self.owned = owned
        self.read_only = read_only

    def read(self, buffers: Buffers) -> int:
        return os.readv(self.host, buffers)

    def write(self, buffers: Buffers) -> int:
        return os.writev(self.host, buffers)

    def read_at(self, buffers: Buffers, offset: int) -> int:
        return os.preadv(self.host, buffers, offset)

    def write_at(self, buffers: Buffers, offset: int) -> int:
        return os.pwritev(self.host, buffers, offset)

    def seek(self, offset: int, whence: int) -> int:
        return os.lseek(self.host, offset, whence)

    def status(self) -> Status:
        return status_of(os.fstat(self.host))

    def set_size(self, size: int) -> None:
        os.ftruncate(self.host, size)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        if self.read_only:
            raise WasiError(EPERM)
        os.utime(self.host, ns=kept_times(os.fstat(self.host), atim, mtim))

    def sync(self, *, data_only: bool) -> None:
        if data_only:
            os.fdatasync(self.host)
        else:
            os.fsync(self.host)

    def allocate(self, offset: int, length: int) -> None:
        os.posix_fallocate(self.host, offset, length)

    def advise(self, offset: int, length: int, advice: int) -> None:
        os.posix_fadvise(self.host, offset, length, _ADVICES[advice])

    def set_flags(self, flags: int) -> None:
        if not self.owned:
            return
        now = fcntl.fcntl(self.host, fcntl.F_GETFL)
        fixed = host_flags(~_CHANGEABLE & 31)
        if host_flags(flags) & fixed & ~now:
            raise WasiError(EINVAL)  # a host cannot turn synchronous writing on for an open file
        changed = host_flags(_CHANGEABLE)
        fcntl.fcntl(self.host, fcntl.F_SETFL, now & ~changed | host_flags(flags) & changed)

    def pollable(self) -> int:
        return -1 if stat.S_ISREG(os.fstat(self.host).st_mode) else self.host

    def available(self) -> int:
        found = os.fstat(self.host)
        if stat.S_ISREG(found.st_mode):
            return max(found.st_size - os.lseek(self.host, 0, SEEK_CUR), 0)
        waiting = bytearray(4)
        try:
            fcntl.ioctl(self.host, _FIONREAD, waiting)
        except OSError:  # a device, or a listening socket, that cannot say
            return 1
        return int.from_bytes(waiting, "little")

    def close(self) -> None:
        host, self.host = self.host, -1
        if self.owned and host >= 0:
            os.close(host)

    def __del__(self) -> None:
        if getattr(self, "host", -1) >= 0:
            self.close()


_FIONREAD: Final = 0x541B


def kept_times(found: os.stat_result, atim: int | None, mtim: int | None) -> tuple[int, int]:
    """Both times, those that are None as they are now."""
    return (
        found.st_atime_ns if atim is None else atim,
        found.st_mtime_ns if mtim is None else mtim,
    )


@final
class Stream:
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
            raise WasiError(EBADF)
        if not buffers:
            return 0
        buffer = buffers[0]
        if self._read is not None:
            count = self._read(buffer)
            if count is None:
                raise WasiError(EAGAIN)
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
            raise WasiError(EBADF)
        if data is None:
            raise WasiError(EAGAIN)
        return data.encode() if isinstance(data, str) else bytes(data)

    def write(self, buffers: Buffers) -> int:
        if self._write is None:
            raise WasiError(EBADF)
        total = 0
        for buffer in buffers:
            count = self._write(buffer)
            if not isinstance(count, int):
                count = len(buffer)
            total += count
            if count < len(buffer):
                break
        return total

    def read_at(self, buffers: Buffers, offset: int) -> int:
        before = self.seek(0, SEEK_CUR)
        self.seek(offset, SEEK_SET)
        try:
            return self.read(buffers)
        finally:
            self.seek(before, SEEK_SET)

    def write_at(self, buffers: Buffers, offset: int) -> int:
        before = self.seek(0, SEEK_CUR)
        self.seek(offset, SEEK_SET)
        try:
            return self.write(buffers)
        finally:
            self.seek(before, SEEK_SET)

    def seek(self, offset: int, whence: int) -> int:
        if isinstance(self.target, io.TextIOBase) or not hasattr(self.target, "seek"):
            raise WasiError(ESPIPE)
        if hasattr(self.target, "seekable") and not self.target.seekable():
            raise WasiError(ESPIPE)
        self._left = b""
        position = self.target.seek(offset, whence)
        return position if isinstance(position, int) else self.target.tell()

    def status(self) -> Status:
        terminal = hasattr(self.target, "isatty") and self.target.isatty()
        return Status(0, 0, FILETYPE_CHARACTER_DEVICE if terminal else FILETYPE_UNKNOWN, 1, 0, 0, 0, 0)

    def set_size(self, size: int) -> None:
        if not hasattr(self.target, "truncate"):
            raise WasiError(EINVAL)
        self.target.truncate(size)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        raise WasiError(ENOTSUP)

    def sync(self, *, data_only: bool) -> None:
        if self.output and hasattr(self.target, "flush"):
            self.target.flush()

    def allocate(self, offset: int, length: int) -> None:
        raise WasiError(ENOTSUP)

    def advise(self, offset: int, length: int, advice: int) -> None:
        raise WasiError(ESPIPE)

    def set_flags(self, flags: int) -> None:
        pass

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
        if not getattr(self.target, "closed", False):
            self.sync(data_only=True)


def _reader_into(target: Any) -> Callable[[memoryview], int] | None:
    """What fills a buffer in place, where the object has such a thing."""
    if isinstance(target, io.TextIOBase):
        inner = getattr(target, "buffer", None)
        return None if inner is None else _reader_into(inner)
    read: Callable[[memoryview], int] | None = getattr(target, "readinto1", None) or getattr(target, "readinto", None)
    return read


def _writer_from(target: Any) -> Callable[[memoryview], Any] | None:
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


def _behind_text(target: Any, inner: Any) -> Callable[[memoryview], Any]:
    """Bytes to the binary file under a text file, after the text that is under way."""

    def write(buffer: memoryview) -> Any:
        target.flush()
        count = inner.write(buffer)
        inner.flush()
        return count

    return write


def _ignore(count: object) -> None:
    """A text file counts characters; the bytes were all taken."""
