"""Functions made of Python callables: where references to functions are wanted, with a signature and an identity."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import weakref
from typing import Any

import pytest
from machine_code import Program, function_type

from wasmer_runtime_core.contract.values import ElementType, FuncSig, TableDescriptor, Value
from wasmer_runtime_core.running.host import func
from wasmer_runtime_core.running.objects.functions import Function
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.running.objects.table import Table

ONE = FuncSig(["i32"], ["i32"])


def test_a_function_of_a_callable_is_one_like_any_other() -> None:
    def plus_one(number: int) -> int:
        return number + 1

    function = Function(ONE, plus_one)
    assert function(2) == function(2, timeout=1) == function.released(2) == asyncio.run(function.call_async(2)) == 3
    assert repr(function) == "<wasm function plus_one: [i32] -> [i32]>"
    assert function.__name__ == "plus_one" and function.type == function_type("i32", "i32")
    assert Function(ONE, plus_one, name="other").__name__ == "other"
    with pytest.raises(OverflowError, match=r"^plus_one\(\) argument 1: 4294967296 does not fit i32"):
        function(1 << 32)
    with pytest.raises(TypeError, match=r"test_functions\.text\(\) result 1: i32 takes an int, not 'str'"):
        Function(ONE, lambda number: "text", name="text")(1)
    with pytest.raises(ZeroDivisionError):
        Function(FuncSig(), lambda: 1 // 0)()


def test_types_from_annotations_and_func() -> None:
    def typed(number: "i32", factor: "f64") -> "f64":  # type: ignore[name-defined]  # noqa: F821, UP037
        return number * factor

    assert Function(typed)(3, 0.5) == 1.5
    assert Function(func(len, params=["externref"], returns=["i32"]))("four") == 4
    assert Function(function_type("", "i64"), lambda: -1)() == -1
    same = Function(ONE, abs)
    assert Function(same) is Function(ONE, same) is same


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "a Function is made of a FuncSig and a callable; the first is None"),
        ((3, print), "a Function is made of a FuncSig and a callable; the first is 3"),
        ((ONE,), "a Function is made of a FuncSig and a callable; None cannot be called"),
        ((ONE, 3), "a Function is made of a FuncSig and a callable; 3 cannot be called"),
        (
            (print,),
            "not all types of func(print: […] -> […]) are known; give them: Function(FuncSig([…], […]), function)",
        ),
        ((ONE, lambda: 1), "a Function of type [i32] -> [i32] cannot be made of the Python function"),
        ((ONE, lambda a, b: 1), "<lambda>, which takes 2 arguments"),
        ((ONE, lambda ctx, number: 1), "only an import is called with a Ctx; a Function belongs to no instance"),
        (
            (FuncSig(), func(len, params=["i32"])),
            "a Function of type [] -> [] cannot be made of func(len: [i32] -> […])",
        ),
        ((FuncSig(), Function(ONE, abs)), "cannot be made of <wasm function abs: [i32] -> [i32]>"),
    ],
)
def test_what_is_no_function(arguments: tuple[Any, ...], text: str) -> None:
    with pytest.raises(TypeError) as caught:
        Function(*arguments)
    assert text in str(caught.value)


def test_wherever_a_funcref_goes() -> None:
    program = Program()
    program.function("same", "funcref", "funcref", "same_integer")
    program.function("call", "funcref i32", "i32", "call_reference")
    exports = program.instance().exports
    double = Function(ONE, lambda number: 2 * number)
    assert exports.same(double) is double and exports.call(double, 21) == 42
    table = Table(TableDescriptor(ElementType.ANYFUNC, 1))
    table[0] = double
    assert table.grow(1, double) == 1 and list(table) == [double, double]
    reference = Global.new_mutable(Value.FUNCREF(double))
    reference.value = reference.value
    assert reference.value is double
    for use in (exports.same, lambda value: table.set(0, value), reference.set):
        with pytest.raises(TypeError, match=r"a Function or None, not 'builtin.*'; make it one: Function\("):
            use(print)


FIRST = """
import sys
sys.path[:0] = {path!r}
from machine_code import Program
program = Program()
program.function("same", "i32", "i32", "same_integer")
same = program.instance().exports.same
print("wasmer_runtime_core.running.objects.functions" in sys.modules)
print({use})
"""


@pytest.mark.parametrize(
    ("use", "shown"),
    [
        ("same.released(5)", "5"),
        ("__import__('asyncio').run(same.call_async(5))", "5"),
        ("__import__('inspect').signature(same)", "(p0: 'i32', /, *, timeout: 'float | None' = None) -> 'i32'"),
        ("type(same)(same.type, abs)(-5)", "5"),
    ],
)
def test_what_python_says_of_an_export_is_there_when_it_is_asked_first(use: str, shown: str) -> None:
    script = FIRST.format(path=sys.path, use=use)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=900)
    assert (result.stdout.splitlines(), result.stderr) == (["False", shown], "")


def test_it_ends_with_its_last_reference() -> None:
    class Callable:
        def __call__(self) -> None: ...

    table = Table(TableDescriptor(ElementType.ANYFUNC, 1))
    target = Callable()
    target.table = table  # type: ignore[attr-defined]  # a circle
    gone = weakref.ref(target)
    table[0] = Function(FuncSig(), target)
    table[0]()
    assert table[0].__name__ == "Callable"
    del target, table
    gc.collect()
    assert gone() is None
