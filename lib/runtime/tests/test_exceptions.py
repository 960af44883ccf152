"""Exceptions of WebAssembly as they run: thrown and caught in both encodings, through Python, and out of it."""

from __future__ import annotations

import gc
import pickle
import signal
import sys
import threading
import weakref
from typing import Any

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.middleware.metering import Metering
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import ExitCode, LinkError, Timeout, Trap, Uncatchable
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.running.objects.limits import Limits
from wasmer_runtime_core.running.objects.tags import Tag, WasmException

BACKENDS = ("singlepass", "cranelift", "llvm")
"""Those that compile them."""


@pytest.fixture(params=BACKENDS)
def compile(request: pytest.FixtureRequest) -> Any:
    compiler = find_compiler(request.param)

    def compiled(fields: str, **settings: Any) -> Module:
        return compile_with(f"(module {fields})", compiler, CompilerConfig(**settings))

    return compiled


def instantiate(module: Module, **imports: Any) -> Instance:
    return module.instantiate({"e": imports})


THROWERS = """
  (import "e" "host" (func $host (param i32)))
  (import "e" "t" (tag $t (param i32)))
  (tag $e (export "tag") (param i32 i64 f32 f64)) (tag $n)
  (func $throws (param i32)
    (if (i32.eq (local.get 0) (i32.const 1))
      (then (throw $e (i32.const 7) (i64.const -8) (f32.const 0.5) (f64.const 1.5))))
    (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $n)))
    (if (i32.eq (local.get 0) (i32.const 3)) (then (throw $t (i32.const 33))))
    (if (i32.eq (local.get 0) (i32.const 4)) (then unreachable))
    (call $host (local.get 0)))
  (func (export "throws") (param i32) (call $throws (local.get 0)))"""

# Each tells what was caught, and what became of locals of all kinds that are written before the call.
LOCALS = """(local $a i32) (local $b i64) (local $c f32) (local $d f64)
    (local.set $a (i32.const 1000)) (local.set $b (i64.const 2000)) (local.set $c (f32.const 0.25))
    (local.set $d (f64.const 0.125))"""
RUN = """(local.set $a (i32.add (local.get $a) (i32.const 1)))
    (local.set $c (f32.add (local.get $c) (f32.const 1)))
    (call $throws (local.get 0))
    (local.set $a (i32.add (local.get $a) (i32.const 100)))"""
SUM = """(f64.add (f64.add (f64.convert_i32_s (local.get $a)) (f64.convert_i64_s (local.get $b)))
    (f64.add (f64.promote_f32 (local.get $c)) (local.get $d)))"""
TABLED = f"""{THROWERS}
  (func (export "catch") (param i32) (result f64 i32) {LOCALS}
    (block $any
      (block $i (result i32)
        (block $h (result i32 i64 f32 f64)
          (try_table (catch $e $h) (catch $t $i) (catch_all $any) {RUN}
            (return {SUM} (i32.const 0)))
          unreachable)
        (local.set $d) (local.set $c) (local.set $b) (local.set $a)
        (return {SUM} (i32.const 1)))
      (local.set $a) (return {SUM} (i32.const 2)))
    {SUM} (i32.const 3))"""
LEGACY = f"""{THROWERS}
  (func (export "catch") (param i32) (result f64 i32) {LOCALS}
    try {RUN} {SUM} i32.const 0 return
    catch $e (local.set $d) (local.set $c) (local.set $b) (local.set $a) {SUM} i32.const 1 return
    catch $t (local.set $a) {SUM} i32.const 2 return
    catch_all {SUM} i32.const 3 return
    end unreachable)"""

WANTED = {
    0: (1101 + 2000 + 1.25 + 0.125, 0),
    1: (7 - 8 + 0.5 + 1.5, 1),
    2: (1001 + 2000 + 1.25 + 0.125, 3),
    3: (33 + 2000 + 1.25 + 0.125, 2),
    10: (10 + 2000 + 1.25 + 0.125, 2),
    11: (1001 + 2000 + 1.25 + 0.125, 3),
    12: (1 + 2 + 3 + 4.0, 1),
    13: (1001 + 2000 + 1.25 + 0.125, 3),
}


class Over(Uncatchable):
    """A host's own."""


