"""What a host function of WASI answers: an errno, whatever happens.

What the host refuses comes as an exception and leaves as its number.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, TypeVar
from wasmer_runtime_core.support.functions import wraps
from wasmer_vfs.waiting import Interrupted
from wasmer_wasi.errno import (
    FAILURES,
    errno_of,
)
from wasmer_wasi.guest import Context
from wasmer_wasi.state import WasiState, state_of

if TYPE_CHECKING:
    from collections.abc import Callable

_Function = TypeVar("_Function", bound="Callable[..., int]")


def answers(function: _Function) -> Callable[..., int]:
    """A host function, given the instance's state, too, whose refusals are errnos."""

    @wraps(function)
    def answering(ctx: Context, *args: int) -> int:
        state = ctx.data
        if type(state) is not WasiState:
            state = state_of(ctx)
        try:
            return function(ctx, state, *args)
        except FAILURES as failure:
            return errno_of(failure)
        except Interrupted as interrupted:
            reason = interrupted.reason
        raise reason  # here, where Python does not make the one the context of the other

    return answering
