"""poll_oneoff on clocks, pipes and sockets; the socket calls; the ends of a program."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from guests import BUFFER, RESULT, DirectGuest, Guest, RuntimeGuest

from wasmer_vfs.files import HostStream, Owned
from wasmer_wasi import ExitCode, VirtualClock, WasiState
from wasmer_wasi.descriptors import Descriptor
from wasmer_wasi.types import FILETYPE_UNKNOWN, SNAPSHOT1, STREAM_RIGHTS

MILLISECOND = 1_000_000


def test_relative_and_absolute_sleep(guest: Guest) -> None:
    for clock in (0, 1):
        started = time.monotonic()
        answer, events = guest.poll(guest.clock_subscription(7, clock, 20 * MILLISECOND))
        assert answer == "SUCCESS" and events == [(7, 0, 0, 0, 0)]
        assert time.monotonic() - started >= 0.02
        now = guest.get("clock_time_get", clock, 0, size=8)[1]
        guest.poll(guest.clock_subscription(8, clock, now + 20 * MILLISECOND, 1))
        assert guest.get("clock_time_get", clock, 0, size=8)[1] >= now + 20 * MILLISECOND


def test_a_far_deadline_does_not_overflow(guest: Guest) -> None:
    far = (1 << 64) - 1
    answer, events = guest.poll(guest.clock_subscription(1, 1, far), guest.clock_subscription(2, 1, MILLISECOND))
    assert answer == "SUCCESS" and [event[0] for event in events] == [2]


def test_short_sleeps_are_short(guest: Guest) -> None:
    """50 microseconds, not the millisecond that the host's poll counts in; the best of many, as machines are busy."""
    seconds = []
    for _ in range(200):
        started = time.monotonic()
        guest.poll(guest.clock_subscription(1, 1, 50_000))
        seconds.append(time.monotonic() - started)
    assert 50e-6 <= min(seconds) < 900e-6


def test_virtual_time_does_not_pass_while_a_file_is_ready() -> None:
    clock = VirtualClock()
    reading, writing = os.pipe()
    source = open(reading, "rb", buffering=0)
    guest = DirectGuest(Path(), SNAPSHOT1, WasiState.new("p").stdin(source).clock(clock).build())
    pipe, late = guest.fd_subscription(1, 1, 0), guest.clock_subscription(2, 1, 10**15)
    assert guest.poll(pipe, late)[1][0][0] == 2 and clock.elapsed == 10**15
    os.write(writing, b"x")
    assert guest.poll(pipe, late)[1][0][0] == 1 and clock.elapsed == 10**15
    assert guest.poll(pipe)[1][0][0] == 1
    os.close(writing)


def piped() -> tuple[DirectGuest, int]:
    reading, writing = os.pipe()
    state = WasiState.new("p").stdin(open(reading, "rb", buffering=0)).stdout(None).build()
    return DirectGuest(Path(), SNAPSHOT1, state), writing


def test_a_pipe() -> None:
    guest, writing = piped()
    pipe = guest.fd_subscription(1, 1, 0)
    late = guest.clock_subscription(2, 1, 10 * MILLISECOND)
    assert guest.poll(pipe, late)[1] == [(2, 0, 0, 0, 0)]
    os.write(writing, b"abc")
    assert guest.poll(pipe, late)[1][0][:3] == (1, 0, 1)
    guest.read_file(0, 10)

    threading.Timer(0.02, os.write, (writing, b"later")).start()
    started = time.monotonic()
    assert guest.poll(pipe, guest.clock_subscription(2, 1, 10_000 * MILLISECOND))[1][0][0] == 1
    assert 0.01 < time.monotonic() - started < 5
    guest.read_file(0, 10)
    os.close(writing)
    answer, events = guest.poll(pipe)
    assert answer == "SUCCESS" and events[0][0] == 1 and events[0][4] == 1  # hung up
    assert guest.read_file(0, 10) == ("SUCCESS", b"")


@pytest.mark.parametrize("what", ["sleep", "poll", "read"])
def test_ctrl_c_ends_any_wait(what: str, backend: str, tmp_path: Path) -> None:
    """From inside compiled code; and the instance can be used afterwards."""
    reading, writing = os.pipe()
    source = open(reading, "rb", buffering=0)
    state = WasiState.new("p").stdin(source).build()
    guest = RuntimeGuest(tmp_path, SNAPSHOT1, backend, state)

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            if what == "read":
                guest.read_file(0, 10)
            else:
                waits = [guest.clock_subscription(1, 1, 20_000 * MILLISECOND)]
                guest.poll(*waits, *([guest.fd_subscription(2, 1, 0)] if what == "poll" else []))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 10
    os.write(writing, b"x")
    assert guest.read_file(0, 10) == ("SUCCESS", b"x")
    os.close(writing)


