"""Waiting for several things at once: `poll_oneoff`."""

from __future__ import annotations

from struct import Struct

from wasmer_runtime_core.support.annotations import Final
from wasmer_wasi import poll
from wasmer_wasi.errno import (
    EINVAL,
    SUCCESS,
)
from wasmer_wasi.guest import SIZE, U32, Context, check
from wasmer_wasi.snapshot1.answers import answers
from wasmer_wasi.state import WasiState
from wasmer_wasi.types import (
    EVENT,
    EVENT_CLOCK,
    SNAPSHOT1,
    SUBSCRIPTION_CLOCK,
    SUBSCRIPTION_FD,
)

_EVENT: Final = EVENT.layout(SNAPSHOT1)
_SUBSCRIPTION_CLOCK: Final = SUBSCRIPTION_CLOCK.layout(SNAPSHOT1)
_SUBSCRIPTION_FD: Final = SUBSCRIPTION_FD.layout(SNAPSHOT1)


@answers
def poll_oneoff(
    ctx: Context, state: WasiState, subscriptions: int, events: int, nsubscriptions: int, nevents: int
) -> int:
    """Wait for the first of several things, and write what happened."""
    return wait(ctx, state, subscriptions, events, nsubscriptions, nevents, _SUBSCRIPTION_CLOCK)


def wait(
    ctx: Context, state: WasiState, subscriptions: int, events: int, count: int, nevents: int, clock: Struct
) -> int:
    """`poll_oneoff` with the layout of a subscription of a clock, which has its size from it."""
    count &= U32
    nevents = check(ctx, state, nevents, 4)
    subscriptions = check(ctx, state, subscriptions, clock.size * count)
    events = check(ctx, state, events, _EVENT.size * count)
    if count > poll.MAX_SUBSCRIPTIONS:
        return EINVAL
    wanted = []
    for at in range(subscriptions, subscriptions + clock.size * count, clock.size):
        userdata, tag, subject = _SUBSCRIPTION_FD.unpack_from(state.memory, at)
        if tag == EVENT_CLOCK:
            userdata, tag, *_, subject, timeout, _, flags = clock.unpack_from(state.memory, at)
            wanted.append(poll.Subscription(userdata, tag, subject, timeout, flags))
        else:
            wanted.append(poll.Subscription(userdata, tag, subject))
    happened = poll.wait(state, wanted)
    for at, event in enumerate(happened):
        _EVENT.pack_into(state.memory, events + _EVENT.size * at, *event)
    SIZE.pack_into(state.memory, nevents, len(happened))
    return SUCCESS
