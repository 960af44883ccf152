"""Functions that are compiled when they are first called: by every way in, and whatever happens meanwhile."""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import random
import signal
import sys
import threading
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wasmer_runtime import CompilerConfig, Module, WasmException, compile, timeout, vectorize
from wasmer_runtime.error import (
    CompileError,
    ImplementationLimitError,
    InternalError,
    Timeout,
    Trap,
    ValidationError,
)
from wasmer_runtime.middleware import Metering
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.native.machine import statistics
from wasmer_runtime_core.support.checkpoint import checkpoint

BACKENDS = ("singlepass", "cranelift")


class Watched:
    """A backend that tells `before` of each function that it is about to compile."""

    def __init__(self, backend: str, before: Callable[[int], object]) -> None:
        self.compiler: Any = find_compiler(backend)
        self.name = self.compiler.name
        self.features = self.compiler.features
        self.compile = self.compiler.compile
        self.before = before

    def in_parts(self, info: Any, config: Any, body_bytes: int) -> Any:
        return WatchedParts(self.compiler.in_parts(info, config, body_bytes), self.before)


class WatchedParts:
    def __init__(self, parts: Any, before: Callable[[int], object]) -> None:
        self.parts = parts
        self.before = before
        self.checked_memories = parts.checked_memories

    def compile(self, body: Any) -> Any:
        self.before(body.function_index)
        return self.parts.compile(body)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def lazily(text: str, backend: Any, **options: Any) -> Module:
    module = compile(text, backend, lazy=True, cache=False, **options)
    assert module.lazy is not None
    return module


CALLS = """(module
  (type $unary (func (param i32) (result i32)))
  (import "env" "host" (func $host (type $unary)))
  (memory (export "memory") 1)
  (table (export "table") 4 funcref)
  (elem (i32.const 0) $one $two)
  (global (export "function") funcref (ref.func $three))
  (start $begin)
  (func $begin (i32.store (i32.const 8) (call $one (i32.const 4))))
  (func $one (export "one") (type $unary) (i32.add (local.get 0) (i32.const 1)))
  (func $two (type $unary) (i32.mul (local.get 0) (i32.const 2)))
  (func $three (type $unary) (call $host (i32.sub (local.get 0) (i32.const 3))))
  (func $never (export "never") (type $unary) unreachable)
  (func (export "indirect") (param i32 i32) (result i32) (call_indirect (type $unary) (local.get 1) (local.get 0)))
  (func (export "back") (type $unary) (call $host (local.get 0)))
  (func $tail (export "tail") (param i32 i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (return_call $one (local.get 1)))
      (else (return_call $other (i32.sub (local.get 0) (i32.const 1)) (local.get 1)
        (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)))))
  (func $other (param i32 i32 i64 i64 i64 i64 i64 i64) (result i32)
    (return_call $tail (local.get 0) (i32.add (local.get 1) (i32.wrap_i64 (i64.add (local.get 2) (local.get 7)))))))"""


def test_a_function_is_compiled_at_its_first_call_and_once(backend: str) -> None:
    compiled: list[int] = []
    module = lazily(CALLS, Watched(backend, compiled.append))
    assert "lazily, 0 bytes" in repr(module)
    instance = module.instantiate({"env": {"host": lambda value: value * 10}})
    assert compiled == [1, 2]  # the start function, and what it calls
    exports = instance.exports
    assert memoryview(exports.memory)[8] == 5
    assert [exports.one(6) for _ in range(3)] == [7, 7, 7]
    assert compiled == [1, 2]
    assert exports.indirect(1, 6) == 12
    assert compiled == [1, 2, 6, 3]
    assert exports.table[1](21) == 42
    assert exports.function.value(5) == 20
    assert compiled == [1, 2, 6, 3, 4]
    assert exports.tail(1000, 0) == 7001
    assert compiled == [1, 2, 6, 3, 4, 8, 9]
    size = module.code_bytes
    assert 0 < size and module.instantiate({"env": {"host": lambda value: value}}).exports.tail(10, 1) == 72
    assert module.code_bytes == size
    assert compiled == [1, 2, 6, 3, 4, 8, 9]


