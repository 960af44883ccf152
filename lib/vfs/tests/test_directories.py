"""Directories of the host and in memory: the same answers, as Python gives them, and no way out."""

from __future__ import annotations

import errno
import functools
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from trees import answer, make, read_all

from wasmer_vfs import OPEN_FLAGS, Directory, HostDirectory, MemoryDirectory, OutOfDirectory, memory_files

OUT: Final = (b"..", b"../canary", b"/canary", b"d/../../canary", b"above", b"above/x", b"to_d/../../canary", b"/")
"""Paths that lead out, if the last link is followed."""


def steps(tree: Directory) -> Iterator[Callable[[], Any]]:
    """Calls in turn, each kind of success and of refusal among them."""
    reading, writing = os.O_RDONLY, os.O_RDWR | os.O_CREAT
    for path in (b"f", b"to_g", b"d/g", b"d/g/", b"loop", b"gone", b"", b"f\0", b"\xff", b"x" * 256, b"x/" * 2049):
        yield lambda path=path: read_all(tree, path)  # type: ignore[misc]
        yield lambda path=path: tree.path_status(path, False)[2:4]  # type: ignore[misc]
    yield lambda: tree.open(b"new", writing | os.O_EXCL, follow=True).status()[2:5]
    for path, flags in (
        (b"new", writing | os.O_EXCL),
        (b"new/", writing),
        (b"d", writing),
        (b"d", os.O_WRONLY),
        (b"f", reading | os.O_DIRECTORY),
        (b"d", reading | os.O_DIRECTORY),
        (b"d", writing | os.O_DIRECTORY),
        (b"to_g", reading),
        (b"f", os.O_WRONLY | os.O_TRUNC),
    ):
        yield lambda path=path, flags=flags: tree.open(path, flags, follow=path != b"to_g").status()[2:4]  # type: ignore[misc]
    yield lambda: read_all(tree, b"f")
    for method in (tree.create_directory, tree.unlink, tree.remove_directory, tree.read_link):
        for path in (b"d", b"e", b"e/", b".", b"d/..", b"gone", b"gone/", b"f", b"f/", b"to_d"):
            yield lambda method=method, path=path: method(path)  # type: ignore[misc]
    for old, new in ((b"d", b"d/x"), (b"d", b"moved"), (b"moved", b"new"), (b"new", b"moved"), (b"gone", b"y")):
        yield lambda old=old, new=new: tree.rename(old, tree, new)  # type: ignore[misc]
        yield lambda old=old, new=new: tree.link(old, tree, new + b"2")  # type: ignore[misc]
    for text in (b"f\0", b"\0", b"", b"\xff", b"/", b"x" * 4095):
        yield lambda text=text: tree.symlink(text, b"text")  # type: ignore[misc]
        yield lambda: tree.read_link(b"text")
        yield lambda: tree.unlink(b"text")
    yield lambda: sorted((entry.name, entry.kind) for entry in tree.entries())


def test_names_in_memory_are_told_oldest_first_those_of_the_host_sorted(tmp_path: Path) -> None:
    for kind, expected in (("memory", [b"z", b"b", b"c"]), ("host", [b"b", b"c", b"z"])):
        (tmp_path / kind).mkdir()
        tree = HostDirectory.at(tmp_path / kind) if kind == "host" else MemoryDirectory()
        for name in (b"z", b"a", b"b"):
            tree.create_directory(name)
        tree.rename(b"a", tree, b"c")
        tree.remove_directory(b"b")
        tree.rename(b"c", tree, b"b")
        tree.create_directory(b"c")
        assert [entry.name for entry in tree.entries()][2:] == expected


def test_memory_answers_as_the_host(tmp_path: Path) -> None:
    answers = [[answer(step) for step in steps(make(kind, tmp_path / kind))] for kind in ("host", "memory")]
    assert len(answers[0]) > 75
    assert len({str(each) for each in answers[0]}) > 15
    assert answers[0] == answers[1]


@pytest.mark.parametrize("path", OUT)
def test_every_way_out_has_the_error_of_its_own(tree: Directory, path: bytes) -> None:
    ways: list[Callable[[], Any]] = [
        lambda: tree.open(path, os.O_RDONLY, follow=True),
        lambda: tree.open(path, os.O_RDWR | os.O_TRUNC, follow=True),
        lambda: tree.path_status(path, True),
        lambda: tree.path_set_times(path, True, 1, 1),
    ]
    if path != b"above":  # which these would make, remove or read as a name
        ways += [
            lambda: tree.create_directory(path),
            lambda: tree.unlink(path),
            lambda: tree.remove_directory(path),
            lambda: tree.read_link(path),
            lambda: tree.symlink(b"f", path),
            lambda: tree.link(b"f", tree, path),
            lambda: tree.link(path, tree, b"new"),
            lambda: tree.rename(b"f", tree, path),
            lambda: tree.rename(path, tree, b"new"),
        ]
    for way in ways:
        with pytest.raises(OutOfDirectory, match="leads out") as caught:
            way()
        assert caught.value.errno == errno.EPERM


def test_no_link_with_an_absolute_text_is_made(tree: Directory) -> None:
    with pytest.raises(OutOfDirectory):
        tree.symlink(b"/etc", b"new")
    assert answer(lambda: tree.path_status(b"new", False)) == ("FileNotFoundError", "ENOENT")


