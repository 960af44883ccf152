"""Conversions between integers and floats (specification 4.3.3, trunc and convert).

Truncation is one instruction that answers with the least integer for everything it cannot
represent. That answer is caught on the fast path by one comparison; telling a NaN from an
overflow, and the one value for which the answer is right, is left to code out of the way.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE_OR_EQUAL,
    BELOW,
    BELOW_OR_EQUAL,
    EQUAL,
    NOT_EQUAL,
    NOT_OVERFLOW,
    NOT_PARITY,
    NOT_SIGN,
    PARITY,
    SIGN,
)
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.types import F32, F64, I32
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    HOME_XMM,
    JCC,
    JMP,
    MOV_R64,
    FunctionCompiler,
)
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RCX, RDX, XMM_SCRATCH, XMM_SCRATCH_2

CVTTSS2SI_R32: Final[i64] = number(forms.CVTTSS2SI_R32_XM32)
CVTTSS2SI_R64: Final[i64] = number(forms.CVTTSS2SI_R64_XM32)
CVTTSD2SI_R32: Final[i64] = number(forms.CVTTSD2SI_R32_XM64)
CVTTSD2SI_R64: Final[i64] = number(forms.CVTTSD2SI_R64_XM64)
CVTSI2SS_R32: Final[i64] = number(forms.CVTSI2SS_XMM_RM32)
CVTSI2SS_R64: Final[i64] = number(forms.CVTSI2SS_XMM_RM64)
CVTSI2SD_R32: Final[i64] = number(forms.CVTSI2SD_XMM_RM32)
CVTSI2SD_R64: Final[i64] = number(forms.CVTSI2SD_XMM_RM64)
UCOMISS: Final[i64] = number(forms.UCOMISS_XMM_XM32)
UCOMISD: Final[i64] = number(forms.UCOMISD_XMM_XM64)
SUBSS: Final[i64] = number(forms.SUBSS_XMM_XM32)
SUBSD: Final[i64] = number(forms.SUBSD_XMM_XM64)
ADDSS: Final[i64] = number(forms.ADDSS_XMM_XM32)
ADDSD: Final[i64] = number(forms.ADDSD_XMM_XM64)
MOVAPS: Final[i64] = number(forms.MOVAPS_XMM_XM128)
XORPS: Final[i64] = number(forms.XORPS_XMM_XM128)
XOR_R32: Final[i64] = number(forms.XOR_R32_RM32)
XOR_R64: Final[i64] = number(forms.XOR_R64_RM64)
TEST_R64: Final[i64] = number(forms.TEST_RM64_R64)
CMP_R32_IMM8: Final[i64] = number(forms.CMP_RM32_IMM8)
CMP_R64_IMM8: Final[i64] = number(forms.CMP_RM64_IMM8)
SHR_R64_IMM: Final[i64] = number(forms.SHR_RM64_IMM8)
SHR_R64_1: Final[i64] = number(forms.SHR_RM64_1)
AND_R32_IMM8: Final[i64] = number(forms.AND_RM32_IMM8)
OR_R64: Final[i64] = number(forms.OR_R64_RM64)
MOVD_XMM_R32: Final[i64] = number(forms.MOVD_XMM_RM32)
MOVD_R32_XMM: Final[i64] = number(forms.MOVD_RM32_XMM)
MOVQ_XMM_R64: Final[i64] = number(forms.MOVQ_XMM_RM64)
MOVQ_R64_XMM: Final[i64] = number(forms.MOVQ_RM64_XMM)

INVALID_CONVERSION: Final[i64] = i64(BY_NAME["INVALID_CONVERSION_TO_INTEGER"].number)
OVERFLOW: Final[i64] = i64(BY_NAME["INTEGER_OVERFLOW"].number)

# Bits of the floats at the edges: (f32 as signed 32 bits, f64 as signed 64 bits).
F32_MINUS_2_31: Final = -0x31000000  # -2147483648.0
F64_MINUS_2_31_LESS_1: Final = -0x3E1FFFFFFFE00000  # -2147483649.0
F32_2_63: Final = 0x5F000000
F64_2_63: Final = 0x43E0000000000000
F32_MINUS_2_63: Final = -0x21000000  # -9223372036854775808.0
F64_MINUS_2_63: Final = -0x3C20000000000000


def load_bits(f: FunctionCompiler, wide: bool, register: i64, bits32: i64, bits64: i64) -> None:
    """A float constant of the operand's type."""
    if wide:
        f.load_float_constant(F64, register, bits64)
    else:
        f.load_float_constant(F32, register, bits32)


