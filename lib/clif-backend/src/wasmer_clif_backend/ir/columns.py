"""Columns of numbers: what functions, in the representation and of the machine, are stored in.

A function is not a graph of objects but a table: one row an instruction, one `vec[i64]` a
column. Making a row costs a few nanoseconds in compiled code, where an object costs a
hundred, and a column of a million numbers is one thing for Python's memory manager. Columns
are used again for each function of a module; they only grow. What has to be zero when a function begins is written by
a loop over all such columns, or where a row is taken; a new column each time would be in no cache.
"""

from __future__ import annotations

from librt.vecs import extend, vec

from wasmer_runtime_core.support.annotations import Final, i64

_ZEROS: Final = vec[i64]([0] * (1 << 14))
"""Is only read. A part of it is copied faster than a loop writes zeros."""


def column(rows: i64) -> vec[i64]:
    """A column of so many zeros."""
    if rows <= i64(len(_ZEROS)):
        return _ZEROS[:rows]
    return vec[i64]([0] * rows)


def with_room(rows: i64) -> i64:
    """As many rows, and a quarter more, for what is made anew when it is too short: it will be seldom."""
    return rows + (rows >> 2)


def grown(old: vec[i64], rows: i64) -> vec[i64]:
    """The same numbers, and zeros behind them, `rows` in all."""
    room = i64(len(old))
    if rows <= room:
        return old
    return extend(old, column(rows - room)) if room else column(rows)
