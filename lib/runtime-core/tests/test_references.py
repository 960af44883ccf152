"""Structs, arrays and small integers as Python has them, and what keeps what alive through two heaps."""

import gc
import sys
import weakref
from typing import Any

import pytest
from test_native_heap import BYTES, HOST, LIST, REFERENCES, VECTORS, ObjectProgram, heap, objects

from wasmer_runtime_core.contract.values import Type, Value
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.running.objects.limits import Limits
from wasmer_runtime_core.running.objects.tags import Tag, WasmException
from wasmer_runtime_core.wasm.custom_sections import CustomSection
from wasmer_runtime_core.wasm.types import ANYREF, ArrayType, FunctionType, StructType


def with_references() -> ObjectProgram:
    program = objects()
    program.function("same", "anyref", "anyref", "same_integer")
    program.function("to_extern", "anyref", "externref", "same_integer")
    program.function("to_any", "externref", "anyref", "same_integer")
    program.function("keep", "anyref", "", "set_global", cell=lambda layout: layout.global_(0))
    program.function("kept", "", "anyref", "get_global", cell=lambda layout: layout.global_(0))
    program.helper("new_struct", "i32", "anyref", "struct_new_default")
    program.helper("new_array", "i32 i32", "anyref", "array_new_default")
    names = b"\x04\x07\x01\x00\x04list" + b"\x0a\x10\x01\x00\x02\x00\x04next\x01\x05value"
    program.info.custom_sections = [CustomSection("name", names, 0)]
    return program


def instance() -> Instance:
    return with_references().instance()


class Thing:
    """Something that can be referred to weakly."""


def test_a_struct_has_its_fields_by_index_and_by_name() -> None:
    run = instance()
    node = run.struct("list", None, 5)
    assert (node[0], node[1], node["next"], node["value"], node[-1]) == (None, 5, None, 5, 5)
    assert len(node) == 2 and list(node) == [None, 5]
    assert node.names == ("next", "value")
    node["value"] = 7
    node[0] = node
    assert node[1] == 7 and node["next"] == node
    assert isinstance(node.type, StructType)
    assert repr(node) == "<wasm struct of 2 fields>"
    other = run.struct(LIST, value=3, next=node)
    assert other["next"]["value"] == 7
    assert run.struct(HOST).names == (None, None)
    for wrong in (2, -3, 1 << 70):
        with pytest.raises(IndexError):
            node[wrong]
    with pytest.raises(KeyError, match="color"):
        node["color"]
    with pytest.raises(TypeError):
        node[1] = "seven"
    with pytest.raises(OverflowError):
        node[1] = 1 << 32
    with pytest.raises(TypeError, match="expected"):
        node[0] = run.array(BYTES, b"")
    with pytest.raises(TypeError):
        node[0] = 5
    with pytest.raises(TypeError, match="deleted"):
        del node[0]  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="fields"):
        run.struct(LIST, None, 1, 2)
    with pytest.raises(TypeError, match="twice"):
        run.struct(LIST, None, 1, value=2)
    with pytest.raises(KeyError):
        run.struct("tree")
    with pytest.raises(IndexError):
        run.struct(1000)
    with pytest.raises(TypeError, match="no struct"):
        run.struct(BYTES)
    with pytest.raises(TypeError, match="functions"):
        run.struct(5)


def test_an_array_is_a_sequence() -> None:
    run = instance()
    array = run.array(BYTES, [1, 255, -1, 7])
    assert len(array) == 4 and list(array) == [1, 255, 255, 7]
    assert bytes(array) == b"\x01\xff\xff\x07"
    assert array[1:3] == [255, 255] and array[::-1] == [7, 255, 255, 1] and array[-1] == 7
    assert 7 in array and 8 not in array
    array[0] = 200
    assert array[0] == 200
    assert isinstance(array.type, ArrayType)
    assert repr(array) == "<wasm array of 4 elements>"
    match array:
        case [200, *rest]:
            assert rest == [255, 255, 7]
        case _:
            pytest.fail("no sequence")
    for wrong in (256, -129):
        with pytest.raises(OverflowError):
            array[0] = wrong
    for index in (4, -5):
        with pytest.raises(IndexError):
            array[index]
    vectors = run.array(VECTORS, [bytes(range(16)), 1])
    assert vectors[0] == bytes(range(16)) and vectors[1] == b"\1" + bytes(15)
    assert list(run.array(REFERENCES, [])) == []
    with pytest.raises(TypeError, match="no array"):
        run.array(LIST, [])


