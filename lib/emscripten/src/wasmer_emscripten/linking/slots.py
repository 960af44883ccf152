"""Places in the table of a program that is linked dynamically: ranges for its modules, one per function that has
an address. A function has one address, however often and by whomever it is asked for.
"""

from __future__ import annotations

from typing import Any, Final, final

from wasmer_emscripten.glue.matching import LOOK_EVERY
from wasmer_emscripten.linking.places import aligned
from wasmer_runtime_core.running.interrupts import check_interrupts
from wasmer_runtime_core.running.objects.table import Table

NO_PLACE: Final = 0
"""Of a module without places of its own."""


@final
class Slots:
    """The places of one table."""

    __slots__ = ("_by_function", "_free", "_spare", "table")

    def __init__(self, table: Table) -> None:
        self.table = table
        self._by_function: dict[Any, int] = {}
        self._free: list[int] = []
        self._spare: list[tuple[int, int]] = []

    def range(self, size: int, alignment: int) -> int:
        """Where `size` free places begin.

        Raises:
            TableGrowError: there are none, and no more can be made.
        """
        if not size:
            return NO_PLACE
        for at, (start, spare) in enumerate(self._spare):
            if spare >= size and start % alignment == 0:
                del self._spare[at]
                if spare > size:
                    self._spare.append((start + size, spare - size))
                return start
        length = self.table.size
        start = aligned(length, alignment)
        self.table.grow(start + size - length)
        return start

    def know(self, start: int, size: int) -> None:
        """Look at what a module has put into its places: these are the addresses of functions that it exports, too."""
        for at in range(start, min(start + size, self.table.size)):
            if at % LOOK_EVERY == 0:
                check_interrupts()
            function = self.table[at]
            if function is not None:
                self._by_function.setdefault(function, at)

    def of(self, function: Any, made: list[int]) -> int:
        """The address of a function; noted in `made` if it has had none until now.

        Raises:
            TableGrowError: there is no place for it.
        """
        at = self._by_function.get(function)
        if at is not None and self.table[at] == function:
            return at
        at = self._free.pop() if self._free else self.table.grow(1)
        self.table[at] = function
        self._by_function[function] = at
        made.append(at)
        return at

    def give_back(self, start: int, size: int, made: list[int]) -> None:
        """Take a range, and places of single functions, back from a module that was not loaded.

        That costs what the module's functions do, however many places it asked for: nobody looks for a deadline here.
        """
        if size:
            stop = start + size
            for function in [each for each, at in self._by_function.items() if start <= at < stop]:
                del self._by_function[function]
            self.table.empty(start, stop)
            self._spare.append((start, size))
        for at in made:
            function = self.table[at]
            if function is not None:
                if self._by_function.get(function) == at:
                    del self._by_function[function]
                self.table[at] = None
        self._free += made
        made.clear()
