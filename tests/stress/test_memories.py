"""Memories that threads share, and what the next one finds where a memory was: nothing."""

# ruff: noqa: B023  # what a loop binds is used in that round only

from __future__ import annotations

import ctypes
import gc
import resource
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from tests.stress.interposed import SystemCalls, with_system_calls
from tests.stress.isolated import isolated, raises
from tests.stress.test_processes import in_child
from tests.stress.test_threads import run_all
from wasmer_runtime import CompilerConfig, Global, Memory, Value, compile
from wasmer_runtime.error import Error, MemoryGrowError, Trap
from wasmer_runtime_core.native import machine

BACKENDS: Final = ("singlepass", "cranelift", "llvm")
PAGE: Final = 65536
SLOT: Final = 8 << 30
RELEASED: Final = CompilerConfig(release_gil=True)
CHECKED: Final = CompilerConfig(release_gil=True, memory_bound_check_mode="enable")

SHARING = """(module (import "e" "memory" (memory 1 40000)) (import "e" "go" (global $go (mut i32)))
  (func (export "grow") (param $delta i32) (param $times i32) (result i32) (local $granted i32)
    (loop (br_if 0 (i32.eqz (global.get $go))))
    (loop
      (if (i32.ne (memory.grow (local.get $delta)) (i32.const -1))
        (then (local.set $granted (i32.add (local.get $granted) (local.get $delta)))
          (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 0x53454352))))
      (br_if 0 (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (local.get $granted))
  (func (export "spin") (loop (br_if 0 (global.get $go))))
  (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 0x5A) (local.get 1)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "store") (param i32) (i32.store8 (local.get 0) (i32.const 0x5A))))"""

OWNING = SHARING.replace('(import "e" "memory" (memory 1 40000))', "").replace(
    "(func", '(memory (export "memory") 1 40000) (func', 1
)


def sharing(memory: Memory, config: CompilerConfig = RELEASED, backend: str = "singlepass") -> tuple[Any, Global]:
    """Exports of an instance that imports the memory, and what makes its code go on; 1 at first."""
    go = Global.new_mutable(Value.I32(1))
    return compile(SHARING, backend=backend, config=config).instantiate({"e": {"memory": memory, "go": go}}).exports, go


def movable(maximum: int) -> Memory:
    """A memory of one page without reserved address space."""
    memory = machine.Memory.__new__(Memory, 1, maximum, reserve=False)
    assert not memory.reserved
    return memory