def test_functions_that_other_instances_import_are_compiled_when_they_call_them(backend: str) -> None:
    compiled: list[int] = []
    module = lazily(
        '(module (func (export "f") (param f64) (result f64) (f64.sqrt (local.get 0))))',
        Watched(backend, compiled.append),
    )
    function = module.instantiate().exports.f
    text = """(module (import "m" "f" (func $f (param f64) (result f64))) (table (export "t") funcref (elem $f))
      (func (export "g") (param f64) (result f64) (call $f (call $f (local.get 0)))))"""
    other = lazily(text, backend).instantiate({"m": {"f": function}}).exports
    assert not compiled
    assert other.g(16) == 2
    assert other.t[0](9) == 3 and other.t[0] == function and hash(other.t[0]) == hash(function)
    assert compiled == [0]


def test_host_functions_that_call_back_compile_on_the_way(backend: str) -> None:
    instance: Any = None

    def host(depth: int) -> int:
        return instance.exports.one(depth) if depth % 2 else instance.exports.back(depth + 1)

    instance = lazily(CALLS, backend).instantiate({"env": {"host": host}})
    assert instance.exports.back(2) == 4


def test_arguments_arrive_in_every_register_and_on_the_stack(backend: str) -> None:
    kinds = random.Random(3)
    for _ in range(12):
        params = [kinds.choice(("i32", "i64", "f32", "f64", "v128")) for _ in range(kinds.randrange(30))]
        names, gets = " ".join(params), " ".join(f"local.get {at}" for at in range(len(params)))
        text = f"""(module (func $same (param {names}) (result {names}) {gets})
          (func (export "f") (param {names}) (result {names}) {gets} call $same))"""
        most = {"i32": 31, "i64": 63, "v128": 128}
        values = [kinds.randrange(1 << most[kind]) if kind in most else float(kinds.randrange(99)) for kind in params]
        results = [compile(text, backend, lazy=lazy, cache=False).instantiate().exports.f(*values) for lazy in (0, 1)]
        assert results[0] == results[1]


def test_arrays_and_calls_without_the_gil(backend: str) -> None:
    text = """(module (func $half (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
      (func (export "f") (param f64) (result f64) (call $half (local.get 0))))"""
    assert list(vectorize(lazily(text, backend).instantiate().exports.f)(array("d", [2, 4, 6]))) == [1, 2, 3]
    assert lazily(text, backend).instantiate().exports.f.released(8) == 4
    assert lazily(text, backend, config=CompilerConfig(release_gil=True)).instantiate().exports.f(8) == 4


EXCEPTIONS = """(module
  (tag $e (param i32))
  (func $throw (param i32) (throw $e (local.get 0)))
  (func $through (param i32 i64 i64 i64) (result i64)
    (call $throw (local.get 0)) (i64.add (local.get 1) (i64.add (local.get 2) (local.get 3))))
  (func (export "catch") (param i32 i64) (result i64) (local i64)
    (local.set 2 (i64.mul (local.get 1) (i64.const 3)))
    (block $caught (result i32)
      (try_table (catch $e $caught)
        (drop (call $through (local.get 0) (local.get 1) (local.get 1) (local.get 1))))
      (i32.const -1))
    (i64.add (i64.extend_i32_s) (i64.add (local.get 1) (local.get 2))))
  (func (export "uncaught") (param i32) (call $throw (local.get 0)))
  (func (export "all") (param i32)
    (block $caught (try_table (catch_all $caught) (call $late (local.get 0)) (return))) unreachable)
  (func $late (export "late") (param i32)))"""


def test_exceptions_pass_functions_that_were_compiled_apart(backend: str) -> None:
    exports = lazily(EXCEPTIONS, backend).instantiate().exports
    assert exports.catch(7, 10) == 47
    with pytest.raises(WasmException) as caught:
        exports.uncaught(4)
    assert [frame.function_index for frame in caught.value.frames] == [0, 3]


