"""What C++ can do with values of Python's, which it handles as JavaScript's (``val``).

The program sees what it was given, and through it nothing else: of mappings their items, of sequences their elements,
of texts and bytes their length; functions it can call. Other objects are closed, but for the names that their class
says (``cpp_names``), and for what a class that derives from one of C++ defines. What is not there is undefined.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

from wasmer_emscripten.embind.bound import run
from wasmer_emscripten.embind.calls import BoundFunction
from wasmer_emscripten.embind.classes import CppObject
from wasmer_emscripten.embind.described import described
from wasmer_emscripten.embind.handles import UNDEFINED, for_python
from wasmer_emscripten.embind.heaps import Heap, cast_to
from wasmer_emscripten.embind.numeric import EnumValue
from wasmer_emscripten.embind.record import Record, fields_of
from wasmer_emscripten.errors import EmscriptenError, WrongArgument
from wasmer_emscripten.numbers import must_be_answer
from wasmer_runtime_core.running.interrupts import check_interrupts
from wasmer_runtime_core.support.printable import printable, shortened

Result = TypeVar("Result")

MAX_LENGTH: Final = 1 << 24
"""Elements of a list, or bytes, that a program can make."""
_LOOK_EVERY: Final = 1 << 12
"""Elements between two looks at deadlines."""


class ThrownValue(EmscriptenError):
    """The program threw a value of Python's (``val::throw_``).

    Attributes:
        value: it.
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        super().__init__(f"the program threw {described(value, 200)}")


def is_visible(value: Any, name: object) -> bool:
    """Whether C++ may use an attribute of an object."""
    if not isinstance(name, str) or name.startswith("_"):
        return False
    kind = type(value)
    if isinstance(value, CppObject):
        return any(name in each.__dict__ for each in kind.__mro__[: kind.__mro__.index(CppObject)])
    return name in getattr(kind, "cpp_names", ())


def _index(key: object) -> int | None:
    """An index of a sequence, as JavaScript has it: a number, or a text of one."""
    if isinstance(key, str):
        return int(key) if key.isascii() and key.isdigit() and len(key) < 16 else None
    if isinstance(key, float):
        return int(key) if key.is_integer() and key >= 0 else None
    return key if isinstance(key, int) and key >= 0 else None


def _answering(function: Callable[..., Result], *args: Any) -> Result:
    """What a function of this file answers; values of a wrong kind end the program.

    Raises:
        WrongArgument: they are.
    """
    try:
        return function(*args)
    except (TypeError, ValueError, OverflowError, BufferError) as failure:
        must_be_answer(failure)
        if isinstance(failure, EmscriptenError):
            raise
        why = printable(shortened(str(failure), 200))
        raise WrongArgument(f"the program used values for what they are not: {why}") from failure


def _key(key: Any) -> Any:
    """A key of a mapping.

    Raises:
        WrongArgument: a tuple of tuples, which may be many times in one another: its hash is made of all of them.
    """
    if isinstance(key, tuple) and any(isinstance(each, tuple) for each in key):
        raise WrongArgument("the program used a record of records as a key")
    return key


def get(value: Any, key: Any) -> Any:
    """A property of a value, or undefined."""
    if isinstance(value, Record):
        value = fields_of(value)
    if isinstance(value, Mapping):
        return _answering(value.get, _key(key), UNDEFINED)
    if key == "constructor" and isinstance(value, (bytes, bytearray, memoryview, Heap)):
        return functools.partial(_answering, _array, "B" if isinstance(value, (bytes, bytearray)) else value.format)
    if isinstance(value, (Sequence, bytearray, memoryview)):
        at = _index(key)
        if at is not None:
            return value[at] if at < len(value) else UNDEFINED
        if key in ("length", "byteLength"):
            return len(value)
        return _method(value, key) if isinstance(key, str) and key in _METHODS else UNDEFINED
    if value is None or value is UNDEFINED:
        raise WrongArgument(f"the program asked for {described(key)} of {value}")
    return getattr(value, key, UNDEFINED) if is_visible(value, key) else UNDEFINED


