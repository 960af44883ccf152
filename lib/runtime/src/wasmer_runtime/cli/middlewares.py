"""The options of ``run`` that put middlewares into a program: traces, and a limit of points."""

from __future__ import annotations

from wasmer_runtime.cli import deferred as click
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any
from wasmer_runtime_core.support.functions import wraps

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmer_runtime_core.contract.backend import CompilerConfig


def middleware_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command; it gets a `CompilerConfig` as ``config``, or None if none was used."""

    @click.option("--call-trace", is_flag=True, help="Write a line to stderr per function that is entered.")
    @click.option("--block-trace", is_flag=True, help="Write a line to stderr per block that is entered.")
    @click.option(
        "--points", "--fuel", metavar="N", type=click.IntRange(0, 2**64 - 1), help="End the program after N operators."
    )
    @wraps(command)
    def with_middlewares(*args: Any, call_trace: bool, block_trace: bool, points: int | None, **options: Any) -> Any:
        return command(*args, config=configuration(call_trace, block_trace, points), **options)

    return with_middlewares


def configuration(call_trace: bool, block_trace: bool, points: int | None) -> CompilerConfig | None:
    """How to compile with these options; None: as always."""
    if not (call_trace or block_trace or points is not None):
        return None
    from wasmer_runtime.middleware import BlockTrace, CallTrace, Metering
    from wasmer_runtime_core.contract.backend import CompilerConfig

    middlewares: list[object] = []
    if points is not None:
        middlewares.append(Metering(points))
    if call_trace:
        middlewares.append(CallTrace())
    if block_trace:
        middlewares.append(BlockTrace())
    return CompilerConfig(middlewares=tuple(middlewares))
