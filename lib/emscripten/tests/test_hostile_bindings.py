"""What a program binds is a lie until it is checked: numbers of types, pointers, counts, names, values it holds."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from worlds import BYTES, put_text, world

import wasmer_emscripten.embind.provided  # noqa: F401
from wasmer_emscripten import BindingError, EmscriptenError, Program, WrongArgument
from wasmer_emscripten.embind import at_once, handles, inheriting, registry
from wasmer_emscripten.embind import world as seen
from wasmer_emscripten.embind.bound import BadArgument, is_needed
from wasmer_emscripten.embind.classes import CppObject
from wasmer_emscripten.embind.emval import Caller, Destructors, _arguments
from wasmer_emscripten.embind.record import Record, fields_of
from wasmer_emscripten.embind.records import Structure
from wasmer_emscripten.embind.registry import registry_of
from wasmer_emscripten.functions import ROWS

NAME, TYPES, ARGUMENTS = 4096, 8192, 12288
VOID, INT, STRING, VALUE, CLASS = 101, 102, 103, 104, 110
NOTHING, ONE, TWO, LAST = 1, 2, 3, 4
"""Functions of the imitation's table: of no parameter, of one, of two, of one with a result."""


def call(program: Program, name: str, *args: float, row: int = 0) -> Any:
    return ROWS[name][row].function(program.process, *args)


def named(program: Program, text: str) -> int:
    return put_text(program, NAME, text)


def types(program: Program, *numbers: int) -> tuple[int, int]:
    program.process.guest.write(TYPES, b"".join(number.to_bytes(4, "little") for number in numbers))
    return len(numbers), TYPES


@pytest.fixture
def program() -> Program:
    made = world()
    call(made, "_embind_register_void", VOID, named(made, "void"))
    call(made, "_embind_register_integer", INT, named(made, "int"), 4, -(1 << 31), (1 << 31) - 1)
    call(made, "_embind_register_std_string", STRING, named(made, "std::string"))
    call(made, "_embind_register_emval", VALUE, named(made, "val"))
    return made


def bind(program: Program, name: str, invoker: int, *numbers: int) -> None:
    call(program, "_embind_register_function", named(program, name), *types(program, *numbers), 0, invoker, 0)


def bind_class(program: Program, name: str, raw: int, base: int = 0, destroy: int = 0, actual: int = 0) -> None:
    rest = (0, actual, 0, 0, 0, 0, named(program, name), 0, destroy)
    call(program, "_embind_register_class", raw, raw + 1, raw + 2, base, *rest)


@pytest.mark.parametrize(
    ("invoker", "numbers", "text"),
    [
        (0, (VOID,), "leads nowhere"),
        (7, (VOID,), "leads nowhere"),
        (1 << 30, (VOID,), "leads nowhere"),
        (-1, (VOID,), "leads nowhere"),
        (NOTHING, (VOID,), r"as i->, to a function ->"),
        (ONE, (VOID, INT), r"as ii->, to a function i->"),
        (LAST, (VOID,), r"as i->, to a function i->i"),
        (ONE, (INT,), r"as i->i, to a function i->"),
        (ONE, (999,), "uses the type"),
        (ONE, (VOID, 0), "uses the type"),
        (ONE, (VOID, VOID), "takes void, which is no value"),
    ],
)
def test_a_function_that_is_not_what_it_says(
    program: Program, invoker: int, numbers: tuple[int, ...], text: str
) -> None:
    bind(program, "f", invoker, *numbers)
    for _ in range(2):
        with pytest.raises(WrongArgument, match=text):
            program.f(*range(len(numbers) - 1))


@pytest.mark.parametrize("count", [0, -1, 256, 1 << 30, -(1 << 31)])
def test_counts_of_types(program: Program, count: int) -> None:
    with pytest.raises(WrongArgument, match="a function with"):
        call(program, "_embind_register_function", named(program, "f"), count, TYPES, 0, ONE, 0)


@pytest.mark.parametrize("pointer", [-4, BYTES - 4, BYTES, -(1 << 31)])
def test_addresses_outside_memory(program: Program, pointer: int) -> None:
    with pytest.raises(WrongArgument, match="not in its memory"):
        call(program, "_embind_register_function", named(program, "f"), 4, pointer, 0, ONE, 0)
    with pytest.raises(WrongArgument):
        call(program, "_embind_register_function", pointer if pointer != BYTES - 4 else -1, 1, TYPES, 0, ONE, 0)
    with pytest.raises(WrongArgument, match="not in its memory"):
        registry_of(program.process).type_of(STRING, "").from_wire(pointer if pointer != BYTES - 4 else BYTES - 3)


