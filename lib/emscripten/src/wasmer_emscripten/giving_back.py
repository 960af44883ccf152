"""What is given back to a program after a failure: its stack, memory of its heap.

That is done by functions of the program's, which may take as long as they like. What has ended the call, a Ctrl-C it
may be, does not wait for that: they have a second, all together that one failure ends, however deep in one another.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, final

from wasmer_runtime_core.errors import RuntimeError
from wasmer_runtime_core.running.interrupts import timeout as deadline
from wasmer_runtime_core.support.handlers import raised_by_a_handler

MOST_SECONDS: Final = 1.0


@final
class GivingBack:
    """The time that a program has left for it."""

    __slots__ = ("_depth", "_left")

    def __init__(self) -> None:
        self._depth = 0
        self._left = MOST_SECONDS

    def begin(self) -> None:
        """Something is taken that will be given back: until here nothing has failed."""
        if not self._depth:  # else it is taken by what gives back
            self._left = MOST_SECONDS

    def after_failure(self, give_back: Callable[[], object]) -> None:
        """Call functions of the program's, as far as there is time. What they fail with is left off.

        Raises:
            BaseException: what a signal's handler, or a function of the user's that they call, raised.
        """
        if self._left <= 0:
            return
        start = monotonic()
        self._depth += 1
        try:
            with deadline(self._left):
                give_back()
        except RuntimeError as failure:
            if raised_by_a_handler(failure):
                raise
        finally:
            self._depth -= 1
            self._left -= monotonic() - start
