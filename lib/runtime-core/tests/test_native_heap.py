"""The collected heap, by what generated code calls: objects are made, found or lost, and their room is used again.

References are passed as i64 here: addresses. So nothing keeps an object but what a test says.
"""

import ctypes
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from machine_code import CODE, Code, Program

from wasmer_runtime_core.contract.objects import ELEMENTS, FIELDS, LENGTH
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.wasm.module import PASSIVE
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    EXTERNREF,
    FIRST_TYPE,
    HEAP_SHIFT,
    I8,
    I32,
    NO_FUNCTION,
    V128,
    ArrayType,
    CompositeType,
    FieldType,
    StructType,
    TypeDefinition,
)

LIST, BYTES, REFERENCES, VECTORS, HOST = range(5)
"""Types of each program: a list of i32, arrays of bytes, references and vectors, what refers to the host."""

CODE["poke"] = Code("488916c3", {}, {})  # mov [rsi], rdx; ret
CODE["peek"] = Code("488b06c3", {}, {})  # mov rax, [rsi]; ret


class ObjectProgram(Program):
    """A program with the types above, in front of those of functions."""

    def __init__(self) -> None:
        super().__init__()
        self.info.types += [NO_FUNCTION] * 5

    def module(self, trap: str = "UNREACHABLE") -> Module:
        node = ANYREF | (FIRST_TYPE + LIST) << HEAP_SHIFT
        any_, extern = FieldType(ANYREF, True), FieldType(EXTERNREF, True)
        composites: list[CompositeType] = [
            StructType((FieldType(node, True), FieldType(I32, True))),
            ArrayType(FieldType(I8, True)),
            ArrayType(any_),
            ArrayType(FieldType(V128, True)),
            StructType((extern, any_)),
            *self.info.types[5:],
        ]
        self.info.definitions = [TypeDefinition(row, -1, True, at, 1, at) for at, row in enumerate(composites)]
        return super().module(trap)


def objects(program: ObjectProgram | None = None) -> ObjectProgram:
    """A program with the helpers, and a global."""
    program = program or ObjectProgram()
    program.global_("anyref", 0, operator="ref.null")
    cell = {"cell": lambda layout: layout.global_(0)}
    program.function("hold", "i64", "", "set_global", **cell)
    program.function("held", "", "i64", "get_global", **cell)
    program.function("poke", "i64 i64", "", "poke")
    program.function("peek", "i64", "i64", "peek")
    program.helper("struct", "i32", "i64", "struct_new_default")
    program.helper("array", "i32 i32", "i64", "array_new_default")
    program.helper("copy", "i64 i32 i64 i32 i32", "", "array_copy")
    program.helper("fill", "i64 i32 i64 i32", "", "array_fill")
    program.helper("init_data", "i64 i32 i32 i32 i32", "", "array_init_data")
    program.helper("new_data", "i32 i32 i32 i32", "i64", "array_new_data")
    program.data(0, bytes(range(1, 17)), PASSIVE)
    return program


def heap(instance: Instance) -> machine.Heap:
    found = instance.core.heap
    assert found is not None
    return found


def read(address: int, count: int) -> bytes:
    return ctypes.string_at(address, count)


@pytest.fixture
def stress() -> Iterator[None]:
    machine.heap_stress(1)
    yield
    machine.heap_stress(0)


@pytest.fixture
def small_steps() -> Iterator[None]:
    machine.heap_stress(2)
    yield
    machine.heap_stress(0)


def test_objects_are_zero_and_say_what_they_are() -> None:
    run = objects().instance().exports
    first, second = run.struct(LIST), run.struct(LIST)
    assert first % 16 == second % 16 == 0 and first != second
    assert run.peek(first) == run.peek(second) != 0
    assert read(first + FIELDS, 16) == bytes(16)
    array = run.array(100, BYTES)
    assert run.peek(array) not in (0, run.peek(first))
    assert run.peek(array + LENGTH) == 100
    assert read(array + ELEMENTS, 100) == bytes(100)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 500, 4000, 30000, 32752, 32753, 65520, 65521, 1_000_000])
def test_arrays_of_all_sizes_are_zero_however_often_their_room_is_used(length: int) -> None:
    instance = objects().instance()
    run = instance.exports
    for _ in range(5):
        array = run.array(length, BYTES)
        assert read(array + ELEMENTS, length) == bytes(length)
        run.fill(array, 0, 0xFF, length)
        assert read(array + ELEMENTS, length) == b"\xff" * length
        assert heap(instance).collect()