def test_traps_name_the_functions_they_passed(backend: str) -> None:
    text = """(module (memory 1) (func $load (param i32) (result i32) (i32.load offset=4 (local.get 0)))
      (func $between (param i32) (result i32) (i32.add (call $load (local.get 0)) (i32.const 1)))
      (func $outer (export "f") (param i32) (result i32) (i32.add (call $between (local.get 0)) (i32.const 1))))"""
    eager, lazy = (compile(text, backend, lazy=lazy, cache=False).instantiate().exports.f for lazy in (False, True))
    for _ in range(2):
        frames = []
        for function in (eager, lazy):
            with pytest.raises(Trap) as caught:
                function(-1)
            frames.append([(frame.function_name, frame.offset) for frame in caught.value.frames])
        assert frames[0] == frames[1] and [name for name, _ in frames[0]] == ["load", "between", "outer"]


def test_recursion_ends_as_ever(backend: str) -> None:
    text = """(module (func $deep (export "deep") (param i32) (result i32)
      (if (result i32) (i32.eqz (local.get 0)) (then (call $leaf (i32.const 1)))
        (else (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))))
      (func $leaf (param i32) (result i32) (local.get 0)))"""
    exports = lazily(text, backend).instantiate().exports
    with pytest.raises(Trap, match="call stack exhausted"):
        exports.deep(-1)
    assert exports.deep(5000) == 5001


def test_what_is_invalid_is_refused_at_once(backend: str) -> None:
    with pytest.raises(ValidationError):
        lazily('(module (func (export "f")) (func (result i32)))', backend)


# --- failures in the middle -------------------------------------------------------------------


def test_a_failure_is_raised_where_the_call_was_and_nothing_is_left_of_it(backend: str) -> None:
    failures = [CompileError("not today"), InternalError("a bug"), KeyboardInterrupt(), MemoryError(), RecursionError()]
    left = list(failures)

    def fail(function: int) -> None:
        if function == 5 and left:
            raise left[0]

    exports = lazily(EXCEPTIONS, Watched(backend, fail)).instantiate().exports
    while left:
        with pytest.raises(type(left[0])) as caught:
            exports.all(1)  # which would catch what WebAssembly may catch
        assert caught.value is left[0]
        with pytest.raises(type(left[0])):
            exports.late(1)
        del left[0]
        if len(left) == 3:
            assert exports.catch(1, 1) == 5  # the others go on
    with pytest.raises(CompileError, match="not today"):
        left.append(failures[0])
        exports.late(1)
    left.clear()
    assert exports.all(1) is None


def test_callers_are_named_in_a_failure(backend: str) -> None:
    text = '(module (func $inner) (func $outer (export "outer") (call $inner)))'

    def fail(function: int) -> None:
        if function == 0:
            raise CompileError("not today")

    with pytest.raises(CompileError) as caught:
        lazily(text, Watched(backend, fail)).instantiate().exports.outer()
    assert "outer" in "".join(getattr(caught.value, "__notes__", ())) or "outer" in str(caught.value)


