"""Loops that are done four rounds at once do what they say, wherever their base is.

Random ones, against their definition in Python: what is in memory afterwards, whether they trapped.
"""

from __future__ import annotations

import math
import random
import struct
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

SIZE = 65536
MASK = 0xFFFF_FFFF
OPERATORS = {
    "i32.add": lambda x, y: x + y & MASK,
    "i32.sub": lambda x, y: x - y & MASK,
    "i32.mul": lambda x, y: x * y & MASK,
    "i32.xor": lambda x, y: x ^ y,
    "i32.and": lambda x, y: x & y,
}


class Loop:
    """Some statements ``base[i + k] = base[i + l] op (base[i + m] or a number)``, for i from a number to another."""

    step = 4

    def __init__(self, seed: int) -> None:
        some = random.Random(seed)
        self.start = some.choice([0, 0, 0, 16, 400])
        self.rounds = some.choice([4, 8, 8, 16, 40, 6, 3])
        places = some.choice([[0, 64, 128], [0, 4, 64], [0, 16, 32], [0, 8, 1000], [0, 32, 36, 4096]])
        self.statements = [
            (
                some.choice(places),
                some.choice(places),
                some.choice(list(OPERATORS)),
                some.choice([*places, None]),
                some.randrange(1 << 32),
            )
            for _ in range(some.randrange(1, 5))
        ]
        # A number that the loop uses too, stored behind it.
        self.behind = self.statements[0][4] if some.random() < 0.5 else 0
        self.in_sum = some.random() < 0.5  # k is added, or the offset of the access

    def _address(self, place: int) -> tuple[str, str]:
        index = "(i32.add (local.get $base) (local.get $i))"
        if self.in_sum:
            return "", f"(i32.add {index} (i32.const {place}))"
        return f"offset={place}", index

    def _load(self, place: int) -> str:
        offset, address = self._address(place)
        return f"(i32.load {offset} {address})"

    def text(self) -> str:
        statements = ""
        for to, one, operator, two, number in self.statements:
            offset, address = self._address(to)
            other = "(local.get $x)" if number & 1 else f"(i32.const {number})"
            right = other if two is None else self._load(two)
            statements += f"(i32.store {offset} {address} ({operator} {self._load(one)} {right}))\n"
        return f"""
          (module (memory (export "memory") 1)
            (func (export "f") (param $base i32) (param $x i32) (local $i i32)
              (local.set $i (i32.const {self.start}))
              (loop $l
                {statements}
                (local.set $i (i32.add (local.get $i) (i32.const {self.step})))
                (br_if $l (i32.ne (local.get $i) (i32.const {self.start + self.step * self.rounds}))))
              (i32.store offset=60000 (i32.const 0) (i32.const {self.behind}))))
        """

    def done(self, memory: bytearray, base: int, x: int) -> bool:
        """What it does; False: it traps."""

        def at(i: int, place: int) -> int:
            if self.in_sum:
                return base + i + place & MASK
            return (base + i & MASK) + place

        for i in range(self.start, self.start + self.step * self.rounds, self.step):
            for to, one, operator, two, number in self.statements:
                values = []
                for place in (one, two):
                    if place is None:
                        values.append(x if number & 1 else number)
                        continue
                    if at(i, place) + 4 > SIZE:
                        return False
                    values += struct.unpack_from("<I", memory, at(i, place))
                if at(i, to) + 4 > SIZE:
                    return False
                struct.pack_into("<I", memory, at(i, to), OPERATORS[operator](*values))
        struct.pack_into("<I", memory, 60000, self.behind)
        return True


class Records(Loop):
    """Statements as above for each word of a record, in some order; sometimes not for all, or with one word twice."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        some = random.Random(seed)
        words = some.choice([2, 2, 2, 3, 4, 4, 4, 5, 8, 8, 16])
        self.step = 4 * words
        self.rounds = some.choice([4, 4, 8, 8, 12, 6])
        to, one, two = some.choice(
            [(0, 0, 0), (0, 0, 1000), (0, 1000, 2000), (1000, 0, 2000), (4, 0, 1000), (0, self.step, 2000)]
        )
        turned = some.randrange(words) if one else 0
        whole = some.random() < 0.6
        other = some.randrange(words) if some.random() < 0.2 else words
        self.statements = [
            (
                to + 4 * (word ^ 1 if word == other else word),
                one + 4 * ((word + turned) % words),
                some.choice(list(OPERATORS)),
                two + 4 * word if whole else None,
                some.randrange(1 << 32),
            )
            for word in some.sample(range(words), words)
        ]
        if some.random() < 0.2:
            self.statements.pop()


def instance(text: str) -> Any:
    compilation = run(Compilation(text, CraneliftCompiler(prove=True)))
    return Instance(Module(compilation.info, compilation.compiled), [])


def passed(text: str) -> str:
    """What the passes make of a function."""
    compilation = run(Compilation(text), until="validate")
    translator = Translator(ModuleView(compilation.info), False)
    function = translator.translate(compilation.bodies[0])
    Passes().run(function, translator.flow)
    return print_function(function)


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("kind", [Loop, Records])
def test_a_loop(kind: type[Loop], seed: int) -> None:
    loop = kind(seed)
    made = instance(loop.text())
    source = random.Random(seed)
    begun = source.randbytes(SIZE)
    memory = memoryview(made.exports.memory)
    for base in (0, 8, 4096, SIZE - 4300, SIZE - 200, SIZE - 68, SIZE - 36, SIZE, MASK - 15, MASK - 399):
        memory[:] = begun
        expected = bytearray(begun)
        if loop.done(expected, base, 12345):
            made.exports.f(base - (1 << 32) if base >> 31 else base, 12345)
        else:
            with pytest.raises(Trap):
                made.exports.f(base - (1 << 32) if base >> 31 else base, 12345)
        assert bytes(memory) == expected, hex(base)


FLOATS = """
  (module (memory (export "memory") 1)
    (func (export "f") (param $base i32) (param $x f32) (local $i i32)
      (loop $l
        (f32.store offset=64 (i32.add (local.get $base) (local.get $i))
          (f32.convert_i32_s (i32.trunc_sat_f32_s
            (f32.div (f32.mul (f32.load (i32.add (local.get $base) (local.get $i))) (f32.const 1.5)) (local.get $x)))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br_if $l (i32.ne (local.get $i) (i32.const 64))))))
"""


def test_floats() -> None:
    assert "f32x4" in passed(FLOATS)
    made = instance(FLOATS)
    memory = memoryview(made.exports.memory)
    numbers = [0.0, 1.0, -3.7, 1e9, -1e30, math.nan, math.inf, 1e-30] * 2
    struct.pack_into("<16f", memory, 128, *numbers)
    made.exports.f(128, 0.5)
    expected = []
    for number in numbers:
        number *= 3
        whole = 0 if math.isnan(number) else max(-(2**31), min(2**31 - 1, int(max(-1e10, min(1e10, number)))))
        expected.append(struct.unpack("<f", struct.pack("<f", whole))[0])
    assert list(struct.unpack_from("<16f", memory, 192)) == expected


def test_many_loops_are_widened() -> None:
    """Else the test above looks at nothing; and some must not be."""
    for kind in (Loop, Records):
        widened = sum("i32x4" in passed(kind(seed).text()) for seed in range(100))
        assert 25 <= widened <= 80
