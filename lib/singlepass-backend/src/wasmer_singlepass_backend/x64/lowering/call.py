"""Calls: functions of the module, imported ones, indirect ones, and core's helpers.

Before a call every operand below the arguments goes to its slot, and homes that a callee
may clobber are written to theirs; the arguments then move to where the convention wants
them, all registers at once. After it the homes are read back.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE_OR_EQUAL,
    BELOW,
    EQUAL,
    NOT_EQUAL,
)
from wasmer_runtime_core.contract.convention import IN_INTEGER_REGISTER, IN_VECTOR_REGISTER, ON_STACK, RESULT_SLOT_BYTES
from wasmer_runtime_core.contract.helpers import VMCall
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import FUNCTION_RECORD, IMPORT_RECORD, TABLE_DEFINITION, TYPE_RECORD
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.types import EXTERNREF, F64, I32, I64, V128
from wasmer_singlepass_backend.x64.abi import CallLayout
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_XMM,
    JCC,
    MOV_MEM_R64,
    MOV_R32,
    MOV_R64,
    OWN_ARGUMENTS,
    FunctionCompiler,
    is_float,
)
from wasmer_singlepass_backend.x64.lowering.control import push_one
from wasmer_singlepass_backend.x64.lowering.rule import Lowering
from wasmer_singlepass_backend.x64.moves import MoveSet
from wasmer_singlepass_backend.x64.registers import RAX, RBP, RCX, RDI, RDX, RSI, RSP, XMM_SCRATCH
from wasmer_singlepass_backend.x64.values import CONSTANT, REGISTER, XMM

CALL_RM64: Final[i64] = number(forms.CALL_RM64)
JMP_RM64: Final[i64] = number(forms.JMP_RM64)
CMP_R32_IMM8: Final[i64] = number(forms.CMP_RM32_IMM8)
CMP_R64: Final[i64] = number(forms.CMP_R64_RM64)
CMP_R32: Final[i64] = number(forms.CMP_R32_RM32)
TEST_R64: Final[i64] = number(forms.TEST_RM64_R64)
LEA_R64: Final[i64] = number(forms.LEA_R64_M)
MOVSD_STORE: Final[i64] = number(forms.MOVSD_XM64_XMM)
MOVSS_STORE: Final[i64] = number(forms.MOVSS_XM32_XMM)
MOVUPS_STORE: Final[i64] = number(forms.MOVUPS_XM128_XMM)

UNDEFINED_ELEMENT: Final[i64] = i64(BY_NAME["UNDEFINED_ELEMENT"].number)
UNINITIALIZED_ELEMENT: Final[i64] = i64(BY_NAME["UNINITIALIZED_ELEMENT"].number)
TYPE_MISMATCH: Final[i64] = i64(BY_NAME["INDIRECT_CALL_TYPE_MISMATCH"].number)
NULL_REFERENCE: Final[i64] = i64(BY_NAME["NULL_REFERENCE"].number)

IMPORT_CODE: Final[i64] = i64(IMPORT_RECORD["code"].offset)
IMPORT_VMCTX: Final[i64] = i64(IMPORT_RECORD["vmctx"].offset)
RECORD_CODE: Final[i64] = i64(FUNCTION_RECORD["code"].offset)
RECORD_VMCTX: Final[i64] = i64(FUNCTION_RECORD["vmctx"].offset)
RECORD_TYPE: Final[i64] = i64(FUNCTION_RECORD["type"].offset)
TABLE_BASE: Final[i64] = i64(TABLE_DEFINITION["base"].offset)
TYPE_SUPERTYPES: Final[i64] = i64(TYPE_RECORD["supertypes"].offset)
TYPE_DEPTH: Final[i64] = i64(TYPE_RECORD["depth"].offset)
TABLE_LENGTH: Final[i64] = i64(TABLE_DEFINITION["length"].offset)


def save_for_call(f: FunctionCompiler, arguments: i64) -> None:
    """Everything that a callee may clobber goes to the frame, but for the arguments on top."""
    f.registers_to_slots(f.sp - arguments)
    for local in f.volatile_homes:
        type_ = i64(f.local_types[local])
        if f.home_kinds[local] == HOME_XMM:
            f.store_xmm(type_, f.local_slots[local], f.homes[local])
        else:
            f.store_register(type_, f.local_slots[local], f.homes[local])


def restore_after_call(f: FunctionCompiler) -> None:
    """Read the clobbered homes back. rax and xmm0 are left alone."""
    for local in f.volatile_homes:
        type_ = i64(f.local_types[local])
        if f.home_kinds[local] == HOME_XMM:
            f.load_xmm_frame(type_, f.homes[local], f.local_slots[local])
        else:
            f.load_register(type_, f.homes[local], f.local_slots[local])


def note_landing(f: FunctionCompiler) -> None:
    """Right behind a call: an exception that leaves it lands in the innermost try."""
    if len(f.landings) > 0:
        f.asm.handler(f.landings[-1])
        f.landed[-1] = True


def stack_arguments(f: FunctionCompiler, layout: CallLayout, base: i64, start: i64, scratch: i64) -> None:
    """Arguments that go to memory, from `base` plus `start` on; their registers stay as they are."""
    first = f.sp - layout.param_count
    i: i64 = 0
    while i < layout.param_count:
        if layout.wheres[i] != IN_INTEGER_REGISTER and layout.wheres[i] != IN_VECTOR_REGISTER:
            p = first + i
            type_ = i64(f.types[p])
            place = start + layout.places[i]
            if base == RBP and f.in_frame(p) == place:
                pass  # it came here
            elif is_float(type_):
                form = MOVUPS_STORE if type_ == V128 else MOVSD_STORE if type_ == F64 else MOVSS_STORE
                f.asm.reg_mem(form, f.readable_xmm(p, XMM_SCRATCH), base, place)
            else:
                f.asm.reg_mem(MOV_MEM_R64, f.readable(p, scratch), base, place)
        i += 1


def register_arguments(f: FunctionCompiler, layout: CallLayout) -> None:
    """Arguments that go to registers: first those in registers, all at once, then the others."""
    first = f.sp - layout.param_count
    moves = MoveSet()
    i: i64 = 0
    while i < layout.param_count:
        p = first + i
        if layout.wheres[i] == IN_INTEGER_REGISTER:
            source = f.in_register(p)
            if source >= 0 and source != layout.places[i]:
                moves.add(layout.places[i], source, False)
            elif source >= 0:
                moves.add(source, source, False)
        elif layout.wheres[i] == IN_VECTOR_REGISTER:
            source = f.in_xmm(p)
            if source >= 0:
                moves.add_xmm(layout.places[i], source)
        i += 1
    moves.emit(f.asm)
    i = 0
    while i < layout.param_count:
        p = first + i
        if layout.wheres[i] == IN_INTEGER_REGISTER:
            if f.in_register(p) < 0:
                f.load(p, layout.places[i])
        elif layout.wheres[i] == IN_VECTOR_REGISTER:
            if f.in_xmm(p) < 0:
                f.load_xmm(p, layout.places[i])
        i += 1


def buffer_argument(f: FunctionCompiler, layout: CallLayout) -> None:
    """Several results of a callee come to this function's frame."""
    if layout.buffered:
        f.asm.reg_mem(LEA_R64, RSI, RBP, f.buffer_place)


