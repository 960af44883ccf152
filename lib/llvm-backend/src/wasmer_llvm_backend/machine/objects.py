"""From LLVM's object file to plain machine code: sections laid out, relocations applied, sites read.

Only what an object of ours can hold is understood; anything else is an `InternalError`. The
code sections come first, then the constants; all references are relative to the pc, so the
whole can lie anywhere. What remains open is the distance to the first byte of the module's
code: `UnitCode.code_references` lists the places that hold it.

*Sites.* A call to ``trap.N`` becomes core's trap instruction and a site of its own. Everything else that can
fault is an access to memory, and LLVM may move, merge or duplicate those; so each row of the
line table becomes a site that holds up to the next row (`SITE_RANGE`), with the last wasm
offset known in its function. A return address is found in the same rows. Which function a place belongs to where
LLVM inlined is read by `inlining`, where a function has no frame by `frames`.

Sources: the System V ABI (ELF-64, x86-64 supplement), DWARF 4, section 6.2.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

from wasmer_llvm_backend.machine.frames import Frame, read_frames
from wasmer_llvm_backend.machine.inlining import Inlined, read_inlined, unsigned
from wasmer_llvm_backend.machine.landings import FRAMES, TABLES, is_for_the_runtime, read_landings
from wasmer_llvm_backend.machine.prologue import (
    ROOM_BYTES,
    TRAP_AT,
    begins_with_check,
    begins_with_room,
    fill_in,
    finish_room,
    frame_bytes,
)
from wasmer_llvm_backend.module_text import CODE, TRAP
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.contract.traps import BY_NAME, SITE_FRAMELESS, SITE_RANGE
from wasmer_runtime_core.contract.vmctx import MOST_FRAME_BYTES, UNCHECKED_FRAME_BYTES
from wasmer_runtime_core.errors import CompileError, InternalError

ALLOCATED: Final = 2
PROGRAM_BITS: Final = 1
RELOCATIONS_WITH_ADDENDS: Final = 4
SYMBOL_TABLE: Final = 2
EXECUTABLE: Final = 4

R_64: Final = 1
R_PC32: Final = 2
R_PLT32: Final = 4
R_32: Final = 10

CALL_REL32: Final = 0xE8
TRAPPING: Final = bytes.fromhex(forms.TRAP.encoding).ljust(5, b"\xcc")  # as long as a call
MEMORY: Final = BY_NAME["MEMORY_OUT_OF_BOUNDS"].number | SITE_RANGE

DEBUG_SECTIONS: Final = (".debug_line", ".debug_frame", ".debug_info", ".debug_abbrev", ".debug_ranges", ".debug_str")


STACK_OVERFLOW: Final = BY_NAME["STACK_OVERFLOW"].number


class UncheckedFrame(Exception):
    """A function has a large frame and does not check the stack."""


class UnitCode(NamedTuple):
    """The code of one LLVM module. Plain data."""

    code: bytes
    functions: dict[str, int]
    """Symbol -> offset."""
    sites: list[tuple[int, int, int]]
    """(offset, kind, wasm offset), ascending."""
    code_references: list[int]
    """Offsets of 32-bit fields from which the unit's own place in the module's code is still
    to be subtracted."""
    inlined: list[Inlined]
    """Ascending by start."""
    saved: dict[int, int]
    """Offset of a function -> the registers that it saves (`convention.saved_byte`)."""
    landings: list[tuple[int, int, int]]
    """(start, end, landing), ascending."""


class _Section(NamedTuple):
    name: str
    type: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int


class _Symbol(NamedTuple):
    name: str
    section: int
    value: int


def read_object(data: bytes) -> UnitCode:
    """Lay out an ELF object.

    Raises:
        CompileError: a function needs a frame that is too large.
        UncheckedFrame: the unit is to be compiled again, with all functions checked.
        InternalError: it holds something that objects of ours never do.
    """
    sections = _sections(data)
    code = bytearray()
    places: dict[int, int] = {}
    for executable in (EXECUTABLE, 0):
        for at, section in enumerate(sections):
            if not section.flags & ALLOCATED or section.flags & EXECUTABLE != executable or not section.size:
                continue
            if is_for_the_runtime(section.name):
                continue
            if section.type != PROGRAM_BITS:
                raise InternalError(f"the object has a section {section.name} of type {section.type}")
            code += (b"\xcc" if executable else b"\0") * (-len(code) % max(section.align, 1))
            places[at] = len(code)
            code += data[section.offset : section.offset + section.size]
    code += b"\xcc" * (-len(code) % 16)
    symbols = _symbols(data, sections)
    references: list[int] = []
    traps: list[tuple[int, int, int]] = []
    for section in sections:
        if section.type != RELOCATIONS_WITH_ADDENDS or section.info not in places:
            continue
        base = places[section.info]
        for offset, info, addend in struct.iter_unpack("<QQq", data[section.offset : section.offset + section.size]):
            symbol = symbols[info >> 32]
            kind = info & 0xFFFFFFFF
            place = base + offset
            if kind not in (R_PC32, R_PLT32):
                raise InternalError(f"the object has a relocation of type {kind} for {symbol.name}")
            if symbol.section in places:
                value = places[symbol.section] + symbol.value + addend - place
            elif symbol.name == CODE:
                value = addend - place
                references.append(place)
            elif symbol.name.startswith(TRAP) and code[place - 1] == CALL_REL32:
                code[place - 1 : place + 4] = TRAPPING
                traps.append((place - 1, place + 4, int(symbol.name[len(TRAP) :])))
                continue
            else:
                raise InternalError(f"the object wants {symbol.name or 'a nameless symbol'}, which nobody defines")
            struct.pack_into("<i", code, place, value)
    functions = {
        symbol.name: places[symbol.section] + symbol.value
        for symbol in symbols
        if symbol.name and symbol.section in places and sections[symbol.section].flags & EXECUTABLE
    }
    debug = [_debug_section(data, sections, symbols, places, name) for name in DEBUG_SECTIONS]
    frames = read_frames(debug[1])
    traps += _check_frames(code, functions, frames, references)
    frameless = sorted(pair for frame in frames for pair in frame.frameless)
    sites = _sites(_lines(debug[0], functions), traps, frameless)
    saved = {frame.start: frame.saved for frame in frames}
    inlined = read_inlined(*debug[2:])
    landings = _landings(data, sections, symbols, places)
    return UnitCode(bytes(code), functions, sites, references, inlined, saved, landings)


def _landings(
    data: bytes, sections: list[_Section], symbols: list[_Symbol], places: dict[int, int]
) -> list[tuple[int, int, int]]:
    """Where exceptions land."""
    tables = next((at for at, section in enumerate(sections) if section.name == TABLES), None)
    if tables is None:
        return []
    found: list[tuple[int, int]] = []
    function = 0
    for section in sections:
        if section.type == RELOCATIONS_WITH_ADDENDS and sections[section.info].name == FRAMES:
            content = data[section.offset : section.offset + section.size]
            for _, info, addend in sorted(struct.iter_unpack("<QQq", content)):
                symbol = symbols[info >> 32]
                if symbol.section in places:
                    function = places[symbol.section] + symbol.value + addend
                elif symbol.section == tables:
                    found.append((function, symbol.value + addend))
    section = sections[tables]
    return read_landings(bytearray(data[section.offset : section.offset + section.size]), found)


def _sections(data: bytes) -> list[_Section]:
    if data[:6] != b"\x7fELF\x02\x01":
        raise InternalError("LLVM's object is not a 64-bit little-endian ELF file")
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names_at = struct.unpack_from("<HHH", data, 0x3A)
    rows = [struct.unpack_from("<IIQQQQIIQQ", data, table + at * size) for at in range(count)]
    names = rows[names_at][4]
    sections = []
    for name, type_, flags, _, offset, length, link, info, align, _ in rows:
        text = data[names + name : data.index(b"\0", names + name)].decode()
        sections.append(_Section(text, type_, flags, offset, length, link, info, align))
    return sections


def _symbols(data: bytes, sections: list[_Section]) -> list[_Symbol]:
    symbols = []
    for section in sections:
        if section.type == SYMBOL_TABLE:
            names = sections[section.link].offset
            content = data[section.offset : section.offset + section.size]
            for name, _, _, where, value, _ in struct.iter_unpack("<IBBHQQ", content):
                at = names + name
                symbols.append(_Symbol(data[at : data.index(b"\0", at)].decode(), where, value))
    return symbols


def _check_frames(
    code: bytearray, functions: dict[str, int], frames: list[Frame], references: list[int]
) -> list[tuple[int, int, int]]:
    """Tell the checks of the stack how large the frames are; the traps of the checks."""
    traps: list[tuple[int, int, int]] = []
    for frame in frames:
        size = max((frame_bytes(code, at) for at in frame.set), default=0)
        if size > MOST_FRAME_BYTES:
            name = next((name for name, start in functions.items() if start == frame.start), "f?")
            raise CompileError(
                f"function {name[1:]} needs a frame of {size:,} bytes on the stack; the most is {MOST_FRAME_BYTES:,}"
            )
        start = frame.start
        if begins_with_room(code, start):
            references.append(finish_room(code, start))
            start += ROOM_BYTES
        if begins_with_check(code, start):
            fill_in(code, start, size)
            traps.append((start + TRAP_AT, start + TRAP_AT + 1, STACK_OVERFLOW))
        elif size > UNCHECKED_FRAME_BYTES:
            raise UncheckedFrame(f"a frame of {size} bytes is not compared with the stack limit")
    return traps


def _sites(
    lines: list[tuple[int, int]], traps: list[tuple[int, int, int]], frameless_ranges: list[tuple[int, int]]
) -> list[tuple[int, int, int]]:
    """Rows of the line table and traps as sites."""
    addresses = [address for address, _ in lines]
    sites = [(address, MEMORY, line) for address, line in lines]

    def add(address: int, kind: int) -> None:
        at = bisect_right(addresses, address) - 1
        sites.append((address, kind, sites[at][2] if at >= 0 else 0))

    for address, behind, kind in traps:
        add(address, kind)
        add(behind, MEMORY)
    for start, end in frameless_ranges:
        add(start, MEMORY)
        add(end, MEMORY)
    sites.sort(key=lambda site: (site[0], site[1] & SITE_RANGE))
    if frameless_ranges:
        addresses = [address for address, _, _ in sites]
        for start, end in frameless_ranges:
            for at in range(bisect_left(addresses, start), bisect_left(addresses, end)):
                address, kind, known = sites[at]
                sites[at] = (address, kind | SITE_FRAMELESS, known)
    return sites


def _debug_section(
    data: bytes, sections: list[_Section], symbols: list[_Symbol], places: dict[int, int], name: str
) -> bytearray:
    """A section for the debugger; addresses of code in it are offsets in the unit's code."""
    content = bytearray()
    for at, section in enumerate(sections):
        if section.name == name:
            content += data[section.offset : section.offset + section.size]
            relocations = [row for row in sections if row.type == RELOCATIONS_WITH_ADDENDS and row.info == at]
            for row in relocations:
                _relocate(content, data[row.offset : row.offset + row.size], symbols, places)
    return content


