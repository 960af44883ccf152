"""Loads from one of two places: they give, and trap, what the program says, at the end of the memory too.

Random functions access a place p, then one of two beside it; their definition in Python says what that gives.
"""

from __future__ import annotations

import random
import re

import pytest

from wasmer_clif_backend.compiler import CraneliftCompiler
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module

BYTES = 65536
CONTENT = random.Random(5).randbytes(BYTES)


class Node:
    """An access at p, a load from p plus one of two numbers, behind a branch or not, and perhaps a store between."""

    def __init__(self, seed: int) -> None:
        some = random.Random(seed)
        self.reaches = some.choice([0, 4, 8, 8, 8, 12, 60])
        self.first = some.choice(["i32.load", "i64.load", "i32.store", "i32.load8_u"])
        self.choices = some.choice([(0, 4), (4, 0), (4, 8), (0, 0x38), (8, 8), (0, 65), (0, -4)])
        self.offset = some.choice([0, 0, 0, 4])
        self.load = some.choice(["i32.load", "i32.load", "i64.load"])
        self.turned = some.random() < 0.5
        self.behind_branch = some.random() < 0.5
        self.stores = some.random() < 0.3

    def text(self) -> str:
        first = {
            "i32.load": f"(i64.extend_i32_u (i32.load offset={self.reaches} (local.get $p)))",
            "i64.load": f"(i64.load offset={self.reaches} (local.get $p))",
            "i32.load8_u": f"(i64.extend_i32_u (i32.load8_u offset={self.reaches} (local.get $p)))",
            "i32.store": f"(i64.const 1) (i32.store offset={self.reaches} (local.get $p) (i32.const 77))",
        }[self.first]
        one, other = self.choices
        choice = f"(select (i32.const {one}) (i32.const {other}) (local.get $c))"
        operands = ["(local.get $p)", choice]
        at = "(i32.add {} {})".format(*(operands[::-1] if self.turned else operands))
        load = f"({self.load} offset={self.offset} {at})"
        value = load if self.load == "i64.load" else f"(i64.extend_i32_u {load})"
        store = "(i32.store8 (i32.const 4096) (local.get $c))" if self.stores else ""
        behind = f"{store} (local.set $r (i64.xor (local.get $r) {value}))"
        if self.behind_branch:
            behind = f"(if (i64.ne (local.get $r) (i64.const 99)) (then {behind}))"
        return f"""
          (module (memory (export "memory") 1)
            (func (export "f") (param $p i32) (param $c i32) (result i64) (local $r i64)
              {first} (local.set $r) {behind} (local.get $r)))"""

    def result(self, p: int, c: int) -> int | None:
        """What the function gives; None: it traps."""
        memory = bytearray(CONTENT)

        def access(at: int, size: int) -> int | None:
            return None if at + size > BYTES else int.from_bytes(memory[at : at + size], "little")

        r = access(p + self.reaches, {"i64.load": 8, "i32.load8_u": 1}.get(self.first, 4))
        if r is None:
            return None
        if self.first == "i32.store":
            memory[p + self.reaches : p + self.reaches + 4] = (77).to_bytes(4, "little")
            r = 1
        if self.behind_branch and r == 99:
            return r
        if self.stores:
            memory[4096] = c & 0xFF
        at = (p + self.choices[0 if c else 1] & 0xFFFF_FFFF) + self.offset
        value = access(at, 8 if self.load == "i64.load" else 4)
        return None if value is None else r ^ value


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("mode", ["disable", "enable"])
@pytest.mark.parametrize("seed", range(50))
def test_a_node(seed: int, mode: str) -> None:
    node = Node(seed)
    config = CompilerConfig(memory_bound_check_mode=mode)
    compilation = run(Compilation(node.text(), CraneliftCompiler(prove=True), config))
    exports = Instance(Module(compilation.info, compilation.compiled), []).exports
    places = [0, 3, 1000, *range(BYTES - 70, BYTES - 55), *range(BYTES - 17, BYTES), *range(0xFFFF_FFF6, 0x1_0000_0000)]
    for p in places:
        for c in (0, 1):
            memoryview(exports.memory)[:] = CONTENT
            expected = node.result(p, c)
            if expected is None:
                with pytest.raises(Trap, match="out of bounds"):
                    exports.f(signed(p, 32), c)
            else:
                assert exports.f(signed(p, 32), c) == signed(expected, 64), (p, c)


LOADS_OF_BOTH = re.compile(r"(v\d+) = load\.i\d+ heap .*\n +(v\d+) = load\.i\d+ heap .*\n +v\d+ = select v\d+, \1, \2")


def is_chosen(node: Node) -> bool:
    compiler = CraneliftCompiler()
    compilation = run(Compilation(node.text(), compiler), until="validate")
    return (
        LOADS_OF_BOTH.search(compiler.show("clif", compilation.info, compilation.bodies[0], compilation.config))
        is not None
    )


def test_both_are_loaded_where_an_access_reaches_as_far() -> None:
    node = Node(0)
    node.first, node.reaches, node.load, node.choices, node.offset = "i32.load", 8, "i32.load", (0, 4), 0
    assert is_chosen(node)
    node.reaches = 5
    assert is_chosen(node)
    node.offset = 4
    assert not is_chosen(node)
    node.first = "i64.load"
    assert is_chosen(node)
    node.first, node.reaches = "i32.store", 9
    assert is_chosen(node)
    node.first = "i32.load8_u"
    assert not is_chosen(node)
    node.first, node.choices = "i64.load", (0, -4)
    assert not is_chosen(node)
    node.choices, node.reaches = (0, 65), 100
    assert not is_chosen(node)
