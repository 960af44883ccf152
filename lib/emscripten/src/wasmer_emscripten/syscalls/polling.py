"""Waiting for open files: poll and select. A wait ends with deadlines, cancellations and signals."""

from __future__ import annotations

import errno
import select
from struct import Struct
from time import monotonic_ns
from typing import Final

from wasmer_emscripten.functions import syscall
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.clocks import LONGEST, SECOND
from wasmer_emscripten.pipes import PipeEnd
from wasmer_emscripten.process import Process
from wasmer_vfs.clock import SystemClock
from wasmer_vfs.errors import refusal
from wasmer_vfs.network_sockets import NetworkSocket
from wasmer_vfs.waiting import wait

POLLIN: Final = 1
POLLOUT: Final = 4
POLLERR: Final = 8
POLLHUP: Final = 16
POLLNVAL: Final = 32
POLLRDNORM: Final = 64
POLLWRNORM: Final = 256
READING: Final = POLLIN | POLLRDNORM
"""Both mean the same, and a program is told what it has asked for."""
WRITING: Final = POLLOUT | POLLWRNORM
_SAME: Final = (
    (READING, select.POLLIN),
    (WRITING, select.POLLOUT),
    (POLLERR, select.POLLERR),
    (POLLHUP, select.POLLHUP),
)
_POLLFD: Final = Struct("<ihh")
MAX_SELECTED: Final = 1024
"""Numbers that `select` can name."""


def ready(process: Process, wanted: list[tuple[int, int]], nanoseconds: int | None) -> list[int]:
    """What has come for each pair of a number and events, after waiting until something has, or time is over.

    A program's own pipes are looked at once: while it waits, nobody changes them.
    """
    found = [0] * len(wanted)
    waiting: list[tuple[int, int]] = []
    places: list[tuple[int, int]] = []
    sockets: dict[int, NetworkSocket] = {}
    for at, (number, events) in enumerate(wanted):
        opened = process.descriptors.open.get(number)
        if opened is None:
            found[at] = POLLNVAL
        elif opened.file is None:
            found[at] = events & (READING | WRITING)
        elif isinstance(opened.file, PipeEnd):
            end = opened.file
            if end.ready:
                found[at] = events & (WRITING if end.writing else READING)
            if end.hung_up:
                found[at] |= POLLERR if end.writing else POLLHUP
        else:
            host = opened.file.pollable()
            if host < 0:
                found[at] = events & (READING | WRITING)
            else:
                asked = (select.POLLIN if events & READING else 0) | (select.POLLOUT if events & WRITING else 0)
                waiting.append((host, asked))
                places.append((at, host))
                if isinstance(opened.file, NetworkSocket):
                    sockets[host] = opened.file
    if any(found):
        nanoseconds = 0
    if nanoseconds and not waiting and type(process.clock) is not SystemClock:
        process.clock.sleep(nanoseconds)
        nanoseconds = 0
    merged: dict[int, int] = {}
    for host, asked in waiting:
        merged[host] = merged.get(host, 0) | asked
    came = _come(merged, sockets, nanoseconds) if merged or nanoseconds != 0 else {}
    for at, host in places:
        wants = wanted[at][1] | POLLERR | POLLHUP
        for ours, theirs in _SAME:
            if came.get(host, 0) & theirs:
                found[at] |= wants & ours
    return found


def _come(asked: dict[int, int], sockets: dict[int, NetworkSocket], nanoseconds: int | None) -> dict[int, int]:
    """What has come to descriptors of the host, but for what a program's sockets do not hear: that is waited out."""
    end = None if nanoseconds is None else monotonic_ns() + nanoseconds
    while True:
        came = dict(wait(list(asked.items()), nanoseconds))
        heard = {
            host: events & ~select.POLLIN if _is_unheard(sockets.get(host), events) else events
            for host, events in came.items()
        }
        if heard == came or any(heard.values()):
            return heard
        if end is not None:
            nanoseconds = max(end - monotonic_ns(), 0)
            if not nanoseconds:
                return heard


def _is_unheard(socket: NetworkSocket | None, events: int) -> bool:
    return socket is not None and events & (select.POLLIN | select.POLLERR) == select.POLLIN and not socket.has_come()


@syscall("iii", "poll")
def poll(process: Process, fds: int, count: int, milliseconds: int) -> int:
    """Wait for some of many numbers; how many there is something of."""
    count &= U32
    if count > process.descriptors.limit:
        raise refusal(errno.EINVAL)
    fds = process.guest.check(fds, _POLLFD.size * count)
    given = [process.guest.unpack(_POLLFD, fds + _POLLFD.size * at) for at in range(count)]
    asked = [(number, events) for number, events, _ in given if number >= 0]
    came = iter(ready(process, asked, None if milliseconds < 0 else milliseconds * 1_000_000))
    total = 0
    for at, (number, events, _) in enumerate(given):
        happened = next(came) if number >= 0 else 0
        process.guest.pack(_POLLFD, fds + _POLLFD.size * at, number, events, happened)
        total += happened != 0
    return total


@syscall("ii", "poll_nonblocking")
def poll_nonblocking(process: Process, fds: int, count: int) -> int:
    """Look at many numbers without waiting."""
    return poll(process, fds, count, 0)


@syscall("i", "epoll_create1")
@syscall("iiii", "epoll_ctl")
@syscall("iiiiii", "epoll_pwait")
def epoll(process: Process, *_: int) -> int:
    """ENOSYS: there is poll, as in emcc's own host."""
    raise refusal(errno.ENOSYS)


@syscall("iiiii", "_newselect")
def newselect(process: Process, count: int, readable: int, writable: int, exceptional: int, timeout: int) -> int:
    """The same with sets of numbers."""
    if not 0 <= count <= MAX_SELECTED:
        raise refusal(errno.EINVAL)
    guest = process.guest
    size = -(-count // 32) * 4
    sets: list[int] = []
    for pointer in (readable, writable, exceptional):
        sets.append(int.from_bytes(guest.read(pointer, size), "little") if pointer & U32 else 0)
    nanoseconds = None
    if timeout & U32:
        seconds, microseconds = guest.unpack(process.layouts.timespec, timeout)
        if seconds < 0 or not 0 <= microseconds < 1_000_000:
            raise refusal(errno.EINVAL)
        nanoseconds = min(seconds * SECOND + microseconds * 1000, LONGEST)
    asked = []
    for number in range(count):
        events = (POLLIN if sets[0] >> number & 1 else 0) | (POLLOUT if sets[1] >> number & 1 else 0)
        if events or sets[2] >> number & 1:
            if number not in process.descriptors.open:
                raise refusal(errno.EBADF)
            asked.append((number, events))
    came = ready(process, asked, nanoseconds)
    results = [0, 0, 0]
    total = 0
    for (number, events), happened in zip(asked, came, strict=True):
        for at, bits in enumerate((POLLIN, POLLOUT)):
            if events & bits and happened & (bits | POLLHUP | POLLERR):
                results[at] |= 1 << number
                total += 1
    for pointer, result in zip((readable, writable, exceptional), results, strict=True):
        if pointer & U32:
            guest.write(pointer, result.to_bytes(size, "little"))
    return total
