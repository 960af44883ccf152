"""Files that are in the module itself (``--embed-file``), as a table in its data.

A program of emcc 4 and later passes the table; one of before exports where it is, and finds the files when it starts.
"""

from __future__ import annotations

import errno
import posixpath
from struct import Struct
from typing import Final

from wasmer_emscripten import functions as provided
from wasmer_emscripten.functions import provides
from wasmer_emscripten.process import Process
from wasmer_emscripten.signatures import type_of
from wasmer_vfs.errors import refusal
from wasmer_vfs.tree_files import Files
from wasmer_vfs.waiting import look

MAX_FILES: Final = 65_536
TABLE: Final = "__emscripten_embedded_file_data"
_ENTRY: Final = Struct("<III")
"""Where the name is, how long the content, where that is."""


@provides("i->", "_emscripten_fs_load_embedded_files")
def load_embedded_files(process: Process, table: int) -> None:
    """Put the files of a table, which ends with a name that is nowhere, among the program's."""
    files = Files(process.tree)
    for _ in range(MAX_FILES):
        name, size, content = process.guest.unpack(_ENTRY, table)
        path = process.guest.string(name, 4096).decode("utf-8", "replace")
        files.mkdir(posixpath.dirname(path) or "/", parents=True, exist_ok=True)
        files.write_bytes(path, process.guest.read(content, size))
        look()
        table += _ENTRY.size
        if not process.guest.u32(table):
            return
    raise refusal(errno.E2BIG)


def load_exported_table(process: Process) -> None:
    """Put the files of the table that a program exports among its own, if it exports one.

    Raises:
        WrongArgument: the table, or what it says, is none.
    """
    table = getattr(process.links.export(TABLE), "value", None)
    if isinstance(table, int):
        provided.find(process, "_emscripten_fs_load_embedded_files", type_of("i->"))(table)  # type: ignore[misc]
