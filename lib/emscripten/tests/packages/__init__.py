"""Modules of npm's packages, each run by a program of Python that does what a driver for node does, and says the same.

A program has `run(folder, backend)`, which yields lines; `folder` holds the packages, unpacked.
`tools/emscripten_packages.py` fetches them, runs these, and compares with what node has printed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, cast

DRIVERS: Final = Path(__file__).parent / "drivers"


class Package(NamedTuple):
    """One of npm's.

    Attributes:
        name: as npm has it.
        version: exactly this one.
        folder: where the drivers look for it.
    """

    name: str
    version: str
    folder: str


class Set(NamedTuple):
    """One program.

    Attributes:
        name: its module here.
        expected: the file of what node has printed; "": what `driver` prints in node, else what `expected` of its
            module here says.
        packages: what it needs.
        by_chance: a pattern of what differs from run to run in node, too.
        driver: its program for node, in `DRIVERS`.
        too_large: backends that compile it in more than half an hour, on which it is run only if it is named.
    """

    name: str
    expected: str
    packages: tuple[Package, ...]
    by_chance: str = ""
    driver: str = ""
    too_large: tuple[str, ...] = ()

    def told(self) -> list[str] | None:
        """What its module says that it must print, if it does."""
        told = getattr(importlib.import_module(f"packages.{self.name}"), "expected", None)
        return None if told is None else list(told())

    def run(self, folder: Path, backend: str) -> Iterator[str]:
        """What it prints, line by line."""
        return cast("Iterator[str]", importlib.import_module(f"packages.{self.name}").run(folder, backend))


SETS: Final = (
    Set(
        "sqlite",
        "1-sqlite.expected",
        (Package("sql.js", "1.0.0", "sql.js_1.0.0"), Package("sql.js", "1.17.0", "sql.js_1.17.0")),
    ),
    Set("sqlite_rows", "", (Package("sql.js", "1.17.0", "sql.js_1.17.0"),)),
    Set(
        "seven_zip",
        "2-7z.expected",
        (Package("7z-wasm", "1.2.0", "7z-wasm"),),
        r"(?<=x\.7z /d exit 0 bytes )\d+|(?<=Archive size: )39\d|(?<=Archive size: )40\d",  # times are compressed, too
    ),
    Set("yoga", "3-yoga.expected", (Package("yoga-layout", "3.2.1", "yoga-layout"),)),
    Set("lua", "4-lua.expected", (Package("wasmoon", "1.16.0", "wasmoon"),)),
    Set("jpeg", "5-jpeg.expected", (Package("@jsquash/jpeg", "1.6.0", "_jsquash_jpeg"),)),
    Set("unrar", "", (Package("node-unrar-js", "2.0.2", "node-unrar-js"),), driver="unrar.cjs"),
    Set("heif", "", (Package("libheif-js", "1.23.2", "libheif-js"),), driver="heif.cjs"),
    Set("highs", "", (Package("highs", "1.15.3", "highs"),), driver="highs.cjs"),
    Set("postgres", "", (Package("@electric-sql/pglite", "0.5.16", "_electric-sql_pglite"),), driver="postgres.mjs"),
    Set("database", "", (Package("@electric-sql/pglite", "0.5.16", "_electric-sql_pglite"),)),
    Set("cad", "", (Package("occt-import-js", "0.0.23", "occt-import-js"),), driver="cad.cjs"),
    Set(
        "duckdb",
        "",
        (Package("@duckdb/duckdb-wasm", "1.32.0", "_duckdb_duckdb-wasm"),),
        driver="duckdb.cjs",
        too_large=("llvm",),
    ),
    Set("python", "", (Package("pyodide", "314.0.7", "pyodide"),), driver="python.mjs"),
    Set("php", "", (Package("@php-wasm/node-8-3", "3.1.54", "_php-wasm_node-8-3"),)),
    Set("document", "", (Package("mupdf", "1.28.1", "mupdf"),), driver="document.mjs"),
    Set("solidity", "", (Package("solc", "0.8.37", "solc"),), driver="solidity.cjs"),
    Set(
        "zstandard",
        "",
        (Package("zstd-codec", "0.1.0", "zstd-codec_0.1.0"), Package("zstd-codec", "0.1.5", "zstd-codec_0.1.5")),
        driver="zstandard.cjs",
    ),
    Set("mesh", "", (Package("draco3d", "1.5.9", "draco3d"),), driver="mesh.cjs"),
    Set("graph", "", (Package("@viz-js/viz", "3.31.0", "_viz-js_viz"),), driver="graph.mjs"),
    Set("pages", "", (Package("@jspawn/ghostscript-wasm", "0.0.2", "_jspawn_ghostscript-wasm"),), driver="pages.cjs"),
    Set("filters", "", (Package("jq-web", "0.6.2", "jq-web"),), driver="filters.cjs"),
)
