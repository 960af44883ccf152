"""JavaScript's values, as far as Go programs meet them.

=================  ==============================================================
JavaScript         here
=================  ==============================================================
undefined, null    `UNDEFINED`, None
boolean, string    bool, str
number             float, and never int
object             `Object`: properties by name, and the classes below it
function           `Function`
=================  ==============================================================

The promises
    * What Python would take for equal is not: ``1`` and ``True`` are of two types here, objects equal themselves alone,
      and no number is a key of a dictionary.
    * Names of properties keep JavaScript's order: indices by size, the others as they were set.
    * Whatever a program makes the host hold is paid for from its `Budget` before it is made, and given back when Python
      lets go of it. What the host has made for one program is paid for when that gets hold of it (`Object.adopt`).
      Other functions of the host's (`HOST`) may be the same in all programs, so none can add to them.

The limits
    No prototypes that a program could change, no getters, no symbols. A class has the methods that its table lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, TypeAlias, final

from wasmer_go.budget import HOST, Account, Budget
from wasmer_go.errors import Thrown
from wasmer_go.numerals import number_text
from wasmer_runtime_core.support.integers import i64
from wasmer_vfs.waiting import look

Value: TypeAlias = Any
"""A value of the model: one of the types above."""

OBJECT_BYTES: Final = 256
"""What an object is charged for itself."""
PROPERTY_BYTES: Final = 128
"""What one property or item is charged, beside its name."""
MAX_TEXT: Final = 1 << 26
"""Characters that the parts of a value may have together, of which a text is made at once."""
STEP: Final = 64
"""Characters that an item is counted as."""
ERROR_STEP: Final = 1024
"""Characters that an error is counted as, which is a name and a message and not many of these."""
LOOK_SHIFT: Final = 16
"""The binary logarithm of the characters after which a call looks whether it must end."""
MAX_DEPTH: Final = 200
"""Objects in one another that are gone through for it."""
MAX_ITEMS: Final = 1 << 20
"""Items of what only says that it has so many."""
LONGEST_MESSAGE: Final = 512
"""Characters of what the host says of a mistake, much of which may be the program's own text."""


@final
class Undefined:
    """JavaScript's undefined; there is one, `UNDEFINED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined()


def is_index(name: str) -> bool:
    """Whether a property of this name comes before those that are none, in the order of numbers."""
    return name.isascii() and name.isdecimal() and len(name) < 11 and (name[0] != "0" or name == "0")


def properties_bytes(count: i64) -> int:
    """What so many properties or items are charged, beside their names."""
    return PROPERTY_BYTES * count


class Object:
    """An object: properties by name.

    Attributes:
        properties: its own.
        budget: what they are paid from.
    """

    __slots__ = ("_account", "budget", "properties")

    kind: ClassVar[str] = "Object"
    methods: ClassVar[dict[str, Value]] = {}
    """What every object of the class has, by name."""

    def __init__(self, properties: dict[str, Value] | None = None, budget: Budget = HOST) -> None:
        self.properties: dict[str, Value] = {} if properties is None else properties
        self.budget = budget
        self._account = None if budget is HOST else Account(budget)
        if budget is not HOST:
            self.pay(OBJECT_BYTES)

    def pay(self, count: int) -> None:
        """Pay for a part of this object, unless it is the host's own; given back with it."""
        account = self._account
        if account is not None:
            account.pay(count)

    def pay_for(self, items: i64) -> None:
        """Pay for items of it."""
        self.pay(properties_bytes(items))

    def adopt(self, budget: Budget) -> None:
        """Let a program pay for it, of which it gets hold, if nobody does."""
        if self.budget is HOST:
            self.budget = budget
            self._account = Account(budget)
            self.pay(self.weight())

    def weight(self) -> int:
        """What it has to be charged."""
        return OBJECT_BYTES + properties_bytes(len(self.properties))

    def get(self, name: str) -> Value:
        found = self.properties.get(name, UNDEFINED)
        return self.methods.get(name, UNDEFINED) if found is UNDEFINED and name not in self.properties else found

    def set(self, name: str, value: Value) -> None:
        if name not in self.properties:
            if self.budget is HOST:
                raise type_error(f"{self.kind} is the host's own: {name} cannot be added to it")
            self.pay(PROPERTY_BYTES + len(name))
        self.properties[name] = value

    def delete(self, name: str) -> None:
        self.properties.pop(name, None)

    def get_at(self, index: int) -> Value:
        return self.get(str(index))

    def set_at(self, index: int, value: Value) -> None:
        self.set(str(index), value)

    def has(self, name: str) -> bool:
        """Whether it has a property of its own of that name, which `names` lists."""
        return name in self.properties

    def names(self) -> list[str]:
        """Names of its own properties, in JavaScript's order.

        Raises:
            Thrown: they are too many.
        """
        names = list(self.properties)
        indices = sorted(filter(is_index, names), key=int)
        return indices + [name for name in names if not is_index(name)] if indices else names

    def text(self) -> str:
        """What JavaScript's ``String`` makes of it.

        Raises:
            Thrown: it is too long, or too deep.
        """
        return f"[object {self.kind}]"

    def __str__(self) -> str:
        return self.text()


