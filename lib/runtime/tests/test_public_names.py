"""What the package offers: every name is there, typed and at run time, and importing costs little."""

from __future__ import annotations

import ast
import builtins
import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import wasmer_runtime
import wasmer_runtime_core


@pytest.mark.parametrize("package", [wasmer_runtime, wasmer_runtime_core], ids=lambda package: package.__name__)
def test_every_name_is_there(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name) is not None
    assert dir(package) == sorted(package.__all__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("package", [wasmer_runtime, wasmer_runtime_core], ids=lambda package: package.__name__)
def test_the_checker_sees_what_there_is(package: object) -> None:
    source = Path(package.__file__).read_text()  # type: ignore[attr-defined]
    for node in ast.parse(source).body:
        if isinstance(node, ast.If):
            imported = {
                alias.asname or alias.name
                for statement in node.body
                if isinstance(statement, ast.ImportFrom)
                for alias in statement.names
            }
            assert imported == set(package.__all__)  # type: ignore[attr-defined]
            return
    raise AssertionError("no imports for the type checker")


@pytest.mark.parametrize("package", [wasmer_runtime, wasmer_runtime_core], ids=lambda package: package.__name__)
def test_unknown_names_are_attribute_errors(package: object) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = package.nonsense  # type: ignore[attr-defined]


def test_submodules_have_what_they_list() -> None:
    for name in ("cache", "error", "memory", "middleware", "processes", "types", "units", "wasm"):
        module = getattr(wasmer_runtime, name)
        assert module.__name__ == f"wasmer_runtime.{name}"
        for public in module.__all__:
            assert getattr(module, public) is not None


def test_importing_all_errors_hides_no_name_of_python() -> None:
    assert not set(wasmer_runtime.error.__all__) & set(dir(builtins))
    assert issubclass(wasmer_runtime.error.RuntimeError, RuntimeError)


@pytest.mark.parametrize("name", ["runtime", "runtime_core", "wasi", "emscripten", "go", "vfs", "blazor"])
def test_versions_have_pythons_name(name: str) -> None:
    package = pytest.importorskip(f"wasmer_{name}")
    assert package.__version__ == package.VERSION == importlib.metadata.version(f"wasmer-{name}".replace("_", "-"))


def loaded_by(code: str) -> set[str]:
    report = f"{code}\nimport sys; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", report], text=True).split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_by("import wasmer_runtime") - loaded_by("import typing")
    ours = {name for name in loaded if name.startswith("wasmer")}
    assert ours == {"wasmer_runtime"}


def test_compiling_and_calling_loads_no_slow_modules() -> None:
    loaded = loaded_by(
        "from wasmer_runtime import instantiate; instantiate('(module (func (export \"f\")))').exports.f()"
    )
    slow = {"inspect", "dataclasses", "importlib.metadata", "click", "rich", "asyncio", "ctypes", "pathlib", "logging"}
    assert not loaded & slow


SMALL: Final = """
  (module
    (memory 1)
    (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
"""
COLD: Final = f"""
import wasmer_runtime
module = wasmer_runtime.compile({wasmer_runtime.wat2wasm(SMALL)!r}, backend=%r)
assert wasmer_runtime.instantiate(module, {{}}).exports.add(1, 2) == 3
"""
"""What `benchmarks/boundary.py` calls "start to first call"."""

NEEDED: Final = {
    *("__future__", "errno", "faulthandler", "importlib", "importlib._bootstrap", "importlib._bootstrap_external"),
    "importlib.machinery",  # by what mypyc makes
    *("librt", "librt.strings", "librt.vecs", "mypy_extensions", "warnings"),
    *("_collections", "_weakref"),
}
"""Modules of others that a cold start may import. `typing`, `enum` and `functools` would be a third of it."""
NEEDED_FROM_THE_CACHE: Final = {"__future__", "_blake2", "_collections", "_weakref", "errno", "faulthandler"}
"""And one without a compiler, and without what compilers make."""


def test_a_cold_start_from_the_cache_imports_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No compiler, nothing that reads modules."""
    monkeypatch.setenv("WASMER_CACHE_DIR", str(tmp_path))
    text = SMALL.replace("(memory 1)", '(memory 2) (data (i32.const 0) "' + "x" * 70000 + '")')
    (tmp_path / "m.wasm").write_bytes(wasmer_runtime.wat2wasm(text))
    start = (
        f"import wasmer_runtime\nwith open({str(tmp_path / 'm.wasm')!r}, 'rb') as file: wasm = file.read()\n"
        "module = wasmer_runtime.compile(wasm)\n"
        "assert wasmer_runtime.instantiate(module, {}).exports.add(1, 2) == 3"
    )
    loaded_by(start)
    loaded = loaded_by(start + "\nassert module.stored is not None") - loaded_by("pass")
    ours = {name for name in loaded if name.startswith("wasmer")}
    assert loaded - ours <= NEEDED_FROM_THE_CACHE
    assert len(ours) <= 55
    reads = ("binary", "validation", "text", "operators")
    assert not {f"wasmer_runtime_core.wasm.{name}" for name in reads} & ours
    assert not [name for name in ours if "backend" in name.partition(".")[0] or ".codegen" in name]


@pytest.mark.parametrize(("backend", "most"), [("singlepass", 120), ("cranelift", 175)])
def test_a_cold_start_imports_what_it_needs(backend: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if wasmer_runtime.compiler_for_backend(backend) is None:
        pytest.skip(f"{backend} is not installed")
    monkeypatch.delenv("WASMER_CLIF_CHECK", raising=False)  # what proves its code is loaded for that alone
    loaded = loaded_by(COLD % backend) - loaded_by("pass")
    ours = {name for name in loaded if name.startswith("wasmer") and "__mypyc" not in name}
    its_own = {"struct", "_struct", "itertools"} if backend == "cranelift" else set()
    assert loaded - ours <= NEEDED | its_own | {name for name in loaded if "__mypyc" in name}
    assert len(ours) <= most, "each costs a tenth of a millisecond: what is wanted later is imported later"
