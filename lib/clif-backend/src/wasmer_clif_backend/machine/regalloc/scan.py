"""Linear scan: which register each value is in, from where to where.

Pieces of values' lives are met in the order in which they start. Each gets a register that is free as long
as it lives, if there is one; else one that is free for a part of it, and the rest comes again later; else it takes
the register of what is used latest, which goes to memory until then (Poletto and Sarkar; Wimmer and
Mössenböck, *Optimized interval splitting in a linear scan register allocator*, 2005).

Where a life is cut
-------------------
What connects two pieces is moved before the instruction at the cut. So a cut at an even position, 2 n, is seen by
instruction n. A cut at an odd one, 2 n + 1, is for a value that instruction n still reads from its register and that
loses it there, to a call or to a result: it has been stored before the instruction, so the piece behind *is always in
memory*, unless another value begins there (*fresh*; two of `coalesce` follow one another in one register).

A cut is made as far out of loops as can be: going to memory before the outermost loop since the last use,
coming back before the outermost loop since it went. At a block's start nothing is moved at all: edges do it.

A piece in memory has no use that must be in a register: it is cut before the first one.

All lives are cut where the frame is made. Before that nothing is in memory or in a register that calls keep; or else
the frame is made at the start.
"""

from __future__ import annotations

from librt.vecs import vec

from wasmer_clif_backend.ir.columns import column, grown, with_room
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.machine.code import FIRST_VIRTUAL, FIRST_XMM, XMM, Code, bits
from wasmer_clif_backend.machine.regalloc.allocation import FIRST_SLOT, NOWHERE, Allocation
from wasmer_clif_backend.machine.regalloc.intervals import Intervals
from wasmer_clif_backend.machine.regalloc.pieces import NEVER, Pieces
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.support.annotations import Final, final, i64

MEMORY: Final = FIRST_SLOT
"""The place of a piece in memory, until `resolve` gives it a slot."""


_MOST_COPIES: Final = 4
"""So far copies are followed to a register that is known."""


@final
class RegisterSet:
    """Which registers of the machine may be given, in the order of preference.

    Attributes:
        general, xmm: numbers as in `machine.code`; what a call loses before what it keeps.
        kept_general, kept_xmm: those of them that a call keeps, in the same order.
        all: the same as bits.
        kept: bits of those that a call keeps.
    """

    def __init__(self, general: list[int], xmm: list[int], kept: list[int]) -> None:
        self.general = vec[i64](general)
        self.xmm = vec[i64](xmm)
        self.all: i64 = bits(general + xmm)
        self.kept: i64 = bits(kept)
        self.kept_general = vec[i64]([r for r in general if r in kept])
        self.kept_xmm = vec[i64]([r for r in xmm if r in kept])


