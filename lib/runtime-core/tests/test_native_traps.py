"""Traps: every kind, the functions that ran, deep stacks, threads, and neighbours such as faulthandler."""

from __future__ import annotations

import ctypes
import gc
import mmap
import random
import signal
import subprocess
import sys
import threading
from array import array
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from machine_code import Program, function_type

from wasmer_runtime_core.contract.traps import BY_NAME, SITE_RANGE, TRAP_KINDS
from wasmer_runtime_core.contract.vmctx import VMCTX
from wasmer_runtime_core.errors import FaultError, Trap
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.running.objects.functions import Function, HostFunction


@pytest.mark.parametrize("kind", TRAP_KINDS, ids=lambda kind: kind.name)
def test_every_kind_becomes_a_trap(kind: Any) -> None:
    program = Program()
    program.function("fail", "i32", "", "unreachable")
    function = program.instance(trap=kind.name).exports["fail"]
    for _ in range(3):
        with pytest.raises(Trap) as caught:
            function(1)
        trap = caught.value
        assert (trap.message, trap.kind, trap.trap_info) == (kind.message, kind.name, kind.group)
        assert [(frame.function_index, frame.function_name, frame.offset) for frame in trap.frames] == [
            (0, "fail", 0x1004)
        ]


def test_division() -> None:
    program = Program()
    program.function("div", "i32 i32", "i32", "divide")
    div = program.instance().exports["div"]
    assert div(100, -7) == -14
    for _ in range(100):
        with pytest.raises(Trap, match="integer divide by zero"):
            div(1, 0)
    assert div(9, 3) == 3


def test_memory_accesses_out_of_bounds() -> None:
    program = Program()
    program.memory(1)
    for offset in (0, 0x7FFF_FFFF):
        program.function(f"load{offset}", "i32", "i32", "load", offset=offset)
    exports = program.instance().exports
    exports["memory"].write(65532, b"\1\2\3\4")
    assert exports["load0"](65532) == 0x04030201
    for at in (65533, 65536, 2**31, 2**32 - 1, 2**32 - 4):
        with pytest.raises(Trap, match="out of bounds memory access"):
            exports["load0"](at)
    with pytest.raises(Trap, match="out of bounds memory access"):
        exports["load2147483647"](2**32 - 1)


def test_registers_are_restored_whatever_the_code_did_to_them() -> None:
    program = Program()
    program.function("clobber", "", "", "clobber")
    clobber = program.instance().exports["clobber"]

    def many(a: int, b: float, c: list[int]) -> tuple[int, float, list[int]]:
        for _ in range(200):
            with pytest.raises(Trap):
                clobber()
        return a, b, c

    assert many(1, 2.5, [3]) == (1, 2.5, [3])


def test_the_trap_lists_functions_of_all_instances_and_of_host_calls_between() -> None:
    inner = Program()
    inner.info.module_name = "inner"
    inner.function("fail", "", "", "unreachable")
    fail = inner.instance().exports["fail"]
    middle = Program()
    middle.info.function_names = {1: "middle_one"}
    middle.call_import("run", middle.import_function("f", ""))
    run = middle.instance([fail]).exports["run"]
    outer = Program()
    outer.info.module_name = "outer"
    outer.call_import("main", outer.import_function("f", ""))
    main = outer.instance([HostFunction(lambda: run(), function_type(""), "env", "f")]).exports["main"]
    with pytest.raises(Trap) as caught:
        main()
    assert [str(frame) for frame in caught.value.frames] == [
        "inner!fail (function 0, at byte 0x1004)",
        "middle_one (function 1, at byte 0x1014)",
        "outer!main (function 1, at byte 0x1014)",
    ]


