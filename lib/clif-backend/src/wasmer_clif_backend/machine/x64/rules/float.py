"""Floating point, of one number and of vectors: the same rules, by the type's form.

Operations that look at bits (``fneg``, ``fabs`` …) are done on whole registers for one number, too: what is above it
means nothing.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import (
    CEIL,
    FABS,
    FADD,
    FCMP,
    FCOPYSIGN,
    FDIV,
    FLOAT_CONDITIONS,
    FLOOR,
    FMA,
    FMAX,
    FMIN,
    FMUL,
    FNEG,
    FSUB,
    NEAREST,
    SELECT,
    SQRT,
    TRUNC,
)
from wasmer_clif_backend.ir.types import F32, F32X4, F64, I64, LANE, VECTOR
from wasmer_clif_backend.machine.code import (
    GENERAL,
    NO_REGISTER,
    REG_READ,
    REG_WRITTEN,
    RM_MAY_BE_MEMORY,
    RM_READ,
    XMM,
)
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.rules.condition import comparison, condition, set_condition
from wasmer_clif_backend.machine.x64.rules.table import FORMS_BY_NAME, rows_of
from wasmer_clif_backend.machine.x64.rules.vex import by_immediate, four
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import REG
from wasmer_runtime_core.codegen.x64.rounding import ROUND_CEIL, ROUND_FLOOR, ROUND_NEAREST, ROUND_TRUNC
from wasmer_runtime_core.support.annotations import Final, i64

_SUFFIXES: Final = ("SS_XMM_XMM_XM32", "SD_XMM_XMM_XM64", "PS_XMM_XMM_XM128", "PD_XMM_XMM_XM128")
# By opcode: for f32, f64, f32x4, f64x2 (`_column_of`).
_FORMS: Final = rows_of(
    {
        opcode: [FORMS_BY_NAME[f"V{name}{suffix}"] for suffix in _SUFFIXES]
        for opcode, name in ((FADD, "ADD"), (FSUB, "SUB"), (FMUL, "MUL"), (FDIV, "DIV"), (FMA, "FMADD213"))
    }
)
_AND: Final[i64] = forms.VANDPS_XMM_XMM_XM128.number
_ANDN: Final[i64] = forms.VANDNPS_XMM_XMM_XM128.number
_OR: Final[i64] = forms.VORPS_XMM_XMM_XM128.number
_XOR: Final[i64] = forms.VXORPS_XMM_XMM_XM128.number
_MINPS: Final[i64] = forms.VMINPS_XMM_XMM_XM128.number
_MINPD: Final[i64] = forms.VMINPD_XMM_XMM_XM128.number
_MAXPS: Final[i64] = forms.VMAXPS_XMM_XMM_XM128.number
_MAXPD: Final[i64] = forms.VMAXPD_XMM_XMM_XM128.number
_SUBPS: Final[i64] = forms.VSUBPS_XMM_XMM_XM128.number
_SUBPD: Final[i64] = forms.VSUBPD_XMM_XMM_XM128.number
_CMPPS: Final[i64] = forms.VCMPPS_XMM_XMM_XM128_IMM8.number
_CMPPD: Final[i64] = forms.VCMPPD_XMM_XMM_XM128_IMM8.number
_SHIFT32: Final[i64] = forms.VPSRLD_XMM_XMM_IMM8.number
_SHIFT64: Final[i64] = forms.VPSRLQ_XMM_XMM_IMM8.number
_BLENDV: Final[i64] = forms.VPBLENDVB_XMM_XMM_XM128_XMM.number
_BROADCAST: Final[i64] = forms.VPBROADCASTD_XMM_XM32.number
_MOVD: Final[i64] = forms.VMOVD_XMM_RM32.number
_MOVZX8: Final[i64] = forms.MOVZX_R32_RM8.number
_NEG32: Final[i64] = forms.NEG_RM32.number

UNORDERED: Final = 3
# The predicates of vcmp, by condition (Intel manual, volume 2, CMPPD).
_PREDICATES: Final = {
    "ord": 7,
    "uno": 3,
    "eq": 0,
    "ne": 4,
    "one": 12,
    "ueq": 8,
    "lt": 1,
    "le": 2,
    "gt": 14,
    "ge": 13,
    "ult": 9,
    "ule": 10,
    "ugt": 6,
    "uge": 5,
}
PREDICATES: Final = [_PREDICATES[name] for name in FLOAT_CONDITIONS]
_ROUNDINGS: Final = {NEAREST: ROUND_NEAREST, FLOOR: ROUND_FLOOR, CEIL: ROUND_CEIL, TRUNC: ROUND_TRUNC}
_LANES: Final = {F32: (0x8000_0000, 4), F64: (0x8000_0000_0000_0000, 8)}


def repeated(number: int, size: int) -> bytes:
    """Sixteen bytes of one number again and again."""
    return number.to_bytes(size, "little") * (16 // size)


def sign_mask(lowering: Lowering, type: i64) -> i64:
    """A register with the sign of every lane set."""
    number, size = _LANES[int(type & LANE)]
    return lowering.vector(repeated(number, size))


def _column_of(type: i64) -> i64:
    """Which of four forms is for a type of floats."""
    column = (type & LANE) - F32
    return column + 2 if type >= VECTOR else column


def binary(lowering: Lowering) -> bool:
    """Arithmetic of three operands."""
    f = lowering.function
    v = lowering.v
    form = _FORMS[4 * f.opcode[v] + _column_of(f.type[v])]
    x = lowering.use(f.a[v])
    lowering.three(form, lowering.result(v), x, lowering.operand(f.b[v]))
    return True


def square_root(lowering: Lowering) -> bool:
    """``sqrt``; of one number it keeps what is above from another register, the operand itself."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    x = lowering.use(f.a[v])
    d = lowering.result(v)
    if type == F32:
        lowering.three(forms.VSQRTSS_XMM_XMM_XM32.number, d, x, x)
    elif type == F64:
        lowering.three(forms.VSQRTSD_XMM_XMM_XM64.number, d, x, x)
    else:
        lowering.unary(forms.VSQRTPS_XMM_XM128.number if type == F32X4 else forms.VSQRTPD_XMM_XM128.number, d, x)
    return True


