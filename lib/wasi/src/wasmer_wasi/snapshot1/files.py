"""Calls of open files: `fd_…`.

`fd_read` and `fd_write`, which programs call by the million, answer without the detour by `answers`.
"""

from __future__ import annotations

import os
from struct import Struct

from wasmer_runtime_core.support.annotations import Final
from wasmer_vfs.files import File, release
from wasmer_vfs.status import Status
from wasmer_vfs.waiting import LOOK_EVERY, PIECE_BYTES, Interrupted, asked, look
from wasmer_wasi.errno import (
    EBADF,
    EFAULT,
    EINVAL,
    ENAMETOOLONG,
    ENOTCAPABLE,
    ENOTDIR,
    ESPIPE,
    FAILURES,
    SUCCESS,
    WasiError,
    errno_of,
)
from wasmer_wasi.guest import SIZE, TIME, U32, U64, Context, beyond, check, gather
from wasmer_wasi.numbers import FILETYPES, HOST_ADVICES, HOST_FDFLAGS
from wasmer_wasi.snapshot1.answers import answers
from wasmer_wasi.state import NO_STATE, WasiState, lent
from wasmer_wasi.types import (
    ADVICES,
    CLOCK_REALTIME,
    DIRENT,
    FDFLAGS,
    FDSTAT,
    FILESTAT,
    FSTFLAG_ATIM,
    FSTFLAG_ATIM_NOW,
    FSTFLAG_MTIM,
    FSTFLAG_MTIM_NOW,
    FSTFLAGS,
    PREOPEN_DIRECTORY,
    PRESTAT,
    RIGHT_FD_ADVISE,
    RIGHT_FD_ALLOCATE,
    RIGHT_FD_DATASYNC,
    RIGHT_FD_FDSTAT_SET_FLAGS,
    RIGHT_FD_FILESTAT_GET,
    RIGHT_FD_FILESTAT_SET_SIZE,
    RIGHT_FD_FILESTAT_SET_TIMES,
    RIGHT_FD_READ,
    RIGHT_FD_READDIR,
    RIGHT_FD_SEEK,
    RIGHT_FD_SYNC,
    RIGHT_FD_TELL,
    RIGHT_FD_WRITE,
    SNAPSHOT1,
)

_PAIR: Final = Struct("<II")
_FDSTAT: Final = FDSTAT.layout(SNAPSHOT1)
FILESTAT_LAYOUT: Final = FILESTAT.layout(SNAPSHOT1)
_PRESTAT: Final = PRESTAT.layout(SNAPSHOT1)
_DIRENT: Final = DIRENT.layout(SNAPSHOT1)
COPIED_BYTES: Final = 4096
"""Most that a read or write of one buffer copies on the way, which costs less than a view of the guest's memory."""
_WHENCE: Final = (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END)


@answers
def fd_advise(ctx: Context, state: WasiState, fd: int, offset: int, length: int, advice: int) -> int:
    """Tell how a range of a file will be used."""
    file = state.descriptors.get_file(fd & U32, RIGHT_FD_ADVISE)
    if not 0 <= advice < ADVICES or length < 0:
        return EINVAL
    if offset >= 0:  # an offset no file can have is a hint about nothing
        file.advise(offset, length, HOST_ADVICES[advice])
    return SUCCESS


@answers
def fd_allocate(ctx: Context, state: WasiState, fd: int, offset: int, length: int) -> int:
    """Make room for a range of a file, which grows if it is shorter."""
    file = state.descriptors.get_file(fd & U32, RIGHT_FD_ALLOCATE)
    file.allocate(offset, length)
    return SUCCESS


@answers
def fd_close(ctx: Context, state: WasiState, fd: int) -> int:
    """Close a descriptor."""
    state.descriptors.close(fd & U32)
    return SUCCESS


@answers
def fd_datasync(ctx: Context, state: WasiState, fd: int) -> int:
    """Write what was written to a file to the disk."""
    _synchronize(state, fd, RIGHT_FD_DATASYNC, data_only=True)
    return SUCCESS


@answers
def fd_fdstat_get(ctx: Context, state: WasiState, fd: int, stat: int) -> int:
    """Write a descriptor's kind, flags and rights."""
    stat = check(ctx, state, stat, _FDSTAT.size)
    found = state.descriptors.get(fd & U32)
    _FDSTAT.pack_into(state.memory, stat, found.filetype, found.flags, found.rights, found.inheriting)
    return SUCCESS


