"""Stores that become one store of a vector leave in memory what they left before, whatever lies between them.

Random loads, sums and stores at neighbouring addresses, by two indices with bounds, some of which reach the memory's
end; against their definition in Python.
"""

from __future__ import annotations

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


class Straight:
    """A function without branches that fills memory: its text, and what it does."""

    def __init__(self, seed: int) -> None:
        self.random = some = random.Random(seed)
        self.masks = [some.choice([0xF0, 0x3F0, 0xFF]), some.choice([0xF0, 0x30])]
        self.lines: list[str] = []
        self.values = 2
        self.steps: list[Any] = []
        self.far = some.random() < 0.15
        for _ in range(some.randrange(1, 4)):
            self.unrolled()

    def offset(self) -> int:
        if self.far and self.random.random() < 0.3:
            return SIZE - self.random.choice([0x404, 0x110, 8])
        return self.random.choice([0, 16, 20, 64, 4096])

    def unrolled(self) -> None:
        """Four lanes of one of several kinds, in some order, now and then with one that is different."""
        some = self.random
        kind = some.choice(["fill", "copy", "sum", "square", "mixed", "constants"])
        to, source = some.randrange(2), some.randrange(2)
        to_offset, from_offset = self.offset(), self.offset()
        lanes = list(range(4 * some.randrange(1, 3)))
        if some.random() < 0.4:
            some.shuffle(lanes)
        odd = some.choice(lanes) if some.random() < 0.25 else -1
        loads_first = some.random() < 0.5
        loaded = {}
        if loads_first and kind in ("copy", "sum", "square"):
            for lane in lanes:
                loaded[lane] = self.load(source, from_offset + 4 * lane)
        for lane in lanes:
            if kind == "fill":
                value = "$p"
            elif kind == "constants":
                value = "#7"
            elif kind == "mixed":
                value = some.choice(["$p", "#9"])
            else:
                value = loaded[lane] if lane in loaded else self.load(source, from_offset + 4 * lane)
                if kind == "sum":
                    value = self.compute("add", value, "$p")
                elif kind == "square":
                    value = self.compute("mul", self.compute("xor", value, "#3"), value)
            if lane == odd:
                value = "#1"
            self.store(to, to_offset + 4 * lane, value)

    def name(self) -> str:
        self.values += 1
        return f"$v{self.values}"

    def text_of(self, value: str) -> str:
        return f"(i32.const {value[1:]})" if value[0] == "#" else f"(local.get {value})"

    def load(self, index: int, offset: int) -> str:
        name = self.name()
        self.lines.append(f"(local.set {name} (i32.load offset={offset} (local.get $i{index})))")
        self.steps.append(("load", name, index, offset))
        return name

    def compute(self, operation: str, x: str, y: str) -> str:
        name = self.name()
        self.lines.append(f"(local.set {name} (i32.{operation} {self.text_of(x)} {self.text_of(y)}))")
        self.steps.append((operation, name, x, y))
        return name

    def store(self, index: int, offset: int, value: str) -> None:
        self.lines.append(f"(i32.store offset={offset} (local.get $i{index}) {self.text_of(value)})")
        self.steps.append(("store", index, offset, value))

    def text(self) -> str:
        names = " ".join(f"(local $v{number} i32)" for number in range(3, self.values + 1))
        masks = " ".join(
            f"(local.set $i{number} (i32.and (local.get $i{number}) (i32.const {mask})))"
            for number, mask in enumerate(self.masks)
        )
        return f"""
          (module (memory (export "memory") 1)
            (func (export "f") (param $p i32) (param $i0 i32) (param $i1 i32) {names}
              {masks} {" ".join(self.lines)}))
        """

    def done(self, memory: bytearray, p: int, indices: tuple[int, int]) -> bool:
        """Whether it trapped; memory is as it leaves it."""
        values = {"$p": p & MASK}
        at = [index & mask for index, mask in zip(indices, self.masks, strict=True)]

        def value_of(name: str) -> int:
            return int(name[1:]) if name[0] == "#" else values[name]

        for step in self.steps:
            if step[0] in ("load", "store"):
                index, offset = (step[2], step[3]) if step[0] == "load" else (step[1], step[2])
                address = at[index] + offset
                if address + 4 > SIZE:
                    return True
                if step[0] == "load":
                    values[step[1]] = struct.unpack_from("<I", memory, address)[0]
                else:
                    struct.pack_into("<I", memory, address, value_of(step[3]))
            else:
                x, y = value_of(step[2]), value_of(step[3])
                values[step[1]] = (x + y if step[0] == "add" else x * y if step[0] == "mul" else x ^ y) & MASK
        return False


@pytest.mark.parametrize("seed", range(150))
def test_a_function(seed: int) -> None:
    straight = Straight(seed)
    compilation = run(Compilation(straight.text(), CraneliftCompiler(prove=True)))
    made = Instance(Module(compilation.info, compilation.compiled), [])
    memory = memoryview(made.exports.memory)
    for p, indices in ((5, (0, 0)), (-1, (0x40, 0x30)), (0x1234_5678, (0xFFFF, 0x10)), (3, (4, 16))):
        before = bytearray(random.Random(seed).randbytes(SIZE))
        memory[:] = before
        if straight.done(before, p, indices):
            with pytest.raises(Trap):
                made.exports.f(p, *indices)
        else:
            made.exports.f(p, *indices)
        assert bytes(memory) == before


def optimised_text(text: str) -> str:
    compilation = run(Compilation(text), until="validate")
    translator = Translator(ModuleView(compilation.info), False)
    function = translator.translate(compilation.bodies[0])
    Passes().run(function, translator.flow)
    return print_function(function)


def test_many_become_vectors() -> None:
    """Else the test above looks at nothing."""
    found = sum("x4" in optimised_text(Straight(seed).text()) for seed in range(150))
    assert found >= 50


def test_a_loop_that_fills() -> None:
    """What is in all lanes is made before the loop."""
    stores = " ".join(f"(i32.store offset={256 + 4 * n} (local.get $i) (local.get 0))" for n in range(4))
    text = optimised_text(f"""
      (module (memory 1)
        (func (param i32) (local $i i32)
          (loop $l
            {stores}
            (br_if $l (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 16))) (i32.const 1024))))))
    """)
    before, loop = text.split("\nblock1(")
    assert "splat.i32x4" in before
    assert loop.count("store notrap heap") == 1


def test_nothing_is_known_of_the_end_of_memory() -> None:
    """The last lane may be beyond it: the stores before it are seen."""
    stores = " ".join(f"(i32.store offset={4 * n} (local.get 1) (local.get 0))" for n in range(4))
    text = f'(module (memory (export "memory") 1) (func (export "f") (param i32 i32) {stores}))'
    assert "x4" not in optimised_text(text)
