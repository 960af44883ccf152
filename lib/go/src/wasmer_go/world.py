"""The global object of a program: JavaScript's own classes and functions, as far as programs of Go use them.

===========================  ==========================================================================================
name                         what it is
===========================  ==========================================================================================
Object, Array, Uint8Array    constructors; `Object.keys`, `Array.isArray`, `Array.from`
Error, TypeError             constructors of what is thrown
Date                         a moment, of the program's clock; `Date.now`
Promise                      what is answered later, by a function of Go's that may not wait (`promises`)
JSON                         `stringify`, `parse`
console                      `log`, `info`, `debug` to standard output, `warn`, `error` to standard error
setTimeout, clearTimeout     timers
crypto, performance          `getRandomValues`, `now`
process, fs, path            what Go's library asks of Node (`surroundings`, `filesystem`)
globalThis                   the object itself
===========================  ==========================================================================================

What is not here is undefined, as in a browser that does not have it: `fetch`, `document`, `require`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from wasmer_go.errors import Thrown
from wasmer_go.numerals import number_text
from wasmer_go.objects import (
    LOOK_SHIFT,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_TEXT,
    STEP,
    UNDEFINED,
    Array,
    Date,
    Error,
    Function,
    Object,
    Uint8Array,
    Value,
    argument,
    bind,
    called,
    methods_of,
    text_of,
    type_error,
    whole_number,
)
from wasmer_go.promises import Promise, promise_class
from wasmer_go.texts import text
from wasmer_vfs.waiting import LOOK_EVERY, asked, look

if TYPE_CHECKING:
    from wasmer_go.process import Process

MILLISECOND: Final = 1_000_000
MAX_PASSED: Final = 64
"""Arguments that a timer keeps for its callback."""
MAX_PARSED: Final = 1 << 24
"""Characters of a text that `JSON.parse` reads: what it makes of them is paid for when it is made."""


def fill(process: Process) -> None:
    """Put what is always there into the global object of a program."""
    world = process.world.properties
    world["globalThis"] = process.world
    world["Object"] = _object_class(process)
    world["Array"] = _array_class(process)
    world["Uint8Array"] = Function(
        "Uint8Array", _without_new("Uint8Array"), lambda args: _bytes_of(process, argument(args, 0)), (Uint8Array,)
    )
    for name in ("Error", "TypeError", "RangeError"):
        world[name] = _error_class(name)
    world["Date"] = _date_class(process)
    world["Promise"] = promise_class(process.loop, process.budget)
    world["JSON"] = Object(
        {
            "stringify": Function("stringify", lambda _, args: _json_of(process, args)),
            "parse": Function("parse", lambda _, args: _parsed(process, text_of(argument(args, 0)))),
        },
        process.budget,
    )
    world["console"] = Object(
        {name: _printing(process, name, number) for name, number in (("log", 1), ("info", 1), ("debug", 1))}
        | {name: _printing(process, name, number) for name, number in (("warn", 2), ("error", 2))},
        process.budget,
    )
    world["setTimeout"] = Function("setTimeout", lambda _, args: _set_timeout(process, args))
    world["clearTimeout"] = Function("clearTimeout", lambda _, args: _clear_timeout(process, args))
    world["crypto"] = Object({"getRandomValues": Function("getRandomValues", lambda _, args: _random(process, args))})
    world["performance"] = Object({"now": Function("now", lambda _, args: _monotonic(process))})


def _without_new(name: str) -> Callable[[Value, Sequence[Value]], Value]:
    def call(_: Value, __: Sequence[Value]) -> Value:
        raise type_error(f"{name} is a constructor: it wants new")

    return call


# --- classes


def _object_class(process: Process) -> Function:
    def make(args: Sequence[Value]) -> Value:
        given = argument(args, 0)
        return given if isinstance(given, Object) else Object(budget=process.budget)

    def keys(_: Value, args: Sequence[Value]) -> Value:
        given = argument(args, 0)
        return Array(given.names() if isinstance(given, Object) else [], process.budget)

    properties = {"keys": Function("keys", keys)}
    return Function("Object", lambda _, args: make(args), make, (Object,), properties)


def _array_class(process: Process) -> Function:
    def make(args: Sequence[Value]) -> Value:
        if len(args) == 1 and type(args[0]) is float:
            made = Array((), process.budget)
            made.resize(whole_number(args[0], "length of an array"))
            return made
        return Array(args, process.budget)

    def is_array(_: Value, args: Sequence[Value]) -> Value:
        return bool(args) and isinstance(args[0], Object) and args[0].kind == "Array"

    def from_values(_: Value, args: Sequence[Value]) -> Value:
        return Array(items_of(argument(args, 0)), process.budget)

    properties = {"isArray": Function("isArray", is_array), "from": Function("from", from_values)}
    return Function("Array", lambda _, args: make(args), make, (Array,), properties)


def items_of(value: Value) -> list[Value]:
    """The items of what is like an array.

    Raises:
        Thrown: it is not.
    """
    if isinstance(value, Array):
        return list(value.items)
    length = 0
    if isinstance(value, Uint8Array):
        length = len(value.data)
    elif isinstance(value, str):
        length = len(value)
    elif isinstance(value, Object):
        length = whole_number(value.get("length"), "length", 0)
    else:
        raise type_error(f"{text_of(value)} has no items")
    if length > MAX_ITEMS:
        raise type_error(f"{length} items are more than {MAX_ITEMS}, which can be taken at once")
    if isinstance(value, str):
        return list(value)
    items = []
    for at in range(length):
        items.append(value.get_at(at))
        if at % LOOK_EVERY == 0:
            look()
    return items


def _bytes_of(process: Process, given: Value) -> Uint8Array:
    """What ``new Uint8Array(given)`` makes: zeros, or a copy."""
    if given is UNDEFINED or type(given) is float:
        return Uint8Array.zeros(whole_number(given, "length of a Uint8Array", 0), process.budget)
    if isinstance(given, Uint8Array):
        made = Uint8Array.zeros(len(given.data), process.budget)
        made.data[:] = given.data
        return made
    items = items_of(given)
    made = Uint8Array.zeros(len(items), process.budget)
    for at, item in enumerate(items):
        made.set_at(at, item)
    return made


def _error_class(name: str) -> Function:
    def make(args: Sequence[Value]) -> Value:
        message = argument(args, 0)
        return Error(name, "" if message is UNDEFINED else text_of(message))

    return Function(name, lambda _, args: make(args), make, (Error,))


def realtime(process: Process) -> int:
    """Nanoseconds since 1970."""
    return process.loop.clock.readers[time.CLOCK_REALTIME]()


def _date_class(process: Process) -> Function:
    def now() -> float:
        return float(realtime(process) // MILLISECOND)

    def make(args: Sequence[Value]) -> Value:
        given = argument(args, 0)
        return Date(given if type(given) is float else now())

    return Function("Date", lambda _, args: "", make, (Date,), {"now": Function("now", lambda _, args: now())})


Date.methods = methods_of(
    Date,
    {
        "getTimezoneOffset": lambda this, _: 0.0,  # none, for a program sees nothing of its host's zone
        "getTime": lambda this, _: this.time,
        "valueOf": lambda this, _: this.time,
    },
)


# --- methods


def _push(this: Value, args: Sequence[Value]) -> Value:
    length = len(this.items)
    this.resize(length + len(args))
    this.items[length:] = args
    return float(len(this.items))


def _from_to(length: int, args: Sequence[Value], first: int = 0) -> slice:
    """What ``slice(start, end)`` means: numbers below 0 count from the end."""
    start, end = argument(args, first), argument(args, first + 1)
    ends = [
        default
        if each is UNDEFINED
        else int(max(min(each, length), -length))
        if type(each) is float and each == each
        else 0
        for each, default in ((start, 0), (end, length))
    ]
    return slice(*[each + length if each < 0 else each for each in ends])


def _for_each(this: Array, args: Sequence[Value]) -> Value:
    for at, item in enumerate(list(this.items)):
        called(argument(args, 0), UNDEFINED, (item, float(at), this), "the callback")
    return UNDEFINED


def _index_of(this: Array, args: Sequence[Value]) -> Value:
    wanted = argument(args, 0)
    return float(next((at for at, item in enumerate(this.items) if strictly_equal(item, wanted)), -1))


Array.methods = methods_of(
    Array,
    {
        "push": _push,
        "pop": lambda this, _: this.items.pop() if this.items else UNDEFINED,
        "slice": lambda this, args: Array(this.items[_from_to(len(this.items), args)], this.budget),
        "concat": lambda this, args: _concatenated(this, args),
        "join": lambda this, args: _joined(this, args),
        "indexOf": _index_of,
        "includes": lambda this, args: _index_of(this, args) >= 0,
        "forEach": _for_each,
    },
)


def _concatenated(this: Array, args: Sequence[Value]) -> Value:
    made = Array(this.items, this.budget)
    for each in args:
        more = each.items if isinstance(each, Array) else [each]
        made.pay_for(len(more))
        made.items += more
    return made


def _joined(this: Array, args: Sequence[Value]) -> Value:
    between = argument(args, 0)
    return text(this.joined("," if between is UNDEFINED else text_of(between)), this.budget)


def strictly_equal(one: Value, other: Value) -> bool:
    """JavaScript's ``===``."""
    kind = type(one)
    if kind is float or isinstance(one, str):
        return isinstance(other, str if kind is not float else float) and bool(one == other)
    return one is other or (isinstance(one, Object) and type(other) is kind and bool(one == other))


