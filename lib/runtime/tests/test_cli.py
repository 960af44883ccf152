"""The command line: in this process through click's runner, and as a process of its own."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.console import console
from wasmer_runtime import wat2wasm
from wasmer_runtime.cli import failures
from wasmer_runtime_core.errors import ExitCode
from wasmer_runtime_core.implementation_limits import MODULE_BYTES, ImplementationLimits

PROGRAM = """
(module $calc
  (memory (export "memory") 1 4)
  (func $add (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func (export "mix") (param i64 f32 f64) (result f64 i64) local.get 2 local.get 0)
  (func (export "main") (result i32) i32.const 42)
  (func (export "nothing"))
  (func $div (param i32) (result i32) i32.const 1 local.get 0 i32.div_u)
  (func $fail (export "fail") (param i32) (result i32) local.get 0 call $div)
  (func (export "ref") (param externref) (result externref) local.get 0)
  (func (export "loop") (loop br 0)))
"""

Run = Callable[..., Result]


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "calc.wat"
    path.write_text(PROGRAM)
    return str(path)


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(console, arguments, **options)

    return invoke


def test_main_is_called_and_what_it_returned_is_shown(run: Run, program: str) -> None:
    result = run("run", program)
    assert (result.exit_code, result.stdout) == (0, "main([]) returned [I32(42)]\n")


def test_a_file_alone_is_run(run: Run, program: str) -> None:
    assert run(program).stdout == "main([]) returned [I32(42)]\n"
    assert run(program, "--invoke", "add", "1", "2").stdout == "add([I32(1), I32(2)]) returned [I32(3)]\n"


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["add", "1", "0x10"], "add([I32(1), I32(16)]) returned [I32(17)]"),
        (["add", "--", "-1", "-2"], "add([I32(-1), I32(-2)]) returned [I32(-3)]"),
        (["add", "4294967295", "0"], "add([I32(-1), I32(0)]) returned [I32(-1)]"),
        (["mix", "5", "0.5", "1e3"], "mix([I64(5), F32(0.5), F64(1000.0)]) returned [F64(1000.0), I64(5)]"),
        (["mix", "5", "nan", "inf"], "mix([I64(5), F32(nan), F64(inf)]) returned [F64(inf), I64(5)]"),
        (["nothing"], "nothing([]) returned []"),
        (["ref", "null"], "ref([EXTERNREF(None)]) returned [EXTERNREF(None)]"),
    ],
)
def test_invoke(run: Run, program: str, arguments: list[str], printed: str) -> None:
    result = run("run", program, "--invoke", *arguments)
    assert (result.exit_code, result.stdout) == (0, printed + "\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--invoke", "add", "1"], "Wrong number of arguments for add [i32, i32] -> [i32]: expected 2, found 1"),
        (["--invoke", "add", "1", "x"], "Could not parse argument 2, 'x', as i32"),
        (["--invoke", "add", "1", "4294967296"], "Could not parse argument 2, '4294967296', as i32"),
        (["--invoke", "add", "1", "1.5"], "Could not parse argument 2, '1.5', as i32"),
        (["--invoke", "ref", "3"], "Could not parse argument 1, '3', as externref"),
        (["--invoke", "memory"], "Export is not a function: memory"),
        (["--invoke", "sub"], "Could not find function sub (there is: add, mix, main"),
        (["extra"], "Wrong number of arguments for main"),
    ],
)
def test_mistakes_are_one_line(run: Run, program: str, arguments: list[str], message: str) -> None:
    result = run("run", program, *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {message}")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_files_that_cannot_be_run(run: Run, tmp_path: Path) -> None:
    result = run("run", str(tmp_path / "none.wasm"))
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\1\0\0\0\1")
    result = run("run", str(tmp_path / "bad.wasm"))
    assert result.exit_code == 1
    assert "at byte 0x" in result.stderr
    (tmp_path / "text.wat").write_text("(module\n (oops))")
    assert "line 2" in run(str(tmp_path / "text.wat")).stderr
    (tmp_path / "empty.wat").write_text('(module (memory (export "m") 1))')
    result = run(str(tmp_path / "empty.wat"))
    assert "the module exports neither _start nor main; name a function with --invoke (it exports m)" in result.stderr
    (tmp_path / "needy.wat").write_text('(module (import "env" "f" (func)) (func (export "main")))')
    assert "Import not found, namespace: env, name: f" in run(str(tmp_path / "needy.wat")).stderr


def test_a_trap_shows_its_backtrace_and_exits_as_by_abort(run: Run, program: str) -> None:
    result = run("run", program, "--invoke", "fail", "0")
    assert result.exit_code == 134
    first, *rest = result.stderr.splitlines()
    assert first == "Error: WebAssembly trap occurred during runtime: integer divide by zero"
    frames = [line for line in rest if "$" in line or "div" in line or "fail" in line]
    assert "div" in frames[0] and "fail" in frames[1]


def test_options_without_wasi_are_warned_about(run: Run, program: str, tmp_path: Path) -> None:
    result = run("run", program, "--dir", str(tmp_path))
    assert result.exit_code == 0
    assert "the program does not use WASI" in result.stderr


def test_unknown_commands_are_usage_errors(run: Run) -> None:
    result = run("fnord")
    assert result.exit_code == 2
    assert "No such command 'fnord'" in result.stderr


def test_version_and_help(run: Run) -> None:
    from wasmer_runtime import VERSION

    assert run("--version").stdout == f"wasmer-runtime {VERSION}\n"
    assert run("-V").stdout == f"wasmer-runtime {VERSION}\n"
    for command in ("run", "validate", "wat2wasm", "wasm2wat", "inspect", "dump", "backends"):
        assert command in run("--help").stdout
        assert run(command, "--help").exit_code == 0


# --- validate, texts, inspect, dump ---------------------------------------------------------


def test_validate(run: Run, program: str, tmp_path: Path) -> None:
    assert run("validate", program).exit_code == 0
    bad = tmp_path / "bad.wat"
    bad.write_text("(module (func (result i32)))")
    result = run("validate", program, str(bad), str(tmp_path / "none"))
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first.startswith(f'Error: {bad}: Validation error "type mismatch')
    assert second.startswith("Error: [Errno 2]")
    assert run("validate", "-", input=b"(module)").exit_code == 0


def test_wat2wasm(run: Run, program: str, tmp_path: Path) -> None:
    assert run("wat2wasm", program).exit_code == 0
    assert (tmp_path / "calc.wasm").read_bytes() == wat2wasm(PROGRAM)
    assert run("wat2wasm", program, "-o", "-").stdout_bytes == wat2wasm(PROGRAM)
    assert run("wat2wasm", program, "-o", str(tmp_path / "x")).exit_code == 0
    assert (tmp_path / "x").read_bytes() == wat2wasm(PROGRAM)
    invalid = b"(module (func (result i32)\n (i64.const 1)))"
    assert "(in function 0, at line 2, column 15)" in run("wat2wasm", "-", input=invalid).stderr
    assert run("wat2wasm", "-", "--no-check", input=invalid).stdout_bytes == wat2wasm(invalid, validate=False)
    assert run("wat2wasm", "-", input=b"(module)").stdout_bytes == wat2wasm("(module)")
    result = run("wat2wasm", str(tmp_path / "calc.wasm"))
    assert result.exit_code == 1


READING = ("validate", "wat2wasm", "wasm2wat", "inspect", "dump --stage module", "dump --stage code")


@pytest.mark.parametrize(("command", "file"), [("run", "/dev/zero"), *itertools.product(READING, ("/dev/zero", "-"))])
def test_no_file_is_read_further_than_a_module_can_be(
    run: Run, command: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a command reads: /dev/zero has no end."""
    most = ImplementationLimits.most
    monkeypatch.setattr(
        ImplementationLimits,
        "most",
        lambda limits, limit, bytes=0: 100 if limit is MODULE_BYTES else most(limits, limit, bytes),
    )
    result = run(*command.split(), file, input=bytes(200))
    assert result.exit_code == 1
    assert "101 bytes of a module" in result.stderr


def test_inspect(run: Run, program: str, tmp_path: Path) -> None:
    lines = run("inspect", program).stdout.splitlines()
    assert "module\tcalc" in lines
    assert "export\tmemory\tmemory {min: 1, max: 4}" in lines
    assert "export\tadd\tfunction [i32, i32] -> [i32]" in lines
    other = tmp_path / "other.wat"
    other.write_text('(module (import "env" "g" (global (mut i64))))')
    assert run("inspect", str(other)).stdout == "import\tenv\tg\tglobal {mut i64}\nsection\timport\t10\n"


def test_dump_module(run: Run, program: str) -> None:
    lines = run("dump", "--stage=module", program).stdout.splitlines()
    assert lines[0] == "type 0 [i32, i32] -> [i32]"
    assert "function 0 $add type 0" in lines
    assert "export 'add' function 0" in lines


def test_dump_code(run: Run, program: str) -> None:
    text = run("dump", "--stage=code", program).stdout
    assert "function 0 $add: x86_64-sysv" in text
    assert "integer divide by zero, wasm byte 0x" in text
    only = run("dump", "--stage=code", "--function=1", program).stdout
    assert "function 1" in only and "function 0" not in only


@pytest.mark.parametrize("stage", ["body", "records"])
def test_dump_body_and_records(run: Run, program: str, stage: str) -> None:
    result = run("dump", f"--stage={stage}", program)
    assert result.exit_code == 0, result.stderr
    assert "function 0 $add:" in result.stdout


def test_dump_shows_the_stages_of_a_backend(run: Run, program: str) -> None:
    for backend, stage, word in (
        ("cranelift", "clif", "block0("),
        ("cranelift", "opt", "block0("),
        ("cranelift", "vcode", "entry ("),
        ("cranelift", "ra", ":r"),
        ("llvm", "ir", "define "),
        ("llvm", "opt", "define "),
    ):
        result = run("dump", f"--stage={stage}", "--backend", backend, program)
        assert result.exit_code == 0 and word in result.stdout
    result = run("dump", "--stage=ra", program)
    assert result.exit_code == 2 and "'ra' is no stage of the backend singlepass: there are module, " in result.output


def test_dump_needs_a_stage(run: Run, program: str) -> None:
    assert run("dump", program).exit_code == 2
    assert run("dump", "--stage=soul", program).exit_code == 2


def test_backends(run: Run) -> None:
    rows = [line.split("\t") for line in run("backends").stdout.splitlines()]
    assert [row[1] for row in rows][:3] == ["singlepass", "cranelift", "llvm"]
    assert ["backend", "singlepass", "yes", "wasmer-singlepass-backend"] in rows


# --- failures -------------------------------------------------------------------------------


def test_failures_become_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert failures.report(ExitCode(3)) == 3
    assert failures.report(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == ""
    assert failures.report(ValueError("odd")) == 1
    assert capsys.readouterr().err == "Error: ValueError: odd\n"
    assert failures.report(KeyError()) == 1
    assert capsys.readouterr().err == "Error: KeyError\n"


def test_a_traceback_on_request(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMER_BACKTRACE", "1")
    try:
        raise ValueError("odd")
    except ValueError as error:
        assert failures.report(error) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


# --- as a process ---------------------------------------------------------------------------


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wasmer_runtime", *arguments], capture_output=True, text=True, timeout=900, **options
    )


def test_the_module_is_the_command(program: str) -> None:
    done = process("run", program, "--invoke", "add", "40", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "add([I32(40), I32(2)]) returned [I32(42)]\n", "")


def test_a_trap_ends_the_process_with_134(program: str) -> None:
    done = process("run", program, "--invoke", "fail", "0")
    assert done.returncode == 134
    assert done.stderr.startswith("Error: WebAssembly trap")
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_is_quiet(program: str) -> None:
    command = [sys.executable, "-m", "wasmer_runtime", "dump", "--stage=code", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        assert "Traceback" not in running.stderr.read()


@pytest.mark.parametrize("arguments", ["--help", "--version", "run --help", "inspect FILE", "wasm2wat FILE"])
def test_output_that_cannot_be_written_is_one_line(program: str, arguments: str) -> None:
    words = [program if word == "FILE" else word for word in arguments.split()]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wasmer_runtime", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "Error: [Errno 28] No space left on device"
    assert "Traceback" not in done.stderr


def test_an_interrupt_ends_a_loop_without_end(program: str) -> None:
    command = [sys.executable, "-m", "wasmer_runtime", "run", program, "--invoke", "loop", "--call-trace"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr is not None and "func" in running.stderr.readline()  # it has come so far
            assert running.poll() is None
            running.send_signal(signal.SIGINT)
            assert running.wait(60) == failures.INTERRUPT_EXIT_CODE
            assert running.stderr is not None and "Traceback" not in running.stderr.read()
        finally:
            running.kill()  # or a loop that goes on, as it does where whoever started us ignores SIGINT, is waited for


def test_missing_wasi_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "p.wat"
    path.write_text(
        '(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'
        ' (memory (export "memory") 1) (func (export "_start") i32.const 3 call $exit))'
    )
    (tmp_path / "wasmer_wasi.py").write_text('raise ModuleNotFoundError("no", name="wasmer_wasi")')
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = process("run", str(path), env=environment)
    assert done.returncode == 1
    assert done.stderr == "Error: this program needs WASI, which is not installed: pip install 'wasmer-runtime[wasi]'\n"


def test_wasm2wat_gives_text_that_is_the_same_module(run: Run, program: str, tmp_path: Path) -> None:
    binary = tmp_path / "calc.wasm"
    binary.write_bytes(wat2wasm(PROGRAM))
    result = run("wasm2wat", str(binary))
    assert wat2wasm(result.stdout) == binary.read_bytes()
    assert run("wasm2wat", "-", "-o", str(tmp_path / "again.wat"), input=binary.read_bytes()).exit_code == 0
    assert (tmp_path / "again.wat").read_text() == result.stdout


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("run FILE", 0),
        ("run FILE --invoke fail -- 0", 134),
        ("run nowhere", 1),
        ("validate FILE", 0),
        ("wat2wasm FILE -o -", 0),
        ("inspect FILE", 0),
        ("backends", 0),
        ("--help", 0),
    ],
)
def test_standard_streams_that_are_closed(program: str, arguments: str, code: int, closing: str) -> None:
    words = arguments.replace("FILE", program)
    command = f'exec "$0" -m wasmer_runtime {words} {closing}'
    done = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, timeout=900)
    assert done.returncode == code
    assert b"AttributeError" not in done.stderr and b"Traceback" not in done.stderr


def test_ctrl_c_while_it_starts_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from wasmer_runtime import cli as package

    def interrupted(words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(package, "run_quickly", interrupted)
    with pytest.raises(SystemExit) as end:
        package.main()
    assert (end.value.code, capsys.readouterr()) == (130, ("", ""))
