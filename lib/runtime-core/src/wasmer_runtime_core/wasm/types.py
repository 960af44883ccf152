"""Types of WebAssembly (specification, section 2.3), and their codes in the binary format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

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


class FunctionType(NamedTuple):
    """Parameters and results, a value type byte each."""

    params: bytes
    results: bytes

    def __str__(self) -> str:
        params = ", ".join(VALUE_TYPE_NAMES[code] for code in self.params)
        results = ", ".join(VALUE_TYPE_NAMES[code] for code in self.results)
        return f"[{params}] -> [{results}]"


@dataclass(frozen=True)
class Limits:
    """Of a memory in pages of 64 KiB, of a table in elements."""

    minimum: int
    maximum: int | None = None


@dataclass(frozen=True)
class TableType:
    element: int  # FUNCREF or EXTERNREF
    limits: Limits


@dataclass(frozen=True)
class MemoryType:
    limits: Limits
    shared: bool = False


@dataclass(frozen=True)
class GlobalType:
    value: int  # a value type code
    mutable: bool
