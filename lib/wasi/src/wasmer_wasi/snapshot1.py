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
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from wasmer_runtime_core.errors import ExitCode
from wasmer_wasi import poll, random
from wasmer_wasi.descriptors import Descriptor, rights_of
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
from wasmer_wasi.files import SEEK_CUR, SEEK_END, SEEK_SET, Status, write_rest
from wasmer_wasi.filesystem import Opening
from wasmer_wasi.guest import SIZE, TIME, U32, U64, Context, beyond, check, gather, span
from wasmer_wasi.sockets import Socket
from wasmer_wasi.types import (
    ADVICES,
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
    SIGNALS,
    SNAPSHOT1,
    SUBSCRIPTION_CLOCK,
    SUBSCRIPTION_FD,
)

if TYPE_CHECKING:
    from wasmer_wasi.state import WasiState

NAMESPACE: Final = "wasi_snapshot_preview1"

_PAIR: Final = Struct("<II")
_FDSTAT: Final = FDSTAT.layout(SNAPSHOT1)
_FILESTAT: Final = FILESTAT.layout(SNAPSHOT1)
_PRESTAT: Final = PRESTAT.layout(SNAPSHOT1)
_DIRENT: Final = DIRENT.layout(SNAPSHOT1)
_EVENT: Final = EVENT.layout(SNAPSHOT1)
_SUBSCRIPTION_CLOCK: Final = SUBSCRIPTION_CLOCK.layout(SNAPSHOT1)
_SUBSCRIPTION_FD: Final = SUBSCRIPTION_FD.layout(SNAPSHOT1)

_WHENCE: Final = (SEEK_SET, SEEK_CUR, SEEK_END)

_Function = TypeVar("_Function", bound=Callable[..., int])


def answers(function: _Function) -> _Function:
    """A host function whose refusals are errnos."""

    @functools.wraps(function)
    def answering(ctx: Context, *args: int) -> int:
        try:
            return function(ctx, *args)
        except FAILURES as failure:
            return errno_of(failure)

    return answering  # type: ignore[return-value]


# --- arguments and environment ----------------------------------------------------------------


@answers
def args_get(ctx: Context, argv: int, argv_buf: int) -> int:
    """Write the arguments, each ended by NUL, to `argv_buf`, and pointers to them to `argv`."""
    return _write_strings(ctx, ctx.data.args, argv, argv_buf)


@answers
def args_sizes_get(ctx: Context, argc: int, argv_buf_size: int) -> int:
    """Write the number of arguments and the bytes they need."""
    return _write_sizes(ctx, ctx.data.args, argc, argv_buf_size)


@answers
def environ_get(ctx: Context, environ: int, environ_buf: int) -> int:
    """Write the environment (`NAME=value`), like `args_get`."""
    return _write_strings(ctx, ctx.data.environ, environ, environ_buf)


@answers
def environ_sizes_get(ctx: Context, environ_count: int, environ_buf_size: int) -> int:
    """Write the number of environment variables and the bytes they need."""
    return _write_sizes(ctx, ctx.data.environ, environ_count, environ_buf_size)


def _write_strings(ctx: Context, strings: list[bytes], pointers: int, buffer: int) -> int:
    state = ctx.data
    data = b"".join(string + b"\0" for string in strings)
    pointers = check(ctx, state, pointers, 4 * len(strings))
    buffer = check(ctx, state, buffer, len(data))
    view = state.view
    view[buffer : buffer + len(data)] = data
    for at, string in enumerate(strings):
        SIZE.pack_into(view, pointers + 4 * at, buffer)
        buffer += len(string) + 1
    return SUCCESS


def _write_sizes(ctx: Context, strings: list[bytes], count: int, size: int) -> int:
    state = ctx.data
    count = check(ctx, state, count, 4)
    size = check(ctx, state, size, 4)
    SIZE.pack_into(state.view, count, len(strings))
    SIZE.pack_into(state.view, size, sum(len(string) + 1 for string in strings))
    return SUCCESS


