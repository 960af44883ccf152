"""The bits of numbers: integers read with a sign, floats as integers. Without text, which `numerals` knows."""

from __future__ import annotations

import struct


def signed(value: int, bits: int) -> int:
    """The lower bits of a number, read with a sign."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def float_bits(value: float, size: int) -> int:
    """The bits of a float of 4 or 8 bytes; those of 4 are rounded.

    Raises:
        OverflowError: it is beyond what 4 bytes can hold.
    """
    return int.from_bytes(struct.pack("<f" if size == 4 else "<d", value), "little")
