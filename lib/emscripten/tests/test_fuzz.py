"""Hostile arguments and hostile records: whatever a program passes, a call answers or ends the program as documented.

The same calls in every run: `WASMER_FUZZ_SEED` says which, a number or `random`. With `WASMER_FUZZ_SECONDS` they go on
for so long. Memory is filled with what records are made of by who lies: numbers at the ends of their types, pointers to
the end of memory, other records.
"""

from __future__ import annotations

import os
import random
import struct
import time

from test_hostile_numbers import (
    ADDRESS,
    ALL_ROWS,
    BUFFER,
    EXCEPTION,
    HOSTILE,
    IOVECS,
    MESSAGE,
    OTHER,
    RESULT,
    SIZE,
    TEXT,
    TM,
    WAITING,
    baseline,
    prepared,
)
from worlds import BYTES, put_text

from wasmer_emscripten import EmscriptenError, ExitCode, Program
from wasmer_emscripten.functions import ROWS, Row
from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout

SECONDS = float(os.environ.get("WASMER_FUZZ_SECONDS", "0"))
CALLS_AT_LEAST = 6_000
EVERY: list[Row] = [each.values[0] for each in ALL_ROWS]  # type: ignore[misc]
WAITING_TOO = {"accept4", "recvfrom", "recvmsg", "sendto", "sendmsg", "connect", "socketcall", "read", "readv"}
"""What waits at a socket that was made to."""
NAMES = [
    "f",
    "d",
    ".",
    "..",
    "",
    "/",
    "new",
    "/dev/stdin",
    "/dev/fd/3",
    "/dev/null",
    "/tmp/x",
    "/m",
    "/m/f/",
    "ü",
    "\0",
]
WORDS = [0, 1, 2, 3, 4, 5, 8, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFF8, BYTES - 4, BYTES, BUFFER, RESULT,
         (1 << 30) - 1, (1 << 30) - 2, 999_999_999, 1_000_000_000, 11, 12, 30, 60, 24, TEXT, EXCEPTION]  # fmt: skip


def may_wait(row: Row) -> bool:
    name = row.name.removeprefix("__syscall_").removeprefix("__sys_")
    return row.name in WAITING or name in WAITING_TOO or name == "fd_read"


def scribble(program: Program, generator: random.Random) -> None:
    """Records, names and lists of buffers where pointers often point."""
    for at, words in ((IOVECS, 16), (RESULT, 50), (TM, 12), (BUFFER, 64), (EXCEPTION - 24, 16), (TEXT - 512, 128),
                      (ADDRESS, 8), (MESSAGE, 7), (SIZE, 1)):  # fmt: skip
        kind = generator.random()
        for word in range(words):
            value = generator.choice(WORDS) if kind < 0.7 else generator.getrandbits(32)
            program.process.guest.put_u32(at + 4 * word, value)
    for at in (TEXT, OTHER, 4300):
        path = "/".join(generator.choice(NAMES) for _ in range(generator.randrange(1, 4)))
        put_text(program, at, path.encode() if generator.random() < 0.8 else generator.randbytes(20))
    if generator.random() < 0.5:
        at = IOVECS
        for _ in range(3):
            program.process.guest.write(at, struct.pack("<II", generator.choice(WORDS), generator.randrange(200)))
            at += 8


def arguments(generator: random.Random, row: Row) -> list[float]:
    """Mostly what a program could mean, with something in it that it could not."""
    values = baseline(row)
    for at, letter in enumerate(row.params.replace("?", "")):
        chance = generator.random()
        if chance < 0.1:
            values[at] = generator.choice(HOSTILE[letter])
        elif letter == "i" and chance < 0.25:
            values[at] = generator.choice((*WORDS, *range(9)))
            values[at] -= (int(values[at]) >> 31) << 32
    return values


def test_whatever_is_passed() -> None:
    wanted = os.environ.get("WASMER_FUZZ_SEED", "1")
    seed = random.SystemRandom().getrandbits(32) if wanted == "random" else int(wanted)
    generator = random.Random(seed)
    deadline = time.monotonic() + SECONDS
    count = 0
    program = prepared()
    while count < CALLS_AT_LEAST or time.monotonic() < deadline:
        if count % 500 == 0:  # by then, all of its files may be closed
            program.close()
            program = prepared()
        if count % 8 == 0:
            scribble(program, generator)
        row = EVERY[count % len(EVERY)] if count % 3 else generator.choice(EVERY)
        count += 1
        given = arguments(generator, row)
        what = f"seed {seed}: {row.name}{tuple(given)}"
        try:
            if may_wait(row):
                with timeout(0.01):
                    answer = row.function(program.process, *given)
            else:
                answer = row.function(program.process, *given)
        except (EmscriptenError, ExitCode):
            continue
        except Timeout:
            assert may_wait(row), what
            continue
        except Exception as failure:
            raise AssertionError(f"{what} raised {failure!r}") from failure
        assert answer is None or isinstance(answer, (int, float)), what
        if row.result == "i":
            assert answer is not None and -(1 << 31) <= answer < 1 << 32, what
    assert len(EVERY) > 100 and len(ROWS) > 100
    program.close()
