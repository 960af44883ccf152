"""Mapping files: a copy of a part of a file in the program's heap, written back where that was asked for.

Memory without a file is the C library's own affair. The order of the parameters has changed over the years; which one
a program means is told by their number (`functions`).
"""

from __future__ import annotations

import errno
from typing import Final

from wasmer_emscripten.functions import answers, syscall
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.streams import opened_of
from wasmer_emscripten.numbers import O_ACCMODE, O_APPEND, O_NONBLOCK, host_flags
from wasmer_emscripten.process import Process
from wasmer_emscripten.state import MAX_MAPPINGS, Mapped
from wasmer_runtime_core.wasm.types import PAGE_BYTES
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import release
from wasmer_vfs.trees import Opened
from wasmer_vfs.waiting import PIECE_BYTES, look

PROT_WRITE: Final = 2
MAP_SHARED: Final = 1
MAP_TYPE: Final = 3
_READ_ONLY: Final = 0
_WRITE_ONLY: Final = 1


def _map(process: Process, length: int, protection: int, flags: int, fd: int, offset: int) -> int:
    """The address of a copy of a part of a file, zeros behind its end."""
    length &= U32
    opened = opened_of(process, fd)
    access = opened.flags & O_ACCMODE
    if not length or offset < 0 or offset % 4096:
        raise refusal(errno.EINVAL)
    if access == _WRITE_ONLY or (protection & PROT_WRITE and flags & MAP_TYPE == MAP_SHARED and access == _READ_ONLY):
        raise refusal(errno.EACCES)
    file = opened.file
    if file is None or not file.seekable:
        raise refusal(errno.ENODEV)
    allocate = process.links.find("emscripten_builtin_memalign", "memalign")
    rounded = -(-length // PAGE_BYTES) * PAGE_BYTES
    if rounded > U32:
        raise MemoryError
    pointer = (allocate(PAGE_BYTES, rounded) if allocate is not None else process.malloc(rounded, "mmap")) & U32
    if not pointer:
        raise MemoryError
    process.guest.check(pointer, rounded)
    for at in range(0, rounded, PIECE_BYTES):
        count = min(PIECE_BYTES, rounded - at)
        process.guest.write(pointer + at, bytes(count))
        buffers = [process.guest.view(pointer + at, max(min(count, length - at), 0))]
        try:
            file.read_at(buffers, offset + at)
        finally:
            release(buffers)
        look()
    return pointer


def _write_back(process: Process, address: int, length: int, opened: Opened, flags: int, offset: int) -> None:
    """Write a shared mapping to its file, as far as the file goes."""
    length &= U32
    address = process.guest.check(address, length)
    if flags & MAP_TYPE != MAP_SHARED or opened.file is None or opened.flags & O_ACCMODE == _READ_ONLY:
        return
    length = max(min(length, opened.file.status().size - offset), 0)
    appending = opened.flags & O_APPEND
    if appending:  # which holds for what is written by calls, not by memory
        opened.file.set_flags(host_flags(opened.flags & O_NONBLOCK))
    try:
        for at in range(0, length, PIECE_BYTES):
            buffers = [process.guest.view(address + at, min(PIECE_BYTES, length - at))]
            try:
                opened.file.write_at(buffers, offset + at)
            finally:
                release(buffers)
            look()
    finally:
        if appending:
            opened.file.set_flags(host_flags(opened.flags & (O_APPEND | O_NONBLOCK)))


@answers("iiiiIii", "_mmap_js")
def mmap(
    process: Process, length: int, protection: int, flags: int, fd: int, offset: int, made: int, target: int
) -> None:
    """Map a part of a file, and write where it is."""
    process.guest.check(made, 4)
    process.guest.check(target, 4)
    pointer = _map(process, length, protection, flags, fd, offset)
    process.guest.put_u32(made, 1)
    process.guest.put_u32(target, pointer)


@answers("iiiiii", "_mmap_js")
def mmap_returning(process: Process, length: int, protection: int, flags: int, fd: int, offset: int, made: int) -> int:
    """The same; it returns where that is."""
    process.guest.check(made, 4)
    pointer = _map(process, length, protection, flags, fd, offset & U32)
    process.guest.put_u32(made, 1)
    return pointer


@answers("iiiiiii", "_mmap_js")
def mmap_at(
    process: Process, address: int, length: int, protection: int, flags: int, fd: int, offset: int, made: int
) -> int:
    """The same with a wish where it shall be, which is not heard."""
    return mmap_returning(process, length, protection, flags, fd, offset, made)


@syscall("iiiiii", "mmap2")
def mmap2(process: Process, address: int, length: int, protection: int, flags: int, fd: int, pages: int) -> int:
    """The same; the offset is in pages of 4 KiB."""
    if len(process.mappings) >= MAX_MAPPINGS:
        raise MemoryError
    if fd == -1:
        pointer = process.malloc(-(-(length & U32) // PAGE_BYTES) * PAGE_BYTES, "mmap")
        for at in range(0, length & U32, PIECE_BYTES):
            process.guest.write(pointer + at, bytes(min(PIECE_BYTES, (length & U32) - at)))
            look()
    else:
        pointer = _map(process, length, protection, flags, fd, (pages & U32) * 4096)
    opened = None if fd == -1 else opened_of(process, fd)
    process.mappings[pointer] = Mapped(length & U32, flags, opened, (pages & U32) * 4096)
    return pointer


@syscall("ii", "munmap")
def munmap_kept(process: Process, address: int, length: int) -> None:
    """End a mapping that `mmap2` has made; 0 for what is none, as Emscripten has it."""
    address &= U32
    mapping = process.mappings.get(address)
    if mapping is None or mapping.length != length & U32:
        return
    _sync(process, address, mapping)
    if process.mappings.pop(address, None) is None:  # a signal's handler has called the program, which ended it
        return
    process.free(address, "munmap")


@syscall("iii", "msync")
def msync_kept(process: Process, address: int, length: int, flags: int) -> None:
    """Write a shared mapping to its file."""
    mapping = process.mappings.get(address & U32)
    if mapping is not None:
        _sync(process, address & U32, mapping)


def _sync(process: Process, address: int, mapping: Mapped) -> None:
    opened = mapping.opened
    if opened is not None and any(each is opened for each in process.descriptors.open.values()):
        _write_back(process, address, mapping.length, opened, mapping.flags, mapping.offset)


@answers("iiiiiI", "_munmap_js")
def munmap(process: Process, address: int, length: int, protection: int, flags: int, fd: int, offset: int) -> None:
    """Write a shared mapping back; its memory is freed by the C library."""
    opened = opened_of(process, fd)
    if protection & PROT_WRITE:
        _write_back(process, address, length, opened, flags, offset)


@answers("iiiiii", "_munmap_js")
def munmap_short(
    process: Process, address: int, length: int, protection: int, flags: int, fd: int, offset: int
) -> None:
    """The same with an offset of 32 bits."""
    munmap(process, address, length, protection, flags, fd, offset & U32)


@answers("iiii", "_msync_js")
def msync_whole(process: Process, address: int, length: int, flags: int, fd: int) -> None:
    """Write a shared mapping of a file from its beginning back."""
    _write_back(process, address, length, opened_of(process, fd), MAP_SHARED, 0)


@answers("iiiiiI", "_msync_js")
def msync(process: Process, address: int, length: int, protection: int, flags: int, fd: int, offset: int) -> None:
    """Write a shared mapping back."""
    _write_back(process, address, length, opened_of(process, fd), MAP_SHARED, offset)


@answers("iiiiii", "_msync_js")
def msync_short(process: Process, address: int, length: int, protection: int, flags: int, fd: int, offset: int) -> None:
    """The same with an offset of 32 bits."""
    msync(process, address, length, protection, flags, fd, offset & U32)