@pytest.mark.parametrize("value", [0, 1, -1, (1 << 30) - 1, -(1 << 30), None])
def test_small_integers_come_back(value: int | None) -> None:
    assert instance().exports.same(value) == value


def test_small_integers_are_small() -> None:
    run = instance().exports
    assert run.same((1 << 31) - 1) == -1
    for wrong in (1 << 31, -(1 << 30) - 1, 1 << 100):
        with pytest.raises(OverflowError):
            run.same(wrong)


def test_objects_of_the_host_pass_as_themselves() -> None:
    run = instance().exports
    thing = Thing()
    for given in (thing, "text", 1.5, True, [], instance):
        assert run.same(given) is given
        assert run.to_extern(given) is given
        assert run.to_any(given) is given
    assert run.to_any(5) == 5


def test_two_references_to_one_object_are_equal() -> None:
    run = instance().exports
    one = run.new_struct(LIST)
    assert run.same(one) == one == run.to_any(run.to_extern(one)) and hash(run.same(one)) == hash(one)
    assert one != run.new_struct(LIST) and one != 5 and one is not None
    assert {one: 1}[run.same(one)] == 1


def test_what_python_holds_stays() -> None:
    made = instance()
    nodes: list[Any] = [None]
    for number in range(1000):
        nodes.append(made.struct(LIST, nodes[-1], number))
    last = nodes.pop()
    del nodes
    assert heap(made).collect() and heap(made).live_bytes >= 1000 * 32
    total, node = 0, last
    while node is not None:
        total += node[1]
        node = node[0]
    assert total == sum(range(1000))
    weak = weakref.ref(last)
    del last
    assert weak() is None
    assert heap(made).collect() and heap(made).live_bytes == 0


def test_an_object_outlives_its_instance() -> None:
    made = instance()
    node = made.struct("list", None, 5)
    del made
    gc.collect()
    assert node["value"] == 5
    again = instance()
    assert again.exports.same(node) == node
    again.exports.keep(node)
    del node
    assert heap(again).collect()
    assert again.exports.kept()[1] == 5


def test_instances_go_with_the_last_reference() -> None:
    """Nobody waits for the collector of cycles where an instance has its heap alone."""
    made = instance()
    made.exports.keep(made.struct(LIST, None, 1))
    core = weakref.ref(made.core)
    assert core() is not None
    enabled = gc.isenabled()
    gc.disable()
    try:
        del made
        assert core() is None
    finally:
        if enabled:
            gc.enable()


def test_objects_of_the_host_live_as_long_as_an_object_refers_to_them() -> None:
    made = instance()
    thing = Thing()
    weak = weakref.ref(thing)
    holder = made.struct(HOST, thing, thing)
    del thing
    gc.collect()
    assert heap(made).collect() and weak() is holder[0] is holder[1]
    holder[0] = None
    assert heap(made).collect() and weak() is not None
    holder[1] = None
    assert heap(made).collect() and weak() is None


def test_a_cycle_through_both_heaps_goes_with_its_instance() -> None:
    made = instance()
    thing: Any = Thing()
    thing.holder = made.struct(HOST, thing)
    weak = weakref.ref(thing)
    del thing
    gc.collect()
    assert heap(made).collect() and weak() is not None  # the limit that the documentation names
    del made
    gc.collect()
    assert weak() is None


def test_stores_join_where_an_object_goes() -> None:
    one, other = instance(), instance()
    a = one.struct(LIST, None, 1)
    b = other.struct(LIST, None, 2)
    assert heap(one) is not heap(other)
    a[0] = b
    assert heap(one) is heap(other)
    del b, other
    gc.collect()
    assert heap(one).collect() and a[0][1] == 2
    one.exports.keep(a)
    third = instance()
    third.exports.keep(one.exports.kept())
    del one, a
    gc.collect()
    assert heap(third).collect() and third.exports.kept()[0][1] == 2


