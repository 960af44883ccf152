"""The tables against facts written down a second time: offsets, sizes, numbers, names."""

from __future__ import annotations

import errno as host_errno
from importlib import import_module

import pytest

from wasmer_wasi import errno, snapshot0, snapshot1, types
from wasmer_wasi.functions import FUNCTIONS
from wasmer_wasi.imports import namespace
from wasmer_wasi.types import RECORDS, SNAPSHOT0, SNAPSHOT1
from wasmer_wasi.version import WasiVersion

# (offset of each field, size of all) in snapshot0 and in snapshot1
LAYOUTS = {
    "iovec": (([0, 4], 8), ([0, 4], 8)),
    "prestat": (([0, 4], 8), ([0, 4], 8)),
    "fdstat": (([0, 2, 8, 16], 24), ([0, 2, 8, 16], 24)),
    "dirent": (([0, 8, 16, 20], 24), ([0, 8, 16, 20], 24)),
    "filestat": (([0, 8, 16, 20, 24, 32, 40, 48], 56), ([0, 8, 16, 24, 32, 40, 48, 56], 64)),
    "event": (([0, 8, 10, 16, 24], 32), ([0, 8, 10, 16, 24], 32)),
    "subscription of a clock": (([0, 8, 16, 24, 32, 40, 48], 56), ([0, 8, 16, 24, 32, 40], 48)),
    "subscription of a file descriptor": (([0, 8, 16], 56), ([0, 8, 16], 48)),
}


@pytest.mark.parametrize("version", [SNAPSHOT0, SNAPSHOT1])
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_layout(record: types.Record, version: int) -> None:
    """A field set alone shows its offset; the last one shows the size."""
    offsets, size = LAYOUTS[record.name][version]
    layout = record.layout(version)
    assert layout.size == size
    for at, offset in enumerate(offsets):
        values = [0] * len(offsets)
        values[at] = 1
        packed = layout.pack(*values)
        assert packed.index(1) == offset
        assert sum(packed) == 1


def test_link_counts_have_their_width() -> None:
    status = [0] * 8
    status[3] = 0xFFFF_FFFF
    old = types.FILESTAT.layout(SNAPSHOT0).pack(*status)
    assert old[20:24] == b"\xff" * 4 and old[24:] == bytes(32)
    status[3] = 0xFFFF_FFFF_FFFF_FFFF
    new = types.FILESTAT.layout(SNAPSHOT1).pack(*status)
    assert new[24:32] == b"\xff" * 8 and new[32:] == bytes(32)


def test_errnos_are_numbered_without_a_gap() -> None:
    assert [row.number for row in errno.ROWS] == list(range(77))
    assert len({row.name for row in errno.ROWS}) == 77
    assert (errno.EBADF, errno.ENOENT, errno.ENOTCAPABLE) == (8, 44, 76)


def test_errnos_from_the_host() -> None:
    assert errno.FROM_HOST[host_errno.ENOENT] == errno.ENOENT
    assert errno.FROM_HOST[host_errno.EWOULDBLOCK] == errno.EAGAIN
    assert errno.FROM_HOST[host_errno.EOPNOTSUPP] == errno.ENOTSUP
    missing = {row.name for row in errno.ROWS} - {errno.BY_NUMBER[number].name for number in errno.FROM_HOST.values()}
    assert missing == {"SUCCESS", "NOTCAPABLE"}
    assert errno.errno_of(OSError(9999, "no such error")) == errno.EIO
    assert errno.errno_of(OverflowError()) == errno.EINVAL
    assert errno.errno_of(MemoryError()) == errno.ENOMEM


def test_functions_of_each_version() -> None:
    assert len(FUNCTIONS) == 46
    old, new = namespace(WasiVersion.SNAPSHOT0), namespace(WasiVersion.SNAPSHOT1)
    assert (len(old), len(new)) == (45, 46)
    assert set(new) - set(old) == {"sock_accept"}
    different = {name for name in old if old[name].function is not new[name].function}
    assert different == {"fd_seek", "fd_filestat_get", "path_filestat_get", "poll_oneoff"}
    assert namespace(WasiVersion.LATEST) == new


