"""Host functions that switch greenlets while WebAssembly frames are on the stack, in any order."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from functools import reduce
from typing import Any

import pytest

from wasmer_runtime import instantiate, timeout
from wasmer_runtime.error import Timeout, Trap

greenlet: Any = pytest.importorskip("greenlet", reason="greenlet is not installed")

MODULE = """
(module
  (import "env" "switch" (func $switch (param i32) (result i32)))
  (memory 1)
  (func (export "count") (param $to i32) (result i32) (local $at i32) (local $sum i32)
    (loop
      (local.set $sum (i32.add (local.get $sum) (call $switch (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get $at) (local.get $to))))
    (local.get $sum))
  (func (export "trap") (param i32) (result i32)
    (drop (call $switch (i32.const 0))) (i32.load (local.get 0)))
  (func (export "unreachable") (drop (call $switch (i32.const 0))) unreachable)
  (func (export "spin") (drop (call $switch (i32.const 0))) (loop (br 0))))
"""


def make(switch: Any) -> Any:
    return instantiate(MODULE, {"env": {"switch": switch}}).exports


def to_parent(value: int) -> Any:
    return greenlet.getcurrent().parent.switch(value)


def deeper(depth: int, function: Any, *arguments: Any) -> Any:
    """Call it further down the C stack: greenlets that start there have their frames elsewhere."""
    if depth == 0:
        return function(*arguments)
    return reduce(lambda *_: deeper(depth - 1, function, *arguments), "1", None)


@pytest.mark.parametrize("without_gil", [False, True])
def test_a_function_gives_values_one_by_one(without_gil: bool) -> None:
    exports = make(to_parent)
    generator = greenlet.greenlet(exports.count.released if without_gil else exports.count)
    given = [generator.switch(3)]
    while not generator.dead:
        given.append(generator.switch(10))
    assert given == [0, 1, 2, 30]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("depths", [(0,) * 6, (0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (2, 9, 0, 7, 7, 1)])
def test_calls_that_end_in_any_order(shared: bool, depths: tuple[int, ...]) -> None:
    """Each greenlet's call is entered, left and entered again while the others' are on the stack."""
    one = make(to_parent)
    every = [one if shared else make(to_parent) for _ in depths]
    workers = [greenlet.greenlet(exports.count) for exports in every]
    for number, worker in enumerate(workers):
        assert deeper(depths[number], worker.switch, 6 - number) == 0
    ends: list[int] = []
    order = [3, 0, 5, 1, 4, 2]
    while order:
        for number in list(order):
            result = workers[number].switch(1)
            if workers[number].dead:
                assert result == 6 - number
                ends.append(number)
                order.remove(number)
        order.reverse()
    assert sorted(ends) == list(range(6)) and ends != sorted(ends)
    assert [greenlet.greenlet(exports.count).switch(1) for exports in every] == [0] * 6


@pytest.mark.parametrize("depths", [(0, 0, 0), (0, 3, 6), (6, 3, 0)])
def test_traps_and_exceptions_reach_their_own_greenlet(depths: tuple[int, int, int]) -> None:
    exports = make(to_parent)
    first, second = greenlet.greenlet(exports.trap), greenlet.greenlet(exports.unreachable)
    third = greenlet.greenlet(exports.trap)
    deeper(depths[0], first.switch, 1 << 20)
    deeper(depths[1], second.switch)
    deeper(depths[2], third.switch, 0)
    with pytest.raises(Trap) as caught:
        first.switch(0)
    assert caught.value.kind == "MEMORY_OUT_OF_BOUNDS" and [f.function_name for f in caught.value.frames] == ["trap"]
    with pytest.raises(KeyError) as failed:
        third.throw(KeyError("thrown"))
    assert "trap (function" in failed.value.__notes__[0]
    with pytest.raises(Trap) as caught:
        second.switch(0)
    assert caught.value.kind == "UNREACHABLE" and caught.value.frames[0].function_name == "unreachable"


def test_deadlines_and_greenlets_that_are_dropped() -> None:
    exports = make(to_parent)
    one, other = greenlet.greenlet(exports.spin), greenlet.greenlet(exports.count)
    deeper(4, one.switch)
    other.switch(5)
    with pytest.raises(Timeout), timeout(0.02):
        one.switch(0)
    del other, one  # GreenletExit is raised in its host function, and passes through the code
    gc.collect()
    worker = greenlet.greenlet(exports.count)
    assert worker.switch(1) == 0 and worker.switch(7) == 7
    assert make(lambda number: number).count(4) == 6


def test_signals_behind_calls_that_ended_out_of_order_start_no_timer_that_stays() -> None:
    exports = make(to_parent)
    first, second = greenlet.greenlet(exports.count), greenlet.greenlet(exports.count)
    first.switch(1)
    deeper(3, second.switch, 1)
    assert first.switch(1) == second.switch(1) == 1
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    reader, writer = os.pipe()
    try:
        signal.raise_signal(signal.SIGALRM)
        time.sleep(0.01)
        drainer = threading.Thread(target=lambda: [time.sleep(0.02), *iter(lambda: os.read(reader, 1 << 16), b"")])
        drainer.start()
        assert os.write(writer, bytes(1 << 20)) == 1 << 20
    finally:
        os.close(writer)
        drainer.join()
        os.close(reader)
        signal.signal(signal.SIGALRM, before)
