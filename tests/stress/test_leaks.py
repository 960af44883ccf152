"""Nothing leaks: resident memory stays flat over the counts that are promised, scaled down by default."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from typing import Any

from tests.stress.isolated import isolated, resident_bytes, scaled
from wasmer_runtime import Global, Memory, Value, compile, instantiate, timeout
from wasmer_runtime.error import LinkError, Trap
from wasmer_runtime_core.native.machine import statistics

MODULE = """(module
  (import "h" "f" (func $f (param externref) (result i32)))
  (memory (export "memory") 1)
  (table (export "table") 4 funcref)
  (table (export "objects") 4 externref)
  (global (export "object") (mut externref) (ref.null extern))
  (global (export "number") (mut i64) (i64.const 5))
  (elem (i32.const 0) $one)
  (func $one (export "one") (result i32) (i32.store (i32.const 8) (i32.const 1)) i32.const 1)
  (func (export "trap") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then unreachable)) (i32.load (local.get 0)))
  (func (export "host") (param externref) (result i32) (call $f (local.get 0)))
  (func (export "pass") (param externref funcref) (result funcref externref)
    (table.set 1 (i32.const 0) (local.get 0)) (table.set 0 (i32.const 1) (local.get 1))
    (global.set 0 (local.get 0)) (local.get 1) (table.get 1 (i32.const 0))))"""


def stays_flat(step: Callable[[], Any], count: int, allowed: int = 512 * 1024) -> None:
    """Memory after `count` steps is what it was after a tenth of them, but for `allowed` bytes and
    one byte per ten steps, which no leak of an object could stay under."""
    count = scaled(count)
    for _ in range(max(300, count // 10)):
        step()
    gc.collect()
    before, statistics_before = resident_bytes(), statistics()
    for _ in range(count):
        step()
    gc.collect()
    grown = resident_bytes() - before
    after = statistics()
    assert grown < allowed + count / 10, f"{grown} bytes more after {count} steps"
    for name in ("code_pages", "signatures"):
        assert after[name] == statistics_before[name], (statistics_before, after)


def module() -> Any:
    return compile(MODULE)


def calls(value: object) -> int:
    return 1


@isolated()
def test_instantiate_call_drop() -> None:
    compiled = module()

    def step() -> None:
        exports = compiled.instantiate({"h": {"f": calls}}).exports
        exports.one()
        exports.memory[5] = 1
        exports.objects[1] = exports.table[0] = exports.one
        exports.object.value = exports

    stays_flat(step, 100_000, allowed=2 << 20)


@isolated()
def test_instances_in_cycles() -> None:
    compiled = module()

    def step() -> None:
        box: list[Any] = []
        box.append(compiled.instantiate({"h": {"f": lambda value: len(box)}}))
        box[0].exports.host(box)
        box[0].exports.object.value = box

    stays_flat(step, 50_000, allowed=4 << 20)


@isolated()
def test_traps() -> None:
    exports = module().instantiate({"h": {"f": calls}}).exports

    def step() -> None:
        for at in (0, -1, -1, 0):
            try:
                exports.trap(at)
            except Trap as trap:
                last = trap  # noqa: F841

    stays_flat(step, 250_000)


@isolated()
def test_host_exceptions() -> None:
    def fail(value: object) -> int:
        raise ZeroDivisionError(value)

    exports = module().instantiate({"h": {"f": fail}}).exports
    text = module().instantiate({"h": {"f": lambda value: "x"}}).exports

    def step() -> None:
        try:
            exports.host(fail)
        except ZeroDivisionError:
            pass
        try:
            text.host(exports)
        except TypeError:
            pass

    stays_flat(step, 500_000)


@isolated()
def test_references_that_come_and_go() -> None:
    exports = module().instantiate({"h": {"f": calls}}).exports
    other = module().instantiate({"h": {"f": calls}}).exports

    def step() -> None:
        value = [1, 2, 3]
        assert exports["pass"](value, other.one)[1] is value
        exports.host(value)
        exports.object.value = object()
        exports.objects[2] = "x" * 100
        exports.table[2] = other.host
        exports.table[2] = None

    stays_flat(step, 300_000)


@isolated()
def test_wrong_calls() -> None:
    exports = module().instantiate({"h": {"f": calls}}).exports

    class Odd:
        def __index__(self) -> int:
            raise KeyError

    def step() -> None:
        for call in (
            lambda: exports.trap("x"), lambda: exports.trap(2**40), lambda: exports.trap(), lambda: exports.trap(Odd()),
            lambda: exports.trap(1, 2), lambda: exports.trap(x=1), lambda: exports.nothing, lambda: exports["x"],
            lambda: exports["pass"](1, 1), lambda: exports.memory.read(-1, 5), lambda: exports.table.set(1, 1),
            lambda: exports.table[99], lambda: exports.memory.grow(70000), lambda: exports.number.set("x"),
        ):  # fmt: skip
            try:
                call()
            except (TypeError, OverflowError, KeyError, IndexError, Exception):
                pass

    stays_flat(step, 20_000)


@isolated()
def test_compile_and_drop() -> None:
    def step() -> None:
        exports = compile('(module (func (export "f") (result i32) i32.const 1) (memory 1))').instantiate().exports
        exports.f()
        try:
            compile("(module (func (result i32)))")
        except Exception:
            pass

    stays_flat(step, 20_000, allowed=2 << 20)


@isolated()
def test_memories_globals_functions_and_deadlines() -> None:
    exports = module().instantiate({"h": {"f": calls}}).exports
    core = instantiate(MODULE, {"h": {"f": calls}}).core

    def step() -> None:
        memory = Memory(2, 9)
        memory.grow(3)
        memory.view("u64")[5] = 1
        memory.write(8, memory.read(0, 1000))
        Global(Value.EXTERNREF([memory]), True).value = memory
        with timeout(5):
            exports.one()
        core.function(1)()
        core.global_(1).set_bits(5)
        str(exports.one.__doc__), exports.one.__signature__

    stays_flat(step, 100_000, allowed=1 << 20)


@isolated()
def test_failed_instantiations() -> None:
    start = compile("(module (memory 1) (table 1 funcref) (func $s unreachable) (elem (i32.const 0) $s) (start $s))")
    segment = compile('(module (memory 1) (data (i32.const 65536) "x"))')
    wanting = module()

    def step() -> None:
        for attempt in (
            start.instantiate,
            segment.instantiate,
            wanting.instantiate,
            lambda: wanting.instantiate({"h": {"f": 1}}),
        ):
            try:
                attempt()
            except Exception as error:
                assert str(error)

    stays_flat(step, 50_000, allowed=2 << 20)


@isolated()
def test_modules_that_are_all_different() -> None:
    """A host of strangers' modules: new types, names and exports each time, and all that is asked about them."""
    numbers = itertools.count()

    def step() -> None:
        number = next(numbers)
        types = "".join(("i32 ", "i64 ", "f32 ", "f64 ")[number >> 2 * at & 3] for at in range(12))
        name = f"name{number}"
        text = f"""(module ${name}
          (import "{name}" "{name}" (func $h (param {types})))
          (memory (export "memory{number}") 1) (table (export "table{number}") 2 funcref)
          (global (export "global{number}") (mut externref) (ref.null extern))
          (elem (i32.const 0) $h ${name})
          (func ${name} (export "{name}") (param ${name} {types[:4]}) unreachable))"""
        exports = instantiate(text, {name: {name: lambda *arguments: None}}).exports
        assert f"{name}" in dir(exports) and len(exports) == 4
        function = exports[name]
        assert name in repr(function) and str(function.__doc__) and function.__signature__
        exports[f"global{number}"].value = name
        exports[f"table{number}"][1] = exports[f"table{number}"][0]
        try:
            function(number & 7)
        except Trap as trap:
            assert name in "".join(trap.__notes__)
        try:
            instantiate(text)
        except LinkError as error:
            assert name in str(error)

    stays_flat(step, 20_000, allowed=2 << 20)
