"""Tail calls: as many as one likes in the stack of one, with any arguments, to anybody, whatever comes between.

A tail call gives what a call and a return give. So most modules here are run twice, the second time with plain calls
in place of all tail calls, and results are compared; how much stack is taken shows in more rounds than any stack has
room for.
"""

from __future__ import annotations

import contextlib
import io
import signal
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.backends import compiler_or_skip
from tests.differential.variants import VARIANTS, llvm_at
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.middleware.metering import Metering, get_points_used, set_points_used
from wasmer_runtime_core.compiling.middleware.trace import BlockTrace, CallTrace
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Timeout, Trap
from wasmer_runtime_core.running import interrupts
from wasmer_runtime_core.running.objects.limits import Limits
from wasmer_singlepass_backend import SinglepassCompiler

VALUES: Final = ("i32", "i64", "f32", "f64", "v128")
BITS: Final = {
    "i32": "(i64.extend_i32_u {})",
    "i64": "{}",
    "f32": "(i64.extend_i32_u (i32.reinterpret_f32 {}))",
    "f64": "(i64.reinterpret_f64 {})",
    "v128": "(i64.xor (i64x2.extract_lane 0 {0}) (i64x2.extract_lane 1 {0}))",
}
"""A value as an i64."""
MADE: Final = {
    "i32": "(i32.wrap_i64 {})",
    "i64": "{}",
    "f32": "(f32.reinterpret_i32 (i32.and (i32.wrap_i64 {}) (i32.const 0x7f7fffff)))",
    "f64": "(f64.reinterpret_i64 (i64.and {} (i64.const 0x7fefffffffffffff)))",
    "v128": "(i64x2.replace_lane 1 (i64x2.splat {}) (i64.const 77))",
}
"""A value of an i64; no NaN."""
WIDE: Final = (0, 7, 1, 30, 14, 5, 9, 6, 60, 2)
"""So many parameters have functions that call one another in turn."""
ROUNDS: Final = 20_000
BACKENDS: Final = ("singlepass", "cranelift", "llvm")


def params_of(number: int, count: int) -> list[str]:
    return [VALUES[(at * (number + 1) + number) % len(VALUES)] for at in range(count)]


def ring(counts: tuple[int, ...], results: str, indirect: bool) -> str:
    """Functions of so many parameters, each of which calls the next one, the last the first, for `$left` rounds."""
    fields = []
    values = {"": "", "i64": "(local.get $sum)"}.get(
        results,
        "(local.get $sum) (f64.convert_i64_u (local.get $sum)) (i32.wrap_i64 (local.get $sum)) "
        "(i64x2.splat (local.get $sum)) (f32.convert_i64_u (local.get $sum))",
    )
    for number, count in enumerate(counts):
        params = params_of(number, count)
        following = (number + 1) % len(counts)
        given = []
        for at, type_ in enumerate(params_of(following, counts[following])):
            bits = "(global.get $seed)"
            if count:
                source = (3 * at + 1) % count
                bits = BITS[params[source]].format(f"(local.get {source})")
            given.append(MADE[type_].format(f"(i64.add {bits} (i64.const {at}))"))
        folded = []
        for at, type_ in enumerate(params):
            bits = BITS[type_].format(f"(local.get {at})")
            folded.append(f"(local.set $sum (i64.xor (i64.rotl (local.get $sum) (i64.const 1)) {bits}))")
        last = f"{' '.join(folded)} (global.set $last (local.get $sum)) (return {values})"
        callee = f"return_call $f{following}"
        if indirect:
            callee = f"return_call_indirect (type $t{following})"
            given.append(f"(i32.const {following})")
        fields.append(
            f"(type $t{number} (func (param {' '.join(params)}) (result {results})))"
            f"(func $f{number} (type $t{number}) (local $sum i64)"
            f"(if (i32.eqz (global.get $left)) (then {last}))"
            f"(global.set $left (i32.sub (global.get $left) (i32.const 1)))"
            f"({callee} {' '.join(given)}))"
        )
    names = " ".join([f"$f{number}" for number in range(len(counts))])
    return (
        f"(module (global $left (mut i32) (i32.const 0)) (global $seed i64 (i64.const 0x123456789abcdef))"
        f'(global $last (export "last") (mut i64) (i64.const 0))'
        f'(func (export "run") (param i32) (result {results}) (global.set $left (local.get 0)) (call $f0))'
        f"(table funcref (elem {names})) {' '.join(fields)})"
    )


