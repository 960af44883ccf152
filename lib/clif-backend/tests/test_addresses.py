"""Addresses of WebAssembly: what is a part of the instruction that accesses memory, and needs none of its own."""

from __future__ import annotations

import pytest

from wasmer_clif_backend.compiler import CraneliftCompiler
from wasmer_runtime_core.codegen.x64.printer import format_records
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module

MASKED = "(i32.shl (i32.and (local.get $x) (i32.const {mask})) (i32.const {shift}))"


def text(address: str) -> str:
    return f"""
      (module (memory (export "memory") 2)
        (func (export "f") (param $x i32) (result i32) (i32.load offset=16 {address})))
    """


def instructions(source: str) -> str:
    compilation = run(Compilation(source), until="validate")
    records = CraneliftCompiler(prove=True).records(compilation.info, compilation.bodies[0], CompilerConfig())
    return format_records(records)


@pytest.mark.parametrize(
    ("mask", "shift", "is_part"),
    [
        (0xFF, 2, True),
        (0xFF, 1, True),
        (0xFF, 3, True),
        (0x3FFF_FFFF, 2, True),
        (0x7FFF_FFFF, 2, False),
        (0xFF, 4, False),
    ],
)
def test_a_word_times_a_power_of_two(mask: int, shift: int, is_part: bool) -> None:
    source = text(MASKED.format(mask=mask, shift=shift))
    assert ("shl" not in instructions(source)) == is_part
    compilation = run(Compilation(source, CraneliftCompiler(prove=True)))
    made = Instance(Module(compilation.info, compilation.compiled), [])
    memory = memoryview(made.exports.memory)
    for x in (0, 1, 77, 255, 0x4000_0001, 0x2000_0003, -1):
        at = ((x & mask) << shift & 0xFFFF_FFFF) + 16
        if at + 4 > len(memory):
            continue
        memory[at : at + 4] = (x & 0x7FFF_FFFF).to_bytes(4, "little")
        assert made.exports.f(x) == x & 0x7FFF_FFFF
