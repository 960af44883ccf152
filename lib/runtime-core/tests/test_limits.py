"""Limits: exceeding each gives the documented error, and nothing else changes."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from wasmer_runtime_core.backends import find_compiler
from wasmer_runtime_core.errors import (
    MemoryGrowError,
    TableGrowError,
    TooManyInstances,
    Trap,
    UnableToCreateMemory,
    UnableToCreateTable,
)
from wasmer_runtime_core.limits import Limits
from wasmer_runtime_core.pipeline import compile_with

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
    with pytest.raises(UnableToCreateMemory, match="2 pages; the limit is 1"):
        instance_of(module, Limits(memory_pages=1))
    assert instance_of(module, Limits(memory_pages=2)).exports.grow(1) == -1
    assert instance_of(module, Limits(memory_pages=100)).exports.grow(9) == -1  # the module's own maximum


def test_table_elements(module: Any) -> None:
    instance = instance_of(module, Limits(table_elements=5))
    assert instance.exports.grow_table(2) == 3
    assert instance.exports.grow_table(1) == -1
    with pytest.raises(TableGrowError):
        instance.exports.table.grow(1)
    with pytest.raises(UnableToCreateTable, match="3 elements; the limit is 2"):
        instance_of(module, Limits(table_elements=2))


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
    for name in ("memory_pages", "table_elements", "instances", "stack_bytes"):
        for wrong in (-1, 1 << 63):
            with pytest.raises(ValueError, match=name):
                Limits(**{name: wrong})
    assert repr(Limits(instances=3, memory_pages=0)) == "Limits(memory_pages=0, instances=3)"
