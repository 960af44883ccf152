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
lead, and devices and pipes in it can be opened like files. Opening one never waits in the
host's kernel, and what waits for it sees deadlines, cancellations and signals.
"""

from __future__ import annotations

import errno
import os
import stat
from types import TracebackType

from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.support.functions import partial
from wasmer_vfs.directories import WRITING, Directory, Entry, Space, check_flags
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import File, HostFile, Owned
from wasmer_vfs.paths import check_text, resolve, resolve_parent, split
from wasmer_vfs.status import Kind, Status, kept_times, kind_of, status_of
from wasmer_vfs.waiting import LOOK_EVERY, look, must_be_refusal, wait

MAX_STEPS: Final = 1 << 15
"""Directories that are entered while one path is resolved, those that are walked again included."""

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_WALK: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN: Final = os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
_EXCLUSIVE: Final = os.O_CREAT | os.O_EXCL


@final
class _HostCursor:
    """A place below a directory descriptor; holds at most one descriptor of its own.

    Going up walks the names again, so a short path can ask for many steps: `MAX_STEPS` at the most, else ELOOP.
    """

    __slots__ = ("_held", "_names", "_root", "_steps", "current")

    def __init__(self, root: int) -> None:
        self._root = root
        self._names: list[bytes] = []  # of the directories from the root to `current`
        self._held = Owned()  # `current`, unless that is the root
        self._steps = 0
        self.current = root

    def __enter__(self) -> _HostCursor:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._held.close()

    def locate(self, path: bytes, follow: bool) -> bytes:
        """Move to the directory that holds what a path means, and return its name there; no link when `follow`."""
        components, must_be_directory = split(path)
        return resolve(self, components, must_be_directory, follow)

    @property
    def depth(self) -> int:
        return len(self._names)

    def down(self, name: bytes) -> bool:
        held = self._held
        self._steps += 1
        if self._steps % LOOK_EVERY == 0:
            look()
            if self._steps >= MAX_STEPS:
                raise refusal(errno.ELOOP)
        try:
            held.extend(map(partial(os.open, dir_fd=self.current), (name,), (_WALK,)))
        except NotADirectoryError as failure:  # which a link is, too, when it is not followed
            must_be_refusal(failure)
            return False
        self.current = held[-1]
        if len(held) > 1:
            held.close_first()
        self._names.append(name)
        return True

    def up(self) -> None:
        """The names are walked again from the root, so the kernel never sees `..`."""
        names = self._names[:-1]
        self.current = self._root
        self._held.close()
        self._names = []
        for name in names:
            if not self.down(name):
                raise refusal(errno.ENOTDIR)  # someone has replaced the directory

    def text_of_link(self, name: bytes) -> bytes | None:
        try:
            return os.readlink(name, dir_fd=self.current)
        except OSError as failure:
            must_be_refusal(failure)
            if failure.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise


@final
class HostDirectory:
    """An open directory of the host.

    Attributes:
        host: its descriptor; -1 when closed.
        read_only: nothing below it can be changed: EPERM.
    """

    __slots__ = ("_owned", "host", "read_only")

    def __init__(self, owned: Owned, *, read_only: bool = False) -> None:
        self._owned = owned
        self.host = owned[0]
        self.read_only = read_only

    @classmethod
    def at(cls, path: str | os.PathLike[str], *, read_only: bool = False) -> HostDirectory:
        """The directory at a path of the host.

        Raises:
            OSError: it does not exist, or is no directory.
        """
        owned = Owned()
        owned.extend(map(os.open, (path,), (_DIRECTORY,)))
        return cls(owned, read_only=read_only)

    # --- paths

    def open(self, path: bytes, flags: int, *, follow: bool) -> File | Directory:
        check_flags(flags)
        if self.read_only and flags & WRITING:
            split(path)
            raise refusal(errno.EPERM)
        if flags & os.O_CREAT and path.endswith(b"/"):
            split(path)
            raise refusal(errno.EISDIR)
        follow = follow and flags & _EXCLUSIVE != _EXCLUSIVE
        nonblocking = bool(flags & os.O_NONBLOCK)
        opened = Owned()
        try:
            with _HostCursor(self.host) as cursor:
                name = cursor.locate(path, follow)
                _open_or_wait(opened, name, _OPEN | flags, cursor.current, nonblocking)
            found = os.fstat(opened[0])
            if stat.S_ISDIR(found.st_mode):
                return HostDirectory(opened, read_only=self.read_only)
            return HostFile(opened, found, nonblocking=nonblocking, read_only=self.read_only)
        except BaseException:
            opened.close()
            raise

    def path_status(self, path: bytes, follow: bool) -> Status:
        with _HostCursor(self.host) as cursor:
            name = cursor.locate(path, follow)
            return status_of(os.stat(name, dir_fd=cursor.current, follow_symlinks=False))

    def path_set_times(self, path: bytes, follow: bool, atim: int | None, mtim: int | None) -> None:
        with _HostCursor(self.host) as cursor:
            name = cursor.locate(path, follow)
            self._must_be_writable()
            found = os.stat(name, dir_fd=cursor.current, follow_symlinks=False)
            os.utime(name, ns=kept_times(found, atim, mtim), dir_fd=cursor.current, follow_symlinks=False)

    def read_link(self, path: bytes) -> bytes:
        with _HostCursor(self.host) as cursor:
            name = cursor.locate(path, False)
            return os.readlink(name, dir_fd=cursor.current)

    # --- names

    def create_directory(self, path: bytes) -> None:
        with _HostCursor(self.host) as cursor:
            name = resolve_parent(cursor, path)
            self._must_be_writable()
            os.mkdir(name, 0o777, dir_fd=cursor.current)

    def remove_directory(self, path: bytes) -> None:
        with _HostCursor(self.host) as cursor:
            name = resolve_parent(cursor, path)
            self._must_be_writable()
            os.rmdir(name, dir_fd=cursor.current)

    def unlink(self, path: bytes) -> None:
        with _HostCursor(self.host) as cursor:
            name = resolve_parent(cursor, path)
            self._must_be_writable()
            os.unlink(name, dir_fd=cursor.current)

    def symlink(self, target: bytes, path: bytes) -> None:
        """An absolute target is refused: it could only lead out of the sandbox."""
        with _HostCursor(self.host) as cursor:
            name = resolve_parent(cursor, path)
            self._must_be_writable()
            check_text(target)
            os.symlink(target, name, dir_fd=cursor.current)

    def link(self, path: bytes, other: Directory, other_path: bytes) -> None:
        if not isinstance(other, HostDirectory):
            raise refusal(errno.EXDEV)
        with _HostCursor(self.host) as cursor, _HostCursor(other.host) as other_cursor:
            name = cursor.locate(path, False)
            other_name = resolve_parent(other_cursor, other_path)
            self._must_be_writable()
            other._must_be_writable()
            os.link(name, other_name, src_dir_fd=cursor.current, dst_dir_fd=other_cursor.current, follow_symlinks=False)

    def rename(self, path: bytes, other: Directory, other_path: bytes) -> None:
        if not isinstance(other, HostDirectory):
            raise refusal(errno.EXDEV)
        with _HostCursor(self.host) as cursor, _HostCursor(other.host) as other_cursor:
            name = resolve_parent(cursor, path)
            other_name = resolve_parent(other_cursor, other_path)
            self._must_be_writable()
            other._must_be_writable()
            os.rename(name, other_name, src_dir_fd=cursor.current, dst_dir_fd=other_cursor.current)

    def _must_be_writable(self) -> None:
        if self.read_only:
            raise refusal(errno.EPERM)

    # --- the directory itself

    def entries(self) -> list[Entry]:
        """Every name, sorted, after `.` and `..` (which has the number of `.`: what is above is not told)."""
        own = os.fstat(self.host).st_ino
        found = [Entry(own, "directory", b"."), Entry(own, "directory", b"..")]
        rest = []
        again = _reopened(self.host)
        with os.scandir(again[0]) as listing:
            for entry in listing:
                rest.append(Entry(entry.inode(), _kind(entry), os.fsencode(entry.name)))
                if len(rest) % LOOK_EVERY == 0:
                    look()
        again.close()
        rest.sort(key=_name_of)
        return found + rest

    def status(self) -> Status:
        return status_of(os.fstat(self.host))

    def space(self) -> Space:
        found = os.fstatvfs(self.host)
        block = found.f_frsize or found.f_bsize
        return Space(found.f_blocks * block, found.f_bavail * block, found.f_files, found.f_favail)

    def set_times(self, atim: int | None, mtim: int | None) -> None:
        self._must_be_writable()
        os.utime(self.host, ns=kept_times(os.fstat(self.host), atim, mtim))

    def sync(self, *, data_only: bool) -> None:
        if data_only:
            os.fdatasync(self.host)
        else:
            os.fsync(self.host)

    def duplicate(self, *, read_only: bool = False) -> HostDirectory:
        """Another descriptor of it, which cannot change anything if this one cannot or `read_only` says so."""
        return HostDirectory(_reopened(self.host), read_only=self.read_only or read_only)

    def close(self) -> None:
        self.host = -1
        self._owned.close()


def _reopened(host: int) -> Owned:
    """The directory once more, read from a position of its own, which a duplicate would share."""
    owned = Owned()
    try:
        owned.extend(map(partial(os.open, dir_fd=host), (b".",), (_DIRECTORY,)))
    except PermissionError as failure:  # it was opened with rights that this process has no longer
        must_be_refusal(failure)
        owned.extend(map(os.dup, (host,)))
    return owned


def _open_or_wait(opened: Owned, name: bytes, flags: int, at: int, nonblocking: bool) -> None:
    """Open `name`; the host itself does not wait. A pipe that is opened to write waits here for one who reads."""
    host_open = partial(os.open, flags=flags | os.O_NONBLOCK, mode=0o666, dir_fd=at)
    while True:
        try:
            opened.extend(map(host_open, (name,)))
            return
        except OSError as failure:
            must_be_refusal(failure)
            if nonblocking or failure.errno not in (errno.ENXIO, errno.EWOULDBLOCK):
                raise
            if not stat.S_ISFIFO(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                raise
        wait([], _UNTIL_ANOTHER_LOOK)


_UNTIL_ANOTHER_LOOK: Final = 10_000_000
"""Nanoseconds between two looks whether someone has opened a pipe to read."""


def _name_of(entry: Entry) -> bytes:
    return entry.name


def _kind(entry: os.DirEntry[str]) -> Kind:
    """From the listing itself where it says, else by a stat."""
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "directory"
    if entry.is_file(follow_symlinks=False):
        return "file"
    try:
        return kind_of(entry.stat(follow_symlinks=False).st_mode)
    except OSError as failure:
        must_be_refusal(failure)
        return "unknown"
