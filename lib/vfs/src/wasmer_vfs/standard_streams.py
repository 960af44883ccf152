"""Standard input, output and error of a program: from what a user gives to the files that it reads and writes.

What can be given: nothing said (`INHERIT`: the process's own stream), any Python file object, a callable, None (nothing
to read, nowhere to write), for input also bytes and a path, for output a `Captured`.
"""

from __future__ import annotations

import io
import os
import sys

from wasmer_runtime_core.support.annotations import Any, Final
from wasmer_vfs.files import File, HostStream, Owned
from wasmer_vfs.streams import DEFAULT_CAPTURED_BYTES, Captured, Stream
from wasmer_vfs.waiting import must_be_refusal, plainly

STANDARD_STREAMS: Final = ("stdin", "stdout", "stderr")
"""Their names, by number."""

INHERIT: Final = object()
"""A standard stream of the Python process itself."""

CAPTURE: Final = object()
"""Given as `stdout` or `stderr` of a program: what is written is kept, for its `stdout_bytes` and `stderr_bytes`."""


def as_input(given: Any) -> Any:
    """What a user gave as standard input, as it is kept until a program is started.

    Raises:
        TypeError: it is none of what can be given.
    """
    if isinstance(given, (bytes, bytearray, memoryview)):
        return bytes(given)
    if isinstance(given, str):
        raise TypeError("standard input of a str: give bytes for what is read, or a pathlib.Path for a file")
    if (
        given is INHERIT
        or given is None
        or isinstance(given, os.PathLike)
        or _is_file(given, ("read", "readinto"), "readable")
    ):
        return given
    raise TypeError(
        "standard input is a file object that can be read, a callable, bytes, a pathlib.Path or None; "
        f"this is {given!r}"
    )


def as_output(given: Any, name: str) -> Any:
    """What a user gave as standard output or error (`name`), as it is kept until a program is started.

    Raises:
        TypeError: it is none of what can be given.
    """
    if given is INHERIT or given is None or isinstance(given, Captured) or _is_file(given, ("write",), "writable"):
        return given
    raise TypeError(
        f"standard {name} is a file object that can be written, a callable or None; this is {given!r}"
        + ("; open the file" if isinstance(given, (str, os.PathLike)) else "")
    )


def as_output_or_capture(given: Any, name: str) -> Any:
    """The same, where a user can say `CAPTURE`, too."""
    return Captured(DEFAULT_CAPTURED_BYTES) if given is CAPTURE else as_output(given, name)


def _is_file(given: Any, methods: tuple[str, ...], can: str) -> bool:
    """Whether it is a file object that has one of the methods, and says that it can be used so, or a callable."""
    if isinstance(given, type):
        return False
    if not any(hasattr(given, method) for method in methods):
        return callable(given)
    asked = getattr(given, can, None)
    return not callable(asked) or bool(asked())


@plainly
def open_stream(given: Any, number: int) -> File:
    """The file for standard stream `number`, as `as_input` and `as_output` let it pass.

    Raises:
        OSError: a path cannot be opened, or is a directory.
    """
    if given is INHERIT:
        return _own(number)
    if given is None:
        return _host_stream(os.devnull, os.O_WRONLY if number else os.O_RDONLY)
    if isinstance(given, Captured):
        return given
    if isinstance(given, bytes):
        given = io.BytesIO(given)
    elif isinstance(given, os.PathLike):
        file = _host_stream(given, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        if os.path.isdir(file.host):
            raise IsADirectoryError(f"{os.fspath(given)} is a directory: standard input is a file")
        return file
    return Stream(given, output=number != 0)


def _own(number: int) -> File:
    """The process's own stream: its descriptor if it has one, for the short way, else what Python has there."""
    stream = getattr(sys, STANDARD_STREAMS[number])
    try:
        if number:
            stream.flush()
        if stream.fileno() == number:  # others may be closed, and their numbers be given to other files
            return HostStream(number)
    except (AttributeError, OSError, ValueError) as failure:
        must_be_refusal(failure)
    return open_stream(stream, number)


def _host_stream(path: str | os.PathLike[str], flags: int) -> HostStream:
    owned = Owned()
    owned.extend(map(os.open, (path,), (flags | os.O_CLOEXEC,)))
    return HostStream(owned)


def captured_bytes(given: Any, number: int) -> bytes:
    """What was written until now to an output that keeps it.

    Raises:
        TypeError: it is not captured.
    """
    if isinstance(given, Captured):
        return given.buffer.getvalue()
    if isinstance(given, io.BytesIO):
        return given.getvalue()
    raise TypeError(f"{STANDARD_STREAMS[number]} is not captured")
