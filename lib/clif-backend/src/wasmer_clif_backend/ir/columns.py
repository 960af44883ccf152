"""Columns of numbers: what functions, in the representation and of the machine, are stored in.

A function is not a graph of objects but a table: one row an instruction, one `vec[i64]` a
column. Making a row costs a few nanoseconds in compiled code, where an object costs a
hundred, and a column of a million numbers is one thing for Python's memory manager. Columns
are made once and used again for each function of a module; they only grow.
"""

from __future__ import annotations

from librt.vecs import append, vec
from mypy_extensions import i64


def column(rows: i64) -> vec[i64]:
    """A column of so many zeros."""
    return vec[i64]([0] * rows)


def grown(old: vec[i64], rows: i64) -> vec[i64]:
    """The same numbers, and zeros behind them, `rows` in all."""
    new = old
    at: i64 = len(old)
    while at < rows:
        new = append(new, 0)
        at += 1
    return new
