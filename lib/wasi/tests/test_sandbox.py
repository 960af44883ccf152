"""No way out of a preopened directory: paths, links, races, and the host's own descriptors.

Every test that plants `tree` has a canary beside it, which the fixture looks after.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest
from guests import ALL, BUFFER, RESULT, RIGHT_READ, DirectGuest, Guest

from wasmer_wasi import WasiState
from wasmer_wasi.types import SNAPSHOT1

ESCAPES = [
    "../canary",
    "..",
    "../",
    "sub/../../canary",
    "sub/deep/../../../canary",
    "/etc/passwd",
    "//etc/passwd",
    "/",
    "above",
    "above/",
    "sub/up_and_out",
    "absolute",
    "absolute/x",
    "to_sub/../../canary",
    "here/../canary",
    "here/here/../../canary",
    "./../canary",
    ".//..//canary",
    "loop_out/canary",
    "../root/../canary",
    "proc",
    "root_of_proc/etc/passwd",
]


@pytest.fixture
def guest(tree: Path) -> DirectGuest:
    os.symlink("sub/../..", tree / "loop_out")
    os.symlink("/proc/self/root", tree / "proc")
    os.symlink("/proc/self/root/", tree / "root_of_proc")
    return DirectGuest(tree, SNAPSHOT1)


@pytest.mark.parametrize("path", ESCAPES)
def test_every_call_refuses_to_leave(path: str, guest: Guest) -> None:
    name = guest.path(path)
    inside = guest.path("inside", 7500)
    assert guest.open(path, rights=RIGHT_READ) == "PERM"
    assert guest.open(path, rights=ALL, oflags=1) in ("PERM", "ISDIR")
    assert guest.open(path, rights=ALL, oflags=9) in ("PERM", "ISDIR")
    assert guest.path_stat(path) == "PERM"
    assert guest.call("path_filestat_set_times", 3, 1, *name, 1, 1, 5) == "PERM"
    refused = ("PERM", "EXIST", "NOTDIR", "ISDIR", "NOENT", "BUSY")
    assert guest.call("path_create_directory", 3, *name) in refused
    assert guest.call("path_remove_directory", 3, *name) in (*refused, "INVAL")
    assert guest.symlink("x", path) in refused
    assert guest.call("path_link", 3, 0, *guest.path("f", 6000), 3, *name) in refused
    assert guest.two_paths("path_rename", "f", path + "/x") in refused
    link = guest.call("path_readlink", 3, *name, BUFFER, 100, RESULT)
    assert link in (*refused, "SUCCESS", "INVAL")
    assert guest.call("path_create_directory", 3, *inside) == "SUCCESS"


def test_links_that_lead_out_can_be_removed_and_renamed_as_links(guest: Guest, tree: Path) -> None:
    assert guest.two_paths("path_rename", "above", "renamed") == "SUCCESS"
    assert os.readlink(tree / "renamed") == "../canary"
    assert guest.two_paths("path_link", "renamed", "twin") == "SUCCESS"
    assert os.readlink(tree / "twin") == "../canary"
    for name in ("renamed", "twin", "absolute"):
        assert guest.call("path_unlink_file", 3, *guest.path(name)) == "SUCCESS"


def test_a_new_link_cannot_be_absolute(guest: Guest, tree: Path) -> None:
    assert guest.symlink("/etc/passwd", "new") == "PERM"
    assert guest.symlink("../../../etc/passwd", "new") == "SUCCESS"
    assert guest.open("new") == "PERM"


def test_a_directory_is_the_root_of_what_is_opened_through_it(guest: Guest) -> None:
    sub = guest.must_open("sub", rights=RIGHT_READ)
    assert isinstance(guest.open("g", sub), int)
    assert guest.open("../f", sub) == "PERM"
    assert guest.open("up", sub) == "PERM"
    assert guest.path_stat("..", 1, sub) == "PERM"


def test_links_to_descriptors_of_the_process_are_only_text() -> None:
    """Below /proc, links are made by the kernel and lead anywhere; here their text is what counts."""
    guest = DirectGuest(Path("/proc/self"), SNAPSHOT1)
    for name in ("root/etc/passwd", "cwd/x", "exe", "fd/../root", "ns/../cwd"):
        assert guest.open(name, rights=RIGHT_READ) == "PERM"
    read, write = os.pipe()
    assert guest.open(f"fd/{read}", rights=RIGHT_READ) == "NOENT"
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("", "NOENT"),
        ("f\0", "INVAL"),
        ("\0", "INVAL"),
        ("sub\0/g", "INVAL"),
        (b"\xff", "ILSEQ"),
        (b"sub/\xc3", "ILSEQ"),
        ("a" * 256, "NAMETOOLONG"),
        ("a" * 256 + "/f", "NAMETOOLONG"),
        ("./" * 2049, "NAMETOOLONG"),
        ("sub/../" * 585 + "f", "SUCCESS"),
        ("f/", "NOTDIR"),
        ("f/.", "NOTDIR"),
        ("f/..", "NOTDIR"),
        ("f//", "NOTDIR"),
    ],
)
def test_malformed_paths(path: str | bytes, answer: str, guest: Guest) -> None:
    found = guest.path_stat(path)
    assert (found if isinstance(found, str) else "SUCCESS") == answer
    opened = guest.open(path, rights=RIGHT_READ)
    assert (opened if isinstance(opened, str) else "SUCCESS") == answer


def test_long_paths_hold_few_descriptors(guest: DirectGuest, tree: Path) -> None:
    """300 levels deep, with no more than a handful of the host's descriptors at any time."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 8, limits[1]))
    try:
        path = ""
        for _ in range(200):
            path += "d/"
            assert guest.call("path_create_directory", 3, *guest.path(path)) in ("SUCCESS", "EXIST")
        assert guest.path_stat(path)[2] == 3
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_swapping_a_directory_for_a_link_never_leads_out(tree: Path, tmp_path: Path) -> None:
    """Another thread swaps a directory and a link out of the sandbox, back and forth, all the time."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "g").write_text("secret")
    (tree / "flip").mkdir()
    (tree / "flip" / "g").write_text("inside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(tree / "flip", tree / "kept")
            os.symlink("../outside", tree / "flip")
            os.unlink(tree / "flip")
            os.symlink(str(tmp_path / "outside"), tree / "flip")
            os.unlink(tree / "flip")
            os.rename(tree / "kept", tree / "flip")

    guest = DirectGuest(tree, SNAPSHOT1)
    thread = threading.Thread(target=swap)
    thread.start()
    seen: dict[str, int] = {}
    try:
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            opened = guest.open("flip/g")
            if isinstance(opened, int):
                assert guest.read_file(opened, 10) == ("SUCCESS", b"inside")
                guest.call("fd_close", opened)
                opened = "inside"
            seen[opened] = seen.get(opened, 0) + 1
            stat = guest.path_stat("flip/g")
            assert isinstance(stat, str) or stat[4] == len("inside")
            guest.call("path_unlink_file", 3, *guest.path("flip/h"))
            guest.call("path_create_directory", 3, *guest.path("flip/h"))
            guest.two_paths("path_rename", "f", "flip/f")
            guest.two_paths("path_rename", "flip/f", "f")
    finally:
        stop.set()
        thread.join()
    assert set(seen) <= {"inside", "PERM", "NOENT", "NOTDIR", "LOOP"} and seen.get("inside", 0) > 0
    assert sorted(path.name for path in (tmp_path / "outside").iterdir()) == ["g"]
    for path in (tmp_path / "outside",):
        (path / "g").unlink()
        path.rmdir()


def test_swapping_the_last_name_for_a_link_never_leads_out(tree: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    (tree / "real").write_text("inside")

    def swap() -> None:
        while not stop.is_set():
            os.symlink("../canary", tree / "new")
            os.rename(tree / "new", tree / "name")
            os.link(tree / "real", tree / "new")
            os.rename(tree / "new", tree / "name")
            if (tree / "new").exists():
                os.unlink(tree / "new")

    os.link(tree / "real", tree / "name")
    guest = DirectGuest(tree, SNAPSHOT1)
    thread = threading.Thread(target=swap)
    thread.start()
    opened_inside = 0
    try:
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            for oflags in (0, 1, 8):
                opened = guest.open("name", oflags=oflags)
                if isinstance(opened, int):
                    opened_inside += 1
                    assert guest.fd_stat(opened)[4] in (0, len("inside"))
                    guest.call("fd_close", opened)
                else:
                    assert opened in ("PERM", "NOENT", "LOOP")
    finally:
        stop.set()
        thread.join()
    assert opened_inside > 0


def test_the_guests_numbers_are_not_the_hosts(guest: DirectGuest) -> None:
    with socket.socket() as host:
        for fd in {host.fileno(), *range(4, 40)}:
            for name in ("fd_close", "fd_sync"):
                assert guest.call(name, fd) == "BADF"
            assert guest.call("fd_read", fd, *guest.iovecs((BUFFER, 1)), RESULT) == "BADF"
        assert host.fileno() >= 0


def test_descriptors_are_not_inherited_by_child_processes(guest: DirectGuest) -> None:
    guest.must_open("f")
    guest.must_open("sub", rights=RIGHT_READ)
    for descriptor in guest.state.descriptors.open.values():
        if descriptor.directory is not None:
            assert not os.get_inheritable(descriptor.directory.host)  # type: ignore[attr-defined]
        elif descriptor.host > 2:
            assert not os.get_inheritable(descriptor.host)


def test_changing_flags_leaves_the_processs_own_streams_alone() -> None:
    import fcntl

    before = fcntl.fcntl(1, fcntl.F_GETFL)
    reading, writing = os.pipe()
    guest = DirectGuest(Path(), SNAPSHOT1, WasiState.new("p").inherit_stdio().build())
    guest.call("fd_fdstat_set_flags", 1, 4)
    assert fcntl.fcntl(1, fcntl.F_GETFL) == before
    os.close(reading)
    os.close(writing)


# --- read-only directories


def test_read_only(tree: Path) -> None:
    guest = DirectGuest(tree, SNAPSHOT1, read_only=True)
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in tree.rglob("*"))
    fd = guest.must_open("f", rights=RIGHT_READ)
    assert guest.read_file(fd, 5) == ("SUCCESS", b"hello")
    assert guest.write_file(fd, b"x")[0] == "BADF"
    assert guest.call("fd_filestat_set_times", fd, 1, 1, 5) == "PERM"
    assert guest.call("fd_filestat_set_size", fd, 1) in ("INVAL", "PERM")
    assert guest.call("fd_allocate", fd, 0, 100) == "BADF"
    sub = guest.must_open("sub", rights=RIGHT_READ)
    assert guest.call("fd_filestat_set_times", sub, 1, 1, 5) == "PERM"
    for directory in (3, sub):
        assert guest.open("g" if directory == sub else "f", directory) == "PERM"
        assert guest.open("new", directory, oflags=1, rights=RIGHT_READ) == "PERM"
        assert guest.open("g" if directory == sub else "f", directory, oflags=8, rights=RIGHT_READ) == "PERM"
        for name in ("path_create_directory", "path_unlink_file", "path_remove_directory"):
            assert guest.call(name, directory, *guest.path("g")) == "PERM"
        assert guest.call("path_filestat_set_times", directory, 0, *guest.path("."), 1, 1, 5) == "PERM"
        assert guest.two_paths("path_rename", "f", "g", 3, directory) == "PERM"
        assert guest.two_paths("path_link", "f", "h", 3, directory) == "PERM"
    assert guest.symlink("f", "new") == "PERM"
    assert len(guest.readdir(3)) > 5
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in tree.rglob("*")) == before
