"""Conversions: between widths, between integers and floats, of bits."""

from __future__ import annotations

from wasmer_clif_backend.ir.bits import float_bits
from wasmer_clif_backend.ir.opcodes import (
    BITCAST,
    FCMP,
    FCVT_FROM_SINT,
    FCVT_FROM_UINT,
    FCVT_TO_SINT,
    FCVT_TO_SINT_SAT,
    FCVT_TO_UINT,
    FCVT_TO_UINT_SAT,
    FDEMOTE,
    FPROMOTE,
    FVDEMOTE,
    FVPROMOTE_LOW,
    ICMP,
    IREDUCE,
    SEXTEND,
    TRAP_CODES,
    UEXTEND,
    X86_CVTT2DQ,
)
from wasmer_clif_backend.ir.types import F32, F32X4, F64, I32, I64, VECTOR, bits_of, in_xmm
from wasmer_clif_backend.machine.code import GENERAL, REG_READ, RM_WRITTEN, XMM
from wasmer_clif_backend.machine.x64.lower import MOV32, Lowering, float_bytes
from wasmer_clif_backend.machine.x64.rules.condition import CMOV64, condition, set_condition
from wasmer_clif_backend.machine.x64.rules.extend import sign_extended, sign_form, zero_extended, zero_form
from wasmer_clif_backend.machine.x64.rules.float import repeated
from wasmer_clif_backend.machine.x64.rules.trapping import trap_if
from wasmer_clif_backend.machine.x64.rules.vex import by_immediate, extract, four, insert
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE_OR_EQUAL,
    BELOW_OR_EQUAL,
    GREATER,
    LESS,
    PARITY,
    SIGN,
)
from wasmer_runtime_core.codegen.x64.records import REG
from wasmer_runtime_core.support.annotations import Final, i64

_MOVZX8: Final[i64] = forms.MOVZX_R32_RM8.number
_MOVD: Final[i64] = forms.VMOVD_XMM_RM32.number
_MOVQ: Final[i64] = forms.VMOVQ_XMM_RM64.number
_FROM_XMM32: Final[i64] = forms.VMOVD_RM32_XMM.number
_FROM_XMM64: Final[i64] = forms.VMOVQ_RM64_XMM.number
_SHR64: Final[i64] = forms.SHR_RM64_IMM8.number
_AND64_IMM8: Final[i64] = forms.AND_RM64_IMM8.number
_ADC32_IMM8: Final[i64] = forms.ADC_RM32_IMM8.number
_OR64: Final[i64] = forms.OR_R64_RM64.number
_XOR64: Final[i64] = forms.XOR_R64_RM64.number
_TWO_31: Final = 2147483648.0
_ADD64: Final[i64] = forms.ADD_R64_RM64.number
_TEST64: Final[i64] = forms.TEST_RM64_R64.number
_CMP64: Final[i64] = forms.CMP_R64_RM64.number
_PEXTRQ: Final[i64] = forms.VPEXTRQ_RM64_XMM_IMM8.number
_PINSRQ: Final[i64] = forms.VPINSRQ_XMM_XMM_RM64_IMM8.number
_UNPACK: Final[i64] = forms.VUNPCKLPD_XMM_XMM_XM128.number
_SHUFFLE: Final[i64] = forms.VPSHUFD_XMM_XM128_IMM8.number
_AND: Final[i64] = forms.VANDPS_XMM_XMM_XM128.number
_XOR: Final[i64] = forms.VXORPS_XMM_XMM_XM128.number
_PAND: Final[i64] = forms.VPAND_XMM_XMM_XM128.number
_PADDD: Final[i64] = forms.VPADDD_XMM_XMM_XM128.number
_PSRLD: Final[i64] = forms.VPSRLD_XMM_XMM_IMM8.number
_BLENDVPD: Final[i64] = forms.VBLENDVPD_XMM_XMM_XM128_XMM.number
_ORDERED: Final = 7
_AT_LEAST: Final = 13


