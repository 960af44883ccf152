"""Shifts of all lanes by one number.

The machine shifts words, double words and quadruple words, by a count in an xmm register. Bytes are shifted as words,
and what came over from the neighbour is masked away; with sign, as the upper halves of words. Quadruple words with
sign: shifted without, and the sign's copies put in as ``(x ^ m) - m`` with m the shifted sign.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import ISHL, SSHR, USHR
from wasmer_clif_backend.ir.types import I8, I32, I64, LANE, VECTOR, bits_of
from wasmer_clif_backend.machine.code import GENERAL, XMM
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.rules.float import repeated
from wasmer_clif_backend.machine.x64.rules.vex import by_immediate
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.support.annotations import Final, i64

_FORMS: Final = {
    ISHL: (forms.VPSLLW_XMM_XMM_XM128, forms.VPSLLD_XMM_XMM_XM128, forms.VPSLLQ_XMM_XMM_XM128),
    USHR: (forms.VPSRLW_XMM_XMM_XM128, forms.VPSRLD_XMM_XMM_XM128, forms.VPSRLQ_XMM_XMM_XM128),
    SSHR: (forms.VPSRAW_XMM_XMM_XM128, forms.VPSRAD_XMM_XMM_XM128),
}
_BY_CONSTANT: Final = {
    ISHL: (forms.VPSLLW_XMM_XMM_IMM8, forms.VPSLLD_XMM_XMM_IMM8, forms.VPSLLQ_XMM_XMM_IMM8),
    USHR: (forms.VPSRLW_XMM_XMM_IMM8, forms.VPSRLD_XMM_XMM_IMM8, forms.VPSRLQ_XMM_XMM_IMM8),
    SSHR: (forms.VPSRAW_XMM_XMM_IMM8, forms.VPSRAD_XMM_XMM_IMM8),
}
_AND32_IMM8: Final[i64] = forms.AND_RM32_IMM8.number
_ADD32_IMM8: Final[i64] = forms.ADD_RM32_IMM8.number
_MOVD: Final[i64] = forms.VMOVD_XMM_RM32.number
_PAND: Final[i64] = forms.VPAND_XMM_XMM_XM128.number
_PXOR: Final[i64] = forms.VPXOR_XMM_XMM_XM128.number
_PSUBQ: Final[i64] = forms.VPSUBQ_XMM_XMM_XM128.number
_PSHUFB: Final[i64] = forms.VPSHUFB_XMM_XMM_XM128.number
_UNPACK_LOW: Final[i64] = forms.VPUNPCKLBW_XMM_XMM_XM128.number
_UNPACK_HIGH: Final[i64] = forms.VPUNPCKHBW_XMM_XMM_XM128.number
_PACK: Final[i64] = forms.VPACKSSWB_XMM_XMM_XM128.number


def shift_by_constant(lowering: Lowering) -> bool:
    """One instruction with the number in it."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    lane = type & LANE
    if type < VECTOR or lane == I8 or not lowering.is_constant(f.b[v]):
        return False
    forms_of_lanes = _BY_CONSTANT[int(f.opcode[v])]
    if lane - 2 >= len(forms_of_lanes):
        return False
    n = lowering.constant_of(f.b[v]) & (bits_of(lane) - 1)
    x = lowering.use(f.a[v])
    by_immediate(lowering, forms_of_lanes[int(lane) - 2].number, lowering.result(v), x, n)
    return True


def shift(lowering: Lowering) -> bool:
    """One instruction, or as above."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type < VECTOR:
        return False
    opcode = int(f.opcode[v])
    lane = type & LANE
    x = lowering.use(f.a[v])
    number = _number(lowering, f.b[v], bits_of(lane))
    count = _count(lowering, number)
    d = lowering.result(v)
    if lane == I8:
        _bytes(lowering, opcode, d, x, number, count)
    elif lane == I64 and opcode == SSHR:
        sign, shifted, turned = (lowering.code.temporary(XMM) for _ in range(3))
        right: i64 = _FORMS[USHR][2].number
        lowering.three(right, sign, lowering.vector(repeated(1 << 63, 8)), count)
        lowering.three(right, shifted, x, count)
        lowering.three(_PXOR, turned, shifted, sign)
        lowering.three(_PSUBQ, d, turned, sign)
    else:
        lowering.three(_FORMS[opcode][int(lane) - 2].number, d, x, count)
    return True


def _number(lowering: Lowering, by: i64, bits: i64) -> i64:
    """The count modulo the bits of a lane, in a general register."""
    if lowering.is_constant(by):
        return lowering.integer(lowering.constant_of(by) & (bits - 1), I32)
    r = lowering.code.temporary(GENERAL)
    lowering.copy(r, lowering.use(by))
    lowering.modify_immediate(_AND32_IMM8, r, bits - 1)
    return r


def _count(lowering: Lowering, number: i64) -> i64:
    count = lowering.code.temporary(XMM)
    lowering.unary(_MOVD, count, number)
    return count


def _bytes(lowering: Lowering, opcode: int, d: i64, x: i64, number: i64, count: i64) -> None:
    if opcode == SSHR:
        # Each byte twice in a word: its upper half has the sign where it should be.
        more = lowering.code.temporary(GENERAL)
        lowering.copy(more, number)
        lowering.modify_immediate(_ADD32_IMM8, more, 8)
        further = _count(lowering, more)
        low, high, low_shifted, high_shifted = (lowering.code.temporary(XMM) for _ in range(4))
        lowering.three(_UNPACK_LOW, low, x, x)
        lowering.three(_UNPACK_HIGH, high, x, x)
        right: i64 = _FORMS[SSHR][0].number
        lowering.three(right, low_shifted, low, further)
        lowering.three(right, high_shifted, high, further)
        lowering.three(_PACK, d, low_shifted, high_shifted)
        return
    # The mask is a byte of ones shifted like the others, in all lanes.
    shifted, mask_words, mask, every = (lowering.code.temporary(XMM) for _ in range(4))
    form: i64 = _FORMS[opcode][0].number
    lowering.three(form, shifted, x, count)
    if opcode == ISHL:
        lowering.three(form, mask_words, lowering.vector(repeated(0x00FF, 2)), count)
        lowering.three(_PSHUFB, every, mask_words, lowering.vector(bytes(16)))
    else:
        # From the upper byte, so that ones come down into the lower one.
        lowering.three(form, mask, lowering.vector(repeated(0xFF00, 2)), count)
        lowering.three(_PSHUFB, every, mask, lowering.constant_operand(b"\x01" * 16))
    lowering.three(_PAND, d, shifted, every)


RULES: Final = {
    ISHL: (shift_by_constant, shift),
    USHR: (shift_by_constant, shift),
    SSHR: (shift_by_constant, shift),
}
