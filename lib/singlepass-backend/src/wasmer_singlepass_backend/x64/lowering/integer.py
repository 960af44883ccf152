"""Integer arithmetic: operators in the two-operand form, shifts, bit counts, constants."""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    EQUAL,
    NOT_EQUAL,
)
from wasmer_runtime_core.codegen.x64.forms import Form
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.types import I32, I64
from wasmer_singlepass_backend.uses import TESTS_I64
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    JCC,
    JMP,
    MOV_R32,
    FunctionCompiler,
)
from wasmer_singlepass_backend.x64.lowering.comparison import TEST_R32, TEST_R64, fits_signed_32, wants_flags
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RBP, RCX
from wasmer_singlepass_backend.x64.values import CONSTANT, FLAGS, REGISTER

LEA_R32: Final[i64] = number(forms.LEA_R32_M)
LEA_R64: Final[i64] = number(forms.LEA_R64_M)
TEST_R32_IMM: Final[i64] = number(forms.TEST_RM32_IMM32)
TEST_R64_IMM: Final[i64] = number(forms.TEST_RM64_IMM32)
IMUL_R32: Final[i64] = number(forms.IMUL_R32_RM32)
IMUL_R64: Final[i64] = number(forms.IMUL_R64_RM64)
IMUL_R32_IMM: Final[i64] = number(forms.IMUL_R32_RM32_IMM32)
IMUL_R64_IMM: Final[i64] = number(forms.IMUL_R64_RM64_IMM32)
IMUL_R32_IMM8: Final[i64] = number(forms.IMUL_R32_RM32_IMM8)
IMUL_R64_IMM8: Final[i64] = number(forms.IMUL_R64_RM64_IMM8)
BSR_R32: Final[i64] = number(forms.BSR_R32_RM32)
BSR_R64: Final[i64] = number(forms.BSR_R64_RM64)
BSF_R32: Final[i64] = number(forms.BSF_R32_RM32)
BSF_R64: Final[i64] = number(forms.BSF_R64_RM64)
XOR_R32_IMM8: Final[i64] = number(forms.XOR_RM32_IMM8)
OUT_OF_BOUNDS: Final[i64] = i64(BY_NAME["MEMORY_OUT_OF_BOUNDS"].number)


def better_exchanged(f: FunctionCompiler, left: i64, right: i64, target: i64) -> bool:
    """Of a commutative operator: is the right operand where the result will be, and the left is not?"""
    if target >= 0:
        return f.in_register(right) == target
    return f.kinds[left] != REGISTER and f.kinds[right] == REGISTER


