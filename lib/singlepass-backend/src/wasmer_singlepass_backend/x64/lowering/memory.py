"""Loads, stores and the memory operators.

With a reserved memory an access is one instruction: base register, zero-extended address,
offset. What lies beyond the memory's length faults, and the site table says what the fault
means. An offset of 2 GiB or more would be sign-extended by the processor, so it is added
to the address first; the reservation is wide enough for the largest sum.

Without reservation the end of the access is compared with the memory's length, which, like
the base, is read from its definition each time: it may have grown and moved.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE,
    BELOW,
)
from wasmer_runtime_core.codegen.x64.forms import Form
from wasmer_runtime_core.contract.vmctx import MEMORY_DEFINITION
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES
from wasmer_runtime_core.wasm.types import I32, I64, PAGE_BYTES
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    HOME_XMM,
    JCC,
    MOV_R64,
    FunctionCompiler,
)
from wasmer_singlepass_backend.x64.lowering.comparison import fits_signed_32
from wasmer_singlepass_backend.x64.lowering.float import FloatBinary
from wasmer_singlepass_backend.x64.lowering.integer import OUT_OF_BOUNDS, Binary
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RCX, RDX, XMM_SCRATCH
from wasmer_singlepass_backend.x64.values import CONSTANT

ADD_R64: Final[i64] = number(forms.ADD_R64_RM64)
LEA_R64: Final[i64] = number(forms.LEA_R64_M)
CMP_R64: Final[i64] = number(forms.CMP_R64_RM64)
SHR_R64_IMM: Final[i64] = number(forms.SHR_RM64_IMM8)

BASE_OFFSET: Final[i64] = i64(MEMORY_DEFINITION["base"].offset)
LENGTH_OFFSET: Final[i64] = i64(MEMORY_DEFINITION["length"].offset)
PAGE_SHIFT: Final[i64] = i64(PAGE_BYTES.bit_length() - 1)


class Access(Lowering):
    """Working out an address: `address` leaves it in the function's `base`, `index` and `displacement`."""

    def __init__(self, size: int) -> None:
        self.size: i64 = size

    def address(self, f: FunctionCompiler, p: i64, a: i64, b: i64) -> None:
        """From address operand `p`; may use rax and rdx (and rcx where it compares)."""
        f.mark()
        offset = a & 0xFFFFFFFF
        if f.bounds_checks or b != 0:
            self.checked(f, p, offset | (((b >> 16) & 0xFFFF) << 32), b & 0xFFFF)
            return
        f.base = f.memory
        if f.kinds[p] == CONSTANT:
            total = (f.values[p] & 0xFFFFFFFF) + offset
            if total <= 0x7FFFFFFF:
                f.index = -1
                f.displacement = total
                return
            f.load_constant(RAX, total)
            f.index = RAX
            f.displacement = 0
            return
        register = f.readable(p, RAX)
        if offset <= 0x7FFFFFFF:
            f.index = register
            f.displacement = offset
            return
        f.load_constant(RDX, offset)
        f.asm.reg_reg(ADD_R64, RDX, register)
        f.index = RDX
        f.displacement = 0

    def checked(self, f: FunctionCompiler, p: i64, offset: i64, memory: i64) -> None:
        """Compare, then address through the memory's definition."""
        if f.view.wide_memories[memory]:
            self.wide(f, p, offset, memory)
            return
        asm = f.asm
        f.load(p, RAX)
        if offset != 0:
            f.load_constant(RDX, offset)
            asm.reg_reg(ADD_R64, RAX, RDX)
        asm.reg_mem(MOV_R64, RCX, f.vmctx, f.view.memory_offsets[memory])
        asm.reg_mem(LEA_R64, RDX, RAX, self.size)
        asm.reg_mem(CMP_R64, RDX, RCX, LENGTH_OFFSET)
        asm.jump(JCC + ABOVE, f.trap_label(OUT_OF_BOUNDS))
        asm.reg_mem(MOV_R64, RDX, RCX, BASE_OFFSET)
        f.base = RDX
        f.index = RAX
        f.displacement = 0

    def wide(self, f: FunctionCompiler, p: i64, offset: i64, memory: i64) -> None:
        """The same of an index of 64 bits: where the access ends may be more than 64 bits hold."""
        asm = f.asm
        f.load(p, RAX)
        asm.reg_mem(MOV_R64, RCX, f.vmctx, f.view.memory_offsets[memory])
        f.load_constant(RDX, offset + self.size)
        asm.reg_reg(ADD_R64, RDX, RAX)
        asm.jump(JCC + BELOW, f.trap_label(OUT_OF_BOUNDS))
        asm.reg_mem(CMP_R64, RDX, RCX, LENGTH_OFFSET)
        asm.jump(JCC + ABOVE, f.trap_label(OUT_OF_BOUNDS))
        if offset > 0x7FFFFFFF:
            f.load_constant(RDX, offset)
            asm.reg_reg(ADD_R64, RAX, RDX)
            offset = 0
        asm.reg_mem(MOV_R64, RDX, RCX, BASE_OFFSET)
        f.base = RDX
        f.index = RAX
        f.displacement = offset


