"""What campaigns with signals share: a world for each thread, and a handler that comes between steps of the main one.

A world is what one thread has. The handler runs code in the main thread's world, in the middle of whatever that does,
and raises now and then; who was interrupted takes what comes out as one of the ways a call may end.
"""

from __future__ import annotations

import argparse
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence


class World:
    """What one thread has. A campaign's own has its instances, and says what a `call` is.

    Attributes:
        chance: where it takes its choices from.
        ends: how its calls ended.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ends: Counter[str] = Counter()

    def call(self) -> None:
        """One thing of many, under one deadline; whatever way it ends."""
        raise NotImplementedError

    def call_until(self, end: float) -> None:
        """Calls, one after another, until the clock says so."""
        while time.monotonic() < end:
            self.call()


def run(
    worlds: Sequence[World],
    seconds: float,
    passing: tuple[type[BaseException], ...],
    between: Callable[[], None] | None = None,
    every: float = 0.003,
) -> Counter[str]:
    """Let all of them call for so long, the first in this thread with signals; how calls ended.

    Args:
        passing: what a handler may raise between two calls: its own `KeyError`, and what `between` ends with.
        between: what the handler does; by default a call.
        every: seconds between two signals.
    """
    main, *others = worlds
    busy = False

    def handler(number: int, frame: object) -> None:
        nonlocal busy
        if not busy:
            busy = True
            try:
                (between or main.call)()
                if main.chance.random() < 0.2 and time.monotonic() < end:  # then nobody takes it any more
                    raise KeyError("the handler's own")
            finally:
                busy = False

    end = time.monotonic() + seconds
    threads = [threading.Thread(target=world.call_until, args=(end,)) for world in others]
    for thread in threads:
        thread.start()
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.002, every)
        while time.monotonic() < end:
            try:
                main.call_until(end)
            except passing:
                main.ends["between calls"] += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        for thread in threads:
            thread.join()
    return sum((world.ends for world in worlds), Counter[str]())


def options(name: str, document: str | None) -> argparse.Namespace:
    """The command line of a campaign: its `seed`, and for how many `seconds`."""
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.attack.{name}", description=(document or "").splitlines()[0]
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    return parser.parse_args()
