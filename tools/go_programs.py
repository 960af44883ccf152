"""Build the programs of the Go tests, run them on every backend, compare with node running the same module.

    python tools/go_programs.py [--backend NAME]… [--packages FOLDER]

Without a compiler of Go (Debian: apt install golang-go) nothing is built. Where npm is there, esbuild is fetched into
FOLDER (by default build/npm), bundles a small program of TypeScript, and has to write what it writes under node.
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
PROGRAMS: Final = ROOT / "lib/go/tests/programs"
ESBUILD: Final = "esbuild-wasm@0.28.2"
BUILDS: Final = 10
"""Builds of esbuild's in one process, behind which no memory may have been lost."""
GROWTH_BYTES: Final = 64 << 20
"""What they may take more than the first two."""


class Run(NamedTuple):
    """One run of a program: its arguments and what it reads."""

    program: str
    args: tuple[str, ...] = ()
    stdin: bytes = b""


RUNS: Final = (
    Run("values", ("a", "b c"), b"first\nsecond"),
    Run("files"),
    *(
        Run("ending", (way,))
        for way in ("exit", "panic", "nil", "index", "deadlock", "map", "deep", "memory", "return")
    ),
)

Outcome = tuple[int, bytes, bytes]


def support() -> Path:
    """Where Go keeps what node needs: `wasm_exec_node.js`."""
    root = Path(subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip())
    return next(each for each in (root / "lib/wasm", root / "misc/wasm") if (each / "wasm_exec_node.js").is_file())


def build(program: str, into: Path) -> Path:
    """Compile a program."""
    module = into / f"{program}.wasm"
    environment = os.environ | {"GOOS": "js", "GOARCH": "wasm", "GO111MODULE": "off"}
    subprocess.run(["go", "build", "-o", module, PROGRAMS / f"{program}.go"], env=environment, check=True)
    return module


def of_node(module: Path, run: Run, folder: Path) -> Outcome:
    """What node makes of it."""
    # what Go 1.19 has for node sets `crypto`, which today's node keeps others from
    node = ["node", "--no-experimental-global-webcrypto", str(support() / "wasm_exec_node.js")]
    command = [*node, str(module), *run.args]
    done = subprocess.run(command, input=run.stdin, capture_output=True, cwd=folder, env=os.environ | {"MINE": "set"})
    return done.returncode, done.stdout, done.stderr


def ours(module: Any, run: Run, folder: Path) -> Outcome:
    """What is made of it here."""
    from wasmer_go import CAPTURE, load

    program = load(
        module,
        args=run.args,
        name=f"{run.program}.wasm",
        env={"MINE": "set"},
        stdin=run.stdin,
        stdout=CAPTURE,
        stderr=CAPTURE,
        mounts={"/work": folder},
        current="/work",
    )
    code = program.run()
    program.close()
    return code, program.stdout_bytes(), program.stderr_bytes()


def compare(into: Path, backends: list[str]) -> int:
    """Run all programs: how many runs differ."""
    from wasmer_runtime import compile

    failed = 0
    for name in dict.fromkeys(run.program for run in RUNS):
        module = build(name, into)
        compiled = {backend: compile(module, backend) for backend in backends}
        for run in (each for each in RUNS if each.program == name):
            with tempfile.TemporaryDirectory() as folder:
                expected = of_node(module, run, Path(folder))
            for backend in backends:
                with tempfile.TemporaryDirectory() as folder:
                    found = ours(compiled[backend], run, Path(folder))
                equal = found == expected
                failed += not equal
                print(f"{name:10} {' '.join(run.args):10} {backend:10} {'same' if equal else 'DIFFERENT'}")
                if not equal:
                    print(f"  node {expected}\n  here {found}")
    return failed


def use_library(into: Path, backends: list[str]) -> None:
    """Call the functions of a Go program from Python, and Python's from it."""
    from wasmer_go import load

    module = build("library", into)
    for backend in backends:
        warnings: list[int] = []
        known = {"config": {"limit": 10}, "warn": warnings.append, "one": 1}
        program = load(module, backend=backend, globals=known, stderr=None)
        program.start()
        use(program, warnings)
        print(f"library    {'':10} {backend:10} as expected")


def use(program: Any, warnings: list[int]) -> None:
    """Every way in which values go to and fro."""
    from wasmer_go import ProgramExited, Thrown

    found = program.globals
    assert found["add"](2, 3) == 5 and found["add"](20, 3) == 23 and warnings == [23]
    assert found["upper"]("grüß \U0001f4a1") == "GRÜß \U0001f4a1"
    kinds = list(found["kinds"](None, True, 1, "s", b"b", [1], {"a": 1}, print, object()))
    assert kinds == ["null", "boolean", "number", "string", *["object"] * 3, "function", "object"], kinds
    assert found["sum"](lambda number: number * number, 10) == 285
    assert found["invert"](b"\x00\x01\xff") == b"\xff\xfe\x00"
    assert found["caught"](_fail) == "caught ValueError: wrong thing"
    assert program.result(found["later"](5)) == "after 5"
    _must_raise(Thrown, lambda: program.result(found["later"](60)))
    given: dict[str, Any] = {"name": "n", "list": [0, 1]}
    given["self"] = given
    made = found["reshape"](given)
    assert (made["name"], made["length"], made["undefined"], made["itself"]) == ("n", 2, None, True)
    assert list(made["nested"]["x"]) == [1, 2.5, None, True]
    assert (given["added"], given["list"]) == (5, ["first", 1])
    _must_raise(ProgramExited, lambda: found["fail"]("now"))
    _must_raise(ProgramExited, lambda: found["add"](1, 2))


