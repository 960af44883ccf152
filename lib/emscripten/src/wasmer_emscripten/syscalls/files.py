"""System calls on files by their names, and what is told of them."""

from __future__ import annotations

import errno
import os
from typing import Final, cast

from wasmer_emscripten.functions import syscall
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.clocks import SECOND, realtime
from wasmer_emscripten.library.streams import file_of, opened_of
from wasmer_emscripten.numbers import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_REMOVEDIR,
    AT_SYMLINK_NOFOLLOW,
    MODE_FORMATS,
    O_ACCMODE,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECTORY,
    O_NOFOLLOW,
    O_TMPFILE,
    PLAIN,
    host_flags,
    must_be_answer,
)
from wasmer_emscripten.process import Process
from wasmer_emscripten.syscalls.paths import name_of, new_name_of, place_of, text_of
from wasmer_vfs.directories import Directory
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import File
from wasmer_vfs.status import Status
from wasmer_vfs.trees import Opened

BLOCK: Final = 4096
TICK: Final = 1_000_000
"""What times of files are told in, in nanoseconds: JavaScript's milliseconds, as emcc's own files have."""
_STREAMS: Final = {b"/dev/stdin": 0, b"/dev/stdout": 1, b"/dev/stderr": 2, b"/dev/tty": 1}
_NUMBERED: Final = (b"/dev/fd/", b"/proc/self/fd/")


def _stream_of(whole: bytes) -> int | None:
    """The number that a path of a stream, or of a number, means."""
    if whole in _STREAMS:
        return _STREAMS[whole]
    for above in _NUMBERED:
        rest = whole.removeprefix(above)
        if rest != whole and rest.isdigit() and len(rest) < 10:
            return int(rest)
    return None


@syscall("iiii", "openat")
def openat(process: Process, directory: int, path: int, flags: int, varargs: int) -> int:
    """Open a file or a directory: its number."""
    if flags & O_TMPFILE == O_TMPFILE:
        raise refusal(errno.ENOTSUP)
    place = place_of(process, directory, path)
    mode = process.guest.u32(varargs) if flags & O_CREAT and varargs & U32 else 0o666
    process.descriptors.must_have_room()
    stream = _stream_of(place.whole)
    if stream is not None:
        return process.descriptors.duplicate(stream)
    follow = not flags & O_NOFOLLOW
    made = bool(flags & O_CREAT) and _is_new(process, place.directory, place.path)
    found = place.directory.open(place.path, host_flags(flags), follow=follow)
    kept = flags & ~(O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY)
    opened = opened_as(found, place.whole, kept)
    if made:
        process.tree.set_mode(opened.status(), mode & ~process.umask)
    number = process.descriptors.insert(opened)
    if flags & O_CLOEXEC:
        process.close_on_exec.add(number)
    return number


def opened_as(found: File | Directory, path: bytes, flags: int) -> Opened:
    """What a directory has opened."""
    if hasattr(found, "entries"):
        return Opened(path=path, flags=flags, directory=cast("Directory", found))
    return Opened(path=path, flags=flags, file=found)


def _is_new(process: Process, directory: object, path: bytes) -> bool:
    try:
        directory.path_status(path, True)  # type: ignore[attr-defined]
    except OSError as failure:
        must_be_answer(failure)
        return True
    return False


@syscall("iii", "open")
def open(process: Process, path: int, flags: int, varargs: int) -> int:
    """Open a file or a directory: its number."""
    return openat(process, AT_FDCWD, path, flags, varargs)


# --- status


