"""Dates read from a text: `strptime`, for programs whose C library leaves it to the host (until emcc 3.1.40).

A format is gone through once, and the text with it: each conversion takes the digits or the name that it stands for.
What the format does not say stays as the record had it, as far as that is a date; day of the week and of the year
follow from the date. As in musl, the number of a week is read, and says nothing.
"""

from __future__ import annotations

import errno
import re
from typing import Any, Final

from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.dates import (
    COMPOSED,
    DAYS,
    MAX_FORMAT,
    MONTHS,
    Broken,
    broken_down,
    fields_at,
    put_fields,
    seconds_of,
)
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.process import Process

MAX_TEXT: Final = 4096
"""Bytes of a text that are looked at; a date is shorter."""
_DIGITS: Final = {
    "C": ("century", 2), "d": ("day", 2), "e": ("day", 2), "H": ("hour", 2), "I": ("twelve", 2), "j": ("yearday", 3),
    "k": ("hour", 2), "l": ("twelve", 2), "m": ("month", 2), "M": ("minute", 2), "S": ("second", 2),
    "u": ("weekday", 1), "U": ("week", 2), "V": ("week", 2), "w": ("weekday", 1), "W": ("week", 2),
    "y": ("short", 2), "Y": ("year", 4),
}  # fmt: skip
"""What a conversion of digits says, and of how many at most."""
_RANGES: Final = {
    "day": (1, 31), "hour": (0, 23), "twelve": (1, 12), "yearday": (1, 366), "month": (1, 12), "minute": (0, 59),
    "second": (0, 60), "weekday": (0, 7), "week": (0, 53),
}  # fmt: skip
_ZONE: Final = re.compile(r"([+-])(\d\d):?(\d\d)|Z")
_PIVOT: Final = 69
"""The first of the two-digit years of the last century (POSIX)."""


class _Read:
    """What was read of a text so far.

    Attributes:
        at: where the rest begins; -1: it is no such text.
        said: what it says.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.said: dict[str, int] = {}

    def take(self, format: str) -> None:
        """Go on by a format."""
        at = 0
        while at < len(format) and self.at >= 0:
            letter = format[at]
            at += 1
            if letter.isspace():
                self._blanks()
                continue
            if letter == "%" and at < len(format):
                letter = format[at]
                at += 1
                if letter in "EO" and at < len(format):  # of another locale, which there is none of
                    letter = format[at]
                    at += 1
                self._conversion(letter)
            else:
                self._literal(letter)

    def _blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _literal(self, letter: str) -> None:
        self.at = self.at + 1 if self.text.startswith(letter, self.at) else -1

    def _conversion(self, letter: str) -> None:
        if letter in COMPOSED:
            self.take(COMPOSED[letter])
        elif letter in _DIGITS:
            self._number(*_DIGITS[letter])
        elif letter in "aA":
            self._name("weekday", DAYS)
        elif letter in "bBh":
            self._name("month", MONTHS, 1)
        elif letter in "pP":
            self._name("afternoon", ("AM", "PM"))
        elif letter in "nt":
            self._blanks()
        elif letter == "z":
            self._zone()
        elif letter == "Z":
            while self.at < len(self.text) and self.text[self.at].isalpha():
                self.at += 1
        else:
            self._literal("%" if letter == "%" else "")
            self.at = self.at if letter == "%" else -1

    def _number(self, what: str, most: int) -> None:
        self._blanks()
        digits = re.compile(rf"[0-9]{{1,{most}}}").match(self.text, self.at)
        least, greatest = _RANGES.get(what, (0, 9999))
        if digits is None or not least <= int(digits[0]) <= greatest:
            self.at = -1
            return
        self.at = digits.end()
        self.said[what] = int(digits[0])

    def _name(self, what: str, names: Any, first: int = 0) -> None:
        rest = self.text[self.at :].casefold()
        for number, name in enumerate(names, first):
            for written in (name, name[:3]):
                if rest.startswith(written.casefold()):
                    self.at += len(written)
                    self.said[what] = number
                    return
        self.at = -1

    def _zone(self) -> None:
        zone = _ZONE.match(self.text, self.at)
        if zone is None:
            self.at = -1
            return
        self.at = zone.end()
        east = 0 if zone[1] is None else int(zone[2]) * 3600 + int(zone[3]) * 60
        self.said["east"] = -east if zone[1] == "-" else east


def _completed(said: dict[str, int], before: Broken) -> Broken:
    """A date and time of what was read, and what the record had."""
    year = said.get("year", before.year + 1900 if 70 <= before.year <= 8099 else 1970)
    if "short" in said:
        century = said.get("century", 20 if said["short"] < _PIVOT else 19)
        year = 100 * century + said["short"]
    elif "century" in said and "year" not in said:
        year = 100 * said["century"] + year % 100
    hour = said.get("hour", before.hour if 0 <= before.hour < 24 else 0)
    if "twelve" in said:
        hour = said["twelve"] % 12
    if said.get("afternoon") and hour < 12:
        hour += 12
    month = said.get("month", before.month + 1 if 0 <= before.month < 12 else 1)
    day = said.get("day", before.day if 0 < before.day < 32 else 1)
    if "yearday" in said and "month" not in said and "day" not in said:
        month, day = 1, said["yearday"]
    minute = said.get("minute", before.minute if 0 <= before.minute < 60 else 0)
    second = said.get("second", before.second if 0 <= before.second < 60 else 0)
    return broken_down(seconds_of(Broken(second, minute, hour, day, month - 1, year - 1900, 0, 0, 0)))


def _beginning(process: Process, pointer: int, most: int) -> str:
    """A text, as far as it is looked at; a letter is a byte, so that places are addresses."""
    try:
        data = process.guest.string(pointer, most)
    except OSError as failure:
        must_be_answer(failure)
        if failure.errno != errno.ENAMETOOLONG:
            raise
        data = process.guest.read(pointer, most)
    return data.decode("latin-1")


@provides("iii?i->i", "strptime", "strptime_l")
def strptime(process: Process, text: int, format: int, tm: int, locale: int = 0) -> int:
    """Read a date and time in a format: where the text goes on, or 0: it is none."""
    before = fields_at(process, tm)
    read = _Read(_beginning(process, text, MAX_TEXT))
    read.take(_beginning(process, format, MAX_FORMAT))
    if read.at < 0:
        return 0
    put_fields(process, tm, _completed(read.said, before), read.said.get("east", 0))
    return (text + read.at) & U32
