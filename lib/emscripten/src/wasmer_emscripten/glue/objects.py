"""The object of functions that a glue hands to its module, whatever its functions are called.

Of all objects in a text it is the one with most keys in common with the module's imports, and fewest others. Its values
are functions, or names of functions, which are looked for where they are defined: in the innermost brackets around the
object, else at the lowest depth, for others are locals that happen to have the same letter. A property's function
(``x.f = …``) is looked at where nothing else is called so.

The text is skimmed once, for brackets and for what is assigned; what may be the object is then read token by token.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import islice
from typing import Final, NamedTuple

from wasmer_emscripten.glue.matching import LOOK_EVERY, matches
from wasmer_emscripten.glue.scripts import BEFORE_PATTERNS, PATTERN, Token, tokens
from wasmer_runtime_core.running.interrupts import check_interrupts

MOST_OF_ONE: Final = 20_000
"""Characters of one function that are looked at."""
MOST_OF_ALL: Final = 1 << 20
"""Characters of all of them: definitions may lie in one another."""
MOST_FUNCTIONS: Final = 2048
"""Functions that are looked at; those behind them stay letters."""
MOST_TOKENS: Final = 1 << 20
"""Of a glue: what is behind is not read. emcc's largest have a quarter."""
MOST_OF_OBJECTS: Final = 1 << 22
"""Characters that are read for objects that may be the one: they may lie in one another."""
_BEGINNING: Final = 200
"""Characters of what is assigned that tell whether it is an export."""
DEEPEST: Final = 256
"""Brackets around an object that may be the one."""

_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")
_SKIMMED: Final = re.compile(
    r"""
    (?P<comment> //[^\n]*+ | /\*(?:[^*]++|\*(?!/))*+(?:\*/)? )
    | "(?:[^"\\\n]++|\\.)*+"? | '(?:[^'\\\n]++|\\.)*+'? | `(?:[^`\\]++|\\.)*+`?
    | (?P<slash> / )
    | (?P<open> [(\[{] )
    | (?P<close> [)\]}] )
    | (?<![\w$]) (?: function \s++ (?P<declared> [\w$]++ ) \s*+ (?=\() | (?P<assigned> [\w$]++ ) \s*+ =(?![=>]) )
    """,
    re.VERBOSE | re.DOTALL,
)
"""What tells depths and definitions: all else between these is none of both."""
_KEY: Final = re.compile(r"""[{,]\s*+["']?([\w$]++)["']?\s*+(?=[:,(}])""")
"""What may be a key of an object."""


class _Braces:
    """What may be an object: its keys so far, where their values begin and end; None where it is none."""

    __slots__ = ("at_key", "entries", "key")

    def __init__(self) -> None:
        self.entries: list[tuple[str, int, int]] | None = []
        self.at_key = True
        self.key: str | None = None

    def take(self, token: Token) -> None:
        """See a token at this depth."""
        if self.entries is None:
            return
        if self.key is not None:
            key, self.key = self.key, None
            if token.text == ":":
                self.entries.append((key, token.start + 1, -1))
            elif token.text in ("(", ",", "}"):  # a method; a name that is its own value
                length = 0 if token.text == "(" else len(key)
                self.entries.append((key, token.start - length, -1))
                self.end(token)
            else:
                self.entries = None
        elif self.at_key and token.text not in ("}", "..."):
            if token.kind not in ("word", "text", "number"):
                self.entries = None
            self.key = token.text.strip("\"'")
            self.at_key = False
        elif token.text == ";":
            self.entries = None
        else:
            self.end(token)

    def end(self, token: Token) -> None:
        """See a token that may end a value."""
        if token.text in (",", "}") and self.entries:
            key, start, _ = self.entries[-1]
            self.entries[-1] = (key, start, token.start)
            self.at_key = token.text == ","


class _Definition(NamedTuple):
    """A place where a name is defined.

    Attributes:
        is_property: it is that of an object, and only looked like the name.
        depth: of how many brackets.
        start: what is assigned, or the parameters of a function.
        scope: the innermost of these brackets; -1: there is none.
    """

    is_property: bool
    depth: int
    start: int
    scope: int


