"""WebAssembly calls Python, which calls WebAssembly: to any depth, with every kind of end."""

# ruff: noqa: B023  # what a loop binds is used in that round only

from __future__ import annotations

import functools
import gc
import random
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from tests.stress.isolated import isolated, raises, random_numbers, scaled
from wasmer_runtime import Instance, compile, func, instantiate
from wasmer_runtime.error import ExitCode, Trap, UserError

PING = """(module
  (import "host" "pong" (func $pong (param i32) (result i32)))
  (memory (export "memory") 1)
  (global $depth (export "depth") (mut i32) (i32.const 0))
  (table funcref (elem $nothing))
  (type $wrong (func (param f64)))
  (func $nothing)
  (func (export "ping") (param i32) (result i32)
    (local $kept i32) (local $kept_float f64)
    (local.set $kept (local.get 0)) (local.set $kept_float (f64.convert_i32_s (local.get 0)))
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (i32.store (i32.mul (local.get 0) (i32.const 4)) (local.get 0))
    (local.set 0 (call $pong (local.get 0)))
    (global.set $depth (i32.sub (global.get $depth) (i32.const 1)))
    (if (i32.ne (local.get $kept) (i32.trunc_f64_s (local.get $kept_float))) (then unreachable))
    (i32.add (local.get 0) (local.get $kept)))
  (func (export "trap") (param i32)
    (if (i32.eqz (local.get 0)) (then unreachable))
    (if (i32.eq (local.get 0) (i32.const 1)) (then (drop (i32.load (i32.const -1)))))
    (if (i32.eq (local.get 0) (i32.const 2)) (then (drop (i32.div_u (i32.const 1) (i32.const 0)))))
    (if (i32.eq (local.get 0) (i32.const 3)) (then (f64.const 0) (i32.const 0) (call_indirect (type $wrong))))
    (if (i32.eq (local.get 0) (i32.const 4)) (then (memory.fill (i32.const 1) (i32.const 0) (i32.const -1))))
    (if (i32.eq (local.get 0) (i32.const 5)) (then (drop (i32.trunc_f32_s (f32.const nan)))))
    (call_indirect (i32.const 7)))
  (func $endless (export "endless") (param i64) (result i64)
    (i64.add (i64.const 1) (call $endless (local.get 0)))))"""