# --- clocks -----------------------------------------------------------------------------------


@answers
def clock_res_get(ctx: Context, clock_id: int, resolution: int) -> int:
    """Write the resolution of a clock in nanoseconds."""
    state = ctx.data
    resolution = check(ctx, state, resolution, 8)
    found = state.clock.resolutions.get(clock_id)
    if found is None:
        return EINVAL
    TIME.pack_into(state.view, resolution, found)
    return SUCCESS


def clock_time_get(ctx: Context, clock_id: int, precision: int, time: int) -> int:
    """Write the time of a clock in nanoseconds. `precision` is a hint, and not needed."""
    state = ctx.data
    time &= U32
    if time + 8 > state.memory_bytes and beyond(ctx, state, time + 8):
        return EFAULT
    read = state.clock.readers.get(clock_id)
    if read is None:
        return EINVAL
    TIME.pack_into(state.view, time, read() & U64)
    return SUCCESS


# --- files ------------------------------------------------------------------------------------


@answers
def fd_advise(ctx: Context, fd: int, offset: int, length: int, advice: int) -> int:
    """Tell how a range of a file will be used."""
    file = ctx.data.descriptors.get_file(fd & U32, RIGHT_FD_ADVISE)
    if not 0 <= advice < ADVICES or length < 0:
        return EINVAL
    if offset >= 0:  # an offset no file can have is a hint about nothing
        file.advise(offset, length, advice)
    return SUCCESS


@answers
def fd_allocate(ctx: Context, fd: int, offset: int, length: int) -> int:
    """Make room for a range of a file, which grows if it is shorter."""
    file = ctx.data.descriptors.get_file(fd & U32, RIGHT_FD_ALLOCATE)
    file.allocate(offset, length)
    return SUCCESS


@answers
def fd_close(ctx: Context, fd: int) -> int:
    """Close a descriptor."""
    ctx.data.descriptors.close(fd & U32)
    return SUCCESS


@answers
def fd_datasync(ctx: Context, fd: int) -> int:
    """Write what was written to a file to the disk."""
    _synchronize(ctx, fd, RIGHT_FD_DATASYNC, data_only=True)
    return SUCCESS


@answers
def fd_fdstat_get(ctx: Context, fd: int, stat: int) -> int:
    """Write a descriptor's kind, flags and rights."""
    state = ctx.data
    stat = check(ctx, state, stat, _FDSTAT.size)
    found = state.descriptors.get(fd & U32)
    _FDSTAT.pack_into(state.view, stat, found.filetype, found.flags, found.rights, found.inheriting)
    return SUCCESS


@answers
def fd_fdstat_set_flags(ctx: Context, fd: int, flags: int) -> int:
    """Change a descriptor's flags."""
    descriptor = ctx.data.descriptors.get(fd & U32, RIGHT_FD_FDSTAT_SET_FLAGS)
    if flags & ~FDFLAGS:
        return EINVAL
    if descriptor.file is None:
        return EBADF
    descriptor.file.set_flags(flags)
    descriptor.flags = flags
    return SUCCESS


@answers
def fd_fdstat_set_rights(ctx: Context, fd: int, rights_base: int, rights_inheriting: int) -> int:
    """Take rights away from a descriptor."""
    descriptor = ctx.data.descriptors.get(fd & U32)
    rights_base &= U64
    rights_inheriting &= U64
    if rights_base & ~descriptor.rights or rights_inheriting & ~descriptor.inheriting:
        return ENOTCAPABLE
    descriptor.rights = rights_base
    descriptor.inheriting = rights_inheriting
    return SUCCESS


@answers
def fd_filestat_get(ctx: Context, fd: int, buf: int) -> int:
    """Write a file's status."""
    buf = check(ctx, ctx.data, buf, _FILESTAT.size)
    _FILESTAT.pack_into(ctx.data.view, buf, *status_of_descriptor(ctx.data, fd))
    return SUCCESS


