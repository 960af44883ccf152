"""Programs of Go for `GOOS=wasip1`: commands beside the same program built for this machine, and a reactor."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tools.go_toolchains import FIRST_WITH_REACTORS, NATIVE, WASI, Run, Toolchain, must_raise

ENVIRONMENT = {"MINE": "set"}


def commands(
    toolchain: Toolchain, into: Path, runs: Sequence[Run], backends: list[str]
) -> Iterator[tuple[Run, str, str]]:
    """Run programs, and compare: (run, backend, what is wrong or "")."""
    from wasmer_runtime import compile

    native, wasm = into / "native", into / "wasi"
    native.mkdir(exist_ok=True)
    wasm.mkdir(exist_ok=True)
    for name in dict.fromkeys(run.program for run in runs):
        program = toolchain.build(name, native, NATIVE)
        module = toolchain.build(name, wasm, WASI)
        compiled = {backend: compile(module, backend) for backend in backends}
        for run in (each for each in runs if each.program == name):
            with tempfile.TemporaryDirectory() as folder:
                expected = subprocess.run(
                    [program, *run.args],
                    input=run.stdin,
                    capture_output=True,
                    cwd=folder,
                    env=os.environ | ENVIRONMENT | {"PWD": folder},
                )
            for backend in backends:
                yield run, backend, _wrong(compiled[backend], run, expected)


def _wrong(module: Any, run: Run, expected: subprocess.CompletedProcess[bytes]) -> str:
    """What is another than on this machine: exit code, output, or the message before the addresses of a panic."""
    from wasmer_wasi import run as run_wasi

    with tempfile.TemporaryDirectory() as folder:
        found = run_wasi(
            module,
            run.args,
            env=ENVIRONMENT | {"PWD": "/work"},
            dirs={"/work": folder},
            stdin=run.stdin,
            capture=True,
            name=f"{run.program}.wasm",
        )
    for what, one, other in (
        ("exit code", expected.returncode, found.returncode),
        ("output", expected.stdout, found.stdout),
        ("message", expected.stderr.partition(b"\n")[0], found.stderr.partition(b"\n")[0]),
    ):
        if one != other:
            return f"{what} {other!r} and not {one!r}"
    return ""


def reactor(toolchain: Toolchain, into: Path, backends: list[str]) -> bool:
    """Call the functions of a library, which calls Python's; False: this Go makes none."""
    if toolchain.numbers < FIRST_WITH_REACTORS:
        return False
    from wasmer_runtime import compile

    module = toolchain.build("reactor", into, WASI, "-buildmode=c-shared")
    for backend in backends:
        use_reactor(compile(module, backend))
    return True


def use_reactor(module: Any) -> None:
    """Every function of the library."""
    from wasmer_runtime_core.errors import ExitCode, Trap
    from wasmer_wasi import WasiState, generate_import_object_from_state

    asked: list[int] = []

    def squared(number: int) -> int:
        asked.append(number)
        return number * number

    def fresh() -> tuple[Any, Any]:
        state = WasiState.new("reactor").capture_stdout().capture_stderr().build()
        imports = generate_import_object_from_state(state)
        imports.register("host", {"squared": squared})
        instance = module.instantiate(imports)
        instance.exports["_initialize"]()
        return state, instance.exports

    state, exports = fresh()
    assert exports.add(2, -3) == -1 and exports.half(5.0) == 2.5
    assert exports.squares(100) == sum(at * at for at in range(100)) and asked == list(range(100))
    assert exports.slept(20) == 1
    assert [exports.remember(number) for number in (3, 1, 2)] == [1, 2, 3]
    assert state.stdout_bytes() == b"3\n1 3\n1 2 3\n"
    state, exports = fresh()
    must_raise(ExitCode, lambda: exports.leave(7))
    state, exports = fresh()
    must_raise(Trap, exports.fail)  # a library aborts, where a command exits with 2
    assert b"panic: on purpose" in state.stderr_bytes()
