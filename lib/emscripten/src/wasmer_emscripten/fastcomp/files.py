"""Reading and writing by system calls, before WASI's functions took their places."""

from __future__ import annotations

import errno
import os
from typing import Final

from wasmer_emscripten.functions import syscall
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.ending import proc_exit
from wasmer_emscripten.library.streams import fd_close, file_of, opened_of, seek_directory
from wasmer_emscripten.process import Process
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import Buffers, release

_WHENCE: Final = (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END)
MOST: Final = 0x7FFF_F000
"""Bytes of one call, as on the host."""


def _buffer(process: Process, pointer: int, count: int) -> Buffers:
    count &= U32
    process.guest.check(pointer, count)
    return [process.guest.view(pointer, min(count, MOST))] if count else []


def _read(process: Process, fd: int, buffers: Buffers, offset: int | None = None) -> int:
    try:
        file = file_of(process, fd)
        return file.read(buffers) if offset is None else file.read_at(buffers, offset)
    finally:
        release(buffers)


def _write(process: Process, fd: int, buffers: Buffers, offset: int | None = None) -> int:
    try:
        file = file_of(process, fd)
        return file.write(buffers) if offset is None else file.write_at(buffers, offset)
    finally:
        release(buffers)


@syscall("iii", "read")
def read(process: Process, fd: int, pointer: int, count: int) -> int:
    """Read from a file's position: how many bytes."""
    return _read(process, fd, _buffer(process, pointer, count))


@syscall("iii", "write")
def write(process: Process, fd: int, pointer: int, count: int) -> int:
    """Write at a file's position: how many bytes."""
    return _write(process, fd, _buffer(process, pointer, count))


@syscall("iii", "readv")
def readv(process: Process, fd: int, iovs: int, count: int) -> int:
    """The same into several buffers."""
    return _read(process, fd, process.guest.gather(iovs, count))


@syscall("iii", "writev")
def writev(process: Process, fd: int, iovs: int, count: int) -> int:
    """The same of several buffers."""
    return _write(process, fd, process.guest.gather(iovs, count))


@syscall("iiiI", "pread64")
def pread64(process: Process, fd: int, pointer: int, count: int, offset: int) -> int:
    """Read from a place in a file, leaving its position: how many bytes."""
    return _read(process, fd, _buffer(process, pointer, count), offset)


@syscall("iiiI", "pwrite64")
def pwrite64(process: Process, fd: int, pointer: int, count: int, offset: int) -> int:
    """Write to a place in a file, leaving its position: how many bytes."""
    return _write(process, fd, _buffer(process, pointer, count), offset)


@syscall("iiiii", "_llseek")
def llseek(process: Process, fd: int, high: int, low: int, target: int, whence: int) -> None:
    """Move a file's position, and write the new one, in as many bytes as the program has for it."""
    wide = process.layouts.wide
    process.guest.check(target, 8 if wide else 4)
    if not 0 <= whence < len(_WHENCE):
        raise refusal(errno.EINVAL)
    offset = high << 32 | low & U32 if wide else (low & U32 ^ 1 << 31) - (1 << 31)
    opened = opened_of(process, fd)
    if opened.file is None:
        position = seek_directory(process, opened, offset, whence)
    else:
        position = opened.file.seek(offset, _WHENCE[whence])
    if wide:
        process.guest.put_u64(target, position)
    elif position > 0x7FFF_FFFF:
        raise refusal(errno.EOVERFLOW)
    else:
        process.guest.put_u32(target, position)


@syscall("i", "close")
def close(process: Process, fd: int) -> None:
    """Close a file."""
    fd_close(process, fd)


@syscall("i->i", "exit")
def exit(process: Process, code: int) -> int:
    """End the program with a code, at once."""
    proc_exit(process, code)