def _sliced(this: Uint8Array, args: Sequence[Value]) -> Value:
    part = this.data[_from_to(len(this.data), args)]
    made = Uint8Array.zeros(len(part), this.budget)
    made.data[:] = part
    return made


def _subarray(this: Uint8Array, args: Sequence[Value]) -> Value:
    return Uint8Array(memoryview(this.data)[_from_to(len(this.data), args)], this.budget)


def _set_bytes(this: Uint8Array, args: Sequence[Value]) -> Value:
    source, start = argument(args, 0), whole_number(argument(args, 1), "offset", 0)
    items = source.data if isinstance(source, Uint8Array) else items_of(source)
    if start + len(items) > len(this.data):
        raise type_error("the bytes do not fit into the Uint8Array")
    if isinstance(source, Uint8Array):
        this.data[start : start + len(items)] = bytes(items)
    else:
        for at, item in enumerate(items, start):
            this.set_at(at, item)
    return UNDEFINED


Uint8Array.methods = methods_of(Uint8Array, {"slice": _sliced, "subarray": _subarray, "set": _set_bytes})


def _apply(this: Value, args: Sequence[Value]) -> Value:
    given = argument(args, 1)
    return called(this, argument(args, 0), [] if given is UNDEFINED or given is None else items_of(given))


