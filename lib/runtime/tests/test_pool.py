"""`Pool`: several callers share instances, each is one caller's at a time, and none is lost."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wasmer_runtime import Instance, Limits, Module, Pool, compile, wait
from wasmer_runtime.error import LinkError, Timeout, Trap

TEXT = """
(module
  (import "env" "host" (func $host))
  (memory 1)
  (global $calls (mut i32) (i32.const 0))
  (func (export "count") (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (call $host) (global.get $calls))
  (func (export "spin") (loop (br 0)))
  (func (export "fail") (unreachable)))
"""


@pytest.fixture(scope="module")
def module() -> Module:
    return compile(TEXT)


def pause() -> None:
    wait(timeout=0.002)


IMPORTS = {"env": {"host": pause}}


def test_threads_take_turns(module: Module) -> None:
    with Pool(module, 3, IMPORTS) as pool, ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda _: pool.call("count"), range(60)))
        assert len(counts) == 60 and len(pool._free) == pool._made <= 3
        total = 0
        while pool._free:
            total += pool._free.pop().exports.count() - 1
        assert total == 60, "each call was of one instance alone"


def test_tasks_take_turns(module: Module) -> None:
    async def main() -> None:
        with Pool(module, 2, IMPORTS) as pool:
            counts = await asyncio.gather(*(pool.call_async("count") for _ in range(40)))
            assert sorted(counts)[-1] >= 20 and pool._made <= 2
            async with pool.instance_async() as instance:
                assert isinstance(instance, Instance)

    asyncio.run(main())


def test_one_instance_for_several_calls(module: Module) -> None:
    pool = Pool(module, 1, IMPORTS)
    with pool.instance() as instance:
        assert [instance.exports.count() for _ in range(3)] == [1, 2, 3]
    assert pool.call("count") == 4
    assert repr(pool) == "<pool of 1 instances, 1 free, 0 callers wait>"
    pool.close()


def test_an_instance_that_failed_is_replaced(module: Module) -> None:
    with Pool(module, 1, IMPORTS) as pool:
        assert pool.call("count") == 1
        with pytest.raises(Trap):
            pool.call("fail")
        assert pool.call("count") == 1
        with pytest.raises(Timeout):
            pool.call("spin", timeout=0.01)
        assert pool.call("count") == 1

        async def main() -> None:
            with pytest.raises(Timeout):
                await pool.call_async("spin", timeout=0.01)
            assert await pool.call_async("count") == 1

        asyncio.run(main())


def test_instances_that_cannot_be_made_take_no_place(module: Module) -> None:
    pool = Pool(module, 1)
    for _ in range(3):
        with pytest.raises(LinkError):
            pool.call("count")
    limited = Pool(module, 2, IMPORTS, Limits(instances=1))
    with limited.instance():
        with pytest.raises(Exception, match="instances"):
            limited.call("count")
    assert limited.call("count") == 1


def test_who_waits_no_more_loses_nothing(module: Module) -> None:
    """A task is cancelled while it waits, or at the moment when its place comes."""

    async def main() -> None:
        pool = Pool(module, 1, IMPORTS)
        for yields in range(6):
            async with pool.instance_async():
                waiting = asyncio.create_task(pool.call_async("count"))
                await asyncio.sleep(0)
                assert len(pool._waiting) == 1
            for _ in range(yields):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            await asyncio.wait_for(pool.call_async("count"), 60)
        pool.close()

    asyncio.run(main())


def test_a_closed_pool(module: Module) -> None:
    pool = Pool(module, 1, IMPORTS)
    answers: list[Any] = []

    def ask() -> None:
        try:
            pool.call("count")
        except RuntimeError as error:
            answers.append(str(error))

    with pool.instance() as instance:
        thread = threading.Thread(target=ask)
        thread.start()
        while not pool._waiting:
            pause()
        pool.close()
        thread.join()
        assert instance.exports.count() == 1
    assert answers == ["the pool was closed"]
    with pytest.raises(RuntimeError, match="the pool is closed"):
        pool.call("count")
    with pytest.raises(Exception, match="closed"):
        instance.exports.count()


@pytest.mark.parametrize("size", [0, -1])
def test_sizes(module: Module, size: int) -> None:
    with pytest.raises(ValueError, match=f"at least one instance, not {size}"):
        Pool(module, size)
