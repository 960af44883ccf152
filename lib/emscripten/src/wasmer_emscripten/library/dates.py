"""Dates: from seconds since 1970 to days and hours of a time zone, and back.

The zone is the one that the program's variable ``TZ`` names (as it was given), else this machine's. Days are counted
by arithmetic that has no end, so any year a program makes up costs the same.
"""

from __future__ import annotations

import errno
import functools
import time
from datetime import UTC, datetime, timedelta, tzinfo
from struct import Struct
from typing import Any, Final, NamedTuple

from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32
from wasmer_emscripten.library.clocks import SECOND, realtime
from wasmer_emscripten.numbers import FROM_HOST, must_be_answer
from wasmer_emscripten.process import Process

DAY: Final = 86_400
_TM: Final = Struct("<9i")
_GMTOFF: Final = 36
_NAME_BYTES: Final = 17
"""Room for the name of a zone in today's C library, its NUL included."""
_EARLIEST, _LATEST = -62_135_000_000, 253_402_000_000  # the years that Python's dates have, a week less
_MOST_YEARS: Final = 1 << 31
"""A year that is told, counted from 1900, is less, or as much before."""
_EOVERFLOW: Final = FROM_HOST[errno.EOVERFLOW]


class Broken(NamedTuple):
    """A broken-down time, in the order of `struct tm`."""

    second: int
    minute: int
    hour: int
    day: int
    month: int
    year: int
    weekday: int
    yearday: int
    daylight: int


