"""`wasi_snapshot_preview1`: one function for each call, in the specification's order.

Each takes the instance's `Ctx` and plain ints as the guest gave them (signed; masked here),
and returns an errno. All ranges of memory that a call will touch are checked before it does
anything. What the host refuses comes as an exception and leaves as its number (`answers`);
the few calls that programs make by the million (`clock_time_get`, `fd_read`, `fd_write`)
do this without the detour.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from struct import Struct
from typing import Final, NoReturn, TypeVar

from wasmer_runtime_core.errors import ExitCode
from wasmer_vfs import random
from wasmer_vfs.files import File, release
from wasmer_vfs.sockets import Socket
from wasmer_vfs.status import Status
from wasmer_vfs.waiting import LOOK_EVERY, PIECE_BYTES, Interrupted, asked, look
from wasmer_wasi import poll
from wasmer_wasi.descriptors import Descriptor
from wasmer_wasi.errno import (
    EBADF,
    EFAULT,
    EINVAL,
    ENAMETOOLONG,
    ENOTCAPABLE,
    ENOTDIR,
    ENOTSOCK,
    ESPIPE,
    FAILURES,
    SUCCESS,
    WasiError,
    errno_of,
)
from wasmer_wasi.guest import FLAGS, SIZE, TIME, U32, U64, Context, beyond, check, gather, path_text
from wasmer_wasi.numbers import FILETYPES, HOST_ADVICES, HOST_FDFLAGS, HOST_OFLAGS, HOST_SDFLAGS
from wasmer_wasi.state import NO_STATE, WasiState, lent, state_of
from wasmer_wasi.types import (
    ADVICES,
    ALL_RIGHTS,
    CLOCK_REALTIME,
    DIRENT,
    EVENT,
    EVENT_CLOCK,
    FDFLAG_NONBLOCK,
    FDFLAGS,
    FDSTAT,
    FILESTAT,
    FILETYPE_REGULAR_FILE,
    FSTFLAG_ATIM,
    FSTFLAG_ATIM_NOW,
    FSTFLAG_MTIM,
    FSTFLAG_MTIM_NOW,
    FSTFLAGS,
    LOOKUP_SYMLINK_FOLLOW,
    OFLAG_CREAT,
    OFLAG_TRUNC,
    OFLAGS,
    PREOPEN_DIRECTORY,
    PRESTAT,
    RIFLAG_PEEK,
    RIFLAG_WAITALL,
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
    RIGHT_PATH_CREATE_DIRECTORY,
    RIGHT_PATH_CREATE_FILE,
    RIGHT_PATH_FILESTAT_GET,
    RIGHT_PATH_FILESTAT_SET_SIZE,
    RIGHT_PATH_FILESTAT_SET_TIMES,
    RIGHT_PATH_LINK_SOURCE,
    RIGHT_PATH_LINK_TARGET,
    RIGHT_PATH_OPEN,
    RIGHT_PATH_READLINK,
    RIGHT_PATH_REMOVE_DIRECTORY,
    RIGHT_PATH_RENAME_SOURCE,
    RIGHT_PATH_RENAME_TARGET,
    RIGHT_PATH_SYMLINK,
    RIGHT_PATH_UNLINK_FILE,
    RIGHT_SOCK_ACCEPT,
    RIGHT_SOCK_SHUTDOWN,
    ROFLAG_DATA_TRUNCATED,
    SIGNALS,
    SNAPSHOT1,
    SUBSCRIPTION_CLOCK,
    SUBSCRIPTION_FD,
)

NAMESPACE: Final = "wasi_snapshot_preview1"

_PAIR: Final = Struct("<II")
_FDSTAT: Final = FDSTAT.layout(SNAPSHOT1)
_FILESTAT: Final = FILESTAT.layout(SNAPSHOT1)
_PRESTAT: Final = PRESTAT.layout(SNAPSHOT1)
_DIRENT: Final = DIRENT.layout(SNAPSHOT1)
_EVENT: Final = EVENT.layout(SNAPSHOT1)
_SUBSCRIPTION_CLOCK: Final = SUBSCRIPTION_CLOCK.layout(SNAPSHOT1)
_SUBSCRIPTION_FD: Final = SUBSCRIPTION_FD.layout(SNAPSHOT1)

COPIED_BYTES: Final = 4096
"""Most that a read or write of one buffer copies on the way, which costs less than a view of the guest's memory."""

_WHENCE: Final = (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END)