@final
class Truncate(Lowering):
    """trunc and trunc_sat, eight of each."""

    def __init__(self, result: int, source: int, signed: bool, saturating: bool) -> None:
        self.result_type: i64 = result
        self.wide: bool = source == F64
        self.signed: bool = signed
        self.saturating: bool = saturating
        self.to32: i64 = CVTTSD2SI_R32 if source == F64 else CVTTSS2SI_R32
        self.to64: i64 = CVTTSD2SI_R64 if source == F64 else CVTTSS2SI_R64
        self.ucomis: i64 = UCOMISD if source == F64 else UCOMISS
        self.subs: i64 = SUBSD if source == F64 else SUBSS

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        source = f.readable_xmm(p, XMM_SCRATCH)
        if self.result_type == I32:
            if self.signed:
                self.to_i32_signed(f, source)
            else:
                self.to_i32_unsigned(f, source)
        elif self.signed:
            self.to_i64_signed(f, source)
        else:
            self.to_i64_unsigned(f, source)
        f.release(p)
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.move_register(self.result_type, register, RAX)
        f.result(self.result_type, register, target)

    def trap_or(self, f: FunctionCompiler, source: i64) -> None:
        """A NaN is an invalid conversion; flags of ``ucomis source, source`` are set after."""
        f.asm.reg_reg(self.ucomis, source, source)
        f.asm.jump(JCC + PARITY, f.trap_label(INVALID_CONVERSION))

    def to_i32_signed(self, f: FunctionCompiler, source: i64) -> None:
        asm = f.asm
        done = f.new_label()
        asm.reg_reg(self.to32, RAX, source)
        asm.reg_imm(CMP_R32_IMM8, RAX, 1)  # overflows for the least integer only
        asm.jump(JCC + NOT_OVERFLOW, done)
        if self.saturating:
            self.saturate_signed(f, source, False, done)
        else:
            self.trap_or(f, source)
            if self.wide:
                f.load_float_constant(F64, XMM_SCRATCH_2, F64_MINUS_2_31_LESS_1)
                asm.reg_reg(self.ucomis, source, XMM_SCRATCH_2)
                asm.jump(JCC + BELOW_OR_EQUAL, f.trap_label(OVERFLOW))
            else:
                f.load_float_constant(F32, XMM_SCRATCH_2, F32_MINUS_2_31)
                asm.reg_reg(self.ucomis, source, XMM_SCRATCH_2)
                asm.jump(JCC + BELOW, f.trap_label(OVERFLOW))
            asm.reg_reg(XORPS, XMM_SCRATCH_2, XMM_SCRATCH_2)
            asm.reg_reg(self.ucomis, source, XMM_SCRATCH_2)
            asm.jump(JCC + ABOVE_OR_EQUAL, f.trap_label(OVERFLOW))
        asm.bind(done)

    def saturate_signed(self, f: FunctionCompiler, source: i64, wide_result: bool, done: i64) -> None:
        """rax holds the least integer: right for too small; NaN gives 0, too large the greatest."""
        asm = f.asm
        not_nan = f.new_label()
        asm.reg_reg(self.ucomis, source, source)
        asm.jump(JCC + NOT_PARITY, not_nan)
        asm.reg_reg(XOR_R32, RAX, RAX)
        asm.jump(JMP, done)
        asm.bind(not_nan)
        asm.reg_reg(XORPS, XMM_SCRATCH_2, XMM_SCRATCH_2)
        asm.reg_reg(self.ucomis, source, XMM_SCRATCH_2)
        asm.jump(JCC + BELOW, done)
        f.load_constant(RAX, 0x7FFFFFFFFFFFFFFF if wide_result else 0x7FFFFFFF)

    def to_i32_unsigned(self, f: FunctionCompiler, source: i64) -> None:
        asm = f.asm
        done = f.new_label()
        asm.reg_reg(self.to64, RAX, source)
        asm.reg_reg(MOV_R64, RDX, RAX)
        asm.reg_imm(SHR_R64_IMM, RDX, 32)
        asm.jump(JCC + EQUAL, done)
        if self.saturating:
            # below zero or NaN: 0, too large: all ones
            asm.reg_reg(XOR_R32, RAX, RAX)
            asm.reg_reg(XORPS, XMM_SCRATCH_2, XMM_SCRATCH_2)
            asm.reg_reg(self.ucomis, source, XMM_SCRATCH_2)
            asm.jump(JCC + PARITY, done)
            asm.jump(JCC + BELOW, done)
            f.load_constant(RAX, 0xFFFFFFFF)
        else:
            self.trap_or(f, source)
            asm.jump(JMP, f.trap_label(OVERFLOW))
        asm.bind(done)

    def to_i64_signed(self, f: FunctionCompiler, source: i64) -> None:
        asm = f.asm
        done = f.new_label()
        asm.reg_reg(self.to64, RAX, source)
        asm.reg_imm(CMP_R64_IMM8, RAX, 1)
        asm.jump(JCC + NOT_OVERFLOW, done)
        if self.saturating:
            self.saturate_signed(f, source, True, done)
        else:
            self.trap_or(f, source)
            load_bits(f, self.wide, XMM_SCRATCH_2, F32_MINUS_2_63, F64_MINUS_2_63)
            asm.reg_reg(self.ucomis, source, XMM_SCRATCH_2)
            asm.jump(JCC + NOT_EQUAL, f.trap_label(OVERFLOW))
        asm.bind(done)

    def to_i64_unsigned(self, f: FunctionCompiler, source: i64) -> None:
        asm = f.asm
        large = f.new_label()
        failed = f.new_label()
        done = f.new_label()
        load_bits(f, self.wide, XMM_SCRATCH_2, F32_2_63, F64_2_63)
        asm.reg_reg(self.ucomis, source, XMM_SCRATCH_2)
        asm.jump(JCC + PARITY, failed)
        asm.jump(JCC + ABOVE_OR_EQUAL, large)
        asm.reg_reg(self.to64, RAX, source)
        asm.reg_reg(TEST_R64, RAX, RAX)
        asm.jump(JCC + NOT_SIGN, done)
        asm.bind(failed)  # NaN, or minus one and less
        if self.saturating:
            asm.reg_reg(XOR_R32, RAX, RAX)
            asm.jump(JMP, done)
        else:
            self.trap_or(f, source)
            asm.jump(JMP, f.trap_label(OVERFLOW))
        asm.bind(large)
        if source != XMM_SCRATCH:
            asm.reg_reg(MOVAPS, XMM_SCRATCH, source)
        asm.reg_reg(self.subs, XMM_SCRATCH, XMM_SCRATCH_2)
        asm.reg_reg(self.to64, RAX, XMM_SCRATCH)
        f.load_constant(RDX, -0x8000000000000000)
        asm.reg_reg(TEST_R64, RAX, RAX)
        if self.saturating:
            fits = f.new_label()
            asm.jump(JCC + NOT_SIGN, fits)
            f.load_constant(RAX, -1)
            asm.jump(JMP, done)
            asm.bind(fits)
        else:
            asm.jump(JCC + SIGN, f.trap_label(OVERFLOW))
        asm.reg_reg(XOR_R64, RAX, RDX)
        asm.bind(done)


