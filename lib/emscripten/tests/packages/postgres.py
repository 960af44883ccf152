"""PostgreSQL: what its program says of itself; extensions that are opened and asked what they were built for."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packages.javascript import text
from wasmer_emscripten import CAPTURE, load
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler

RTLD_NOW: Final = 2
MAGIC_BYTES: Final = 64
"""With which the record of what an extension was built for begins."""


def unpacked(path: Path) -> bytes:
    """The side module of an extension."""
    with tarfile.open(path) as archive:
        name = next(name for name in archive.getnames() if name.endswith(f"/{path.name.partition('.')[0]}.so"))
        file = archive.extractfile(name)
        assert file is not None
        return file.read()


def run(folder: Path, backend: str) -> Iterator[str]:
    dist = folder / "_electric-sql_pglite/dist"
    module = compile_with(dist / "pglite.wasm", find_compiler(backend))

    def started() -> Any:
        return load(module, glue=dist / "pglite.js", name="postgres", stdin=None, stdout=CAPTURE, stderr=None)

    for argument in ("--version", "--help", "--describe-config"):
        with started() as postgres:
            code = postgres.main(argument)
            lines = postgres.stdout_bytes().decode().splitlines()
            yield f"{argument} {code} {len(lines)} {hashlib.sha1(chr(10).join(lines).encode()).hexdigest()}"
    with started() as postgres:
        opened = postgres.cwrap("dlopen", int, [str, int])
        symbol = postgres.cwrap("dlsym", int, [int, str])
        table = postgres.exports["__indirect_function_table"]
        for extension in ("hstore", "pgcrypto", "pg_trgm"):
            postgres.fs.write_bytes(f"/tmp/{extension}.so", unpacked(dist / f"{extension}.tar.gz"))
            handle = opened(f"/tmp/{extension}.so", RTLD_NOW)
            found = [symbol(handle, name) for name in ("Pg_magic_func", "work_mem", "none")]
            error = postgres.string(postgres.dlerror())
            yield f"{extension} {' '.join(text(place != 0) for place in (handle, *found))} {error}"
            magic = table[found[0]]()  # node cannot get there
            assert postgres.memory.read(magic, 4) == MAGIC_BYTES.to_bytes(4, "little")
