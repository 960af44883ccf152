"""Comparisons, and how they stay in the flags for the branch or select that wants them."""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    EQUAL,
    EXCHANGED,
    LESS,
    NOT_EQUAL,
)
from wasmer_runtime_core.codegen.x64.forms import Form
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.types import I32
from wasmer_singlepass_backend.uses import TAKES_FLAGS
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    MOVZX_R32_R8,
    SETCC,
    FunctionCompiler,
)
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RBP, RCX
from wasmer_singlepass_backend.x64.values import CONSTANT, FLAGS

TEST_R32: Final[i64] = number(forms.TEST_RM32_R32)
TEST_R64: Final[i64] = number(forms.TEST_RM64_R64)
CMP_R32_IMM8: Final[i64] = number(forms.CMP_RM32_IMM8)
CMP_R64_IMM8: Final[i64] = number(forms.CMP_RM64_IMM8)


def wants_flags(f: FunctionCompiler) -> bool:
    """Does the next operator take a condition from the processor's flags?"""
    return f.next_use() == TAKES_FLAGS


def push_condition(f: FunctionCompiler, condition: i64) -> None:
    """The flags hold a comparison's outcome: leave it there, or make it 0 or 1."""
    if wants_flags(f):
        f.push(I32, FLAGS, condition)
        return
    target = f.target_home(HOME_REGISTER)
    register = target
    if register < 0:
        register = f.take()
    f.asm.reg_reg(SETCC + condition, 0, register)
    f.asm.reg_reg(MOVZX_R32_R8, register, register)
    f.result(I32, register, target)


def test_zero(f: FunctionCompiler, type_: i64, register: i64) -> None:
    """Set the zero flag by a register, unless it is so set already."""
    if not f.zero_flag_tells(register):
        f.asm.reg_reg(TEST_R32 if type_ == I32 else TEST_R64, register, register)


@final
class Compare(Lowering):
    """A comparison; stays in the flags if a branch or select follows."""

    def __init__(self, type_: int, condition: int, reg_rm: Form, rm_imm8: Form, rm_imm32: Form) -> None:
        self.type: i64 = type_
        self.condition: i64 = condition
        self.exchanged: i64 = EXCHANGED[condition]  # the condition with its operands exchanged
        self.reg_rm: i64 = number(reg_rm)
        self.rm_imm8: i64 = number(rm_imm8)
        self.rm_imm32: i64 = number(rm_imm32)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        right = f.pop()
        left = f.pop()
        condition = self.condition
        if f.kinds[left] == CONSTANT and f.kinds[right] != CONSTANT:
            swap = left
            left = right
            right = swap
            condition = self.exchanged
        asm = f.asm
        if f.kinds[right] == CONSTANT and fits_signed_32(f.values[right]):
            value = f.values[right]
            register = f.in_register(left)
            place = f.in_frame(left)
            if value == 0 and register >= 0 and (condition == EQUAL or condition == NOT_EQUAL):
                test_zero(f, self.type, register)
            elif value == 0 and register >= 0 and condition >= LESS:
                asm.reg_reg(TEST_R32 if self.type == I32 else TEST_R64, register, register)
            elif register >= 0:
                asm.reg_imm(self.rm_imm8 if -128 <= value and value <= 127 else self.rm_imm32, register, value)
            elif place != 0:
                asm.mem_imm(self.rm_imm8 if -128 <= value and value <= 127 else self.rm_imm32, RBP, place, value)
            else:
                f.load(left, RAX)
                asm.reg_imm(self.rm_imm32, RAX, value)
        else:
            register = f.readable(left, RAX)
            other = f.in_register(right)
            place = f.in_frame(right)
            if other >= 0:
                asm.reg_reg(self.reg_rm, register, other)
            elif place != 0:
                asm.reg_mem(self.reg_rm, register, RBP, place)
            else:
                f.load(right, RCX)
                asm.reg_reg(self.reg_rm, register, RCX)
        f.release(left)
        f.release(right)
        push_condition(f, condition)


@final
class EqualZero(Lowering):
    """i32.eqz, i64.eqz: negates a condition that is in the flags."""

    def __init__(self, type_: int) -> None:
        self.type: i64 = type_

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        if f.kinds[p] == FLAGS:
            push_condition(f, f.values[p] ^ 1)
            return
        place = f.in_frame(p)
        if place != 0:
            f.asm.mem_imm(CMP_R32_IMM8 if self.type == I32 else CMP_R64_IMM8, RBP, place, 0)
        else:
            test_zero(f, self.type, f.readable(p, RAX))
            f.release(p)
        push_condition(f, EQUAL)


def fits_signed_32(value: i64) -> bool:
    return -0x80000000 <= value and value <= 0x7FFFFFFF
