"""What a signal's handler raises between any two steps of a call is for who made the call, never for the guest.

Nor is it for any `except` on the way: what is raised here is everything at once that one of them waits for.
"""

from __future__ import annotations

import ast
import errno
import functools
import io
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from guests import BUFFER, RESULT, RIGHT_READ, DirectGuest

import wasmer_vfs
import wasmer_wasi
from tests.between_steps import KINDS, check_every_step
from wasmer_runtime_core.errors import Timeout
from wasmer_wasi import MemoryDirectory, VirtualClock, WasiState

CALLS: dict[str, Callable[[DirectGuest], Any]] = {
    "args_get": lambda guest: guest.call("args_get", 2000, 3000),
    "fd_fdstat_get": lambda guest: guest.call("fd_fdstat_get", 1, RESULT),
    "fd_fdstat_get: none": lambda guest: guest.call("fd_fdstat_get", 99, RESULT),
    "fd_filestat_get": lambda guest: guest.call("fd_filestat_get", 3, 2000),
    "fd_read: bytes": lambda guest: guest.read_file(0, 9),
    "fd_readdir": lambda guest: guest.call("fd_readdir", 3, BUFFER, 500, 0, RESULT),
    "fd_readdir: in memory": lambda guest: guest.call("fd_readdir", 4, BUFFER, 500, 0, RESULT),
    "fd_write: captured": lambda guest: guest.write_file(1, b"text"),
    "fd_write: a text file": lambda guest: guest.write_file(2, b"text"),
    "fd_write: a socket": lambda guest: guest.write_file(5, b"text"),
    "path_filestat_get": lambda guest: guest.call("path_filestat_get", 3, 1, *guest.path("sub/to_f"), 2000),
    "path_filestat_get: none": lambda guest: guest.call("path_filestat_get", 3, 1, *guest.path("sub/none"), 2000),
    "path_filestat_get: in memory": lambda guest: guest.call("path_filestat_get", 4, 1, *guest.path("f"), 2000),
    "path_unlink_file: none": lambda guest: guest.call("path_unlink_file", 4, *guest.path("none")),
    "poll_oneoff": lambda guest: guest.poll(guest.fd_subscription(1, 2, 1), guest.fd_subscription(1, 2, 5)),
    "path_open": lambda guest: guest.call("fd_close", guest.must_open("f", rights=RIGHT_READ)),
    "random_get": lambda guest: guest.call("random_get", BUFFER, 9),
    "sock_send": lambda guest: guest.call("sock_send", 5, *guest.iovecs((BUFFER, 3)), 0, RESULT),
}


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[DirectGuest]:
    (tmp_path / "sub").mkdir()
    (tmp_path / "f").touch()
    os.symlink("../f", tmp_path / "sub" / "to_f")
    ours, theirs = socket.socketpair()
    builder = WasiState.new("p").map_dir("/d", tmp_path).preopen("/m", MemoryDirectory({"f": b"1"})).socket(theirs)
    state = builder.stdin(b"some text").capture_stdout().stderr(io.StringIO()).build()
    yield DirectGuest(Path(), 1, state)
    state.close()
    ours.close()
    theirs.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", CALLS)
def test_what_a_handler_raises_is_no_errno(
    what: str, kind: type[Exception], guest: DirectGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_every_step(lambda: CALLS[what](guest), kind, monkeypatch)


def asks_a_clock(function: Callable[..., int]) -> DirectGuest:
    clock = VirtualClock()
    clock.readers = dict.fromkeys(range(4), function)
    return DirectGuest(Path(), 1, WasiState.new("p").preopen("/d", MemoryDirectory()).clock(clock).build())


ASKING: dict[str, Callable[[Callable[..., int]], Any]] = {
    "clock_time_get": lambda function: asks_a_clock(function).get("clock_time_get", 0, 0, size=8)[0],
    "poll_oneoff": lambda function: (guest := asks_a_clock(function)).poll(guest.clock_subscription(1, 1, 5))[0],
    "fd_filestat_set_times": lambda function: asks_a_clock(function).call("fd_filestat_set_times", 3, 0, 0, 10),
    "random_get": lambda function: DirectGuest(Path(), 1, WasiState.new("p").random(function).build()).call(
        "random_get", 0, 9
    ),
}


@pytest.mark.parametrize("what", ASKING)
def test_clocks_and_sources_of_the_users_own(what: str) -> None:
    """As for files: a refusal is an errno, and whatever else they raise is the user's."""

    def raising(failure: BaseException) -> Callable[..., int]:
        def answer(*given: object) -> int:
            raise failure

        return answer

    assert ASKING[what](raising(OSError(errno.ENODEV, "gone"))) == "NODEV"
    for failure in (ValueError("mine"), OverflowError(), MemoryError(), TypeError(), Timeout("inner")):
        with pytest.raises(type(failure)) as caught:
            ASKING[what](raising(failure))
        assert caught.value is failure


def test_whoever_catches_an_exception_asks_whose_it_is() -> None:
    """Each `except`, if it does not raise what it has caught; and `suppress` does not ask."""
    asking = {"must_be_refusal", "raised_by_a_handler", "errno_of", "lent", "Interrupted"}
    passing = ("Interrupted", "BaseException")  # what is caught by these names goes on later
    found = 0
    for package in (wasmer_vfs, wasmer_wasi):
        for path in sorted(Path(package.__file__).parent.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                where = f"{path.name}, line {getattr(node, 'lineno', 0)}"
                assert not (isinstance(node, ast.Attribute) and node.attr == "suppress"), where
                if isinstance(node, ast.ExceptHandler) and ast.unparse(node.type or node) not in passing:
                    found += 1
                    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                    raises = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
                    assert raises or names & asking, where
    assert found > 30


class Handlers:
    """Every way to write one."""

    def method(self, number: int, frame: object) -> None:
        raise TimeoutError

    def __call__(self, *given: object) -> None:
        raise TimeoutError


def test_a_file_of_the_users_own_may_refuse() -> None:
    """What it raises is its answer, as deep in it as it may be."""

    class File:
        def write(self, data: bytes) -> int:
            return self.deeper(data)

        def deeper(self, *data: bytes) -> int:
            raise OSError(errno.ENOSPC, "no room")

    guest = DirectGuest(Path(), 1, WasiState.new("p").stdout(File()).build())
    assert guest.write_file(1, b"x")[0] == "NOSPC"


def forgetting(number: int, frame: object) -> None:
    del frame
    raise TimeoutError


FORMS: list[Callable[[int, object], None]] = [
    Handlers().method,
    Handlers(),
    lambda number, frame: Handlers()(number, frame),
    forgetting,
    functools.partial(print, file=open("/dev/full", "w", buffering=1)),  # all in C: it has no frame
]


@pytest.mark.parametrize("handler", FORMS)
def test_handlers_of_every_form(handler: Callable[[int, object], None]) -> None:
    def write(data: bytes) -> int:
        signal.raise_signal(signal.SIGUSR2)
        return len(data)

    guest = DirectGuest(Path(), 1, WasiState.new("p").stdout(write).build())
    before = signal.signal(signal.SIGUSR2, handler)
    try:
        assert signal.getsignal(signal.SIGUSR2) is handler
        with pytest.raises(OSError) as caught:
            guest.write_file(1, b"x")
        assert isinstance(caught.value, TimeoutError) or caught.value.errno == errno.ENOSPC
    finally:
        assert signal.signal(signal.SIGUSR2, before) is handler
    assert signal.getsignal(signal.SIGUSR2) is before
