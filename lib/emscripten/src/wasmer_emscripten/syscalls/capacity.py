"""How much a file system holds: `statfs`, of the mount that a path or an open file belongs to.

A program says how large its record is, which tells how wide the counts in it are.
"""

from __future__ import annotations

import errno
from struct import Struct
from typing import Final

from wasmer_emscripten.functions import syscall
from wasmer_emscripten.guest import U32, U64
from wasmer_emscripten.numbers import AT_FDCWD
from wasmer_emscripten.process import Process
from wasmer_emscripten.syscalls.paths import place_of
from wasmer_vfs.directories import Space
from wasmer_vfs.errors import refusal

BLOCK: Final = 4096
LONGEST_NAME: Final = 255
NOTHING: Final = Space(0, 0, 0, 0)
_NO_SET_USER: Final = 2
_NARROW: Final = Struct("<II IIIII 8x III 16x")
"""Type, size of a block; blocks, free, available, names, free ones; longest name, size of a fragment, flags."""
_WIDE: Final = Struct("<II QQQQQ 8x III 16x 4x")
_RECORDS: Final = {_NARROW.size: (_NARROW, U32), _WIDE.size: (_WIDE, U64)}


@syscall("iii->i", "statfs64")
def statfs64(process: Process, path: int, size: int, target: int) -> None:
    """Write how much the file system of a path holds, and how much of that is free."""
    place = place_of(process, AT_FDCWD, path)
    place.directory.path_status(place.path, True)
    _put(process, place.directory.space(), size, target)


@syscall("iii->i", "fstatfs64")
def fstatfs64(process: Process, fd: int, size: int, target: int) -> None:
    """The same of an open file."""
    opened = process.descriptors.find(fd)
    is_in_one = opened.status().kind in ("file", "directory")  # a pipe, or a terminal, holds nothing
    _put(process, process.tree.place(opened.path).directory.space() if is_in_one else NOTHING, size, target)


def _put(process: Process, space: Space, size: int, target: int) -> None:
    if size not in _RECORDS:
        raise refusal(errno.EINVAL)
    record, most = _RECORDS[size]
    free = space.free_bytes // BLOCK
    counts = [min(each, most) for each in (space.bytes // BLOCK, free, free, space.names, space.free_names)]
    process.guest.pack(record, target, 0, BLOCK, *counts, LONGEST_NAME, BLOCK, _NO_SET_USER)
