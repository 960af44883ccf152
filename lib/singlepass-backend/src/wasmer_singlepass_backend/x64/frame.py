"""The frame of a function: where its locals live, its prologue and its epilogue.

::

    rbp + 16 …   stack arguments; of functions that are called in place of this one, too (`survey_tail_bytes`)
    rbp + 8      return address
    rbp          caller's rbp
    rbp - 8 …    callee-saved registers that this function writes
                 slots of locals that have no register of their own
                 vmctx, if there are loops and no register has it: a call may go on elsewhere at the head of one
                 address of the caller's result buffer (several results)
                 buffer for the results of functions called (several results)
                 slots of the operand stack
    rsp …        stack arguments of calls

The prologue is written last, when the depth of the operand slots is known, and put in
front of the records of the body.

*Homes.* The validator counted each local's uses, weighted by loop depth. The most used
integer locals get the general registers at hand, the most used floats get xmm registers. A
register that a callee would clobber is worth it only if the local is used more often than
saved and read back around calls. Everything else stays in its slot.
"""

from __future__ import annotations

from librt.strings import read_i32_le
from librt.vecs import append

from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    BELOW,
)
from wasmer_runtime_core.contract.convention import IN_INTEGER_REGISTER, IN_VECTOR_REGISTER, ON_STACK, RESULT_SLOT_BYTES
from wasmer_runtime_core.contract.helpers import MAKE_ROOM
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import MOST_FRAME_BYTES, STORE, UNCHECKED_FRAME_BYTES, VMCTX
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.support.annotations import Final, i64, u8
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.types import F32, I32, V128
from wasmer_singlepass_backend.x64.abi import CallLayout
from wasmer_singlepass_backend.x64.assembler import number
from wasmer_singlepass_backend.x64.function import (
    HOME_REGISTER,
    HOME_SLOT,
    HOME_XMM,
    JCC,
    MOV_MEM_R64,
    MOV_R64,
    OWN_ARGUMENTS,
    USE_WRITE,
    XORPS,
    FunctionCompiler,
    bit_of,
    is_float,
)
from wasmer_singlepass_backend.x64.moves import MoveSet
from wasmer_singlepass_backend.x64.registers import (
    CALLEE_SAVED_MASK,
    CALLING_HOMES,
    CALLING_MEMORY,
    CALLING_POOL_MASK,
    CALLING_SAVED_HOMES,
    CALLING_VMCTX,
    FLOAT_HOMES,
    FLOAT_POOL_MASK,
    LEAF_HOMES,
    LEAF_MEMORY,
    LEAF_POOL_MASK,
    LEAF_VMCTX,
    R10,
    RAX,
    RBP,
    RCX,
    RDI,
    RDX,
    RSI,
    RSP,
    XMM_RESULT,
    XMM_SCRATCH,
)

PUSH: Final[i64] = number(forms.PUSH_R64)
POP: Final[i64] = number(forms.POP_R64)
RET: Final[i64] = number(forms.RET)
TRAP: Final[i64] = number(forms.TRAP)
LEA_R64: Final[i64] = number(forms.LEA_R64_M)
CMP_R64: Final[i64] = number(forms.CMP_R64_RM64)
SUB_R64_IMM8: Final[i64] = number(forms.SUB_RM64_IMM8)
SUB_R64_IMM32: Final[i64] = number(forms.SUB_RM64_IMM32)
XOR_R32: Final[i64] = number(forms.XOR_R32_RM32)
MOV_MEM_IMM64: Final[i64] = number(forms.MOV_RM64_IMM32)
REP_STOSQ: Final[i64] = number(forms.REP_STOSQ)
CALL_RM64: Final[i64] = number(forms.CALL_RM64)
MAKE_ROOM_ENTRY: Final[i64] = i64(MAKE_ROOM)

STACK_OVERFLOW: Final[i64] = i64(BY_NAME["STACK_OVERFLOW"].number)
STORE_OFFSET: Final[i64] = i64(VMCTX["store"].offset)
STACK_LIMIT_OFFSET: Final[i64] = i64(STORE["stack_limit"].offset)
MEMORY_BASE_OFFSET: Final[i64] = i64(VMCTX["memory_base"].offset)