_Function = TypeVar("_Function", bound=Callable[..., int])


def answers(function: _Function) -> Callable[..., int]:
    """A host function, given the instance's state, too, whose refusals are errnos."""

    @functools.wraps(function)
    def answering(ctx: Context, *args: int) -> int:
        state = ctx.data
        if type(state) is not WasiState:
            state = state_of(ctx)
        try:
            return function(ctx, state, *args)
        except FAILURES as failure:
            return errno_of(failure)
        except Interrupted as interrupted:
            reason = interrupted.reason
        raise reason  # here, where Python does not make the one the context of the other

    return answering


# --- arguments and environment ----------------------------------------------------------------


@answers
def args_get(ctx: Context, state: WasiState, argv: int, argv_buf: int) -> int:
    """Write the arguments, each ended by NUL, to `argv_buf`, and pointers to them to `argv`."""
    return _write_strings(ctx, state, state.args, argv, argv_buf)


@answers
def args_sizes_get(ctx: Context, state: WasiState, argc: int, argv_buf_size: int) -> int:
    """Write the number of arguments and the bytes they need."""
    return _write_sizes(ctx, state, state.args, argc, argv_buf_size)


@answers
def environ_get(ctx: Context, state: WasiState, environ: int, environ_buf: int) -> int:
    """Write the environment (`NAME=value`), like `args_get`."""
    return _write_strings(ctx, state, state.environ, environ, environ_buf)


@answers
def environ_sizes_get(ctx: Context, state: WasiState, environ_count: int, environ_buf_size: int) -> int:
    """Write the number of environment variables and the bytes they need."""
    return _write_sizes(ctx, state, state.environ, environ_count, environ_buf_size)


def _write_strings(ctx: Context, state: WasiState, strings: list[bytes], pointers: int, buffer: int) -> int:
    data = b"".join(string + b"\0" for string in strings)
    pointers = check(ctx, state, pointers, 4 * len(strings))
    buffer = check(ctx, state, buffer, len(data))
    state.memory.write(buffer, data)
    for at, string in enumerate(strings):
        SIZE.pack_into(state.memory, pointers + 4 * at, buffer)
        buffer += len(string) + 1
    return SUCCESS


def _write_sizes(ctx: Context, state: WasiState, strings: list[bytes], count: int, size: int) -> int:
    count = check(ctx, state, count, 4)
    size = check(ctx, state, size, 4)
    SIZE.pack_into(state.memory, count, len(strings))
    SIZE.pack_into(state.memory, size, sum(len(string) + 1 for string in strings))
    return SUCCESS


# --- clocks -----------------------------------------------------------------------------------


@answers
def clock_res_get(ctx: Context, state: WasiState, clock_id: int, resolution: int) -> int:
    """Write the resolution of a clock in nanoseconds."""
    resolution = check(ctx, state, resolution, 8)
    found = state.clock.resolutions.get(clock_id)
    if found is None:
        return EINVAL
    TIME.pack_into(state.memory, resolution, found)
    return SUCCESS


def clock_time_get(ctx: Context, clock_id: int, precision: int, time: int) -> int:
    """Write the time of a clock in nanoseconds. `precision` is a hint, and not needed."""
    state = ctx.data
    time &= U32
    try:
        if time + 8 > state.memory_bytes and beyond(ctx, state, time + 8):
            return EFAULT
    except NO_STATE:
        return clock_time_get(lent(ctx), clock_id, precision, time)
    read = state.clock.readers.get(clock_id)
    if read is None:
        return EINVAL
    try:
        now = read()
    except OSError as failure:  # a clock of the user's own
        return errno_of(failure)
    TIME.pack_into(state.memory, time, now & U64)
    return SUCCESS


# --- files ------------------------------------------------------------------------------------


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
    buf = check(ctx, state, buf, _FILESTAT.size)
    return _write_filestat(state, buf, status_of_descriptor(state, fd))


def _write_filestat(state: WasiState, buf: int, status: Status) -> int:
    dev, ino, kind, nlink, size, atim, mtim, ctim = status
    _FILESTAT.pack_into(state.memory, buf, dev, ino, FILETYPES[kind], nlink, size, atim & U64, mtim & U64, ctim & U64)
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
    times = _times(state, atim, mtim, fst_flags)
    opened = descriptor.file if descriptor.directory is None else descriptor.directory
    if opened is not None and times != (None, None):
        opened.set_times(*times)
    return SUCCESS


