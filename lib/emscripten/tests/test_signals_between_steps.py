"""What a signal's handler raises between any two steps of a call is for who made the call, never for the program."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_hostile_numbers import (
    ADDRESS,
    BUFFER,
    DATAGRAMS,
    FILE,
    HOST,
    IOVECS,
    LISTENING,
    MESSAGE,
    OTHER,
    READER,
    RESULT,
    SIZE,
    TEXT,
    TM,
    WRITER,
    call,
    prepared,
)
from worlds import fixture

import wasmer_emscripten
from tests.between_steps import KINDS, check_every_step
from wasmer_emscripten import BindingError, Program, load
from wasmer_runtime_core.support.handlers import raised_by_a_handler

CALLS: dict[str, Callable[[Program], Any]] = {
    "fd_write": lambda p: call(p, "fd_write", FILE, IOVECS, 1, RESULT),
    "fd_write: a stream": lambda p: call(p, "fd_write", 1, IOVECS, 2, RESULT),
    "fd_write: a pipe": lambda p: call(p, "fd_write", WRITER, IOVECS, 1, RESULT),
    "fd_read: an empty pipe": lambda p: call(p, "fd_read", READER, IOVECS, 1, RESULT),
    "openat": lambda p: call(p, "fd_close", call(p, "__syscall_openat", -100, OTHER, 0o102, RESULT)),
    "openat: none": lambda p: call(p, "__syscall_openat", -100, OTHER, 0, RESULT),
    "stat64": lambda p: call(p, "__syscall_stat64", TEXT, RESULT),
    "ioctl": lambda p: call(p, "__syscall_ioctl", FILE, 0x5413, RESULT),
    "fcntl64": lambda p: call(p, "__syscall_fcntl64", FILE, 4, RESULT),
    "poll": lambda p: call(p, "__syscall_poll", BUFFER, 1, 0),
    "socket": lambda p: call(p, "fd_close", call(p, "__syscall_socket", 10, 2, 0, 0, 0, 0)),
    "bind: not listed": lambda p: call(p, "__syscall_bind", DATAGRAMS, ADDRESS, 16, 0, 0, 0),
    "connect: refused": lambda p: call(p, "__syscall_connect", LISTENING, ADDRESS, 16, 0, 0, 0),
    "accept4: nobody": lambda p: call(p, "__syscall_accept4", LISTENING, ADDRESS, SIZE, 0, 0, 0),
    "sendto": lambda p: call(p, "__syscall_sendto", DATAGRAMS, BUFFER, 10, 0, ADDRESS, 16),
    "recvmsg: nothing": lambda p: call(p, "__syscall_recvmsg", DATAGRAMS, MESSAGE, 0, 0, 0, 0),
    "getsockopt: none": lambda p: call(p, "__syscall_getsockopt", LISTENING, 1, 25, RESULT, SIZE, 0),
    "getaddrinfo": lambda p: call(p, "getaddrinfo", HOST, 0, 0, RESULT),
    "getaddrinfo: none": lambda p: call(p, "getaddrinfo", TEXT, 0, 0, RESULT),
    "mktime": lambda p: call(p, "_mktime_js", TM),
    "strftime": lambda p: call(p, "strftime", RESULT, 64, TEXT, TM),
    "a text for a message": lambda p: p.process.text(-5),
    "what an export is": lambda p: p.links.find("malloc"),
    "exists": lambda p: p.fs.exists("/m/none"),
}


@pytest.fixture
def program() -> Iterator[Program]:
    made = prepared()
    yield made
    made.process.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", CALLS)
def test_what_a_handler_raises_is_no_answer(
    what: str, kind: type[Exception], program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_every_step(lambda: CALLS[what](program), kind, monkeypatch)


def test_whoever_catches_an_exception_asks_whose_it_is() -> None:
    """Each `except`, if it does not raise what it has caught, or another for it that ends the call, too."""
    asking = {"must_be_answer", "raised_by_a_handler", "errno_of", "Interrupted"}
    harmless = ("BaseException", "Interrupted", "Unwinding", "CppException", "ExitCode", "EmscriptenError")
    found = 0
    for path in sorted(Path(wasmer_emscripten.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            where = f"{path.name}, line {getattr(node, 'lineno', 0)}"
            assert not (isinstance(node, ast.Attribute) and node.attr == "suppress"), where
            if isinstance(node, ast.ExceptHandler) and ast.unparse(node.type or node) not in harmless:
                found += 1
                names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                assert isinstance(node.body[-1], ast.Raise) or names & asking, where
    assert found > 10


BOUND: dict[str, Callable[[Program], Any]] = {
    "a text": lambda p: p.shout("text"),
    "a record": lambda p: p.middle({"from": {"x": 1, "y": 2}, "to": {"x": 3, "y": 4}, "name": "n"}),
    "an object": lambda p: p.Counter(1).step(2),
    "a wrong argument": lambda p: told(lambda: p.add(1, "x")),
    "a callback": lambda p: p.call_back(lambda value: value, 1),
}


def told(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except BindingError as wrong:
        if raised_by_a_handler(wrong):
            raise
        return str(wrong)


@pytest.mark.parametrize("kind", (KINDS[1], MemoryError))
@pytest.mark.parametrize("what", BOUND)
def test_what_a_handler_raises_in_a_call_of_cpp(
    what: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes out, and the program is as it was: the next call is right."""
    program = load(fixture("bindings"), stdout=None)
    before = BOUND[what](program)
    check_every_step(lambda: BOUND[what](program), kind, monkeypatch)
    assert BOUND[what](program) == before
    program.close()
