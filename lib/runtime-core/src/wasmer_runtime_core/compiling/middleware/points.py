"""Where metering counts: the records of a body with points put between them.

One pass from front to back. It counts records, and in front of each that ends a block it
adds what was counted, that record included; in front of a branch or call it compares with
the limit too. What an operator moves besides its operands is paid for by number: locals that
are zeroed, values that a branch or a call carries, bytes and elements of the bulk operators;
these alone know the number when they run, so they are paid for and compared in front of them,
at once. What cannot be reached has no records and costs nothing; the ``end`` and
``else`` of a block whose last operator is a branch are not reached either.

The counting may stand earlier than the record it is for, as long as nobody can tell: in
front of operators that cannot trap, call or write anything that outlives the function. So
a comparison stays beside the branch that takes it from the flags. For the same reason a
``block``, or an ``end`` that nothing branches to, is counted together with what follows it.
"""

from __future__ import annotations

from librt.strings import BytesWriter, read_i32_le, write_i64_le

import wasmer_runtime_core.wasm.operators.effects as effect
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.body.body import CATCH_FALLS_THROUGH, END_FALLS_THROUGH
from wasmer_runtime_core.wasm.operators.internal import (
    ADD_POINTS,
    ADD_POINTS_BY_SIZE,
    CHECK_POINTS,
    INTERNAL_PAGE,
    SHARED,
)
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, OBJECT_PAGE, OPERATORS
from wasmer_runtime_core.wasm.types import I64

COUNTS: Final = 1
CHECKS: Final = 2
PURE: Final = 4
LOADS: Final = 8
CARRIES: Final = 16
CALLS: Final = 32
SIZED: Final = 64
NAMES_TYPE: Final = 128
"""A call whose record begins with the type of what it calls; of others it stands behind the function."""

VALUES_SHIFT: Final = 3
"""Values that are moved cost a point for each 8."""
SIZE_SHIFTS: Final = {
    "memory.fill": -4,
    "memory.copy": -4,
    "memory.init": -4,
    "memory.grow": 6,
    "table.fill": 0,
    "table.copy": 0,
    "table.init": 0,
    "table.grow": 0,
}
"""What an operator costs by its topmost operand, as `ADD_POINTS_BY_SIZE` counts: 16 bytes a point, an element a
point, 64 points a page (which the system clears when it is first touched)."""

ARRAYS: Final = frozenset(
    f"array.{what}" for what in ("new", "new_default", "new_data", "new_elem", "fill", "copy", "init_data", "init_elem")
)
"""What works on elements by number, which is the topmost operand: 16 bytes a point, as their size is."""

_BLOCK: Final = BY_MNEMONIC["block"].code
_END: Final = BY_MNEMONIC["end"].code
_LOCAL_SET: Final = BY_MNEMONIC["local.set"].code
_LOCAL_TEE: Final = BY_MNEMONIC["local.tee"].code
_ELSE: Final = BY_MNEMONIC["else"].code
_CATCH: Final = BY_MNEMONIC["catch"].code
_CATCH_ALL: Final = BY_MNEMONIC["catch_all"].code
_DELEGATE: Final = BY_MNEMONIC["delegate"].code


def _traits() -> bytes:
    """By operator code: how metering treats it."""
    traits = bytearray(INTERNAL_PAGE)
    for code, row in OPERATORS.items():
        effects = row.effects
        if effects & effect.CONTROL:
            trait = COUNTS
            if effects & (effect.BRANCHES | effect.CALLS):
                trait |= CHECKS
            if effects & effect.CALLS:
                trait |= CALLS | (NAMES_TYPE if row.immediate.startswith("type") else 0)
            if effects & (effect.BRANCHES | effect.RETURNS):
                trait |= CARRIES
        elif row.mnemonic in SIZE_SHIFTS or row.mnemonic in ARRAYS:
            trait = SIZED
        elif row.access_bytes and row.results and not effects & effect.ORDERS:
            trait = LOADS
        else:
            trait = 0 if effects & effect.OUTLIVES else PURE
        traits[code] = trait
    return bytes(traits)


TRAITS: Final = _traits()
_SHIFTS: Final = {BY_MNEMONIC[name].code: shift for name, shift in SIZE_SHIFTS.items()}
_STRUCT_NEW: Final = BY_MNEMONIC["struct.new"].code
_STRUCT_NEW_DEFAULT: Final = BY_MNEMONIC["struct.new_default"].code
_ARRAY_NEW_FIXED: Final = BY_MNEMONIC["array.new_fixed"].code
_ARRAY_INIT_DATA: Final = BY_MNEMONIC["array.init_data"].code
_ARRAY_INIT_ELEM: Final = BY_MNEMONIC["array.init_elem"].code
_MEMORY_INIT: Final = BY_MNEMONIC["memory.init"].code
_MEMORY_COPY: Final = BY_MNEMONIC["memory.copy"].code
_TABLE_INIT: Final = BY_MNEMONIC["table.init"].code
_TABLE_COPY: Final = BY_MNEMONIC["table.copy"].code
OF_TABLES: Final = bytes(_TABLE_INIT <= code <= BY_MNEMONIC["table.fill"].code for code in range(INTERNAL_PAGE))
"""By operator code, of those with a size: 1 for those of tables."""