def test_functions_stand_in_the_specifications_order() -> None:
    order = [row.name for row in FUNCTIONS]
    own_files = [import_module(f"wasmer_wasi.snapshot1.{name}") for name in dict.fromkeys(snapshot1.FILES.values())]
    files = [*own_files, snapshot0]
    defined = [[name for name, each in vars(file).items() if name in order and callable(each)] for file in files]
    for own in defined:
        assert own == [name for name in order if name in own]
    assert sorted(name for own in defined[:-1] for name in own) == sorted(order)


def test_types_of_the_functions() -> None:
    """Every function can be linked with what a module wants of it."""
    for version in (WasiVersion.SNAPSHOT0, WasiVersion.SNAPSHOT1):
        for row in FUNCTIONS:
            function = namespace(version).get(row.name)
            if function is not None:
                assert function.wants_ctx
                inner = getattr(function.function, "__wrapped__", None)  # which gets the state, too
                count = function.function.__code__.co_argcount - 1 if inner is None else inner.__code__.co_argcount - 2
                assert count == len(row.params)


def test_rights() -> None:
    assert types.ALL_RIGHTS == 0x3FFF_FFFF
    named = [value for name, value in vars(types).items() if name.startswith("RIGHT_")]
    assert sorted(named) == [1 << bit for bit in range(30)]
    assert not types.DIRECTORY_RIGHTS & types.RIGHT_FD_FILESTAT_SET_SIZE
    assert not types.STREAM_RIGHTS & (types.RIGHT_FD_SEEK | types.RIGHT_FD_TELL)


def test_every_word_of_the_file_system_has_a_number() -> None:
    """Kinds, errors that it refuses with, clocks: none is without one, and none means two things by accident."""
    import errno as host_errno
    import re
    import time
    from pathlib import Path
    from typing import Any, cast

    import wasmer_vfs
    from wasmer_wasi import numbers

    assert set(numbers.FILETYPES) == set(cast(Any, wasmer_vfs.Kind))
    sources = "".join(path.read_text() for path in Path(wasmer_vfs.__file__).parent.glob("*.py"))
    refused = set(re.findall(r"\berrno\.(E[A-Z]+)\b", sources))
    assert {"EPERM", "ENOSPC", "EILSEQ", "ELOOP"} <= refused
    for name in refused:
        expected = getattr(errno, "EAGAIN" if name == "EWOULDBLOCK" else name)
        assert errno.errno_of(wasmer_vfs.refusal(getattr(host_errno, name))) == expected
    assert errno.errno_of(wasmer_vfs.OutOfDirectory()) == errno.EPERM
    clocks = (types.CLOCK_REALTIME, types.CLOCK_MONOTONIC, types.CLOCK_PROCESS_CPUTIME, types.CLOCK_THREAD_CPUTIME)
    assert clocks == (
        time.CLOCK_REALTIME,
        time.CLOCK_MONOTONIC,
        time.CLOCK_PROCESS_CPUTIME_ID,
        time.CLOCK_THREAD_CPUTIME_ID,
    )


def test_every_set_of_flags_is_the_hosts() -> None:
    import os

    from wasmer_wasi.numbers import HOST_ADVICES, HOST_FDFLAGS, HOST_OFLAGS

    names = {
        types.FDFLAGS: (HOST_FDFLAGS, "FDFLAG", ("APPEND", "DSYNC", "NONBLOCK", "RSYNC", "SYNC")),
        types.OFLAGS: (HOST_OFLAGS, "OFLAG", ("CREAT", "DIRECTORY", "EXCL", "TRUNC")),
    }
    for every, (table, prefix, flags) in names.items():
        assert len(table) == every + 1
        for number in range(every + 1):
            expected = 0
            for flag in flags:
                if number & getattr(types, f"{prefix}_{flag}"):
                    expected |= getattr(os, f"O_{flag}")
            assert table[number] == expected
    assert len(HOST_ADVICES) == types.ADVICES
