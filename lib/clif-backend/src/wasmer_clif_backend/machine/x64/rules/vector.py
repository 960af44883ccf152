"""Vectors of integers, and bits of all vectors.

Most operations are one instruction for most lanes: those are a table by opcode and lane. What the machine lacks is
made of others; each such rule says how.
"""

from __future__ import annotations

from wasmer_clif_backend.ir import opcodes as op
from wasmer_clif_backend.ir.opcodes import INTEGER_CONDITIONS
from wasmer_clif_backend.ir.types import F32, I8, I16, I64, I64X2, LANE, VECTOR, bits_of
from wasmer_clif_backend.machine.code import GENERAL, NO_REGISTER, REG_READ, REG_WRITTEN, RM_READ, RM_WRITTEN, XMM
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.rules.condition import SETCC
from wasmer_clif_backend.machine.x64.rules.float import repeated
from wasmer_clif_backend.machine.x64.rules.shuffles import RULES as SHUFFLES
from wasmer_clif_backend.machine.x64.rules.table import FORMS_BY_NAME
from wasmer_clif_backend.machine.x64.rules.vector_shift import RULES as SHIFTS
from wasmer_clif_backend.machine.x64.rules.vex import by_immediate, four
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    EQUAL,
    NOT_EQUAL,
)
from wasmer_runtime_core.codegen.x64.records import REG
from wasmer_runtime_core.support.annotations import Final, i64


def _rows(text: str, shape: str) -> dict[int, list[int]]:
    """Lines ``opcode mnemonic mnemonic mnemonic mnemonic`` for lanes of 8 to 64 bits; ``-``: there is none."""
    found: dict[int, list[int]] = {}
    for line in text.strip().splitlines():
        name, *words = line.split()
        words = words if len(words) == 4 else words * 4
        found[op.BY_NAME[name].number] = [
            0 if word == "-" else FORMS_BY_NAME[f"{word.upper()}_{shape}"].number for word in words
        ]
    return found


_THREE: Final = _rows(
    """
    iadd       vpaddb    vpaddw    vpaddd    vpaddq
    isub       vpsubb    vpsubw    vpsubd    vpsubq
    imul       -         vpmullw   vpmulld   -
    smin       vpminsb   vpminsw   vpminsd   -
    umin       vpminub   vpminuw   vpminud   -
    smax       vpmaxsb   vpmaxsw   vpmaxsd   -
    umax       vpmaxub   vpmaxuw   vpmaxud   -
    avg_round  vpavgb    vpavgw    -         -
    uadd_sat   vpaddusb  vpaddusw  -         -
    sadd_sat   vpaddsb   vpaddsw   -         -
    usub_sat   vpsubusb  vpsubusw  -         -
    ssub_sat   vpsubsb   vpsubsw   -         -
    iadd_pairwise -      vphaddw   vphaddd   -
    snarrow    -         vpacksswb vpackssdw -
    unarrow    -         vpackuswb vpackusdw -
    x86_pmulhrsw -       vpmulhrsw -         -
    band       vpand
    bor        vpor
    bxor       vpxor
    """,
    "XMM_XMM_XM128",
)
_TWO: Final = _rows(
    """
    iabs       vpabsb    vpabsw    vpabsd    -
    """,
    "XMM_XM128",
)
_TWO_HALF: Final = _rows(
    """
    swiden_low vpmovsxbw vpmovsxwd vpmovsxdq -
    uwiden_low vpmovzxbw vpmovzxwd vpmovzxdq -
    """,
    "XMM_XM64",
)
_EQUAL: Final = [FORMS_BY_NAME[f"VPCMPEQ{lane}_XMM_XMM_XM128"].number for lane in "BWDQ"]
_GREATER: Final = [FORMS_BY_NAME[f"VPCMPGT{lane}_XMM_XMM_XM128"].number for lane in "BWDQ"]

