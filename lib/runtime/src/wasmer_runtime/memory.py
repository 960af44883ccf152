"""Linear memory (Wasmer's ``wasmer_runtime::memory``)."""

from __future__ import annotations

from wasmer_runtime_core.memory import Memory
from wasmer_runtime_core.pointers import Array, Item, WasmPtr
from wasmer_runtime_core.units import WASM_MAX_PAGES, WASM_PAGE_SIZE, Bytes, Pages
from wasmer_runtime_core.values import MemoryDescriptor

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
