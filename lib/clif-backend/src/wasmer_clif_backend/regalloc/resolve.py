"""Moves that make an allocation true: between pieces, on edges, and into slots.

A register that is ever in memory has one slot. Between two writes of its value the slot, once stored, stays
right: the stores are made where they are cheaper,

* *at the definitions*, behind every instruction that writes the value and on every edge that writes a
  parameter; going to memory later moves nothing;
* or *where it leaves its register*, a real move each time.

Weights are powers of eight by the depth of loops.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.machine.code import FIRST_VIRTUAL, Code
from wasmer_clif_backend.regalloc.allocation import FIRST_SLOT, NOWHERE, Allocation
from wasmer_clif_backend.regalloc.intervals import READS_TOO, WRITES, Intervals

_DEEPEST: Final = 6


def _weight_of(depth: i64) -> int:
    """How often code that deep in loops is run, for comparing."""
    return 1 << 3 * int(min(depth, _DEEPEST))


@final
class Resolver:
    """Fills in the slots and moves of an allocation whose pieces have places."""

    def __init__(self, function: Function, code: Code, intervals: Intervals, flow: Flow, out: Allocation) -> None:
        self.function = function
        self.code = code
        self.intervals = intervals
        self.flow = flow
        self.out = out
        self.at_definitions = column(code.registers)
        """By register: 1: stored where it is written."""
        self.edits: list[tuple[int, int, int]] = []
        self.starts: list[int] = []
        self.ends: list[int] = []

    def run(self) -> None:
        """Everything."""
        code = self.code
        out = self.out
        self.starts = [int(2 * code.block_first[b]) for b in code.order]
        self.ends = [int(2 * code.block_end[b]) for b in code.order]
        boundaries = set(self.starts)
        register: i64 = FIRST_VIRTUAL
        while register < code.registers:
            piece = out.first_piece[register]
            while piece:
                if out.piece_place[piece] == FIRST_SLOT:
                    self._in_memory(register)
                    break
                piece = out.piece_next[piece]
            piece = out.first_piece[register]
            while piece:
                behind = out.piece_next[piece]
                if behind:
                    start = int(out.piece_start[behind])
                    joined = out.piece_end[piece] == start and not out.piece_is_fresh[behind]
                    if joined and start not in boundaries:
                        self._move(start, register, out.piece_place[piece], out.piece_place[behind])
                piece = behind
            register += 1
        self._edges()
        self.edits.sort()
        for at, to, source in self.edits:
            out.edit_at.append(at)
            out.edit_to.append(to)
            out.edit_from.append(source)

    def _in_memory(self, register: i64) -> None:
        """A register that is in memory somewhere: its slot, and where that is stored."""
        out = self.out
        slot = out.slot_of(register)
        leaves = 0
        place: i64 = NOWHERE
        piece = out.first_piece[register]
        while piece:
            if out.piece_place[piece] == FIRST_SLOT:
                out.piece_place[piece] = slot
            if out.piece_place[piece] == slot and place >= 0 and place != slot:
                leaves += self._weight(int(out.piece_start[piece]))
            place = out.piece_place[piece]
            piece = out.piece_next[piece]
        writes: list[int] = []
        use = self.intervals.first_use[register]
        written = 0
        while use:
            # The last one of those that modify it is enough.
            if self.intervals.use_kind[use] & WRITES:
                if self.intervals.use_kind[use] & READS_TOO and writes and self._same_piece(register, writes[-1], use):
                    writes.pop()
                writes.append(int(self.intervals.use_at[use]))
            use = self.intervals.use_next[use]
        written = sum(self._weight(at) for at in writes)
        if not writes:
            e = self.function.incoming[self.function.block_of[register - FIRST_VIRTUAL]]
            while e:
                written += _weight_of(self.flow.depth[self.function.edge_from[e]])
                e = self.function.edge_next[e]
        if written > leaves and place >= 0:
            return
        self.at_definitions[register] = 1
        for at in writes:
            place = out.place_at(register, at)
            if place != slot:
                self.edits.append((at + 1, int(slot), int(place)))

    def _same_piece(self, register: i64, at: i64, use: i64) -> bool:
        """Whether a register is in one piece from a position to a use."""
        piece = self.out.first_piece[register]
        while self.out.piece_next[piece] and self.out.piece_start[self.out.piece_next[piece]] <= at:
            piece = self.out.piece_next[piece]
        behind = self.out.piece_next[piece]
        return not behind or self.out.piece_start[behind] > self.intervals.use_at[use]

    def _weight(self, position: int) -> int:
        low = 0
        high = len(self.starts)
        while high - low > 1:
            middle = (low + high) >> 1
            if self.starts[middle] <= position:
                low = middle
            else:
                high = middle
        return _weight_of(self.flow.depth[self.code.order[low]])

    def _move(self, at: int, register: i64, source: i64, to: i64) -> None:
        """A value changes its place before an instruction."""
        if source == to or (to >= FIRST_SLOT and self.at_definitions[register]):
            return
        self.edits.append((at, int(to), int(source)))

    def _edges(self) -> None:
        """What each edge moves."""
        function = self.function
        code = self.code
        out = self.out
        intervals = self.intervals
        for at, b in enumerate(code.order):
            end = self.ends[at] - 1
            for e in function.edges(b):
                target = function.edge_to[e]
                start = 2 * code.block_first[target]
                moves: list[int] = []
                p = intervals.live_in[target]
                for number in range(intervals.live_count[target]):
                    register = out.stands_for[intervals.live_pool[p + number]]
                    source = out.place_at(register, end)
                    to = out.place_at(register, start)
                    if source != to and not (to >= FIRST_SLOT and self.at_definitions[register]):
                        moves += (int(to), int(source))
                arguments = function.edge_arguments[e]
                for number, parameter in enumerate(function.parameters(target)):
                    register = out.stands_for[parameter + FIRST_VIRTUAL]
                    given = out.stands_for[function.pool[arguments + 1 + number] + FIRST_VIRTUAL]
                    source = out.place_at(given, end)
                    to = out.place_at(register, start)
                    stored = self.at_definitions[register]
                    if given == register:
                        # One value in one slot: only a register may want it elsewhere.
                        if source != to and not (to >= FIRST_SLOT and stored):
                            moves += (int(to), int(source))
                        continue
                    if to != source:
                        moves += (int(to), int(source))
                    slot = out.slot[register]
                    if stored and slot not in (to, source):
                        moves += (int(slot), int(source))
                if moves:
                    out.edges[e] = moves
