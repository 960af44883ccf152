"""Handlers that others set and masks that they change: traps, deadlines and Python's handlers go on working."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PRELUDE = """
import faulthandler, itertools, os, signal, sys, tempfile, threading
sys.path[:0] = {path!r}
dump = tempfile.TemporaryFile()
early = {early!r}
if early:
    faulthandler.enable(file=dump)
    faulthandler.register(signal.SIGUSR1, file=dump)
from machine_code import Program
from wasmer_runtime_core.errors import Timeout, Trap
from wasmer_runtime_core.running import interrupts

def program():
    program = Program()
    program.memory(1)
    program.function("load", "i32", "i32", "load", offset=0)
    program.function("divide", "i32 i32", "i32", "divide")
    program.function("spin", "", "", "spin")
    return program

made = program()
exports = made.instance().exports
seen = []
"""

ORDERS = """
handler = lambda *_: seen.append(1)
def to_default():
    for number in (signal.SIGSEGV, signal.SIGFPE, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)

steps = {
    "enable": lambda: faulthandler.enable(file=dump),
    "disable": faulthandler.disable,
    "register": lambda: faulthandler.register(signal.SIGUSR1, file=dump, chain=True),
    "unregister": lambda: faulthandler.unregister(signal.SIGUSR1),
    "handle": lambda: (signal.signal(signal.SIGUSR1, handler), signal.signal(signal.SIGSEGV, lambda *_: None)),
    "default": to_default,
    "instance": made.instance,
    "watch": interrupts.watch_signals,
}

def check(names, at):
    for _ in range(2):
        for name, arguments in (("load", (1 << 20,)), ("divide", (1, 0))):
            try:
                exports[name](*arguments)
            except Trap:
                continue
            raise AssertionError(names)
    assert os.fstat(dump.fileno()).st_size == 0, (names, at, "dumped")
    done = names[: at + 1]
    # The last handler is there unless it was taken away, or faulthandler gave back what was there before it.
    if "handle" in done:
        last = at - done[::-1].index("handle")
        registered = early
        for name in done[:last]:
            registered = name == "register" or (registered and name != "unregister")
        gone = "default" in done[last:] or (registered and "unregister" in done[last:])
    else:
        gone = True
    if not gone:
        before = len(seen)
        signal.raise_signal(signal.SIGUSR1)
        exports["divide"](1, 1)
        assert len(seen) == before + 1, (names, at, "the handler ran %d times" % (len(seen) - before))
        os.ftruncate(dump.fileno(), 0)
        os.lseek(dump.fileno(), 0, os.SEEK_SET)

for names in itertools.product(steps, repeat=3):
    child = os.fork()
    if child == 0:
        try:
            for at, name in enumerate(names):
                steps[name]()
                check(names, at)
            try:
                exports["spin"](timeout=0.001)
            except Timeout:
                os._exit(0)
        finally:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        sys.exit(f"{names}: {status}")
print("all")
"""

REAL_FAULTS = """
import ctypes
steps = {"enable": lambda: faulthandler.enable(file=dump), "disable": faulthandler.disable, "instance": made.instance,
         "by another way": lambda: (real_enable(file=dump), made.instance(), real_disable())}
for names in itertools.product(steps, repeat=2):
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(120)
        for name in names:
            steps[name]()
        ctypes.string_at(0)
        os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != -signal.SIGSEGV:
        sys.exit(f"{names}: {status}")
print("all")
"""


def run(script: str, *, early: bool = False, before: str = "") -> str:
    text = before + PRELUDE.format(path=[str(Path(__file__).parent), *sys.path], early=early) + script
    process = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=600, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.mark.parametrize("early", [False, True])
def test_traps_and_handlers_survive_every_order(early: bool) -> None:
    assert run(ORDERS, early=early) == "all\n"


@pytest.mark.parametrize("early", [False, True])
def test_real_faults_end_the_process_whoever_was_there(early: bool) -> None:
    """At once, or after a handler has come back from it too often; never not at all."""
    before = "import faulthandler\nreal_enable, real_disable = faulthandler.enable, faulthandler.disable\n"
    assert run(REAL_FAULTS, early=early, before=before) == "all\n"


def test_the_private_signal_is_refused_and_chosen_among_the_free() -> None:
    assert (
        run(
            """
