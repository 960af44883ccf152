"""What instances are made of (Wasmer's ``wasmer_runtime::wasm``)."""

from __future__ import annotations

from wasmer_runtime_core.contract.values import (
    FuncSig,
    GlobalDescriptor,
    MemoryDescriptor,
    TableDescriptor,
    Type,
    Value,
)
from wasmer_runtime_core.running.objects.functions import Function
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.table import Table

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
