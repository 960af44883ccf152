"""Plans are made in memory that the module's size bounds."""

from __future__ import annotations

import tracemalloc

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running import plan as plan_module
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.running.plan import make_plan

TYPES = ("i32", "i64", "f32", "f64")


def test_elements_are_packed_without_an_object_for_each() -> None:
    count = 200_000
    module = compile_with(f"(func) (elem func {'0 ' * count})", find_compiler("singlepass"))
    tracemalloc.start()
    plan = make_plan(module)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert plan
    assert peak < 40 * count


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"(type (func (param {' '.join(TYPES[i >> 2 * k & 3] for k in range(8))})))" for i in range(20_000)),
        f"(func) (elem func {'0 ' * 20_000})",
    ],
    ids=["types", "elements"],
)
def test_a_deadline_ends_making_a_plan(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its long lists are read in C, where nobody else would look."""
    monkeypatch.setattr(plan_module, "checkpoint", lambda: None)
    module = compile_with(text, find_compiler("singlepass"))
    with timeout(0), pytest.raises(Timeout, match="while a module was prepared"):
        make_plan(module)
    assert make_plan(module)
    assert module.instantiate()


LISTS = {
    "imports": '(import "m" "f" (func))' * 9_000,
    "exports": "(func $f)" + "".join(f'(export "{i}" (func $f))' for i in range(9_000)),
    "globals": "(global i32 (i32.const 0))" * 9_000,
    "functions": "(func)" * 9_000,
    "element segments": "(table 1 funcref)" + "(elem (i32.const 0) func)" * 9_000,
    "elements": f"(func) (elem func {'0 ' * 9_000})",
    "data segments": "(memory 1)" + '(data "x")' * 9_000,
}


@pytest.mark.parametrize("what", LISTS)
def test_rows_are_made_with_looks_in_between(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a list is, a deadline ends what is done for each of its rows."""
    module = compile_with(LISTS[what], find_compiler("singlepass"))
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(plan_module, "checkpoint", look)
    plan_module.prepared(module)
    assert looks >= 9_000 // plan_module.STRETCH
