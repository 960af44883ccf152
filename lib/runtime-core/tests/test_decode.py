"""The binary format: what is read, what is malformed, and where."""

from __future__ import annotations

from contextlib import suppress

import pytest
from refusals import refusal

from wasmer_runtime_core.errors import CompileError, DecodeError, ValidationError
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.wasm.binary.decode import DecodedModule, decode_module
from wasmer_runtime_core.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    FUNCTION,
    GLOBAL,
    MEMORY,
    PASSIVE,
    TABLE,
    ConstantOperator,
    Export,
    Import,
)
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.reader import Reader
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.types import (
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    V128,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    reference_type,
)
from wasmer_runtime_core.wasm.validation.validate import validate_module

HEADER = b"\0asm\1\0\0\0"


def section(number: int, contents: bytes) -> bytes:
    assert len(contents) < 0x80
    return bytes((number, len(contents))) + contents


def decode(*sections: bytes) -> DecodedModule:
    return decode_module(HEADER + b"".join(sections))


def decode_text(text: str) -> DecodedModule:
    return decode_module(parse_module(text))


def code(mnemonic: str) -> int:
    return BY_MNEMONIC[mnemonic].code


# --- integers -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x00", 0),
        (b"\x7f", 127),
        (b"\x80\x01", 128),
        (b"\x80\x00", 0),
        (b"\xff\xff\xff\xff\x0f", 0xFFFF_FFFF),
        (b"\x80\x80\x80\x80\x00", 0),
    ],
)
def test_unsigned_integers(data: bytes, value: int) -> None:
    reader = Reader(data, 0, len(data))
    assert reader.u32() == value
    assert reader.at_end()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "unexpected end"),
        (b"\x80", "unexpected end"),
        (b"\x80\x80\x80\x80\x10", "integer too large"),
        (b"\xff\xff\xff\xff\x1f", "integer too large"),
        (b"\x80\x80\x80\x80\x80\x00", "integer representation too long"),
    ],
)
def test_unsigned_integers_that_are_none(data: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        Reader(b"\0" + data, 1, 1 + len(data)).u32()
    assert caught.value.reason.startswith(reason)
    assert caught.value.offset == 1


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x00", 0),
        (b"\x3f", 63),
        (b"\x40", -64),
        (b"\x7f", -1),
        (b"\xff\x00", 127),
        (b"\x80\x7f", -128),
        (b"\xff\xff\xff\xff\x07", 0x7FFF_FFFF),
        (b"\x80\x80\x80\x80\x78", -0x8000_0000),
    ],
)
def test_signed_integers_of_any_width(data: bytes, value: int) -> None:
    assert Reader(data, 0, len(data)).s32() == value
    assert Reader(data, 0, len(data)).s33() == value
    assert Reader(data, 0, len(data)).s64() == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", 0x7FFF_FFFF_FFFF_FFFF),
        (b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", -0x8000_0000_0000_0000),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", -1),
        (b"\x80\x80\x80\x80\x80\x80\x80\x80\x40", -(1 << 62)),
        (b"\x80\x80\x80\x80\x80\x80\x80\x80\xc0\x00", 1 << 62),
        (b"\xff\xff\xff\xff\x0f", 0xFFFF_FFFF),
    ],
)
def test_signed_integers_of_64_bits(data: bytes, value: int) -> None:
    assert Reader(data, 0, len(data)).s64() == value


