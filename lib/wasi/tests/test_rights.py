"""Rights: what is granted, what can be given up, and what using a lost one answers."""

from __future__ import annotations

from pathlib import Path

from guests import ALL, BUFFER, RESULT, RIGHT_READ, RIGHT_WRITE, Guest

from wasmer_wasi import types


def drop(guest: Guest, fd: int, base: int, inheriting: int = 0) -> str:
    stat = guest.fdstat(fd)
    return guest.call("fd_fdstat_set_rights", fd, stat[2] & ~base, stat[3] & ~inheriting)


def test_what_is_granted(guest: Guest) -> None:
    assert guest.fdstat(3)[2:] == (types.DIRECTORY_RIGHTS, ALL)
    for wanted in (RIGHT_READ, RIGHT_WRITE, RIGHT_READ | RIGHT_WRITE):
        stat = guest.fdstat(guest.must_open("f", rights=wanted))
        assert stat[:2] == (4, 0)
        assert stat[2] & (RIGHT_READ | RIGHT_WRITE) == wanted
        assert stat[2] & types.RIGHT_FD_SEEK
        assert not stat[2] & types.RIGHT_PATH_OPEN
    assert guest.fdstat(guest.must_open("sub", rights=RIGHT_READ))[2] == types.DIRECTORY_RIGHTS
    assert not guest.fdstat(0)[2] & RIGHT_WRITE and not guest.fdstat(1)[2] & RIGHT_READ


def test_dropping_is_for_good(guest: Guest) -> None:
    fd = guest.must_open("f")
    assert drop(guest, fd, RIGHT_WRITE) == "SUCCESS"
    assert guest.write_file(fd, b"x")[0] == "NOTCAPABLE"
    assert guest.read_file(fd, 1)[0] == "SUCCESS"
    assert guest.call("fd_fdstat_set_rights", fd, guest.fdstat(fd)[2] | RIGHT_WRITE, 0) == "NOTCAPABLE"
    assert guest.call("fd_fdstat_set_rights", fd, 0, 1 << 40) == "NOTCAPABLE"
    assert drop(guest, fd, ALL) == "SUCCESS"
    iovecs = guest.iovecs((BUFFER, 4))
    for name, arguments in {
        "fd_read": (*iovecs, RESULT),
        "fd_pread": (*iovecs, 0, RESULT),
        "fd_pwrite": (*iovecs, 0, RESULT),
        "fd_seek": (1, 2 if guest.version == 0 else 0, RESULT),
        "fd_tell": (RESULT,),
        "fd_advise": (0, 1, 0),
        "fd_allocate": (0, 1),
        "fd_sync": (),
        "fd_datasync": (),
        "fd_fdstat_set_flags": (0,),
        "fd_filestat_get": (600,),
        "fd_filestat_set_size": (1,),
        "fd_filestat_set_times": (0, 0, 1),
    }.items():
        assert guest.call(name, fd, *arguments) == "NOTCAPABLE", name
    assert guest.call("fd_fdstat_get", fd, 704) == "SUCCESS"
    assert guest.call("fd_close", fd) == "SUCCESS"


def test_paths_need_rights_of_their_directory(guest: Guest, tree: Path) -> None:
    sub = guest.must_open("sub", rights=RIGHT_READ)
    assert drop(guest, sub, ALL & ~types.RIGHT_PATH_OPEN) == "SUCCESS"
    name = guest.path("g")
    for call, arguments in {
        "path_create_directory": name,
        "path_filestat_get": (0, *name, 600),
        "path_filestat_set_times": (0, *name, 0, 0, 1),
        "path_readlink": (*name, BUFFER, 10, RESULT),
        "path_remove_directory": name,
        "path_unlink_file": name,
        "fd_readdir": (BUFFER, 100, 0, RESULT),
    }.items():
        assert guest.call(call, sub, *arguments) == "NOTCAPABLE", call
    for call in ("path_rename", "path_link"):
        assert guest.two_paths(call, "g", "h", sub, 3) == "NOTCAPABLE"
        assert guest.two_paths(call, "f", "h", 3, sub) == "NOTCAPABLE"
    assert guest.call("path_symlink", *guest.path("x"), sub, *guest.path("y", 6000)) == "NOTCAPABLE"
    assert guest.open("new", sub, oflags=1) == "NOTCAPABLE"
    assert guest.open("g", sub, oflags=8) == "NOTCAPABLE"
    assert isinstance(guest.open("g", sub), int)
    assert drop(guest, sub, types.RIGHT_PATH_OPEN) == "SUCCESS"
    assert guest.open("g", sub) == "NOTCAPABLE"
    assert (tree / "sub" / "g").read_text() == "below"


def test_inheriting_rights_bound_what_is_opened(guest: Guest) -> None:
    sub = guest.must_open("sub", rights=RIGHT_READ)
    assert drop(guest, sub, 0, RIGHT_WRITE | types.RIGHT_FD_SEEK) == "SUCCESS"
    assert guest.open("g", sub, rights=RIGHT_READ | RIGHT_WRITE) == "NOTCAPABLE"
    opened = guest.must_open("g", sub, rights=RIGHT_READ)
    assert not guest.fdstat(opened)[2] & (RIGHT_WRITE | types.RIGHT_FD_SEEK)
    deep = guest.must_open("deep", sub, rights=RIGHT_READ)
    assert not guest.fdstat(deep)[3] & RIGHT_WRITE
    assert guest.open("new", deep, oflags=1, rights=RIGHT_WRITE) == "NOTCAPABLE"


def test_bits_nobody_knows_are_refused(guest: Guest) -> None:
    fd = guest.must_open("f")
    assert guest.open("f", oflags=16) == "INVAL"
    assert guest.open("f", flags=32) == "INVAL"
    assert guest.open("f", follow=2) == "INVAL"
    assert guest.path_stat("f", 2) == "INVAL"
    assert guest.call("fd_fdstat_set_flags", fd, 32) == "INVAL"
    assert guest.call("fd_advise", fd, 0, 0, 6) == "INVAL"
    assert guest.call("fd_advise", fd, 0, 0, -1) == "INVAL"
    assert guest.call("fd_seek", fd, 0, 3, RESULT) == "INVAL"
    assert guest.call("fd_seek", fd, 0, -1, RESULT) == "INVAL"
    assert guest.call("fd_filestat_set_times", fd, 0, 0, 16) == "INVAL"
    assert guest.call("proc_raise", 31) == "INVAL"
    assert guest.call("proc_raise", 0) == "SUCCESS"
