"""Linear memory (Wasmer's ``wasmer_runtime::memory``)."""

from __future__ import annotations

from wasmer_runtime_core.contract.units import WASM_MAX_PAGES, WASM_PAGE_SIZE, Bytes, Pages
from wasmer_runtime_core.contract.values import MemoryDescriptor
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.pointers import Array, Item, WasmPtr

__all__ = [
    "Array",
    "Item",
    "WasmPtr",
    "Memory",
    "MemoryDescriptor",
    "Pages",
    "Bytes",
    "WASM_PAGE_SIZE",
    "WASM_MAX_PAGES",
]
