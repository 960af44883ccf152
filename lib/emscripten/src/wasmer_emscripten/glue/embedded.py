"""Where the module of a glue file is: beside it, or in its text, as base64 (``-sSINGLE_FILE``)."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Final

from wasmer_emscripten.glue.names import read_text
from wasmer_emscripten.numbers import must_be_answer
from wasmer_runtime_core.errors import CompileError

SUFFIXES: Final = (".js", ".mjs", ".cjs")
"""Of glue files."""

_BASE64: Final = re.compile(r"AGFzbQ[A-Za-z0-9+/]{16,}={0,2}")
"""A module in base64: its first four bytes are always the same."""


def module_of(glue: Path) -> bytes:
    """The module of a glue file.

    Raises:
        CompileError: there is none, neither beside it nor in it.
        OSError: it cannot be read.
    """
    beside = glue.with_suffix(".wasm")
    if beside.is_file():
        return beside.read_bytes()
    for found in _BASE64.finditer(read_text(glue)):
        try:
            return base64.b64decode(found[0])
        except binascii.Error as failure:
            must_be_answer(failure)
            continue
    raise CompileError(
        f"{glue} has no module: there is no {beside.name} beside it, and no base64 of one in it; give the module's "
        "path, and glue= this one"
    )
