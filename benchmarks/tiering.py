"""What tiers do in a run of some seconds: work done, beside each backend alone.

Run as ``python benchmarks/tiering.py [--seconds 5]``. Each program runs for so long from its first call on; the
backends alone have compiled before, the tiers begin with singlepass' code and compile while it runs, on whatever
processor there is. The table gives the rounds that were done, divided by cranelift's alone: 1 is as if the better code
had been there from the start. *calls*: the work is in functions that are called again. *one loop*: it is one call of
one function, which moves over at the loop's head. *refs*: as *calls*, through a table, where tiers pay a jump. *short*:
half a second of *calls*, too short for a process to be started.

Behind it: what the process in the background took, and what a tick costs the program (*idle*: everything is in its
last tier, ticks go on).

With ``--kernels`` (a list as that of `execution.py`, or `all`) *auto* runs those for so long each, without a cache: the
work that was done in this thread's processor time, divided by llvm's, which has compiled before; and by wasmtime's.
*slowest*: the least work of a quarter of a second, divided by singlepass' alone: what the program loses while something
is compiled beside it.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Final

from support.measure import arguments, table, write_json

from wasmer_runtime import compile

NUMBERS: Final = 10
"""More than singlepass has registers for; what one step does to each depends on two others."""
LOCALS: Final = " ".join(f"(local $n{at} i64)" for at in range(NUMBERS))
STEP: Final = (
    "".join(
        f"""
      (local.set $n{at} (i64.add (i64.xor (local.get $n{(at + 3) % NUMBERS}) (i64.const {0x9E37 + at}))
        (i64.add (i64.shl (local.get $n{(at + 7) % NUMBERS}) (i64.const 3)) (local.get $sum))))"""
        for at in range(NUMBERS)
    )
    + """
      (local.set $sum (i64.add (local.get $n1)
        (i64.load (i32.and (i32.add (local.get $at) (i32.const 16)) (i32.const 0xfff8)))))"""
)

MODULE: Final = f"""(module
  (import "env" "over" (func $over (result i32)))
  (memory 1)
  (type $step (func (param i64 i32) (result i64)))
  (table funcref (elem $inner))
  (func $inner (type $step) (local $sum i64) (local $at i32) {LOCALS}
    (local.set $sum (local.get 0)) (local.set $at (local.get 1))
    (loop $more {STEP}
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $more (i32.lt_u (local.get $at) (i32.add (local.get 1) (i32.const 400)))))
    (local.get $sum))
  (func (export "calls") (result i64) (local $sum i64) (local $rounds i64) (local $at i32)
    (loop $round (local.set $at (i32.const 0))
      (loop $more
        (local.set $sum (call $inner (local.get $sum) (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 400)))
        (br_if $more (i32.lt_u (local.get $at) (i32.const 400000))))
      (local.set $rounds (i64.add (local.get $rounds) (i64.const 1)))
      (br_if $round (i32.eqz (call $over))))
    (local.get $rounds))
  (func (export "refs") (result i64) (local $sum i64) (local $rounds i64) (local $at i32)
    (loop $round (local.set $at (i32.const 0))
      (loop $more
        (local.set $sum (call_indirect (type $step) (local.get $sum) (local.get $at) (i32.const 0)))
        (local.set $at (i32.add (local.get $at) (i32.const 400)))
        (br_if $more (i32.lt_u (local.get $at) (i32.const 400000))))
      (local.set $rounds (i64.add (local.get $rounds) (i64.const 1)))
      (br_if $round (i32.eqz (call $over))))
    (local.get $rounds))
  (func (export "one loop") (result i64) (local $sum i64) (local $rounds i64) (local $at i32) {LOCALS}
    (loop $round (local.set $at (i32.const 0))
      (loop $more {STEP}
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $more (i32.lt_u (local.get $at) (i32.const 400000))))
      (local.set $rounds (i64.add (local.get $rounds) (i64.const 1)))
      (br_if $round (i32.eqz (call $over))))
    (local.get $rounds)))"""

CANDIDATES: Final = ("singlepass", "cranelift", "tiers", "idle")


def rounds_of(candidate: str, export: str, seconds: float) -> int:
    """How many rounds a program does."""
    over = [0.0]
    tiers = candidate in ("tiers", "idle")
    module = compile(MODULE, tiers=True, cache=False) if tiers else compile(MODULE, candidate, cache=False)
    instance: Any = module.instantiate({"env": {"over": lambda: int(time.monotonic() >= over[0])}})
    if candidate == "idle":
        module.wait_for_tiers(everything=True)
    over[0] = time.monotonic() + seconds
    done = int(instance.exports[export]())
    if tiers:
        from wasmer_runtime_core.compiling.tiers.background import BACKGROUND

        BACKGROUND.stop()
    return done


QUARTER: Final = 0.25
"""Seconds of one measured stretch."""


def work_of(run: Any, repetitions: int, seconds: float) -> list[float]:
    """Work done in each quarter of a second of this thread's processor time."""
    done: list[float] = []
    for _ in range(int(seconds / QUARTER)):
        begin = time.thread_time()
        calls = 0
        while (taken := time.thread_time() - begin) < QUARTER:
            run(repetitions)
            calls += 1
        done.append(calls * repetitions * QUARTER / taken)
    return done


