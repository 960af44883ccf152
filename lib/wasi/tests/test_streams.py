"""Standard streams are streams, whatever the host has connected: read or written in turn, and nothing else."""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from guests import BUFFER, RESULT, DirectGuest, Guest, WasmtimeGuest, plant

from wasmer_vfs.standard_streams import INHERIT
from wasmer_wasi import WasiState

LOG = b"audit: the first line\n"


def what_a_stream_refuses(guest: Guest, fd: int) -> dict[str, Any]:
    """The answers of everything but reading and writing in turn."""
    guest.write(BUFFER, b"x" * 10)
    iovecs = guest.iovecs((BUFFER, 3))
    return {
        "seek": guest.seek(fd, 0, "set")[0],
        "seek to the end": guest.seek(fd, 0, "end")[0],
        "tell": guest.get("fd_tell", fd, size=8)[0],
        "pread": guest.call("fd_pread", fd, *iovecs, 0, RESULT),
        "pwrite": guest.call("fd_pwrite", fd, *iovecs, 0, RESULT),
        "set_size": guest.call("fd_filestat_set_size", fd, 0),
        "allocate": guest.call("fd_allocate", fd, 0, 1000),
        "advise": guest.call("fd_advise", fd, 0, 0, 0),
        "datasync": guest.call("fd_datasync", fd),
        "sync": guest.call("fd_sync", fd),
        "set_times": guest.call("fd_filestat_set_times", fd, 0, 0, 5),
        "set_flags": guest.call("fd_fdstat_set_flags", fd, 4),
        "append": guest.call("fd_fdstat_set_flags", fd, 1),
        "readdir": guest.call("fd_readdir", fd, BUFFER, 100, 0, RESULT),
        "prestat": guest.call("fd_prestat_get", fd, 600),
        "path_open": guest.open("f", fd),
        "sock_shutdown": guest.call("sock_shutdown", fd, 1),
        "write" if fd == 0 else "read": guest.call("fd_write" if fd == 0 else "fd_read", fd, *iovecs, RESULT),
        "kind and flags": guest.fdstat(fd)[:2],
        "status": guest.fd_stat(fd)[2],
    }


def as_path(path: Path) -> Any:
    return path


def as_file(path: Path) -> Any:
    return open(path, "r+b")


def as_raw_file(path: Path) -> Any:
    return open(path, "r+b", buffering=0)


def as_text_file(path: Path) -> Any:
    return open(path, "r+")


def as_bytes_io(path: Path) -> Any:
    return io.BytesIO(LOG)


def as_callable(path: Path) -> Any:
    return lambda given: b"" if isinstance(given, int) else None


def as_nothing(path: Path) -> Any:
    return None


CONNECTED = (as_file, as_raw_file, as_text_file, as_bytes_io, as_callable, as_nothing, as_path)


@pytest.mark.parametrize("connect", CONNECTED)
@pytest.mark.parametrize("fd", [0, 1, 2])
def test_what_is_connected_makes_no_difference(
    connect: Callable[[Path], Any], fd: int, tmp_path: Path, version: int
) -> None:
    if connect is as_path and fd:
        pytest.skip("only standard input can be a path")
    log = tmp_path / "log"
    log.write_bytes(LOG)
    os.utime(log, ns=(1, 1))
    wasmtime = WasmtimeGuest(plant(tmp_path))
    builder = WasiState.new("p").stdin(None).stdout(None).stderr(None)
    target = connect(log)
    getattr(builder, ("stdin", "stdout", "stderr")[fd])(target)
    guest = DirectGuest(Path(), version, builder.build())
    expected = what_a_stream_refuses(wasmtime, fd)
    found = what_a_stream_refuses(guest, fd)
    assert found == expected
    guest.close()
    if hasattr(target, "close"):
        target.close()
    assert log.read_bytes() == LOG and log.stat().st_mtime_ns == 1


def test_rights_of_streams(version: int) -> None:
    """What wasmtime's have, and what goes with a status and a wait, for which it asks no right."""
    state = WasiState.new("p").stdin(b"").stdout(io.BytesIO()).build()
    guest = DirectGuest(Path(), version, state)
    status_and_wait = 1 << 21 | 1 << 27
    assert guest.fdstat(0)[2:] == (2 | status_and_wait,) * 2
    assert guest.fdstat(1)[2:] == (64 | status_and_wait,) * 2


INHERITING = """
import fcntl, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from guests import DirectGuest
from test_streams import what_a_stream_refuses
from wasmer_wasi import WasiState
flags = fcntl.fcntl(1, fcntl.F_GETFL)
guest = DirectGuest(Path(), 1, WasiState.new("p").build())
assert guest.write_file(1, b"said") == ("SUCCESS", 4)
answers = what_a_stream_refuses(guest, 1)
assert "SUCCESS" not in {answers[name] for name in answers if name not in ("kind and flags", "status")}, answers
assert guest.fd_stat(1)[4:] == (0, 0, 0, 0)  # nothing is told of the file: not even its size
assert fcntl.fcntl(1, fcntl.F_GETFL) == flags
"""


