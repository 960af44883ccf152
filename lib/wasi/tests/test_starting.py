"""A program that begins imports what its functions need, and the public names are those that checkers see."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import wasmer_vfs
import wasmer_wasi

SLOW: Final = {"typing", "contextlib", "inspect", "re", "socket", "threading", "weakref"}

WRITES: Final = """
import wasmer_wasi
from wasmer_wasi.imports import generate_import_object_from_state
from wasmer_wasi.state import WasiState
imports = generate_import_object_from_state(WasiState.new("program").build())
imports.get("wasi_snapshot_preview1")["fd_write"]
"""


def loaded_by(code: str) -> set[str]:
    report = f"{code}\nimport sys; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", report], text=True).split())


def test_a_program_that_writes_needs_no_sockets() -> None:
    loaded = loaded_by(WRITES) - loaded_by("pass")
    assert not loaded & SLOW
    assert "wasmer_wasi.snapshot1.files" in loaded
    others = {"paths", "process", "sockets", "waiting"}
    assert not loaded & {f"wasmer_wasi.snapshot1.{name}" for name in others}
    assert not [name for name in loaded if "network" in name or name.startswith("wasmer_vfs.memory")]


@pytest.mark.parametrize("package", [wasmer_vfs, wasmer_wasi], ids=lambda package: package.__name__)
def test_the_checker_sees_what_there_is(package: ModuleType) -> None:
    """Under the names, and from the modules, from which they come at run time."""
    tree = ast.parse(Path(str(package.__file__)).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.asname or alias.name: (statement.module, alias.name)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert set(seen) == set(package.__all__) == set(dir(package))
    for name, (home, there) in seen.items():
        module = __import__(str(home), fromlist=[there])
        assert getattr(package, name) is getattr(module, there), name
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = package.nonsense