class _Forms:
    """The instructions for one type of float."""

    def __init__(self, single: bool) -> None:
        f = forms
        self.add: i64 = (f.VADDSS_XMM_XMM_XM32 if single else f.VADDSD_XMM_XMM_XM64).number
        self.sub: i64 = (f.VSUBSS_XMM_XMM_XM32 if single else f.VSUBSD_XMM_XMM_XM64).number
        self.min: i64 = (f.VMINSS_XMM_XMM_XM32 if single else f.VMINSD_XMM_XMM_XM64).number
        self.max: i64 = (f.VMAXSS_XMM_XMM_XM32 if single else f.VMAXSD_XMM_XMM_XM64).number
        self.cmp: i64 = (f.VCMPSS_XMM_XMM_XM32_IMM8 if single else f.VCMPSD_XMM_XMM_XM64_IMM8).number
        self.ucomis: i64 = (f.VUCOMISS_XMM_XM32 if single else f.VUCOMISD_XMM_XM64).number
        self.from32: i64 = (f.VCVTSI2SS_XMM_XMM_RM32 if single else f.VCVTSI2SD_XMM_XMM_RM32).number
        self.from64: i64 = (f.VCVTSI2SS_XMM_XMM_RM64 if single else f.VCVTSI2SD_XMM_XMM_RM64).number
        self.to32: i64 = (f.VCVTTSS2SI_R32_XM32 if single else f.VCVTTSD2SI_R32_XM64).number
        self.to64: i64 = (f.VCVTTSS2SI_R64_XM32 if single else f.VCVTTSD2SI_R64_XM64).number


_SINGLE: Final = _Forms(True)
_DOUBLE: Final = _Forms(False)


def _forms(type: i64) -> _Forms:
    return _SINGLE if type == F32 or type == F32X4 else _DOUBLE


def power_of_two(lowering: Lowering, exponent: int, type: i64) -> i64:
    """A register with a float that is a power of two."""
    size = 4 if type == F32 else 8
    return lowering.float(float_bits(float(1 << exponent), size), type)


# --- between widths --------------------------------------------------------------------------------


def reduce(lowering: Lowering) -> bool:
    """The same register; of a word, with the upper half cleared."""
    f = lowering.function
    v = lowering.v
    if f.type[v] == I32:
        x = lowering.use(f.a[v])
        lowering.code.suggest(lowering.result(v), x)
        lowering.unary(MOV32, lowering.result(v), x)
    else:
        lowering.copy(lowering.result(v), lowering.use(f.a[v]))
    return True


def extend_condition(lowering: Lowering) -> bool:
    """A comparison whose one use is to be extended."""
    f = lowering.function
    v = lowering.v
    c = f.a[v]
    opcode = f.opcode[c]
    if (opcode != ICMP and opcode != FCMP) or f.type[f.a[c]] >= VECTOR or lowering.function.uses[c] > 1:
        return False
    held = condition(lowering, c)
    r = lowering.code.temporary(GENERAL)
    set_condition(lowering, r, held)
    lowering.unary(_MOVZX8, lowering.result(v), r)
    return True


def extend_zero(lowering: Lowering) -> bool:
    """``movzx``; a word is there already."""
    f = lowering.function
    v = lowering.v
    x = f.a[v]
    if f.type[x] == I32:
        lowering.copy(lowering.result(v), lowering.use(x))
    else:
        lowering.unary(zero_form(f.type[x]), lowering.result(v), lowering.use(x))
    return True


def extend_sign(lowering: Lowering) -> bool:
    """``movsx``, ``movsxd``."""
    f = lowering.function
    v = lowering.v
    x = f.a[v]
    lowering.unary(sign_form(f.type[x], f.type[v]), lowering.result(v), lowering.use(x))
    return True


