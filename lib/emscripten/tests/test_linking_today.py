"""Main modules of emcc 5 and later, which are placed when they are built and export what side modules need of them; and
how what they pass to `dlopen` lies. What C programs print with them is in `test_programs`.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from programs import FIXTURES
from test_linking import BASES, HOSTS, section, side
from worlds import todays

from wasmer_emscripten import CAPTURE, OutOfMemory, Program, SideModuleError, WrongArgument, load
from wasmer_emscripten.linking.record import FORMER, TODAY, Record, record_of
from wasmer_runtime_core.compiling.pipeline import read_module
from wasmer_runtime_core.errors import CreationError, GrowError
from wasmer_runtime_core.wasm.binary.decode import decode_module

POINTER = 1000
"""Where the program below keeps the beginning of the rest of its heap."""
HEAP = 70_000
RECORD = 2048
"""Where it has a record for `dlopen`."""
STACK = '(global (export "__stack_pointer") (mut i32) (i32.const 65536))'
TELL = f'(func (export "emscripten_get_sbrk_ptr") (result i32) (i32.const {POINTER}))'


def bytes_of(number: int) -> str:
    """In the text of a module, as four bytes."""
    return "".join(f"\\{byte:02x}" for byte in (number & 0xFFFF_FFFF).to_bytes(4, "little"))


def main_module(needed: tuple[str, ...] = (), heap: int = HEAP, stack: str = STACK, tell: str = TELL) -> bytes:
    """A program that has been placed, and asks for ``liba.so``."""
    return side(
        f"""
      (import "env" "_dlopen_js" (func $dlopen (param i32) (result i32)))
      (import "env" "_dlsym_js" (func $dlsym (param i32 i32 i32) (result i32)))
      (import "env" "_emscripten_dlopen_js" (func $later (param i32 i32 i32 i32)))
      (import "env" "_dlinit" (func $dlinit (param i32)))
      (memory (export "memory") 2 4)
      (table (export "__indirect_function_table") 3 funcref)
      {stack} {tell}
      (global (export "__heap_base") i32 (i32.const {heap})) (global (export "datum") i32 (i32.const 3000))
      (global $said (export "said") (mut i32) (i32.const 0))
      (global $error (export "error") (mut i32) (i32.const 0))
      (func $done (param i32 i32)
        (global.set $said (i32.add (i32.mul (local.get 0) (i32.const 10)) (local.get 1))))
      (func $failed (param i32 i32) (global.set $said (i32.const 7)))
      (elem (i32.const 1) $done $failed)
      (func (export "malloc") (param i32) (result i32) (i32.const 100000))
      (func (export "free") (param i32))
      (global $top (mut i32) (i32.const 65536))
      (func (export "stackSave") (result i32) (global.get $top))
      (func (export "stackRestore") (param i32) (global.set $top (local.get 0)))
      (func (export "stackAlloc") (param i32) (result i32)
        (global.set $top (i32.and (i32.sub (global.get $top) (local.get 0)) (i32.const -16))) (global.get $top))
      (func (export "__dl_seterr") (param i32 i32) (global.set $error (i32.load (local.get 1))))
      (func (export "open") (result i32) (call $dlopen (i32.const {RECORD})))
      (func (export "symbol") (param i32) (result i32)
        (call $dlsym (local.get 0) (i32.const {RECORD + 100}) (i32.const {RECORD + 200})))
      (func (export "open_later") (call $later (i32.const {RECORD}) (i32.const 1) (i32.const 2) (i32.const 5)))
      (func (export "begin") (call $dlinit (i32.const 4096)))
      (data (i32.const {POINTER}) "{bytes_of(heap)}") (data (i32.const {RECORD + TODAY.name}) "liba.so\\00")
      (data (i32.const {RECORD + 100}) "answer\\00")""",
        section(0, 4, 2, needed),
    )


ANSWER = '(func (export "answer") (result i32) (i32.const 42))'
DATA = f"""{HOSTS} {BASES} (import "GOT.mem" "datum" (global $datum (mut i32)))
    (import "env" "__stack_pointer" (global $stack (mut i32)))
    (func (export "at") (result i32) (global.get $m)) (func (export "datum_at") (result i32) (global.get $datum))
    (func (export "stack") (result i32) (global.get $stack)) (data (global.get $m) "12345678")"""


def started(module: bytes, backend: str = "singlepass", **libraries: bytes) -> Program:
    given = {f"lib{name}.so": library for name, library in libraries.items()}
    return load(module, backend=backend, stdout=CAPTURE, libraries=given)


def library(running: Program, name: str) -> Any:
    linker = running.process.linker
    assert linker is not None
    return linker.libraries[name]


def word(running: Program, at: int) -> int:
    return int.from_bytes(running.memory.read(at, 4), "little")


def error(running: Program) -> str:
    """What the program would read by `dlerror`."""
    return running.string(running.exports["error"].value)


def test_needed_data_lie_before_the_heap_and_the_program_is_told(backend: str) -> None:
    running = started(main_module(("liba.so",)), backend, a=side(DATA, section(8, 3)))
    found = library(running, "liba.so")
    where = found.function("at")()
    assert where == -(-HEAP // 16) * 16 and running.memory.read(where, 8) == b"12345678"
    assert word(running, POINTER) == where + 16
    assert found.function("datum_at")() == 3000 and found.function("stack")() == 65536


def test_the_memory_grows_for_needed_data_as_far_as_it_may() -> None:
    running = started(main_module(("liba.so",), heap=131_000), a=side(DATA, section(100_000, 4)))
    assert running.memory.size == 4
    with pytest.raises(GrowError):
        started(main_module(("liba.so",), heap=131_000), a=side(DATA, section(200_000, 4)))


def test_who_says_nothing_of_its_heap_has_needed_data_from_malloc() -> None:
    running = started(main_module(("liba.so",), tell=""), a=side(DATA, section(8, 3)))
    assert library(running, "liba.so").function("at")() == 100_000
    assert word(running, POINTER) == HEAP


def test_who_needs_nothing_is_left_as_it_is_and_freed() -> None:
    running = started(main_module())
    assert word(running, POINTER) == HEAP
    gone = weakref.ref(running.process)
    running.close()
    del running
    gc.collect()
    assert gone() is None


def test_opening_and_asking(backend: str) -> None:
    running = started(main_module(), backend, a=side(ANSWER))
    running.memory.write(RECORD + 200, b"\xff" * 4)
    assert running.symbol(0) == 0  # nobody has it
    assert running.open() == 1
    assert running.exports["__indirect_function_table"][running.symbol(RECORD)]() == 42
    assert word(running, RECORD + 200) == 0xFFFF_FFFF  # its number would be for other threads
    running.begin()
    assert running.symbol(4096) == 0
    running.memory.write(RECORD + 100, b"datum\0")
    assert running.symbol(4096) == 3000  # of the program itself
    assert running.symbol(-1) == 0 and "RTLD_NEXT" in error(running)


def test_opening_with_a_function_that_is_called_then() -> None:
    running = started(main_module(), a=side(ANSWER))
    running.open_later()
    assert running.exports["said"].value == 10 * RECORD + 5
    running = started(main_module())
    running.open_later()
    assert running.exports["said"].value == 7
    assert error(running).startswith("could not load dynamic lib: liba.so\n")


@pytest.mark.parametrize("heap", [0, 8, 0x7FFF_FFF0, -16, -1])
def test_a_heap_that_is_none_is_refused_or_lies_in_memory(heap: int) -> None:
    try:
        running = started(main_module(("liba.so",), heap), a=side(DATA, section(8, 3)))
    except (SideModuleError, OutOfMemory, WrongArgument, CreationError, GrowError):
        assert not 0 <= heap < 4 * 65536
    else:
        assert running.memory.read(library(running, "liba.so").memory, 8) == b"12345678"


@pytest.mark.parametrize("tell", ["(i32.const -1)", "(i32.const 262143)", "unreachable"])
def test_a_pointer_to_the_heap_that_leads_nowhere(tell: str) -> None:
    module = main_module(("liba.so",), tell=f'(func (export "emscripten_get_sbrk_ptr") (result i32) {tell})')
    with pytest.raises(Exception, match=r"unreachable|memory|Bad address|0x"):
        started(module, a=side(DATA, section(8, 3)))


@pytest.mark.parametrize(
    "stack", ["i32 (i32.const 65536)", "(mut i64) (i64.const 65536)", "(mut f32) (f32.const 1)"]
)  # fmt: skip
def test_a_stack_pointer_that_is_none_is_refused_to_who_wants_it(stack: str) -> None:
    module = main_module(stack=f'(global (export "__stack_pointer") {stack})')
    running = started(module, a=side(DATA, section(8, 3)))
    assert running.open() == 0 and "__stack_pointer" in error(running)


def test_side_modules_of_before_go_with_a_program_of_today() -> None:
    libraries = {f"{name}.so": FIXTURES / f"{name}.wasm" for name in ("libfirst", "libsecond")}
    assert load(todays("linking"), stdout=CAPTURE, libraries=libraries).main() == 0


# --- how a record lies

GLUES = {
    "var filename = UTF8ToString(handle + 36);\n    var flags = HEAP32[((handle)+(4))>>2];": (4, 36),
    "var filename=UTF8ToString(handle+36);var flags=HEAP32[handle+4>>2];": (4, 36),
    "var filename = UTF8ToString(handle + 44);\n var flags = HEAP32[(((handle)+(20))>>2)];": (20, 44),
    "var c=Q(a+40),d=K[a+8>>2];": (8, 40),
    "let c=$e(a+28),d=W[a+4>>>2];": (4, 28),
    "var c=Q(a+36),d=K[b+4>>2];": None,  # of another
    "var c=Q(a+400),d=K[a+4>>2];": None,
    "var c=Q(a+4),d=K[a+36>>2];": None,
    "": None,
}


@pytest.mark.parametrize("glue", GLUES)
@pytest.mark.parametrize("asked", ["i32 i32", "i32 i32 i32"])
def test_records_lie_as_the_glue_says_else_as_the_type_tells(glue: str, asked: str) -> None:
    info = decode_module(read_module(f'(module (import "a" "b" (func (param {asked}) (result i32))))')).info
    known = FORMER if asked.count("i32") == 2 else TODAY
    offsets = GLUES[glue]
    expected = known if offsets is None else Record(*offsets, known.failure)
    assert record_of(info, {"b": "_dlsym_js"}, "x" * 300_000 + ";" + glue) == expected


def test_glue_of_any_kind_is_looked_through() -> None:
    info = decode_module(read_module("(module)")).info
    for piece in ("a(b+", "a(b+1);", "(" * 9, "a(b+36);" + "(" * 50, "a(b+36);c=d[" + "(" * 50, "a(b+36))))c=d[b+4"):
        assert record_of(info, {}, piece * 30_000) == FORMER
