"""Blocks, branches, returns.

A label's values: none, or one in rax or xmm0 (blocks and ifs, the common case), or in the
slots of their stack positions (several; parameters of loops). Label 0 is the function's
end, where the epilogue takes the results from the same places.
"""

from __future__ import annotations

from librt.vecs import append

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE_OR_EQUAL,
    EQUAL,
    NOT_EQUAL,
)
from wasmer_runtime_core.contract.helpers import EXCEPTION_HELPERS
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.support.annotations import Final, final, i64, u8
from wasmer_runtime_core.wasm.body.body import (
    BLOCK_EMPTY,
    BLOCK_TYPE_CODE,
    END_FALLS_THROUGH,
    END_IS_TARGET,
    END_OF_IF_WITHOUT_ELSE,
    RECORD_BYTES,
)
from wasmer_runtime_core.wasm.types import I32, I64
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    JCC,
    JMP,
    FunctionCompiler,
    is_float,
)
from wasmer_singlepass_backend.x64.lowering.comparison import CMP_R32_IMM8, test_zero
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RCX, RDI, XMM_RESULT, XMM_SCRATCH
from wasmer_singlepass_backend.x64.values import FLAGS, SLOT, XMM

TRAP: Final[i64] = number(forms.TRAP)
JMP_RM64: Final[i64] = number(forms.JMP_RM64)
LEA_R64: Final[i64] = number(forms.LEA_R64_M)
MOVSXD: Final[i64] = number(forms.MOVSXD_R64_RM32)
ADD_R64: Final[i64] = number(forms.ADD_R64_RM64)

UNREACHABLE: Final[i64] = i64(BY_NAME["UNREACHABLE"].number)
CALL_RM64: Final[i64] = number(forms.CALL_RM64)
RESUME: Final[i64] = i64(EXCEPTION_HELPERS["resume"].slot)
CMP_R32_IMM32: Final[i64] = number(forms.CMP_RM32_IMM32)

KIND_BLOCK: Final = 0
KIND_LOOP: Final = 1
KIND_IF: Final = 2
KIND_JOINED: Final = 3
"""An if whose first arm jumps over the second."""
KIND_TRY: Final = 4
KIND_CATCH: Final = 5
"""A try in one of its arms."""
AROUND: Final = -1
"""In place of a landing: that of the try around; or there is none, and the caller is meant."""
NOWHERE: Final = -2
"""The caller."""


def open_label(f: FunctionCompiler, label: i64, block_type: i64, kind: i64) -> None:
    """Enter a label in the tables; its parameters are on the stack already."""
    while label >= len(f.label_heights):
        f.label_heights = append(f.label_heights, i64(0))
        f.label_counts = append(f.label_counts, i64(0))
        f.label_types = append(f.label_types, i64(0))
        f.label_blocks = append(f.label_blocks, i64(0))
        f.label_else = append(f.label_else, i64(0))
        f.label_kinds = append(f.label_kinds, u8(0))
    params: i64 = 0
    results: i64 = 0
    type_: i64 = 0
    if block_type == BLOCK_EMPTY:
        pass
    elif block_type < 0:
        results = 1
        type_ = block_type & BLOCK_TYPE_CODE
    else:
        layout = f.view.layouts[block_type]
        params = layout.param_count
        results = layout.result_count
        if results == 1:
            type_ = i64(layout.results[0])
    f.label_heights[label] = f.sp - params
    f.label_blocks[label] = block_type
    f.label_else[label] = -1
    f.label_kinds[label] = u8(kind)
    if kind == KIND_LOOP:
        f.label_counts[label] = params
        f.label_types[label] = 0  # always in slots
    else:
        f.label_counts[label] = results
        f.label_types[label] = type_


def hand_over(f: FunctionCompiler, label: i64) -> None:
    """Put the values a branch to `label` carries where the label expects them; the stack is unchanged.

    Operands that stay on the stack keep their places, so this also serves conditional
    branches: only rax, xmm0's value, and slots above the label's height are written.
    """
    count = f.label_counts[label]
    if count == 0:
        return
    type_ = f.label_types[label]
    top = f.sp - 1
    if count == 1 and type_ != 0:
        if is_float(type_):
            f.load_xmm(top, XMM_RESULT)
        else:
            f.load(top, RAX)
        return
    if count > 15:
        f.spend(count >> 4)
    height = f.label_heights[label]
    source = f.sp - count
    i: i64 = 0
    while i < count:  # upwards: a value never lies above the slot another still comes from
        copy_to_slot(f, source + i, height + i)
        i += 1


def copy_to_slot(f: FunctionCompiler, p: i64, position: i64) -> None:
    """Copy operand `p` to the slot of another position."""
    type_ = i64(f.types[p])
    if p == position and f.kinds[p] == SLOT:
        return
    displacement = f.use_slot(position)
    if is_float(type_):
        f.store_xmm(type_, displacement, f.readable_xmm(p, XMM_SCRATCH))
    else:
        f.store_register(type_, displacement, f.readable(p, RAX))