class CannotBeShown(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError

    __repr__ = __str__


class CannotBeNoted(Exception):
    def add_note(self, note: str) -> None:
        raise ArithmeticError  # a KeyboardInterrupt there is as one of a handler's: it goes on


class Slotted(Exception):
    __slots__ = ()
    __notes__ = property(lambda self: 1 / 0)  # type: ignore[assignment]


class OfItsOwn(BaseException):
    def __new__(cls, *args: object) -> Any:
        return super().__new__(cls, *args)


EXCEPTIONS: list[Callable[[], BaseException]] = [
    KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration, StopAsyncIteration, MemoryError, RecursionError,
    AssertionError, CannotBeShown, CannotBeNoted, Slotted, OfItsOwn, lambda: ExitCode(3), lambda: UserError("x"),
    lambda: Trap("made by hand"), lambda: BaseExceptionGroup("g", [KeyboardInterrupt()]), Warning, OSError,
    lambda: UnicodeDecodeError("x", b"", 0, 1, "y"), lambda: SyntaxError("x", ("f", 1, 1, "t")),
]  # fmt: skip


@isolated()
def test_exceptions_of_all_kinds_come_back_as_they_were() -> None:
    for make in EXCEPTIONS:
        error = make()
        before = sys.getrefcount(error)

        def pong(_: int, error: BaseException = error) -> int:
            raise error

        exports = instantiate(PING, {"host": {"pong": pong}}).exports
        for _ in range(3):
            assert raises(BaseException, exports.ping, 1) is error
        error.__traceback__ = None
        pong.__defaults__ = None
        del pong, exports
        gc.collect()
        if not isinstance(error, Trap):
            assert sys.getrefcount(error) <= before, make


@isolated()
def test_what_host_functions_return() -> None:
    from tests.stress.test_values import REFUSALS, hostile

    types = ("i32", "i64", "f32", "f64", "v128", "funcref", "externref", "i32 i32", "f64 i64 f64 i64", "v128 externref")
    results: list[Any] = []
    for wanted in types:
        text = f'(module (import "h" "f" (func (result {wanted}))) (func (export "run") (result {wanted}) call 0))'
        instance = compile(text).instantiate({"h": {"f": lambda: results[-1]}})
        count = len(wanted.split())
        for value in hostile():
            for shape in (value, (value,), (value,) * count, [value] * count, (value,) * 1000):
                results.append(shape)
                try:
                    instance.exports.run()
                except REFUSALS:
                    pass
                assert len(results) < 100_000
        results.append(0 if count == 1 else (0,) * count)


@isolated()
def test_many_levels_with_traps_and_exceptions_in_each() -> None:
    numbers = random_numbers()
    module = compile(PING)
    instances: list[Instance] = []
    ends = 0

    def pong(left: int) -> int:
        nonlocal ends
        for _ in range(numbers.randrange(3)):
            if left <= 0:
                return 0
            other = numbers.choice(instances).exports
            kind = numbers.randrange(10)
            try:
                if kind < 4:
                    got = other.ping(left - 1)
                    if kind == 3:
                        return int(got) & 0xFF
                elif kind < 6:
                    other.trap(numbers.randrange(7))
                elif kind == 6:
                    other.endless(1)
                elif kind == 7:
                    raise numbers.choice(EXCEPTIONS)()
                elif kind == 8:
                    gc.collect()
                else:
                    instances[numbers.randrange(len(instances))] = module.instantiate({"host": {"pong": pong}})
            except BaseException:
                ends += 1
                if numbers.random() < 0.3:
                    raise
        return left & 7

    instances += [module.instantiate({"host": {"pong": pong}}) for _ in range(4)]
    rounds = scaled(20_000)
    for _ in range(rounds):
        try:
            instances[0].exports.ping(numbers.randrange(1, 12))
        except BaseException:
            ends += 1
    assert ends > rounds // 10
    calm = instantiate(PING, {"host": {"pong": lambda left: 0}})
    assert calm.exports.ping(5) == 5 and calm.exports["depth"].value == 0


def recursions() -> list[BaseException]:
    """Recursion through Python functions, through C functions without Python frames, and through two instances."""
    ends: list[BaseException] = []
    boxes: list[Any] = []
    for wrap in (
        lambda box: lambda left: box[0](left),
        lambda box: functools.partial(lambda box, left: box[0](left), box),
        lambda box: type("Callable", (), {"__call__": lambda self, left: box[0](left)})(),
        lambda box: lambda left: max([left], key=lambda left: box[0](left)),
        lambda box: lambda left: next(box[0](left) for _ in range(1)),
    ):
        box: list[Any] = []
        box.append(instantiate(PING, {"host": {"pong": wrap(box)}}).exports.ping)
        boxes.append(box)
        ends.append(raises((RecursionError, Trap), box[0], 3))
    for box in boxes:
        box.clear()
    return ends


@isolated()
def test_recursion_through_the_host_until_the_stack_ends() -> None:
    assert all(isinstance(error, RecursionError) for error in recursions())
    sys.setrecursionlimit(10**9)
    ends = recursions()
    for error in ends:
        if isinstance(error, Trap):
            assert error.kind == "STACK_OVERFLOW"
        else:  # of C calls Python has a limit of its own from 3.12 on, which nothing lifts
            assert sys.version_info >= (3, 12) and isinstance(error, RecursionError)
        assert "wasm backtrace" in "".join(traceback.format_exception(error))
    assert instantiate(PING, {"host": {"pong": lambda left: 1}}).exports.ping(1) == 2


@isolated()
def test_recursion_without_python_frames() -> None:
    """A chain of C callables: nothing but the check at the entry sees the stack."""
    text = '(module (import "h" "f" (func)) (func (export "run") call 0))'
    sys.setrecursionlimit(10**9)
    holder: list[Any] = []

    class Forward:
        __call__ = property(lambda self: holder[0])

    instance = instantiate(text, {"h": {"f": Forward()}})
    holder.append(instance.exports.run)
    error = raises((RecursionError, Trap), instance.exports.run)
    assert error
    holder.clear()
    before = instantiate(text, {"h": {"f": int}}).exports.run
    for _ in range(20_000):  # each calls the one before through a partial object
        before = instantiate_cached(text).instantiate({"h": {"f": functools.partial(before)}}).exports.run
    raises((RecursionError, Trap), before)


@functools.cache
def instantiate_cached(text: str) -> Any:
    return compile(text)


@isolated()
def test_recursion_in_threads_with_little_stack() -> None:
    instantiate(PING, {"host": {"pong": lambda left: 1}})
    for size in (256, 512, 1024, 64 * 1024):
        threading.stack_size(size * 1024)
        results: list[Any] = []

        def run() -> None:
            module = compile(PING)
            exports = module.instantiate({"host": {"pong": lambda left: exports.ping(left)}}).exports
            results.append(raises(Trap, exports.endless, 1))
            results.append(raises((Trap, RecursionError), exports.ping, 1))
            results.append(raises(Trap, exports.endless, 1))

        limit = sys.getrecursionlimit()
        for much in (limit, 10**9):
            sys.setrecursionlimit(much)
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
            sys.setrecursionlimit(limit)
        assert len(results) == 6, (size, results)


@isolated()
def test_numbers_that_call_back_while_they_are_converted() -> None:
    text = """(module
      (import "h" "f" (func $f (result i64 f64)))
      (import "h" "g" (func $g (param externref) (result i32)))
      (func (export "two") (param i32 f64 i64) (result i32) local.get 0)
      (func (export "run") (result i64 f64) call $f)
      (func (export "pass") (param externref) (result i32) (call $g (local.get 0))))"""
    log: list[Any] = []

    class Number:
        def __init__(self, action: Callable[[], Any]) -> None:
            self.action = action

        def __index__(self) -> int:
            log.append(self.action())
            return 7

        def __float__(self) -> float:
            log.append(self.action())
            return 7.0

    exports = instantiate(
        text, {"h": {"f": lambda: (Number(lambda: exports.two(1, 2, 3)), Number(gc.collect)), "g": lambda x: Number(x)}}
    ).exports
    assert exports.two(Number(lambda: exports.two(4, 5, 6)), Number(exports.run), Number(gc.collect)) == 7
    assert exports.run() == (7, 7.0)
    assert exports["pass"](lambda: exports.run()) == 7
    arguments: list[Any] = [Number(lambda: arguments.clear() or gc.collect()), 2.0, 3]
    assert exports.two.call_bits([1, 2, 3]) == [1]
    assert exports.two(*arguments) == 7
    arguments += [Number(lambda: arguments.clear() or gc.collect()), 2, 3]
    assert exports.two.call_bits(arguments) == [7]
    raises(ZeroDivisionError, exports.two, Number(lambda: 1 / 0), 1.0, 1)
    raises(Trap, lambda: exports.two(Number(lambda: instantiate(PING, {"host": {"pong": int}}).exports.trap(0)), 1, 1))


@isolated()
def test_generators_and_coroutines_in_host_calls() -> None:
    import asyncio

    def numbers() -> Any:
        while True:
            yield exports.ping(0) if depth[0] < 3 else 1

    depth = [0]

    def pong(left: int) -> int:
        depth[0] += 1
        try:
            return int(next(generators[depth[0] % 3])) if left else asyncio.run(wait())
        finally:
            depth[0] -= 1

    async def wait() -> int:
        await asyncio.sleep(0)
        return 1

    exports = instantiate(PING, {"host": {"pong": pong}}).exports
    generators = [numbers() for _ in range(3)]
    for _ in range(50):
        try:
            exports.ping(2)
        except (ValueError, RuntimeError):  # a generator that runs already; a loop in a loop
            pass
    suspended = numbers()
    next(suspended)
    del suspended
    gc.collect()


@isolated()
def test_a_function_with_a_thousand_parameters_and_results() -> None:
    kinds = ["i32", "i64", "f32", "f64", "externref"]
    names = [kinds[number % 5] for number in range(1000)]
    params, results = " ".join(names), " ".join(reversed(names))
    loads = " ".join(f"local.get {number}" for number in reversed(range(1000)))
    text = f"""(module (import "h" "f" (func $f (param {params}) (result {results})))
      (func (export "swap") (param {params}) (result {results}) {loads})
      (func (export "host") (param {params}) (result {results})
        {" ".join(f"local.get {number}" for number in range(1000))} call $f))"""
    calls = []

    def host(*values: Any) -> Any:
        calls.append(len(values))
        if len(calls) == 2:
            raise StopIteration
        return values[::-1]

    exports = instantiate(text, {"h": {"f": host}}).exports
    values = [number if number % 5 < 4 else f"object {number}" for number in range(1000)]
    assert list(exports.swap(*values)) == values[::-1]
    assert list(exports.host(*values)) == values[::-1]
    raises(StopIteration, exports.host, *values)
    raises(TypeError, exports.swap, *values[1:])
    raises(OverflowError, exports.swap, *[2**70] * 1000)
    assert list(exports.swap.call_bits([0] * 1000))[-5:] is not None
    assert calls == [1000, 1000]


@isolated()
def test_start_functions_and_contexts_that_misbehave() -> None:
    text = (
        '(module (import "h" "f" (func $f)) (func (export "again") call $f) (start $f) (table (export "t") 1 funcref))'
    )
    module = compile(text)
    kept: list[Any] = []

    def once(ctx: Any) -> None:
        kept.append(ctx.instance)
        ctx.instance.exports.again() if len(kept) < 5 else None
        raise ZeroDivisionError

    raises(ZeroDivisionError, module.instantiate, {"h": {"f": func(once)}})
    for instance in list(kept):
        raises(ZeroDivisionError, instance.exports.again)
    imports: dict[str, Any] = {"h": {"f": lambda: module.instantiate(imports)}}
    raises((RecursionError, Trap), module.instantiate, imports)
    raises(ValueError, kept[0].core.initialize)


@isolated()
def test_tracing_and_profiling_during_calls() -> None:
    numbers = random.Random(1)
    exports = instantiate(PING, {"host": {"pong": lambda left: exports.ping(left - 1) if left else 0}}).exports

    def hook(frame: Any, event: str, argument: Any) -> Any:
        if numbers.random() < 0.02:
            raise ZeroDivisionError
        return hook

    ends = 0
    for switch in (sys.settrace, sys.setprofile):
        for _ in range(200):
            try:
                switch(hook)
                exports.ping(5)
                exports.trap(0)
            except (ZeroDivisionError, Trap):
                ends += 1
            finally:
                try:
                    switch(None)
                except ZeroDivisionError:
                    switch(None)
    assert ends and exports.ping(3) == 6
