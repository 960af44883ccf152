"""Instances in threads over one shared memory: what the memory model forbids is never seen, nothing is lost, waits end.

Each thread has an instance of its own, and runs without the GIL. Threads meet at a barrier in the memory before each
round, so that what a round looks for has its chance.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.backends import BACKENDS, compiler_or_skip
from tests.stress.isolated import SCALE, isolated, raises
from tests.stress.test_threads import run_all
from wasmer_runtime import CompilerConfig, Memory, compile
from wasmer_runtime.error import Timeout, Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.interrupts import timeout

RELEASED: Final = CompilerConfig(release_gil=True)
HEAD: Final = '(module (import "e" "m" (memory 1 100 shared))'
X, BARRIER, LOCK, COUNTER = 0, 256, 384, 512
"""Addresses, each in a line of the cache of its own."""

WIDTHS: Final = {
    "i32.atomic.rmw": ("i32", 32), "i64.atomic.rmw": ("i64", 64), "i32.atomic.rmw8": ("i32", 8),
    "i32.atomic.rmw16": ("i32", 16), "i64.atomic.rmw8": ("i64", 8), "i64.atomic.rmw16": ("i64", 16),
    "i64.atomic.rmw32": ("i64", 32),
}  # fmt: skip


def rounds(count: int) -> int:
    return max(10, int(count * SCALE))


def instance(text: str, memory: Memory, backend: str) -> Any:
    """Exports of an instance of its own."""
    return compile(text, backend=backend, config=RELEASED).instantiate({"e": {"m": memory}}).exports


# --- nothing is lost ------------------------------------------------------------------------------


def adding(prefix: str) -> str:
    """Counts places up by ``add`` and down by ``sub``, flips, sets and clears a bit of its own, counts by ``cmpxchg``
    and by taking and giving with ``xchg``."""
    type_, bits = WIDTHS[prefix]
    suffix = "" if bits == int(type_[1:]) else "_u"
    load = f"{type_}.atomic.load{bits if suffix else ''}{suffix}"
    store = f"{type_}.atomic.store{bits if suffix else ''}"
    one = f"({type_}.const 1)"

    def change(name: str, place: int, value: str) -> str:
        return f"(drop ({prefix}.{name}{suffix} (i32.const {place}) {value}))"

    return f"""{HEAD}
  (func (export "run") (param $n i32) (param $bit {type_}) (local $was {type_}) (local $held {type_})
    (loop $next
      {change("add", 0, one)} {change("sub", 8, one)} {change("xor", 16, "(local.get $bit)")}
      {change("or", 24, "(local.get $bit)")}
      (if (i32.eqz ({type_}.eqz ({type_}.and (local.get $bit) ({load} (i32.const 24))))) (then)
        (else unreachable))
      {change("and", 24, f"({type_}.xor (local.get $bit) ({type_}.const -1))")}
      (loop $again
        (local.set $was ({load} (i32.const 32)))
        (br_if $again ({type_}.ne (local.get $was)
          ({prefix}.cmpxchg{suffix} (i32.const 32) (local.get $was) ({type_}.add (local.get $was) {one})))))
      (loop $again
        (local.set $held ({prefix}.xchg{suffix} (i32.const 40) ({type_}.const 0)))
        (br_if $again ({type_}.eqz (local.get $held))))
      (i32.store (i32.const 48) (i32.add (i32.load (i32.const 48)) (i32.const 1)))
      ({store} (i32.const 40) (local.get $held))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "get") (param i32) (result {type_}) ({load} (local.get 0))))"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_changes_are_not_lost(backend: str) -> None:
    compiler_or_skip(backend)
    count = rounds(700)
    for prefix, (type_, bits) in WIDTHS.items():
        memory = Memory(1, 100, shared=True)
        memory[40] = 1  # what is taken and given
        threads = [instance(adding(prefix), memory, backend) for _ in range(3)]
        assert run_all(*[lambda e=e, at=at: e.run(count, 1 << at) for at, e in enumerate(threads)]) == []
        mask = (1 << bits) - 1
        found = [threads[0].get(place) & mask for place in (0, 8, 16, 24, 32, 40)]
        flipped = 7 if count % 2 else 0
        assert found == [3 * count & mask, -3 * count & mask, flipped, 0, 3 * count & mask, 1], (prefix, type_)
        assert memory.read_struct("I", 48) == (3 * count,), prefix
        assert memory.read(56, 64) == bytes(64), "nothing beside"


