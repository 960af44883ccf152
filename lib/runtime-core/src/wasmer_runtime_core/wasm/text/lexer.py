"""Text to tokens (specification, section 6.2).

A token is the number of its spelling. Every distinct spelling is kept once, the text of a
module becomes a list of small integers, and the parser compares integers. All of it is
done in C: one regular expression finds the tokens of some ten thousand characters, one
``map`` numbers them. Positions are not kept; when something is wrong, the text is
searched once more for the token with that index (`Tokens.offset`).

Comments are space, as long as they do not nest and stay on one line. Nested ones and
annotations are not regular: a text that has them is first rewritten, they become spaces
and line breaks stay, so that positions stay true. Two annotations mean something to us
(3.0, appendix: ``@name`` and ``@custom``) and survive.

Promised: linear time, about eight bytes a token plus each distinct spelling once, and a
`DecodeError` with line and column for every text that has no tokens.
"""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import count

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.support.checkpoint import checkpoint, watched
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.wasm.text.keywords import END_OF_TEXT, KEYWORDS
from wasmer_runtime_core.wasm.text.strings import string_bytes

CHUNK_CHARACTERS: Final = 1 << 16
MOST_CHARACTERS: Final = 1 << 20
"""A line longer than this is read token by token."""
LOOKAHEAD: Final = 4
"""Tokens that a reader may look at beyond the next, without asking whether the text ends."""

# Possessive repetition (``++``) of single characters only: of groups, Python 3.11.2 gets it wrong. And groups are
# repeated as seldom as can be, each round is remembered: a string without ``\\"`` in it takes none.
IDENTIFIER_CHARACTERS: Final = r"0-9A-Za-z!#$%&'*+\-./:<=>?@\\^_`|~"
STRING: Final = r'"(?:[^"\x00-\x1f\x7f]*+(?<!\\)"|(?:[^"\\\x00-\x1f\x7f]++|\\[^\x00-\x1f\x7f])*")'
"""Escapes are not looked at here: see `strings`."""
UNCLOSED_STRING: Final = r'"[^\x00-\x1f\x7f]*+'
"""From a quotation mark that begins no string: all up to the line's end, or every mark in it would be tried."""
COMMENT: Final = r"\(;(?:[^;(\n\r]++|;(?!\))|\((?!;))*;\)"
SPACE: Final = rf"(?:[ \t\n\r]++|;;[^\n\r]*+|{COMMENT})*"
ANNOTATION: Final = rf"\(@(?:name|custom)(?![{IDENTIFIER_CHARACTERS}])"

WORD: Final = re.compile(rf"(?:[{IDENTIFIER_CHARACTERS},\[\]{{}}]++|;(?!;)|{STRING})+")
TOKEN: Final = re.compile(
    SPACE + r"(\((?![;@])|\)" + rf"|{WORD.pattern}" + rf"|{ANNOTATION}|\([;@]|\Z|{UNCLOSED_STRING}|[\s\S])"
)
"""Group 1: the token; empty at the end of the text; an unclosed string or a lone character if none begins here.

``(;`` and ``(@`` are none: their text has to be rewritten.
"""

NESTING: Final = re.compile(rf"{STRING}|{UNCLOSED_STRING}|;;[^\n\r]*|\(;|\(@")
IN_COMMENT: Final = re.compile(r"\(;|;\)")
IN_ANNOTATION: Final = re.compile(
    rf"{STRING}|[\t\n\r ]+|;;[^\n\r]*|\(;|\(@|[()]|[^\n\r\t -~]|\"|[^()\";\x00-\x1f\x7f-\U0010ffff]+|;"
)
ANNOTATION_NAME: Final = re.compile(rf"\(@(?:[{IDENTIFIER_CHARACTERS}]++|{STRING})(?<!\(@\"\")")
KEPT_ANNOTATION: Final = re.compile(ANNOTATION)
NOT_A_LINE_BREAK: Final = re.compile(r"[^\n\r]")
LINE_BREAK: Final = re.compile(r"\r\n|\n|\r")
SINGLE_CHARACTER: Final = re.compile(rf"[{IDENTIFIER_CHARACTERS}(),;\[\]{{}}]")


