"""A program makes the host work, or hold, more than it has paid for: refused before it is done."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from guests import FRAME, Guest

from wasmer_go import GoState, Thrown, TooManyValues
from wasmer_go.conversion import to_go
from wasmer_go.objects import (
    PROPERTY_BYTES,
    UNDEFINED,
    Array,
    Date,
    Error,
    Function,
    Object,
    Uint8Array,
    called,
    methods_of,
    text_of,
)
from wasmer_go.promises import Promise

LIMIT = 1 << 24


@pytest.fixture
def guest() -> Guest:
    return Guest(GoState.new("guest").value_bytes(LIMIT).stdout(None).stderr(None))


def call(guest: Guest, path: str, *args: Any, this: Any = UNDEFINED) -> Any:
    found: Any = guest.process.world
    for name in path.split("."):
        this, found = found, found.get(name)
    return found.call(this, list(args))


def method(this: Any, name: str, *args: Any) -> Any:
    return this.get(name).call(this, list(args))


def nested(guest: Guest, depth: int) -> Array:
    """An array of two, which are one, and so on: 2 ** depth items."""
    made = Array(["x"], guest.process.budget)
    for _ in range(depth):
        made = Array([made, made], guest.process.budget)
    return made


def itself(guest: Guest) -> Array:
    made = Array([], guest.process.budget)
    method(made, "push", made)
    return made


def errors(depth: int) -> Error:
    """An error of two, which are one, and so on; or one that is in itself."""
    made = Error("name", "message")
    for _ in range(depth):
        before, made = made, Error("", "")
        made.set("name", before)
        made.set("message", before)
    if not depth:
        made.set("message", made)
    return made


HUGE = float(1 << 50)

REFUSED: dict[str, Callable[[Guest], Any]] = {
    "an array of a length": lambda guest: guest.process.world.get("Array").make([HUGE]),
    "an array that is lengthened": lambda guest: Array([], guest.process.budget).set("length", HUGE),
    "an item far behind": lambda guest: Array([], guest.process.budget).set_at(1 << 50, 1.0),
    "bytes of a length": lambda guest: guest.process.world.get("Uint8Array").make([HUGE]),
    "an array from what says that it is long": lambda guest: call(guest, "Array.from", Object({"length": HUGE})),
    "bytes from what says so": lambda guest: guest.process.world.get("Uint8Array").make([Object({"length": HUGE})]),
    "arguments from what says so": lambda guest: method(
        Function("f", lambda this, args: UNDEFINED), "apply", UNDEFINED, Object({"length": HUGE})
    ),
    "a text of an array of arrays": lambda guest: text_of(nested(guest, 60)),
    "a text of an array in itself": lambda guest: text_of(itself(guest)),
    "JSON of an array of arrays": lambda guest: call(guest, "JSON.stringify", nested(guest, 60)),
    "JSON of an array in itself": lambda guest: call(guest, "JSON.stringify", itself(guest)),
    "JSON of many long texts": lambda guest: call(guest, "JSON.stringify", Array(["x" * 100_000] * 1000)),
    "JSON that is deep": lambda guest: call(guest, "JSON.parse", "[" * 100_000),
    "JSON that is long": lambda guest: call(guest, "JSON.parse", " " * (1 << 25)),
    "JSON of many values": lambda guest: call(guest, "JSON.parse", "[" + "[]," * 200_000 + "0]"),
    "texts with much in between": lambda guest: method(Array([1.0] * 1000), "join", "x" * 100_000),
    "arrays behind one another": lambda guest: method(
        Array([], guest.process.budget), "concat", *[Array([1.0] * 1000)] * 10_000
    ),
    "a text of many bytes": lambda guest: text_of(Uint8Array(bytearray(1 << 24))),
    "a text of errors of errors": lambda guest: text_of(errors(60)),
    "a text of an error in itself": lambda guest: text_of(errors(0)),
    "a text of errors in arrays": lambda guest: text_of(Array([errors(30), errors(30)])),
    "names of many bytes": lambda guest: call(guest, "Object.keys", Uint8Array(bytearray(1 << 22))),
    "names of many items": lambda guest: call(guest, "Object.keys", Array([1.0] * (1 << 21))),
    "JSON of many bytes": lambda guest: call(guest, "JSON.stringify", Uint8Array(bytearray(1 << 22))),
    "names of a long sequence": lambda guest: call(guest, "Object.keys", to_go(guest.process, range(1 << 40))),
    "a timer with many arguments": lambda guest: call(guest, "setTimeout", _nothing, 1e9, *[1.0] * 1000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(guest: Guest, name: str) -> None:
    with pytest.raises((TooManyValues, Thrown)):
        REFUSED[name](guest)
    assert guest.process.budget.used <= LIMIT


PILES: dict[str, Callable[[Guest, list[Any]], Any]] = {
    "objects": lambda guest, kept: kept.append(guest.process.world.get("Object").make([])),
    "functions of its own": lambda guest, kept: kept.append(
        guest.process.go.get("_makeFuncWrapper").call(guest.process.go, [1.0])
    ),
    "properties": lambda guest, kept: guest.process.world.set(f"name {guest.process.budget.used}", 1.0),
    "promises": lambda guest, kept: kept.append(call(guest, "Promise.resolve", 1.0)),
    "those who wait for one": lambda guest, kept: method(
        kept[0] if kept else kept.append(guest.process.world.get("Promise").make([_nothing])) or kept[0],
        "then",
        _nothing,
    ),
    "timers": lambda guest, kept: call(guest, "setTimeout", _nothing, 1e9),
    "status": lambda guest, kept: kept.append(guest.process.world.get("process").get("getgroups").call(UNDEFINED, [])),
}
_nothing = Function("nothing", lambda this, args: UNDEFINED)


@pytest.mark.parametrize("name", PILES)
def test_what_piles_up_is_paid_for(guest: Guest, name: str) -> None:
    kept: list[Any] = []
    with pytest.raises(TooManyValues):
        for _ in range(300_000):
            PILES[name](guest, kept)


HANDED: dict[str, Callable[[Guest], Any]] = {
    "errors": lambda guest: guest.process.world.get("Error").make(["message"]),
    "dates": lambda guest: guest.process.world.get("Date").make([]),
    "functions with arguments": lambda guest: method(_nothing, "bind", UNDEFINED, *[1.0] * 1000),
    "functions bound again and again": lambda guest: method(_nothing, "bind"),
    "what is thrown": lambda guest: thrown(lambda: called("x" * 1_000_000, UNDEFINED, (), "x" * 1_000_000)),
    "what is thrown of a value": lambda guest: thrown(lambda: prepared(guest, "x" * 1_000_000)),
    "an event": lambda guest: Object({"id": 1.0, "args": Array([1.0] * 1000)}).get("args"),
    "resolving functions": lambda guest: resolving(guest),
}


def thrown(call_: Callable[[], Any]) -> Any:
    try:
        call_()
    except Thrown as failure:
        return failure.value
    raise AssertionError


def prepared(_: Guest, content: str) -> Any:
    return methods_of(Array, {"push": lambda this, _: UNDEFINED})["push"].call(content, [])


def resolving(guest: Guest) -> Any:
    found: list[Any] = []
    guest.process.world.get("Promise").make([Function("f", lambda _, args: found.extend(args) or UNDEFINED)])
    return found[0]


@pytest.mark.parametrize("name", HANDED)
def test_what_a_program_gets_hold_of_is_paid_for(name: str) -> None:
    """It keeps what it was given in an array, and gives its number back."""
    limit = LIMIT // 8
    guest = Guest(GoState.new("guest").value_bytes(limit).stdout(None).stderr(None))
    process = guest.process
    references, kept = process.references, []
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        with pytest.raises(TooManyValues):
            for _ in range(300_000):
                kept.append(HANDED[name](guest))
                named = references.name(kept[-1])
                references.finalize(int.from_bytes(named[:4], "little"))
                process.budget.take(PROPERTY_BYTES)  # of the array
        assert tracemalloc.get_traced_memory()[0] - before < 4 * limit
    finally:
        tracemalloc.stop()
    kept.clear()


def test_an_event_whose_result_the_program_deleted(guest: Guest) -> None:
    process = guest.process
    process._resume = lambda: process.go.get("_pendingEvent").delete("result")
    made = process.go.get("_makeFuncWrapper").call(process.go, [1.0])
    assert made.call(UNDEFINED, []) is UNDEFINED


def reachable(guest: Guest) -> dict[int, Object]:
    """All objects that a program finds in its world, and in one of each class."""
    world = guest.process.world
    found: dict[int, Object] = {}
    pending: list[Any] = [world, call(guest, "Promise.resolve", 1.0)]
    pending += [world.get(name).make([]) for name in ("Array", "Uint8Array", "Date", "Object", "Error")]
    while pending:
        each = pending.pop()
        if isinstance(each, Object) and id(each) not in found:
            found[id(each)] = each
            pending += [each.get(name) for name in [*each.properties, *each.methods]]
    return found


def test_nothing_of_one_program_is_seen_in_another() -> None:
    """What is the same object in all programs takes nothing."""
    one, two = reachable(Guest()), reachable(Guest())
    shared = [one[each] for each in one.keys() & two.keys()]
    assert len(shared) > 20
    for each in shared:
        assert not each.properties
        with pytest.raises(Thrown, match="the host's own"):
            each.set("secret", 1.0)


@pytest.mark.parametrize("item", ["text", None, UNDEFINED, float("nan"), float("inf"), 300.0, -1.0, True])
def test_bytes_of_any_kind(item: Any) -> None:
    made = Uint8Array(bytearray(2))
    method(made, "set", Array([item]))
    made.set_at(1, item)
    assert made.data[0] == made.data[1]


@pytest.mark.parametrize("kind", [Array, Uint8Array, Date, Promise])
@pytest.mark.parametrize("this", [UNDEFINED, None, 1.0, "text", Object()])
def test_methods_of_what_is_of_another_class(kind: type[Object], this: Any) -> None:
    own = kind.methods.keys() - Object.methods.keys()
    assert own
    for name in own:
        with pytest.raises(Thrown, match=kind.kind):
            kind.methods[name].call(this, [])


def chained(count: int, link: Any) -> Any:
    """Values in one another: each is made of the one before."""
    value: Any = Object()
    for _ in range(count):
        value = link(value)
    return value


def error_of(inner: Any) -> Error:
    made = Error("E", "")
    made.set("message", inner)
    return made


@pytest.mark.parametrize("link", [error_of, lambda inner: Array([inner])])
def test_a_text_of_values_deep_in_one_another(link: Any) -> None:
    """What is compiled has no limit of recursion of Python's: it counts how deep it is."""
    assert text_of(chained(50, link)).endswith("[object Object]")
    guest = Guest()
    guest.put(8, chained(100_000, link))
    with pytest.raises(Thrown, match="in one another"):
        guest.call("syscall/js.valuePrepareString")


@pytest.mark.parametrize(
    "link",
    [
        lambda inner: Object({"inner": inner}),
        error_of,
        lambda inner: Array([inner]),
        lambda inner: Function("f", lambda this, args: inner, properties={"inner": inner}),
    ],
)
def test_values_deep_in_one_another_are_let_go_of(link: Any) -> None:
    guest = Guest()
    guest.put(8, chained(100_000, link))
    number = guest.got("I", 8)
    guest.number(8, number, FRAME + 0x200)
    guest.call("syscall/js.finalizeRef", FRAME + 0x200)


def test_functions_bound_again_and_again() -> None:
    """They cost what one costs, are called as one is, and remember the first `this` and all arguments."""
    bound: Any = Function("f", lambda this, args: [this, *args])
    for at in range(20_000):
        bound = bound.get("bind").call(bound, [float(at), *([float(at)] if at < 3 else [])])
    assert bound.call(UNDEFINED, ["last"]) == [0.0, 0.0, 1.0, 2.0, "last"] and bound.name == "bound f"
