"""Exceptions on their way while deadlines pass, signals come, host functions raise and other threads do the same.

    python -m tests.attack.unwinding --seed 7 --seconds 20

Three threads, each with an instance of its own, call code that throws through many frames, catches, keeps and throws
again what carries references. Host functions raise, call back, collect garbage. Deadlines of less than a millisecond
pass meanwhile, and a timer's signal has a handler that runs the main thread's instance, too, and raises now and then.
How a call ends is up to all that; it is one of the ways it may. Afterwards nothing of what was carried is left.
"""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from typing import Any, Final

from tests.attack import storms
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Timeout, Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.running.objects.tags import WasmException

GUEST: Final = """(module
  (import "e" "host" (func $host (param externref) (result externref)))
  (tag $a (export "a") (param i32 externref i64 f64 v128)) (tag $n)
  (global $kept (mut exnref) (ref.null exn)) (table $table 64 exnref)
  (func $deep (param $n i32) (param $how i32) (param $x externref) (result i64)
    (local $l i64) (local $v v128) (local $f f64)
    (local.set $l (i64.mul (i64.extend_i32_u (local.get $n)) (i64.const 1234567)))
    (local.set $f (f64.convert_i64_s (local.get $l))) (local.set $v (i64x2.splat (local.get $l)))
    (if (i32.eqz (local.get $n)) (then
      (if (i32.eq (local.get $how) (i32.const 0)) (then
        (throw $a (i32.const 3) (local.get $x) (i64.const 4) (f64.const 5) (v128.const i64x2 6 7))))
      (if (i32.eq (local.get $how) (i32.const 1)) (then (throw $n)))
      (if (i32.eq (local.get $how) (i32.const 2)) (then (drop (call $host (local.get $x)))))
      (if (i32.eq (local.get $how) (i32.const 3)) (then (throw_ref (global.get $kept))))
      (if (i32.eq (local.get $how) (i32.const 4)) (then (unreachable)))
      (return (i64.const 1))))
    (i64.add (call $deep (i32.sub (local.get $n) (i32.const 1)) (local.get $how) (local.get $x))
      (i64.add (local.get $l) (i64.add (i64.trunc_sat_f64_s (local.get $f)) (i64x2.extract_lane 1 (local.get $v))))))
  (func $once (param $n i32) (param $how i32) (param $x externref) (result i64) (local $e exnref) (local $y externref)
    (block $done
      (block $all (result exnref)
        (block $h (result i32 externref i64 f64 v128 exnref)
          (try_table (catch_ref $a $h) (catch_all_ref $all)
            (drop (call $deep (local.get $n) (local.get $how) (local.get $x))))
          (br $done))
        (local.set $e) (drop) (drop) (drop) (local.set $y) (drop)
        (table.set $table (i32.and (local.get $n) (i32.const 63)) (local.get $e))
        (if (ref.is_null (local.get $y)) (then (unreachable)))
        (local.get $e))
      (global.set $kept))
    (i64.extend_i32_u (local.get $n)))
  (func (export "rounds") (param $left i32) (param $x externref) (result i64) (local $sum i64)
    (loop $l
      (local.set $sum (i64.add (local.get $sum)
        (call $once (i32.rem_u (i32.mul (local.get $left) (i32.const 7)) (i32.const 30))
          (i32.and (local.get $left) (i32.const 3)) (local.get $x))))
      (br_if $l (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (local.get $sum))
  (func (export "out") (param $n i32) (param $how i32) (param $x externref) (result i64)
    (call $deep (local.get $n) (local.get $how) (local.get $x))))"""
ENDS: Final = (Timeout, Trap, WasmException, KeyError, ValueError)


class Carried:
    """What exceptions carry."""


class World(storms.World):
    """One instance, and who calls it."""

    def __init__(self, module: Any, seed: int) -> None:
        super().__init__(seed)
        self.inner = 0
        self.exports: Any = module.instantiate({"e": {"host": self.host}}).exports

    def host(self, carried: object) -> object:
        what = self.chance.random()
        if what < 0.3:
            raise WasmException(self.exports.a, (1, Carried(), 2, 3.0, bytes(16)))
        if what < 0.5:
            raise ValueError("the host's own")
        if what < 0.7 and self.inner < 3:
            self.inner += 1
            try:
                self.exports.rounds(3, Carried())
            finally:
                self.inner -= 1
        elif what < 0.75:
            gc.collect(0)
        return carried

    def call(self) -> None:
        """One call under one deadline."""
        chance = self.chance
        try:
            with timeout(chance.choice((0.0005, 0.002, 0.01, 10))):
                if chance.random() < 0.3:
                    self.exports.out(chance.randrange(200), chance.randrange(5), Carried())
                else:
                    left = chance.choice((10, 40, 400))
                    expected = sum(7 * n % 30 for n in range(1, left + 1))
                    assert self.exports.rounds(left, Carried()) == expected
            self.ends["returned"] += 1
        except ENDS as end:
            self.ends[type(end).__name__] += 1


def storm(backend: str, release_gil: bool, seed: int, seconds: float) -> Counter[str]:
    """All of it for so long; how calls ended. Nothing is left of what was carried."""
    ends = _storm(backend, release_gil, seed, seconds)
    gc.collect()
    gc.collect()
    left = [type(each).__name__ for each in gc.get_objects() if isinstance(each, (Carried, machine.ExceptionReference))]
    assert not left, Counter(left)
    return ends


def _storm(backend: str, release_gil: bool, seed: int, seconds: float) -> Counter[str]:
    module = compile_with(GUEST, find_compiler(backend), CompilerConfig(release_gil=release_gil))
    worlds = [World(module, seed + number) for number in range(3)]
    main = worlds[0]

    def between() -> None:
        main.exports.rounds(6, Carried())
        main.ends["signals"] += 1

    return storms.run(worlds, seconds, ENDS, between, every=0.0007)


def main() -> int:
    options = storms.options("unwinding", __doc__)
    os.environ["WASMER_CLIF_CHECK"] = ""
    sys.unraisablehook = lambda what: None  # what a handler raised in a finalizer
    kinds = [(backend, release) for backend in ("singlepass", "cranelift", "llvm") for release in (False, True)]
    for number, (backend, release) in enumerate(kinds):
        print(backend, release, dict(storm(backend, release, options.seed + number, options.seconds / len(kinds))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
