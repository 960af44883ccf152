"""Types of WebAssembly (specification, section 2.3), and their codes in the binary format.

A value type is a small number. Its low byte is its *kind*: all that machine code has to know of a
value, and what a `Body`, a backend and the C part see. Those of 2.0 are their kind, the byte that stands for
them in the binary format. A reference type that says more than its kind says it above the byte: that it has
no null (`NON_NULL`), and which of the module's types it refers to. So 2.0 is written in bytes,
and ``(ref null 3)`` has a place wherever a type has. Such a number means something in its own module only.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, TypeAlias
from wasmer_runtime_core.support.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

I32: Final = 0x7F
I64: Final = 0x7E
F32: Final = 0x7D
F64: Final = 0x7C
V128: Final = 0x7B
FUNCREF: Final = 0x70
EXTERNREF: Final = 0x6F
ANYREF: Final = 0x6E
EXNREF: Final = 0x69

I8: Final = 0x78
I16: Final = 0x77
"""Packed types: of fields alone (2.3.8 of 3.0)."""

VALUE_TYPE_NAMES: Final = {
    I32: "i32",
    I64: "i64",
    F32: "f32",
    F64: "f64",
    V128: "v128",
    FUNCREF: "funcref",
    EXTERNREF: "externref",
    ANYREF: "anyref",
    EXNREF: "exnref",
}
VALUE_TYPE_CODES: Final = {name: code for code, name in VALUE_TYPE_NAMES.items()}
REFERENCE_KINDS: Final = (FUNCREF, EXTERNREF, ANYREF, EXNREF)
"""Kinds whose values are references: one for each hierarchy of heap types."""

KIND: Final = 0xFF
"""The bits of a value type that are its kind."""
NON_NULL: Final = 0x100
"""Of a reference type: null is no value of it."""
HEAP_SHIFT: Final = 9
"""Above: what it refers to. 0: whatever its kind says."""
HEAP_EQ: Final = 1
HEAP_I31: Final = 2
HEAP_STRUCT: Final = 3
HEAP_ARRAY: Final = 4
HEAP_NONE: Final = 5
"""There: abstract heap types below the one of the kind. ``none`` is below all of its hierarchy, whichever that is."""
FIRST_TYPE: Final = 32
"""There: the type with index 0."""


class HeapType(NamedTuple):
    """An abstract heap type (section 2.3.4 of 3.0).

    Attributes:
        code: in the binary format; as a value type, a nullable reference to it.
        name: in the text format.
        reference_name: that value type's name.
        number: the value type.
    """

    code: int
    name: str
    reference_name: str
    number: int


HEAP_TYPES: Final = (
    HeapType(0x70, "func", "funcref", FUNCREF),
    HeapType(0x6F, "extern", "externref", EXTERNREF),
    HeapType(0x6E, "any", "anyref", ANYREF),
    HeapType(0x6D, "eq", "eqref", ANYREF | HEAP_EQ << HEAP_SHIFT),
    HeapType(0x6C, "i31", "i31ref", ANYREF | HEAP_I31 << HEAP_SHIFT),
    HeapType(0x6B, "struct", "structref", ANYREF | HEAP_STRUCT << HEAP_SHIFT),
    HeapType(0x6A, "array", "arrayref", ANYREF | HEAP_ARRAY << HEAP_SHIFT),
    HeapType(0x69, "exn", "exnref", EXNREF),
    HeapType(0x71, "none", "nullref", ANYREF | HEAP_NONE << HEAP_SHIFT),
    HeapType(0x72, "noextern", "nullexternref", EXTERNREF | HEAP_NONE << HEAP_SHIFT),
    HeapType(0x73, "nofunc", "nullfuncref", FUNCREF | HEAP_NONE << HEAP_SHIFT),
    HeapType(0x74, "noexn", "nullexnref", EXNREF | HEAP_NONE << HEAP_SHIFT),
)
HEAP_TYPE_NUMBERS: Final = {row.code: row.number for row in HEAP_TYPES}
"""Code -> the value type."""
HEAP_TYPE_ROWS: Final = {row.number: row for row in HEAP_TYPES}
"""Value type -> its row."""
NULLABLE_CODE: Final = 0x63
NON_NULL_CODE: Final = 0x64
"""In the binary format: ``(ref null ht)``, ``(ref ht)``; the heap type follows."""

ValueTypes: TypeAlias = "bytes | tuple[int, ...]"
"""Several value types: bytes where each is its kind, else numbers. So equal ones are equal objects."""

PAGE_BYTES: Final = 65536
MAX_PAGES: Final = 65536
MAX_WIDE_PAGES: Final = 0x1_0000_0000_0000
"""Of a memory with a 64-bit index."""
MOST_WIDE_PAGES: Final = 0x7FFF_FFFF
"""What such a memory can really have: no process has more address space."""
HAS_MAXIMUM: Final = 1
SHARED: Final = 2
WIDE_INDEX: Final = 4
"""Flags of limits in the binary format (5.3.11): a maximum follows, the index has 64 bits."""

MOST_TYPES_SHOWN: Final = 32


def reference_type(kind: int, nullable: bool, type_index: int = -1) -> int:
    """A reference type of this kind; with a type index, to values of that type of the module.

    Of several equal types the index is that of the first, so that equal types are equal numbers.
    """
    heap = 0 if type_index < 0 else FIRST_TYPE + type_index
    return kind | (0 if nullable else NON_NULL) | heap << HEAP_SHIFT


def value_types(types: Iterable[int]) -> ValueTypes:
    """These value types, in the one form that they have together."""
    numbers = tuple(types)
    return bytes(numbers) if all(number <= KIND for number in numbers) else numbers


def kinds(types: ValueTypes) -> bytes:
    """The kind of each: what backends and the C part get."""
    return types if isinstance(types, bytes) else bytes([number & KIND for number in types])


def type_index(type: int) -> int:
    """Of the module's type to which a reference type refers; -1: of none."""
    return (type >> HEAP_SHIFT) - FIRST_TYPE if type >> HEAP_SHIFT >= FIRST_TYPE else -1


