"""WebAssembly modules as Python modules: found on paths and in packages, given what was allowed and nothing else."""

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
    importer.uninstall()  # whatever was allowed before
    importer.install()
    yield tmp_path
    importer.uninstall()
    importer.install()
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


USER = """(module (import "host" "log" (func $log (param i32))) (import "shared" "memory" (memory 1))
             (func (export "run") (call $log (memory.size))))"""


@pytest.mark.parametrize("form", ["mapping", "module", "its name"])
def test_imports_come_from_what_was_allowed(folder: Path, form: str) -> None:
    write(folder / "host_side.py", "seen = []\nlog = seen.append\n")
    write(folder / "memories.wat", '(module (memory (export "memory") 2))')
    write(folder / "user.wat", USER)
    host = importlib.import_module("host_side")
    given = {"mapping": {"log": host.log}, "module": host, "its name": "host_side"}[form]
    importer.install({"host": given, "shared": "memories"})
    importlib.import_module("user").run()
    assert host.seen == [2]
    assert isinstance(sys.modules["memories"].memory, Memory)
    importer.install()  # takes nothing back
    assert set(importer._finder.allowed[""].namespaces) == {"host", "shared"}


def test_nothing_is_allowed_at_first(folder: Path, tmp_path: Path) -> None:
    """Neither Python's own modules, nor those beside the file, nor other WebAssembly, nor WASI."""
    write(folder / "beside.py", "def f(): raise AssertionError")
    write(folder / "other.wat", '(module (func (export "f")))')
    for namespace in ("os", "builtins", "beside", "other", "host", "wasmer_runtime", "", "sys.modules", "__main__"):
        write(folder / "greedy.wat", f'(module (import "{namespace}" "f" (func)) (start 0))')
        with pytest.raises(ImportError, match=r"greedy.wat imports from .* which it was not allowed") as caught:
            importlib.import_module("greedy")
        assert f"wasmer_runtime.importer.install({{{namespace!r}: …}})" in str(caught.value)
        assert caught.value.name == "greedy" and caught.value.path == str(folder / "greedy.wat")
    assert "beside" not in sys.modules and "other" not in sys.modules
    write(
        folder / "greedy.wat",
        """(module (import "os" "system" (func)) (import "\\1b" "f" (func))
             (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))))""",
    )
    with pytest.raises(ImportError, match=r"'os', '\\x1b', 'wasi_.*install\(\{'os': …, '\\x1b': …\}, wasi=True\)"):
        importlib.import_module("greedy")


def test_a_python_module_offers_what_a_star_gives(folder: Path) -> None:
    write(folder / "open_side.py", "import os\n_hidden = __hidden__ = shown = lambda: 7\n")
    write(folder / "closed_side.py", "__all__ = ['shown']\nfrom os import getpid\nshown = lambda: 7\n")
    importer.install({"open": "open_side", "closed": "closed_side"})
    for namespace, name in (
        ("open", "_hidden"), ("open", "__hidden__"), ("open", "__loader__"), ("open", "__builtins__"),
        ("open", "__getattr__"), ("closed", "getpid"), ("closed", "__import__"), ("closed", "__class__"),
    ):  # fmt: skip
        write(folder / "curious.wat", f'(module (import "{namespace}" "{name}" (func (result i32))))')
        with pytest.raises(LinkError, match="Import not found"):
            importlib.import_module("curious")
    for namespace in ("open", "closed"):
        write(
            folder / f"modest_{namespace}.wat",
            f'(module (import "{namespace}" "shown" (func (result i32))) (export "f" (func 0)))',
        )
        assert importlib.import_module(f"modest_{namespace}").f() == 7


def test_packages_have_allowances_of_their_own(folder: Path) -> None:
    write(folder / "pack" / "__init__.py", "")
    write(folder / "pack" / "deep" / "__init__.py", "")
    user = """(module (import "helper" "one" (func $one (result i32)))
                (func (export "add") (param i32) (result i32) (i32.add (call $one) (local.get 0))))"""
    for place in ("pack/inner", "pack/deep/inner", "outer"):
        write(folder / f"{place}.wat", user)
    importer.install({"helper": {"one": lambda: 1}}, package="pack")
    assert importlib.import_module("pack.inner").add(41) == 42
    assert importlib.import_module("pack.deep.inner").add(41) == 42
    with pytest.raises(ImportError, match="not allowed"):
        importlib.import_module("outer")
    del sys.modules["pack.deep.inner"]
    importer.install({"helper": {"one": lambda: 1}})
    importer.install(package="pack.deep")  # nothing, whatever all are allowed
    with pytest.raises(ImportError, match=r"not allowed.*install\({'helper': …}, package='pack.deep'\)$") as caught:
        importlib.import_module("pack.deep.inner")
    assert importlib.import_module("outer").add(1) == 2
    exec(
        str(caught.value).partition("call wasmer_runtime.")[2].replace("…", "{'one': lambda: 2}")
    )  # what it says helps
    assert importlib.import_module("pack.deep.inner").add(40) == 42


def test_a_file_does_not_change_what_python_knows_of_its_module(folder: Path) -> None:
    names = ("__path__", "__spec__", "__loader__", "__name__", "__getattr__", "__all__", "__wasm_module__", "__dict__")
    functions = "".join(f'(func (export "{name}") (result i32) (i32.const 3))' for name in names)
    write(folder / "sly.wat", f'(module {functions} (func (export "_close") (result i32) (i32.const 4)))')
    module = importlib.import_module("sly")
    assert module.__name__ == "sly" and module.__spec__.name == "sly" and module.__all__ == []
    assert not hasattr(module, "__path__") and not hasattr(module, "anything")
    assert module._close() == 4 and module.__wasm_instance__.exports["__path__"]() == 3


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
    with pytest.raises(ImportError, match="wasi=True"):
        importlib.import_module("greeter")
    importer.install(wasi=True)
    greeter = importlib.import_module("greeter")
    assert greeter.ready.value == 1
    assert greeter.greet() == 0
    sys.stdout.flush()
    assert "hi" in capfd.readouterr().out


def test_an_initializer_that_is_none(folder: Path) -> None:
    pytest.importorskip("wasmer_wasi")
    importer.install(wasi=True)
    wasi = '(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))'
    write(folder / "odd.wat", f'(module {wasi} (memory (export "_initialize") 1))')
    assert importlib.import_module("odd")._initialize.pages == 1


def test_what_is_missing_is_said(folder: Path) -> None:
    importer.install({"nowhere": "no_such_module", "provider": {"g": 1}})
    write(folder / "lonely.wat", '(module (import "nowhere" "f" (func)))')
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        importlib.import_module("lonely")
    assert "lonely" not in sys.modules
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