class Error(Object):
    """An error, as it is thrown: its properties `name`, `message`, perhaps `code`.

    Attributes:
        cause: the exception of Python that it stands for, if one.
    """

    __slots__ = ("cause",)

    kind: ClassVar[str] = "Error"

    def __init__(self, name: str, message: str, code: str | None = None, cause: BaseException | None = None) -> None:
        super().__init__({"name": name, "message": message})
        if code is not None:
            self.properties["code"] = code
        self.cause = cause

    def weight(self) -> int:
        message = self.properties.get("message")  # a long one of the program's is paid for
        return super().weight() + (len(message) << 2 if type(message) is str else 0)

    def text(self) -> str:
        parts: list[str] = []
        _put_text(self, parts, [0], MAX_DEPTH)
        return "".join(parts)


def type_error(message: str) -> Thrown:
    """What JavaScript throws where a value is of the wrong type."""
    return Thrown(Error("TypeError", message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + "…"))


def item_names(count: int) -> list[str]:
    """Names of so many items.

    Raises:
        Thrown: they are too many.
    """
    if count > MAX_ITEMS:
        raise type_error(f"{count} items are more than {MAX_ITEMS}, whose names can be listed at once")
    return list(map(str, range(count)))


def is_item(name: str, count: int) -> bool:
    """Whether it is the name of one of so many items."""
    return is_index(name) and int(name) < count


class Array(Object):
    """An array.

    Attributes:
        items: what is in it; a hole is `UNDEFINED`.
    """

    __slots__ = ("items",)

    kind: ClassVar[str] = "Array"

    def __init__(self, items: Sequence[Value] = (), budget: Budget = HOST) -> None:
        super().__init__(None, budget)
        if budget is not HOST:
            self.pay_for(len(items))
        self.items: list[Value] = list(items)

    def get(self, name: str) -> Value:
        if name == "length":
            return float(len(self.items))
        return self.get_at(int(name)) if is_index(name) else super().get(name)

    def set(self, name: str, value: Value) -> None:
        if name == "length":
            self.resize(whole_number(value, "length of an array"))
        elif is_index(name):
            self.set_at(int(name), value)
        else:
            super().set(name, value)

    def get_at(self, index: int) -> Value:
        return self.items[index] if 0 <= index < len(self.items) else UNDEFINED

    def set_at(self, index: int, value: Value) -> None:
        if index < 0:
            super().set(str(index), value)
            return
        if index >= len(self.items):
            self.resize(index + 1)
        self.items[index] = value

    def resize(self, length: int) -> None:
        """Cut it, or lengthen it with holes, which are paid for."""
        more = length - len(self.items)
        if more > 0:
            self.pay_for(more)
            self.items += [UNDEFINED] * more
        else:
            del self.items[length:]

    def weight(self) -> int:
        return super().weight() + properties_bytes(len(self.items))

    def has(self, name: str) -> bool:
        return is_item(name, len(self.items)) or super().has(name)

    def names(self) -> list[str]:
        return [*item_names(len(self.items)), *super().names()]

    def text(self) -> str:
        return self.joined(",")

    def joined(self, separator: str) -> str:
        """The texts of its items, with something in between.

        Raises:
            Thrown: that is too much, or the array is in itself.
        """
        parts: list[str] = []
        _put_texts(self, separator, parts, [0], MAX_DEPTH)
        return "".join(parts)


