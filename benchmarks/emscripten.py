"""What programs of emcc cost: SQLite, Lua and C++ from Python, beside the same modules in node, and Python's sqlite3.

Run as ``python benchmarks/emscripten.py``. The packages are fetched by npm once. All figures are CPU time. *node* is
the package's own JavaScript there; SQLite's rows are bound and stepped by Python here. *asked* is what this project
promises: a time, or how many times node's; a figure above it is marked. The heap of C++ objects is looked at, too: it
must not grow while they are made and dropped. Yoga's come as raw pointers, which nobody destroys unless told (`adopt`),
as in node; how much the heap grows where nobody tells is printed beside. Those of a constructor need nothing.
"""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from support.measure import arguments, table, write_json
from support.npm import EMSCRIPTEN, FetchError, installed

from wasmer_emscripten import load
from wasmer_runtime_core.running.module import Module

HERE: Final = Path(__file__).resolve().parent
BINDINGS: Final = HERE.parent / "lib/emscripten/tests/fixtures/bindings.wasm"
ROWS_OF_SQL: Final = 100_000
OBJECTS: Final = 100_000
FIB: Final = "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(27)"
STRINGS: Final = (
    "local t = {} for i = 1, 60000 do t[#t + 1] = string.format('%d:%s', i, ('x'):rep(i % 20)) end "
    "local s = table.concat(t, ',') return #s:gsub('x+', 'y'):upper() + select(2, s:gsub('%d+', ''))"
)
LONGJMPS: Final = "for i = 1, 1000 do pcall(error, 'x') end"
SCRIPTS: Final = {"lua: fib(27)": FIB, "lua: strings": STRINGS, "lua: a longjmp": LONGJMPS}


class Figure(NamedTuple):
    """One line: what is asked in seconds, or in times node's."""

    name: str
    unit: str
    size: float
    seconds: float | None = None
    times: float | None = None


# fmt: off
FIGURES: Final = (
    Figure("sqlite: load to first query",        "ms", 1e-3, seconds=0.150),
    Figure("sqlite: artifact to first query",    "ms", 1e-3, seconds=0.030),
    Figure("sqlite: insert rows",                "ms", 1e-3),
    Figure("sqlite: query them",                 "ms", 1e-3),
    Figure("sqlite: insert rows by SQL",         "ms", 1e-3),
    Figure("lua: fib(27)",                       "ms", 1e-3, times=1.3),
    Figure("lua: strings",                       "ms", 1e-3, times=1.3),
    Figure("lua: a longjmp",                     "us", 1e-6, seconds=50e-6),
    Figure("embind: method(double)",             "ns", 1e-9, times=2.0),
    Figure("embind: method() -> double",         "ns", 1e-9, times=2.0),
    Figure("embind: an object made and deleted", "ns", 1e-9),
    Figure("embind: an object made and dropped", "ns", 1e-9),
    Figure("embind: one constructed and dropped", "ns", 1e-9),
)
# fmt: on

QUERY: Final = "select b, count(*), sum(c) from t group by b order by 2 desc, 1 limit 5"


def by_sql(rows: int) -> str:
    return (
        f"create table u as with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows}) "
        "select i, 'name ' || (i * 7 % 1000) as b, i / 3.0 as c from n"
    )


Results = dict[str, float]


def timed(run: Callable[[], object], count: int = 1, rounds: int = 1) -> float:
    """Seconds of CPU of one of `count`, the least of some rounds."""
    least = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        run()
        least = min(least, (time.process_time() - start) / count)
    return least


