"""Open files: positions, flags, streams, sockets, and what ends a call."""

from __future__ import annotations

import errno
import functools
import io
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trees import answer, read_all

from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_vfs import (
    Captured,
    Directory,
    File,
    HostDirectory,
    HostStream,
    Interrupted,
    MemoryDirectory,
    OutOfDirectory,
    Owned,
    Socket,
    Stream,
    SystemClock,
    VirtualClock,
    refusal,
)
from wasmer_vfs.waiting import look, wait


def got(file: File, size: int) -> bytes:
    buffer = bytearray(size)
    return bytes(buffer[: file.read([memoryview(buffer)])])


def test_positions_sizes_and_appending(tree: Directory) -> None:
    file: Any = tree.open(b"new", os.O_RDWR | os.O_CREAT, follow=True)
    assert file.write([b"one ", b"two"]) == 7
    assert (file.seek(-3, os.SEEK_CUR), got(file, 9)) == (4, b"two")
    assert file.write_at([b"T"], 4) == 1 and file.seek(0, os.SEEK_END) == 7
    file.set_flags(os.O_APPEND)
    assert file.seek(0, os.SEEK_SET) == 0 and file.write([b"!"]) == 1
    file.set_flags(0)
    file.set_size(10)
    buffers = [memoryview(bytearray(4)), memoryview(bytearray(20))]
    assert file.read_at(buffers, 0) == 10
    assert b"".join(map(bytes, buffers))[:10] == b"one Two!\0\0"
    file.allocate(0, 20)
    assert file.status().size == 20 and file.status().kind == "file"
    file.advise(0, 10, os.POSIX_FADV_SEQUENTIAL)
    assert answer(lambda: file.seek(-1, os.SEEK_SET)) == ("OSError", "EINVAL")
    assert answer(lambda: file.allocate(-1, 5)) == ("OSError", "EINVAL")
    file.set_times(5, None)
    assert file.status().atim == 5
    file.close()


ACCESSES = {
    os.O_RDWR | os.O_APPEND: {
        "EINVAL": [
            lambda file: file.read_at([memoryview(bytearray(2))], -1),
            lambda file: file.write_at([b"x"], -1),
            lambda file: file.seek(0, 99),
            lambda file: file.seek(-1, os.SEEK_CUR),
            lambda file: file.set_size(-1),
        ],
    },
    os.O_RDONLY: {
        "EBADF": [
            lambda file: file.write([b"x"]),
            lambda file: file.write_at([b"x"], 0),
            lambda file: file.allocate(0, 100),
        ],
        "EINVAL": [lambda file: file.set_size(1)],
    },
    os.O_WRONLY: {
        "EBADF": [
            lambda file: file.read([memoryview(bytearray(2))]),
            lambda file: file.read_at([memoryview(bytearray(2))], 0),
        ],
    },
}


@pytest.mark.parametrize("flags", ACCESSES)
def test_what_an_interface_may_let_through(tree: Directory, flags: int) -> None:
    """Nobody checks numbers and accesses before: both kinds of directory refuse them alike, and nothing has changed."""
    file: Any = tree.open(b"f", flags, follow=True)
    for name, calls in ACCESSES[flags].items():
        assert [answer(functools.partial(call, file)) for call in calls] == [("OSError", name)] * len(calls)
    file.close()
    assert read_all(tree, b"f") == b"text"


def test_times_before_1970_are_told_as_they_are(tree: Directory) -> None:
    tree.path_set_times(b"f", True, -7, -9)
    assert tree.path_status(b"f", True)[5:7] == (-7, -9)


def streams() -> list[Callable[[], Any]]:
    ours, other = socket.socketpair()
    other.close()
    return [
        lambda: Stream(io.BytesIO(), output=True),
        lambda: Stream(io.BytesIO(), output=False),
        lambda: Captured(10),
        lambda: HostStream(1),
        lambda: Socket(ours),
    ]


@pytest.mark.parametrize("number", range(5))
def test_what_has_no_position_refuses_them(number: int) -> None:
    stream = streams()[number]()
    assert not stream.seekable
    refused = {
        "ESPIPE": (
            lambda: stream.seek(0, os.SEEK_SET),
            lambda: stream.read_at([], 0),
            lambda: stream.write_at([], 0),
            lambda: stream.allocate(0, 1),
            lambda: stream.advise(0, 1, os.POSIX_FADV_NORMAL),
        ),
        "EINVAL": (lambda: stream.set_size(0), lambda: stream.sync(data_only=False)),
    }
    for name, calls in refused.items():
        assert [answer(call)[1] for call in calls] == [name] * len(calls)
    assert answer(lambda: stream.set_times(1, 1))[1] in ("ENOTSUP", "EOPNOTSUPP")


