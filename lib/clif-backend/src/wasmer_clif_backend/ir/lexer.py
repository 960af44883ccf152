"""CLIF's text to tokens, with their places.

Comments begin with ``;`` and are no tokens, but they are kept: what a test file runs stands in
them (`Comment`). A token's kind is one letter:

``w`` a word (``iadd``, ``block0``, ``u1:3``)    ``%`` a name (``%main``)      ``n`` a number, a float's words too
``@`` a place in a source (``@0a1f``)             ``p`` ``->`` and single signs  ``.`` the end of the text
"""

from __future__ import annotations

import re

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.support.printable import printable

_TOKEN: Final = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | ;(?P<comment>[^\n]*)
    | (?P<name>%[A-Za-z0-9_:.$]+ | %"[^"\n]*")
    | (?P<word>u[0-9]+:[0-9]+ | [A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[+-]?(?:s?NaN(?::0x[0-9a-fA-F]+)?|Inf)\b
        | [+-]?0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9]+)?
        | [+-]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?)
    | (?P<at>@[0-9a-fA-F]+)
    | (?P<sign>->|[(){}\[\],:=.+!-])
    """,
    re.VERBOSE,
)
_KINDS: Final = {"name": "%", "word": "w", "number": "n", "at": "@", "sign": "p"}
_FLOAT_WORDS: Final = re.compile(r"(s?NaN|Inf)\Z")
_PAYLOAD: Final = re.compile(r":0x[0-9a-fA-F]+")


@final
class Token:
    """A piece of the text: its kind, its spelling, where it begins (in characters)."""

    def __init__(self, kind: str, text: str, offset: int) -> None:
        self.kind = kind
        self.text = text
        self.offset = offset


@final
class Comment:
    """What stands behind a ``;``, where, and how many tokens are before it."""

    def __init__(self, text: str, offset: int, tokens: int) -> None:
        self.text = text
        self.offset = offset
        self.tokens = tokens


def fail_at(text: str, offset: int, reason: str) -> DecodeError:
    """The error for what lies at a character of a text."""
    before = text[:offset]
    return DecodeError(reason, line=before.count("\n") + 1, column=offset - (before.rfind("\n") + 1) + 1)


def tokens_of(text: str, start: int = 0) -> tuple[list[Token], list[Comment]]:
    """All tokens, an end behind them, and all comments, from a character on.

    Raises:
        DecodeError: a character begins no token.
    """
    tokens: list[Token] = []
    comments: list[Comment] = []
    at = start
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise fail_at(text, at, f"unexpected character {text[at]!r}")
        group = found.lastgroup or ""
        end = found.end()
        if group == "comment":
            comments.append(Comment(found["comment"], at, len(tokens)))
        elif group != "space":
            kind = _KINDS[group]
            if kind == "%" and not found[0].isprintable():
                raise fail_at(text, at, f"a name with characters that cannot be shown: {printable(found[0][:60])}")
            if kind == "w" and _FLOAT_WORDS.match(found[0]):
                kind = "n"
                payload = _PAYLOAD.match(text, end)
                end = payload.end() if payload else end
            tokens.append(Token(kind, text[at:end], at))
        at = end
    tokens.append(Token(".", "", len(text)))
    return tokens, comments
