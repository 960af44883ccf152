"""What can stand behind a file descriptor that is not a directory, and the host's own files.

`File` is what every open file can do; each operation takes buffers that lie in the guest's
memory, so that nothing is copied on the way, and raises `OSError` or `WasiError` where it
cannot. `HostFile` is a descriptor of the host: a file, a terminal, a pipe, a device. Python
file objects are in `streams`, files in memory in `memory_filesystem`, sockets in `sockets`.
"""

from __future__ import annotations

import fcntl
import os
import stat
from typing import Final, NamedTuple, Protocol, final

from wasmer_wasi.errno import EINVAL, EPERM, WasiError
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
        owned: closed with this object.
        stream: a standard stream, inherited or the user's: its flags, which others share, are
            never changed, nor its times.
        read_only: opened below a read-only preopen.
    """

    __slots__ = ("host", "owned", "read_only", "stream")

    def __init__(self, host: int, *, owned: bool = True, stream: bool = False, read_only: bool = False) -> None:
        self.host = host
        self.owned = owned
        self.stream = stream
        self.read_only = read_only

    def read(self, buffers: Buffers) -> int:
        return os.readv(self.host, buffers)

    def write(self, buffers: Buffers) -> int:
        count = os.writev(self.host, buffers)
        return count if count == sum(map(len, buffers)) else write_rest(self.host, buffers, count)

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
        if self.read_only or self.stream:
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
        if self.stream:
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


def write_rest(host: int, buffers: Buffers, count: int) -> int:
    """Write on after `count` bytes, where a signal to this process cut a write to a full pipe short.

    Programs do not expect that, who know of no signals. Whatever else stopped it (a full disk, a pipe that
    would block) does so again, and is told when nothing was written at all.

    Returns:
        the bytes written in all.
    """
    while True:
        skipped = count
        rest = []
        for buffer in buffers:
            if skipped < len(buffer):
                rest.append(buffer[skipped:])
            skipped = max(skipped - len(buffer), 0)
        if not rest:
            return count
        try:
            more = os.writev(host, rest)
        except OSError:
            return count
        if not more:
            return count
        count += more


_FIONREAD: Final = 0x541B


def kept_times(found: os.stat_result, atim: int | None, mtim: int | None) -> tuple[int, int]:
    """Both times, those that are None as they are now."""
    return (
        found.st_atime_ns if atim is None else atim,
        found.st_mtime_ns if mtim is None else mtim,
    )
