"""Integers as rows of bits: shifts, rotations, counting, turning round."""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import (
    BITREV,
    BITSELECT,
    BMASK,
    BSWAP,
    CLS,
    CLZ,
    CTZ,
    ISHL,
    POPCNT,
    ROTL,
    ROTR,
    SSHR,
    USHR,
)
from wasmer_clif_backend.ir.types import I8, I16, I32, I64, bits_of
from wasmer_clif_backend.machine.code import (
    GENERAL,
    IMPLICIT,
    NO_REGISTER,
    RM_MAY_BE_MEMORY,
    RM_READ,
    RM_WRITTEN,
    implicit,
)
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.rules.extend import sign_extended, zero_extended
from wasmer_clif_backend.machine.x64.rules.table import rows_of
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import NONE, REG
from wasmer_runtime_core.codegen.x64.registers import RCX
from wasmer_runtime_core.support.annotations import Final, i64

_AND32_IMM8: Final[i64] = forms.AND_RM32_IMM8.number
_AND32: Final[i64] = forms.AND_R32_RM32.number
_AND64: Final[i64] = forms.AND_R64_RM64.number
_OR32: Final[i64] = forms.OR_R32_RM32.number
_OR64: Final[i64] = forms.OR_R64_RM64.number
_OR32_IMM32: Final[i64] = forms.OR_RM32_IMM32.number
_XOR32: Final[i64] = forms.XOR_R32_RM32.number
_XOR64: Final[i64] = forms.XOR_R64_RM64.number
_SUB32_IMM8: Final[i64] = forms.SUB_RM32_IMM8.number
_SHL32: Final[i64] = forms.SHL_RM32_IMM8.number
_SHL64: Final[i64] = forms.SHL_RM64_IMM8.number
_SHR32: Final[i64] = forms.SHR_RM32_IMM8.number
_SHR64: Final[i64] = forms.SHR_RM64_IMM8.number
_SAR32: Final[i64] = forms.SAR_RM32_IMM8.number
_SAR64: Final[i64] = forms.SAR_RM64_IMM8.number
_SHLX32: Final[i64] = forms.SHLX_R32_RM32_R32.number
_SHRX32: Final[i64] = forms.SHRX_R32_RM32_R32.number
_RORX32: Final[i64] = forms.RORX_R32_RM32_IMM8.number
_RORX64: Final[i64] = forms.RORX_R64_RM64_IMM8.number
_ROL32: Final[i64] = forms.ROL_RM32_CL.number
_ROL64: Final[i64] = forms.ROL_RM64_CL.number
_ROR32: Final[i64] = forms.ROR_RM32_CL.number
_ROR64: Final[i64] = forms.ROR_RM64_CL.number
_LZCNT32: Final[i64] = forms.LZCNT_R32_RM32.number
_LZCNT64: Final[i64] = forms.LZCNT_R64_RM64.number
_TZCNT32: Final[i64] = forms.TZCNT_R32_RM32.number
_TZCNT64: Final[i64] = forms.TZCNT_R64_RM64.number
_POPCNT32: Final[i64] = forms.POPCNT_R32_RM32.number
_POPCNT64: Final[i64] = forms.POPCNT_R64_RM64.number
_BSWAP32: Final[i64] = forms.BSWAP_R32.number
_BSWAP64: Final[i64] = forms.BSWAP_R64.number
_NEG32: Final[i64] = forms.NEG_RM32.number
_NEG64: Final[i64] = forms.NEG_RM64.number
_SBB32: Final[i64] = forms.SBB_R32_RM32.number
_SBB64: Final[i64] = forms.SBB_R64_RM64.number

_IN_RCX: Final[i64] = 1 << RCX

# By opcode: by a register, by a constant; for 32 bits, then for 64.
_SHIFTS: Final = rows_of(
    {
        ISHL: (forms.SHLX_R32_RM32_R32, forms.SHL_RM32_IMM8, forms.SHLX_R64_RM64_R64, forms.SHL_RM64_IMM8),
        USHR: (forms.SHRX_R32_RM32_R32, forms.SHR_RM32_IMM8, forms.SHRX_R64_RM64_R64, forms.SHR_RM64_IMM8),
        SSHR: (forms.SARX_R32_RM32_R32, forms.SAR_RM32_IMM8, forms.SARX_R64_RM64_R64, forms.SAR_RM64_IMM8),
    }
)


