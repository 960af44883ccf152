"""DWARF: what compilers write is read as pyelftools reads it; what is hostile costs little and raises nothing."""

from __future__ import annotations

import random
import signal
import struct
import subprocess
import sys
import tracemalloc
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmer_runtime_core.errors import Frame
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.custom_sections import CustomSection
from wasmer_runtime_core.wasm.debug.dwarf.data import LONGEST_TEXT, Budget, Data, Malformed
from wasmer_runtime_core.wasm.debug.dwarf.units import MOST_INLINED, Unit, Units
from wasmer_runtime_core.wasm.debug.source_lines import LONGEST_PATH, MOST_STEPS, SourceFrame, SourceLines
from wasmer_runtime_core.wasm.module import ModuleInfo

NOTHING = (SourceFrame("", ""),)
MAIN = """\
#include "inl.h"
int second(int, int);
__attribute__((noinline, export_name("run"))) int run(int a) {
  return down(a) + second(a, 3);
}
"""
HEADER = """\
static inline __attribute__((always_inline)) int inner(int x) {
  return 7 / x;
}
static inline __attribute__((always_inline)) int down(int x) {
  return inner(x) + 1;
}
"""
SECOND = """\
__attribute__((noinline)) int second(int a, int b) {
  for (int i = 0; i < b; i++) a += i % (a - 2);
  return a;
}
"""


