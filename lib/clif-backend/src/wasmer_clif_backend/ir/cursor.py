"""The tokens of a CLIF text, one after another, and what to say when another one was expected."""

from __future__ import annotations

import re
from bisect import bisect_right

from wasmer_clif_backend.ir.lexer import Comment, Token, fail_at, tokens_of
from wasmer_clif_backend.ir.types import TYPES_BY_NAME
from wasmer_runtime_core.support.annotations import Final, NoReturn, final
from wasmer_runtime_core.support.printable import printable, shortened

REFERENCE: Final = re.compile(r"([a-z]+)([0-9]{1,18})\Z")
"""A word that refers to something by number: ``v12``, ``block0``. Longer numbers are none."""
_LONGEST_REASON: Final = 1000
"""Characters of what is said of a token, which may be as long as the text."""


@final
class Cursor:
    """The tokens of a text, and the next one. `take` and `need` are for signs; the others say what was expected."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.line_starts = [0] + [match.end() for match in re.finditer("\n", text)]
        self.tokens, self.comments = tokens_of(text, start)
        self.at = 0
        self.token = self.tokens[0]
        self.comment = 0

    def next(self) -> Token:
        """Take a token."""
        token = self.token
        if token.kind != ".":
            self.at += 1
            self.token = self.tokens[self.at]
        return token

    def line(self, offset: int) -> int:
        """The line, from 1, of a character."""
        return bisect_right(self.line_starts, offset)

    def fail(self, reason: str, token: Token | None = None) -> NoReturn:
        """Say what is wrong with a token, the next one if none is given."""
        raise fail_at(self.text, (token or self.token).offset, printable(shortened(reason, _LONGEST_REASON)))

    def expected(self, what: str, token: Token | None = None) -> NoReturn:
        """Say what should have stood there."""
        token = token or self.token
        found = repr(shortened(token.text)) if token.text else "the end of the text"
        self.fail(f"expected {what}, found {found}", token)

    def is_sign(self, sign: str) -> bool:
        """Whether a sign comes next."""
        return self.token.kind == "p" and self.token.text == sign

    def take(self, sign: str) -> bool:
        """Take a sign if it comes next."""
        if self.is_sign(sign):
            self.next()
            return True
        return False

    def need(self, sign: str, after: str = "") -> None:
        """Take a sign."""
        if not self.take(sign):
            self.expected(f"{sign!r}{' ' + after if after else ''}")

    def word(self, what: str) -> Token:
        """Take a word."""
        if self.token.kind != "w":
            self.expected(what)
        return self.next()

    def number(self, what: str) -> Token:
        """Take a number."""
        if self.token.kind != "n":
            self.expected(what)
        return self.next()

    def integer(self, what: str, least: int, most: int) -> int:
        """Take an integer within bounds."""
        token = self.number(what)
        try:
            value = int(token.text.replace("_", ""), 0)
        except ValueError:
            self.expected(what, token)
        if not least <= value <= most:
            self.fail(f"{token.text} is out of range: expected {what} from {least} to {most}", token)
        return value

    def reference(self, prefix: str, what: str) -> tuple[int, Token]:
        """Take a word such as ``v12``: its number."""
        token = self.token
        number = reference_number(token, prefix)
        if number < 0:
            self.expected(f"{what} ({prefix}0, {prefix}1, …)")
        self.next()
        return number, token

    def type(self, what: str = "a type") -> int:
        """Take a type's name."""
        token = self.word(what)
        if token.text not in TYPES_BY_NAME:
            self.fail(f"{token.text!r} is no type; there are {', '.join(TYPES_BY_NAME)}", token)
        return int(TYPES_BY_NAME[token.text])

    def brackets(self) -> tuple[str, Token]:
        """Take ``[…]``: its text, with brackets."""
        first = self.token
        self.need("[")
        words = []
        while not self.is_sign("]"):
            if self.token.kind not in ("n", "w") and not self.is_sign(","):
                self.expected("a lane or ']'")
            words.append(self.next().text)
        self.next()
        return f"[{' '.join(words)}]", first

    def comments_behind(self) -> list[Comment]:
        """The comments before the next token that have not been given yet."""
        first = self.comment
        while self.comment < len(self.comments) and self.comments[self.comment].tokens <= self.at:
            self.comment += 1
        return self.comments[first : self.comment]


def reference_number(token: Token, prefix: str) -> int:
    """The number in a word such as ``v12``; -1 if it is no such word."""
    match = REFERENCE.match(token.text) if token.kind == "w" else None
    return int(match[2]) if match and match[1] == prefix else -1
