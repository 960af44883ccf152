"""JavaScript as tokens, as far as a glue is read: strings, names, numbers, brackets. Nothing is parsed, nothing run.

Each text is gone through once, whatever is in it: what does not end, ends with the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from wasmer_emscripten.glue.matching import LOOK_EVERY
from wasmer_runtime_core.running.interrupts import check_interrupts

_TOKEN: Final = re.compile(
    r"""
    (?P<blank> \s++ | //[^\n]*+ | /\*(?:[^*]++|\*(?!/))*+(?:\*/)? )
    | (?P<text> "(?:[^"\\\n]++|\\.)*+"? | '(?:[^'\\\n]++|\\.)*+'? | `(?:[^`\\]++|\\.)*+`? )
    | (?P<number> 0[xX][0-9a-fA-F]++ | (?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?\d++)? )
    | (?P<word> [^\W\d][\w$]*+ | \$[\w$]*+ )
    | (?P<mark> => | \?\. | [=!]==? | >>>?=? | <<=? | && | \|\| | \?\? | [-+*/%&|^<>]= | \+\+ | -- | \.\.\. | . )
    """,
    re.VERBOSE | re.DOTALL,
)
PATTERN: Final = re.compile(r"/(?![*/])(?:[^/\\\[\n]++|\\.|\[(?:[^\]\\\n]++|\\.)*+\])++/[a-z]*+")
"""A regular expression of JavaScript."""
LONGEST_PATTERN: Final = 1000
"""Characters of a regular expression: a slash that begins none is not looked at much longer."""
BEFORE_PATTERNS: Final = frozenset("( , = : [ ! & | ? { } ; + - * % ~ ^ < > && || ?? => == === != !== return".split())
"""What a slash stands behind that divides nothing."""


class Token(NamedTuple):
    """A piece of a text.

    Attributes:
        kind: text, number, word or mark (what is none of these); a regular expression is a text.
        text: as written.
        start: where.
    """

    kind: str
    text: str
    start: int


def tokens(script: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens of a script, without blanks and comments.

    Raises:
        Timeout, Cancelled, Exception: the call must end (`interrupts.check_interrupts`).
    """
    end = len(script) if end is None else end
    before = ";"
    steps = 0
    while start < end:
        steps += 1
        if steps % LOOK_EVERY == 0:
            check_interrupts()
        found = None
        if script[start] == "/" and before in BEFORE_PATTERNS:
            found = PATTERN.match(script, start, min(end, start + LONGEST_PATTERN))
        if found is not None:
            token = Token("text", found[0], start)
        else:
            found = _TOKEN.match(script, start, end)
            assert found is not None and found.lastgroup is not None, "every character is a mark at least"
            token = Token(found.lastgroup, found[0], start)
        start = found.end()
        if token.kind != "blank":
            before = token.text
            yield token
