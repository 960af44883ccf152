"""`checkpoint`: what long work calls now and then, so that it can be ended and others have their turn.

Code that mypyc has compiled looks for no signals and keeps the interpreter's lock until it is done. This module
is not compiled, and must not be: to enter a function of it is what makes the interpreter look. Then Python's signal
handlers run (Ctrl-C gives KeyboardInterrupt), other threads that wait for the lock get it, and a deadline of this
thread that has passed ends the work with `Timeout`, as it ends WebAssembly code.

A call takes a quarter of a microsecond. Who calls it counts work, not time: some ten microseconds to some
milliseconds of it lie between two calls, whatever the module is like.
"""

from __future__ import annotations

from sys import modules

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Row = TypeVar("Row")

STRETCH: Final = 1 << 12
"""Rows between two looks."""


def checkpoint() -> None:
    """Let signal handlers and other threads run.

    Raises:
        Timeout: a deadline of this thread has passed.
        Exception: what a signal handler raised, such as KeyboardInterrupt.
    """
    machine = modules.get("wasmer_runtime_core.native.machine")
    check = getattr(machine, "check_interrupts", None)  # before that is imported there are no deadlines
    if check is not None:
        check()


def watched(rows: Sequence[Row]) -> Iterable[Row]:
    """The rows of what a module may have a million of, with a checkpoint every `STRETCH`; of few, just the rows."""
    if len(rows) <= STRETCH:
        return rows
    from itertools import chain  # whose classes take half a millisecond to make

    return chain.from_iterable(_stretches(rows))


def _stretches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for at in range(0, len(rows), STRETCH):
        checkpoint()
        yield rows[at : at + STRETCH]
