"""Strings of C++: a count and the characters, in the program's heap, which the receiver frees.

`std::string` is a `str`: bytes that are no UTF-8 are lone surrogates in it, as in names of files, so nothing is lost
(``text.encode("utf-8", "surrogateescape")``). A string of `unsigned char` is `bytes`. The wide ones are `str`.
"""

from __future__ import annotations

from typing import Any, Final, final

from wasmer_emscripten.embind.bound import BadArgument, Bound, Later, is_needed, unsigned
from wasmer_emscripten.embind.registry import Registry, registry_of
from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.process import Process

MAX_BYTES: Final = 1 << 30
"""Of one string."""
_WIDE: Final = {2: "utf-16-le", 4: "utf-32-le"}


def utf_8(value: str, errors: str = "strict") -> bytes:
    """A text as UTF-8.

    Raises:
        BadArgument: it cannot be.
    """
    try:
        return value.encode("utf-8", errors)
    except UnicodeEncodeError as failure:
        must_be_answer(failure)
        raise BadArgument(value, "a text with half a character (a lone surrogate)") from None


class Text(Bound):
    """A string of characters of some bytes."""

    frees = True

    def __init__(self, name: str, registry: Registry, size: int) -> None:
        super().__init__(name)
        self._process = registry.process
        self._memory = registry.memory
        self._at_once = registry.at_once
        self._size = size

    def decoded(self, data: bytes) -> Any:
        """For Python."""
        raise NotImplementedError

    def encoded(self, value: Any) -> bytes:
        """For C++.

        Raises:
            BadArgument: it is none.
        """
        raise NotImplementedError

    def from_wire(self, wire: Any) -> Any:
        process, pointer = self._process, unsigned(wire)
        count = self._memory.u32(pointer) * self._size
        self._at_once.add(count)
        data = self._memory.read(pointer + 4, count)
        process.free(pointer, "embind")
        return self.decoded(data)

    def to_wire(self, value: Any, later: Later | None) -> int:
        process, data = self._process, self.encoded(value)
        if len(data) > MAX_BYTES:
            raise BadArgument(value, f"{self.name} of {len(data)} bytes: {MAX_BYTES} are the most")
        pointer = process.malloc(4 + len(data) + self._size, "embind")
        if later is not None:
            later.append((self._free, pointer))
        count = (len(data) // self._size).to_bytes(4, "little")
        self._memory.write(pointer, count + data + bytes(self._size))
        return pointer

    def _free(self, pointer: int) -> None:
        self._process.free(pointer, "embind")

    def read(self, pointer: int) -> Any:
        return self.from_wire(self._memory.u32(pointer))


@final
class String(Text):
    """`std::string`."""

    python = "str"

    def decoded(self, data: bytes) -> str:
        return data.decode("utf-8", "surrogateescape")

    def encoded(self, value: Any) -> bytes:
        if isinstance(value, str):
            return utf_8(value, "surrogateescape")
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        raise is_needed("a str or bytes", value)


@final
class Bytes(Text):
    """A string of `unsigned char`."""

    python = "bytes"

    def decoded(self, data: bytes) -> bytes:
        return data

    def encoded(self, value: Any) -> bytes:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        if isinstance(value, str):
            return utf_8(value)
        raise is_needed("bytes or a str", value)


@final
class Wide(Text):
    """`std::wstring` and others with characters of 2 or 4 bytes."""

    python = "str"

    def decoded(self, data: bytes) -> str:
        return data.decode(_WIDE[self._size], "surrogatepass" if self._size == 2 else "replace")

    def encoded(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise is_needed("a str", value)
        return value.encode(_WIDE[self._size], "surrogatepass")


@provides("ii->", "_embind_register_std_string")
def register_std_string(process: Process, raw: int, name: int) -> None:
    """Bind std::string, or a string of unsigned char."""
    registry = registry_of(process)
    text = registry.name(name)
    kind = Bytes if "unsigned char" in text or "uint8_t" in text else String
    registry.add(raw, kind(text, registry, 1))


@provides("iii->", "_embind_register_std_wstring")
def register_std_wstring(process: Process, raw: int, size: int, name: int) -> None:
    """Bind a string of wider characters."""
    registry = registry_of(process)
    text = registry.name(name)
    if size not in _WIDE:
        raise WrongArgument(f"the program bound {text} with characters of {size} bytes")
    registry.add(raw, Wide(text, registry, size))
