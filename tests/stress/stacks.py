"""Where the stack of a thread lies, and whether something has written below what is wasm's of it."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from typing import Any, Final

LIBC: Final = ctypes.CDLL(None, use_errno=True)
LIBC.pthread_self.restype = ctypes.c_void_p
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]

READ_AND_WRITE: Final = 3
MAP_PRIVATE_ANONYMOUS: Final = 0x22
MAP_FIXED_NOREPLACE: Final = 0x100000
MAP_FAILED: Final = ctypes.c_void_p(-1).value

MIB: Final = 1 << 20
FILL: Final = 0x5A
SLACK: Final = 64 * 1024
"""What lies below the limit of wasm code by right: a frame that is not checked, what a signal makes the code call."""


def bounds() -> tuple[int, int]:
    """(lowest address, bytes) of this thread's stack."""
    attributes = ctypes.create_string_buffer(64)
    low, size = ctypes.c_void_p(), ctypes.c_size_t()
    assert not LIBC.pthread_getattr_np(ctypes.c_void_p(LIBC.pthread_self()), attributes)
    assert not LIBC.pthread_attr_getstack(attributes, ctypes.byref(low), ctypes.byref(size))
    assert low.value
    return low.value, size.value


def kept(size: int) -> int:
    """How many bytes at the lower end of a stack of `size` are kept for host functions: docs/limits.md."""
    return min(size // 4 * 3, 6 * MIB)


UNDER: Final = 8 * MIB
"""How much memory under a stack is filled as well."""


def _map(address: int, length: int, flags: int = 0) -> int | None:
    found = LIBC.mmap(address, length, READ_AND_WRITE, MAP_PRIVATE_ANONYMOUS | flags, -1, 0)
    return None if found == MAP_FAILED else int(found)


@contextmanager
def canary(under: tuple[int, int]) -> Any:
    """Fill what is below wasm's part of this thread's stack, and memory `under` it; in the end all is as it was.

    Nothing else may use much of the stack meanwhile: no host functions that recurse.
    """
    low, size = bounds()
    pieces = [under, (low + 4096, kept(size) - SLACK - 4096)]
    for address, length in pieces:
        ctypes.memset(address, FILL, length)
    yield
    for address, length in pieces:
        content = ctypes.string_at(address, length)
        changed = length - content.count(bytes([FILL]))
        assert not changed, f"{changed} bytes changed at {address:#x}, the stack begins at {low:#x} ({size:#x} bytes)"


def beside_canary(target: Callable[[], None], size: int) -> None:
    """Run `target` where something that leaves the stack downwards is found out: in the main thread (size 0), or in
    one with a stack of that size, under which other memory lies, without a guard.
    """
    failures: list[BaseException] = []

    def guarded(under: tuple[int, int]) -> None:
        try:
            with canary(under):
                target()
        except BaseException as failure:
            failures.append(failure)

    if size:
        base = _map(0, UNDER + size)
        assert base
        attributes, thread = ctypes.create_string_buffer(64), ctypes.c_void_p()
        entry = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda _: guarded((base, UNDER)))
        assert not LIBC.pthread_attr_init(attributes)
        assert not LIBC.pthread_attr_setstack(attributes, ctypes.c_void_p(base + UNDER), ctypes.c_size_t(size))
        assert not LIBC.pthread_create(ctypes.byref(thread), attributes, entry, None)
        assert not LIBC.pthread_join(thread, None)
    else:
        # Linux keeps 1 MiB between a stack that grows and other memory
        base = _map((bounds()[0] & -4096) - 2 * MIB - UNDER, UNDER, MAP_FIXED_NOREPLACE)
        assert base, "something lies under the stack of the main thread"
        guarded((base, UNDER))
        LIBC.munmap(ctypes.c_void_p(base), ctypes.c_size_t(UNDER))
    if failures:
        raise failures[0]


def in_threads(target: Callable[[], None], sizes: tuple[int, ...]) -> None:
    """Run `target` in a thread for each of these sizes of stack (0: as they are by default), one after another."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            target()
        except BaseException as failure:
            failures.append(failure)

    for size in sizes:
        with ExitStack() as after:
            after.callback(threading.stack_size, threading.stack_size(size))
            thread = threading.Thread(target=guarded)
            thread.start()
        thread.join()
        if failures:
            raise failures[0]
