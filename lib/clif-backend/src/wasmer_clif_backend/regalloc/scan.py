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
"""

from __future__ import annotations

from typing import Final, final

from librt.vecs import vec
from mypy_extensions import i64

from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.machine.code import FIRST_VIRTUAL, FIRST_XMM, XMM, Code
from wasmer_clif_backend.regalloc.allocation import FIRST_SLOT, NOWHERE, Allocation
from wasmer_clif_backend.regalloc.intervals import MUST, READS_TOO, WRITES, Intervals
from wasmer_runtime_core.errors import InternalError

NEVER: Final = 1 << 60
MEMORY: Final = FIRST_SLOT
"""The place of a piece in memory, until `resolve` gives it a slot."""


@final
class RegisterSet:
    """Which registers of the machine may be given, in the order of preference.

    Attributes:
        general, xmm: numbers as in `machine.code`; what a call loses before what it keeps.
        kept: bits of those that a call keeps.
    """

    def __init__(self, general: list[int], xmm: list[int], kept: list[int]) -> None:
        self.general = vec[i64](general)
        self.xmm = vec[i64](xmm)
        bits = 0
        for register in kept:
            bits |= 1 << register
        self.kept: i64 = bits


@final
class Scan:
    """Gives places to all virtual registers of a function."""

    def __init__(self, registers: RegisterSet, code: Code, intervals: Intervals, flow: Flow, out: Allocation) -> None:
        self.registers: Final = registers
        self.code: Final = code
        self.intervals: Final = intervals
        self.flow: Final = flow
        self.out: Final = out
        rows: i64 = 2 * code.registers + 64
        # By piece: its first range, the range that position p is in or before, the first use, the first use from p on,
        # the use before that, and whose piece it is.
        self.first_range = column(rows)
        self.range_now = column(rows)
        self.use_now = column(rows)
        self.use_last = column(rows)
        self.owner = column(rows)
        # By register of the machine: the piece that is in it, where its range ends; until where it is free for
        # the piece at hand; the range that takes it from p on.
        self.active = column(FIRST_VIRTUAL)
        self.active_until = column(FIRST_VIRTUAL)
        self.free_until = column(FIRST_VIRTUAL)
        self.taken_now = column(FIRST_VIRTUAL)
        # Pieces in a register, but in a hole of their life.
        self.holes: list[int] = []
        self.heap: list[int] = []
        self.call_now: i64 = 0
        self.position: i64 = 0
        """Where the piece at hand starts: nothing is cut before it, but for going to memory."""
        # By virtual register: the register of the machine it was in last.
        self.last_place = column(code.registers)
        self.block_starts: list[int] = []
        self.loop_ends: dict[int, int] = {}

    def run(self) -> None:
        """Give every piece a place."""
        intervals = self.intervals
        out = self.out
        self._blocks()
        r: i64 = 0
        while r < FIRST_VIRTUAL:
            self.active_until[r] = NEVER
            self.taken_now[r] = intervals.taken[r]
            r += 1
        self.call_now = intervals.call_count - 1
        while r < self.code.registers:
            self.last_place[r] = NOWHERE
            r += 1
        at = intervals.order_count - 1
        while at >= 0 or self.heap:
            if at >= 0 and out.stands_for[intervals.order[at]] != intervals.order[at]:
                at -= 1
                continue
            if self.heap and (
                at < 0
                or out.piece_start[self.heap[0]] <= intervals.range_from[intervals.first_range[intervals.order[at]]]
            ):
                piece: i64 = self._pop()
            else:
                piece = self._first_piece(intervals.order[at])
                at -= 1
            self._place(piece)

    # --- pieces -------------------------------------------------------------------------------------

    def _first_piece(self, register: i64) -> i64:
        """The whole life of a register as one piece."""
        intervals = self.intervals
        first = intervals.first_range[register]
        last = first
        while intervals.range_next[last]:
            last = intervals.range_next[last]
        piece = self._new(intervals.range_from[first], intervals.range_to[last], register)
        self.first_range[piece] = first
        self.range_now[piece] = first
        self.use_now[piece] = intervals.first_use[register]
        self.out.first_piece[register] = piece
        return piece

    def _new(self, start: i64, end: i64, owner: i64) -> i64:
        piece = self.out.new_piece(start, end)
        if piece >= i64(len(self.owner)):
            rows = 2 * piece
            self.first_range = grown(self.first_range, rows)
            self.range_now = grown(self.range_now, rows)
            self.use_now = grown(self.use_now, rows)
            self.use_last = grown(self.use_last, rows)
            self.owner = grown(self.owner, rows)
        self.owner[piece] = owner
        self.use_last[piece] = -1
        return piece

    def _split(self, piece: i64, q: i64) -> i64:
        """Cut a piece at a position within it; the rest, which is nowhere yet."""
        out = self.out
        intervals = self.intervals
        if q <= out.piece_start[piece] or q >= out.piece_end[piece]:
            raise InternalError(f"regalloc: a piece [{out.piece_start[piece]}, {out.piece_end[piece]}) is cut at {q}")
        rest = self._new(q, out.piece_end[piece], self.owner[piece])
        out.piece_next[rest] = out.piece_next[piece]
        out.piece_next[piece] = rest
        before = self.range_now[piece]
        if intervals.range_from[before] >= q:
            before = self.first_range[piece]
        # The last range that begins before q.
        behind = intervals.range_next[before]
        while behind and intervals.range_from[behind] < q:
            before = behind
            behind = intervals.range_next[before]
        if intervals.range_to[before] > q:
            cut = intervals.range_count
            if cut >= i64(len(intervals.range_from)):
                intervals.range_from = grown(intervals.range_from, 2 * cut)
                intervals.range_to = grown(intervals.range_to, 2 * cut)
                intervals.range_next = grown(intervals.range_next, 2 * cut)
            intervals.range_count = cut + 1
            intervals.range_from[cut] = q
            intervals.range_to[cut] = intervals.range_to[before]
            intervals.range_next[cut] = behind
            intervals.range_to[before] = q
            behind = cut
        intervals.range_next[before] = 0
        out.piece_end[piece] = intervals.range_to[before]
        out.piece_start[rest] = intervals.range_from[behind]
        self.first_range[rest] = behind
        self.range_now[rest] = behind
        if intervals.range_from[self.range_now[piece]] >= q:
            self.range_now[piece] = before
        # Uses stay one list; a piece looks at those before its end.
        use = self.use_now[piece]
        while use and intervals.use_at[use] < q:
            use = intervals.use_next[use]
        self.use_now[rest] = use
        if use and intervals.use_at[use] == out.piece_start[rest] and self._writes_anew(use):
            out.piece_is_fresh[rest] = 1
        return rest

    def _writes_anew(self, use: i64) -> bool:
        """Whether a use is a write that keeps nothing of what was there."""
        return self.intervals.use_kind[use] & (WRITES | READS_TOO) == WRITES

    def _use_from(self, piece: i64, p: i64) -> i64:
        """The first use at p or behind, or 0."""
        intervals = self.intervals
        use = self.use_now[piece]
        while use and intervals.use_at[use] < p:
            self.use_last[piece] = intervals.use_at[use]
            use = intervals.use_next[use]
        self.use_now[piece] = use
        return use if use and intervals.use_at[use] < self.out.piece_end[piece] else 0

    def _next_use(self, piece: i64, p: i64) -> i64:
        """Where a piece is used next, from p on."""
        use = self._use_from(piece, p)
        return self.intervals.use_at[use] if use else NEVER

    def _next_must(self, piece: i64, p: i64) -> i64:
        """Where it must be in a register next, from p on."""
        intervals = self.intervals
        use = self._use_from(piece, p)
        while use and not intervals.use_kind[use] & MUST:
            use = intervals.use_next[use]
        return self._within(piece, use)

    def _within(self, piece: i64, use: i64) -> i64:
        """Where a use is, if it is the piece's."""
        if use and self.intervals.use_at[use] < self.out.piece_end[piece]:
            return self.intervals.use_at[use]
        return NEVER

    def _next_must_behind(self, piece: i64, q: i64) -> i64:
        """`_next_must`, without going to q."""
        intervals = self.intervals
        use = self.use_now[piece]
        while use and (intervals.use_at[use] < q or not intervals.use_kind[use] & MUST):
            use = intervals.use_next[use]
        return self._within(piece, use)

    def _covers(self, piece: i64, p: i64) -> bool:
        intervals = self.intervals
        n = self.range_now[piece]
        while n and intervals.range_to[n] <= p:
            n = intervals.range_next[n]
        return n != 0 and intervals.range_from[n] <= p

    # --- pieces to come, by start ---------------------------------------------------------------------

    def _push(self, piece: int) -> None:
        heap = self.heap
        start = self.out.piece_start
        heap.append(piece)
        at = len(heap) - 1
        while at:
            above = (at - 1) >> 1
            if start[heap[above]] <= start[piece]:
                break
            heap[at] = heap[above]
            at = above
        heap[at] = piece

    def _pop(self) -> int:
        heap = self.heap
        start = self.out.piece_start
        top = heap[0]
        piece = heap.pop()
        if not heap:
            return top
        at = 0
        while True:
            below = 2 * at + 1
            if below >= len(heap):
                break
            if below + 1 < len(heap) and start[heap[below + 1]] < start[heap[below]]:
                below += 1
            if start[heap[below]] >= start[piece]:
                break
            heap[at] = heap[below]
            at = below
        heap[at] = piece
        return top

    # --- loops ----------------------------------------------------------------------------------------

    def _blocks(self) -> None:
        """Where blocks start, and where loops end."""
        code = self.code
        flow = self.flow
        for b in code.order:
            self.block_starts.append(int(2 * code.block_first[b]))
            head = flow.loop[b]
            while head:
                end = int(2 * code.block_end[b])
                if self.loop_ends.get(int(head), 0) >= end:
                    break
                self.loop_ends[int(head)] = end
                head = flow.outer[head]

    def _block_at(self, p: int) -> int:
        """The block that a position is in."""
        low = 0
        high = len(self.block_starts)
        while high - low > 1:
            middle = (low + high) >> 1
            if self.block_starts[middle] <= p:
                low = middle
            else:
                high = middle
        return self.code.order[low]

    def _before_loops(self, low: i64, p: i64) -> i64:
        """The start of the outermost loop that p is in and that starts behind `low`; p if there is none."""
        code = self.code
        flow = self.flow
        found = p
        head = flow.loop[self._block_at(p)]
        while head:
            start = 2 * code.block_first[head]
            if start > low and start <= p:
                found = start
            head = flow.outer[head]
        return found

    # --- the scan ----------------------------------------------------------------------------------------

    def _advance(self, p: i64) -> None:
        """Registers whose pieces have ended, or are in a hole, at p are free."""
        intervals = self.intervals
        active = self.active
        until = self.active_until
        r: i64 = 0
        while r < FIRST_VIRTUAL:
            if until[r] <= p:
                piece = active[r]
                n = self.range_now[piece]
                while n and intervals.range_to[n] <= p:
                    n = intervals.range_next[n]
                active[r] = 0
                until[r] = NEVER
                if n:
                    self.range_now[piece] = n
                    if intervals.range_from[n] > p:
                        self.holes.append(int(piece))
                    else:
                        active[r] = piece
                        until[r] = intervals.range_to[n]
            n = self.taken_now[r]
            while n and intervals.range_to[n] <= p:
                n = intervals.range_next[n]
            self.taken_now[r] = n
            r += 1
        at = 0
        while at < len(self.holes):
            piece = self.holes[at]
            n = self.range_now[piece]
            if intervals.range_from[n] <= p:
                while n and intervals.range_to[n] <= p:
                    n = intervals.range_next[n]
                if n:
                    self.range_now[piece] = n
                if not n or intervals.range_from[n] <= p:
                    self.holes[at] = self.holes[-1]
                    self.holes.pop()
                    if n:
                        place = self.out.piece_place[piece]
                        if active[place]:
                            raise InternalError(f"regalloc: register {place} is given twice at {p}")
                        active[place] = piece
                        until[place] = intervals.range_to[n]
                    continue
            at += 1

    def _meet(self, piece: i64, n: i64) -> i64:
        """The first position that a piece and a list of ranges have in common."""
        intervals = self.intervals
        m = self.range_now[piece]
        while m and n:
            if intervals.range_to[m] <= intervals.range_from[n]:
                m = intervals.range_next[m]
            elif intervals.range_to[n] <= intervals.range_from[m]:
                n = intervals.range_next[n]
            elif intervals.range_from[m] > intervals.range_from[n]:
                return intervals.range_from[m]
            else:
                return intervals.range_from[n]
        return NEVER

    def _limits(self, piece: i64, p: i64, candidates: vec[i64]) -> None:
        """`free_until` of each candidate, whatever piece is in it now."""
        out = self.out
        intervals = self.intervals
        free = self.free_until
        end = out.piece_end[piece]
        lost = NEVER
        while self.call_now >= 0 and intervals.calls[self.call_now] < p - 1:
            self.call_now -= 1
        call = self.call_now
        while call >= 0 and intervals.calls[call] + 1 < end:
            if self._covers(piece, intervals.calls[call] + 1) and intervals.calls[call] + 1 >= p:
                lost = intervals.calls[call] + 1
                break
            call -= 1
        for r in candidates:
            limit: i64 = NEVER
            if not (self.registers.kept >> r) & 1:
                limit = lost
            n = self.taken_now[r]
            if n and intervals.range_from[n] < end:
                meeting = self._meet(piece, n)
                if meeting < limit:
                    limit = meeting
            free[r] = limit
        for other in self.holes:
            place = out.piece_place[other]
            if (place >= FIRST_XMM) == (self.code.register_class[self.owner[piece]] == XMM):
                meeting = self._meet(piece, self.range_now[other])
                if meeting < free[place]:
                    free[place] = meeting

    def _place(self, piece: i64) -> None:
        """Give a piece a place, or a part of it; the rest comes again."""
        out = self.out
        p = out.piece_start[piece]
        self.position = p
        self._advance(p)
        register = self.owner[piece]
        candidates = self.registers.xmm if self.code.register_class[register] == XMM else self.registers.general
        if self._next_must(piece, p) == NEVER and self._next_use(piece, p) != p and out.first_piece[register] != piece:
            out.piece_place[piece] = MEMORY  # it was in memory, and nothing wants it elsewhere
            return
        self._limits(piece, p, candidates)
        free = self.free_until
        active = self.active
        end = out.piece_end[piece]
        best: i64 = NOWHERE
        best_until: i64 = -1
        hint = self._hint(register)
        if hint >= 0 and not active[hint] and free[hint] >= end and self._may_have(hint, candidates):
            best = hint
            best_until = end
        else:
            for r in candidates:
                if active[r]:
                    continue
                until = free[r]
                if until >= end:
                    kept = (self.registers.kept >> r) & 1
                    if not kept or (out.saved >> r) & 1:
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
            if q > p and self._next_use(piece, p) < q:
                self._give_until(piece, best, q)
                return
        self._take(piece, p, candidates)

    def _may_have(self, r: i64, candidates: vec[i64]) -> bool:
        return any(one == r for one in candidates)

    def _hint(self, register: i64) -> i64:
        """The register of the machine that a register should be in."""
        if self.last_place[register] >= 0:
            return self.last_place[register]
        other = self.code.hint[register]
        if other < FIRST_VIRTUAL:
            return other
        return self.last_place[self.out.stands_for[other]]

    def _cut(self, piece: i64, p: i64, limit: i64) -> i64:
        """Where to cut a piece whose register is lost at `limit`: before that, and before loops."""
        q = limit
        if q & 1 and self._use_between(piece, q - 1, q) and self._next_must_behind(piece, q) != q:
            return q
        q &= -2
        if q <= p:
            return q
        last = p
        intervals = self.intervals
        use = self._use_from(piece, p)
        while use and intervals.use_at[use] < q:
            last = intervals.use_at[use]
            use = intervals.use_next[use]
        return self._before_loops(last, q)

    def _is_written_anew(self, piece: i64, at: i64) -> bool:
        """Whether a piece is written at a position, whatever was there."""
        intervals = self.intervals
        use = self.use_now[piece]
        while use and intervals.use_at[use] < at:
            use = intervals.use_next[use]
        return use != 0 and intervals.use_at[use] == at and self._writes_anew(use)

    def _use_between(self, piece: i64, low: i64, high: i64) -> bool:
        """Whether there is a use in [low, high)."""
        intervals = self.intervals
        use = self.use_now[piece]
        while use and intervals.use_at[use] < low:
            use = intervals.use_next[use]
        return use != 0 and intervals.use_at[use] < high

    def _give(self, piece: i64, r: i64) -> None:
        """The register is the piece's."""
        out = self.out
        out.piece_place[piece] = r
        self.last_place[self.owner[piece]] = r
        self.active[r] = piece
        self.active_until[r] = self.intervals.range_to[self.range_now[piece]]
        if (self.registers.kept >> r) & 1:
            one: i64 = 1
            one <<= r
            out.saved |= one

    def _give_until(self, piece: i64, r: i64, q: i64) -> None:
        """The register is the piece's up to q; the rest comes again, or is in memory if q is odd."""
        if q < self.out.piece_end[piece]:
            self._come_again(self._split(piece, q))
        self._give(piece, r)

    def _come_again(self, rest: i64) -> None:
        if self.out.piece_start[rest] & 1 and not self.out.piece_is_fresh[rest]:
            self._to_memory(rest)
        else:
            self._push(int(rest))

    def _to_memory(self, piece: i64) -> None:
        """A piece is in memory, up to where it must be in a register again."""
        out = self.out
        p = out.piece_start[piece]
        out.piece_place[piece] = MEMORY
        must = self._next_must(piece, p)
        if must == NEVER:
            return
        if must & 1 and must > p and self._is_written_anew(piece, must):
            self._push(int(self._split(piece, must)))
            return
        q = self._before_loops(max(p, self.position), must & -2)
        if q <= p:
            raise InternalError(f"regalloc: a piece goes to memory at {p}, where it must be in a register")
        self._push(int(self._split(piece, q)))

    def _take(self, piece: i64, p: i64, candidates: vec[i64]) -> None:
        """No register is free: the piece goes to memory, or what is used latest does."""
        out = self.out
        must = self._next_must(piece, p)
        needed = p  # the register must be free beyond this
        if must < NEVER:
            # An instruction that reads and writes it needs it for both.
            needed = must + 1 if self._next_must_behind(piece, must + 1) == must + 1 else must
        best: i64 = NOWHERE
        best_use: i64 = -1
        for r in candidates:
            if self.free_until[r] <= needed:
                continue
            other = self.active[r]
            if not other:
                use = NEVER
            elif self._next_must(other, p) <= p or (out.piece_start[other] >= p and p & 1):
                continue
            else:
                use = self._next_use(other, p)
            if use > best_use:
                best = r
                best_use = use
        if must > p and (best < 0 or self._next_use(piece, p + 1) >= best_use):
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
        piece = self.active[r]
        self.active[r] = 0
        self.active_until[r] = NEVER
        start = out.piece_start[piece]
        if start >= p:
            out.piece_place[piece] = NOWHERE
            self._to_memory(piece)
            return
        self._use_from(piece, p)
        last = self.use_last[piece]
        q = self._before_loops(last if last > start else start, p)
        self._to_memory(self._split(piece, q))
