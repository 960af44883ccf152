"""Memory of the program's, as a `memoryview`, without a copy: `typed_memory_view`.

A view shows what lies there now and later, also when C++ has freed it: keep a copy of what is to last.
"""

from __future__ import annotations

from typing import Any, Final, final

from wasmer_emscripten.embind.bound import Bound, Later, is_needed, unsigned
from wasmer_emscripten.embind.registry import Registry, registry_of
from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.process import Process

FORMATS: Final = "bBhHiIfdqQ"
"""Letters of `memoryview` for each kind of view."""
_SIZES: Final = (1, 1, 2, 2, 4, 4, 4, 8, 8, 8)


@final
class View(Bound):
    """A view of numbers of one kind."""

    python = "memoryview"

    def __init__(self, name: str, registry: Registry, kind: int) -> None:
        super().__init__(name)
        self._memory = registry.memory
        self._kind = kind

    def from_wire(self, wire: Any) -> memoryview:
        record = unsigned(wire)
        count, start = self._memory.u32(record), self._memory.u32(record + 4)
        data: Any = self._memory.view(start, count * _SIZES[self._kind])
        view: memoryview = data.cast(FORMATS[self._kind])
        return view

    def to_wire(self, value: Any, later: Later | None) -> Any:
        raise is_needed("what C++ can take (a view goes one way only: pass bytes as a std::string)", value)

    def read(self, pointer: int) -> memoryview:
        return self.from_wire(pointer)


@provides("iii->", "_embind_register_memory_view")
def register_memory_view(process: Process, raw: int, kind: int, name: int) -> None:
    """Bind a kind of views of memory."""
    if not 0 <= kind < len(FORMATS):
        raise WrongArgument(f"the program bound a view of numbers of kind {kind}")
    registry = registry_of(process)
    if raw & 0xFFFF_FFFF not in registry.types:  # some are bound twice: long is int
        registry.add(raw, View(registry.name(name), registry, kind))
