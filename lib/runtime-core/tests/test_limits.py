"""Limits: exceeding each gives the documented error, and nothing else changes."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from typing import Any

import pytest

from wasmer_runtime_core import errors
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.contract.values import ElementType, TableDescriptor
from wasmer_runtime_core.errors import (
    MemoryGrowError,
    TableGrowError,
    TooManyInstances,
    Trap,
    UnableToCreateMemory,
    UnableToCreateTable,
)
from wasmer_runtime_core.running.objects.limits import NAMES, Limits
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.table import Table

TEXT = """
(module
  (import "env" "again" (func $again (param i32)))
  (memory (export "memory") 2 10)
  (table (export "table") 3 funcref)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "grow_table") (param i32) (result i32) (table.grow (ref.null func) (local.get 0)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (i32.const 0))))
  (func (export "through") (param i32) (call $again (local.get 0))))
"""


@pytest.fixture(scope="module")
def module() -> Any:
    return compile_with(TEXT, find_compiler("singlepass"))


def instance_of(module: Any, limits: Limits | None = None, again: Any = lambda depth: None) -> Any:
    return module.instantiate({"env": {"again": again}}, limits)


def test_memory_pages(module: Any) -> None:
    instance = instance_of(module, Limits(memory_pages=4))
    assert instance.exports.grow(2) == 2
    assert instance.exports.grow(1) == -1
    with pytest.raises(MemoryGrowError):
        instance.exports.memory.grow(1)
    assert instance.exports.memory.pages == 4
    assert instance_of(module).exports.grow(8) == 2
    with pytest.raises(UnableToCreateMemory, match="2 pages is wanted; the limit is 1"):
        instance_of(module, Limits(memory_pages=1))
    assert instance_of(module, Limits(memory_pages=2)).exports.grow(1) == -1
    assert instance_of(module, Limits(memory_pages=100)).exports.grow(9) == -1  # the module's own maximum


def test_table_elements(module: Any) -> None:
    instance = instance_of(module, Limits(table_elements=5))
    assert instance.exports.grow_table(2) == 3
    assert instance.exports.grow_table(1) == -1
    with pytest.raises(TableGrowError):
        instance.exports.table.grow(1)
    with pytest.raises(UnableToCreateTable, match="3 elements is wanted; the limit is 2"):
        instance_of(module, Limits(table_elements=2))


def test_pages_of_all_memories(module: Any) -> None:
    limits = Limits(total_memory_pages=7)
    first = instance_of(module, limits)
    second = instance_of(module, limits)
    assert limits.pages == 4
    assert first.exports.grow(2) == 2
    assert second.exports.grow(2) == -1
    with pytest.raises(MemoryGrowError, match="with all others under its limits"):
        second.exports.memory.grow(2)
    with pytest.raises(UnableToCreateMemory, match="all memories have 6, and the limit is 7"):
        instance_of(module, limits)
    with pytest.raises(UnableToCreateMemory):
        Memory(2, limits=limits)
    memory = Memory(1, limits=limits)
    assert second.exports.grow(1) == -1
    memory.close()  # gives back what it had
    assert limits.pages == 6
    assert second.exports.grow(1) == 2
    del first
    assert limits.pages == 3
    view = memoryview(second.exports.memory)
    del second
    assert limits.pages == 3
    view.release()
    assert (limits.pages, limits.elements, limits.alive) == (0, 0, 0)


def test_elements_of_all_tables(module: Any) -> None:
    limits = Limits(total_table_elements=10, table_elements=8)
    first = instance_of(module, limits)
    table = Table(TableDescriptor(ElementType.FUNCREF, 2), limits=limits)
    assert limits.elements == 5
    assert first.exports.grow_table(4) == 3
    with pytest.raises(TableGrowError, match="with all others under its limits"):
        table.grow(2)
    with pytest.raises(UnableToCreateTable, match="all tables have 9, and the limit is 10"):
        instance_of(module, limits)
    with pytest.raises(UnableToCreateTable):
        Table(TableDescriptor(ElementType.FUNCREF, 2), limits=limits)
    assert table.grow(1) == 2
    del first
    assert limits.elements == 3
    assert table.grow(5) == 3
    with pytest.raises(TableGrowError):
        table.grow(1)  # it alone may have no more
    del table
    gc.collect()
    assert limits.elements == 0


def test_tables_of_one_module_count_together() -> None:
    """Each alone is within the limit; under none, all are within that of a table."""
    module = compile_with("(module" + "(table 6 funcref)" * 3 + ")", find_compiler("singlepass"))
    with pytest.raises(UnableToCreateTable, match="tables of 12 elements are wanted"):
        module.instantiate(limits=Limits(total_table_elements=10))
    large = compile_with("(module" + "(table 4000000 funcref)" * 3 + ")", find_compiler("singlepass"))
    with pytest.raises(UnableToCreateTable, match="tables of 12000000 elements together"):
        large.instantiate()


@pytest.mark.parametrize("index_type", ["i32", "i64"])
def test_memories_of_one_module_count_together(index_type: str) -> None:
    """None is made where they cannot all be had."""
    module = compile_with("(module" + f"(memory {index_type} 6)" * 3 + ")", find_compiler("singlepass"))
    limits = Limits(total_memory_pages=16)
    with pytest.raises(UnableToCreateMemory, match="memories of 18 pages are wanted; all memories have 0"):
        limits.check(module.info)
    with pytest.raises(UnableToCreateMemory, match="memories of 18 pages are wanted"):
        module.instantiate(limits=limits)
    assert limits.pages == 0
    assert module.instantiate(limits=Limits(total_memory_pages=18)) is not None


def test_what_could_not_be_made_takes_nothing(module: Any) -> None:
    limits = Limits(total_memory_pages=2, total_table_elements=4, instances=5)
    with pytest.raises(UnableToCreateTable):
        compile_with("(module (memory 1) (table 5 funcref))", find_compiler("singlepass")).instantiate(limits=limits)
    with pytest.raises(Trap):
        compile_with('(module (memory 1) (data (i32.const 65536) "x"))', find_compiler("singlepass")).instantiate(
            limits=limits
        )
    first, second = instance_of(module), instance_of(module)
    limits.apply(first.core)
    with pytest.raises(UnableToCreateMemory, match="all memories under these limits have 2, and may have 2"):
        limits.apply(second.core)  # as if the first had been made in another thread, after `check`
    del first, second
    gc.collect()
    assert (limits.pages, limits.elements, limits.alive) == (0, 0, 0)


def test_threads_share_what_there_is() -> None:
    """Memories grow without the GIL: together they take all there is and no page more."""
    text = """(module (memory 0) (table 0 funcref)
      (func (export "grow") (result i32) (memory.grow (i32.const 1)))
      (func (export "grow_table") (result i32) (table.grow (ref.null func) (i32.const 1))))"""
    module = compile_with(text, find_compiler("singlepass"), CompilerConfig(release_gil=True))
    limits = Limits(total_memory_pages=500, total_table_elements=300, instances=6)
    grown: list[tuple[int, int]] = []
    refused: list[TooManyInstances] = []

    def work() -> None:
        try:
            exports = module.instantiate(limits=limits).exports
        except TooManyInstances as error:
            refused.append(error)
            return
        pages = sum(exports.grow() >= 0 for _ in range(400))
        grown.append((pages, sum(exports.grow_table() >= 0 for _ in range(400))))
        kept.append(exports)

    kept: list[Any] = []
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(grown), len(refused)) == (6, 2)
    assert sum(pages for pages, _ in grown) == limits.pages == 500
    assert sum(elements for _, elements in grown) == limits.elements == 300
    kept.clear()
    gc.collect()
    assert (limits.pages, limits.elements, limits.alive) == (0, 0, 0)


def test_references_of_one_call() -> None:
    """What a host function returns is kept until the outermost call ends; the same object is kept once."""
    text = """(module
      (import "h" "get" (func $get (result externref)))
      (import "h" "two" (func $two (result i32 externref)))
      (func (export "many") (param $n i32)
        (loop (drop (call $get)) (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
      (func (export "pairs") (param $n i32)
        (loop (call $two) drop drop (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"""
    module = compile_with(text, find_compiler("singlepass"))
    given: list[weakref.ref[Any]] = []
    few = [object() for _ in range(50)]
    same = itertools.cycle(few)

    class Object:
        pass

    def fresh() -> Object:
        made = Object()
        given.append(weakref.ref(made))
        return made

    for get in (fresh, lambda: next(same)):
        imports = {"h": {"get": get, "two": lambda get=get: (1, get())}}
        exports = module.instantiate(imports, Limits(references=100)).exports
        for function in (exports.many, exports.pairs):
            function(90)
            given.clear()
            if get is not fresh:
                function(10_000)
                continue
            with pytest.raises(
                errors.RuntimeError, match=r"objects during one call, and it may hold 100 \(Limits: ref"
            ):
                function(10_000)
            assert 100 < len(given) <= 202
            assert not any(reference() for reference in given)
            function(90)


def test_imported_memories_are_not_limited(module: Any) -> None:
    memory = instance_of(module).exports.memory
    text = '(module (import "a" "memory" (memory 1)) (func (export "grow") (result i32) (memory.grow (i32.const 1))))'
    user = compile_with(text, find_compiler("singlepass")).instantiate(
        {"a": {"memory": memory}}, Limits(memory_pages=1)
    )
    assert user.exports.grow() == 2


def test_instances_that_are_alive(module: Any) -> None:
    limits = Limits(instances=2)
    first, second = instance_of(module, limits), instance_of(module, limits)
    assert limits.alive == 2
    with pytest.raises(TooManyInstances, match="the limit is 2"):
        instance_of(module, limits)
    function = first.exports.grow
    del first
    with pytest.raises(TooManyInstances):  # a function keeps it alive
        instance_of(module, limits)
    del function
    third = instance_of(module, limits)
    assert limits.alive == 2 and second and third
    del second, third
    gc.collect()
    assert limits.alive == 0


def depth_reached(instance: Any) -> int:
    low, high = 0, 1 << 22
    while low < high:
        middle = (low + high + 1) // 2
        try:
            assert instance.exports.deep(middle) == middle
            low = middle
        except Trap as trap:
            assert trap.kind == "STACK_OVERFLOW"
            high = middle - 1
    return low


def test_stack_bytes(module: Any) -> None:
    small, large, free = (
        depth_reached(instance_of(module, Limits(stack_bytes=size))) for size in (32 * 1024, 128 * 1024, None)
    )
    assert 100 < small < large < free
    assert 3.5 < large / small < 4.5
    with pytest.raises(Trap) as caught:
        instance_of(module, Limits(stack_bytes=0)).exports.deep(1)
    assert caught.value.kind == "STACK_OVERFLOW"


def test_the_stack_is_one_through_the_host(module: Any) -> None:
    reached = []

    def again(depth: int) -> None:
        reached.append(depth)
        instance.exports.through(depth + 1)

    instance = instance_of(module, Limits(stack_bytes=100_000), again)
    with pytest.raises((Trap, RecursionError)):
        instance.exports.through(0)
    assert 1 < len(reached) < 1000


def test_linked_instances_share_the_smallest(module: Any) -> None:
    text = """
    (module (import "a" "deep" (func $deep (param i32) (result i32))) (export "deep" (func $deep))
      (func (export "run") (param i32) (result i32) (call $deep (local.get 0))))"""
    inner = instance_of(module, Limits(stack_bytes=16 * 1024))
    alone = depth_reached(inner)
    outer = compile_with(text, find_compiler("singlepass")).instantiate({"a": inner}, Limits(stack_bytes=64 * 1024))
    assert abs(depth_reached(outer) - alone) < 10


def test_wrong_limits_are_refused() -> None:
    for name in NAMES:
        for wrong in (-1, 1 << 63, 1.5, "1"):
            with pytest.raises(ValueError, match=name):
                Limits(**{name: wrong})  # type: ignore[arg-type]
    assert repr(Limits(instances=3, memory_pages=0)) == "Limits(memory_pages=0, instances=3)"
