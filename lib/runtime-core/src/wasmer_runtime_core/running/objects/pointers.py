"""`WasmPtr`: an offset in a linear memory that knows what lies there (Wasmer's ``WasmPtr<T, Item | Array>``).

Guests pass addresses as plain integers. A host function makes a pointer of one and asks for
what it points to; an address that a guest should not have given answers None, and raises
nothing::

    def greet(ctx, name, length):
        text = WasmPtr("u8", name, Array).get_utf8_string(ctx.memory(), length)

The type is the name of an element ("u32", as in `Memory.view`), a `struct` format or
`struct.Struct`, or a class of `ctypes.Structure`. Elements and structures must be aligned, as
C aligns them; what `struct` describes has no alignment of its own. All values are
little-endian, except in a `ctypes.Structure`, which is as it says.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from wasmer_runtime_core.running.objects.byte_order import little_endian
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, final, overload
from wasmer_runtime_core.support.handlers import raised_by_a_handler

if TYPE_CHECKING:
    import ctypes

    from wasmer_runtime_core.running.objects.memory import Memory

ELEMENTS: Final = {
    "i8": struct.Struct("<b"),
    "i16": struct.Struct("<h"),
    "i32": struct.Struct("<i"),
    "i64": struct.Struct("<q"),
    "u8": struct.Struct("<B"),
    "u16": struct.Struct("<H"),
    "u32": struct.Struct("<I"),
    "u64": struct.Struct("<Q"),
    "f32": struct.Struct("<f"),
    "f64": struct.Struct("<d"),
}


_class: Final = type


@final
class Item:
    """Kind of a pointer to one value."""


@final
class Array:
    """Kind of a pointer to the first of several values."""


@final
class Cell:
    """A place in a memory, read and written by `get` and `set`, or as `value`.

    It is no view: the memory may be closed while it exists, and then raises ValueError.
    """

    __slots__ = ("_layout", "_memory", "offset")

    def __init__(self, memory: Memory, layout: struct.Struct, offset: int) -> None:
        self._memory = memory
        self._layout = layout
        self.offset = offset

    def get(self) -> Any:
        """What lies there now; a tuple if the type has several parts."""
        found = self._memory.read_struct(self._layout, self.offset)
        return found[0] if len(found) == 1 else found

    def set(self, value: Any) -> None:
        """Overwrite it; several parts are given as a tuple.

        Raises:
            struct.error: the value is none of this type.
        """
        self._memory.write_struct(self._layout, self.offset, *(value if isinstance(value, tuple) else (value,)))

    value = property(get, set)

    def __repr__(self) -> str:
        return (
            f"<cell {self._layout.format} at {self.offset:#x}: {'closed' if self._memory.closed else repr(self.get())}>"
        )


@final
class Cells(Sequence[Cell]):
    """Several of them, one behind the other; each is made when it is asked for, for a guest says how many there are."""

    __slots__ = ("_layout", "_memory", "_numbers", "offset")

    def __init__(self, memory: Memory, layout: struct.Struct, offset: int, count: int) -> None:
        self._memory = memory
        self._layout = layout
        self._numbers = range(count)
        self.offset = offset

    @overload
    def __getitem__(self, index: int) -> Cell: ...
    @overload
    def __getitem__(self, index: slice) -> list[Cell]: ...
    def __getitem__(self, index: int | slice) -> Cell | list[Cell]:
        if isinstance(index, slice):
            return [self[number] for number in self._numbers[index]]
        return Cell(self._memory, self._layout, self.offset + self._numbers[index] * self._layout.size)

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"<{len(self)} cells {self._layout.format} from {self.offset:#x}>"


@final
class WasmPtr:
    """An address of a guest.

    Attributes:
        offset: bytes from the beginning of the memory.
        kind: `Item` or `Array`.

    Raises:
        ValueError: no such type.
        TypeError: neither a type nor a kind.
    """

    __slots__ = ("_alignment", "_layout", "_size", "_structure", "kind", "offset")

    def __init__(
        self,
        type: str | struct.Struct | type[ctypes.Structure],
        offset: int,
        kind: type[Item] | type[Array] = Item,
    ) -> None:
        if kind is not Item and kind is not Array:
            raise TypeError(f"a pointer is an Item or an Array, not {kind!r}")
        self.offset = offset & 0xFFFF_FFFF_FFFF_FFFF if offset >= 0 else offset & 0xFFFF_FFFF  # an i32 comes signed
        self.kind = kind
        self._structure: Any = None
        self._layout: struct.Struct | None = None
        if isinstance(type, str) and type in ELEMENTS:
            self._layout = ELEMENTS[type]
            self._size = self._alignment = self._layout.size
        elif isinstance(type, (str, struct.Struct)):
            try:
                self._layout = little_endian(type)
            except struct.error as error:
                names = ", ".join(ELEMENTS)
                raise ValueError(f"{type!r} is neither a struct format ({error}) nor one of {names}") from None
            self._size, self._alignment = self._layout.size, 1
        else:
            import ctypes

            given: Any = type
            if not (isinstance(given, _class) and issubclass(given, (ctypes.Structure, ctypes.Union))):
                raise TypeError(f"a pointer is to an element type, a struct format or a ctypes.Structure, not {type!r}")
            self._structure = type
            self._size, self._alignment = ctypes.sizeof(type), ctypes.alignment(type)

    def deref(self, memory: Memory, index: int | None = None, length: int | None = None) -> Any:
        """What lies there, or None where it is not (all of it) in the memory, or not aligned.

        Args:
            index, length: of an `Array` only: which elements.

        Returns:
            Of an `Item` a `Cell`, or the `ctypes.Structure`. Of an `Array` a writable
            memoryview of the elements, a sequence of cells (of a `struct` format), or an array
            of structures. Structures and memoryviews are views of the memory.

        Raises:
            TypeError: index and length for an `Item`, or not both for an `Array`.
        """
        if self.kind is Item:
            if index is not None or length is not None:
                raise TypeError("an Item has no elements; make it an Array to take index and length")
            if not self._lies_in(memory, self.offset, self._size):
                return None
            if self._structure is not None:
                return self._structure.from_buffer(memory, self.offset)
            assert self._layout is not None
            return Cell(memory, self._layout, self.offset)
        if index is None or length is None:
            raise TypeError("an Array takes an index and a length")
        start, bytes_ = self.offset + index * self._size, length * self._size
        if index < 0 or length < 0 or not self._lies_in(memory, start, bytes_):
            return None
        if self._structure is not None:
            return (self._structure * length).from_buffer(memory, start)
        assert self._layout is not None
        if self._alignment == self._size:
            return memoryview(memory)[start : start + bytes_].cast(self._layout.format[1:])  # type: ignore[call-overload]
        return Cells(memory, self._layout, start, length)

    def get_utf8_string(self, memory: Memory, length: int) -> str | None:
        """`length` bytes from here as text; None where they are not in the memory, or not UTF-8."""
        return memory.get_utf8_string(self.offset, length)

    def get_utf8_string_with_nul(self, memory: Memory) -> str | None:
        """The text up to the next zero byte; None if there is none, or it is not UTF-8."""
        try:
            return memory.read_string(self.offset)
        except (IndexError, UnicodeDecodeError) as failure:
            if raised_by_a_handler(failure):
                raise
            return None

    def _lies_in(self, memory: Memory, start: int, length: int) -> bool:
        return start % self._alignment == 0 and start + length <= len(memory)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, WasmPtr)
            and self.offset == other.offset
            and self.kind is other.kind
            and self._name() == other._name()
        )

    def __hash__(self) -> int:
        return hash((self.offset, self._name()))

    def _name(self) -> str:
        if self._structure is not None:
            return str(self._structure.__name__)
        assert self._layout is not None
        return next((name for name, layout in ELEMENTS.items() if layout is self._layout), self._layout.format)

    def __repr__(self) -> str:
        return f"WasmPtr({self._name()}, {self.offset:#x}, {self.kind.__name__})"