def _relocate(content: bytearray, relocations: bytes, symbols: list[_Symbol], places: dict[int, int]) -> None:
    for offset, info, addend in struct.iter_unpack("<QQq", relocations):
        symbol = symbols[info >> 32]
        kind = info & 0xFFFFFFFF
        if kind not in (R_32, R_64):
            raise InternalError(f"the object has a relocation of type {kind} in its debug information")
        value = places.get(symbol.section, 0) + symbol.value + addend
        struct.pack_into("<I" if kind == R_32 else "<Q", content, offset, value)


def _lines(program: bytearray, functions: dict[str, int]) -> list[tuple[int, int]]:
    """(offset in the unit's code, wasm offset) of each row of the line table, ascending.

    A row without a line takes that of the row before, or at the start of a function of the next one.
    """
    rows = _line_program(program) if program else []
    rows.sort()
    starts = frozenset(functions.values())
    known = waiting = 0  # the line, and how many rows wait for one
    for at, (address, line) in enumerate(rows):
        if address in starts and (not at or rows[at - 1][0] != address):
            known = waiting = 0
        if line:
            for unknown in range(at - waiting, at):
                rows[unknown] = (rows[unknown][0], line)
            known, waiting = line, 0
        elif known:
            rows[at] = (address, known)
        else:
            waiting += 1
    return rows


