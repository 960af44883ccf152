"""How a call waits, and how one that takes long looks whether it must end.

Nothing that a guest does outlives a deadline, a cancellation or a signal: every wait of this
package is a `wait` of core's, and whatever goes through much data looks with `look` in between.
What ends a call so is no refusal, even if a signal's handler has raised an `OSError`: it comes as `Interrupted`,
past whoever tells a program what was refused, to where the program was called from, which raises its `reason`.
"""

from __future__ import annotations

import os
import select
from _thread import RLock
from typing import Final

from wasmer_runtime_core.running import interrupts

LOOK_EVERY: Final = 1024
"""Small steps (names of a directory) after which a call looks."""
PIECE_BYTES: Final = 8 << 20
"""Bytes after which a call looks."""


def lock_of_the_process() -> RLock:
    """A lock that a signal's handler can take once more, and that is free in a forked child."""
    lock = RLock()
    os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined]
    return lock


class Interrupted(BaseException):
    """Carries what a signal's handler has raised past those who would take it for the host's answer."""

    def __init__(self, reason: BaseException) -> None:
        self.reason = reason


def look() -> None:
    """End the call if it must end.

    Raises:
        Timeout, Cancelled: it must.
        BaseException: what a signal's handler raised.
    """
    try:
        interrupts.check_interrupts()
    except Exception as reason:
        raise Interrupted(reason) from None


def wait(files: list[tuple[int, int]], nanoseconds: int | None) -> list[tuple[int, int]]:
    """Wait for files of the host, or until time has passed; `look` meanwhile.

    Args:
        files: pairs of a descriptor and poll(2)'s events.
        nanoseconds: the longest wait; None: for as long as it takes.

    Returns:
        The descriptors and events that came.
    """
    try:
        return interrupts.wait(files, None if nanoseconds is None else nanoseconds / 1_000_000_000)
    except Exception as reason:
        raise Interrupted(reason) from None


def wait_to_read(host: int) -> None:
    """Wait until a read from a descriptor of the host would not block."""
    wait([(host, select.POLLIN)], None)


def wait_to_write(host: int) -> None:
    """Wait until a small write to a descriptor of the host would not block."""
    wait([(host, select.POLLOUT)], None)


def is_ready(host: int, events: int) -> bool:
    """Whether it is ready now."""
    poller = select.poll()
    poller.register(host, events)
    return bool(poller.poll(0))
