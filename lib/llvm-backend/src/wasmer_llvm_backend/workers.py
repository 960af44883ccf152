"""Units compiled in processes of their own, on all cores.

llvmlite holds one lock around LLVM, so threads would take turns; an assertion that fails in
LLVM ends its process; and LLVM at work hears no signal. A worker is compiled beside, may die,
and can be ended at any moment: whoever leaves `compile_units`, by an answer taken, an
exception, Ctrl-C or a deadline, ends the workers, and nothing of them remains.

A worker runs `serve`. It is started afresh, not forked from a program that may have threads,
does not import the caller's main module, and looks for modules where the caller does.
Job and answer lie in a file in memory that both have open (`paper`); a socket carries one byte
for each. So the caller never waits for a worker to listen, and needs no threads. A caller that
is killed takes its workers along.

Where no worker can be started (no executable, as in a program that embeds Python; no room for
another process), units are compiled in this process.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import IO, Final, NamedTuple, final

from wasmer_llvm_backend.serve import DONE, GO, READY, read_paper, write_paper
from wasmer_llvm_backend.unit import Job, Product, compile_unit
from wasmer_runtime_core.native.machine import wait
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.support.handlers import raised_by_a_handler

STDERR_BYTES: Final = 4000
"""So much of what a worker complained about is kept."""

START_SECONDS: Final = 60.0
"""What has not said by then that it is a worker is none: `sys.executable` may be any program."""

MARK: Final = "WASMER_LLVM_WORKER"
"""Set in a worker's environment. A program that is `sys.executable` itself would start itself without end."""


class Died(NamedTuple):
    """A worker ended without an answer."""

    status: int
    """Its exit status; the negative number of the signal that ended it."""
    message: str
    """The end of what it wrote to standard error: LLVM's assertion."""

    @property
    def killed(self) -> bool:
        """Whether it was ended from outside: by the kernel, as a rule, for want of memory."""
        return self.status == -signal.SIGKILL


