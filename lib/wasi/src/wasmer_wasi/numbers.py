"""The interface's numbers as the file system's: one table per kind.

`wasmer_vfs` speaks as Python does: kinds by name, flags and whences as `os` numbers them. Numbers of errors are in
`errno`. Clocks need no table: the interface numbers them as Linux does, which a test compares.
"""

from __future__ import annotations

import os

from wasmer_runtime_core.support.annotations import Final
from wasmer_vfs.status import Kind
from wasmer_wasi.types import (
    FDFLAG_APPEND,
    FDFLAG_DSYNC,
    FDFLAG_NONBLOCK,
    FDFLAG_RSYNC,
    FDFLAG_SYNC,
    FDFLAGS,
    FILETYPE_BLOCK_DEVICE,
    FILETYPE_CHARACTER_DEVICE,
    FILETYPE_DIRECTORY,
    FILETYPE_REGULAR_FILE,
    FILETYPE_SOCKET_DGRAM,
    FILETYPE_SOCKET_STREAM,
    FILETYPE_SYMBOLIC_LINK,
    FILETYPE_UNKNOWN,
    OFLAG_CREAT,
    OFLAG_DIRECTORY,
    OFLAG_EXCL,
    OFLAG_TRUNC,
    OFLAGS,
)

FILETYPES: Final[dict[Kind, int]] = {
    "file": FILETYPE_REGULAR_FILE,
    "directory": FILETYPE_DIRECTORY,
    "link": FILETYPE_SYMBOLIC_LINK,
    "pipe": FILETYPE_UNKNOWN,  # which has no number
    "character device": FILETYPE_CHARACTER_DEVICE,
    "block device": FILETYPE_BLOCK_DEVICE,
    "stream socket": FILETYPE_SOCKET_STREAM,
    "datagram socket": FILETYPE_SOCKET_DGRAM,
    "unknown": FILETYPE_UNKNOWN,
}
"""filetype of each kind."""


def _united(rows: tuple[tuple[int, int], ...], every: int) -> tuple[int, ...]:
    """What each set of flags means, by its number."""
    united = [0] * (every + 1)
    for flags in range(every + 1):
        for flag, host in rows:
            if flags & flag:
                united[flags] |= host
    return tuple(united)


HOST_FDFLAGS: Final = _united(
    (
        (FDFLAG_APPEND, os.O_APPEND),
        (FDFLAG_DSYNC, os.O_DSYNC),
        (FDFLAG_NONBLOCK, os.O_NONBLOCK),
        (FDFLAG_RSYNC, os.O_RSYNC),
        (FDFLAG_SYNC, os.O_SYNC),
    ),
    FDFLAGS,
)
"""Flags of `os.open` for each value of fdflags."""

HOST_OFLAGS: Final = _united(
    (
        (OFLAG_CREAT, os.O_CREAT),
        (OFLAG_DIRECTORY, os.O_DIRECTORY),
        (OFLAG_EXCL, os.O_EXCL),
        (OFLAG_TRUNC, os.O_TRUNC),
    ),
    OFLAGS,
)
"""Flags of `os.open` for each value of oflags."""

HOST_ADVICES: Final = (
    os.POSIX_FADV_NORMAL,
    os.POSIX_FADV_SEQUENTIAL,
    os.POSIX_FADV_RANDOM,
    os.POSIX_FADV_WILLNEED,
    os.POSIX_FADV_DONTNEED,
    os.POSIX_FADV_NOREUSE,
)
"""`posix_fadvise`'s number of each advice."""
