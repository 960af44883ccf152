"""What lies in a preopened directory besides files; what new files are like; descriptors that must not be lost."""

from __future__ import annotations

import gc
import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guests import ALL, BUFFER, RESULT, RIGHT_READ, RIGHT_WRITE, DirectGuest

from wasmer_vfs import HostDirectory, Socket, host_directories
from wasmer_wasi import WasiState


@pytest.fixture
def plain(tmp_path: Path, version: int) -> Iterator[DirectGuest]:
    guest = DirectGuest(tmp_path, version)
    yield guest
    guest.close()


def test_a_pipe_between_host_and_guest(plain: DirectGuest, tmp_path: Path) -> None:
    """A guest that reads waits for who writes, as a process would; the descriptor waits, not the opening."""
    os.mkfifo(tmp_path / "pipe")
    fd = plain.must_open("pipe", rights=RIGHT_READ)
    assert plain.fdstat(fd)[0] == 0
    assert plain.seek(fd, 0, "set")[0] == "SPIPE"
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"from the host",))
    writer.start()
    assert plain.read_file(fd, 100) == ("SUCCESS", b"from the host")
    writer.join()
    assert plain.read_file(fd, 100) == ("SUCCESS", b"")  # all who wrote have gone


def test_a_pipe_to_the_host(plain: DirectGuest, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    fd = plain.must_open("pipe", rights=RIGHT_WRITE)  # waits until the thread has opened it
    plain.write(BUFFER, b"x" * 50_000)
    assert plain.get("fd_write", fd, *plain.iovecs((BUFFER, 50_000), (BUFFER, 50_000))) == ("SUCCESS", 100_000)
    assert plain.call("fd_close", fd) == "SUCCESS"
    reader.join()
    assert received == [b"x" * 100_000]


def test_a_pipe_without_waiting(plain: DirectGuest, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert plain.open("pipe", rights=RIGHT_WRITE, flags=4) == "NXIO"
    reading = plain.must_open("pipe", rights=RIGHT_READ, flags=4)
    assert plain.read_file(reading, 9) == ("SUCCESS", b"")
    writing = plain.must_open("pipe", rights=RIGHT_WRITE, flags=4)
    assert plain.read_file(reading, 9)[0] == "AGAIN"
    while plain.get("fd_write", writing, *plain.iovecs((BUFFER, 4096)))[0] == "SUCCESS":
        pass
    assert plain.get("fd_write", writing, *plain.iovecs((BUFFER, 10)))[0] == "AGAIN"


def test_sockets_and_devices(plain: DirectGuest, tmp_path: Path) -> None:
    """As the host answers: a socket cannot be opened by its name, a device can, with the host's permissions."""
    with socket.socket(socket.AF_UNIX) as listening:
        before = os.getcwd()
        os.chdir(tmp_path)
        try:
            listening.bind("socket")
        finally:
            os.chdir(before)
    assert plain.open("socket", rights=RIGHT_READ) == "NXIO"
    assert plain.path_stat("socket")[2] == 6
    devices = DirectGuest(Path("/dev"), plain.version)
    fd = devices.must_open("zero", rights=RIGHT_READ)
    assert devices.read_file(fd, 5) == ("SUCCESS", bytes(5))
    fd = devices.must_open("null", rights=RIGHT_WRITE)
    assert devices.write_file(fd, b"gone") == ("SUCCESS", 4)
    assert devices.fdstat(fd)[0] == 2
    devices.close()


def test_permissions_of_what_is_made(plain: DirectGuest, tmp_path: Path) -> None:
    """Those that the process's mask leaves, as for any program; nothing can be run, or with another's rights."""
    for mask in (0o022, 0o077, 0):
        before = os.umask(mask)
        try:
            plain.must_open(f"f{mask}", oflags=1)
            assert plain.call("path_create_directory", 3, *plain.path(f"d{mask}")) == "SUCCESS"
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / f"f{mask}").stat().st_mode) == 0o666 & ~mask
        assert stat.S_IMODE((tmp_path / f"d{mask}").stat().st_mode) == 0o777 & ~mask


def test_sparse_files_and_far_places(plain: DirectGuest, tmp_path: Path) -> None:
    fd = plain.must_open("f", oflags=1)
    assert plain.call("fd_filestat_set_size", fd, 1 << 33) == "SUCCESS"
    assert (tmp_path / "f").stat().st_blocks * 512 < 1 << 20
    plain.write(BUFFER, b"end")
    assert plain.get("fd_pwrite", fd, *plain.iovecs((BUFFER, 3)), (1 << 33) - 3) == ("SUCCESS", 3)
    assert plain.get("fd_pread", fd, *plain.iovecs((BUFFER, 9)), (1 << 33) - 2) == ("SUCCESS", 2)
    for offset in (-(1 << 63), -1):
        assert plain.call("fd_pread", fd, *plain.iovecs((BUFFER, 9)), offset, RESULT) == "INVAL"
    assert plain.get("fd_pread", fd, *plain.iovecs((BUFFER, 9)), (1 << 63) - 1)[0] in ("SUCCESS", "INVAL")


def test_more_than_the_disk_has_is_refused_before_anything_is_done(plain: DirectGuest, tmp_path: Path) -> None:
    fd = plain.must_open("f", oflags=1)
    for offset, length in ((0, 1 << 62), (1 << 61, 1 << 61), ((1 << 63) - 1, 1)):
        assert plain.call("fd_allocate", fd, offset, length) in ("NOSPC", "FBIG", "INVAL")
    assert (tmp_path / "f").stat().st_size == 0
    assert plain.call("fd_allocate", fd, 10, 20) == "SUCCESS"
    assert (tmp_path / "f").stat().st_size == 30
    for offset, length in ((-1, 5), (5, 0), (5, -1)):
        assert plain.call("fd_allocate", fd, offset, length) == "INVAL"


