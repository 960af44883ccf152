"""A mistake that is found in a text after it was translated has the line and the column of what it was in the text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wasmer_runtime_core.compiling.pipeline import Compilation, located, run, validate_and_report_errors
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Error, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.locating import locate

MISTAKES = [
    "(func $f (result i32) i64.const 3 drop i32.const 4 ^i64.add)",
    '(func (export "f") (result i32) (^i64.add (i32.const 1) (i64.const 2)))',
    "(func $f (result i32) i64.const 3^)",
    "(func (result i32) (^block (result i32) (i64.const 3)))",
    "(func (param i32) (^if (local.get 0) (then (i32.const 3))))",
    "(func (param i32) local.get 0 if i32.const 3 ^end)",
    "(func (param i32) local.get 0 if (result i32) i32.const 3 else i64.const 3 ^end drop)",
    "(func) (func (local i64 f32) (drop (^i32.eqz (local.get 0)))) (func)",
    "^(global i32 (i64.const 3))",
    "^(memory 5 2)",
    '(func) (export "a" (func 0)) (func) ^(export "a" (func 0))',
    "(func (param i32)) ^(start 0)",
    '(memory 1) ^(data (i64.const 0) "")',
    '(type (func)) (import "a" "b" (func)) ^(import "a" "m" (memory 3 2))',
    "(table 1 funcref) ^(elem (i64.const 0) func)",
    '(func) ^(func (export "a")) (func (export "b")) (export "c" (func 0)) (export "a" (func 0))',
    "^(table 5 2 funcref)",
]
"""`^` stands before what the error is to point at; where the second of two equal exports is wrong, the field is its."""


def position(marked: str) -> tuple[str, int, int]:
    """A text without its mark, and where that was."""
    before = marked[: marked.index("^")]
    lines = before.split("\n")
    return marked.replace("^", "", 1), len(lines), len(lines[-1]) + 1


@pytest.mark.parametrize("form", ["{}", "(module {})", "(module $m {})", "(module (;\n;) (@x y)\n  {})"])
@pytest.mark.parametrize("fields", [each for each in MISTAKES if '"c"' not in each])
def test_line_and_column(form: str, fields: str) -> None:
    text, line, column = position(form.format(fields.replace(") ", ")\n ")))
    with pytest.raises(ValidationError) as failure:
        validate_and_report_errors(text)
    error = failure.value
    assert (error.line, error.column) == (line, column), str(error)
    assert str(error).endswith(f"at line {line}, column {column})")
    with pytest.raises(ValidationError, match=f"at byte {error.offset:#x}"):
        validate_and_report_errors(parse_module(text))


def test_every_form_of_text(tmp_path: Path) -> None:
    text = "(module\n  (func $twice (result i32)\n    i64.const 1))"
    path = tmp_path / "m.wat"
    path.write_text(text)
    for source in (text, text.encode(), bytearray(text.encode()), path):
        with pytest.raises(ValidationError, match=r"\(in function 0 named twice, at line 3, column 16\)$"):
            validate_and_report_errors(source)


def test_what_cannot_be_read_again_has_its_byte(tmp_path: Path) -> None:
    """A pipe has been read; a file may be another by now."""
    text = b"(module (func $twice (result i32) i64.const 1))"
    reading, writing = os.pipe()
    with open(reading, "rb"), open(writing, "wb") as pipe:
        pipe.write(text)
        pipe.close()
        with pytest.raises(ValidationError, match="named twice, at byte"):
            validate_and_report_errors(Path(f"/dev/fd/{reading}"))
    path = tmp_path / "m.wat"
    path.write_bytes(text.replace(b"twice", b"other"))
    binary = parse_module(text)
    error = ValidationError("x", binary.index(b"\x42"), 0)
    assert located(error, path, binary).line is None
    assert located(error, text, binary).line == 1


def test_features_that_are_switched_off_too() -> None:
    text, line, column = position("(module (func $f\n  (drop (^i32.extend8_s (i32.const 1)))))")
    with pytest.raises(UnsupportedFeatureError) as failure:
        run(Compilation(text, config=CompilerConfig(features={"sign_extension": False})), until="validate")
    assert (failure.value.line, failure.value.column) == (line, column)


def test_every_byte_of_a_module_is_somewhere() -> None:
    """Whatever offset is asked for, the answer is a place in the text, or None; within a function it ascends."""
    text = (
        '(module (type (func)) (import "a" "b" (func)) (table 1 funcref) (memory 1) (global i32 (i32.const 1))\n'
        '(export "m" (memory 0)) (start 0) (elem (i32.const 0) func 0)\n'
        "(func $f (param i32) (local i64 i64) (block (br_if 0 (local.get 0))\n (if (local.get 0)"
        ' (then nop) (else (drop (i32.add (i32.const 1) (i32.const 2)))))) i32.const 5 drop)\n(data "abc"))'
    )
    binary = parse_module(text)
    decoded = decode_module(binary)
    lines = text.split("\n")
    found = [locate(text, decoded, offset) for offset in range(len(binary) + 2)]
    for place in found:
        assert place is None or place[1] <= len(lines[place[0] - 1])
    start, end = decoded.code[0]
    assert {place and place[0] for place in found[start:end]} == {3, 4}
    assert found[0] is None


def test_errors_of_large_texts_do_not_cost_their_square() -> None:
    body = "(drop (i32.const 1))\n" * 20_000
    with pytest.raises(Error, match="at line 20002, column 2"):
        validate_and_report_errors(f"(module (func\n{body}(i64.eqz (i32.const 1))))")
