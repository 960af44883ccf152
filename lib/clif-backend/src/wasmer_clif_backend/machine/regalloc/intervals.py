"""Where virtual registers are alive: as ranges of positions, with the places where they are used.

Liveness is found use by use: from a use in a block that does not define the register, which lowering has
noted, back over all ways, until the block that does (Boissinot and others, *Computing liveness sets for SSA-form
programs*, 2011). It takes any graph of blocks, loops of every kind, and time in proportion to its result, the lists
`live_in`. Then one sweep over the code, last instruction first, makes the ranges, so that each list comes out sorted.

A *range* ``[from, to)`` is of positions: 2 n where instruction n reads, 2 n + 1 where it writes. A value that
is written by instruction m and last read by n lives in [2 m + 1, 2 n + 1): n may put its own result into the same
register. A block's parameters live from where it starts; what an edge carries, to where its block ends.

A *use* is a position with a kind: must it be in a register there, or may it be in memory, is it written.

Registers of the machine have ranges too (`taken`): where instructions name them. Where a call loses the caller-saved
ones is in `calls`, once for all of them.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import PARAMETER
from wasmer_clif_backend.machine.code import (
    CALL_CLOBBERS,
    COPIES,
    FIRST_VIRTUAL,
    IMPLICIT,
    IN_MEMORY,
    NO_REGISTER,
    REG_READ,
    REG_WRITTEN,
    RM_MAY_BE_MEMORY,
    RM_READ,
    RM_WRITTEN,
    THIRD_WRITTEN,
    Code,
)
from wasmer_runtime_core.errors import InternalError

MUST: Final = 1
"""A use that has to be in a register."""
WRITES: Final = 2
"""The register is written there."""
READS_TOO: Final = 4
"""It is written, and keeps something of what it held: what came before is not another value."""


@final
class Intervals:
    """The ranges and uses of one function's virtual registers. Used again for the next one.

    Attributes:
        first_range, first_use: by virtual register: its list, in ascending order; 0: empty.
        life_end: by virtual register: where its last range ends.
        range_from, range_to, range_next: the ranges.
        use_at, use_kind, use_next: the uses.
        order: virtual registers, so that those whose first range starts last come first.
        live_in, live_end: by block, from where to where in `live_pool` the registers are that are alive where it
            starts, in ascending order, parameters not among them.
        calls: positions 2 n of instructions behind which the caller-saved registers are lost, descending.
        taken: by register of the machine: its ranges.
    """

    def __init__(self) -> None:
        rows: i64 = 1 << 10
        self.first_range = column(rows)
        self.first_use = column(rows)
        self.life_end = column(rows)
        self.range_from = column(rows)
        self.range_to = column(rows)
        self.range_next = column(rows)
        self.range_count: i64 = 1
        self.use_at = column(rows)
        self.use_kind = column(rows)
        self.use_next = column(rows)
        self.use_count: i64 = 1
        self.order = column(rows)
        self.order_count: i64 = 0
        self.calls = column(rows)
        self.call_count: i64 = 0
        self.taken = column(FIRST_VIRTUAL)
        blocks: i64 = 1 << 7
        self.live_in = column(blocks)
        self.live_end = column(blocks)
        self.live_pool = column(rows)
        # While liveness is found: by block, the register that it was reached for last; blocks to look at; what was
        # found, register and block, in the order of registers.
        self._mark = column(blocks)
        self._work = column(blocks)
        self._found_register = column(rows)
        self._found_block = column(rows)
        self._found_count: i64 = 0
        # While ranges are made: by register, the end of the range that is open, 0: none; the registers of a block
        # that have or had one.
        self._open = column(rows)
        self._live = column(rows)
        self._live_count: i64 = 0
        self._open_machine: i64 = 0
        """How many registers of the machine have an open range."""
        self._never_given: i64 = 0

    def build(self, function: Function, code: Code) -> None:
        """Find everything for a function."""
        registers = code.registers
        self._never_given = code.never_given
        if registers > i64(len(self.first_range)):
            self.first_range = grown(self.first_range, registers)
            self.first_use = grown(self.first_use, registers)
            self.life_end = grown(self.life_end, registers)
            self.order = grown(self.order, registers)
            self._open = grown(self._open, registers)
            self._live = grown(self._live, registers)
        r: i64 = 0
        while r < registers:
            self.first_range[r] = 0
            self.first_use[r] = 0
            self._open[r] = 0
            r += 1
        r = 0
        while r < FIRST_VIRTUAL:
            self.taken[r] = 0
            r += 1
        self.range_count = 1
        self.use_count = 1
        self.order_count = 0
        self.call_count = 0
        self._open_machine = 0
        self._liveness(function, code)
        at = len(code.order) - 1
        while at >= 0:
            self._block(function, code, code.order[at])
            at -= 1

    # --- liveness -------------------------------------------------------------------------------------

    def _liveness(self, function: Function, code: Code) -> None:
        """`live_in` of every block."""
        blocks = function.block_count
        if blocks > i64(len(self.live_in)):
            self.live_in = grown(self.live_in, blocks)
            self.live_end = grown(self.live_end, blocks)
            self._mark = grown(self._mark, blocks)
        b: i64 = 0
        while b < blocks:
            self.live_end[b] = 0
            self._mark[b] = 0
            b += 1
        self._found_count = 0
        values = function.count + FIRST_VIRTUAL
        r: i64 = FIRST_VIRTUAL
        while r < code.registers:
            note = code.outside[r]
            if note:
                # A register that is no value's is made at the function's beginning.
                home = function.block_of[r - FIRST_VIRTUAL] if r < values else function.entry
                while note:
                    self._spread(function, r, home, code.outside_block[note])
                    note = code.outside_next[note]
            r += 1
        # Block by block; within a block, registers stay in order.
        total: i64 = 0
        for one in code.order:
            self.live_in[one] = total
            total += self.live_end[one]
            self.live_end[one] = self.live_in[one]
        if total > i64(len(self.live_pool)):
            self.live_pool = grown(self.live_pool, 2 * total)
        n: i64 = 0
        while n < self._found_count:
            b = self._found_block[n]
            self.live_pool[self.live_end[b]] = self._found_register[n]
            self.live_end[b] += 1
            n += 1

    def _spread(self, function: Function, r: i64, home: i64, b: i64) -> None:
        """A register is alive where a block starts, and before, back to the block that defines it."""
        work = self._work
        mark = self._mark
        waiting: i64 = 0
        while True:
            function.effort.spend(1)
            if b != home and mark[b] != r:
                mark[b] = r
                self._find(r, b)
                e = function.incoming[b]
                while e:
                    if waiting >= i64(len(work)):
                        work = grown(work, 2 * waiting)
                        self._work = work
                    work[waiting] = function.edge_from[e]
                    waiting += 1
                    e = function.edge_next[e]
            if waiting == 0:
                return
            waiting -= 1
            b = work[waiting]

    def _find(self, r: i64, b: i64) -> None:
        n = self._found_count
        if n >= i64(len(self._found_block)):
            self._found_block = grown(self._found_block, 2 * n)
            self._found_register = grown(self._found_register, 2 * n)
        self._found_count = n + 1
        self._found_block[n] = b
        self._found_register[n] = r
        self.live_end[b] += 1

    # --- ranges -----------------------------------------------------------------------------------------

    def _block(self, function: Function, code: Code, b: i64) -> None:
        """The ranges and uses of one block, last first."""
        start = 2 * code.block_first[b]
        end = 2 * code.block_end[b]
        self._live_count = 0
        n = code.way_first[b]
        while n < code.way_end[b]:
            e = code.ways[n]
            target = function.edge_to[e]
            p = self.live_in[target]
            function.effort.spend(self.live_end[target] - p + function.pool[function.edge_arguments[e]] + 1)
            while p < self.live_end[target]:
                self._extend(self.live_pool[p], end)
                p += 1
            p = function.edge_arguments[e]
            last = p + function.pool[p]
            while p < last:
                p += 1
                r = function.pool[p] + FIRST_VIRTUAL
                self._extend(r, end)
                self._use(r, end - 1, 0)
            n += 1
        i = code.block_end[b] - 1
        while i >= code.block_first[b]:
            if i & 0x1FF == 0:
                function.effort.spend(0x1000)
            if code.form[i] == COPIES:
                self._copies(code, i)
            else:
                self._instruction(code, i)
            i -= 1
        if b != function.entry:  # there the code itself puts them into their registers
            v = function.first[b]
            while v and function.opcode[v] == PARAMETER:
                self._define(v + FIRST_VIRTUAL, start, 0)
                v = function.next[v]
        n = 0
        while n < self._live_count:
            r = self._live[n]
            if self._open[r]:
                self._range(r, start, self._open[r])
                self._open[r] = 0
            n += 1
        if self._open_machine:
            raise InternalError(f"a register of the machine is read, but not written, in block {b}")

    def _copies(self, code: Code, i: i64) -> None:
        """All are read, then all are written."""
        first = code.displacement[i] + 1
        end = first + 2 * code.pool[first - 1]
        p = first
        while p < end:
            self._define(code.pool[p], 2 * i + 1, WRITES)
            p += 2
        p = first
        while p < end:
            r = code.pool[p + 1]
            self._extend(r, 2 * i + 1)
            self._use(r, 2 * i, 0)
            p += 2

    def _instruction(self, code: Code, i: i64) -> None:
        roles = code.roles[i]
        reg = code.reg[i]
        rm = code.rm[i]
        third = code.third[i]
        if roles & (CALL_CLOBBERS | IMPLICIT | THIRD_WRITTEN):
            self._unusual(code, i)
            if roles & THIRD_WRITTEN:
                third = NO_REGISTER
        # What is written: it ends what is open behind, unless it is read as well.
        if roles & REG_WRITTEN:
            if roles & REG_READ:
                self._extend(reg, 2 * i + 2)
                self._use(reg, 2 * i + 1, MUST | WRITES | READS_TOO)
            else:
                self._define(reg, 2 * i + 1, MUST | WRITES)
        if roles & RM_WRITTEN:
            kind: i64 = WRITES if roles & RM_MAY_BE_MEMORY else MUST | WRITES
            if roles & RM_READ:
                self._extend(rm, 2 * i + 2)
                self._use(rm, 2 * i + 1, kind | READS_TOO)
            else:
                self._define(rm, 2 * i + 1, kind)
        if roles & IMPLICIT:
            self._read_implicitly(code, i)
        # What is read.
        if roles & REG_READ:
            self._extend(reg, 2 * i + 1)
            self._use(reg, 2 * i, MUST)
        if roles & IN_MEMORY:
            if rm >= 0:
                self._extend(rm, 2 * i + 1)
                self._use(rm, 2 * i, MUST)
        elif roles & RM_READ:
            self._extend(rm, 2 * i + 1)
            self._use(rm, 2 * i, 0 if roles & RM_MAY_BE_MEMORY else MUST)
        index = code.index[i]
        if index >= 0:
            self._extend(index, 2 * i + 1)
            self._use(index, 2 * i, MUST)
        if third >= 0:
            self._extend(third, 2 * i + 1)
            self._use(third, 2 * i, MUST)

    def _unusual(self, code: Code, i: i64) -> None:
        """What few instructions write: a third register, registers that they do not name, all that a call loses."""
        roles = code.roles[i]
        if roles & CALL_CLOBBERS:
            if self.call_count >= i64(len(self.calls)):
                self.calls = grown(self.calls, 2 * self.call_count)
            self.calls[self.call_count] = 2 * i
            self.call_count += 1
        if roles & THIRD_WRITTEN:
            self._define(code.third[i], 2 * i + 1, MUST | WRITES)
        if roles & IMPLICIT:
            written = code.immediate[i] >> FIRST_VIRTUAL
            r: i64 = 0
            while written:
                if written & 1:
                    self._define(r, 2 * i + 1, 0)
                written >>= 1
                r += 1

    def _read_implicitly(self, code: Code, i: i64) -> None:
        """Registers of the machine that an instruction reads without naming them."""
        read = code.immediate[i] & 0xFFFF_FFFF
        r: i64 = 0
        while read:
            if read & 1:
                self._extend(r, 2 * i + 1)
            read >>= 1
            r += 1

    def _extend(self, r: i64, end: i64) -> None:
        """The register is alive up to here, going backwards."""
        if self._open[r] == 0:
            if r >= FIRST_VIRTUAL:
                self._live[self._live_count] = r
                self._live_count += 1
            elif (self._never_given >> r) & 1:
                return
            else:
                self._open_machine += 1
            self._open[r] = end

    def _define(self, r: i64, at: i64, kind: i64) -> None:
        """The register is written here, and means nothing before."""
        end = self._open[r]
        if end == 0:
            end = (at + 2) & -2  # is never read
        elif r < FIRST_VIRTUAL:
            self._open_machine -= 1
        self._open[r] = 0
        self._range(r, at, end)
        if r >= FIRST_VIRTUAL:
            self._use(r, at, kind)
            self.order[self.order_count] = r
            self.order_count += 1

    def _range(self, r: i64, start: i64, end: i64) -> None:
        """A new first range; one with the old first range if they touch."""
        head = self.taken[r] if r < FIRST_VIRTUAL else self.first_range[r]
        if head and self.range_from[head] <= end:
            self.range_from[head] = start
            if self.range_to[head] < end:
                self.range_to[head] = end
                if r >= FIRST_VIRTUAL and self.range_next[head] == 0:
                    self.life_end[r] = end
            return
        n = self._new_range(start, end, head)
        if r < FIRST_VIRTUAL:
            self.taken[r] = n
        else:
            if head == 0:
                self.life_end[r] = end
            self.first_range[r] = n

    def cut_range(self, n: i64, q: i64) -> i64:
        """Cut a range within; the part from q on, a new one, which stands before those behind."""
        rest = self._new_range(q, self.range_to[n], self.range_next[n])
        self.range_to[n] = q
        return rest

    def _new_range(self, start: i64, end: i64, behind: i64) -> i64:
        n = self.range_count
        if n >= i64(len(self.range_from)):
            rows = 2 * n
            self.range_from = grown(self.range_from, rows)
            self.range_to = grown(self.range_to, rows)
            self.range_next = grown(self.range_next, rows)
        self.range_count = n + 1
        self.range_from[n] = start
        self.range_to[n] = end
        self.range_next[n] = behind
        return n

    def _use(self, r: i64, at: i64, kind: i64) -> None:
        if r < FIRST_VIRTUAL:
            return
        n = self.use_count
        if n >= i64(len(self.use_at)):
            rows = 2 * n
            self.use_at = grown(self.use_at, rows)
            self.use_kind = grown(self.use_kind, rows)
            self.use_next = grown(self.use_next, rows)
        self.use_count = n + 1
        self.use_at[n] = at
        self.use_kind[n] = kind
        self.use_next[n] = self.first_use[r]
        self.first_use[r] = n