def put_status(process: Process, target: int, status: Status) -> None:
    """Write what is known of a file."""
    mode = MODE_FORMATS[status.kind] | process.tree.mode_of(status)
    dev = (status.dev ^ status.dev >> 32) & 0x7FFF_FFFF
    ino = status.ino & (1 << 64) - 1
    blocks = min(-(-status.size // 512), 0x7FFF_FFFF)
    times = [part for each in (status.atim, status.mtim, status.ctim) for part in divmod(each - each % TICK, SECOND)]
    layouts = process.layouts
    if layouts.timespec.size == 8:
        times[::2] = [(seconds + (1 << 31) & U32) - (1 << 31) for seconds in times[::2]]
    links = status.nlink & U32
    if layouts is PLAIN:
        fields = (dev, mode, links, 0, 0, 0, status.size, BLOCK, blocks, *times, ino)
    elif layouts.wide:
        fields = (dev, ino & U32, mode, links, 0, 0, 0, status.size, BLOCK, blocks, *times, ino)
    else:
        if status.size > 0x7FFF_FFFF:
            raise refusal(errno.EOVERFLOW)
        fields = (dev, ino & U32, mode, links, 0, 0, 0, status.size, BLOCK, blocks, *times, ino & U32)
    process.guest.pack(layouts.stat, target, *fields)


def _status(process: Process, directory: int, path: int, follow: bool) -> Status:
    place = place_of(process, directory, path)
    stream = _stream_of(place.whole)
    if stream is not None:
        return opened_of(process, stream).status()
    return place.directory.path_status(place.path, follow)


@syscall("ii", "stat64")
def stat64(process: Process, path: int, target: int) -> None:
    """Write what is known of a file."""
    process.guest.check(target, process.layouts.stat.size)
    put_status(process, target, _status(process, AT_FDCWD, path, True))


@syscall("ii", "lstat64")
def lstat64(process: Process, path: int, target: int) -> None:
    """The same of a link itself."""
    process.guest.check(target, process.layouts.stat.size)
    put_status(process, target, _status(process, AT_FDCWD, path, False))


@syscall("ii", "fstat64")
def fstat64(process: Process, fd: int, target: int) -> None:
    """The same of an open file."""
    process.guest.check(target, process.layouts.stat.size)
    put_status(process, target, opened_of(process, fd).status())


@syscall("iiii", "newfstatat", "fstatat64")
def newfstatat(process: Process, directory: int, path: int, target: int, flags: int) -> None:
    """The same of a path relative to a directory."""
    process.guest.check(target, process.layouts.stat.size)
    if flags & AT_EMPTY_PATH and not text_of(process, path):
        status = opened_of(process, directory).status()
    else:
        status = _status(process, directory, path, not flags & AT_SYMLINK_NOFOLLOW)
    put_status(process, target, status)


# --- names


@syscall("iiii", "faccessat")
def faccessat(process: Process, directory: int, path: int, mode: int, flags: int) -> None:
    """Whether a file may be read, written, executed, by its mode."""
    if mode & ~7:
        raise refusal(errno.EINVAL)
    status = _status(process, directory, path, True)
    permissions = process.tree.mode_of(status)
    for asked, bits in ((4, 0o444), (2, 0o222), (1, 0o111)):
        if mode & asked and not permissions & bits:
            raise refusal(errno.EACCES)


@syscall("ii", "access")
def access(process: Process, path: int, mode: int) -> None:
    """The same."""
    faccessat(process, AT_FDCWD, path, mode, 0)


@syscall("iii", "unlinkat")
def unlinkat(process: Process, directory: int, path: int, flags: int) -> None:
    """Remove a name; with a flag, a directory's."""
    place = name_of(process, directory, path)
    if flags & ~AT_REMOVEDIR:
        raise refusal(errno.EINVAL)
    if flags:
        place.directory.remove_directory(place.path)
    else:
        place.directory.unlink(place.path)


@syscall("i", "unlink")
def unlink(process: Process, path: int) -> None:
    """Remove a name."""
    unlinkat(process, AT_FDCWD, path, 0)


@syscall("i", "rmdir")
def rmdir(process: Process, path: int) -> None:
    """Remove an empty directory."""
    unlinkat(process, AT_FDCWD, path, AT_REMOVEDIR)


@syscall("iiii", "renameat")
def renameat(process: Process, old_directory: int, old: int, new_directory: int, new: int) -> None:
    """Give a file another name, which may have been another file's."""
    source = name_of(process, old_directory, old)
    target = name_of(process, new_directory, new)
    source.directory.rename(source.path, target.directory, target.path)


@syscall("iiiii", "renameat2")
def renameat2(process: Process, old_directory: int, old: int, new_directory: int, new: int, flags: int) -> None:
    """The same, without its flags."""
    if flags:
        raise refusal(errno.EINVAL)
    renameat(process, old_directory, old, new_directory, new)


@syscall("ii", "rename")
def rename(process: Process, old: int, new: int) -> None:
    """The same."""
    renameat(process, AT_FDCWD, old, AT_FDCWD, new)


@syscall("iiiii", "linkat")
def linkat(process: Process, old_directory: int, old: int, new_directory: int, new: int, flags: int) -> None:
    """Give a file one more name."""
    source = place_of(process, old_directory, old)
    target = new_name_of(process, new_directory, new)
    source.directory.link(source.path, target.directory, target.path)


@syscall("ii", "link")
def link(process: Process, old: int, new: int) -> None:
    """The same."""
    linkat(process, AT_FDCWD, old, AT_FDCWD, new, 0)


@syscall("iii", "symlinkat")
def symlinkat(process: Process, text: int, directory: int, path: int) -> None:
    """Make a symbolic link; EPERM for an absolute text, which could only lead out of its mount."""
    target = text_of(process, text)
    place = new_name_of(process, directory, path)
    place.directory.symlink(target, place.path)


@syscall("ii", "symlink")
def symlink(process: Process, text: int, path: int) -> None:
    """The same."""
    symlinkat(process, text, AT_FDCWD, path)


@syscall("iiii", "readlinkat")
def readlinkat(process: Process, directory: int, path: int, target: int, size: int) -> int:
    """Write the text of a symbolic link, as much as there is room for: its length."""
    size &= U32
    if not size or size >= 1 << 31:
        raise refusal(errno.EINVAL)
    process.guest.check(target, size)
    place = place_of(process, directory, path)
    stream = _stream_of(place.whole)
    text = opened_of(process, stream).path if stream is not None else place.directory.read_link(place.path)
    process.guest.write(target, text[:size])
    return len(text[:size])


@syscall("iii", "readlink")
def readlink(process: Process, path: int, target: int, size: int) -> int:
    """The same."""
    return readlinkat(process, AT_FDCWD, path, target, size)


# --- modes, owners, times, sizes


@syscall("iii?i", "fchmodat", "fchmodat2")
def fchmodat(process: Process, directory: int, path: int, mode: int, flags: int = 0) -> None:
    """Set permissions, which are remembered, and told."""
    process.tree.set_mode(_status(process, directory, path, not flags & AT_SYMLINK_NOFOLLOW), mode)


@syscall("ii", "chmod")
def chmod(process: Process, path: int, mode: int) -> None:
    """The same."""
    fchmodat(process, AT_FDCWD, path, mode, 0)


@syscall("ii", "fchmod")
def fchmod(process: Process, fd: int, mode: int) -> None:
    """The same of an open file."""
    process.tree.set_mode(opened_of(process, fd).status(), mode)


def _must_be_own(user: int, group: int) -> None:
    """There is one user, 0: a file can be given to nobody else."""
    if user & U32 not in (0, U32) or group & U32 not in (0, U32):
        raise refusal(errno.EPERM)


@syscall("iiiii", "fchownat")
def fchownat(process: Process, directory: int, path: int, user: int, group: int, flags: int) -> None:
    """Give a file to a user and a group: to 0, whose it is."""
    _status(process, directory, path, not flags & AT_SYMLINK_NOFOLLOW)
    _must_be_own(user, group)


@syscall("iii", "chown32", "lchown32")
def chown32(process: Process, path: int, user: int, group: int) -> None:
    """The same."""
    fchownat(process, AT_FDCWD, path, user, group, 0)


@syscall("iii", "fchown32")
def fchown32(process: Process, fd: int, user: int, group: int) -> None:
    """The same of an open file."""
    opened_of(process, fd)
    _must_be_own(user, group)


_UTIME_NOW: Final = (1 << 30) - 1
_UTIME_OMIT: Final = (1 << 30) - 2


@syscall("iiii", "utimensat")
def utimensat(process: Process, directory: int, path: int, times: int, flags: int) -> None:
    """Set the times of access and change."""
    now = realtime(process)
    chosen: list[int | None] = [now, now]
    if times & U32:
        layout = process.layouts.timespec
        for at in range(2):
            seconds, nanoseconds = process.guest.unpack(layout, (times & U32) + at * layout.size)
            if nanoseconds == _UTIME_OMIT:
                chosen[at] = None
            elif nanoseconds != _UTIME_NOW:
                if not 0 <= nanoseconds < SECOND:
                    raise refusal(errno.EINVAL)
                chosen[at] = seconds * SECOND + nanoseconds
    if not path & U32:  # futimens
        opened = opened_of(process, directory)
        if opened.directory is not None:
            opened.directory.set_times(*chosen)
        elif opened.file is not None:
            opened.file.set_times(*chosen)
        return
    place = place_of(process, directory, path)
    place.directory.path_set_times(place.path, not flags & AT_SYMLINK_NOFOLLOW, *chosen)


@syscall("iI", "ftruncate64")
def ftruncate64(process: Process, fd: int, size: int) -> None:
    """Cut an open file, or lengthen it with zeros."""
    if size < 0:
        raise refusal(errno.EINVAL)
    if opened_of(process, fd).flags & O_ACCMODE == os.O_RDONLY:
        raise refusal(errno.EINVAL)
    file_of(process, fd).set_size(size)


@syscall("iiI", "ftruncate64")
def padded_ftruncate64(process: Process, fd: int, padding: int, size: int) -> None:
    """The same; the size begins at an even parameter."""
    ftruncate64(process, fd, size)


@syscall("iI", "truncate64")
def truncate64(process: Process, path: int, size: int) -> None:
    """The same of a path."""
    if size < 0:
        raise refusal(errno.EINVAL)
    place = place_of(process, AT_FDCWD, path)
    found = place.directory.open(place.path, os.O_WRONLY, follow=True)
    try:
        found.set_size(size)  # type: ignore[union-attr]
    finally:
        found.close()


@syscall("iiI", "truncate64")
def padded_truncate64(process: Process, path: int, padding: int, size: int) -> None:
    """The same; the size begins at an even parameter."""
    truncate64(process, path, size)


@syscall("iiII", "fallocate")
def fallocate(process: Process, fd: int, mode: int, offset: int, length: int) -> None:
    """Make room for a range of a file."""
    if mode:
        raise refusal(errno.ENOTSUP)
    if opened_of(process, fd).flags & O_ACCMODE == os.O_RDONLY:
        raise refusal(errno.EBADF)
    file_of(process, fd).allocate(offset, length)


@syscall("iIIi", "fadvise64")
def fadvise64(process: Process, fd: int, offset: int, length: int, advice: int) -> None:
    """A hint about a file that nothing follows from."""
    opened_of(process, fd)
