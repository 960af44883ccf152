"""What runs before anything else of a program of the first backend: each constructor of globals is an export."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from wasmer_emscripten.signatures import type_of
from wasmer_runtime_core.running.interrupts import check_interrupts

if TYPE_CHECKING:
    from wasmer_emscripten.process import Process

_NOTHING: Final = type_of("->")
_CONSTRUCTORS: Final = ("__GLOBAL__", "_GLOBAL__", "__emscripten_environ_constructor", "globalCtors", "_globalCtors")
_LISTED: Final = "__ATINIT__.push"


def initializers(process: Process, exports: Any) -> list[Callable[[], None]]:
    """The constructors, as the glue lists them, else as they are exported."""
    place = process.fastcomp.places if process.fastcomp is not None else None
    pointer = process.links.find("_emscripten_get_sbrk_ptr", "emscripten_get_sbrk_ptr")
    if pointer is not None and place is not None:
        at = pointer()
        if not process.guest.u32(at):  # a constant of the program's, which the glue would have known
            process.guest.put_u32(at, place.heap)
    found: list[tuple[int, int, Callable[[], None]]] = []
    glue = process.glue
    start = max(glue.find(_LISTED), 0)
    for name, letters in process.names.exports.items():
        if name.startswith(_CONSTRUCTORS):
            function = exports[letters]
            if callable(function) and function.core_type == _NOTHING:
                check_interrupts()  # each goes through all of the glue
                at = glue.find(letters + "(", start) if len(found) < 1024 else -1
                found.append((at if at >= 0 else len(glue), len(found), function))
    return [function for _, _, function in sorted(found, key=lambda each: each[:2])]