def fail_at(text: str, offset: int, reason: str) -> DecodeError:
    """The error for what lies at a character offset of a text."""
    line = 1
    line_start = 0
    for found in LINE_BREAK.finditer(text, 0, offset):
        line += 1
        if line & 0xFFFF == 0:
            checkpoint()
        line_start = found.end()
    return DecodeError(reason, line=line, column=offset - line_start + 1)


@final
class Tokens:
    """A text and its tokens.

    Attributes:
        text: with nested comments and annotations blanked out.
        numbers: one a token, ended by `LOOKAHEAD` times `END_OF_TEXT`.
        spellings: what each number stands for.
    """

    def __init__(self, text: str, numbers: list[int], spellings: list[str]) -> None:
        self.text = text
        self.numbers = numbers
        self.spellings = spellings

    def offset(self, index: int) -> int:
        """Where a token starts, in characters."""
        for at, found in enumerate(TOKEN.finditer(self.text)):
            if at == index:
                return found.start(1)
            if at & 0xFFFF == 0:
                checkpoint()
        return len(self.text)

    def lines(self) -> list[int]:
        """The line of every token, from 1."""
        breaks = [found.end() for found in LINE_BREAK.finditer(self.text)]
        breaks.append(len(self.text) + 1)
        result: list[int] = []
        line = 0
        for found in TOKEN.finditer(self.text):
            if len(result) & 0xFFFF == 0:
                checkpoint()
            start = found.start(1)
            while breaks[line] <= start:
                line += 1
            result.append(line + 1)
        return result

    def error(self, index: int, reason: str) -> DecodeError:
        """The error for what is wrong at a token."""
        return fail_at(self.text, self.offset(index), reason)


def to_text(source: str | bytes) -> str:
    """The characters of a text given as UTF-8.

    Raises:
        DecodeError: it is not UTF-8.
    """
    if isinstance(source, str):
        return source
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8", "replace")
        raise fail_at(before, len(before), "malformed UTF-8 encoding") from None


def tokenize(source: str | bytes, words: dict[str, int] = KEYWORDS) -> Tokens:
    """The tokens of a text.

    Args:
        source: the text, bytes in UTF-8.
        words: spellings that have a number beforehand, numbered from 0 without gaps.

    Raises:
        DecodeError: a character, string, comment or annotation that is none.
    """
    text = to_text(source)
    tokens = tokens_of(text, words)
    if "(;" in tokens.spellings or "(@" in tokens.spellings:
        tokens = tokens_of(blank_out_nested(text), words)
    spellings = tokens.spellings
    for number in watched(range(len(words), len(spellings))):
        spelling = spellings[number]
        if len(spelling) == 1:
            if SINGLE_CHARACTER.match(spelling) is None:
                raise not_a_token(tokens, number)
        elif spelling[0] == '"' and (spelling[-1] != '"' or spelling[-2] == "\\") and not WORD.fullmatch(spelling):
            raise not_a_token(tokens, number)
    return tokens


def tokens_of(text: str, words: dict[str, int]) -> Tokens:
    """The tokens of a text without nested comments."""
    number_of: defaultdict[str, int] = defaultdict(count(len(words)).__next__, words)
    numbers: list[int] = []
    start = 0
    length = len(text)
    while start < length:
        end = length
        checkpoint()
        if length - start > CHUNK_CHARACTERS:  # a line break never lies inside a token
            end = text.find("\n", start + CHUNK_CHARACTERS) + 1 or length
        if end - start <= MOST_CHARACTERS:
            numbers.extend(map(number_of.__getitem__, TOKEN.findall(text, start, end)))
        else:
            for found in TOKEN.finditer(text, start, end):
                numbers.append(number_of[found.group(1)])
                if len(numbers) & 0xFFFF == 0:
                    checkpoint()
        while numbers and numbers[-1] == END_OF_TEXT:
            numbers.pop()
        start = end
    numbers.extend([END_OF_TEXT] * LOOKAHEAD)
    return Tokens(text, numbers, list(number_of))


