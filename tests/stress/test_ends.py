"""Calls that only a deadline or a cancellation ends, nested at random, in threads: what was meant to end one does."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import Cancelled, Timeout
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.interrupts import check_interrupts, seconds_left, timeout, wait

FOREVER = 600.0
ROUNDS = 60
THREADS = 3
TEXT = """
(module
  (import "host" "do" (func $do))
  (memory 2)
  (func (export "host_then_for_ever") (call $do) (loop (br 0)))
  (func (export "host_for_ever") (loop (call $do) (br 0)))
  (func (export "for_ever") (loop (br 0)))
  (func (export "fill_for_ever") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 131072)) (br 0)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
"""
ENDLESS = ("host_then_for_ever", "host_for_ever", "for_ever", "fill_for_ever")


class Nest:
    """Endless calls within calls. Whoever is inside catches what ends it, as a careless program does."""

    def __init__(self, module: Any, seed: int) -> None:
        self.draw = random.Random(seed)
        self.depth = 0
        self.exports = [module.instantiate({"host": {"do": self.host}}).exports for _ in range(4)]

    def host(self) -> None:
        """What a host function does: wait, look, or call on, with deadlines of its own."""
        draw = self.draw
        if self.depth >= 3:
            return
        self.depth += 1
        try:
            with timeout(draw.choice((0.0, 0.0005, 0.002, FOREVER))), timeout(draw.choice((0.001, FOREVER))):
                choice = draw.randrange(5)
                if choice == 0:
                    wait((), 0.0005)
                elif choice == 1:
                    check_interrupts()
                elif choice < 4:
                    self.endless(draw.choice((0.0003, 0.002)))
        except (Timeout, Cancelled):
            pass
        finally:
            self.depth -= 1

    def endless(self, seconds: float) -> None:
        function = getattr(self.exports[self.depth], self.draw.choice(ENDLESS))
        (function.released if self.draw.random() < 0.8 else function)(timeout=seconds)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost(seed: int) -> None:
    module = compile_with(TEXT, find_compiler("singlepass"))
    wrong: list[object] = []

    def by_deadline(nest: Nest) -> None:
        with pytest.raises(Timeout):
            nest.endless(nest.draw.choice((0.0, 0.001, 0.01)))

    def by_cancellation(nest: Nest) -> None:
        canceller = threading.Timer(
            nest.draw.choice((0.0, 0.001, 0.01)), machine.cancel, [machine.this_thread_handle()]
        )
        canceller.start()
        try:
            with pytest.raises(Cancelled):  # which may also come while the export's name is looked up, the first time
                getattr(nest.exports[0], nest.draw.choice(ENDLESS)).released(timeout=FOREVER)
        finally:
            canceller.join()
            machine.uncancel()

    def work(number: int) -> None:
        nest = Nest(module, 1000 * seed + number)
        ways: tuple[Callable[[Nest], None], ...] = (by_deadline, by_cancellation)
        try:
            for _ in range(ROUNDS):
                nest.draw.choice(ways)(nest)
                assert seconds_left() is None
                check_interrupts()
                assert nest.exports[0].add(1, 2) == 3
        except BaseException as error:
            wrong.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(FOREVER)
    assert not wrong and not any(thread.is_alive() for thread in threads)