def slot_is_clean(memory: Memory) -> bool:
    """Whether a memory that was just made has untouched pages, its own, and none behind them."""
    base, end = memory.address, memory.address + len(memory)
    accessible = [(base, base)]
    with open("/proc/self/maps") as maps:
        for line in maps:
            places, rights = line.split()[:2]
            low, high = (int(place, 16) for place in places.split("-"))
            if "r" in rights and high > base and low < base + SLOT:
                joins = low <= accessible[-1][1]
                accessible.append((accessible.pop()[0] if joins else low, min(high, base + SLOT)))
    with open("/proc/self/pagemap", "rb") as pages:
        pages.seek(base // 4096 * 8)
        entries = pages.read(SLOT // 4096 * 8)
    # bits 63 and 62: the page is present, or swapped out; any other page of such a mapping is zero
    touched = any(entries[7::8].translate(None, bytes(flags for flags in range(256) if not flags & 0xC0)))
    return not touched and accessible == [(base, end)]


def check_slot(history: Callable[[], int]) -> None:
    """After the history of a memory at the address it returns, whoever gets that slot finds it clean."""
    address = history()
    gc.collect()
    for pages in (1, 0, 3, 400):  # the 400: more than a slot keeps accessible
        taken = []
        for _ in range(300):
            taken.append(Memory(pages))
            if taken[-1].address == address:
                break
        assert taken[-1].address == address, "the slot did not come back"
        assert slot_is_clean(taken[-1]), (history.__name__, pages)
        with_contents(taken[-1])


def with_contents(memory: Memory) -> Memory:
    for at in range(0, len(memory), 4096):
        memory.write(at, b"secret")
    return memory


# --- growing -------------------------------------------------------------------------------------------------------


@isolated()
@with_system_calls
def test_growth_from_two_threads_adds_up(system_calls: SystemCalls) -> None:
    """Both are made to meet where pages become accessible: one of them must have waited outside."""
    for backend in BACKENDS:
        for first, second in ((1, 7), (7, 1)):
            memory = Memory(1, 40000)
            a, _ = sharing(memory, backend=backend)
            b, _ = sharing(memory, backend=backend)
            system_calls.arrived, system_calls.meeting = 0, 2
            granted = []
            assert not run_all(lambda: granted.append(a.grow(first, 1)), lambda: granted.append(b.grow(second, 1)))
            system_calls.meeting = 0
            assert memory.pages == 1 + sum(granted) == 9
            for at in (0, 9 * PAGE - 1):
                assert a.load(at) in (0, 0x53, 0x52)
            for exports in (a, b):
                raises(Trap, exports.load, 9 * PAGE)
                raises(Trap, exports.store, 16 * PAGE)
                raises(Trap, exports.fill, 8 * PAGE, PAGE + 1)


@isolated()
@with_system_calls
def test_growth_from_code_and_from_python_adds_up(system_calls: SystemCalls) -> None:
    memory = Memory(1, 40000)
    a, _ = sharing(memory)
    system_calls.arrived, system_calls.meeting = 0, 2
    granted = []
    assert not run_all(lambda: granted.append(a.grow(3, 1)), lambda: (memory.grow(5), granted.append(5)))
    assert memory.pages == 1 + sum(granted) == 9


@isolated()
def test_a_memory_at_its_maximum_is_shared_out_once() -> None:
    """Many small growths: every page belongs to one of them, in order, and none is behind the maximum."""
    for config in (RELEASED, CHECKED):
        for backend in BACKENDS:
            memory = Memory(1, 200)
            threads = [sharing(memory, config, backend) for _ in range(3)]
            granted: list[int] = []
            assert not run_all(
                *[lambda e=e, n=n: granted.append(e.grow(n, 300)) for n, (e, _) in enumerate(threads, 1)]
            )
            assert memory.pages == 1 + sum(granted) == 200
            raises(Trap, threads[0][0].load, 200 * PAGE)


@isolated()
@with_system_calls
def test_a_memory_without_reservation_moves_while_python_waits(system_calls: SystemCalls) -> None:
    """Nobody may look at its address meanwhile, neither Python nor code that is about to start."""
    for backend in BACKENDS:
        module = compile(OWNING, backend=backend, config=CHECKED)
        memory = movable(40000)
        exports, _ = sharing(memory, CHECKED, backend)
        system_calls.slow_moves = 1
        seen = []
        done = threading.Event()

        def watch() -> None:
            while True:
                seen.append(system_calls.moving)
                assert len(memory.read(0, PAGE)) == PAGE
                if done.is_set():
                    return

        def grow() -> None:
            exports.grow(500, 1)
            done.set()

        assert not run_all(watch, grow)
        assert not any(seen)
        assert memory.pages == 501
        del module


@isolated()
def test_a_memory_without_reservation_stays_while_others_run() -> None:
    memory = movable(40000)
    first, go = sharing(memory, CHECKED)
    second, _ = sharing(memory, CHECKED)
    address = memory.address
    thread = threading.Thread(target=first.spin)
    thread.start()
    time.sleep(0.05)
    for _ in range(20):
        second.grow(100, 1)
        try:
            memory.grow(100)
        except MemoryGrowError:
            pass
        assert memory.address == address
    go.value = 0
    thread.join()
    blocker = Memory(1)  # whatever lies behind it now, it may move again
    memory.grow(1000)
    assert second.load(memory.pages * PAGE - 1) == 0
    del blocker


@isolated()
def test_views_and_copies_while_another_thread_grows() -> None:
    sys.setswitchinterval(1e-6)
    for config, memory in ((RELEASED, Memory(1, 3000)), (CHECKED, Memory(1, 3000)), (CHECKED, movable(3000))):
        grower, _ = sharing(memory, config)
        done = threading.Event()

        def grow() -> None:
            grower.grow(1, 2000)
            done.set()

        def look() -> None:
            other, _ = sharing(memory, config)
            length = 0
            while not done.is_set():
                with memoryview(memory) as view:
                    address = memory.address
                    assert len(view) >= length and len(view) % PAGE == 0
                    length = len(view)
                    assert view[length - PAGE] == 0 and len(memory.read(length - 8, 8)) == 8
                    memory.write(length - PAGE, b"\0")
                    assert memory.address == address
                other.fill(length - PAGE + 8, 8)

        failures = run_all(grow, look, look)
        assert not failures, failures
        assert memory.pages == 2001 or not memory.reserved


@isolated()
def test_closing_while_another_thread_grows_and_copies() -> None:
    """What is closed stays closed: it has no bytes, and gets none."""
    for config in (RELEASED, CHECKED):
        for _ in range(20):
            memory = Memory(1, 40000)
            first, _ = sharing(memory, config)
            second, _ = sharing(memory, config)
            started = threading.Event()

            def grow() -> None:
                started.set()
                first.grow(1, 3000)

            def fill() -> None:
                for _ in range(300):
                    second.fill(0, PAGE)

            def close() -> None:
                started.wait()
                memory.close()

            failures = run_all(grow, fill, close)
            assert all(isinstance(failure, Trap) for failure in failures), failures
            assert memory.closed and len(memory) == 0
            assert first.grow(1, 1) == 0
            if config is CHECKED:
                raises(Trap, first.load, 0)
            raises(Trap, second.fill, 0, 1)


@isolated()
def test_a_child_of_fork_can_grow_whatever_other_threads_did() -> None:
    memory = Memory(1, 40000)
    grower, _ = sharing(memory)
    done = threading.Event()

    def grow() -> None:
        while not done.is_set() and memory.pages < 30000:
            grower.grow(1, 50)

    thread = threading.Thread(target=grow)
    thread.start()

    def in_the_child() -> None:
        own = Memory(1, 100)
        own.grow(5)
        before = memory.pages
        assert memory.grow(1) == before and memory.pages == before + 1
        other, _ = sharing(movable(4000), CHECKED)
        assert other.grow(2000, 1) == 2000  # no thread of the parent keeps it where it is
        own.close()

    try:
        for _ in range(20):
            assert in_child(in_the_child) == 0
    finally:
        done.set()
        thread.join()


# --- instances that share a memory and run at once ------------------------------------------------------------------

PAIRED: Final = """(module (import "e" "memory" (memory 1 40000))
  (import "e" "mine" (global $mine (mut i32))) (import "e" "other" (global $other (mut i32)))
  (import "e" "number" (global $number (mut i64))) (import "e" "vector" (global $vector (mut v128)))
  (data $bytes "0123456789abcdef")
  (global $seen (mut i32) (i32.const 0))
  (func $end (result i32) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 16)))
  (func (export "grow") (drop (memory.grow (i32.const 1))))
  (func (export "size")
    (if (i32.lt_u (memory.size) (global.get $seen)) (then unreachable)) (global.set $seen (memory.size)))
  (func (export "load") (drop (v128.load (call $end))))
  (func (export "store") (i64.store (call $end) (i64.const 0x0101010101010101)))
  (func (export "fill") (memory.fill (i32.const 0) (i32.const 1) (i32.const 6000))
    (memory.fill (call $end) (i32.const 1) (i32.const 16)))
  (func (export "copy") (memory.copy (call $end) (i32.const 32) (i32.const 16))
    (memory.copy (i32.const 1) (i32.const 0) (i32.const 6000)))
  (func (export "init") (memory.init $bytes (call $end) (i32.const 0) (i32.const 16)))
  (func (export "set") (local i64)
    (local.set 0 (i64.add (global.get $number) (i64.const 0x100000001)))
    (global.set $number (i64.or (i64.shl (local.get 0) (i64.const 32)) (i64.extend_i32_u (i32.wrap_i64 (local.get 0)))))
    (global.set $vector (i64x2.splat (global.get $number))))
  (func (export "get")
    (call $check (global.get $number))
    (call $check (i64x2.extract_lane 0 (global.get $vector)))
    (call $check (i64x2.extract_lane 1 (global.get $vector))))
  (func $check (param i64)
    (if (i64.ne (i64.shr_u (local.get 0) (i64.const 32)) (i64.and (local.get 0) (i64.const 0xFFFFFFFF)))
      (then unreachable)))
  RUN)"""
PAIRED_ACTIONS: Final = ("grow", "size", "load", "store", "fill", "copy", "init", "set", "get")


@isolated(timeout=300)
def test_each_pair_of_operators_of_two_instances_that_share_everything() -> None:
    """Both run without the GIL, for many rounds: whatever one does, the other's accesses in bounds never trap, a
    length never shrinks, and of a number no half is another's."""
    runs = "".join(
        f'(func (export "run {name}") (param $n i32) (global.set $mine (i32.const 1))'
        f" (loop (call {1 + at}) (br_if 0 (i32.eqz (global.get $other)))"
        " (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))"
        for at, name in enumerate(PAIRED_ACTIONS)
    )
    for backend in BACKENDS:
        for config in (RELEASED, CHECKED):
            module = compile(PAIRED.replace("RUN", runs), backend=backend, config=config)
            for at, first in enumerate(PAIRED_ACTIONS):
                for second in PAIRED_ACTIONS[at:]:
                    one, two = (Global.new_mutable(Value.I32(0)) for _ in range(2))
                    shared = {
                        "memory": Memory(1, 40000),
                        "number": Global.new_mutable(Value.I64(0)),
                        "vector": Global.new_mutable(Value.V128(0)),
                    }
                    a = module.instantiate({"e": {**shared, "mine": one, "other": two}}).exports
                    b = module.instantiate({"e": {**shared, "mine": two, "other": one}}).exports
                    failures = run_all(lambda: a[f"run {first}"](2000), lambda: b[f"run {second}"](2000))
                    assert not failures, (backend, first, second, failures)


# --- who comes next ------------------------------------------------------------------------------------------------


def made() -> int:
    return with_contents(Memory(1)).address


def grown() -> int:
    memory = Memory(1, 300)
    memory.grow(200)
    return with_contents(memory).address


def grown_far() -> int:
    memory = Memory(1)
    memory.grow(40000)
    memory.write(40000 * PAGE - 8, b"secret")
    return with_contents_at_the_ends(memory)


def with_contents_at_the_ends(memory: Memory) -> int:
    memory.write(0, b"secret")
    memory.write(len(memory) - 8, b"secret")
    return memory.address


def grown_by_code() -> int:
    memory = Memory(1, 40000)
    exports, _ = sharing(memory)
    exports.grow(7, 20)
    return with_contents(memory).address


def closed() -> int:
    memory = with_contents(Memory(5, 40000))
    memory.close()
    return memory.address


def closed_while_code_runs() -> int:
    memory = with_contents(Memory(5, 40000))
    other, other_go = sharing(Memory(1, 2))
    thread = threading.Thread(target=other.spin)
    thread.start()
    time.sleep(0.02)
    memory.close()
    other_go.value = 0
    thread.join()
    return memory.address


def of_an_instance_that_closed() -> int:
    instance = compile(OWNING).instantiate({"e": {"go": Global.new_mutable(Value.I32(1))}})
    memory = instance.exports.memory
    instance.exports.grow(3, 3)
    with_contents(memory)
    instance.close()
    return int(memory.address)


def checked_code() -> int:
    instance = compile(OWNING, config=CHECKED).instantiate({"e": {"go": Global.new_mutable(Value.I32(1))}})
    instance.exports.grow(3, 3)
    assert instance.exports.memory.reserved
    return with_contents(instance.exports.memory).address


def trap_amid_instantiation() -> int:
    """The first segment is written, the second traps; the memory is known by its free slot only."""
    places = free_places()
    raises(
        Trap, compile('(module (memory 3) (data (i32.const 0) "secret") (data (i32.const 196607) "no"))').instantiate
    )
    return places


def trap_in_the_start_function() -> int:
    places = free_places()
    text = """(module (memory 2) (func $start (drop (memory.grow (i32.const 90)))
      (memory.fill (i32.const 0) (i32.const 7) (i32.const 6000000)) unreachable) (start $start))"""
    raises(Trap, compile(text).instantiate)
    return places


def free_places() -> int:
    """Where the next memory of this size will lie."""
    return Memory(3).address


def locked_into_memory() -> int:
    memory = with_contents(Memory(2))
    lock(memory)
    return memory.address


def locked_and_closed() -> int:
    memory = with_contents(Memory(2))
    lock(memory)
    memory.close()
    return memory.address


def lock(memory: Memory) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlock(ctypes.c_void_p(memory.address), ctypes.c_size_t(4096)):
        print("mlock is not allowed here")


def under_a_limit() -> int:
    """The system refuses to grow it, here and there."""
    memory = Memory(1, 40000)
    with_contents(memory)
    with open("/proc/self/status") as status:
        used = next(int(line.split()[1]) for line in status if line.startswith("VmData")) * 1024
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + (64 << 20), before[1]))
    try:
        refused = 0
        for pages in (100, 30000, 5, 20000, 1):
            try:
                memory.grow(pages)
            except MemoryGrowError:
                refused += 1
        assert refused == 2
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
    assert memory.pages == 107
    return with_contents(memory).address


