"""Middlewares: points are exact wherever they are counted, traces tell what ran, editors cannot break a body."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import Any

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.middleware import (
    BlockTrace,
    BodyEditor,
    CallTrace,
    Metering,
    MiddlewareError,
    edit_bodies,
    get_points_used,
    set_points_used,
)
from wasmer_runtime_core.compiling.middleware.metering import MOST_POINTS
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import ExecutionLimitExceeded, Trap
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.text import Record, format_body
from wasmer_runtime_core.wasm.body.verifier import verify_body
from wasmer_runtime_core.wasm.module import ModuleInfo

LIMIT = 2**60

PROGRAM = """
(module
  (import "env" "host" (func $host (param i32)))
  (memory 1)
  (table funcref (elem $leaf $count))
  (type $unary (func (param i32) (result i32)))
  (global (export "counted") (mut i64) (i64.const 0))
  (func $leaf (type $unary) (i32.div_u (i32.const 100) (local.get 0)))
  (func $count (export "count") (type $unary) (local $sum i32)
    (block $out
      (loop $again
        (br_if $out (i32.eqz (local.get 0)))
        (local.set $sum (i32.add (local.get $sum) (local.get 0)))
        (i32.store (i32.const 64) (local.get $sum))
        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (br $again)))
    (local.get $sum))
  (func (export "choose") (type $unary)
    (if (result i32) (i32.gt_s (local.get 0) (i32.const 3))
      (then (call $host (local.get 0)) (i32.const 1))
      (else
        (block $a (block $b (block $c
          (br_table $a $b $c (local.get 0)))
          (return (i32.const 7)))
          (drop (i32.const 1)) nop nop)
        (i32.const 2))))
  (func (export "indirect") (param i32 i32) (result i32)
    (call_indirect (type $unary) (local.get 1) (local.get 0)))
  (func (export "stuck") (unreachable))
  (func (export "flat") (result f64)
    (f64.add (f64.const 1) (f64.load (i32.const 0))))
  (func (export "merge") (param i32) (result i32)
    (select (i32.load (i32.const 8)) (i32.const 5)
      (block (result i32) (br_if 0 (i32.const 1) (local.get 0)) (drop) (i32.const 0))))
  (func (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call 8 (i32.sub (local.get 0) (i32.const 1))) (call 8 (i32.sub (local.get 0) (i32.const 2))))))))
