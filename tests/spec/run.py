"""The test scripts as a command: ``python -m tests.spec.run``, or ``python tests/spec/run.py``.

Prints the totals of each file and of each release; ends with 1 if anything failed that is
not known to fail, and with 2 if there are no scripts.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.spec.corpus import AHEAD, LAZY, LEVELS, NO_BACKEND, NO_DATA, STORED, scripts
from tests.spec.verdict import Verdict, judge, table
from tests.spec.workers import Worker


def main(arguments: list[str] | None = None) -> int:
    """Run scripts as the arguments say; the exit code."""
    parser = argparse.ArgumentParser(prog="tests.spec.run", description="Run the specification's test scripts.")
    parser.add_argument("files", nargs="*", help="scripts: i32, 2.0/imports, simd_*; default: all")
    parser.add_argument(
        "--backend",
        action="append",
        help=f"a backend, or {NO_BACKEND}: decode and validate only; {STORED} behind it: from artifacts; "
        f"{LAZY}: functions are compiled when they are called; "
        "default: every installed one",
    )
    parser.add_argument(
        "--stored", action="store_true", help="run modules as they come back from artifacts, too, on default backends"
    )
    parser.add_argument(
        "--level",
        action="append",
        choices=(*LEVELS, "3.0"),
        help=f"a release; default: {' and '.join(LEVELS)}",
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes; default: 2")
    parser.add_argument("--show", type=int, default=10, help="failures to show of each file; default: 10")
    parser.add_argument("--quiet", action="store_true", help="no row for each file")
    options = parser.parse_args(arguments)

    names = scripts(tuple(options.level or LEVELS), tuple(options.files))
    if not options.level and not options.files:
        names += scripts(("3.0",), AHEAD)
    if not names:
        print(NO_DATA if not scripts() else f"no script is called {' or '.join(options.files)}", file=sys.stderr)
        return 2
    backends = options.backend or default_backends()
    if options.stored and not options.backend:
        backends = [backend + stored for backend in backends for stored in ("", STORED)]
    start = time.perf_counter()
    verdicts = run_all(names, backends, options.jobs)
    for verdict in verdicts:
        if verdict.problems:
            lines = verdict.report().splitlines()
            print("\n".join(lines[: options.show]))
            if len(lines) > options.show:
                print(f"  … and {len(lines) - options.show} more in {verdict.script} on {verdict.backend}")
    print("\n".join(table(verdicts, not options.quiet)))
    print(f"{time.perf_counter() - start:.1f} s")
    return 1 if any(verdict.problems for verdict in verdicts) else 0


def default_backends() -> list[str]:
    """Every backend that is installed."""
    from wasmer_runtime_core.compiling.registry import installed

    return installed() or [NO_BACKEND]


def run_all(names: list[str], backends: list[str], jobs: int) -> list[Verdict]:
    """Run scripts on backends, some at a time, in processes; the verdicts in order."""
    tasks: SimpleQueue[tuple[str, str]] = SimpleQueue()
    for backend in backends:
        for name in names:
            tasks.put((name, backend))
    found: dict[tuple[str, str], Verdict] = {}

    def work() -> None:
        workers: dict[str, Worker] = {}
        try:
            while True:
                try:
                    name, backend = tasks.get_nowait()
                except Empty:
                    return
                worker = workers.setdefault(backend, Worker(backend))
                found[name, backend] = judge(name, backend, worker.run(name))
        finally:
            for worker in workers.values():
                worker.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(max(jobs, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[name, backend] for backend in backends for name in names]


if __name__ == "__main__":
    sys.exit(main())
