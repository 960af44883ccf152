"""Python's values for a program, and its values for Python."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from guests import Guest

from wasmer_go import GoCallable, GoList, GoMapping, GoState, ProgramExited, Thrown
from wasmer_go.conversion import to_go, to_python
from wasmer_go.objects import UNDEFINED, Array, Error, Function, Object, Uint8Array, type_error
from wasmer_runtime_core.errors import Cancelled, ExitCode, Timeout


@pytest.fixture
def process() -> Any:
    return Guest().process


@pytest.mark.parametrize("value", [None, True, False, 0, 1, -1, 2**53, 2.5, math.inf, "", "text", b"", b"bytes"])
def test_plain_values_come_back(process: Any, value: Any) -> None:
    back = to_python(process, to_go(process, value))
    assert back == value and type(back) is type(value)


def test_numbers_are_floats_and_booleans_are_none(process: Any) -> None:
    assert type(to_go(process, 1)) is float and to_go(process, True) is True
    assert to_python(process, -0.0) == 0 and math.isnan(to_python(process, math.nan))
    assert to_python(process, UNDEFINED) is None
    assert (
        to_python(process, to_go(process, 1 << 200)) == 1 << 200
    )  # a float, for nothing says that it was meant exactly


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 10**400])
def test_ints_that_no_float_equals(process: Any, value: int) -> None:
    with pytest.raises(ValueError, match="give it as a str"):
        to_go(process, value)


class Thing:
    """An object with attributes that a program must never see."""

    secret = "secret"

    def method(self) -> str:
        return "method"


@pytest.mark.parametrize("name", ["secret", "method", "__class__", "__dict__", "real", "__globals__", "__code__"])
def test_attributes_are_never_looked_up(process: Any, name: str) -> None:
    for value in (Thing(), {}, [], print, lambda: 1, 5, "text", MappingProxyType({})):
        seen = to_go(process, value)
        if isinstance(seen, Object):
            assert seen.get(name) is UNDEFINED


def test_things_come_back_as_themselves(process: Any) -> None:
    for value in (Thing(), {}, [], (), print, Thing().method, MappingProxyType({"a": 1})):
        assert to_python(process, to_go(process, value)) is value


def test_one_thing_is_one_value(process: Any) -> None:
    thing, guest = Thing(), process.references
    for value in (thing, [1], {"a": 1}, print, thing.method):
        guest.store(process.memory, 0x8000, to_go(process, value))
        guest.store(process.memory, 0x8008, to_go(process, value))
        assert process.memory.read(0x8000, 8) == process.memory.read(0x8008, 8)
    assert to_go(process, [1]) != to_go(process, [1])


def test_mappings_are_objects(process: Any) -> None:
    given: dict[Any, Any] = {"b": 1, "10": 2, "9": 3, 5: "no text"}
    seen = to_go(process, given)
    assert seen.get("b") == 1.0 and seen.get("nothing") is UNDEFINED
    assert seen.names() == ["9", "10", "b"]
    seen.set("c", Array([1.0]))
    assert list(given["c"]) == [1]
    seen.delete("b")
    assert "b" not in given
    with pytest.raises(Thrown, match="read only"):
        to_go(process, MappingProxyType({})).set("a", 1.0)


def test_sequences_are_arrays(process: Any) -> None:
    given = [1, "two"]
    seen = to_go(process, given)
    assert (seen.get("length"), seen.get_at(1), seen.get_at(2), seen.get_at(-1)) == (2.0, "two", UNDEFINED, UNDEFINED)
    seen.set_at(0, None)
    seen.set_at(2, 3.0)
    assert given == [None, "two", 3]
    with pytest.raises(Thrown, match="IndexError"):
        seen.set_at(9, 1.0)
    with pytest.raises(Thrown, match="read only"):
        to_go(process, (1,)).set_at(0, 1.0)


def test_what_a_program_adds_is_paid_for() -> None:
    process = Guest(GoState.new("guest").value_bytes(10_000)).process
    given: dict[str, Any] = {}
    seen = to_go(process, given)
    with pytest.raises(MemoryError, match="10000"):
        for at in range(1000):
            seen.set(f"name {at}", 1.0)
    assert 10 < len(given) < 100


def test_bytes_are_shared_where_they_can_be_written(process: Any) -> None:
    shared = bytearray(4)
    to_go(process, shared).set_at(0, 65.0)
    to_go(process, memoryview(shared)[1:]).set_at(0, 66.0)
    constant = b"abc"
    to_go(process, constant).set_at(0, 0.0)
    assert shared == b"AB\0\0" and constant == b"abc"


def test_callables_are_functions(process: Any) -> None:
    seen = to_go(process, lambda *args: args)
    assert to_python(process, seen.call(UNDEFINED, [1.0, "x", None])) == (1, "x", None)


def test_what_a_callable_raises_is_thrown(process: Any) -> None:
    cause = KeyError("name")

    def fail() -> None:
        raise cause

    with pytest.raises(Thrown) as caught:
        to_go(process, fail).call(UNDEFINED, [])
    error = caught.value.value
    assert isinstance(error, Error) and error.text() == "KeyError: 'name'" and error.cause is cause
    assert to_python(process, error) is cause


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, Timeout, Cancelled])
def test_what_ends_a_call_is_not_thrown(process: Any, kind: type[BaseException]) -> None:
    def fail() -> None:
        raise kind()

    with pytest.raises(kind):
        to_go(process, fail).call(UNDEFINED, [])


def test_a_programs_own_objects(process: Any) -> None:
    inner = Array([1.0, "x"])
    made = Object(
        {"number": 2.0, "items": inner, "10": None, "f": Function("f", lambda this, args: args[0])}, process.budget
    )
    seen = to_python(process, made)
    assert isinstance(seen, GoMapping) and isinstance(seen, Mapping)
    assert seen["number"] == 2 and list(seen) == ["10", "number", "items", "f"] and len(seen) == 4
    assert isinstance(seen["items"], GoList) and list(seen["items"]) == [1, "x"] and seen["items"][0:1] == [1]
    assert isinstance(seen["f"], GoCallable) and seen["f"](5) == 5
    seen["new"] = {"a": 1}
    seen["items"].append(b"bytes")
    assert isinstance(inner.items[2], Uint8Array) and made.get("new").get("a") == 1.0
    del seen["number"]
    with pytest.raises(KeyError):
        seen["number"]
    assert to_go(process, seen) is made and to_python(process, made) == seen != to_python(process, Object())


def test_objects_of_another_program(process: Any) -> None:
    other = to_python(Guest().process, Object())
    with pytest.raises(ValueError, match="another Go program"):
        to_go(process, other)


def test_calling_a_function_that_throws(process: Any) -> None:
    def throw(this: Any, args: Any) -> Any:
        raise type_error("no")

    with pytest.raises(Thrown, match="TypeError: no"):
        to_python(process, Function("f", throw))()

    def fail() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        to_python(process, Function("f", lambda this, args: to_go(process, fail).call(this, args)))()


# --- functions of the program's


def go_function(guest: Guest, number: int = 7) -> Any:
    wrapped = guest.process.go.get("_makeFuncWrapper").call(guest.process.go, [float(number)])
    return to_python(guest.process, wrapped)


def test_an_event_tells_what_is_called() -> None:
    guest = Guest()
    function = go_function(guest)
    guest.on_resume()
    assert function(1, "x") is None
    event = guest.process.go.get("_pendingEvent")
    assert event.get("id") == 7.0 and event.get("this") is UNDEFINED and event.get("args").items == [1.0, "x"]


def test_an_answer_comes_back() -> None:
    guest = Guest()
    function = go_function(guest)
    answering = Function("resume", lambda this, args: guest.process.go.get("_pendingEvent").set("result", 42.0))
    guest.put(8, answering)
    guest.values(16, [])
    guest.on_resume(("syscall/js.valueInvoke", 0x8000))
    assert function() == 42


def test_functions_of_a_program_that_has_exited() -> None:
    guest = Guest()
    function = go_function(guest)
    guest._pack("<i", 0x8008, 3)
    guest.on_resume(("runtime.wasmExit", 0x8000))
    with pytest.raises(ProgramExited, match="code 3") as caught:
        function()
    assert caught.value.code == 3
    with pytest.raises(ProgramExited, match="code 3"):
        function()
    with pytest.raises(ProgramExited):
        guest.program.run()


def test_an_exit_within_calls_ends_all_of_them() -> None:
    """Go calls Python, which calls Go, which exits: nothing of Go's runs any more, whatever Python catches."""
    guest = Guest()
    inner = go_function(guest)
    seen: list[BaseException] = []

    def outer() -> str:
        try:
            inner()
        except BaseException as ended:
            seen.append(ended)
        return "kept to himself"

    guest._pack("<i", 0x8208, 5)
    guest.put(8, to_go(guest.process, outer))
    guest.values(16, [])
    ran: list[int] = []
    guest.put(0x408, Function("late", lambda this, args: ran.append(1)))
    guest.pair(0x410, 0x9000, 0)
    guest.on_run(("syscall/js.valueInvoke", 0x8000), ("syscall/js.valueInvoke", 0x8400))
    guest.on_resume(("runtime.wasmExit", 0x8200))
    assert guest.program.run() == 5
    assert isinstance(seen[0], ExitCode) and not ran


def test_items_below_none_of_a_sequence_are_refused() -> None:
    given = [1, 2, 3]
    seen: Any = to_go(Guest().process, given)
    for index in (-1, -4, -(1 << 62)):
        with pytest.raises(Thrown):
            seen.set_at(index, 5.0)
    with pytest.raises(Thrown):
        seen.set_at(5, 5.0)
    assert given == [1, 2, 3]
