"""What the command line says of a module: what it is, its types, its machine code, its times."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.console import console
from wasmer_runtime import wat2wasm
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.features import FEATURES
from wasmer_runtime_core.wasm.validation.switched_off import check_switched_off, features_used

MODULE = """
(module $calculator
  (import "env" "log" (func $log (param i32)))
  (import "env" "limit" (global i64))
  (memory (export "memory") 1)
  (table (export "table") 1 funcref)
  (global (export "count") (mut i32) (i32.const 0))
  (func (export "add") (param $left i32) (param $right i32) (result i32)
    (call $log (local.get $left)) (i32.add (local.get $left) (i32.load (local.get $right))))
  (func (export "both") (param f64 v128) (result f32 v128) (f32.const 0) (local.get 1))
  (func (export "class") (param $timeout i64) (param $in i64) (drop (memory.grow (i32.const 1))))
  (func (export "not an identifier")))
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "calculator.wat").write_text(MODULE)
    monkeypatch.chdir(tmp_path)


def output(*words: str, code: int = 0, **given: Any) -> str:
    result = CliRunner().invoke(console, words, **given)
    assert result.exit_code == code, result.output
    return result.stdout if not code else result.stderr


# --- inspect


def test_inspect_as_lines() -> None:
    assert output("inspect", "calculator.wat").splitlines() == [
        "module\tcalculator",
        "import\tenv\tlog\tfunction [i32] -> []",
        "import\tenv\tlimit\tglobal {i64}",
        "export\tmemory\tmemory {min: 1}",
        "export\ttable\ttable {funcref, min: 1}",
        "export\tcount\tglobal {mut i32}",
        "export\tadd\tfunction [i32, i32] -> [i32]",
        "export\tboth\tfunction [f64, v128] -> [f32, v128]",
        "export\tclass\tfunction [i64, i64] -> []",
        "export\tnot an identifier\tfunction [] -> []",
        "feature\tmulti_value\ta function type with several results",
        "feature\tsimd\tv128",
        *(f"section\t{name}\t{size}" for name, size in SIZES),
    ]


SIZES = [
    *(("type", 26), ("import", 24), ("function", 5), ("table", 4), ("memory", 3), ("global", 6), ("export", 67)),
    *(("code", 37), ("custom name", 59)),
]


def test_inspect_as_json() -> None:
    found = json.loads(output("inspect", "--json", "calculator.wat"))
    binary = wat2wasm(MODULE)
    assert (found["bytes"], found["name"], found["functions"]) == (len(binary), "calculator", 4)
    assert found["imports"][0] == {
        "namespace": "env",
        "name": "log",
        "kind": "function",
        "type": "function [i32] -> []",
    }
    assert found["exports"][0] == {"name": "memory", "kind": "memory", "type": "memory {min: 1}"}
    assert [(each["name"], each["bytes"]) for each in found["sections"]] == SIZES
    assert len(binary) == 8 + sum(size + 2 for _, size in SIZES), "a byte each for the number and the size"
    assert found["features"].keys() == {"multi_value", "simd"}
    assert found["program"] == {"kind": "", "version": "", "unknown_imports": []}


