"""What a C++ type that a program binds can do: from its form in a call to Python's, and back.

In a call a value is one number, its *wire* form: an int, a float, or a pointer to what lies in the program's
memory. What is made there for the length of a call is noted in `later`, a list of functions and their argument, to
be called when it has ended; without a list it belongs to the program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from wasmer_emscripten.embind.described import described
from wasmer_emscripten.errors import EmscriptenError
from wasmer_emscripten.guest import U32

Later = list[tuple[Callable[[int], Any], int]]
"""What is to be called behind a call, the last first."""


class BadArgument(EmscriptenError):
    """A value cannot be what C++ wants. Whoever makes the call says where, and with what signature.

    Attributes:
        value: it.
    """

    def __init__(self, value: object, message: str) -> None:
        self.value = value
        super().__init__(message)


def is_needed(what: str, value: object) -> BadArgument:
    """The exception for a value of a wrong kind."""
    return BadArgument(value, f"{what} is needed, not {described(value)}")


def run(later: Later) -> None:
    """Call what was noted; each once, whatever one of them raises."""
    while later:
        function, argument = later.pop()
        function(argument)


class Bound:
    """A type. This one is that of pointers to something; others say what is different.

    Attributes:
        name: in C++.
        letter: of the WebAssembly type of its wire form; "" for none.
        python: its Python type, as an annotation.
        optional: an argument of it may be left out.
        frees: `to_wire` may note something in `later`.
    """

    letter = "i"
    python = "Any"
    optional = False
    frees = False

    def __init__(self, name: str) -> None:
        self.name = name

    def from_wire(self, wire: Any) -> Any:
        """What a call has returned, or was given, for Python."""
        raise NotImplementedError

    def to_wire(self, value: Any, later: Later | None) -> Any:
        """A value of Python's for a call.

        Raises:
            BadArgument: it cannot be one.
        """
        raise NotImplementedError

    def read(self, pointer: int) -> Any:
        """The value whose wire form lies in memory, as arguments of the other direction do."""
        raise NotImplementedError

    def usual(self, argument: str) -> str:
        """The text of a condition under which a variable is passed as it is; "" if it never is."""
        return ""

    def taking(self, argument: str, convert: str) -> str:
        """The text of an expression that is `to_wire` of a variable, with what is usual written out."""
        usual = self.usual(argument)
        return f"{argument} if {usual} else {convert}({argument}, None)" if usual else f"{convert}({argument}, later)"

    def giving(self, wire: str, convert: str) -> str:
        """The text of an expression that is `from_wire` of a variable."""
        return f"{convert}({wire})"


class Sharing(Protocol):
    """A type of smart pointers, as who has one sees it."""

    name: str

    @property
    def destroy(self) -> Callable[[int], Any]:
        """Gives up a share, by its address."""


def unsigned(wire: Any) -> int:
    """A pointer: calls pass it signed, or as a float."""
    return int(wire) & U32
