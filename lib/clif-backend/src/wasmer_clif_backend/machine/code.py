"""Machine code with virtual registers: what lowering writes and the register allocator reads.

An instruction is core's record (`wasmer_runtime_core.codegen.x64.records`) that names virtual registers where
the record names machine registers. Its words but for the registers are a *template*; the registers are
up to four operands, each a field of the record: `reg`, `rm` (the base, in a memory mode), `index`
and `third`. What is done with them is said by `roles`.

Registers are numbers: 0 to 15 general registers of the machine, 16 to 31 its xmm registers, from
`FIRST_VIRTUAL` on virtual ones: first one per value of the function, then temporaries. An operand
that is a register of the machine stays what it is; how long it is taken, the allocator sees.

Arguments, parameters and results are moved by `COPIES`, a row that is no instruction of the machine:
registers get what others hold, all at once. Its pairs (to, from) lie in `pool`: how many, then the pairs. A
call, a division and the like say with `IMPLICIT` which registers of the machine they read and
write besides, as two sets in one number (`implicit`); behind one with `CALL_CLOBBERS` the caller-saved registers
are lost.

A virtual register is written once, and may be modified in the same block afterwards (``mov d, a; add d, b``).
A block's parameters are written by the edges that lead there.

Order and positions
-------------------
Lowering goes backwards through a function, so that a value is met after its uses: so the columns are filled
from their end, and the code is the rows from `first` to `end`. The instructions of one rule are written
forwards: a *group*, which is turned round when the next one begins. Instruction n has two positions: ``2 * n``,
where it reads, and ``2 * n + 1``, where it writes.

Blocks and edges are those of the function, in the order of `order`. What an edge moves is not in the
code: its arguments and the parameters of its target are the function's, and `machine.regalloc.resolve` adds the rest.

Liveness begins here, too: a use of a value in another block than the one that defines it is noted when it is
written (`note_outside`), for lowering is where all uses are met; `machine.regalloc.liveness` goes on from there.
"""

from __future__ import annotations

from librt.vecs import extend, vec

from wasmer_clif_backend.effort import Effort
from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import BR_CATCH, BR_TABLE, BRIF, JUMP
from wasmer_clif_backend.ir.types import in_xmm
from wasmer_runtime_core.support.annotations import Final, final, i64

NO_REGISTER: Final = -1
FIRST_XMM: Final = 16
FIRST_VIRTUAL: Final = 32

GENERAL: Final = 0
XMM: Final = 1

# --- roles ------------------------------------------------------------------------------------------
REG_READ: Final = 1
REG_WRITTEN: Final = 2
RM_READ: Final = 4
RM_WRITTEN: Final = 8
RM_MAY_BE_MEMORY: Final = 16
"""If the register in rm is not in one, the instruction takes it from the frame."""
IN_MEMORY: Final = 32
"""The mode is one of memory: rm and index are read to make an address."""
CALL_CLOBBERS: Final = 64
TERMINATOR: Final = 128
"""Leaves the block. Where only one way leads out, what the edge moves goes before it."""
IMPLICIT: Final = 256
"""Reads and writes registers of the machine that it does not name: `immediate` holds both sets (`implicit`)."""
THIRD_WRITTEN: Final = 512
"""`third` is written, not read: where a digit stands in ModRM, VEX names the result there."""

# --- forms that are no instruction: above all of core's -----------------------------------------------
COPIES: Final = 0xF00
ENTRY: Final = 0xF01
"""Makes the frame. Writes the registers of the arguments."""
LEAVE: Final = 0xF02
"""Takes the frame down, before a return or a jump to another function."""
TABLE_JUMP: Final = 0xF04
"""A jump through the table of its block's edges, the last one if `reg` is too large a number; `reg` is modified, and
`third` needed besides."""
FRAME: Final = 0xF05
"""Makes the frame, if that is not done at the entry: there are ways that need none (`Allocation.framed_at`)."""
CATCH: Final = 0xF06
"""No instruction at all. Where an exception leaves the last call of its block, code goes on as if that had returned,
then along the edge in `displacement`; else along that in `immediate`. There is no such call if the mode has a scale."""
ATOMIC: Final = 0xF03
"""An atomic operation, which may be a loop; emission knows."""


def implicit(reads: i64, writes: i64) -> i64:
    """Two sets of registers of the machine, as bits, in one number: those read below, those written above."""
    return reads | (writes << FIRST_VIRTUAL)


