"""Where in a text the mistake is that was found in the binary module which it became.

The text parser keeps no positions: it would cost every module what only wrong ones need. For a wrong one the text is
read again. Its fields say which of them wrote the entry of a section that holds the byte, and while that field is read
once more, if it is a function, the cursor notes how much each token has written.
"""

from __future__ import annotations

from bisect import bisect_right

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.binary.decode import DecodedModule
from wasmer_runtime_core.wasm.text.cursor import Cursor
from wasmer_runtime_core.wasm.text.keywords import END_OF_TEXT, LEFT, MODULE, RIGHT
from wasmer_runtime_core.wasm.text.lexer import tokenize
from wasmer_runtime_core.wasm.text.parser import ModuleParser

SECTIONS: Final = ("imports", "tables", "memories", "tags", "globals", "exports", "elements", "data")
"""Those of `DecodedModule.offsets` whose entries fields write one by one, named alike in `Sections`."""


def locate(text: str | bytes, decoded: DecodedModule, offset: int) -> tuple[int, int] | None:
    """Line and column, from 1, of what became the byte at `offset`; None for what no field wrote alone.

    Args:
        text: of a module that is well formed.
        decoded: what it became.
        offset: of a byte in it.
    """
    entry = _entry(decoded, offset)
    if entry is None:
        return None
    section, index = entry
    cursor = Cursor(tokenize(text), 0)
    parser = ModuleParser(cursor)
    closing = RIGHT if cursor.take_opening(MODULE) else END_OF_TEXT
    if closing == RIGHT:
        parser.take_module_name()
    parser.bind_fields(closing)
    parser.read_types()
    for field in parser.fields:
        written = _written(parser, section)
        cursor.at = field
        parser.read_field()
        if written <= index < _written(parser, section):
            at = field - 1
            if section == "code":
                at = _token(parser, field, offset - decoded.code[index][0])
            error = cursor.tokens.error(at, "")
            assert error.line is not None and error.column is not None
            return error.line, error.column
    return None


def _entry(decoded: DecodedModule, offset: int) -> tuple[str, int] | None:
    """The section and the entry of it that a byte is in."""
    if decoded.code and decoded.code[0][0] <= offset < decoded.code[-1][1]:
        return "code", bisect_right(decoded.code, offset, key=lambda body: body[0]) - 1
    begins = [(at, section, index) for section in SECTIONS for index, at in enumerate(decoded.offsets[section])]
    begins += [(at, "start", 0) for at in decoded.offsets["start"]]
    before = [begin for begin in begins if begin[0] <= offset]
    return max(before)[1:] if before else None


def _written(parser: ModuleParser, section: str) -> int:
    """How many entries of a section there are by now."""
    return len(getattr(parser.sections, section)) if section != "start" else bool(parser.sections.start)


def _token(parser: ModuleParser, field: int, wanted: int) -> int:
    """The token of a function's field that wrote the byte at `wanted` of its body.

    An instruction that is folded is written at its ``)``; its keyword is the token then.
    """
    cursor = parser.cursor
    cursor.at, cursor.pause = field, 0
    cursor.marks = []
    parser.read_field()
    marks, cursor.marks = cursor.marks, None
    written = bisect_right(marks, wanted, key=lambda mark: mark[1])
    if not written:
        return field - 1  # the locals
    at = marks[written - 1][0]
    numbers = cursor.numbers
    if numbers[at] == LEFT:
        return at + 1
    if numbers[at] == RIGHT and written < len(marks):
        return _opening(numbers, at) + 1
    return at


def _opening(numbers: list[int], closing: int) -> int:
    """The ``(`` of a ``)``."""
    depth = 0
    for at in range(closing, -1, -1):
        depth += (numbers[at] == RIGHT) - (numbers[at] == LEFT)
        if not depth:
            return at
    return closing
