"""A place in the tokens of a text, and how to read the small things there.

Every reader of the text format holds a `Cursor`: it knows the next token, takes what the
grammar wants and raises the `DecodeError` for what is there instead. The words of the
errors are those of the specification's scripts: a spelling that could stand somewhere in
a module is an "unexpected token", one that could not is an "unknown operator". One that
belongs to a proposal is an `UnsupportedFeatureError`.
"""

from __future__ import annotations

import re

from librt.strings import BytesWriter

from wasmer_runtime_core.errors import CompileError, DecodeError
from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.printable import shortened
from wasmer_runtime_core.wasm.text.keywords import (
    END_OF_TEXT,
    LEFT,
    NAME_ANNOTATION,
    NUMBER_OF_KEYWORDS,
    RIGHT,
    WORDS,
)
from wasmer_runtime_core.wasm.text.lexer import IDENTIFIER_CHARACTERS, STRING, Tokens, fail_at
from wasmer_runtime_core.wasm.text.numerals import MALFORMED, OUT_OF_RANGE, float_bits, integer, unsigned
from wasmer_runtime_core.wasm.text.strings import string_bytes

IDENTIFIER: Final = re.compile(rf"\$[{IDENTIFIER_CHARACTERS}]+")
QUOTED_IDENTIFIER: Final = re.compile(rf"\${STRING}")
WHOLE_STRING: Final = re.compile(STRING)
NUMBER_LIKE: Final = re.compile(
    r"(?:offset|align)=(?:[0-9][0-9_]*|0x[0-9a-fA-F][0-9a-fA-F_]*)|nan:(?:canonical|arithmetic)"
)

STRETCH: Final = 1 << 12
"""So many tokens are read between two checkpoints."""


