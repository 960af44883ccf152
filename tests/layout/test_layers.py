"""Each layer imports only from those below it; siblings never import each other."""

from __future__ import annotations

import ast
import os
import re
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


def constants(path: Path) -> dict[str, int]:
    """Names that a module gives to a number it writes itself."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
            if type(node.value.value) is int:
                found[target.id] = node.value.value
    return found


def test_numbers_that_core_has_named_are_not_written_again() -> None:
    """Value types, registers, conditions, the convention, what records and bodies are made of: imported by name."""
    core = ROOT / "lib" / "runtime-core" / "src" / "wasmer_runtime_core"
    tables = ("wasm/types", "wasm/body/body", "contract/convention", "contract/traps")
    tables += ("codegen/x64/registers", "codegen/x64/conditions", "codegen/x64/records")
    facts = {fact for table in tables for fact in constants(core / f"{table}.py").items()}
    assert {("I32", 0x7F), ("R11", 11), ("PARITY", 10), ("RECORD_BYTES", 16), ("INTEGER_ARGUMENTS", 6)} <= facts
    again = {
        str(path.relative_to(ROOT)): sorted(name for name, number in constants(path).items() if (name, number) in facts)
        for path in sorted(ROOT.glob("lib/*-backend/src/**/*.py"))
    }
    assert {path: names for path, names in again.items() if names} == {}
    value_type = re.compile(r"[=!]= 0x(7[0-9A-F]|6F)\b")
    assert [str(path) for path in ROOT.glob("lib/*-backend/src/**/*.py") if value_type.search(path.read_text())] == []
