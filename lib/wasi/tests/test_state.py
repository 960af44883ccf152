"""Building states: what is refused, what copies share, what streams can be."""

from __future__ import annotations

import io
import os
import pty
import random
import sys
from pathlib import Path

import pytest
from guests import BUFFER, RESULT, DirectGuest

from wasmer_vfs.streams import Stream
from wasmer_wasi import (
    ArgumentContainsNulByte,
    EnvironmentVariableFormatError,
    MappedDirAliasFormattingError,
    MemoryDirectory,
    PreopenedDirectoryNotFound,
    VirtualClock,
    WasiFsCreationError,
    WasiFsSetupError,
    WasiState,
    WasiStateCreationError,
    generate_import_object,
    generate_import_object_from_state,
    get_wasi_state,
)
from wasmer_wasi.descriptors import Descriptor, DescriptorTable
from wasmer_wasi.types import FILETYPE_UNKNOWN, RIGHT_FD_SEEK, RIGHT_FD_TELL, SNAPSHOT1, STREAM_RIGHTS


def guest_of(state: WasiState) -> DirectGuest:
    return DirectGuest(Path(), SNAPSHOT1, state)


def test_what_is_refused(tmp_path: Path) -> None:
    builder = WasiState.new("p")
    with pytest.raises(ArgumentContainsNulByte, match="NUL"):
        builder.arg("a\0b")
    for name, value in (("a=b", "c"), ("", "c"), ("a\0", "c"), ("a", "c\0")):
        with pytest.raises(EnvironmentVariableFormatError):
            builder.env(name, value)
    for alias in ("", "a\0b"):
        with pytest.raises(MappedDirAliasFormattingError):
            builder.map_dir(alias, tmp_path)
    for path in (tmp_path / "missing", __file__):
        with pytest.raises(PreopenedDirectoryNotFound, match="is not a directory"):
            WasiState.new("p").preopen_dir(path).build()
    with pytest.raises(EnvironmentVariableFormatError, match="NAME=value"):
        generate_import_object(["p"], ["no equals sign"])
    with pytest.raises(WasiStateCreationError):
        generate_import_object(["p"], [], [tmp_path / "missing"])

    def fails(table: object) -> None:
        raise KeyError("oh")

    with pytest.raises(WasiFsSetupError, match="oh"):
        WasiState.new("p").setup_fs(fails).build()


def test_a_file_set_up_by_hand_is_there_in_every_copy() -> None:
    def add(table: DescriptorTable) -> None:
        table.insert(Descriptor(Stream(io.BytesIO(b"extra"), output=False), FILETYPE_UNKNOWN, STREAM_RIGHTS, 0))

    state = WasiState.new("p").setup_fs(add).build()
    for guest in (guest_of(state), guest_of(state.copy()), guest_of(state.copy())):
        assert guest.read_file(3, 10) == ("SUCCESS", b"extra")


def test_args_and_environment_keep_their_order_and_bytes() -> None:
    state = WasiState.new("p").args(["ü", b"\xff", ""]).envs([("A", "1=2"), ("B", ""), ("A", "3")]).build()
    assert state.args == [b"p", "ü".encode(), b"\xff", b""]
    assert state.environ == [b"A=3", b"B="]
    assert b"PATH=" + os.environb[b"PATH"] in WasiState.new("p").inherit_env().build().environ


def test_directories_come_in_order_under_their_names(tmp_path: Path) -> None:
    guest = guest_of(
        WasiState.new("p").preopen_dir(tmp_path).map_dir("/x/y", tmp_path).preopen("mem", MemoryDirectory()).build()
    )
    names = []
    for fd in (3, 4, 5):
        assert guest.call("fd_prestat_get", fd, 600) == "SUCCESS"
        length = guest.u32(604)
        assert guest.call("fd_prestat_dir_name", fd, 640, length) == "SUCCESS"
        names.append(guest.read(640, length))
    assert names == [bytes(tmp_path), b"/x/y", b"mem"]
    assert guest.call("fd_prestat_get", 6, 600) == "BADF"


