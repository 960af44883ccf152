"""Files, and what they and directories in memory are made of: nodes of a tree, under the limits of its volume."""

from __future__ import annotations

import errno
import itertools
import os
import time

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, TypeVar, final
from wasmer_runtime_core.support.functions import wraps
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import Buffers, Pieces
from wasmer_vfs.status import Kind, Status
from wasmer_vfs.waiting import PIECE_BYTES, look, new_lock

if TYPE_CHECKING:
    from collections.abc import Callable

NODE_BYTES: Final = 256
"""What a file, directory or link counts for, so that empty ones fill the limit of bytes, too."""
NAME_BYTES: Final = 128
"""What a name counts for besides its own bytes, so that many names of one file do."""
_ZEROS: Final = bytes(1 << 20)

_devices: Final = itertools.count(1)


@final
class Volume:
    """What all nodes of one tree share.

    Attributes:
        used, limit: bytes.
        names, limit_names: names of files, directories and links.
        lock: held by every operation on the tree.
    """

    __slots__ = ("device", "limit", "limit_names", "lock", "names", "numbers", "used")

    def __init__(self, limit: int, limit_names: int) -> None:
        self.device = next(_devices) << 32
        self.numbers = itertools.count(1)
        self.used = 0
        self.limit = limit
        self.names = 0
        self.limit_names = limit_names
        self.lock = new_lock()

    def must_have_room(self, count: int, names: int = 0) -> None:
        """
        Raises:
            OSError: ENOSPC, a limit is reached.
        """
        if (count > 0 and self.used + count > self.limit) or (names > 0 and self.names + names > self.limit_names):
            raise refusal(errno.ENOSPC)

    def take(self, count: int, names: int = 0) -> None:
        """Count bytes and names in (or out, if negative).

        Raises:
            OSError: ENOSPC, a limit is reached.
        """
        self.must_have_room(count, names)
        self.used += count
        self.names += names


_Method = TypeVar("_Method", bound="Callable[..., Any]")


def whole(method: _Method) -> _Method:
    """An operation that no other one on the same tree comes in between."""

    @wraps(method)
    def locked(self: Any, *args: Any, **named: Any) -> Any:
        with self._node.volume.lock:
            return method(self, *args, **named)

    return locked  # type: ignore[return-value]


@final
class Node:
    """A file, a directory or a link; which of the three fields is used says which.

    Attributes:
        links: names it has.
        parent: of a directory: where it lies, to tell that none is moved into itself.
    """

    __slots__ = ("atim", "ctim", "data", "entries", "ino", "links", "mtim", "parent", "target", "volume")

    def __init__(self, volume: Volume, kind: Kind, target: bytes = b"") -> None:
        volume.take(NODE_BYTES + len(target))
        self.volume = volume
        self.ino = next(volume.numbers)
        self.links = 2 if kind == "directory" else 1
        self.data = bytearray() if kind == "file" else None
        self.entries: dict[bytes, Node] | None = {} if kind == "directory" else None
        self.target = target
        self.parent: Node | None = None
        self.atim = self.mtim = self.ctim = time.time_ns()

    @property
    def kind(self) -> Kind:
        if self.entries is not None:
            return "directory"
        return "link" if self.data is None else "file"

    def names(self) -> dict[bytes, Node]:
        """The entries of a directory; ENOTDIR for anything else."""
        if self.entries is None:
            raise refusal(errno.ENOTDIR)
        return self.entries

    def must_have_a_name(self) -> None:
        """ENOENT for a directory that was removed, though it is still open: nobody could remove what is made in it."""
        if not self.links:
            raise refusal(errno.ENOENT)

    def content(self) -> bytearray:
        """The bytes of a file; EBADF for anything else."""
        if self.data is None:
            raise refusal(errno.EBADF)
        return self.data

    def resize(self, size: int) -> None:
        """Cut it, or add zeros, a little at a time, since a guest can ask for much in one call.

        A signal's handler that runs meanwhile may resize it, too: each piece is counted when it is added.
        """
        before = len(self.content())
        self.volume.must_have_room(size - before)
        try:
            while len(self.content()) + len(_ZEROS) <= size:
                self._add(_ZEROS)
                look()
            self._cut(size)
            self._add(bytes(size - len(self.content())))
        except BaseException:
            self._cut(before)
            raise
        self.changed()

    def _add(self, data: bytes) -> None:
        self.volume.take(len(data))
        self.content().extend(data)

    def _cut(self, size: int) -> None:
        data = self.content()
        self.volume.take(min(size - len(data), 0))
        del data[size:]

    def changed(self) -> None:
        self.mtim = self.ctim = time.time_ns()

    def status(self) -> Status:
        size = len(self.data) if self.data is not None else len(self.target) if self.entries is None else 4096
        return Status(self.volume.device, self.ino, self.kind, self.links, size, self.atim, self.mtim, self.ctim)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self.atim = self.atim if atim is None else atim
        self.mtim = self.mtim if mtim is None else mtim
        self.ctim = time.time_ns()

    def unlinked(self) -> None:
        """One name less. The bytes of a file that is still open are counted until they are gone with it."""
        self.links = 0 if self.entries is not None else self.links - 1
        self.ctim = time.time_ns()
        if self.links == 0:
            self.volume.take(-NODE_BYTES - len(self.target))

    def __del__(self) -> None:
        if getattr(self, "data", None):
            self.volume.take(-len(self.content()))


