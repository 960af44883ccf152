"""Names are read when an exception passes through a module, whatever deadline ended it: what they cost is bounded."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.wasm.custom_sections import CustomSection
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.names import MOST_SUBSECTIONS, STRETCH

FUNCTIONS = 100
MOST_LINES = 300_000


def leb(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes((*encoded, value))


def subsection(number: int, content: bytes) -> bytes:
    return bytes((number,)) + leb(len(content)) + content


def name_map(names: dict[int, bytes] | list[tuple[int, bytes]]) -> bytes:
    items = list(names.items()) if isinstance(names, dict) else names
    return leb(len(items)) + b"".join(leb(index) + leb(len(name)) + name for index, name in items)


def module(*sections: bytes) -> ModuleInfo:
    info = ModuleInfo()
    info.functions = [0] * FUNCTIONS
    info.custom_sections = [CustomSection("name", data, 0) for data in sections]
    return info


def lines_of(call: Any) -> int:
    """Lines of Python that a call runs; it ends with more than `MOST_LINES`."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += 1
        if lines > MOST_LINES:
            sys.settrace(None)
            raise AssertionError("it reads too much")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return lines


MANY = 400_000
HOSTILE = {
    "subsections of an unknown kind": [bytes((9, 0)) * MANY],
    "subsections without a name": [bytes((0, 0)) * MANY],
    "subsections that are empty": [bytes((1, 0)) * MANY],
    "subsections of one name": [subsection(1, name_map({0: b"a"})) * MANY],
    "subsections of locals": [subsection(2, b"\1\0\1\0\1a") * MANY],
    "names of one function": [subsection(1, leb(MANY) + b"\0\1a" * MANY)],
    "names of no function": [subsection(1, leb(MANY) + b"\x7f\1a" * MANY)],
    "empty names": [subsection(1, leb(MANY) + b"\0\0" * MANY)],
    "names that are no text": [subsection(1, b"\1\0\1\xff") * MANY],
    "sections": [subsection(1, name_map({0: b"a"}))] * 20_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_backtrace_asks_for_has_its_limit(what: str) -> None:
    info = module(*HOSTILE[what])
    assert lines_of(lambda: (info.module_name, info.function_names, info.linked_names)) < MOST_LINES
    assert set(info.function_names) <= {0}


def test_all_names_of_a_module_are_read() -> None:
    first = dict.fromkeys(range(FUNCTIONS), b"first")
    info = module(
        subsection(0, leb(1) + b"m") + subsection(1, name_map(first)),
        subsection(1, name_map([(FUNCTIONS + 5, b"none"), (7, b"x"), (3, b"y"), (7, b"seven")])),
    )
    assert info.module_name == "m"
    assert info.function_names == dict.fromkeys(range(FUNCTIONS), "first") | {7: "seven", 3: "y"}
    every = name_map(dict.fromkeys(range(2 * FUNCTIONS + STRETCH), b"n"))
    assert len(module(subsection(1, every)).function_names) == FUNCTIONS
    assert module(bytes((9, 0)) * (MOST_SUBSECTIONS - 1) + subsection(0, b"\1m")).module_name == "m"
    assert module(bytes((9, 0)) * MOST_SUBSECTIONS + subsection(0, b"\1m")).module_name is None


def test_a_timeout_does_not_wait_for_names() -> None:
    """The exception that ends a call gets a note with names: reading a section of megabytes ends soon."""
    from wasmer_runtime_core.compile_module import compile_with
    from wasmer_runtime_core.compiling.registry import find_compiler
    from wasmer_runtime_core.wasm.text.parser import parse_module

    pytest.importorskip("wasmer_singlepass_backend")
    binary = parse_module('(module (func (export "loop") (loop (br 0))))')
    names = subsection(1, leb(MANY) + b"\0\1a" * MANY)
    section = leb(4) + b"name" + names
    compiled = compile_with(binary + b"\0" + leb(len(section)) + section, find_compiler("singlepass"))
    loop = compiled.instantiate().exports.loop

    def call() -> None:
        with pytest.raises(Timeout):
            loop(timeout=0.01)

    lines_of(call)
