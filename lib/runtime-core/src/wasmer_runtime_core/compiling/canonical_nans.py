"""Where NaNs are made canonical: the records of a body with `internal.canonical_…` put behind arithmetic.

Behind each operator whose NaNs are left open (`nans.OPEN`) stands one that makes them canonical. It is left
out where nobody could tell: where the value goes to an operator that tells no NaN from another (`nans.NUMBERS`) and
nowhere else. That is seen by looking ahead along a straight line for the operator that takes the value from the stack,
`LOOK_AHEAD` records at most; so ``a * b + c * d`` is made canonical once.

A value that is kept in a local, stored, passed, selected or reinterpreted is canonical. These operators come last,
behind all middlewares, so points and traces stay what they were.
"""

from __future__ import annotations

from librt.strings import BytesWriter, read_i32_le, write_i64_le

import wasmer_runtime_core.wasm.operators.effects as effect
from wasmer_runtime_core.support.annotations import Final, i64
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.operators.internal import ALL_OPERATORS, CANONICAL
from wasmer_runtime_core.wasm.operators.nans import NUMBERS, OPEN, SHAPES
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC

LOOK_AHEAD: Final = 16

UNKNOWN: Final = 0xFF
"""Operands of an operator that ends the straight line, or that its row does not tell."""

_UNTYPED: Final = """
    local.get   0 1
    local.set   1 0
    local.tee   1 1
    global.get  0 1
    global.set  1 0
    drop        1 0
    select      3 1
"""
"""Operands and results of operators whose type the row leaves to the validator."""

_CODES: Final = max(ALL_OPERATORS) + 1


def _tables() -> tuple[bytes, bytes, bytes, bytes]:
    made, taken = bytearray(_CODES), bytearray(_CODES)
    operands, results = bytearray([UNKNOWN]) * _CODES, bytearray(_CODES)
    for code, row in ALL_OPERATORS.items():
        if row.typed_by_row and not row.effects & effect.CONTROL:
            operands[code], results[code] = len(row.params), len(row.results)
    for line in _UNTYPED.strip().splitlines():
        mnemonic, takes, gives = line.split()
        code = BY_MNEMONIC[mnemonic].code
        operands[code], results[code] = int(takes), int(gives)
    for mnemonic, shape in OPEN.items():
        made[BY_MNEMONIC[mnemonic].code] = 1 + SHAPES.index(shape)
    for mnemonic, shape in NUMBERS.items():
        taken[BY_MNEMONIC[mnemonic].code] = 1 + SHAPES.index(shape)
    return bytes(made), bytes(taken), bytes(operands), bytes(results)


MADE, TAKEN, OPERANDS, RESULTS = _tables()
"""By operator code: the shape in which it makes open NaNs, and the one in which it takes operands as numbers, counted
from 1 (0: it does not); how many operands it takes, how many results it has."""
_DROP: Final = BY_MNEMONIC["drop"].code
_CANONICAL: Final = (0, *[CANONICAL[shape] for shape in SHAPES])


def with_canonical_nans(records: bytes) -> bytes:
    """The records of a body, in which no NaN of another kind can be told."""
    made = MADE
    out = BytesWriter()
    copied: i64 = 0
    at: i64 = 0
    count: i64 = len(records)
    while at < count:
        if at & 0x3_FFFF == 0:
            checkpoint()
        code = i64(read_i32_le(records, at)) & 0xFFFF
        shape = i64(made[code])
        at += 16
        if shape and _is_told(records, at, shape):
            out.write(records[copied:at])
            copied = at
            write_i64_le(out, i64(_CANONICAL[shape]))
            write_i64_le(out, i64(read_i32_le(records, at - 4)) << 32)
    out.write(records[copied:])
    return out.getvalue()


def _is_told(records: bytes, at: i64, shape: i64) -> bool:
    """Whether what takes the topmost value, from the record at `at` on, may tell one NaN from another."""
    operands = OPERANDS
    results = RESULTS
    above: i64 = 0
    end: i64 = len(records)
    if end > at + LOOK_AHEAD * 16:
        end = at + LOOK_AHEAD * 16
    while at < end:
        code = i64(read_i32_le(records, at)) & 0xFFFF
        taken = i64(operands[code])
        if taken == UNKNOWN:
            return True
        if taken > above:
            return code != _DROP and i64(TAKEN[code]) != shape
        above += i64(results[code]) - taken
        at += 16
    return True
