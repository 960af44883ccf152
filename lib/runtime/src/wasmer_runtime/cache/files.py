"""A directory of files that are whole or not there, used by many processes, any of which may end at any instruction.

A file is written under a name of its own and then renamed, which is one step; it is never written to again, for
somebody may have it mapped. So there is no lock. What a process left that was ended amid writing is removed later. A
file that is removed lives on where it is mapped. Nothing waits for the disk: after a loss of power a file may be cut
off, which the checksum of an artifact tells.

Nothing is removed but files whose names were given here: a program may choose a directory in which others lie, too.
"""

from __future__ import annotations

import os
import stat
import time

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final
from wasmer_runtime_core.support.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIX: Final = ".wasmer"
UNFINISHED: Final = ".new"
SHORTEST_HASH: Final = 64
"""Digits."""
LEFT_SECONDS: Final = 3600
"""So long a file that is being written is somebody's. If a clock jumps meanwhile, the writer's work is lost."""
TOUCH_SECONDS: Final = 3600
"""A file's time says when it was used last, as exactly as this, so that most uses write nothing."""
AFTERWARDS: Final = 0.8
"""What is left, of the limit, when the directory was trimmed."""


class Entry(NamedTuple):
    """A file of the directory.

    Attributes:
        name: without its suffix.
        size: in bytes.
        used: when it was used last, seconds since the epoch.
    """

    name: str
    size: int
    used: float


class UnsafeDirectoryError(PermissionError):
    """The directory is not this user's alone."""


def is_kept(name: str) -> bool:
    """Whether a name is that of a file that is kept: a hash and the suffix."""
    digits = name.removesuffix(SUFFIX)
    return digits != name and len(digits) >= SHORTEST_HASH and not digits.strip("0123456789abcdef")


def is_unfinished(name: str) -> bool:
    """Whether a name is that of a file that is being written: see `put`."""
    process, _, moment = name.removeprefix(".").removesuffix(UNFINISHED).partition("-")
    return name == f".{process}-{moment}{UNFINISHED}" and f"{process}{moment}".isdecimal() and bool(process and moment)


def _entries(found: Iterable[tuple[str, os.stat_result]]) -> list[Entry]:
    entries = [
        Entry(name.removesuffix(SUFFIX), status.st_size, status.st_mtime) for name, status in found if is_kept(name)
    ]
    latest = time.time() + TOUCH_SECONDS
    return sorted(entries, key=lambda entry: (entry.used if entry.used <= latest else 0.0, entry.used, entry.name))


def put(path: str, content: bytes, mode: int, directory: int | None = None) -> None:
    """Put a whole file in place of one of that name, in one step: somebody may have that one mapped.

    Args:
        path: where.
        content: of the file.
        mode: its permissions, as far as the process's mask leaves them.
        directory: what a relative path is relative to, as a descriptor; None: the working directory.

    Raises:
        OSError: it cannot be written, and is not there, or as it was.
    """
    unfinished = os.path.join(os.path.dirname(path), f".{os.getpid()}-{time.monotonic_ns()}{UNFINISHED}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(unfinished, flags, mode, dir_fd=directory)
    try:
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(file, rest) :]
        finally:
            os.close(file)
        os.rename(unfinished, path, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        try:
            os.unlink(unfinished, dir_fd=directory)
        except OSError:
            pass
        raise


@final
class Files:
    """Such a directory, opened. A context manager.

    Everything is done relative to what was opened and looked at, whatever its path leads to later.
    """

    def __init__(self, path: str, *, make: bool = False, private: bool = True) -> None:
        """Open a directory.

        Args:
            path: where it is.
            make: make it, for this user alone, if it is not there; what is above it must be.
            private: refuse one that belongs to somebody else, or that others can write to.

        Raises:
            FileNotFoundError: it is not there.
            UnsafeDirectoryError: it is somebody else's, or others can write to it.
            OSError: it cannot be opened, or is none.
        """
        self.path = path
        self.directory = -1
        if make:
            try:
                os.mkdir(path, 0o700)
            except FileExistsError:
                pass
        self.directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if private:
                self._check()
        except BaseException:
            self.close()
            raise

    def _check(self) -> None:
        found = os.fstat(self.directory)
        if found.st_uid != os.geteuid():
            raise UnsafeDirectoryError(f"{self.path} belongs to user {found.st_uid}, not to {os.geteuid()}")
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise UnsafeDirectoryError(f"{self.path} can be written to by other users")

    def close(self) -> None:
        """Let go of it."""
        directory, self.directory = self.directory, -1
        if directory >= 0:
            os.close(directory)

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def location(self, name: str) -> str:
        """A path by which a file can be opened, or not, while the directory is open."""
        return f"/proc/self/fd/{self.directory}/{name}{SUFFIX}"

    def shown(self, name: str) -> str:
        """The path of a file, for people."""
        return os.path.join(self.path, name + SUFFIX)

    def touch(self, name: str) -> None:
        """Note that a file is used.

        Raises:
            OSError: it is not there, or cannot be touched.
        """
        now = time.time()
        used = os.stat(name + SUFFIX, dir_fd=self.directory, follow_symlinks=False).st_mtime
        if abs(now - used) > TOUCH_SECONDS:
            os.utime(name + SUFFIX, (now, now), dir_fd=self.directory, follow_symlinks=False)

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, in place of one of that name.

        Raises:
            OSError: it cannot be written, and is not there, or as it was.
        """
        put(name + SUFFIX, content, 0o400, self.directory)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            OSError: it cannot be removed.
        """
        self._unlink(name + SUFFIX)

    def _unlink(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self.directory)
        except FileNotFoundError:  # another process was faster
            pass

    def entries(self) -> list[Entry]:
        """All files, the one that was used last at the end. A time that is still to come is that of a clock that was
        wrong, and nobody has used the file since: it stands at the beginning.

        Raises:
            OSError: the directory cannot be read.
        """
        return _entries(self._all())

    def _all(self) -> Iterator[tuple[str, os.stat_result]]:
        for name in os.listdir(self.directory):
            try:
                status = os.stat(name, dir_fd=self.directory, follow_symlinks=False)
            except FileNotFoundError:  # another process was faster
                continue
            if stat.S_ISREG(status.st_mode):
                yield name, status

    def trim(self, limit: int) -> None:
        """Remove what was not used for longest, if all files together have more bytes than that; and what was left.

        Raises:
            OSError: the directory cannot be read, or a file of it not removed.
        """
        now = time.time()
        found = list(self._all())
        for name, status in found:
            if is_unfinished(name) and abs(now - status.st_mtime) > LEFT_SECONDS:
                self._unlink(name)
        entries = _entries(found)
        size = sum(entry.size for entry in entries)
        if size <= limit:
            return
        for entry in entries:
            if size <= limit * AFTERWARDS:
                break
            self.remove(entry.name)
            size -= entry.size

    def clean(self) -> tuple[int, int]:
        """Remove all of it; how many files, and bytes.

        Raises:
            OSError: a file cannot be removed.
        """
        entries = self.entries()
        for entry in entries:
            self.remove(entry.name)
        for name, _ in list(self._all()):
            if is_unfinished(name):
                self._unlink(name)
        return len(entries), sum(entry.size for entry in entries)
