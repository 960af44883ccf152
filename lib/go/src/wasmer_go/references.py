"""Which values a program holds, and how it names them: 64 bits each (Go's `syscall/js.ref`).

=======================  ==========================================================================================
bits                     value
=======================  ==========================================================================================
the number 0             undefined
any other number         that number
a NaN                    the value whose id is in the low half; the high half is 0x7FF80000 with its type in it: 1 an
                         object, 2 a text, 3 a symbol, 4 a function, 0 any other
=======================  ==========================================================================================

Ids below `FIRST` are the same in every program. The others are given with the first use of a value, counted with each
further one, and free again when the program has given all of these back (`finalizeRef`).
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final, final

from librt.strings import read_f64_le, read_i64_le

from wasmer_go.budget import HOST, Budget
from wasmer_go.errors import TooManyValues, WrongNumber
from wasmer_go.objects import UNDEFINED, Function, Object, Value
from wasmer_runtime_core.support.integers import i64

NAN: Final = 0
ZERO: Final = 1
NULL: Final = 2
TRUE: Final = 3
FALSE: Final = 4
GLOBAL: Final = 5
GO: Final = 6
FIRST: Final = 7
"""Ids that are always the same; the first of the others."""

HEAD: Final = 0x7FF8_0000
DEFAULT_VALUES: Final = 1_000_000
"""Values that a program may hold at once."""
VALUE_BYTES: Final = 128
"""What holding one is charged."""

_F64: Final = Struct("<d")
_U64: Final = Struct("<Q")
_ABOVE: Final = HEAD << 32
_FREE: Final = object()
_UNDEFINED: Final = bytes(8)
_INFINITE: Final = 1 << 60
MAX_NUMBERS: Final = 1024
"""Numbers whose bytes are remembered."""


@final
class References:
    """The values that one program holds.

    Attributes:
        values: by id.
        limit: how many there may be at once.
    """

    __slots__ = ("_budget", "_counts", "_free", "_ids", "_names", "_numbers", "limit", "values")

    def __init__(self, world: Value, go: Value, budget: Budget, limit: int = DEFAULT_VALUES) -> None:
        self.values: list[Value] = [float("nan"), 0.0, None, True, False, world, go]
        self.limit = limit
        self._counts = [_INFINITE] * FIRST
        self._ids: dict[Any, int] = {world: GLOBAL, go: GO}
        self._free: list[int] = []
        self._budget = budget
        self._names = [_U64.pack(_ABOVE | (at >= GLOBAL) << 32 | at) for at in range(FIRST)]
        self._numbers: dict[float, bytes] = {}

    def value(self, words: bytes, place: i64) -> Value:
        """The value that is named by eight bytes of some.

        Raises:
            WrongNumber: there is none of this id.
            IndexError: there are no eight bytes.
        """
        bits = read_i64_le(words, place)
        if (bits >> 32) & HEAD == HEAD:
            at = bits & 0xFFFF_FFFF
            value = self.values[at] if at < len(self.values) else _FREE
            if value is _FREE:
                raise WrongNumber(f"the Go program names a value {at}, which it was never given or has given back")
            return value
        number = read_f64_le(words, place)
        return UNDEFINED if number == 0.0 else number

    def load(self, memory: Any, address: int) -> Value:
        """The value that is named at an address.

        Raises:
            WrongNumber: there is none of this id.
            IndexError: the address is outside of memory.
        """
        return self.value(memory.read(address, 8), 0)

    def store(self, memory: Any, address: int, value: Value) -> None:
        """Give the program a value: name it at an address.

        Raises:
            TooManyValues: it holds as many as it may.
            IndexError: the address is outside of memory.
        """
        memory.write(address, self.name(value))

    def name(self, value: Value) -> bytes:
        """The eight bytes by which the program, which is given it with that, names a value."""
        if isinstance(value, float):
            return self._number(value)
        if value is UNDEFINED:
            return _UNDEFINED
        if value is None:
            return self._names[NULL]
        if isinstance(value, bool):
            return self._names[TRUE if value else FALSE]
        found = self._ids.get(value)
        at = self._new(value) if found is None else found
        self._counts[at] += 1
        return self._names[at]

    def _number(self, value: float) -> bytes:
        if value != value:
            return self._names[NAN]
        if value == 0.0:
            return self._names[ZERO]
        numbers = self._numbers
        found = numbers.get(value)
        if found is None:
            if len(numbers) >= MAX_NUMBERS:
                numbers.clear()
            found = _F64.pack(value)
            numbers[value] = found
        return found

    def _new(self, value: Value) -> int:
        if len(self._ids) >= self.limit:
            raise TooManyValues(
                f"the Go program holds {len(self._ids)} values; its limit is {self.limit}, which "
                "GoState.new(…).values(n) raises"
            )
        if isinstance(value, Object) and value.budget is HOST and type(value) is not Function:
            value.adopt(self._budget)
        self._budget.take(VALUE_BYTES)
        at = len(self.values)
        if self._free:
            at = self._free.pop()
            self.values[at] = value
            self._counts[at] = 0
        else:
            self.values.append(value)
            self._counts.append(0)
            self._names.append(b"")
        flag = 2 if isinstance(value, str) else 4 if isinstance(value, Function) else 1
        self._names[at] = _U64.pack(_ABOVE | flag << 32 | at)
        self._ids[value] = at
        return at

    def finalize(self, at: int) -> None:
        """The program has given one use of a value back.

        Raises:
            WrongNumber: it has none of it.
        """
        if at >= len(self.values) or self.values[at] is _FREE:
            raise WrongNumber(f"the Go program gives back a value {at}, which it does not have")
        self._counts[at] -= 1
        if not self._counts[at]:
            del self._ids[self.values[at]]
            self.values[at] = _FREE
            self._free.append(at)
            self._budget.give(VALUE_BYTES)

    def clear(self) -> None:
        """Let go of all of them: the program has ended."""
        held: i64 = len(self._ids) - 2
        self._budget.give(VALUE_BYTES * held)
        del self.values[FIRST:], self._counts[FIRST:], self._names[FIRST:], self._free[:]
        self._ids = {self.values[GLOBAL]: GLOBAL, self.values[GO]: GO}
