"""What exceptions cost: thrown and caught, and where nothing is thrown, beside wasmtime.

Run as ``python benchmarks/exceptions.py``. Each function makes as many rounds as it is told; its time is divided by
them, in alternation over runtimes. A call in a loop is measured without a handler, with one in each encoding, and the
quotient says what a handler costs that is not used. wasmtime has the newer encoding only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from statistics import fmean
from typing import Any, Final

from support.measure import alternate, arguments, table, write_json

LOOP: Final = "(br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))"
CALL: Final = "(local.set 1 (call $plain (local.get 1)))"
PLAIN: Final = "a call, no handler"
COPIES: Final = 8
"""Of a loop with a call. The same instructions take up to a fifth longer at one place than at another: where the call
and the jump back are in one stretch of 32 bytes. So a loop is measured at as many places as there are, and the mean
counts."""


def copies(name: str, loop: str) -> str:
    """The same function again and again, each behind another one of another length."""
    return "\n".join(
        f"(func (param i32) {'(global.set $g (i32.mul (global.get $g) (local.get 0)))' * at})"
        f'(func (export "{name} {at}") (param i32) (local i32) {loop})'
        for at in range(COPIES)
    )


TABLED: Final = f"""(module (tag $e (param i32)) (global $g (mut i32) (i32.const 3))
  (func $plain (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $throw (throw $e (i32.const 7)))
  (func $deep (param i32)
    (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))) (else (call $throw))))
  (func (export "throw and catch") (param i32)
    (loop $l (block $c (result i32) (try_table (catch $e $c) (call $throw)) (i32.const 0)) (drop) {LOOP})
  (func (export "over ten frames more") (param i32)
    (loop $l (block $c (result i32) (try_table (catch $e $c) (call $deep (i32.const 9))) (i32.const 0)) (drop) {LOOP})
  (func (export "caught as a reference, thrown again") (param i32) (local exnref)
    (loop $l
      (block $outer
        (try_table (catch_all $outer)
          (local.set 1 (block $c (result exnref) (try_table (catch_all_ref $c) (call $throw)) (unreachable)))
          (throw_ref (local.get 1))))
      {LOOP})
  {copies(PLAIN, f"(loop $l {CALL} {LOOP}")}
  {copies("a call in a try", f"(loop $l (block $c (try_table (catch_all $c) {CALL})) {LOOP}")})"""
LEGACY: Final = f"""(module (tag $e (param i32)) (global $g (mut i32) (i32.const 3))
  (func $plain (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $throw (throw $e (i32.const 7)))
  (func (export "throw and catch, legacy encoding") (param i32)
    (loop $l try (call $throw) catch $e (drop) end {LOOP})
  {copies("a call in a try, legacy encoding", f"(loop $l try {CALL} catch_all nop end {LOOP}")})"""

Runs = dict[str, Callable[[int], object]]
"""By name of an export."""


def ours(backend: str) -> Runs:
    """The functions of both modules."""
    from wasmer_runtime import compile

    runs: Runs = {}
    for text in (TABLED, LEGACY):
        exports = compile(text, backend).instantiate().exports
        runs.update({name: exports[name] for name in exports})
    return runs


def theirs() -> Runs:
    """What wasmtime can run of them.

    Raises:
        ImportError: it is not installed.
    """
    import wasmtime

    config = wasmtime.Config()
    config.wasm_exceptions = True
    engine = wasmtime.Engine(config)
    store: Any = wasmtime.Store(engine)
    exports = wasmtime.Instance(store, wasmtime.Module(engine, TABLED), []).exports(store)
    return {name: partial(function, store) for name, function in exports.items()}


def main() -> int:
    parser = arguments(__doc__ or "", rounds=15)
    parser.add_argument("--backends", default="singlepass,cranelift,llvm", help="ours, separated by commas")
    options = parser.parse_args()
    contenders: dict[str, Runs] = {name: ours(name) for name in options.backends.split(",") if name}
    try:
        contenders["wasmtime"] = theirs()
    except (ImportError, AttributeError):
        print("left out: wasmtime is not installed, or too old", file=sys.stderr)
    rounds = 3 if options.quick else options.rounds
    times = 20_000 if options.quick else 100_000
    places: dict[str, dict[str, list[float]]] = {}
    for name in dict.fromkeys(name for runs in contenders.values() for name in runs):
        each = times if "throw" in name or "frames" in name else 50 * times
        samples = alternate(
            {who: partial(runs[name], each) for who, runs in contenders.items() if name in runs}, rounds
        )
        kind = name.rstrip("0123456789 ")
        for who, sample in samples.items():
            places.setdefault(kind, {}).setdefault(who, []).append(sample.minimum / each * 1e9)
    figures = {kind: {who: fmean(found) for who, found in each.items()} for kind, each in places.items()}
    heads = ["ns each", *contenders]
    rows = [
        [name, *(f"{found[who]:.2f}" if who in found else "-" for who in contenders)] for name, found in figures.items()
    ]
    for name in figures:
        if name.startswith("a call in"):
            found = {who: value / figures[PLAIN][who] for who, value in figures[name].items()}
            rows.append([f"{name} / without", *(f"{found[who]:.3f}" if who in found else "-" for who in contenders)])
    print(table(heads, rows))
    write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
