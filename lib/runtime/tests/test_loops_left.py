"""Calls that go on in better code at the head of a loop: what they compute never shows it."""

from __future__ import annotations

import pickle
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("wasmer_clif_backend", reason="the second tier is not installed")

from tests.swapping import Swapped
from wasmer_runtime import compile, timeout, wat2wasm
from wasmer_runtime.error import Timeout, Trap
from wasmer_runtime_core.compiling.tiers.background import BACKGROUND

NESTS = """(module
  (import "env" "look" (func $look (param i32)))
  (memory 1)
  (tag $e (param i64))
  (global $g (mut i64) (i64.const 1))
  (func (export "reset")
    (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (global.set $g (i64.const 1)))
  (func $note (param i64) (result i64)
    (global.set $g (i64.add (i64.mul (global.get $g) (i64.const 31)) (local.get 0))) (global.get $g))
  (func $leaf (export "leaf") (param $n i32) (result i64) (local $i i32) (local $sum i64) (local $x f64) (local $y f32)
    (local.set $x (f64.const 1.5)) (local.set $y (f32.const 0.25))
    (loop $outer
      (local.set $i (i32.const 0))
      (loop $inner
        (i64.store (i32.and (local.get $i) (i32.const 0xff8)) (local.get $sum))
        (local.set $sum (i64.add (i64.rotl (local.get $sum) (i64.const 5)) (i64.extend_i32_u (local.get $i))))
        (local.set $x (f64.add (f64.mul (local.get $x) (f64.const 0.99)) (f64.const 0.5)))
        (local.set $y (f32.add (local.get $y) (f32.const 0.125)))
        (local.set $sum (i64.add (local.get $sum) (i64.load (i32.and (local.get $n) (i32.const 0xff8)))))
        (br_if $inner (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 40))))
      (br_if $outer (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.add (local.get $sum) (i64.add (i64.trunc_sat_f64_s (local.get $x)) (i64.trunc_sat_f32_s (local.get $y)))))
  (func $many (export "many") (param $n i32) (param $a i64) (param $b f64) (param $c f32) (param $d i64) (param $e2 i64)
      (param $f i64) (param $h i64) (param $k f64) (result f64)
    (local $l0 i64) (local $l1 i64) (local $l2 i64) (local $l3 f64) (local $l4 f64) (local $l5 f32) (local $v v128)
    (local.set $v (v128.const i64x2 3 5))
    (loop $more
      (call $look (local.get $n))
      (local.set $l0 (i64.add (local.get $l0) (local.get $a)))
      (local.set $l1 (i64.xor (local.get $l1) (i64.add (local.get $d) (local.get $l0))))
      (local.set $l2 (i64.add (local.get $e2) (i64.sub (local.get $l1) (local.get $f))))
      (local.set $l3 (f64.add (local.get $l3) (f64.mul (local.get $b) (local.get $k))))
      (local.set $l4 (f64.add (local.get $l4) (f64.convert_i64_s (local.get $l2))))
      (local.set $l5 (f32.add (local.get $l5) (local.get $c)))
      (local.set $v (i64x2.add (local.get $v) (i64x2.splat (local.get $h))))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (f64.add (f64.add (local.get $l3) (local.get $l4))
      (f64.add (f64.promote_f32 (local.get $l5)) (f64.convert_i64_s (i64x2.extract_lane 1 (local.get $v))))))
  (func $arms (export "arms") (param $n i32) (result i64) (local $sum i64) (local $i i32)
    (block $out
      (loop $again
        (if (i32.and (local.get $n) (i32.const 1))
          (then
            (local.set $i (i32.const 5))
            (loop $odd
              (call $look (local.get $i))
              (local.set $sum (call $note (i64.add (local.get $sum) (i64.const 3))))
              (br_if $odd (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
          (else
            (local.set $i (i32.const 7))
            (block $done
              (loop $even
                (call $look (local.get $i))
                (local.set $sum (i64.sub (local.get $sum) (i64.extend_i32_u (local.get $i))))
                (br_if $done (i32.eqz (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
                (br_if $out (i64.eq (local.get $sum) (i64.const 77)))
                (br $even)))))
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (local.get $sum))
  (func $throws (param i64) (if (i64.eqz (i64.rem_u (local.get 0) (i64.const 3))) (then (throw $e (local.get 0)))))
  (func $caught (export "caught") (param $n i32) (result i64) (local $sum i64)
    (loop $again
      (block $h (result i64)
        (try_table (catch $e $h)
          (loop $more
            (call $look (local.get $n))
            (local.set $sum (i64.add (local.get $sum) (i64.const 1)))
            (call $throws (i64.extend_i32_u (local.get $n)))
            (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
        (i64.const 1000))
      (local.set $sum (i64.add (local.get $sum)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (i32.gt_s (local.get $n) (i32.const 0))))
    (local.get $sum))
  (func $thrown (export "thrown") (param $n i32) (result i64) (local $keep i64)
    (local.set $keep (i64.const 123456789))
    (block $h (result i64)
      (try_table (catch $e $h) (call $loses (local.get $n)))
      (i64.const 0))
    (i64.add (local.get $keep)))
  (func $loses (param $n i32) (local $a i64) (local $b i64) (local $c i64)
    (loop $more
      (call $look (local.get $n))
      (local.set $a (i64.add (local.get $a) (i64.const 1)))
      (local.set $b (i64.add (local.get $b) (local.get $a)))
      (local.set $c (i64.xor (local.get $b) (local.get $c)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (throw $e (i64.add (local.get $a) (i64.add (local.get $b) (local.get $c)))))
  (func $inner_trap (param $n i32) (result i32)
    (loop $more
      (call $look (local.get $n))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.div_u (i32.const 1) (local.get $n)))
  (func (export "traps") (param $n i32) (result i32) (i32.add (i32.const 1) (call $inner_trap (local.get $n))))
  (func (export "tail") (param $n i32) (result i64)
    (loop $more
      (call $look (local.get $n))
      (br_if $more (i32.and (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 3))))
    (return_call $wide (local.get $n) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5)
      (i64.const 6) (i64.const 7) (i64.const 8)))
  (func $wide (param $n i32) (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (if (local.get $n) (then (return_call $back (local.get $n))))
    (i64.add (local.get 1) (local.get 8)))
  (func $back (param $n i32) (result i64) (local $i i32)
    (local.set $i (i32.const 9))
    (loop $more (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (return_call $wide (i32.sub (local.get $n) (i32.const 1)) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)
      (i64.const 5) (i64.const 6) (i64.const 7) (i64.extend_i32_u (local.get $i))))
  (func (export "pair") (param $n i32) (result i64 i32) (local $sum i64)
    (loop $more
      (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (local.get $n))))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum) (local.get $n))
  (func (export "below") (param $n i32) (result i64) (local $sum i64)
    (i64.add (i64.const 5) (loop $more (result i64)
      (local.set $sum (i64.add (local.get $sum) (i64.const 2)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
      (local.get $sum))))
  (func (export "forever") (loop $more (br $more))))"""

