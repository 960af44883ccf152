"""Pointers to functions of programs in which all have one type (``-sEMULATE_FUNCTION_POINTER_CASTS``).

So a function can be called as one of another type, as C programs do that were never meant to be checked. Each such
function takes many i64 and returns one: a number of 32 bits is its lower half, a float is its bits, what is too few is
0, and what is too much is not looked at (Binaryen's pass FuncCastEmulation).
"""

from __future__ import annotations

import struct
from typing import Any, Final

from wasmer_emscripten.guest import U32, U64
from wasmer_runtime_core.wasm.types import F32, F64, I64, FunctionType

_LAYOUTS: Final = {F32: ("<f", "<I"), F64: ("<d", "<Q")}


def is_uniform(found: FunctionType, wanted: FunctionType) -> bool:
    """Whether a function is of the one type, which has room for the wanted one."""
    params = bytes(found.params)
    return (
        len(params) > 1
        and params == bytes((I64,)) * len(params)
        and bytes(found.results) == bytes((I64,))
        and len(wanted.params) <= len(params)
    )


def call_uniformly(function: Any, found: FunctionType, wanted: FunctionType, args: tuple[Any, ...]) -> Any:
    """Call a function of the one type as one of the wanted type."""
    words = [_word(value, kind) for value, kind in zip(args, wanted.params, strict=True)]
    result = function(*words, *[0] * (len(found.params) - len(words)))
    return _value(result, wanted.results[0]) if wanted.results else None


def _word(value: Any, kind: int) -> int:
    if kind in _LAYOUTS:
        number, bits = _LAYOUTS[kind]
        return int(struct.unpack(bits, struct.pack(number, value))[0])
    return int(value) & (U64 if kind == I64 else U32)


def _value(word: int, kind: int) -> Any:
    if kind in _LAYOUTS:
        number, bits = _LAYOUTS[kind]
        return struct.unpack(number, struct.pack(bits, word & (U64 if kind == F64 else U32)))[0]
    return word if kind == I64 else word & U32