@pytest.mark.filterwarnings("ignore:function . at byte")  # keeps its locals in memory
def test_code_of_all_functions_together_is_limited(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WASMER_CLIF_CHECK", raising=False)  # to prove these takes a minute
    many = " ".join(["i64"] * 100)
    bodies = "".join(f'(func (export "f{at}") {"(call $give)"} {"(call $same)" * 8} (call $take))' for at in range(4))
    text = f"""(module (import "e" "give" (func $give (result {many}))) (import "e" "same" (func $same (param {many})
      (result {many}))) (import "e" "take" (func $take (param {many}))) {bodies})"""
    limits = CompilerConfig(implementation_limits={"code_bytes": 20_000})
    with pytest.raises(ImplementationLimitError):
        compile(text, backend, limits, cache=False)
    values = tuple(range(100))
    host = {"e": {"give": lambda: values, "same": lambda *same: same, "take": lambda *_: None}}
    exports = lazily(text, backend, config=limits).instantiate(host).exports
    exports.f0()
    with pytest.raises(ImplementationLimitError, match="code_bytes"):
        for at in range(1, 4):
            exports[f"f{at}"]()
    exports.f0()


def test_a_backend_that_publishes_nothing_is_a_bug(backend: str) -> None:
    module = lazily(CALLS, backend)
    lazy: Any = module.lazy
    calls: list[int] = []
    type(lazy).compile_function, real = (
        (lambda self, code, number, /: calls.append(number)),
        type(lazy).compile_function,
    )
    try:
        with pytest.raises(InternalError, match="function 1 was to be compiled"):
            module.instantiate({"env": {"host": abs}})
    finally:
        type(lazy).compile_function = real
    assert calls == [0]


def test_deadlines_end_a_compilation_and_the_next_call_begins_anew(backend: str) -> None:
    slow = [True]

    def spin(function: int) -> None:
        while slow[0]:
            checkpoint()

    exports = (
        lazily('(module (func (export "f") (result i32) (i32.const 7)))', Watched(backend, spin)).instantiate().exports
    )
    with pytest.raises(Timeout), timeout(0.05):
        exports.f()
    slow[0] = False
    assert exports.f() == 7


def test_handlers_of_signals_may_call_the_function_that_is_being_compiled(backend: str) -> None:
    results: list[int] = []
    compiled: list[int] = []
    exports: Any = None

    def interrupted(function: int) -> None:
        compiled.append(function)
        if len(compiled) == 1:
            signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: results.append(exports.f(1)))
    try:
        text = '(module (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))'
        module = lazily(text, Watched(backend, interrupted))
        exports = module.instantiate().exports
        assert exports.f(5) == 6 and results == [2] and compiled == [0, 0]
        size = module.code_bytes
        assert exports.f(6) == 7 and module.code_bytes == size  # the code of one of the two
    finally:
        signal.signal(signal.SIGUSR1, before)


# --- threads, processes, greenlets --------------------------------------------------------------


@pytest.mark.parametrize("release_gil", [False, True])
def test_threads_that_call_a_function_first(backend: str, release_gil: bool) -> None:
    """All are inside of the compilation of one function at once, and each finds its own arguments."""
    count = 6
    meet = threading.Barrier(count)
    met: list[int] = []

    def together(function: int) -> None:
        if function == 0:
            met.append(function)
            meet.wait(60)

    text = """(module (func $f (param i64 f64 i32) (result f64)
        (f64.add (f64.convert_i64_s (local.get 0)) (f64.mul (local.get 1) (f64.convert_i32_s (local.get 2)))))
      (func (export "g") (param i64 f64 i32) (result f64) (call $f (local.get 0) (local.get 1) (local.get 2))))"""
    module = lazily(text, Watched(backend, together), config=CompilerConfig(release_gil=release_gil))
    calls = [module.instantiate().exports.g for _ in range(count)]
    results: dict[int, float] = {}

    def call(number: int) -> None:
        results[number] = calls[number](number, 0.5, number * 2)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(met) == count and results == {number: number * 2.0 for number in range(count)}


