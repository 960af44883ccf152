"""A value in a message: short, however large it is, and however many times what it holds holds others.

A program makes lists of lists: sixty of them, each of which holds the one before twice, are printed as more text than
there is memory for. `repr` would try, and so would that of a class of the host's that holds such a list. So this looks
at a few elements, of a few levels; of an object of another class it says the class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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


Describing = Callable[[Any, int], str]
"""What writes a value of some class, of which so many levels are shown."""


def within(value: Any, levels: int) -> str:
    """A value for people, of which so many levels are shown."""
    for kind in type(value).__mro__:
        found = BY_CLASS.get(kind)
        if found is not None:
            return found(value, levels)
    return f"a {type(value).__name__}"


def _integer(value: int, levels: int) -> str:
    return repr(value) if value.bit_length() <= _MOST_BITS else f"an integer of {value.bit_length()} bits"


def _text(value: Any, levels: int) -> str:
    return repr(value) if len(value) <= MOST_CHARACTERS else f"{value[:MOST_CHARACTERS]!r}…"


def _list(value: list[Any], levels: int) -> str:
    return f"[{items(value, levels)}]"


def _tuple(value: tuple[Any, ...], levels: int) -> str:
    return f"({items(value, levels)}{',' if len(value) == 1 else ''})"


def _dict(value: dict[Any, Any], levels: int) -> str:
    if levels == 0:
        return "{…}" if value else "{}"
    first = islice(value.items(), MOST_ITEMS)
    shown = [f"{within(key, levels - 1)}: {within(found, levels - 1)}" for key, found in first]
    return f"{{{', '.join(shown)}{', …' if len(value) > MOST_ITEMS else ''}}}"


def items(values: Iterable[Any], levels: int) -> str:
    """The first of some values, on the level below."""
    first = list(islice(values, MOST_ITEMS + 1))
    if levels == 0 and first:
        return "…"
    shown = [within(each, levels - 1) for each in first[:MOST_ITEMS]]
    return ", ".join([*shown, "…"] if len(first) > MOST_ITEMS else shown)


BY_CLASS: Final[dict[type, Describing]] = {
    type(None): lambda value, levels: "None",
    float: lambda value, levels: repr(value),
    int: _integer,
    str: _text,
    bytes: _text,
    bytearray: _text,
    list: _list,
    tuple: _tuple,
    dict: _dict,
}
"""Whoever has a class of values of its own enters it, before there are any. (No `singledispatch`: it takes a KeyError
for its own, and a signal's handler may raise one.)"""
