"""What modules declare as bytes, and back: numbers, bytes, texts and None in tuples, lists and dictionaries, and rows.

`marshal` writes these, and loads nothing to do so. It knows no classes, so a row, a named tuple of `wasm.module` or
`wasm.types`, becomes a list with the number of its class in front, and a list one with -1. Version 2 of its format has
no references, which would depend on who else holds an object: equal values give equal bytes, in every Python. Its
reader believes what it reads, so the C part looks first whether that is such a value (`native/system/plain_values.c`).
"""

from __future__ import annotations

import marshal

from wasmer_runtime_core.native.machine import is_plain
from wasmer_runtime_core.support.annotations import Any, Final
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.wasm.module import (
    ConstantOperator,
    CustomSection,
    DataSegment,
    ElementSegment,
    Export,
    GlobalDefinition,
    Import,
)
from wasmer_runtime_core.wasm.types import (
    ArrayType,
    FieldType,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    StructType,
    TableType,
    TypeDefinition,
)

MARSHAL_VERSION: Final = 2
ROW_CLASSES: Final[tuple[Any, ...]] = (
    FunctionType,
    TableType,
    MemoryType,
    GlobalType,
    Limits,
    Import,
    Export,
    ConstantOperator,
    GlobalDefinition,
    ElementSegment,
    DataSegment,
    CustomSection,
    TypeDefinition,
    StructType,
    ArrayType,
    FieldType,
)
"""The rows of a `ModuleInfo`; their places here are their numbers."""
_NUMBERS: Final = {row: number for number, row in enumerate(ROW_CLASSES)}
_LIST: Final = -1
_PLAIN: Final = frozenset((int, bool, str, bytes, type(None)))


def dump_plain(value: Any) -> bytes:
    """The bytes of a value without rows and lists."""
    return marshal.dumps(value, MARSHAL_VERSION)


def load_plain(data: bytes) -> Any:
    """The value of these bytes, as `dump_plain` writes them.

    Raises:
        ValueError: they are those of no such value.
    """
    if not is_plain(data):
        raise ValueError("these are not the bytes of a value")
    return marshal.loads(data)


def dump(value: Any) -> bytes:
    """The bytes of a value.

    Raises:
        TypeError: there is something in it that is none of these.
    """
    return dump_plain(_plain(value))


def load(data: bytes) -> Any:
    """The value of these bytes, as `dump` writes them.

    Raises:
        ValueError, LookupError, TypeError: they are those of no such value.
    """
    return _with_rows(load_plain(data))


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple:
        return tuple([_plain(each) for each in watched(value)])
    if kind is list:
        return [_LIST, *[_plain(each) for each in watched(value)]]
    if kind is dict:
        return {_plain(key): _plain(each) for key, each in value.items()}
    number = _NUMBERS.get(kind)
    if number is None:
        raise TypeError(f"an artifact cannot hold a {kind.__name__}")
    return [number, *map(_plain, value)]


def _with_rows(value: Any) -> Any:
    kind = type(value)
    if kind is tuple:
        return tuple([_with_rows(each) for each in watched(value)])
    if kind is list:
        number = value[0]
        fields = [_with_rows(each) for each in watched(value)]
        del fields[0]
        return fields if number == _LIST else ROW_CLASSES[number](*fields)
    if kind is dict:
        return {_with_rows(key): _with_rows(each) for key, each in value.items()}
    return value
