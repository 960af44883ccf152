"""What a module defines, by name and by number (specification, section 6.6.1).

One `IndexSpace` per kind of definition, and the list of function types, to which a
type use without ``(type …)`` adds what is missing (section 6.6.4).

A value type that names a type of the module is a number like any other (`wasm.types`), but for its kind: whether the
type is a function's is not known yet, and its encoding does not say.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import final
from wasmer_runtime_core.support.printable import shortened
from wasmer_runtime_core.wasm.text.cursor import Cursor
from wasmer_runtime_core.wasm.text.encoding import value_type_vector
from wasmer_runtime_core.wasm.text.keywords import (
    HEAP_KEYWORDS,
    LEFT,
    NAME_ANNOTATION,
    NULL,
    NUMBER_OF_KEYWORDS,
    PARAM,
    REF,
    RESULT,
    TYPE,
    VALUE_TYPES,
)
from wasmer_runtime_core.wasm.types import FUNCREF, I32, NON_NULL, V128, FunctionType, reference_type, value_types


@final
class IndexSpace:
    """Definitions of one kind: how many, and the indices of those with a name.

    Attributes:
        kind: the word in "duplicate …".
        long_kind: the word in "unknown …".
    """

    def __init__(self, kind: str, long_kind: str) -> None:
        self.kind = kind
        self.long_kind = long_kind
        self.indices: dict[str, int] = {}
        self.names: dict[int, bytes] = {}  # for the name section, without the $
        self.count = 0

    def bind(self, cursor: Cursor, targets: IndexSpace | None = None) -> str | None:
        """Number the next definition, and take its identifier if it has one.

        Args:
            cursor: where the identifier would be.
            targets: of a segment, what it initializes. In 1.0 an identifier there meant one of these; where it
                names no segment of its own (a second one would be a duplicate), it still does.
        """
        name = cursor.take_identifier()
        if name is not None:
            if name in self.indices:
                if targets is not None and name in targets.indices:
                    self.count += 1
                    return None
                raise cursor.error(f"duplicate {self.kind} {shortened(name)}", 1)
            self.indices[name] = self.count
            self.names[self.count] = name[1:].encode("utf-8", "replace")
        written = cursor.take_name_annotation()
        if written is not None:
            self.names[self.count] = written
        self.count += 1
        return name

    def is_named(self, cursor: Cursor) -> bool:
        """Whether the next definition has an identifier, or a name in an annotation."""
        number = cursor.numbers[cursor.at]
        return number == NAME_ANNOTATION or cursor.spellings[number].startswith("$")

    def take_index(self, cursor: Cursor) -> int:
        """Take an index: a number, or an identifier that was bound."""
        number = cursor.numbers[cursor.at]
        spelling = cursor.spellings[number]
        if number >= NUMBER_OF_KEYWORDS and spelling[0] == "$":
            index = self.indices.get(spelling, -1)
            if index < 0:
                index = self.indices.get(cursor.canonical_identifier(spelling), -1)
                if index < 0:
                    raise cursor.error(f"unknown {self.long_kind} {shortened(spelling)}")
            cursor.at += 1
            return index
        return cursor.take_unsigned(32, f"the index of a {self.long_kind}")


@final
class Definitions:
    """The index spaces of a module and its function types."""

    def __init__(self) -> None:
        self.types = IndexSpace("type", "type")
        self.functions = IndexSpace("func", "function")
        self.tables = IndexSpace("table", "table")
        self.memories = IndexSpace("memory", "memory")
        self.globals = IndexSpace("global", "global")
        self.tags = IndexSpace("tag", "tag")
        self.elements = IndexSpace("elem segment", "elem segment")
        self.data = IndexSpace("data segment", "data segment")
        self.function_types: list[FunctionType] = []  # `NO_FUNCTION` for a struct or an array
        self.type_indices: dict[FunctionType, int] = {}
        self.groups: list[bytes] = []  # the type section's entries
        self.fields: dict[int, IndexSpace] = {}  # of structs that name some, by type index

    def take_field(self, cursor: Cursor, type_index: int) -> int:
        """Take the index of a field of a struct."""
        space = self.fields.get(type_index)
        return (IndexSpace("field", "field") if space is None else space).take_index(cursor)

    def add_type(self, type_: FunctionType) -> None:
        """Append a function type that is a group of its own, final, and below none."""
        self.type_indices.setdefault(type_, len(self.function_types))
        self.function_types.append(type_)
        self.groups.append(function_type_bytes(type_))

    def index_of(self, type_: FunctionType) -> int:
        """The first index of a function type, which is appended if there is none."""
        index = self.type_indices.get(type_, -1)
        if index < 0:
            index = len(self.function_types)
            self.types.count += 1
            self.add_type(type_)
        return index

    def take_type_use(self, cursor: Cursor, locals_: IndexSpace | None) -> int:
        """Take a type use: the type's index.

        Args:
            cursor: where it stands.
            locals_: gets the parameters with their names; None where none may be named.
        """
        if not cursor.take_opening(TYPE):
            return self.index_of(take_function_type(cursor, self.types, locals_))
        index = self.types.take_index(cursor)
        cursor.expect_right(")")
        start = cursor.at
        written = take_function_type(cursor, self.types, locals_)
        if not written.params and not written.results:
            if locals_ is not None and index < len(self.function_types):
                locals_.count += len(self.function_types[index].params)
            return index
        if index >= len(self.function_types):
            cursor.at = start
            raise cursor.error(f"unknown type {index}", 2)
        if written != self.function_types[index]:
            cursor.at = start
            raise cursor.error(
                f"inline function type {written} does not match type {index}, {self.function_types[index]}"
            )
        return index


def function_type_bytes(type_: FunctionType) -> bytes:
    """A function type in the binary format (5.3.7)."""
    return b"\x60" + value_type_vector(type_.params) + value_type_vector(type_.results)


def take_function_type(cursor: Cursor, types: IndexSpace, locals_: IndexSpace | None) -> FunctionType:
    """Take ``(param …)* (result …)*``; see `Definitions.take_type_use`."""
    params: list[int] = []
    results: list[int] = []
    while cursor.take_opening(PARAM):
        cursor.turn()
        if locals_ is not None and locals_.is_named(cursor):
            locals_.bind(cursor)
            params.append(take_value_type(cursor, types))
        else:
            before = len(params)
            take_value_types(cursor, types, params)
            if locals_ is not None:
                locals_.count += len(params) - before
        cursor.expect_right("a value type or )")
    while cursor.take_opening(RESULT):
        cursor.turn()
        take_value_types(cursor, types, results)
        cursor.expect_right("a value type or )")
    if cursor.opens(PARAM):
        cursor.at += 1
        raise cursor.error("unexpected token param: parameters come before results")
    return FunctionType(value_types(params), value_types(results))


# --- value types (6.4.1 to 6.4.4) ---------------------------------------------------------------
def has_value_type(cursor: Cursor) -> bool:
    """Whether a value type comes next."""
    number = cursor.numbers[cursor.at]
    return number in VALUE_TYPES or (number == LEFT and cursor.numbers[cursor.at + 1] == REF)


def take_value_type(cursor: Cursor, types: IndexSpace, expected: str = "a value type") -> int:
    """Take a value type; `types` are those that it may name."""
    type_ = VALUE_TYPES.get(cursor.numbers[cursor.at], -1)
    if type_ >= 0:
        cursor.at += 1
        return type_
    if not cursor.take_opening(REF):
        raise cursor.unexpected(expected)
    nullable = cursor.numbers[cursor.at] == NULL
    if nullable:
        cursor.at += 1
    type_ = take_heap_type(cursor, types)
    cursor.expect_right(")")
    return type_ if nullable else type_ | NON_NULL


def take_value_types(cursor: Cursor, types: IndexSpace, taken: list[int]) -> None:
    """Take value types as long as there are some; they are appended to `taken`."""
    while has_value_type(cursor):
        cursor.turn()
        taken.append(take_value_type(cursor, types))


def take_reference_type(cursor: Cursor, types: IndexSpace) -> int:
    """Take a reference type."""
    start = cursor.at
    type_ = take_value_type(cursor, types, "a reference type") if has_value_type(cursor) else 0
    if type_ == 0 or V128 <= type_ <= I32:
        cursor.at = start
        raise cursor.unexpected("a reference type")
    return type_


def take_heap_type(cursor: Cursor, types: IndexSpace) -> int:
    """Take a heap type: a nullable reference to it."""
    type_ = HEAP_KEYWORDS.get(cursor.numbers[cursor.at], -1)
    if type_ >= 0:
        cursor.at += 1
        return type_
    if not cursor.has_index():
        raise cursor.unexpected("a heap type")
    return reference_type(FUNCREF, True, types.take_index(cursor))