def _times(state: WasiState, atim: int, mtim: int, flags: int) -> tuple[int | None, int | None]:
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


# --- paths ------------------------------------------------------------------------------------


@answers
def path_create_directory(ctx: Context, state: WasiState, fd: int, path: int, path_len: int) -> int:
    """Make a directory."""
    name = path_text(ctx, state, path, path_len)
    state.descriptors.get_directory(fd & U32, RIGHT_PATH_CREATE_DIRECTORY).create_directory(name)
    return SUCCESS


@answers
def path_filestat_get(ctx: Context, state: WasiState, fd: int, flags: int, path: int, path_len: int, buf: int) -> int:
    """Write the status of what a path leads to."""
    buf = check(ctx, state, buf, _FILESTAT.size)
    return _write_filestat(state, buf, status_of_path(ctx, state, fd, flags, path, path_len))


def status_of_path(ctx: Context, state: WasiState, fd: int, flags: int, path: int, path_len: int) -> Status:
    name = path_text(ctx, state, path, path_len)
    follow = _follows(flags)
    return state.descriptors.get_directory(fd & U32, RIGHT_PATH_FILESTAT_GET).path_status(name, follow)


def _follows(flags: int) -> bool:
    if flags & ~LOOKUP_SYMLINK_FOLLOW:
        raise WasiError(EINVAL)
    return bool(flags)


@answers
def path_filestat_set_times(
    ctx: Context, state: WasiState, fd: int, flags: int, path: int, path_len: int, atim: int, mtim: int, fst_flags: int
) -> int:
    """Set the times of what a path leads to, in nanoseconds."""
    name = path_text(ctx, state, path, path_len)
    follow = _follows(flags)
    directory = state.descriptors.get_directory(fd & U32, RIGHT_PATH_FILESTAT_SET_TIMES)
    directory.path_set_times(name, follow, *_times(state, atim, mtim, fst_flags))
    return SUCCESS


@answers
def path_link(
    ctx: Context,
    state: WasiState,
    old_fd: int,
    old_flags: int,
    old_path: int,
    old_path_len: int,
    new_fd: int,
    new_path: int,
    new_path_len: int,
) -> int:
    """Make a hard link. Following a symbolic link to what is linked is refused, as elsewhere."""
    descriptors = state.descriptors
    old_name = path_text(ctx, state, old_path, old_path_len)
    new_name = path_text(ctx, state, new_path, new_path_len)
    source = descriptors.get_directory(old_fd & U32, RIGHT_PATH_LINK_SOURCE)
    target = descriptors.get_directory(new_fd & U32, RIGHT_PATH_LINK_TARGET)
    if old_flags:
        return EINVAL
    source.link(old_name, target, new_name)
    return SUCCESS


@answers
def path_open(
    ctx: Context,
    state: WasiState,
    fd: int,
    dirflags: int,
    path: int,
    path_len: int,
    oflags: int,
    fs_rights_base: int,
    fs_rights_inheriting: int,
    fdflags: int,
    opened_fd: int,
) -> int:
    """Open a file or a directory and write its descriptor.

    The new descriptor can have every right of its kind that the directory hands on; of
    reading and writing only what `fs_rights_base` asks for, which the directory must allow.
    """
    opened_fd = check(ctx, state, opened_fd, 4)
    name = path_text(ctx, state, path, path_len)
    descriptor = state.descriptors.get(fd & U32)
    if descriptor.directory is None:
        return ENOTDIR if descriptor.filetype == FILETYPE_REGULAR_FILE else EBADF
    if fdflags & ~FDFLAGS or oflags & ~OFLAGS:
        return EINVAL
    needed = RIGHT_PATH_OPEN
    if oflags & OFLAG_CREAT:
        needed |= RIGHT_PATH_CREATE_FILE
    if oflags & OFLAG_TRUNC:
        needed |= RIGHT_PATH_FILESTAT_SET_SIZE
    wanted = fs_rights_base & (RIGHT_FD_READ | RIGHT_FD_WRITE)
    if needed & ~descriptor.rights or wanted & ~descriptor.inheriting:
        return ENOTCAPABLE
    state.descriptors.must_have_room()
    writable = bool(wanted & RIGHT_FD_WRITE)
    readable = bool(wanted & RIGHT_FD_READ) or not writable
    access = os.O_RDONLY if not writable else os.O_RDWR if readable else os.O_WRONLY
    flags = access | HOST_OFLAGS[oflags] | HOST_FDFLAGS[fdflags]
    opened = descriptor.directory.open(name, flags, follow=_follows(dirflags))
    new = Descriptor.of(opened, readable, writable, descriptor.inheriting, fdflags)
    SIZE.pack_into(state.memory, opened_fd, state.descriptors.insert(new))
    return SUCCESS


