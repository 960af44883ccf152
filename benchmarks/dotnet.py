"""What programs of .NET cost: the start of the runtime, and a program, beside node with the same framework.

Run as ``python benchmarks/dotnet.py``. npm, node and a compiler of C# are needed. Figures are elapsed time, the least
of some rounds in alternation. *Start* is from the directory of a framework to where `Main` can be called: ours
with the runtime's module from the cache, node's as its JavaScript has it in `create`. *Main* is that of `texts.cs`
(LINQ, JSON, regular expressions, arithmetic).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from support.measure import arguments, table, write_json

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))

import dotnet_programs  # noqa: E402

PROGRAM: Final = "texts"
TIMES: Final = {"start": 2.0}
"""Times node's that are asked for."""

Results = dict[str, float]


def of_node(framework: Path, program: Path) -> Results:
    command = ["node", "--no-warnings", str(dotnet_programs.HOST), str(framework), str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(next(line for line in done.stderr.splitlines() if line.startswith("{")))
    return {"start": told["started"] / 1000, "Main": (told["ended"] - told["started"]) / 1000}


def ours(stored: Path, framework: Path, program: Path) -> Results:
    from wasmer_blazor import load
    from wasmer_runtime import Module

    begun = time.perf_counter()
    module: Any = Module.deserialize(stored)
    with load(program, framework, module=module, stdout=None) as loaded:
        started = time.perf_counter()
        assert loaded.run() == 0
        ended = time.perf_counter()
    return {"start": started - begun, "Main": ended - started}


def least(of: list[Results]) -> Results:
    return {name: min(each[name] for each in of) for name in of[0]}


def main() -> int:
    parser = arguments(__doc__ or "", rounds=3)
    parser.add_argument("--backends", default="llvm,cranelift,singlepass", help="ours, separated by commas")
    parser.add_argument("--version", default="10", choices=tuple(dotnet_programs.PACKAGES), help="of .NET")
    options = parser.parse_args()
    if any(shutil.which(each) is None for each in dotnet_programs.NEEDED):
        print(f"nothing is measured: {', '.join(dotnet_programs.NEEDED)} are needed", file=sys.stderr)
        return 2
    from wasmer_blazor import open_framework
    from wasmer_runtime import compile

    backends = options.backends.split(",")
    measured: dict[str, list[Results]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dotnet_programs.build(folder)
        program = folder / f"{PROGRAM}.exe"
        framework = open_framework(dotnet_programs.fetched(HERE.parent / "build/npm", options.version) / "debug")
        stored = {backend: folder / f"{backend}.wasmer" for backend in backends}
        for backend, path in stored.items():
            path.write_bytes(compile(framework.native, backend).serialize())
        for _ in range(1 if options.quick else options.rounds):
            measured.setdefault("node", []).append(of_node(framework.folder, program))
            for backend, path in stored.items():
                measured.setdefault(backend, []).append(ours(path, framework.folder, program))
    figures = {who: least(of) for who, of in measured.items()}
    print(report(figures))
    write_json(options.json, figures)
    return 0


def report(figures: dict[str, Results]) -> str:
    """A line per figure: all, and how many times node's ours are. What is above what is asked is marked."""
    ours = [who for who in figures if who != "node"]
    lines = []
    for name, node in figures["node"].items():
        asked = TIMES.get(name)
        cells = [name, *(f"{each[name] * 1e3:,.0f}" for each in figures.values())]
        for who in ours:
            times = figures[who][name] / node
            cells.append(f"{times:.2f}{' !' if asked is not None and times > asked else ''}")
        lines.append([*cells, f"{asked:g} x node" if asked is not None else ""])
    return table(["milliseconds", *figures, *(f"{who}/node" for who in ours), "asked"], lines)


if __name__ == "__main__":
    sys.exit(main())