"""

CALLS: tuple[tuple[str, tuple[int, ...]], ...] = (
    *(("count", (n,)) for n in (0, 1, 2, 10)),
    *(("choose", (n,)) for n in range(6)),
    *(("indirect", pair) for pair in ((0, 5), (1, 6), (0, 0), (9, 1))),
    ("stuck", ()),
    ("flat", ()),
    ("merge", (0,)),
    ("merge", (1,)),
    ("fib", (10,)),
)


def plain_metering(info: ModuleInfo, bodies: Sequence[Body]) -> list[Body]:
    """Metering as Wasmer writes it, in WebAssembly: points are in global 0, which the program exports."""
    boundaries = ("loop block end if else unreachable br br_table br_if call call_indirect return").split()
    counts: dict[int, int] = {}

    def visit(editor: BodyEditor, record: Record) -> None:
        index = editor.function_index
        counts[index] = counts.get(index, 0) + 1
        if record.mnemonic in boundaries:
            editor.emit("global.get", 0)
            editor.emit("i64.const", counts[index])
            editor.emit("i64.add")
            editor.emit("global.set", 0)
            counts[index] = 0
        editor.copy(record)

    return edit_bodies(info, bodies, visit)


def instance_with(*middlewares: Any, text: str = PROGRAM) -> Any:
    module = compile_with(text, find_compiler("singlepass"), CompilerConfig(middlewares=middlewares))
    return module.instantiate({"env": {"host": lambda number: None}})


def outcome(instance: Any, name: str, arguments: tuple[int, ...]) -> object:
    try:
        return instance.exports[name](*arguments)
    except Trap as trap:
        return trap.kind


# --- metering -----------------------------------------------------------------------------


def test_points_are_those_of_the_definition() -> None:
    plain, reference, metered = instance_with(), instance_with(plain_metering), instance_with(Metering(LIMIT))
    for name, arguments in CALLS:
        expected = outcome(plain, name, arguments)
        assert outcome(reference, name, arguments) == expected
        assert outcome(metered, name, arguments) == expected
        assert get_points_used(metered) == reference.exports.counted.value, name
    assert get_points_used(plain) == 0


def test_points_by_hand() -> None:
    instance = instance_with(Metering(LIMIT))
    instance.exports.flat()  # const, const, load, add, end
    assert get_points_used(instance) == 5
    with pytest.raises(Trap):
        instance.exports.stuck()
    assert get_points_used(instance) == 6
    with pytest.raises(Trap, match="divide by zero"):
        instance.exports.indirect(0, 0)  # get, get, call_indirect; the block that traps is not counted
    assert get_points_used(instance) == 9


def test_dead_code_and_nop_cost_nothing() -> None:
    costs = []
    for code in ("", "nop nop", "br 0 i32.const 1 drop block end unreachable"):
        instance = instance_with(Metering(LIMIT), text=f'(module (func (export "f") (block {code})))')
        instance.exports.f()
        costs.append(get_points_used(instance))
    assert costs == [3, 3, 3]  # block, end (or br), end


@pytest.mark.parametrize("limit", [0, 1, 2, 50, 127, 128, 1000, 2**31, 2**32 + 5, 2**63, MOST_POINTS])
def test_the_limit_is_exact(limit: int) -> None:
    """Set just so far that one more branch is within the limit, or is not."""
    instance = instance_with(Metering(limit))
    # count(0) compares once, after block, loop, get, eqz and br_if, and executes get and end behind that.
    for used, ends in ((limit - 6, True), (limit - 5, False)):
        if used < 0:
            continue
        set_points_used(instance, used)
        if ends:
            assert instance.exports.count(0) == 0
            assert get_points_used(instance) == (used + 7) % 2**64
        else:
            with pytest.raises(ExecutionLimitExceeded) as caught:
                instance.exports.count(0)
            assert get_points_used(instance) == limit
            assert caught.value.kind == "EXECUTION_LIMIT_EXCEEDED"
            assert caught.value.frames[0].function_name == "count"
            assert isinstance(pickle.loads(pickle.dumps(caught.value)), ExecutionLimitExceeded)


def test_an_endless_loop_ends_at_the_same_point() -> None:
    text = """
    (module (global (export "n") (mut i32) (i32.const 0))
      (func (export "f") (loop (global.set 0 (i32.add (global.get 0) (i32.const 1))) (br 0))))"""
    seen = set()
    for _ in range(3):
        instance = instance_with(Metering(100_000), text=text)
        with pytest.raises(ExecutionLimitExceeded):
            instance.exports.f()
        seen.add((instance.exports.n.value, get_points_used(instance)))
    assert seen == {(20_000, 100_001)}  # loop, then five operators for each time around


def test_a_host_function_can_refill() -> None:
    text = """
    (module (import "env" "tick" (func $tick))
      (func (export "f") (param i32) (result i32)
        (loop (call $tick) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 0)))"""
    module = compile_with(text, find_compiler("singlepass"), CompilerConfig(middlewares=(Metering(20),)))

    def tick(ctx: Any) -> None:
        set_points_used(ctx, 0)

    assert module.instantiate({"env": {"tick": tick}}).exports.f(1000) == 0
    with pytest.raises(ExecutionLimitExceeded):
        module.instantiate({"env": {"tick": lambda: None}}).exports.f(1000)


def test_wrong_points_are_refused() -> None:
    instance = instance_with(Metering(10))
    for wrong in (-1, 2**64):
        with pytest.raises(OverflowError):
            set_points_used(instance, wrong)
        with pytest.raises(ValueError, match="points"):
            Metering(wrong)
    with pytest.raises(TypeError):
        set_points_used(instance, "5")  # type: ignore[arg-type]
    assert get_points_used(instance) == 0
    assert Metering(10) == Metering(10) != Metering(11) and len({Metering(1), Metering(1)}) == 1


# --- traces -------------------------------------------------------------------------------


def traced(middleware: Any, name: str, *arguments: int) -> list[str]:
    instance = instance_with(middleware)
    printed = io.StringIO()
    with redirect_stderr(printed):
        instance.exports[name](*arguments)
    return printed.getvalue().splitlines()


def test_call_trace() -> None:
    assert traced(CallTrace(), "fib", 2) == ["[0] func (8)", "[1] func (8)", "[2] func (8)"]
    assert traced(CallTrace(), "indirect", 1, 1) == ["[0] func (4)", "[1] func (2)"]


def test_block_trace() -> None:
    lines = traced(BlockTrace(), "choose", 9)
    assert [line.partition(" % ")[0] for line in lines] == [
        "[BlockTrace] (3, 0) -> enter_func",
        "[BlockTrace] (3, 3) -> if",
        "[BlockTrace] (3, 5) -> leave_call",
    ]
    assert all(" % choose at byte 0x" in line for line in lines)
    kinds = [line.split(" -> ")[1].split(" ")[0] for line in traced(BlockTrace(), "count", 1)]
    assert kinds == ["enter_func", "block", "loop", "loop"]


def test_a_trace_that_cannot_be_written_is_an_exception() -> None:
    class Broken:
        def write(self, text: str) -> None:
            raise OSError("the disk is full")

    instance = instance_with(CallTrace())
    with pytest.raises(OSError, match="the disk is full"), redirect_stderr(Broken()):  # type: ignore[type-var]
        instance.exports.count(1)
    sys.stderr.flush()
    with redirect_stderr(None):
        assert instance.exports.count(1) == 1


def test_middlewares_are_applied_in_order_and_do_not_count_each_other() -> None:
    for middlewares in ((Metering(LIMIT), BlockTrace(), CallTrace()), (BlockTrace(), CallTrace(), Metering(LIMIT))):
        instance = instance_with(*middlewares)
        with redirect_stderr(io.StringIO()):
            assert instance.exports.fib(5) == 5
        alone = instance_with(Metering(LIMIT))
        alone.exports.fib(5)
        assert get_points_used(instance) == get_points_used(alone)


def test_a_metered_module_pickles() -> None:
    module = compile_with(PROGRAM, find_compiler("singlepass"), CompilerConfig(middlewares=(Metering(50),)))
    instance = pickle.loads(pickle.dumps(module)).instantiate({"env": {"host": lambda number: None}})
    with pytest.raises(ExecutionLimitExceeded):
        instance.exports.count(1000)


# --- bodies that middlewares make ---------------------------------------------------------


def bodies_of(text: str) -> tuple[ModuleInfo, Sequence[Body]]:
    compilation = run(Compilation(text), until="validate")
    return compilation.info, compilation.bodies


@pytest.mark.parametrize("middleware", [Metering(5), Metering(2**40), CallTrace(), BlockTrace(), plain_metering])
def test_bodies_are_what_they_say(middleware: Any) -> None:
    info, bodies = bodies_of(PROGRAM)
    for body in middleware(info, bodies):
        assert verify_body(info, body) == []


def test_copying_changes_nothing() -> None:
    info, bodies = bodies_of(PROGRAM)
    for before, after in zip(bodies, edit_bodies(info, bodies, BodyEditor.copy), strict=True):
        assert format_body(after) == format_body(before) or sorted(format_body(after)) == sorted(format_body(before))


def test_an_editor_writes_blocks_and_constants() -> None:
    """Before each load: a check of its address, written as blocks of the editor's own."""
    text = '(module (memory 1) (func (export "f") (param i32) (result f64) (f64.load (local.get 0))))'

    def visit(editor: BodyEditor, record: Record) -> None:
        if record.mnemonic == "f64.load":
            editor.emit("local.get", 0)
            editor.emit("i32.const", 64)
            editor.emit("i32.lt_u")
            label = editor.open("if")
            editor.emit("f64.const", -2.5)
            editor.emit("return")
            editor.emit("f32.const", 1.0)  # cannot be reached: left out
            editor.end(label)
        editor.copy(record)

    instance = instance_with(lambda info, bodies: edit_bodies(info, bodies, visit), text=text)
    assert (instance.exports.f(63), instance.exports.f(64)) == (-2.5, 0.0)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda editor: editor.emit("i32.add"),
        lambda editor: editor.emit("i32.const", 1),
        lambda editor: editor.emit("br", 99),
        lambda editor: editor.emit("nonsense"),
        lambda editor: editor.emit("block"),
        lambda editor: editor.open("else"),
        lambda editor: editor.open("block"),
        lambda editor: editor.end(0),
    ],
)
def test_mistakes_are_said(mistake: Any) -> None:
    info, bodies = bodies_of('(module (func (export "f")))')

    def visit(editor: BodyEditor, record: Record) -> None:
        mistake(editor)
        editor.copy(record)

    with pytest.raises(MiddlewareError):
        edit_bodies(info, bodies, visit)


