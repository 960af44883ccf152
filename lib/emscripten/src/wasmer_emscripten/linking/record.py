"""How what the C library passes to its host lies in memory, for a library that is to be opened.

It is a record of the C library's own, which begins differently in each of its times. The glue has the offsets as
numerals, whatever a minifier did to it: the name is read, then the flags beside it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from wasmer_emscripten.glue.matching import matches
from wasmer_emscripten.linking.places import is_placed
from wasmer_runtime_core.wasm.module import FUNCTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmer_runtime_core.wasm.module import ModuleInfo


class Record(NamedTuple):
    """Offsets in it, and what the times differ in besides.

    Attributes:
        flags: of the flags that `dlopen` was given.
        name: of the name, which ends with a NUL.
        failure: how emcc's own host says that a library cannot be loaded.
    """

    flags: int
    name: int
    failure: str = "Could not load dynamic lib"


FORMER: Final = Record(20, 44)
"""While the host was asked for a symbol by two numbers: emcc 3.1.6."""
TODAY: Final = Record(4, 36, "could not load dynamic lib")
"""Since it is asked by three, or the main module is placed before: emcc 6.0."""

_FLAGS: Final = frozenset((4, 8, 20))
_BETWEEN: Final = range(16, 33, 4)
"""What lies between flags and name, in any time."""

_READ: Final = re.compile(
    r"\b[\w$]{1,40}+\(([\w$]{1,40}+)\s*+\+\s*+\(?(\d{1,3}+)\)*+[;,]\s*+(?:(?:var|let|const)\s++)?+"
    r"[\w$]{1,40}+\s*+=\s*+[\w$]{1,40}+\[\(*+\1\)?+\s*+\+\s*+\(*+(\d{1,3}+)\)*+\s*+>>>?\s*+2\)*+\]"
)


def record_of(info: ModuleInfo, names: Mapping[str, str], glue: str) -> Record:
    """How a program's records lie: as its glue says, else as those of its time.

    Args:
        names: real names of imports, by what the module calls them.
    """
    asked = (entry for entry in info.imports if entry.kind == FUNCTION)
    symbol = next((entry for entry in asked if names.get(entry.name, entry.name) == "_dlsym_js"), None)
    asked_by = 0 if symbol is None else len(info.types[symbol.type].params)  # type: ignore[index]
    known = TODAY if asked_by == 3 or is_placed(info) else FORMER
    for match in matches(_READ, glue):
        name, flags = int(match[2]), int(match[3])
        if flags in _FLAGS and name - flags in _BETWEEN:
            return known._replace(flags=flags, name=name)
    return known
