"""What middlewares put in: points of metering and traces (core's `wasm.operators.internal`).

They leave the operand stack as it is. Points are counted in memory, in the vmctx: two
instructions for what a branch needs, none of which touches a register. Where they are shared, rcx gets their address.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE,
    ABOVE_OR_EQUAL,
)
from wasmer_runtime_core.contract.helpers import SLOTS, VMCALLS
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import VMCTX
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.operators.internal import MOST_SIZE, SHARED
from wasmer_runtime_core.wasm.types import I32, I64
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    JCC,
    FunctionCompiler,
)
from wasmer_singlepass_backend.x64.lowering.call import CallHelper
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RCX
from wasmer_singlepass_backend.x64.values import CONSTANT

ADD_MEM_IMM8: Final[i64] = number(forms.ADD_RM64_IMM8)
ADD_MEM_IMM32: Final[i64] = number(forms.ADD_RM64_IMM32)
ADD_MEM_R64: Final[i64] = number(forms.ADD_RM64_R64)
SHL_R64_IMM8: Final[i64] = number(forms.SHL_RM64_IMM8)
SHR_R64_IMM8: Final[i64] = number(forms.SHR_RM64_IMM8)
CMP_MEM_IMM8: Final[i64] = number(forms.CMP_RM64_IMM8)
CMP_MEM_IMM32: Final[i64] = number(forms.CMP_RM64_IMM32)
CMP_MEM_R64: Final[i64] = number(forms.CMP_RM64_R64)

CMP_R64: Final[i64] = number(forms.CMP_R64_RM64)
MOV_R64: Final[i64] = number(forms.MOV_R64_RM64)
CMOV_R64: Final[i64] = number(forms.CMOVCC_R64_RM64)

POINTS_USED: Final[i64] = i64(VMCTX["points_used"].offset)
POINTS_AT: Final[i64] = i64(VMCTX["points_at"].offset)
EXECUTION_LIMIT_EXCEEDED: Final[i64] = i64(BY_NAME["EXECUTION_LIMIT_EXCEEDED"].number)


@final
class Points:
    """Where points are counted: a register and what is added to it."""

    def __init__(self, f: FunctionCompiler, word: i64) -> None:
        self.base = f.vmctx
        self.offset = POINTS_USED
        if (word >> 24) & 0xFF == SHARED:
            f.asm.reg_mem(MOV_R64, RCX, f.vmctx, POINTS_AT)
            self.base = RCX
            self.offset = 0


@final
class AddPoints(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        points = Points(f, word)
        f.asm.mem_imm(ADD_MEM_IMM8 if a <= 127 else ADD_MEM_IMM32, points.base, points.offset, a)


@final
class AddPointsBySize(Lowering):
    """A copy of the topmost operand, shifted."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        asm = f.asm
        register = f.take()
        f.load(f.sp - 1, register)
        if (word >> 16) & 0xFF == I64:
            f.load_constant(RAX, MOST_SIZE)
            asm.reg_reg(CMP_R64, register, RAX)
            asm.reg_reg(CMOV_R64 + ABOVE, register, RAX)
        if a > 0:
            asm.reg_imm(SHL_R64_IMM8, register, a)
        if b > 0:
            asm.reg_imm(SHR_R64_IMM8, register, b)
        points = Points(f, word)
        asm.reg_mem(ADD_MEM_R64, register, points.base, points.offset)
        f.give(register)


@final
class CheckPoints(Lowering):
    """The limit is a constant of the code; it is compared unsigned."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        asm = f.asm
        points = Points(f, word)
        if b == 0 and a >= 0:
            asm.mem_imm(CMP_MEM_IMM8 if a <= 127 else CMP_MEM_IMM32, points.base, points.offset, a)
        else:
            f.load_constant(RAX, (a & 0xFFFFFFFF) | (b << 32))
            asm.reg_mem(CMP_MEM_R64, RAX, points.base, points.offset)
        asm.jump(JCC + ABOVE_OR_EQUAL, f.trap_label(EXECUTION_LIMIT_EXCEEDED))


@final
class Trace(Lowering):
    """A call of the helper, with what the record holds as constants."""

    def __init__(self) -> None:
        self.helper: Final = CallHelper(VMCALLS[SLOTS["trace"]], 0)

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.push(I32, CONSTANT, (word >> 16) & 0xFF)
        f.push(I32, CONSTANT, a)
        f.push(I32, CONSTANT, b)
        f.push(I32, CONSTANT, f.offset())
        self.helper.emit(f, word, a, b)
