"""The backend is found by its name, and says what it lacks."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from wasmer_llvm_backend import LLVMCompiler
from wasmer_runtime_core.compiling import registry as backends
from wasmer_runtime_core.errors import BackendError


def test_the_entry_point_leads_to_it() -> None:
    (entry,) = entry_points(group="wasmer.backends", name="llvm")
    assert entry.load() is LLVMCompiler
    assert backends.find_compiler("llvm").name == "llvm"


def test_without_llvmlite_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(backends._found, "llvm", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BackendError, match="pip install llvmlite"):
        backends.find_compiler("llvm")


def test_importing_it_does_not_import_llvm() -> None:
    code = "import wasmer_llvm_backend, sys; sys.exit('llvmlite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
