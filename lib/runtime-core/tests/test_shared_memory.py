"""Shared memories: they do not move, and threads wait in them and notify one another."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fresh_process import fresh_process

from wasmer_runtime_core.contract.values import MemoryDescriptor
from wasmer_runtime_core.errors import Cancelled, InvalidDescriptor, MemoryGrowError, Timeout, UnableToCreateMemory
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.running.objects.memory import Memory

PAGE = 65536
FOREVER = 600.0
"""Seconds: the test has failed long before."""


def shared(maximum: int = 4, how: str = "slot") -> Memory:
    """A shared memory of one page: in a slot, in address space of its own, or with an index of 64 bits."""
    if how == "slot":
        return Memory(1, maximum, shared=True)
    if how == "wide":
        return Memory(MemoryDescriptor(1, maximum, True, "i64"))
    return machine.Memory.__new__(Memory, 1, maximum, shared=True, reserve=False)


def until(condition: Callable[[], object]) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + FOREVER
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.001)


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[Any]]:
    """Work in a thread; what it returned or raised."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


def waiters(memory: Memory, address: int, count: int, **options: Any) -> list[tuple[threading.Thread, list[Any]]]:
    """So many threads that wait at an address, in this order."""
    found = []
    for _ in range(count):
        before = waiting()
        found.append(in_thread(lambda: memory.wait(address, 0, **options)))
        until(lambda before=before: waiting() == before + 1)
    return found


def waiting() -> int:
    """How many threads of this process are in a queue."""
    return machine.statistics()["waiters"]


# --- memories -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["slot", "room", "wide"])
def test_it_does_not_move(how: str) -> None:
    memory = shared(300, how)
    assert (
        memory.shared and memory.type.shared and memory.descriptor.shared and bool(memory.reserved) == (how == "slot")
    )
    address, view = memory.address, memoryview(memory)
    view[PAGE - 1] = 7
    assert [memory.grow(delta) for delta in (1, 100, 198)] == [1, 2, 102]
    assert memory.address == address and len(memoryview(memory)) == 300 * PAGE
    assert memory[300 * PAGE - 1] == 0 and memory[PAGE - 1] == 7
    view[0] = 9
    assert memory[0] == 9 and len(view) == PAGE
    with pytest.raises(MemoryGrowError, match="it may have at most 300"):
        memory.grow(1)


def test_it_needs_a_maximum() -> None:
    with pytest.raises(InvalidDescriptor, match="a shared memory needs a maximum"):
        Memory(1, shared=True)
    with pytest.raises(InvalidDescriptor, match="required for shared memory"):
        MemoryDescriptor(1, None, True)
    assert Memory(MemoryDescriptor(1, 2), shared=True).shared


def test_one_of_which_the_system_has_no_room_for_all() -> None:
    memory = Memory(MemoryDescriptor(1, 1 << 47, True, "i64"))
    assert memory.maximum == 1 << 47 and memory.grow(10) == 1
    with pytest.raises(MemoryGrowError, match="the system has no room"):
        memory.grow(1 << 28)
    assert memory.pages == 11
    with pytest.raises(UnableToCreateMemory):
        Memory(MemoryDescriptor(1 << 40, 1 << 47, True, "i64"))


def test_what_it_had_is_gone_with_it() -> None:
    """A slot that goes back is clean, whatever threads wrote while it grew and wherever it was closed."""
    for closed in (False, True):
        memory = shared(16)
        memory.grow(15)
        memory.write(16 * PAGE - 8, b"secret!!")
        address = memory.address
        if closed:
            memory.close()
        del memory
        others = [Memory(16, 16, shared=True) for _ in range(8)]
        assert any(other.address == address for other in others)
        assert all(other.read(16 * PAGE - 8, 8) == bytes(8) for other in others)


