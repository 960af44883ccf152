"""Lives of virtual registers, cut into pieces: their ranges and uses, and what they need from a position on.

A piece is a part of the list of ranges of its register, which is really cut, and of the list of its uses, which
is not: a piece looks at those before its end. Who asks goes forward, so each piece remembers how far in both lists
the scan is (`range_now`, `use_now`, `must_now`), and all asking takes time in proportion to the lists.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.machine.regalloc.allocation import Allocation
from wasmer_clif_backend.machine.regalloc.intervals import MUST, READS_TOO, WRITES, Intervals
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.support.annotations import Final, final, i64

NEVER: Final[i64] = 1 << 60


@final
class Pieces:
    """The pieces of one function's registers, beside what `Allocation` says of them.

    Attributes:
        owner: by piece: its register.
        range_now: by piece: the range that the scan is in, or before.
    """

    def __init__(self, intervals: Intervals, out: Allocation) -> None:
        rows: i64 = 1 << 10
        self.intervals: Final = intervals
        self.out: Final = out
        self.owner = column(rows)
        self.range_now = column(rows)
        self._first_range = column(rows)
        self._use_now = column(rows)
        self._must_now = column(rows)
        self._use_last = column(rows)

    def first(self, register: i64) -> i64:
        """The whole life of a register as one piece."""
        intervals = self.intervals
        first = intervals.first_range[register]
        piece = self._new(intervals.range_from[first], intervals.life_end[register], register)
        self._first_range[piece] = first
        self.range_now[piece] = first
        use = intervals.first_use[register]
        self._use_now[piece] = use
        self._must_now[piece] = use
        self.out.first_piece[register] = piece
        return piece

    def _new(self, start: i64, end: i64, owner: i64) -> i64:
        piece = self.out.new_piece(start, end)
        if piece >= i64(len(self.owner)):
            rows = 2 * piece
            self.owner = grown(self.owner, rows)
            self.range_now = grown(self.range_now, rows)
            self._first_range = grown(self._first_range, rows)
            self._use_now = grown(self._use_now, rows)
            self._must_now = grown(self._must_now, rows)
            self._use_last = grown(self._use_last, rows)
        self.owner[piece] = owner
        self._use_last[piece] = -1
        return piece

    def split(self, piece: i64, q: i64) -> i64:
        """Cut a piece at a position within it; the rest, which is nowhere yet."""
        out = self.out
        intervals = self.intervals
        if q <= out.piece_start[piece] or q >= out.piece_end[piece]:
            raise InternalError(f"regalloc: a piece [{out.piece_start[piece]}, {out.piece_end[piece]}) is cut at {q}")
        rest = self._new(q, out.piece_end[piece], self.owner[piece])
        out.moves_about(self.owner[piece])
        out.piece_next[rest] = out.piece_next[piece]
        out.piece_next[piece] = rest
        before = self.range_now[piece]
        if intervals.range_from[before] >= q:
            before = self._first_range[piece]
        # The last range that begins before q.
        behind = intervals.range_next[before]
        while behind and intervals.range_from[behind] < q:
            before = behind
            behind = intervals.range_next[before]
        if intervals.range_to[before] > q:
            behind = intervals.cut_range(before, q)
        intervals.range_next[before] = 0
        out.piece_end[piece] = intervals.range_to[before]
        out.piece_start[rest] = intervals.range_from[behind]
        self._first_range[rest] = behind
        self.range_now[rest] = behind
        if intervals.range_from[self.range_now[piece]] >= q:
            self.range_now[piece] = before
        use = self._use_now[piece]
        while use and intervals.use_at[use] < q:
            use = intervals.use_next[use]
        self._use_now[rest] = use
        must = self._must_now[piece]
        self._must_now[rest] = must if must and intervals.use_at[must] >= q else use
        if use and intervals.use_at[use] == out.piece_start[rest] and self._writes_anew(use):
            out.piece_is_fresh[rest] = 1
        return rest

    # --- uses -----------------------------------------------------------------------------------------

    def _writes_anew(self, use: i64) -> bool:
        """Whether a use is a write that keeps nothing of what was there."""
        return self.intervals.use_kind[use] & (WRITES | READS_TOO) == WRITES

    def _within(self, piece: i64, use: i64) -> i64:
        """Where a use is, if it is the piece's."""
        if use and self.intervals.use_at[use] < self.out.piece_end[piece]:
            return self.intervals.use_at[use]
        return NEVER

    def next_use(self, piece: i64, p: i64) -> i64:
        """Where a piece is used next, from p on."""
        intervals = self.intervals
        use = self._use_now[piece]
        while use and intervals.use_at[use] < p:
            self._use_last[piece] = intervals.use_at[use]
            use = intervals.use_next[use]
        self._use_now[piece] = use
        return self._within(piece, use)

    def last_use(self, piece: i64, p: i64) -> i64:
        """Where a piece was used last before p; where it starts if it was not, or not by itself."""
        self.next_use(piece, p)
        last = self._use_last[piece]
        start = self.out.piece_start[piece]
        return last if last > start else start

    def last_use_before(self, piece: i64, p: i64, q: i64) -> i64:
        """The last use in [p, q), without going there; p if there is none."""
        intervals = self.intervals
        self.next_use(piece, p)
        use = self._use_now[piece]
        last = p
        while use and intervals.use_at[use] < q and intervals.use_at[use] < self.out.piece_end[piece]:
            last = intervals.use_at[use]
            use = intervals.use_next[use]
        return last

    def next_must(self, piece: i64, p: i64) -> i64:
        """Where it must be in a register next, from p on."""
        intervals = self.intervals
        use = self._must_now[piece]
        while use and (intervals.use_at[use] < p or not intervals.use_kind[use] & MUST):
            use = intervals.use_next[use]
        self._must_now[piece] = use
        return self._within(piece, use)

    def next_must_behind(self, piece: i64, q: i64) -> i64:
        """`next_must`, without going to q."""
        intervals = self.intervals
        use = self._must_now[piece]
        while use and (intervals.use_at[use] < q or not intervals.use_kind[use] & MUST):
            use = intervals.use_next[use]
        return self._within(piece, use)

    def is_used_between(self, piece: i64, low: i64, high: i64) -> bool:
        """Whether there is a use in [low, high), without going there."""
        intervals = self.intervals
        use = self._use_now[piece]
        while use and intervals.use_at[use] < low:
            use = intervals.use_next[use]
        return use != 0 and intervals.use_at[use] < high

    def is_written_anew(self, piece: i64, at: i64) -> bool:
        """Whether a piece is written at a position, whatever was there."""
        intervals = self.intervals
        use = self._use_now[piece]
        while use and intervals.use_at[use] < at:
            use = intervals.use_next[use]
        return use != 0 and intervals.use_at[use] == at and self._writes_anew(use)

    # --- ranges ---------------------------------------------------------------------------------------

    def range_at(self, piece: i64, p: i64) -> i64:
        """The range of a piece that p is in or before, going there; 0 if its life is over."""
        intervals = self.intervals
        n = self.range_now[piece]
        while n and intervals.range_to[n] <= p:
            n = intervals.range_next[n]
        if n:
            self.range_now[piece] = n
        return n

    def meet(self, piece: i64, n: i64) -> i64:
        """The first position that a piece and a list of ranges have in common.

        Where that takes many steps, a position up to which they surely have none.
        """
        intervals = self.intervals
        m = self.range_now[piece]
        steps: i64 = 0
        while m and n:
            if intervals.range_to[m] <= intervals.range_from[n]:
                m = intervals.range_next[m]
            elif intervals.range_to[n] <= intervals.range_from[m]:
                n = intervals.range_next[n]
            elif intervals.range_from[m] > intervals.range_from[n]:
                return intervals.range_from[m]
            else:
                return intervals.range_from[n]
            steps += 1
            if steps > _MOST_STEPS and m and n:
                return max(intervals.range_from[m], intervals.range_from[n])
        return NEVER


_MOST_STEPS: Final = 1000
