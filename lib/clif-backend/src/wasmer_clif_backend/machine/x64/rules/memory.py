"""Loads and stores, and the addresses that they take."""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BIG,
    BOR,
    BXOR,
    IADD,
    ISTORE8,
    ISTORE16,
    ISTORE32,
    ISUB,
    LOAD,
    SLOAD8,
    SLOAD8X8,
    SLOAD16,
    SLOAD16X4,
    SLOAD32,
    SLOAD32X2,
    STACK_LOAD,
    STACK_STORE,
    STORE,
    ULOAD8,
    ULOAD8X8,
    ULOAD16,
    ULOAD16X4,
    ULOAD32,
    ULOAD32X2,
)
from wasmer_clif_backend.ir.types import F32, F64, I8, I16, I32, I64, bits_of
from wasmer_clif_backend.machine.code import GENERAL, NO_REGISTER
from wasmer_clif_backend.machine.x64.emit import IN_FRAME
from wasmer_clif_backend.machine.x64.lower import MOV32, MOV64, Lowering
from wasmer_clif_backend.machine.x64.rules.bits import byte_swap
from wasmer_clif_backend.machine.x64.rules.table import rows_of
from wasmer_clif_backend.machine.x64.traps import trap_of_access
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import MEM
from wasmer_runtime_core.codegen.x64.registers import RBP
from wasmer_runtime_core.support.annotations import Final, i64

_MOVZX8: Final[i64] = forms.MOVZX_R32_RM8.number
_MOVZX16: Final[i64] = forms.MOVZX_R32_RM16.number
_MOVSS: Final[i64] = forms.VMOVSS_XMM_M32.number
_MOVSD: Final[i64] = forms.VMOVSD_XMM_M64.number
_MOVUPS: Final[i64] = forms.VMOVUPS_XMM_XM128.number
_STORE8: Final[i64] = forms.MOV_RM8_R8.number
_STORE16: Final[i64] = forms.MOV_RM16_R16.number
_STORE32: Final[i64] = forms.MOV_RM32_R32.number
_STORE64: Final[i64] = forms.MOV_RM64_R64.number
_STORE_SS: Final[i64] = forms.VMOVSS_M32_XMM.number
_STORE_SD: Final[i64] = forms.VMOVSD_M64_XMM.number
_STORE_UPS: Final[i64] = forms.VMOVUPS_XM128_XMM.number

# By opcode: the instruction for i64 and for what is narrower.
_EXTENDING: Final = rows_of(
    {
        ULOAD8: (forms.MOVZX_R32_RM8, forms.MOVZX_R32_RM8),
        SLOAD8: (forms.MOVSX_R64_RM8, forms.MOVSX_R32_RM8),
        ULOAD16: (forms.MOVZX_R32_RM16, forms.MOVZX_R32_RM16),
        SLOAD16: (forms.MOVSX_R64_RM16, forms.MOVSX_R32_RM16),
        ULOAD32: (forms.MOV_R32_RM32, forms.MOV_R32_RM32),
        SLOAD32: (forms.MOVSXD_R64_RM32, forms.MOVSXD_R64_RM32),
        ULOAD8X8: (forms.VPMOVZXBW_XMM_XM64, forms.VPMOVZXBW_XMM_XM64),
        SLOAD8X8: (forms.VPMOVSXBW_XMM_XM64, forms.VPMOVSXBW_XMM_XM64),
        ULOAD16X4: (forms.VPMOVZXWD_XMM_XM64, forms.VPMOVZXWD_XMM_XM64),
        SLOAD16X4: (forms.VPMOVSXWD_XMM_XM64, forms.VPMOVSXWD_XMM_XM64),
        ULOAD32X2: (forms.VPMOVZXDQ_XMM_XM64, forms.VPMOVZXDQ_XMM_XM64),
        SLOAD32X2: (forms.VPMOVSXDQ_XMM_XM64, forms.VPMOVSXDQ_XMM_XM64),
    }
)


def _stored_type(opcode: i64, type: i64) -> i64:
    """The type of what a store puts into memory, of a value of some type."""
    return I8 if opcode == ISTORE8 else I16 if opcode == ISTORE16 else I32 if opcode == ISTORE32 else type


