"""Passing over instructions without understanding them (specification, section 5.4).

Whether bytes *are* instructions, and where an expression ends, can be told without types:
every opcode must exist, every immediate must have its form, and ``end`` and ``else`` must
match their block. The decoder needs this where an expression stands between other things
(an initializer that is no constant is invalid, not malformed), and the validator when it
has found something invalid: the rest of the module may still be malformed, and then that
is what is wrong with it.

The forms of the immediates come from the operators' rows.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.operators.rows import (
    BY_MNEMONIC,
    HAS_MEMORY_INDEX,
    MEMARG_END,
    OPERATORS,
    PAGE_LENGTHS,
    PREFIX_PAGES,
)
from wasmer_runtime_core.wasm.reader import UNEXPECTED_END, Reader
from wasmer_runtime_core.wasm.types import (
    FIRST_TYPE,
    HEAP_SHIFT,
    HEAP_TYPE_NUMBERS,
    NON_NULL,
    NON_NULL_CODE,
    NULLABLE_CODE,
    VALUE_TYPE_CODES,
)

MAX_LOCALS: Final = 0xFFFF_FFFF
"""Locals a function may declare at most, by the specification."""

STRETCH: Final = 0x3FFF
"""A mask: so many things, and one, are passed over between two checkpoints."""

BLOCK_EMPTY_BYTE: Final = 0x40
ZERO_EXPECTED: Final = "zero byte expected"

_VALUE_TYPES: Final = frozenset(VALUE_TYPE_CODES.values())
_IF: Final = BY_MNEMONIC["if"].code
_ELSE: Final = BY_MNEMONIC["else"].code
_END: Final = BY_MNEMONIC["end"].code
_TRY: Final = BY_MNEMONIC["try"].code
_CATCH: Final = BY_MNEMONIC["catch"].code
_CATCH_ALL: Final = BY_MNEMONIC["catch_all"].code
_DELEGATE: Final = BY_MNEMONIC["delegate"].code

CATCHES: Final = ("catch", "catch_ref", "catch_all", "catch_all_ref")
"""Of a ``try_table``, by number. The first two have a tag; the second of each pair gives the exception as well."""
FIRST_CATCH_ALL: Final = 2

CAST_FROM_NULL: Final = 1
CAST_TO_NULL: Final = 2
"""Flags of ``br_on_cast``: null is a value of the type of its operand, of the type that it is cast to."""

_TWO_INDICES: Final = frozenset(
    (
        *("type table", "element table", "table table", "data memory", "memory memory"),
        *("type field", "type count", "type data", "type element", "type type"),
    )
)


def read_value_type(reader: Reader) -> int:
    """Read a value type (section 5.3.5).

    One that names a type of the module has that type's index and no kind, which only `TypeSpace.resolved` knows.
    """
    code = reader.byte()
    if code in _VALUE_TYPES:
        return code
    return _reference_type(reader, code, "malformed value type", "value type")


def read_reference_type(reader: Reader, place: str = "value type") -> int:
    """Read a reference type (section 5.3.4), as `read_value_type` does; `place` says what else may stand there."""
    return _reference_type(reader, reader.byte(), "malformed reference type", place)


def _reference_type(reader: Reader, code: int, malformed: str, place: str) -> int:
    """A reference type of which the first byte has been read."""
    type_ = HEAP_TYPE_NUMBERS.get(code, -1)
    if type_ >= 0:
        return type_
    if code == NULLABLE_CODE:
        return read_heap_type(reader, place)
    if code == NON_NULL_CODE:
        return read_heap_type(reader, place) | NON_NULL
    raise reader.refused(DecodeError(f"{malformed} {code:#04x}", reader.position - 1), place)


def read_heap_type(reader: Reader, place: str = "heap type") -> int:
    """Read a heap type (section 5.3.2): a nullable reference to it, as `read_value_type` gives one."""
    start = reader.position
    type_ = HEAP_TYPE_NUMBERS.get(reader.peek(), -1)
    if type_ >= 0:
        reader.byte()
        return type_
    index = reader.s33()
    if index < 0:
        raise reader.refused(DecodeError(f"malformed heap type {reader.data[start]:#04x}", start), place)
    return (FIRST_TYPE + int(index)) << HEAP_SHIFT


def read_operator(reader: Reader) -> int:
    """Read an opcode with its prefix: the operator's code."""
    start = reader.position
    code = reader.byte()
    page = PREFIX_PAGES.get(code)
    if page is not None:
        sub_opcode = reader.u32()
        if sub_opcode >= PAGE_LENGTHS[code] or page + sub_opcode not in OPERATORS:
            raise reader.refused(DecodeError(f"illegal opcode {code:#04x} {sub_opcode:#04x}", start), "operator")
        return page + sub_opcode
    if code not in OPERATORS:
        raise reader.refused(DecodeError(f"illegal opcode {code:#04x}", start), "operator")
    return code


