"""Interpreters: loops that jump by a table from one operation to the next, and what is repeated of that.

Random ones run random programs, against their definition in Python.
"""

from __future__ import annotations

import random

import pytest

from wasmer_clif_backend.compiler import CraneliftCompiler
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module

MASK = 0xFFFF_FFFF
LENGTH = 64
OPERATORS = {
    "i32.add": lambda x, y: x + y & MASK,
    "i32.mul": lambda x, y: x * y & MASK,
    "i32.xor": lambda x, y: x ^ y,
    "i32.sub": lambda x, y: x - y & MASK,
}


class Interpreter:
    """Of a byte each, operations on two variables; some skip a byte, some meet before they go on, some end."""

    def __init__(self, seed: int) -> None:
        some = random.Random(seed)
        names = list(OPERATORS)
        self.operations = [
            (some.choice(names), some.randrange(3), some.randrange(1 << 32), some.choice(["on", "on", "skip", "meet"]))
            for _ in range(some.choice([2, 3, 6, 12, 40]))
        ]
        self.tail = some.random() < 0.5  # a wide end of the loop, not repeated

    def text(self) -> str:
        count = len(self.operations)
        targets = " ".join(f"$o{n}" for n in range(count))
        body = f"""
          (local.set $code (i32.load8_u (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_table {targets} $end (local.get $code))"""
        for n, (name, operand, number, goes) in enumerate(self.operations):
            other = ["(local.get $x)", f"(i32.const {number})", "(i32.load8_u (local.get $at))"][operand]
            body = f"(block $o{n}\n{body})\n(local.set $y ({name} (local.get $y) {other}))"
            if goes == "skip":
                body += "(local.set $at (i32.add (local.get $at) (i32.const 1)))"
            body += "(br $meet)" if goes == "meet" else "(br $next)"
        more = "(local.set $y (i32.rotl (i32.add (local.get $y) (local.get $at)) (i32.const 3)))" if self.tail else ""
        return f"""
          (module (memory (export "memory") 1)
            (func (export "f") (param $x i32) (result i32) (local $at i32) (local $y i32) (local $code i32)
              (loop $next
                (block $end
                  (block $meet {body})
                  (local.set $x (i32.add (local.get $x) (i32.const 7)))
                  {more}
                  (br $next)))
              (local.get $y)))"""

    def done(self, program: bytes, x: int) -> int:
        at = y = 0
        while program[at] < len(self.operations):
            name, operand, number, goes = self.operations[program[at]]
            at += 1
            y = OPERATORS[name](y, [x, number, program[at]][operand])
            if goes == "skip":
                at += 1
            elif goes == "meet":
                x = x + 7 & MASK
                if self.tail:
                    y = y + at & MASK
                    y = (y << 3 | y >> 29) & MASK
        return y - (1 << 32) if y >> 31 else y


@pytest.mark.parametrize("seed", range(40))
def test_an_interpreter(seed: int) -> None:
    interpreter = Interpreter(seed)
    compilation = run(Compilation(interpreter.text(), CraneliftCompiler(prove=True)))
    exports = Instance(Module(compilation.info, compilation.compiled), []).exports
    memory = memoryview(exports.memory)
    some = random.Random(seed)
    for _ in range(20):
        program = bytes(some.randrange(len(interpreter.operations)) for _ in range(LENGTH)) + b"\xff" * 2
        memory[: len(program)] = program
        assert exports.f(12345) == interpreter.done(program, 12345)
