"""What happens while a program waits: callbacks that are ready, timers, files that can be read.

A program of Go runs until all its goroutines wait, and returns. Then it is resumed for each event, in this order:
callbacks that are ready, in the order in which they became so; timers that are due, the earliest first; files that it
waits to read. Where nothing of that is left, nothing can ever happen any more: a `Loop` says so, and whoever runs the
program decides what that means.

Nothing waits longer than a deadline, a cancellation or a signal allows (`wasmer_vfs.waiting`).
"""

from __future__ import annotations

import heapq
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Final, final

from wasmer_go.errors import TooManyValues
from wasmer_vfs.clock import Clock
from wasmer_vfs.waiting import is_ready, look, wait

MAX_TIMERS: Final = 10_000
"""Timers that a program may have set at once; Go's runtime needs one."""
MAX_READY: Final = 100_000
"""Callbacks that may be ready at once."""
_MILLISECOND: Final = 1_000_000

Callback = Callable[[], None]


@final
class Loop:
    """The events of one program.

    Attributes:
        clock: what timers go by.
        ready: callbacks to be called, the next one first.
    """

    __slots__ = ("_due", "_next", "_timers", "_waiting", "clock", "ready")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.ready: deque[Callback] = deque()
        self._timers: dict[int, Callback] = {}
        self._due: list[tuple[int, int]] = []  # a heap of moments and timers, some of which are cleared
        self._next = 1
        self._waiting: dict[int, deque[Callback]] = {}

    def soon(self, callback: Callback) -> None:
        """Call it when the program waits."""
        if len(self.ready) >= MAX_READY:
            raise TooManyValues(f"the Go program has {MAX_READY} callbacks under way, which is the limit")
        self.ready.append(callback)

    def _now(self) -> int:
        return self.clock.readers[time.CLOCK_MONOTONIC]()

    def timer(self, milliseconds: float, callback: Callback) -> int:
        """Call it when time has passed: a number, for `clear`."""
        if len(self._timers) >= MAX_TIMERS:
            raise TooManyValues(f"the Go program has {MAX_TIMERS} timers, which is the limit")
        number = self._next
        self._next = number % 0x7FFF_FFFF + 1
        self._timers[number] = callback
        delay = int(min(max(milliseconds, 0), 1 << 53)) * _MILLISECOND
        heapq.heappush(self._due, (self._now() + delay, number))
        if len(self._due) > 2 * len(self._timers) + 64:
            self._due = [each for each in self._due if each[1] in self._timers]
            heapq.heapify(self._due)
        return number

    def clear(self, number: int) -> None:
        """Forget a timer, if there is one of the number."""
        self._timers.pop(number, None)

    def is_set(self, number: int) -> bool:
        """Whether there is a timer of the number, which has not been cleared."""
        return number in self._timers

    def when_readable(self, host: int, callback: Callback) -> None:
        """Call it when a descriptor of the host can be read; one after the other where several wait for one."""
        waiting = self._waiting.setdefault(host, deque())
        if len(waiting) >= MAX_READY:
            raise TooManyValues(f"the Go program waits {MAX_READY} times for one file, which is the limit")
        waiting.append(callback)

    @staticmethod
    def is_readable(host: int) -> bool:
        """Whether a descriptor of the host can be read now."""
        return is_ready(host, select.POLLIN)

    def _timer_wait(self) -> int | None:
        """Nanoseconds until the next timer is due, or None: there is none."""
        while self._due and self._due[0][1] not in self._timers:
            heapq.heappop(self._due)
        return max(self._due[0][0] - self._now(), 0) if self._due else None

    @property
    def idle(self) -> bool:
        """Whether nothing can happen any more."""
        return not self.ready and not self._waiting and self._timer_wait() is None

    def step(self, longest: int | None = None) -> bool:
        """Let the next event happen, waiting for it for at most `longest` nanoseconds.

        Returns:
            Whether one has happened.
        """
        look()
        if self.ready:
            self.ready.popleft()()
            return True
        pause = self._timer_wait()
        if pause == 0:
            self._timers[heapq.heappop(self._due)[1]]()
            return True
        if pause is None and not self._waiting:
            return False
        patience = pause if longest is None else longest if pause is None else min(pause, longest)
        if self.clock.virtual and patience is not None:
            readable = wait([(host, select.POLLIN) for host in self._waiting], 0) if self._waiting else []
            if not readable:
                self.clock.sleep(patience)
        else:
            readable = wait([(host, select.POLLIN) for host in self._waiting], patience)
        for host, _ in readable:
            waiting = self._waiting[host]
            self.soon(waiting.popleft())
            if not waiting:
                del self._waiting[host]
        return bool(readable) or pause == patience

    def clear_all(self) -> None:
        """Forget everything: the program has ended."""
        self.ready.clear()
        self._timers.clear()
        self._due.clear()
        self._waiting.clear()
