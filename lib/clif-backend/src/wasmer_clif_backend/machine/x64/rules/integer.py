"""Integers: arithmetic, logic, the lesser and the greater one."""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BAND_NOT,
    BNOT,
    BOR,
    BOR_NOT,
    BXOR,
    BXOR_NOT,
    IABS,
    IADD,
    ICMP,
    IMUL,
    INEG,
    INTEGER_CONDITIONS,
    ISHL,
    ISUB,
    NOP,
    ROWS,
    SELECT,
    SELECT_SPECTRE_GUARD,
    SMAX,
    SMIN,
    UEXTEND,
    UMAX,
    UMIN,
)
from wasmer_clif_backend.ir.types import I32, I64
from wasmer_clif_backend.machine.code import IN_MEMORY, NO_REGISTER, REG_WRITTEN
from wasmer_clif_backend.machine.x64.lower import MADE_AT_USES, MOV32, Lowering
from wasmer_clif_backend.machine.x64.rules.condition import (
    BOTH,
    CMOV32,
    CMOV64,
    EITHER,
    compare_integers,
    comparison,
    condition,
    first_of,
    second_of,
    set_condition,
)
from wasmer_clif_backend.machine.x64.rules.extend import sign_extended
from wasmer_clif_backend.machine.x64.rules.table import rows_of
from wasmer_clif_backend.machine.x64.rules.vex import by_immediate
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE,
    BELOW,
    GREATER,
    LESS,
    SIGN,
)
from wasmer_runtime_core.codegen.x64.records import MEM, MEM_INDEX
from wasmer_runtime_core.support.annotations import Final, i64

# By opcode: register forms, forms with an 8-bit and with a 32-bit immediate; for 32 bits, then for 64.
_FORMS: Final = rows_of(
    {
        IADD: (
            forms.ADD_R32_RM32,
            forms.ADD_RM32_IMM8,
            forms.ADD_RM32_IMM32,
            forms.ADD_R64_RM64,
            forms.ADD_RM64_IMM8,
            forms.ADD_RM64_IMM32,
        ),
        ISUB: (
            forms.SUB_R32_RM32,
            forms.SUB_RM32_IMM8,
            forms.SUB_RM32_IMM32,
            forms.SUB_R64_RM64,
            forms.SUB_RM64_IMM8,
            forms.SUB_RM64_IMM32,
        ),
        BAND: (
            forms.AND_R32_RM32,
            forms.AND_RM32_IMM8,
            forms.AND_RM32_IMM32,
            forms.AND_R64_RM64,
            forms.AND_RM64_IMM8,
            forms.AND_RM64_IMM32,
        ),
        BOR: (
            forms.OR_R32_RM32,
            forms.OR_RM32_IMM8,
            forms.OR_RM32_IMM32,
            forms.OR_R64_RM64,
            forms.OR_RM64_IMM8,
            forms.OR_RM64_IMM32,
        ),
        BXOR: (
            forms.XOR_R32_RM32,
            forms.XOR_RM32_IMM8,
            forms.XOR_RM32_IMM32,
            forms.XOR_R64_RM64,
            forms.XOR_RM64_IMM8,
            forms.XOR_RM64_IMM32,
        ),
    }
)
# Comparisons of registers, with an 8-bit and with a 32-bit immediate; of 32, then of 64 bits.
_CMP: Final = rows_of(
    {
        0: (
            *(forms.CMP_R32_RM32, forms.CMP_RM32_IMM8, forms.CMP_RM32_IMM32),
            *(forms.CMP_R64_RM64, forms.CMP_RM64_IMM8, forms.CMP_RM64_IMM32),
        )
    }
)
_ADC32: Final[i64] = forms.ADC_RM32_IMM8.number
_ADC64: Final[i64] = forms.ADC_RM64_IMM8.number
_SBB32: Final[i64] = forms.SBB_RM32_IMM8.number
_SBB64: Final[i64] = forms.SBB_RM64_IMM8.number
_EQ: Final[i64] = INTEGER_CONDITIONS.index("eq")
_NE: Final[i64] = INTEGER_CONDITIONS.index("ne")
_ULT: Final[i64] = INTEGER_CONDITIONS.index("ult")
_UGE: Final[i64] = INTEGER_CONDITIONS.index("uge")
_UGT: Final[i64] = INTEGER_CONDITIONS.index("ugt")
_ULE: Final[i64] = INTEGER_CONDITIONS.index("ule")
_LEA32: Final[i64] = forms.LEA_R32_M.number
_LEA64: Final[i64] = forms.LEA_R64_M.number
_MOVZX8: Final[i64] = forms.MOVZX_R32_RM8.number
_MOVZX16: Final[i64] = forms.MOVZX_R32_RM16.number
_IMUL32: Final[i64] = forms.IMUL_R32_RM32.number
_IMUL64: Final[i64] = forms.IMUL_R64_RM64.number
_IMUL32_IMM8: Final[i64] = forms.IMUL_R32_RM32_IMM8.number
_IMUL64_IMM8: Final[i64] = forms.IMUL_R64_RM64_IMM8.number
_IMUL32_IMM32: Final[i64] = forms.IMUL_R32_RM32_IMM32.number
_IMUL64_IMM32: Final[i64] = forms.IMUL_R64_RM64_IMM32.number
_NEG32: Final[i64] = forms.NEG_RM32.number
_NEG64: Final[i64] = forms.NEG_RM64.number
_NOT32: Final[i64] = forms.NOT_RM32.number
_NOT64: Final[i64] = forms.NOT_RM64.number
_ANDN32: Final[i64] = forms.ANDN_R32_R32_RM32.number
_ANDN64: Final[i64] = forms.ANDN_R64_R64_RM64.number
_BLSI32: Final[i64] = forms.BLSI_R32_RM32.number
_BLSI64: Final[i64] = forms.BLSI_R64_RM64.number
_BLSR32: Final[i64] = forms.BLSR_R32_RM32.number
_BLSR64: Final[i64] = forms.BLSR_R64_RM64.number
_OR32: Final[i64] = forms.OR_R32_RM32.number
_OR64: Final[i64] = forms.OR_R64_RM64.number
_XOR32: Final[i64] = forms.XOR_R32_RM32.number
_XOR64: Final[i64] = forms.XOR_R64_RM64.number


