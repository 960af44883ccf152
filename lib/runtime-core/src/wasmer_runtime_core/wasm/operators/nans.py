"""NaNs: which operators make some that the specification leaves open, and which tell no NaN from another (4.3.3).

Where arithmetic gives a NaN, its sign and payload are left open (*NaN propagation*), and processors, compilers and
backends differ there. Whatever else moves or changes floats does so to the bit: ``neg``, ``abs``, ``copysign``,
``pmin``, loads, lanes, ``reinterpret``. The deterministic profile fixes one NaN for each type, the positive canonical
one (`internal.CANONICAL_NANS`).
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final

SHAPES: Final = ("f32", "f64", "f32x4", "f64x2")
"""What floats travel in: scalars, and vectors by their lanes."""

_ARITHMETIC: Final = ("ceil", "floor", "trunc", "nearest", "sqrt", "add", "sub", "mul", "div", "min", "max")
_COMPARISONS: Final = ("eq", "ne", "lt", "gt", "le", "ge")
_RELAXED: Final = ("relaxed_min", "relaxed_max", "relaxed_madd", "relaxed_nmadd")

# operator, shape of its operands, shape of its results if NaNs may be among them
_CONVERSIONS: Final = """
    f32.demote_f64                      f64    f32
    f64.promote_f32                     f32    f64
    f32x4.demote_f64x2_zero             f64x2  f32x4
    f64x2.promote_low_f32x4             f32x4  f64x2
    i32.trunc_f32_s                     f32
    i32.trunc_f32_u                     f32
    i32.trunc_f64_s                     f64
    i32.trunc_f64_u                     f64
    i64.trunc_f32_s                     f32
    i64.trunc_f32_u                     f32
    i64.trunc_f64_s                     f64
    i64.trunc_f64_u                     f64
    i32.trunc_sat_f32_s                 f32
    i32.trunc_sat_f32_u                 f32
    i32.trunc_sat_f64_s                 f64
    i32.trunc_sat_f64_u                 f64
    i64.trunc_sat_f32_s                 f32
    i64.trunc_sat_f32_u                 f32
    i64.trunc_sat_f64_s                 f64
    i64.trunc_sat_f64_u                 f64
    i32x4.trunc_sat_f32x4_s             f32x4
    i32x4.trunc_sat_f32x4_u             f32x4
    i32x4.trunc_sat_f64x2_s_zero        f64x2
    i32x4.trunc_sat_f64x2_u_zero        f64x2
    i32x4.relaxed_trunc_f32x4_s         f32x4
    i32x4.relaxed_trunc_f32x4_u         f32x4
    i32x4.relaxed_trunc_f64x2_s_zero    f64x2
    i32x4.relaxed_trunc_f64x2_u_zero    f64x2
"""
_CONVERTED: Final = [line.split() for line in _CONVERSIONS.strip().splitlines()]

OPEN: Final = {
    **{f"{shape}.{name}": shape for shape in SHAPES for name in _ARITHMETIC},
    **{f"{shape}.{name}": shape for shape in SHAPES[2:] for name in _RELAXED},
    **{row[0]: row[2] for row in _CONVERTED if len(row) == 3},
}
"""Mnemonic -> shape of the result, where a NaN in it has a sign and payload that are left open."""

NUMBERS: Final = {
    **{f"{shape}.{name}": shape for shape in SHAPES for name in _ARITHMETIC + _COMPARISONS},
    **{f"{shape}.{name}": shape for shape in SHAPES[2:] for name in _RELAXED},
    **{row[0]: row[1] for row in _CONVERTED},
}
"""Mnemonic -> shape of the operands, of operators that tell no NaN from another: with another NaN in its place, and
what is left open fixed, the result is the same."""
