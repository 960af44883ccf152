"""Allocated code becomes instruction records, which core encodes.

Blocks stand in the order of the code. Where a block ends, its edges are taken care of: what the edge to the
next block moves stands there; an edge that is jumped to and moves something becomes a *stub* behind the function,
moves and a jump; a condition is turned round where that saves a jump.

An operand that the allocator left in memory becomes ``[rbp - n]`` by a change of mode, if the
instruction has one register-or-memory operand and this is it; `RM_MAY_BE_MEMORY` said so.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter, write_i64_le
from mypy_extensions import i64

from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.machine.code import (
    ATOMIC,
    COPIES,
    ENTRY,
    FIRST_XMM,
    IMPLICIT,
    IN_MEMORY,
    LEAVE,
    REG_READ,
    RM_READ,
    TERMINATOR,
    THIRD_WRITTEN,
    Code,
)
from wasmer_clif_backend.machine.moves import in_order
from wasmer_clif_backend.machine.x64.atomic import emit_atomic
from wasmer_clif_backend.machine.x64.frame import Frame
from wasmer_clif_backend.machine.x64.registers import SCRATCH
from wasmer_clif_backend.regalloc.allocation import FIRST_SLOT, Allocation
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import AT, BIND, LABEL, LABEL_DIFFERENCE, MEM, NONE, REG
from wasmer_runtime_core.codegen.x64.registers import BELOW, R11, RAX, RBP, RDI, RSP
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import MOST_FRAME_BYTES, STORE, UNCHECKED_FRAME_BYTES, VMCTX
from wasmer_runtime_core.errors import CompileError

IN_FRAME: Final = 1 << 24
"""In the column `mode`: the displacement is from where the function's own stack slots begin."""
TABLE_JUMP: Final = 1 << 25
"""In the column `mode`: the instruction refers to the table of jumps of its block, which is emitted behind the code."""
TRAP_LABEL: Final = 1 << 26
"""In the column `mode`: the displacement is a kind of trap, which is made behind the code."""
FOURTH: Final = 1 << 27
"""In the column `mode`: the register in `index` is the fourth operand, which stands in the immediate."""
NO_EDGE: Final = -1

_JMP: Final[i64] = forms.JMP_REL32.number
_JCC: Final[i64] = forms.JCC_REL32.number
_LEA: Final[i64] = forms.LEA_R64_M.number
_CMP: Final[i64] = forms.CMP_R64_RM64.number
_MOV: Final[i64] = forms.MOV_R64_RM64.number
_MOV_STORE: Final[i64] = forms.MOV_RM64_R64.number
_MOVAPS: Final[i64] = forms.VMOVAPS_XMM_XM128.number
_MOVAPS_STORE: Final[i64] = forms.VMOVAPS_XM128_XMM.number
_MOVQ_TO_XMM: Final[i64] = forms.VMOVQ_XMM_RM64.number
_MOVQ_FROM_XMM: Final[i64] = forms.VMOVQ_RM64_XMM.number
_PUSH: Final[i64] = forms.PUSH_R64.number
_LEAVE: Final[i64] = forms.LEAVE.number
_SUB8: Final[i64] = forms.SUB_RM64_IMM8.number
_SUB32: Final[i64] = forms.SUB_RM64_IMM32.number
_TRAP: Final[i64] = forms.TRAP.number
_WORD: Final = 0xFFFF_FFFF


