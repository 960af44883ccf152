"""WASI programs on the command line: arguments, environment, directories, exit codes, traps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from wasmer_runtime.cli import cli

pytest.importorskip("wasmer_wasi", reason="wasmer-wasi is not installed")

TYPES = """
  (import "NAMESPACE" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "NAMESPACE" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "NAMESPACE" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "NAMESPACE" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "NAMESPACE" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "NAMESPACE" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
  (import "NAMESPACE" "fd_prestat_dir_name" (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
  (import "NAMESPACE" "proc_exit" (func $proc_exit (param i32)))
"""

# Writes its arguments, its environment (each ends with a NUL) and the names of its directories
# (each ends with a newline), then exits with the number of arguments.
SHOW = """
  (memory (export "memory") 1)
  (func $write (param $at i32) (param $count i32)
    (i32.store (i32.const 32) (local.get $at))
    (i32.store (i32.const 36) (local.get $count))
    (drop (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40))))
  (func (export "_start") (local $fd i32) (local $size i32)
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (drop (call $args_get (i32.const 1024) (i32.const 4096)))
    (call $write (i32.const 4096) (i32.load (i32.const 4)))
    (drop (call $environ_sizes_get (i32.const 8) (i32.const 12)))
    (drop (call $environ_get (i32.const 1024) (i32.const 4096)))
    (call $write (i32.const 4096) (i32.load (i32.const 12)))
    (local.set $fd (i32.const 3))
    (block $done (loop $more
      (br_if $done (call $fd_prestat_get (local.get $fd) (i32.const 16)))
      (local.set $size (i32.load (i32.const 20)))
      (drop (call $fd_prestat_dir_name (local.get $fd) (i32.const 4096) (local.get $size)))
      (i32.store8 offset=4096 (local.get $size) (i32.const 10))
      (call $write (i32.const 4096) (i32.add (local.get $size) (i32.const 1)))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br $more)))
    (call $proc_exit (i32.load (i32.const 0))))
"""

SNAPSHOT1 = "wasi_snapshot_preview1"
SNAPSHOT0 = "wasi_unstable"


def write_program(path: Path, body: str, namespace: str = SNAPSHOT1) -> str:
    path.write_text(f"(module {TYPES.replace('NAMESPACE', namespace)} {body})")
    return str(path)


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "wasmer_runtime", *arguments], capture_output=True, timeout=60, **options
    )


@pytest.mark.parametrize("namespace", [SNAPSHOT0, SNAPSHOT1])
def test_arguments_environment_directories_and_exit_code(tmp_path: Path, namespace: str) -> None:
    program = write_program(tmp_path / "show.wat", SHOW, namespace)
    (tmp_path / "data").mkdir()
    directory = str(tmp_path)
    done = process(
        "run", program, "--env", "A=1", "--env", "B=x=y", "--dir", directory, "--mapdir", f"/d:{directory}/data",
        "--", "first", "--second",
    )  # fmt: skip
    assert done.stderr == b""
    assert done.stdout.split(b"\0") == [
        program.encode(),
        b"first",
        b"--second",
        b"A=1",
        b"B=x=y",
        f"{directory}\n/d\n".encode(),
    ]
    assert done.returncode == 3


def test_a_program_alone_gets_its_arguments(tmp_path: Path) -> None:
    program = write_program(tmp_path / "show.wat", SHOW)
    done = process(program, "one", "two")
    assert done.stdout.split(b"\0")[:3] == [program.encode(), b"one", b"two"]
    assert done.returncode == 3


def test_returning_is_success(tmp_path: Path) -> None:
    program = write_program(tmp_path / "p.wat", '(memory (export "memory") 1) (func (export "_start"))')
    done = process("run", program)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_exit_codes_are_the_programs(tmp_path: Path, code: int) -> None:
    body = f'(memory (export "memory") 1) (func (export "_start") (call $proc_exit (i32.const {code})) unreachable)'
    done = process("run", write_program(tmp_path / "p.wat", body))
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_a_trap_in_a_program(tmp_path: Path) -> None:
    body = '(memory (export "memory") 1) (func $deep unreachable) (func (export "_start") call $deep)'
    done = process("run", write_program(tmp_path / "p.wat", body))
    assert done.returncode == 134
    assert done.stderr.startswith(b"Error: WebAssembly trap occurred during runtime: unreachable\nwasm backtrace:")
    assert b"deep" in done.stderr


def test_invoke_on_a_program_warns(tmp_path: Path) -> None:
    body = '(memory (export "memory") 1) (func (export "_start")) (func (export "six") (result i32) i32.const 6)'
    done = process("run", write_program(tmp_path / "p.wat", body), "--invoke", "six")
    assert done.returncode == 0
    assert done.stdout == b"six([]) returned [I32(6)]\n"
    assert done.stderr.startswith(b"Warning: ")


def test_a_library_is_initialized_before_its_function_is_called(tmp_path: Path) -> None:
    body = """
    (memory (export "memory") 1) (global $ready (mut i32) (i32.const 0))
    (func (export "_initialize") (global.set $ready (i32.const 5)))
    (func (export "ready") (result i32) global.get $ready)
    """
    done = process("run", write_program(tmp_path / "p.wat", body), "--invoke", "ready")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ready([]) returned [I32(5)]\n", b"")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--env", "A"], "Env vars must be of the form <var_name>=<value>. Found A"),
        (["--env", "=1"], "Env vars must be of the form <var_name>=<value>. Found =1"),
        (["--mapdir", "a"], "Directory mappings must consist of two paths separated by a colon. Found a"),
        (["--mapdir", "a:b:c"], "Directory mappings must consist of two paths separated by a colon. Found a:b:c"),
        (["--mapdir", "a:/no/such/place"], "--mapdir /no/such/place: there is no such directory"),
        (["--dir", "/no/such/place"], "--dir /no/such/place: there is no such directory"),
    ],
)
def test_options_of_the_wrong_form(tmp_path: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["run", write_program(tmp_path / "show.wat", SHOW), *options])
    assert (result.exit_code, result.stderr) == (1, f"Error: {message}\n")


def test_unknown_wasi_functions_are_link_errors(tmp_path: Path) -> None:
    path = tmp_path / "p.wat"
    path.write_text(
        f'(module (import "{SNAPSHOT1}" "fd_fly" (func)) (memory (export "memory") 1) (func (export "_start")))'
    )
    result = CliRunner().invoke(cli, ["run", str(path)])
    assert result.exit_code == 1
    assert "Import not found, namespace: wasi_snapshot_preview1, name: fd_fly" in result.stderr