def cast(lowering: Lowering) -> bool:
    """A copy, to the other kind of register if it must be."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    from_type = f.type[f.a[v]]
    x = lowering.use(f.a[v])
    d = lowering.result(v)
    if in_xmm(type) == in_xmm(from_type):
        lowering.copy(d, x)
    elif in_xmm(type):
        lowering.unary(_MOVD if type == F32 else _MOVQ, d, x)
    else:
        _to_general(lowering, d, x, type == I32)
    return True


def _to_general(lowering: Lowering, d: i64, x: i64, single: bool) -> None:
    lowering.code.add(_FROM_XMM32 if single else _FROM_XMM64, REG, REG_READ | RM_WRITTEN, x, d)


def promote(lowering: Lowering) -> bool:
    """``cvtss2sd``, ``cvtsd2ss``."""
    f = lowering.function
    v = lowering.v
    x = lowering.use(f.a[v])
    wider = f.opcode[v] == FPROMOTE
    form = forms.VCVTSS2SD_XMM_XMM_XM32 if wider else forms.VCVTSD2SS_XMM_XMM_XM64
    lowering.three(form.number, lowering.result(v), x, x)
    return True


_UNARY: Final = {
    FVDEMOTE: forms.VCVTPD2PS_XMM_XM128.number,
    FVPROMOTE_LOW: forms.VCVTPS2PD_XMM_XM64.number,
    X86_CVTT2DQ: forms.VCVTTPS2DQ_XMM_XM128.number,
}


def unary(lowering: Lowering) -> bool:
    """One instruction."""
    f = lowering.function
    v = lowering.v
    lowering.unary(_UNARY[int(f.opcode[v])], lowering.result(v), lowering.use(f.a[v]))
    return True


# --- integers to floats ----------------------------------------------------------------------------------


def from_signed(lowering: Lowering) -> bool:
    """``cvtsi2sd``, ``cvtdq2ps``; two lanes one after the other."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    from_type = f.type[f.a[v]]
    d = lowering.result(v)
    if type == F32X4:
        lowering.unary(forms.VCVTDQ2PS_XMM_XM128.number, d, lowering.use(f.a[v]))
    elif type >= VECTOR:
        low, high = _lanes(lowering, lowering.use(f.a[v]))
        _joined(lowering, d, _signed(lowering, low, F64, True), _signed(lowering, high, F64, True))
    else:
        zero = lowering.float(0, type)
        x = lowering.operand(f.a[v]) if from_type >= I32 else sign_extended(lowering, f.a[v])
        lowering.three(_forms(type).from64 if from_type == I64 else _forms(type).from32, d, zero, x)
    return True


def _signed(lowering: Lowering, x: i64, type: i64, wide: bool) -> i64:
    d = lowering.code.temporary(XMM)
    lowering.three(_forms(type).from64 if wide else _forms(type).from32, d, lowering.float(0, type), x)
    return d


