"""The pieces of the binary format that the text parser writes (specification, chapter 5)."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.checkpoint import STRETCH, watched
from wasmer_runtime_core.wasm.types import (
    HEAP_TYPE_ROWS,
    KIND,
    NON_NULL,
    NON_NULL_CODE,
    NULLABLE_CODE,
    ValueTypes,
    type_index,
)

NULLABLE_REFERENCE: Final = bytes((NULLABLE_CODE,))
NON_NULL_REFERENCE: Final = bytes((NON_NULL_CODE,))
ONE_BYTE: Final = [bytes((value,)) for value in range(128)]


def index_bytes(value: int) -> bytes:
    """An unsigned integer as LEB128."""
    if value < 128:
        return ONE_BYTE[value]
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def signed_bytes(value: int) -> bytes:
    """A signed integer as LEB128."""
    if -64 <= value < 64:
        return ONE_BYTE[value & 127]
    encoded = bytearray()
    while not -64 <= value < 64:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value & 127)
    return bytes(encoded)


def value_type_bytes(type_: int) -> bytes:
    """A value type (section 5.3.5): its kind, or ``(ref …)`` written out."""
    if type_ <= KIND:
        return bytes((type_,))
    if type_ & NON_NULL:
        return NON_NULL_REFERENCE + heap_type_bytes(type_)
    return heap_type_bytes(type_) if type_ in HEAP_TYPE_ROWS else NULLABLE_REFERENCE + heap_type_bytes(type_)


def heap_type_bytes(type_: int) -> bytes:
    """What a reference type refers to (section 5.3.2)."""
    row = HEAP_TYPE_ROWS.get(type_ & ~NON_NULL)
    return signed_bytes(type_index(type_)) if row is None else bytes((row.code,))


def value_type_vector(types: ValueTypes) -> bytes:
    """Value types behind their number."""
    encoded = types if isinstance(types, bytes) else b"".join([value_type_bytes(type_) for type_ in types])
    return index_bytes(len(types)) + encoded


def sized(content: bytes) -> bytes:
    """Bytes behind their length."""
    return index_bytes(len(content)) + content


def vector(items: list[bytes]) -> bytes:
    """Items behind their number."""
    return index_bytes(len(items)) + b"".join(items)


def section(number: int, content: bytes) -> bytes:
    """A section of the module."""
    return ONE_BYTE[number] + sized(content)


def custom_section(name: bytes, content: bytes) -> bytes:
    """A custom section."""
    return section(0, sized(name) + content)


def name_map(names: dict[int, bytes]) -> bytes:
    """Names by index (appendix, section 7.4.1)."""
    indices = sorted(names)
    rows = indices if len(indices) <= STRETCH else watched(indices)  # mostly of one function, without a call
    return vector([index_bytes(index) + sized(names[index]) for index in rows])