def plain(text: str) -> str:
    """The same with plain calls."""
    return text.replace("return_call", "call")


def instance_of(variant: str, text: str, imports: Any = None, middlewares: tuple[Any, ...] = (), **named: Any) -> Any:
    compiler, config = VARIANTS[variant]()
    config = config._replace(middlewares=middlewares)
    return compile_with(text, compiler, config).instantiate(imports or {}, **named)


@pytest.mark.parametrize("indirect", (False, True), ids=("direct", "indirect"))
@pytest.mark.parametrize("results", ("", "i64", "i64 f64 i32 v128 f32"), ids=("none", "one", "several"))
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_tail_call_gives_what_a_call_gives(variant: str, results: str, indirect: bool) -> None:
    text = ring(WIDE[:8] if indirect else WIDE, results, indirect)
    tail, called = instance_of(variant, text), instance_of(variant, plain(text))
    for rounds in (*range(2 * len(WIDE) + 2), 300):
        assert (tail.exports.run(rounds), tail.exports.last.value) == (
            called.exports.run(rounds),
            called.exports.last.value,
        )
    assert called.exports.run(0) == tail.exports.run(0)
    tail.exports.run(ROUNDS)


PLACES: Final = 30
ORDERS: Final = {
    "as they are": list(range(PLACES)),
    "one on": [(at + 5) % PLACES for at in range(PLACES)],
    "one back": [(at - 5) % PLACES for at in range(PLACES)],
    "the other way round": [5 * (PLACES // 5 - 1 - at // 5) + at % 5 for at in range(PLACES)],
    "two exchanged": [{15: 25, 25: 15, 17: 27, 27: 17, 19: 29, 29: 19}.get(at, at) for at in range(PLACES)],
    "one for all": [20 + at % 5 for at in range(PLACES)],
    "some stay": [at if at % 3 else (at + 10) % PLACES for at in range(PLACES)],
}
"""Which parameter goes to each place; those of a type are 5 apart."""


def order_text(order: list[int], indirect: bool, written: bool) -> str:
    """Parameters change places as they are; `written`: some of them get other values before."""
    types = [VALUES[at % 5] for at in range(PLACES)]
    first = " ".join([MADE[type_].format(f"(i64.const {1000 + at * at})") for at, type_ in enumerate(types)])
    given = " ".join([f"(local.get {at})" for at in order])
    bits = [BITS[type_].format(f"(local.get {at})") for at, type_ in enumerate(types)]
    folded = "".join([f"(local.set $sum (i64.xor (i64.rotl (local.get $sum) (i64.const 3)) {each}))" for each in bits])
    change = "(local.set 26 (i64.add (local.get 26) (i64.const 7))) (local.set 20 (i32.const 5))" if written else ""
    call = f"(return_call $f {given} (local.get {PLACES}))"
    if indirect:  # the index lies on the stack as well
        call = f"(return_call_indirect (type $t) {given} (local.get {PLACES}) (local.get {PLACES}))"
    return f"""(module (type $t (func (param {" ".join(types)} i32) (result i64)))
      (table funcref (elem $f)) (global $left (mut i32) (i32.const 0))
      (func $f (type $t) (local $sum i64)
        (if (i32.eqz (global.get $left)) (then {folded} (return (local.get $sum))))
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        {change} {call})
      (func (export "run") (param i32) (result i64)
        (global.set $left (local.get 0)) (call $f {first} (i32.const 0))))"""


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameters_that_change_places(variant: str) -> None:
    for order in ORDERS.values():
        for indirect in (False, True):
            for written in (False, True):
                text = order_text(order, indirect, written)
                tail, called = instance_of(variant, text), instance_of(variant, plain(text))
                for rounds in range(9):
                    assert tail.exports.run(rounds) == called.exports.run(rounds), (order, indirect, written)


@pytest.mark.parametrize("level", (0, 2))
def test_levels_of_llvm(level: int) -> None:
    compiler = llvm_at(level)
    text = ring(WIDE[:6], "i64 f64 i32 v128 f32", True)
    tail, called = (compile_with(one, compiler).instantiate() for one in (text, plain(text)))
    for rounds in range(14):
        assert tail.exports.run(rounds) == called.exports.run(rounds)
    tail.exports.run(ROUNDS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_thousand_parameters(backend: str) -> None:
    compiler = compiler_or_skip(backend)
    if backend == "cranelift":  # to prove each allocation would take minutes
        from wasmer_clif_backend import CraneliftCompiler

        compiler = CraneliftCompiler(prove=False)
    config = CompilerConfig(implementation_limits={"parameters": 2000})
    most = 500 if backend == "llvm" else 2000  # LLVM's time grows with the square: 2,000 take it a quarter of a minute
    text = ring((0, most, 3, 1), "i64", False)
    tail = compile_with(text, compiler, config).instantiate()
    called = compile_with(plain(text), SinglepassCompiler(), config).instantiate()
    for rounds in (*range(5), 50):
        assert tail.exports.run(rounds) == called.exports.run(rounds)
    tail.exports.run(2000)


BELOW: Final = """(module
  (func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "f") (param i32 i32) (result i32) (local i32)
    (i32.const 1) (f64.const 2)
    (block (param i32 f64) (result i32 f64)
      (br_if 0 (local.get 0))
      (v128.const i64x2 3 4)
      (loop (br_if 0 (i32.lt_s (local.tee 2 (i32.add (local.get 2) (i32.const 1))) (i32.const 5)))
        (return_call $add (local.get 2) (local.get 1)))
      unreachable)
    drop
    (if (param i32) (result i32) (local.get 1)
      (then (i64.const 5) (return_call $add (i32.const 10) (local.get 1)))
      (else (i32.const 100) i32.add)))
)"""


@pytest.mark.parametrize("variant", VARIANTS)
def test_operands_that_wait_below_are_dropped(variant: str) -> None:
    f = instance_of(variant, BELOW).exports.f
    assert [f(0, 7), f(1, 7), f(1, 0)] == [12, 17, 101]


COUNTING: Final = """(module
  (type $sum (func (param i64 i64) (result i64)))
  (type $nine (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (table funcref (elem $sum $nine))
  (global $entries (export "entries") (mut i64) (i64.const 0))
  (func $sum (export "sum") (param i64 i64) (result i64)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $sum (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (local.get 0))))
  (func $nine (export "nine") (type $nine)
    (if (i64.eqz (local.get 0)) (then (return (local.get 8))))
    (return_call_indirect (type $sum3) (i64.sub (local.get 0) (i64.const 1)) (local.get 1) (local.get 8) (i32.const 2)))
  (type $sum3 (func (param i64 i64 i64) (result i64)))
  (elem (table 0) (i32.const 2) func $three)
  (func $three (export "three") (type $sum3)
    (if (i64.eqz (local.get 0)) (then (return (local.get 2))))
    (return_call $nine (i64.sub (local.get 0) (i64.const 1)) (local.get 1) (local.get 1) (local.get 1) (local.get 1)
      (local.get 1) (local.get 1) (local.get 1) (i64.add (local.get 2) (local.get 1))))
  (func $forever (export "forever") (param i64) (return_call $forever (i64.add (local.get 0) (i64.const 1))))
  (func $ever (export "ever") (param i64) (return_call $wide (local.get 0) (local.get 0) (local.get 0) (local.get 0)
    (local.get 0) (local.get 0) (local.get 0)))
  (func $wide (param i64 i64 i64 i64 i64 i64 i64) (return_call $ever (local.get 6)))
  (func $deep (export "deep") (param i32 i64) (result i64)
    (if (i32.eqz (local.get 0)) (then (return (call $three (local.get 1) (i64.const 2) (i64.const 0)))))
    (i64.add (i64.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)) (local.get 1))))
)""".replace("(table funcref (elem $sum $nine))", "(table 3 funcref) (elem (table 0) (i32.const 0) func $sum $nine)")


@pytest.mark.parametrize("variant", VARIANTS)
def test_ten_million_rounds(variant: str) -> None:
    exports = instance_of(variant, COUNTING).exports
    assert exports.sum(10**7, 0) == 10**7 * (10**7 + 1) // 2
    assert exports.three(10**7, 3, 5) == 5 + 3 * 10**7 // 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_function_that_never_calls_again_is_interrupted(variant: str) -> None:
    exports = instance_of(variant, COUNTING).exports
    for endless in (exports.forever, exports.ever):
        with pytest.raises(Timeout), interrupts.timeout(0.02):
            endless(0)

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, stop)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with pytest.raises(KeyboardInterrupt):
                endless(0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    assert exports.three(100, 1, 0) == 50


@pytest.mark.parametrize("variant", VARIANTS)
def test_handlers_of_signals_make_tail_calls_meanwhile(variant: str) -> None:
    """In the same instance, at any instruction."""
    exports = instance_of(variant, COUNTING).exports
    came = 0

    def handle(*_: object) -> None:
        nonlocal came
        came += 1
        assert exports.nine(9, 1, 2, 3, 4, 5, 6, 7, 8) == 8 + 4
        assert exports.three(8, 7, 1) == 29

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        while came < 40:
            assert exports.three(40_000, 3, 5) == 5 + 60_000
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("variant", VARIANTS)
def test_at_the_edge_of_the_stack(variant: str) -> None:
    """Room for arguments is made, or it is a stack overflow: never anything between, and the instance lives on."""
    instance = instance_of(variant, COUNTING, limits=Limits(stack_bytes=16 * 1024))
    deep = instance.exports.deep
    ended = []
    for depth in range(1200):
        try:
            assert deep(depth, 5) == depth + 2 * 3
            ended.append(False)
        except Trap as trap:
            assert trap.kind == "STACK_OVERFLOW"
            ended.append(True)
    assert ended == sorted(ended) and not ended[0] and ended[-1]
    assert deep(3, 1000) == 3 + 2 * 500


LINKED: Final = """(module
  (type $two (func (param i64 i64) (result i64)))
  (type $ten (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "other" (func $other (type $ten)))
  (import "env" "host" (func $host (param i64 i64 i64 i64 i64 i64 i64 f64 v128 i64 i32) (result i64 f64)))
  (table (export "table") 2 funcref)
  (memory 1) (data (i32.const 0) "\\07")
  (global $mine (mut i64) (i64.const STEP))
  (func (export "two") (type $two)
    (if (i64.eqz (local.get 0)) (then (return (i64.add (local.get 1) (i64.load8_u (i32.const 0))))))
    (return_call $other (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (global.get $mine)) (i64.const 1)
      (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8)))
  (func (export "ten") (type $ten)
    (if (i64.ne (i64.sub (local.get 9) (local.get 2)) (i64.const 7)) (then unreachable))
    (return_call_indirect (type $two) (local.get 0) (i64.add (local.get 1) (global.get $mine)) (i32.const 0)))
  (func (export "to host") (param i64) (result i64 f64)
    (return_call $host (local.get 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
      (f64.const 1.5) (v128.const i64x2 8 9) (i64.const 10) (i32.const 11)))
)"""


@pytest.mark.parametrize("variant", VARIANTS)
def test_between_instances_and_to_the_host(variant: str) -> None:
    calls: list[tuple[Any, ...]] = []

    def host(*arguments: Any) -> tuple[int, float]:
        calls.append(arguments)
        if arguments[0] == 0:
            raise ValueError("of the host")
        return int(arguments[0]) * 2, float(arguments[7])

    compiler, config = VARIANTS[variant]()
    first, second = (compile_with(LINKED.replace("STEP", step), compiler, config) for step in ("1", "1000"))

    def never(*_: int) -> int:
        raise AssertionError

    a = first.instantiate({"env": {"other": never, "host": host}})
    b = second.instantiate({"env": {"other": a.exports.ten, "host": host}})
    a.exports.table[0] = b.exports.two  # a's ten goes on in b, whose two goes to a's ten
    assert b.exports.two(10**6, 0) == 10**6 * 1001 + 7
    to_host = getattr(b.exports, "to host")
    assert tuple(to_host(21)) == (42, 1.5)
    assert calls[0][1:8] == (1, 2, 3, 4, 5, 6, 1.5) and calls[0][9:] == (10, 11)
    with pytest.raises(ValueError, match="of the host"):
        to_host(0)
    assert b.exports.two(5, 0) == 5 * 1001 + 7


BACK: Final = """(module
  (func $trap (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) unreachable)
  (func $narrow (param i64) (call $inner (local.get 0)))
  (func $inner (param i64) (return_call $trap (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
    (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)))
  (func $middle (param i64) (return_call $narrow (local.get 0)))
  (func $outer (export "outer") (param i64) (call $middle (local.get 0)) (call $middle (local.get 0)))
)"""


@pytest.mark.parametrize("variant", VARIANTS)
def test_who_was_left_by_a_tail_call_is_in_no_backtrace(variant: str) -> None:
    instance = instance_of(variant, BACK)
    with pytest.raises(Trap) as trap:
        instance.exports.outer(1)
    assert [frame.function_name for frame in trap.value.frames] == ["trap", "narrow", "outer"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_points(variant: str) -> None:
    """A tail call costs what a call does, and no program runs on by tail calls when its points are used."""
    text = ring(WIDE, "i64", True)
    tail = instance_of(variant, text, middlewares=(Metering(10**6),))
    called = instance_of(variant, plain(text), middlewares=(Metering(10**6),))
    for rounds in (0, 1, 5, 57):
        used = []
        for instance in (tail, called):
            set_points_used(instance, 0)
            instance.exports.run(rounds)
            used.append(get_points_used(instance))
        # behind a call stands an end, which is not reached behind a tail call
        assert used[1] - used[0] == rounds
    endless = instance_of(variant, COUNTING, middlewares=(Metering(10**5),))
    for name in ("forever", "ever"):
        set_points_used(endless, 0)
        with pytest.raises(Trap) as trap:
            getattr(endless.exports, name)(0)
        assert trap.value.kind == "EXECUTION_LIMIT_EXCEEDED"
        assert 10**5 <= get_points_used(endless) < 10**5 + 20


def traced(variant: str, trace: Any, run: Callable[[Any], object]) -> list[str]:
    with contextlib.redirect_stderr(io.StringIO()) as written:
        run(instance_of(variant, COUNTING, middlewares=(trace,)).exports)
    return written.getvalue().splitlines()


@pytest.mark.parametrize("variant", VARIANTS)
def test_traces(variant: str) -> None:
    def run(exports: Any) -> object:
        return exports.three(3, 1, 0)

    assert [line.partition("func ")[2] for line in traced(variant, CallTrace(), run)] == ["(2)", "(1)", "(2)", "(1)"]
    events = [line.partition("-> ")[2].split()[0] for line in traced(variant, BlockTrace(), run)]
    assert events.count("enter_func") == 4 and "leave_call" not in events
