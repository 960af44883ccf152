"""Programs of emcc on the command line: what they see, and how they end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.console import console

pytest.importorskip("wasmer_emscripten", reason="wasmer-emscripten is not installed")

# Opens the file that its first argument names, writes what is in it, and returns the number of arguments.
SHOW = """
(module
  (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
  (import "env" "__syscall_openat" (func $open (param i32 i32 i32 i32) (result i32)))
  (import "env" "__syscall_getcwd" (func $getcwd (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "env" "exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (global $stack (mut i32) (i32.const 60000))
  (func (export "stackSave") (result i32) (global.get $stack))
  (func (export "stackRestore") (param i32) (global.set $stack (local.get 0)))
  (func (export "stackAlloc") (param i32) (result i32)
    (global.set $stack (i32.sub (global.get $stack) (local.get 0))) (global.get $stack))
  (func $show (param $fd i32)
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 4096))
    (drop (call $read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "main") (param $argc i32) (param $argv i32) (result i32) (local $fd i32)
    (if (i32.eq (local.get $argc) (i32.const 1)) (then (call $show (i32.const 0)) (return (i32.const 0))))
    (local.set $fd (call $open (i32.const -100) (i32.load (i32.add (local.get $argv) (i32.const 4)))
      (i32.const 0) (i32.const 0)))
    (if (i32.lt_s (local.get $fd) (i32.const 0)) (then (call $exit (i32.sub (i32.const 0) (local.get $fd)))))
    (call $show (local.get $fd))
    (i32.sub (local.get $argc) (i32.const 2)))
  (func (export "variables") (result i32)
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $environ (i32.const 16) (i32.const 1024)))
    (i32.store (i32.const 0) (i32.const 1024))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.load (i32.const 4)))
  (func (export "first") (param $text i32) (result i32) (i32.load8_u (local.get $text)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "show.wat").write_text(SHOW)
    (tmp_path / "script").write_text("a script\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/inner").write_text("inner\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, **options: Any) -> Any:
    return CliRunner().invoke(console, ["run", *arguments], **options)


def test_a_file_that_an_argument_names_is_there(folder: Path) -> None:
    for name in ("script", str(folder / "script"), "data/inner"):
        result = run("show.wat", "--", name)
        assert (result.exit_code, result.output) == (0, Path(name).read_text()), name


def test_nothing_else_is(folder: Path) -> None:
    for name in ("data", "missing", "../etc/passwd"):
        assert run("show.wat", "--", name).exit_code in (44, 0)
    assert run("show.wat", "--", "data/../../x").exit_code == 44
    (folder / "large").write_bytes(b"x")
    with (folder / "large").open("r+b") as file:
        file.truncate((64 << 20) + 1)
    assert run("show.wat", "--", "large").exit_code == 44


def test_directories(folder: Path) -> None:
    assert run("show.wat", "--dir", ".", "--", "data/inner").output == "inner\n"
    assert run("show.wat", "--dir", "data", "--", "data/inner").output == "inner\n"
    assert run("show.wat", "--dir", str(folder / "data"), "--", str(folder / "data/inner")).output == "inner\n"
    assert run("show.wat", "--mapdir", "/there:data", "--", "/there/inner").output == "inner\n"
    assert "--mapdir /name:.." in run("show.wat", "--dir", "..", "--", "x").output
    assert "no such directory" in run("show.wat", "--dir", "nowhere").output


def test_nothing_is_copied_into_a_directory_of_the_host(folder: Path) -> None:
    """A file that an argument names may lie where a directory is mounted that has none of the name."""
    (folder / "mine").mkdir()
    for name in (str(folder / "data/inner"), "data/inner"):
        where = name.removesuffix("/inner") if name.startswith("/") else "/home/web_user/data"
        assert run("show.wat", "--mapdir", f"{where}:mine", "--", name).exit_code == 44
    assert list((folder / "mine").iterdir()) == []


def test_the_exit_code_is_the_programs(folder: Path) -> None:
    assert run("show.wat", "--", "script", "two", "three").exit_code == 2
    assert run("show.wat", "--", "missing").exit_code == 44


def test_variables_and_standard_input(folder: Path) -> None:
    result = run("show.wat", "--env", "MINE=here", "--invoke", "variables")
    assert "MINE=here" in result.output and "variables([]) returned [I32(" in result.output
    assert run("show.wat", "--stdin", "script").output == "a script\n"


def test_functions(folder: Path) -> None:
    assert run("show.wat", "--invoke", "add", "1", "2").output == "add([I32(1), I32(2)]) returned [I32(3)]\n"
    assert run("show.wat", "--em-entrypoint", "first", "--", "x").exit_code == ord("s")
    assert "Export not found: nothing" in run("show.wat", "--em-entrypoint", "nothing").output


def test_what_has_no_effect_or_is_not_there(folder: Path) -> None:
    assert "--net-listen ADDRESS:PORT" in run("show.wat", "--tcplisten", "127.0.0.1:0").output
    (folder / "plain.wat").write_text('(module (func (export "main")))')
    assert "--em-entrypoint has no effect" in run("plain.wat", "--em-entrypoint", "x").output


SOCKET = """
  (import "env" "__syscall_socket" (func $socket (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "main") (param i32 i32) (result i32)
    (call $socket (i32.const 2) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
"""


def test_sockets_are_what_the_options_say(folder: Path) -> None:
    (folder / "socket.wat").write_text(f"(module {SOCKET})")
    assert run("socket.wat").exit_code == -2 & 0xFFFF_FFFF  # EACCES
    assert run("socket.wat", "--net-listen", "127.0.0.1:0").exit_code == 3
    assert run("socket.wat", "--net-connect", "localhost:80", "--net-connect", "[::1]:80").exit_code == 3
    for option, entry in (("listen", "80"), ("listen", "localhost.example:80"), ("connect", "::1:80")):
        result = run("socket.wat", f"--net-{option}", entry)
        assert result.exit_code == 1 and f"Error: --net-{option}: '{entry}'" in result.output
    (folder / "plain.wat").write_text('(module (func (export "main")))')
    assert "--net-listen has no effect" in run("plain.wat", "--net-listen", "127.0.0.1:0").output


def test_stubs_of_a_program_that_binds_nothing(folder: Path) -> None:
    result = CliRunner().invoke(console, ["em-stubs", "show.wat"])
    assert result.exit_code == 1 and "show.wat binds nothing: it was not built with --bind" in result.output


@pytest.mark.parametrize("file", ["/", ".", ""])
def test_what_has_no_name_is_no_file(folder: Path, file: str) -> None:
    for command in ("em-stubs", "run"):
        result = CliRunner().invoke(console, [command, file])
        assert result.exit_code == 1 and "Is a directory" in result.output
