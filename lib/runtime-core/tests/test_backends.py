"""How a backend is found: by name, by entry point, or with a message that says what to install."""

from __future__ import annotations

import importlib
import importlib.metadata
import types
from collections.abc import Callable
from typing import Any

import pytest

from wasmer_runtime_core.compiling import registry as backends
from wasmer_runtime_core.compiling.backend_names import Backend
from wasmer_runtime_core.compiling.registry import LARGE_MODULE_BYTES, find_compiler, installed
from wasmer_runtime_core.errors import BackendError, CompileError


class Fast:
    name = "singlepass"

    def compile(self, *arguments: Any) -> Any: ...


class Good(Fast):
    name = "cranelift"


class Broken:
    name = "cranelift"

    def __init__(self) -> None:
        raise CompileError("not on this processor")


class NeedsMore:
    name = "llvm"

    def __init__(self) -> None:
        raise ImportError("no module named llvmlite")


class Point:
    def __init__(self, name: str, factory: Callable[[], Any]) -> None:
        self.name = name
        self.load = lambda: factory


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    """A good singlepass, a cranelift that refuses the processor, an llvm that lacks something, and a fourth."""
    packages = {
        "wasmer_singlepass_backend": types.SimpleNamespace(SinglepassCompiler=Fast),
        "wasmer_clif_backend": types.SimpleNamespace(CraneliftCompiler=Broken),
        "wasmer_llvm_backend": types.SimpleNamespace(LLVMCompiler=NeedsMore),
    }
    monkeypatch.setattr(backends, "_found", {})
    monkeypatch.setattr(importlib, "import_module", packages.__getitem__)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Point("Mine", Fast)])


def test_by_name_in_any_case_and_once() -> None:
    assert isinstance(find_compiler("singlepass"), Fast)
    assert find_compiler("SinglePass") is find_compiler(Backend.SINGLEPASS)


def test_backends_that_refuse() -> None:
    with pytest.raises(BackendError, match=r"^not on this processor$"):
        find_compiler("cranelift")
    with pytest.raises(BackendError, match="the backend llvm cannot be used: no module named llvmlite"):
        find_compiler(Backend.LLVM)


def test_auto_is_the_first_that_works() -> None:
    """Here cranelift refuses the processor."""
    assert find_compiler("auto") is find_compiler("singlepass")


def test_auto_knows_every_backend_of_this_project() -> None:
    assert backends.PREFERRED[0] == "cranelift"
    assert sorted(backends.PREFERRED) == sorted(row.name for row in backends.BACKENDS)


def test_auto_is_singlepass_for_a_large_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cranelift comes first for others."""
    packages = {
        "wasmer_singlepass_backend": types.SimpleNamespace(SinglepassCompiler=Fast),
        "wasmer_clif_backend": types.SimpleNamespace(CraneliftCompiler=Good),
    }
    monkeypatch.setattr(importlib, "import_module", packages.__getitem__)
    assert isinstance(find_compiler(Backend.AUTO), Good)
    assert isinstance(find_compiler("auto", LARGE_MODULE_BYTES), Good) and LARGE_MODULE_BYTES == 10 * 1024 * 1024
    assert isinstance(find_compiler("auto", LARGE_MODULE_BYTES + 1), Fast)
    assert isinstance(find_compiler("cranelift", LARGE_MODULE_BYTES + 1), Good)
    packages["wasmer_singlepass_backend"] = types.SimpleNamespace(SinglepassCompiler=Broken)
    monkeypatch.setattr(backends, "_found", {})
    assert isinstance(find_compiler("auto", LARGE_MODULE_BYTES + 1), Good)


def test_a_fourth_backend_by_entry_point() -> None:
    assert isinstance(find_compiler("mine"), Fast)
    assert installed() == ["singlepass", "mine"]
    assert Backend.variants() == ["singlepass", "mine", "auto"]


def test_unknown_names() -> None:
    with pytest.raises(
        BackendError, match=r"The backend other doesn't exist \(there are singlepass, cranelift, llvm, auto\)"
    ):
        find_compiler("other")


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(BackendError, match="the backend llvm is not installed: pip install wasmer-llvm-backend"):
        find_compiler("llvm")
    with pytest.raises(BackendError, match="no backend is installed: pip install wasmer-singlepass-backend"):
        find_compiler("auto")


def test_a_backend_whose_own_imports_fail_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'oops'", name="oops")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="oops"):
        find_compiler("singlepass")
