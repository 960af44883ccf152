"""Calls off the event loop: results, exceptions, cancellation, and the loop stays free."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from wasmer_runtime_core.arrays import vectorize
from wasmer_runtime_core.backends import find_compiler
from wasmer_runtime_core.errors import RuntimeError as WasmRuntimeError
from wasmer_runtime_core.errors import Timeout, Trap
from wasmer_runtime_core.interrupts import timeout
from wasmer_runtime_core.pipeline import compile_with

TEXT = """
(module
  (import "env" "host" (func $host (param i32) (result i32)))
  (global (export "count") (mut i64) (i64.const 0))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "ask") (param i32) (result i32) (call $host (local.get 0)))
  (func (export "divide") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (func (export "ask_forever") (loop (drop (call $host (i32.const 0))) (br 0)))
  (func (export "forever") (loop (global.set 0 (i64.add (global.get 0) (i64.const 1))) (br 0))))
"""
MODULE = compile_with(TEXT, find_compiler("singlepass"))


def exports_of(host: Any = lambda number: number) -> Any:
    return MODULE.instantiate({"env": {"host": host}}).exports


def test_results_and_exceptions() -> None:
    exports = exports_of()

    async def main() -> None:
        assert await exports.add.call_async(20, 22) == 42
        with pytest.raises(Trap, match="divide by zero"):
            await exports.divide.call_async(0)
        with pytest.raises(TypeError, match="takes 2 arguments"):
            await exports.add.call_async(1)
        assert await exports.add.call_async(1, 2) == 3

    asyncio.run(main())


def test_it_runs_in_another_thread_with_the_callers_context() -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
    threads = []

    def host(number: int) -> int:
        threads.append(threading.get_ident())
        return variable.get() + number

    exports = exports_of(host)

    async def main() -> None:
        variable.set(40)
        assert await exports.ask.call_async(2) == 42

    asyncio.run(main())
    assert threads[0] != threading.get_ident()


def test_the_loop_stays_free_and_the_call_can_be_cancelled() -> None:
    exports = exports_of()

    async def main() -> int:
        task = asyncio.create_task(exports.forever.call_async())
        ticks = 0
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            await asyncio.sleep(0.005)
            ticks += 1
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        before = exports.count.value
        assert before > 0 and exports.add(1, 1) == 2
        await asyncio.sleep(0.02)
        assert exports.count.value == before
        return ticks

    assert asyncio.run(main()) > 10


def test_timeouts_of_asyncio() -> None:
    exports = exports_of()

    async def main() -> None:
        for _ in range(20):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(exports.forever.call_async(), 0.01)
            assert await exports.add.call_async(1, 1) == 2

    asyncio.run(main())


def test_cancelling_while_a_host_function_runs() -> None:
    entered = threading.Event()

    def host(number: int) -> int:
        entered.set()
        time.sleep(0.002)
        return number

    exports = exports_of(host)

    async def main() -> None:
        task = asyncio.create_task(exports.ask_forever.call_async())
        while not entered.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await exports.ask.call_async(3) == 3

    asyncio.run(main())


def test_many_cancelled_at_random_moments() -> None:
    """A cancellation that comes late must not end the next call of the same thread."""
    exports = exports_of()

    async def main() -> None:
        for number in range(200):
            task = asyncio.create_task(exports.add.call_async(number, 1))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            task.cancel()
            try:
                assert await task == number + 1
            except asyncio.CancelledError:
                pass
            assert await exports.add.call_async(number, 2) == number + 2

    asyncio.run(main())


def test_tasks_on_different_instances_run_and_on_one_do_not() -> None:
    first, second = exports_of(), exports_of()

    async def main() -> None:
        assert list(await asyncio.gather(first.add.call_async(1, 2), second.add.call_async(3, 4))) == [3, 7]
        task = asyncio.create_task(first.forever.call_async())
        await asyncio.sleep(0.05)
        with pytest.raises(WasmRuntimeError, match="another thread"):
            await first.add.call_async(1, 2)
        assert await second.add.call_async(1, 2) == 3
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_released_functions_let_others_run() -> None:
    exports = exports_of()
    released = exports.forever.released
    assert released == exports.forever and released.__name__ == "forever"
    ticks: list[float] = []

    def tick() -> None:
        while len(ticks) < 5:
            ticks.append(time.monotonic())
            time.sleep(0.01)

    thread = threading.Thread(target=tick)
    with pytest.raises(Timeout), timeout(0.2):
        thread.start()
        released()
    ended = time.monotonic()
    thread.join()
    assert len(ticks) == 5 and ticks[-1] < ended


def test_a_closed_instance_is_closed_for_every_form_of_call() -> None:
    instance = MODULE.instantiate({"env": {"host": lambda number: number}})
    add = instance.exports.add
    released = add.released
    assert released(1, 2) == 3
    applied = vectorize(add)
    instance.close()
    one = array("i", [1])
    calls: list[Callable[[], Any]] = [
        lambda: released(1, 2),
        lambda: applied(one, one),
        lambda: asyncio.run(add.call_async(1, 2)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="its instance is closed"):
            call()
