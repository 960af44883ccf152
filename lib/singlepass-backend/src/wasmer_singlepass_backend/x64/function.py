"""The state of one function under compilation: operands, registers, homes, labels.

The idea
--------
One pass over the records of a `Body`. The compiler keeps a stack of *operands* that
mirrors WebAssembly's, where each entry says where the value is (`values.py`) instead of
what it is. Operators pop entries and push one that names the register they computed into;
a value is moved only when it has to be: when the register is wanted, when control flow
joins, when a call clobbers it.

Promises
--------
* Where control flow joins (the start of a block, loop or if, and every label) the operands
  below lie in their slots or are constants, so every path agrees about them. One result of
  a block is handed over in rax or xmm0; several in slots.
* Locals live in one place, their home, throughout the function.
* An i32 in a general register has its upper half zero, so it can be used as an address.
* Scratch registers (rax, rcx, rdx, xmm14, xmm15) hold nothing between two operators.
* A comparison is left in the flags only when the next operator takes it from there.

Costs: what an operator costs does not depend on how many operands lie below. Which operands
are in registers is asked of the registers, of which there are few; what was put into slots
where control flow joined is not looked at again; a local that is written looks for operands
that stand for it at most `LOOKED_THROUGH` deep, whatever lies deeper goes to its slot.

Limits: nothing is remembered across operators but where values are. No common
subexpressions, no loop-invariant code, one home per local however its life is split.

Long for one idea: operands, registers and homes change together, in one object that rules call natively.
"""

from __future__ import annotations

from librt.strings import read_i32_le
from librt.vecs import append, vec

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.contract.code_limit import CodeLimit
from wasmer_runtime_core.contract.convention import IN_FRAME, IN_INTEGER_REGISTER, IN_VECTOR_REGISTER, NOWHERE
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.support.annotations import Final, final, i64, u8
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES
from wasmer_runtime_core.wasm.types import F32, F64, I32, V128
from wasmer_singlepass_backend.constants import ConstantPool
from wasmer_singlepass_backend.uses import ANY, ENDS, RETURNS, SETS_LOCAL, TEES_LOCAL, USES
from wasmer_singlepass_backend.x64.abi import CallLayout
from wasmer_singlepass_backend.x64.assembler import Assembler, number
from wasmer_singlepass_backend.x64.module_view import ModuleView
from wasmer_singlepass_backend.x64.registers import RAX, RBP, XMM_SCRATCH
from wasmer_singlepass_backend.x64.target import Target
from wasmer_singlepass_backend.x64.values import CONSTANT, LOCAL, REGISTER, SLOT, XMM

USE_UNKNOWN: Final = 0
USE_READ: Final = 1
USE_WRITE: Final = 2

OWN_ARGUMENTS: Final = 16
"""Displacement from rbp of the arguments that a function got on the stack."""

LOOKED_THROUGH: Final = 64
"""So many operands may stand for locals, or lie in registers, when a local is written; of more, half go to slots."""

STRETCH: Final = 4096
"""So many operators are lowered between two checkpoints; sixteen values that one passes count as one more."""

HOME_SLOT: Final = 0
HOME_REGISTER: Final = 1
HOME_XMM: Final = 2

MOV_R32: Final[i64] = number(forms.MOV_R32_RM32)
MOV_R64: Final[i64] = number(forms.MOV_R64_RM64)
MOV_MEM_R32: Final[i64] = number(forms.MOV_RM32_R32)
MOV_MEM_R64: Final[i64] = number(forms.MOV_RM64_R64)
MOV_R32_IMM: Final[i64] = number(forms.MOV_R32_IMM32)
MOV_R64_IMM: Final[i64] = number(forms.MOV_R64_IMM64)
MOV_RM64_IMM: Final[i64] = number(forms.MOV_RM64_IMM32)
SETCC: Final[i64] = number(forms.SETCC_RM8)
MOVZX_R32_R8: Final[i64] = number(forms.MOVZX_R32_RM8)
MOVAPS: Final[i64] = number(forms.MOVAPS_XMM_XM128)
MOVUPS: Final[i64] = number(forms.MOVUPS_XMM_XM128)
MOVUPS_STORE: Final[i64] = number(forms.MOVUPS_XM128_XMM)
MOVSS: Final[i64] = number(forms.MOVSS_XMM_XM32)
MOVSD: Final[i64] = number(forms.MOVSD_XMM_XM64)
MOVSS_STORE: Final[i64] = number(forms.MOVSS_XM32_XMM)
MOVSD_STORE: Final[i64] = number(forms.MOVSD_XM64_XMM)
XORPS: Final[i64] = number(forms.XORPS_XMM_XM128)
LEAVE: Final[i64] = number(forms.LEAVE)
JMP: Final[i64] = number(forms.JMP_REL32)
JCC: Final[i64] = number(forms.JCC_REL32)