def _bind(this: Value, args: Sequence[Value]) -> Value:
    if not isinstance(this, Function):
        raise type_error("bind of what is no function")
    return bind(this, args)


Function.methods = {
    "apply": Function("apply", _apply),
    "bind": Function("bind", _bind),
    "call": Function("call", lambda this, args: called(this, argument(args, 0), args[1:])),
}


def _has_own(this: Value, args: Sequence[Value]) -> Value:
    return isinstance(this, Object) and this.has(text_of(argument(args, 0)))


Object.methods = {
    "hasOwnProperty": Function("hasOwnProperty", _has_own),
    "toString": Function("toString", lambda this, _: text_of(this)),
}
for _kind in (Array, Uint8Array, Function, Date, Promise):
    _kind.methods = Object.methods | _kind.methods


# --- functions


def _printing(process: Process, name: str, number: int) -> Function:
    def write(_: Value, args: Sequence[Value]) -> Value:
        opened = process.descriptors.open.get(number)
        if opened is not None and opened.file is not None:
            for at, each in enumerate(args):
                opened.file.write([(" " * bool(at) + text_of(each)).encode("utf-8", "replace")])
            opened.file.write([b"\n"])
        return UNDEFINED

    return Function(name, write)


def _set_timeout(process: Process, args: Sequence[Value]) -> Value:
    function, delay = argument(args, 0), argument(args, 1)
    loop = process.loop
    if len(args) > MAX_PASSED + 2:
        raise type_error(f"setTimeout: {len(args) - 2} arguments for the callback; at most {MAX_PASSED} are kept")

    def due() -> None:
        loop.clear(number)
        called(function, UNDEFINED, args[2:], "setTimeout's callback")

    number = loop.timer(delay if type(delay) is float and delay == delay else 0, due)
    return float(number)


