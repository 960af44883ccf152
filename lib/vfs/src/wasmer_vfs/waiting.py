"""How a call waits, and how one that takes long looks whether it must end.

Nothing that a guest does outlives a deadline, a cancellation or a signal: every wait of this
package is a `wait` of core's, and whatever goes through much data looks with `look` in between.
What ends a call so is no refusal, even if a signal's handler has raised an `OSError`: it comes as `Interrupted`,
past whoever tells a program what was refused, to where the program was called from, which raises its `reason`.
A handler may raise between any two steps, so whoever catches an exception and goes on asks `must_be_refusal` first.
"""

from __future__ import annotations

import errno
import os
import select
from _thread import RLock
from _weakref import _remove_dead_weakref, ref  # type: ignore[attr-defined]

from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running import interrupts
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, TypeVar
from wasmer_runtime_core.support.functions import wraps
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_vfs.errors import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

_every_lock: Final[dict[int, ref[RLock]]] = {}
"""By address."""

_locks: Final[dict[tuple[int, int], ref[RLock]]] = {}
"""By device and number of the file. No lock guards it: each step on it is one for all threads, so that no exception
between two steps, a signal's handler's, can leave it locked for the whole process."""


def new_lock() -> RLock:
    """A lock that a signal's handler can take once more. In a forked child it is free, or whose it was that forked."""
    made = RLock()
    address = id(made)
    _every_lock[address] = ref(made, lambda _: _remove_dead_weakref(_every_lock, address))
    return made


def lock_of(host: int) -> RLock:
    """The lock of what stands behind a descriptor of the host, the same for all that lead there."""
    status = os.fstat(host)
    key = status.st_dev, status.st_ino
    while True:
        made = new_lock()
        found = _locks.setdefault(key, ref(made, lambda _: _remove_dead_weakref(_locks, key)))()
        if found is not None:
            return found
        _remove_dead_weakref(_locks, key)  # whose owner goes just now: only a dead one is taken away


def _free_locks() -> None:
    for each in list(_every_lock.values()):
        lock = each()
        if lock is not None and not lock._is_owned():  # type: ignore[attr-defined]
            lock._at_fork_reinit()  # type: ignore[attr-defined]


os.register_at_fork(after_in_child=_free_locks)

LOOK_EVERY: Final = 1024
"""Small steps (names of a directory) after which a call looks."""
PIECE_BYTES: Final = 8 << 20
"""Bytes after which a call looks."""


_Answer = TypeVar("_Answer")


class Interrupted(BaseException):
    """Carries what is no answer past those who would take it for one.

    Attributes:
        reason: what a signal's handler has raised, or code of the user's own.
    """

    def __init__(self, reason: BaseException) -> None:
        self.reason = reason


def must_be_refusal(failure: BaseException) -> None:
    """Asked wherever an exception is taken for an answer.

    Raises:
        Interrupted: it is none: a signal's handler raised it, or it is a `Timeout`.
    """
    if isinstance(failure, Timeout) or raised_by_a_handler(failure):
        raise Interrupted(failure) from None


def asked(ask: Callable[..., _Answer], *given: Any) -> _Answer:
    """What code of the user's own answers: an `OSError` that it raises is a refusal, and nothing else is.

    Raises:
        OSError: it refuses.
        Interrupted: with whatever else it raised.
    """
    try:
        return ask(*given)
    except OSError as failure:
        must_be_refusal(failure)
        raise
    except Exception as reason:
        raise Interrupted(reason) from None


_Function = TypeVar("_Function", bound="Callable[..., Any]")


def plainly(function: _Function) -> _Function:
    """For those who are no program: what ends the call is raised as it is."""

    @wraps(function)
    def plain(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except Interrupted as interrupted:
            reason = interrupted.reason
        raise reason  # here, where Python does not make the one the context of the other

    return plain  # type: ignore[return-value]


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


def wait_to_read(host: int, nanoseconds: int | None = None) -> None:
    """Wait until a read from a descriptor of the host would not block.

    Raises:
        BlockingIOError: it did not come to that in this time.
    """
    if not wait([(host, select.POLLIN)], nanoseconds):
        raise refusal(errno.EAGAIN)


def wait_to_write(host: int, nanoseconds: int | None = None) -> None:
    """Wait until a small write to a descriptor of the host would not block.

    Raises:
        BlockingIOError: it did not come to that in this time.
    """
    if not wait([(host, select.POLLOUT)], nanoseconds):
        raise refusal(errno.EAGAIN)


def is_ready(host: int, events: int) -> bool:
    """Whether it is ready now."""
    poller = select.poll()
    poller.register(host, events)
    return bool(poller.poll(0))
