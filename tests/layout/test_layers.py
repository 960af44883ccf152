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
    """`VmctxOffsets` computes them once for all; a backend that asked `VmctxLayout` would write that again."""
    sources = sorted(ROOT.glob("lib/*-backend/src/**/*.py"))
    assert len(sources) > 40
    assert [path.name for path in sources if "VmctxLayout" in path.read_text()] == []


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


def imported(path: Path) -> set[str]:
    """Modules that a source or stub names in its imports, late ones and those for types included; absolute names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """What is left of a graph without all that leads nowhere and all that nothing leads to."""
    while True:
        kept = {name for name, to in graph.items() if to} & set().union(*graph.values())
        if len(kept) == len(graph):
            return sorted(graph)
        graph = {name: to & kept for name, to in graph.items() if name in kept}


def test_no_circle_stubs_included() -> None:
    """As import-linter has it, which reads no stubs: what lies beside each other imports in one direction."""
    sources = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for root in ROOT.glob("lib/*/src")
        for path in sorted([*root.rglob("*.py"), *root.rglob("*.pyi")])
    }
    stubs = [path for path in sources.values() if path.suffix == ".pyi"]
    assert len(sources) > 350 and stubs
    siblings: dict[str, dict[str, set[str]]] = {}
    for name, path in sources.items():
        for other in imported(path) & set(sources) - {name}:
            ours, theirs = name.split("."), other.split(".")
            depth = next((at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
            if depth:  # None: one is the other's package
                graph = siblings.setdefault(".".join(ours[:depth]), {})
                graph.setdefault(ours[depth], set()).add(theirs[depth])
                graph.setdefault(theirs[depth], set())
    assert {package: found for package, graph in siblings.items() if (found := circle(graph))} == {}
