"""Which function an import gets: by the type that it wants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from worlds import world

from wasmer_emscripten import NotSupported, is_emscripten_module, load
from wasmer_emscripten.functions import ROWS, find
from wasmer_emscripten.library.refused import remedy_for
from wasmer_emscripten.numbers import ERROR_NAMES, PADDED, PLAIN, SHORT_TIMES
from wasmer_emscripten.process import Process
from wasmer_emscripten.recognising import layouts_of
from wasmer_emscripten.signatures import letters_of, type_of
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.wasm.module import ModuleInfo

LETTERS = {"i": "i32", "I": "i64", "f": "f32", "d": "f64"}


def importing(*imports: tuple[str, str]) -> ModuleInfo:
    """What a module declares that imports functions of these types."""
    lines = []
    for name, type in imports:
        params, _, result = type.partition("->")
        shown = "".join(f" (param {LETTERS[each]})" for each in params) + "".join(
            f" (result {LETTERS[each]})" for each in result
        )
        namespace = "wasi_snapshot_preview1" if name.startswith(("fd_", "clock_time")) else "env"
        lines.append(f'(import "{namespace}" "{name}" (func{shown}))')
    return run(Compilation(f"(module {' '.join(lines)})"), "decode").info


@pytest.fixture
def process() -> Iterator[Process]:
    program = world()
    yield program.process
    program.close()


def test_every_row_is_found_by_its_own_type(process: Process) -> None:
    for name, rows in ROWS.items():
        for row in rows:
            needed, _, optional = row.params.partition("?")
            for count in range(len(optional) + 1):
                assert find(process, name, type_of(f"{needed}{optional[:count]}->{row.result}")) is not None, row


def test_rows_of_a_name_have_different_types() -> None:
    for name, rows in ROWS.items():
        types = [(row.params, row.result) for row in rows]
        assert len(set(types)) == len(types), name


def test_every_row_says_what_it_does() -> None:
    assert [row for rows in ROWS.values() for row in rows if not row.about] == []


@pytest.mark.parametrize(
    ("name", "wanted", "arguments", "answer"),
    [
        ("fd_seek", "iIii->i", (99, 0, 0, 1024), 8),
        ("fd_seek", "iiiii->i", (99, 0, 0, 0, 1024), 8),
        ("__syscall_ftruncate64", "iI->i", (99, 5), -8),
        ("__syscall_ftruncate64", "iii->i", (99, 5, 0), -8),
        ("__syscall_ftruncate64", "iiii->i", (99, 0, 5, 0), -8),
        ("__sys_ftruncate64", "iiii->i", (99, 0, 5, 0), -8),
        ("emscripten_memcpy_big", "iii->i", (1024, 2048, 8), 1024),
        ("emscripten_memcpy_big", "iii->", (1024, 2048, 8), None),
        ("time", "i->i", (0,), None),
        ("_localtime_js", "iii->", (0, 0, 1024), None),
        ("_localtime_js", "Ii->i", (0, 1024), 0),
        ("_localtime_js", "ii->", (1024, 2048), None),
        ("_tzset_js", "iii->", (1024, 1028, 1032), None),
        ("_tzset_js", "iiii->", (1024, 1028, 1032, 1064), None),
    ],
)
def test_by_the_type_that_is_wanted(process: Process, name: str, wanted: str, arguments: Any, answer: Any) -> None:
    found = find(process, name, type_of(wanted))
    assert found is not None
    assert found(*arguments) == answer or (answer is None and wanted.endswith("i"))


def test_halves_are_joined_and_split(process: Process) -> None:
    from wasmer_emscripten.functions import Row, _fitted

    seen: list[Any] = []

    def function(process: Process, *args: Any) -> int:
        seen.append(args)
        return -(1 << 40) + 5

    row = Row("made_up", "iIi", "I", function, "")
    for low, high in [(0, 0), (-1, -1), (-1, 0), (0, -(1 << 31)), (5, 1)]:
        fitted = _fitted(process, row, "iiii", "i")
        assert fitted is not None
        assert fitted(1, low, high, 2) == 5
        assert process.temp_ret0 == -(1 << 40) + 5 >> 32 & 0xFFFF_FFFF
        assert seen.pop() == (1, (low & 0xFFFF_FFFF) | high << 32, 2)
    assert _fitted(process, row, "ii", "i") is None and _fitted(process, row, "iIi", "d") is None


def test_what_fits_nothing_says_so_when_it_is_called() -> None:
    program = world('(import "env" "fd_read" (func $f (param f64)))', '(func (export "go") (call $f (f64.const 1)))')
    with pytest.raises(NotSupported, match="none of its types"):
        program.go()


def test_what_is_not_known_says_so_when_it_is_called() -> None:
    for name, text in [
        ("mine", "give a Python function for it"),
        ("emscripten_set_main_loop", "there is no event loop"),
        ("glClear", "graphics"),
        ("__syscall_socketpair", "use a pipe"),
        ("pthread_create", "there are no threads"),
        ("fork", "cannot start others"),
    ]:
        program = world(f'(import "env" "{name}" (func $f))', '(func (export "go") (call $f))')
        with pytest.raises(NotSupported, match=text) as caught:
            program.go()
        assert name in str(caught.value)


def test_there_is_no_shell(process: Process) -> None:
    system = find(process, "system", type_of("i->i"))
    assert system is not None and system(0) == 0
    process.guest.write(1024, b"rm -rf /\x1b[2J\0")
    with pytest.raises(NotSupported, match=r"cannot start others \(rm -rf /\\x1b\[2J\)"):
        system(1024)


def test_a_function_of_the_users_stands_before_ours() -> None:
    program = world(
        '(import "env" "getpagesize" (func $f (result i32)))',
        '(func (export "go") (result i32) (call $f))',
        functions={"getpagesize": lambda: 7},
    )
    assert program.go() == 7


def test_what_is_known_has_no_remedy_besides() -> None:
    """What is here is not in the list of what is not, but for locks of programs that have one thread."""
    locks = ("pthread_mutex", "pthread_cond_", "pthread_rwlock_")
    listed = {name for name in ROWS if remedy_for(name) is not None and not name.startswith(locks)}
    assert listed <= {"emscripten_thread_sleep", "_emscripten_thread_sleep", "usleep"}


def test_a_names_control_characters_do_not_reach_the_terminal() -> None:
    program = world('(import "env" "a\\1b[2Jb" (func $f))', '(func (export "go") (call $f))')
    with pytest.raises(NotSupported) as caught:
        program.go()
    assert "\x1b" not in str(caught.value)


# --- what a module says of itself


@pytest.mark.parametrize(
    "name", ["emscripten_memcpy_big", "_emscripten_memcpy_big", "__map_file", "_abort_js", "invoke_vi"]
)
def test_marks_of_emcc(name: str) -> None:
    assert is_emscripten_module(importing(("other", "->"), (name, "iii->i")))


def test_what_is_not_emccs() -> None:
    assert not is_emscripten_module(importing(("other", "->")))
    assert not is_emscripten_module(run(Compilation('(module (import "x" "__map_file" (func)))'), "decode").info)
    assert not is_emscripten_module(
        run(Compilation('(module (import "env" "__map_file" (global i32)))'), "decode").info
    )


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ([("_localtime_js", "ii->"), ("emscripten_memcpy_big", "iii->i")], SHORT_TIMES),
        ([("__sys_stat64", "ii->i")], SHORT_TIMES),
        ([("_mmap_js", "iiiiiii->i")], SHORT_TIMES),
        ([("_localtime_js", "ii->"), ("emscripten_memcpy_big", "iii->")], PADDED),
        ([("_mmap_js", "iiiiii->i")], PADDED),
        ([("_localtime_js", "iii->")], PLAIN),
        ([("_localtime_js", "Ii->i"), ("emscripten_memcpy_big", "iii->i")], PLAIN),
        ([("_mmap_js", "iiiiiiii->i")], PLAIN),
        ([("clock_time_get", "iIi->i"), ("emscripten_memcpy_big", "iii->i")], SHORT_TIMES),
        ([("fd_seek", "iIii->i")], PLAIN),
        ([("fd_seek", "iIii->i"), ("_localtime_js", "ii->"), ("emscripten_memcpy_big", "iii->i")], SHORT_TIMES),
        ([("__syscall_open", "iii->i")], SHORT_TIMES),
        ([("__syscall_stat64", "ii->i")], PLAIN),
    ],
)
def test_layouts_by_types(imports: list[tuple[str, str]], expected: Any) -> None:
    assert layouts_of(importing(*imports)) is expected


@pytest.mark.parametrize(
    ("script", "short"),
    [
        ("G[c + 64 >> 2] = e.mtime.getTime() / 1000 | 0;", True),
        ("HEAP32[buf+64>>2]=stat.mtime.getTime()/1e3|0", True),
        ("HEAP32[(((buf)+(64))>>2)] = (stat.mtime.getTime() / 1000)|0;", True),
        ("HEAP32[buf+72>>2]=Math.floor(stat.mtime.getTime()/1e3)", False),
        ("HEAP32[buf+64>>2]=stat.atime", False),
        ("", False),
    ],
)
def test_layouts_that_the_types_leave_open(script: str, short: bool) -> None:
    """A record that is longer than the program thinks would overwrite what lies behind it."""
    for imports in ([("_localtime_js", "ii->"), ("emscripten_memcpy_big", "iii->")], [("_mmap_js", "iiiiii->i")]):
        assert layouts_of(importing(*imports), glue=script) is (SHORT_TIMES if short else PADDED)
    assert layouts_of(importing(("_localtime_js", "Ii->i")), glue=script) is PLAIN


def test_layouts_of_stat() -> None:
    """Offsets of size, times and number, as emcc's own library writes them."""
    for layouts, count, offsets, size in [
        (SHORT_TIMES, 17, {"size": 40, "mtime": 64, "ino": 80}, 88),
        (PADDED, 17, {"size": 40, "mtime": 72, "ino": 104}, 112),
        (PLAIN, 16, {"size": 24, "mtime": 56, "ino": 88}, 96),
    ]:
        assert layouts.stat.size == size
        for name, place in (("size", count - 10), ("mtime", count - 5), ("ino", count - 1)):
            values = [0] * count
            values[place] = 1
            assert layouts.stat.pack(*values).index(1) == offsets[name], (name, layouts)


