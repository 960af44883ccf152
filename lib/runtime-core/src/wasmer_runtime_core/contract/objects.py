"""Where the fields of a struct and the elements of an array lie. Generated code, the C part and Python read it here.

====== ============================ ================= ==================
object at 0                         at 8              from 16 on
====== ============================ ================= ==================
struct address of its type's record fields            more fields
array  address of its type's record length, 32 bits   elements
====== ============================ ================= ==================

A field lies at a multiple of its own size: an i8 takes one byte, a reference eight. A subtype begins with what its
supertype has, in the same places, and puts its own fields behind that: references first, then the largest. So a type
without supertypes has its references next to one another, and a field is where it is whichever of its types code knows.

Sizes and offsets are in bytes from the start of the object, which is 16-aligned.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.types import (
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    KIND,
    REFERENCE_KINDS,
    V128,
    ArrayType,
    StructType,
)

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.types import CompositeType, FieldType, TypeDefinition

RECORD: Final = 0
"""Of each object: the address of its type's record (`vmctx.TYPE_RECORD`)."""
FIELDS: Final = 8
"""Of a struct: where its fields begin."""
LENGTH: Final = 8
"""Of an array: how many elements it has, an unsigned 32-bit number."""
ELEMENTS: Final = 16
"""Of an array: where its elements begin."""
ALIGNMENT: Final = 16
"""Of objects, and what their sizes are multiples of."""

NULL_PAGE_BYTES: Final = 4096
"""Below it no page is mapped, so an access to a field or a length of the null reference, which is 0, faults there. Code
may leave the look for null to that where the access ends here and its site says which null it is."""

STORAGE_BYTES: Final = {
    I8: 1,
    I16: 2,
    I32: 4,
    F32: 4,
    I64: 8,
    F64: 8,
    V128: 16,
    **dict.fromkeys(REFERENCE_KINDS, 8),
}
"""Kind of a field -> how many bytes it takes."""


def is_reference(field: FieldType) -> bool:
    """Whether a collector has to look at it: references of every kind, those to functions too."""
    return field.storage & KIND in REFERENCE_KINDS


def fields_of(composite: CompositeType) -> tuple[FieldType, ...]:
    """The fields of a struct, the elements of an array; none of a function."""
    if isinstance(composite, StructType):
        return composite.fields
    return (composite.element,) if isinstance(composite, ArrayType) else ()


def storage_bytes(field: FieldType) -> int:
    """How many bytes a field, or an element, takes."""
    return STORAGE_BYTES[field.storage & KIND]


class ObjectLayout(NamedTuple):
    """Of the objects of one type.

    Attributes:
        size: of a struct; of an array without elements.
        offsets: where each field lies; none of an array.
        references: where a struct has references, ascending.
        leading: so many of these lie next to one another from `FIELDS` on: often all.
        element_bytes: how many bytes an element takes; 0 for a struct.
        refers: the elements are references.
        end: behind the last field: where those that a subtype has more may begin.
    """

    size: int
    offsets: tuple[int, ...]
    references: tuple[int, ...]
    leading: int
    element_bytes: int
    refers: bool
    end: int


def array_layout(type_: ArrayType) -> ObjectLayout:
    """Of an array, whose supertypes have elements of the same size."""
    return ObjectLayout(ELEMENTS, (), (), 0, storage_bytes(type_.element), is_reference(type_.element), ELEMENTS)


def struct_layout(type_: StructType, above: ObjectLayout | None = None) -> ObjectLayout:
    """Of a struct; `above` is the layout of the supertype, of which it has all the fields and perhaps more."""
    fields = type_.fields
    first, references, end = 0, [], FIELDS
    if above is not None:
        first, references, end = len(above.offsets), [*above.references], above.end
    offsets = [*above.offsets, *[0] * (len(fields) - first)] if above is not None else [0] * len(fields)
    own = sorted(range(first, len(fields)), key=lambda at: (not is_reference(fields[at]), -storage_bytes(fields[at])))
    for at in own:
        size = storage_bytes(fields[at])
        offset = (end + size - 1) & -size
        offsets[at] = offset
        end = offset + size
        if is_reference(fields[at]):
            references.append(offset)
    leading = 0
    while leading < len(references) and references[leading] == FIELDS + 8 * leading:
        leading += 1
    return ObjectLayout((end + ALIGNMENT - 1) & -ALIGNMENT, tuple(offsets), tuple(references), leading, 0, False, end)


class ObjectLayouts:
    """Of a module's structs and arrays, each worked out when it is first asked for."""

    def __init__(self, definitions: list[TypeDefinition]) -> None:
        self._definitions = definitions
        self._known: dict[int, ObjectLayout] = {}

    def of(self, type_index: int) -> ObjectLayout:
        """The layout of the objects of a type.

        Raises:
            TypeError: it is a type of functions.
        """
        known = self._known.get(type_index)
        if known is not None:
            return known
        chain = []
        at = type_index
        while at >= 0 and at not in self._known:
            chain.append(at)
            at = self._definitions[at].supertype
        layout = self._known.get(at)
        for index in reversed(chain):
            composite = self._definitions[index].composite
            if isinstance(composite, StructType):
                layout = struct_layout(composite, layout)
            elif isinstance(composite, ArrayType):
                layout = array_layout(composite)
            else:
                raise TypeError(f"type {index} is of functions")
            self._known[index] = layout
        assert layout is not None
        return layout
