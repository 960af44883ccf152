"""Reading and writing open files: the functions that programs import from WASI's namespace, and their older twins."""

from __future__ import annotations

import errno
import os
from struct import Struct
from typing import Final

from wasmer_emscripten.functions import provides, wasi
from wasmer_emscripten.guest import U32, U64
from wasmer_emscripten.process import Process
from wasmer_vfs.devices import Device
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import File, HostFile, release
from wasmer_vfs.trees import Opened
from wasmer_vfs.waiting import PIECE_BYTES

_PAIR: Final = Struct("<II")
_FDSTAT: Final = Struct("<BxH4xQQ")
_TERMINAL, _DIRECTORY, _FILE, _LINK = 2, 3, 4, 7
_COPIED: Final = 4096
"""Most that a write of one buffer copies on the way, which costs less than a view of the memory."""
_WHENCE: Final = (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END)


def file_of(process: Process, number: int) -> File:
    """The file of a number.

    Raises:
        OSError: EBADF, there is none; EISDIR, a directory.
    """
    opened = process.descriptors.find(number)
    if opened.file is None:
        raise refusal(errno.EISDIR)
    return opened.file


def opened_of(process: Process, number: int) -> Opened:
    """What a number stands for.

    Raises:
        OSError: EBADF, nothing.
    """
    return process.descriptors.find(number)


def is_terminal(opened: Opened) -> bool:
    """Whether it is a terminal: of the host's, or a file object that says so."""
    file = opened.file
    if file is None or isinstance(file, Device) or opened.status().kind != "character device":
        return False
    return not isinstance(file, HostFile) or os.isatty(file.host)


@wasi("iiii->i", "fd_write")
def fd_write(process: Process, fd: int, iovs: int, count: int, written: int) -> None:
    """Write at a file's position."""
    guest = process.guest
    guest.check(written, 4)
    file = file_of(process, fd)
    if count == 1:
        start, length = guest.unpack(_PAIR, iovs)
        if length <= _COPIED:
            data = guest.read(start, length)
            host = process.descriptors.open[fd].host
            guest.put_u32(written, os.write(host, data) if host >= 0 else file.write([data]))
            return
    buffers = guest.gather(iovs, count)
    try:
        done = file.write(buffers)
    finally:
        release(buffers)
    guest.put_u32(written, done)


@wasi("iiii->i", "fd_read")
def fd_read(process: Process, fd: int, iovs: int, count: int, read: int) -> None:
    """Read from a file's position."""
    guest = process.guest
    guest.check(read, 4)
    file = file_of(process, fd)
    buffers = guest.gather(iovs, count)
    try:
        done = file.read(buffers)
    finally:
        release(buffers)
    guest.put_u32(read, done)


@wasi("iiiIi->i", "fd_pwrite")
def fd_pwrite(process: Process, fd: int, iovs: int, count: int, offset: int, written: int) -> None:
    """Write to a place in a file, leaving its position."""
    process.guest.check(written, 4)
    file = file_of(process, fd)
    buffers = process.guest.gather(iovs, count)
    try:
        done = file.write_at(buffers, offset)
    finally:
        release(buffers)
    process.guest.put_u32(written, done)


@wasi("iiiIi->i", "fd_pread")
def fd_pread(process: Process, fd: int, iovs: int, count: int, offset: int, read: int) -> None:
    """Read from a place in a file, leaving its position."""
    process.guest.check(read, 4)
    file = file_of(process, fd)
    buffers = process.guest.gather(iovs, count)
    try:
        done = file.read_at(buffers, offset)
    finally:
        release(buffers)
    process.guest.put_u32(read, done)