@final
class Load(Access):
    """An integer load, with its extension.

    A load of the full width whose value the next operator takes as its right operand becomes
    that instruction's memory operand.
    """

    def __init__(self, type_: int, size: int, form: Form) -> None:
        super().__init__(size)
        self.type: i64 = type_
        self.form: i64 = number(form)
        self.users: dict[int, Binary] = {}

    def used_by(self, code: int, rule: Binary) -> None:
        """Operator `code`, lowered by `rule`, can read its right operand from memory."""
        self.users[code] = rule

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        self.address(f, p, a, b)
        if self.users:
            user = self.users.get(int(f.next_operator()))
            if user is not None:
                f.at += RECORD_BYTES
                user.memory(f, f.base, f.index, f.displacement, p)
                return
        f.release(p)
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.asm.indexed(self.form, register, f.base, f.index, 0, f.displacement, OUT_OF_BOUNDS)
        f.result(self.type, register, target)


@final
class LoadFloat(Access):
    """f32.load, f64.load, and v128.load; as an operand of the next instruction where AVX allows."""

    def __init__(self, type_: int, size: int, form: Form) -> None:
        super().__init__(size)
        self.type: i64 = type_
        self.form: i64 = number(form)
        self.users: dict[int, FloatBinary] = {}

    def used_by(self, code: int, rule: FloatBinary) -> None:
        """Operator `code`, lowered by `rule`, can read its right operand from memory."""
        self.users[code] = rule

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        self.address(f, p, a, b)
        if f.avx and self.users:
            user = self.users.get(int(f.next_operator()))
            if user is not None:
                f.at += RECORD_BYTES
                user.memory(f, f.base, f.index, f.displacement, p)
                return
        f.release(p)
        target = f.target_home(HOME_XMM)
        register = target
        if register < 0:
            register = f.take_xmm()
        f.asm.indexed(self.form, register, f.base, f.index, 0, f.displacement, OUT_OF_BOUNDS)
        f.result_xmm(self.type, register, target)


@final
class Store(Access):
    """An integer store, also of a constant without a register."""

    def __init__(self, size: int, form: Form, immediate_form: Form) -> None:
        super().__init__(size)
        self.form: i64 = number(form)
        self.immediate_form: i64 = number(immediate_form)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        value = f.pop()
        p = f.pop()
        self.address(f, p, a, b)
        if f.kinds[value] == CONSTANT and (self.size < 8 or fits_signed_32(f.values[value])):
            f.asm.indexed_imm(
                self.immediate_form, 0, f.base, f.index, f.displacement,
                sized(f.values[value], self.size), OUT_OF_BOUNDS,
            )  # fmt: skip
        else:
            register = f.readable(value, RCX)
            f.asm.indexed(self.form, register, f.base, f.index, 0, f.displacement, OUT_OF_BOUNDS)
        f.release(p)
        f.release(value)


def sized(value: i64, size: i64) -> i64:
    """A constant cut to the size of a store, signed."""
    if size == 1:
        value = value & 0xFF
        return value - 0x100 if value > 0x7F else value
    if size == 2:
        value = value & 0xFFFF
        return value - 0x10000 if value > 0x7FFF else value
    value = value & 0xFFFFFFFF if size == 4 else value
    if size == 4 and value > 0x7FFFFFFF:
        return value - 0x100000000
    return value


@final
class StoreFloat(Access):
    """f32.store, f64.store, v128.store."""

    def __init__(self, size: int, form: Form) -> None:
        super().__init__(size)
        self.form: i64 = number(form)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        value = f.pop()
        p = f.pop()
        self.address(f, p, a, b)
        register = f.readable_xmm(value, XMM_SCRATCH)
        f.asm.indexed(self.form, register, f.base, f.index, 0, f.displacement, OUT_OF_BOUNDS)
        f.release(p)
        f.release(value)


@final
class MemorySize(Lowering):
    """memory.size: the length in the memory's definition, in pages."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.asm.reg_mem(MOV_R64, register, f.vmctx, f.view.memory_offsets[a])
        f.asm.reg_mem(MOV_R64, register, register, LENGTH_OFFSET)
        f.asm.reg_imm(SHR_R64_IMM, register, PAGE_SHIFT)
        f.result(i64(I64 if f.view.wide_memories[a] else I32), register, target)