@answers
def fd_fdstat_set_flags(ctx: Context, state: WasiState, fd: int, flags: int) -> int:
    """Change a descriptor's flags."""
    descriptor = state.descriptors.get(fd & U32, RIGHT_FD_FDSTAT_SET_FLAGS)
    if flags & ~FDFLAGS:
        return EINVAL
    if descriptor.file is None:
        return EBADF
    descriptor.file.set_flags(HOST_FDFLAGS[flags])
    descriptor.flags = flags
    return SUCCESS


@answers
def fd_fdstat_set_rights(ctx: Context, state: WasiState, fd: int, rights_base: int, rights_inheriting: int) -> int:
    """Take rights away from a descriptor."""
    descriptor = state.descriptors.get(fd & U32)
    rights_base &= U64
    rights_inheriting &= U64
    if rights_base & ~descriptor.rights or rights_inheriting & ~descriptor.inheriting:
        return ENOTCAPABLE
    descriptor.rights = rights_base
    descriptor.inheriting = rights_inheriting
    return SUCCESS


@answers
def fd_filestat_get(ctx: Context, state: WasiState, fd: int, buf: int) -> int:
    """Write a file's status."""
    buf = check(ctx, state, buf, FILESTAT_LAYOUT.size)
    return write_filestat(state, buf, status_of_descriptor(state, fd))


def write_filestat(state: WasiState, buf: int, status: Status) -> int:
    """A file's status goes to `buf`, which is checked already."""
    dev, ino, kind, nlink, size, atim, mtim, ctim = status
    times = (atim & U64, mtim & U64, ctim & U64)
    FILESTAT_LAYOUT.pack_into(state.memory, buf, dev, ino, FILETYPES[kind], nlink, size, *times)
    return SUCCESS


def status_of_descriptor(state: WasiState, fd: int) -> Status:
    descriptor = state.descriptors.get(fd & U32, RIGHT_FD_FILESTAT_GET)
    opened = descriptor.file if descriptor.directory is None else descriptor.directory
    if opened is None:
        raise WasiError(EBADF)
    return opened.status()


@answers
def fd_filestat_set_size(ctx: Context, state: WasiState, fd: int, size: int) -> int:
    """Cut a file, or lengthen it with zeros."""
    file = state.descriptors.get_file(fd & U32, RIGHT_FD_FILESTAT_SET_SIZE)
    if size < 0:
        return EINVAL
    file.set_size(size)
    return SUCCESS


@answers
def fd_filestat_set_times(ctx: Context, state: WasiState, fd: int, atim: int, mtim: int, fst_flags: int) -> int:
    """Set a file's times of access and change, in nanoseconds."""
    descriptor = state.descriptors.get(fd & U32, RIGHT_FD_FILESTAT_SET_TIMES)
    times = times_of(state, atim, mtim, fst_flags)
    opened = descriptor.file if descriptor.directory is None else descriptor.directory
    if opened is not None and times != (None, None):
        opened.set_times(*times)
    return SUCCESS


def times_of(state: WasiState, atim: int, mtim: int, flags: int) -> tuple[int | None, int | None]:
    """What to set the times to; None: leave."""
    both_atim = FSTFLAG_ATIM | FSTFLAG_ATIM_NOW
    both_mtim = FSTFLAG_MTIM | FSTFLAG_MTIM_NOW
    if flags & ~FSTFLAGS or flags & both_atim == both_atim or flags & both_mtim == both_mtim:
        raise WasiError(EINVAL)
    now = asked(state.clock.readers[CLOCK_REALTIME]) & U64 if flags & (FSTFLAG_ATIM_NOW | FSTFLAG_MTIM_NOW) else None
    return (
        atim & U64 if flags & FSTFLAG_ATIM else now if flags & FSTFLAG_ATIM_NOW else None,
        mtim & U64 if flags & FSTFLAG_MTIM else now if flags & FSTFLAG_MTIM_NOW else None,
    )


@answers
def fd_pread(ctx: Context, state: WasiState, fd: int, iovs: int, iovs_len: int, offset: int, nread: int) -> int:
    """Read from a place in a file, leaving its position."""
    nread = check(ctx, state, nread, 4)
    buffers = gather(ctx, state, iovs, iovs_len)
    try:
        file = _positioned(state, fd, RIGHT_FD_READ)
        if offset < 0:
            return EINVAL
        SIZE.pack_into(state.memory, nread, file.read_at(buffers, offset))
    finally:
        release(buffers)
    return SUCCESS


def _positioned(state: WasiState, fd: int, right: int) -> File:
    """A file that can be read or written at any place; ESPIPE for a stream."""
    descriptor = state.descriptors.get(fd & U32, right)
    if descriptor.file is None:
        raise WasiError(EBADF)
    if not descriptor.rights & RIGHT_FD_SEEK:
        raise WasiError(ENOTCAPABLE if descriptor.granted & RIGHT_FD_SEEK else ESPIPE)
    return descriptor.file