MANY_SLOTS: Final = 16
"""From this many slots to zero on, one string instruction does it."""

SMALL_FRAME: Final[i64] = i64(UNCHECKED_FRAME_BYTES)
MOST_FRAME: Final[i64] = i64(MOST_FRAME_BYTES)


def begin(f: FunctionCompiler, body: Body, layout: CallLayout, uses: i64, stack_bytes: i64, buffer_bytes: i64) -> None:
    """Deal out registers and frame for a function; nothing is emitted."""
    calls = body.call_weight > 0 or body.calls > 0
    needs_memory = body.memory_accesses > 0 and not f.bounds_checks
    through_vmctx = f.bounds_checks or len(f.view.memory_offsets) > 1
    needs_vmctx = uses & USES_VMCTX != 0 or calls or (body.memory_accesses > 0 and through_vmctx)
    local_types = body.local_types
    count: i64 = len(local_types)
    f.spend(count >> 3)  # each is looked at for every register
    f.local_types = local_types
    f.local_weights = body.local_weights
    while len(f.homes) < count:
        f.homes = append(f.homes, i64(0))
        f.home_kinds = append(f.home_kinds, u8(0))
        f.local_slots = append(f.local_slots, i64(0))
        f.local_refs = append(f.local_refs, i64(0))
    i: i64 = 0
    while i < count:
        f.home_kinds[i] = HOME_SLOT
        f.local_refs[i] = 0
        f.local_slots[i] = 0
        i += 1
    f.volatile_homes = []
    f.saved_mask = 0
    f.vmctx = -1
    f.vmctx_place = 0
    f.memory = -1
    if calls:
        f.pool_mask = CALLING_POOL_MASK
        f.vmctx = CALLING_VMCTX
        f.saved_mask |= bit_of(f.vmctx)
        if needs_memory:
            f.memory = CALLING_MEMORY
            f.saved_mask |= bit_of(f.memory)
        call_weight: i64 = body.call_weight
        _home_integers(f, CALLING_HOMES, 0)
        _home_integers(f, CALLING_SAVED_HOMES, call_weight)
        _home_floats(f, call_weight)
    else:
        f.pool_mask = LEAF_POOL_MASK
        if needs_vmctx:
            f.vmctx = LEAF_VMCTX
            f.pool_mask &= ~bit_of(f.vmctx)
        if needs_memory:
            f.memory = LEAF_MEMORY
        else:
            f.pool_mask |= bit_of(LEAF_MEMORY)
        _home_integers(f, LEAF_HOMES, 0)
        _home_floats(f, 0)
    f.free = f.pool_mask
    f.free_xmm = f.pool_xmm
    _lay_out(f, layout, uses, buffer_bytes, f.vmctx < 0 and len(body.loops) > 0)
    f.stack_argument_bytes = stack_bytes


USES_VMCTX: Final = 1
USES_VECTORS: Final = 2


def _weight(f: FunctionCompiler, local: i64) -> i64:
    return i64(read_i32_le(f.local_weights, local * 4)) & 0xFFFFFFFF


def _home_integers(f: FunctionCompiler, registers: tuple[int, ...], call_weight: i64) -> None:
    """Give the registers to the most used integer locals that have none yet."""
    best = _most_used(f, False)
    for boxed in registers:
        register: i64 = boxed
        if register == f.memory:
            continue
        preserved = CALLEE_SAVED_MASK & bit_of(register) != 0
        least: i64 = 1
        if call_weight > 0:
            least = 2 * call_weight + 2
        elif preserved:
            least = 3
        if best < 0 or _weight(f, best) < least:
            if not preserved:
                f.pool_mask |= bit_of(register)
            continue
        f.home_kinds[best] = HOME_REGISTER
        f.homes[best] = register
        if preserved:
            f.saved_mask |= bit_of(register)
        elif call_weight > 0:
            f.volatile_homes.append(best)
        best = _most_used(f, False)


