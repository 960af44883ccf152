"""What Go's library asks of Node beside files: the objects `process` and `path`.

A program sees nothing of the host there: it is user 0 of a process 1.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from wasmer_go.errors import Thrown
from wasmer_go.filesystem import error_of
from wasmer_go.objects import Array, Function, Object, Value, argument, text_of, whole_number
from wasmer_vfs.errors import refusal
from wasmer_vfs.waiting import must_be_refusal

if TYPE_CHECKING:
    from wasmer_go.process import Process

_NUMBERS: Final = ("getuid", "getgid", "geteuid", "getegid")


def process_object(process: Process) -> Object:
    """The object `process`."""
    made = Object({"pid": 1.0, "ppid": 0.0}, process.budget)
    for name in _NUMBERS:
        made.properties[name] = Function(name, lambda _, args: 0.0)
    made.properties["getgroups"] = Function("getgroups", lambda _, args: Array([0.0], process.budget))
    made.properties["umask"] = Function("umask", lambda _, args: _umask(process, args))
    made.properties["cwd"] = Function("cwd", lambda _, args: process.tree.current.decode("utf-8", "replace"))
    made.properties["chdir"] = Function("chdir", lambda _, args: _chdir(process, args))
    return made


def _umask(process: Process, args: Sequence[Value]) -> Value:
    before = process.umask
    process.umask = whole_number(argument(args, 0), "a mask", before) & 0o777
    return float(before)


def _chdir(process: Process, args: Sequence[Value]) -> Value:
    try:
        place = process.tree.place(text_of(argument(args, 0)).encode("utf-8", "surrogateescape"))
        if place.directory.path_status(place.path, True).kind != "directory":
            raise refusal(errno.ENOTDIR)
    except OSError as failure:
        must_be_refusal(failure)
        raise Thrown(error_of("chdir", failure)) from None
    process.tree.current = place.whole
    return None


def path_object(process: Process) -> Object:
    """The object `path`."""

    def resolve(_: Value, args: Sequence[Value]) -> Value:
        whole = process.tree.current
        for each in args:
            part = text_of(each).encode("utf-8", "surrogateescape")
            if part:
                try:
                    whole = process.tree.absolute(part, whole)
                except OSError as failure:
                    must_be_refusal(failure)
                    raise Thrown(error_of("resolve", failure)) from None
        return whole.decode("utf-8", "surrogateescape")

    return Object({"resolve": Function("resolve", resolve)}, process.budget)
