"""Linear memories (specification, section 4.2.8).

A `Memory` is a writable buffer: ``memoryview(memory)``, ``numpy.frombuffer(memory, "u1")``
and the like see its bytes without copying. A view keeps the length it was made with; when
the memory grows it stays valid, and a new one sees the new pages. The bytes live as long as
the memory or any view of it. So do those of other libraries: ``Structure.from_buffer(memory,
offset)`` of `ctypes` is a view, ``struct.unpack_from(format, memory, offset)`` reads once.

`close` gives the pages back at once, and refuses to while a view exists. A closed memory can
be looked at no more (ValueError), and WebAssembly code that touches it traps.
"""

from __future__ import annotations

from wasmer_runtime_core.native import machine
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.wasm.types import I32, I64, PAGE_BYTES, Limits, MemoryType

if TYPE_CHECKING:
    import struct

    from wasmer_runtime_core.contract.units import Pages
    from wasmer_runtime_core.contract.values import MemoryDescriptor
    from wasmer_runtime_core.running.objects.limits import Limits as SharedLimits

# fmt: off
VIEW_FORMATS: Final = {
    "i8": "b", "i16": "h", "i32": "i", "i64": "q",
    "u8": "B", "u16": "H", "u32": "I", "u64": "Q",
    "f32": "f", "f64": "d",
}
# fmt: on


WAITED: Final = ("ok", "not-equal", "timed-out")
"""What `Memory.wait` gives, by what ``memory.atomic.wait32`` does."""
EVERYBODY: Final = 0xFFFF_FFFF


