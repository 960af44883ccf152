"""A WebAssembly function over an array larger than one task, on a Dask cluster.

It needs `pip install 'wasmer-runtime[processes]' numpy`.

Tasks carry the module's hash. Each worker maps the module, and makes an instance, at its first task.
"""

from __future__ import annotations

import numpy
from distributed import Client, LocalCluster

from wasmer_runtime import compile, vectorize
from wasmer_runtime.processes import SharedModule, dask_plugin

TEXT = """
  (module
    (func (export "steps") (param $n i64) (result i64)
      (local $steps i64)
      block $done
        loop $next
          (br_if $done (i64.le_u (local.get $n) (i64.const 1)))
          (local.set $n
            (if (result i64) (i64.eqz (i64.and (local.get $n) (i64.const 1)))
              (then (i64.shr_u (local.get $n) (i64.const 1)))
              (else (i64.add (i64.mul (local.get $n) (i64.const 3)) (i64.const 1)))))
          (local.set $steps (i64.add (local.get $steps) (i64.const 1)))
          br $next
        end
      end
      local.get $steps))
"""
PIECE = 50_000


def longest(shared: SharedModule, begin: int, end: int) -> tuple[int, int]:
    """Of the numbers from `begin` to `end`, the one that takes the most steps to 1, and how many."""
    steps = vectorize(shared.instance().exports.steps)(numpy.arange(begin, end))
    at = int(numpy.argmax(steps))
    return int(steps[at]), begin + at


def main(numbers: int = 400_000) -> None:
    with SharedModule(compile(TEXT, "cranelift")) as shared:
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            client.register_plugin(dask_plugin(shared))  # for workers of other machines
            begins = range(1, numbers, PIECE)
            pieces = client.map(longest, [shared] * len(begins), begins, [begin + PIECE for begin in begins])
            most, number = max(client.gather(pieces))
    print(f"{number} takes {most} steps")


if __name__ == "__main__":
    main()
