"""Moves that make an allocation true: between pieces, on edges, and into slots.

A register that is ever in memory has one slot. Between two writes of its value the slot, once stored, stays
right: the stores are made where they are cheaper,

* *at the definitions*, behind every instruction that writes the value and on every edge that writes a
  parameter; going to memory later moves nothing;
* or *where it leaves its register*, a real move each time.

Weights are powers of eight by the depth of loops.

What an edge of a branch moves stands before the branch, where it does no harm: where the other edge leads, nothing
is in the places that it writes. So a loop that goes on by a branch needs no jump besides.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import PARAMETER
from wasmer_clif_backend.machine.code import FIRST_VIRTUAL, TERMINATOR, Code
from wasmer_clif_backend.machine.regalloc.allocation import FIRST_SLOT, NOWHERE, Allocation
from wasmer_clif_backend.machine.regalloc.intervals import READS_TOO, WRITES, Intervals
from wasmer_clif_backend.machine.regalloc.liveness import BITS, LOWEST_BIT, NO_BIT
from wasmer_runtime_core.support.annotations import Final, final, i64

_DEEPEST: Final = 6
_MOST_BEFORE: Final = 8
"""So many moves of an edge are made before a branch, where the other way has to pay for them, too."""


def _weight_of(depth: i64) -> i64:
    """How often code that deep in loops is run, for comparing."""
    if depth > _DEEPEST:
        depth = _DEEPEST
    weight: i64 = 1
    return weight << 3 * depth


@final
class Resolver:
    """Fills in the slots and moves of an allocation whose pieces have places. Used again for the next function."""

    def __init__(self, code: Code, intervals: Intervals, out: Allocation) -> None:
        rows: i64 = 1 << 10
        self.code: Final = code
        self.intervals: Final = intervals
        self.out: Final = out
        self.function = Function()
        self.flow = Flow()
        self.at_definitions = column(rows)
        """By register: 1: stored where it is written."""
        # Of the register at hand: where it is written, and the pieces that it is in there.
        self._write_at = column(rows)
        self._write_piece = column(rows)
        self._write_count: i64 = 0
        # By block, from where to where in the other two the registers are that are alive where it starts, and move
        # about: which these are, and in which piece each is then. By parameter, where it is when its block starts.
        self._live_first = column(1 << 7)
        self._live_end = column(1 << 7)
        self._live = column(rows)
        self._live_piece = column(rows)
        self._parameter_place = column(rows)
        # Sets, as `Liveness` has them: the registers that move about; those that never do, by place. And by number the
        # register that stands for it.
        self._moving = column(1)
        self._staying = column(1)
        self._one = column(1)

    def run(self, function: Function, flow: Flow) -> None:
        """Everything."""
        self.function = function
        self.flow = flow
        code = self.code
        out = self.out
        if code.registers > i64(len(self.at_definitions)):
            self.at_definitions = grown(self.at_definitions, code.registers)
            self._parameter_place = grown(self._parameter_place, code.registers)
        n: i64 = 0
        while n < out.moving_count:
            if n & 0x3F == 0:
                function.effort.spend(0x400)
            self._connect(out.moving[n])
            n += 1
        self._block_starts()
        for b in code.order:
            n = code.way_first[b]
            end = code.way_end[b]
            while n < end:
                self._edge(code.ways[n], 2 * code.block_end[b] - 1)
                n += 1
            if end - code.way_first[b] == 2:
                self._before_branch(b, code.ways[end - 2], code.ways[end - 1])

    # --- pieces -----------------------------------------------------------------------------------------

    def _connect(self, register: i64) -> None:
        """What moves between the pieces of one register."""
        code = self.code
        out = self.out
        first = out.first_piece[register]
        self.at_definitions[register] = 0
        piece = first
        while piece:
            if out.piece_place[piece] == FIRST_SLOT:
                self._in_memory(register)
                break
            piece = out.piece_next[piece]
        piece = first
        while piece:
            behind = out.piece_next[piece]
            if behind:
                start = out.piece_start[behind]
                if out.piece_end[piece] == start and not out.piece_is_fresh[behind]:
                    source = out.piece_place[piece]
                    to = out.piece_place[behind]
                    if source != to and not (to >= FIRST_SLOT and self.at_definitions[register]):
                        if 2 * code.block_first[code.block_at(start)] != start:
                            out.move(start, to, source)
            piece = behind

    def _in_memory(self, register: i64) -> None:
        """A register that is in memory somewhere: its slot, and where that is stored."""
        out = self.out
        slot = out.slot_of(register)
        leaves: i64 = 0
        place: i64 = NOWHERE
        piece = out.first_piece[register]
        while piece:
            if out.piece_place[piece] == FIRST_SLOT:
                out.piece_place[piece] = slot
            if out.piece_place[piece] == slot and place >= 0 and place != slot:
                leaves += self._weight(out.piece_start[piece])
            place = out.piece_place[piece]
            piece = out.piece_next[piece]
        self._find_writes(register)
        if out.piece_start[out.first_piece[register]] < out.framed_at:
            self._write_behind_frame(register)
        written: i64 = 0
        n: i64 = 0
        while n < self._write_count:
            written += self._weight(self._write_at[n])
            n += 1
        if self._write_count == 0:
            e = self.function.incoming[self.function.block_of[register - FIRST_VIRTUAL]]
            while e:
                written += _weight_of(self.flow.depth[self.function.edge_from[e]])
                e = self.function.edge_next[e]
        if written > leaves and place >= 0:
            return
        self.at_definitions[register] = 1
        n = 0
        while n < self._write_count:
            place = out.piece_place[self._write_piece[n]]
            if place != slot:
                out.move(self._write_at[n] + 1, slot, place)
            n += 1

    def _find_writes(self, register: i64) -> None:
        """Where a register is written. Of those that modify it in one piece the last one is enough."""
        out = self.out
        intervals = self.intervals
        count: i64 = 0
        piece = out.first_piece[register]
        use = intervals.first_use[register]
        while use:
            kind = intervals.use_kind[use]
            if kind & WRITES:
                at = intervals.use_at[use]
                while out.piece_next[piece] and out.piece_start[out.piece_next[piece]] <= at:
                    piece = out.piece_next[piece]
                if kind & READS_TOO and count and self._write_piece[count - 1] == piece:
                    count -= 1
                if count >= i64(len(self._write_at)):
                    self._write_at = grown(self._write_at, 2 * count)
                    self._write_piece = grown(self._write_piece, 2 * count)
                self._write_at[count] = at
                self._write_piece[count] = piece
                count += 1
            use = intervals.use_next[use]
        self._write_count = count

    def _write_behind_frame(self, register: i64) -> None:
        """What is written before the frame is made is stored behind that, once."""
        out = self.out
        at = out.framed_at
        gone: i64 = 0
        while gone < self._write_count and self._write_at[gone] < at:
            gone += 1
        last = out.first_piece[register]
        while out.piece_next[last] and out.piece_start[out.piece_next[last]] < at:
            last = out.piece_next[last]
        count: i64 = 0
        stays = self._write_count - gone
        if out.piece_end[last] == at:  # it is alive there
            count = 1
            if gone == 0:  # makes room
                if stays + 1 > i64(len(self._write_at)):
                    self._write_at = grown(self._write_at, 2 * stays + 2)
                    self._write_piece = grown(self._write_piece, 2 * stays + 2)
                n = stays
                while n > 0:
                    self._write_at[n] = self._write_at[n - 1]
                    self._write_piece[n] = self._write_piece[n - 1]
                    n -= 1
                gone = 1
            self._write_at[0] = at - 1
            self._write_piece[0] = last
        n = 0
        while n < stays:
            self._write_at[count + n] = self._write_at[gone + n]
            self._write_piece[count + n] = self._write_piece[gone + n]
            n += 1
        self._write_count = count + stays

    def _weight(self, position: i64) -> i64:
        return _weight_of(self.flow.depth[self.code.block_at(position)])

    # --- edges ------------------------------------------------------------------------------------------

    def _block_starts(self) -> None:
        """Where what is alive is when blocks start: in the order of the code, as `Allocation.place_at` likes it."""
        code = self.code
        out = self.out
        function = self.function
        liveness = self.intervals.liveness
        few = liveness.few
        alive = liveness.alive
        words = liveness.words
        stands_for = out.stands_for
        is_moving = out.is_moving
        if function.block_count > i64(len(self._live_first)):
            self._live_first = grown(self._live_first, function.block_count)
            self._live_end = grown(self._live_end, function.block_count)
        self._find_sets()
        moving = self._moving
        ones = self._one
        live = self._live
        live_piece = self._live_piece
        piece_start = out.piece_start
        piece_next = out.piece_next
        found = out.found
        count: i64 = 0
        for b in code.order:
            start = 2 * code.block_first[b]
            first = count
            if count + out.moving_count > i64(len(live)):
                live = grown(live, 2 * (count + out.moving_count))
                live_piece = grown(live_piece, 2 * (count + out.moving_count))
            p = liveness.few_first[b]
            few_end = liveness.few_end[b]
            word: i64 = 0
            while word < words:
                rest = alive[b * words + word] & moving[word]
                g = word * BITS
                while rest:
                    skipped: i64 = LOWEST_BIT[rest & 0xFF]
                    rest >>= skipped
                    g += skipped
                    if skipped == NO_BIT:
                        continue
                    while p < few_end and few[p] < liveness.register[g]:
                        register = stands_for[few[p]]
                        if is_moving[register]:
                            live[count] = register
                            count += 1
                        p += 1
                    live[count] = ones[g]
                    count += 1
                    rest >>= 1
                    g += 1
                word += 1
            while p < few_end:
                register = stands_for[few[p]]
                if is_moving[register]:
                    live[count] = register
                    count += 1
                p += 1
            function.effort.spend(words + 4 * (count - first))
            at = first
            while at < count:
                register = live[at]
                piece = found[register]  # of a block before this one: that is where it is as a rule
                behind = piece_next[piece]
                if piece == 0 or (behind and piece_start[behind] <= start):
                    piece = out.piece_at(register, start)
                    found[register] = piece
                live_piece[at] = piece
                at += 1
            self._live_first[b] = first
            self._live_end[b] = count
            v = function.first[b]
            while v and function.opcode[v] == PARAMETER:
                self._parameter_place[v] = out.place_at(v + FIRST_VIRTUAL, start)
                v = function.next[v]
        self._live = live
        self._live_piece = live_piece

    def _find_sets(self) -> None:
        """`_moving`, `_staying` and `_one`."""
        out = self.out
        liveness = self.intervals.liveness
        words = liveness.words
        moving = column(words)
        staying = column(words * FIRST_SLOT)
        ones = column(liveness.count)
        g: i64 = 0
        while g < liveness.count:
            register = out.stands_for[liveness.register[g]]
            ones[g] = register
            word = g // BITS
            bit: i64 = 1
            bit <<= g % BITS
            if out.is_moving[register]:
                moving[word] |= bit
            else:
                staying[out.piece_place[out.first_piece[register]] * words + word] |= bit
            g += 1
        self._moving = moving
        self._staying = staying
        self._one = ones

    def _edge(self, e: i64, end: i64) -> None:
        """What an edge moves; `end` is the last position before it."""
        function = self.function
        out = self.out
        target = function.edge_to[e]
        out.begin_edge(e)
        live_piece = self._live_piece
        piece_start = out.piece_start
        piece_end = out.piece_end
        p = self._live_first[target]
        live_end = self._live_end[target]
        function.effort.spend(4 * (live_end - p + function.pool[function.edge_arguments[e]]) + 1)
        while p < live_end:
            piece = live_piece[p]
            if piece_start[piece] > end or piece_end[piece] <= end:  # else it stays where it is
                register = self._live[p]
                source = out.piece_place[out.piece_at(register, end)]
                to = out.piece_place[piece]
                if source != to and not (to >= FIRST_SLOT and self.at_definitions[register]):
                    out.move_on_edge(to, source)
            p += 1
        p = function.edge_arguments[e]
        v = function.first[target]
        behind_frame = 2 * self.code.block_first[target] >= out.framed_at
        while v and function.opcode[v] == PARAMETER:
            p += 1
            register = out.stands_for[v + FIRST_VIRTUAL]
            given = out.stands_for[function.pool[p] + FIRST_VIRTUAL]
            source = out.place_at(given, end)
            to = self._parameter_place[v]
            stored = out.is_moving[register] != 0 and self.at_definitions[register] != 0 and behind_frame
            if given == register:
                # One value in one slot: only a register may want it elsewhere.
                if source != to and not (to >= FIRST_SLOT and stored):
                    out.move_on_edge(to, source)
            else:
                if to != source:
                    out.move_on_edge(to, source)
                slot = out.slot[register]
                if stored and slot != to and slot != source:
                    out.move_on_edge(slot, source)
            v = function.next[v]
        out.finish_edge(e)

    # --- moves before branches ----------------------------------------------------------------------------

    def _before_branch(self, b: i64, one: i64, other: i64) -> None:
        """What one of two edges moves goes before the branch if that does not matter to the other edge.

        First that of the edge that is taken more often: deeper in loops.
        """
        depth = self.flow.depth
        function = self.function
        if depth[function.edge_to[other]] > depth[function.edge_to[one]]:
            one, other = other, one
        if not self._is_before(b, one, other):
            self._is_before(b, other, one)

    def _is_before(self, b: i64, e: i64, other: i64) -> bool:
        """Put an edge's moves before the branch if they may be there; whether they are."""
        code = self.code
        out = self.out
        first = out.edge_first[e]
        end = out.edge_end[e]
        if first == end or end - first > _MOST_BEFORE:
            return False
        # The only instruction that leaves the block reads flags, which moves do not change, and no register.
        i = code.block_end[b] - 1
        if code.roles[i] != TERMINATOR or (i > code.block_first[b] and code.roles[i - 1] & TERMINATOR):
            return False
        at = 2 * i + 1
        if out.first_edit[at]:
            return False
        n = first
        while n < end:
            if not self._is_unused(out.edge_to[n], other):
                return False
            n += 1
        n = first
        while n < end:
            out.move(at, out.edge_to[n], out.edge_from[n])
            n += 1
        out.edge_end[e] = first
        return True

    def _is_unused(self, place: i64, e: i64) -> bool:
        """Whether nothing that an edge needs is in a place: it moves nothing from there, nothing is there behind."""
        out = self.out
        function = self.function
        n = out.edge_first[e]
        while n < out.edge_end[e]:
            if out.edge_from[n] == place:
                return False
            n += 1
        target = function.edge_to[e]
        p = self._live_first[target]
        while p < self._live_end[target]:
            if out.piece_place[self._live_piece[p]] == place or (
                place >= FIRST_SLOT and out.slot[self._live[p]] == place
            ):
                return False
            p += 1
        if place < FIRST_SLOT:
            liveness = self.intervals.liveness
            words = liveness.words
            function.effort.spend(words)
            word: i64 = 0
            while word < words:
                if self._staying[place * words + word] & liveness.alive[target * words + word]:
                    return False
                word += 1
            p = liveness.few_first[target]
            while p < liveness.few_end[target]:
                register = out.stands_for[liveness.few[p]]
                if not out.is_moving[register] and out.piece_place[out.first_piece[register]] == place:
                    return False
                p += 1
        v = function.first[target]
        while v and function.opcode[v] == PARAMETER:
            register = out.stands_for[v + FIRST_VIRTUAL]
            if self._parameter_place[v] == place or (place >= FIRST_SLOT and out.slot[register] == place):
                return False
            v = function.next[v]
        return True