_PAND: Final[i64] = forms.VPAND_XMM_XMM_XM128.number
_PANDN: Final[i64] = forms.VPANDN_XMM_XMM_XM128.number
_POR: Final[i64] = forms.VPOR_XMM_XMM_XM128.number
_PXOR: Final[i64] = forms.VPXOR_XMM_XMM_XM128.number
_PADDB: Final[i64] = forms.VPADDB_XMM_XMM_XM128.number
_PADDW: Final[i64] = forms.VPADDW_XMM_XMM_XM128.number
_PADDQ: Final[i64] = forms.VPADDQ_XMM_XMM_XM128.number
_PSUBQ: Final[i64] = forms.VPSUBQ_XMM_XMM_XM128.number
_PSHUFB: Final[i64] = forms.VPSHUFB_XMM_XMM_XM128.number
_PSHUFD: Final[i64] = forms.VPSHUFD_XMM_XM128_IMM8.number
_PSRLW: Final[i64] = forms.VPSRLW_XMM_XMM_IMM8.number
_PSRLQ: Final[i64] = forms.VPSRLQ_XMM_XMM_IMM8.number
_PSLLQ: Final[i64] = forms.VPSLLQ_XMM_XMM_IMM8.number
_PSLLW: Final[i64] = forms.VPSLLW_XMM_XMM_IMM8.number
_PTEST: Final[i64] = forms.VPTEST_XMM_XM128.number
_PACKUSWB: Final[i64] = forms.VPACKUSWB_XMM_XMM_XM128.number
_PACKSSWB: Final[i64] = forms.VPACKSSWB_XMM_XMM_XM128.number
_BLENDVPD: Final[i64] = forms.VBLENDVPD_XMM_XMM_XM128_XMM.number
_MOVZX8: Final[i64] = forms.MOVZX_R32_RM8.number


def lane_number(type: i64) -> int:
    """0 to 3 for lanes of 8 to 64 bits, floats too."""
    lane = type & LANE
    return int(lane - 3 if lane >= F32 else lane - 1)


def xmm(lowering: Lowering) -> i64:
    """A new register for a vector."""
    return lowering.code.temporary(XMM)


def ones(lowering: Lowering) -> i64:
    """An operand with all bits set."""
    return lowering.constant_operand(b"\xff" * 16)


def three(lowering: Lowering) -> bool:
    """One instruction of three operands."""
    f = lowering.function
    v = lowering.v
    type = f.type[f.a[v]]
    opcode = int(f.opcode[v])
    if (opcode in _BITS and type <= I64) or (opcode not in _BITS and type < VECTOR):
        return False
    form = _THREE[opcode][lane_number(type) if type >= VECTOR else 0]
    if not form:
        return False
    x = lowering.use(f.a[v])
    lowering.three(form, lowering.result(v), x, lowering.operand(f.b[v]))
    return True


_BITS: Final = frozenset((op.BAND, op.BOR, op.BXOR))


def two(lowering: Lowering) -> bool:
    """One instruction of two operands."""
    f = lowering.function
    v = lowering.v
    type = f.type[f.a[v]]
    opcode = int(f.opcode[v])
    table = _TWO if opcode in _TWO else _TWO_HALF
    if type < VECTOR or not table[opcode][lane_number(type)]:
        return False
    lowering.unary(table[opcode][lane_number(type)], lowering.result(v), lowering.use(f.a[v]))
    return True


def widen_high(lowering: Lowering) -> bool:
    """The upper half comes down first."""
    f = lowering.function
    v = lowering.v
    low = op.SWIDEN_LOW if f.opcode[v] == op.SWIDEN_HIGH else op.UWIDEN_LOW
    t = xmm(lowering)
    lowering.unary(_PSHUFD, t, lowering.use(f.a[v]), 0xEE)
    lowering.unary(_TWO_HALF[low][lane_number(f.type[f.a[v]])], lowering.result(v), t)
    return True


