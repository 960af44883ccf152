"""Allocated code becomes instruction records, which core encodes.

Blocks stand in the order of the code. Where a block ends, its edges are taken care of: what the edge to the
next block moves stands there; an edge that is jumped to and moves something becomes a *stub* behind the function,
moves and a jump; a condition is turned round where that saves a jump. The end of a loop, if it is short, is repeated
in place of jumps to it, and so is where an interpreter's loop jumps by a table.

An operand that the allocator left in memory becomes ``[rbp - n]`` by a change of mode, if the
instruction has one register-or-memory operand and this is it; `RM_MAY_BE_MEMORY` said so.

Long for one idea: what a row becomes depends on what stands around it, and all is written in one pass.
"""

from __future__ import annotations

from librt.strings import BytesWriter, write_i64_le

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.machine.code import (
    CALL_CLOBBERS,
    CATCH,
    COPIES,
    ENTRY,
    FIRST_XMM,
    FRAME,
    IMPLICIT,
    IN_MEMORY,
    LEAVE,
    REG_READ,
    REG_WRITTEN,
    RM_READ,
    RM_WRITTEN,
    TABLE_JUMP,
    TERMINATOR,
    THIRD_WRITTEN,
    Code,
)
from wasmer_clif_backend.machine.empty import EmptyBlocks
from wasmer_clif_backend.machine.moves import Moves
from wasmer_clif_backend.machine.regalloc.allocation import FIRST_SLOT, Allocation
from wasmer_clif_backend.machine.rotation import Rotation
from wasmer_clif_backend.machine.x64.abi import Convention
from wasmer_clif_backend.machine.x64.atomic import emit_atomic
from wasmer_clif_backend.machine.x64.flags import Flags
from wasmer_clif_backend.machine.x64.frame import Frame
from wasmer_clif_backend.machine.x64.registers import SCRATCH
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import ABOVE_OR_EQUAL, BELOW
from wasmer_runtime_core.codegen.x64.records import (
    ALIGN,
    AT,
    BIND,
    HANDLER,
    LABEL,
    LABEL_DIFFERENCE,
    MEM,
    MEM_INDEX,
    NONE,
    REG,
    TABLE,
)
from wasmer_runtime_core.codegen.x64.registers import R10, R11, RAX, RBP, RDI, RSP
from wasmer_runtime_core.contract.helpers import MAKE_ROOM
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import STORE, UNCHECKED_FRAME_BYTES, VMCTX
from wasmer_runtime_core.support.annotations import Final, final, i64

IN_FRAME: Final = 1 << 24
"""In the column `mode`: the displacement is from where the function's own stack slots begin."""
TRAP_LABEL: Final = 1 << 26
"""In the column `mode`: the displacement is a kind of trap, which is made behind the code."""
FOURTH: Final = 1 << 27
"""In the column `mode`: the register in `index` is the fourth operand, which stands in the immediate."""
NO_EDGE: Final = -1
_SHORT: Final = 4
"""So many instructions before its branch a block may have to be repeated where it would be jumped to."""
_FEW_MOVES: Final = 8
"""And so many moves, in it and along its edges."""
_LOOP_ALIGNMENT: Final = 32
"""Innermost loops begin at multiples of this where nothing is called: processors fetch so many bytes at once."""

