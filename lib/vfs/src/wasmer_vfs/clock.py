"""Clocks: what a program reads the time from and waits by.

`SystemClock` is the host's. `VirtualClock` moves only when it is told to or when the program
sleeps, which then takes no time: runs with it can be repeated exactly.
"""

from __future__ import annotations

import time

from wasmer_runtime_core.running import interrupts
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, Protocol, final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Clock(Protocol):
    """Clocks of a program.

    Attributes:
        readers: for each clock, as `time` numbers them (`time.CLOCK_REALTIME` …), a function that returns its time in
            nanoseconds.
        resolutions: for each clock the resolution in nanoseconds.
        virtual: time passes only by `sleep`.
    """

    readers: Mapping[int, Callable[[], int]]
    resolutions: Mapping[int, int]
    virtual: bool

    def sleep(self, nanoseconds: int) -> None:
        """Let that much time pass."""
        ...


@final
class SystemClock:
    """The host's clocks."""

    __slots__ = ("readers", "resolutions", "virtual")

    def __init__(self) -> None:
        self.virtual = False
        self.readers: Mapping[int, Callable[[], int]] = _READERS
        self.resolutions: Mapping[int, int] = {clock: _resolution(clock) for clock in _READERS}

    def sleep(self, nanoseconds: int) -> None:
        interrupts.wait((), nanoseconds / 1_000_000_000)


_READERS: Final = {
    time.CLOCK_REALTIME: time.time_ns,
    time.CLOCK_MONOTONIC: time.monotonic_ns,
    time.CLOCK_PROCESS_CPUTIME_ID: time.process_time_ns,
    time.CLOCK_THREAD_CPUTIME_ID: time.thread_time_ns,
}


def _resolution(clock: int) -> int:
    return max(round(time.clock_getres(clock) * 1_000_000_000), 1)


@final
class VirtualClock:
    """Clocks that stand still until they are moved.

    Args:
        realtime: nanoseconds since 1970 at the start.
        tick: nanoseconds by which each reading moves all clocks, so that loops which wait
            for time to pass come to an end.

    Attributes:
        elapsed: nanoseconds since the start; what the other clocks show.
    """

    __slots__ = ("_realtime", "elapsed", "readers", "resolutions", "tick", "virtual")

    def __init__(self, realtime: int = 0, tick: int = 0) -> None:
        self.virtual = True
        self._realtime = realtime
        self.tick = tick
        self.elapsed = 0
        self.readers: Mapping[int, Callable[[], int]] = {
            time.CLOCK_REALTIME: self._read_realtime,
            time.CLOCK_MONOTONIC: self._read,
            time.CLOCK_PROCESS_CPUTIME_ID: self._read,
            time.CLOCK_THREAD_CPUTIME_ID: self._read,
        }
        self.resolutions: Mapping[int, int] = dict.fromkeys(self.readers, 1)

    def _read(self) -> int:
        self.elapsed += self.tick
        return self.elapsed

    def _read_realtime(self) -> int:
        return self._realtime + self._read()

    def sleep(self, nanoseconds: int) -> None:
        """Move all clocks."""
        self.elapsed += nanoseconds
