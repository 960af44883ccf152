"""Exceptions before a backend gets them: both encodings come to one form; what is invalid, malformed, refused."""

from __future__ import annotations

from typing import Any

import pytest

from wasmer_runtime_core.compiling.middleware.editor import MiddlewareError, edit_bodies
from wasmer_runtime_core.compiling.middleware.metering import Metering
from wasmer_runtime_core.compiling.middleware.trace import BlockTrace
from wasmer_runtime_core.compiling.pipeline import Compilation, run, validate_and_report_errors
from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.body.corrector import correct_body
from wasmer_runtime_core.wasm.body.text import format_body
from wasmer_runtime_core.wasm.body.verifier import verify_body
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.text import parse_module

TAGS = "(tag $e (param i32 i64)) (tag $n) "

# Each with the records that come of it; without offsets.
FORMS: tuple[tuple[str, str], ...] = (
    (
        """(func (result i32 i64)
             (try_table (result i32 i64) (catch $e 0) (catch_all_ref 0)
               (throw $e (i32.const 1) (i64.const 2))))""",
        "its label takes",
    ),
    (
        "(func (block $l (try_table (catch $n $l) (catch_all $l) (catch $n $l) (throw $n))))",
        """block @1
             try @2
               throw 1 type 1
             catch @2 tag 1
               br @1 height 0
             catch_all @2
               br @1 height 0
             end @2 unreached
           end @1 target
           end @0 falls through""",
    ),
    (
        """(func (result i32 i64 exnref)
             (block $l (result i32 i64 exnref) (try_table (catch_ref $e $l) (throw $n)) unreachable))""",
        """block @1 type 2
             try @2
               throw 1 type 1
             catch @2 tag 0 with exnref
               br @1 height 0 arity 3
             end @2 unreached
           end @1 target
           end @0 falls through""",
    ),
    (
        "(func (try_table nop))",
        """block @1
           end @1 falls through
           end @0 falls through""",
    ),
    (
        "(func (try (do (throw $n)) (catch $e (drop) (drop)) (catch_all)))",
        """try @1
             throw 1 type 1
           catch @1 tag 0
             drop i64
             drop i32
           catch_all @1 falls through
           end @1 falls through, target
           end @0 falls through""",
    ),
    (
        "(func (try $o (do (try (do (throw $n)) (catch_all (rethrow $o)))) (catch_all)))",
        "invalid rethrow label",
    ),
    (
        "(func (local i32) (loop (try $o (do) (catch_all (try (do (rethrow $o)) (catch $n (rethrow 0)))))))",
        """loop @1
             try @2
             catch_all @2 with exnref falls through
               local.set 1 exnref
               try @3
                 local.get 1 exnref
                 throw_ref
               catch @3 tag 1 with exnref
                 local.set 2 exnref
                 local.get 2 exnref
                 throw_ref
               end @3 unreached
             end @2 target
           end @1 falls through
           end @0 falls through""",
    ),
    (
        "(func (try $o (do (block (try (do (throw $n)) (delegate $o))) (try (do) (delegate 1))) (catch_all)))",
        """try @1
             block @2
               try @3
                 throw 1 type 1
               delegate @3 unreached, to @1
             end @2 unreached
           catch_all @1
           end @1 falls through
           end @0 falls through""",
    ),
    (
        "(func (try (do) (catch_all (try (do) (delegate 0)))))",  # to a try that catches no more: beyond it
        """try @1
           catch_all @1 falls through
             try @2
             delegate @2 falls through, to @0
           end @1 falls through, target
           end @0 falls through""",
    ),
    ("(func unreachable (try (do (throw $n)) (catch $e (rethrow 0))))", "unreachable\n end @0 unreached"),
)


def bodies_of(fields: str) -> tuple[ModuleInfo, list[Body]]:
    text = f"{fields} {TAGS}" if fields.startswith("(import") else f"{TAGS}{fields}"
    compilation = run(Compilation(f"(module {text})"), until="validate")
    return compilation.info, list(compilation.bodies)