def days_of(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date; `month` from 0 on, and any number: it is counted on."""
    year += month // 12
    month %= 12
    years = year - (month < 2)  # years that begin in March, so that leap days come last
    era, of_era = divmod(years, 400)
    of_year = (153 * ((month - 2) % 12) + 2) // 5
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year + day - 1 - 719_468


def broken_down(seconds: int, daylight: int = 0) -> Broken:
    """The date and time so many seconds behind 1970."""
    days, rest = divmod(seconds, DAY)
    era, of_era = divmod(days + 719_468, 146_097)
    years = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    from_march = (5 * of_year + 2) // 153
    day = of_year - (153 * from_march + 2) // 5 + 1
    month = (from_march + 2) % 12
    year = era * 400 + years + (month < 2)
    yearday = days - days_of(year, 0, 1)
    hour, rest = divmod(rest, 3600)
    return Broken(rest % 60, rest // 60, hour, day, month, year - 1900, (days + 4) % 7, yearday, daylight)


def seconds_of(fields: Broken) -> int:
    """Seconds from 1970 to a date and time, each field of which may be any number."""
    days = days_of(fields.year + 1900, fields.month, 1) + fields.day - 1
    return days * DAY + fields.hour * 3600 + fields.minute * 60 + fields.second


# --- zones


class Offset(NamedTuple):
    """What holds at a moment: seconds east of Greenwich, whether that is summer time, the zone's name then."""

    east: int
    daylight: bool
    name: str


@functools.lru_cache(maxsize=32)
def _known(zone: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(zone)
    except (ValueError, KeyError) as none:  # that this machine knows: as C libraries do
        must_be_answer(none)
        return UTC


def _named(zone: str) -> tzinfo:
    try:
        return _known(zone)
    except OSError as failure:  # a directory of that name; or no file can be opened now, which is not kept
        must_be_answer(failure)
        return UTC


def offset_at(process: Process, seconds: int) -> Offset:
    """What holds in the program's zone at a moment."""
    seconds = min(max(seconds, _EARLIEST), _LATEST)
    if process.zone is None:
        found = time.localtime(seconds)
        return Offset(found.tm_gmtoff, found.tm_isdst > 0, found.tm_zone)
    zone = _named(process.zone)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    there = moment.astimezone(zone)
    east = there.utcoffset() or timedelta()
    return Offset(int(east.total_seconds()), bool(there.dst()), there.tzname() or zone.tzname(None) or "UTC")


def local_seconds(process: Process, fields: Broken) -> int:
    """Seconds from 1970 to a date and time of the program's zone; `daylight` as `mktime` has it."""
    there = seconds_of(fields)
    guess = there - offset_at(process, there).east
    seconds = there - offset_at(process, guess).east
    if fields.daylight >= 0:
        held = offset_at(process, seconds)
        if held.daylight != (fields.daylight > 0):
            standard, summer = _standard_and_summer(process, broken_down(there).year)
            if standard.east != summer.east:
                seconds = there - (summer if fields.daylight > 0 else standard).east
    return seconds


def _standard_and_summer(process: Process, year: int) -> tuple[Offset, Offset]:
    """What holds in winter and in summer of a year, wherever the zone is."""
    january, july = (offset_at(process, days_of(year + 1900, month, 1) * DAY) for month in (0, 6))
    return (january, july) if january.east <= july.east else (july, january)


# --- the functions


def fields_at(process: Process, tm: int) -> Broken:
    """The date and time of a record."""
    return Broken(*process.guest.unpack(_TM, tm))


def put_fields(process: Process, tm: int, fields: Broken, east: int) -> bool:
    """Write a date and time. False, and nothing is written: its year does not fit its field."""
    process.guest.check(tm, _GMTOFF + 4)
    if not -_MOST_YEARS <= fields.year < _MOST_YEARS:
        return False
    process.guest.pack(_TM, tm, *fields)
    process.guest.put_u32(tm + _GMTOFF, east)
    return True


def _put_local(process: Process, tm: int, seconds: int) -> int:
    held = offset_at(process, seconds)
    fits = put_fields(process, tm, broken_down(seconds + held.east, int(held.daylight)), held.east)
    return 0 if fits else _EOVERFLOW


def _put_utc(process: Process, tm: int, seconds: int) -> int:
    return 0 if put_fields(process, tm, broken_down(seconds), 0) else _EOVERFLOW


@provides("Ii->i", "_localtime_js")
def localtime_js(process: Process, seconds: int, tm: int) -> int:
    """Write a moment as date and time of the program's zone."""
    return _put_local(process, tm, seconds)


@provides("Ii->i", "_gmtime_js")
def gmtime_js(process: Process, seconds: int, tm: int) -> int:
    """Write a moment as date and time of UTC."""
    return _put_utc(process, tm, seconds)


def _pointed_at(process: Process, pointer: int) -> int:
    """A time that is passed by its address, as long as times had 32 bits, and a while longer."""
    if process.layouts.timespec.size == 8:
        return process.guest.i32(pointer)
    value = process.guest.u64(pointer)
    return value - (value >> 63 << 64)


@provides("ii->i", "_localtime_js")
def localtime_of_pointer(process: Process, pointer: int, tm: int) -> int:
    """The same; the moment is passed by its address."""
    return _put_local(process, tm, _pointed_at(process, pointer))


@provides("ii->i", "_gmtime_js")
def gmtime_of_pointer(process: Process, pointer: int, tm: int) -> int:
    """The same; the moment is passed by its address."""
    return _put_utc(process, tm, _pointed_at(process, pointer))


@provides("ii->i", "localtime_r", "__localtime_r")
def localtime_r(process: Process, pointer: int, tm: int) -> int:
    """The same, for programs whose C library leaves it to the host; 0 if it does not fit."""
    return 0 if _put_local(process, tm, _pointed_at(process, pointer)) else tm


@provides("ii->i", "gmtime_r", "__gmtime_r")
def gmtime_r(process: Process, pointer: int, tm: int) -> int:
    """The same in UTC."""
    return 0 if _put_utc(process, tm, _pointed_at(process, pointer)) else tm


@provides("i->I", "_mktime_js", "mktime")
def mktime_js(process: Process, tm: int) -> int:
    """The moment of a date and time of the program's zone, written back with each field in its range; -1: none."""
    seconds = local_seconds(process, fields_at(process, tm))
    return -1 if _put_local(process, tm, seconds) else seconds


@provides("i->I", "_timegm_js", "timegm")
def timegm_js(process: Process, tm: int) -> int:
    """The moment of a date and time of UTC, written back with each field in its range; -1: it has none."""
    seconds = seconds_of(fields_at(process, tm))
    return -1 if _put_utc(process, tm, seconds) else seconds


def _zone(process: Process) -> tuple[Offset, Offset]:
    return _standard_and_summer(process, broken_down(realtime(process) // SECOND).year)


@provides("iiii->", "_tzset_js")
def tzset_js(process: Process, west: int, daylight: int, standard_name: int, summer_name: int) -> None:
    """Write how far west the zone is, whether it has summer time, and its two names."""
    standard, summer = _zone(process)
    names = [offset.name.encode()[: _NAME_BYTES - 1] + b"\0" for offset in (standard, summer)]
    for pointer in (standard_name, summer_name):
        process.guest.check(pointer, _NAME_BYTES)
    process.guest.put_u32(west, -standard.east)
    process.guest.put_u32(daylight, int(standard.east != summer.east))
    process.guest.write(standard_name, names[0])
    process.guest.write(summer_name, names[1])


@provides("iii->", "_tzset_js")
def tzset_of_pointers(process: Process, west: int, daylight: int, names: int) -> None:
    """The same; pointers to the names are written, which lie in the program's heap."""
    standard, summer = _zone(process)
    process.guest.check(names, 8)
    process.guest.put_u32(west, -standard.east)
    process.guest.put_u32(daylight, int(standard.east != summer.east))
    for at, offset in enumerate((standard, summer)):
        text = offset.name.encode() + b"\0"
        pointer = process.malloc(len(text), "tzset")
        process.guest.write(pointer, text)
        process.guest.put_u32(names + 4 * at, pointer)


# --- strftime, for programs whose C library leaves it to the host

DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS: Final = "January February March April May June July August September October November December".split()
COMPOSED: Final = {
    "c": "%a %b %d %H:%M:%S %Y",
    "D": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "h": "%b",
    "r": "%I:%M:%S %p",
    "R": "%H:%M",
    "T": "%H:%M:%S",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
}
MAX_FORMAT: Final = 4096
"""Bytes of a format."""


def _week_of_iso(fields: Broken) -> tuple[int, int]:
    """Year and week as ISO 8601 counts them: the first one has the year's first Thursday."""
    year = fields.year + 1900
    thursday = days_of(year, 0, 1) + fields.yearday - (fields.weekday + 6) % 7 + 3
    in_year = broken_down(thursday * DAY)
    return in_year.year + 1900, in_year.yearday // 7 + 1


def _name(names: Any, at: int, length: int | None = None) -> str:
    return names[at][:length] if 0 <= at < len(names) else "?"


_SINGLE: Final[dict[str, Any]] = {
    "a": lambda t: _name(DAYS, t.weekday, 3),
    "A": lambda t: _name(DAYS, t.weekday),
    "b": lambda t: _name(MONTHS, t.month, 3),
    "B": lambda t: _name(MONTHS, t.month),
    "C": lambda t: f"{(t.year + 1900) // 100:02}",
    "d": lambda t: f"{t.day:02}",
    "e": lambda t: f"{t.day:2}",
    "g": lambda t: f"{_week_of_iso(t)[0] % 100:02}",
    "G": lambda t: f"{_week_of_iso(t)[0]}",
    "H": lambda t: f"{t.hour:02}",
    "I": lambda t: f"{(t.hour + 11) % 12 + 1:02}",
    "j": lambda t: f"{t.yearday + 1:03}",
    "m": lambda t: f"{t.month + 1:02}",
    "M": lambda t: f"{t.minute:02}",
    "n": lambda t: "\n",
    "p": lambda t: "AM" if 0 <= t.hour < 12 else "PM",
    "S": lambda t: f"{t.second:02}",
    "t": lambda t: "\t",
    "u": lambda t: f"{(t.weekday + 6) % 7 + 1}",
    "U": lambda t: f"{(t.yearday + 7 - t.weekday) // 7:02}",
    "V": lambda t: f"{_week_of_iso(t)[1]:02}",
    "w": lambda t: f"{t.weekday}",
    "W": lambda t: f"{(t.yearday + 7 - (t.weekday + 6) % 7) // 7:02}",
    "y": lambda t: f"{(t.year + 1900) % 100:02}",
    "Y": lambda t: f"{t.year + 1900}",
    "%": lambda t: "%",
}


def formatted(fields: Broken, format: str, east: int, name: str) -> str:
    """A date and time as `strftime` writes it in the C locale."""
    out = []
    at = 0
    while at < len(format):
        letter = format[at]
        at += 1
        if letter != "%" or at >= len(format):
            out.append(letter)
            continue
        letter = format[at]
        at += 1
        if letter in "EO" and at < len(format):  # of another locale, which there is none of
            letter = format[at]
            at += 1
        if letter in COMPOSED:
            out.append(formatted(fields, COMPOSED[letter], east, name))
        elif letter in _SINGLE:
            out.append(_SINGLE[letter](fields))
        elif letter == "z":
            out.append(f"{'-' if east < 0 else '+'}{abs(east) // 3600:02}{abs(east) // 60 % 60:02}")
        elif letter == "Z":
            out.append(name)
        elif letter == "s":
            out.append(str(seconds_of(fields) - east))
        else:
            out.append("%" + letter)
    return "".join(out)


@provides("iiii?i->i", "strftime", "strftime_l")
def strftime(process: Process, target: int, size: int, format: int, tm: int, locale: int = 0) -> int:
    """Write a date and time in a format; its length, or 0 if it does not fit."""
    try:
        text = process.guest.string(format, MAX_FORMAT)
    except OSError as failure:
        must_be_answer(failure)
        if failure.errno == errno.ENAMETOOLONG:
            return 0
        raise
    fields = fields_at(process, tm)
    held = Offset(0, False, "GMT")
    if fields.daylight >= 0 or process.zone is not None:
        held = offset_at(process, seconds_of(fields))
        east = process.guest.i32(tm + _GMTOFF)
        held = held._replace(east=east) if -DAY < east < DAY else held
    data = formatted(fields, text.decode("utf-8", "surrogateescape"), held.east, held.name).encode(
        "utf-8", "surrogateescape"
    )
    if len(data) >= size & U32:
        return 0
    process.guest.write(target, data + b"\0")
    return len(data)
