"""Middlewares: what stands between validation and a backend, `Body` in, `Body` out.

A middleware is any callable ``m(info, bodies) -> bodies``; a configuration lists them in the
order in which they are applied::

    config = CompilerConfig(middlewares=(Metering(1_000_000), CallTrace()))

========================  ===========================================================
`metering.Metering`       every operator costs a point; a limit of them
`trace.CallTrace`         a line per function that is entered
`trace.BlockTrace`        a line per block that is entered
`editor.BodyEditor`       for middlewares of one's own (docs/middleware.md)
========================  ===========================================================

Names are imported when they are first used.
"""

from __future__ import annotations

from wasmer_runtime_core.support import main_interpreter as main_interpreter  # before any compiled module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wasmer_runtime_core.compiling.middleware.editor import BodyEditor, MiddlewareError, edit_bodies
    from wasmer_runtime_core.compiling.middleware.metering import Metering, get_points_used, set_points_used
    from wasmer_runtime_core.compiling.middleware.trace import BlockTrace, CallTrace
    from wasmer_runtime_core.errors import ExecutionLimitExceeded

__all__ = [
    "BlockTrace",
    "BodyEditor",
    "CallTrace",
    "ExecutionLimitExceeded",
    "Metering",
    "MiddlewareError",
    "edit_bodies",
    "get_points_used",
    "set_points_used",
]

_HOME_OF = {
    "BlockTrace": "compiling.middleware.trace",
    "BodyEditor": "compiling.middleware.editor",
    "CallTrace": "compiling.middleware.trace",
    "ExecutionLimitExceeded": "errors",
    "Metering": "compiling.middleware.metering",
    "MiddlewareError": "compiling.middleware.editor",
    "edit_bodies": "compiling.middleware.editor",
    "get_points_used": "compiling.middleware.metering",
    "set_points_used": "compiling.middleware.metering",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"wasmer_runtime_core.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
