"""Functions that get better code while the program runs: what it computes never shows it."""

from __future__ import annotations

import gc
import importlib.util
import os
import pickle
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("wasmer_clif_backend", reason="the second tier is not installed")

from tests.between_steps import KINDS, check_every_step
from tests.swapping import Swapped
from wasmer_runtime import CompilerConfig, Module, compile, timeout
from wasmer_runtime.cache.whole_modules import LLVM
from wasmer_runtime.error import Timeout, Trap
from wasmer_runtime.middleware import Metering
from wasmer_runtime_core.compiling.tiers.background import BACKGROUND
from wasmer_runtime_core.compiling.tiers.owner import FUNCTION, WHOLE
from wasmer_runtime_core.compiling.tiers.tiered import WHOLE_TICKS
from wasmer_runtime_core.native.machine import statistics
from wasmer_runtime_core.running.preparing import prepared

FIBONACCI = """(module
  (import "env" "look" (func $look (result i32)))
  (type $unary (func (param i32) (result i32)))
  (table (export "table") 2 funcref) (elem (i32.const 0) $fib)
  (func $fib (export "fib") (type $unary)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call_indirect (type $unary) (i32.sub (local.get 0) (i32.const 2)) (i32.const 0))))))
  (func (export "until") (result i32) (local $sum i32)
    (loop $more
      (local.set $sum (i32.add (i32.const 1) (local.get $sum)))
      (if (i32.ne (call $fib (i32.const 16)) (i32.const 987)) (then unreachable))
      (br_if $more (i32.eqz (call $look))))
    (local.get $sum))
  (func (export "trap") (param i32) (result i32) (i32.div_u (i32.const 7) (local.get 0))))"""


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    BACKGROUND.stop()


def in_tiers(text: str = FIBONACCI) -> Module:
    module = compile(text, tiers=True)
    assert module.tiers is not None
    return module


def with_look(module: Module, look: Callable[[], int] = lambda: 1) -> Any:
    return module.instantiate({"env": {"look": look}})


def test_functions_get_the_code_of_the_last_tier_and_stay_the_same_functions() -> None:
    module = in_tiers()
    instance = with_look(module)
    exports, function = instance.exports, instance.exports.fib
    text = """(module (import "m" "f" (func $f (param i32) (result i32)))
      (func (export "g") (result i32) (call $f (i32.const 9))))"""
    other = compile(text, cache=False).instantiate({"m": {"f": function}}).exports
    kept = hash(function), function.address
    assert set(instance.tiers().values()) == {"singlepass"} and list(instance.tiers()) == [1, 2, 3]
    assert (function(10), exports.table[0](10), other.g()) == (55, 55, 34)
    module.wait_for_tiers(everything=True)
    assert set(instance.tiers().values()) == {"cranelift"} == set(with_look(module).tiers().values())
    assert (function(10), exports.table[0](10), other.g()) == (55, 55, 34)
    assert exports.fib == function == exports.table[0] and (hash(function), function.address) == kept
    with pytest.raises(Trap, match="integer divide by zero") as caught:
        exports.trap(0)
    assert [frame.function_index for frame in caught.value.frames] == [3]


def test_what_runs_often_is_found_and_what_does_not_stays_as_it_is() -> None:
    module = in_tiers()
    instance = with_look(module)
    asked = module.tiers._asked  # by processor time, whatever else the machine does
    while not asked:
        assert instance.exports.fib(20) == 6765
    module.wait_for_tiers()
    assert instance.tiers() == {1: "cranelift", 2: "singlepass", 3: "singlepass"}
    assert instance.exports.fib(20) == 6765


@pytest.mark.parametrize("release_gil", [False, True])
def test_a_call_that_goes_on_calls_the_new_code(release_gil: bool) -> None:
    module = in_tiers()

    def look() -> int:
        if not module.tiers._asked:
            return 0
        module.wait_for_tiers()
        return int(instance.tiers()[1] == "cranelift")

    instance = with_look(module, look)
    until = instance.exports.until
    assert (until.released if release_gil else until)() > 0
    assert instance.tiers()[1] == "cranelift"


