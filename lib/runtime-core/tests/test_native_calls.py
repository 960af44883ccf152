"""Calls in both directions: every shape of signature, conversions, and what wrong arguments say."""

from __future__ import annotations

import inspect
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine_code import Program, function_type

from wasmer_runtime_core.contract.values import Value
from wasmer_runtime_core.running.objects.functions import Function, HostFunction, make_host_function
from wasmer_runtime_core.running.objects.globals import Global

TYPES = ("i32", "i64", "f32", "f64", "v128")
SIGNATURES = st.lists(st.sampled_from(TYPES), max_size=24)


def call(params: str, results: str, row: str, **holes: int) -> Function:
    program = Program()
    program.memory(1)
    program.function("f", params, results, row, **holes)
    return program.instance().exports["f"]


def places(params: list[str], results: int) -> list[int]:
    """Where the System V ABI puts the parameters: offsets in what "dump" writes. Written apart from the C file."""
    integers = [16, 24, 32, 40] if results > 1 else [8, 16, 24, 32, 40]
    vectors = [48 + 16 * number for number in range(8)]
    found, stack = [], 0
    for param in params:
        if param in ("i32", "i64") and integers:
            found.append(integers.pop(0))
        elif param not in ("i32", "i64") and vectors:
            found.append(vectors.pop(0))
        else:
            if param == "v128" and stack % 16:
                stack += 8
            found.append(176 + stack)
            stack += 16 if param == "v128" else 8
    return found


FORMATS = {"i32": "<i", "i64": "<q", "f32": "<f", "f64": "<d"}


def bytes_of(type: str, value: Any) -> bytes:
    return value if type == "v128" else struct.pack(FORMATS[type], value)


def sample(type: str, number: int) -> Any:
    if type == "v128":
        return bytes(range(number, number + 16))
    return -(number + 1) * 3 if type in ("i32", "i64") else number + 0.5


@settings(max_examples=150, deadline=None)
@given(SIGNATURES, st.integers(0, 3))
def test_arguments_arrive_where_the_convention_says(params: list[str], results: int) -> None:
    program = Program()
    program.memory(1)
    program.function("f", " ".join(params), " ".join(["i32"] * results), "dump", stack=max(2 * len(params), 1))
    instance = program.instance()
    function, memory = instance.exports["f"], instance.exports["memory"]
    values = [sample(type, number) for number, type in enumerate(params)]
    if results < 2:
        function(*values)
    else:
        function.call_bits([_bits(type, value) for type, value in zip(params, values, strict=True)])
    for place, type, value in zip(places(params, results), params, values, strict=True):
        expected = bytes_of(type, value)
        assert memory[place : place + len(expected)] == expected
    assert int.from_bytes(memory[0:8], "little") == instance.core.vmctx


def _bits(type: str, value: Any) -> Any:
    return int.from_bytes(bytes_of(type, value), "little")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(TYPES), max_size=12))
def test_results_come_from_registers_and_the_buffer(results: list[str]) -> None:
    program = Program()
    program.memory(1)
    program.function("f", "", " ".join(results), "fill_results", others=max(len(results) - 1, 0))
    instance = program.instance()
    values = [sample(type, number) for number, type in enumerate(results)]
    for number, (type, value) in enumerate(zip(results, values, strict=True)):
        instance.exports["memory"].write(16 * number, bytes_of(type, value))
    expected: Any = None if not values else values[0] if len(values) == 1 else tuple(values)
    assert instance.exports["f"]() == expected
    assert instance.exports["f"].call_bits([]) == [_bits(*pair) for pair in zip(results, values, strict=True)]


def test_integers_take_the_signed_and_the_unsigned_range() -> None:
    narrow, wide = call("i32", "i32", "same_integer"), call("i64", "i64", "same_integer")
    for value in (0, 1, -1, 2**31 - 1, -(2**31), True):
        assert narrow(value) == value
    assert narrow(2**32 - 1) == -1
    assert narrow(2**31) == -(2**31)
    for value in (2**63 - 1, -(2**63), 2**40, 5):
        assert wide(value) == value
    assert wide(2**64 - 1) == -1
    for bad in (2**32, -(2**31) - 1, 2**64, -(2**80), 2**62):
        with pytest.raises(
            OverflowError, match=r"f\(\) argument 1: -?\d+ does not fit i32 \(signature \[i32\] -> \[i32\]\)"
        ):
            narrow(bad)
    for bad in (2**64, -(2**63) - 1, 2**200):
        with pytest.raises(OverflowError, match="does not fit i64"):
            wide(bad)


class Index:
    def __index__(self) -> int:
        return 41


class Real:
    def __float__(self) -> float:
        return 2.5


class Broken:
    def __index__(self) -> int:
        raise LookupError("mine")


def test_objects_that_are_numbers() -> None:
    assert call("i32", "i32", "same_integer")(Index()) == 41
    assert call("f64", "f64", "same_vector")(Real()) == 2.5
    assert call("f32", "f32", "same_vector")(Index()) == 41.0
    assert call("f64", "f64", "same_vector")(7) == 7.0
    with pytest.raises(LookupError, match="mine"):
        call("i64", "i64", "same_integer")(Broken())