def bits(registers: list[int]) -> i64:
    """A set of registers of the machine."""
    found = 0
    for register in registers:
        found |= 1 << register
    return found


@final
class Code:
    """One function's machine code. Used again for the next one; columns only grow."""

    def __init__(self) -> None:
        self.effort = Effort()
        """Of the function."""
        rows: i64 = 1 << 10
        self.end: i64 = rows
        """One more than the last row: how many there is room for."""
        self.first: i64 = rows
        """The first row, which was written last."""
        self._group: i64 = rows
        """One more than the last row of the group at hand."""
        self.form = column(rows)
        self.mode = column(rows)
        """Mode, scale, trap kind: ``mode | scale << 8 | kind << 16``."""
        self.reg = column(rows)
        self.rm = column(rows)
        self.index = column(rows)
        self.third = column(rows)
        self.displacement = column(rows)
        """Word 2 of the record: displacement, label, entry, constant."""
        self.immediate = column(rows)
        self.roles = column(rows)
        self.source = column(rows)
        """Where it comes from, for the site table: a wasm offset."""

        self.registers: i64 = 0
        """One more than the greatest virtual register."""
        self.register_class = column(rows)
        """By register: `GENERAL` or `XMM`."""
        self.copy_of = column(rows)
        """By register: the one that it is copied from, which may be one of the machine; -1: none."""
        self.copied_to = column(rows)
        """By register: the one that it is copied to last, which may be one of the machine; -1: none."""
        self.pool = column(1 << 8)
        self.pool_count: i64 = 0
        self._pairs: i64 = -1
        """Where the pairs that `copies` takes begin in the pool; -1: there are none."""

        # Uses outside of the block that defines a register: by register the last one that was noted, 0: none; by
        # note its block, and the note before it.
        self.outside = column(rows)
        self.outside_block = column(rows)
        self.outside_next = column(rows)
        self.outside_count: i64 = 1

        blocks: i64 = 1 << 7
        self.block_first = column(blocks)
        """By block: its first instruction."""
        self.block_end = column(blocks)
        """By block: one more than its last instruction."""
        self.order = vec[i64]()
        """Blocks in the order of the code."""
        self._starts = column(blocks)
        self._block = column(blocks)
        """In this order: where blocks start, as positions, and which these are."""
        self.way_first = column(blocks)
        self.way_end = column(blocks)
        """By block: its edges are those from here to there in `ways`, in the order of the instruction that ends it."""
        self.ways = column(blocks)
        self.constants: list[bytes] = []
        self._constant_offsets: dict[bytes, int] = {}
        self.outgoing: i64 = 0
        """Bytes that arguments take on the stack."""
        self.calls = False
        """Whether there is a call."""
        self.passed_in_place: i64 = 0
        """Bytes that arguments take on the stack where a call takes the function's place, if more than its own do."""
        self.frame_at: i64 = 0
        """The position behind the row `FRAME`; 0: there is none."""
        self.slot_offsets: list[int] = []
        """By stack slot of the function: its offset from the first one."""
        self.slot_bytes: i64 = 0
        self.buffer_bytes: i64 = 0
        """Behind the stack slots: a buffer for the results of calls."""
        self.at: i64 = 0
        """What `add` enters as the source."""
        self.never_given: i64 = 0
        """Bits of registers of the machine that no virtual one is put into: their life is of no interest."""
        r: i64 = FIRST_XMM
        while r < FIRST_VIRTUAL:
            self.register_class[r] = XMM
            r += 1

    def begin(self, function: Function, order: vec[i64]) -> None:
        """Empty, with a virtual register per value; blocks will stand in this order."""
        self.effort = function.effort
        self.first = self.end
        self._group = self.end
        self.pool_count = 0
        self._pairs = -1
        self.outside_count = 1
        self.constants = []
        self._constant_offsets = {}
        self.outgoing = 0
        self.calls = False
        self.passed_in_place = 0
        self.frame_at = 0
        self.at = 0
        self.order = order
        need = function.count + FIRST_VIRTUAL
        if need > i64(len(self.register_class)):
            self._make_registers(need + (need >> 1))  # and temporaries
        register_class = self.register_class
        copy_of = self.copy_of
        copied_to = self.copied_to
        outside = self.outside
        type = function.type
        r: i64 = FIRST_VIRTUAL
        while r < need:
            kind: i64 = GENERAL
            if in_xmm(type[r - FIRST_VIRTUAL]):
                kind = XMM
            register_class[r] = kind
            copy_of[r] = -1
            copied_to[r] = -1
            outside[r] = 0
            r += 1
        self.registers = need
        if function.block_count > i64(len(self.block_first)):
            self.block_first = grown(self.block_first, function.block_count)
            self.block_end = grown(self.block_end, function.block_count)
            self.way_first = grown(self.way_first, function.block_count)
            self.way_end = grown(self.way_end, function.block_count)
        self._find_ways(function)
        self.slot_offsets = []
        size: i64 = 0
        for slot in function.slots:
            alignment: i64 = 1
            if slot.size:
                alignment = max(16, 1 << slot.alignment)
            size = (size + alignment - 1) // alignment * alignment
            self.slot_offsets.append(int(size))
            size += slot.size
        self.slot_bytes = (size + 15) // 16 * 16
        self.buffer_bytes = 0

    def _find_ways(self, function: Function) -> None:
        """`ways`: edges that several stages go along, block by block."""
        if function.edge_count > i64(len(self.ways)):
            self.ways = grown(self.ways, function.edge_count)
        ways = self.ways
        n: i64 = 0
        for b in self.order:
            self.way_first[b] = n
            v = function.last[b]
            opcode = function.opcode[v]
            if opcode == JUMP:
                ways[n] = function.a[v]
                n += 1
            elif opcode == BRIF:
                ways[n] = function.b[v]
                ways[n + 1] = function.c[v]
                n += 2
            elif opcode == BR_CATCH:
                ways[n] = function.a[v]
                ways[n + 1] = function.b[v]
                n += 2
            elif opcode == BR_TABLE:
                p = function.b[v]
                end = p + function.pool[p]
                while p < end:
                    p += 1
                    ways[n] = function.pool[p]
                    n += 1
            self.way_end[b] = n

    def temporary(self, register_class: i64) -> i64:
        """A new virtual register."""
        r = self.registers
        if r >= i64(len(self.register_class)):
            self._make_registers(2 * r)
        self.registers = r + 1
        self.register_class[r] = register_class
        self.copy_of[r] = -1
        self.copied_to[r] = -1
        self.outside[r] = 0
        return r

    def note_outside(self, r: i64, b: i64) -> None:
        """A register is used in a block that does not define it."""
        note = self.outside[r]
        if note and self.outside_block[note] == b:
            return
        n = self.outside_count
        if n >= i64(len(self.outside_block)):
            self.outside_block = grown(self.outside_block, 2 * n)
            self.outside_next = grown(self.outside_next, 2 * n)
        self.outside_count = n + 1
        self.outside_block[n] = b
        self.outside_next[n] = note
        self.outside[r] = n

    def add(
        self,
        form: i64,
        mode: i64,
        roles: i64,
        reg: i64 = NO_REGISTER,
        rm: i64 = NO_REGISTER,
        index: i64 = NO_REGISTER,
        third: i64 = NO_REGISTER,
        displacement: i64 = 0,
        immediate: i64 = 0,
    ) -> None:
        """One more instruction of the group at hand."""
        if self.first == 0:
            self._grow()
        i = self.first - 1
        self.first = i
        self.form[i] = form
        self.mode[i] = mode
        self.roles[i] = roles
        self.reg[i] = reg
        self.rm[i] = rm
        self.index[i] = index
        self.third[i] = third
        self.displacement[i] = displacement
        self.immediate[i] = immediate
        self.source[i] = self.at

    def group(self) -> None:
        """What is added from here on comes before what was added so far."""
        if self._group - self.first > 1:
            self._turn(self.first, self._group)
        self._group = self.first

    def pair(self, to: i64, source: i64) -> None:
        """One more copy that `copies` makes."""
        p = self.pool_count
        if p + 3 > i64(len(self.pool)):
            self.pool = grown(self.pool, 2 * p + 3)
        if self._pairs < 0:
            self._pairs = p
            p += 1
        self.pool[p] = to
        self.pool[p + 1] = source
        self.pool_count = p + 2
        self.suggest(to, source)

    def copies(self) -> None:
        """The pairs since the last time: registers get what others hold, all at once."""
        p = self._pairs
        if p >= 0:
            self.pool[p] = (self.pool_count - p - 1) >> 1
            self._pairs = -1
            self.add(COPIES, 0, 0, displacement=p)

    def copy_one(self, to: i64, source: i64) -> None:
        """`copies` of one pair."""
        self.pair(to, source)
        self.copies()

    def suggest(self, to: i64, source: i64) -> None:
        """A register is copied to another, and had better be in the same place."""
        if to >= FIRST_VIRTUAL and self.copy_of[to] < 0:
            self.copy_of[to] = source
        if source >= FIRST_VIRTUAL and self.copied_to[source] < 0:
            self.copied_to[source] = to

    def make_frame(self) -> None:
        """The frame is made here, at the start of the block at hand."""
        self.group()
        self.add(FRAME, 0, 0)
        self.frame_at = self.end - self.first

    def begin_block(self, b: i64) -> None:
        """What is added from here on is in a block, before what was added so far."""
        self.block_end[b] = self.end - self.first

    def finish_block(self, b: i64) -> None:
        """All of a block is there."""
        self.group()
        self.block_first[b] = self.end - self.first

    def finish(self) -> None:
        """All is there. Until then `block_first`, `block_end` and `frame_at` are counted from the end."""
        if len(self.order) > len(self._starts):
            self._starts = grown(self._starts, len(self.block_first))
            self._block = grown(self._block, len(self.block_first))
        at: i64 = 0
        for b in self.order:
            first = self.end - self.block_first[b]
            self.block_first[b] = first
            self.block_end[b] = self.end - self.block_end[b]
            self._starts[at] = 2 * first
            self._block[at] = b
            at += 1
        if self.frame_at:
            self.frame_at = 2 * (self.end - self.frame_at) + 2

    def block_at(self, position: i64) -> i64:
        """The block that a position is in."""
        starts = self._starts
        low: i64 = 0
        high: i64 = len(self.order)
        while high - low > 1:
            middle = (low + high) >> 1
            if starts[middle] <= position:
                low = middle
            else:
                high = middle
        return self._block[low]

    def _turn(self, start: i64, end: i64) -> None:
        """The rows from start to end in the other order."""
        form = self.form
        mode = self.mode
        roles = self.roles
        reg = self.reg
        rm = self.rm
        index = self.index
        third = self.third
        displacement = self.displacement
        immediate = self.immediate
        source = self.source
        low = start
        high = end - 1
        while low < high:
            _exchange(form, low, high)
            _exchange(mode, low, high)
            _exchange(roles, low, high)
            _exchange(reg, low, high)
            _exchange(rm, low, high)
            _exchange(index, low, high)
            _exchange(third, low, high)
            _exchange(displacement, low, high)
            _exchange(immediate, low, high)
            _exchange(source, low, high)
            low += 1
            high -= 1

    def constant(self, data: bytes) -> i64:
        """The offset among the constants of these 16 bytes."""
        offset = self._constant_offsets.get(data, -1)
        if offset < 0:
            offset = len(self.constants) << 4
            self.constants.append(data)
            self._constant_offsets[data] = offset
        return offset

    def _grow(self) -> None:
        self.effort.grow(self.end)
        more = self.end
        self.form = _moved_up(self.form)
        self.mode = _moved_up(self.mode)
        self.roles = _moved_up(self.roles)
        self.reg = _moved_up(self.reg)
        self.rm = _moved_up(self.rm)
        self.index = _moved_up(self.index)
        self.third = _moved_up(self.third)
        self.displacement = _moved_up(self.displacement)
        self.immediate = _moved_up(self.immediate)
        self.source = _moved_up(self.source)
        self.end += more
        self.first += more
        self._group += more

    def _make_registers(self, rows: i64) -> None:
        """Room for so many registers. All of a row is written when it is taken."""
        self.register_class = grown(self.register_class, rows)
        self.copy_of = grown(self.copy_of, rows)
        self.copied_to = grown(self.copied_to, rows)
        self.outside = grown(self.outside, rows)


def _moved_up(old: vec[i64]) -> vec[i64]:
    """A column of twice as many rows, whose upper half is the old one."""
    return extend(column(len(old)), old)


def _exchange(numbers: vec[i64], one: i64, other: i64) -> None:
    held = numbers[one]
    numbers[one] = numbers[other]
    numbers[other] = held