class Sql:
    """A database of a program's."""

    def __init__(self, program: Any) -> None:
        self.program = program
        self.result = program.malloc(4)
        self.prepare_v2 = program.cwrap("sqlite3_prepare_v2", int, [int, str, int, int, int])
        assert program.cwrap("sqlite3_open", int, [str, int])(":memory:", self.result) == 0
        self.handle = self._pointer()

    def _pointer(self) -> int:
        return int.from_bytes(self.program.memory.read(self.result, 4), "little")

    def prepare(self, sql: str) -> int:
        assert self.prepare_v2(self.handle, sql, -1, self.result, 0) == 0, sql
        return self._pointer()

    def run(self, sql: str) -> list[str]:
        """The first column of each row, as text."""
        program, statement = self.program, self.prepare(sql)
        found = []
        while program.sqlite3_step(statement) == 100:
            found.append(program.string(program.sqlite3_column_text(statement, 0)))
        assert program.sqlite3_finalize(statement) == 0
        return found

    def insert(self, rows: int) -> None:
        program = self.program
        self.run("begin")
        statement = self.prepare("insert into t values(?, ?, ?)")
        step, reset = program.sqlite3_step, program.sqlite3_reset
        bind_int, bind_text, bind_double = (
            program.sqlite3_bind_int,
            program.sqlite3_bind_text,
            program.sqlite3_bind_double,
        )
        memory, buffer = program.memory, program.malloc(64)
        for at in range(rows):
            text = b"name %d" % (at * 7 % 1000)
            memory.write(buffer, text)
            bind_int(statement, 1, at)
            bind_text(statement, 2, buffer, len(text), 0)
            bind_double(statement, 3, at / 3)
            step(statement)
            reset(statement)
        program.sqlite3_finalize(statement)
        self.run("commit")


def sqlite(folder: Path, backend: str, rows: int) -> Results:
    start = time.process_time()
    program = load(folder / "sql.js/dist/sql-wasm.js", backend=backend, stderr=None)
    database = Sql(program)
    assert database.run("select 40 + 2") == ["42"]
    found = {"sqlite: load to first query": time.process_time() - start}
    kept, names = program.instance.module.serialize(), pickle.dumps(program.names)
    start = time.process_time()
    with load(Module.deserialize(kept), symbols=pickle.loads(names), stderr=None) as again:
        assert Sql(again).run("select 40 + 2") == ["42"]
        found["sqlite: artifact to first query"] = time.process_time() - start
    database.run("create table t(a integer primary key, b text, c real)")
    found["sqlite: insert rows"] = timed(lambda: database.insert(rows))
    found["sqlite: query them"] = timed(lambda: database.run(QUERY))
    found["sqlite: insert rows by SQL"] = timed(lambda: database.run(by_sql(rows)))
    program.close()
    return found


def pythons(rows: int) -> Results:
    """The same by Python's sqlite3."""
    start = time.process_time()
    database = sqlite3.connect(":memory:")
    database.execute("select 40 + 2").fetchall()
    found = {"sqlite: load to first query": time.process_time() - start}
    database.execute("create table t(a integer primary key, b text, c real)")

    def insert() -> None:
        for at in range(rows):
            database.execute("insert into t values(?, ?, ?)", (at, f"name {at * 7 % 1000}", at / 3))
        database.commit()

    found["sqlite: insert rows"] = timed(insert)
    found["sqlite: query them"] = timed(lambda: database.execute(QUERY).fetchall())
    found["sqlite: insert rows by SQL"] = timed(lambda: database.execute(by_sql(rows)).fetchall())
    return found


def lua(folder: Path, backend: str) -> Results:
    found = {}
    glue = folder / "wasmoon/dist/index.js"
    with load(folder / "wasmoon/dist/glue.wasm", glue=glue, backend=backend) as program:
        state = program.luaL_newstate()
        program.luaL_openlibs(state)
        load_string = program.cwrap("luaL_loadstring", int, [int, str])

        def run(script: str) -> None:
            assert load_string(state, script) == 0
            code = program.lua_pcallk(state, 0, 1, 0, 0, 0)
            assert code == 0, program.string(program.lua_tolstring(state, -1, 0))
            program.lua_settop(state, 0)

        for name, script in SCRIPTS.items():
            run(script)
            found[name] = timed(lambda script=script: run(script), 1000 if "longjmp" in name else 1, 3)  # type: ignore[misc]
    return found


