"""Types that are one number: bool, integers of all widths, floats, void. And enums, which are a number with a name."""

from __future__ import annotations

import operator
from struct import Struct
from typing import Any, Final, final

from wasmer_emscripten.embind.bound import BadArgument, Bound, Later, is_needed
from wasmer_emscripten.embind.memory import Memory
from wasmer_emscripten.embind.registry import Registry, registry_of
from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.process import Process
from wasmer_runtime_core.support.printable import printable

INTEGERS: Final = {1: "b", 2: "h", 4: "i", 8: "q"}
"""Letters of `struct` by the size in bytes."""


@final
class Void(Bound):
    """No value."""

    letter = ""
    python = "None"

    def from_wire(self, wire: Any) -> None:
        return None

    def to_wire(self, value: Any, later: Later | None) -> int:
        return 0

    def read(self, pointer: int) -> None:
        return None

    def giving(self, wire: str, convert: str) -> str:
        return wire  # the call returns None


@final
class Bool(Bound):
    """True and false, as the numbers that the program has said."""

    python = "bool"

    def __init__(self, name: str, memory: Memory, true: int, false: int) -> None:
        super().__init__(name)
        self._memory = memory
        self._true = true
        self._false = false

    def from_wire(self, wire: Any) -> bool:
        return bool(wire)

    def to_wire(self, value: Any, later: Later | None) -> int:
        if not isinstance(value, (bool, int)):
            raise is_needed("True or False", value)
        return self._true if value else self._false

    def read(self, pointer: int) -> bool:
        return bool(self._memory.read(pointer, 1)[0])


@final
class Integer(Bound):
    """An integer of some bytes."""

    python = "int"

    def __init__(self, name: str, memory: Memory, size: int, is_signed: bool) -> None:
        super().__init__(name)
        bits = 8 * size
        self.letter = "I" if size == 8 else "i"
        self._memory = memory
        self._least = -(1 << bits - 1) if is_signed else 0
        self._most = (1 << bits - is_signed) - 1
        self._mask = (1 << bits) - 1
        self._layout = Struct("<" + (INTEGERS[size] if is_signed else INTEGERS[size].upper()))

    def from_wire(self, wire: Any) -> int:
        value = int(wire) & self._mask
        return value - self._mask - 1 if value > self._most else value

    def to_wire(self, value: Any, later: Later | None) -> int:
        if not hasattr(value, "__index__"):
            raise is_needed("an int", value)
        number = operator.index(value)
        if not self._least <= number <= self._most:
            raise BadArgument(value, f"{self.name} is from {self._least} to {self._most}, this is {number}")
        return number

    def read(self, pointer: int) -> int:
        value: int = self._memory.unpack(self._layout, pointer)[0]
        return value

    def usual(self, argument: str) -> str:
        return f"type({argument}) is int and {self._least} <= {argument} <= {self._most}"

    def giving(self, wire: str, convert: str) -> str:
        if self._mask < 0xFFFF_FFFF:
            return f"{convert}({wire})"
        return wire if self._least else f"{wire} & {self._mask}"


@final
class Float(Bound):
    """A float or a double."""

    python = "float"

    def __init__(self, name: str, memory: Memory, size: int) -> None:
        super().__init__(name)
        self.letter = "f" if size == 4 else "d"
        self._memory = memory
        self._layout = Struct("<f" if size == 4 else "<d")

    def from_wire(self, wire: Any) -> float:
        return float(wire)

    def to_wire(self, value: Any, later: Later | None) -> float:
        if isinstance(value, float):
            return value
        if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
            raise is_needed("a number", value)
        try:
            return float(value)
        except OverflowError as failure:
            must_be_answer(failure)
            raise BadArgument(value, f"{self.name} cannot hold {value}") from None

    def read(self, pointer: int) -> float:
        value: float = self._memory.unpack(self._layout, pointer)[0]
        return value

    def usual(self, argument: str) -> str:
        return f"type({argument}) is float"

    def giving(self, wire: str, convert: str) -> str:
        return wire


class EnumValue(int):
    """A value of a C++ enum: an int that knows its name.

    Attributes:
        name: in C++; "" for a value that has none.
        enum: the enum's name.
    """

    name: str
    enum: str

    def __repr__(self) -> str:
        return printable(f"{self.enum}.{self.name}" if self.name else f"{self.enum}({int(self)})")