def test_what_a_global_refers_to_stays_and_the_rest_goes() -> None:
    instance = objects().instance()
    run = instance.exports
    last = 0
    for number in range(1000):
        node = run.struct(LIST)
        run.poke(node + FIELDS, last)
        run.poke(node + FIELDS + 8, number)
        run.struct(LIST)  # lost
        run.hold(node)
        last = node
    assert heap(instance).collect()
    assert heap(instance).live_bytes == 1000 * 32
    node, numbers = run.held(), []
    while node:
        numbers.append(run.peek(node + FIELDS + 8))
        node = run.peek(node + FIELDS)
    assert numbers == list(range(999, -1, -1))
    run.hold(0)
    assert heap(instance).collect()
    assert heap(instance).live_bytes == 0


def test_room_is_used_again(stress: None) -> None:
    instance = objects().instance()
    run = instance.exports
    seen = {run.struct(LIST) for _ in range(500)}
    assert len(seen) < 50  # words of the stack may keep some
    assert heap(instance).bytes <= 4 * 65536


def test_a_chain_as_long_as_the_heap_is_marked_without_recursion() -> None:
    instance = objects().instance()
    run = instance.exports
    last = 0
    for _ in range(100_000):
        node = run.struct(LIST)
        run.poke(node + FIELDS, last)
        run.hold(node)
        last = node
    assert heap(instance).collect()
    assert heap(instance).live_bytes == 100_000 * 32


def test_arrays_of_references_are_looked_at_in_pieces() -> None:
    instance = objects().instance()
    run = instance.exports
    outer = run.array(5000, REFERENCES)
    run.hold(outer)
    for at in range(5000):
        run.poke(outer + ELEMENTS + 8 * at, run.struct(LIST))
    assert heap(instance).collect()
    assert heap(instance).live_bytes == 5000 * 32 + ELEMENTS + 5000 * 8


def test_small_integers_and_the_ends_of_arrays_are_no_objects_and_do_no_harm() -> None:
    instance = objects().instance()
    run = instance.exports
    array = run.array(4, REFERENCES)
    run.hold(array)
    for at, word in enumerate((1, 3, 0, 0xFFFF_FFFF)):
        run.poke(array + ELEMENTS + 8 * at, word)
    assert heap(instance).collect()
    assert heap(instance).live_bytes == ELEMENTS + 32


def test_bounds_and_null() -> None:
    run = objects().instance().exports
    array = run.array(16, BYTES)
    run.hold(array)
    run.init_data(array, 4, 0, 8, 0)
    assert read(array + ELEMENTS, 16) == bytes(4) + bytes(range(1, 9)) + bytes(4)
    run.copy(array, 5, array, 4, 8)
    assert read(array + ELEMENTS, 16) == bytes(4) + b"\1" + bytes(range(1, 9)) + bytes(3)
    run.copy(array, 0, array, 5, 8)
    assert read(array + ELEMENTS, 16) == bytes(range(1, 9)) + bytes(range(4, 9)) + bytes(3)
    assert read(run.new_data(3, 5, BYTES, 0) + ELEMENTS, 5) == bytes(range(4, 9))
    for at, length in ((17, 0), (16, 1), (0xFFFF_FFFF, 1), (1, 0xFFFF_FFFF), (0xFFFF_FFFF, 0xFFFF_FFFF)):
        with pytest.raises(Trap, match="out of bounds array access"):
            run.fill(array, at, 0, length)
        with pytest.raises(Trap, match="out of bounds array access"):
            run.copy(array, at, array, 0, length)
        with pytest.raises(Trap, match="out of bounds array access"):
            run.copy(array, 0, array, at, length)
        with pytest.raises(Trap, match="out of bounds array access"):
            run.init_data(array, at, 0, length, 0)
        with pytest.raises(Trap, match="out of bounds memory access"):
            run.new_data(at, length, BYTES, 0)
        with pytest.raises(Trap, match="out of bounds memory access"):
            run.new_data(at, length, VECTORS, 0)
    for call in (
        lambda: run.fill(0, 0, 0, 0),
        lambda: run.copy(0, 0, array, 0, 0),
        lambda: run.copy(array, 0, 0, 0, 0),
    ):
        with pytest.raises(Trap, match="null array reference"):
            call()


def test_a_heap_ends_with_a_trap_and_goes_on_when_there_is_room() -> None:
    instance = objects().instance()
    run = instance.exports
    for length, type_ in (
        (0xFFFF_FFFF, BYTES),
        (0xFFFF_FFFF, REFERENCES),
        (0xFFFF_FFFF, VECTORS),
        (0x1000_0000, VECTORS),
    ):
        with pytest.raises(Trap, match="heap exhausted"):
            run.array(length, type_)
    machine.restrict(instance.core, -1, -1, -1, -1, 1 << 20, machine.Budget(-1, -1, -1))
    last = 0
    with pytest.raises(Trap, match="heap exhausted"):
        while True:
            node = run.struct(LIST)
            run.poke(node + FIELDS, last)
            run.hold(node)
            last = node
    assert heap(instance).bytes == 1 << 20
    run.hold(0)
    run.hold(run.array(500_000, BYTES))
    with pytest.raises(Trap, match="heap exhausted"):
        run.array(1_000_000, BYTES)
    assert run.struct(LIST)


