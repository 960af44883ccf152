"""Calls off the event loop: results, exceptions, cancellation, and the loop stays free."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.values import FuncSig, Type
from wasmer_runtime_core.errors import Cancelled, Timeout, Trap
from wasmer_runtime_core.errors import RuntimeError as WasmRuntimeError
from wasmer_runtime_core.running.ctx import Ctx
from wasmer_runtime_core.running.host import func
from wasmer_runtime_core.running.interrupts import check_interrupts, timeout, wait
from wasmer_runtime_core.running.objects.arrays import vectorize
from wasmer_runtime_core.running.objects.functions import Function

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
FOREVER = 600.0
"""Seconds: the test has failed long before."""
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
        lambda: released.call_bits([1, 2]),
        lambda: released.released(1, 2),
        lambda: add.call_bits([1, 2]),
        lambda: applied(one, one),
        lambda: asyncio.run(add.call_async(1, 2)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="its instance is closed"):
            call()


def test_a_cancellation_is_lost_in_no_inner_call() -> None:
    """Whatever the host function catches, and whatever deadlines its own calls have, the outer code ends."""
    inner = exports_of()
    started = threading.Event()
    caught: list[str] = []

    def by_block() -> None:
        with timeout(FOREVER), timeout(2 * FOREVER):
            inner.forever.released()

    def by_method() -> None:
        inner.forever.released(timeout=FOREVER)

    def waiting() -> None:
        with timeout(FOREVER):
            wait((), FOREVER)

    def looking() -> None:
        while True:
            check_interrupts()

    def nothing() -> None:
        time.sleep(0.001)

    for host in (by_block, by_method, waiting, looking, nothing):
        ended = threading.Event()

        def swallow(number: int, host: Callable[[], None] = host, ended: threading.Event = ended) -> int:
            started.set()
            try:
                host()
            except (Timeout, Cancelled) as error:
                caught.append(type(error).__name__)
                try:
                    inner.add(1, 2, timeout=FOREVER)
                except Cancelled:
                    caught.append("again")
            ended.set()
            return number

        exports = exports_of(swallow)

        async def main(exports: Any = exports) -> None:
            started.clear()
            task = asyncio.create_task(exports.ask_forever.call_async())
            while not started.is_set():
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        assert ended.is_set()
        assert inner.add(1, 2) == 3
    assert caught == ["Cancelled", "again"] * 4


def test_an_outer_deadline_holds_through_inner_ones() -> None:
    inner = exports_of()
    caught: list[BaseException] = []

    def host(number: int) -> int:
        for seconds in (FOREVER, 0.0, 0.001):
            try:
                with timeout(seconds):
                    inner.forever(timeout=2 * FOREVER)
            except Timeout as error:
                caught.append(error)
        return number

    exports = exports_of(host)
    for call in (lambda: exports.ask_forever(timeout=0.05), lambda: exports.ask_forever.released(timeout=0.05)):
        with timeout(FOREVER):
            with pytest.raises(Timeout):
                call()
            assert inner.add(1, 2) == 3
    assert len(caught) == 6


def test_blocks_end_in_any_order() -> None:
    """As those of greenlets and of tasks do."""
    exports = exports_of()
    early, late, passed = timeout(FOREVER), timeout(2 * FOREVER), timeout(0)
    for first, second in ((early, late), (late, early)):
        first.__enter__()
        second.__enter__()
        passed.__enter__()
        with pytest.raises(Timeout):
            exports.add(1, 2)
        first.__exit__(None, None, None)
        with pytest.raises(Timeout):
            exports.add(1, 2)
        passed.__exit__(None, None, None)
        assert exports.add(1, 2) == 3
        second.__exit__(None, None, None)
        assert exports.add(1, 2) == 3


def test_one_thread_runs_them_all_and_no_cancellation_hits_the_next() -> None:
    """Cancelled before they begin, while they run and after they have ended."""
    exports, blocking = exports_of(), threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        for number in range(100):
            blocking.clear()
            held = loop.run_in_executor(None, blocking.wait)
            waiting = [asyncio.create_task(exports.forever.call_async()) for _ in range(2)]
            await asyncio.sleep(0)
            waiting[0].cancel()  # it has not begun
            blocking.set()
            await held
            running = waiting[1]
            if number % 3:
                while exports.count.value == 0:
                    await asyncio.sleep(0)
            running.cancel()
            running.cancel()
            assert [type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)] == [
                asyncio.CancelledError
            ] * 2
            assert await exports.add.call_async(number, 1) == number + 1
            exports.count.value = 0

    asyncio.run(main())


def test_an_executor_that_is_shut_down_and_a_coroutine_that_is_closed() -> None:
    exports = exports_of()

    async def shut_down() -> None:
        executor = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(executor)
        running = asyncio.create_task(exports.forever.call_async())
        queued = asyncio.create_task(exports.add.call_async(1, 2))
        while exports.count.value == 0:
            await asyncio.sleep(0)
        executor.shutdown(wait=False, cancel_futures=True)
        with pytest.raises(asyncio.CancelledError):
            await queued
        with pytest.raises(RuntimeError, match="shutdown"):
            await exports.add.call_async(1, 2)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(shut_down())
    executor = ThreadPoolExecutor(1)

    async def close() -> None:
        asyncio.get_running_loop().set_default_executor(executor)
        exports.count.value = 0
        coroutine = exports.forever.call_async()
        coroutine.send(None)
        while exports.count.value == 0:
            await asyncio.sleep(0)
        coroutine.close()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(close())
    executor.shutdown(wait=True)  # it would wait for ever
    loop.close()
    assert exports.add(1, 2) == 3


def test_calls_within_calls_of_one_thread() -> None:
    """An executor may run what it is given at once: a call that is cancelled ends only itself."""

    class Inline(ThreadPoolExecutor):
        def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Any:
            from concurrent.futures import Future

            future: Future[Any] = Future()
            try:
                future.set_result(function(*arguments, **options))
            except BaseException as error:
                future.set_exception(error)
            return future

    inner = exports_of()
    results: list[object] = []

    def host(number: int) -> int:
        async def main() -> None:
            asyncio.get_running_loop().set_default_executor(Inline(1))
            results.append(await inner.add.call_async(number, 1))

        asyncio.run(main())
        return number

    exports = exports_of(host)

    async def main() -> None:
        assert await exports.ask.call_async(4) == 4

    asyncio.run(main())
    assert results == [5] and exports.add(1, 2) == 3


def test_a_call_that_no_thread_has_begun_is_cancelled_at_once() -> None:
    """Others may have all threads for as long as they like."""
    exports = exports_of()
    release = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, release.wait, FOREVER)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(exports.forever.call_async(), 0.01)
            assert not busy.done()
        assert exports.add(1, 2) == 3, "nobody has the instance"
        release.set()
        await busy
        assert await exports.add.call_async(20, 22) == 42

    asyncio.run(main())


def test_a_deadline_of_the_call() -> None:
    exports = exports_of()

    async def main() -> None:
        with pytest.raises(Timeout):
            await exports.forever.call_async(timeout=0.02)
        assert await exports.add.call_async(1, 2, timeout=FOREVER) == 3

    asyncio.run(main())


# --- host functions that are coroutine functions


async def slowly(number: int) -> int:
    await asyncio.sleep(0.001)
    return number + 1


class Asked:
    async def method(self, number: int) -> int:
        return await slowly(number)

    async def __call__(self, number: int) -> int:
        return await slowly(number)


async def with_ctx(ctx: Ctx, number: int) -> int:
    assert len(ctx.instance.exports) == 6
    return await slowly(number)


ASYNC = [slowly, Asked().method, Asked(), func(slowly), partial(slowly), with_ctx]


@pytest.mark.parametrize("host", ASYNC, ids=["function", "method", "object", "func", "partial", "ctx"])
def test_a_coroutine_function_runs_on_the_loop(host: Any) -> None:
    exports = exports_of(host)

    async def main() -> None:
        assert await exports.ask.call_async(4) == 5
        assert await asyncio.gather(*(exports_of(host).ask.call_async(n) for n in range(8))) == list(range(1, 9))

    asyncio.run(main())


def test_it_runs_in_the_thread_of_the_loop_and_sees_the_callers_context() -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
    seen: list[tuple[int, int]] = []

    async def host(number: int) -> int:
        seen.append((threading.get_ident(), variable.get()))
        return number

    async def main() -> None:
        variable.set(7)
        assert await exports_of(host).ask.call_async(4) == 4

    asyncio.run(main())
    assert seen == [(threading.get_ident(), 7)]


def test_what_it_raises_is_the_same_object() -> None:
    error = LookupError("no")

    async def host(number: int) -> int:
        raise error

    async def main() -> None:
        with pytest.raises(LookupError) as raised:
            await exports_of(host).ask.call_async(4)
        assert raised.value is error

    asyncio.run(main())


def test_what_ends_the_call_cancels_it() -> None:
    cancelled: list[str] = []

    async def host(number: int) -> int:
        try:
            await asyncio.sleep(FOREVER)
        except asyncio.CancelledError:
            cancelled.append("yes")
            raise
        return number

    async def main() -> None:
        exports = exports_of(host)
        with pytest.raises(Timeout):
            await exports.ask.call_async(4, timeout=0.02)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(exports.ask.call_async(4), 0.02)
        while len(cancelled) < 2:
            await asyncio.sleep(0.001)
        assert await exports.add.call_async(1, 2) == 3

    asyncio.run(main())


def test_where_nobody_awaits_it_cannot_run() -> None:
    says = r"the host function slowly is async: it can run where the call is awaited"
    with pytest.raises(TypeError, match=says):
        exports_of(slowly).ask(4)
    with pytest.raises(TypeError, match=says):
        exports_of(Function(FuncSig([Type.I32], [Type.I32]), slowly)).ask(4)

    async def nested(number: int) -> int:
        return int(exports_of(slowly).ask(number))  # the loop would wait for itself

    async def main() -> None:
        with pytest.raises(TypeError, match=says):
            exports_of(slowly).ask(4)
        with pytest.raises(TypeError, match=says):
            await exports_of(nested).ask.call_async(4)

    asyncio.run(main())


def test_its_results_are_checked() -> None:
    async def host(number: int) -> Any:
        return "text"

    async def main() -> None:
        with pytest.raises(TypeError, match="env"):
            await exports_of(host).ask.call_async(4)

    asyncio.run(main())