@final
class _Counter:
    """The records written so far, and what is to be counted."""

    def __init__(self, records: bytes, lane: i64) -> None:
        self.records: Final = records
        self.lane: Final[i64] = lane << 24  # of all records that are written
        self.out: Final = BytesWriter()
        self.copied: i64 = 0  # up to here records are written
        self.earliest: i64 = 0  # where counting may stand at the earliest

    def add(self, count: i64, at: i64) -> None:
        """Count before the record at `at`, as early as may be."""
        records = self.records
        place = self.earliest
        if place > 0 and place + 16 < at:
            before = i64(read_i32_le(records, place - 16)) & 0xFFFF
            if before < INTERNAL_PAGE and i64(TRAITS[before]) & LOADS:
                place += 16  # a load becomes part of the operator behind it
        if place + 16 < at:
            here = i64(read_i32_le(records, place)) & 0xFFFF
            if here == _LOCAL_SET or here == _LOCAL_TEE:
                place += 16  # a result goes to its local at once
        out = self.out
        out.write(records[self.copied : place])
        self.copied = place
        write_i64_le(out, ADD_POINTS | self.lane | (count << 32))
        write_i64_le(out, i64(read_i32_le(records, place + 12)) << 32)

    def check(self, low: i64, high: i64) -> None:
        """Compare with the limit, right behind what was added."""
        out = self.out
        write_i64_le(out, CHECK_POINTS | self.lane | (low << 32))
        write_i64_le(out, high | (i64(read_i32_le(self.records, self.copied + 12)) << 32))

    def add_by_size(self, shift: i64, type_: i64, at: i64) -> None:
        """Count the topmost operand, of this type, right before the record at `at`."""
        out = self.out
        out.write(self.records[self.copied : at])
        self.copied = at
        left: i64 = 0
        right: i64 = 0
        if shift > 0:
            left = shift
        else:
            right = -shift
        write_i64_le(out, ADD_POINTS_BY_SIZE | (type_ << 16) | self.lane | (left << 32))
        write_i64_le(out, right | (i64(read_i32_le(self.records, at + 12)) << 32))


def size_type(code: i64, a: i64, b: i64, memories: bytes, tables: bytes) -> i64:
    """The type of an operator's topmost operand, a size, as `ADD_POINTS_BY_SIZE` wants it; `a`, `b`: of its record."""
    wide = memories
    if i64(OF_TABLES[code]):
        wide = tables
    if code == _MEMORY_INIT or code == _TABLE_INIT or wide[a] == 0:
        return 0
    if (code == _MEMORY_COPY or code == _TABLE_COPY) and wide[b] == 0:
        return 0
    return I64


def with_points(
    records: bytes,
    limit: int,
    at_entry: int,
    type_points: bytes,
    element_shifts: bytes,
    memories: bytes,
    tables: bytes,
    shared: bool,
) -> bytes:
    """The records of a body, counted and compared with a limit.

    Args:
        limit: 0 to 2**64 - 1.
        at_entry: points that entering the function costs.
        type_points: by type index, 4 bytes each: points that a call of the type, or a new struct, costs beside the
            operator's own.
        element_shifts: by type index, of arrays: log 2 of how many elements have 16 bytes.
        memories, tables: by index, 1 for those whose index has 64 bits.
        shared: counted where the instance's ``points_at`` leads (`internal.SHARED`).
    """
    low: i64 = ((limit + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000  # signed, as all that is written
    high: i64 = limit >> 32
    traits = TRAITS
    counter = _Counter(records, SHARED if shared else 0)
    count: i64 = at_entry  # since the last place that counts
    pending: i64 = 0  # before it: not written yet
    at: i64 = 0
    last: i64 = len(records) - 16
    while at <= last:
        if at & 0x3_FFFF == 0:
            checkpoint()
        word = i64(read_i32_le(records, at))
        code = word & 0xFFFF
        trait: i64 = 0
        if code < INTERNAL_PAGE:
            count += 1
            trait = i64(traits[code])
            if code == _STRUCT_NEW or code == _STRUCT_NEW_DEFAULT:
                count += i64(read_i32_le(type_points, 4 * i64(read_i32_le(records, at + 4))))
            elif code == _ARRAY_NEW_FIXED:
                count += (i64(read_i32_le(records, at + 8)) & 0xFFFF_FFFF) >> VALUES_SHIFT
        if trait & COUNTS:
            flags = i64(read_i32_le(records, at + 8))
            if at < last and (code == _BLOCK or (code == _END and flags == END_FALLS_THROUGH)):
                pending += count  # nothing branches to here: it can be counted with what follows
                count = 0
                at += 16
                continue
            if trait & CARRIES:
                count += ((word >> 16) & 0xFFFF) >> VALUES_SHIFT
            elif trait & CALLS:
                if trait & NAMES_TYPE:
                    type_index = i64(read_i32_le(records, at + 4))
                else:
                    type_index = i64(read_i32_le(records, at + 8))
                count += i64(read_i32_le(type_points, 4 * type_index))
            live = True
            if code == _END:
                live = flags & END_FALLS_THROUGH != 0
            elif code == _ELSE:
                live = flags != 0
            elif code == _CATCH or code == _CATCH_ALL:
                live = flags & CATCH_FALLS_THROUGH != 0
            elif code == _DELEGATE:
                live = flags & END_FALLS_THROUGH != 0
            if live:
                counter.add(pending + count, at)
                if trait & CHECKS:
                    counter.check(low, high)
            count = 0
            pending = 0
        elif pending > 0 and not trait & PURE:
            counter.add(pending, at)
            pending = 0
        if trait & SIZED:
            a = i64(read_i32_le(records, at + 4))
            b = i64(read_i32_le(records, at + 8))
            if code >= OBJECT_PAGE:
                shift: i64 = element_shifts[b if code == _ARRAY_INIT_DATA or code == _ARRAY_INIT_ELEM else a]
                counter.add_by_size(-shift, 0, at)
            else:
                counter.add_by_size(i64(_SHIFTS[code]), size_type(code, a, b, memories, tables), at)
            counter.check(low, high)
        at += 16
        if not trait & PURE:
            counter.earliest = at
    counter.out.write(records[counter.copied :])
    return counter.out.getvalue()
