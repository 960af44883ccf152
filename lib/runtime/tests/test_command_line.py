"""Every form of the command line that is documented: what is left out, where options stand, arguments of all kinds."""

from __future__ import annotations

import importlib
import shlex
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.console import console
from wasmer_runtime import wat2wasm
from wasmer_runtime.cli import backend_help, cli
from wasmer_runtime.cli.world import parse_variable
from wasmer_runtime_core.features import FEATURES
from wasmer_runtime_core.implementation_limits import LIMITS

FUNCTIONS = """
(module
  (memory (export "memory") 1)
  (func (export "main") (result i32) (i32.const 42))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "same") (param i64) (result i64) (local.get 0))
  (func (export "half") (param f32) (result f64) (f64.promote_f32 (f32.mul (local.get 0) (f32.const 0.5))))
  (func (export "is_null") (param externref) (result i32) (ref.is_null (local.get 0)))
  (func (export "function_is_null") (param funcref) (result i32) (ref.is_null (local.get 0)))
  (func (export "lane") (param v128) (result i32) (i32x4.extract_lane 0 (local.get 0)))
  (func (export "splat") (param i32) (result v128 funcref externref)
    (i32x4.splat (local.get 0)) (ref.func $named) (ref.null extern))
  (func $named (export "") (result i32) (i32.const 9))
  (func (export "-x") (result i32) (i32.const 8))
  (func (export "--invoke") (result i32) (i32.const 7))
  (func (export "run") (result i32) (i32.const 6)))
"""

# Uses each feature that is here.
MODERN = """
(module
  (type $t (sub (func (result i32))))
  (memory 1) (memory i64 1) (memory 1 1 shared)
  (func (param (ref $t)) (result i32) (return_call_ref $t (local.get 0)))
  (global i32 (i32.add (i32.const 1) (i32.const 2)))
  (func (result i32 i32) (i32.const 0) (i32.const 0))
  (func (param externref) (drop (i32.extend8_s (i32.trunc_sat_f32_u (f32.const 0)))))
  (func (drop (f64x2.relaxed_min (v128.const i64x2 0 0) (v128.const i64x2 0 0)))
    (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))
  (func (export "main") (result i32) (i32.const 42)))
"""

# What not every backend compiles.
EXCEPTIONS = "(module (func (block (try_table (catch_all 0))) (try (do) (catch_all))))"

# Exits with the number of its arguments, the program's name among them, and writes them, each with a NUL behind it.
ARGUMENTS = """
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "seven") (result i32) (i32.const 7))
  (func (export "_start")
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (drop (call $args_get (i32.const 1024) (i32.const 4096)))
    (i32.store (i32.const 32) (i32.const 4096))
    (i32.store (i32.const 36) (i32.load (i32.const 4)))
    (drop (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))
    (call $proc_exit (i32.load (i32.const 0)))))
"""