def unpacked(storage: int) -> int:
    """What code takes and gives of a field: an i32 where it is packed."""
    return I32 if storage == I8 or storage == I16 else storage


def is_defaultable(type: int) -> bool:
    """Whether a local of this type has a value to begin with (3.4.1 of 3.0)."""
    return not type & NON_NULL


def value_type_name(type: int) -> str:
    """As the text format writes it: ``i32``, ``eqref``, ``(ref null 3)``."""
    name = VALUE_TYPE_NAMES.get(type)
    if name is not None:
        return name
    row = HEAP_TYPE_ROWS.get(type)
    if row is not None:
        return row.reference_name
    return f"(ref {'' if type & NON_NULL else 'null '}{heap_type_name(type)})"


def heap_type_name(type: int) -> str:
    """What a reference type refers to, as the text format writes it: ``func``, ``3``."""
    row = HEAP_TYPE_ROWS.get(type & ~NON_NULL)
    return str(type_index(type)) if row is None else row.name


def value_types_text(types: ValueTypes) -> str:
    """``i32, i32``; of very many the first, and how many there are: a module may name a wide type a million times."""
    shown = ", ".join([VALUE_TYPE_NAMES.get(type) or value_type_name(type) for type in types[:MOST_TYPES_SHOWN]])
    return shown if len(types) <= MOST_TYPES_SHOWN else f"{shown}, … {len(types)} in all"


class FunctionType(NamedTuple):
    """Parameters and results."""

    params: ValueTypes
    results: ValueTypes

    @property
    def param_kinds(self) -> bytes:
        """What backends need of the parameters."""
        return kinds(self.params)

    @property
    def result_kinds(self) -> bytes:
        """What backends need of the results."""
        return kinds(self.results)

    def __str__(self) -> str:
        return f"[{value_types_text(self.params)}] -> [{value_types_text(self.results)}]"


