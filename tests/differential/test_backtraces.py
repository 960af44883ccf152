"""Backtraces of code with inlined calls are those of code without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.differential.backtraces import backtrace, differing_backtraces
from tests.differential.generate import Program
from tests.differential.variants import llvm_at
from wasmer_clif_backend import CraneliftCompiler
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.contract.compiler import Compiler
from wasmer_runtime_core.running.instance import Instance
from wasmer_singlepass_backend import SinglepassCompiler

DEEP = """(module
  (import "env" "host" (func $host (param i32)))
  (memory 1)
  (table 5 funcref)
  (elem (i32.const 0) $divide $nothing $late_frame)
  (type $binary (func (param i32 i32) (result i32)))
  (func $nothing)
  (func $divide (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func $late_frame (param i32 i32) (result i32) (i32.div_u (i32.load (local.get 0)) (local.get 1)))
  (func $stop (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
  (func $load (param i32) (result i64) (i64.load offset=3 (local.get 0)))
  (func $store (param i32) (f64.store (local.get 0) (f64.const 1)))
  (func $truncate (param f32) (result i32) (i32.trunc_f32_s (local.get 0)))
  (func $tell (param i32) (call $host (local.get 0)))
  (func $indirect (param i32) (result i32) (call_indirect (type $binary) (i32.const 1) (i32.const 2) (local.get 0)))
  (func $far (param i32 i32) (result i32)
    (i32.add (call_indirect (type $binary) (local.get 0) (local.get 1) (i32.const 2)) (i32.const 1)))
  (func $fill (param i32) (memory.fill (local.get 0) (i32.const 0) (i32.const 16)))
  (func $get (param i32) (drop (table.get 0 (local.get 0))))

  (func $all (param i32 i32) (result i32)
    (call $stop (local.get 1))
    (drop (call $load (local.get 0)))
    (call $tell (local.get 0))
    (call $divide (local.get 0) (i32.sub (local.get 1) (i32.const 1))))
  (func $twice (param i32 i32) (result i32)
    (i32.add (call $all (local.get 0) (i32.const 5)) (call $all (i32.const 1) (local.get 1))))
  (func (export "unreachable") (param i32) (call $stop (i32.const 1)) (call $stop (local.get 0)))
  (func (export "twice") (param i32 i32) (result i32) (call $twice (local.get 0) (local.get 1)))
  (func (export "swapped") (param i32 i32) (result i32)
    (i32.xor (call $twice (local.get 1) (local.get 0)) (call $divide (local.get 0) (local.get 1))))
  (func (export "store") (param i32) (call $store (i32.const 8)) (call $store (local.get 0)))
  (func (export "truncate") (param f32) (result i32) (call $truncate (local.get 0)))
  (func (export "indirect") (param i32) (result i32) (call $indirect (local.get 0)))
  (func (export "late frame") (param i32 i32) (result i32) (call $far (local.get 0) (local.get 1)))
  (func (export "helpers") (param i32 i32) (call $fill (local.get 0)) (call $get (local.get 1)))
  (func $loop (export "loop") (param i32) (result i32) (local i32 i32)
    (loop $again
      (local.set 2 (i32.add (local.get 2) (call $divide (i32.const 100) (i32.sub (local.get 0) (local.get 1)))))
      (br_if $again (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 4))))
    (local.get 2))
  (func $down (export "down") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (call $divide (i32.const 1) (local.get 0)))))
  (func $even (export "even") (param i32) (result i32)
    (call $stop (local.get 0))
    (i32.mul (call $odd (i32.sub (local.get 0) (i32.const 1))) (i32.const 3)))
  (func $odd (param i32) (result i32)
    (call $stop (local.get 0))
    (i32.add (call $even (i32.sub (local.get 0) (i32.const 1))) (i32.const 7))))
