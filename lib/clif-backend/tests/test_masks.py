"""Masks of what a loop is given: where all it is given fits, a mask is no instruction."""

from __future__ import annotations

import random

import pytest

from wasmer_clif_backend.compiler import CraneliftCompiler
from wasmer_runtime_core.codegen.x64.printer import format_records
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module

MASK = 0xFFFF_FFFF
CONTENT = random.Random(3).randbytes(64)


def text(first: str, load: str, mask: int) -> str:
    """A sum of what is at 0, 1, …, masked, up to a zero in the last byte: each is loaded before the round it is for."""
    return f"""
      (module (memory (export "memory") 1)
        (func (export "f") (result i32) (local $at i32) (local $c i32) (local $sum i32)
          (local.set $c {first})
          (loop $loop
            (local.set $sum
              (i32.add (i32.mul (local.get $sum) (i32.const 31)) (i32.and (local.get $c) (i32.const {mask}))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (local.set $c ({load} (local.get $at)))
            (br_if $loop (i32.ne (local.get $at) (i32.const 40))))
          (local.get $sum)))"""


def sum_of(first: int, size: int, mask: int, signed: bool) -> int:
    sum = 0
    c = first
    for at in range(1, 41):
        sum = sum * 31 + (c & mask) & MASK
        c = int.from_bytes(CONTENT[at : at + size], "little", signed=signed) & MASK
    return sum


@pytest.mark.parametrize(
    ("first", "load", "mask", "is_needed"),
    [
        (5, "i32.load8_u", 255, False),
        (5, "i32.load8_u", 1023, False),
        (5, "i32.load16_u", 0xFFFF, False),
        (256, "i32.load8_u", 255, True),
        (5, "i32.load8_u", 127, True),
        (5, "i32.load8_u", 254, True),
        (5, "i32.load8_s", 255, True),
        (5, "i32.load16_u", 255, True),
        (5, "i32.load", 255, True),
        (-1, "i32.load8_u", 255, True),
    ],
)
def test_a_mask(first: int, load: str, mask: int, is_needed: bool) -> None:
    compiler = CraneliftCompiler(prove=True)
    compilation = run(Compilation(text(f"(i32.const {first})", load, mask), compiler))
    exports = Instance(Module(compilation.info, compilation.compiled), []).exports
    memoryview(exports.memory)[: len(CONTENT)] = CONTENT
    size = 1 if "8" in load else 2 if "16" in load else 4
    assert exports.f() & MASK == sum_of(first & MASK, size, mask, load.endswith("_s"))
    lines = format_records(compiler.records(compilation.info, compilation.bodies[0], compilation.config)).splitlines()
    masks = [line for line in lines if line.split()[0] == "and" or (line.split()[0] == "movzx" and "[" not in line)]
    assert bool(masks) == is_needed