def finish_call(f: FunctionCompiler, layout: CallLayout, throws: bool) -> None:
    """Right behind a call, which may throw or not: the arguments are gone, the results are pushed."""
    if throws:
        note_landing(f)
    f.drop_to(f.sp - layout.param_count)
    restore_after_call(f)
    count = layout.result_count
    if layout.passed > 15:
        f.spend(layout.passed >> 4)
    if count == 0:
        return
    if count == 1 or is_float(i64(layout.results[0])):
        push_one(f, i64(layout.results[0]))
    else:  # what follows wants the last result, not this one
        register = f.take()
        f.move_register(i64(layout.results[0]), register, RAX)
        f.push(i64(layout.results[0]), REGISTER, register)
    k: i64 = 1
    while k < count:
        type_ = i64(layout.results[k])
        displacement = f.buffer_place + RESULT_SLOT_BYTES * (k - 1)
        if is_float(type_):
            register = f.take_xmm()
            f.load_xmm_frame(type_, register, displacement)
            f.push(type_, XMM, register)
        else:
            register = f.take()
            f.load_register(type_, register, displacement)
            f.push(type_, REGISTER, register)
        k += 1


@final
class Call(Lowering):
    """call: through the module's table of code addresses, or the import's record."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        layout = f.view.layouts[b]
        save_for_call(f, layout.param_count)
        stack_arguments(f, layout, RSP, 0, RAX)
        register_arguments(f, layout)
        buffer_argument(f, layout)
        f.mark()
        asm = f.asm
        if a < f.view.imported_functions:
            record = f.view.import_offsets[a]
            asm.reg_mem(MOV_R64, RDI, f.vmctx, record + IMPORT_VMCTX)
            asm.call_mem(CALL_RM64, f.vmctx, record + IMPORT_CODE)
        else:
            f.move_register(I64, RDI, f.vmctx)
            asm.call_table(CALL_RM64, a - f.view.imported_functions)
        finish_call(f, layout, True)


@final
class CallIndirect(Lowering):
    """call_indirect: bounds, null and type are checked, each with its own trap."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        view = f.view
        layout = view.layouts[a]
        save_for_call(f, layout.param_count + 1)
        index = f.pop()
        f.mark()
        asm = f.asm
        stack_arguments(f, layout, RSP, 0, RAX)
        find_callee(f, index, a, b)
        register_arguments(f, layout)
        buffer_argument(f, layout)
        asm.reg_mem(MOV_R64, RDI, RAX, RECORD_VMCTX)
        asm.call_mem(CALL_RM64, RAX, RECORD_CODE)
        finish_call(f, layout, True)