# --- litmus tests ---------------------------------------------------------------------------------

MEET: Final = f"""
  (func $meet (param $target i32) (local $now i32) (local $turns i32)
    (drop (i32.atomic.rmw.add (i32.const {BARRIER}) (i32.const 1)))
    (loop $again
      (local.set $now (i32.atomic.load (i32.const {BARRIER})))
      (if (i32.lt_u (local.get $now) (local.get $target))
        (then
          (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
          (if (i32.gt_u (local.get $turns) (i32.const 500))  ;; the other one may not be running
            (then (drop (memory.atomic.wait32 (i32.const {BARRIER}) (local.get $now) (i64.const 50000)))))
          (br $again))))
    (drop (memory.atomic.notify (i32.const {BARRIER}) (i32.const 1))))"""


PLACES: Final = 1 << 14
"""So many times two threads do the same between two barriers, each time at other addresses: somewhere they pass each
other."""
FIRST_PLACE, FIRST_SEEN, SEEN_BYTES = 1 << 20, 1 << 22, 1 << 20


def litmus(body: str) -> str:
    """Two threads do `body` at each place, in each of ``$n`` rounds; what each saw is written to a list of its own.

    ``$mine`` and ``$other`` are the addresses X and Y of a place, or Y and X; both are 0 when a round begins."""
    return f"""{HEAD} {MEET}
  (func (export "run") (param $who i32) (param $n i32) (local $at i32) (local $mine i32) (local $other i32)
    (local $saw i32) (local $barrier i32) (local $seen i32)
    (local.set $seen (i32.add (i32.const {FIRST_SEEN}) (i32.mul (local.get $who) (i32.const {SEEN_BYTES}))))
    (loop $next
      (memory.fill (i32.const {FIRST_PLACE}) (i32.const 0) (i32.const {128 * PLACES}))
      (call $meet (local.tee $barrier (i32.add (local.get $barrier) (i32.const 2))))
      (local.set $at (i32.const {FIRST_PLACE}))
      (loop $again
        (local.set $mine (i32.add (local.get $at) (i32.shl (local.get $who) (i32.const 6))))
        (local.set $other (i32.xor (local.get $mine) (i32.const 64)))
        {body}
        (i32.store8 (local.get $seen) (local.get $saw))
        (local.set $seen (i32.add (local.get $seen) (i32.const 1)))
        (br_if $again (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 128)))
          (i32.const {FIRST_PLACE + 128 * PLACES}))))
      (call $meet (local.tee $barrier (i32.add (local.get $barrier) (i32.const 2))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"""


STORE_BUFFERING: Final = """
  (i32.atomic.store (local.get $mine) (i32.const 1))
  (local.set $saw (i32.atomic.load (local.get $other)))"""
FENCED: Final = """
  (i32.store (local.get $mine) (i32.const 1))
  (atomic.fence)
  (local.set $saw (i32.load (local.get $other)))"""
LOAD_BUFFERING: Final = """
  (local.set $saw (i32.sub (i32.const 1) (i32.atomic.load (local.get $other))))
  (i32.atomic.store (local.get $mine) (i32.const 1))"""
BY_EXCHANGE: Final = """
  (drop (i32.atomic.rmw.xchg (local.get $mine) (i32.const 1)))
  (local.set $saw (i32.load (local.get $other)))"""
MESSAGE_PASSING: Final = """
  (if (local.get $who)
    (then
      (i64.store offset=8 (local.get $other) (i64.const 7))
      (i32.atomic.store (local.get $other) (i32.const 1)))
    (else
      (local.set $saw (i32.const 1))
      (if (i32.atomic.load (local.get $mine))
        (then (local.set $saw (i64.eq (i64.load offset=8 (local.get $mine)) (i64.const 7)))))))"""
BY_CHANGE: Final = """
  (if (local.get $who)
    (then
      (f64.store offset=8 (local.get $other) (f64.const 7))
      (drop (i32.atomic.rmw8.or_u offset=3 (local.get $other) (i32.const 1))))
    (else
      (local.set $saw (i32.const 1))
      (if (i32.atomic.rmw16.add_u offset=2 (local.get $mine) (i32.const 0))
        (then (local.set $saw (f64.eq (f64.load offset=8 (local.get $mine)) (f64.const 7)))))))"""
