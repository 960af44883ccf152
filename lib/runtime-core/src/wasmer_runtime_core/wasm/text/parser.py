"""Modules: the fields of section 6.6, in two passes.

The first pass goes over the fields of a module, numbers what each defines and reads the
type definitions; what else is in a field it steps over. The second pass reads the fields
in order, with every name known, and writes each definition in the binary format into the
section it belongs to. Types that only a type use writes follow the defined ones, in the
order of the text.

Abbreviations (inline imports, exports, segments, type uses) are resolved where they
stand; the result has no trace of them. All names (``$…``) go to the name section: those
of the module, functions and locals, and of labels, types, tables, memories, globals and
segments, in the subsections that the extended name section proposal gives them.

Long for one idea: each field of the grammar is stepped over by one pass and read by the other.
"""

from __future__ import annotations

from librt.strings import BytesWriter

from wasmer_runtime_core.errors import CompileError, DecodeError
from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.module import FUNCTION as FUNCTION_KIND
from wasmer_runtime_core.wasm.module import GLOBAL as GLOBAL_KIND
from wasmer_runtime_core.wasm.module import MEMORY as MEMORY_KIND
from wasmer_runtime_core.wasm.module import TABLE as TABLE_KIND
from wasmer_runtime_core.wasm.module import TAG as TAG_KIND
from wasmer_runtime_core.wasm.text.cursor import Cursor
from wasmer_runtime_core.wasm.text.definitions import (
    Definitions,
    IndexSpace,
    has_value_type,
    take_value_type,
    take_value_types,
)
from wasmer_runtime_core.wasm.text.encoding import custom_section, index_bytes, sized, value_type_bytes, vector
from wasmer_runtime_core.wasm.text.instructions import InstructionReader
from wasmer_runtime_core.wasm.text.keywords import (
    AFTER,
    BEFORE,
    CODE,
    CUSTOM_ANNOTATION,
    DATA,
    DATACOUNT,
    DECLARE,
    ELEM,
    END_OF_TEXT,
    EXPORT,
    FIRST,
    FUNC,
    GLOBAL,
    I32,
    I64,
    IMPORT,
    ITEM,
    LAST,
    LEFT,
    LOCAL,
    MEMORY,
    MODULE,
    MUT,
    OFFSET,
    REC,
    RIGHT,
    SHARED,
    START,
    TABLE,
    TAG,
    TYPE,
    V128,
)
from wasmer_runtime_core.wasm.text.lexer import Tokens, tokenize
from wasmer_runtime_core.wasm.text.sections import (
    LAST_PLACE,
    Sections,
    data_segment,
    element_segment,
    zero_offset,
)
from wasmer_runtime_core.wasm.text.type_definitions import bind_types, read_types
from wasmer_runtime_core.wasm.types import FUNCREF, HAS_MAXIMUM, PAGE_BYTES, WIDE_INDEX
from wasmer_runtime_core.wasm.types import SHARED as SHARED_MEMORY

END_BYTE: Final = b"\x0b"
REF_FUNC: Final = b"\xd2"
FUNCREF_BYTES: Final = bytes((FUNCREF,))
TABLE_WITH_INITIALIZER: Final = b"\x40\x00"
TAG_OF_EXCEPTIONS: Final = b"\x00"

KINDS: Final = {FUNC: FUNCTION_KIND, TABLE: TABLE_KIND, MEMORY: MEMORY_KIND, GLOBAL: GLOBAL_KIND, TAG: TAG_KIND}
"""Keyword -> kind of import or export."""


def parse_module(text: str | bytes) -> bytes:
    """Turn a module's text into a binary module.

    Args:
        text: ``(module …)``, or its fields alone; bytes are UTF-8.

    Returns:
        The module in the binary format, with a name section if it has names.

    Raises:
        DecodeError: the text is malformed; with line and column.
        UnsupportedFeatureError: it uses a feature that is not here; with line and column.
    """
    cursor = Cursor(tokenize(text), 0)
    parser = ModuleParser(cursor)
    if cursor.take_opening(MODULE):
        parser.parse(RIGHT)
        cursor.at += 1
        if cursor.numbers[cursor.at] != END_OF_TEXT:
            raise cursor.unexpected("the end of the text")
    else:
        parser.parse(END_OF_TEXT)
    return parser.sections.module_bytes(parser.definitions)


