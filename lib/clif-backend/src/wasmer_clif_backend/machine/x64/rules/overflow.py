"""Sums, differences and products, and whether they fit."""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import (
    SADD_OVERFLOW,
    SADD_OVERFLOW_CIN,
    SMUL_OVERFLOW,
    SSUB_OVERFLOW,
    SSUB_OVERFLOW_BIN,
    UADD_OVERFLOW,
    UADD_OVERFLOW_CIN,
    UADD_OVERFLOW_TRAP,
    UMUL_OVERFLOW,
    USUB_OVERFLOW,
    USUB_OVERFLOW_BIN,
)
from wasmer_clif_backend.ir.types import I32, I64
from wasmer_clif_backend.machine.code import GENERAL, NO_REGISTER, RM_WRITTEN
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.rules.condition import SETCC
from wasmer_clif_backend.machine.x64.rules.extend import sign_extended, sign_form, zero_extended, zero_form
from wasmer_clif_backend.machine.x64.rules.trapping import trap_if
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    BELOW,
    NOT_EQUAL,
    OVERFLOW,
)
from wasmer_runtime_core.codegen.x64.records import REG
from wasmer_runtime_core.codegen.x64.registers import (
    RAX,
    RDX,
)
from wasmer_runtime_core.support.annotations import Final, i64

_ADD32: Final[i64] = forms.ADD_R32_RM32.number
_ADC32: Final[i64] = forms.ADC_R32_RM32.number
_SUB32: Final[i64] = forms.SUB_R32_RM32.number
_SBB32: Final[i64] = forms.SBB_R32_RM32.number
_ADD64: Final[i64] = forms.ADD_R64_RM64.number
_ADC64: Final[i64] = forms.ADC_R64_RM64.number
_SUB64: Final[i64] = forms.SUB_R64_RM64.number
_SBB64: Final[i64] = forms.SBB_R64_RM64.number
_IMUL32: Final[i64] = forms.IMUL_R32_RM32.number
_IMUL64: Final[i64] = forms.IMUL_R64_RM64.number
_MUL32: Final[i64] = forms.MUL_RM32.number
_MUL64: Final[i64] = forms.MUL_RM64.number
_CMP32: Final[i64] = forms.CMP_R32_RM32.number
_NEG32: Final[i64] = forms.NEG_RM32.number

_IN_RAX: Final[i64] = 1 << RAX
_IN_BOTH: Final[i64] = 1 << RAX | 1 << RDX

# By opcode: with sign; for 32 and for 64 bits without and with what is carried in.
_ROWS: Final = {
    UADD_OVERFLOW: (False, _ADD32, _ADD64),
    SADD_OVERFLOW: (True, _ADD32, _ADD64),
    USUB_OVERFLOW: (False, _SUB32, _SUB64),
    SSUB_OVERFLOW: (True, _SUB32, _SUB64),
    UADD_OVERFLOW_CIN: (False, _ADC32, _ADC64),
    SADD_OVERFLOW_CIN: (True, _ADC32, _ADC64),
    USUB_OVERFLOW_BIN: (False, _SBB32, _SBB64),
    SSUB_OVERFLOW_BIN: (True, _SBB32, _SBB64),
    SMUL_OVERFLOW: (True, _IMUL32, _IMUL64),
    UMUL_OVERFLOW: (False, _IMUL32, _IMUL64),
}


def with_overflow(lowering: Lowering) -> bool:
    """The machine's flags tell, of 32 and 64 bits; a narrow result is compared with itself, extended."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    with_sign, form32, form64 = _ROWS[int(f.opcode[v])]
    d, overflow = (int(lowering.result(one)) for one in f.results(v))
    if type >= I32:
        x = lowering.use(f.a[v])
        y = lowering.use(f.b[v])
    else:
        x = sign_extended(lowering, f.a[v]) if with_sign else zero_extended(lowering, f.a[v])
        y = sign_extended(lowering, f.b[v]) if with_sign else zero_extended(lowering, f.b[v])
    if f.c[v]:
        # The negative of what is carried in sets the carry unless it is 0.
        carry = zero_extended(lowering, f.c[v])
        t = lowering.code.temporary(GENERAL)
        lowering.copy(t, carry)
        lowering.copy(d, x)
        lowering.modify_immediate(_NEG32, t)
    else:
        lowering.copy(d, x)
    lowering.modify(form64 if type == I64 else form32, d, y)
    if type < I32:
        again = lowering.code.temporary(GENERAL)
        lowering.unary(sign_form(type, I32) if with_sign else zero_form(type), again, d)
        lowering.compare(_CMP32, again, d)
        _set(lowering, NOT_EQUAL, overflow)
    else:
        _set(lowering, OVERFLOW if with_sign else BELOW, overflow)
    return True


def _set(lowering: Lowering, condition: int, d: i64) -> None:
    lowering.code.add(SETCC + condition, REG, RM_WRITTEN, NO_REGISTER, d)


def multiply_unsigned(lowering: Lowering) -> bool:
    """``mul`` sets overflow and carry if the upper half is not 0."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type < I32:
        return False
    d, overflow = (int(lowering.result(one)) for one in f.results(v))
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    lowering.code.copy_one(RAX, x)
    lowering.implied(_MUL64 if type == I64 else _MUL32, _IN_RAX, _IN_BOTH, y)
    lowering.code.copy_one(d, RAX)
    _set(lowering, OVERFLOW, overflow)
    return True


def add_or_trap(lowering: Lowering) -> bool:
    """``add``, and a trap on carry."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    d = lowering.result(v)
    lowering.copy(d, x)
    lowering.modify(_ADD64 if type == I64 else _ADD32, d, y)
    trap_if(lowering, BELOW, f.extra[v])
    return True


RULES: Final = {
    UADD_OVERFLOW: (with_overflow,),
    SADD_OVERFLOW: (with_overflow,),
    USUB_OVERFLOW: (with_overflow,),
    SSUB_OVERFLOW: (with_overflow,),
    UADD_OVERFLOW_CIN: (with_overflow,),
    SADD_OVERFLOW_CIN: (with_overflow,),
    USUB_OVERFLOW_BIN: (with_overflow,),
    SSUB_OVERFLOW_BIN: (with_overflow,),
    SMUL_OVERFLOW: (with_overflow,),
    UMUL_OVERFLOW: (multiply_unsigned, with_overflow),
    UADD_OVERFLOW_TRAP: (add_or_trap,),
}
