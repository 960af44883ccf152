"""What WASI calls cost, and how fast files are copied through them, beside wasmtime.

Run as ``python benchmarks/wasi.py``. One C library (`programs/wasi_calls.c`), compiled by zig, is
loaded by each runtime; its exports loop over one call each, and the loops are timed in turn, by the
CPU time of this process, all its threads. The files lie in memory (``/dev/shm``) where the system has
that, so what is measured is the way to the system call and back, and the system's own copying.

*asked* is what this project promises. Copying is a ratio of speeds, ours to wasmtime's; calls are
nanoseconds, the loop around them included.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from support.measure import Sample, alternate, arguments, table, write_json

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import programs  # noqa: E402

PROGRAM: Final = ROOT / "benchmarks" / "programs" / "wasi_calls.c"
PIECE: Final = 64 * 1024
SOURCE_BYTES: Final = 16 << 20
GUEST: Final = "/bench"

Loop = Callable[[int], int]
"""An export: what to do `n` times; 0, or the errno that stopped it."""


class Row(NamedTuple):
    """A figure: the export that is timed, how often it does its call, and the most nanoseconds asked for one."""

    name: str
    export: str
    times: int
    asked: float | None = None


# fmt: off
COPY: Final = Row("copy 1 GiB in 64 KiB pieces", "copy", (1 << 30) // PIECE)
SLOWEST_COPY: Final = 0.8
ROWS: Final = (
    Row("clock_time_get",                "clock",      1_000_000,  400),
    Row("fd_write, 16 bytes to a file",  "write_file", 1_000_000, 1500),
    Row("fd_write, 16 bytes to stdout",  "write_null", 1_000_000, 1500),
    Row("fd_write, 16 bytes, captured",  "capture",    1_000_000, 1500),
    Row("random_get, 16 bytes",          "random",       200_000),
    Row("fd_filestat_get",               "status",       200_000),
    Row("path_open and fd_close",        "open_close",    50_000),
)
# fmt: on


def main() -> int:
    parser = arguments(__doc__ or "", rounds=5)
    parser.add_argument("--backends", default="singlepass", help="ours, separated by commas (default: singlepass)")
    parser.add_argument("--only", metavar="TEXT", help="only figures whose names contain TEXT")
    options = parser.parse_args()
    if any(importlib.util.find_spec(name) is None for name in ("wasmer_runtime", "wasmer_wasi")):
        print("nothing to measure: wasmer_runtime and wasmer_wasi are not installed", file=sys.stderr)
        return 2
    try:
        library = programs.wasi(PROGRAM, options=("-mexec-model=reactor",)).read_bytes()
    except (programs.NoCompiler, programs.BuildFailed) as failure:
        print(failure, file=sys.stderr)
        return 2
    wanted = [row for row in (COPY, *ROWS) if not options.only or options.only in row.name]
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        directory = Path(name)
        write_files(directory)
        runtimes = {backend: load_ours(library, backend, directory) for backend in options.backends.split(",")}
        if importlib.util.find_spec("wasmtime") is None:
            print("left out: wasmtime is not installed", file=sys.stderr)
        else:
            runtimes["wasmtime"] = load_wasmtime(library, directory)
        figures = measure(wanted, runtimes, 2 if options.quick else options.rounds, 20 if options.quick else 1)
    print(report(wanted, figures, list(runtimes)))
    write_json(options.json, {"seconds for one call": figures})
    return 0


def write_files(directory: Path) -> None:
    (directory / "source").write_bytes(bytes(range(256)) * (SOURCE_BYTES // 256))
    (directory / "sub").mkdir()
    (directory / "sub" / "file").write_bytes(b"")


def measure(
    rows: list[Row], runtimes: dict[str, dict[str, Loop]], rounds: int, divisor: int
) -> dict[str, dict[str, Sample]]:
    """Row -> runtime -> seconds for one call."""
    figures: dict[str, dict[str, Sample]] = {}
    for row in rows:
        times = max(row.times // divisor, 1)
        loops = {
            name: functools.partial(do, loops[row.export], times)
            for name, loops in runtimes.items()
            if row.export in loops
        }
        for loop in loops.values():  # opens files, grows the target, warms caches
            loop()
        figures[row.name] = {
            name: Sample(sample.minimum / times, sample.median / times, sample.rounds)
            for name, sample in alternate(loops, rounds).items()
        }
    return figures


def do(loop: Loop, times: int) -> None:
    answer = loop(times)
    if answer:
        raise RuntimeError(f"a call answered errno {answer}")


def load_ours(library: bytes, backend: str, directory: Path) -> dict[str, Loop]:
    """The exports, compiled by one of this project's backends."""
    from wasmer_runtime import compile, instantiate
    from wasmer_wasi import WasiState, generate_import_object_from_state

    module = compile(library, backend=backend)

    def instance(builder: Any) -> Any:
        made = instantiate(module, generate_import_object_from_state(builder.map_dir(GUEST, directory).build()))
        made.exports._initialize()
        return made.exports

    exports = instance(WasiState.new("bench").stdout(None))
    loops: dict[str, Loop] = {
        row.export: exports[row.export] for row in (COPY, *ROWS) if row.export not in ("write_null", "capture")
    }
    loops["write_null"] = exports.write_stdout
    loops["capture"] = lambda times: instance(WasiState.new("bench").capture_stdout()).write_stdout(times)
    return loops


def load_wasmtime(library: bytes, directory: Path) -> dict[str, Loop]:
    """The exports, compiled by wasmtime. It has no way to capture output but a file."""
    import wasmtime

    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    config = wasmtime.WasiConfig()
    config.preopen_dir(str(directory), GUEST)
    config.stdout_file = "/dev/null"
    store.set_wasi(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    exports = linker.instantiate(store, wasmtime.Module(engine, library)).exports(store)
    names = {row.export: row.export for row in (COPY, *ROWS) if row.export != "capture"}
    names["write_null"] = "write_stdout"
    exports["_initialize"](store)  # type: ignore[operator]
    return {export: functools.partial(exports[name], store) for export, name in names.items()}  # type: ignore[arg-type]


def report(rows: list[Row], figures: dict[str, dict[str, Sample]], names: list[str]) -> str:
    """The tables: copying, then calls."""
    blocks = []
    peer = "wasmtime" if "wasmtime" in names else None
    ours = [name for name in names if name != "wasmtime"]
    if COPY in rows:
        speeds = {name: PIECE / sample.minimum / 1e9 for name, sample in figures[COPY.name].items()}
        lines = []
        for name in names:
            ratio = speeds[name] / speeds[peer] if peer else None
            slow = name in ours and ratio is not None and ratio < SLOWEST_COPY
            lines.append(
                [name, "-" if ratio is None else f"{ratio:.2f}", f"{SLOWEST_COPY:g}" if name in ours else "",
                 f"{speeds[name]:.2f}", "below asked" if slow else ""]
            )  # fmt: skip
        blocks.append(table([COPY.name, "times wasmtime", "asked", "GB/s", ""], lines))
    lines = []
    for row in rows:
        if row is COPY:
            continue
        found = {name: sample.minimum * 1e9 for name, sample in figures[row.name].items()}
        over = row.asked is not None and max(found[name] for name in ours) > row.asked
        lines.append(
            [row.name, *(f"{found[name]:,.0f}" if name in found else "-" for name in names),
             "" if row.asked is None else f"{row.asked:,.0f}", "above asked" if over else ""]
        )  # fmt: skip
    if lines:
        blocks.append(table(["nanoseconds", *names, "asked", ""], lines))
    return "\n\n".join(blocks)


if __name__ == "__main__":
    sys.exit(main())