class FieldType(NamedTuple):
    """Of a field of a struct, or of the elements of an array."""

    storage: int  # a value type, or `I8` or `I16`
    mutable: bool

    def __str__(self) -> str:
        name = {I8: "i8", I16: "i16"}.get(self.storage) or value_type_name(self.storage)
        return f"(mut {name})" if self.mutable else name


class StructType(NamedTuple):
    """Fields, in order."""

    fields: tuple[FieldType, ...]

    def __str__(self) -> str:
        shown = " ".join(map(str, self.fields[:MOST_TYPES_SHOWN]))
        more = f" … {len(self.fields)} in all" if len(self.fields) > MOST_TYPES_SHOWN else ""
        return f"struct {{{shown}{more}}}"


class ArrayType(NamedTuple):
    """Elements of one type."""

    element: FieldType

    def __str__(self) -> str:
        return f"array {self.element}"


CompositeType: TypeAlias = "FunctionType | StructType | ArrayType"
NO_FUNCTION: Final = FunctionType(b"", b"")
"""What stands in a list of function types for a type that is none."""


class TypeDefinition(NamedTuple):
    """A type as a module defines it (section 2.3.10 of 3.0).

    Attributes:
        composite: what it is. The numbers of types in it are those of the first type that is equal.
        supertype: index of the type that it is declared to be below, or -1.
        final: none may be declared to be below it.
        group: index of the first type of the recursive group that it belongs to, `group_size` of how many.
        first: index of the first type of the module that is equal to it.
    """

    composite: CompositeType
    supertype: int
    final: bool
    group: int
    group_size: int
    first: int


class Limits(NamedTuple):
    """Of a memory in pages of 64 KiB, of a table in elements; up to 64 bits."""

    minimum: int
    maximum: int | None = None

    def __str__(self) -> str:
        return f"min: {self.minimum}" + ("" if self.maximum is None else f", max: {self.maximum}")


def _index_text(index_type: int) -> str:
    """Only what is not so as a rule."""
    return "" if index_type == I32 else f"{VALUE_TYPE_NAMES[index_type]}, "


class TableType(NamedTuple):
    element: int  # a reference type
    limits: Limits
    index_type: int = I32  # or I64

    @property
    def kind(self) -> int:
        """The kind of its elements."""
        return self.element & KIND

    def __str__(self) -> str:
        return f"{{{_index_text(self.index_type)}{value_type_name(self.element)}, {self.limits}}}"


class MemoryType(NamedTuple):
    limits: Limits
    shared: bool = False
    index_type: int = I32  # or I64

    def __str__(self) -> str:
        return f"{{{_index_text(self.index_type)}{self.limits}{', shared' if self.shared else ''}}}"


class GlobalType(NamedTuple):
    value: int  # a value type
    mutable: bool

    @property
    def kind(self) -> int:
        """The kind of its value."""
        return self.value & KIND

    def __str__(self) -> str:
        return f"{{{'mut ' if self.mutable else ''}{value_type_name(self.value)}}}"


class TagType(NamedTuple):
    """Of exceptions: the values that one carries (section 2.3.10 of 3.0)."""

    params: ValueTypes

    def __str__(self) -> str:
        return f"[{value_types_text(self.params)}]"


ExternalType = FunctionType | TableType | MemoryType | GlobalType | TagType
"""Of an import or an export (section 2.3.7)."""


def show_external_type(type: ExternalType) -> str:
    """With its kind in front: ``function [i32] -> []``, ``memory {min: 1}``."""
    if isinstance(type, FunctionType):
        return f"function {type}"
    if isinstance(type, TableType):
        return f"table {type}"
    if isinstance(type, MemoryType):
        return f"memory {type}"
    if isinstance(type, TagType):
        return f"tag {type}"
    return f"global {type}"