@answers
def fd_prestat_get(ctx: Context, state: WasiState, fd: int, buf: int) -> int:
    """Write what kind of preopened thing a descriptor is, and how long its name."""
    buf = check(ctx, state, buf, _PRESTAT.size)
    preopen = state.descriptors.get(fd & U32).preopen
    if preopen is None:
        return EBADF
    _PRESTAT.pack_into(state.memory, buf, PREOPEN_DIRECTORY, len(preopen))
    return SUCCESS


@answers
def fd_prestat_dir_name(ctx: Context, state: WasiState, fd: int, path: int, path_len: int) -> int:
    """Write the name of a preopened directory, without a NUL."""
    path_len &= U32
    path = check(ctx, state, path, path_len)
    preopen = state.descriptors.get(fd & U32).preopen
    if preopen is None:
        return ENOTDIR
    if path_len < len(preopen):
        return ENAMETOOLONG
    state.memory.write(path, preopen)
    return SUCCESS


@answers
def fd_pwrite(ctx: Context, state: WasiState, fd: int, iovs: int, iovs_len: int, offset: int, nwritten: int) -> int:
    """Write to a place in a file, leaving its position."""
    nwritten = check(ctx, state, nwritten, 4)
    buffers = gather(ctx, state, iovs, iovs_len)
    try:
        file = _positioned(state, fd, RIGHT_FD_WRITE)
        if offset < 0:
            return EINVAL
        SIZE.pack_into(state.memory, nwritten, file.write_at(buffers, offset))
    finally:
        release(buffers)
    return SUCCESS


def fd_read(ctx: Context, fd: int, iovs: int, iovs_len: int, nread: int) -> int:
    """Read from a file's position."""
    state: WasiState = ctx.data
    nread &= U32
    try:
        if nread + 4 > state.memory_bytes and beyond(ctx, state, nread + 4):
            return EFAULT
    except NO_STATE:
        return fd_read(lent(ctx), fd, iovs, iovs_len, nread)
    try:
        if iovs_len == 1:
            iovs &= U32
            if iovs + 8 > state.memory_bytes and beyond(ctx, state, iovs + 8):
                return EFAULT
            start, length = _PAIR.unpack_from(state.memory, iovs)
            end = start + length
            if end > state.memory_bytes and beyond(ctx, state, end):
                return EFAULT
            descriptor = state.descriptors.open.get(fd)
            if descriptor is None:
                return EBADF
            if not descriptor.rights & RIGHT_FD_READ:
                return descriptor.refusal(RIGHT_FD_READ)
            if descriptor.host >= 0 and length <= COPIED_BYTES:
                data = os.read(descriptor.host, length)
                state.memory.write(start, data)
                SIZE.pack_into(state.memory, nread, len(data))
                return SUCCESS
            file = descriptor.file
            if file is None:
                return EBADF
            buffers = [memoryview(state.memory)[start:end]] if length else []
            if descriptor.host >= 0 and length <= PIECE_BYTES:
                try:
                    count = os.readv(descriptor.host, buffers)
                except BaseException:
                    release(buffers)
                    raise
                SIZE.pack_into(state.memory, nread, count)
                return SUCCESS
        else:
            buffers = gather(ctx, state, iovs, iovs_len)
            file = state.descriptors.get_file(fd & U32, RIGHT_FD_READ)
        try:
            count = file.read(buffers)
        except BaseException:
            release(buffers)
            raise
        SIZE.pack_into(state.memory, nread, count)
        return SUCCESS
    except FAILURES as failure:
        return errno_of(failure)
    except Interrupted as interrupted:
        reason = interrupted.reason
    raise reason


@answers
def fd_readdir(ctx: Context, state: WasiState, fd: int, buf: int, buf_len: int, cookie: int, bufused: int) -> int:
    """Write entries of a directory, from `cookie` on, until the buffer is full.

    A cookie is a number of entries; at 0 the directory is read anew, and what follows shows
    the names of that moment. The last entry may be cut short, which fills the buffer and
    says that there are more.
    """
    bufused = check(ctx, state, bufused, 4)
    buf_len &= U32
    buf = check(ctx, state, buf, buf_len)
    cookie &= U64
    used = 0
    descriptors = state.descriptors
    listing = descriptors.listing(descriptors.get(fd & U32, RIGHT_FD_READDIR), anew=cookie == 0)
    for at in range(cookie, len(listing)):
        ino, kind, name = listing[at]
        entry = _DIRENT.pack(at + 1, ino & U64, len(name), FILETYPES[kind]) + name
        room = min(buf_len - used, len(entry))
        state.memory.write(buf + used, entry[:room])
        used += room
        if used == buf_len:
            break
        if at % LOOK_EVERY == 0:
            look()
    SIZE.pack_into(state.memory, bufused, used)
    return SUCCESS


