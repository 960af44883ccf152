"""Two threads, each doing one of the things that can be done to what both can reach.

    python -m tests.attack.pairs --seed 7 --seconds 20

Two instances share a memory, a table and globals, and run without the GIL. Each round draws two
operations of `OPERATIONS` and lets two threads repeat them side by side. What each may raise is an
error of ours. Afterwards sums have to be right: pages that were granted are there, nothing lies behind
the memory's end, and what another tenant gets next is zero.
"""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from wasmer_runtime import (
    CompilerConfig,
    ElementType,
    Global,
    Memory,
    MemoryDescriptor,
    Table,
    TableDescriptor,
    Value,
    compile,
    timeout,
)
from wasmer_runtime.error import Error, Trap

GUEST: Final = """
(module
  (import "env" "memory" (memory 1 2000))
  (import "env" "table" (table $t 4 3000 funcref))
  (import "env" "number" (global $number (mut i64)))
  (import "env" "reference" (global $reference (mut externref)))
  (import "env" "host" (func $host (param i32) (result i32)))
  (type $f (func (param i32) (result i32)))
  (data $d "guest's bytes")
  (elem $e func $one $two)
  (func $one (export "one") (param i32) (result i32) (i32.const 1))
  (func $two (param i32) (result i32) (i32.add (local.get 0) (i32.const 2)))
  (func $deep (param i32) (result i32) (if (result i32) (local.get 0)
    (then (call $deep (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))
  (func (export "grow") (param i32) (result i32) (memory.grow (i32.const 1)))
  (func (export "size") (param i32) (result i32) (memory.size))
  (func (export "fill") (param i32) (result i32)
    (memory.fill (i32.const 0) (local.get 0) (i32.mul (memory.size) (i32.const 65536))) (i32.const 0))
  (func (export "copy") (param i32) (result i32)
    (memory.copy (i32.const 8) (i32.const 0) (i32.const 60000)) (i32.const 0))
  (func (export "init") (param i32) (result i32)
    (memory.init $d (i32.const 100) (i32.const 0) (i32.const 13)) (i32.const 0))
  (func (export "data_drop") (param i32) (result i32) (data.drop $d) (i32.const 0))
  (func (export "elem_drop") (param i32) (result i32) (elem.drop $e) (i32.const 0))
  (func (export "table_init") (param i32) (result i32)
    (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2)) (i32.const 0))
  (func (export "table_grow") (param i32) (result i32) (table.grow $t (ref.func $one) (i32.const 1)))
  (func (export "table_fill") (param i32) (result i32)
    (table.fill $t (i32.const 1) (ref.func $two) (i32.sub (table.size $t) (i32.const 1))) (i32.const 0))
  (func (export "table_copy") (param i32) (result i32)
    (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 3)) (i32.const 0))
  (func (export "table_null") (param i32) (result i32) (table.set $t (i32.const 2) (ref.null func)) (i32.const 0))
  (func (export "indirect") (param i32) (result i32)
    (call_indirect $t (type $f) (local.get 0) (i32.rem_u (local.get 0) (table.size $t))))
  (func (export "number") (param i32) (result i32)
    (global.set $number (i64.add (global.get $number) (i64.const 1))) (i32.const 0))
  (func (export "reference") (param i32) (result i32)
    (global.set $reference (global.get $reference)) (i32.const 0))
  (func (export "behind") (param i32) (result i32)
    (i32.store8 (i32.add (i32.mul (memory.size) (i32.const 65536)) (local.get 0)) (i32.const 1)) (i32.const 0))
  (func (export "deep") (param i32) (result i32) (call $deep (i32.const 1000)))
  (func (export "host") (param i32) (result i32) (call $host (local.get 0)))
  (func (export "spin") (param i32) (result i32) (loop (br 0)) (i32.const 0))
  (func (export "trap") (param i32) (result i32) unreachable)
  (func (export "start") (param i32) (result i32) (local $i i32)
    (loop (local.set $i (i32.add (local.get $i) (i32.const 1))) (drop (call $deep (i32.const 3)))
      (br_if 0 (i32.lt_u (local.get $i) (i32.const 2000)))) (i32.const 0)))
"""

TENANT: Final = """(module (memory (export "memory") 1)
  (func (export "load") (param i32) (result i64) (i64.load (local.get 0))))"""

EXPORTS: Final = (
    *("grow", "size", "fill", "copy", "init", "data_drop", "elem_drop", "table_init", "table_grow", "table_fill"),
    *("table_copy", "table_null", "indirect", "number", "reference", "behind", "deep", "host", "trap", "start", "one"),
)


