"""What a program holds of Python's: numbers that stand for objects (``val`` in C++), with a count of references each.

Four numbers stand for undefined, null, true and false. Older programs know them as 1 to 4, newer ones as 2, 4, 6, 8,
and theirs go up by two.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable
from sys import getsizeof
from types import MethodType
from typing import Any, Final, final

from wasmer_emscripten.embind.described import BY_CLASS
from wasmer_emscripten.embind.record import Record, fields_of
from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.numbers import must_be_answer
from wasmer_runtime_core.running.interrupts import check_interrupts

MAX_HANDLES: Final = 1 << 20
"""Objects that a program can hold."""
MAX_MADE_BYTES: Final = 1 << 30
"""Of values that a program has made since what it holds was counted last; it may hold half as much of them."""
_GROWING: Final = (list, tuple, dict, str, bytes, bytearray)
"""What a program can make large."""
_MADE_AT_ONCE: Final = (tuple, Record)
"""What is made with all that is in it: records of C++."""
Holding = Callable[[Any], Iterable[Any]]
"""What finds the values that are in another one."""
_SMALL: Final = 64
_LOOK_EVERY: Final = 1 << 16


def bytes_of(value: Any) -> int:
    """What a value takes of the host's memory by itself, if a program can make such ones."""
    if type(value) is Record:
        return getsizeof(fields_of(value))
    return getsizeof(value) if type(value) in _GROWING else 0


def bytes_made(value: Any) -> int:
    """The same of one that a program has just made of its memory, with what was made for it."""
    return bytes_held([value]) if type(value) in _MADE_AT_ONCE else bytes_of(value)


def _shown(view: memoryview) -> tuple[Any, ...]:
    """What a view is of."""
    try:
        return (view.obj,)
    except ValueError as released:
        must_be_answer(released)
        return ()


HOLDING: Final[dict[type, Holding]] = {
    list: lambda value: value,
    tuple: lambda value: value,
    dict: lambda value: (*value.keys(), *value.values()),
    Record: lambda value: fields_of(value).values(),
    functools.partial: lambda value: value.args,
    memoryview: _shown,
    BaseException: lambda value: value.args,
    MethodType: lambda value: (value.__self__,),
}
"""By class, and for those that derive from it: what is in its values that a program has put there. Whoever has another
class of such values enters it, before there are any."""


def _holding(kind: type) -> Holding | None:
    for each in kind.__mro__:
        found = HOLDING.get(each)
        if found is not None:
            return found
    return None


def bytes_held(values: Iterable[Any]) -> int:
    """What values take with all that is in them; each that is not small is counted once."""
    total = steps = 0
    seen: set[int] = set()
    pending = list(values)
    while pending:
        value = pending.pop()
        steps += 1
        if steps % _LOOK_EVERY == 0:
            check_interrupts()
        size = bytes_of(value)
        holding = _holding(type(value))
        if size > _SMALL or holding is not None:
            if id(value) in seen:
                continue
            seen.add(id(value))
        total += max(size, _SMALL)
        if holding is not None:
            pending += holding(value)
    return total


@final
class Undefined:
    """What JavaScript calls undefined. Python sees None instead."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = Undefined()
BY_CLASS[Undefined] = lambda value, levels: "undefined"


def for_python(value: Any) -> Any:
    """A value as Python's own code sees it."""
    return None if value is UNDEFINED else value


@final
class Handles:
    """Of one program.

    Attributes:
        step: by how much numbers go up: 2 in newer programs.
        also: what it keeps otherwise.
    """

    __slots__ = ("_counts", "_free", "_made", "_next", "_values", "also", "step")

    def __init__(self) -> None:
        self.also: dict[int, Any] = {}
        self._counts: dict[int, int] = {}
        self._free: list[int] = []
        self._made = 0
        self.be_of(1)

    def be_of(self, step: int) -> None:
        """Number as the program does; before anything is held."""
        self.step = step
        self._next = 5 * step
        self._values: dict[int, Any] = dict(zip((step, 2 * step, 3 * step, 4 * step), RESERVED, strict=True))

    def held(self) -> Collection[Any]:
        """All that is held."""
        return self._values.values()

    def let_go(self) -> None:
        """Hold nothing any more: the program has ended."""
        self._counts = {}
        self._free = []
        self.be_of(self.step)  # which may run code of Python's, when all is done

    def made(self, size: int) -> None:
        """The program has made so many bytes more of values.

        Raises:
            WrongArgument: what it holds is too much.
        """
        self._made += max(size, 0)
        if self._made > MAX_MADE_BYTES:
            self._made = size + bytes_held((*self._values.values(), *self.also.values()))
            if self._made > MAX_MADE_BYTES // 2:
                raise WrongArgument(
                    f"the program holds values of {self._made} bytes: {MAX_MADE_BYTES // 2} are the most"
                )

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