def test_a_signed_integer_of_33_bits_holds_every_index() -> None:
    assert Reader(b"\xff\xff\xff\xff\x0f", 0, 5).s33() == 0xFFFF_FFFF
    with pytest.raises(DecodeError, match="integer too large"):
        Reader(b"\xff\xff\xff\xff\x1f", 0, 5).s33()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xff\xff\xff\x0f", "integer too large"),
        (b"\x80\x80\x80\x80\x70", "integer too large"),
        (b"\x80\x80\x80\x80\x08", "integer too large"),
        (b"\x80\x80\x80\x80\x80\x00", "integer representation too long"),
    ],
)
def test_signed_integers_of_32_bits_that_are_none(data: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        Reader(data, 0, len(data)).s32()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "integer too large"),
        (b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7e", "integer too large"),
        (b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", "integer representation too long"),
    ],
)
def test_signed_integers_of_64_bits_that_are_none(data: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        Reader(data, 0, len(data)).s64()


# --- what is read -----------------------------------------------------------------------------
def test_the_empty_module() -> None:
    info = decode().info
    assert not info.types and not info.functions and info.start is None and info.data_count is None


def test_any_bytes_like_object_will_do() -> None:
    assert decode_module(bytearray(HEADER)).data == HEADER
    assert decode_module(memoryview(HEADER)).data == HEADER


def test_declarations() -> None:
    info = decode_text(
        """(module
        (type (func (param i32 i64 f32 f64 v128) (result funcref externref)))
        (import "a" "f" (func (type 0))) (import "a" "t" (table 1 2 externref))
        (import "b" "m" (memory 3)) (import "b" "g" (global (mut f64)))
        (func (type 0) unreachable) (table 4 funcref) (global v128 (v128.const i64x2 1 2))
        (export "e" (func 1)) (export "" (memory 0)) (export "g" (global 1)) (export "t" (table 1)))"""
    ).info
    type_ = FunctionType(bytes((I32, I64, F32, F64, V128)), bytes((FUNCREF, EXTERNREF)))
    assert info.types == [type_]
    assert info.functions == [0, 0]
    assert info.tables == [TableType(EXTERNREF, Limits(1, 2)), TableType(FUNCREF, Limits(4))]
    assert info.memories == [MemoryType(Limits(3))]
    assert info.globals == [GlobalType(F64, True), GlobalType(V128, False)]
    assert info.imports == [
        Import("a", "f", FUNCTION, 0),
        Import("a", "t", TABLE, info.tables[0]),
        Import("b", "m", MEMORY, info.memories[0]),
        Import("b", "g", GLOBAL, info.globals[0]),
    ]
    assert (info.imported_functions, info.imported_tables) == (1, 1)
    assert (info.imported_memories, info.imported_globals) == (1, 1)
    assert info.exports == [
        Export("e", FUNCTION, 1),
        Export("", MEMORY, 0),
        Export("g", GLOBAL, 1),
        Export("t", TABLE, 1),
    ]
    assert info.global_definitions[0].initializer == (ConstantOperator(code("v128.const"), 2 << 64 | 1, V128),)


def test_initializers_hold_bits() -> None:
    info = decode_text(
        """(module (import "m" "g" (global i64)) (func)
        (global i32 (i32.const -1)) (global i64 (i64.const -2)) (global f32 (f32.const -0)) (global f64 (f64.const 1))
        (global externref (ref.null extern)) (global funcref (ref.func 0)) (global i64 (global.get 0)))"""
    ).info
    assert [tuple(only) for definition in info.global_definitions for only in definition.initializer] == [
        (code("i32.const"), 0xFFFF_FFFF, I32),
        (code("i64.const"), 0xFFFF_FFFF_FFFF_FFFE, I64),
        (code("f32.const"), 0x8000_0000, F32),
        (code("f64.const"), 0x3FF0_0000_0000_0000, F64),
        (code("ref.null"), EXTERNREF, EXTERNREF),
        (code("ref.func"), 0, reference_type(FUNCREF, False, 0)),
        (code("global.get"), 0, I64),
    ]


def test_element_segments_of_every_kind() -> None:
    items = b"\2\0\0"
    expressions = b"\2\xd2\0\x0b\xd0\x70\x0b"
    offset = b"\x41\5\x0b"
    info = decode(
        section(1, b"\1\x60\0\0"),
        section(3, b"\1\0"),
        section(4, b"\2\x70\0\1\x70\0\1"),
        section(
            9,
            b"\x08"
            + (b"\0" + offset + items)
            + (b"\1\0" + items)
            + (b"\2\1" + offset + b"\0" + items)
            + (b"\3\0" + items)
            + (b"\4" + offset + expressions)
            + (b"\5\x70" + expressions)
            + (b"\6\1" + offset + b"\x70" + expressions)
            + (b"\7\x70" + expressions),
        ),
        section(10, b"\1\2\0\x0b"),
    ).info
    modes = [ACTIVE, PASSIVE, ACTIVE, DECLARATIVE, ACTIVE, PASSIVE, ACTIVE, DECLARATIVE]
    assert [segment.mode for segment in info.elements] == modes
    assert [segment.table for segment in info.elements] == [0, 0, 1, 0, 0, 0, 1, 0]
    assert [segment.offset is not None for segment in info.elements] == [mode == ACTIVE for mode in modes]
    function, null = (
        (ConstantOperator(code("ref.func"), 0, reference_type(FUNCREF, False, 0)),),
        (ConstantOperator(code("ref.null"), FUNCREF, FUNCREF),),
    )
    assert [segment.items for segment in info.elements] == [(function, function)] * 4 + [(function, null)] * 4


def test_data_segments_of_every_kind() -> None:
    info = decode(
        section(5, b"\1\0\1"),
        section(12, b"\3"),
        section(11, b"\3" + b"\0\x41\7\x0b\2ab" + b"\1\1c" + b"\2\0\x41\1\x0b\0"),
    ).info
    assert [(segment.mode, segment.memory, segment.data) for segment in info.data] == [
        (ACTIVE, 0, b"ab"),
        (PASSIVE, 0, b"c"),
        (ACTIVE, 0, b""),
    ]
    assert info.data_count == 3


def test_custom_sections_stand_anywhere_and_are_all_kept() -> None:
    decoded = decode(section(0, b"\1aX"), section(1, b"\0"), section(0, b"\1aYZ"), section(0, b"\0"))
    assert [(one.name, one.data) for one in decoded.info.custom_sections] == [("a", b"X"), ("a", b"YZ"), ("", b"")]
    for one in decoded.info.custom_sections:
        assert decoded.data[one.offset : one.offset + len(one.data)] == one.data


def test_bodies_are_bounds() -> None:
    decoded = decode(section(1, b"\1\x60\0\0"), section(3, b"\2\0\0"), section(10, b"\2\2\0\x0b\3\0\1\x0b"))
    assert [decoded.data[start:end] for start, end in decoded.code] == [b"\0\x0b", b"\0\1\x0b"]


# --- names ----------------------------------------------------------------------------------
def test_names_are_read_when_asked() -> None:
    info = decode_text("(module $module (func $first (param $x i32) (local $y i32)) (func) (func $third))").info
    assert info.module_name == "module"
    assert info.function_names == {0: "first", 2: "third"}
    assert info.local_names == {0: {0: "x", 1: "y"}}


def test_no_names() -> None:
    info = decode().info
    assert (info.module_name, info.function_names, info.local_names) == (None, {}, {})


TWO_FUNCTIONS = (section(1, b"\1\x60\0\0"), section(3, b"\2\0\0"), section(10, b"\2\2\0\x0b\2\0\x0b"))


@pytest.mark.parametrize(
    "contents",
    [
        b"\4name\1\x20",  # a subsection longer than its section
        b"\4name\1\3\2\0\1",  # names end early
        b"\4name\1\4\1\0\1\xff",  # no UTF-8
        b"\4name\1\6\xff\xff\xff\xff\x0f\0",  # a count beyond all bounds
    ],
)
def test_malformed_names_make_nobody_malformed(contents: bytes) -> None:
    info = decode(*TWO_FUNCTIONS, section(0, contents)).info
    assert info.function_names == {}
    assert info.module_name is None


def test_names_before_the_malformed_one_count() -> None:
    names = section(0, b"\4name\1\x08\2\0\2ab\1\5c")
    assert decode(*TWO_FUNCTIONS, names).info.function_names == {0: "ab"}


# --- what is malformed --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "reason", "offset"),
    [
        (b"", "unexpected end", 0),
        (b"\0as", "unexpected end", 3),
        (b"asm\0", "magic header not detected", 0),
        (b"\0asm\1\0\0", "unexpected end", 7),
        (b"\0asm\2\0\0\0", "unknown binary version", 4),
        (HEADER + b"\x0e\0", "malformed section id", 8),
        (HEADER + b"\x81\0", "malformed section id", 8),
        (HEADER + b"\1", "unexpected end", 9),
        (HEADER + b"\1\5\0", "length out of bounds", 9),
        (HEADER + b"\1\2\0\0", "section size mismatch", 11),
        (HEADER + b"\1\1\0\1\1\0", "unexpected content after last section", 11),
        (HEADER + b"\5\1\0\1\1\0", "unexpected content after last section", 11),
        (HEADER + b"\x0a\1\0\x0c\1\0", "unexpected content after last section", 11),
        (HEADER + b"\0\0", "unexpected end", 10),
        (HEADER + b"\0\3\1\xff\0", "malformed UTF-8 encoding", 11),
        (HEADER + b"\0\2\5a", "length out of bounds", 10),
        (HEADER + b"\1\4\1\x5b\0\0", "malformed function type", 11),
        (HEADER + b"\1\5\1\x60\1\x67\0", "malformed value type", 13),
        (HEADER + b"\2\4\1\0\0\5", "malformed import kind", 13),
        (HEADER + b"\4\4\1\x7f\0\0", "malformed reference type", 11),
        (HEADER + b"\4\4\1\x70\x08\0", "malformed limits flags", 12),
        (HEADER + b"\5\3\1\x80\0", "malformed limits flags", 11),
        (HEADER + b"\6\6\1\x7f\2\x41\0\x0b", "malformed mutability", 12),
        (HEADER + b"\6\5\1\x7f\0\x41\0", "unexpected end", 15),
        (HEADER + b"\6\6\1\x7f\0\xff\0\x0b", "illegal opcode 0xff", 13),
        (HEADER + b"\7\4\1\0\5\0", "malformed export kind", 12),
        (HEADER + b"\x09\2\1\x08", "malformed elements segment kind", 11),
        (HEADER + b"\x09\4\1\1\1\0", "malformed element kind", 12),
        (HEADER + b"\x0b\2\1\3", "malformed data segment kind", 11),
        (HEADER + b"\x0b\7\1\0\x41\0\x0b\2a", "unexpected end", 16),
        (HEADER + b"\x0c\1\1", "data count and data section have inconsistent lengths", 11),
        (HEADER + b"\3\2\1\0", "function and code section have inconsistent lengths", 12),
        (HEADER + b"\x0a\1\1", "function and code section have inconsistent lengths", 10),
    ],
)
def test_malformed_modules(data: bytes, reason: str, offset: int) -> None:
    error = refusal(decode_module, data)
    assert isinstance(error, DecodeError) and error.reason.startswith(reason)
    assert error.offset == offset


