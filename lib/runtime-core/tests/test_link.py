"""Plans are made in memory that the module's size bounds."""

from __future__ import annotations

import tracemalloc

from wasmer_runtime_core.backends import find_compiler
from wasmer_runtime_core.link import make_plan
from wasmer_runtime_core.pipeline import compile_with


def test_elements_are_packed_without_an_object_for_each() -> None:
    count = 200_000
    module = compile_with(f"(func) (elem func {'0 ' * count})", find_compiler("singlepass"))
    tracemalloc.start()
    plan = make_plan(module)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert plan
    assert peak < 40 * count
