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
import os
from _collections_abc import Mapping  # what `collections.abc` is; `collections` brings much along

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_vfs.directories import WRITING, Directory, Entry, Space, check_flags
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import File
from wasmer_vfs.memory_files import NAME_BYTES, MemoryFile, Node, Volume, whole
from wasmer_vfs.paths import MAX_PATH_BYTES, check_text, resolve, resolve_parent, split
from wasmer_vfs.status import Kind, Status
from wasmer_vfs.waiting import plainly

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_LIMIT_BYTES: Final = 1 << 30
MAX_NAME_BYTES: Final = 255
DEFAULT_LIMIT_NAMES: Final = 100_000


@final
class _NodeCursor:
    """A place in the tree."""

    __slots__ = ("_above", "current")

    def __init__(self, root: Node) -> None:
        self.current = root
        self._above: list[Node] = []

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


def _find(directory: Node, name: bytes) -> Node:
    node = directory if name == b"." else directory.names().get(_checked(name))
    if node is None:
        raise refusal(errno.ENOENT)
    return node


def _check_content(path: str, content: object) -> None:
    if isinstance(content, (bytes, bytearray, memoryview)):
        return
    what = (
        'a file in a directory is named with it, {"directory/file": b"…"}, and None is an empty directory'
        if isinstance(content, Mapping)
        else "a text is encoded first, an object of another kind written as bytes"
    )
    raise TypeError(f"the content of {path!r} is bytes, not of type {type(content).__name__}: {what}")


