"""`Budget`: what the values of one program may take of the host's memory, and `Account`: what one of them has taken."""

from __future__ import annotations

from typing import Final, final

from wasmer_go.errors import TooManyValues


@final
class Budget:
    """Bytes that the values of a program may take of the host's memory.

    Attributes:
        limit: how many there are.
        used: how many are in use.
    """

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, count: int) -> None:
        """Pay for something that is to be made.

        Raises:
            TooManyValues: the rest is less than that.
        """
        if self.used + count > self.limit:
            raise TooManyValues(
                f"the Go program's values would take {self.used + count} bytes of the host's memory; its limit is "
                f"{self.limit}, which GoState.new(…).value_bytes(n) raises"
            )
        self.used += count

    def give(self, count: int) -> None:
        """What was paid for is gone."""
        self.used -= count


HOST: Final = Budget(1 << 62)
"""For what the host makes itself."""


@final
class Account:
    """What one value was charged; given back when Python lets go of it.

    It refers to no value. So values, of which a program may put any number into one another, need no finalizers: Python
    takes long chains of objects down step by step, but for those.
    """

    __slots__ = ("_budget", "_paid")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._paid = 0

    def pay(self, count: int) -> None:
        """Pay for a part.

        Raises:
            TooManyValues: the budget has no more.
        """
        self._budget.take(count)
        self._paid += count

    def __del__(self) -> None:
        self._budget.give(self._paid)
