"""What every open directory can do, wherever it lies.

Paths are bytes, relative to the directory, and never lead out of it (`paths`). A directory is opened with the host's
flags, as `os.open` takes them, those of `OPEN_FLAGS` only.
"""

from __future__ import annotations

import errno
import os

from wasmer_runtime_core.support.annotations import Final, Protocol
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import File
from wasmer_vfs.status import Kind, Status

OPEN_FLAGS: Final = (
    os.O_ACCMODE
    | os.O_APPEND
    | os.O_CREAT
    | os.O_DIRECTORY
    | os.O_DSYNC
    | os.O_EXCL
    | os.O_NONBLOCK
    | os.O_RSYNC
    | os.O_SYNC
    | os.O_TRUNC
)
"""What `Directory.open` takes; others, which could lead around its checks, are EINVAL."""


WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
"""Flags of which each means that opening writes, or is for writing."""
_REFUSED: Final = ~OPEN_FLAGS
_NO_ACCESS: Final = os.O_ACCMODE
_DIRECTORY: Final = os.O_DIRECTORY
_MAKING: Final = os.O_CREAT | os.O_EXCL | os.O_TRUNC


class Entry(NamedTuple):
    """One name in a directory."""

    ino: int
    kind: Kind
    name: bytes


class Space(NamedTuple):
    """How much the file system of a directory holds.

    Attributes:
        bytes, free_bytes: what its files may have, and what of it is left.
        names, free_names: the same for files and directories, in number.
    """

    bytes: int
    free_bytes: int
    names: int
    free_names: int


class Directory(Protocol):
    """An open directory. Each of these raises `OSError` for what is refused.

    `follow` says whether the last name is followed if it is a link; times are nanoseconds since 1970, None leaves one
    as it is; `other` must be a directory of the same class, else it is EXDEV.
    """

    def open(self, path: bytes, flags: int, *, follow: bool) -> File | Directory: ...
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
    def space(self) -> Space: ...
    def set_times(self, atim: int | None, mtim: int | None) -> None: ...
    def sync(self, *, data_only: bool) -> None: ...
    def duplicate(self, *, read_only: bool = False) -> Directory: ...
    def close(self) -> None: ...


def check_flags(flags: int) -> None:
    """Refuse what no directory opens.

    Raises:
        OSError: EINVAL, a flag is not among `OPEN_FLAGS`, the access is none of the three, or a directory is to be
            made, or cut.
    """
    if flags & _REFUSED or flags & _NO_ACCESS == _NO_ACCESS or (flags & _DIRECTORY and flags & _MAKING):
        raise refusal(errno.EINVAL)