@final
class Binary(Lowering):
    """Two operands, one result, in the two-operand form ``left op= right``."""

    def __init__(
        self,
        type_: int,
        reg_rm: Form,
        rm_imm8: Form,
        rm_imm32: Form,
        commutative: bool,
        test: bool = False,
        add: bool = False,
        negate: Form | None = None,
        complement: Form | None = None,
    ) -> None:
        self.type: i64 = type_
        self.reg_rm: i64 = number(reg_rm)
        self.rm_imm8: i64 = number(rm_imm8)
        self.rm_imm32: i64 = number(rm_imm32)
        self.commutative: bool = commutative
        self.test: bool = test  # an `and` whose result is only tested
        self.add: bool = add  # three-operand form by lea
        self.negate: i64 = number(negate) if negate is not None else -1  # zero minus a value
        self.complement: i64 = number(complement) if complement is not None else -1  # a value xor all ones

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        right = f.pop()
        left = f.pop()
        if self.test and (wants_flags(f) if self.type == I32 else f.next_use() == TESTS_I64):
            self.emit_test(f, left, right)
            return
        if self.commutative and f.kinds[left] == CONSTANT and f.kinds[right] != CONSTANT:
            swap = left
            left = right
            right = swap
        target = f.target_home(HOME_REGISTER)
        if self.negate >= 0 and f.kinds[left] == CONSTANT and f.values[left] == 0:
            self.in_place(f, self.negate, right, target)
        elif f.kinds[right] == CONSTANT and fits_signed_32(f.values[right]):
            if self.complement >= 0 and f.values[right] == -1:
                self.in_place(f, self.complement, left, target)
            else:
                self.by_constant(f, left, f.values[right], target)
        else:
            self.by_operand(f, left, right, target)

    def in_place(self, f: FunctionCompiler, form: i64, p: i64, target: i64) -> None:
        """A one-operand instruction: neg or not."""
        register = target
        if register < 0:
            register = f.owned(p)
        else:
            f.load(p, register)
            f.release(p)
        f.asm.reg_imm(form, register, 0)
        f.result(self.type, register, target)

    def memory(self, f: FunctionCompiler, base: i64, index: i64, displacement: i64, address: i64) -> None:
        """The right operand is read from memory by the instruction itself; see `lowering.memory`.

        `address` is the popped operand that `index` belongs to: it is given back once the
        instruction stands, so that nothing else can move into its register before.
        """
        left = f.pop()
        target = f.target_home(HOME_REGISTER)
        if target >= 0 and (target == index or target == base):
            target = -1
        register = target
        if register < 0:
            register = f.owned(left)
        else:
            f.load(left, register)
            f.release(left)
        f.asm.indexed(self.reg_rm, register, base, index, 0, displacement, OUT_OF_BOUNDS)
        f.note_zero_flag(register)
        f.release(address)
        f.result(self.type, register, target)

    def by_constant(self, f: FunctionCompiler, left: i64, value: i64, target: i64) -> None:
        source = f.in_register(left)
        register = target
        if register < 0:
            if f.kinds[left] == REGISTER:
                register = source
            else:
                register = f.take()
        if self.add and source >= 0 and source != register:
            f.asm.reg_mem(LEA_R32 if self.type == I32 else LEA_R64, register, source, value)
        else:
            f.load(left, register)
            if -128 <= value and value <= 127:
                f.asm.reg_imm(self.rm_imm8, register, value)
            else:
                f.asm.reg_imm(self.rm_imm32, register, value)
            f.note_zero_flag(register)
        if target >= 0:
            f.release(left)
        f.result(self.type, register, target)

    def by_operand(self, f: FunctionCompiler, left: i64, right: i64, target: i64) -> None:
        if self.commutative and better_exchanged(f, left, right, target):
            swap = left
            left = right
            right = swap
        source = f.in_register(left)
        other = f.in_register(right)
        if target >= 0:
            if other == target:
                # left op right into right's own home: only for what does not commute
                f.load(left, RAX)
                self.operate(f, RAX, right)
                f.move_register(self.type, target, RAX)
            elif self.add and source >= 0 and other >= 0 and source != target:
                f.asm.indexed(LEA_R32 if self.type == I32 else LEA_R64, target, source, other, 0, 0)
            else:
                f.load(left, target)
                self.operate(f, target, right)
            f.release(left)
            f.release(right)
            f.result(self.type, target, target)
            return
        if f.kinds[left] == REGISTER:
            register = source
            self.operate(f, register, right)
        elif self.add and source >= 0 and other >= 0:
            register = f.take()
            f.asm.indexed(LEA_R32 if self.type == I32 else LEA_R64, register, source, other, 0, 0)
        else:
            register = f.take()
            f.load(left, register)
            self.operate(f, register, right)
        f.release(right)
        f.push(self.type, REGISTER, register)

    def operate(self, f: FunctionCompiler, register: i64, right: i64) -> None:
        """``register op= right``, from a register or from the frame."""
        other = f.in_register(right)
        place = f.in_frame(right)
        if other >= 0:
            f.asm.reg_reg(self.reg_rm, register, other)
        elif place != 0:
            f.asm.reg_mem(self.reg_rm, register, RBP, place)
        else:
            f.load(right, RCX)
            f.asm.reg_reg(self.reg_rm, register, RCX)
        f.note_zero_flag(register)

    def emit_test(self, f: FunctionCompiler, left: i64, right: i64) -> None:
        if f.kinds[left] == CONSTANT:
            swap = left
            left = right
            right = swap
        register = f.readable(left, RAX)
        if f.kinds[right] == CONSTANT and fits_signed_32(f.values[right]):
            f.asm.reg_imm(TEST_R32_IMM if self.type == I32 else TEST_R64_IMM, register, f.values[right])
        else:
            other = f.readable(right, RCX)
            f.asm.reg_reg(TEST_R32 if self.type == I32 else TEST_R64, register, other)
        f.release(left)
        f.release(right)
        f.push(self.type, FLAGS, NOT_EQUAL)


