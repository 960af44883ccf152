"""What a traced module calls (`compiling.middleware.trace` puts the calls in): lines on stderr.

A pipe or a terminal that nobody reads is waited for as a host function waits, so a deadline, a cancellation and
signals end a traced program, too. What blocks in code of the user's own, in place of `sys.stderr`, is its affair.
"""

from __future__ import annotations

import os
import select
import stat
import sys
from _thread import RLock
from functools import partial
from itertools import count
from weakref import WeakKeyDictionary

from wasmer_runtime_core.running.backtrace import function_name
from wasmer_runtime_core.running.interrupts import wait
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.printable import LONGEST_IN_A_BACKTRACE, printable, shortened
from wasmer_runtime_core.wasm.operators.internal import TRACE_EVENTS

if TYPE_CHECKING:
    from wasmer_runtime_core.native import machine

CALL: Final = TRACE_EVENTS.index("call")

_numbers: Final[WeakKeyDictionary[machine.Instance, count[int]]] = WeakKeyDictionary()
"""By instance, of the functions that it enters. A finalizer or a handler of a signal may call it while a line is
written, so a number is taken in one step."""

_writing: Final = RLock()
"""Held from the look whether there is room to the call that writes, which then does not wait for what another thread
took. A handler of a signal may take it once more."""
PATIENCE_SECONDS: Final = 1.0
"""So long a fork waits for who writes a line: its child would find Python's own lock of the stream taken for ever."""


def _go_on() -> None:
    """In a forked child, where nobody else is who could hold it."""
    if _writing._is_owned():  # type: ignore[attr-defined]
        _writing.release()
    else:
        _writing._at_fork_reinit()  # type: ignore[attr-defined]


# without a step of Python's in the parent, where a signal's handler could raise and leave it taken
os.register_at_fork(
    before=partial(_writing.acquire, timeout=PATIENCE_SECONDS), after_in_parent=_writing.release, after_in_child=_go_on
)


def report(core: machine.Instance, event: int, a: int, b: int, offset: int) -> None:
    """Called by generated code, for one record of internal.trace."""
    stream = sys.stderr
    if getattr(stream, "write", None) is None:
        return
    if event == CALL:
        number = next(_numbers.get(core) or _numbers.setdefault(core, count()))
        _write(stream, f"[{number}] func ({a})\n")
        return
    plan = core.plan
    name = function_name(plan.label if plan is not None else None, a) or f"function[{a}]"  # type: ignore[arg-type]
    shown = shortened(printable(name), LONGEST_IN_A_BACKTRACE)
    _write(stream, f"[BlockTrace] ({a}, {b}) -> {TRACE_EVENTS[event]} % {shown} at byte {offset:#x}\n")


def _write(stream: Any, line: str) -> None:
    """Write a line, which is shorter than what a pipe takes at once when it takes any (PIPE_BUF).

    Raises:
        Timeout, Cancelled, Exception: as `wait`, and what the stream raises.
    """
    host = _waited_for(stream)
    if host < 0:
        stream.write(line)
        return
    while True:
        with _writing:
            if wait([(host, select.POLLOUT)], 0):
                stream.write(line)
                stream.flush()  # no more than this line comes together
                return
        wait([(host, select.POLLOUT)])


def _waited_for(stream: Any) -> int:
    """The descriptor of a stream that may have to wait for someone who reads it; -1: none is known."""
    try:
        host: int = stream.fileno()
        kind = stat.S_IFMT(os.fstat(host).st_mode)
    except Exception as failure:  # of an object of the user's own; or it is closed, as writing will say
        if raised_by_a_handler(failure):
            raise
        return -1
    return -1 if kind in (stat.S_IFREG, stat.S_IFBLK) else host
