"""Rules for comparisons, choices and what conditions are for: ``icmp``, ``fcmp``, ``select``, branches and traps.

A comparison is an i8 that is 0 or 1. WebAssembly makes an i32 of it, and asks whether that is 0: these rules take both
away again, by turning the comparison round.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.numbering import Numbering
from wasmer_clif_backend.ir.opcodes import (
    BXOR,
    F32CONST,
    F64CONST,
    FCMP,
    FLOAT_CONDITIONS,
    ICMP,
    ICONST,
    INTEGER_CONDITIONS,
    ISUB,
    SELECT,
    SEXTEND,
    UEXTEND,
)
from wasmer_clif_backend.ir.rule import rule
from wasmer_clif_backend.ir.rules.constants import compare, compare_floats
from wasmer_clif_backend.ir.rules.integer import extend
from wasmer_clif_backend.ir.types import I8, I64, VECTOR, bits_of
from wasmer_runtime_core.support.annotations import Final, i64

_CONSTANTS: Final = rule("(icmp.slt -1 1)", "1:i8")
_SWAP: Final = rule("(icmp.slt 5 x)", "(icmp.sgt x 5)")
_SELF: Final = rule("(icmp.uge x x)", "1:i8")
_NEVER_BELOW: Final = rule("(icmp.ult x 0)", "0:i8")
_IS_ZERO: Final = rule("(icmp.ult x 1)", "(icmp.eq x 0)")
_IS_NOT_ZERO: Final = rule("(icmp.ugt x 0)", "(icmp.ne x 0)")
_IN_BOUNDS: Final = rule("(icmp.ult (band x 15) 16)", "1:i8")
_TRUTH: Final = rule("(icmp.ne (uextend.i32 (icmp.slt x y)) 0)", "(icmp.slt x y)")
_UNTRUTH: Final = rule("(icmp.eq (uextend.i32 (icmp.slt x y)) 0)", "(icmp.sge x y)")
_FLOAT_UNTRUTH: Final = rule("(icmp.eq (fcmp.lt x:f64 y:f64) 0:i8)", "(fcmp.uge x:f64 y:f64)")
_NARROW: Final = rule("(icmp.eq (uextend.i32 (ireduce.i8 x)) 7)", "(icmp.eq (ireduce.i8 x) 7:i8)")
_NARROW_BOTH: Final = rule("(icmp.slt (uextend.i64 x) (uextend.i64 y))", "(icmp.ult x y)")
_EQUAL_DIFFERENCE: Final = rule("(icmp.eq (isub x y) 0)", "(icmp.eq x y)")
_FLOAT_CONSTANTS: Final = rule("(fcmp.lt 1.5:f64 2.5:f64)", "1:i8")
_SELECT_KNOWN: Final = rule("(select 1 x y)", "x")
_SELECT_SAME: Final = rule("(select z x x)", "x")
_SELECT_TRUTH: Final = rule("(select (icmp.eq x y) 1 0)", "(uextend.i32 (icmp.eq x y))")
_SELECT_UNTRUTH: Final = rule("(select (icmp.eq x y) 0 1)", "(uextend.i32 (icmp.ne x y))")
_SELECT_CONDITION: Final = rule("(select (uextend.i64 z) x y)", "(select z x y)")
_SELECT_COMPARED: Final = rule("(select (icmp.ne z 0) x y)", "(select z x y)")


def _numbers(words: tuple[str, ...], others: dict[str, str]) -> bytes:
    """By number of a condition: that of another one."""
    return bytes(words.index(others[name]) for name in words)


_PAIRS: Final = "eq ne slt sge ult uge sgt sle ugt ule"
_FLOAT_PAIRS: Final = "ord uno eq ne one ueq lt uge le ugt gt ule ge ult"


def _both_ways(text: str) -> dict[str, str]:
    words = text.split()
    pairs = list(zip(words[::2], words[1::2], strict=True))
    return dict(pairs) | {two: one for one, two in pairs}


SWAPPED: Final = _numbers(INTEGER_CONDITIONS, _both_ways("slt sgt ult ugt sle sge ule uge") | {"eq": "eq", "ne": "ne"})
"""By number of an integer condition: the one with the operands the other way round."""
INVERSE: Final = _numbers(INTEGER_CONDITIONS, _both_ways(_PAIRS))
"""By number of an integer condition: the one that holds where it does not."""
FLOAT_INVERSE: Final = _numbers(FLOAT_CONDITIONS, _both_ways(_FLOAT_PAIRS))
"""The same of a condition of floats."""
_UNSIGNED: Final = _numbers(
    INTEGER_CONDITIONS,
    {name: ("u" + name[1:] if name[0] == "s" else name) for name in INTEGER_CONDITIONS},
)

_EQ: Final[i64] = INTEGER_CONDITIONS.index("eq")
_NE: Final[i64] = INTEGER_CONDITIONS.index("ne")
_ULT: Final[i64] = INTEGER_CONDITIONS.index("ult")
_UGT: Final[i64] = INTEGER_CONDITIONS.index("ugt")
_ULE: Final[i64] = INTEGER_CONDITIONS.index("ule")
_UGE: Final[i64] = INTEGER_CONDITIONS.index("uge")
_HOLD_OF_EQUALS: Final = bytes(name in ("eq", "sle", "ule", "sge", "uge") for name in INTEGER_CONDITIONS)


def _truth(n: Numbering, holds: bool) -> i64:
    if holds:
        return n.integer(1, I8)
    return n.integer(0, I8)


def compare_integers(n: Numbering, condition: i64, x: i64, y: i64) -> i64:
    """``icmp`` of scalars."""
    f = n.function
    type = f.type[x]
    if f.opcode[x] == ICONST:
        if f.opcode[y] == ICONST:
            n.fired[_CONSTANTS] += 1
            return _truth(n, compare(condition, type, f.immediate[x], f.immediate[y]))
        n.fired[_SWAP] += 1
        x, y = y, x
        condition = SWAPPED[condition]
    if f.opcode[y] == ICONST:
        return _compare_constant(n, condition, x, y)
    if x == y:
        n.fired[_SELF] += 1
        return _truth(n, _HOLD_OF_EQUALS[condition] != 0)
    if f.opcode[x] == UEXTEND and f.opcode[y] == UEXTEND and f.type[f.a[x]] == f.type[f.a[y]]:
        n.fired[_NARROW_BOTH] += 1
        return compare_integers(n, _UNSIGNED[condition], f.a[x], f.a[y])
    return n.bounded(n.value(ICMP, I8, x, y, 0, condition), 1)


def _compare_constant(n: Numbering, condition: i64, x: i64, y: i64) -> i64:
    f = n.function
    type = f.type[x]
    k = f.immediate[y]
    inner = f.opcode[x]
    if k == 0:
        if condition == _ULT or condition == _UGE:
            n.fired[_NEVER_BELOW] += 1
            return _truth(n, condition == _UGE)
        if condition == _UGT:
            n.fired[_IS_NOT_ZERO] += 1
            condition = _NE
        elif condition == _ULE:
            condition = _EQ
    elif k == 1 and (condition == _ULT or condition == _UGE):
        n.fired[_IS_ZERO] += 1
        y = n.integer(0, type)
        k = 0
        if condition == _ULT:
            condition = _EQ
        else:
            condition = _NE
    if condition == _EQ or condition == _NE:
        if k == 0:
            c = x
            if inner == UEXTEND:
                c = f.a[x]
            if f.opcode[c] == ICMP or f.opcode[c] == FCMP:
                if f.type[f.a[c]] < VECTOR:
                    if condition == _NE:
                        n.fired[_TRUTH] += 1
                        return c
                    return inverse(n, c)
            if inner == ISUB or inner == BXOR:
                n.fired[_EQUAL_DIFFERENCE] += 1
                return compare_integers(n, condition, f.a[x], f.b[x])
    bound = n.upper(x)
    if bound >= 0 and k >= 0:
        if (condition == _ULT and bound < k) or (condition == _ULE and bound <= k):
            n.fired[_IN_BOUNDS] += 1
            return _truth(n, True)
        if (condition == _UGE and bound < k) or (condition == _UGT and bound <= k):
            n.fired[_IN_BOUNDS] += 1
            return _truth(n, False)
    if inner == UEXTEND and k >= 0:
        narrow = f.type[f.a[x]]
        width = bits_of(narrow)
        if k >> (width - 1) == 0:
            n.fired[_NARROW] += 1
            return compare_integers(n, _UNSIGNED[condition], f.a[x], n.integer(k, narrow))
    return n.bounded(n.value(ICMP, I8, x, y, 0, condition), 1)


def inverse(n: Numbering, c: i64) -> i64:
    """The comparison that holds where the comparison c of scalars does not."""
    f = n.function
    if f.opcode[c] == ICMP:
        n.fired[_UNTRUTH] += 1
        return compare_integers(n, INVERSE[f.immediate[c]], f.a[c], f.b[c])
    n.fired[_FLOAT_UNTRUTH] += 1
    return compare_scalar_floats(n, FLOAT_INVERSE[f.immediate[c]], f.a[c], f.b[c])


def compare_scalar_floats(n: Numbering, condition: i64, x: i64, y: i64) -> i64:
    """``fcmp`` of scalars."""
    f = n.function
    opcode = f.opcode[x]
    if f.opcode[y] == opcode and (opcode == F32CONST or opcode == F64CONST):
        n.fired[_FLOAT_CONSTANTS] += 1
        return _truth(n, compare_floats(condition, opcode, f.immediate[x], f.immediate[y]))
    return n.bounded(n.value(FCMP, I8, x, y, 0, condition), 1)


def condition_of(n: Numbering, c: i64) -> i64:
    """The simplest value that is 0 where c is."""
    f = n.function
    while True:
        opcode = f.opcode[c]
        if opcode == UEXTEND or opcode == SEXTEND:
            n.fired[_SELECT_CONDITION] += 1
        elif opcode == ICMP and f.immediate[c] == _NE and f.opcode[f.b[c]] == ICONST and f.immediate[f.b[c]] == 0:
            n.fired[_SELECT_COMPARED] += 1
        else:
            return c
        c = f.a[c]


def select(n: Numbering, type: i64, c: i64, x: i64, y: i64) -> i64:
    """``select``."""
    f = n.function
    if x == y:
        n.fired[_SELECT_SAME] += 1
        return x
    c = condition_of(n, c)
    if f.opcode[c] == ICONST:
        n.fired[_SELECT_KNOWN] += 1
        if f.immediate[c]:
            return x
        return y
    if f.opcode[x] == ICONST and f.opcode[y] == ICONST and (f.opcode[c] == ICMP or f.opcode[c] == FCMP):
        if f.type[f.a[c]] < VECTOR and f.immediate[x] + f.immediate[y] == 1:
            if f.immediate[x] == 1:
                n.fired[_SELECT_TRUTH] += 1
                return _widened(n, type, c)
            if f.immediate[y] == 1:
                n.fired[_SELECT_UNTRUTH] += 1
                return _widened(n, type, inverse(n, c))
    v = n.value(SELECT, type, c, x, y)
    if type <= I64:
        one = n.upper(x)
        two = n.upper(y)
        if one >= 0 and two >= 0:
            if two > one:
                one = two
            n.bounded(v, one)
    return v


def _widened(n: Numbering, type: i64, c: i64) -> i64:
    if type == I8:
        return c
    return extend(n, UEXTEND, type, c)
