"""What an element costs when a function is applied to an array: `vectorize`, numpy, and calls one by one.

Run as ``python benchmarks/arrays.py``. Times are CPU nanoseconds for one element of arrays
of 100,000; numpy's column is its own expression for the same thing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from support.measure import alternate, arguments, table, write_json

COUNT = 100_000
TEXT = """
(module
  (func (export "scale") (param f64) (result f64)
    (f64.add (f64.mul (local.get 0) (f64.const 2)) (f64.const 1)))
  (func (export "add") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
  (func (export "muladd") (param f64 f64 f64) (result f64)
    (f64.add (f64.mul (local.get 0) (local.get 1)) (local.get 2)))
  (func (export "add_i32") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "mixed") (param i32 f64) (result f64) (f64.add (f64.convert_i32_s (local.get 0)) (local.get 1))))
"""


def main() -> int:
    parser = arguments(__doc__ or "", rounds=15)
    parser.add_argument("--backend", default="singlepass", help="who compiles (default: singlepass)")
    options = parser.parse_args()
    try:
        import numpy
    except ImportError:
        print("numpy is not installed: there is nothing to compare with", file=sys.stderr)
        return 2
    from wasmer_runtime import instantiate, vectorize

    exports = instantiate(TEXT, backend=options.backend).exports
    x, y, z = (numpy.random.default_rng(seed).random(COUNT) for seed in range(3))
    i, j = (numpy.arange(COUNT, dtype="i4") + seed for seed in range(2))
    rows: dict[str, tuple[tuple[Any, ...], Callable[..., Any]]] = {
        "scale": ((x,), lambda a: a * 2 + 1),
        "add": ((x, y), numpy.add),
        "muladd": ((x, y, z), lambda a, b, c: a * b + c),
        "add_i32": ((i, j), numpy.add),
        "mixed": ((i, x), numpy.add),
    }
    candidates: dict[str, Callable[[], object]] = {}
    for name, (operands, expression) in rows.items():
        function = exports[name]
        out = numpy.empty(COUNT, "i4" if name == "add_i32" else "f8")
        lists = [operand.tolist() for operand in operands]
        candidates[f"{name}, vectorize"] = partial(vectorize(function), *operands, out=out)
        candidates[f"{name}, numpy"] = partial(expression, *operands)
        candidates[f"{name}, calls"] = partial(_one_by_one, function, lists)
    samples = alternate(candidates, 3 if options.quick else options.rounds)
    heads = ("vectorize", "numpy", "calls")
    lines = [[name, *(f"{samples[f'{name}, {head}'].minimum / COUNT * 1e9:.2f}" for head in heads)] for name in rows]
    print(table(["ns per element", *heads], lines))
    write_json(options.json, samples)
    return 0


def _one_by_one(function: Callable[..., Any], lists: list[list[Any]]) -> list[Any]:
    return list(map(function, *lists))


if __name__ == "__main__":
    sys.exit(main())