CALLS: Any = {
    "leaf": (30,),
    "many": (25, 3, 1.5, 0.25, 7, -9, 11, 13, 2.5),
    "arms": (9,),
    "caught": (40,),
    "thrown": (12,),
    "tail": (23,),
    "pair": (10,),
    "below": (10,),
}


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    BACKGROUND.stop()


def answers(instance: Any) -> dict[str, Any]:
    instance.exports.reset()
    found = {name: instance.exports[name](*arguments) for name, arguments in CALLS.items()}
    with pytest.raises(Trap, match="integer divide by zero") as caught:
        instance.exports.traps(4)
    found["traps"] = [frame.function_name for frame in caught.value.frames]
    return found


def nothing(number: int) -> None:
    """For `look`."""


WANTED = answers(compile(NESTS, "cranelift", cache=False).instantiate({"env": {"look": nothing}}))


def test_the_answers_are_those_of_one_backend() -> None:
    assert answers(compile(NESTS, "singlepass", cache=False).instantiate({"env": {"look": nothing}})) == WANTED
    assert WANTED["traps"] == ["inner_trap", "traps"]


def test_every_loop_alone_and_from_its_first_round_on() -> None:
    binary = wat2wasm(NESTS)
    entered = 0
    count = Swapped(binary, 0).count
    for number in range(count):
        for at in range(len(Swapped(binary, 0).loops_of(number))):
            swapped = Swapped(binary, 0)
            instance = swapped.module.instantiate({"env": {"look": nothing}})
            loop = swapped.loops_of(number)[at]
            code = swapped._code()
            before = code.read()
            assert code.enter_at_loop(number, *loop.arguments)
            assert not code.enter_at_loop(number, *loop.arguments)
            assert answers(instance) == WANTED and answers(instance) == WANTED, (number, at)
            assert code.read() == before
            entered += 1
    assert entered == 12


