"""Modules of WebAssembly through this compiler alone: verified, proved, run.

The specification's scripts say much more: `test_scripts`.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wasmer_clif_backend.compiler import CraneliftCompiler
from wasmer_clif_backend.ir.printer import print_function
from wasmer_clif_backend.translate.function import Translator
from wasmer_clif_backend.translate.view import ModuleView
from wasmer_runtime_core.compiling.middleware import CallTrace, Metering
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.validation.validate import validate_module


def instance(text: str, **config: Any) -> Any:
    """An instance of a module without imports."""
    decoded = decode_module(parse_module(text))
    bodies: Any = validate_module(decoded)
    configuration = CompilerConfig(**config)
    for middleware in configuration.middlewares:
        assert callable(middleware)
        bodies = middleware(decoded.info, bodies)
    compiled = CraneliftCompiler(prove=True).compile(decoded.info, bodies, configuration)
    return Instance(Module(decoded.info, compiled), []).exports


MODULE = """
(module
  (memory 1)
  (global $g (mut i64) (i64.const 5))
  (table funcref (elem $double $half))
  (type $unary (func (param i32) (result i32)))
  (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func $half (param i32) (result i32) (i32.div_s (local.get 0) (i32.const 2)))
  (func $factorial (export "factorial") (param i64) (result i64)
    (if (result i64) (i64.eqz (local.get 0))
      (then (i64.const 1))
      (else (i64.mul (local.get 0) (call $factorial (i64.sub (local.get 0) (i64.const 1)))))))
  (func (export "sum") (param $n i32) (result i32) (local $s i32)
    (loop $next
      (local.set $s (i32.add (local.get $s) (local.get $n)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $next (local.get $n)))
    (local.get $s))
  (func (export "store") (param i32 i32) (i32.store offset=4 (local.get 0) (local.get 1)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "far") (param i32) (result i32) (i32.load8_u offset=0xffffffff (local.get 0)))
  (func $three (export "three") (param i32) (result i32 i64 f64) (local.get 0) (i64.const 7) (f64.const 1.5))
  (func (export "use_three") (param i32) (result f64 i64 i32) (local $a f64) (local $b i64)
    (call $three (local.get 0)) (local.set $a) (local.set $b)
    (local.set 0) (local.get $a) (local.get $b) (local.get 0))
  (func (export "indirect") (param i32 i32) (result i32)
    (call_indirect (type $unary) (local.get 1) (local.get 0)))
  (func $forever (export "forever") (call $forever))
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "whole") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "count") (result i64) (global.set $g (i64.add (global.get $g) (i64.const 1))) (global.get $g))
  (func (export "grow") (param i32) (result i32) (drop (memory.grow (local.get 0))) (memory.size))
  (func (export "pick") (param i32) (result i32)
    (block $a (block $b (block $c (br_table $c $b $a (local.get 0))) (return (i32.const 10))) (return (i32.const 11)))
    (i32.const 12))
  (func (export "lanes") (param i32) (result i32)
    (i32x4.extract_lane 2 (i32x4.mul (i32x4.splat (local.get 0)) (v128.const i32x4 1 2 3 4))))
  (func (export "least") (param f64 f64) (result f64) (f64.min (local.get 0) (local.get 1)))
)
"""


@pytest.mark.parametrize("mode", ["default", "enable"])
def test_a_module(mode: str) -> None:
    e = instance(MODULE, memory_bound_check_mode=mode)
    assert e.factorial(20) == 2432902008176640000
    assert e.sum(1000) == 500500
    e.store(0, 42)
    assert e.load(4) == 42
    assert tuple(e.three(3)) == (3, 7, 1.5)
    assert tuple(e.use_three(3)) == (1.5, 7, 3)
    assert [e.indirect(0, 21), e.indirect(1, -7)] == [42, -3]
    assert [e.count(), e.count()] == [6, 7]
    assert e.grow(2) == 3
    assert [e.pick(n) for n in (0, 1, 2, -1)] == [10, 11, 12, 12]
    assert e.lanes(5) == 15
    assert math.copysign(1, e.least(0.0, -0.0)) == -1
    assert math.isnan(e.least(1.0, math.nan))


TRAPS = [
    ("load", (3 * 65536,), "out of bounds memory access"),
    ("load", (-1,), "out of bounds memory access"),
    ("far", (-1,), "out of bounds memory access"),
    ("forever", (), "call stack exhausted"),
    ("divide", (1, 0), "integer divide by zero"),
    ("divide", (-(2**31), -1), "integer overflow"),
    ("whole", (math.nan,), "invalid conversion to integer"),
    ("whole", (2.0**31,), "integer overflow"),
    ("indirect", (2, 0), "undefined element"),
]


@pytest.mark.parametrize("mode", ["default", "enable"])
@pytest.mark.parametrize(("name", "arguments", "reason"), TRAPS)
def test_traps(name: str, arguments: tuple[Any, ...], reason: str, mode: str) -> None:
    e = instance(MODULE, memory_bound_check_mode=mode)
    with pytest.raises(Trap, match=reason) as raised:
        getattr(e, name)(*arguments)
    assert raised.value.frames


def test_backtraces_name_the_way_and_the_place() -> None:
    e = instance("""
      (module
        (func $inner (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
        (func $outer (export "outer") (param i32) (result i32) (i32.add (call $inner (local.get 0)) (i32.const 1))))
    """)
    with pytest.raises(Trap) as raised:
        e.outer(0)
    assert [frame.function_index for frame in raised.value.frames] == [0, 1]
    assert e.outer(1) == 2


def test_metering_ends_a_loop() -> None:
    text = '(module (func (export "spin") (loop $l (br $l))))'
    e = instance(text, middlewares=(Metering(10_000),))
    with pytest.raises(Trap, match="execution limit exceeded"):
        e.spin()


def test_traces_are_calls_of_the_helper() -> None:
    """With kind, function and position, behind the vmctx."""
    decoded = decode_module(parse_module('(module (func (export "f") (param i32) (result i32) (local.get 0)))'))
    bodies: Any = CallTrace()(decoded.info, validate_module(decoded))
    view = ModuleView(decoded.info)
    text = print_function(Translator(view, False).translate(bodies[0]))
    assert "%trace sig" in text
    assert "call fn0(v0, v5, v5, v5, v6)" in text


def test_many_locals_and_values_are_spilled_right() -> None:
    """Sixty values, each used again behind calls and in a loop."""
    count = 60
    sets = "".join(f"(local.set {n} (i32.add (local.get 0) (i32.const {n * n})))" for n in range(1, count))
    sums = "".join(f"(local.set {count} (i32.add (local.get {count}) (local.get {n})))" for n in range(1, count))
    e = instance(f"""
      (module
        (func $id (param i32) (result i32) (local.get 0))
        (func (export "f") (param i32) (result i32) (local {"i32 " * (count + 1)})
          {sets}
          (local.set {count + 1} (i32.const 3))
          (loop $l
            {sums}
            (local.set 1 (call $id (local.get 2)))
            (local.set {count + 1} (i32.sub (local.get {count + 1}) (i32.const 1)))
            (br_if $l (local.get {count + 1})))
          (local.get {count})))
    """)
    values = {n: 7 + n * n for n in range(1, count)}
    total = 0
    for _ in range(3):
        total += sum(values.values())
        values[1] = values[2]
    assert e.f(7) == total


@pytest.mark.parametrize(
    ("chain", "top", "value"),
    [
        ("local.get 1 f64.copysign", "f64.abs", 5.0),
        ("local.get 1 f64.copysign", "f64.neg", 5.0),
        ("f64.neg", "f64.abs", 5.0),
        ("local.get 1 f64.copysign f64.neg", "f64.abs", 5.0),
    ],
)
def test_signs_of_signs(chain: str, top: str, value: float) -> None:
    """As many as a function has room for: what simplifies them goes through them, it does not call itself for each."""
    text = f'(module (func (export "f") (param f64 f64) (result f64) local.get 0 {f"{chain} " * 1200} {top}))'
    decoded = decode_module(parse_module(text))
    compiled = CraneliftCompiler().compile(decoded.info, validate_module(decoded), CompilerConfig())
    assert Instance(Module(decoded.info, compiled), []).exports.f(5.0, -1.0) == value


def test_two_threads_make_the_same_code() -> None:
    """Compilations share nothing that is written."""
    decoded = decode_module(parse_module(MODULE))
    bodies = validate_module(decoded)

    def code() -> bytes:
        return CraneliftCompiler().compile(decoded.info, bodies, CompilerConfig()).code

    alone = code()
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: code(), range(12))) == {alone}
