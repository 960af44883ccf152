"""What a process keeps for parts of this package: C++ exceptions under way, functions for JavaScript, mappings.

The functions that use it are in `library.exceptions` and `library.javascript`, which know the process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, final


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


MAX_MAPPINGS: Final = 65_536
"""Mappings of files and memory that a process can have at one time."""


class Mapped(NamedTuple):
    """What `mmap` has made, where the program does not say it again when it is done with it.

    Attributes:
        length, flags: as they were asked for.
        opened: the open file; None: there is none.
        offset: where in it.
    """

    length: int
    flags: int
    opened: Any
    offset: int


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


class Places(NamedTuple):
    """Where a program's stack and heap lie; all are addresses.

    Attributes:
        stack, stack_end: the stack, which grows upwards.
        heap: where its heap begins.
        heap_end: where the end of its heap is kept.
        double: room for one number.
    """

    stack: int
    stack_end: int
    heap: int
    heap_end: int
    double: int


@final
class Fastcomp:
    """What a process of emcc's first backend has besides.

    Attributes:
        places: where things lie.
        calls_back: the program imports ``jsCall_*``, by which it calls functions of the host's.
        functions: Python's functions that the program can call by a pointer, None where a place is free.
        variables: values that `getenv` has put into the program's memory, and where, by the variable's name.
        kept: memory of the program's that stays for what the C library returns a pointer to, by what it is for.
    """

    __slots__ = ("calls_back", "functions", "kept", "places", "variables")

    def __init__(self, places: Places, reserved: int, calls_back: bool) -> None:
        self.places = places
        self.calls_back = calls_back
        self.functions: list[Callable[..., Any] | None] = [None] * reserved
        self.variables: dict[bytes, tuple[bytes, int]] = {}
        self.kept: dict[str, int] = {}


def plain(text: str) -> str:
    """A text of JavaScript without spaces, and without the braces around all of it."""
    text = _SPACES.sub("", text)
    braces = min(len(text) - len(text.lstrip("{")), len(text) - len(text.rstrip("}")))
    return text[braces : len(text) - braces].rstrip(";")


_SPACES: Final = re.compile(r"\s++")
