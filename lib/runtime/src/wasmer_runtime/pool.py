"""`Pool`: instances of one module for several callers, threads or tasks.

An instance runs one call at a time. Where several ask at once, each takes an instance of the pool, or waits until one
is given back, in the order of asking::

    pool = Pool(module, 4)
    pool.call("resize", 640, 480)                      # in any thread
    await pool.call_async("resize", 640, 480)          # in any task
    with pool.instance() as instance:                  # several calls, and memory, of one instance
        …

Instances are made when they are needed, `size` at most, and used again: **what a call leaves in memory, tables and
globals the next one finds**, whoever made it. Calls that must not see each other get an instance each
(`Module.instantiate`). An instance in which something was raised is closed and replaced, for what it left half done.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.module import Module
    from wasmer_runtime_core.running.objects.limits import Limits


@final
class Pool:
    """See the module's description.

    Attributes:
        module: what the instances are of.
        size: how many there may be at once.
    """

    def __init__(
        self, module: Module, size: int, imports: Mapping[str, Any] | None = None, limits: Limits | None = None
    ) -> None:
        """No instance is made yet.

        Args:
            module: a compiled module.
            size: how many instances there may be at once.
            imports, limits: as for `Module.instantiate`; each instance is made with them.

        Raises:
            ValueError: a size below 1.
        """
        if size < 1:
            raise ValueError(f"a pool has at least one instance, not {size}")
        self.module = module
        self.size = size
        self._imports = imports
        self._limits = limits
        self._lock = threading.Lock()  # held for a moment
        self._free: list[Instance] = []
        self._made = 0
        self._waiting: deque[Future[Instance | None]] = deque()
        self._closed = False

    def call(self, name: str, *arguments: Any, timeout: float | None = None) -> Any:
        """Call an export of some instance.

        Args:
            name: of the export.
            arguments: its arguments.
            timeout: seconds until the call is ended; waiting for an instance does not count.

        Raises:
            RuntimeError: the pool is closed.

        And what the call raises, and what making an instance does.
        """
        with self.instance() as instance:
            return instance.exports[name](*arguments, timeout=timeout)

    async def call_async(self, name: str, *arguments: Any, timeout: float | None = None) -> Any:
        """The same, awaited: the loop is free while an instance is waited for, and while it runs."""
        async with self.instance_async() as instance:
            return await instance.exports[name].call_async(*arguments, timeout=timeout)

    @contextmanager
    def instance(self) -> Iterator[Instance]:
        """An instance for the block alone."""
        future = self._ask()
        try:
            found = future.result()
        except BaseException:
            self._give_up(future)
            raise
        with self._given_back(self._ready(found)) as instance:
            yield instance

    @asynccontextmanager
    async def instance_async(self) -> AsyncIterator[Instance]:
        """The same, awaited."""
        import asyncio

        future = self._ask()
        try:
            found = await asyncio.wrap_future(future)
        except BaseException:
            self._give_up(future)
            raise
        with self._given_back(self._ready(found)) as instance:
            yield instance

    def close(self) -> None:
        """Close the instances; those that are in use when they are given back. Who waits gets a RuntimeError."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
            waiting = list(self._waiting)
            self._waiting.clear()
        for future in waiting:
            if future.set_running_or_notify_cancel():
                future.set_exception(RuntimeError("the pool was closed"))
        for instance in free:
            instance.close()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<pool of {self.size} instances, {len(self._free)} free, {len(self._waiting)} callers wait>"

    # A place is the right to have an instance. It is taken by `_ask`, goes from caller to caller with the instance that
    # fills it, or with None where there is none yet, and comes back in `_release`.

    def _ask(self) -> Future[Instance | None]:
        """A place, now or when one is given back."""
        future: Future[Instance | None] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            if not self._free and self._made == self.size:
                self._waiting.append(future)
                return future
            found = self._free.pop() if self._free else None
            self._made += found is None
        future.set_running_or_notify_cancel()
        future.set_result(found)
        return future

    def _give_up(self, future: Future[Instance | None]) -> None:
        """Somebody waits no more. If the place came meanwhile, it goes to the next."""
        if not future.cancel() and not future.cancelled() and future.exception() is None:
            self._release(future.result())

    def _ready(self, found: Instance | None) -> Instance:
        """The instance of a place."""
        if found is not None:
            return found
        try:
            return self.module.instantiate(self._imports, self._limits)
        except BaseException:
            self._release(None)
            raise

    @contextmanager
    def _given_back(self, instance: Instance) -> Iterator[Instance]:
        kept: Instance | None = None
        try:
            yield instance
            kept = instance
        finally:
            if kept is None:
                instance.close()
            self._release(kept)

    def _release(self, instance: Instance | None) -> None:
        """A place comes back, with its instance if that can be used again."""
        while True:
            with self._lock:
                if self._closed or not self._waiting:
                    if instance is None or self._closed:
                        self._made -= 1
                    else:
                        self._free.append(instance)
                    break
                future = self._waiting.popleft()
            if future.set_running_or_notify_cancel():
                future.set_result(instance)
                return
        if self._closed and instance is not None:
            instance.close()
