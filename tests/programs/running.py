"""A program's commands, run one after the other in one directory, by this project or by wasmtime."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any, NamedTuple

from tests.programs.rows import FILES, Command, Program, module

GUEST = "/d"
ENVIRONMENT = [("HOME", "/d"), ("TZ", "UTC")]


class Outcome(NamedTuple):
    """What a program printed and answered, command by command, and what it left behind."""

    printed: list[bytes]
    codes: list[int]
    left: dict[str, bytes]


def plant(base: Path) -> Path:
    """A directory for a run, with a canary beside it."""
    (base / "canary").write_text("sings")
    directory = base / "d"
    directory.mkdir()
    for name, data in FILES.items():
        (directory / name).write_bytes(data)
    return directory


def run_ours(program: Program, backend: str, version: str, base: Path) -> Outcome:
    directory = plant(base)
    compiled = _compiled(module(program, version), backend)
    done = [_ours(compiled, program.name, command, version, directory) for command in program.commands]
    return Outcome([printed for printed, _ in done], [code for _, code in done], left_in(directory))


@functools.lru_cache(maxsize=1)
def _compiled(wasm: bytes, backend: str) -> Any:
    """The module, compiled once for all versions that it runs as: snapshot1 and latest follow one another."""
    from wasmer_runtime import compile

    return compile(wasm, backend=backend)


def _ours(compiled: Any, name: str, command: Command, version: str, directory: Path) -> tuple[bytes, int]:
    from wasmer_runtime import instantiate
    from wasmer_wasi import ExitCode, WasiState, WasiVersion, generate_import_object_from_state

    stdout = io.BytesIO()
    builder = WasiState.new(name).args(command.args).envs(ENVIRONMENT).map_dir(GUEST, directory)
    state = builder.stdin(command.stdin).stdout(stdout).stderr(None).build()
    instance = instantiate(compiled, generate_import_object_from_state(state, WasiVersion(version)))
    try:
        instance.exports._start()
    except ExitCode as end:
        return stdout.getvalue(), end.code
    return stdout.getvalue(), 0


def run_wasmtime(program: Program, base: Path) -> Outcome:
    import wasmtime

    directory = plant(base)
    engine = wasmtime.Engine()
    compiled = wasmtime.Module(engine, module(program, "snapshot1"))
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    printed, codes = [], []
    for command in program.commands:
        (base / "stdin").write_bytes(command.stdin)
        store = wasmtime.Store(engine)
        config = wasmtime.WasiConfig()
        config.argv = [program.name, *command.args]
        config.env = ENVIRONMENT
        config.stdin_file, config.stdout_file = str(base / "stdin"), str(base / "stdout")
        config.preopen_dir(str(directory), GUEST)
        store.set_wasi(config)
        start: Any = linker.instantiate(store, compiled).exports(store)["_start"]
        code = 0
        try:
            start(store)
        except wasmtime.ExitTrap as end:
            code = end.code
        printed.append((base / "stdout").read_bytes())
        codes.append(code)
    return Outcome(printed, codes, left_in(directory))


def left_in(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
