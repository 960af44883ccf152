"""Values on their way into WebAssembly and back: every bit arrives, and what does not fit is refused."""

from __future__ import annotations

import math
import struct
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmer_runtime import Instance, Type, Value, compile, instantiate

IDENTITIES = """
(module
  (import "env" "echo_i32" (func $i32 (param i32) (result i32)))
  (import "env" "echo_i64" (func $i64 (param i64) (result i64)))
  (import "env" "echo_f32" (func $f32 (param f32) (result f32)))
  (import "env" "echo_f64" (func $f64 (param f64) (result f64)))
  (import "env" "echo_ref" (func $ref (param externref) (result externref)))
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "ref") (param externref) (result externref) local.get 0)
  (func (export "host_i32") (param i32) (result i32) local.get 0 call $i32)
  (func (export "host_i64") (param i64) (result i64) local.get 0 call $i64)
  (func (export "host_f32") (param f32) (result f32) local.get 0 call $f32)
  (func (export "host_f64") (param f64) (result f64) local.get 0 call $f64)
  (func (export "host_ref") (param externref) (result externref) local.get 0 call $ref)
  (func (export "all") (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64)
    (result i64 i32 f64 f32 i64 i32 f64 f32 i64 i32 f64 f32 i64 i32 f64 f32 i64 i32)
    local.get 17 local.get 16 local.get 15 local.get 14 local.get 13 local.get 12 local.get 11 local.get 10 local.get 9
    local.get 8 local.get 7 local.get 6 local.get 5 local.get 4 local.get 3 local.get 2 local.get 1 local.get 0))
"""


def echo(value: Any) -> Any:
    return value


@pytest.fixture(scope="module")
def instance() -> Instance:
    names = ("echo_i32", "echo_i64", "echo_f32", "echo_f64", "echo_ref")
    return instantiate(IDENTITIES, {"env": dict.fromkeys(names, echo)})


@pytest.fixture(scope="module", params=["", "host_"], ids=["plain", "through the host"])
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@given(number=st.integers(-(2**31), 2**32 - 1))
def test_i32(instance: Instance, prefix: str, number: int) -> None:
    assert instance.exports[prefix + "i32"](number) == (number + 2**31) % 2**32 - 2**31


@given(number=st.integers(-(2**63), 2**64 - 1))
def test_i64(instance: Instance, prefix: str, number: int) -> None:
    assert instance.exports[prefix + "i64"](number) == (number + 2**63) % 2**64 - 2**63


@given(number=st.integers().filter(lambda n: not -(2**31) <= n < 2**32))
def test_integers_that_do_not_fit_an_i32(instance: Instance, number: int) -> None:
    with pytest.raises(OverflowError, match="i32"):
        instance.exports.i32(number)


@given(number=st.integers(2**64) | st.integers(max_value=-(2**63) - 1))
def test_integers_that_do_not_fit_an_i64(instance: Instance, number: int) -> None:
    with pytest.raises(OverflowError, match="i64"):
        instance.exports.i64(number)


@given(number=st.floats())
def test_f64(instance: Instance, prefix: str, number: float) -> None:
    result = instance.exports[prefix + "f64"](number)
    assert struct.pack("<d", result) == struct.pack("<d", number)


@given(number=st.floats(width=32, allow_nan=False))
def test_f32(instance: Instance, prefix: str, number: float) -> None:
    result = instance.exports[prefix + "f32"](number)
    assert struct.pack("<f", result) == struct.pack("<f", number)


@given(number=st.floats(allow_nan=False))
def test_wider_floats_round(instance: Instance, number: float) -> None:
    assert Value.F32(instance.exports.f32(number)) == Value.F32(number)


@given(bits=st.integers(0, 2**32 - 1))
def test_every_pattern_of_an_f32_passes_by_value(instance: Instance, bits: int) -> None:
    value = Value.from_bits(Type.F32, bits)
    assert instance.dyn_func("f32").call([value]) == [value]


@given(bits=st.integers(0, 2**64 - 1))
def test_every_pattern_of_an_f64_passes_by_value(instance: Instance, bits: int) -> None:
    value = Value.from_bits(Type.F64, bits)
    assert instance.dyn_func("f64").call([value]) == [value]


def test_objects_pass_as_they_are(instance: Instance, prefix: str) -> None:
    for thing in (object(), None, "text", instance, [1], math):
        assert instance.exports[prefix + "ref"](thing) is thing


def test_many_parameters_and_results(instance: Instance) -> None:
    arguments = [i + 0.5 if i % 4 > 1 else -i for i in range(18)]
    assert instance.exports.all(*arguments) == tuple(reversed(arguments))


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("i32", "1"), ("i32", 1.0), ("i32", None), ("i32", b"1"), ("i64", [1]), ("i64", 1j),
        ("f32", "1"), ("f32", None), ("f64", "1"), ("f64", 1j), ("f64", {}),
    ],
)  # fmt: skip
def test_what_is_no_number_is_a_type_error(instance: Instance, name: str, argument: object) -> None:
    with pytest.raises(TypeError, match=name):
        instance.exports[name](argument)


def test_numbers_of_other_kinds(instance: Instance) -> None:
    class Index:
        def __index__(self) -> int:
            return 7

    class Float:
        def __float__(self) -> float:
            return 0.5

    assert instance.exports.i32(True) == 1
    assert instance.exports.i32(Index()) == 7
    assert instance.exports.i64(Index()) == 7
    assert instance.exports.f64(Float()) == 0.5
    assert instance.exports.f32(3) == 3.0
    assert instance.exports.i32(Value.I32(-5)) == -5


def test_threads_compile_and_call_side_by_side() -> None:
    text = '(module (func (export "f") (param i32) (result i32) local.get 0 i32.const {} i32.add))'
    results: dict[int, int] = {}

    def work(number: int) -> None:
        for _ in range(20):
            results[number] = compile(text.format(number)).instantiate().exports.f(1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: number + 1 for number in range(8)}
