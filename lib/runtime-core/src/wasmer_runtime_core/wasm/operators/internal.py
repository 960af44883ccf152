"""Operators that no module contains: what core and middlewares put into bodies (code page ``0x600``).

They follow the rules of all records (`body`). Those of middlewares leave the operands as they are, so they may
stand before any record that can be reached. Every backend lowers them; a row says what one
does. Fields of the instance that they use are rows of `vmctx.VMCTX`.

============================  ================  ===============================================
operator                      fields            what it does
============================  ================  ===============================================
internal.add_points           a: count          ``points_used += count``, 64 bits, wrapping
internal.add_points_by_size   type: of the      ``points_used += (size << a) >> b``, where the
                              size, an i32 if   topmost operand is the size, an unsigned i32 or
                              it is 0           i64; an i64 of more than `MOST_SIZE` counts as that
                              a, b: shifts
internal.check_points         a, b: a limit,    traps with EXECUTION_LIMIT_EXCEEDED if
                              as i64.const      ``points_used >= limit``, both unsigned
internal.trace                type: event,      calls the helper ``trace(event, a, b, offset)``
                              a, b: numbers     of `contract.helpers` with the record's offset in the
                                                module; all that holds for calls of helpers
                                                holds for it
internal.canonical_f32        -                 gives its operand, or the canonical NaN if
…_f64, …_f32x4, …_f64x2                         that is any NaN; of vectors lane by lane
============================  ================  ===============================================

Where the lane of a record about points is `SHARED`, ``points_used`` is the one that ``points_at`` leads to: parts of
one program, each a module, count together.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.operators.effects import read_effects
from wasmer_runtime_core.wasm.operators.rows import OPERATORS, Operator, operand_types

INTERNAL_PAGE: Final = 0x600

MOST_SIZE: Final = 1 << 47
"""What a size of 64 bits counts as at most: no memory has more bytes."""

SHARED: Final = 1
"""The lane of records about points that are counted where ``points_at`` leads."""

ADD_POINTS: Final = 0x600
CHECK_POINTS: Final = 0x601
TRACE: Final = 0x602
ADD_POINTS_BY_SIZE: Final = 0x603
CANONICAL_F32: Final = 0x604
CANONICAL_F64: Final = 0x605
CANONICAL_F32X4: Final = 0x606
CANONICAL_F64X2: Final = 0x607

# fmt: off
_ROWS: Final = (
    (ADD_POINTS,         "internal.add_points",         "i32",         "->",         "reads points, writes points"),
    (ADD_POINTS_BY_SIZE, "internal.add_points_by_size", "table table", "i32 -> i32", "reads points, writes points"),
    (CHECK_POINTS,       "internal.check_points",       "i64",         "->",         "reads points, traps limit"),
    (TRACE,              "internal.trace",              "table table", "->",         "calls, helper"),
    (CANONICAL_F32,      "internal.canonical_f32",      "",            "f32 -> f32", ""),
    (CANONICAL_F64,      "internal.canonical_f64",      "",            "f64 -> f64", ""),
    (CANONICAL_F32X4,    "internal.canonical_f32x4",    "",            "v128 -> v128", ""),
    (CANONICAL_F64X2,    "internal.canonical_f64x2",    "",            "v128 -> v128", ""),
)
# fmt: on
INTERNAL_OPERATORS: Final = {
    code: Operator(
        code,
        mnemonic,
        immediate,
        *operand_types(type_),
        0,
        True,
        "simd" if "v128" in type_ else "",
        *read_effects(effects),
    )
    for code, mnemonic, immediate, type_, effects in _ROWS
}

ALL_OPERATORS: Final = {**OPERATORS, **INTERNAL_OPERATORS}
"""What the records of a body may hold."""

CANONICAL: Final = {
    "f32": CANONICAL_F32,
    "f64": CANONICAL_F64,
    "f32x4": CANONICAL_F32X4,
    "f64x2": CANONICAL_F64X2,
}
"""By shape (`nans.SHAPES`)."""

CANONICAL_NANS: Final = {"f32": 0x7FC0_0000, "f64": 0x7FF8_0000_0000_0000}
"""The positive canonical NaN, by the type of a scalar or lane."""

TRACE_EVENTS: Final = ("call", "enter_func", "leave_call", "block", "loop", "if", "else")
"""By number: what the records of internal.trace tell. The first is that of `CallTrace`."""