@pytest.mark.parametrize(
    ("body", "reason", "offset"),
    [
        (b"\0", "END opcode expected", 1),
        (b"\0\x02\x40\x0b", "END opcode expected", 4),
        (b"\0\x0b\x0b", "END opcode expected", 2),
        (b"\0\x05\x0b", "END opcode expected", 1),
        (b"\0\x41", "unexpected end", 2),
        (b"\0\x43\0\0\0", "unexpected end", 2),
        (b"\0\x16\x0b", "illegal opcode 0x16", 1),
        (b"\0\xfc\x12\x0b", "illegal opcode 0xfc 0x12", 1),
        (b"\0\xfd\x94\x02\x0b", "illegal opcode 0xfd 0x114", 1),
        (b"\0\x02\x60\x0b\x0b", "malformed block type", 2),
        (b"\0\xd0\x7f\x1a\x0b", "malformed heap type", 2),
        (b"\0\x1c\1\x60\x0b", "malformed value type", 3),
        (b"\0\x41\0\x28\x80\1\0\x1a\x0b", "malformed memop flags", 4),
        (b"\0\x41\0\x28\x42\x80\0" + b"\x80" * 10 + b"\0\x1a\x0b", "integer representation too long", 7),
        (b"\0\x41\0\x28\x42\x80\0" + b"\x80" * 9 + b"\2\x1a\x0b", "integer too large", 7),
        (b"\0\xfc\x09\0\x0b", "data count section required", 1),
        (b"\1\1\x60\x0b", "malformed value type", 2),
        (b"\2\xff\xff\xff\xff\x0f\x7f\2\x7e\x0b", "too many locals", 7),
        (b"\0\x0e\xff\xff\xff\xff\x0f\0\0\x0b", "unexpected end", 10),
        (b"\0\x41\0\x0e\xff\xff\xff\xff\x0f\0\0\x0b", "unexpected end", 12),
    ],
)
def test_malformed_bodies(body: bytes, reason: str, offset: int) -> None:
    """Whatever comes first, the validator or the scan after it: malformed, at the same place."""
    decoded = decode(
        section(1, b"\1\x60\0\0"),
        section(3, b"\1\0"),
        section(5, b"\1\0\1"),
        section(10, bytes((1, len(body))) + body),
    )
    start = decoded.code[0][0]
    error = refusal(validate_module, decoded)
    assert isinstance(error, DecodeError) and error.reason.startswith(reason)
    assert error.offset == start + offset


