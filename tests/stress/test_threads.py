"""Threads: one instance is for one at a time, different ones run; and the end of the interpreter."""

# ruff: noqa: B023  # what a loop binds is used in that round only

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
import time
from typing import Any

from tests.stress.isolated import isolated, raises, random_numbers, scaled
from tests.stress.test_calls_within_calls import PING
from wasmer_runtime import (
    CompilerConfig,
    ElementType,
    Memory,
    Table,
    TableDescriptor,
    compile,
    instantiate,
)
from wasmer_runtime.error import RuntimeError as WasmError
from wasmer_runtime.error import Timeout, Trap
from wasmer_runtime_core.native.machine import statistics

LOOP = """(module
  (import "h" "f" (func $f))
  (memory (export "memory") 1 1000)
  (table (export "table") 1 funcref)
  (func (export "spin") (loop (br 0)))
  (func (export "count") (param $n i64) (result i64) (local $at i64)
    (loop $again
      (local.set $at (i64.add (local.get $at) (i64.const 1)))
      (br_if $again (i64.lt_u (local.get $at) (local.get $n))))
    (local.get $at))
  (func (export "hosts") (loop (call $f) (br 0)))
  (func (export "host") (call $f))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "trap") unreachable))"""

RELEASED = CompilerConfig(release_gil=True)


def loop(function: Any = lambda: None, released: bool = False) -> Any:
    module = compile(LOOP, config=RELEASED if released else None)
    return module.instantiate({"h": {"f": function}})


def run_all(*targets: Any) -> list[BaseException]:
    """Run these in threads; what they raised."""
    failures: list[BaseException] = []

    def guarded(target: Any) -> None:
        try:
            target()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


@isolated()
def test_two_at_once_on_one_instance_get_a_clear_error() -> None:
    for released in (False, True):
        inside, leave = threading.Event(), threading.Event()

        def wait() -> None:
            inside.set()
            leave.wait()

        instance = loop(wait, released)
        first = threading.Thread(target=instance.exports.host)
        first.start()
        inside.wait()
        for call in (instance.exports.host, lambda: instance.exports.count(1), lambda: instance.exports.table.grow(1)):
            assert "another thread" in str(raises(WasmError, call))
        linked = compile('(module (import "h" "f" (func)) (func (export "run") call 0))')
        try:
            relative = linked.instantiate({"h": {"f": instance.exports.host}})
            raises(WasmError, relative.exports.run)
        except WasmError as error:
            assert "thread" in str(error)
        assert loop().exports.count(10) == 10
        instance.exports.memory.read(0, 4)
        leave.set()
        first.join()
        assert instance.exports.count(3) == 3


@isolated()
def test_many_threads_on_a_few_instances() -> None:
    sys.setswitchinterval(1e-5)
    for released in (False, True):
        instances = [loop(lambda: time.sleep(0), released) for _ in range(3)]
        counts = {"ran": 0, "refused": 0}

        def work(seed: int) -> None:
            numbers = random_numbers()
            numbers.seed(seed)
            for _ in range(scaled(50_000)):
                exports = numbers.choice(instances).exports
                action = numbers.randrange(7)
                try:
                    if action == 0:
                        assert exports.count(100) == 100
                    elif action == 1:
                        exports.host()
                    elif action == 2:
                        exports.trap()
                    elif action == 3:
                        exports.grow()
                    elif action == 4:
                        exports.table[0] = numbers.choice(instances).exports.host
                    elif action == 5:
                        instances[numbers.randrange(3)] = loop_again(released)
                    else:
                        exports.memory.write(0, bytes(numbers.randrange(100)))
                    counts["ran"] += 1
                except Trap:
                    counts["ran"] += 1
                except WasmError as error:
                    assert "thread" in str(error), error
                    counts["refused"] += 1

        modules = {released: compile(LOOP, config=RELEASED if released else None)}

        def loop_again(released: bool) -> Any:
            return modules[released].instantiate({"h": {"f": lambda: time.sleep(0)}})

        failures = run_all(*[lambda seed=seed: work(seed) for seed in range(6)])
        assert not failures, failures
        assert counts["ran"] > 100
        gc.collect()