BINDINGS = Path(__file__).parents[2] / "emscripten/tests/fixtures/bindings.wasm"
BLAZOR = Path(__file__).parents[2] / "blazor/tests"
VECTOR = "0x00000005000000050000000500000005"
CALLS = {
    # the command, and the one line that it prints
    "run f.wat": "main([]) returned [I32(42)]",
    "f.wat": "main([]) returned [I32(42)]",
    "f.wat --invoke add 1 2": "add([I32(1), I32(2)]) returned [I32(3)]",
    "f.wat --invoke add -- -1 -2": "add([I32(-1), I32(-2)]) returned [I32(-3)]",
    "run f.wat -i add -- 0x10 -0x1": "add([I32(16), I32(-1)]) returned [I32(15)]",
    "run -i add f.wat 1 2": "add([I32(1), I32(2)]) returned [I32(3)]",
    "run --invoke=add -- f.wat 1 -2": "add([I32(1), I32(-2)]) returned [I32(-1)]",
    "-i add f.wat 1 2": "add([I32(1), I32(2)]) returned [I32(3)]",
    "--invoke add f.wat -- -1 2": "add([I32(-1), I32(2)]) returned [I32(1)]",
    "--quiet --backend singlepass f.wat": "main([]) returned [I32(42)]",
    "--backend=auto -q f.wat": "main([]) returned [I32(42)]",
    "--lazy f.wat": "main([]) returned [I32(42)]",
    "run --lazy --no-tiers --backend singlepass f.wat": "main([]) returned [I32(42)]",
    "--tiers f.wat": "main([]) returned [I32(42)]",
    "run --tiers --backend Singlepass --disable-cache f.wat": "main([]) returned [I32(42)]",
    "run f.wat --no-tiers --backend auto": "main([]) returned [I32(42)]",
    "-- f.wat": "main([]) returned [I32(42)]",
    "-- run f.wat": "main([]) returned [I32(42)]",
    "-qi add f.wat 1 2": "add([I32(1), I32(2)]) returned [I32(3)]",
    "run -- f.wat": "main([]) returned [I32(42)]",
    "--points 1000 f.wat": "main([]) returned [I32(42)]",
    "f.wat -i same -- -9223372036854775808": "same([I64(-9223372036854775808)]) returned [I64(-9223372036854775808)]",
    "f.wat -i half -- -inf": "half([F32(-inf)]) returned [F64(-inf)]",
    "run --deterministic f.wat --disable-threads -i half -- -nan": "half([F32(nan)]) returned [F64(nan)]",
    "f.wat -i half 1e3": "half([F32(1000.0)]) returned [F64(500.0)]",
    "f.wat -i is_null null": "is_null([EXTERNREF(None)]) returned [I32(1)]",
    "f.wat -i function_is_null null": "function_is_null([FUNCREF(None)]) returned [I32(1)]",
    "f.wat -i lane 5": f"lane([V128({5:#034x})]) returned [I32(5)]",
    "f.wat -i add -1 2": "add([I32(-1), I32(2)]) returned [I32(1)]",
    "--timeout 60 --memory 1G --fuel 100 f.wat": "main([]) returned [I32(42)]",
    "--memory 65536 f.wat": "main([]) returned [I32(42)]",
    "--memory=64KiB f.wat": "main([]) returned [I32(42)]",
    "f.wat -i lane -- -1": f"lane([V128({(1 << 128) - 1:#034x})]) returned [I32(-1)]",
    f"f.wat -i lane {VECTOR}": f"lane([V128({VECTOR})]) returned [I32(5)]",
    "f.wat -i splat 5": f"splat([I32(5)]) returned [V128({VECTOR}), FUNCREF(<wasm function named: [] -> [i32]>), "
    "EXTERNREF(None)]",
    "f.wat -i ''": "([]) returned [I32(9)]",
    "f.wat --invoke=": "([]) returned [I32(9)]",
    "f.wat -i -x": "-x([]) returned [I32(8)]",
    "-i -x f.wat": "-x([]) returned [I32(8)]",
    "f.wat --invoke --invoke": "--invoke([]) returned [I32(7)]",
    "--invoke run f.wat": "run([]) returned [I32(6)]",
    "run f.wat -i run": "run([]) returned [I32(6)]",
    "--implementation-limit locals=60_000 f.wat": "main([]) returned [I32(42)]",
    "run f.wat --implementation-limit=functions=100 --implementation-limit exports=100 --points 9": (
        "main([]) returned [I32(42)]"
    ),
    "--disable-threads --disable-tail-call f.wat": "main([]) returned [I32(42)]",
}
FEATURES_HERE = [row.name.replace("_", "-") for row in FEATURES if row.here]
CALLS |= {f"run m.wat --enable-{feature}": "main([]) returned [I32(42)]" for feature in FEATURES_HERE}
CALLS |= {f"--disable-{feature} n.wat": "main([]) returned [I32(7)]" for feature in FEATURES_HERE}

PROGRAMS = {
    # the command, and the arguments that the program sees behind its name
    "run p.wat": [],
    "--disable-cache p.wat": [],
    "p.wat -- a b": ["a", "b"],
    "p.wat a b": ["a", "b"],
    "p.wat a --flag": ["a", "--flag"],
    "run p.wat a --dir . -- -q": ["a", "--dir", ".", "--", "-q"],
    "p.wat --flag --dir .": ["--flag", "--dir", "."],
    "p.wat -x": ["-x"],
    "p.wat --help": ["--help"],
    "p.wat -h": ["-h"],
    "run p.wat - --dir": ["-", "--dir"],
    "p.wat --dir . -q --env A=1 a --env": ["a", "--env"],
    "p.wat --dir=. -qx": ["-qx"],
    "p.wat -q --": [],
    "-q -- p.wat -- a": ["--", "a"],
    "--dir .::/d --env PATH p.wat": [],
    "run p.wat -- '' --dir -x -- ''": ["", "--dir", "-x", "--", ""],
    "--dir . p.wat": [],
    "--dir . p.wat -- ''": [""],
    "--dir=. --mapdir /d:. --env A=1 --env B= --env-inherit p.wat -- --help": ["--help"],
    "-q --wasi-version latest p.wat -- run": ["run"],
    "run --stdin p.wat p.wat -- -": ["-"],
    "--wasi-version=snapshot1 --stdin=p.wat -- p.wat -V": ["-V"],
    "--tcplisten 127.0.0.1:0 p.wat": [],
    "--net-listen 127.0.0.1:0 --net-connect localhost:80 p.wat": [],
    "--em-entrypoint other p.wat": [],
    "--em-symbol-map p.wat p.wat": [],
}

