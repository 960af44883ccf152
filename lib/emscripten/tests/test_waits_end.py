"""Nothing that a program waits for outlives a deadline or a signal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_hostile_numbers import BUFFER, IOVECS, RESULT, call
from worlds import put_iovecs, world

from wasmer_emscripten import Program
from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout


@pytest.fixture
def silent() -> Iterator[int]:
    """A pipe that nobody writes to."""
    reader, writer = os.pipe()
    yield reader
    os.close(reader)
    os.close(writer)


def waiting(reader: int) -> Program:
    program = world(stdin=os.fdopen(reader, "rb", buffering=0, closefd=False))
    put_iovecs(program, IOVECS, (BUFFER, 10))
    guest = program.process.guest
    guest.pack(program.process.layouts.timespec, RESULT + 64, 1 << 40, 0)
    guest.write(BUFFER + 256, b"\0\0\0\0\1\0\0\0")
    guest.write(BUFFER + 512, b"\1\0\0\0")
    return program


WAITS: dict[str, Callable[[Program], Any]] = {
    "fd_read": lambda p: call(p, "fd_read", 0, IOVECS, 1, RESULT),
    "poll": lambda p: call(p, "__syscall_poll", BUFFER + 256, 1, -1),
    "poll of nothing": lambda p: call(p, "__syscall_poll", BUFFER + 256, 0, -1),
    "poll for long": lambda p: call(p, "__syscall_poll", BUFFER + 256, 1, (1 << 31) - 1),
    "select": lambda p: call(p, "__syscall__newselect", 1, BUFFER + 512, 0, 0, 0),
    "select for long": lambda p: call(p, "__syscall__newselect", 1, BUFFER + 512, 0, 0, RESULT + 64),
    "select of nothing": lambda p: call(p, "__syscall__newselect", 0, 0, 0, 0, 0),
    "emscripten_sleep": lambda p: call(p, "emscripten_sleep", -1),
    "emscripten_thread_sleep": lambda p: call(p, "emscripten_thread_sleep", 1e300),
    "usleep": lambda p: call(p, "usleep", -1),
    "nanosleep": lambda p: call(p, "nanosleep", RESULT + 64, 0),
}


@pytest.mark.parametrize("name", WAITS)
def test_a_deadline(name: str, silent: int) -> None:
    program = waiting(silent)
    with pytest.raises(Timeout), timeout(0.02):
        WAITS[name](program)
    assert call(program, "getpagesize") == 16_384


@pytest.mark.parametrize("name", WAITS)
@pytest.mark.parametrize("raised", [KeyboardInterrupt(), OSError(2, "no such file"), ValueError("closed file")])
def test_a_signal_whose_handler_raises(name: str, raised: BaseException, silent: int) -> None:
    """What a handler raises is never taken for a refusal of the host's."""

    def handler(number: int, frame: object) -> None:
        raise raised

    program = waiting(silent)
    before = signal.signal(signal.SIGUSR1, handler)
    main = threading.main_thread().ident
    assert main is not None
    sender = threading.Timer(0.02, signal.pthread_kill, (main, signal.SIGUSR1))
    sender.start()
    try:
        with pytest.raises(type(raised)) as caught:
            WAITS[name](program)
        assert caught.value is raised
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def test_time_that_is_made_up_passes_at_once() -> None:
    from wasmer_vfs import VirtualClock

    clock = VirtualClock()
    program = world(clock=clock)
    call(program, "emscripten_sleep", 5000)
    assert clock.elapsed == 5_000_000_000
    assert call(program, "__syscall_poll", 0, 0, 1000) == 0
    assert clock.elapsed == 6_000_000_000


@pytest.mark.parametrize("name", ["memset", "emscripten_memcpy_big", "random_get", "__syscall_ftruncate64"])
def test_what_takes_long_looks_in_between(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that is found the second time one looks ends the call there."""
    from wasmer_emscripten.library import heap
    from wasmer_vfs import memory_files
    from wasmer_vfs import random as random_bytes

    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise Timeout("now")

    for module in (heap, random_bytes, memory_files):
        monkeypatch.setattr(module, "look", look)
    program = world(pages=1024, most=1024, random=bytes)
    program.process.guest.write(RESULT, b"/tmp/f\0")
    number = call(program, "__syscall_openat", -100, RESULT, 0o102, 0)
    arguments: dict[str, tuple[int, ...]] = {
        "memset": (0, 1, 60 << 20),
        "emscripten_memcpy_big": (0, 1 << 20, 60 << 20),
        "random_get": (0, 60 << 20),
        "__syscall_ftruncate64": (number, 60 << 20),
    }
    with pytest.raises(Timeout):
        call(program, name, *arguments[name])
    assert looks == 2