@isolated()
def test_deadlines_of_many_threads() -> None:
    from wasmer_runtime import timeout

    ends: list[float] = []

    def work() -> None:
        exports = loop(released=True).exports
        for _ in range(5):
            start = time.monotonic()
            with timeout(0.02):
                raises(Timeout, exports.spin)
            ends.append(time.monotonic() - start)
            assert exports.count(5) == 5

    assert not run_all(*[work] * 4)
    assert len(ends) == 20 and min(ends) >= 0.02


def timers() -> int:
    """How many this process has."""
    with open("/proc/self/timers") as file:
        return sum(line.startswith("ID:") for line in file)


@isolated()
def test_threads_that_come_and_go() -> None:
    """Each leaves what it had: its signal stack, its timer."""
    exports = loop().exports
    for _ in range(scaled(20_000)):
        thread = threading.Thread(target=lambda: exports.count(1))
        thread.start()
        thread.join()
    deadline = time.monotonic() + 60
    own = 2  # of this thread: for deadlines, and for the ticks of tiers
    while timers() > own and time.monotonic() < deadline:  # who is joined has left Python, and may not be gone yet
        time.sleep(0.01)
    assert timers() <= own
    with open("/proc/self/maps") as file:
        assert len(file.readlines()) < 1000


@isolated(prints="the end")
def test_daemon_threads_inside_wasm_when_the_interpreter_ends() -> None:
    for function, released in (("spin", True), ("hosts", True), ("hosts", False)):
        for _ in range(3):
            exports = loop(lambda: time.sleep(0.001), released).exports
            threading.Thread(target=exports[function], daemon=True).start()

    def again() -> None:
        inner = loop(released=True).exports
        loop(lambda: inner.spin()).exports.host()

    threading.Thread(target=again, daemon=True).start()
    time.sleep(0.2)
    print("the end")


@isolated(prints="went on")
def test_threads_that_still_run_when_main_has_ended() -> None:
    main = threading.main_thread()

    def work() -> None:
        exports = loop(lambda: None).exports
        main.join(0.3)
        for _ in range(100):
            exports.host()
            raises(Trap, exports.trap)
        print("went on")

    threading.Thread(target=work).start()


@isolated(prints="at exit")
def test_calls_at_exit_and_in_finalizers_of_modules() -> None:
    import atexit

    exports = instantiate(PING, {"host": {"pong": lambda left: left}}).exports

    class Late:
        def __del__(self) -> None:
            exports.ping(1)
            try:
                exports.trap(0)
            except BaseException:
                pass

    sys.modules["late"] = Late()  # type: ignore[assignment]
    globals()["late"] = Late()
    import builtins

    builtins.late = Late()  # type: ignore[attr-defined]

    def goodbye() -> None:
        raises(Trap, exports.trap, 1)
        instantiate(PING, {"host": {"pong": lambda left: left}}).exports.ping(1)
        print("at exit")

    atexit.register(goodbye)
    threading._register_atexit(lambda: raises(Trap, exports.trap, 1))  # type: ignore[attr-defined]


@isolated(ends=3)
def test_exit_from_a_host_function() -> None:
    def leave() -> None:
        os._exit(3)

    threading.Thread(target=lambda: loop(lambda: time.sleep(1)).exports.host(), daemon=True).start()
    loop(leave).exports.host()


@isolated(ends=4)
def test_sys_exit_through_wasm() -> None:
    loop(lambda: sys.exit(4)).exports.host()


@isolated(ends=-signal.SIGABRT)
def test_abort_in_a_host_function() -> None:
    loop(os.abort).exports.host()


