"""What a program of .NET is given: arguments, environment, files, streams. Nothing else of the host is visible.

A `DotnetStateBuilder` collects and checks; a `DotnetState` is the pattern from which each run gets its process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple, final

from wasmer_emscripten.loading import Options, process_of
from wasmer_emscripten.process import Process
from wasmer_vfs.builders import StateBuilder
from wasmer_vfs.clock import Clock
from wasmer_vfs.random import RandomSource
from wasmer_vfs.standard_streams import captured_bytes


@final
class DotnetState(NamedTuple):
    """The pattern of a program. Made by ``DotnetState.new()…build()``.

    Attributes:
        args: the arguments of `Main`.
        environ: variables, by their names.
        streams: what its three standard streams are.
        mounts: directories by the names under which it sees them.
        current: the directory that it begins in.
        properties: what `AppContext` says of them (.NET 10).
        clock, random: where time and random bytes come from.
        descriptor_limit: how many files it can have open at once.
    """

    args: tuple[str, ...]
    environ: Mapping[str, str]
    streams: tuple[Any, Any, Any]
    mounts: Mapping[str, Any]
    current: str
    properties: Mapping[str, str]
    clock: Clock | None
    random: RandomSource
    descriptor_limit: int

    @staticmethod
    def new() -> DotnetStateBuilder:
        """Begin to build a state. A program's name is that of its assembly."""
        return DotnetStateBuilder()

    def process(self, name: str) -> Process:
        """What one program has.

        Raises:
            OSError: a directory or a file cannot be opened.
            TypeError: a mount is no directory.
        """
        options = Options(
            stdin=self.streams[0],
            stdout=self.streams[1],
            stderr=self.streams[2],
            mounts=self.mounts,
            current=self.current,
            clock=self.clock,
            random=self.random,
            descriptors=self.descriptor_limit,
            name=name,
        )
        return process_of(options)

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
class DotnetStateBuilder(StateBuilder):
    """Collects what a program gets. Every method returns the builder; `build` ends it."""

    def __init__(self) -> None:
        super().__init__()
        self._properties: dict[str, str] = {}

    def property(self, name: str, value: str) -> DotnetStateBuilder:
        """Set what `AppContext` says of a name, over what the framework's boot configuration sets (.NET 10)."""
        self._properties[name] = value
        return self

    def properties(self, pairs: Mapping[str, str]) -> DotnetStateBuilder:
        """The same for several."""
        self._properties.update(pairs)
        return self

    def build(self) -> DotnetState:
        """What was collected."""
        return DotnetState(
            tuple(map(os.fsdecode, self._args)),
            {os.fsdecode(name): os.fsdecode(value) for name, value in self._environ.items()},
            (self._streams[0], self._streams[1], self._streams[2]),
            {os.fsdecode(alias): directory for alias, directory in self._mounts.items()},
            os.fsdecode(self._current),
            dict(self._properties),
            self._clock,
            self._random,
            self._descriptors,
        )
