"""What is valid, what is not, and why; and every module in the specification's scripts."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pending import handler
from refusals import refusal

from wasmer_runtime_core.contract import target as cpu
from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.features import FEATURES, switched_off
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.verifier import verify_body
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.script import Command, read_script
from wasmer_runtime_core.wasm.validation.validate import validate_module

HEADER = b"\0asm\1\0\0\0"


def validate(text: str) -> list[Body]:
    decoded = decode_module(parse_module(text))
    bodies = validate_module(decoded)
    for body in bodies:
        assert verify_body(decoded.info, body) == []
    return bodies


def failure(text: str) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        validate(f"(module {text})")
    return caught.value


# --- declarations ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('(import "m" "f" (func (type 3)))', "unknown type 3"),
        ("(type (func)) (func (type 1))", "unknown type 1"),
        ("(table 2 1 funcref)", "size minimum must not be greater than maximum"),
        ("(memory 2 1)", "size minimum must not be greater than maximum"),
        ("(memory 65537)", "memory size must be at most 65536 pages (4GiB)"),
        ("(memory 0 65537)", "memory size must be at most 65536 pages (4GiB)"),
        ('(import "m" "m" (memory 1)) (memory 65537)', "memory size must be at most 65536 pages (4GiB)"),
        ("(global i32 (i64.const 0))", "type mismatch"),
        ("(global i32)", "type mismatch"),
        ("(global i32 (i32.const 0) (i32.const 0))", "type mismatch"),
        ("(global i32 (i32.and (i32.const 0) (i32.const 0)))", "constant expression required"),
        ("(global i32 (global.get 1)) (global i32 (i32.const 0))", "unknown global 1"),
        ("(global (mut i32) (i32.const 0)) (global i32 (global.get 0))", "constant expression required"),
        ("(table 1 funcref (global.get 0)) (global funcref (ref.null func))", "unknown global 0"),
        ("(table 1 (ref func))", "type mismatch: a table of (ref func) needs an initializer"),
        ("(table 1 (ref func) (ref.null func))", "type mismatch: an initializer of type funcref for (ref func)"),
        ("(type (sub final (func))) (type (sub 0 (func)))", "sub type 1 is below type 0, which is final"),
        ("(type (sub (func))) (type (sub 0 (func (param i32))))", "sub type 1 does not match super type 0"),
        ("(type (sub (struct (field i32)))) (type (sub 0 (struct)))", "sub type 1 does not match super type 0"),
        ("(type (sub (array (mut anyref)))) (type (sub 0 (array (mut eqref))))", "sub type 1 does not match"),
        ("(type (sub 0 (func)))", "unknown type 0: a supertype is defined before its subtypes"),
        ("(rec (type (sub 1 (func))) (type (sub (func))))", "unknown type 1: a supertype"),
        ("(type (sub (func))) (type (sub 0 0 (func)))", "a type has one supertype at most"),
        ("(type (func (param (ref 1)))) (type (func))", "unknown type 1"),
        ("(type (struct)) (func (type 0))", "type mismatch: type 0 is no function type"),
        ('(import "m" "g" (global (mut i32))) (global i32 (global.get 0))', "constant expression required"),
        ("(global i32 (global.get 5))", "unknown global 5"),
        ("(global funcref (ref.func 0))", "unknown function 0"),
        ("(global funcref (ref.null extern))", "type mismatch"),
        ('(export "a" (func 0))', "unknown function 0"),
        ('(export "a" (table 0))', "unknown table 0"),
        ('(export "a" (memory 0))', "unknown memory 0"),
        ('(export "a" (global 0))', "unknown global 0"),
        ('(func (export "a")) (func (export "a"))', "duplicate export name"),
        ("(start 0)", "unknown function 0"),
        ("(func (result i32) unreachable) (start 0)", "start function"),
        ("(func) (elem (i32.const 0) func 0)", "unknown table 0"),
        ("(table 1 externref) (func) (elem (i32.const 0) func 0)", "type mismatch"),
        ("(table 1 funcref) (func) (elem (i64.const 0) func 0)", "type mismatch"),
        ("(elem func 0)", "unknown function 0"),
        ("(elem funcref (ref.null extern))", "type mismatch"),
        ('(data (i32.const 0) "")', "unknown memory 0"),
        ('(memory 1) (data (f32.const 0) "")', "type mismatch"),
        ('(memory 1) (data (nop) "")', "constant expression required"),
    ],
)
def test_invalid_declarations(text: str, reason: str) -> None:
    data = parse_module(text)
    error = refusal(lambda: validate_module(decode_module(data)))
    assert isinstance(error, ValidationError) and error.reason.startswith(reason)
    assert error.function is None
    assert error.offset is not None and error.offset >= 8


def test_the_offset_is_that_of_the_entry() -> None:
    data = parse_module('(module (func (export "a") (export "b") (export "a")))')
    with pytest.raises(ValidationError) as caught:
        validate_module(decode_module(data))
    assert caught.value.offset == data.rindex(b"\1a")


# --- bodies ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("(local.get 3)", "unknown local 3"),
        ("(local.set 200 (i32.const 0))", "unknown local 200"),
        ("(local.tee 3 (i32.const 0)) (drop)", "unknown local 3"),
        ("(br 2)", "unknown label 2"),
        ("(br_table 0 2 0 (i32.const 0))", "unknown label 2"),
        ("(call 9)", "unknown function 9"),
        ("(call_indirect (type 0) (i32.const 0))", "unknown table 0"),
        ("(drop (global.get 0))", "unknown global 0"),
        ("(drop (i32.load (i32.const 0)))", "unknown memory 0"),
        ("(drop (memory.grow (i32.const 0)))", "unknown memory 0"),
        ("(drop (table.size 1))", "unknown table 1"),
        ("(elem.drop 1)", "unknown elem segment 1"),
        ("(drop (ref.func 0))", "undeclared function reference 0"),
        ("(drop)", "type mismatch: drop needs an operand"),
        ("(i32.add (i32.const 0)) (drop)", "type mismatch: i32.add needs [i32], the stack holds []"),
        ("(drop (i32.eqz (i64.const 0)))", "type mismatch: i32.eqz needs [i32], the stack holds [i64]"),
        ("(i32.const 0)", "type mismatch: the block's results are [], the stack holds [i32]"),
        ("(drop (block (result i32)))", "type mismatch: end needs [i32], the stack holds []"),
        ("(drop (if (result i32) (i32.const 0) (then (i32.const 0))))", "type mismatch: an if without else"),
        ("(if (i64.const 0) (then))", "type mismatch"),
        ("(select (i32.const 0) (i64.const 0) (i32.const 0)) (drop)", "type mismatch"),
        ("(select (ref.null func) (ref.null func) (i32.const 0)) (drop)", "type mismatch"),
        ("(drop (ref.is_null (i32.const 0)))", "type mismatch: ref.is_null"),
        ("(block (i32.const 0) (block (drop)) (drop))", "type mismatch: drop needs an operand"),
        ("(block (br 0) (i64.const 0) (i32.add) (drop))", "type mismatch"),
        ("(unreachable) (i32.const 0) (i64.add) (drop)", "type mismatch"),
        (
            "(block (br_table 0 1 (i32.const 0)) (drop)) (block (result i32) (br_table 0 1 (i32.const 0)))",
            "type mismatch",
        ),
    ],
)
def test_invalid_bodies(body: str, reason: str) -> None:
    error = failure(f"(func $f {body})")
    assert error.reason.startswith(reason)
    assert error.function == 0
    assert error.offset is not None


def test_the_offset_is_that_of_the_operator() -> None:
    data = parse_module("(module (func nop nop i32.add))")
    with pytest.raises(ValidationError) as caught:
        validate_module(decode_module(data))
    assert data[caught.value.offset or 0] == 0x6A


@pytest.mark.parametrize(
    "body",
    [
        "(unreachable) (i32.add) (drop)",
        "(unreachable) (select) (drop)",
        "(unreachable) (i64.const 0) (i32.const 0) (select) (drop)",
        "(block (result i32) (br 0 (i32.const 0)) (br_if 0) (i32.eqz)) (drop)",
        "(block (result i32 i64) (br 0 (i32.const 0) (i64.const 0)) (br_if 0)) (drop) (drop)",
        "(block (result i32) (block (result i64) (unreachable) (br_table 0 1)) (drop) (i32.const 1)) (drop)",
        "(return) (br_if 0) (local.set 0) (local.tee 0) (drop)",
        "(unreachable) (ref.is_null) (drop)",
        "(loop (br 0)) (call 0)",
    ],
)
def test_valid_where_nothing_is_reached(body: str) -> None:
    assert len(validate(f"(module (func (local i32) {body}))")) == 1


def test_data_segments_must_be_counted_before_the_code() -> None:
    data = parse_module('(module (memory 1) (data "x") (func (data.drop 0)))')
    assert validate_module(decode_module(data))
    at = data.index(b"\x0c\1\1")
    with pytest.raises(DecodeError, match="data count section required"):
        validate_module(decode_module(data[:at] + data[at + 3 :]))


# --- at the implementation's limits: see test_implementation_limits -----------------------------
def test_locals_up_to_the_limit() -> None:
    (body,) = validate(f"(module (func (local {'i32 ' * 50_000}) (local.set 49999 (local.get 300))))")
    assert len(body.local_types) == 50_000


def test_arity_up_to_the_limit() -> None:
    validate(f"(module (func (param {'i32 ' * 1000})))")


def test_blocks_up_to_the_limit() -> None:
    depth = 100_000
    body = b"\0" + b"\x02\x40" * depth + b"\x0b" * (depth + 1)
    contents = b"\1" + leb(len(body)) + body
    data = HEADER + b"\1\4\1\x60\0\0" + b"\3\2\1\0" + b"\x0a" + leb(len(contents)) + contents
    (compiled,) = validate_module(decode_module(data))
    assert compiled.label_count == depth


def test_a_deep_nest_of_loops_that_writes_little() -> None:
    deep = "loop (local.set 0 (i32.const 0)) " * 20_000 + "end " * 20_000
    assert len(validate(f"(module (func (local i32) {deep}))")) == 1


def leb(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


# --- the specification's scripts ----------------------------------------------------------------
ROOT = Path(__file__).resolve().parents[3]
TESTDATA = Path(os.environ.get("WASMER_TESTDATA") or ROOT.parent / "shared" / "testdata")
SCRIPTS = TESTDATA / "spec"
SKIP = pytest.mark.skipif(
    not SCRIPTS.is_dir(), reason=f"the specification's scripts are not at {SCRIPTS}: set WASMER_TESTDATA"
)

TAKEN_BACK = {
    (
        "1.0",
        "binary",
        49,
    ): "the reserved byte of call_indirect is a table index since 2.0: unknown table, not malformed",
    ("1.0", "func", 492): "multi-value, 2.0",
    ("1.0", "func", 496): "multi-value, 2.0",
    ("1.0", "imports", 309): "multiple tables, 2.0",
    ("1.0", "imports", 313): "multiple tables, 2.0",
    ("1.0", "imports", 317): "multiple tables, 2.0",
    ("1.0", "type", 52): "multi-value, 2.0",
    ("1.0", "type", 56): "multi-value, 2.0",
    ("1.0", "unreached-invalid", 538): "br_table behind unreachable, relaxed in 2.0",
}
"""Assertions of 1.0 that 2.0 makes false: release, script, line."""


def judged(release: str) -> Iterator[tuple[str, Command]]:
    for path in sorted((SCRIPTS / release).rglob("*.wast")):
        for command in read_script(path.read_bytes()):
            if command.module is not None:
                yield path.stem, command


SAME_MEANING = {
    "invalid UTF-8 encoding": "malformed UTF-8 encoding",
    "invalid mutability": "malformed mutability",
    "invalid section id": "malformed section id",
    "zero flag expected": "zero byte expected",
}
"""Words of 1.0 that 2.0 changed."""
LATER = switched_off({row.name: False for row in FEATURES if row.here and row.release == "3.0"})
"""What these releases do not have."""
READ_BEYOND = {"1.0": 11, "2.0": 23}
"""Modules where the reference interpreter reads beyond a section's end and finds something else wrong there; of 2.0,
seven whose limits have flags that are none, which was a number too large there, and two that begin a tag."""


@SKIP
@pytest.mark.parametrize(("release", "modules"), [("1.0", 2500), ("2.0", 4500)])
def test_modules_of_the_scripts(release: str, modules: int) -> None:
    """Valid, invalid and malformed are told apart in every module of the release, in the script's words."""
    wrong = []
    other_words = []
    count = 0
    for script, command in judged(release):
        assert command.module is not None
        wanted = {"assert_malformed": "DecodeError", "assert_invalid": "ValidationError"}.get(command.kind, "")
        found = reason = ""
        try:
            decoded = decode_module(command.module.encode())
            for body in validate_module(decoded, LATER):
                assert verify_body(decoded.info, body) == []
        except UnsupportedFeatureError as error:
            found, reason = type(error.without).__name__, error.without.reason
        except (DecodeError, ValidationError) as error:
            found, reason = type(error).__name__, error.reason
        count += 1
        if (release, script, command.line) in TAKEN_BACK:
            continue
        if found != wanted:
            wrong.append(f"{release}/{script}.wast:{command.line} {command.kind} {command.text!r}: {found or 'valid'}")
        if command.module.kind == "binary" and not reason.startswith(SAME_MEANING.get(command.text, command.text)):
            other_words.append(f"{release}/{script}.wast:{command.line} {command.text!r}: {reason!r}")
    assert wrong == []
    assert len(other_words) <= READ_BEYOND[release], other_words
    assert count >= modules


@pytest.mark.parametrize("error", [IndexError, KeyboardInterrupt, ValidationError("the handler's")])
def test_what_a_handler_raises_is_no_bug_of_ours(monkeypatch: pytest.MonkeyPatch, error: Any) -> None:
    """Signals come in the midst of validation; an exception of their handler's is not the validator's."""
    decoded = decode_module(parse_module("(func)" * 1_000))
    check = machine.check_interrupts

    def interrupted() -> None:
        signal.raise_signal(signal.SIGUSR1)
        check()

    monkeypatch.setattr(machine, "check_interrupts", interrupted)
    kind = error if isinstance(error, type) else type(error)
    with handler(error), pytest.raises(kind) as caught:
        validate_module(decoded)
    assert caught.value is error or isinstance(error, type)


def test_what_a_handler_raises_is_no_missing_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor's features are read when something is first compiled."""

    def read(path: str) -> frozenset[str]:
        signal.raise_signal(signal.SIGUSR1)
        return frozenset()

    monkeypatch.setattr(cpu, "_features_in", read)
    with handler(TimeoutError), pytest.raises(TimeoutError):
        cpu.host_features()
