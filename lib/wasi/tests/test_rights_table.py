"""Each right × each call: what is asked for when a file is opened, and what is left when a right is given up.

The first table is answered by wasmtime, too; the second one has no other authority than the interface's description of
its rights, since wasmtime has given them up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from guests import ALL, BUFFER, RESULT, RIGHT_READ, RIGHT_WRITE, DirectGuest, Guest, WasmtimeGuest, plant

from wasmer_wasi import types

RIGHTS = {name.removeprefix("RIGHT_"): value for name, value in vars(types).items() if name.startswith("RIGHT_")}
ASKED = {
    "nothing": 0,
    "everything": ALL,
    **RIGHTS,
    "FD_READ and FD_WRITE": RIGHT_READ | RIGHT_WRITE,
    "FD_WRITE and FD_READDIR": RIGHT_WRITE | types.RIGHT_FD_READDIR,
    "all but FD_READ": ALL & ~RIGHT_READ,
    "all but FD_WRITE": ALL & ~RIGHT_WRITE,
    "all but FD_READ and FD_WRITE": ALL & ~RIGHT_READ & ~RIGHT_WRITE,
    "unknown bits": 1 << 40,
}


def calls(guest: Guest, fd: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Every call on a descriptor, by a name of its own; those that change what others answer come last."""
    iovecs = guest.iovecs((BUFFER, 3))
    name, other = guest.path("x", 1000), guest.path("y", 1100)
    inner = guest.path("deep", 1200)
    offset = (0, 0 if guest.version else 2)
    return {
        "fd_read": ("fd_read", (fd, *iovecs, RESULT)),
        "fd_pread": ("fd_pread", (fd, *iovecs, 0, RESULT)),
        "fd_write": ("fd_write", (fd, *iovecs, RESULT)),
        "fd_pwrite": ("fd_pwrite", (fd, *iovecs, 0, RESULT)),
        "fd_seek": ("fd_seek", (fd, *offset, RESULT)),
        "fd_tell": ("fd_tell", (fd, RESULT)),
        "fd_advise": ("fd_advise", (fd, 0, 0, 0)),
        "fd_allocate": ("fd_allocate", (fd, 0, 1)),
        "fd_datasync": ("fd_datasync", (fd,)),
        "fd_sync": ("fd_sync", (fd,)),
        "fd_fdstat_get": ("fd_fdstat_get", (fd, 704)),
        "fd_fdstat_set_flags": ("fd_fdstat_set_flags", (fd, 0)),
        "fd_filestat_get": ("fd_filestat_get", (fd, 600)),
        "fd_filestat_set_size": ("fd_filestat_set_size", (fd, 5)),
        "fd_filestat_set_times": ("fd_filestat_set_times", (fd, 0, 0, 5)),
        "fd_prestat_get": ("fd_prestat_get", (fd, 600)),
        "fd_prestat_dir_name": ("fd_prestat_dir_name", (fd, 600, 2)),
        "fd_readdir": ("fd_readdir", (fd, BUFFER, 100, 0, RESULT)),
        "path_create_directory": ("path_create_directory", (fd, *name)),
        "path_filestat_get": ("path_filestat_get", (fd, 0, *name, 600)),
        "path_filestat_set_times": ("path_filestat_set_times", (fd, 0, *name, 0, 0, 5)),
        "path_open to read": ("path_open", (fd, 0, *inner, 0, RIGHT_READ, 0, 0, RESULT)),
        "path_open to write": ("path_open", (fd, 0, *guest.path("g", 1300), 0, RIGHT_WRITE, 0, 0, RESULT)),
        "path_open a new file": ("path_open", (fd, 0, *guest.path("n", 1400), 1, RIGHT_WRITE, 0, 0, RESULT)),
        "path_open, cut": ("path_open", (fd, 0, *guest.path("g", 1300), 8, RIGHT_WRITE, 0, 0, RESULT)),
        "path_rename from": ("path_rename", (fd, *name, 3, *other)),
        "path_rename to": ("path_rename", (3, *other, fd, *name)),
        "path_link from": ("path_link", (fd, 0, *guest.path("g", 1300), 3, *guest.path("h", 1500))),
        "path_link to": ("path_link", (3, 0, *guest.path("h", 1500), fd, *guest.path("i", 1600))),
        "path_symlink": ("path_symlink", (*name, fd, *guest.path("s", 1700))),
        "path_readlink": ("path_readlink", (fd, *guest.path("s", 1700), BUFFER, 9, RESULT)),
        "path_unlink_file": ("path_unlink_file", (fd, *guest.path("s", 1700))),
        "path_remove_directory": ("path_remove_directory", (fd, *name)),
        "sock_recv": ("sock_recv", (fd, *iovecs, 0, RESULT, RESULT + 4)),
        "sock_send": ("sock_send", (fd, *iovecs, 0, RESULT)),
        "sock_shutdown": ("sock_shutdown", (fd, 1)),
        **({"sock_accept": ("sock_accept", (fd, 0, RESULT))} if guest.version else {}),
        "fd_renumber": ("fd_renumber", (fd, fd)),
        "fd_close": ("fd_close", (fd,)),
    }


