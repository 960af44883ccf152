"""Machine code with virtual registers: what lowering writes and the register allocator reads.

An instruction is core's record (`wasmer_runtime_core.codegen.x64.records`) that names virtual registers where
the record names machine registers. Its words but for the registers are a *template*; the registers are
up to four operands, each a field of the record: `reg`, `rm` (the base, in a memory mode), `index`
and `third`. What is done with them is said by `roles`.

Registers are numbers: 0 to 15 general registers of the machine, 16 to 31 its xmm registers, from
`FIRST_VIRTUAL` on virtual ones: first one for each value of the function, then temporaries. An operand
that is a register of the machine stays what it is; how long it is taken, the allocator sees.

Arguments, parameters and results are moved by `COPIES`, a row that is no instruction of the machine:
registers get what others hold, all at once. Its pairs (to, from) lie in `pool`: how many, then the pairs. A
call, a division and the like say with `IMPLICIT` which registers of the machine they read and
write besides; behind one with `CALL_CLOBBERS` the caller-saved registers are lost.

A virtual register is written once, and may be modified in the same block afterwards (``mov d, a; add d, b``).
A block's parameters are written by the edges that lead there.

Order and positions
-------------------
Lowering goes backwards through a function, so that a value is met after its uses, but writes the
instructions of one rule forwards: a *group*. `finish` puts the groups into the order of execution. From then on
instruction n has two positions: ``2 * n``, where it reads, and ``2 * n + 1``, where it writes.

Blocks and edges are those of the function, in the order of `order`. What an edge moves is not in the
code: its arguments and the parameters of its target are the function's, and `regalloc.resolve` adds the rest.
"""

from __future__ import annotations

from typing import Final, final

from librt.vecs import vec
from mypy_extensions import i64

from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.types import in_xmm

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
"""Reads and writes registers of the machine that it does not name: `immediate` is the place in `pool` of two
lists, those read and those written."""
THIRD_WRITTEN: Final = 512
"""`third` is written, not read: where a digit stands in ModRM, VEX names the result there."""

# --- forms that are no instruction: above all of core's -----------------------------------------------
COPIES: Final = 0xF00
ENTRY: Final = 0xF01
"""Makes the frame. Writes the registers of the arguments."""
LEAVE: Final = 0xF02
"""Takes the frame down, before a return or a jump to another function."""
ATOMIC: Final = 0xF03
"""An atomic operation, which may be a loop; emission knows."""