@final
class CallReference(Lowering):
    """call_ref: as call_indirect, but the validator has seen to bounds and type."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        layout = f.view.layouts[a]
        save_for_call(f, layout.param_count + 1)
        p = f.pop()
        f.mark()
        asm = f.asm
        stack_arguments(f, layout, RSP, 0, RAX)
        callee_of(f, p)
        register_arguments(f, layout)
        buffer_argument(f, layout)
        asm.reg_mem(MOV_R64, RDI, RAX, RECORD_VMCTX)
        asm.call_mem(CALL_RM64, RAX, RECORD_CODE)
        finish_call(f, layout, True)


def find_callee(f: FunctionCompiler, index: i64, type_: i64, table: i64) -> None:
    """The record of the function at operand `index`, which is popped, of a table goes to rax. Writes rcx and rdx."""
    view = f.view
    asm = f.asm
    at = f.readable(index, RAX)
    asm.reg_mem(MOV_R64, RCX, f.vmctx, view.table_offsets[table])
    asm.reg_mem(CMP_R64 if view.wide_tables[table] else CMP_R32, at, RCX, TABLE_LENGTH)
    asm.jump(JCC + ABOVE_OR_EQUAL, f.trap_label(UNDEFINED_ELEMENT))
    asm.reg_mem(MOV_R64, RCX, RCX, TABLE_BASE)
    asm.indexed(MOV_R64, RAX, RCX, at, 3, 0)
    asm.reg_reg(TEST_R64, RAX, RAX)
    asm.jump(JCC + EQUAL, f.trap_label(UNINITIALIZED_ELEMENT))
    depth: i64 = -1 if len(view.open_types) == 0 else i64(view.open_types.get(int(type_), -1))
    if depth < 0:
        asm.reg_mem(MOV_R64, RCX, f.vmctx, view.type_offsets[type_])
        asm.reg_mem(CMP_R64, RCX, RAX, RECORD_TYPE)
        asm.jump(JCC + NOT_EQUAL, f.trap_label(TYPE_MISMATCH))
    else:
        need_subtype(f, type_, depth)
    f.release(index)


def need_subtype(f: FunctionCompiler, type_index: i64, depth: i64) -> None:
    """The type of the record in rax is this one, which has `depth` above it, or is below it."""
    asm = f.asm
    asm.reg_mem(MOV_R64, RCX, RAX, RECORD_TYPE)
    asm.reg_mem(MOV_R32, RDX, RCX, TYPE_DEPTH)
    asm.reg_imm(CMP_R32_IMM8, RDX, depth)
    asm.jump(JCC + BELOW, f.trap_label(TYPE_MISMATCH))
    asm.reg_mem(MOV_R64, RCX, RCX, TYPE_SUPERTYPES)
    asm.reg_mem(MOV_R64, RDX, f.vmctx, f.view.type_offsets[type_index])
    asm.reg_mem(CMP_R64, RDX, RCX, 8 * depth)
    asm.jump(JCC + NOT_EQUAL, f.trap_label(TYPE_MISMATCH))


def callee_of(f: FunctionCompiler, p: i64) -> None:
    """The record that operand `p`, which is popped, refers to goes to rax."""
    f.load(p, RAX)
    f.asm.reg_reg(TEST_R64, RAX, RAX)
    f.asm.jump(JCC + EQUAL, f.trap_label(NULL_REFERENCE))
    f.release(p)


def make_way(f: FunctionCompiler, layout: CallLayout) -> None:
    """Arguments that lie where other ones are to go take their slots."""
    first = f.sp - layout.param_count
    i: i64 = 0
    while i < layout.param_count:
        place = f.in_frame(first + i)
        if place > 0 and (layout.wheres[i] != ON_STACK or place != OWN_ARGUMENTS + layout.places[i]):
            f.to_slot(first + i)
        i += 1


def arguments_in_place(f: FunctionCompiler, layout: CallLayout) -> None:
    """Arguments in registers for a function that is called in place of this one; they are popped."""
    register_arguments(f, layout)
    if layout.buffered:
        f.asm.reg_mem(MOV_R64, RSI, RBP, f.result_pointer)
    f.drop_to(f.sp - layout.param_count)
    if layout.passed > 15:
        f.spend(layout.passed >> 4)


@final
class ReturnCall(Lowering):
    """return_call: arguments where this function's own were, its frame is taken down, and a jump."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        layout = f.view.layouts[b]
        make_way(f, layout)
        stack_arguments(f, layout, RBP, OWN_ARGUMENTS, RAX)
        arguments_in_place(f, layout)
        f.mark()
        asm = f.asm
        if a < f.view.imported_functions:
            record = f.view.import_offsets[a]
            asm.reg_mem(MOV_R64, RAX, f.vmctx, record + IMPORT_CODE)
            asm.reg_mem(MOV_R64, RDI, f.vmctx, record + IMPORT_VMCTX)
            f.leave()
            asm.reg_reg(JMP_RM64, 0, RAX)
        else:
            f.move_register(I64, RDI, f.vmctx)
            f.leave()
            asm.through_table(JMP_RM64, a - f.view.imported_functions)