def three_by(lowering: Lowering, form: i64, d: i64, a: i64, by: i64) -> None:
    """``shlx d, a, by``: the count is the third register, a may be in memory."""
    lowering.three(form, d, by, a)


def shift(lowering: Lowering) -> bool:
    """``shl`` by a constant, ``shlx`` by a register, which takes the count modulo its bits."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    opcode = f.opcode[v]
    row = 4 * opcode + (2 if type == I64 else 0)
    x = f.a[v]
    by = f.b[v]
    mask = bits_of(type) - 1
    d = lowering.result(v)
    if type < I32 and opcode != ISHL:
        # What is above the value would come in.
        a = zero_extended(lowering, x) if opcode == USHR else sign_extended(lowering, x)
    else:
        a = lowering.use(x)
    if lowering.is_constant(by):
        lowering.copy(d, a)
        n = lowering.constant_of(by) & mask
        if n:
            lowering.modify_immediate(_SHIFTS[row + 1], d, n)
        return True
    three_by(lowering, _SHIFTS[row], d, a, _count(lowering, by, type))
    return True


def _count(lowering: Lowering, by: i64, type: i64) -> i64:
    """A count below the bits of a type; the machine itself takes it modulo 32 or 64."""
    r = lowering.use(by)
    if type >= I32:
        return r
    less = lowering.code.temporary(GENERAL)
    lowering.copy(less, r)
    lowering.modify_immediate(_AND32_IMM8, less, bits_of(type) - 1)
    return less


def rotate(lowering: Lowering) -> bool:
    """``rorx`` by a constant, ``rol`` and ``ror`` by cl; of 8 and 16 bits as two shifts."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    left = f.opcode[v] == ROTL
    by = f.b[v]
    d = lowering.result(v)
    bits = bits_of(type)
    if type < I32:
        return _rotate_narrow(lowering, v, left)
    if lowering.is_constant(by):
        n = lowering.constant_of(by) & (bits - 1)
        if left:
            n = (bits - n) & (bits - 1)
        lowering.unary(_RORX64 if type == I64 else _RORX32, d, lowering.operand(f.a[v]), n)
        return True
    x = lowering.use(f.a[v])
    count = lowering.use(by)
    lowering.copy(d, x)
    lowering.code.copy_one(RCX, count)
    form = (_ROL64 if left else _ROR64) if type == I64 else (_ROL32 if left else _ROR32)
    modify_by_cl(lowering, form, d)
    return True


def modify_by_cl(lowering: Lowering, form: i64, d: i64) -> None:
    """``rol d, cl``, behind a copy to rcx."""
    lowering.code.add(
        form,
        REG,
        RM_READ | RM_WRITTEN | RM_MAY_BE_MEMORY | IMPLICIT,
        NO_REGISTER,
        d,
        immediate=implicit(_IN_RCX, 0),
    )


def _rotate_narrow(lowering: Lowering, v: i64, left: bool) -> bool:
    """x shifted one way, or x shifted the other way by what is missing."""
    f = lowering.function
    type = f.type[v]
    x = zero_extended(lowering, f.a[v])
    one = _count(lowering, f.b[v], type)
    other = lowering.code.temporary(GENERAL)
    lowering.copy(other, one)
    lowering.modify_immediate(_NEG32, other)
    lowering.modify_immediate(_AND32_IMM8, other, bits_of(type) - 1)
    d = lowering.result(v)
    low = lowering.code.temporary(GENERAL)
    three_by(lowering, _SHLX32, d, x, one if left else other)
    three_by(lowering, _SHRX32, low, x, other if left else one)
    lowering.modify(_OR32, d, low)
    return True


def count_leading(lowering: Lowering) -> bool:
    """``lzcnt``; of fewer than 32 bits there are some too many."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    d = lowering.result(v)
    lowering.unary(_LZCNT64 if type == I64 else _LZCNT32, d, zero_extended(lowering, f.a[v]))
    if type < I32:
        lowering.modify_immediate(_SUB32_IMM8, d, 32 - bits_of(type))
    return True


def count_sign(lowering: Lowering) -> bool:
    """Zeros above the first bit that differs from the sign, less one: of ``x ^ (x >> 31)``."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    wide = type == I64
    x = sign_extended(lowering, f.a[v])
    differs = lowering.code.temporary(GENERAL)
    lowering.copy(differs, x)
    lowering.modify_immediate(_SAR64 if wide else _SAR32, differs, 63 if wide else 31)
    lowering.modify(_XOR64 if wide else _XOR32, differs, x)
    d = lowering.result(v)
    lowering.unary(_LZCNT64 if wide else _LZCNT32, d, differs)
    lowering.modify_immediate(_SUB32_IMM8, d, 1 + (32 - bits_of(type) if type < I32 else 0))
    return True


