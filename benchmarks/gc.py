"""What objects of the collected heap cost: trees that are made and forgotten, fields, and pauses; beside wasmtime.

Run as ``python benchmarks/gc.py``. *Binary trees* is the program of that name of the Computer Language Benchmarks Game:
a long-lived tree, and many that are made, walked and forgotten. A *field* is read and written in a loop, beside the
same with a linear memory. *Pauses* are of ours alone: garbage is made while a list of many objects, in an order that no
cache likes, is alive; printed is the longest time that one collection, or one step of one, took, by the wall clock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from support.measure import alternate, arguments, table, write_json

LOOP: Final = "(br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))"
MODULE: Final = f"""(module
  (type $node (struct (field $left (mut (ref null $node))) (field $right (mut (ref null $node)))))
  (type $cell (struct (field $value (mut i32))))
  (memory 1)
  (func $make (param i32) (result (ref $node))
    (if (result (ref $node)) (local.get 0)
      (then (struct.new $node
        (call $make (i32.sub (local.get 0) (i32.const 1))) (call $make (i32.sub (local.get 0) (i32.const 1)))))
      (else (struct.new_default $node))))
  (func $check (param (ref null $node)) (result i32)
    (if (result i32) (ref.is_null (struct.get $node $left (local.get 0)))
      (then (i32.const 1))
      (else (i32.add (i32.const 1) (i32.add
        (call $check (struct.get $node $left (local.get 0))) (call $check (struct.get $node $right (local.get 0))))))))
  (func (export "binary trees") (param $depth i32) (result i32)
    (local $long (ref null $node)) (local $d i32) (local $n i32) (local $sum i32)
    (local.set $sum (call $check (call $make (i32.add (local.get $depth) (i32.const 1)))))
    (local.set $long (call $make (local.get $depth)))
    (local.set $d (i32.const 4))
    (loop $depths
      (local.set $n (i32.shl (i32.const 1) (i32.add (i32.sub (local.get $depth) (local.get $d)) (i32.const 4))))
      (loop $trees
        (local.set $sum (i32.add (local.get $sum) (call $check (call $make (local.get $d)))))
        (br_if $trees (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (br_if $depths (i32.le_u (local.tee $d (i32.add (local.get $d) (i32.const 2))) (local.get $depth))))
    (i32.add (local.get $sum) (call $check (local.get $long))))
  (func (export "a field, read and written") (param i32) (local $c (ref null $cell))
    (local.set $c (struct.new_default $cell))
    (loop $l
      (struct.set $cell $value (local.get $c) (i32.add (struct.get $cell $value (local.get $c)) (i32.const 3)))
      {LOOP})
  (func (export "a word of memory, read and written") (param i32) (local $c i32)
    (local.set $c (i32.const 64))
    (loop $l (i32.store (local.get $c) (i32.add (i32.load (local.get $c)) (i32.const 3))) {LOOP})
  (func (export "an object, made and forgotten") (param i32)
    (loop $l (drop (struct.new $node (ref.null none) (ref.null none))) {LOOP}))"""
PAUSES: Final = """(module
  (type $list (struct (field $next (mut (ref null $list))) (field $value (mut i64))))
  (type $lists (array (mut (ref null $list))))
  (global $held (mut (ref null $list)) (ref.null none))
  (func (export "hold") (param $count i32)
    (local $all (ref null $lists)) (local $i i32) (local $j i32) (local $seed i32)
    (local $one (ref null $list)) (local $other (ref null $list))
    (local.set $all (array.new_default $lists (local.get $count)))
    (loop $make
      (array.set $lists (local.get $all) (local.get $i) (struct.new_default $list))
      (br_if $make (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count))))
    (loop $shuffle
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (local.set $seed (i32.add (i32.mul (local.get $seed) (i32.const 1664525)) (i32.const 1013904223)))
      (local.set $j (i32.rem_u (i32.shr_u (local.get $seed) (i32.const 4)) (local.get $count)))
      (local.set $one (array.get $lists (local.get $all) (local.get $i)))
      (local.set $other (array.get $lists (local.get $all) (local.get $j)))
      (array.set $lists (local.get $all) (local.get $i) (local.get $other))
      (array.set $lists (local.get $all) (local.get $j) (local.get $one))
      (br_if $shuffle (local.get $i)))
    (loop $chain
      (struct.set $list $next (array.get $lists (local.get $all) (local.get $i)) (global.get $held))
      (global.set $held (array.get $lists (local.get $all) (local.get $i)))
      (br_if $chain (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count)))))
  (func (export "churn") (param $count i32)
    (loop $l
      (drop (struct.new_default $list))
      (br_if $l (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))))"""
HELD: Final = 3_000_000
"""Objects of 32 bytes."""

Runs = dict[str, Callable[[int], object]]
"""By name of an export."""


def ours(backend: str) -> Runs:
    from wasmer_runtime import compile

    exports = compile(MODULE, backend).instantiate().exports
    return {name: exports[name] for name in exports}


def theirs() -> Runs:
    """wasmtime with its default collector.

    Raises:
        ImportError: it is not installed.
    """
    import wasmtime

    config = wasmtime.Config()
    config.wasm_function_references = True
    config.wasm_gc = True
    store: Any = wasmtime.Store(wasmtime.Engine(config))
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, MODULE), []).exports(store)
    return {name: partial(function, store) for name, function in exports.items()}


def pauses(backend: str, held: int) -> dict[str, float]:
    """The longest pause in milliseconds, and what else the heap says."""
    from wasmer_runtime import compile

    instance = compile(PAUSES, backend).instantiate()
    instance.exports.hold(held)
    heap = instance.heap
    assert heap is not None
    before = heap.collections
    while heap.collections < before + 3:
        instance.exports.churn(100_000)
    return {
        "live megabytes": heap.live_bytes / 1e6,
        "collections": heap.collections,
        "longest pause, ms": heap.longest_pause_nanoseconds / 1e6,
        "milliseconds a collection": heap.collection_nanoseconds / heap.collections / 1e6,
    }


def main() -> int:
    parser = arguments(__doc__ or "", rounds=5)
    parser.add_argument("--backends", default="singlepass,cranelift,llvm", help="ours, separated by commas")
    parser.add_argument("--depth", type=int, default=16, help="of the trees")
    options = parser.parse_args()
    backends = [name for name in options.backends.split(",") if name]
    contenders: dict[str, Runs] = {name: ours(name) for name in backends}
    try:
        contenders["wasmtime"] = theirs()
    except (ImportError, AttributeError):
        print("left out: wasmtime is not installed, or too old", file=sys.stderr)
    rounds = 2 if options.quick else options.rounds
    depth = 10 if options.quick else options.depth
    figures: dict[str, dict[str, float]] = {}
    for name in next(iter(contenders.values())):
        times = 100_000 if options.quick else 10_000_000
        each, unit = (depth, 1e3) if name == "binary trees" else (times, 1e9 / times)
        samples = alternate({who: partial(runs[name], each) for who, runs in contenders.items()}, rounds)
        figures[name] = {who: sample.minimum * unit for who, sample in samples.items()}
    rows = [
        [f"{name}{f' of depth {depth}, ms' if name == 'binary trees' else ', ns'}"]
        + [f"{found[who]:.2f}" for who in contenders]
        for name, found in figures.items()
    ]
    print(table(["", *contenders], rows))
    found = pauses(backends[0], HELD // 100 if options.quick else HELD)
    print(table([f"pauses, {backends[0]}", ""], [[name, f"{value:.2f}"] for name, value in found.items()]))
    write_json(options.json, {**figures, "pauses": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
