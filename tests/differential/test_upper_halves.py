"""Helpers take indices of 64 bits: of an i32 the upper half of its register is cleared, wherever it came from."""

from __future__ import annotations

from typing import Any

import pytest

from tests.differential.variants import VARIANTS
from wasmer_runtime_core.compile_module import compile_with

# Ways to an i32 whose register held more before; $x is an i64 with something in its upper half.
WAYS = {
    "wrapped": "(i32.wrap_i64 (local.get $x))",
    "of a local": "(local.get $narrow)",
    "of a call": "(call $low (local.get $x))",
    "of an import": "(call $imported (local.get $x))",
    "a parameter of a call": "(call $same (i32.wrap_i64 (local.get $x)))",
    "a sum": "(i32.add (i32.wrap_i64 (local.get $x)) (i32.const -1)) (i32.const 1) (i32.add)",
    "of a block": "(block (result i32) (br_if 0 (i32.wrap_i64 (local.get $x)) (i32.const 1)))",
    "of memory": "(i64.store (i32.const 0) (local.get $x)) (i32.load (i32.const 0))",
    "a choice": "(select (i32.wrap_i64 (local.get $x)) (i32.const -7) (i32.const 1))",
}
UPPER = (0xFFFF_FFFF_0000_0000, 0x1_0000_0000, 0x8000_0000_0000_0000)


def module(way: str) -> str:
    def of(parameter: str) -> str:
        return way.replace("$x", parameter).replace("$narrow", f"{parameter}32")

    a, b, c = of("$a"), of("$b"), of("$c")
    narrow = " ".join(f"(local.set ${name}32 (i32.wrap_i64 (local.get ${name})))" for name in "abc")
    head = f"(param $a i64) (param $b i64) (param $c i64) (local $a32 i32) (local $b32 i32) (local $c32 i32) {narrow}"
    grow = "(param $a i64) (result i32) (local $a32 i32) (local.set $a32 (i32.wrap_i64 (local.get $a)))"
    return f"""(module
        (import "env" "low" (func $imported (param i64) (result i32)))
        (memory (export "memory") 1 3) (table $t (export "table") 8 10 externref) (table $f 8 funcref)
        (data $d "abcdefgh") (elem $e func $low $same)
        (func $low (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
        (func $same (param i32) (result i32) (local.get 0))
        (func (export "fill") {head} {a} {b} {c} memory.fill)
        (func (export "copy") {head} {a} {b} {c} memory.copy)
        (func (export "init") {head} {a} {b} {c} memory.init $d)
        (func (export "grow") {grow} {of("$a")} memory.grow)
        (func (export "table_init") {head} {a} {b} {c} table.init $f $e)
        (func (export "table_copy") {head} {a} {b} {c} table.copy $t $t)
        (func (export "table_grow") {grow} ref.null extern {of("$a")} table.grow $t)
        (func (export "table_fill") {head} {a} ref.null extern {c} table.fill $t)
        (func (export "table_set") {head} {a} ref.null extern table.set $t)
        (func (export "table_get") {head} {a} table.get $t drop))"""


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_of_the_upper_half_reaches_a_helper(variant: str) -> None:
    compiler, config = VARIANTS[variant]()
    for name, way in WAYS.items():
        imports = {"env": {"low": lambda x: x & 0x7FFF_FFFF}}
        instance: Any = compile_with(module(way), compiler, config).instantiate(imports)
        exports, memory = instance.exports, instance.exports.memory
        for upper in UPPER:
            exports.fill(upper + 16, upper + 0x5A, upper + 4)
            assert memory[15:21] == b"\0ZZZZ\0", (name, "fill")
            exports.copy(upper + 32, upper + 16, upper + 4)
            exports.init(upper + 40, upper + 1, upper + 3)
            assert memory[32:44] == b"ZZZZ\0\0\0\0bcd\0", (name, "copy, init")
            exports.table_init(upper + 1, upper, upper + 2)
            exports.table_copy(upper + 2, upper, upper + 3)
            exports.table_fill(upper + 1, upper, upper + 3)
            exports.table_set(upper + 7, upper, upper)
            exports.table_get(upper + 7, upper, upper)
            assert exports.grow(upper) == 1 and exports.table_grow(upper) == 8, (name, "growth by nothing")
            assert exports.grow(upper + 7) == -1 and exports.table_grow(upper + 7) == -1, (name, "too much")
            memory[15:44] = bytes(29)