def test_globals_tables_and_exceptions_hold_objects() -> None:
    made = instance()
    cell = Global(Value(Type.ANYREF, 0, made.struct(LIST, None, 1)), True)
    table = machine.Table(ANYREF, 2)
    table[1] = made.struct(LIST, None, 2)
    failure = WasmException(Tag("anyref"), [made.struct(LIST, None, 3)])
    assert heap(made).collect() and heap(made).live_bytes == 3 * 32
    assert cell.get()[1] == 1 and table[1][1] == 2 and failure.values[0][1] == 3
    del made
    gc.collect()
    assert cell.get()[1] == 1 and table[1][1] == 2 and failure.values[0][1] == 3
    cell.set(5)
    table[1] = "text"
    assert cell.get() == 5 and table[1] == "text" and table[0] is None


def test_a_host_function_takes_and_gives_objects() -> None:
    seen: list[Any] = []

    def swap(given: Any) -> Any:
        seen.append(given)
        assert heap(made).collect() == ("greenlet" not in sys.modules)  # the call may be another greenlet's
        return made.struct(LIST, given, 2)

    program = ObjectProgram()
    program.import_function("swap", "anyref", "anyref")
    objects(program)
    program.call_import("call", 0)
    made = program.instance([machine.HostFunction(swap, FunctionType(bytes([ANYREF]), bytes([ANYREF])), "env", "swap")])
    node = made.exports.call(made.struct(LIST, None, 1))
    assert node[1] == 2 and node[0] == seen[0] and seen[0][1] == 1
    with pytest.raises(TypeError, match="expected"):
        made.exports.call(3)
    assert seen[1] == 3


def test_the_limit_holds_for_python_too() -> None:
    made = instance()
    Limits(heap_bytes=1 << 20).apply(made.core)
    kept: list[Any] = []
    with pytest.raises(Trap, match="heap exhausted"):
        while True:
            kept.append(made.array(BYTES, bytes(10_000)))
    assert 50 < len(kept) < 105
    kept.clear()
    assert made.array(BYTES, bytes(10_000))


def test_another_threads_objects_are_its_own() -> None:
    import threading

    made = instance()
    node = made.struct(LIST, None, 1)
    program = ObjectProgram()
    program.import_function("wait", "anyref", "anyref")
    objects(program)
    program.call_import("call", 0)
    entered, leave = threading.Event(), threading.Event()

    def wait(given: Any) -> Any:
        entered.set()
        leave.wait(60)
        return given

    other = program.instance(
        [machine.HostFunction(wait, FunctionType(bytes([ANYREF]), bytes([ANYREF])), "env", "wait")]
    )
    thread = threading.Thread(target=other.exports.call, args=(node,))
    thread.start()
    try:
        assert entered.wait(60)
        for use in (
            lambda: node[1],
            lambda: node.__setitem__(1, 2),
            lambda: made.struct(LIST),
            lambda: made.exports.same(1),
        ):
            with pytest.raises(RuntimeError, match="another thread"):
                use()
        assert not heap(made).collect()
    finally:
        leave.set()
        thread.join()
    assert node[1] == 1


def test_heaps_leave_nothing_behind() -> None:
    gc.collect()
    before = machine.statistics()["heap_blocks"]
    for number in range(100):
        made, other = instance(), instance()
        made.array(BYTES, bytes(100_000))
        node = made.struct(LIST, None, number)
        if number % 2:
            other.exports.keep(node)
        else:
            other.array(REFERENCES, [node, Thing(), made.exports.same])
        Global(Value(Type.ANYREF, 0, node), True)
        del made, other, node
    gc.collect()
    assert machine.statistics()["heap_blocks"] == before


def test_what_is_kept_for_objects_is_bounded() -> None:
    """The same objects come in again and again, or new ones that Python itself puts where code could have seen them."""
    made = instance()
    things = [Thing() for _ in range(300)]
    holders = [made.struct(HOST, thing) for thing in things]
    table = machine.Table(ANYREF, 1)
    cell = Global(Value(Type.ANYREF, 0, holders[0]), True)
    table[0] = holders[0]
    weak = [weakref.ref(things[0])]
    for number in range(20_000):
        made.exports.same(things[number % 300])
        if number % 4 == 0:
            table[0], holders[1][1], thing = Thing(), Thing(), Thing()
            weak.append(weakref.ref(thing))
            cell.set(thing)
    del thing
    gc.collect()
    assert sum(each() is not None for each in weak) < 3000
    assert sys.getrefcount(things[7]) < 40
    assert [holder[0] for holder in holders] == things
