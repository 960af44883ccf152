"""Whatever a call waits for, a deadline, a cancellation and a signal end the wait, and the guest can go on."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from guests import BUFFER, RESULT, RIGHT_READ, RIGHT_WRITE, DirectGuest, RuntimeGuest

from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_vfs.files import HostStream, Owned
from wasmer_wasi import WasiState
from wasmer_wasi.descriptors import Descriptor
from wasmer_wasi.types import STANDARD_STREAM_RIGHTS

FOREVER = (1 << 63) - 1
LARGE = 60_000

Wait = Callable[[DirectGuest], Any]


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """A wait that does not end fails its test instead of hanging it."""

    def too_late(number: int, frame: object) -> None:
        raise AssertionError("nothing ended the wait")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class Host:
    """What the host keeps: the other ends, so that nothing is ever ready."""

    def __init__(self, root: Path) -> None:
        self.descriptors: list[int] = []
        self.files: list[Any] = []
        os.mkfifo(root / "pipe")
        self.stdin, writer = os.pipe()
        reader, self.stdout = os.pipe()
        self.descriptors += [self.stdin, writer, reader, self.stdout]
        for descriptor in (self.stdout,):
            os.set_blocking(descriptor, False)
            fill(descriptor)
            os.set_blocking(descriptor, True)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.ours, self.guests = socket.socketpair()
        self.files += [self.listening, self.ours, self.guests]
        builder = WasiState.new("p").map_dir("/d", root).socket(self.listening).socket(self.guests)
        self.raw = open(os.dup(self.stdin), "rb", buffering=0)
        self.files.append(self.raw)
        self.state = builder.stdin(self.raw).stdout(None).stderr(None).build()
        for at, (host, stream) in enumerate(((self.stdin, 0), (self.stdout, 1))):
            file = HostStream(host)
            rights = STANDARD_STREAM_RIGHTS & ~(RIGHT_READ if stream else RIGHT_WRITE)
            assert self.state.descriptors.insert(Descriptor(file, 0, rights, rights)) == 6 + at

    def close(self) -> None:
        self.state.close()
        for file in self.files:
            file.close()
        for descriptor in self.descriptors:
            os.close(descriptor)


def fill(descriptor: int) -> None:
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except BlockingIOError:
        pass


def fill_fifo(guest: DirectGuest) -> int:
    """The guest's own descriptor of a pipe that is full, which somebody could read."""
    reading = guest.must_open("pipe", rights=RIGHT_READ)
    fd = guest.must_open("pipe", rights=RIGHT_WRITE)
    assert guest.call("fd_fdstat_set_flags", fd, 4) == "SUCCESS"
    while guest.get("fd_write", fd, *guest.iovecs((BUFFER, 4096)))[0] == "SUCCESS":
        pass
    assert guest.call("fd_fdstat_set_flags", fd, 0) == "SUCCESS"
    assert reading
    return fd


def fill_socket(guest: DirectGuest) -> None:
    assert guest.call("fd_fdstat_set_flags", 5, 4) == "SUCCESS"
    while guest.get("fd_write", 5, *guest.iovecs((BUFFER, LARGE)))[0] == "SUCCESS":
        pass
    assert guest.call("fd_fdstat_set_flags", 5, 0) == "SUCCESS"


def partly(guest: DirectGuest, name: str, fd: int) -> Any:
    return guest.get(name, fd, *guest.iovecs((BUFFER, LARGE)))