@pytest.mark.parametrize("seed", range(6))
def test_entered_at_random_rounds(seed: int) -> None:
    """By host functions, while functions are exchanged too; instances and calls below share the code."""
    swapped = Swapped(wat2wasm(NESTS), seed)
    rounds = [0]

    def look(number: int) -> None:
        rounds[0] += 1
        if swapped._random.randrange(40) == 0:
            swapped.enter()
        if swapped._random.randrange(40) == 0:
            swapped.swap()

    instance = swapped.module.instantiate({"env": {"look": look}})
    for _ in range(12):
        assert answers(instance) == WANTED
    assert swapped.entered > 3


@pytest.mark.parametrize("release_gil", [False, True])
def test_entered_between_any_two_instructions(release_gil: bool) -> None:
    for seed in range(4):
        swapped = Swapped(wat2wasm(NESTS), seed)
        swapped.make_all()
        instance = swapped.module.instantiate({"env": {"look": nothing}})
        leaf = instance.exports.leaf
        wanted = compile(NESTS, "singlepass", cache=False).instantiate({"env": {"look": nothing}}).exports.leaf(3000)
        before = signal.signal(signal.SIGVTALRM, lambda *_, swapped=swapped: swapped.enter(2))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0007, 0.0007)
        try:
            results = {(leaf.released if release_gil else leaf)(3000)}
            while swapped.entered < 8:
                instance.exports.reset()
                results.add(leaf(3000))
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
        assert results == {wanted}
        assert answers(instance) == WANTED


def test_entered_by_another_thread_while_several_run() -> None:
    swapped = Swapped(wat2wasm(NESTS), 8)
    swapped.make_all()
    instances = [swapped.module.instantiate({"env": {"look": nothing}}) for _ in range(3)]
    wanted = compile(NESTS, "singlepass", cache=False).instantiate({"env": {"look": nothing}}).exports.leaf(20000)
    results: list[int] = []
    calls = [each.exports.leaf.released for each in instances]
    threads = [threading.Thread(target=lambda call=call: results.append(call(20000))) for call in calls]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or swapped.entered < 8:
        swapped.enter()
        time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert results == [wanted] * 3
    assert all(answers(each) == WANTED for each in instances)


def test_what_is_stored_is_as_it_was_compiled() -> None:
    swapped = Swapped(wat2wasm(NESTS), 1)
    swapped.module.instantiate({"env": {"look": nothing}})
    swapped.make_all()
    for number in range(swapped.count):
        for loop in swapped.loops_of(number):
            assert swapped._code().enter_at_loop(number, *loop.arguments)
    assert swapped.module.serialize() == compile(NESTS, "singlepass", cache=False).serialize()
    assert answers(pickle.loads(pickle.dumps(swapped.module)).instantiate({"env": {"look": nothing}})) == WANTED


def test_what_makes_no_sense_is_refused() -> None:
    swapped = Swapped(wat2wasm(NESTS), 1)
    swapped.module.instantiate({"env": {"look": nothing}})
    code = swapped._code()
    (number, loop) = next((number, swapped.loops_of(number)[0]) for number in range(20) if swapped.loops_of(number))
    offset, machine, offsets, *tables, moves, stack = loop.arguments
    for wrong in (
        (1 << 20, machine, offsets, *tables, moves, stack),
        (offset, machine, offsets[:8], *tables, moves, stack),
        (offset, machine, offsets, *tables, moves[:-1], stack),
        (offset, machine, offsets, *tables, b"\x07" + moves[1:], stack),
        (offset, machine, offsets, *tables, moves, 1 << 30),
        (offset, machine[:-30], offsets, *tables, moves, stack),
    ):
        with pytest.raises(ValueError):
            code.enter_at_loop(number, *wrong)
    with pytest.raises(ValueError):
        code.enter_at_loop(1000, *loop.arguments)
    with pytest.raises(IndexError):
        code.read_function(1000)
    assert not loop.is_of(code.read_function(number + 1))


def test_a_loop_that_is_never_left_is_found_and_goes_on_in_better_code() -> None:
    """By ticks alone: it calls nothing. A deadline ends it, in the new code as in the old."""
    module = compile(NESTS, cache=False)
    forever = module.instantiate({"env": {"look": nothing}}).exports.forever
    while not module.tiers.entered:
        assert not module.tiers.broken
        with pytest.raises(Timeout), timeout(2):
            forever()
    with pytest.raises(Timeout) as ended, timeout(0.05):
        forever()
    assert "".join(ended.value.__notes__).count("(function ") == 1
