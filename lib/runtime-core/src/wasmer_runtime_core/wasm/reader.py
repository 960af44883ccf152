"""A cursor over the bytes of a module (specification, sections 5.1 to 5.2.4).

Everything in the binary format is made of bytes, of integers in LEB128, of floats in
little-endian order, and of names in UTF-8. `Reader` reads each of them within bounds:
whoever reads a section sets `end` to the section's end, and nothing beyond it is looked
at. What cannot be read is malformed and raises `DecodeError` with the offset of its first
byte.

The integers come as module functions as well. They take and return a position, so that
the validator, which keeps its own, pays for a call only where an integer is longer than
one byte.

LEB128 is read as the specification bounds it: an integer of *n* bits has at most
⌈n / 7⌉ bytes ("integer representation too long"), and the bits of the last byte that
lie beyond *n* are zeros, or copies of the sign ("integer too large").
"""

from __future__ import annotations

from librt.strings import read_i32_le, read_i64_le

from wasmer_runtime_core.errors import CompileError, DecodeError
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.refusal import refused

UNEXPECTED_END: Final = "unexpected end of section or function"
TOO_LONG: Final = "integer representation too long"
TOO_LARGE: Final = "integer too large"

MINUS_ONE: i64 = -1  # not Final: a literal that is shifted would be shifted in 32 bits


def unsigned(data: bytes, position: i64, end: i64) -> tuple[i64, i64]:
    """Read an unsigned integer of 32 bits: its value, and the position behind it.

    Raises:
        DecodeError: it ends early, is too long or too large.
    """
    start = position
    value: i64 = 0
    shift: i64 = 0
    while position < end:
        byte: i64 = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > 0xFFFF_FFFF:
                raise DecodeError(TOO_LARGE, start)
            return value, position
        shift += 7
        if shift == 35:
            raise DecodeError(TOO_LONG, start)
    raise DecodeError(UNEXPECTED_END, start)


def signed(data: bytes, position: i64, end: i64, bits: i64) -> tuple[i64, i64]:
    """Read a signed integer of `bits` bits, 32, 33 or 64: its value, and the position behind it.

    Raises:
        DecodeError: it ends early, is too long or too large.
    """
    start = position
    value: i64 = 0
    shift: i64 = 0
    minus_one = MINUS_ONE
    while position < end:
        byte: i64 = data[position]
        position += 1
        if shift == 63:  # the tenth byte of 64 bits holds one bit and its copies
            if byte >= 0x80:
                raise DecodeError(TOO_LONG, start)
            if byte == 0x7F:
                return value + (minus_one << 63), position
            if byte != 0:
                raise DecodeError(TOO_LARGE, start)
            return value, position
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if byte >= 0x40:
                value += minus_one << shift
            if bits != 64 and shift >= bits:
                highest = minus_one << (bits - 1)
                if value < highest or value >= -highest:
                    raise DecodeError(TOO_LARGE, start)
            return value, position
        if bits != 64 and shift >= bits:
            raise DecodeError(TOO_LONG, start)
    raise DecodeError(UNEXPECTED_END, start)


def unsigned_64(data: bytes, position: i64, end: i64) -> tuple[i64, i64]:
    """Read an unsigned integer of 64 bits: its value as a signed one of the same bits, and the position behind it.

    Raises:
        DecodeError: it ends early, is too long or too large.
    """
    start = position
    value: i64 = 0
    shift: i64 = 0
    minus_one = MINUS_ONE
    while position < end:
        byte: i64 = data[position]
        position += 1
        if shift == 63:  # the tenth byte holds one bit
            if byte >= 0x80:
                raise DecodeError(TOO_LONG, start)
            if byte > 1:
                raise DecodeError(TOO_LARGE, start)
            return (value + (minus_one << 63) if byte else value), position
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise DecodeError(UNEXPECTED_END, start)


@final
class Reader:
    """Reads one thing after another from `position`, up to `end`.

    Every method raises `DecodeError` when the bytes end early or are malformed. `function` is the index of
    the function whose body it reads, or -1.
    """

    def __init__(self, data: bytes, position: i64, end: i64, function: i64 = -1) -> None:
        self.data: Final = data
        self.position: i64 = position
        self.end: i64 = end
        self.function: Final[i64] = function

    def refused(self, error: DecodeError, place: str) -> CompileError:
        """`error`, or, if it is about a proposal's, the error that names the proposal (`refusal.refused`)."""
        return refused(error, place, self.data, self.end, self.function)

    def at_end(self) -> bool:
        """Nothing is left."""
        return self.position >= self.end

    def byte(self) -> i64:
        """Read one byte."""
        position = self.position
        if position >= self.end:
            raise DecodeError(UNEXPECTED_END, position)
        self.position = position + 1
        byte: i64 = self.data[position]
        return byte

    def peek(self) -> i64:
        """The next byte, left where it is; -1 at the end."""
        position = self.position
        if position >= self.end:
            return -1
        byte: i64 = self.data[position]
        return byte

    def u32(self) -> i64:
        """Read an unsigned 32-bit integer in LEB128."""
        value, self.position = unsigned(self.data, self.position, self.end)
        return value

    def u64(self) -> int:
        """Read an unsigned 64-bit integer in LEB128."""
        value, self.position = unsigned_64(self.data, self.position, self.end)
        return int(value) & 0xFFFF_FFFF_FFFF_FFFF

    def s32(self) -> i64:
        """Read a signed 32-bit integer in LEB128."""
        value, self.position = signed(self.data, self.position, self.end, 32)
        return value

    def s33(self) -> i64:
        """Read a signed 33-bit integer in LEB128: a type index, or negative."""
        value, self.position = signed(self.data, self.position, self.end, 33)
        return value

    def s64(self) -> i64:
        """Read a signed 64-bit integer in LEB128."""
        value, self.position = signed(self.data, self.position, self.end, 64)
        return value

    def fixed32(self) -> i64:
        """Read four bytes, little-endian, as a signed integer (the bits of an f32)."""
        at = self.skip(4)
        return i64(read_i32_le(self.data, at))

    def fixed64(self) -> i64:
        """Read eight bytes, little-endian, as a signed integer (the bits of an f64)."""
        at = self.skip(8)
        return read_i64_le(self.data, at)

    def skip(self, count: i64) -> i64:
        """Pass over `count` bytes; return the position of the first."""
        position = self.position
        if count > self.end - position:
            raise DecodeError(UNEXPECTED_END, position)
        self.position = position + count
        return position

    def bytes(self, count: i64) -> bytes:
        """Read `count` bytes."""
        position = self.skip(count)
        return self.data[position : position + count]

    def name(self) -> str:
        """Read a name: its length in bytes, then UTF-8 (section 5.2.4)."""
        start = self.position
        length = self.u32()
        if length > self.end - self.position:
            raise DecodeError("length out of bounds", start)
        at = self.position
        try:
            return self.bytes(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise DecodeError("malformed UTF-8 encoding", at + error.start) from None
