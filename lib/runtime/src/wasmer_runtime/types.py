"""Types and descriptors (Wasmer's ``wasmer_runtime::types``)."""

from __future__ import annotations

from wasmer_runtime_core.contract.values import (
    ElementType,
    FuncSig,
    GlobalDescriptor,
    Initializer,
    MemoryDescriptor,
    TableDescriptor,
    Type,
    Value,
)

__all__ = [
    "Type",
    "Value",
    "FuncSig",
    "ElementType",
    "MemoryDescriptor",
    "TableDescriptor",
    "GlobalDescriptor",
    "Initializer",
]
