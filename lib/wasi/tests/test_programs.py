"""C programs, compiled for both versions, do on every backend what they do under wasmtime.

A program prints a line per step, errors included; the whole output, the exit code and what is
left in the directory are compared. Wasmtime has no snapshot0: there the same program, built for
snapshot0, has to print what the one for snapshot1 does.
"""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import NamedTuple

import pytest
from guests import plant

from wasmer_wasi import ExitCode, WasiState, WasiVersion, generate_import_object_from_state, get_wasi_version

SOURCES = Path(__file__).parent / "programs"
PROGRAMS = ("files", "directories", "links", "times", "process", "heap")
ARGS = {"process": ["7", "two words", "ümlaut", ""]}
STDIN = b"first line\nsecond line"
ENVIRONMENT = [("NAME", "value"), ("EMPTY", "")]


class Outcome(NamedTuple):
    lines: list[str]
    code: int
    left: list[str]


@functools.cache
def built(name: str, version: str) -> bytes:
    programs = pytest.importorskip("tools.programs", reason="the workspace's tools are not at hand")
    if not programs.has_zig():
        pytest.skip("ziglang is not installed: there is nothing to compile C with")
    module: bytes = programs.wasi(SOURCES / f"{name}.c", version=version).read_bytes()
    return module


def left_in(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def run_ours(name: str, version: str, backend: str, base: Path) -> Outcome:
    from wasmer_runtime import compile, instantiate

    root = plant(base)
    stdout = io.BytesIO()
    builder = WasiState.new(name).args(ARGS.get(name, [])).envs(ENVIRONMENT).map_dir("/d", root)
    state = builder.stdin(STDIN).stdout(stdout.write).stderr(None).build()
    module = compile(built(name, "snapshot1" if version == "latest" else version), backend=backend)
    instance = instantiate(module, generate_import_object_from_state(state, WasiVersion(version)))
    code = 0
    try:
        instance.exports._start()
    except ExitCode as end:
        code = end.code
    return Outcome(stdout.getvalue().decode().splitlines(), code, left_in(root))


@functools.cache
def run_wasmtime(name: str, base: Path) -> Outcome:
    wasmtime = pytest.importorskip("wasmtime", reason="wasmtime is not installed: nothing to compare with")
    root = plant(base)
    stdin = base / "stdin"
    stdin.write_bytes(STDIN)
    store = wasmtime.Store(wasmtime.Engine())
    config = wasmtime.WasiConfig()
    config.argv = [name, *ARGS.get(name, [])]
    config.env = ENVIRONMENT
    config.stdin_file = str(stdin)
    config.stdout_file = str(base / "stdout")
    config.stderr_file = str(base / "stderr")
    config.preopen_dir(str(root), "/d")
    store.set_wasi(config)
    linker = wasmtime.Linker(store.engine)
    linker.define_wasi()
    instance = linker.instantiate(store, wasmtime.Module(store.engine, built(name, "snapshot1")))
    code = 0
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as end:
        code = end.code
    return Outcome((base / "stdout").read_bytes().decode().splitlines(), code, left_in(root))


@pytest.fixture(scope="session")
def wasmtimes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What each program did under wasmtime."""

    class Runs(dict[str, Outcome]):
        def __missing__(self, name: str) -> Outcome:
            self[name] = run_wasmtime(name, tmp_path_factory.mktemp(f"wasmtime_{name}"))
            return self[name]

    return Runs()


@pytest.mark.parametrize("version", ["snapshot0", "snapshot1", "latest"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str, version: str, backend: str, tmp_path: Path, wasmtimes: dict[str, Outcome]) -> None:
    expected = wasmtimes[name]
    ours = run_ours(name, version, backend, tmp_path)
    assert (tmp_path / "canary").read_text() == "sings"
    assert ours.lines == expected.lines
    assert (ours.code, ours.left) == (expected.code, expected.left)
    assert ours.code == (7 if name == "process" else 0)


def test_removing_while_listing_misses_nothing(backend: str, tmp_path: Path) -> None:
    """Wasmtime reads the directory anew for each call and misses names, so it is no measure here."""
    ours = run_ours("emptying", "latest", backend, tmp_path)
    assert ours.lines == ["removed 500", "left 2, and from the start again .", 'rmdir("/d/a") = 0']


@pytest.mark.parametrize("version", ["snapshot0", "snapshot1"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_is_of_its_version_alone(name: str, version: str) -> None:
    from wasmer_runtime import compile

    module = compile(built(name, version))
    assert get_wasi_version(module, strict=True) is WasiVersion(version)
