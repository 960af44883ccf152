"""Closing a program: what it holds itself keeps nobody from it, what its user has does; all is closed, or nothing."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from programs import FIXTURES
from test_hostile_bindings import CLASS, INT, VALUE, VOID, bind_class, call, named, types
from worlds import fixture, world

from wasmer_emscripten import CAPTURE, Program, WrongArgument, load
from wasmer_emscripten.embind.registry import registry_of
from wasmer_runtime_core.errors import RuntimeError, Trap

LIBRARIES = {f"{name}.so": FIXTURES / f"{name}.wasm" for name in ("libfirst", "libsecond")}
VIEW = 105
RANGE, AT = 16384, 20480
IMPORTS = """
  (import "env" "back" (func $back (param i32)))
"""
MORE = """
  (func (export "go") (param i32) (call $back (local.get 0)))
  (func (export "fall") unreachable)
"""


@pytest.fixture
def program() -> Program:
    return binding(lambda number: None)


def binding(back: Callable[[int], Any]) -> Program:
    """A program that binds values and views of bytes; its export `go` calls `back`."""
    made = world(IMPORTS + '(import "env" "_emval_decref" (func (param i32)))', MORE, functions={"back": back})
    call(made, "_embind_register_void", VOID, named(made, "void"))
    call(made, "_embind_register_integer", INT, named(made, "int"), 4, -(1 << 31), (1 << 31) - 1)
    call(made, "_embind_register_emval", VALUE, named(made, "val"))
    call(made, "_embind_register_memory_view", VIEW, 1, named(made, "view"))
    return made


def view_of(program: Program) -> memoryview:
    """A view that Python has."""
    program.process.guest.write(RANGE, (8).to_bytes(4, "little") + AT.to_bytes(4, "little"))
    found: memoryview = registry_of(program.process).types[VIEW].from_wire(RANGE)
    return found


def held_view(program: Program) -> int:
    """A view that the program has."""
    program.process.guest.write(RANGE, (8).to_bytes(4, "little") + AT.to_bytes(4, "little"))
    handle: int = call(program, "_emval_take_value", VIEW, RANGE)
    return handle


def text(program: Program, name: str) -> int:
    handle: int = call(program, "_emval_new_cstring", named(program, name))
    return handle


def method(program: Program, value: int, name: str, *arguments: int) -> int:
    """What a method of a value returns, as a value."""
    caller = call(program, "_emval_get_method_caller", *types(program, VALUE, *[VALUE] * len(arguments)))
    for at, argument in enumerate(arguments):
        call(program, "_emval_incref", argument)
        program.process.guest.write(AT + 64 + 8 * at, argument.to_bytes(8, "little"))
    return int(call(program, "_emval_call_method", caller, value, named(program, name), 0, AT + 64))


def in_a_list(program: Program) -> None:
    made = call(program, "_emval_new_array")
    method(program, made, "push", held_view(program))


def in_a_mapping(program: Program) -> None:
    made = call(program, "_emval_new_object")
    call(program, "_emval_set_property", made, text(program, "a"), held_view(program))


def in_a_circle(program: Program) -> None:
    """Which the program does not hold any more."""
    made = call(program, "_emval_new_array")
    method(program, made, "push", made)
    method(program, made, "push", held_view(program))
    call(program, "_emval_decref", made)


def in_a_held_circle(program: Program) -> None:
    made = call(program, "_emval_new_array")
    method(program, made, "push", made)
    method(program, made, "push", held_view(program))


def in_a_method(program: Program) -> None:
    call(program, "_emval_get_property", held_view(program), text(program, "subarray"))


def in_a_part(program: Program) -> None:
    one = registry_of(program.process).handles.add(1)
    method(program, held_view(program), "subarray", one)
    method(program, held_view(program), "slice", one)


def in_an_error(program: Program) -> None:
    error = call(program, "_emval_get_global", named(program, "Error"))
    call(program, "_emval_new", error, *types(program, VALUE), arguments(program, held_view(program)))


def arguments(program: Program, *handles: int) -> int:
    for at, handle in enumerate(handles):
        program.process.guest.write(AT + 64 + 8 * at, handle.to_bytes(8, "little"))
    return AT + 64


def in_a_class(program: Program) -> None:
    bind_class(program, "Base", CLASS)
    bind_class(program, "Wrapper", CLASS + 10, CLASS)
    members = call(program, "_emval_new_object")
    call(program, "_emval_set_property", members, text(program, "kept"), held_view(program))
    call(program, "_embind_create_inheriting_constructor", named(program, "Mine"), CLASS + 10, members)


def in_a_constant(program: Program) -> None:
    program.process.guest.write(RANGE, (8).to_bytes(4, "little") + AT.to_bytes(4, "little"))
    call(program, "_embind_register_constant", named(program, "SHOWN"), VIEW, float(RANGE))
    registry_of(program.process).finish()
    assert isinstance(program.process.bindings.names["SHOWN"], memoryview)


def in_a_function_of_pythons(program: Program) -> None:
    """The program alone has it, and what it has kept."""
    view = view_of(program)
    registry_of(program.process).handles.add(lambda: view[0])


def in_an_object_of_pythons(program: Program) -> None:
    class Screen:
        cpp_names = ("image",)

    screen = Screen()
    handle = registry_of(program.process).handles.add(screen)
    call(program, "_emval_set_property", handle, text(program, "image"), held_view(program))
    assert isinstance(screen.image, memoryview)  # type: ignore[attr-defined]


def given_by_python(program: Program) -> None:
    registry_of(program.process).handles.add(view_of(program))


def twice(program: Program) -> None:
    handles = registry_of(program.process).handles
    view = view_of(program)
    handles.add(view)
    handles.add([view, [view[2:4]]])


WAYS = [
    held_view, in_a_list, in_a_mapping, in_a_circle, in_a_held_circle, in_a_method, in_a_part, in_an_error, in_a_class,
    in_a_constant, in_a_function_of_pythons, in_an_object_of_pythons, given_by_python, twice,
]  # fmt: skip


def way_name(way: Any) -> str:
    return str(way.__name__)


@pytest.mark.parametrize("way", WAYS, ids=way_name)
def test_what_the_program_holds_keeps_nobody_from_closing_it(program: Program, way: Callable[[Program], Any]) -> None:
    memory = program.memory
    way(program)
    assert memory.views > 0
    program.close()
    assert memory.closed and memory.views == 0 and program.instance.closed
    program.close()


@pytest.mark.parametrize("way", WAYS, ids=way_name)
def test_what_python_has_does_and_nothing_is_closed(program: Program, way: Callable[[Program], Any]) -> None:
    memory = program.memory
    way(program)
    gc.collect()
    held = memory.views
    view = view_of(program)
    for _ in range(2):
        with pytest.raises(BufferError, match="the memory cannot be closed: 1 view of it exists"):
            program.close()
    assert not memory.closed and not program.instance.closed and memory.views == held + 1
    program.go(1)
    handle = held_view(program)  # it goes on with all that it had
    assert registry_of(program.process).handles.value(handle)[0] == view[0]
    program.process.descriptors.find(1)
    del view
    program.close()
    assert memory.closed and memory.views == 0


@pytest.mark.parametrize("kept", [lambda view: view, lambda view: [view], lambda view: lambda: view[0]])
def test_what_both_have_is_pythons(program: Program, kept: Callable[[memoryview], Any]) -> None:
    handles = registry_of(program.process).handles
    mine = kept(view_of(program))
    handles.add(mine)
    handles.add({"again": mine})
    with pytest.raises(BufferError, match="1 view of it exists"):
        program.close()
    assert len(handles) == 2
    del mine
    program.close()
    assert program.instance.closed


def test_a_part_that_python_has_of_what_the_program_has(program: Program) -> None:
    handle = held_view(program)
    part = registry_of(program.process).handles.value(handle)[1:3]
    with pytest.raises(BufferError, match="1 view"):
        program.close()
    assert bytes(part) == b"\0\0"
    part.release()
    del part
    program.close()


def test_views_of_bytes_are_no_views_of_the_memory(program: Program) -> None:
    """Those of a list that Python has, and of bytes that the program has made."""
    data = bytearray(8)
    handles = registry_of(program.process).handles
    handles.add(memoryview(data))
    handles.add([data, memoryview(data)[2:]])
    program.close()


def test_an_exception_that_ends_the_block_goes_on() -> None:
    kept = []
    with pytest.raises(KeyError) as raised, binding(kept.append) as program:
        kept.append(view_of(program))
        raise KeyError("mine")
    assert not program.instance.closed
    assert any("is not closed: the memory cannot be closed: 1 view" in note for note in raised.value.__notes__)
    kept.clear()
    program.close()


def test_what_a_call_has_made_goes_though_its_exception_is_kept() -> None:
    """C++ calls a function with a view: its frames are in the traceback, and those of this package have nothing."""
    program = binding(lambda number: None)

    def failing(*values: Any) -> None:
        assert all(isinstance(each, memoryview) for each in values)
        del values
        raise KeyError("mine")

    handles = registry_of(program.process).handles
    caller = call(program, "_emval_create_invoker", *types(program, VALUE, VALUE, VIEW), 0)
    program.process.guest.write(RANGE, (8).to_bytes(4, "little") + AT.to_bytes(4, "little"))
    program.process.guest.write(AT + 64, held_view(program).to_bytes(8, "little") + RANGE.to_bytes(8, "little"))
    with pytest.raises(KeyError) as raised:
        call(program, "_emval_invoke", caller, handles.add(failing), 0, 0, AT + 64)
    with pytest.raises(WrongArgument, match="slice expected") as wrong:
        method(program, held_view(program), "slice")
    program.close()
    assert raised.value.__traceback__ is not None and wrong.value.__traceback__ is not None


def test_close_below_a_call_of_the_program() -> None:
    refused: list[BaseException] = []

    def back(number: int) -> None:
        held_view(program)
        view = view_of(program)
        for _ in range(2):
            try:
                program.close()
            except RuntimeError as failure:
                refused.append(failure)
        assert view[0] == 0

    program = binding(back)
    held_view(program)
    program.go(3)
    assert [str(each) for each in refused] == [
        "the instance cannot be closed while it, or one linked to it, is running"
    ] * 2
    del refused[:]
    assert len(registry_of(program.process).handles) == 2
    program.close()
    assert program.instance.closed


def test_close_from_another_thread() -> None:
    inside, done = threading.Event(), threading.Event()
    refused: list[str] = []

    def back(number: int) -> None:
        inside.set()
        assert done.wait(60)

    program = binding(back)
    held_view(program)
    running = threading.Thread(target=program.go, args=(1,))
    running.start()
    assert inside.wait(60)
    try:
        program.close()
    except RuntimeError as failure:
        refused.append(str(failure))
    done.set()
    running.join()
    assert len(refused) == 1 and "is running" in refused[0]
    assert len(registry_of(program.process).handles) == 1
    closing = threading.Thread(target=program.close)
    closing.start()
    closing.join()
    assert program.instance.closed


def test_close_after_a_trap(program: Program) -> None:
    held_view(program)
    with pytest.raises(Trap) as kept:
        program.fall()
    program.close()
    assert program.instance.closed and kept.value is not None


def test_a_program_with_libraries_is_closed_with_all_of_them_or_none() -> None:
    program = load(fixture("linking"), stdout=CAPTURE, libraries=LIBRARIES)
    assert program.main() == 0
    libraries = program.process.linker.instances()
    assert libraries
    memory = program.memory
    view = memoryview(memory)
    with pytest.raises(BufferError, match="1 view"):
        program.close()
    assert not any(each.closed for each in (program.instance, *libraries)) and not memory.closed
    assert program.main() == 0
    view.release()
    program.close()
    assert all(each.closed for each in (program.instance, *libraries)) and memory.closed
    program.close()


def test_a_memory_that_the_program_imports_is_given_back() -> None:
    program = load(fixture("linked"), stdout=CAPTURE, libraries=LIBRARIES)
    memory = program.memory
    assert program.process.memory is memory
    program.close()
    assert memory.closed


def test_objects_of_cpp_end_with_their_program() -> None:
    cpp = load(fixture("bindings"))
    with cpp.Counter(5) as counter, cpp.Counter(6) as other:
        shared = cpp.share(3)
        cpp.close()
        with pytest.raises(ValueError, match="closed"):
            counter.step()
        other.delete()
        assert other.is_deleted()
    assert counter.is_deleted()
    del shared
    gc.collect()


def test_what_cpp_holds_by_itself() -> None:
    """A listener of Python's has a view, and C++ has the listener."""
    cpp = load(fixture("bindings"))

    class Listener(cpp.Listener):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.seen = cpp.view_bytes()

        def heard(self, what: str) -> int:
            return len(what) + int(self.seen[0])

    listener = Listener()
    assert cpp.tell(listener, "hello") == 7
    memory = cpp.memory
    with pytest.raises(BufferError, match="1 view"):
        cpp.close()
    assert cpp.tell(listener, "hello") == 7
    del listener  # C++ has it still
    assert memory.views == 1
    cpp.close()
    assert memory.closed
