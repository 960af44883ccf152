"""Value objects and value arrays: records that cross by their fields, each through a getter and a setter of C++.

A value object is a `Record` for Python, with its fields as attributes; C++ takes that, a mapping, or any object
with these attributes. A value array is a tuple; C++ takes any sequence of as many elements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from wasmer_emscripten.embind.bound import BadArgument, Bound, Later, is_needed, run, unsigned
from wasmer_emscripten.embind.record import Record, fields_of
from wasmer_emscripten.embind.registry import MAX_DEPTH, Registry, registry_of
from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32
from wasmer_emscripten.process import Process
from wasmer_runtime_core.support.printable import printable

__all__ = ["Record", "Structure", "ValueArray", "ValueObject", "fields_of"]


MAX_VALUES: Final = 1 << 16
"""Of a record with all the records in it: what one call may take apart or put together."""


class Field(NamedTuple):
    """A field: how it is read and written.

    Attributes:
        name: "" of an element of an array.
        got, set: numbers of its types.
        getter, getter_context, setter, setter_context: pointers.
    """

    name: str
    got: int
    getter: int
    getter_context: int
    set: int
    setter: int
    setter_context: int


class _Access(NamedTuple):
    name: str
    got: Bound
    get: Callable[..., Any]
    set: Bound
    put: Callable[..., Any]
    field: Field


class Structure(Bound):
    """A type of records."""

    frees = True

    def __init__(self, name: str, registry: Registry, construct: int, destroy: int) -> None:
        super().__init__(name)
        self._registry = registry
        self.fields: list[Field] = []
        self._construct = registry.pointer(construct, name, "", "i")
        self._destroy = registry.pointer(destroy, name, "i", "")
        self._accesses: list[_Access] | None = None
        self._is_looking = False
        self._values_in_all = 0

    def accesses(self) -> list[_Access]:
        """Its fields, with their types.

        Raises:
            WrongArgument: one of these is not bound, or it contains itself, or more than a record may.
        """
        if self._accesses is None:
            registry = self._registry
            if self._is_looking:
                raise WrongArgument(printable(f"the program bound {self.name}, which contains itself"))
            outer = registry.records
            if outer == MAX_DEPTH:
                raise WrongArgument(printable(f"the program bound {self.name} in {MAX_DEPTH} other records"))
            try:
                self._is_looking = True
                registry.records = outer + 1
                self._accesses = self._found(registry)
            finally:
                registry.records = outer
                self._is_looking = False
        return self._accesses

    def _found(self, registry: Registry) -> list[_Access]:
        found = []
        values = 0
        for field in self.fields:
            what = f"{self.name}.{field.name}" if field.name else self.name
            got, put = registry.passed(field.got, what), registry.passed(field.set, what)
            most = 0
            for each in (got, put):
                if isinstance(each, Structure):  # which shows whether one contains another without end
                    each.accesses()
                    most = max(most, each._values_in_all)
            values += 1 + most
            if values > MAX_VALUES:
                raise WrongArgument(printable(f"the program bound {self.name} with more than {MAX_VALUES} values"))
            get = registry.pointer(field.getter, what, "ii", got.letter)
            set = registry.pointer(field.setter, what, "ii" + put.letter, "")
            found.append(_Access(field.name, got, get, put, set, field))
        self._values_in_all = values
        return found

    def _values(self, wire: Any) -> list[Any]:
        pointer = unsigned(wire)
        giving_back = self._registry.process.giving_back
        giving_back.begin()
        try:
            with self._registry.at_once:
                found = [each.got.from_wire(each.get(each.field.getter_context, pointer)) for each in self.accesses()]
        except BaseException:
            giving_back.after_failure(partial(self._destroy, pointer))
            raise
        self._destroy(pointer)
        return found

    def _made(self, values: list[Any], later: Later | None) -> int:
        giving_back = self._registry.process.giving_back
        giving_back.begin()
        pointer: int = self._construct() & U32
        if later is not None:
            later.append((self._destroy, pointer))
        for access, value in zip(self.accesses(), values, strict=True):
            after: Later = []
            try:
                access.put(access.field.setter_context, pointer, access.set.to_wire(value, after))
            except BadArgument as wrong:
                where = f"{self.name}.{access.name}" if access.name else f"an element of {self.name}"
                giving_back.after_failure(partial(run, after))
                raise BadArgument(wrong.value, f"{where}: {wrong}") from None
            except BaseException:
                giving_back.after_failure(partial(run, after))
                raise
            run(after)
        return pointer

    def read(self, pointer: int) -> Any:
        return self.from_wire(self._registry.memory.u32(pointer))


class ValueObject(Structure):
    """`value_object`."""

    def __init__(self, name: str, registry: Registry, construct: int, destroy: int) -> None:
        super().__init__(name, registry, construct, destroy)
        self.python = name

    def from_wire(self, wire: Any) -> Record:
        values = self._values(wire)
        return Record(self.name, dict(zip((field.name for field in self.fields), values, strict=True)))

    def to_wire(self, value: Any, later: Later | None) -> int:
        fields: Any = fields_of(value) if isinstance(value, Record) else value
        values = []
        for access in self.accesses():
            if isinstance(fields, Mapping):
                there, found = access.name in fields, fields.get(access.name)
            else:
                found = getattr(fields, access.name, self)
                there = found is not self
            if not there and not access.set.optional:
                needed = ", ".join(each.name for each in self.accesses())
                raise BadArgument(value, f"{self.name} has the fields {needed}; there is no {access.name}")
            values.append(found if there else None)
        return self._made(values, later)


class ValueArray(Structure):
    """`value_array`."""

    python = "tuple[Any, ...]"

    def from_wire(self, wire: Any) -> tuple[Any, ...]:
        return tuple(self._values(wire))

    def to_wire(self, value: Any, later: Later | None) -> int:
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
            raise is_needed(f"a sequence of {len(self.fields)} elements", value)
        if len(value) != len(self.fields):
            raise BadArgument(value, f"{self.name} has {len(self.fields)} elements, and {len(value)} were given")
        return self._made(list(value), later)


def _open(process: Process, raw: int) -> Structure:
    """A structure whose fields are being bound."""
    registry = registry_of(process)
    structure = registry.kind(raw, Structure, "a field")
    registry.count()
    if len(structure.fields) >= 255:
        raise WrongArgument(f"the program bound more than 255 fields of {structure.name}")
    return structure


@provides("iiiiii?ii->", "_embind_register_value_object")
def register_value_object(
    process: Process, raw: int, name: int, signature: int, construct: int, other: int, destroy: int, *layout: int
) -> None:
    """Bind a value object; newer programs say its size, and whether it can be copied as bytes."""
    registry = registry_of(process)
    registry.add(raw, ValueObject(registry.name(name), registry, construct, destroy))


@provides("iiiiii?ii->", "_embind_register_value_array")
def register_value_array(
    process: Process, raw: int, name: int, signature: int, construct: int, other: int, destroy: int, *layout: int
) -> None:
    """Bind a value array; the same."""
    registry = registry_of(process)
    registry.add(raw, ValueArray(registry.name(name), registry, construct, destroy))


@provides("iiiiiiiiii->", "_embind_register_value_object_field")
def register_field(process: Process, raw: int, name: int, *rest: int) -> None:
    """Bind a field of a value object."""
    got, _, getter, getter_context, set, _, setter, setter_context = rest
    field = Field(registry_of(process).name(name), got, getter, getter_context, set, setter, setter_context)
    _open(process, raw).fields.append(field)


@provides("iiiiiiiii->", "_embind_register_value_array_element")
def register_element(process: Process, raw: int, *rest: int) -> None:
    """Bind an element of a value array."""
    got, _, getter, getter_context, set, _, setter, setter_context = rest
    _open(process, raw).fields.append(Field("", got, getter, getter_context, set, setter, setter_context))


@provides("i->", "_embind_finalize_value_object", "_embind_finalize_value_array")
def finalize(process: Process, raw: int) -> None:
    """All fields are bound; their types are looked for when a record first crosses."""
    registry_of(process).kind(raw, Structure, "the end of a record")
