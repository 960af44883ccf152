"""The functions that programs import, called by a program (`guests`)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from guests import DATA, FRAME, MOVED, NAMES, Guest, module

from wasmer_go import GoState, Program, Thrown, TooManyValues, WrongNumber
from wasmer_go.interface import bound
from wasmer_go.objects import UNDEFINED, Array, Error, Function, Object, Uint8Array
from wasmer_go.references import FIRST
from wasmer_runtime_core.errors import Trap
from wasmer_vfs import VirtualClock

VALUES: Any = [
    UNDEFINED,
    None,
    True,
    False,
    1.0,
    -2.5,
    math.inf,
    5e-324,
    "",
    "text",
    "gr\u00fc\u00df \U0001f4a1",
    1e300,
]


@pytest.fixture
def guest() -> Guest:
    return Guest(GoState.new("guest").stdin(None).capture_stdout().capture_stderr().clock(VirtualClock(1_500_000_000)))


@pytest.mark.parametrize("value", VALUES)
def test_values_come_back(guest: Guest, value: Any) -> None:
    guest.put(8, value)
    assert guest.get(8) is value or guest.get(8) == value
    assert type(guest.get(8)) is type(value)


def test_numbers_that_are_no_ids(guest: Guest) -> None:
    guest.put(8, 0.0)
    assert guest.get(8) == 0.0 and guest.got("Q", 8) == 0x7FF8_0000_0000_0001
    guest.put(8, -0.0)
    assert guest.got("Q", 8) == 0x7FF8_0000_0000_0001
    guest.put(8, math.nan)
    assert math.isnan(guest.get(8)) and guest.got("Q", 8) == 0x7FF8_0000_0000_0000
    guest.put(8, UNDEFINED)
    assert guest.got("Q", 8) == 0


def test_types_are_in_the_high_half(guest: Guest) -> None:
    for value, flag in ((Object(), 1), ("text", 2), (Function("f", lambda this, args: None), 4), (None, 0), (True, 0)):
        guest.put(8, value)
        assert guest.got("I", 12) == 0x7FF8_0000 | flag


def test_truth_is_not_one(guest: Guest) -> None:
    ids = []
    for value in (True, 1.0, False, 0.0):
        guest.put(8, value)
        ids.append(guest.got("Q", 8))
    assert len(set(ids)) == 4


def test_properties(guest: Guest) -> None:
    made = Object(budget=guest.process.budget)
    guest.put(8, made)
    guest.text(16, "name")
    guest.put(32, "value")
    guest.call("syscall/js.valueSet")
    assert made.properties == {"name": "value"}
    guest.call("syscall/js.valueGet")
    assert guest.get(32) == "value"
    guest.call("syscall/js.valueDelete")
    assert not made.properties
    guest.call("syscall/js.valueGet")
    assert guest.get(32) is UNDEFINED


def test_items(guest: Guest) -> None:
    made = Array(["a", "b"])
    guest.put(8, made)
    guest.number(16, 1)
    guest.call("syscall/js.valueIndex")
    assert guest.get(24) == "b"
    guest.number(16, 3)
    guest.put(24, 5.0)
    guest.call("syscall/js.valueSetIndex")
    assert made.items == ["a", "b", UNDEFINED, 5.0]
    guest.call("syscall/js.valueLength")
    assert guest.got("q", 16) == 4


@pytest.mark.parametrize(("value", "length"), [("", 0), ("abc", 3), ("\U0001f4a1", 2), (Uint8Array(bytearray(7)), 7)])
def test_lengths(guest: Guest, value: Any, length: int) -> None:
    guest.put(8, value)
    guest.call("syscall/js.valueLength")
    assert guest.got("q", 16) == length


def test_methods_and_what_they_throw(guest: Guest) -> None:
    def call(this: Any, args: Any) -> Any:
        if args:
            raise Thrown(Error("RangeError", "too much"))
        return this

    made = Object({"method": Function("method", call)})
    guest.put(8, made)
    guest.text(16, "method")
    guest.values(32, [])
    guest.call("syscall/js.valueCall")
    assert guest.get(56) is made and guest.got("B", 64) == 1
    guest.values(32, [1.0])
    guest.call("syscall/js.valueCall")
    assert guest.get(56).text() == "RangeError: too much" and guest.got("B", 64) == 0
    guest.text(16, "absent")
    guest.call("syscall/js.valueCall")
    assert guest.get(56).text() == "TypeError: absent is not a function" and guest.got("B", 64) == 0


def test_functions_and_constructors(guest: Guest) -> None:
    guest.put(8, Function("sum", lambda this, args: sum(args)))
    guest.values(16, [1.0, 2.0, 3.5])
    guest.call("syscall/js.valueInvoke")
    assert guest.get(40) == 6.5 and guest.got("B", 48) == 1
    guest.call("syscall/js.valueNew")
    assert guest.got("B", 48) == 0 and "is not a constructor" in guest.get(40).text()
    guest.put(8, guest.process.world.get("Uint8Array"))
    guest.values(16, [3.0])
    guest.call("syscall/js.valueNew")
    made = guest.get(40)
    assert isinstance(made, Uint8Array) and bytes(made.data) == bytes(3)
    guest.put(16, guest.process.world.get("Uint8Array"))
    guest.put(8, made)
    guest.call("syscall/js.valueInstanceOf")
    assert guest.got("B", 24) == 1
    guest.put(8, Object())
    guest.call("syscall/js.valueInstanceOf")
    assert guest.got("B", 24) == 0


def test_the_stack_may_move_in_a_call(guest: Guest) -> None:
    """A function that calls the program lets its stack be another: results go there."""
    moved = FRAME + 0x400

    def call(this: Any, args: Any) -> Any:
        guest.memory.write(MOVED, moved.to_bytes(4, "little"))
        guest.on_resume()
        guest.process.resume()
        return "result"

    guest.put(8, Function("f", call))
    guest.values(16, [])
    guest.call("syscall/js.valueInvoke")
    assert guest.get(40, moved) == "result" and guest.got("B", 48, moved) == 1


@pytest.mark.parametrize("content", ["", "text", "gr\u00fc\u00df \U0001f4a1", "x" * 5000])
def test_texts_both_ways(guest: Guest, content: str) -> None:
    guest.text(8, content)
    guest.call("syscall/js.stringVal")
    assert guest.get(24) == content
    guest.put(8, guest.get(24))
    guest.call("syscall/js.valuePrepareString")
    length = guest.got("q", 24)
    assert length == len(content.encode())
    guest.put(8, guest.get(16))
    guest.pair(16, DATA, length)
    guest.call("syscall/js.valueLoadString")
    assert guest.bytes(DATA, length) == content.encode()


def test_halves_of_pairs_are_replaced(guest: Guest) -> None:
    guest.put(8, "a\ud83dz\ud83d\udca1")
    guest.call("syscall/js.valuePrepareString")
    assert bytes(guest.get(16).data).decode() == "a\ufffdz\U0001f4a1"


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "null"), (UNDEFINED, "undefined"), (True, "true"), (1.0, "1"), (1e21, "1e+21"), (1.5e-7, "1.5e-7")]
    + [(Array([1.0, None, "x"]), "1,,x"), (Object(), "[object Object]"), (-0.5, "-0.5"), (math.nan, "NaN")],
)
def test_values_as_texts(guest: Guest, value: Any, written: str) -> None:
    guest.put(8, value)
    guest.call("syscall/js.valuePrepareString")
    assert bytes(guest.get(16).data).decode() == written


def test_bytes_both_ways(guest: Guest) -> None:
    source = Uint8Array(bytearray(b"0123456789"))
    guest.pair(8, DATA, 4)
    guest.put(32, source)
    guest.call("syscall/js.copyBytesToGo")
    assert guest.got("q", 40) == 4 and guest.got("B", 48) == 1 and guest.bytes(DATA, 5) == b"0123\0"
    target = Uint8Array(bytearray(3))
    guest.put(8, target)
    guest.pair(16, DATA, 4)
    guest.call("syscall/js.copyBytesToJS")
    assert guest.got("q", 40) == 3 and bytes(target.data) == b"012"
    guest.put(8, "no bytes")
    guest.call("syscall/js.copyBytesToJS")
    assert guest.got("B", 48) == 0


def test_bytes_that_are_read_only_are_not_written(guest: Guest) -> None:
    guest.put(8, Uint8Array(memoryview(b"constant")))
    guest.text(16, b"other")
    guest.call("syscall/js.copyBytesToJS")
    assert guest.got("B", 48) == 0


def test_the_runtime(guest: Guest) -> None:
    guest.call("runtime.walltime")
    assert (guest.got("q", 8), guest.got("i", 16)) == (1, 500_000_000)
    guest.call("runtime.nanotime1")
    assert guest.got("q", 8) == 0
    guest.call("runtime.resetMemoryDataView")
    guest.memory.write(DATA, b"panic: x\n")
    guest.number(8, 2)
    guest.number(16, DATA)
    guest.number(24, 9)
    guest.call("runtime.wasmWrite")
    assert guest.state.stderr_bytes() == b"panic: x\n"
    guest.pair(8, DATA, 32)
    guest.call("runtime.getRandomData")
    assert guest.bytes(DATA, 32) != bytes(32)


def test_references_are_counted(guest: Guest) -> None:
    made = Object()
    guest.put(8, made)
    number = guest.got("I", 8)
    guest.put(16, made)
    assert number >= FIRST and guest.got("I", 16) == number
    frame = FRAME + 0x200
    guest.number(8, number, frame)
    guest.call("syscall/js.finalizeRef", frame)
    assert guest.get(8) is made
    guest.call("syscall/js.finalizeRef", frame)
    with pytest.raises(WrongNumber, match="never given or has given back"):
        guest.get(8)
    guest.put(16, "another")
    assert guest.got("I", 16) == number


# --- a program that lies


@pytest.mark.parametrize("number", [FIRST, 77, 0xFFFF_FFFF])
def test_ids_that_nobody_gave(guest: Guest, number: int) -> None:
    guest.number(8, 0x7FF8_0001 << 32 | number)
    with pytest.raises(WrongNumber, match=str(number)):
        guest.call("syscall/js.valuePrepareString")
    assert guest.program.exit_code == 2


def test_giving_back_what_one_does_not_have(guest: Guest) -> None:
    guest.number(8, 99)
    with pytest.raises(WrongNumber, match="does not have"):
        guest.call("syscall/js.finalizeRef")


RANGES = [(1 << 62, 1), (-8, 8), (0, 1 << 31), (0x1FFF0, 100), ((1 << 63) - 1, (1 << 63) - 1), (0, -1), (-1, -1)]


@pytest.mark.parametrize(("address", "length"), RANGES)
@pytest.mark.parametrize(
    "name", ["stringVal", "valueGet", "valueSet", "valueDelete", "valueCall", "valueInvoke", "valueLoadString"]
)
def test_texts_and_lists_outside_of_memory(name: str, address: int, length: int) -> None:
    guest = Guest()
    bytes_are_loaded = name == "valueLoadString"
    guest.put(8, Uint8Array(bytearray(4)) if bytes_are_loaded else Object())
    guest.pair(8 if name == "stringVal" else 16, address, length)
    if name == "valueInvoke":
        guest.put(8, Function("f", lambda this, args: UNDEFINED))
    with pytest.raises((WrongNumber, TooManyValues)):
        guest.call(f"syscall/js.{name}")


@pytest.mark.parametrize(("address", "length"), RANGES)
@pytest.mark.parametrize("name", ["copyBytesToGo", "copyBytesToJS"])
def test_bytes_outside_of_memory(name: str, address: int, length: int) -> None:
    guest = Guest()
    place, other = (8, 32) if name == "copyBytesToGo" else (16, 8)
    guest.put(other, Uint8Array(bytearray(4)))
    guest.pair(place, address, length)
    with pytest.raises(WrongNumber):
        guest.call(f"syscall/js.{name}")


@pytest.mark.parametrize("sp", [0xFFFF_FFF0, 0x8000_0000, 0x1FFFC])
@pytest.mark.parametrize("name", [each for each in NAMES if each not in ("debug", "runtime.resetMemoryDataView")])
def test_stack_pointers_outside_of_memory(name: str, sp: int) -> None:
    guest = Guest(GoState.new("guest").stdin(None).stdout(None).stderr(None))
    with pytest.raises((WrongNumber, Thrown)):
        guest.call(name, sp)


def test_properties_of_what_has_none(guest: Guest) -> None:
    guest.put(8, "text")
    guest.text(16, "length")
    with pytest.raises(Thrown, match="no object"):
        guest.call("syscall/js.valueGet")


def test_too_many_values() -> None:
    guest = Guest(GoState.new("guest").values(50))
    with pytest.raises(TooManyValues, match="its limit is 50"):
        for at in range(100):
            guest.text(8, f"text {at}")
            guest.call("syscall/js.stringVal")


def test_too_many_bytes() -> None:
    guest = Guest(GoState.new("guest").value_bytes(1 << 20))
    guest.put(8, guest.process.world.get("Uint8Array"))
    guest.values(16, [float(1 << 40)])
    with pytest.raises(TooManyValues, match="1048576"):
        guest.call("syscall/js.valueNew")


@pytest.mark.parametrize("kind", ["Array", "Object", "Uint8Array", "text"])
def test_what_is_let_go_of_is_given_back(kind: str) -> None:
    guest = Guest()
    before = guest.process.budget.used
    frame = FRAME + 0x200
    for at in range(20):
        if kind == "text":
            guest.text(8, "x" * 1000 + str(at))
            guest.call("syscall/js.stringVal")
            number = guest.got("I", 24)
        else:
            guest.put(8, guest.process.world.get(kind))
            guest.values(16, [1000.0])
            guest.call("syscall/js.valueNew")
            number = guest.got("I", 40)
            if kind == "Object":
                guest.get(40).set("name", "value")
        assert guest.process.budget.used > before
        guest.number(8, number, frame)
        guest.call("syscall/js.finalizeRef", frame)
        guest.number(24, 0), guest.number(40, 0)
    assert guest.process.budget.used - before < 2000  # the constructor that it still holds, and no text


def test_a_program_that_asks_before_it_is_started() -> None:
    """An import that is called by a start function finds no memory yet."""
    guest = Guest()
    guest.process.memory = None
    with pytest.raises(WrongNumber, match="before it was started"):
        bound(guest.process, "runtime.nanotime1")(FRAME)


def test_a_trap_ends_it() -> None:
    guest = Guest()
    guest.memory.write(0x4000, (9999).to_bytes(4, "little") + bytes(12))
    with pytest.raises(Trap):
        guest.process.enter(guest.program.instance.exports["run"], 0, 0)
    assert guest.program.exit_code == 2


def test_both_namespaces() -> None:
    for namespace in ("go", "gojs"):
        Program(module(namespace), GoState.new("guest").build()).close()