def set(value: Any, key: Any, to: Any) -> None:
    """Set a property of a value."""
    if isinstance(value, Record):
        value = fields_of(value)
    if isinstance(value, MutableMapping):
        _answering(value.__setitem__, _key(key), to)
    elif isinstance(value, (MutableSequence, memoryview)):
        _answering(_set_element, value, key, to)
    elif is_visible(value, key):
        setattr(value, key, to)
    else:
        raise WrongArgument(f"the program set {described(key)} of {described(value)}")


def _set_element(value: Any, key: Any, to: Any) -> None:
    at = _index(key)
    if at is None:
        raise WrongArgument(f"the program set the element {described(key)} of a sequence")
    if isinstance(value, (bytearray, memoryview)):
        if at < len(value):
            value[at] = to & 0xFF if isinstance(value, bytearray) else to
        return
    if at > len(value) + MAX_LENGTH or at >= MAX_LENGTH:
        raise WrongArgument(f"the program set the element {at} of a list of {len(value)}")
    if at >= len(value):
        value.extend([None] * (at + 1 - len(value)))
    value[at] = to


def _push(value: Any, *items: Any) -> int:
    if len(value) + len(items) > MAX_LENGTH:
        raise WrongArgument(f"the program made a list of more than {MAX_LENGTH}")
    value.extend(items)
    return len(value)


def _copy_in(value: Any, source: Any, offset: Any = 0) -> None:
    if not isinstance(source, (bytes, bytearray, memoryview, list, tuple)):
        raise TypeError(f"bytes are needed, not a {type(source).__name__}")
    with memoryview(value) as target:
        data = bytes(source)
        start = _index(offset)
        if start is None or start + len(data) > target.nbytes:
            raise WrongArgument(f"the program copied {len(data)} bytes to {offset} of {target.nbytes}")
        with target.cast("B") as raw:
            raw[start : start + len(data)] = data


def _each(values: Sequence[Any]) -> Iterator[Any]:
    """Elements, however many, with looks at deadlines."""
    for at, value in enumerate(values):
        if at % _LOOK_EVERY == 0:
            check_interrupts()
        yield value


def _joined(value: Any, between: str) -> str:
    texts: list[str] = []
    length = 0
    for each in _each(value):
        text = text_of(each)
        length += len(text) + len(between)
        if length > MAX_LENGTH:
            raise WrongArgument(f"the program joined texts to more than {MAX_LENGTH} characters")
        texts.append(text)
    return between.join(texts)


def _includes(value: Any, what: Any) -> bool:
    if isinstance(value, str):
        return what in value
    return any(equal(each, what) for each in _each(value))


_METHODS: Final[dict[Any, tuple[tuple[type, ...], Callable[..., Any]]]] = {
    "push": ((list,), _push),
    "pop": ((list,), lambda value: value.pop() if value else UNDEFINED),
    "set": ((bytearray, memoryview), _copy_in),
    "slice": ((list, bytes, bytearray, memoryview, str, tuple), lambda value, *at: value[slice(*map(int, at))]),
    "subarray": ((bytearray, memoryview), lambda value, *at: memoryview(value)[slice(*map(int, at))]),
    "join": ((list, tuple), lambda value, between=",": _joined(value, text_of(between))),
    "includes": ((list, tuple, str), _includes),
    "toString": ((str,), lambda value: value),
}
"""Methods of sequences that C++ calls: on which, and what they do."""


def _method(value: Any, name: str) -> Any:
    kinds, function = _METHODS[name]
    return functools.partial(_answering, function, value) if isinstance(value, kinds) else UNDEFINED


def text_of(value: Any) -> str:
    """A value as JavaScript writes it."""
    if value is UNDEFINED:
        return "undefined"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if not isinstance(value, (int, float, str)):
        return "[object]"
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def delete(value: Any, key: Any) -> None:
    """Remove an item of a mapping.

    Raises:
        WrongArgument: it is none that the program may change so.
    """
    if not isinstance(value, dict):
        raise WrongArgument("the program deleted a property of what is no mapping")
    _answering(value.pop, _key(key), None)


