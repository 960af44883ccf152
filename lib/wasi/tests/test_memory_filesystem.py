"""Directories in memory answer as the host's do, and hold no more than they may."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from guests import ALL, BUFFER, RESULT, RIGHT_READ, DirectGuest, plant
from scenarios import SCENARIOS

from wasmer_vfs import HostDirectory
from wasmer_wasi import MemoryDirectory, WasiState
from wasmer_wasi.types import SNAPSHOT1


def guest_over(directory: MemoryDirectory | HostDirectory) -> DirectGuest:
    builder = WasiState.new("prog").arg("a").env("K", "V").preopen("/d", directory)
    state = builder.stdin(None).stdout(lambda data: None).stderr(lambda data: None).build()
    return DirectGuest(Path(), SNAPSHOT1, state)


def copied(root: Path) -> MemoryDirectory:
    """A tree of the host, in memory."""
    memory = MemoryDirectory()
    for path in sorted(root.rglob("*")):
        name = os.fsencode(path.relative_to(root))
        if path.is_symlink():
            memory.symlink(os.fsencode(os.readlink(path)), name)
        elif path.is_dir():
            memory.create_directory(name)
        else:
            memory.write_bytes(name.decode(), path.read_bytes())
    return memory


@pytest.mark.parametrize("name", SCENARIOS)
def test_answers_are_the_hosts(name: str, tmp_path: Path) -> None:
    root = plant(tmp_path)
    (root / "fifo").unlink()
    (root / "absolute").unlink()  # no such link can be made here
    memory = list(SCENARIOS[name](guest_over(copied(root))))
    host = list(SCENARIOS[name](guest_over(HostDirectory.at(root))))
    different = [pair for pair in zip(memory, host, strict=True) if pair[0] != pair[1]]
    far = "seek 4611686018427387904 set"  # how far a position can go is the file system's choice
    assert [pair for pair in different if pair[0][0] != far] == []


def test_for_the_host() -> None:
    tree = MemoryDirectory({"a/b.txt": b"one", "c": b"", "empty/": None, "deep/er": None})
    assert tree.read_bytes("a/b.txt") == b"one"
    tree.write_bytes("a/new/x", b"two")
    tree.write_bytes("a/b.txt", b"three")
    assert tree.files() == {"a/b.txt": b"three", "a/new/x": b"two", "c": b""}
    with pytest.raises(FileNotFoundError, match="missing"):
        tree.read_bytes("missing")
    guest = guest_over(tree)
    assert sorted(entry[2] for entry in guest.readdir(3)) == [b".", b"..", b"a", b"c", b"deep", b"empty"]


def test_an_open_file_outlives_its_name() -> None:
    tree = MemoryDirectory({"f": b"text"})
    guest = guest_over(tree)
    fd = guest.must_open("f")
    assert guest.call("path_unlink_file", 3, *guest.path("f")) == "SUCCESS"
    assert guest.read_file(fd, 10) == ("SUCCESS", b"text")
    assert guest.write_file(fd, b" more") == ("SUCCESS", 5)
    assert guest.fd_stat(fd)[3:5] == (0, 9)
    assert guest.path_stat("f") == "NOENT"


def test_link_counts() -> None:
    guest = guest_over(MemoryDirectory({"f": b"", "d/": None}))
    guest.two_paths("path_link", "f", "g")
    assert guest.path_stat("f")[3] == 2
    guest.call("path_unlink_file", 3, *guest.path("f"))
    assert guest.path_stat("g")[3] == 1
    assert guest.path_stat("d")[3] == 2
    guest.call("path_create_directory", 3, *guest.path("d/e"))
    assert guest.path_stat("d")[3] == 3


def test_the_limit_holds_whatever_fills_it() -> None:
    tree = MemoryDirectory(limit_bytes=100_000)
    guest = guest_over(tree)
    fd = guest.must_open("f", oflags=1)
    assert guest.write_file(fd, bytes(50_000)) == ("SUCCESS", 50_000)
    assert guest.write_file(fd, bytes(60_000))[0] == "NOSPC"
    assert guest.fd_stat(fd)[4] == 50_000
    for size in (100_001, 1 << 40, (1 << 63) - 1):
        assert guest.call("fd_filestat_set_size", fd, size) == "NOSPC"
        assert guest.call("fd_allocate", fd, 0, size) == "NOSPC"
    guest.seek(fd, 1 << 40, "set")
    assert guest.write_file(fd, b"x")[0] == "NOSPC"
    made = 0
    while guest.call("path_create_directory", 3, *guest.path(f"d{made}")) == "SUCCESS":
        made += 1
    assert 100 < made < 200
    assert guest.call("path_unlink_file", 3, *guest.path("f")) == "SUCCESS"
    guest.call("fd_close", fd)
    assert guest.write_file(guest.must_open("again", oflags=1), bytes(49_000)) == ("SUCCESS", 49_000)


def test_read_only() -> None:
    tree = MemoryDirectory({"f": b"text", "d/": None}, read_only=True)
    guest = guest_over(tree)
    assert guest.open("f", rights=ALL) == "PERM"
    assert guest.open("new", oflags=1, rights=RIGHT_READ) == "PERM"
    fd = guest.must_open("f", rights=RIGHT_READ)
    assert guest.read_file(fd, 9) == ("SUCCESS", b"text")
    assert guest.call("fd_filestat_set_times", fd, 1, 1, 5) == "PERM"
    assert guest.call("path_unlink_file", 3, *guest.path("f")) == "PERM"
    assert guest.call("path_create_directory", 3, *guest.path("d/e")) == "PERM"
    assert guest.symlink("f", "l") == "PERM"
    assert guest.two_paths("path_rename", "f", "g") == "PERM"
    assert tree.files() == {"f": b"text"}


def test_nothing_moves_between_memory_and_host(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    builder = WasiState.new("p").preopen("/m", MemoryDirectory({"f": b""})).preopen("/n", MemoryDirectory())
    guest = DirectGuest(Path(), SNAPSHOT1, builder.map_dir("/h", tmp_path).build())
    for old, new in ((3, 5), (5, 3), (3, 4)):
        assert guest.two_paths("path_rename", "f", "g", old, new) == "XDEV"
        assert guest.two_paths("path_link", "f", "g", old, new) == "XDEV"


def test_copies_of_a_state_share_the_tree() -> None:
    state = WasiState.new("p").preopen("/", MemoryDirectory()).build()
    first = DirectGuest(Path(), SNAPSHOT1, state.copy())
    first.write_file(first.must_open("f", oflags=1), b"left")
    second = DirectGuest(Path(), SNAPSHOT1, state.copy())
    assert second.read_file(second.must_open("f"), 10) == ("SUCCESS", b"left")
    assert second.get("fd_readdir", 3, BUFFER, 100, 0)[0] == "SUCCESS" and RESULT
