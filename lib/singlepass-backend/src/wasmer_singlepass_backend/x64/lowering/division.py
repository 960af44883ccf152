"""Division: the divide instruction with its traps, or a multiplication where the divisor is known."""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    EQUAL,
    NOT_EQUAL,
)
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.types import I32, I64
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    JCC,
    JMP,
    MOV_R32,
    FunctionCompiler,
)
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RCX, RDX
from wasmer_singlepass_backend.x64.values import CONSTANT

XOR_R32: Final[i64] = number(forms.XOR_R32_RM32)
CMP_R32_IMM8: Final[i64] = number(forms.CMP_RM32_IMM8)
CMP_R64_IMM8: Final[i64] = number(forms.CMP_RM64_IMM8)
CMP_R64: Final[i64] = number(forms.CMP_R64_RM64)
CMP_R32_IMM32: Final[i64] = number(forms.CMP_RM32_IMM32)
IMUL_R64: Final[i64] = number(forms.IMUL_R64_RM64)
IMUL_R32_IMM: Final[i64] = number(forms.IMUL_R32_RM32_IMM32)
MUL_R64: Final[i64] = number(forms.MUL_RM64)
SHL_R64_IMM: Final[i64] = number(forms.SHL_RM64_IMM8)
SHR_R32_IMM: Final[i64] = number(forms.SHR_RM32_IMM8)
SHR_R64_IMM: Final[i64] = number(forms.SHR_RM64_IMM8)
SAR_R64_IMM: Final[i64] = number(forms.SAR_RM64_IMM8)
AND_R32_IMM: Final[i64] = number(forms.AND_RM32_IMM32)
ADD_R32: Final[i64] = number(forms.ADD_R32_RM32)
SUB_R32: Final[i64] = number(forms.SUB_R32_RM32)
MOVSXD: Final[i64] = number(forms.MOVSXD_R64_RM32)
DIV_R32: Final[i64] = number(forms.DIV_RM32)
DIV_R64: Final[i64] = number(forms.DIV_RM64)
IDIV_R32: Final[i64] = number(forms.IDIV_RM32)
IDIV_R64: Final[i64] = number(forms.IDIV_RM64)
CDQ: Final[i64] = number(forms.CDQ)
CQO: Final[i64] = number(forms.CQO)
DIVIDE_BY_ZERO: Final[i64] = i64(BY_NAME["INTEGER_DIVIDE_BY_ZERO"].number)
OVERFLOW: Final[i64] = i64(BY_NAME["INTEGER_OVERFLOW"].number)


