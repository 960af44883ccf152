"""`wasi_snapshot_preview1`: a function per row of `functions`, in files by what it works on.

Each takes the instance's `Ctx` and plain ints as the guest gave them (signed; masked here),
and returns an errno. All ranges of memory that a call will touch are checked before it does
anything. What the host refuses comes as an exception and leaves as its number (`answers`);
the few calls that programs make by the million (`clock_time_get`, `fd_read`, `fd_write`)
do this without the detour.
"""

from __future__ import annotations

import sys

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FILES: Final = {
    "args": "process",
    "environ": "process",
    "clock": "process",
    "fd": "files",
    "path": "paths",
    "poll": "waiting",
    "proc": "process",
    "sched": "process",
    "random": "process",
    "sock": "sockets",
}
"""The module by the first word of a function's name; imported when a program wants one of its functions."""


def function(name: str) -> Callable[..., Any]:
    """The host function of that name in `functions`."""
    module = f"{__name__}.{FILES[name.partition('_')[0]]}"
    __import__(module)
    found: Callable[..., Any] = getattr(sys.modules[module], name)
    return found
