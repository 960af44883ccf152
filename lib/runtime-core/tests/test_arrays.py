"""Functions over arrays: types, shapes, strides, traps that name the element, numpy absent."""

from __future__ import annotations

import array
import sys
from typing import Any

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.running.objects.arrays import vectorize

TEXT = """
(module
  (import "env" "host" (func $host (param f64) (result f64)))
  (func (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
  (func (export "add") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
  (func (export "fma") (param f64 f64 f64) (result f64)
    (f64.add (f64.mul (local.get 0) (local.get 1)) (local.get 2)))
  (func (export "add32") (param f32 f32) (result f32) (f32.add (local.get 0) (local.get 1)))
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "shift") (param i64) (result i64) (i64.shl (local.get 0) (i64.const 1)))
  (func (export "sum3") (param i32 i32 i32) (result i32)
    (i32.add (i32.add (local.get 0) (local.get 1)) (local.get 2)))
  (func (export "mixed") (param i32 f64 i64 f32) (result f64)
    (f64.add (f64.add (f64.convert_i32_s (local.get 0)) (local.get 1))
             (f64.add (f64.convert_i64_s (local.get 2)) (f64.promote_f32 (local.get 3)))))
  (func (export "to_int") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "to_f32") (param i64) (result f32) (f32.convert_i64_s (local.get 0)))
  (func (export "many") (param f64 f64 f64 f64 f64 f64 f64 f64 i32 i32 i32 i32 i32) (result f64)
    (f64.add (f64.sub (local.get 0) (local.get 7)) (f64.convert_i32_s (i32.sub (local.get 8) (local.get 12)))))
  (func (export "through_host") (param f64) (result f64) (call $host (local.get 0)))
  (func (export "nothing"))
  (func (export "too_many") (param i32 i32 i32 i32 i32 i32) (result i32) (local.get 5))
  (func (export "two") (param i32) (result i32 i32) (local.get 0) (local.get 0)))
"""


def refuse_three(value: float) -> float:
    if value == 3:
        raise KeyError("three")
    return -value


@pytest.fixture(scope="module")
def exports() -> Any:
    return compile_with(TEXT, find_compiler("singlepass")).instantiate({"env": {"host": refuse_three}}).exports


@pytest.fixture
def without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)


def test_buffers_without_numpy(exports: Any, without_numpy: None) -> None:
    add = vectorize(exports.add)
    left, right = array.array("d", [1, 2, 3]), array.array("d", [10, 20, 30])
    assert list(add(left, right)) == [11, 22, 33]
    assert list(add(left, 5)) == [6, 7, 8]
    assert add(1.5, 2) == 3.5
    out = array.array("d", [0, 0, 0])
    assert add(left, right, out=out) is out and list(out) == [11, 22, 33]
    square = memoryview(array.array("d", range(6))).cast("B").cast("d", [2, 3])
    assert add(square, left).tolist() == [[1, 3, 5], [4, 6, 8]]
    assert list(vectorize(exports.half)(array.array("d"))) == []
    assert list(vectorize(exports.half)(memoryview(left)[::-1])) == [1.5, 1.0, 0.5]
    for wrong in (array.array("f", [1]), [1.0, 2.0], b"12345678", "text"):
        with pytest.raises(TypeError):
            add(left, wrong)


def test_every_type(exports: Any) -> None:
    numpy = pytest.importorskip("numpy")
    generator = numpy.random.default_rng(1)
    for name, dtype, expected in (
        ("half", "f8", lambda a: a * 0.5),
        ("add", "f8", lambda a, b: a + b),
        ("fma", "f8", lambda a, b, c: a * b + c),
        ("add32", "f4", lambda a, b: a + b),
        ("shift", "i8", lambda a: a << 1),
        ("sum3", "i4", lambda a, b, c: a + b + c),
        ("sum3", "u4", lambda a, b, c: a + b + c),
        ("to_int", "f8", lambda a: a.astype("i4")),
        ("to_f32", "i8", lambda a: a.astype("f4")),
    ):
        function = vectorize(exports[name])
        count = len(exports[name].type.params)
        arguments = [(generator.random(1000) * 1000).astype(dtype) for _ in range(count)]
        found = function(*arguments)
        wanted = expected(*arguments)
        assert found.dtype.itemsize == wanted.dtype.itemsize and (found == wanted).all(), name
    a, b, c, d = (numpy.arange(7, dtype=kind) for kind in ("i4", "f8", "i8", "f4"))
    assert (vectorize(exports.mixed)(a, b * 10, c * 100, d * 0.5) == a + b * 10 + c * 100 + d * 0.5).all()
    assert vectorize(exports.many)(*[float(n) for n in range(8)], 9, 0, 0, 0, numpy.int32([4])).tolist() == [-2.0]