def test_many_functions_from_threads_at_once(backend: str) -> None:
    count = 60
    functions = "".join(
        f'(func $f{at} (export "f{at}") (param i32) (result i32) (i32.add (i32.const {at}) '
        f"{f'(call $f{at // 2} (local.get 0))' if at else '(local.get 0)'}))"
        for at in range(count)
    )
    module = lazily(f"(module {functions})", backend)

    def expected(at: int, value: int) -> int:
        return at + (expected(at // 2, value) if at else value)

    wrong: list[tuple[int, int]] = []

    def call(seed: int) -> None:
        exports = module.instantiate().exports
        numbers = random.Random(seed)
        for _ in range(200):
            at = numbers.randrange(count)
            if exports[f"f{at}"](seed) != expected(at, seed):
                wrong.append((seed, at))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=call, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


def test_a_forked_child_compiles_for_itself(backend: str) -> None:
    """One that is forked in the middle of a compilation, too; neither sees the other's code."""
    children: list[int] = []

    def fork(function: int) -> None:
        if function == 0 and not children:
            children.append(os.fork())

    text = """(module (func $f (param i32) (result i32) (i32.add (local.get 0) (call $later (local.get 0))))
      (func $later (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
      (func (export "g") (param i32) (result i32) (call $f (local.get 0))))"""
    exports = lazily(text, Watched(backend, fork)).instantiate().exports
    ends = 1
    try:
        ends = 0 if exports.g(5) == 20 and exports.g(6) == 24 else 1
    finally:
        if children and children[0] == 0:
            os._exit(ends)
    assert ends == 0
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0


def test_greenlets_switch_amid_a_compilation(backend: str) -> None:
    greenlet = pytest.importorskip("greenlet", reason="greenlet is not installed")
    compiled: list[int] = []

    def switch(function: int) -> None:
        compiled.append(function)
        greenlet.getcurrent().parent.switch("compiling")

    text = '(module (func (export "f") (param i64) (result i64) (i64.add (local.get 0) (i64.const 1))))'
    module = lazily(text, Watched(backend, switch))
    calls = [greenlet.greenlet(module.instantiate().exports.f) for _ in range(3)]
    assert [call.switch(number * 10) for number, call in enumerate(calls)] == ["compiling"] * 3
    assert [call.switch() for call in reversed(calls)] == [21, 11, 1]
    assert compiled == [0, 0, 0]


# --- what comes of it ----------------------------------------------------------------------------


def test_stored_and_pickled_as_if_it_had_been_compiled_at_once(backend: str) -> None:
    eager, lazy = compile(CALLS, backend, cache=False), lazily(CALLS, backend)
    lazy.instantiate({"env": {"host": abs}})
    assert lazy.serialize() == eager.serialize()
    again = pickle.loads(pickle.dumps(lazy))
    assert again.lazy is None and again.instantiate({"env": {"host": abs}}).exports.one(1) == 2
    assert lazy.backend == eager.backend == backend


def test_middlewares_and_deterministic_results(backend: str) -> None:
    text = """(module (func $nan (param f64) (result i64) (i64.reinterpret_f64 (f64.sub (local.get 0) (local.get 0))))
      (func (export "f") (param f64) (result i64) (call $nan (local.get 0))))"""
    config = CompilerConfig(deterministic=True, middlewares=(Metering(limit=1000),))
    eager, lazy = (compile(text, backend, config, False, lazy).instantiate() for lazy in (False, True))
    for instance in (eager, lazy):
        assert instance.exports.f(float("-inf")) == 0x7FF8_0000_0000_0000
    from wasmer_runtime.middleware import get_points_used

    assert get_points_used(lazy) == get_points_used(eager) > 0


def test_code_goes_with_its_module(backend: str) -> None:
    """Also while a Function, or another instance, still has it."""
    gc.collect()
    before = statistics()["code_pages"]
    functions = "".join(f'(func (export "f{at}") (result i32) (i32.const {at}))' for at in range(40))
    exports = lazily(f"(module {functions})", backend).instantiate().exports
    assert [exports[f"f{at}"]() for at in range(40)] == list(range(40))
    assert statistics()["code_pages"] >= before + 40
    last = exports.f7
    del exports
    gc.collect()
    assert last() == 7
    del last
    gc.collect()
    assert statistics()["code_pages"] == before


def test_the_cache_is_asked_and_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setenv("WASMER_CACHE_DIR", str(tmp_path / "cache"))
    text = f"""(module (memory 1) (data (i32.const 0) "{"x" * 65536}")
      (func (export "f") (result i32) (i32.load8_u (i32.const 9))))"""
    assert compile(text, backend, lazy=True).lazy is not None
    assert compile(text, backend, lazy=True).lazy is not None
    compile(text, backend)
    found = compile(text, backend, lazy=True)
    assert found.lazy is None and found.instantiate().exports.f() == ord("x")


def test_backends_that_compile_whole_modules_do() -> None:
    class Whole:
        name = "whole"
        compile = find_compiler("singlepass").compile

    module = compile('(module (func (export "f") (result i32) (i32.const 3)))', Whole(), lazy=True)
    assert module.lazy is None and module.instantiate().exports.f() == 3


def test_the_addresses_of_functions_stay_what_they_are(backend: str) -> None:
    exports = lazily(CALLS, backend).instantiate({"env": {"host": abs}}).exports
    function = exports.never
    address, equal = function.address, exports.table[0]
    with pytest.raises(Trap):
        function(0)
    assert function.address == address and exports.table[0] == equal
    assert ctypes.c_uint16.from_address(address).value == 0x25FF  # jmp [rip + …], docs/tiers.md
