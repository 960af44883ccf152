"""The object of functions that a glue hands to its module, whatever its functions are called.

Of all objects in a text it is the one with most keys in common with the module's imports. Its values are functions, or
names of functions, which are looked for where they are defined: at the lowest depth of brackets, for deeper ones are
locals that happen to have the same letter.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from wasmer_emscripten.glue.scripts import Token, tokens
from wasmer_runtime_core.running.interrupts import check_interrupts

MOST_OF_ONE: Final = 20_000
"""Characters of one function that are looked at."""
MOST_OF_ALL: Final = 1 << 20
"""Characters of all of them: definitions may lie in one another."""
MOST_FUNCTIONS: Final = 2048
"""Functions that are looked at; those behind them stay letters."""
MOST_TOKENS: Final = 1 << 20
"""Of a glue: what is behind is not read. emcc's largest have a quarter."""
DEEPEST: Final = 256
"""Brackets around an object that may be the one."""

_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")


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
        else:
            self.end(token)

    def end(self, token: Token) -> None:
        """See a token that may end a value."""
        if token.text in (",", "}") and self.entries:
            key, start, _ = self.entries[-1]
            self.entries[-1] = (key, start, token.start)
            self.at_key = token.text == ","


class Glue:
    """A glue file, gone through once.

    Attributes:
        functions: texts of the functions that it hands to its module, by wanted key; empty where it hands none.
    """

    def __init__(self, script: str, wanted: set[str], enough: float) -> None:
        """Read a script for an object that has a share of `enough` of the `wanted` keys."""
        self._script = script
        self._definitions: dict[str, tuple[int, int]] = {}
        self._texts: dict[int, str] = {}
        self._left = MOST_OF_ALL
        best: list[tuple[str, int, int]] = []
        most = enough * len(wanted)
        depth: list[_Braces | None] = []
        before, last = ";", ";"
        for token in islice(tokens(script), MOST_TOKENS):
            if depth and (braces := depth[-1]) is not None:
                braces.take(token)
            if token.text in _OPENING:
                if token.text == "(" and last == "function":
                    self._define(before, len(depth), token.start)
                depth.append(_Braces() if token.text == "{" and len(depth) < DEEPEST else None)
            elif token.text in _CLOSING:
                braces = depth.pop() if depth else None
                entries = braces.entries if braces is not None else None
                if entries:
                    count = len(wanted & {key for key, _, _ in entries})
                    if count >= most:
                        best, most = entries, count + 0.5
            elif token.text == "=":
                self._define(before, len(depth), token.start + 1)
            last = "function" if last == "function" and token.kind == "word" else before
            if token.text == "function":
                last = "function"
            before = token.text
        handed = islice(((key, start, end) for key, start, end in best if key in wanted), MOST_FUNCTIONS)
        self.functions = {key: self._value(start, end) for key, start, end in handed}

    def _define(self, name: str, depth: int, start: int) -> None:
        known = self._definitions.get(name)
        if known is None or depth < known[0]:
            self._definitions[name] = (depth, start)

    def defined(self, name: str) -> str:
        """The text of the function of a name, as far as there is room for it; "" where there is none."""
        check_interrupts()
        found = self._definitions.get(name)
        return self._defined(found[1]) if found is not None else ""

    def _value(self, start: int, end: int) -> str:
        check_interrupts()
        text = self._script[start : min(end, start + min(MOST_OF_ONE, self._left))].strip()
        self._left -= len(text)
        for _ in range(3):  # a name of a name of a function
            found = self._definitions.get(text)
            if found is None:
                break
            text = self._defined(found[1])
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
