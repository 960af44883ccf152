"""Random programs of structs, arrays, i31 and casts: every backend gives what wasmtime gives, trap for trap.

So they do when the heap is collected at each allocation, which shows what the code hides from the collector.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.differential.objects import Generator, outcomes, outcomes_of_wasmtime
from tests.differential.variants import VARIANTS
from tests.differential.wasmtimes import engine
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.native.machine import heap_stress
from wasmer_runtime_core.wasm.text import parse_module

PROGRAMS = 6
OBJECTS = ("singlepass", "singlepass, old processor", "cranelift", "cranelift, locals in memory", "llvm")


@pytest.fixture(params=[False, True], ids=["", "collected at each allocation"])
def stress(request: pytest.FixtureRequest) -> Iterator[bool]:
    heap_stress(request.param)
    yield request.param
    heap_stress(False)


@pytest.mark.parametrize("variant", OBJECTS)
def test_programs_of_objects_agree(variant: str, stress: bool) -> None:
    compiler, config = VARIANTS[variant]()
    trapped = returned = 0
    for seed in range(PROGRAMS):
        program = Generator(seed + PROGRAMS * stress)
        wasm = parse_module(program.text)
        found = outcomes(compile_with(wasm, compiler, config).instantiate({}), program)
        assert found == outcomes_of_wasmtime(engine(), wasm, program), f"seed {seed}"
        trapped += sum(isinstance(outcome, str) for outcome in found)
        returned += sum(isinstance(outcome, int) for outcome in found)
    assert trapped and returned, "both are wanted"
