"""Casts: what a reference is to, found in its word and in the record of its type.

Every exit of a test leaves the flags so that one condition tells the outcome: a branch behind it is one jump.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    BELOW,
    EQUAL,
    NOT_EQUAL,
)
from wasmer_runtime_core.contract.casts import ALWAYS, IF_BELOW, IF_EQ, IF_FORM, IF_I31, IF_TYPE, NEVER, Cast, cast
from wasmer_runtime_core.contract.objects import RECORD
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import FUNCTION_RECORD, REFERENCE_TAGS, TYPE_RECORD
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.body.body import OPERAND_IS_NOT_NULL, OPERAND_STAYS
from wasmer_runtime_core.wasm.types import I32
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    JCC,
    JMP,
    MOV_R64,
    FunctionCompiler,
)
from wasmer_singlepass_backend.x64.lowering.comparison import (
    CMP_R32_IMM8,
    CMP_R64_IMM8,
    TEST_R64,
    push_condition,
)
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RCX, RDX
from wasmer_singlepass_backend.x64.values import CONSTANT

CMP_R64: Final[i64] = number(forms.CMP_R64_RM64)
AND_R32_IMM8: Final[i64] = number(forms.AND_RM32_IMM8)
TEST_R32_IMM: Final[i64] = number(forms.TEST_RM32_IMM32)

RECORD_AT: Final[i64] = i64(RECORD)
FUNCTION_TYPE: Final[i64] = i64(FUNCTION_RECORD["type"].offset)
TYPE_SUPERTYPES: Final[i64] = i64(TYPE_RECORD["supertypes"].offset)
TYPE_DEPTH: Final[i64] = i64(TYPE_RECORD["depth"].offset)
TYPE_FORM: Final[i64] = i64(TYPE_RECORD["form"].offset)
I31_TAG: Final[i64] = i64(REFERENCE_TAGS["I31"])
OBJECT_TAG: Final[i64] = i64(REFERENCE_TAGS["OBJECT"])
TAG_MASK: Final[i64] = i64(REFERENCE_TAGS["MASK"])

CAST_FAILURE: Final[i64] = i64(BY_NAME["CAST_FAILURE"].number)


def compile_cast(f: FunctionCompiler, word: i64, target: i64, source: i64, null_passes: bool) -> Cast:
    """The steps of the operator at hand."""
    may_be_null = (word >> 24) & OPERAND_IS_NOT_NULL == 0
    return cast(f.view.info, int((word >> 16) & 0xFF), int(target), null_passes, int(source), may_be_null)


def passing_condition(steps: Cast) -> i64:
    """The condition that `compare` leaves where the reference passes."""
    if steps.what == ALWAYS or steps.what == IF_EQ:
        return NOT_EQUAL
    return EQUAL


def compare(f: FunctionCompiler, steps: Cast, register: i64, end: i64) -> None:
    """Set the flags by whether the reference in the register passes; at `end`, which is bound behind this, too.

    Writes rcx and rdx. Of steps that pass or fail as a whole only null is looked at.
    """
    asm = f.asm
    what = steps.what
    if what == ALWAYS or what == NEVER:  # what passes is what is not null, or null
        asm.reg_reg(TEST_R64, register, register)
        return
    passing = passing_condition(steps)
    if steps.may_be_null and (what != IF_I31 or steps.null_passes):
        if steps.null_passes == (passing == EQUAL):
            asm.reg_reg(TEST_R64, register, register)
            asm.jump(JCC + EQUAL, end)
        else:
            asm.reg_imm(CMP_R64_IMM8, register, 1)  # below it is null alone, which leaves the zero flag clear
            asm.jump(JCC + BELOW, end)
    if what == IF_I31 or what == IF_EQ:
        f.move_register(I32, RCX, register)
        asm.reg_imm(AND_R32_IMM8, RCX, I31_TAG if what == IF_I31 else TAG_MASK)
        asm.reg_imm(CMP_R32_IMM8, RCX, I31_TAG if what == IF_I31 else OBJECT_TAG)
        return
    if steps.tagged:
        asm.reg_imm(TEST_R32_IMM, register, TAG_MASK)
        asm.jump(JCC + NOT_EQUAL, end)
    asm.reg_mem(MOV_R64, RCX, register, FUNCTION_TYPE if steps.function else RECORD_AT)
    if what == IF_FORM:
        asm.mem_imm(CMP_R32_IMM8, RCX, TYPE_FORM, steps.form)
    elif what == IF_TYPE:
        asm.reg_mem(CMP_R64, RCX, f.vmctx, f.view.type_offsets[steps.type_index])
    else:
        assert what == IF_BELOW
        depth: i64 = steps.depth
        if depth > 0:
            asm.mem_imm(CMP_R32_IMM8, RCX, TYPE_DEPTH, depth)
            asm.jump(JCC + BELOW, end)
        asm.reg_mem(MOV_R64, RCX, RCX, TYPE_SUPERTYPES)
        asm.reg_mem(MOV_R64, RDX, f.vmctx, f.view.type_offsets[steps.type_index])
        asm.reg_mem(CMP_R64, RDX, RCX, 8 * depth)


@final
class ReferenceTest(Lowering):
    def __init__(self, null_passes: bool) -> None:
        self.null_passes: bool = null_passes

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        steps = compile_cast(f, word, a, b, self.null_passes)
        p = f.sp - 1
        if (word >> 24) & OPERAND_STAYS == 0:
            f.pop()
        if (steps.what == ALWAYS or steps.what == NEVER) and (
            not steps.may_be_null or steps.null_passes == (steps.what == ALWAYS)
        ):
            if (word >> 24) & OPERAND_STAYS == 0:
                f.release(p)
            f.push(I32, CONSTANT, 1 if steps.what == ALWAYS else 0)
            return
        register = f.readable(p, RAX)
        end = f.new_label()
        compare(f, steps, register, end)
        f.asm.bind(end)
        if (word >> 24) & OPERAND_STAYS == 0:
            f.release(p)
        push_condition(f, passing_condition(steps))


@final
class ReferenceCast(Lowering):
    def __init__(self, null_passes: bool) -> None:
        self.null_passes: bool = null_passes

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        steps = compile_cast(f, word, a, b, self.null_passes)
        f.mark()
        if steps.what == ALWAYS and (not steps.may_be_null or steps.null_passes):
            return
        if steps.what == NEVER and not (steps.may_be_null and steps.null_passes):
            f.asm.jump(JMP, f.trap_label(CAST_FAILURE))
            return
        register = f.readable(f.sp - 1, RAX)
        end = f.new_label()
        compare(f, steps, register, end)
        f.asm.bind(end)
        f.asm.jump(JCC + (passing_condition(steps) ^ 1), f.trap_label(CAST_FAILURE))
