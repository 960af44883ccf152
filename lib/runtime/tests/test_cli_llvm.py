"""``run --backend llvm``: the files it writes, its bar, its warnings; without it nothing of it is loaded."""

from __future__ import annotations

import importlib.util
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.console import console
from wasmer_runtime_core.compiling import registry

PROGRAM = '(module (memory 1) (func (export "main") (result i32) i32.const 6 i32.const 7 i32.mul))'
STEP = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.load (local.get 0))))"
SLOW = (
    '(module (memory 1) (func (export "main") (result i32) i32.const 42)'
    + "".join(f'(func (export "f{at}") (param i32) (result i32) {STEP * 500} (local.get 0))' for at in range(4))
    + ")"
)
OPTIONS = ("--llvm-pre-opt-ir", "--llvm-post-opt-ir", "--llvm-object-file")

needs_llvm = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None or importlib.util.find_spec("wasmer_llvm_backend") is None,
    reason="the llvm backend needs llvmlite",
)


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.wat"
    path.write_text(PROGRAM)
    return str(path)


# --- files ----------------------------------------------------------------------------------


@needs_llvm
def test_ir_and_object_are_written(program: str, tmp_path: Path) -> None:
    files = [tmp_path / option for option in OPTIONS]
    words = [word for option, path in zip(OPTIONS, files, strict=True) for word in (option, str(path))]
    result = CliRunner().invoke(console, ["run", program, "--backend", "llvm", *words])
    assert (result.exit_code, result.stdout) == (0, "main([]) returned [I32(42)]\n")
    assert "mul i32 6, 7" in files[0].read_text()
    assert "ret i32 42" in files[1].read_text()
    assert files[2].read_bytes().startswith(b"\x7fELF")


@needs_llvm
def test_every_unit_has_files_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmer_llvm_backend import partition

    monkeypatch.setattr(partition, "UNIT_RECORDS", 4000)
    program = tmp_path / "slow.wat"
    program.write_text(SLOW)
    words = [word for option in OPTIONS for word in (option, str(tmp_path / option[7:]))]
    result = CliRunner().invoke(console, ["run", str(program), "--backend", "llvm", *words])
    assert (result.exit_code, result.stdout) == (0, "main([]) returned [I32(42)]\n")
    defined = []
    for option in OPTIONS:
        files = [tmp_path / f"{option[7:]}{ending}" for ending in ("", ".1", ".2", ".3")]
        assert [path.exists() for path in files] == [True, True, False, False]
        if option.endswith("ir"):
            defined.append([re.findall(r"^define .*?@f(\d+)\(", path.read_text(), re.MULTILINE) for path in files[:2]])
    assert defined == [[["0", "1", "2"], ["3", "4"]]] * 2


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("backend", [[], ["--backend", "singlepass"], ["--backend", "auto"]])
def test_files_of_another_backend_are_refused(program: str, option: str, backend: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(console, ["run", program, *backend, option, str(tmp_path / "file")])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{option} needs --backend llvm" in result.stderr
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("arguments", [["--backend", "llvm"], ["--backend", "cranelift"], ["--lazy"]])
def test_tiers_are_asked_for_where_there_are_some(program: str, arguments: list[str]) -> None:
    result = CliRunner().invoke(console, ["run", program, "--tiers", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--tiers goes with --backend auto or singlepass, and not with --lazy" in result.stderr


@needs_llvm
@pytest.mark.parametrize("option", OPTIONS)
def test_a_file_that_cannot_be_written_is_named(program: str, option: str, tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none" / "file", "No such file or directory"), (tmp_path, "Is a directory")):
        result = CliRunner().invoke(console, ["run", program, "--backend", "llvm", option, str(path)])
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == f"Error: {option} {path}: {reason}\n"


# --- bar and warnings -----------------------------------------------------------------------


def seen(arguments: list[str], patience: float, redirect: str = "") -> str:
    """What a terminal gets to see."""
    ours, theirs = pty.openpty()
    code = f"""
import sys
from wasmer_runtime.cli import main, progress
progress.PATIENCE_SECONDS = {patience}
sys.argv[0] = "wasmer-runtime"
main()
"""
    streams = {"stdout": theirs, "stderr": theirs}
    if redirect:
        streams[redirect] = subprocess.DEVNULL
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdin=theirs, env=environment, **streams)
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 4096):
            text += piece
    except OSError:  # how a terminal ends on Linux
        pass
    os.close(ours)
    assert process.wait() == 0
    return text.decode()


@needs_llvm
def test_a_bar_is_shown_to_those_who_wait_at_a_terminal(tmp_path: Path) -> None:
    pytest.importorskip("rich", reason="without rich there is no bar")
    program = tmp_path / "slow.wat"
    program.write_text(SLOW)
    words = ["run", str(program), "--backend", "llvm"]
    shown = seen(words, 0)
    assert "compiling slow.wat" in shown and "0%" in shown
    assert shown.endswith("main([]) returned [I32(42)]\r\n")
    for more, patience, redirect in (
        (["--quiet"], 0.0, ""),
        ([], 600.0, ""),
        ([], 0.0, "stdout"),
        ([], 0.0, "stderr"),
    ):
        assert "compiling" not in seen(words + more, patience, redirect)


@needs_llvm
def test_what_is_not_optimized_is_told_unless_quiet(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmer_llvm_backend import partition

    monkeypatch.setattr(partition, "EFFORTLESS_RECORDS", 2)
    result = CliRunner().invoke(console, ["run", program, "--backend", "llvm"])
    assert (result.exit_code, result.stdout) == (0, "main([]) returned [I32(42)]\n")
    expected = r"Warning: function 0 at byte 0x\w+ has 4 operators: it is compiled without optimization\n"
    assert re.fullmatch(expected, result.stderr)
    assert CliRunner().invoke(console, ["run", program, "--backend", "llvm", "-q"]).stderr == ""


def test_what_cranelift_keeps_in_memory_is_told_unless_quiet(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = pytest.importorskip("wasmer_clif_backend")
    monkeypatch.setitem(registry._found, "cranelift", package.CraneliftCompiler(steps=1))
    Path(program).write_text(SLOW)
    result = CliRunner().invoke(console, ["run", program, "--backend", "cranelift"])
    assert (result.exit_code, result.stdout) == (0, "main([]) returned [I32(42)]\n")
    warned = r"Warning: function \d at byte 0x\w+ .* locals are kept in memory\n"
    assert re.fullmatch(f"({warned}){{4}}", result.stderr)
    assert CliRunner().invoke(console, ["run", program, "--backend", "cranelift", "-q"]).stderr == ""


def test_quiet_is_without_warnings(program: str) -> None:
    words = ["run", program, "--env", "A=B"]
    assert "Warning: the program does not use WASI" in CliRunner().invoke(console, words).stderr
    assert CliRunner().invoke(console, [*words, "--quiet"]).stderr == ""
    assert "Warning" in CliRunner().invoke(console, words).stderr  # it is not remembered


# --- who does not use it --------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        "import wasmer_runtime",
        "import wasmer_runtime; wasmer_runtime.instantiate('(module (func (export \"f\")))').exports.f()",
        "from wasmer_runtime.cli import cli; cli.main(['run', sys.argv[1]], standalone_mode=False)",
    ],
)
def test_nothing_of_it_is_loaded_where_it_is_not_used(use: str, program: str) -> None:
    code = (
        f"import sys; {use}\n"
        "print([name for name in sys.modules if name.startswith(('llvmlite', 'wasmer_llvm', 'rich', 'subprocess'))])"
    )
    done = subprocess.run([sys.executable, "-c", code, program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "[]"
