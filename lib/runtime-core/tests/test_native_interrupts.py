"""Ctrl-C, other signals and deadlines: wasm code ends, or goes on as if nothing had been."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from machine_code import Program, function_type
from pending import Raised, came, handler

from wasmer_runtime_core.errors import Timeout, Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.interrupts import seconds_left, timeout, watch_signals
from wasmer_runtime_core.running.objects.functions import HostFunction


def spinning(release_gil: bool = False) -> Instance:
    program = Program()
    program.release_gil = release_gil
    program.import_function("f", "")
    program.function("spin", "", "", "spin")
    program.function("add", "i32 i32", "i32", "add")
    program.function("fail", "", "", "unreachable")
    program.function("count", "i64", "i64", "count_down")
    program.call_import("host", 0)
    return program.instance([HostFunction(lambda: None, function_type(""), "env", "f")])


def state_of(process: int) -> str:
    """As the kernel says it: R for one that computes, S for one that sleeps."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def seconds_used(process: int) -> float:
    """Processor time of another process, on a clock of hundredths of a second."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def interrupt_after() -> Iterator[Any]:
    """`interrupt_after(seconds)`: another process sends SIGINT when this one has computed for so long, or sleeps."""
    children: list[int] = []

    def start(seconds: float, number: int = signal.SIGINT) -> None:
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            asleep, used = 0, seconds_used(parent)  # the fork included, which takes long in a large process
            while asleep < 20 and seconds_used(parent) - used < max(seconds, 0.05):
                time.sleep(0.01)
                asleep = asleep + 1 if state_of(parent) == "S" else 0
            os.kill(parent, number)
            os._exit(0)
        children.append(child)

    yield start
    for child in children:
        os.waitpid(child, 0)


@pytest.mark.parametrize("release_gil", [False, True])
def test_ctrl_c_ends_a_loop_at_once(interrupt_after: Any, release_gil: bool) -> None:
    exports = spinning(release_gil).exports
    for _ in range(3):
        interrupt_after(0.05)
        with pytest.raises(KeyboardInterrupt) as caught:
            exports["spin"]()
        assert caught.value.__notes__ == ["WebAssembly functions that ran:\n  spin (function 1)"]
        assert exports["add"](1, 2) == 3
        with pytest.raises(Trap):
            exports["fail"]()


def test_handlers_that_raise_nothing_let_the_code_go_on_unchanged() -> None:
    seen: list[int] = []
    exports = spinning().exports
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        alarm = threading.Thread(target=interrupts, args=(25,))
        alarm.start()
        expected = sum(range(20_000_001)) & (2**64 - 1)
        results = []
        while alarm.is_alive():
            results.append(exports["count"](20_000_000) & (2**64 - 1))
        alarm.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert results and set(results) == {expected}
    assert len(seen) > 5


def interrupts(count: int) -> None:
    for _ in range(count):
        time.sleep(random.uniform(0.001, 0.02))
        os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_in_a_host_function_is_pythons(interrupt_after: Any) -> None:
    program = Program()
    program.call_import("run", program.import_function("f", ""))
    exports = program.instance([HostFunction(lambda: time.sleep(900), function_type(""), "env", "f")]).exports
    interrupt_after(0.05)
    with pytest.raises(KeyboardInterrupt):
        exports["run"]()


def test_deadlines() -> None:
    exports = spinning().exports
    for seconds in (0.02, 0.0, 0.05):
        start = time.monotonic()
        with pytest.raises(Timeout, match=r"the deadline passed (while|before) WebAssembly code was"), timeout(seconds):
            exports["spin"]()
        assert time.monotonic() - start >= seconds
    assert issubclass(Timeout, TimeoutError) and issubclass(Timeout, RuntimeError)
    with timeout(10):
        assert exports["add"](1, 2) == 3
    with pytest.raises(ValueError, match="cannot be negative"):
        timeout(-1)


def test_deadlines_nest() -> None:
    exports = spinning().exports
    with pytest.raises(Timeout), timeout(0.05), timeout(30):
        exports["spin"]()
    with timeout(30):
        with pytest.raises(Timeout), timeout(0.05):
            exports["spin"]()
        assert exports["add"](1, 2) == 3
    with timeout(0.01):
        time.sleep(0.03)
        for _ in range(3):  # it stays passed
            with pytest.raises(Timeout, match="the deadline passed before WebAssembly code was entered"):
                exports["add"](1, 2)
    assert exports["add"](1, 2) == 3


def test_deadlines_in_threads() -> None:
    ended: list[float] = []

    def work(instance: Instance, seconds: float) -> None:
        start = time.monotonic()
        try:
            with timeout(seconds):
                instance.exports["spin"]()
        except Timeout:
            ended.append(time.monotonic() - start - seconds)

    threads = [threading.Thread(target=work, args=(spinning(True), 0.05 * number)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 4 and min(ended) >= 0


def test_a_deadline_that_passed_in_a_host_function_counts_on_return() -> None:
    program = Program()
    index = program.import_function("f", "")
    program.call_import("run", index, "call_import_forever")
    exports = program.instance([HostFunction(lambda: None, function_type(""), "env", "f")]).exports
    with pytest.raises(Timeout), timeout(0.03):
        exports["run"]()


def test_signals_at_random_times_during_calls() -> None:
    """Traps, host calls and plain calls under a hail of signals."""
    exports = spinning().exports
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        alarm = threading.Thread(target=interrupts, args=(60,))
        alarm.start()
        rounds = 0
        while alarm.is_alive():
            assert exports["add"](rounds, 1) == rounds + 1
            exports["host"]()
            with pytest.raises(Trap):
                exports["fail"]()
            assert exports["count"](1000) == 500500
            rounds += 1
        alarm.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen and rounds


def test_entering_code_leaves_no_timer_that_cuts_a_write_short() -> None:
    """The first call of a thread, and the first after a signal that Python has handled already."""
    exports = spinning().exports
    handled: list[int] = []

    def write_after(prepare: Callable[[], object]) -> int:
        reader, writer = os.pipe()
        written: list[int] = []

        def work() -> None:
            prepare()
            assert exports["add"](1, 2) == 3
            written.append(os.write(writer, bytes(1 << 20)))

        def drain() -> None:
            time.sleep(0.02)
            while os.read(reader, 1 << 16):
                pass

        drainer = threading.Thread(target=drain)
        drainer.start()
        if prepare is first_call:
            worker = threading.Thread(target=work)
            worker.start()
            worker.join()
        else:
            work()
        os.close(writer)
        drainer.join()
        os.close(reader)
        return written[0]

    def first_call() -> None:
        pass

    def after_a_signal() -> None:
        signal.raise_signal(signal.SIGALRM)

    assert write_after(first_call) == 1 << 20
    before = signal.signal(signal.SIGALRM, lambda *_: handled.append(1))
    try:
        assert write_after(after_a_signal) == 1 << 20
    finally:
        signal.signal(signal.SIGALRM, before)
    assert handled == [1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGALRM, signal.SIGUSR1, signal.SIGRTMIN + 3])
def test_handlers_set_at_any_time_stop_code(interrupt_after: Any, number: int) -> None:
    exports = spinning().exports

    def late(*_: object) -> None:
        raise LookupError("late")

    before = signal.signal(number, late)
    try:
        for _ in range(2):
            interrupt_after(0.03, number)
            with pytest.raises(LookupError, match="late"):
                exports["spin"](timeout=900)
    finally:
        assert signal.signal(number, before) is late
    assert signal.getsignal(number) == before


def test_a_handler_for_faults_does_not_take_traps_away() -> None:
    program = Program()
    program.memory(1)
    program.function("load", "i32", "i32", "load", offset=0)
    exports = program.instance().exports
    before = signal.signal(signal.SIGSEGV, lambda *_: None)
    try:
        with pytest.raises(Trap):
            exports["load"](1 << 20)
    finally:
        signal.signal(signal.SIGSEGV, before)


def test_what_takes_a_signal_away_from_python_and_gives_it_back(interrupt_after: Any) -> None:
    exports = spinning().exports
    assert watch_signals() is None
    machine.watch_signal(signal.SIGALRM)  # again: no second wrapping
    for wrong in (0, 65, -1):
        with pytest.raises(ValueError, match="is not the number of a signal"):
            machine.watch_signal(wrong)
    interrupt_after(0.03)
    with pytest.raises(KeyboardInterrupt):
        exports["spin"](timeout=10)


def test_a_handler_may_call_the_instance_it_stopped_but_not_move_its_tables() -> None:
    program = Program()
    program.table(0x6F, 1)
    program.function("count", "i64", "i64", "count_down")
    program.function("add", "i32 i32", "i32", "add")
    program.helper("grow", "externref i32 i32", "i32", "table_grow")
    exports = program.instance().exports
    seen: list[Any] = []

    def handler(*_: object) -> None:
        seen.append((exports["add"](1, 2), exports["grow"](None, 10_000, 0)))

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(20):
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            assert exports["count"](20_000_000) == 200_000_010_000_000
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert (3, -1) in seen
    assert exports["grow"](None, 10, 0) >= 1


WAITING = """
import os, sys, threading, time
sys.path[:0] = {path!r}
from machine_code import Program
program = Program()
program.function("spin", "", "", "spin")
exports = program.instance().exports
try:
    print("waiting", flush=True)
    threading.Thread(target=exports["spin"], daemon=True).start()
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    os._exit(0)
"""


INSIDE_MEANWHILE = """
import os, signal, sys, threading, time
sys.path[:0] = {path!r}
from machine_code import Program, function_type
from wasmer_runtime_core.running.objects.functions import HostFunction
other = Program()
other.function("add", "i32 i32", "i32", "add")
add = other.instance().exports["add"]
begun, go_on = threading.Event(), threading.Event()
def host():
    begun.set()
    go_on.wait()
