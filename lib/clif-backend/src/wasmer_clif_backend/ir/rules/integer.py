"""Rules for arithmetic, bits, shifts and widths of integers.

Every function takes the operands of one opcode, or of a family, and gives the value: a simpler one, or that very
instruction, numbered. Rules are tried from the top. Constants stand on the right.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.numbering import Numbering
from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BOR,
    BXOR,
    CLZ,
    CTZ,
    IADD,
    ICONST,
    IMUL,
    IREDUCE,
    ISHL,
    ISUB,
    POPCNT,
    ROTL,
    ROTR,
    SDIV,
    SEXTEND,
    SREM,
    SSHR,
    UDIV,
    UEXTEND,
    UREM,
    USHR,
)
from wasmer_clif_backend.ir.rule import rule
from wasmer_clif_backend.ir.rules.constants import binary, signed, unary, unsigned
from wasmer_clif_backend.ir.types import I8, I16, I32, I64, bits_of, most_of
from wasmer_runtime_core.support.annotations import Final, i64

_CONSTANTS: Final = rule("(iadd (imul 6 7) 100)", "142")
_ADD_ZERO: Final = rule("(iadd x 0)", "x")
_ADD_AGAIN: Final = rule("(iadd (iadd x 5) 7)", "(iadd x 12)")
_SUB_SELF: Final = rule("(isub x x)", "0")
_SUB_CONSTANT: Final = rule("(isub x 5)", "(iadd x -5)")
_SUB_SUM: Final = rule("(isub (iadd x y) y)", "x")
_MUL_ZERO: Final = rule("(imul x 0)", "0")
_MUL_ONE: Final = rule("(imul x 1)", "x")
_MUL_POWER: Final = rule("(imul x 8)", "(ishl x 3)")
_AND_ZERO: Final = rule("(band x 0)", "0")
_AND_ALL: Final = rule("(band (ushr x 24) 255)", "(ushr x 24)")
_AND_SELF: Final = rule("(band x x)", "x")
_AND_AGAIN: Final = rule("(band (band x 252) 63)", "(band x 60)")
_OR_ZERO: Final = rule("(bor x 0)", "x")
_OR_ALL: Final = rule("(bor x -1)", "-1")
_OR_SELF: Final = rule("(bor x x)", "x")
_OR_AGAIN: Final = rule("(bor (bor x 12) 3)", "(bor x 15)")
_XOR_ZERO: Final = rule("(bxor x 0)", "x")
_XOR_SELF: Final = rule("(bxor x x)", "0")
_XOR_AGAIN: Final = rule("(bxor (bxor x 12) 5)", "(bxor x 9)")
_SHIFT_ZERO: Final = rule("(ishl x 32)", "x")
_SHIFT_ALL: Final = rule("(ushr (band x 15) 4)", "0")
_SHIFT_AGAIN: Final = rule("(ushr (ushr x 3) 4)", "(ushr x 7)")
_SHIFT_MASKED: Final = rule("(ishl x (band y 31))", "(ishl x y)")
_SHIFT_WIDENED: Final = rule("(ishl.i64 x:i64 (uextend.i64 y))", "(ishl.i64 x:i64 y)")
_SHIFT_BACK: Final = rule("(ushr (ishl x 24) 24)", "(band x 255)")
_SIGN_BACK: Final = rule("(sshr (ishl x 24) 24)", "(sextend.i32 (ireduce.i8 x))")
_DIV_ONE: Final = rule("(udiv x 1)", "x")
_DIV_POWER: Final = rule("(udiv x 8)", "(ushr x 3)")
_REM_POWER: Final = rule("(urem x 8)", "(band x 7)")
_EXTEND_CONSTANT: Final = rule("(uextend.i64 -1)", "4294967295:i64")
_EXTEND_AGAIN: Final = rule("(uextend.i64 (uextend.i32 (ireduce.i8 x)))", "(uextend.i64 (ireduce.i8 x))")
_SIGN_AGAIN: Final = rule("(sextend.i64 (sextend.i32 (ireduce.i8 x)))", "(sextend.i64 (ireduce.i8 x))")
_SIGN_CLEAR: Final = rule("(sextend.i64 (ushr x 1))", "(uextend.i64 (ushr x 1))")
_EXTEND_SUM: Final = rule("(uextend.i64 (iadd (band x 255) 4))", "(iadd.i64 (uextend.i64 (band x 255)) 4:i64)")
_EXTEND_REDUCED: Final = rule("(uextend.i32 (ireduce.i8 (band x 15)))", "(band x 15)")
_REDUCE_CONSTANT: Final = rule("(ireduce.i8 511)", "-1:i8")
_REDUCE_AGAIN: Final = rule("(ireduce.i8 (ireduce.i16 x))", "(ireduce.i8 x)")
_REDUCE_EXTENDED: Final = rule("(ireduce.i32 (uextend.i64 x))", "x")
_REDUCE_WIDENED: Final = rule("(ireduce.i16 (uextend.i64 x))", "(ireduce.i16 x)")
_REDUCE_LESS: Final = rule("(ireduce.i32 (sextend.i64 (ireduce.i8 x)))", "(sextend.i32 (ireduce.i8 x))")


def _constant(n: Numbering, value: int, type: i64) -> i64:
    return n.integer(i64(value), type)


def _ones(bound: i64) -> i64:
    """The least mask of ones that covers a number, which is not negative."""
    bound |= bound >> 1
    bound |= bound >> 2
    bound |= bound >> 4
    bound |= bound >> 8
    bound |= bound >> 16
    return bound | (bound >> 32)


def _power(k: i64) -> i64:
    """Of which power of two a positive number is; -1: of none."""
    if k <= 0 or k & (k - 1):
        return -1
    at: i64 = 0
    while k > 1:
        k >>= 1
        at += 1
    return at


def arithmetic(n: Numbering, opcode: i64, type: i64, x: i64, y: i64) -> i64:
    """``iadd``, ``isub``, ``imul``, ``band``, ``bor``, ``bxor`` of scalars."""
    f = n.function
    if f.opcode[x] == ICONST and opcode != ISUB:
        if f.opcode[y] != ICONST:
            x, y = y, x
    if f.opcode[y] == ICONST:
        k = f.immediate[y]
        if f.opcode[x] == ICONST:
            found = binary(opcode, type, f.immediate[x], k)
            if found is not None:
                n.fired[_CONSTANTS] += 1
                return _constant(n, found, type)
        if opcode == IADD:
            return _add_constant(n, type, x, y, k)
        if opcode == ISUB:
            n.fired[_SUB_CONSTANT] += 1
            negative = _constant(n, signed(-int(k), int(bits_of(type))), type)
            return _add_constant(n, type, x, negative, f.immediate[negative])
        if opcode == BAND:
            return _and_constant(n, type, x, y, k)
        if opcode == IMUL:
            if k == 0:
                n.fired[_MUL_ZERO] += 1
                return y
            if k == 1:
                n.fired[_MUL_ONE] += 1
                return x
            power = _power(k)
            if power > 0:
                n.fired[_MUL_POWER] += 1
                return shift(n, ISHL, type, x, n.integer(power, I32))
        elif opcode == BOR:
            if k == 0:
                n.fired[_OR_ZERO] += 1
                return x
            if k == -1:
                n.fired[_OR_ALL] += 1
                return y
            if f.opcode[x] == BOR and f.opcode[f.b[x]] == ICONST:
                n.fired[_OR_AGAIN] += 1
                k |= f.immediate[f.b[x]]
                return arithmetic(n, BOR, type, f.a[x], n.integer(k, type))
        elif opcode == BXOR:
            if k == 0:
                n.fired[_XOR_ZERO] += 1
                return x
            if f.opcode[x] == BXOR and f.opcode[f.b[x]] == ICONST:
                n.fired[_XOR_AGAIN] += 1
                k ^= f.immediate[f.b[x]]
                return arithmetic(n, BXOR, type, f.a[x], n.integer(k, type))
    elif x == y and opcode != IADD and opcode != IMUL:
        if opcode == BAND:
            n.fired[_AND_SELF] += 1
            return x
        if opcode == BOR:
            n.fired[_OR_SELF] += 1
            return x
        n.fired[_SUB_SELF if opcode == ISUB else _XOR_SELF] += 1
        return n.integer(0, type)
    elif opcode == ISUB and f.opcode[x] == IADD and f.b[x] == y:
        n.fired[_SUB_SUM] += 1
        return f.a[x]
    v = n.value(opcode, type, x, y)
    if opcode == BOR or opcode == BXOR:
        one = n.upper(x)
        two = n.upper(y)
        if one >= 0 and two >= 0:
            n.bounded(v, _ones(one | two))
    elif opcode == BAND:
        one = n.upper(x)
        two = n.upper(y)
        n.bounded(v, two if one < 0 or (two >= 0 and two < one) else one)
    return v


def _add_constant(n: Numbering, type: i64, x: i64, y: i64, k: i64) -> i64:
    f = n.function
    if k == 0:
        n.fired[_ADD_ZERO] += 1
        return x
    if f.opcode[x] == IADD and f.opcode[f.b[x]] == ICONST:
        n.fired[_ADD_AGAIN] += 1
        found = binary(IADD, type, k, f.immediate[f.b[x]])
        k = 0
        if found is not None:
            k = found
        if k == 0:
            return f.a[x]
        return n.value(IADD, type, f.a[x], n.integer(k, type))
    v = n.value(IADD, type, x, y)
    bound = n.upper(x)
    if k > 0 and bound >= 0 and bound <= 0x7FFF_FFFF:
        most = bound + k
        if k <= 0x7FFF_FFFF and (type >= I32 or most <= 0x7F):
            n.bounded(v, most)
    return v


def _and_constant(n: Numbering, type: i64, x: i64, y: i64, k: i64) -> i64:
    f = n.function
    if k == 0:
        n.fired[_AND_ZERO] += 1
        return y
    bound = n.upper(x)
    if k == -1 or (bound >= 0 and k & _ones(bound) == _ones(bound)):
        n.fired[_AND_ALL] += 1
        return x
    if f.opcode[x] == BAND and f.opcode[f.b[x]] == ICONST:
        n.fired[_AND_AGAIN] += 1
        k &= f.immediate[f.b[x]]
        return arithmetic(n, BAND, type, f.a[x], n.integer(k, type))
    v = n.value(BAND, type, x, y)
    if k >= 0 and (bound < 0 or k < bound):
        bound = k
    return n.bounded(v, bound)


def shift(n: Numbering, opcode: i64, type: i64, x: i64, by: i64) -> i64:
    """``ishl``, ``ushr``, ``sshr``, ``rotl``, ``rotr`` of scalars."""
    f = n.function
    bits = bits_of(type)
    if f.opcode[by] == ICONST:
        k = f.immediate[by] & (bits - 1)
        if k == 0:
            n.fired[_SHIFT_ZERO] += 1
            return x
        if f.opcode[x] == ICONST:
            found = binary(opcode, type, f.immediate[x], k)
            if found is not None:
                n.fired[_CONSTANTS] += 1
                return _constant(n, found, type)
        return _shift_by(n, opcode, type, x, k)
    while True:
        # What is above the bits of the number says nothing.
        row = f.opcode[by]
        if row == BAND and f.opcode[f.b[by]] == ICONST and f.immediate[f.b[by]] & (bits - 1) == bits - 1:
            n.fired[_SHIFT_MASKED] += 1
        elif row == UEXTEND or row == SEXTEND:
            n.fired[_SHIFT_WIDENED] += 1
        else:
            break
        by = f.a[by]
    return n.value(opcode, type, x, by)


def _shift_by(n: Numbering, opcode: i64, type: i64, x: i64, k: i64) -> i64:
    """By a constant from 1 to the number of bits less 1."""
    f = n.function
    bits = bits_of(type)
    inner = f.opcode[x]
    before: i64 = 0
    if inner == ISHL or inner == USHR or inner == SSHR:
        if f.opcode[f.b[x]] == ICONST:
            before = f.immediate[f.b[x]] & (bits - 1)
    if before and inner == opcode:
        if before + k < bits:
            n.fired[_SHIFT_AGAIN] += 1
            return _shift_by(n, opcode, type, f.a[x], before + k)
    elif before == k and inner == ISHL:
        if opcode == USHR:
            n.fired[_SHIFT_BACK] += 1
            return arithmetic(n, BAND, type, f.a[x], _constant(n, (1 << int(bits - k)) - 1, type))
        if opcode == SSHR and (bits - k == 8 or bits - k == 16 or bits - k == 32):
            n.fired[_SIGN_BACK] += 1
            narrow: i64 = I8
            if bits - k == 16:
                narrow = I16
            elif bits - k == 32:
                narrow = I32
            return extend(n, SEXTEND, type, reduce(n, narrow, f.a[x]))
    v = n.value(opcode, type, x, n.integer(k, I32))
    bound = n.upper(x)
    if opcode == USHR:
        if bound >= 0:
            if bound >> k == 0:
                n.fired[_SHIFT_ALL] += 1
                return n.integer(0, type)
            return n.bounded(v, bound >> k)
        if k > 1:
            most: i64 = 1
            most <<= 64 - k
            n.bounded(v, most - 1)
        return v
    if opcode == ISHL and bound >= 0 and k < 32 and bound <= 0x3FFF_FFFF:
        shifted = bound << k
        if type == I64 or (type == I32 and shifted <= 0xFFFF_FFFF):
            return n.bounded(v, shifted)
    return v


def divide(n: Numbering, opcode: i64, type: i64, x: i64, y: i64) -> i64:
    """``udiv``, ``sdiv``, ``urem``, ``srem``."""
    f = n.function
    if f.opcode[y] == ICONST:
        k = f.immediate[y]
        if f.opcode[x] == ICONST:
            found = binary(opcode, type, f.immediate[x], k)
            if found is not None:
                n.fired[_CONSTANTS] += 1
                return _constant(n, found, type)
        if k == 1 and (opcode == UDIV or opcode == SDIV):
            n.fired[_DIV_ONE] += 1
            return x
        power = _power(k)
        if power > 0 and opcode == UDIV:
            n.fired[_DIV_POWER] += 1
            return shift(n, USHR, type, x, n.integer(power, I32))
        if power >= 0 and opcode == UREM:
            n.fired[_REM_POWER] += 1
            return arithmetic(n, BAND, type, x, n.integer(k - 1, type))
        v = n.value(opcode, type, x, y)
        if k > 0:
            if opcode == UREM:
                n.bounded(v, k - 1)
            elif opcode == UDIV and n.upper(x) >= 0:
                n.bounded(v, n.upper(x) // k)
        return v
    return n.value(opcode, type, x, y)


def bits(n: Numbering, opcode: i64, type: i64, x: i64) -> i64:
    """``clz``, ``ctz``, ``popcnt``, ``ineg``, ``bnot``, and others of one operand, of scalars."""
    f = n.function
    if f.opcode[x] == ICONST:
        found = unary(opcode, type, f.immediate[x])
        if found is not None:
            n.fired[_CONSTANTS] += 1
            return _constant(n, found, type)
    v = n.value(opcode, type, x)
    if opcode == CLZ or opcode == CTZ or opcode == POPCNT:
        return n.bounded(v, bits_of(type))
    return v


def extend(n: Numbering, opcode: i64, type: i64, x: i64) -> i64:
    """``uextend``, ``sextend``."""
    f = n.function
    inner = f.opcode[x]
    narrow = f.type[x]
    if inner == ICONST:
        n.fired[_EXTEND_CONSTANT] += 1
        if opcode == SEXTEND:
            return n.integer(f.immediate[x], type)
        return _constant(n, unsigned(int(f.immediate[x]), int(bits_of(narrow))), type)
    if inner == UEXTEND:
        n.fired[_EXTEND_AGAIN] += 1
        return extend(n, UEXTEND, type, f.a[x])
    bound = n.upper(x)
    most = most_of(narrow)
    if opcode == SEXTEND:
        if inner == SEXTEND:
            n.fired[_SIGN_AGAIN] += 1
            return n.value(SEXTEND, type, f.a[x])
        if bound > most >> 1:
            return n.value(SEXTEND, type, x)
        n.fired[_SIGN_CLEAR] += 1
    if inner == IADD and f.opcode[f.b[x]] == ICONST:
        k = f.immediate[f.b[x]]
        below = n.upper(f.a[x])
        if k > 0 and below >= 0 and below + k <= most:
            n.fired[_EXTEND_SUM] += 1
            return _add_constant(n, type, extend(n, UEXTEND, type, f.a[x]), n.integer(k, type), k)
    if inner == IREDUCE and f.type[f.a[x]] == type:
        wide = n.upper(f.a[x])
        if wide >= 0 and wide <= most:
            n.fired[_EXTEND_REDUCED] += 1
            return f.a[x]
    return n.bounded(n.value(UEXTEND, type, x), bound)


def reduce(n: Numbering, type: i64, x: i64) -> i64:
    """``ireduce``."""
    f = n.function
    inner = f.opcode[x]
    if inner == ICONST:
        n.fired[_REDUCE_CONSTANT] += 1
        return _constant(n, signed(int(f.immediate[x]), int(bits_of(type))), type)
    if inner == IREDUCE:
        n.fired[_REDUCE_AGAIN] += 1
        return reduce(n, type, f.a[x])
    if inner == UEXTEND or inner == SEXTEND:
        below = f.type[f.a[x]]
        if below == type:
            n.fired[_REDUCE_EXTENDED] += 1
            return f.a[x]
        if below > type:
            n.fired[_REDUCE_WIDENED] += 1
            return reduce(n, type, f.a[x])
        n.fired[_REDUCE_LESS] += 1
        return extend(n, inner, type, f.a[x])
    v = n.value(IREDUCE, type, x)
    bound = n.upper(x)
    if bound >= 0 and bound <= most_of(type):
        n.bounded(v, bound)
    return v


ARITHMETIC: Final = (IADD, ISUB, IMUL, BAND, BOR, BXOR)
SHIFTS: Final = (ISHL, USHR, SSHR, ROTL, ROTR)
DIVISIONS: Final = (UDIV, SDIV, UREM, SREM)