@final
class Convert(Lowering):
    """convert: from integers to floats."""

    def __init__(self, result: int, source: int, signed: bool) -> None:
        self.result_type: i64 = result
        self.source_type: i64 = source
        self.signed: bool = signed
        self.from32: i64 = CVTSI2SD_R32 if result == F64 else CVTSI2SS_R32
        self.from64: i64 = CVTSI2SD_R64 if result == F64 else CVTSI2SS_R64
        self.adds: i64 = ADDSD if result == F64 else ADDSS

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        source = f.readable(p, RAX)
        target = f.target_home(HOME_XMM)
        register = target
        if register < 0:
            register = f.take_xmm()
        asm = f.asm
        asm.reg_reg(XORPS, register, register)
        if self.signed:
            asm.reg_reg(self.from32 if self.source_type == I32 else self.from64, register, source)
        elif self.source_type == I32:
            asm.reg_reg(self.from64, register, source)  # its upper half is zero
        else:
            self.from_u64(f, register, source)
        f.release(p)
        f.result_xmm(self.result_type, register, target)

    def from_u64(self, f: FunctionCompiler, register: i64, source: i64) -> None:
        """Above 2**63: halve, keeping the last bit for the rounding, convert, double."""
        asm = f.asm
        large = f.new_label()
        done = f.new_label()
        asm.reg_reg(TEST_R64, source, source)
        asm.jump(JCC + SIGN, large)
        asm.reg_reg(self.from64, register, source)
        asm.jump(JMP, done)
        asm.bind(large)
        asm.reg_reg(MOV_R64, RCX, source)
        asm.reg_reg(MOV_R64, RDX, source)
        asm.reg_imm(SHR_R64_1, RDX, 0)
        asm.reg_imm(AND_R32_IMM8, RCX, 1)
        asm.reg_reg(OR_R64, RDX, RCX)
        asm.reg_reg(self.from64, register, RDX)
        asm.reg_reg(self.adds, register, register)
        asm.bind(done)


@final
class ReinterpretToInteger(Lowering):
    """i32.reinterpret_f32, i64.reinterpret_f64."""

    def __init__(self, result: int) -> None:
        self.result_type: i64 = result
        self.form: i64 = MOVD_R32_XMM if result == I32 else MOVQ_R64_XMM

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        place = f.in_frame(p)
        if place != 0:
            f.load_register(self.result_type, register, place)
        else:
            f.asm.reg_reg(self.form, f.readable_xmm(p, XMM_SCRATCH), register)
        f.release(p)
        f.result(self.result_type, register, target)


@final
class ReinterpretToFloat(Lowering):
    """f32.reinterpret_i32, f64.reinterpret_i64."""

    def __init__(self, result: int) -> None:
        self.result_type: i64 = result
        self.form: i64 = MOVD_XMM_R32 if result == F32 else MOVQ_XMM_R64

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        target = f.target_home(HOME_XMM)
        register = target
        if register < 0:
            register = f.take_xmm()
        place = f.in_frame(p)
        if place != 0:
            f.load_xmm_frame(self.result_type, register, place)
        else:
            f.asm.reg_reg(self.form, register, f.readable(p, RAX))
        f.release(p)
        f.result_xmm(self.result_type, register, target)