def embind(folder: Path, backend: str, objects: int) -> Results:
    found = {}
    with load(folder / "yoga-layout/dist/binaries/yoga-wasm-base64-esm.js", backend=backend) as program:
        make = program.Node.createDefault
        node = make()
        calls = 20_000

        def set_width() -> None:
            for _ in range(calls):
                node.setWidth(300.0)

        def get_width() -> None:
            for _ in range(calls):
                node.getComputedWidth()

        def deleted() -> None:
            for _ in range(objects):
                make().delete()

        def dropped() -> None:
            for _ in range(objects):
                make().adopt()

        found["embind: method(double)"] = timed(set_width, calls, 5)
        found["embind: method() -> double"] = timed(get_width, calls, 5)
        deleted()
        before = len(program.memory)
        found["embind: an object made and deleted"] = timed(deleted, objects)
        found["embind: an object made and dropped"] = timed(dropped, objects)
        told(backend, f"{2 * objects} C++ objects from raw pointers made and deleted, or adopted and dropped",
             len(program.memory) - before, 0)  # fmt: skip
        before = len(program.memory)
        for _ in range(objects):
            make()
        told(backend, f"{objects} raw pointers dropped that nobody has adopted", len(program.memory) - before, None)
    with load(BINDINGS, backend=backend) as program:
        construct = program.Counter

        def constructed() -> None:
            for at in range(objects):
                construct(at)

        constructed()
        before = len(program.memory)
        found["embind: one constructed and dropped"] = timed(constructed, objects)
        told(backend, f"{objects} C++ objects constructed and dropped", len(program.memory) - before, 0)
    return found


def told(backend: str, what: str, grown: int, most: int | None) -> None:
    """Print by how many bytes the memory grew; a mark, if that is more than it may."""
    mark = " !" if most is not None and grown > most else ""
    print(f"{backend}: {what}: the memory grew by {grown} bytes{mark}", file=sys.stderr)


def nodes(folder: Path, rows: int) -> Results:
    """What node needs; nothing where there is none."""
    node = shutil.which("node")
    if node is None:
        print("left out: node is not on the PATH", file=sys.stderr)
        return {}
    command = [node, HERE / "programs/emscripten.cjs", folder, str(rows), json.dumps(SCRIPTS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"left out: node failed: {done.stderr[-500:]}", file=sys.stderr)
        return {}
    results: Results = json.loads(done.stdout.strip().splitlines()[-1])
    return results


def least(of: list[Results]) -> Results:
    return {name: min(each[name] for each in of if name in each) for name in of[0]} if of else {}


def main() -> int:
    parser = arguments(__doc__ or "", rounds=3)
    parser.add_argument("--backends", default="llvm,cranelift,singlepass", help="ours, separated by commas")
    options = parser.parse_args()
    try:
        folder = installed(EMSCRIPTEN)
    except FetchError as failure:
        print(f"nothing is measured: {failure}", file=sys.stderr)
        return 2
    rounds = 1 if options.quick else options.rounds
    rows = ROWS_OF_SQL // 10 if options.quick else ROWS_OF_SQL
    objects = OBJECTS // 10 if options.quick else OBJECTS
    measured: dict[str, list[Results]] = {}
    for _ in range(rounds):
        measured.setdefault("node", []).append(nodes(folder, rows))
        measured.setdefault("sqlite3", []).append(pythons(rows))
        for backend in options.backends.split(","):
            found = sqlite(folder, backend, rows) | lua(folder, backend) | embind(folder, backend, objects)
            measured.setdefault(backend, []).append(found)
    figures = {name: least(of) for name, of in measured.items()}
    print(f"SQLite's rows: {rows}")
    print(report(figures))
    write_json(options.json, figures)
    return 0


def _asked(figure: Figure) -> str:
    if figure.seconds is not None:
        return f"{figure.seconds / figure.size:,.0f} {figure.unit}"
    return "" if figure.times is None else f"{figure.times} x node"


def report(figures: dict[str, Results]) -> str:
    """A line per figure: all, and how many times node's ours are."""
    names = list(figures)
    ours = [name for name in names if name not in ("node", "sqlite3")]
    lines = []
    for figure in FIGURES:
        found = {name: figures[name].get(figure.name) for name in names}
        cells = [figure.name, figure.unit]
        cells += ["" if value is None else f"{value / figure.size:,.1f}" for value in found.values()]
        node = found["node"]
        most = figure.seconds or (figure.times * node if figure.times and node else None)
        for name in ours:
            value = found[name] or 0.0
            over = " !" if most is not None and value > most else ""
            cells.append(f"{value / node:.2f}{over}" if node else over.strip())
        cells.append(_asked(figure))
        lines.append(cells)
    heads = ["", "", *names, *(f"{name}/node" for name in ours), "asked"]
    return table(heads, lines)


if __name__ == "__main__":
    sys.exit(main())
