"""Spellings of numbers: every value that a text can write, and no other."""

from __future__ import annotations

import struct
import tracemalloc
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmer_runtime_core.wasm.text.numerals import MALFORMED, OUT_OF_RANGE, float_bits, integer, unsigned


def f32(value: float) -> int:
    return int.from_bytes(struct.pack("<f", value), "little")


def f64(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little")


@pytest.mark.parametrize(
    ("spelling", "bits", "value"),
    [
        ("0", 32, 0),
        ("+7", 32, 7),
        ("-1", 32, 0xFFFF_FFFF),
        ("-0", 64, 0),
        ("4294967295", 32, 0xFFFF_FFFF),
        ("4294967296", 32, OUT_OF_RANGE),
        ("-2147483648", 32, 0x8000_0000),
        ("-2147483649", 32, OUT_OF_RANGE),
        ("-0x80000000", 32, 0x8000_0000),
        ("0xFfFf_ffff_ffff_ffff", 64, (1 << 64) - 1),
        ("0x1_0000_0000_0000_0000", 64, OUT_OF_RANGE),
        ("1_000_000", 32, 1_000_000),
        ("00000000000000000000000000000000000000000000000000012", 32, 12),
        ("9" * 10_000, 64, OUT_OF_RANGE),
        ("255", 8, 255),
        ("256", 8, OUT_OF_RANGE),
        ("-128", 8, 128),
        ("-129", 8, OUT_OF_RANGE),
        *[(bad, 32, MALFORMED) for bad in ("", "-", "0x", "1_", "_1", "1__0", "0x_1", "1x", "٣", "²", " 1", "1.0")],
    ],
)
def test_integers(spelling: str, bits: int, value: int) -> None:
    assert integer(spelling, bits) == value


def test_indices_have_no_sign() -> None:
    assert unsigned("+1", 32) == MALFORMED
    assert unsigned("-1", 32) == MALFORMED
    assert unsigned("0x10", 32) == 16
    assert unsigned("4294967296", 32) == OUT_OF_RANGE


@pytest.mark.parametrize(
    ("spelling", "single", "double"),
    [
        ("0", 0, 0),
        ("-0", 1 << 31, 1 << 63),
        ("1.", f32(1), f64(1)),
        ("1_0.5_0e0_1", f32(105), f64(105)),
        ("0x1p-149", 1, f64(2.0**-149)),
        ("0x1p-150", 0, f64(2.0**-150)),
        ("0x1.000002p-150", 1, f64(float.fromhex("0x1.000002p-150"))),
        ("0x0.8p-1074", 0, 0),
        ("0x0.80000000001p-1074", 0, 1),
        ("0x1.fffffep127", 0x7F7F_FFFF, f64(float.fromhex("0x1.fffffep127"))),
        ("0x1.fffffefffffp127", 0x7F7F_FFFF, f64(float.fromhex("0x1.fffffefffffp127"))),
        ("0x1.ffffffp127", OUT_OF_RANGE, f64(float.fromhex("0x1.ffffffp127"))),
        ("340282356779733661637539395458142568447", 0x7F7F_FFFF, f64(340282356779733661637539395458142568447.0)),
        ("340282356779733661637539395458142568448", OUT_OF_RANGE, f64(340282356779733661637539395458142568448.0)),
        ("1e39", OUT_OF_RANGE, f64(1e39)),
        ("1e309", OUT_OF_RANGE, OUT_OF_RANGE),
        ("-1e99999999999999999999", OUT_OF_RANGE, OUT_OF_RANGE),
        ("1e-99999999999999999999", 0, 0),
        ("0x1p99999999999999999999", OUT_OF_RANGE, OUT_OF_RANGE),
        ("-0x1p-99999999999999999999", 1 << 31, 1 << 63),
        ("0x0p99999999999999999999", 0, 0),
        ("inf", 0x7F80_0000, 0x7FF << 52),
        ("-inf", 0xFF80_0000, 0xFFF << 52),
        ("nan", 0x7FC0_0000, 0x7FF8 << 48),
        ("-nan", 0xFFC0_0000, 0xFFF8 << 48),
        ("nan:0x1", 0x7F80_0001, (0x7FF << 52) + 1),
        ("nan:0x7f_ffff", 0x7FFF_FFFF, (0x7FF << 52) + 0x7F_FFFF),
        ("nan:0x80_0000", OUT_OF_RANGE, (0x7FF << 52) + 0x80_0000),
        ("nan:0x0", OUT_OF_RANGE, OUT_OF_RANGE),
        *[
            (bad, MALFORMED, MALFORMED)
            for bad in ("", ".0", "0e", "0e+", "1e1_", "0x", "0x.1", "0x1p", "0x1pa", "1_.0", "1._0", "nan:1", "Inf")
        ],
    ],
)
def test_floats(spelling: str, single: int, double: int) -> None:
    assert float_bits(spelling, 32) == single
    assert float_bits(spelling, 64) == double


def nearest_f32(exact: Fraction) -> int:
    """The bits of the nearest f32 of a non-negative number, found by comparing neighbours."""
    bits = f32(float(exact)) if exact < 2**127 else 0x7F00_0000
    candidates = [candidate for candidate in range(max(bits - 2, 0), bits + 3) if candidate < 0x7F80_0000]
    values = {candidate: Fraction(struct.unpack("<f", candidate.to_bytes(4, "little"))[0]) for candidate in candidates}
    return min(candidates, key=lambda candidate: (abs(values[candidate] - exact), candidate & 1))


@settings(deadline=None)
@given(st.integers(0, (1 << 24) - 1), st.integers(-149, 90), st.integers(-3, 3), st.integers(1, 60))
def test_decimals_beside_a_tie_are_rounded_once(mantissa: int, exponent: int, beside: int, digits: int) -> None:
    tie = Fraction(2 * mantissa + 1, 2) * Fraction(2) ** exponent
    scale = 10 ** (digits + 50)
    scaled = int(tie * scale) + beside
    exact = Fraction(abs(scaled), scale)
    assert float_bits(f"{abs(scaled)}e-{digits + 50}", 32) == nearest_f32(exact)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_round_trip(value: float) -> None:
    assert float_bits(repr(value), 64) == f64(value)
    assert float_bits(value.hex(), 64) == f64(value)


@settings(deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_singles_round_trip(value: float) -> None:
    assert float_bits(repr(value), 32) == f32(value)
    assert float_bits(value.hex(), 32) == f32(value)


@settings(deadline=None)
@given(st.integers(-(1 << 63), (1 << 64) - 1), st.booleans())
def test_integers_round_trip(value: int, hexadecimal: bool) -> None:
    assert integer(hex(value) if hexadecimal else str(value), 64) == value % (1 << 64)


def test_a_numeral_as_long_as_a_text_takes_a_few_bytes_a_digit() -> None:
    digits = "1" * 1_000_000
    spaced = "1_" * 500_000 + "1"
    for spelling in (digits, spaced, f"0x{digits}", f"0x{spaced}", f"1.{digits}e-{digits}", f"0x1.{spaced}p{digits}"):
        tracemalloc.start()
        integer(spelling, 32)
        float_bits(spelling, 64)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10 * len(spelling)


@pytest.mark.parametrize(
    "spelling",
    [
        "1_",
        "_1",
        "1__1",
        "0x_1",
        "0x1_",
        "0x1__1",
        "1_.0",
        "1._0",
        "1.0_",
        "1e_1",
        "1e1_",
        "1.0__0",
        "0x1._1",
        "0x1p1_",
        "nan:0x1_",
        "nan:0x_1",
    ],
)
def test_underscores_stand_between_digits(spelling: str) -> None:
    assert integer(spelling, 64) == float_bits(spelling, 64) == MALFORMED
