"""Units of linear memory: pages of 64 KiB, and bytes. Both are ints that know their unit."""

from __future__ import annotations

from wasmer_runtime_core.errors import PageError
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.types import MAX_PAGES, PAGE_BYTES

WASM_PAGE_SIZE: Final = PAGE_BYTES
"""Bytes in a page (specification, section 4.2.8)."""
WASM_MAX_PAGES: Final = MAX_PAGES
"""Pages a 32-bit memory may have at most: 4 GiB."""
WASM_MIN_PAGES: Final = 256
"""Wasmer's name for 16 MiB; kept for programs that used it."""


class Pages(int):
    """A count of pages."""

    __slots__ = ()

    def bytes(self) -> Bytes:
        """The same size in bytes."""
        return Bytes(self * WASM_PAGE_SIZE)

    def checked_add(self, other: int) -> Pages:
        """The sum.

        Raises:
            PageError: it is more than `WASM_MAX_PAGES`, or less than none.
        """
        total = int(self) + int(other)
        if not 0 <= total <= WASM_MAX_PAGES:
            raise PageError(self, other)
        return Pages(total)

    def __repr__(self) -> str:
        return f"Pages({int(self)})"

    __str__ = int.__repr__


class Bytes(int):
    """A count of bytes."""

    __slots__ = ()

    def pages(self) -> Pages:
        """Pages that hold this many bytes, rounded up."""
        return Pages(-(-self // WASM_PAGE_SIZE))

    def __repr__(self) -> str:
        return f"Bytes({int(self)})"

    __str__ = int.__repr__