def words(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize(("fields", "records"), FORMS)
def test_both_encodings_come_to_one_form(fields: str, records: str) -> None:
    if len(records.splitlines()) == 1:
        with pytest.raises(ValidationError, match=records):
            bodies_of(fields)
        return
    info, (body,) = bodies_of(fields)
    text = format_body(body)
    found = [line[8:] for line in text.splitlines() if line.lstrip().startswith("0x")]
    assert words("\n".join(found)) == words(records)
    assert verify_body(info, body) == []
    corrected, findings = correct_body(info, body)
    assert findings == []
    assert format_body(corrected) == text


INVALID: tuple[tuple[str, str], ...] = (
    ("(tag (result i32))", "non-empty tag result type"),
    ('(import "m" "t" (tag (result i32)))', "non-empty tag result type"),
    ("(tag (type 9))", "unknown type"),
    ('(export "t" (tag 7))', "unknown tag 7"),
    ("(func (throw 7))", "unknown tag 7"),
    ("(func (throw $e (i32.const 1)))", "type mismatch: throw"),
    ("(func (throw $e (i64.const 1) (i32.const 1)))", "type mismatch: throw"),
    ("(func (throw_ref))", "type mismatch: throw_ref"),
    ("(func (throw_ref (ref.null func)))", "type mismatch: throw_ref"),
    ("(func (try_table (catch 7 0)))", "unknown tag 7"),
    ("(func (try_table (catch $n 7)))", "unknown label 7"),
    ("(func (block (try_table (catch $e 0))))", "a catch gives .i32 i64., its label takes"),
    ("(func (block (result exnref) (try_table (catch_all 0)) unreachable) drop)", "a catch gives .., its label"),
    ("(func (block (result i32) (try_table (catch_all_ref 0)) unreachable) drop)", "a catch gives"),
    ("(func (try_table (result i32) (catch_all 0)) drop)", "type mismatch"),
    ("(func (try (result i32) (do (i32.const 1)) (catch_all)) drop)", "type mismatch"),
    ("(func (try (do) (catch $e)))", "type mismatch"),
    ("(func (try (do) (catch 7)))", "unknown tag 7"),
    ("(func (try (do (rethrow 0))))", "invalid rethrow label"),
    ("(func (block (rethrow 0)))", "invalid rethrow label"),
    ("(func (rethrow 7))", "unknown label 7"),
    ("(func (try (do) (delegate 7)))", "unknown label 7"),
    ("(func (select (ref.null exn) (ref.null exn) (i32.const 1)) drop)", "select of references"),
    ("(func (try (do (i32.const 1) (i32.const 2)) (catch_all)))", "type mismatch"),
)


@pytest.mark.parametrize(("fields", "reason"), INVALID)
def test_what_is_invalid(fields: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason) as caught:
        bodies_of(fields)
    assert caught.value.offset is not None


HEAD = b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (b"\x07\0", "without `try`"),
        (b"\x19", "without `try`"),
        (b"\x18\0", "without `try`"),
        (b"\x02\x40\x19\x0b", "without `try`"),
        (b"\x06\x40\x19\x19\x0b", "without `try`"),
        (b"\x06\x40\x19\x18\0", "without `try`"),
        (b"\x06\x40\x19\x07\0\x0b", "without `try`"),
        (b"\x06\x40\x05\x0b", "without `if`"),
        (b"\x1f\x40\1\4\0\x0b", "malformed catch clause 0x04"),
        (b"\x1f\x40\1", "malformed catch clause 0x0b"),
    ],
)
def test_what_is_malformed(code: bytes, reason: str) -> None:
    """By the validator, and by who passes over code behind something invalid."""
    body = b"\0" + code + b"\x0b"
    one = bytes((len(body),)) + body
    with pytest.raises(DecodeError, match=reason):
        validate_and_report_errors(HEAD + b"\x0a" + bytes((len(one) + 1,)) + b"\1" + one)
    both = b"\4\0\x45\x1a\x0b" + one  # i32.eqz without an operand
    with pytest.raises(DecodeError, match=reason):
        validate_and_report_errors(HEAD[:-4] + b"\3\3\2\0\0" + b"\x0a" + bytes((len(both) + 1,)) + b"\2" + both)


@pytest.mark.parametrize(
    "fields",
    [
        "(func catch_all end)",
        "(func try catch_all catch_all end)",
        "(func try catch_all delegate 0)",
        "(func (try))",
        "(func (try (do) (delegate 0) (catch_all)))",
        "(func (try (do) (catch_all) (catch $n)))",
        "(func (try $t (do) (delegate $t)))",
        "(func (try (catch_all)))",
        "(func (try_table (catch $n)))",
        "(func (catch_all))",
    ],
)
def test_what_is_no_text(fields: str) -> None:
    with pytest.raises(DecodeError):
        parse_module(f"(module {TAGS}{fields})")


def test_a_backend_without_them_is_refused_by_name() -> None:
    class Backend:
        name = "other"

        def compile(self, info: Any, bodies: Any, config: Any) -> Any:
            raise AssertionError("it is not asked")

    for fields in ("(func (throw $n))", "(func (try (do)))", ""):
        with pytest.raises(
            UnsupportedFeatureError, match=r"uses exceptions .* which the other backend does not"
        ) as caught:
            run(Compilation(f"(module {TAGS}{fields})", Backend()))
        assert (caught.value.feature, caught.value.backend, caught.value.switched_off) == ("exceptions", "other", False)


@pytest.mark.parametrize("middleware", [Metering(1000), BlockTrace()])
def test_middlewares_leave_them_whole(middleware: Any) -> None:
    for fields, records in FORMS:
        if len(records.splitlines()) > 1:
            info, bodies = bodies_of(fields)
            for body in middleware(info, bodies):
                assert verify_body(info, body) == []


def test_an_editor_writes_them() -> None:
    def guarded(editor: Any, record: Any) -> None:
        if record.mnemonic == "call":
            label = editor.open("try")
            editor.copy(record)
            editor.catch(label, 1)
            editor.catch(label)
            editor.emit("i32.const", 1)
            editor.emit("i64.const", 2)
            editor.emit("throw", 0)
            editor.end(label)
        else:
            editor.copy(record)

    info, bodies = bodies_of("(func $f (call $f))")
    (body,) = edit_bodies(info, bodies, guarded)
    assert "catch @1 tag 1 falls through" in format_body(body)
    with pytest.raises(MiddlewareError, match="catch: "):
        edit_bodies(info, bodies, lambda editor, record: (editor.catch(0, 1), editor.copy(record)))