def from_unsigned(lowering: Lowering) -> bool:
    """Fewer than 64 bits are positive in 64; of 64, see `_unsigned`; four words as two halves each."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    from_type = f.type[f.a[v]]
    d = lowering.result(v)
    if type == F32X4:
        x = lowering.use(f.a[v])
        low, high, low_float, high_float, scaled = (lowering.code.temporary(XMM) for _ in range(5))
        lowering.three(_PAND, low, x, lowering.constant_operand(repeated(0xFFFF, 4)))
        by_immediate(lowering, _PSRLD, high, x, 16)
        lowering.unary(forms.VCVTDQ2PS_XMM_XM128.number, low_float, low)
        lowering.unary(forms.VCVTDQ2PS_XMM_XM128.number, high_float, high)
        lowering.three(
            forms.VMULPS_XMM_XMM_XM128.number,
            scaled,
            high_float,
            lowering.vector(repeated(float_bits(65536.0, 4), 4)),
        )
        lowering.three(forms.VADDPS_XMM_XMM_XM128.number, d, scaled, low_float)
    elif type >= VECTOR:
        low, high = _lanes(lowering, lowering.use(f.a[v]))
        one, two = lowering.code.temporary(XMM), lowering.code.temporary(XMM)
        _unsigned(lowering, one, low, F64)
        _unsigned(lowering, two, high, F64)
        _joined(lowering, d, one, two)
    elif from_type == I64:
        _unsigned(lowering, d, lowering.use(f.a[v]), type)
    else:
        lowering.three(_forms(type).from64, d, lowering.float(0, type), zero_extended(lowering, f.a[v]))
    return True


def _unsigned(lowering: Lowering, d: i64, x: i64, type: i64) -> None:
    """A number of 64 bits without sign. One that looks negative is halved, keeping its last bit, and doubled."""
    row = _forms(type)
    half, bit, given = (lowering.code.temporary(GENERAL) for _ in range(3))
    lowering.copy(half, x)
    lowering.modify_immediate(_SHR64, half, 1)
    lowering.copy(bit, x)
    lowering.modify_immediate(_AND64_IMM8, bit, 1)
    lowering.modify(_OR64, half, bit)
    lowering.compare(_TEST64, x, x)
    lowering.copy(given, x)
    lowering.modify(CMOV64 + SIGN, given, half)
    once, twice, sign = (lowering.code.temporary(XMM) for _ in range(3))
    lowering.three(row.from64, once, lowering.float(0, type), given)
    lowering.three(row.add, twice, once, once)
    if type == F32:
        # The sign of the float's 32 bits decides in blendvps; in the upper half of x it is bit 63.
        shifted = lowering.code.temporary(GENERAL)
        lowering.copy(shifted, x)
        lowering.modify_immediate(_SHR64, shifted, 32)
        lowering.unary(_MOVD, sign, shifted)
        four(lowering, forms.VBLENDVPS_XMM_XMM_XM128_XMM.number, d, once, twice, sign)
    else:
        lowering.unary(_MOVQ, sign, x)
        four(lowering, _BLENDVPD, d, once, twice, sign)


def _lanes(lowering: Lowering, x: i64) -> tuple[i64, i64]:
    """Both lanes of an i64x2."""
    low, high = lowering.code.temporary(GENERAL), lowering.code.temporary(GENERAL)
    _to_general(lowering, low, x, False)
    extract(lowering, _PEXTRQ, high, x, 1)
    return low, high


def _joined(lowering: Lowering, d: i64, low: i64, high: i64) -> None:
    """Two doubles as a vector."""
    lowering.three(_UNPACK, d, low, high)


# --- floats to integers, saturating ---------------------------------------------------------------------------


def to_saturated(lowering: Lowering) -> bool:
    """The nearest number where it does not fit; NaN is 0."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    from_type = f.type[f.a[v]]
    with_sign = f.opcode[v] == FCVT_TO_SINT_SAT
    x = lowering.use(f.a[v])
    d = lowering.result(v)
    if type == (VECTOR | I32):
        if with_sign:
            _four_signed(lowering, d, x)
        else:
            _four_unsigned(lowering, d, x)
    elif type >= VECTOR:
        upper = lowering.code.temporary(XMM)
        lowering.unary(_SHUFFLE, upper, x, 0xEE)
        low, high, one = (
            lowering.code.temporary(GENERAL),
            lowering.code.temporary(GENERAL),
            lowering.code.temporary(XMM),
        )
        _wide_saturated(lowering, low, x, F64, with_sign)
        _wide_saturated(lowering, high, upper, F64, with_sign)
        lowering.unary(_MOVQ, one, low)
        insert(lowering, _PINSRQ, d, one, high, 1)
    elif type == I64:
        _wide_saturated(lowering, d, x, from_type, with_sign)
    elif type == I32 and with_sign:
        _word_saturated(lowering, d, x, from_type)
    else:
        _narrow_saturated(lowering, d, x, from_type, int(bits_of(type)), with_sign)
    return True


