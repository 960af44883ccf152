"""Functions of a glue that need no name: whose whole body is a number, or nothing that anybody sees."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from wasmer_emscripten.guest import U32, U64

MOST_TEXT: Final = 300
"""Characters of such a function."""
_NUMBER: Final = r"(-?\d{1,10}|![01]|true|false)"
_IDLE: Final = r"(?:[\w$]++\.varargs\s*+=\s*+[\w$]++|(?P<{0}>[\w$]++)\s*+=\s*+[\w$]++\(\s*+(?P={0})\s*+\))\s*+"
"""What nobody sees: it keeps where further arguments are, or a parameter of 64 bits gets narrower."""
_WHOLE: Final = re.compile(
    r"\s*+(?:function\b\s*+[\w$]*+\s*+\([\w$,\s]*+\)|\([\w$,\s]*+\)(?:\s*+=>)?+|[\w$]++\s*+=>)\s*+(?:"
    + _NUMBER
    + rf"|\{{\s*+(?:{_IDLE.format('a')}[;,]\s*+)*+"
    + rf"(?:return\b\s*+(?:{_IDLE.format('b')},\s*+)*+{_NUMBER}|{_IDLE.format('c')})?\s*+;?\s*+\}})\s*+;?\s*+"
)
_WORDS: Final = {"!0": 1, "!1": 0, "true": 1, "false": 0}


def constant(text: str, results: str) -> Callable[..., int | float | None] | None:
    """What such a function does, or None: it is none.

    Args:
        text: its JavaScript.
        results: the letter of its result, or "".
    """
    match = _WHOLE.fullmatch(text) if len(text) <= MOST_TEXT else None
    if match is None:
        return None
    told = match[1] or match[4] or "0"  # the groups between are parameters
    value = _WORDS[told] if told in _WORDS else int(told)
    answer = (
        None if not results else float(value) if results in "fd" else value & U64 if results == "I" else value & U32
    )
    return lambda *_: answer
