"""Objects of Python as streams: what they are asked for, what is made of their answers, what they have read ahead."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from wasmer_runtime_core.errors import Timeout
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_vfs import HostStream, Interrupted, Stream
from wasmer_vfs.waiting import PIECE_BYTES, lock_of


def got(stream: Any, size: int) -> bytes:
    buffer = bytearray(size)
    return bytes(buffer[: stream.read([memoryview(buffer)])])


def fill(writer: int) -> int:
    """Fill a pipe; how many bytes it took."""
    os.set_blocking(writer, False)
    total = 0
    try:
        while True:
            total += os.write(writer, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writer, True)
        return total


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Two descriptors, which files that are opened over them do not close."""
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        os.close(descriptor)


# --- what is asked


class Asked:
    """Remembers the sizes, and gives a byte each time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def read(self, size: int) -> bytes:
        self.sizes.append(size)
        return b"x"


class AskedRaw(Asked, io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.sizes.append(len(buffer))
        return 1


class AskedBuffered(Asked, io.BufferedIOBase):
    def read1(self, size: int = -1) -> bytes:
        return self.read(size)


@pytest.mark.parametrize("kind", [Asked, AskedRaw, AskedBuffered, lambda: Asked().read])
def test_nobody_is_asked_for_more_than_some_bytes(kind: Callable[[], Any]) -> None:
    """A guest has gigabytes of memory for nothing, if nothing was written there; an object might make them."""
    target = kind()
    stream = Stream(target, output=False)
    with memoryview(bytearray(PIECE_BYTES + 1)) as buffer:
        assert stream.read([buffer]) == 1
    assert getattr(target, "__self__", target).sizes == [PIECE_BYTES]


# --- what is made of the answers


def raising(failure: Exception) -> Any:
    def fail(*given: object) -> Any:
        raise failure

    return fail


class Fails:
    """Raises, whatever it is asked."""

    def __init__(self, failure: Exception) -> None:
        self.read = self.write = self.flush = self.isatty = raising(failure)


def ways(failure: Exception) -> list[Callable[[], Any]]:
    reading, writing = Stream(Fails(failure), output=False), Stream(Fails(failure), output=True)
    reading.target.fileno = raising(failure)
    return [lambda: got(reading, 3), lambda: writing.write([b"abc"]), reading.status, writing.close, reading.pollable]


@pytest.mark.parametrize("failure", [ValueError("x"), OverflowError(), LookupError(), MemoryError(), AttributeError()])
def test_what_is_no_refusal_ends_the_call(failure: Exception) -> None:
    """Whoever made the call gets it, the same object, and what it came from is still there."""
    failure.__cause__ = cause = KeyError("why")
    for way in ways(failure):
        with pytest.raises(Interrupted) as caught:
            way()
        assert caught.value.reason is failure and failure.__cause__ is cause
    broken = Fails(failure)
    broken.fileno = raising(failure)  # type: ignore[attr-defined]
    with pytest.raises(type(failure)) as plain:
        Stream(broken, output=False)
    assert plain.value is failure


def test_a_refusal_is_an_answer() -> None:
    refused = OSError(errno.EDQUOT, "no more")
    *reading_and_writing, pollable = ways(refused)
    for way in reading_and_writing:
        with pytest.raises(OSError) as caught:
            way()
        assert caught.value is refused
    assert pollable() == -1


def test_what_its_owner_has_closed() -> None:
    for target in (io.BytesIO(b"text"), io.StringIO("text")):
        reading, writing = Stream(target, output=False), Stream(target, output=True)
        target.close()
        for way in (lambda reading=reading: got(reading, 3), lambda writing=writing: writing.write([b"a"])):
            with pytest.raises(OSError) as caught:
                way()
            assert caught.value.errno == errno.EBADF
        writing.close()


@pytest.mark.parametrize("count", [-1, 4, 1 << 40])
def test_counts_that_cannot_be(count: int) -> None:
    class Target(io.RawIOBase):
        def readinto(self, buffer: Any) -> int:
            return count

        def write(self, data: Any) -> int:
            return count

    with pytest.raises(RuntimeError, match=f"a Target says that it has given {count} bytes of 3"):
        got(Stream(Target(), output=False), 3)
    with pytest.raises(RuntimeError, match=f"a Target says that it has taken {count} bytes of 3"):
        Stream(Target(), output=True).write([b"abc"])


def test_answers_that_are_no_counts() -> None:
    for answer in (None, True, False, "text", [1]):
        assert Stream(lambda data, answer=answer: answer, output=True).write([b"abc", b"de"]) == 5


@pytest.mark.parametrize("taken", [0, 2])
def test_what_was_taken_before_a_refusal_is_counted(taken: int) -> None:
    """Or a program would write it once more."""

    class Target(io.RawIOBase):
        def write(self, data: Any) -> int:
            if bytes(data) == b"one":
                return 3
            raise BlockingIOError(errno.EAGAIN, "full", taken)

    stream = Stream(Target(), output=True)
    assert stream.write([b"one", b"two"]) == 3 + taken
    if taken:
        assert stream.write([b"two"]) == 2
    else:
        with pytest.raises(BlockingIOError):
            stream.write([b"two"])


def test_a_raw_file_that_takes_nothing_has_taken_nothing() -> None:
    class Target(io.RawIOBase):
        def write(self, data: Any) -> None:
            pass

    with pytest.raises(BlockingIOError):
        Stream(Target(), output=True).write([b"abc"])


# --- files without a buffer


@pytest.mark.parametrize("blocking", [True, False])
def test_a_deadline_ends_a_write_without_a_buffer(pipe: tuple[int, int], blocking: bool) -> None:
    reader, writer = pipe
    took = fill(writer)
    os.set_blocking(writer, blocking)
    with open(writer, "wb", buffering=0, closefd=False) as file:
        stream = Stream(file, output=True)
        with pytest.raises(Interrupted) as caught, timeout(0.02):
            stream.write([b"abc"])
        assert isinstance(caught.value.reason, Timeout)
        os.read(reader, took)
        assert stream.write([b"abc", b"de"]) == 5 and os.read(reader, 9) == b"abcde"


def test_a_file_without_a_buffer_is_asked_for_its_number_each_time(pipe: tuple[int, int]) -> None:
    """Its owner may close it while it is waited for, and the number may have become another file's."""
    reader, writer = pipe
    fill(writer)
    file = open(os.dup(writer), "wb", buffering=0)
    stream = Stream(file, output=True)
    closing = threading.Timer(0.02, file.close)
    closing.start()
    with pytest.raises(OSError) as caught:
        while True:
            os.read(reader, 4096)
            stream.write([bytes(4096)])
            closing.join(0.001)
    assert caught.value.errno == errno.EBADF


