"""System calls on directories."""

from __future__ import annotations

import errno
import os
import stat
from struct import Struct
from typing import Final

from wasmer_emscripten.functions import syscall
from wasmer_emscripten.guest import U32, U64
from wasmer_emscripten.library.streams import opened_of
from wasmer_emscripten.numbers import AT_FDCWD, DIRENT_TYPES
from wasmer_emscripten.process import Process
from wasmer_emscripten.syscalls.paths import new_name_of, place_of
from wasmer_vfs.errors import refusal
from wasmer_vfs.waiting import LOOK_EVERY, look

_DIRENT: Final = Struct("<QqHB256sx4x")
"""`struct dirent`, which always has room for the longest name."""
_SHORT_DIRENT: Final = Struct("<IiHB256sx")
"""The same, where numbers of files and places in them have 32 bits."""


@syscall("iii", "mkdirat")
def mkdirat(process: Process, directory: int, path: int, mode: int) -> None:
    """Make a directory."""
    place = new_name_of(process, directory, path)
    place.directory.create_directory(place.path)
    process.tree.set_mode(place.directory.path_status(place.path, False), mode & ~process.umask)


@syscall("ii", "mkdir")
def mkdir(process: Process, path: int, mode: int) -> None:
    """The same."""
    mkdirat(process, AT_FDCWD, path, mode)


@syscall("iiii", "mknodat")
def mknodat(process: Process, directory: int, path: int, mode: int, device: int) -> None:
    """Make an empty file; EPERM for anything else that is no directory, which none can be: EINVAL."""
    kind = stat.S_IFMT(mode) or stat.S_IFREG
    if kind in (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK):
        raise refusal(errno.EPERM)
    if kind != stat.S_IFREG:
        raise refusal(errno.EINVAL)
    place = new_name_of(process, directory, path)
    place.directory.open(place.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, follow=False).close()
    process.tree.set_mode(place.directory.path_status(place.path, False), mode & 0o7777 & ~process.umask)


@syscall("iii", "mknod")
def mknod(process: Process, path: int, mode: int, device: int) -> None:
    """The same."""
    mknodat(process, AT_FDCWD, path, mode, device)


@syscall("i", "chdir")
def chdir(process: Process, path: int) -> None:
    """Change the current directory."""
    place = place_of(process, AT_FDCWD, path)
    if place.directory.path_status(place.path, True).kind != "directory":
        raise refusal(errno.ENOTDIR)
    process.tree.current = place.whole


@syscall("i", "fchdir")
def fchdir(process: Process, fd: int) -> None:
    """Change the current directory to an open one."""
    opened = opened_of(process, fd)
    if opened.directory is None:
        raise refusal(errno.ENOTDIR)
    process.tree.current = opened.path


@syscall("ii", "getcwd")
def getcwd(process: Process, target: int, size: int) -> int:
    """Write the current directory: its length, the NUL included."""
    size &= U32
    if not size:
        raise refusal(errno.EINVAL)
    text = process.tree.current + b"\0"
    if size < len(text):
        raise refusal(errno.ERANGE)
    process.guest.write(target, text)
    return len(text)


@syscall("iii", "getdents64")
def getdents64(process: Process, fd: int, target: int, size: int) -> int:
    """Write the next names of a directory, as many as there is room for: the bytes they take."""
    size &= U32
    wide = process.layouts.wide
    dirent = _DIRENT if wide else _SHORT_DIRENT
    room = size // dirent.size
    target = process.guest.check(target, size)
    opened = opened_of(process, fd)
    if opened.directory is None:
        raise refusal(errno.ENOTDIR)
    if not room:
        raise refusal(errno.EINVAL)
    listing = process.descriptors.listing(opened, anew=opened.position == 0)
    at = target
    for number in range(opened.position, min(opened.position + room, len(listing))):
        ino, kind, name = listing[number]
        process.guest.pack(
            dirent, at, ino & (U64 if wide else U32), number + 1, dirent.size, DIRENT_TYPES[kind], name[:255]
        )
        at += dirent.size
        if number % LOOK_EVERY == 0:
            look()
    opened.position += (at - target) // dirent.size
    return at - target