class Uint8Array(Object):
    """Bytes.

    Attributes:
        data: a bytearray, or a view of bytes, which others may share.
    """

    __slots__ = ("data",)

    kind: ClassVar[str] = "Uint8Array"

    def __init__(self, data: bytearray | memoryview, budget: Budget = HOST) -> None:
        super().__init__(None, budget)
        self.data = data

    @classmethod
    def zeros(cls, length: int, budget: Budget) -> Uint8Array:
        """As many zeros, paid for."""
        made = cls(bytearray(), budget)
        made.pay(length)
        made.data = bytearray(length)
        return made

    def get(self, name: str) -> Value:
        if name in ("length", "byteLength"):
            return float(len(self.data))
        return self.get_at(int(name)) if is_index(name) else super().get(name)

    def set(self, name: str, value: Value) -> None:
        if is_index(name):
            self.set_at(int(name), value)
        elif name not in ("length", "byteLength"):
            super().set(name, value)

    def get_at(self, index: int) -> Value:
        return float(self.data[index]) if 0 <= index < len(self.data) else UNDEFINED

    def set_at(self, index: int, value: Value) -> None:
        if 0 <= index < len(self.data):
            number = value if type(value) is float else 0.0
            self.data[index] = int(number) & 0xFF if abs(number) < float("inf") else 0

    def has(self, name: str) -> bool:
        return is_item(name, len(self.data)) or super().has(name)

    def names(self) -> list[str]:
        return [*item_names(len(self.data)), *super().names()]

    def text(self) -> str:
        if len(self.data) > MAX_ITEMS:
            raise type_error(f"a Uint8Array of {len(self.data)} bytes is too long for a text")
        return ",".join(map(str, bytes(self.data)))


class Date(Object):
    """A moment.

    Attributes:
        time: milliseconds since 1970.
    """

    __slots__ = ("time",)

    kind: ClassVar[str] = "Date"

    def __init__(self, time: float) -> None:
        super().__init__()
        self.time = time


Call: TypeAlias = Callable[[Value, Sequence[Value]], Value]
"""What is behind a function: takes ``this`` and the arguments."""


class Function(Object):
    """A function.

    Attributes:
        name: for messages.
        constructs: whether it is a constructor.
        classes: classes whose objects are its instances.
    """

    __slots__ = ("_call", "_make", "classes", "constructs", "name")

    kind: ClassVar[str] = "Function"

    def __init__(
        self,
        name: str,
        call: Call | None,
        make: Callable[[Sequence[Value]], Value] | None = None,
        classes: tuple[type, ...] = (),
        properties: dict[str, Value] | None = None,
        budget: Budget = HOST,
    ) -> None:
        """A function that calls `call`, and `make` as a constructor. A class below has methods in place of both."""
        super().__init__(properties, budget)
        self.name = name if len(name) <= LONGEST_MESSAGE else name[:LONGEST_MESSAGE] + "…"
        self._call = call
        self._make = make
        self.constructs = make is not None
        self.classes = classes

    def call(self, this: Value, args: Sequence[Value]) -> Value:
        """Call it."""
        assert self._call is not None
        return self._call(this, args)

    def make(self, args: Sequence[Value]) -> Value:
        """Call it as a constructor, which it is."""
        assert self._make is not None
        return self._make(args)

    def get(self, name: str) -> Value:
        return self.name if name == "name" and name not in self.properties else super().get(name)

    def text(self) -> str:
        return f"function {self.name}() {{ [native code] }}"


