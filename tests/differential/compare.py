"""Run one program here and in wasmtime and say where they differ."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import wasmtime

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.wasm.text import parse_module

if TYPE_CHECKING:
    from tests.differential.generate import Program
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler

_TRAPS = {
    "out of bounds memory access": "out of bounds memory access",
    "integer divide by zero": "integer divide by zero",
    "integer overflow": "integer overflow",
    "invalid conversion to integer": "invalid conversion to integer",
    "call stack exhausted": "call stack exhausted",
    "undefined element": "undefined element",
    "uninitialized element": "uninitialized element",
    "indirect call type mismatch": "indirect call type mismatch",
}

Outcome = tuple[object, ...]


def differences(program: Program, compiler: Compiler, config: CompilerConfig | None = None) -> list[str]:
    """Call every export of a program in both, in turn; a line per difference, memory and globals included."""
    wasm = parse_module(program.text)
    calls = [(name, program.arguments(params)) for name, params in program.exports for _ in range(2)]
    module = compile_with(wasm, compiler, config) if config else compile_with(wasm, compiler)
    ours = module.instantiate({})
    store = wasmtime.Store()
    theirs = wasmtime.Instance(store, wasmtime.Module(store.engine, wasm), []).exports(store)
    found = []
    for name, arguments in calls:
        mine = _ours(ours, name, arguments)
        other = _theirs(store, theirs, name, arguments)
        if mine != other:
            found.append(f"{name}{tuple(arguments)}: ours {mine}, wasmtime {other}")
    for type_ in ("i32", "i64", "f32", "f64"):
        mine = ("value", _bits(ours.exports["g" + type_].get()))
        other = ("value", _bits(theirs["g" + type_].value(store)))
        if mine != other:
            found.append(f"global g{type_}: ours {mine}, wasmtime {other}")
    for name in program.memories:
        memory = bytes(memoryview(ours.exports[name]))
        if memory != bytes(theirs[name].read(store, 0, len(memory))):
            found.append(f"the memories {name} differ")
    return found


def _bits(value: object) -> object:
    """Floats by their bits, any NaN alike."""
    value = getattr(value, "value", value)
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value)
    return value


def _values(result: object) -> Outcome:
    values = result if isinstance(result, (list, tuple)) else () if result is None else (result,)
    return ("values", *map(_bits, values))


def _ours(instance: object, name: str, arguments: list[int | float]) -> Outcome:
    try:
        return _values(instance.exports[name](*arguments))  # type: ignore[attr-defined]
    except Trap as trap:
        return ("trap", _kind(str(trap)))


def _theirs(store: wasmtime.Store, exports: object, name: str, arguments: list[int | float]) -> Outcome:
    try:
        return _values(exports[name](store, *arguments))  # type: ignore[index]
    except wasmtime.Trap as trap:
        return ("trap", _kind(trap.message))


def _kind(message: str) -> str:
    for words in _TRAPS:
        if words in message:
            return words
    return message
