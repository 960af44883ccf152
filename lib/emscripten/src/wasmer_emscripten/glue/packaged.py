"""Files that emcc has packed beside a module (``--preload-file``): one file of data, and a list in the glue.

The list is as little trusted as the glue: it says which bytes of the data are which file of the program's own tree,
before anything is mounted there. It names no file of the host: the data are looked for beside the glue, by its name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

from wasmer_emscripten.glue.matching import matches
from wasmer_runtime_core.support.printable import printable

MAX_FILES: Final = 65_536
SUFFIX: Final = ".data"
_KEY: Final = r"[\"']?+{0}[\"']?+\s*+:\s*+"
_FILE: Final = re.compile(
    r"\{\s*+"
    + _KEY.format("filename")
    + r"(?:\"([^\"\\]{1,3000}+)\"|'([^'\\]{1,3000}+)')\s*+,\s*+"
    + _KEY.format("start")
    + r"(\d{1,12}+)\s*+,\s*+"
    + _KEY.format("end")
    + r"(\d{1,12}+)"
)


class Packed(NamedTuple):
    """A file: its path, and which bytes of the data it is."""

    path: str
    start: int
    end: int


def packed(glue: str) -> list[Packed]:
    """The files that a glue lists, in its order.

    Raises:
        ValueError: there are too many.
    """
    found: list[Packed] = []
    if "remote_package_size" not in glue:
        return found
    for match in matches(_FILE, glue):
        if len(found) >= MAX_FILES:
            raise ValueError(f"the glue lists more than {MAX_FILES} files")
        found.append(Packed(match[1] or match[2], int(match[3]), int(match[4])))
    return found


def data_of(files: list[Packed], given: object, glue: Path | None) -> bytes:
    """The data that a list is of: those that are given, else those beside the glue.

    Raises:
        OSError: they are not there.
        ValueError: they are shorter than the list says.
    """
    if isinstance(given, (bytes, bytearray, memoryview)):
        data = bytes(given)
    else:
        path = Path(given) if isinstance(given, (str, Path)) else None  # what is said stands before what lies beside
        if path is None and glue is not None:
            path = glue.with_suffix(SUFFIX)
        if path is None or not path.is_file():
            raise FileNotFoundError(
                f"the program's files ({printable(files[0].path)} …) are packed in "
                f"{'a file beside its glue' if path is None else path}, which is not there: give it, data=…, or run "
                "the program without them, data=None"
            )
        data = path.read_bytes()
    for file in files:
        if not 0 <= file.start <= file.end <= len(data):
            raise ValueError(f"{printable(file.path)} lies behind the end of the data, which have {len(data)} bytes")
    return data
