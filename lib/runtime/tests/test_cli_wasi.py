"""WASI programs on the command line: arguments, environment, directories, exit codes, traps."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.console import console

pytest.importorskip("wasmer_wasi", reason="wasmer-wasi is not installed")

TYPES = """
  (import "NAMESPACE" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "NAMESPACE" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "NAMESPACE" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "NAMESPACE" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "NAMESPACE" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "NAMESPACE" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
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

# Copies standard input to standard output; exits with the answer that is not 0, else with 0.
COPY = """
  (memory (export "memory") 1)
  (func (export "_start") (local $errno i32)
    (i32.store (i32.const 0) (i32.const 64))
    (block $done (loop $more
      (i32.store (i32.const 4) (i32.const 60000))
      (br_if $done (local.tee $errno (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4))))
      (br_if $done (i32.eqz (i32.load (i32.const 4))))
      (br_if $done
        (local.tee $errno (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
      (br $more)))
    (call $proc_exit (local.get $errno)))
"""

# Accepts a connection at the descriptor in the place of DESCRIPTOR, reads what comes first and sends it back.
ECHO = """
  (memory (export "memory") 1)
  (func (export "_start") (local $errno i32)
    (block $done
      (br_if $done
        (local.tee $errno (call $sock_accept (i32.const DESCRIPTOR) (i32.const 0) (i32.const 12))))
      (i32.store (i32.const 0) (i32.const 64))
      (i32.store (i32.const 4) (i32.const 1000))
      (br_if $done
        (local.tee $errno (call $fd_read (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i32.const 4))))
      (local.set $errno (call $fd_write (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i32.const 8))))
    (call $proc_exit (local.get $errno)))
"""
SOCK_ACCEPT = '(import "wasi_snapshot_preview1" "sock_accept" (func $sock_accept (param i32 i32 i32) (result i32)))'

SNAPSHOT1 = "wasi_snapshot_preview1"
SNAPSHOT0 = "wasi_unstable"


def write_program(path: Path, body: str, namespace: str = SNAPSHOT1) -> str:
    path.write_text(f"(module {TYPES.replace('NAMESPACE', namespace)} {body})")
    return str(path)


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "wasmer_runtime", *arguments], capture_output=True, timeout=900, **options
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


def test_the_environment_of_the_process(tmp_path: Path) -> None:
    program = write_program(tmp_path / "show.wat", SHOW)
    environment = {**os.environ, "INHERITED": "yes", "BOTH": "old"}
    inherited = process("run", program, "--env-inherit", "--env", "BOTH=new", env=environment).stdout.split(b"\0")
    assert inherited[1:-1].count(b"INHERITED=yes") == inherited.count(b"BOTH=new") == 1
    assert b"BOTH=old" not in inherited
    assert {variable.split(b"=")[0] for variable in inherited[1:-1]} == {name.encode() for name in environment}
    assert process("run", program, env=environment).stdout == f"{program}\0".encode()


