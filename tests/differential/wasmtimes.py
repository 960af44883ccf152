"""Wasmtime with all of WebAssembly 3.0 and threads, and what it says in words of ours."""

from __future__ import annotations

import ctypes
import math
import struct
from functools import cache
from typing import Any, Final

import wasmtime

Outcome = tuple[object, ...]

_TRAPS: Final = {
    "out of bounds memory access": ("out-of-bounds memory access",),
    "out of bounds array access": ("out-of-bounds array access",),
    "null reference": ("null structure reference", "null array reference", "null i31 reference"),
    "cast failure": (),
    "integer divide by zero": (),
    "integer overflow": (),
    "invalid conversion to integer": (),
    "call stack exhausted": (),
    "undefined element": (),
    "uninitialized element": (),
    "indirect call type mismatch": (),
    "unaligned atomic": (),
    "expected shared memory": ("atomic wait on non-shared memory",),
}
"""The specification's words -> others for the same, in either's messages."""


@cache
def engine() -> wasmtime.Engine:
    """With relaxed operators as the deterministic profile has them."""
    config = wasmtime.Config()
    config.wasm_function_references = True
    config.wasm_gc = True
    config.wasm_exceptions = True
    config.wasm_relaxed_simd_deterministic = True
    config.wasm_threads = True
    config.shared_memory = True
    config.parallel_compilation = False  # its threads spin between two modules
    return wasmtime.Engine(config)


def contents(memory: Any, store: wasmtime.Store, length: int) -> bytes:
    """The first bytes of an exported memory, which may be shared."""
    if isinstance(memory, wasmtime.SharedMemory):
        return ctypes.string_at(memory.data_ptr(), length)
    return bytes(memory.read(store, 0, length))


def trap_kind(message: str) -> str:
    """The specification's words for a trap of either; else the message."""
    for words, others in _TRAPS.items():
        if words in message or any(other in message for other in others):
            return words
    return message


def bits(value: Any) -> object:
    """Of a value of either: floats by their bits, any NaN alike."""
    value = getattr(value, "value", value)
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value)
    return value


def values(result: object) -> Outcome:
    """Of a call that returned."""
    found = result if isinstance(result, (list, tuple)) else () if result is None else (result,)
    return ("values", *map(bits, found))