def test_numbers_of_calls_are_taken_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finalizer, or a signal's handler, may call the instance at any step of what writes a line."""
    text = '(module (func (export "f")))'
    module = compile_with(text, find_compiler("singlepass"), CompilerConfig(middlewares=(CallTrace(),)))
    exports = module.instantiate().exports
    lines = io.StringIO()
    left = 0

    def at_each_step(frame: Any, event: str, argument: object) -> Any:
        nonlocal left
        if frame.f_code.co_name != "report":
            return None
        frame.f_trace_opcodes = True
        left -= event == "opcode"
        if not left and event == "opcode":
            sys.settrace(None)
            exports.f()
        return at_each_step

    monkeypatch.setattr(sys, "stderr", lines)
    before = sys.gettrace()
    for steps in range(1, 60):
        left = steps
        sys.settrace(at_each_step)
        try:
            exports.f()
        finally:
            sys.settrace(before)
    numbers = [int(line.partition("]")[0][1:]) for line in lines.getvalue().splitlines()]
    assert sorted(numbers) == list(range(len(numbers))) and len(numbers) > 80


@pytest.mark.parametrize("limit", [2**63, 2**64 - 2**39, 2**64 - 1])
def test_points_do_not_overflow(limit: int) -> None:
    """Each ``memory.grow`` by more than there can be costs 2**38 points, and nothing else."""
    text = '(module (memory 1) (func (export "f") (loop (drop (memory.grow (i32.const -1))) (br 0))))'
    module = compile_with(text, find_compiler("singlepass"), CompilerConfig(middlewares=(Metering(limit),)))
    instance = module.instantiate()
    for points in (limit - 2**39, limit, 2**64 - 2**41, 2**64 - 1):
        set_points_used(instance, points)
        with pytest.raises(ExecutionLimitExceeded):
            instance.exports.f(timeout=60)
        assert get_points_used(instance) >= min(points, MOST_POINTS)
