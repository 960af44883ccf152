"""A program makes the host work, or hold, more than it has paid for: refused before it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from guests import Guest

from wasmer_go import GoState, Thrown, TooManyValues
from wasmer_go.objects import UNDEFINED, Array, Date, Function, Object, Uint8Array, text_of
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
