"""Directories and files that exist only in memory.

`MemoryDirectory` can be given to a program like a directory of the host, and behaves like one: links,
renames, times, files that live on while they are open though their name is gone. A guest can
fill no more than limits that are set when the tree is made, of bytes and of names::

    scratch = MemoryDirectory({"input/data.txt": b"1 2 3", "output/": None})
    …
    scratch.read_bytes("output/sum.txt")

Whoever is given the same tree shares it: what one program writes, the next one sees, in whatever
thread it runs: each operation is whole.
"""

from __future__ import annotations

import errno
import functools
import itertools
import os
import time
from _thread import RLock
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar, final

from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_vfs.directories import WRITING, Directory, Entry, check_flags
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import Buffers, File, Pieces
from wasmer_vfs.paths import MAX_PATH_BYTES, check_text, resolve, resolve_parent, split
from wasmer_vfs.status import Kind, Status
from wasmer_vfs.waiting import PIECE_BYTES, look, plainly

DEFAULT_LIMIT_BYTES: Final = 1 << 30
MAX_NAME_BYTES: Final = 255
DEFAULT_LIMIT_NAMES: Final = 100_000
_NODE_BYTES: Final = 256
"""What a file, directory or link counts for, so that empty ones fill the limit of bytes, too."""
_NAME_BYTES: Final = 128
"""What a name counts for besides its own bytes, so that many names of one file do."""
_ZEROS: Final = bytes(1 << 20)

_devices: Final = itertools.count(1)


@final
class _Volume:
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
        self.lock = RLock()

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


_Method = TypeVar("_Method", bound=Callable[..., Any])


def _whole(method: _Method) -> _Method:
    """An operation that no other one on the same tree comes in between."""

    @functools.wraps(method)
    def locked(self: Any, *args: Any, **named: Any) -> Any:
        with self._node.volume.lock:
            return method(self, *args, **named)

    return locked  # type: ignore[return-value]


@final
class _Node:
    """A file, a directory or a link; which of the three fields is used says which.

    Attributes:
        links: names it has.
        parent: of a directory: where it lies, to tell that none is moved into itself.
    """

    __slots__ = ("atim", "ctim", "data", "entries", "ino", "links", "mtim", "parent", "target", "volume")

    def __init__(self, volume: _Volume, kind: Kind, target: bytes = b"") -> None:
        volume.take(_NODE_BYTES + len(target))
        self.volume = volume
        self.ino = next(volume.numbers)
        self.links = 2 if kind == "directory" else 1
        self.data = bytearray() if kind == "file" else None
        self.entries: dict[bytes, _Node] | None = {} if kind == "directory" else None
        self.target = target
        self.parent: _Node | None = None
        self.atim = self.mtim = self.ctim = time.time_ns()

    @property
    def kind(self) -> Kind:
        if self.entries is not None:
            return "directory"
        return "link" if self.data is None else "file"

    def names(self) -> dict[bytes, _Node]:
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
            self.volume.take(-_NODE_BYTES - len(self.target))

    def __del__(self) -> None:
        if getattr(self, "data", None):
            self.volume.take(-len(self.content()))


@final
class MemoryFile:
    """An open file of the tree."""

    direct = -1
    seekable = True

    __slots__ = ("_appending", "_node", "_position", "_read_only", "_readable", "_writable")

    def __init__(self, node: _Node, flags: int, *, read_only: bool = False) -> None:
        self._node = node
        self._position = 0
        self._readable = flags & os.O_ACCMODE != os.O_WRONLY
        self._writable = flags & os.O_ACCMODE != os.O_RDONLY
        self._read_only = read_only
        self._appending = bool(flags & os.O_APPEND)

    @_whole
    def read(self, buffers: Buffers) -> int:
        count = self._read(buffers, self._position)
        self._position += count
        return count

    @_whole
    def write(self, buffers: Pieces) -> int:
        if self._appending:
            self._position = len(self._node.content())
        count = self._write(buffers, self._position)
        self._position += count
        return count

    @_whole
    def read_at(self, buffers: Buffers, offset: int) -> int:
        if offset < 0:
            raise refusal(errno.EINVAL)
        return self._read(buffers, offset)

    @_whole
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

    @_whole
    def seek(self, offset: int, whence: int) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: len(self._node.content())}.get(whence)
        if base is None or not 0 <= base + offset < 1 << 63:
            raise refusal(errno.EINVAL)
        self._position = base + offset
        return self._position

    def status(self) -> Status:
        return self._node.status()

    @_whole
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

    @_whole
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


