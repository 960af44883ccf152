"""Every pointer that a function is given is looked at before anything is done: what lies outside changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from test_hostile_numbers import BUFFER, DIRECTORY, FILE, IOVECS, OTHER, RESULT, TEXT, TM, call, prepared
from worlds import BYTES, put_iovecs

from wasmer_emscripten import WrongArgument

EFAULT = 21
CALLS: dict[str, tuple[list[int], list[tuple[int, int]]]] = {
    # arguments, and of each pointer among them: its place, the bytes that must be there (of a text, one)
    "fd_write": ([FILE, IOVECS, 2, RESULT], [(1, 16), (3, 4)]),
    "fd_read": ([FILE, IOVECS, 2, RESULT], [(1, 16), (3, 4)]),
    "fd_pwrite": ([FILE, IOVECS, 1, 0, RESULT], [(1, 8), (4, 4)]),
    "fd_pread": ([FILE, IOVECS, 1, 0, RESULT], [(1, 8), (4, 4)]),
    "fd_seek": ([FILE, 0, 0, RESULT], [(3, 8)]),
    "fd_fdstat_get": ([FILE, RESULT], [(1, 24)]),
    "environ_get": ([RESULT, BUFFER], [(0, 28), (1, 94)]),
    "environ_sizes_get": ([RESULT, BUFFER], [(0, 4), (1, 4)]),
    "args_get": ([RESULT, BUFFER], [(0, 4), (1, 15)]),
    "args_sizes_get": ([RESULT, BUFFER], [(0, 4), (1, 4)]),
    "random_get": ([BUFFER, 16], [(0, 16)]),
    "getentropy": ([BUFFER, 16], [(0, 16)]),
    "clock_time_get": ([0, 0, RESULT], [(2, 8)]),
    "clock_res_get": ([0, RESULT], [(1, 8)]),
    "clock_gettime": ([0, RESULT], [(1, 16)]),
    "gettimeofday": ([RESULT, 0], [(0, 16)]),
    "__syscall_openat": ([-100, TEXT, 2, RESULT], [(1, 1)]),
    "__syscall_stat64": ([TEXT, RESULT], [(0, 1), (1, 96)]),
    "__syscall_lstat64": ([TEXT, RESULT], [(0, 1), (1, 96)]),
    "__syscall_fstat64": ([FILE, RESULT], [(1, 96)]),
    "__syscall_newfstatat": ([-100, TEXT, RESULT, 0], [(1, 1), (2, 96)]),
    "__syscall_unlinkat": ([-100, TEXT, 0], [(1, 1)]),
    "__syscall_renameat": ([-100, TEXT, -100, OTHER], [(1, 1), (3, 1)]),
    "__syscall_mkdirat": ([-100, OTHER, 0o777], [(1, 1)]),
    "__syscall_readlinkat": ([-100, TEXT, RESULT, 64], [(1, 1), (2, 64)]),
    "__syscall_getdents64": ([DIRECTORY, BUFFER, 280], [(1, 280)]),
    "__syscall_getcwd": ([RESULT, 64], [(0, 3)]),
    "__syscall_chdir": ([TEXT], [(0, 1)]),
    "__syscall_utimensat": ([-100, TEXT, RESULT, 0], [(1, 1), (2, 32)]),
    "__syscall_pipe": ([RESULT], [(0, 8)]),
    "__syscall_poll": ([BUFFER, 1, 0], [(0, 8)]),
    "__syscall_uname": ([BUFFER], [(0, 390)]),
    "_tzset_js": ([RESULT, RESULT + 8, BUFFER, BUFFER + 32], [(0, 4), (1, 4), (2, 17), (3, 17)]),
    "_localtime_js": ([0, TM], [(1, 40)]),
    "_gmtime_js": ([0, TM], [(1, 40)]),
    "_mktime_js": ([TM], [(0, 40)]),
    "_timegm_js": ([TM], [(0, 40)]),
    "emscripten_memcpy_big": ([BUFFER, RESULT, 64], [(0, 64), (1, 64)]),
}
POINTERS = [
    pytest.param(name, arguments, place, size, id=f"{name}-{place}")
    for name, (arguments, places) in CALLS.items()
    for place, size in places
]


@pytest.mark.parametrize(("name", "arguments", "place", "size"), POINTERS)
def test_a_pointer_that_leads_out_of_memory(name: str, arguments: list[int], place: int, size: int) -> None:
    for pointer in (BYTES - size + 1, BYTES, BYTES + 65_536, -1, -size, -(1 << 31), (1 << 31) - 1):
        program = prepared()
        before = bytes(program.memory.read(0, BYTES))
        names = sorted(program.fs.iterdir("/m"))
        opened = sorted(program.process.descriptors.open)
        given: list[Any] = list(arguments)
        given[place] = pointer
        try:
            answer = call(program, name, *given)
        except WrongArgument as wrong:
            assert "Bad address" in str(wrong)
        else:
            assert answer in (EFAULT, -EFAULT), (name, given, answer)
        assert bytes(program.memory.read(0, BYTES)) == before
        assert sorted(program.fs.iterdir("/m")) == names
        assert sorted(program.process.descriptors.open) == opened
        program.close()


def test_a_buffer_of_an_iovec_that_leads_out_of_memory() -> None:
    program = prepared()
    for ranges in ([(BYTES - 5, 6)], [(BUFFER, 1), (0xFFFF_FFFF, 2)], [(BUFFER, 0xFFFF_FFFF)]):
        put_iovecs(program, IOVECS, *ranges)
        for name in ("fd_write", "fd_read"):
            assert call(program, name, FILE, IOVECS, len(ranges), RESULT) == EFAULT
    assert program.fs.read_bytes("/m/f") == b"text"


def test_the_last_byte_of_memory_can_be_used() -> None:
    program = prepared()
    assert call(program, "clock_time_get", 0, 0, BYTES - 8) == 0
    program.process.guest.write(BYTES - 2, b"f\0")
    assert call(program, "__syscall_stat64", BYTES - 2, RESULT) == 0
    program.process.guest.write(BYTES - 2, b"ff")
    assert call(program, "__syscall_stat64", BYTES - 2, RESULT) == -EFAULT


def test_memory_that_has_grown_is_seen() -> None:
    from worlds import world

    program = world(pages=64, most=128)
    assert read_clock(program, BYTES) == -EFAULT
    program.memory.grow(1)
    assert read_clock(program, BYTES) == 0


def read_clock(program: Any, pointer: int) -> Any:
    return call(program, "__clock_gettime", 0, pointer)
