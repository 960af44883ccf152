"""The tree that a program sees: mounts, paths that try to leave them, devices, numbers, and its files from Python."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from test_hostile_numbers import BUFFER, IOVECS, RESULT, call
from worlds import put_iovecs, put_text, world

from wasmer_emscripten import Program
from wasmer_emscripten.numbers import FROM_HOST
from wasmer_vfs import HostDirectory, MemoryDirectory
from wasmer_vfs.trees import Tree

ELSEWHERE, OTHER = 4096, 4200
CREATE, TRUNCATE = 0o102, 0o1000


def number(name: int) -> int:
    return -FROM_HOST[name]


def opened(program: Program, path: str, flags: int = 0) -> int:
    answer: int = call(program, "__syscall_openat", -100, put_text(program, ELSEWHERE, path), flags, 0)
    return answer


def written(program: Program, fd: int, data: bytes) -> int:
    program.process.guest.write(BUFFER, data)
    put_iovecs(program, IOVECS, (BUFFER, len(data)))
    answer: int = call(program, "fd_write", fd, IOVECS, 1, RESULT)
    return answer


def read(program: Program, fd: int, size: int = 100) -> bytes:
    put_iovecs(program, IOVECS, (BUFFER, size))
    assert call(program, "fd_read", fd, IOVECS, 1, RESULT) == 0
    return program.process.guest.read(BUFFER, program.process.guest.u32(RESULT))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory to be mounted, and a canary beside it."""
    (tmp_path / "canary").write_text("sings")
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "f").write_text("hello")
    os.symlink("../canary", root / "above")
    os.symlink("/etc/passwd", root / "absolute")
    os.symlink("f", root / "to_f")
    os.symlink("sub", root / "to_sub")
    return root


OUT = (
    "/m/../canary",
    "/m/above",
    "/m/absolute",
    "/m/sub/../../canary",
    "/m/to_sub/../../canary",
    "../canary",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "/m/sub/../above",
    "/proc/self/root/etc/passwd",
    "/proc/self/cwd",
    "/dev/mem",
)


@pytest.mark.parametrize("path", OUT)
def test_no_path_leads_out(path: str, tree: Path) -> None:
    program = world(mounts={"/m": tree}, current="/m")
    host = number(errno.ENOENT), number(errno.EPERM), number(errno.ENOTDIR)
    for flags in (0, 1, CREATE, CREATE | TRUNCATE):
        answer = opened(program, path, flags)
        if answer >= 0:  # made anew, in the program's own tree
            found = program.process.descriptors.find(answer)
            assert flags & 0o100 and found.file is not None and found.file.status().size == 0
            assert type(found.file).__name__ == "MemoryFile" or found.path.startswith(b"/m/")
            call(program, "fd_close", answer)
            call(program, "__syscall_unlink", ELSEWHERE)
        else:
            assert answer in host, (path, flags, answer)
    for name in ("__syscall_unlink", "__syscall_rmdir", "__syscall_chdir"):
        assert call(program, name, put_text(program, ELSEWHERE, path)) != 0 or path.endswith(("above", "absolute"))
    assert (tree.parent / "canary").read_text() == "sings"
    assert sorted(each.name for each in tree.parent.iterdir()) == ["canary", "root"]


def test_mounts_are_seen_where_they_are(tree: Path) -> None:
    memory = MemoryDirectory({"x": b"in memory"})
    program = world(mounts={"/a/b/c": tree, "/a/b/c/sub": memory, "/other": HostDirectory.at(tree, read_only=True)})
    assert program.fs.read_text("/a/b/c/f") == "hello"
    assert program.fs.read_text("/a/b/c/sub/x") == "in memory"
    assert program.fs.read_text("/a/b/c/sub/../f") == "hello"
    assert list(program.fs.iterdir("/a/b")) == ["/a/b/c"]
    program.fs.write_text("/a/b/c/sub/y", "there")
    assert memory.read_bytes("y") == b"there" and not list((tree / "sub").iterdir())
    assert opened(program, "/other/f", 2) == number(errno.EPERM)
    fd = opened(program, "/a/b/c/new", CREATE)
    assert written(program, fd, b"for the host") == 0
    assert (tree / "new").read_bytes() == b"for the host"
    put_text(program, OTHER, "/other/moved")
    put_text(program, ELSEWHERE, "/a/b/c/sub/x")
    assert call(program, "__syscall_rename", ELSEWHERE, OTHER) == number(errno.EXDEV)