def negate(lowering: Lowering) -> bool:
    """0 - x."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type < VECTOR:
        return False
    x = lowering.use(f.a[v])
    lowering.three(_THREE[op.ISUB][lane_number(type)], lowering.result(v), lowering.vector(bytes(16)), x)
    return True


def absolute_wide(lowering: Lowering) -> bool:
    """``(x ^ sign) - sign`` where the sign is 0 or -1."""
    f = lowering.function
    v = lowering.v
    if f.type[v] != I64X2:
        return False
    x = lowering.use(f.a[v])
    sign, t = xmm(lowering), xmm(lowering)
    lowering.three(_GREATER[3], sign, lowering.vector(bytes(16)), x)
    lowering.three(_PXOR, t, x, sign)
    lowering.three(_PSUBQ, lowering.result(v), t, sign)
    return True


def multiply_bytes(lowering: Lowering) -> bool:
    """Even bytes and odd bytes as words, and their lower halves together."""
    f = lowering.function
    v = lowering.v
    if f.type[v] != (VECTOR | I8):
        return False
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    even, odd, x_odd, y_odd, low, high = (xmm(lowering) for _ in range(6))
    lowering.three(forms.VPMULLW_XMM_XMM_XM128.number, even, x, y)
    by_immediate(lowering, _PSRLW, x_odd, x, 8)
    by_immediate(lowering, _PSRLW, y_odd, y, 8)
    lowering.three(forms.VPMULLW_XMM_XMM_XM128.number, odd, x_odd, y_odd)
    lowering.three(_PAND, low, even, lowering.constant_operand(repeated(0x00FF, 2)))
    by_immediate(lowering, _PSLLW, high, odd, 8)
    lowering.three(_POR, lowering.result(v), low, high)
    return True


def multiply_wide(lowering: Lowering) -> bool:
    """``low * low + ((low * high + high * low) << 32)``."""
    f = lowering.function
    v = lowering.v
    if f.type[v] != I64X2:
        return False
    mul: i64 = forms.VPMULUDQ_XMM_XMM_XM128.number
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    x_high, y_high, one, two, both, up, low = (xmm(lowering) for _ in range(7))
    by_immediate(lowering, _PSRLQ, x_high, x, 32)
    by_immediate(lowering, _PSRLQ, y_high, y, 32)
    lowering.three(mul, one, x_high, y)
    lowering.three(mul, two, y_high, x)
    lowering.three(_PADDQ, both, one, two)
    by_immediate(lowering, _PSLLQ, up, both, 32)
    lowering.three(mul, low, x, y)
    lowering.three(_PADDQ, lowering.result(v), low, up)
    return True


def fixed_point(lowering: Lowering) -> bool:
    """``pmulhrsw`` gives -1 for -1 * -1, the one product that does not fit: turned into the greatest number."""
    f = lowering.function
    v = lowering.v
    if f.type[v] != (VECTOR | I16):
        return False
    x = lowering.use(f.a[v])
    product, wrong = xmm(lowering), xmm(lowering)
    lowering.three(forms.VPMULHRSW_XMM_XMM_XM128.number, product, x, lowering.use(f.b[v]))
    lowering.three(_EQUAL[1], wrong, product, lowering.constant_operand(repeated(0x8000, 2)))
    lowering.three(_PXOR, lowering.result(v), product, wrong)
    return True


def multiply_add_bytes(lowering: Lowering) -> bool:
    """The machine takes the bytes without sign first."""
    f = lowering.function
    v = lowering.v
    x = lowering.use(f.a[v])
    lowering.three(forms.VPMADDUBSW_XMM_XMM_XM128.number, lowering.result(v), lowering.use(f.b[v]), x)
    return True


def extreme_wide(lowering: Lowering) -> bool:
    """Compared, and blended; without sign both have it turned round before."""
    f = lowering.function
    v = lowering.v
    if f.type[v] != I64X2:
        return False
    opcode = f.opcode[v]
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    greater = _greater_wide(lowering, x, y, opcode == op.UMIN or opcode == op.UMAX)
    if opcode == op.SMIN or opcode == op.UMIN:
        four(lowering, _BLENDVPD, lowering.result(v), x, y, greater)
    else:
        four(lowering, _BLENDVPD, lowering.result(v), y, x, greater)
    return True


def _greater_wide(lowering: Lowering, x: i64, y: i64, unsigned: bool) -> i64:
    """A mask of the lanes of 64 bits where x is greater."""
    if unsigned:
        sign = lowering.vector(repeated(1 << 63, 8))
        x_turned, y_turned = xmm(lowering), xmm(lowering)
        lowering.three(_PXOR, x_turned, x, sign)
        lowering.three(_PXOR, y_turned, y, sign)
        x, y = x_turned, y_turned
    mask = xmm(lowering)
    lowering.three(_GREATER[3], mask, x, y)
    return mask


def average_wide(lowering: Lowering) -> bool:
    """``(x | y) - ((x ^ y) >> 1)``."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    either, differ, half = xmm(lowering), xmm(lowering), xmm(lowering)
    lowering.three(_POR, either, x, y)
    lowering.three(_PXOR, differ, x, y)
    by_immediate(lowering, _PSRLQ if type == I64X2 else forms.VPSRLD_XMM_XMM_IMM8.number, half, differ, 1)
    lowering.three(_THREE[op.ISUB][lane_number(type)], lowering.result(v), either, half)
    return True


