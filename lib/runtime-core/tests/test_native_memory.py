"""Memories, tables and globals: growth, views, bounds, sharing, the helpers of generated code."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest
from fresh_process import fresh_process
from machine_code import Program, function_type

from wasmer_runtime_core.contract.values import MemoryDescriptor, TableDescriptor, Type, Value
from wasmer_runtime_core.errors import Cancelled, GrowError, InvalidDescriptor, MemoryGrowError, TableGrowError, Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.objects.functions import HostFunction, make_host_function
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.table import Table
from wasmer_runtime_core.wasm.module import PASSIVE
from wasmer_runtime_core.wasm.types import EXTERNREF, FUNCREF

PAGE = 65536


# --- memories ---------------------------------------------------------------------------------


def test_a_memory_is_a_writable_buffer() -> None:
    memory = Memory(MemoryDescriptor(1, 3))
    view = memoryview(memory)
    assert (view.nbytes, view.readonly, view.format) == (PAGE, False, "B")
    view[5] = 7
    assert memory[5] == 7 and memory.read(5, 2) == b"\7\0" and memory[4:6] == b"\0\7"
    memory.write(PAGE - 3, b"abc")
    memory[0:2] = b"xy"
    assert bytes(view[-3:]) == b"abc" and bytes(view[:2]) == b"xy"
    assert len(memory) == PAGE and memory.size == 1 and memory.maximum == 3


def test_views_live_through_growth_at_their_old_length() -> None:
    memory = Memory(MemoryDescriptor(1, 3))
    address = memory.address
    view = memoryview(memory)
    view[PAGE - 1] = 9
    assert memory.grow(1) == 1 and memory.grow(1) == 2 and memory.size == 3
    assert memory.address == address and view.nbytes == PAGE and view[PAGE - 1] == 9
    view[0] = 1
    assert memory[0] == 1 and memory[3 * PAGE - 1] == 0
    with pytest.raises(MemoryGrowError, match="a memory of 3 pages cannot grow by 1: it may have at most 3"):
        memory.grow(1)
    with pytest.raises(GrowError):
        memory.grow(2**70)
    with pytest.raises(ValueError, match="cannot shrink"):
        memory.grow(-1)
    with pytest.raises(TypeError):
        memory.grow("1")  # type: ignore[arg-type]
    assert memory.grow(0) == 3


def test_views_keep_the_bytes_when_everything_else_is_gone() -> None:
    program = Program()
    program.memory(1)
    instance = program.instance()
    view = memoryview(instance.exports["memory"])
    view[10] = 42
    gone = weakref.ref(instance.core)
    del instance
    gc.collect()
    assert gone() is None and view[10] == 42
    others = [Memory(MemoryDescriptor(1)) for _ in range(50)]
    assert view[10] == 42 and all(other[10] == 0 for other in others)


def test_a_used_slot_comes_back_as_zeros() -> None:
    for pages in (1, 2, 1, 300, 1, 3):
        memory = Memory(MemoryDescriptor(pages))
        assert memory[0] == 0 and memory[pages * PAGE - 1] == 0
        memory[0] = 1
        memory[pages * PAGE - 1] = 1
        with pytest.raises(IndexError):
            memory.read(pages * PAGE, 1)
        del memory


def test_bounds_and_wrong_arguments() -> None:
    memory = Memory(MemoryDescriptor(1))
    for offset, length in ((PAGE, 1), (0, PAGE + 1), (-1, 1), (1, -1), (2**70, 1)):
        with pytest.raises(IndexError):
            memory.read(offset, length)
    with pytest.raises(IndexError, match="3 bytes at 65534 are outside of the memory, which has 65536 bytes"):
        memory.write(PAGE - 2, b"abc")
    assert memory.read(PAGE - 2, 2) == b"\0\0"
    with pytest.raises(TypeError):
        memory.write(0, "text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        memory.read(0)  # type: ignore[call-arg]
    with pytest.raises(InvalidDescriptor):
        machine.Memory(5, 4)
    with pytest.raises(InvalidDescriptor):
        machine.Memory(65537)
    with pytest.raises(ValueError, match="negative"):
        machine.Memory(1, -2)


def test_typed_views() -> None:
    memory = Memory(MemoryDescriptor(1))
    memory.view("u32")[2] = 0x01020304
    assert memory.read(8, 4) == b"\4\3\2\1"
    assert memory.view("i16", 8)[0] == 0x0304 and len(memory.view("f64", PAGE - 9)) == 1
    with pytest.raises(ValueError, match="not an element type"):
        memory.view("u24")
    with pytest.raises(IndexError):
        memory.view("u8", PAGE + 1)


def test_thousands_of_memories() -> None:
    memories = [Memory(MemoryDescriptor(1)) for _ in range(3000)]
    for number, memory in enumerate(memories[::100]):
        memory[0] = number
    assert [memory[0] for memory in memories[::100]] == list(range(30))


LIMITED = """
import sys, resource
sys.path[:0] = {path!r}
from machine_code import Program
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.errors import CreationError
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
program = Program()
program.memory(1)
program.function("add", "i32 i32", "i32", "add")
try:
    program.instance()
