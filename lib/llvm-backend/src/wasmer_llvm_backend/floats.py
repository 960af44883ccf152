"""Floats, exactly: what LLVM would fold and must not (specification, sections 4.3.3 and 4.4.4).

An operation on a signalling NaN gives a quiet one. LLVM does not care: ``x * 1.0`` becomes
``x``, as do ``x - 0.0`` and the demotion of what was promoted, and a signalling NaN stays
what it was. It needs to know the other operand for that. So a constant that would do, one
of ±0 and ±1, is put behind a *fence*: to LLVM an unknown value, in machine code nothing at
all. That happens where arithmetic meets it, where it joins other values (in a phi, a
``select``, an argument or result), and for what is converted from an integer, which LLVM
might know once it has unrolled a loop.

A copy of a loop that is meant to be vectorised has no fences inside, since they would be in the way.
There the integers that it steps are hidden instead, as they come in.

One hole is left, and documented: a vector of floats that integer operators make of constants.
"""

from __future__ import annotations

import re
from struct import pack, unpack
from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.lowering import V128, Template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmer_llvm_backend.translate import FunctionTranslator

FENCED: Final = {"float": "f32", "double": "f64", V128: "v2f64"}
"""LLVM's types whose constants may have to be hidden -> the suffix of the intrinsic."""

ONES_AND_ZEROS: Final = frozenset(
    f"0x{sign:01X}{exponent}" for sign, exponent in (
        (0, "000000000000000"), (8, "000000000000000"), (3, "FF0000000000000"), (0xB, "FF0000000000000"),
    )
)  # fmt: skip
"""±0 and ±1 as LLVM writes floats of both types: operands with which it drops or replaces an operation."""

_LANES_32: Final = frozenset((0, 0x80000000, 0x3F800000, 0xBF800000))
_LANES_64: Final = frozenset((0, 0x8000000000000000, 0x3FF0000000000000, 0xBFF0000000000000))

CONVERSIONS: Final = {
    "f32.convert_i32_s": "float", "f32.convert_i32_u": "float", "f32.convert_i64_s": "float",
    "f32.convert_i64_u": "float", "f32.reinterpret_i32": "float",
    "f64.convert_i32_s": "double", "f64.convert_i32_u": "double", "f64.convert_i64_s": "double",
    "f64.convert_i64_u": "double", "f64.reinterpret_i64": "double", "f64.promote_f32": "double",
    "f32x4.convert_i32x4_s": V128, "f32x4.convert_i32x4_u": V128, "f64x2.promote_low_f32x4": V128,
    "f64x2.convert_low_i32x4_s": V128, "f64x2.convert_low_i32x4_u": V128,
}  # fmt: skip
"""Operators whose result LLVM may know, or know what it was -> the type of the result."""

SCALARS_INTO_LANES: Final = {
    "f32x4.splat": "float", "f64x2.splat": "double", "f32x4.replace_lane": "float", "f64x2.replace_lane": "double",
}  # fmt: skip
"""Operators whose last operand may be a constant that becomes one of a vector -> its type."""

DEMOTIONS: Final = {"f32.demote_f64": "float", "f32x4.demote_f64x2_zero": V128}


def arithmetic(f: FunctionTranslator, row: Template, type_: str, word: int, a: int, b: int) -> None:
    """An operation that LLVM drops for some constant operands."""
    stack = f.stack
    right = stack.pop()
    stack[-1] = f.template(row, opaque(f, type_, stack[-1]), opaque(f, type_, right))


def convert(f: FunctionTranslator, row: Template, type_: str, word: int, a: int, b: int) -> None:
    value = f.template(row, f.stack.pop())
    if f.fencing:
        value = fence(f, type_, value)
    else:
        f.promoted.add(value)
    f.stack.append(value)


def demote(f: FunctionTranslator, row: Template, type_: str, word: int, a: int, b: int) -> None:
    operand = f.stack.pop()
    value = f.template(row, operand)
    if operand in f.promoted:
        value = quiet(f, type_, value)
    f.stack.append(value)


def into_lane(f: FunctionTranslator, row: Template, type_: str, word: int, a: int, b: int) -> None:
    """A lane, or all of them, from a scalar."""
    scalar = opaque(f, type_, f.stack.pop())
    operands = (scalar,) if row.operands == 1 else (f.stack.pop(), scalar)
    f.stack.append(f.template(row, *operands, *[""] * (3 - len(operands)), str(word >> 24)))


def opaque(f: FunctionTranslator, type_: str, value: str) -> str:
    """The value, or if LLVM would make something of it the same behind a fence in the function's first block."""
    if not foldable(type_, value):
        return value
    found = f.fences.get((type_, value))
    if found is None:
        name = f"%fence{len(f.fences)}"
        suffix = FENCED[type_]
        if type_ == V128:
            f.head.append(f"{name}.in = bitcast {V128} {value} to <2 x double>")
            f.head.append(f"{name}.out = call <2 x double> @llvm.arithmetic.fence.v2f64(<2 x double> {name}.in)")
            f.head.append(f"{name} = bitcast <2 x double> {name}.out to {V128}")
        else:
            f.head.append(f"{name} = call {type_} @llvm.arithmetic.fence.{suffix}({type_} {value})")
        found = f.fences[type_, value] = name
    return found


def foldable(type_: str, value: str) -> bool:
    """Whether a value is a constant with which LLVM drops an operation."""
    if type_ != V128:
        return type_ in FENCED and value in ONES_AND_ZEROS
    if value[0] == "%":
        return False
    words = [int(word) & 0xFFFFFFFFFFFFFFFF for word in re.findall(r"i64 (-?\d+)", value)] or [0]
    lanes = unpack(f"<{2 * len(words)}I", pack(f"<{len(words)}Q", *words))
    return not _LANES_64.isdisjoint(words) or not _LANES_32.isdisjoint(lanes)


def fence(f: FunctionTranslator, type_: str, value: str) -> str:
    """The value, unknown to LLVM from here on."""
    return _through(f, "arithmetic.fence", type_, "<2 x double>", value)


def quiet(f: FunctionTranslator, type_: str, value: str) -> str:
    """The value, a signalling NaN made quiet; of vectors those of four lanes."""
    return _through(f, "canonicalize", type_, "<4 x float>", value)


def _through(f: FunctionTranslator, intrinsic: str, type_: str, lanes: str, value: str) -> str:
    """What an intrinsic makes of a value, of a v128 seen as `lanes`."""
    if type_ != V128:
        return f.let(f"call {type_} @llvm.{intrinsic}.{FENCED[type_]}({type_} {value})")
    suffix = "v2f64" if lanes == "<2 x double>" else "v4f32"
    value = f.let(f"bitcast {V128} {value} to {lanes}")
    value = f.let(f"call {lanes} @llvm.{intrinsic}.{suffix}({lanes} {value})")
    return f.let(f"bitcast {lanes} {value} to {V128}")


def hide_integers(f: FunctionTranslator, written: Sequence[int]) -> None:
    """Of the locals that a loop writes, hide the integers as they come in, by machine code that does nothing."""
    for local in written:
        type_ = f.local_types[local]
        if type_ in ("i32", "i64"):
            f.locals[local] = f.let(f'call {type_} asm "", "=r,0"({type_} {f.locals[local]})')
            f.kept = None
