"""Modules cross process boundaries as compiled artifacts; the GIL is let go where that was asked for."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from wasmer_runtime import CompilerConfig, Module, compile
from wasmer_runtime.error import Trap
from wasmer_runtime.middleware import ExecutionLimitExceeded, Metering

TEXT = """
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "\\07")
  (func (export "work") (param i32) (result i32)
    (i32.mul (i32.load8_u (i32.const 0)) (i32.div_u (i32.const 840) (local.get 0))))
  (func (export "count") (param i64) (result i64) (local i64)
    (loop (local.set 1 (i64.add (local.get 1) (i64.const 1)))
      (br_if 0 (i64.lt_u (local.get 1) (local.get 0))))
    (local.get 1)))
"""


def work(module: Module, number: int) -> tuple[int, int]:
    return os.getpid(), module.instantiate().exports.work(number)


def count(module: Module, number: int) -> int:
    result: int = module.instantiate().exports.count(number)
    return result


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_gets_modules(method: str) -> None:
    module = compile(TEXT)
    context: Any = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        results = list(pool.map(work, [module] * 20, range(1, 21)))
        assert [value for _, value in results] == [7 * (840 // number) for number in range(1, 21)]
        assert os.getpid() not in {process for process, _ in results}
        with pytest.raises(Trap) as caught:  # exceptions come back with their frames
            pool.submit(work, module, 0).result()
        assert caught.value.kind == "INTEGER_DIVIDE_BY_ZERO" and caught.value.frames[0].function_name == "work"
        metered = compile(TEXT, config=CompilerConfig(middlewares=(Metering(1000),)))
        assert pool.submit(count, metered, 10).result() == 10
        with pytest.raises(ExecutionLimitExceeded):
            pool.submit(count, metered, 1_000_000).result()


def test_release_gil_lets_other_threads_run() -> None:
    """A thread ticks while this one is in a call; how often depends on the machine, that it does not."""
    run = compile(TEXT, config=CompilerConfig(release_gil=True)).instantiate().exports.count
    during = []
    calling = False
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            time.sleep(0.001)
            during.append(calling)

    thread = threading.Thread(target=tick)
    thread.start()
    calling = True
    for _ in range(100):
        assert run(20_000_000) == 20_000_000
        if during.count(True) > 5:
            break
    calling = False
    done.set()
    thread.join()
    assert during.count(True) > 5
