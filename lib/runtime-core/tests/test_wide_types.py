"""A type of a thousand parameters takes a kilobyte, and a module may name it a million times for little more."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from wasmer_runtime_core.contract.values import FuncSig, Type, describe
from wasmer_runtime_core.running.host import func
from wasmer_runtime_core.running.imports import ImportObject, resolve_imports
from wasmer_runtime_core.wasm.module import FUNCTION, Import, ModuleInfo
from wasmer_runtime_core.wasm.types import F64, I32, FunctionType, show_external_type

WIDTH, TIMES = 1000, 300
WIDE = FunctionType(bytes((I32, F64)) * (WIDTH // 2), bytes((F64,)) * WIDTH)
NARROW = FunctionType(b"", b"")


def cost(ask: Callable[[FunctionType], Any], type: FunctionType) -> tuple[int, int]:
    """Lines of Python and bytes of memory that asking many times takes."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += 1
        return trace

    ask(type)
    tracemalloc.start()
    base = tracemalloc.get_traced_memory()[0]
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        kept = [ask(type) for _ in range(TIMES)]
    finally:
        sys.settrace(before)
        taken = tracemalloc.get_traced_memory()[0] - base
        tracemalloc.stop()
    assert len(kept) == TIMES
    return lines, taken


def linked(type: FunctionType) -> Any:
    info = ModuleInfo()
    info.types = [type]
    info.imports = [Import("e", "f", FUNCTION, 0)]
    imports = ImportObject()
    imports.register("e", {"f": func(lambda *_: 0, params=type.params, returns=type.results)})
    return resolve_imports(info, imports)


ASKED: dict[str, Callable[[FunctionType], Any]] = {
    "what an export is": describe,
    "what is shown": show_external_type,
    "a host function": lambda type: func(lambda *_: 0, params=type.params, returns=type.results),
    "what it accepts": lambda type: func(lambda *_: 0, params=type.params, returns=type.results).accepts(type),
    "an import": linked,
}


@pytest.mark.parametrize("what", ASKED)
def test_a_wide_type_costs_what_a_narrow_one_costs(what: str) -> None:
    wide_lines, wide_bytes = cost(ASKED[what], WIDE)
    lines, taken = cost(ASKED[what], NARROW)
    assert wide_lines < lines + 150 * TIMES
    assert wide_bytes < taken + 1024 * TIMES


def test_signatures_are_the_same_as_ever() -> None:
    made = FuncSig.from_function_type(FunctionType(bytes((I32,)), bytes((F64, I32))))
    assert made == FuncSig(["i32"], ["f64", "i32"]) and made.params == (Type.I32,) and made.returns[1] is Type.I32
    with pytest.raises(ValueError):
        func(lambda: 0, params=b"\x00", returns=b"")
    assert func(lambda a: 0, params=["i32"], returns=[]).accepts(FunctionType(bytes((I32,)), b""))
    assert not func(lambda a: 0, params=["i32"], returns=[]).accepts(FunctionType(bytes((F64,)), b""))
    for at in range(2000):  # more types than are kept
        codes = bytes(I32 if at >> bit & 1 else F64 for bit in range(12))
        assert bytes(FuncSig.from_function_type(FunctionType(codes, b"")).params) == codes