def test_streams_have_a_lock_each(pipe: tuple[int, int]) -> None:
    """All that lead to the same share one: what one takes, another does not wait for. Others do not wait at all."""
    reader, writer = pipe
    again = os.dup(reader)
    others = os.pipe()
    assert lock_of(reader) is lock_of(again) is lock_of(writer)
    stream = HostStream(others[1])
    held = threading.Event()
    ended = threading.Event()

    def hold() -> None:
        with lock_of(reader):
            held.set()
            ended.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    assert stream.write([b"x"]) == 1
    ended.set()
    thread.join()
    for descriptor in (again, *others):
        os.close(descriptor)


def test_threads_that_ask_for_a_lock_at_once_get_the_same(pipe: tuple[int, int]) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(50):
            start = threading.Barrier(4)
            found: list[object] = []

            def ask(start: threading.Barrier = start, found: list[object] = found) -> None:
                start.wait()
                found.append(lock_of(pipe[0]))

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len({id(lock) for lock in found}) == 1
    finally:
        sys.setswitchinterval(before)


def test_a_timeout_of_the_objects_own_is_no_refusal() -> None:
    """Also where something was written before it."""
    failure = Timeout("inner")
    answers = iter([None, failure])

    def write(data: bytes) -> None:
        answer = next(answers)
        if answer is not None:
            raise answer

    with pytest.raises(Interrupted) as caught:
        Stream(write, output=True).write([b"one", b"two"])
    assert caught.value.reason is failure