@final
class Code:
    """One function's machine code. Used again for the next one; columns only grow."""

    def __init__(self) -> None:
        rows: i64 = 1 << 10
        self.capacity: i64 = rows
        self.count: i64 = 0
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
        self.groups = column(rows)
        self.group_count: i64 = 0

        self.registers: i64 = 0
        """One more than the greatest virtual register."""
        self.register_class = column(rows)
        """By register: `GENERAL` or `XMM`."""
        self.hint = column(rows)
        """By register: another one, or of the machine, that it should share its place with; -1: none."""
        self.pool = column(1 << 8)
        self.pool_count: i64 = 0

        blocks: i64 = 1 << 7
        self.block_first = column(blocks)
        """By block: its first instruction."""
        self.block_end = column(blocks)
        """By block: one more than its last instruction."""
        self.order: list[int] = []
        """Blocks in the order of the code."""
        self.constants: list[bytes] = []
        self._constant_offsets: dict[bytes, int] = {}
        self.outgoing: i64 = 0
        """Bytes that arguments take on the stack."""
        self.calls = False
        """Whether there is a call."""
        self.slot_offsets: list[int] = []
        """By stack slot of the function: its offset from the first one."""
        self.slot_bytes: i64 = 0
        self.buffer_bytes: i64 = 0
        """Behind the stack slots: a buffer for the results of calls."""
        self.at: i64 = 0
        """What `add` enters as the source."""
        self.never_given: i64 = 0
        """Bits of registers of the machine that no virtual one is put into: their life is of no interest."""

    def begin(self, function: Function) -> None:
        """Empty, with a virtual register for each value."""
        self.count = 0
        self.group_count = 0
        self.pool_count = 0
        self.constants = []
        self._constant_offsets = {}
        self.outgoing = 0
        self.calls = False
        self.at = 0
        self.order = []
        need = function.count + FIRST_VIRTUAL
        if need > i64(len(self.register_class)):
            self.register_class = grown(self.register_class, need)
            self.hint = grown(self.hint, need)
        r: i64 = 0
        while r < FIRST_VIRTUAL:
            self.register_class[r] = GENERAL if r < FIRST_XMM else XMM
            self.hint[r] = NO_REGISTER
            r += 1
        while r < need:
            self.register_class[r] = XMM if in_xmm(function.type[r - FIRST_VIRTUAL]) else GENERAL
            self.hint[r] = NO_REGISTER
            r += 1
        self.registers = need
        if function.block_count > i64(len(self.block_first)):
            self.block_first = grown(self.block_first, function.block_count)
            self.block_end = grown(self.block_end, function.block_count)
        self.slot_offsets = []
        size = 0
        for slot in function.slots:
            alignment = max(16, 1 << slot.alignment) if slot.size else 1
            size = (size + alignment - 1) // alignment * alignment
            self.slot_offsets.append(size)
            size += slot.size
        self.slot_bytes = (size + 15) // 16 * 16
        self.buffer_bytes = 0

    def temporary(self, register_class: i64) -> i64:
        """A new virtual register."""
        r = self.registers
        if r >= i64(len(self.register_class)):
            self.register_class = grown(self.register_class, 2 * r)
            self.hint = grown(self.hint, 2 * r)
        self.registers = r + 1
        self.register_class[r] = register_class
        self.hint[r] = NO_REGISTER
        return r

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
    ) -> i64:
        """One more instruction of the group at hand; its number, until `finish`."""
        i = self.count
        if i >= self.capacity:
            self._grow()
        self.count = i + 1
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
        return i

    def group(self) -> None:
        """What is added from here on comes before what was added so far."""
        g = self.group_count
        if g >= i64(len(self.groups)):
            self.groups = grown(self.groups, 2 * g)
        self.groups[g] = self.count
        self.group_count = g + 1

    def pairs(self, registers: list[int]) -> i64:
        """A list in the pool: to, from, to, from, …; its place."""
        p = self.pool_count
        length: i64 = len(registers)
        self.pool_count = p + length + 1
        if self.pool_count > i64(len(self.pool)):
            self.pool = grown(self.pool, 2 * self.pool_count)
        self.pool[p] = length // 2
        for at, register in enumerate(registers):
            self.pool[p + 1 + at] = register
        return p

    def implicit(self, reads: list[int], writes: list[int]) -> i64:
        """What an instruction reads and writes without naming it, for `immediate`."""
        p = self.pool_count
        self.pool_count = p + len(reads) + len(writes) + 2
        if self.pool_count > i64(len(self.pool)):
            self.pool = grown(self.pool, 2 * self.pool_count)
        at = p
        for registers in (reads, writes):
            self.pool[at] = len(registers)
            at += 1
            for register in registers:
                self.pool[at] = register
                at += 1
        return p

    def copies(self, registers: list[int]) -> None:
        """Registers get what others hold, all at once; ``[to, from, to, from, …]``. Both hint at each other."""
        for at in range(0, len(registers), 2):
            self._suggest(registers[at], registers[at + 1])
            self._suggest(registers[at + 1], registers[at])
        if registers:
            self.add(COPIES, 0, 0, NO_REGISTER, NO_REGISTER, NO_REGISTER, NO_REGISTER, self.pairs(registers))

    def _suggest(self, register: i64, other: i64) -> None:
        if register >= FIRST_VIRTUAL and self.hint[register] < 0:
            self.hint[register] = other

    def finish(self) -> None:
        """Put everything into the order of execution.

        Until then `block_first` and `block_end` are rows as they were written. All rows change sides, then the
        rows of each group once more.
        """
        count = self.count
        self._turn(0, count)
        end = count
        g = self.group_count - 1
        while g >= 0:
            start = self.groups[g]
            if end - start > 1:
                self._turn(count - end, count - start)
            end = start
            g -= 1
        for b in self.order:
            start = self.block_first[b]
            self.block_first[b] = count - self.block_end[b]
            self.block_end[b] = count - start

    def _turn(self, start: i64, end: i64) -> None:
        """The rows from start to end in the other order."""
        _turned(self.form, start, end)
        _turned(self.mode, start, end)
        _turned(self.roles, start, end)
        _turned(self.reg, start, end)
        _turned(self.rm, start, end)
        _turned(self.index, start, end)
        _turned(self.third, start, end)
        _turned(self.displacement, start, end)
        _turned(self.immediate, start, end)
        _turned(self.source, start, end)

    def constant(self, data: bytes) -> i64:
        """The offset among the constants of these 16 bytes."""
        offset = self._constant_offsets.get(data, -1)
        if offset < 0:
            offset = 16 * len(self.constants)
            self.constants.append(data)
            self._constant_offsets[data] = offset
        return offset

    def _grow(self) -> None:
        rows = self.capacity * 2
        self.form = grown(self.form, rows)
        self.mode = grown(self.mode, rows)
        self.roles = grown(self.roles, rows)
        self.reg = grown(self.reg, rows)
        self.rm = grown(self.rm, rows)
        self.index = grown(self.index, rows)
        self.third = grown(self.third, rows)
        self.displacement = grown(self.displacement, rows)
        self.immediate = grown(self.immediate, rows)
        self.source = grown(self.source, rows)
        self.capacity = rows


def _turned(numbers: vec[i64], start: i64, end: i64) -> None:
    """A part of a column in the other order."""
    low = start
    high = end - 1
    while low < high:
        held = numbers[low]
        numbers[low] = numbers[high]
        numbers[high] = held
        low += 1
        high -= 1
