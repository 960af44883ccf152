"""Python's values for a Go program, and its values for Python.

=========================================  =========================================================================
Python                                     what Go sees
=========================================  =========================================================================
None, bool, str                            null, boolean, string; None for undefined, too
int, float                                 a number; an int that no float is equal to is refused (ValueError)
bytes                                      a Uint8Array, a copy
bytearray, a writable view of bytes        a Uint8Array over the same bytes
a sequence (list, tuple …)                 an array: the same, not a copy
a mapping with str for keys (dict …)       an object: the same, not a copy
a callable                                 a function; what it raises is thrown
anything else                              an object without properties, which comes back as itself
=========================================  =========================================================================

The other way each comes back as what it was. What the program has made itself comes as str, bool, None, an int (of
numbers that are whole) or a float, bytes, and `GoList`, `GoMapping`, `GoCallable`: lists, mappings and functions over
the program's own objects.

No attribute of an object is ever looked up for a program, for attributes lead everywhere. What it may do with an
object is said by handing over a mapping of functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

from wasmer_go.errors import ProgramExited, Thrown
from wasmer_go.objects import (
    PROPERTY_BYTES,
    UNDEFINED,
    Array,
    Error,
    Function,
    Object,
    Uint8Array,
    Value,
    is_index,
    is_item,
    item_names,
    type_error,
)
from wasmer_runtime_core.errors import Cancelled, Timeout
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.integers import mypyc_attr
from wasmer_vfs.waiting import Interrupted

if TYPE_CHECKING:
    from wasmer_go.process import Process

_EXACT: Final = 1 << 53

MADE: Final[dict[str, Callable[[Process, Any], Any]]] = {}
"""What a program's own lists and mappings are for Python: classes of `made`, which puts them here when imported."""


def to_go(process: Process, value: Any) -> Value:
    """A value of Python's for a program.

    Raises:
        ValueError: an int that is no number of Go's `js.Value`.
    """
    kind = type(value)
    if kind is str or kind is float or kind is bool or value is None:
        return value
    if isinstance(value, int):
        number = float(value) if abs(value) <= _EXACT else _float_of(value)
        return number
    if isinstance(value, (Made, GoCallable)):
        if value._process is process:
            return value._value
        raise ValueError("the value belongs to another Go program")
    if isinstance(value, Object) or value is UNDEFINED:
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return Uint8Array(bytearray(value))
    if isinstance(value, (bytearray, memoryview)):
        return Uint8Array(value if isinstance(value, bytearray) else value.cast("B"))
    if isinstance(value, Sequence):
        return PythonSequence(process, value)
    if isinstance(value, Mapping):
        return PythonMapping(process, value)
    if callable(value):
        return PythonFunction(process, value)
    return PythonObject(process, value)


def _float_of(value: int) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number in (float("inf"), float("-inf")) or int(number) != value:  # of two ints: mypyc compares floats
        raise ValueError(f"{value} is no number of JavaScript's: give it as a str, or as a float that is near")
    return number


def to_python(process: Process, value: Value) -> Any:
    """A value of a program's for Python."""
    kind = type(value)
    if kind is float:
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    if kind is str or kind is bool or value is None:
        return value
    if value is UNDEFINED:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Uint8Array):
        return bytes(value.data)
    if isinstance(value, (PythonSequence, PythonMapping, PythonFunction, PythonObject)):
        return value.given
    if isinstance(value, Error) and value.cause is not None:
        return value.cause
    if isinstance(value, Function):
        return GoCallable(process, value)
    return MADE["list" if isinstance(value, Array) else "mapping"](process, value)


def answer_of(process: Process, function: Callable[..., Any], *args: Any) -> Value:
    """What code of the user's answers, for the program; what it raises is thrown.

    Raises:
        Thrown: it raised an `Exception`, which is the `Error`'s cause.
        BaseException: what ends the call: a deadline, a cancellation, a signal's handler, or the end of the program.
    """
    try:
        return to_go(process, function(*args))
    except Thrown:
        raise
    except (Timeout, Cancelled, Interrupted):
        raise
    except Exception as failure:
        if process.code is not None or raised_by_a_handler(failure):
            raise
        process.thrown = failure
        raise Thrown(Error(type(failure).__name__, str(failure), cause=failure)) from failure


# --- what Python has handed over, as the program sees it


class _Given(Object):
    """Something of the user's.

    Attributes:
        given: it.
    """

    __slots__ = ("_process", "given")

    def __init__(self, process: Process, given: Any) -> None:
        super().__init__(budget=process.budget)
        self._process = process
        self.given = given

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Given) and type(other) is type(self) and other.given is self.given

    def __hash__(self) -> int:
        return id(self.given)


@final
class PythonObject(_Given):
    """Anything: it has no properties, and takes none."""

    __slots__ = ()

    def set(self, name: str, value: Value) -> None:
        raise type_error(f"{type(self.given).__name__} of Python takes no property {name}")


