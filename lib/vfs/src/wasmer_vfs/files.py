"""What can stand behind a file descriptor that is not a directory, and the host's own files.

`File` is what every open file can do; each operation takes buffers that lie in the guest's
memory, so that nothing is copied on the way, and raises `OSError` where it cannot. `HostFile` is a
file of the host that a guest has opened: a regular one, a pipe, a device. `HostStream` is a
descriptor that the host lends for a standard stream. Python file objects are in `streams`, files
in memory in `memory_files`, sockets in `sockets`.

No operation blocks in the system's call: what may have to wait does so where deadlines,
cancellations and signals are seen (`waiting`).
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
from _thread import RLock

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, Protocol, TypeAlias, final
from wasmer_vfs.errors import refusal
from wasmer_vfs.status import Kind, Status, kept_times, status_of
from wasmer_vfs.waiting import (
    PIECE_BYTES,
    is_ready,
    lock_of,
    look,
    must_be_refusal,
    wait_to_read,
    wait_to_write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Buffers = list[memoryview]
"""What is read into."""
Pieces: TypeAlias = "Sequence[bytes | memoryview]"
"""What is written."""


def release(buffers: Buffers) -> None:
    """Let go of the memory, but for what a file object of the user's own has kept of it."""
    for buffer in buffers:
        try:
            buffer.release()
        except BufferError as failure:  # a view of this view is kept: it is the user's
            must_be_refusal(failure)


class File(Protocol):
    """An open file. Buffers are filled or written in turn; counts are bytes.

    `seek` takes `os.SEEK_SET` …, `advise` `os.POSIX_FADV_NORMAL` …, `set_flags` those flags of `os.open` that say how
    a file is written and waited for (`os.O_APPEND`, `os.O_NONBLOCK`, `os.O_SYNC` …); the rest are then off.

    Attributes:
        direct: a descriptor of the host that can be read and written without waiting, or -1.
        seekable: it has positions; else it is a stream.
    """

    @property
    def direct(self) -> int: ...
    @property
    def seekable(self) -> bool: ...
    def read(self, buffers: Buffers) -> int: ...
    def write(self, buffers: Pieces) -> int: ...
    def read_at(self, buffers: Buffers, offset: int) -> int: ...
    def write_at(self, buffers: Pieces, offset: int) -> int: ...
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


@final
class Owned(list[int]):
    """Descriptors of the host that are closed with this object, if nobody has closed them before.

    It is made before anything is opened, and what is opened goes into it without a step of Python in between
    (``owned.extend(map(open, …))``), where a signal's handler could raise. So no descriptor is lost, and none is closed
    twice, which would close another's.
    """

    __slots__ = ()

    def close(self) -> None:
        while self:
            list(map(os.close, map(self.pop, _LAST)))  # again without a step in between

    __del__ = close

    def close_first(self) -> None:
        """The others stay open."""
        list(map(os.close, map(self.pop, _FIRST)))


_CHANGEABLE: Final = os.O_APPEND | os.O_NONBLOCK
"""What can be set and taken back while a file is open."""
_FIRST: Final = (0,)
_LAST: Final = (-1,)


class StreamFile:
    """What a file cannot do that has no positions: the base of streams and sockets."""

    __slots__ = ()

    direct = -1
    seekable = False

    def read_at(self, buffers: Buffers, offset: int) -> int:
        raise refusal(errno.ESPIPE)

    def write_at(self, buffers: Pieces, offset: int) -> int:
        raise refusal(errno.ESPIPE)

    def seek(self, offset: int, whence: int) -> int:
        raise refusal(errno.ESPIPE)

    def set_size(self, size: int) -> None:
        raise refusal(errno.EINVAL)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        raise refusal(errno.ENOTSUP)

    def sync(self, *, data_only: bool) -> None:
        raise refusal(errno.EINVAL)

    def allocate(self, offset: int, length: int) -> None:
        raise refusal(errno.ESPIPE)

    def advise(self, offset: int, length: int, advice: int) -> None:
        raise refusal(errno.ESPIPE)


@final
class HostStream(StreamFile):
    """A descriptor of the host that is lent to a guest as a standard stream.

    It is a stream whatever it leads to: a log that standard output is sent to is only added to, where the
    host's own position is. Its flags and times, which others share, are never changed, and nothing is told
    of the file behind it.

    Attributes:
        host: its number; -1 when closed. It is closed with this object if that is given what owns it.
    """

    __slots__ = ("_owned", "_shared", "direct", "host")

    def __init__(self, host: int | Owned) -> None:
        self._owned = host if isinstance(host, Owned) else Owned()
        host = host[0] if isinstance(host, Owned) else host
        self._shared = lock_of(host)
        self.host = host
        self.direct = -1 if may_wait(host) else host

    def _number(self) -> int:
        return self.host

    def read(self, buffers: Buffers) -> int:
        if self.direct >= 0:
            return read_in_pieces(self.host, buffers)
        return read_when_ready(self._number, self._shared, buffers)

    def write(self, buffers: Pieces) -> int:
        if self.direct >= 0:
            return write_in_pieces(self.host, buffers)
        return write_when_ready(self._number, self._shared, buffers)

    def status(self) -> Status:
        kind: Kind = "character device" if os.isatty(self.host) else "unknown"
        return Status(0, 0, kind, 1, 0, 0, 0, 0)

    def set_flags(self, flags: int) -> None:
        raise refusal(errno.EBADF)

    def pollable(self) -> int:
        return -1 if self.direct >= 0 else self.host

    def available(self) -> int:
        return bytes_waiting(self.host)

    def close(self) -> None:
        self.host = self.direct = -1
        self._owned.close()


