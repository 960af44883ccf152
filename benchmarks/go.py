"""What programs of Go cost: calls to and from Python, and esbuild, beside the same modules in node.

Run as ``python benchmarks/go.py``. Go's compiler and node are needed, and npm for esbuild. Calls are CPU time. esbuild
bundles a small program of TypeScript: ours is the time from a module that is in the cache to the end, node's that of
the package's own command, both as elapsed time.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from support.measure import arguments, table, write_json

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tools import go_programs, go_toolchains  # noqa: E402

CALLS: Final = 20_000
ASKED: Final = {
    "a call of a Go function": 5e-6,
    "a call by a Go function": 5e-6,
}
"""Seconds."""
TIMES: Final = {"esbuild, cached": 1.5}
"""Times node's."""

Results = dict[str, float]


def timed(run: Callable[[], object], count: int) -> float:
    """Seconds of CPU of one of `count`, the least of five rounds."""
    least = float("inf")
    for _ in range(5):
        start = time.process_time()
        run()
        least = min(least, (time.process_time() - start) / count)
    return least


def calls(module: Path, backend: str) -> Results:
    from wasmer_go import load

    with load(module, backend=backend, globals={"config": {"limit": 10**15}, "one": 1}, stdout=None) as program:
        program.start()
        add, repeat = program.globals["add"], program.globals["repeat"]

        def into() -> None:
            for at in range(CALLS):
                add(at, 1)

        return {
            "a call of a Go function": timed(into, CALLS),
            "a call by a Go function": timed(lambda: repeat(lambda: None, CALLS), CALLS),
        }


def of_node(toolchain: go_toolchains.Toolchain, module: Path) -> Results:
    command = ["node", str(HERE / "programs/go.cjs"), str(toolchain.support()), str(module), str(CALLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: Results = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def bundling(module: Path, backends: list[str], folder: Path) -> dict[str, Results]:
    """Seconds that esbuild takes, by who runs it."""
    from wasmer_go import load
    from wasmer_runtime import Module, compile

    for name, content in go_programs.SOURCES.items():
        (folder / name).write_text(content)
    found: dict[str, Results] = {}
    start = time.perf_counter()
    script = module.with_name("bin") / "esbuild"
    subprocess.run(["node", str(script), *go_programs.BUILD], cwd=folder, check=True)
    found["node"] = {"esbuild, cached": time.perf_counter() - start}
    for backend in backends:
        stored = folder / f"{backend}.wasmer"
        stored.write_bytes(compile(module, backend).serialize())
        start = time.perf_counter()
        loaded: Any = Module.deserialize(stored)
        with load(loaded, args=go_programs.BUILD, mounts={"/work": folder}, current="/work") as program:
            assert program.run() == 0
        found[backend] = {"esbuild, cached": time.perf_counter() - start}
    return found


def least(of: list[Results]) -> Results:
    names = {name for each in of for name in each}
    return {name: min(each[name] for each in of if name in each) for name in names}


def main() -> int:
    parser = arguments(__doc__ or "", rounds=3)
    parser.add_argument("--backends", default="llvm,cranelift,singlepass", help="ours, separated by commas")
    parser.add_argument("--go", type=Path, help="a command of Go. Default: the one on the PATH")
    options = parser.parse_args()
    toolchain = go_toolchains.of_command(options.go) if options.go else go_toolchains.on_path()
    if toolchain is None or shutil.which("node") is None:
        print("nothing is measured: go or node is not on the PATH", file=sys.stderr)
        return 2
    backends = options.backends.split(",")
    measured: dict[str, list[Results]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        module = toolchain.build("library", folder, go_toolchains.JS)
        esbuild = go_programs.fetched(HERE.parent / "build/npm")
        for _ in range(1 if options.quick else options.rounds):
            measured.setdefault("node", []).append(of_node(toolchain, module))
            for backend in backends:
                measured.setdefault(backend, []).append(calls(module, backend))
            if esbuild is not None:
                for who, found in bundling(esbuild, backends, folder).items():
                    measured[who].append(found)
    figures = {who: least(of) for who, of in measured.items()}
    print(report(figures))
    write_json(options.json, figures)
    return 0


def report(figures: dict[str, Results]) -> str:
    """A line per figure: all, and how many times node's ours are. What is above what is asked is marked."""
    lines = []
    for name in (*ASKED, *TIMES):
        node = figures["node"].get(name)
        if node is None:
            continue
        most = ASKED.get(name) or TIMES[name] * node
        cells = [name, *(f"{each[name] * 1e6:,.2f}" for each in figures.values())]
        for who, each in figures.items():
            if who != "node":
                cells.append(f"{each[name] / node:.2f}{' !' if each[name] > most else ''}")
        lines.append([*cells, f"{ASKED[name] * 1e6:.0f}" if name in ASKED else f"{TIMES[name]} x node"])
    ours = [who for who in figures if who != "node"]
    return table(["microseconds", *figures, *(f"{who}/node" for who in ours), "asked"], lines)


if __name__ == "__main__":
    sys.exit(main())
