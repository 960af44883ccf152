"""What crossing between Python and WebAssembly costs, beside wasmtime and pywasm3.

Run as ``python benchmarks/boundary.py``. Calls are timed in a loop, net of the empty loop,
all runtimes in turn; what concerns a whole process (start, import, many live instances) is
timed in fresh ones, net of a bare interpreter. A host call is one of a thousand that a
wasm loop makes, the Python function's own time included. *asked* is what this project
promises today, *goal* where it is going; a figure above what is asked is marked.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Final, NamedTuple

from support.embeddings import HOST_CALLS, SMALL, Embedding, available
from support.measure import arguments, per_call, table, write_json


class Row(NamedTuple):
    """One figure: its unit, the size of it in seconds (or bytes), and the limits on it."""

    name: str
    unit: str
    unit_size: float
    asked: float | None = None
    goal: float | None = None
    repeated: int = 1  # times in one statement


# fmt: off
ROWS: Final = (
    Row("call nop()",                      "ns",  1e-9, None, 30),
    Row("call add(i32, i32)",              "ns",  1e-9,   60, 40),
    Row("call add(f64, f64)",              "ns",  1e-9, None, 40),
    Row("call five(i32 ...)",              "ns",  1e-9, None, 55),
    Row("host call () -> ()",              "ns",  1e-9,   80, 40, HOST_CALLS),
    Row("host call (i32, i32) -> i32",     "ns",  1e-9,   80, 60, HOST_CALLS),
    Row("numpy view",                      "ns",  1e-9, None, 500),
    Row("read a byte",                     "ns",  1e-9, None, 40),
    Row("instantiate",                     "us",  1e-6, None, 10),
    Row("each of 1,000 live",              "us",  1e-6,   15, 10),
    Row("each of 1,000 live, memory",      "KiB", 1024, None,  2),
    Row("each of 10,000 live",             "us",  1e-6, None, 10),
    Row("each of 10,000 live, memory",     "KiB", 1024, None,  2),
    Row("trap",                            "us",  1e-6, None, 12),
    Row("import",                          "ms",  1e-3,   15, None),
    Row("import, CPU time",                "ms",  1e-3),
    Row("start to first call",             "ms",  1e-3, None, 20),
    Row("start to first call, CPU time",   "ms",  1e-3),
)
# fmt: on

Figures = dict[str, dict[str, float]]
"""Row -> runtime -> seconds or bytes."""


def main() -> int:
    parser = arguments(__doc__ or "", rounds=7)
    parser.add_argument("--backends", default="singlepass", help="ours, separated by commas (default: singlepass)")
    parser.add_argument("--only", metavar="TEXT", help="only figures whose names contain TEXT")
    options = parser.parse_args()
    embeddings, missing = available(options.backends)
    for name in missing:
        print(f"left out: {name} is not installed", file=sys.stderr)
    if not embeddings:
        return 2
    wanted = [row for row in ROWS if not options.only or options.only in row.name]
    figures: Figures = {row.name: {} for row in wanted}
    rounds = 3 if options.quick else options.rounds
    _time_statements(embeddings, figures, rounds, budget=0.005 if options.quick else 0.05)
    _time_live_instances(embeddings, figures, repeat=1 if options.quick else 3)
    _time_processes(embeddings, figures, rounds=5 if options.quick else 21)
    print(_report(wanted, figures, [embedding.name for embedding in embeddings]))
    if "import" in figures and options.backends:
        print("\n" + _import_times())
    write_json(options.json, figures)
    return 0


def _time_statements(embeddings: list[Embedding], figures: Figures, rounds: int, budget: float) -> None:
    """Everything that is one statement, in alternation, row by row."""
    steps = {embedding.name: embedding.statements() for embedding in embeddings}
    for row in ROWS:
        if row.name in figures:
            statements = {name: step[row.name] for name, step in steps.items() if row.name in step}
            for name, sample in per_call(statements, rounds, budget).items():
                figures[row.name][name] = sample.median / row.repeated


_LIVE: Final = """
import gc, json, os, sys, time
small = {small!r}
{imports}
{prepare}
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
for _ in range(20): instantiate()
gc.collect()
kept = [None] * {count}
before = resident()
start = time.process_time()
for i in range({count}): kept[i] = instantiate()
seconds = time.process_time() - start
print(json.dumps([seconds / {count}, (resident() - before) / {count}]))
sys.stdout.flush()
os._exit(0)
"""


def _time_live_instances(embeddings: list[Embedding], figures: Figures, repeat: int) -> None:
    """Instances that are all kept: CPU time and resident bytes for each, in a process of its own."""
    for count in (1000, 10_000):
        name = f"each of {count:,} live"
        if name not in figures and f"{name}, memory" not in figures:
            continue
        found: dict[str, list[tuple[float, float]]] = {embedding.name: [] for embedding in embeddings}
        for _ in range(repeat):
            for embedding in embeddings:
                script = _LIVE.format(small=SMALL, imports=embedding.imports, prepare=embedding.prepare, count=count)
                result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
                if result.returncode:
                    last = (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[-1]
                    print(f"{embedding.name}, {name}: {last}", file=sys.stderr)
                else:
                    seconds, resident = json.loads(result.stdout)
                    found[embedding.name].append((seconds, resident))
        for runtime, pairs in found.items():
            if pairs:
                figures.setdefault(name, {})[runtime] = statistics.median(pair[0] for pair in pairs)
                figures.setdefault(f"{name}, memory", {})[runtime] = statistics.median(pair[1] for pair in pairs)


def _environment() -> dict[str, str]:
    """Ours for fresh processes: compiled bytecode may be kept, as it is where packages are installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _time_processes(embeddings: list[Embedding], figures: Figures, rounds: int) -> None:
    """Whole processes above a bare interpreter: least wall and CPU time, in alternation."""
    scripts: dict[tuple[str, str], str] = {}
    for embedding in embeddings:
        scripts["import", embedding.name] = embedding.imports
        first = f"small = {SMALL!r}\n{embedding.imports}\n{embedding.prepare}\nassert {embedding.first_call} == 3"
        scripts["start to first call", embedding.name] = first
    scripts = {key: script for key, script in scripts.items() if key[0] in figures}
    if not scripts:
        return
    taken: dict[tuple[str, str], list[tuple[float, float]]] = {("bare", ""): [], **{key: [] for key in scripts}}
    environment = _environment()
    for number in range(rounds + 1):
        for key, pairs in taken.items():
            wall, cpu = time.perf_counter(), _children_seconds()
            subprocess.run([sys.executable, "-c", scripts.get(key, "pass")], check=True, env=environment)
            if number:  # the first round fills the file cache and writes __pycache__
                pairs.append((time.perf_counter() - wall, _children_seconds() - cpu))
    bare_wall, bare_cpu = _least(taken.pop(("bare", "")))
    print(f"a bare interpreter: {bare_wall * 1e3:.1f} ms, CPU {bare_cpu * 1e3:.1f} ms", file=sys.stderr)
    for (row, runtime), pairs in taken.items():
        wall, cpu = _least(pairs)
        figures[row][runtime] = max(0.0, wall - bare_wall)
        figures.setdefault(f"{row}, CPU time", {})[runtime] = max(0.0, cpu - bare_cpu)