_JMP: Final[i64] = forms.JMP_REL32.number
_JCC: Final[i64] = forms.JCC_REL32.number
_JMP_TO: Final[i64] = forms.JMP_RM64.number
_MOVSXD: Final[i64] = forms.MOVSXD_R64_RM32.number
_CMP32_IMM8: Final[i64] = forms.CMP_RM32_IMM8.number
_CMP32_IMM32: Final[i64] = forms.CMP_RM32_IMM32.number
_LEA32: Final[i64] = forms.LEA_R32_M.number
_ADD32: Final[i64] = forms.ADD_R32_RM32.number
_ADD64: Final[i64] = forms.ADD_R64_RM64.number
_ADD32_IMM8: Final[i64] = forms.ADD_RM32_IMM8.number
_ADD64_IMM8: Final[i64] = forms.ADD_RM64_IMM8.number
_ADD32_IMM32: Final[i64] = forms.ADD_RM32_IMM32.number
_ADD64_IMM32: Final[i64] = forms.ADD_RM64_IMM32.number
_LEA: Final[i64] = forms.LEA_R64_M.number
_CMP: Final[i64] = forms.CMP_R64_RM64.number
_MOV: Final[i64] = forms.MOV_R64_RM64.number
_MOV_IMM64: Final[i64] = forms.MOV_R64_IMM64.number
_MOV_STORE: Final[i64] = forms.MOV_RM64_R64.number
_MOVAPS: Final[i64] = forms.VMOVAPS_XMM_XM128.number
_MOVAPS_STORE: Final[i64] = forms.VMOVAPS_XM128_XMM.number
_MOVQ_TO_XMM: Final[i64] = forms.VMOVQ_XMM_RM64.number
_MOVQ_FROM_XMM: Final[i64] = forms.VMOVQ_RM64_XMM.number
_XCHG: Final[i64] = forms.XCHG_RM64_R64.number
_CALL: Final[i64] = forms.CALL_RM64.number
_MOV_IMM: Final[i64] = forms.MOV_R32_IMM32.number
_PUSH: Final[i64] = forms.PUSH_R64.number
_POP: Final[i64] = forms.POP_R64.number
_LEAVE: Final[i64] = forms.LEAVE.number
_SUB8: Final[i64] = forms.SUB_RM64_IMM8.number
_SUB32: Final[i64] = forms.SUB_RM64_IMM32.number
_TRAP: Final[i64] = forms.TRAP.number
_STORE: Final[i64] = VMCTX["store"].offset
_STACK_LIMIT: Final[i64] = STORE["stack_limit"].offset
_STACK_OVERFLOW: Final[i64] = BY_NAME["STACK_OVERFLOW"].number
_WORD: Final = 0xFFFF_FFFF


