"""Pages and bytes (Wasmer's ``wasmer_runtime::units``)."""

from __future__ import annotations

from wasmer_runtime_core.contract.units import WASM_MAX_PAGES, WASM_MIN_PAGES, WASM_PAGE_SIZE, Bytes, Pages

__all__ = ["Pages", "Bytes", "WASM_PAGE_SIZE", "WASM_MAX_PAGES", "WASM_MIN_PAGES"]