@pytest.mark.parametrize("path", ["/m", "/m/", "/", "/dev", "/deep", "/deep/er/mount"])
def test_mounts_are_not_removed_or_replaced(path: str) -> None:
    program = world(mounts={"/m": MemoryDirectory(), "/deep/er/mount": MemoryDirectory()})
    put_text(program, OTHER, "/tmp")
    put_text(program, ELSEWHERE, path)
    busy = number(errno.EBUSY)
    assert call(program, "__syscall_rmdir", ELSEWHERE) == busy
    assert call(program, "__syscall_unlink", ELSEWHERE) == busy
    assert call(program, "__syscall_rename", ELSEWHERE, OTHER) == busy
    assert call(program, "__syscall_rename", OTHER, ELSEWHERE) == busy
    made = call(program, "__syscall_mkdir", ELSEWHERE, 0o777)
    assert made == (busy if path == "/deep" else number(errno.EEXIST))


@pytest.mark.parametrize("path", [".", "..", "sub/.", "sub/..", "/m/sub/../."])
def test_dots_are_no_names(path: str, tree: Path) -> None:
    program = world(mounts={"/m": tree}, current="/m")
    put_text(program, ELSEWHERE, path)
    put_text(program, OTHER, "new")
    assert call(program, "__syscall_rmdir", ELSEWHERE) < 0
    assert call(program, "__syscall_rename", ELSEWHERE, OTHER) < 0
    assert call(program, "__syscall_rename", OTHER, ELSEWHERE) < 0
    assert (tree / "sub").is_dir() and not (tree / "new").exists()


def test_paths_of_any_form() -> None:
    tree = Tree()
    for path, whole in [
        (b"/", b"/"),
        (b"//a///b/", b"/a/b"),
        (b"/..", b"/"),
        (b"/../../a", b"/a"),
        (b"a/./b/../c", b"/a/c"),
        (b".", b"/"),
    ]:
        assert tree.absolute(path) == whole
    for wrong, name in [(b"", errno.ENOENT), (b"a\0b", errno.EINVAL), (b"a/" * 3000, errno.ENAMETOOLONG)]:
        with pytest.raises(OSError) as caught:
            tree.absolute(wrong)
        assert caught.value.errno == name
    tree.current = b"/tmp"
    assert tree.absolute(b"x/../y") == b"/tmp/y"
    assert tree.place(b"/tmp/").path == b"tmp/" and tree.place(b"/tmp").path == b"tmp"


def test_a_directory_that_is_relative_to_an_open_one(tree: Path) -> None:
    program = world(mounts={"/m": tree})
    fd = opened(program, "/m/sub", 0o200000)
    assert fd >= 0
    put_text(program, ELSEWHERE, "../f")
    assert call(program, "__syscall_newfstatat", fd, ELSEWHERE, RESULT, 0) == 0
    put_text(program, ELSEWHERE, "made")
    assert call(program, "__syscall_mkdirat", fd, ELSEWHERE, 0o700) == 0
    assert (tree / "sub/made").is_dir()
    file = opened(program, "/m/f")
    put_text(program, ELSEWHERE, "other")
    assert call(program, "__syscall_mkdirat", file, ELSEWHERE, 0o700) == number(errno.ENOTDIR)
    assert call(program, "__syscall_mkdirat", 77, ELSEWHERE, 0o700) == number(errno.EBADF)


def test_devices() -> None:
    program = world(random=lambda count: b"r" * count)
    null, zero, random = (opened(program, f"/dev/{name}", 2) for name in ("null", "zero", "urandom"))
    assert read(program, null) == b"" and read(program, zero, 4) == bytes(4) and read(program, random, 3) == b"rrr"
    assert written(program, null, b"gone") == 0 and program.process.guest.u32(RESULT) == 4
    assert opened(program, "/dev/nothing") == number(errno.ENOENT)
    assert opened(program, "/dev/new", CREATE) == number(errno.EPERM)
    assert opened(program, "/dev/null/x") == number(errno.ENOTDIR)
    assert sorted(program.fs.iterdir("/dev")) == ["/dev/null", "/dev/random", "/dev/urandom", "/dev/zero"]
    put_text(program, ELSEWHERE, "/dev/null")
    assert call(program, "__syscall_unlink", ELSEWHERE) == number(errno.EPERM)
    assert call(program, "__syscall_stat64", ELSEWHERE, RESULT) == 0


def test_numbers_as_paths() -> None:
    kept: list[bytes] = []
    program = world(stdout=lambda data: kept.append(bytes(data)))
    assert read(program, opened(program, "/dev/stdin")) == b"input"
    assert written(program, opened(program, "/dev/stdout", 1), b"out") == 0
    assert written(program, opened(program, "/proc/self/fd/1", 1), b"again") == 0
    assert kept == [b"out", b"again"]
    assert opened(program, "/dev/fd/99") == number(errno.EBADF)
    assert opened(program, "/proc/self/fd/" + "9" * 30) == number(errno.ENOENT)