@pytest.fixture(scope="module", params=["-gdwarf-4", "-gdwarf-5"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A module of two files and a header, in folders; the linker leaves one function out."""
    pytest.importorskip("ziglang", reason="a C compiler for WebAssembly is needed (ziglang)")
    root = tmp_path_factory.mktemp("sources")
    for name, text in (
        ("include/inl.h", HEADER),
        ("a/util.c", MAIN),
        ("b/util.c", SECOND + "int unused(void) { return 3; }\n"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    target = root / "two.wasm"
    flags = ["-target", "wasm32-freestanding", request.param, "-O1", "-nostdlib", "-Wl,--no-entry", "-Iinclude"]
    command = [sys.executable, "-m", "ziglang", "cc", *flags, "-o", str(target), "a/util.c", "b/util.c"]
    subprocess.run(command, check=True, capture_output=True, cwd=root)
    return target.read_bytes()


def sections_of(data: bytes) -> dict[str, bytes]:
    return {
        each.name: each.data for each in decode_module(data).info.custom_sections if each.name.startswith(".debug_")
    }


def info_of(sections: dict[str, bytes], code_offset: int = 0) -> ModuleInfo:
    info = ModuleInfo()
    info.code_offset = code_offset
    info.custom_sections = [CustomSection(name, data, 0) for name, data in sections.items()]
    return info


def test_functions_that_the_compiler_inlined_have_frames(built: bytes) -> None:
    info = decode_module(built).info
    division = built.index(b"\x6d", info.code_offset)  # i32.div_s
    inner, down, run = info.source_lines.frames(division)
    assert (inner.function, down.function, run.function) == ("inner", "down", "")
    assert inner.source.endswith("include/inl.h:2:12") and down.source.endswith("include/inl.h:5:10")
    assert run.source.endswith("/a/util.c:4:10")
    remainder = built.index(b"\x6f", info.code_offset)  # i32.rem_s
    (second,) = info.source_lines.frames(remainder)
    assert second.function == "" and "/b/util.c:2:" in second.source and second.source.startswith("/")


def test_tables_are_what_pyelftools_reads(built: bytes) -> None:
    elftools = pytest.importorskip("elftools.dwarf.dwarfinfo", reason="the other reader is pyelftools")
    sections = sections_of(built)
    arguments: dict[str, Any] = {"eh_frame_sec": None, "gnu_debugaltlink_sec": None}
    for name in (
        *("info", "aranges", "abbrev", "frame", "str", "loc", "ranges", "line", "pubtypes", "pubnames", "addr"),
        *("str_offsets", "line_str", "loclists", "rnglists", "sup", "types"),
    ):
        data = sections.get(f".debug_{name}")
        arguments[f"debug_{name}_sec"] = (
            None if data is None else elftools.DebugSectionDescriptor(BytesIO(data), name, 0, len(data), 0)
        )
    config = elftools.DwarfConfig(little_endian=True, machine_arch="wasm32", default_address_size=4)
    theirs = elftools.DWARFInfo(config, **arguments)
    budget = Budget(MOST_STEPS)
    compared = 0
    position = 0
    for other in theirs.iter_CUs():
        unit = Unit(sections, position, budget)
        assert unit.start == other.cu_offset
        position = unit.end
        table = unit.line_table()
        assert table is not None
        states = [each.state for each in theirs.line_program_for_CU(other).get_entries() if each.state is not None]
        rows = [(each.address, each.file, each.line, each.column) for each in states if not each.end_sequence]
        mine = zip(table._addresses, table._row_files, table._row_lines, table._row_columns, strict=True)
        assert list(mine) == rows
        compared += len(rows)
        for start, end, first, _ in table._sequences:
            if start:
                found = table.find(start)
                assert found is not None and found.line and table.find(end) != found
                assert table._addresses[first] == start
    assert compared > 20 and position == len(sections[".debug_info"])


# --- what is broken -------------------------------------------------------------------------


def uleb(number: int) -> bytes:
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


ABBREVIATIONS = (
    b"\1\x11\1\x10\x17\x11\1\x12\6\0\0" + b"\2\x2e\1\x11\1\x12\6\3\x08\0\0" + b"\3\x1d\1\x31\x13\x11\1\x12\6\0\0\0"
)
"""1: a unit (stmt_list, low_pc, high_pc); 2: a subprogram (low_pc, high_pc, name); 3: an inlined call (origin, low_pc,
high_pc)."""
UNIT = b"\1" + b"\0\0\0\0" + b"\1\0\0\0" + b"\xff\xff\0\0"


def unit(entries: bytes = b"", top: bytes = UNIT, version: int = 4) -> bytes:
    body = struct.pack("<HIB", version, 0, 4) + top + entries
    return struct.pack("<I", len(body)) + body


def line(operations: bytes, line_range: int = 14, opcode_base: int = 13) -> bytes:
    head = bytes((1, 1, 1, 0xFB, line_range, opcode_base)) + b"\0\1\1\1\1\0\0\0\1\0\0\1" + b"\0a.c\0\0\0\0\0"
    body = struct.pack("<HI", 4, len(head)) + head + operations
    return struct.pack("<I", len(body)) + body


SOUND = b"\0\5\2\1\0\0\0" + b"\3\6\1" + b"\2\x7f\0\1\1"


def made(lines: bytes, units: bytes = b"", abbreviations: bytes = ABBREVIATIONS) -> dict[str, bytes]:
    return {".debug_line": lines, ".debug_info": units or unit(), ".debug_abbrev": abbreviations}


def looked_up(sections: dict[str, bytes], address: int = 1) -> tuple[SourceFrame, ...]:
    """What is found, after the price was checked."""
    lines = SourceLines(info_of(sections))
    for at in (address, 0, 5, 0xFFFF_FFFF):
        found = lines.frames(at)
    found = lines.frames(address)
    assert found and found[-1].function == ""
    assert lines._budget.steps > -1000, "a step is never much more than one"
    return found


def test_a_sound_one_by_hand() -> None:
    assert looked_up(made(line(SOUND))) == (SourceFrame("", "a.c:7:0"),)


@pytest.mark.parametrize(
    "operations",
    [
        b"\0\0" * 8,  # an extended opcode without one
        b"\2" + b"\xff" * 250_000 + b"\1",  # a number of 250,000 bytes
        b"\2" * 5 + b"\x80" * 40,
        b"\0\xff\xff\xff\xff\x0f\1",  # an extended opcode of 4 GiB
        b"\0\5\2",  # an address that is not there
        b"\0\1\2",
        b"\x0c\xff\xff",
        b"\4" + uleb(1 << 70) + b"\1\0\1\1",
        b"\3" + b"\xff" * 9 + b"\x7f" + b"\1\0\1\1",
    ],
    ids=range(9),
)
def test_broken_programs(operations: bytes) -> None:
    looked_up(made(line(operations)))
    looked_up(made(line(SOUND + operations)))


@pytest.mark.parametrize(
    "sections",
    [
        made(line(SOUND, line_range=0)),
        made(line(SOUND, opcode_base=0)),
        made(line(SOUND, opcode_base=255)),
        made(line(SOUND)[:20]),
        made(b"\xff\xff\xff\xff" + b"\xff" * 8),
        made(b"\xf0\xff\xff\xff"),
        made(line(SOUND), unit(version=9)),
        made(line(SOUND), unit(top=b"\7")),
        made(line(SOUND), unit(), b"\1\x11\0\x10\x99"),
        made(line(SOUND), unit(), b"\1\x11\0\x10\x16\0\0\0"),  # an indirect form
        made(line(SOUND), unit(b"\2" * 3)),
        made(line(SOUND), unit(b"\3\0\0\0\0\1\0\0\0\xff\0\0\0\0")),  # inlined, of the unit's header
        made(line(SOUND), unit(b"\3\x17\0\0\0\1\0\0\0\xff\0\0\0\0")),  # inlined into itself
        made(line(SOUND), b"\xff\xff\xff\xff\0"),
        {".debug_line": line(SOUND), ".debug_info": unit()},
        {".debug_line": line(SOUND)},
        {".debug_info": unit(), ".debug_abbrev": ABBREVIATIONS},
    ],
    ids=range(17),
)
def test_broken_tables(sections: dict[str, bytes]) -> None:
    looked_up(sections)


# --- what is expensive ----------------------------------------------------------------------


def line_5(operations: bytes, directories: bytes = b"\0\0", files: bytes = b"\0\0") -> bytes:
    """A line table of version 5; each table is formats, then how many entries, then those."""
    head = bytes((1, 1, 1, 0xFB, 14, 13)) + b"\0\1\1\1\1\0\0\0\1\0\0\1" + directories + files
    body = struct.pack("<HBBI", 5, 4, 0, len(head)) + head + operations
    return struct.pack("<I", len(body)) + body


WITH_DIRECTORY = b"\1\x11\0\x10\x17\x1b\x0e\x11\1\x12\6\0\0\0"
"""Abbreviations: 1: a unit (stmt_list, comp_dir, low_pc, high_pc)."""


def in_directory(text: bytes) -> dict[str, bytes]:
    """A unit of which the compiler ran in a directory of that name, with its NUL or without."""
    top = b"\1" + b"\0\0\0\0" + b"\0\0\0\0" + b"\1\0\0\0" + b"\xff\xff\0\0"
    return made(line(SOUND), unit(top=top), WITH_DIRECTORY) | {".debug_str": text}


@pytest.mark.parametrize("size", [17, 300, 100_000])
def test_numbers_have_few_bytes_whatever_says_their_size(size: int) -> None:
    """Every row of the table would be as large as an address of megabytes."""
    address = b"\0" + uleb(size + 1) + b"\2" + b"\1" * size
    lines = SourceLines(info_of(made(line(address + b"\x20" * 1000 + b"\0\1\1"))))
    assert lines.frames(1) == NOTHING
    assert lines._budget.steps > MOST_STEPS - 500, "nothing was read behind it"
    with pytest.raises(Malformed):
        Data(bytes(1000), 0, 1000, Budget(100)).number(size)


@pytest.mark.parametrize("formats", [b"\0", b"\1\1\x19", b"\1\2\x0b"], ids=["no fields", "no bytes", "a byte"])
def test_entries_are_no_more_than_their_bytes(formats: bytes) -> None:
    tracemalloc.start()
    looked_up(made(line_5(SOUND, formats + uleb(1 << 40))))
    looked_up(made(line_5(SOUND, b"\0\0", formats + uleb(1 << 40))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_long_strings_are_paid_for_and_cut() -> None:
    for text, found in ((b"/" + b"d" * 1_000_000 + b"\0", "d/a.c:7:0"), (b"d" * 1_000_000, "")):
        lines = SourceLines(info_of(in_directory(text)))
        assert lines.find(1).endswith(found) and len(lines.find(1)) <= LONGEST_PATH
        assert lines._budget.steps < MOST_STEPS - len(text) // 64
        left = lines._budget.steps
        for offset in range(2, 40):
            lines.find(offset)
        assert left - lines._budget.steps < 40 * (len(text) // 64 + 100 if not found else 100)
    budget = Budget(1_000_000)
    assert Data(b"a" * 5000 + b"\0", 0, 5001, budget).string() == b"a" * LONGEST_TEXT


@pytest.mark.parametrize("depth", range(60))
def test_what_is_read_is_kept_whole_or_not_at_all(depth: int) -> None:
    """A handler of a signal may raise at any step, and other threads look meanwhile; the next look finds all."""
    sections = made(line(SOUND), unit(nested(3)))
    whole = SourceLines(info_of(sections)).frames(1)
    assert len(whole) == 4
    lines = SourceLines(info_of(sections))
    spend, steps = Budget.spend, 0

    def fail(number: int, frame: object) -> None:
        raise LookupError

    def spend_and_fail(budget: Budget, count: int) -> None:
        nonlocal steps
        steps += 1
        if steps == 3 * depth + 1:
            signal.raise_signal(signal.SIGUSR1)
        spend(budget, count)

    before = signal.signal(signal.SIGUSR1, fail)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Budget, "spend", spend_and_fail)
            try:
                lines.frames(1)
            except LookupError:
                assert not lines._found
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert lines.frames(1) == whole


def nested(depth: int) -> bytes:
    """Inlined calls, one within another."""
    return b"\2\1\0\0\0\xff\0\0\0f\0" + b"\3\x18\0\0\0\1\0\0\0\xff\0\0\0" * depth


@pytest.mark.parametrize(
    "sections",
    [
        made(line(b"\0\5\2\1\0\0\0" + b"\x20" * 4_900_000)),  # special opcodes: rows
        made(line(b"\0\5\2\1\0\0\0" + b"\1" * 1_000_000 + b"\0\1\1")),
        made(line(SOUND * 400_000)),  # sequences
        made(line(b"\4" + b"\x80" * 9 + b"\0") * 1),
        made(line(SOUND), unit() * 200_000),  # units
        made(line(SOUND), unit(top=b"\1" + b"\0\0\0\0" + b"\0\0\0\0\0\0\0\0") * 200_000),
        made(line(SOUND), unit(b"\2\1\0\0\0\xff\0\0\0f\0\0" * 300_000)),  # functions
        made(line(SOUND), unit(nested(300_000))),
        made(line(SOUND), unit(b"\0" * 3_000_000)),
        made(line(SOUND), unit(), b"".join(uleb(code) + b"\x34\0\0\0" for code in range(4, 600_000)) + ABBREVIATIONS),
        made(line(SOUND), unit(), b"\1\x11\0" + b"\3\x08" * 1_000_000 + b"\0\0\0"),
    ],
    ids="rows copies sequences padding units empty-units functions nested ends codes attributes".split(),
)
def test_a_module_pays_once_and_has_a_limit(sections: dict[str, bytes]) -> None:
    info = info_of(sections)
    lines = info.source_lines
    for offset in range(1, 400):
        lines.frames(offset)
    assert lines._budget.steps > -1000
    left = lines._budget.steps
    for offset in range(1, 400):
        lines.frames(offset)
    assert lines._budget.steps == left, "what was looked up is known, also that it is nothing"


def test_each_look_at_ranges_is_paid_for() -> None:
    """They may be many for each function, and are gone through for each address."""
    functions, ranges = 6, 9000
    sections = made(
        line(SOUND),
        unit(b"\4\0\0\0\0" * functions + b"\0"),
        b"\1\x11\1\x10\x17\x11\1\x12\6\0\0" + b"\4\x2e\0\x55\x17\0\0\0",
    )
    beyond = b"".join(struct.pack("<II", at, at + 1) for at in range(1 << 20, (1 << 20) + ranges))
    lines = SourceLines(info_of({**sections, ".debug_ranges": beyond + bytes(8)}))
    assert lines.find(1) == "a.c:7:0"
    left = lines._budget.steps
    for offset in range(2, 12):
        assert lines.find(offset) == "a.c:7:0"
    assert left - lines._budget.steps > 10 * functions * ranges // 8


def test_a_backtrace_has_as_many_frames_as_compilers_make() -> None:
    for depth, frames in ((3, 4), (MOST_INLINED, MOST_INLINED + 1), (MOST_INLINED + 1, 1), (20_000, 1)):
        found = looked_up(made(line(SOUND), unit(nested(depth))))
        assert len(found) == frames and found[-1].function == ""
        assert found[0].source == "a.c:7:0"


def test_names_of_files_are_text() -> None:
    """Whatever they hold: a path that is not UTF-8, or that a terminal would obey."""
    for name, shown in ((b"\x1b[2J\n.c", "\\x1b[2J\\n.c"), (b"\xff\xfe.c", "��.c"), ("\u202e.c".encode(), "\\u202e.c")):
        table = line(SOUND).replace(b"a.c\0", name + b"\0")
        extra = len(name) - 3
        table = struct.pack("<IHI", len(table) - 4, 4, struct.unpack("<I", table[6:10])[0] + extra) + table[10:]
        ((_, source),) = looked_up(made(table))
        assert str(Frame(0, "f", 1, "", source)) == f"f at {shown}:7:0 (function 0, at byte 0x1)"


def test_long_names_are_cut() -> None:
    long = line(SOUND).replace(b"a.c\0", b"d/" * 200_000 + b"a.c\0")
    long = (
        struct.pack("<I", len(long) - 4)
        + long[4:6]
        + struct.pack("<I", struct.unpack("<I", long[6:10])[0] + 400_000)
        + long[10:]
    )
    ((_, source),) = looked_up(made(long))
    assert len(source) == LONGEST_PATH and source.endswith("/a.c:7:0")


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60), st.integers(2, 6))
@settings(max_examples=300, deadline=None)
def test_any_bytes(program: bytes, entries: bytes, abbreviations: bytes, version: int) -> None:
    looked_up(made(line(program), unit(entries, version=version), abbreviations))
    looked_up({".debug_line": program, ".debug_info": entries, ".debug_abbrev": abbreviations})


def test_mutations_of_what_a_compiler_wrote(built: bytes) -> None:
    info = decode_module(built).info
    source = random.Random(7)
    sections = sections_of(built)
    offsets = range(info.code_offset, info.code_offset + 200, 3)
    for _ in range(300):
        broken = {name: bytearray(data) for name, data in sections.items()}
        for _ in range(source.randint(1, 8)):
            data = broken[source.choice(sorted(broken))]
            if data:
                data[source.randrange(len(data))] = source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))
        lines = SourceLines(info_of({name: bytes(data) for name, data in broken.items()}, info.code_offset))
        for offset in offsets:
            lines.frames(offset)


def test_no_failure_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (Malformed("x"), RecursionError(), MemoryError(), IndexError(), ZeroDivisionError(), UnicodeError()):

        def fail(self: object, address: int, error: Exception = error) -> Unit:
            raise error

        monkeypatch.setattr(Units, "at", fail)
        assert looked_up(made(line(SOUND))) == NOTHING


def test_numbers_have_a_longest_form() -> None:
    budget = Budget(100)
    assert Data(b"\x80" * 15 + b"\1", 0, 16, budget).uleb() == 1 << 105
    assert Data(b"\x7f", 0, 1, budget).sleb() == -1 and Data(b"\x80\x7f", 0, 2, budget).sleb() == -128
    for broken in (b"\x80" * 17 + b"\1", b"\x80", b""):
        with pytest.raises(Malformed):
            Data(broken, 0, len(broken), budget).uleb()
    with pytest.raises(Malformed):
        Data(b"\x80" * 12 + b"\0", 0, 13, Budget(3)).uleb()
