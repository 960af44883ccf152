"""What emcc 3.1.6 binds in no fixture: integers of 64 bits, optional values, coroutines; by an imitation."""

from __future__ import annotations

from typing import Any

import pytest
from test_hostile_bindings import INT, VALUE, VOID, bind, bind_class, call, named, types
from worlds import world

from wasmer_emscripten import BindingError, NotSupported, Program
from wasmer_emscripten.embind.calls import BoundFunction
from wasmer_emscripten.embind.handles import UNDEFINED
from wasmer_emscripten.embind.registry import registry_of
from wasmer_emscripten.embind.world import GLOBALS, call_method, get
from wasmer_emscripten.embind.world import set as set_property
from wasmer_emscripten.errors import WrongArgument

LONG, UNSIGNED_LONG, OPTIONAL = 201, 202, 203
TWICE, SAME, COUNTED = 5, 6, 7
MORE = """
  (elem (i32.const 5) $twice $same $counted)
  (func $twice (param i32 i64) (result i64) (i64.add (local.get 1) (local.get 1)))
  (func $same (param i32 i32) (result i32) (local.get 1))
  (func $counted (param i32 i32 i32) (result i32) (i32.add (local.get 1) (i32.ne (local.get 2) (i32.const 2))))
"""


@pytest.fixture
def program() -> Program:
    made = world(more=MORE)
    call(made, "_embind_register_void", VOID, named(made, "void"))
    call(made, "_embind_register_integer", INT, named(made, "int"), 4, -(1 << 31), (1 << 31) - 1)
    call(made, "_embind_register_emval", VALUE, named(made, "val"))
    call(made, "_embind_register_bigint", LONG, named(made, "int64_t"), 8, -(1 << 63), (1 << 63) - 1)
    call(made, "_embind_register_bigint", UNSIGNED_LONG, named(made, "uint64_t"), 8, 0, (1 << 64) - 1)
    call(made, "_embind_register_optional", OPTIONAL, INT)
    return made


def test_integers_of_64_bits(program: Program) -> None:
    bind(program, "twice", TWICE, LONG, LONG)
    bind(program, "twice_unsigned", TWICE, UNSIGNED_LONG, UNSIGNED_LONG)
    for value in (0, 1, -1, 1 << 40, -(1 << 62), (1 << 62) - 1):
        assert program.twice(value) == 2 * value
    assert program.twice_unsigned((1 << 63) - 1) == (1 << 64) - 2
    for value in (1 << 63, -(1 << 63) - 1):
        with pytest.raises(BindingError, match="int64_t is from -9223372036854775808 to 9223372036854775807"):
            program.twice(value)
    with pytest.raises(BindingError, match="uint64_t is from 0 to 18446744073709551615"):
        program.twice_unsigned(-1)
    with pytest.raises(BindingError, match=r"an int is needed, not 1\.5"):
        program.twice(1.5)


def test_optional_values(program: Program) -> None:
    registry = registry_of(program.process)
    before = len(registry.handles)
    bind(program, "same", SAME, OPTIONAL, OPTIONAL)
    assert program.same(5) == 5 and program.same(0) == 0 and program.same(None) is None and program.same() is None
    assert len(registry.handles) == before  # what a call has passed is given up
    bind(program, "counted", COUNTED, INT, INT, OPTIONAL)
    assert program.counted(7) == program.counted(7, None)
    with pytest.raises(BindingError, match="takes 1 or 2 arguments, and 0 were given"):
        program.counted()


@pytest.mark.parametrize("name", ["_emval_await", "_emval_coro_suspend", "_emval_coro_make_promise"])
def test_coroutines_are_refused_by_name(name: str) -> None:
    program = world(f'(import "env" "{name}" (func $go (param i32) (result i32)))', '(export "go" (func $go))')
    with pytest.raises(NotSupported, match=f"the program called {name}, .*co_await.* no event loop"):
        program.go(0)


def test_what_has_the_name_of_something_else_replaces_it(program: Program) -> None:
    """A function of a name that is no function yet takes its place, and those after it are its overloads."""
    registry = registry_of(program.process)
    registry.names["same"] = 5
    bind(program, "same", SAME, OPTIONAL, OPTIONAL)
    bind(program, "same", COUNTED, INT, INT, OPTIONAL)
    found: Any = registry.names["same"]
    assert isinstance(found, BoundFunction) and sorted(found.bindables) == [1, 2]
    bind_class(program, "Thing", 300)
    for invoker, numbers in ((SAME, (OPTIONAL, OPTIONAL)), (COUNTED, (INT, INT, OPTIONAL))):
        count, where = types(program, *numbers)
        name = named(program, "made")
        call(program, "_embind_register_class_class_function", 300, name, count, where, 0, invoker, 0)
    assert program.Thing.made(3) == 3 and program.Thing.made(7, 1) == 8


def test_properties_are_asked_for_as_cpp_asks() -> None:
    make = GLOBALS["Object"]
    has = get(get(make, "prototype"), "hasOwnProperty")  # val::hasOwnProperty
    for value, key, expected in [
        ({"a": None}, "a", True),
        ({"a": None}, "b", False),
        ([1, 2], 1, True),
        ([1, 2], 2, False),
        ([1, 2], "length", True),
        (None, "a", False),
        (UNDEFINED, "a", False),
        (7, "a", False),
    ]:
        assert call_method(has, "call", [value, key]) is expected
    with pytest.raises(WrongArgument):
        call_method(has, "call", [{}, []])
    with pytest.raises(WrongArgument):
        set_property(get(make, "prototype"), "hasOwnProperty", 1)
    assert make() == {}
