"""What tiers do in a run of some seconds: work done, beside each backend alone.

Run as ``python benchmarks/tiering.py [--seconds 5]``. Each program runs for so long from its first call on; the
backends alone have compiled before, the tiers begin with singlepass' code and compile while it runs, on whatever
processor there is. The table gives the rounds that were done, divided by cranelift's alone: 1 is as if the better code
had been there from the start. *calls*: the work is in functions that are called again. *one loop*: it is one call of
one function, which no tier can move. *refs*: as *calls*, through a table, where tiers pay a jump. *short*: half a
second of *calls*, too short for a process to be started.

Behind it: what the process in the background took, and what a tick costs the program (*idle*: everything is in its
last tier, ticks go on).
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
    module = compile(MODULE, tiers=True) if tiers else compile(MODULE, candidate, cache=False)
    instance: Any = module.instantiate({"env": {"over": lambda: int(time.monotonic() >= over[0])}})
    if candidate == "idle":
        module.wait_for_tiers(everything=True)
    over[0] = time.monotonic() + seconds
    done = int(instance.exports[export]())
    if tiers:
        from wasmer_runtime_core.compiling.tiers.background import BACKGROUND

        BACKGROUND.stop()
    return done


def main() -> int:
    parser = arguments(__doc__ or "", rounds=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each program runs (default 5)")
    options = parser.parse_args()
    seconds = 1.0 if options.quick else options.seconds
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