def status_of_descriptor(state: WasiState, fd: int) -> Status:
    descriptor = state.descriptors.get(fd & U32, RIGHT_FD_FILESTAT_GET)
    opened = descriptor.file if descriptor.directory is None else descriptor.directory
    if opened is None:
        raise WasiError(EBADF)
    return opened.status()


@answers
def fd_filestat_set_size(ctx: Context, fd: int, size: int) -> int:
    """Cut a file, or lengthen it with zeros."""
    file = ctx.data.descriptors.get_file(fd & U32, RIGHT_FD_FILESTAT_SET_SIZE)
    if size < 0:
        return EINVAL
    file.set_size(size)
    return SUCCESS


@answers
def fd_filestat_set_times(ctx: Context, fd: int, atim: int, mtim: int, fst_flags: int) -> int:
    """Set a file's times of access and change, in nanoseconds."""
    state = ctx.data
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
    now = state.clock.readers[CLOCK_REALTIME]() & U64 if flags & (FSTFLAG_ATIM_NOW | FSTFLAG_MTIM_NOW) else None
    return (
        atim & U64 if flags & FSTFLAG_ATIM else now if flags & FSTFLAG_ATIM_NOW else None,
        mtim & U64 if flags & FSTFLAG_MTIM else now if flags & FSTFLAG_MTIM_NOW else None,
    )


@answers
def fd_pread(ctx: Context, fd: int, iovs: int, iovs_len: int, offset: int, nread: int) -> int:
    """Read from a place in a file, leaving its position."""
    state = ctx.data
    nread = check(ctx, state, nread, 4)
    buffers = gather(ctx, state, iovs, iovs_len)
    file = state.descriptors.get_file(fd & U32, RIGHT_FD_READ)
    if offset < 0:
        return EINVAL
    SIZE.pack_into(state.view, nread, file.read_at(buffers, offset))
    return SUCCESS


@answers
def fd_prestat_get(ctx: Context, fd: int, buf: int) -> int:
    """Write what kind of preopened thing a descriptor is, and how long its name."""
    state = ctx.data
    buf = check(ctx, state, buf, _PRESTAT.size)
    preopen = state.descriptors.get(fd & U32).preopen
    if preopen is None:
        return EBADF
    _PRESTAT.pack_into(state.view, buf, PREOPEN_DIRECTORY, len(preopen))
    return SUCCESS


@answers
def fd_prestat_dir_name(ctx: Context, fd: int, path: int, path_len: int) -> int:
    """Write the name of a preopened directory, without a NUL."""
    buffer = span(ctx, ctx.data, path, path_len)
    preopen = ctx.data.descriptors.get(fd & U32).preopen
    if preopen is None:
        return ENOTDIR
    if len(buffer) < len(preopen):
        return ENAMETOOLONG
    buffer[: len(preopen)] = preopen
    return SUCCESS


@answers
def fd_pwrite(ctx: Context, fd: int, iovs: int, iovs_len: int, offset: int, nwritten: int) -> int:
    """Write to a place in a file, leaving its position."""
    state = ctx.data
    nwritten = check(ctx, state, nwritten, 4)
    buffers = gather(ctx, state, iovs, iovs_len)
    file = state.descriptors.get_file(fd & U32, RIGHT_FD_WRITE)
    if offset < 0:
        return EINVAL
    SIZE.pack_into(state.view, nwritten, file.write_at(buffers, offset))
    return SUCCESS


