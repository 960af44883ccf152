"""Calls from Python into a program: texts on its stack, values of Python's types, pointers to Python functions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, final

from wasmer_emscripten.errors import NotSupported
from wasmer_emscripten.fastcomp import pointers
from wasmer_emscripten.guest import U32
from wasmer_emscripten.process import MALLOC
from wasmer_emscripten.signatures import of_emscripten
from wasmer_runtime_core.running.objects.functions import Function
from wasmer_runtime_core.wasm.types import I32

if TYPE_CHECKING:
    from wasmer_emscripten.process import Links, Process

ALIGNMENT: Final = 16
MAX_TEXT: Final = 1 << 30
"""Bytes of a text that a call returns."""
_ALLOCATE: Final = ("_emscripten_stack_alloc", "stackAlloc", "_stackAlloc")


def converted(text: str | bytes) -> bytes:
    """A text as the program has it: UTF-8."""
    return text.encode() if isinstance(text, str) else bytes(text)


@final
class Stack:
    """Memory on a program's stack, given back at the end of a `with` block."""

    __slots__ = ("_allocate", "_before", "_links", "_process")

    def __init__(self, process: Process, links: Links) -> None:
        self._process = process
        self._links = links
        self._allocate = links.find(*_ALLOCATE)
        self._before = links.stack_save() if links.stack_save is not None else None
        process.giving_back.begin()

    @staticmethod
    def exists(links: Links) -> bool:
        """Whether a program has a stack, or a heap, to take memory from."""
        return links.find(*_ALLOCATE) is not None or links.find(*MALLOC) is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give all of it back."""
        if value is None:
            self.leave()
        else:
            self._process.giving_back.after_failure(self.leave)

    def leave(self) -> None:
        """Give all of it back."""
        if self._before is not None and self._links.stack_restore is not None:
            self._links.stack_restore(self._before)

    def allocate(self, size: int) -> int:
        """A pointer to so many bytes.

        Raises:
            NotSupported: the program exports neither a stack nor a heap to take them from.
        """
        if self._allocate is None:
            return self._process.malloc(size, "a call with texts")
        pointer: int = self._allocate(-(-size // ALIGNMENT) * ALIGNMENT) & U32
        self._process.guest.check(pointer, size)
        return pointer

    def string(self, text: str | bytes) -> int:
        """A pointer to a copy of a text, with a NUL."""
        data = converted(text) + b"\0"
        pointer = self.allocate(len(data))
        self._process.guest.write(pointer, data)
        return pointer


_POINTER: Final = bytes((I32,))
_TYPES: Final = (int, float, bool, str, bytes, None)
WRITTEN: Final = [int]
"""Of a parameter: a pointer to an integer of 32 bits, which C writes."""


def wrapped(
    process: Process,
    links: Links,
    function: Any,
    name: str,
    returns: Any,
    parameters: tuple[Any, ...],
    described: Callable[[], Any],
) -> Callable[..., Any]:
    """A function that converts; see `Program.cwrap`."""
    for each in (returns, *parameters):
        if each not in _TYPES and (each is returns or each != WRITTEN):
            raise TypeError(
                f"{name}: a type is int, float, bool, str, bytes or None, of a parameter [int]; this is {each!r}"
            )
    if len(parameters) != len(function.type.params):
        raise TypeError(f"{name} takes {len(function.type.params)} arguments, and {len(parameters)} types were given")
    if returns in (str, bytes) and function.core_type.results not in (b"", _POINTER):
        raise TypeError(f"{name} is a function of type {function.core_type}: what it returns is no text")
    on_stack = any(each in (str, bytes, WRITTEN) for each in parameters)
    taken = sum(each != WRITTEN for each in parameters)

    def calling(*arguments: Any) -> Any:
        if len(arguments) != taken:
            raise TypeError(f"{name}() takes {taken} arguments, and {len(arguments)} were given")
        with Stack(process, links) if on_stack else nullcontext() as stack, described():
            given = iter(arguments)
            values = [
                _room(process, stack) if each == WRITTEN else _passed(stack, each, next(given), name)
                for each in parameters
            ]
            result = _returned(process, returns, function(*values))
            if taken == len(parameters):
                return result
            places = (at for each, at in zip(parameters, values, strict=True) if each == WRITTEN)
            return (result, *map(process.guest.i32, places))

    calling.__name__ = calling.__qualname__ = name
    return calling


def _room(process: Process, stack: Stack | None) -> int:
    """A place for an integer that is written, 0 until then."""
    assert stack is not None
    place = stack.allocate(4)
    process.guest.put_u32(place, 0)
    return place


def _passed(stack: Stack | None, type: Any, value: Any, name: str) -> Any:
    if type in (str, bytes):
        if value is None:
            return 0
        if not isinstance(value, (str, bytes, bytearray)):
            raise TypeError(f"{name}(): a text is needed; this is {value!r}")
        assert stack is not None
        return stack.string(bytes(value) if isinstance(value, bytearray) else value)
    if type is bool:
        return int(bool(value))
    return value


def _returned(process: Process, type: Any, result: Any) -> Any:
    if type is None or result is None:
        return None
    if type is str or type is bytes:
        pointer = result & U32
        if not pointer:
            return None
        data = process.guest.string(pointer, MAX_TEXT)
        return data.decode("utf-8", "replace") if type is str else data
    return type(result)


@final
class TableSlots:
    """Places in a program's table for Python functions."""

    __slots__ = ("_free", "_links", "_process", "_used")

    def __init__(self, process: Process, links: Links) -> None:
        self._process = process
        self._links = links
        self._free: list[int] = []
        self._used: set[int] = set()

    def add(self, function: Callable[..., Any], signature: str) -> int:
        """See `Program.add_function`."""
        made = Function(of_emscripten(signature), function)
        if self._process.fastcomp is not None and self._process.fastcomp.calls_back:
            index = pointers.add(self._process, function)
            self._used.add(index)
            return index
        table = self._links.table
        if table is None:
            raise NotSupported("add_function", "the module exports no table: link with -sALLOW_TABLE_GROWTH")
        index = self._free.pop() if self._free else table.grow(1)
        table[index] = made
        self._used.add(index)
        return int(index)

    def remove(self, index: int) -> None:
        """See `Program.remove_function`."""
        if index not in self._used:
            raise ValueError(f"{index} is no pointer that add_function has made")
        self._used.remove(index)
        if self._process.fastcomp is not None and self._process.fastcomp.calls_back:
            pointers.remove(self._process, index)
            return
        self._links.table[index] = None
        self._free.append(index)
