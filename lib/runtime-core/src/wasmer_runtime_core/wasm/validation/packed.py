"""Packed arrays of 64-bit integers, for stacks that live as long as a compilation.

A `vec` costs a nanosecond to read or write where a list costs five. It is preallocated and
replaced by a longer one when it is full, so stacks grow with what needs them.
"""

from __future__ import annotations

from librt.strings import BytesWriter, read_i64_le, write_i32_le, write_i64_le
from librt.vecs import vec

from wasmer_runtime_core.support.annotations import Final, i32, i64
from wasmer_runtime_core.wasm.types import ValueTypes

INITIAL_WORDS: Final = 1024


def zeros(count: i64) -> vec[i64]:
    """A packed array of `count` zeros."""
    return vec[i64]([0] * count)


def grown(words: vec[i64], count: i64) -> vec[i64]:
    """The same words in an array of at least `count`, twice as long or more."""
    used: i64 = len(words)
    size = used * 2
    if size < count:
        size = count
    larger = zeros(size)
    at: i64 = 0
    while at < used:
        larger[at] = words[at]
        at += 1
    return larger


def write_word(writer: BytesWriter, value: i64) -> None:
    """Append 32 bits, little-endian, of a signed or unsigned value."""
    write_i32_le(writer, i32(((value + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000))


# --- value types ------------------------------------------------------------------------------
TYPE_SHIFT: Final = 3
"""Lists of value types are packed as well, in bytes: eight each, so that they can be compared as a whole."""


def packed_types(types: ValueTypes) -> bytes:
    """Value types as 64-bit integers."""
    writer = BytesWriter()
    for type_ in types:
        write_i64_le(writer, type_)
    return writer.getvalue()


def unpacked_types(types: bytes) -> list[int]:
    """The numbers again, for messages."""
    found: list[int] = []
    at: i64 = 0
    while at < len(types):
        found.append(int(read_i64_le(types, at)))
        at += 8
    return found
