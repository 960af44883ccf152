"""System calls on numbers: copies, flags, pipes, terminals."""

from __future__ import annotations

import errno
import os
from typing import Final

from wasmer_emscripten.functions import syscall
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.streams import file_of, is_terminal, opened_of
from wasmer_emscripten.numbers import O_APPEND, O_CLOEXEC, O_NONBLOCK, host_flags, must_be_answer
from wasmer_emscripten.pipes import pipe
from wasmer_emscripten.process import Process
from wasmer_vfs.errors import refusal
from wasmer_vfs.trees import Opened


@syscall("i", "dup")
def dup(process: Process, fd: int) -> int:
    """Another number for an open file."""
    return process.descriptors.duplicate(fd)


@syscall("iii", "dup3")
def dup3(process: Process, fd: int, new: int, flags: int) -> int:
    """A certain number for an open file; what it stood for is closed."""
    if fd == new or flags & ~O_CLOEXEC:
        raise refusal(errno.EINVAL)
    process.descriptors.duplicate_to(fd, new)
    _set_close_on_exec(process, new, bool(flags))
    return new


@syscall("ii", "dup2")
def dup2(process: Process, fd: int, new: int) -> int:
    """The same, also if it is that number."""
    process.descriptors.duplicate_to(fd, new)
    if fd != new:
        _set_close_on_exec(process, new, False)
    return new


def _set_close_on_exec(process: Process, number: int, on: bool) -> None:
    if on:
        process.close_on_exec.add(number)
    else:
        process.close_on_exec.discard(number)


@syscall("ii", "pipe2")
def pipe2(process: Process, target: int, flags: int) -> None:
    """Make a pipe, and write the numbers of its ends."""
    target = process.guest.check(target, 8)
    if flags & ~(O_CLOEXEC | O_NONBLOCK):
        raise refusal(errno.EINVAL)
    table = process.descriptors
    table.must_have_room()
    if len(table.open) + 2 > table.limit:
        raise refusal(errno.EMFILE)
    reader, writer = pipe()
    kept = flags & O_NONBLOCK
    process.guest.put_u32(target, table.insert(Opened(path=b"pipe:", flags=kept, file=reader)))
    process.guest.put_u32(target + 4, table.insert(Opened(path=b"pipe:", flags=kept | os.O_WRONLY, file=writer)))


@syscall("i", "pipe")
def pipe_without_flags(process: Process, target: int) -> None:
    """The same."""
    pipe2(process, target, 0)


F_DUPFD: Final = 0
F_GETFD: Final = 1
F_SETFD: Final = 2
F_GETFL: Final = 3
F_SETFL: Final = 4
F_LOCKS: Final = {5: "get", 6: "set", 7: "set", 12: "get", 13: "set", 14: "set"}
F_DUPFD_CLOEXEC: Final = 1030
_F_UNLCK: Final = 2


@syscall("iii", "fcntl64")
def fcntl64(process: Process, fd: int, command: int, varargs: int) -> int:
    """Ask and change what is kept of a number."""
    opened = opened_of(process, fd)
    if command == F_GETFD:
        return int(fd in process.close_on_exec)
    if command == F_GETFL:
        return opened.flags
    if command not in (F_DUPFD, F_DUPFD_CLOEXEC, F_SETFD, F_SETFL, *F_LOCKS):
        raise refusal(errno.EINVAL)
    argument = process.guest.i32(varargs)
    if command in (F_DUPFD, F_DUPFD_CLOEXEC):
        number = process.descriptors.duplicate(fd, argument)
        _set_close_on_exec(process, number, command == F_DUPFD_CLOEXEC)
        return number
    if command == F_SETFD:
        _set_close_on_exec(process, fd, bool(argument & 1))
        return 0
    if command == F_SETFL:
        _set_flags(opened, argument)
        return 0
    if F_LOCKS[command] == "get":
        process.guest.put_u16(argument, _F_UNLCK)
    return 0  # a lock is had at once: the program is the only one in its world


def _set_flags(opened: Opened, flags: int) -> None:
    kept = flags & (O_APPEND | O_NONBLOCK)
    before = opened.flags & (O_APPEND | O_NONBLOCK)
    if opened.file is not None and kept != before:
        try:
            opened.file.set_flags(host_flags(kept))
        except OSError as failure:
            must_be_answer(failure)
            if failure.errno != errno.EBADF:  # a stream that is lent: its flags stay as they are
                raise
            return
    opened.flags = opened.flags & ~(O_APPEND | O_NONBLOCK) | kept


TCGETS: Final = 0x5401
TCSETS: Final = (0x5402, 0x5403, 0x5404)
TIOCGPGRP: Final = 0x540F
TIOCSPGRP: Final = 0x5410
TIOCGWINSZ: Final = 0x5413
FIONREAD: Final = 0x541B
FIONBIO: Final = 0x5421
_TERMIOS_BYTES: Final = 60
_ROWS, _COLUMNS = 24, 80
_TERMIOS: Final = (
    (0x6D02).to_bytes(4, "little")
    + (0x0005).to_bytes(4, "little")
    + (0x00BF).to_bytes(4, "little")
    + (0x8A3B).to_bytes(4, "little")
    + b"\0"
    + bytes((3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22))
).ljust(_TERMIOS_BYTES, b"\0")
"""What a terminal answers that nobody has set."""


@syscall("iii", "ioctl")
def ioctl(process: Process, fd: int, request: int, varargs: int) -> int:
    """Ask a terminal or a file; ENOTTY for what is none."""
    opened = opened_of(process, fd)
    request &= U32
    if request == FIONREAD:
        target = process.guest.u32(varargs)
        process.guest.check(target, 4)
        process.guest.put_u32(target, min(file_of(process, fd).available(), 0x7FFF_FFFF))
        return 0
    if request == FIONBIO:
        on = process.guest.u32(process.guest.u32(varargs))
        _set_flags(opened, opened.flags & ~O_NONBLOCK | (O_NONBLOCK if on else 0))
        return 0
    if opened.file is None or not is_terminal(opened):
        raise refusal(errno.ENOTTY)
    if request == TCGETS:
        process.guest.write(process.guest.u32(varargs), _TERMIOS)
        return 0
    if request == TIOCGWINSZ:
        rows, columns = _ROWS, _COLUMNS
        host = opened.file.pollable()
        if host >= 0:
            try:
                columns, rows = os.get_terminal_size(host)
            except OSError as failure:
                must_be_answer(failure)
        target = process.guest.check(process.guest.u32(varargs), 8)
        process.guest.write(
            target, b"".join(min(each, 0xFFFF).to_bytes(2, "little") for each in (rows, columns)) + bytes(4)
        )
        return 0
    if request == TIOCGPGRP:
        process.guest.put_u32(process.guest.u32(varargs), 42)
        return 0
    raise refusal(errno.EINVAL)  # a terminal's settings are its owner's


@syscall("i", "fdatasync", "fsync", "syncfs")
def fdatasync(process: Process, fd: int) -> None:
    """Write to the disk what was written to a file."""
    opened = opened_of(process, fd)
    if opened.directory is not None:
        opened.directory.sync(data_only=True)
    else:
        file_of(process, fd).sync(data_only=True)


@syscall("", "sync")
def sync(process: Process) -> None:
    """Nothing is kept back."""