KINDS = {
    "wasi": ('(import "wasi_snapshot_preview1" "fd_write" (func)) (func (export "_start"))', "snapshot1"),
    "library": ('(import "wasi_unstable" "fd_write" (func)) (func (export "_initialize"))', "snapshot0"),
    "emscripten": ('(import "env" "emscripten_memcpy_big" (func))', ""),
    "go": ('(import "gojs" "runtime.wasmWrite" (func))', ""),
    "dotnet": ('(import "env" "mono_wasm_trace_logger" (func))', ""),
    "": ('(import "env" "f" (func))', ""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_programs(kind: str) -> None:
    if kind == "emscripten":
        pytest.importorskip("wasmer_emscripten")
    fields, version = KINDS[kind]
    found = json.loads(output("inspect", "--json", "-", input=f"(module {fields})"))["program"]
    assert (found["kind"], found["version"], found["unknown_imports"]) == (kind, version, [])


def test_imports_that_a_kind_of_program_has_not() -> None:
    pytest.importorskip("wasmer_wasi")
    text = """(module (import "wasi_snapshot_preview1" "fd_fly" (func)) (import "env" "g" (func))
      (import "wasi_snapshot_preview1" "fd_read" (func)))"""
    lines = output("inspect", "-", input=text).splitlines()
    assert "unknown import\twasi_snapshot_preview1\tfd_fly" in lines and "unknown import\tenv\tg" in lines
    assert not [line for line in lines if line.startswith("unknown") and "fd_read" in line]


USES = """(module
  (type $t (sub (func (result i32)))) (type $s (struct (field i32)))
  (memory 1) (memory i64 1) (memory 1 1 shared) (tag $e)
  (func (param (ref $t)) (result i32) (return_call_ref $t (local.get 0)))
  (global i32 (i32.add (i32.const 1) (i32.const 2)))
  (func (result i32 i32) (i32.const 0) (i32.const 0))
  (func (param externref) (drop (i32.extend8_s (i32.trunc_sat_f32_u (f32.const 0)))))
  (func (drop (f64x2.relaxed_min (v128.const i64x2 0 0) (v128.const i64x2 0 0)))
    (block (try_table (catch_all 0))) (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))
  (func (drop (i32.atomic.load 2 (i32.const 0)))))"""


@pytest.mark.parametrize(
    "text", [USES, MODULE, "(module)", USES.replace("try_table (catch_all 0)", "try (do) (catch_all)")]
)
def test_features_are_those_without_which_it_is_refused(text: str) -> None:
    """What is collected in one go is what each switch says alone."""
    compilation = run(Compilation(text), until="validate")
    refused = set()
    for row in FEATURES:
        try:
            check_switched_off(compilation.decoded, frozenset([row.name]))
        except Exception:
            refused.add(row.name)
    assert set(features_used(compilation.decoded)) == refused


# --- stubs


def test_stubs() -> None:
    text = output("stubs", "calculator.wat")
    assert 'exports = cast("CalculatorExports", instance.exports)' in text
    for line in (
        "class CalculatorExports(Protocol):",
        "    def memory(self) -> Memory: ...",
        "    def add(self, left: int, right: int, /, *, timeout: float | None = None) -> int: ...",
        "    def both(self, p0: float, p1: bytes | int, /, *, timeout: float | None = None)"
        " -> tuple[float, bytes]: ...",
        "    # exports['class']: function",
        "    # exports['not an identifier']: function",
        "        'log': Callable[..., None],",
        "        'limit': Global | int | float,",
        "        'env': CalculatorImports0,",
    ):
        assert line in text.splitlines()
    output("stubs", "--name", "Calc", "--output", "calc.pyi", "calculator.wat")
    assert "class CalcExports(Protocol):" in Path("calc.pyi").read_text()
    compile(output("stubs", "-", input="(module)"), "empty.pyi", "exec")


def test_checkers_know_the_types_of_stubs() -> None:
    pytest.importorskip("mypy")
    output("stubs", "-o", "calculator.pyi", "calculator.wat")
    Path("use.py").write_text(
        "from pathlib import Path\nfrom typing import cast\nimport calculator\nfrom wasmer_runtime import compile\n"
        "given: calculator.CalculatorImports = {'env': {'log': print, 'limit': 5}}\n"
        "instance = compile(Path('calculator.wat')).instantiate(given)\n"
        "exports = cast(calculator.CalculatorExports, instance.exports)\n"
        "reveal_type(exports.add(1, 2))\nreveal_type(exports.memory)\nexports.add('1', 2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir=cache", "use.py"], capture_output=True, text=True
    )
    assert 'use.py:8: note: Revealed type is "' in done.stdout, done.stdout
    shown = done.stdout.splitlines()
    assert shown[0].endswith(('"int"', '"builtins.int"')) and shown[1].endswith('.Memory"')
    assert 'use.py:10: error: Argument 1 to "add"' in done.stdout and "Found 1 error" in done.stdout


# --- objdump, bench


@pytest.mark.parametrize("backend", ["singlepass", "cranelift"])
def test_machine_code_with_its_origins(backend: str) -> None:
    pytest.importorskip("iced_x86")
    whole = output("objdump", "--backend", backend, "calculator.wat")
    assert whole.count("function ") == 4 and "x86_64" in whole
    body = output("objdump", "--backend", backend, "--function", "1", "calculator.wat")
    lines = body.splitlines()
    assert lines[0].startswith("function 1 add: x86_64")
    assert [line for line in lines if "; out of bounds memory access: wasm byte 0x" in line and "[" in line]
    assert [line for line in lines if "; call: wasm byte 0x" in line and " call " in line]
    output("compile", "--backend", backend, "calculator.wat")
    assert output("objdump", "calculator.wasmer", "--function", "1") == body
    assert "no function of index 0" in output("objdump", "--function", "0", "calculator.wat", code=2)


def test_bench() -> None:
    text = '(module (func (export "twice") (param i32) (result i32) (i32.add (local.get 0) (local.get 0))))'
    rows = [
        line.split("\t") for line in output("bench", "--repeat", "1", "-i", "twice", "-", "4", input=text).splitlines()
    ]
    assert {row[0] for row in rows} == {"bench"} and rows[0][1] == "singlepass"
    assert all(float(row[2]) > 0 and int(row[3].replace(",", "")) > 0 and float(row[4]) >= 0 for row in rows)
    assert len(output("bench", "--backend", "singlepass", "calculator.wat").splitlines()) == 1
    says = output("bench", "--invoke", "add", "calculator.wat", "1", "2", code=1)
    assert "a function of a module with imports cannot be called from here" in says


def test_bench_of_a_program() -> None:
    pytest.importorskip("wasmer_wasi")
    text = """(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 3))))"""
    rows = output("bench", "--backend", "singlepass", "-", "a", "--flag", input=text).splitlines()
    assert len(rows) == 1 and float(rows[0].split("\t")[4]) > 0


# --- completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_shells_read(shell: str) -> None:
    assert "_WASMER_RUNTIME_COMPLETE" in output("completion", shell)
    if shutil.which(shell):
        Path("script").write_text(output("completion", shell))
        subprocess.run([shell, "-n", "script"], check=True)


def completed(*words: str) -> list[str]:
    """What bash would be told to offer for the last word."""
    environment = os.environ | {
        "_WASMER_RUNTIME_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("wasmer-runtime", *words)),
        "COMP_CWORD": str(len(words)),
    }
    command = [sys.executable, "-m", "wasmer_runtime"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_what_is_offered() -> None:
    assert completed("ins") == ["inspect"]
    assert "--timeout" in completed("run", "--ti")
    assert set(completed("completion", "")) == {"bash", "zsh", "fish"}