class Memory(machine.Memory):
    """A linear memory, made alone or by an instance.

    Attributes:
        pages: pages of 64 KiB it has now.
        minimum: pages it was made with.
        maximum: pages it may have, or None.
        shared: 1 if it is a shared memory: of modules that import it as such, each may run in a thread of its own.
        closed: 1 once it is closed.
    """

    __slots__ = ()

    def __new__(
        cls,
        descriptor: MemoryDescriptor | int,
        maximum: int | None = None,
        *,
        shared: bool = False,
        limits: SharedLimits | None = None,
    ) -> Memory:
        """A memory by descriptor, or of ``descriptor`` pages that may grow to `maximum`.

        Args:
            descriptor, maximum: as above.
            shared: make a shared memory, which needs a maximum; a descriptor says so itself.
            limits: bound and count it as they do the memories of instances.

        Raises:
            UnableToCreateMemory: the system refused it, or `limits` do.
            InvalidDescriptor: more pages than allowed, a shared memory without a maximum.
            TypeError: not a descriptor.
        """
        if limits is not None:
            return limits.memory(cls(descriptor, maximum, shared=shared))
        if isinstance(descriptor, int):
            return super().__new__(cls, descriptor, maximum, shared)  # type: ignore[return-value]
        from wasmer_runtime_core.contract.values import MemoryDescriptor

        if not isinstance(descriptor, MemoryDescriptor):
            raise TypeError(f"a memory is made of a MemoryDescriptor or a number of pages; this is {descriptor!r}")
        most = None if descriptor.maximum is None else int(descriptor.maximum)
        return super().__new__(  # type: ignore[return-value]
            cls, int(descriptor.minimum), most, descriptor.shared or shared, True, descriptor.index_type == I64
        )

    @property
    def type(self) -> MemoryType:
        """Its type now: the minimum is the current size, as matching of imports wants it."""
        return MemoryType(Limits(self.pages, self.maximum), bool(self.shared), I64 if self.wide else I32)

    @property
    def size(self) -> Pages:
        """Pages of 64 KiB it has now."""
        from wasmer_runtime_core.contract.units import Pages

        return Pages(self.pages)

    @property
    def descriptor(self) -> MemoryDescriptor:
        """What it was made with."""
        from wasmer_runtime_core.contract.values import MemoryDescriptor

        return MemoryDescriptor(self.minimum, self.maximum, bool(self.shared), I64 if self.wide else I32)

    def view(self, format: str = "u8", offset: int = 0, count: int | None = None) -> memoryview[Any]:
        """The bytes from `offset` on as a view of elements: "u8", "i32", "f64" …, or a `struct` letter.

        Args:
            offset: in bytes; the view's own indexes and slices count elements.
            count: how many elements; None: all there are.

        Raises:
            IndexError: the offset or an element lies outside.
            ValueError: no such element type, or the memory is closed.
        """
        letter: Any = VIEW_FORMATS.get(format, format)
        try:
            size = memoryview(b"").cast(letter).itemsize
        except ValueError as failure:
            if raised_by_a_handler(failure):
                raise
            raise ValueError(f"{format!r} is not an element type; there are {', '.join(VIEW_FORMATS)}") from None
        with memoryview(self) as whole:  # or a traceback would keep a view
            if count is None:
                count = max(0, (len(whole) - offset) // size)
            elif count < 0:
                raise ValueError(f"a view of {count} elements: it cannot be negative")
            if not 0 <= offset <= len(whole) - count * size:
                raise self._outside(offset, count * size)
            with whole[offset : offset + count * size] as part:
                return part.cast(letter)

    def wait(self, address: int, expected: int, timeout: float | None = None, *, bits: int = 32) -> str:
        """Wait until another thread notifies this address, if what is there is as expected; without the GIL.

        What ``memory.atomic.wait32`` and ``wait64`` do. Signals are attended to; deadlines and cancellations end it.

        Args:
            address: a multiple of the bytes that are compared.
            expected: an integer, of which so many bits are compared.
            timeout: in seconds; None: for as long as it takes.
            bits: 32 or 64.

        Returns:
            "ok": notified; "not-equal": something else was there; "timed-out".

        Raises:
            IndexError: the address lies outside.
            ValueError: it is not aligned, the memory is not shared, no such number of bits.
        """
        if bits not in (32, 64):
            raise ValueError(f"{bits} bits cannot be waited for: 32 or 64 can")
        return WAITED[self.wait_at(address, expected, timeout, bits // 8)]

    def notify(self, address: int, count: int | None = None) -> int:
        """Wake threads that wait at an address, those that came first, as ``memory.atomic.notify`` does.

        Args:
            address: a multiple of 4.
            count: how many at most; None: all.

        Returns:
            How many were woken.

        Raises:
            IndexError: the address lies outside.
            ValueError: it is not aligned.
        """
        return self.notify_at(address, EVERYBODY if count is None else count)

    def read_string(self, offset: int, length: int | None = None, encoding: str = "utf-8") -> str:
        """Text: `length` bytes, or, without a length, up to the next zero byte.

        Raises:
            IndexError: it lies outside, or there is no zero byte.
            UnicodeDecodeError: it is not in this encoding.
        """
        if length is not None:
            return self.read(offset, length).decode(encoding)
        end = self._find_zero(offset)
        return self.read(offset, end - offset).decode(encoding)

    def _find_zero(self, offset: int) -> int:
        at, step, size = offset, 256, len(self)
        self.read(offset, 0)  # or IndexError
        while at < size:
            found = self.read(at, min(step, size - at)).find(0)
            if found >= 0:
                return at + found
            at += step
            step = min(4 * step, 1 << 20)
        raise IndexError(f"no zero byte from {offset} to the end of the memory, which has {size} bytes")

    def get_utf8_string(self, offset: int, length: int) -> str | None:
        """`length` bytes as text; None where they lie outside, or are not UTF-8 (Wasmer's name and meaning)."""
        try:
            return self.read(offset, length).decode()
        except (IndexError, UnicodeDecodeError) as failure:
            if raised_by_a_handler(failure):
                raise
            return None

    def write_string(self, offset: int, text: str, *, nul: bool = False, encoding: str = "utf-8") -> int:
        """Write text, with a zero byte behind it if `nul`.

        Returns:
            How many bytes were written.

        Raises:
            IndexError: it does not fit; nothing was written.
        """
        data = text.encode(encoding) + (b"\0" if nul else b"")
        self.write(offset, data)
        return len(data)

    def read_struct(self, layout: struct.Struct | str, offset: int) -> tuple[Any, ...]:
        """The values of a `struct` format at `offset`. Formats are little-endian unless they say otherwise.

        Raises:
            IndexError: they lie outside.
            struct.error: no such format.
        """
        from wasmer_runtime_core.running.objects.byte_order import little_endian

        layout = little_endian(layout)
        return layout.unpack(self.read(offset, layout.size))

    def write_struct(self, layout: struct.Struct | str, offset: int, *values: Any) -> None:
        """Write values by a `struct` format.

        Raises:
            IndexError: they lie outside.
            struct.error: no such format, or values that do not fit it.
        """
        from wasmer_runtime_core.running.objects.byte_order import little_endian

        self.write(offset, little_endian(layout).pack(*values))

    def __getitem__(self, index: int | slice) -> int | bytes:
        """One byte as an int, or a slice as bytes.

        Raises:
            IndexError: there is no such byte.
        """
        try:
            found = memoryview(self)[index]
        except IndexError as failure:
            if raised_by_a_handler(failure):
                raise
            raise self._outside(index, 1) from None
        return found if isinstance(found, int) else bytes(found)

    def __setitem__(self, index: int | slice, value: Any) -> None:
        try:
            memoryview(self)[index] = value
        except IndexError as failure:
            if raised_by_a_handler(failure):
                raise
            raise self._outside(index, 1) from None

    def _outside(self, offset: Any, length: int) -> IndexError:
        what = f"1 byte at {offset} is" if length == 1 else f"{length} bytes at {offset} are"
        return IndexError(f"{what} outside of the memory, which has {len(self)} bytes")

    def __repr__(self) -> str:
        if self.closed:
            return "<wasm memory: closed>"
        most = "" if self.maximum is None else f" of at most {self.maximum}"
        return f"<wasm memory: {self.pages}{most} pages of {PAGE_BYTES // 1024} KiB>"


machine.configure(memory=Memory)