@final
class PythonMapping(_Given):
    """A mapping: its keys that are texts are properties."""

    __slots__ = ()

    def get(self, name: str) -> Value:
        return answer_of(self._process, self._get, name)

    def _get(self, name: str) -> Any:
        return self.given[name] if name in self.given else UNDEFINED

    def set(self, name: str, value: Value) -> None:
        process = self._process
        if not isinstance(self.given, MutableMapping):
            raise type_error(f"{type(self.given).__name__} of Python is read only: {name} cannot be set")
        if name not in self.given:
            process.budget.take(PROPERTY_BYTES + len(name))  # never given back: the mapping is the user's
        answer_of(process, self.given.__setitem__, name, to_python(process, value))

    def delete(self, name: str) -> None:
        if isinstance(self.given, MutableMapping):
            answer_of(self._process, lambda: self.given.pop(name, None) and None)

    def has(self, name: str) -> bool:
        return name in self.given

    def names(self) -> list[str]:
        names = [name for name in self.given if isinstance(name, str)]
        indices = sorted(filter(is_index, names), key=int)
        return indices + [name for name in names if not is_index(name)]


@final
class PythonSequence(_Given):
    """A sequence, as an array."""

    __slots__ = ()

    kind: ClassVar[str] = "Array"

    def get(self, name: str) -> Value:
        if name == "length":
            return float(len(self.given))
        return self.get_at(int(name)) if is_index(name) else UNDEFINED

    def get_at(self, index: int) -> Value:
        process = self._process
        return answer_of(process, self.given.__getitem__, index) if 0 <= index < len(self.given) else UNDEFINED

    def set(self, name: str, value: Value) -> None:
        if not is_index(name):
            raise type_error(f"{type(self.given).__name__} of Python takes no property {name}")
        self.set_at(int(name), value)

    def set_at(self, index: int, value: Value) -> None:
        process, given = self._process, self.given
        if not isinstance(given, MutableSequence):
            raise type_error(f"{type(given).__name__} of Python is read only: item {index} cannot be set")
        if index < 0:
            raise type_error(f"item {index} of a sequence of Python: there are none below 0")
        if index == len(given):
            process.budget.take(PROPERTY_BYTES)
            answer_of(process, given.append, to_python(process, value))
        else:
            answer_of(process, given.__setitem__, index, to_python(process, value))

    def has(self, name: str) -> bool:
        return is_item(name, len(self.given))

    def names(self) -> list[str]:
        return item_names(len(self.given))


@final
class PythonFunction(Function):
    """A callable.

    Attributes:
        given: it.
    """

    __slots__ = ("_hash", "_process", "given")

    def __init__(self, process: Process, given: Callable[..., Any]) -> None:
        name = str(getattr(given, "__name__", type(given).__name__))
        super().__init__(name, None, None, (object,), budget=process.budget)
        self.constructs = True
        self._process = process
        self.given = given
        self._hash = hash((given.__func__, id(given.__self__))) if isinstance(given, MethodType) else id(given)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PythonFunction):
            return False
        mine, others = self.given, other.given
        if isinstance(mine, MethodType) and isinstance(others, MethodType):  # made anew with each look at an object
            return mine.__func__ is others.__func__ and mine.__self__ is others.__self__
        return mine is others

    def __hash__(self) -> int:
        return self._hash

    def call(self, this: Value, args: Sequence[Value]) -> Value:
        process = self._process
        return answer_of(process, self.given, *[to_python(process, each) for each in args])

    def make(self, args: Sequence[Value]) -> Value:
        return self.call(UNDEFINED, args)


# --- what the program has made, as Python sees it


@mypyc_attr(allow_interpreted_subclasses=True)
class Made:
    """An object of a program's (`made`). Two of these are equal if the program has one object there."""

    __slots__ = ("_process", "_value")

    def __init__(self, process: Process, value: Any) -> None:
        self._process = process
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Made) and other._value is self._value

    def __hash__(self) -> int:
        return hash(id(self._value))


@final
class GoCallable:
    """A function of a program's, to be called from Python. Two are equal if the program has one function there.

    What it throws is raised: a `Thrown`, or the exception of Python that it was.
    """

    __slots__ = ("_process", "_value")

    def __init__(self, process: Process, value: Function) -> None:
        self._process = process
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GoCallable) and other._value is self._value

    def __hash__(self) -> int:
        return hash(id(self._value))

    def __call__(self, *args: Any) -> Any:
        """Call it: its answer, or None where the program waits before it has one.

        Raises:
            Thrown: it throws.
            ProgramExited: the program has ended, before or in this call.
        """
        process = self._process
        try:
            result = self._value.call(UNDEFINED, [to_go(process, each) for each in args])
        except Thrown as thrown:
            cause = thrown.value.cause if isinstance(thrown.value, Error) else None
            if cause is not None:
                raise cause from None
            raise
        except Interrupted as interrupted:
            raise interrupted.reason from None
        if process.code is not None:
            raise ProgramExited(process.code) from process.thrown
        return to_python(process, result)

    def __repr__(self) -> str:
        return f"<{self._value.name}>"
