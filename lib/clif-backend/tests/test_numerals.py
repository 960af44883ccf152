"""Numbers in CLIF's text."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmer_clif_backend.ir.numerals import (
    format_float,
    format_integer,
    format_value,
    parse_float,
    parse_integer,
    parse_value,
)
from wasmer_clif_backend.ir.types import F32X4, I8X16, I32, I32X4


@given(st.integers(0, 2**32 - 1))
def test_every_float_is_read_as_printed(bits: int) -> None:
    assert parse_float(format_float(bits, 4), 4) == bits


@given(st.integers(0, 2**64 - 1))
def test_every_double_is_read_as_printed(bits: int) -> None:
    assert parse_float(format_float(bits, 8), 8) == bits


@given(st.floats(width=32, allow_nan=False))
def test_hexadecimal_floats_are_pythons(value: float) -> None:
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    if value - value == 0:
        assert parse_float(value.hex(), 4) == bits
        assert float.fromhex(format_float(bits, 4)) == value


@given(st.sampled_from([8, 16, 32, 64]), st.data())
def test_integers_are_read_as_printed(bits: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1))
    assert parse_integer(format_integer(value, bits), bits) == value
    assert parse_integer(format_integer(value), bits) == value


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("0.0", 0),
        ("-0.0", 0x8000_0000),
        ("+Inf", 0x7F80_0000),
        ("-Inf", 0xFF80_0000),
        ("Inf", 0x7F80_0000),
        ("+NaN", 0x7FC0_0000),
        ("-NaN:0x7", 0xFFC0_0007),
        ("sNaN:0x1", 0x7F80_0001),
        ("0x1.8p3", 0x4140_0000),
        ("0x10.0", 0x4180_0000),
        ("0x0.5", 0x3EA0_0000),
        ("0x0.000002p-126", 0x0000_0001),
        ("0x1p-149", 0x0000_0001),
        ("1.5", 0x3FC0_0000),
        ("0.1", 0x3DCC_CCCD),
    ],
)
def test_floats(text: str, bits: int) -> None:
    assert parse_float(text, 4) == bits


@pytest.mark.parametrize(
    "text", ["", "0x", ".", "1e400", "0x1p-150", "0x1.0p1000", "+NaN:0x400000", "sNaN", "one", "0x1.00000001"]
)
def test_what_is_no_float(text: str) -> None:
    with pytest.raises(ValueError):
        parse_float(text, 4)


@pytest.mark.parametrize(
    ("text", "bits", "value"), [("255", 8, -1), ("0xffff_ffff_ffff_fff0", 8, -16), ("-128", 8, -128), ("1_0", 8, 10)]
)
def test_integers(text: str, bits: int, value: int) -> None:
    assert parse_integer(text, bits) == value


@pytest.mark.parametrize(("text", "bits"), [("256", 8), ("-129", 8), ("0x1_0000_0000", 32), ("1.0", 32), ("0x", 32)])
def test_what_is_no_integer(text: str, bits: int) -> None:
    with pytest.raises(ValueError):
        parse_integer(text, bits)


def test_vectors() -> None:
    assert format_value(parse_value("[1 -2 3 0xffffffff]", I32X4), I32X4) == "[1 -2 3 -1]"
    assert parse_value("0x0100", I8X16) == bytes([0, 1]) + bytes(14)
    assert format_value(parse_value("[0.0 -Inf 0x1.0 +NaN]", F32X4), F32X4) == "[0.0 -Inf 0x1.0p0 +NaN]"
    assert parse_value("true", I32) == b"\x01\0\0\0"
    with pytest.raises(ValueError, match="3 lanes; expected 4"):
        parse_value("[1 2 3]", I32X4)
