"""PostgreSQL makes a database and answers queries: two programs, one starts the other, as their JavaScript does.

`initdb` runs the commands of a script through `system` and `popen`. Both are functions of the host's here, which start
the other program. Their files are one directory that both have mounted.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packages.javascript import text
from wasmer_emscripten import CAPTURE, load
from wasmer_emscripten.glue.names import read_text
from wasmer_emscripten.glue.packaged import packed
from wasmer_emscripten.loading import PACKED_MODE
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_vfs import MemoryDirectory

PLACE: Final = "/pglite"
SERVER: Final = f"{PLACE}/bin/postgres"
INPUT: Final = f"{PLACE}/pgstdin"
OUTPUT: Final = f"{PLACE}/pgstdout"
ENVIRONMENT: Final = {
    "PGDATA": f"{PLACE}/data", "HOME": "/home/postgres", "USER": "postgres", "LOGNAME": "postgres",
    "ICU_DATA": f"{PLACE}/icu", "TZ": "UTC", "PGTZ": "UTC",
}  # fmt: skip
INITDB: Final = (
    "--allow-group-access",
    "--encoding",
    "UTF8",
    "--locale=C.UTF-8",
    "--locale-provider=libc",
    "--auth=trust",
)
QUERIES: Final = (
    "create table t(i int primary key, name text)",
    "insert into t select g, 'n' || g from generate_series(1, 1000) g",
    "select count(*), sum(i), max(name) from t",
    "select 1 / 0",
    "insert into t values (77, 'twice')",
    "select name from t where i = 77",
    "select string_agg(name, ',' order by i) from t where i % 250 = 0",
    "do $$ begin raise exception 'of pl/pgsql'; exception when others then insert into t values (-1, sqlerrm); end $$",
    "select name from t where i = -1",
)
PRINTED: Final = (
    'count = "1000"', 'sum = "500500"', 'max = "n999"', 'name = "n77"', 'string_agg = "n250,n500,n750,n1000"',
    'name = "of pl/pgsql"',
)  # fmt: skip
FAILED: Final = ("division by zero", "duplicate key value violates unique constraint")


def expected() -> Iterator[str]:
    yield "initdb 0"
    yield "queries 0"
    yield from PRINTED
    yield from FAILED


class Server:
    """The program that is started again and again: a new instance each time, as a process is."""

    def __init__(self, dist: Path, backend: str, shared: MemoryDirectory) -> None:
        self._glue = dist / "pglite.js"
        self._module = compile_with(dist / "pglite.wasm", find_compiler(backend))
        self._shared = shared
        self.errors = ""

    def run(self, command: list[str], given: bytes) -> tuple[int, bytes]:
        """Run its `main`; the exit code, and what it has printed."""
        assert command[0] == SERVER
        with load(
            self._module,
            glue=self._glue,
            mounts={PLACE: self._shared},
            data=None,
            descriptors=4096,
            env=ENVIRONMENT,
            name=SERVER,
            stdin=given,
            stdout=CAPTURE,
            stderr=CAPTURE,
            functions={"_setitimer_js": lambda which, milliseconds: 0},  # what would be late is never late
        ) as program:

            def locales(command: int, mode: int) -> int:
                """The one command that it runs itself; a file has what it prints."""
                assert program.string(command).startswith("locale -a")
                return int(program.ccall("fopen", int, [str, str], f"{PLACE}/locale-a", "r"))

            program.process.tree.set_mode(program.fs.stat(SERVER), PACKED_MODE)  # each program has modes of its own
            program.pgl_set_popen_fn(program.add_function(locales, "ppi"))
            program.pgl_set_pclose_fn(program.add_function(program.exports["fclose"], "pi"))
            code = program.main(*command[1:])
            self.errors += program.stderr_bytes().decode()
            return code, program.stdout_bytes()


class Initdb:
    """The program that starts the other."""

    def __init__(self, dist: Path, backend: str, shared: MemoryDirectory, server: Server) -> None:
        self._server = server
        self._waiting: list[str] = []
        self._read = 0
        self._code = 0
        self.program = load(
            dist / "initdb.wasm",
            backend=backend,
            mounts={PLACE: shared},
            env=ENVIRONMENT,
            name=f"{PLACE}/bin/initdb",
            stdin=None,
            stdout=None,
            stderr=None,
        )
        program = self.program
        for name, function, signature in (
            ("system", self._system, "pi"), ("popen", self._popen, "ppi"), ("pclose", self._pclose, "pi"),
        ):  # fmt: skip
            program.exports[f"pgl_set_{name}_fn"](program.add_function(function, signature))
        files = program.fs
        data = (dist / "pglite.data").read_bytes()
        for file in packed(read_text(dist / "pglite.js")):
            if file.path.startswith(PLACE):
                files.mkdir(file.path.rpartition("/")[0], parents=True, exist_ok=True)
                files.write_bytes(file.path, data[file.start : file.end])
                program.process.tree.set_mode(files.stat(file.path), PACKED_MODE)
        for name in (INPUT, OUTPUT):
            files.write_bytes(name, b"")
        self._output, self._input = (
            program.ccall("fopen", int, [str, str], name, mode) for name, mode in ((OUTPUT, "r"), (INPUT, "w"))
        )

    def _command(self, pointer: int) -> list[str]:
        """The words of a command before its redirections."""
        words = shlex.split(self.program.string(pointer).replace("<", " < ").replace(">", " > "))
        return words[: next((at for at, word in enumerate(words) if word in ("<", ">")), len(words))]

    def _started(self, words: list[str]) -> int:
        files = self.program.fs
        given = files.read_bytes(INPUT)
        code, printed = self._server.run(words, given[self._read :])
        self._read = len(given)
        files.write_bytes(OUTPUT, files.read_bytes(OUTPUT) + printed)
        return code

    def _system(self, command: int) -> int:
        return self._started(self._command(command))

    def _popen(self, command: int, mode: int) -> int:
        words = self._command(command)
        if self.program.string(mode) == "w":  # it runs when all is written
            self._waiting = words
            return int(self._input)
        self._code = self._started(words)
        return int(self._output)

    def _pclose(self, stream: int) -> int:
        if self._waiting:
            words, self._waiting = self._waiting, []
            self._code = self._started(words)
        return self._code


def run(folder: Path, backend: str) -> Iterator[str]:
    dist = folder / "_electric-sql_pglite/dist"
    shared = MemoryDirectory({})
    server = Server(dist, backend, shared)
    initdb = Initdb(dist, backend, shared, server)
    yield f"initdb {text(initdb.program.main(*INITDB))}"
    queries = "\n".join(QUERIES) + "\n"
    command = [SERVER, "--single", "-F", "-O", "-D", f"{PLACE}/data", "template1"]
    code, answers = server.run(command, queries.encode())
    yield f"queries {code}"
    yield from [line for line in PRINTED if line in answers.decode()]
    yield from [line for line in FAILED if line in server.errors]
