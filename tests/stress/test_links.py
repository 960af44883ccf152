"""Linking while code runs: what another thread runs is left alone, and nothing that code looks at goes away."""

# ruff: noqa: B023  # what a loop binds is used in that round only

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.stress.isolated import isolated, raises, resident_bytes
from tests.stress.test_processes import in_child
from tests.stress.test_threads import run_all
from wasmer_runtime import (
    CompilerConfig,
    ElementType,
    Global,
    Instance,
    Limits,
    Memory,
    Module,
    Table,
    TableDescriptor,
    Value,
    compile,
)
from wasmer_runtime.error import RuntimeError as WasmError
from wasmer_runtime.error import Trap, UnableToCreateTable
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.hooks import _name_or_none
from wasmer_runtime_core.running.preparing import prepared

BACKENDS: Final = ("singlepass", "cranelift", "llvm")
RELEASED: Final = CompilerConfig(release_gil=True)
FREED: Final = {"MALLOC_PERTURB_": "165"}
"""What is freed is filled with a number that is no address."""

PART = """(module
  (import "e" "host" (func $host))
  (global $go (export "go") (mut i32) (i32.const 1))
  (global $runs (export "runs") (mut i64) (i64.const 0))
  (global (export "function") (mut funcref) (ref.null func))
  (global (export "object") (mut externref) (ref.null extern))
  (table (export "table") 4 funcref)
  (type $nothing (func (result i32)))
  (func $leaf (param i32) (result i32)
    (if (result i32) (local.get 0) (then (call $leaf (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))
  (func $one (export "one") (result i32) (call $leaf (i32.const 3)))
  (func (export "spin")
    (loop
      (global.set $runs (i64.add (global.get $runs) (i64.const 1)))
      (drop (call $leaf (i32.const 3))) (br_if 0 (global.get $go))))
  (func (export "count") (param i32) (result i32) (local $sum i32) (local $at i32)
    (loop
      (local.set $sum (i32.add (local.get $sum) (call $leaf (i32.const 3))))
      (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (local.get 0))))
    (local.get $sum))
  (func $inner (result i32) (call $leaf (i32.const 3)))
  (func (export "host") (result i32) (call $host) (call $inner))
  (func (export "take") (param funcref funcref) (table.set (i32.const 0) (local.get 0)))
  (func (export "indirect") (param i32) (result i32) (call_indirect (type $nothing) (local.get 0))))"""

IMPORTING: Final = {
    "function": '(func (result i32))',
    "table": '(table 1 funcref)',
    "global": '(global (mut funcref))',
    "object": '(global (mut externref))',
}  # fmt: skip


