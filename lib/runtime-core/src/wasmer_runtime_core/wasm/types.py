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

VALUE_TYPE_NAMES: Final = {
    I32: "i32",
    I64: "i64",
    F32: "f32",
    F64: "f64",
    V128: "v128",
    FUNCREF: "funcref",
    EXTERNREF: "externref",
}
VALUE_TYPE_CODES: Final = {name: code for code, name in VALUE_TYPE_NAMES.items()}

KIND: Final = 0xFF
"""The bits of a value type that are its kind."""
NON_NULL: Final = 0x100
"""Of a reference type: null is no value of it."""
HEAP_SHIFT: Final = 9
"""Above: what it refers to. 0: whatever its kind says."""
FIRST_TYPE: Final = 32
"""There: the type with index 0. Below it is room for abstract heap types (``eq``, ``i31``, ``none`` …)."""

_HEAP_TYPE_NAMES: Final = {FUNCREF: "func", EXTERNREF: "extern"}

ValueTypes: TypeAlias = "bytes | tuple[int, ...]"
"""Several value types: bytes where each is its kind, else numbers. So equal ones are equal objects."""

PAGE_BYTES: Final = 65536
MAX_PAGES: Final = 65536
MAX_WIDE_PAGES: Final = 0x1_0000_0000_0000
"""Of a memory with a 64-bit index."""
MOST_WIDE_PAGES: Final = 0x7FFF_FFFF
"""What such a memory can really have: no process has more address space."""
HAS_MAXIMUM: Final = 1
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


def matches(found: int, wanted: int) -> bool:
    """Whether a value of type `found` is one of type `wanted` (section 3.3.4 of 3.0; no type declares a supertype)."""
    if found == wanted:
        return True
    if (found ^ wanted) & KIND or (found & NON_NULL) < (wanted & NON_NULL):
        return False
    heap = wanted >> HEAP_SHIFT
    return heap == 0 or heap == found >> HEAP_SHIFT


def all_match(found: ValueTypes, wanted: ValueTypes) -> bool:
    """`matches`, for each."""
    return found == wanted or (len(found) == len(wanted) and all(map(matches, found, wanted)))


def value_type_name(type: int) -> str:
    """As the text format writes it: ``i32``, ``(ref null 3)``."""
    name = VALUE_TYPE_NAMES.get(type)
    if name is not None:
        return name
    return f"(ref {'' if type & NON_NULL else 'null '}{heap_type_name(type)})"


def heap_type_name(type: int) -> str:
    """What a reference type refers to, as the text format writes it: ``func``, ``3``."""
    heap = type >> HEAP_SHIFT
    return str(heap - FIRST_TYPE) if heap else _HEAP_TYPE_NAMES[type & KIND]


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


ExternalType = FunctionType | TableType | MemoryType | GlobalType
"""Of an import or an export (section 2.3.7)."""


def show_external_type(type: ExternalType) -> str:
    """With its kind in front: ``function [i32] -> []``, ``memory {min: 1}``."""
    if isinstance(type, FunctionType):
        return f"function {type}"
    if isinstance(type, TableType):
        return f"table {type}"
    if isinstance(type, MemoryType):
        return f"memory {type}"
    return f"global {type}"