def add_carry(lowering: Lowering) -> bool:
    """``adc``, ``sbb``: a number that is counted up, or down, if a comparison without sign holds."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type != I32 and type != I64:
        return False
    x = f.a[v]
    held = f.b[v]
    if f.opcode[v] == IADD and not _is_truth(lowering, held):
        x, held = held, x
    if not _is_truth(lowering, held) or lowering.is_constant(x):
        return False
    c = f.a[held]
    one = f.a[c]
    two = f.b[c]
    number = f.immediate[c]
    if f.type[one] < I32 or f.type[one] > I64:
        return False
    row = 3 if f.type[one] == I64 else 0
    if number == _UGT or number == _ULE:
        one, two = two, one
        number = _ULT if number == _UGT else _UGE
    if number == _ULT or number == _UGE:
        if lowering.fits(two):
            n = lowering.constant_of(two)
            lowering.compare_immediate(_CMP[row + (1 if n >= -128 and n <= 127 else 2)], lowering.use(one), n)
        else:
            left = lowering.use(one)
            lowering.compare(_CMP[row], left, lowering.use(two))
        carry = number == _ULT
    elif (number == _EQ or number == _NE) and _is_integer(lowering, two, 0):
        lowering.compare_immediate(_CMP[row + 1], lowering.use(one), 1)
        carry = number == _EQ
    else:
        return False
    # x + carry, or x + 1 - carry; and the same below.
    up = f.opcode[v] == IADD
    d = lowering.result(v)
    lowering.copy(d, lowering.use(x))
    form = (_ADC64 if type == I64 else _ADC32) if up == carry else (_SBB64 if type == I64 else _SBB32)
    lowering.modify_immediate(form, d, 0 if carry else -1)
    return True


def _is_truth(lowering: Lowering, x: i64) -> bool:
    """Whether a value is a comparison as a number, which is wanted for nothing else."""
    f = lowering.function
    if f.opcode[x] != UEXTEND or f.uses[x] != 1 or lowering.wanted[x]:
        return False
    c = f.a[x]
    return f.opcode[c] == ICMP and f.uses[c] == 1 and not lowering.wanted[c]


def add_by_address(lowering: Lowering) -> bool:
    """``lea``: a sum that needs no copy. Where it goes to one of its operands, ``add`` is emitted."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    a = f.a[v]
    b = f.b[v]
    if type > I64 or lowering.is_constant(a):
        return False
    if lowering.is_constant(b):
        if lowering.may_fold(a) or not lowering.fits(b):
            return False
        base = lowering.use(a)
        lowering.code.suggest(lowering.result(v), base)
        _lea(lowering, type, base, NO_REGISTER, 0, lowering.constant_of(b))
        return True
    if lowering.may_fold(a) or lowering.may_fold(b):
        return False
    if _is_scaled(lowering, a) and not _is_scaled(lowering, b):
        a, b = b, a
    if _is_scaled(lowering, b):
        base = lowering.use(a)
        _lea(lowering, type, base, lowering.use(f.a[b]), lowering.constant_of(f.b[b]), 0)
        return True
    if _ends_here(lowering, b) and not _ends_here(lowering, a):
        a, b = b, a
    base = lowering.use(a)
    lowering.code.suggest(lowering.result(v), base)
    _lea(lowering, type, base, lowering.use(b), 0, 0)
    return True


