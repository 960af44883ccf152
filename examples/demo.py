"""C programs, compiled to WebAssembly, compiled to machine code by this project, and run.

    python examples/demo.py                      every program on every installed backend
    python examples/demo.py --backend singlepass
    python examples/demo.py --matrix             every program on every backend and WASI version, checked

Prints what each program prints and, at the end, a table per backend: the size of the module, how fast it was
compiled (MB of wasm per second of CPU), how long the machine's own C compiler takes at -O2 from the
source, how long the program ran, and how long its native build (the time of starting a process is
measured and taken off). Every output is compared with the native one. Exit code 1 if any differs.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

os.environ["WASMER_CACHE_DIR"] = ""  # programs are compiled, and timed, each time
ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import programs  # noqa: E402

PROGRAMS: Final = ROOT / "examples" / "c"
GUEST: Final = "/work"
TURNS: Final = 5
SHOWN_LINES: Final = 12
SHORTEST_SECONDS: Final = 0.005
"""A native run shorter than this is mostly the start of its process: no ratio is given."""


class Program(NamedTuple):
    """A row: the C file, its arguments (DIR is the working directory), its standard input."""

    name: str
    args: Sequence[str]
    stdin: str | None
    about: str


ROWS: Final = (
    Program("digest", ["DIR/text", "DIR/small"], None, "hashes and counts files"),
    Program("compute", ["11"], None, "computes for a while"),
    Program("words", ["6"], "text", "reads standard input"),
    Program("tree", ["DIR"], None, "makes, lists and removes directories"),
)


class Outcome(NamedTuple):
    """What came of one run."""

    stdout: bytes
    code: int
    seconds: float


class Row(NamedTuple):
    """A line of the table."""

    program: Program
    module_bytes: int
    compile_seconds: float
    native_compile_seconds: float
    run_seconds: float
    native_seconds: float
    same: bool


def write_inputs(directory: Path) -> None:
    """The files that programs read: a text of 8 MB made from this repository's own, and a small one."""
    sources = sorted((ROOT / "lib").glob("*/src/**/*.py")) + sorted(PROGRAMS.glob("*.c"))
    text = b"".join(path.read_bytes() for path in sources) or Path(__file__).read_bytes()
    while len(text) < 8_000_000:
        text += text
    (directory / "text").write_bytes(text[:8_000_000])
    (directory / "small").write_text("the quick brown fox\njumps over\nthe lazy dog\n")


def arguments(program: Program, directory: str) -> list[str]:
    return [argument.replace("DIR", directory) for argument in program.args]


def run_native(program: Program, directory: Path) -> Outcome:
    """The native build, in a process of its own."""
    command = [str(programs.native(PROGRAMS / f"{program.name}.c")), *arguments(program, ".")]
    with open(directory / program.stdin if program.stdin else os.devnull, "rb") as stdin:
        started = time.perf_counter()
        done = subprocess.run(command, stdin=stdin, capture_output=True, cwd=directory)
        return Outcome(done.stdout, done.returncode, time.perf_counter() - started)


def process_seconds() -> float:
    """What starting a process and reading its output costs, whatever it does."""
    return min(_timed(lambda: subprocess.run(["true"], capture_output=True)) for _ in range(TURNS))


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def run_ours(module: object, program: Program, directory: Path, version: str) -> Outcome:
    """The module, in this process, seeing `directory` and nothing else."""
    from wasmer_runtime import instantiate
    from wasmer_wasi import ExitCode, WasiState, WasiVersion, generate_import_object_from_state

    builder = WasiState.new(program.name).args(arguments(program, GUEST)).map_dir(GUEST, directory).capture_stdout()
    builder.stdin((directory / program.stdin).open("rb") if program.stdin else None)
    state = builder.build()
    started = time.perf_counter()
    instance = instantiate(module, generate_import_object_from_state(state, WasiVersion.parse(version)))
    code = 0
    try:
        instance.exports._start()
    except ExitCode as end:
        code = end.code
    seconds = time.perf_counter() - started
    return Outcome(state.stdout_bytes(), code, seconds)


def compile_module(program: Program, version: str, backend: str) -> tuple[object, int, float]:
    """(module, bytes, CPU seconds), the best of several turns."""
    from wasmer_runtime import compile

    wasm = programs.wasi(PROGRAMS / f"{program.name}.c", version=version).read_bytes()
    best = float("inf")
    for _ in range(TURNS):
        started = processor_seconds()
        module = compile(wasm, backend=backend)
        best = min(best, processor_seconds() - started)
    return module, len(wasm), best


def processor_seconds() -> float:
    """Of this process and those that it has waited for: llvm compiles in processes of its own."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def compile_native(program: Program, directory: Path) -> float:
    """Seconds that the C compiler takes for the program, from its source to what can be run."""
    command = [*programs.native_compiler(), str(PROGRAMS / f"{program.name}.c"), "-o", str(directory / "compiled")]
    seconds = _timed(lambda: subprocess.run(command, check=True))
    (directory / "compiled").unlink()
    return seconds


def same(ours: Outcome, native: Outcome) -> bool:
    """Whether both printed and returned the same, but for the directory's name."""
    return ours.stdout.replace(GUEST.encode(), b".") == native.stdout and ours.code == native.code