@final
class Emitter:
    """Writes the records of one function after another.

    Labels: a block has its number; behind them the stub of each edge, the table of jumps of each block, the traps.
    """

    def __init__(self, code: Code, allocation: Allocation) -> None:
        self.code: Final = code
        self.out: Final = allocation
        self.function = Function()
        self.frame = Frame(code, allocation)
        self.stack_check: i64 = -1
        self.moves: Final = Moves(FIRST_SLOT, FIRST_XMM)
        self.flags: Final = Flags()
        self.records = BytesWriter()
        self.empty: Final = EmptyBlocks()
        self.rotation: Final = Rotation()
        self.place = column(1 << 7)
        """By block: its place in the code, from 1; 0: it is not there yet."""
        self.is_jumped_to = column(1 << 7)
        """By block: 1: an instruction that is there already jumps to it."""
        self.has_inner = column(1 << 7)
        """By head of a loop: 1: there is another one within."""
        self.repeats = False
        """Whether a block is emitted once more."""
        self.landings: list[int] = []
        """Blocks whose last call is caught."""
        self.landing_labels: list[int] = []
        self.stubs: list[int] = []
        self.stub_seen = column(1 << 7)
        """By edge: 1: it has a stub."""
        self.tables: list[int] = []
        self.traps: list[int] = []
        """Kind and source of those behind the code, ``source << 8 | kind``; one for all that share both."""
        self.trap_numbers: dict[int, int] = {}
        self.loops: i64 = 0
        self.at: i64 = -1

    def run(self, function: Function, flow: Flow, stack_check: i64) -> bytes:
        """The records.

        Raises:
            CompileError: the frame is too large.
        """
        code = self.code
        self._begin(function, stack_check)
        leads_to = self.empty.leads_to
        order = self.rotation.turned(function, code, leads_to)
        number: i64 = 0
        before: i64 = 0
        self._find_innermost(flow)
        first_edit = self.out.first_edit
        roles = code.roles
        for b in order:
            number += 1
            following: i64 = order[number] if number < i64(len(order)) else i64(0)
            loop = flow.loop[b]
            if loop != before:
                before = loop
                if loop and not self.has_inner[loop] and not code.calls:
                    self.record(ALIGN, NONE, 0, 0, 0, 0, 0, 0, _LOOP_ALIGNMENT, 0)
            self._bind_block(b, number)
            i = code.block_first[b]
            end = code.block_end[b]
            function.effort.write(len(self.records))
            throws = self._last_call(b)
            while i < end:
                if i & 0x3FF == 0:
                    function.effort.spend(0x1000)
                    function.effort.write(len(self.records))
                if first_edit[2 * i]:
                    self._edits(2 * i)
                if first_edit[2 * i + 1]:
                    self._edits(2 * i + 1)
                if roles[i] & TERMINATOR and code.mode[i] & 0xFF == LABEL:
                    self._branch(i, following, i == end - 1)
                else:
                    self._instruction(i, b)
                    if i == throws:
                        self.record(HANDLER, NONE, 0, 0, 0, 0, 0, 0, self.landing_labels[-1], 0)
                i += 1
        for n, landing in enumerate(self.landings):
            self._land(landing, self.landing_labels[n])
        for e in self.stubs:
            function.effort.spend(1)
            function.effort.write(len(self.records))
            self._bind(self._stub(e))
            self._edge_moves(e)
            self._jump(_JMP, leads_to[function.edge_to[e]])
        for label, trap in enumerate(self.traps):
            self._bind(self._trap(label))
            self.record(AT, NONE, 0, 0, 0, 0, 0, 0, trap >> 8, 0)
            self.record(_TRAP, NONE, 0, 0, 0, 0, 0, trap & 0xFF, 0, 0)
        for b in self.tables:
            table = self._table(b)
            self._bind(table)
            n = code.way_first[b]
            while n < code.way_end[b] - 1:
                function.effort.spend(1)
                self.record(LABEL_DIFFERENCE, NONE, 0, 0, 0, 0, 0, 0, self._target(code.ways[n]), table)
                n += 1
        return self.records.getvalue()

    def _begin(self, function: Function, stack_check: i64) -> None:
        self.function = function
        self.stack_check = stack_check
        self.frame = Frame(self.code, self.out)
        self.frame.check(function.name)
        self.records = BytesWriter()
        self.stub_seen = column(function.edge_count)
        self.empty.find(function, self.code, self.out)
        self.place = column(function.block_count)
        self.is_jumped_to = column(function.block_count)
        self.has_inner = column(function.block_count)
        self.landings.clear()
        self.landing_labels.clear()
        self.stubs.clear()
        self.tables.clear()
        self.traps.clear()
        self.trap_numbers.clear()
        self.loops = 0
        self.at = -1

    def _find_innermost(self, flow: Flow) -> None:
        """Which loops have others within."""
        for b in self.code.order:
            self.has_inner[b] = 0
            if flow.loop[b] == b and flow.outer[b]:
                self.has_inner[flow.outer[b]] = 1

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
        to = self.empty.leads_to[self.function.edge_to[e]]
        self.is_jumped_to[to] = 1
        if not self.out.edge_moves(e):
            return to
        if not self.stub_seen[e]:
            self.stub_seen[e] = 1
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

    def _bind(self, label: i64) -> None:
        """A label is here."""
        self.record(BIND, NONE, 0, 0, 0, 0, 0, 0, label, 0)

    def _jump(self, form: i64, label: i64) -> None:
        self.record(form, LABEL, 0, 0, 0, 0, 0, 0, label, 0)

    def _instruction(self, i: i64, b: i64) -> None:
        code = self.code
        form = code.form[i]
        if form >= COPIES:
            self._pseudo(i, b)
            return
        out = self.out
        roles = code.roles[i]
        packed = code.mode[i]
        mode = packed & 0xFF
        kind = (packed >> 16) & 0xFF
        if kind:
            self._at(i)
        displacement = code.displacement[i]
        if packed & IN_FRAME:
            displacement += self.frame.own
        elif packed & TRAP_LABEL:
            displacement = self._trap_of(displacement, code.source[i])
        rm = code.rm[i]
        if rm < 0:
            rm = 0
        else:
            rm = out.place_at(rm, 2 * i if roles & (IN_MEMORY | RM_READ) else 2 * i + 1)
            if rm >= FIRST_SLOT:
                mode = MEM
                displacement = self.frame.slot(rm)
                rm = RBP
        reg = code.reg[i]
        reg = out.place_at(reg, 2 * i if roles & REG_READ else 2 * i + 1) if reg >= 0 else i64(0)
        if mode == REG and reg == rm and (form == _MOV or form == _MOVAPS):
            return  # a copy to where it is already
        if self.flags.register >= 0 and mode == REG and self.flags.tell(code, i, code.block_end[b], reg, rm):
            return
        index = code.index[i]
        index = out.place_at(index, 2 * i) if index >= 0 else i64(0)
        third = code.third[i]
        third = out.place_at(third, 2 * i + 1 if roles & THIRD_WRITTEN else 2 * i) if third >= 0 else i64(0)
        word3 = code.immediate[i]
        if roles & IMPLICIT:
            word3 = 0
        elif (form == _LEA or form == _LEA32) and self._is_sum(form, packed, reg, rm, index, displacement):
            return
        self.flags.pass_by(form, mode, roles, reg, rm)
        if packed & FOURTH:
            word3 = index & 15
            index = 0
        if mode == NONE and form == _MOV_IMM64:
            displacement = word3 & _WORD
            word3 >>= 32
        self.record(
            form, mode, reg & 15, rm & 15, index & 15, third & 15, (packed >> 8) & 0xFF, kind, displacement, word3
        )

    def _is_sum(self, form: i64, packed: i64, reg: i64, base: i64, index: i64, displacement: i64) -> bool:
        """``add``, where ``lea`` would put a sum into one of its operands.

        Nobody looks at flags over an address: who sets and who reads them are of one group, with moves between at most.
        """
        mode = packed & 0xFF
        if packed & IN_FRAME or (packed >> 8) & 0xFF:
            return False
        wide = form == _LEA
        if mode == MEM_INDEX and displacement == 0 and (reg == base or reg == index):
            add = _ADD64 if wide else _ADD32
            other = index if reg == base else base
            self.flags.pass_by(add, REG, REG_WRITTEN, reg, other)
            self.record(add, REG, reg, other, 0, 0, 0, 0, 0, 0)
            return True
        if mode == MEM and reg == base and displacement >= -0x8000_0000 and displacement <= 0x7FFF_FFFF:
            add = _ADD64_IMM8 if wide else _ADD32_IMM8
            if displacement < -128 or displacement > 127:
                add = _ADD64_IMM32 if wide else _ADD32_IMM32
            self.flags.pass_by(add, REG, RM_WRITTEN, 0, reg)
            self.record(add, REG, 0, reg, 0, 0, 0, 0, 0, displacement)
            return True
        return False

    def _pseudo(self, i: i64, b: i64) -> None:
        """A row that is no instruction of the machine."""
        code = self.code
        form = code.form[i]
        if form == COPIES:
            self._copies(i)
            return
        self.flags.forget()
        if form == ENTRY:
            self._entry()
        elif form == FRAME:
            if self.out.framed_at:
                self._make_frame()
        elif form == LEAVE:
            self._leave(2 * i >= self.out.framed_at)
        elif form == TABLE_JUMP:
            self._table_jump(i, b)
        else:
            what = code.displacement[i]
            address = self.out.place_at(code.rm[i], 2 * i) if code.rm[i] >= 0 else i64(0)
            value = self.out.place_at(code.reg[i], 2 * i) if code.reg[i] >= 0 else i64(0)
            self._at(i)
            kind = (code.mode[i] >> 16) & 0xFF
            emit_atomic(self.record, self.new_label, int(what & 0xFF), int(what >> 8), address, value, kind)

    def _table_jump(self, i: i64, b: i64) -> None:
        """``cmp``, a jump to the last edge, and one to where the table of the others says, which is emitted behind."""
        code = self.code
        out = self.out
        number = out.place_at(code.reg[i], 2 * i)
        start = out.place_at(code.third[i], 2 * i + 1)
        first = code.way_first[b]
        last = code.way_end[b] - 1
        count = last - first
        self.record(_CMP32_IMM8 if count <= 127 else _CMP32_IMM32, REG, 0, number, 0, 0, 0, 0, 0, count)
        self._jump(_JCC + ABOVE_OR_EQUAL, self._target(code.ways[last]))
        table = self._table(b)
        self.record(_LEA, LABEL, start, 0, 0, 0, 0, 0, table, 0)
        self.record(_MOVSXD, MEM_INDEX, number, start, number, 0, 2, 0, 0, 0)
        self.record(_ADD64, REG, number, start, 0, 0, 0, 0, 0, 0)
        self.record(_JMP_TO, REG, 0, number, 0, 0, 0, 0, 0, 0)
        if self.repeats:
            return  # The table is that of the first time.
        self.tables.append(int(b))
        while first < last:
            self._target(code.ways[first])  # its stub comes before the table
            first += 1

    def _at(self, i: i64) -> None:
        """Site rows that follow are of an instruction's source."""
        if self.at != self.code.source[i]:
            self.at = self.code.source[i]
            self.record(AT, NONE, 0, 0, 0, 0, 0, 0, self.at, 0)

    # --- moves ------------------------------------------------------------------------------------------

    def _edits(self, position: i64) -> None:
        """The moves before an instruction."""
        out = self.out
        n = out.first_edit[position]
        while n:
            self.moves.add(out.edit_to[n], out.edit_from[n])
            n = out.edit_next[n]
        self._moves()

    def _copies(self, i: i64) -> None:
        code = self.code
        out = self.out
        p = code.displacement[i]
        end = p + 1 + 2 * code.pool[p]
        p += 1
        while p < end:
            self.moves.add(out.place_at(code.pool[p], 2 * i + 1), out.place_at(code.pool[p + 1], 2 * i))
            p += 2
        self._moves()

    def _edge_moves(self, e: i64) -> None:
        """The moves of an edge."""
        out = self.out
        n = out.edge_first[e]
        while n < out.edge_end[e]:
            self.moves.add(out.edge_to[n], out.edge_from[n])
            n += 1
        self._moves()

    def _moves(self) -> None:
        """All moves that were added, as instructions."""
        moves = self.moves
        self.function.effort.spend(4 * moves.count)
        moves.order(self.frame.spare if moves.between_slots else SCRATCH)
        n: i64 = 0
        while n < moves.ordered:
            self._move(moves.ordered_to[n], moves.ordered_from[n])
            n += 1

    def _move(self, to: i64, source: i64) -> None:
        """One move between places, or one exchange."""
        if to == self.flags.register:
            self.flags.forget()
        if source < 0:
            if ~source == self.flags.register:
                self.flags.forget()
            self.record(_XCHG, REG, to, ~source, 0, 0, 0, 0, 0, 0)
        elif to >= FIRST_SLOT:
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
        more = self.code.passed_in_place
        if more:
            own = Convention(self.function.signature).stack_bytes
            self.record(_MOV_IMM, NONE, 0, R10, 0, 0, 0, 0, 0, more >> 4 | own >> 4 << 16)
            self.record(_CALL, TABLE, 0, 0, 0, 0, 0, 0, MAKE_ROOM, 0)
        self.record(_PUSH, NONE, 0, RBP, 0, 0, 0, 0, 0, 0)
        self.record(_MOV, REG, RBP, RSP, 0, 0, 0, 0, 0, 0)
        if self.stack_check >= 0 and (frame.size > UNCHECKED_FRAME_BYTES or self.code.calls or more):
            self._check_stack(frame.size)
        if not self.out.framed_at:
            self._make_frame()

    def _make_frame(self) -> None:
        """Room below rbp, and the registers that the caller has values in."""
        frame = self.frame
        if frame.size:
            self.record(_SUB8 if frame.size < 128 else _SUB32, REG, 0, RSP, 0, 0, 0, 0, 0, frame.size)
        place: i64 = 0
        for register in frame.saved:
            place -= 8
            self.record(_MOV_STORE, MEM, register, RBP, 0, 0, 0, 0, place, 0)

    def _check_stack(self, size: i64) -> None:
        """Trap if the stack pointer is below its limit, or would be with the frame; no argument is in rax, r11."""
        stack: i64 = RSP
        self.record(_MOV, MEM, RAX, RDI, 0, 0, 0, 0, _STORE, 0)
        if size > UNCHECKED_FRAME_BYTES:
            stack = R11
            self.record(_LEA, MEM, R11, RSP, 0, 0, 0, 0, -size, 0)
        self.record(_CMP, MEM, stack, RAX, 0, 0, 0, 0, _STACK_LIMIT, 0)
        self._jump(_JCC + BELOW, self._trap_of(_STACK_OVERFLOW, self.stack_check))

    def _trap_of(self, kind: i64, source: i64) -> i64:
        """The label of a trap behind the code; one for all of a kind and source."""
        trap = int(source << 8 | kind)
        number = self.trap_numbers.get(trap, -1)
        if number < 0:
            number = len(self.traps)
            self.trap_numbers[trap] = number
            self.traps.append(trap)
        return self._trap(number)

    def _leave(self, framed: bool) -> None:
        """Undo what was done so far."""
        if not framed:
            self.record(_POP, NONE, 0, RBP, 0, 0, 0, 0, 0, 0)
            return
        place: i64 = 0
        for register in self.frame.saved:
            place -= 8
            self.record(_MOV, MEM, register, RBP, 0, 0, 0, 0, place, 0)
        self.record(_LEAVE, NONE, 0, 0, 0, 0, 0, 0, 0, 0)

    # --- the starts and ends of blocks -----------------------------------------------------------------------

    def _bind_block(self, b: i64, place: i64) -> None:
        """The label of a block, if a jump needs it: one that is there already, or one of a block further down."""
        self.place[b] = place
        self.flags.forget()
        if not self.is_jumped_to[b] and place > 1 and not self._is_reached_from_below(b):
            return
        self._bind(b)

    def _is_reached_from_below(self, b: i64) -> bool:
        """Whether a block is, or may be, jumped to from itself or a block that is not there yet."""
        function = self.function
        e = function.incoming[b]
        while e:
            source = function.edge_from[e]
            if source == b or self.place[source] == 0:
                return True
            e = function.edge_next[e]
        return False

    def _branch(self, i: i64, following: i64, last: bool) -> None:
        """A jump along an edge, with a condition or without; behind the last one the other edge.

        What an edge moves stands here rather than behind the function, if it leads back, or if a jump is needed anyway.
        """
        code = self.code
        leads_to = self.empty.leads_to
        form = code.form[i]
        taken = code.displacement[i]
        other = code.immediate[i]
        if form == _JMP:
            self._go_on(taken, following)
            return
        if form == CATCH:
            self.is_jumped_to[leads_to[self.function.edge_to[taken]]] = 1
            self._go_on(other, following)
            return
        if not last or other == NO_EDGE:
            self._jump(form, self._target(taken))
            return
        to_taken = leads_to[self.function.edge_to[taken]]
        to_other = leads_to[self.function.edge_to[other]]
        back = to_other != following or self.place[to_taken] != 0
        if to_taken == following or (self.out.edge_moves(taken) and back):
            form = _JCC + ((form - _JCC) ^ 1)
            taken, other = other, taken
        self._jump(form, self._target(taken))
        self._go_on(other, following)

    def _go_on(self, e: i64, following: i64) -> None:
        """Along an edge, whose moves stand here, to the block that follows or to another."""
        if self.out.edge_moves(e):
            self._edge_moves(e)
        to = self.empty.leads_to[self.function.edge_to[e]]
        if to == following:
            return
        if self._is_short_end(to) or self._leads_to_table(to):
            self._repeat(to, following)
            return
        self.is_jumped_to[to] = 1
        self._jump(_JMP, to)

    # --- exceptions -------------------------------------------------------------------------------------------------

    def _last_call(self, b: i64) -> i64:
        """The call of a block that an exception may leave for this function; -1: there is none."""
        code = self.code
        i = code.block_end[b] - 1
        if code.form[i] != CATCH:
            return -1
        if code.mode[i] >> 8:
            return -1
        self.landings.append(int(b))
        self.landing_labels.append(int(self.new_label()))
        while not code.roles[i] & CALL_CLOBBERS:
            i -= 1
        return i

    def _land(self, b: i64, label: i64) -> None:
        """Where an exception goes that leaves the last call of a block.

        It does what stands behind the call there, too, so that all values are where the edge expects them. What the
        call gives means nothing, and nobody looks at it.
        """
        code = self.code
        last = code.block_end[b] - 1
        self.function.effort.spend(8)
        self.flags.forget()
        self._bind(label)
        i = last
        while not code.roles[i] & CALL_CLOBBERS:
            i -= 1
        i += 1
        while i <= last:
            if self.out.first_edit[2 * i]:
                self._edits(2 * i)
            if self.out.first_edit[2 * i + 1]:
                self._edits(2 * i + 1)
            if i < last:
                self._instruction(i, b)
            i += 1
        e = code.displacement[last]
        self._edge_moves(e)
        self._jump(_JMP, self.empty.leads_to[self.function.edge_to[e]])

    # --- what is repeated ---------------------------------------------------------------------------------------

    def _is_short_end(self, b: i64) -> bool:
        """Whether a block to come is a few instructions and a branch back to what is there already."""
        code = self.code
        i = code.block_end[b] - 1
        if self.repeats or self.place[b]:
            return False  # of one that is there already, what it leads to may have no label
        if code.way_end[b] - code.way_first[b] != 2:
            return False
        form = code.form[i]
        if form < _JCC or form >= _JCC + 16 or code.mode[i] & 0xFF != LABEL:
            return False
        if not self._is_short(b) or self._moves_along_edges(b) + self._moves_within(b) > _FEW_MOVES:
            return False
        one = self.empty.leads_to[self.function.edge_to[code.ways[code.way_first[b]]]]
        other = self.empty.leads_to[self.function.edge_to[code.ways[code.way_first[b] + 1]]]
        return (one != b and self.place[one] != 0) or (other != b and self.place[other] != 0)

    def _leads_to_table(self, b: i64) -> bool:
        """Whether a block that is there already is a few instructions and a jump by a table, or goes on to such a one.

        That is how interpreters go from one operation to the next. With a jump of its own each of them takes one jump
        less, and processors foresee what follows on it.
        """
        code = self.code
        if self.place[b] == 0:
            return False
        last = code.block_end[b] - 1
        if code.form[last] == _JMP and not self.repeats:
            to = self.empty.leads_to[self.function.edge_to[code.displacement[last]]]
            return self._is_table(to) and self._is_short(b) and self._moves_along_edges(b) <= _FEW_MOVES
        return self._is_table(b)

    def _is_table(self, b: i64) -> bool:
        """Whether a block that is there already is a few instructions and a jump by a table, and one reads memory.

        Compilers of languages whose functions can be resumed begin each with a jump by a table, too, of a number that
        is constant on most ways there. Those stay.
        """
        code = self.code
        i = code.block_end[b] - 1
        if self.place[b] == 0 or code.form[i] != TABLE_JUMP or not self._is_short(b):
            return False
        while i > code.block_first[b]:
            i -= 1
            mode = code.mode[i] & 0xFF
            if (mode == MEM or mode == MEM_INDEX) and code.form[i] != _LEA and code.form[i] != _LEA32:
                return True
        return False

    def _is_short(self, b: i64) -> bool:
        """Whether a block is a few instructions, that move little, and what it ends in."""
        code = self.code
        i = code.block_end[b] - 1
        if i - code.block_first[b] > _SHORT or self._moves_within(b) > _FEW_MOVES:
            return False
        while i > code.block_first[b]:
            i -= 1
            if code.form[i] >= COPIES or code.roles[i] & (TERMINATOR | CALL_CLOBBERS):
                return False
        return True

    def _moves_along_edges(self, b: i64) -> i64:
        """How many moves are along the edges of a block. There may be as many of them as registers and slots, and as
        many ways to a block as the function is long."""
        count: i64 = 0
        n = self.code.way_first[b]
        while n < self.code.way_end[b]:
            e = self.code.ways[n]
            count += self.out.edge_end[e] - self.out.edge_first[e]
            n += 1
        return count

    def _moves_within(self, b: i64) -> i64:
        """How many moves are in a short block, counted until they are too many."""
        out = self.out
        count: i64 = 0
        position = 2 * self.code.block_first[b]
        while position < 2 * self.code.block_end[b]:
            edit = out.first_edit[position]
            while edit and count <= _FEW_MOVES:
                count += 1
                edit = out.edit_next[edit]
            position += 1
        return count

    def _repeat(self, b: i64, following: i64) -> None:
        """A block once more, in place of a jump to it: its registers are where they are on each way."""
        code = self.code
        self.repeats = True
        self.flags.forget()
        i = code.block_first[b]
        end = code.block_end[b]
        while i < end:
            if self.out.first_edit[2 * i]:
                self._edits(2 * i)
            if self.out.first_edit[2 * i + 1]:
                self._edits(2 * i + 1)
            if i == end - 1 and code.form[i] != TABLE_JUMP:
                self._branch(i, following, True)
            else:
                self._instruction(i, b)
            i += 1
        self.repeats = False
