"""Linear memories (specification, section 4.2.8).

A `Memory` is a writable buffer: ``memoryview(memory)``, ``numpy.frombuffer(memory, "u1")``
and the like see its bytes without copying. A view keeps the length it was made with; when
the memory grows it stays valid, and a new one sees the new pages. The bytes live as long as
the memory or any view of it.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from wasmer_runtime_core.native import machine
from wasmer_runtime_core.units import Pages
from wasmer_runtime_core.values import MemoryDescriptor
from wasmer_runtime_core.wasm.types import PAGE_BYTES, Limits, MemoryType

# fmt: off
VIEW_FORMATS: Final = {
    "i8": "b", "i16": "h", "i32": "i", "i64": "q",
    "u8": "B", "u16": "H", "u32": "I", "u64": "Q",
    "f32": "f", "f64": "d",
}
# fmt: on


class Memory(machine.Memory):
    """A linear memory, made alone or by an instance.

    Attributes:
        pages: pages of 64 KiB it has now.
        minimum: pages it was made with.
        maximum: pages it may have, or None.
    """

    __slots__ = ()

    def __new__(cls, descriptor: MemoryDescriptor | int, maximum: int | None = None) -> Memory:
        """A memory by descriptor, or of ``descriptor`` pages that may grow to `maximum`.

        Raises:
            UnableToCreateMemory: the system refused it.
            InvalidDescriptor: more pages than allowed.
            TypeError: not a descriptor.
        """
        if isinstance(descriptor, int):
            return super().__new__(cls, descriptor, maximum)  # type: ignore[return-value]
        if not isinstance(descriptor, MemoryDescriptor):
            raise TypeError(f"a memory is made of a MemoryDescriptor or a number of pages; this is {descriptor!r}")
        most = None if descriptor.maximum is None else int(descriptor.maximum)
        return super().__new__(cls, int(descriptor.minimum), most, descriptor.shared)  # type: ignore[return-value]

    @property
    def type(self) -> MemoryType:
        """Its type now: the minimum is the current size, as matching of imports wants it."""
        return MemoryType(Limits(self.pages, self.maximum), bool(self.shared))

    @property
    def size(self) -> Pages:
        """Pages of 64 KiB it has now."""
        return Pages(self.pages)

    @property
    def descriptor(self) -> MemoryDescriptor:
        """What it was made with."""
        return MemoryDescriptor(self.minimum, self.maximum, bool(self.shared))

    def view(self, format: str = "u8", offset: int = 0) -> memoryview[Any]:
        """The bytes from `offset` on as a view of elements: "u8", "i32", "f64" …, or a `struct` letter.

        Raises:
            IndexError: the offset lies outside.
            ValueError: no such element type.
        """
        if not 0 <= offset <= len(self):
            raise IndexError(f"offset {offset} is outside of the memory, which has {len(self)} bytes")
        letter: Any = VIEW_FORMATS.get(format, format)
        try:
            size = struct.calcsize(letter)
            count = (len(self) - offset) // size
            return memoryview(self)[offset : offset + count * size].cast(letter)
        except (struct.error, ZeroDivisionError, ValueError):
            raise ValueError(f"{format!r} is not an element type; there are {', '.join(VIEW_FORMATS)}") from None

    def __getitem__(self, index: int | slice) -> int | bytes:
        """One byte as an int, or a slice as bytes."""
        found = memoryview(self)[index]
        return found if isinstance(found, int) else bytes(found)

    def __setitem__(self, index: int | slice, value: Any) -> None:
        memoryview(self)[index] = value

    def __repr__(self) -> str:
        most = "" if self.maximum is None else f" of at most {self.maximum}"
        return f"<wasm memory: {self.pages}{most} pages of {PAGE_BYTES // 1024} KiB>"


machine.configure(memory=Memory)