def _children_seconds() -> float:
    """CPU time of the processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _least(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def _import_times() -> str:
    """What of ``import wasmer_runtime`` takes longest, by the interpreter's own clock."""
    command = [sys.executable, "-X", "importtime", "-c", "import wasmer_runtime"]
    lines = subprocess.run(command, capture_output=True, text=True, env=_environment()).stderr.splitlines()
    rows: list[tuple[int, int, str]] = []
    for line in lines:
        own, total, name = (line.removeprefix("import time:").split("|") + ["", ""])[:3]
        if own.strip().isdigit():
            rows.append((int(own), int(total), name.strip()))
    rows.sort(reverse=True)
    cells = [(name, f"{own / 1e3:.2f}", f"{total / 1e3:.2f}") for own, total, name in rows[:12]]
    return "slowest to import\n" + table(["module", "own ms", "with its own imports"], cells)


def _report(wanted: list[Row], figures: Figures, names: list[str]) -> str:
    lines: list[list[str]] = []
    ours, peers = names[0], names[1:]
    for row in wanted:
        measured = figures[row.name]
        mine = measured.get(ours)
        cells = [row.name]
        for peer in peers:
            theirs = measured.get(peer)
            cells.append(f"{theirs / mine:.1f}" if theirs and mine and min(theirs, mine) > 0 else "-")
        for name in names:
            value = measured.get(name)
            cells.append("-" if value is None else _number(value / row.unit_size))
        cells += [_number(row.asked), _number(row.goal), row.unit, _judge(row, mine)]
        lines.append(cells)
    heads = ["", *(f"{peer} / {ours}" for peer in peers), *names, "asked", "goal", "unit", ""]
    return table(heads, lines)


def _judge(row: Row, measured: float | None) -> str:
    if measured is None:
        return ""
    figure = measured / row.unit_size
    if row.asked is not None and figure > row.asked:
        return "above asked"
    return "above goal" if row.goal is not None and figure > row.goal else ""


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