def _home_floats(f: FunctionCompiler, call_weight: i64) -> None:
    f.pool_xmm = FLOAT_POOL_MASK
    best = _most_used(f, True)
    for boxed in FLOAT_HOMES:
        register: i64 = boxed
        if best < 0 or _weight(f, best) < 2 * call_weight + 1:
            f.pool_xmm |= bit_of(register)
            continue
        f.home_kinds[best] = HOME_XMM
        f.homes[best] = register
        if call_weight > 0:
            f.volatile_homes.append(best)
        best = _most_used(f, True)


def _most_used(f: FunctionCompiler, floats: bool) -> i64:
    """The local of that class with the greatest weight that has no register yet, or -1."""
    best: i64 = -1
    best_weight: i64 = 0
    types = f.local_types
    weights = f.local_weights
    count: i64 = len(types)
    local: i64 = 0
    while local < count:
        weight = i64(read_i32_le(weights, local * 4)) & 0xFFFFFFFF
        if weight > best_weight and f.home_kinds[local] == HOME_SLOT and is_float(i64(types[local])) == floats:
            best = local
            best_weight = weight
        local += 1
    return best


def _lay_out(f: FunctionCompiler, layout: CallLayout, uses: i64, buffer_bytes: i64, keeps_vmctx: bool) -> None:
    """Displacements of everything in the frame above the operand slots."""
    depth: i64 = 0
    mask = f.saved_mask
    while mask:
        depth += 8
        mask &= mask - 1
    vectors = uses & USES_VECTORS != 0
    if vectors:
        depth = (depth + 15) & -16
    types = f.local_types
    local: i64 = 0
    count: i64 = len(types)
    # What came on the stack lives there where tail calls pass arguments on: as a rule most stay where they are.
    in_place: i64 = 0
    if f.survey_tail_bytes >= 0:
        in_place = layout.param_count
    while local < count:
        if f.home_kinds[local] != HOME_SLOT or _weight(f, local) == 0:
            pass
        elif local < in_place and layout.wheres[local] == ON_STACK:
            f.local_slots[local] = OWN_ARGUMENTS + layout.places[local]
        else:
            depth += 16 if types[local] == V128 else 8
            if types[local] == V128:
                depth = (depth + 15) & -16
            f.local_slots[local] = -depth
        local += 1
    for boxed in f.volatile_homes:
        local = boxed
        depth += 16 if types[local] == V128 else 8
        if types[local] == V128:
            depth = (depth + 15) & -16
        f.local_slots[local] = -depth
    if keeps_vmctx:
        depth += 8
        f.vmctx_place = -depth
    if layout.buffered:
        depth += 8
        f.result_pointer = -depth
    if buffer_bytes > 0:
        depth = (depth + buffer_bytes + 15) & -16
        f.buffer_place = -depth
    f.slot_bytes = 16 if vectors else 8
    if vectors:
        depth = (depth + 15) & -16
    f.slots_base = depth
    f.slots_used = 0


def prologue(f: FunctionCompiler, body: Body, layout: CallLayout) -> None:
    """Everything from the entry to the first operator.

    Raises:
        CompileError: the frame is too large.
    """
    asm = f.asm
    size = (f.slots_base + f.slot_bytes * f.slots_used + f.stack_argument_bytes + 15) & -16
    if size > MOST_FRAME:
        raise CompileError(
            f"function {body.function_index} needs a frame of {size:,} bytes on the stack; the most is {MOST_FRAME:,}"
        )
    room = f.survey_tail_bytes
    if room > layout.stack_bytes:
        f.load_constant(R10, (room >> 4) | (layout.stack_bytes >> 4 << 16))
        asm.through_table(CALL_RM64, MAKE_ROOM_ENTRY)
    else:
        room = 0
    asm.none(PUSH, RBP)
    asm.reg_reg(MOV_R64, RBP, RSP)
    if body.call_weight > 0 or body.calls > 0 or size > SMALL_FRAME or room > 0:
        asm.reg_mem(MOV_R64, RAX, RDI, STORE_OFFSET)
        label = f.new_label()
        f.cold = append(append(append(f.cold, label), STACK_OVERFLOW), i64(body.offset))
        if size > SMALL_FRAME:
            asm.reg_mem(LEA_R64, 11, RSP, -size)
            asm.reg_mem(CMP_R64, 11, RAX, STACK_LIMIT_OFFSET)
        else:
            asm.reg_mem(CMP_R64, RSP, RAX, STACK_LIMIT_OFFSET)
        asm.jump(JCC + BELOW, label)
    if size > 0:
        if size < 128:
            asm.reg_imm(SUB_R64_IMM8, RSP, size)
        else:
            asm.reg_imm(SUB_R64_IMM32, RSP, size)
    _save_registers(f)
    if f.vmctx_place != 0:
        asm.reg_mem(MOV_MEM_R64, RDI, RBP, f.vmctx_place)
    _receive(f, body, layout)
    if f.memory >= 0:
        asm.reg_mem(MOV_R64, f.memory, f.vmctx if f.vmctx >= 0 else RDI, MEMORY_BASE_OFFSET)
    _zero_locals(f, body, layout.param_count)


