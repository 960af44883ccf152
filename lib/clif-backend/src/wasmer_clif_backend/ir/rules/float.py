"""Rules for floats, and for bits as another type.

Only what keeps every bit, of NaNs too: signs are single bits, and a sum or product of constants stays as it is.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.numbering import Numbering
from wasmer_clif_backend.ir.opcodes import BITCAST, F32CONST, F64CONST, FABS, FCOPYSIGN, FNEG, ICONST, LITTLE, VCONST
from wasmer_clif_backend.ir.rule import rule
from wasmer_clif_backend.ir.rules.constants import sign_of, signed, with_sign
from wasmer_clif_backend.ir.types import F32, F64, I32
from wasmer_runtime_core.support.annotations import Final, i64

_NEGATE_CONSTANT: Final = rule("(fneg 1.5:f64)", "-1.5:f64")
_NEGATE_AGAIN: Final = rule("(fneg (fneg x:f64))", "x:f64")
_MAGNITUDE_CONSTANT: Final = rule("(fabs -1.5:f64)", "1.5:f64")
_MAGNITUDE_OF_SIGN: Final = rule("(fabs (fneg x:f64))", "(fabs x:f64)")
_SIGN_CONSTANT: Final = rule("(fcopysign x:f64 -1.5:f64)", "(fneg (fabs x:f64))")
_SIGN_POSITIVE: Final = rule("(fcopysign x:f64 1.5:f64)", "(fabs x:f64)")
_BITS_CONSTANT: Final = rule("(bitcast.i32 1.5:f32)", "1069547520")
_BITS_AGAIN: Final = rule("(bitcast.i64 (bitcast.f64 x:i64))", "x:i64")
_LANES_CONSTANT: Final = rule("(bitcast.i32x4 7:i8x16)", "7:i32x4")
_BITS_SAME: Final = rule("(bitcast.i64 x:i64)", "x:i64")


def signs(n: Numbering, opcode: i64, type: i64, x: i64, y: i64) -> i64:
    """``fneg``, ``fabs``, ``fcopysign`` of scalars."""
    f = n.function
    inner = f.opcode[x]
    if opcode == FCOPYSIGN:
        if f.opcode[y] == F32CONST or f.opcode[y] == F64CONST:
            magnitude = signs(n, FABS, type, x, 0)
            if sign_of(type, f.immediate[y]):
                n.fired[_SIGN_CONSTANT] += 1
                return signs(n, FNEG, type, magnitude, 0)
            n.fired[_SIGN_POSITIVE] += 1
            return magnitude
        return n.value(opcode, type, x, y)
    while opcode == FABS and (inner == FNEG or inner == FABS or inner == FCOPYSIGN):
        n.fired[_MAGNITUDE_OF_SIGN] += 1
        x = f.a[x]  # of a sign of a sign, too: as many may stand in one another as a function has
        inner = f.opcode[x]
    if inner == F32CONST or inner == F64CONST:
        value = f.immediate[x]
        if opcode == FNEG:
            n.fired[_NEGATE_CONSTANT] += 1
            return n.value(inner, type, 0, 0, 0, i64(with_sign(type, value, not sign_of(type, value))))
        n.fired[_MAGNITUDE_CONSTANT] += 1
        return n.value(inner, type, 0, 0, 0, i64(with_sign(type, value, False)))
    if opcode == FNEG and inner == FNEG:
        n.fired[_NEGATE_AGAIN] += 1
        return f.a[x]
    return n.value(opcode, type, x)


def bitcast(n: Numbering, type: i64, x: i64, flags: i64) -> i64:
    """``bitcast``: lanes have the order of bytes that the flags say, so only casts that agree are one."""
    f = n.function
    if f.type[x] == type:
        n.fired[_BITS_SAME] += 1
        return x
    inner = f.opcode[x]
    if inner == BITCAST and f.extra[x] == flags:
        n.fired[_BITS_AGAIN] += 1
        return bitcast(n, type, f.a[x], flags)
    if inner == VCONST and flags == LITTLE:
        n.fired[_LANES_CONSTANT] += 1
        return n.value(VCONST, type, 0, 0, 0, f.immediate[x])
    if inner == F32CONST and type == I32:
        n.fired[_BITS_CONSTANT] += 1
        return n.integer(i64(signed(int(f.immediate[x]), 32)), I32)
    if inner == F64CONST and type < F32:
        n.fired[_BITS_CONSTANT] += 1
        return n.integer(f.immediate[x], type)
    if inner == ICONST and type == F32:
        n.fired[_BITS_CONSTANT] += 1
        return n.value(F32CONST, F32, 0, 0, 0, f.immediate[x] & 0xFFFF_FFFF)
    if inner == ICONST and type == F64:
        n.fired[_BITS_CONSTANT] += 1
        return n.value(F64CONST, F64, 0, 0, 0, f.immediate[x])
    return n.value(BITCAST, type, x, 0, 0, 0, flags)
