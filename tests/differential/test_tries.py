"""Tries of the legacy encoding do what the proposal says: every nest of three labels, and random trees."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends import BACKENDS, compiler_or_skip
from tests.differential.tries import Drawn, Run, Statement, module, nests
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.running.objects.tags import WasmException

IN_A_MODULE = 400


def outcome(run: Any) -> tuple[object, ...]:
    try:
        return ("returned", run())
    except WasmException as thrown:
        (value,) = thrown.values
        return ("thrown", thrown.tag, value)


def check(backend: str, programs: list[tuple[Statement, ...]]) -> None:
    for first in range(0, len(programs), IN_A_MODULE):
        named = {f"f{at}": body for at, body in enumerate(programs[first : first + IN_A_MODULE])}
        text = module(named)
        exports: Any = compile_with(text, compiler_or_skip(backend), CompilerConfig()).instantiate().exports
        tags = {exports["a"]: "a", exports["b"]: "b"}
        for name, body in named.items():
            found = outcome(exports[name])
            found = ("thrown", tags[found[1]], found[2]) if found[0] == "thrown" else found  # type: ignore[index]
            assert found == Run().outcome(body), f"{backend}: {module({name: body})}"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("depth", (1, 2))
def test_every_nest(backend: str, depth: int) -> None:
    programs = list(nests(depth))
    assert len(programs) > 20
    check(backend, programs)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nests_of_three_labels(backend: str) -> None:
    programs = list(nests(3))
    check(backend, programs[:: {"singlepass": 1, "cranelift": 2, "llvm": 5}[backend]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_random_trees(backend: str) -> None:
    check(backend, [Drawn(seed).program for seed in range(600 if backend != "llvm" else 200)])
