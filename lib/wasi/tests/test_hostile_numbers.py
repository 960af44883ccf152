"""Numbers that cost a guest nothing to write: what a call does with them is bounded, whatever they are.

Every function of the interface is called with each of its parameters made large in turn, and with all of them large
at once. What is bounded is counted, not timed: lines of Python that run, and bytes that Python allocates. A function
that is not in the table fails the first test.
"""

from __future__ import annotations

import functools
import resource
import socket
import struct
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from guests import BUFFER, RESULT, Context, DirectGuest
from test_memory_ranges import CALLS

from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_vfs import Socket, Status, StreamFile
from wasmer_wasi import ExitCode, MemoryDirectory, VirtualClock, WasiState
from wasmer_wasi.errno import ROWS
from wasmer_wasi.functions import FUNCTIONS

ERRNOS = {row.name for row in ROWS}
PAGES = 1024
BYTES = PAGES * 65536
MOST_LINES = 300_000
MOST_BYTES = 4 << 20
LIMIT_BYTES = 2 << 20
FILE, SOCKET = 5, 4

# What a program could mean, for the functions that `CALLS` has not; descriptors as `prepared` makes them.
OTHERS: dict[str, list[int]] = {
    "fd_advise": [FILE, 0, 1, 0],
    "fd_allocate": [FILE, 0, 1],
    "fd_close": [77],
    "fd_datasync": [FILE],
    "fd_fdstat_set_flags": [FILE, 0],
    "fd_fdstat_set_rights": [FILE, 0, 0],
    "fd_filestat_set_size": [FILE, 5],
    "fd_filestat_set_times": [FILE, 0, 0, 5],
    "fd_renumber": [FILE, FILE],
    "fd_sync": [FILE],
    "proc_exit": [0],
    "proc_raise": [0],
    "sched_yield": [],
    "sock_accept": [SOCKET, 0, RESULT],
    "sock_shutdown": [SOCKET, 3],
}
HOSTILE = {
    "i": (-1, (1 << 31) - 1, -(1 << 31), BYTES - 70_000, BYTES // 8 - 9_000, BYTES // 56 - 2_000, 1 << 20),
    "I": (-1, (1 << 63) - 1, -(1 << 63), 1 << 62, 1 << 40, 1 << 31, BYTES),
}


class TooMuch(BaseException):
    """Passes through everything."""


def counted(call: Any) -> tuple[Any, int, int]:
    """What a call answers, the lines of Python that it ran, and the bytes it had allocated at most.

    Raises:
        TooMuch: it ran more than `MOST_LINES`; so a test fails, and does not run for hours.
    """
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += 1
        if lines > MOST_LINES:
            sys.settrace(None)
            raise TooMuch
        return trace

    before = sys.gettrace()
    tracemalloc.start()
    base = tracemalloc.get_traced_memory()[0]
    sys.settrace(trace)
    try:
        answer = call()
    finally:
        sys.settrace(before)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return answer, lines, peak - base


@pytest.fixture(autouse=True)
def small_files() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 20, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def memory() -> Memory:
    """64 MiB that a guest has declared and never written to."""
    return Memory(PAGES)


class LargeGuest(DirectGuest):
    """With a memory so large that counts, and not only pointers, can be."""

    def __init__(self, version: int, state: WasiState, memory: Memory) -> None:
        super().__init__(Path(), version, state)
        self.large = memory
        self.context = Context(state, 0)
        self.context.memory = lambda index: memory  # type: ignore[method-assign, assignment, return-value]

    def write(self, at: int, data: bytes) -> None:
        self.large.write(at, data)

    def read(self, at: int, size: int) -> bytes:
        return self.large.read(at, size)


def prepared(directory: Any, version: int, memory: Memory) -> LargeGuest:
    """Descriptor 3 is a directory, 4 a socket that does not block, 5 a file."""
    ours, guests = socket.socketpair()
    builder = WasiState.new("p").preopen("/d", directory).socket(guests).clock(VirtualClock()).random_seed(0)
    state = builder.stdin(b"input").stdout(lambda data: None).stderr(lambda data: None).build()
    guest = LargeGuest(version, state, memory)
    ours.close()
    guests.close()
    assert guest.call("fd_fdstat_set_flags", SOCKET, 4) == "SUCCESS"
    for name in ("a", "b/"):
        guest.call("path_create_directory", 3, *guest.path(name))
    fd = guest.must_open("f", oflags=1)
    assert fd == FILE
    guest.write_file(fd, b"text")
    guest.path("f", 1000)
    guest.path("new", 1100)
    guest.iovecs((BUFFER, 10))
    return guest


def baseline(name: str) -> list[int]:
    if name in OTHERS:
        return list(OTHERS[name])
    arguments = list(CALLS[name][0])
    if arguments[0] == 4 and not name.startswith("sock"):
        arguments[0] = FILE
    return arguments


def test_every_function_is_in_the_table() -> None:
    assert {row.name for row in FUNCTIONS} == set(CALLS) | set(OTHERS)
    assert not set(CALLS) & set(OTHERS)
    assert all(len(baseline(row.name)) == len(row.params) for row in FUNCTIONS)


@pytest.fixture(params=["host", "memory"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return tmp_path if request.param == "host" else MemoryDirectory(limit_bytes=LIMIT_BYTES)


@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: row.name)
def test_large_numbers_cost_little(row: Any, directory: Any, version: int, memory: Memory) -> None:
    if row.since > version:
        pytest.skip("not in this version")
    rounds = [
        (at, value) for at, letter in enumerate(row.params) for value in HOSTILE[letter]
    ]  # one of them large, and then all
    for at, value in [*rounds, (None, -1), (None, (1 << 31) - 1), (None, 1 << 20)]:
        guest = prepared(directory, version, memory)
        given = [value] * len(row.params) if at is None else baseline(row.name)
        if at is not None:
            given[at] = value
        what = f"{row.name}{tuple(given)}"
        try:
            answer, _, allocated = counted(functools.partial(guest.call, row.name, *given))
        except ExitCode:
            guest.close()
            continue
        except TooMuch:
            raise AssertionError(f"{what} ran more than {MOST_LINES} lines") from None
        assert answer in ERRNOS, what
        room = LIMIT_BYTES if isinstance(directory, MemoryDirectory) else 0
        assert allocated < MOST_BYTES + room, f"{what} allocated {allocated} bytes"
        guest.close()


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("poll_oneoff", (0, 0, 4097, RESULT), "INVAL"),
        ("poll_oneoff", (0, 0, BYTES // 56 - 1, RESULT), "INVAL"),
        ("fd_write", (1, 100_000, BYTES // 8 - 20_000, RESULT), "INVAL"),
        ("fd_read", (0, 100_000, BYTES // 8 - 20_000, RESULT), "INVAL"),
        ("fd_pread", (FILE, 100_000, BYTES // 8 - 20_000, 0, RESULT), "INVAL"),
        ("fd_pwrite", (FILE, 100_000, BYTES // 8 - 20_000, 0, RESULT), "INVAL"),
        ("sock_send", (SOCKET, 100_000, BYTES // 8 - 20_000, 0, RESULT), "INVAL"),
        ("sock_recv", (SOCKET, 100_000, BYTES // 8 - 20_000, 0, RESULT, RESULT), "INVAL"),
        ("path_unlink_file", (3, 0, 4097), "NAMETOOLONG"),
        ("path_symlink", (0, 4097, 3, 1000, 1), "NAMETOOLONG"),
        ("path_rename", (3, 1000, 1, 3, 0, BYTES), "NAMETOOLONG"),
        ("fd_renumber", (FILE, (1 << 31) - 1), "BADF"),
        ("fd_renumber", (FILE, -1), "BADF"),
    ],
)
def test_what_is_refused(name: str, arguments: tuple[int, ...], answer: str, version: int, memory: Memory) -> None:
    guest = prepared(MemoryDirectory(), version, memory)
    assert guest.call(name, *arguments) == answer
    guest.close()


@pytest.mark.parametrize("name", ["fd_read", "fd_pread", "fd_write", "fd_pwrite", "sock_recv", "sock_send"])
def test_buffers_that_are_the_same_many_times(name: str, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Together no more than a count can say, and than the host takes at once: the rest makes a short read or write."""

    class File(StreamFile):
        def read(self, buffers: Any, *others: Any, **named: Any) -> int:
            asked.append(sum(map(len, buffers)))
            return asked[-1]

        write = read_at = write_at = read

        def status(self) -> Status:
            return Status(0, 0, "file", 1, 0, 0, 0, 0)

    asked: list[int] = []
    guest = prepared(MemoryDirectory(), 1, memory)
    descriptor = guest.state.descriptors.get(SOCKET if name.startswith("sock") else FILE)
    if name.startswith("sock"):
        monkeypatch.setattr(Socket, "write", lambda self, buffers: File().read(buffers))
        monkeypatch.setattr(Socket, "receive", lambda self, buffers, **named: (File().read(buffers), False))
    else:
        descriptor.file, descriptor.host = File(), -1  # type: ignore[assignment]
    for pieces in (1, 31, 32, 33, 512, 1024):
        guest.write(1 << 20, struct.pack("<II", 0, BYTES) * pieces)
        offset = (0,) if name in ("fd_pread", "fd_pwrite") else (0, RESULT) if name == "sock_recv" else ()
        offset = (0,) if name == "sock_send" else offset
        arguments = (SOCKET if name.startswith("sock") else FILE, 1 << 20, pieces, *offset)
        assert guest.get(name, *arguments)[0] == "SUCCESS"
        assert asked.pop() == min(pieces * BYTES, 0x7FFF_F000) and not asked


def test_as_many_subscriptions_as_allowed(version: int, memory: Memory) -> None:
    guest = prepared(MemoryDirectory(), version, memory)
    guest.write(1 << 20, b"".join(guest.clock_subscription(at, 1, 5) for at in range(4096)))
    answer = guest.get("poll_oneoff", 1 << 20, 2 << 20, 4096)
    assert answer == ("SUCCESS", 4096)
    guest.write(1 << 20, bytes(1 << 20))


def test_all_random_bytes_that_are_asked_for(version: int, memory: Memory) -> None:
    """In pieces: no more than one of them is ever on the way."""
    guest = prepared(MemoryDirectory(), version, memory)
    start, length = BYTES - (5 << 20) - 3, (5 << 20) + 3
    answer, _, allocated = counted(lambda: guest.call("random_get", start, length))
    assert answer == "SUCCESS" and allocated < 4 << 20
    assert all(any(guest.read(at, 64)) for at in range(start, BYTES - 64, 1 << 20)) and any(guest.read(BYTES - 9, 9))


def test_paths_that_go_up_and_down_without_end(tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step up walks all names again; links multiply that. What the host is asked for is counted."""
    import os

    from wasmer_vfs import host_directories

    deep = "a/" * 600
    (tmp_path / deep).mkdir(parents=True)
    guest = DirectGuest(tmp_path, version)
    zigzag = deep + "../a/" * 500
    assert guest.symlink(zigzag[:4000].rpartition("/")[0], "z") == "SUCCESS"
    assert guest.path_stat(deep + "..")[2] == 3
    calls = 0
    host_open = os.open

    def counting(*args: Any, **named: Any) -> int:
        nonlocal calls
        calls += 1
        return host_open(*args, **named)

    monkeypatch.setattr(host_directories.os, "open", counting)
    for path in (zigzag, "z", "z/" + zigzag[:3000]):
        calls = 0
        assert guest.path_stat(path) == "LOOP"
        assert guest.open(path, rights=2) == "LOOP"
        assert calls <= 2 * host_directories.MAX_STEPS
    guest.close()