def frames_with(*inlined: tuple[int, int, int, int, int]) -> list[tuple[int, int]]:
    """(function, offset) of the frames of a trap at byte 4 of the code, with such rows of inlined calls."""
    program = Program()
    program.function("fail", "i32", "", "unreachable")
    module = program.module()
    rows = array("I", [word for row in inlined for word in row]).tobytes()
    module = Module(module.info, module.compiled._replace(inlined=rows))
    with pytest.raises(Trap) as caught:
        module.instantiate({}).exports["fail"](1)
    return [(frame.function_index, frame.offset) for frame in caught.value.frames]


def test_inlined_calls_have_frames_of_their_own() -> None:
    assert frames_with((0, 3, 7, 50, 0), (5, 9, 8, 60, 0)) == [(0, 0x1004)]
    assert frames_with((0, 3, 7, 50, 0), (4, 5, 8, 60, 0)) == [(8, 0x1004), (0, 60)]
    assert frames_with((0, 9, 7, 50, 0), (1, 6, 8, 60, 1), (2, 3, 9, 70, 1), (3, 4, 6, 80, 2)) == [
        (8, 0x1004),
        (7, 60),
        (0, 50),
    ]
    assert frames_with((4, 5, 7, 50, 0), (4, 5, 8, 60, 1), (5, 6, 9, 70, 0)) == [(8, 0x1004), (7, 60), (0, 50)]


def test_damaged_rows_of_inlined_calls_are_harmless() -> None:
    big = 2**32 - 1
    assert frames_with((0, big, big, big, big)) == [(big, 0x1004), (0, big)]
    assert len(frames_with(*((0, big, 5, at, 1) for at in range(500)))) == 64
    random.seed(5)
    for _ in range(300):
        draw = [[random.choice((0, 1, 3, 4, 5, 9, big)) for _ in range(5)] for _ in range(random.randint(1, 9))]
        assert 1 <= len(frames_with(*draw)) <= 10  # type: ignore[arg-type]


def test_faults_that_no_table_lists_are_our_bug_and_say_so() -> None:
    program = Program()
    program.function("odd", "", "", "unlisted")
    odd = program.instance().exports["odd"]
    with pytest.raises(FaultError, match=r"signal 4 at code offset 0x4.*no trap that the table of sites lists"):
        odd()
    with pytest.raises(FaultError, match="in odd"):
        odd()


# --- what a fault means ---------------------------------------------------------------------


def loader(sites: list[int] | None = None) -> tuple[Any, int]:
    """A function that reads any address, which the table lists as an access of a memory; and where the memory is."""
    program = Program()
    program.memory(1)
    program.function("load", "i64", "i64", "load_from")
    program.function("base", "", "i64", "get_global", cell=VMCTX["memory_base"].offset)
    module = program.module()
    if sites is not None:
        module = Module(module.info, module.compiled._replace(sites=array("I", sites).tobytes()))
    exports = module.instantiate({}).exports
    exports["memory"].write(0, bytes(range(8)))
    return exports["load"], exports["base"]()


RANGE = [0, BY_NAME["MEMORY_OUT_OF_BOUNDS"].number | SITE_RANGE, 0x1000]
"""A table of sites like llvm's: all of the code may be an access of a memory."""


@pytest.mark.parametrize("sites", [None, RANGE], ids=["a site", "a range"])
def test_a_fault_is_an_access_out_of_bounds_if_it_is_in_a_memory(sites: list[int] | None) -> None:
    load, base = loader(sites)
    assert load(base) == 0x0706050403020100
    for distance in (65529, 65536, 2**32, 2**33 - 8, 2**33):
        with pytest.raises(Trap) as caught:
            load(base + distance)
        assert caught.value.kind == "MEMORY_OUT_OF_BOUNDS"


@pytest.mark.parametrize("sites", [None, RANGE], ids=["a site", "a range"])
@pytest.mark.parametrize("address", [0, 8, 4096, 2**47 - 4096, 2**47, 2**62, -(2**63), -8, -1])
def test_a_fault_elsewhere_is_a_bug(sites: list[int] | None, address: int) -> None:
    """No address, those that no program has, and those that are none (not canonical)."""
    load, base = loader(sites)
    with pytest.raises(FaultError, match=r"signal (7|11) at code offset 0x4, address .*, is no trap that the table"):
        load(address)
    assert load(base) == 0x0706050403020100