def read_when_ready(number: Callable[[], int], lock: RLock, buffers: Buffers) -> int:
    """Read from a stream that the host lends, whose flags say that its calls wait.

    Args:
        number: its descriptor, asked for at each step, since its owner may close it.
        lock: held from the look whether it is ready to the call, which then does not wait for what another thread
            took.
    """
    while buffers:
        try:
            with lock:
                host = number()
                if is_ready(host, select.POLLIN):
                    return os.readv(host, buffers)
        except BlockingIOError as failure:
            must_be_refusal(failure)
        wait_to_read(number())
    return 0


def write_when_ready(number: Callable[[], int], lock: RLock, buffers: Pieces) -> int:
    """Write all of it to a stream that the host lends; the arguments are those of `read_when_ready`."""
    total = 0
    size: int = _TERMINAL_BYTES if os.isatty(number()) else select.PIPE_BUF
    for buffer in buffers:
        with memoryview(buffer) as whole:
            for start in range(0, len(whole), size):
                try:
                    with whole[start : start + size] as piece:
                        total += _write_little(number, lock, piece)
                except OSError as failure:  # told when nothing was written at all
                    must_be_refusal(failure)
                    if total:
                        return total
                    raise
    return total


def _write_little(number: Callable[[], int], lock: RLock, piece: memoryview) -> int:
    """So little that the host takes it at once when it says that there is room."""
    while True:
        try:
            with lock:
                host = number()
                if is_ready(host, select.POLLOUT):
                    return os.write(host, piece)
        except BlockingIOError as failure:
            must_be_refusal(failure)
        wait_to_write(number())


_TERMINAL_BYTES: Final = 256
"""Bytes that a terminal takes at once when it takes any."""
_MEMORY_DEVICES: Final = 1
"""The major number of /dev/null and its like, which are always ready."""


def may_wait(host: int) -> bool:
    """Whether reading or writing a descriptor of the host may have to wait for someone else."""
    return _may_wait(os.fstat(host))


def _may_wait(found: os.stat_result) -> bool:
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFCHR:
        return os.major(found.st_rdev) != _MEMORY_DEVICES
    return kind not in (stat.S_IFREG, stat.S_IFBLK, stat.S_IFDIR)


def bytes_waiting(host: int) -> int:
    """Bytes that can be read from a descriptor of the host without waiting, as far as it can say; else 1."""
    found = os.fstat(host)
    if stat.S_ISREG(found.st_mode):
        return max(found.st_size - os.lseek(host, 0, os.SEEK_CUR), 0)
    waiting = bytearray(4)
    try:
        fcntl.ioctl(host, _FIONREAD, waiting)
    except OSError as failure:  # a device, or a listening socket, that cannot say
        must_be_refusal(failure)
        return 1
    return int.from_bytes(waiting, "little")