def fill_what_was_freed() -> None:
    """Whoever reads a stack limit from the freed memory of a store finds it above every stack."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    for size in range(72, 168, 16):
        for _ in range(8):
            ctypes.memset(libc.malloc(ctypes.c_size_t(size)), 0xFF, size)


def part_of(module: Module, host: Callable[[], None] = lambda: None) -> Instance:
    return module.instantiate({"e": {"host": host}})


def importer(*kinds: str) -> Module:
    """A module that imports those, as ``e.0``, ``e.1`` …, with one function."""
    imports = "".join(f'(import "e" "{at}" {IMPORTING[kind]})' for at, kind in enumerate(kinds))
    return compile(f'(module {imports} (func (export "two") (result i32) (i32.const 2)))')


def of(instance: Instance, kind: str) -> Any:
    name = {"function": "one", "table": "table", "global": "function", "object": "object"}[kind]
    return instance.exports[name]


@contextmanager
def running(instance: Instance) -> Iterator[None]:
    """A thread runs it meanwhile: code without the GIL."""
    failures: list[list[BaseException]] = []
    thread = threading.Thread(target=lambda: failures.append(run_all(instance.exports.spin)))
    thread.start()
    while not instance.exports.runs.value:
        time.sleep(0.001)
    try:
        yield
    finally:
        instance.exports.go.value = 0
        thread.join()
        assert failures == [[]], failures


@isolated(environment=FREED)
def test_what_another_thread_runs_is_not_linked_and_nothing_else_is() -> None:
    """Each way of linking is refused before it has changed anything: what it names can still be called, and is not
    linked with one another."""
    for backend in BACKENDS:
        module = compile(PART, backend=backend, config=RELEASED)
        busy = part_of(module)
        gives = compile(
            """(module (import "e" "one" (func $one (result funcref)))
              (import "e" "two" (func $two (result funcref funcref)))
              (func (export "one") (result funcref) (call $one))
              (func (export "two") (result funcref funcref) (call $two)))""",
            backend=backend,
        )

        def refused(link: Callable[[Any, Any], object]) -> None:
            """The way of linking is told two idle instances, and uses the busy one."""
            idle, other = part_of(module), part_of(module)
            assert "another thread is running" in str(raises(WasmError, link, idle, other))
            assert idle.exports.one() == 1 and other.exports.one() == 1
            with running(idle):
                assert other.exports.one() == 1
            assert list(idle.exports.table) == [None] * 4 and len(other.exports.table) == 4
            assert idle.exports.function.value is None

        def in_host_function(host: Any, name: str) -> object:
            return gives.instantiate({"e": {"one": host, "two": host}}).exports[name]()

        with running(busy):
            one = busy.exports.one
            refused(lambda idle, other: idle.exports.table.set(0, one))
            refused(lambda idle, other: idle.exports.table.grow(2, one))
            refused(lambda idle, other: setattr(idle.exports.function, "value", one))
            refused(lambda idle, other: idle.exports.take(one, None))
            refused(lambda idle, other: idle.exports.take(other.exports.one, one))
            refused(lambda idle, other: busy.exports.table.set(0, idle.exports.one))
            refused(lambda idle, other: busy.exports.table.grow(1, idle.exports.one))
            refused(lambda idle, other: setattr(busy.exports.function, "value", idle.exports.one))
            refused(lambda idle, other: Table(TableDescriptor(ElementType.ANYFUNC, 1)).set(0, one))
            refused(lambda idle, other: in_host_function(lambda: one, "one"))
            refused(lambda idle, other: in_host_function(lambda: (other.exports.one, one), "two"))
            for kind in IMPORTING:
                alone, last = importer(kind), importer("function", "table", "global", kind)
                refused(lambda idle, other: alone.instantiate({"e": {"0": of(busy, kind)}}))
                refused(
                    lambda idle, other: last.instantiate(
                        {
                            "e": {
                                "0": idle.exports.one,
                                "1": other.exports.table,
                                "2": idle.exports.function,
                                "3": of(busy, kind),
                            }
                        }
                    )
                )
            raises(WasmError, busy.close)
        idle = part_of(module)
        idle.exports.table[0] = busy.exports.one  # nobody runs it any more
        assert idle.exports.indirect(0) == 1 and busy.exports.one() == 1


@isolated()
def test_an_instance_that_cannot_be_made_links_nobody() -> None:
    module = compile(PART, config=RELEASED)
    large = compile(
        '(module (import "e" "0" (func (result i32))) (import "e" "1" (table 1 funcref))'
        " (table 6000000 funcref) (table 6000000 funcref))"
    )
    idle, other = part_of(module), part_of(module)
    raises(UnableToCreateTable, large.instantiate, {"e": {"0": idle.exports.one, "1": other.exports.table}})
    with running(idle):
        assert other.exports.one() == 1


@isolated(environment=FREED)
def test_instances_that_are_not_initialized_yet_wait_for_nobody() -> None:
    """A thread begins to run between the two steps of instantiation: no segment is written under it."""
    module = compile(PART, config=RELEASED)
    linked = compile("""(module (import "e" "table" (table 1 funcref)) (elem (i32.const 0) $two) (func $two (result i32)
        (i32.const 2)))""")
    busy = part_of(module)
    core = machine.Instance(prepared(linked)[0], [busy.exports.table], None, linked)
    with running(busy):
        assert "another thread is running" in str(raises(WasmError, core.initialize))
        assert busy.exports.table[0] is None
    core.initialize()
    assert busy.exports.table[0]() == 2


@isolated(environment=FREED)
def test_host_functions_link_the_instances_that_wait_for_them() -> None:
    """The store of running code becomes a part of a larger one: its address is still in registers up the stack."""
    from wasmer_llvm_backend import LLVMCompiler

    member = compile('(module (import "e" "t" (table 1 funcref)))')
    for backend in ("singlepass", *[LLVMCompiler(opt_level=level) for level in range(4)]):
        for released in (False, True):
            module = compile(PART, backend=backend, config=CompilerConfig(release_gil=released))
            for depth in range(1, 4):
                tables = [Table(TableDescriptor(ElementType.ANYFUNC, 1)) for _ in range(depth)]
                others = [
                    member.instantiate({"e": {"t": table}}) for n, table in enumerate(tables) for _ in range(3 << n)
                ]
                parts: list[Instance] = []

                def host() -> None:
                    at = len(parts) - 1
                    tables[at][0] = parts[-1].exports.one
                    if len(parts) < depth:
                        parts.append(part_of(module, host))
                        assert parts[-1].exports.host() == 1
                    if at:
                        tables[at - 1][0] = tables[at][0]  # and those become one
                    fill_what_was_freed()

                parts.append(part_of(module, host))
                assert parts[0].exports.host() == 1
                assert parts[0].exports.count(100) == 100
                del others


@isolated()
def test_instances_that_are_linked_amid_their_calls_keep_the_smaller_stack() -> None:
    text = """(module (import "e" "host" (func $host)) (table (export "table") 1 funcref)
      (global $depth (export "depth") (mut i32) (i32.const 0))
      (func $deep (export "deep") (param i64) (result i64)
        (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
        (i64.add (i64.const 1) (call $deep (local.get 0))))
      (func (export "one") (result i32) (i32.const 1))
      (func (export "host") (param i64) (result i64) (call $host) (call $deep (local.get 0)))
      (func (export "wait") (call $host)))"""
    member = compile('(module (import "e" "t" (table 1 funcref)))')
    for backend in BACKENDS:
        module = compile(text, backend=backend)
        limits = Limits(stack_bytes=1 << 16)
        alone = module.instantiate({"e": {"host": lambda: None}}, limits=limits).exports
        raises(Trap, alone.host, 0)
        for crowded in range(2):
            pair: list[Any] = []

            def in_large() -> None:
                assert raises(Trap, pair[1].host, 0).kind == "STACK_OVERFLOW"

            def in_small() -> None:
                pair[1].table[0] = pair[0].one

            pair.append(module.instantiate({"e": {"host": in_large}}).exports)
            pair.append(module.instantiate({"e": {"host": in_small}}, limits=limits).exports)
            others = [member.instantiate({"e": {"t": pair[crowded].table}}) for _ in range(3)]
            pair[0].wait()
            assert 10 < pair[1].depth.value <= alone.depth.value
            del others


@isolated(environment=FREED)
def test_signal_handlers_link_the_instance_that_they_interrupt() -> None:
    """At any instruction, also between reading the store's address and reading its limit."""
    member = compile('(module (import "e" "t" (table 1 funcref)))')
    for backend in BACKENDS:
        for released in (False, True):
            module = compile(PART, backend=backend, config=CompilerConfig(release_gil=released))
            links = 0

            def handle(*_: object) -> None:
                nonlocal links
                links += 1
                table = Table(TableDescriptor(ElementType.ANYFUNC, 1))
                others = [member.instantiate({"e": {"t": table}}) for _ in range(3 * links)]  # the larger store stays
                table[0] = instance.exports.one
                instance.exports.go.value = links < 2
                kept.append((table, others))
                fill_what_was_freed()
                signal.setitimer(signal.ITIMER_REAL, 0.0002 if links < 2 else 0)

            instance = part_of(module)
            kept: list[Any] = []
            signal.signal(signal.SIGALRM, handle)
            for _ in range(500):
                instance, links = part_of(module), 0
                signal.setitimer(signal.ITIMER_REAL, 0.0002)
                instance.exports.spin()
                assert links == 2
                kept.clear()


@isolated()
def test_linking_again_and_again_costs_no_memory() -> None:
    """What a store leaves goes when nothing runs in what it became a part of."""
    member = compile('(module (import "e" "t" (table 1 funcref)))')
    module = compile(PART)

    def host() -> None:
        for table in tables:
            table[0] = instance.exports.one

    def round_() -> None:
        nonlocal tables, instance
        tables = [Table(TableDescriptor(ElementType.ANYFUNC, 1)) for _ in range(6)]
        others = [member.instantiate({"e": {"t": table}}) for n, table in enumerate(tables) for _ in range(1 << n)]
        instance = part_of(module, host)
        assert instance.exports.host() == 1
        lasting.exports.table[1] = instance.exports.one
        del others

    tables: list[Table] = []
    instance = lasting = part_of(module)
    for _ in range(100):
        round_()
    gc.collect()
    before = resident_bytes()
    for _ in range(3000):
        round_()
    gc.collect()
    assert resident_bytes() - before < 1 << 20


@isolated(environment=FREED)
def test_a_child_of_fork_leaves_alone_what_a_thread_of_its_parent_ran() -> None:
    module = compile(PART, config=RELEASED)
    busy, idle = part_of(module), part_of(module)

    def child() -> None:
        raises(WasmError, busy.exports.one)
        raises(WasmError, idle.exports.table.set, 0, busy.exports.one)
        assert idle.exports.one() == 1 and part_of(module).exports.one() == 1
        idle.close()

    with running(busy):
        for _ in range(3):
            assert in_child(child) == 0
    assert busy.exports.one() == 1


# --- each pair -------------------------------------------------------------------------------------------------------

TABLES: Final = """(module
  (import "e" "log" (func $log (param externref)))
  (import "e" "go" (global $go (mut i32)))
  (global $started (export "started") (mut i32) (i32.const 0))
  (memory (export "memory") 1 100)
  (table $t (export "table") 8 100000 funcref)
  (table $o (export "objects") 8 100000 externref)
  (global $function (export "function") (mut funcref) (ref.func $one))
  (global $object (export "object") (mut externref) (ref.null extern))
  (global $number (export "number") (mut i64) (i64.const 0))
  (global $vector (export "vector") (mut v128) (v128.const i64x2 0 0))
  (type $r (func (result i32)))
  (elem (table $t) (i32.const 0) func $one $two $one $two $one $two $one $two)
  (elem $passive func $one $two $one $two)
  (data $bytes "0123456789abcdef")
  (func $one (export "one") (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2))
  (func (export "call")
    (drop (call_indirect $t (type $r) (i32.const 3))) (drop (call_indirect $t (type $r) (i32.const 4))))
  (func (export "grow") (drop (table.grow $t (ref.func $one) (i32.const 3)))
    (drop (call_indirect $t (type $r) (i32.sub (table.size $t) (i32.const 1)))))
  (func (export "grow objects") (drop (table.grow $o (global.get $object) (i32.const 3))))
  (func (export "set") (table.set $t (i32.const 3) (table.get $t (i32.const 4)))
    (table.set $o (i32.const 1) (global.get $object)) (table.set $o (i32.const 1) (ref.null extern)))
  (func (export "fill") (table.fill $t (i32.const 2) (ref.func $two) (i32.const 6))
    (table.fill $o (i32.const 0) (global.get $object) (i32.const 8)))
  (func (export "copy") (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 7))
    (table.copy $o $o (i32.const 0) (i32.const 1) (i32.const 7)))
  (func (export "init") (table.init $t $passive (i32.const 1) (i32.const 0) (i32.const 4)))
  (func (export "drop") (elem.drop $passive) (data.drop $bytes))
  (func (export "globals") (local i64)
    (global.set $object (table.get $o (i32.const 0)))
    (global.set $function (table.get $t (i32.const 1)))
    (local.set 0 (i64.add (global.get $number) (i64.const 0x100000001)))
    (global.set $number (local.get 0))
    (global.set $vector (i64x2.splat (local.get 0))))
  (func (export "bytes") (memory.init $bytes (i32.const 8) (i32.const 0) (i32.const 16))
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 6000))
    (memory.copy (i32.const 1) (i32.const 0) (i32.const 6000)))
  (func (export "memory grow") (drop (memory.grow (i32.const 1))))
  (func (export "log") (call $log (global.get $object)))
  RUN)"""
ACTIONS: Final = (
    "call", "grow", "grow objects", "set", "fill", "copy", "init", "drop", "globals", "bytes", "memory grow", "log",
)  # fmt: skip
RUN: Final = "".join(
    f'(func (export "run {name}") (global.set $started (i32.const 1))'
    f" (loop (call {3 + at}) (br_if 0 (global.get $go))))"
    for at, name in enumerate(ACTIONS)
)


class Shared:
    """An instance of TABLES, what it was made with, and what Python may do with it while a thread runs in it."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.go = Global.new_mutable(Value.I32(1))
        self.instance = self.another()
        self.exports = self.instance.exports
        self.objects: list[Any] = [[0]]
        self.exports.objects[0] = self.objects[0]
        self.importer = importer("table", "object", "function")

    def another(self) -> Instance:
        return self.module.instantiate({"e": {"log": repr, "go": self.go}})

    def look(self) -> None:
        for table in (self.exports.table, self.exports.objects):
            for at in range(8):
                value = table[at]
                assert value is None or callable(value) or isinstance(value, list), value
        number = self.exports.number.value
        assert number >> 32 == number & 0xFFFFFFFF

    def collect(self) -> None:
        self.objects.append([self.objects, self.exports.object])
        gc.collect(0)

    def set_globals(self) -> None:
        value = self.exports.object.value
        assert value is None or isinstance(value, list), value
        self.exports.object.value = [2]
        assert self.exports.function.value() in (1, 2)

    def link(self) -> None:
        exports = self.exports
        self.importer.instantiate({"e": {"0": exports.table, "1": exports.object, "2": exports.one}})

    def view(self) -> None:
        with memoryview(self.exports.memory) as view:
            assert len(view) % 65536 == 0 and view[-1] == 0

    def acts(self) -> dict[str, Callable[[], object]]:
        """By name."""
        exports = self.exports
        return {
            "look": self.look,
            "iterate": lambda: [list(exports.table), list(exports.objects)],
            "set": lambda: exports.table.set(3, exports.one),
            "set an object": lambda: exports.objects.set(0, [1]),
            "grow": lambda: exports.table.grow(100, exports.one),
            "set globals": self.set_globals,
            "collect": self.collect,
            "link": self.link,
            "another": lambda: self.another().exports.one(),
            "call": exports.one,
            "close": self.instance.close,
            "close the memory": exports.memory.close,
            "view": self.view,
            "points": lambda: self.instance.core.points_used,
        }


REFUSED: Final = frozenset(("set", "set an object", "grow", "set globals", "link", "call", "close"))
"""What waits for the thread that runs; of the globals it is the function, which is called."""


@isolated(environment=FREED, timeout=300)
def test_what_code_does_and_what_python_does_meanwhile() -> None:
    """Every pair, with the smallest switch interval: each side gets its way, or is told why not."""
    sys.setswitchinterval(1e-6)
    for backend in BACKENDS:
        module = compile(TABLES.replace("RUN", RUN), backend=backend, config=RELEASED)
        for name in ACTIONS:
            for act in Shared(module).acts():
                shared = Shared(module)
                other = shared.acts()[act]
                refused = 0

                def meanwhile() -> None:
                    nonlocal refused
                    try:
                        while not shared.exports.started.value:
                            time.sleep(0)
                        for _ in range(30):
                            try:
                                other()
                            except (WasmError, ValueError) as error:
                                assert "running" in str(error) or "closed" in str(error), error
                                refused += 1
                    finally:
                        shared.go.value = 0

                failures = run_all(lambda: shared.exports[f"run {name}"](), meanwhile)
                closed = act == "close the memory"
                assert not failures or (closed and all(isinstance(failure, Trap) for failure in failures)), (
                    name,
                    act,
                    failures,
                )
                assert closed or refused == (30 if act in REFUSED else 0), (name, act, refused)
                assert shared.exports.one() == 1 and shared.exports.table[0]() in (1, 2)


# --- who goes meanwhile ----------------------------------------------------------------------------------------------


@isolated(environment=FREED)
def test_a_function_whose_owner_goes_while_its_name_is_looked_for() -> None:
    """Finding it runs Python code, and so any thread; a slot that lets go of the instance was its last owner."""
    module = compile(PART)
    holder = part_of(module)

    def forget(*_: object) -> None:
        holder.exports.table[0] = None
        holder.exports.function.value = None
        gc.collect()
        fill_what_was_freed()

    for look in (lambda: holder.exports.table[0], lambda: holder.exports.function.value):
        part = part_of(module)
        holder.exports.table[0] = part.exports.one
        holder.exports.function.value = part.exports.one
        gone = weakref.ref(part)
        del part
        gc.collect()
        machine.configure(function_name=forget)
        function = look()
        machine.configure(function_name=_name_or_none)
        assert function() == 1 and holder.exports.table[0] is None
        del function
        gc.collect()
        assert gone() is None


@isolated(environment=FREED)
def test_a_thread_that_ends_with_greenlets_in_webassembly_leaves_their_instances_to_nobody() -> None:
    """The next thread must not be taken for it: it is another stack."""
    try:
        import greenlet
    except ImportError:
        return
    module = compile(PART)
    left: list[Any] = []

    def leave() -> None:
        instance = part_of(module, lambda: greenlet.getcurrent().parent.switch())
        inner = greenlet.greenlet(instance.exports.host)
        inner.switch()
        left.append((instance, inner))

    def call() -> None:
        for instance, _ in left:
            assert "another thread" in str(raises(WasmError, instance.exports.one))

    for _ in range(50):
        for target in (leave, call):
            assert not run_all(target)


@isolated()
def test_a_thread_that_ends_with_greenlets_in_webassembly_runs_no_more() -> None:
    """What it left holds nothing up: a memory that is closed gives its pages back, as no code runs."""
    try:
        import greenlet
    except ImportError:
        return
    module = compile(PART, config=CompilerConfig(release_gil=True))
    left: list[Any] = []

    def leave() -> None:
        instance = part_of(module, lambda: greenlet.getcurrent().parent.switch())
        inner = greenlet.greenlet(instance.exports.host)
        inner.switch()
        left.append((instance, inner))

    def resident_pages_once_closed() -> int:
        memory = Memory(16)
        memory.write(0, b"x" * len(memory))
        found = (ctypes.c_ubyte * (len(memory) >> 12))()
        memory.close()
        assert not ctypes.CDLL(None).mincore(ctypes.c_void_p(memory.address), ctypes.c_size_t(len(found) << 12), found)
        return sum(byte & 1 for byte in found)

    for _ in range(5):
        assert not run_all(leave)
        while len(os.listdir("/proc/self/task")) > 1:  # it has ended for Python, and soon for the system
            time.sleep(0.001)
        assert not resident_pages_once_closed()
    inner = greenlet.greenlet(part_of(module, lambda: greenlet.getcurrent().parent.switch()).exports.host)
    inner.switch()
    assert not resident_pages_once_closed(), "this thread's own code waits for this"
