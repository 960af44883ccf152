"""What a loop over arrays loads and stores: whether four rounds may do it at once, and how.

A round goes on by a *step* of so many bytes. If that is one word, the words of four rounds lie side by side: one
access of 16 bytes. If it is more, as in a loop over records or over the rows of a matrix, the words of one round lie
side by side. Then four of them are taken from four rounds, 16 bytes each, and what are *rows* (the words of a round)
become *columns* (a word of each round), and rows again before they are stored:

    a0 b0 c0 d0        a0 a1 a2 a3
    a1 b1 c1 d1        b0 b1 b2 b3
    a2 b2 c2 d2   <->  c0 c1 c2 c3
    a3 b3 c3 d3        d0 d1 d2 d3

Eight shuffles do that, two of two rows each. Of records of two words, two are a row, and two shuffles suffice.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import BITCAST, LITTLE, SHUFFLE
from wasmer_clif_backend.ir.types import I8X16
from wasmer_runtime_core.support.annotations import Final, final, i64

ROUNDS: Final = 4
"""That are done at once."""
WORD: Final = 4
"""Bytes of a word."""
_MOST: Final = 64
_ROW: Final = 16
_NONE: Final = -1


def _mask(*words: int) -> bytes:
    """A shuffle's mask, by the numbers of words: 0 to 3 of the first operand, 4 to 7 of the second one."""
    return bytes((word << 2) + byte for word in words for byte in range(WORD))


_LOW_BY_TURNS: Final = _mask(0, 4, 1, 5)
_HIGH_BY_TURNS: Final = _mask(2, 6, 3, 7)
_LOW_HALVES: Final = _mask(0, 1, 4, 5)
_HIGH_HALVES: Final = _mask(2, 3, 6, 7)
_EVEN: Final = _mask(0, 2, 4, 6)
_ODD: Final = _mask(1, 3, 5, 7)