def _line_program(data: bytearray) -> list[tuple[int, int]]:
    """Run a DWARF 4 line number program (section 6.2.5)."""
    (version,) = struct.unpack_from("<H", data, 4)
    if version != 4:
        raise InternalError(f"LLVM wrote a line table of version {version}")
    (header_length,) = struct.unpack_from("<I", data, 6)
    minimum_length, _, _, line_base, line_range, opcode_base = struct.unpack_from("<BBBbBB", data, 10)
    lengths = data[16 : 16 + opcode_base - 1]
    at = 10 + header_length
    end = len(data)
    rows: list[tuple[int, int]] = []
    add = rows.append
    address, line = 0, 1
    constant_advance = (255 - opcode_base) // line_range * minimum_length
    while at < end:
        opcode = data[at]
        at += 1
        if opcode >= opcode_base:
            opcode -= opcode_base
            address += opcode // line_range * minimum_length
            line += line_base + opcode % line_range
            add((address, line))
        elif opcode == 1:  # copy
            add((address, line))
        elif opcode == 2:  # advance_pc
            amount, at = unsigned(data, at)
            address += amount * minimum_length
        elif opcode == 3:  # advance_line
            amount, at = _signed(data, at)
            line += amount
        elif opcode == 8:  # const_add_pc
            address += constant_advance
        elif opcode == 9:  # fixed_advance_pc
            address += data[at] | data[at + 1] << 8
            at += 2
        elif opcode == 0:
            length, at = unsigned(data, at)
            if data[at] == 2:  # set_address
                (address,) = struct.unpack_from("<Q", data, at + 1)
            elif data[at] == 1:  # end_sequence
                address, line = 0, 1
            at += length
        else:
            for _ in range(lengths[opcode - 1]):
                _, at = unsigned(data, at)
    return rows


def _signed(data: bytearray, at: int) -> tuple[int, int]:
    """The same as `unsigned`, of a number with a sign."""
    value, end = unsigned(data, at)
    bits = 7 * (end - at)
    return (value - (1 << bits) if value >> (bits - 1) else value), end
