"""Programs of Go on the command line: what they see, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.console import console
from wasmer_runtime import wat2wasm

pytest.importorskip("wasmer_go", reason="wasmer-go is not installed")

# Writes its first argument, and exits with the number of arguments.
ECHO = """
(module
  (import "gojs" "runtime.wasmExit" (func $exit (param i32)))
  (import "gojs" "runtime.wasmWrite" (func $write (param i32)))
  (memory (export "mem") 1)
  (func (export "run") (param $count i32) (param $values i32) (local $text i32) (local $end i32)
    (local.set $text (i32.load offset=8 (local.get $values)))
    (local.set $end (local.get $text))
    (loop $next
      (local.set $end (i32.add (local.get $end) (i32.const 1)))
      (br_if $next (i32.load8_u (local.get $end))))
    (i64.store (i32.const 40008) (i64.const 1))
    (i64.store (i32.const 40016) (i64.extend_i32_u (local.get $text)))
    (i32.store (i32.const 40024) (i32.sub (local.get $end) (local.get $text)))
    (call $write (i32.const 40000))
    (i32.store (i32.const 40008) (local.get $count))
    (call $exit (i32.const 40000)))
  (func (export "resume"))
  (func (export "getsp") (result i32) (i32.const 40000)))
"""


@pytest.fixture
def echo(tmp_path: Path) -> str:
    path = tmp_path / "echo.wasm"
    path.write_bytes(wat2wasm(ECHO))
    return str(path)


def test_arguments_and_exit_code(echo: str) -> None:
    result = CliRunner().invoke(console, ["run", echo, "--", "first", "second"])
    assert (result.exit_code, result.stdout) == (3, "first")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--invoke", "run"], "--invoke has no meaning"),
        (["--net-listen", "127.0.0.1:0"], "has no sockets"),
        (["--dir", "/does/not/exist"], "there is no such directory"),
        (["--dir", ".."], "name it for the program"),
    ],
)
def test_options_that_mean_nothing(echo: str, options: list[str], said: str) -> None:
    result = CliRunner().invoke(console, ["run", *options, echo, "--", "text"])
    assert result.exit_code == 1 and said in result.stderr


def test_a_module_of_tomorrow(tmp_path: Path) -> None:
    path = tmp_path / "new.wasm"
    path.write_bytes(wat2wasm(ECHO.replace("runtime.wasmWrite", "runtime.writeOfTomorrow")))
    result = CliRunner().invoke(console, ["run", str(path)])
    assert result.exit_code == 1 and "runtime.writeOfTomorrow" in result.stderr and "Go 1.14 to 1.27" in result.stderr


def test_deadlocks_that_nobody_tells(tmp_path: Path) -> None:
    path = tmp_path / "waits.wasm"
    path.write_bytes(wat2wasm(ECHO.replace("(call $exit (i32.const 40000))", "")))
    result = CliRunner().invoke(console, ["run", str(path), "--", "x"])
    assert result.exit_code == 1 and "says nothing of a deadlock" in result.stderr
