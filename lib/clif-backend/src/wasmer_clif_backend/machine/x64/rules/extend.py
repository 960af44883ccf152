"""Values of 8 and 16 bits, whose upper bits mean nothing, as numbers of 32 or 64 bits."""

from __future__ import annotations

from wasmer_clif_backend.ir.bits import signed
from wasmer_clif_backend.ir.types import I8, I16, I32, I64, bits_of
from wasmer_clif_backend.machine.code import GENERAL
from wasmer_clif_backend.machine.x64.lower import MOV32, Lowering
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.support.annotations import Final, i64

_MOVZX8: Final[i64] = forms.MOVZX_R32_RM8.number
_MOVZX16: Final[i64] = forms.MOVZX_R32_RM16.number
_MOVSX8: Final[i64] = forms.MOVSX_R32_RM8.number
_MOVSX16: Final[i64] = forms.MOVSX_R32_RM16.number
_MOVSX8_64: Final[i64] = forms.MOVSX_R64_RM8.number
_MOVSX16_64: Final[i64] = forms.MOVSX_R64_RM16.number
_MOVSXD: Final[i64] = forms.MOVSXD_R64_RM32.number


def zero_form(type: i64) -> i64:
    """The instruction that clears what is above a value; the register's whole upper part, too."""
    return _MOVZX8 if type == I8 else _MOVZX16 if type == I16 else MOV32


def sign_form(type: i64, to: i64) -> i64:
    """The instruction that fills with the sign what is above a value, up to another type's bits."""
    if to == I64:
        return _MOVSX8_64 if type == I8 else _MOVSX16_64 if type == I16 else _MOVSXD
    return _MOVSX8 if type == I8 else _MOVSX16


def zero_extended(lowering: Lowering, v: i64) -> i64:
    """A register whose bits above the value are zero."""
    f = lowering.function
    type = f.type[v]
    if type >= I32:
        return lowering.use(v)
    if lowering.is_constant(v):
        one: i64 = 1
        return lowering.integer(lowering.constant_of(v) & ((one << bits_of(type)) - 1), I32)
    r = lowering.code.temporary(GENERAL)
    lowering.unary(zero_form(type), r, lowering.use(v))
    return r


def sign_extended(lowering: Lowering, v: i64, to: i64 = I32) -> i64:
    """A register that holds the value with its sign, in 32 or 64 bits."""
    f = lowering.function
    type = f.type[v]
    if type >= to:
        return lowering.use(v)
    if lowering.is_constant(v):
        return lowering.integer(signed(int(lowering.constant_of(v)), int(bits_of(type))), to)
    r = lowering.code.temporary(GENERAL)
    lowering.unary(sign_form(type, to), r, lowering.use(v))
    return r
