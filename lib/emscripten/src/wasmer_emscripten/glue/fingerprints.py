"""Names of a module's imports by what is in the JavaScript of each: for glues from which a minifier took the names.

A name is taken where exactly one fits by a clear margin: its marks are all there, a function of that name is here with
the type that the module wants, no other name has half as many marks, and no other import claims it. What is left over
stays letters. A wrong name would be worse than none: the function would do something else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from wasmer_emscripten.glue.canonical import called, canonical, first_variable
from wasmer_emscripten.glue.marks import MARKS
from wasmer_runtime_core.running.interrupts import check_interrupts

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.types import FunctionType

Fits = Callable[[str, "FunctionType"], bool]
"""Whether there is a function of this name for an import of this type."""

Defined = Callable[[str], str]
"""The text of a function of the glue, by its name; "" if there is none."""

MOST_CALLED: Final = 4
"""Functions that one calls, the first of them, in which marks are looked for."""
MARGIN: Final = 2
"""How many times the length of any other's marks those of a name have."""
KINDS: Final = "!=@~^"
"""What a mark begins with that is no part of the form itself."""
FAMILIES: Final = {"invoke_*": "invoke_", "__cxa_find_matching_catch": "__cxa_find_matching_catch_"}
"""Names that stand for one of each type, and what these begin with."""
REPEATED: Final = frozenset(("emscripten_asm_const_int",))
"""Names of functions that are imported under several names, for results of several types that are one."""


_EVERY: Final = tuple(
    (name, tuple(marks), next((mark for mark in marks if mark[0] not in KINDS), "")) for name, *marks in MARKS
)
_ROWS: Final = (tuple(row for row in _EVERY if not any(mark[0] in "@^" for mark in row[1])), _EVERY)
"""Rows that can be looked at before any name is known, and all of them. The third of each is a mark without which the
row cannot fit."""


class _Texts:
    """Functions of a glue, in canonical form."""

    def __init__(self, functions: Mapping[str, str], defined: Defined) -> None:
        self.functions = functions
        self._defined = defined
        self._canonical = functools.cache(canonical)  # many letters may have one text
        self._first_variable = functools.cache(first_variable)
        self._own_weight = functools.cache(_own_weight)
        self.forms = {letters: self._canonical(text) for letters, text in functions.items()}

    def weight(self, letters: str, marks: tuple[str, ...], named: Mapping[str, str]) -> int:
        """How long the marks of a row are that are all in a text; 0 if one is not."""
        form = self.forms[letters]
        weight = self._own_weight(form, marks)
        if weight is None:
            return 0
        for mark in marks:
            if mark[0] == "~":
                if not any(mark[1:] in each for each in self._called(letters)):
                    return 0
                weight += len(mark)
            if mark[0] == "^":
                if mark[1:] not in named:
                    return 0
                weight += len(form)
            if mark[0] == "@":
                if not self.shares(letters, named.get(mark[1:])):
                    return 0
                weight += len(form)
        return weight

    def _called(self, letters: str) -> list[str]:
        """The canonical forms of the functions that one calls."""
        names = called(self.functions[letters])[:MOST_CALLED]
        return [self._canonical(text) for text in map(self._defined, names) if text]

    def shares(self, letters: str, other: str | None) -> bool:
        """Whether two functions use the same variable first."""
        if other is None or other not in self.functions:
            return False
        variable = self._first_variable(self.functions[letters])
        return variable != "" and variable == self._first_variable(self.functions[other])


def _own_weight(form: str, marks: tuple[str, ...]) -> int | None:
    """The same of the marks that a form has by itself; None if one is not."""
    weight = 0
    for mark in marks:
        kind, rest = mark[0], mark[1:]
        if kind == "!":
            holds, length = rest not in form, 0
        elif kind == "=":
            holds, length = form == rest, len(rest)
        elif kind in "@~^":
            continue
        else:
            holds, length = mark in form, len(mark)
        if not holds:
            return None
        weight += length
    return weight


def _numbered(name: str, wanted: FunctionType) -> str:
    """A name of a family, as the import is called."""
    if name == "invoke_*":
        return "invoke_" + "".join(map(str, wanted.results)) + "_" + "".join(map(str, wanted.params))
    return f"{FAMILIES[name]}{len(wanted.params) + 2}"


def names_by_marks(
    functions: Mapping[str, str], types: Mapping[str, FunctionType], fits: Fits, defined: Defined = lambda name: ""
) -> dict[str, str]:
    """The names of imports, by letters.

    Args:
        functions: JavaScript by letters.
        types: what the module wants each letter's to be.
        fits: whether a function of a name has a type.
        defined: texts of other functions of the glue.
    """
    texts = _Texts({letters: text for letters, text in functions.items() if letters in types}, defined)
    found: dict[str, str] = {}
    for round in (False, True):  # then those that share a variable with one that has a name
        named = {name: letters for letters, name in found.items()}
        for letters in texts.functions:
            check_interrupts()
            if letters in found:
                continue
            weights: dict[str, int] = {}
            form = texts.forms[letters]
            for name, marks, first in _ROWS[round]:
                if first not in form:
                    continue
                weight = texts.weight(letters, marks, named)
                if weight:
                    real = _numbered(name, types[letters]) if name in FAMILIES else name
                    if name == "invoke_*" or fits(real, types[letters]):
                        weights[real] = max(weight, weights.get(real, 0))
            best = max(weights, key=weights.__getitem__, default=None)
            if best is not None and all(
                weights[best] >= MARGIN * weight for name, weight in weights.items() if name != best
            ):
                found[letters] = best
    claimed: dict[str, int] = {}
    for name in found.values():
        claimed[name] = claimed.get(name, 0) + 1
    return {
        letters: name
        for letters, name in found.items()
        if claimed[name] == 1 or name in REPEATED or name.startswith(tuple(FAMILIES.values()))
    }
