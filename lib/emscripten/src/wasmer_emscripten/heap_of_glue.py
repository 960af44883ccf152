"""Where the heap begins, of programs of the first half of 2020: their host writes that into a memory that it makes.

Later ones know it themselves. The numbers are numerals in the glue, which is as little trusted as the module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from wasmer_emscripten.glue.matching import matches

if TYPE_CHECKING:
    from wasmer_runtime_core.running.objects.memory import Memory

_NUMERAL: Final = re.compile(r"\b(DYNAMIC_BASE|DYNAMICTOP_PTR) {0,2}= {0,2}(\d{1,10}+)\b")


def put_heap(memory: Memory, glue: str) -> None:
    """Write what a glue says into a memory; nothing, if it says nothing, or what cannot be."""
    told: dict[str, int] = {}
    if "DYNAMICTOP_PTR" in glue:
        for match in matches(_NUMERAL, glue):
            told.setdefault(match[1], int(match[2]))
    place, start = told.get("DYNAMICTOP_PTR", 0), told.get("DYNAMIC_BASE", 0)
    if 0 < place <= len(memory) - 4 and 0 < start < 1 << 32 and place % 4 == 0:
        memory.write(place, start.to_bytes(4, "little"))
