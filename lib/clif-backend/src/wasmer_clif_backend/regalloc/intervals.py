"""Where virtual registers are alive: as ranges of positions, with the places where they are used.

Liveness is found use by use: from a use in a block that does not define the register, back over all ways,
until the block that does (Boissinot and others, *Computing liveness sets for SSA-form programs*, 2011). It takes any
graph of blocks, loops of every kind, and time in proportion to its result, the lists `live_in`. Then one sweep
over the code, last instruction first, makes the ranges, so that each list comes out sorted.

A *range* ``[from, to)`` is of positions: 2 n where instruction n reads, 2 n + 1 where it writes. A value that
is written by instruction m and last read by n lives in [2 m + 1, 2 n + 1): n may put its own result into the same
register. A block's parameters live from where it starts; what an edge carries, to where its block ends.

A *use* is a position with a kind: must it be in a register there, or may it be in memory, is it written.

Registers of the machine have ranges too (`taken`): where instructions name them. Where a call loses the caller-saved
ones is in `calls`, once for all of them.
"""

from __future__ import annotations

from typing import Final, final

from librt.vecs import vec
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
    REG_READ,
    REG_WRITTEN,
    RM_MAY_BE_MEMORY,
    RM_READ,
    RM_WRITTEN,
    THIRD_WRITTEN,
    Code,
)

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
        range_from, range_to, range_next: the ranges.
        use_at, use_kind, use_next: the uses.
        order: virtual registers, so that those whose first range starts last come first.
        live_in: by block, its list in `live_pool`: registers that are alive where it starts, parameters not among them.
        calls: positions 2 n of instructions behind which the caller-saved registers are lost, descending.
        taken: by register of the machine: its ranges.
    """

    def __init__(self) -> None:
        rows: i64 = 1 << 10
        self.first_range = column(rows)
        self.first_use = column(rows)
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
        self.live_in = column(1 << 7)
        self.live_count = column(1 << 7)
        self.live_pool = column(rows)
        self.live_pool_count: i64 = 0
        # While it is made: by register, the end of the range that is open, 0: none.
        self._open = column(rows)
        self._never_given: i64 = 0

    def build(self, function: Function, code: Code) -> None:
        """Find everything for a function."""
        registers = code.registers
        self._never_given = code.never_given
        if registers > i64(len(self.first_range)):
            self.first_range = grown(self.first_range, registers)
            self.first_use = grown(self.first_use, registers)
            self._open = grown(self._open, registers)
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
            self.live_count = grown(self.live_count, blocks)
        home = column(code.registers)  # the block that defines a register
        used: list[int] = []  # register, block: used there, and not defined before
        for b in code.order:
            v = function.first[b]
            while v and function.opcode[v] == PARAMETER:
                home[v + FIRST_VIRTUAL] = b
                v = function.next[v]
            i = code.block_first[b]
            while i < code.block_end[b]:
                self._homes(code, i, b, home)
                i += 1
        seen = column(code.registers)  # by register: the block that was noted last
        for b in code.order:
            i = code.block_first[b]
            while i < code.block_end[b]:
                self._exposed(code, i, b, home, seen, used)
                i += 1
            for e in function.edges(b):
                for v in function.items(function.edge_arguments[e]):
                    _note(v + FIRST_VIRTUAL, b, home, seen, used)
        # By register, so that a block is marked with the register that it was reached for last.
        heads = column(code.registers)
        links = column(len(used) // 2 + 1)
        at: i64 = 0
        while at < i64(len(used)) // 2:
            r = used[2 * at]
            links[at] = heads[r]
            heads[r] = at + 1
            at += 1
        mark = column(blocks)
        found: list[list[int]] = [[] for _ in range(blocks)]
        work: list[int] = []
        r = FIRST_VIRTUAL
        while r < code.registers:
            at = heads[r]
            while at:
                work.append(used[2 * at - 1])
                at = links[at - 1]
            while work:
                b = work.pop()
                if mark[b] == r or home[r] == b:
                    continue
                mark[b] = r
                found[b].append(r)
                e = function.incoming[b]
                while e:
                    work.append(function.edge_from[e])
                    e = function.edge_next[e]
            r += 1
        self.live_pool_count = 0
        for b in code.order:
            here = found[b]
            self.live_in[b] = self.live_pool_count
            self.live_count[b] = len(here)
            if self.live_pool_count + len(here) > i64(len(self.live_pool)):
                self.live_pool = grown(self.live_pool, 2 * (self.live_pool_count + len(here)))
            for register in here:
                self.live_pool[self.live_pool_count] = register
                self.live_pool_count += 1

    def _homes(self, code: Code, i: i64, b: i64, home: vec[i64]) -> None:
        """Registers that an instruction writes are at home in its block."""
        if code.form[i] == COPIES:
            p = code.displacement[i]
            end = p + 1 + 2 * code.pool[p]
            p += 1
            while p < end:
                if code.pool[p] >= FIRST_VIRTUAL:
                    home[code.pool[p]] = b
                p += 2
            return
        roles = code.roles[i]
        if roles & REG_WRITTEN and code.reg[i] >= FIRST_VIRTUAL:
            home[code.reg[i]] = b
        if roles & RM_WRITTEN and code.rm[i] >= FIRST_VIRTUAL:
            home[code.rm[i]] = b
        if roles & THIRD_WRITTEN:
            home[code.third[i]] = b

    def _exposed(self, code: Code, i: i64, b: i64, home: vec[i64], seen: vec[i64], used: list[int]) -> None:
        """Registers that an instruction reads and its block does not define."""
        if code.form[i] == COPIES:
            p = code.displacement[i]
            end = p + 1 + 2 * code.pool[p]
            p += 1
            while p < end:
                _note(code.pool[p + 1], b, home, seen, used)
                p += 2
            return
        roles = code.roles[i]
        if roles & REG_READ:
            _note(code.reg[i], b, home, seen, used)
        if roles & (RM_READ | IN_MEMORY):
            _note(code.rm[i], b, home, seen, used)
        _note(code.index[i], b, home, seen, used)
        if not roles & THIRD_WRITTEN:
            _note(code.third[i], b, home, seen, used)

    # --- ranges -----------------------------------------------------------------------------------------

    def _block(self, function: Function, code: Code, b: i64) -> None:
        """The ranges and uses of one block, last first."""
        start = 2 * code.block_first[b]
        end = 2 * code.block_end[b]
        live: list[int] = []
        for e in function.edges(b):
            target = function.edge_to[e]
            p = self.live_in[target]
            for at in range(self.live_count[target]):
                self._extend(self.live_pool[p + at], end, live)
            for v in function.items(function.edge_arguments[e]):
                r = v + FIRST_VIRTUAL
                self._extend(r, end, live)
                self._use(r, end - 1, 0)
        i = code.block_end[b] - 1
        while i >= code.block_first[b]:
            if code.form[i] == COPIES:
                self._copies(code, i, live)
            else:
                self._instruction(code, i, live)
            i -= 1
        if b != function.entry:  # there the code itself puts them into their registers
            v = function.first[b]
            while v and function.opcode[v] == PARAMETER:
                self._define(v + FIRST_VIRTUAL, start, 0)
                v = function.next[v]
        for r in live:
            if self._open[r]:
                self._range(r, start, self._open[r])
                self._open[r] = 0
        r = 0
        while r < FIRST_VIRTUAL:
            if self._open[r]:
                raise AssertionError(f"register {r} of the machine is read, but not written, in block {b}")
            r += 1

    def _copies(self, code: Code, i: i64, live: list[int]) -> None:
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
            self._extend(r, 2 * i + 1, live)
            self._use(r, 2 * i, 0)
            p += 2

    def _instruction(self, code: Code, i: i64, live: list[int]) -> None:
        roles = code.roles[i]
        reg = code.reg[i]
        rm = code.rm[i]
        if roles & CALL_CLOBBERS:
            if self.call_count >= i64(len(self.calls)):
                self.calls = grown(self.calls, 2 * self.call_count)
            self.calls[self.call_count] = 2 * i
            self.call_count += 1
        # What is written: it ends what is open behind, unless it is read as well.
        if roles & REG_WRITTEN:
            if roles & REG_READ:
                self._extend(reg, 2 * i + 2, live)
                self._use(reg, 2 * i + 1, MUST | WRITES | READS_TOO)
            else:
                self._define(reg, 2 * i + 1, MUST | WRITES)
        if roles & RM_WRITTEN:
            must = 0 if roles & RM_MAY_BE_MEMORY else MUST
            if roles & RM_READ:
                self._extend(rm, 2 * i + 2, live)
                self._use(rm, 2 * i + 1, must | WRITES | READS_TOO)
            else:
                self._define(rm, 2 * i + 1, must | WRITES)
        third = code.third[i]
        if roles & THIRD_WRITTEN:
            self._define(third, 2 * i + 1, MUST | WRITES)
            third = -1
        if roles & IMPLICIT:
            p = code.immediate[i]
            p += 1 + code.pool[p]
            at = p + code.pool[p]
            while at > p:
                self._define(code.pool[at], 2 * i + 1, 0)
                at -= 1
            p = code.immediate[i]
            at = p + code.pool[p]
            while at > p:
                self._extend(code.pool[at], 2 * i + 1, live)
                at -= 1
        # What is read.
        if roles & REG_READ:
            self._extend(reg, 2 * i + 1, live)
            self._use(reg, 2 * i, MUST)
        if roles & IN_MEMORY:
            if rm >= 0:
                self._extend(rm, 2 * i + 1, live)
                self._use(rm, 2 * i, MUST)
        elif roles & RM_READ:
            self._extend(rm, 2 * i + 1, live)
            self._use(rm, 2 * i, 0 if roles & RM_MAY_BE_MEMORY else MUST)
        index = code.index[i]
        if index >= 0:
            self._extend(index, 2 * i + 1, live)
            self._use(index, 2 * i, MUST)
        if third >= 0:
            self._extend(third, 2 * i + 1, live)
            self._use(third, 2 * i, MUST)

    def _extend(self, r: i64, end: i64, live: list[int]) -> None:
        """The register is alive up to here, going backwards."""
        if r < FIRST_VIRTUAL and (self._never_given >> r) & 1:
            return
        if self._open[r] == 0:
            self._open[r] = end
            if r >= FIRST_VIRTUAL:
                live.append(r)

    def _define(self, r: i64, at: i64, kind: i64) -> None:
        """The register is written here, and means nothing before."""
        end = self._open[r]
        if end == 0:
            end = at + 1 + (1 - (at & 1))  # is never read
        self._open[r] = 0
        self._range(r, at, end)
        if r >= FIRST_VIRTUAL:
            self._use(r, at, kind)
            if self.order_count >= i64(len(self.order)):
                self.order = grown(self.order, 2 * self.order_count)
            self.order[self.order_count] = r
            self.order_count += 1

    def _range(self, r: i64, start: i64, end: i64) -> None:
        """A new first range; one with the old first range if they touch."""
        head = self.taken[r] if r < FIRST_VIRTUAL else self.first_range[r]
        if head and self.range_from[head] <= end:
            self.range_from[head] = start
            if self.range_to[head] < end:
                self.range_to[head] = end
            return
        n = self.range_count
        if n >= i64(len(self.range_from)):
            rows = 2 * n
            self.range_from = grown(self.range_from, rows)
            self.range_to = grown(self.range_to, rows)
            self.range_next = grown(self.range_next, rows)
        self.range_count = n + 1
        self.range_from[n] = start
        self.range_to[n] = end
        self.range_next[n] = head
        if r < FIRST_VIRTUAL:
            self.taken[r] = n
        else:
            self.first_range[r] = n

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


def _note(r: i64, b: i64, home: vec[i64], seen: vec[i64], used: list[int]) -> None:
    if r >= FIRST_VIRTUAL and home[r] != b and seen[r] != b:
        seen[r] = b
        used.append(r)
        used.append(b)