def rounded(lowering: Lowering) -> bool:
    """``round`` in a direction, without the exception for inexact results."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    how: i64 = _ROUNDINGS[int(f.opcode[v])]
    x = lowering.use(f.a[v])
    d = lowering.result(v)
    if type == F32:
        lowering.three(forms.VROUNDSS_XMM_XMM_XM32_IMM8.number, d, x, x, how)
    elif type == F64:
        lowering.three(forms.VROUNDSD_XMM_XMM_XM64_IMM8.number, d, x, x, how)
    elif type == F32X4:
        lowering.unary(forms.VROUNDPS_XMM_XM128_IMM8.number, d, x, how)
    else:
        lowering.unary(forms.VROUNDPD_XMM_XM128_IMM8.number, d, x, how)
    return True


def fused(lowering: Lowering) -> bool:
    """``vfmadd213 d, y, z``: d is x before and the result after."""
    f = lowering.function
    v = lowering.v
    form = _FORMS[4 * FMA + _column_of(f.type[v])]
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    z = lowering.use(f.c[v])
    d = lowering.result(v)
    lowering.copy(d, x)
    modify_three(lowering, form, d, y, z)
    return True


def modify_three(lowering: Lowering, form: i64, d: i64, y: i64, z: i64) -> None:
    """``form d, y, z`` where d is read and written."""
    lowering.code.add(form, REG, REG_READ | REG_WRITTEN | RM_READ | RM_MAY_BE_MEMORY, d, z, NO_REGISTER, y)


def negate(lowering: Lowering) -> bool:
    """The sign turned round."""
    f = lowering.function
    v = lowering.v
    x = lowering.use(f.a[v])
    number, size = _LANES[int(f.type[v] & LANE)]
    lowering.three(_XOR, lowering.result(v), x, lowering.constant_operand(repeated(number, size)))
    return True


def absolute(lowering: Lowering) -> bool:
    """The sign cleared."""
    f = lowering.function
    v = lowering.v
    x = lowering.use(f.a[v])
    lowering.three(_ANDN, lowering.result(v), sign_mask(lowering, f.type[v]), x)
    return True


def copy_sign(lowering: Lowering) -> bool:
    """Bits of x, but for the sign, and the sign of y."""
    f = lowering.function
    v = lowering.v
    mask = sign_mask(lowering, f.type[v])
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    of_x = lowering.code.temporary(XMM)
    of_y = lowering.code.temporary(XMM)
    lowering.three(_ANDN, of_x, mask, x)
    lowering.three(_AND, of_y, mask, y)
    lowering.three(_OR, lowering.result(v), of_x, of_y)
    return True


def least(lowering: Lowering) -> bool:
    """``min`` gives its second operand where an operand is NaN or both are zeros: so both ways, and both answers.

    Zeros: -0 or'd with 0 is -0. NaN: all bits set, but for the fraction below the quiet bit.
    """
    f = lowering.function
    v = lowering.v
    type = f.type[v] & LANE
    low = _MINPS if type == F32 else _MINPD
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    one, two, either = lowering.code.temporary(XMM), lowering.code.temporary(XMM), lowering.code.temporary(XMM)
    nan, both, fraction = lowering.code.temporary(XMM), lowering.code.temporary(XMM), lowering.code.temporary(XMM)
    lowering.three(low, one, x, y)
    lowering.three(low, two, y, x)
    lowering.three(_OR, either, one, two)
    lowering.three(_CMPPS if type == F32 else _CMPPD, nan, either, two, UNORDERED)
    lowering.three(_OR, both, either, nan)
    shift_right(lowering, type, fraction, nan)
    lowering.three(_ANDN, lowering.result(v), fraction, both)
    return True


def greatest(lowering: Lowering) -> bool:
    """The same for ``max``: where the two answers differ they are zeros, and their difference with its sign is 0."""
    f = lowering.function
    v = lowering.v
    type = f.type[v] & LANE
    high = _MAXPS if type == F32 else _MAXPD
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    one, two, differ = lowering.code.temporary(XMM), lowering.code.temporary(XMM), lowering.code.temporary(XMM)
    either, sum, nan, fraction = (lowering.code.temporary(XMM) for _ in range(4))
    lowering.three(high, one, x, y)
    lowering.three(high, two, y, x)
    lowering.three(_XOR, differ, one, two)
    lowering.three(_OR, either, one, differ)
    lowering.three(_SUBPS if type == F32 else _SUBPD, sum, either, differ)
    lowering.three(_CMPPS if type == F32 else _CMPPD, nan, differ, either, UNORDERED)
    shift_right(lowering, type, fraction, nan)
    lowering.three(_ANDN, lowering.result(v), fraction, sum)
    return True


def shift_right(lowering: Lowering, type: i64, d: i64, x: i64) -> None:
    """A mask of NaN shifted to cover the fraction below the quiet bit."""
    by_immediate(lowering, _SHIFT32 if type == F32 else _SHIFT64, d, x, 10 if type == F32 else 13)


def compare_vectors(lowering: Lowering) -> bool:
    """``vcmp`` with a predicate."""
    f = lowering.function
    v = lowering.v
    type = f.type[f.a[v]]
    if type < VECTOR:
        return False
    x = lowering.use(f.a[v])
    form = _CMPPS if type == F32X4 else _CMPPD
    lowering.three(form, lowering.result(v), x, lowering.use(f.b[v]), PREDICATES[int(f.immediate[v])])
    return True


def compare(lowering: Lowering) -> bool:
    """A comparison as a number."""
    v = lowering.v
    if lowering.function.type[lowering.function.a[v]] >= VECTOR:
        return False
    set_condition(lowering, lowering.result(v), comparison(lowering, v))
    return True


def choose(lowering: Lowering) -> bool:
    """The condition as a mask of all bits, and a blend by it."""
    f = lowering.function
    v = lowering.v
    if f.type[v] <= I64:
        return False
    x = lowering.use(f.b[v])
    y = lowering.use(f.c[v])
    held = condition(lowering, f.a[v])
    flag, number, one, mask = (lowering.code.temporary(one) for one in (GENERAL, GENERAL, XMM, XMM))
    set_condition(lowering, flag, held)
    lowering.unary(_MOVZX8, number, flag)
    lowering.modify_immediate(_NEG32, number)
    lowering.unary(_MOVD, one, number)
    lowering.unary(_BROADCAST, mask, one)
    blend(lowering, lowering.result(v), y, x, mask)
    return True


def blend(lowering: Lowering, d: i64, y: i64, x: i64, mask: i64) -> None:
    """``vpblendvb d, y, x, mask``: x where the mask is set."""
    four(lowering, _BLENDV, d, y, x, mask)


RULES: Final = {
    FADD: (binary,),
    FSUB: (binary,),
    FMUL: (binary,),
    FDIV: (binary,),
    SQRT: (square_root,),
    CEIL: (rounded,),
    FLOOR: (rounded,),
    TRUNC: (rounded,),
    NEAREST: (rounded,),
    FMA: (fused,),
    FNEG: (negate,),
    FABS: (absolute,),
    FCOPYSIGN: (copy_sign,),
    FMIN: (least,),
    FMAX: (greatest,),
    FCMP: (compare_vectors, compare),
    SELECT: (choose,),
}