def lowest_bit(mask: i64) -> i64:
    """Number of the lowest set bit of a mask of sixteen."""
    bit: i64 = 0
    if mask & 0xFF == 0:
        mask >>= 8
        bit = 8
    if mask & 0xF == 0:
        mask >>= 4
        bit += 4
    if mask & 0x3 == 0:
        mask >>= 2
        bit += 2
    if mask & 0x1 == 0:
        bit += 1
    return bit


def bit_of(register: i64) -> i64:
    """The mask with that one register. (A literal shifted by a variable is 32 bits wide when compiled.)"""
    one: i64 = 1
    one <<= register
    return one


def is_float(type_: i64) -> bool:
    """Does a value of this type live in an xmm register?"""
    return type_ == F64 or type_ == F32 or type_ == V128


@final
class LoopNote:
    """A loop of the function at hand: its label, that of what lies behind it, and where values are at its head."""

    def __init__(self, label: i64, places: list[tuple[int, int]]) -> None:
        self.label: Final[i64] = label
        self.end: i64 = -1
        self.places: Final = places


@final
class FunctionCompiler:
    """One at a time; made once for a module and begun anew for each function.

    All that changes while a module is compiled is in here, or hangs on it: rules and tables are
    shared by compilations in other threads.
    """

    def __init__(self, view: ModuleView, target: Target, bounds_checks: bool, limit: CodeLimit) -> None:
        self.view: Final = view
        self.target: Final = target
        self.avx: bool = target.avx
        self.bounds_checks: bool = bounds_checks
        self.asm: Final = Assembler()
        self.constants: Final = ConstantPool()
        self.limit: Final = limit
        self.left: i64 = STRETCH  # until the next checkpoint
        # the body being read
        self.records: bytes = b""
        self.pool: bytes = b""
        self.at: i64 = 0  # byte position of the next record
        self.marked: i64 = -1
        # the register whose value the zero flag tells, if nothing was emitted since
        self.tested: i64 = -1
        self.tested_at: i64 = -1
        # the address of the memory access at hand: [base + index + displacement], without index if it is negative
        self.base: i64 = 0
        self.index: i64 = 0
        self.displacement: i64 = 0
        # operand stack
        self.kinds: vec[u8] = vec[u8]([u8(0)] * 64)
        self.types: vec[u8] = vec[u8]([u8(0)] * 64)
        self.values: vec[i64] = vec[i64]([i64(0)] * 64)
        self.sp: i64 = 0
        self.settled: i64 = 0  # so many operands, from the bottom on, are slots and constants, at least
        # by general register, then by xmm register: the operand it was last pushed for
        self.owners: vec[i64] = vec[i64]([i64(0)] * 32)
        self.slots_used: i64 = 0
        # registers
        self.free: i64 = 0
        self.free_xmm: i64 = 0
        self.pool_mask: i64 = 0
        self.pool_xmm: i64 = 0
        self.vmctx: i64 = -1
        self.memory: i64 = -1
        self.saved_mask: i64 = 0  # callee-saved registers this function writes
        # locals
        self.first_uses: vec[u8] = vec[u8]([u8(0)] * 64)  # in the straight line: USE_UNKNOWN, USE_READ, USE_WRITE
        self.local_types: bytes = b""
        self.local_weights: bytes = b""
        self.home_kinds: vec[u8] = vec[u8]([u8(0)] * 64)
        self.homes: vec[i64] = vec[i64]([i64(0)] * 64)
        self.local_slots: vec[i64] = vec[i64]([i64(0)] * 64)
        self.local_refs: vec[i64] = vec[i64]([i64(0)] * 64)
        self.volatile_homes: list[i64] = []  # locals whose home a call clobbers
        # loops whose heads the code may be left at; None: nobody asks
        self.notes: list[LoopNote] | None = None
        self.left_label: i64 = -1  # behind the epilogue, if somebody asks
        self.vmctx_place: i64 = 0  # displacement of the vmctx, where no register has it and there are loops
        # exceptions
        self.landings: list[i64] = []  # of the tries around: the label where an exception lands
        self.landed: list[bool] = []  # and whether one can
        self.arms: i64 = -1  # the try whose arms are being written, behind the function's code
        # labels
        self.label_heights: vec[i64] = vec[i64]([i64(0)] * 64)
        self.label_counts: vec[i64] = vec[i64]([i64(0)] * 64)  # values a branch carries
        self.label_types: vec[i64] = vec[i64]([i64(0)] * 64)  # of the one value handed over in a register
        self.label_blocks: vec[i64] = vec[i64]([i64(0)] * 64)  # block type
        self.label_else: vec[i64] = vec[i64]([i64(0)] * 64)
        self.label_kinds: vec[u8] = vec[u8]([u8(0)] * 64)
        self.next_label: i64 = 0
        # traps out of line: label, kind, wasm offset
        self.cold: vec[i64] = vec[i64]()
        # frame
        self.slot_bytes: i64 = 8
        self.slots_base: i64 = 0
        self.result_pointer: i64 = 0  # displacement of the caller's result buffer address
        self.buffer_place: i64 = 0  # displacement of the buffer for callees' results
        self.stack_argument_bytes: i64 = 0
        # what the look ahead found
        self.survey_uses: i64 = 0
        self.survey_stack_bytes: i64 = 0
        self.survey_buffer_bytes: i64 = 0
        self.survey_tail_bytes: i64 = 0  # the most that a call in place of this function passes on the stack; -1: none

    # --- reading the body -----------------------------------------------------------------
    def offset(self) -> i64:
        """Wasm byte offset of the operator being lowered."""
        return i64(read_i32_le(self.records, self.at - 4))

    def next_operator(self) -> i64:
        """Code of the operator that follows, or -1."""
        if self.at >= len(self.records):
            return -1
        return i64(read_i32_le(self.records, self.at)) & 0xFFFF

    def next_use(self) -> i64:
        """What the operator that follows does with the value on top (`uses`)."""
        if self.at >= len(self.records):
            return ANY
        return i64(USES[i64(read_i32_le(self.records, self.at)) & 0xFFFF])

    def pool_word(self, index: i64) -> i64:
        """Word `index` of the body's pool, signed."""
        return i64(read_i32_le(self.pool, index * 4))

    def spend(self, work: i64) -> None:
        """So much of the way to the next checkpoint is behind us, where it is seen how much was written, too.

        Raises:
            ImplementationLimitError: it is too much.
        """
        self.left -= work
        if self.left <= 0:
            checkpoint()
            self.limit.check_records(len(self.asm.out) + len(self.asm.other))
            self.left = STRETCH

    def mark(self) -> None:
        """Site rows from here on belong to this operator."""
        offset = self.offset()
        if offset != self.marked:
            self.asm.at(offset)
            self.marked = offset

    def note_zero_flag(self, register: i64) -> None:
        """The instruction just written set the zero flag by what it left in `register`."""
        self.tested = register
        self.tested_at = len(self.asm.out)

    def zero_flag_tells(self, register: i64) -> bool:
        """Does the zero flag still say whether `register` is zero?"""
        return self.tested == register and self.tested_at == len(self.asm.out)

    # --- what the look ahead notes --------------------------------------------------------
    def begin_written(self, count: i64) -> None:
        """Nothing is known yet about how locals are used first."""
        while len(self.first_uses) < count:
            self.first_uses = append(self.first_uses, u8(0))
        local: i64 = 0
        while local < count:
            self.first_uses[local] = USE_UNKNOWN
            local += 1

    def first_use(self, local: i64, write: bool) -> None:
        """A use in the straight line at the start; only a local's first one counts."""
        if self.first_uses[local] == USE_UNKNOWN:
            self.first_uses[local] = USE_WRITE if write else USE_READ

    # --- the end of the frame -------------------------------------------------------------
    def leave(self) -> None:
        """Callee-saved registers are as they were, and the frame is gone. No other register is written."""
        depth: i64 = 0
        register: i64 = 0
        while register < 16:
            if self.saved_mask & bit_of(register):
                depth += 8
                self.asm.reg_mem(MOV_R64, register, RBP, -depth)
            register += 1
        self.asm.none(LEAVE)

    # --- labels and traps -----------------------------------------------------------------
    def begin_labels(self, label_count: i64, layout: CallLayout) -> None:
        """Labels of the body keep their numbers; 0 is the function's end, which takes its results."""
        self.sp = 0
        self.settled = 0
        self.tested = -1
        self.next_label = label_count + 1
        self.cold = vec[i64]()
        self.landings = []
        self.landed = []
        self.arms = -1
        self.label_heights[0] = 0
        self.label_counts[0] = layout.result_count
        self.label_types[0] = i64(layout.results[0]) if layout.result_count == 1 else 0
        self.label_kinds[0] = 0

    def new_label(self) -> i64:
        label = self.next_label
        self.next_label = label + 1
        return label

    def note_loop(self, notes: list[LoopNote], label: i64) -> None:
        """The head of a loop stands here."""
        places: list[tuple[int, int]] = []
        if self.sp == 0:
            if self.vmctx >= 0:
                places.append((IN_INTEGER_REGISTER, int(self.vmctx)))
            else:
                places.append((IN_FRAME, int(self.vmctx_place)))
            local: i64 = 0
            while local < len(self.local_types):
                if self.home_kinds[local] == HOME_REGISTER:
                    places.append((IN_INTEGER_REGISTER, int(self.homes[local])))
                elif self.home_kinds[local] == HOME_XMM:
                    places.append((IN_VECTOR_REGISTER, int(self.homes[local])))
                elif self.local_slots[local] != 0:
                    places.append((IN_FRAME, int(self.local_slots[local])))
                else:
                    places.append((NOWHERE, 0))
                local += 1
        notes.append(LoopNote(label, places))

    def note_end(self, notes: list[LoopNote], label: i64) -> None:
        """And here ends one."""
        for note in notes:
            if note.label == label:
                note.end = self.new_label()
                self.asm.bind(note.end)

    def aside(self, label: i64) -> bool:
        """What follows goes behind the function's code, up to `back`: whether it did not already."""
        if self.arms >= 0:
            return False
        self.arms = label
        self.change_place()
        return True

    def back(self) -> None:
        """What follows stands behind what stood before `aside`."""
        self.arms = -1
        self.change_place()

    def change_place(self) -> None:
        self.asm.exchange()
        self.marked = -1
        self.tested = -1

    def trap_label(self, kind: i64) -> i64:
        """A label out of line where a trap of this kind stands."""
        offset = self.offset()
        count: i64 = len(self.cold)
        if count >= 3 and self.cold[count - 1] == offset and self.cold[count - 2] == kind:
            return self.cold[count - 3]
        label = self.new_label()
        self.cold = append(append(append(self.cold, label), kind), offset)
        return label

    # --- operands -------------------------------------------------------------------------
    def slot(self, position: i64) -> i64:
        """Displacement from rbp of the slot of a stack position."""
        return -(self.slots_base + self.slot_bytes * (position + 1))

    def use_slot(self, position: i64) -> i64:
        """The same; the slot is now part of the frame."""
        if position >= self.slots_used:
            self.slots_used = position + 1
        return -(self.slots_base + self.slot_bytes * (position + 1))

    def push(self, type_: i64, kind: i64, value: i64) -> None:
        sp = self.sp
        if sp >= len(self.kinds):
            self.kinds = append(self.kinds, u8(0))
            self.types = append(self.types, u8(0))
            self.values = append(self.values, i64(0))
        self.types[sp] = u8(type_)
        self.kinds[sp] = u8(kind)
        self.values[sp] = value
        if kind < CONSTANT:  # rarely
            if kind == REGISTER:
                self.owners[value] = sp
            elif kind == XMM:
                self.owners[16 + value] = sp
        self.sp = sp + 1

    def push_local(self, local: i64) -> None:
        self.local_refs[local] = self.local_refs[local] + 1
        self.push(i64(self.local_types[local]), LOCAL, local)

    def pop(self) -> i64:
        """Take the top operand off; its entry stays readable until the next push."""
        sp = self.sp - 1
        self.sp = sp
        if sp < self.settled:
            self.settled = sp
        if self.kinds[sp] == LOCAL:
            local = self.values[sp]
            self.local_refs[local] = self.local_refs[local] - 1
        return sp

    def release(self, p: i64) -> None:
        """Give back the register of a popped operand."""
        kind = i64(self.kinds[p])
        if kind == REGISTER:
            self.free |= bit_of(self.values[p]) & self.pool_mask  # a function's result may wait in rax
        elif kind == XMM:
            self.free_xmm |= bit_of(self.values[p])

    def drop_to(self, height: i64) -> None:
        """Forget the operands above `height`."""
        while self.sp > height:
            self.release(self.pop())

    # --- general registers ----------------------------------------------------------------
    def take(self) -> i64:
        """A register of the pool; makes room if there is none."""
        free = self.free
        if free == 0:
            self.evict(REGISTER)
            free = self.free
        register = lowest_bit(free)
        self.free = free & ~bit_of(register)
        return register

    def take_xmm(self) -> i64:
        free = self.free_xmm
        if free == 0:
            self.evict(XMM)
            free = self.free_xmm
        register = lowest_bit(free)
        self.free_xmm = free & ~bit_of(register)
        return register

    def give(self, register: i64) -> None:
        self.free |= bit_of(register)

    def give_xmm(self, register: i64) -> None:
        self.free_xmm |= bit_of(register)

    def evict(self, kind: i64) -> None:
        """Write the deepest operand of a kind to its slot: it is wanted last."""
        deepest = self.sp
        if kind == REGISTER:
            deepest = self.deepest_in(self.pool_mask & ~self.free, 0, -1, deepest)
        else:
            deepest = self.deepest_in(self.pool_xmm & ~self.free_xmm, 16, -1, deepest)
        if deepest == self.sp:
            raise InternalError(f"no register left at offset {self.offset():#x}")
        self.to_slot(deepest)

    def deepest_in(self, registers: i64, first: i64, above: i64, below: i64) -> i64:
        """The deepest operand, of those between `above` and `below`, that is in one of the registers; else `below`.

        `first`: 0 for a mask of general registers, 16 for one of xmm registers.
        """
        kind: i64 = REGISTER if first == 0 else XMM
        while registers != 0:
            register = lowest_bit(registers)
            registers &= registers - 1
            p = self.owners[first + register]
            if p > above and p < below and self.kinds[p] == kind and self.values[p] == register:
                below = p
        return below

    def registers_to_slots(self, height: i64) -> None:
        """Operands below `height` that are in registers of the pool go to their slots, the deepest first."""
        p: i64 = -1
        while True:
            general = self.pool_mask & ~self.free
            vectors = self.pool_xmm & ~self.free_xmm
            if general == 0 and vectors == 0:
                return
            p = self.deepest_in(vectors, 16, p, self.deepest_in(general, 0, p, height))
            if p >= height:
                return
            self.to_slot(p)

    def store_register(self, type_: i64, displacement: i64, register: i64) -> None:
        """Write a general register to the frame."""
        if type_ == I32:
            self.asm.reg_mem(MOV_MEM_R32, register, RBP, displacement)
        else:
            self.asm.reg_mem(MOV_MEM_R64, register, RBP, displacement)

    def load_register(self, type_: i64, register: i64, displacement: i64) -> None:
        """Read a general register from the frame."""
        if type_ == I32:
            self.asm.reg_mem(MOV_R32, register, RBP, displacement)
        else:
            self.asm.reg_mem(MOV_R64, register, RBP, displacement)

    def move_register(self, type_: i64, to: i64, source: i64) -> None:
        if to != source:
            if type_ == I32:
                self.asm.reg_reg(MOV_R32, to, source)
            else:
                self.asm.reg_reg(MOV_R64, to, source)

    def load_constant(self, register: i64, value: i64) -> None:
        """Shortest form; leaves the flags alone."""
        if 0 <= value and value <= 0xFFFFFFFF:
            signed = value
            if value > 0x7FFFFFFF:
                signed = value - 0x100000000
            self.asm.register_immediate_short(MOV_R32_IMM, register, signed)
        elif value >= -0x80000000 and value < 0:
            self.asm.reg_imm(MOV_RM64_IMM, register, value)
        else:
            self.asm.wide_immediate(MOV_R64_IMM, register, value)

    def load_integer_constant(self, type_: i64, register: i64, value: i64) -> None:
        """A constant operand of that type; an i32 leaves the upper half zero."""
        if type_ == I32:
            self.load_constant(register, value & 0xFFFFFFFF)
        else:
            self.load_constant(register, value)

    def load(self, p: i64, register: i64) -> None:
        """Copy integer operand `p` into `register`."""
        kind = i64(self.kinds[p])
        type_ = i64(self.types[p])
        value = self.values[p]
        if kind == REGISTER:
            self.move_register(type_, register, value)
        elif kind == LOCAL:
            if self.home_kinds[value] == HOME_REGISTER:
                self.move_register(type_, register, self.homes[value])
            else:
                self.load_register(type_, register, self.local_slots[value])
        elif kind == CONSTANT:
            self.load_integer_constant(type_, register, value)
        elif kind == SLOT:
            self.load_register(type_, register, self.slot(p))
        else:
            self.asm.reg_reg(SETCC + value, 0, register)
            self.asm.reg_reg(MOVZX_R32_R8, register, register)

    def in_register(self, p: i64) -> i64:
        """The register that holds integer operand `p` already, or -1."""
        kind = i64(self.kinds[p])
        if kind == REGISTER:
            return self.values[p]
        if kind == LOCAL and self.home_kinds[self.values[p]] == HOME_REGISTER:
            return self.homes[self.values[p]]
        return -1

    def readable(self, p: i64, scratch: i64) -> i64:
        """A register with integer operand `p` that may be read; `scratch` if it must be loaded."""
        register = self.in_register(p)
        if register >= 0:
            return register
        self.load(p, scratch)
        return scratch

    def in_frame(self, p: i64) -> i64:
        """Displacement of operand `p` if it lies in the frame, else 0."""
        kind = i64(self.kinds[p])
        if kind == SLOT:
            return self.slot(p)
        if kind == LOCAL and self.home_kinds[self.values[p]] == HOME_SLOT:
            return self.local_slots[self.values[p]]
        return 0

    def owned(self, p: i64) -> i64:
        """A pool register with integer operand `p` that may be overwritten."""
        if self.kinds[p] == REGISTER:
            return self.values[p]
        register = self.take()
        self.load(p, register)
        return register

    # --- xmm registers --------------------------------------------------------------------
    def store_xmm(self, type_: i64, displacement: i64, register: i64) -> None:
        if type_ == F64:
            self.asm.reg_mem(MOVSD_STORE, register, RBP, displacement)
        elif type_ == F32:
            self.asm.reg_mem(MOVSS_STORE, register, RBP, displacement)
        else:
            self.asm.reg_mem(MOVUPS_STORE, register, RBP, displacement)

    def load_xmm_frame(self, type_: i64, register: i64, displacement: i64) -> None:
        if type_ == F64:
            self.asm.reg_mem(MOVSD, register, RBP, displacement)
        elif type_ == F32:
            self.asm.reg_mem(MOVSS, register, RBP, displacement)
        else:
            self.asm.reg_mem(MOVUPS, register, RBP, displacement)

    def move_xmm(self, to: i64, source: i64) -> None:
        if to != source:
            self.asm.reg_reg(MOVAPS, to, source)

    def load_float_constant(self, type_: i64, register: i64, value: i64) -> None:
        """The bits `value`; for v128 they are a place in the constants."""
        if type_ == V128:
            self.asm.reg_constant(MOVUPS, register, value)
        elif value == 0:
            self.asm.reg_reg(XORPS, register, register)
        elif type_ == F32:
            self.asm.reg_constant(MOVSS, register, self.constants.word32(value))
        else:
            self.asm.reg_constant(MOVSD, register, self.constants.word64(value))

    def load_xmm(self, p: i64, register: i64) -> None:
        """Copy float or vector operand `p` into an xmm register."""
        kind = i64(self.kinds[p])
        type_ = i64(self.types[p])
        value = self.values[p]
        if kind == XMM:
            self.move_xmm(register, value)
        elif kind == LOCAL:
            if self.home_kinds[value] == HOME_XMM:
                self.move_xmm(register, self.homes[value])
            else:
                self.load_xmm_frame(type_, register, self.local_slots[value])
        elif kind == CONSTANT:
            self.load_float_constant(type_, register, value)
        else:
            self.load_xmm_frame(type_, register, self.slot(p))

    def in_xmm(self, p: i64) -> i64:
        """The xmm register that holds operand `p` already, or -1."""
        kind = i64(self.kinds[p])
        if kind == XMM:
            return self.values[p]
        if kind == LOCAL and self.home_kinds[self.values[p]] == HOME_XMM:
            return self.homes[self.values[p]]
        return -1

    def readable_xmm(self, p: i64, scratch: i64) -> i64:
        register = self.in_xmm(p)
        if register >= 0:
            return register
        self.load_xmm(p, scratch)
        return scratch

    def owned_xmm(self, p: i64) -> i64:
        if self.kinds[p] == XMM:
            return self.values[p]
        register = self.take_xmm()
        self.load_xmm(p, register)
        return register

    # --- results --------------------------------------------------------------------------
    def target_home(self, kind: i64) -> i64:
        """Where the next operator wants an integer (or float) result at once; -1 if anywhere will do.

        That is the home of the local it is stored in, if its home is of `kind`, or rax if it
        is the function's own result. Call it when the operands are popped: a home that an
        operand below still refers to is not offered.
        """
        at = self.at
        if at >= len(self.records):
            return -1
        use = USES[i64(read_i32_le(self.records, at)) & 0xFFFF]
        if use == ANY:
            return -1
        if use == SETS_LOCAL or use == TEES_LOCAL:
            local = i64(read_i32_le(self.records, at + 4))
            if self.home_kinds[local] == kind and self.local_refs[local] == 0:
                return self.homes[local]
        elif kind == HOME_REGISTER and (use == RETURNS or (use == ENDS and at + RECORD_BYTES == len(self.records))):
            if self.label_counts[0] == 1:
                return RAX
        return -1

    def result(self, type_: i64, register: i64, target: i64) -> None:
        """Push a result; `target` is what `target_home` offered (and then holds it)."""
        if target > RAX:
            self.stored_in_home()
        else:
            self.push(type_, REGISTER, register)

    def result_xmm(self, type_: i64, register: i64, target: i64) -> None:
        if target >= 0:
            self.stored_in_home()
        else:
            self.push(type_, XMM, register)

    def stored_in_home(self) -> None:
        """The next operator, local.set or local.tee, is done already: pass over it."""
        at = self.at
        self.at = at + RECORD_BYTES
        if USES[i64(read_i32_le(self.records, at)) & 0xFFFF] == TEES_LOCAL:
            self.push_local(i64(read_i32_le(self.records, at + 4)))

    # --- making paths agree ---------------------------------------------------------------
    def to_slot(self, p: i64) -> None:
        """Write operand `p`, still on the stack, to its slot. Leaves the flags alone."""
        kind = i64(self.kinds[p])
        if kind == SLOT:
            return
        type_ = i64(self.types[p])
        value = self.values[p]
        displacement = self.use_slot(p)
        if kind == REGISTER:
            self.store_register(type_, displacement, value)
            self.give(value)
        elif kind == XMM:
            self.store_xmm(type_, displacement, value)
            self.give_xmm(value)
        elif is_float(type_):
            register = self.readable_xmm(p, XMM_SCRATCH)
            self.store_xmm(type_, displacement, register)
        else:
            register = self.readable(p, RAX)
            self.store_register(type_, displacement, register)
        if kind == LOCAL:
            self.local_refs[value] = self.local_refs[value] - 1
        self.kinds[p] = SLOT

    def flush(self, from_height: i64) -> None:
        """Operands from a height upwards go to their slots; constants below a join may stay."""
        p = from_height
        while p < self.sp:
            self.to_slot(p)
            p += 1

    def settle(self) -> None:
        """Before control flow splits or joins: only slots and constants remain."""
        self.settle_below(self.sp)

    def settle_below(self, height: i64) -> None:
        """Of the operands below a height only slots and constants remain."""
        p = self.settled
        while p < height:
            kind = i64(self.kinds[p])
            if kind != SLOT and kind != CONSTANT:
                self.to_slot(p)
            p += 1
        self.settled = p

    def detach_local(self, local: i64) -> None:
        """Before local `local` is written: operands that stand for its old value get a copy."""
        if self.sp - self.settled > LOOKED_THROUGH:
            self.settle_below(self.sp - LOOKED_THROUGH // 2)
        p = self.settled
        while p < self.sp and self.local_refs[local] > 0:
            if self.kinds[p] == LOCAL and self.values[p] == local:
                type_ = i64(self.types[p])
                if is_float(type_):
                    register = self.take_xmm()
                    self.load_xmm(p, register)
                    self.kinds[p] = XMM
                    self.owners[16 + register] = p
                else:
                    register = self.take()
                    self.load(p, register)
                    self.kinds[p] = REGISTER
                    self.owners[register] = p
                self.values[p] = register
                self.local_refs[local] = self.local_refs[local] - 1
            p += 1