def parse_fields(tokens: Tokens, start: int) -> bytes:
    """`parse_module` of a module inside a script: the tokens from `start`, after ``(module``, to its ``)``."""
    parser = ModuleParser(Cursor(tokens, start))
    parser.parse(RIGHT)
    return parser.sections.module_bytes(parser.definitions)


@final
class ModuleParser:
    """One module: its definitions and its sections so far."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.definitions = Definitions()
        self.fields: list[int] = []  # the token of each field's keyword
        self.type_fields: list[int] = []  # of those that define types
        self.type_fields_read = 0
        self.sections = Sections()
        self.functions_read = 0
        self.tables_read = 0
        self.memories_read = 0
        self.globals_read = 0
        self.tags_read = 0

    def parse(self, closing: int) -> None:
        """Read the fields up to `closing`, ``)`` or the end of the text, which stays."""
        cursor = self.cursor
        if closing == RIGHT:
            self.take_module_name()
        try:
            self.bind_fields(closing)
            end = cursor.at
            self.read_types()
        except CompileError as error:
            self.fail_earlier(error)
            raise
        cursor.pause = 0
        for start in self.fields:
            cursor.at = start
            self.read_field()
        cursor.at = end

    def take_module_name(self) -> None:
        identifier = self.cursor.take_identifier()
        if identifier is not None:
            self.sections.module_name = identifier[1:].encode("utf-8", "replace")
        written = self.cursor.take_name_annotation()
        if written is not None:
            self.sections.module_name = written

    def fail_earlier(self, error: CompileError) -> None:
        """Raise for the first thing that is wrong when the first pass found something later in the text."""
        self.cursor.pause = 0
        try:
            self.read_types()
            for start in self.fields:
                self.cursor.at = start
                self.read_field()
        except DecodeError as earlier:
            name_unknown = earlier.reason.startswith("unknown ") and not earlier.reason.startswith("unknown operator")
            if not name_unknown:  # else it may be defined behind what is wrong
                raise earlier from None

    def read_types(self) -> None:
        """Read the definitions of types that have not been read."""
        cursor = self.cursor
        cursor.pause = 0
        while self.type_fields_read < len(self.type_fields):
            cursor.at = self.type_fields[self.type_fields_read]
            cursor.turn()
            self.type_fields_read += 1
            cursor.at += 1
            read_types(cursor, self.definitions, cursor.numbers[cursor.at - 1])
            if cursor.numbers[cursor.at] != RIGHT:
                raise cursor.unexpected(")")

    # --- first pass --------------------------------------------------------------------
    def bind_fields(self, closing: int) -> None:
        """Number all definitions, and note where each field's keyword is."""
        cursor = self.cursor
        numbers = cursor.numbers
        fields = self.fields
        defined = ""
        while numbers[cursor.at] != closing:
            cursor.turn()
            if numbers[cursor.at] == CUSTOM_ANNOTATION:
                fields.append(cursor.at)
                cursor.at += 1
                cursor.skip()
                continue
            if numbers[cursor.at] != LEFT:
                raise cursor.unexpected("a module field or )" if closing == RIGHT else "a module field")
            cursor.at += 1
            keyword = numbers[cursor.at]
            fields.append(cursor.at)
            if keyword in FIELDS:
                what = self.bind_field(keyword)
                if what == "import":
                    if defined:
                        cursor.at = fields[-1]
                        raise cursor.error(f"import after {defined}")
                elif what and not defined:
                    defined = what
            else:  # it may define what others name
                raise cursor.unexpected("a module field")
            cursor.skip()

    def bind_field(self, keyword: int) -> str:
        """Number what a field defines; "import", the kind of what it defines, or nothing."""
        cursor = self.cursor
        definitions = self.definitions
        cursor.at += 1
        if keyword == TYPE or keyword == REC:
            self.type_fields.append(cursor.at - 1)
            bind_types(cursor, definitions, keyword)
            return ""
        if keyword == IMPORT:
            if cursor.numbers[cursor.at + 2] == LEFT:
                kind = cursor.numbers[cursor.at + 3]
                if kind in KINDS:
                    start = cursor.at
                    cursor.at += 4
                    self.space(kind).bind(cursor)
                    cursor.at = start
            return "import"
        if keyword == ELEM:
            definitions.elements.bind(cursor, definitions.tables)
            return ""
        if keyword == DATA:
            definitions.data.bind(cursor, definitions.memories)
            return ""
        if keyword not in KINDS:
            return ""
        self.space(keyword).bind(cursor)
        while cursor.take_opening(EXPORT):
            cursor.skip()
        if cursor.opens(IMPORT):
            return "import"
        if keyword == MEMORY and cursor.opens(DATA):
            definitions.data.count += 1
        if keyword == TABLE and cursor.numbers[cursor.at + 1] == LEFT and cursor.numbers[cursor.at + 2] == ELEM:
            definitions.elements.count += 1
        return "function" if keyword == FUNC else cursor.spellings[keyword]

    def space(self, keyword: int) -> IndexSpace:
        """The index space of a kind of definition that can be imported."""
        if keyword == FUNC:
            return self.definitions.functions
        if keyword == TABLE:
            return self.definitions.tables
        if keyword == MEMORY:
            return self.definitions.memories
        if keyword == TAG:
            return self.definitions.tags
        return self.definitions.globals

    # --- second pass -------------------------------------------------------------------
    def read_field(self) -> None:
        """Read one field, from its keyword to its ``)``."""
        cursor = self.cursor
        cursor.turn()
        keyword = cursor.numbers[cursor.at]
        if keyword not in FIELDS:
            raise cursor.unexpected("a module field")
        cursor.at += 1
        if keyword == FUNC:
            self.read_function()
        elif keyword == TYPE or keyword == REC:
            cursor.skip()  # the first pass has read it
            return
        elif keyword == IMPORT:
            self.read_import()
        elif keyword == EXPORT:
            self.read_export()
        elif keyword == TABLE:
            self.read_table()
        elif keyword == MEMORY:
            self.read_memory()
        elif keyword == GLOBAL:
            self.read_global()
        elif keyword == TAG:
            self.read_tag()
        elif keyword == ELEM:
            self.read_element_segment()
        elif keyword == DATA:
            self.read_data_segment()
        elif keyword == START:
            if self.sections.start:
                raise cursor.error("multiple start sections", 1)
            self.sections.start = index_bytes(self.definitions.functions.take_index(cursor))
        else:
            assert keyword == CUSTOM_ANNOTATION
            self.read_custom_section()
        cursor.expect_right(")")

    def read_inline_exports(self, kind: int, index: int) -> None:
        """``(export "…")*``"""
        cursor = self.cursor
        while cursor.take_opening(EXPORT):
            name = cursor.take_name("the name of the export")
            self.sections.exports.append(sized(name) + bytes((kind,)) + index_bytes(index))
            cursor.expect_right(")")

    def take_inline_import(self, kind: int) -> bytes:
        """``(import "…" "…")``, encoded but for the type; empty if it does not come."""
        cursor = self.cursor
        if not cursor.take_opening(IMPORT):
            return b""
        encoded = sized(cursor.take_name("the name of a module")) + sized(cursor.take_name("the name of the import"))
        cursor.expect_right(")")
        return encoded + bytes((kind,))

    def read_function(self) -> None:
        cursor = self.cursor
        cursor.skip_identifier()
        index = self.functions_read
        self.functions_read += 1
        self.read_inline_exports(FUNCTION_KIND, index)
        imported = self.take_inline_import(FUNCTION_KIND)
        locals_ = IndexSpace("local", "local")
        type_ = index_bytes(self.definitions.take_type_use(cursor, locals_))
        if imported:
            self.sections.imports.append(imported + type_)
            self.keep_local_names(index, locals_)
            return
        self.sections.functions.append(type_)
        out = BytesWriter()
        out.write(self.take_locals(locals_))
        cursor.out = out
        reader = InstructionReader(cursor, self.definitions, locals_, out)
        reader.read(False)
        cursor.out = None
        out.write(END_BYTE)
        self.sections.code.append(sized(out.getvalue()))
        self.sections.uses_data = self.sections.uses_data or reader.uses_data
        self.keep_local_names(index, locals_)
        if reader.label_names:
            self.sections.label_names.append((index, reader.label_names))

    def keep_local_names(self, function: int, locals_: IndexSpace) -> None:
        if locals_.names:
            self.sections.local_names.append((function, locals_.names))

    def take_locals(self, locals_: IndexSpace) -> bytes:
        """``(local …)*``, as runs of one type."""
        cursor = self.cursor
        types = self.definitions.types
        codes: list[int] = []
        while cursor.take_opening(LOCAL):
            cursor.turn()
            if locals_.is_named(cursor):
                locals_.bind(cursor)
                codes.append(take_value_type(cursor, types))
            else:
                before = len(codes)
                take_value_types(cursor, types, codes)
                locals_.count += len(codes) - before
            cursor.expect_right("a value type or )")
        runs: list[bytes] = []
        start = 0
        for end in range(1, len(codes) + 1):
            if end & 0xFFFF == 0:
                checkpoint()
            if end == len(codes) or codes[end] != codes[start]:
                runs.append(index_bytes(end - start) + value_type_bytes(codes[start]))
                start = end
        return vector(runs)

    def read_import(self) -> None:
        cursor = self.cursor
        names = sized(cursor.take_name("the name of a module")) + sized(cursor.take_name("the name of the import"))
        if cursor.numbers[cursor.at] != LEFT:
            raise cursor.unexpected("(func, (table, (memory, (global or (tag")
        cursor.at += 1
        keyword = cursor.numbers[cursor.at]
        kind = KINDS.get(keyword, -1)
        if kind < 0:
            raise cursor.unexpected("func, table, memory, global or tag")
        cursor.at += 1
        cursor.skip_identifier()
        names += bytes((kind,))
        if kind == FUNCTION_KIND:
            locals_ = IndexSpace("local", "local")
            self.sections.imports.append(names + index_bytes(self.definitions.take_type_use(cursor, locals_)))
            self.keep_local_names(self.functions_read, locals_)
            self.functions_read += 1
        elif kind == TABLE_KIND:
            self.tables_read += 1
            self.sections.imports.append(names + self.take_table_type(self.take_index_type()))
        elif kind == MEMORY_KIND:
            self.memories_read += 1
            self.sections.imports.append(names + self.take_memory_type(self.take_index_type()))
        elif kind == TAG_KIND:
            self.tags_read += 1
            self.sections.imports.append(names + self.take_tag_type())
        else:
            self.globals_read += 1
            self.sections.imports.append(names + self.take_global_type())
        cursor.expect_right(")")

    def read_tag(self) -> None:
        self.cursor.skip_identifier()
        index = self.tags_read
        self.tags_read += 1
        self.read_inline_exports(TAG_KIND, index)
        imported = self.take_inline_import(TAG_KIND)
        type_ = self.take_tag_type()
        if imported:
            self.sections.imports.append(imported + type_)
        else:
            self.sections.tags.append(type_)

    def take_tag_type(self) -> bytes:
        parameters = IndexSpace("parameter", "parameter")  # they may have names, which nothing uses
        return TAG_OF_EXCEPTIONS + index_bytes(self.definitions.take_type_use(self.cursor, parameters))

    def read_export(self) -> None:
        cursor = self.cursor
        name = sized(cursor.take_name("the name of the export"))
        if cursor.numbers[cursor.at] != LEFT:
            raise cursor.unexpected("(func, (table, (memory, (global or (tag")
        cursor.at += 1
        keyword = cursor.numbers[cursor.at]
        kind = KINDS.get(keyword, -1)
        if kind < 0:
            raise cursor.unexpected("func, table, memory, global or tag")
        cursor.at += 1
        self.sections.exports.append(name + bytes((kind,)) + index_bytes(self.space(keyword).take_index(cursor)))
        cursor.expect_right(")")

    def take_index_type(self) -> int:
        """Take the type of the index, with which the limits of a memory or table may begin: a flag of these, or 0."""
        cursor = self.cursor
        word = cursor.numbers[cursor.at]
        if word != I64 and word != I32:
            return 0
        cursor.at += 1
        return WIDE_INDEX if word == I64 else 0

    def take_limits(self, flags: int) -> bytes:
        """What stands behind the type of the index."""
        cursor = self.cursor
        minimum = index_bytes(cursor.take_unsigned(64, "the minimum size"))
        if not cursor.has_index():
            return bytes((flags,)) + minimum
        return bytes((flags | HAS_MAXIMUM,)) + minimum + index_bytes(cursor.take_unsigned(64, "the maximum size"))

    def take_memory_type(self, flags: int) -> bytes:
        """What stands behind the type of the index: limits, and perhaps `shared`."""
        cursor = self.cursor
        limits = self.take_limits(flags)
        if cursor.numbers[cursor.at] != SHARED:
            return limits
        cursor.at += 1
        return bytes((limits[0] | SHARED_MEMORY,)) + limits[1:]

    def take_reference_type(self) -> bytes:
        cursor = self.cursor
        if I32 <= cursor.numbers[cursor.at] <= V128:
            raise cursor.unexpected("a reference type")
        return value_type_bytes(take_value_type(cursor, self.definitions.types, "a reference type"))

    def take_table_type(self, flags: int) -> bytes:
        limits = self.take_limits(flags)
        return self.take_reference_type() + limits

    def take_global_type(self) -> bytes:
        cursor = self.cursor
        mutable = cursor.take_opening(MUT)
        type_ = value_type_bytes(take_value_type(cursor, self.definitions.types))
        if mutable:
            cursor.expect_right(")")
        return type_ + (b"\x01" if mutable else b"\x00")

    def read_table(self) -> None:
        cursor = self.cursor
        cursor.skip_identifier()
        index = self.tables_read
        self.tables_read += 1
        self.read_inline_exports(TABLE_KIND, index)
        imported = self.take_inline_import(TABLE_KIND)
        if imported:
            self.sections.imports.append(imported + self.take_table_type(self.take_index_type()))
            return
        flags = self.take_index_type()
        if not has_value_type(cursor):
            table = self.take_table_type(flags)
            if cursor.numbers[cursor.at] != RIGHT:
                table = TABLE_WITH_INITIALIZER + table + self.take_expression(False)
            self.sections.tables.append(table)
            return
        type_ = self.take_reference_type()
        cursor.expect_opening(ELEM)
        functions_only = type_ == FUNCREF_BYTES and cursor.numbers[cursor.at] != LEFT
        if cursor.numbers[cursor.at] == LEFT:
            items = self.take_element_expressions()
        else:
            items = self.take_element_indices()
            if not functions_only:
                items = [REF_FUNC + index + END_BYTE for index in items]
        cursor.expect_right("an element or )")
        size = index_bytes(len(items))
        self.sections.tables.append(type_ + bytes((flags | HAS_MAXIMUM,)) + size + size)
        self.sections.elements.append(element_segment(index, zero_offset(flags), type_, items, functions_only))

    def read_memory(self) -> None:
        cursor = self.cursor
        cursor.skip_identifier()
        index = self.memories_read
        self.memories_read += 1
        self.read_inline_exports(MEMORY_KIND, index)
        imported = self.take_inline_import(MEMORY_KIND)
        if imported:
            self.sections.imports.append(imported + self.take_memory_type(self.take_index_type()))
            return
        flags = self.take_index_type()
        if cursor.take_opening(DATA):
            content = cursor.take_strings()
            cursor.expect_right("a string or )")
            pages = index_bytes((len(content) + PAGE_BYTES - 1) // PAGE_BYTES)
            self.sections.memories.append(bytes((flags | HAS_MAXIMUM,)) + pages + pages)
            self.sections.data.append(data_segment(index, zero_offset(flags), content))
        else:
            self.sections.memories.append(self.take_memory_type(flags))

    def read_global(self) -> None:
        cursor = self.cursor
        cursor.skip_identifier()
        index = self.globals_read
        self.globals_read += 1
        self.read_inline_exports(GLOBAL_KIND, index)
        imported = self.take_inline_import(GLOBAL_KIND)
        type_ = self.take_global_type()
        if imported:
            self.sections.imports.append(imported + type_)
        else:
            self.sections.globals.append(type_ + self.take_expression(False))

    def take_expression(self, single: bool) -> bytes:
        """A constant expression with its ``end``; `single`: one folded instruction."""
        out = BytesWriter()
        reader = InstructionReader(self.cursor, self.definitions, IndexSpace("local", "local"), out)
        reader.read(single)
        out.write(END_BYTE)
        self.sections.uses_data = self.sections.uses_data or reader.uses_data
        return out.getvalue()

    def take_offset(self) -> bytes:
        """``(offset expr)`` or one folded instruction, encoded."""
        cursor = self.cursor
        if cursor.take_opening(OFFSET):
            expression = self.take_expression(False)
            cursor.expect_right("an instruction or )")
            return expression
        if cursor.numbers[cursor.at] != LEFT:
            raise cursor.unexpected("(offset or a folded instruction")
        return self.take_expression(True)

    def take_element_indices(self) -> list[bytes]:
        """Elements that are functions, by index."""
        items: list[bytes] = []
        while self.cursor.has_index():
            self.cursor.turn()
            items.append(index_bytes(self.definitions.functions.take_index(self.cursor)))
        return items

    def take_element_expressions(self) -> list[bytes]:
        """Elements that are ``(item expr)`` or a folded instruction."""
        cursor = self.cursor
        items: list[bytes] = []
        while cursor.numbers[cursor.at] == LEFT:
            cursor.turn()
            if cursor.take_opening(ITEM):
                items.append(self.take_expression(False))
                cursor.expect_right("an instruction or )")
            else:
                items.append(self.take_expression(True))
        return items

    def read_element_segment(self) -> None:
        """``(elem $id? mode elemlist)``: passive, declarative or active."""
        cursor = self.cursor
        cursor.skip_identifier()
        table = 0
        offset = b""
        declarative = False
        table_written = False
        if cursor.numbers[cursor.at] == DECLARE:
            cursor.at += 1
            declarative = True
        elif cursor.take_opening(TABLE):
            table = self.definitions.tables.take_index(cursor)
            table_written = True
            cursor.expect_right(")")
            offset = self.take_offset()
        elif cursor.has_index():  # the spelling of 1.0
            table = self.definitions.tables.take_index(cursor)
            offset = self.take_offset()
        elif cursor.numbers[cursor.at] == LEFT and not has_value_type(cursor):
            offset = self.take_offset()
        type_ = FUNCREF_BYTES
        functions_only = not has_value_type(cursor)
        if not functions_only:
            type_ = self.take_reference_type()
            items = self.take_element_expressions()
        else:
            if cursor.numbers[cursor.at] == FUNC:
                cursor.at += 1
            elif table_written or not offset:
                raise cursor.unexpected("func or a reference type")
            items = self.take_element_indices()
        self.sections.elements.append(element_segment(table, offset, type_, items, functions_only, declarative))

    def read_data_segment(self) -> None:
        """``(data $id? (memory x)? offset? "…"*)``."""
        cursor = self.cursor
        cursor.skip_identifier()
        memory = 0
        offset = b""
        if cursor.take_opening(MEMORY):
            memory = self.definitions.memories.take_index(cursor)
            cursor.expect_right(")")
            offset = self.take_offset()
        elif cursor.has_index():  # the spelling of 1.0
            memory = self.definitions.memories.take_index(cursor)
            offset = self.take_offset()
        elif cursor.numbers[cursor.at] == LEFT:
            offset = self.take_offset()
        self.sections.data.append(data_segment(memory, offset, cursor.take_strings()))

    def read_custom_section(self) -> None:
        """``(@custom "name" place? "…"*)`` (3.0, appendix: custom annotations)."""
        cursor = self.cursor
        name = cursor.take_name("the name of the custom section")
        place = LAST_PLACE
        if cursor.numbers[cursor.at] == LEFT:
            cursor.at += 1
            before = cursor.numbers[cursor.at] == BEFORE
            if not before and cursor.numbers[cursor.at] != AFTER:
                raise cursor.unexpected("before or after")
            cursor.at += 1
            place = CUSTOM_PLACES.get(cursor.numbers[cursor.at], -1)
            if place < 0:
                raise cursor.unexpected("the kind of a section, first or last")
            if before and place > 0:
                place -= 1
            cursor.at += 1
            cursor.expect_right(")")
        self.sections.custom.setdefault(place, []).append(custom_section(name, cursor.take_strings()))


FIELDS: Final = frozenset(
    (TYPE, REC, IMPORT, FUNC, TABLE, MEMORY, GLOBAL, TAG, EXPORT, START, ELEM, DATA, CUSTOM_ANNOTATION)
)
"""The keywords that begin a field of a module."""

CUSTOM_PLACES: Final = {
    FIRST: 0,
    TYPE: 1,
    IMPORT: 2,
    FUNC: 3,
    TABLE: 4,
    MEMORY: 5,
    TAG: 6,
    GLOBAL: 7,
    EXPORT: 8,
    START: 9,
    ELEM: 10,
    DATACOUNT: 11,
    CODE: 12,
    DATA: 13,
    LAST: LAST_PLACE,
}
"""Keyword -> the place behind that section: how many kinds of section stand before."""
