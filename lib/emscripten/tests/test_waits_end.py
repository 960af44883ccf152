"""Nothing that a program waits for outlives a deadline or a signal."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_hostile_numbers import BUFFER, IOVECS, MESSAGE, RESULT, call
from worlds import put_iovecs, put_text, world

from wasmer_emscripten import Network, Program
from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_vfs import NetworkSocket


@pytest.fixture
def silent() -> Iterator[int]:
    """A pipe that nobody writes to."""
    reader, writer = os.pipe()
    yield reader
    os.close(reader)
    os.close(writer)


LISTENING, DATAGRAMS, FULL, CLIENT = 3, 4, 5, 6
HOST = 12000


@pytest.fixture
def deaf() -> Iterator[tuple[socket.socket, threading.Event]]:
    """A socket that nobody accepts from, with as many connections as it takes; what lets a resolver answer."""
    ended = threading.Event()
    with socket.socket() as made, contextlib.ExitStack() as clients:
        made.bind(("127.0.0.1", 0))
        made.listen(0)
        for _ in range(3):  # the first one is connected, and no other
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(made.getsockname())
        yield made, ended
        ended.set()


def with_sockets(program: Program) -> None:
    """One that listens, one of datagrams, one whose other end does not read, and one that is none yet."""
    guest = program.process.guest
    guest.write(HOST, struct.pack("<H6B8x", 2, 0, 0, 127, 0, 0, 1))
    for kind in (1, 2):
        call(program, "__syscall_socket", 2, kind, 0, 0, 0, 0)
        assert call(program, "__syscall_bind", 2 + kind, HOST, 16, 0, 0, 0) == 0
    assert call(program, "__syscall_listen", LISTENING, 5, 0, 0, 0, 0) == 0
    guest.put_u32(RESULT, 16)
    assert call(program, "__syscall_getsockname", LISTENING, HOST, RESULT, 0, 0, 0) == 0
    ours = program.process.descriptors.find(LISTENING).file
    assert isinstance(ours, NetworkSocket)
    with socket.create_connection(ours.name().host) as peer:
        assert call(program, "__syscall_accept4", LISTENING, 0, 0, 0, 0, 0) == FULL
        peers.append(peer.dup())
    put_iovecs(program, IOVECS, (BUFFER, 1 << 20))
    while call(program, "__syscall_sendto", FULL, BUFFER, 1 << 20, 0x40, 0, 0) > 0:
        pass
    call(program, "__syscall_socket", 2, 1, 0, 0, 0, 0)
    guest.write(BUFFER + 256, struct.pack("<ihhihh", LISTENING, 1, 0, FULL, 4, 0))
    guest.write(BUFFER + 512, bytes([1 << DATAGRAMS]))
    guest.write(MESSAGE, struct.pack("<IIIiIII", 0, 0, IOVECS, 1, 0, 0, 0))
    put_text(program, HOST + 64, "example.org")


peers: list[socket.socket] = []
"""The other ends, which are open as long as the test is."""

SOCKETS: dict[str, Callable[[Program], Any]] = {
    "accept4": lambda p: call(p, "__syscall_accept4", LISTENING, 0, 0, 0, 0, 0),
    "recvfrom": lambda p: call(p, "__syscall_recvfrom", DATAGRAMS, BUFFER, 10, 0, 0, 0),
    "recvfrom, all of it": lambda p: call(p, "__syscall_recvfrom", FULL, BUFFER, 10, 0x100, 0, 0),
    "recvmsg": lambda p: call(p, "__syscall_recvmsg", FULL, MESSAGE, 0, 0, 0, 0),
    "fd_read": lambda p: call(p, "fd_read", FULL, IOVECS, 1, RESULT),
    "sendto": lambda p: call(p, "__syscall_sendto", FULL, BUFFER, 1 << 20, 0, 0, 0),
    "sendmsg": lambda p: call(p, "__syscall_sendmsg", FULL, MESSAGE, 0, 0, 0, 0),
    "fd_write": lambda p: call(p, "fd_write", FULL, IOVECS, 1, RESULT),
    "connect": lambda p: call(p, "__syscall_connect", CLIENT, HOST, 16, 0, 0, 0),
    "poll": lambda p: call(p, "__syscall_poll", BUFFER + 256, 2, -1),
    "select": lambda p: call(p, "__syscall__newselect", DATAGRAMS + 1, BUFFER + 512, 0, 0, 0),
    "getaddrinfo": lambda p: call(p, "getaddrinfo", HOST + 64, 0, 0, RESULT),
    "gethostbyname": lambda p: call(p, "gethostbyname", HOST + 64),
}


def networked(deaf: tuple[socket.socket, threading.Event]) -> Program:
    made, ended = deaf

    def never(name: str) -> list[str]:
        ended.wait(600)
        return []

    here = f"127.0.0.1:{made.getsockname()[1]}"
    net = Network(listen=["127.0.0.1:0"], connect=[here, "example.org:80"], resolver=never)
    program = world(net=net)
    with_sockets(program)
    port = struct.pack(">H", made.getsockname()[1])
    program.process.guest.write(HOST, struct.pack("<H2s4B8x", 2, port, 127, 0, 0, 1))
    return program


@pytest.mark.parametrize("name", SOCKETS)
def test_a_deadline_of_sockets(name: str, deaf: tuple[socket.socket, threading.Event]) -> None:
    program = networked(deaf)
    with pytest.raises(Timeout), timeout(0.02):
        SOCKETS[name](program)
    assert call(program, "getpagesize") == 16_384
    program.close()
    peers.pop().close()


@pytest.mark.parametrize("name", SOCKETS)
@pytest.mark.parametrize("raised", [KeyboardInterrupt(), BlockingIOError(11, "again"), ValueError("closed file")])
def test_a_signal_in_a_wait_of_sockets(
    name: str, raised: BaseException, deaf: tuple[socket.socket, threading.Event]
) -> None:
    program = networked(deaf)
    raises_from_a_handler(lambda: SOCKETS[name](program), raised)
    program.close()
    peers.pop().close()


def waiting(reader: int) -> Program:
    program = world(stdin=os.fdopen(reader, "rb", buffering=0, closefd=False))
    put_iovecs(program, IOVECS, (BUFFER, 10))
    guest = program.process.guest
    guest.pack(program.process.layouts.timespec, RESULT + 64, 1 << 40, 0)
    guest.write(BUFFER + 256, b"\0\0\0\0\1\0\0\0")
    guest.write(BUFFER + 512, b"\1\0\0\0")
    return program


WAITS: dict[str, Callable[[Program], Any]] = {
    "fd_read": lambda p: call(p, "fd_read", 0, IOVECS, 1, RESULT),
    "poll": lambda p: call(p, "__syscall_poll", BUFFER + 256, 1, -1),
    "poll of nothing": lambda p: call(p, "__syscall_poll", BUFFER + 256, 0, -1),
    "poll for long": lambda p: call(p, "__syscall_poll", BUFFER + 256, 1, (1 << 31) - 1),
    "select": lambda p: call(p, "__syscall__newselect", 1, BUFFER + 512, 0, 0, 0),
    "select for long": lambda p: call(p, "__syscall__newselect", 1, BUFFER + 512, 0, 0, RESULT + 64),
    "select of nothing": lambda p: call(p, "__syscall__newselect", 0, 0, 0, 0, 0),
    "emscripten_sleep": lambda p: call(p, "emscripten_sleep", -1),
    "emscripten_thread_sleep": lambda p: call(p, "emscripten_thread_sleep", 1e300),
    "usleep": lambda p: call(p, "usleep", -1),
    "nanosleep": lambda p: call(p, "nanosleep", RESULT + 64, 0),
}


@pytest.mark.parametrize("name", WAITS)
def test_a_deadline(name: str, silent: int) -> None:
    program = waiting(silent)
    with pytest.raises(Timeout), timeout(0.02):
        WAITS[name](program)
    assert call(program, "getpagesize") == 16_384


@pytest.mark.parametrize("name", WAITS)
@pytest.mark.parametrize("raised", [KeyboardInterrupt(), OSError(2, "no such file"), ValueError("closed file")])
def test_a_signal_whose_handler_raises(name: str, raised: BaseException, silent: int) -> None:
    """What a handler raises is never taken for a refusal of the host's."""
    program = waiting(silent)
    raises_from_a_handler(lambda: WAITS[name](program), raised)


