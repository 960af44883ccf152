"""The program that a worker process runs; `workers` is its other side."""

from __future__ import annotations

import os
import pickle
import resource
import select
import threading
import traceback
from typing import Final

from wasmer_llvm_backend.unit import Job, compile_unit

SOCKET: Final = 0
"""Standard input: a socket to the caller."""

READY: Final = b"r"
GO: Final = b"g"
DONE: Final = b"d"

WATCH_MILLISECONDS: Final = 1000


def serve(paper: int) -> None:
    """Compile the jobs that are written into the file `paper`, until the caller hangs up.

    An answer is a `Product`, or the exception that kept it from being made.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an abort of LLVM is an answer, not a file
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    os.write(SOCKET, READY)
    with open(paper, "r+b", buffering=0) as file:
        while os.read(SOCKET, 1) == GO:
            job = read_paper(file.fileno())
            assert isinstance(job, Job)
            try:
                answer: object = compile_unit(job)
            except Exception as error:
                error.add_note(f"In a worker process:\n{traceback.format_exc()}")
                answer = error
            write_paper(file.fileno(), answer)
            os.write(SOCKET, DONE)


def _end_with(caller: int) -> None:
    """End this process when the caller has, however that came about, also in the midst of a compilation."""
    hung_up = select.poll()
    hung_up.register(SOCKET, 0)
    while not hung_up.poll(WATCH_MILLISECONDS) and os.getppid() == caller:
        pass
    os._exit(1)


def write_paper(paper: int, value: object) -> None:
    """Let a file hold `value` and nothing else.

    Raises:
        OSError: it is too large for the limits of this process.
    """
    data = memoryview(pickle.dumps(value, protocol=5))
    os.ftruncate(paper, 0)
    at = 0
    while at < len(data):
        at += os.pwrite(paper, data[at:], at)


def read_paper(paper: int) -> object:
    """What `write_paper` wrote."""
    data = bytearray()
    while piece := os.pread(paper, os.fstat(paper).st_size - len(data), len(data)):
        data += piece
    return pickle.loads(data)
