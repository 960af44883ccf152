"""Whether a result is what a script wants: bits, NaN patterns, lanes, references.

The rules are those of the specification's interpreter: a canonical NaN has the payload
with only its highest bit, an arithmetic NaN has at least that bit, the sign of neither
counts. Numbers compare as bits; no value passes through a Python float.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wasmer_runtime_core.contract.values import Type, Value
from wasmer_runtime_core.native.machine import ArrayRef, StructRef
from wasmer_runtime_core.wasm.text.script import Pattern
from wasmer_runtime_core.wasm.types import HEAP_TYPES as CORE_HEAP_TYPES
from wasmer_runtime_core.wasm.types import KIND

FRACTION_BITS: Final = {32: 23, 64: 52}
NUMBERS: Final = ("i32", "i64", "f32", "f64", "v128")
HEAP_TYPES: Final = {row.name: Type(row.number & KIND) for row in CORE_HEAP_TYPES}
"""Heap type -> the type of a value that refers to it."""


HOST_REFERENCES: Final = {"ref.extern": Type.EXTERNREF, "ref.host": Type.ANYREF}
OBJECTS: Final[dict[str, tuple[type, ...]]] = {
    "ref.i31": (int,),
    "ref.struct": (StructRef,),
    "ref.array": (ArrayRef,),
    "ref.eq": (int, StructRef, ArrayRef),
    "ref.any": (object,),
}
"""What of the hierarchy of ``any`` a pattern allows; null is none of it."""


class HostReference:
    """The object that ``(ref.extern n)`` stands for: one per n."""

    made: Final[dict[int, HostReference]] = {}

    def __init__(self, number: int) -> None:
        self.number = number

    @classmethod
    def of(cls, number: int) -> HostReference:
        """The object for a number, the same each time."""
        if number not in cls.made:
            cls.made[number] = cls(number)
        return cls.made[number]

    def __repr__(self) -> str:
        return f"(ref.extern {self.number})"


def argument(pattern: Pattern) -> Value:
    """The value that a script passes.

    Raises:
        ValueError: the pattern is no value.
    """
    if pattern.type in NUMBERS and pattern.bits is not None and not any(pattern.nans):
        return Value.from_bits(pattern.type, pattern.bits)
    if pattern.type == "ref.null" and pattern.heap in HEAP_TYPES:
        return Value(HEAP_TYPES[pattern.heap], 0, None)
    if pattern.type == "ref.extern" and pattern.bits is not None:
        return Value.EXTERNREF(HostReference.of(pattern.bits))
    if pattern.type == "ref.host" and pattern.bits is not None:
        return Value.ANYREF(HostReference.of(pattern.bits))
    raise ValueError(f"{pattern.type} cannot be passed")


def is_nan(bits: int, width: int, kind: str) -> bool:
    """Whether the bits are a NaN of this kind, "canonical" or "arithmetic"."""
    fraction = FRACTION_BITS[width]
    canonical = (1 << (width - fraction)) - 1 << (fraction - 1)
    bits &= (1 << (width - 1)) - 1
    canonical &= (1 << (width - 1)) - 1
    return bits == canonical if kind == "canonical" else bits & canonical == canonical


def matches(value: Value, pattern: Pattern) -> bool:
    """Whether one result is what a pattern allows."""
    if pattern.type == "either":
        return any(matches(value, alternative) for alternative in pattern.alternatives)
    if pattern.type == "nan":  # 1.0 does not say of which type
        width = {Type.F32: 32, Type.F64: 64}.get(value.type)
        return width is not None and is_nan(value.bits, width, pattern.nans[0])
    if pattern.type in NUMBERS:
        if str(value.type) != pattern.type or pattern.bits is None:
            return False
        if not any(pattern.nans):
            return value.bits == pattern.bits
        mask = (1 << pattern.lane_bits) - 1
        for lane, nan in enumerate(pattern.nans):
            shift = lane * pattern.lane_bits
            found = value.bits >> shift & mask
            if nan:
                if not is_nan(found, pattern.lane_bits, nan):
                    return False
            elif found != pattern.bits >> shift & mask:
                return False
        return True
    if pattern.type == "ref.null":
        wanted = HEAP_TYPES.get(pattern.heap)
        return value.type in HEAP_TYPES.values() and value.value is None and wanted in (None, value.type)
    if pattern.type == "ref.func":
        return value.type is Type.FUNCREF and value.value is not None
    if pattern.type in HOST_REFERENCES:
        if value.type is not HOST_REFERENCES[pattern.type] or value.value is None:
            return False
        return pattern.bits is None or value.value is HostReference.of(pattern.bits)
    return (
        value.type is Type.ANYREF and value.value is not None and isinstance(value.value, OBJECTS.get(pattern.type, ()))
    )


def all_match(values: Sequence[Value], patterns: Sequence[Pattern]) -> bool:
    """Whether the results of a call are those wanted."""
    return len(values) == len(patterns) and all(map(matches, values, patterns))


def shown(values: Sequence[Value]) -> str:
    """Results for a message, numbers with their bits."""
    texts = []
    for value in values:
        if str(value.type) in NUMBERS:
            texts.append(f"{value.type} {value.bits:#x}")
        else:
            texts.append(f"{value.type} {value.value!r}")
    return "[" + ", ".join(texts) + "]"


def wanted(patterns: Sequence[Pattern]) -> str:
    """Patterns for a message."""
    texts = []
    for pattern in patterns:
        if pattern.type == "either":
            texts.append("either " + " or ".join(wanted([alternative]) for alternative in pattern.alternatives))
        elif any(pattern.nans):
            texts.append(f"{pattern.type} nan:{'/'.join(nan or '-' for nan in pattern.nans)} {pattern.bits or 0:#x}")
        elif pattern.bits is None:
            texts.append(f"{pattern.type} {pattern.heap}".strip())
        else:
            texts.append(f"{pattern.type} {pattern.bits:#x}")
    return "[" + ", ".join(texts) + "]"
