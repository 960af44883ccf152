"""Pointers that lead out of memory: EFAULT, and nothing has happened."""

from __future__ import annotations

from pathlib import Path

import pytest
from guests import BUFFER, PAGES, RESULT, DirectGuest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_wasi import WasiState, generate_import_object_from_state

END = PAGES * 65536
BAD = [END, END - 1, -1, -8, -(1 << 31), (1 << 31) - 1]

# For each function arguments that are right, and which of them are pointers to results or buffers.
IOVS = 800
PATH = 1000
CALLS: dict[str, tuple[list[int], dict[int, int]]] = {
    # name: (arguments, {position of a pointer: bytes it points to})
    "args_get": ([600, 640], {0: 8, 1: 7}),
    "args_sizes_get": ([600, 604], {0: 4, 1: 4}),
    "environ_get": ([600, 640], {0: 4, 1: 4}),
    "environ_sizes_get": ([600, 604], {0: 4, 1: 4}),
    "clock_res_get": ([0, 600], {1: 8}),
    "clock_time_get": ([0, 0, 600], {2: 8}),
    "fd_fdstat_get": ([4, 600], {1: 24}),
    "fd_filestat_get": ([4, 600], {1: 56}),
    "fd_pread": ([4, IOVS, 1, 0, RESULT], {1: 8, 4: 4}),
    "fd_prestat_get": ([3, 600], {1: 8}),
    "fd_prestat_dir_name": ([3, 600, 2], {1: 2}),
    "fd_pwrite": ([4, IOVS, 1, 0, RESULT], {1: 8, 4: 4}),
    "fd_read": ([4, IOVS, 1, RESULT], {1: 8, 3: 4}),
    "fd_readdir": ([3, BUFFER, 100, 0, RESULT], {1: 100, 4: 4}),
    "fd_seek": ([4, 3, 0, RESULT], {3: 8}),
    "fd_tell": ([4, RESULT], {1: 8}),
    "fd_write": ([4, IOVS, 1, RESULT], {1: 8, 3: 4}),
    "path_create_directory": ([3, PATH, 3], {1: 3}),
    "path_filestat_get": ([3, 0, PATH, 3, 600], {2: 3, 4: 56}),
    "path_filestat_set_times": ([3, 0, PATH, 3, 5, 5, 5], {2: 3}),
    "path_link": ([3, 0, PATH, 3, 3, PATH + 100, 3], {2: 3, 5: 3}),
    "path_open": ([3, 0, PATH, 3, 9, 66, 0, 0, RESULT], {2: 3, 8: 4}),
    "path_readlink": ([3, PATH, 3, BUFFER, 100, RESULT], {1: 3, 3: 100, 5: 4}),
    "path_remove_directory": ([3, PATH, 3], {1: 3}),
    "path_rename": ([3, PATH, 3, 3, PATH + 100, 3], {1: 3, 4: 3}),
    "path_symlink": ([PATH, 3, 3, PATH + 100, 3], {0: 3, 3: 3}),
    "path_unlink_file": ([3, PATH, 3], {1: 3}),
    "poll_oneoff": ([2000, 4000, 1, RESULT], {0: 48, 1: 32, 3: 4}),
    "random_get": ([600, 100], {0: 100}),
    "sock_recv": ([4, IOVS, 1, 0, RESULT, RESULT + 4], {1: 8, 4: 4, 5: 2}),
    "sock_send": ([4, IOVS, 1, 0, RESULT], {1: 8, 4: 4}),
}


def photograph(root: Path) -> list[tuple[str, int, bytes]]:
    return sorted(
        (str(path), path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() and not path.is_symlink() else b"")
        for path in root.rglob("*")
    )


def prepared(tree: Path, version: int) -> DirectGuest:
    guest = DirectGuest(tree, version)
    assert guest.must_open("f") == 4
    guest.path("abc", PATH)
    guest.path("new", PATH + 100)
    guest.iovecs((BUFFER, 10))
    (tree / "abc").write_text("left alone")
    return guest


@pytest.mark.parametrize("name", CALLS)
def test_a_bad_pointer_changes_nothing(name: str, tree: Path, version: int) -> None:
    arguments, pointers = CALLS[name]
    guest = prepared(tree, version)
    size_of = {"fd_filestat_get": (56, 64), "path_filestat_get": (56, 64), "poll_oneoff": (56, 48)}
    for position, size in pointers.items():
        if size in (56, 48) and name in size_of and not (name == "poll_oneoff" and position):
            size = size_of[name][version]
        for bad in [*BAD, END - size + 1]:
            if 0 <= bad <= END - size:
                continue
            given = list(arguments)
            given[position] = bad
            tree_before, memory_before = photograph(tree), bytes(guest.context.bytes)
            open_before = sorted(guest.state.descriptors.open)
            assert guest.call(name, *given) == "FAULT", f"argument {position} = {bad}"
            assert photograph(tree) == tree_before
            assert bytes(guest.context.bytes) == memory_before
            assert sorted(guest.state.descriptors.open) == open_before
            assert guest.get("fd_tell", 4, size=8) == ("SUCCESS", 0)