@final
class Scan:
    """Gives places to all virtual registers of a function. Used again for the next one.

    What is known of a register of the machine is brought up to the position at hand when it is asked for, and
    only then (`_settle`): most pieces are given one of the first registers that are looked at.
    """

    registers: RegisterSet
    flow: Flow

    def __init__(self, code: Code, intervals: Intervals, out: Allocation) -> None:
        rows: i64 = 1 << 10
        self.code: Final = code
        self.intervals: Final = intervals
        self.out: Final = out
        self.pieces: Final = Pieces(intervals, out)
        # By register of the machine: the piece that is in it, where its range ends; the pieces that have it but are in
        # a hole of their life, as a list by where they go on; until where it is free for the piece at hand; the
        # range that takes it from p on.
        self.active = column(FIRST_VIRTUAL)
        self.active_until = column(FIRST_VIRTUAL)
        self.first_hole = column(FIRST_VIRTUAL)
        self.next_hole = column(rows)
        self.free_until = column(FIRST_VIRTUAL)
        self.taken_now = column(FIRST_VIRTUAL)
        # Pieces to come, by start, as a heap; those of registers that are met for the first time are not among them.
        self.heap = column(rows)
        self.heap_count: i64 = 0
        self.call_now: i64 = 0
        self.position: i64 = 0
        """Where the piece at hand starts: nothing is cut before it, but for going to memory."""
        # By virtual register: the register of the machine it was in last.
        self.last_place = column(rows)

    def run(self, registers: RegisterSet, flow: Flow) -> None:
        """Give every piece a place."""
        self.registers = registers
        self.flow = flow
        intervals = self.intervals
        out = self.out
        registers_of_code = self.code.registers
        if registers_of_code > i64(len(self.last_place)):
            self.last_place = column(with_room(registers_of_code))
        last_place = self.last_place
        r: i64 = FIRST_VIRTUAL
        while r < registers_of_code:
            last_place[r] = NOWHERE
            r += 1
        r = 0
        while r < FIRST_VIRTUAL:
            self.active[r] = 0
            self.active_until[r] = NEVER
            self.first_hole[r] = 0
            self.taken_now[r] = intervals.taken[r]
            r += 1
        self.call_now = intervals.call_count - 1
        at = intervals.order_count - 1
        while at >= 0 or self.heap_count:
            if at >= 0:
                register = intervals.order[at]
                if out.stands_for[register] != register:
                    at -= 1
                    continue
                start = intervals.range_from[intervals.first_range[register]]
                if self.heap_count == 0 or out.piece_start[self.heap[0]] > start:
                    at -= 1
                    self._place(self.pieces.first(register))
                    continue
            self._place(self._pop())

    # --- pieces to come, by start ---------------------------------------------------------------------

    def _push(self, piece: i64) -> None:
        at = self.heap_count
        if at >= i64(len(self.heap)):
            self.heap = grown(self.heap, 2 * at)
        self.heap_count = at + 1
        heap = self.heap
        start = self.out.piece_start
        while at:
            above = (at - 1) >> 1
            if start[heap[above]] <= start[piece]:
                break
            heap[at] = heap[above]
            at = above
        heap[at] = piece

    def _pop(self) -> i64:
        heap = self.heap
        start = self.out.piece_start
        top = heap[0]
        count = self.heap_count - 1
        self.heap_count = count
        piece = heap[count]
        at: i64 = 0
        while True:
            below = 2 * at + 1
            if below >= count:
                break
            if below + 1 < count and start[heap[below + 1]] < start[heap[below]]:
                below += 1
            if start[heap[below]] >= start[piece]:
                break
            heap[at] = heap[below]
            at = below
        heap[at] = piece
        return top

    # --- loops ----------------------------------------------------------------------------------------

    def _before_loops(self, low: i64, p: i64) -> i64:
        """The start of the outermost loop that p is in and that starts behind `low`; p if there is none."""
        code = self.code
        flow = self.flow
        found = p
        head = flow.loop[code.block_at(p)]
        while head:
            start = 2 * code.block_first[head]
            if start <= low:
                break  # the loops around it start before
            if start <= p:
                found = start
            head = flow.outer[head]
            code.effort.spend(1)
        return found

    # --- registers of the machine -----------------------------------------------------------------------

    def _settle(self, r: i64, p: i64) -> None:
        """What is in a register at p: pieces whose ranges have ended, or are in a hole, are in it no more."""
        intervals = self.intervals
        pieces = self.pieces
        if self.active_until[r] <= p:
            piece = self.active[r]
            self.active[r] = 0
            self.active_until[r] = NEVER
            n = pieces.range_at(piece, p)
            if n:
                if intervals.range_from[n] > p:
                    self._hold(r, piece)
                else:
                    self.active[r] = piece
                    self.active_until[r] = intervals.range_to[n]
        hole = self.first_hole[r]
        while hole and intervals.range_from[pieces.range_now[hole]] <= p:
            self.first_hole[r] = self.next_hole[hole]
            n = pieces.range_at(hole, p)
            if n:
                if intervals.range_from[n] > p:
                    self._hold(r, hole)
                elif self.active[r]:
                    raise InternalError(f"regalloc: register {r} is given twice at {p}")
                else:
                    self.active[r] = hole
                    self.active_until[r] = intervals.range_to[n]
            hole = self.first_hole[r]
        n = self.taken_now[r]
        if n and intervals.range_to[n] <= p:
            while n and intervals.range_to[n] <= p:
                n = intervals.range_next[n]
            self.taken_now[r] = n

    def _hold(self, r: i64, piece: i64) -> None:
        """A piece keeps a register for when its hole ends."""
        intervals = self.intervals
        range_now = self.pieces.range_now
        if piece >= i64(len(self.next_hole)):
            self.next_hole = grown(self.next_hole, 2 * piece)
        start = intervals.range_from[range_now[piece]]
        before: i64 = 0
        behind = self.first_hole[r]
        while behind and intervals.range_from[range_now[behind]] < start:
            self.code.effort.spend(1)
            before = behind
            behind = self.next_hole[behind]
        self.next_hole[piece] = behind
        if before:
            self.next_hole[before] = piece
        else:
            self.first_hole[r] = piece

    def _lost_at(self, piece: i64, p: i64) -> i64:
        """Where a call takes the caller-saved registers from a piece, from p on."""
        intervals = self.intervals
        end = self.out.piece_end[piece]
        while self.call_now >= 0 and intervals.calls[self.call_now] < p - 1:
            self.call_now -= 1
        call = self.call_now
        n = self.pieces.range_now[piece]
        while call >= 0:
            at = intervals.calls[call] + 1
            if at >= end:
                return NEVER
            if at >= p:
                self.code.effort.spend(1)
                while n and intervals.range_to[n] <= at:
                    n = intervals.range_next[n]
                if n == 0:
                    return NEVER
                if intervals.range_from[n] <= at:
                    return at
            call -= 1
        return NEVER

    def _find_limit(self, r: i64, piece: i64, lost: i64) -> i64:
        """`free_until` of a register that is settled, whatever piece is in it now."""
        intervals = self.intervals
        pieces = self.pieces
        end = self.out.piece_end[piece]
        limit = lost
        n = self.taken_now[r]
        if n and intervals.range_from[n] < end:
            meeting = pieces.meet(piece, n)
            if meeting < limit:
                limit = meeting
        hole = self.first_hole[r]
        while hole:
            n = pieces.range_now[hole]
            if intervals.range_from[n] >= end or intervals.range_from[n] >= limit:
                break
            self.code.effort.spend(4)
            meeting = pieces.meet(piece, n)
            if meeting < limit:
                limit = meeting
            hole = self.next_hole[hole]
        self.free_until[r] = limit
        return limit

    # --- the scan ----------------------------------------------------------------------------------------

    def _place(self, piece: i64) -> None:
        """Give a piece a place, or a part of it; the rest comes again."""
        out = self.out
        pieces = self.pieces
        p = out.piece_start[piece]
        self.position = p
        self.code.effort.spend(32)
        register = pieces.owner[piece]
        framed_at = out.framed_at
        if p < framed_at and out.piece_end[piece] > framed_at:
            self._push(pieces.split(piece, framed_at))
        if (
            out.first_piece[register] != piece
            and p != framed_at
            and pieces.next_must(piece, p) == NEVER
            and pieces.next_use(piece, p) != p
        ):
            out.piece_place[piece] = MEMORY  # it was in memory, and nothing wants it elsewhere
            return
        end = out.piece_end[piece]
        registers = self.registers
        candidates = registers.xmm if self.code.register_class[register] == XMM else registers.general
        kept = registers.kept
        lost = self._lost_at(piece, p)
        # Where it was before, where what it is a copy of is, where it will be copied to.
        wish = self.last_place[register]
        if wish >= 0:
            if self._is_given(wish, piece, lost):
                return
        else:
            wish = self._place_of(self.code.copy_of[register])
            if wish >= 0 and self._is_given(wish, piece, lost):
                return
            wish = self._end_of_copies(register)
            if wish >= 0 and self._is_given(wish, piece, lost):
                return
        if lost < end:
            # None that a call takes will do. If none of the others does, all are looked at for a part of the life.
            best = self._find_kept(piece, p, end)
            if best >= 0:
                self._give(piece, best)
                return
        active = self.active
        active_until = self.active_until
        best = NOWHERE
        best_until: i64 = -1
        for r in candidates:
            if active[r] and active_until[r] > p:
                continue  # it is taken, and nothing has to be settled to see that
            self._settle(r, p)
            if active[r]:
                continue
            until = self._find_limit(r, piece, NEVER if (kept >> r) & 1 else lost)
            if until >= end:
                if not (kept >> r) & 1 or (out.saved >> r) & 1:
                    best = r
                    best_until = end
                    break
                if best_until < end:
                    best = r
                    best_until = end
            elif until > best_until:
                best = r
                best_until = until
        if best_until >= end:
            self._give(piece, best)
            return
        if best >= 0:
            q = self._cut(piece, p, best_until)
            if q > p and pieces.next_use(piece, p) < q:
                self._give_until(piece, best, q)
                return
        self._take(piece, lost, candidates)

    def _find_kept(self, piece: i64, p: i64, end: i64) -> i64:
        """A register that calls keep and that is free as long as a piece lives: better one that is used already."""
        registers = self.registers
        is_xmm = self.code.register_class[self.pieces.owner[piece]] == XMM
        found: i64 = NOWHERE
        for r in registers.kept_xmm if is_xmm else registers.kept_general:
            if self.active[r] and self.active_until[r] > p:
                continue
            self._settle(r, p)
            if not self.active[r] and self._find_limit(r, piece, NEVER) >= end:
                if (self.out.saved >> r) & 1:
                    return r
                if found < 0:
                    found = r
        return found

    def _place_of(self, register: i64) -> i64:
        """The register of the machine that a register is in, or was last; -1: it has been in none yet."""
        return register if register < FIRST_VIRTUAL else self.last_place[self.out.stands_for[register]]

    def _end_of_copies(self, register: i64) -> i64:
        """The register of the machine that a register is copied to in the end, if that is known."""
        steps = 0
        while steps < _MOST_COPIES:
            register = self.code.copied_to[register]
            place = self._place_of(register)
            if place >= 0 or register < 0:
                return place
            steps += 1
        return NOWHERE

    def _is_given(self, r: i64, piece: i64, lost: i64) -> bool:
        """Give a piece the register that it would like, if that is free as long as it lives."""
        registers = self.registers
        kind = self.code.register_class[self.pieces.owner[piece]]
        if not (registers.all >> r) & 1 or (r >= FIRST_XMM) != (kind == XMM):
            return False
        is_kept = (registers.kept >> r) & 1
        if lost < self.out.piece_end[piece] and not is_kept:
            return False
        if self.active[r] and self.active_until[r] > self.position:
            return False
        self._settle(r, self.position)
        if self.active[r]:
            return False
        if self._find_limit(r, piece, NEVER if is_kept else lost) < self.out.piece_end[piece]:
            return False
        self._give(piece, r)
        return True

    def _cut(self, piece: i64, p: i64, limit: i64) -> i64:
        """Where to cut a piece whose register is lost at `limit`: before that, and before loops."""
        q = limit
        pieces = self.pieces
        if q & 1 and pieces.is_used_between(piece, q - 1, q) and pieces.next_must_behind(piece, q) != q:
            return q
        q &= -2
        if q <= p:
            return q
        return self._before_loops(pieces.last_use_before(piece, p, q), q)

    def _give(self, piece: i64, r: i64) -> None:
        """The register is the piece's."""
        out = self.out
        out.piece_place[piece] = r
        self.last_place[self.pieces.owner[piece]] = r
        self.active[r] = piece
        self.active_until[r] = self.intervals.range_to[self.pieces.range_now[piece]]
        if (self.registers.kept >> r) & 1:
            if out.piece_start[piece] < out.framed_at:
                out.framed_at = 0
            one: i64 = 1
            one <<= r
            out.saved |= one

    def _give_until(self, piece: i64, r: i64, q: i64) -> None:
        """The register is the piece's up to q; the rest comes again, or is in memory if q is odd."""
        out = self.out
        if q < out.piece_end[piece]:
            rest = self.pieces.split(piece, q)
            if out.piece_start[rest] & 1 and not out.piece_is_fresh[rest]:
                self._to_memory(rest)
            else:
                self._push(rest)
        self._give(piece, r)

    def _to_memory(self, piece: i64) -> None:
        """A piece is in memory, up to where it must be in a register again."""
        out = self.out
        pieces = self.pieces
        p = out.piece_start[piece]
        out.piece_place[piece] = MEMORY
        if p < out.framed_at:
            out.framed_at = 0
        out.moves_about(pieces.owner[piece])
        must = pieces.next_must(piece, p)
        if must == NEVER:
            return
        if must & 1 and must > p and pieces.is_written_anew(piece, must):
            self._push(pieces.split(piece, must))
            return
        q = self._before_loops(max(p, self.position), must & -2)
        if q <= p:
            raise InternalError(f"regalloc: a piece goes to memory at {p}, where it must be in a register")
        self._push(pieces.split(piece, q))

    def _take(self, piece: i64, lost: i64, candidates: vec[i64]) -> None:
        """No register is free: the piece goes to memory, or what is used latest does."""
        out = self.out
        pieces = self.pieces
        p = self.position
        must = pieces.next_must(piece, p)
        needed = p  # the register must be free beyond this
        if must < NEVER:
            # An instruction that reads and writes it needs it for both.
            needed = must + 1 if pieces.next_must_behind(piece, must + 1) == must + 1 else must
        kept = self.registers.kept
        best: i64 = NOWHERE
        best_use: i64 = -1
        for r in candidates:
            self._settle(r, p)
            other = self.active[r]
            if not other:
                use = NEVER
            elif pieces.next_must(other, p) <= p or (out.piece_start[other] >= p and p & 1):
                continue
            else:
                use = pieces.next_use(other, p)
            # The limit is asked for last: that takes longer, and few are used later than all before.
            if use > best_use and self._find_limit(r, piece, NEVER if (kept >> r) & 1 else lost) > needed:
                best = r
                best_use = use
        if must > p and (best < 0 or pieces.next_use(piece, p + 1) >= best_use):
            self._to_memory(piece)
            return
        if best < 0:
            raise InternalError(f"regalloc: no register at {p}")
        if self.active[best]:
            self._evict(best, p)
        end = out.piece_end[piece]
        limit = self.free_until[best]
        if limit >= end:
            self._give(piece, best)
            return
        q = self._cut(piece, p, limit)
        self._give_until(piece, best, q if q > p else limit)

    def _evict(self, r: i64, p: i64) -> None:
        """What is in a register goes to memory at p, or before a loop that p is in and that does not use it."""
        out = self.out
        pieces = self.pieces
        piece = self.active[r]
        self.active[r] = 0
        self.active_until[r] = NEVER
        if out.piece_start[piece] >= p:
            out.piece_place[piece] = NOWHERE
            self._to_memory(piece)
            return
        q = self._before_loops(pieces.last_use(piece, p), p)
        self._to_memory(pieces.split(piece, q))
