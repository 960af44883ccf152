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

from wasmer_go.errors import TooManyValues, WrongNumber
from wasmer_go.objects import HOST, UNDEFINED, Budget, Function, Object, Value

NAN, ZERO, NULL, TRUE, FALSE, GLOBAL, GO, FIRST = range(8)
"""Ids that are always the same."""

HEAD: Final = 0x7FF8_0000
DEFAULT_VALUES: Final = 1_000_000
"""Values that a program may hold at once."""
VALUE_BYTES: Final = 128
"""What holding one is charged."""

_F64: Final = Struct("<d")
_U64: Final = Struct("<Q")
_LOW: Final = 0xFFFF_FFFF
_ABOVE: Final = HEAD << 32
_FREE: Final = object()
_INFINITE: Final = 1 << 62


@final
class References:
    """The values that one program holds.

    Attributes:
        values: by id.
        limit: how many there may be at once.
    """

    __slots__ = ("_budget", "_counts", "_free", "_ids", "limit", "values")

    def __init__(self, world: Value, go: Value, budget: Budget, limit: int = DEFAULT_VALUES) -> None:
        self.values: list[Value] = [float("nan"), 0.0, None, True, False, world, go]
        self.limit = limit
        self._counts = [_INFINITE] * FIRST
        self._ids: dict[Any, int] = {world: GLOBAL, go: GO}
        self._free: list[int] = []
        self._budget = budget

    def value(self, bits: int) -> Value:
        """The value that a program names.

        Raises:
            WrongNumber: there is none of this id.
        """
        if bits >> 32 & HEAD == HEAD:
            at = bits & _LOW
            value = self.values[at] if at < len(self.values) else _FREE
            if value is _FREE:
                raise WrongNumber(f"the Go program names a value {at}, which it was never given or has given back")
            return value
        return _F64.unpack(_U64.pack(bits))[0] or UNDEFINED

    def load(self, memory: Any, address: int) -> Value:
        """The value that is named at an address.

        Raises:
            WrongNumber: there is none of this id.
        """
        return self.value(_U64.unpack_from(memory, address)[0])

    def store(self, memory: Any, address: int, value: Value) -> None:
        """Give the program a value: name it at an address, which is known to be in memory."""
        kind = type(value)
        if kind is float:
            if value:
                if value == value:
                    _F64.pack_into(memory, address, value)
                else:
                    _U64.pack_into(memory, address, _ABOVE | NAN)
            else:
                _U64.pack_into(memory, address, _ABOVE | ZERO)
        elif value is UNDEFINED:
            _U64.pack_into(memory, address, 0)
        elif value is None:
            _U64.pack_into(memory, address, _ABOVE | NULL)
        elif kind is bool:
            _U64.pack_into(memory, address, _ABOVE | (TRUE if value else FALSE))
        else:
            at = self._ids.get(value)
            if at is None:
                at = self._new(value)
            self._counts[at] += 1
            flag = 2 if isinstance(value, str) else 4 if isinstance(value, Function) else 1
            _U64.pack_into(memory, address, _ABOVE | flag << 32 | at)

    def _new(self, value: Value) -> int:
        if len(self._ids) >= self.limit:
            raise TooManyValues(
                f"the Go program holds {len(self._ids)} values; its limit is {self.limit}, which "
                "GoState.new(…).values(n) raises"
            )
        if isinstance(value, Object) and value.budget is HOST and type(value) is not Function:
            value.adopt(self._budget)
        self._budget.take(VALUE_BYTES)
        if self._free:
            at = self._free.pop()
            self.values[at] = value
            self._counts[at] = 0
        else:
            at = len(self.values)
            self.values.append(value)
            self._counts.append(0)
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
        self._budget.give(VALUE_BYTES * (len(self._ids) - 2))
        del self.values[FIRST:], self._counts[FIRST:], self._free[:]
        self._ids = {self.values[GLOBAL]: GLOBAL, self.values[GO]: GO}
