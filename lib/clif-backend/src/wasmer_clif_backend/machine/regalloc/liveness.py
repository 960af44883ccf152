"""Which virtual registers are alive where each block starts: a set for each block, one bit for each register.

Most registers are used in the block alone that defines them, and are not counted. The others have numbers, in the order
of the registers; lowering has noted in which blocks each is used (`Code.note_outside`).

Alive where a block starts is what is used in it, and what is alive behind it, but for what it defines. One walk over
the blocks, last first, finds that but for ways that lead back. Then each of these is followed, outer loops first, as
far as it tells something new. Any graph of blocks will do. The time is in proportion to the blocks and ways, and how
deep loops are in one another, times the registers by sixty-two.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.machine.code import FIRST_VIRTUAL, Code

BITS: Final = 62
"""Registers in one word of a set: as many as a number has bits that is no large one for Python."""


@final
class Liveness:
    """The sets of one function. Used again for the next one.

    Attributes:
        count: how many registers have numbers, from 0.
        register: by number: the register.
        words: words of each set; number n is bit ``n % BITS`` of word ``n // BITS``.
        alive: the sets, block by block: that of block b begins at ``b * words``.
    """

    def __init__(self) -> None:
        self.count: i64 = 0
        self.register = column(1 << 7)
        self.words: i64 = 0
        self.alive = column(1 << 7)
        self._defined = column(1 << 7)
        """What each block defines, as sets."""
        self._number = column(1 << 10)
        """By register that is used outside of its block: its number."""
        self._work = column(1 << 7)

    def find(self, function: Function, code: Code, flow: Flow) -> None:
        """Find the sets of all blocks of the code."""
        self._give_numbers(code)
        words = self.words
        if words == 0:
            return
        function.effort.spend(2 * words * function.block_count)
        self.alive = column(words * function.block_count)
        self._defined = column(words * function.block_count)
        self._enter_definitions(function)
        self._enter_uses(code)
        at: i64 = len(flow.order)
        while at > 0:
            at -= 1
            b: i64 = flow.order[at]
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

    def registers_at(self, b: i64) -> list[int]:
        """Those that are alive where a block starts, for people."""
        return [
            int(self.register[g])
            for g in range(int(self.count))
            if self.alive[b * self.words + g // BITS] >> (g % BITS) & 1
        ]

    def _give_numbers(self, code: Code) -> None:
        """To the registers that are used outside of the blocks that define them."""
        registers = code.registers
        if registers > i64(len(self._number)):
            self._number = column(2 * registers)
        if code.outside_count > i64(len(self.register)):
            self.register = column(2 * code.outside_count)
        outside = code.outside
        count: i64 = 0
        r: i64 = FIRST_VIRTUAL
        while r < registers:
            if outside[r]:
                self.register[count] = r
                self._number[r] = count
                count += 1
            r += 1
        self.count = count
        self.words = (count + BITS - 1) // BITS

    def _enter_definitions(self, function: Function) -> None:
        defined = self._defined
        values = function.count + FIRST_VIRTUAL
        g: i64 = 0
        while g < self.count:
            r = self.register[g]
            # A register that is no value's is made at the function's beginning.
            home = function.entry
            if r < values:
                home = function.block_of[r - FIRST_VIRTUAL]
            bit: i64 = 1
            bit <<= g % BITS
            defined[home * self.words + g // BITS] |= bit
            g += 1

    def _enter_uses(self, code: Code) -> None:
        """What is used in a block and not defined there is alive where it starts."""
        alive = self.alive
        n: i64 = 0
        while n < code.outside_count:
            g = self._number[code.outside_register[n]]
            bit: i64 = 1
            bit <<= g % BITS
            alive[code.outside_block[n] * self.words + g // BITS] |= bit
            n += 1

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