def test_objects_of_python_as_streams() -> None:
    written, text = io.BytesIO(), io.StringIO()
    assert Stream(written, output=True).write([b"a", b"b"]) == 2 and written.getvalue() == b"ab"
    assert Stream(text, output=True).write(["é".encode()]) == 2 and text.getvalue() == "é"
    assert got(Stream(io.BytesIO(b"abc"), output=False), 2) == b"ab"
    assert got(Stream(lambda size: b"x" * size, output=False), 3) == b"xxx"
    assert answer(lambda: Stream(written, output=True).read([])) == ("OSError", "EBADF")
    assert answer(lambda: got(Stream(lambda size: None, output=False), 3)) == ("BlockingIOError", "EAGAIN")
    kept = Captured(3)
    assert kept.write([b"ab", b"cd"]) == 3 and kept.buffer.getvalue() == b"abc"
    assert answer(lambda: kept.write([b"d"])) == ("OSError", "ENOSPC")


def test_sockets_by_words() -> None:
    ours, given = socket.socketpair()
    theirs = Socket.of(given)
    assert theirs.status().kind == "stream socket"
    ours.sendall(b"abcd")
    buffer = bytearray(4)
    assert theirs.receive([memoryview(buffer)[:2]], peek=True) == (2, False)
    assert theirs.receive([memoryview(buffer)], wait_all=True) == (4, False) and buffer == b"abcd"
    theirs.set_flags(os.O_NONBLOCK)
    assert answer(lambda: got(theirs, 1)) == ("BlockingIOError", "EAGAIN")
    theirs.shutdown(socket.SHUT_WR)
    assert ours.recv(1) == b""
    theirs.close()
    assert given.fileno() >= 0 and given.gettimeout() is None
    ours.close()
    given.close()
    one, other = socket.socketpair(type=socket.SOCK_DGRAM)
    message = Socket(other)
    assert message.status().kind == "datagram socket"
    one.send(b"too long")
    assert message.receive([memoryview(bytearray(3))]) == (3, True)
    one.close()
    message.close()


@pytest.mark.parametrize(
    "raised", [OSError(errno.ENOENT, "x"), ValueError(), MemoryError(), RuntimeError(), refusal(1)]
)
def test_what_a_handler_raises_is_no_refusal(raised: Exception) -> None:
    """It passes everybody who would tell a program of an `OSError`."""

    def handler(number: int, frame: object) -> None:
        raise raised

    reader, writer = os.pipe()
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with pytest.raises(Interrupted) as caught:
            wait([(reader, select.POLLIN)], None)
    finally:
        signal.signal(signal.SIGALRM, before)
        os.close(reader)
        os.close(writer)
    assert caught.value.reason is raised and not isinstance(caught.value, Exception)


def test_a_deadline_ends_a_read_and_long_work(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    tree = HostDirectory.at(tmp_path)
    pipe: Any = tree.open(b"pipe", os.O_RDWR, follow=True)
    assert pipe.status().kind == "pipe"
    with pytest.raises(Interrupted) as caught, timeout(0.01):
        got(pipe, 1)
    assert isinstance(caught.value.reason, Timeout)
    memory: Any = MemoryDirectory({"f": b""}).open(b"f", os.O_RDWR, follow=True)
    with pytest.raises(Interrupted), timeout(0):
        time.sleep(0.001)
        memory.set_size(64 << 20)
    assert memory.status().size == 0
    look()
    pipe.close()
    tree.close()


def test_owned_descriptors_are_closed_once() -> None:
    reader, writer = os.pipe()
    owned = Owned((reader, writer))
    owned.close_first()
    assert list(owned) == [writer]
    again = os.open(os.devnull, os.O_RDONLY)
    assert again == reader
    owned.close()
    owned.close()
    os.close(again)
    with pytest.raises(OSError):
        os.close(writer)


def test_refusals_are_of_the_classes_that_python_has() -> None:
    assert type(refusal(errno.ENOENT)) is FileNotFoundError and refusal(errno.ENOENT).strerror
    assert type(refusal(errno.EAGAIN)) is BlockingIOError and type(refusal(errno.ENOSPC)) is OSError
    assert isinstance(OutOfDirectory(), PermissionError)


def test_a_virtual_clock_stands_still() -> None:
    clock = VirtualClock(realtime=1000, tick=1)
    assert clock.readers[time.CLOCK_REALTIME]() == 1001 and clock.readers[time.CLOCK_MONOTONIC]() == 2
    clock.sleep(50)
    assert clock.readers[time.CLOCK_REALTIME]() == 1053
    assert SystemClock().readers.keys() == clock.readers.keys() == SystemClock().resolutions.keys()