@wasi("iIii->i", "fd_seek")
def fd_seek(process: Process, fd: int, offset: int, whence: int, target: int) -> None:
    """Move a file's position, and write the new one."""
    process.guest.check(target, 8)
    if not 0 <= whence < len(_WHENCE):
        raise refusal(errno.EINVAL)
    opened = opened_of(process, fd)
    if opened.file is None:
        position = seek_directory(process, opened, offset, whence)
    else:
        position = opened.file.seek(offset, _WHENCE[whence])
    process.guest.put_u64(target, position & U64)


def seek_directory(process: Process, opened: Opened, offset: int, whence: int) -> int:
    """`rewinddir` and `seekdir`: a position in a directory is a number of names."""
    if whence == os.SEEK_CUR:
        offset += opened.position
    elif whence == os.SEEK_END:
        offset += len(process.descriptors.listing(opened, anew=False))
    if offset < 0:
        raise refusal(errno.EINVAL)
    opened.position = offset
    return offset


@wasi("i->i", "fd_close")
def fd_close(process: Process, fd: int) -> None:
    """Close a number."""
    process.close_on_exec.discard(fd)
    process.descriptors.close(fd)


@wasi("i->i", "fd_sync", "fd_datasync")
def fd_sync(process: Process, fd: int) -> None:
    """Write to the disk what was written to a file."""
    opened = opened_of(process, fd)
    if opened.directory is not None:
        opened.directory.sync(data_only=False)
    elif opened.file is not None:
        opened.file.sync(data_only=False)


@wasi("ii->i", "fd_fdstat_get")
def fd_fdstat_get(process: Process, fd: int, target: int) -> None:
    """Write what kind of file a number stands for."""
    process.guest.check(target, _FDSTAT.size)
    opened = opened_of(process, fd)
    kind = opened.status().kind
    filetype = _TERMINAL if is_terminal(opened) else {"directory": _DIRECTORY, "link": _LINK}.get(kind, _FILE)
    process.guest.pack(_FDSTAT, target, filetype, 0, 0, 0)


@wasi("ii->i", "fd_fdstat_set_flags")
def fd_fdstat_set_flags(process: Process, fd: int, flags: int) -> None:
    """WASI's flags, which no program of emcc's sets."""
    opened_of(process, fd)
    raise refusal(errno.ENOTSUP)


def _print(process: Process, number: int, text: int) -> None:
    data = process.text(text, PIECE_BYTES).encode() + b"\n"
    opened = process.descriptors.open.get(number)
    if opened is not None and opened.file is not None:
        opened.file.write([data])


@provides("i->", "emscripten_console_log", "_emscripten_out", "emscripten_out", "_emscripten_log_formatted")
def console_out(process: Process, text: int) -> None:
    """Write a text and a line's end to standard output."""
    _print(process, 1, text)


@provides(
    "i->",
    "emscripten_console_error",
    "emscripten_console_warn",
    "_emscripten_err",
    "emscripten_err",
    "emscripten_dbg",
    "emscripten_console_trace",
)
def console_error(process: Process, text: int) -> None:
    """Write a text and a line's end to standard error."""
    _print(process, 2, text)


def _print_so_much(process: Process, number: int, text: int, count: int) -> None:
    data = process.guest.read(text, min(count & U32, PIECE_BYTES))
    end = data.find(b"\0")
    opened = process.descriptors.open.get(number)
    if opened is not None and opened.file is not None:
        opened.file.write([memoryview(data)[: len(data) if end < 0 else end], b"\n"])


@provides("ii->", "emscripten_outn")
def console_out_so_much(process: Process, text: int, count: int) -> None:
    """Write a text of so many bytes, and a line's end, to standard output."""
    _print_so_much(process, 1, text, count)


@provides("ii->", "emscripten_errn", "emscripten_dbgn")
def console_error_so_much(process: Process, text: int, count: int) -> None:
    """The same to standard error."""
    _print_so_much(process, 2, text, count)


@provides("ii->", "emscripten_log")
def emscripten_log(process: Process, flags: int, text: int) -> None:
    """Write a text to standard error, its arguments left out."""
    _print(process, 2, text)