@pytest.mark.parametrize("name", CALLS)
def test_the_last_bytes_of_memory_can_be_used(name: str, tree: Path, version: int) -> None:
    arguments, pointers = CALLS[name]
    guest = prepared(tree, version)
    sizes = {"fd_filestat_get": (56, 64), "path_filestat_get": (56, 64), "poll_oneoff": (56, 48)}
    for position, size in pointers.items():
        if (name in sizes and size == 56) or (name == "poll_oneoff" and position == 0):
            size = sizes[name][version]
        given = list(arguments)
        guest.write(END - size, guest.read(given[position], size))
        given[position] = END - size
        assert guest.call(name, *given) != "FAULT"


@pytest.mark.parametrize("name", ["fd_read", "fd_write", "fd_pread", "fd_pwrite"])
@pytest.mark.parametrize("ranges", [[(END - 5, 6)], [(0, 4), (END, 1)], [(-1 & 0xFFFFFFFF, 2)], [(5, 0xFFFFFFFF)]])
def test_a_bad_iovec_changes_nothing(name: str, ranges: list[tuple[int, int]], tree: Path, version: int) -> None:
    guest = prepared(tree, version)
    before = photograph(tree)
    middle = [0] if name in ("fd_pread", "fd_pwrite") else []
    assert guest.call(name, 4, *guest.iovecs(*ranges), *middle, RESULT) == "FAULT"
    assert photograph(tree) == before
    assert guest.get("fd_tell", 4, size=8) == ("SUCCESS", 0)


@pytest.mark.parametrize("count", [END // 8, 1 << 28, -1, 1 << 30])
def test_more_iovecs_than_memory(count: int, tree: Path, version: int) -> None:
    guest = prepared(tree, version)
    assert guest.call("fd_write", 4, IOVS, count, RESULT) == "FAULT"
    assert guest.call("fd_read", 4, IOVS, count, RESULT) == "FAULT"


def test_thousands_of_iovecs_are_a_short_write(tree: Path, version: int) -> None:
    guest = prepared(tree, version)
    guest.write(BUFFER, b"x")
    assert guest.write_file(4, b"")[0] == "SUCCESS"
    at = 20_000
    guest.write(at, b"".join((BUFFER).to_bytes(4, "little") + (1).to_bytes(4, "little") for _ in range(3000)))
    assert guest.get("fd_write", 4, at, 3000) == ("SUCCESS", 1024)


def test_memory_that_has_grown(tree: Path, version: int) -> None:
    guest = prepared(tree, version)
    assert guest.call("clock_time_get", 0, 0, END) == "FAULT"
    guest.context.bytes.extend(bytes(65536))
    assert guest.call("clock_time_get", 0, 0, END) == "SUCCESS"
    assert guest.read(END, 8) != bytes(8)


def test_a_module_without_memory(tree: Path, version: int) -> None:
    guest = prepared(tree, version)
    guest.state.memory_bytes = 0

    def missing(index: int) -> bytearray:
        raise IndexError("no memory")

    guest.context.memory = missing  # type: ignore[method-assign]
    assert guest.call("clock_time_get", 0, 0, 0) == "FAULT"
    assert guest.call("fd_close", 4) == "SUCCESS"


HELLO = '(data (memory {memory}) ({index}.const 8) "\\10\\00\\00\\00\\05\\00\\00\\00{text}")'
WRITES = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  {memories}
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 100)))))"""
FIRST, SECOND = (HELLO.format(memory=number, index="i32", text=text) for number, text in enumerate(("first", "other")))
WIDE = HELLO.format(memory=1, index="i64", text="other")


@pytest.mark.parametrize(
    ("memories", "expected"),
    [
        (f"(memory 1) {FIRST}", b"first"),
        (f'(memory 1) (memory (export "memory") 1) {FIRST} {SECOND}', b"other"),
        (f'(memory 1) (memory (export "memory") i64 1) {FIRST} {WIDE}', b"other"),
        (f'(memory 1) (memory (export "other") 1) {FIRST} {SECOND}', b"first"),
        (f'(memory 1) (memory 1) (global (export "memory") i32 (i32.const 1)) {FIRST} {SECOND}', b"first"),
        ("", b""),
    ],
)
def test_pointers_lead_into_the_memory_that_is_exported_as_such(memories: str, expected: bytes) -> None:
    written: list[bytes] = []
    compiler = find_compiler("singlepass")
    imports = generate_import_object_from_state(WasiState.new("p").stdout(written.append).build())
    compile_with(WRITES.format(memories=memories), compiler).instantiate(imports).exports["_start"]()
    assert b"".join(written) == expected