program = Program()
program.import_function("f", "")
program.call_import("run", 0, "call_import_and_spin")
exports = program.instance([HostFunction(host, function_type(""), "env", "f")]).exports
handled = []
def handler(*_):
    handled.append(add(1, 2))
    print("interrupted", flush=True)
    if len(handled) == 3:
        os._exit(0)
signal.signal(signal.SIGINT, handler)
threading.Thread(target=exports["run"], daemon=True).start()
begun.wait()
add(1, 2)
print("waiting", flush=True)
go_on.set()
while True:
    time.sleep(60)
"""


@pytest.mark.parametrize(("text", "signals"), [(WAITING, 1), (INSIDE_MEANWHILE, 3)], ids=["", "that was inside, too"])
def test_ctrl_c_reaches_a_main_thread_that_waits_while_another_spins_with_the_gil(
    tmp_path: Path, text: str, signals: int
) -> None:
    """It may have been inside while the other was in a host function, or lent it the GIL: then it entered last, but
    the other has the GIL."""
    script = tmp_path / "script.py"
    script.write_text(text.format(path=sys.path))
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    guard = threading.Timer(120, process.kill)
    guard.start()
    try:
        assert process.stdout.readline() == "waiting\n"  # however long a busy machine takes to come so far
        for _ in range(signals):
            time.sleep(1)  # and then it spins, as a rule
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n"
        assert process.wait(60) == 0
    finally:
        guard.cancel()
        process.kill()
        process.wait()


# --- handlers that raise at bad moments -----------------------------------------------------


def test_a_handler_that_raises_leaves_no_deadline_behind() -> None:
    """Wherever it comes: when a block is entered, when it is left, in the block."""
    with handler():
        with pytest.raises(Raised), timeout(came):
            pass
        assert seconds_left() is None
        with pytest.raises(Raised), timeout(100):
            _ = +came
        assert seconds_left() is None
        with pytest.raises(Raised), timeout(100):
            signal.raise_signal(signal.SIGUSR1)
        assert seconds_left() is None
        with timeout(100):
            with pytest.raises(Raised), timeout(50):
                _ = +came
            left = seconds_left()
            assert left is not None and left > 50
    assert seconds_left() is None


def failing_host(fail: bool) -> Instance:
    """Exports: call_host of no arguments, whose host function ends with a signal pending, by an exception if `fail`."""

    def host() -> None:
        error = LookupError("the host function's own")
        _ = +came
        if fail:
            raise error

    program = Program()
    program.import_function("f", "")
    program.call_import("call_host", 0)
    program.function("add", "i32 i32", "i32", "add")
    return program.instance([HostFunction(host, function_type(""), "env", "f")])


class Unprintable(int):
    """Too large for an i32; the signal comes while it is shown."""

    def __repr__(self) -> str:
        signal.raise_signal(signal.SIGUSR1)
        return "much"


@pytest.mark.parametrize("error", [Raised, KeyboardInterrupt, TimeoutError])
@pytest.mark.parametrize(
    "call",
    [
        lambda: failing_host(True).exports["call_host"](),
        lambda: failing_host(False).exports["call_host"](),
        lambda: failing_host(False).exports["add"](+came),
        lambda: failing_host(False).exports["add"](1, +came, 3),
        lambda: failing_host(False).exports["add"](1, 2, nothing=+came),
        lambda: failing_host(False).exports["add"](Unprintable(1 << 70), 2),
        lambda: failing_host(False).exports["add"]("1", +came),
        lambda: repr((failing_host(False).exports["add"], +came)),
    ],
    ids="raises returns few many keyword unprintable converted shown".split(),
)
def test_what_a_handler_raises_is_raised_whatever_else_failed(
    call: Callable[[], object], error: type[BaseException]
) -> None:
    with handler(error), pytest.raises(error) as caught:
        call()
    assert not isinstance(caught.value, LookupError)
    assert caught.value.__context__ is None or isinstance(caught.value.__context__, Exception)


def test_an_exception_that_takes_no_note_is_raised_all_the_same() -> None:
    class Plain(Exception):
        def add_note(self, note: str) -> None:
            raise AttributeError("no notes")

    def host() -> None:
        raise Plain

    program = Program()
    program.import_function("f", "")
    program.call_import("call_host", 0)
    with pytest.raises(Plain):
        program.instance([HostFunction(host, function_type(""), "env", "f")]).exports["call_host"]()