class Host:
    """Raises what the number says."""

    def __init__(self) -> None:
        self.tag = Tag("i32")
        self.instance: Any = None
        self.error = ValueError("ours")

    def __call__(self, number: int) -> None:
        if number == 10:
            raise WasmException(self.tag, [number])
        if number == 11:
            raise self.error
        if number == 12:
            raise WasmException(self.instance.exports.tag, (1, 2, 3, 4))
        if number == 13:
            raise WasmException(Tag("i32"), [13])  # of the same type, and another
        if number == 20:
            raise KeyboardInterrupt
        if number == 21:
            raise ExitCode(3)
        if number == 22:
            raise Timeout("late")
        if number == 23:
            self.instance.exports.throws(4)
        if number == 25:
            raise Over
        if number == 24:
            self.instance.exports.throws(1)


def with_host(module: Module) -> tuple[Instance, Host]:
    host = Host()
    host.instance = instantiate(module, host=host, t=host.tag)
    return host.instance, host


@pytest.mark.parametrize("text", [TABLED, LEGACY])
@pytest.mark.parametrize("settings", [{}, {"release_gil": True}, {"memory_bound_check_mode": "enable"}])
def test_what_is_caught(compile: Any, text: str, settings: dict[str, Any]) -> None:
    instance, _ = with_host(pickle.loads(pickle.dumps(compile(text, **settings))))
    catch = instance.exports["catch"]
    for _ in range(3):
        for number, wanted in WANTED.items():
            assert catch(number) == wanted, number
    assert catch(24) == (7 - 8 + 0.5 + 1.5, 1)  # through Python, and another entry
    metered = compile(text, middlewares=(Metering(10**6),))
    assert with_host(metered)[0].exports["catch"](1) == WANTED[1]


@pytest.mark.parametrize("text", [TABLED, LEGACY])
def test_what_is_never_caught(compile: Any, text: str) -> None:
    instance, _ = with_host(compile(text))
    for number, class_ in ((4, Trap), (20, KeyboardInterrupt), (21, ExitCode), (22, Timeout), (23, Trap), (25, Over)):
        with pytest.raises(class_):
            instance.exports["catch"](number)
    assert instance.exports["catch"](1) == WANTED[1]


def test_what_nothing_catches_arrives_in_python(compile: Any) -> None:
    instance, host = with_host(compile(THROWERS))
    with pytest.raises(WasmException) as caught:
        instance.exports.throws(1)
    assert caught.value.tag is instance.exports.tag
    assert caught.value.values == (7, -8, 0.5, 1.5)
    assert [frame.function_index for frame in caught.value.frames] == [1, 2]
    assert "wasm backtrace:" in caught.value.__notes__[0]
    with pytest.raises(WasmException) as caught:
        instance.exports.throws(10)
    assert caught.value.tag is host.tag
    with pytest.raises(ValueError, match="ours") as other:
        instance.exports.throws(11)
    assert other.value is host.error


CLEANUP = """(import "e" "host" (func $host))
  (global $cleaned (export "cleaned") (mut i32) (i32.const 0))
  (func $guarded
    try (call $host) catch_all (global.set $cleaned (i32.add (global.get $cleaned) (i32.const 1))) rethrow 0 end)
  (func $tabled (block $l (result exnref) (try_table (catch_all_ref $l) (call $guarded)) (return))
    (global.set $cleaned (i32.add (global.get $cleaned) (i32.const 10))) throw_ref)
  (func (export "run") (call $tabled))"""


def test_the_same_object_comes_out_after_destructors(compile: Any) -> None:
    error = LookupError("it")

    def host() -> None:
        raise error

    instance = instantiate(compile(CLEANUP), host=host)
    with pytest.raises(LookupError) as caught:
        instance.exports.run()
    assert caught.value is error
    assert instance.exports.cleaned.value == 11
    traceback = caught.value.__traceback__
    names = []
    while traceback is not None:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert names[-1] == "host"


