"""What a call has taken is given back when it fails; what has ended it waits for that once, and is what is raised."""

from __future__ import annotations

from typing import Any

import pytest
from test_hostile_bindings import INT, VOID, bind, call, named
from worlds import compiled, imitation

import wasmer_emscripten.embind.provided  # noqa: F401
from wasmer_emscripten import Program, giving_back, load
from wasmer_emscripten.embind.registry import registry_of
from wasmer_runtime_core.errors import ExitCode
from wasmer_runtime_core.running.interrupts import timeout

RECORD, WHOLE, DEPTH = 400, 500, 8
MAKE, DESTROY, GET, PUT, TAKE_ONE, TAKE_TWO, ENDLESS = range(5, 12)
IMPORTS = """
  (import "env" "destroyed" (func $destroyed (param i32)))
  (import "env" "failing" (func $failing))"""
MORE = """
  (elem (i32.const 5) $make $destroy $get $put $take_one $take_two $endless)
  (func $make (result i32) (i32.const 4096))
  (func $destroy (param i32) (call $destroyed (local.get 0)))
  (func $get (param i32 i32) (result i32) (if (i32.eqz (local.get 0)) (then (call $failing))) (i32.const 4096))
  (func $put (param i32 i32 i32) (if (i32.eqz (local.get 0)) (then (call $failing))))
  (func $take_one (param i32 i32) (call $failing))
  (func $take_two (param i32 i32 i32) (call $failing))
  (func $endless (param i32) (loop (br 0)))"""


class Host:
    """What the program calls.

    Attributes:
        destroyed: what is done about each record that is destroyed.
        calls: how many were.
    """

    def __init__(self) -> None:
        self.destroyed: Any = lambda: None
        self.calls = 0

    def destroy(self, pointer: int) -> None:
        """A record's destructor."""
        self.calls += 1
        self.destroyed()

    def fail(self) -> None:
        """What ends a call."""
        raise KeyboardInterrupt


def program_of(host: Host, destroy: int = DESTROY) -> Program:
    """A program with `DEPTH` records in each other. Reading or writing the field of the innermost fails."""
    text = imitation(IMPORTS, MORE).replace("8 16 funcref", "16 16 funcref")
    functions = {"destroyed": host.destroy, "failing": host.fail}
    program = load(compiled(text), stdin=b"", stdout=None, stderr=None, functions=functions)
    call(program, "_embind_register_void", VOID, named(program, "void"))
    call(program, "_embind_register_integer", INT, named(program, "int"), 4, -(1 << 31), (1 << 31) - 1)
    for at in range(DEPTH):
        raw, inner = RECORD + at, RECORD + at - 1 if at else INT
        call(program, "_embind_register_value_object", raw, named(program, f"R{at}"), 0, MAKE, 0, destroy)
        field = (named(program, "field"), inner, 0, GET, at, inner, 0, PUT, at)
        call(program, "_embind_register_value_object_field", raw, *field)
    bind(program, "take_one", TAKE_ONE, VOID, RECORD + DEPTH - 1)
    bind(program, "take_two", TAKE_TWO, VOID, WHOLE, WHOLE)
    return program


def whole(program: Program, destroy: int = DESTROY) -> None:
    """A record that can be written."""
    call(program, "_embind_register_value_object", WHOLE, named(program, "Whole"), 0, MAKE, 0, destroy)
    field = (named(program, "field"), INT, 0, GET, 1, INT, 0, PUT, 1)
    call(program, "_embind_register_value_object_field", WHOLE, *field)


def nested() -> dict[str, Any]:
    """A value for the outermost record."""
    value: Any = 5
    for _ in range(DEPTH):
        value = {"field": value}
    found: dict[str, Any] = value
    return found


def reading(program: Program) -> None:
    """The innermost field cannot be read: each record around it is destroyed."""
    registry_of(program.process).type_of(RECORD + DEPTH - 1, "").from_wire(4096)


def writing(program: Program) -> None:
    """The innermost field cannot be written: what is made is destroyed."""
    program.take_one(nested())


def calling(program: Program) -> None:
    """The function that gets two records fails."""
    program.take_two({"field": 1}, {"field": 2})


WAYS = {"reading": reading, "writing": writing, "calling": calling}


@pytest.mark.parametrize("way", WAYS)
def test_all_of_it_is_given_back(way: str) -> None:
    host = Host()
    program = program_of(host)
    whole(program)
    for times in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            WAYS[way](program)
        assert host.calls == times * (2 if way == "calling" else DEPTH)


@pytest.mark.parametrize("way", ["reading", "writing"])
def test_what_ends_a_call_waits_once_however_deep(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(giving_back, "monotonic", lambda: clock[0])
    host = Host()
    program = program_of(host)

    def slowly() -> None:
        clock[0] += giving_back.MOST_SECONDS

    host.destroyed = slowly
    for times in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            WAYS[way](program)
        assert host.calls == times


@pytest.mark.parametrize("way", WAYS)
def test_a_destructor_without_an_end_has_one(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(giving_back, "MOST_SECONDS", 0.01)
    program = program_of(Host(), ENDLESS)
    whole(program, ENDLESS)
    with pytest.raises(KeyboardInterrupt), timeout(60):
        WAYS[way](program)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_takes_the_place_of_what_ended_the_call(way: str) -> None:
    host = Host()

    def ending() -> None:
        raise ExitCode(0)

    host.destroyed = ending
    program = program_of(host)
    whole(program)
    with pytest.raises(KeyboardInterrupt):
        WAYS[way](program)


def test_what_is_given_back_after_a_success_is_not_silent() -> None:
    host = Host()

    def ending() -> None:
        raise ExitCode(3)

    host.destroyed = ending
    program = program_of(host)
    whole(program)
    with pytest.raises(ExitCode):
        registry_of(program.process).type_of(WHOLE, "").from_wire(4096)