def fd_read(ctx: Context, fd: int, iovs: int, iovs_len: int, nread: int) -> int:
    """Read from a file's position."""
    state = ctx.data
    try:
        nread &= U32
        if nread + 4 > state.memory_bytes and beyond(ctx, state, nread + 4):
            return EFAULT
        if iovs_len == 1:
            iovs &= U32
            if iovs + 8 > state.memory_bytes and beyond(ctx, state, iovs + 8):
                return EFAULT
            start, length = _PAIR.unpack_from(state.view, iovs)
            length += start
            if length > state.memory_bytes and beyond(ctx, state, length):
                return EFAULT
            buffers = [state.view[start:length]]
        else:
            buffers = gather(ctx, state, iovs, iovs_len)
        descriptor = state.descriptors.open.get(fd)
        if descriptor is None:
            return EBADF
        if not descriptor.rights & RIGHT_FD_READ:
            return descriptor.refusal(RIGHT_FD_READ)
        if descriptor.host >= 0:
            count = os.readv(descriptor.host, buffers)
        elif descriptor.file is not None:
            count = descriptor.file.read(buffers)
        else:
            return EBADF
        SIZE.pack_into(state.view, nread, count)
        return SUCCESS
    except FAILURES as failure:
        return errno_of(failure)


@answers
def fd_readdir(ctx: Context, fd: int, buf: int, buf_len: int, cookie: int, bufused: int) -> int:
    """Write entries of a directory, from `cookie` on, until the buffer is full.

    A cookie is a number of entries; at 0 the directory is read anew, and what follows shows
    the names of that moment. The last entry may be cut short, which fills the buffer and
    says that there are more.
    """
    state = ctx.data
    bufused = check(ctx, state, bufused, 4)
    buffer = span(ctx, state, buf, buf_len)
    descriptor = state.descriptors.get(fd & U32, RIGHT_FD_READDIR)
    if descriptor.directory is None:
        return EBADF
    cookie &= U64
    if cookie == 0 or not descriptor.listing:
        descriptor.listing = descriptor.directory.entries()
    used = 0
    for at in range(cookie, len(descriptor.listing)):
        ino, filetype, name = descriptor.listing[at]
        entry = _DIRENT.pack(at + 1, ino & U64, len(name), filetype) + name
        room = min(len(buffer) - used, len(entry))
        buffer[used : used + room] = entry[:room]
        used += room
        if used == len(buffer):
            break
    SIZE.pack_into(state.view, bufused, used)
    return SUCCESS


@answers
def fd_renumber(ctx: Context, fd: int, to: int) -> int:
    """Give a descriptor the number of another open one, which is closed."""
    ctx.data.descriptors.renumber(fd & U32, to & U32)
    return SUCCESS


@answers
def fd_seek(ctx: Context, fd: int, offset: int, whence: int, newoffset: int) -> int:
    """Move a file's position and write the new one."""
    if not 0 <= whence < len(_WHENCE):
        return EINVAL
    return seek(ctx, fd, offset, _WHENCE[whence], newoffset)


def seek(ctx: Context, fd: int, offset: int, whence: int, newoffset: int) -> int:
    """`fd_seek` with the host's whence."""
    state = ctx.data
    newoffset = check(ctx, state, newoffset, 8)
    descriptor = state.descriptors.get(fd & U32)
    if descriptor.file is None:
        return EBADF
    if not descriptor.granted & RIGHT_FD_SEEK:
        return ESPIPE
    telling = whence == SEEK_CUR and offset == 0
    if not descriptor.rights & (RIGHT_FD_SEEK | RIGHT_FD_TELL if telling else RIGHT_FD_SEEK):
        return ENOTCAPABLE
    TIME.pack_into(state.view, newoffset, descriptor.file.seek(offset, whence))
    return SUCCESS


@answers
def fd_sync(ctx: Context, fd: int) -> int:
    """Write what was written to a file, and its status, to the disk."""
    _synchronize(ctx, fd, RIGHT_FD_SYNC, data_only=False)
    return SUCCESS


def _synchronize(ctx: Context, fd: int, right: int, *, data_only: bool) -> None:
    descriptor = ctx.data.descriptors.get(fd & U32, right)
    opened = descriptor.file if descriptor.directory is None else descriptor.directory
    if opened is not None:
        opened.sync(data_only=data_only)


@answers
def fd_tell(ctx: Context, fd: int, offset: int) -> int:
    """Write a file's position."""
    return seek(ctx, fd, 0, SEEK_CUR, offset)


