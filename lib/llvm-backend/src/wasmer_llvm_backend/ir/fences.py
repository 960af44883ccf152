"""Fences: constants that LLVM would make too much of, hidden from it (specification, sections 4.3.3 and 4.4.4).

An operation on a signalling NaN gives a quiet one. LLVM does not care: ``x * 1.0`` becomes
``x``, as do ``x - 0.0`` and the demotion of what was promoted, and a signalling NaN stays
what it was. It needs to know the other operand for that. So a constant that would do, one
of ±0 and ±1, is put behind a *fence*: to LLVM an unknown value, in machine code nothing at
all.
"""

from __future__ import annotations

import re
from struct import pack, unpack
from typing import Final

from wasmer_llvm_backend.ir.templates import V128
from wasmer_llvm_backend.module_text import FENCE

FENCED: Final = ("float", "double", V128)
"""LLVM's types whose constants may have to be hidden."""

ONES_AND_ZEROS: Final = frozenset(
    f"0x{sign:01X}{exponent}" for sign, exponent in (
        (0, "000000000000000"), (8, "000000000000000"), (3, "FF0000000000000"), (0xB, "FF0000000000000"),
    )
)  # fmt: skip
"""±0 and ±1 as LLVM writes floats of both types: operands with which it drops or replaces an operation."""

_LANES_32: Final = frozenset((0, 0x80000000, 0x3F800000, 0xBF800000))
_LANES_64: Final = frozenset((0, 0x8000000000000000, 0x3FF0000000000000, 0xBFF0000000000000))


def foldable(type_: str, value: str) -> bool:
    """Whether a value is a constant with which LLVM drops an operation."""
    if type_ != V128:
        return type_ in FENCED and value in ONES_AND_ZEROS
    if value[0] == "%":
        return False
    words = [int(word) & 0xFFFFFFFFFFFFFFFF for word in re.findall(r"i64 (-?\d+)", value)] or [0]
    lanes = unpack(f"<{2 * len(words)}I", pack(f"<{len(words)}Q", *words))
    return not _LANES_64.isdisjoint(words) or not _LANES_32.isdisjoint(lanes)


def fenced(type_: str, value: str) -> str:
    """The instruction that gives the same value, of which LLVM knows nothing.

    It is machine code that does nothing. Through ``arithmetic.fence`` LLVM sees whether a value is a zero, and of which
    sign, and takes a ``max`` for one of its operands by that.
    """
    return f'call {type_} asm "", "=x,0"({type_} {value}) {FENCE}'