def _save_registers(f: FunctionCompiler) -> None:
    depth: i64 = 0
    register: i64 = 0
    while register < 16:
        if f.saved_mask & bit_of(register):
            depth += 8
            f.asm.reg_mem(MOV_MEM_R64, register, RBP, -depth)
        register += 1


def _receive(f: FunctionCompiler, body: Body, layout: CallLayout) -> None:
    """Arguments go from where the caller put them to their homes."""
    asm = f.asm
    if layout.buffered:
        asm.reg_mem(MOV_MEM_R64, RSI, RBP, f.result_pointer)
    moves = MoveSet()
    i: i64 = 0
    while i < layout.param_count:  # first what goes to memory: it frees no register but clobbers none
        place = layout.places[i]
        type_ = i64(f.local_types[i])
        if f.home_kinds[i] == HOME_SLOT and f.local_slots[i] > 0:
            pass
        elif f.home_kinds[i] == HOME_SLOT and f.local_slots[i] != 0:
            if layout.wheres[i] == IN_INTEGER_REGISTER:
                f.store_register(type_, f.local_slots[i], place)
            elif layout.wheres[i] == IN_VECTOR_REGISTER:
                f.store_xmm(type_, f.local_slots[i], place)
            elif is_float(type_):
                f.load_xmm_frame(type_, XMM_SCRATCH, 16 + place)
                f.store_xmm(type_, f.local_slots[i], XMM_SCRATCH)
            else:
                f.load_register(type_, RAX, 16 + place)
                f.store_register(type_, f.local_slots[i], RAX)
        elif f.home_kinds[i] != HOME_SLOT:
            if layout.wheres[i] == IN_INTEGER_REGISTER:
                moves.add(f.homes[i], place, type_ == I32)
            elif layout.wheres[i] == IN_VECTOR_REGISTER:
                moves.add_xmm(f.homes[i], place)
        i += 1
    if f.vmctx >= 0 and f.vmctx != RDI:
        moves.add(f.vmctx, RDI, False)
    moves.emit(asm)
    i = 0
    while i < layout.param_count:
        type_ = i64(f.local_types[i])
        if layout.wheres[i] == IN_INTEGER_REGISTER or layout.wheres[i] == IN_VECTOR_REGISTER:
            i += 1
            continue
        if f.home_kinds[i] == HOME_REGISTER:
            f.load_register(type_, f.homes[i], 16 + layout.places[i])
        elif f.home_kinds[i] == HOME_XMM:
            f.load_xmm_frame(type_, f.homes[i], 16 + layout.places[i])
        i += 1


def _zero_locals(f: FunctionCompiler, body: Body, first: i64) -> None:
    """Declared locals begin as zero or null, unless they are written before they are read."""
    asm = f.asm
    count: i64 = len(f.local_types)
    slots: i64 = 0
    local = first
    while local < count:
        kind = i64(f.home_kinds[local])
        if f.first_uses[local] == USE_WRITE:
            pass
        elif kind == HOME_REGISTER:
            asm.reg_reg(XOR_R32, f.homes[local], f.homes[local])
        elif kind == HOME_XMM:
            asm.reg_reg(XORPS, f.homes[local], f.homes[local])
        elif f.local_slots[local] != 0:
            slots += 1
        local += 1
    if slots > MANY_SLOTS:
        _zero_rest(f, first)
    elif slots > 0:
        local = first
        while local < count:
            if f.home_kinds[local] == HOME_SLOT and f.local_slots[local] != 0 and f.first_uses[local] != USE_WRITE:
                _zero_slot(f, local)
            local += 1