# By type: the instruction that stores a constant.
_STORE_CONSTANT: Final = rows_of(
    {
        I8: (forms.MOV_RM8_IMM8,),
        I16: (forms.MOV_RM16_IMM16,),
        I32: (forms.MOV_RM32_IMM32,),
        I64: (forms.MOV_RM64_IMM32,),
    }
)
# By opcode: the instruction that modifies memory by a register, by a constant of 8 and of 32 bits; for 32, for 64 bits.
_MODIFYING: Final = rows_of(
    {
        IADD: (
            *(forms.ADD_RM32_R32, forms.ADD_RM32_IMM8, forms.ADD_RM32_IMM32),
            *(forms.ADD_RM64_R64, forms.ADD_RM64_IMM8, forms.ADD_RM64_IMM32),
        ),
        ISUB: (
            *(forms.SUB_RM32_R32, forms.SUB_RM32_IMM8, forms.SUB_RM32_IMM32),
            *(forms.SUB_RM64_R64, forms.SUB_RM64_IMM8, forms.SUB_RM64_IMM32),
        ),
        BAND: (
            *(forms.AND_RM32_R32, forms.AND_RM32_IMM8, forms.AND_RM32_IMM32),
            *(forms.AND_RM64_R64, forms.AND_RM64_IMM8, forms.AND_RM64_IMM32),
        ),
        BOR: (
            *(forms.OR_RM32_R32, forms.OR_RM32_IMM8, forms.OR_RM32_IMM32),
            *(forms.OR_RM64_R64, forms.OR_RM64_IMM8, forms.OR_RM64_IMM32),
        ),
        BXOR: (
            *(forms.XOR_RM32_R32, forms.XOR_RM32_IMM8, forms.XOR_RM32_IMM32),
            *(forms.XOR_RM64_R64, forms.XOR_RM64_IMM8, forms.XOR_RM64_IMM32),
        ),
    }
)


def load_form(type: i64) -> i64:
    """The instruction that loads a value, whatever its upper bits become."""
    if type == I8:
        return _MOVZX8
    if type == I16:
        return _MOVZX16
    if type == I32:
        return MOV32
    if type == I64:
        return MOV64
    return _MOVSS if type == F32 else _MOVSD if type == F64 else _MOVUPS


def store_form(type: i64) -> i64:
    """The instruction that stores a value."""
    if type <= I64:
        return _STORE8 if type == I8 else _STORE16 if type == I16 else _STORE32 if type == I32 else _STORE64
    return _STORE_SS if type == F32 else _STORE_SD if type == F64 else _STORE_UPS


def load(lowering: Lowering) -> bool:
    """A whole value."""
    f = lowering.function
    v = lowering.v
    type = f.type[v]
    flags = f.extra[v]
    lowering.take_address(f.a[v], f.immediate[v])
    if not flags & BIG or type == I8:
        lowering.load(load_form(type), lowering.result(v), trap_of_access(flags))
        return True
    if type > I64:
        return False
    lowering.load(load_form(type), lowering.result(v), trap_of_access(flags))
    byte_swap(lowering, lowering.result(v), type)
    return True


def load_extending(lowering: Lowering) -> bool:
    """A part, extended."""
    f = lowering.function
    v = lowering.v
    flags = f.extra[v]
    if flags & BIG and f.opcode[v] not in (ULOAD8, SLOAD8):
        return False
    form = _EXTENDING[2 * f.opcode[v] + (0 if f.type[v] >= I64 else 1)]
    lowering.take_address(f.a[v], f.immediate[v])
    lowering.load(form, lowering.result(v), trap_of_access(flags))
    return True


