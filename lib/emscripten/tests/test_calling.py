"""Calls from Python: exports, texts, types, pointers to functions, JavaScript, and ends that are no exit."""

from __future__ import annotations

import gc
import struct
import weakref
from pathlib import Path
from typing import Any

import pytest
from worlds import fixture, world

from wasmer_emscripten import CAPTURE, Aborted, ExitCode, NotSupported, Program, load
from wasmer_runtime_core.errors import ExportNotFound, GrowError, LinkError, Timeout, Trap

ASM = {
    "return $0 * $1;": lambda a, b: a * b,
    "{ return $0 - $1; }": lambda a, b: a - b,
}


def library(**options: Any) -> Program:
    given: dict[str, Any] = {"stdout": CAPTURE, "stderr": CAPTURE} | options
    return load(fixture("library"), **given)


def test_exports_are_attributes() -> None:
    program = library()
    assert program.half(3.0) == 1.5
    assert program.exports.half(3.0) == 1.5
    with pytest.raises(ExportNotFound, match="nothing_of_the_kind"):
        _ = program.nothing_of_the_kind
    with pytest.raises(ExportNotFound, match="main"):
        program.main()


def test_texts() -> None:
    program = library()
    assert program.cwrap("length", int, [str])("häuser") == 7
    greet = program.cwrap("greet", str, [str, int])
    assert greet("you", 3) == "hello you, 3 times"
    before = program.links.stack_save()
    for _ in range(2000):
        greet("x" * 100, 1)
    assert program.links.stack_save() == before
    assert program.ccall("length", int, [bytes], b"abc") == 3
    assert program.cwrap("greet", bytes, [str, int])(None, 1).startswith(b"hello ")
    pointer = program.new_string("kept")
    assert program.string(pointer) == "kept" and program.length(pointer) == 4
    program.free(pointer)
    with program.stack() as stack:
        assert program.string(program.greet(stack.string("stack"), 2)) == "hello stack, 2 times"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda p: p.cwrap("length", int, [list]), TypeError, "a type is int, float, bool, str, bytes or None"),
        (lambda p: p.cwrap("length", int, []), TypeError, "takes 1 arguments, and 0 types"),
        (lambda p: p.cwrap("length", int, [str])(), TypeError, "takes 1 arguments, and 0 were given"),
        (lambda p: p.cwrap("length", int, [str])(3), TypeError, "a text is needed"),
        (lambda p: p.cwrap("half", str, [float]), TypeError, "what it returns is no text"),
        (lambda p: p.cwrap("missing", int, []), ExportNotFound, "missing"),
        (lambda p: p.add_function(len, "q"), ValueError, "'q' is no signature"),
        (lambda p: p.add_function(len, "viq"), ValueError, "'viq' is no signature"),
        (lambda p: p.remove_function(3), ValueError, "3 is no pointer that add_function has made"),
        (lambda p: p.string(-5), IndexError, "outside of the memory"),
    ],
)
def test_wrong_calls(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(library())


def test_numbers() -> None:
    program = library()
    assert program.wide(1 << 40) == 3 << 40
    assert program.cwrap("several", str, [int, int, float])(1, -(1 << 50), 0.5) == f"1 {-(1 << 50)} 0.500 end"
    with program.stack() as stack:
        at = stack.allocate(20)
        program.process.guest.write(at, struct.pack("<5i", 5, -1, 3, 0, 2))
        program.sort(at, 5)
        assert struct.unpack("<5i", program.memory.read(at, 20)) == (-1, 0, 2, 3, 5)


def test_pointers_to_python_functions() -> None:
    program = library()
    triple = program.add_function(lambda value: value * 3, "ii")
    assert program.call(triple, 14) == 42
    program.remove_function(triple)
    again = program.add_function(lambda value: value + 1, "ii")
    assert again == triple and program.call(again, 1) == 2
    with pytest.raises(KeyError, match="mine"):
        program.call(program.add_function(lambda value: {}["mine"], "ii"), 1)


def test_a_table_that_cannot_grow() -> None:
    program = world()
    for _ in range(8):
        program.add_function(lambda: None, "v")
    with pytest.raises(GrowError):
        program.add_function(lambda: None, "v")


def test_javascript_is_a_python_function(tmp_path: Path) -> None:
    program = library(functions={"add_in_javascript": lambda a, b: a + b}, asm=ASM)
    assert program.both(2, 3) == 5
    assert program.asm_int(6, 7) == 42
    assert program.asm_double(1.5, 1) == 0.5


def test_javascript_that_nobody_gave_is_shown() -> None:
    program = library()
    with pytest.raises(NotSupported, match="add_in_javascript") as caught:
        program.both(1, 2)
    assert caught.value.name == "env.add_in_javascript" and "functions=" in caught.value.remedy
    with pytest.raises(NotSupported, match="EM_ASM code"):
        program.asm_int(1, 2)


def test_javascript_by_its_number_or_by_the_glues_text(tmp_path: Path) -> None:
    with pytest.raises(NotSupported) as caught:
        library().asm_int(1, 2)
    number = int(caught.value.name.removeprefix("EM_ASM code "))
    assert library(asm={number: lambda a, b: a * b}).asm_int(3, 4) == 12
    glue = tmp_path / "library.js"
    glue.write_text(
        f"var ASM_CONSTS = {{\n  {number}: function($0, $1) {{ return $0 * $1; }},\n  1: ($0) => {{ x({{}}) }}\n}};\n"
    )
    assert library(asm={"return $0*$1": lambda a, b: a * b}, glue=glue).asm_int(3, 4) == 12
    with pytest.raises(NotSupported, match=r"return \$0 \* \$1"):
        library(glue=glue).asm_int(1, 2)
    with pytest.raises(TypeError, match="a function is needed"):
        library(asm={"x": 3})


def test_aborts() -> None:
    program = library()
    with pytest.raises(Aborted, match=r"abort\(\)"):
        program.stop()
    program.check(1)
    with pytest.raises(Aborted, match=r"Assertion failed: value == 1, at: library.c, \d+, check"):
        program.check(2)
    assert program.half(1.0) == 0.5  # it goes on
    with pytest.raises(NotSupported, match="a program cannot start others"):
        program.start_another()
    with pytest.raises(ExitCode) as caught:
        program.leave(7)
    assert caught.value.code == 7


def test_a_program_sleeps_as_long_as_it_may() -> None:
    program = library()
    program.rest(1)
    with pytest.raises(Timeout):
        program.rest(1_000_000, timeout=0.02)


def test_a_trap_is_a_trap() -> None:
    program = world(more='(func (export "fall") unreachable)')
    with pytest.raises(Trap):
        program.fall()


def test_a_module_of_another_kind_is_refused_by_the_linker() -> None:
    with pytest.raises(LinkError, match="__memory_base"):
        load('(module (import "env" "__memory_base" (global i32)) (import "env" "_abort_js" (func)))')


def test_what_is_dropped_is_freed_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        program = library()
        program.half(1.0)
        program.greet(0, 1)
        watched = weakref.ref(program.instance), weakref.ref(program.process)
        del program
        assert [each() for each in watched] == [None, None]
    finally:
        gc.enable()


def test_a_closed_program_gives_its_memory_back() -> None:
    with library() as program:
        program.half(1.0)
    with pytest.raises(ValueError, match="closed"):
        program.half(1.0)


WRITES = """
  (func (export "divide") (param i32 i32 i32 i32) (result i32)
    (if (i32.eqz (local.get 1)) (then (return (i32.const -1))))
    (i32.store (local.get 2) (i32.div_s (local.get 0) (local.get 1)))
    (i32.store (local.get 3) (i32.rem_s (local.get 0) (local.get 1)))
    (i32.const 0))
  (func (export "deep") (param i32 i32))
"""


def test_integers_that_c_writes() -> None:
    program = world("", WRITES)
    divide = program.cwrap("divide", int, [int, int, [int], [int]])
    before = program.links.stack_save()
    assert divide(-17, 5) == (0, -3, -2)
    assert divide(17, 0) == (-1, 0, 0)  # nothing is written
    assert program.ccall("deep", None, [[int], str], "text") == (None, 0)
    assert program.links.stack_save() == before
    for wrong in [(17,), (17, 5, 0), ()]:
        with pytest.raises(TypeError, match="divide\\(\\) takes 2 arguments"):
            divide(*wrong)
    for types in [(int, [[str], int, int, int]), (int, [[], int, int, int]), ([int], [int, int, int, int])]:
        with pytest.raises(TypeError, match="a type is int"):
            program.cwrap("divide", *types)
