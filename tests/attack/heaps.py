"""Objects of collected heaps while threads, signals, deadlines, finalizers, greenlets and collections come between.

    python -m tests.attack.heaps --seed 7 --seconds 20

Three threads, each with instances of its own that are linked and let go of again, make trees, hand them to Python, to
other instances and into tables, change them while they are marked, and count them. Each node has a number that its
place in the tree says, so what was freed too early, or given out twice, is seen. Collections happen at each
allocation, in steps of one object, or as they do; a heap's limit is met now and then.
"""

from __future__ import annotations

import gc
import importlib
import os
import random
import sys
import time
from collections import Counter
from typing import Any, Final

from tests.attack import storms
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import RuntimeError as Refused
from wasmer_runtime_core.errors import Timeout, Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.running.objects.limits import Limits

GUEST: Final = """(module
  (import "e" "host" (func $host (param anyref) (result anyref)))
  (type $node (struct (field $number (mut i32)) (field $left (mut (ref null $node)))
    (field $right (mut (ref null $node))) (field $other (mut anyref)) (field $pad (mut f64))))
  (type $nodes (array (mut (ref null $node))))
  (type $bytes (array (mut i8)))
  (table $table (export "table") 32 (ref null $node))
  (global $kept (export "kept") (mut (ref null $nodes)) (ref.null $nodes))
  (tag $tag (export "tag") (param (ref null $node)))
  (func $make (export "make") (param $depth i32) (param $number i32) (result (ref $node)) (local $made (ref null $node))
    (local.set $made (struct.new $node (local.get $number) (ref.null $node) (ref.null $node)
      (array.new_default $bytes (i32.and (local.get $number) (i32.const 127))) (f64.const 1.5)))
    (if (local.get $depth) (then
      (struct.set $node $left (local.get $made)
        (call $make (i32.sub (local.get $depth) (i32.const 1)) (i32.shl (local.get $number) (i32.const 1))))
      (struct.set $node $right (local.get $made)
        (call $make (i32.sub (local.get $depth) (i32.const 1))
          (i32.or (i32.shl (local.get $number) (i32.const 1)) (i32.const 1))))))
    (ref.as_non_null (local.get $made)))
  (func $check (export "check") (param $node (ref null $node)) (param $number i32) (result i32)
    (if (ref.is_null (local.get $node)) (then (return (i32.const 0))))
    (if (i32.ne (struct.get $node $number (local.get $node)) (local.get $number)) (then (unreachable)))
    (if (f64.ne (struct.get $node $pad (local.get $node)) (f64.const 1.5)) (then (unreachable)))
    (if (i32.ne (array.len (ref.cast (ref $bytes) (struct.get $node $other (local.get $node))))
                (i32.and (local.get $number) (i32.const 127))) (then (unreachable)))
    (i32.add (i32.const 1) (i32.add
      (call $check (struct.get $node $left (local.get $node)) (i32.shl (local.get $number) (i32.const 1)))
      (call $check (struct.get $node $right (local.get $node))
        (i32.or (i32.shl (local.get $number) (i32.const 1)) (i32.const 1))))))
  (func $swap (param $node (ref $node)) (local $left (ref null $node))
    (local.set $left (struct.get $node $left (local.get $node)))
    (struct.set $node $left (local.get $node) (ref.null $node))
    (drop (call $make (i32.const 3) (i32.const 1)))
    (struct.set $node $left (local.get $node) (local.get $left)))
  (func (export "rounds") (param $rounds i32) (param $depth i32) (result i32)
    (local $all i32) (local $tree (ref null $node)) (local $row (ref null $nodes)) (local $at i32)
    (local.set $row (array.new $nodes (ref.null $node) (i32.const 40)))
    (loop $again
      (local.set $tree (call $make (local.get $depth) (i32.const 1)))
      (local.set $at (i32.and (local.get $rounds) (i32.const 31)))
      (array.set $nodes (local.get $row) (local.get $at) (local.get $tree))
      (table.set $table (local.get $at) (array.get $nodes (local.get $row) (i32.xor (local.get $at) (i32.const 1))))
      (call $swap (ref.as_non_null (local.get $tree)))
      (array.copy $nodes $nodes (local.get $row) (i32.const 1) (local.get $row) (i32.const 0) (i32.const 39))
      (global.set $kept (local.get $row))
      (local.set $tree (ref.cast (ref null $node) (call $host (local.get $tree))))
      (local.set $all (i32.add (local.get $all) (call $check (local.get $tree) (i32.const 1))))
      (local.set $all (i32.add (local.get $all)
        (i32.mul (i32.const 0) (call $check (array.get $nodes (local.get $row) (i32.const 39)) (i32.const 1)))))
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (local.get $all)))"""
DEPTH: Final = 4
NODES: Final = (2 << DEPTH) - 1


class Finalized:
    """Part of a cycle, so that the cycle collector finalizes it, wherever that comes."""

    def __init__(self, world: World) -> None:
        self.itself = self
        self.world = world

    def __del__(self) -> None:
        self.world.between()