@answers
def fd_renumber(ctx: Context, state: WasiState, fd: int, to: int) -> int:
    """Give a descriptor the number of another open one, which is closed."""
    state.descriptors.renumber(fd & U32, to & U32)
    return SUCCESS


@answers
def fd_seek(ctx: Context, state: WasiState, fd: int, offset: int, whence: int, newoffset: int) -> int:
    """Move a file's position and write the new one."""
    if not 0 <= whence < len(_WHENCE):
        return EINVAL
    return seek(ctx, state, fd, offset, _WHENCE[whence], newoffset)


def seek(ctx: Context, state: WasiState, fd: int, offset: int, whence: int, newoffset: int) -> int:
    """`fd_seek` with the host's whence."""
    newoffset = check(ctx, state, newoffset, 8)
    descriptor = state.descriptors.get(fd & U32)
    if descriptor.file is None:
        return EBADF
    if not descriptor.granted & RIGHT_FD_SEEK:
        return ESPIPE
    telling = whence == os.SEEK_CUR and offset == 0
    if not descriptor.rights & (RIGHT_FD_SEEK | RIGHT_FD_TELL if telling else RIGHT_FD_SEEK):
        return ENOTCAPABLE
    TIME.pack_into(state.memory, newoffset, descriptor.file.seek(offset, whence))
    return SUCCESS


@answers
def fd_sync(ctx: Context, state: WasiState, fd: int) -> int:
    """Write what was written to a file, and its status, to the disk."""
    _synchronize(state, fd, RIGHT_FD_SYNC, data_only=False)
    return SUCCESS


def _synchronize(state: WasiState, fd: int, right: int, *, data_only: bool) -> None:
    descriptor = state.descriptors.get(fd & U32, right)
    opened = descriptor.file if descriptor.directory is None else descriptor.directory
    if opened is not None:
        opened.sync(data_only=data_only)


@answers
def fd_tell(ctx: Context, state: WasiState, fd: int, offset: int) -> int:
    """Write a file's position."""
    return seek(ctx, state, fd, 0, os.SEEK_CUR, offset)


def fd_write(ctx: Context, fd: int, iovs: int, iovs_len: int, nwritten: int) -> int:
    """Write at a file's position."""
    state: WasiState = ctx.data
    nwritten &= U32
    try:
        if nwritten + 4 > state.memory_bytes and beyond(ctx, state, nwritten + 4):
            return EFAULT
    except NO_STATE:
        return fd_write(lent(ctx), fd, iovs, iovs_len, nwritten)
    try:
        if iovs_len == 1:
            iovs &= U32
            if iovs + 8 > state.memory_bytes and beyond(ctx, state, iovs + 8):
                return EFAULT
            start, length = _PAIR.unpack_from(state.memory, iovs)
            end = start + length
            if end > state.memory_bytes and beyond(ctx, state, end):
                return EFAULT
            descriptor = state.descriptors.open.get(fd)
            if descriptor is None:
                return EBADF
            if not descriptor.rights & RIGHT_FD_WRITE:
                return descriptor.refusal(RIGHT_FD_WRITE)
            file = descriptor.file
            if file is None:
                return EBADF
            if length <= COPIED_BYTES:
                data = state.memory.read(start, length)
                count = os.write(descriptor.host, data) if descriptor.host >= 0 else file.write([data])
                SIZE.pack_into(state.memory, nwritten, count)
                return SUCCESS
            buffers = [memoryview(state.memory)[start:end]]
            if descriptor.host >= 0 and length <= PIECE_BYTES:
                try:
                    count = os.write(descriptor.host, buffers[0])
                except BaseException:
                    release(buffers)
                    raise
                SIZE.pack_into(state.memory, nwritten, count)
                return SUCCESS
        else:
            buffers = gather(ctx, state, iovs, iovs_len)
            file = state.descriptors.get_file(fd & U32, RIGHT_FD_WRITE)
        try:
            count = file.write(buffers)
        except BaseException:
            release(buffers)
            raise
        SIZE.pack_into(state.memory, nwritten, count)
        return SUCCESS
    except FAILURES as failure:
        return errno_of(failure)
    except Interrupted as interrupted:
        reason = interrupted.reason
    raise reason