@final
class _NodeCursor:
    """A place in the tree."""

    __slots__ = ("_above", "current")

    def __init__(self, root: _Node) -> None:
        self.current = root
        self._above: list[_Node] = []

    @property
    def depth(self) -> int:
        return len(self._above)

    def down(self, name: bytes) -> bool:
        node = _find(self.current, name)
        if node.entries is None:
            return False
        self._above.append(self.current)
        self.current = node
        return True

    def up(self) -> None:
        self.current = self._above.pop()

    def text_of_link(self, name: bytes) -> bytes | None:
        node = self.current.names().get(name)
        if node is None or node.kind != "link":
            _checked(name)
            return None
        return node.target


def _checked(name: bytes) -> bytes:
    if len(name) > MAX_NAME_BYTES:
        raise refusal(errno.ENAMETOOLONG)
    return name


def _find(directory: _Node, name: bytes) -> _Node:
    node = directory if name == b"." else directory.names().get(_checked(name))
    if node is None:
        raise refusal(errno.ENOENT)
    return node


@final
class MemoryDirectory:
    """An open directory in memory; as made by users, the root of a tree of its own.

    Args:
        files: contents by path; a path that ends in a slash, or a content of None, is a directory.
        read_only: the guest cannot change anything: EPERM.
        limit_bytes: the most that all files together may hold, what is needed to keep them included.
        limit_names: the most names of files, directories and links.
    """

    __slots__ = ("_node", "_read_only")

    def __init__(
        self,
        files: Mapping[str, bytes | None] | None = None,
        *,
        read_only: bool = False,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        limit_names: int = DEFAULT_LIMIT_NAMES,
    ) -> None:
        self._node = _Node(_Volume(limit_bytes, limit_names), "directory")
        self._read_only = False
        for path, content in (files or {}).items():
            if content is None or path.endswith("/"):
                self._make_directories(path.strip("/").split("/"))
            else:
                self.write_bytes(path, content)
        self._read_only = read_only

    @classmethod
    def _over(cls, node: _Node, read_only: bool) -> MemoryDirectory:
        directory = cls.__new__(cls)
        directory._node = node
        directory._read_only = read_only
        return directory

    # --- for the host

    @_whole
    def read_bytes(self, path: str) -> bytes:
        """The content of a file.

        Raises:
            FileNotFoundError: there is none.
        """
        try:
            return bytes(self._located(path.encode(), True)[1].content())
        except OSError as failure:
            if raised_by_a_handler(failure):
                raise
            raise FileNotFoundError(f"{path}: {failure}") from None

    @plainly
    @_whole
    def write_bytes(self, path: str, content: bytes) -> None:
        """Make a file, and the directories above it."""
        *above, name = path.strip("/").split("/")
        directory = self._make_directories(above)
        node = directory.names().get(name.encode())
        if node is None:
            node = self._make(directory, _checked(name.encode()), "file")
        node.resize(0)
        MemoryFile(node, os.O_WRONLY).write([content])

    @_whole
    def files(self) -> dict[str, bytes]:
        """The contents of all files by their paths.

        But for paths of more than 4,096 bytes, which a program can make step by step, and nobody can open at once.
        """
        return {path: bytes(node.content()) for path, node in self._walk("", self._node) if node.data is not None}

    def _walk(self, prefix: str, directory: _Node) -> Iterator[tuple[str, _Node]]:
        pending = [(prefix.encode(), directory)]
        while pending:
            above, directory = pending.pop()
            for name, node in sorted(directory.names().items()):
                path = above + name
                if len(path) > MAX_PATH_BYTES:
                    continue
                yield path.decode(errors="surrogateescape"), node
                if node.entries is not None:
                    pending.append((path + b"/", node))

    def _make_directories(self, names: list[str]) -> _Node:
        node = self._node
        for name in names:
            key = _checked(name.encode())
            if key and key not in node.names():
                self._make(node, key, "directory")
            node = node.names()[key] if key else node
        return node

    # --- paths

    def _located(self, path: bytes, follow: bool) -> tuple[_NodeCursor, _Node]:
        cursor, name = self._place(path, follow)
        return cursor, _find(cursor.current, name)

    def _place(self, path: bytes, follow: bool) -> tuple[_NodeCursor, bytes]:
        components, must_be_directory = split(path)
        cursor = _NodeCursor(self._node)
        return cursor, resolve(cursor, components, must_be_directory, follow)

    @_whole
    def open(self, path: bytes, flags: int, *, follow: bool) -> File | Directory:
        check_flags(flags)
        creating = bool(flags & os.O_CREAT)
        if self._read_only and flags & WRITING:
            split(path)
            raise refusal(errno.EPERM)
        if creating and path.endswith(b"/"):
            split(path)
            raise refusal(errno.EISDIR)
        exclusive = creating and bool(flags & os.O_EXCL)
        cursor, name = self._place(path, follow and not exclusive)
        node = cursor.current if name == b"." else cursor.current.names().get(_checked(name))
        if node is None:
            if not creating:
                raise refusal(errno.ENOENT)
            node = self._make(cursor.current, name, "file")
        elif exclusive:
            raise refusal(errno.EEXIST)
        if node.entries is not None:
            if flags & WRITING:
                raise refusal(errno.EISDIR)
            return MemoryDirectory._over(node, self._read_only)
        if flags & os.O_DIRECTORY:
            raise refusal(errno.ENOTDIR)
        if node.data is None:
            raise refusal(errno.ELOOP)
        if flags & os.O_TRUNC:
            node.resize(0)
        return MemoryFile(node, flags, read_only=self._read_only)

    @_whole
    def path_status(self, path: bytes, follow: bool) -> Status:
        return self._located(path, follow)[1].status()

    @_whole
    def path_set_times(self, path: bytes, follow: bool, atim: int | None, mtim: int | None) -> None:
        node = self._located(path, follow)[1]
        self._must_be_writable()
        node.set_times(atim, mtim)

    @_whole
    def read_link(self, path: bytes) -> bytes:
        node = self._located(path, False)[1]
        if node.kind != "link":
            raise refusal(errno.EINVAL)
        return node.target

    # --- names

    def _parent(self, path: bytes) -> tuple[_Node, bytes, bool]:
        """(directory, name, whether a slash follows it) of a path that is to be made or removed."""
        cursor = _NodeCursor(self._node)
        name = resolve_parent(cursor, path)
        self._must_be_writable()
        slash = name.endswith(b"/")
        return cursor.current, _checked(name[:-1] if slash else name), slash

    def _must_be_writable(self) -> None:
        if self._read_only:
            raise refusal(errno.EPERM)

    def _make(self, directory: _Node, name: bytes, kind: Kind, target: bytes = b"") -> _Node:
        node = _Node(directory.volume, kind, target)
        try:
            self._enter(directory, name, node)
        except OSError as failure:
            if not raised_by_a_handler(failure):
                node.unlinked()
            raise
        return node

    def _enter(self, directory: _Node, name: bytes, node: _Node) -> None:
        directory.must_have_a_name()
        directory.volume.take(_NAME_BYTES + len(name), 1)
        directory.names()[name] = node
        if node.entries is not None:
            node.parent = directory
            directory.links += 1
        directory.changed()

    def _leave(self, directory: _Node, name: bytes) -> _Node:
        node = directory.names().pop(name)
        directory.volume.take(-_NAME_BYTES - len(name), -1)
        if node.entries is not None:
            node.parent = None
            directory.links -= 1
        directory.changed()
        return node

    @_whole
    def create_directory(self, path: bytes) -> None:
        directory, name, _ = self._parent(path)
        if name in (b".", b"..") or name in directory.names():
            raise refusal(errno.EEXIST)
        self._make(directory, name, "directory")

    @_whole
    def remove_directory(self, path: bytes) -> None:
        directory, name, _ = self._parent(path)
        if name in (b".", b".."):
            raise refusal(errno.EINVAL if name == b"." else errno.ENOTEMPTY)
        if _find(directory, name).names():
            raise refusal(errno.ENOTEMPTY)
        self._leave(directory, name).unlinked()

    @_whole
    def unlink(self, path: bytes) -> None:
        directory, name, slash = self._parent(path)
        if name in (b".", b".."):
            raise refusal(errno.EISDIR)
        if _find(directory, name).entries is not None:
            raise refusal(errno.EISDIR)
        if slash:
            raise refusal(errno.ENOTDIR)
        self._leave(directory, name).unlinked()

    @_whole
    def symlink(self, target: bytes, path: bytes) -> None:
        """An absolute target is refused, as on the host."""
        directory, name, slash = self._parent(path)
        check_text(target)
        self._must_be_new(directory, name, slash)
        if not target:
            raise refusal(errno.ENOENT)
        self._make(directory, name, "link", target)

    def _must_be_new(self, directory: _Node, name: bytes, slash: bool) -> None:
        if name in (b".", b"..") or name in directory.names():
            raise refusal(errno.EEXIST)
        if slash:
            raise refusal(errno.ENOENT)

    @_whole
    def link(self, path: bytes, other: Directory, other_path: bytes) -> None:
        if not isinstance(other, MemoryDirectory):
            raise refusal(errno.EXDEV)
        node = self._located(path, False)[1]
        directory, name, slash = other._parent(other_path)
        self._must_be_writable()
        self._must_be_new(directory, name, slash)
        if node.volume is not directory.volume:
            raise refusal(errno.EXDEV)
        if node.entries is not None:
            raise refusal(errno.EPERM)
        self._enter(directory, name, node)
        node.links += 1

    @_whole
    def rename(self, path: bytes, other: Directory, other_path: bytes) -> None:
        if not isinstance(other, MemoryDirectory):
            raise refusal(errno.EXDEV)
        directory, name, slash = self._parent(path)
        target, target_name, target_slash = other._parent(other_path)
        if name in (b".", b"..") or target_name in (b".", b".."):
            raise refusal(errno.EBUSY)
        if directory.volume is not target.volume:
            raise refusal(errno.EXDEV)
        target.must_have_a_name()
        node = _find(directory, name)
        replaced = target.names().get(target_name)
        if node.entries is None and (slash or target_slash):
            raise refusal(errno.ENOTDIR)
        if replaced is node:
            return
        if node.entries is not None and _lies_in(target, node):
            raise refusal(errno.EINVAL)
        if replaced is not None:
            if node.entries is None and replaced.entries is not None:
                raise refusal(errno.EISDIR)
            if node.entries is not None and replaced.entries is None:
                raise refusal(errno.ENOTDIR)
            if replaced.entries:
                raise refusal(errno.ENOTEMPTY)
        else:
            node.volume.take(len(target_name) - len(name))
        target.names()[target_name] = node  # first of all: whatever comes in between, it has a name
        del directory.names()[name]
        if node.entries is not None:
            node.parent = target
            directory.links -= 1
            target.links += 1
        if replaced is not None:
            if replaced.entries is not None:
                replaced.parent = None
                target.links -= 1
            replaced.unlinked()
            node.volume.take(-_NAME_BYTES - len(name), -1)
        directory.changed()
        target.changed()

    # --- the directory itself

    @_whole
    def entries(self) -> list[Entry]:
        """Every name, sorted, after `.` and `..` (which has the number of `.`)."""
        node = self._node
        found = [Entry(node.ino, "directory", b"."), Entry(node.ino, "directory", b"..")]
        return found + [Entry(each.ino, each.kind, name) for name, each in sorted(node.names().items())]

    def status(self) -> Status:
        return self._node.status()

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self._must_be_writable()
        self._node.set_times(atim, mtim)

    def sync(self, *, data_only: bool) -> None:
        pass

    def duplicate(self, *, read_only: bool = False) -> MemoryDirectory:
        """The same directory, which cannot be changed here if this one cannot or `read_only` says so."""
        return MemoryDirectory._over(self._node, self._read_only or read_only)

    def close(self) -> None:
        pass


def _lies_in(node: _Node | None, directory: _Node) -> bool:
    """Whether `node` is `directory` or lies somewhere below it."""
    while node is not None:
        if node is directory:
            return True
        node = node.parent
    return False