def kernels(names: str, seconds: float, json: Any) -> int:
    """`auto` beside llvm and wasmtime."""
    from kernels import build_wasm, select
    from support.contenders import available

    from wasmer_runtime_core.compiling.tiers.background import BACKGROUND

    results: dict[str, dict[str, list[float]]] = {}
    rows = []
    for kernel in select(None if names == "all" else names):
        repetitions = max(1, kernel.repetitions // 50)
        row = results[kernel.name] = {}
        for name in ("llvm", "wasmtime", "singlepass"):
            contender = available(name)
            if contender is not None:
                run = contender.load(kernel)
                run(repetitions)
                row[name] = work_of(run, repetitions, seconds / 5 if name == "singlepass" else seconds)
        module = compile(build_wasm(kernel).read_bytes(), cache=False)
        instance: Any = module.instantiate({})
        row["auto"] = work_of(instance.exports.run, repetitions, seconds)
        tiers = sorted(set(instance.tiers().values()))
        BACKGROUND.stop()
        mean = {name: sum(each) / len(each) for name, each in row.items()}
        ratios = [f"{mean['auto'] / mean[name]:.3f}" if name in mean else "" for name in ("llvm", "wasmtime")]
        slowest = min(row["auto"][1:]) / mean["singlepass"]
        rows.append([kernel.name, *ratios, f"{slowest:.3f}", ", ".join(tiers)])
        print(rows[-1], file=sys.stderr)
    print(table(["auto, of", "llvm", "wasmtime", "slowest", "tiers at the end"], rows))
    write_json(json, results)
    return 0


def main() -> int:
    parser = arguments(__doc__ or "", rounds=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each program runs (default 5)")
    parser.add_argument(
        "--kernels", metavar="NAMES", help="kernels of execution.py, or `all`, beside llvm and wasmtime"
    )
    options = parser.parse_args()
    seconds = 1.0 if options.quick else options.seconds
    if options.kernels:
        return kernels(options.kernels, seconds, options.json)
    results: dict[str, dict[str, int]] = {}
    for name, export, length in (
        ("calls", "calls", seconds),
        ("refs", "refs", seconds),
        ("one loop", "one loop", seconds),
        ("short", "calls", 0.5),
    ):
        results[name] = {
            candidate: max(rounds_of(candidate, export, length) for _ in range(options.rounds))
            for candidate in CANDIDATES
        }
        print(f"{name}: {results[name]}", file=sys.stderr)
    rows = [[name, *(f"{done[one] / done['cranelift']:.3f}" for one in CANDIDATES)] for name, done in results.items()]
    print(table(["rounds, of cranelift's", *CANDIDATES], rows))
    children = os.times()
    print(f"\nthe processes in the background took {children.children_user + children.children_system:.2f} s")
    write_json(options.json, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
