"""What goes through the frames of a program, who catches it, and what passes."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import fixture, world

from wasmer_emscripten import CAPTURE, Aborted, CppException, ExitCode, LongJump, load
from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.library.jumps import invoke
from wasmer_emscripten.library.type_names import demangled
from wasmer_emscripten.signatures import type_of
from wasmer_runtime_core.errors import Timeout, Trap

INVOKING = """
  (func (export "try") (param i32) (result i32) (call $invoke (local.get 0) (i32.const 5)))
"""
IMPORTS = """
  (import "env" "invoke_ii" (func $invoke (param i32 i32) (result i32)))
  (import "env" "invoke_vi" (func (param i32 i32)))
"""


def exceptions(**options: Any) -> Any:
    return load(fixture("exceptions"), stdout=CAPTURE, **options)


@pytest.mark.parametrize(
    ("kind", "type"),
    [
        (0, "int"),
        (1, "std::runtime_error"),
        (2, "Derived"),
        (3, "char const*"),
        (4, "std::out_of_range"),
        (5, "double"),
    ],
)
def test_an_exception_that_leaves_the_program(kind: int, type: str) -> None:
    program = exceptions()
    with pytest.raises(CppException) as caught:
        program.throw_out(kind)
    assert caught.value.type == type and str(caught.value) == type
    program.throw_out(9)
    assert program.churn(3) == 3  # it goes on


THROWING = """
  (data (i32.const 4096) "\\00\\00\\00\\00\\10\\10\\00\\00")
  (data (i32.const 4112) "St13runtime_error\\00")
  (data (i32.const 4160) "what it says\\00")
  (func (export "fail") (call $throw (i32.const 8192) (i32.const 4096) (i32.const 0)))
  (func (export "__get_exception_message") (param i32 i32 i32) {body})
"""
TELLS = "(i32.store (local.get 1) (i32.const 4112)) (i32.store (local.get 2) (i32.const {message}))"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (TELLS.format(message=4160), "what it says"),
        (TELLS.format(message=0), ""),
        (TELLS.format(message=-8), "(unreadable text at 0xfffffff8)"),
        ("", ""),
    ],
)
def test_the_message_of_an_exception(body: str, message: str) -> None:
    program = world(
        '(import "env" "__cxa_throw" (func $throw (param i32 i32 i32)))', THROWING.format(body=body), pages=64
    )
    with pytest.raises(CppException) as caught:
        program.fail()
    assert (caught.value.type, caught.value.message) == ("std::runtime_error", message)
    assert str(caught.value) == ": ".join(filter(None, ("std::runtime_error", message)))


def test_exceptions_leave_nothing_behind() -> None:
    program = exceptions()
    before = program.links.stack_save()
    program.churn(10)
    pages = program.memory.size
    program.churn(2000)
    assert program.memory.size == pages
    assert program.links.stack_save() == before
    assert program.process.exceptions.caught == [] and program.process.exceptions.uncaught == 0


@pytest.mark.parametrize("kind", [1, 2])
def test_an_exception_that_python_has_is_not_on_its_way(kind: int) -> None:
    program = exceptions()
    for _ in range(3):
        with pytest.raises(CppException):
            program.throw_out(kind)
        assert program.uncaught() == 0


def test_an_exception_that_python_raises_again_is_on_its_way_again() -> None:
    program = world(
        '(import "env" "__cxa_throw" (func $throw (param i32 i32 i32)))', THROWING.format(body=""), pages=64
    )
    exceptions = program.process.exceptions
    with pytest.raises(CppException) as caught:
        program.fail()
    assert (exceptions.uncaught, caught.value.is_outside) == (0, True)

    def again(value: int) -> None:
        raise caught.value

    calling = invoke(program.process, type_of("ii->"), "invoke_vi")
    calling(program.add_function(again, "vi"), 1)
    assert (exceptions.uncaught, caught.value.is_outside) == (1, False)


def test_many_jumps() -> None:
    program = load(fixture("jumps"), stdout=CAPTURE)
    assert program.main() == 4
    assert b"many 100" in program.stdout_bytes()


class Marker(Exception):
    """What only the test raises."""


@pytest.mark.parametrize("raised", [Marker(), ExitCode(3), Timeout("now"), KeyboardInterrupt(), Aborted("no")])
def test_an_invoke_catches_nothing_else(raised: BaseException) -> None:
    program = world(IMPORTS, INVOKING)

    def fail(value: int) -> int:
        raise raised

    pointer = program.add_function(fail, "ii")
    with pytest.raises(type(raised)) as caught:
        program.exports["try"](pointer)
    assert caught.value is raised and program.exports["threw"].value == 0


def test_an_invoke_catches_what_its_own_program_throws() -> None:
    first, second = world(IMPORTS, INVOKING), world(IMPORTS, INVOKING)

    def throw(value: int) -> int:
        raise LongJump(first.process)

    assert first.exports["try"](first.add_function(throw, "ii")) == 0
    assert first.exports["threw"].value == 1
    with pytest.raises(LongJump):
        second.exports["try"](second.add_function(throw, "ii"))
    assert second.exports["threw"].value == 0


def test_an_invoke_puts_the_stack_pointer_back() -> None:
    program = world(IMPORTS, INVOKING)
    before = program.links.stack_save()

    def throw(value: int) -> int:
        program.exports.stackAlloc(400)
        raise CppException(program.process, 0)

    assert program.exports["try"](program.add_function(throw, "ii")) == 0
    assert program.links.stack_save() == before


@pytest.mark.parametrize("index", [0, 7, 8, 1 << 20, -1, -(1 << 31), (1 << 31) - 1])
def test_an_invoke_of_nothing(index: int) -> None:
    with pytest.raises(WrongArgument, match="leads nowhere"):
        world(IMPORTS, INVOKING).exports["try"](index)


def test_an_invoke_of_another_type() -> None:
    with pytest.raises(WrongArgument, match=r"of type \[i32, i32\] -> \[\] through a pointer, as one of type \[i32\]"):
        world(IMPORTS, INVOKING).exports["try"](3)


def test_invokes_within_each_other_end_as_calls_do() -> None:
    program = world(IMPORTS, INVOKING)
    again = program.exports["try"]
    pointer = program.add_function(lambda value: again(pointer), "ii")
    with pytest.raises((RecursionError, Trap)):
        again(pointer)
    assert program.exports["try"](4) == 6


def test_names_of_types() -> None:
    for mangled, written in [
        ("i", "int"),
        ("St13runtime_error", "std::runtime_error"),
        ("N3one3two5threeE", "one::two::three"),
        ("NSt3__112system_errorE", "std::__1::system_error"),
        ("4Base", "Base"),
        ("", ""),
        ("99999999999999", "99999999999999"),
        ("St", "std"),
        ("N4BaseIiEE", "N4BaseIiEE"),
        ("²", "²"),
        ("1²", "²"),
        ("٣abc", "٣abc"),
    ]:
        assert demangled(mangled) == written, mangled
