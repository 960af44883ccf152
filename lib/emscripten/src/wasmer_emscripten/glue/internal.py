"""Exports that only the glue itself calls, so that a minifier left no name of theirs: known by the functions that do.

What a glue does with the stack when an exception passes, which export tells whether a handler takes it: the functions
whose names are known call them in the same way in every glue, directly or by a function that does nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from wasmer_emscripten.exports import TYPES
from wasmer_emscripten.glue.canonical import called

if TYPE_CHECKING:
    from wasmer_emscripten.glue.objects import Glue
    from wasmer_runtime_core.wasm.types import FunctionType

_NAME: Final = r"(?<![\w$.])([A-Za-z_$][\w$]*+)"
_CALLS: Final = (
    ("stackSave", "invoke_", re.compile(rf"=\s*+{_NAME}\(\)[;,]?+\s*+try\b")),
    ("stackRestore", "invoke_", re.compile(rf"catch\s*+\([\w$]++\)\s*+\{{\s*+(?:if\s*+\()?+{_NAME}\([\w$]++\)")),
    ("setThrew", "invoke_", re.compile(rf"{_NAME}\(1,\s*+0\)")),
    (
        "__cxa_can_catch",
        "__cxa_find_matching_catch_",
        re.compile(
            rf"{_NAME}\([\w$]++,\s*+[\w$]++,\s*+[\w$]++(?:(?:\.[\w$]++)?+\s*+\+\s*+(?:16|24)\)|\)\s*+\)\s*+(?:return|\{{))"
        ),
    ),
    (
        "_emscripten_tempret_set",
        "__cxa_find_matching_catch_",
        re.compile(rf"{_NAME}\(0\)[,;]\s*+(?:return\s*+)?+(?:0|[\w$]++)\b"),
    ),
    ("__cxa_decrement_exception_refcount", "__cxa_end_catch", re.compile(rf"{_NAME}\([\w$]++\.[\w$]++\)")),
)
"""An export, the functions that call it (how their names begin), and how."""

MOST_WRAPPED: Final = 4
"""Functions, each of which does no more than call the next."""
MOST_PLACES: Final = 64
"""Of a name, in which it may be that of the export."""
_PARAMETERS: Final = r"\s*+(?:function\s*+)?+(?:\([^(){}]{0,100}+\)|[\w$]++)\s*+(?:=>\s*+)?+\{?+\s*+(?:return\b\s*+)?+"
_WRAPPING: Final = re.compile(rf"{_PARAMETERS}{_NAME}\(")
_EXPORT: Final = re.compile(
    rf"(?:{_PARAMETERS}\([\w$]++\s*+=\s*+)?+\s*+[\w$]++(?:\.[\w$]++(?=[.\[]))*+(?:\[[\"']asm[\"']\])?+"
    r"(?:\.(?P<dotted>[\w$]++)|\[[\"'](?P<quoted>[\w$]++)[\"']\])"
)


def internal_exports(
    glue: Glue, imports: Mapping[str, str], types: Mapping[str, FunctionType], known: Mapping[str, str]
) -> dict[str, str]:
    """Letters of exports by their real names.

    Args:
        imports: names of the module's imports by their letters, as far as they are known.
        types: of exported functions, by what they are exported as.
        known: letters of exports that have a name.
    """
    found: dict[str, str] = {}
    taken = set(known.values())
    for name, caller, call in _CALLS:
        if name in known:
            continue
        text = next((glue.functions.get(each, "") for each, real in imports.items() if real.startswith(caller)), "")
        for part in (text, *(glue.defined(each) for each in called(text)[:MOST_WRAPPED])):
            match = call.search(part)
            letters = _exported(glue, match[1], types, name) if match is not None else None
            if letters is not None and letters not in taken:
                found[name] = letters
                taken.add(letters)
                break
    return found


def _exported(glue: Glue, name: str, types: Mapping[str, FunctionType], real: str) -> str | None:
    """What a name of the glue stands for, if that is an export of the type that `real` has."""
    for _ in range(MOST_WRAPPED):
        for text in glue.beginnings(name, MOST_PLACES):
            match = _EXPORT.match(text)
            letters = (match["dotted"] or match["quoted"]) if match is not None else ""
            if types.get(letters) in TYPES[real]:
                return letters
        wrapping = _WRAPPING.match(glue.defined(name))
        if wrapping is None or wrapping[1] == name:
            return None
        name = wrapping[1]
    return None
