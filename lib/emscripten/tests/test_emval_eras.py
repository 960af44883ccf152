"""Calls of JavaScript's values as they were imported between 2023 and 2025: a method by a caller of a function."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from worlds import put_text, world

import wasmer_emscripten.embind.provided  # noqa: F401
from wasmer_emscripten import Program
from wasmer_emscripten.embind.emval import CAST, FUNCTION, METHOD
from wasmer_emscripten.embind.registry import registry_of
from wasmer_emscripten.functions import ROWS, known

VALUE, TYPES, NAME, ARGUMENTS, DONE = 5000, 4096, 4200, 4300, 4400


def row(program: Program, name: str, type: str, *args: Any) -> Any:
    found = next(each for each in ROWS[name] if f"{each.params}->{each.result}" == type)
    return found.function(program.process, *args)


@pytest.mark.parametrize("kind", [FUNCTION, METHOD])
def test_a_method_is_called_whatever_its_caller_was_registered_as(kind: int) -> None:
    program = world()
    registry = registry_of(program.process)
    row(program, "_embind_register_emval", "i?i->", VALUE)
    program.process.guest.write(TYPES, struct.pack("<II", VALUE, VALUE))
    caller = row(program, "_emval_get_method_caller", "iii->i", 2, TYPES, kind)
    array: list[int] = [1, 2]
    handles = [registry.handles.add(each) for each in (array, 7)]
    put_text(program, NAME, "push")
    program.process.guest.write(ARGUMENTS, struct.pack("<II", handles[1], 0))
    answer = row(program, "_emval_call_method", "iiiii->d", caller, handles[0], NAME, DONE, ARGUMENTS)
    assert array == [1, 2, 7]
    assert registry.handles.value(int(answer)) == 3  # how many there are now


def test_a_function_is_called_by_what_it_was_registered_as() -> None:
    program = world()
    registry = registry_of(program.process)
    row(program, "_embind_register_emval", "i?i->", VALUE)
    program.process.guest.write(TYPES, struct.pack("<II", VALUE, VALUE))
    twice = registry.handles.add(lambda value: value * 2)
    for name, kind, args in (
        ("_emval_invoke", FUNCTION, (twice, 0)), ("_emval_invoke", CAST, (0, 0)), ("_emval_call", FUNCTION, (twice,)),
    ):  # fmt: skip
        program.process.guest.write(ARGUMENTS, struct.pack("<II", registry.handles.add(21), 0))  # which the call takes
        caller = row(program, "_emval_create_invoker", "iii->i", 2, TYPES, kind)
        type = "iiii->d" if name == "_emval_call" else "iiiii->d"
        answer = row(program, name, type, caller, *args, DONE, ARGUMENTS)
        assert registry.handles.value(int(answer)) == (21 if kind == CAST else 42)


def test_both_are_here() -> None:
    assert known("_emval_call_method") == known("_emval_invoke") == ["iiiii->d"]
