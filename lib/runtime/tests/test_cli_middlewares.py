"""``run`` with traces and a limit of points."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.console import console

PROGRAM = """
(module
  (func $leaf (block))
  (func (export "main") (call $leaf))
  (func (export "forever") (loop (br 0))))
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.wat"
    path.write_text(PROGRAM)
    return str(path)


def test_traces(program: str) -> None:
    result = CliRunner().invoke(console, ["run", program, "--call-trace"])
    assert result.exit_code == 0 and "[0] func (1)\n[1] func (0)\n" in result.output
    result = CliRunner().invoke(console, ["run", program, "--block-trace"])
    assert result.output.count("[BlockTrace]") == 4 and "(0, 0) -> block % leaf" in result.output


def test_points(program: str) -> None:
    result = CliRunner().invoke(console, ["run", program, "--points", "1000", "-i", "forever"])
    assert result.exit_code == 134 and "execution limit exceeded" in result.output
    assert CliRunner().invoke(console, ["run", program, "--points", "1000"]).exit_code == 0
    assert CliRunner().invoke(console, ["run", program, "--points", "-1"]).exit_code == 2
