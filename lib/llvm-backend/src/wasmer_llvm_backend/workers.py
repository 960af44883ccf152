"""Units compiled in processes of their own, on all cores.

llvmlite holds one lock around LLVM, so threads would take turns; and an assertion that fails
in LLVM ends its process. Here that is a worker's end, and an answer: `Died`.

A worker is this module run as a program: it reads pickled jobs from its standard input and
writes pickled products to its standard output, each with its length in front. It is started
afresh, not forked from a program that may have threads, and does not import the caller's
main module, as the pools of the standard library would.
"""

from __future__ import annotations

import os
import pickle
import queue
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import IO, NamedTuple

from wasmer_llvm_backend.unit import Job, Product, compile_unit

STDERR_BYTES = 4000


class Died(NamedTuple):
    """A worker ended without an answer."""

    status: int
    message: str
    """The end of what it wrote to standard error: LLVM's assertion."""


class Worker:
    """A process, restarted when it has died."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.complaints = tempfile.TemporaryFile()  # a pipe that nobody reads could fill up
        self.closed = False
        self.lock = threading.Lock()

    def compile(self, job: Job) -> Product | Died:
        process = self.start()
        if process is None:
            return Died(0, "compilation was interrupted")
        assert process.stdin is not None and process.stdout is not None
        try:
            _write(process.stdin, job)
            answer = _read(process.stdout)
        except (OSError, EOFError, ValueError):  # ValueError: closed by `close`
            answer = None
        if isinstance(answer, Product):
            return answer
        process.kill()
        status = process.wait()
        size = self.complaints.seek(0, os.SEEK_END)
        self.complaints.seek(max(0, size - STDERR_BYTES))
        message = self.complaints.read().decode(errors="replace").strip()
        self.process = None
        return Died(status, message)

    def start(self) -> subprocess.Popen[bytes] | None:
        with self.lock:
            if self.closed:
                return None
            if self.process is None:
                environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
                self.process = subprocess.Popen(
                    [sys.executable, "-c", "from wasmer_llvm_backend.workers import serve; serve()"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self.complaints,
                    env=environment,
                    start_new_session=True,  # Ctrl-C is the caller's, who ends us
                )
            return self.process

    def close(self) -> None:
        with self.lock:
            self.closed = True
            if self.process is not None:
                self.process.kill()
                for stream in (self.process.stdin, self.process.stdout):
                    if stream is not None:
                        try:
                            stream.close()
                        except OSError:
                            pass
                self.process.wait()


def compile_units(jobs: Sequence[Callable[[], Job]], processes: int) -> Iterator[tuple[int, Product | Died]]:
    """Compile jobs, `processes` at a time; yields (number of the job, answer) as they are done.

    A job is made when a worker is free for it. Leaving early, by an exception or Ctrl-C,
    ends the workers.
    """
    waiting = iter(range(len(jobs)))
    answers: queue.SimpleQueue[tuple[int, Product | Died]] = queue.SimpleQueue()
    workers = [Worker() for _ in range(max(1, min(processes, len(jobs))))]

    owners: dict[int, Worker] = {}
    try:
        for worker in workers:
            at = next(waiting, None)
            if at is None:
                break
            owners[at] = worker
            _start(at, jobs[at](), worker, answers)
        for _ in range(len(jobs)):
            at, answer = _next_answer(answers)
            worker = owners.pop(at)
            following = next(waiting, None)
            if following is not None:
                owners[following] = worker
                _start(following, jobs[following](), worker, answers)
            yield at, answer
    finally:
        for worker in workers:
            worker.close()


def _start(at: int, job: Job, worker: Worker, answers: queue.SimpleQueue[tuple[int, Product | Died]]) -> None:
    threading.Thread(target=lambda: answers.put((at, worker.compile(job))), daemon=True).start()


def _next_answer(answers: queue.SimpleQueue[tuple[int, Product | Died]]) -> tuple[int, Product | Died]:
    """Wait in steps, so that Ctrl-C is noticed."""
    while True:
        try:
            return answers.get(timeout=0.2)
        except queue.Empty:
            continue


def _write(stream: IO[bytes], value: object) -> None:
    data = pickle.dumps(value, protocol=5)
    stream.write(struct.pack("<Q", len(data)))
    stream.write(data)
    stream.flush()


def _read(stream: IO[bytes]) -> object:
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    (length,) = struct.unpack("<Q", head)
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)


def serve() -> None:
    """What a worker process runs: jobs until the input ends."""
    source, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may write among the answers
    while True:
        try:
            job = _read(source)
        except EOFError:
            return
        assert isinstance(job, Job)
        _write(answers, compile_unit(job))