def test_programs_of_less_than_half_a_second_start_no_process() -> None:
    module = in_tiers()
    assert with_look(module).exports.fib(15) == 610
    assert BACKGROUND.socket is None and not module.tiers._asked
    module.wait_for_tiers()
    assert BACKGROUND.socket is None


def test_a_process_that_is_killed_leaves_the_code_as_it_is() -> None:
    module = in_tiers()
    instance = with_look(module)
    module.wait_for_tiers(everything=True)
    process: Any = BACKGROUND._process
    process.kill()
    process.wait()
    again = in_tiers()
    again.wait_for_tiers(everything=True)
    assert "ended" in BACKGROUND.broken
    assert with_look(again).exports.fib(12) == instance.exports.fib(12) == 144


def test_what_goes_wrong_in_the_background_does_not_end_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    module = in_tiers()
    tiers = module.tiers
    monkeypatch.setattr(type(tiers), "look", lambda *_: 1 // 0)
    exports = with_look(module).exports
    while not tiers.broken:
        assert exports.fib(20) == 6765
    assert tiers.broken.startswith("ZeroDivisionError") and exports.fib(20) == 6765


@pytest.mark.parametrize("kind", KINDS)
def test_what_handlers_raise_comes_out_and_nothing_is_lost(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = in_tiers()
    instance, tiers, code = with_look(module), module.tiers, prepared(module).plan.code
    tiers.wait(code, [2])

    def call() -> None:
        while BACKGROUND._files:  # as for a module that is new
            os.close(BACKGROUND._files.popitem()[1])
        tiers._asked.clear()
        tiers.look(code, [0, 1])

    check_every_step(call, kind, monkeypatch)
    module.wait_for_tiers(everything=True)
    assert set(instance.tiers().values()) == {"cranelift"} and instance.exports.fib(10) == 55


class Full:
    """A socket that takes nothing until it is told to, then says what it was given."""

    def __init__(self, real: Any) -> None:
        self.real, self.blocked, self.sent = real, True, []

    def sendmsg(self, packets: list[bytes], with_them: Any, flags: int) -> None:
        if self.blocked:
            raise BlockingIOError
        assert flags == socket.MSG_NOSIGNAL
        numbers = [struct.unpack("i", right)[0] for _, _, right in with_them]
        self.sent.append(([os.fstat(each).st_ino for each in numbers], packets))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def test_a_module_that_goes_before_it_was_sent_has_no_other_file_sent_for_it() -> None:
    """The file's number is free with the module, and soon another file's, perhaps one that a program has written."""
    first, second = in_tiers(), in_tiers(FIBONACCI.replace("987", "988"))
    BACKGROUND._start()
    BACKGROUND.socket = full = Full(BACKGROUND.socket)  # type: ignore[assignment]
    for module in (first, second):
        assert module.tiers is not None
        BACKGROUND.ask(module.tiers, (0, "cranelift", FUNCTION))
    assert second.tiers is not None
    kept = os.fstat(BACKGROUND._files[second.tiers.key]).st_ino
    before = {*os.listdir("/proc/self/fd")}
    del first, module
    gc.collect()
    assert len(before - {*os.listdir("/proc/self/fd")}) >= 1
    others = [os.memfd_create("other") for _ in range(8)]
    try:
        full.blocked = False
        BACKGROUND.send()
    finally:
        for each in others:
            os.close(each)
    assert [inodes for inodes, _ in full.sent if inodes] == [[kept]]


def test_answers_without_their_files_end_the_background_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system drops descriptors that a process has no room for."""
    module = in_tiers()
    assert module.tiers is not None
    BACKGROUND.ask(module.tiers, (0, "cranelift", FUNCTION))
    answer = pickle.dumps((module.tiers.key, (0, "cranelift", FUNCTION), True))
    monkeypatch.setattr(socket, "recv_fds", lambda *_: (answer, [], 0, None))
    BACKGROUND.take_answers()
    assert "files open" in BACKGROUND.broken and BACKGROUND.socket is None
    BACKGROUND.stop()
    assert not BACKGROUND.broken


def test_short_programs_import_nothing_of_processes() -> None:
    program = """import sys; sys.path[:0] = sys.argv[1:]
from wasmer_runtime import compile
module = compile('(module (func (export "f") (result i32) (i32.const 42)))', tiers=True)
assert module.instantiate().exports.f() == 42
module.wait_for_tiers()
assert not {"subprocess", "socket", "wasmer_runtime_core.compiling.tiers.background"} & sys.modules.keys()"""
    subprocess.run([sys.executable, "-c", program, *sys.path], check=True)


def test_deadlines_end_the_wait() -> None:
    module = in_tiers()
    with pytest.raises(Timeout), timeout(0.001):
        while True:
            module.wait_for_tiers(everything=True)


def test_one_tier_where_results_depend_on_more_than_the_module() -> None:
    assert compile(FIBONACCI, tiers=True, config=CompilerConfig(deterministic=True)).tiers is None
    assert compile(FIBONACCI, tiers=True, config=CompilerConfig(middlewares=(Metering(limit=1),))).tiers is None
    with pytest.raises(ValueError, match="with tiers a module is compiled by singlepass"):
        compile(FIBONACCI, "cranelift", tiers=True)
    with pytest.raises(ValueError, match="with tiers a module is compiled by singlepass"):
        compile(FIBONACCI, lazy=True, tiers=True)
    assert compile(FIBONACCI, "singlepass", cache=False).tiers is None
    again = pickle.loads(pickle.dumps(in_tiers()))
    assert again.tiers is None and with_look(again).tiers()[1] == "singlepass"


def test_code_that_the_cache_has_is_the_first_tier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WASMER_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("wasmer_runtime.api.LEAST_BYTES_OF_SINGLEPASS", 0)
    compile(FIBONACCI)
    module = compile(FIBONACCI)
    assert module.stored is not None and module.tiers is not None
    instance = with_look(module)
    assert set(instance.tiers().values()) == {"singlepass"} and instance.exports.fib(10) == 55
    module.wait_for_tiers(everything=True)
    assert set(instance.tiers().values()) == {"cranelift"} and instance.exports.fib(10) == 55
    assert compile(FIBONACCI, "singlepass").tiers is None


# --- whole modules, and who runs them again ------------------------------------------------------


def last_tier() -> str:
    return "llvm" if all(importlib.util.find_spec(name) for name in LLVM) else "cranelift"


@pytest.mark.parametrize("size", [0, 1 << 20], ids=["looked for at once", "looked for when it has run"])
def test_the_second_run_starts_in_the_last_tier(size: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WASMER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("wasmer_runtime.api.LEAST_BYTES_OF_SINGLEPASS", size)
    module = compile(FIBONACCI)
    instance = with_look(module)
    function = instance.exports.fib
    module.wait_for_tiers(everything=True)
    assert set(instance.tiers().values()) == {"cranelift"} and function(10) == 55
    module.wait_for_tiers(whole=True)
    assert not module.tiers.failed
    assert set(instance.tiers().values()) == {last_tier()}
    assert function(10) == instance.exports.table[0](10) == 55 and instance.exports.fib == function
    with pytest.raises(Trap, match="integer divide by zero") as caught:
        instance.exports.trap(0)
    assert [frame.function_index for frame in caught.value.frames] == [3]
    BACKGROUND.stop()

    again = compile(FIBONACCI)
    run = with_look(again)
    if size:
        while run.tiers()[1] == "singlepass":
            assert run.exports.fib(20) == 6765
    assert set(run.tiers().values()) == {last_tier()} and run.exports.fib(10) == 55
    assert BACKGROUND.socket is None
    assert compile(FIBONACCI, cache=False).tiers.whole.found(binary_of(FIBONACCI), CompilerConfig()) is None


def test_long_runs_have_the_module_compiled_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMER_CACHE_DIR", "")
    module = compile(FIBONACCI)
    instance = with_look(module)
    while not any(number == WHOLE for number, *_ in module.tiers._asked) and not module.tiers.last:
        assert instance.exports.fib(20) == 6765
        if last_tier() != "llvm" and sum(module.tiers._hits.values()) > WHOLE_TICKS:
            assert not module.tiers.whole.backend(module.tiers.binary)
            return
    module.wait_for_tiers()
    assert set(instance.tiers().values()) == {"llvm"} and instance.exports.fib(10) == 55


@pytest.mark.parametrize("damage", ["cut", "changed", "other version"])
def test_a_last_tier_that_cannot_be_used_leaves_the_code_as_it_is(
    damage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WASMER_CACHE_DIR", str(tmp_path / "cache"))
    module = compile(FIBONACCI)
    with_look(module)
    module.wait_for_tiers(whole=True)
    (file,) = (tmp_path / "cache").glob("*.wasmer")
    content = bytearray(file.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2 if damage == "changed" else 8] ^= 0xFF
    file.write_bytes(content)
    again = compile(FIBONACCI)
    assert again.tiers.whole.found(again.tiers.binary, again.tiers.config) is None
    assert with_look(again).exports.fib(10) == 55


def test_a_process_that_is_killed_keeps_nothing_half_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """At random moments of its work: what is kept is whole, or not there."""
    monkeypatch.setenv("WASMER_CACHE_DIR", str(tmp_path / "cache"))
    moments = random.Random(1)
    for attempt in range(6):
        monkeypatch.setattr(BACKGROUND, "broken", "")
        module = compile(FIBONACCI)
        with_look(module)
        module.tiers.ask_for_whole()
        time.sleep(moments.uniform(0, 2))
        BACKGROUND._process.kill()
        module.wait_for_tiers()
        found = module.tiers.whole.found(module.tiers.binary, module.tiers.config)
        assert found is None or found.backend == last_tier()
        BACKGROUND.stop()
        if found is not None and attempt > 2:
            break


def test_old_code_calls_what_the_last_tier_has_no_code_of() -> None:
    """Functions that all their callers inline have none."""
    text = """(module (import "env" "look" (func $look))
      (func $small (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
      (func (export "run") (param $n i32) (result i32) (local $sum i32)
        (loop $more
          (call $look)
          (local.set $sum (i32.add (local.get $sum) (call $small (local.get $n))))
          (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))"""
    for before in (False, True):
        module = compile(text, cache=False)
        calls = []

        def look(module: Module = module, calls: list[int] = calls, before: bool = before) -> None:
            calls.append(1)
            if len(calls) == 3:
                module.wait_for_tiers(everything=before, whole=True)

        run = module.instantiate({"env": {"look": look}}).exports.run
        assert [run(6), run(6)] == [63, 63]


def test_code_of_another_module_takes_no_place() -> None:
    def code_of(text: str, **options: Any) -> Any:
        module = compile(text, cache=False, **options)
        module.instantiate()
        return module, prepared(module).plan.code

    text = "(module (func) (func))"
    module, code = code_of(text, tiers=True)
    kept = [module]
    for other, options in (
        ("(module (func))", {"backend": "cranelift"}),
        (text, {"tiers": True}),
        (text, {"backend": "cranelift", "config": CompilerConfig(release_gil=True)}),
    ):
        module, wrong = code_of(other, **options)
        kept.append(module)
        with pytest.raises(ValueError, match="no other code of the module"):
            code.overtake(wrong)
    with pytest.raises(TypeError):
        code.overtake(None)
    module, right = code_of(text, backend="cranelift")
    code.overtake(right)
    with pytest.raises(ValueError, match="no other code of the module"):
        code.overtake(right)


def test_stored_as_the_first_tier_has_it() -> None:
    module = in_tiers()
    with_look(module)
    module.wait_for_tiers(everything=True)
    assert module.serialize() == compile(FIBONACCI, "singlepass", cache=False).serialize()


def test_code_goes_with_its_module() -> None:
    gc.collect()
    before = statistics()["code_pages"]
    module = in_tiers()
    instance = with_look(module)
    module.wait_for_tiers(everything=True)
    assert instance.exports.fib(9) == 34 and statistics()["code_pages"] > before
    assert BACKGROUND._files
    del module, instance
    gc.collect()
    assert statistics()["code_pages"] == before and not BACKGROUND._files


PROGRAM = """
import os, sys
sys.path[:0] = sys.argv[1:]
from wasmer_runtime import compile
from wasmer_runtime_core.compiling.tiers.background import BACKGROUND
from wasmer_runtime_core.running.preparing import prepared
module = compile('(module (func (export "f") (result i32) (i32.const 42)))', tiers=True)
instance = module.instantiate()
module.wait_for_tiers(everything=True)
asked = compile('(module (func (export "f") (result i32) (i32.const 44)))', tiers=True)
waits = asked.instantiate()
asked.tiers.look(prepared(asked).plan.code, [0])
child = os.fork()
if child == 0:  # it has none of its parent's processes, and may have its own
    assert BACKGROUND.socket is None
    again = compile('(module (func (export "f") (result i32) (i32.const 43)))', tiers=True)
    made = again.instantiate()
    again.wait_for_tiers(everything=True)
    asked.wait_for_tiers(everything=True)  # which its parent had asked for
    assert waits.tiers() == {0: "cranelift"} and waits.exports.f() == 44
    os._exit(0 if made.tiers() == {0: "cranelift"} and made.exports.f() == 43 else 1)
ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(ended, instance.tiers()[0], instance.exports.f(), BACKGROUND._process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_the_process_ends_with_the_program(how: str) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *sys.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdin is not None and program.stdout is not None
    ended, tier, result, process = program.stdout.readline().split()
    assert (ended, tier, result) == ("0", "cranelift", "42")
    if how == "killed":
        program.kill()
    program.stdin.close()
    program.wait()
    program.stdout.close()
    give_up = time.monotonic() + 300
    while is_running(int(process)):
        assert time.monotonic() < give_up
        time.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- exchanged at random -------------------------------------------------------------------------

ALL_SORTS = """(module
  (import "env" "swap" (func $swap))
  (memory 1)
  (type $f (func (param i64 f64) (result i64)))
  (tag $e (param i64))
  (table funcref (elem $add $mix $throw $deep))
  (func $add (type $f) (i64.add (local.get 0) (i64.trunc_sat_f64_s (local.get 1))))
  (func $mix (type $f) (local $i i32)
    (loop $more
      (local.set 0 (i64.rotl (i64.xor (local.get 0) (i64.extend_i32_u (local.get $i))) (i64.const 7)))
      (i64.store (i32.and (i32.wrap_i64 (local.get 0)) (i32.const 0xfff8)) (local.get 0))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (if (i32.eqz (i32.and (local.get $i) (i32.const 15))) (then (call $swap)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 100))))
    (local.get 0))
  (func $throw (type $f)
    (if (i64.lt_u (i64.and (local.get 0) (i64.const 3)) (i64.const 2)) (then (call $swap) (throw $e (local.get 0))))
    (local.get 0))
  (func $deep (type $f)
    (if (f64.lt (local.get 1) (f64.const 1)) (then (call $swap) (return (local.get 0))))
    (return_call $deeper (i64.add (local.get 0) (i64.const 3)) (f64.sub (local.get 1) (f64.const 1))
      (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)))
  (func $deeper (param i64 f64 i64 i64 i64 i64 i64 i64) (result i64)
    (i64.add (local.get 7) (call $deep (i64.mul (local.get 0) (local.get 4)) (local.get 1))))
  (func $caught (type $f)
    (block $h (result i64)
      (try_table (catch $e $h)
        (call_indirect (type $f) (local.get 0) (local.get 1) (i32.and (i32.wrap_i64 (local.get 0)) (i32.const 3)))
        (return))
      (unreachable))
    (i64.xor (i64.const -1)))
  (func (export "run") (param $rounds i32) (result i64) (local $sum i64)
    (local.set $sum (i64.const 0x9E3779B97F4A7C15))
    (loop $more
      (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 6364136223846793005))
        (call $caught (i64.shr_u (local.get $sum) (i64.const 7))
          (f64.convert_i32_u (i32.rem_u (local.get $rounds) (i32.const 50))))))
      (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
      (br_if $more (local.get $rounds)))
    (local.get $sum)))"""


def expected(rounds: int) -> int:
    results = {
        compile(ALL_SORTS, backend, cache=False).instantiate({"env": {"swap": lambda: None}}).exports.run(rounds)
        for backend in ("singlepass", "cranelift")
    }
    (result,) = results
    return int(result)


def binary_of(text: str) -> bytes:
    from wasmer_runtime import wat2wasm

    return wat2wasm(text)


@pytest.mark.parametrize("seed", range(3))
def test_exchanged_by_host_functions(seed: int) -> None:
    swapped = Swapped(binary_of(ALL_SORTS), seed)
    instance = swapped.module.instantiate({"env": {"swap": lambda: swapped.swap(3)}})
    assert instance.exports.run(100) == expected(100)
    assert swapped.swaps > 300


@pytest.mark.parametrize("release_gil", [False, True])
def test_exchanged_by_handlers_of_signals(release_gil: bool) -> None:
    """Between any two instructions, as ticks do it."""
    swapped = Swapped(binary_of(ALL_SORTS), 9)
    swapped.make_all()
    run = swapped.module.instantiate({"env": {"swap": lambda: None}}).exports.run
    wanted = expected(2000)
    before = signal.signal(signal.SIGVTALRM, lambda *_: swapped.swap(2))
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.0005, 0.0005)  # of processor time
    try:
        results = {(run.released if release_gil else run)(2000) for _ in range(5)}
        while swapped.swaps < 20:
            results.add(run(2000))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert results == {wanted}


def test_exchanged_by_another_thread() -> None:
    swapped = Swapped(binary_of(ALL_SORTS), 5)
    swapped.make_all()
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            swapped.swap(5)
            time.sleep(0)

    thread = threading.Thread(target=work)
    wanted, results = expected(300), set()
    run = swapped.module.instantiate({"env": {"swap": lambda: None}}).exports.run.released
    thread.start()
    try:
        while len(results) < 1 or swapped.swaps < 100:
            results.add(run(300))
    finally:
        done.set()
        thread.join()
    assert results == {wanted}


def test_frames_in_code_that_was_exchanged_are_named_as_ever() -> None:
    text = """(module (import "env" "swap" (func $swap))
      (func $inner (param i32) (result i32) (call $swap) (i32.div_u (i32.const 1) (local.get 0)))
      (func $outer (export "f") (param i32) (result i32)
        (call $swap) (i32.add (call $inner (local.get 0)) (i32.const 1))))"""
    swapped = Swapped(binary_of(text), 4)
    function = swapped.module.instantiate({"env": {"swap": lambda: swapped.swap(4)}}).exports.f
    for _ in range(20):
        assert function(1) == 2
        with pytest.raises(Trap) as caught:
            function(0)
        assert [frame.function_name for frame in caught.value.frames] == ["inner", "outer"]
    assert swapped.swaps == 320
