"""`run`: what a program gets and gives back in one call, and what is said where something is not as it should be."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import DecodeError, LinkError, Timeout, Trap
from wasmer_runtime_core.running.module import Module
from wasmer_wasi import MemoryDirectory, PreopenedDirectoryNotFound, WasiStateCreationError, run

COPY = """(module
  (import "{namespace}" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "{namespace}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "{namespace}" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\00\\04\\00\\00")
  (func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    {end}))"""
"""Writes what it reads to both outputs."""

TELL = """(module
  (import "wasi_snapshot_preview1" "{what}_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "{what}_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\00\\04\\00\\00")
  (func (export "_start")
    (drop (call $sizes (i32.const 8) (i32.const 4)))
    (drop (call $get (i32.const 512) (i32.const 1024)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))))"""
"""Writes its arguments or its variables, a NUL byte behind each."""

FILES = """(module
  (import "wasi_snapshot_preview1" "path_create_directory" (func $make (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "made")
  (func (export "_start") (call $exit (call $make (i32.const 3) (i32.const 0) (i32.const 4)))))"""
"""Makes a directory in the first that it has; its exit code is the number of the error."""


def made(text: str, backend: str) -> Module:
    return compile_with(text, find_compiler(backend))


def copy(backend: str, end: str = "", namespace: str = "wasi_snapshot_preview1") -> Module:
    return made(COPY.format(end=end, namespace=namespace), backend)


@pytest.mark.parametrize("namespace", ["wasi_unstable", "wasi_snapshot_preview1"])
def test_output_and_exit_code(backend: str, namespace: str) -> None:
    module = copy(backend, "(call $exit (i32.const 3))", namespace)
    done = run(module, stdin=b"words", capture=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"words", b"words")
    assert run(module, stdin=b"once more", capture=True).stdout == b"once more"


def test_an_exit_code_is_raised_if_that_is_asked_for(backend: str) -> None:
    module = copy(backend, "(call $exit (i32.const 3))")
    with pytest.raises(subprocess.CalledProcessError) as failure:
        run(module, ["-v"], name="words", stdin=b"why", capture=True, check=True)
    assert (failure.value.returncode, failure.value.stderr, failure.value.cmd) == (3, b"why", ["words", "-v"])
    assert run(copy(backend), check=True).returncode == 0


def test_text(backend: str) -> None:
    done = run(copy(backend), stdin="schön\n".encode() + b"\xff", capture=True, text=True)
    assert done.stdout == "schön\n\ufffd"
    assert run(copy(backend), stdout=None, stderr=None, text=True).stdout is None


@pytest.mark.parametrize("given", [{"A": "1", "B": "two"}, [("A", "1"), ("B", "two")]])
def test_arguments_and_variables(backend: str, given: Any) -> None:
    assert run(made(TELL.format(what="args"), backend), ["a b", ""], name="p", capture=True).stdout == b"p\0a b\0\0"
    assert run(made(TELL.format(what="environ"), backend), env=given, capture=True).stdout == b"A=1\0B=two\0"
    assert run(made(TELL.format(what="environ"), backend), capture=True).stdout == b""


def test_directories(backend: str, tmp_path: Path) -> None:
    program, memory = made(FILES, backend), MemoryDirectory()
    assert run(program).returncode == 8  # EBADF: it has none
    assert run(program, dirs={"/data": tmp_path}).returncode == 0 and (tmp_path / "made").is_dir()
    assert run(program, dirs=[tmp_path]).returncode == 20  # EEXIST
    assert run(program, dirs={"/data": memory}).returncode == 0
    assert run(program, dirs={"/data": memory}).returncode == 20


def test_outputs_are_what_python_has(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook, under pytest and in `redirect_stdout` they are other objects than at the start."""
    out, err = io.StringIO(), io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    print("before")
    done = run(copy(backend), stdin=b"text")
    assert (done.stdout, done.stderr) == (None, None)
    assert (out.getvalue(), err.buffer.getvalue()) == ("before\ntext", b"text")  # type: ignore[attr-defined]


def test_outputs_of_ones_own(backend: str) -> None:
    out, err = io.BytesIO(), list[bytes]()
    run(copy(backend), stdin=b"text", stdout=out, stderr=err.append)
    assert (out.getvalue(), err) == (b"text", [b"text"])


def test_a_trap_tells_what_the_program_said(backend: str) -> None:
    module = copy(backend, "(unreachable)")
    with pytest.raises(Trap) as failure:
        run(module, stdin=b"panicked at \x1b[1m'no'\n", capture=True)
    assert "standard error of the program:\npanicked at \\x1b[1m'no'" in failure.value.__notes__
    with pytest.raises(Trap) as failure:
        run(module, stdin=b"", capture=True)
    assert len(failure.value.__notes__) == 1
    with pytest.raises(Trap) as failure:
        run(module, stdin=b"x" * 1000 + b"y" * 24, capture=True)
    assert failure.value.__notes__[-1].endswith("x" * 1000 + "y" * 24)


def test_a_deadline(backend: str) -> None:
    with pytest.raises(Timeout) as failure:
        run(copy(backend, "(loop (br 0))"), stdin=b"begun", capture=True, timeout=0.05)
    assert "standard error of the program:\nbegun" in failure.value.__notes__
    start = '(module (start $spin) (func $spin (loop (br 0))) (func (export "_start")))'
    with pytest.raises(Timeout):
        run(made(start, backend), timeout=0.05)


def test_imports_beside_wasi(backend: str) -> None:
    seen: list[int] = []
    module = made(
        '(module (import "env" "log" (func $log (param i32))) (func (export "_start") (call $log (i32.const 5))))',
        backend,
    )
    run(module, imports={"env": {"log": seen.append}})
    assert seen == [5]
    with pytest.raises(LinkError, match="namespace: env, name: log"):
        run(module)


def test_threads(backend: str) -> None:
    module = made(
        """(module
          (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (import "env" "memory" (memory 1 1 shared))
          (func (export "wasi_thread_start") (param i32 i32)
            (i32.atomic.store (i32.const 0) (local.get 1))
            (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))
          (func (export "_start")
            (drop (call $spawn (i32.const 6)))
            (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
            (call $exit (i32.atomic.load (i32.const 0)))))""",
        backend,
    )
    assert run(module, timeout=60).returncode == 6


def test_what_is_compiled_here(tmp_path: Path) -> None:
    text = COPY.format(end="", namespace="wasi_snapshot_preview1")
    (tmp_path / "copy.wat").write_text(text)
    assert run(text, stdin=b"1", capture=True).stdout == b"1"
    assert run(tmp_path / "copy.wat", stdin=b"2", capture=True).stdout == b"2"
    with pytest.raises(DecodeError, match=r"looks like a file name.*pass a pathlib\.Path"):
        run("copy.wasm")


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"args": "a b"}, TypeError, r"args takes several, as a list: \['a b'\]"),
        ({"args": ["a\0b"]}, WasiStateCreationError, "NUL byte"),
        ({"args": [5]}, TypeError, "an argument is a str or bytes; this is 5"),
        ({"env": "A=1"}, TypeError, "envs takes several"),
        ({"env": ["A=1"]}, TypeError, "pairs of a name and a value; this is 'A=1'"),
        ({"env": {"A": 1}}, TypeError, "the value of environment variable 'A' is a str or bytes; this is 1"),
        ({"env": {"A=": "1"}}, WasiStateCreationError, "may not be empty or contain '='"),
        ({"dirs": "/srv"}, TypeError, r"takes several, as a list: \['/srv'\]"),
        ({"dirs": {"/data": 5}}, TypeError, "a directory is a path, a HostDirectory or a MemoryDirectory; this is 5"),
        ({"dirs": {"/data": "/no/such"}}, PreopenedDirectoryNotFound, "/no/such is not a directory"),
        ({"dirs": {"": "."}}, WasiStateCreationError, "alias"),
        ({"dirs": {5: "."}}, TypeError, "alias"),
        ({"stdin": "text"}, TypeError, r"give bytes for what is read, or a pathlib\.Path for a file"),
        ({"stdin": 5}, TypeError, "this is 5"),
        ({"stdout": "out.txt"}, TypeError, "open the file"),
        ({"stderr": 2}, TypeError, "this is 2"),
        ({"capture": True, "stdout": None}, ValueError, "give no stdout and stderr beside it"),
        ({"timeout": "5"}, TypeError, "str"),
    ],
)
def test_what_is_refused(given: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        run('(module (func (export "_start")))', **given)


def test_what_is_no_program() -> None:
    with pytest.raises(TypeError, match="no WASI program: it exports no function _start"):
        run("(module)")
    with pytest.raises(TypeError, match="a WASI library, not a program"):
        run('(module (func (export "_initialize")))')