def _ends_here(lowering: Lowering, x: i64) -> bool:
    """Whether a value surely is not wanted any more behind the instruction at hand."""
    return not lowering.wanted[x] and lowering.function.block_of[x] == lowering.block


def _is_scaled(lowering: Lowering, x: i64) -> bool:
    """Whether a value is another one times 2, 4 or 8, and nothing else wants it: part of an address."""
    f = lowering.function
    if f.opcode[x] != ISHL or f.uses[x] != 1 or lowering.wanted[x] or not lowering.is_constant(f.b[x]):
        return False
    n = lowering.constant_of(f.b[x])
    return n >= 1 and n <= 3


def _lea(lowering: Lowering, type: i64, base: i64, index: i64, scale: i64, offset: i64) -> None:
    """``lea v, [base + index << scale + offset]``, of the instruction at hand."""
    lowering.code.add(
        _LEA64 if type == I64 else _LEA32,
        (MEM if index < 0 else MEM_INDEX) | (scale << 8),
        REG_WRITTEN | IN_MEMORY,
        lowering.result(lowering.v),
        base,
        index,
        displacement=offset,
    )


def mask(lowering: Lowering) -> bool:
    """``movzx``, ``mov``: a mask of the lower 8, 16 or 32 bits needs no copy."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    b = f.b[v]
    if (type != I32 and type != I64) or not lowering.is_constant(b):
        return False
    n = lowering.constant_of(b)
    if n == 0xFF:
        form = _MOVZX8
    elif n == 0xFFFF:
        form = _MOVZX16
    elif n == 0xFFFF_FFFF and type == I64:
        form = MOV32
    else:
        return False
    x = lowering.use(f.a[v])
    lowering.code.suggest(lowering.result(v), x)
    lowering.unary(form, lowering.result(v), x)
    return True


def lowest_bit(lowering: Lowering) -> bool:
    """``x & -x`` and ``x & (x - 1)``: the lowest bit that is set, and the others."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type != I32 and type != I64:
        return False
    x = f.a[v]
    other = f.b[v]
    form = _of_lowest_bit(lowering, x, other)
    if form < 0:
        x, other = other, x
        form = _of_lowest_bit(lowering, x, other)
    if form < 0:
        return False
    by_immediate(lowering, form, lowering.result(v), lowering.use(x), 0)
    return True


def _of_lowest_bit(lowering: Lowering, x: i64, other: i64) -> i64:
    """The instruction for x and what is made of it; -1: there is none, or something else wants it too."""
    f = lowering.function
    if f.uses[other] != 1 or lowering.wanted[other]:
        return -1
    wide = f.type[other] == I64
    if f.opcode[other] == ISUB and f.b[other] == x and _is_integer(lowering, f.a[other], 0):
        return _BLSI64 if wide else _BLSI32
    if f.opcode[other] == INEG and f.a[other] == x:
        return _BLSI64 if wide else _BLSI32
    if f.opcode[other] == IADD and f.a[other] == x and _is_integer(lowering, f.b[other], -1):
        return _BLSR64 if wide else _BLSR32
    return -1


