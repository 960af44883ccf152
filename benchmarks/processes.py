"""What do many processes gain, and what does a task cost? On a Dask cluster of this machine.

Run as ``python benchmarks/processes.py``. *Cores*: the same tasks, which do nothing but compute in WebAssembly, on one
worker and on two, wall time; the rounds are in alternation. *A task*: tasks of one small call, beside tasks of a Python
function that does the same; and the call alone, in this process, with a module that comes by its hash.

*asked* is what this project promises: two cores 1.9 times one, a task 100 microseconds above one of a Python function.
"""

from __future__ import annotations

import importlib.util
import pickle
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from support.measure import Sample, arguments, table, write_json

CORES_ASKED: Final = 1.9
TASK_MICROSECONDS_ASKED: Final = 100.0
TEXT: Final = """
(module
  (func (export "add") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
  (func (export "count") (param i64) (result i64) (local i64)
    (loop (local.set 1 (i64.add (local.get 1) (i64.const 1)))
      (br_if 0 (i64.lt_u (local.get 1) (local.get 0))))
    (local.get 1)))
"""


def count(shared: Any, number: int, task: int) -> int:
    result: int = shared.instance().exports.count(number + task)
    return result


def add(shared: Any, a: int, b: int) -> int:
    result: int = shared.instance().exports.add(a, b)
    return result


def add_in_python(a: int, b: int) -> int:
    return a + b


def main() -> int:
    options = arguments(__doc__ or "", rounds=5).parse_args()
    if importlib.util.find_spec("distributed") is None:
        print("distributed is not installed: pip install 'wasmer-runtime[processes]'", file=sys.stderr)
        return 0
    from distributed import Client, LocalCluster

    from wasmer_runtime import compile
    from wasmer_runtime.processes import SharedModule

    tasks, work, rounds = (8, 20_000_000, 2) if options.quick else (16, 200_000_000, options.rounds)
    small = 200 if options.quick else 2000
    where: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": ":0"}
    with SharedModule(compile(TEXT, "cranelift")) as shared:
        with LocalCluster(n_workers=1, **where) as one, LocalCluster(n_workers=2, **where) as two:
            with Client(one) as alone, Client(two) as both:

                def compute(client: Any, number: int) -> Callable[[], object]:
                    def run() -> object:
                        salt = time.monotonic_ns() % 1000  # or Dask would know the answers
                        futures = client.map(
                            count, [shared] * tasks, [work] * tasks, [number + salt] * tasks, pure=False
                        )
                        return client.gather(futures)

                    return run

                def small_tasks(function: Callable[..., int], *given: Any) -> Callable[[], object]:
                    def run() -> object:
                        columns = [[each] * small for each in given]
                        return alone.gather(alone.map(function, *columns, range(small), range(small), pure=False))

                    return run

                cores = turns({"one worker": compute(alone, 0), "two workers": compute(both, 1)}, rounds)
                overhead = turns(
                    {"WebAssembly": small_tasks(add, shared), "Python": small_tasks(add_in_python)}, rounds
                )
        received = pickle.loads(pickle.dumps(shared))
        begin = time.perf_counter()
        for number in range(1000):
            add(pickle.loads(pickle.dumps(received)), number, number)
        alone_seconds = (time.perf_counter() - begin) / 1000
    gain = cores["one worker"].minimum / cores["two workers"].minimum
    above = (overhead["WebAssembly"].minimum - overhead["Python"].minimum) / small * 1e6
    rows = [
        ("two workers, times one", f"{gain:.2f}", f"{CORES_ASKED}", "under" if gain < CORES_ASKED else ""),
        *(
            ("a task above one of Python, µs", f"{above:.1f}", f"{TASK_MICROSECONDS_ASKED:.0f}", mark)
            for mark in ["over" if above > TASK_MICROSECONDS_ASKED else ""]
        ),
        ("a task of Python, µs", f"{overhead['Python'].minimum / small * 1e6:.1f}", "", ""),
        ("pickled, unpickled and called here, µs", f"{alone_seconds * 1e6:.1f}", "", ""),
    ]
    print(table(("processes", "measured", "asked", ""), rows))
    write_json(options.json, {"cores": cores, "tasks": overhead})
    return 0


def turns(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, Sample]:
    """Wall time, for the work is in other processes; the first round, which brings the module, is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, run in candidates.items():
            begin = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - begin)
    return {name: Sample.of(taken) for name, taken in seconds.items()}


if __name__ == "__main__":
    sys.exit(main())
