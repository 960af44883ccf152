"""Which virtual registers are alive where each block starts.

Most registers are used in the block alone that defines them, and are not counted. Lowering has noted in which blocks
the others are used (`Code.note_outside`).

Two ways of writing that down. A register that is alive in *few* blocks stands in a list of each: found from its uses
back over all ways, until the block that defines it (Boissinot and others, *Computing liveness sets for SSA-form
programs*, 2011). Where that leads to more blocks, the register gets a number, and each block has a *set* of bits for
such. Lists alone would be blocks times values, and sets alone too, divided by sixty-two: a function may have thousands
of values that are handed from one block to the next, or that are alive all over.

Alive where a block starts is what is used in it, and what is alive behind it, but for what it defines. One walk over
the blocks, last first, finds that for the sets but for ways that lead back. Then each of these is followed, outer loops
first, as far as it tells something new. Any graph of blocks will do.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.machine.code import FIRST_VIRTUAL, Code
from wasmer_runtime_core.support.annotations import Final, final, i64

BITS: Final = 62
"""Registers in one word of a set: as many as a number has bits that is no large one for Python."""
NO_BIT: Final = 8
LOWEST_BIT: Final = bytes((n & -n).bit_length() - 1 if n else NO_BIT for n in range(256))
"""By eight bits: the number of the lowest that is set; `NO_BIT`: none is."""
FEW: Final = 8
"""So many blocks at most have a register in their lists."""


@final
class Liveness:
    """The lists and sets of one function. Used again for the next one.

    Attributes:
        few: the lists, in ascending order: that of block b goes from ``few_first[b]`` to ``few_end[b]``.
        count: how many registers have numbers, from 0.
        register: by number: the register; they ascend.
        words: words of each set; number n is bit ``n % BITS`` of word ``n // BITS``.
        alive: the sets, block by block: that of block b begins at ``b * words``.
    """

    def __init__(self) -> None:
        self.few = column(1 << 7)
        self.few_first = column(1 << 7)
        self.few_end = column(1 << 7)
        # While lists are made: by block, the register that it was reached for last; blocks to look at; what was found,
        # register and block, in the order of registers.
        self._mark = column(1 << 7)
        self._work = column(1 << 7)
        self._found_register = column(1 << 10)
        self._found_block = column(1 << 10)
        self._found_count: i64 = 0

        self.count: i64 = 0
        self.register = column(1 << 7)
        self.words: i64 = 0
        self.alive = column(1 << 7)
        self._defined = column(1 << 7)
        """What each block defines, as sets."""

    def find(self, function: Function, code: Code, flow: Flow) -> None:
        """Find the lists and sets of all blocks of the code."""
        self._follow_uses(function, code, flow)
        self._make_lists(code)
        self.words = (self.count + BITS - 1) // BITS
        if self.count:
            self._make_sets(function, code, flow)

    def registers_at(self, b: i64) -> list[int]:
        """Those that are alive where a block starts, for people."""
        few = [int(self.few[n]) for n in range(int(self.few_first[b]), int(self.few_end[b]))]
        return few + [
            int(self.register[g])
            for g in range(int(self.count))
            if self.alive[b * self.words + g // BITS] >> (g % BITS) & 1
        ]

    # --- lists ----------------------------------------------------------------------------------------------

    def _follow_uses(self, function: Function, code: Code, flow: Flow) -> None:
        """Of every register the blocks in which it is alive, or, if they are many, a number."""
        blocks = function.block_count
        self._mark = column(blocks)
        self.few_first = column(blocks)
        self.few_end = column(blocks)
        self._found_count = 0
        self.count = 0
        outside = code.outside
        r: i64 = FIRST_VIRTUAL
        while r < code.registers:
            if outside[r] and not self._is_in_few(function, code, flow, r):
                if self.count >= i64(len(self.register)):
                    self.register = grown(self.register, 2 * self.count)
                self.register[self.count] = r
                self.count += 1
            r += 1

    def _is_in_few(self, function: Function, code: Code, flow: Flow, r: i64) -> bool:
        """Find the blocks in which a register is alive; False: there are too many."""
        home = _home(function, r)
        mark = self._mark
        work = self._work
        first = self._found_count
        if first + FEW > i64(len(self._found_block)):
            self._found_block = grown(self._found_block, 2 * (first + FEW))
            self._found_register = grown(self._found_register, 2 * (first + FEW))
        found_block = self._found_block
        count = first
        waiting: i64 = 0
        note = code.outside[r]
        while note or waiting:
            function.effort.spend(1)
            if waiting:
                waiting -= 1
                b = work[waiting]
            else:
                b = code.outside_block[note]
                note = code.outside_next[note]
            if b == home or mark[b] == r or flow.number[b] == 0:
                continue
            if count - first == FEW:
                return False
            mark[b] = r
            found_block[count] = b
            count += 1
            e = function.incoming[b]
            while e:
                if waiting >= i64(len(work)):
                    work = grown(work, 2 * waiting)
                    self._work = work
                work[waiting] = function.edge_from[e]
                waiting += 1
                e = function.edge_next[e]
        self._found_count = count
        while first < count:
            self._found_register[first] = r
            self.few_end[found_block[first]] += 1
            first += 1
        return True

    def _make_lists(self, code: Code) -> None:
        """What was found, block by block; within a block, registers stay in order."""
        first = self.few_first
        end = self.few_end
        total: i64 = 0
        for b in code.order:
            first[b] = total
            total += end[b]
            end[b] = first[b]
        if total > i64(len(self.few)):
            self.few = column(2 * total)
        few = self.few
        n: i64 = 0
        while n < self._found_count:
            block = self._found_block[n]
            few[end[block]] = self._found_register[n]
            end[block] += 1
            n += 1

    # --- sets -----------------------------------------------------------------------------------------------

    def _make_sets(self, function: Function, code: Code, flow: Flow) -> None:
        words = self.words
        function.effort.spend(2 * words * function.block_count)
        self.alive = column(words * function.block_count)
        self._defined = column(words * function.block_count)
        self._enter(function, code)
        at: i64 = len(flow.order)
        while at > 0:
            at -= 1
            b = flow.order[at]
            n = code.way_first[b]
            end = code.way_end[b]
            function.effort.spend((end - n) * words + 1)
            while n < end:
                self._pass(function.edge_to[code.ways[n]], b)
                n += 1
        number = flow.number
        for b in flow.order:
            e = function.incoming[b]
            while e:
                source = function.edge_from[e]
                if number[source] >= number[b] and self._pass(b, source):
                    self._spread(function, flow, source)
                e = function.edge_next[e]

    def _enter(self, function: Function, code: Code) -> None:
        """What is used in a block and not defined there is alive where it starts."""
        alive = self.alive
        words = self.words
        g: i64 = 0
        while g < self.count:
            r = self.register[g]
            word = g // BITS
            bit: i64 = 1
            bit <<= g % BITS
            self._defined[_home(function, r) * words + word] |= bit
            note = code.outside[r]
            while note:
                alive[code.outside_block[note] * words + word] |= bit
                note = code.outside_next[note]
            g += 1

    def _pass(self, b: i64, source: i64) -> bool:
        """What is alive where b starts is so where a block starts that leads there, unless it is defined in that.

        Returns: whether this was new.
        """
        alive = self.alive
        defined = self._defined
        words = self.words
        new: i64 = 0
        at = source * words
        behind = b * words
        end = behind + words
        while behind < end:
            more = alive[behind] & ~(alive[at] | defined[at])
            if more:
                alive[at] |= more
                new = 1
            at += 1
            behind += 1
        return new != 0

    def _spread(self, function: Function, flow: Flow, b: i64) -> None:
        """More is alive where a block starts: so it is before, on all ways."""
        work = self._work
        waiting: i64 = 0
        while True:
            e = function.incoming[b]
            while e:
                source = function.edge_from[e]
                function.effort.spend(self.words + 1)
                if flow.number[source] and self._pass(b, source):
                    if waiting >= i64(len(work)):
                        work = grown(work, 2 * waiting)
                        self._work = work
                    work[waiting] = source
                    waiting += 1
                e = function.edge_next[e]
            if waiting == 0:
                return
            waiting -= 1
            b = work[waiting]


def _home(function: Function, r: i64) -> i64:
    """The block that defines a register: one that is no value's is made at the function's beginning."""
    v = r - FIRST_VIRTUAL
    return function.block_of[v] if v < function.count else function.entry