def count_trailing(lowering: Lowering) -> bool:
    """``tzcnt``; of fewer than 32 bits there is a one above."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    x = lowering.use(f.a[v])
    if type < I32:
        r = lowering.code.temporary(GENERAL)
        one: i64 = 1
        lowering.copy(r, x)
        lowering.modify_immediate(_OR32_IMM32, r, one << bits_of(type))
        x = r
    lowering.unary(_TZCNT64 if type == I64 else _TZCNT32, lowering.result(v), x)
    return True


def count_ones(lowering: Lowering) -> bool:
    """``popcnt``."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    lowering.unary(_POPCNT64 if type == I64 else _POPCNT32, lowering.result(v), zero_extended(lowering, f.a[v]))
    return True


def swap_bytes(lowering: Lowering) -> bool:
    """``bswap``; of 16 bits they come out above."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    d = lowering.result(v)
    lowering.copy(d, lowering.use(f.a[v]))
    byte_swap(lowering, d, type)
    return True


def byte_swap(lowering: Lowering, d: i64, type: i64) -> None:
    """The bytes of a register's value in the other order."""
    lowering.code.add(_BSWAP64 if type == I64 else _BSWAP32, NONE, RM_READ | RM_WRITTEN, NO_REGISTER, d)
    if type == I16:
        lowering.modify_immediate(_SHR32, d, 16)


def reverse_bits(lowering: Lowering) -> bool:
    """Neighbours change places: bits, pairs, fours; then the bytes."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    wide = type == I64
    d = lowering.result(v)
    lowering.copy(d, lowering.use(f.a[v]))
    for by, mask in ((1, 0x5555_5555_5555_5555), (2, 0x3333_3333_3333_3333), (4, 0x0F0F_0F0F_0F0F_0F0F)):
        even = lowering.integer(mask if wide else mask & 0xFFFF_FFFF, I64)
        upper = lowering.code.temporary(GENERAL)
        lowering.copy(upper, d)
        lowering.modify_immediate(_SHR64 if wide else _SHR32, upper, by)
        lowering.modify(_AND64 if wide else _AND32, upper, even)
        lowering.modify(_AND64 if wide else _AND32, d, even)
        lowering.modify_immediate(_SHL64 if wide else _SHL32, d, by)
        lowering.modify(_OR64 if wide else _OR32, d, upper)
    if type != I8:
        byte_swap(lowering, d, type)
    return True


def mask_of(lowering: Lowering) -> bool:
    """``neg`` sets the carry if the value is not 0, ``sbb`` makes a mask of it."""
    f = lowering.function
    v = lowering.v
    x = f.a[v]
    type = f.type[v]
    r = zero_extended(lowering, x)
    t = lowering.code.temporary(GENERAL)
    lowering.copy(t, r)
    lowering.modify_immediate(_NEG64 if f.type[x] == I64 else _NEG32, t)
    d = lowering.result(v)
    # A register less itself, less the carry: what it was does not matter, but it has to be something.
    lowering.copy(d, t)
    lowering.modify(_SBB64 if type == I64 else _SBB32, d, d)
    return True


def select_bits(lowering: Lowering) -> bool:
    """``y ^ (c & (x ^ y))``."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    if type > I64:
        return False
    wide = type == I64
    c = lowering.use(f.a[v])
    x = lowering.use(f.b[v])
    y = lowering.use(f.c[v])
    d = lowering.result(v)
    lowering.copy(d, x)
    lowering.modify(_XOR64 if wide else _XOR32, d, y)
    lowering.modify(_AND64 if wide else _AND32, d, c)
    lowering.modify(_XOR64 if wide else _XOR32, d, y)
    return True


RULES: Final = {
    ISHL: (shift,),
    USHR: (shift,),
    SSHR: (shift,),
    ROTL: (rotate,),
    ROTR: (rotate,),
    CLZ: (count_leading,),
    CLS: (count_sign,),
    CTZ: (count_trailing,),
    POPCNT: (count_ones,),
    BSWAP: (swap_bytes,),
    BITREV: (reverse_bits,),
    BMASK: (mask_of,),
    BITSELECT: (select_bits,),
}
