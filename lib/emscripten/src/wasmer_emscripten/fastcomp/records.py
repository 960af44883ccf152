"""What the C library of a program of the first backend looks like: records, numbers of errors.

Both changed while it lived, the glue beside a module shows how; without one, the functions that it imports tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from wasmer_emscripten.glue.matching import matches
from wasmer_emscripten.numbers import FROM_HOST, OF_LINUX, SHORT, SHORT_TIMES, Layouts
from wasmer_runtime_core.wasm.module import FUNCTION

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

_WASI: Final = ("fd_write", "fd_read", "fd_close", "fd_seek")
_SIZE_OF_STAT: Final = re.compile(r"\+ {0,2}\(?(40|48)\){0,3} {0,2}>> {0,2}2\)?\] {0,2}= {0,2}4096\b")
"""Where a glue writes the size of a block of a file: behind its size, of 4 bytes or of 8."""
_NO_ENTRY: Final = re.compile(r"\bENOENT\b\"?'? {0,2}: {0,2}(\d{1,3})\b")


def has_wasi(info: ModuleInfo, names: Mapping[str, str]) -> bool:
    """Whether a module of the first backend reads and writes by WASI's functions, as its last versions do."""
    return any(names.get(entry.name, entry.name) in _WASI for entry in info.imports if entry.kind == FUNCTION)


def errors_of(info: ModuleInfo, names: Mapping[str, str], glue: str) -> Mapping[int, int]:
    """The program's error numbers by the host's: Linux's, later WASI's.

    Args:
        names: real names of imports, where the module's are others.
        glue: the JavaScript beside it, which may say.
    """
    told = next(matches(_NO_ENTRY, glue), None)
    of_linux = told[1] == "2" if told is not None else not has_wasi(info, names)
    return OF_LINUX if of_linux else FROM_HOST


def layouts_of(info: ModuleInfo, names: Mapping[str, str], glue: str) -> Layouts:
    """How its records are laid out; the arguments are the same."""
    told = next(matches(_SIZE_OF_STAT, glue), None)
    wide = told[1] == "48" if told is not None else has_wasi(info, names)
    return SHORT_TIMES if wide else SHORT