def _word_saturated(lowering: Lowering, d: i64, x: i64, type: i64) -> None:
    """``cvttsd2si`` gives 0x80000000 where it does not fit: right if it is too small, one too much if it is too great.

    Less one, and the carry of a comparison with 2**31: that is there for all that fits.
    """
    row = _forms(type)
    number = _without_nan(lowering, x, type)
    lowering.unary(row.to32, d, number)
    size = 4 if type == F32 else 8
    lowering.compare(row.ucomis, number, lowering.constant_operand(float_bytes(float_bits(_TWO_31, size), type)))
    lowering.modify_immediate(_ADC32_IMM8, d, -1)


def _narrow_saturated(lowering: Lowering, d: i64, x: i64, type: i64, bits: int, with_sign: bool) -> None:
    """Through 64 bits, where the limits are integers; what is greater than these is 2**62 before."""
    row = _forms(type)
    number, least = _without_nan(lowering, x, type), lowering.code.temporary(XMM)
    lowering.three(row.min, least, number, power_of_two(lowering, 62, type))
    wide = lowering.code.temporary(GENERAL)
    lowering.unary(row.to64, wide, least)
    low = lowering.integer(-(1 << (bits - 1)) if with_sign else 0, I64)
    high = lowering.integer((1 << (bits - 1)) - 1 if with_sign else (1 << bits) - 1, I64)
    above = lowering.code.temporary(GENERAL)
    lowering.compare(_CMP64, wide, low)
    lowering.copy(above, wide)
    lowering.modify(CMOV64 + LESS, above, low)
    lowering.compare(_CMP64, above, high)
    result = lowering.code.temporary(GENERAL)
    lowering.copy(result, above)
    lowering.modify(CMOV64 + GREATER, result, high)
    lowering.unary(MOV32, d, result)


def _without_nan(lowering: Lowering, x: i64, type: i64) -> i64:
    """x, or 0 where it is NaN."""
    mask, number = lowering.code.temporary(XMM), lowering.code.temporary(XMM)
    lowering.three(_forms(type).cmp, mask, x, x, _ORDERED)
    lowering.three(_AND, number, mask, x)
    return number


def _wide_saturated(lowering: Lowering, d: i64, x: i64, type: i64, with_sign: bool) -> None:
    """``cvttsd2si`` gives 0x8000… where it does not fit: right if it is too small, its complement if too great."""
    row = _forms(type)
    if with_sign:
        number = _without_nan(lowering, x, type)
        lowering.unary(row.to64, d, number)
        lowering.modify(_XOR64, d, _mask_at_least(lowering, number, type))
        return
    # Without sign: what is beyond 2**63 is converted apart, and both are added.
    zero = lowering.float(0, type)
    number, over, beyond = (lowering.code.temporary(XMM) for _ in range(3))
    lowering.three(row.max, number, x, zero)
    lowering.three(row.sub, over, number, power_of_two(lowering, 63, type))
    lowering.three(row.max, beyond, over, zero)
    rest = lowering.code.temporary(GENERAL)
    lowering.unary(row.to64, rest, beyond)
    lowering.modify(_XOR64, rest, _mask_at_least(lowering, beyond, type))
    lowering.unary(row.to64, d, number)
    lowering.modify(_ADD64, d, rest)


def _mask_at_least(lowering: Lowering, x: i64, type: i64) -> i64:
    """A general register with all bits set if x is 2**63 or more."""
    mask = lowering.code.temporary(XMM)
    lowering.three(_forms(type).cmp, mask, x, power_of_two(lowering, 63, type), _AT_LEAST)
    r = lowering.code.temporary(GENERAL)
    if type == F32:
        narrow = lowering.code.temporary(GENERAL)
        _to_general(lowering, narrow, mask, True)
        lowering.unary(forms.MOVSXD_R64_RM32.number, r, narrow)
    else:
        _to_general(lowering, r, mask, False)
    return r