except CreationError as error:
    print(error)
program.bounds_checks = True
instance = program.instance()
memory = instance.exports["memory"]
memory[65535] = 3
print(instance.exports["add"](1, 2), memory.reserved, memory.grow(10), len(memory), memory[65535])
view = memoryview(memory)
try:
    print(memory.grow(100))
except Exception as error:
    print(type(error).__name__)
print(view[65535])
"""


EXHAUSTED = """
import gc, sys, time
sys.path[:0] = {path!r}
from machine_code import Program
from wasmer_runtime_core.native.address_space import can_reserve
from wasmer_runtime_core.errors import UnableToCreateMemory
from wasmer_runtime_core.native import machine
program = Program()
program.memory(1)
module = program.module()
instances = []
assert can_reserve()
try:
    while True:
        instances.append(module.instantiate())
except UnableToCreateMemory as error:
    print(len(instances), error)
assert not can_reserve() and machine.statistics()["memory_slots"] == len(instances)
program.bounds_checks = True
checked = program.module()
collected = gc.get_stats()[2]["collections"]
more = [checked.instantiate() for _ in range(50)]
print(gc.get_stats()[2]["collections"] - collected, more[0].exports.memory.reserved)
instances[0] = None
print(can_reserve(), module.instantiate().exports.memory.reserved)
"""


def test_as_many_memories_as_there_are_addresses(tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text(EXHAUSTED.format(path=sys.path))
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=900, check=False)
    assert result.returncode == 0, result.stderr
    first, second, third = result.stdout.splitlines()
    count, text = first.split(" ", 1)
    assert f": {count} memories of this process have theirs, and there is no more. Let go of instances" in text
    assert second == "0 0" and third == "True 1"


def test_without_address_space_only_checked_code_runs(tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text(LIMITED.format(path=sys.path))
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=900, check=False)
    assert result.returncode == 0, result.stderr
    first, second, third, last = result.stdout.splitlines()
    assert first == (
        "8 GiB of address space cannot be reserved for a memory: 0 memories of this process have theirs, and it is "
        "limited to 4096 MiB in all (ulimit -v). Let go of instances (closing them is not enough), or compile the "
        'module again with memory_bound_check_mode="enable"'
    )
    assert second == "3 0 1 720896 3"
    assert third in ("MemoryGrowError", "11") and last == "3"


def test_memory_that_is_shared_by_import() -> None:
    program = Program()
    program.import_memory(1)
    program.function("load", "i32", "i32", "load", offset=0)
    program.helper("grow", "i32 i32", "i32", "memory_grow")
    memory = Memory(MemoryDescriptor(1, 4))
    module = program.module()
    one, two = Instance(module, [memory]), Instance(module, [memory])
    memory.write(100, b"\5\0\0\0")
    assert one.exports["load"](100) == two.exports["load"](100) == 5
    assert one.exports["grow"](2, 0) == 1 and memory.size == 3
    assert two.exports["grow"](2, 0) == -1 and two.exports["grow"](1, 0) == 3
    assert one.exports["load"](4 * PAGE - 4) == 0
    assert one.memory() is memory
    checked = machine.Memory(1, None, False, False)
    with pytest.raises(TypeError, match=r"import env\.memory must be a memory with reserved address space"):
        Instance(module, [checked])
    with pytest.raises(TypeError, match=r"import env\.memory must be a memory, not"):
        Instance(module, [3])


# --- helpers of generated code ------------------------------------------------------------------


def test_memory_helpers() -> None:
    program = Program()
    program.memory(1)
    program.data(0, b"passive", PASSIVE)
    program.data(16, b"active")
    program.helper("fill", "i32 i32 i32 i32", "", "memory_fill")
    program.helper("copy", "i32 i32 i32 i32 i32", "", "memory_copy")
    program.helper("init", "i32 i32 i32 i32 i32", "", "memory_init")
    program.helper("drop", "i32", "", "data_drop")
    exports = program.instance().exports
    memory = exports["memory"]
    assert memory[16:22] == b"active"
    exports["fill"](100, 0x1FF, 4, 0)
    assert memory[99:105] == b"\0\xff\xff\xff\xff\0"
    exports["copy"](18, 16, 6, 0, 0)
    assert memory[16:24] == b"acactive"
    exports["init"](200, 1, 3, 0, 0)
    assert memory[200:204] == b"ass\0"
    before = bytes(memoryview(memory))
    for name, arguments in (
        ("fill", (PAGE - 1, 1, 2, 0)),
        ("fill", (2**32 - 1, 1, 2**32 - 1, 0)),
        ("copy", (PAGE - 1, 0, 2, 0, 0)),
        ("copy", (0, PAGE - 1, 2, 0, 0)),
        ("init", (0, 5, 3, 0, 0)),
        ("init", (PAGE - 1, 0, 2, 0, 0)),
        ("init", (0, 0, 1, 1, 0)),  # an active segment counts as dropped
    ):
        with pytest.raises(Trap, match="out of bounds memory access") as caught:
            exports[name](*arguments)
        assert [frame.function_name for frame in caught.value.frames] == [name]
    assert bytes(memoryview(memory)) == before
    exports["fill"](PAGE, 1, 0, 0)
    exports["drop"](0)
    exports["init"](0, 0, 0, 0, 0)
    with pytest.raises(Trap):
        exports["init"](0, 0, 1, 0, 0)


def table_program(element: int) -> Program:
    program = Program()
    kind = "funcref" if element == FUNCREF else "externref"
    program.table(element, 4, 8)
    program.function("double", "i32 i32", "i32", "add")
    program.helper("get", "i32 i32", kind, "table_get")
    program.helper("set", f"i32 {kind} i32", "", "table_set")
    program.helper("grow", f"{kind} i32 i32", "i32", "table_grow")
    program.helper("fill", f"i32 {kind} i32 i32", "", "table_fill")
    program.helper("copy", "i32 i32 i32 i32 i32", "", "table_copy")
    program.helper("init", "i32 i32 i32 i32 i32", "", "table_init")
    program.helper("drop", "i32", "", "elem_drop")
    return program


def test_table_helpers() -> None:
    program = table_program(FUNCREF)
    program.elements(0, [0, None, 0], PASSIVE)
    program.elements(1, [0])
    exports = program.instance().exports
    table, double = exports["table"], exports["double"]
    assert list(table) == [None, double, None, None]
    exports["init"](2, 0, 2, 0, 0)
    assert list(table) == [None, double, double, None]
    exports["copy"](1, 2, 2, 0, 0)
    assert list(table) == [None, double, None, None]
    exports["copy"](2, 0, 2, 0, 0)
    assert list(table) == [None, double, None, double]
    assert exports["get"](3, 0) is double and exports["get"](0, 0) is None
    exports["set"](0, double, 0)
    exports["fill"](1, None, 3, 0)
    assert list(table) == [double, None, None, None]
    assert exports["grow"](double, 2, 0) == 4 and len(table) == 6 and table[5] is double
    assert exports["grow"](None, 3, 0) == -1 and len(table) == 6
    for name, arguments in (
        ("get", (6, 0)),
        ("set", (6, None, 0)),
        ("fill", (5, None, 2, 0)),
        ("copy", (5, 0, 2, 0, 0)),
        ("copy", (0, 5, 2, 0, 0)),
        ("init", (5, 0, 2, 0, 0)),
        ("init", (0, 2, 2, 0, 0)),
        ("init", (0, 0, 1, 1, 0)),
        ("get", (2**32 - 1, 0)),
    ):
        with pytest.raises(Trap, match="out of bounds table access"):
            exports[name](*arguments)
    exports["drop"](0)
    with pytest.raises(Trap):
        exports["init"](0, 0, 1, 0, 0)


class Thing:
    pass


def test_tables_own_what_they_refer_to_exactly() -> None:
    exports = table_program(EXTERNREF).instance().exports
    thing = Thing()

    def count() -> int:
        return sys.getrefcount(thing)

    start = count()
    exports["set"](0, thing, 0)
    assert count() == start + 1
    exports["set"](0, thing, 0)
    exports["fill"](0, thing, 4, 0)
    assert count() == start + 4
    exports["set"](1, None, 0)
    assert count() == start + 3
    exports["copy"](1, 0, 1, 0, 0)
    assert count() == start + 4 and exports["get"](1, 0) is thing
    assert exports["grow"](thing, 3, 0) == 4 and count() == start + 7
    with pytest.raises(Trap):
        exports["set"](100, thing, 0)
    assert count() == start + 7
    exports["table"][6] = 5
    assert count() == start + 6 and exports["table"].get(6) == 5
    exports["fill"](0, None, 7, 0)
    assert count() == start
    exports["table"].grow(1, thing)
    del exports
    gc.collect()  # a table that Python has seen and its instance refer to each other
    assert count() == start


# --- tables -------------------------------------------------------------------------------------


def test_tables_of_python() -> None:
    table = Table(TableDescriptor(EXTERNREF, 2, 5))
    assert list(table) == [None, None] and len(table) == 2 and table.size == 2 and table.maximum == 5
    thing = Thing()
    table[0] = thing
    table.set(1, "text")
    assert table[0] is thing and table.get(1) == "text" and thing in list(table)
    assert table.grow(2, 7) == 2 and list(table) == [thing, "text", 7, 7]
    with pytest.raises(TableGrowError, match="a table of 4 elements cannot grow by 2: it may have at most 5"):
        table.grow(2)
    for index in (4, -1, 2**40):
        with pytest.raises(IndexError):
            table[index]
        with pytest.raises(IndexError):
            table[index] = None
    with pytest.raises(TypeError):
        table["x"]  # type: ignore[index]
    functions = Table(TableDescriptor(FUNCREF, 1))
    with pytest.raises(TypeError, match="table element: funcref takes a Function or None, not 'Thing'"):
        functions[0] = thing
    double = make_host_function(lambda x: 2 * x, function_type("i32", "i32"), "env", "double")
    functions[0] = double
    del double
    assert functions[0](4) == 8


def test_a_table_is_emptied() -> None:
    things = [Thing() for _ in range(5)]
    gone = [weakref.ref(each) for each in things]
    table = machine.Table(EXTERNREF, 5)
    for at, each in enumerate(things):
        table[at] = each
    del things, each
    table.empty(1, 3)
    assert [each() is None for each in gone] == [False, True, True, False, False]
    assert list(table)[1:3] == [None, None]
    for start, stop in ((3, 3), (4, 1), (-1, 5), (5, 9), (1 << 70, 1 << 80), (-(1 << 80), 2), (2, -(1 << 80))):
        table.empty(start, stop)
    assert sum(each is not None for each in table) == 3
    table.empty(3, 1 << 80)
    assert [each() is None for each in gone] == [False, True, True, True, True]
    with pytest.raises(TypeError, match="takes two arguments"):
        table.empty(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        table.empty("1", 2)  # type: ignore[arg-type]


def test_tables_join_instances() -> None:
    table = Table(TableDescriptor(FUNCREF, 2))
    user = Program()
    user.import_table(FUNCREF, 2)
    user.function("call", "funcref i32", "i32", "call_reference")
    user.helper("get", "i32 i32", "funcref", "table_get")
    giver = Program()
    giver.import_table(FUNCREF, 2)
    giver.function("same", "i32", "i32", "same_integer")
    giver.elements(1, [0])
    one = user.instance([table])
    two = giver.instance([table])
    gone = weakref.ref(two.core)
    del two
    gc.collect()
    assert gone() is not None, "the table's slot keeps the instance alive"
    assert one.exports["call"](one.exports["get"](1, 0), 42) == 42
    table[1] = None
    gc.collect()
    assert gone() is None


# --- globals ------------------------------------------------------------------------------------


def test_globals_of_python() -> None:
    constant, variable = Global(Value.I32(7)), Global.new_mutable(Value.F64(2.5))
    assert constant.get() == 7 and constant.value == 7 and not constant.mutable
    with pytest.raises(AttributeError, match=r"this global \(i32\) is immutable"):
        constant.set(8)
    with pytest.raises(AttributeError):
        constant.value = 8
    variable.value = 3
    assert variable.get() == 3.0 and variable.get_value() == Value.F64(3.0)
    with pytest.raises(TypeError, match="value of a global: f64 takes a float, not 'str'"):
        variable.set("x")
    odd = Value.from_bits(Type.F64, 0x7FF4000000000001)
    variable.set_value(odd)
    assert variable.get_value() == odd
    with pytest.raises(TypeError, match="this global is of type f64, not i32"):
        variable.set_value(Value.I32(1))
    with pytest.raises(OverflowError):
        Global.new_mutable(Value.I32(1)).set(2**32)
    vector = Global.new_mutable(Value.V128(5))
    vector.set(b"x" * 16)
    assert vector.get() == b"x" * 16


def test_globals_of_instances() -> None:
    program = Program()
    program.import_global("i64", True)
    program.global_("i32", 41)
    program.global_("i64", 0, False, "global.get")
    program.function("increment", "", "i32", "increment_global", cell=lambda layout: layout.global_(1))
    program.function("read", "", "i64", "get_imported_global", cell=lambda layout: layout.global_(0))
    imported = Global.new_mutable(Value.I64(2**40))
    instance = program.instance([imported])
    assert instance.exports["increment"]() == 42 and instance.exports["global1"].get() == 42
    instance.exports["global1"].set(99)
    assert instance.exports["increment"]() == 100
    imported.set(5)
    assert instance.exports["read"]() == 5
    assert instance.exports["global2"].get() == 2**40 and instance.global_(0) is imported
    with pytest.raises(TypeError, match=r"import env\.global must be a global of another type"):
        program.instance([Global(Value.I64(1))])


@pytest.mark.parametrize("kind", ["externref", "funcref"])
def test_references_in_globals_stay_alive(kind: str) -> None:
    program = Program()
    program.global_(kind, 0)
    program.function("set", kind, "", "set_global", cell=lambda layout: layout.global_(0))
    program.function("get", "", kind, "get_global", cell=lambda layout: layout.global_(0))
    exports = program.instance().exports

    def make() -> tuple[Any, Any]:
        if kind == "externref":
            thing: Any = Thing()
            return thing, weakref.ref(thing)
        other = Program()
        other.function("nop", "", "", "nothing")
        function = other.instance().exports["nop"]
        return function, weakref.ref(function.owner)

    for _ in range(3):
        value, alive = make()
        exports["set"](value)
        del value
        gc.collect()
        assert alive() is not None and exports["get"]() is not None and exports["global0"].get() is not None
        value, other = make()
        exports["global0"].set(value)
        assert alive() is None
        del value
        exports["set"](None)
        assert other() is None and exports["get"]() is None


def test_what_leaves_a_table_while_wasm_runs_lives_until_it_ends() -> None:
    """The host takes the last owner of a function away; the caller holds it in a register only."""
    program = Program()
    index = program.import_function("f", "i32", "i32")
    program.table(FUNCREF, 1)
    program.helper("clear", "i32 funcref i32", "", "table_set")
    program.function("call", "funcref i32", "i32", "call_reference")
    program.call_import("run", index)
    seen: list[Any] = []

    def host(value: int) -> int:
        instance.exports["clear"](0, None, 0)
        gc.collect()
        seen.append(alive() is not None)
        return value

    instance = program.instance([HostFunction(host, function_type("i32", "i32"), "env", "f")])
    other = Program()
    other.function("same", "i32", "i32", "same_integer")
    function = other.instance().exports["same"]
    alive = weakref.ref(function.owner)
    instance.exports["table"][0] = function
    del function
    assert instance.exports["run"](5) == 5
    gc.collect()
    assert seen == [True] and alive() is None


def test_keeping_references_does_not_grow_without_bound() -> None:
    program = Program()
    index = program.import_function("f", "externref", "externref")
    program.call_import("run", index)
    program.table(EXTERNREF, 2)
    program.helper("set", "i32 externref i32", "", "table_set")
    things = [Thing() for _ in range(3)]

    def host(value: Any) -> Any:
        for number in range(60_000):
            setter(0, things[number % 3], 0)
        return value

    instance = program.instance([HostFunction(host, function_type("externref", "externref"), "env", "f")])
    setter = instance.exports["set"]
    before = [sys.getrefcount(thing) for thing in things]
    instance.exports["run"](None)
    setter(0, None, 0)
    after = [sys.getrefcount(thing) for thing in things]
    assert after == before


def test_a_limit_on_address_space_is_seen() -> None:
    code = (
        "import resource\n"
        "from wasmer_runtime_core.native.address_space import can_reserve\n"
        "before = can_reserve()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "print(before, can_reserve())\n"
    )
    result = fresh_process(code)
    assert result.stdout == "True False\n", result.stderr


def test_growth_that_the_system_refuses_says_so() -> None:
    """No process has 2**47 bytes. Within maxima and limits, these are not what is in the way."""
    memory = machine.Memory(1, wide=True)
    with pytest.raises(MemoryGrowError, match=f"of 1 pages cannot grow by {(1 << 31) - 2}: the system has no room"):
        memory.grow((1 << 31) - 2)
    with pytest.raises(MemoryGrowError, match="it may have at most"):
        memory.grow(1 << 31)
    assert memory.pages == 1 and memory.grow(1) == 1
    code = (
        "import resource\n"
        "from wasmer_runtime_core.errors import TableGrowError\n"
        "from wasmer_runtime_core.native import machine\n"
        "table = machine.Table(0x70, 1)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1, 1))\n"
        "try:\n"
        "    table.grow(9_000_000)\n"
        "except TableGrowError as error:\n"
        "    print(error)\n"
    )
    result = fresh_process(code)
    assert result.stdout == "a table of 1 elements cannot grow by 9000000: there is no room for it now\n", result.stderr


def resident(memory: Memory, pages: int) -> int:
    """How many of its first so many pages of 4 KiB have memory."""
    found = (ctypes.c_ubyte * pages)()
    assert not ctypes.CDLL(None).mincore(ctypes.c_void_p(memory.address), ctypes.c_size_t(pages << 12), found)
    return sum(byte & 1 for byte in found)


def test_an_instance_gives_its_pages_back_whatever_other_code_runs() -> None:
    """Code of instances that are not linked to it cannot reach them. A memory that another one imports stays."""
    program, importing, busy = Program(), Program(), Program()
    program.memory(16)
    importing.import_memory(1)
    busy.release_gil = True
    busy.function("spin", "", "", "spin")
    busy.function("add", "i32 i32", "i32", "add")
    exports = busy.instance().exports
    spin, handles = exports["spin"], []

    def spin_until_cancelled() -> None:
        handles.append(machine.this_thread_handle())
        with pytest.raises(Cancelled):
            spin()

    thread = threading.Thread(target=spin_until_cancelled)
    thread.start()
    with pytest.raises(RuntimeError, match="another thread"):
        while True:
            exports["add"](1, 2)
    instance, lender = program.instance(), program.instance()
    borrower = importing.instance([lender.memory()])
    memories = [instance.memory(), lender.memory()]
    for memory in memories:
        memory.write(0, b"x" * (16 * PAGE))
        assert resident(memory, 256) == 256
    instance.close()
    lender.close()
    assert [resident(memory, 256) for memory in memories] == [0, 256]
    assert borrower.memory().closed
    machine.cancel(handles[0])
    thread.join()
