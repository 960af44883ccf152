"""Conditions: comparisons that go into flags, and what reads them.

A comparison of floats may take two flags: ``eq`` is *equal and not unordered*, ``ne`` its opposite. So a
condition is up to two of the machine's, and whether both must hold or one is enough: all of it in one number.
"""

from __future__ import annotations

from librt.vecs import vec

from wasmer_clif_backend.ir.opcodes import (
    BAND,
    FCMP,
    FLOAT_CONDITIONS,
    ICMP,
    INTEGER_CONDITIONS,
    IREDUCE,
    UEXTEND,
    ULOAD8,
)
from wasmer_clif_backend.ir.types import F32, I8, I16, I32, I64, VECTOR
from wasmer_clif_backend.machine.code import GENERAL, NO_REGISTER, RM_WRITTEN
from wasmer_clif_backend.machine.x64.lower import IN_ADDRESS, Lowering
from wasmer_clif_backend.machine.x64.rules.table import rows_of
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    AFTER_CMP,
    AFTER_UCOMIS,
    NOT_EQUAL,
    FloatCondition,
)
from wasmer_runtime_core.codegen.x64.records import REG
from wasmer_runtime_core.support.annotations import Final, i64

CMOV32: Final[i64] = forms.CMOVCC_R32_RM32.number
CMOV64: Final[i64] = forms.CMOVCC_R64_RM64.number
SETCC: Final[i64] = forms.SETCC_RM8.number
_AND: Final[i64] = forms.AND_R32_RM32.number
_OR: Final[i64] = forms.OR_R32_RM32.number

# By type of integers, four each: compare registers, with an 8-bit and with a wider immediate, test.
_COMPARE: Final = rows_of(
    {
        I8: (forms.CMP_R8_RM8, forms.CMP_RM8_IMM8, forms.CMP_RM8_IMM8, forms.TEST_RM8_R8),
        I16: (forms.CMP_R16_RM16, forms.CMP_RM16_IMM8, forms.CMP_RM16_IMM16, forms.TEST_RM16_R16),
        I32: (forms.CMP_R32_RM32, forms.CMP_RM32_IMM8, forms.CMP_RM32_IMM32, forms.TEST_RM32_R32),
        I64: (forms.CMP_R64_RM64, forms.CMP_RM64_IMM8, forms.CMP_RM64_IMM32, forms.TEST_RM64_R64),
    }
)
_TEST32_IMM32: Final[i64] = forms.TEST_RM32_IMM32.number
_TEST64_IMM32: Final[i64] = forms.TEST_RM64_IMM32.number
_COMPARE_BYTES: Final[i64] = forms.CMP_R8_RM8.number
_COMPARE_BYTE: Final[i64] = forms.CMP_RM8_IMM8.number
_UCOMISS: Final[i64] = forms.VUCOMISS_XMM_XM32.number
_UCOMISD: Final[i64] = forms.VUCOMISD_XMM_XM64.number

INTEGER: Final = bytes(AFTER_CMP[name if len(name) == 2 else f"{name[1:]}_{name[0]}"] for name in INTEGER_CONDITIONS)
"""By number of the integer condition: the machine's."""
SWAPPED: Final = b"\0\1\4\5\2\3\10\11\6\7"
"""By number of the integer condition: the one with the operands the other way round."""

UNSIGNED: Final = b"\0\1\3\3\5\5\7\7\11\11"
"""By number of the integer condition: the one without sign."""

EITHER: Final = 1 << 8
"""In a condition: there is a second one, and one of them is enough."""
BOTH: Final = 1 << 9
"""In a condition: there is a second one, and both must hold."""
_SWAP: Final = 1 << 10


def first_of(held: i64) -> i64:
    """The machine's condition that a condition is, or the first one of two."""
    return held & 15


def second_of(held: i64) -> i64:
    """The second one, of a condition that is `EITHER` or `BOTH`."""
    return (held >> 4) & 15


def _held(row: FloatCondition) -> int:
    held = row.condition | (_SWAP if row.exchanged else 0)
    return held if row.parity < 0 else held | row.parity << 4 | (BOTH if row.both else EITHER)


_FLOAT_ROWS: Final = vec[i64]([_held(AFTER_UCOMIS[name]) for name in FLOAT_CONDITIONS])


def compare_integers(lowering: Lowering, type: i64, x: i64, y: i64) -> None:
    """``cmp`` of two registers."""
    lowering.compare(_COMPARE[4 * type], x, y)


def condition(lowering: Lowering, c: i64) -> i64:
    """Write what sets the flags for a value that is a condition: its own comparison, or a test for zero."""
    f = lowering.function
    one = c
    while f.opcode[one] == UEXTEND and _is_for_once(lowering, one):
        one = f.a[one]
    opcode = f.opcode[one]
    if (opcode == ICMP or opcode == FCMP) and f.type[f.a[one]] < VECTOR and _is_for_once(lowering, one):
        return comparison(lowering, one)
    _test(lowering, c)
    return NOT_EQUAL


