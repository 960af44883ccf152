"""An instance that has used WASI is closed like any other: only views that its user has made keep it open."""

from __future__ import annotations

import io
import signal
from pathlib import Path
from typing import Any

import pytest
from guests import BUFFER, RESULT, RuntimeGuest
from test_hostile_numbers import baseline

from wasmer_runtime_core.errors import Timeout
from wasmer_wasi import ExitCode, MemoryDirectory, WasiState, generate_import_object, get_wasi_state
from wasmer_wasi.functions import FUNCTIONS

EXIT = """(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (drop (call $random (i32.const 8) (i32.const 4))) (call $exit (i32.const 3))))"""


def guest_with(backend: str, **streams: Any) -> RuntimeGuest:
    builder = WasiState.new("p").preopen("/d", MemoryDirectory({"f": b"text"})).stdin(None).stdout(None).stderr(None)
    for name, target in streams.items():
        getattr(builder, name)(target)
    guest = RuntimeGuest(Path(), 1, backend, builder.build())
    return guest


def close(guest: RuntimeGuest) -> None:
    guest.memory.release()  # the test's own view
    guest.instance.close()
    assert guest.instance.closed


def test_a_with_block_gives_the_exit_code(backend: str) -> None:
    from wasmer_runtime import compile

    module = compile(EXIT, backend=backend)
    with pytest.raises(ExitCode) as end, module.instantiate(generate_import_object(["p"])) as instance:
        instance.exports._start()
    assert end.value.code == 3 and instance.closed
    instance = module.instantiate(generate_import_object(["p"]))
    with pytest.raises(ExitCode):
        instance.exports._start()
    get_wasi_state(instance.context()).close()
    instance.close()


@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: row.name)
def test_no_call_keeps_a_view(row: Any, backend: str) -> None:
    """Neither one that is answered nor one that is refused."""
    guest = guest_with(backend, stdin=b"input", stdout=io.BytesIO())
    guest.must_open("f")
    guest.path("f", 1000)
    guest.iovecs((BUFFER, 10), (BUFFER, 8000))
    for arguments in (baseline(row.name), [-1] * len(row.params)):
        try:
            guest.call(row.name, *arguments)
        except ExitCode:
            pass
    for fd in (0, 1, 4):
        for name in ("fd_read", "fd_write"):
            guest.call(name, fd, *guest.iovecs((BUFFER, 10), (BUFFER, 8000)), RESULT)
            guest.call(name, fd, *guest.iovecs((BUFFER, 8000)), RESULT)
    close(guest)


@pytest.mark.parametrize("size", [10, 8000])
@pytest.mark.parametrize("pieces", [1, 2])
def test_exceptions_that_leave_a_call_keep_no_view(size: int, pieces: int, backend: str) -> None:
    """Though their tracebacks keep everything that the functions had."""

    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def writable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            raise LookupError("mine")

        def write(self, buffer: Any) -> int:
            raise LookupError("mine")

    guest = guest_with(backend, stdin=Broken(), stdout=Broken())
    for name, fd in (("fd_read", 0), ("fd_write", 1)):
        with pytest.raises(LookupError) as kept:
            guest.call(name, fd, *guest.iovecs(*[(BUFFER, size)] * pieces), RESULT)
        assert kept.value.__traceback__ is not None
    close(guest)


def test_a_signal_in_a_read_keeps_no_view(backend: str) -> None:
    import os

    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as source:
        guest = guest_with(backend, stdin=source)

        def interrupt(number: int, frame: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        try:
            with pytest.raises(KeyboardInterrupt) as kept:
                guest.read_file(0, 8000)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert kept.value.__traceback__ is not None
        with pytest.raises(Timeout) as late:
            guest.instance.exports.fd_read(0, *guest.iovecs((BUFFER, 8000)), RESULT, timeout=0.02)
        assert late.value.__traceback__ is not None
        close(guest)
    os.close(writer)


def test_a_view_of_the_users_counts(backend: str) -> None:
    kept: list[memoryview] = []

    class Keeping(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, buffer: Any) -> int:
            kept.append(memoryview(buffer))
            return len(buffer)

    guest = guest_with(backend, stdout=Keeping())
    guest.write(BUFFER, b"x" * 8000)
    guest.call("fd_write", 1, *guest.iovecs((BUFFER, 8000)), RESULT)
    guest.memory.release()
    if kept[0].obj is not None and not isinstance(kept[0].obj, bytes):
        with pytest.raises(BufferError):
            guest.instance.close()
    kept.pop().release()
    guest.instance.close()


def test_a_guest_can_grow_while_a_state_is_kept(backend: str) -> None:
    from wasmer_runtime import CompilerConfig, compile

    grows = EXIT.replace("(memory", '(func (export "grow") (result i32) (memory.grow (i32.const 200)))(memory')
    module = compile(grows, backend=backend, config=CompilerConfig(memory_bound_check_mode="enable"))
    instance = module.instantiate(generate_import_object(["p"]))
    with pytest.raises(ExitCode):
        instance.exports._start()
    assert instance.exports.grow() == 1
    with pytest.raises(ExitCode):
        instance.exports._start()
    assert any(instance.exports.memory.read(8, 4))
    instance.close()
