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

HASHED = 60_000  # bytes of the control per repetition of the kernel


def main() -> int:
    parser = arguments(__doc__ or "", rounds=200)
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

    repetitions = max(1, kernel.repetitions // 40)  # some milliseconds: short enough to be left alone now and then
    contenders: dict[str, list[Callable[[], object]]] = {}
    for name, release in (("release_gil=True", True), ("with the GIL", False)):
        module = compile(wasm, options.backend, CompilerConfig(release_gil=release))
        instances = [module.instantiate() for _ in range(options.threads)]
        contenders[name] = [partial(instance.exports.run, repetitions) for instance in instances]
    contenders["control: hashlib"] = [partial(hashlib.sha256, bytes(repetitions * HASHED))] * options.threads
    rows: list[list[str]] = []
    results: dict[str, dict[str, float]] = {}
    for name, runs in contenders.items():
        sequential, parallel = _measure(runs, 20 if options.quick else options.rounds)
        gain = sequential / parallel
        results[name] = {"sequential": sequential, "parallel": parallel, "gain": gain}
        rows.append([name, f"{sequential * 1e3:.1f}", f"{parallel * 1e3:.1f}", f"{gain:.2f}"])
    print(f"{options.threads} threads, {os.cpu_count()} processors, load before {os.getloadavg()[0]:.1f}\n")
    print(table([kernel.name, "one by one, ms", "at once, ms", "gain"], rows))
    write_json(options.json, results)
    return 0


def _measure(runs: list[Callable[[], object]], rounds: int) -> tuple[float, float]:
    """Best times of all runs one after the other, and of all at once in threads that wait to be let go."""
    start, end = threading.Barrier(len(runs) + 1), threading.Barrier(len(runs) + 1)
    over = threading.Event()

    def work(run: Callable[[], object]) -> None:
        while True:
            start.wait()
            if over.is_set():
                return
            run()
            end.wait()

    threads = [threading.Thread(target=work, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    sequential = parallel = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        for run in runs:
            run()
        sequential = min(sequential, time.perf_counter() - began)
        began = time.perf_counter()
        start.wait()
        end.wait()
        parallel = min(parallel, time.perf_counter() - began)
    over.set()
    start.wait()
    for thread in threads:
        thread.join()
    return sequential, parallel


if __name__ == "__main__":
    sys.exit(main())