@isolated()
def test_sub_interpreters_are_refused_and_leave_the_main_one_whole() -> None:
    """Those with a GIL of their own and those without; wherever in the packages they begin."""
    interpreters = importlib.import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
    instance = loop()
    readable, writable = os.pipe()
    for first in ("wasmer_runtime; wasmer_runtime.instantiate('(module)')", "wasmer_singlepass_backend.compiler"):
        for own_gil in (True, False):
            if sys.version_info >= (3, 13):
                number, run = interpreters.create("isolated" if own_gil else "legacy"), interpreters.exec
            else:
                number, run = interpreters.create(isolated=own_gil), interpreters.run_string
            script = (
                f"import os, sys; sys.path[:] = {sys.path!r}\n"
                f"try: import {first}\n"
                f"except ImportError as error: os.write({writable}, str(error).encode())\n"
                f"else: os.write({writable}, b'nobody refused')\n"
            )
            run(number, script)
            assert "works in the main interpreter only" in os.read(readable, 1000).decode()
            interpreters.destroy(number)
            assert instance.exports.count(3) == 3 and loop().exports.count(4) == 4
            raises(Trap, instance.exports.trap)


@isolated()
def test_a_memory_of_two_threads() -> None:
    """One writes and grows, one reads views; nothing moves under them."""
    memory = Memory(1, 2000)
    module = compile(
        '(module (import "h" "m" (memory 1)) (func (export "grow") (result i32) (memory.grow (i32.const 1))))'
    )
    exports = module.instantiate({"h": {"m": memory}}).exports
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            view = memoryview(memory)
            assert view[0] == 0 and view[-1] == 0
            memory.read(len(memory) - 8, 8)
            memory.view("u64")[-1] = 0

    def grow() -> None:
        for _ in range(1000):
            exports.grow()
            time.sleep(0)
        stop.set()

    assert not run_all(read, read, grow)
    assert memory.pages == 1001


@isolated()
def test_types_that_come_and_go() -> None:
    """Function types live as long as what declares them, and mean the same to whoever can meet them.

    Threads make and drop modules of few types, so that each type is often gone and made anew. A table carries a
    function past the life of the module that declared its type; callers of that type find it, others do not.
    """
    types = [" ".join(("i32", "i64")[number >> at & 1] for at in range(3)) for number in range(8)]
    before = statistics()["signatures"]

    def work(seed: int) -> None:
        random = random_numbers()
        random.seed(seed)
        for _ in range(scaled(2_000)):
            ours, other = random.sample(types, 2)
            table = Table(TableDescriptor(ElementType.FUNCREF, 1))
            provider = instantiate(
                f"""(module (import "t" "t" (table 1 funcref)) (elem (i32.const 0) $f)
              (func $f (param {ours}) (result i32) (i32.const {seed})))""",
                {"t": {"t": table}},
            )
            host = instantiate(
                f"""(module (import "h" "h" (func $h (param {ours}) (result i32)))
              (table (export "t") 1 funcref) (elem (i32.const 0) $h))""",
                {"h": {"h": lambda *_: seed}},
            ).exports.t
            del provider
            for carrier in (table, host):
                for wanted in (ours, other):
                    arguments = " ".join(f"({name}.const 0)" for name in wanted.split())
                    caller = instantiate(
                        f"""(module (import "t" "t" (table 1 funcref))
                      (type $wanted (func (param {wanted}) (result i32)))
                      (func (export "call") (result i32)
                        (call_indirect (type $wanted) {arguments} (i32.const 0))))""",
                        {"t": {"t": carrier}},
                    )
                    try:
                        assert caller.exports.call() == seed and wanted == ours
                    except Trap as trap:
                        assert trap.kind == "INDIRECT_CALL_TYPE_MISMATCH" and wanted == other, trap.kind
            function = carrier[0]
            del host, table, carrier, caller
            assert function(0, 0, 0) == seed

    assert run_all(*[lambda seed=seed: work(seed) for seed in range(4)]) == []
    gc.collect()
    assert statistics()["signatures"] == before