FORMS = """(tag $e (param i32)) (tag $n)
  (func $throw (param i32) (throw $e (local.get 0)))
  (func (export "delegate") (param i32) (result i32)
    try (result i32)
      try (result i32)
        try (result i32) (call $throw (local.get 0)) i32.const 1 delegate 1
      catch $e drop i32.const 2 end
    catch $e i32.const 100 i32.add end)
  (func (export "delegate_out") (param i32)
    try try (call $throw (local.get 0)) delegate 1 catch_all end)
  (func (export "delegate_block") (param i32) (result i32)
    try (result i32) block try (call $throw (local.get 0)) delegate 0 end i32.const 1 catch $e end)
  (func (export "rethrow_outer") (param i32) (result i32)
    try (result i32)
      try (result i32) (call $throw (local.get 0)) i32.const 0
      catch $e
        drop
        try throw $n catch $n rethrow 1 end unreachable
      end
    catch $e i32.const 1000 i32.add
    catch $n i32.const -1 end)
  (func (export "in_arm") (param i32) (result i32)
    try (result i32)
      try (result i32) (call $throw (local.get 0)) i32.const 0
      catch $e (throw $e (i32.add (i32.const 1))) end
    catch $e end)
  (func (export "loop") (param $count i32) (result i64) (local $sum i64)
    loop $again
      try
        (call $throw (local.get $count))
      catch $e
        i64.extend_i32_u (local.set $sum (i64.add (local.get $sum)))
        (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1))))
      end
    end
    local.get $sum)
  (func (export "params") (param i32) (result i32)
    i32.const 5 local.get 0
    try (param i32) (result i32) call $throw i32.const 0
    catch $e i32.const 10 i32.mul end
    i32.add)
  (func (export "empty") (param i32) (result i32) try (result i32) local.get 0 end)
  (func (export "unmatched") (param i32) try (call $throw (local.get 0)) catch $n end)
  (func $same (param i32) try (throw $e (local.get 0)) catch $n end)
  (func (export "own") (param i32) (result i32)
    try (result i32) (call $same (local.get 0)) i32.const 0 catch $e end)
  (func (export "branches") (param i32) (result i32)
    block $out (result i32)
      try (result i32)
        i32.const 7 (br_if $out (i32.eqz (local.get 0))) drop
        try (result i32) (throw $e (local.get 0)) catch $e br $out end
      catch_all i32.const -1 end
      i32.const 100 i32.add
    end)
  (func $deep (param i32 i32)
    (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)) (local.get 1)) (return)))
    (call $throw (local.get 1)))
  (func (export "deep") (param i32 i32) (result i32)
    try (result i32) (call $deep (local.get 0) (local.get 1)) i32.const 0 catch $e end)"""


def test_forms_of_the_legacy_encoding(compile: Any) -> None:
    exports = instantiate(compile(FORMS)).exports
    assert exports.delegate(5) == 105
    assert exports.delegate_block(5) == 5
    assert exports.rethrow_outer(5) == 1005
    assert exports.in_arm(5) == 6
    assert exports.loop(1000) == 500500
    assert exports.params(6) == 65
    assert exports.empty(3) == 3
    assert exports.own(9) == 9
    assert (exports.branches(0), exports.branches(4)) == (7, 4)
    assert exports.deep(1000, 77) == 77
    for name in ("delegate_out", "unmatched"):
        with pytest.raises(WasmException) as caught:
            exports[name](8)
        assert caught.value.values == (8,)
    with pytest.raises(WasmException) as caught:
        exports.unmatched(8)
    assert len(caught.value.frames) == 2


MANY = """(tag $e (param i32 i64 f32 f64 v128 funcref externref i32 i64 f64 f32))
  (func $f (export "f")) (elem declare func $f)
  (func (export "all") (param externref) (result i32 i64 f32 f64 v128 funcref externref i32 i64 f64 f32)
    i64.const 77
    try (result i32 i64 f32 f64 v128 funcref externref i32 i64 f64 f32)
      (throw $e (i32.const -1) (i64.const -2) (f32.const 3) (f64.const 4) (v128.const i64x2 5 6) (ref.func $f)
        (local.get 0) (i32.const 7) (i64.const 8) (f64.const 9) (f32.const 10))
    catch $e end
    return)
  (func (export "out") (param externref)
    (throw $e (i32.const -1) (i64.const -2) (f32.const 3) (f64.const 4) (v128.const i64x2 5 6) (ref.func $f)
        (local.get 0) (i32.const 7) (i64.const 8) (f64.const 9) (f32.const 10)))"""


