"""Host functions that wait: files, time, deadlines, cancellations and signals, whichever comes first."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from machine_code import Program, function_type

from wasmer_runtime_core.errors import Cancelled, Timeout
from wasmer_runtime_core.running.interrupts import check_interrupts, seconds_left, timeout, wait
from wasmer_runtime_core.running.objects.functions import HostFunction

FOREVER = 600.0
"""Seconds: the test has failed long before."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            pass


def calling(host: Callable[[], object]) -> Any:
    """A function of WebAssembly that calls `host`."""
    program = Program()
    program.call_import("run", program.import_function("f", ""))
    return program.instance([HostFunction(host, function_type(""), "env", "f")]).exports["run"]


def test_files_and_time(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    assert wait([(reader, select.POLLIN)], 0) == []
    assert wait(timeout=0.001) == [] and wait((), 0.0) == []
    assert wait([(reader, select.POLLIN), (writer, select.POLLOUT)]) == [(writer, select.POLLOUT)]
    os.write(writer, b"x")
    with open(reader, "rb", closefd=False) as file:
        assert wait([(writer, 0), (file, select.POLLIN)], FOREVER) == [(reader, select.POLLIN)]
    os.read(reader, 1)
    os.close(writer)
    assert wait([(reader, 0)]) == [(reader, select.POLLHUP)]
    os.close(reader)
    assert wait([(reader, select.POLLIN)]) == [(reader, select.POLLNVAL)]


@pytest.mark.parametrize(
    ("files", "seconds", "error", "words"),
    [
        ([], -1, ValueError, "cannot be negative"),
        ([], float("nan"), ValueError, "cannot be negative"),
        ([], "soon", TypeError, "must be real number"),
        (5, 0, TypeError, "not iterable"),
        ([5], 0, TypeError, "pairs"),
        ([(1,)], 0, TypeError, "pairs"),
        ([(-1, 1)], 0, ValueError, "negative"),
        ([("a", 1)], 0, TypeError, "fileno"),
        ([(1 << 40, 1)], 0, OverflowError, "too large"),
    ],
)
def test_what_cannot_be_waited_for(files: Any, seconds: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        wait(files, seconds)


def test_seconds_left() -> None:
    assert seconds_left() is None
    with timeout(FOREVER):
        left = seconds_left()
        assert left is not None and 0 < left <= FOREVER + 1
        with timeout(0):
            left = seconds_left()
            assert left is not None and left <= 0
            with pytest.raises(Timeout, match="the deadline passed while a host function was running"):
                check_interrupts()
        check_interrupts()
    assert seconds_left() is None


def test_a_deadline_ends_it(pipe: tuple[int, int]) -> None:
    for files in ([], [(pipe[0], select.POLLIN)]):
        run = calling(lambda files=files: wait(files, FOREVER) and None)
        with pytest.raises(Timeout, match="while a host function was running"):
            run(timeout=0.02)
        with pytest.raises(Timeout), timeout(0.02):
            wait(files)


def test_what_is_ready_is_not_lost_to_a_deadline(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"x")
    with timeout(FOREVER):
        assert wait([(pipe[0], select.POLLIN)]) == [(pipe[0], select.POLLIN)]


def test_signals_end_it_or_let_it_go_on(pipe: tuple[int, int]) -> None:
    seen: list[int] = []

    def handler(*_: object) -> None:
        seen.append(1)
        if len(seen) == 3:
            raise LookupError("third")
        signal.setitimer(signal.ITIMER_REAL, 0.001)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for wait_ in (lambda: wait((), FOREVER), calling(lambda: wait([(pipe[0], select.POLLIN)]) and None)):
            seen.clear()
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            with pytest.raises(LookupError, match="third"):
                wait_()
            assert len(seen) == 3
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_cancelled_task_ends_it_and_other_threads_run() -> None:
    waiting = threading.Event()
    errors: list[BaseException] = []

    def host() -> None:
        waiting.set()
        try:
            wait((), FOREVER)
        except Cancelled as error:
            errors.append(error)
            assert seconds_left() == 0.0
            for look in (check_interrupts, wait):
                with pytest.raises(Cancelled):
                    look()

    run = calling(host)

    async def main() -> None:
        for _ in range(20):
            waiting.clear()
            task = asyncio.create_task(run.call_async())
            while not waiting.is_set():
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert [str(error) for error in errors] == ["the call was cancelled while a host function was running"] * 20


def test_a_signal_between_the_look_and_the_wait_is_not_lost() -> None:
    """A thread of its own is told again and again, at any moment."""
    rounds = 2000
    done: list[int] = []

    def work() -> None:
        for _ in range(rounds):
            with pytest.raises(Timeout), timeout(0.00002):
                wait((), FOREVER)
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(FOREVER)
    assert len(done) == rounds


def test_files_are_as_many_as_the_process_may_open() -> None:
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if not 0 < most < 1 << 20:
        pytest.skip("there is no limit")
    with pytest.raises(OSError):
        wait([(0, 0)] * (most + 1), 0)


def test_a_thread_that_never_ran_code_may_wait() -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend((seconds_left(), wait((), 0), time.monotonic())))
    thread.start()
    thread.join()
    assert found[:2] == [None, []]