number = interrupts.private_signal
for change in (lambda: signal.signal(number, lambda *_: None), lambda: signal.signal(number, signal.SIG_IGN),
               lambda: faulthandler.register(number, file=dump)):
    try:
        change()
    except OSError as error:
        assert "is taken by wasmer-runtime-core" in str(error), error
    else:
        raise AssertionError
os.kill(os.getpid(), number)  # sent by somebody else it does nothing
try:
    exports["spin"](timeout=0.01)
except Timeout:
    print(number - signal.SIGRTMIN)
""",
            before="import signal; signal.signal(signal.SIGRTMIN + 11, lambda *_: None)\n",
        )
        == "12\n"
    )


@pytest.mark.parametrize("how", ["first", "later", "set later"])
def test_threads_that_block_all_signals(how: str) -> None:
    """They trap, time out and are cancelled; what they block for themselves stays blocked."""
    assert (
        run(
            """
import asyncio
from wasmer_runtime_core.running.calls_async import call_async
how = HOW
def block():
    if how == "set later":
        signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    else:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

def work():
    if how == "first":
        block()
    mine = program().instance().exports
    if how != "first":
        assert mine["divide"](6, 3) == 2
        block()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGUSR1} <= blocked
    for _ in range(2):
        for name, arguments in (("load", (1 << 20,)), ("divide", (1, 0))):
            try:
                mine[name](*arguments)
            except Trap:
                print("trap")
        try:
            mine["spin"](timeout=0.01)
        except Timeout:
            print("timeout")

async def main():
    loop = asyncio.get_running_loop()
    from concurrent.futures import ThreadPoolExecutor
    loop.set_default_executor(ThreadPoolExecutor(1))
    mine = program().instance().exports
    await loop.run_in_executor(None, block)
    for _ in range(3):
        try:
            await asyncio.wait_for(call_async(mine["spin"]), 0.01)
        except asyncio.TimeoutError:
            print("cancelled")

thread = threading.Thread(target=work)
thread.start()
thread.join()
asyncio.run(main())
""".replace("HOW", repr(how))
        ).split()
        == ["trap", "trap", "timeout"] * 2 + ["cancelled"] * 3
    )


def test_a_mask_that_python_does_not_know_of_is_mended_with_each_deadline() -> None:
    assert (
        run("""
import ctypes
libc = ctypes.CDLL(None)
def work():
    mine = program().instance().exports
    for _ in range(2):
        libc.pthread_sigmask(signal.SIG_BLOCK, (ctypes.c_ulong * 16)(*[0x7fffffffffffffff] * 16), None)
        try:
            mine["spin"](timeout=0.01)
        except Timeout:
            print("timeout")
thread = threading.Thread(target=work)
thread.start()
thread.join()
""").split()
        == ["timeout"] * 2
    )


def test_a_deadline_holds_while_another_thread_keeps_the_gil() -> None:
    """Whoever must end and waits for the GIL gets it from code that runs, not when that has come to its own end."""
    assert (
        run("""
from wasmer_runtime_core.running.objects.functions import released
first, second = program().instance().exports, program().instance().exports
inside, seen_inside, over = [False], [], []
def keep():
    while not any(seen_inside) and len(seen_inside) < 100:
        inside[0] = True
        try:
            first["spin"](timeout=3)
        except Timeout:
            inside[0] = False
    over.append(1)
def end():
    while not over:
        try:
            released(second["spin"])(timeout=0.1)
        except Timeout:
            seen_inside.append(inside[0])
threads = [threading.Thread(target=work) for work in (keep, end)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(any(seen_inside))
""")
        == "True\n"
    )
