"""Signals at any moment: alarms, Ctrl-C, deadlines, faults; with faulthandler and without."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.stress.isolated import SCALE, isolated, raises, random_numbers, scaled
from tests.stress.test_threads import loop
from wasmer_runtime import compile, instantiate, timeout
from wasmer_runtime.error import Timeout, Trap

WORK = """(module
  (import "h" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 4)
  (table (export "table") 4 externref)
  (func (export "mix") (param $n i32) (result i32)
    (local $at i32) (local $sum i32) (local $f0 f64) (local $v v128)
    (loop $again
      (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (local.get $at)))
      (i32.store (i32.and (i32.mul (local.get $sum) (i32.const 4)) (i32.const 0xfffc)) (local.get $sum))
      (local.set $f0 (f64.add (f64.mul (local.get $f0) (f64.const 0.5)) (f64.convert_i32_u (local.get $at))))
      (local.set $v (i32x4.add (local.get $v) (i32x4.splat (local.get $at))))
      (if (i32.eqz (i32.and (local.get $at) (i32.const 255)))
        (then (memory.fill (i32.const 65536) (local.get $at) (i32.const 100000))
              (local.set $sum (i32.add (local.get $sum) (call $f (local.get $at))))))
      (if (i32.eqz (i32.and (local.get $at) (i32.const 1023)))
        (then (table.fill (i32.const 0) (ref.null extern) (i32.const 4))))
      (br_if $again (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (local.get $n))))
    (i32.add (local.get $sum) (i32.add (i32.trunc_f64_u (local.get $f0)) (i32x4.extract_lane 1 (local.get $v)))))
  (func (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call 2 (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0)))))"""


@isolated()
def test_a_timer_of_a_millisecond_whose_handler_calls_other_instances() -> None:
    module = compile(WORK)
    others = [module.instantiate({"h": {"f": lambda at: at & 3}}) for _ in range(3)]
    numbers = random_numbers()
    handled = 0

    def handler(*_: Any) -> None:
        nonlocal handled
        handled += 1
        other = numbers.choice(others).exports
        assert other.mix(300) == expected_small
        if numbers.random() < 0.1:
            assert other.deep(50) == 50
        if numbers.random() < 0.1:
            other.memory.grow(1) if other.memory.pages < 100 else None

    def calm(at: int) -> int:
        return at & 7

    instance = module.instantiate({"h": {"f": calm}})
    expected, expected_small = instance.exports.mix(60_000), others[0].exports.mix(300)
    signal.signal(signal.SIGALRM, handler)
    module.instantiate({"h": {"f": calm}})
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while handled < 1000 * SCALE:
        assert instance.exports.mix(60_000) == expected
        assert instance.exports.deep(200) == 200
    signal.setitimer(signal.ITIMER_REAL, 0)


@isolated()
def test_handlers_that_raise_at_random_times() -> None:
    class Stop(Exception):
        pass

    numbers = random_numbers()
    raised = ended = 0

    def handler(*_: Any) -> None:
        nonlocal raised
        if armed:
            raised += 1
            raise Stop

    armed = False
    module = compile(WORK)
    signal.signal(signal.SIGALRM, handler)
    instance = module.instantiate({"h": {"f": lambda at: at & 1}})
    expected = instance.exports.mix(20_000)
    while raised < 300 * SCALE:
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, numbers.random() * 0.004 + 1e-5)
            result = instance.exports.mix(20_000)
            armed = False
            assert result == expected
        except Stop:
            ended += 1
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert ended == raised
    assert instance.exports.mix(20_000) == expected


def fills(count: int) -> Any:
    """Its `spin` has no end and spends its time in a helper."""
    fill = f"(memory.fill (i32.const 0) (i32.const 1) (i32.const {count}))"
    return instantiate(f'(module (memory 3000) (func (export "spin") (loop {fill} (br 0))))').exports


@isolated()
def test_no_interrupt_is_lost_at_the_entry() -> None:
    """Whenever it comes, before the entry, in a helper or in the loop, an endless loop ends."""
    numbers = random_numbers()
    exports = loop().exports
    helper = fills(65536)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    loop()
    for _ in range(scaled(30_000)):
        spin = helper.spin if numbers.random() < 0.3 else exports.spin
        try:
            signal.setitimer(signal.ITIMER_REAL, numbers.choice((2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-3)))
            spin()
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("the loop has no end")


def interrupted(spin: Callable[[], object], by_thread: bool) -> None:
    """Control-C comes soon, from a thread or another process: on a loaded machine before the loop has begun."""
    if by_thread:
        threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start()
    elif os.fork() == 0:
        time.sleep(0.02)
        os.kill(os.getppid(), signal.SIGINT)
        os._exit(0)
    spin()


@isolated()
def test_control_c_in_tight_loops() -> None:
    for released in (False, True):
        exports = loop(released=released).exports
        for _ in range(10):
            raises(KeyboardInterrupt, interrupted, exports.spin, released)
            if released:
                for thread in threading.enumerate():
                    if isinstance(thread, threading.Timer):
                        thread.join()
            else:
                os.waitpid(-1, 0)
        assert exports.count(3) == 3


@isolated()
def test_control_c_in_a_forked_child() -> None:
    exports = loop().exports
    exports.count(1)
    helper = fills(190_000_000)
    for spin in (exports.spin, helper.spin):
        for _ in range(3):
            child = os.fork()
            if child == 0:
                try:
                    spin()
                except KeyboardInterrupt:
                    os._exit(7)
                os._exit(1)
            time.sleep(0.1)
            os.kill(child, signal.SIGINT)
            end = time.monotonic() + 300
            done, status = 0, 0
            while not done and time.monotonic() < end:
                done, status = os.waitpid(child, os.WNOHANG)
                time.sleep(0.005)
            if not done:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise AssertionError(f"the child did not hear the interrupt in {spin}")
            assert os.waitstatus_to_exitcode(status) == 7, status


@isolated()
def test_deadlines_in_a_forked_child() -> None:
    exports = loop().exports
    with timeout(100):
        child = os.fork()
        if child == 0:
            with timeout(0.05):
                raises(Timeout, exports.spin)
            os._exit(9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@isolated()
def test_timeouts_at_random_times() -> None:
    numbers = random_numbers()
    inner = loop(released=True).exports
    outer = loop(lambda: inner.spin()).exports
    both = [outer.host, inner.spin, loop(lambda: inner.count(10)).exports.hosts, loop(lambda: None, True).exports.hosts]
    for _ in range(scaled(10_000)):
        with timeout(numbers.random() * 0.01):
            raises(Timeout, numbers.choice(both))
    with timeout(0.02):
        with timeout(10):
            raises(Timeout, outer.host)
    with timeout(1000):
        with timeout(0.01):
            raises(Timeout, outer.host)
        assert inner.count(100_000) == 100_000
    for seconds in (0, 0.0, 1e-9):
        with timeout(seconds):
            raises(Timeout, inner.spin)
    with timeout(float("inf")), timeout(1e300):
        assert inner.count(5) == 5
    raises(ValueError, timeout, -1)
    raises(ValueError, timeout, float("nan"))
    assert inner.count(100_000) == 100_000


@isolated()
def test_deadlines_and_alarms_together() -> None:
    """A handler that returns must not push the deadline away."""
    ticks = 0

    def handler(*_: Any) -> None:
        nonlocal ticks
        ticks += 1

    signal.signal(signal.SIGALRM, handler)
    exports = loop(lambda: None).exports
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    for name in ("spin", "hosts"):
        for _ in range(5):
            start = time.monotonic()
            with timeout(0.1):
                raises(Timeout, exports[name])
            assert time.monotonic() - start >= 0.1
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert ticks


@isolated()
def test_traps_with_faulthandler_before_and_after() -> None:
    import sys

    faulthandler.enable()
    first = loop().exports
    raises(Trap, first.trap)
    faulthandler.disable()
    raises(Trap, first.trap)
    faulthandler.enable()
    raises(Trap, first.trap)  # dumps, and is a trap all the same
    second = loop().exports
    raises(Trap, second.trap)
    faulthandler.dump_traceback_later(0.05)
    with timeout(0.2):
        raises(Timeout, second.spin)
    faulthandler.cancel_dump_traceback_later()
    for _ in range(100):
        faulthandler.enable()
        raises(Trap, second.trap)
        faulthandler.disable()
        raises(Trap, second.trap)
    sys.stderr.flush()


def crash() -> None:
    import ctypes

    ctypes.string_at(0)


@isolated(ends=-signal.SIGSEGV)
def test_a_real_fault_ends_the_process() -> None:
    raises(Trap, loop().exports.trap)
    crash()


@isolated(ends=-signal.SIGSEGV, prints="Fatal Python error: Segmentation fault")
def test_a_real_fault_is_reported_when_faulthandler_came_first() -> None:
    faulthandler.enable()
    raises(Trap, loop().exports.trap)
    crash()


@isolated(ends=-signal.SIGSEGV, prints="Fatal Python error: Segmentation fault")
def test_a_real_fault_is_reported_when_faulthandler_came_last() -> None:
    exports = loop().exports
    faulthandler.enable()
    raises(Trap, exports.trap)
    loop()
    crash()


@isolated(ends=-signal.SIGSEGV, prints="Fatal Python error: Segmentation fault")
def test_a_real_fault_in_a_host_function_is_reported() -> None:
    faulthandler.enable()
    loop(crash).exports.host()


@isolated(ends=-signal.SIGSEGV)
def test_a_real_fault_in_a_host_function_ends_the_process() -> None:
    loop(crash).exports.host()


@isolated(ends=-signal.SIGSEGV)
def test_a_fault_signal_that_was_raised_in_a_host_function() -> None:
    loop(lambda: signal.raise_signal(signal.SIGSEGV)).exports.host()


@isolated(ends=-signal.SIGFPE)
def test_a_fault_signal_that_was_sent_in_a_host_function() -> None:
    loop(lambda: os.kill(os.getpid(), signal.SIGFPE)).exports.host()


@isolated()
def test_handlers_of_python_for_fault_signals() -> None:
    """A program may have handlers for SIGTRAP and the like of its own."""
    seen: list[int] = []
    signal.signal(signal.SIGTRAP, lambda number, _: seen.append(number))
    exports = loop(lambda: os.kill(os.getpid(), signal.SIGTRAP)).exports
    exports.host()
    os.kill(os.getpid(), signal.SIGTRAP)
    assert seen == [signal.SIGTRAP] * 2
    raises(Trap, exports.trap)


@isolated(ends=-signal.SIGTERM)
def test_sigterm_in_a_loop_ends_the_process() -> None:
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    loop(released=True).exports.spin()


@isolated()
def test_signals_ignored_and_blocked_in_between() -> None:
    exports = loop().exports
    for action in (signal.SIG_IGN, signal.SIG_DFL, signal.default_int_handler):
        signal.signal(signal.SIGINT, action)
        exports = loop().exports
        assert exports.count(10) == 10
        if action is signal.SIG_IGN:
            os.kill(os.getpid(), signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    os.kill(os.getpid(), signal.SIGINT)
    assert exports.count(1000) == 1000
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        exports.count(1000)
    except KeyboardInterrupt:
        pass
    raises(Trap, exports.trap)


FAULTS = r"""
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile int inside;

