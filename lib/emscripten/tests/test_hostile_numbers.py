"""Numbers that cost a program nothing to write: what a call does with them is bounded, whatever they are.

Every row of the table of functions is called with each of its parameters made large in turn, and with all of them large
at once. What is bounded is counted, not timed: lines of Python that run, and bytes that Python allocates. A call
answers, or ends the program with an exception of this package's; nothing else comes out of it.
"""

from __future__ import annotations

import functools
import math
import struct
from contextlib import nullcontext
from typing import Any

import pytest
from worlds import BYTES, TooMuch, counted, put_iovecs, put_text, world

import wasmer_emscripten.embind.provided  # noqa: F401
from wasmer_emscripten import EmscriptenError, ExitCode, Network, Program
from wasmer_emscripten.functions import ROWS, Row
from wasmer_emscripten.state import Fastcomp, Places
from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_vfs import MemoryDirectory, VirtualClock

MOST_BYTES = 4 << 20
LIMIT_BYTES = 2 << 20
FILE, DIRECTORY, READER, WRITER, LISTENING, DATAGRAMS = 3, 4, 5, 6, 7, 8
TEXT, OTHER, IOVECS, BUFFER, RESULT, TM, EXCEPTION = 4096, 4200, 4400, 65536, 8192, 8400, 0x30000
ADDRESS, MESSAGE, HOST, SIZE = 8600, 8700, 8800, 8900

