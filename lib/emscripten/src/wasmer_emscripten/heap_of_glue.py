"""Where the heap begins, of programs of 2019 and the first half of 2020: their host writes that into a memory that it
makes, and those of 2019 ask it to move the heap's end (`sbrk`).

Later ones know it themselves. The numbers are numerals in the glue, which is as little trusted as the module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from wasmer_emscripten.glue.matching import matches

if TYPE_CHECKING:
    from wasmer_runtime_core.running.objects.memory import Memory

_NUMERAL: Final = re.compile(r"\b(DYNAMIC_BASE|DYNAMICTOP_PTR) {0,2}= {0,2}(\d{1,10}+)\b")


class HeapPlace(NamedTuple):
    """Where a program's heap is.

    Attributes:
        heap: where it begins.
        heap_end: where its end is kept.
    """

    heap: int
    heap_end: int


def put_heap(memory: Memory, glue: str) -> HeapPlace | None:
    """Write what a glue says into a memory, and return it; nothing, if it says nothing, or what cannot be."""
    told: dict[str, int] = {}
    if "DYNAMICTOP_PTR" in glue:
        for match in matches(_NUMERAL, glue):
            told.setdefault(match[1], int(match[2]))
    place, start = told.get("DYNAMICTOP_PTR", 0), told.get("DYNAMIC_BASE", 0)
    if 0 < place <= len(memory) - 4 and 0 < start < 1 << 32 and place % 4 == 0:
        memory.write(place, start.to_bytes(4, "little"))
        return HeapPlace(start, place)
    return None