class World:
    """What two threads share, and what they may do to it."""

    def __init__(self, guest: Any, source: random.Random) -> None:
        self.guest, self.source = guest, source
        self.granted = 0
        self.memory = Memory(MemoryDescriptor(1, 2000))
        self.table = Table(TableDescriptor(ElementType.FUNCREF, 4, 3000))
        self.number = Global.new_mutable(Value.I64(0))
        self.reference = Global.new_mutable(Value.EXTERNREF(object()))
        self.instances = [self.instance() for _ in range(2)]

    def instance(self) -> Any:
        names = {"memory": self.memory, "table": self.table, "number": self.number, "reference": self.reference}
        return self.guest.instantiate({"env": {**names, "host": self.host}})

    def host(self, number: int) -> int:
        if number % 3 == 0:
            time.sleep(0)
        return number

    def call(self, name: str, side: int) -> Callable[[int], object]:
        function = self.instances[side].exports[name]
        if name != "grow":
            return function.released  # type: ignore[no-any-return]

        def grow(number: int) -> None:
            if function.released(number) != -1:
                with self.lock:
                    self.granted += 1

        return grow

    lock = threading.Lock()

    def grow_from_python(self, number: int) -> None:
        self.memory.grow(1)
        with self.lock:
            self.granted += 1

    def operations(self, side: int) -> dict[str, Callable[[int], object]]:
        """Name -> what one thread repeats with a running number."""
        instance = self.instances[side]
        exports = instance.exports

        def read_view(number: int) -> None:
            view = memoryview(self.memory)
            assert len(view) % 65536 == 0
            view[-1], view[0]
            view.release()

        def put(number: int) -> None:
            self.table[number % 4] = exports.one

        def link(number: int) -> None:
            self.instances[side] = self.instance()

        def limited(number: int) -> None:
            with timeout(0.001):
                exports.spin.released(number)

        def globals_(number: int) -> None:
            self.number.value = number
            self.reference.value = [number]

        def leave(number: int) -> None:
            self.instance().close()

        found: dict[str, Callable[[int], object]] = {name: self.call(name, side) for name in EXPORTS}
        found |= {
            "Memory.grow": self.grow_from_python,
            "Memory.read": lambda number: self.memory.read(0, 64),
            "Memory.write": lambda number: self.memory.write(16, bytes(64)),
            "memoryview": read_view,
            "Table.__setitem__": put,
            "Table.__getitem__": lambda number: self.table[number % 4],
            "Table.grow": lambda number: self.table.grow(1),
            "call what the table has": lambda number: self.table[number % 4](number),
            "Global.value": globals_,
            "instantiate": link,
            "instantiate and close": leave,
            "deadline": limited,
            "gc.collect": lambda number: gc.collect() if number % 20 == 0 else None,
            "pickle": lambda number: pickle.loads(pickle.dumps(self.guest)) if number % 20 == 0 else None,
            "compile": lambda number: compile(TENANT) if number % 20 == 0 else None,
            "fork": lambda number: fork(exports) if number % 50 == 0 else None,
        }
        return found


def fork(exports: Any) -> None:
    """A child that uses what it has, as far as it may, and ends."""
    child = os.fork()
    if child == 0:
        try:
            exports.one(1)
        except Error:
            pass
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def run(world: World, names: tuple[str, str], times: int, outcomes: Counter[str]) -> None:
    """Both operations side by side; then the sums."""
    unexpected: list[BaseException] = []
    barrier = threading.Barrier(2)

    def work(side: int) -> None:
        operation = world.operations(side)[names[side]]
        barrier.wait()
        for number in range(times):
            try:
                operation(number)
                outcomes["done"] += 1
            except (Error, RecursionError, TypeError, BufferError) as error:
                outcomes[type(error).__name__] += 1
            except BaseException as error:
                unexpected.append(error)
                return

    threads = [threading.Thread(target=work, args=(side,)) for side in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if unexpected:
        raise unexpected[0]
    pages = world.memory.pages
    assert pages == 1 + world.granted, f"{pages} pages, where 1 + {world.granted} were granted"
    for offset in (0, 4096, 65536, 1 << 20):
        try:
            world.instances[0].exports.behind(offset)
        except Trap as trap:
            assert trap.kind == "MEMORY_OUT_OF_BOUNDS", trap.kind
        else:
            raise AssertionError(f"a store {offset} bytes behind the end went through")


def next_tenant(tenant: Any, pages: int) -> None:
    """Whoever gets the slot finds zeros, and no more than its one page."""
    instance = tenant.instantiate()
    assert not any(memoryview(instance.exports.memory)), "bytes of another tenant"
    for at in (65536, 65536 * (pages - 1), 65536 * pages, 65536 * (pages + 1)):
        if at >= 65536:
            try:
                instance.exports.load(at)
            except Trap:
                continue
            raise AssertionError(f"an access to {at:#x} of a memory of one page went through")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack.pairs", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--times", type=int, default=150, help="that each operation is repeated")
    parser.add_argument("--backends", default="singlepass,cranelift,llvm")
    options = parser.parse_args()
    sys.setswitchinterval(1e-5)
    source = random.Random(options.seed)
    config = CompilerConfig(release_gil=True)
    guests = {name: compile(GUEST, backend=name, config=config) for name in options.backends.split(",")}
    tenant = compile(TENANT)
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + options.seconds
    rounds = 0
    while time.monotonic() < end:
        backend = source.choice(sorted(guests))
        world = World(guests[backend], source)
        names = sorted(world.operations(0))
        pair = (source.choice(names), source.choice(names))
        print(f"round {rounds}, {backend}: {pair[0]} beside {pair[1]}", flush=True)
        run(world, pair, options.times, outcomes)
        pages = world.memory.pages
        del world
        gc.collect()
        next_tenant(tenant, pages)
        rounds += 1
    print(f"{rounds} pairs from seed {options.seed} on: {dict(outcomes)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