def test_malformed_comes_before_invalid() -> None:
    """The first body is invalid, the second malformed: as if all were decoded before anything is judged."""
    sections = section(1, b"\1\x60\0\0"), section(3, b"\2\0\0")
    with pytest.raises(ValidationError, match="type mismatch"):
        validate_module(decode(*sections, section(10, b"\2\3\0\x1a\x0b\2\0\x0b")))
    with pytest.raises(DecodeError, match="illegal opcode"):
        validate_module(decode(*sections, section(10, b"\2\3\0\x1a\x0b\3\0\xff\x0b")))
    with pytest.raises(DecodeError, match="illegal opcode"):
        validate_module(decode(*sections, section(8, b"\7"), section(10, b"\2\2\0\x0b\3\0\xff\x0b")))


def test_lengths_are_not_believed() -> None:
    """A few bytes that claim four thousand million entries fail at once, in every section."""
    for number in (1, 2, 3, 4, 5, 6, 7, 9, 11):
        with pytest.raises(DecodeError):
            decode(section(number, b"\xff\xff\xff\xff\x0f"))


# --- long ones ----------------------------------------------------------------------------------
MANY = 100_000


def leb(number: int) -> bytes:
    return bytes([number >> 7 * at & 0x7F | 0x80 for at in range(4)] + [number >> 28])


