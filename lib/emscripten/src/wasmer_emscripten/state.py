"""What a process keeps for parts of `library`: the C++ exceptions under way, the user's functions for JavaScript.

The functions that use it are in `library.exceptions` and `library.javascript`, which know the process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final


class Exceptions:
    """The C++ exceptions under way.

    Attributes:
        last: the exception that was thrown last, or 0.
        caught: those whose handlers are running, the innermost at the end.
        uncaught: how many are on their way to a handler.
    """

    __slots__ = ("caught", "last", "uncaught")

    def __init__(self) -> None:
        self.last = 0
        self.caught: list[int] = []
        self.uncaught = 0


class JavaScript:
    """What was given for the program's own JavaScript.

    Attributes:
        asm: functions for pieces of ``EM_ASM``, by their text without spaces, or by number.
        texts: what the glue says of pieces, by number.
    """

    __slots__ = ("asm", "texts")

    def __init__(self) -> None:
        self.asm: dict[str | int, Callable[..., Any]] = {}
        self.texts: dict[int, str] = {}

    def give(self, asm: Mapping[str | int, Callable[..., Any]]) -> None:
        """Take functions from the user.

        Raises:
            TypeError: one cannot be called.
        """
        for text, function in asm.items():
            if not callable(function):
                raise TypeError(f"asm: for {text!r} a function is needed; this is {function!r}")
            self.asm[plain(text) if isinstance(text, str) else text] = function


def plain(text: str) -> str:
    """A text of JavaScript without spaces, and without the braces around all of it."""
    text = _SPACES.sub("", text)
    braces = min(len(text) - len(text.lstrip("{")), len(text) - len(text.rstrip("}")))
    return text[braces : len(text) - braces].rstrip(";")


_SPACES: Final = re.compile(r"\s++")
