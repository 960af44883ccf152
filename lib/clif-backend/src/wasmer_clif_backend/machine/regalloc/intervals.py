"""Where virtual registers are alive: as ranges of positions, with the places where they are used.

One sweep over the code, last instruction first, makes the ranges, so that each list comes out sorted. Between two
blocks it looks at those registers only that are alive where the later one starts and not where the earlier one
ends, or the other way round (`liveness`): what is alive all the way costs nothing on the way.

A *range* ``[from, to)`` is of positions: 2 n where instruction n reads, 2 n + 1 where it writes. A value that
is written by instruction m and last read by n lives in [2 m + 1, 2 n + 1): n may put its own result into the same
register. A block's parameters live from where it starts; what an edge carries, to where its block ends.

A *use* is a position with a kind: must it be in a register there, or may it be in memory, is it written.

Registers of the machine have ranges too (`taken`): where instructions name them. Where a call loses the caller-saved
ones is in `calls`, once for all of them.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column, grown, with_room
from wasmer_clif_backend.ir.flow import Flow
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
from wasmer_clif_backend.machine.regalloc.liveness import BITS, LOWEST_BIT, NO_BIT, Liveness
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.support.annotations import Final, final, i64

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
        use_counts: by virtual register: how many uses it has; 0: nobody has asked yet (`coalesce`).
        life_end: by virtual register: where its last range ends.
        range_from, range_to, range_next: the ranges.
        use_at, use_kind, use_next: the uses.
        order: virtual registers, so that those whose first range starts last come first.
        liveness: which registers are alive where blocks start, parameters not among them.
        calls: positions 2 n of instructions behind which the caller-saved registers are lost, descending.
        taken: by register of the machine: its ranges.
    """

    def __init__(self) -> None:
        rows: i64 = 1 << 10
        self.first_range = column(rows)
        self.first_use = column(rows)
        self.use_counts = column(rows)
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
        self.liveness: Final = Liveness()
        # While ranges are made: the set of those that are alive where the last block starts that was looked at.
        self._through = column(1 << 2)
        self._block_behind: i64 = 0
        """That block; 0: there is none."""
        self._seen = column(rows)
        """By register in a list: the block at whose end it was last seen alive, as `_looks` then was."""
        self._looks: i64 = 0
        """How many blocks were looked at, of all functions."""
        # By register, the end of the range that is open; 0: none.
        self._open = column(rows)
        self._open_machine: i64 = 0
        """How many registers of the machine have an open range."""
        self._never_given: i64 = 0

    def build(self, function: Function, code: Code, flow: Flow) -> None:
        """Find everything for a function."""
        registers = code.registers
        self._never_given = code.never_given
        if registers > i64(len(self.life_end)):
            rows = with_room(registers)
            self.life_end = column(rows)
            self.order = column(rows)
            self.first_range = column(rows)
            self.first_use = column(rows)
            self.use_counts = column(rows)
            self._open = column(rows)
            self._seen = column(rows)
        first_range = self.first_range
        first_use = self.first_use
        use_counts = self.use_counts
        opened = self._open
        r: i64 = FIRST_VIRTUAL  # none of the machine is open: each was written before it was read
        while r < registers:
            first_range[r] = 0
            first_use[r] = 0
            use_counts[r] = 0
            opened[r] = 0
            r += 1
        self.taken = column(FIRST_VIRTUAL)
        self.range_count = 1
        self.use_count = 1
        self.order_count = 0
        self.call_count = 0
        self._open_machine = 0
        self.liveness.find(function, code, flow)
        self._through = column(self.liveness.words)
        self._block_behind = 0
        at = len(code.order) - 1
        while at >= 0:
            self._block(function, code, code.order[at])
            at -= 1

    # --- ranges -----------------------------------------------------------------------------------------

    def _block(self, function: Function, code: Code, b: i64) -> None:
        """The ranges and uses of one block, last first."""
        first = code.block_first[b]
        end = 2 * code.block_end[b]
        self._go_over_lists(function, code, b, end)
        self._go_over_sets(function, code, b, end)
        n = code.way_first[b]
        while n < code.way_end[b]:
            p = function.edge_arguments[code.ways[n]]
            last = p + function.pool[p]
            function.effort.spend(4 * (last - p) + 1)
            while p < last:
                p += 1
                r = function.pool[p] + FIRST_VIRTUAL
                self._extend(r, end)
                self._use(r, end - 1, 0)
            n += 1
        i = code.block_end[b] - 1
        while i >= first:
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
                self._define(v + FIRST_VIRTUAL, 2 * first, 0)
                v = function.next[v]
        if self._open_machine:
            raise InternalError(f"a register of the machine is read, but not written, in block {b}")

    # From the start of the block behind to the end of a block: what is alive in one of both is opened or closed.

    def _go_over_lists(self, function: Function, code: Code, b: i64, end: i64) -> None:
        liveness = self.liveness
        few = liveness.few
        opened = self._open
        seen = self._seen
        self._looks += 1
        look = self._looks
        n = code.way_first[b]
        while n < code.way_end[b]:
            target = function.edge_to[code.ways[n]]
            p = liveness.few_first[target]
            last = liveness.few_end[target]
            function.effort.spend(last - p + 1)
            while p < last:
                r = few[p]
                seen[r] = look
                if opened[r] == 0:
                    opened[r] = end
                p += 1
            n += 1
        p = liveness.few_first[self._block_behind]
        last = liveness.few_end[self._block_behind]
        while p < last:
            r = few[p]
            if seen[r] != look:
                self._range(r, end, opened[r])
                opened[r] = 0
            p += 1
        self._block_behind = b

    def _go_over_sets(self, function: Function, code: Code, b: i64, end: i64) -> None:
        liveness = self.liveness
        words = liveness.words
        alive = liveness.alive
        through = self._through
        first = code.way_first[b]
        last = code.way_end[b]
        function.effort.spend((last - first + 1) * words)
        word: i64 = 0
        while word < words:
            behind: i64 = 0
            n = first
            while n < last:
                behind |= alive[function.edge_to[code.ways[n]] * words + word]
                n += 1
            changed = behind ^ through[word]
            g = word * BITS
            while changed:
                skipped: i64 = LOWEST_BIT[changed & 0xFF]
                changed >>= skipped
                g += skipped
                if skipped == NO_BIT:
                    continue
                r = liveness.register[g]
                if self._open[r]:
                    self._range(r, end, self._open[r])
                    self._open[r] = 0
                else:
                    self._open[r] = end
                changed >>= 1
                g += 1
            through[word] = alive[b * words + word]
            word += 1

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
            if r < FIRST_VIRTUAL:
                if (self._never_given >> r) & 1:
                    return
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