def fd_write(ctx: Context, fd: int, iovs: int, iovs_len: int, nwritten: int) -> int:
    """Write at a file's position."""
    state = ctx.data
    try:
        nwritten &= U32
        if nwritten + 4 > state.memory_bytes and beyond(ctx, state, nwritten + 4):
            return EFAULT
        if iovs_len == 1:
            iovs &= U32
            if iovs + 8 > state.memory_bytes and beyond(ctx, state, iovs + 8):
                return EFAULT
            start, length = _PAIR.unpack_from(state.view, iovs)
            length += start
            if length > state.memory_bytes and beyond(ctx, state, length):
                return EFAULT
            descriptor = state.descriptors.open.get(fd)
            if descriptor is None:
                return EBADF
            if not descriptor.rights & RIGHT_FD_WRITE:
                return descriptor.refusal(RIGHT_FD_WRITE)
            if descriptor.host >= 0:
                count = os.write(descriptor.host, state.view[start:length])
                if start + count != length:
                    count = write_rest(descriptor.host, [state.view[start:length]], count)
            elif descriptor.file is not None:
                count = descriptor.file.write([state.view[start:length]])
            else:
                return EBADF
        else:
            buffers = gather(ctx, state, iovs, iovs_len)
            count = state.descriptors.get_file(fd & U32, RIGHT_FD_WRITE).write(buffers)
        SIZE.pack_into(state.view, nwritten, count)
        return SUCCESS
    except FAILURES as failure:
        return errno_of(failure)


# --- paths ------------------------------------------------------------------------------------


@answers
def path_create_directory(ctx: Context, fd: int, path: int, path_len: int) -> int:
    """Make a directory."""
    name = bytes(span(ctx, ctx.data, path, path_len))
    ctx.data.descriptors.get_directory(fd & U32, RIGHT_PATH_CREATE_DIRECTORY).create_directory(name)
    return SUCCESS


@answers
def path_filestat_get(ctx: Context, fd: int, flags: int, path: int, path_len: int, buf: int) -> int:
    """Write the status of what a path leads to."""
    buf = check(ctx, ctx.data, buf, _FILESTAT.size)
    _FILESTAT.pack_into(ctx.data.view, buf, *status_of_path(ctx, fd, flags, path, path_len))
    return SUCCESS


def status_of_path(ctx: Context, fd: int, flags: int, path: int, path_len: int) -> Status:
    name = bytes(span(ctx, ctx.data, path, path_len))
    follow = _follows(flags)
    return ctx.data.descriptors.get_directory(fd & U32, RIGHT_PATH_FILESTAT_GET).path_status(name, follow)


def _follows(flags: int) -> bool:
    if flags & ~LOOKUP_SYMLINK_FOLLOW:
        raise WasiError(EINVAL)
    return bool(flags)


@answers
def path_filestat_set_times(
    ctx: Context, fd: int, flags: int, path: int, path_len: int, atim: int, mtim: int, fst_flags: int
) -> int:
    """Set the times of what a path leads to, in nanoseconds."""
    state = ctx.data
    name = bytes(span(ctx, state, path, path_len))
    follow = _follows(flags)
    directory = state.descriptors.get_directory(fd & U32, RIGHT_PATH_FILESTAT_SET_TIMES)
    directory.path_set_times(name, follow, *_times(state, atim, mtim, fst_flags))
    return SUCCESS


@answers
def path_link(
    ctx: Context,
    old_fd: int,
    old_flags: int,
    old_path: int,
    old_path_len: int,
    new_fd: int,
    new_path: int,
    new_path_len: int,
) -> int:
    """Make a hard link. Following a symbolic link to what is linked is refused, as elsewhere."""
    descriptors = ctx.data.descriptors
    old_name = bytes(span(ctx, ctx.data, old_path, old_path_len))
    new_name = bytes(span(ctx, ctx.data, new_path, new_path_len))
    source = descriptors.get_directory(old_fd & U32, RIGHT_PATH_LINK_SOURCE)
    target = descriptors.get_directory(new_fd & U32, RIGHT_PATH_LINK_TARGET)
    if old_flags:
        return EINVAL
    source.link(old_name, target, new_name)
    return SUCCESS