def _zero_slot(f: FunctionCompiler, local: i64) -> None:
    if f.local_types[local] == V128:
        f.asm.reg_reg(XORPS, XMM_SCRATCH, XMM_SCRATCH)
        f.store_xmm(V128, f.local_slots[local], XMM_SCRATCH)
    else:
        f.asm.mem_imm(MOV_MEM_IMM64, RBP, f.local_slots[local], 0)


def _zero_rest(f: FunctionCompiler, first: i64) -> None:
    """Zero the slots of all declared locals at once: they are neighbours in the frame."""
    asm = f.asm
    lowest: i64 = 0
    highest: i64 = 0
    local = first
    count: i64 = len(f.local_types)
    while local < count:
        place = f.local_slots[local]
        if f.home_kinds[local] == HOME_SLOT and place != 0:
            if place < lowest:
                lowest = place
            top = place + (16 if f.local_types[local] == V128 else 8)
            if highest == 0 or top > highest:
                highest = top
        local += 1
    # rdi and rcx are written: a leaf's vmctx and the homes among them are saved in scratch registers
    if f.vmctx == RDI:
        asm.reg_reg(MOV_R64, RDX, RDI)
    asm.reg_mem(LEA_R64, RDI, RBP, lowest)
    f.load_constant(RCX, (highest - lowest) >> 3)
    asm.reg_reg(XOR_R32, RAX, RAX)
    asm.none(REP_STOSQ)
    if f.vmctx == RDI:
        asm.reg_reg(MOV_R64, RDI, RDX)


def epilogue(f: FunctionCompiler, layout: CallLayout) -> None:
    """From label 0 on: results go to the caller, registers are restored."""
    asm = f.asm
    asm.bind(0)
    if layout.buffered:
        asm.reg_mem(MOV_R64, RCX, RBP, f.result_pointer)
        i: i64 = layout.result_count - 1
        while i >= 0:
            type_ = i64(layout.results[i])
            displacement = f.use_slot(i)
            if is_float(type_):
                target: i64 = XMM_RESULT if i == 0 else XMM_SCRATCH
                f.load_xmm_frame(type_, target, displacement)
                if i > 0:
                    _store_xmm_at(f, type_, RCX, RESULT_SLOT_BYTES * (i - 1))
            else:
                f.load_register(type_, RAX, displacement)
                if i > 0:
                    asm.reg_mem(MOV_MEM_R64, RAX, RCX, RESULT_SLOT_BYTES * (i - 1))
            i -= 1
    f.leave()
    asm.none(RET)


MOVUPS_STORE: Final[i64] = number(forms.MOVUPS_XM128_XMM)
MOVSS_STORE: Final[i64] = number(forms.MOVSS_XM32_XMM)
MOVSD_STORE: Final[i64] = number(forms.MOVSD_XM64_XMM)


def _store_xmm_at(f: FunctionCompiler, type_: i64, base: i64, displacement: i64) -> None:
    if type_ == V128:
        f.asm.reg_mem(MOVUPS_STORE, XMM_SCRATCH, base, displacement)
    elif type_ == F32:
        f.asm.reg_mem(MOVSS_STORE, XMM_SCRATCH, base, displacement)
    else:
        f.asm.reg_mem(MOVSD_STORE, XMM_SCRATCH, base, displacement)


def cold(f: FunctionCompiler) -> None:
    """The traps that were put out of line."""
    asm = f.asm
    rows = f.cold
    i: i64 = 0
    count: i64 = len(rows)
    while i < count:
        asm.bind(rows[i])
        asm.at(rows[i + 2])
        asm.none(TRAP, 0, rows[i + 1])
        i += 3