@final
class MemoryDirectory:
    """An open directory in memory; as made by users, the root of a tree of its own.

    Args:
        files: contents by path; a path that ends in a slash, or a content of None, is a directory.
        read_only: the guest cannot change anything: EPERM.
        limit_bytes: the most that all files together may hold, what is needed to keep them included.
        limit_names: the most names of files, directories and links.

    Raises:
        TypeError: a content is neither bytes nor None.
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
        self._node = Node(Volume(limit_bytes, limit_names), "directory")
        self._read_only = False
        for path, content in (files or {}).items():
            if content is not None:
                _check_content(path, content)
            if content is None or path.endswith("/"):
                self._make_directories(path.strip("/").split("/"))
            else:
                self.write_bytes(path, content)
        self._read_only = read_only

    @classmethod
    def _over(cls, node: Node, read_only: bool) -> MemoryDirectory:
        directory = cls.__new__(cls)
        directory._node = node
        directory._read_only = read_only
        return directory

    # --- for the host

    @whole
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
    @whole
    def write_bytes(self, path: str, content: bytes) -> None:
        """Make a file, and the directories above it.

        Raises:
            TypeError: the content is not bytes.
        """
        _check_content(path, content)
        *above, name = path.strip("/").split("/")
        directory = self._make_directories(above)
        node = directory.names().get(name.encode())
        if node is None:
            node = self._make(directory, _checked(name.encode()), "file")
        node.resize(0)
        MemoryFile(node, os.O_WRONLY).write([content])

    @whole
    def files(self) -> dict[str, bytes]:
        """The contents of all files by their paths.

        But for paths of more than 4,096 bytes, which a program can make step by step, and nobody can open at once.
        """
        return {path: bytes(node.content()) for path, node in self._walk("", self._node) if node.data is not None}

    def _walk(self, prefix: str, directory: Node) -> Iterator[tuple[str, Node]]:
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

    def _make_directories(self, names: list[str]) -> Node:
        node = self._node
        for name in names:
            key = _checked(name.encode())
            if key and key not in node.names():
                self._make(node, key, "directory")
            node = node.names()[key] if key else node
        return node

    # --- paths

    def _located(self, path: bytes, follow: bool) -> tuple[_NodeCursor, Node]:
        cursor, name = self._place(path, follow)
        return cursor, _find(cursor.current, name)

    def _place(self, path: bytes, follow: bool) -> tuple[_NodeCursor, bytes]:
        components, must_be_directory = split(path)
        cursor = _NodeCursor(self._node)
        return cursor, resolve(cursor, components, must_be_directory, follow)

    @whole
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

    @whole
    def path_status(self, path: bytes, follow: bool) -> Status:
        return self._located(path, follow)[1].status()

    @whole
    def path_set_times(self, path: bytes, follow: bool, atim: int | None, mtim: int | None) -> None:
        node = self._located(path, follow)[1]
        self._must_be_writable()
        node.set_times(atim, mtim)

    @whole
    def read_link(self, path: bytes) -> bytes:
        node = self._located(path, False)[1]
        if node.kind != "link":
            raise refusal(errno.EINVAL)
        return node.target

    # --- names

    def _parent(self, path: bytes) -> tuple[Node, bytes, bool]:
        """(directory, name, whether a slash follows it) of a path that is to be made or removed."""
        cursor = _NodeCursor(self._node)
        name = resolve_parent(cursor, path)
        self._must_be_writable()
        slash = name.endswith(b"/")
        return cursor.current, _checked(name[:-1] if slash else name), slash

    def _must_be_writable(self) -> None:
        if self._read_only:
            raise refusal(errno.EPERM)

    def _make(self, directory: Node, name: bytes, kind: Kind, target: bytes = b"") -> Node:
        node = Node(directory.volume, kind, target)
        try:
            self._enter(directory, name, node)
        except OSError as failure:
            if not raised_by_a_handler(failure):
                node.unlinked()
            raise
        return node

    def _enter(self, directory: Node, name: bytes, node: Node) -> None:
        directory.must_have_a_name()
        directory.volume.take(NAME_BYTES + len(name), 1)
        directory.names()[name] = node
        if node.entries is not None:
            node.parent = directory
            directory.links += 1
        directory.changed()

    def _leave(self, directory: Node, name: bytes) -> Node:
        node = directory.names().pop(name)
        directory.volume.take(-NAME_BYTES - len(name), -1)
        if node.entries is not None:
            node.parent = None
            directory.links -= 1
        directory.changed()
        return node

    @whole
    def create_directory(self, path: bytes) -> None:
        directory, name, _ = self._parent(path)
        if name in (b".", b"..") or name in directory.names():
            raise refusal(errno.EEXIST)
        self._make(directory, name, "directory")

    @whole
    def remove_directory(self, path: bytes) -> None:
        directory, name, _ = self._parent(path)
        if name in (b".", b".."):
            raise refusal(errno.EINVAL if name == b"." else errno.ENOTEMPTY)
        if _find(directory, name).names():
            raise refusal(errno.ENOTEMPTY)
        self._leave(directory, name).unlinked()

    @whole
    def unlink(self, path: bytes) -> None:
        directory, name, slash = self._parent(path)
        if name in (b".", b".."):
            raise refusal(errno.EISDIR)
        if _find(directory, name).entries is not None:
            raise refusal(errno.EISDIR)
        if slash:
            raise refusal(errno.ENOTDIR)
        self._leave(directory, name).unlinked()

    @whole
    def symlink(self, target: bytes, path: bytes) -> None:
        """An absolute target is refused, as on the host."""
        directory, name, slash = self._parent(path)
        check_text(target)
        self._must_be_new(directory, name, slash)
        if not target:
            raise refusal(errno.ENOENT)
        self._make(directory, name, "link", target)

    def _must_be_new(self, directory: Node, name: bytes, slash: bool) -> None:
        if name in (b".", b"..") or name in directory.names():
            raise refusal(errno.EEXIST)
        if slash:
            raise refusal(errno.ENOENT)

    @whole
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

    @whole
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
            node.volume.take(-NAME_BYTES - len(name), -1)
        directory.changed()
        target.changed()

    # --- the directory itself

    @whole
    def entries(self) -> list[Entry]:
        """Every name, the oldest first, after `.` and `..` (which has the number of `.`)."""
        node = self._node
        found = [Entry(node.ino, "directory", b"."), Entry(node.ino, "directory", b"..")]
        return found + [Entry(each.ino, each.kind, name) for name, each in list(node.names().items())]

    def status(self) -> Status:
        return self._node.status()

    def space(self) -> Space:
        volume = self._node.volume
        return Space(volume.limit, volume.limit - volume.used, volume.limit_names, volume.limit_names - volume.names)

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


def _lies_in(node: Node | None, directory: Node) -> bool:
    """Whether `node` is `directory` or lies somewhere below it."""
    while node is not None:
        if node is directory:
            return True
        node = node.parent
    return False
