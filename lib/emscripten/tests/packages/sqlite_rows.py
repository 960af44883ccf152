"""SQLite: many rows inserted and queried; Python's own SQLite says what comes of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packages.javascript import number
from packages.sqlite import ITS_JAVASCRIPT, Database
from wasmer_emscripten import load

ROWS: Final = 100_000
TABLE: Final = "create table t(a integer primary key, b text, c real, d blob)"
INSERT: Final = "insert into t values(?, ?, ?, ?)"
QUERIES: Final = (
    "select count(*), sum(a), min(b), max(b), sum(length(d)) from t",
    "select b, count(*), sum(a) from t group by b order by 3 desc, 1 limit 5",
    "select a, b, c, hex(d) from t where a % 9973 = 7 order by a",
    "create index i on t(b, a)",
    "select a from t where b = 'name 77' order by a desc limit 3",
    "select count(*) from t x join t y on y.a = x.a + 1 and y.b > x.b",
    "update t set c = -c where a % 2",
    "delete from t where a % 3 = 0",
    "select count(*), round(sum(c), 3), max(a) from t",
    "select avg(n), max(n) from (select count(*) as n from t group by b)",
    "pragma integrity_check",
)


def row(at: int) -> tuple[int, str, float, bytes]:
    return at, f"name {at * 7 % 1000}", at / 3, bytes((at & 255, at >> 8 & 255))


def text(value: Any) -> str:
    return number(value) if isinstance(value, (int, float)) else str(value)


def lines(query: str, rows: Any) -> Iterator[str]:
    yield query
    for each in rows:
        yield "  " + " ".join(map(text, each))


def expected() -> Iterator[str]:
    database = sqlite3.connect(":memory:")
    database.execute(TABLE)
    database.executemany(INSERT, map(row, range(ROWS)))
    for query in QUERIES:
        yield from lines(query, database.execute(query).fetchall())
    database.close()


def run(folder: Path, backend: str) -> Iterator[str]:
    glue = folder / "sql.js_1.17.0/dist/sql-wasm.js"
    with load(glue, backend=backend, functions=ITS_JAVASCRIPT) as program:
        database = Database(program)
        database.run(TABLE)
        database.run("begin")
        statement = database.prepare(INSERT)
        for at in range(ROWS):
            database.bind(statement, row(at))
            database.step(statement)
            program.sqlite3_reset(statement)
        program.sqlite3_finalize(statement)
        database.run("commit")
        for query in QUERIES:
            found = database.run(query)
            yield from lines(query, found[0]["values"] if found else [])
        database.close()
