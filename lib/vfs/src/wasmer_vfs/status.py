"""What is known of a file: its kind, and the rest of what `stat` tells."""

from __future__ import annotations

import os
import stat

from wasmer_runtime_core.support.annotations import Final, Literal
from wasmer_runtime_core.support.named_tuple import NamedTuple

Kind = Literal[
    "file",
    "directory",
    "link",
    "pipe",
    "character device",
    "block device",
    "stream socket",
    "datagram socket",
    "unknown",
]
"""What a name or an open file stands for."""


class Status(NamedTuple):
    """What `stat` tells. Times are nanoseconds since 1970."""

    dev: int
    ino: int
    kind: Kind
    nlink: int
    size: int
    atim: int
    mtim: int
    ctim: int


_KINDS: Final[dict[int, Kind]] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "stream socket",  # by its name alone, which says no more
}
_FORMAT: Final = 0o170000
"""The bits of a mode that say the kind (`S_IFMT`)."""


def kind_of(mode: int) -> Kind:
    """The kind that the host's mode says."""
    return _KINDS.get(mode & _FORMAT, "unknown")


def status_of(found: os.stat_result) -> Status:
    """The host's answer."""
    return Status(
        found.st_dev,
        found.st_ino,
        _KINDS.get(found.st_mode & _FORMAT, "unknown"),
        found.st_nlink,
        found.st_size,
        found.st_atime_ns,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )


def kept_times(found: os.stat_result, atim: int | None, mtim: int | None) -> tuple[int, int]:
    """Both times, those that are None as they are now."""
    return (
        found.st_atime_ns if atim is None else atim,
        found.st_mtime_ns if mtim is None else mtim,
    )
