"""`strptime` of the host: what it takes, what it refuses, what it leaves as it was."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from worlds import put_text, world

from wasmer_emscripten.functions import ROWS

TM, TEXT, FORMAT = 8400, 20_000, 10_000
BEFORE = (5, 6, 7, 8, 9, 110, 0, 0, 0)
"""2010-10-08 07:06:05."""


def read(text: str, format: str, before: tuple[int, ...] = BEFORE) -> tuple[Any, Any, Any]:
    """How many bytes were read, the nine fields, seconds to the east."""
    program = world()
    program.memory.write(TM, struct.pack("<9i", *before) + bytes(8))
    put_text(program, TEXT, text)
    put_text(program, FORMAT, format)
    end = ROWS["strptime"][0].function(program.process, TEXT, FORMAT, TM)
    fields = struct.unpack("<9i", program.memory.read(TM, 36))
    return (end - TEXT if end else None), fields, struct.unpack("<i", program.memory.read(TM + 36, 4))[0]


@pytest.mark.parametrize(
    ("text", "format", "length", "fields"),
    [
        ("2015-03-05T23:51:47Z", "%Y-%m-%dT%H:%M:%SZ", 20, (47, 51, 23, 5, 2, 115, 4, 63, 0)),
        ("2024-02-29 rest", "%F", 10, (5, 6, 7, 29, 1, 124, 4, 59, 0)),
        ("Thu, 5 Mar 2015", "%a, %d %b %Y", 15, (5, 6, 7, 5, 2, 115, 4, 63, 0)),
        ("thursday MARCH 5", "%A %B %e", 16, (5, 6, 7, 5, 2, 110, 5, 63, 0)),
        ("12:30 AM", "%I:%M %p", 8, (5, 30, 0, 8, 9, 110, 5, 280, 0)),
        ("12:30:01 pm", "%r", 11, (1, 30, 12, 8, 9, 110, 5, 280, 0)),
        ("68 69", "%y %y", 5, (5, 6, 7, 8, 9, 69, 3, 280, 0)),
        ("1905", "%C%y", 4, (5, 6, 7, 8, 9, 5, 0, 280, 0)),
        ("2024060", "%Y%j", 7, (5, 6, 7, 29, 1, 124, 4, 59, 0)),
        ("  7\t8 %", "%H %M %%", 7, (5, 8, 7, 8, 9, 110, 5, 280, 0)),
        ("03/05/15 1:2:3", "%D %T", 14, (3, 2, 1, 5, 2, 115, 4, 63, 0)),
        ("23:59:60", "%T", 8, (0, 0, 0, 9, 9, 110, 6, 281, 0)),
    ],
)
def test_what_is_read(text: str, format: str, length: int, fields: tuple[int, ...]) -> None:
    assert read(text, format)[:2] == (length, fields)


@pytest.mark.parametrize(("text", "east"), [("+0130", 5400), ("-05:00", -18_000), ("Z", 0)])
def test_the_zone(text: str, east: int) -> None:
    assert read(f"1 {text}", "%H %z")[2] == east


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("", "%Y"), ("25", "%H"), ("13", "%m"), ("0", "%d"), ("x", "%a"), ("1-2", "%H:%M"), ("1", "%q"), ("1", "%Ez"),
        ("367", "%j"), ("é", "%Y"), ("a", "b"), ("1", "%H%"),
    ],
)  # fmt: skip
def test_what_is_none_changes_nothing(text: str, format: str) -> None:
    assert read(text, format) == (None, BEFORE, 0)


def test_a_record_that_is_no_date() -> None:
    wild = (99, -1, 1 << 30, 0, -5, -(1 << 31), 9, 9, 9)
    assert read("x", "x", wild)[1] == (0, 0, 0, 1, 0, 70, 4, 0, 0)


def test_a_text_of_any_length() -> None:
    assert read("1" * 400_000, "%n" * 1900 + "%H")[0] == 2
