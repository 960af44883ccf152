"""Spellings of numbers to bits (specification, section 6.3).

Integers come out as unsigned values of their width, floats as the bits of the nearest
value, ties to even, rounded once: ``f32`` never goes through a rounded ``f64``. What is
not a number gives `MALFORMED`, what does not fit gives `OUT_OF_RANGE`.
"""

from __future__ import annotations

import re
import struct
from decimal import Decimal

from wasmer_runtime_core.support.annotations import Final

MALFORMED: Final = -1
OUT_OF_RANGE: Final = -2

# Underscores stand between digits: the patterns see to their ends, and no numeral has two in a row. A group that is
# repeated would be remembered at each digit, and numerals may be as long as the text.
DECIMAL: Final = r"[0-9][0-9_]*+(?<!_)"
HEXADECIMAL: Final = r"[0-9a-fA-F][0-9a-fA-F_]*+(?<!_)"
INTEGER: Final = re.compile(rf"([+-]?)(?:0x({HEXADECIMAL})|({DECIMAL}))")
DECIMAL_FLOAT: Final = re.compile(rf"[+-]?{DECIMAL}(?:\.(?:{DECIMAL})?)?(?:[eE][+-]?{DECIMAL})?")
HEXADECIMAL_FLOAT: Final = re.compile(rf"([+-]?)0x({HEXADECIMAL})(?:\.({HEXADECIMAL})?)?(?:[pP]([+-]?)({DECIMAL}))?")
SPECIAL: Final = re.compile(rf"([+-]?)(?:(inf)|nan(?::0x({HEXADECIMAL}))?)")

LONGEST_DECIMAL: Final = 40
"""More digits than any integer type needs; longer ones are out of range."""
LARGEST_EXPONENT: Final = 1 << 40
"""Of a hexadecimal float: beyond the length of any text."""


def unsigned(spelling: str, bits: int) -> int:
    """An index, size or offset: an integer without a sign."""
    if len(spelling) < 10 and spelling.isdecimal() and spelling.isascii():
        return int(spelling)
    if spelling.startswith(("+", "-")):
        return MALFORMED
    return integer(spelling, bits)


def integer(spelling: str, bits: int) -> int:
    """An integer, signed or not, as an unsigned value of `bits` bits."""
    if len(spelling) < 10 and bits >= 32 and spelling.isdecimal() and spelling.isascii():
        return int(spelling)
    found = INTEGER.fullmatch(spelling)
    if found is None or "__" in spelling:
        return MALFORMED
    sign, hexadecimal, decimal = found.groups()
    if hexadecimal is not None:
        value = int(hexadecimal, 16)
    else:
        digits = decimal.replace("_", "").lstrip("0")
        if len(digits) > LONGEST_DECIMAL:
            return OUT_OF_RANGE
        value = int(digits or "0")
    if sign == "-":
        if value > 1 << (bits - 1):
            return OUT_OF_RANGE
        return (1 << bits) - value if value else 0
    if value >> bits:
        return OUT_OF_RANGE
    return value


def float_bits(spelling: str, bits: int) -> int:
    """The bits of an ``f32`` (`bits` 32) or ``f64`` (64)."""
    if "__" in spelling:
        return MALFORMED
    if DECIMAL_FLOAT.fullmatch(spelling) is not None:
        return decimal_float_bits(spelling.replace("_", ""), bits)
    found = HEXADECIMAL_FLOAT.fullmatch(spelling)
    if found is not None:
        return hexadecimal_float_bits(found, bits)
    found = SPECIAL.fullmatch(spelling)
    if found is None:
        return MALFORMED
    fraction_bits = 23 if bits == 32 else 52
    result = (1 << (bits - 1 - fraction_bits)) - 1 << fraction_bits
    payload = found.group(3)
    if found.group(2) is None:
        if payload is None:
            result |= 1 << (fraction_bits - 1)
        else:
            value = int(payload, 16)
            if value == 0 or value >> fraction_bits:
                return OUT_OF_RANGE
            result |= value
    return result | 1 << (bits - 1) if found.group(1) == "-" else result


def decimal_float_bits(spelling: str, bits: int) -> int:
    double = float(spelling)
    as_double = int.from_bytes(struct.pack("<d", double), "little")
    if as_double & 0x7FF0_0000_0000_0000 == 0x7FF0_0000_0000_0000:
        return OUT_OF_RANGE
    if bits == 64:
        return as_double
    sign = as_double >> 63
    fraction = as_double & 0xF_FFFF_FFFF_FFFF
    exponent = as_double >> 52 & 0x7FF
    if exponent == 0:  # below every f32
        return sign << 31
    mantissa = fraction | 1 << 52
    scale = exponent - 1075
    dropped = max(29, -149 - scale)
    if dropped < 64 and mantissa & (1 << dropped) - 1 == 1 << (dropped - 1):
        # Half-way, as far as the double knows; the text may lie beside it.
        written, rounded = Decimal(spelling), Decimal(double)
        if written != rounded:
            away = 1 if (written > rounded) != bool(sign) else -1
            mantissa, scale = (mantissa << 1) + away, scale - 1
    result = nearest(mantissa, scale, 32)
    return result if result < 0 else result | sign << 31


def hexadecimal_float_bits(found: re.Match[str], bits: int) -> int:
    sign, whole, fraction, exponent_sign, exponent = found.groups()
    digits = whole.replace("_", "")
    scale = 0
    if fraction is not None:
        after_point = fraction.replace("_", "")
        digits += after_point
        scale = -(len(after_point) << 2)
    if exponent is not None:
        exponent = exponent.replace("_", "").lstrip("0")
        power = LARGEST_EXPONENT if len(exponent) > 12 else int(exponent or "0")
        scale += -power if exponent_sign == "-" else power
    result = nearest(int(digits, 16), scale, bits)
    if result < 0:
        return result
    return result | 1 << (bits - 1) if sign == "-" else result


def nearest(mantissa: int, scale: int, bits: int) -> int:
    """The bits of the float nearest to ``mantissa * 2**scale``, ties to even, or `OUT_OF_RANGE`."""
    precision, least, limit = (24, -149, 128) if bits == 32 else (53, -1074, 1024)
    length = mantissa.bit_length()
    if length == 0:
        return 0
    if length + scale > limit:
        return OUT_OF_RANGE
    quantum = max(scale + length - precision, least)
    dropped = quantum - scale
    if dropped <= 0:
        mantissa <<= -dropped
    elif dropped > length + 1:
        mantissa = 0
    else:
        rest = mantissa & (1 << dropped) - 1
        half = 1 << (dropped - 1)
        mantissa >>= dropped
        if rest > half or (rest == half and mantissa & 1):
            mantissa += 1
    if mantissa.bit_length() + quantum > limit:
        return OUT_OF_RANGE
    # A mantissa with its leading bit adds one to the exponent field by itself.
    if quantum == least:
        return mantissa
    return (quantum - least << (precision - 1)) + mantissa