def _four_signed(lowering: Lowering, d: i64, x: i64) -> None:
    mask, number, whole, great = (lowering.code.temporary(XMM) for _ in range(4))
    cmp: i64 = forms.VCMPPS_XMM_XMM_XM128_IMM8.number
    lowering.three(cmp, mask, x, x, _ORDERED)
    lowering.three(_AND, number, mask, x)
    lowering.unary(forms.VCVTTPS2DQ_XMM_XM128.number, whole, number)
    lowering.three(cmp, great, number, lowering.constant_operand(repeated(float_bits(_TWO_31, 4), 4)), _AT_LEAST)
    lowering.three(_XOR, d, whole, great)


def _four_unsigned(lowering: Lowering, d: i64, x: i64) -> None:
    number, over, beyond, rest, great, fixed, low = (lowering.code.temporary(XMM) for _ in range(7))
    limit = lowering.vector(repeated(float_bits(_TWO_31, 4), 4))
    zero = lowering.vector(bytes(16))
    max: i64 = forms.VMAXPS_XMM_XMM_XM128.number
    convert: i64 = forms.VCVTTPS2DQ_XMM_XM128.number
    lowering.three(max, number, x, zero)
    lowering.three(forms.VSUBPS_XMM_XMM_XM128.number, over, number, limit)
    lowering.three(max, beyond, over, zero)
    lowering.unary(convert, rest, beyond)
    lowering.three(forms.VCMPPS_XMM_XMM_XM128_IMM8.number, great, beyond, limit, _AT_LEAST)
    lowering.three(_XOR, fixed, rest, great)
    lowering.unary(convert, low, number)
    lowering.three(_PADDD, d, low, fixed)


# --- floats to integers, trapping -------------------------------------------------------------------------------


def to_trapping(lowering: Lowering) -> bool:
    """NaN and what does not fit trap; then it is as saturating."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    from_type = f.type[f.a[v]]
    with_sign = f.opcode[v] == FCVT_TO_SINT
    bits = int(bits_of(type))
    row = _forms(from_type)
    x = lowering.use(f.a[v])
    lowering.compare(row.ucomis, x, x)
    trap_if(lowering, PARITY, TRAP_CODES["bad_toint"])
    high = power_of_two(lowering, bits - 1 if with_sign else bits, from_type)
    lowering.compare(row.ucomis, x, high)
    trap_if(lowering, ABOVE_OR_EQUAL, TRAP_CODES["int_ovf"])
    # Below: up to the first number that is rounded to one that does not fit; where that is no float, the least one.
    size = 4 if from_type == F32 else 8
    if with_sign:
        exact = bits <= (24 if from_type == F32 else 53)
        low_bits = float_bits(-float((1 << (bits - 1)) + exact), size)
    else:
        exact = True
        low_bits = float_bits(-1.0, size)
    low = lowering.float(low_bits - (1 << 64) if low_bits >> 63 else low_bits, from_type)
    if exact:
        lowering.compare(row.ucomis, x, low)
        trap_if(lowering, BELOW_OR_EQUAL, TRAP_CODES["int_ovf"])
    else:
        lowering.compare(row.ucomis, low, x)
        trap_if(lowering, 7, TRAP_CODES["int_ovf"])
    d = lowering.result(v)
    if bits == 64:
        _wide_saturated(lowering, d, x, from_type, with_sign)
    else:
        wide = lowering.code.temporary(GENERAL)
        lowering.unary(row.to64, wide, x)
        lowering.unary(MOV32, d, wide)
    return True


RULES: Final = {
    IREDUCE: (reduce,),
    UEXTEND: (extend_condition, extend_zero),
    SEXTEND: (extend_sign,),
    BITCAST: (cast,),
    FPROMOTE: (promote,),
    FDEMOTE: (promote,),
    FVDEMOTE: (unary,),
    FVPROMOTE_LOW: (unary,),
    X86_CVTT2DQ: (unary,),
    FCVT_FROM_SINT: (from_signed,),
    FCVT_FROM_UINT: (from_unsigned,),
    FCVT_TO_SINT_SAT: (to_saturated,),
    FCVT_TO_UINT_SAT: (to_saturated,),
    FCVT_TO_SINT: (to_trapping,),
    FCVT_TO_UINT: (to_trapping,),
}
