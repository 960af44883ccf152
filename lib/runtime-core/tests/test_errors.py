"""The exceptions: Wasmer's texts, Python's classes, and that all of them pickle."""

from __future__ import annotations

import builtins
import inspect
import pickle
import re
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from wasmer_runtime_core import errors
from wasmer_runtime_core.errors import (
    DecodeError,
    ExitCode,
    ExportNotFound,
    ExportWrongType,
    FaultError,
    Frame,
    GenericLinkError,
    ImplementationLimitError,
    ImportNotFound,
    IncorrectGlobalDescriptor,
    IncorrectImportSignature,
    IncorrectImportType,
    IncorrectMemoryDescriptor,
    IncorrectTableDescriptor,
    InternalError,
    LinkError,
    PageError,
    SignatureError,
    Trap,
    UserError,
    ValidationError,
    backtrace_lines,
)

ITEMS = [
    ImportNotFound("env", "f", "function [i32] -> []"),
    IncorrectImportType("env", "f", "function", "memory"),
    IncorrectImportSignature("env", "f", "[i32] -> []", "[] -> []"),
    IncorrectMemoryDescriptor("env", "m", "{min: 2}", "{min: 1}"),
    IncorrectTableDescriptor("env", "t", "{funcref, min: 2}", "{funcref, min: 1}"),
    IncorrectGlobalDescriptor("env", "g", "{i32}", "{mut i32}"),
    GenericLinkError("something else"),
]

EXAMPLES: list[errors.Error] = [
    DecodeError("unexpected end", 12),
    DecodeError("unknown operator", None, 3, 14),
    ValidationError("type mismatch", 31, 2),
    ImplementationLimitError("locals", "locals of a function", 50_001, 50_000, 31, 2),
    InternalError("lost"),
    FaultError("signal 4 {"),
    LinkError(ITEMS, "do something"),
    SignatureError("[i32] -> []", "(str)", "f"),
    ExportNotFound("x", ["a", "b"]),
    ExportWrongType("x", "function", "memory"),
    Trap("unreachable", "UNREACHABLE", "Unreachable", [Frame(3, "f", 40)]),
    UserError({"reason": 1}),
    ExitCode(7),
    PageError(65536, 1),
]


def test_positions_stand_behind_the_reason() -> None:
    assert str(DecodeError("unexpected end", 12)) == "unexpected end (at byte 0xc)"
    assert str(DecodeError("unknown operator", None, 3, 14)) == "unknown operator (at line 3, column 14)"
    assert str(DecodeError("cannot say where")) == "cannot say where"
    assert (
        str(ValidationError("type mismatch", 31, 2)) == 'Validation error "type mismatch" (in function 2, at byte 0x1f)'
    )
    assert str(InternalError("lost")) == 'Internal compiler error: "lost"'


def test_link_error_items_speak_as_wasmer_does() -> None:
    assert str(ITEMS[0]).startswith("Import not found, namespace: env, name: f")
    assert str(ITEMS[1]) == (
        "Incorrect import type, namespace: env, name: f, expected type: function, found type: memory"
    )
    assert str(ITEMS[2]) == (
        "Incorrect import signature, namespace: env, name: f, "
        "expected signature: [i32] -> [], found signature: [] -> []"
    )
    assert "expected memory descriptor: {min: 2}, found memory descriptor: {min: 1}" in str(ITEMS[3])
    assert "expected table descriptor: {funcref, min: 2}" in str(ITEMS[4])
    assert "found global descriptor: {mut i32}" in str(ITEMS[5])
    assert str(ITEMS[6]) == "something else"


def test_a_link_error_lists_everything() -> None:
    assert str(LinkError(ITEMS[6:])) == "link error: something else"
    text = str(LinkError(ITEMS))
    assert text.startswith("7 link errors:\n  (1 of 7) Import not found")
    assert text.endswith("\n  (7 of 7) something else")
    assert str(LinkError(ITEMS[6:], "do this")).endswith("\ndo this")


def test_link_errors_of_a_namespace_stand_together() -> None:
    items = [ImportNotFound(namespace, name, "function [] -> []") for namespace, name in ("ax", "by", "az")]
    lines = str(LinkError(items)).splitlines()[1:]
    assert [line.split(", ")[2][:7] for line in lines] == ["name: x", "name: z", "name: y"]
    assert [item.name for item in LinkError(items).errors] == ["x", "y", "z"]


def test_link_error_items_know_the_words_of_the_specification() -> None:
    assert ITEMS[0].specification == "unknown import"
    assert {item.specification for item in ITEMS[1:]} == {"incompatible import type"}


def test_frames_that_are_alike_are_counted() -> None:
    first, one, other, last = (Frame(index, "", 40 + index) for index in range(4))
    assert backtrace_lines([one] * 3) == [f"  {at}: {one}" for at in range(3)]
    assert backtrace_lines([first, *[one] * 62, last]) == [
        *(f"  {at}: {frame}" for at, frame in enumerate([first, one, one, one])),
        "  … 59 more like it",
        f"  63: {last}",
    ]
    rounds = backtrace_lines([one, other] * 10 + [one])
    assert rounds[5:] == [f"  5: {other}", "  … 7 more rounds of these 2", f"  20: {one}"]
    assert len(backtrace_lines([Frame(index, "", 1) for index in range(64)])) == 64


