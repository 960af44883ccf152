"""WebAssembly modules as Python modules: found on paths and in packages, imports from other modules, WASI."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wasmer_runtime.importer as importer
from wasmer_runtime import Memory, wat2wasm
from wasmer_runtime.error import DecodeError, LinkError

ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on sys.path; what is imported from it is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    importer.install()
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    importlib.invalidate_caches()


def test_text_and_binary(folder: Path) -> None:
    write(folder / "calculator.wasm", wat2wasm(ADD))
    write(folder / "in_text.wat", ADD)
    for name in ("calculator", "in_text"):
        module = importlib.import_module(name)
        assert module.add(2, 3) == 5
        assert module.__all__ == ["add"] and module.__file__ is not None and module.__file__.startswith(str(folder))
        assert module.__wasm_instance__.exports.add == module.add
        assert "WebAssembly" in (module.__doc__ or "")
        assert importlib.import_module(name) is module


def test_python_wins_and_wasm_wins_over_text(folder: Path) -> None:
    write(folder / "both.wat", ADD)
    write(folder / "both.py", "add = 'python'")
    assert importlib.import_module("both").add == "python"
    write(folder / "twice.wat", '(module (func (export "text")))')
    write(folder / "twice.wasm", wat2wasm(ADD))
    assert importlib.import_module("twice").__all__ == ["add"]


def test_imports_come_from_modules(folder: Path) -> None:
    write(folder / "host_side.py", "seen = []\nlog = seen.append\n")
    write(folder / "memories.wat", '(module (memory (export "shared") 2))')
    write(
        folder / "user.wat",
        """(module (import "host_side" "log" (func $log (param i32))) (import "memories" "shared" (memory 1))
             (func (export "run") (call $log (memory.size))))""",
    )
    importlib.import_module("user").run()
    assert sys.modules["host_side"].seen == [2]
    assert isinstance(sys.modules["memories"].shared, Memory)


def test_packages(folder: Path) -> None:
    write(folder / "pack" / "__init__.py", "from .inner import add")
    write(folder / "pack" / "helper.py", "def one() -> int: return 1")
    write(
        folder / "pack" / "inner.wat",
        """(module (import "helper" "one" (func $one (result i32)))
             (func (export "add") (param i32) (result i32) (i32.add (call $one) (local.get 0))))""",
    )
    assert importlib.import_module("pack").add(41) == 42
    assert "pack.inner" in sys.modules and "helper" not in sys.modules


def test_wasi(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("wasmer_wasi")
    write(
        folder / "greeter.wat",
        r"""(module
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (global (export "ready") (mut i32) (i32.const 0))
             (data (i32.const 0) "\08\00\00\00\03\00\00\00hi\n")
             (func (export "_initialize") (global.set 0 (i32.const 1)))
             (func (export "greet") (result i32)
               (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))""",
    )
    greeter = importlib.import_module("greeter")
    assert greeter.ready.value == 1
    assert greeter.greet() == 0
    sys.stdout.flush()
    assert "hi" in capfd.readouterr().out


def test_what_is_missing_is_said(folder: Path) -> None:
    write(folder / "lonely.wat", '(module (import "no_such_module" "f" (func)))')
    with pytest.raises(ImportError, match="no_such_module"):
        importlib.import_module("lonely")
    assert "lonely" not in sys.modules
    write(folder / "provider.py", "g = 1")
    write(folder / "unlucky.wat", '(module (import "provider" "f" (func)) (import "provider" "g" (func)))')
    with pytest.raises(LinkError) as caught:
        importlib.import_module("unlucky")
    assert len(caught.value.errors) == 2
    write(folder / "broken.wat", "(module (func")
    with pytest.raises(DecodeError):
        importlib.import_module("broken")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("not_there_at_all")


def test_uninstalling(folder: Path) -> None:
    write(folder / "calculator.wat", ADD)
    importer.uninstall()
    importer.uninstall()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("calculator")
    importer.install()
    importer.install()
    assert sys.meta_path.count(importer._finder) == 1
    assert importlib.import_module("calculator").add(1, 1) == 2


def test_in_a_script(tmp_path: Path) -> None:
    write(tmp_path / "adder.wat", ADD)
    write(tmp_path / "main.py", "import wasmer_runtime.importer\nfrom adder import add\nprint(add(20, 22))\n")
    printed = subprocess.check_output([sys.executable, str(tmp_path / "main.py")], text=True)
    assert printed == "42\n"
