"""The sandbox: directories of the host that a guest may see, and nothing above them.

A `HostDirectory` is an open directory descriptor and the root of every path that is given
with it. A path is resolved here, one component at a time, each by an `openat` relative to
the directory that the last one opened, never following a link (`O_NOFOLLOW`). So

* the host's kernel never resolves a path that the guest wrote, only single names;
* `..` goes back along the names that were walked; above the root it is EPERM;
* a symbolic link is read, and its text resolved like the rest of the path: an absolute one
  is EPERM, one that leads above the root is EPERM, more than 40 of them are ELOOP. Links
  that the kernel makes up (`/proc/self/fd/…`) are only text here, too;
* whoever renames directories or swaps links while a path is resolved can change which
  object *inside* the root is found, nothing else. The last name is used with `O_NOFOLLOW`
  (or by a call that does not follow links), so swapping it for a link gives ELOOP;
* absolute paths are EPERM, the empty path ENOENT, one with a NUL byte EINVAL, one that is
  not UTF-8 EILSEQ, one of more than 4,096 bytes ENAMETOOLONG.

Trailing slashes mean that the path must be a directory, as for the host. Where a call makes
or removes a name, the name is handed to the kernel with its slash, which knows the errors.

Not promised: hard links and mounts that someone else puts into the tree lead where they
lead, and devices and pipes in it can be opened like files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from types import TracebackType
from typing import Final, NamedTuple, Protocol, final

from wasmer_wasi.errno import EILSEQ, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, EPERM, EXDEV, WasiError
from wasmer_wasi.files import FILETYPES, File, HostFile, Status, host_flags, kept_times, status_of
from wasmer_wasi.types import (
    FILETYPE_DIRECTORY,
    FILETYPE_UNKNOWN,
    OFLAG_CREAT,
    OFLAG_DIRECTORY,
    OFLAG_EXCL,
    OFLAG_TRUNC,
)

MAX_LINKS: Final = 40
MAX_PATH_BYTES: Final = 4096

_WALK: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN: Final = os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC


class Entry(NamedTuple):
    """One name in a directory."""

    ino: int
    filetype: int
    name: bytes


class Opening(NamedTuple):
    """How a path is to be opened."""

    follow: bool
    oflags: int
    flags: int  # fdflags
    readable: bool
    writable: bool


class Directory(Protocol):
    """An open directory; paths are bytes as the guest wrote them. Raises OSError or WasiError."""

    def open(self, path: bytes, opening: Opening) -> File | Directory: ...
    def path_status(self, path: bytes, follow: bool) -> Status: ...
    def path_set_times(self, path: bytes, follow: bool, atim: int | None, mtim: int | None) -> None: ...
    def create_directory(self, path: bytes) -> None: ...
    def read_link(self, path: bytes) -> bytes: ...
    def remove_directory(self, path: bytes) -> None: ...
    def unlink(self, path: bytes) -> None: ...
    def symlink(self, target: bytes, path: bytes) -> None: ...
    def link(self, path: bytes, other: Directory, other_path: bytes) -> None: ...
    def rename(self, path: bytes, other: Directory, other_path: bytes) -> None: ...
    def entries(self) -> list[Entry]: ...
    def status(self) -> Status: ...
    def set_times(self, atim: int | None, mtim: int | None) -> None: ...
    def sync(self, *, data_only: bool) -> None: ...
    def duplicate(self) -> Directory: ...
    def close(self) -> None: ...


def split(path: bytes) -> tuple[list[bytes], bool]:
    """The components of a path without the empty and `.` ones, and whether it must be a directory.

    Raises:
        WasiError: no path that could be resolved in a sandbox; see the top of this file.
    """
    if not path:
        raise WasiError(ENOENT)
    if b"\0" in path:
        raise WasiError(EINVAL)
    if len(path) > MAX_PATH_BYTES:
        raise WasiError(ENAMETOOLONG)
    if not path.isascii():
        try:
            path.decode()
        except UnicodeDecodeError:
            raise WasiError(EILSEQ) from None
    if path.startswith(b"/"):
        raise WasiError(EPERM)
    return _components(path)


def _components(path: bytes) -> tuple[list[bytes], bool]:
    parts = path.split(b"/")
    return [part for part in parts if part and part != b"."], parts[-1] in (b"", b".", b"..")


@final
class _Walk:
    """A walk from a root along names; holds at most one descriptor of its own."""

    __slots__ = ("current", "links", "names", "root")

    def __init__(self, root: int) -> None:
        self.root = root
        self.current = root
        self.names: list[bytes] = []  # of the directories from the root to `current`
        self.links = 0

    def __enter__(self) -> _Walk:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._set(self.root)

    def _set(self, descriptor: int) -> None:
        before, self.current = self.current, descriptor
        if before != self.root:
            os.close(before)

    def down(self, name: bytes) -> None:
        """Into the directory `name`; OSError (ENOTDIR for a link) if it is none."""
        self._set(os.open(name, _WALK, dir_fd=self.current))
        self.names.append(name)

    def up(self) -> None:
        """Back to where the walk came from: the names are walked again, so the kernel never sees `..`."""
        if not self.names:
            raise WasiError(EPERM)
        names = self.names[:-1]
        self._set(self.root)
        self.names = []
        for name in names:
            self.down(name)

    def expand(self, name: bytes) -> bytes | None:
        """The text of the link `name` in the current directory, or None if it is no link."""
        try:
            text = os.readlink(name, dir_fd=self.current)
        except OSError as failure:
            if failure.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise
        self.links += 1
        if self.links > MAX_LINKS:
            raise WasiError(ELOOP)
        if text.startswith(b"/"):
            raise WasiError(EPERM)
        return text

    def to(self, components: list[bytes], must_be_directory: bool, follow: bool) -> bytes:
        """Walk to the directory that holds the last name, and return that name, or `.`."""
        pending = components[::-1]
        while pending:
            name = pending.pop()
            if name == b"..":
                self.up()
                continue
            if pending or must_be_directory:
                try:
                    self.down(name)
                    continue
                except NotADirectoryError:
                    text = self.expand(name)
                    if text is None:
                        raise
            else:
                text = self.expand(name) if follow else None
                if text is None:
                    return name
            more, ends_in_directory = _components(text)
            if not pending:
                must_be_directory = must_be_directory or ends_in_directory
            pending += more[::-1]
        return b"."

    def to_parent(self, path: bytes) -> bytes:
        """Walk to the directory that holds the last name, and return the name, with its slash if it has one.

        For calls that make or remove names. A last `.` or `..` is returned as it is, for the
        kernel to refuse; no call does anything with it.
        """
        components, _ = split(path)
        last = path.rstrip(b"/").rpartition(b"/")[2]
        if last in (b".", b".."):
            if last == b"..":
                components.pop()
            self.to(components, True, True)
            if last == b".." and not self.names:
                raise WasiError(EPERM)
            return last
        name = components.pop()
        self.to(components, True, True)
        return name + b"/" if path.endswith(b"/") else name


@final
class HostDirectory:
    """An open directory of the host.

    Attributes:
        host: its descriptor; -1 when closed.
        read_only: nothing below it can be changed: EPERM.
    """

    __slots__ = ("host", "read_only")

    def __init__(self, host: int, *, read_only: bool = False) -> None:
        self.host = host
        self.read_only = read_only

    @classmethod
    def at(cls, path: str | os.PathLike[str], *, read_only: bool = False) -> HostDirectory:
        """The directory at a path of the host.

        Raises:
            OSError: it does not exist, or is no directory.
        """
        return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), read_only=read_only)

    # --- paths

    @contextlib.contextmanager
    def _locate(self, path: bytes, follow: bool) -> Iterator[tuple[int, bytes]]:
        """(descriptor of a directory, name in it) of what a path means; no link when `follow`."""
        components, must_be_directory = split(path)
        with _Walk(self.host) as walk:
            name = walk.to(components, must_be_directory, follow)
            yield walk.current, name

    def open(self, path: bytes, opening: Opening) -> File | Directory:
        oflags = opening.oflags
        if oflags & OFLAG_DIRECTORY and oflags & (OFLAG_CREAT | OFLAG_EXCL | OFLAG_TRUNC):
            raise WasiError(EINVAL)
        directory = bool(oflags & OFLAG_DIRECTORY)
        writable = opening.writable and not directory
        if self.read_only and (writable or oflags & (OFLAG_CREAT | OFLAG_TRUNC)):
            split(path)
            raise WasiError(EPERM)
        if oflags & OFLAG_CREAT and path.endswith(b"/"):
            split(path)
            raise WasiError(EISDIR)
        flags = _OPEN | host_flags(opening.flags)
        flags |= (os.O_RDWR if opening.readable else os.O_WRONLY) if writable else os.O_RDONLY
        if directory:
            flags |= os.O_DIRECTORY
        if oflags & OFLAG_CREAT:
            flags |= os.O_CREAT
        if oflags & OFLAG_EXCL:
            flags |= os.O_EXCL
        if oflags & OFLAG_TRUNC:
            flags |= os.O_TRUNC
        exclusive = OFLAG_CREAT | OFLAG_EXCL
        follow = opening.follow and oflags & exclusive != exclusive
        with self._locate(path, follow) as (at, name):
            host = os.open(name, flags, 0o666, dir_fd=at)
        if stat.S_ISDIR(os.fstat(host).st_mode):
            return HostDirectory(host, read_only=self.read_only)
        return HostFile(host, read_only=self.read_only)

    def path_status(self, path: bytes, follow: bool) -> Status:
        with self._locate(path, follow) as (at, name):
            return status_of(os.stat(name, dir_fd=at, follow_symlinks=False))

    def path_set_times(self, path: bytes, follow: bool, atim: int | None, mtim: int | None) -> None:
        with self._locate(path, follow) as (at, name):
            self._must_be_writable()
            found = os.stat(name, dir_fd=at, follow_symlinks=False)
            os.utime(name, ns=kept_times(found, atim, mtim), dir_fd=at, follow_symlinks=False)

    def read_link(self, path: bytes) -> bytes:
        with self._locate(path, False) as (at, name):
            return os.readlink(name, dir_fd=at)

    # --- names

    def create_directory(self, path: bytes) -> None:
        with _Walk(self.host) as walk:
            name = walk.to_parent(path)
            self._must_be_writable()
            os.mkdir(name, 0o777, dir_fd=walk.current)

    def remove_directory(self, path: bytes) -> None:
        with _Walk(self.host) as walk:
            name = walk.to_parent(path)
            self._must_be_writable()
            os.rmdir(name, dir_fd=walk.current)

    def unlink(self, path: bytes) -> None:
        with _Walk(self.host) as walk:
            name = walk.to_parent(path)
            self._must_be_writable()
            os.unlink(name, dir_fd=walk.current)

    def symlink(self, target: bytes, path: bytes) -> None:
        """An absolute target is refused: it could only lead out of the sandbox."""
        with _Walk(self.host) as walk:
            name = walk.to_parent(path)
            self._must_be_writable()
            if target.startswith(b"/"):
                raise WasiError(EPERM)
            os.symlink(target, name, dir_fd=walk.current)

    def link(self, path: bytes, other: Directory, other_path: bytes) -> None:
        if not isinstance(other, HostDirectory):
            raise WasiError(EXDEV)
        with self._locate(path, False) as (at, name), _Walk(other.host) as walk:
            other_name = walk.to_parent(other_path)
            self._must_be_writable()
            other._must_be_writable()
            os.link(name, other_name, src_dir_fd=at, dst_dir_fd=walk.current, follow_symlinks=False)

    def rename(self, path: bytes, other: Directory, other_path: bytes) -> None:
        if not isinstance(other, HostDirectory):
            raise WasiError(EXDEV)
        with _Walk(self.host) as walk, _Walk(other.host) as other_walk:
            name = walk.to_parent(path)
            other_name = other_walk.to_parent(other_path)
            self._must_be_writable()
            other._must_be_writable()
            os.rename(name, other_name, src_dir_fd=walk.current, dst_dir_fd=other_walk.current)

    def _must_be_writable(self) -> None:
        if self.read_only:
            raise WasiError(EPERM)

    # --- the directory itself

    def entries(self) -> list[Entry]:
        """Every name, sorted, after `.` and `..` (which has the number of `.`: what is above is not told)."""
        own = os.fstat(self.host).st_ino
        found = [Entry(own, FILETYPE_DIRECTORY, b"."), Entry(own, FILETYPE_DIRECTORY, b"..")]
        with os.scandir(self.host) as listing:
            rest = [Entry(entry.inode(), _filetype(entry), os.fsencode(entry.name)) for entry in listing]
        rest.sort(key=_name_of)
        return found + rest

    def status(self) -> Status:
        return status_of(os.fstat(self.host))

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self._must_be_writable()
        os.utime(self.host, ns=kept_times(os.fstat(self.host), atim, mtim))

    def sync(self, *, data_only: bool) -> None:
        if data_only:
            os.fdatasync(self.host)
        else:
            os.fsync(self.host)

    def duplicate(self) -> HostDirectory:
        return HostDirectory(os.dup(self.host), read_only=self.read_only)

    def close(self) -> None:
        host, self.host = self.host, -1
        if host >= 0:
            os.close(host)

    def __del__(self) -> None:
        if getattr(self, "host", -1) >= 0:
            self.close()


def _name_of(entry: Entry) -> bytes:
    return entry.name


def _filetype(entry: os.DirEntry[str]) -> int:
    """From the listing itself where it says, else by a stat."""
    if entry.is_symlink():
        return FILETYPES[stat.S_IFLNK]
    if entry.is_dir(follow_symlinks=False):
        return FILETYPE_DIRECTORY
    if entry.is_file(follow_symlinks=False):
        return FILETYPES[stat.S_IFREG]
    try:
        return FILETYPES.get(stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode), FILETYPE_UNKNOWN)
    except OSError:
        return FILETYPE_UNKNOWN
