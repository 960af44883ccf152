"""Numbers in CLIF's text: integers, floats as their bits, vectors as their bytes.

Integers are decimal or hexadecimal, with ``_`` anywhere between digits; a large one is printed
in hexadecimal, four digits a group. An integer fits a type if it does as signed or as unsigned, or as
the 64 bits of its sign-extension.

Floats are printed exactly: ``0x1.8p3``, ``0x0.00001p-126`` (too small to be normal), ``0.0``,
``-0.0``, ``+Inf``, ``+NaN`` (the quiet one without payload), ``+NaN:0x7`` (quiet, with payload),
``-sNaN:0x1`` (signalling). Decimal ones are read, too, and rounded as Python rounds them.
"""

from __future__ import annotations

import math
import re

from wasmer_clif_backend.ir.bits import float_bits, signed
from wasmer_clif_backend.ir.types import F32, VECTOR, bytes_of, is_float, lane_of, lanes_of
from wasmer_runtime_core.support.annotations import Final, i64

_HEXADECIMAL_FROM: Final = 10_000
_LONGEST: Final = 1000
"""Characters of a number, far more than any type's need."""
_INTEGER: Final = re.compile(r"[+-]?(0[xX][0-9a-fA-F_]+|[0-9][0-9_]*)\Z")
_HEX_FLOAT: Final = re.compile(r"([+-]?)0[xX]([0-9a-fA-F_]*)\.?([0-9a-fA-F_]*)(?:[pP]([+-]?[0-9]+))?\Z")
_DECIMAL_FLOAT: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?\Z")
_NAN: Final = re.compile(r"([+-]?)(s?)NaN(?::0x([0-9a-fA-F]+))?\Z")

# By bytes of the type: bits of the fraction, of the exponent.
_FRACTION_BITS: Final = {4: 23, 8: 52}
_EXPONENT_BITS: Final = {4: 8, 8: 11}


def _must_be_short(text: str) -> None:
    if len(text) > _LONGEST:
        raise ValueError(f"a number of {len(text)} characters: {_LONGEST} are the most")


# --- integers -----------------------------------------------------------------------------------


def parse_integer(text: str, bits: int) -> int:
    """An integer that fits so many bits with or without sign, sign-extended.

    Raises:
        ValueError: it is none, or does not fit; says so.
    """
    _must_be_short(text)
    if not _INTEGER.match(text):
        raise ValueError(f"{text!r} is no integer")
    value = int(text.replace("_", ""), 16 if "x" in text or "X" in text else 10)
    if value >> 63 == 1 and bits < 64:
        value -= 1 << 64
    if not -(1 << (bits - 1)) <= value < 1 << bits:
        raise ValueError(f"{text} does not fit {bits} bits")
    return signed(value, bits)


def format_integer(value: int, bits: int = 64) -> str:
    """As `parse_integer` reads it: decimal where it is small."""
    if -_HEXADECIMAL_FROM < value < _HEXADECIMAL_FROM:
        return str(value)
    digits = f"{value & ((1 << bits) - 1):x}"
    if len(digits) <= 4:
        return f"0x{digits}"
    head = len(digits) % 4
    groups = ([digits[:head]] if head else []) + [digits[at : at + 4] for at in range(head, len(digits), 4)]
    return "0x" + "_".join(groups)


# --- floats ---------------------------------------------------------------------------------------


def parse_float(text: str, size: int) -> int:
    """The bits of a float of 4 or 8 bytes.

    Raises:
        ValueError: it is none, or not exact; says so.
    """
    _must_be_short(text)
    fraction_bits = _FRACTION_BITS[size]
    exponent_bits = _EXPONENT_BITS[size]
    top = ((1 << exponent_bits) - 1) << fraction_bits
    sign = 1 << (fraction_bits + exponent_bits) if text.startswith("-") else 0
    if text.lstrip("+-") in ("Inf", "inf"):
        return sign | top
    nan = _NAN.match(text)
    if nan:
        quiet = 0 if nan[2] else 1 << (fraction_bits - 1)
        payload = int(nan[3], 16) if nan[3] else 0
        if payload >> (fraction_bits - 1) or (nan[2] and not payload):
            raise ValueError(f"{text}: a payload is less than 0x{1 << (fraction_bits - 1):x}, and not 0 behind sNaN")
        return sign | top | quiet | payload
    hexadecimal = _HEX_FLOAT.match(text)
    if hexadecimal and (hexadecimal[2] or hexadecimal[3]):
        return sign | _bits_of(hexadecimal, size)
    if not _DECIMAL_FLOAT.match(text):
        raise ValueError(f"{text!r} is no float")
    value = float(text)
    try:
        bits = float_bits(value, size)
    except OverflowError:
        value = math.inf
    if math.isinf(value):
        raise ValueError(f"{text} does not fit f{size * 8}")
    return bits