@final
class Enum(Bound):
    """A C++ enum. Its values are attributes; called with a number, it is the value of that.

    ::

        program.Color.GREEN
        program.Color(2)
    """

    def __init__(self, name: str, registry: Registry, size: int, is_signed: bool) -> None:
        super().__init__(name)
        self.python = name
        self._number = Integer(name, registry.memory, size, is_signed)
        self._registry = registry
        self._by_name: dict[str, EnumValue] = {}
        self._by_number: dict[int, EnumValue] = {}

    def add(self, name: str, number: int) -> None:
        """A value."""
        self._registry.count()
        value = self._made(number, name)
        self._by_name[name] = value
        self._by_number.setdefault(int(value), value)

    def _made(self, number: int, name: str) -> EnumValue:
        value = EnumValue(self._number.from_wire(number))
        value.name = name
        value.enum = self.name
        return value

    def from_wire(self, wire: Any) -> EnumValue:
        number = self._number.from_wire(wire)
        found = self._by_number.get(number)
        return self._made(number, "") if found is None else found

    def to_wire(self, value: Any, later: Later | None) -> int:
        if isinstance(value, EnumValue):
            if value.enum != self.name:
                raise is_needed(f"a {self.name}", value)
        elif type(value) is not int or value not in self._by_number:
            raise is_needed(f"a {self.name} ({', '.join(self._by_name)})", value)
        return int(value)

    def read(self, pointer: int) -> EnumValue:
        return self.from_wire(self._number.read(pointer))

    def __getattr__(self, name: str) -> EnumValue:
        found: EnumValue | None = self.__dict__.get("_by_name", {}).get(name)
        if found is None:
            raise AttributeError(f"{self.__dict__.get('name')} has no value {name}")
        return found

    def __getitem__(self, name: str) -> EnumValue:
        return self._by_name[name]

    def __call__(self, number: int) -> EnumValue:
        found = self._by_number.get(number)
        if found is None:
            raise ValueError(f"{number} is no value of {self.name}")
        return found

    def __iter__(self) -> Any:
        return iter(self._by_name.values())

    def __repr__(self) -> str:
        return printable(f"<C++ enum {self.name}: {', '.join(self._by_name)}>")


# --- how they are registered


def _size(size: int, sizes: tuple[int, ...], name: str) -> int:
    if size not in sizes:
        raise WrongArgument(f"the program bound {name} as a number of {size} bytes")
    return size


@provides("i?i->", "_embind_register_void")
def register_void(process: Process, raw: int, name: int = 0) -> None:
    """Bind void."""
    registry_of(process).add(raw, Void("void"))


@provides("iiii->", "_embind_register_bool")
def register_bool(process: Process, raw: int, name: int, true: int, false: int) -> None:
    """Bind bool."""
    registry = registry_of(process)
    registry.add(raw, Bool(registry.name(name), registry.memory, true, false))


@provides("iiiii->", "_embind_register_bool")
def register_bool_of_a_size(process: Process, raw: int, name: int, size: int, true: int, false: int) -> None:
    """The same, with its size."""
    register_bool(process, raw, name, true, false)


@provides("iiiii->", "_embind_register_integer")
def register_integer(process: Process, raw: int, name: int, size: int, least: int, most: int) -> None:
    """Bind an integer; whether it is signed, its least value says."""
    registry = registry_of(process)
    text = registry.name(name)
    registry.add(raw, Integer(text, registry.memory, _size(size, (1, 2, 4), text), least != 0))


@provides("iiiII->", "_embind_register_bigint")
def register_bigint(process: Process, raw: int, name: int, size: int, least: int, most: int) -> None:
    """Bind an integer of 64 bits."""
    registry = registry_of(process)
    text = registry.name(name)
    registry.add(raw, Integer(text, registry.memory, _size(size, (8,), text), least != 0))


@provides("iii->", "_embind_register_float")
def register_float(process: Process, raw: int, name: int, size: int) -> None:
    """Bind float or double."""
    registry = registry_of(process)
    text = registry.name(name)
    registry.add(raw, Float(text, registry.memory, _size(size, (4, 8), text)))


@provides("iiii?i->", "_embind_register_enum")
def register_enum(process: Process, raw: int, name: int, size: int, is_signed: int, form: int = 0) -> None:
    """Bind an enum. Newer programs may want numbers or texts in its place in JavaScript; here it is both."""
    registry = registry_of(process)
    text = registry.name(name)
    enum = Enum(text, registry, _size(size, (1, 2, 4, 8), text), bool(is_signed))
    registry.add(raw, enum)
    registry.names[text] = enum


@provides("iii->", "_embind_register_enum_value")
def register_enum_value(process: Process, raw: int, name: int, value: int) -> None:
    """Bind a value of an enum."""
    registry = registry_of(process)
    text = registry.name(name)
    registry.kind(raw, Enum, f"the value {text}").add(text, value)


@provides("iid->", "_embind_register_constant")
def register_constant(process: Process, name: int, raw: int, value: float) -> None:
    """Bind a constant; it is public when its type is there, behind the program's constructors."""
    registry = registry_of(process)
    registry.count()
    registry.constants.append((registry.name(name), raw, value))