@final
class Worker:
    """A process, and the unit it is compiling."""

    def __init__(self) -> None:
        """Start it; it greets when it is ready, but can be given a job before.

        Raises:
            OSError: that is not possible here.
        """
        if not sys.executable:
            raise OSError("sys.executable names no Python")
        if getattr(sys, "frozen", False):
            raise OSError("a frozen program is no Python that could be started")
        if MARK in os.environ:
            raise OSError("this process is a worker")
        self.given: tuple[int, Job] | None = None
        self.ready = False
        self.started = time.monotonic()
        self.files: list[IO[bytes]] = []
        self.socket, theirs = socket.socketpair()
        try:
            self.paper = self._memory_file()
            self.complaints = self._memory_file()
            self.process = subprocess.Popen(
                [sys.executable, *_flags(), "-c", _program(self.paper)],
                stdin=theirs.fileno(),
                stdout=self.complaints,
                stderr=self.complaints,
                pass_fds=(self.paper,),
                env={**os.environ, MARK: "1"},
                start_new_session=True,  # Ctrl-C is the caller's, who ends us
            )
        except BaseException:
            self._close_files()
            raise
        finally:
            theirs.close()

    def give(self, at: int, job: Job) -> None:
        """Let it compile `job`, which is number `at`.

        Raises:
            OSError: there is no room for it.
        """
        write_paper(self.paper, job)
        self.given = (at, job)
        try:
            self.socket.send(GO, socket.MSG_NOSIGNAL)
        except OSError as failure:
            if raised_by_a_handler(failure):
                raise
            # it has ended: `answer` tells

    def answer(self) -> Product | Died | None:
        """What has come from it; None: a greeting. To be called when there is something to read.

        Raises:
            Exception: what was raised in the worker.
        """
        try:
            word = self.socket.recv(1)
        except OSError as failure:
            if raised_by_a_handler(failure):
                raise
            word = b""
        if word == READY:
            self.ready = True
            return None
        if word != DONE:
            self.process.kill()
            status = self.process.wait()
            return Died(status, self._complaint())
        answer = read_paper(self.paper)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Product)
        return answer

    def close(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        self._close_files()

    def _complaint(self) -> str:
        size = os.fstat(self.complaints).st_size
        return os.pread(self.complaints, STDERR_BYTES, max(0, size - STDERR_BYTES)).decode(errors="replace").strip()

    def _close_files(self) -> None:
        self.socket.close()
        for file in self.files:
            file.close()

    def _memory_file(self) -> int:
        descriptor = os.memfd_create("wasmer")
        self.files.append(open(descriptor, "r+b", buffering=0))
        return descriptor


def _flags() -> list[str]:
    """What makes another interpreter look for its modules where this one does."""
    flags = sys.flags
    given = (("-E", flags.ignore_environment), ("-s", flags.no_user_site), ("-S", flags.no_site))
    return ["-P", *(flag for flag, on in given if on), *(["-B"] if sys.dont_write_bytecode else [])]


def _program(paper: int) -> str:
    """A worker's program: modules are where they are here, which an environment variable could not say."""
    path = [os.fspath(entry) for entry in sys.path]
    return f"import sys; sys.path[:] = {path!a}; from wasmer_llvm_backend.serve import serve; serve({paper})"


def compile_units(
    jobs: Sequence[Callable[[], Job]], processes: int, unable: Callable[[str], None]
) -> Generator[tuple[int, Product | Died]]:
    """Compile jobs, `processes` at a time; yields (number of the job, answer) as they are done.

    Jobs are made in order, one ahead of the workers. With 0 processes all is done here; also
    if no worker can be started, after `unable` was called with the reason.

    Close it (`contextlib.closing`): that ends the workers.

    Raises:
        Exception: what was raised in a worker, or in making a job.
    """
    waiting = deque(enumerate(jobs))
    made: deque[tuple[int, Job]] = deque()
    idle: list[Worker] = []
    busy: dict[int, Worker] = {}
    reason = ""  # why no more workers can be started

    def make() -> tuple[int, Job]:
        if made:
            return made.popleft()
        at, job = waiting.popleft()
        return at, job()

    def dismiss(worker: Worker) -> tuple[int, Job]:
        del busy[worker.socket.fileno()]
        worker.close()
        assert worker.given is not None
        return worker.given

    try:
        while waiting or made or busy:
            while not reason and len(idle) + len(busy) < min(processes, len(waiting) + len(made) + len(busy)):
                try:
                    idle.append(Worker())
                except OSError as error:
                    if raised_by_a_handler(error):
                        raise
                    reason = str(error)
            while idle and (waiting or made):
                at, job = make()
                worker = idle[-1]
                try:
                    worker.give(at, job)
                except OSError as error:
                    if raised_by_a_handler(error):
                        raise
                    reason = str(error)
                    made.appendleft((at, job))
                    worker.close()
                else:
                    busy[worker.socket.fileno()] = worker
                idle.pop()
            if not busy:
                if reason:
                    unable(reason)
                    reason, processes = "", 0
                at, job = make()
                checkpoint()
                yield at, compile_unit(job)
                continue
            if waiting and not made:
                made.append(make())
            starting = [worker for worker in busy.values() if not worker.ready]
            for descriptor, _ in wait(
                [(worker.socket, select.POLLIN) for worker in busy.values()], 1 if starting else None
            ):
                worker = busy[descriptor]
                answer = worker.answer()
                if isinstance(answer, Product):
                    assert worker.given is not None
                    idle.append(busy.pop(descriptor))
                    yield worker.given[0], answer
                elif answer is not None and (worker.ready or answer.killed):
                    yield dismiss(worker)[0], answer
                elif answer is not None:
                    reason = f"{sys.executable} ended with status {answer.status}: {answer.message or 'without a word'}"
                    made.appendleft(dismiss(worker))
            for worker in starting:
                if not worker.ready and worker in busy.values() and time.monotonic() > worker.started + START_SECONDS:
                    reason = f"{sys.executable} did not become a worker within {START_SECONDS:.0f} seconds"
                    made.appendleft(dismiss(worker))
    finally:
        for worker in (*idle, *busy.values()):
            worker.close()