@final
class Cursor:
    """The next token and those after it.

    Attributes:
        numbers: the tokens.
        spellings: what a token's number stands for.
        at: index of the next token.
        out: what the instructions that are read are written to.
        marks: None, or gets, with `pause` 0, at each token of an instruction its index and how much `out` has by then.
    """

    def __init__(self, tokens: Tokens, at: int) -> None:
        self.tokens = tokens
        self.numbers: list[int] = tokens.numbers
        self.spellings: list[str] = tokens.spellings
        self.at = at
        self.pause = 0  # the token at which the next checkpoint is due
        self.out: BytesWriter | None = None
        self.marks: list[tuple[int, int]] | None = None

    def turn(self) -> None:
        """For each round of what reads a list: a checkpoint, if one is due."""
        if self.at >= self.pause:
            checkpoint()
            if self.marks is None:
                self.pause = self.at + STRETCH
            elif self.out is not None:
                self.marks.append((self.at, len(self.out)))

    # --- errors ------------------------------------------------------------------------
    def spelling(self, ahead: int = 0) -> str:
        """Of the next token, or so many behind it; empty outside of the text."""
        at = self.at + ahead
        return self.spellings[self.numbers[at]] if 0 <= at < len(self.numbers) else ""

    def refused(self, feature: str, use: str, error: DecodeError) -> CompileError:
        """The error for what only a feature has that is not here; `error` is what it is without."""
        from wasmer_runtime_core.features import unsupported

        return unsupported(feature, use, error, missing=True)

    def named(self, error: DecodeError) -> CompileError:
        """`error` about the next token, or, if that is a proposal's, the one that names the proposal."""
        from wasmer_runtime_core.wasm.operators.proposals import word_use

        use = word_use([self.spelling(ahead) for ahead in range(-1, 4)])
        return error if use is None else self.refused(use.feature, use.what, error)

    def error(self, reason: str, back: int = 0) -> DecodeError:
        """The error at the next token, or `back` tokens before it."""
        return self.tokens.error(self.at - back, reason)

    def malformed(self, failure: ValueError, back: int = 0) -> Exception:
        """The error for a string that is none; what a signal's handler raised meanwhile stays what it is."""
        if raised_by_a_handler(failure):
            return failure
        is_encoding = isinstance(failure, UnicodeDecodeError)
        return self.error("malformed UTF-8 encoding" if is_encoding else str(failure), back)

    def unexpected(self, expected: str) -> CompileError:
        """The error for a token that is not what the grammar wants, or is what a proposal made of it."""
        number = self.numbers[self.at]
        spelling = self.spellings[number]
        if number == END_OF_TEXT:
            return self.error(f"unexpected token: the text ends, expected {expected}")
        if spelling == "$" or spelling == '$""':
            return self.error("empty identifier")
        short = shortened(spelling)
        if number < NUMBER_OF_KEYWORDS or self.is_known_token(spelling):
            return self.named(self.error(f"unexpected token {short}, expected {expected}"))
        return self.named(self.error(f"unknown operator {short}, expected {expected}"))

    def is_known_token(self, spelling: str) -> bool:
        """Whether a spelling is a token of the grammar: a number, a string, an identifier."""
        return (
            integer(spelling, 64) != MALFORMED
            or float_bits(spelling, 64) != MALFORMED
            or IDENTIFIER.fullmatch(spelling) is not None
            or QUOTED_IDENTIFIER.fullmatch(spelling) is not None
            or WHOLE_STRING.fullmatch(spelling) is not None
            or NUMBER_LIKE.fullmatch(spelling) is not None
        )

    # --- structure ---------------------------------------------------------------------
    def opens(self, keyword: int) -> bool:
        """Whether ``(keyword`` comes next."""
        return self.numbers[self.at] == LEFT and self.numbers[self.at + 1] == keyword

    def take_opening(self, keyword: int) -> bool:
        """Take ``(keyword`` if it comes next."""
        if self.numbers[self.at] == LEFT and self.numbers[self.at + 1] == keyword:
            self.at += 2
            return True
        return False

    def expect_opening(self, keyword: int) -> None:
        """Take ``(keyword``."""
        if self.numbers[self.at] != LEFT:
            raise self.unexpected(f"({WORDS[keyword]}")
        self.at += 1
        if self.numbers[self.at] != keyword:
            raise self.unexpected(WORDS[keyword])
        self.at += 1

    def expect_right(self, what: str) -> None:
        """Take ``)``; `what` says what else could have come."""
        if self.numbers[self.at] != RIGHT:
            raise self.unexpected(what)
        self.at += 1

    def skip(self) -> None:
        """Take everything up to and with the ``)`` of the parenthesis that is open."""
        numbers = self.numbers
        at = self.at
        opening = at - 1
        depth = 1
        while depth:
            number = numbers[at]
            if number <= RIGHT:
                if number == RIGHT:
                    depth -= 1
                elif number != END_OF_TEXT:  # a parenthesis, or one with its annotation
                    depth += 1
                else:
                    self.at = at
                    where = fail_at(self.tokens.text, self.tokens.offset(opening), "")
                    raise self.unexpected(f") for the ( at line {where.line}, column {where.column}")
            at += 1
            if at & 0xF_FFFF == 0:
                checkpoint()
        self.at = at

    # --- identifiers and indices -------------------------------------------------------
    def take_identifier(self) -> str | None:
        """Take an identifier if one comes next: its canonical spelling with the ``$``."""
        spelling = self.spellings[self.numbers[self.at]]
        if not spelling.startswith("$"):
            return None
        if IDENTIFIER.fullmatch(spelling) is None:
            spelling = self.canonical_identifier(spelling)
        self.at += 1
        return spelling

    def canonical_identifier(self, spelling: str) -> str:
        """An identifier as it is compared: without quotation marks where it can be."""
        if IDENTIFIER.fullmatch(spelling) is not None:
            return spelling
        if spelling == '$""' or QUOTED_IDENTIFIER.fullmatch(spelling) is None:
            raise self.unexpected("an identifier")
        try:
            return "$" + string_bytes(spelling[1:]).decode("utf-8")
        except ValueError as failure:
            raise self.malformed(failure) from None

    def take_name_annotation(self) -> bytes | None:
        """Take ``(@name "…")`` if it comes next (3.0, appendix): the name."""
        if self.numbers[self.at] != NAME_ANNOTATION:
            return None
        self.at += 1
        name = self.take_name("a name")
        self.expect_right(")")
        return name

    def skip_identifier(self) -> None:
        """Take what `IndexSpace.bind` has taken before."""
        self.take_identifier()
        self.take_name_annotation()

    def has_index(self) -> bool:
        """Whether an index, by number or by name, comes next."""
        number = self.numbers[self.at]
        return number >= NUMBER_OF_KEYWORDS and self.spellings[number][0] in "$0123456789"

    # --- numbers and strings -----------------------------------------------------------
    def take_unsigned(self, bits: int, what: str) -> int:
        """Take an integer without a sign."""
        spelling = self.spellings[self.numbers[self.at]]
        value = unsigned(spelling, bits) if spelling else MALFORMED
        if value < 0:
            if value == OUT_OF_RANGE:
                raise self.error(f"i{bits} constant out of range: {shortened(spelling)}")
            raise self.unexpected(what)
        self.at += 1
        return value

    def take_integer(self, bits: int) -> int:
        """Take an integer literal: its bits."""
        spelling = self.spellings[self.numbers[self.at]]
        value = integer(spelling, bits)
        if value < 0:
            if value == OUT_OF_RANGE:
                raise self.error(f"constant out of range: {shortened(spelling)} as i{bits}")
            raise self.unexpected(f"an i{bits} literal")
        self.at += 1
        return value

    def take_float(self, bits: int) -> int:
        """Take a float literal: its bits."""
        spelling = self.spellings[self.numbers[self.at]]
        value = float_bits(spelling, bits)
        if value < 0:
            if value == OUT_OF_RANGE:
                raise self.error(f"constant out of range: {shortened(spelling)} as f{bits}")
            raise self.unexpected(f"an f{bits} literal")
        self.at += 1
        return value

    def take_string(self, what: str) -> bytes:
        """Take a string literal: its bytes."""
        spelling = self.spellings[self.numbers[self.at]]
        if not spelling.startswith('"') or WHOLE_STRING.fullmatch(spelling) is None:
            raise self.unexpected(what)
        try:
            value = string_bytes(spelling)
        except ValueError as failure:
            raise self.malformed(failure) from None
        self.at += 1
        return value

    def take_strings(self) -> bytes:
        """Take string literals as long as there are some: their bytes, joined."""
        pieces: list[bytes] = []
        while self.spellings[self.numbers[self.at]].startswith('"'):
            self.turn()
            pieces.append(self.take_string("a string"))
        return b"".join(pieces)

    def take_name(self, what: str) -> bytes:
        """Take a string literal that is a name: UTF-8, as bytes."""
        value = self.take_string(what)
        try:
            value.decode("utf-8")
        except ValueError as failure:
            raise self.malformed(failure, 1) from None
        return value

    def literals(self) -> int:
        """How many tokens come next that are no keyword and no parenthesis."""
        at = self.at
        while self.numbers[at] >= NUMBER_OF_KEYWORDS:
            at += 1
        return at - self.at
