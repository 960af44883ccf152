"""A value in a message: short, however large it is, and however many times what it holds holds others.

A program makes lists of lists: sixty of them, each of which holds the one before twice, are printed as more text than
there is memory for. `repr` would try, and so would that of a class of the host's that holds such a list. So this looks
at a few elements, of a few levels; of an object of another class it says the class.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from itertools import islice
from typing import Any, Final

from wasmer_runtime_core.support.printable import printable, shortened

MOST_ITEMS: Final = 6
"""Elements of one level that are shown."""
MOST_LEVELS: Final = 3
MOST_CHARACTERS: Final = 60
"""Of one text."""
_MOST_BITS: Final = 256
"""Of an integer that is written out."""


def described(value: object, most: int = MOST_CHARACTERS) -> str:
    """A value for people, in so many characters."""
    return printable(shortened(within(value, MOST_LEVELS), most))


@singledispatch
def within(value: Any, levels: int) -> str:
    """A value for people, of which so many levels are shown. Who has a class of values registers it."""
    return f"a {type(value).__name__}"


@within.register
def _(value: None, levels: int) -> str:
    return "None"


@within.register
def _(value: float, levels: int) -> str:
    return repr(value)


@within.register
def _(value: int, levels: int) -> str:
    return repr(value) if value.bit_length() <= _MOST_BITS else f"an integer of {value.bit_length()} bits"


@within.register(str)
@within.register(bytes)
@within.register(bytearray)
def _(value: Any, levels: int) -> str:
    return repr(value[:MOST_CHARACTERS]) if len(value) <= MOST_CHARACTERS else f"{value[:MOST_CHARACTERS]!r}…"


@within.register
def _(value: list, levels: int) -> str:  # type: ignore[type-arg]
    return f"[{items(value, levels)}]"


@within.register
def _(value: tuple, levels: int) -> str:  # type: ignore[type-arg]
    return f"({items(value, levels)}{',' if len(value) == 1 else ''})"


@within.register
def _(value: dict, levels: int) -> str:  # type: ignore[type-arg]
    if levels == 0:
        return "{…}" if value else "{}"
    shown = [
        f"{within(key, levels - 1)}: {within(found, levels - 1)}" for key, found in islice(value.items(), MOST_ITEMS)
    ]
    return f"{{{', '.join(shown)}{', …' if len(value) > MOST_ITEMS else ''}}}"


def items(values: Iterable[Any], levels: int) -> str:
    """The first of some values, on the level below."""
    first = list(islice(values, MOST_ITEMS + 1))
    if levels == 0 and first:
        return "…"
    shown = [within(each, levels - 1) for each in first[:MOST_ITEMS]]
    return ", ".join([*shown, "…"] if len(first) > MOST_ITEMS else shown)
