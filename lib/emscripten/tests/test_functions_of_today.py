"""Functions that programs of emcc 4 to 6 import and those of before did not."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from worlds import put_text, world

from wasmer_emscripten import CAPTURE, Aborted, NotSupported, Program, load
from wasmer_emscripten.functions import ROWS
from wasmer_emscripten.library.refused import remedy_for
from wasmer_runtime_core.compiling.pipeline import read_module


def row(name: str, program: Program, *args: Any) -> Any:
    """Call what a program of this name would import."""
    return ROWS[name][0].function(program.process, *args)


def test_a_look_without_waiting() -> None:
    program = world(stdin=b"")
    program.process.guest.write(4096, struct.pack("<ihh", 99, 1, 0) + struct.pack("<ihh", 1, 4, 0))
    assert row("__syscall_poll_nonblocking", program, 4096, 2) == 2
    events = [struct.unpack_from("<h", program.memory.read(4096 + 8 * at, 8), 6)[0] for at in range(2)]
    assert events == [32, 4]  # POLLNVAL, POLLOUT
    for name, args in (("create1", [0]), ("ctl", [3, 1, 1, 4096]), ("pwait", [3, 4096, 1, 0, 0, 8])):
        assert row(f"__syscall_epoll_{name}", program, *args) == -52  # ENOSYS


def test_an_empty_file_is_made_and_nothing_else() -> None:
    program = world()
    put_text(program, 4096, "/tmp/new")
    assert row("__syscall_mknodat", program, -100, 4096, 0o100640, 0) == 0
    assert program.fs.read_bytes("/tmp/new") == b"" and program.fs.stat("/tmp/new").kind == "file"
    assert row("__syscall_mknod", program, 4096, 0o100640, 0) == -20  # EEXIST
    put_text(program, 4096, "/tmp/other")
    for mode, number in ((0o010640, 63), (0o020640, 63), (0o060640, 63), (0o140640, 63), (0o040750, 28)):
        assert row("__syscall_mknod", program, 4096, mode, 0) == -number  # EPERM, EINVAL
    assert not program.fs.exists("/tmp/other")


TABLE, NAMES, CONTENT = 4096, 8192, 12288


def put_table(program: Program, *files: tuple[str, bytes]) -> None:
    entries, at, content = b"", NAMES, CONTENT
    for name, data in files:
        put_text(program, at, name)
        program.process.guest.write(content, data)
        entries += struct.pack("<III", at, len(data), content)
        at, content = at + len(name) + 1, content + len(data)
    program.process.guest.write(TABLE, entries + bytes(4))


def test_embedded_files_are_among_the_program_s() -> None:
    program = world()
    put_table(program, ("/a/b/one", b"first"), ("/a/two", b""), ("three", b"third"))
    row("_emscripten_fs_load_embedded_files", program, TABLE)
    assert program.fs.read_bytes("/a/b/one") == b"first" and program.fs.read_bytes("/a/two") == b""
    assert program.fs.read_bytes("/three") == b"third"


def test_embedded_files_of_a_table_that_is_exported_are_there_before_constructors_run(tmp_path: Any) -> None:
    source = f"""(module
      (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
      (import "env" "__syscall_unlink" (func $unlink (param i32) (result i32)))
      (memory (export "memory") 1)
      (global (export "__emscripten_embedded_file_data") i32 (i32.const {TABLE}))
      (global $gone (export "gone") (mut i32) (i32.const -1))
      (func (export "__wasm_call_ctors") (global.set $gone (call $unlink (i32.const {NAMES}))))
      (data (i32.const {TABLE}) "\\00\\20\\00\\00\\04\\00\\00\\00\\00\\30\\00\\00")
      (data (i32.const {TABLE + 12}) "\\08\\20\\00\\00\\02\\00\\00\\00\\00\\30")
      (data (i32.const {NAMES}) "/x/file\\00/y\\00") (data (i32.const {CONTENT}) "data"))"""
    program = load(read_module(source))
    assert program.exports["gone"].value == 0 and not program.fs.exists("/x/file")
    assert program.fs.read_bytes("/y") == b"da"


@pytest.mark.parametrize("entry", [(0xFFFF_FFF0, 4, CONTENT), (NAMES, 0xFFFF_FFFF, CONTENT), (NAMES, 4, 0xFFFF_FFF0)])
def test_a_table_of_files_that_is_none(entry: tuple[int, int, int]) -> None:
    program = world()
    put_text(program, NAMES, "/x")
    program.process.guest.write(TABLE, struct.pack("<III", *entry))
    with pytest.raises(Exception, match="_emscripten_fs_load_embedded_files"):
        row("_emscripten_fs_load_embedded_files", program, TABLE)


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("sin", (1.0,), math.sin(1.0)), ("cbrt", (-27.0,), -3.0), ("expm1", (1000.0,), math.inf),
        ("log1p", (-1.0,), -math.inf), ("log1p", (-2.0,), math.nan), ("sinh", (-1000.0,), -math.inf),
        ("sinh", (-0.0,), -0.0), ("cosh", (-1000.0,), math.inf), ("atanh", (-1.0,), -math.inf),
        ("atanh", (2.0,), math.nan), ("acosh", (0.5,), math.nan), ("round", (-2.5,), -2.0), ("round", (2.5,), 3.0),
        ("round", (-0.2,), -0.0), ("round", (math.inf,), math.inf), ("sign", (-0.0,), -0.0), ("sign", (-7.0,), -1.0),
        ("sign", (math.nan,), math.nan), ("pow", (1.0, math.inf), math.nan), ("fmod", (5.0, 0.0), math.nan),
        ("atan2", (-0.0, -1.0), -math.pi), ("log2", (0.0,), -math.inf),
    ],
)  # fmt: skip
def test_mathematics_are_javascript_s(name: str, args: tuple[float, ...], expected: float) -> None:
    found = row(f"emscripten_math_{name}", world(), *args)
    assert struct.pack("<d", found) == struct.pack("<d", expected) or (math.isnan(found) and math.isnan(expected))


def test_the_root_of_a_sum_of_squares() -> None:
    program = world()
    program.process.guest.write(4096, struct.pack("<3d", 2, 3, 6))
    assert row("emscripten_math_hypot", program, 3, 4096) == 7
    assert row("emscripten_math_hypot", program, 0, 4096) == 0


def test_texts_of_so_many_bytes() -> None:
    program = world(stdout=CAPTURE, stderr=CAPTURE)
    put_text(program, 4096, "hello")
    row("emscripten_outn", program, 4096, 4)
    row("emscripten_errn", program, 4096, 100)
    assert (program.stdout_bytes(), program.stderr_bytes()) == (b"hell\n", b"hello\n")


def test_a_name_a_signal_and_what_is_thrown() -> None:
    program = world(name="a-long-name")
    row("_emscripten_get_progname", program, 4096, 7)
    assert program.memory.read(4096, 7) == b"a-long\0"
    row("__call_sighandler", program, 2, 10)  # a function of one number, which does nothing
    put_text(program, 4096, "it")
    with pytest.raises(Aborted, match="'it'"):
        row("emscripten_throw_string", program, 4096)
    with pytest.raises(Aborted, match=r"2\.5"):
        row("emscripten_throw_number", program, 2.5)


def test_what_is_thrown_knows_its_type_while_it_is_handled() -> None:
    program = world()
    assert row("__cxa_current_exception_type", program) == 0
    thrown = row("__cxa_allocate_exception", program, 4)
    with pytest.raises(Exception, match="C\\+\\+"):
        row("__cxa_throw", program, thrown, 5000, 0)
    row("__cxa_begin_catch", program, thrown)
    assert row("__cxa_current_exception_type", program) == 5000
    row("__cxa_end_catch", program)
    assert row("__cxa_current_exception_type", program) == 0


@pytest.mark.parametrize(
    "name",
    ["emscripten_promise_create", "_wasmfs_opfs_open_access", "_dlsym_catchup_js", "emscripten_trace_close",
     "_emscripten_create_wasm_worker", "emscripten_clear_timeout", "emscripten_pause_main_loop",
     "_Unwind_Backtrace", "emscripten_dlopen_promise", "dlopen"],
)  # fmt: skip
def test_what_is_not_here_says_what_to_do(name: str) -> None:
    assert name not in ROWS and remedy_for(name) is not None
    program = world(f'(import "env" "{name}" (func $f))', '(func (export "f") (call $f))')
    with pytest.raises(NotSupported, match=name):
        program.f()
