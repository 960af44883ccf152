"""A signal that has come when nothing has looked for it yet, so that its handler runs inside of what comes next.

Python runs handlers between certain instructions. ``_ = +came`` sends a signal to this thread in an instruction after
which it does not look: the call, the ``return``, ``raise`` or end of a block behind it comes with the signal pending.
"""

from __future__ import annotations

import ctypes
import functools
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_raise: Final[Any] = ctypes.CDLL(None)["raise"]  # Python's own runs the handler before it returns
_raise.restype = float


class Came:
    """See above. As a number it is 0, and the signal comes when it is asked for."""

    __float__ = functools.partial(_raise, signal.SIGUSR1)
    __pos__ = functools.partial(_raise, signal.SIGUSR1)

    def __ge__(self, other: object) -> bool:
        return True


came: Final[Any] = Came()


class Raised(Exception):
    """What the handler raises."""


@contextmanager
def handler(error: BaseException | type[BaseException] = Raised) -> Iterator[None]:
    """Within the block the signal's handler raises this."""

    def fail(number: int, frame: object) -> None:
        raise error

    before = signal.signal(signal.SIGUSR1, fail)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)
