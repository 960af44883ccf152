"""Real programs do, on every backend and for every version, what they do under wasmtime.

Without `nox -s matrix` some are left out (`conftest.py` of the workspace).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import rows, sources
from tests.programs.rows import PROGRAMS, Program
from tests.programs.running import GUEST, Outcome, run_ours, run_wasmtime
from tools import programs

pytest.importorskip("wasmer_wasi", reason="wasmer-wasi is not installed")


def backends() -> list[str]:
    from wasmer_runtime import Backend

    return [str(backend) for backend in Backend.variants() if str(backend) != "auto"]


@pytest.fixture(scope="session")
def wasmtimes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What each program did under wasmtime."""
    pytest.importorskip("wasmtime", reason="wasmtime is not installed: nothing to compare with")

    class Runs(dict[str, Outcome]):
        def __missing__(self, name: str) -> Outcome:
            program = next(program for program in PROGRAMS if program.name == name)
            self[name] = run_wasmtime(program, tmp_path_factory.mktemp(name))
            return self[name]

    return Runs()


@pytest.mark.parametrize("version", ["snapshot0", "snapshot1", "latest"])
@pytest.mark.parametrize("backend", backends())
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program(program: Program, backend: str, version: str, tmp_path: Path, wasmtimes: dict[str, Outcome]) -> None:
    if version not in (*program.versions, "latest"):
        pytest.skip(f"{program.name} comes as wasm that was built for {', '.join(program.versions)}")
    try:
        rows.module(program, version)
        rows.module(program, "snapshot1")
    except (sources.Unavailable, programs.NoCompiler) as reason:
        pytest.skip(f"{program.name} ({program.origin}): {reason}")
    ours = run_ours(program, backend, version, tmp_path)
    theirs = wasmtimes[program.name]
    assert ours.codes == theirs.codes == [command.code for command in program.commands]
    assert ours.printed == theirs.printed
    assert ours.left == theirs.left
    program.check(tmp_path / GUEST.strip("/"), ours.printed)
    assert (tmp_path / "canary").read_text() == "sings"