class World(storms.World):
    """Instances that are linked or not, and trees of theirs."""

    def __init__(self, module: Any, seed: int) -> None:
        super().__init__(seed)
        self.module = module
        self.trees: list[Any] = []
        self.depth = 0
        self.begin()

    def begin(self) -> None:
        """Instances, linked or not; what there was goes."""
        self.instances = [
            self.module.instantiate(
                {"e": {"host": self.host}},
                Limits(heap_bytes=1 << 18 if self.chance.random() < 0.1 else 1 << 26, references=20_000),
            )
            for _ in range(2)
        ]

    def one(self) -> Any:
        return self.chance.choice(self.instances)

    def host(self, tree: Any) -> Any:
        if self.depth < 3 and self.chance.random() < 0.2:
            self.depth += 1
            try:
                self.act()
            finally:
                self.depth -= 1
        return tree

    def between(self) -> None:
        """What a finalizer does."""
        try:
            self.one().heap.collect()
            self.trees.append(self.one().exports.make(2, 1))
        except (Refused, Trap, Timeout, AttributeError):
            self.ends["refused in a finalizer"] += 1

    def act(self) -> None:
        """One thing of many."""
        how = self.chance.randrange(11)
        instance = self.one()
        exports = instance.exports
        if how == 0:
            assert exports.rounds(3, DEPTH) == 3 * NODES
        elif how == 1:
            self.trees.append(exports.make(DEPTH, 1))
        elif how == 2 and self.trees:
            tree = self.chance.choice(self.trees)
            assert exports.check(tree, 1) in (NODES, 7)
        elif how == 3 and self.trees:
            del self.trees[self.chance.randrange(len(self.trees))]
        elif how == 4:
            assert instance.heap is None or instance.heap.collect() in (True, False)
        elif how == 5 and self.trees:
            at = self.chance.randrange(32)
            exports.table[at] = self.chance.choice(self.trees)
            assert exports.check(exports.table[at], 1) in (NODES, 7)
        elif how == 6:
            row = instance.array("nodes", self.trees[:20] + [None])
            exports.kept.set(row)
            assert all(each is None or each["number"] == 1 for each in exports.kept.get())
        elif how == 7:
            gc.collect(self.chance.randrange(2))
        elif how == 8:
            Finalized(self)
        elif how == 9 and not self.depth:
            self.begin()
        elif how == 10 and self.trees:
            tree = self.chance.choice(self.trees)
            left, other = tree["left"], tree["other"]
            tree["left"] = left
            tree["other"] = other
            assert left["number"] == 2 and len(other) == 1
        if len(self.trees) > 40:
            del self.trees[:30]

    def call(self) -> None:
        try:
            with timeout(self.chance.choice((0.0003, 0.01, 1.0, 1.0))):
                self.act()
            self.ends["done"] += 1
        except Timeout:
            self.ends["timeout"] += 1
        except Trap as trap:
            assert "heap exhausted" in str(trap), trap
            self.ends["exhausted"] += 1
        except Refused as refused:
            self.ends[str(refused)[:40]] += 1
        except KeyError:
            self.ends["handler"] += 1


def storm(backend: str, release_gil: bool, how: int, seed: int, seconds: float) -> Counter[str]:
    """All of it for so long; how calls ended."""
    module = compile_with(GUEST, find_compiler(backend), CompilerConfig(release_gil=release_gil))
    worlds = [World(module, seed + number) for number in range(3)]
    thresholds = gc.get_threshold()
    gc.set_threshold(50, 5, 5)
    machine.heap_stress(how)
    try:
        return storms.run(worlds, seconds, (KeyError, Timeout))
    finally:
        machine.heap_stress(0)
        gc.set_threshold(*thresholds)


def greenlets(backend: str, seed: int, seconds: float) -> Counter[str]:
    """Calls that wait for one another in greenlets, as many as there are stacks to be put aside."""
    try:
        import greenlet
    except ImportError:
        return Counter({"no greenlets": 1})
    chance = random.Random(seed)
    ends: Counter[str] = Counter()
    main: Any = greenlet.getcurrent()

    def host(tree: Any) -> Any:
        if chance.random() < 0.4:
            main.switch()
        return tree

    def deeper(times: int) -> int:
        return 1 + max([deeper(times - 1), times]) if times else 0

    module = compile_with(GUEST, find_compiler(backend))
    instances = [module.instantiate({"e": {"host": host}}) for _ in range(2)]
    waiting: list[Any] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        machine.heap_stress(chance.randrange(3))
        instance = chance.choice(instances)
        if len(waiting) < 5:
            waiting.append(greenlet.greenlet(lambda which=instance: which.exports.rounds(3, DEPTH)))
        at = chance.randrange(len(waiting))
        answer = waiting[at].switch()
        deeper(chance.randrange(30))
        kept = [instance.struct("node", 5) for _ in range(chance.randrange(100))]
        assert instance.heap is None or instance.heap.collect() in (True, False)
        if waiting[at].dead:
            assert answer == 3 * NODES
            del waiting[at]
            ends["done"] += 1
        assert all(each[0] == 5 for each in kept)
    machine.heap_stress(0)
    for each in waiting:
        while not each.dead:
            each.switch()
    return ends


def main() -> int:
    options = storms.options("heaps", __doc__)
    os.environ["WASMER_CLIF_CHECK"] = ""
    # where a handler raises amid a first import, Python's own lock of imports stays held, and the next thread that
    # imports waits for ever: so all that a storm imports late is imported before one, by some calls without signals
    importlib.import_module("wasmer_runtime_core.running.objects.references")
    warm = World(compile_with(GUEST, find_compiler("singlepass")), options.seed)
    for _ in range(400):
        warm.call()
    warm.trees.clear()
    sys.unraisablehook = lambda what: None  # what a handler raised in a finalizer
    kinds = [
        (backend, release, how)
        for backend in ("singlepass", "cranelift", "llvm")
        for release in (False, True)
        for how in (0, 1, 2)
    ]
    random.Random(options.seed).shuffle(kinds)
    each = options.seconds / 7
    for number, (backend, release, how) in enumerate(kinds[:6]):
        ends = storm(backend, release, how, options.seed + number, each)
        print(backend, release, how, dict(ends), flush=True)
        assert ends["done"]
    print("greenlets", dict(greenlets(kinds[0][0], options.seed, each)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
