"""`wasi_unstable`, the interface of 2019: what differs from `snapshot1`, in the specification's order.

Four functions have records or numbers of their own here: the order of `whence`, a filestat
of 56 bytes with a 32-bit link count, and a subscription of 56 bytes whose clock begins with
an identifier. `sock_accept` does not exist yet. Everything else is `snapshot1`'s function.
"""

from __future__ import annotations

from typing import Final

from wasmer_wasi import poll
from wasmer_wasi.errno import EINVAL, SUCCESS
from wasmer_wasi.files import SEEK_CUR, SEEK_END, SEEK_SET, Status
from wasmer_wasi.guest import U32, Context, check
from wasmer_wasi.snapshot1 import answers, seek, status_of_descriptor, status_of_path, write_events
from wasmer_wasi.types import EVENT, EVENT_CLOCK, FILESTAT, SNAPSHOT0, SUBSCRIPTION_CLOCK, SUBSCRIPTION_FD

NAMESPACE: Final = "wasi_unstable"

_FILESTAT: Final = FILESTAT.layout(SNAPSHOT0)
_EVENT: Final = EVENT.layout(SNAPSHOT0)
_SUBSCRIPTION_CLOCK: Final = SUBSCRIPTION_CLOCK.layout(SNAPSHOT0)
_SUBSCRIPTION_FD: Final = SUBSCRIPTION_FD.layout(SNAPSHOT0)

_WHENCE: Final = (SEEK_CUR, SEEK_END, SEEK_SET)


@answers
def fd_filestat_get(ctx: Context, fd: int, buf: int) -> int:
    """Write a file's status, in 56 bytes."""
    buf = check(ctx, ctx.data, buf, _FILESTAT.size)
    return _write_filestat(ctx, buf, status_of_descriptor(ctx.data, fd))


def _write_filestat(ctx: Context, buf: int, status: Status) -> int:
    _FILESTAT.pack_into(ctx.data.view, buf, *status._replace(nlink=min(status.nlink, U32)))
    return SUCCESS


@answers
def fd_seek(ctx: Context, fd: int, offset: int, whence: int, newoffset: int) -> int:
    """Move a file's position and write the new one; whence 0 is from here, 1 the end, 2 the start."""
    if not 0 <= whence < len(_WHENCE):
        return EINVAL
    return seek(ctx, fd, offset, _WHENCE[whence], newoffset)


@answers
def path_filestat_get(ctx: Context, fd: int, flags: int, path: int, path_len: int, buf: int) -> int:
    """Write the status of what a path leads to, in 56 bytes."""
    buf = check(ctx, ctx.data, buf, _FILESTAT.size)
    return _write_filestat(ctx, buf, status_of_path(ctx, fd, flags, path, path_len))


@answers
def poll_oneoff(ctx: Context, subscriptions: int, events: int, nsubscriptions: int, nevents: int) -> int:
    """Wait for the first of several things, subscriptions of 56 bytes, and write what happened."""
    state = ctx.data
    count = nsubscriptions & U32
    nevents = check(ctx, state, nevents, 4)
    subscriptions = check(ctx, state, subscriptions, _SUBSCRIPTION_CLOCK.size * count)
    events = check(ctx, state, events, _EVENT.size * count)
    wanted = []
    for at in range(subscriptions, subscriptions + _SUBSCRIPTION_CLOCK.size * count, _SUBSCRIPTION_CLOCK.size):
        userdata, tag, subject = _SUBSCRIPTION_FD.unpack_from(state.view, at)
        if tag == EVENT_CLOCK:
            userdata, tag, _, subject, timeout, _, flags = _SUBSCRIPTION_CLOCK.unpack_from(state.view, at)
            wanted.append(poll.Subscription(userdata, tag, subject, timeout, flags))
        else:
            wanted.append(poll.Subscription(userdata, tag, subject))
    return write_events(ctx, poll.wait(state, wanted), events, nevents)
