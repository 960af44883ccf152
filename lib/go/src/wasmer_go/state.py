"""What a program is given: arguments, environment, files, streams, objects of Python. Nothing else of the host is
visible.

A `GoStateBuilder` collects and checks; a `GoState` is the pattern from which each program gets a `Process` of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, final

from wasmer_go.conversion import to_go
from wasmer_go.filesystem import filesystem
from wasmer_go.process import Process
from wasmer_go.references import DEFAULT_VALUES
from wasmer_go.surroundings import path_object, process_object
from wasmer_go.world import fill
from wasmer_vfs.clock import Clock, SystemClock
from wasmer_vfs.descriptors import DEFAULT_LIMIT
from wasmer_vfs.devices import Devices
from wasmer_vfs.random import RandomSource, seeded, system
from wasmer_vfs.standard_streams import INHERIT, as_input, as_output, captured_bytes
from wasmer_vfs.streams import DEFAULT_CAPTURED_BYTES, Captured
from wasmer_vfs.trees import Tree, mountable

DEFAULT_VALUE_BYTES: Final = 1 << 30
"""Bytes of the host's memory that a program's values may take."""
DIRECTORIES: Final = (b"tmp", b"dev")
"""What is in every program's tree."""


@final
class GoState(NamedTuple):
    """The pattern of a program. Made by ``GoState.new(name)…build()``.

    Attributes:
        args, environ: its arguments, its name first; `NAME=value` each.
        streams: what its three standard streams are.
        mounts: directories by the names under which it sees them.
        current: the directory that it begins in.
        globals: what it finds in its global object, beside what is always there.
        clock, random: where time and random bytes come from.
        descriptor_limit: how many files it can have open at once.
        value_limit: how many of the host's values it can hold at once.
        value_bytes_limit: bytes of the host's memory that these may take.
    """

    args: tuple[bytes, ...]
    environ: tuple[bytes, ...]
    streams: tuple[Any, Any, Any]
    mounts: tuple[tuple[bytes, Any], ...]
    current: bytes
    globals: Mapping[str, Any]
    clock: Clock
    random: RandomSource
    descriptor_limit: int
    value_limit: int
    value_bytes_limit: int

    @staticmethod
    def new(program_name: str | bytes) -> GoStateBuilder:
        """Begin to build a state for a program of this name, which is its argument 0."""
        return GoStateBuilder(program_name)

    def process(self) -> Process:
        """What one program has.

        Raises:
            OSError: a directory or a file cannot be opened.
            TypeError: a mount is no directory.
            ValueError: a global is an int that Go cannot have.
        """
        tree = Tree(DIRECTORIES)
        tree.mount(b"/dev", Devices(self.random))
        for alias, directory in self.mounts:
            tree.mount(alias, mountable(os.fsdecode(alias), directory))
        tree.current = tree.absolute(self.current, b"/")
        place = tree.place(tree.current)
        if place.directory.path_status(place.path, True).kind != "directory":
            raise NotADirectoryError(f"the current directory {os.fsdecode(self.current)!r} is a file")
        environ = list(self.environ)
        if not any(each.startswith(b"PWD=") for each in environ):
            environ.append(b"PWD=" + tree.current)
        process = Process(
            list(self.args),
            environ,
            self.streams,
            tree,
            self.clock,
            self.random,
            self.descriptor_limit,
            self.value_limit,
            self.value_bytes_limit,
        )
        try:
            world = process.world.properties
            fill(process)
            world["fs"] = filesystem(process)
            world["process"] = process_object(process)
            world["path"] = path_object(process)
            for name, given in self.globals.items():
                world[name] = to_go(process, given)
        except BaseException:
            process.close()
            raise
        return process

    def stdout_bytes(self) -> bytes:
        """What was written to a captured stdout until now, by all programs of this state.

        Raises:
            TypeError: stdout is not captured.
        """
        return captured_bytes(self.streams[1], 1)

    def stderr_bytes(self) -> bytes:
        """What was written to a captured stderr until now.

        Raises:
            TypeError: stderr is not captured.
        """
        return captured_bytes(self.streams[2], 2)


def _bytes_of(given: str | bytes, what: str) -> bytes:
    data = os.fsencode(given)
    if b"\0" in data:
        raise ValueError(f"{what} {given!r} contains a NUL byte, which would end it")
    return data


