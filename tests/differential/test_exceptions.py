"""Random functions with tries in both encodings do the same on every backend, and so does wasmtime where it can."""

from __future__ import annotations

from typing import Any

import pytest

from tests.differential.exceptions import module
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler, installed
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.running.objects.tags import WasmException

INPUTS = (0, 1, 2, 3, 7, 12, 12345, 0x7FFF_FFFF)


def outcome(run: Any, given: int) -> tuple[Any, ...]:
    """How a call ends."""
    try:
        return ("returned", run(given) & 0xFFFF_FFFF)
    except WasmException as thrown:
        return ("thrown", str(thrown.tag.type), thrown.values)
    except Trap as trap:
        return ("trapped", trap.kind)


@pytest.mark.parametrize("seed", range(40))
def test_backends_agree(seed: int) -> None:
    legacy = seed % 2 == 1
    text = module(seed, legacy)
    found: dict[str, list[tuple[Any, ...]]] = {}
    for backend in installed():
        compiler: Any = find_compiler(backend)
        exports = compile_with(text, compiler, CompilerConfig()).instantiate({}).exports
        found[backend] = [outcome(exports.run, given) for given in INPUTS]
    first = found.popitem()[1]
    assert all(other == first for other in found.values()), text


@pytest.mark.parametrize("seed", range(100, 140, 2))
def test_wasmtime_agrees(seed: int) -> None:
    wasmtime: Any = pytest.importorskip("wasmtime")
    config = wasmtime.Config()
    config.wasm_exceptions = True
    engine = wasmtime.Engine(config)
    text = module(seed, False)
    store = wasmtime.Store(engine)
    theirs = wasmtime.Instance(store, wasmtime.Module(engine, text), []).exports(store)["run"]
    exports = compile_with(text, find_compiler("singlepass"), CompilerConfig()).instantiate({}).exports
    for given in INPUTS:
        ended = outcome(exports.run, given)
        try:
            value = theirs(store, given) & 0xFFFF_FFFF
        except Exception:  # whatever it makes of an exception that nobody catches
            assert ended[0] == "thrown", (given, text)
        else:
            assert ended == ("returned", value), (given, text)
