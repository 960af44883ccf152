"""Plans are made in memory that the module's size bounds."""

from __future__ import annotations

import itertools
import tracemalloc
from contextlib import nullcontext

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import LinkError, Timeout
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running import preparing
from wasmer_runtime_core.running.imports import resolve_imports
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.running.plan import make_plan
from wasmer_runtime_core.support.checkpoint import STRETCH

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
    monkeypatch.setattr(machine, "check_interrupts", lambda: None)
    module = compile_with(text, find_compiler("singlepass"))
    with timeout(0), pytest.raises(Timeout, match="while a module was prepared"):
        make_plan(module)
    assert make_plan(module)
    assert module.instantiate()


def count_looks(monkeypatch: pytest.MonkeyPatch) -> itertools.count[int]:
    """Gives, once, how many looks for deadlines there were until then."""
    looks = itertools.count()
    monkeypatch.setattr(machine, "check_interrupts", lambda: next(looks) and None)
    return looks


def test_imports_are_matched_with_looks_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that are missing, and what a module says of its imports and exports."""
    module = compile_with(LISTS["imports"], find_compiler("singlepass"))
    for given in ({"m": {"f": print}}, {}):
        looks = count_looks(monkeypatch)
        with nullcontext() if given else pytest.raises(LinkError):
            resolve_imports(module.info, given)
        assert next(looks) >= 9_000 // STRETCH
    exporting = compile_with(LISTS["exports"], find_compiler("singlepass"))
    for described in (lambda: module.imports, lambda: exporting.exports):
        looks = count_looks(monkeypatch)
        assert len(described()) == 9_000
        assert next(looks) >= 9_000 // STRETCH


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
    looks = count_looks(monkeypatch)
    preparing.prepared(module)
    assert next(looks) >= 9_000 // STRETCH
