"""What a module says of itself: whether emcc made it, and what its C library looks like.

Nothing here asks for a version, which modules do not tell; types of imports are what changed with the layouts of
records, and they are there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from wasmer_emscripten.numbers import PADDED, PLAIN, SHORT_TIMES, Layouts
from wasmer_emscripten.signatures import letters_of
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

MARKS: Final = (
    "_emscripten_memcpy_big",
    "emscripten_memcpy_big",
    "emscripten_memcpy_js",
    "_emscripten_memcpy_js",
    "emscripten_resize_heap",
    "_emscripten_resize_heap",
    "emscripten_notify_memory_growth",
    "_emscripten_throw_longjmp",
    "emscripten_asm_const_int",
    "_abort_js",
    "_tzset_js",
    "_localtime_js",
    "_mmap_js",
    "__map_file",
    "___map_file",
)
"""Functions of ``env`` that emcc's programs import, and hardly any other's."""
PREFIXES: Final = ("__syscall_", "__sys_", "___syscall", "_embind_register_", "invoke_")
"""How others of them begin."""
FASTCOMP_GLOBALS: Final = ("STACKTOP", "DYNAMICTOP_PTR", "tempDoublePtr", "STACK_MAX")
"""Globals that only the first of emcc's backends imports."""
_SHORT_TIME: Final = re.compile(r"\+\s{0,2}\(?64\)?\)?\s{0,2}>>\s{0,2}2\)?\]\s{0,2}=\s{0,2}\(?[\w$.]{1,40}\.mtime\b")
"""How a glue writes when a file was changed, where a time has 4 bytes: later it lies 8 bytes further."""


def info_of(module: Any) -> ModuleInfo:
    """What a module of the runtime declares; a `ModuleInfo` itself is taken, too."""
    info = getattr(module, "info", module)
    found: ModuleInfo = info() if callable(info) else info
    return found


def is_emscripten_module(module: Any) -> bool:
    """Whether a module was built by emcc: it imports a function of ``env`` that is a mark of it.

    Args:
        module: a module of the runtime, or its `ModuleInfo`.
    """
    return any(
        entry.kind == FUNCTION and entry.namespace == "env" and (entry.name in MARKS or entry.name.startswith(PREFIXES))
        for entry in info_of(module).imports
    )


def is_fastcomp(info: ModuleInfo) -> bool:
    """Whether the first of emcc's backends made it, whose ABI is another one.

    It imports globals that later ones do not, or the base of its table though nothing links it dynamically.
    """
    for entry in info.imports:
        if entry.namespace in ("global", "asm2wasm", "global.Math"):
            return True
        if entry.namespace == "env" and entry.kind == GLOBAL and entry.name in FASTCOMP_GLOBALS:
            return True
    names = {entry.name for entry in info.imports if entry.kind == GLOBAL}
    is_dynamic = "__stack_pointer" in names or any(each.name.startswith("dylink") for each in info.custom_sections)
    return not is_dynamic and not names.isdisjoint(("__table_base", "tableBase"))


def is_minified(info: ModuleInfo) -> bool:
    """Whether the names of its imports are gone: most are one or two letters."""
    names = [entry.name for entry in info.imports if entry.kind == FUNCTION]
    return bool(names) and sum(len(name) <= 2 for name in names) > len(names) // 2


def layouts_of(info: ModuleInfo, names: Mapping[str, str] | None = None, glue: str = "") -> Layouts:
    """How the module's C library lays out its records, by the types that its imports want.

    Args:
        names: real names of imports, where the module's are others.
        glue: its JavaScript, which tells how long a time is where the types are the same: in the winter of 2021.
    """
    names = names or {}
    types: dict[str, tuple[str, str]] = {}
    for entry in info.imports:
        if entry.kind == FUNCTION and isinstance(entry.type, int):
            wanted = info.types[entry.type]
            name = names.get(entry.name, entry.name)
            types[name.removeprefix("_")] = (letters_of(wanted.params), letters_of(wanted.results))

    def params(*names: str) -> str | None:
        return next((types[name][0] for name in names if name in types), None)

    old = (
        types.get("emscripten_memcpy_big", ("", ""))[1] == "i"  # it returned what memcpy does
        or params("mmap_js") == "iiiiiii"
        or any(name in types for name in ("_syscall_mkdir", "_syscall_open", "localtime_r", "_localtime_r"))
        or any(name.startswith("_sys_") for name in types)
    )
    dates = params("localtime_js", "gmtime_js")
    if dates is not None and dates != "ii":  # a time is passed by its value, for it has 64 bits
        return PLAIN
    if old or (dates in (None, "ii") and _SHORT_TIME.search(glue) is not None):
        return SHORT_TIMES
    if dates == "ii" or "emscripten_memcpy_big" in types or params("mmap_js") == "iiiiii":
        return PADDED
    return PLAIN
