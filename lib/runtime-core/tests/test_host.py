"""What `func` knows of a Python callable: types from arguments and annotations, a leading ctx."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from wasmer_runtime_core.contract.values import Type
from wasmer_runtime_core.running.host import HostFunc, arity, func
from wasmer_runtime_core.wasm.types import F32, F64, I32, I64, FunctionType


class Ctx:
    """Stands for the real one: detection is by name."""


def plain(a, b):  # type: ignore[no-untyped-def]
    return a


def with_ctx(ctx, a):  # type: ignore[no-untyped-def]
    return a


def annotated_ctx(context: Ctx, a: int) -> int:
    return a


def typed(a: int, b: float) -> None: ...


def exact(a: Type.I64, b: "i32") -> "f32":  # type: ignore[name-defined,valid-type] # noqa: F821, UP037
    return 0.0


def several(a: int) -> tuple[int, float]:
    return a, 1.0


def with_default(a, b=1):  # type: ignore[no-untyped-def]
    return a


def variadic(*values):  # type: ignore[no-untyped-def]
    return None


class Methods:
    def method(self, a, b):  # type: ignore[no-untyped-def]
        return a

    def with_ctx(self, ctx, a):  # type: ignore[no-untyped-def]
        return a

    def __call__(self, a: int) -> int:
        return a


@functools.wraps(plain)
def wrapped(*args):  # type: ignore[no-untyped-def]
    return plain(*args)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (plain, (False, 2, 2)),
        (with_ctx, (True, 1, 1)),
        (annotated_ctx, (True, 1, 1)),
        (with_default, (False, 1, 2)),
        (variadic, (False, 0, -1)),
        (Methods().method, (False, 2, 2)),
        (Methods().with_ctx, (True, 1, 1)),
        (Methods(), (False, 1, 1)),
        (wrapped, (False, 2, 2)),
        (print, (False, 0, -1)),
        (functools.partial(plain, 1), (False, 0, -1)),
        (int, (False, 0, -1)),
        (func(with_ctx), (True, 1, 1)),
        (lambda: None, (False, 0, 0)),
    ],
)
def test_shape(function: Callable[..., Any], expected: tuple[bool, int, int]) -> None:
    assert arity(function) == expected


def wants(params: list[int], results: list[int]) -> FunctionType:
    return FunctionType(bytes(params), bytes(results))


def test_nothing_said_accepts_everything() -> None:
    assert func(plain).accepts(wants([I32, F64], [I64]))
    assert func(plain).signature() == "[…] -> […]"
    assert func(plain).function_type() is None


def test_annotations_of_python_types_leave_the_width_open() -> None:
    host = func(typed)
    assert host.signature() == "[int, float] -> []"
    assert host.accepts(wants([I32, F64], []))
    assert host.accepts(wants([I64, F32], []))
    assert not host.accepts(wants([I64, I32], []))
    assert not host.accepts(wants([I64, F32], [I32]))
    assert not host.accepts(wants([I64], []))
    assert func(several).accepts(wants([I32], [I64, F64]))
    assert not func(several).accepts(wants([I32], [I64]))


def test_annotations_of_wasm_types_are_exact() -> None:
    host = func(exact)
    assert host.function_type() == wants([I64, I32], [F32])
    assert host.accepts(wants([I64, I32], [F32]))
    assert not host.accepts(wants([I32, I32], [F32]))


def test_annotations_without_the_future() -> None:
    def late(a: int, b: Any) -> Any: ...

    late.__annotations__ = {"a": int, "b": Type.F64, "return": tuple[int, float]}
    assert func(late).signature() == "[int, f64] -> [int, float]"
    late.__annotations__ = {"a": "numpy.int32", "return": None}
    assert func(late).signature() == "[any, any] -> []"


def test_given_types_win() -> None:
    host = func(typed, params=["i64", Type.F32], returns="i32")
    assert host.function_type() == wants([I64, F32], [I32])
    assert host.signature() == "[i64, f32] -> [i32]"
    assert func(plain, params=[], returns=[]).function_type() == wants([], [])


def test_the_ctx_is_no_parameter() -> None:
    assert func(annotated_ctx).signature() == "[int] -> [int]"
    assert func(annotated_ctx).wants_ctx
    assert not func(typed).wants_ctx


def test_func_is_a_decorator() -> None:
    @func
    def double(x: int) -> int:
        return 2 * x

    assert isinstance(double, HostFunc)
    assert double(4) == 8
    assert "double: [int] -> [int]" in repr(double)


def test_mistakes() -> None:
    with pytest.raises(TypeError, match="needs a callable, not an int"):
        func(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'i31' is no value type"):
        func(plain, params=["i31"])
