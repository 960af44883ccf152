"""Files as Go's library asks for them, and the rest that it asks of Node."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from guests import Guest

from wasmer_go import GoState, Thrown
from wasmer_go.filesystem import OPERATIONS
from wasmer_go.objects import UNDEFINED, Array, Function, Uint8Array
from wasmer_vfs import HostDirectory, MemoryDirectory, VirtualClock


class Files:
    """A program's `fs`, called as Go's library does; each call answers its callback's arguments."""

    def __init__(self, **mounts: Any) -> None:
        builder = GoState.new("guest").map_dirs({f"/{name}": each for name, each in mounts.items()})
        self.guest = Guest(builder.stdin(b"input").capture_stdout().capture_stderr().clock(VirtualClock()))
        self.world = self.guest.process.world

    def __call__(self, name: str, *args: Any) -> Any:
        """The result. Raises the `OSError` whose name the callback was told."""
        seen: list[Any] = []
        callback = Function("done", lambda this, given: seen.append(list(given)) or UNDEFINED)
        fs = self.world.get("fs")
        numbered = [float(each) if type(each) is int else each for each in args]
        fs.get(name).call(fs, [*numbered, callback])
        assert not seen, "it is called back soon, not at once"
        while not self.guest.process.loop.idle:
            self.guest.process.loop.step()
        ((failure, *result),) = seen
        if failure is not None:
            raise OSError(getattr(errno, failure.get("code")), failure.get("message"))
        return result[0] if result else None

    def write(self, path: str, content: bytes) -> None:
        fd = self("open", path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        assert self("write", fd, Uint8Array(bytearray(content)), 0, len(content), None) == len(content)
        self("close", fd)

    def read(self, path: str) -> bytes:
        fd = self("open", path, os.O_RDONLY, 0)
        buffer = Uint8Array(bytearray(100))
        count = int(self("read", fd, buffer, 0, 100, None))
        self("close", fd)
        return bytes(buffer.data[:count])


@pytest.fixture(params=["host", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    (tmp_path / "outside").write_text("outside")
    (tmp_path / "inside").mkdir()
    return Files(data=tmp_path / "inside" if request.param == "host" else MemoryDirectory())


def test_writing_and_reading(files: Files) -> None:
    files.write("/data/f", b"0123456789")
    assert files.read("/data/f") == b"0123456789"
    fd = files("open", "/data/f", os.O_RDWR, 0)
    assert files("write", fd, Uint8Array(bytearray(b"xyz")), 1, 2, 4) == 2
    buffer = Uint8Array(bytearray(6))
    assert files("read", fd, buffer, 2, 3, 3) == 3
    assert bytes(buffer.data) == b"\0\x003yz\0"
    files("ftruncate", fd, 5)
    files("fsync", fd)
    assert files("fstat", fd).get("size") == 5.0
    files("truncate", "/data/f", 2)
    assert files.read("/data/f") == b"01"


def test_names(files: Files) -> None:
    files("mkdir", "/data/d", 0o755)
    files.write("/data/d/f", b"text")
    files("link", "/data/d/f", "/data/d/g")
    files("symlink", "f", "/data/d/l")
    assert files("readdir", "/data/d").items == ["f", "g", "l"]
    assert files("readlink", "/data/d/l") == "f"
    assert files("stat", "/data/d/l").get("size") == 4.0 and files("stat", "/data/d/l").get("nlink") == 2.0
    assert files("lstat", "/data/d/l").get("mode") // 0o10000 == 0o12
    files("rename", "/data/d/f", "/data/moved")
    files("unlink", "/data/d/g")
    files("unlink", "/data/d/l")
    files("rmdir", "/data/d")
    assert files("readdir", "/data").items == ["moved"]


def test_status(files: Files) -> None:
    files("mkdir", "/data/d", 0o755)
    status = files("stat", "/data/d")
    assert status.get("isDirectory").call(status, []) is True and status.get("mode") == float(0o40755)
    files.write("/data/f", b"text")
    status = files("stat", "/data/f")
    assert status.get("isDirectory").call(status, []) is False and status.get("mode") == float(0o100644)
    assert {"dev", "ino", "uid", "gid", "rdev", "blksize", "blocks", "atimeMs", "mtimeMs", "ctimeMs"} < {
        *status.names()
    }
    files("chmod", "/data/f", 0o600)
    files("utimes", "/data/f", 1.5, 2_000_000_000)
    status = files("stat", "/data/f")
    assert status.get("mode") == float(0o100600)
    assert (status.get("atimeMs"), status.get("mtimeMs")) == (1500.0, 2e12)
    files("chown", "/data/f", 0, 0)
    with pytest.raises(PermissionError):
        files("chown", "/data/f", 1000, 1000)


OUTSIDE = [
    "/outside",
    "/etc/passwd",
    "../outside",
    "/data/../outside",
    "/data/../../outside",
    "outside",
    "/proc/self/environ",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_is_not_mounted_does_not_exist(files: Files, path: str) -> None:
    for call in (("open", path, 0, 0), ("stat", path), ("readdir", path), ("readlink", path), ("unlink", path)):
        with pytest.raises(OSError) as caught:
            files(*call)
        assert caught.value.errno == errno.ENOENT


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "in/up").symlink_to("../secret")
    (tmp_path / "in/whole").symlink_to(tmp_path / "secret")
    files = Files(data=tmp_path / "in")
    for name in ("up", "whole"):
        with pytest.raises(PermissionError):
            files.read(f"/data/{name}")
    with pytest.raises(PermissionError):
        files("symlink", "/etc/passwd", "/data/made")


def test_read_only(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("text")
    files = Files(data=HostDirectory.at(tmp_path, read_only=True))
    assert files.read("/data/f") == b"text"
    for call in (("open", "/data/f", 1, 0), ("unlink", "/data/f"), ("mkdir", "/data/d", 0), ("truncate", "/data/f", 0)):
        with pytest.raises(OSError):
            files(*call)
    assert (tmp_path / "f").read_text() == "text"


@pytest.mark.parametrize(
    "call", [("rmdir", "/data"), ("rename", "/data", "/other"), ("unlink", "/data"), ("rename", "/", "/a")]
)
def test_mounts_stay(files: Files, call: tuple[str, ...]) -> None:
    with pytest.raises(OSError):
        files(*call)


@pytest.mark.parametrize("fd", [-1, 3, 77, 2**53, float("nan"), float("inf"), "text", None, UNDEFINED])
def test_numbers_that_are_not_open(files: Files, fd: Any) -> None:
    buffer = Uint8Array(bytearray(4))
    for call in (("close", fd), ("fstat", fd), ("read", fd, buffer, 0, 4, None), ("write", fd, buffer, 0, 4, None)):
        with pytest.raises((OSError, Thrown)):
            files(*call)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@pytest.mark.parametrize("odd", [UNDEFINED, None, -1.0, float("nan"), float("inf"), 2.0**60, "\0", "x" * 5000, Array()])
def test_arguments_of_any_kind(files: Files, name: str, odd: Any) -> None:
    """Whatever a program passes, it is told of an error, or the call is done."""
    files.write("/data/f", b"text")
    for args in ((odd,), (odd,) * 5, ("/data/f", odd, odd, odd, odd), (1.0, odd, odd, odd, odd)):
        try:
            files(name, *args)
        except (OSError, Thrown):
            continue


@pytest.mark.parametrize(("offset", "length"), [(0, 5), (5, 0), (2, 3), (0, 2**40), (2**40, 0), (-1, 2)])
def test_buffers_that_are_too_short(files: Files, offset: int, length: int) -> None:
    with pytest.raises((OSError, Thrown)):
        files("read", 0, Uint8Array(bytearray(4)), offset, length, None)


def test_the_streams(files: Files) -> None:
    buffer = Uint8Array(bytearray(10))
    assert files("read", 0, buffer, 0, 10, None) == 5.0 and bytes(buffer.data[:5]) == b"input"
    assert files("read", 0, buffer, 0, 10, None) == 0.0
    fs = files.world.get("fs")
    assert fs.get("writeSync").call(fs, [1.0, Uint8Array(bytearray(b"output"))]) == 6.0
    console = files.world.get("console")
    console.get("error").call(console, ["wrong", 1.0, None])
    assert files.guest.state.stdout_bytes() == b"output" and files.guest.state.stderr_bytes() == b"wrong 1 null\n"


def test_there_is_a_limit_to_open_files() -> None:
    guest = Guest(GoState.new("guest").map_dir("/m", MemoryDirectory({"f": b""})).descriptors(10))
    with pytest.raises(OSError) as caught:
        for _ in range(20):
            OPERATIONS["open"](guest.process, ["/m/f", 0.0, 0.0])
    assert caught.value.errno == errno.EMFILE


def test_process_and_path(files: Files) -> None:
    process, path = files.world.get("process"), files.world.get("path")
    assert process.get("cwd").call(process, []) == "/"
    process.get("chdir").call(process, ["/data"])
    assert process.get("cwd").call(process, []) == "/data"
    files.write("relative", b"text")
    assert files.read("/data/relative") == b"text"
    for wrong, code in (("/nothing", "ENOENT"), ("/data/relative", "ENOTDIR")):
        with pytest.raises(Thrown) as caught:
            process.get("chdir").call(process, [wrong])
        assert caught.value.value.get("code") == code
    assert path.get("resolve").call(path, ["a", "../b", ""]) == "/data/b"
    assert path.get("resolve").call(path, ["a", "/c/./d"]) == "/c/d"
    assert process.get("umask").call(process, [float(0o77)]) == float(0o22)
    assert process.get("umask").call(process, [float(0o77)]) == float(0o77)
    assert process.get("getuid").call(process, []) == 0.0 and process.get("getgroups").call(process, []).items == [0.0]
