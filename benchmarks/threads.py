"""How much two threads gain: the same work one after the other, and at once, with and without the GIL.

Run as ``python benchmarks/threads.py``. Each thread has an instance of its own of a kernel.
Times are wall-clock: this is the one benchmark that needs a machine with idle processors,
and it says how busy they were. The gain is the sequential time divided by the parallel one,
best of the rounds; two threads that never wait for each other would gain 2. A control, hashes
of the standard library, which lets go of the GIL too, says what the machine gave just then.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from kernels import BuildError, build_wasm, select
from support.measure import arguments, table, write_json

HASHED = 60_000  # bytes of the control for each repetition of the kernel


def main() -> int:
    parser = arguments(__doc__ or "", rounds=7)
    parser.add_argument("--kernel", default="collatz", help="what to compute (default: collatz)")
    parser.add_argument("--backend", default="singlepass", help="who compiles (default: singlepass)")
    parser.add_argument("--threads", type=int, default=2, help="how many (default: 2)")
    options = parser.parse_args()
    (kernel,) = select(options.kernel)
    try:
        wasm = build_wasm(kernel).read_bytes()
    except BuildError as error:
        print(error, file=sys.stderr)
        return 2
    from wasmer_runtime import CompilerConfig, compile

    repetitions = max(1, kernel.repetitions // 4) if options.quick else kernel.repetitions
    contenders: dict[str, list[Callable[[], object]]] = {}
    for name, release in (("release_gil=True", True), ("with the GIL", False)):
        module = compile(wasm, options.backend, CompilerConfig(release_gil=release))
        instances = [module.instantiate() for _ in range(options.threads)]
        contenders[name] = [partial(instance.exports.run, repetitions) for instance in instances]
    contenders["control: hashlib"] = [partial(hashlib.sha256, bytes(repetitions * HASHED))] * options.threads
    rows: list[list[str]] = []
    results: dict[str, dict[str, float]] = {}
    for name, runs in contenders.items():
        sequential, parallel = [], []
        for _ in range(2 if options.quick else options.rounds):
            sequential.append(_taken(lambda: [run() for run in runs]))  # noqa: B023
            parallel.append(_taken(lambda: _at_once(runs)))  # noqa: B023
        gain = min(sequential) / min(parallel)
        results[name] = {"sequential": min(sequential), "parallel": min(parallel), "gain": gain}
        rows.append([name, f"{min(sequential) * 1e3:.0f}", f"{min(parallel) * 1e3:.0f}", f"{gain:.2f}"])
    print(f"{options.threads} threads, {os.cpu_count()} processors, load before {os.getloadavg()[0]:.1f}\n")
    print(table([kernel.name, "one by one, ms", "at once, ms", "gain"], rows))
    write_json(options.json, results)
    return 0


def _taken(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _at_once(runs: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=run) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
