"""Calls of paths: `path_…`, each from an open directory."""

from __future__ import annotations

import os

from wasmer_vfs.status import Status
from wasmer_wasi.descriptors import Descriptor
from wasmer_wasi.errno import (
    EBADF,
    EINVAL,
    ENOTCAPABLE,
    ENOTDIR,
    SUCCESS,
    WasiError,
)
from wasmer_wasi.guest import SIZE, U32, Context, check, path_text
from wasmer_wasi.numbers import HOST_FDFLAGS, HOST_OFLAGS
from wasmer_wasi.snapshot1.answers import answers
from wasmer_wasi.snapshot1.files import FILESTAT_LAYOUT, times_of, write_filestat
from wasmer_wasi.state import WasiState
from wasmer_wasi.types import (
    FDFLAGS,
    FILETYPE_REGULAR_FILE,
    LOOKUP_SYMLINK_FOLLOW,
    OFLAG_CREAT,
    OFLAG_TRUNC,
    OFLAGS,
    RIGHT_FD_READ,
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
)


@answers
def path_create_directory(ctx: Context, state: WasiState, fd: int, path: int, path_len: int) -> int:
    """Make a directory."""
    name = path_text(ctx, state, path, path_len)
    state.descriptors.get_directory(fd & U32, RIGHT_PATH_CREATE_DIRECTORY).create_directory(name)
    return SUCCESS


@answers
def path_filestat_get(ctx: Context, state: WasiState, fd: int, flags: int, path: int, path_len: int, buf: int) -> int:
    """Write the status of what a path leads to."""
    buf = check(ctx, state, buf, FILESTAT_LAYOUT.size)
    return write_filestat(state, buf, status_of_path(ctx, state, fd, flags, path, path_len))


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
    directory.path_set_times(name, follow, *times_of(state, atim, mtim, fst_flags))
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