@final
class Divide(Lowering):
    """div, rem: the divide instruction with its traps, or a multiplication for constants.

    The processor traps on zero by itself; the quotient that does not fit (the least
    integer by minus one) is caught before, because the hardware reports both alike.
    """

    def __init__(self, type_: int, signed: bool, remainder: bool) -> None:
        self.type: i64 = type_
        self.signed: bool = signed
        self.remainder: bool = remainder

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        right = f.pop()
        left = f.pop()
        if f.kinds[right] == CONSTANT:
            divisor = f.values[right]
            if self.type == I32 and not self.signed:
                divisor &= 0xFFFFFFFF
            if divisor > 0 and self.by_constant(f, left, divisor):
                return
        asm = f.asm
        wide = self.type == I64
        f.mark()
        if f.kinds[right] == CONSTANT or f.in_register(right) < 0:
            f.load(right, RCX)
            divisor_register: i64 = RCX
        else:
            divisor_register = f.in_register(right)
        f.load(left, RAX)
        if not self.signed:
            asm.reg_reg(XOR_R32, RDX, RDX)
            asm.reg_reg(DIV_R64 if wide else DIV_R32, 0, divisor_register, DIVIDE_BY_ZERO)
        else:
            self.signed_division(f, divisor_register, wide)
        f.release(left)
        f.release(right)
        self.push_from(f, RDX if self.remainder else RAX)

    def signed_division(self, f: FunctionCompiler, divisor: i64, wide: bool) -> None:
        asm = f.asm
        divide = f.new_label()
        done = f.new_label()
        asm.reg_imm(CMP_R64_IMM8 if wide else CMP_R32_IMM8, divisor, -1)
        asm.jump(JCC + NOT_EQUAL, divide)
        if self.remainder:
            asm.reg_reg(XOR_R32, RDX, RDX)
            asm.jump(JMP, done)
        else:
            if wide:
                f.load_constant(RDX, -0x8000000000000000)
                asm.reg_reg(CMP_R64, RAX, RDX)
            else:
                asm.reg_imm(CMP_R32_IMM32, RAX, -0x80000000)
            asm.jump(JCC + EQUAL, f.trap_label(OVERFLOW))
        asm.bind(divide)
        asm.none(CQO if wide else CDQ)
        asm.reg_reg(IDIV_R64 if wide else IDIV_R32, 0, divisor, DIVIDE_BY_ZERO)
        asm.bind(done)

    def push_from(self, f: FunctionCompiler, source: i64) -> None:
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.move_register(self.type, register, source)
        f.result(self.type, register, target)

    def by_constant(self, f: FunctionCompiler, left: i64, divisor: i64) -> bool:
        """Division by a positive constant without dividing; False if it is not done here."""
        power = power_of_two(divisor)
        asm = f.asm
        if not self.signed and power >= 0:
            f.load(left, RAX)
            f.release(left)
            if not self.remainder:
                if power > 0:
                    asm.reg_imm(SHR_R32_IMM if self.type == I32 else SHR_R64_IMM, RAX, power)
            elif power <= 31:
                asm.reg_imm(AND_R32_IMM, RAX, divisor - 1 if power < 31 else 0x7FFFFFFF)
            else:
                low: i64 = 64 - power
                asm.reg_imm(SHL_R64_IMM, RAX, low)
                asm.reg_imm(SHR_R64_IMM, RAX, low)
            self.push_from(f, RAX)
            return True
        if self.type == I64 or power == 0:
            return False
        source = f.readable(left, RCX)
        if not self.signed:
            # n * ceil(2**64 / d) >> 64 is exact for all 32-bit n and d
            f.load_constant(RAX, reciprocal_64(divisor))
            asm.reg_reg(MUL_R64, 0, source)
            self.finish(f, left, source, RDX, divisor)
        else:
            shift = signed_shift(divisor)
            f.load_constant(RAX, signed_reciprocal(divisor, shift))
            asm.reg_reg(MOVSXD, RDX, source)
            asm.reg_reg(IMUL_R64, RAX, RDX)
            asm.reg_imm(SAR_R64_IMM, RAX, shift)
            asm.reg_imm(SHR_R64_IMM, RDX, 63)
            asm.reg_reg(ADD_R32, RAX, RDX)
            self.finish(f, left, source, RAX, divisor)
        return True

    def finish(self, f: FunctionCompiler, left: i64, source: i64, quotient: i64, divisor: i64) -> None:
        """From the quotient to the quotient or the remainder, as asked."""
        asm = f.asm
        if not self.remainder:
            f.release(left)
            self.push_from(f, quotient)
            return
        signed = divisor
        if divisor > 0x7FFFFFFF:
            signed = divisor - 0x100000000
        asm.reg_reg_imm(IMUL_R32_IMM, quotient, quotient, signed)
        other: i64 = RDX if quotient == RAX else RAX
        asm.reg_reg(MOV_R32, other, source)
        asm.reg_reg(SUB_R32, other, quotient)
        f.release(left)
        self.push_from(f, other)


def power_of_two(value: i64) -> i64:
    """The exponent if a positive value is a power of two, else -1."""
    if value & (value - 1):
        return -1
    exponent: i64 = 0
    while value > 1:
        value >>= 1
        exponent += 1
    return exponent


def reciprocal_64(divisor: i64) -> i64:
    """ceil(2**64 / divisor) as a signed 64-bit pattern, for a divisor from 3 to 2**32 - 1."""
    exact = -(-(2**64) // int(divisor))
    return i64(exact - 2**64 if exact >= 2**63 else exact)


def signed_shift(divisor: i64) -> i64:
    """The shift s for which ceil(2**s / divisor) divides every 32-bit signed integer exactly."""
    bits: i64 = 0
    value = divisor - 1
    while value > 0:
        value >>= 1
        bits += 1
    return 31 + bits


def signed_reciprocal(divisor: i64, shift: i64) -> i64:
    """floor(2**shift / divisor) + 1 (Granlund and Montgomery's bound; it is below 2**33)."""
    return i64((1 << int(shift)) // int(divisor) + 1)
