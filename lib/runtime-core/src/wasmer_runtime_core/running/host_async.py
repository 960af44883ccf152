"""Host functions that are coroutine functions (``async def``), for calls that are made with ``call_async``.

The WebAssembly code runs in a thread, the event loop goes on in its own. Such a host function becomes a task of the
loop, and the thread waits for it, without the GIL, as `interrupts.wait` does: what ends the call (a deadline, a task
that is cancelled) cancels the task. Its result, and what it raises, are those of the import.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
from contextvars import ContextVar
from functools import wraps

from wasmer_runtime_core.running.interrupts import wait
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LOOP: Final[ContextVar[asyncio.AbstractEventLoop]] = ContextVar("wasmer_runtime_core.loop")
"""In the thread of a ``call_async``: the loop that waits for it."""


def waiting_for(function: Callable[..., Any]) -> Callable[..., Any]:
    """What calls a coroutine function on the loop and waits for what it returns.

    Raises, when it is called:
        TypeError: no ``call_async`` leads here, so there is no loop.
    """

    @wraps(function)
    def call(*arguments: Any) -> Any:
        loop = LOOP.get(None)
        if loop is None or asyncio._get_running_loop() is not None:
            name = getattr(function, "__qualname__", type(function).__name__)
            raise TypeError(
                f"the host function {name} is async: it can run where the call is awaited, "
                "as in `await instance.exports.name.call_async(…)`"
            )
        done = _Done()
        try:
            task = asyncio.run_coroutine_threadsafe(function(*arguments), loop)
            task.add_done_callback(done.write)
            try:
                wait([(done.file, select.POLLIN)])
            except BaseException:
                task.cancel()
                raise
            return task.result()
        finally:
            done.close()

    return call


class _Done:
    """Tells a thread that a task is done, by a file; as long as the thread wants to know."""

    def __init__(self) -> None:
        self.file = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()

    def write(self, task: object) -> None:
        with self._lock:
            if self.file >= 0:
                os.eventfd_write(self.file, 1)

    def close(self) -> None:
        """From now on nothing is written: the number may be another file's."""
        with self._lock:
            os.close(self.file)
            self.file = -1
