"""Loops that count and index memory do what they say, however they begin, step, end and wrap.

Random ones, against their definition in Python: what is in memory afterwards, what they give, whether they trapped.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from wasmer_clif_backend.compiler import CraneliftCompiler
from wasmer_clif_backend.ir.printer import print_function
from wasmer_clif_backend.passes.optimise import Passes
from wasmer_clif_backend.translate.function import Translator
from wasmer_clif_backend.translate.view import ModuleView
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module

PAGES = 2
SIZE = PAGES * 65536
MASK = 0xFFFF_FFFF
MOST = 3000
"""Loops that go on for longer are left out."""


def signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


TESTS = {
    "ne": lambda x, y: x != y,
    "lt_u": lambda x, y: x < y,
    "lt_s": lambda x, y: signed(x) < signed(y),
    "gt_u": lambda x, y: x > y,
    "le_u": lambda x, y: x <= y,
    "le_s": lambda x, y: signed(x) <= signed(y),
    "nonzero": lambda x, y: x != 0,
    "not_eq": lambda x, y: x != y,
}


class Loop:
    """A loop by its numbers: its text, and what it does."""

    def __init__(self, seed: int) -> None:
        some = random.Random(seed)
        self.test = some.choice(list(TESTS))
        self.step = some.choice([1, 1, 2, 3, 4, 4, 8, -1])
        steps = some.randrange(1, 60)
        below = some.random() < 0.6
        self.start = (-self.step * steps if below else some.randrange(0, 40)) & MASK
        self.end = 0 if below or self.test == "nonzero" else (self.start + self.step * steps) & MASK
        if some.random() < 0.2:
            self.end = (self.end + 1) & MASK
        if below and some.random() < 0.4:  # through 0
            self.end = self.step * some.randrange(0, 40) & MASK
        # Variables that are counted beside it: where they begin, by how much they go on, what is added to them.
        self.others = [
            (start & MASK, step, k & MASK)
            for start, step, k in (
                (some.choice([0, 100, -4 * steps, 4096]), some.choice([1, 4, 7, -1, -4]), some.choice([0, 256, 9000]))
                for _ in range(some.choice([0, 1, 2]))
            )
        ]
        self.before = some.random() < 0.3  # the test is of the variable before it is counted
        self.sums = [some.choice([0, 64, 256, 1000, 65536, SIZE - 70, -8 & MASK]) for _ in range(some.randrange(1, 4))]
        self.offsets = [some.choice([0, 0, 4, 40, 5000]) for _ in self.sums]
        self.gives = some.random() < 0.3  # the variable is used as it is too

    def text(self) -> str:
        stores = " ".join(
            f"(i32.store8 offset={offset} (i32.add (local.get $i) (i32.const {k})) (i32.const {number}))"
            for number, (k, offset) in enumerate(zip(self.sums, self.offsets, strict=True), 1)
        )
        stores += " ".join(
            f"(i32.store8 (i32.add (local.get $o{number}) (i32.const {k})) (i32.const {number + 77}))"
            for number, (_, _, k) in enumerate(self.others)
        )
        locals = " ".join(f"(local $o{number} i32)" for number in range(len(self.others)))
        starts = " ".join(
            f"(local.set $o{number} (i32.const {start}))" for number, (start, _, _) in enumerate(self.others)
        )
        steps = " ".join(
            f"(local.set $o{number} (i32.add (local.get $o{number}) (i32.const {step})))"
            for number, (_, step, _) in enumerate(self.others)
        )
        tested = "(local.get $before)" if self.before else "(local.get $i)"
        end = f"(i32.const {self.end})"
        if self.test == "nonzero":
            condition = tested
        elif self.test == "not_eq":
            condition = f"(i32.eqz (i32.eq {tested} {end}))"
        else:
            condition = f"(i32.{self.test} {tested} {end})"
        given = "(local.set $sum (i32.xor (local.get $sum) (local.get $i)))" if self.gives else ""
        return f"""
          (module (memory (export "memory") {PAGES})
            (func (export "f") (result i32) (local $i i32) (local $before i32) (local $sum i32) {locals}
              {starts}
              (local.set $i (i32.const {self.start}))
              (loop $l
                {stores} {given}
                (local.set $before (local.get $i)) {steps}
                (local.set $i (i32.add (local.get $i) (i32.const {self.step})))
                (br_if $l {condition}))
              (local.get $sum)))
        """

    def done(self) -> tuple[bytes, int | None] | None:
        """Memory and result, None where it traps; None at all where it goes on for too long."""
        memory = bytearray(SIZE)
        i = self.start
        given = 0
        others = [start for start, _, _ in self.others]
        for _ in range(MOST):
            for number, (k, offset) in enumerate(zip(self.sums, self.offsets, strict=True), 1):
                at = ((i + k) & MASK) + offset
                if at >= SIZE:
                    return bytes(memory), None
                memory[at] = number
            for number, (_, step, k) in enumerate(self.others):
                at = (others[number] + k) & MASK
                if at >= SIZE:
                    return bytes(memory), None
                memory[at] = number + 77
                others[number] = (others[number] + step) & MASK
            if self.gives:
                given ^= i
            before = i
            i = (i + self.step) & MASK
            if not TESTS[self.test](before if self.before else i, self.end):
                return bytes(memory), signed(given)
        return None


def instance(text: str) -> Any:
    compilation = run(Compilation(text, CraneliftCompiler(prove=True)))
    return Instance(Module(compilation.info, compilation.compiled), [])


def is_simplified(text: str) -> bool:
    """Whether the passes find fewer sums to be enough."""
    compilation = run(Compilation(text), until="validate")
    translator = Translator(ModuleView(compilation.info), False)
    before = print_function(translator.translate(compilation.bodies[0]))
    function = translator.translate(compilation.bodies[0])
    Passes().run(function, translator.flow)
    return print_function(function).count("iadd") < before.count("iadd")


@pytest.mark.parametrize("seed", range(160))
def test_a_loop(seed: int) -> None:
    loop = Loop(seed)
    expected = loop.done()
    if expected is None:
        return
    memory, result = expected
    made = instance(loop.text())
    if result is None:
        with pytest.raises(Trap):
            made.exports.f()
    else:
        assert made.exports.f() == result
    assert bytes(memoryview(made.exports.memory)) == memory


def test_most_loops_are_simplified() -> None:
    """Else the test above looks at nothing."""
    loops = [loop for loop in map(Loop, range(120)) if loop.done() is not None]
    assert sum(is_simplified(loop.text()) for loop in loops) >= 20