def test_modules_that_cannot_be_run_are_refused() -> None:
    with pytest.raises(CompileError, match="no room for its data and its stack"):
        load('(module (import "env" "STACKTOP" (global i32)) (import "env" "abort" (func)))')
    with pytest.raises(CompileError, match="emcc has minified the names"):
        load('(module (import "a" "a" (func)) (import "a" "b" (func)))')


def test_letters() -> None:
    assert letters_of(type_of("iIfd->d").params) == "iIfd" and letters_of(type_of("iIfd->d").results) == "d"


def test_error_numbers_are_wasis() -> None:
    """musl's numbers for WebAssembly are those of WASI, written down there a second time."""
    numbers = pytest.importorskip("wasmer_wasi.errno", reason="wasmer-wasi is not installed: nothing to compare with")
    assert {f"{row.name}": row.number for row in numbers.ROWS if row.name not in ("SUCCESS", "NOTCAPABLE")} == {
        name: at for at, name in enumerate(ERROR_NAMES, 1)
    }
    assert all(re.fullmatch("[A-Z0-9]+", name) for name in ERROR_NAMES)


HALVES = '(import "env" "getTempRet0" (func $high (result i32))) (import "env" "mine" (func $mine (result i32)))'
WHOLE = """
  (func (export "whole") (result i64)
    (i64.or (i64.extend_i32_u (call $mine)) (i64.shl (i64.extend_i32_u (call $high)) (i64.const 32))))
"""