SHAPES: Final[dict[str, tuple[str, Callable[[int, int], bool]]]] = {
    "store buffering": (STORE_BUFFERING, lambda x, y: x == 1 or y == 1),
    "store buffering, by a fence": (FENCED, lambda x, y: x == 1 or y == 1),
    "store buffering, by exchanges": (BY_EXCHANGE, lambda x, y: x == 1 or y == 1),
    "load buffering": (LOAD_BUFFERING, lambda x, y: x == 1 or y == 1),
    "message passing": (MESSAGE_PASSING, lambda x, y: x == 1),
    "message passing, by changes": (BY_CHANGE, lambda x, y: x == 1),
}
"""What two threads do, and whether what they saw may be."""


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_litmus(backend: str, shape: str) -> None:
    compiler_or_skip(backend)
    count = min(rounds(10), SEEN_BYTES // PLACES)
    body, may_be = SHAPES[shape]
    memory = Memory(96, 100, shared=True)
    exports = [instance(litmus(body), memory, backend) for _ in range(2)]
    assert run_all(*[lambda who=who: exports[who].run(who, count) for who in range(2)]) == []
    saw = [memory.read(FIRST_SEEN + SEEN_BYTES * who, count * PLACES) for who in range(2)]
    wrong = [at for at, (x, y) in enumerate(zip(*saw, strict=True)) if not may_be(x, y)]
    assert wrong == []


# --- waiting --------------------------------------------------------------------------------------

MUTEX: Final = f"""{HEAD}
  (func $lock
    (if (i32.atomic.rmw.cmpxchg (i32.const {LOCK}) (i32.const 0) (i32.const 1))
      (then (loop $again
        (if (i32.atomic.rmw.xchg (i32.const {LOCK}) (i32.const 2))
          (then
            (if (i32.eq (memory.atomic.wait32 (i32.const {LOCK}) (i32.const 2) (i64.const -1)) (i32.const 2))
              (then unreachable))
            (br $again)))))))
  (func $unlock
    (if (i32.eq (i32.atomic.rmw.xchg (i32.const {LOCK}) (i32.const 0)) (i32.const 2))
      (then (drop (memory.atomic.notify (i32.const {LOCK}) (i32.const 1))))))
  (func (export "count") (param $n i32)
    (loop $next
      (call $lock)
      (i64.store (i32.const {COUNTER}) (i64.add (i64.load (i32.const {COUNTER})) (i64.const 1)))
      (call $unlock)
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "turns") (param $who i32) (param $n i32)  ;; one after the other, of two
    (loop $next
      (loop $again
        (if (i32.ne (i32.atomic.load (i32.const {X})) (local.get $who))
          (then
            (drop (memory.atomic.wait32 (i32.const {X}) (i32.sub (i32.const 1) (local.get $who)) (i64.const -1)))
            (br $again))))
      (i64.store (i32.const {COUNTER}) (i64.add (i64.load (i32.const {COUNTER})) (i64.const 1)))
      (i32.atomic.store (i32.const {X}) (i32.sub (i32.const 1) (local.get $who)))
      (drop (memory.atomic.notify (i32.const {X}) (i32.const -1)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "wait") (param i32 i32 i64) (result i32)
    (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "wait64") (param i32 i64 i64) (result i32)
    (memory.atomic.wait64 offset=8 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify (local.get 0) (local.get 1)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1))))"""


@pytest.mark.parametrize("released", [False, True], ids=["GIL held", "GIL released"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_lock_and_taking_turns(backend: str, released: bool) -> None:
    compiler_or_skip(backend)
    memory = Memory(1, 100, shared=True)
    module = compile(MUTEX, backend=backend, config=RELEASED if released else None)
    count = rounds(1000)
    threads = [module.instantiate({"e": {"m": memory}}).exports for _ in range(3)]
    assert run_all(*[lambda e=e: e.count(count) for e in threads]) == []
    assert memory.read_struct("Q", COUNTER) == (3 * count,)
    memory.write_struct("Q", COUNTER, 0)
    assert run_all(*[lambda who=who: threads[who].turns(who, count) for who in range(2)]) == []
    assert memory.read_struct("Q", COUNTER) == (2 * count,)


def waiting() -> int:
    return machine.statistics()["waiters"]


def until(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.001)


@pytest.mark.parametrize("backend", BACKENDS)
def test_code_and_python_notify_each_other(backend: str) -> None:
    compiler_or_skip(backend)
    memory = Memory(1, 100, shared=True)
    exports = [compile(MUTEX, backend=backend).instantiate({"e": {"m": memory}}).exports for _ in range(4)]
    results: list[int] = []
    jobs = [
        lambda: results.append(exports[0].wait(16, 0, -1)),
        lambda: results.append(exports[1].wait64(8, 0, 1 << 62)),
    ]
    threads = [threading.Thread(target=job) for job in jobs]
    for number, thread in enumerate(threads, 1):
        thread.start()
        until(lambda number=number: waiting() == number)
    assert exports[3].grow() == 1
    assert exports[2].notify(16, 0) == 0 and exports[2].notify(20, 9) == 0 and memory.notify(16, 1) == 1
    assert exports[2].notify(16, 5) == 1
    for thread in threads:
        thread.join()
    assert results == [0, 0]
    assert exports[0].wait(16, 1, -1) == 1 and exports[0].wait(16, 0, 0) == exports[0].wait(16, 0, 1000) == 2
    assert exports[0].wait64(8, 1, -1) == 1 and exports[0].wait64(8, 0, 5) == 2


@pytest.mark.parametrize("released", [False, True], ids=["GIL held", "GIL released"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_ends_a_wait(backend: str, released: bool) -> None:
    """Deadlines, cancellations, exceptions of signal handlers; the instance can be called again, the queue is empty."""
    compiler_or_skip(backend)
    memory = Memory(1, 100, shared=True)
    module = compile(MUTEX, backend=backend, config=RELEASED if released else None)
    exports: Any = module.instantiate({"e": {"m": memory}}).exports
    with timeout(0.02):
        error = raises(Timeout, exports.wait, 16, 0, -1)
    assert error is not None

    async def cancelled() -> None:
        task = asyncio.create_task(exports.wait.call_async(16, 0, -1))
        while not waiting():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert waiting() == 0

    def interrupt() -> None:
        until(waiting)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    raises(KeyboardInterrupt, exports.wait, 16, 0, -1)
    thread.join()
    assert waiting() == 0 and exports.notify(16, 1) == 0 and exports.wait(16, 0, 0) == 2
    raises(Trap, exports.wait, 18, 0, 0)


def test_signals_while_code_waits_are_attended_to() -> None:
    """And the wait goes on, in its place in the queue."""
    memory = Memory(1, 100, shared=True)
    exports: Any = compile(MUTEX).instantiate({"e": {"m": memory}}).exports
    inner: Any = compile(MUTEX).instantiate({"e": {"m": memory}}).exports
    seen: list[int] = []

    def handler(number: int, frame: object) -> None:
        seen.append(inner.wait(24, 0, 1000))  # waits itself

    def send() -> None:
        for count in range(1, 6):
            until(waiting)
            os.kill(os.getpid(), signal.SIGUSR1)
            until(lambda count=count: len(seen) == count)
        until(lambda: memory.notify(16))

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        thread = threading.Thread(target=send)
        thread.start()
        assert exports.wait(16, 0, -1) == 0
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [2] * 5


@isolated()
def test_many_threads_wait_and_are_notified_while_others_give_up() -> None:
    """Every notification is counted once: as many threads wake as notifiers say."""
    memory = Memory(1, 100, shared=True)
    module = compile(MUTEX)
    woken = itertools.count()
    notified: list[int] = []
    stop = threading.Event()

    def wait(number: int) -> None:
        exports: Any = module.instantiate({"e": {"m": memory}}).exports
        for turn in range(rounds(60)):
            if exports.wait(16 + 4 * (turn % 3), 0, 200_000 * (number % 3 + 1)) == 0:
                next(woken)

    def notify() -> None:
        exports: Any = module.instantiate({"e": {"m": memory}}).exports
        total, turn = 0, 0
        while not stop.is_set():
            turn += 1
            total += exports.notify(16 + 4 * (turn % 3), turn % 4)
        notified.append(total)

    notifiers = [threading.Thread(target=notify) for _ in range(2)]
    for thread in notifiers:
        thread.start()
    assert run_all(*[lambda number=number: wait(number) for number in range(6)]) == []
    stop.set()
    for thread in notifiers:
        thread.join()
    assert sum(notified) == next(woken) and waiting() == 0