@answers
def path_readlink(
    ctx: Context, state: WasiState, fd: int, path: int, path_len: int, buf: int, buf_len: int, bufused: int
) -> int:
    """Write the text of a symbolic link, as much as there is room for."""
    bufused = check(ctx, state, bufused, 4)
    buf_len &= U32
    buf = check(ctx, state, buf, buf_len)
    name = path_text(ctx, state, path, path_len)
    text = state.descriptors.get_directory(fd & U32, RIGHT_PATH_READLINK).read_link(name)[:buf_len]
    state.memory.write(buf, text)
    SIZE.pack_into(state.memory, bufused, len(text))
    return SUCCESS


@answers
def path_remove_directory(ctx: Context, state: WasiState, fd: int, path: int, path_len: int) -> int:
    """Remove an empty directory."""
    name = path_text(ctx, state, path, path_len)
    state.descriptors.get_directory(fd & U32, RIGHT_PATH_REMOVE_DIRECTORY).remove_directory(name)
    return SUCCESS


@answers
def path_rename(
    ctx: Context,
    state: WasiState,
    fd: int,
    old_path: int,
    old_path_len: int,
    new_fd: int,
    new_path: int,
    new_path_len: int,
) -> int:
    """Rename a file or a directory, replacing what has the new name."""
    descriptors = state.descriptors
    old_name = path_text(ctx, state, old_path, old_path_len)
    new_name = path_text(ctx, state, new_path, new_path_len)
    source = descriptors.get_directory(fd & U32, RIGHT_PATH_RENAME_SOURCE)
    target = descriptors.get_directory(new_fd & U32, RIGHT_PATH_RENAME_TARGET)
    source.rename(old_name, target, new_name)
    return SUCCESS


@answers
def path_symlink(
    ctx: Context, state: WasiState, old_path: int, old_path_len: int, fd: int, new_path: int, new_path_len: int
) -> int:
    """Make a symbolic link with the text `old_path`."""
    text = path_text(ctx, state, old_path, old_path_len)
    name = path_text(ctx, state, new_path, new_path_len)
    state.descriptors.get_directory(fd & U32, RIGHT_PATH_SYMLINK).symlink(text, name)
    return SUCCESS


@answers
def path_unlink_file(ctx: Context, state: WasiState, fd: int, path: int, path_len: int) -> int:
    """Remove a name that is no directory's."""
    name = path_text(ctx, state, path, path_len)
    state.descriptors.get_directory(fd & U32, RIGHT_PATH_UNLINK_FILE).unlink(name)
    return SUCCESS


# --- waiting ----------------------------------------------------------------------------------


@answers
def poll_oneoff(
    ctx: Context, state: WasiState, subscriptions: int, events: int, nsubscriptions: int, nevents: int
) -> int:
    """Wait for the first of several things, and write what happened."""
    return wait(ctx, state, subscriptions, events, nsubscriptions, nevents, _SUBSCRIPTION_CLOCK)


def wait(
    ctx: Context, state: WasiState, subscriptions: int, events: int, count: int, nevents: int, clock: Struct
) -> int:
    """`poll_oneoff` with the layout of a subscription of a clock, which has its size from it."""
    count &= U32
    nevents = check(ctx, state, nevents, 4)
    subscriptions = check(ctx, state, subscriptions, clock.size * count)
    events = check(ctx, state, events, _EVENT.size * count)
    if count > poll.MAX_SUBSCRIPTIONS:
        return EINVAL
    wanted = []
    for at in range(subscriptions, subscriptions + clock.size * count, clock.size):
        userdata, tag, subject = _SUBSCRIPTION_FD.unpack_from(state.memory, at)
        if tag == EVENT_CLOCK:
            userdata, tag, *_, subject, timeout, _, flags = clock.unpack_from(state.memory, at)
            wanted.append(poll.Subscription(userdata, tag, subject, timeout, flags))
        else:
            wanted.append(poll.Subscription(userdata, tag, subject))
    happened = poll.wait(state, wanted)
    for at, event in enumerate(happened):
        _EVENT.pack_into(state.memory, events + _EVENT.size * at, *event)
    SIZE.pack_into(state.memory, nevents, len(happened))
    return SUCCESS


