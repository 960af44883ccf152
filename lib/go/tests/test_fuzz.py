"""Calls of a program with arguments that nobody would pass: each is answered, or ends it with an error of ours.

The same calls in every run: `WASMER_FUZZ_SEED` says which, a number or `random`. With `WASMER_FUZZ_SECONDS` they go on
for so long.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import Any

from guests import DATA, FRAME, NAMES, PAGES, Guest

from wasmer_go import GoState, ProgramExited, Thrown, TooManyValues, WrongNumber
from wasmer_go.objects import UNDEFINED, Value
from wasmer_runtime_core.errors import Error, ExitCode, Timeout, Trap
from wasmer_runtime_core.running.interrupts import timeout

SECONDS = float(os.environ.get("WASMER_FUZZ_SECONDS", "0"))
CALLS = 500
LIMIT = 1 << 22
LEFT_OUT = {"debug", "runtime.wasmExit"}
ENDS = (WrongNumber, TooManyValues, Thrown, ProgramExited, ExitCode, Timeout, Trap)  # it may write over its own memory
NAME = ("valueCall", "valueGet", "valueSet", "valueDelete")
VALUES = {"valueCall": 32, "valueInvoke": 16, "valueNew": 16}
SECOND = {"valueSet": 32, "valueSetIndex": 24, "valueInstanceOf": 16}
RESULT = {"valueCall": 56, "valueInvoke": 40, "valueNew": 40, "valueGet": 32, "valueIndex": 24}
WORDS = (0, 1, 2, 7, 8, 64, 65, 4096, DATA, FRAME, PAGES << 16, (PAGES << 16) - 1, 1 << 31, 1 << 32, 1 << 53, 1 << 62)
TEXTS = (
    "Object Array Uint8Array Error TypeError Date Promise JSON console setTimeout clearTimeout crypto "
    "performance process fs path globalThis length name message keys isArray from now stringify parse "
    "log error push pop slice concat join indexOf includes forEach subarray set apply bind call "
    "hasOwnProperty toString then catch finally resolve reject getRandomValues open read write close "
    "stat readdir mkdir rename unlink constants chdir cwd umask 0 1 4294967295 -1 given"
).split()


class Caller:
    """A program, what it has got hold of, and what it calls next."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        state = GoState.new("guest").value_bytes(LIMIT).values(5000).stdin(b"input").capture_stdout(1 << 16)
        self.guest = Guest(state.capture_stderr(1 << 16))
        world = self.guest.process.world
        world.set("given", world.get("Array").make([1.0, "two"]))
        self.held: list[Value] = [world, UNDEFINED, None, True, 0.0, -1.5, float("nan"), 2.0**53, "text", "x" * 5000]
        self.held += [world.get(name) for name in TEXTS[:18]]

    def word(self) -> int:
        word = self.chance.choice(WORDS) + self.chance.choice((0, 0, 0, 1, -1))
        return -word if self.chance.random() < 0.1 else word

    def call(self, name: str) -> None:
        """One function, with a frame that is right here and there."""
        guest, chance = self.guest, self.chance
        short = name.partition(".")[2]
        frame = FRAME if chance.random() < 0.97 else self.word() & 0xFFFF_FFFF
        if frame == FRAME:
            for at in range(8, 72, 8):
                guest.number(at, self.word() if chance.random() < 0.3 else chance.randrange(4))
            for at in range(8):
                guest.process.references.store(guest.memory, DATA + 0x800 + 8 * at, chance.choice(self.held))
            if name.startswith(("syscall/js.value", "syscall/js.copy")) or chance.random() < 0.2:
                self.put(short)
        guest.call(name, frame)
        if short in RESULT and frame == FRAME:
            self.held.append(guest.get(RESULT[short]))
            if len(self.held) > 200:
                del self.held[40:140]

    def put(self, short: str) -> None:
        """Arguments of the kinds that a function wants, most of them."""
        guest, chance = self.guest, self.chance
        text = chance.choice(TEXTS).encode()
        guest.memory.write(DATA, text)
        guest.put(8, chance.choice(self.held))
        if short in NAME and chance.random() < 0.9:
            guest.pair(16, DATA, len(text))
        if short in VALUES and chance.random() < 0.9:
            guest.pair(VALUES[short], DATA + 0x800, chance.randrange(8))
        if chance.random() < 0.7:
            guest.put(SECOND.get(short, 64), chance.choice(self.held))


def run(seed: int, calls: int, seconds: float) -> Counter[str]:
    chance = random.Random(seed)
    names = [name for name in NAMES if name not in LEFT_OUT]
    ends: Counter[str] = Counter()
    end = time.monotonic() + seconds
    caller = Caller(chance)
    while calls > 0 or time.monotonic() < end:
        calls -= 1
        name = chance.choice(names)
        try:
            with timeout(60):
                caller.call(name)
                if chance.random() < 0.1:
                    caller.guest.process.loop.step(0)
            ends[f"{name} answered"] += 1
        except ENDS as failure:
            ends[type(failure).__name__] += 1
            assert caller.guest.process.budget.used <= LIMIT
            assert len(str(failure)) < 100_000
        except Error as failure:
            raise AssertionError(f"{name}: {failure!r}") from failure
        if caller.guest.process.code is not None:
            caller.guest.process.close()
            caller = Caller(chance)
    return ends


def test_calls_with_any_arguments() -> None:
    wanted = os.environ.get("WASMER_FUZZ_SEED", "1")
    seed = random.SystemRandom().getrandbits(30) if wanted == "random" else int(wanted)
    ends: Any = run(seed, CALLS, SECONDS)
    assert sum(ends.values()) >= CALLS, seed
