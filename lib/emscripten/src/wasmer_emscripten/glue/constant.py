"""Functions of a glue that need no name: whose whole body is a number, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from wasmer_emscripten.guest import U32, U64

MOST_TEXT: Final = 300
"""Characters of such a function."""
_NUMBER: Final = r"(-?\d{1,10})"
_WHOLE: Final = re.compile(
    r"\s*+(?:function\b\s*+[\w$]*+\s*+\([\w$,\s]*+\)|\([\w$,\s]*+\)\s*+=>|[\w$]++\s*+=>)\s*+"
    rf"(?:{_NUMBER}|\{{\s*+(?:return\s*+{_NUMBER})?\s*+;?\s*+\}})\s*+;?\s*+"
)


def constant(text: str, results: str) -> Callable[..., int | float | None] | None:
    """What such a function does, or None: it is none.

    Args:
        text: its JavaScript.
        results: the letter of its result, or "".
    """
    match = _WHOLE.fullmatch(text) if len(text) <= MOST_TEXT else None
    if match is None:
        return None
    value = int(match[1] or match[2] or 0)
    answer = (
        None if not results else float(value) if results in "fd" else value & U64 if results == "I" else value & U32
    )
    return lambda *_: answer
