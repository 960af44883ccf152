"""Modules of npm's packages, each run by a program of Python that does what a driver for node does, and says the same.

A program has `run(folder, backend)`, which yields lines; `folder` holds the packages, unpacked.
`tools/emscripten_packages.py` fetches them, runs these, and compares with what node has printed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, cast


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
        expected: the file of what node prints.
        packages: what it needs.
        by_chance: a pattern of what differs from run to run in node, too.
    """

    name: str
    expected: str
    packages: tuple[Package, ...]
    by_chance: str = ""

    def run(self, folder: Path, backend: str) -> Iterator[str]:
        """What it prints, line by line."""
        return cast("Iterator[str]", importlib.import_module(f"packages.{self.name}").run(folder, backend))


SETS: Final = (
    Set(
        "sqlite",
        "1-sqlite.expected",
        (Package("sql.js", "1.0.0", "sql.js_1.0.0"), Package("sql.js", "1.17.0", "sql.js_1.17.0")),
    ),
    Set(
        "seven_zip",
        "2-7z.expected",
        (Package("7z-wasm", "1.2.0", "7z-wasm"),),
        r"(?<=x\.7z /d exit 0 bytes )\d+|(?<=Archive size: )39\d|(?<=Archive size: )40\d",  # times are compressed, too
    ),
    Set("yoga", "3-yoga.expected", (Package("yoga-layout", "3.2.1", "yoga-layout"),)),
    Set("lua", "4-lua.expected", (Package("wasmoon", "1.16.0", "wasmoon"),)),
    Set("jpeg", "5-jpeg.expected", (Package("@jsquash/jpeg", "1.6.0", "_jsquash_jpeg"),)),
)
