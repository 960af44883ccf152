"""Each layer imports only from those below it; siblings never import each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]


def test_the_contracts_of_import_linter_are_kept() -> None:
    pytest.importorskip("importlinter", reason="import-linter is not installed (nox -s layers has it)")
    sources = os.pathsep.join(str(path) for path in sorted(ROOT.glob("lib/*/src")))
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        cwd=ROOT,
        env=dict(os.environ, PYTHONPATH=sources),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def test_backends_take_offsets_from_core() -> None:
    """`ContextOffsets` computes them once for all; a backend that asked `ContextLayout` would write that again."""
    sources = sorted(ROOT.glob("lib/*-backend/src/**/*.py"))
    assert len(sources) > 40
    assert [path.name for path in sources if "ContextLayout" in path.read_text()] == []
