"""Where metering counts: the records of a body with points put between them.

One pass from front to back. It counts records, and in front of each that ends a block it
adds what was counted, that record included; in front of a branch or call it compares with
the limit too. What cannot be reached has no records and costs nothing; the ``end`` and
``else`` of a block whose last operator is a branch are not reached either.

The counting may stand earlier than the record it is for, as long as nobody can tell: in
front of operators that cannot trap, call or write anything that outlives the function. So
a comparison stays beside the branch that takes it from the flags.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_i32_le, write_i64_le
from mypy_extensions import i64

from wasmer_runtime_core.wasm.internal_operators import ADD_POINTS, CHECK_POINTS, INTERNAL_PAGE
from wasmer_runtime_core.wasm.operators import BY_MNEMONIC, OPERATORS

COUNTS: Final = 1
CHECKS: Final = 2
PURE: Final = 4
LOADS: Final = 8

_END: Final = BY_MNEMONIC["end"].code
_ELSE: Final = BY_MNEMONIC["else"].code
_CHECKED: Final = frozenset(("br", "br_if", "br_table", "call", "call_indirect"))
_COUNTED: Final = _CHECKED | {"block", "loop", "if", "else", "end", "unreachable", "return"}
_MAY_TRAP: Final = ("div_", "rem_", "trunc_f")
_PURE_NAMES: Final = frozenset(("local.get", "local.set", "local.tee", "global.get", "drop", "select", "ref.null"))


def _traits() -> bytes:
    """By operator code: how metering treats it."""
    traits = bytearray(0x400)
    for code, row in OPERATORS.items():
        name = row.mnemonic
        if name in _COUNTED:
            traits[code] = COUNTS | (CHECKS if name in _CHECKED else 0)
        elif name in _PURE_NAMES:
            traits[code] = PURE
        elif row.access_bytes and row.results:
            traits[code] = LOADS
        elif row.typed_by_row and not row.access_bytes and name[:3] in ("i32", "i64", "f32", "f64"):
            traits[code] = 0 if any(part in name for part in _MAY_TRAP) else PURE
    return bytes(traits)


TRAITS: Final = _traits()


def with_points(records: bytes, limit: int) -> bytes:
    """The records of a body, counted and compared with `limit` (0 to 2**64 - 1)."""
    size: i64 = len(records)
    low: i64 = ((limit + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000  # signed, as all that is written
    high: i64 = limit >> 32
    traits = TRAITS
    out = BytesWriter()
    copied: i64 = 0  # up to here records are written
    earliest: i64 = 0  # where counting may stand at the earliest
    count: i64 = 0
    at: i64 = 0
    while at < size:
        code = i64(read_i32_le(records, at)) & 0xFFFF
        trait: i64 = 0
        if code < INTERNAL_PAGE:
            count += 1
            trait = i64(traits[code])
        if trait & COUNTS:
            live = True
            if code == _END:
                live = i64(read_i32_le(records, at + 8)) & 1 != 0
            elif code == _ELSE:
                live = read_i32_le(records, at + 8) != 0
            if live:
                place = earliest
                if place < at and place > 0 and place + 16 < at:
                    before = i64(read_i32_le(records, place - 16)) & 0xFFFF
                    if before < INTERNAL_PAGE and i64(traits[before]) & LOADS:
                        place += 16  # a load becomes part of the operator behind it
                out.write(records[copied:place])
                copied = place
                offset = i64(read_i32_le(records, place + 12))
                write_i64_le(out, ADD_POINTS | (count << 32))
                write_i64_le(out, offset << 32)
                if trait & CHECKS:
                    write_i64_le(out, CHECK_POINTS | (low << 32))
                    write_i64_le(out, high | (offset << 32))
            count = 0
        at += 16
        if not trait & PURE:
            earliest = at
    out.write(records[copied:])
    return out.getvalue()