def _test(lowering: Lowering, x: i64) -> None:
    """A comparison with zero: of a register with itself, or of what lies in memory; of what two have in common."""
    f = lowering.function
    type = f.type[x]
    row = 4 * type
    if f.opcode[x] == BAND and f.uses[x] == 1 and not lowering.wanted[x] and (type == I32 or type == I64):
        y = f.b[x]
        r = lowering.use(f.a[x])
        if lowering.fits(y):
            lowering.compare_immediate(_TEST64_IMM32 if type == I64 else _TEST32_IMM32, r, lowering.constant_of(y))
        else:
            lowering.compare(_COMPARE[row + 3], lowering.use(y), r)
        return
    r = _operand(lowering, x)
    if r == IN_ADDRESS:
        lowering.compare_immediate(_COMPARE[row + 1], r, 0)
    else:
        lowering.compare(_COMPARE[row + 3], r, r)


def comparison(lowering: Lowering, c: i64) -> i64:
    """Write the comparison of scalars that a value is."""
    return _integers(lowering, c) if lowering.function.opcode[c] == ICMP else _floats(lowering, c)


def _is_for_once(lowering: Lowering, c: i64) -> bool:
    """Whether a comparison may be made where its flags are wanted: nothing else wants it as a number."""
    return lowering.function.uses[c] <= 1 or lowering.wanted[c] == 0


def _integers(lowering: Lowering, c: i64) -> i64:
    f = lowering.function
    x = f.a[c]
    y = f.b[c]
    number = f.immediate[c]
    if not lowering.is_constant(y) and (lowering.is_constant(x) or (lowering.may_fold(x) and not lowering.may_fold(y))):
        x, y = y, x
        number = SWAPPED[number]
    row = 4 * f.type[x]
    if lowering.fits(y):
        n = lowering.constant_of(y)
        if n >= 0 and n <= 255 and f.opcode[x] == ULOAD8 and lowering.may_be_part(x):
            return _byte(lowering, x, n, number)
        if n >= 0 and n <= 255 and _is_byte_of(lowering, x):
            lowering.compare_immediate(_COMPARE_BYTE, lowering.use(f.a[x]), n if n <= 127 else n - 256)
            return i64(INTEGER[UNSIGNED[number]])
        if n == 0:
            _test(lowering, x)
        else:
            r = _operand(lowering, x)
            lowering.compare_immediate(_COMPARE[row + (1 if n >= -128 and n <= 127 else 2)], r, n)
    else:
        left = lowering.use(_whole(lowering, x))
        if f.opcode[x] == ULOAD8 and f.opcode[y] == ULOAD8 and lowering.may_be_part(y):
            lowering.fold(y)
            lowering.compare(_COMPARE_BYTES, left, IN_ADDRESS)
            return i64(INTEGER[UNSIGNED[number]])
        lowering.compare(_COMPARE[row], left, _operand(lowering, y))
    return i64(INTEGER[number])


def _whole(lowering: Lowering, x: i64) -> i64:
    """Whose register has a number in its lower half: that of the wide one itself, where nothing else wants the half."""
    f = lowering.function
    return f.a[x] if f.opcode[x] == IREDUCE and f.type[x] == I32 and f.uses[x] == 1 else x


def _operand(lowering: Lowering, x: i64) -> i64:
    """A register, or `IN_ADDRESS`, for a comparison: of what is loaded, as much as it is."""
    whole = _whole(lowering, x)
    return lowering.operand(x) if whole == x else lowering.use(whole)


def _is_byte_of(lowering: Lowering, x: i64) -> bool:
    """Whether a value is the lowest byte of another one, and nothing else wants it."""
    f = lowering.function
    if f.opcode[x] != BAND or f.uses[x] != 1 or lowering.wanted[x] or f.type[x] > I64:
        return False
    return lowering.is_constant(f.b[x]) and lowering.constant_of(f.b[x]) == 0xFF


def _byte(lowering: Lowering, x: i64, n: i64, number: i64) -> i64:
    """A byte of memory with a number that fits one: neither has a sign, whatever the comparison."""
    lowering.fold(x)
    lowering.compare_immediate(_COMPARE_BYTE, IN_ADDRESS, n if n <= 127 else n - 256)
    return i64(INTEGER[UNSIGNED[number]])


def _floats(lowering: Lowering, c: i64) -> i64:
    f = lowering.function
    held = _FLOAT_ROWS[f.immediate[c]]
    x = f.a[c]
    y = f.b[c]
    if held & _SWAP:
        x, y = y, x
    left = lowering.use(x)
    lowering.compare(_UCOMISS if f.type[x] == F32 else _UCOMISD, left, lowering.operand(y))
    return held & ~_SWAP


def set_condition(lowering: Lowering, d: i64, held: i64) -> None:
    """A register that is 1 in its lowest byte if a condition holds, else 0."""
    if held & (EITHER | BOTH) == 0:
        lowering.code.add(SETCC + held, REG, RM_WRITTEN, NO_REGISTER, d)
        return
    other = lowering.code.temporary(GENERAL)
    lowering.code.add(SETCC + second_of(held), REG, RM_WRITTEN, NO_REGISTER, other)
    lowering.code.add(SETCC + first_of(held), REG, RM_WRITTEN, NO_REGISTER, d)
    lowering.modify(_AND if held & BOTH else _OR, d, other)