NO_LIMIT = "Invalid value for '--implementation-limit':"
REFUSED = {
    # the command: its exit code, and how its error begins
    "f.wat -i add -- '' 1": (1, "Could not parse argument 1, '', as i32"),
    "f.wat -i half ''": (1, "Could not parse argument 1, '', as f32"),
    "f.wat -i is_null 1": (1, "Could not parse argument 1, '1', as externref"),
    "f.wat -i lane 0x100000000000000000000000000000000": (1, "Could not parse argument 1"),
    "f.wat -i lane x": (1, "Could not parse argument 1, 'x', as v128"),
    "f.wat -- -1": (1, "Wrong number of arguments for main"),
    "run --dotnet . f.wat": (1, "f.wat cannot be run: it is no assembly of .NET"),
    "f.wat -i memory": (1, "Export is not a function: memory"),
    "f.wat -i none": (1, "Could not find function none"),
    "--nope f.wat": (2, "No such option '--nope'"),
    "--dir . ": (2, "Missing argument 'FILE'"),
    "--dir '' p.wat": (1, "--dir : there is no such directory"),
    "--mapdir /d: p.wat": (2, "Invalid value for '--mapdir': Directory mappings"),
    "--env '' p.wat": (2, "Invalid value for '--env': Env vars"),
    "--env NO_SUCH_VARIABLE f.wat": (2, "Invalid value for '--env': there is no variable NO_SUCH_VARIABLE here"),
    "--dir .:: p.wat": (2, "Invalid value for '--dir': '.::' is not of the form HOST::GUEST"),
    "--dir ::/d p.wat": (2, "Invalid value for '--dir'"),
    "--dir nowhere::/d p.wat": (1, "--dir nowhere: there is no such directory"),
    "--mapdir /d:nowhere p.wat": (1, "--mapdir nowhere: there is no such directory"),
    "--tcplisten x f.wat": (2, "Invalid value for '--tcplisten': Addresses to listen at"),
    f"--tcplisten 127.0.0.1:{'9' * 5000} f.wat": (2, "Invalid value for '--tcplisten': Addresses to listen at"),
    "--backend nobody f.wat": (2, "Invalid value for '--backend': The backend nobody doesn't exist"),
    "dump --stage=code --backend nobody f.wat": (2, "Invalid value for '--backend': The backend nobody"),
    "--timeout -1 f.wat": (2, "Invalid value for '--timeout'"),
    "--timeout nan f.wat": (2, "Invalid value for '--timeout'"),
    "--memory 5X f.wat": (2, "Invalid value for '--memory': '5X' is no size"),
    "--memory -1 f.wat": (2, "Invalid value for '--memory'"),
    "--memory 9999999T f.wat": (2, "Invalid value for '--memory': '9999999T' is more than any machine has"),
    "--memory 64K -i spin s.wat": (1, "a memory of 2 pages is wanted"),
    "--timeout 0.05 -i spin s.wat": (124, "the deadline passed"),
    "--fuel 1000 -i spin s.wat": (134, "WebAssembly trap occurred during runtime"),
    "run g.wat": (1, "g.wat: unexpected token: the text ends, expected a module field or ) (at line 1"),
    "run needy.wat": (1, "needy.wat: link error: Import not found"),
    "dump --stage=code --function 99 f.wat": (2, "Invalid value for '--function': "),
    "dump --stage=body --function -1 f.wat": (2, "Invalid value for '--function': "),
    "compile -": (2, "a module on standard input has no name: name a file with --output"),
    "''": (2, "No such command ''"),
    "nothing": (2, "No such command 'nothing'"),
    "nothing.wasm": (1, "[Errno 2]"),
    "--points -1 f.wat": (2, "Invalid value for '--points'"),
    "--enable-stack-switching f.wat": (
        2,
        "Invalid value for '--enable-stack-switching': the feature stack_switching cannot be switched on",
    ),
    "--enable-nonsense f.wat": (2, "No such option '--enable-nonsense'"),
    "--implementation-limit locals f.wat": (2, f"{NO_LIMIT} 'locals' is not of the form NAME=N"),
    "--implementation-limit locals=x f.wat": (2, f"{NO_LIMIT} 'locals=x' is not of the form NAME=N"),
    "--implementation-limit x=1 f.wat": (2, f"{NO_LIMIT} no implementation limit is called 'x'"),
    "--implementation-limit locals=-1 f.wat": (2, f"{NO_LIMIT} the implementation limit locals is from 0 to"),
}
READING = {"run": "run {}", "validate": "validate {}", "inspect": "inspect {}", "dump": "dump --stage=code {}"}
"""The commands that read a module as a configuration says."""
for form in READING.values():
    REFUSED |= {
        f"{form.format(file)} --disable-{feature}": (1, f"{file}: uses ")
        for feature in FEATURES_HERE
        for file in ("e.wat" if "exceptions" in feature else "m.wat",)
    }
    REFUSED[f"{form.format('f.wat')} --implementation-limit functions=2"] = (
        1,
        "f.wat: implementation limit: 12 functions, with imported ones; there may",
    )