def test_a_string_without_an_end(program: Program) -> None:
    program.process.guest.write(NAME, b"a" * 4096)
    with pytest.raises(WrongArgument):
        call(program, "_embind_register_function", NAME, 1, TYPES, 0, ONE, 0)


def test_numbers_of_types_are_used_once(program: Program) -> None:
    with pytest.raises(WrongArgument, match="bound std::string as a type that int is"):
        call(program, "_embind_register_std_string", INT, named(program, "std::string"))
    with pytest.raises(WrongArgument, match="as what it is not"):
        call(program, "_embind_register_enum_value", INT, named(program, "x"), 1)
    with pytest.raises(WrongArgument, match="a number of 3 bytes"):
        call(program, "_embind_register_integer", 200, named(program, "odd"), 3, 0, 7)


def test_what_is_bound_has_a_limit(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_REGISTERED", 20)
    with pytest.raises(WrongArgument, match="more than 20 things"):
        for at in range(30):
            bind(program, f"f{at % 3}", ONE, VOID)
    assert len(program.bindings) == 3


def test_classes_that_derive_from_themselves(program: Program) -> None:
    bind_class(program, "Snake", CLASS, base=CLASS)
    with pytest.raises(WrongArgument, match="more than 64 classes that derive from each other"):
        program.Snake  # noqa: B018
    bind_class(program, "Lost", CLASS + 10, base=999)
    with pytest.raises(WrongArgument, match="the base of Lost uses the type"):
        program.Lost  # noqa: B018
    bind_class(program, "Odd", CLASS + 20, base=INT)
    with pytest.raises(WrongArgument, match="as what it is not"):
        program.Odd  # noqa: B018


def test_records_that_contain_themselves(program: Program) -> None:
    for raw in (400, 401):
        call(program, "_embind_register_value_object", raw, named(program, f"R{raw}"), 0, LAST, 0, ONE)
    for raw, other in ((400, 401), (401, 400)):
        call(
            program, "_embind_register_value_object_field", raw, named(program, "f"), other, 0, TWO, 0, other, 0, TWO, 0
        )
        call(program, "_embind_finalize_value_object", raw)
    bind(program, "give", LAST, 400)
    for _ in range(2):
        with pytest.raises(WrongArgument, match="which contains itself"):
            program.give()


def record(program: Program, raw: int, *types: int) -> None:
    """Bind a record with fields of these types."""
    call(program, "_embind_register_value_object", raw, named(program, f"R{raw}"), 0, LAST, 0, ONE)
    for number, type in enumerate(types):
        got = put = (type, 0, TWO, 0)
        call(program, "_embind_register_value_object_field", raw, named(program, f"f{number}"), *got, *put)


def test_records_in_records(program: Program) -> None:
    """Each in the next one: as many as may be looked into at once, and no more than Python's stack has room for."""
    record(program, 400, INT)
    for raw in range(401, 3000):
        record(program, raw, raw - 1)
    bind(program, "give", LAST, 2999)
    for _ in range(2):
        with pytest.raises(WrongArgument, match="in 64 other records"):
            program.give()
    assert registry_of(program.process).kind(450, Structure, "").accesses()


def test_records_that_are_larger_than_they_say(program: Program) -> None:
    """Each has two of the one before: sixty records would be more values than there is memory for."""
    record(program, 400, INT, INT)
    for raw in range(401, 460):
        record(program, raw, raw - 1, raw - 1)
    bind(program, "give", LAST, 459)
    for _ in range(2):
        with pytest.raises(WrongArgument, match="with more than 65536 values"):
            program.give()
    assert registry_of(program.process).kind(410, Structure, "").accesses()


TEXT, COPIED = 16384, 1000


def passed_by_a_record(program: Program, count: int) -> None:
    """A record with so many strings, all of them the same one, within another record."""
    record(program, 400, *[STRING] * count)
    record(program, 401, 400)
    for each in (400, 401):
        found: Any = registry_of(program.process).type_of(each, "")
        found._accesses = [
            access._replace(get=lambda context, pointer: TEXT) for access in found._found(registry_of(program.process))
        ]
        found._destroy = lambda pointer: None
    registry_of(program.process).type_of(401, "").from_wire(TEXT)


def passed_by_a_call(program: Program, count: int) -> None:
    """So many arguments of a call."""
    program.process.guest.write(ARGUMENTS, TEXT.to_bytes(8, "little") * count)
    numbers = registry_of(program.process).numbers(*types(program, VOID, *[STRING] * count))
    registry = registry_of(program.process)
    Caller(registry, 0, numbers).call(lambda *args: None, "", 0, ARGUMENTS)


def passed_by_an_older_call(program: Program, count: int) -> None:
    """The same with the types at hand."""
    _arguments(program.process, *types(program, *[STRING] * count), ARGUMENTS)


def passed_as_constants(program: Program, count: int) -> None:
    registry = registry_of(program.process)
    registry.constants.extend((f"c{at}", STRING, TEXT) for at in range(count))
    registry.finish()


@pytest.mark.parametrize("passed", [passed_by_a_record, passed_by_a_call, passed_by_an_older_call, passed_as_constants])
def test_texts_that_are_passed_many_times_at_once(
    passed: Any, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each becomes a value of its own: a record of 65,536 would be as often as large as the program's memory."""
    monkeypatch.setattr(at_once, "MAX_BYTES", 20 * COPIED)
    program.process.guest.write(TEXT, COPIED.to_bytes(4, "little") + b"x" * COPIED)
    program.process.guest.write(ARGUMENTS, TEXT.to_bytes(8, "little") * 30)
    copies = 0
    read = registry_of(program.process).memory.read

    def counting(self: Any, pointer: int, size: int) -> bytes:
        nonlocal copies
        copies += size == COPIED
        found: bytes = read(pointer, size)
        return found

    monkeypatch.setattr(type(registry_of(program.process).memory), "read", counting)
    with pytest.raises(WrongArgument, match="texts of more than 20000 bytes at once"):
        passed(program, 30)
    assert copies == 20


def test_half_a_character_is_no_argument(program: Program) -> None:
    call(program, "_embind_register_std_string", 105, named(program, "std::basic_string<unsigned char>"))
    for number in (STRING, 105):
        with pytest.raises(BadArgument, match="half a character"):
            registry_of(program.process).type_of(number, "").to_wire("\ud800", None)


def test_texts_that_are_passed_one_after_another(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "MAX_BYTES", 20 * COPIED)
    program.process.guest.write(TEXT, COPIED.to_bytes(4, "little") + b"x" * COPIED)
    program.process.guest.write(ARGUMENTS, TEXT.to_bytes(8, "little") * 30)
    for _ in range(3):
        passed_by_an_older_call(program, 20)
        assert len(registry_of(program.process).type_of(STRING, "").from_wire(TEXT)) == COPIED


def test_fields_of_any_name() -> None:
    names = ("keys", "_fields", "__class__", "__dict__", "_Record__fields", "_Record__name", "__init__", "x")
    record = Record("R\x1b", dict.fromkeys(names, 1))
    assert fields_of(record) == dict.fromkeys(names, 1) == dict(record) and record.x == 1 and record["keys"] == 1
    assert "\x1b" not in repr(record) and isinstance(record, Record)
    record.x = 2
    assert record["x"] == 2
    with pytest.raises(AttributeError, match="has no field"):
        record.y = 1


def test_members_cannot_take_the_place_of_what_is_needed(program: Program) -> None:
    bind_class(program, "Bad", CLASS)
    for name in ("__init__", "__del__", "_held", "_class", "__class__", "__getattribute__", "mro"):
        call(
            program, "_embind_register_class_function", CLASS, named(program, name),
            *types(program, VOID, CLASS), 0, TWO, 0, 0,
        )  # fmt: skip
        call(program, "_embind_register_class_class_property", CLASS, named(program, name), INT, 0, 0, ONE, 0, 0)
    made = program.Bad
    assert made.__init__ is CppObject.__init__ and made._class.name == "Bad" and made._held is None
    with pytest.raises(BindingError, match="no constructor"):
        made()
    call(
        program, "_embind_register_class_function", CLASS, named(program, "_held"),
        *types(program, VOID, CLASS), 0, TWO, 0, 0,
    )  # fmt: skip
    assert made._held is None


def test_a_class_that_is_extended_has_no_names_of_pythons(program: Program) -> None:
    """A finalizer would be code of the program's that runs when Python likes."""
    bind_class(program, "Base", CLASS)
    bind_class(program, "Wrapper", CLASS + 10, base=CLASS)
    held = registry_of(program.process).handles
    names = ("__init__", "__del__", "__getattribute__", "__eq__", "_held", "_class", "mro", "heard")
    members = held.add({name: (lambda *_: 1) for name in names})
    handle = call(program, "_embind_create_inheriting_constructor", named(program, "Mine"), CLASS + 10, members)
    made = held.value(handle)
    assert issubclass(made, program.Base) and set(vars(made)) & set(names) == {"heard"}
    assert made.__init__ is CppObject.__init__ and made.__del__ is CppObject.__del__ and made._held is None


def test_classes_that_are_extended_have_a_limit(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a copy of the names that it is extended by."""
    bind_class(program, "Base", CLASS)
    bind_class(program, "Wrapper", CLASS + 10, base=CLASS)
    held = registry_of(program.process).handles
    many = held.add({f"f{at}": 1 for at in range(inheriting.MAX_MEMBERS + 1)})
    with pytest.raises(WrongArgument, match="by more than 255 names"):
        call(program, "_embind_create_inheriting_constructor", named(program, "Mine"), CLASS + 10, many)
    monkeypatch.setattr(inheriting, "MAX_EXTENDED", 5)
    one = held.add({"f": 1})
    with pytest.raises(WrongArgument, match="more than 5 times"):
        for _ in range(10):
            held.drop(call(program, "_embind_create_inheriting_constructor", named(program, "Mine"), CLASS + 10, one))


def test_names_that_are_no_identifiers(program: Program) -> None:
    bind_class(program, "a b\x1b<int>", CLASS)
    assert issubclass(program.bindings["a b\x1b<int>"], CppObject)
    bind(program, "\x1bf", ONE, VOID)
    program.bindings["\x1bf"]()
    call(program, "_embind_register_enum", 300, named(program, "E\x1b"), 4, 0)
    call(program, "_embind_register_enum_value", 300, named(program, "V\x1b"), 1)
    for shown in (program.bindings["\x1bf"], program.bindings["E\x1b"], program.bindings["E\x1b"](1), program.bindings):
        assert "\x1b" not in repr(shown)


# --- values


@pytest.mark.parametrize("handle", [5, 6, -1, 1 << 20, -(1 << 31), (1 << 31) - 1])
def test_values_that_it_does_not_hold(program: Program, handle: int) -> None:
    for name, args in [
        ("_emval_incref", (handle,)),
        ("_emval_decref", (handle,)),
        ("_emval_get_property", (handle, 2)),
        ("_emval_set_property", (handle, 2, 2)),
        ("_emval_typeof", (handle,)),
        ("_emval_run_destructors", (handle,)),
        ("_emval_as", (handle, INT, ARGUMENTS)),
        ("_emval_throw", (handle,)),
        ("_emval_call_method", (handle, 2, NAME, 0, ARGUMENTS)),
    ]:
        with pytest.raises(WrongArgument):
            call(program, name, *args)


def test_values_are_dropped_once(program: Program) -> None:
    handle = call(program, "_emval_new_object")
    call(program, "_emval_decref", handle)
    with pytest.raises(WrongArgument, match="does not hold"):
        call(program, "_emval_decref", handle)
    for reserved in (0, 1, 2, 3, 4):
        for _ in range(3):
            call(program, "_emval_decref", reserved)
    assert call(program, "_emval_typeof", 1) != 0


def test_values_have_a_limit(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "MAX_HANDLES", 10)
    with pytest.raises(WrongArgument, match="holds 10 values"):
        for _ in range(11):
            call(program, "_emval_new_object")


def test_destructors_are_those_that_were_made(program: Program) -> None:
    """A list of Python's that the program was given is none, whatever is in it."""
    held = registry_of(program.process).handles
    called: list[int] = []
    with pytest.raises(WrongArgument, match="no destructors"):
        call(program, "_emval_run_destructors", held.add([(called.append, 1)]))
    call(program, "_emval_run_destructors", held.add(Destructors([(called.append, 1)])))
    assert called == [1]


class Secretive:
    cpp_names = ("shown", "method", "_hidden")
    shown = "yes"
    closed = "no"
    _hidden = "no"

    def method(self) -> str:
        return "called"


def function() -> None:
    pass


def generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (Secretive(), "_hidden"),
        (Secretive(), "closed"),
        (Secretive(), "cpp_names"),
        (Path("/"), "parent"),
        (SimpleNamespace(x=1), "x"),
        (open, "x"),
        (Secretive(), "__class__"),
        (Secretive(), "__dict__"),
        (Secretive, "shown"),
        (Secretive, "mro"),
        (function, "func_globals"),
        (function, "__globals__"),
        (Secretive().method, "__self__"),
        (Secretive().method, "__func__"),
        (generator(), "gi_frame"),
        (generator(), "send"),
        ("text", "format"),
        ("text", "encode"),
        (b"bytes", "decode"),
        ([1], "__class__"),
        ([1], "sort"),
        ({}, "__class__"),
        ({}, "keys"),
        (bytearray(1), "extend"),
        (memoryview(b"x"), "obj"),
        (pytest, "raises"),
        (1, "real"),
        (1.0, "hex"),
        ((1, 2), "index"),
        ([1], -1),
        ([1], 1),
        ([1], 0.5),
        ([1], "1e0"),
    ],
)
def test_what_a_program_does_not_see(value: Any, key: Any) -> None:
    assert seen.get(value, key) is handles.UNDEFINED


def test_what_a_program_sees() -> None:
    assert seen.get(Secretive(), "shown") == "yes" and seen.call_method(Secretive(), "method", []) == "called"
    assert seen.get([5, 6], 1) == seen.get([5, 6], "1") == seen.get((5, 6), 1.0) == 6 and seen.get("abc", "length") == 3
    assert seen.get({"a": 1}, "a") == 1 and seen.get(bytearray(b"\7"), 0) == 7
    for value, key, to in [
        (Secretive(), "_hidden", 1),
        (Secretive(), "closed", 1),
        ({}, [], 1),
        (bytearray(2), 0, "x"),
        (memoryview(b"xy"), 0, 1),
        ([1], math.nan, 1),
        ([1], math.inf, 1),
        (Secretive(), "__class__", Secretive),
        (Secretive, "shown", 1),
        (function, "x", 1),
        ("text", 0, "x"),
        ([1], "append", 1),
        ([1], 1 << 40, 1),
        (None, "x", 1),
    ]:
        with pytest.raises(WrongArgument):
            seen.set(value, key, to)
    with pytest.raises(WrongArgument):
        seen.get(None, "x")
    with pytest.raises(WrongArgument, match="which is no function"):
        seen.call_method({"f": 1}, "f", [])
    with pytest.raises(WrongArgument):
        seen.get({}, [])
    for name, value in [
        ("Uint8Array", 1 << 40), ("Uint8Array", -1), ("Uint8Array", math.inf), ("Uint8Array", "text"),
        ("Uint8Array", [300]), ("Uint8Array", None), ("Array", 1 << 40), ("Array", 1.5), ("Array", math.nan),
        ("Number", "x"), ("Number", []),
    ]:  # fmt: skip
        with pytest.raises(WrongArgument):
            seen.GLOBALS[name](value)
    for receiver, name, arguments in [
        (bytearray(2), "set", [1 << 40]),
        (bytearray(2), "set", [b"x", math.nan]),
        ([1, 2], "slice", [math.nan]),
        ("text", "includes", [5]),
        ([1], "pop", [5]),
    ]:
        with pytest.raises(WrongArgument):
            seen.call_method(receiver, name, arguments)
    deep: list[object] = ["x" * 1000]
    for _ in range(60):
        deep = [deep, deep]
    assert seen.call_method([1, 2.0, None], "join", [5]) == "1525null"
    assert len(seen.text_of(deep)) < 20 and len(seen.call_method(deep, "join", [])) < 40
    with pytest.raises(WrongArgument, match="copied 3 bytes to 0 of 2"):
        seen.call_method(bytearray(2), "set", [b"abc"])


class Counted:
    """What is in values that hold it many times: counts who looks at it."""

    def __init__(self) -> None:
        self.looks = 0

    def __repr__(self) -> str:
        self.looks += 1
        return "x"

    def __eq__(self, other: object) -> bool:
        self.looks += 1
        return type(other) is Counted

    def __hash__(self) -> int:
        self.looks += 1
        return 1


HOLDING: dict[str, Any] = {
    "list": lambda held: [held, held],
    "tuple": lambda held: (held, held),
    "dict": lambda held: {"a": held, "b": held},
    "record": lambda held: Record("R", {"a": held, "b": held}),
}


def deep(how: str, leaf: Counted) -> Any:
    """A value of fourteen levels, each of which holds the one below twice: to look at all is 16,384 times."""
    value: Any = leaf
    for _ in range(14):
        value = HOLDING[how](value)
    return value


LOOKING: dict[str, Any] = {
    "get": lambda one, two: seen.get(one, two),
    "get of a mapping": lambda one, two: seen.get({}, two),
    "get of a text": lambda one, two: seen.get("text", two),
    "get of nothing": lambda one, two: seen.get(None, two),
    "set": lambda one, two: seen.set(one, two, two),
    "set of a number": lambda one, two: seen.set(1, two, one),
    "set of a mapping": lambda one, two: seen.set({}, two, one),
    "set of a sequence": lambda one, two: seen.set([], two, one),
    "delete": lambda one, two: seen.delete(one, two),
    "delete of a mapping": lambda one, two: seen.delete({}, two),
    "call": lambda one, two: seen.call(one, [two]),
    "call of a method": lambda one, two: seen.call(seen.get([one], "push"), [two]),
    "call of a method's method": lambda one, two: seen.call_method(seen.get([one], "push"), "x", [two]),
    "includes": lambda one, two: seen.call_method([one], "includes", [two]),
    "join": lambda one, two: seen.call_method([one, two], "join", [two]),
    "slice": lambda one, two: seen.call_method([one], "slice", [two]),
    "set bytes": lambda one, two: seen.call_method(bytearray(2), "set", [two]),
    "text": lambda one, two: seen.GLOBALS["String"](one),
    "number": lambda one, two: seen.GLOBALS["Number"](one),
    "bytes": lambda one, two: seen.GLOBALS["Uint8Array"](one),
    "array": lambda one, two: seen.GLOBALS["Array"](one),
    "throw": lambda one, two: seen.ThrownValue(one),
    "equal": lambda one, two: seen.equal(one, two),
    "less": lambda one, two: seen.less(one, two),
    "type": lambda one, two: seen.type_of(one),
    "needed": lambda one, two: is_needed("an int", one),
    "printed": lambda one, two: repr(Record("R", {"a": one, "b": two})),
    "counted": lambda one, two: handles.bytes_held([one, two]),
}


@pytest.mark.parametrize("how", HOLDING)
@pytest.mark.parametrize("look", LOOKING)
def test_values_that_hold_each_other_are_looked_at_once(how: str, look: str) -> None:
    """Python compares, hashes and prints what is in them each time anew, and hears no signal meanwhile."""
    leaf, other = Counted(), Counted()
    one, two = deep(how, leaf), deep(how, other)
    try:
        LOOKING[look](one, two)
    except WrongArgument as wrong:
        assert len(str(wrong)) < 1000
    assert leaf.looks + other.looks < 100


def test_large_values_are_named_in_short() -> None:
    for value in ("x" * 100_000, b"x" * 100_000, bytearray(100_000), [1] * 100_000, 1 << 100_000, {}, 1e308, None):
        assert len(str(is_needed("something", value))) < 200
    assert "not [1, 'a', {2: (3,)}]" in str(is_needed("something", [1, "a", {2: (3,)}]))


def test_what_is_made_of_the_programs_memory_is_counted(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record is as large as the texts in it, and grows where the program sets what it has not yet."""
    monkeypatch.setattr(handles, "MAX_MADE_BYTES", 1 << 20)
    for kind in (lambda text: Record("R", {"f": text}), lambda text: (text,)):
        held = handles.Handles()
        with pytest.raises(WrongArgument, match="holds values of"):
            for at in range(100):
                made = kind(f"{at:0100000}")
                held.made(handles.bytes_made(made))
                held.add(made)
    grows = registry_of(program.process).handles.add(Record("R", {}))
    keys = registry_of(program.process).handles
    with pytest.raises(WrongArgument, match="holds values of"):
        for at in range(100_000):
            key = keys.add(at)
            call(program, "_emval_set_property", grows, key, 2)
            keys.drop(key)
    with pytest.raises(WrongArgument, match="holds values of"):
        for _ in range(100_000):
            call(program, "_emval_get_global", 0)


def test_a_float_is_no_integer_of_64_bits(program: Program) -> None:
    call(program, "_embind_register_float", 300, named(program, "double"), 8)
    for value in (math.inf, math.nan, 1.5):
        with pytest.raises(WrongArgument, match="a float as an integer"):
            call(program, "_emval_as_int64", registry_of(program.process).handles.add(value), 300, 0)


def test_many_constants_become_public_one_by_one(program: Program) -> None:
    found = registry_of(program.process)
    for at in range(1000):
        call(program, "_embind_register_constant", named(program, f"c{at}"), INT, float(at))
    found.finish()
    assert program.bindings["c999"] == 999 and not found.constants


def test_callers(program: Program) -> None:
    for number in (0, -1, 1, 1 << 30):
        with pytest.raises(WrongArgument, match="has not registered"):
            call(program, "_emval_call_method", number, 2, NAME, 0, ARGUMENTS)
    with pytest.raises(WrongArgument, match="of kind 4"):
        call(program, "_emval_create_invoker", *types(program, VOID), 4)
    caller = call(program, "_emval_get_method_caller", *types(program, VOID, STRING, 999))
    with pytest.raises(WrongArgument, match="uses the type"):
        call(program, "_emval_call_method", caller, call(program, "_emval_new_object"), NAME, 0, ARGUMENTS)
    deep = call(program, "_emval_get_method_caller", *types(program, INT, INT))
    held = registry_of(program.process).handles.add({"f": lambda value: value})
    named(program, "f")
    with pytest.raises(WrongArgument, match="not in its memory"):
        call(program, "_emval_call_method", deep, held, NAME, 0, -4)
    with pytest.raises(EmscriptenError):
        call(program, "_emval_call_method", deep, held, -4, 0, ARGUMENTS)


# --- what it makes of Python's


def making(held: handles.Handles) -> Any:
    """A value that a program makes, counted as its calls count it."""
    made = seen.call(seen.GLOBALS["Uint8Array"], [100_000.0])
    held.made(handles.bytes_of(made))
    return made


class Extended(CppObject):
    """What a program makes of a class of its own, with a name that it may set."""

    heard = None


def in_an_object(value: Any) -> Extended:
    made = object.__new__(Extended)
    seen.set(made, "heard", value)
    return made


KEEPING: dict[str, Any] = {
    "by its number": lambda held, kept: held.add(making(held)),
    "in a list": lambda held, kept: kept.append(making(held)),
    "by a view": lambda held, kept: held.add(seen.call_method(making(held), "subarray", [0.0])),
    "by a method": lambda held, kept: held.add(seen.get(making(held), "set")),
    "in an error": lambda held, kept: held.add(seen.call(seen.GLOBALS["Error"], [making(held)])),
    "in a record": lambda held, kept: held.add(Record("R", {"f": making(held)})),
    "in an object": lambda held, kept: held.add(in_an_object(making(held))),
    "in an object by its method": lambda held, kept: held.add(in_an_object(making(held)).clone),
    "in an object that C++ has": lambda held, kept: held.also.setdefault(len(held.also), in_an_object(making(held))),
}


@pytest.mark.parametrize("how", KEEPING)
def test_values_that_it_makes_have_a_limit(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "MAX_MADE_BYTES", 1 << 20)
    held = handles.Handles()
    kept: list[Any] = []
    kept.append(kept)
    held.add(kept)
    with pytest.raises(WrongArgument, match="holds values of"):
        for _ in range(100):
            KEEPING[how](held, kept)


def test_values_that_it_gives_back_can_be_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "MAX_MADE_BYTES", 1 << 20)
    held = handles.Handles()
    for _ in range(100):
        held.drop(held.add(making(held)))


def test_texts_are_not_joined_without_end() -> None:
    with pytest.raises(WrongArgument, match="joined texts"):
        seen.call_method(["x" * (1 << 20)] * 17, "join", [""])
    assert seen.call_method(["a", 1.0, None], "join", ["-"]) == "a-1-null"