@pytest.mark.parametrize("value", [0, 5, -1, 1 << 40, -(1 << 40) + 5, (1 << 63) - 1, -(1 << 63), (1 << 32) - 1])
def test_a_users_function_returns_both_halves(value: int) -> None:
    assert world(HALVES, WHOLE, functions={"mine": lambda: value}).whole() == value


def test_a_users_function_that_returns_no_integer_leaves_the_other_half_alone() -> None:
    program = world(HALVES, WHOLE, functions={"mine": lambda: True})
    assert program.whole() == 1
    with pytest.raises(TypeError):
        world(HALVES, WHOLE, functions={"mine": lambda: "text"}).whole()


SIZES = """
  (module
    (import "env" "emscripten_get_heap_size" (func $size (result {type})))
    (import "env" "emscripten_get_heap_max" (func $max (result {type})))
    (import "env" "emscripten_resize_heap" (func $resize (param {type}) (result i32)))
    (memory (export "memory") {type} {pages} {most})
    (func (export "size") (result {type}) (call $size))
    (func (export "max") (result {type}) (call $max))
    (func (export "resize") (param {type}) (result i32) (call $resize (local.get 0))))
"""
GIB: int = 1 << 30


@pytest.mark.parametrize(
    ("type", "pages", "size", "most"),
    [
        ("i32", 2, 2 * 65536, 4 * GIB - 65536),
        ("i32", 65536, 4 * GIB - 65536, 4 * GIB - 65536),
        ("i64", 65537, 4 * GIB + 65536, 8 * GIB),
    ],
)
def test_sizes_of_large_heaps(type: str, pages: int, size: int, most: int) -> None:
    text = SIZES.format(type=type, pages=pages, most=131072 if type == "i64" else 65536)
    with load(text, backend="singlepass") as program:
        mask = 0xFFFF_FFFF if type == "i32" else -1
        assert program.size() & mask == size and program.max() & mask == most
        assert program.resize(size - (mask + 1 if size > 1 << 31 and type == "i32" else 0)) == 1
        if type == "i64":
            assert program.resize(5 * GIB) == 1 and program.size() >= 5 * GIB