def test_what_python_sees_of_the_files(tree: Path) -> None:
    program = world(mounts={"/m": tree})
    fs = program.fs
    fs.mkdir("/tmp/a/b", parents=True)
    fs.mkdir("/tmp/a/b", exist_ok=True)
    with pytest.raises(FileExistsError):
        fs.mkdir("/tmp/a/b")
    fs.write_text("/tmp/a/f", "häuser")
    assert fs.read_text("/tmp/a/f") == "häuser" and fs.read_bytes("/tmp/a/f") == "häuser".encode()
    assert fs.read_bytes("/m/f") == b"hello"
    assert fs.exists("/tmp/a") and fs.is_dir("/tmp/a") and fs.is_file("/tmp/a/f") and not fs.is_file("/tmp/a")
    assert list(fs.iterdir("/tmp/a")) == ["/tmp/a/b", "/tmp/a/f"]
    fs.rename("/tmp/a/f", "/tmp/g")
    fs.chdir("/tmp")
    assert fs.read_text("g") == "häuser" and fs.stat("g").size == 7
    fs.unlink("g")
    fs.rmdir("a/b")
    for wrong, error in [
        (lambda: fs.read_bytes("g"), FileNotFoundError),
        (lambda: fs.read_bytes("/tmp"), IsADirectoryError),
        (lambda: fs.rmdir("/m"), OSError),
        (lambda: fs.chdir("/m/f"), NotADirectoryError),
        (lambda: fs.read_bytes("/m/above"), PermissionError),
        (lambda: fs.iterdir("/m/f").__next__(), OSError),
    ]:
        with pytest.raises(error):
            wrong()
    large = os.urandom(3 << 20)
    fs.write_bytes("large", large)
    assert fs.read_bytes("large") == large


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"mounts": {"relative": "."}}, ValueError, "from / on"),
        ({"mounts": {"/m": 3}}, TypeError, "a path, a HostDirectory or a MemoryDirectory is needed"),
        ({"mounts": {"/m": "/nowhere/at/all"}}, FileNotFoundError, "No such"),
        ({"mounts": {"/m\0": "."}}, ValueError, "NUL"),
        ({"current": "/nowhere"}, FileNotFoundError, "No such"),
        ({"env": {"A=B": "c"}}, ValueError, "may not be empty or contain '='"),
        ({"env": {"": "c"}}, ValueError, "may not be empty"),
        ({"env": {"A": "c\0"}}, ValueError, "NUL"),
        ({"args": "one"}, TypeError, "as a list"),
        ({"args": ["a\0b"]}, ValueError, "NUL"),
        ({"stdin": "text"}, TypeError, "standard input"),
        ({"stdout": "file"}, TypeError, "standard output"),
        ({"stderr": 3}, TypeError, "standard error"),
    ],
)
def test_what_is_given_wrongly(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        world(**options)


def test_descriptors_of_the_host_are_closed_with_the_program(tree: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    program = world(mounts={"/m": tree})
    for _ in range(5):
        assert opened(program, "/m/f") >= 0
    program.close()
    del program
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(("size", "width"), [(64, 4), (88, 8)])
def test_how_much_a_file_system_holds(size: int, width: int) -> None:
    program = world(mounts={"/m": MemoryDirectory({"f": b"12345"}, limit_bytes=1 << 20, limit_names=50)})
    guest = program.process.guest
    fd = opened(program, "/m/f", 2)
    path = put_text(program, OTHER, "/m/f")

    def counts() -> list[int]:
        return [int.from_bytes(guest.read(RESULT + 8 + width * at, width), "little") for at in range(5)]

    guest.write(RESULT, b"\xaa" * 96)
    assert call(program, "__syscall_statfs64", path, size, RESULT) == 0
    blocks, free, available, names, free_names = before = counts()
    assert blocks == 256 and free == available == 255 and names == 50 and 0 < free_names < 50
    assert guest.read(RESULT + size, 8) == b"\xaa" * 8
    assert written(program, fd, bytes(40_960)) == 0
    assert call(program, "__syscall_fstatfs64", fd, size, RESULT) == 0
    assert counts()[1] == before[1] - 10
    assert call(program, "__syscall_fstatfs64", 1, size, RESULT) == 0
    assert counts() == [0] * 5  # a stream holds nothing
    assert call(program, "__syscall_statfs64", path, size + 1, RESULT) == number(errno.EINVAL)
    assert call(program, "__syscall_statfs64", put_text(program, OTHER, "/m/no"), size, RESULT) == number(errno.ENOENT)


def test_how_much_a_directory_of_the_host_holds(tree: Path) -> None:
    program = world(mounts={"/m": tree})
    assert call(program, "__syscall_statfs64", put_text(program, OTHER, "/m"), 88, RESULT) == 0
    assert program.process.guest.u64(RESULT + 8) > 0
    for name, arguments in (("mprotect", (0, 64, 1)), ("mlock", (0, 64)), ("munlock", (0, 64))):
        assert call(program, f"__syscall_{name}", *arguments) == number(errno.ENOSYS)
