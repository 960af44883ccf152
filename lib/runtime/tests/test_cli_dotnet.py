"""Programs of .NET on the command line: their framework, what they see, and how they end.

The runtime is acted by the module of wasmer-blazor's own tests.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from tests.console import console

pytest.importorskip("wasmer_blazor", reason="wasmer-blazor is not installed")

BLAZOR = Path(__file__).resolve().parent.parent.parent / "blazor/tests"


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    if not BLAZOR.is_dir():
        pytest.skip(f"{BLAZOR}, which has a module that acts the runtime, is not there")
    monkeypatch.syspath_prepend(str(BLAZOR))
    import acting

    return acting


def made(folder: Path, native: bytes) -> list[str]:
    """A program and a framework, as arguments."""
    import made

    (folder / "hello.exe").write_bytes(made.program("hello"))
    return [str(folder / "hello.exe"), "--dotnet", str(made.framework(folder / "_framework", native))]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(console, ["run", "--disable-cache", *arguments])


def test_exit_code_and_output(acting: ModuleType, tmp_path: Path) -> None:
    native = acting.runtime(main="(call $write (i32.const 16) (i32.const 7))" + acting.done(3))
    result = run(*made(tmp_path, native), "--dir", str(tmp_path), "--", "text")
    assert (result.exit_code, result.stdout) == (3, "a thing")


def test_an_exception_is_an_error(acting: ModuleType, tmp_path: Path) -> None:
    native = acting.runtime(
        main="(i32.store offset=32 (local.get $row) (i32.const 2048))"
        "(i32.store8 offset=44 (local.get $row) (i32.const 29))",
        data=acting.utf16(2048, "it failed"),
        thrown_from="(i32.const 0)",
    )
    result = run(*made(tmp_path, native))
    assert (result.exit_code, result.stderr) == (1, "Error: it failed\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--invoke", "Main"], "--invoke has no meaning"),
        (["--net-connect", "localhost:1"], "has no sockets"),
        (["--dir", "/does/not/exist"], "there is no such directory"),
    ],
)
def test_options_that_mean_nothing(acting: ModuleType, tmp_path: Path, options: list[str], said: str) -> None:
    result = run(*made(tmp_path, acting.runtime(main=acting.done(0))), *options)
    assert result.exit_code == 1
    assert said in result.stderr


def test_what_is_not_there(tmp_path: Path) -> None:
    program = tmp_path / "hello.exe"
    program.write_bytes(b"MZ and then nothing")
    assert "--dotnet DIR" in run(str(program)).stderr
    assert "hello.exe cannot be run: it is truncated" in run(str(program), "--dotnet", str(tmp_path)).stderr
    assert "no such file" in run(str(tmp_path / "absent.exe"), "--dotnet", str(tmp_path)).stderr.lower()


def test_the_runtime_itself_is_no_program(acting: ModuleType, tmp_path: Path) -> None:
    native = tmp_path / "dotnet.native.wasm"
    native.write_bytes(acting.runtime(main=acting.done(0)))
    result = run(str(native))
    assert (result.exit_code, "is a .NET runtime: name the program" in result.stderr) == (1, True)


def test_inspect(acting: ModuleType, tmp_path: Path) -> None:
    import made

    program = tmp_path / "hello.exe"
    program.write_bytes(made.library("hello\x1b", (1, 2, 3, 4), [("System.Runtime", (8, 0, 0, 0))], main=True))
    expected = "assembly\thello\\x1b\t1.2.3.4\nMain\tyes\nreference\tSystem.Runtime\t8.0.0.0\n"
    assert CliRunner().invoke(console, ["inspect", str(program)]).stdout == expected
    told = json.loads(CliRunner().invoke(console, ["inspect", "--json", str(program)]).stdout)
    assert (told["name"], told["has_main"], told["references"]) == ("hello\x1b", True, {"System.Runtime": "8.0.0.0"})
    program.write_bytes(b"MZ")
    damaged = CliRunner().invoke(console, ["inspect", str(program)])
    assert (damaged.exit_code, damaged.stderr[:20]) == (1, "Error: it is truncat")


def test_without_the_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "hello.exe"
    program.write_bytes(b"MZ")
    monkeypatch.setitem(sys.modules, "wasmer_blazor", None)
    result = run(str(program), "--dotnet", str(tmp_path))
    assert "pip install 'wasmer-runtime[blazor]'" in result.stderr
