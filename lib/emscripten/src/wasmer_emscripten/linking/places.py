"""Where the main module's data, stack and heap lie.

Until 2025 its host decides that (`is_main`): emcc's own put data behind 1,024 bytes that nobody uses, the stack behind
the data, growing downwards, and the heap behind that. The stack's size is a numeral in the glue. Today's have been
placed when they were built (`is_placed`): they export what side modules need of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from wasmer_emscripten.errors import SideModuleError
from wasmer_emscripten.glue.matching import matches
from wasmer_runtime_core.wasm.module import GLOBAL, MEMORY, TABLE
from wasmer_runtime_core.wasm.types import PAGE_BYTES

if TYPE_CHECKING:
    from wasmer_emscripten.linking.dylink import Dylink
    from wasmer_runtime_core.wasm.module import ModuleInfo

MEMORY_BASE: Final = 1024
TABLE_BASE: Final = 1
"""No pointer to a function is 0."""
ALIGNMENT: Final = 16
"""Of the stack, and so of everything."""
STACKS: Final = (5 << 20, 64 << 10)
"""Bytes of a stack where the glue says nothing: what emcc gave until 3.1.26, and since."""

STACK_POINTER: Final = "__stack_pointer"
SHARED_TABLE: Final = "__indirect_function_table"
"""What main modules of today export: a global and a table."""
HEAP_POINTER: Final = ("emscripten_get_sbrk_ptr", "_emscripten_get_sbrk_ptr")
"""Names of the function that gives the address at which a program keeps where the unused part of its heap begins."""

_HEAP: Final = re.compile(r"___(?:heap_base|stack_pointer) {0,2}= {0,2}(\d{1,10})\b")


class MainPlaces(NamedTuple):
    """Addresses, and a place in the table.

    Attributes:
        memory: where data begin.
        table: where the module's own places in the table begin.
        stack: the end of the stack, where it begins to grow downwards.
        heap: where the heap begins.
    """

    memory: int
    table: int
    stack: int
    heap: int


NO_PLACES: Final = MainPlaces(0, TABLE_BASE, 0, 0)
"""Of a module that has been placed already: addresses in it are whole."""


def is_main(info: ModuleInfo) -> bool:
    """Whether a module wants to be placed by its host, as emcc's main modules do."""
    names = {(entry.kind, entry.name) for entry in info.imports if entry.namespace == "env"}
    return (GLOBAL, "__memory_base") in names and any(entry.kind == MEMORY for entry in info.imports)


def is_placed(info: ModuleInfo) -> bool:
    """Whether a module that links others has been placed already, and exports what they need of it."""
    exported = {(entry.kind, entry.name) for entry in info.exports}
    return {(GLOBAL, STACK_POINTER), (TABLE, SHARED_TABLE)} <= exported and not is_main(info)


def aligned(number: int, alignment: int) -> int:
    """The next multiple."""
    return -(-number // alignment) * alignment


def main_places(info: ModuleInfo, dylink: Dylink, glue: str, name: str) -> MainPlaces:
    """Where the main module's things are to be.

    Raises:
        SideModuleError: its memory has no room for them.
    """
    start = aligned(MEMORY_BASE, dylink.memory_alignment)
    end = aligned(start + dylink.memory_size, ALIGNMENT)
    size = next((entry.type.limits.minimum * PAGE_BYTES for entry in info.imports if entry.kind == MEMORY), 0)  # type: ignore[union-attr]
    told = next((int(match[1]) for match in matches(_HEAP, glue)), 0)
    for heap in (told, *(end + stack for stack in STACKS)):
        if end < heap <= size:
            return MainPlaces(start, TABLE_BASE, heap // ALIGNMENT * ALIGNMENT, aligned(heap, ALIGNMENT))
    raise SideModuleError(
        name,
        f"its memory of {size} bytes has no room for {dylink.memory_size} bytes of data and a stack: if it is a side "
        "module, load the main one, and give this one as libraries={name: …}",
    )