def run_out_of_memory(module: Path, backends: list[str]) -> int:
    """A gigabyte under limits that refuse it: Go's own message. How many ended in another way."""
    from wasmer_go import CAPTURE, load
    from wasmer_runtime import Limits

    failed = 0
    for backend in backends:
        limits = Limits(memory_pages=2048)
        with load(module, backend=backend, args=["memory"], limits=limits, stdout=None, stderr=CAPTURE) as program:
            equal = program.run() == 2 and b"fatal error: out of memory" in program.stderr_bytes()
        failed += not equal
        print(f"limits     memory     {backend:10} {'as expected' if equal else 'DIFFERENT'}")
    return failed


def documented(into: Path) -> None:
    """Run the lines of the page for users, over the programs that were built."""
    blocks: Any = importlib.import_module("emscripten_documented")  # beside this file
    shutil.copyfile(into / "files.wasm", into / "hello.wasm")
    names: dict[str, Any] = {}
    with contextlib.chdir(into):
        for name in ("program", "warnings"):
            exec(builtins.compile(blocks.block("go.md", name), "<documentation>", "exec"), names)
    print("the lines of docs/go.md run")


def _fail() -> None:
    raise ValueError("wrong thing")


def _must_raise(kind: type[Exception], call: Callable[[], object]) -> None:
    try:
        call()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")


SOURCES: Final = {
    "main.ts": """
import { greet, type Person } from "./people";
import data from "./data.json";
enum Colour { Red, Green = 5 }
const people: Person[] = data.map((name: string) => ({ name, colour: Colour.Green }));
console.log(people.map(greet).join("\\n") satisfies string, import.meta.url ?? "");
export default class { #secret = 1; get value() { return this.#secret ** 2; } }
""",
    "people.ts": """
export interface Person { name: string; colour: number }
export const greet = ({ name, colour }: Person) => `hello ${name}, ${colour}`;
export const unused = () => { throw new Error("unused"); };
""",
    "data.json": '["Ann", "Bob", "grüß"]',
}
BUILD: Final = (
    "main.ts",
    "--bundle",
    "--minify",
    "--format=esm",
    "--sourcemap",
    "--outfile=out.js",
    "--log-level=warning",
)


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fetched(folder: Path) -> Path | None:
    """The module of esbuild, installed by npm first where it is not there yet; None: there is no npm."""
    module = folder / "node_modules/esbuild-wasm/esbuild.wasm"
    if module.is_file():
        return module
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not on the PATH: esbuild was not fetched")
        return None
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", ESBUILD], check=True
    )
    return module


def bundle(module: Path, backends: list[str]) -> int:
    """Let esbuild bundle, under node and here: how many outputs differ."""
    from wasmer_go import load
    from wasmer_runtime import compile

    failed = 0
    with tempfile.TemporaryDirectory() as work:
        sources = Path(work)
        for name, content in SOURCES.items():
            (sources / name).write_text(content)
        script = module.with_name("bin") / "esbuild"
        started = time.perf_counter()
        subprocess.run(["node", str(script), *BUILD], cwd=sources, check=True)
        seconds = time.perf_counter() - started
        expected = [(sources / name).read_bytes() for name in ("out.js", "out.js.map")]
        for backend in backends:
            started = time.perf_counter()
            compiled = compile(module, backend)
            compiling = time.perf_counter() - started
            took, memory = [], []
            for _ in range(BUILDS):
                for name in ("out.js", "out.js.map"):
                    (sources / name).unlink()
                started = time.perf_counter()
                with load(compiled, args=BUILD, mounts={"/work": sources}, current="/work") as program:
                    code = program.run()
                took.append(time.perf_counter() - started)
                memory.append(resident())
                equal = code == 0 and expected == [(sources / name).read_bytes() for name in ("out.js", "out.js.map")]
                failed += not equal
            flat = memory[-1] - memory[1] <= GROWTH_BYTES
            failed += not flat
            verdict = "same" if equal else "DIFFERENT"
            more = (memory[-1] - memory[1]) >> 20
            print(f"esbuild    {'':10} {backend:10} {verdict}; {more} MiB more after {BUILDS} builds")
            print(f"           node {seconds:.2f} s; compiled in {compiling:.2f} s, then {min(took):.2f} s")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", action="append", help="run on this one. Default: singlepass")
    parser.add_argument("--packages", type=Path, default=ROOT / "build/npm", help="where npm's packages are put")
    options = parser.parse_args()
    backends = options.backend or ["singlepass"]
    failed = 0
    if shutil.which("go") is None or shutil.which("node") is None:
        print("go or node is not on the PATH (Debian: apt install golang-go nodejs): no program was built")
    else:
        with tempfile.TemporaryDirectory() as folder:
            into = Path(folder)
            failed += compare(into, backends)
            failed += run_out_of_memory(into / "ending.wasm", backends)
            use_library(into, backends)
            documented(into)
    esbuild = fetched(options.packages)
    if esbuild is not None:
        failed += bundle(esbuild, backends)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