def raises_from_a_handler(wait: Callable[[], Any], raised: BaseException) -> None:
    """A signal comes while it waits, and what the signal's handler raises comes out."""

    def handler(number: int, frame: object) -> None:
        raise raised

    before = signal.signal(signal.SIGUSR1, handler)
    main = threading.main_thread().ident
    assert main is not None
    sender = threading.Timer(0.02, signal.pthread_kill, (main, signal.SIGUSR1))
    try:
        with pytest.raises(type(raised)) as caught:
            sender.start()  # on a loaded machine the signal may come before this is back
            wait()
        assert caught.value is raised
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def test_time_that_is_made_up_passes_at_once() -> None:
    from wasmer_vfs import VirtualClock

    clock = VirtualClock()
    program = world(clock=clock)
    call(program, "emscripten_sleep", 5000)
    assert clock.elapsed == 5_000_000_000
    assert call(program, "__syscall_poll", 0, 0, 1000) == 0
    assert clock.elapsed == 6_000_000_000


@pytest.mark.parametrize("name", ["memset", "emscripten_memcpy_big", "random_get", "__syscall_ftruncate64"])
def test_what_takes_long_looks_in_between(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that is found the second time one looks ends the call there."""
    from wasmer_emscripten.library import heap
    from wasmer_vfs import memory_files
    from wasmer_vfs import random as random_bytes

    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise Timeout("now")

    for module in (heap, random_bytes, memory_files):
        monkeypatch.setattr(module, "look", look)
    program = world(pages=1024, most=1024, random=bytes)
    program.process.guest.write(RESULT, b"/tmp/f\0")
    number = call(program, "__syscall_openat", -100, RESULT, 0o102, 0)
    arguments: dict[str, tuple[int, ...]] = {
        "memset": (0, 1, 60 << 20),
        "emscripten_memcpy_big": (0, 1 << 20, 60 << 20),
        "random_get": (0, 60 << 20),
        "__syscall_ftruncate64": (number, 60 << 20),
    }
    with pytest.raises(Timeout):
        call(program, name, *arguments[name])
    assert looks == 2