@final
class HostFile:
    """A file of the host that was opened for this guest alone.

    What may have to wait (a pipe, a terminal) was opened so that the host never waits itself, whatever the guest
    asked for; `nonblocking` says what that was.

    Attributes:
        host: its number; -1 when closed.
        read_only: opened below a read-only preopen.
        nonblocking: what would have to wait is EAGAIN.
    """

    __slots__ = ("_owned", "direct", "host", "nonblocking", "read_only", "seekable")

    def __init__(
        self, owned: Owned, found: os.stat_result, *, nonblocking: bool = False, read_only: bool = False
    ) -> None:
        self._owned = owned
        self.host = host = owned[0]
        self.read_only = read_only
        self.nonblocking = nonblocking
        regular = stat.S_ISREG(found.st_mode)
        self.direct = host if regular or not _may_wait(found) else -1
        self.seekable = regular or _has_position(host)

    def read(self, buffers: Buffers) -> int:
        if self.direct >= 0:
            return read_in_pieces(self.host, buffers)
        while buffers:
            if not self.nonblocking:
                wait_to_read(self.host)  # first of all, for a pipe that nobody has opened to write is at its end, too
            try:
                return os.readv(self.host, buffers)
            except BlockingIOError as failure:
                must_be_refusal(failure)
                if self.nonblocking:
                    raise
        return 0

    def write(self, buffers: Pieces) -> int:
        if self.direct >= 0:
            return write_in_pieces(self.host, buffers)
        total = 0
        for buffer in buffers:
            start = 0
            while start < len(buffer):
                try:
                    with memoryview(buffer)[start:] as rest:
                        start += os.write(self.host, rest)
                except OSError as failure:  # told when nothing was written at all
                    must_be_refusal(failure)
                    if self.nonblocking or not isinstance(failure, BlockingIOError):
                        if total + start:
                            return total + start
                        raise
                    wait_to_write(self.host)
            total += start
        return total

    def read_at(self, buffers: Buffers, offset: int) -> int:
        if offset < 0:
            raise refusal(errno.EINVAL)
        return read_in_pieces(self.host, buffers, offset)

    def write_at(self, buffers: Pieces, offset: int) -> int:
        if offset < 0:
            raise refusal(errno.EINVAL)
        return write_in_pieces(self.host, buffers, offset)

    def seek(self, offset: int, whence: int) -> int:
        return os.lseek(self.host, offset, whence)

    def status(self) -> Status:
        return status_of(os.fstat(self.host))

    def set_size(self, size: int) -> None:
        os.ftruncate(self.host, size)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        if self.read_only:
            raise refusal(errno.EPERM)
        os.utime(self.host, ns=kept_times(os.fstat(self.host), atim, mtim))

    def sync(self, *, data_only: bool) -> None:
        if data_only:
            os.fdatasync(self.host)
        else:
            os.fsync(self.host)

    def allocate(self, offset: int, length: int) -> None:
        """In pieces: where the host's file system cannot do it at once, it is done block by block."""
        system = os.fstatvfs(self.host)
        if offset < 0 or length <= 0:
            raise refusal(errno.EINVAL)
        if max(offset + length - os.fstat(self.host).st_size, 0) > system.f_frsize * system.f_bavail:
            raise refusal(errno.ENOSPC)
        for start in range(offset, offset + length, PIECE_BYTES):
            os.posix_fallocate(self.host, start, min(PIECE_BYTES, offset + length - start))
            look()

    def advise(self, offset: int, length: int, advice: int) -> None:
        if advice == os.POSIX_FADV_WILLNEED:  # which the host begins to read at once, as much as it may be
            length = min(length or PIECE_BYTES, PIECE_BYTES)
        os.posix_fadvise(self.host, offset, length, advice)

    def set_flags(self, flags: int) -> None:
        now = fcntl.fcntl(self.host, fcntl.F_GETFL)
        if flags & ~_CHANGEABLE & ~now:
            raise refusal(errno.EINVAL)  # a host cannot turn synchronous writing on for an open file
        fcntl.fcntl(self.host, fcntl.F_SETFL, now & ~os.O_APPEND | flags & os.O_APPEND)
        self.nonblocking = bool(flags & os.O_NONBLOCK)

    def pollable(self) -> int:
        return -1 if self.direct >= 0 else self.host

    def available(self) -> int:
        return bytes_waiting(self.host)

    def close(self) -> None:
        self.host = self.direct = -1
        self._owned.close()


def _has_position(host: int) -> bool:
    try:
        os.lseek(host, 0, os.SEEK_CUR)
    except OSError as failure:
        must_be_refusal(failure)
        return False
    return True


def read_in_pieces(host: int, buffers: Buffers, offset: int = -1) -> int:
    """Read at the position, or at an offset; what is large with looks in between whether the call must end."""
    if sum(map(len, buffers)) <= PIECE_BYTES:
        return os.readv(host, buffers) if offset < 0 else os.preadv(host, buffers, offset)
    total = 0
    for buffer in buffers:
        for start in range(0, len(buffer), PIECE_BYTES):
            with buffer[start : start + PIECE_BYTES] as piece:
                count = os.readv(host, [piece]) if offset < 0 else os.preadv(host, [piece], offset + total)
                total += count
                if count < len(piece):
                    return total
            look()
    return total


def write_in_pieces(host: int, buffers: Pieces, offset: int = -1) -> int:
    """Write at the position, or at an offset; what is large with looks in between whether the call must end."""
    if sum(map(len, buffers)) <= PIECE_BYTES:
        return os.writev(host, buffers) if offset < 0 else os.pwritev(host, buffers, offset)
    total = 0
    for buffer in buffers:
        for start in range(0, len(buffer), PIECE_BYTES):
            with memoryview(buffer)[start : start + PIECE_BYTES] as piece:
                try:
                    count = os.write(host, piece) if offset < 0 else os.pwrite(host, piece, offset + total)
                except OSError as failure:
                    must_be_refusal(failure)
                    if total:
                        return total
                    raise
                total += count
                if count < len(piece):
                    return total
            look()
    return total


_FIONREAD: Final = 0x541B
