"""Which code stands for calls that are no more: LLVM's record of inlining, as rows.

Every function that LLVM sees has a name for the debugger, and every call a location, so
wherever it inlines it keeps track of what came from where. With line tables only, it writes
of each function just that: a tree of the calls inlined into it, each with the function it
called, the line of the call (here: its wasm offset) and the code that came of it. That code
may be many ranges, since blocks are moved and copied; a range of an inner call lies
inside of one of the outer.

The ranges become `Inlined` rows. Only what LLVM writes for modules of ours is understood;
anything else is an `InternalError`.

Source: DWARF 4, sections 2.17.3 (ranges), 3.3.8 (inlined functions), 7.5 (encoding).
"""

from __future__ import annotations

from struct import Struct, unpack_from
from typing import Final, NamedTuple

from wasmer_runtime_core.errors import InternalError

COMPILE_UNIT: Final = 0x11
INLINED_SUBROUTINE: Final = 0x1D
SUBPROGRAM: Final = 0x2E

NAME: Final = 0x03
LOW_PC: Final = 0x11
HIGH_PC: Final = 0x12
ABSTRACT_ORIGIN: Final = 0x31
RANGES: Final = 0x55
CALL_LINE: Final = 0x59

# fmt: off
FORMS: Final = {
    0x01: "Q",  # addr
    0x05: "H",  # data2
    0x06: "I",  # data4
    0x07: "Q",  # data8
    0x0B: "B",  # data1
    0x0E: "I",  # strp
    0x13: "I",  # ref4
    0x17: "I",  # sec_offset
    0x19: "",   # flag_present
}
# fmt: on
"""Form -> its place in a `struct` format: all that LLVM uses have a fixed size."""

_range = Struct("<QQ").unpack_from


class Inlined(NamedTuple):
    """Code that came of an inlined call."""

    start: int
    """Offset of its first byte."""
    end: int
    """Offset behind its last byte."""
    function: int
    """Index of the function that was called."""
    call: int
    """Wasm offset of the call."""
    up: int
    """How many rows before this one lies the row of the call around it; 0: there is none."""


class _Abbreviation(NamedTuple):
    """An abbreviation: what an entry of the tree holds."""

    tag: int
    fields: Struct
    places: dict[int, int]
    """Attribute -> number of its field."""


def read_inlined(info: bytearray, abbreviations: bytearray, ranges: bytearray, strings: bytearray) -> list[Inlined]:
    """Rows for a unit, ascending by start, outer before inner.

    The arguments are the sections .debug_info, .debug_abbrev, .debug_ranges and .debug_str,
    relocated.

    Raises:
        InternalError: they hold something that LLVM does not write for modules of ours.
    """
    if not info:
        return []
    length, version, abbreviations_at, address_bytes = unpack_from("<IHIB", info)
    if (length + 4, version, abbreviations_at, address_bytes) != (len(info), 4, 0, 8):
        raise InternalError("LLVM's debug information is not one unit of DWARF 4 in its 32-bit form")
    known = _abbreviations(abbreviations)
    functions: dict[int, int] = {}
    found: list[tuple[int, int, int, int]] = []
    base = 0
    at = 11
    end = len(info)
    while at < end:
        entry = at
        code, at = unsigned(info, at)
        if code == 0:
            continue
        tag, fields, places = known[code]
        values = fields.unpack_from(info, at)
        at += fields.size
        if tag == INLINED_SUBROUTINE:
            origin, call = values[places[ABSTRACT_ORIGIN]], values[places[CALL_LINE]]
            if RANGES in places:
                pieces = _ranges(ranges, values[places[RANGES]], base)
            else:
                start = values[places[LOW_PC]]
                pieces = [(start, start + values[places[HIGH_PC]])]
            found += [(start, end_, origin, call) for start, end_ in pieces]
        elif tag == SUBPROGRAM:
            if NAME in places:
                name_at = values[places[NAME]]
                functions[entry] = int(strings[name_at + 1 : strings.index(0, name_at)])
        elif tag == COMPILE_UNIT:
            base = values[places[LOW_PC]] if LOW_PC in places else 0
        else:
            raise InternalError(f"LLVM's debug information has an entry of tag {tag:#x}")
    return _nested(found, functions)


def _nested(found: list[tuple[int, int, int, int]], functions: dict[int, int]) -> list[Inlined]:
    """Put ranges in order and find what lies around each. Of equal ranges the outer one was found first."""
    found.sort(key=lambda row: (row[0], -row[1]))
    rows: list[Inlined] = []
    around: list[tuple[int, int]] = []  # (end, number of the row) of the ranges that are open
    for number, (start, end, origin, call) in enumerate(found):
        while around and around[-1][0] < end:
            around.pop()
        rows.append(Inlined(start, end, functions[origin], call, number - around[-1][1] if around else 0))
        around.append((end, number))
    return rows


def _ranges(section: bytearray, at: int, base: int) -> list[tuple[int, int]]:
    """A list of ranges; those that touch become one."""
    pieces: list[tuple[int, int]] = []
    start = end = -1
    while True:
        low, high = _range(section, at)
        at += 16
        if low == end:
            end = high
            continue
        if end > start:
            pieces.append((base + start, base + end))
        if high == 0:
            return pieces
        if low > high:
            raise InternalError("LLVM's list of ranges changes its base address")
        start, end = low, high


def _abbreviations(section: bytearray) -> dict[int, _Abbreviation]:
    known: dict[int, _Abbreviation] = {}
    at = 0
    while True:
        code, at = unsigned(section, at)
        if code == 0:
            return known
        tag, at = unsigned(section, at)
        at += 1  # whether it has children: not asked, outer entries come first
        form = "<"
        places: dict[int, int] = {}
        while True:
            attribute, at = unsigned(section, at)
            number, at = unsigned(section, at)
            if attribute == 0:
                break
            if number not in FORMS:
                raise InternalError(f"LLVM's debug information has a field of form {number:#x}")
            if FORMS[number]:
                places[attribute] = len(form) - 1
                form += FORMS[number]
        known[code] = _Abbreviation(tag, Struct(form), places)


def unsigned(data: bytearray, at: int) -> tuple[int, int]:
    """(a number in LEB128, where it ends)."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
