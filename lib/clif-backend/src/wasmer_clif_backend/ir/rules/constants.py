"""Instructions on constants, computed.

Numbers are Python's own here, of any size, as a native sum would wrap in one build and not in the other. Integers are
kept sign-extended. Only what is exact is computed: integers, comparisons, signs of floats.
"""

from __future__ import annotations

import struct

from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BAND_NOT,
    BNOT,
    BOR,
    BXOR,
    CLZ,
    CTZ,
    F32CONST,
    FLOAT_CONDITIONS,
    IADD,
    IMUL,
    INEG,
    INTEGER_CONDITIONS,
    ISHL,
    ISUB,
    POPCNT,
    ROTL,
    ROTR,
    SDIV,
    SREM,
    SSHR,
    UDIV,
    UREM,
    USHR,
)
from wasmer_clif_backend.ir.types import bits_of
from wasmer_runtime_core.support.annotations import i64


def signed(value: int, bits: int) -> int:
    """The lower bits, sign-extended."""
    half = 1 << (bits - 1)
    return ((value + half) & ((1 << bits) - 1)) - half


def unsigned(value: int, bits: int) -> int:
    """The lower bits."""
    return value & ((1 << bits) - 1)


def binary(opcode: i64, type: i64, a: i64, b: i64) -> int | None:
    """An instruction on two integers; None: it traps, or is not known here."""
    bits = int(bits_of(type))
    x = int(a)
    y = int(b)
    ux = unsigned(x, bits)
    uy = unsigned(y, bits)
    by = uy % bits
    if opcode == IADD:
        found = x + y
    elif opcode == ISUB:
        found = x - y
    elif opcode == IMUL:
        found = int(a * b)  # compiled, that wraps already: no product of large ints, see docs/performance.md
    elif opcode == BAND:
        found = x & y
    elif opcode == BOR:
        found = x | y
    elif opcode == BXOR:
        found = x ^ y
    elif opcode == BAND_NOT:
        found = x & ~y
    elif opcode == ISHL:
        found = ux << by
    elif opcode == USHR:
        found = ux >> by
    elif opcode == SSHR:
        found = x >> by
    elif opcode == ROTL:
        found = (ux << by) | (ux >> (bits - by))
    elif opcode == ROTR:
        found = (ux >> by) | (ux << (bits - by))
    elif y == 0:
        return None
    elif opcode == UDIV:
        found = ux // uy
    elif opcode == UREM:
        found = ux % uy
    elif opcode == SDIV:
        found = abs(x) // abs(y)
        if (x < 0) != (y < 0):
            found = -found
        if found == 1 << (bits - 1):
            return None
    elif opcode == SREM:
        found = abs(x) % abs(y)
        if x < 0:
            found = -found
    else:
        return None
    return signed(found, bits)


def unary(opcode: i64, type: i64, a: i64) -> int | None:
    """An instruction on one integer; None: it is not known here."""
    bits = int(bits_of(type))
    x = int(a)
    ux = unsigned(x, bits)
    if opcode == INEG:
        return signed(-x, bits)
    if opcode == BNOT:
        return ~x
    if opcode == CLZ:
        return bits - ux.bit_length()
    if opcode == CTZ:
        return (ux & -ux).bit_length() - 1 if ux else bits
    if opcode == POPCNT:
        return ux.bit_count()
    return None


def compare(condition: i64, type: i64, a: i64, b: i64) -> bool:
    """A comparison of integers."""
    bits = int(bits_of(type))
    x = int(a)
    y = int(b)
    name = INTEGER_CONDITIONS[condition]
    if name[0] == "u":
        x = unsigned(x, bits)
        y = unsigned(y, bits)
    if name == "eq":
        return x == y
    if name == "ne":
        return x != y
    if name.endswith("lt"):
        return x < y
    if name.endswith("gt"):
        return x > y
    return x <= y if name.endswith("le") else x >= y


def number_of(opcode: i64, immediate: i64) -> float:
    """The number of a constant that is a float."""
    if opcode == F32CONST:
        return float(struct.unpack("<f", (int(immediate) & 0xFFFF_FFFF).to_bytes(4, "little"))[0])
    return float(struct.unpack("<d", (int(immediate) & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little"))[0])


def compare_floats(condition: i64, opcode: i64, a: i64, b: i64) -> bool:
    """A comparison of two constants made by `opcode`."""
    x = number_of(opcode, a)
    y = number_of(opcode, b)
    name = FLOAT_CONDITIONS[condition]
    if x != x or y != y:
        return name in ("uno", "ne", "ueq", "ult", "ule", "ugt", "uge")
    if name in ("ord", "uno"):
        return name == "ord"
    if name in ("eq", "ueq"):
        return x == y
    if name in ("ne", "one"):
        return x != y
    if name.endswith("lt"):
        return x < y
    if name.endswith("le"):
        return x <= y
    return x > y if name.endswith("gt") else x >= y


def sign_of(type: i64, value: i64) -> bool:
    """Whether the sign of a float is set, of its bits."""
    return bool(int(value) >> int(bits_of(type) - 1) & 1)


def with_sign(type: i64, value: i64, negative: bool) -> int:
    """The bits of a float with another sign, as a constant has them: those of an f64 sign-extended."""
    bits = int(bits_of(type))
    sign = 1 << (bits - 1)
    found = int(value) & (sign - 1)
    if negative:
        found |= sign
    return signed(found, 64)