@pytest.mark.parametrize(
    ("type", "bad", "message"),
    [
        ("i32", "1", r"f\(\) argument 1: i32 takes an int, not 'str' \(signature \[i32\] -> \[i32\]\)"),
        ("i32", 1.0, "i32 takes an int, not 'float'"),
        ("i64", None, "i64 takes an int, not 'NoneType'"),
        ("f64", "x", "f64 takes a float, not 'str'"),
        ("f32", b"", "f32 takes a float, not 'bytes'"),
        ("v128", 1.5, "v128 takes 16 bytes or an int, not 'float'"),
        ("funcref", 3, "funcref takes a Function or None, not 'int'"),
    ],
)
def test_wrong_types_name_the_export_and_its_signature(type: str, bad: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(type, type, "same_vector" if type in ("f32", "f64", "v128") else "same_integer")(bad)


def test_wrong_counts() -> None:
    add = call("i32 i32", "i32", "add")
    with pytest.raises(
        TypeError, match=r"f\(\) takes 2 arguments but 1 was given \(signature \[i32, i32\] -> \[i32\]\)"
    ):
        add(1)
    with pytest.raises(TypeError, match="takes 2 arguments but 3 were given"):
        add(1, 2, 3)
    with pytest.raises(TypeError, match="no keyword arguments"):
        add(1, b=2)
    with pytest.raises(TypeError, match="takes 2 arguments"):
        add.call_bits([1])
    assert add(3, 4) == 7


def test_vectors_are_bytes_or_ints() -> None:
    same = call("v128", "v128", "same_vector")
    text = bytes(range(16))
    assert same(text) == same(bytearray(text)) == same(memoryview(text)) == text
    assert same(int.from_bytes(text, "little")) == text
    assert same(-1) == b"\xff" * 16
    assert same.call_bits([2**127]) == [2**127]
    for bad in (2**128, -(2**127) - 1):
        with pytest.raises(OverflowError, match="v128 takes 16 bytes or an int of 128 bits"):
            same(bad)
    takes = "v128 takes 16 bytes or an int of 128 bits, not "
    for wrong, found in ((b"", "bytes of 0"), (b"short", "bytes of 5"), (bytearray(17), "bytearray of 17")):
        for use in (same, lambda value: same.call_bits([value])):
            with pytest.raises(TypeError, match=f"f\\(\\) argument 1: {takes}{found} bytes \\(signature"):
                use(wrong)
    with pytest.raises(TypeError, match=f"^value of a global: {takes}bytes of 3 bytes$"):
        Global.new_mutable(Value.V128(0)).set(b"abc")


def test_floats_pass_bit_by_bit() -> None:
    single, double = call("f32", "f32", "same_vector"), call("f64", "f64", "same_vector")
    for bits in (0x7FA12345, 0x80000000, 0x7F800000, 1):
        assert single.call_bits([bits]) == [bits]
    for bits in (0x7FF4000000000001, 1 << 63, 1):
        assert double.call_bits([bits]) == [bits]
    assert single(2**200) == float("inf")
    with pytest.raises(OverflowError, match="does not fit f64"):
        double(10**400)


def test_functions_say_what_they_are() -> None:
    program = Program()
    program.function("plus", "i32 i32", "i32", "add")
    plus = program.instance().exports["plus"]
    assert plus.__name__ == "plus"
    assert plus.type == function_type("i32 i32", "i32")
    assert repr(plus) == "<wasm function plus: [i32, i32] -> [i32]>"
    assert str(inspect.signature(plus)) == "(p0: 'i32', p1: 'i32', /, *, timeout: 'float | None' = None) -> 'i32'"
    assert plus.__doc__ == "plus(i32, i32) -> i32\n\nA WebAssembly function." and plus.__qualname__ == "plus"
    assert callable(plus) and hash(plus) == hash(plus) and plus == plus
    plus.note = "mine"
    assert plus.note == "mine"
    with pytest.raises(TypeError):
        Function()  # type: ignore[call-arg]


# --- host functions -------------------------------------------------------------------------


def through_host(function: Any, params: str, results: str, row: str = "call_import") -> Function:
    """A wasm function that passes its arguments to a host function."""
    program = Program()
    index = program.import_function("f", params, results)
    program.call_import("run", index, row)
    host = HostFunction(function, function_type(params, results), "env", "f")
    return program.instance([host]).exports["run"]


@settings(max_examples=150, deadline=None)
@given(SIGNATURES, st.lists(st.sampled_from(TYPES), max_size=5))
def test_host_functions_of_every_shape(params: list[str], results: list[str]) -> None:
    seen: list[Any] = []
    values = [sample(type, number) for number, type in enumerate(params)]
    back = [sample(type, number + 40) for number, type in enumerate(results)]
    expected: Any = None if not back else back[0] if len(back) == 1 else tuple(back)

    def host(*arguments: Any) -> Any:
        seen.extend(arguments)
        return expected

    run = through_host(host, " ".join(params), " ".join(results), "tail_import")
    assert run(*values) == expected
    assert seen == values


def test_hosts_get_a_context_if_they_want_one() -> None:
    class Context:
        instance: Any = None

    program = Program()
    program.call_import("run", program.import_function("f", "i32", "i32"))
    context, seen = Context(), []

    def host(ctx: Context, value: int) -> int:
        seen.append((ctx, ctx.instance))
        return value + 1

    given_host = HostFunction(host, function_type("i32", "i32"), "env", "f", True)
    instance = program.instance([given_host], context)
    assert instance.exports["run"](4) == 5
    assert seen == [(context, instance)]


def test_results_of_no_use_are_dropped_where_none_is_wanted() -> None:
    assert through_host(lambda: 5, "", "")() is None


@pytest.mark.parametrize(
    ("results", "value", "error", "message"),
    [
        ("i32", "x", TypeError, r"env\.f\(\) result 1: i32 takes an int, not 'str' \(signature \[\] -> \[i32\]\)"),
        ("i32", None, TypeError, "i32 takes an int, not 'NoneType'"),
        ("i32", 2**40, OverflowError, r"env\.f\(\) result 1: 1099511627776 does not fit i32"),
        ("i32 i32", 5, TypeError, r"env\.f\(\) must return a tuple of 2 values, not 'int'"),
        ("i32 i32", (1, 2, 3), TypeError, r"env\.f\(\) must return 2 values, not 3"),
        ("i32 f64", (1, "x"), TypeError, r"env\.f\(\) result 2: f64 takes a float"),
    ],
)
def test_wrong_results_name_the_import(results: str, value: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        through_host(lambda: value, "", results)()


def test_exceptions_come_back_the_same_object_with_the_frames_in_a_note() -> None:
    error = KeyError("mine")

    def host() -> None:
        raise error

    run = through_host(host, "", "")
    for _ in range(50):
        with pytest.raises(KeyError) as caught:
            run()
        assert caught.value is error
    assert len(error.__notes__) == 1
    assert error.__notes__[0] == "WebAssembly functions that ran:\n  run (function 1, at byte 0x1014)"
    assert error.__traceback__ is not None


def test_nested_calls_add_their_frames() -> None:
    error = ValueError("deep")
    depth = 0

    def host() -> None:
        nonlocal depth
        depth += 1
        if depth == 4:
            raise error
        run()

    run = through_host(host, "", "")
    with pytest.raises(ValueError, match="deep"):
        run()
    assert depth == 4
    depth = 0
    assert through_host(lambda: 1, "", "")() is None


def test_base_exceptions_pass_too() -> None:
    def host() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit) as caught:
        through_host(host, "", "")()
    assert caught.value.code == 3


def test_functions_of_other_instances_are_called_directly() -> None:
    first = Program()
    first.function("add", "i32 i32", "i32", "add")
    second = Program()
    second.call_import("run", second.import_function("f", "i32 i32", "i32"))
    third = Program()
    third.call_import("run", third.import_function("f", "i32 i32", "i32"))
    chain = third.instance([second.instance([first.instance().exports["add"]]).exports["run"]])
    assert chain.exports["run"](20, 22) == 42
    with pytest.raises(TypeError, match=r"import env\.f must be a function of another signature|of another signature"):
        other = Program()
        other.call_import("run", other.import_function("f", "i64 i32", "i32"))
        other.instance([first.instance().exports["add"]])


def test_a_host_function_may_be_exported_again() -> None:
    from wasmer_runtime_core.wasm.module import FUNCTION, Export

    program = Program()
    program.import_function("f", "i32", "i32")
    program.info.exports.append(Export("again", FUNCTION, 0))
    instance = program.instance([HostFunction(lambda x: x * 2, function_type("i32", "i32"), "env", "f")])
    again = instance.exports["again"]
    assert again(21) == 42
    user = Program()
    user.call_import("run", user.import_function("f", "i32", "i32"))
    assert user.instance([again]).exports["run"](4) == 8


def test_callables_become_function_references() -> None:
    double = make_host_function(lambda x: 2 * x, function_type("i32", "i32"), "env", "double")
    assert double(4) == 8 and double.__name__ == "double"
    program = Program()
    program.function("call", "funcref i32", "i32", "call_reference")
    instance = program.instance()
    assert instance.exports["call"](double, 21) == 42
    same = call("funcref", "funcref", "same_integer")
    assert same(double) is double and same(None) is None
    with pytest.raises(TypeError, match="takes a float"):
        make_host_function(lambda: "x", function_type("", "f64"), "env", "bad")()


def test_external_references_are_any_object() -> None:
    same = call("externref", "externref", "same_integer")
    for value in (object(), "text", 3, [1]):
        assert same(value) is value
    assert same(None) is None
    seen: list[Any] = []

    def host(value: Any) -> Any:
        seen.append(value)
        return value

    value = object()
    assert through_host(host, "externref", "externref")(value) is value
    assert seen == [value]
