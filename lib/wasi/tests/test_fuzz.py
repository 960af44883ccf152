"""Hostile arguments: whatever a guest passes, the answer is an errno (or the end of the program).

The same calls in every run: `WASMER_FUZZ_SEED` says which, a number or `random`. With
`WASMER_FUZZ_SECONDS` they go on for so long. The `tree` fixture looks after what lies
outside. Time is virtual, so no call waits, and files cannot grow beyond 16 MiB.
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guests import BUFFER, PAGES, DirectGuest, Guest, RuntimeGuest, plant
from test_memory_ranges import CALLS

from wasmer_wasi import ExitCode, MemoryDirectory, VirtualClock, WasiState
from wasmer_wasi.errno import ROWS
from wasmer_wasi.functions import FUNCTIONS
from wasmer_wasi.types import SNAPSHOT1

SECONDS = float(os.environ.get("WASMER_FUZZ_SECONDS", "0"))
CALLS_AT_LEAST = 5_000
END = PAGES * 65536
ERRNOS = {row.name for row in ROWS}
NAMES = [
    *("f", "sub", "g", "deep", "..", ".", "", "to_f", "to_sub", "loop", "above", "absolute", "here", "new", "chain1"),
    *("dangling", "canary", "root", "x\0", "ü", "\udcff", "a" * 256),
]
NUMBERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 31, 32, 48, 56, 64, 66, 77, 255, 600, 704, 800, 904, 1000, 4000,
           BUFFER, END - 8, END - 4, END - 1, END, END + 1, 0x3FFFFFFF]  # fmt: skip


@pytest.fixture(autouse=True)
def small_files() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 20, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def number(generator: random.Random, letter: str) -> int:
    """A number of the kind that finds mistakes: near an edge, a flag, a pointer, or anything."""
    bits = 32 if letter == "i" else 64
    kind = generator.random()
    if kind < 0.55:
        return generator.choice(NUMBERS)
    if kind < 0.7:
        return 1 << generator.randrange(bits - 1)
    if kind < 0.8:
        return -generator.choice(NUMBERS)
    if kind < 0.9:
        return generator.randrange(END)
    return generator.getrandbits(bits) - (1 << (bits - 1))


def arguments(generator: random.Random, name: str, params: str) -> list[int]:
    """Mostly what a program could mean, with something in it that it could not."""
    if name not in CALLS or generator.random() < 0.2:
        return [number(generator, letter) for letter in params]
    values = list(CALLS[name][0])
    for at, value in enumerate(values):
        if value in (3, 4) and generator.random() < 0.7:
            values[at] = generator.choice((3, 3, 3, 4, 5, 6, 7, generator.randrange(12)))  # a descriptor, or a length
        elif generator.random() < 0.15:
            values[at] = number(generator, params[at])
    return values


def scribble(guest: Guest, generator: random.Random) -> None:
    """Put paths, iovecs and subscriptions where pointers often point."""
    for at in (600, 1000, 4000):
        path = "/".join(generator.choice(NAMES) for _ in range(generator.randrange(1, 5)))
        guest.write(at, path.encode("utf-8", "surrogateescape")[:300])
    guest.iovecs(*((number(generator, "i") & 0xFFFFFFFF, generator.randrange(200)) for _ in range(3)))
    guest.write(2000, generator.randbytes(64))
    guest.write(2000, guest.clock_subscription(1, generator.randrange(3), generator.getrandbits(64)))


def attack(make_guest: Callable[[], Guest], seed: int) -> Counter[str]:
    generator = random.Random(seed)
    answers: Counter[str] = Counter()
    deadline = time.monotonic() + SECONDS
    count = 0
    while count < CALLS_AT_LEAST or time.monotonic() < deadline:
        if count % 1000 == 0:  # by then, the preopened directory may be closed
            guest = make_guest()
            rows = [row for row in FUNCTIONS if row.since <= guest.version]
        if count % 10 == 0:
            scribble(guest, generator)
        row = rows[count % len(rows)]
        count += 1
        given = arguments(generator, row.name, row.params)
        try:
            answer = guest.call(row.name, *given)
        except ExitCode:
            answers["exit"] += 1
            continue
        except Exception as failure:
            raise AssertionError(f"seed {seed}: {row.name}{tuple(given)} raised {failure!r}") from failure
        assert answer in ERRNOS, f"seed {seed}: {row.name}{tuple(given)} answered {answer}"
        answers[answer] += 1
    return answers


def new_seed() -> int:
    wanted = os.environ.get("WASMER_FUZZ_SEED", "1")
    return random.SystemRandom().getrandbits(32) if wanted == "random" else int(wanted)


def state_over(root: Path, memory: bool) -> WasiState:
    builder = WasiState.new("prog").env("K", "V").clock(VirtualClock(tick=1000)).random_seed(0)
    builder.stdin(b"input").stdout(lambda data: None).stderr(lambda data: None)
    if memory:
        builder.preopen("/d", MemoryDirectory({"f": b"text", "sub/g": b"x"}, limit_bytes=1 << 22))
    else:
        (root / "fifo").unlink(missing_ok=True)  # opening a pipe waits for its other end
        builder.map_dir("/d", root)
    return builder.build()


@pytest.mark.parametrize("memory", [False, True], ids=["host", "memory"])
def test_direct_calls(tree: Path, version: int, memory: bool) -> None:
    answers = attack(lambda: DirectGuest(tree, version, state_over(tree, memory)), new_seed())
    assert sum(answers.values()) >= CALLS_AT_LEAST


def test_calls_from_compiled_code(tree: Path, backend: str) -> None:
    answers = attack(lambda: RuntimeGuest(tree, SNAPSHOT1, backend, state_over(tree, False)), new_seed())
    assert sum(answers.values()) >= CALLS_AT_LEAST


def test_the_same_seed_does_the_same(tmp_path: Path) -> None:
    """Otherwise a failure could not be looked into."""
    outcomes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        guest = DirectGuest(plant(tmp_path / name), SNAPSHOT1, state_over(tmp_path / name / "root", True))
        generator = random.Random(5)
        seen = []
        for _ in range(300):
            scribble(guest, generator)
            row = generator.choice(FUNCTIONS)
            if row.result:
                given = arguments(generator, row.name, row.params)
                try:
                    seen.append(guest.call(row.name, *given))
                except ExitCode:
                    seen.append("exit")
        outcomes.append(seen)
    assert outcomes[0] == outcomes[1]