@final
class Records:
    """The accesses of one loop, in its order, and the groups of those that are done together.

    A group has as many members as a row has words of one round: all loads or all stores, of neighbouring words.
    """

    def __init__(self) -> None:
        # By access: how far its word is from the loop's base and variable; whether it is a store; the flags.
        self._distance = column(_MOST)
        self._stores = column(_MOST)
        self._flags = column(_MOST)
        self._count: i64 = 0
        self._step: i64 = WORD
        self._width: i64 = 1
        # By access: the one of the lowest word of its group, and its place from there.
        self._lowest = column(_MOST)
        self._place = column(_MOST)
        # By lowest access and place: the access; its column, while the second loop is made.
        self._member = column(_MOST * ROUNDS)
        self._column = column(_MOST * ROUNDS)

    def begin(self, step: i64) -> bool:
        """A loop whose rounds are so many bytes apart, positive; False: none that is understood."""
        self._count = 0
        self._step = step
        self._width = ROUNDS
        if step == WORD:
            self._width = 1
        elif step == 2 * WORD:
            self._width = 2
        return step % WORD == 0 and step != 3 * WORD

    def is_empty(self) -> bool:
        """Whether the loop has no accesses."""
        return self._count == 0

    def note(self, distance: i64, stores: i64, flags: i64) -> bool:
        """The next access; False: there are too many.

        Args:
            distance: of its word from base and variable.
            stores: 1 for a store, 0 for a load.
            flags: the instruction's.
        """
        if self._count == _MOST:
            return False
        self._distance[self._count] = distance
        self._stores[self._count] = stores
        self._flags[self._count] = flags
        self._count += 1
        return True

    # --- may it be ----------------------------------------------------------------------------------------

    def may_be_at_once(self, function: Function) -> bool:
        """Whether four rounds leave, and see, what they would one by one; and all of it has its group."""
        function.effort.spend(1 + self._count * self._count)
        one: i64 = 0
        while one < self._count:
            if self._stores[one]:
                other: i64 = 0
                while other < self._count:
                    if not self._are_apart(one, other):
                        return False
                    other += 1
            one += 1
        return self._width == 1 or self._find_groups()

    def _are_apart(self, store: i64, other: i64) -> bool:
        """Whether a store and another access are of one word in the same round, or have no byte in common in any."""
        distance = self._distance[store] - self._distance[other]
        if self._width > 1 and distance == 0 and store != other and (self._stores[other] or other > store):
            return False  # Loads are done with the first of their group, stores with the last.
        rounds: i64 = -(ROUNDS - 1)
        while rounds < ROUNDS:
            apart = distance + rounds * self._step
            if apart > -WORD and apart < WORD and (rounds or apart):
                return False
            rounds += 1
        return True

    def _find_groups(self) -> bool:
        """Groups of all loads, and of all stores, from the lowest on; False: something has none."""
        one: i64 = 0
        while one < self._count:
            self._lowest[one] = _NONE
            one += 1
        while True:
            lowest: i64 = _NONE
            one = 0
            while one < self._count:
                if self._lowest[one] == _NONE and (lowest < 0 or self._distance[one] < self._distance[lowest]):
                    lowest = one
                one += 1
            if lowest < 0:
                return True
            place: i64 = 0
            while place < self._width:
                one = self._like(lowest, place)
                if one < 0:
                    return False
                self._lowest[one] = lowest
                self._place[one] = place
                self._member[lowest * ROUNDS + place] = one
                place += 1

    def _like(self, lowest: i64, place: i64) -> i64:
        """The access of the same kind, so many words above; -1: there is none."""
        one: i64 = 0
        while one < self._count:
            if (
                self._distance[one] == self._distance[lowest] + place * WORD
                and self._stores[one] == self._stores[lowest]
                and self._flags[one] == self._flags[lowest]
                and self._lowest[one] == _NONE
            ):
                return one
            one += 1
        return _NONE

    # --- how it is done -----------------------------------------------------------------------------------

    def is_group(self) -> bool:
        """Whether accesses are done in groups, not each by itself."""
        return self._width > 1

    def rows(self) -> i64:
        """How many accesses of 16 bytes a group is."""
        return self._width

    def is_first(self, access: i64) -> bool:
        """Whether no access of its group comes before this one."""
        return self._is_end(access, -1)

    def is_last(self, access: i64) -> bool:
        """Whether no access of its group comes after this one."""
        return self._is_end(access, 1)

    def _is_end(self, access: i64, direction: i64) -> bool:
        lowest = self._lowest[access]
        place: i64 = 0
        while place < self._width:
            if (self._member[lowest * ROUNDS + place] - access) * direction > 0:
                return False
            place += 1
        return True

    def distance_of_row(self, access: i64, row: i64) -> i64:
        """Where a row of an access's group begins, from base and variable."""
        by = self._step if self._width == ROUNDS else i64(_ROW)
        return self._distance[self._lowest[access]] + row * by

    def column_of(self, access: i64) -> i64:
        """The words of four rounds that an access loads."""
        return self._column[self._lowest[access] * ROUNDS + self._place[access]]

    def set_column(self, access: i64, column: i64) -> None:
        """What an access stores in four rounds."""
        self._column[self._lowest[access] * ROUNDS + self._place[access]] = column

    def turn_loaded(self, function: Function, block: i64, access: i64, rows: list[int]) -> None:
        """The columns of a group that is loaded: shuffles, at the end of a block."""
        first = self._lowest[access] * ROUNDS
        columns = _turned(function, block, rows) if self._width == ROUNDS else _parted(function, block, rows)
        place: i64 = 0
        for one in columns:
            self._column[first + place] = one
            place += 1

    def turn_stored(self, function: Function, block: i64, access: i64) -> list[int]:
        """The rows of a group that is stored: shuffles, at the end of a block."""
        columns: list[int] = []
        place: i64 = 0
        while place < self._width:
            made = function.new(BITCAST, I8X16, self._column[self._lowest[access] * ROUNDS + place], 0, 0, 0, LITTLE)
            function.append(block, made)
            columns.append(int(made))
            place += 1
        return _turned(function, block, columns) if self._width == ROUNDS else _joined(function, block, columns)


def _shuffled(function: Function, block: i64, x: int, y: int, mask: bytes) -> int:
    made = function.new(SHUFFLE, I8X16, x, y, 0, function.constant(mask))
    function.append(block, made)
    return int(made)


def _turned(f: Function, b: i64, rows: list[int]) -> list[int]:
    """Four rows of four words become four columns; and the other way round."""
    w, x, y, z = rows
    low = _shuffled(f, b, w, x, _LOW_BY_TURNS)
    low2 = _shuffled(f, b, y, z, _LOW_BY_TURNS)
    high = _shuffled(f, b, w, x, _HIGH_BY_TURNS)
    high2 = _shuffled(f, b, y, z, _HIGH_BY_TURNS)
    return [
        _shuffled(f, b, low, low2, _LOW_HALVES),
        _shuffled(f, b, low, low2, _HIGH_HALVES),
        _shuffled(f, b, high, high2, _LOW_HALVES),
        _shuffled(f, b, high, high2, _HIGH_HALVES),
    ]


def _parted(f: Function, b: i64, rows: list[int]) -> list[int]:
    """Two rows of two records of two words become two columns."""
    x, y = rows
    return [_shuffled(f, b, x, y, _EVEN), _shuffled(f, b, x, y, _ODD)]


def _joined(f: Function, b: i64, columns: list[int]) -> list[int]:
    """Two columns become two rows of two records of two words."""
    x, y = columns
    return [_shuffled(f, b, x, y, _LOW_BY_TURNS), _shuffled(f, b, x, y, _HIGH_BY_TURNS)]