def narrow_unsigned(lowering: Lowering) -> bool:
    """The greatest number at most, which the signed form leaves alone."""
    f = lowering.function
    v = lowering.v
    type = f.type[f.a[v]]
    if type == I64X2:
        return False
    bits = int(bits_of(type & LANE))
    limit = lowering.vector(repeated((1 << (bits // 2)) - 1, bits // 8))
    x, y = xmm(lowering), xmm(lowering)
    least = _THREE[op.UMIN][lane_number(type)]
    lowering.three(least, x, lowering.use(f.a[v]), limit)
    lowering.three(least, y, lowering.use(f.b[v]), limit)
    lowering.three(_THREE[op.UNARROW][lane_number(type)], lowering.result(v), x, y)
    return True


def narrow_wide(lowering: Lowering) -> bool:
    """Lanes of 64 bits are held within the limits, then their lower halves put together."""
    f = lowering.function
    v = lowering.v
    if f.type[f.a[v]] != I64X2:
        return False
    opcode = f.opcode[v]
    low = -(1 << 31) if opcode == op.SNARROW else 0
    high = (1 << 31) - 1 if opcode == op.SNARROW else (1 << 32) - 1
    unsigned = opcode == op.UUNARROW
    upper = lowering.vector(repeated(high, 8))
    lower = lowering.vector(repeated(low & ((1 << 64) - 1), 8))
    held: list[i64] = []
    for given in (f.a[v], f.b[v]):
        x = lowering.use(given)
        least = xmm(lowering)
        four(lowering, _BLENDVPD, least, x, upper, _greater_wide(lowering, x, upper, unsigned))
        if not unsigned:
            most = xmm(lowering)
            four(lowering, _BLENDVPD, most, least, lower, _greater_wide(lowering, lower, least, False))
            least = most
        held.append(least)
    lowering.three(forms.VSHUFPS_XMM_XMM_XM128_IMM8.number, lowering.result(v), held[0], held[1], 0x88)
    return True


def pairs_of_bytes(lowering: Lowering) -> bool:
    """Words of two bytes each: the lower one plus the upper one, without what is above."""
    f = lowering.function
    v = lowering.v
    if f.type[v] != (VECTOR | I8):
        return False
    mask = lowering.vector(repeated(0x00FF, 2))
    sums = []
    for given in (f.a[v], f.b[v]):
        x = lowering.use(given)
        upper, sum, low = xmm(lowering), xmm(lowering), xmm(lowering)
        by_immediate(lowering, _PSRLW, upper, x, 8)
        lowering.three(_PADDW, sum, x, upper)
        lowering.three(_PAND, low, sum, mask)
        sums.append(low)
    lowering.three(_PACKUSWB, lowering.result(v), sums[0], sums[1])
    return True


# --- comparison -----------------------------------------------------------------------------------------


def compare(lowering: Lowering) -> bool:
    """There are *equal* and *greater* with sign; without, *equal to the lesser one*; others are their opposites."""
    f = lowering.function
    v = lowering.v
    type = f.type[f.a[v]]
    if type < VECTOR:
        return False
    cond = INTEGER_CONDITIONS[int(f.immediate[v])]
    if _with_next_constant(lowering, cond):
        return True
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    if cond in ("slt", "ult", "sge", "uge"):
        x, y = y, x
        cond = {"slt": "sgt", "ult": "ugt", "sge": "sle", "uge": "ule"}[cond]
    lane = lane_number(type)
    d = lowering.result(v)
    inverted = cond in ("ne", "sle", "ugt") if lane < 3 else cond in ("ne", "sle", "ule")
    to = xmm(lowering) if inverted else d
    if cond in ("eq", "ne"):
        lowering.three(_EQUAL[lane], to, x, y)
    elif cond in ("sgt", "sle"):
        lowering.three(_GREATER[lane], to, x, y)
    elif lane == 3:
        lowering.copy(to, _greater_wide(lowering, x, y, True))
    else:
        least = xmm(lowering)
        lowering.three(_THREE[op.UMIN][lane], least, x, y)
        lowering.three(_EQUAL[lane], to, x, least)
    if inverted:
        lowering.three(_PXOR, d, to, ones(lowering))
    return True


def _with_next_constant(lowering: Lowering, cond: str) -> bool:
    """``x > 7`` as ``x >= 8``, and what is like it, where that is no opposite."""
    f = lowering.function
    v = lowering.v
    x = f.a[v]
    lane = lane_number(f.type[x])
    if f.opcode[f.b[v]] != op.VCONST or lane == 3 or cond not in ("ugt", "ult", "sge", "sle"):
        return False
    data = f.constants[f.immediate[f.b[v]]]
    bits = 8 << lane
    least = 0 if cond[0] == "u" else -(1 << (bits - 1))
    change = 1 if cond in ("ugt", "sle") else -1
    size = 1 << lane
    signed = cond[0] == "s"
    lanes = [int.from_bytes(data[at : at + size], "little", signed=signed) for at in range(0, 16, size)]
    if not all(least <= number + change < least + (1 << bits) for number in lanes):
        return False
    other = b"".join((number + change).to_bytes(size, "little", signed=signed) for number in lanes)
    d = lowering.result(v)
    left = lowering.use(x)
    if cond == "sge":
        lowering.three(_GREATER[lane], d, left, lowering.constant_operand(other))
        return True
    if cond == "sle":
        lowering.three(_GREATER[lane], d, lowering.vector(other), left)
        return True
    extreme = xmm(lowering)
    form = _THREE[op.UMAX if cond == "ugt" else op.UMIN][lane]
    lowering.three(form, extreme, left, lowering.constant_operand(other))
    lowering.three(_EQUAL[lane], d, extreme, left)
    return True


def any_true(lowering: Lowering) -> bool:
    """``ptest``: not zero."""
    v = lowering.v
    x = lowering.use(lowering.function.a[v])
    lowering.code.add(_PTEST, REG, REG_READ | RM_READ, x, x)
    _set(lowering, NOT_EQUAL, lowering.result(v))
    return True


def all_true(lowering: Lowering) -> bool:
    """No lane is equal to zero."""
    f = lowering.function
    v = lowering.v
    x = lowering.use(f.a[v])
    zeros = xmm(lowering)
    lowering.three(_EQUAL[lane_number(f.type[f.a[v]])], zeros, x, lowering.vector(bytes(16)))
    lowering.code.add(_PTEST, REG, REG_READ | RM_READ, zeros, zeros)
    _set(lowering, EQUAL, lowering.result(v))
    return True


def _set(lowering: Lowering, condition: int, d: i64) -> None:
    lowering.code.add(SETCC + condition, REG, RM_WRITTEN, NO_REGISTER, d)


def high_bits(lowering: Lowering) -> bool:
    """``movmsk``; of words, packed to bytes before."""
    f = lowering.function
    v = lowering.v
    lane = lane_number(f.type[f.a[v]])
    x = lowering.use(f.a[v])
    d = lowering.result(v)
    if lane == 1:
        packed, wide = xmm(lowering), lowering.code.temporary(GENERAL)
        lowering.three(_PACKSSWB, packed, x, x)
        lowering.code.add(forms.VPMOVMSKB_R32_XMM.number, REG, REG_WRITTEN | RM_READ, wide, packed)
        lowering.unary(_MOVZX8, d, wide)
        return True
    form = {0: forms.VPMOVMSKB_R32_XMM, 2: forms.VMOVMSKPS_R32_XMM, 3: forms.VMOVMSKPD_R32_XMM}[lane]
    lowering.code.add(form.number, REG, REG_WRITTEN | RM_READ, d, x)
    return True


# --- bits ---------------------------------------------------------------------------------------------------


def invert(lowering: Lowering) -> bool:
    """x ^ -1."""
    f = lowering.function
    v = lowering.v
    if f.type[v] <= I64:
        return False
    x = lowering.use(f.a[v])
    lowering.three(_PXOR, lowering.result(v), x, ones(lowering))
    return True


def with_inverted(lowering: Lowering) -> bool:
    """``pandn`` inverts its first operand; for the others it is inverted before."""
    f = lowering.function
    v = lowering.v
    if f.type[v] <= I64:
        return False
    x = lowering.use(f.a[v])
    y = lowering.use(f.b[v])
    if f.opcode[v] == op.BAND_NOT:
        lowering.three(_PANDN, lowering.result(v), y, x)
        return True
    t = xmm(lowering)
    lowering.three(_PXOR, t, y, ones(lowering))
    lowering.three(_POR if f.opcode[v] == op.BOR_NOT else _PXOR, lowering.result(v), x, t)
    return True


def select_bits(lowering: Lowering) -> bool:
    """``(c & x) | (~c & y)``."""
    f = lowering.function
    v = lowering.v
    if f.type[v] <= I64:
        return False
    c = lowering.use(f.a[v])
    of_x, of_y = xmm(lowering), xmm(lowering)
    lowering.three(_PAND, of_x, c, lowering.use(f.b[v]))
    lowering.three(_PANDN, of_y, c, lowering.use(f.c[v]))
    lowering.three(_POR, lowering.result(v), of_x, of_y)
    return True


def blend(lowering: Lowering) -> bool:
    """``pblendvb``, ``blendvps``, ``blendvpd`` by the uppermost bit of each lane; of words, by their sign as a mask."""
    f = lowering.function
    v = lowering.v
    lane = lane_number(f.type[v])
    if f.type[v] < VECTOR:
        return False
    c = lowering.use(f.a[v])
    x = lowering.use(f.b[v])
    y = lowering.use(f.c[v])
    if lane == 1:
        sign = xmm(lowering)
        by_immediate(lowering, forms.VPSRAW_XMM_XMM_IMM8.number, sign, c, 15)
        c = sign
    form = (
        (forms.VPBLENDVB_XMM_XMM_XM128_XMM, forms.VPBLENDVB_XMM_XMM_XM128_XMM)[lane]
        if lane < 2
        else (forms.VBLENDVPS_XMM_XMM_XM128_XMM if lane == 2 else forms.VBLENDVPD_XMM_XMM_XM128_XMM)
    )
    four(lowering, form.number, lowering.result(v), y, x, c)
    return True


def count_ones(lowering: Lowering) -> bool:
    """By fours of bits, from a table of sixteen bytes."""
    f = lowering.function
    v = lowering.v
    if f.type[v] != (VECTOR | I8):
        return False
    x = lowering.use(f.a[v])
    mask = lowering.vector(repeated(0x0F, 1))
    table = lowering.vector(bytes(number.bit_count() for number in range(16)))
    low, shifted, high, of_low, of_high = (xmm(lowering) for _ in range(5))
    lowering.three(_PAND, low, x, mask)
    by_immediate(lowering, _PSRLW, shifted, x, 4)
    lowering.three(_PAND, high, shifted, mask)
    lowering.three(_PSHUFB, of_low, table, low)
    lowering.three(_PSHUFB, of_high, table, high)
    lowering.three(_PADDB, lowering.result(v), of_low, of_high)
    return True


RULES: Final = {
    **dict.fromkeys(_THREE, (three,)),
    **dict.fromkeys((*_TWO, *_TWO_HALF), (two,)),
    op.INEG: (negate,),
    op.IABS: (two, absolute_wide),
    op.IMUL: (three, multiply_bytes, multiply_wide),
    op.SMIN: (three, extreme_wide),
    op.UMIN: (three, extreme_wide),
    op.SMAX: (three, extreme_wide),
    op.UMAX: (three, extreme_wide),
    op.AVG_ROUND: (three, average_wide),
    op.SQMUL_ROUND_SAT: (fixed_point,),
    op.X86_PMADDUBSW: (multiply_add_bytes,),
    op.SWIDEN_HIGH: (widen_high,),
    op.UWIDEN_HIGH: (widen_high,),
    op.SNARROW: (three, narrow_wide),
    op.UNARROW: (three, narrow_wide),
    op.UUNARROW: (narrow_unsigned, narrow_wide),
    op.IADD_PAIRWISE: (three, pairs_of_bytes),
    op.ICMP: (compare,),
    op.VANY_TRUE: (any_true,),
    op.VALL_TRUE: (all_true,),
    op.VHIGH_BITS: (high_bits,),
    op.BNOT: (invert,),
    op.BAND_NOT: (with_inverted,),
    op.BOR_NOT: (with_inverted,),
    op.BXOR_NOT: (with_inverted,),
    op.BITSELECT: (select_bits,),
    op.X86_BLENDV: (blend,),
    op.POPCNT: (count_ones,),
    **SHIFTS,
    **SHUFFLES,
}