def test_a_log_that_standard_output_goes_to_is_only_added_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(LOG)
    with open(log, "r+b") as file:
        file.seek(0, os.SEEK_END)
        command = [sys.executable, "-c", INHERITING, str(Path(__file__).parent)]
        subprocess.run(command, stdout=file, check=True)
    assert log.read_bytes() == LOG + b"said"


def test_a_number_that_has_become_another_file_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output may be any file object; its descriptor is only used directly where it is the process's own."""
    replaced = open(tmp_path / "out", "wb", buffering=0)
    monkeypatch.setattr(sys, "stdout", replaced)
    state = WasiState.new("p").stdin(None).stderr(None).build()
    guest = DirectGuest(Path(), 1, state)
    replaced.close()
    with open(tmp_path / "private", "wb", buffering=0) as other:
        assert guest.write_file(1, b"x")[0] == "BADF"
        assert other.tell() == 0


def test_flags_of_a_pipe_that_is_lent(version: int) -> None:
    from wasmer_vfs.files import HostStream
    from wasmer_wasi.descriptors import Descriptor
    from wasmer_wasi.types import STANDARD_STREAM_RIGHTS

    reader, writer = os.pipe()
    before = fcntl.fcntl(reader, fcntl.F_GETFL)
    state = WasiState.new("p").stdin(None).build()
    state.descriptors.insert(Descriptor(HostStream(reader), 0, STANDARD_STREAM_RIGHTS, 0))
    guest = DirectGuest(Path(), version, state)
    assert guest.call("fd_fdstat_set_flags", 3, 4) == "BADF"
    os.write(writer, b"x")
    assert guest.read_file(3, 5) == ("SUCCESS", b"x")
    assert fcntl.fcntl(reader, fcntl.F_GETFL) == before
    os.close(writer)
    assert guest.read_file(3, 5) == ("SUCCESS", b"")
    os.close(reader)


def test_much_goes_through_a_pipe_in_order(version: int) -> None:
    import threading

    from wasmer_vfs.files import HostStream, Owned
    from wasmer_wasi.descriptors import Descriptor
    from wasmer_wasi.types import STANDARD_STREAM_RIGHTS

    reader, writer = os.pipe()
    state = WasiState.new("p").stdin(None).build()
    fd = state.descriptors.insert(Descriptor(HostStream(Owned((writer,))), 0, STANDARD_STREAM_RIGHTS, 0))
    guest = DirectGuest(Path(), version, state)
    text = bytes(range(256)) * 1000
    guest.context.bytes.extend(text)
    received = bytearray()

    def read() -> None:
        while piece := os.read(reader, 5000):
            received.extend(piece)

    thread = threading.Thread(target=read)
    thread.start()
    start = len(guest.context.bytes) - len(text)
    assert guest.get("fd_write", fd, *guest.iovecs((start, 10), (start + 10, len(text) - 10)))[1] == len(text)
    guest.close()
    thread.join()
    os.close(reader)
    assert bytes(received) == text


# --- what each instance reads


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, as_path])
def test_each_instance_reads_input_from_its_beginning(make: Callable[[Any], Any], tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"input")
    given = tmp_path / "input" if make is as_path else make(b"input")
    state = WasiState.new("p").stdin(given).build()
    for each in (state, state.copy(), state.copy()):
        guest = DirectGuest(Path(), 1, each)
        assert guest.read_file(0, 3) == ("SUCCESS", b"inp")
        assert guest.read_file(0, 30) == ("SUCCESS", b"ut")
        assert guest.read_file(0, 30) == ("SUCCESS", b"")


def test_bytes_are_those_of_the_time_they_were_given() -> None:
    given = bytearray(b"one")
    builder = WasiState.new("p").stdin(given)
    given[:] = b"two"
    assert DirectGuest(Path(), 1, builder.build()).read_file(0, 9) == ("SUCCESS", b"one")


# --- what is no stream


@pytest.mark.parametrize("given", ["text", 5, 1.5, object(), [b"a"], io.BytesIO, {"a": 1}])
def test_what_cannot_be_standard_input(given: Any) -> None:
    with pytest.raises(TypeError, match="standard input"):
        WasiState.new("p").stdin(given)


@pytest.mark.parametrize("given", ["log.txt", b"log", 5, object(), [], Path("log"), io.StringIO])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_what_cannot_be_standard_output(given: Any, name: str) -> None:
    with pytest.raises(TypeError, match=r"standard (output|error) is a file object that can be written"):
        getattr(WasiState.new("p"), name)(given)


def test_files_opened_the_other_way(tmp_path: Path) -> None:
    with open(tmp_path / "f", "wb") as writing, pytest.raises(TypeError, match="can be read"):
        WasiState.new("p").stdin(writing)
    with open(tmp_path / "f", "rb") as reading, pytest.raises(TypeError, match="can be written"):
        WasiState.new("p").stdout(reading)
    assert INHERIT is not None
