"""The runner is itself tested: what is wrong must fail, and what ends the process must not end the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.corpus import NO_BACKEND
from tests.spec.run import default_backends, main
from tests.spec.runner import run_script
from tests.spec.workers import Worker

MODULE = """(module
  (memory (export "m") 1)
  (global (export "g") i32 (i32.const 7))
  (func (export "one") (result i32) i32.const 1)
  (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func (export "nan") (result f32) f32.const nan:0x200000)
  (func (export "trap") unreachable)
  (func $deep (export "deep") call $deep))
"""

RIGHT = [
    '(assert_return (invoke "one") (i32.const 1))',
    '(assert_return (invoke "add" (i32.const 2) (i32.const -3)) (i32.const -1))',
    '(assert_return (get "g") (i32.const 7))',
    '(assert_return (invoke "nan") (f32.const nan:0x200000))',
    '(assert_trap (invoke "trap") "unreachable")',
    '(assert_trap (module (func unreachable) (start 0)) "unreachable")',
    '(assert_exhaustion (invoke "deep") "call stack exhausted")',
    '(assert_unlinkable (module (import "a" "b" (func))) "unknown import")',
    '(assert_unlinkable (module (import "spectest" "memory" (func))) "incompatible import type")',
    '(assert_malformed (module quote "(func nop nop") "unexpected token")',
    '(assert_malformed (module binary "") "unexpected end")',
    '(assert_invalid (module (func (result i32))) "type mismatch")',
]

WRONG = [
    ('(assert_return (invoke "one") (i32.const 2))', "returned [i32 0x1]"),
    ('(assert_return (invoke "one") (i64.const 1))', "returned"),
    ('(assert_return (invoke "one"))', "returned"),
    ('(assert_return (invoke "none") (i32.const 1))', "ExportNotFound"),
    ('(assert_return (invoke "add" (i32.const 1)) (i32.const 1))', "SignatureError"),
    ('(assert_return (invoke "nan") (f32.const nan:canonical))', "returned [f32 0x7fa00000]"),
    ('(assert_return (invoke "trap"))', "Trap"),
    ('(assert_return (invoke $other "one") (i32.const 1))', "there is no instance $other"),
    ('(assert_trap (invoke "one") "unreachable")', "did not trap"),
    ('(assert_trap (invoke "trap") "integer overflow")', "failed with 'unreachable'"),
    ('(assert_exhaustion (invoke "trap") "call stack exhausted")', "failed with"),
    ('(assert_unlinkable (module (func)) "unknown import")', "was linked"),
    ('(assert_unlinkable (module (import "a" "b" (func))) "incompatible import type")', "cannot be linked"),
    ('(assert_malformed (module quote "(func)") "unexpected token")', "was accepted"),
    ('(assert_malformed (module quote "(func (result i32))") "unexpected token")', "is invalid"),
    ('(assert_malformed (module quote "(func") "duplicate func")', "failed with"),
    ('(assert_invalid (module (func)) "type mismatch")', "was accepted"),
    ('(assert_invalid (module binary "") "type mismatch")', "is malformed"),
    ('(assert_invalid (module (func (result i32))) "unknown label")', "failed with"),
    ('(module (import "a" "b" (func)))', "LinkError"),
    ('(invoke "trap")', "Trap"),
    ('(register "x" $nothing)', "there is no instance"),
]

on_a_backend = pytest.mark.skipif(default_backends() == [NO_BACKEND], reason="no backend is installed")


@on_a_backend
@pytest.mark.parametrize("command", RIGHT)
def test_what_is_right_passes(tmp_path: Path, command: str) -> None:
    path = tmp_path / "script.wast"
    path.write_text(MODULE + command)
    result = run_script(path, default_backends()[0])
    assert (result.failures, result.passed, result.assertions) == ({}, 1, 1)


@on_a_backend
@pytest.mark.parametrize(("command", "reason"), WRONG)
def test_what_is_wrong_fails(tmp_path: Path, command: str, reason: str) -> None:
    path = tmp_path / "script.wast"
    path.write_text(MODULE + command)
    result = run_script(path, default_backends()[0])
    assert result.passed == 0
    assert list(result.failures) == [MODULE.count("\n") + 1]
    assert reason in next(iter(result.failures.values()))


def test_without_a_backend_modules_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "script.wast"
    path.write_text(MODULE + "\n".join([*RIGHT[-3:], *(command for command, _ in WRONG[13:19])]))
    result = run_script(path, NO_BACKEND)
    assert (result.passed, len(result.failures)) == (3, 6)


def test_a_crash_fails_one_command() -> None:
    worker = Worker("any", "tests.spec.fragile_worker")
    try:
        result = worker.run("1.0/any")
        assert result.passed == 3
        assert sorted(result.failures) == [1, 3]
        assert worker.run("1.0/other").passed == 3
    finally:
        worker.close()


def test_the_command_says_when_there_is_nothing_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no_such_script"]) == 2
    assert capsys.readouterr().err