static void mend(int number, siginfo_t *info, void *context)
{
    __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 20000 && inside < 2; i++)  /* until the other thread's handler is at it, too */
        usleep(1000);
    mprotect((void *)((uintptr_t)info->si_addr & ~(uintptr_t)4095), 4096, PROT_READ | PROT_WRITE);
}

void install(void)
{
    struct sigaction action = {.sa_sigaction = mend, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, 0);
}

static void *touch(void *page)
{
    *(volatile char *)page = 1;
    return page;
}

int fault_twice(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, touch, mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    return inside;
}

int fault_often(int times)
{
    volatile char *page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int sum = 0;
    for (int i = 0; i < times; i++) {
        *page = (char)i;  /* each time at the same place */
        sum += *page == (char)i;
        mprotect((void *)page, 4096, PROT_NONE);
    }
    return sum;
}

static void mend_nothing(int number, siginfo_t *info, void *context)
{
}

void install_nothing(void)
{
    struct sigaction action = {.sa_sigaction = mend_nothing, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, 0);
}
"""


def faults() -> ctypes.CDLL:
    """The functions above, after a handler of theirs was installed."""
    with tempfile.TemporaryDirectory() as directory:
        source, path = Path(directory, "faults.c"), Path(directory, "faults.so")
        source.write_text(FAULTS)
        compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
        subprocess.run([compiler, "-shared", "-fPIC", "-o", path, source, "-lpthread"], check=True)
        library = ctypes.CDLL(str(path))
    library.install()
    return library


@isolated()
def test_faults_of_two_threads_at_once_reach_whoever_handled_them_before() -> None:
    """As in a program with another runtime, whose own code faults as a matter of course."""
    library = faults()
    instance = instantiate(WORK, {"h": {"f": lambda at: at}})  # takes the signal again
    assert library.fault_twice() == 2
    for _ in range(10):
        assert raises(Trap, instance.exports.deep, 1 << 30).kind == "STACK_OVERFLOW"
        assert library.fault_twice() > 2


@isolated()
def test_faults_that_are_mended_are_passed_on_however_many_there_are() -> None:
    library = faults()
    instance = instantiate(WORK, {"h": {"f": lambda at: at}})
    assert library.fault_often(100_000) == 100_000
    assert raises(Trap, instance.exports.deep, 1 << 30).kind == "STACK_OVERFLOW"


@isolated(ends=-signal.SIGSEGV, timeout=300)
def test_faults_that_nobody_mends_end_the_process() -> None:
    library = faults()
    library.install_nothing()
    instantiate(WORK, {"h": {"f": lambda at: at}})
    ctypes.string_at(16)
