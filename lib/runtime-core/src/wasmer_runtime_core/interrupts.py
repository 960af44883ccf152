"""Ending code that runs too long: deadlines, and what Ctrl-C does.

Generated code checks nothing, so none of this costs anything until it is used. A signal
that arrives while WebAssembly code runs stops it between two instructions; Python's signal
handlers run there, and an exception they raise ends the call. So Ctrl-C gives
KeyboardInterrupt at once, and a handler that raises nothing lets the code go on. When
a deadline passes the call ends with `Timeout` in the same way::

    with timeout(2.5):
        instance.exports.run()

What was stopped may have been in the middle of anything: memories, tables and globals are
as it left them, and the instance can be called again. Python code (a host function that
waits) is not stopped; the deadline takes effect when it comes back to WebAssembly. A deadline
that has passed stays passed until its block ends: code cannot go on because a host function
caught `Timeout`. For a single call there is ``instance.exports.run(1, timeout=2.5)``. Signal
handlers run in the main thread only, as always in Python; deadlines work in every thread.

This holds for every signal that has a handler in Python, whenever it was set. Nothing tells
of a new handler, and asking at each call would cost more than the call; so this module, when
it is first imported, takes the place of the C function behind `signal.signal` (``_signal.signal``,
which `signal.signal` looks up each time) with one that calls it and then puts our C handler in
front of Python's. What else it does, returns and raises is as before. A handler that code in C
installs is noticed when an instance is made, or by `watch_signals`.
"""

from __future__ import annotations

from importlib import import_module
from types import TracebackType
from typing import Any, Final

from wasmer_runtime_core.native.machine import assert_handlers, set_deadline, watch_signal

_signal: Final[Any] = import_module("_signal")
_set_handler: Final = _signal.signal


def _set_handler_and_watch(signalnum: int, handler: Any, /) -> Any:
    before = _set_handler(signalnum, handler)
    if callable(handler):
        watch_signal(signalnum)
    return before


def _watch_handlers() -> None:
    """Those that are set, and those that will be."""
    for number in _signal.valid_signals():
        if callable(_signal.getsignal(number)):
            watch_signal(number)
    _set_handler_and_watch.__doc__ = _set_handler.__doc__
    _signal.signal = _set_handler_and_watch


_watch_handlers()


def watch_signals() -> None:
    """Let signals of which a library in C has taken away the handler stop running code again.

    Handlers set with `signal.signal` need no such call, and making an instance includes it.
    """
    assert_handlers()


class timeout:
    """Within ``with timeout(seconds):`` WebAssembly code of this thread ends with `Timeout` after that time.

    They nest, also with the `timeout` of a call: the earliest deadline counts. The same object can be
    used again, not at once.

    Raises:
        ValueError: less than no time.
    """

    __slots__ = ("_outer", "seconds")

    def __init__(self, seconds: float) -> None:
        if not seconds >= 0:
            raise ValueError(f"a timeout of {seconds} seconds: it cannot be negative")
        self.seconds = seconds
        self._outer: float | None = None

    def __enter__(self) -> timeout:
        left = set_deadline(self.seconds)
        self._outer = None
        if left is not None:
            from time import monotonic

            self._outer = monotonic() + left
            if left < self.seconds:
                set_deadline(max(left, 0.0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._outer is None:
            set_deadline(None)
        else:
            from time import monotonic

            set_deadline(max(self._outer - monotonic(), 0.0))