def crosses_stack(f: FunctionCompiler, label: i64) -> bool:
    """Does a branch to `label` write slots that the code behind a conditional branch still reads?"""
    count = f.label_counts[label]
    if count == 0:
        return False
    type_ = f.label_types[label]
    if count == 1 and type_ != 0:
        return is_float(type_)  # xmm0 belongs to the pool
    return True


def push_results(f: FunctionCompiler, block_type: i64) -> None:
    """The stack is at the label's height: push what the block leaves."""
    if block_type == BLOCK_EMPTY:
        return
    if block_type < 0:
        type_ = block_type & BLOCK_TYPE_CODE
        push_one(f, type_)
        return
    layout = f.view.layouts[block_type]
    if layout.result_count == 1:
        push_one(f, i64(layout.results[0]))
        return
    i: i64 = 0
    while i < layout.result_count:
        f.use_slot(f.sp)
        f.push(i64(layout.results[i]), SLOT, 0)
        i += 1


def push_one(f: FunctionCompiler, type_: i64) -> None:
    """A block's single result, from rax or xmm0."""
    if is_float(type_):
        if f.free_xmm & 1:
            f.free_xmm &= ~1
            f.push(type_, XMM, XMM_RESULT)
        else:
            f.move_xmm(XMM_SCRATCH, XMM_RESULT)
            register = f.take_xmm()
            f.move_xmm(register, XMM_SCRATCH)
            f.push(type_, XMM, register)
    else:
        target = f.target_home(HOME_REGISTER)
        register = target
        if register < 0:
            register = f.take()
        f.move_register(type_, register, RAX)
        f.result(type_, register, target)


