"""What happens while a program waits."""

from __future__ import annotations

import os
from typing import Any

import pytest
from guests import FRAME, Guest

from wasmer_go import GoError, GoState, Thrown
from wasmer_go.conversion import to_python
from wasmer_go.errors import TooManyValues
from wasmer_go.loop import MAX_TIMERS, Loop
from wasmer_go.objects import UNDEFINED, Error, Function
from wasmer_go.promises import Promise
from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_vfs import SystemClock, VirtualClock
from wasmer_vfs.waiting import Interrupted


def run(loop: Loop) -> None:
    while not loop.idle:
        loop.step()


def test_the_order() -> None:
    loop, seen = Loop(VirtualClock()), list[str]()

    def set_timer(delay: int) -> None:
        def due() -> None:
            seen.append(f"timer {delay}")
            loop.clear(number)

        number = loop.timer(delay, due)

    for delay in (30, 10, 20, 10):
        set_timer(delay)
    loop.soon(lambda: seen.append("first"))
    loop.soon(lambda: seen.append("second"))
    run(loop)
    assert seen == ["first", "second", "timer 10", "timer 10", "timer 20", "timer 30"]


def test_cleared_timers_do_not_pile_up() -> None:
    loop = Loop(VirtualClock())
    for _ in range(100_000):
        loop.clear(loop.timer(1e9, lambda: None))
    assert len(loop._due) < 200 and loop.idle


def test_there_is_a_limit_to_timers() -> None:
    loop = Loop(VirtualClock())
    with pytest.raises(TooManyValues):
        for _ in range(MAX_TIMERS + 1):
            loop.timer(1, lambda: None)


@pytest.mark.parametrize("delay", [-(1 << 63), -1, 0, (1 << 63) - 1, float("inf")])
def test_delays_of_any_size(delay: float) -> None:
    Loop(VirtualClock()).timer(delay, lambda: None)


def test_waits_end_with_deadlines() -> None:
    loop = Loop(SystemClock())
    loop.timer(1e12, lambda: None)
    with pytest.raises(Interrupted) as caught, timeout(0.05):
        loop.step()
    assert isinstance(caught.value.reason, Timeout)
    guest = Guest(GoState.new("guest"))
    guest.number(8, 1 << 40)
    guest.on_run(("runtime.scheduleTimeoutEvent", FRAME))
    with pytest.raises(Timeout), timeout(0.05):
        guest.program.run()


def test_a_timer_goes_on_until_the_program_clears_it() -> None:
    guest = Guest(GoState.new("guest").clock(VirtualClock()))
    guest.number(8, 100)
    guest.number(0x208, 1)
    guest.on_run(("runtime.scheduleTimeoutEvent", FRAME))
    guest.on_resume()
    guest.on_resume()
    guest.on_resume(("runtime.clearTimeoutEvent", FRAME + 0x200))
    guest.program._begin()
    for _ in range(4):
        assert not guest.process.loop.idle
        guest.process.loop.step()
    assert guest.process.loop.idle and guest.process.entries == 4
    assert guest.got("i", 16) == 1


def test_files_that_wait_let_others_go_on() -> None:
    """A read of a pipe is called back when there is something; until then timers are due."""
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as stdin, open(writing, "wb", buffering=0) as out:
        guest = Guest(GoState.new("guest").stdin(stdin))
        seen: list[Any] = []
        fs = guest.process.world.get("fs")
        buffer = guest.process.world.get("Uint8Array").make([10.0])
        callback = Function("done", lambda this, args: seen.append(args) or UNDEFINED)
        fs.get("read").call(fs, [0.0, buffer, 0.0, 10.0, None, callback])
        loop = guest.process.loop
        number = 0

        def due() -> None:
            loop.clear(number)
            out.write(b"hello")

        number = loop.timer(1, due)
        while not seen:
            loop.step()
        assert seen[0][0] is None and seen[0][1] == 5.0 and bytes(buffer.data[:5]) == b"hello"


def test_a_deadlock_is_told_once() -> None:
    guest = Guest()
    guest.on_resume()
    with pytest.raises(GoError, match="says nothing of a deadlock"):
        guest.program.run()
    assert guest.process.go.get("_pendingEvent").get("id") == 0.0


# --- promises


def test_promises() -> None:
    guest = Guest()
    process, program = guest.process, guest.program
    made = Promise(process.loop, process.budget)
    after = made.then(Function("double", lambda this, args: args[0] * 2), UNDEFINED)
    process.loop.soon(lambda: made.resolve(21.0))
    assert program.result(to_python(process, after)) == 42
    assert program.result("no promise") == "no promise"


def test_promises_that_are_rejected() -> None:
    guest = Guest()
    process, program = guest.process, guest.program
    made = Promise(process.loop, process.budget)
    made.reject(Error("RangeError", "too much"))
    with pytest.raises(Thrown, match="RangeError: too much"):
        program.result(to_python(process, made))
    caught = made.then(UNDEFINED, Function("catch", lambda this, args: args[0].get("message")))
    assert program.result(to_python(process, caught)) == "too much"
    cause = ValueError("mine")
    made = Promise(process.loop, process.budget)
    made.reject(Error("ValueError", "mine", cause=cause))
    with pytest.raises(ValueError, match="mine"):
        program.result(to_python(process, made))


def test_promises_that_are_never_settled() -> None:
    guest = Guest()
    made = Promise(guest.process.loop, guest.process.budget)
    with pytest.raises(GoError, match="never be settled"):
        guest.program.result(to_python(guest.process, made))
    guest.process.loop.timer(1e9, lambda: None)
    with pytest.raises(TimeoutError):
        guest.program.result(to_python(guest.process, made), timeout=0.02)


def test_a_promise_of_itself() -> None:
    guest = Guest()
    made = Promise(guest.process.loop, guest.process.budget)
    made.resolve(made)
    with pytest.raises(Thrown, match="with itself"):
        guest.program.result(to_python(guest.process, made))


def test_functions_of_promises() -> None:
    guest = Guest()
    world, process = guest.process.world, guest.process
    resolve: list[Any] = []
    made = world.get("Promise").make([Function("f", lambda this, args: resolve.append(args[0]) or UNDEFINED)])
    seen: list[Any] = []
    made.get("finally").call(made, [Function("g", lambda this, args: seen.append("end") or UNDEFINED)])
    resolve[0].call(UNDEFINED, ["value"])
    while not process.loop.idle:
        process.loop.step()
    assert made.value == "value" and seen == ["end"]
