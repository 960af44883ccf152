"""Attributes, and how their values are written (7.5.4 to 7.5.6)."""

from __future__ import annotations

from typing import NamedTuple

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.debug.dwarf.data import Data, Malformed

# Tags of entries (7.5.3).
TAG_COMPILE_UNIT: Final = 0x11
TAG_INLINED_SUBROUTINE: Final = 0x1D
TAG_SUBPROGRAM: Final = 0x2E
TAG_PARTIAL_UNIT: Final = 0x3C

# Attributes (7.5.4).
AT_NAME: Final = 0x03
AT_STMT_LIST: Final = 0x10
AT_LOW_PC: Final = 0x11
AT_HIGH_PC: Final = 0x12
AT_COMP_DIR: Final = 0x1B
AT_ABSTRACT_ORIGIN: Final = 0x31
AT_SPECIFICATION: Final = 0x47
AT_RANGES: Final = 0x55
AT_CALL_COLUMN: Final = 0x57
AT_CALL_FILE: Final = 0x58
AT_CALL_LINE: Final = 0x59
AT_LINKAGE_NAME: Final = 0x6E
AT_STR_OFFSETS_BASE: Final = 0x72
AT_ADDR_BASE: Final = 0x73
AT_RNGLISTS_BASE: Final = 0x74

# What a value means, as far as it matters here.
CONSTANT: Final = 0
ADDRESS: Final = 1
ADDRESS_INDEX: Final = 2  # into .debug_addr
STRING: Final = 3  # inline: the offset of its bytes
STRING_OFFSET: Final = 4  # into .debug_str
LINE_STRING_OFFSET: Final = 5  # into .debug_line_str
STRING_INDEX: Final = 6  # into .debug_str_offsets
SECTION_OFFSET: Final = 7
LIST_INDEX: Final = 8  # into the lists of ranges
UNIT_REFERENCE: Final = 9  # from the start of the unit
REFERENCE: Final = 10  # from the start of .debug_info
OTHER: Final = 11

# How a value is written: a number of bytes, or one of these.
ULEB: Final = -1
SLEB: Final = -2
TEXT: Final = -3  # up to a NUL
BLOCK_1: Final = -4  # a length of one byte, and so many bytes
BLOCK_2: Final = -5
BLOCK_4: Final = -6
BLOCK_ULEB: Final = -7
OFFSET: Final = -8  # 4 bytes, 8 in 64-bit DWARF
AN_ADDRESS: Final = -9  # as large as the unit's addresses
INDIRECT: Final = -10  # the form stands in the entry
IMPLICIT: Final = -11  # the value stands in the abbreviation


class Form(NamedTuple):
    """One row of table 7.6."""

    meaning: int
    size: int


FORMS: Final = {
    0x01: Form(ADDRESS, AN_ADDRESS),  # addr
    0x03: Form(OTHER, BLOCK_2),  # block2
    0x04: Form(OTHER, BLOCK_4),  # block4
    0x05: Form(CONSTANT, 2),  # data2
    0x06: Form(CONSTANT, 4),  # data4
    0x07: Form(CONSTANT, 8),  # data8
    0x08: Form(STRING, TEXT),  # string
    0x09: Form(OTHER, BLOCK_ULEB),  # block
    0x0A: Form(OTHER, BLOCK_1),  # block1
    0x0B: Form(CONSTANT, 1),  # data1
    0x0C: Form(CONSTANT, 1),  # flag
    0x0D: Form(CONSTANT, SLEB),  # sdata
    0x0E: Form(STRING_OFFSET, OFFSET),  # strp
    0x0F: Form(CONSTANT, ULEB),  # udata
    0x10: Form(REFERENCE, OFFSET),  # ref_addr
    0x11: Form(UNIT_REFERENCE, 1),  # ref1
    0x12: Form(UNIT_REFERENCE, 2),  # ref2
    0x13: Form(UNIT_REFERENCE, 4),  # ref4
    0x14: Form(UNIT_REFERENCE, 8),  # ref8
    0x15: Form(UNIT_REFERENCE, ULEB),  # ref_udata
    0x16: Form(OTHER, INDIRECT),  # indirect
    0x17: Form(SECTION_OFFSET, OFFSET),  # sec_offset
    0x18: Form(OTHER, BLOCK_ULEB),  # exprloc
    0x19: Form(CONSTANT, 0),  # flag_present
    0x1A: Form(STRING_INDEX, ULEB),  # strx
    0x1B: Form(ADDRESS_INDEX, ULEB),  # addrx
    0x1C: Form(OTHER, 4),  # ref_sup4
    0x1D: Form(OTHER, OFFSET),  # strp_sup
    0x1E: Form(OTHER, 16),  # data16
    0x1F: Form(LINE_STRING_OFFSET, OFFSET),  # line_strp
    0x20: Form(OTHER, 8),  # ref_sig8
    0x21: Form(CONSTANT, IMPLICIT),  # implicit_const
    0x22: Form(OTHER, ULEB),  # loclistx
    0x23: Form(LIST_INDEX, ULEB),  # rnglistx
    0x24: Form(OTHER, 8),  # ref_sup8
    0x25: Form(STRING_INDEX, 1),  # strx1
    0x26: Form(STRING_INDEX, 2),  # strx2
    0x27: Form(STRING_INDEX, 3),  # strx3
    0x28: Form(STRING_INDEX, 4),  # strx4
    0x29: Form(ADDRESS_INDEX, 1),  # addrx1
    0x2A: Form(ADDRESS_INDEX, 2),  # addrx2
    0x2B: Form(ADDRESS_INDEX, 3),  # addrx3
    0x2C: Form(ADDRESS_INDEX, 4),  # addrx4
}
_BLOCK_LENGTHS: Final = {BLOCK_1: 1, BLOCK_2: 2, BLOCK_4: 4}


class Value(NamedTuple):
    """An attribute as it is written: what it means is for its unit to say."""

    meaning: int
    number: int


def form(code: int) -> Form:
    """The row of a form's code."""
    found = FORMS.get(code)
    if found is None:
        raise Malformed(f"form {code:#x}")
    return found


def read_value(data: Data, written: Form, implicit: int, address_size: int, offset_size: int) -> Value:
    """The value at the position, which is passed over."""
    meaning, size = written
    data.budget.spend(1)
    if size >= 0:
        return Value(meaning, data.number(size))
    if size == AN_ADDRESS:
        return Value(meaning, data.number(address_size))
    if size == OFFSET:
        return Value(meaning, data.number(offset_size))
    if size == ULEB:
        return Value(meaning, data.uleb())
    if size == SLEB:
        return Value(meaning, data.sleb())
    if size == IMPLICIT:
        return Value(meaning, implicit)
    if size == TEXT:
        start = data.position
        data.string()
        return Value(meaning, start)
    if size == INDIRECT:
        inner = form(data.uleb())
        if inner.size in (INDIRECT, IMPLICIT):
            raise Malformed("a form that leads to another")
        return read_value(data, inner, 0, address_size, offset_size)
    length = data.uleb() if size == BLOCK_ULEB else data.number(_BLOCK_LENGTHS[size])
    return Value(meaning, data.skip(length))
