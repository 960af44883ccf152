"""Division, and the upper halves of products: through rax and rdx.

``idiv`` faults where the divisor is 0 and where the quotient does not fit; the site says *integer divide by
zero*. The other case is told apart before, where there can be one: a quotient that does not fit is of the least number
by -1. A remainder by -1 is 0: there the divisor is 1.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import SDIV, SMULHI, SREM, TRAP_CODES, UDIV, UMULHI, UREM
from wasmer_clif_backend.ir.types import I32, I64, bits_of
from wasmer_clif_backend.machine.code import GENERAL
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.rules import by_constant
from wasmer_clif_backend.machine.x64.rules.condition import CMOV32, CMOV64
from wasmer_clif_backend.machine.x64.rules.extend import sign_extended, zero_extended
from wasmer_clif_backend.machine.x64.rules.trapping import trap_if
from wasmer_clif_backend.machine.x64.traps import trap_kind
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    EQUAL,
    NOT_EQUAL,
)
from wasmer_runtime_core.codegen.x64.registers import (
    RAX,
    RDX,
)
from wasmer_runtime_core.support.annotations import Final, i64

_CDQ: Final[i64] = forms.CDQ.number
_CQO: Final[i64] = forms.CQO.number
_DIV32: Final[i64] = forms.DIV_RM32.number
_DIV64: Final[i64] = forms.DIV_RM64.number
_IDIV32: Final[i64] = forms.IDIV_RM32.number
_IDIV64: Final[i64] = forms.IDIV_RM64.number
_MUL32: Final[i64] = forms.MUL_RM32.number
_MUL64: Final[i64] = forms.MUL_RM64.number
_IMUL_ONE32: Final[i64] = forms.IMUL_RM32.number
_IMUL_ONE64: Final[i64] = forms.IMUL_RM64.number
_IMUL32: Final[i64] = forms.IMUL_R32_RM32.number
_SHR32: Final[i64] = forms.SHR_RM32_IMM8.number
_SAR32: Final[i64] = forms.SAR_RM32_IMM8.number
_NOT32: Final[i64] = forms.NOT_RM32.number
_NOT64: Final[i64] = forms.NOT_RM64.number
_OR32: Final[i64] = forms.OR_R32_RM32.number
_OR64: Final[i64] = forms.OR_R64_RM64.number
_XOR32: Final[i64] = forms.XOR_R32_RM32.number
_XOR64: Final[i64] = forms.XOR_R64_RM64.number
_CMP32: Final[i64] = forms.CMP_RM32_IMM8.number
_CMP64: Final[i64] = forms.CMP_RM64_IMM8.number

_IN_RAX: Final[i64] = 1 << RAX
_IN_RDX: Final[i64] = 1 << RDX
_IN_BOTH: Final[i64] = _IN_RAX | _IN_RDX
_DIVIDE_BY_ZERO: Final = trap_kind(TRAP_CODES["int_divz"])


def divide(lowering: Lowering) -> bool:
    """``div`` and ``idiv``, which take rdx:rax and give quotient and remainder there."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    opcode = f.opcode[v]
    wide = type == I64
    with_sign = opcode == SDIV or opcode == SREM
    if with_sign:
        x = sign_extended(lowering, f.a[v])
        y = sign_extended(lowering, f.b[v])
        if not lowering.is_constant(f.b[v]) or lowering.constant_of(f.b[v]) == -1:
            if opcode == SREM:
                y = _not_minus_one(lowering, y, wide)
            else:
                _trap_on_overflow(lowering, x, y, type)
    else:
        x = zero_extended(lowering, f.a[v])
        y = zero_extended(lowering, f.b[v])
    lowering.code.copy_one(RAX, x)
    if with_sign:
        lowering.implied(_CQO if wide else _CDQ, _IN_RAX, _IN_RDX)
        form = _IDIV64 if wide else _IDIV32
    else:
        lowering.code.copy_one(RDX, lowering.integer(0, I32))
        form = _DIV64 if wide else _DIV32
    lowering.implied(form, _IN_BOTH, _IN_BOTH, y, _DIVIDE_BY_ZERO)
    taken = RAX if opcode == SDIV or opcode == UDIV else RDX
    lowering.code.copy_one(lowering.result(v), taken)
    return True


def _not_minus_one(lowering: Lowering, y: i64, wide: bool) -> i64:
    """y, or 1 where it is -1."""
    one = lowering.integer(1, I32)
    d = lowering.code.temporary(GENERAL)
    lowering.compare_immediate(_CMP64 if wide else _CMP32, y, -1)
    lowering.copy(d, one)
    lowering.modify((CMOV64 if wide else CMOV32) + NOT_EQUAL, d, y)
    return d


def _trap_on_overflow(lowering: Lowering, x: i64, y: i64, type: i64) -> None:
    """Trap if x is the least number and y is -1: if ``(x ^ least) | ~y`` is 0."""
    wide = type == I64
    least: i64 = -1
    least <<= bits_of(type) - 1
    differs = lowering.code.temporary(GENERAL)
    other = lowering.code.temporary(GENERAL)
    lowering.copy(differs, lowering.integer(least, type))
    lowering.modify(_XOR64 if wide else _XOR32, differs, x)
    lowering.copy(other, y)
    lowering.modify_immediate(_NOT64 if wide else _NOT32, other)
    lowering.modify(_OR64 if wide else _OR32, differs, other)
    trap_if(lowering, EQUAL, TRAP_CODES["int_ovf"])


def multiply_high(lowering: Lowering) -> bool:
    """``mul`` and ``imul`` of one operand give the product in rdx:rax; a narrow one fits 32 bits."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    with_sign = f.opcode[v] == SMULHI
    if type < I32:
        x = sign_extended(lowering, f.a[v]) if with_sign else zero_extended(lowering, f.a[v])
        y = sign_extended(lowering, f.b[v]) if with_sign else zero_extended(lowering, f.b[v])
        d = lowering.result(v)
        lowering.copy(d, x)
        lowering.modify(_IMUL32, d, y)
        lowering.modify_immediate(_SAR32 if with_sign else _SHR32, d, bits_of(type))
        return True
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    lowering.code.copy_one(RAX, x)
    wide = type == I64
    form = (_IMUL_ONE64 if wide else _IMUL_ONE32) if with_sign else (_MUL64 if wide else _MUL32)
    lowering.implied(form, _IN_RAX, _IN_BOTH, y)
    lowering.code.copy_one(lowering.result(v), RDX)
    return True


RULES: Final = {
    UDIV: (by_constant.divide, divide),
    SDIV: (by_constant.divide, divide),
    UREM: (by_constant.divide, divide),
    SREM: (by_constant.divide, divide),
    UMULHI: (multiply_high,),
    SMULHI: (multiply_high,),
}