@final
class Block(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.settle()
        open_label(f, a, b, KIND_BLOCK)


@final
class Loop(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.settle()
        open_label(f, a, b, KIND_LOOP)
        f.flush(f.label_heights[a])
        f.asm.align(16)
        f.asm.bind(a)
        if f.notes is not None:
            f.note_loop(f.notes, a)


@final
class If(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        condition: i64 = EQUAL
        f.settle()
        if f.kinds[p] == FLAGS:
            condition = f.values[p] ^ 1
        else:
            test_zero(f, I32, f.readable(p, RAX))
            f.release(p)
        open_label(f, a, b, KIND_IF)
        if f.label_heights[a] < f.sp:
            f.flush(f.label_heights[a])  # both arms find the parameters in their slots
        otherwise = f.new_label()
        f.label_else[a] = otherwise
        f.asm.jump(JCC + condition, otherwise)


@final
class Else(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        if b:
            hand_over(f, a)
            f.asm.jump(JMP, a)
            f.label_kinds[a] = KIND_JOINED
        f.drop_to(f.label_heights[a])
        f.asm.bind(f.label_else[a])
        push_params(f, f.label_blocks[a])


def push_params(f: FunctionCompiler, block_type: i64) -> None:
    """A block's parameters, in their slots."""
    if block_type >= 0:
        layout = f.view.layouts[block_type]
        i: i64 = 0
        while i < layout.param_count:
            f.push(i64(layout.params[i]), SLOT, 0)
            i += 1


@final
class End(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        falls = b & END_FALLS_THROUGH != 0
        if a == 0:
            if falls:
                hand_over(f, 0)
            f.drop_to(0)
            return
        height = f.label_heights[a]
        kind = i64(f.label_kinds[a])
        if kind >= KIND_TRY:
            end_try(f, a, falls, b & END_IS_TARGET != 0, AROUND)
            return
        without_else = b & END_OF_IF_WITHOUT_ELSE != 0
        if kind == KIND_LOOP or (not b & END_IS_TARGET and kind != KIND_JOINED and not without_else):
            # no jump ends here: what falls through stays where it is
            if kind == KIND_LOOP and f.notes is not None:
                f.note_end(f.notes, a)
            if not falls:
                f.drop_to(height)
            return
        if falls:
            hand_over(f, a)
        f.drop_to(height)
        if without_else:
            self.without_else(f, a, b)
        f.asm.bind(a)
        push_results(f, f.label_blocks[a])

    def without_else(self, f: FunctionCompiler, a: i64, b: i64) -> None:
        """The condition was false: the parameters are the results."""
        otherwise = f.label_else[a]
        if f.label_counts[a] == 1 and f.label_types[a] != 0:
            # one value, in its slot on this path and in a register on the others
            if b & (END_FALLS_THROUGH | END_IS_TARGET):
                f.asm.jump(JMP, a)
            f.asm.bind(otherwise)
            p = f.sp
            push_params(f, f.label_blocks[a])
            hand_over(f, a)
            f.drop_to(p)
        else:
            f.asm.bind(otherwise)


def end_try(f: FunctionCompiler, label: i64, falls: bool, is_target: bool, outer: i64) -> None:
    """The end of a try: what none of its arms caught goes on to landing `outer`, `AROUND` or `NOWHERE`."""
    rest = f.label_else[label]
    if f.label_kinds[label] == KIND_TRY:
        f.landings.pop()
        if not f.landed.pop():
            rest = -1  # no arms, and nothing that throws
    if falls:
        hand_over(f, label)
    f.drop_to(f.label_heights[label])
    aside = f.arms == label
    if rest >= 0 and f.label_kinds[label] == KIND_TRY:
        aside = f.aside(label)
        falls_into_rest = falls and not aside
    else:
        falls_into_rest = falls and (aside or rest >= 0)
    if falls_into_rest:
        f.asm.jump(JMP, label)
    if rest >= 0:
        f.asm.bind(rest)
        if outer == AROUND and len(f.landings) > 0:
            outer = f.landings[-1]
            f.landed[-1] = True
        if outer >= 0:
            f.asm.jump(JMP, outer)
        else:
            f.mark()
            f.move_register(I64, RDI, f.vmctx)
            f.asm.call_table(CALL_RM64, RESUME)
    if aside:
        f.back()
    if falls or is_target:
        f.asm.bind(label)
        push_results(f, f.label_blocks[label])


@final
class Branch(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        hand_over(f, a)
        f.asm.jump(JMP, a)


@final
class BranchIf(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        condition: i64 = NOT_EQUAL
        if f.kinds[p] == FLAGS:
            condition = f.values[p]
        else:
            test_zero(f, I32, f.readable(p, RAX))
            f.release(p)
        branch_on(f, condition, a)


def branch_on(f: FunctionCompiler, condition: i64, label: i64) -> None:
    """Go to `label` with what it carries, if the flags say so."""
    if crosses_stack(f, label):
        stay = f.new_label()
        f.asm.jump(JCC + (condition ^ 1), stay)
        hand_over(f, label)
        f.asm.jump(JMP, label)
        f.asm.bind(stay)
    else:
        hand_over(f, label)
        f.asm.jump(JCC + condition, label)


@final
class BranchOnNull(Lowering):
    """The reference is not among what the label takes; where it is not null it stays where it is."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.sp -= 1
        test_zero(f, I64, f.readable(f.sp, RAX))
        branch_on(f, EQUAL, a)
        f.sp += 1


@final
class BranchOnNonNull(Lowering):
    """The reference is the last that the label takes."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        test_zero(f, I64, f.readable(f.sp - 1, RAX))
        branch_on(f, NOT_EQUAL, a)
        f.release(f.pop())


LINEAR_TARGETS: Final = 4


@final
class BranchTable(Lowering):
    """A few targets by comparisons, more by a table of distances behind the jump."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        p = f.pop()
        asm = f.asm
        default = f.pool_word(a + 2 * b)
        index: i64 = RCX
        if b > 0:
            index = f.readable(p, RCX)
        f.release(p)
        needs_moves = f.label_counts[default] > 0
        if b <= LINEAR_TARGETS:
            i: i64 = 0
            while i < b:
                label = f.pool_word(a + 2 * i)
                asm.reg_imm(CMP_R32_IMM8, index, i)
                if needs_moves:
                    skip = f.new_label()
                    asm.jump(JCC + NOT_EQUAL, skip)
                    hand_over(f, label)
                    asm.jump(JMP, label)
                    asm.bind(skip)
                else:
                    asm.jump(JCC + EQUAL, label)
                i += 1
            hand_over(f, default)
            asm.jump(JMP, default)
            return
        # targets that take values get a stub each, which hands them over
        table = f.new_label()
        fallback = f.new_label()
        if b <= 127:
            asm.reg_imm(CMP_R32_IMM8, index, b)
        else:
            asm.reg_imm(CMP_R32_IMM32, index, b)
        asm.jump(JCC + ABOVE_OR_EQUAL, fallback if needs_moves else default)
        asm.reg_label(LEA_R64, RAX, table)
        asm.indexed(MOVSXD, RCX, RAX, index, 2, 0)
        asm.reg_reg(ADD_R64, RAX, RCX)
        asm.reg_reg(JMP_RM64, 0, RAX)
        asm.align(4)
        asm.bind(table)
        first_stub = f.next_label
        if needs_moves:
            f.next_label = first_stub + b
        i = 0
        while i < b:
            asm.label_difference(first_stub + i if needs_moves else f.pool_word(a + 2 * i), table)
            i += 1
        if needs_moves:
            i = 0
            while i < b:
                label = f.pool_word(a + 2 * i)
                asm.bind(first_stub + i)
                hand_over(f, label)
                asm.jump(JMP, label)
                i += 1
            asm.bind(fallback)
            hand_over(f, default)
            asm.jump(JMP, default)


@final
class Return(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        hand_over(f, 0)
        if f.at + RECORD_BYTES < len(f.records):  # else the epilogue follows
            f.asm.jump(JMP, 0)


@final
class Unreachable(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.mark()
        f.asm.none(TRAP, 0, UNREACHABLE)
