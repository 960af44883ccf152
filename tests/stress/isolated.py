"""Scenarios in processes of their own: a crash is a failed test, not the end of the run.

A scenario is an ordinary function with the decorator `isolated`. Called by pytest it starts
``python -m tests.stress.isolated module function`` and looks at how that ended; in that
process the function itself runs. `SEED` and `SCALE` say which random numbers to draw and how
long to go on; both come from the environment, so that a failure can be repeated.
"""

from __future__ import annotations

import functools
import importlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SEED: Final = int(os.environ.get("WASMER_STRESS_SEED", "1"))
SCALE: Final = float(os.environ.get("WASMER_STRESS_SCALE", "1"))
"""1: seconds in all; 100: the sizes that the promises name."""

SKIPPED: Final = 77
"""The exit code of a scenario that cannot run here; the last line it prints says why."""

HANGS: Final = 900.0
"""Seconds after which a scenario is taken to hang. It guards the run and says nothing about speed: most take one."""

_inside = False
scenarios: list[Callable[[], None]] = []
"""All that were imported, in order."""


def random_numbers() -> random.Random:
    """The same numbers for the same seed."""
    return random.Random(SEED)


def scaled(count: int) -> int:
    """`count` at full size, less by default."""
    return max(1, int(count * min(SCALE, 100) / 100))


def isolated(
    *, ends: int = 0, timeout: float = HANGS, prints: str = "", environment: dict[str, str] | None = None
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """The scenario runs in a process that must end with the code `ends` (a signal's number, negative) and
    print `prints` on one of its streams, within `timeout` seconds."""

    def decorate(scenario: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(scenario)
        def run() -> None:
            if _inside:
                scenario()
            else:
                _check(scenario, ends, timeout * max(1.0, SCALE), prints, environment or {})

        scenarios.append(run)
        return run

    return decorate


def _check(scenario: Callable[[], None], ends: int, timeout: float, prints: str, environment: dict[str, str]) -> None:
    module, name = scenario.__module__, scenario.__name__
    command = [sys.executable, "-m", "tests.stress.isolated", module, name]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        raise AssertionError(f"{name} did not end in {timeout} seconds; it printed:\n{output[-4000:]}") from None
    shown = " ".join(command)
    if process.returncode == SKIPPED:
        pytest.skip(output.strip().splitlines()[-1])
    assert process.returncode == ends, f"{shown} ended with {process.returncode}, not {ends}:\n{output[-6000:]}"
    assert prints in output, f"{shown} did not print {prints!r}:\n{output[-6000:]}"


def raises(
    expected: type[BaseException] | tuple[type[BaseException], ...], call: Callable[..., Any], *args: Any
) -> Any:
    """The exception that ``call(*args)`` raises; AssertionError if it raises none."""
    try:
        result = call(*args)
    except expected as error:
        return error
    raise AssertionError(f"{call!r}{args!r} returned {result!r} where {expected!r} was due")


def resident_bytes() -> int:
    """Resident memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    module, name = sys.argv[1:3]
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell leaves it to what it starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # This module runs under the name __main__; the scenarios have imported it under its own.
    own = importlib.import_module("tests.stress.isolated")
    own._inside = True  # type: ignore[attr-defined]
    try:
        getattr(importlib.import_module(module), name)()
    except pytest.skip.Exception as skipped:
        print(skipped)
        sys.exit(SKIPPED)


if __name__ == "__main__":
    main()
