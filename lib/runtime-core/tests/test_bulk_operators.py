"""Bulk operators go in pieces: results are those of one step, and what ends a call ends them in the middle."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from typing import Any

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import Cancelled, Timeout, Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.interrupts import timeout

PIECE = 1 << 20
"""Bytes that are written between two looks (native/calls/helpers.c)."""
ELEMENTS = 1 << 16
MEMORY = 4 * PIECE
TABLE = 4 * ELEMENTS

MODULE = compile_with(
    f"""
    (module
      (memory (export "memory") {MEMORY // 65536})
      (table $t (export "table") {TABLE} externref) (table $u (export "second") {TABLE} externref)
      (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
      (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
      (func (export "table_fill") (param i32 externref i32)
        (table.fill $t (local.get 0) (local.get 1) (local.get 2)))
      (func (export "table_copy") (param i32 i32 i32)
        (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
      (func (export "table_copy_across") (param i32 i32 i32)
        (table.copy $u $t (local.get 0) (local.get 1) (local.get 2)))
      (func (export "fill_for_ever") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const {MEMORY})) (br 0))))
    """,
    find_compiler("singlepass"),
)
INITIALISED = compile_with(
    f"""
    (module
      (memory (export "memory") {MEMORY // 65536})
      (data $d "{"0123456789abcde" * (3 * PIECE // 15)}")
      (table (export "table") {2 * ELEMENTS + 10} funcref)
      (elem $e func {"$a $b $b " * (2 * ELEMENTS // 3)})
      (func $a (export "a")) (func $b (export "b"))
      (func (export "init") (param i32 i32 i32) (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
      (func (export "table_init") (param i32 i32 i32) (table.init $e (local.get 0) (local.get 1) (local.get 2))))
    """,
    find_compiler("singlepass"),
)


@pytest.mark.parametrize("count", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7])
def test_memory_in_pieces(count: int) -> None:
    instance = MODULE.instantiate({})
    exports, memory = instance.exports, memoryview(instance.exports.memory)
    pattern = random.Random(count).randbytes(MEMORY)
    for distance in (0, 1, -1, 4097, -4097, PIECE, -PIECE, PIECE - 1, 1 - PIECE):
        if count + abs(distance) > MEMORY:
            continue
        to, source = max(distance, 0), max(-distance, 0)
        memory[:] = pattern
        exports.copy(to, source, count)
        expected = bytearray(pattern)
        expected[to : to + count] = pattern[source : source + count]
        assert memory == expected, distance
    exports.fill(3, 0x5A, count)
    expected[3 : 3 + count] = b"\x5a" * count
    assert memory == expected
    initialised = INITIALISED.instantiate({})
    memory = memoryview(initialised.exports.memory)
    data = (b"0123456789abcde" * (3 * PIECE // 15))[9 : 9 + count]
    initialised.exports.init(5, 9, len(data))
    assert memory[5 : 5 + len(data)] == data and not any(memory[5 + len(data) :][:64]) and not any(memory[:5])


@pytest.mark.parametrize("count", [0, 1, ELEMENTS - 1, ELEMENTS, ELEMENTS + 1, 2 * ELEMENTS + 5])
def test_tables_in_pieces(count: int) -> None:
    instance = MODULE.instantiate({})
    exports, table = instance.exports, instance.exports.table
    numbers = list(range(1000, 1000 + TABLE))
    for distance in (0, 1, -1, 777, -777, ELEMENTS, -ELEMENTS):
        to, source = max(distance, 0), max(-distance, 0)
        for index in range(TABLE):
            table[index] = numbers[index]
        exports.table_copy(to, source, count)
        expected = list(numbers)
        expected[to : to + count] = numbers[source : source + count]
        assert list(table) == expected, distance
    exports.table_copy_across(0, 2, count)
    assert list(exports.second)[: count + 1] == [*expected[2 : 2 + count], None]
    exports.table_fill(1, "x", count)
    expected[1 : 1 + count] = ["x"] * count
    assert list(table) == expected
    initialised = INITIALISED.instantiate({}).exports
    initialised.table_init(1, 1, min(count, 2 * ELEMENTS - 10))
    found = [initialised.table[index] for index in range(min(count, 2 * ELEMENTS - 10) + 2)]
    expected_functions = [(initialised.a, initialised.b, initialised.b)[(1 + i) % 3] for i in range(len(found) - 2)]
    assert found == [None, *expected_functions, None]


def test_bounds_are_checked_before_anything_is_written() -> None:
    exports = MODULE.instantiate({}).exports
    memory = memoryview(exports.memory)
    for call in (
        lambda: exports.fill(1, 1, MEMORY),
        lambda: exports.copy(1, 0, MEMORY),
        lambda: exports.copy(0, 1, MEMORY),
        lambda: exports.table_fill(1, "x", TABLE),
        lambda: exports.table_copy(0, 1, TABLE),
    ):
        with pytest.raises(Trap, match="out of bounds"):
            call()
    assert not any(memory[::4096]) and exports.table[1] is None


class InTheMiddleError(Exception):
    pass


def interrupted(call: Callable[[int], object], written: Callable[[], int], whole: int) -> None:
    """A handler that runs again and again and looks ends the first call that it finds in the middle."""

    def handler(*_: object) -> None:
        if 0 < written() < whole:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, lambda *_: None)  # one may have come already
            raise InTheMiddleError

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(InTheMiddleError):
            signal.setitimer(signal.ITIMER_REAL, 0.00005, 0.00005)
            for attempt in range(20_000):
                call(attempt & 1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert 0 < written() < whole


def test_a_signal_ends_them_in_the_middle() -> None:
    exports = MODULE.instantiate({}).exports
    memory, table = memoryview(exports.memory), exports.table
    interrupted(
        lambda value: exports.fill(0, value, MEMORY), lambda: sum(memory[at] for at in range(0, MEMORY, PIECE)), 4
    )
    interrupted(
        lambda value: exports.table_fill(0, value, TABLE),
        lambda: sum(table[at] or 0 for at in range(0, TABLE, ELEMENTS)),
        4,
    )
    exports.fill(0, 0, MEMORY)  # and they go on
    assert not any(memory[::4096])


def test_deadlines_and_cancellations_end_them() -> None:
    instance = MODULE.instantiate({})
    with pytest.raises(Timeout, match="while WebAssembly code was running"), timeout(0.02):
        instance.exports.fill_for_ever()

    def cancel(*_: object) -> None:
        machine.cancel(machine.this_thread_handle())

    before = signal.signal(signal.SIGALRM, cancel)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with pytest.raises(Cancelled, match="while WebAssembly code was running"):
            instance.exports.fill_for_ever()
    finally:
        signal.signal(signal.SIGALRM, before)
        machine.uncancel()
    instance.exports.fill(0, 0, MEMORY)


def test_a_handler_that_closes_the_memory_ends_the_fill() -> None:
    instances: list[Any] = []

    def handler(*_: object) -> None:
        instances[-1].exports.memory.close()

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for attempt in range(50):
            instances.append(MODULE.instantiate({}))
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + 0.00001 * attempt)
            with pytest.raises(Trap, match="out of bounds"):
                instances[-1].exports.fill_for_ever()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
