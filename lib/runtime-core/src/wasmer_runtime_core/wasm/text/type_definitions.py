"""Type definitions: ``(type …)`` and ``(rec …)`` of the text format, to the binary format (specification, section 6.4).

They may name one another in any order, so all are numbered first (`bind_types`), then read.
"""

from __future__ import annotations

from wasmer_runtime_core.wasm.text.cursor import Cursor
from wasmer_runtime_core.wasm.text.definitions import (
    Definitions,
    IndexSpace,
    function_type_bytes,
    has_value_type,
    take_function_type,
    take_value_type,
)
from wasmer_runtime_core.wasm.text.encoding import index_bytes, value_type_bytes, vector
from wasmer_runtime_core.wasm.text.keywords import (
    ARRAY,
    FIELD,
    FINAL,
    FUNC,
    I8,
    I16,
    MUT,
    REC,
    STRUCT,
    SUB,
    TYPE,
)
from wasmer_runtime_core.wasm.types import I8 as PACKED_8
from wasmer_runtime_core.wasm.types import I16 as PACKED_16
from wasmer_runtime_core.wasm.types import NO_FUNCTION, FunctionType


def bind_types(cursor: Cursor, definitions: Definitions, keyword: int) -> None:
    """Number the types of a field, behind its keyword: one of ``type``, any number of ``rec``."""
    if keyword != REC:
        definitions.types.bind(cursor)
        return
    while cursor.take_opening(TYPE):
        cursor.turn()
        definitions.types.bind(cursor)
        cursor.skip()


def read_types(cursor: Cursor, definitions: Definitions, keyword: int) -> None:
    """Read the types of a field, behind its keyword; its ``)`` stays."""
    if keyword != REC:
        encoded, type_ = _take_definition(cursor, definitions)
        if encoded[:1] == b"\x60":
            definitions.add_type(type_)
        else:
            definitions.function_types.append(type_)
            definitions.groups.append(encoded)
        return
    members: list[bytes] = []
    while cursor.take_opening(TYPE):
        cursor.turn()
        encoded, type_ = _take_definition(cursor, definitions)
        cursor.expect_right(")")
        members.append(encoded)
        definitions.function_types.append(type_)
    definitions.groups.append(b"\x4e" + vector(members))


def _take_definition(cursor: Cursor, definitions: Definitions) -> tuple[bytes, FunctionType]:
    """Take ``$id? subtype``: encoded, and what it is if it is a function's."""
    cursor.skip_identifier()
    if not cursor.take_opening(SUB):
        return _take_composite(cursor, definitions)
    final = cursor.numbers[cursor.at] == FINAL
    if final:
        cursor.at += 1
    supertypes: list[bytes] = []
    while cursor.has_index():
        supertypes.append(index_bytes(definitions.types.take_index(cursor)))
    encoded, type_ = _take_composite(cursor, definitions)
    cursor.expect_right(")")
    if final and not supertypes:
        return encoded, type_
    return (b"\x4f" if final else b"\x50") + vector(supertypes) + encoded, type_


def _take_composite(cursor: Cursor, definitions: Definitions) -> tuple[bytes, FunctionType]:
    """Take ``(func …)``, ``(struct …)`` or ``(array …)``."""
    types = definitions.types
    if cursor.take_opening(STRUCT):
        fields: list[bytes] = []
        names = IndexSpace("field", "field")
        while cursor.take_opening(FIELD):
            cursor.turn()
            if names.is_named(cursor):
                names.bind(cursor)
                fields.append(_take_field(cursor, types))
            else:
                while _has_field(cursor):
                    cursor.turn()
                    names.count += 1
                    fields.append(_take_field(cursor, types))
            cursor.expect_right("a field type or )")
        cursor.expect_right("(field or )")
        if names.names:
            definitions.fields[len(definitions.function_types)] = names  # it is appended there
        return b"\x5f" + vector(fields), NO_FUNCTION
    if cursor.take_opening(ARRAY):
        field = _take_field(cursor, types)
        cursor.expect_right(")")
        return b"\x5e" + field, NO_FUNCTION
    cursor.expect_opening(FUNC)
    type_ = take_function_type(cursor, types, IndexSpace("param", "parameter"))
    cursor.expect_right("(param, (result or )")
    return function_type_bytes(type_), type_


def _has_field(cursor: Cursor) -> bool:
    return cursor.numbers[cursor.at] in (I8, I16) or cursor.opens(MUT) or has_value_type(cursor)


def _take_field(cursor: Cursor, types: IndexSpace) -> bytes:
    """Take a field type: ``storage`` or ``(mut storage)``."""
    mutable = cursor.take_opening(MUT)
    word = cursor.numbers[cursor.at]
    if word == I8 or word == I16:
        cursor.at += 1
        encoded = bytes((PACKED_8 if word == I8 else PACKED_16,))
    else:
        encoded = value_type_bytes(take_value_type(cursor, types, "a storage type"))
    if mutable:
        cursor.expect_right(")")
    return encoded + (b"\x01" if mutable else b"\x00")
