"""SQLite through the functions of its C interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packages.javascript import stringify
from wasmer_emscripten import load

BUILDS: Final = (
    "sql.js_1.0.0/dist/sql-wasm-debug.js",
    "sql.js_1.17.0/dist/sql-wasm-debug.js",
    "sql.js_1.17.0/dist/sql-wasm.js",
)
QUERIES: Final = (
    "select count(*),sum(a),avg(c),min(b),max(b),total(length(d)) from t",
    "select b,count(*) from t where b like 'n9%' group by substr(b,1,3) order by 2 desc,1 limit 5",
    "select * from t where a in (1,999)",
    "with recursive f(n,a,b) as (select 1,0,1 union all select n+1,b,a+b from f where n<20) select max(b) from f",
    "select strftime('%Y-%m-%d','2020-02-29','+1 year'), julianday('2000-01-01')",
    "select nope",
    "insert into t values(1,2,3,4)",
    "select hex(zeroblob(3)), typeof(1.5), 9223372036854775807, -1e308*10, 'ü'||char(10003)",
    "select sqrt(2)",
)
ITS_JAVASCRIPT: Final[dict[str, Any]] = {"warnLegacyFunction": lambda name: None}
"""Functions of sql.js's own: what it says on the console of old functions of SQL."""
ROW, DONE = 100, 101
INTEGER, FLOAT, TEXT, BLOB = 1, 2, 3, 4


class SqlError(Exception):
    """What SQLite says went wrong."""


class Database:
    """A database of one file, in the program's own files."""

    def __init__(self, program: Any, name: str = "/database") -> None:
        self.program = program
        self.name = name
        wrap = program.cwrap
        self.prepare_v2 = wrap("sqlite3_prepare_v2", int, [int, str, int, int, int])
        self.message = wrap("sqlite3_errmsg", str, [int])
        self.column_name = wrap("sqlite3_column_name", str, [int, int])
        self._result = program.malloc(4)
        self.handle = 0
        self.check(wrap("sqlite3_open", int, [str, int])(name, self._result))
        self.handle = self.result()
        if "RegisterExtensionFunctions" in program.exports or "_RegisterExtensionFunctions" in program.exports:
            program.RegisterExtensionFunctions(self.handle)

    def result(self) -> int:
        return int.from_bytes(self.program.memory.read(self._result, 4), "little")

    def check(self, code: int) -> None:
        if code:
            raise SqlError(self.message(self.handle))

    def prepare(self, sql: str) -> int:
        self.check(self.prepare_v2(self.handle, sql, -1, self._result, 0))
        return self.result()

    def step(self, statement: int) -> bool:
        code = self.program.sqlite3_step(statement)
        if code not in (ROW, DONE):
            raise SqlError(self.message(self.handle))
        return bool(code == ROW)

    def bind(self, statement: int, values: tuple[Any, ...]) -> None:
        program = self.program
        for at, value in enumerate(values, 1):
            if isinstance(value, float):
                self.check(program.sqlite3_bind_double(statement, at, value))
            elif isinstance(value, int):
                self.check(program.sqlite3_bind_int(statement, at, value))
            else:
                data = value.encode() if isinstance(value, str) else value
                bind = program.sqlite3_bind_text if isinstance(value, str) else program.sqlite3_bind_blob
                with program.stack() as stack:
                    self.check(bind(statement, at, stack.string(data), len(data), -1))  # -1: SQLite copies it

    def value(self, statement: int, at: int) -> Any:
        program = self.program
        kind = program.sqlite3_column_type(statement, at)
        if kind in (INTEGER, FLOAT):
            return program.sqlite3_column_double(statement, at)
        if kind == TEXT:
            return program.string(program.sqlite3_column_text(statement, at))
        if kind == BLOB:
            pointer, size = program.sqlite3_column_blob(statement, at), program.sqlite3_column_bytes(statement, at)
            return bytes(program.memory.read(pointer, size))
        return None

    def run(self, sql: str) -> list[dict[str, Any]]:
        """All rows of one statement, as sql.js gives them."""
        statement = self.prepare(sql)
        names: list[str] = []
        rows = []
        try:
            while self.step(statement):
                columns = range(self.program.sqlite3_data_count(statement))
                names = names or [self.column_name(statement, at) for at in columns]
                rows.append([self.value(statement, at) for at in columns])
        finally:
            self.program.sqlite3_finalize(statement)
        return [{"columns": names, "values": rows}] if rows else []

    def close(self) -> None:
        self.check(self.program.sqlite3_close_v2(self.handle))


def run(folder: Path, backend: str) -> Iterator[str]:
    for build in BUILDS:
        yield build
        with load(folder / build, backend=backend, functions=ITS_JAVASCRIPT) as program:
            database = Database(program)
            database.run("create table t(a integer primary key,b text,c real,d blob)")
            database.run("begin")
            statement = database.prepare("insert into t values(?,?,?,?)")
            for number in range(1000):
                database.bind(statement, (number, f"n{number * 7 % 1000}", number / 3, bytes((number & 255, 1, 2))))
                database.step(statement)
                program.sqlite3_reset(statement)
            program.sqlite3_finalize(statement)
            database.run("commit")
            for query in QUERIES:
                try:
                    said = stringify(database.run(query))
                except SqlError as error:
                    said = f"ERROR {error}"
                yield f"  {query[:60]} {said}"
            database.close()
            image = program.fs.read_bytes(database.name)
            yield f"  export {str(len(image) > 8192).lower()} {image[:15].decode()}"
