"""The table of sites, packed: its rows come back, each is found, and bytes that are no table harm nobody."""

from __future__ import annotations

import random
import struct
from array import array
from typing import Final

import pytest

from wasmer_runtime_core.contract.traps import CALL_SITE, SITE_FRAMELESS, SITE_RANGE
from wasmer_runtime_core.native.machine import Code, pack_sites, unpack_sites

Row = tuple[int, int, int]
KINDS: Final = (2, 7, CALL_SITE, 2 | SITE_RANGE, CALL_SITE | SITE_FRAMELESS)
LAST: Final = 0xFFFF_FFFF


def packed_rows(rows: list[Row]) -> bytes:
    return array("I", [word for row in rows for word in row]).tobytes()


def some_rows(seed: int, count: int, size: int) -> list[Row]:
    """As compilers give them: by offset, several at one offset now and then."""
    chosen = random.Random(seed)
    offsets = sorted(chosen.choices(range(size), k=count))
    return [(offset, chosen.choice(KINDS), chosen.randrange(1 << chosen.randrange(1, 33))) for offset in offsets]


@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, 64, 65, 1000])
def test_rows_come_back(count: int) -> None:
    rows = packed_rows(some_rows(count, count, 3 * count + 1))
    assert unpack_sites(pack_sites(rows)) == rows


def test_rows_of_any_words_come_back() -> None:
    """Also those that are in no order."""
    chosen = random.Random(1)
    words = (0, 1, 63, 64, 127, 128, 1 << 31, LAST - 1, LAST)
    rows = packed_rows([(chosen.choice(words), chosen.choice(words), chosen.choice(words)) for _ in range(2000)])
    assert unpack_sites(pack_sites(rows)) == rows


def test_it_takes_a_third() -> None:
    rows = [(7 * at, KINDS[at % 2], 5 * at) for at in range(10_000)]
    assert len(pack_sites(packed_rows(rows))) < 12 * len(rows) * 0.42


def located(rows: list[Row], offset: int) -> int:
    """What an operator's offset in the module is, by a walk over all rows."""
    for at, kind, wasm_offset in rows:
        if at == offset and kind & 0xFF != CALL_SITE:
            return wasm_offset
    before = [wasm_offset for at, _, wasm_offset in rows if at < offset]
    return before[-1] if before else 0


@pytest.mark.parametrize("count", [0, 1, 5, 32, 33, 200])
def test_each_offset_is_found(count: int) -> None:
    size = 400
    rows = some_rows(count, count, size)
    code = Code(b"\x90" * size, struct.pack("<2I", 0, size), packed_rows(rows), 0, None, False)
    assert code.read_sites() == packed_rows(rows)
    for offset in range(size):
        assert code.locate(code.address + offset) == (0, located(rows, offset)), offset


def test_bytes_that_are_no_table_are_refused() -> None:
    whole = pack_sites(packed_rows(some_rows(1, 100, 500)))
    for damaged in (
        b"",
        whole[:7],
        whole[:-1],
        whole + b"\0",
        struct.pack("<2I", LAST, 0),
        struct.pack("<2I", LAST, LAST),
    ):
        with pytest.raises(ValueError, match="no table of sites"):
            unpack_sites(damaged)
        with pytest.raises(ValueError, match="damaged"):
            Code(b"\x90", struct.pack("<2I", 0, 1), damaged, 0, None, False, packed=True)
    with pytest.raises(ValueError, match="damaged"):
        pack_sites(b"12345")


def test_a_damaged_table_is_walked_to_its_end() -> None:
    """Lengths fit, and all else may be anything: what is found then means nothing, and lies inside."""
    chosen = random.Random(3)
    whole = pack_sites(packed_rows(some_rows(2, 300, 500)))
    for _ in range(300):
        table = bytearray(whole)
        for _ in range(chosen.randrange(1, 30)):
            table[chosen.randrange(8, len(table))] = chosen.choice((0, 0x7F, 0x80, 0xFF, chosen.randrange(256)))
        assert len(unpack_sites(bytes(table))) == 12 * 300
        code = Code(b"\x90" * 500, struct.pack("<2I", 0, 500), bytes(table), 0, None, False, packed=True)
        for offset in range(0, 500, 7):
            assert code.locate(code.address + offset) is not None
