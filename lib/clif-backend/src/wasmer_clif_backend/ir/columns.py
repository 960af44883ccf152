"""Columns of numbers: what functions, in the representation and of the machine, are stored in.

A function is not a graph of objects but a table: one row an instruction, one `vec[i64]` a
column. Making a row costs a few nanoseconds in compiled code, where an object costs a
hundred, and a column of a million numbers is one thing for Python's memory manager. Columns
are used again for each function of a module; they only grow. What has to be zero when a function begins is a new
column each time: a part of a column of zeros is copied faster than a loop writes it.
"""

from __future__ import annotations

from librt.vecs import extend, vec

from wasmer_runtime_core.support.annotations import Final, i64

_ZEROS: Final = vec[i64]([0] * (1 << 14))
_ONES: Final = vec[i64]([-1] * (1 << 14))
# They are only read.


def column(rows: i64) -> vec[i64]:
    """A column of so many zeros."""
    if rows <= i64(len(_ZEROS)):
        return _ZEROS[:rows]
    new = _ZEROS[:]
    while 2 * i64(len(new)) <= rows:
        new = extend(new, new)
    return extend(new, new[: rows - i64(len(new))])


def nowhere(rows: i64) -> vec[i64]:
    """A column of so many numbers -1."""
    if rows <= i64(len(_ONES)):
        return _ONES[:rows]
    new = _ONES[:]
    while 2 * i64(len(new)) <= rows:
        new = extend(new, new)
    return extend(new, new[: rows - i64(len(new))])


def ascending(rows: i64) -> vec[i64]:
    """A column of the numbers from 0 on."""
    return _NUMBERS[:rows] if rows <= i64(len(_NUMBERS)) else _counted(rows)


def _counted(rows: i64) -> vec[i64]:
    new = column(rows)
    n: i64 = 0
    while n < rows:
        new[n] = n
        n += 1
    return new


def grown(old: vec[i64], rows: i64) -> vec[i64]:
    """The same numbers, and zeros behind them, `rows` in all."""
    missing = rows - i64(len(old))
    return extend(old, column(missing)) if missing > 0 else old


_NUMBERS: Final = _counted(1 << 12)  # is only read, too
