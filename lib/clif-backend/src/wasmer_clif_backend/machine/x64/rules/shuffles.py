"""Lanes: put in, taken out, spread, put into another order."""

from __future__ import annotations

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
from wasmer_runtime_core.support.annotations import Final, i64

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
    mask = _mask(lowering)
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


def _mask(lowering: Lowering) -> bytes:
    """That of the shuffle at hand; of one operand twice, its numbers are below 16."""
    f = lowering.function
    v = lowering.v
    mask = f.constants[f.immediate[v]]
    if f.a[v] == f.b[v]:
        return bytes(number & 15 if number < 32 else number for number in mask)
    return mask


def _unpack_masks() -> dict[bytes, int]:
    """By mask: the instruction that takes lanes of two operands by turns, from their lower or upper halves."""
    found: dict[bytes, int] = {}
    for size, low, high in (
        (1, forms.VPUNPCKLBW_XMM_XMM_XM128, forms.VPUNPCKHBW_XMM_XMM_XM128),
        (2, forms.VPUNPCKLWD_XMM_XMM_XM128, forms.VPUNPCKHWD_XMM_XMM_XM128),
        (4, forms.VPUNPCKLDQ_XMM_XMM_XM128, forms.VPUNPCKHDQ_XMM_XMM_XM128),
        (8, forms.VPUNPCKLQDQ_XMM_XMM_XM128, forms.VPUNPCKHQDQ_XMM_XMM_XM128),
    ):
        for start, form in ((0, low), (8, high)):
            for second in (16, 0):  # the other operand, or the same one
                lanes = [range(at + operand, at + operand + size) for at in range(start, start + 8, size)
                         for operand in (0, second)]  # fmt: skip
                found[bytes(number for lane in lanes for number in lane)] = form.number
    return found


_UNPACKS: Final = _unpack_masks()
_ALIGNED: Final = {bytes(range(by, by + 16)): by for by in range(1, 16)}
_TURNED: Final = {bytes(number & 15 for number in range(by, by + 16)): by for by in range(1, 16)}
_ALIGN: Final[i64] = forms.VPALIGNR_XMM_XMM_XM128_IMM8.number
_BLEND_HALVES: Final[i64] = forms.VPBLENDW_XMM_XMM_XM128_IMM8.number
_SHUFFLE_PAIRS: Final[i64] = forms.VSHUFPS_XMM_XMM_XM128_IMM8.number
_LOW_BYTES: Final[i64] = forms.VPUNPCKLBW_XMM_XMM_XM128.number
_HIGH_BYTES: Final[i64] = forms.VPUNPCKHBW_XMM_XMM_XM128.number


def shuffle_at_once(lowering: Lowering) -> bool:
    """One instruction for what vectors are often put together by: lanes by turns, a window of both, lanes in place."""
    f = lowering.function
    v = lowering.v
    mask = _mask(lowering)
    if _is_at_once(lowering, mask, f.a[v], f.b[v]):
        return True
    return _is_at_once(lowering, bytes(number ^ 16 if number < 32 else number for number in mask), f.b[v], f.a[v])


def _is_at_once(lowering: Lowering, mask: bytes, x: i64, y: i64) -> bool:
    """The same, with x for the numbers below 16."""
    d = lowering.result(lowering.v)
    form = _UNPACKS.get(mask)
    if form is not None:
        other = x if max(mask) < 16 else y
        left = lowering.use(x)
        lowering.three(form, d, left, lowering.use(other))
        return True
    by = _TURNED.get(mask)
    if by is not None:
        left = lowering.use(x)
        lowering.three(_ALIGN, d, left, left, by)
        return True
    by = _ALIGNED.get(mask)
    if by is not None:
        upper = lowering.use(y)
        lowering.three(_ALIGN, d, upper, lowering.use(x), by)
        return True
    order = _lanes_in_place(mask)
    if order >= 0:
        left = lowering.use(x)
        lowering.three(_BLEND_HALVES, d, left, lowering.use(y), order)
        return True
    order = _pairs_of_words(mask)
    if order >= 0:
        left = lowering.use(x)
        lowering.three(_SHUFFLE_PAIRS, d, left, lowering.use(y), order)
        return True
    return False


def _lanes_in_place(mask: bytes) -> int:
    """Bits of the half words that come from the second operand, if all are where they were; -1: they are not."""
    order = 0
    for at in range(0, 16, 2):
        if mask[at] & 0xEF != at or mask[at + 1] != mask[at] + 1:
            return -1
        if mask[at] & 16:
            order |= 1 << (at >> 1)
    return order


def _pairs_of_words(mask: bytes) -> int:
    """Two words of the first operand below two of the second one, as ``shufps`` has them; -1: something else."""
    order = 0
    for at in range(0, 16, 4):
        number = mask[at]
        if (
            number > 31
            or number & 3
            or (number & 16) != (at & 8) << 1
            or mask[at : at + 4] != bytes(range(number, number + 4))
        ):
            return -1
        order |= (number >> 2 & 3) << (at >> 1)
    return order


def shuffle_of_halves(lowering: Lowering) -> bool:
    """Of the lower halves of both operands, or the upper ones: these by turns, then put in order."""
    f = lowering.function
    v = lowering.v
    mask = _mask(lowering)
    used = [number for number in mask if number < 32]
    if f.a[v] == f.b[v] or not any(number < 16 for number in used) or not any(number >= 16 for number in used):
        return False
    half = used[0] & 8
    if any(number & 8 != half for number in used):
        return False
    order = bytes(((number & 7) << 1) + (number >> 4) if number < 32 else 0x80 for number in mask)
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    turns = lowering.code.temporary(XMM)
    lowering.three(_HIGH_BYTES if half else _LOW_BYTES, turns, x, y)
    lowering.three(_PSHUFB, lowering.result(v), turns, lowering.constant_operand(order))
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
    SHUFFLE: (shuffle_words, shuffle_at_once, shuffle_of_halves, shuffle),
    SWIZZLE: (swizzle,),
    X86_PSHUFB: (pshufb,),
}