OTHERS = (
    # commands that end with 0
    *("validate f.wat", "validate f.wat p.wat", "validate -- f.wat", "inspect f.wat", "backends", "--version", "-V"),
    *("wat2wasm f.wat", "wat2wasm f.wat -o g.wasm", "wat2wasm f.wat --output -", "wasm2wat f.wat"),
    *("wat2wasm --no-check f.wat", "inspect --json f.wat", "stubs f.wat", "stubs --name F -o f.pyi f.wat"),
    *("objdump f.wat", "objdump --backend singlepass --function 1 f.wat", "completion bash", "completion zsh"),
    *("completion fish", "bench f.wat", "bench --backend singlepass --repeat 1 -i add f.wat 1 -2", "bench p.wat a"),
    *("wasm2wat f.wat -o g.wat", "wasm2wat --output=- f.wat", "dump --stage=module f.wat", "dump --stage body f.wat"),
    *("dump --stage=records f.wat", "dump --stage=code --backend singlepass --function 1 f.wat"),
    *("--help", "-h", "run --help", "run -h"),
    *(f"{form.format('n.wat')} --implementation-limit {LIMITS[0].name}=99 --enable-simd" for form in READING.values()),
    *("compile f.wat", "compile --backend singlepass -q -o f.bin f.wat", "compile f.wat --output g.wasmer"),
    *("compile f.wat --points 7 --call-trace --block-trace",),
    *("em-stubs bindings.wasm", "em-stubs --name Bound --em-symbol-map map -o bound.pyi bindings.wasm"),
    *("run --dotnet _framework hello.exe", "--dotnet=. -- hello.exe a"),
    *("run --call-trace --block-trace f.wat", "--call-trace f.wat", "p.wat --invoke seven", "-i seven p.wat"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f.wat").write_text(FUNCTIONS)
    (tmp_path / "p.wat").write_text(ARGUMENTS)
    (tmp_path / "m.wat").write_text(MODERN)
    (tmp_path / "e.wat").write_text(EXCEPTIONS)
    (tmp_path / "s.wat").write_text('(module (memory 2) (func (export "spin") (loop (br 0))))')
    (tmp_path / "g.wat").write_text("(module (func)")
    (tmp_path / "needy.wat").write_text('(module (import "a" "b" (func)) (func (export "main")))')
    (tmp_path / "n.wat").write_text('(module (func (export "main") (result i32) (i32.const 7)))')
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", CALLS)
def test_functions(command: str) -> None:
    result = CliRunner().invoke(console, shlex.split(command))
    assert (result.exit_code, result.output) == (0, CALLS[command] + "\n")


@pytest.mark.parametrize("command", PROGRAMS)
def test_programs(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("wasmer_wasi")
    with pytest.raises(SystemExit) as ended:
        cli.main(shlex.split(command), prog_name="wasmer-runtime")
    wanted = ["p.wat", *PROGRAMS[command]]
    assert (ended.value.code, capfd.readouterr().out) == (len(wanted), "".join(f"{each}\0" for each in wanted))


@pytest.mark.parametrize("command", REFUSED)
def test_refused(command: str) -> None:
    if "p.wat" in command:
        pytest.importorskip("wasmer_wasi")
    if "--dotnet" in command:
        pytest.importorskip("wasmer_blazor")
    result = CliRunner().invoke(console, shlex.split(command))
    code, beginning = REFUSED[command]
    assert result.exit_code == code
    assert f"Error: {beginning}" in result.stderr and result.stdout == ""


@pytest.mark.parametrize("command", OTHERS)
def test_others(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "p.wat" in command:
        pytest.importorskip("wasmer_wasi")
    if "--dotnet" in command:
        pytest.importorskip("wasmer_blazor")
        monkeypatch.syspath_prepend(str(BLAZOR))
        made, acting = importlib.import_module("made"), importlib.import_module("acting")
        Path("hello.exe").write_bytes(made.program("hello"))
        made.framework(Path("_framework"), acting.runtime(main=acting.done(0)))
    if "objdump" in command:
        pytest.importorskip("iced_x86")
    if "bindings.wasm" in command:
        pytest.importorskip("wasmer_emscripten")
        shutil.copy(BINDINGS, "bindings.wasm")
        Path("map").write_text("{}")
    result = CliRunner().invoke(console, shlex.split(command))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("option", ["--llvm-pre-opt-ir", "--llvm-post-opt-ir", "--llvm-object-file"])
def test_files_of_llvm(option: str) -> None:
    pytest.importorskip("wasmer_llvm_backend")
    result = CliRunner().invoke(console, [option, "out", "--backend", "llvm", "f.wat"])
    assert (result.exit_code, result.output) == (0, "main([]) returned [I32(42)]\n")
    assert Path("out").stat().st_size


def test_a_command_wins_over_a_file_of_its_name() -> None:
    Path("backends").write_text(FUNCTIONS)
    assert CliRunner().invoke(console, ["backends"]).output.startswith("backend\t")
    assert CliRunner().invoke(console, ["./backends"]).output == "main([]) returned [I32(42)]\n"
    assert CliRunner().invoke(console, ["run", "backends"]).output == "main([]) returned [I32(42)]\n"


@pytest.mark.parametrize("form", ["text", "binary", "compiled"])
def test_a_module_from_standard_input(form: str) -> None:
    content = FUNCTIONS.encode()
    if form == "binary":
        content = wat2wasm(FUNCTIONS)
    elif form == "compiled":
        assert CliRunner().invoke(console, ["compile", "-o", "f.bin", "-"], input=content).exit_code == 0
        content = Path("f.bin").read_bytes()
    result = CliRunner().invoke(console, ["-i", "add", "-", "-1", "3"], input=content)
    assert (result.exit_code, result.output) == (0, "add([I32(-1), I32(3)]) returned [I32(2)]\n")
    wrong = CliRunner().invoke(console, ["run", "-"], input=b"(module")
    assert wrong.exit_code == 1 and wrong.stderr.startswith("Error: standard input: unexpected token")


def test_variables_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", "a=b")
    assert parse_variable("GIVEN") == ("GIVEN", "a=b")
    assert parse_variable("GIVEN=") == ("GIVEN", "")


def test_help_names_the_backends_that_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Who compiles: singlepass," in CliRunner().invoke(console, ["run", "--help"]).output
    monkeypatch.setattr(backend_help, "find_spec", lambda package: "clif" in package or None)
    for command in ("run", "compile"):
        help = " ".join(CliRunner().invoke(console, [command, "--help"]).output.split())
        assert "Who compiles: cranelift, auto. Default: auto." in help


def options(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield from (*parameter.opts, *(() if parameter.hidden else parameter.secondary_opts))


def test_every_option_of_every_command_was_tried() -> None:
    tried = {word.partition("=")[0] for form in (*CALLS, *PROGRAMS, *OTHERS) for word in shlex.split(form)}
    absent = {f"--enable-{row.name.replace('_', '-')}" for row in FEATURES if not row.here}  # which cannot be
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        for option in options(command):
            assert option in tried | absent or option.startswith("--llvm-"), f"{name} {option}"


def test_a_socket_is_what_tcplisten_says() -> None:
    """Port 0 above is a free one, which standard error names; a port that is taken is an error."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        pytest.importorskip("wasmer_wasi")
        result = CliRunner().invoke(console, ["--tcplisten", f"127.0.0.1:{taken.getsockname()[1]}", "p.wat"])
    assert result.exit_code == 1 and result.stderr.startswith("Error: --tcplisten")
