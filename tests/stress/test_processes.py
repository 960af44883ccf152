"""Other processes, and what an operating system may refuse: fork, pools, little address space, many instances."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from tests.stress.isolated import isolated, raises, random_numbers
from tests.stress.test_threads import loop
from wasmer_runtime import CompilerConfig, ElementType, Memory, Table, TableDescriptor, compile, instantiate
from wasmer_runtime.error import Error, MemoryGrowError, Timeout, Trap, UnableToCreateMemory
from wasmer_runtime.error import RuntimeError as WasmError
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running import ctx as vm
from wasmer_runtime_core.running.backtrace import annotate
from wasmer_runtime_core.running.internal_fields import InternalField

SUM = """(module
  (memory (export "memory") 1)
  (func (export "fill") (param i32 i32) (memory.fill (i32.const 0) (local.get 0) (local.get 1)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "trap") unreachable)
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"""


def add(module: Any, a: int, b: int) -> int:
    return int(module.instantiate().exports.add(a, b))


def trap(module: Any) -> None:
    module.instantiate().exports.trap()


@isolated()
def test_modules_in_process_pools() -> None:
    module = compile(SUM)
    instance = module.instantiate()
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(add, [module] * 20, range(20), range(20))) == [2 * n for n in range(20)]
            error = pool.submit(trap, module).exception()
            assert isinstance(error, Trap) and error.kind == "UNREACHABLE" and error.frames
            refused = pool.submit(len, instance.exports.memory)  # memories stay where they are
            assert isinstance(refused.exception(), (TypeError, AttributeError, pickle.PicklingError))
    assert instance.exports.add(1, 2) == 3


def in_child(scenario: Any) -> int:
    """The exit code of a forked child that runs this."""
    child = os.fork()
    if child == 0:
        try:
            scenario()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@isolated()
def test_fork_while_instances_live() -> None:
    instances = [instantiate(SUM) for _ in range(50)]
    for instance in instances:
        instance.exports.fill(7, 65536)
    view = memoryview(instances[0].exports.memory)

    def use_all() -> None:
        for instance in instances:
            assert instance.exports.load(100) == 7
            instance.exports.fill(9, 65536)
            raises(Trap, instance.exports.trap)
            raises(Trap, instance.exports.load, -1)
            instance.exports.memory.grow(1)
        assert view[5] == 9
        instances.clear()
        gc.collect()
        fresh = instantiate(SUM)
        assert fresh.exports.load(0) == 0
        assert in_child(lambda: raises(Trap, fresh.exports.trap)) == 0

    assert in_child(use_all) == 0
    assert all(instance.exports.load(100) == 7 for instance in instances)


@isolated()
def test_fork_inside_a_host_function() -> None:
    """Both processes come back through the WebAssembly frames."""
    parent = os.getpid()
    codes: list[int] = []

    def fork() -> None:
        child = os.fork()
        if child:
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    exports = loop(fork).exports
    exports.host()
    raises(Trap, exports.trap)
    if os.getpid() != parent:
        os._exit(5)
    assert codes == [5]


@isolated()
def test_fork_while_other_threads_run() -> None:
    running = [loop(lambda: time.sleep(0.001), released) for released in (False, True)]
    for instance in running:
        threading.Thread(target=instance.exports.hosts, daemon=True).start()
    time.sleep(0.05)
    mine = instantiate(SUM)

    def use() -> None:
        assert mine.exports.add(1, 2) == 3
        for instance in running:
            raises(Error, instance.exports.host)  # whoever ran it is not in this process
        instantiate(SUM).exports.memory.grow(1)
        raises(Trap, mine.exports.trap)

    for _ in range(20):
        assert in_child(use) == 0
    os._exit(0)


@isolated()
def test_twenty_thousand_live_instances() -> None:
    small = compile('(module (func (export "one") (result i32) i32.const 1) (global (mut i32) (i32.const 1)))')
    live = [small.instantiate() for _ in range(20_000)]
    assert all(instance.exports.one() == 1 for instance in live)
    live.clear()
    gc.collect()
    # 128 TiB of address space hold some 16,000 memories; there may also be a limit on mappings.
    with_memory = compile(SUM)
    refused: Any = None
    try:
        while len(live) < 40_000:
            live.append(with_memory.instantiate())
    except UnableToCreateMemory as error:
        refused = str(error)
    assert len(live) >= 10_000, (len(live), refused)
    assert refused and "address space" in refused, refused
    numbers = random_numbers()
    for instance in numbers.sample(live, 500):
        assert instance.exports.load(65535) == 0
        raises(Trap, instance.exports.load, 65536)
    with_memory = None  # type: ignore[assignment]
    del live[::2]
    gc.collect()
    live += [compile(SUM).instantiate() for _ in range(10)]
    assert live[-1].exports.load(1) == 0


@isolated()
def test_memories_grow_to_the_maximum() -> None:
    memory = Memory(0, 65536)
    assert memory.grow(65535) == 0 and memory.grow(1) == 65535
    raises(MemoryGrowError, memory.grow, 1)
    assert len(memory) == 2**32
    memory[2**32 - 1] = 5
    view = memoryview(memory)
    assert view[2**32 - 1] == 5 and memory.view("u64")[2**29 - 1] == 5 << 56
    module = compile(
        '(module (import "h" "m" (memory 1))'
        ' (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))'
        ' (func (export "far") (param i32) (result i32) (i32.load8_u offset=4294967295 (local.get 0)))'
        ' (func (export "wide") (param i32) (result i64) (i64.load offset=4294967295 (local.get 0)))'
        ' (func (export "vector") (param i32) (result v128) (v128.load offset=4294967295 (local.get 0)))'
        ' (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))'
        ' (func (export "size") (result i32) (memory.size)))'
    )
    exports = module.instantiate({"h": {"m": memory}}).exports
    assert exports.load(-1) == 5 and exports.far(0) == 5 and exports.size() == 65536
    assert exports.grow(1) == -1 and exports.grow(-1) == -1 and exports.grow(0) == 65536
    for name in ("far", "wide", "vector"):
        for at in (-1, 2**31, 1):
            raises(Trap, exports[name], at)
    table = Table(TableDescriptor(ElementType.EXTERNREF, 0))
    raises(Error, table.grow, 2**31)


@isolated()
def test_little_address_space() -> None:
    """Bounds checks where no address space can be reserved; or an error that says so."""
    reserved = compile(SUM)
    used = int(open("/proc/self/statm").read().split()[0]) * 4096
    for room in (3 << 30, 1 << 30, 256 << 20):
        assert in_child(lambda room=room: with_little(used + room, reserved)) == 0


def with_little(limit: int, reserved: Any) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    assert "address space" in str(raises(UnableToCreateMemory, lambda: [reserved.instantiate() for _ in range(100)]))
    module = compile(SUM)
    instances = [module.instantiate() for _ in range(100)]
    numbers = random_numbers()
    for round in range(300):
        exports = numbers.choice(instances).exports
        view = memoryview(exports.memory) if round % 3 == 0 else None
        try:
            exports.memory.grow(numbers.randrange(20))
        except MemoryGrowError:
            pass
        length = len(exports.memory)
        exports.fill(round & 255, length)
        assert exports.load(length - 1) == round & 255
        for at in (length, -1, 2**31):
            raises(Trap, exports.load, at)
        raises(Trap, exports.fill, 1, length + 1)
        if view is not None:
            assert view[0] == round & 255
    raises(Error, Memory, 65536)
    raises(MemoryGrowError, Memory(1, 65536).grow, 65535)
    instances.clear()
    gc.collect()
    hold: list[Any] = []
    raises((MemoryError, Error), lambda: [hold.append((module.instantiate(), Memory(64))) for _ in range(100_000)])
    hold.clear()
    assert module.instantiate().exports.add(1, 1) == 2


@isolated()
def test_memory_runs_out_at_every_moment() -> None:
    """Allocations of Python fail one after the other: MemoryError, never a crash."""
    try:
        from _testcapi import remove_mem_hooks, set_nomemory
    except ImportError:
        return
    module = compile(SUM)
    exports = module.instantiate().exports
    failed = 0
    for start in range(400):
        for action in (
            module.instantiate,
            lambda: exports.add(1, 2**31),
            lambda: exports.load(-1),
            lambda: exports.add("x", 1),
            lambda: exports.memory.grow(70000),
            lambda: exports.memory.read(0, 1000),
        ):
            set_nomemory(start, start + 1)
            try:
                action()
            except MemoryError:
                failed += 1
            except Exception:
                pass
            finally:
                remove_mem_hooks()
    assert failed > 20
    assert exports.add(1, 2) == 3


@isolated()
def test_few_file_descriptors_and_a_stack_without_limit() -> None:
    hold = []
    try:
        while True:
            hold.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(loop().exports.count(3)))
    for fd in hold[:50]:  # imports need some
        os.close(fd)
    loop()
    for _ in range(60):
        try:
            os.open("/dev/null", os.O_RDONLY)
        except OSError:
            break
    thread.start()
    thread.join()
    exports = loop().exports
    raises((Trap, OSError), exports.trap)
    for fd in hold[50:]:
        os.close(fd)
    raises(Trap, exports.trap)


@isolated()
def test_stacks_of_every_size() -> None:
    import shlex
    import subprocess
    import sys

    program = (
        "from wasmer_runtime import instantiate\n"
        "from wasmer_runtime.error import Trap\n"
        "import sys\n"
        "sys.setrecursionlimit(10**8)\n"
        'text = \'(module (import "h" "f" (func)) (func $r (export "r") (call $r)) (func (export "h") (call 0)))\'\n'
        'm = instantiate(text, {"h": {"f": lambda: m.exports.h()}})\n'
        "for name in 'rhrh':\n"
        "    try: m.exports[name]()\n"
        "    except (Trap, RecursionError) as error: print(error)\n"
    )
    for limit in ("256", "512", "1024", "8192", "200000", "unlimited"):
        command = f"ulimit -S -s {limit} || exit 77; exec {shlex.quote(sys.executable)} -c {shlex.quote(program)}"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
        if done.returncode == 77:  # the hard limit is lower
            continue
        assert done.returncode == 0, (limit, done.returncode, done.stderr[-2000:])
        lines = done.stdout.splitlines()
        assert len(lines) == 4 and all("stack" in line for line in lines[::2]), (limit, done.stdout)
        of_c_calls = "recursion" if sys.version_info >= (3, 12) else "stack"  # Python's own limit, which nothing lifts
        assert all("stack" in line or of_c_calls in line for line in lines[1::2]), (limit, done.stdout)


SPIN = """(module (import "h" "f" (func $f))
  (func (export "run") (call $f) (loop (br 0)))
  (func (export "spin") (loop (br 0)))
  (func (export "fail") unreachable))"""


@isolated()
def test_a_child_of_fork_in_the_midst_of_code_lets_others_have_their_turn() -> None:
    """What must end there waits for the GIL, which the code that the child goes on with has. It gets it until its call
    has ended, what Python does for that included (here for so long that it is asked for the GIL itself), not longer."""
    released = compile(SPIN, config=CompilerConfig(release_gil=True)).instantiate({"h": {"f": lambda: None}})

    def end_in_time() -> None:
        while True:
            try:
                released.exports.spin(timeout=2)
            except Timeout:
                os._exit(7)  # Python looks for who waits nowhere in between
            except WasmError:
                pass  # the other thread was in there that moment

    def annotate_slowly(*of: Any) -> None:
        until = time.monotonic() + 10 * sys.getswitchinterval()
        while time.monotonic() < until:
            pass
        annotate(*of)

    def host() -> None:
        child = os.fork()
        if child == 0:
            signal.alarm(120)
            threading.Thread(target=end_in_time).start()
            while "another thread" not in str(raises(WasmError, released.exports.fail)):
                time.sleep(0.001)  # until the thread is in there
            machine.configure(annotate=annotate_slowly)
            return  # to code that never ends
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        raise ArithmeticError

    codes: list[int] = []
    raises(ArithmeticError, instantiate(SPIN, {"h": {"f": host}}).exports.run)
    assert codes == [7]


@isolated()
def test_locks_are_free_in_a_child_whoever_had_them() -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with vm._first_field:
            held.set()
            done.wait()

    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    field = InternalField.allocate()

    def use() -> None:
        signal.alarm(60)
        instance = instantiate(SUM)
        instance.set_internal(field, 3)
        assert instance.get_internal(field) == 3

    assert in_child(use) == 0
    done.set()