# What a guest does that waits; descriptors: 4 listens, 5 is connected, 6 and 7 are streams of the host.
WAITS: dict[str, Wait] = {
    "poll_oneoff: a clock": lambda guest: guest.poll(guest.clock_subscription(1, 1, FOREVER)),
    "poll_oneoff: a date": lambda guest: guest.poll(guest.clock_subscription(1, 0, FOREVER, 1)),
    "poll_oneoff: a file": lambda guest: guest.poll(guest.fd_subscription(1, 1, 6)),
    "poll_oneoff: both": lambda guest: guest.poll(
        guest.fd_subscription(1, 1, 5), guest.clock_subscription(2, 1, FOREVER)
    ),
    "sock_accept": lambda guest: guest.get("sock_accept", 4, 0),
    "sock_recv": lambda guest: guest.call("sock_recv", 5, *guest.iovecs((BUFFER, 9)), 0, RESULT, RESULT + 4),
    "sock_recv: peek": lambda guest: guest.call("sock_recv", 5, *guest.iovecs((BUFFER, 9)), 1, RESULT, RESULT + 4),
    "sock_recv: all": lambda guest: guest.call("sock_recv", 5, *guest.iovecs((BUFFER, 9)), 2, RESULT, RESULT + 4),
    "sock_send": lambda guest: (fill_socket(guest), partly(guest, "fd_write", 5)),
    "fd_read: a file object without a buffer": lambda guest: guest.read_file(0, 9),
    "fd_read: a stream of the host": lambda guest: guest.read_file(6, 9),
    "fd_read: several buffers": lambda guest: guest.get("fd_read", 6, *guest.iovecs((BUFFER, 9), (BUFFER + 9, 9))),
    "fd_read: a socket": lambda guest: guest.read_file(5, 9),
    "fd_read: a pipe": lambda guest: guest.read_file(guest.must_open("pipe", rights=RIGHT_READ), 9),
    "fd_write: a stream of the host": lambda guest: guest.write_file(7, b"x"),
    "fd_write: much to a stream": lambda guest: partly(guest, "fd_write", 7),
    "fd_write: a pipe": lambda guest: partly(guest, "fd_write", fill_fifo(guest)),
    "path_open: a pipe to write": lambda guest: guest.open("pipe", rights=RIGHT_WRITE),
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("what", WAITS)
def test_a_deadline(what: str, host: Host, version: int) -> None:
    if "sock_accept" in what and version == 0:
        pytest.skip("not in this version")
    guest = DirectGuest(Path(), version, host.state)
    before = sorted(os.listdir("/proc/self/fd"))
    opened = len(host.state.descriptors.open)
    with pytest.raises(Timeout), timeout(0.02):
        WAITS[what](guest)
    if len(host.state.descriptors.open) == opened:
        assert sorted(os.listdir("/proc/self/fd")) == before
    assert guest.get("clock_time_get", 1, 0, size=8)[0] == "SUCCESS"


@pytest.mark.parametrize("what", WAITS)
def test_a_signal_whatever_its_handler_raises(what: str, host: Host) -> None:
    """Also what a refusal of the host could be: the guest is not told of it."""

    def handler(number: int, frame: object) -> None:
        raise TimeoutError("the handler's own")

    before = signal.signal(signal.SIGVTALRM, handler)
    try:
        guest = DirectGuest(Path(), 1, host.state)
        with pytest.raises(TimeoutError, match="the handler's own"), _after(0.02, signal.SIGVTALRM):
            WAITS[what](guest)
    finally:
        signal.signal(signal.SIGVTALRM, before)


class _after:
    """A thread that sends a signal to the process until the block ends, so that one meets it waiting."""

    def __init__(self, seconds: float, number: int) -> None:
        import threading

        self._done = threading.Event()

        def send() -> None:
            while not self._done.wait(seconds):
                os.kill(os.getpid(), number)

        self._thread = threading.Thread(target=send, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        while True:
            try:
                self._done.set()
                self._thread.join()
                return
            except TimeoutError:  # one more signal
                continue


@pytest.mark.parametrize(
    "what", ["poll_oneoff: a clock", "fd_read: a stream of the host", "fd_write: much to a stream"]
)
def test_a_cancelled_task(what: str, host: Host, backend: str) -> None:
    guest = RuntimeGuest(Path(), 1, backend, host.state)
    exports = guest.instance.exports
    for number in (6, 7):  # a copy of the state has no files of the test's own
        descriptor = host.state.descriptors.get(number)
        guest.instance.context().data.descriptors.insert(descriptor)
    if "clock" in what:
        guest.write(2000, guest.clock_subscription(1, 1, FOREVER))
        call, arguments = exports.poll_oneoff, (2000, 4000, 1, RESULT)
    elif "read" in what:
        call, arguments = exports.fd_read, (6, *guest.iovecs((BUFFER, 9)), RESULT)
    else:
        call, arguments = exports.fd_write, (7, *guest.iovecs((BUFFER, LARGE)), RESULT)

    async def run() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(call.call_async(*arguments), timeout=0.05)

    asyncio.run(run())
    assert guest.get("clock_time_get", 1, 0, size=8)[0] == "SUCCESS"


def test_a_deadline_in_compiled_code(host: Host, backend: str) -> None:
    guest = RuntimeGuest(Path(), 1, backend, host.state)
    guest.write(2000, guest.clock_subscription(1, 1, FOREVER))
    with pytest.raises(Timeout):
        guest.instance.exports.poll_oneoff(2000, 4000, 1, RESULT, timeout=0.02)
    assert guest.get("clock_time_get", 1, 0, size=8)[0] == "SUCCESS"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("random_get", (0, 64 << 20)),
        ("fd_allocate", (3, 0, 512 << 20)),
        ("fd_filestat_set_size", (3, 512 << 20)),
        ("fd_write", (3, 0, 1, 8)),
    ],
)
def test_what_takes_long_looks_in_between(
    name: str, arguments: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadline that is found the third time one looks ends the call there, and nothing has changed by halves."""
    from wasmer_runtime_core.running.objects.memory import Memory
    from wasmer_vfs import files, memory_files, random
    from wasmer_wasi import MemoryDirectory

    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise Timeout("now")

    for module in (files, memory_files, random):
        monkeypatch.setattr(module, "look", look)
    tree = MemoryDirectory({"f": b"text"}, limit_bytes=1 << 30)
    guest = DirectGuest(Path(), 1, WasiState.new("p").stdin(None).build())
    memory = Memory(1024)
    memory.write(0, (64).to_bytes(4, "little") + (48 << 20).to_bytes(4, "little"))
    guest.context.memory = lambda index: memory  # type: ignore[method-assign, assignment, return-value]
    opened = tree.open(b"f", os.O_RDWR, follow=True)
    assert guest.state.descriptors.insert(Descriptor.of(opened, True, True, (1 << 30) - 1)) == 3  # type: ignore[arg-type]
    with pytest.raises(Timeout, match="now"):
        guest.call(name, *arguments)
    assert looks == 3
    assert tree.read_bytes("f") == b"text"


def test_a_default_timeout_of_the_process_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects that Python makes meanwhile have it, and would wait for so long where no deadline is seen."""
    ours, given = socket.socketpair()
    server = socket.create_server(("127.0.0.1", 0))
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(3600)
    try:
        state = WasiState.new("p").socket(server).socket(given).stdin(None).build()
        guest = DirectGuest(Path(), 1, state.copy())
        with socket.create_connection(server.getsockname()):
            assert guest.get("sock_accept", 3, 0) == ("SUCCESS", 5)
        for fd in (4, 5):
            assert guest.state.descriptors.get(fd).file.socket.gettimeout() is None  # type: ignore[union-attr]
        for wait in (lambda: guest.read_file(4, 9), lambda: guest.get("sock_accept", 3, 0)):
            with pytest.raises(Timeout), timeout(0.02):
                wait()
        assert os.get_blocking(given.fileno()) and os.get_blocking(server.fileno())
    finally:
        socket.setdefaulttimeout(before)
    guest.close()
    state.close()
    for each in (ours, given, server):
        each.close()


@pytest.mark.parametrize("virtual", [True, False])
def test_a_clock_of_the_users_own(virtual: bool) -> None:
    """Its sleep is its own affair; between two of them a deadline is seen, however long a program wants to wait."""

    class Clock:
        def __init__(self) -> None:
            self.readers = {0: lambda: 0, 1: lambda: 0}
            self.resolutions = {0: 1, 1: 1}
            self.virtual = virtual
            self.slept = 0

        def sleep(self, nanoseconds: int) -> None:
            self.slept += 1

    clock = Clock()
    guest = DirectGuest(Path(), 1, WasiState.new("p").clock(clock).stdin(None).build())
    with pytest.raises(Timeout), timeout(0.02):
        guest.poll(guest.clock_subscription(1, 1, FOREVER))
    assert clock.slept


def test_reading_a_terminal_ends(tmp_path: Path) -> None:
    leader, follower = os.openpty()
    stream = HostStream(Owned((follower,)))
    state = WasiState.new("p").stdin(None).build()
    assert state.descriptors.insert(Descriptor(stream, 2, STANDARD_STREAM_RIGHTS, 0)) == 3
    guest = DirectGuest(tmp_path, 1, state)
    with pytest.raises(Timeout), timeout(0.02):
        guest.read_file(3, 9)
    os.write(leader, b"typed\n")
    assert guest.read_file(3, 9) == ("SUCCESS", b"typed\n")
    assert guest.write_file(3, b"shown") == ("SUCCESS", 5)
    os.close(leader)
    state.close()
    assert sys.stdin is not None


def test_threads_that_share_a_pipe_do_not_wait_for_what_another_took() -> None:
    """Both are told that there is something; one gets it, and the other goes on waiting where its deadline is seen."""
    import threading

    reader, writer = os.pipe()
    outcomes: list[Any] = []

    def read() -> None:
        state = WasiState.new("p").stdin(None).stdout(None).stderr(None).build()
        rights = STANDARD_STREAM_RIGHTS
        fd = state.descriptors.insert(Descriptor(HostStream(reader), 0, rights, rights))
        guest = DirectGuest(Path(), 1, state)
        try:
            with timeout(0.5):
                outcomes.append(guest.read_file(fd, 1))
        except Timeout:
            outcomes.append("Timeout")

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    os.write(writer, b"xyz")
    for thread in threads:
        thread.join()
    os.close(reader)
    os.close(writer)
    assert sorted(map(str, outcomes)) == sorted(
        [*(str(("SUCCESS", bytes([each]))) for each in b"xyz"), *["Timeout"] * 5]
    )