def polled(guest: Guest, fd: int) -> dict[str, Any]:
    return {
        "poll to read": guest.poll(guest.fd_subscription(1, 1, fd))[0],
        "poll to write": guest.poll(guest.fd_subscription(1, 2, fd))[0],
    }


def answered(guest: Guest, fd: int) -> dict[str, Any]:
    return {**polled(guest, fd), **{label: guest.call(name, *args) for label, (name, args) in calls(guest, fd).items()}}


_SYNC = "a directory can be synchronized, as on the host; databases do it after making a file"
_ALLOCATE = "wasmtime has no fd_allocate any more; ours needs what writing needs"
_POLL = "as for reading and writing: what was not asked for is no way to wait, either"

DIFFERENCES = {
    ("file", "fd_allocate"): _ALLOCATE,
    ("file", "poll to read"): _POLL,
    ("file", "poll to write"): _POLL,
    ("directory", "fd_sync"): _SYNC,
    ("directory", "fd_datasync"): _SYNC,
}
"""(what is opened, call): why some answers of ours are not wasmtime's. A test fails when one of them goes away."""


def grown(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    return plant(tmp_path / name)


@pytest.mark.parametrize(("kind", "path"), [("file", "f"), ("directory", "sub")])
def test_what_is_asked_for_is_what_is_had(kind: str, path: str, tmp_path: Path) -> None:
    different: dict[tuple[str, str], str] = {}
    for asked, rights in ASKED.items():
        label = asked.replace(" ", "_")
        ours, theirs = (
            DirectGuest(grown(tmp_path, f"ours_{label}"), 1),
            WasmtimeGuest(grown(tmp_path, f"theirs_{label}")),
        )
        opened, expected = ours.open(path, rights=rights), theirs.open(path, rights=rights)
        if expected == "TRAP":  # bits that nobody knows: they give nothing here
            assert asked == "unknown bits"
            continue
        assert opened == expected, asked
        if isinstance(opened, str):
            continue
        found, wanted = answered(ours, opened), answered(theirs, int(expected))
        for call in wanted:
            if found[call] != wanted[call]:
                different[kind, call] = f"{asked}, {call}: ours {found[call]}, wasmtime {wanted[call]}"
    unexpected = {case: text for case, text in different.items() if case not in DIFFERENCES}
    assert not unexpected, "\n".join(unexpected.values())
    assert {case for case in DIFFERENCES if case[0] == kind} <= set(different), "no longer different"


@pytest.mark.parametrize("asked", ASKED)
def test_reading_and_writing_only_as_asked(asked: str, tmp_path: Path, version: int) -> None:
    """By all ways there are, and in what the descriptor says of itself. Who asks for neither can read."""
    rights = ASKED[asked]
    guest = DirectGuest(plant(tmp_path), version)
    fd = guest.must_open("f", rights=rights)
    writable = bool(rights & RIGHT_WRITE)
    readable = bool(rights & RIGHT_READ) or not writable
    stat = guest.fdstat(fd)
    assert (bool(stat[2] & RIGHT_READ), bool(stat[2] & RIGHT_WRITE)) == (readable, writable)
    found = answered(guest, fd)
    for call in ("fd_read", "fd_pread", "poll to read"):
        assert (found[call] == "SUCCESS") == readable, call
    for call in ("fd_write", "fd_pwrite", "poll to write", "fd_allocate", "fd_filestat_set_size"):
        assert (found[call] == "SUCCESS") == writable, call


# --- what is given up

# The rights that a call needs of its descriptor; what is separated by | is one or the other.
FILE_CALLS = {
    "fd_read": "FD_READ",
    "fd_pread": "FD_READ FD_SEEK",
    "fd_write": "FD_WRITE",
    "fd_pwrite": "FD_WRITE FD_SEEK",
    "fd_seek": "FD_SEEK",
    "fd_tell": "FD_TELL|FD_SEEK",
    "fd_advise": "FD_ADVISE",
    "fd_allocate": "FD_ALLOCATE",
    "fd_datasync": "FD_DATASYNC",
    "fd_sync": "FD_SYNC",
    "fd_fdstat_get": "",
    "fd_fdstat_set_flags": "FD_FDSTAT_SET_FLAGS",
    "fd_filestat_get": "FD_FILESTAT_GET",
    "fd_filestat_set_size": "FD_FILESTAT_SET_SIZE",
    "fd_filestat_set_times": "FD_FILESTAT_SET_TIMES",
    "fd_renumber": "",
    "fd_close": "",
}
DIRECTORY_CALLS = {
    "fd_datasync": "FD_DATASYNC",
    "fd_sync": "FD_SYNC",
    "fd_fdstat_get": "",
    "fd_filestat_get": "FD_FILESTAT_GET",
    "fd_filestat_set_times": "FD_FILESTAT_SET_TIMES",
    "fd_readdir": "FD_READDIR",
    "path_create_directory": "PATH_CREATE_DIRECTORY",
    "path_filestat_get": "PATH_FILESTAT_GET",
    "path_filestat_set_times": "PATH_FILESTAT_SET_TIMES",
    "path_open to read": "PATH_OPEN",
    "path_open to write": "PATH_OPEN",
    "path_open a new file": "PATH_OPEN PATH_CREATE_FILE",
    "path_open, cut": "PATH_OPEN PATH_FILESTAT_SET_SIZE",
    "path_rename from": "PATH_RENAME_SOURCE",
    "path_rename to": "PATH_RENAME_TARGET",
    "path_link from": "PATH_LINK_SOURCE",
    "path_link to": "PATH_LINK_TARGET",
    "path_symlink": "PATH_SYMLINK",
    "path_readlink": "PATH_READLINK",
    "path_unlink_file": "PATH_UNLINK_FILE",
    "path_remove_directory": "PATH_REMOVE_DIRECTORY",
    "fd_renumber": "",
    "fd_close": "",
}


def lacks(needs: str, lost: str) -> bool:
    return any(lost in need.split("|") and need == lost for need in needs.split())


@pytest.mark.parametrize("lost", RIGHTS)
@pytest.mark.parametrize(("path", "table"), [("f", FILE_CALLS), ("sub", DIRECTORY_CALLS)], ids=["file", "directory"])
def test_what_is_given_up_is_lost_and_nothing_else(
    lost: str, path: str, table: dict[str, str], tmp_path: Path, version: int
) -> None:
    guest = DirectGuest(plant(tmp_path), version)
    fd = guest.must_open(path, rights=RIGHT_READ | RIGHT_WRITE if path == "f" else RIGHT_READ)
    stat = guest.fdstat(fd)
    had = bool(stat[2] & RIGHTS[lost])
    assert guest.call("fd_fdstat_set_rights", fd, stat[2] & ~RIGHTS[lost], stat[3]) == "SUCCESS"
    made = calls(guest, fd)
    for label, needs in table.items():
        name, args = made[label]
        answer = guest.call(name, *args)
        if had and lacks(needs, lost):
            assert answer == "NOTCAPABLE", label
        else:
            assert answer != "NOTCAPABLE", label


def test_every_call_that_takes_a_descriptor_is_in_the_tables(guest: Guest) -> None:
    from wasmer_wasi.functions import FUNCTIONS

    named = {call for call, _ in calls(guest, 3).values()} | {"poll_oneoff", "fd_fdstat_set_rights"}
    expected = {
        row.name for row in FUNCTIONS if row.name.startswith(("fd_", "path_", "sock_")) and row.since <= guest.version
    }
    assert expected <= named
    no_rights = {"fd_prestat_get", "fd_prestat_dir_name"}
    tabled = {calls(guest, 3)[label][0] for label in (*FILE_CALLS, *DIRECTORY_CALLS)}
    assert {name for name in expected if not name.startswith("sock_")} - tabled - no_rights == {"fd_fdstat_set_rights"}