def demonstrate(backend: str, directory: Path, *, aloud: bool) -> list[Row]:
    """Run every program; if `aloud`, print what it prints."""
    rows = []
    start = process_seconds()
    for program in ROWS:
        module, size, compile_seconds = compile_module(program, "snapshot1", backend)
        runs, natives = [], []
        for _ in range(TURNS):
            runs.append(run_ours(module, program, directory, "latest"))
            natives.append(run_native(program, directory))
        if aloud:
            repeat(program, runs[0].stdout)
        rows.append(
            Row(
                program,
                size,
                compile_seconds,
                compile_native(program, directory),
                min(run.seconds for run in runs),
                max(min(native.seconds for native in natives) - start, 0.0),
                all(same(run, natives[0]) for run in runs),
            )
        )
    return rows


def repeat(program: Program, stdout: bytes) -> None:
    """Print what a program printed, the first lines of it."""
    print(f"\n--- {program.name} {' '.join(arguments(program, GUEST))}: {program.about}")
    lines = stdout.decode(errors="replace").splitlines()
    print("\n".join(lines[:SHOWN_LINES]))
    if len(lines) > SHOWN_LINES:
        print(f"… ({len(lines) - SHOWN_LINES} lines more)")


def show(rows: list[Row], backend: str) -> None:
    """The table."""
    print(f"\nBackend {backend}; each the best of {TURNS} turns\n")
    heads = f"{'program':<10}{'wasm':>12}{'compiled in':>13}{'':>12}{'cc -O2':>11}"
    print(f"{heads}{'run':>12}{'native':>11}{'ratio':>7}   output")
    for row in rows:
        speed = row.module_bytes / row.compile_seconds / 1e6
        measurable = row.native_seconds >= SHORTEST_SECONDS
        ratio = f"{row.run_seconds / row.native_seconds:.2f}" if measurable else "-"
        print(
            f"{row.program.name:<10}{row.module_bytes:>10,} B"
            f"{row.compile_seconds * 1e3:>10.1f} ms{speed:>7.1f} MB/s{row.native_compile_seconds * 1e3:>8.1f} ms"
            f"{row.run_seconds * 1e3:>9.1f} ms{row.native_seconds * 1e3:>8.1f} ms{ratio:>7}"
            f"   {'as native' if row.same else 'DIFFERS from native'}"
        )


def matrix(directory: Path) -> bool:
    """Every program on every backend, for every version; whether all of them did as their native builds."""
    good = True
    names = backends()
    versions = ("snapshot0", "snapshot1", "latest")
    print(f"{'program':<10}" + "".join(f"{f'{name}, {version}':>24}" for name in names for version in versions))
    for program in ROWS:
        native = run_native(program, directory)
        line = f"{program.name:<10}"
        for name in names:
            for version in versions:
                built_for = "snapshot1" if version == "latest" else version
                module, _, _ = compile_module(program, built_for, name)
                outcome = run_ours(module, program, directory, version)
                fine = same(outcome, native)
                good = good and fine
                line += f"{'ok' if fine else 'FAILED':>15} {outcome.seconds * 1e3:>5.0f} ms"
        print(line)
    return good


def backends() -> list[str]:
    """The installed backends."""
    from wasmer_runtime import Backend

    return [str(name) for name in Backend.variants() if str(name) != "auto"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Compile C programs to WebAssembly and run them.")
    parser.add_argument("--backend", help="the only backend to use; default: all that are installed")
    parser.add_argument("--matrix", action="store_true", help="check every backend and every WASI version")
    options = parser.parse_args()
    try:
        installed = backends()
    except ImportError as failure:
        print(f"Error: {failure}. Install the distributions, or run ./do demo", file=sys.stderr)
        return 1
    if options.backend is not None and options.backend not in installed:
        print(
            f"Error: the backend {options.backend} is not installed; there are: {', '.join(installed)}", file=sys.stderr
        )
        return 1
    with tempfile.TemporaryDirectory() as directory:
        write_inputs(Path(directory))
        try:
            if not programs.WASI_READY.exists():
                print("The first run compiles a C library for WebAssembly; that takes about half a minute.", flush=True)
            if options.matrix:
                return 0 if matrix(Path(directory)) else 1
            tables = {}
            for backend in [options.backend] if options.backend else installed:
                tables[backend] = demonstrate(backend, Path(directory), aloud=not tables)
        except (programs.NoCompiler, programs.BuildFailed) as failure:
            print(f"Error: {failure}", file=sys.stderr)
            return 1
    for backend, rows in tables.items():
        show(rows, backend)
    return 0 if all(row.same for rows in tables.values() for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
