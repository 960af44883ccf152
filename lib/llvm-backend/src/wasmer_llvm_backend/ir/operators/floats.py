"""Floats, exactly: what LLVM would fold and must not (specification, sections 4.3.3 and 4.4.4).

Constants are put behind fences (`fences`) where arithmetic meets them, where they join other values (in a phi, a
``select``, an argument or result), and so is what is converted from an integer, which LLVM might know once it has
unrolled a loop. What has no other operands than constants gets a fence before one of them, whatever constants these
are, for the result may be another one: the product of two small numbers is 0.

A copy of a loop that is meant to be vectorised has no fences inside, since they would be in the way.
There the integers that it steps are hidden instead, as they come in.

One hole is left, and documented: a vector of floats that integer operators make of constants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.ir.fences import fenced
from wasmer_llvm_backend.ir.templates import V128, Template
from wasmer_llvm_backend.module_text import FENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmer_llvm_backend.ir.function import FunctionState

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

OF_CONSTANTS: Final = {
    f"{shape}.{name}": type_
    for shape, type_ in (("f32", "float"), ("f64", "double"), ("f32x4", V128), ("f64x2", V128))
    for name in (
        *("abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"),
        *(("copysign",) if type_ != V128 else ("pmin", "pmax", "relaxed_min", "relaxed_max", "extract_lane")),
    )
}  # fmt: skip
"""Operators that give a float LLVM knows if it knows their first operand -> the type of that."""

DEMOTIONS: Final = {"f32.demote_f64": "float", "f32x4.demote_f64x2_zero": V128}
SUFFIXES: Final = {"float": "f32", "double": "f64"}
"""Of LLVM's intrinsics, by type."""
WIDE: Final = {"float": "double", V128: V128}
"""What is demoted, by what it becomes."""


def arithmetic(f: FunctionState, row: Template, type_: str, word: int, a: int, b: int) -> None:
    """An operation that LLVM drops for some constant operands."""
    stack = f.stack
    right = stack.pop()
    left = f.opaque(type_, stack[-1])
    stack[-1] = f.template(row, f.hidden(type_, left) if f.is_constant(right) else left, f.opaque(type_, right))


def multiply_add(f: FunctionState, row: Template, type_: str, word: int, a: int, b: int) -> None:
    """Two such operations in one."""
    stack = f.stack
    third = stack.pop()
    second = stack.pop()
    first = f.opaque(type_, stack[-1])
    if f.is_constant(second):
        first = f.hidden(type_, first)  # a product, which is added
    stack[-1] = f.template(row, first, f.opaque(type_, second), f.opaque(type_, third))


def of_constants(f: FunctionState, row: Template, type_: str, word: int, a: int, b: int) -> None:
    """An operation whose result LLVM must not know."""
    stack = f.stack
    right = [stack.pop()] if row.operands == 2 else []
    operands = [f.hidden(type_, stack.pop()), *right]
    stack.append(f.template(row, *operands, *[""] * (3 - len(operands)), str(word >> 24)))


def convert(f: FunctionState, row: Template, type_: str, word: int, a: int, b: int) -> None:
    operand = f.stack.pop()
    value = f.template(row, operand)
    if operand[0] != "%":
        value = f.let(fenced(type_, value))
    elif f.fencing:
        value = fence(f, type_, value)
    else:
        f.promoted.add(value)
    f.stack.append(value)


def demote(f: FunctionState, row: Template, type_: str, word: int, a: int, b: int) -> None:
    operand = f.hidden(WIDE[type_], f.stack.pop())
    value = f.template(row, operand)
    if operand in f.promoted:
        value = quiet(f, type_, value)
    f.stack.append(value)


def into_lane(f: FunctionState, row: Template, type_: str, word: int, a: int, b: int) -> None:
    """A lane, or all of them, from a scalar."""
    scalar = f.opaque(type_, f.stack.pop())
    operands = (scalar,) if row.operands == 1 else (f.stack.pop(), scalar)
    f.stack.append(f.template(row, *operands, *[""] * (3 - len(operands)), str(word >> 24)))
    if scalar[0] != "%" and (row.operands == 1 or f.is_constant(operands[0])):
        f.constants.add(f.stack[-1])


def fence(f: FunctionState, type_: str, value: str) -> str:
    """The value, no constant for LLVM from here on. It sees through this whether it is a zero."""
    return _through(f, "arithmetic.fence", type_, "<2 x double>", value)


def quiet(f: FunctionState, type_: str, value: str) -> str:
    """The value, a signalling NaN made quiet; of vectors those of four lanes."""
    return _through(f, "canonicalize", type_, "<4 x float>", value)


def _through(f: FunctionState, intrinsic: str, type_: str, lanes: str, value: str) -> str:
    """What an intrinsic makes of a value, of a v128 seen as `lanes`."""
    if type_ != V128:
        return f.let(f"call {type_} @llvm.{intrinsic}.{SUFFIXES[type_]}({type_} {value})")
    suffix = "v2f64" if lanes == "<2 x double>" else "v4f32"
    value = f.let(f"bitcast {V128} {value} to {lanes}")
    value = f.let(f"call {lanes} @llvm.{intrinsic}.{suffix}({lanes} {value})")
    return f.let(f"bitcast {lanes} {value} to {V128}")


def hide_integers(f: FunctionState, written: Sequence[int]) -> None:
    """Of the locals that a loop writes, hide the integers as they come in, by machine code that does nothing."""
    for local in written:
        type_ = f.local_types[local]
        if type_ in ("i32", "i64"):
            f.locals[local] = f.let(f'call {type_} asm "", "=r,0"({type_} {f.locals[local]}) {FENCE}')
            f.kept = None
