"""DuckDB, a main module whose C++ throws in WebAssembly's legacy encoding: through the functions of its C interface."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from wasmer_emscripten import load

QUERIES: Final = [each.strip() for each in Path(__file__).with_suffix(".sql").read_text().split(";\n") if each.strip()]
FUNCTIONS: Final = {
    "duckdb_web_test_platform_feature": lambda feature: int(feature == 1),  # integers of 64 bits
    "duckdb_web_fs_get_default_data_protocol": lambda: 0,
    "duckdb_web_fs_glob": lambda path, length: None,
}
"""In place of the JavaScript of the package: there are no files but those of the program."""


def answer(program: Any, name: str, *arguments: Any) -> str:
    """What a function says: the error, or the length and the hash of what it answers with."""
    with program.stack() as stack:
        response = stack.allocate(24)
        program.exports[name](response, *(stack.string(each) if isinstance(each, str) else each for each in arguments))
        status, data, size = map(int, struct.unpack("<3d", program.memory.read(response, 24)))
        found = program.memory.read(data, size) if data else b""
        program.duckdb_web_clear_response()
    return f"{status} {found.decode()}" if status else f"{len(found)} {hashlib.sha1(found).hexdigest()}"


def run(folder: Path, backend: str) -> Iterator[str]:
    dist = folder / "_duckdb_duckdb-wasm/dist"
    glue = dist / "duckdb-browser-eh.worker.js"
    with load(
        dist / "duckdb-eh.wasm", backend=backend, glue=glue, functions=FUNCTIONS, stdout=None, stderr=None
    ) as program:
        yield answer(program, "duckdb_web_get_version")
        yield answer(program, "duckdb_web_open", json.dumps({"path": ":memory:"}, separators=(",", ":")))
        connection = program.duckdb_web_connect()
        for query in QUERIES:
            yield answer(program, "duckdb_web_query_run", connection, query).replace("\n", "|")