def test_values_of_every_type(compile: Any) -> None:
    exports = instantiate(compile(MANY)).exports
    thing = object()
    vector = (5).to_bytes(8, "little") + (6).to_bytes(8, "little")
    wanted = (-1, -2, 3.0, 4.0, vector, exports.f, thing, 7, 8, 9.0, 10.0)
    assert exports.all(thing) == wanted
    with pytest.raises(WasmException) as caught:
        exports.out(thing)
    assert caught.value.values == wanted


def test_an_exception_keeps_what_it_carries(compile: Any) -> None:
    class Thing:
        pass

    exports = instantiate(compile(MANY)).exports
    thing = Thing()
    watch = weakref.ref(thing)
    caught = None
    try:
        exports.out(thing)
    except WasmException as error:
        caught = error
    del thing
    assert caught is not None and watch() is caught.values[6]
    del caught
    gc.collect()
    assert watch() is None


REFERENCES = """(tag $e (export "tag") (param i32))
  (table (export "table") 4 exnref) (global (export "g") (mut exnref) (ref.null exn))
  (func $take (export "take") (param i32) (result i32 exnref) (block $l (result i32 exnref)
      (try_table (catch_ref $e $l) (throw $e (local.get 0))) unreachable) (return))
  (func (export "take1") (param i32) (result exnref)
    (block $l (result exnref) (try_table (catch_all_ref $l) (throw $e (local.get 0))) unreachable))
  (func $again (export "again") (param exnref) (throw_ref (local.get 0)))
  (func (export "store") (param i32 exnref) (table.set (local.get 0) (local.get 1)) (global.set 0 (local.get 1)))
  (func (export "value") (param exnref) (result i32)
    (block $l (result i32) (try_table (catch $e $l) (call $again (local.get 0))) (i32.const -1)))
  (func (export "null") (result i32) (ref.is_null (ref.null exn)))
  (func (export "many") (param i32) (result i32) (local $kept exnref) (local $x exnref)
    (local.set $kept (block $l (result exnref) (try_table (catch_all_ref $l) (throw $e (i32.const 5))) unreachable))
    (loop $more
      (local.set $x (block $l (result exnref) (try_table (catch_all_ref $l) (throw $e (local.get 0))) unreachable))
      (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (block $l (result i32) (try_table (catch $e $l) (throw_ref (local.get $kept))) unreachable))"""


def test_references_to_exceptions(compile: Any) -> None:
    exports = instantiate(compile(REFERENCES)).exports
    number, reference = exports.take(7)
    assert number == 7
    assert isinstance(reference, machine.ExceptionReference)
    assert exports.value(reference) == 7
    raised = reference.exception
    assert (type(raised), raised.values, raised.tag) == (WasmException, (7,), exports.tag)
    assert reference.exception is raised
    exports.store(2, reference)
    assert exports.table[2] is reference and exports.g.value is reference
    del reference
    gc.collect()
    assert exports.value(exports.table[2]) == 7
    with pytest.raises(WasmException) as caught:
        exports.again(exports.g.value)
    assert caught.value is raised
    with pytest.raises(Trap, match="null"):
        exports.again(None)
    with pytest.raises(TypeError):
        exports.again(ValueError())
    assert exports.null() == 1
    assert exports.many(5000) == 5


def blocks_of(run: Any, rounds: int) -> int:
    """Blocks of Python's allocator that so many more runs leave behind."""
    run(10)
    gc.collect()
    before = sys.getallocatedblocks()
    run(rounds)
    gc.collect()
    return sys.getallocatedblocks() - before


def test_nothing_is_left_behind(compile: Any) -> None:
    tabled, host = with_host(compile(TABLED))
    legacy = instantiate(compile(FORMS))
    cleanup = instantiate(compile(CLEANUP), host=lambda: host(11))
    references = instantiate(compile(REFERENCES))

    def run(rounds: int) -> None:
        for _ in range(rounds):
            for number in WANTED:
                tabled.exports["catch"](number)
            for number in (1, 10, 11):
                try:
                    tabled.exports.throws(number)
                except (WasmException, ValueError):
                    host.error = ValueError("ours")
            legacy.exports.rethrow_outer(1)
            legacy.exports.loop(3)
            references.exports.value(references.exports.take1(3))
            references.exports.many(10)
            try:
                cleanup.exports.run()
            except ValueError:
                host.error = ValueError("ours")

    assert blocks_of(run, 300) < 100


