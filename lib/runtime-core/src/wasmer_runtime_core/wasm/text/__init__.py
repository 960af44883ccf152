"""The text format (specification, chapter 6)."""

from __future__ import annotations

from wasmer_runtime_core.wasm.text.parser import parse_module

__all__ = ["parse_module"]