def not_a_token(tokens: Tokens, number: int) -> DecodeError:
    """The error for a character that begins no token."""
    index = tokens.numbers.index(number)
    offset = tokens.offset(index)
    character = tokens.spellings[number]
    if character[0] != '"':
        return fail_at(tokens.text, offset, f"illegal character {character!a}")
    if offset > 0 and tokens.text[offset - 1] == "$":
        return fail_at(
            tokens.text, offset, "empty identifier, or its quotation is not closed or holds a control character"
        )
    line_end = LINE_BREAK.search(tokens.text, offset)
    rest = tokens.text[offset + 1 : line_end.start() if line_end is not None else len(tokens.text)]
    if re.search(r'(?<!\\)"', rest) is None:
        return fail_at(tokens.text, offset, "unclosed string literal")
    return fail_at(tokens.text, offset, "malformed string literal: a control character in it")


def blank_out_nested(text: str) -> str:
    """The text with spaces for block comments and for annotations we do not read."""
    pieces: list[str] = []
    copied = 0
    at = 0
    rounds = 0
    while True:
        found = NESTING.search(text, at)
        if found is None:
            break
        rounds += 1
        if rounds & 0xFFFF == 0:
            checkpoint()
        opening = found.group()
        if opening == "(;":
            at = end_of_comment(text, found.start())
        elif opening == "(@":
            if KEPT_ANNOTATION.match(text, found.start()) is not None:
                end_of_annotation(text, found.start())
                at = found.end()
                continue
            at = end_of_annotation(text, found.start())
        else:
            at = found.end()
            continue
        pieces.append(text[copied : found.start()])
        pieces.append(NOT_A_LINE_BREAK.sub(" ", text[found.start() : at]))
        copied = at
    pieces.append(text[copied:])
    return "".join(pieces)


def end_of_comment(text: str, start: int) -> int:
    """The offset after the block comment that starts at `start`."""
    depth = 0
    for number, found in enumerate(IN_COMMENT.finditer(text, start), start=1):
        if number & 0xFFFF == 0:
            checkpoint()
        if found.group() == "(;":
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return found.end()
    raise fail_at(text, start, "unclosed comment")


def end_of_annotation(text: str, start: int) -> int:
    """The offset after the annotation that starts at `start` (3.0, section 6.3.7)."""
    name = ANNOTATION_NAME.match(text, start)
    if name is None:
        raise fail_at(text, start, "empty annotation id")
    if text[start + 2] == '"':
        check_utf8(text, start + 2, name.group()[2:])
    depth = 1
    at = name.end()
    rounds = 0
    while True:
        rounds += 1
        if rounds & 0xFFFF == 0:
            checkpoint()
        found = IN_ANNOTATION.match(text, at)
        if found is None:
            raise fail_at(text, start, "unclosed annotation")
        what = found.group()
        at = found.end()
        if what == "(;":
            at = end_of_comment(text, found.start())
        elif what == "(@":
            name = ANNOTATION_NAME.match(text, found.start())
            if name is not None:
                at = name.end()
            depth += 1
        elif what == "(":
            depth += 1
        elif what == ")":
            depth -= 1
            if depth == 0:
                return at
        elif what == '"':
            raise fail_at(text, found.start(), "unclosed string")
        elif len(what) == 1 and not (" " <= what <= "~" or what in "\t\n\r"):
            raise fail_at(text, found.start(), f"illegal character {what!a}")


def check_utf8(text: str, offset: int, literal: str) -> None:
    """Refuse a quoted annotation name that is not UTF-8."""
    try:
        string_bytes(literal).decode("utf-8")
    except ValueError as failure:
        if raised_by_a_handler(failure):
            raise
        raise fail_at(text, offset, "malformed UTF-8 encoding") from None
