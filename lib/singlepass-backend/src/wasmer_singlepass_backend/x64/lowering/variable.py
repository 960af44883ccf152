"""Locals, globals, and the operators that only rearrange the stack."""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    NOT_EQUAL,
)
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.types import F32, F64, I32
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    HOME_SLOT,
    HOME_XMM,
    JCC,
    MOV_MEM_R32,
    MOV_MEM_R64,
    MOV_R32,
    MOV_R64,
    MOVSD,
    MOVSD_STORE,
    MOVSS,
    MOVSS_STORE,
    MOVUPS,
    MOVUPS_STORE,
    FunctionCompiler,
    is_float,
)
from wasmer_singlepass_backend.x64.lowering.comparison import test_zero
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RBP, RCX, XMM_SCRATCH
from wasmer_singlepass_backend.x64.values import CONSTANT, FLAGS, LOCAL, REGISTER, XMM

CMOV_R32: Final[i64] = number(forms.CMOVCC_R32_RM32)
CMOV_R64: Final[i64] = number(forms.CMOVCC_R64_RM64)
MOV_MEM_IMM32: Final[i64] = number(forms.MOV_RM32_IMM32)
MOV_MEM_IMM64: Final[i64] = number(forms.MOV_RM64_IMM32)


@final
class LocalGet(Lowering):
    """Nothing is emitted: the operand stands for the local's present value."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.push_local(a)


def write_local(f: FunctionCompiler, local: i64, p: i64) -> None:
    """Store operand `p`, popped, in a local's home."""
    type_ = i64(f.local_types[local])
    home = i64(f.home_kinds[local])
    if home == HOME_REGISTER:
        f.load(p, f.homes[local])
    elif home == HOME_XMM:
        f.load_xmm(p, f.homes[local])
    elif is_float(type_):
        f.store_xmm(type_, f.local_slots[local], f.readable_xmm(p, XMM_SCRATCH))
    elif f.kinds[p] == CONSTANT and -0x80000000 <= f.values[p] and f.values[p] <= 0x7FFFFFFF:
        f.asm.mem_imm(MOV_MEM_IMM32 if type_ == I32 else MOV_MEM_IMM64, RBP, f.local_slots[local], f.values[p])
    else:
        f.store_register(type_, f.local_slots[local], f.readable(p, RAX))


@final
class LocalSet(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        if f.kinds[p] == LOCAL and f.values[p] == a:
            return
        if f.local_refs[a] > 0:
            f.detach_local(a)
        write_local(f, a, p)
        f.release(p)


@final
class LocalTee(Lowering):
    """The value goes to the home; the operand then is the local, unless only a slot has it."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        if f.kinds[p] == LOCAL and f.values[p] == a:
            f.push_local(a)
            return
        if f.local_refs[a] > 0:
            f.detach_local(a)
        write_local(f, a, p)
        kind = i64(f.kinds[p])
        if f.home_kinds[a] == HOME_SLOT and (kind == REGISTER or kind == XMM or kind == CONSTANT):
            f.push(i64(f.types[p]), kind, f.values[p])
        else:
            f.release(p)
            f.push_local(a)


@final
class GlobalGet(Lowering):
    """An own global lies in the vmctx, an imported one behind an address there."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        view = f.view
        type_ = i64(view.global_types[a])
        base = f.vmctx
        offset = view.global_offsets[a]
        asm = f.asm
        if a < view.imported_globals:
            asm.reg_mem(MOV_R64, RAX, base, offset)
            base = RAX
            offset = 0
        if is_float(type_):
            target = f.target_home(HOME_XMM)
            register = target
            if register < 0:
                register = f.take_xmm()
            asm.reg_mem(MOVSD if type_ == F64 else MOVSS if type_ == F32 else MOVUPS, register, base, offset)
            f.result_xmm(type_, register, target)
        else:
            target = f.target_home(HOME_REGISTER)
            register = target
            if register < 0:
                register = f.take()
            asm.reg_mem(MOV_R32 if type_ == I32 else MOV_R64, register, base, offset)
            f.result(type_, register, target)


@final
class GlobalSet(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        view = f.view
        type_ = i64(view.global_types[a])
        p = f.pop()
        base = f.vmctx
        offset = view.global_offsets[a]
        asm = f.asm
        if a < view.imported_globals:
            asm.reg_mem(MOV_R64, RCX, base, offset)
            base = RCX
            offset = 0
        if is_float(type_):
            register = f.readable_xmm(p, XMM_SCRATCH)
            asm.reg_mem(
                MOVSD_STORE if type_ == F64 else MOVSS_STORE if type_ == F32 else MOVUPS_STORE, register, base, offset
            )
        else:
            register = f.readable(p, RAX)
            asm.reg_mem(MOV_MEM_R32 if type_ == I32 else MOV_MEM_R64, register, base, offset)
        f.release(p)


@final
class Drop(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.release(f.pop())


@final
class Select(Lowering):
    """A conditional move for integers, a jump over a copy for floats."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        condition_operand = f.pop()
        condition: i64 = NOT_EQUAL
        if f.kinds[condition_operand] == FLAGS:
            condition = f.values[condition_operand]
        else:
            test_zero(f, I32, f.readable(condition_operand, RAX))
            f.release(condition_operand)
        otherwise = f.pop()
        chosen = f.pop()
        # from here on nothing may touch the flags before they are read
        type_ = (word >> 16) & 0xFF
        if is_float(type_):
            self.floats(f, type_, chosen, otherwise, condition)
            return
        form = CMOV_R32 if type_ == I32 else CMOV_R64
        if f.kinds[otherwise] != REGISTER and f.kinds[chosen] == REGISTER:
            swap = chosen
            chosen = otherwise
            otherwise = swap
            condition ^= 1
        target = f.target_home(HOME_REGISTER)
        if target >= 0 and f.in_register(chosen) == target:
            swap = chosen
            chosen = otherwise
            otherwise = swap
            condition ^= 1
        register = target
        if register < 0:
            register = f.owned(otherwise)
        else:
            f.load(otherwise, register)
            f.release(otherwise)
        place = f.in_frame(chosen)
        if place != 0:
            f.asm.reg_mem(form + condition, register, RBP, place)
        else:
            f.asm.reg_reg(form + condition, register, f.readable(chosen, RCX))
        f.release(chosen)
        f.result(type_, register, target)

    def floats(self, f: FunctionCompiler, type_: i64, chosen: i64, otherwise: i64, condition: i64) -> None:
        register = f.owned_xmm(chosen)
        done = f.new_label()
        f.asm.jump(JCC + condition, done)
        f.load_xmm(otherwise, register)
        f.asm.bind(done)
        f.release(otherwise)
        f.push(type_, XMM, register)