@final
class Emitter:
    """Writes the records of one function.

    Labels: a block has its number; behind them the stub of each edge, the table of jumps of each block, the traps.
    """

    def __init__(self, function: Function, code: Code, allocation: Allocation, stack_check: int = -1) -> None:
        self.stack_check: Final = stack_check
        self.function: Final = function
        self.code: Final = code
        self.out: Final = allocation
        self.frame: Final = Frame(code, allocation)
        if self.frame.size > MOST_FRAME_BYTES:
            raise CompileError(
                f"function {function.name} needs a frame of {self.frame.size:,} bytes on the stack; "
                f"the most is {MOST_FRAME_BYTES:,}"
            )
        self.records = BytesWriter()
        self.stubs: list[int] = []
        self.stub_seen: set[int] = set()
        self.tables: list[int] = []
        self.traps: list[tuple[int, int]] = []
        """Kind and source of those behind the code; one for all that share both."""
        self.trap_numbers: dict[tuple[int, int], int] = {}
        self.loops: i64 = 0
        self.at: i64 = -1
        self.edit: int = 0

    def run(self) -> bytes:
        """The records."""
        code = self.code
        order = code.order
        for number, b in enumerate(order):
            following = order[number + 1] if number + 1 < len(order) else 0
            self.record(BIND, NONE, 0, 0, 0, 0, 0, 0, b, 0)
            i = code.block_first[b]
            end = code.block_end[b]
            while i < end:
                self._edits(2 * i)
                self._edits(2 * i + 1)
                if code.roles[i] & TERMINATOR and code.mode[i] & 0xFF == LABEL:
                    self._branch(i, following, i == end - 1)
                else:
                    self._instruction(i, b)
                i += 1
        for e in self.stubs:
            self.record(BIND, NONE, 0, 0, 0, 0, 0, 0, self._stub(e), 0)
            self._moves(self.out.edges[e])
            self._jump(_JMP, self.function.edge_to[e])
        for label, (kind, source) in enumerate(self.traps):
            self.record(BIND, NONE, 0, 0, 0, 0, 0, 0, self._trap(label), 0)
            self.record(AT, NONE, 0, 0, 0, 0, 0, 0, source, 0)
            self.record(_TRAP, NONE, 0, 0, 0, 0, 0, kind, 0, 0)
        for b in self.tables:
            table = self._table(b)
            self.record(BIND, NONE, 0, 0, 0, 0, 0, 0, table, 0)
            for e in self.function.edges(b):
                self.record(LABEL_DIFFERENCE, NONE, 0, 0, 0, 0, 0, 0, self._target(e), table)
        return self.records.getvalue()

    # --- labels ---------------------------------------------------------------------------------------

    def _stub(self, e: i64) -> i64:
        return self.function.block_count + e

    def _table(self, b: i64) -> i64:
        return self.function.block_count + self.function.edge_count + b

    def _trap(self, number: i64) -> i64:
        return 2 * (self.function.block_count + number) + self.function.edge_count

    def new_label(self) -> i64:
        """A label between the others."""
        self.loops += 1
        return self._trap(self.loops) - 1

    def _target(self, e: i64) -> i64:
        """The label that a jump along an edge goes to."""
        if int(e) not in self.out.edges:
            return self.function.edge_to[e]
        if int(e) not in self.stub_seen:
            self.stub_seen.add(int(e))
            self.stubs.append(int(e))
        return self._stub(e)

    # --- records (also for `atomic`) ---------------------------------------------------------------------

    def record(
        self,
        form: i64,
        mode: i64,
        reg: i64,
        rm: i64,
        index: i64,
        third: i64,
        scale: i64,
        kind: i64,
        word2: i64,
        word3: i64,
    ) -> None:
        low = form | (mode << 12) | (reg << 16) | (rm << 24)
        high = index | (scale << 8) | (third << 16) | (kind << 24)
        if high & 0x8000_0000:
            high -= 0x1_0000_0000
        write_i64_le(self.records, low | (high << 32))
        word3 &= _WORD
        if word3 & 0x8000_0000:
            word3 -= 0x1_0000_0000
        write_i64_le(self.records, (word2 & _WORD) | (word3 << 32))

    def _jump(self, form: i64, label: i64) -> None:
        self.record(form, LABEL, 0, 0, 0, 0, 0, 0, label, 0)

    def _instruction(self, i: i64, b: i64) -> None:
        code = self.code
        form = code.form[i]
        if form == COPIES:
            self._copies(i)
            return
        if form == ENTRY:
            self._entry()
            return
        if form == LEAVE:
            self._leave()
            return
        if form == ATOMIC:
            what = code.displacement[i]
            address = self.out.place_at(code.rm[i], 2 * i) if code.rm[i] >= 0 else i64(0)
            value = self.out.place_at(code.reg[i], 2 * i) if code.reg[i] >= 0 else i64(0)
            self._at(i)
            emit_atomic(self, int(what & 0xFF), int(what >> 8), address, value, (code.mode[i] >> 16) & 0xFF)
            return
        roles = code.roles[i]
        packed = code.mode[i]
        mode = packed & 0xFF
        kind = (packed >> 16) & 0xFF
        if kind:
            self._at(i)
        displacement = code.displacement[i]
        if packed & IN_FRAME:
            displacement += self.frame.own
        if packed & TABLE_JUMP:
            displacement = self._table(b)
            self.tables.append(int(b))
            for e in self.function.edges(b):
                self._target(e)  # its stub comes before the table
        if packed & TRAP_LABEL:
            displacement = self._trap_of(int(displacement), int(code.source[i]))
        rm = self._place(code.rm[i], 2 * i, roles)
        if rm >= FIRST_SLOT:
            mode = MEM
            displacement = self.frame.slot(rm)
            rm = RBP
        reg = self._place(code.reg[i], 2 * i if roles & REG_READ else 2 * i + 1, 0)
        if mode == REG and reg == rm and (form == _MOV or form == _MOVAPS):
            return  # a copy to where it is already
        index = self._place(code.index[i], 2 * i, 0)
        third = self._place(code.third[i], 2 * i + 1 if roles & THIRD_WRITTEN else 2 * i, 0)
        word3 = code.immediate[i]
        if roles & IMPLICIT:
            word3 = 0
        if packed & FOURTH:
            word3 = index & 15
            index = 0
        if mode == NONE and form == forms.MOV_R64_IMM64.number:
            displacement = word3 & _WORD
            word3 >>= 32
        self.record(
            form, mode, reg & 15, rm & 15, index & 15, third & 15, (packed >> 8) & 0xFF, kind, displacement, word3
        )

    def _at(self, i: i64) -> None:
        """Site rows that follow are of an instruction's source."""
        if self.at != self.code.source[i]:
            self.at = self.code.source[i]
            self.record(AT, NONE, 0, 0, 0, 0, 0, 0, self.at, 0)

    def _place(self, register: i64, position: i64, roles: i64) -> i64:
        """The number of a register operand; 0 for none. Slots stay places."""
        if register < 0:
            return 0
        if roles and not roles & (IN_MEMORY | RM_READ):
            position += 1  # rm is written only
        return self.out.place_at(register, position)

    # --- moves ------------------------------------------------------------------------------------------

    def _edits(self, position: i64) -> None:
        """The moves before an instruction."""
        out = self.out
        moves: list[int] = []
        while self.edit < len(out.edit_at) and out.edit_at[self.edit] == position:
            moves += (out.edit_to[self.edit], out.edit_from[self.edit])
            self.edit += 1
        if moves:
            self._moves(moves)

    def _copies(self, i: i64) -> None:
        code = self.code
        out = self.out
        p = code.displacement[i]
        end = p + 1 + 2 * code.pool[p]
        p += 1
        moves: list[int] = []
        while p < end:
            to = out.place_at(code.pool[p], 2 * i + 1)
            moves += (int(to), int(out.place_at(code.pool[p + 1], 2 * i)))
            p += 2
        self._moves(moves)

    def _moves(self, moves: list[int]) -> None:
        between = any(moves[at] >= FIRST_SLOT and moves[at + 1] >= FIRST_SLOT for at in range(0, len(moves), 2))
        ordered = in_order(moves, self.frame.spare if between else SCRATCH)
        for at in range(0, len(ordered), 2):
            self._move(ordered[at], ordered[at + 1])

    def _move(self, to: i64, source: i64) -> None:
        """One move between places."""
        if to >= FIRST_SLOT:
            if source >= FIRST_SLOT:
                self._move(SCRATCH, source)
                source = SCRATCH
            form = _MOVAPS_STORE if source >= FIRST_XMM else _MOV_STORE
            self.record(form, MEM, source & 15, RBP, 0, 0, 0, 0, self.frame.slot(to), 0)
        elif source >= FIRST_SLOT:
            form = _MOVAPS if to >= FIRST_XMM else _MOV
            self.record(form, MEM, to & 15, RBP, 0, 0, 0, 0, self.frame.slot(source), 0)
        elif to >= FIRST_XMM:
            form = _MOVAPS if source >= FIRST_XMM else _MOVQ_TO_XMM
            self.record(form, REG, to & 15, source & 15, 0, 0, 0, 0, 0, 0)
        elif source >= FIRST_XMM:
            self.record(_MOVQ_FROM_XMM, REG, source & 15, to, 0, 0, 0, 0, 0, 0)
        else:
            self.record(_MOV, REG, to, source, 0, 0, 0, 0, 0, 0)

    # --- the frame ----------------------------------------------------------------------------------------

    def _entry(self) -> None:
        frame = self.frame
        self.record(_PUSH, NONE, 0, RBP, 0, 0, 0, 0, 0, 0)
        self.record(_MOV, REG, RBP, RSP, 0, 0, 0, 0, 0, 0)
        if self.stack_check >= 0 and (frame.size > UNCHECKED_FRAME_BYTES or self.code.calls):
            self._check_stack(frame.size)
        if frame.size:
            self.record(_SUB8 if frame.size < 128 else _SUB32, REG, 0, RSP, 0, 0, 0, 0, 0, frame.size)
        for number, register in enumerate(frame.saved):
            self.record(_MOV_STORE, MEM, register, RBP, 0, 0, 0, 0, -8 * (number + 1), 0)

    def _check_stack(self, size: i64) -> None:
        """Trap if the stack pointer is below its limit, or would be with the frame; no argument is in rax, r11."""
        stack: i64 = RSP
        self.record(_MOV, MEM, RAX, RDI, 0, 0, 0, 0, VMCTX["store"].offset, 0)
        if size > UNCHECKED_FRAME_BYTES:
            stack = R11
            self.record(_LEA, MEM, R11, RSP, 0, 0, 0, 0, -size, 0)
        self.record(_CMP, MEM, stack, RAX, 0, 0, 0, 0, STORE["stack_limit"].offset, 0)
        self._jump(_JCC + BELOW, self._trap_of(BY_NAME["STACK_OVERFLOW"].number, self.stack_check))

    def _trap_of(self, kind: int, source: int) -> i64:
        """The label of a trap behind the code; one for all of a kind and source."""
        trap = (kind, source)
        if trap not in self.trap_numbers:
            self.trap_numbers[trap] = len(self.traps)
            self.traps.append(trap)
        return self._trap(self.trap_numbers[trap])

    def _leave(self) -> None:
        for number, register in enumerate(self.frame.saved):
            self.record(_MOV, MEM, register, RBP, 0, 0, 0, 0, -8 * (number + 1), 0)
        self.record(_LEAVE, NONE, 0, 0, 0, 0, 0, 0, 0, 0)

    # --- the ends of blocks ---------------------------------------------------------------------------------

    def _branch(self, i: i64, following: int, last: bool) -> None:
        """A jump along an edge, with a condition or without; behind the last one the other edge."""
        code = self.code
        out = self.out
        function = self.function
        form = code.form[i]
        taken = code.displacement[i]
        other = code.immediate[i]
        if form == _JMP:
            if int(taken) in out.edges:
                self._moves(out.edges[int(taken)])
            if function.edge_to[taken] != following:
                self._jump(_JMP, function.edge_to[taken])
            return
        if not last or other == NO_EDGE:
            self._jump(form, self._target(taken))
            return
        if function.edge_to[taken] == following and int(taken) not in out.edges:
            self._jump(_JCC + ((form - _JCC) ^ 1), self._target(other))
            return
        self._jump(form, self._target(taken))
        if int(other) in out.edges:
            self._moves(out.edges[int(other)])
        if function.edge_to[other] != following:
            self._jump(_JMP, function.edge_to[other])