def _bits_of(match: re.Match[str], size: int) -> int:
    """Exponent and fraction of a hexadecimal float: exact or an error."""
    fraction_bits = _FRACTION_BITS[size]
    bias = (1 << (_EXPONENT_BITS[size] - 1)) - 1
    after = match[3].replace("_", "")
    mantissa = int((match[2].replace("_", "") + after) or "0", 16)
    if mantissa == 0:
        return 0
    # value = mantissa * 2 ** power; its first bit counts 2 ** exponent
    power = int(match[4] or "0") - 4 * len(after)
    exponent = power + mantissa.bit_length() - 1
    last = max(exponent, 1 - bias) - fraction_bits  # the last bit counts 2 ** last
    shift = power - last
    if shift < 0:
        if -shift > mantissa.bit_length() or mantissa & ((1 << -shift) - 1):
            raise ValueError(f"{match[0]} has too many digits for f{size * 8}")
        fraction = mantissa >> -shift
    else:
        fraction = mantissa << shift
    if exponent > bias:
        raise ValueError(f"{match[0]} does not fit f{size * 8}")
    if exponent < 1 - bias:
        return fraction
    return (exponent + bias) << fraction_bits | fraction & ((1 << fraction_bits) - 1)


def format_float(bits: int, size: int) -> str:
    """As `parse_float` reads it, exactly."""
    fraction_bits = _FRACTION_BITS[size]
    exponent_bits = _EXPONENT_BITS[size]
    bias = (1 << (exponent_bits - 1)) - 1
    negative = bits >> (fraction_bits + exponent_bits) & 1
    exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1)
    fraction = bits & ((1 << fraction_bits) - 1)
    if exponent == (1 << exponent_bits) - 1:
        sign = "-" if negative else "+"
        if fraction == 0:
            return sign + "Inf"
        quiet = fraction >> (fraction_bits - 1)
        payload = fraction & ((1 << (fraction_bits - 1)) - 1)
        return sign + ("NaN" if quiet else "sNaN") + (f":0x{payload:x}" if payload else "")
    sign = "-" if negative else ""
    if exponent == 0 and fraction == 0:
        return sign + "0.0"
    digits = f"{fraction << (-fraction_bits % 4):0{(fraction_bits + 3) // 4}x}".rstrip("0") or "0"
    if exponent == 0:
        return f"{sign}0x0.{digits}p{1 - bias}"
    return f"{sign}0x1.{digits}p{exponent - bias}"


# --- values of any type -----------------------------------------------------------------------------


def parse_scalar(text: str, type: i64) -> bytes:
    """The bytes of a value of a scalar type.

    Raises:
        ValueError: it is none of that type; says so.
    """
    size = int(bytes_of(type))
    if is_float(type):
        return parse_float(text, size).to_bytes(size, "little")
    if text in ("true", "false"):
        text = "1" if text == "true" else "0"
    return (parse_integer(text, size * 8) & ((1 << size * 8) - 1)).to_bytes(size, "little")


def parse_value(text: str, type: i64) -> bytes:
    """The bytes of a value: a scalar, ``[1 2 3 4]`` by lanes, or ``0x…`` for a whole vector.

    Raises:
        ValueError: it is none of that type; says so.
    """
    if type < VECTOR:
        return parse_scalar(text, type)
    if not text.startswith("["):
        _must_be_short(text)
        if not re.match(r"0[xX][0-9a-fA-F_]+\Z", text):
            raise ValueError(f"{text!r} is no vector: expected [lane lane …] or 0x…")
        number = int(text.replace("_", ""), 16)
        if number >> 128:
            raise ValueError(f"{text} does not fit 128 bits")
        return number.to_bytes(16, "little")
    lanes = text.strip("[]").replace(",", " ").split()
    if len(lanes) != lanes_of(type):
        raise ValueError(f"{text} has {len(lanes)} lanes; expected {lanes_of(type)}")
    return b"".join(parse_scalar(lane, lane_of(type)) for lane in lanes)


def format_scalar(data: bytes, type: i64) -> str:
    """As `parse_scalar` reads it."""
    number = int.from_bytes(data, "little")
    if is_float(type):
        return format_float(number, 4 if lane_of(type) == F32 else 8)
    return format_integer(signed(number, len(data) * 8), len(data) * 8)


def format_value(data: bytes, type: i64) -> str:
    """As `parse_value` reads it: a vector by lanes."""
    if type < VECTOR:
        return format_scalar(data, type)
    size = int(bytes_of(lane_of(type)))
    lanes = [format_scalar(data[at : at + size], lane_of(type)) for at in range(0, 16, size)]
    return f"[{' '.join(lanes)}]"
