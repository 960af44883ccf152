"""Objects of compiled code while signals, deadlines, threads and forks come between."""

import gc
import os
import signal
import sys
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
from wasmer_runtime_core.running.objects.tags import WasmException

TREES = """
(module
  (import "host" "call" (func $call (param anyref) (result anyref)))
  (type $node (struct (field $left (mut (ref null $node))) (field $right (mut (ref null $node)))))
  (type $thing (struct (field $of (mut externref))))
  (type $nodes (array (mut (ref null $node))))
  (table (export "table") 1 (ref null $node))
  (tag (export "tag") (param (ref null $node)))
  (func (export "get") (result (ref $node)) (struct.new $node (struct.new_default $node) (ref.null $node)))
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
        assert instance.heap.collect() == ("greenlet" not in sys.modules)
        assert instance.exports.trees(50, 6) == 50 * 127
        assert instance.heap.collect() == ("greenlet" not in sys.modules)
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


@pytest.mark.parametrize("how", [0, 1, 2])
@pytest.mark.parametrize("ask", ["collect", "struct", "array", "write", "in a host function"])
def test_what_python_asks_of_a_heap_leaves_greenlets_put_aside_what_they_hold(ask: str, how: int) -> None:
    greenlet = pytest.importorskip("greenlet")

    def call(given: Any) -> Any:
        return main.switch() or given

    def deeper(times: int) -> int:
        """Writes over the part of the stack where the greenlet was."""
        return 1 + max([deeper(times - 1), times]) if times else 0

    instance = trees(call)
    main = greenlet.getcurrent()
    waiting = greenlet.greenlet(instance.exports.call)
    waiting.switch(5)  # the only call: nothing of it is on the stack of who asks now
    deeper(50)
    kept = []
    with stress(how):
        for at in range(500):
            if ask == "collect":
                assert not instance.heap.collect()
            elif ask == "struct":
                kept.append(instance.struct("node"))
            elif ask == "array":
                kept.append(instance.array("nodes", [None] * (at % 40)))
            elif ask == "write":
                instance.struct("thing", object())["of"] = object()
            else:
                other = greenlet.greenlet(lambda: [instance.heap.collect(), instance.struct("node")])
                kept.append(other.switch()[1])
    for _ in range(64):
        instance.struct("node")  # where something was freed
    assert waiting.switch() == 63
    assert instance.heap.collect()


@pytest.mark.parametrize("place", ["field", "element", "slice", "global", "table", "exception", "result"])
def test_an_object_that_python_is_about_to_get_is_not_freed_by_a_thread_that_comes_between(place: str) -> None:
    """To make an object of Python's may run finalizers, and meanwhile another thread takes the last reference away."""
    instance = trees()
    holder = {
        "field": lambda: instance.struct("node"),
        "element": lambda: instance.array("nodes", [None]),
        "slice": lambda: instance.array("nodes", [None]),
        "global": lambda: instance.exports.kept,
        "table": lambda: instance.exports.table,
        "exception": lambda: None,
        "result": lambda: None,
    }[place]()
    tag = instance.exports.tag
    thrown: list[Any] = []

    def put(value: Any) -> None:
        if place == "field":
            holder["left"] = value
        elif place in ("element", "slice", "table"):
            holder[0] = value
        elif place == "global":
            holder.set(value)
        elif place == "exception" and value is not None:
            thrown.append(WasmException(tag, [value]))
        elif place == "exception":
            thrown.clear()

    def get() -> Any:
        if place == "exception":
            return thrown[0].values[0]
        if place == "result":
            return instance.exports.get()
        return (
            holder.get()
            if place == "global"
            else holder["left"]
            if place == "field"
            else holder[0:1][0]
            if place == "slice"
            else holder[0]
        )

    def between() -> None:
        put(None)
        instance.heap.collect()
        others.extend(instance.struct("node") for _ in range(300))

    class Finalized:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            thread = threading.Thread(target=between)
            thread.start()
            thread.join()

    def run(threshold: int) -> None:
        gc.set_threshold(threshold, 1, 1)
        gc.enable()
        try:
            found.append(get())
        finally:
            gc.disable()
            gc.set_threshold(*before)

    others: list[Any] = []
    found: list[Any] = []
    before = gc.get_threshold()
    try:
        for threshold in range(1, 9):
            gc.disable()
            Finalized()
            put(instance.struct("node", instance.struct("node")))
            thread = threading.Thread(target=run, args=(threshold,))  # that has never called code
            thread.start()
            thread.join()
            gc.collect()
    finally:
        gc.enable()
    assert len(found) == 8
    assert all(value is None or instance.exports.count(value) == 2 for value in found)


def test_names_of_fields_are_those_of_the_module_that_an_object_comes_from() -> None:
    def module(*names: str) -> Any:
        fields = " ".join(f"(field {name} i32)" for name in names)
        text = f"""(module (type $pair (struct {fields}))
            (func (export "make") (param i32 i32) (result (ref $pair))
                (struct.new $pair (local.get 0) (local.get 1))))"""
        return compile(text, "singlepass").instantiate()

    instances = {names: module(*names) for names in (("$y", "$x"), ("$x", "$y"), ("", ""), ("$x", ""))}
    for _ in range(2):
        for names, instance in instances.items():
            pair = instance.exports.make(1, 2)
            assert pair.names == tuple([name[1:] or None for name in names])
            for at, name in enumerate(names):
                assert not name or pair[name[1:]] == pair[at] == at + 1
            for name in {"$x", "$y"} - {*names}:
                with pytest.raises(KeyError):
                    pair[name[1:]]


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
