"""Sections of bytes that may hold anything, and what reading them may cost."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final, final

LONGEST_LEB128: Final = 16
"""Bytes. 64 bits take 10; tools pad."""
LONGEST_NUMBER: Final = 16
"""Bytes, of one whose size something else says; the largest form has so many."""
LONGEST_TEXT: Final = 4096
"""Bytes of a string that are kept: of a longer one its end, as of a path."""


class Malformed(Exception):
    """The debug information says nothing that can be understood, or takes too long to say it."""


@final
class Budget:
    """How many steps reading may still take, over the life of a module.

    A step is what takes some tenths of a microsecond: an attribute, a row of a line table, a byte of a number.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def spend(self, steps: int) -> None:
        """Raises:
        Malformed: nothing is left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise Malformed("too much debug information")


@final
class Data:
    """A position in some bytes.

    Every method moves it, and raises `Malformed` rather than read past `end`.
    """

    def __init__(self, data: bytes, position: int, end: int, budget: Budget) -> None:
        self.data = data
        self.position = position
        self.end = min(end, len(data))
        self.budget = budget
        if not 0 <= position <= self.end:
            raise Malformed("an offset outside of its section")

    def skip(self, count: int) -> int:
        """Where it was."""
        start = self.position
        if count < 0 or count > self.end - start:
            raise Malformed("the section ends early")
        self.position = start + count
        return start

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        if size > LONGEST_NUMBER:
            raise Malformed("a number of so many bytes")
        start = self.skip(size)
        return int.from_bytes(self.data[start : start + size], "little")

    def uleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.skip(1)]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                self.budget.spend(shift // 7)
                return value
            if shift > 7 * LONGEST_LEB128:
                raise Malformed("a number without end")

    def sleb(self) -> int:
        start = self.position
        value = self.uleb()
        bits = 7 * (self.position - start)
        return value - (1 << bits) if value >> (bits - 1) else value

    def string(self) -> bytes:
        """Bytes up to a NUL, which is passed over; the last `LONGEST_TEXT` of them."""
        end = self.data.find(b"\0", self.position, self.end)
        looked_at = (self.end if end < 0 else end) - self.position
        self.budget.spend(2 + (looked_at >> 6))
        if end < 0:
            raise Malformed("a string without end")
        start = self.skip(looked_at + 1)
        return self.data[max(start, end - LONGEST_TEXT) : end]

    def length(self) -> tuple[int, int]:
        """The initial length of a unit (7.4): the unit's end, and the size of its offsets, 4 or 8."""
        length, size = self.number(4), 4
        if length == 0xFFFF_FFFF:
            length, size = self.number(8), 8
        elif length >= 0xFFFF_FFF0:
            raise Malformed("a length that is reserved")
        if length > self.end - self.position:
            raise Malformed("a unit that is longer than its section")
        return self.position + length, size


def text_at(section: bytes, offset: int, budget: Budget) -> str:
    """The string at an offset of a string section."""
    return Data(section, offset, len(section), budget).string().decode("utf-8", "replace")
