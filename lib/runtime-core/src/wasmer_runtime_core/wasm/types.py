"""Types of WebAssembly (specification, section 2.3), and their codes in the binary format."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.named_tuple import NamedTuple

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

PAGE_BYTES: Final = 65536
MAX_PAGES: Final = 65536


MOST_TYPES_SHOWN: Final = 32


def value_types_text(types: bytes) -> str:
    """``i32, i32``; of very many the first, and how many there are: a module may name a wide type a million times."""
    shown = ", ".join([VALUE_TYPE_NAMES[code] for code in types[:MOST_TYPES_SHOWN]])
    return shown if len(types) <= MOST_TYPES_SHOWN else f"{shown}, … {len(types)} in all"


class FunctionType(NamedTuple):
    """Parameters and results, a value type byte each."""

    params: bytes
    results: bytes

    def __str__(self) -> str:
        return f"[{value_types_text(self.params)}] -> [{value_types_text(self.results)}]"


class Limits(NamedTuple):
    """Of a memory in pages of 64 KiB, of a table in elements."""

    minimum: int
    maximum: int | None = None

    def __str__(self) -> str:
        return f"min: {self.minimum}" + ("" if self.maximum is None else f", max: {self.maximum}")


class TableType(NamedTuple):
    element: int  # FUNCREF or EXTERNREF
    limits: Limits

    def __str__(self) -> str:
        return f"{{{VALUE_TYPE_NAMES[self.element]}, {self.limits}}}"


class MemoryType(NamedTuple):
    limits: Limits
    shared: bool = False

    def __str__(self) -> str:
        return f"{{{self.limits}{', shared' if self.shared else ''}}}"


class GlobalType(NamedTuple):
    value: int  # a value type code
    mutable: bool

    def __str__(self) -> str:
        return f"{{{'mut ' if self.mutable else ''}{VALUE_TYPE_NAMES[self.value]}}}"


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