class Glue:
    """A glue file, gone through once.

    Attributes:
        functions: texts of the functions that it hands to its module, by wanted key; empty where it hands none.
        place: where it hands them; -1: nowhere.
    """

    def __init__(self, script: str, wanted: set[str], enough: float) -> None:
        """Read a script for an object that has a share of `enough` of the `wanted` keys, and fewest others."""
        self._script = script
        self._definitions: dict[str, list[_Definition]] = {}
        self._found: dict[str, int | None] = {}
        self._ends: dict[int, int] = {}
        self._texts: dict[int, str] = {}
        self._left = MOST_OF_ALL
        best = self._object(self._skim(), wanted, enough * len(wanted))
        self.place = best[0][1] if best else -1
        handed = islice(((key, start, end) for key, start, end in best if key in wanted), MOST_FUNCTIONS)
        self.functions = {key: self._value(start, end) for key, start, end in handed}

    def _skim(self) -> list[tuple[int, int]]:
        """Find what is defined; where braces begin and end, the innermost first."""
        script = self._script
        braces: list[tuple[int, int]] = []
        depth: list[int] = []
        comment = (-1, -1)
        end = 0
        for step in range(MOST_TOKENS):
            if step % LOOK_EVERY == 0:
                check_interrupts()
            found = _SKIMMED.search(script, end)
            if found is None:
                break
            start, end = found.span()
            kind = found.lastgroup
            if kind == "open":
                depth.append(start)
            elif kind == "close":
                opened = depth.pop() if depth else -1
                self._ends[opened] = end
                if opened >= 0 and len(depth) < DEEPEST and script[opened] == "{":
                    braces.append((opened, end))
            elif kind == "assigned":
                is_property = start > 0 and script[start - 1] == "."
                self._define(found["assigned"], depth, end, is_property)
            elif kind == "declared":
                self._define(found["declared"], depth, end)
            elif kind == "comment":
                comment = (start, end)
            elif kind == "slash" and self._begins_pattern(start, comment):
                pattern = PATTERN.match(script, start)
                end = end if pattern is None else pattern.end()
        return braces

    def _begins_pattern(self, slash: int, comment: tuple[int, int]) -> bool:
        """Whether a slash stands where a regular expression may."""
        script = self._script
        before = slash - 1
        while before >= 0 and (script[before].isspace() or before == comment[1] - 1):
            before = comment[0] - 1 if before == comment[1] - 1 else before - 1
        if before < 0:
            return True
        if script[before] in "+-" and script[before - 1 : before] == script[before]:
            return False
        return script[before] in BEFORE_PATTERNS or (
            script.startswith("return", before - 5) and not script[max(before - 6, 0)].isalnum()
        )

    def _object(self, braces: list[tuple[int, int]], wanted: set[str], most: float) -> list[tuple[str, int, int]]:
        """The entries of the best of the innermost objects: each a key, where its value begins and ends."""
        places = [found.start() for found in matches(_KEY, self._script) if found[1] in wanted]
        best: list[tuple[str, int, int]] = []
        fitting, found = (most, 0), -1
        left = MOST_OF_OBJECTS
        for start, end in braces:
            if start < found or bisect_left(places, end) - bisect_left(places, start) < max(most, 1):
                continue  # what has too few, or is around one that fits
            entries, read = self._entries(start, min(end, start + left))
            left -= read
            count = len(wanted & {key for key, _, _ in entries})
            fits = (count, count - len(entries))
            if entries and (fits > fitting or (not best and count >= most)):
                best, fitting, found = entries, fits, start
            if left <= 0:
                break
        return best

    def _entries(self, start: int, end: int) -> tuple[list[tuple[str, int, int]], int]:
        """The entries of an object; none, if what is there is no object. And how many characters were read for it."""
        braces = _Braces()
        at, read = start + 1, 0
        while at < end:
            for token in tokens(self._script, at, end):
                at = token.start + len(token.text)
                read += len(token.text)
                braces.take(token)
                if braces.entries is None:
                    return [], read
                if token.text in _OPENING:
                    at = self._ends.get(token.start, at)  # what is in it, is no key
                    break
            else:
                break
        return braces.entries or [], read

    def _define(self, name: str, depth: list[int], start: int, is_property: bool = False) -> None:
        scope = depth[-1] if depth else -1
        self._definitions.setdefault(name, []).append(_Definition(is_property, len(depth), start, scope))

    def _far(self, each: _Definition) -> tuple[bool, int]:
        """How far a definition is from being meant where the object is."""
        is_around = each.scope < self.place < self._ends.get(each.scope, len(self._script))
        return each.is_property, -each.depth if is_around else each.depth

    def _start(self, name: str) -> int | None:
        """Where the definition of a name begins that is meant where the object is; None: there is none."""
        if name not in self._found:
            every = self._definitions.get(name, [])
            around = [each for each in every if each.scope < self.place < self._ends.get(each.scope, len(self._script))]
            meant: _Definition | None = min(around or every, key=self._far, default=None)
            self._found[name] = None if meant is None else meant.start
        return self._found[name]

    def beginnings(self, name: str, most: int) -> list[str]:
        """The beginnings of what is assigned to a name, wherever that is, the first of them."""
        starts = (each.start for each in self._definitions.get(name, []) if not each.is_property)
        return [self._script[start : start + _BEGINNING] for start in islice(starts, most)]

    def defined(self, name: str) -> str:
        """The text of the function of a name, as far as there is room for it; "" where there is none."""
        check_interrupts()
        found = self._start(name)
        return self._defined(found) if found is not None else ""

    def _value(self, start: int, end: int) -> str:
        check_interrupts()
        text = self._script[start : min(end, start + min(MOST_OF_ONE, self._left))].strip()
        self._left -= len(text)
        for _ in range(3):  # a name of a name of a function
            found = self._start(text)
            if found is None:
                break
            text = self._defined(found)
        return text

    def _defined(self, start: int) -> str:
        """What begins at `start`, the same however many names it has."""
        text = self._texts.get(start)
        if text is None:
            text = self._texts[start] = self._definition(start)
            self._left -= len(text)
        return text

    def _definition(self, start: int) -> str:
        """What is assigned, or the parameters and the body of a function, from `start` on."""
        depth = 0
        limit = start + min(MOST_OF_ONE, self._left)
        is_function = self._script.startswith("(", start) and not _is_arrow(self._script, start)
        closed = False
        for token in tokens(self._script, start, min(limit, len(self._script))):
            if closed and (is_function or token.kind == "word"):
                return self._script[start : token.start].strip()
            if depth <= 0 and (token.text in (",", ";") or token.text in _CLOSING):
                return self._script[start : token.start].strip()
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
            closed = depth == 0 and token.text == "}"
        return self._script[start:limit].strip()


def _is_arrow(script: str, start: int) -> bool:
    """Whether the parentheses at `start` are those of an arrow function."""
    depth = 0
    for token in tokens(script, start, min(start + 2000, len(script))):
        if depth == 0 and token.start > start:
            return token.text == "=>"
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
    return False
