"""Where every virtual register is at every position, and what has to be moved for that to be true.

A *place* is a number: 0 to 31 the machine's registers, from `FIRST_SLOT` on the frame's slots. A virtual register's
life is cut into *pieces*, each in one place, in ascending order. What connects them are *edits*, moves before an
instruction, and moves on edges. Moves at one position happen all at once.

The scan (`scan`) makes pieces, `resolve` the moves; `checker` believes neither.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column, grown, with_room
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.machine.code import Code
from wasmer_runtime_core.support.annotations import Final, final, i64

FIRST_SLOT: Final = 32
NOWHERE: Final = -1


@final
class Allocation:
    """The pieces and moves of one function. Used again for the next one.

    Attributes:
        stands_for: by register: the one that stands for it (`coalesce`), itself as a rule. What follows is of such.
        first_piece: by virtual register: its first piece; 0: it has none.
        found: by virtual register: a piece that was looked for; 0: none yet.
        piece_start, piece_end: the positions of a piece, ``[start, end)``; holes may lie between.
        piece_place: a place.
        piece_is_fresh: 1: what it holds is written where it starts, and has nothing to do with the piece before.
        piece_next: the next piece of the same register; 0: none.
        slot: by virtual register: its slot's place, or `NOWHERE`.
        slots: how many slots there are. Each has 16 bytes.
        moving, moving_count: virtual registers that are in more than one place, or in memory.
        first_edit: by position: the moves before instruction ``at // 2``, a list, by place; 0: none. Those at an odd
            position happen behind those at the even one before.
        edit_to, edit_from, edit_next: the moves of these lists.
        edge_first, edge_end: by edge, from where to where in `edge_to` and `edge_from` its moves are.
        saved: bits of the callee-saved registers that are used.
        framed_at: the position from which on there is a frame, with slots and callee-saved registers; 0: the start.
    """

    def __init__(self) -> None:
        rows: i64 = 1 << 10
        self._registers: i64 = 0
        """One more than the greatest."""
        self.stands_for = column(rows)
        self._joined = column(rows)
        self.found = column(rows)
        self.first_piece = column(rows)
        self.piece_start = column(rows)
        self.piece_end = column(rows)
        self.piece_place = column(rows)
        self.piece_place[0] = NOWHERE
        self.piece_is_fresh = column(rows)
        self.piece_next = column(rows)
        self.piece_count: i64 = 1
        self.slot = column(rows)
        self.slots: i64 = 0
        self.moving = column(rows)
        self.moving_count: i64 = 0
        self.is_moving = column(rows)
        self._home = column(rows)
        """By virtual register: the place it is in all its life; `NOWHERE`: it moves about, or has none."""
        self.first_edit = column(rows)
        self.edit_to = column(rows)
        self.edit_from = column(rows)
        self.edit_next = column(rows)
        self.edit_count: i64 = 1
        self.edge_first = column(1 << 7)
        self.edge_end = column(1 << 7)
        self.edge_to = column(rows)
        self.edge_from = column(rows)
        self.edge_move_count: i64 = 0
        self.saved: i64 = 0
        self.framed_at: i64 = 0

    def begin(self, function: Function, code: Code) -> None:
        """Nothing is anywhere."""
        registers = code.registers
        self._registers = registers
        if registers > i64(len(self.moving)):
            rows = with_room(registers)
            self.moving = column(rows)
            self.stands_for = column(rows)
            self._joined = column(rows)
            self.found = column(rows)
            self.first_piece = column(rows)
            self.slot = column(rows)
            self.is_moving = column(rows)
            self._home = column(rows)
        self._begin_registers()
        if 2 * code.end > i64(len(self.first_edit)):
            self.first_edit = column(2 * code.end)
        first_edit = self.first_edit
        at = 2 * code.first
        end = 2 * code.end
        while at < end:
            first_edit[at] = 0
            at += 1
        if function.edge_count > i64(len(self.edge_first)):
            self.edge_first = grown(self.edge_first, function.edge_count)
            self.edge_end = grown(self.edge_end, function.edge_count)
        self.piece_count = 1
        self.edit_count = 1
        self.edge_move_count = 0
        self.slots = 0
        self.moving_count = 0
        self.saved = 0
        self.framed_at = code.frame_at

    def _begin_registers(self) -> None:
        """Of all virtual registers: each stands for itself, and is nowhere."""
        stands_for = self.stands_for
        joined = self._joined
        found = self.found
        first_piece = self.first_piece
        slot = self.slot
        is_moving = self.is_moving
        home = self._home
        registers = self._registers
        r: i64 = FIRST_SLOT
        while r < registers:
            stands_for[r] = r
            joined[r] = 0
            found[r] = 0
            first_piece[r] = 0
            slot[r] = NOWHERE
            is_moving[r] = 0
            home[r] = NOWHERE
            r += 1

    def join(self, one: i64, other: i64) -> None:
        """`one` stands for `other` from now on, and for all that `other` stood for."""
        last = other
        while True:
            self.stands_for[last] = one
            if self._joined[last] == 0:
                break
            last = self._joined[last]
        self._joined[last] = self._joined[one]
        self._joined[one] = other

    def moves_about(self, register: i64) -> None:
        """A register is in more than one place, or in memory."""
        if not self.is_moving[register]:
            self.is_moving[register] = 1
            self.moving[self.moving_count] = register
            self.moving_count += 1

    def find_homes(self) -> None:
        """All pieces have places: from here on `place_at` finds at once what does not move about."""
        home = self._home
        stands_for = self.stands_for
        first_piece = self.first_piece
        registers = self._registers
        r: i64 = FIRST_SLOT
        while r < registers:
            one = stands_for[r]
            piece = first_piece[one]
            if piece and not self.is_moving[one]:
                home[r] = self.piece_place[piece]
            r += 1

    def new_piece(self, start: i64, end: i64) -> i64:
        """A piece that is nowhere yet."""
        n = self.piece_count
        if n >= i64(len(self.piece_start)):
            self.piece_start = grown(self.piece_start, 2 * n)
            self.piece_end = grown(self.piece_end, 2 * n)
            self.piece_place = grown(self.piece_place, 2 * n)
            self.piece_is_fresh = grown(self.piece_is_fresh, 2 * n)
            self.piece_next = grown(self.piece_next, 2 * n)
        self.piece_count = n + 1
        self.piece_start[n] = start
        self.piece_end[n] = end
        self.piece_place[n] = NOWHERE
        self.piece_is_fresh[n] = 0
        self.piece_next[n] = 0
        return n

    def place_at(self, register: i64, position: i64) -> i64:
        """Where a register is at a position of its life: a register of the machine is where it is."""
        if register < FIRST_SLOT:
            return register
        home = self._home[register]
        if home >= 0:
            return home
        piece = self.piece_at(self.stands_for[register], position)
        return self.piece_place[piece] if piece else i64(NOWHERE)

    def piece_at(self, register: i64, position: i64) -> i64:
        """The piece of a register that stands for itself, at a position of its life; 0: that is before it."""
        # Who asks goes forward, mostly: from the piece that was found last.
        piece = self.found[register]
        if piece == 0 or self.piece_start[piece] > position:
            piece = self.first_piece[register]
            if piece == 0 or self.piece_start[piece] > position:
                return 0
        behind = self.piece_next[piece]
        if behind == 0 or self.piece_start[behind] > position:
            return piece
        while behind and self.piece_start[behind] <= position:
            piece = behind
            behind = self.piece_next[piece]
        self.found[register] = piece
        return piece

    def slot_of(self, register: i64) -> i64:
        """The slot of a register, a new one if it has none."""
        place = self.slot[register]
        if place == NOWHERE:
            place = FIRST_SLOT + self.slots
            self.slots += 1
            self.slot[register] = place
        return place

    def move(self, at: i64, to: i64, source: i64) -> None:
        """One more move at a position. They are few at each: a register of the machine takes part in every one."""
        n = self.edit_count
        if n >= i64(len(self.edit_to)):
            self.edit_to = grown(self.edit_to, 2 * n)
            self.edit_from = grown(self.edit_from, 2 * n)
            self.edit_next = grown(self.edit_next, 2 * n)
        self.edit_count = n + 1
        self.edit_to[n] = to
        self.edit_from[n] = source
        before: i64 = 0
        behind = self.first_edit[at]
        while behind and (
            self.edit_to[behind] < to or (self.edit_to[behind] == to and self.edit_from[behind] < source)
        ):
            before = behind
            behind = self.edit_next[behind]
        self.edit_next[n] = behind
        if before:
            self.edit_next[before] = n
        else:
            self.first_edit[at] = n

    def begin_edge(self, e: i64) -> None:
        """What `move_on_edge` enters is an edge's, until `finish_edge`."""
        self.edge_first[e] = self.edge_move_count

    def move_on_edge(self, to: i64, source: i64) -> None:
        """One more move of the edge at hand."""
        n = self.edge_move_count
        if n >= i64(len(self.edge_to)):
            self.edge_to = grown(self.edge_to, 2 * n)
            self.edge_from = grown(self.edge_from, 2 * n)
        self.edge_move_count = n + 1
        self.edge_to[n] = to
        self.edge_from[n] = source

    def finish_edge(self, e: i64) -> None:
        """The moves of an edge are all there."""
        self.edge_end[e] = self.edge_move_count

    def edge_moves(self, e: i64) -> bool:
        """Whether an edge moves anything."""
        return self.edge_first[e] < self.edge_end[e]

    # --- for those who print and prove ------------------------------------------------------------------

    def edits_at(self, position: i64) -> list[tuple[int, int]]:
        """The moves at a position: to, from."""
        found = []
        n = self.first_edit[position]
        while n:
            found.append((int(self.edit_to[n]), int(self.edit_from[n])))
            n = self.edit_next[n]
        return found

    def moves_of(self, e: i64) -> list[tuple[int, int]]:
        """The moves of an edge: to, from."""
        return [(int(self.edge_to[n]), int(self.edge_from[n])) for n in range(self.edge_first[e], self.edge_end[e])]