def test_links_across_directories_of_other_file_systems(tmp_path: Path, version: int) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system to be had")
    import tempfile

    (tmp_path / "f").write_text("text")
    with tempfile.TemporaryDirectory(dir=memory) as other:
        state = WasiState.new("p").map_dir("/a", tmp_path).map_dir("/b", other).stdin(None).build()
        guest = DirectGuest(Path(), version, state)
        assert guest.two_paths("path_link", "f", "g", 3, 4) == "XDEV"
        assert guest.two_paths("path_rename", "f", "g", 3, 4) == "XDEV"
        assert os.listdir(other) == []
        guest.close()


# --- one directory, many readers


def test_instances_in_threads_list_a_directory_whole(tmp_path: Path) -> None:
    """Each reads from a position of its own, though all were given the same descriptor."""
    names = {f"name{number:05}" for number in range(4000)}
    for name in names:
        (tmp_path / name).touch()
    state = WasiState.new("p").map_dir("/d", tmp_path).stdin(None).build()
    found: list[set[str]] = []

    def work() -> None:
        copy = state.copy()
        directory = copy.descriptors.open[3].directory
        assert directory is not None
        for _ in range(5):
            found.append({entry.name.decode() for entry in directory.entries()} - {".", ".."})

    threads = [threading.Thread(target=work) for _ in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert len(found) == 20 and all(each == names for each in found)


# --- descriptors that must not be lost


def host_descriptors() -> list[str]:
    gc.collect()
    return sorted(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("failing", ["fstat", "HostFile", "HostDirectory"])
def test_a_failure_after_opening_closes(failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").touch()
    guest = DirectGuest(tmp_path, 1)
    guest.call("fd_close", guest.must_open("f", rights=RIGHT_READ))
    before = host_descriptors()

    def fails(*args: object, **named: object) -> None:
        raise MemoryError

    if failing == "fstat":
        monkeypatch.setattr(host_directories.os, "fstat", fails)
    else:
        monkeypatch.setattr(host_directories, failing, fails)
    path = "." if failing == "HostDirectory" else "f"
    answers = {guest.open(path, rights=RIGHT_READ), guest.open(path, rights=RIGHT_READ)}
    monkeypatch.undo()
    assert answers == {"NOMEM"}
    assert host_descriptors() == before


def open_a_file(guest: DirectGuest) -> str:
    return guest.call("path_open", 3, 0, *guest.path("sub/deep/../deep/f"), 0, ALL, ALL, 0, RESULT)


def listening(guest: DirectGuest) -> Socket:
    found = guest.state.descriptors.open[4].file
    assert isinstance(found, Socket)
    return found


def accept_a_connection(guest: DirectGuest) -> str:
    return guest.call("sock_accept", 4, 0, RESULT)


def copy_a_socket(guest: DirectGuest) -> str:
    listening(guest).duplicate().close()
    return "SUCCESS"


@pytest.mark.parametrize("call", [open_a_file, accept_a_connection, copy_a_socket])
def test_signals_lose_no_descriptor(
    call: Callable[[DirectGuest], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that raises comes between any two steps of Python: what was opened is closed, once, or in the table."""
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "sub" / "deep" / "f").touch()
    server = socket.create_server(("127.0.0.1", 0), backlog=4000)
    guest = DirectGuest(Path(), 1, WasiState.new("p").map_dir("/d", tmp_path).socket(server).stdin(None).build())
    steps = 0
    stop_at = 0

    class Stop(Exception):
        pass

    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: unraisable.append(what.exc_type))

    def handler(number: int, frame: object) -> None:
        raise Stop

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal steps
        frame.f_trace_opcodes = True  # type: ignore[attr-defined]
        if event == "opcode":
            steps += 1
            if steps == stop_at:
                signal.raise_signal(signal.SIGUSR2)
        return trace

    before = signal.signal(signal.SIGUSR2, handler)
    baseline = host_descriptors()
    lost = []
    try:
        while True:
            stop_at += 1
            steps = 0
            socket.create_connection(server.getsockname()).close()
            sys.settrace(trace)  # type: ignore[arg-type]
            try:
                answer = call(guest)
            except Stop:
                answer = "stopped"
            finally:
                sys.settrace(None)
            for number in [number for number in guest.state.descriptors.open if number > 4]:
                guest.state.descriptors.close(number)
            if sorted(os.listdir("/proc/self/fd")) != baseline and host_descriptors() != baseline:
                lost.append(stop_at)
                baseline = host_descriptors()
            if answer == "SUCCESS" and steps < stop_at:
                break
    finally:
        signal.signal(signal.SIGUSR2, before)
        server.close()
    assert stop_at > 100
    assert not lost, f"steps {lost} of {stop_at}"
    assert set(unraisable) <= {Stop}  # in a destructor, where Python has nobody to tell; nothing was closed twice


def test_a_descriptor_of_a_directory_object_stays_its_owners(tmp_path: Path) -> None:
    directory = HostDirectory.at(tmp_path)
    state = WasiState.new("p").preopen("/d", directory).stdin(None).build()
    state.copy().close()
    state.close()
    directory.create_directory(b"d")
    assert (tmp_path / "d").is_dir()
    directory.close()