def test_kept_exceptions_go_while_code_runs(compile: Any) -> None:
    """A call that catches a million times does not keep a million: what no word of the stack points to is let go."""
    seen: list[int] = []
    exports = instantiate(
        compile("""(import "e" "look" (func $look)) (tag $e)
          (func (export "run") (param i32) (local $x exnref)
            (loop $more
              (local.set $x (block $l (result exnref) (try_table (catch_all_ref $l) (throw $e)) unreachable))
              (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (call $look))"""),
        look=lambda: seen.append(sys.getallocatedblocks()),
    ).exports
    exports.run(1)
    exports.run(100_000)
    assert seen[1] - seen[0] < 10_000


CHAINS = """(import "e" "look" (func $look)) (tag $e) (tag $more (param exnref))
  (global $g (mut exnref) (ref.null exn)) (table $t 4 exnref)
  (func $chain (param i32) (result exnref) (local $x exnref)
    (local.set $x (block $l (result exnref) (try_table (catch_all_ref $l) (throw $e)) unreachable))
    (loop $next
      (local.set $x
        (block $l (result exnref) (try_table (catch_all_ref $l) (throw $more (local.get $x))) unreachable))
      (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get $x))
  (func $length (param $x exnref) (result i32) (local $n i32)
    (block $end
      (loop $next
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (local.set $x
          (block $l (result exnref)
            (try_table (catch $more $l) (catch_all $end) (throw_ref (local.get $x))) unreachable))
        (br $next)))
    (local.get $n))
  (func (export "drop") (param $times i32) (param $length i32)
    (loop $again
      (drop (call $chain (local.get $length)))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (call $look))
  (func (export "keep") (param $length i32) (result i32 i32 i32) (local $x exnref)
    (local.set $x (call $chain (local.get $length)))
    (global.set $g (call $chain (local.get $length)))
    (table.set $t (i32.const 1) (call $chain (local.get $length)))
    (drop (call $chain (i32.const 3000)))
    (call $length (local.get $x)) (call $length (global.get $g)) (call $length (table.get $t (i32.const 1))))
  (func (export "lengths") (result i32 i32)
    (call $length (global.get $g)) (call $length (table.get $t (i32.const 1))))
  (func (export "grow") (global.set $g (call $chain (i32.const 100)))
    (loop $next
      (global.set $g
        (block $l (result exnref) (try_table (catch_all_ref $l) (throw $more (global.get $g))) unreachable))
      (br $next)))"""


def test_chains_of_exceptions(compile: Any) -> None:
    """What an exception carries is kept as long as it is, and goes with it."""
    seen: list[int] = []
    exports = instantiate(compile(CHAINS), look=lambda: seen.append(sys.getallocatedblocks())).exports
    exports["drop"](1, 1)
    exports["drop"](100, 700)
    assert seen[1] - seen[0] < 10_000
    assert exports.keep(2000) == (2001, 2001, 2001)
    exports["drop"](3, 2000)
    gc.collect()
    assert exports.lengths() == (2001, 2001)


