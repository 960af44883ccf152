"""The C part is built from the contract as it stands, without warnings, and says what it needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fresh_process import fresh_process

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract import helpers as vmcalls
from wasmer_runtime_core.contract import traps as trap_kinds
from wasmer_runtime_core.contract import vmctx as context
from wasmer_runtime_core.native import build, machine
from wasmer_runtime_core.wasm import module
from wasmer_runtime_core.wasm.types import PAGE_BYTES


def test_the_header_holds_every_row() -> None:
    lines = build.contract_header().splitlines()
    for name, field in context.VMCTX.items():
        assert f"#define VMCTX_{name.upper()} {field.offset}" in lines
    for kind in trap_kinds.TRAP_KINDS:
        assert f"#define TRAP_{kind.name} {kind.number}" in lines
    assert f"#define N_VMCALLS {len(vmcalls.VMCALLS)}" in lines
    assert f"#define PLAN_NUMBERS(row) {' '.join(f'row({name})' for name in context.PLAN)}" in lines
    for at, field in enumerate(context.PLAN.values()):
        assert (field.offset, field.size) == (4 * at, 4)
    for name, number in (("KIND_GLOBAL", module.GLOBAL), ("DECLARATIVE", module.DECLARATIVE)):
        assert f"#define {name} {number}" in lines
    assert f"#define WASM_PAGE_BYTES {PAGE_BYTES}" in lines


def test_what_runs_was_built_from_the_contract_as_it_is() -> None:
    last = build.contract_header().splitlines()[-1]
    assert last == f"#define CONTRACT_CHECKSUM {machine.contract_checksum}u", (
        "the C part is older than its contract; run: python -m wasmer_runtime_core.native.build"
    )


def test_the_numbers_of_a_plan_are_those_of_its_rows() -> None:
    plan = compile_with("(module (func))", find_compiler("singlepass")).instantiate({}).core.plan
    assert plan is not None
    count = len(context.PLAN)
    for numbers in ((), (0,) * (count - 1), (0,) * (count + 1), (0,) * (count - 1) + (1 << 32,)):
        with pytest.raises(ValueError, match="numbers do not fit"):
            machine.Plan(plan.code, None, numbers, (), b"", (), (), (), b"", (), b"", (), b"", (), b"", ())


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with pytest.raises(build.BuildError, match="no C compiler: 'no-such-compiler' is not on the PATH"):
        build.build("/nowhere")
    assert build.main() == 1


def test_python_without_a_gil_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_config_var", lambda name: 1 if name == "Py_GIL_DISABLED" else None)
    with pytest.raises(build.BuildError, match="does not support Python without a GIL"):
        build.build("/nowhere")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_it_compiles_without_warnings(tmp_path: Path) -> None:
    path = build.build(tmp_path / "package", warnings_are_errors=True)
    assert path.parent == tmp_path / "package" and path.name.startswith("_native.")


def test_the_machine_exists_once_in_a_process() -> None:
    code = (
        "import sys\n"
        "from wasmer_runtime_core.native import machine\n"
        "del sys.modules['wasmer_runtime_core.native._native']\n"
        "import wasmer_runtime_core.native._native\n"
    )
    result = fresh_process(code)
    assert "ImportError: the machine exists once in a process: it is loaded already" in result.stderr


def test_a_missing_library_says_how_to_build_it(tmp_path: Path) -> None:
    package = tmp_path / "wasmer_runtime_core"
    shutil.copytree(Path(build.SOURCES).parent, package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    result = subprocess.run(
        [sys.executable, "-c", "import wasmer_runtime_core.native.machine"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert result.returncode == 1
    assert "in a source tree run: python -m wasmer_runtime_core.native.build" in result.stderr
