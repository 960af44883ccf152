"""Initializers of several operators (extended constant expressions): what they give, and what is none."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmer_runtime import compile, instantiate
from wasmer_runtime_core.compiling.pipeline import validate_and_report_errors
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import ImplementationLimitError, ValidationError
from wasmer_runtime_core.native.machine import Plan
from wasmer_runtime_core.running.preparing import prepared
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.printer import print_module

OPERATIONS = ("add", "sub", "mul")
IMPORTS = """(import "e" "i32" (global $i32 i32)) (import "e" "i64" (global $i64 i64)) """

Tree = Any  # a constant, "global", or (operation, left, right)


def trees(bits: int) -> st.SearchStrategy[Tree]:
    leaves = st.one_of(st.integers(-(1 << bits - 1), (1 << bits - 1) - 1), st.just("global"))
    return st.recursive(leaves, lambda part: st.tuples(st.sampled_from(OPERATIONS), part, part), max_leaves=12)


def value(tree: Tree, of_global: int, bits: int) -> int:
    if isinstance(tree, tuple):
        operation, *parts = tree
        left, right = (value(part, of_global, bits) for part in parts)
        result = left + right if operation == "add" else left - right if operation == "sub" else left * right
    else:
        result = of_global if tree == "global" else tree
    return (result + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def written(tree: Tree, bits: int, folded: bool = True) -> str:
    if isinstance(tree, tuple):
        operation, *parts = tree
        inner = " ".join(written(part, bits, folded) for part in parts)
        return f"(i{bits}.{operation} {inner})" if folded else f"{inner} i{bits}.{operation}"
    text = f"global.get $i{bits}" if tree == "global" else f"i{bits}.const {tree}"
    return f"({text})" if folded else text


@given(trees(32), trees(64), st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-(1 << 63), (1 << 63) - 1))
def test_what_they_give(narrow: Tree, wide: Tree, i32: int, i64: int) -> None:
    text = f"""(module {IMPORTS}
        (global (export "a") i32 {written(narrow, 32)}) (global (export "b") (mut i64) {written(wide, 64)})
        (global (export "c") i32 {written(narrow, 32, False)}))"""
    module = compile(text)
    instance = instantiate(module, {"e": {"i32": i32, "i64": i64}})
    expected = value(narrow, i32, 32), value(wide, i64, 64), value(narrow, i32, 32)
    assert tuple(instance.exports[name].value for name in "abc") == expected
    binary = parse_module(text)
    assert parse_module(print_module(binary)) == binary


def test_where_segments_go() -> None:
    module = compile(f"""(module {IMPORTS}
        (memory (export "m") 1) (table (export "t") 10 funcref) (func $f)
        (data (i32.add (global.get $i32) (i32.const 2)) "ab") (data (offset global.get $i32 i32.const 2 i32.mul) "cd")
        (elem (i32.sub (global.get $i32) (i32.const 3)) func $f))""")
    for each in (module, pickle.loads(pickle.dumps(module))):
        instance = instantiate(each, {"e": {"i32": 8, "i64": 0}})
        assert bytes(instance.exports.m[8:20]) == b"\0\0ab\0\0\0\0cd\0\0"
        assert [index for index, entry in enumerate(instance.exports.t) if entry is not None] == [5]


INVALID = (
    ("(global i32 (i32.add (i32.const 1)))", "type mismatch: i32.add"),
    ("(global i32 i32.add)", "type mismatch: i32.add"),
    ("(global i32 (i32.add (i64.const 1) (i32.const 2)))", "type mismatch: i32.add"),
    ("(global i32 (i32.add (f32.const 1) (f32.const 2)))", "type mismatch: i32.add"),
    ("(global i64 (i32.add (i32.const 1) (i32.const 2)))", "type mismatch: an initializer of type i32 for i64"),
    ("(global i32 i32.const 1 i32.const 2)", "type mismatch: an initializer gives one value, this one 2"),
    ("(global i32)", "type mismatch: an initializer gives no value"),
    ("(global i32 (i32.and (i32.const 1) (i32.const 2)))", "constant expression required"),
    ("(global i32 i32.const 1 block end i32.const 1 i32.add)", "constant expression required"),
    ("(global i32 i32.const 1 nop)", "constant expression required"),
    ('(import "e" "m" (global (mut i32))) (global i32 (i32.add (global.get 0) (i32.const 1)))', "constant expression"),
    ("(global i32 (i32.add (global.get 7) (i32.const 1)))", "unknown global 7"),
    ("(global funcref (ref.func 0) (ref.func 0))", "unknown function 0"),
    ('(memory 1) (data (offset i32.const 1 i32.const 1) "")', "type mismatch: an initializer gives one value"),
    ("(table 1 funcref) (elem (offset i64.const 1 i64.const 1 i64.add) funcref)", "an initializer of type i64 for i32"),
    ("(table 1 funcref) (elem (i32.const 0) funcref (item ref.null func ref.null func))", "gives one value"),
)


@pytest.mark.parametrize(("fields", "reason"), INVALID)
def test_what_is_none(fields: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason) as caught:
        validate_and_report_errors(parse_module(f"(module {fields})"))
    assert caught.value.offset is not None


def sum_of_ones(count: int) -> str:
    return "i32.const 1 " * count + "i32.add " * (count - 1)


def test_many_operators() -> None:
    """They may be as deep as their limit lets them; it holds for all together."""
    text = f'(module (global (export "g") i32 {sum_of_ones(50_000)}))'
    assert instantiate(compile(text)).exports.g.value == 50_000
    two = f"(module (global i32 {sum_of_ones(30_000)}) (global i32 {sum_of_ones(30_000)}))"
    with pytest.raises(ImplementationLimitError, match="initializer_operators"):
        compile(two)
    compile(two, config=CompilerConfig(implementation_limits={"initializer_operators": 200_000}))


def test_steps_that_do_not_fit_together() -> None:
    """What a pickle may bring: the machine part proves them before it takes them."""
    module = compile("(module (global i32 (i32.add (i32.const 1) (i32.const 2))))")
    steps = [(0, 1), (0, 2), (2, 0)]
    for wrong in (
        [],
        [(2, 0)],
        [(0, 1), (2, 0)],
        steps[:2],
        [(99, 0)],
        [(-1, 0)],
        [(1, 5)],
        [(1, -1)],
        ["x"],
        [(0, "x")],
    ):
        with pytest.raises((ValueError, TypeError)):
            made_with(module, tuple(wrong))
    assert prepared(module) is not None


def made_with(module: Any, steps: tuple[object, ...]) -> Plan:
    """A plan whose only global is computed by these steps."""
    from wasmer_runtime_core.running import plan

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_initializer", lambda expression: (plan.COMPUTED, steps))
        return plan.make_plan(module)