def test_a_fault_in_another_mapping_is_a_bug() -> None:
    load, _ = loader()
    mapping = mmap.mmap(-1, 4096)
    held = ctypes.c_char.from_buffer(mapping)
    address = ctypes.addressof(held)
    assert load(address) == 0
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 0)
    with pytest.raises(FaultError):
        load(address)


def stack_of_this_thread() -> int:
    """Its lowest address."""
    libc, attributes = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    low, size = ctypes.c_void_p(), ctypes.c_size_t()
    libc.pthread_self.restype = ctypes.c_void_p
    assert not libc.pthread_getattr_np(ctypes.c_void_p(libc.pthread_self()), attributes)
    assert not libc.pthread_attr_getstack(attributes, ctypes.byref(low), ctypes.byref(size))
    assert low.value
    return low.value


def test_a_fault_at_the_end_of_the_stack_is_a_stack_overflow() -> None:
    found: list[BaseException | None] = []

    def work() -> None:
        load, _ = loader(RANGE)
        low = stack_of_this_thread()
        for address in (low - 8, low - 4096):
            try:
                load(address)
            except (Trap, FaultError) as error:
                found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [error.kind for error in found if isinstance(error, Trap)] == ["STACK_OVERFLOW"] * 2


def test_a_listed_instruction_traps_only_if_it_is_made_to() -> None:
    for kind in TRAP_KINDS:
        program = Program()
        program.function("halt", "", "", "halt")
        with pytest.raises(Trap) as caught:
            program.instance(trap=kind.name).exports["halt"]()
        assert caught.value.kind == kind.name
    program = Program()
    program.function("div", "i32 i32", "i32", "divide")
    module = program.module()
    rows = array("I", module.compiled.sites)
    rows[1] = BY_NAME["MEMORY_OUT_OF_BOUNDS"].number
    module = Module(module.info, module.compiled._replace(sites=rows.tobytes()))
    with pytest.raises(FaultError, match="signal 8"):
        module.instantiate({}).exports["div"](1, 0)


def in_thread(work: Callable[[], None], size: int) -> None:
    """Run it in a thread with a stack of that size."""
    before = threading.stack_size(size)
    try:
        thread = threading.Thread(target=work)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()


def test_arguments_that_the_stack_has_no_room_for() -> None:
    found: list[object] = []
    program = Program()
    program.function("many", "v128 " * 2000, "", "nothing")
    program.function("few", "v128 " * 100, "", "nothing")
    exports = program.instance().exports

    def work() -> None:
        found.append(exports["few"](*[0] * 100))
        try:
            exports["many"](*[0] * 2000)
        except Trap as trap:
            found.append(trap.kind)

    in_thread(work, 128 * 1024)  # of which 32 are for wasm
    assert found == [None, "STACK_OVERFLOW"]


def deep() -> Instance:
    program = Program()
    program.function("recurse", "", "", "recurse")
    program.function("unchecked", "", "", "recurse_unchecked")
    return program.instance()


def test_stack_overflow_by_the_check_in_the_prologue() -> None:
    recurse = deep().exports["recurse"]
    for _ in range(5):
        with pytest.raises(Trap, match="call stack exhausted") as caught:
            recurse()
    assert len(caught.value.frames) == 64
    assert caught.value.frames[0].offset == 0x1013 and caught.value.frames[5].offset == 0x1011


def test_stack_overflow_by_the_guard_page() -> None:
    unchecked = deep().exports["unchecked"]
    for _ in range(5):
        with pytest.raises(Trap, match="call stack exhausted"):
            unchecked()


def test_stack_overflow_in_threads() -> None:
    instance, found = deep(), []

    def work() -> None:
        for name in ("recurse", "unchecked", "recurse"):
            try:
                instance.exports[name]()
            except Trap as trap:
                found.append(trap.kind)

    for size in (0, 256 * 1024, 16 << 20):
        in_thread(work, size)
    assert found == ["STACK_OVERFLOW"] * 9