def test_copies_have_their_own_descriptors_and_share_streams(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("0123456789")
    state = WasiState.new("p").map_dir("/d", tmp_path).capture_stdout().build()
    first, second = guest_of(state.copy()), guest_of(state.copy())
    fd = first.must_open("f", rights=2)
    assert second.call("fd_close", fd) == "BADF"
    assert second.must_open("f", rights=2) == fd
    assert first.read_file(fd, 3) == second.read_file(fd, 3) == ("SUCCESS", b"012")
    first.write_file(1, b"one ")
    second.write_file(1, b"two")
    assert state.stdout_bytes() == b"one two"
    first.close()
    assert second.read_file(fd, 3) == ("SUCCESS", b"345")
    assert isinstance(second.open("f", rights=2), int)


def test_import_objects_make_a_state_for_each_instance(tmp_path: Path) -> None:
    imports = generate_import_object(["p", "x"], ["A=b"], [tmp_path], [("/m", tmp_path)])
    assert imports.state_creator is not None
    first, second = imports.state_creator(), imports.state_creator()
    assert isinstance(first, WasiState) and isinstance(second, WasiState)
    assert first is not second and first.args == [b"p", b"x"] and first.environ == [b"A=b"]
    assert sorted(first.descriptors.open) == [0, 1, 2, 3, 4]
    state = WasiState.new("q").build()
    assert generate_import_object_from_state(state).state_creator is not None

    class Ctx:
        data: object = first

    assert get_wasi_state(Ctx) is first
    Ctx.data = None
    with pytest.raises(TypeError, match="no WASI state"):
        get_wasi_state(Ctx)


def test_descriptors_of_the_host_are_closed_with_the_state(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    (tmp_path / "f").touch()
    for _ in range(20):
        state = WasiState.new("p").map_dir("/d", tmp_path).stdin(None).build()
        guest = guest_of(state.copy())
        guest.must_open("f")
        guest.must_open(".", rights=2)
        del state, guest
    assert set(os.listdir("/proc/self/fd")) == before


# --- streams


def test_captured_output() -> None:
    state = WasiState.new("p").capture_stdout().capture_stderr().build()
    guest = guest_of(state)
    guest.write_file(1, b"out")
    guest.write_file(2, b"err")
    guest.call("fd_write", 1, *guest.iovecs((BUFFER, 1), (BUFFER + 1, 0), (BUFFER + 1, 2)), RESULT)
    assert (state.stdout_bytes(), state.stderr_bytes()) == (b"outerr", b"err")
    with pytest.raises(TypeError, match="stdout is not captured"):
        WasiState.new("p").build().stdout_bytes()


def test_text_files_get_text_and_split_characters_are_joined() -> None:
    text = io.StringIO()
    guest = guest_of(WasiState.new("p").stdout(text).build())
    for byte in "naïve ✓".encode():
        assert guest.write_file(1, bytes([byte])) == ("SUCCESS", 1)
    assert text.getvalue() == "naïve ✓"


def test_a_text_file_over_a_binary_one_keeps_the_order(tmp_path: Path) -> None:
    with open(tmp_path / "out", "w", encoding="utf-8") as file:
        guest = guest_of(WasiState.new("p").stdout(file).build())
        file.write("host ")
        guest.write_file(1, b"guest ")
        file.write("host again")
    assert (tmp_path / "out").read_text() == "host guest host again"


def test_callables() -> None:
    written: list[bytes] = []
    sizes: list[int] = []
    pieces = [b"abc", b"defgh", b""]

    def more(size: int) -> bytes:
        sizes.append(size)
        return pieces.pop(0)

    guest = guest_of(WasiState.new("p").stdin(more).stdout(written.append).build())
    guest.write_file(1, b"x")
    guest.write_file(1, b"yz")
    assert written == [b"x", b"yz"] and all(type(data) is bytes for data in written)
    assert guest.read_file(0, 4) == ("SUCCESS", b"abc")
    assert guest.read_file(0, 2) == ("SUCCESS", b"de")
    assert guest.read_file(0, 9) == ("SUCCESS", b"fgh")
    assert guest.read_file(0, 9) == ("SUCCESS", b"")
    assert sizes == [4, 2, 9]


@pytest.mark.parametrize("make", [io.BytesIO, lambda data: io.BufferedReader(io.BytesIO(data)), bytes, bytearray])
def test_binary_input(make: type[io.BytesIO]) -> None:
    guest = guest_of(WasiState.new("p").stdin(make(b"0123456789")).build())
    assert guest.read_file(0, 4) == ("SUCCESS", b"0123")
    assert guest.read_file(0, 40) == ("SUCCESS", b"456789")
    assert guest.read_file(0, 4) == ("SUCCESS", b"")
    assert guest.write_file(0, b"x")[0] == "BADF"


def test_text_input() -> None:
    guest = guest_of(WasiState.new("p").stdin(io.StringIO("äöü")).build())
    assert b"".join(guest.read_file(0, 1)[1] for _ in range(8)).decode() == "äöü"


def test_pipes_are_read_as_they_fill() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as source, open(writing, "wb", buffering=0) as sink:
        guest = guest_of(WasiState.new("p").stdin(source).build())
        sink.write(b"some")
        assert guest.read_file(0, 100) == ("SUCCESS", b"some")
        sink.write(b"more")
        assert guest.read_file(0, 100) == ("SUCCESS", b"more")
        assert guest.seek(0, 0, "cur")[0] == "SPIPE"


def test_nothing() -> None:
    guest = guest_of(WasiState.new("p").stdin(None).stdout(None).stderr(None).build())
    assert guest.read_file(0, 10) == ("SUCCESS", b"")
    assert guest.write_file(1, b"lost") == ("SUCCESS", 4)
    assert guest.fdstat(1)[0] == 0  # no terminal, and nothing else is told
    assert not is_terminal(guest, 1)


def is_terminal(guest: DirectGuest, fd: int) -> bool:
    """As the C library finds out."""
    kind, _, rights, _ = guest.fdstat(fd)
    return kind == 2 and not rights & (RIGHT_FD_SEEK | RIGHT_FD_TELL)


def test_a_terminal() -> None:
    leader, follower = pty.openpty()
    with open(follower, "r+b", buffering=0) as terminal:
        guest = guest_of(WasiState.new("p").stdin(terminal).stdout(terminal).build())
        assert is_terminal(guest, 0) and is_terminal(guest, 1)
        os.write(leader, b"typed\nmore\n")
        assert guest.read_file(0, 100) == ("SUCCESS", b"typed\n")
        guest.write_file(1, b"shown")
        screen = b""
        while b"shown" not in screen:
            screen += os.read(leader, 100)
    os.close(leader)


def test_inheriting_goes_where_python_prints(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print("before", end=" ")
    guest = guest_of(WasiState.new("p").inherit_stdio().build())
    guest.write_file(1, b"guest")
    guest.write_file(2, b"error")
    assert capfd.readouterr() == ("before guest", "error")
    replaced = io.StringIO()  # as in a notebook
    monkeypatch.setattr(sys, "stdout", replaced)
    guest_of(WasiState.new("p").build()).write_file(1, b"here")
    assert replaced.getvalue() == "here"


def test_a_path_as_standard_input(tmp_path: Path) -> None:
    """Each instance reads it from its beginning, and can change neither the file nor its times."""
    (tmp_path / "input").write_bytes(b"some text")
    times = os.stat(tmp_path / "input").st_mtime_ns
    state = WasiState.new("p").stdin(tmp_path / "input").build()
    for each in (state, state.copy(), state.copy()):
        guest = guest_of(each)
        assert guest.read_file(0, 4) == ("SUCCESS", b"some")
        assert guest.call("fd_filestat_set_times", 0, 1, 1, 5) in ("PERM", "BADF", "NOTCAPABLE")
        assert guest.write_file(0, b"x")[0] == "BADF"
        assert guest.call("fd_filestat_set_size", 0, 0) in ("INVAL", "BADF")
    assert (tmp_path / "input").read_bytes() == b"some text"
    assert os.stat(tmp_path / "input").st_mtime_ns == times
    with pytest.raises(WasiFsCreationError, match="nowhere cannot be opened: No such file"):
        WasiState.new("p").stdin(tmp_path / "nowhere").build()


def test_a_closed_file_is_a_bad_descriptor(tmp_path: Path) -> None:
    file = open(tmp_path / "out", "wb", buffering=0)
    guest = guest_of(WasiState.new("p").stdout(file).build())
    file.close()
    with open(tmp_path / "private", "wb", buffering=0) as other:  # may get the same number
        assert guest.write_file(1, b"x")[0] == "BADF"
        assert other.tell() == 0


def test_a_users_own_exception_passes() -> None:
    def broken(data: bytes) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        guest_of(WasiState.new("p").stdout(broken).build()).write_file(1, b"x")


def test_closing_a_stream_leaves_the_object_open() -> None:
    kept = io.BytesIO()
    guest = guest_of(WasiState.new("p").stdout(kept).build())
    guest.write_file(1, b"x")
    assert guest.call("fd_close", 1) == "SUCCESS"
    assert guest.write_file(1, b"y")[0] == "BADF"
    assert kept.getvalue() == b"x" and not kept.closed


# --- clocks and random bytes


def test_virtual_clock_moves_by_sleeping_alone() -> None:
    clock = VirtualClock(realtime=1_000_000_000_000)
    guest = guest_of(WasiState.new("p").clock(clock).build())
    assert guest.get("clock_time_get", 0, 0, size=8) == ("SUCCESS", 1_000_000_000_000)
    assert guest.get("clock_time_get", 1, 0, size=8) == ("SUCCESS", 0)
    hour = 3_600_000_000_000
    assert guest.poll(guest.clock_subscription(1, 1, hour))[0] == "SUCCESS"
    assert guest.get("clock_time_get", 0, 0, size=8) == ("SUCCESS", 1_000_000_000_000 + hour)
    clock.sleep(5)
    assert guest.get("clock_time_get", 1, 0, size=8) == ("SUCCESS", hour + 5)
    assert guest.get("clock_res_get", 1, size=8) == ("SUCCESS", 1)


def test_a_clock_beyond_64_bits_wraps() -> None:
    """Found by the fuzz test: sleeping for centuries, then asking for the time as a file's."""
    clock = VirtualClock()
    guest = guest_of(WasiState.new("p").clock(clock).preopen("/", MemoryDirectory({"f": b""})).build())
    clock.sleep((1 << 64) + 5)
    assert guest.get("clock_time_get", 0, 0, size=8) == ("SUCCESS", 5)
    assert guest.call("path_filestat_set_times", 3, 0, *guest.path("f"), 0, 0, 10) == "SUCCESS"
    assert guest.path_stat("f")[5:7] == (5, 5)


@pytest.mark.parametrize("clock", range(4))
def test_system_clocks(clock: int) -> None:
    guest = guest_of(WasiState.new("p").build())
    answer, first = guest.get("clock_time_get", clock, 0, size=8)
    assert answer == "SUCCESS"
    sum(random.random() for _ in range(10000))
    assert guest.get("clock_time_get", clock, 0, size=8)[1] > first
    answer, resolution = guest.get("clock_res_get", clock, size=8)
    assert answer == "SUCCESS" and 1 <= resolution <= 1_000_000_000
    assert guest.call("clock_time_get", 4 + clock, 0, RESULT) == "INVAL"
    assert guest.call("clock_res_get", -1 - clock, RESULT) == "INVAL"


def test_seeded_random_bytes_repeat() -> None:
    def bytes_of(seed: int) -> bytes:
        guest = guest_of(WasiState.new("p").random_seed(seed).build())
        assert guest.call("random_get", 600, 64) == "SUCCESS"
        return guest.read(600, 64)

    assert bytes_of(1) == bytes_of(1) != bytes_of(2)
