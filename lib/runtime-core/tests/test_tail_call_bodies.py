"""Tail calls up to the body: what is valid, what is written, what the verifier and the editor make of it."""

from __future__ import annotations

import pytest

from wasmer_runtime_core.compiling.middleware.editor import BodyEditor, MiddlewareError
from wasmer_runtime_core.errors import ValidationError
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.text import format_body
from wasmer_runtime_core.wasm.body.verifier import verify_body
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.validation.validate import validate_module

TEXT = """(module
  (type $t (func (param i32) (result i64)))
  (table 1 funcref)
  (func $f (type $t) (i32.const 9) (return_call $g (local.get 0)) (drop) (i64.const 5))
  (func $g (type $t)
    (if (local.get 0) (then (return_call_indirect (type $t) (local.get 0) (i32.const 0))))
    (i64.const 7)))"""


def bodies_of(text: str) -> tuple[ModuleInfo, list[Body]]:
    decoded = decode_module(parse_module(text))
    return decoded.info, validate_module(decoded)


def operators(body: Body) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in format_body(body).splitlines() if line.strip().startswith("0x")]


def test_nothing_is_written_behind_a_tail_call() -> None:
    info, bodies = bodies_of(TEXT)
    assert operators(bodies[0]) == ["i32.const 9", "local.get 0 i32", "return_call 1 type 0", "end @0 unreached"]
    assert "return_call_indirect type 0 table 0" in operators(bodies[1])
    for body in bodies:
        assert verify_body(info, body) == []
        assert (body.calls, body.call_weight) == (0, 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "(result i32) (return_call $long)",
            r"return_call of a function that returns \[i64\], in one that returns \[i32\]",
        ),
        ("(return_call $long)", r"in one that returns \[\]"),
        ("(result i64) (return_call $takes)", r"return_call needs \[f32\], the stack holds \[\]"),
        ("(result i64) (return_call 9)", "unknown function 9"),
        ("(result i64) (return_call_indirect $objects (type $l) (i32.const 0))", "which holds no functions"),
        ("(result i64) (return_call_indirect (type $l) (i64.const 0))", "return_call_indirect needs"),
        (
            "(result i32) (return_call_indirect (type $l) (i32.const 0))",
            "return_call_indirect of a function that returns",
        ),
        ("(result i64) (return_call_indirect 9 (type $l) (i32.const 0))", "unknown table 9"),
    ],
)
def test_what_is_not_valid(body: str, message: str) -> None:
    text = f"""(module (type $l (func (result i64))) (table 1 funcref) (table $objects 1 externref)
      (func $long (type $l) (i64.const 1)) (func $takes (param f32) (result i64) (i64.const 1))
      (func {body}))"""
    with pytest.raises(ValidationError, match=message):
        bodies_of(text)


def test_the_verifier_sees_another_type() -> None:
    info, (first, _) = bodies_of(TEXT.replace("(module", "(module (type $other (func (param i32) (result f64)))"))
    records = bytearray(first.records)
    records[2 * 16 + 8] = 0  # word b of the tail call: its type
    first.records = bytes(records)
    findings = verify_body(info, first)
    assert any("type of function 1" in finding for finding in findings)
    assert any("results of the callee" in finding for finding in findings)


def test_middlewares_write_tail_calls() -> None:
    info, bodies = bodies_of(TEXT)
    editor = BodyEditor(info, bodies[1])
    for record in editor:
        if record.mnemonic == "return_call_indirect":
            editor.emit("drop", type="i32")
            editor.emit("return_call", 0)
            editor.emit("unreachable")
        else:
            editor.copy(record)
    edited = editor.finish()
    assert verify_body(info, edited) == []
    assert "return_call 0 type 0" in operators(edited) and "unreachable" not in operators(edited)
    editor = BodyEditor(info, bodies[1])
    editor.emit("return_call", 0)
    editor.end(0)
    with pytest.raises(MiddlewareError, match="an operand is missing"):
        editor.finish()
