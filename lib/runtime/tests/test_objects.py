"""Objects of compiled code while signals, deadlines, threads and forks come between."""

import gc
import os
import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from wasmer_runtime import CompilerConfig, compile
from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running import interrupts

TREES = """
(module
  (import "host" "call" (func $call (param anyref) (result anyref)))
  (type $node (struct (field $left (mut (ref null $node))) (field $right (mut (ref null $node)))))
  (type $thing (struct (field $of (mut externref))))
  (global $kept (export "kept") (mut anyref) (ref.null any))
  (func $make (export "make") (param i32) (result (ref $node))
    (if (result (ref $node)) (local.get 0)
      (then (struct.new $node
        (call $make (i32.sub (local.get 0) (i32.const 1))) (call $make (i32.sub (local.get 0) (i32.const 1)))))
      (else (struct.new_default $node))))
  (func $count (export "count") (param (ref null $node)) (result i32)
    (if (result i32) (ref.is_null (local.get 0))
      (then (i32.const 0))
      (else (i32.add (i32.const 1) (i32.add
        (call $count (struct.get $node $left (local.get 0))) (call $count (struct.get $node $right (local.get 0))))))))
  (func (export "trees") (param $n i32) (param $depth i32) (result i32) (local $sum i32)
    (loop $l
      (local.set $sum (i32.add (local.get $sum) (call $count (call $make (local.get $depth)))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "forever") (loop $l (drop (call $make (i32.const 8))) (br $l)))
  (func (export "hold") (param externref) (global.set $kept (struct.new $thing (local.get 0))))
  (func (export "call") (param $depth i32) (result i32)
    (call $count (ref.cast (ref null $node) (call $call (call $make (local.get $depth)))))))
"""


def trees(call: Any = lambda given: given, **options: Any) -> Any:
    return compile(TREES, "singlepass", CompilerConfig(**options)).instantiate({"host": {"call": call}})


@contextmanager
def stress(how: int) -> Iterator[None]:
    machine.heap_stress(how)
    try:
        yield
    finally:
        machine.heap_stress(0)


@pytest.mark.parametrize("how", [0, 1, 2])
def test_signals_that_run_code_amid_collections(how: int) -> None:
    """A handler makes objects in the instance that it found at work, and may find it amid an allocation."""
    instance = trees()
    ran = 0

    def handler(*_: object) -> None:
        nonlocal ran
        ran += 1
        assert instance.exports.trees(1, 3) == 15

    rounds, depth = (3, 6) if how else (40, 12)
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        with stress(how):
            while ran < 5:
                assert instance.exports.trees(rounds, depth) == rounds * (2 ** (depth + 1) - 1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("how", [0, 2])
def test_a_deadline_ends_code_that_makes_objects(how: int) -> None:
    instance = trees()
    kept = instance.exports.make(10)
    with stress(how):
        for _ in range(3):
            with pytest.raises(Timeout), interrupts.timeout(0.02):
                instance.exports.forever()
    assert instance.exports.count(kept) == 2047
    assert instance.exports.trees(3, 5) == 3 * 63


def test_host_functions_collect_and_call_back_while_code_holds_objects() -> None:
    def call(given: Any) -> Any:
        assert instance.heap.collect()
        assert instance.exports.trees(50, 6) == 50 * 127
        assert instance.heap.collect()
        return given

    instance = trees(call)
    for how in (0, 1, 2):
        with stress(how):
            assert instance.exports.call(4) == 31


def test_threads_that_let_go_of_the_lock_have_heaps_of_their_own() -> None:
    results: list[int] = []
    instances = [trees(release_gil=True) for _ in range(3)]
    kept = [instance.exports.make(8) for instance in instances]

    def run(instance: Any) -> None:
        results.append(instance.exports.trees(300, 8))

    with stress(2):
        threads = [threading.Thread(target=run, args=(instance,)) for instance in instances]
        for thread in threads:
            thread.start()
        for _ in range(200):
            more = trees()
            assert more.exports.trees(2, 4) == 62
        for thread in threads:
            thread.join()
    assert results == [300 * 511] * 3
    assert [instance.exports.count(node) for instance, node in zip(instances, kept, strict=True)] == [511] * 3


@pytest.mark.parametrize("how", [0, 2])
def test_a_child_goes_on_with_the_heap_as_it_is(how: int) -> None:
    def call(given: Any) -> Any:
        nonlocal child
        child = os.fork()
        return given

    child = -1
    instance = trees(call)
    kept = instance.exports.make(12)
    with stress(how):
        instance.exports.trees(30, 8)  # marking is under way
        count = instance.exports.call(6)
        if child == 0:
            right = (
                count == 127 and instance.exports.trees(300, 8) == 300 * 511 and instance.exports.count(kept) == 8191
            )
            os._exit(0 if right else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert count == 127 and instance.exports.trees(300, 8) == 300 * 511 and instance.exports.count(kept) == 8191


def test_greenlets_put_aside_keep_what_their_stacks_hold() -> None:
    greenlet = pytest.importorskip("greenlet")

    def call(given: Any) -> Any:
        main.switch()
        return given

    instance = trees(call)
    main = greenlet.getcurrent()
    waiting = [greenlet.greenlet(instance.exports.call) for _ in range(3)]
    for each in waiting:
        each.switch(5)
    with stress(1):
        assert instance.exports.trees(10, 4) == 310
    assert instance.exports.trees(3000, 6) == 3000 * 127
    assert [each.switch() for each in waiting] == [63] * 3
    assert instance.heap.collect()


def test_what_code_put_into_objects_goes_with_them() -> None:
    class Thing:
        pass

    instance = trees()
    things = [Thing() for _ in range(5000)]
    weak = [weakref.ref(thing) for thing in things]
    while things:
        instance.exports.hold(things.pop())
    gc.collect()
    alive = sum(each() is not None for each in weak)
    assert 1 <= alive < 3000  # pruned now and then, without being asked
    assert instance.heap.collect()
    assert [each() is not None for each in weak] == [True] + [False] * 4999
