"""Types and descriptors (Wasmer's ``wasmer_runtime::types``)."""

from __future__ import annotations

from wasmer_runtime_core.contract.values import (
    ElementType,
    FuncSig,
    GlobalDescriptor,
    Initializer,
    MemoryDescriptor,
    ReferenceType,
    TableDescriptor,
    TagDescriptor,
    Type,
    Value,
)

__all__ = [
    "Type",
    "ReferenceType",
    "Value",
    "FuncSig",
    "ElementType",
    "MemoryDescriptor",
    "TableDescriptor",
    "TagDescriptor",
    "GlobalDescriptor",
    "Initializer",
]
