"""Which types of a module are equal, and which are below which (3.0, sections 2.3.4, 3.3 and 4.1.2).

Two types are equal if their recursive groups say the same, wherever these stand. A group is written down as bytes
that say just that (`TypeGroupKey`): what it names of itself by its place in the group, what it names of others by the
first type of the module that is equal. So groups are compared once, by a dictionary, and from then on equal types are
equal numbers: the first of several stands for all of them.

`TypeSpace` answers whether a value of one type is one of another. Supertypes are declared; a chain of them has a
limit, so a comparison takes some steps at most.
"""

from __future__ import annotations

from librt.strings import BytesWriter, write_i64_le

from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    EXNREF,
    EXTERNREF,
    FIRST_TYPE,
    FUNCREF,
    HEAP_ARRAY,
    HEAP_EQ,
    HEAP_NONE,
    HEAP_SHIFT,
    HEAP_STRUCT,
    KIND,
    NON_NULL,
    ArrayType,
    CompositeType,
    FunctionType,
    StructType,
    ValueTypes,
)

ANY: Final = 0
"""Of an operand that code which is never reached gives: of whatever type is asked for."""
ANY_REFERENCE: Final = NON_NULL
"""The same, of an operator that gives a reference."""

FORM_FUNCTION: Final = 0
"""What a type is, else `HEAP_STRUCT` or `HEAP_ARRAY`: what is right above it."""


def is_reference(type_: i64) -> bool:
    """Whether a value of this type is a reference."""
    kind = type_ & KIND
    return kind == FUNCREF or kind == EXTERNREF or kind == ANYREF or kind == EXNREF


def form_of(composite: CompositeType) -> int:
    """`FORM_FUNCTION`, `HEAP_STRUCT` or `HEAP_ARRAY`."""
    if isinstance(composite, FunctionType):
        return FORM_FUNCTION
    return HEAP_STRUCT if isinstance(composite, StructType) else HEAP_ARRAY


@final
class TypeSpace:
    """The types of a module while it is decoded and validated, and of the process for what runs.

    Attributes:
        references: by index of a type, a nullable reference to it.
        supertypes: by index, the type that it is declared to be below: the first of those equal to that, or -1.
        forms: by index, what it is.
        depths: by index, how many types are above it.
    """

    def __init__(self) -> None:
        self.references: list[int] = []
        self.supertypes: list[int] = []
        self.forms: list[int] = []
        self.depths: list[int] = []

    def add_function(self, first: int) -> None:
        """The next type is a function's, without supertypes, and `first` the first that is equal to it."""
        self.references.append(FUNCREF | (FIRST_TYPE + first) << HEAP_SHIFT)
        self.supertypes.append(-1)
        self.forms.append(FORM_FUNCTION)
        self.depths.append(0)

    def add(self, first: int, form: int, supertype: int) -> None:
        """The next type; `supertype` is the first of those equal to the one it is below, or -1."""
        kind = FUNCREF if form == FORM_FUNCTION else ANYREF
        self.references.append(kind | (FIRST_TYPE + first) << HEAP_SHIFT)
        self.supertypes.append(supertype)
        self.forms.append(form)
        self.depths.append(0 if supertype < 0 else self.depths[supertype] + 1)

    def repeat(self, first: int) -> None:
        """The next type is equal to that one."""
        self.references.append(self.references[first])
        self.supertypes.append(self.supertypes[first])
        self.forms.append(self.forms[first])
        self.depths.append(self.depths[first])

    def resolved(self, type_: int) -> int:
        """A value type as it was read (`scan.read_value_type`), with its kind; -1 if it names no type."""
        if type_ & KIND:
            return type_
        index = (type_ >> HEAP_SHIFT) - FIRST_TYPE
        return self.references[index] | (type_ & NON_NULL) if index < len(self.references) else -1

    def is_below(self, index: int, above: int) -> bool:
        """Whether the type is, or is declared to be below, another; both are firsts."""
        while index >= 0:
            if index == above:
                return True
            index = self.supertypes[index]
        return False

    def matches(self, found: i64, wanted: i64) -> bool:
        """Whether a value of type `found` is one of type `wanted` (3.3.1 to 3.3.4)."""
        if found == wanted or found == ANY:
            return True
        if found & KIND == 0:
            return is_reference(wanted)
        if (found ^ wanted) & KIND != 0 or (found & NON_NULL) < (wanted & NON_NULL):
            return False
        heap = found >> HEAP_SHIFT
        above = wanted >> HEAP_SHIFT
        if heap == above or above == 0 or heap == HEAP_NONE:
            return True
        if heap < FIRST_TYPE:
            return above == HEAP_EQ and heap != 0
        if above >= FIRST_TYPE:
            return self.is_below(int(heap) - FIRST_TYPE, int(above) - FIRST_TYPE)
        form = self.forms[int(heap) - FIRST_TYPE]
        return form == above or (above == HEAP_EQ and form != FORM_FUNCTION)

    def all_match(self, found: ValueTypes, wanted: ValueTypes) -> bool:
        """`matches`, for each."""
        if found == wanted:
            return True
        if len(found) != len(wanted):
            return False
        for at in range(len(found)):
            if not self.matches(found[at], wanted[at]):
                return False
        return True

    def fits(self, composite: CompositeType, above: CompositeType) -> bool:
        """Whether a type may be declared to be below another (3.3.6 to 3.3.9)."""
        if isinstance(composite, FunctionType):
            return (
                isinstance(above, FunctionType)
                and self.all_match(above.params, composite.params)
                and self.all_match(composite.results, above.results)
            )
        if isinstance(composite, StructType):
            if not isinstance(above, StructType) or len(composite.fields) < len(above.fields):
                return False
            fields, wanted = composite.fields, above.fields
        else:
            if not isinstance(above, ArrayType):
                return False
            fields, wanted = (composite.element,), (above.element,)
        for at in range(len(wanted)):
            field, other = fields[at], wanted[at]
            if field.mutable != other.mutable:
                return False
            if field.storage != other.storage and (field.mutable or not self.matches(field.storage, other.storage)):
                return False
        return True


@final
class TypeGroupKey:
    """Writes a recursive group so that equal ones are equal bytes.

    The numbers of types in it are those of a `TypeSpace` in which equal types have one number, except for those of
    the group itself, which begins at `start`: these are written by their place.
    """

    def __init__(self, start: int) -> None:
        self.start: i64 = start
        self.writer: Final = BytesWriter()

    def value_type(self, type_: i64) -> None:
        """A value type, or a packed one."""
        if (type_ >> HEAP_SHIFT) >= FIRST_TYPE + self.start:
            type_ = (self.start << HEAP_SHIFT) - type_  # negative: none else is
        write_i64_le(self.writer, type_)

    def member(self, composite: CompositeType, supertype: int, final_: bool) -> None:
        """The next type of the group; `supertype` is an index or -1."""
        writer = self.writer
        write_i64_le(writer, form_of(composite) << 1 | (1 if final_ else 0))
        self.value_type((FIRST_TYPE + i64(supertype)) << HEAP_SHIFT)
        if isinstance(composite, FunctionType):
            for types in (composite.params, composite.results):
                write_i64_le(writer, len(types))
                for type_ in types:
                    self.value_type(type_)
        else:
            fields = composite.fields if isinstance(composite, StructType) else (composite.element,)
            write_i64_le(writer, len(fields))
            for field in fields:
                write_i64_le(writer, 1 if field.mutable else 0)
                self.value_type(field.storage)

    def value(self) -> bytes:
        """The group, once all of its types are written."""
        return self.writer.getvalue()
