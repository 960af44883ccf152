"""What relaxed operators on vectors give in the deterministic profile, lane by lane, as the specification says it.

It knows neither a backend nor the tables of ours: WebAssembly 3.0, section 4.3 (the first choice of each list).
Results are bytes; where a lane is a NaN, `alike` asks no more than the specification does, which is that it be quiet.
"""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Callable, Sequence
from typing import Final

FORMATS: Final = {"i8x16": "16b", "i16x8": "8h", "i32x4": "4i", "i64x2": "2q", "f32x4": "4f", "f64x2": "2d"}
QUIET: Final = {"f32x4": ("<4I", 0x7FC0_0000), "f64x2": ("<2Q", 0x7FF8_0000_0000_0000)}
"""Shape of floats -> its lanes as integers, and the bits that every quiet NaN has."""


def _lanes(shape: str, vector: bytes) -> tuple[int, ...]:
    return struct.unpack("<" + FORMATS[shape], vector)


def _vector(shape: str, lanes: Sequence[float]) -> bytes:
    if shape == "f32x4":
        lanes = [ctypes.c_float(lane).value for lane in lanes]
    return struct.pack("<" + FORMATS[shape], *lanes)


def _clamp(value: int, bits: int) -> int:
    return max(-(1 << bits - 1), min((1 << bits - 1) - 1, value))


def _wrap(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _swizzle(a: bytes, b: bytes) -> bytes:
    return bytes(a[place] if place < 16 else 0 for place in b)


def _truncate(shape: str, signed: bool) -> Callable[[bytes], bytes]:
    low, high = (-(1 << 31), (1 << 31) - 1) if signed else (0, (1 << 32) - 1)

    def lane(value: float) -> int:
        if math.isnan(value):
            return 0
        whole = value if math.isinf(value) else math.trunc(value)
        return _wrap(low if whole < low else high if whole > high else int(whole), 32)

    def convert(a: bytes) -> bytes:
        found = [lane(value) for value in _lanes(shape, a)]
        return _vector("i32x4", found + [0] * (4 - len(found)))

    return convert


def _multiply_add(shape: str, sign: int) -> Callable[[bytes, bytes, bytes], bytes]:
    """Both roundings: the product of two floats of 32 bits is exact in 64, and so is what their sum rounds to."""

    def once(value: float) -> float:
        return ctypes.c_float(value).value if shape == "f32x4" else value

    def of(a: bytes, b: bytes, c: bytes) -> bytes:
        rows = zip(_lanes(shape, a), _lanes(shape, b), _lanes(shape, c), strict=True)
        return _vector(shape, [once(sign * x * y) + z for x, y, z in rows])

    return of


def _extreme(shape: str, greatest: bool) -> Callable[[bytes, bytes], bytes]:
    def lane(x: float, y: float) -> float:
        if math.isnan(x) or math.isnan(y):
            return math.nan
        if x == y == 0:
            signs = (math.copysign(1, x), math.copysign(1, y))
            return math.copysign(0.0, max(signs) if greatest else min(signs))
        return max(x, y) if greatest else min(x, y)

    def of(a: bytes, b: bytes) -> bytes:
        return _vector(shape, [lane(x, y) for x, y in zip(_lanes(shape, a), _lanes(shape, b), strict=True)])

    return of


def _select(a: bytes, b: bytes, mask: bytes) -> bytes:
    return bytes(x & m | y & ~m & 0xFF for x, y, m in zip(a, b, mask, strict=True))


def _q15(a: bytes, b: bytes) -> bytes:
    pairs = zip(_lanes("i16x8", a), _lanes("i16x8", b), strict=True)
    return _vector("i16x8", [_clamp((x * y + 0x4000) >> 15, 16) for x, y in pairs])


def _dot(a: bytes, b: bytes) -> bytes:
    products = [x * y for x, y in zip(_lanes("i8x16", a), _lanes("i8x16", b), strict=True)]
    return _vector("i16x8", [_clamp(x + y, 16) for x, y in zip(products[::2], products[1::2], strict=True)])


def _dot_add(a: bytes, b: bytes, c: bytes) -> bytes:
    sums = _lanes("i16x8", _dot(a, b))
    rows = zip(sums[::2], sums[1::2], _lanes("i32x4", c), strict=True)
    return _vector("i32x4", [_wrap(x + y + z, 32) for x, y, z in rows])


EXPECTED: Final[dict[str, Callable[..., bytes]]] = {
    "i8x16.relaxed_swizzle": _swizzle,
    "i32x4.relaxed_trunc_f32x4_s": _truncate("f32x4", True),
    "i32x4.relaxed_trunc_f32x4_u": _truncate("f32x4", False),
    "i32x4.relaxed_trunc_f64x2_s_zero": _truncate("f64x2", True),
    "i32x4.relaxed_trunc_f64x2_u_zero": _truncate("f64x2", False),
    "f32x4.relaxed_madd": _multiply_add("f32x4", 1),
    "f32x4.relaxed_nmadd": _multiply_add("f32x4", -1),
    "f64x2.relaxed_madd": _multiply_add("f64x2", 1),
    "f64x2.relaxed_nmadd": _multiply_add("f64x2", -1),
    "i8x16.relaxed_laneselect": _select,
    "i16x8.relaxed_laneselect": _select,
    "i32x4.relaxed_laneselect": _select,
    "i64x2.relaxed_laneselect": _select,
    "f32x4.relaxed_min": _extreme("f32x4", False),
    "f32x4.relaxed_max": _extreme("f32x4", True),
    "f64x2.relaxed_min": _extreme("f64x2", False),
    "f64x2.relaxed_max": _extreme("f64x2", True),
    "i16x8.relaxed_q15mulr_s": _q15,
    "i16x8.relaxed_dot_i8x16_i7x16_s": _dot,
    "i32x4.relaxed_dot_i8x16_i7x16_add_s": _dot_add,
}
"""Mnemonic -> what it makes of its operands."""


def alike(mnemonic: str, expected: bytes, actual: bytes) -> bool:
    """Whether a result is the expected one: to the bit, but for a NaN, which has to be a quiet one."""
    shape = mnemonic.partition(".")[0]
    if shape not in QUIET:
        return expected == actual
    layout, quiet = QUIET[shape]
    wanted, found = struct.unpack(layout, expected), struct.unpack(layout, actual)
    return all(
        there & quiet == quiet if math.isnan(lane) else there == wish
        for lane, wish, there in zip(_lanes(shape, expected), wanted, found, strict=True)
    )
