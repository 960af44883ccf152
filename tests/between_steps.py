"""A signal's handler that raises between any two steps of a call: whose answer is that?

What it raises here is everything at once that an `except` on the way waits for.
"""

from __future__ import annotations

import errno
import gc
import io
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest


class EveryNumber(int):
    """Compares as equal to each."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class EveryRefusal(
    BlockingIOError,
    BrokenPipeError,
    FileExistsError,
    FileNotFoundError,
    InterruptedError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
    TimeoutError,
    io.UnsupportedOperation,
):
    def __init__(self) -> None:
        super().__init__(EveryNumber(errno.EIO), "the handler's own")


class EveryMistake(AttributeError, TypeError, KeyError, IndexError, BufferError, UnicodeError):
    pass


KINDS: tuple[type[Exception], ...] = (EveryRefusal, EveryMistake, MemoryError)


def let_go(failure: BaseException | None) -> None:
    """Forget where an exception came from, and those before it.

    CPython 3.11 never frees the exception that an `except` begins or ends to handle when a trace function raises at
    that step (PUSH_EXC_INFO, POP_EXCEPT), where no signal's handler can run without one. Its traceback would keep all
    that the call had alive as long as the process.
    """
    while failure is not None:
        failure.__traceback__ = None
        failure.__context__, failure = None, failure.__context__


def check_every_step(call: Callable[[], object], kind: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a call again and again, and let a handler raise at another step of it each time, up to the last.

    What it raised has to come out of the call, the same object, or to be told as unraisable. The garbage collector
    waits meanwhile: finalizers of what other tests left would be steps of this call, now here, now there.
    """
    steps = stop_at = 0
    raised: list[Exception] = []
    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: unraisable.append(what.exc_value))

    def handler(number: int, frame: object) -> None:
        raised.append(kind())
        raise raised[-1]

    def trace(frame: Any, event: str, argument: object) -> object:
        nonlocal steps
        frame.f_trace_opcodes = True
        if event == "opcode":
            steps += 1
            if steps == stop_at:
                signal.raise_signal(signal.SIGUSR2)
        return trace

    before = signal.signal(signal.SIGUSR2, handler)
    lost = []
    gc.collect()
    gc.disable()
    try:
        while len(raised) == stop_at:
            stop_at += 1
            steps = 0
            found: BaseException | None = None
            sys.settrace(trace)
            try:
                call()
            except kind as failure:
                found = failure
            finally:
                sys.settrace(None)
            if len(raised) == stop_at and found is not raised[-1] and raised[-1] not in unraisable:
                lost.append(stop_at)
    finally:
        gc.enable()
        signal.signal(signal.SIGUSR2, before)
        for each in raised:
            let_go(each)
    assert stop_at > 40
    assert not lost, f"steps {lost} of {stop_at}"
