"""What a program holds of Python's: numbers that stand for objects (``val`` in C++), with a count of references each.

Four numbers stand for undefined, null, true and false. Older programs know them as 1 to 4, newer ones as 2, 4, 6, 8,
and theirs go up by two.
"""

from __future__ import annotations

from typing import Any, Final, final

from wasmer_emscripten.errors import WrongArgument

MAX_HANDLES: Final = 1 << 20
"""Objects that a program can hold."""


@final
class Undefined:
    """What JavaScript calls undefined. Python sees None instead."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = Undefined()


def for_python(value: Any) -> Any:
    """A value as Python's own code sees it."""
    return None if value is UNDEFINED else value


@final
class Handles:
    """Of one program.

    Attributes:
        step: by how much numbers go up: 2 in newer programs.
    """

    __slots__ = ("_counts", "_free", "_next", "_values", "step")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._free: list[int] = []
        self.be_of(1)

    def be_of(self, step: int) -> None:
        """Number as the program does; before anything is held."""
        self.step = step
        self._next = 5 * step
        self._values: dict[int, Any] = dict(zip((step, 2 * step, 3 * step, 4 * step), RESERVED, strict=True))

    def add(self, value: Any) -> int:
        """A number for a value, with one reference.

        Raises:
            WrongArgument: the program holds too much.
        """
        for at, reserved in enumerate(RESERVED, 1):
            if value is reserved:
                return at * self.step
        if len(self._counts) >= MAX_HANDLES:
            raise WrongArgument(f"the program holds {MAX_HANDLES} values")
        if self._free:
            handle = self._free.pop()
        else:
            handle, self._next = self._next, self._next + self.step
        self._values[handle] = value
        self._counts[handle] = 1
        return handle

    def value(self, handle: int) -> Any:
        """What a number stands for.

        Raises:
            WrongArgument: nothing.
        """
        if handle not in self._values:
            raise WrongArgument(f"the program used a value that it does not hold: {handle}")
        return self._values[handle]

    def keep(self, handle: int) -> None:
        """One reference more; of what C++ has moved away (0), and of what is always there, nobody counts any."""
        if not handle:
            return
        self.value(handle)
        if handle in self._counts:
            self._counts[handle] += 1

    def drop(self, handle: int) -> None:
        """One reference less."""
        if not handle:
            return
        self.value(handle)
        count = self._counts.get(handle)
        if count is None:
            return
        if count > 1:
            self._counts[handle] = count - 1
        else:
            value = self._values.pop(handle)
            del self._counts[handle]
            self._free.append(handle)
            del value  # which may run code of Python's, when all is done

    def take(self, handle: int) -> Any:
        """What a number stands for, with one reference less."""
        value = self.value(handle)
        self.drop(handle)
        return value

    def __len__(self) -> int:
        return len(self._counts)


RESERVED: Final = (UNDEFINED, None, True, False)
