"""Lanes: put in, taken out, spread, put into another order."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from wasmer_clif_backend.ir.opcodes import (
    EXTRACTLANE,
    INSERTLANE,
    SCALAR_TO_VECTOR,
    SHUFFLE,
    SPLAT,
    SWIZZLE,
    X86_PSHUFB,
)
from wasmer_clif_backend.ir.types import F32, F64, I8, I16, I32, I64, LANE
from wasmer_clif_backend.machine.code import XMM
from wasmer_clif_backend.machine.x64.lower import IN_ADDRESS, Lowering
from wasmer_clif_backend.machine.x64.rules.extend import zero_extended
from wasmer_clif_backend.machine.x64.rules.float import repeated
from wasmer_clif_backend.machine.x64.rules.vex import extract, insert
from wasmer_runtime_core.codegen.x64 import forms

_MOVD: Final[i64] = forms.VMOVD_XMM_RM32.number
_MOVQ: Final[i64] = forms.VMOVQ_XMM_RM64.number
_PSHUFB: Final[i64] = forms.VPSHUFB_XMM_XMM_XM128.number
_POR: Final[i64] = forms.VPOR_XMM_XMM_XM128.number
_ADD_SATURATED: Final[i64] = forms.VPADDUSB_XMM_XMM_XM128.number
_SHUFFLE_SINGLE: Final[i64] = forms.VPSHUFD_XMM_XM128_IMM8.number
_BROADCASTS: Final = {
    I8: forms.VPBROADCASTB_XMM_XM8.number,
    I16: forms.VPBROADCASTW_XMM_XM16.number,
    I32: forms.VPBROADCASTD_XMM_XM32.number,
    I64: forms.VPBROADCASTQ_XMM_XM64.number,
    F32: forms.VPBROADCASTD_XMM_XM32.number,
    F64: forms.VPBROADCASTQ_XMM_XM64.number,
}
_INSERTS: Final = {
    I8: forms.VPINSRB_XMM_XMM_R32M8_IMM8.number,
    I16: forms.VPINSRW_XMM_XMM_R32M16_IMM8.number,
    I32: forms.VPINSRD_XMM_XMM_RM32_IMM8.number,
    I64: forms.VPINSRQ_XMM_XMM_RM64_IMM8.number,
}
_EXTRACTS: Final = {
    I8: forms.VPEXTRB_R32M8_XMM_IMM8.number,
    I16: forms.VPEXTRW_R32M16_XMM_IMM8.number,
    I32: forms.VPEXTRD_RM32_XMM_IMM8.number,
    I64: forms.VPEXTRQ_RM64_XMM_IMM8.number,
}


def splat(lowering: Lowering) -> bool:
    """``vpbroadcast`` of a register; an integer goes to one first."""
    f = lowering.function
    v = lowering.v
    lane = f.type[f.a[v]]
    x = lowering.operand(f.a[v])
    if lane <= I64 and x != IN_ADDRESS:
        t = lowering.code.temporary(XMM)
        lowering.unary(_MOVQ if lane == I64 else _MOVD, t, x)
        x = t
    lowering.unary(_BROADCASTS[int(lane)], lowering.result(v), x)
    return True


def scalar_to_vector(lowering: Lowering) -> bool:
    """A move that clears what is above."""
    f = lowering.function
    v = lowering.v
    lane = f.type[f.a[v]]
    d = lowering.result(v)
    if lane == F32:
        x = lowering.use(f.a[v])
        lowering.three(forms.VBLENDPS_XMM_XMM_XM128_IMM8.number, d, lowering.vector(bytes(16)), x, 1)
    elif lane == F64:
        lowering.unary(forms.VMOVQ_XMM_XM64.number, d, lowering.use(f.a[v]))
    else:
        lowering.unary(_MOVQ if lane == I64 else _MOVD, d, zero_extended(lowering, f.a[v]))
    return True


def insert_lane(lowering: Lowering) -> bool:
    """``pinsr``, ``insertps``; of doubles, half of each."""
    f = lowering.function
    v = lowering.v
    lane = f.type[v] & LANE
    number = f.immediate[v]
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    d = lowering.result(v)
    if lane <= I64:
        insert(lowering, _INSERTS[int(lane)], d, x, y, number)
    elif lane == F32:
        lowering.three(forms.VINSERTPS_XMM_XMM_XM32_IMM8.number, d, x, y, number << 4)
    elif number == 0:
        lowering.three(forms.VBLENDPD_XMM_XMM_XM128_IMM8.number, d, x, y, 1)
    else:
        lowering.three(forms.VUNPCKLPD_XMM_XMM_XM128.number, d, x, y)
    return True


def extract_lane(lowering: Lowering) -> bool:
    """``pextr``; a float comes down in its register."""
    f = lowering.function
    v = lowering.v
    lane = f.type[v]
    number = f.immediate[v]
    x = lowering.use(f.a[v])
    d = lowering.result(v)
    if lane <= I64:
        extract(lowering, _EXTRACTS[int(lane)], d, x, number)
    elif number == 0:
        lowering.copy(d, x)
    elif lane == F32:
        lowering.unary(_SHUFFLE_SINGLE, d, x, number)
    else:
        lowering.unary(_SHUFFLE_SINGLE, d, x, 0xEE)
    return True


def shuffle_words(lowering: Lowering) -> bool:
    """``pshufd``, if whole words of one operand change places."""
    f = lowering.function
    v = lowering.v
    mask = f.constants[f.immediate[v]]
    if f.a[v] == f.b[v]:
        mask = bytes(number & 15 if number < 32 else number for number in mask)
    first = mask[0] & 0xF0
    order = 0
    for at in range(0, 16, 4):
        number = mask[at]
        if number & 0xF3 != first or number > 31 or mask[at : at + 4] != bytes(range(number, number + 4)):
            return False
        order |= (number >> 2 & 3) << (at >> 1)
    x = lowering.operand(f.b[v] if first else f.a[v])
    lowering.unary(_SHUFFLE_SINGLE, lowering.result(v), x, order)
    return True


def shuffle(lowering: Lowering) -> bool:
    """``pshufb`` of each operand with its part of the mask, and both together; or of the only one asked for."""
    f = lowering.function
    v = lowering.v
    mask = f.constants[f.immediate[v]]
    d = lowering.result(v)
    of_x = bytes(number if number < 16 else 0x80 for number in mask)
    of_y = bytes(number - 16 if 16 <= number < 32 else 0x80 for number in mask)
    nothing = b"\x80" * 16
    if f.a[v] == f.b[v]:
        of_x = bytes(number & 15 if number < 32 else 0x80 for number in mask)
        of_y = nothing
    if of_y == nothing:
        x = lowering.use(f.a[v])
        lowering.three(_PSHUFB, d, x, lowering.constant_operand(of_x))
    elif of_x == nothing:
        y = lowering.use(f.b[v])
        lowering.three(_PSHUFB, d, y, lowering.constant_operand(of_y))
    else:
        x = lowering.use(f.a[v])
        y = lowering.use(f.b[v])
        one, two = lowering.code.temporary(XMM), lowering.code.temporary(XMM)
        lowering.three(_PSHUFB, one, x, lowering.constant_operand(of_x))
        lowering.three(_PSHUFB, two, y, lowering.constant_operand(of_y))
        lowering.three(_POR, d, one, two)
    return True


def swizzle(lowering: Lowering) -> bool:
    """Numbers above 15 get their uppermost bit set by an addition that saturates."""
    f = lowering.function
    v = lowering.v
    x = lowering.use(f.a[v])
    numbers = lowering.code.temporary(XMM)
    lowering.three(_ADD_SATURATED, numbers, lowering.use(f.b[v]), lowering.constant_operand(repeated(0x70, 1)))
    lowering.three(_PSHUFB, lowering.result(v), x, numbers)
    return True


def pshufb(lowering: Lowering) -> bool:
    """The instruction of that name."""
    f = lowering.function
    v = lowering.v
    x = lowering.use(f.a[v])
    lowering.three(_PSHUFB, lowering.result(v), x, lowering.use(f.b[v]))
    return True


RULES: Final = {
    SPLAT: (splat,),
    SCALAR_TO_VECTOR: (scalar_to_vector,),
    INSERTLANE: (insert_lane,),
    EXTRACTLANE: (extract_lane,),
    SHUFFLE: (shuffle_words, shuffle),
    SWIZZLE: (swizzle,),
    X86_PSHUFB: (pshufb,),
}