"""

TRAPS = [
    *(("unreachable", (0,)), ("store", (-1,)), ("truncate", (1e20,)), ("truncate", (float("nan"),))),
    *((name, pair) for name in ("twice", "swapped") for pair in ((1, 1), (1, 0), (0, 1), (-1, -1), (-8, -4))),
    *(("indirect", (at,)) for at in (1, 3, 4, 5, -1)),
    *(("late frame", pair) for pair in ((-1, 1), (65533, 0), (0, 0))),
    *(("helpers", pair) for pair in ((-1, 0), (65536, 0), (0, 5), (0, -1))),
    *(("loop", (at,)) for at in range(4)),
    *(("down", (depth,)) for depth in (0, 1, 2, 3, 10, 62, 63, 64, 200)),
    *(("even", (depth,)) for depth in (0, 1, 2, 3, 10, 100)),
]


OPTIMISING: Final[dict[str, Callable[[], Compiler]]] = {
    "cranelift": lambda: CraneliftCompiler(),
    "llvm": lambda: llvm_at(1),
}


@pytest.fixture(scope="module", params=("cranelift", 0, 1, 2, 3), ids=lambda level: f"opt_level={level}")
def both(request: pytest.FixtureRequest) -> tuple[Callable[..., Instance], Callable[..., Instance]]:
    plain = compile_with(DEEP, SinglepassCompiler())
    optimised = compile_with(DEEP, CraneliftCompiler() if request.param == "cranelift" else llvm_at(request.param))
    assert plain.compiled.inlined == b""
    if request.param != "cranelift":
        assert bool(optimised.compiled.inlined) == bool(request.param)

    def maker(module: object) -> Callable[..., Instance]:
        return lambda host=lambda value: None: module.instantiate({"env": {"host": host}})  # type: ignore[attr-defined]

    return maker(plain), maker(optimised)


@pytest.mark.parametrize(("name", "arguments"), TRAPS)
def test_traps(both: tuple[Callable[..., Instance], ...], name: str, arguments: tuple[int | float, ...]) -> None:
    expected, actual = (backtrace(make(), name, arguments) for make in both)
    assert expected is not None and expected == actual


@pytest.mark.parametrize("wanted", (1, 9))
def test_exceptions_of_host_functions(both: tuple[Callable[..., Instance], ...], wanted: int) -> None:
    def host(value: int) -> None:
        if value == wanted:
            raise KeyError(value)

    notes = []
    for make in both:
        with pytest.raises(KeyError) as caught:
            make(host).exports["swapped"](7, 9)
        notes.append(caught.value.__notes__)
    assert notes[0] == notes[1] and "twice" in notes[0][0]


def test_a_host_function_that_calls_back(both: tuple[Callable[..., Instance], ...]) -> None:
    found = []
    for make in both:
        instance = make(lambda value: instance.exports["unreachable"](0) if value == 3 else None)  # noqa: B023
        found.append(backtrace(instance, "twice", (3, 4)))
    assert found[0] == found[1]
    assert [name for _, name, _ in found[0][1]] == ["stop", "unreachable", "tell", "all", "twice", "twice"]


FOLDED = {
    "add": "(i32.add (i32.load (local.get 0)) (local.get 1))",
    "sub in memory": "(i32.store (local.get 0) (i32.sub (i32.load (local.get 0)) (local.get 1))) (i32.const 0)",
    "or of a byte": "(i32.store8 offset=7 (local.get 0) (i32.or (i32.load8_u offset=7 (local.get 0)) (i32.const 5)))"
    " (i32.const 0)",
    "wider than what was loaded": "(i32.store (local.get 0) (i32.load16_u (local.get 0))) (i32.const 0)",
    "compare": "(i32.lt_s (local.get 1) (i32.load (local.get 0)))",
    "compare and branch": "(if (result i32) (i32.gt_u (i32.load (local.get 0)) (local.get 1))"
    " (then (i32.load offset=4 (local.get 0))) (else (i32.load offset=8 (local.get 0))))",
    "test and branch": "(if (result i32) (i32.and (i32.load8_u (local.get 0)) (i32.const 4))"
    " (then (i32.const 3)) (else (i32.load offset=8 (local.get 0))))",
    "select": "(select (i32.load (local.get 0)) (i32.const 5) (i32.eqz (local.get 1)))",
    "extend": "(i32.wrap_i64 (i64.mul (i64.load32_s (local.get 0)) (i64.load16_u (local.get 1))))",
    "divide": "(i32.div_u (i32.load (local.get 0)) (i32.const 7))",
    "float": "(i32.trunc_sat_f64_s (f64.mul (f64.load (local.get 0)) (f64.promote_f32 (f32.load (local.get 1)))))",
    "convert": "(i32.trunc_sat_f64_s (f64.sqrt (f64.convert_i32_s (i32.load (local.get 0)))))",
    "vector": "(i32x4.extract_lane 2 (i32x4.add (v128.load (local.get 0)) (v128.load32_splat (local.get 1))))",
    "lane": "(i8x16.extract_lane_u 3 (v128.load8_lane 3 (local.get 0) (i8x16.splat (local.get 1))))",
    "chain": "(i32.xor (i32.shl (i32.load (local.get 1)) (i32.const 2)) (i32.load (local.get 0)))",
}
"""Loads that compilers make part of other instructions."""


@pytest.mark.parametrize("backend", OPTIMISING)
@pytest.mark.parametrize("body", FOLDED.values(), ids=FOLDED)
def test_loads_that_became_part_of_other_instructions(body: str, backend: str) -> None:
    optimising = OPTIMISING[backend]()
    for front in ("", "(i32.store offset=16 (i32.const 0) (i32.load offset=32 (i32.const 0)))"):
        module = f"""(module (memory 1)
            (func $g (param i32 i32) (result i32) {front} {body})
            (func (export "f") (param i32 i32) (result i32)
                (i32.add (call $g (i32.const 8) (i32.const 8)) (call $g (local.get 0) (local.get 1)))))"""
        for arguments in ((-8, 0), (-8, -1), (65534, 4), (4, -1)):
            expected, actual = (
                backtrace(compile_with(module, compiler).instantiate({}), "f", arguments)
                for compiler in (SinglepassCompiler(), optimising)
            )
            assert expected == actual, arguments


@pytest.mark.parametrize("backend", OPTIMISING)
@pytest.mark.parametrize("size", (3, 5))
def test_random_programs(size: int, backend: str) -> None:
    optimising = OPTIMISING[backend]()
    traps = 0
    for seed in range(2000 * size, 2000 * size + 60):
        count, found = differing_backtraces(Program(seed, size), optimising)
        assert found == [], f"seed {seed}"
        traps += count
    assert traps > 10
