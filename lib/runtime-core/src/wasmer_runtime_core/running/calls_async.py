"""``await function.call_async(…)``: a call that leaves the event loop free and can be cancelled.

The call runs in the loop's default executor, without the GIL, in a copy of the caller's
context variables. Arguments, results and exceptions are those of an ordinary call.

Cancelling the task, also by ``asyncio.timeout`` or ``wait_for``, ends the WebAssembly code
between two instructions; the task is done when the thread is, so the instance can be called
again at once. What it left behind is as with any interruption (`interrupts`). Host functions
run in the thread. One that waits with `interrupts.wait` ends at once with `Cancelled`; any
other is not stopped, and the call ends when it returns to WebAssembly. One that is an
``async def`` runs as a task of the loop (`host_async`), and is cancelled with the call.

One instance runs in one thread at a time: a second call while the first runs raises
RuntimeError, as with any threads. Give each task its own instance.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading

from wasmer_runtime_core.errors import Cancelled
from wasmer_runtime_core.native.machine import Function, cancel, released, this_thread_handle, uncancel
from wasmer_runtime_core.running.host_async import LOOP
from wasmer_runtime_core.support.annotations import Any


class _Call:
    """One call, which some thread runs and another may end."""

    def __init__(self, function: Function, arguments: tuple[Any, ...], timeout: float | None) -> None:
        self.function = released(function)
        self.arguments = arguments
        self.timeout = timeout
        self.lock = threading.Lock()
        self.thread = 0  # handle of the thread that runs, or 0
        self.begun = False
        self.cancelled = False

    def run(self) -> Any:
        """In the thread. Returns None if the call was cancelled."""
        with self.lock:
            if self.cancelled:
                return None
            self.begun = True
            self.thread = this_thread_handle()
        try:
            return self.function(*self.arguments, timeout=self.timeout)
        except Cancelled:
            if self.cancelled:
                return None
            raise  # the call in which this one was made
        finally:
            with self.lock:
                self.thread = 0
                if self.cancelled:
                    uncancel()

    def cancel(self) -> bool:
        """In any other thread: end the call if it runs, let it not begin if it does not. Whether it has begun."""
        with self.lock:
            if not self.cancelled:
                self.cancelled = True
                if self.thread:
                    cancel(self.thread)
            return self.begun


async def call_async(function: Function, *arguments: Any, timeout: float | None = None) -> Any:
    """Call a function off the loop; see the module's description.

    Args:
        function: what is called.
        arguments: its arguments.
        timeout: seconds, from when it begins to run, until it is ended; None: no limit.

    Raises:
        Timeout: the time was over.
        What the call raises; `asyncio.CancelledError` when the task is cancelled.
    """
    call = _Call(function, arguments, timeout)
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    context.run(LOOP.set, loop)
    future = loop.run_in_executor(None, context.run, call.run)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if not call.cancel():
            future.cancel()  # it waits for a thread, as long as other calls have them all
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                continue  # cancelled once more: it is ending already
        if not future.cancelled():
            future.exception()  # nobody wants it; this says that it was seen
        raise
    finally:
        if not future.done():  # the coroutine was closed: nobody will wait, so the thread must not go on for ever
            call.cancel()