def test_shapes_are_broadcast_as_numpy_does(exports: Any) -> None:
    numpy = pytest.importorskip("numpy")
    add = vectorize(exports.add)
    base = numpy.arange(2 * 3 * 4, dtype="f8").reshape(2, 3, 4)
    operands = [
        base,
        base[:, ::-1, ::2][:, :, :1],
        base[:1],
        base.transpose(0, 1, 2)[..., ::-1],
        numpy.asfortranarray(base),
        base[0, 0],
        base[0],
        numpy.float64(3),
        numpy.array(2.0),
        base[:, :, :1],
        5,
    ]
    for left in operands:
        for right in operands:
            found = add(left, right)
            wanted = numpy.add(left, right)
            assert numpy.shape(found) == numpy.shape(wanted) and numpy.array_equal(found, wanted)
    out = numpy.zeros((3, 8))[:, ::2]
    add(base[0], 1, out=out)
    assert numpy.array_equal(out, base[0] + 1)
    assert add(numpy.zeros((0, 3)), numpy.zeros(3)).shape == (0, 3)
    in_place = numpy.arange(4.0)
    add(in_place, in_place, out=in_place)
    assert in_place.tolist() == [0, 2, 4, 6]
    with pytest.raises(ValueError, match="do not fit together"):
        add(numpy.zeros(3), numpy.zeros(4))
    for out in (numpy.zeros(3), numpy.zeros((1, 4)), numpy.zeros(())):
        with pytest.raises(ValueError):
            add(numpy.zeros(4), 1.0, out=out)
    read_only = numpy.zeros(4)
    read_only.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        add(numpy.zeros(4), 1.0, out=read_only)
    with pytest.raises(TypeError):
        add(numpy.zeros(4), 1.0, out=numpy.zeros(4, "f4"))


def test_arrays_are_converted_where_numpy_would(exports: Any) -> None:
    numpy = pytest.importorskip("numpy")
    add, divide = vectorize(exports.add), vectorize(exports.divide)
    assert add(numpy.float32([1, 2]), numpy.int64([3, 4])).tolist() == [4, 6]
    assert add([1, 2], [0.5, 0.5]).tolist() == [1.5, 2.5]
    assert divide([7, 8], 2).tolist() == [3, 4]
    assert add(numpy.array([1.0], ">f8"), 1).tolist() == [2.0]
    assert divide(numpy.uint32([0xFFFFFFFE]), 2).tolist() == [-1]
    for wrong in (numpy.float64([1.5]), [1.5], numpy.array(["a"]), numpy.complex128([1])):
        with pytest.raises((TypeError, ValueError)):
            divide(wrong, 2)
    with pytest.raises(OverflowError):
        divide(numpy.int32([1]), 1 << 32)
    with pytest.raises(TypeError):
        divide(numpy.int32([1]), 1.5)


def test_a_trap_names_its_element(exports: Any) -> None:
    numpy = pytest.importorskip("numpy")
    divide = vectorize(exports.divide)
    divisors = numpy.ones((3, 4), "i4")
    divisors[1, 2] = 0
    out = numpy.full((3, 4), -1, "i4")
    for operand, element in ((divisors, "(1, 2)"), (divisors[:, ::-1], "(1, 1)"), (divisors.T, "(2, 1)")):
        with pytest.raises(Trap) as caught:
            divide(7, operand)
        assert caught.value.kind == "INTEGER_DIVIDE_BY_ZERO" and f"at element {element}" in caught.value.__notes__
    with pytest.raises(Trap):
        divide(7, divisors, out=out)
    assert out.ravel().tolist() == [7] * 6 + [-1] * 6
    assert divide(7, 7) == 1  # the instance can be called again


def test_host_exceptions_pass_through(exports: Any) -> None:
    numpy = pytest.importorskip("numpy")
    function = vectorize(exports.through_host)
    assert function(numpy.arange(3.0)).tolist() == [0, -1, -2]
    with pytest.raises(KeyError, match="three") as caught:
        function(numpy.arange(5.0))
    assert "at element 3" in caught.value.__notes__


def test_what_cannot_be_applied(exports: Any) -> None:
    for name in ("nothing", "two"):
        with pytest.raises(TypeError, match="cannot be applied to arrays"):
            vectorize(exports[name])
    with pytest.raises(TypeError, match="cannot be applied to arrays"):
        vectorize(exports.too_many)(1, 2, 3, 4, 5, array.array("i", [1]))
    with pytest.raises(TypeError, match="takes a WebAssembly function"):
        vectorize(len)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="takes 2 operands, 1"):
        vectorize(exports.add)(array.array("d", [1]))