def test_threads_grow_it_and_each_page_is_granted_once() -> None:
    memory = shared(2001)
    granted: list[int] = []

    def grow() -> None:
        while True:
            try:
                granted.append(memory.grow(1))
            except MemoryGrowError:
                return

    threads = [threading.Thread(target=grow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(granted) == list(range(1, 2001)) and len(memory) == 2001 * PAGE


# --- waiting --------------------------------------------------------------------------------------


def test_what_is_not_as_expected_is_not_waited_for() -> None:
    memory = shared()
    memory.write(8, (1 << 40 | 5).to_bytes(8, "little"))
    assert memory.wait(8, 6) == memory.wait(8, 5, bits=64) == "not-equal"
    assert memory.wait(8, 5, 0) == memory.wait(8, 5 - (1 << 32), 0.001) == "timed-out"
    assert memory.wait(8, 1 << 40 | 5, 0, bits=64) == "timed-out"
    assert memory.notify(8) == 0


def test_who_came_first_is_woken_first_and_all_are_counted() -> None:
    memory = shared()
    threads = waiters(memory, 16, 5)
    assert memory.notify(20) == 0, "another address"
    assert memory.notify(16, 0) == 0
    assert memory.notify(16, 2) == 2
    until(lambda: threads[0][1] and threads[1][1])
    assert [results for _, results in threads] == [["ok"], ["ok"], [], [], []]
    assert memory.notify(16) == 3
    for thread, results in threads:
        thread.join()
        assert results == ["ok"]
    assert memory.notify(16) == 0


def test_memories_do_not_hear_of_each_other() -> None:
    memories = [shared() for _ in range(3)]
    threads = [waiters(memory, 64, 1)[0] for memory in memories]
    assert memories[1].notify(64) == 1
    until(lambda: threads[1][1])
    assert not threads[0][1] and not threads[2][1]
    for memory in memories:
        memory.notify(64)
    for thread, _ in threads:
        thread.join()


def test_a_wait_of_64_bits_and_one_of_32_are_in_one_queue() -> None:
    memory = shared()
    threads = waiters(memory, 8, 1, bits=64) + waiters(memory, 8, 1)
    assert memory.notify(8) == 2
    for thread, results in threads:
        thread.join()
        assert results == ["ok"]


def test_time_is_over_for_who_waits_in_the_middle() -> None:
    memory = shared()
    first = waiters(memory, 8, 1)
    middle, found = in_thread(lambda: memory.wait(8, 0, 0.05))
    last, _ = in_thread(lambda: memory.wait(8, 0))
    middle.join()
    until(lambda: waiting() == 2)
    assert found == ["timed-out"] and memory.notify(8) == 2
    for thread in (first[0][0], last):
        thread.join()


def test_it_grows_while_somebody_waits_in_it() -> None:
    for how in ("slot", "room", "wide"):
        memory = shared(100, how)
        thread, results = waiters(memory, PAGE - 8, 1)[0]
        memory.grow(99)
        assert memory.notify(PAGE - 8) == 1
        thread.join()
        assert results == ["ok"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((2, 0), ValueError, "the address 2 is not aligned: it must be a multiple of 4"),
        ((PAGE, 0), IndexError, "4 bytes at 65536 are outside of the memory"),
        ((-4, 0), IndexError, "must not be negative"),
        ((1 << 70, 0), IndexError, "index-sized integer"),
        ((0, "x"), TypeError, "integer"),
        ((0, 0, -1), ValueError, "a timeout of -1 seconds"),
    ],
)
def test_where_nobody_can_wait(arguments: tuple[Any, ...], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        shared().wait(*arguments)


def test_what_else_is_refused() -> None:
    memory = shared()
    with pytest.raises(ValueError, match="16 bits cannot be waited for"):
        memory.wait(0, 0, bits=16)
    with pytest.raises(ValueError, match="must be a multiple of 8"):
        memory.wait(4, 0, bits=64)
    with pytest.raises(ValueError, match="the memory is not shared"):
        Memory(1, 2).wait(0, 0)
    assert Memory(1, 2).notify(0) == 0
    with pytest.raises(ValueError, match="cannot be negative"):
        memory.notify(0, -1)
    with pytest.raises(ValueError, match="not aligned"):
        memory.notify(2)
    memory.close()
    with pytest.raises(ValueError, match="closed"):
        memory.wait(0, 0)


# --- what ends it ---------------------------------------------------------------------------------


def test_a_deadline_ends_it() -> None:
    memory = shared()
    with pytest.raises(Timeout), timeout(0.02):
        memory.wait(8, 0, FOREVER)
    assert memory.notify(8) == 0, "it has left the queue"


def test_a_cancellation_ends_it() -> None:
    memory = shared()
    handles: list[int] = []

    def wait() -> None:
        handles.append(machine.this_thread_handle())
        try:
            memory.wait(8, 0)
        finally:
            machine.uncancel()

    thread, results = in_thread(wait)
    until(waiting)
    machine.cancel(handles[0])
    thread.join()
    assert isinstance(results[0], Cancelled) and memory.notify(8) == 0


def test_signals_are_attended_to_and_it_goes_on() -> None:
    memory = shared()
    seen: list[int] = []

    def handler(number: int, frame: object) -> None:
        seen.append(number)

    def send() -> None:
        for count in range(1, 4):
            until(waiting)
            os.kill(os.getpid(), signal.SIGUSR1)
            until(lambda count=count: len(seen) == count)
        until(lambda: memory.notify(8))

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        thread, _ = in_thread(send)
        assert memory.wait(8, 0, FOREVER) == "ok"
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(seen) == 3


def test_an_exception_of_a_handler_ends_it() -> None:
    memory = shared()

    def send() -> None:
        until(waiting)
        os.kill(os.getpid(), signal.SIGINT)

    thread, _ = in_thread(send)
    with pytest.raises(KeyboardInterrupt):
        memory.wait(8, 0, FOREVER)
    thread.join()
    assert memory.notify(8) == 0


def test_in_a_forked_child_nobody_waits() -> None:
    """Threads are not forked; what they waited for is not notified there, and the parent's go on."""
    code = """
import os, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads, which this is about
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.objects.memory import Memory
memory = Memory(1, 1, shared=True)
results = []
threads = [threading.Thread(target=lambda: results.append(memory.wait(8, 0))) for _ in range(3)]
for thread in threads:
    thread.start()
while machine.statistics()["waiters"] < 3:
    time.sleep(0.001)
child = os.fork()
if child == 0:
    os._exit(machine.statistics()["waiters"] + memory.notify(8) + (memory.wait(8, 0, 0.001) != "timed-out"))
assert os.waitpid(child, 0)[1] == 0
assert memory.notify(8) == 3
for thread in threads:
    thread.join()
print(results)
"""
    process = fresh_process(code)
    assert (process.stdout, process.stderr) == ("['ok', 'ok', 'ok']\n", "")
