"""Counted loops, which are written twice: the plain copy must never run where an access traps.

Each loop runs in two ways: with the llvm backend, and here, access by access. Memory, result
and trap must agree, for starts and counts around every edge: the end of memory, the ends of
32 bits, counts that never come out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from wasmer_llvm_backend import LLVMCompiler
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.errors import Trap

PAGE = 65536
U32 = 0xFFFFFFFF

MODULE = """
(module
  (memory (export "memory") 1)
  (func (export "ne") (param $at i32) (param $end i32) (result i32) (local $sum i32)
    (loop
      (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $at))))
      (i32.store (local.get $at) (local.get $sum))
      (br_if 0 (i32.ne (local.tee $at (i32.add (local.get $at) (i32.const {step}))) (local.get $end))))
    (local.get $sum))
  (func (export "lt_s") (param $at i32) (param $count i32) (result i32) (local $i i32) (local $sum i32)
    (loop
      (local.set $sum (i32.add (local.get $sum) (i32.load8_u (i32.add (local.get $at) (local.get $i)))))
      (i32.store8 offset=3 (i32.add (local.get $at) (local.get $i)) (local.get $sum))
      (br_if 0 (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const {step}))) (local.get $count))))
    (local.get $sum))
  (func (export "lt_u") (param $i i32) (param $count i32) (result i32) (local $sum i32)
    (loop
      (local.set $sum (i32.add (local.get $sum) (i32.load16_u offset=2 (i32.shl (local.get $i) (i32.const 1)))))
      (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const {step}))) (local.get $count))))
    (local.get $sum))
  (func (export "down") (param $at i32) (param $count i32) (result i32) (local $sum i32)
    (loop
      (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
      (i32.store offset=8 (local.get $at) (local.get $sum))
      (local.set $at (i32.sub (local.get $at) (i32.const {step})))
      (br_if 0 (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (local.get $sum)))
"""


class OutOfBounds(Exception):
    """What the model raises where the code must trap."""


class Memory:
    def __init__(self) -> None:
        self.bytes = bytearray((at * 7) & 0xFF for at in range(PAGE))

    def load(self, at: int, offset: int, size: int) -> int:
        at += offset
        if at + size > PAGE:
            raise OutOfBounds
        return int.from_bytes(self.bytes[at : at + size], "little")

    def store(self, at: int, offset: int, size: int, value: int) -> None:
        at += offset
        if at + size > PAGE:
            raise OutOfBounds
        self.bytes[at : at + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def signed(value: int) -> int:
    return value - (1 << 32) if value & 0x80000000 else value


def ne(memory: Memory, step: int, at: int, end: int) -> int:
    total = 0
    while True:
        total = (total + memory.load(at, 4, 4)) & U32
        memory.store(at, 0, 4, total)
        at = (at + step) & U32
        if at == end:
            return total


def lt_s(memory: Memory, step: int, at: int, count: int) -> int:
    total = i = 0
    while True:
        total = (total + memory.load((at + i) & U32, 0, 1)) & U32
        memory.store((at + i) & U32, 3, 1, total)
        i = (i + step) & U32
        if not signed(i) < signed(count):
            return total


def lt_u(memory: Memory, step: int, i: int, count: int) -> int:
    total = 0
    while True:
        total = (total + memory.load(i << 1 & U32, 2, 2)) & U32
        i = (i + step) & U32
        if not i < count:
            return total


def down(memory: Memory, step: int, at: int, count: int) -> int:
    total = 0
    while True:
        total = (total + memory.load(at, 0, 4)) & U32
        memory.store(at, 8, 4, total)
        at = (at - step) & U32
        count = (count - 1) & U32
        if not count:
            return total


def points(step: int) -> Iterator[tuple[int, int]]:
    """Arguments around the edges; counts that run for long end by a trap."""
    edges = [1, PAGE - 1000, PAGE - 12, PAGE - 8, PAGE - 5, PAGE, U32 - 8, 0x80000000]
    for first, second in itertools.product(edges, [0, 1, 2, 16, PAGE - 4, PAGE, U32]):
        yield first, second
        yield first, (first + 8 * step) & U32


@pytest.mark.parametrize("step", [1, 3, 64, -4])
@pytest.mark.parametrize("model", [ne, lt_s, lt_u, down], ids=lambda model: str(model.__name__))
def test_results_traps_and_memory_are_those_of_the_model(
    model: Callable[[Memory, int, int, int], int], step: int
) -> None:
    instance = compile_with(MODULE.format(step=step), LLVMCompiler()).instantiate({})
    run = getattr(instance.exports, model.__name__)
    view = instance.exports.memory
    for first, second in points(step):
        memory = Memory()
        view.write(0, bytes(memory.bytes))
        if step < 0 and model in (lt_s, lt_u):
            continue  # ends by wrapping around only
        try:
            expected: int | None = model(memory, step, first, second)
        except OutOfBounds:
            expected = None
        try:
            found: int | None = run(signed(first), signed(second)) & U32
        except Trap:
            found = None
        assert found == expected, (first, second)
        assert view.read(0, PAGE) == bytes(memory.bytes), (first, second)


def test_a_loop_that_takes_operands_is_none() -> None:
    """Whatever it does with them first."""
    for takes in ("local.set $sum", "drop", "(i32.add (i32.const 1)) local.set $sum", "(local.tee $sum) drop"):
        text = f"""
        (module (memory 1) (func (export "f") (param $at i32) (result i32) (local $sum i32)
          i32.const 7
          (loop $l (param i32) {takes}
            (i32.load (local.get $at))
            (br_if $l (local.tee $at (i32.sub (local.get $at) (i32.const 4))))
            drop)
          (local.get $sum)))"""
        assert compile_with(text, LLVMCompiler()).instantiate({}).exports.f(8) in (0, 1)