@final
class MemoryFile:
    """An open file of the tree."""

    direct = -1
    seekable = True

    __slots__ = ("_appending", "_node", "_position", "_read_only", "_readable", "_writable")

    def __init__(self, node: Node, flags: int, *, read_only: bool = False) -> None:
        self._node = node
        self._position = 0
        self._readable = flags & os.O_ACCMODE != os.O_WRONLY
        self._writable = flags & os.O_ACCMODE != os.O_RDONLY
        self._read_only = read_only
        self._appending = bool(flags & os.O_APPEND)

    @whole
    def read(self, buffers: Buffers) -> int:
        count = self._read(buffers, self._position)
        self._position += count
        return count

    @whole
    def write(self, buffers: Pieces) -> int:
        if self._appending:
            self._position = len(self._node.content())
        count = self._write(buffers, self._position)
        self._position += count
        return count

    @whole
    def read_at(self, buffers: Buffers, offset: int) -> int:
        if offset < 0:
            raise refusal(errno.EINVAL)
        return self._read(buffers, offset)

    @whole
    def write_at(self, buffers: Pieces, offset: int) -> int:
        if offset < 0:
            raise refusal(errno.EINVAL)
        return self._write(buffers, offset)

    def _read(self, buffers: Buffers, offset: int) -> int:
        if not self._readable:
            raise refusal(errno.EBADF)
        total = 0
        for buffer in buffers:
            with (
                memoryview(self._node.content()) as data,
                data[offset + total : offset + total + len(buffer)] as piece,
            ):
                buffer[: len(piece)] = piece
                total += len(piece)
                if len(piece) < len(buffer):
                    break
            if total >= PIECE_BYTES:
                look()
        self._node.atim = time.time_ns()
        return total

    def _write(self, buffers: Pieces, offset: int) -> int:
        if not self._writable:
            raise refusal(errno.EBADF)
        data = self._node.content()
        total = sum(map(len, buffers))
        if not total:
            return 0
        if self._appending:
            offset = len(data)
        if offset + total > len(data):
            self._node.resize(offset + total)
        at = offset
        for buffer in buffers:
            if at + len(buffer) > len(data):  # a signal's handler has cut it meanwhile
                self._node.resize(at + len(buffer))
            data[at : at + len(buffer)] = buffer
            at += len(buffer)
            if at - offset >= PIECE_BYTES:
                look()
        self._node.changed()
        return total

    @whole
    def seek(self, offset: int, whence: int) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: len(self._node.content())}.get(whence)
        if base is None or not 0 <= base + offset < 1 << 63:
            raise refusal(errno.EINVAL)
        self._position = base + offset
        return self._position

    def status(self) -> Status:
        return self._node.status()

    @whole
    def set_size(self, size: int) -> None:
        if not self._writable or size < 0:
            raise refusal(errno.EINVAL)
        self._node.resize(size)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        if self._read_only:
            raise refusal(errno.EPERM)
        self._node.set_times(atim, mtim)

    def sync(self, *, data_only: bool) -> None:
        pass

    @whole
    def allocate(self, offset: int, length: int) -> None:
        if not self._writable:
            raise refusal(errno.EBADF)
        if offset < 0 or length <= 0:
            raise refusal(errno.EINVAL)
        if offset + length > len(self._node.content()):
            self._node.resize(offset + length)

    def advise(self, offset: int, length: int, advice: int) -> None:
        pass

    def set_flags(self, flags: int) -> None:
        self._appending = bool(flags & os.O_APPEND)

    def pollable(self) -> int:
        return -1

    def available(self) -> int:
        return max(len(self._node.content()) - self._position, 0)

    def close(self) -> None:
        pass