def test_what_code_moves_behind_the_marking_is_found_again(small_steps: None) -> None:
    """Objects that nobody has looked at are taken from where marking will come to where it has been."""
    instance = objects().instance()
    run = instance.exports
    machine.heap_stress(0)
    count = 40
    root = run.array(count, REFERENCES)
    run.hold(root)
    for at in range(count):
        outer, inner = run.array(3, REFERENCES), 0
        run.poke(root + ELEMENTS + 8 * at, outer)
        inner = run.array(3, REFERENCES)
        run.poke(outer + ELEMENTS, inner)
        run.poke(inner + ELEMENTS + 16, 2 * at + 1)
    machine.heap_stress(2)
    for step in range(500):
        run.array(40_000, BYTES)  # a step
        if step == 3:
            for at in range(count - 2):
                outer = run.peek(root + ELEMENTS + 8 * at)
                run.poke(root + ELEMENTS + 8 * at, run.peek(outer + ELEMENTS))
                run.poke(outer + ELEMENTS, 0)
        if heap(instance).collections == 2:
            break
    assert heap(instance).collections == 2
    for at in range(count - 2):
        inner = run.peek(root + ELEMENTS + 8 * at)
        assert (run.peek(inner + LENGTH), run.peek(inner + ELEMENTS + 16)) == (3, 2 * at + 1)


class Graph:
    """Objects of one instance and what is known of them; all that are alive hang on one array of references.

    Each object is an array of references whose last element is a small integer, its number.
    """

    def __init__(self, seed: int, slots: int) -> None:
        self.instance = objects().instance()
        self.run = self.instance.exports
        self.random = Random(seed)
        self.slots = slots
        self.root = self.run.array(slots, REFERENCES)
        self.run.hold(self.root)
        self.known: list[list[Any] | None] = [None] * slots  # [number, elements]
        self.count = 0

    def place(self, array: int, at: int) -> int:
        return array + ELEMENTS + 8 * at

    def new(self, slot: int, length: int) -> None:
        array = self.run.array(length + 1, REFERENCES)
        self.count += 1
        self.run.poke(self.place(array, length), 2 * self.count + 1)
        self.run.poke(self.place(self.root, slot), array)
        self.known[slot] = [self.count, [None] * length]

    def step(self) -> None:
        """Make an object, put one into another, move one to a new place, or drop one."""
        random, run = self.random, self.run
        a, b = random.randrange(self.slots), random.randrange(self.slots)
        what = random.random()
        if what < 0.4 or self.known[a] is None or self.known[b] is None:
            self.new(a, random.choice((1, 2, 3, 5, 30, 5000)))
            return
        there, other = self.known[a], self.known[b]
        array = run.peek(self.place(self.root, a))
        if what < 0.65:
            at = random.randrange(len(there[1]))
            run.poke(self.place(array, at), run.peek(self.place(self.root, b)))
            there[1][at] = other
        elif what < 0.97:
            filled = [at for at, each in enumerate(there[1]) if each is not None]
            if filled:
                at = random.choice(filled)
                run.poke(self.place(self.root, b), run.peek(self.place(array, at)))
                run.poke(self.place(array, at), 0)
                self.known[b] = there[1][at]
                there[1][at] = None
        else:
            run.poke(self.place(self.root, a), 0)
            self.known[a] = None

    def check(self) -> int:
        """See that what is in memory is what is known; returns how many objects there are."""
        run, seen = self.run, {}
        todo = [(run.peek(self.place(self.root, at)), known) for at, known in enumerate(self.known)]
        while todo:
            array, known = todo.pop()
            if known is None:
                assert array == 0
                continue
            number, elements = known
            if number in seen:
                assert seen[number] == array
                continue
            seen[number] = array
            assert run.peek(array + LENGTH) == len(elements) + 1
            assert run.peek(self.place(array, len(elements))) == 2 * number + 1
            todo += [(run.peek(self.place(array, at)), each) for at, each in enumerate(elements) if each is not None]
        return len(seen)


@pytest.mark.parametrize("seed", range(2))
def test_marking_in_steps_loses_nothing_that_code_moves_meanwhile(seed: int, small_steps: None) -> None:
    graph = Graph(seed, 40)
    for number in range(10_000):
        graph.step()
        if number % 1000 == 0:
            graph.check()
    assert graph.check() > 0
    assert heap(graph.instance).collections > 2
    assert heap(graph.instance).collect()
    assert graph.check() * 32 <= heap(graph.instance).live_bytes


def test_collections_at_each_allocation_lose_nothing(stress: None) -> None:
    graph = Graph(5, 40)
    for _ in range(600):
        graph.step()
    assert graph.check() > 0
