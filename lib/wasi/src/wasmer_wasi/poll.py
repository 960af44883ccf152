"""`poll_oneoff`: waiting for clocks and for files at once.

A call reports every subscription that is due, and waits only if none is. Clocks can be
absolute or relative, realtime or monotonic; an absolute realtime wait notices when the
host's clock is set. Files of the host that are no regular files, sockets and Python file
objects with a descriptor are waited for with the host's `poll`; everything else is ready.
"""

from __future__ import annotations

import select

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_vfs import waiting as waits
from wasmer_vfs.clock import SystemClock
from wasmer_wasi.errno import EBADF, EINVAL, EIO, SUCCESS, WasiError
from wasmer_wasi.guest import U64
from wasmer_wasi.types import (
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    EVENT_CLOCK,
    EVENT_FD_READ,
    EVENT_FD_WRITE,
    EVENTRWFLAG_HANGUP,
    FILETYPE_REGULAR_FILE,
    RIGHT_FD_READ,
    RIGHT_FD_WRITE,
    SUBCLOCKFLAG_ABSTIME,
)

if TYPE_CHECKING:
    from wasmer_vfs.clock import Clock
    from wasmer_wasi.descriptors import Descriptor
    from wasmer_wasi.state import WasiState

MAX_SUBSCRIPTIONS: Final = 4096
"""Most that one call can wait for: EINVAL."""

_LONGEST_WAIT: Final = 1_000_000_000
"""Nanoseconds after which a wait looks at the clocks again."""


class Subscription(NamedTuple):
    """What to wait for. `subject` is a clock id or a descriptor, by `tag`."""

    userdata: int
    tag: int
    subject: int
    timeout: int = 0
    flags: int = 0


class Event(NamedTuple):
    """What happened, in the order of the event record's fields."""

    userdata: int
    error: int
    type: int
    nbytes: int
    flags: int


class _Alarm(NamedTuple):
    subscription: Subscription
    clock: int
    deadline: int


def wait(state: WasiState, subscriptions: list[Subscription]) -> list[Event]:
    """The events that are due, after waiting until there is one.

    Raises:
        WasiError: EINVAL, a subscription makes no sense; EBADF, a descriptor is not open or
            a directory.
    """
    if not subscriptions:
        raise WasiError(EINVAL)
    readers = state.clock.readers
    alarms: list[_Alarm] = []
    events: list[Event] = []
    waiting: dict[int, int] = {}  # host descriptor -> poll's events
    waiters: list[tuple[Subscription, Descriptor, int]] = []
    for subscription in subscriptions:
        if subscription.tag == EVENT_CLOCK:
            clock = subscription.subject
            if clock not in (CLOCK_REALTIME, CLOCK_MONOTONIC) or subscription.flags & ~SUBCLOCKFLAG_ABSTIME:
                raise WasiError(EINVAL)
            absolute = subscription.flags & SUBCLOCKFLAG_ABSTIME
            if not absolute:
                clock = CLOCK_MONOTONIC  # setting the clock does not change how long a second is
            deadline = subscription.timeout + (0 if absolute else waits.asked(readers[clock]))
            alarms.append(_Alarm(subscription, clock, deadline))
        elif subscription.tag in (EVENT_FD_READ, EVENT_FD_WRITE):
            descriptor = state.descriptors.open.get(subscription.subject)
            if descriptor is None or descriptor.file is None:
                raise WasiError(EBADF)
            right = RIGHT_FD_READ if subscription.tag == EVENT_FD_READ else RIGHT_FD_WRITE
            if not descriptor.rights & right:
                raise WasiError(descriptor.refusal(right))
            host = descriptor.file.pollable()
            if host < 0:
                events.append(_ready(subscription, descriptor, 0))
            else:
                wanted = select.POLLIN if subscription.tag == EVENT_FD_READ else select.POLLOUT
                waiting[host] = waiting.get(host, 0) | wanted
                waiters.append((subscription, descriptor, host))
        else:
            raise WasiError(EINVAL)

    files = list(waiting.items())
    while True:
        left = _until_first(state, alarms)
        due = events or (left is not None and left <= 0)
        happened = dict(waits.wait(files, 0) if due else _let_time_pass(state.clock, files, left))
        for subscription, descriptor, host in waiters:
            wanted = select.POLLIN if subscription.tag == EVENT_FD_READ else select.POLLOUT
            if happened.get(host, 0) & (wanted | select.POLLHUP | select.POLLERR | select.POLLNVAL):
                events.append(_ready(subscription, descriptor, happened[host]))
        for alarm in alarms:
            if waits.asked(readers[alarm.clock]) >= alarm.deadline:
                events.append(Event(alarm.subscription.userdata, SUCCESS, EVENT_CLOCK, 0, 0))
        if events:
            return events


def _let_time_pass(clock: Clock, files: list[tuple[int, int]], left: int | None) -> list[tuple[int, int]]:
    """What is ready after some time: `left` nanoseconds at the most, None for any."""
    if clock.virtual and left is not None:
        found = waits.wait(files, 0)
        if not found:
            waits.asked(clock.sleep, left)
        return found
    limit = _LONGEST_WAIT if left is None else min(left, _LONGEST_WAIT)
    if files or type(clock) is SystemClock:
        return waits.wait(files, limit)
    waits.asked(clock.sleep, limit)
    waits.look()
    return []


def _until_first(state: WasiState, alarms: list[_Alarm]) -> int | None:
    """Nanoseconds until the first alarm, or None if there is none."""
    if not alarms:
        return None
    return min(alarm.deadline - waits.asked(state.clock.readers[alarm.clock]) for alarm in alarms)


def _ready(subscription: Subscription, descriptor: Descriptor, happened: int) -> Event:
    """The event of a file that is ready. At the end of a regular file, or of a pipe, it is hung up."""
    error = EIO if happened & select.POLLERR and not happened & select.POLLHUP else SUCCESS
    if happened & select.POLLNVAL:
        error = EBADF
    count = 0
    flags = EVENTRWFLAG_HANGUP if happened & select.POLLHUP else 0
    if subscription.tag == EVENT_FD_READ and error == SUCCESS and descriptor.file is not None:
        count = descriptor.file.available()
        if not count and descriptor.filetype == FILETYPE_REGULAR_FILE:
            flags |= EVENTRWFLAG_HANGUP
    return Event(subscription.userdata, error, subscription.tag, count & U64, flags)
