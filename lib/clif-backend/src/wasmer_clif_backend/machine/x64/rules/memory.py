"""Loads and stores, and the addresses that they take."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from wasmer_clif_backend.ir.opcodes import (
    BIG,
    IADD,
    ISHL,
    ISTORE8,
    ISTORE16,
    ISTORE32,
    LOAD,
    NOTRAP,
    SLOAD8,
    SLOAD8X8,
    SLOAD16,
    SLOAD16X4,
    SLOAD32,
    SLOAD32X2,
    STACK_ADDR,
    STACK_LOAD,
    STACK_STORE,
    STORE,
    TRAP_CODE_SHIFT,
    TRAP_CODES,
    ULOAD8,
    ULOAD8X8,
    ULOAD16,
    ULOAD16X4,
    ULOAD32,
    ULOAD32X2,
)
from wasmer_clif_backend.ir.types import F32, F64, I8, I16, I32, I64
from wasmer_clif_backend.machine.code import GENERAL, NO_REGISTER
from wasmer_clif_backend.machine.x64.emit import IN_FRAME
from wasmer_clif_backend.machine.x64.lower import MOV32, MOV64, Lowering
from wasmer_clif_backend.machine.x64.rules.bits import byte_swap
from wasmer_clif_backend.machine.x64.rules.trapping import trap_kind
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.registers import RBP

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
_EXTENDING: Final = {
    ULOAD8: (_MOVZX8, _MOVZX8),
    SLOAD8: (forms.MOVSX_R64_RM8.number, forms.MOVSX_R32_RM8.number),
    ULOAD16: (_MOVZX16, _MOVZX16),
    SLOAD16: (forms.MOVSX_R64_RM16.number, forms.MOVSX_R32_RM16.number),
    ULOAD32: (MOV32, MOV32),
    SLOAD32: (forms.MOVSXD_R64_RM32.number, forms.MOVSXD_R64_RM32.number),
    ULOAD8X8: (forms.VPMOVZXBW_XMM_XM64.number, 0),
    SLOAD8X8: (forms.VPMOVSXBW_XMM_XM64.number, 0),
    ULOAD16X4: (forms.VPMOVZXWD_XMM_XM64.number, 0),
    SLOAD16X4: (forms.VPMOVSXWD_XMM_XM64.number, 0),
    ULOAD32X2: (forms.VPMOVZXDQ_XMM_XM64.number, 0),
    SLOAD32X2: (forms.VPMOVSXDQ_XMM_XM64.number, 0),
}
_NARROW: Final = {ISTORE8: I8, ISTORE16: I16, ISTORE32: I32}


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


def take_address(lowering: Lowering, v: i64, offset: i64) -> None:
    """The address of v plus offset, of as many sums as an operand can hold, becomes the one at hand."""
    f = lowering.function
    address = lowering.address
    address.index = NO_REGISTER
    address.scale = 0
    address.flags = 0
    while f.opcode[v] == IADD and lowering.fits(f.b[v]) and _is_near(offset + lowering.constant_of(f.b[v])):
        offset += lowering.constant_of(f.b[v])
        v = f.a[v]
    address.displacement = offset
    if f.opcode[v] == STACK_ADDR:
        address.base = RBP
        address.flags = IN_FRAME
        address.displacement = offset + f.immediate[v] + lowering.code.slot_offsets[f.extra[v]]
        return
    if f.opcode[v] == IADD and lowering.wanted[v] == 0:
        x = f.a[v]
        y = f.b[v]
        if f.opcode[y] == ISHL and lowering.is_constant(f.b[y]) and lowering.constant_of(f.b[y]) & 63 <= 3:
            address.scale = lowering.constant_of(f.b[y]) & 63
            y = f.a[y]
        base = lowering.use(x)
        address.index = lowering.use(y)
        address.base = base
        return
    address.base = lowering.use(v)


def _is_near(offset: i64) -> bool:
    return offset >= -0x8000_0000 and offset <= 0x7FFF_FFFF


def kind_of(flags: i64) -> i64:
    """The kind of trap of an access with these flags; 0: it makes none."""
    if flags & NOTRAP:
        return 0
    code = flags >> TRAP_CODE_SHIFT
    return trap_kind(code if code else TRAP_CODES["heap_oob"])


def load(lowering: Lowering, v: i64) -> bool:
    """A whole value."""
    f = lowering.function
    type = f.type[v]
    flags = f.extra[v]
    take_address(lowering, f.a[v], f.immediate[v])
    if not flags & BIG or type == I8:
        lowering.load(load_form(type), lowering.result(v), kind_of(flags))
        return True
    if type > I64:
        return False
    lowering.load(load_form(type), lowering.result(v), kind_of(flags))
    byte_swap(lowering, lowering.result(v), type)
    return True


def load_extending(lowering: Lowering, v: i64) -> bool:
    """A part, extended."""
    f = lowering.function
    flags = f.extra[v]
    if flags & BIG and f.opcode[v] not in (ULOAD8, SLOAD8):
        return False
    wide, narrow = _EXTENDING[int(f.opcode[v])]
    take_address(lowering, f.a[v], f.immediate[v])
    lowering.load(wide if f.type[v] >= I64 else narrow, lowering.result(v), kind_of(flags))
    return True


def store(lowering: Lowering, v: i64) -> bool:
    """A whole value, or the lower part of one."""
    f = lowering.function
    opcode = int(f.opcode[v])
    x = f.a[v]
    type: i64 = _NARROW.get(opcode, f.type[x])
    flags = f.extra[v]
    r = lowering.use(x)
    if flags & BIG and type != I8:
        if type > I64:
            return False
        swapped = lowering.code.temporary(GENERAL)
        lowering.copy(swapped, r)
        byte_swap(lowering, swapped, type)
        r = swapped
    take_address(lowering, f.b[v], f.immediate[v])
    lowering.store(store_form(type), r, kind_of(flags))
    return True


def _slot(lowering: Lowering, v: i64) -> None:
    f = lowering.function
    address = lowering.address
    address.base = RBP
    address.index = NO_REGISTER
    address.scale = 0
    address.flags = IN_FRAME
    address.displacement = f.immediate[v] + lowering.code.slot_offsets[f.extra[v]]


def load_slot(lowering: Lowering, v: i64) -> bool:
    """From a stack slot."""
    _slot(lowering, v)
    lowering.load(load_form(lowering.function.type[v]), lowering.result(v))
    return True


def store_slot(lowering: Lowering, v: i64) -> bool:
    """To a stack slot."""
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
    STORE: (store,),
    ISTORE8: (store,),
    ISTORE16: (store,),
    ISTORE32: (store,),
    STACK_LOAD: (load_slot,),
    STACK_STORE: (store_slot,),
}