def _clear_timeout(process: Process, args: Sequence[Value]) -> Value:
    process.loop.clear(whole_number(argument(args, 0), "number of a timer", 0))
    return UNDEFINED


def _random(process: Process, args: Sequence[Value]) -> Value:
    target = argument(args, 0)
    if not isinstance(target, Uint8Array):
        raise type_error("getRandomValues fills a Uint8Array")
    for start in range(0, len(target.data), 1 << 20):
        wanted = min(1 << 20, len(target.data) - start)
        target.data[start : start + wanted] = asked(process.random, wanted)
        look()
    return target


def _monotonic(process: Process) -> float:
    return process.loop.clock.readers[time.CLOCK_MONOTONIC]() / MILLISECOND


# --- JSON


def _json_of(process: Process, args: Sequence[Value]) -> Value:
    """What `JSON.stringify` writes; without the spaces that its third argument asks for."""
    written = _written(argument(args, 0), MAX_DEPTH, [0])
    return UNDEFINED if written is None else text(written, process.budget)


def _written(value: Value, depth: int, count: list[int]) -> str | None:
    """A value as JSON, or None: JSON leaves it out."""
    before = count[0]
    count[0] += STEP + (len(value) if isinstance(value, str) else 0)
    if before >> LOOK_SHIFT != count[0] >> LOOK_SHIFT:
        look()
    if count[0] > MAX_TEXT:
        raise type_error(f"JSON.stringify: more than {MAX_TEXT} characters, or {MAX_TEXT // STEP} values")
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and abs(value) < float("inf"):
        return number_text(value)
    if value is None or isinstance(value, float):
        return "null"
    if isinstance(value, bool):
        return text_of(value)
    if not isinstance(value, Object) or isinstance(value, Function):
        return None
    if not depth:
        raise type_error(f"JSON.stringify: more than {MAX_DEPTH} objects in one another")
    if value.kind == "Array":
        return "[" + ",".join(_written(each, depth - 1, count) or "null" for each in items_of(value)) + "]"
    parts = ((name, _written(value.get(name), depth - 1, count)) for name in value.names())
    return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{part}" for name, part in parts if part) + "}"


def _parsed(process: Process, written: str) -> Value:
    if len(written) > MAX_PARSED:
        raise type_error(f"JSON.parse: a text of {len(written)} characters; at most {MAX_PARSED} are read")
    try:
        return _value(process, json.loads(written, parse_constant=_no_constant))
    except (ValueError, RecursionError) as failure:
        raise Thrown(Error("SyntaxError", f"JSON.parse: {failure}")) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _value(process: Process, plain: Any) -> Value:
    if isinstance(plain, bool) or plain is None:
        return plain
    if isinstance(plain, (int, float)):
        try:
            return float(plain)
        except OverflowError:
            return float("inf") if plain > 0 else float("-inf")
    if isinstance(plain, str):
        return text(plain, process.budget)
    if isinstance(plain, list):
        return Array([_value(process, each) for each in plain], process.budget)
    made = Object(budget=process.budget)
    for name, each in plain.items():
        made.set(name, _value(process, each))
    return made