@final
class Multiply(Lowering):
    """imul, with the three-operand form for constants and shifts or lea for the smallest."""

    def __init__(self, type_: int) -> None:
        self.type: i64 = type_

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        right = f.pop()
        left = f.pop()
        if f.kinds[left] == CONSTANT and f.kinds[right] != CONSTANT:
            swap = left
            left = right
            right = swap
        target = f.target_home(HOME_REGISTER)
        if f.kinds[right] == CONSTANT and fits_signed_32(f.values[right]):
            value = f.values[right]
            source = f.readable(left, RAX)
            register = target
            if register < 0:
                register = source if f.kinds[left] == REGISTER else f.take()
            if value == 3 or value == 5 or value == 9:
                scale: i64 = 1
                if value == 5:
                    scale = 2
                elif value == 9:
                    scale = 3
                f.asm.indexed(LEA_R32 if self.type == I32 else LEA_R64, register, source, source, scale, 0)
            elif -128 <= value and value <= 127:
                f.asm.reg_reg_imm(IMUL_R32_IMM8 if self.type == I32 else IMUL_R64_IMM8, register, source, value)
            else:
                f.asm.reg_reg_imm(IMUL_R32_IMM if self.type == I32 else IMUL_R64_IMM, register, source, value)
            if target >= 0:
                f.release(left)
            f.result(self.type, register, target)
            return
        form = IMUL_R32 if self.type == I32 else IMUL_R64
        if better_exchanged(f, left, right, target):
            swap = left
            left = right
            right = swap
        register = target
        if register < 0:
            register = f.owned(left)
        else:
            f.load(left, register)
        other = f.in_register(right)
        place = f.in_frame(right)
        if other >= 0:
            f.asm.reg_reg(form, register, other)
        elif place != 0:
            f.asm.reg_mem(form, register, RBP, place)
        else:
            f.load(right, RCX)
            f.asm.reg_reg(form, register, RCX)
        f.release(right)
        if target >= 0:
            f.release(left)
        f.result(self.type, register, target)


@final
class Shift(Lowering):
    """Shifts and rotates: by a constant, by BMI2's three-operand forms, or by cl."""

    def __init__(self, type_: int, rm_imm8: Form, rm_cl: Form, bmi2: Form | None) -> None:
        self.type: i64 = type_
        self.count_mask: i64 = 31 if type_ == I32 else 63
        self.rm_imm8: i64 = number(rm_imm8)
        self.rm_cl: i64 = number(rm_cl)
        self.bmi2: i64 = number(bmi2) if bmi2 is not None else -1

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        right = f.pop()
        left = f.pop()
        target = f.target_home(HOME_REGISTER)
        register = target
        if f.kinds[right] == CONSTANT:
            count = f.values[right] & self.count_mask
            if register < 0:
                register = f.owned(left)
            else:
                f.load(left, register)
            if count:
                f.asm.reg_imm(self.rm_imm8, register, count)
        elif self.bmi2 >= 0 and f.target.bmi2:
            source = f.readable(left, RAX)
            count_register = f.readable(right, RCX)
            if register < 0:
                if f.kinds[left] == REGISTER:
                    register = source
                elif f.kinds[right] == REGISTER:
                    register = count_register
                else:
                    register = f.take()
            f.asm.reg_reg_reg(self.bmi2, register, count_register, source)
            if f.kinds[right] == REGISTER and count_register != register:
                f.release(right)
            if target >= 0:
                f.release(left)
            f.result(self.type, register, target)
            return
        else:
            f.load(right, RCX)
            if register < 0:
                register = f.owned(left)
                f.asm.reg_imm(self.rm_cl, register, 0)
            elif f.in_register(right) == register:
                f.load(left, RAX)
                f.asm.reg_imm(self.rm_cl, RAX, 0)
                f.move_register(self.type, register, RAX)
            else:
                f.load(left, register)
                f.asm.reg_imm(self.rm_cl, register, 0)
        f.release(right)
        if target >= 0:
            f.release(left)
        f.result(self.type, register, target)