HOSTILE: dict[str, tuple[float, ...]] = {
    "i": (-1, (1 << 31) - 1, -(1 << 31), BYTES - 70_000, BYTES // 8 - 9_000, 1 << 20, 0, 1024),
    "I": (-1, (1 << 63) - 1, -(1 << 63), 1 << 62, 1 << 40, 1 << 31, BYTES, 0),
    "d": (math.nan, math.inf, -math.inf, 1e300, -1.0, 0.0),
    "f": (math.nan, math.inf, -math.inf, 1e30, -1.0, 0.0),
}

WELL: dict[str, list[float]] = {
    "fd_write": [FILE, IOVECS, 1, RESULT],
    "fd_read": [FILE, IOVECS, 1, RESULT],
    "fd_pwrite": [FILE, IOVECS, 1, 0, RESULT],
    "fd_pread": [FILE, IOVECS, 1, 0, RESULT],
    "fd_seek": [FILE, 0, 0, RESULT],
    "__syscall_openat": [-100, TEXT, 0o102, RESULT],
    "__syscall_open": [TEXT, 0o102, RESULT],
    "__syscall_newfstatat": [-100, TEXT, RESULT, 0],
    "__syscall_faccessat": [-100, TEXT, 4, 0],
    "__syscall_unlinkat": [-100, TEXT, 0],
    "__syscall_renameat": [-100, TEXT, -100, OTHER],
    "__syscall_linkat": [-100, TEXT, -100, OTHER, 0],
    "__syscall_symlinkat": [TEXT, -100, OTHER],
    "__syscall_readlinkat": [-100, TEXT, RESULT, 64],
    "__syscall_mkdirat": [-100, OTHER, 0o777],
    "__syscall_getdents64": [DIRECTORY, BUFFER, 4096],
    "__syscall_ftruncate64": [FILE, 5],
    "__syscall_fallocate": [FILE, 0, 0, 10],
    "__syscall_fcntl64": [FILE, 0, RESULT],
    "__syscall_ioctl": [FILE, 0x541B, RESULT],
    "__syscall_poll": [BUFFER, 1, 0],
    "__syscall__newselect": [8, BUFFER, BUFFER, BUFFER, RESULT],
    "__syscall_statfs64": [TEXT, 64, RESULT],
    "__syscall_fstatfs64": [FILE, 64, RESULT],
    "__syscall_dup3": [FILE, 9, 0],
    "__syscall_dup2": [FILE, 9],
    "__syscall_mmap2": [0, 64, 3, 1, FILE, 0],
    "__syscall_read": [FILE, BUFFER, 16],
    "__syscall_write": [FILE, BUFFER, 16],
    "__syscall_readv": [FILE, IOVECS, 1],
    "__syscall_writev": [FILE, IOVECS, 1],
    "__syscall_pread64": [FILE, BUFFER, 16, 0],
    "__syscall_pwrite64": [FILE, BUFFER, 16, 0],
    "__syscall__llseek": [FILE, 0, 0, RESULT, 0],
    "setenv": [TEXT, OTHER, 1],
    "_munmap_js": [BUFFER, 64, 3, 1, FILE, 0],
    "_msync_js": [BUFFER, 64, 3, 1, FILE, 0],
    "__cxa_throw": [EXCEPTION, TEXT, 1],
    "__cxa_begin_catch": [EXCEPTION],
    "strftime": [RESULT, 64, TEXT, TM],
    "emscripten_resize_heap": [BYTES],
    "__syscall_socket": [2, 1, 0, 0, 0, 0],
    "__syscall_bind": [DATAGRAMS, ADDRESS, 16, 0, 0, 0],
    "__syscall_listen": [LISTENING, 5, 0, 0, 0, 0],
    "__syscall_accept4": [LISTENING, ADDRESS, SIZE, 0, 0, 0],
    "__syscall_connect": [DATAGRAMS, ADDRESS, 16, 0, 0, 0],
    "__syscall_getsockname": [LISTENING, ADDRESS, SIZE, 0, 0, 0],
    "__syscall_getpeername": [LISTENING, ADDRESS, SIZE, 0, 0, 0],
    "__syscall_shutdown": [LISTENING, 0, 0, 0, 0, 0],
    "__syscall_sendto": [DATAGRAMS, BUFFER, 10, 0, ADDRESS, 16],
    "__syscall_recvfrom": [DATAGRAMS, BUFFER, 10, 0, ADDRESS, SIZE],
    "__syscall_sendmsg": [DATAGRAMS, MESSAGE, 0, 0, 0, 0],
    "__syscall_recvmsg": [DATAGRAMS, MESSAGE, 0, 0, 0, 0],
    "__syscall_setsockopt": [LISTENING, 1, 2, SIZE, 4, 0],
    "__syscall_getsockopt": [LISTENING, 1, 4, RESULT, SIZE, 0],
    "__syscall_socketcall": [1, RESULT],
    "getaddrinfo": [HOST, 0, 0, RESULT],
    "getnameinfo": [ADDRESS, 16, RESULT, 64, 0, 0, 0],
    "gethostbyname": [HOST],
    "_emscripten_lookup_name": [HOST],
}
"""What a program could mean, where the usual numbers say little."""


def prepared() -> Program:
    program = world(
        mounts={"/m": MemoryDirectory({"f": b"text", "d/": None}, limit_bytes=LIMIT_BYTES)},
        current="/m",
        clock=VirtualClock(10**18),
        random=lambda count: b"r" * count,
        descriptors=32,
        stdout=lambda data: None,
        stderr=lambda data: None,
        net=Network(listen=["127.0.0.1:0"], connect=["127.0.0.1:9"]),
    )
    put_text(program, TEXT, "f")
    put_text(program, OTHER, "new")
    put_iovecs(program, IOVECS, (BUFFER, 10), (BUFFER, 10))
    program.process.guest.put_u32(EXCEPTION - 24, 1)
    program.process.fastcomp = Fastcomp(Places(1 << 20, 2 << 20, 2 << 20, 1024, 1040), 2, True)
    call(program, "__syscall_openat", -100, TEXT, 0o102, RESULT)
    call(program, "__syscall_openat", -100, put_text(program, 4300, "."), 0o200000, RESULT)
    call(program, "__syscall_pipe", RESULT)
    guest = program.process.guest
    for kind in (1, 2):
        guest.write(ADDRESS, struct.pack("<H6B8x", 2, 0, 0, 127, 0, 0, 1))  # a port that the system chooses
        number = call(program, "__syscall_socket", 2, kind | 0o4000, 0, 0, 0, 0)
        call(program, "__syscall_bind", number, ADDRESS, 16, 0, 0, 0)
    call(program, "__syscall_listen", LISTENING, 5, 0, 0, 0, 0)
    guest.write(ADDRESS, struct.pack("<H6B8x", 2, 0, 9, 127, 0, 0, 1))  # the port that throws away what it gets
    guest.write(MESSAGE, struct.pack("<IIIiIII", ADDRESS, 16, IOVECS, 2, 0, 0, 0))
    guest.put_u32(SIZE, 28)
    put_text(program, HOST, "127.0.0.1")
    guest.write(RESULT, bytes(64))
    program.process.guest.write(BUFFER, bytes((FILE, 0, 0, 0, 1, 0, 0, 0)))
    return program


def call(program: Program, name: str, *args: float) -> Any:
    return ROWS[name][0].function(program.process, *args)


def baseline(row: Row) -> list[float]:
    params = row.params.replace("?", "")
    well = WELL.get(row.name, WELL.get(row.name.replace("__sys_", "__syscall_"), []))
    usual: dict[str, float] = {"i": RESULT, "I": 0, "d": 1.0, "f": 1.0}
    return list(well) if len(well) == len(params) else [usual[letter] for letter in params]


WAITING = ("__syscall_poll", "__sys_poll", "__syscall__newselect", "__sys__newselect")
"""What may wait for ever, if that is what the numbers say."""

ALL_ROWS = [
    pytest.param(row, id=f"{row.name}-{row.params}")
    for rows in ROWS.values()
    for row in rows
    if len(row.params) <= 8  # longer ones are one function: the lists of handlers of C++
]


@pytest.mark.parametrize("row", ALL_ROWS)
def test_large_numbers_cost_little(row: Row) -> None:
    params = row.params.replace("?", "")
    rounds: list[tuple[int | None, float]] = [
        (at, value) for at, letter in enumerate(params) for value in HOSTILE[letter]
    ]
    for at, value in [*rounds, (None, -1), (None, (1 << 31) - 1), (None, 1 << 20), (None, 0)]:
        program = prepared()
        given = [float(value) if letter in "df" else value for letter in params] if at is None else baseline(row)
        if at is not None:
            given[at] = value
        what = f"{row.name}{tuple(given)}"
        try:
            with timeout(0.05) if row.name in WAITING else nullcontext():
                answer, allocated = counted(functools.partial(row.function, program.process, *given))
        except Timeout:
            continue
        except TooMuch:
            raise AssertionError(f"{what} ran too many lines") from None
        if isinstance(answer, Timeout) and row.name in WAITING:
            continue
        if isinstance(answer, BaseException):
            assert isinstance(answer, (EmscriptenError, ExitCode, MemoryError)), f"{what} raised {answer!r}"
        else:
            assert answer is None or isinstance(answer, (int, float)), what
            if row.result == "i":
                assert answer is not None and -(1 << 31) <= answer < 1 << 32, what
            elif row.result == "I":
                assert answer is not None and -(1 << 63) <= answer < 1 << 64, what
        assert allocated < MOST_BYTES + LIMIT_BYTES, f"{what} allocated {allocated} bytes"
        program.close()


NOT_NOW = {"__syscall_accept4", "__syscall_recvfrom", "__syscall_recvmsg", "__syscall_bind", "__syscall_getpeername",
           "__syscall_shutdown", "__syscall_socketcall"}  # fmt: skip
"""Sockets on which nothing has come, or of the wrong sort; nobody waits there."""


def test_the_usual_numbers_are_usual() -> None:
    """What is made large in turn begins as something that works; else nothing behind the first check is tried."""
    for name in WELL:
        for row in ROWS[name]:
            if len(WELL[name]) == len(row.params.replace("?", "")):
                program = prepared()
                try:
                    answer = row.function(program.process, *WELL[name])
                except EmscriptenError:
                    assert name.startswith("__cxa_throw"), name
                    continue
                refused = ("__syscall_readlinkat", "__syscall_symlinkat", *NOT_NOW)
                assert answer is None or answer >= 0 or name in refused, (name, answer)
                program.close()


# --- what can be piled up


def test_functions_for_the_end_have_a_limit() -> None:
    program = prepared()
    program.process.exit_functions = [(1, None)] * 65_536
    with pytest.raises(EmscriptenError, match="more than 65536 functions"):
        call(program, "atexit", 1)


def test_exceptions_within_each_other_have_a_limit() -> None:
    program = prepared()
    program.process.exceptions.caught = [EXCEPTION] * 65_536
    for name in ("__cxa_begin_catch", "__cxa_rethrow_primary_exception"):
        with pytest.raises(EmscriptenError, match="within each other"):
            call(program, name, EXCEPTION)


def test_open_files_have_a_limit() -> None:
    program = prepared()
    numbers = []
    while (number := call(program, "__syscall_openat", -100, TEXT, 0, RESULT)) >= 0:
        numbers.append(number)
    assert number == -33 and len(program.process.descriptors.open) == 32
    assert call(program, "__syscall_pipe", RESULT) == -33
    assert call(program, "__syscall_dup", FILE) == -33


def test_modes_that_are_remembered_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmer_vfs import trees

    monkeypatch.setattr(trees, "MAX_MODES", 3)
    program = prepared()
    for at in range(10):
        name = put_text(program, OTHER, f"file{at}")
        number = call(program, "__syscall_openat", -100, name, 0o101, RESULT)
        assert call(program, "__syscall_fchmod", number, 0o400 + at) == 0
    assert len(program.process.tree._modes) == 3
    status = program.process.descriptors.find(number).status()
    assert program.process.tree.mode_of(status) == 0o411


def test_a_pipe_holds_what_it_holds() -> None:
    program = prepared()
    put_iovecs(program, IOVECS, (BUFFER, 1 << 20))
    assert call(program, "fd_write", WRITER, IOVECS, 1, RESULT) == 0
    assert program.process.guest.u32(RESULT) == 65_536
    assert call(program, "fd_write", WRITER, IOVECS, 1, RESULT) == 6
    assert call(program, "fd_read", READER, IOVECS, 1, RESULT) == 0
    assert program.process.guest.u32(RESULT) == 65_536
    assert call(program, "fd_read", READER, IOVECS, 1, RESULT) == 6
    assert call(program, "fd_close", WRITER) == 0
    assert call(program, "fd_read", READER, IOVECS, 1, RESULT) == 0
    assert program.process.guest.u32(RESULT) == 0


def test_what_is_dropped_from_memory_comes_back() -> None:
    """A directory in memory has room again when its files are gone."""
    program = prepared()
    put_iovecs(program, IOVECS, (BUFFER, 1 << 20))
    for _ in range(8):
        number = call(program, "__syscall_openat", -100, put_text(program, OTHER, "big"), 0o1102, RESULT)
        assert call(program, "fd_write", number, IOVECS, 1, RESULT) == 0
        assert call(program, "fd_close", number) == 0
        assert call(program, "__syscall_unlinkat", -100, OTHER, 0) == 0