HISTORIES: Final = (
    made, grown, grown_far, grown_by_code, closed, closed_while_code_runs, of_an_instance_that_closed, checked_code,
    trap_amid_instantiation, trap_in_the_start_function, locked_into_memory, locked_and_closed, under_a_limit,
)  # fmt: skip


@isolated(timeout=300)
def test_a_slot_is_clean_whatever_happened_in_it() -> None:
    for history in HISTORIES:
        check_slot(history)


@isolated(timeout=300)
@with_system_calls
def test_a_slot_is_clean_after_a_race_for_it(system_calls: SystemCalls) -> None:
    def raced() -> int:
        memory = Memory(1, 40000)
        a, _ = sharing(memory)
        b, _ = sharing(memory)
        system_calls.arrived, system_calls.meeting = 0, 2
        assert not run_all(lambda: a.grow(1, 1), lambda: b.grow(7, 1))
        system_calls.meeting = 0
        for at in range(0, 9 * PAGE, 4096):
            try:
                a.store(at)
            except Trap:
                pass
        return memory.address

    check_slot(raced)


@isolated(timeout=300)
@with_system_calls
def test_a_slot_is_clean_after_growth_that_failed_half_way(system_calls: SystemCalls) -> None:
    def half() -> int:
        memory = Memory(1, 40000)
        a, _ = sharing(memory)
        system_calls.halves = 1
        assert a.grow(100, 1) == 0 and memory.pages == 1
        raises(Trap, a.store, PAGE)
        system_calls.halves = 1
        raises(MemoryGrowError, memory.grow, 200)
        assert a.grow(50, 1) == 50
        return with_contents(memory).address

    check_slot(half)

    def refused_at_first() -> int:
        address = Memory(0).address
        system_calls.halves = 1
        try:
            Memory(100)
        except Error:
            pass
        assert not system_calls.halves
        return address

    check_slot(refused_at_first)


@isolated(timeout=300)
def test_a_slot_is_clean_in_a_child_and_stays_whole_in_the_parent() -> None:
    ours = with_contents(Memory(4))
    address = grown()

    def in_the_child() -> None:
        check_slot(lambda: address)
        for history in (made, grown, closed, trap_in_the_start_function):
            check_slot(history)

    assert in_child(in_the_child) == 0
    assert all(ours.read(at, 6) == b"secret" for at in range(0, len(ours), 4096))
    check_slot(grown)
