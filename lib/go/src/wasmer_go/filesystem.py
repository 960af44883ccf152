"""Files, as Go's library asks for them: the object `fs`, with Node's functions that call back.

Each takes its arguments and, at the end, a function that is called soon with an error or null, and with the result.
Paths belong to the program's `Tree`: what is not mounted does not exist. An error has the name of its number as
`code`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, cast

from wasmer_go.objects import (
    UNDEFINED,
    Array,
    Error,
    Function,
    Object,
    Uint8Array,
    Value,
    argument,
    called,
    text_of,
    whole_number,
)
from wasmer_vfs.directories import OPEN_FLAGS, Directory
from wasmer_vfs.errors import refusal
from wasmer_vfs.files import File
from wasmer_vfs.status import Kind, Status
from wasmer_vfs.trees import Opened, Place
from wasmer_vfs.waiting import must_be_refusal

if TYPE_CHECKING:
    from wasmer_go.process import Process

Operation = Callable[["Process", Sequence[Value]], Value]

FORMATS: Final[dict[Kind, int]] = {
    "file": stat.S_IFREG,
    "directory": stat.S_IFDIR,
    "link": stat.S_IFLNK,
    "pipe": stat.S_IFIFO,
    "character device": stat.S_IFCHR,
    "block device": stat.S_IFBLK,
    "stream socket": stat.S_IFSOCK,
    "datagram socket": stat.S_IFSOCK,
    "unknown": 0,
}
"""The bits of a mode that say the kind."""
CONSTANTS: Final = {
    name: float(getattr(os, name))
    for name in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_EXCL", "O_DIRECTORY")
}
BLOCK: Final = 4096
_LARGEST: Final = 2.0**53
_MILLISECOND: Final = 1_000_000
_SECOND: Final = 1_000_000_000

OPERATIONS: Final[dict[str, Operation]] = {}
"""By name."""


class Later(Exception):
    """An operation cannot go on now: it is to be tried again when a descriptor of the host can be read."""

    def __init__(self, host: int) -> None:
        self.host = host


def _operation(function: Operation) -> Operation:
    OPERATIONS[function.__name__.rstrip("_")] = function
    return function


def filesystem(process: Process) -> Object:
    """The object `fs` of a program."""
    made = Object({"constants": Object(dict(CONSTANTS))}, process.budget)
    for name, operation in OPERATIONS.items():
        made.properties[name] = Function(name, _calling_back(process, name, operation))
    made.properties["writeSync"] = Function(
        "writeSync", lambda _, args: write(process, [*args[:2], 0.0, UNDEFINED, None])
    )
    return made


def error_of(name: str, failure: OSError) -> Error:
    """What the program is told of a refusal."""
    code = errno.errorcode.get(failure.errno or 0, "EIO")
    return Error("Error", f"{code}: {failure.strerror}, {name}", code)


def _calling_back(process: Process, name: str, operation: Operation) -> Callable[[Value, Sequence[Value]], Value]:
    def call(_: Value, args: Sequence[Value]) -> Value:
        callback, given = argument(args, len(args) - 1), args[:-1]

        def run() -> None:
            results: tuple[Value, ...]
            try:
                result = operation(process, given)
                results = (None,) if result is UNDEFINED else (None, result)
            except OSError as failure:
                must_be_refusal(failure)
                results = (error_of(name, failure),)
            except Later as later:
                process.loop.when_readable(later.host, run)
                return
            process.loop.soon(lambda: called(callback, UNDEFINED, results, "the callback") and None)

        run()
        return UNDEFINED

    return call


# --- what arguments are made of


def _path(args: Sequence[Value], at: int) -> bytes:
    return text_of(argument(args, at)).encode("utf-8", "surrogateescape")


def _place(process: Process, args: Sequence[Value], at: int = 0) -> Place:
    return process.tree.place(_path(args, at))


def _name(process: Process, args: Sequence[Value], at: int = 0) -> Place:
    return process.tree.place_of_name(_path(args, at))


def _number(args: Sequence[Value], at: int, default: int = 0) -> int:
    return whole_number(argument(args, at), "argument", default)


def _descriptor(args: Sequence[Value]) -> int:
    """The first argument as the number of an open file; what is none is -1, which never is one."""
    number = argument(args, 0)
    return int(number) if type(number) is float and abs(number) < _LARGEST else -1


def opened_of(process: Process, args: Sequence[Value]) -> Opened:
    """The open file whose number is the first argument."""
    return process.descriptors.find(_descriptor(args))


def _position(args: Sequence[Value]) -> int | None:
    """Where to read or write, or None: where the file is."""
    position = argument(args, 4)
    if position is None or position is UNDEFINED:
        return None
    if type(position) is not float or not abs(position) < _LARGEST:
        raise refusal(errno.EINVAL)
    return int(position)


def _file(process: Process, args: Sequence[Value]) -> File:
    file = opened_of(process, args).file
    if file is None:
        raise refusal(errno.EISDIR)
    return file


# --- open files


@_operation
def open_(process: Process, args: Sequence[Value]) -> Value:
    """Open a file or a directory: its number."""
    place = _place(process, args)
    flags = _number(args, 1)
    process.descriptors.must_have_room()
    made = bool(flags & os.O_CREAT) and not _exists(place)
    found = place.directory.open(place.path, flags & OPEN_FLAGS, follow=True)
    if hasattr(found, "entries"):
        opened = Opened(path=place.whole, flags=flags, directory=cast("Directory", found))
    else:
        opened = Opened(path=place.whole, flags=flags, file=found)
    if made:
        process.tree.set_mode(opened.status(), _number(args, 2, 0o666) & ~process.umask)
    return float(process.descriptors.insert(opened))


def _exists(place: Place) -> bool:
    try:
        place.directory.path_status(place.path, True)
    except OSError as failure:
        must_be_refusal(failure)
        return False
    return True


@_operation
def close(process: Process, args: Sequence[Value]) -> Value:
    """Close a number."""
    process.descriptors.close(_descriptor(args))
    return UNDEFINED


def _range(args: Sequence[Value]) -> memoryview:
    """The bytes that a buffer, an offset and a length mean."""
    buffer = argument(args, 1)
    if not isinstance(buffer, Uint8Array):
        raise refusal(errno.EINVAL)
    start = _number(args, 2)
    length = _number(args, 3, max(len(buffer.data) - start, 0))
    if start + length > len(buffer.data):
        raise refusal(errno.EINVAL)
    with memoryview(buffer.data) as whole:
        return whole[start : start + length]


@_operation
def read(process: Process, args: Sequence[Value]) -> Value:
    """Read at a position, or where the file is: how many bytes."""
    file = _file(process, args)
    with _range(args) as part:
        position = _position(args)
        if position is not None:
            return float(file.read_at([part], position))
        host = file.pollable()
        if host >= 0 and not process.loop.is_readable(host):
            raise Later(host)
        return float(file.read([part]))


@_operation
def write(process: Process, args: Sequence[Value]) -> Value:
    """Write at a position, or where the file is: how many bytes."""
    file = _file(process, args)
    with _range(args) as part:
        position = _position(args)
        if position is not None:
            return float(file.write_at([part], position))
        return float(file.write([part]))


@_operation
def fsync(process: Process, args: Sequence[Value]) -> Value:
    """Let what was written be kept by the host."""
    opened = opened_of(process, args)
    if opened.file is not None and opened.file.seekable:
        opened.file.sync(data_only=False)
    return UNDEFINED


@_operation
def ftruncate(process: Process, args: Sequence[Value]) -> Value:
    """Cut an open file, or lengthen it with zeros."""
    _file(process, args).set_size(_number(args, 1))
    return UNDEFINED


# --- what is told of files


def status_of(process: Process, status: Status) -> Object:
    """What the program is told of a file. Times are milliseconds since 1970."""
    is_directory = status.kind == "directory"
    mode = FORMATS[status.kind] | process.tree.mode_of(status)
    numbers = {
        "dev": status.dev,
        "ino": status.ino & (1 << 53) - 1,
        "mode": mode,
        "nlink": status.nlink,
        "uid": 0,
        "gid": 0,
        "rdev": 0,
        "size": status.size,
        "blksize": BLOCK,
        "blocks": -(-status.size // 512),
        "atimeMs": status.atim / _MILLISECOND,
        "mtimeMs": status.mtim / _MILLISECOND,
        "ctimeMs": status.ctim / _MILLISECOND,
    }
    properties: dict[str, Value] = {name: float(number) for name, number in numbers.items()}
    properties["isDirectory"] = _IS_DIRECTORY if is_directory else _IS_NO_DIRECTORY
    return Object(properties, process.budget)


_IS_DIRECTORY: Final = Function("isDirectory", lambda _, args: True)
_IS_NO_DIRECTORY: Final = Function("isDirectory", lambda _, args: False)


@_operation
def fstat(process: Process, args: Sequence[Value]) -> Value:
    """What is known of an open file."""
    return status_of(process, opened_of(process, args).status())


@_operation
def stat_(process: Process, args: Sequence[Value]) -> Value:
    """What is known of a file."""
    place = _place(process, args)
    return status_of(process, place.directory.path_status(place.path, True))


@_operation
def lstat(process: Process, args: Sequence[Value]) -> Value:
    """The same of a link itself."""
    place = _place(process, args)
    return status_of(process, place.directory.path_status(place.path, False))


@_operation
def readdir(process: Process, args: Sequence[Value]) -> Value:
    """The names in a directory, and those of what is mounted there."""
    place = _place(process, args)
    directory = cast("Directory", place.directory.open(place.path, os.O_RDONLY | os.O_DIRECTORY, follow=True))
    try:
        names = {entry.name for entry in directory.entries()} - {b".", b".."}
    finally:
        directory.close()
    return Array([name.decode("utf-8", "replace") for name in sorted(names)], process.budget)


@_operation
def readlink(process: Process, args: Sequence[Value]) -> Value:
    """The text of a link."""
    place = _place(process, args)
    return place.directory.read_link(place.path).decode("utf-8", "replace")


# --- names


@_operation
def mkdir(process: Process, args: Sequence[Value]) -> Value:
    """Make a directory."""
    place = process.tree.place(_path(args, 0))
    if place.is_mount:
        raise refusal(errno.EEXIST)
    place.directory.create_directory(place.path)
    process.tree.set_mode(place.directory.path_status(place.path, False), _number(args, 1, 0o777) & ~process.umask)
    return UNDEFINED


@_operation
def rmdir(process: Process, args: Sequence[Value]) -> Value:
    """Remove an empty directory."""
    place = _name(process, args)
    place.directory.remove_directory(place.path)
    return UNDEFINED


@_operation
def unlink(process: Process, args: Sequence[Value]) -> Value:
    """Remove a name."""
    place = _name(process, args)
    place.directory.unlink(place.path)
    return UNDEFINED


@_operation
def rename(process: Process, args: Sequence[Value]) -> Value:
    """Give a file another name."""
    source, target = _name(process, args), _name(process, args, 1)
    source.directory.rename(source.path, target.directory, target.path)
    return UNDEFINED


@_operation
def link(process: Process, args: Sequence[Value]) -> Value:
    """Give a file one more name."""
    source, target = _place(process, args), _name(process, args, 1)
    source.directory.link(source.path, target.directory, target.path)
    return UNDEFINED


@_operation
def symlink(process: Process, args: Sequence[Value]) -> Value:
    """Make a link; EPERM for an absolute text, which could only lead out of its mount."""
    place = _name(process, args, 1)
    place.directory.symlink(_path(args, 0), place.path)
    return UNDEFINED


@_operation
def truncate(process: Process, args: Sequence[Value]) -> Value:
    """Cut a file, or lengthen it with zeros."""
    place = _place(process, args)
    found = place.directory.open(place.path, os.O_WRONLY, follow=True)
    try:
        cast("File", found).set_size(_number(args, 1))
    finally:
        found.close()
    return UNDEFINED


# --- modes, owners, times


@_operation
def chmod(process: Process, args: Sequence[Value]) -> Value:
    """Set permissions, which are remembered, and told."""
    place = _place(process, args)
    process.tree.set_mode(place.directory.path_status(place.path, True), _number(args, 1))
    return UNDEFINED


@_operation
def fchmod(process: Process, args: Sequence[Value]) -> Value:
    """The same of an open file."""
    process.tree.set_mode(opened_of(process, args).status(), _number(args, 1))
    return UNDEFINED


def _must_be_own(args: Sequence[Value]) -> None:
    """There is one user, 0: a file can be given to nobody else."""
    if any(argument(args, at) not in (0.0, UNDEFINED, -1.0, float(0xFFFF_FFFF)) for at in (1, 2)):
        raise refusal(errno.EPERM)


@_operation
def chown(process: Process, args: Sequence[Value]) -> Value:
    """Give a file to a user and a group: to 0, whose it is."""
    place = _place(process, args)
    place.directory.path_status(place.path, True)
    _must_be_own(args)
    return UNDEFINED


@_operation
def lchown(process: Process, args: Sequence[Value]) -> Value:
    """The same of a link itself."""
    place = _place(process, args)
    place.directory.path_status(place.path, False)
    _must_be_own(args)
    return UNDEFINED


@_operation
def fchown(process: Process, args: Sequence[Value]) -> Value:
    """The same of an open file."""
    opened_of(process, args)
    _must_be_own(args)
    return UNDEFINED


@_operation
def utimes(process: Process, args: Sequence[Value]) -> Value:
    """Set the times of access and change, given in seconds."""
    place = _place(process, args)
    times = [argument(args, at) for at in (1, 2)]
    if any(type(each) is not float or not abs(each) < 1 << 33 for each in times):
        raise refusal(errno.EINVAL)
    place.directory.path_set_times(place.path, True, *[int(each * _SECOND) for each in times])
    return UNDEFINED