def test_a_file_tells_how_much_is_left(guest: Guest) -> None:
    fd = guest.must_open("f")
    assert guest.poll(guest.fd_subscription(1, 1, fd)) == ("SUCCESS", [(1, 0, 1, 11, 0)])
    guest.read_file(fd, 4)
    assert guest.poll(guest.fd_subscription(1, 1, fd)) == ("SUCCESS", [(1, 0, 1, 7, 0)])
    guest.read_file(fd, 40)
    assert guest.poll(guest.fd_subscription(1, 1, fd)) == ("SUCCESS", [(1, 0, 1, 0, 1)])
    both = guest.poll(guest.fd_subscription(1, 1, fd), guest.fd_subscription(2, 2, fd))
    assert [event[:3] for event in both[1]] == [(1, 0, 1), (2, 0, 2)]


# --- sockets


def connected() -> tuple[DirectGuest, socket.socket]:
    ours, guests = socket.socketpair()
    return DirectGuest(Path(), SNAPSHOT1, WasiState.new("p").socket(guests).stdin(None).build()), ours


def test_sending_and_receiving() -> None:
    guest, peer = connected()
    assert guest.fdstat(3)[0] == 6  # a stream socket
    peer.sendall(b"hello")
    assert guest.call("sock_recv", 3, *guest.iovecs((BUFFER, 3), (BUFFER + 10, 10)), 1, RESULT, RESULT + 4) == "SUCCESS"
    assert (guest.u32(), guest.read(BUFFER, 3), guest.read(BUFFER + 10, 2)) == (5, b"hel", b"lo")  # peeked
    assert guest.read_file(3, 5) == ("SUCCESS", b"hello")
    guest.write(BUFFER, b"answer")
    assert guest.call("sock_send", 3, *guest.iovecs((BUFFER, 6)), 0, RESULT) == "SUCCESS"
    assert guest.u32() == 6
    assert guest.write_file(3, b"!") == ("SUCCESS", 1)
    assert peer.recv(100) == b"answer!"
    assert guest.call("sock_send", 3, *guest.iovecs((BUFFER, 6)), 1, RESULT) == "INVAL"
    assert guest.call("sock_recv", 3, *guest.iovecs((BUFFER, 6)), 4, RESULT, RESULT + 4) == "INVAL"
    assert guest.call("fd_seek", 3, 0, 0, RESULT) == "SPIPE"
    assert guest.call("fd_pread", 3, *guest.iovecs((BUFFER, 6)), 0, RESULT) == "SPIPE"
    peer.close()


def test_all_of_a_large_message_is_sent() -> None:
    guest, peer = connected()
    text = bytes(range(256)) * 2000
    guest.context.bytes.extend(text)
    start = len(guest.context.bytes) - len(text)
    received = bytearray()

    def read() -> None:
        while len(received) < len(text):
            received.extend(peer.recv(5000))

    thread = threading.Thread(target=read)
    thread.start()
    assert guest.get("fd_write", 3, *guest.iovecs((start, 9), (start + 9, len(text) - 9))) == ("SUCCESS", len(text))
    thread.join()
    assert bytes(received) == text
    peer.close()


def test_what_was_written_before_the_reader_went_is_counted() -> None:
    """Half of it is on its way when the other end closes; a second write is told."""
    reading, writing = os.pipe()
    guest = DirectGuest(Path(), SNAPSHOT1)
    fd = guest.state.descriptors.insert(Descriptor(HostStream(Owned((writing,))), FILETYPE_UNKNOWN, STREAM_RIGHTS, 0))

    def close_when_full() -> None:
        while not os.get_blocking(reading) or len(os.read(reading, 4096)) < 4096:
            pass
        os.close(reading)

    thread = threading.Thread(target=close_when_full)
    thread.start()
    size = 120_000
    answer, count = guest.get("fd_write", fd, *guest.iovecs((BUFFER, size)))
    thread.join()
    assert answer == "SUCCESS" and 0 < count < size
    assert guest.write_file(fd, b"x")[0] == "PIPE"
    guest.close()