@final
class ReturnCallIndirect(Lowering):
    """return_call_indirect: what may trap comes before the frame is taken down."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        layout = f.view.layouts[a]
        index = f.pop()
        f.mark()
        make_way(f, layout)
        find_callee(f, index, a, b)
        jump_to_callee(f, layout)


def jump_to_callee(f: FunctionCompiler, layout: CallLayout) -> None:
    """Put the arguments in place, take the frame down, and go to the function whose record is in rax."""
    stack_arguments(f, layout, RBP, OWN_ARGUMENTS, RCX)
    arguments_in_place(f, layout)
    asm = f.asm
    # As a rule the callee's vmctx is this one. Told by a branch, the next round does not wait for these loads.
    same = f.new_label()
    f.move_register(I64, RDI, f.vmctx)
    asm.reg_mem(CMP_R64, RDI, RAX, RECORD_VMCTX)
    asm.jump(JCC + EQUAL, same)
    asm.reg_mem(MOV_R64, RDI, RAX, RECORD_VMCTX)
    asm.bind(same)
    asm.reg_mem(MOV_R64, RAX, RAX, RECORD_CODE)
    f.leave()
    asm.reg_reg(JMP_RM64, 0, RAX)


@final
class ReturnCallReference(Lowering):
    """return_call_ref: likewise."""

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        layout = f.view.layouts[a]
        p = f.pop()
        f.mark()
        make_way(f, layout)
        callee_of(f, p)
        jump_to_callee(f, layout)


_TYPES: Final = {"i32": I32, "i64": I64, "index": I32, "ref": EXTERNREF}
"""An index of 32 bits has the upper half of its register zero, as helpers want it; one of 64 bits lies there too."""


@final
class CallHelper(Lowering):
    """An operator that core's C file carries out. Its immediates follow the operands as i32s."""

    def __init__(self, call: VMCall, immediates: int) -> None:
        """`immediates`: so many words of the record are passed."""
        self.slot: i64 = call.slot
        self.pass_a: bool = immediates > 0
        self.pass_b: bool = immediates > 1
        params = bytes([_TYPES[type_] for type_ in call.types])
        self.layout: Final = CallLayout(params, bytes([_TYPES[type_] for type_ in call.results]))
        self.wide_layout: Final = CallLayout(params, bytes([I64] * len(call.results)))
        self.grows_memory: bool = call.name == "memory_grow"
        self.grows_table: bool = call.name == "table_grow"

    def emit(self, f: FunctionCompiler, word: i64, a: i64, b: i64) -> None:
        if self.pass_a:
            f.push(I32, CONSTANT, a)
        if self.pass_b:
            f.push(I32, CONSTANT, b)
        layout = self.layout
        if (self.grows_memory and f.view.wide_memories[a]) or (self.grows_table and f.view.wide_tables[a]):
            layout = self.wide_layout
        save_for_call(f, layout.param_count)
        register_arguments(f, layout)
        f.mark()
        f.move_register(I64, RDI, f.vmctx)
        f.asm.call_table(CALL_RM64, f.view.defined_functions + self.slot)
        finish_call(f, layout, False)