@final
class Bound(Function):
    """A function with its ``this`` and first arguments. Bound again it is its target with more of these.

    So none is within another, and names do not grow.
    """

    __slots__ = ("before", "owner", "target")

    def __init__(self, target: Function, owner: Value, before: list[Value]) -> None:
        super().__init__(f"bound {target.name}", None)
        self.target = target
        self.owner = owner
        self.before = before

    def call(self, this: Value, args: Sequence[Value]) -> Value:
        return self.target.call(self.owner, [*self.before, *args])

    def weight(self) -> int:
        return super().weight() + properties_bytes(len(self.before))


def bind(function: Function, args: Sequence[Value]) -> Bound:
    """A function with the ``this`` and the arguments that ``bind`` is given."""
    more = list(args[1:])
    owner = argument(args, 0)
    if isinstance(function, Bound):
        more = function.before + more
        owner = function.owner
        function = function.target
    return Bound(function, owner, more)


def _count_text(size: list[int], count: int) -> None:
    """A part of a text has so many characters: see that all are not too many, and that time is not over.

    Raises:
        Thrown: they are too many.
    """
    before = size[0]
    size[0] += count + STEP
    if size[0] > MAX_TEXT:
        raise type_error(f"the parts of a text have more than {MAX_TEXT} characters, or are {MAX_TEXT // STEP}")
    if before >> LOOK_SHIFT != size[0] >> LOOK_SHIFT:
        look()


def _put_text(value: Value, parts: list[str], size: list[int], depth: int) -> None:
    """Put the text of a value behind others; `size` counts their characters. What is in one another may be the same."""
    if isinstance(value, Array) or type(value) is Error:
        if not depth:
            raise type_error(f"a text of more than {MAX_DEPTH} arrays or errors in one another")
        if isinstance(value, Array):
            _put_texts(value, ",", parts, size, depth - 1)
            return
        _count_text(size, ERROR_STEP)
        _put_text(value.get("name"), parts, size, depth - 1)
        parts.append(": ")
        _put_text(value.get("message"), parts, size, depth - 1)
        return
    parts.append(text_of(value))
    _count_text(size, len(parts[-1]))


def _put_texts(array: Array, separator: str, parts: list[str], size: list[int], depth: int) -> None:
    """The same of an array's items, with something in between."""
    for at, item in enumerate(array.items):
        if at:
            parts.append(separator)
        _count_text(size, len(separator))
        if item is not None and item is not UNDEFINED:
            _put_text(item, parts, size, depth)


def text_of(value: Value) -> str:
    """What JavaScript's ``String`` makes of a value."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    return value.text() if isinstance(value, Object) else repr(value)


def called(function: Value, this: Value, args: Sequence[Value], name: str = "the value") -> Value:
    """Call what should be a function.

    Raises:
        Thrown: it is none, or it throws.
    """
    if not isinstance(function, Function):
        raise type_error(f"{name} is not a function")
    return function.call(this, args)


def argument(args: Sequence[Value], at: int) -> Value:
    """An argument, or undefined where there are fewer."""
    return args[at] if at < len(args) else UNDEFINED


def whole_number(value: Value, what: str, default: int | None = None) -> int:
    """A number that counts something.

    Raises:
        Thrown: it is no number that is not negative.
    """
    if default is not None and (value is UNDEFINED or value is None):
        return default
    if type(value) is float and 0 <= value <= 2.0**53:
        return int(value)
    raise type_error(f"{what}: {text_of(value)} is no number that counts")


def methods_of(kind: type[Object], table: dict[str, Callable[[Any, Sequence[Value]], Value]]) -> dict[str, Function]:
    """The methods of a class: each takes an object of that class as ``this``, and no other."""

    def method(name: str, call: Callable[[Any, Sequence[Value]], Value]) -> Function:
        def checked(this: Value, args: Sequence[Value]) -> Value:
            if not isinstance(this, kind):
                raise type_error(f"{name} of what is no {kind.kind}: {text_of(this)}")
            return call(this, args)

        return Function(name, checked)

    return {name: method(name, call) for name, call in table.items()}
