"""References and tables. What touches a table's contents is a helper call; sizes are inline."""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE_OR_EQUAL,
    EQUAL,
)
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import TABLE_DEFINITION
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.types import FUNCREF, I32, I64
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    JCC,
    MOV_R32,
    MOV_R64,
    FunctionCompiler,
)
from wasmer_singlepass_backend.x64.lowering.comparison import TEST_R64, push_condition
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RCX
from wasmer_singlepass_backend.x64.values import CONSTANT, REGISTER

LEA_R64: Final[i64] = number(forms.LEA_R64_M)
CMP_R64: Final[i64] = number(forms.CMP_R64_RM64)
CMP_R32: Final[i64] = number(forms.CMP_R32_RM32)
TABLE_BASE: Final[i64] = i64(TABLE_DEFINITION["base"].offset)
TABLE_LENGTH: Final[i64] = i64(TABLE_DEFINITION["length"].offset)
NULL_REFERENCE: Final[i64] = i64(BY_NAME["NULL_REFERENCE"].number)
TABLE_OUT_OF_BOUNDS: Final[i64] = i64(BY_NAME["TABLE_OUT_OF_BOUNDS"].number)


@final
class ReferenceNull(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.push((word >> 16) & 0xFF, CONSTANT, 0)


@final
class ReferenceIsNull(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        register = f.readable(p, RAX)
        f.asm.reg_reg(TEST_R64, register, register)
        f.release(p)
        push_condition(f, EQUAL)


@final
class ReferenceAsNonNull(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.mark()
        register = f.readable(f.sp - 1, RAX)
        f.asm.reg_reg(TEST_R64, register, register)
        f.asm.jump(JCC + EQUAL, f.trap_label(NULL_REFERENCE))


@final
class ReferenceFunction(Lowering):
    """ref.func: the address of the function's record in the vmctx."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        register = f.take()
        f.asm.reg_mem(LEA_R64, register, f.vmctx, f.view.record_offset(a))
        f.push(FUNCREF, REGISTER, register)


@final
class TableSize(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.asm.reg_mem(MOV_R64, register, f.vmctx, f.view.table_offsets[a])
        if f.view.wide_tables[a]:
            f.asm.reg_mem(MOV_R64, register, register, TABLE_LENGTH)
            f.result(I64, register, target)
        else:
            f.asm.reg_mem(MOV_R32, register, register, TABLE_LENGTH)
            f.result(I32, register, target)


@final
class TableGet(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        f.mark()
        at = f.readable(p, RAX)
        asm = f.asm
        asm.reg_mem(MOV_R64, RCX, f.vmctx, f.view.table_offsets[a])
        asm.reg_mem(CMP_R64 if f.view.wide_tables[a] else CMP_R32, at, RCX, TABLE_LENGTH)
        asm.jump(JCC + ABOVE_OR_EQUAL, f.trap_label(TABLE_OUT_OF_BOUNDS))
        asm.reg_mem(MOV_R64, RCX, RCX, TABLE_BASE)
        f.release(p)
        register = f.take()
        asm.indexed(MOV_R64, register, RCX, at, 3, 0)
        f.push(i64(f.view.table_types[a]), REGISTER, register)
