"""A command line that is read without click is read as click reads it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from wasmer_runtime import compile
from wasmer_runtime.cli import cli, run_quickly, running

FORMS: Final = (
    "p.wasm",
    "p.wasm a b",
    "p.wasm -- a --dir",
    "p.wasm --flag --dir .",
    "p.wasm -x",
    "p.wasm --help",
    "--dir . --mapdir /d:. --env A=1 --env B= -q p.wasm a -b",
    "--backend singlepass p.wasm --env-inherit a",
    "--backend=auto --disable-cache --no-tiers p.wasm",
    "--invoke add p.wasm 1 -2",
    "-i add p.wasm -1",
    "--lazy --deterministic --disable-threads p.wasm",
    "--memory 64K --tcplisten 127.0.0.1:80 p.wasm",
    "--stdin p.wasm -",
)
"""What is read without click."""

WORDS: Final = st.sampled_from(
    [
        "p.wasm",
        "./p.wasm",
        "//a/./b/",
        "/",
        "a",
        "",
        "-",
        "--",
        "-q",
        "-i",
        "-x",
        "-qi",
        "-h",
        "--help",
        "--dir",
        "--dir=.",
        "--dir=",
        ".",
        "--env",
    ]
    + ["A=1", "--env=A", "--tiers", "--no-tiers", "--tiers=1", "--lazy", "--points", "7", "--fuel=x", "--nope", "-ix"]
    + ["--wasi-version", "latest", "--stdin", "--stdin=f", "--memory", "1G", "--timeout=5", "--backend", "nobody", "--"]
    + ["--disable-threads", "--enable-threads", "--implementation-limit", "locals=5", "--quiet", "--invoke=", "-i=a"]
)


def by_click(words: list[str]) -> dict[str, Any] | None:
    """What click calls the command with; None: it refuses."""
    called: list[dict[str, Any]] = []
    own = running.run.callback
    running.run.callback = lambda **options: called.append(options)
    try:
        CliRunner().invoke(cli, ["run", *words])
    finally:
        running.run.callback = own
    return called[0] if called else None


def plain(options: dict[str, Any] | None) -> dict[str, Any] | None:
    """Paths as texts."""
    if options is None:
        return None
    return {name: os.fspath(value) if hasattr(value, "__fspath__") else value for name, value in options.items()}


@pytest.mark.parametrize("form", FORMS)
def test_these_are_read_without_click(form: str) -> None:
    words = shlex.split(form)
    quick = running.run.quickly(words)  # type: ignore[attr-defined]
    assert quick is not None
    assert plain(quick) == plain(by_click(words))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WORDS, max_size=6))
@example(["p.wasm", "-q", "--", "--dir"])
@example(["--dir", "--", "p.wasm"])
def test_others_are_read_alike_or_left_to_click(words: list[str]) -> None:
    quick = running.run.quickly(words)  # type: ignore[attr-defined]
    assert quick is None or plain(quick) == plain(by_click(words))


def test_what_else_is_left_to_click() -> None:
    for words in ([], ["--version"], ["inspect", "p.wasm"], ["nothing"], ["--", "p.wasm"], ["run"], ["run", "-h"]):
        assert run_quickly(words) is None


COUNTS: Final = """
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (drop (call $sizes (i32.const 0) (i32.const 4))) (call $exit (i32.load (i32.const 0)))))
"""
START: Final = """
import sys
sys.argv = ["wasmer-runtime", "run", "--dir", ".", {file!r}, "a", "b"]
from wasmer_runtime.cli import main
try:
    main()
except SystemExit as end:
    print(end.code, *sys.modules)
"""


def test_a_program_runs_without_what_click_imports(tmp_path: Path) -> None:
    pytest.importorskip("wasmer_wasi")
    file = tmp_path / "p.wasmer"
    file.write_bytes(compile(COUNTS).serialize())
    said = subprocess.check_output([sys.executable, "-c", START.format(file=str(file))], text=True, cwd=tmp_path)
    code, *loaded = said.split()
    before = subprocess.check_output([sys.executable, "-c", "import sys; print(*sys.modules)"], text=True).split()
    assert code == "3"
    slow = {"click", "typing", "re", "pathlib", "inspect", "contextlib", "threading", "socket", "weakref"}
    assert not (set(loaded) - set(before)) & slow
