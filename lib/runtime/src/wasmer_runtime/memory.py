"""Linear memory (Wasmer's ``wasmer_runtime::memory``)."""

from __future__ import annotations

from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.pointers import Array, Item, WasmPtr
from wasmer_runtime_core.running.units import WASM_MAX_PAGES, WASM_PAGE_SIZE, Bytes, Pages
from wasmer_runtime_core.running.values import MemoryDescriptor

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