@pytest.mark.parametrize("references", [1000, 5000])
def test_kept_exceptions_have_a_limit(compile: Any, references: int) -> None:
    """Code that keeps all that it throws ends with an error, in one call or in many; what is gone counts no more."""
    module = compile(CHAINS)
    instance = module.instantiate({"e": {"look": lambda: None}}, limits=Limits(references=references))
    exports = instance.exports
    with pytest.raises(RuntimeError, match=r"exceptions of \d+ bytes that are not gone"):
        exports.grow()
    with pytest.raises(RuntimeError, match=r"exceptions of \d+ bytes that are not gone"):
        exports.keep(references // 2)
    fresh = module.instantiate({"e": {"look": lambda: None}}, limits=Limits(references=references)).exports
    fresh["drop"](400, references // 80)  # words of the stack may still point to some


KEEPING = """
  (import "e" "host" (func $host (param i32))) (table $t 100000 exnref)
  (func $caught (param i32) (result exnref)
    (block $l (result exnref) (try_table (catch_all_ref $l) (call $host (local.get 0))) unreachable))
  (func (export "keep") (param $n i32)
    (loop $next
      (table.set $t (local.get $n) (call $caught (local.get $n)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "forget") (param $n i32)
    (loop $next
      (drop (call $caught (local.get $n)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))"""


@pytest.mark.parametrize("depth", [0, 30])
def test_what_host_functions_raise_has_the_same_limit(compile: Any, depth: int) -> None:
    """It counts for its traceback, too, which keeps frames of Python's alive."""
    tag = Tag("i32")

    def raises(number: int, left: int = depth) -> None:
        if left:
            raises(number, left - 1)
        raise ValueError(number) if number % 2 else WasmException(tag, (number,))

    module = compile(KEEPING)
    exports = module.instantiate({"e": {"host": raises}}, limits=Limits(references=20_000)).exports
    exports.forget(3000)
    with pytest.raises(RuntimeError, match=r"exceptions of \d+ bytes that are not gone") as caught:
        exports.keep(20_000 // (8 * (depth + 1)))
    assert isinstance(caught.value.__context__, (ValueError, WasmException))


def test_a_deadline_ends_code_that_throws_forever(compile: Any) -> None:
    exports = instantiate(
        compile("""(tag $e) (func $t (throw $e))
          (func (export "run") (loop $l try (call $t) catch_all (br $l) end))
          (func (export "refs") (loop $l try try (call $t) catch_all (rethrow 0) end catch_all (br $l) end))""")
    ).exports
    for name in ("run", "refs"):
        with timeout(0.05), pytest.raises(Timeout):
            exports[name]()


def test_a_signal_handler_throws_and_catches_meanwhile(compile: Any) -> None:
    legacy = instantiate(compile(FORMS)).exports
    counts = []

    def handler(number: int, frame: object) -> None:
        counts.append(legacy.loop(10))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        while len(counts) < 20:
            assert legacy.loop(2000) == 2001000
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert set(counts) == {55}


def test_threads_throw_at_once(compile: Any) -> None:
    module = compile(FORMS, release_gil=True)
    results: list[int] = []

    def run() -> None:
        exports = instantiate(module).exports
        results.extend(exports.loop(3000) for _ in range(5))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [4501500] * 20


def test_tags_link_by_identity(compile: Any) -> None:
    maker = instantiate(compile('(tag $e (export "t") (param i32)) (func (export "throw") (throw $e (i32.const 4)))'))
    catcher = compile("""(import "e" "t" (tag $e (param i32))) (import "e" "throw" (func $throw))
      (func (export "catch") (result i32)
        try (result i32) (call $throw) i32.const 0 catch $e catch_all i32.const -1 end)""")
    throw = maker.exports.throw
    assert instantiate(catcher, t=maker.exports.t, throw=throw).exports["catch"]() == 4
    assert instantiate(catcher, t=Tag("i32"), throw=throw).exports["catch"]() == -1
    assert maker.exports.t is maker.exports.t
    assert str(maker.exports.t.type) == "[i32]"
    for wrong, words in ((Tag("i64"), "tag descriptor"), (7, "import type"), (throw, "import type")):
        with pytest.raises(LinkError, match=words):
            instantiate(catcher, t=wrong, throw=throw)
    assert str(catcher.imports[0].type) == "TagDescriptor(params=(Type.I32,))"
    assert maker.exports.kind("t") == "tag"


def test_what_python_may_make() -> None:
    tag = Tag("i32", "f64")
    error = WasmException(tag, (1, 2))
    assert (error.tag, error.values, repr(tag)) == (tag, (1, 2.0), "<wasm tag: [i32, f64]>")
    for values in ((1,), (1, 2, 3), ("x", 2)):
        with pytest.raises(TypeError):
            WasmException(tag, values)
    with pytest.raises(OverflowError):
        WasmException(tag, (1 << 40, 2))
    with pytest.raises(TypeError):
        WasmException(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        Tag("i33")
    with pytest.raises(TypeError):
        machine.ExceptionReference()


def test_damaged_tables_are_refused(compile: Any) -> None:
    module = compile(FORMS)
    handlers = module.compiled.handlers
    assert handlers and len(handlers) % 12 == 0
    first, second = handlers[:12], handlers[12:24]
    for wrong in (handlers[:-1], second + first, b"\xff" * 12, first * 2, first[4:8] + first[4:]):
        broken = Module(module.info, module.compiled._replace(handlers=wrong))
        with pytest.raises(ValueError):
            instantiate(broken)
