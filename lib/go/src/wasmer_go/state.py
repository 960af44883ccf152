"""What a program is given: arguments, environment, files, streams, objects of Python. Nothing else of the host is
visible.

A `GoStateBuilder` collects and checks; a `GoState` is the pattern from which each program gets a `Process` of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, final

from wasmer_go.conversion import to_go
from wasmer_go.filesystem import filesystem
from wasmer_go.process import Process
from wasmer_go.references import DEFAULT_VALUES
from wasmer_go.surroundings import path_object, process_object
from wasmer_go.world import fill
from wasmer_vfs.builders import StateBuilder, bytes_of
from wasmer_vfs.clock import Clock, SystemClock
from wasmer_vfs.devices import Devices
from wasmer_vfs.random import RandomSource
from wasmer_vfs.standard_streams import captured_bytes
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


@final
class GoStateBuilder(StateBuilder):
    """Collects what a program gets. Every method returns the builder; `build` ends it."""

    def __init__(self, program_name: str | bytes) -> None:
        super().__init__()
        self._args.append(bytes_of(program_name, "the program's name"))
        self._globals: dict[str, Any] = {}
        self._values = DEFAULT_VALUES
        self._value_bytes = DEFAULT_VALUE_BYTES

    def global_(self, name: str, value: Any) -> GoStateBuilder:
        """Let the program find an object of Python in its global object (`wasmer_go.conversion` says how it looks)."""
        self._globals[name] = value
        return self

    def globals(self, values: Mapping[str, Any]) -> GoStateBuilder:
        """The same for several."""
        self._globals.update(values)
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