def test_recursion_through_the_host_ends_in_an_exception() -> None:
    program = Program()
    program.call_import("run", program.import_function("f", ""))
    run: Function

    def host() -> None:
        run()

    run = program.instance([HostFunction(host, function_type(""), "env", "f")]).exports["run"]
    for limit in (500, 200_000):
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(limit)
        try:
            with pytest.raises((RecursionError, Trap)):
                run()
        finally:
            sys.setrecursionlimit(before)


def test_a_store_is_usable_after_every_kind_of_end() -> None:
    program = Program()
    index = program.import_function("f", "")
    program.call_import("run", index)
    program.function("add", "i32 i32", "i32", "add")
    program.function("fail", "", "", "unreachable")
    ends: list[Any] = [ValueError("x"), None]

    def host() -> None:
        if ends[0] is not None:
            raise ends[0]

    exports = program.instance([HostFunction(host, function_type(""), "env", "f")]).exports
    for _ in range(10):
        for end in (ValueError("x"), KeyboardInterrupt(), None):
            ends[0] = end
            if end is None:
                exports["run"]()
            else:
                with pytest.raises(type(end)):
                    exports["run"]()
            with pytest.raises(Trap):
                exports["fail"]()
            assert exports["add"](1, 2) == 3


def test_a_trap_caught_in_a_host_function_leaves_the_outer_call_running() -> None:
    program = Program()
    program.function("fail", "", "", "unreachable")
    fail = program.instance().exports["fail"]

    def host(value: int) -> int:
        with pytest.raises(Trap):
            fail()
        return value + 1

    outer = Program()
    outer.call_import("run", outer.import_function("f", "i32", "i32"))
    run = outer.instance([HostFunction(host, function_type("i32", "i32"), "env", "f")]).exports["run"]
    assert [run(number) for number in range(20)] == list(range(1, 21))


# --- threads ----------------------------------------------------------------------------------


def test_threads_trap_at_once_in_instances_of_their_own() -> None:
    program = Program()
    program.memory(1)
    program.function("load", "i32", "i32", "load", offset=0)
    program.function("div", "i32 i32", "i32", "divide")
    program.release_gil = True
    module = program.module()
    counts: dict[int, int] = {}

    def work(number: int) -> None:
        exports, count = Instance(module, []).exports, 0
        for at in range(500):
            try:
                exports["load"](100_000 + at)
            except Trap as trap:
                count += trap.kind == "MEMORY_OUT_OF_BOUNDS"
            try:
                exports["div"](at, 0)
            except Trap as trap:
                count += trap.kind == "INTEGER_DIVIDE_BY_ZERO"
            count += exports["div"](at, 1) == at
        counts[number] = count

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == dict.fromkeys(range(4), 1500)


@pytest.mark.parametrize("release", [False, True])
def test_two_threads_in_one_instance_get_a_clear_error(release: bool) -> None:
    entered, leave = threading.Event(), threading.Event()

    def host() -> None:
        entered.set()
        assert leave.wait(30)

    program = Program()
    program.release_gil = release
    program.call_import("wait", program.import_function("f", ""))
    program.function("add", "i32 i32", "i32", "add")
    exports = program.instance([HostFunction(host, function_type(""), "env", "f")]).exports
    thread = threading.Thread(target=exports["wait"])
    thread.start()
    assert entered.wait(30)
    with pytest.raises(RuntimeError, match="another thread is running this instance"):
        exports["add"](1, 2)
    linked = Program()
    linked.call_import("run", linked.import_function("f", "i32 i32", "i32"))
    with pytest.raises(RuntimeError, match="another thread is running"):
        linked.instance([exports["add"]]).exports["run"](1, 2)
    leave.set()
    thread.join()
    assert exports["add"](1, 2) == 3


