"""What instances are made of (Wasmer's ``wasmer_runtime::wasm``)."""

from __future__ import annotations

from wasmer_runtime_core.functions import Function
from wasmer_runtime_core.globals import Global
from wasmer_runtime_core.memory import Memory
from wasmer_runtime_core.table import Table
from wasmer_runtime_core.values import (
    FuncSig,
    GlobalDescriptor,
    MemoryDescriptor,
    TableDescriptor,
    Type,
    Value,
)

__all__ = [
    "Function",
    "Memory",
    "Table",
    "Global",
    "Type",
    "Value",
    "FuncSig",
    "MemoryDescriptor",
    "TableDescriptor",
    "GlobalDescriptor",
]
