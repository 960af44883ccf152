"""What each program is given, whatever built it, collected and checked: the base of the builders of integrations.

`StateBuilder` has the words for arguments, variables, directories, streams, time and random bytes. An integration's own
builder adds its words, and `build`, which makes of all of it what its programs start from.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Self

from wasmer_vfs.clock import Clock
from wasmer_vfs.descriptors import DEFAULT_LIMIT
from wasmer_vfs.random import RandomSource, seeded, system
from wasmer_vfs.standard_streams import INHERIT, as_input, as_output_or_capture
from wasmer_vfs.streams import DEFAULT_CAPTURED_BYTES, Captured


def bytes_of(given: str | bytes, what: str) -> bytes:
    """A text as bytes, as the operating system has them.

    Raises:
        ValueError: it contains a NUL byte.
    """
    data = os.fsencode(given)
    if b"\0" in data:
        raise ValueError(f"{what} {given!r} contains a NUL byte, which would end it")
    return data


class StateBuilder:
    """Collects what a program gets. Every method returns the builder."""

    def __init__(self) -> None:
        self._args: list[bytes] = []
        self._environ: dict[bytes, bytes] = {}
        self._mounts: dict[bytes, Any] = {}
        self._streams: list[Any] = [INHERIT, INHERIT, INHERIT]
        self._current = b"/"
        self._clock: Clock | None = None
        self._random: RandomSource = system
        self._descriptors = DEFAULT_LIMIT

    def arg(self, arg: str | bytes) -> Self:
        """Add an argument."""
        self._args.append(bytes_of(arg, "argument"))
        return self

    def args(self, args: Iterable[str | bytes]) -> Self:
        """Add arguments."""
        if isinstance(args, (str, bytes)):
            raise TypeError(f"args takes several, as a list: [{args!r}]")
        for arg in args:
            self.arg(arg)
        return self

    def env(self, name: str | bytes, value: str | bytes) -> Self:
        """Set an environment variable."""
        key = bytes_of(name, "environment variable")
        if not key or b"=" in key:
            raise ValueError(f"environment variable {name!r}: a name may not be empty or contain '='")
        self._environ[key] = bytes_of(value, "value of an environment variable")
        return self

    def envs(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> Self:
        """Set environment variables: pairs, or a mapping."""
        for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
            self.env(name, value)
        return self

    def inherit_env(self) -> Self:
        """Set the variables of the Python process."""
        for name, value in os.environb.items():
            self.env(name, value)
        return self

    def map_dir(self, alias: str | bytes, directory: Any) -> Self:
        """Let the program see a directory (a path of the host, or a `Directory`) as `alias`, a path from ``/`` on."""
        where = bytes_of(alias, "mount")
        if not where.startswith(b"/"):
            raise ValueError(f"a directory is mounted at a path from / on; this is {alias!r}")
        self._mounts[where] = directory
        return self

    def map_dirs(self, pairs: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Self:
        """Let the program see directories, each as its alias: pairs, or a mapping."""
        for alias, directory in pairs.items() if isinstance(pairs, Mapping) else pairs:
            self.map_dir(alias, directory)
        return self

    def current_dir(self, path: str | bytes) -> Self:
        """Let the program begin in a directory of those that it sees."""
        self._current = bytes_of(path, "current directory")
        return self

    def stdin(self, stdin: Any) -> Self:
        """What the program reads: a file object, a callable, bytes, a path, or None for nothing."""
        self._streams[0] = as_input(stdin)
        return self

    def stdout(self, stdout: Any) -> Self:
        """Where the program writes to: a file object, a callable, None for nowhere, or `CAPTURE`."""
        self._streams[1] = as_output_or_capture(stdout, "output")
        return self

    def stderr(self, stderr: Any) -> Self:
        """Where the program writes errors to: the same."""
        self._streams[2] = as_output_or_capture(stderr, "error")
        return self

    def capture_stdout(self, limit_bytes: int = DEFAULT_CAPTURED_BYTES) -> Self:
        """Keep what the program writes, for `stdout_bytes`."""
        self._streams[1] = Captured(limit_bytes)
        return self

    def capture_stderr(self, limit_bytes: int = DEFAULT_CAPTURED_BYTES) -> Self:
        """Keep what the program writes as errors, for `stderr_bytes`."""
        self._streams[2] = Captured(limit_bytes)
        return self

    def clock(self, clock: Clock) -> Self:
        """What time comes from."""
        self._clock = clock
        return self

    def random(self, source: RandomSource | int | bytes | str) -> Self:
        """What random bytes come from: a function from a number of bytes to them, or a seed."""
        self._random = source if callable(source) else seeded(source)
        return self

    def descriptors(self, limit: int) -> Self:
        """How many files the program can have open at once."""
        self._descriptors = limit
        return self
