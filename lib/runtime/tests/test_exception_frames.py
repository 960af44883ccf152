"""What a landing finds: an exception brings back the registers that functions which it leaves had saved.

Whoever compiled them: modules of several backends call one another.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.objects.tags import Tag

CATCHING = ("singlepass", "cranelift", "llvm")
"""Backends whose code may catch."""
BACKENDS = ("singlepass", "cranelift", "llvm")
MASK = 0xFFFF_FFFF


class Function:
    """One that fills locals, calls the next one, and then makes a sum of all locals: what the call must preserve."""

    def __init__(self, chance: random.Random, catches: bool) -> None:
        self.catches = catches
        self.factors = [chance.randrange(1, 1 << 31) for _ in range(chance.choice((0, 1, 2, 3, 4, 5, 9)))]
        self.floats = [chance.randrange(1, 100) for _ in range(chance.choice((0, 0, 2)))]
        self.below = chance.randrange(1 << 31)  # lies on the operand stack meanwhile
        self.tails = chance.random() < 0.4  # a tail call comes in between, which needs more of the stack

    def text(self) -> str:
        """Of the module that holds it alone."""
        lines = [
            '(module (import "e" "next" (func $next (param i32) (result i32)))',
            '(import "e" "t" (tag $t (param i32)))' * self.catches,
            '(func (export "f") (param $p i32) (result i32)',
            *[f"(return_call $g (local.get $p) {'(i32.const 1) ' * 11})) (func $g (param $p i32)"] * self.tails,
            *[f"(param {'i32 ' * 11}) (result i32)"] * self.tails,
            *(f"(local $i{i} i32)" for i in range(len(self.factors))),
            *(f"(local $f{i} f64)" for i in range(len(self.floats))),
        ]
        for i, factor in enumerate(self.factors):
            lines.append(f"(local.set $i{i} (i32.mul (local.get $p) (i32.const {factor})))")
        for i, number in enumerate(self.floats):
            lines.append(f"(local.set $f{i} (f64.convert_i32_u (i32.const {number})))")
        call = "(call $next (i32.add (local.get $p) (i32.const 1)))"
        if self.catches:
            call = f"(block $caught (result i32) (try_table (result i32) (catch $t $caught) {call}))"
        lines.append(f"(i32.add (i32.const {self.below}) (i32.xor (local.get $p) {call}))")
        for i in range(len(self.factors)):  # each more than once, so that it is worth a register
            lines.append(f"(i32.add (local.get $i{i})) (i32.xor (local.get $i{i})) (i32.add (local.get $i{i}))")
        for i in range(len(self.floats)):
            lines.append(f"(i32.add (i32.trunc_f64_u (f64.add (local.get $f{i}) (local.get $f{i}))))")
        return "\n".join(lines) + "))"

    def result(self, p: int, called: int) -> int:
        """What it gives if the call gives `called`."""
        value = self.below + (p ^ called)
        for factor in self.factors:
            local = p * factor & MASK
            value = ((value + local) ^ local) + local
        return (value + sum(2 * number for number in self.floats)) & MASK


def chain(functions: list[tuple[Function, str]], tag: Tag, last: Any) -> Instance:
    """Instances that call one another, the first one outermost; the last one calls `last`."""
    following: Any = last
    for function, backend in reversed(functions):
        module = compile_with(function.text(), find_compiler(backend), CompilerConfig())
        instance = module.instantiate({"e": {"next": following, "t": tag}})
        following = instance.exports.f
    return instance


THROWER = """(module (import "e" "t" (tag $t (param i32)))
  (func (export "f") (param i32) (result i32) (throw $t (i32.mul (local.get 0) (i32.const 77)))))"""


@pytest.mark.parametrize("seed", range(24))
def test_registers_come_back(seed: int) -> None:
    chance = random.Random(seed)
    tag = Tag("i32")
    catching = sorted(chance.sample(range(1, 6), chance.choice((1, 1, 2))))
    functions = [
        (
            Function(chance, at in catching),
            chance.choice(CATCHING if at in catching else BACKENDS if seed % 4 == 0 else BACKENDS[:2]),
        )
        for at in range(6)
    ]
    thrower = compile_with(THROWER, find_compiler(chance.choice(CATCHING)), CompilerConfig())
    last = thrower.instantiate({"e": {"t": tag}}).exports.f
    instance = chain(functions, tag, last)
    for p in (5, 1 << 20):
        expected = (p + len(functions)) * 77 & MASK
        for at in range(catching[-1], -1, -1):
            expected = functions[at][0].result(p + at, expected)
        assert instance.exports.f(p) & MASK == expected
