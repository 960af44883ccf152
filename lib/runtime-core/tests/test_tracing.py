"""Traces end when their program must, whoever reads them."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.middleware.trace import BlockTrace, CallTrace
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout

if TYPE_CHECKING:
    from wasmer_runtime_core.running.instance import Instance

ENDLESS = '(module (func (export "run") (loop (call $f) (br 0))) (func $f))'
TIMES = 3_000
SOME = f"""(module
  (func (export "run") (local i32)
    (loop (call $f) (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const {TIMES})))))
  (func ${"f" * 2_000}) (func $f))"""
SHORT = '(module (func (export "run")))'
LONGEST_WAIT = 120
"""Seconds after which a test that should have ended is helped to fail."""


def traced(text: str, trace: type[CallTrace] | type[BlockTrace], *, release_gil: bool = False) -> Instance:
    config = CompilerConfig(middlewares=(trace(),), release_gil=release_gil)
    return compile_with(text, find_compiler("singlepass"), config).instantiate()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe; if it is never read, and that is waited for, it is in the end."""
    reader, writer = os.pipe()
    helper = threading.Timer(LONGEST_WAIT, lambda: all(iter(lambda: os.read(reader, 1 << 16), b"")))
    helper.daemon = True
    helper.start()
    yield reader, writer
    helper.cancel()
    for end in (reader, writer):
        os.close(end)


@pytest.mark.parametrize("trace", [CallTrace, BlockTrace])
@pytest.mark.parametrize("buffering", [1, -1])
@pytest.mark.parametrize("release_gil", [False, True])
def test_a_deadline_ends_it_where_nobody_reads(
    trace: type[CallTrace] | type[BlockTrace],
    buffering: int,
    release_gil: bool,
    pipe: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instance = traced(ENDLESS, trace, release_gil=release_gil)
    with open(pipe[1], "w", buffering=buffering, closefd=False) as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        with timeout(0.5), pytest.raises(Timeout):
            instance.exports.run()
        monkeypatch.undo()


def test_all_lines_arrive_where_somebody_reads_slowly(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of threads that write at once."""
    found = bytearray()
    lines = 2 * (TIMES + 1)

    def read() -> None:
        while found.count(b"\n") < lines:
            found.extend(os.read(pipe[0], 4096))
            time.sleep(0)

    instances = [traced(SOME, CallTrace, release_gil=True) for _ in range(2)]
    with open(pipe[1], "w", buffering=1, closefd=False) as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        threads = [threading.Thread(target=each.exports.run) for each in instances] + [threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        monkeypatch.undo()
    expected = sorted(f"[{number}] func ({min(number, 1) * 2})" for number in range(TIMES + 1))
    assert sorted(found.decode().splitlines()) == sorted(2 * expected)


def test_a_line_fits_where_a_pipe_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    instance = traced(f'(module (func $"{"𝔄" * 5_000}") (export "run" (func 0)))', BlockTrace)
    monkeypatch.setattr(sys, "stderr", written)
    instance.exports.run()
    monkeypatch.undo()
    assert all(len(line.encode()) <= 4096 for line in written.getvalue().splitlines(keepends=True))


def test_a_deadline_that_passes_while_a_line_is_written_is_seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when a timer happens to find the code between two lines."""

    class Slow:
        lines = 0

        def write(self, line: str) -> None:
            self.lines += 1
            time.sleep(0.3)

    slow = Slow()
    instance = traced(ENDLESS, CallTrace)
    monkeypatch.setattr(sys, "stderr", slow)
    with timeout(0.2), pytest.raises(Timeout):
        instance.exports.run()
    monkeypatch.undo()
    assert slow.lines <= 1


def test_nobody_is_amid_a_line_when_the_process_forks(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the child would find what guards the stream taken by a thread that it has not."""

    class Guarded:
        guard = threading.Lock()
        writing = threading.Event()

        def fileno(self) -> int:
            return pipe[1]

        def write(self, line: str) -> None:
            with self.guard:
                if not self.writing.is_set():
                    self.writing.set()
                    time.sleep(0.2)

        def flush(self) -> None:
            pass

    stderr = Guarded()
    other, mine = traced(ENDLESS, CallTrace), traced(SHORT, CallTrace)
    monkeypatch.setattr(sys, "stderr", stderr)

    def run() -> None:
        with timeout(1.0), pytest.raises(Timeout):
            other.exports.run()

    thread = threading.Thread(target=run)
    thread.start()
    stderr.writing.wait()
    child = os.fork()
    if not child:
        signal.alarm(LONGEST_WAIT)
        mine.exports.run()
        os._exit(0)
    thread.join()
    monkeypatch.undo()
    assert os.waitpid(child, 0)[1] == 0