def _is_integer(lowering: Lowering, x: i64, n: i64) -> bool:
    return lowering.is_constant(x) and lowering.constant_of(x) == n


def and_inverted(lowering: Lowering) -> bool:
    """``andn``, of what is inverted for this alone."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type != I32 and type != I64:
        return False
    other = f.a[v]
    inverted = f.b[v]
    if not _is_inverted(lowering, inverted):
        other, inverted = inverted, other
        if not _is_inverted(lowering, inverted):
            return False
    if lowering.is_constant(other):
        return False
    x = lowering.use(f.a[inverted])
    lowering.three(_ANDN64 if type == I64 else _ANDN32, lowering.result(v), x, lowering.operand(other))
    return True


def _is_inverted(lowering: Lowering, x: i64) -> bool:
    f = lowering.function
    if f.uses[x] != 1 or lowering.wanted[x]:
        return False
    return f.opcode[x] == BNOT or (f.opcode[x] == BXOR and _is_integer(lowering, f.b[x], -1))


def is_better_second(lowering: Lowering, a: i64, b: i64) -> bool:
    """Whether a sum's first value had better be the second operand: it is constant, in memory, or wanted again."""
    if lowering.is_constant(b) or lowering.may_fold(b):
        return False
    if lowering.is_constant(a) or lowering.may_fold(a):
        return True
    return _ends_here(lowering, b) and not _ends_here(lowering, a)


def binary(lowering: Lowering) -> bool:
    """Two operands, the first of which becomes the result; the second may be a constant, or in memory."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    opcode = f.opcode[v]
    a = f.a[v]
    b = f.b[v]
    row = 6 * opcode + (3 if type == I64 else 0)
    if opcode != ISUB and is_better_second(lowering, a, b):
        a, b = b, a
    d = lowering.result(v)
    if opcode == ISUB and type >= I32 and _is_integer(lowering, a, 0):
        lowering.copy(d, lowering.use(b))
        lowering.modify_immediate(_NEG64 if type == I64 else _NEG32, d)
        return True
    if lowering.fits(b):
        n = lowering.constant_of(b)
        lowering.copy(d, lowering.use(a))
        lowering.modify_immediate(_FORMS[row + (1 if n >= -128 and n <= 127 else 2)], d, n)
        return True
    left = lowering.use(a)
    right = lowering.operand(b)
    lowering.copy(d, left)
    lowering.modify(_FORMS[row], d, right)
    return True


def multiply(lowering: Lowering) -> bool:
    """``imul``; by a constant without a copy; by 3, 5 and 9 as an address."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    a = f.a[v]
    b = f.b[v]
    if lowering.is_constant(a):
        a, b = b, a
    d = lowering.result(v)
    wide = type == I64
    if lowering.fits(b):
        n = lowering.constant_of(b)
        if n == 3 or n == 5 or n == 9:
            x = lowering.use(a)
            _lea(lowering, type, x, x, 1 if n == 3 else 2 if n == 5 else 3, 0)
        elif n >= -128 and n <= 127:
            lowering.unary(_IMUL64_IMM8 if wide else _IMUL32_IMM8, d, lowering.operand(a), n)
        else:
            lowering.unary(_IMUL64_IMM32 if wide else _IMUL32_IMM32, d, lowering.operand(a), n)
        return True
    if is_better_second(lowering, a, b):
        a, b = b, a
    left = lowering.use(a)
    right = lowering.operand(b)
    lowering.copy(d, left)
    lowering.modify(_IMUL64 if wide else _IMUL32, d, right)
    return True


def negate(lowering: Lowering) -> bool:
    """``neg``."""
    v = lowering.v
    type = lowering.function.type[v]
    if type > I64:
        return False
    d = lowering.result(v)
    lowering.copy(d, lowering.use(lowering.function.a[v]))
    lowering.modify_immediate(_NEG64 if type == I64 else _NEG32, d)
    return True