@answers
def path_open(
    ctx: Context,
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
    state = ctx.data
    opened_fd = check(ctx, state, opened_fd, 4)
    name = bytes(span(ctx, state, path, path_len))
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
    readable = bool(fs_rights_base & (RIGHT_FD_READ | RIGHT_FD_READDIR))
    writable = bool(wanted & RIGHT_FD_WRITE)
    opened = descriptor.directory.open(name, Opening(_follows(dirflags), oflags, fdflags, readable, writable))
    filetype = opened.status().filetype
    seekable = filetype == FILETYPE_REGULAR_FILE or _can_seek(opened)
    rights = rights_of(filetype, readable=readable or not writable, writable=writable, seekable=seekable)
    new = Descriptor(opened, filetype, rights & descriptor.inheriting, descriptor.inheriting, fdflags)
    SIZE.pack_into(state.view, opened_fd, state.descriptors.insert(new))
    return SUCCESS


def _can_seek(opened: Any) -> bool:
    try:
        opened.seek(0, SEEK_CUR)
    except (AttributeError, OSError, WasiError):
        return False
    return True


@answers
def path_readlink(ctx: Context, fd: int, path: int, path_len: int, buf: int, buf_len: int, bufused: int) -> int:
    """Write the text of a symbolic link, as much as there is room for."""
    state = ctx.data
    bufused = check(ctx, state, bufused, 4)
    buffer = span(ctx, state, buf, buf_len)
    name = bytes(span(ctx, state, path, path_len))
    text = state.descriptors.get_directory(fd & U32, RIGHT_PATH_READLINK).read_link(name)[: len(buffer)]
    buffer[: len(text)] = text
    SIZE.pack_into(state.view, bufused, len(text))
    return SUCCESS


@answers
def path_remove_directory(ctx: Context, fd: int, path: int, path_len: int) -> int:
    """Remove an empty directory."""
    name = bytes(span(ctx, ctx.data, path, path_len))
    ctx.data.descriptors.get_directory(fd & U32, RIGHT_PATH_REMOVE_DIRECTORY).remove_directory(name)
    return SUCCESS


@answers
def path_rename(
    ctx: Context, fd: int, old_path: int, old_path_len: int, new_fd: int, new_path: int, new_path_len: int
) -> int:
    """Rename a file or a directory, replacing what has the new name."""
    descriptors = ctx.data.descriptors
    old_name = bytes(span(ctx, ctx.data, old_path, old_path_len))
    new_name = bytes(span(ctx, ctx.data, new_path, new_path_len))
    source = descriptors.get_directory(fd & U32, RIGHT_PATH_RENAME_SOURCE)
    target = descriptors.get_directory(new_fd & U32, RIGHT_PATH_RENAME_TARGET)
    source.rename(old_name, target, new_name)
    return SUCCESS


@answers
def path_symlink(ctx: Context, old_path: int, old_path_len: int, fd: int, new_path: int, new_path_len: int) -> int:
    """Make a symbolic link with the text `old_path`."""
    text = bytes(span(ctx, ctx.data, old_path, old_path_len))
    name = bytes(span(ctx, ctx.data, new_path, new_path_len))
    ctx.data.descriptors.get_directory(fd & U32, RIGHT_PATH_SYMLINK).symlink(text, name)
    return SUCCESS


@answers
def path_unlink_file(ctx: Context, fd: int, path: int, path_len: int) -> int:
    """Remove a name that is no directory's."""
    name = bytes(span(ctx, ctx.data, path, path_len))
    ctx.data.descriptors.get_directory(fd & U32, RIGHT_PATH_UNLINK_FILE).unlink(name)
    return SUCCESS


# --- waiting ----------------------------------------------------------------------------------


@answers
def poll_oneoff(ctx: Context, subscriptions: int, events: int, nsubscriptions: int, nevents: int) -> int:
    """Wait for the first of several things, and write what happened."""
    state = ctx.data
    count = nsubscriptions & U32
    nevents = check(ctx, state, nevents, 4)
    subscriptions = check(ctx, state, subscriptions, _SUBSCRIPTION_CLOCK.size * count)
    events = check(ctx, state, events, _EVENT.size * count)
    wanted = []
    for at in range(subscriptions, subscriptions + _SUBSCRIPTION_CLOCK.size * count, _SUBSCRIPTION_CLOCK.size):
        userdata, tag, subject = _SUBSCRIPTION_FD.unpack_from(state.view, at)
        if tag == EVENT_CLOCK:
            userdata, tag, subject, timeout, _, flags = _SUBSCRIPTION_CLOCK.unpack_from(state.view, at)
            wanted.append(poll.Subscription(userdata, tag, subject, timeout, flags))
        else:
            wanted.append(poll.Subscription(userdata, tag, subject))
    return write_events(ctx, poll.wait(state, wanted), events, nevents)


def write_events(ctx: Context, happened: list[poll.Event], events: int, nevents: int) -> int:
    view = ctx.data.view
    for at, event in enumerate(happened):
        _EVENT.pack_into(view, events + _EVENT.size * at, *event)
    SIZE.pack_into(view, nevents, len(happened))
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
def random_get(ctx: Context, buf: int, buf_len: int) -> int:
    """Fill a buffer with random bytes."""
    random.fill(span(ctx, ctx.data, buf, buf_len), ctx.data.random)
    return SUCCESS


# --- sockets ----------------------------------------------------------------------------------


@answers
def sock_accept(ctx: Context, fd: int, flags: int, accepted_fd: int) -> int:
    """Accept a connection from a listening socket and write its descriptor."""
    state = ctx.data
    accepted_fd = check(ctx, state, accepted_fd, 4)
    socket = _socket(state, fd, RIGHT_SOCK_ACCEPT)
    if flags & ~FDFLAG_NONBLOCK:
        return EINVAL
    accepted = socket.accept(flags)
    filetype = accepted.status().filetype
    rights = rights_of(filetype, readable=True, writable=True)
    new = Descriptor(accepted, filetype, rights, rights, flags)
    SIZE.pack_into(state.view, accepted_fd, state.descriptors.insert(new))
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
    ctx: Context, fd: int, ri_data: int, ri_data_len: int, ri_flags: int, ro_datalen: int, ro_flags: int
) -> int:
    """Receive from a socket."""
    state = ctx.data
    ro_datalen = check(ctx, state, ro_datalen, 4)
    ro_flags = check(ctx, state, ro_flags, 2)
    buffers = gather(ctx, state, ri_data, ri_data_len)
    socket = _socket(state, fd, RIGHT_FD_READ)
    if ri_flags & ~(RIFLAG_PEEK | RIFLAG_WAITALL):
        return EINVAL
    count, flags = socket.receive(buffers, ri_flags)
    SIZE.pack_into(state.view, ro_datalen, count)
    state.view[ro_flags : ro_flags + 2] = flags.to_bytes(2, "little")
    return SUCCESS


@answers
def sock_send(ctx: Context, fd: int, si_data: int, si_data_len: int, si_flags: int, so_datalen: int) -> int:
    """Send through a socket."""
    state = ctx.data
    so_datalen = check(ctx, state, so_datalen, 4)
    buffers = gather(ctx, state, si_data, si_data_len)
    socket = _socket(state, fd, RIGHT_FD_WRITE)
    if si_flags:
        return EINVAL
    SIZE.pack_into(state.view, so_datalen, socket.write(buffers))
    return SUCCESS


@answers
def sock_shutdown(ctx: Context, fd: int, how: int) -> int:
    """Close one or both directions of a connection."""
    _socket(ctx.data, fd, RIGHT_SOCK_SHUTDOWN).shutdown(how)
    return SUCCESS
