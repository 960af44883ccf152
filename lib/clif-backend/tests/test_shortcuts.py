"""Ways that go past a branch: what is decided where cases join is decided before.

Random loops set variables to constants in cases, and ask for them afterwards; their definition in Python says what they
give.
"""

from __future__ import annotations

import operator
import random
from typing import Any

import pytest

from wasmer_clif_backend.compiler import CraneliftCompiler
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module

MASK = 0xFFFF_FFFF
VARIABLES = ["a", "b", "c", "k", "m"]
DECIDE = ["k", "m"]
"""These are set to constants, mostly, and asked for."""
OPERATORS = {"add": operator.add, "sub": operator.sub, "xor": operator.xor, "mul": operator.mul, "and": operator.and_}
COMPARISONS = {"eq": operator.eq, "ne": operator.ne, "lt_u": operator.lt, "gt_u": operator.gt, "ge_u": operator.ge}


class Loop:
    """A body of statements: lists of tuples, which `text` writes and `step` does."""

    def __init__(self, seed: int) -> None:
        self.some = random.Random(seed)
        self.body = self.block(3)

    def block(self, depth: int) -> list[tuple[Any, ...]]:
        return [self.statement(depth) for _ in range(self.some.randrange(1, 5 if depth else 3))]

    def statement(self, depth: int) -> tuple[Any, ...]:
        some = self.some
        if depth and some.random() < 0.55:
            if some.random() < 0.6:
                condition = (some.choice(list(COMPARISONS)), some.choice(DECIDE), some.randrange(4))
            else:
                condition = ("and", some.choice("abc"), some.choice([1, 2, 4]))
            otherwise = self.block(depth - 1) if some.random() < 0.7 else []
            return ("if", condition, self.block(depth - 1), otherwise)
        kind = some.random()
        if kind < 0.5:
            return ("constant", some.choice(DECIDE), some.randrange(4))
        if kind < 0.6:
            return ("store", some.randrange(4), some.choice(VARIABLES))
        if kind < 0.7:
            return ("load", some.choice(VARIABLES), some.randrange(4))
        if kind < 0.73:
            return ("next",)
        if kind < 0.75:
            return ("leave",)
        return ("set", some.choice("abc"), some.choice(list(OPERATORS)), some.choice(VARIABLES), some.choice(VARIABLES))

    def text(self) -> str:
        locals = " ".join(f"(local ${name} i32)" for name in "bckm")
        sum = "(local.get $a)"
        for name in "bckm":
            sum = f"(i32.add {sum} (i32.mul (local.get ${name}) (i32.const 31)))"
        return f"""
          (module (memory (export "memory") 1)
            (func (export "f") (param $a i32) (param $n i32) (result i32) {locals}
              (block $end
                (loop $loop
                  (block $next {self.written(self.body)})
                  (local.set $b (i32.add (local.get $b) (local.get $k)))
                  (local.set $a (i32.add (i32.mul (local.get $a) (i32.const 5)) (i32.const 3)))
                  (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                  (br_if $loop (local.get $n))))
              {sum}))"""

    def written(self, block: list[tuple[Any, ...]]) -> str:
        return " ".join(map(self.line, block))

    def line(self, s: tuple[Any, ...]) -> str:
        match s:
            case ("if", (name, variable, number), then, otherwise):
                condition = f"(i32.{name} (local.get ${variable}) (i32.const {number}))"
                return f"(if {condition} (then {self.written(then)}) (else {self.written(otherwise)}))"
            case ("constant", variable, number):
                return f"(local.set ${variable} (i32.const {number}))"
            case ("store", at, variable):
                return f"(i32.store (i32.const {4 * at}) (local.get ${variable}))"
            case ("load", variable, at):
                return f"(local.set ${variable} (i32.load (i32.const {4 * at})))"
            case ("next",):
                return "(br $next)"
            case ("leave",):
                return "(br $end)"
            case ("set", into, name, x, y):
                return f"(local.set ${into} (i32.{name} (local.get ${x}) (local.get ${y})))"
        raise AssertionError(s)

    def result(self, a: int, n: int) -> int:
        values = dict.fromkeys(VARIABLES, 0) | {"a": a}
        memory = [0] * 4
        while True:
            if self.done(self.body, values, memory) == "leave":
                break
            values["b"] = values["b"] + values["k"] & MASK
            values["a"] = values["a"] * 5 + 3 & MASK
            n -= 1
            if n == 0:
                break
        return (values["a"] + 31 * sum(values[name] for name in "bckm")) & MASK

    def done(self, block: list[tuple[Any, ...]], values: dict[str, int], memory: list[int]) -> str:
        for s in block:
            match s:
                case ("if", (name, variable, number), then, otherwise):
                    value = values[variable]
                    holds = value & number if name == "and" else COMPARISONS[name](value, number)
                    how = self.done(then if holds else otherwise, values, memory)
                    if how:
                        return how
                case ("constant", variable, number):
                    values[variable] = number
                case ("store", at, variable):
                    memory[at] = values[variable]
                case ("load", variable, at):
                    values[variable] = memory[at]
                case ("set", into, name, x, y):
                    values[into] = OPERATORS[name](values[x], values[y]) & MASK
                case (how,):
                    return str(how)
        return ""


@pytest.mark.parametrize("seed", range(60))
def test_a_loop(seed: int) -> None:
    loop = Loop(seed)
    compilation = run(Compilation(loop.text(), CraneliftCompiler(prove=True)))
    exports = Instance(Module(compilation.info, compilation.compiled), []).exports
    some = random.Random(~seed)
    for n in (1, 2, 9, 40):
        a = some.randrange(1 << 32)
        memoryview(exports.memory)[:16] = bytes(16)
        assert exports.f(a - (1 << 32) if a >> 31 else a, n) & MASK == loop.result(a, n)
