"""Types of values, as small numbers.

A type is one number, so that a column of types is a column of numbers and asking for a
property is a shift and a mask::

    bits 0-2   the lane: 1 i8, 2 i16, 3 i32, 4 i64, 5 f32, 6 f64
    bit 3      set: a vector of 128 bits, with as many lanes as fit

The names are Cranelift's. i128, f16 and f128 are not there; a reference of WebAssembly is
an i64, and so is an address. A comparison of scalars gives an i8 that is 0 or 1; one of
vectors a vector of integers of the same shape, each lane 0 or -1.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final, i64

NO_TYPE: Final = 0
I8: Final = 1
I16: Final = 2
I32: Final = 3
I64: Final = 4
F32: Final = 5
F64: Final = 6
VECTOR: Final = 8
"""Added to the type of a lane."""
I8X16: Final = VECTOR | I8
I16X8: Final = VECTOR | I16
I32X4: Final = VECTOR | I32
I64X2: Final = VECTOR | I64
F32X4: Final = VECTOR | F32
F64X2: Final = VECTOR | F64

LANE: Final = 7
"""The mask that leaves the type of a lane."""

TYPE_NAMES: Final = {
    I8: "i8",
    I16: "i16",
    I32: "i32",
    I64: "i64",
    F32: "f32",
    F64: "f64",
    I8X16: "i8x16",
    I16X8: "i16x8",
    I32X4: "i32x4",
    I64X2: "i64x2",
    F32X4: "f32x4",
    F64X2: "f64x2",
}
TYPES_BY_NAME: Final = {name: type for type, name in TYPE_NAMES.items()}

_LANE_BYTES: Final = b"\x00\x01\x02\x04\x08\x04\x08\x00"
_BYTES: Final = _LANE_BYTES + b"\x00\x10\x10\x10\x10\x10\x10\x00"


def bytes_of(type: i64) -> i64:
    """How many bytes a value of this type takes in memory."""
    return i64(_BYTES[type])


def bits_of(type: i64) -> i64:
    """How many bits a value of this type has."""
    return i64(_BYTES[type]) * 8


def most_of(type: i64) -> i64:
    """The greatest integer of a type, unsigned; -1 of i64, which has greater ones than fit here."""
    if type == I8:
        return 0xFF
    if type == I16:
        return 0xFFFF
    if type == I32:
        return 0xFFFF_FFFF
    return -1


def lane_of(type: i64) -> i64:
    """The type of a lane; a scalar is its own."""
    return type & LANE


def lanes_of(type: i64) -> i64:
    """How many lanes: 1 for a scalar."""
    if type < VECTOR:
        return 1
    return 16 // i64(_LANE_BYTES[type & LANE])


def is_integer(type: i64) -> bool:
    """An integer, or a vector of them."""
    return (type & LANE) <= I64


def is_float(type: i64) -> bool:
    """A floating-point number, or a vector of them."""
    return (type & LANE) >= F32


def is_vector(type: i64) -> bool:
    """Has lanes."""
    return type >= VECTOR


def in_xmm(type: i64) -> bool:
    """Lives in a vector register of the machine, not in a general one."""
    return type >= F32


def truth_of(type: i64) -> i64:
    """What a comparison of two values of this type gives."""
    if type < VECTOR:
        return I8
    lane = type & LANE
    return VECTOR | (lane - 2 if lane >= F32 else lane)


def type_name(type: i64) -> str:
    """``"i32x4"``; a number that is no type is shown as such."""
    return TYPE_NAMES.get(int(type), f"type{type}")