def test_flags_that_could_lead_around_checks_are_refused(tree: Directory) -> None:
    """Each flag that `os` has, alone and with others: those of no directory are EINVAL, and nothing is made."""
    others = {name: value for name in dir(os) if name.startswith("O_") if (value := getattr(os, name)) & ~OPEN_FLAGS}
    assert {"O_PATH", "O_TMPFILE", "O_NOFOLLOW", "O_CLOEXEC"} <= others.keys()
    before = tree.entries()
    for flag in (*others.values(), os.O_ACCMODE, 1 << 40, -1):
        for more in (os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREAT):
            for path in (b"f", b"d", b"new"):
                found = answer(lambda path=path, flags=flag | more: tree.open(path, flags, follow=True))  # type: ignore[misc]
                assert found == ("OSError", "EINVAL"), (flag, more, path)
    assert tree.entries() == before


def test_read_only_refuses_every_change(kind: str, tmp_path: Path) -> None:
    tree = make(kind, tmp_path / "root", read_only=True)
    before = (tree.entries(), read_all(tree, b"f"), tree.path_status(b"f", True)[4:8])
    changes: list[Callable[[], Any]] = [
        *(
            lambda flags=flags: tree.open(b"f", flags, follow=True)  # type: ignore[misc]
            for flags in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC)
        ),
        lambda: tree.create_directory(b"new"),
        lambda: tree.unlink(b"f"),
        lambda: tree.remove_directory(b"e"),
        lambda: tree.symlink(b"f", b"new"),
        lambda: tree.link(b"f", tree, b"new"),
        lambda: tree.rename(b"f", tree, b"new"),
        lambda: tree.set_times(1, 1),
        lambda: tree.path_set_times(b"f", True, 1, 1),
        lambda: tree.open(b"f", os.O_RDONLY, follow=True).set_times(1, 1),
        lambda: tree.duplicate().unlink(b"f"),
        lambda: tree.open(b"d", os.O_RDONLY, follow=True).unlink(b"g"),  # type: ignore[union-attr]
    ]
    assert {answer(change) for change in changes} == {("PermissionError", "EPERM")}
    after = (tree.entries(), read_all(tree, b"f"), tree.path_status(b"f", True)[4:8])
    assert after[:2] == before[:2] and after[2][2:] == before[2][2:]  # reading may set the time of access
    tree.close()


def test_nothing_moves_between_classes(tmp_path: Path) -> None:
    host, memory = make("host", tmp_path / "root"), make("memory", tmp_path)
    for one, other in ((host, memory), (memory, host), (memory, MemoryDirectory())):
        assert answer(lambda one=one, other=other: one.rename(b"f", other, b"x")) == ("OSError", "EXDEV")  # type: ignore[misc]
        assert answer(lambda one=one, other=other: one.link(b"f", other, b"x")) == ("OSError", "EXDEV")  # type: ignore[misc]


def test_a_path_can_be_entered_only_so_often(tmp_path: Path) -> None:
    (tmp_path / ("a/" * 600)).mkdir(parents=True)
    tree = HostDirectory.at(tmp_path)
    path = (b"a/" * 600 + b"../a/" * 500)[:4095].rpartition(b"/")[0]
    assert answer(lambda: tree.path_status(path, True)) == ("OSError", "ELOOP")
    tree.close()


def test_a_handler_that_uses_the_same_tree_keeps_its_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal comes amid a large read, write or change of size, and its handler cuts the file, or adds to it."""
    size = 20 << 20
    tree = MemoryDirectory({"f": b""}, limit_bytes=3 * size)
    empty = tree._node.volume.used
    large = memoryview(bytearray(size // 2))
    calls: list[Callable[[Any], Any]] = [
        lambda file: file.set_size(size),
        lambda file: file.write_at([large, large, b"end"], 0),
        lambda file: file.read_at([large, large], 0),
    ]
    for before, change, at, call in itertools.product((0, 5, size), (0, 5, 2 * size), (1, 2, 3), calls):
        file: Any = tree.open(b"f", os.O_RDWR, follow=True)
        file.set_size(before)
        looks = 0

        def look(at: int = at, change: int = change) -> None:
            nonlocal looks
            looks += 1
            if looks == at:
                tree.open(b"f", os.O_RDWR, follow=True).set_size(change)  # type: ignore[union-attr]

        monkeypatch.setattr(memory_files, "look", look)
        answer(functools.partial(call, file))
        monkeypatch.undo()
        assert tree._node.volume.used == empty + file.status().size, (before, change, at)


def test_what_its_owner_does_with_a_directory_in_memory() -> None:
    tree = MemoryDirectory({"a/b.txt": b"one", "c": b"", "empty/": None}, limit_bytes=4000, limit_names=6)
    tree.write_bytes("a/new/x", b"two")
    assert tree.files() == {"a/b.txt": b"one", "a/new/x": b"two", "c": b""}
    assert answer(lambda: tree.write_bytes("d", b"")) == ("OSError", "ENOSPC")
    with pytest.raises(FileNotFoundError, match="missing"):
        tree.read_bytes("missing")
    assert answer(lambda: tree.write_bytes("c", bytes(4000))) == ("OSError", "ENOSPC")
    assert tree.read_bytes("c") == b""


@pytest.mark.parametrize("content", [{}, {"f": b"1"}, "text", 5, [1, 2]])
def test_contents_are_bytes(content: object) -> None:
    """`bytes(5)` are five zeros, `bytes({})` is empty: neither is what was meant."""
    with pytest.raises(TypeError, match="the content of 'sub' is bytes, not of type"):
        MemoryDirectory({"sub": content})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="the content of 'sub/' is bytes, not of type"):
        MemoryDirectory({"sub/": content})  # type: ignore[dict-item]
    tree = MemoryDirectory({"sub": b"before"})
    with pytest.raises(TypeError, match="the content of 'sub' is bytes"):
        tree.write_bytes("sub", content)  # type: ignore[arg-type]
    assert tree.files() == {"sub": b"before"}