@final
class GoStateBuilder:
    """Collects what a program gets. Every method returns the builder; `build` ends it."""

    def __init__(self, program_name: str | bytes) -> None:
        self._args = [_bytes_of(program_name, "the program's name")]
        self._environ: dict[bytes, bytes] = {}
        self._mounts: dict[bytes, Any] = {}
        self._streams: list[Any] = [INHERIT, INHERIT, INHERIT]
        self._current = b"/"
        self._globals: dict[str, Any] = {}
        self._clock: Clock | None = None
        self._random: RandomSource = system
        self._descriptors = DEFAULT_LIMIT
        self._values = DEFAULT_VALUES
        self._value_bytes = DEFAULT_VALUE_BYTES

    def arg(self, arg: str | bytes) -> GoStateBuilder:
        """Add an argument."""
        self._args.append(_bytes_of(arg, "argument"))
        return self

    def args(self, args: Iterable[str | bytes]) -> GoStateBuilder:
        """Add arguments."""
        if isinstance(args, (str, bytes)):
            raise TypeError(f"args takes several, as a list: [{args!r}]")
        for arg in args:
            self.arg(arg)
        return self

    def env(self, name: str | bytes, value: str | bytes) -> GoStateBuilder:
        """Set an environment variable."""
        key = _bytes_of(name, "environment variable")
        if not key or b"=" in key:
            raise ValueError(f"environment variable {name!r}: a name may not be empty or contain '='")
        self._environ[key] = _bytes_of(value, "value of an environment variable")
        return self

    def envs(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> GoStateBuilder:
        """Set environment variables: pairs, or a mapping."""
        for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
            self.env(name, value)
        return self

    def inherit_env(self) -> GoStateBuilder:
        """Set the variables of the Python process."""
        for name, value in os.environb.items():
            self.env(name, value)
        return self

    def map_dir(self, alias: str | bytes, directory: Any) -> GoStateBuilder:
        """Let the program see a directory (a path of the host, or a `Directory`) as `alias`, a path from ``/`` on."""
        where = _bytes_of(alias, "mount")
        if not where.startswith(b"/"):
            raise ValueError(f"a directory is mounted at a path from / on; this is {alias!r}")
        self._mounts[where] = directory
        return self

    def map_dirs(self, pairs: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> GoStateBuilder:
        """Let the program see directories, each as its alias: pairs, or a mapping."""
        for alias, directory in pairs.items() if isinstance(pairs, Mapping) else pairs:
            self.map_dir(alias, directory)
        return self

    def current_dir(self, path: str | bytes) -> GoStateBuilder:
        """Let the program begin in a directory of those that it sees."""
        self._current = _bytes_of(path, "current directory")
        return self

    def stdin(self, stdin: Any) -> GoStateBuilder:
        """What the program reads: a file object, a callable, bytes, a path, or None for nothing."""
        self._streams[0] = as_input(stdin)
        return self

    def stdout(self, stdout: Any) -> GoStateBuilder:
        """Where the program writes to: a file object, a callable, or None for nowhere."""
        self._streams[1] = as_output(stdout, "output")
        return self

    def stderr(self, stderr: Any) -> GoStateBuilder:
        """Where the program writes errors to: the same."""
        self._streams[2] = as_output(stderr, "error")
        return self

    def capture_stdout(self, limit_bytes: int = DEFAULT_CAPTURED_BYTES) -> GoStateBuilder:
        """Keep what the program writes, for `stdout_bytes`."""
        self._streams[1] = Captured(limit_bytes)
        return self

    def capture_stderr(self, limit_bytes: int = DEFAULT_CAPTURED_BYTES) -> GoStateBuilder:
        """Keep what the program writes as errors, for `stderr_bytes`."""
        self._streams[2] = Captured(limit_bytes)
        return self

    def global_(self, name: str, value: Any) -> GoStateBuilder:
        """Let the program find an object of Python in its global object (`wasmer_go.conversion` says how it looks)."""
        self._globals[name] = value
        return self

    def globals(self, values: Mapping[str, Any]) -> GoStateBuilder:
        """The same for several."""
        self._globals.update(values)
        return self

    def clock(self, clock: Clock) -> GoStateBuilder:
        """What time comes from."""
        self._clock = clock
        return self

    def random(self, source: RandomSource | int | bytes | str) -> GoStateBuilder:
        """What random bytes come from: a function from a number of bytes to them, or a seed."""
        self._random = source if callable(source) else seeded(source)
        return self

    def descriptors(self, limit: int) -> GoStateBuilder:
        """How many files the program can have open at once."""
        self._descriptors = limit
        return self

    def values(self, limit: int) -> GoStateBuilder:
        """How many of the host's values the program can hold at once."""
        self._values = limit
        return self

    def value_bytes(self, limit: int) -> GoStateBuilder:
        """Bytes of the host's memory that the program's values may take."""
        self._value_bytes = limit
        return self

    def build(self) -> GoState:
        """What was collected."""
        return GoState(
            tuple(self._args),
            tuple(name + b"=" + value for name, value in self._environ.items()),
            (self._streams[0], self._streams[1], self._streams[2]),
            tuple(self._mounts.items()),
            self._current,
            dict(self._globals),
            SystemClock() if self._clock is None else self._clock,
            self._random,
            self._descriptors,
            self._values,
            self._value_bytes,
        )