# --- the process ------------------------------------------------------------------------------


def proc_exit(ctx: Context, code: int) -> NoReturn:
    """End the program.

    Raises:
        ExitCode: always; it carries the code.
    """
    raise ExitCode(code & U32)


def proc_raise(ctx: Context, signal: int) -> int:
    """Send the program a signal. It has no handlers: most end it, as they end a process.

    Raises:
        ExitCode: 128 and the signal's number, which is what a shell says of a process so ended.
    """
    if not 0 <= signal < SIGNALS:
        return EINVAL
    if signal in _HARMLESS_SIGNALS:
        return SUCCESS
    raise ExitCode(128 + signal)


_HARMLESS_SIGNALS: Final = (0, 16, 17, 22, 27)  # none, chld, cont, urg, winch


def sched_yield(ctx: Context) -> int:
    """Let others run."""
    os.sched_yield()
    return SUCCESS


@answers
def random_get(ctx: Context, state: WasiState, buf: int, buf_len: int) -> int:
    """Fill a buffer with random bytes."""
    buf_len &= U32
    buf = check(ctx, state, buf, buf_len)
    random.fill(state.memory, buf, buf_len, state.random)
    return SUCCESS


# --- sockets ----------------------------------------------------------------------------------


@answers
def sock_accept(ctx: Context, state: WasiState, fd: int, flags: int, accepted_fd: int) -> int:
    """Accept a connection from a listening socket and write its descriptor."""
    accepted_fd = check(ctx, state, accepted_fd, 4)
    socket = _socket(state, fd, RIGHT_SOCK_ACCEPT)
    if flags & ~FDFLAG_NONBLOCK:
        return EINVAL
    state.descriptors.must_have_room()
    new = Descriptor.of(socket.accept(nonblocking=bool(flags)), True, True, ALL_RIGHTS, flags)
    SIZE.pack_into(state.memory, accepted_fd, state.descriptors.insert(new))
    return SUCCESS


def _socket(state: WasiState, fd: int, right: int) -> Socket:
    descriptor = state.descriptors.get(fd & U32)
    if not isinstance(descriptor.file, Socket):
        raise WasiError(ENOTSOCK)
    if not descriptor.rights & right:
        raise WasiError(descriptor.refusal(right))
    return descriptor.file


@answers
def sock_recv(
    ctx: Context,
    state: WasiState,
    fd: int,
    ri_data: int,
    ri_data_len: int,
    ri_flags: int,
    ro_datalen: int,
    ro_flags: int,
) -> int:
    """Receive from a socket."""
    ro_datalen = check(ctx, state, ro_datalen, 4)
    ro_flags = check(ctx, state, ro_flags, 2)
    buffers = gather(ctx, state, ri_data, ri_data_len)
    try:
        socket = _socket(state, fd, RIGHT_FD_READ)
        if ri_flags & ~(RIFLAG_PEEK | RIFLAG_WAITALL):
            return EINVAL
        peek, wait_all = bool(ri_flags & RIFLAG_PEEK), bool(ri_flags & RIFLAG_WAITALL)
        count, truncated = socket.receive(buffers, peek=peek, wait_all=wait_all)
    finally:
        release(buffers)
    SIZE.pack_into(state.memory, ro_datalen, count)
    FLAGS.pack_into(state.memory, ro_flags, ROFLAG_DATA_TRUNCATED if truncated else 0)
    return SUCCESS


@answers
def sock_send(
    ctx: Context, state: WasiState, fd: int, si_data: int, si_data_len: int, si_flags: int, so_datalen: int
) -> int:
    """Send through a socket."""
    so_datalen = check(ctx, state, so_datalen, 4)
    buffers = gather(ctx, state, si_data, si_data_len)
    try:
        socket = _socket(state, fd, RIGHT_FD_WRITE)
        if si_flags:
            return EINVAL
        SIZE.pack_into(state.memory, so_datalen, socket.write(buffers))
    finally:
        release(buffers)
    return SUCCESS


@answers
def sock_shutdown(ctx: Context, state: WasiState, fd: int, how: int) -> int:
    """Close one or both directions of a connection."""
    socket = _socket(state, fd, RIGHT_SOCK_SHUTDOWN)
    if how not in HOST_SDFLAGS:
        return EINVAL
    socket.shutdown(HOST_SDFLAGS[how])
    return SUCCESS