def call(function: Any, args: list[Any]) -> Any:
    """Call a function that the program was given.

    Raises:
        WrongArgument: it is none.
    """
    if not callable(function):
        raise WrongArgument(f"the program called {described(function)}, which is no function")
    return function(*map(for_python, args))


def call_method(value: Any, name: Any, args: list[Any]) -> Any:
    """Call a method of a value."""
    if name in ("__destruct", "__construct") and isinstance(value, CppObject):
        from wasmer_emscripten.embind.inheriting import destruct

        if name == "__destruct":
            destruct(value)
        return None
    return call(get(value, name), args)


def type_of(value: Any) -> str:
    """What JavaScript's `typeof` says."""
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, EnumValue):
        return "object"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (BoundFunction, type)) or (callable(value) and not isinstance(value, CppObject)):
        return "function"
    return "object"


def equal(first: Any, second: Any) -> bool:
    """What JavaScript's ``===`` says: numbers and texts by their value, others if they are the same."""
    if first is second:
        return True
    plain = (int, float, str)
    return (
        isinstance(first, plain) and isinstance(second, plain) and type_of(first) == type_of(second) and first == second
    )


def less(first: Any, second: Any) -> bool:
    """Whether one number or text is less than another."""
    if isinstance(first, str) and isinstance(second, str):
        return first < second
    return isinstance(first, (int, float)) and isinstance(second, (int, float)) and first < second


# --- what it finds by name


def _bytes(what: Any = 0, start: float = 0, length: float = 0, *_: Any) -> bytearray | memoryview:
    if isinstance(what, Heap):
        return what.over(int(start), int(length))
    if isinstance(what, (int, float)):
        count = _index(what)
        if count is None or count > MAX_LENGTH * 16:
            raise WrongArgument(f"the program made {what} bytes")
        return bytearray(count)
    if not isinstance(what, (bytes, bytearray, memoryview, list, tuple)):
        raise TypeError(f"bytes are needed, not a {type(what).__name__}")
    return bytearray(what)


def _array(format: str, what: Any, start: float = 0, length: float = 0, *_: Any) -> bytearray | memoryview:
    """An array of numbers of a kind over a part of the program's memory; bytes of anything else."""
    if isinstance(what, Heap):
        return cast_to(what.over(int(start), int(length) * struct.calcsize(format)), format)
    return _bytes(what)


def _list(*items: Any) -> list[Any]:
    if len(items) == 1 and isinstance(items[0], (int, float)):
        count = _index(items[0])
        if count is None or count > MAX_LENGTH:
            raise WrongArgument(f"the program made a list of {items[0]}")
        return [None] * count
    return list(items)


def _has(value: Any, key: Any) -> bool:
    if isinstance(value, Record):
        value = fields_of(value)
    if isinstance(value, Mapping):
        return bool(_answering(value.__contains__, _key(key)))
    return value is not None and value is not UNDEFINED and get(value, key) is not UNDEFINED


class _Object:
    """JavaScript's `Object`: makes a mapping; C++ looks for `Object.prototype.hasOwnProperty.call`, too."""

    cpp_names = ("prototype",)
    prototype = MappingProxyType({"hasOwnProperty": MappingProxyType({"call": _has})})

    def __call__(self, *_: Any) -> dict[Any, Any]:
        return {}


class JavaScriptError(Exception):
    """What a program makes with ``new Error(message)``."""


GLOBALS: Final[dict[str, Any]] = {
    "Uint8Array": functools.partial(_answering, _bytes),
    "Uint8ClampedArray": functools.partial(_answering, _bytes),
    "Array": functools.partial(_answering, _list),
    "Object": _Object(),
    "Error": JavaScriptError,
    "String": text_of,
    "Number": lambda value=0.0: _answering(float, value),
    "Boolean": bool,
}
"""What every program finds; the user adds to it (`globals=`)."""

__all__ = [
    "GLOBALS",
    "ThrownValue",
    "call",
    "call_method",
    "delete",
    "equal",
    "get",
    "less",
    "run",
    "set",
    "text_of",
    "type_of",
]
