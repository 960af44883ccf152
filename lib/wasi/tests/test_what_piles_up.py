"""What a guest can pile up on the host has a limit of its own, and reaching it changes nothing."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import socket
import threading
import tracemalloc
from pathlib import Path

import pytest
from guests import BUFFER, RESULT, RIGHT_READ, DirectGuest

from wasmer_vfs.descriptors import DEFAULT_LIMIT, MAX_LISTED
from wasmer_vfs.streams import Captured
from wasmer_wasi import MemoryDirectory, WasiState


def guest_over(directory: object, version: int = 1, limit: int | None = None) -> DirectGuest:
    builder = WasiState.new("p").preopen("/d", directory).stdin(None).stdout(None).stderr(None)  # type: ignore[arg-type]
    if limit is not None:
        builder.limit_descriptors(limit)
    return DirectGuest(Path(), version, builder.build())


# --- descriptors


@pytest.mark.parametrize("read_only", [False, True])
def test_descriptors(tmp_path: Path, version: int, read_only: bool) -> None:
    state = WasiState.new("p").map_dir("/d", tmp_path, read_only=read_only).stdin(None).build()
    guest = DirectGuest(Path(), version, state)
    gc.collect()  # what other tests have left
    before = len(os.listdir("/proc/self/fd"))
    opened = []
    while isinstance(fd := guest.open(".", rights=RIGHT_READ), int):
        opened.append(fd)
    assert fd == "MFILE" and len(opened) == DEFAULT_LIMIT - 4
    assert len(os.listdir("/proc/self/fd")) == before + len(opened)
    assert guest.call("fd_close", opened.pop()) == "SUCCESS"
    assert isinstance(guest.open(".", rights=RIGHT_READ), int)
    assert guest.open(".", rights=RIGHT_READ) == "MFILE"
    assert guest.call("fd_renumber", 10, 11) == "SUCCESS"
    assert isinstance(guest.open(".", rights=RIGHT_READ), int)
    guest.close()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_limit_of_ones_own_is_each_instances(tmp_path: Path) -> None:
    state = WasiState.new("p").map_dir("/d", tmp_path).stdin(None).limit_descriptors(6).build()
    for each in (state, state.copy(), state.copy()):
        guest = DirectGuest(Path(), 1, each)
        assert [guest.open(".", rights=RIGHT_READ) for _ in range(3)] == [4, 5, "MFILE"]
    with pytest.raises(ValueError, match="cannot be negative"):
        WasiState.new("p").limit_descriptors(-1)


def test_nothing_is_made_at_the_limit(tmp_path: Path) -> None:
    guest = guest_over(tmp_path, limit=0)
    (tmp_path / "full").write_text("kept")
    assert guest.open("new", oflags=1) == "MFILE"
    assert guest.open("full", oflags=8) == "MFILE"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]
    assert (tmp_path / "full").read_text() == "kept"


def test_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        guest = DirectGuest(Path(), 1, WasiState.new("p").socket(server).stdin(None).limit_descriptors(6).build())
        clients = [socket.create_connection(server.getsockname()) for _ in range(3)]
        assert [guest.call("sock_accept", 3, 0, RESULT) for _ in range(3)] == ["SUCCESS", "SUCCESS", "MFILE"]
        assert guest.call("fd_close", 4) == "SUCCESS"
        assert guest.call("sock_accept", 3, 0, RESULT) == "SUCCESS"  # the third one has waited
        for client in clients:
            client.close()
        guest.close()
        assert server.fileno() >= 0  # the host's own stays open


# --- directories that are half read


def test_half_read_directories_share_a_limit() -> None:
    """Sixty descriptors of a directory of five thousand names keep no more names than the limit, and one more."""
    tree = MemoryDirectory({f"a{number}": b"" for number in range(5000)})
    guest = guest_over(tree)
    opened = [guest.must_open(".", rights=RIGHT_READ) for _ in range(60)]
    for fd in opened:
        assert guest.call("fd_readdir", fd, BUFFER, 100, 0, RESULT) == "SUCCESS"
    kept = sum(len(each.listing) for each in guest.state.descriptors.open.values())
    assert kept <= MAX_LISTED + 5002
    names = []
    cookie = 0
    while entries := guest.readdir(opened[0], 8192, cookie):  # the one that was forgotten first goes on
        names += [entry[2] for entry in entries]
        cookie = entries[-1][0]
    assert len(names) == len(set(names)) == 5002
    for fd in opened:
        guest.call("fd_close", fd)
    assert not guest.state.descriptors.open[3].listing


# --- captured output


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_captured_output(name: str, version: int) -> None:
    """All copies of a state share it, and so its limit; what fits is kept."""
    builder = WasiState.new("p").stdin(None)
    state = getattr(builder, f"capture_{name}")(limit_bytes=10).build()
    fd = 1 if name == "stdout" else 2
    first, second = DirectGuest(Path(), version, state.copy()), DirectGuest(Path(), version, state.copy())
    first.write(BUFFER, b"abcdefgh")
    assert first.get("fd_write", fd, *first.iovecs((BUFFER, 3), (BUFFER + 3, 3))) == ("SUCCESS", 6)
    assert second.write_file(fd, b"123456") == ("SUCCESS", 4)
    assert second.write_file(fd, b"5") == ("NOSPC", 0)
    assert first.get("fd_write", fd, *first.iovecs((BUFFER, 1), (BUFFER, 1)))[0] == "NOSPC"
    assert getattr(state, f"{name}_bytes")() == b"abcdef1234"


def test_a_write_amid_another_keeps_the_limit() -> None:
    """As threads and handlers of signals may make it: neither passes the limit, and nor does what comes after."""
    captured = Captured(10)

    class Buffer(io.BytesIO):
        amid = True

        def tell(self) -> int:
            if self.amid:
                self.amid = False
                before = super().tell()
                assert captured.write([b"12345678"]) == 8
                return before
            return super().tell()

    captured.buffer = Buffer()
    captured.write([b"abcdefgh"])
    for _ in range(3):
        with pytest.raises(OSError):
            captured.write([bytes(1000)])
    assert len(captured.buffer.getvalue()) <= 16  # what was under way in the same thread, and no more


def test_threads_keep_the_limit_of_captured_output() -> None:
    captured = Captured(10)
    inside = threading.Event()

    class Buffer(io.BytesIO):
        def tell(self) -> int:
            found = super().tell()
            if not inside.is_set():
                inside.set()
                other.join(0.2)  # the other thread writes now, if it can
            return found

    def write() -> None:
        inside.wait()
        with contextlib.suppress(OSError):
            captured.write([b"12345678"])

    captured.buffer = Buffer()
    other = threading.Thread(target=write)
    other.start()
    captured.write([b"abcdefgh"])
    other.join()
    assert len(captured.buffer.getvalue()) == 10


def test_much_captured_in_one_call_looks_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmer_vfs import streams

    looks: list[int] = []
    monkeypatch.setattr(streams, "look", lambda: looks.append(1))
    for builder in (WasiState.new("p").capture_stdout(), WasiState.new("p").stdout(lambda data: None)):
        looks.clear()
        guest = DirectGuest(Path(), 1, builder.stdin(None).build())
        guest.context.bytes.extend(bytes(20 << 20))
        ranges = [(1 << 17, 20 << 20)] * 4
        assert guest.get("fd_write", 1, *guest.iovecs(*ranges)) == ("SUCCESS", 80 << 20)
        assert len(looks) >= 4


# --- directories in memory


def test_names_have_a_limit(version: int) -> None:
    tree = MemoryDirectory(limit_names=10)
    guest = guest_over(tree, version)
    made = 0
    while guest.call("path_create_directory", 3, *guest.path(f"d{made}")) == "SUCCESS":
        made += 1
    assert made == 10
    assert guest.call("path_create_directory", 3, *guest.path("more")) == "NOSPC"
    assert guest.symlink("a", "l") == "NOSPC"
    assert guest.open("f", oflags=1) == "NOSPC"
    assert guest.two_paths("path_rename", "d0", "d1") == "SUCCESS"
    assert guest.open("f", oflags=1) == 4
    assert guest.two_paths("path_link", "f", "g") == "NOSPC"
    assert guest.two_paths("path_rename", "f", "renamed") == "SUCCESS"
    for name in ("renamed",):
        assert guest.call("path_unlink_file", 3, *guest.path(name)) == "SUCCESS"
    assert guest.symlink("a", "l") == "SUCCESS"
    assert guest.call("path_unlink_file", 3, *guest.path("l")) == "SUCCESS"
    for number in range(1, 10):
        assert guest.call("path_remove_directory", 3, *guest.path(f"d{number}")) == "SUCCESS"
    assert (tree._node.volume.names, tree._node.links) == (0, 2)
    assert sum(guest.call("path_create_directory", 3, *guest.path(f"x{at}")) == "SUCCESS" for at in range(20)) == 10


@pytest.mark.parametrize("kind", ["directories", "files", "symbolic links", "hard links"])
def test_long_names_and_texts_fill_the_limit_of_bytes(kind: str) -> None:
    """Whatever is made counts for more than the host needs for it, as Python counts that."""
    limit = 2 << 20
    tree = MemoryDirectory({"f": b""}, limit_bytes=limit, limit_names=1 << 30)
    guest = guest_over(tree)
    guest.path("f", 4000)
    tracemalloc.start()
    base = tracemalloc.get_traced_memory()[0]
    made = 0
    while True:
        name = f"{made:06}" + "x" * 240
        if kind == "directories":
            answer = guest.call("path_create_directory", 3, *guest.path(name))
        elif kind == "files":
            opened = guest.open(name, oflags=1)
            answer = opened if isinstance(opened, str) else guest.call("fd_close", opened)
        elif kind == "symbolic links":
            answer = guest.symlink("t" * 4000, name)
        else:
            answer = guest.two_paths("path_link", "f", name)
        if answer != "SUCCESS":
            break
        made += 1
    held = tracemalloc.get_traced_memory()[0] - base
    tracemalloc.stop()
    assert answer == "NOSPC" and made > 100
    assert held < 1.5 * limit, f"{made} {kind} hold {held} bytes"


def test_what_is_removed_is_given_back() -> None:
    tree = MemoryDirectory(limit_bytes=100_000)
    volume = tree._node.volume
    before = (volume.used, volume.names)
    guest = guest_over(tree)
    for _ in range(3):
        guest.call("path_create_directory", 3, *guest.path("d"))
        fd = guest.must_open("d/f", oflags=1)
        guest.write_file(fd, bytes(20_000))
        guest.two_paths("path_link", "d/f", "hard")
        guest.symlink("t" * 1000, "soft")
        guest.two_paths("path_rename", "hard", "a much longer name")
        guest.two_paths("path_rename", "soft", "a much longer name")
        guest.two_paths("path_rename", "a much longer name", "s")
        guest.call("path_create_directory", 3, *guest.path("e"))
        guest.two_paths("path_rename", "d/f", "e/f")
        assert guest.two_paths("path_rename", "e", "d") == "SUCCESS"
        for name in ("d/f", "s"):
            assert guest.call("path_unlink_file", 3, *guest.path(name)) == "SUCCESS"
        assert guest.call("path_remove_directory", 3, *guest.path("d")) == "SUCCESS"
        assert guest.call("fd_close", fd) == "SUCCESS"
        assert (volume.used, volume.names, tree._node.links) == (*before, 2)


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_in_a_removed_directory_nothing_is_made(how: str) -> None:
    """It would be counted for ever, since nobody could remove it: ENOENT, as on the host."""
    tree = MemoryDirectory({"f": b""}, limit_names=100)
    guest = guest_over(tree)
    before = (tree._node.volume.used, tree._node.volume.names)
    guest.call("path_create_directory", 3, *guest.path("d"))
    fd = guest.must_open("d", oflags=2, rights=RIGHT_READ)
    if how == "removed":
        assert guest.call("path_remove_directory", 3, *guest.path("d")) == "SUCCESS"
    else:
        guest.call("path_create_directory", 3, *guest.path("e"))
        assert guest.two_paths("path_rename", "e", "d") == "SUCCESS"
        assert guest.call("path_remove_directory", 3, *guest.path("d")) == "SUCCESS"
    assert guest.call("path_create_directory", fd, *guest.path("x")) == "NOENT"
    assert guest.open("x", fd=fd, oflags=1) == "NOENT"
    assert guest.call("path_symlink", *guest.path("t"), fd, *guest.path("x", 3000)) == "NOENT"
    assert guest.call("path_link", 3, 0, *guest.path("f"), fd, *guest.path("x", 3000)) == "NOENT"
    assert guest.call("path_rename", 3, *guest.path("f"), fd, *guest.path("x", 3000)) == "NOENT"
    assert (tree._node.volume.used, tree._node.volume.names) == before and tree.files() == {"f": b""}


def test_deep_trees_are_listed_as_far_as_paths_lead() -> None:
    """A program can go deeper than any path, and the paths would be longer together than everything in the tree."""
    tree = MemoryDirectory()
    guest = guest_over(tree)
    fd = 3
    for _ in range(100):
        guest.call("path_create_directory", fd, *guest.path("n" * 250))
        guest.call("fd_close", guest.must_open("f", fd=fd, oflags=1))
        below = guest.must_open("n" * 250, fd=fd, oflags=2, rights=RIGHT_READ)
        if fd != 3:
            guest.call("fd_close", fd)
        fd = below
    files = tree.files()
    assert len(files) == 17 and max(map(len, files)) <= 4096
    assert all(tree.read_bytes(path) == b"" for path in files)


def test_a_name_that_does_not_fit_makes_nothing() -> None:
    tree = MemoryDirectory(limit_bytes=870)
    guest = guest_over(tree)
    used = tree._node.volume.used
    while isinstance(guest.open(f"n{len(tree.files())}" + "m" * 200, oflags=1), int):
        pass
    files = tree.files()
    full = tree._node.volume.used
    assert full <= 870 and used < full
    assert guest.symlink("t" * 300, "l") == "NOSPC"
    assert guest.call("path_create_directory", 3, *guest.path("d" * 250)) == "NOSPC"
    assert tree.files() == files and tree._node.volume.used == full
    name = next(iter(files))
    assert guest.two_paths("path_rename", name, "r" * 255) == "NOSPC"
    assert tree.files() == files and tree._node.volume.used == full


def test_threads_that_share_a_tree() -> None:
    """Each operation is whole: none fails in a way that the interface has not, and the accounts agree in the end."""
    import sys
    import threading

    tree = MemoryDirectory({"a/f": b"x" * 100, "b/": None}, limit_bytes=200_000, limit_names=50)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        guest = guest_over(tree)
        try:
            for round in range(150):
                guest.two_paths("path_rename", "a/f", "b/f")
                guest.two_paths("path_rename", "b/f", "a/f")
                guest.two_paths("path_link", "a/f", f"l{(number + round) % 5}")
                fd = guest.open("shared", oflags=1)
                if isinstance(fd, int):
                    guest.call("fd_filestat_set_size", fd, 1000 * (round % 20))
                    guest.read_file(fd, 4000)
                    guest.write_file(fd, b"y" * 3000)
                    guest.call("fd_close", fd)
                guest.call("path_create_directory", 3, *guest.path(f"d{round % 7}"))
                guest.call("path_remove_directory", 3, *guest.path(f"d{(number + round) % 7}"))
                guest.call("path_unlink_file", 3, *guest.path("shared"))
                guest.call("path_unlink_file", 3, *guest.path(f"l{round % 5}"))
                guest.readdir(3)
        except BaseException as failure:
            failures.append(failure)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not failures
    found = dict(tree._walk("", tree._node))
    assert tree._node.volume.names == len(found)
    own = {id(node): node for node in found.values()}
    names = sum(128 + len(path.rpartition("/")[2]) for path in found)
    bytes_held = sum(256 + len(node.target) + len(node.data or b"") for node in own.values())
    assert tree._node.volume.used == 256 + names + bytes_held