@final
class Unary(Lowering):
    """One operand to one register: ``op reg, rm``."""

    def __init__(self, result: int, reg_rm: Form) -> None:
        self.result_type: i64 = result
        self.reg_rm: i64 = number(reg_rm)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        target = f.target_home(HOME_REGISTER)
        emit_unary(f, p, self.reg_rm, self.result_type, target)


def emit_unary(f: FunctionCompiler, p: i64, form: i64, result_type: i64, target: i64) -> None:
    """``form register, operand``."""
    place = f.in_frame(p)
    register = target
    if place != 0:
        if register < 0:
            register = f.take()
        f.asm.reg_mem(form, register, RBP, place)
    else:
        source = f.readable(p, RAX)
        if register < 0:
            register = source if f.kinds[p] == REGISTER else f.take()
        f.asm.reg_reg(form, register, source)
        if target >= 0:
            f.release(p)
    f.result(result_type, register, target)


@final
class CountZeros(Lowering):
    """clz and ctz: lzcnt and tzcnt, or bsr and bsf with a correction for zero."""

    def __init__(self, type_: int, leading: bool, form: Form) -> None:
        self.type: i64 = type_
        self.leading: bool = leading
        self.form: i64 = number(form)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        if f.target.lzcnt if self.leading else f.target.bmi:
            emit_unary(f, p, self.form, self.type, f.target_home(HOME_REGISTER))
            return
        bits: i64 = 32 if self.type == I32 else 64
        f.load(p, RAX)
        f.release(p)
        register = f.take()
        done = f.new_label()
        zero = f.new_label()
        asm = f.asm
        if self.leading:
            asm.reg_reg(BSR_R32 if self.type == I32 else BSR_R64, register, RAX)
            asm.jump(JCC + EQUAL, zero)
            asm.reg_imm(XOR_R32_IMM8, register, bits - 1)
        else:
            asm.reg_reg(BSF_R32 if self.type == I32 else BSF_R64, register, RAX)
            asm.jump(JCC + EQUAL, zero)
        asm.jump(JMP, done)
        asm.bind(zero)
        f.load_constant(register, bits)
        asm.bind(done)
        f.push(self.type, REGISTER, register)


@final
class Wrap(Lowering):
    """i32.wrap_i64: the upper half is cleared."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        if f.kinds[p] == CONSTANT:
            low = f.values[p] & 0xFFFFFFFF
            f.push(I32, CONSTANT, low - 0x100000000 if low > 0x7FFFFFFF else low)
            return
        emit_unary(f, p, MOV_R32, I32, f.target_home(HOME_REGISTER))


@final
class ExtendUnsigned(Lowering):
    """i64.extend_i32_u: an i32 in a register is zero-extended already."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        kind = f.kinds[p]
        if kind == CONSTANT:
            f.push(I64, CONSTANT, f.values[p] & 0xFFFFFFFF)
        elif kind == REGISTER:
            f.push(I64, REGISTER, f.values[p])
        else:
            emit_unary(f, p, MOV_R32, I64, f.target_home(HOME_REGISTER))


@final
class Constant(Lowering):
    """i32.const, i64.const: nothing is emitted."""

    def __init__(self, type_: int) -> None:
        self.type: i64 = type_

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        if self.type == I32:
            f.push(I32, CONSTANT, a)
        else:
            f.push(I64, CONSTANT, (b << 32) | (a & 0xFFFFFFFF))
