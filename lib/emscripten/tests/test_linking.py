"""Side modules: what their sections may say, what becomes of those that cannot be loaded, and where they are found.

What C programs print with them is in `test_programs`.
"""

from __future__ import annotations

import gc
import re
import weakref
from pathlib import Path
from typing import Any

import pytest
from programs import FIXTURES
from worlds import fixture

from wasmer_emscripten import CAPTURE, NotSupported, OutOfMemory, Program, SideModuleError, load
from wasmer_emscripten.linking.dylink import MAX_ALIGNMENT, MAX_NEEDED, MAX_PATHS, MAX_SYMBOLS, Dylink, dylink_of
from wasmer_emscripten.linking.linker import MAX_LIBRARIES
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.errors import TableGrowError, Trap
from wasmer_runtime_core.wasm.custom_sections import CustomSection
from wasmer_runtime_core.wasm.module import ModuleInfo

FIRST = FIXTURES / "libfirst.wasm"


def number(value: int) -> bytes:
    """LEB128."""
    encoded = b""
    while value > 0x7F:
        encoded += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return encoded + bytes((value,))


def text(name: str) -> bytes:
    return number(len(name.encode())) + name.encode()


def part(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + number(len(content)) + content


def section(memory: int = 0, alignment: int = 0, table: int = 0, needed: tuple[str, ...] = ()) -> bytes:
    """A section ``dylink.0``."""
    placed = part(1, number(memory) + number(alignment) + number(table) + number(0))
    return placed + (part(2, number(len(needed)) + b"".join(map(text, needed))) if needed else b"")


def side(fields: str = "", dylink: bytes | None = None, name: str = "dylink.0") -> bytes:
    """A side module of a text's fields."""
    module = run(Compilation(f"(module {fields})"), "read").binary
    content = text(name) + (section() if dylink is None else dylink)
    return module[:8] + b"\0" + number(len(content)) + content + module[8:]


def read(data: bytes, name: str = "dylink.0") -> Dylink:
    info = ModuleInfo()
    info.custom_sections.append(CustomSection(name, data, 8))
    found = dylink_of(info, "x.so")
    assert found is not None
    return found


def program(**libraries: Any) -> Program:
    """One that has opened nothing yet; `a=…` is ``liba.so``."""
    return load(
        fixture("linking"), stdout=CAPTURE, libraries={f"lib{name}.so": given for name, given in libraries.items()}
    )


def opened(running: Program, name: str, is_global: bool = False) -> Any:
    linker = running.process.linker
    assert linker is not None
    return linker.open(name, is_global)


def state(running: Program) -> tuple[Any, ...]:
    """What a failure must leave as it was; the table may have places that nothing is in."""
    linker = running.process.linker
    assert linker is not None and linker.slots is not None
    table = linker.slots.table
    filled = [at for at in range(table.size) if table[at] is not None]
    return list(linker.libraries), filled, len(running.process.exit_functions)


# --- the sections


def test_both_sections_are_read() -> None:
    flags = part(3, number(1) + text("thread_local") + number(0x100))
    flags += part(4, number(1) + text("env") + text("perhaps") + number(1))
    flags += part(5, number(2) + text("/lib") + text("$ORIGIN"))
    found = read(section(100, 4, 3, ("liba.so", "libb.so")) + flags + part(77, b"of a later version"))
    weak = {("env", "perhaps"): 1}
    assert found == Dylink(100, 16, 3, 1, ("liba.so", "libb.so"), {"thread_local": 0x100}, weak, ("/lib", "$ORIGIN"))
    assert found.is_weak("env", "perhaps") and not found.is_weak("env", "other")
    old = number(100) + number(4) + number(3) + number(0) + number(1) + text("liba.so")
    assert read(old, "dylink") == Dylink(100, 16, 3, 1, ("liba.so",))


@pytest.mark.parametrize(
    "data",
    [
        part(1, number(MAX_ALIGNMENT + 1) * 2 + number(0) * 2),
        part(1, number(0) * 3 + number(0xFFFF_FFFF)),
        part(1, number(0) * 3),
        part(1, number(0) * 5),
        part(1, b"\xff" * 5 + number(0) * 3),
        part(1, number(0) * 4) * 2,
        part(2, number(MAX_NEEDED + 1) + text("x") * (MAX_NEEDED + 1)),
        part(2, number(0xFFFF_FFFF)),
        part(2, number(1) + b"\x05abc"),
        part(2, number(1) + text("")),
        part(2, number(1) + text("a\0b")),
        part(2, number(1) + text("a" * 5000)),
        part(2, number(1) + b"\x02\xff\xfe"),
        part(3, number(MAX_SYMBOLS + 1)),
        part(3, number(2) + text("one") + number(0)),
        part(4, number(0xFFFF_FFFF)),
        part(5, number(MAX_PATHS + 1) + text("x") * (MAX_PATHS + 1)),
        part(5, number(0xFFFF_FFFF)),
        part(5, number(1) + text("a\0b")),
        part(5, number(0) * 2),
        b"\x01\xff\xff\xff\xff\x0f",
        b"\x01",
    ],
)
def test_a_hostile_section_is_refused_with_the_name_of_its_library(data: bytes) -> None:
    with pytest.raises(SideModuleError, match=r"^x\.so: "):
        read(data)


@pytest.mark.parametrize("size", range(15))
def test_a_section_that_ends_early_is_refused(size: int) -> None:
    whole = section(1000, 4, 3, ("a.so",))
    assert len(whole) == 15
    if size in (0, 7):  # before a subsection
        read(whole[:size])
    else:
        with pytest.raises(SideModuleError):
            read(whole[:size])


# --- what cannot be loaded leaves nothing

HOSTS = '(import "env" "memory" (memory 1)) (import "env" "__indirect_function_table" (table 0 funcref))'
BASES = '(import "env" "__memory_base" (global $m i32)) (import "env" "__table_base" (global $t i32))'

REFUSED = {
    "no magic number": (b"nothing", "need to see wasm magic number"),
    "no section": (side(name="other"), "need dylink section"),
    "malformed": (side("(func)")[:-1], "DecodeError"),
    "not valid": (side("(func (result i32))"), "ValidationError"),
    "data that do not fit": (side(f'{HOSTS} {BASES} (data (global.get $m) "12345")', section(4)), "5 bytes of data"),
    "elements that do not fit": (
        side(f"{HOSTS} {BASES} (elem (global.get $t) $f $f) (func $f)", section(0, 0, 1)), "2 elements"
    ),
    "a table that is too large": (side(HOSTS, section(0, 0, 0xFFFF_FFFF)), "table"),
    "more data than there is memory": (side(HOSTS, section(0xFFFF_FFF0, 4)), "bytes left"),
    "no such data": (side('(import "GOT.mem" "absent" (global (mut i32)))'), "undefined symbol `absent`"),
    "no such function": (side('(import "GOT.func" "absent" (global (mut i32)))'), "undefined symbol `absent`"),
    "an entry of another type": (side('(import "GOT.mem" "shared" (global (mut i64)))'), "GOT.mem"),
    "a constant entry": (side('(import "GOT.mem" "shared" (global i32))'), "GOT.mem"),
    "another type of a function": (side('(import "env" "host_add" (func (param i64)))'), "host_add"),
    "a global that no linker has": (side('(import "env" "absent" (global i32))'), "absent"),
    "a library that is not there": (side(dylink=section(needed=("libnone.so",))), "ENOENT"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_loaded_leaves_nothing_and_is_told(case: str) -> None:
    given, reason = REFUSED[case]
    running = program(bad=given, good=FIRST, both=side(dylink=section(needed=("libgood.so", "libbad.so"))))
    before = state(running)
    for name in ("libbad.so", "libboth.so", "libbad.so"):
        with pytest.raises((SideModuleError, TableGrowError, OutOfMemory), match=re.escape(reason)):
            opened(running, name)
        assert state(running) == before
    assert opened(running, "libgood.so").symbol("own") is not None
    told = load(fixture("linking"), stdout=CAPTURE, libraries={"libfirst.so": given})
    assert told.main() == 1  # and nothing is raised
    lines = told.stdout_bytes().decode()
    assert lines.startswith("libfirst.so: Could not load dynamic lib: libfirst.so\n") and reason in lines


def test_a_constructor_that_fails_leaves_nothing_and_passes_through() -> None:
    fields = f"""{HOSTS} {BASES} (import "GOT.func" "mine" (global $mine (mut i32)))
        (func $mine (export "mine")) (func (export "__wasm_call_ctors") unreachable)
        (data (global.get $m) "1234") (elem (global.get $t) $mine)"""
    running = program(first=side(fields, section(4, 2, 1)))
    before = state(running)
    with pytest.raises(Trap):
        opened(running, "libfirst.so")
    with pytest.raises(Trap):
        running.main()
    assert state(running) == before


def test_failures_make_the_table_no_larger_each_time() -> None:
    running = program(bad=side(f'{HOSTS} (import "GOT.func" "absent" (global (mut i32)))', section(64, 4, 100)))
    sizes = set()
    for _ in range(20):
        with pytest.raises(SideModuleError):
            opened(running, "libbad.so")
        assert running.process.linker is not None and running.process.linker.slots is not None
        sizes.add(running.process.linker.slots.table.size)
    assert len(sizes) == 1


def test_what_is_missing_at_the_start_is_named() -> None:
    with pytest.raises(SideModuleError, match=r"libfirst\.so.*libraries=") as caught:
        load(fixture("linked"))
    assert caught.value.library == "libfirst.so"
    with pytest.raises(SideModuleError, match=r"undefined symbol `(own|pointer_to_own|twice)`") as unknown:
        load(fixture("linked"), libraries={"libfirst.so": side()})
    assert unknown.value.library == "__main__" and unknown.value.symbol in str(unknown.value)


def test_a_function_that_nothing_has_is_named_when_it_is_called() -> None:
    fields = '(import "env" "absent" (func $f (param i32))) (func (export "call_it") (call $f (i32.const 1)))'
    library = opened(program(a=side(fields)), "liba.so")
    with pytest.raises(NotSupported, match=r"absent.*liba\.so calls it"):
        library.function("call_it")()


# --- symbols


def answering(value: int, more: str = "") -> str:
    return f'(func (export "answer") (result i32) (i32.const {value})) {more}'


ASKING = '(import "env" "answer" (func $f (result i32))) (func (export "ask") (result i32) (call $f))'


def test_a_function_of_a_library_that_is_loaded_later_is_found() -> None:
    running = program(asks=side(ASKING), answers=side(answering(42)))
    asks = opened(running, "libasks.so")
    with pytest.raises(NotSupported):
        asks.function("ask")()
    opened(running, "libanswers.so")
    with pytest.raises(NotSupported):  # it is local
        asks.function("ask")()
    opened(running, "libanswers.so", is_global=True)
    assert asks.function("ask")() == 42


def test_local_libraries_do_not_meet() -> None:
    own = '(import "GOT.mem" "datum" (global $d (mut i32))) (global (export "datum") i32 (i32.const 0))'
    fields = f'{HOSTS} {BASES} {own} (func (export "where") (result i32) (global.get $d))'
    running = program(a=side(fields, section(16, 4)), b=side(fields, section(16, 4)))
    found = [opened(running, name) for name in ("liba.so", "libb.so")]
    places = [each.function("where")() for each in found]
    assert places == [each.symbol("datum") for each in found] == [each.memory for each in found]
    assert places[0] != places[1] and not any(place % 16 for place in places)


def test_a_needed_library_is_found_by_who_needs_it_only() -> None:
    running = program(
        a=side(ASKING, section(needed=("libone.so",))),
        b=side(ASKING, section(needed=("libtwo.so",))),
        one=side(answering(1)),
        two=side(answering(2)),
    )
    assert [opened(running, name).function("ask")() for name in ("liba.so", "libb.so")] == [1, 2]


def test_libraries_that_need_each_other() -> None:
    running = program(
        a=side(ASKING, section(needed=("libb.so",))), b=side(answering(7), section(needed=("liba.so", "libb.so")))
    )
    assert opened(running, "liba.so").function("ask")() == 7


def test_a_long_chain_and_too_many_libraries() -> None:
    names = [f"n{at}" for at in range(MAX_LIBRARIES + 1)]
    chain = {
        name: side(dylink=section(needed=(f"lib{names[at + 1]}.so",) if at < MAX_LIBRARIES else ()))
        for at, name in enumerate(names)
    }
    running = program(**chain)
    with pytest.raises(SideModuleError, match="the most there can be"):
        opened(running, "libn0.so")
    assert state(running)[0] == []
    opened(running, "libn1.so")
    assert len(state(running)[0]) == MAX_LIBRARIES


def test_a_weak_symbol_that_nothing_has_is_0() -> None:
    fields = '(import "GOT.func" "f" (global $f (mut i32))) (func (export "f_at") (result i32) (global.get $f))'
    weak = section() + part(4, number(1) + text("GOT.func") + text("f") + number(1))
    assert opened(program(a=side(fields, weak)), "liba.so").function("f_at")() == 0


def test_a_function_has_one_address(backend: str) -> None:
    entry = '(import "GOT.func" "{0}" (global ${0} (mut i32)))'
    reader = '(func (export "at_{0}") (result i32) (global.get ${0}))'
    names = ("host_add", "mine", "emscripten_get_heap_size")
    fields = " ".join(each.format(name) for each in (entry, reader) for name in names)
    fields = f'{HOSTS} {BASES} {fields} (func $m (export "mine") (result i32) (i32.const 5)) (elem (global.get $t) $m)'
    made = side(fields, section(0, 0, 1))
    running = load(fixture("linking", backend), backend=backend, libraries={"a.so": made, "b.so": made})
    a, b = opened(running, "a.so"), opened(running, "b.so")
    linker = running.process.linker
    assert linker is not None and linker.slots is not None
    table = linker.slots.table
    places = {name: (a.function(name)(), b.function(name)()) for name in ("at_host_add", "at_mine")}
    assert places["at_mine"] == (a.table, b.table) and table[a.table] == a.symbol("mine")
    assert places["at_host_add"][0] == places["at_host_add"][1]
    assert table[places["at_host_add"][0]] == linker.main.symbol("host_add")
    sizes = [each.function("at_emscripten_get_heap_size")() for each in (a, b)]  # a function of the host's
    assert sizes[0] == sizes[1] and table[sizes[0]]() == len(running.memory)


def test_relocations_come_before_constructors() -> None:
    fields = f"""{HOSTS} {BASES}
      (func (export "__wasm_apply_data_relocs")
        (i32.store (global.get $m) (i32.add (i32.load (global.get $m)) (i32.const 1))))
      (func (export "__wasm_call_ctors")
        (i32.store (global.get $m) (i32.mul (i32.load (global.get $m)) (i32.const 10))))
      (func (export "value") (result i32) (i32.load (global.get $m)))"""
    assert opened(program(a=side(fields, section(4, 2))), "liba.so").function("value")() == 10


# --- where they are found


def test_libraries_in_the_files_of_the_program() -> None:
    running = load(fixture("linking"), stdout=CAPTURE, env={"LD_LIBRARY_PATH": "/none:/opt/lib"})
    running.fs.mkdir("/opt/lib", parents=True)
    running.fs.write_bytes("/opt/lib/libfirst.so", FIRST.read_bytes())
    running.fs.write_bytes("/libsecond.so", (FIXTURES / "libsecond.wasm").read_bytes())
    assert running.main() == 0
    assert list(state(running)[0]) == ["/opt/lib/libfirst.so", "/libsecond.so"]
    assert opened(running, "./../opt//lib/libfirst.so") is opened(running, "libfirst.so")


def test_libraries_where_a_module_says_that_they_are() -> None:
    running = program()
    running.fs.mkdir("/opt/a/lib", parents=True)
    needing = part(5, number(2) + text("/none") + text("$ORIGIN/lib")) + part(2, number(1) + text("libx.so"))
    running.fs.write_bytes("/opt/a/liby.so", side(ASKING, section() + needing))
    running.fs.write_bytes("/opt/a/lib/libx.so", side(answering(3)))
    assert opened(running, "/opt/a/liby.so").function("ask")() == 3
    assert state(running)[0] == ["/opt/a/lib/libx.so", "/opt/a/liby.so"]
    with pytest.raises(SideModuleError, match="ENOENT"):
        opened(running, "libx.so")  # which the program itself asks for


def test_libraries_of_the_user(tmp_path: Path) -> None:
    for given in (str(FIRST), FIRST, FIRST.read_bytes(), fixture_module(FIRST)):
        running = load(fixture("linked"), stdout=CAPTURE, libraries={"./libfirst.so": given})
        assert running.main() == 0
    with pytest.raises(FileNotFoundError):
        program(first=tmp_path / "none.so")
    with pytest.raises(TypeError, match="libfirst"):
        program(first=5)
    with pytest.raises(ValueError, match="libraries"):
        load(fixture("linked"), libraries={"": b""})


def fixture_module(path: Path) -> Any:
    from wasmer_runtime_core.compile_module import compile_with
    from wasmer_runtime_core.compiling.registry import find_compiler

    return compile_with(path, find_compiler("singlepass"))


def test_a_percent_sign_in_a_name_is_no_format() -> None:
    running = program(first=side(dylink=section(needed=("lib%s%n%99999d.so",))))
    assert running.main() == 1
    assert b"lib%s%n%99999d.so" in running.stdout_bytes()


def test_a_side_module_is_no_program() -> None:
    with pytest.raises(SideModuleError, match="libraries="):
        load(FIRST.read_bytes())


def test_a_program_with_libraries_is_freed_and_closed() -> None:
    running = program(first=FIRST)
    library = opened(running, "libfirst.so")
    gone = weakref.ref(running.process)
    twice = library.function("twice")
    running.close()
    with pytest.raises(ValueError, match="closed"):
        twice(1)
    del running, library, twice
    gc.collect()
    assert gone() is None
