"""Moves that happen all at once, put into an order in which they can be made one after another.

A move may be made when nothing waits to read its target. When none is left that may, the rest are circles: one
place's content is kept in a spare place, and the circle is open. A circle of places that can be exchanged needs none:
it takes one exchange less than it has places.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column, grown
from wasmer_runtime_core.support.annotations import Final, final, i64

_NOTHING: Final = -1


@final
class Moves:
    """Moves between places, which are small numbers. Used again and again: `add` some, `order` them, read the result.

    Args:
        first_slot: places from here on are slots of the frame.
        exchanged: places below can be exchanged by one instruction.

    Attributes:
        between_slots: whether one that was added is from a slot to a slot.
        ordered: how many moves do the same one by one.
        ordered_to, ordered_from: these. Where a source is negative, its complement and the target are exchanged.
    """

    def __init__(self, first_slot: i64, exchanged: i64 = 0) -> None:
        rows: i64 = 1 << 6
        self.exchanged: Final[i64] = exchanged
        self.first_slot: Final[i64] = first_slot
        self.count: i64 = 0
        self.between_slots = False
        self._to = column(rows)
        self._from = column(rows)
        self.ordered: i64 = 0
        self.ordered_to = column(rows)
        self.ordered_from = column(rows)
        # By place: what it gets, `_NOTHING` if it gets nothing (any more); how many moves wait to read it; the last of
        # these, as a list by move.
        places: i64 = 1 << 6
        self._source_of = column(places)
        self._readers = column(places)
        self._reader = column(places)
        self._next_reader = column(rows)
        self._ready = column(rows)
        self._clear(0)

    def _clear(self, start: i64) -> None:
        while start < i64(len(self._source_of)):
            self._source_of[start] = _NOTHING
            self._readers[start] = 0
            self._reader[start] = _NOTHING
            start += 1

    def add(self, to: i64, source: i64) -> None:
        """One more move. Targets are different; a move of a place to itself is none."""
        if to == source:
            return
        if to >= self.first_slot and source >= self.first_slot:
            self.between_slots = True
        n = self.count
        if n >= i64(len(self._to)):
            self._to = grown(self._to, 2 * n)
            self._from = grown(self._from, 2 * n)
            self._next_reader = grown(self._next_reader, 2 * n)
            self._ready = grown(self._ready, 2 * n)
        self.count = n + 1
        self._to[n] = to
        self._from[n] = source

    def order(self, spare: i64) -> None:
        """Find the order, and forget what was added; `spare` may be used once at a time."""
        count = self.count
        self.count = 0
        self.between_slots = False
        self.ordered = 0
        if 2 * count > i64(len(self.ordered_to)):
            self.ordered_to = grown(self.ordered_to, 2 * count)
            self.ordered_from = grown(self.ordered_from, 2 * count)
        if count == 1:
            self._put(self._to[0], self._from[0])
            return
        self._enter(count, spare)
        source_of = self._source_of
        readers = self._readers
        ready = self._ready
        waiting: i64 = 0
        n: i64 = 0
        while n < count:
            if readers[self._to[n]] == 0:
                ready[waiting] = self._to[n]
                waiting += 1
            n += 1
        first: i64 = 0
        while True:
            while waiting:
                waiting -= 1
                to = ready[waiting]
                source = source_of[to]
                source_of[to] = _NOTHING
                self._put(to, source)
                readers[source] -= 1
                if readers[source] == 0 and source_of[source] != _NOTHING:
                    ready[waiting] = source
                    waiting += 1
            # Every target that is left is read: what the first one holds is read from the spare place from now on.
            while first < count and source_of[self._to[first]] == _NOTHING:
                first += 1
            if first == count:
                break
            held = self._to[first]
            if self._exchange_circle(held):
                continue
            self._put(spare, held)
            n = self._reader[held]
            while n != _NOTHING:
                if source_of[self._to[n]] == held:
                    source_of[self._to[n]] = spare
                    readers[spare] += 1
                n = self._next_reader[n]
            readers[held] = 0
            ready[0] = held
            waiting = 1
        n = 0
        while n < count:
            readers[self._from[n]] = 0
            self._reader[self._from[n]] = _NOTHING
            n += 1
        readers[spare] = 0

    def _enter(self, count: i64, spare: i64) -> None:
        """Fill the columns by place."""
        most = spare
        n: i64 = 0
        while n < count:
            if self._to[n] > most:
                most = self._to[n]
            if self._from[n] > most:
                most = self._from[n]
            n += 1
        if most >= i64(len(self._source_of)):
            start: i64 = len(self._source_of)
            self._source_of = grown(self._source_of, 2 * most)
            self._readers = grown(self._readers, 2 * most)
            self._reader = grown(self._reader, 2 * most)
            self._clear(start)
        n = 0
        while n < count:
            source = self._from[n]
            self._source_of[self._to[n]] = source
            self._readers[source] += 1
            self._next_reader[n] = self._reader[source]
            self._reader[source] = n
            n += 1

    def _exchange_circle(self, start: i64) -> bool:
        """Exchange places of a circle one by one; False: not all of them can be.

        Only circles are left, so each place is read by one. What was in the first one wanders on with each exchange.
        """
        source_of = self._source_of
        place = source_of[start]
        while place != start:
            if place >= self.exchanged:
                return False
            place = source_of[place]
        if start >= self.exchanged:
            return False
        place = start
        while source_of[place] != start:
            source = source_of[place]
            self._put(place, ~source)
            self._readers[source] = 0
            source_of[place] = _NOTHING
            place = source
        source_of[place] = _NOTHING
        self._readers[start] = 0
        return True

    def _put(self, to: i64, source: i64) -> None:
        n = self.ordered
        self.ordered = n + 1
        self.ordered_to[n] = to
        self.ordered_from[n] = source