# --- what was read ahead


def buffered(reader: int) -> Any:
    return open(reader, "rb", closefd=False)


def text(reader: int) -> Any:
    return open(reader, closefd=False)


def with_read_alone(reader: int) -> Any:
    class Target:
        def read(self, size: int) -> str:
            return os.read(reader, 100).decode()

        def fileno(self) -> int:
            return reader

    return Target()


@pytest.mark.parametrize("make", [buffered, text, with_read_alone])
def test_what_was_read_ahead_is_waited_for_by_nobody(make: Callable[[int], Any], pipe: tuple[int, int]) -> None:
    """The descriptor does not know of it. How much there is is told, and nothing waits that could be read at once."""
    reader, writer = pipe
    stream = Stream(make(reader), output=False)
    assert stream.pollable() == reader
    os.write(writer, b"abcdef")
    assert stream.pollable() == reader
    for left in (4, 2):
        assert len(got(stream, 2)) == 2
        assert (stream.pollable(), stream.available()) == (-1, left)
    assert got(stream, 9) == b"ef" and stream.pollable() == reader
    os.write(writer, b"g" * 20_000)
    total = 0
    while total < 20_000:
        total += len(got(stream, 3_000))
    assert total == 20_000 and stream.pollable() == reader


def test_nothing_is_taken_from_an_object_that_others_read(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    file = buffered(reader)
    os.write(writer, b"one\ntwo\nthree\n")
    stream, another = Stream(file, output=False), Stream(file, output=False)
    assert got(stream, 4) == b"one\n"
    assert file.readline() == b"two\n"
    assert got(another, 100) == b"three\n"


def test_the_end_is_read_once(pipe: tuple[int, int]) -> None:
    """A terminal's end is there for one read alone."""
    leader, follower = os.openpty()
    with open(follower, "rb") as file:
        stream = Stream(file, output=False)
        os.write(leader, b"ab\n\x04")
        assert (got(stream, 9), got(stream, 9)) == (b"ab\n", b"")
    os.close(leader)


def test_objects_that_do_not_wait(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.set_blocking(reader, False)
    stream = Stream(buffered(reader), output=False)
    with pytest.raises(BlockingIOError):
        got(stream, 3)
    os.write(writer, b"abc")
    assert got(stream, 2) == b"ab" and stream.available() == 1
    ours, theirs = socket.socketpair()
    with ours, theirs, theirs.makefile("rb") as file:
        stream = Stream(file, output=False)
        ours.sendall(b"abc")
        assert got(stream, 2) == b"ab" and stream.pollable() == -1
    assert got(Stream(gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(b"abc"))), output=False), 2) == b"ab"


def test_an_exception_between_two_steps_leaves_no_lock_to_others(pipe: tuple[int, int]) -> None:
    """A handler may raise anywhere in `lock_of`; threads that come later get their lock."""

    class Raised(Exception):
        pass

    for at in range(40):
        left = at

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal left
            frame.f_trace_opcodes = True
            if event == "opcode" and frame.f_code is lock_of.__code__:
                left -= 1
                if left < 0:
                    raise Raised
            return trace

        with contextlib.suppress(Raised):
            sys.settrace(trace)
            try:
                lock_of(pipe[0])
            finally:
                sys.settrace(None)
        found: list[object] = []
        thread = threading.Thread(target=lambda found=found: found.append(lock_of(pipe[0])), daemon=True)
        thread.start()
        thread.join(60)
        assert found, at
