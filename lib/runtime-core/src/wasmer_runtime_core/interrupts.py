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

Handlers for SIGINT, SIGTERM and SIGALRM are noticed when an instance is made. One that is
installed later runs when the WebAssembly code has ended, unless `watch_signals` is called.
"""

from __future__ import annotations

from types import TracebackType

from wasmer_runtime_core.native.machine import assert_handlers, set_deadline


def watch_signals() -> None:
    """Let handlers that ``signal.signal`` installed since the last instance was made stop running code too."""
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
