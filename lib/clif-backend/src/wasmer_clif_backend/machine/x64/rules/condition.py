"""Conditions: comparisons that go into flags, and what reads them.

A comparison of floats may take two flags: ``eq`` is *equal and not unordered*, ``ne`` its opposite. So a
condition is up to two of the machine's, and whether both must hold or one is enough.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from wasmer_clif_backend.ir.opcodes import FCMP, FLOAT_CONDITIONS, ICMP, INTEGER_CONDITIONS
from wasmer_clif_backend.ir.types import F32, I8, I16, I32, I64, VECTOR
from wasmer_clif_backend.machine.code import GENERAL, NO_REGISTER, RM_WRITTEN
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import REG
from wasmer_runtime_core.codegen.x64.registers import (
    ABOVE,
    ABOVE_OR_EQUAL,
    BELOW,
    BELOW_OR_EQUAL,
    EQUAL,
    GREATER,
    GREATER_OR_EQUAL,
    LESS,
    LESS_OR_EQUAL,
    NOT_EQUAL,
    NOT_PARITY,
    PARITY,
)

CMOV32: Final[i64] = forms.CMOVCC_R32_RM32.number
CMOV64: Final[i64] = forms.CMOVCC_R64_RM64.number
SETCC: Final[i64] = forms.SETCC_RM8.number
_AND: Final[i64] = forms.AND_R32_RM32.number
_OR: Final[i64] = forms.OR_R32_RM32.number

# By type of integers: compare registers, with an 8-bit and with a wider immediate, test.
_COMPARE: Final = {
    I8: (forms.CMP_R8_RM8.number, forms.CMP_RM8_IMM8.number, forms.CMP_RM8_IMM8.number, forms.TEST_RM8_R8.number),
    I16: (
        *(forms.CMP_R16_RM16.number, forms.CMP_RM16_IMM8.number),
        *(forms.CMP_RM16_IMM16.number, forms.TEST_RM16_R16.number),
    ),
    I32: (
        *(forms.CMP_R32_RM32.number, forms.CMP_RM32_IMM8.number),
        *(forms.CMP_RM32_IMM32.number, forms.TEST_RM32_R32.number),
    ),
    I64: (
        *(forms.CMP_R64_RM64.number, forms.CMP_RM64_IMM8.number),
        *(forms.CMP_RM64_IMM32.number, forms.TEST_RM64_R64.number),
    ),
}
_UCOMISS: Final[i64] = forms.VUCOMISS_XMM_XM32.number
_UCOMISD: Final[i64] = forms.VUCOMISD_XMM_XM64.number

_INTEGER: Final = {
    "eq": EQUAL,
    "ne": NOT_EQUAL,
    "slt": LESS,
    "ult": BELOW,
    "sgt": GREATER,
    "ugt": ABOVE,
    "sle": LESS_OR_EQUAL,
    "ule": BELOW_OR_EQUAL,
    "sge": GREATER_OR_EQUAL,
    "uge": ABOVE_OR_EQUAL,
}
INTEGER: Final = [_INTEGER[name] for name in INTEGER_CONDITIONS]
"""By number of the integer condition: the machine's."""
SWAPPED: Final = [0, 1, 4, 5, 2, 3, 8, 9, 6, 7]
"""By number of the integer condition: the one with the operands the other way round."""

# After ucomis a, b: CF if a < b or unordered, ZF if equal or unordered, PF if unordered.
# (swap the operands, first condition, second, both must hold)
_FLOAT: Final = {
    "ord": (False, NOT_PARITY, -1, False),
    "uno": (False, PARITY, -1, False),
    "eq": (False, EQUAL, NOT_PARITY, True),
    "ne": (False, NOT_EQUAL, PARITY, False),
    "one": (False, NOT_EQUAL, -1, False),
    "ueq": (False, EQUAL, -1, False),
    "lt": (True, ABOVE, -1, False),
    "le": (True, ABOVE_OR_EQUAL, -1, False),
    "gt": (False, ABOVE, -1, False),
    "ge": (False, ABOVE_OR_EQUAL, -1, False),
    "ult": (False, BELOW, -1, False),
    "ule": (False, BELOW_OR_EQUAL, -1, False),
    "ugt": (True, BELOW, -1, False),
    "uge": (True, BELOW_OR_EQUAL, -1, False),
}
_FLOAT_ROWS: Final = [_FLOAT[name] for name in FLOAT_CONDITIONS]


@final
class Condition:
    """One or two conditions of the machine, by number; `second` is -1 if there is one."""

    def __init__(self, first: int, second: int = -1, both: bool = False) -> None:
        self.first = first
        self.second = second
        self.both = both


def compare_integers(lowering: Lowering, type: i64, x: i64, y: i64) -> None:
    """``cmp`` of two registers."""
    lowering.compare(_COMPARE[int(type)][0], x, y)


def condition(lowering: Lowering, c: i64) -> Condition:
    """Write what sets the flags for a value that is a condition: its own comparison, or a test for zero."""
    f = lowering.function
    opcode = f.opcode[c]
    if (opcode == ICMP or opcode == FCMP) and f.type[f.a[c]] < VECTOR and _is_for_once(lowering, c):
        return comparison(lowering, c)
    r = lowering.use(c)
    lowering.compare(_COMPARE[int(f.type[c])][3], r, r)
    return Condition(NOT_EQUAL)


def comparison(lowering: Lowering, c: i64) -> Condition:
    """Write the comparison of scalars that a value is."""
    return _integers(lowering, c) if lowering.function.opcode[c] == ICMP else _floats(lowering, c)


def _is_for_once(lowering: Lowering, c: i64) -> bool:
    """Whether a comparison may be made where its flags are wanted: nothing else wants it as a number."""
    return lowering.function.uses[c] <= 1 or lowering.wanted[c] == 0


def _integers(lowering: Lowering, c: i64) -> Condition:
    f = lowering.function
    x = f.a[c]
    y = f.b[c]
    number = int(f.immediate[c])
    if lowering.is_constant(x) and not lowering.is_constant(y):
        x, y = y, x
        number = SWAPPED[number]
    type = int(f.type[x])
    row = _COMPARE[type]
    if lowering.fits(y):
        n = lowering.constant_of(y)
        r = lowering.use(x)
        if n == 0:
            lowering.compare(row[3], r, r)
        else:
            lowering.compare_immediate(row[1] if n >= -128 and n <= 127 else row[2], r, n)
    else:
        left = lowering.use(x)
        lowering.compare(row[0], left, lowering.use(y))
    return Condition(INTEGER[number])


def _floats(lowering: Lowering, c: i64) -> Condition:
    f = lowering.function
    swap, first, second, both = _FLOAT_ROWS[int(f.immediate[c])]
    x = lowering.use(f.a[c])
    y = lowering.use(f.b[c])
    if swap:
        x, y = y, x
    lowering.compare(_UCOMISS if f.type[f.a[c]] == F32 else _UCOMISD, x, y)
    return Condition(first, second, both)


def set_condition(lowering: Lowering, d: i64, held: Condition) -> None:
    """A register that is 1 in its lowest byte if a condition holds, else 0."""
    if held.second < 0:
        lowering.code.add(SETCC + held.first, REG, RM_WRITTEN, NO_REGISTER, d)
        return
    other = lowering.code.temporary(GENERAL)
    lowering.code.add(SETCC + held.second, REG, RM_WRITTEN, NO_REGISTER, other)
    lowering.code.add(SETCC + held.first, REG, RM_WRITTEN, NO_REGISTER, d)
    lowering.modify(_AND if held.both else _OR, d, other)