def test_released_calls_take_the_gil_back_for_hosts_and_exceptions() -> None:
    program = Program()
    program.release_gil = True
    program.call_import("run", program.import_function("f", "i32", "i32"))
    program.function("fail", "", "", "unreachable")

    def host(value: int) -> int:
        if value == 13:
            raise ValueError("thirteen")
        return sum(range(value))

    exports = program.instance([HostFunction(host, function_type("i32", "i32"), "env", "f")]).exports
    for _ in range(50):
        assert exports["run"](10) == 45
        with pytest.raises(ValueError, match="thirteen"):
            exports["run"](13)
        with pytest.raises(Trap):
            exports["fail"]()


# --- neighbours -------------------------------------------------------------------------------

SCRIPT = """
import sys, faulthandler
sys.path[:0] = {path!r}
before = sys.argv[1]
if before == "before":
    faulthandler.enable()
from machine_code import Program
from wasmer_runtime_core.errors import Trap
program = Program()
program.memory(1)
program.function("load", "i32", "i32", "load", offset=0)
program.function("fail", "", "", "unreachable")
program.function("div", "i32 i32", "i32", "divide")
module = program.module()
from wasmer_runtime_core.running.instance import Instance
exports = Instance(module, []).exports
if before == "after":
    faulthandler.enable()
if before == "after-then-instance":
    faulthandler.enable()
    exports = Instance(module, []).exports
count = 0
for _ in range(20):
    for name, arguments in (("load", [100000]), ("fail", []), ("div", [1, 0])):
        try:
            exports[name](*arguments)
        except Trap:
            count += 1
print("traps", count, flush=True)
if len(sys.argv) > 2:
    import ctypes, os, signal
    if sys.argv[2] == "read":
        ctypes.string_at(16)
    else:
        os.kill(os.getpid(), signal.SIGSEGV)
    print("survived", flush=True)
"""


def run_script(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(path=sys.path))
    return subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=900, check=False
    )


@pytest.mark.parametrize("order", ["none", "before", "after", "after-then-instance"])
def test_faulthandler_before_and_after(tmp_path: Path, order: str) -> None:
    result = run_script(tmp_path, order)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "traps 60\n"
    if order != "after":  # enabled behind our back it reports the first fault of each kind, and is healed
        assert result.stderr == ""


@pytest.mark.parametrize("order", ["none", "before", "after", "after-then-instance"])
@pytest.mark.parametrize("how", ["read", "kill"])
def test_real_faults_still_end_the_process_and_reach_faulthandler(tmp_path: Path, order: str, how: str) -> None:
    result = run_script(tmp_path, order, how)
    assert result.returncode == -signal.SIGSEGV
    assert result.stdout == "traps 60\n"
    if order not in ("none", "after"):
        assert result.stderr.count("Fatal Python error: Segmentation fault") == 1


def test_code_that_runs_while_a_trap_is_made_leaves_its_frames_alone() -> None:
    """Objects are made for a trap; the cycle collector runs meanwhile, and finalizers that call and trap as well."""
    program = Program()
    program.memory(1)
    program.function("load", "i32", "i32", "load", offset=0)
    program.function("divide", "i32 i32", "i32", "divide")
    exports = program.instance().exports
    expected = frames_of(lambda: exports["load"](1 << 20))

    class Finalized:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            with suppress(Trap):
                exports["divide"](1, 0)

    gc.collect()
    thresholds = gc.get_threshold()
    for threshold in range(1, 8):
        for _ in range(20):
            Finalized()
        gc.set_threshold(threshold, 1, 1)
        found = frames_of(lambda: exports["load"](1 << 20))
        gc.set_threshold(*thresholds)
        assert found == expected
        gc.collect()


def frames_of(call: Callable[[], object]) -> tuple[str, list[tuple[int, int]]]:
    with pytest.raises(Trap) as caught:
        call()
    return caught.value.kind, [(frame.function_index, frame.offset) for frame in caught.value.frames]