def test_a_file_as_standard_input(tmp_path: Path) -> None:
    program = write_program(tmp_path / "copy.wat", COPY)
    text = os.urandom(150_000)
    (tmp_path / "input").write_bytes(text)
    done = process("run", program, "--stdin", str(tmp_path / "input"), input=b"not this")
    assert (done.returncode, done.stdout, done.stderr) == (0, text, b"")
    assert process("run", program, input=b"this").stdout == b"this"


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]", "localhost"])
def test_a_listening_socket_behind_the_directories(tmp_path: Path, address: str) -> None:
    body = SOCK_ACCEPT + ECHO.replace("DESCRIPTOR", "4")
    program = write_program(tmp_path / "echo.wat", body)
    command = [sys.executable, "-m", "wasmer_runtime", "run", program, "--dir", str(tmp_path)]
    with subprocess.Popen([*command, "--tcplisten", f"{address}:0"], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        told = server.stderr.readline()
        if "Error" in told and address == "[::1]":
            server.wait(60)
            pytest.skip("this machine has no IPv6")
        assert told.startswith("Listening at ")
        where, _, port = told.removeprefix("Listening at ").strip().rpartition(":")
        with socket.create_connection((where, int(port)), timeout=900) as connection:
            connection.sendall(b"hello")
            assert connection.recv(100) == b"hello"
            assert connection.recv(100) == b""
        assert server.wait(60) == 0


@pytest.mark.parametrize("built_for", [SNAPSHOT0, SNAPSHOT1])
@pytest.mark.parametrize("version", ["snapshot0", "snapshot1", "latest"])
def test_only_the_version_that_is_asked_for(tmp_path: Path, built_for: str, version: str) -> None:
    program = write_program(tmp_path / "show.wat", SHOW, built_for)
    result = CliRunner().invoke(console, ["run", program, "--wasi-version", version])
    if built_for == (SNAPSHOT0 if version == "snapshot0" else SNAPSHOT1):
        assert (result.exit_code, result.stderr) == (1, "")  # one argument
    else:
        built = "snapshot0" if built_for == SNAPSHOT0 else "snapshot1"
        warning, error = result.stderr.splitlines()[:2]
        assert result.exit_code == 1
        assert warning == f"Warning: the program was built for WASI {built}: with {version} its imports are not found"
        assert error.startswith("Error: ") and f"namespace: {built_for}" in result.stderr


def test_an_unknown_version(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        console, ["run", write_program(tmp_path / "p.wat", SHOW), "--wasi-version", "snapshot2"]
    )
    assert result.exit_code == 2
    assert "'snapshot0', 'snapshot1', 'latest'" in result.stderr


def test_options_without_effect(tmp_path: Path) -> None:
    (tmp_path / "p.wat").write_text('(module (func (export "main")))')
    result = CliRunner().invoke(console, ["run", str(tmp_path / "p.wat"), "--env-inherit", "--stdin", "nowhere"])
    assert result.exit_code == 0
    assert result.stderr == "Warning: the program does not use WASI: --env-inherit, --stdin have no effect\n"


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("ending", ["", "unreachable", "(call $proc_exit (i32.const 7))"])
def test_standard_streams_that_are_closed(tmp_path: Path, closing: str, ending: str) -> None:
    """What the program writes goes nowhere, and nothing else of the process is written to in its place."""
    body = f"""
    (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\04\\00\\00\\00") (data (i32.const 16) "text")
    (func (export "_start")
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
      {ending})
    """
    program = write_program(tmp_path / "p.wat", body)
    before = Path(program).read_bytes()
    command = f'exec "$0" -m wasmer_runtime run "$1" {closing}'
    done = subprocess.run(["sh", "-c", command, sys.executable, program], capture_output=True, timeout=900)
    assert done.returncode == {"": 0, "unreachable": 134}.get(ending, 7)
    assert done.stdout == (b"" if ">&-" in closing.replace("2>&-", "") else b"text")
    assert b"Traceback" not in done.stderr and Path(program).read_bytes() == before


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
        (["--mapdir", "a:/no/such/place"], "--mapdir /no/such/place: there is no such directory"),
        (["--stdin", "/no/such/file"], "/no/such/file cannot be opened: No such file or directory"),
        (
            ["--tcplisten", "192.0.2.1:0"],
            "--tcplisten 192.0.2.1:0: Cannot assign requested address "
            "(while attempting to bind on address ('192.0.2.1', 0))",
        ),
        (["--dir", "/no/such/place"], "--dir /no/such/place: there is no such directory"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(console, ["run", write_program(tmp_path / "show.wat", SHOW), *options])
    assert (result.exit_code, result.stderr) == (1, f"Error: {message}\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--env", "A_NAME_OF_NOTHING"], "there is no variable A_NAME_OF_NOTHING here whose value it could have"),
        (["--env", "=1"], "Env vars must be of the form <var_name>=<value>, or <var_name>. Found =1\n"),
        (["--mapdir", "a"], "Directory mappings must consist of two paths separated by a colon. Found a\n"),
        (["--mapdir", "a:b:c"], "Directory mappings must consist of two paths separated by a colon. Found a:b:c\n"),
        (["--tcplisten", "80"], "Addresses to listen at must be of the form <address>:<port>. Found 80\n"),
        (["--tcplisten", "a:b"], "Addresses to listen at must be of the form <address>:<port>. Found a:b\n"),
        (
            ["--tcplisten", "127.0.0.1:65536"],
            "Addresses to listen at must be of the form <address>:<port>. Found 127.0.0.1:65536\n",
        ),
    ],
)
def test_options_of_the_wrong_form(tmp_path: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(console, ["run", write_program(tmp_path / "show.wat", SHOW), *options])
    assert result.exit_code == 2
    assert f"Error: Invalid value for '{options[0]}': {message}" in result.stderr


def test_unknown_wasi_functions_are_link_errors(tmp_path: Path) -> None:
    path = tmp_path / "p.wat"
    path.write_text(
        f'(module (import "{SNAPSHOT1}" "fd_fly" (func)) (memory (export "memory") 1) (func (export "_start")))'
    )
    result = CliRunner().invoke(console, ["run", str(path)])
    assert result.exit_code == 1
    assert "Import not found, namespace: wasi_snapshot_preview1, name: fd_fly" in result.stderr


THREADED = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "env" "memory" (memory 1 1 shared))
  (func (export "_start")
    (drop (call $spawn (i32.const 5)))
    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))
  (func (export "wasi_thread_start") (param i32 i32) (call $exit (local.get 1))))"""


def test_a_program_with_threads(tmp_path: Path) -> None:
    """The exit code of whichever thread ends it; what is not as such programs are is refused."""
    path = tmp_path / "threads.wat"
    path.write_text(THREADED)
    assert CliRunner().invoke(console, ["run", str(path)]).exit_code == 5
    assert CliRunner().invoke(console, ["run", str(path), "-i", "other"]).exit_code == 1
    path.write_text(THREADED.replace("wasi_thread_start", "other"))
    result = CliRunner().invoke(console, ["run", str(path)])
    assert result.exit_code == 1 and "exports wasi_thread_start" in result.output