def invert(lowering: Lowering) -> bool:
    """``not``."""
    v = lowering.v
    type = lowering.function.type[v]
    if type > I64:
        return False
    d = lowering.result(v)
    lowering.copy(d, lowering.use(lowering.function.a[v]))
    lowering.modify_immediate(_NOT64 if type == I64 else _NOT32, d)
    return True


def and_not(lowering: Lowering) -> bool:
    """``andn`` inverts its first operand."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    x = lowering.use(f.a[v])
    lowering.three(_ANDN64 if type == I64 else _ANDN32, lowering.result(v), lowering.use(f.b[v]), x)
    return True


def other_not(lowering: Lowering) -> bool:
    """``or``, ``xor`` with an inverted operand."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    wide = type == I64
    x = lowering.use(f.a[v])
    d = lowering.result(v)
    lowering.copy(d, lowering.use(f.b[v]))
    lowering.modify_immediate(_NOT64 if wide else _NOT32, d)
    if f.opcode[v] == BOR_NOT:
        lowering.modify(_OR64 if wide else _OR32, d, x)
    else:
        lowering.modify(_XOR64 if wide else _XOR32, d, x)
    return True


def absolute(lowering: Lowering) -> bool:
    """The negated one, unless that is negative."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    x = sign_extended(lowering, f.a[v]) if type < I32 else lowering.use(f.a[v])
    d = lowering.result(v)
    lowering.copy(d, x)
    lowering.modify_immediate(_NEG64 if type == I64 else _NEG32, d)
    lowering.modify((CMOV64 if type == I64 else CMOV32) + SIGN, d, x)
    return True


_EXTREMES: Final[dict[int, int]] = {SMIN: GREATER, UMIN: ABOVE, SMAX: LESS, UMAX: BELOW}


def extreme(lowering: Lowering) -> bool:
    """x, unless y is better."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    d = lowering.result(v)
    compare_integers(lowering, type, x, y)
    lowering.copy(d, x)
    lowering.modify((CMOV64 if type == I64 else CMOV32) + _EXTREMES[int(f.opcode[v])], d, y)
    return True


def compare(lowering: Lowering) -> bool:
    """A comparison as a number."""
    f = lowering.function
    v = lowering.v
    if f.type[f.a[v]] > I64:
        return False
    set_condition(lowering, lowering.result(v), comparison(lowering, v))
    return True


def choose(lowering: Lowering) -> bool:
    """y, and x if the condition holds."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    x = lowering.use(f.b[v])
    y = lowering.use(f.c[v])
    held = condition(lowering, f.a[v])
    d = lowering.result(v)
    cmov = CMOV64 if type == I64 else CMOV32
    if held & BOTH:
        # x only if both hold: y wherever one does not.
        lowering.copy(d, x)
        lowering.modify(cmov + (first_of(held) ^ 1), d, y)
        lowering.modify(cmov + (second_of(held) ^ 1), d, y)
        return True
    lowering.copy(d, y)
    lowering.modify(cmov + first_of(held), d, x)
    if held & EITHER:
        lowering.modify(cmov + second_of(held), d, x)
    return True


def constant(lowering: Lowering) -> bool:
    """What is made anew for each use, but goes along an edge: there it has a register of its own."""
    v = lowering.v
    lowering.make(v, lowering.result(v))
    return True


def nothing(lowering: Lowering) -> bool:
    """No instruction."""
    return True


RULES: Final = {
    IADD: (add_carry, add_by_address, binary),
    ISUB: (add_carry, binary),
    BAND: (mask, lowest_bit, and_inverted, binary),
    BOR: (binary,),
    BXOR: (binary,),
    BNOT: (invert,),
    BAND_NOT: (and_not,),
    BOR_NOT: (other_not,),
    BXOR_NOT: (other_not,),
    IMUL: (multiply,),
    INEG: (negate,),
    IABS: (absolute,),
    SMIN: (extreme,),
    UMIN: (extreme,),
    SMAX: (extreme,),
    UMAX: (extreme,),
    ICMP: (compare,),
    SELECT: (choose,),
    SELECT_SPECTRE_GUARD: (choose,),
    NOP: (nothing,),
    **{opcode: (constant,) for opcode in range(len(ROWS)) if MADE_AT_USES[opcode]},
}
