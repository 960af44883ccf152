"""``run --backend llvm`` and the files it writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from wasmer_runtime.cli import cli

pytest.importorskip("llvmlite", reason="the llvm backend needs llvmlite")

PROGRAM = '(module (memory 1) (func (export "main") (result i32) i32.const 6 i32.const 7 i32.mul))'


def test_ir_and_object_are_written(tmp_path: Path) -> None:
    program = tmp_path / "program.wat"
    program.write_text(PROGRAM)
    files = {name: tmp_path / name for name in ("pre-opt-ir", "post-opt-ir", "object-file")}
    options = [word for name, path in files.items() for word in (f"--llvm-{name}", str(path))]
    result = CliRunner().invoke(cli, ["run", str(program), "--backend", "llvm", *options])
    assert (result.exit_code, result.stdout) == (0, "main([]) returned [I32(42)]\n")
    assert "mul i32 6, 7" in files["pre-opt-ir"].read_text()
    assert "ret i32 42" in files["post-opt-ir"].read_text()
    assert files["object-file"].read_bytes().startswith(b"\x7fELF")


def test_files_of_another_backend_are_refused_with_a_warning(tmp_path: Path) -> None:
    program = tmp_path / "program.wat"
    program.write_text(PROGRAM)
    result = CliRunner().invoke(cli, ["run", str(program), "--llvm-object-file", str(tmp_path / "object")])
    assert result.exit_code == 0
    assert "have an effect with --backend llvm only" in result.stderr
    assert not (tmp_path / "object").exists()