def sized(contents: bytes) -> bytes:
    return leb(len(contents)) + contents


def long_section(number: int, contents: bytes) -> bytes:
    return bytes((number,)) + sized(contents)


NULLARY = long_section(1, b"\1\x60\0\0") + long_section(3, b"\1\0")


@pytest.mark.parametrize(
    ("data", "least"),
    [
        (long_section(6, b"\1\x7f\0\x0e" + leb(MANY - 1) + b"\0" * MANY + b"\x0b"), MANY >> 15),
        (long_section(6, b"\1\x7f\0\x1c" + leb(MANY) + b"\x7f" * MANY + b"\x0b"), MANY >> 15),
        (NULLARY + long_section(10, b"\1" + sized(leb(MANY) + b"\0\x7f" * MANY + b"\x0b")), MANY >> 12),
        (NULLARY + long_section(10, b"\1" + sized(b"\0\0\x1c" + leb(MANY) + b"\x7f" * MANY + b"\x0b")), MANY >> 14),
        (NULLARY + long_section(10, b"\1" + sized(b"\1\x80" + leb(MANY) + b"\0\x7f" * MANY + b"\x0b")), 0),
    ],
    ids=["targets", "types", "locals", "types of select", "malformed locals"],
)
def test_a_single_instruction_is_read_with_checkpoints(
    data: bytes, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever an expression stands: an initializer may be as long as the module, and is not even valid."""
    seen = 0
    check = machine.check_interrupts

    def look() -> None:
        nonlocal seen
        seen += 1
        check()

    monkeypatch.setattr(machine, "check_interrupts", look)
    with suppress(CompileError):
        validate_module(decode_module(HEADER + data))
    assert seen >= least


def test_a_type_of_more_bytes_than_there_are() -> None:
    for rest, offset in ((b"\x7f" * 50, 71), (b"\x7f" * 30 + b"\0" + b"\x7f" * 19, 51)):
        with pytest.raises(DecodeError) as caught:
            decode_module(HEADER + long_section(1, b"\1\x60" + leb(0xFFFF_FFFF) + rest))
        assert caught.value.offset == offset
