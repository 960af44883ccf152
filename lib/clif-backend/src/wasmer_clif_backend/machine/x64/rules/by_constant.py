"""Division by a number that is known: a product with its reciprocal, shifted.

With d the divisor, b the bits of the dividend x, and ``p = b + s``, let M be the least integer that is not
below ``2**p / d``, and e how much too large that makes it: ``M * d = 2**p + e``. Then ``x * M / 2**p`` is ``x / d`` and
too large by ``x * e / (d * 2**p)``, which does not reach the next integer while ``x * e < 2**p``: for all x without
sign if ``e <= 2**s``, for all with sign if ``e <= 2**(s + 1)``. The least such s is taken (Granlund and Montgomery,
*Division by invariant integers using multiplication*, 1994). A dividend with sign is rounded down by that; where it
is negative, 1 is added.

A product of words fits a register. Where M has 33 bits it is one of 64 by 64 bits with ``s = 0``, which is exact for
words. Of 64 bits the upper half of a product is wanted; where M has 65 bits, ``x * 2**64`` is added to it by hand.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import SDIV, SREM, UDIV
from wasmer_clif_backend.ir.types import I64, bits_of
from wasmer_clif_backend.machine.code import GENERAL
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.rules.extend import sign_extended, zero_extended
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.registers import RAX, RDX
from wasmer_runtime_core.support.annotations import Final, i64

_IN_RAX: Final[i64] = 1 << RAX
_IN_BOTH: Final[i64] = 1 << RAX | 1 << RDX

_MOVSXD: Final[i64] = forms.MOVSXD_R64_RM32.number
_ADD32: Final[i64] = forms.ADD_R32_RM32.number
_ADD64: Final[i64] = forms.ADD_R64_RM64.number
_SUB32: Final[i64] = forms.SUB_R32_RM32.number
_SUB64: Final[i64] = forms.SUB_R64_RM64.number
_NEG32: Final[i64] = forms.NEG_RM32.number
_NEG64: Final[i64] = forms.NEG_RM64.number
_SHR32: Final[i64] = forms.SHR_RM32_IMM8.number
_SHR64: Final[i64] = forms.SHR_RM64_IMM8.number
_SAR32: Final[i64] = forms.SAR_RM32_IMM8.number
_SAR64: Final[i64] = forms.SAR_RM64_IMM8.number
_MUL64: Final[i64] = forms.MUL_RM64.number
_IMUL_ONE64: Final[i64] = forms.IMUL_RM64.number
_IMUL32: Final[i64] = forms.IMUL_R32_RM32.number
_IMUL64: Final[i64] = forms.IMUL_R64_RM64.number
_IMUL32_IMM32: Final[i64] = forms.IMUL_R32_RM32_IMM32.number
_IMUL64_IMM32: Final[i64] = forms.IMUL_R64_RM64_IMM32.number


def reciprocal(divisor: int, bits: int, with_sign: bool) -> tuple[int, int]:
    """M and s, as above."""
    s = 0
    while True:
        power = 1 << (bits + s)
        if -power % divisor <= 1 << (s + with_sign):  # what M times the divisor is more than the power
            return -(-power // divisor), s
        s += 1


def divide(lowering: Lowering) -> bool:
    """Quotient or remainder; not by 0, 1 and -1, which is for others."""
    f = lowering.function
    v = lowering.v
    opcode = f.opcode[v]
    if not lowering.is_constant(f.b[v]):
        return False
    type = f.type[v]
    bits = int(bits_of(type))
    n = int(lowering.constant_of(f.b[v]))
    wide = type == I64
    with_sign = opcode == SDIV or opcode == SREM
    if not with_sign:
        n &= (1 << bits) - 1
    if -1 <= n <= 1:
        return False
    x = sign_extended(lowering, f.a[v]) if with_sign else zero_extended(lowering, f.a[v])
    quotient = lowering.code.temporary(GENERAL)
    if with_sign and abs(n) & (abs(n) - 1) == 0:
        _by_power(lowering, quotient, x, n, wide)
    elif wide:
        _wide(lowering, quotient, x, n, with_sign)
    elif with_sign:
        _word_with_sign(lowering, quotient, x, n)
    else:
        _word(lowering, quotient, x, n)
    d = lowering.result(v)
    if opcode == SDIV or opcode == UDIV:
        lowering.copy(d, quotient)
        return True
    product = lowering.code.temporary(GENERAL)
    if -0x8000_0000 <= n <= 0x7FFF_FFFF:
        lowering.unary(_IMUL64_IMM32 if wide else _IMUL32_IMM32, product, quotient, n)
    else:
        lowering.copy(product, lowering.integer(_signed(n), type))
        lowering.modify(_IMUL64 if wide else _IMUL32, product, quotient)
    lowering.copy(d, x)
    lowering.modify(_SUB64 if wide else _SUB32, d, product)
    return True


def _signed(n: int) -> i64:
    """A number of 64 bits, without sign, as one with."""
    return n - (1 << 64) if n >= 1 << 63 else n


def _word(lowering: Lowering, d: i64, x: i64, n: int) -> None:
    """Without sign, of 32 bits; x has zeros above."""
    multiplier, s = reciprocal(n, 32, False)
    if multiplier >> 32:
        _upper_half(lowering, d, x, -(-(1 << 64) // n), False)
        return
    _times(lowering, d, x, multiplier)
    lowering.modify_immediate(_SHR64, d, 32 + s)


def _word_with_sign(lowering: Lowering, d: i64, x: i64, n: int) -> None:
    multiplier, s = reciprocal(abs(n), 32, True)
    extended = lowering.code.temporary(GENERAL)
    product = lowering.code.temporary(GENERAL)
    lowering.unary(_MOVSXD, extended, x)
    _times(lowering, product, extended, multiplier)
    lowering.modify_immediate(_SAR64, product, 32 + s)
    _less_sign(lowering, d, product, x, n, False)


def _times(lowering: Lowering, d: i64, x: i64, multiplier: int) -> None:
    """``x * multiplier`` of 64 bits; the multiplier has 32 at most."""
    if multiplier <= 0x7FFF_FFFF:
        lowering.unary(_IMUL64_IMM32, d, x, multiplier)
    else:
        lowering.copy(d, lowering.integer(multiplier, I64))
        lowering.modify(_IMUL64, d, x)


def _wide(lowering: Lowering, d: i64, x: i64, n: int, with_sign: bool) -> None:
    """Of 64 bits."""
    multiplier, s = reciprocal(abs(n), 64, with_sign)
    upper = lowering.code.temporary(GENERAL)
    _upper_half(lowering, upper, x, multiplier & ((1 << 64) - 1), with_sign)
    if with_sign:
        if multiplier >> 63:  # it was taken for negative, too small by 2**64
            lowering.modify(_ADD64, upper, x)
        if s:
            lowering.modify_immediate(_SAR64, upper, s)
        _less_sign(lowering, d, upper, x, n, True)
        return
    if multiplier >> 64 == 0:
        lowering.copy(d, upper)
        if s:
            lowering.modify_immediate(_SHR64, d, s)
        return
    # (x + upper) >> s, whose sum may have 65 bits: half of the difference first.
    lowering.copy(d, x)
    lowering.modify(_SUB64, d, upper)
    lowering.modify_immediate(_SHR64, d, 1)
    lowering.modify(_ADD64, d, upper)
    if s > 1:
        lowering.modify_immediate(_SHR64, d, s - 1)


def _upper_half(lowering: Lowering, d: i64, x: i64, multiplier: int, with_sign: bool) -> None:
    """The upper 64 bits of a product."""
    r = lowering.integer(_signed(multiplier), I64)
    lowering.code.copy_one(RAX, x)
    lowering.implied(_IMUL_ONE64 if with_sign else _MUL64, _IN_RAX, _IN_BOTH, r)
    lowering.code.copy_one(d, RDX)


def _less_sign(lowering: Lowering, d: i64, rounded: i64, x: i64, n: int, wide: bool) -> None:
    """A quotient that was rounded down: less the sign of x, which is 0 or -1; the other way round if n is negative."""
    sign = lowering.code.temporary(GENERAL)
    lowering.copy(sign, x)
    lowering.modify_immediate(_SAR64 if wide else _SAR32, sign, 63 if wide else 31)
    lowering.copy(d, rounded if n > 0 else sign)
    lowering.modify(_SUB64 if wide else _SUB32, d, sign if n > 0 else rounded)


def _by_power(lowering: Lowering, d: i64, x: i64, n: int, wide: bool) -> None:
    """A shift, which rounds down: so a negative x has ``2**k - 1`` added before."""
    bits = 64 if wide else 32
    k = abs(n).bit_length() - 1
    bias = lowering.code.temporary(GENERAL)
    lowering.copy(bias, x)
    if k > 1:
        lowering.modify_immediate(_SAR64 if wide else _SAR32, bias, k - 1)
    lowering.modify_immediate(_SHR64 if wide else _SHR32, bias, bits - k)
    lowering.copy(d, x)
    lowering.modify(_ADD64 if wide else _ADD32, d, bias)
    lowering.modify_immediate(_SAR64 if wide else _SAR32, d, k)
    if n < 0:
        lowering.modify_immediate(_NEG64 if wide else _NEG32, d)