def test_python_words_for_the_same_failures() -> None:
    assert issubclass(ExportNotFound, KeyError) and issubclass(ExportNotFound, AttributeError)
    assert issubclass(SignatureError, TypeError)
    assert issubclass(errors.RuntimeError, builtins.RuntimeError)
    assert errors.WasmRuntimeError is errors.RuntimeError
    assert issubclass(errors.BackendError, errors.CompileError)
    assert not issubclass(LinkError, errors.CallError)


def test_a_bug_of_ours_is_taken_for_nothing_else() -> None:
    """Who handles what a module may do wrong (it does not compile, it traps) does not handle our bugs by the way."""
    assert InternalError.__bases__ == (errors.Error,)
    assert issubclass(FaultError, InternalError) and not issubclass(FaultError, builtins.RuntimeError)
    assert str(FaultError("signal 4 {")) == "Internal error, compiled code faulted: signal 4 {"


def test_the_c_part_raises_classes_that_exist() -> None:
    """`raise_error` looks them up by name, when it is too late for a mistake."""
    native = Path(__file__).resolve().parents[1] / "src" / "wasmer_runtime_core" / "native"
    named = {name for file in native.rglob("*.c") for name in re.findall(r'raise_error\("(\w+)"', file.read_text())}
    assert "RuntimeError" in named
    for name in named:
        assert issubclass(getattr(errors, name), errors.Error), name


def test_missing_exports_name_what_there_is() -> None:
    assert str(ExportNotFound("x")) == "Export not found: x"
    assert str(ExportNotFound("x", ["a", "b"])) == "Export not found: x (there is: a, b)"
    assert str(ExportNotFound("x", list("abcdefghij"))).endswith("g, h, …)")
    assert "expected a function, found a memory" in str(ExportWrongType("x", "function", "memory"))


def test_traps() -> None:
    trap = Trap("integer divide by zero", "INTEGER_DIVIDE_BY_ZERO", "IllegalArithmetic", [Frame(3, "f", 40, "m")])
    assert str(trap).startswith("WebAssembly trap occurred during runtime: integer divide by zero")
    assert trap.message == "integer divide by zero"
    assert str(trap.frames[0]) == "m!f (function 3, at byte 0x28)"
    assert trap.__notes__ == ["wasm backtrace:\n  0: m!f (function 3, at byte 0x28)"]
    trap.add_note("while testing")
    assert trap.__notes__[1:] == ["while testing"]
    shown = "".join(traceback.format_exception(trap))
    assert "  0: m!f (function 3, at byte 0x28)\nwhile testing" in shown
    assert str(Frame(3, "", 40)) == "function[3] (function 3, at byte 0x28)"


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_pickles(error: errors.Error) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_every_class_is_an_error_and_is_documented() -> None:
    classes: list[Any] = [value for value in vars(errors).values() if inspect.isclass(value)]
    exceptions = [value for value in classes if issubclass(value, BaseException)]
    assert len(exceptions) > 20
    for value in exceptions:
        assert issubclass(value, errors.Error)
        assert value.__doc__


def test_of_very_many_link_errors_the_first_are_listed() -> None:
    items = [errors.ImportNotFound("env", f"f{number}", "function [] -> []") for number in range(1000)]
    error = LinkError(items)
    assert len(error.errors) == 1000
    assert "(100 of 1000)" in str(error)
    assert str(error).endswith("name: f99 (expected function [] -> [])\n  … and 900 more")


def test_a_name_as_long_as_a_module_does_not_fill_every_line_of_a_backtrace() -> None:
    frame = errors.Frame(3, "n" * 1_000_000, 0x1F, "m" * 1_000_000, "s" * 1_000_000)
    assert len(str(frame)) < 4000
    assert len(frame.function_name) == 1_000_000


def test_a_trap_that_is_raised_again_and_again_keeps_a_part_of_its_ways() -> None:
    trap = errors.Trap("unreachable executed", "UNREACHABLE")
    for _ in range(1000):
        trap.add_frames(lambda: (errors.Frame(1, "f", 2),))
        assert trap.frames
    assert len(trap.frames) == errors.MOST_ENTRIES


def test_frames_are_lost_by_nobody_who_asks_meanwhile() -> None:
    """Names are looked up when they are asked for: by several threads at once, or by a handler that then raises."""
    trap = errors.Trap("unreachable executed", "UNREACHABLE")
    asked = []

    def look_up(at: int) -> tuple[errors.Frame, ...]:
        if at not in asked:
            asked.append(at)
            if at == 3:
                raise KeyboardInterrupt
            assert trap.frames  # as another thread would, between two steps of this one
        return (errors.Frame(at, "f", 2),)

    for at in range(6):
        trap.add_frames(partial(look_up, at))
    for _ in range(6):
        with suppress(KeyboardInterrupt):
            assert trap.frames
    assert [frame.function_index for frame in trap.frames] == list(range(6))
