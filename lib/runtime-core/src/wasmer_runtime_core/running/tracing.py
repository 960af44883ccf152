"""What a traced module calls (`compiling.middleware.trace` puts the calls in): lines on stderr."""

from __future__ import annotations

import sys
from itertools import count
from weakref import WeakKeyDictionary

from wasmer_runtime_core.running.backtrace import function_name
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.operators.internal import TRACE_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmer_runtime_core.native import machine

CALL: Final = TRACE_EVENTS.index("call")

_numbers: Final[WeakKeyDictionary[machine.Instance, count[int]]] = WeakKeyDictionary()
"""By instance, of the functions that it enters. A finalizer or a handler of a signal may call it while a line is
written, so a number is taken in one step."""


def report(core: machine.Instance, event: int, a: int, b: int, offset: int) -> None:
    """Called by generated code, for one record of internal.trace."""
    write: Callable[[str], Any] | None = getattr(sys.stderr, "write", None)
    if write is None:
        return
    if event == CALL:
        number = next(_numbers.get(core) or _numbers.setdefault(core, count()))
        write(f"[{number}] func ({a})\n")
        return
    plan = core.plan
    name = function_name(plan.label if plan is not None else None, a) or f"function[{a}]"  # type: ignore[arg-type]
    write(f"[BlockTrace] ({a}, {b}) -> {TRACE_EVENTS[event]} % {printable(name)} at byte {offset:#x}\n")