def test_waiting_for_a_socket() -> None:
    guest, peer = connected()
    reading = guest.fd_subscription(1, 1, 3)
    assert guest.poll(reading, guest.clock_subscription(2, 1, MILLISECOND))[1][0][0] == 2
    peer.sendall(b"four")
    assert guest.poll(reading)[1] == [(1, 0, 1, 4, 0)]
    assert guest.poll(guest.fd_subscription(3, 2, 3))[1][0][:3] == (3, 0, 2)
    peer.close()
    guest.read_file(3, 10)
    assert guest.poll(reading)[1][0][4] == 1
    assert guest.write_file(3, b"x")[0] == "PIPE"


def test_shutting_down() -> None:
    guest, peer = connected()
    for how in (0, 4, -1):
        assert guest.call("sock_shutdown", 3, how) == "INVAL"
    assert guest.call("sock_shutdown", 3, 2) == "SUCCESS"
    assert peer.recv(1) == b""
    assert guest.write_file(3, b"x")[0] == "PIPE"
    assert guest.call("sock_shutdown", 3, 1) == "SUCCESS"
    assert guest.call("sock_shutdown", 3, 3) == "SUCCESS"
    peer.close()


def test_not_blocking() -> None:
    guest, peer = connected()
    assert guest.call("fd_fdstat_set_flags", 3, 4) == "SUCCESS"
    assert guest.read_file(3, 1)[0] == "AGAIN"
    peer.close()


def test_accepting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        guest = DirectGuest(Path(), SNAPSHOT1, WasiState.new("p").socket(server).stdin(None).build())
        with socket.create_connection(server.getsockname()) as client:
            assert guest.poll(guest.fd_subscription(1, 1, 3))[1][0][:3] == (1, 0, 1)
            assert guest.call("sock_accept", 3, 1, RESULT) == "INVAL"
            assert guest.get("sock_accept", 3, 4) == ("SUCCESS", 4)
            assert guest.fdstat(4)[1] == 4
            assert guest.read_file(4, 1)[0] == "AGAIN"
            client.sendall(b"hi")
            guest.poll(guest.fd_subscription(1, 1, 4))
            assert guest.read_file(4, 10) == ("SUCCESS", b"hi")
            guest.write_file(4, b"ho")
            assert client.recv(10) == b"ho"
            assert guest.call("fd_close", 4) == "SUCCESS"
            assert client.recv(10) == b""


def test_other_descriptors_are_no_sockets(guest: Guest) -> None:
    for fd in (guest.must_open("f"), 3, 1):
        assert guest.call("sock_shutdown", fd, 1) == "NOTSOCK"
        assert guest.call("sock_send", fd, *guest.iovecs((BUFFER, 6)), 0, RESULT) == "NOTSOCK"
    assert guest.call("sock_shutdown", 99, 1) == "BADF"


# --- the process


@pytest.mark.parametrize(("code", "seen"), [(0, 0), (3, 3), (255, 255), (-1, 0xFFFFFFFF)])
def test_exit(code: int, seen: int, guest: Guest) -> None:
    with pytest.raises(ExitCode) as end:
        guest.call("proc_exit", code)
    assert end.value.code == seen


def test_signals_end_the_guest_and_not_the_host(guest: Guest) -> None:
    for number in (1, 2, 6, 9, 15, 30):
        with pytest.raises(ExitCode) as end:
            guest.call("proc_raise", number)
        assert end.value.code == 128 + number
    for number in (0, 16, 17, 22, 27):
        assert guest.call("proc_raise", number) == "SUCCESS"


@pytest.mark.parametrize("pieces", [1, 4])
def test_a_signal_does_not_cut_a_write_short(pieces: int, tmp_path: Path) -> None:
    """The host answers with a part of it when a signal comes while a pipe is full."""
    reading, writing = os.pipe()
    text = os.urandom(200_000)
    received = bytearray()

    def read_slowly() -> None:
        while len(received) < len(text):
            time.sleep(0.005)
            received.extend(os.read(reading, 5000))

    guest = DirectGuest(tmp_path, SNAPSHOT1)
    guest.context.bytes.extend(bytes(len(text)))
    opened = Descriptor(HostStream(Owned((writing,))), FILETYPE_UNKNOWN, STREAM_RIGHTS, 0)
    fd = guest.state.descriptors.insert(opened)
    start = 2 * BUFFER
    guest.write(start, text)
    size = len(text) // pieces
    reader = threading.Thread(target=read_slowly, daemon=True)
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    try:
        reader.start()
        ranges = [(start + size * at, size) for at in range(pieces)]
        assert guest.get("fd_write", fd, *guest.iovecs(*ranges)) == ("SUCCESS", len(text))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    reader.join(60)
    assert bytes(received) == text
    os.close(reading)
