"""Exceptions: throwing, and the arms that catch.

An exception that leaves a call inside of a try comes to the try's landing as the call would have returned: with the
registers that callees preserve. Operands below the try are settled where a block begins, and homes that callees clobber
were written to their slots before the call, as before any other. So a try costs nothing: what handles an exception
stands behind the function's code. The landing asks one arm after another by tag. An arm copies the values to operand
slots, takes the exception off the store and reads the clobbered homes back.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    NOT_EQUAL,
)
from wasmer_runtime_core.contract.convention import RESULT_SLOT_BYTES
from wasmer_runtime_core.contract.helpers import EXCEPTION_HELPERS
from wasmer_runtime_core.contract.vmctx import EXCEPTION, EXCEPTION_VALUES, STORE, VMCTX
from wasmer_runtime_core.support.annotations import Final, final, i64, u8
from wasmer_runtime_core.wasm.body.body import (
    CATCH_FALLS_THROUGH,
    CATCH_GIVES_EXCEPTION,
    CATCH_TAG_SHIFT,
    DELEGATE_SHIFT,
    END_FALLS_THROUGH,
    END_IS_TARGET,
)
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import EXNREF, F64, I64, V128
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    JCC,
    JMP,
    MOV_R64,
    MOVSD,
    MOVSS,
    MOVUPS,
    FunctionCompiler,
    is_float,
)
from wasmer_singlepass_backend.x64.lowering.call import CALL_RM64, note_landing, restore_after_call, save_for_call
from wasmer_singlepass_backend.x64.lowering.control import (
    KIND_CATCH,
    KIND_TRY,
    NOWHERE,
    end_try,
    hand_over,
    open_label,
)
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.registers import RAX, RBP, RCX, RDI, RDX, RSI, XMM_SCRATCH
from wasmer_singlepass_backend.x64.values import REGISTER, SLOT

CMP_R64: Final[i64] = number(forms.CMP_R64_RM64)
LEA_R64: Final[i64] = number(forms.LEA_R64_M)

STORE_OFFSET: Final[i64] = i64(VMCTX["store"].offset)
PENDING_OFFSET: Final[i64] = i64(STORE["pending_exception"].offset)
TAG_OFFSET: Final[i64] = i64(EXCEPTION["tag"].offset)
VALUES_OFFSET: Final[i64] = i64(EXCEPTION_VALUES)
THROW: Final[i64] = i64(EXCEPTION_HELPERS["throw"].slot)
THROW_REF: Final[i64] = i64(EXCEPTION_HELPERS["throw_ref"].slot)
CATCH_EXCEPTION: Final[i64] = i64(EXCEPTION_HELPERS["catch_exception"].slot)

_CATCH: Final[i64] = i64(BY_MNEMONIC["catch"].code)


@final
class Throw(Lowering):
    """The values go to the frame's buffer, in slots as the exception has them."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        layout = f.view.layouts[b]
        count = layout.param_count
        save_for_call(f, count)
        i: i64 = 0
        while i < count:
            p = f.sp - count + i
            type_ = i64(f.types[p])
            place = f.buffer_place + RESULT_SLOT_BYTES * i
            if is_float(type_):
                f.store_xmm(type_, place, f.readable_xmm(p, XMM_SCRATCH))
            else:
                f.store_register(I64, place, f.readable(p, RAX))
            i += 1
        f.drop_to(f.sp - count)
        f.mark()
        asm = f.asm
        asm.reg_mem(MOV_R64, RSI, f.vmctx, f.view.tag_offsets[a])
        if count > 0:
            asm.reg_mem(LEA_R64, RDX, RBP, f.buffer_place)
        f.move_register(I64, RDI, f.vmctx)
        asm.call_table(CALL_RM64, THROW)
        note_landing(f)


@final
class ThrowReference(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        save_for_call(f, 1)
        p = f.pop()
        f.load(p, RSI)
        f.release(p)
        f.mark()
        f.move_register(I64, RDI, f.vmctx)
        f.asm.call_table(CALL_RM64, THROW_REF)
        note_landing(f)


@final
class Try(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        f.settle()
        open_label(f, a, b, KIND_TRY)
        landing = f.new_label()
        f.label_else[a] = landing
        f.landings.append(landing)
        f.landed.append(False)


@final
class Catch(Lowering):
    """catch and catch_all: an arm."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        asm = f.asm
        if b & CATCH_FALLS_THROUGH:
            hand_over(f, a)
        first = f.label_kinds[a] == KIND_TRY
        if not (first and f.aside(a)) and b & CATCH_FALLS_THROUGH:
            asm.jump(JMP, a)
        f.drop_to(f.label_heights[a])
        asm.bind(f.label_else[a])
        if first:
            f.landings.pop()
            f.landed.pop()
            f.label_kinds[a] = u8(KIND_CATCH)
        asm.reg_mem(MOV_R64, RCX, f.vmctx, STORE_OFFSET)
        asm.reg_mem(MOV_R64, RCX, RCX, PENDING_OFFSET)
        f.label_else[a] = -1
        if word & 0xFFFF == _CATCH:
            tag = b >> CATCH_TAG_SHIFT
            other = f.new_label()
            f.label_else[a] = other
            asm.reg_mem(MOV_R64, RDX, f.vmctx, f.view.tag_offsets[tag])
            asm.reg_mem(CMP_R64, RDX, RCX, TAG_OFFSET)
            asm.jump(JCC + NOT_EQUAL, other)
            take_values(f, f.view.tag_types[tag])
        keep: i64 = 1 if b & CATCH_GIVES_EXCEPTION else 0
        f.mark()
        f.load_constant(RSI, keep)
        f.move_register(I64, RDI, f.vmctx)
        asm.call_table(CALL_RM64, CATCH_EXCEPTION)
        restore_after_call(f)
        if keep:
            register = f.take()
            f.move_register(I64, register, RAX)
            f.push(EXNREF, REGISTER, register)


def take_values(f: FunctionCompiler, type_index: i64) -> None:
    """The values of the exception at rcx become operands, in their slots."""
    layout = f.view.layouts[type_index]
    if layout.param_count > 15:
        f.spend(layout.param_count >> 4)
    i: i64 = 0
    while i < layout.param_count:
        type_ = i64(layout.params[i])
        displacement = f.use_slot(f.sp)
        if is_float(type_):
            form = MOVUPS if type_ == V128 else MOVSD if type_ == F64 else MOVSS
            f.asm.reg_mem(form, XMM_SCRATCH, RCX, VALUES_OFFSET + RESULT_SLOT_BYTES * i)
            f.store_xmm(type_, displacement, XMM_SCRATCH)
        else:
            f.asm.reg_mem(MOV_R64, RAX, RCX, VALUES_OFFSET + RESULT_SLOT_BYTES * i)
            f.store_register(I64, displacement, RAX)
        f.push(type_, SLOT, 0)
        i += 1


@final
class Delegate(Lowering):
    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        target = b >> DELEGATE_SHIFT
        outer: i64 = NOWHERE
        if target > 0:
            outer = f.label_else[target]
        if target > 0 and f.landed[-1]:  # else nothing goes on from here
            at: i64 = len(f.landings) - 1
            while at >= 0 and f.landings[at] != outer:
                at -= 1
            f.landed[at] = True
        end_try(f, a, b & END_FALLS_THROUGH != 0, b & END_IS_TARGET != 0, outer)