def modify(lowering: Lowering) -> bool:
    """``add [address], x``: what is stored was loaded from there, and modified."""
    f = lowering.function
    v = lowering.v
    new = f.a[v]
    opcode = f.opcode[new]
    type = f.type[new]
    if opcode != IADD and opcode != ISUB and opcode != BAND and opcode != BOR and opcode != BXOR:
        return False
    if (type != I32 and type != I64) or lowering.function.uses[new] != 1 or lowering.wanted[new]:
        return False
    old = f.a[new]
    other = f.b[new]
    if opcode != ISUB and f.opcode[old] != LOAD:
        old, other = other, old
    if not lowering.may_fold(old) or f.immediate[old] != f.immediate[v]:
        return False
    if not _are_same(lowering, f.a[old], f.b[v]) or (f.extra[v] & BIG) != 0:
        return False
    row = 6 * opcode + (3 if type == I64 else 0)
    if lowering.fits(other):
        n = lowering.constant_of(other)
        lowering.fold(old)
        lowering.modify_operand(_MODIFYING[row + (1 if n >= -128 and n <= 127 else 2)], NO_REGISTER, n)
    else:
        r = lowering.use(other)
        lowering.fold(old)
        lowering.modify_operand(_MODIFYING[row], r, 0)
    return True


def _are_same(lowering: Lowering, x: i64, y: i64) -> bool:
    """Whether two addresses are surely the same: one value, or the same sum."""
    f = lowering.function
    if x == y:
        return True
    if f.opcode[x] != IADD or f.opcode[y] != IADD:
        return False
    return _origins_are_same(lowering, f.a[x], f.a[y]) and _origins_are_same(lowering, f.b[x], f.b[y])


def _origins_are_same(lowering: Lowering, x: i64, y: i64) -> bool:
    return lowering.origin(x) == lowering.origin(y)


def signed_part(n: i64, bits: i64) -> i64:
    """The lower bits of a number, as one with sign."""
    n &= (1 << bits) - 1
    return n - (1 << bits) if n >> (bits - 1) else n


def store(lowering: Lowering) -> bool:
    """A whole value, or the lower part of one."""
    f = lowering.function
    v = lowering.v
    x = f.a[v]
    type = _stored_type(f.opcode[v], f.type[x])
    flags = f.extra[v]
    if lowering.fits(x) and (not flags & BIG or type == I8):
        lowering.take_address(f.b[v], f.immediate[v])
        n = lowering.constant_of(x)
        if type < I32:
            n = signed_part(n, bits_of(type))
        lowering.store(_STORE_CONSTANT[type], NO_REGISTER, trap_of_access(flags), n)
        return True
    r = lowering.use(x)
    if flags & BIG and type != I8:
        if type > I64:
            return False
        swapped = lowering.code.temporary(GENERAL)
        lowering.copy(swapped, r)
        byte_swap(lowering, swapped, type)
        r = swapped
    lowering.take_address(f.b[v], f.immediate[v])
    lowering.store(store_form(type), r, trap_of_access(flags))
    return True


def _slot(lowering: Lowering, v: i64) -> None:
    f = lowering.function
    address = lowering.address
    address.mode = MEM
    address.base = RBP
    address.index = NO_REGISTER
    address.scale = 0
    address.flags = IN_FRAME
    address.displacement = f.immediate[v] + lowering.code.slot_offsets[f.extra[v]]


def load_slot(lowering: Lowering) -> bool:
    """From a stack slot."""
    v = lowering.v
    _slot(lowering, v)
    lowering.load(load_form(lowering.function.type[v]), lowering.result(v))
    return True


def store_slot(lowering: Lowering) -> bool:
    """To a stack slot."""
    v = lowering.v
    x = lowering.function.a[v]
    r = lowering.use(x)
    _slot(lowering, v)
    lowering.store(store_form(lowering.function.type[x]), r)
    return True


RULES: Final = {
    LOAD: (load,),
    ULOAD8: (load_extending,),
    SLOAD8: (load_extending,),
    ULOAD16: (load_extending,),
    SLOAD16: (load_extending,),
    ULOAD32: (load_extending,),
    SLOAD32: (load_extending,),
    ULOAD8X8: (load_extending,),
    SLOAD8X8: (load_extending,),
    ULOAD16X4: (load_extending,),
    SLOAD16X4: (load_extending,),
    ULOAD32X2: (load_extending,),
    SLOAD32X2: (load_extending,),
    STORE: (modify, store),
    ISTORE8: (store,),
    ISTORE16: (store,),
    ISTORE32: (store,),
    STACK_LOAD: (load_slot,),
    STACK_STORE: (store_slot,),
}
