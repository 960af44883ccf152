"""Run one program here and in wasmtime and say where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import wasmtime

from tests.differential.wasmtimes import Outcome, bits, contents, engine, trap_kind, values
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.wasm.text import parse_module

if TYPE_CHECKING:
    from tests.differential.generate import Program
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler


def differences(program: Program, compiler: Compiler, config: CompilerConfig | None = None) -> list[str]:
    """Call every export of a program in both, in turn; a line per difference, memory and globals included."""
    wasm = parse_module(program.text)
    calls = [(name, program.arguments(params)) for name, params in program.exports for _ in range(2)]
    module = compile_with(wasm, compiler, config) if config else compile_with(wasm, compiler)
    ours = module.instantiate({})
    store = wasmtime.Store(engine())
    theirs = wasmtime.Instance(store, wasmtime.Module(store.engine, wasm), []).exports(store)
    found = []
    for name, arguments in calls:
        mine = _ours(ours, name, arguments)
        other = _theirs(store, theirs, name, arguments)
        if mine != other:
            found.append(f"{name}{tuple(arguments)}: ours {mine}, wasmtime {other}")
    for type_ in ("i32", "i64", "f32", "f64"):
        mine = ("value", bits(ours.exports["g" + type_].get()))
        other = ("value", bits(theirs["g" + type_].value(store)))
        if mine != other:
            found.append(f"global g{type_}: ours {mine}, wasmtime {other}")
    for name in program.memories:
        memory = bytes(memoryview(ours.exports[name]))
        if memory != contents(theirs[name], store, len(memory)):
            found.append(f"the memories {name} differ")
    return found


def _ours(instance: object, name: str, arguments: list[int | float]) -> Outcome:
    try:
        return values(instance.exports[name](*arguments))  # type: ignore[attr-defined]
    except Trap as trap:
        return ("trap", trap_kind(str(trap)))


def _theirs(store: wasmtime.Store, exports: object, name: str, arguments: list[int | float]) -> Outcome:
    try:
        return values(exports[name](store, *arguments))  # type: ignore[index]
    except wasmtime.Trap as trap:
        return ("trap", trap_kind(trap.message))