def skip_immediates(reader: Reader, code: int) -> None:
    """Pass over the immediates of operator `code`."""
    immediate = OPERATORS[code].immediate
    if immediate == "":
        return
    if immediate in ("label", "function", "local", "global", "table", "memory", "element", "data", "type", "tag"):
        reader.u32()
    elif immediate == "i32":
        reader.s32()
    elif immediate == "i64":
        reader.s64()
    elif immediate == "f32":
        reader.skip(4)
    elif immediate == "f64":
        reader.skip(8)
    elif immediate in ("v128", "lanes"):
        reader.skip(16)
    elif immediate == "memarg":
        _skip_memarg(reader)
    elif immediate == "memarg lane":
        _skip_memarg(reader)
        reader.byte()
    elif immediate == "lane":
        reader.byte()
    elif immediate == "zero":
        read_zero(reader)
    elif immediate == "block":
        _skip_block_type(reader)
    elif immediate == "block catches":
        _skip_block_type(reader)
        skip_catches(reader)
    elif immediate in _TWO_INDICES:
        reader.u32()
        reader.u32()
    elif immediate == "heap type" or immediate == "reference type":
        read_heap_type(reader)
    elif immediate == "cast":
        read_cast_flags(reader)
        reader.u32()
        read_heap_type(reader)
        read_heap_type(reader)
    elif immediate == "types":
        count = reader.u32()
        while count > 0:
            if count & STRETCH == 0:
                checkpoint()
            read_value_type(reader)
            count -= 1
    elif immediate == "labels":
        count = reader.u32() + 1
        while count > 0:
            if count & STRETCH == 0:
                checkpoint()
            reader.u32()
            count -= 1
    else:
        raise AssertionError(f"no reader for the immediate {immediate!r}")


def read_cast_flags(reader: Reader) -> int:
    """Read which of the two reference types of a ``br_on_cast`` have null: `CAST_FROM_NULL`, `CAST_TO_NULL`."""
    flags = reader.byte()
    if flags > CAST_FROM_NULL | CAST_TO_NULL:
        raise DecodeError(f"malformed cast flags {flags:#04x}", reader.position - 1)
    return flags


def _skip_memarg(reader: Reader) -> None:
    start = reader.position
    alignment = reader.u32()
    if alignment >= MEMARG_END:
        raise DecodeError("malformed memop flags", start)
    if alignment & HAS_MEMORY_INDEX:
        reader.u32()
    reader.u64()


def _skip_block_type(reader: Reader) -> None:
    start = reader.position
    first = reader.peek()
    if first == BLOCK_EMPTY_BYTE or first in _VALUE_TYPES:
        reader.byte()
    elif first in (NULLABLE_CODE, NON_NULL_CODE) or first in HEAP_TYPE_NUMBERS:
        read_value_type(reader)
    elif reader.s33() < 0:
        raise reader.refused(DecodeError("malformed block type", start), "value type")


def read_zero(reader: Reader) -> None:
    """Pass over a byte that is reserved."""
    at = reader.position
    if reader.byte() != 0:
        raise DecodeError(ZERO_EXPECTED, at)


def skip_catches(reader: Reader) -> None:
    """Pass over the catches of a ``try_table`` (5.4.1 of 3.0)."""
    count = reader.u32()
    while count > 0:
        if count & STRETCH == 0:
            checkpoint()
        kind = read_catch_kind(reader)
        if kind < FIRST_CATCH_ALL:
            reader.u32()
        reader.u32()
        count -= 1


def read_catch_kind(reader: Reader) -> int:
    """Read which of `CATCHES` it is."""
    kind = reader.byte()
    if kind >= len(CATCHES):
        raise DecodeError(f"malformed catch clause {kind:#04x}", reader.position - 1)
    return kind


def skip_expression(reader: Reader, has_data_count: bool, without_end: str = UNEXPECTED_END) -> list[int]:
    """Pass over an expression and its ``end``.

    Args:
        has_data_count: operators that name data segments may stand here (section 5.5.16).
        without_end: the reason to give if the bytes stop before the ``end``.

    Returns:
        the codes of its operators.

    Raises:
        DecodeError: it is malformed.
    """
    codes: list[int] = []
    blocks = bytearray()  # the opcodes of the open blocks
    while True:
        start = reader.position
        if reader.at_end():
            raise DecodeError(without_end, start)
        code = read_operator(reader)
        skip_immediates(reader, code)
        if not has_data_count and "data" in OPERATORS[code].immediate:
            raise DecodeError("data count section required", start)
        if len(codes) & STRETCH == 0:
            checkpoint()
        codes.append(code)
        if code == _END:
            if not blocks:
                return codes
            blocks.pop()
        elif code == _ELSE:
            if not blocks or blocks[-1] != _IF:
                raise DecodeError("END opcode expected: `else` without `if`", start)
            blocks[-1] = _ELSE
        elif code == _CATCH or code == _CATCH_ALL or code == _DELEGATE:
            if not blocks or (blocks[-1] != _TRY and (blocks[-1] != _CATCH or code == _DELEGATE)):
                raise DecodeError(f"END opcode expected: `{OPERATORS[code].mnemonic}` without `try`", start)
            if code == _DELEGATE:
                blocks.pop()
            else:
                blocks[-1] = code
        elif OPERATORS[code].immediate.startswith("block"):
            blocks.append(code)


def scan_body(data: bytes, start: int, end: int, has_data_count: bool, function_index: int) -> None:
    """See that the body of a function is well formed (section 5.5.13).

    Raises:
        DecodeError: it is not.
        UnsupportedFeatureError: it uses a feature that is not here.
    """
    reader = Reader(data, start, end, function_index)
    groups = reader.u32()
    total = 0
    while groups > 0:
        if groups & STRETCH == 0:
            checkpoint()
        at = reader.position
        total += reader.u32()
        if total > MAX_LOCALS:
            raise DecodeError("too many locals", at)
        read_value_type(reader)
        groups -= 1
    skip_expression(reader, has_data_count, "END opcode expected")
    if reader.position != end:
        raise DecodeError("END opcode expected: instructions follow the end of the function", reader.position)
