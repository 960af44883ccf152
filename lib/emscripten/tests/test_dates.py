"""Dates that no record holds, and zones that cannot be read just now."""

from __future__ import annotations

import struct
import zoneinfo
from typing import Any

import pytest
from worlds import world

from wasmer_emscripten import Program
from wasmer_emscripten.functions import ROWS
from wasmer_emscripten.library import dates

TM = 8400
MOST = (1 << 31) - 1
EOVERFLOW = 61
LAST_SECOND = 67_768_036_191_676_799
"""Of the year 2147485547, the last one that `struct tm` holds."""


def call(program: Program, name: str, *args: int) -> Any:
    return ROWS[name][0].function(program.process, *args)


def put(program: Program, *fields: int) -> None:
    program.process.guest.write(TM, struct.pack("<9i", *fields) + bytes(8))


@pytest.mark.parametrize("name", ["_mktime_js", "_timegm_js"])
@pytest.mark.parametrize("fields", [(MOST,) * 9, (0, 0, 0, 1, 12, MOST, 0, 0, 0), (-MOST,) * 5 + (-MOST - 1, 0, 0, 0)])
def test_a_year_beyond_its_field_is_no_moment(name: str, fields: tuple[int, ...]) -> None:
    program = world(env={"TZ": "Pacific/Auckland"})
    put(program, *fields)
    assert call(program, name, TM) == -1
    assert struct.unpack("<9i", program.process.guest.read(TM, 36)) == fields


@pytest.mark.parametrize("name", ["_localtime_js", "_gmtime_js"])
def test_a_moment_beyond_the_last_year(name: str) -> None:
    program = world(env={"TZ": "UTC"})
    put(program, *range(9))
    for seconds in (LAST_SECOND + 1, 1 << 62, -(1 << 63), (1 << 63) - 1):
        assert call(program, name, seconds, TM) == EOVERFLOW
        assert struct.unpack("<9i", program.process.guest.read(TM, 36)) == tuple(range(9))
    assert call(program, name, LAST_SECOND, TM) == 0
    assert struct.unpack("<9i", program.process.guest.read(TM, 36))[:6] == (59, 59, 23, 31, 11, MOST)


def test_a_zone_that_cannot_be_read_now_is_read_later(monkeypatch: pytest.MonkeyPatch) -> None:
    dates._known.cache_clear()
    program = world(env={"TZ": "Asia/Tokyo"})

    def no_more_files(name: str) -> Any:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(zoneinfo, "ZoneInfo", no_more_files)
        assert dates.offset_at(program.process, 0).east == 0
    assert dates.offset_at(program.process, 0).east == 9 * 3600
