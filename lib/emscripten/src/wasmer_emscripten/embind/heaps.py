"""The program's memory as its own JavaScript has it (``Module.HEAPU8``): what C++ makes typed arrays of.

Nothing is held of the memory itself, which may grow in any call: a view is taken when an array is made.
"""

from __future__ import annotations

import struct
from typing import Any, Final, final

from wasmer_emscripten.embind.memory import Memory
from wasmer_emscripten.errors import WrongArgument

HEAPS: Final = {
    "HEAP8": "b", "HEAPU8": "B", "HEAP16": "h", "HEAPU16": "H", "HEAP32": "i", "HEAPU32": "I",
    "HEAPF32": "f", "HEAPF64": "d", "HEAP64": "q", "HEAPU64": "Q", "buffer": "B",
}  # fmt: skip
"""Letters of `memoryview` by the names of the arrays over all of the memory; what they are over, is bytes."""


def cast_to(view: memoryview, format: str) -> memoryview:
    """A view as numbers of a kind."""
    data: Any = view
    made: memoryview = data.cast(format)
    return made


@final
class Heap:
    """All of the memory.

    Attributes:
        buffer: what other arrays are made over: the same, for no kind of number is in it.
        format: the letter of its kind.
    """

    cpp_names: Final = ("buffer", "subarray")
    __slots__ = ("_memory", "format")

    def __init__(self, memory: Memory, format: str) -> None:
        self._memory = memory
        self.format = format

    @property
    def buffer(self) -> Heap:
        return Heap(self._memory, "B")

    def over(self, start: int, length: int) -> memoryview:
        """Bytes of it, from `start` on.

        Raises:
            WrongArgument: they do not lie in memory.
        """
        if start < 0 or length < 0:
            raise WrongArgument(f"the program made an array over {length} bytes at {start}")
        return self._memory.view(start, length)

    def subarray(self, start: float, end: float) -> memoryview:
        """Numbers of it, by their places among numbers of this kind.

        Raises:
            WrongArgument: they do not lie in memory.
        """
        first, last = int(start), int(end)
        size = struct.calcsize(self.format)
        return cast_to(self.over(first * size, max(last - first, 0) * size), self.format)
