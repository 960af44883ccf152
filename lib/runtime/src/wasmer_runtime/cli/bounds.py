"""The options of ``run`` that bound a program: its time, its memory. (``--points``, or ``--fuel``, is a middleware.)"""

from __future__ import annotations

from wasmer_runtime.cli import deferred as click
from wasmer_runtime_core.contract.units import WASM_PAGE_SIZE
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.functions import wraps
from wasmer_runtime_core.support.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmer_runtime_core.running.objects.limits import Limits

SIZE: Final = r"(\d+)\s*([kmgt]?)(i?b)?"
POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
MOST_BYTES: Final = 1 << 62


class Bounds(NamedTuple):
    """The options, as they were given."""

    seconds: float | None
    memory_bytes: int | None

    def within(self, program: Callable[[], None]) -> None:
        """Run a program in its time, which begins now.

        Raises:
            Timeout: it has passed.
        """
        if self.seconds is None:
            program()
            return
        from wasmer_runtime_core.running.interrupts import timeout

        with timeout(self.seconds):
            program()

    def limits(self) -> Limits | None:
        """How large its memories may become together, in whole pages."""
        if self.memory_bytes is None:
            return None
        from wasmer_runtime_core.running.objects.limits import Limits

        return Limits(total_memory_pages=self.memory_bytes // WASM_PAGE_SIZE)


def bounds_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command; it gets them as ``bounds``."""

    @click.option(
        "--timeout",
        metavar="SECONDS",
        type=click.FloatRange(0, 1e9),
        callback=_number,
        help="End the program after so long; compiling it does not count.",
    )
    @click.option(
        "--memory",
        metavar="SIZE",
        callback=_parse_size,
        help="How large its memories may become together: bytes, or 64K, 512M, 2G.",
    )
    @wraps(command)
    def with_bounds(*args: Any, timeout: float | None, memory: int | None, **options: Any) -> Any:
        return command(*args, bounds=Bounds(timeout, memory), **options)

    return with_bounds


def _number(context: click.Context, parameter: click.Parameter, seconds: float | None) -> float | None:
    if seconds is not None and seconds != seconds:  # which is nan
        raise click.BadParameter("nan is no time")
    return seconds


def _parse_size(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Bytes; ``K``, ``M``, ``G`` and ``T`` are powers of 1024, as is ``KiB``."""
    if text is None:
        return None
    import re

    found = re.fullmatch(SIZE, text, re.ASCII | re.IGNORECASE)
    if found is None or len(found[1]) > 30:
        raise click.BadParameter(f"{text!r} is no size: give bytes, or a number with K, M or G behind it")
    size = int(found[1]) << 10 * POWERS[found[2].lower()]
    if size > MOST_BYTES:
        raise click.BadParameter(f"{text!r} is more than any machine has")
    return size
