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
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.wasm.module import FUNCTION as FUNCTION_KIND
from wasmer_runtime_core.wasm.module import GLOBAL as GLOBAL_KIND
from wasmer_runtime_core.wasm.module import MEMORY as MEMORY_KIND
from wasmer_runtime_core.wasm.module import TABLE as TABLE_KIND
from wasmer_runtime_core.wasm.text.cursor import Cursor
from wasmer_runtime_core.wasm.text.definitions import Definitions, IndexSpace, take_function_type
from wasmer_runtime_core.wasm.text.encoding import (
    custom_section,
    index_bytes,
    name_map,
    section,
    sized,
    vector,
)
from wasmer_runtime_core.wasm.text.instructions import InstructionReader
from wasmer_runtime_core.wasm.text.keywords import (
    CUSTOM_ANNOTATION,
    DATA,
    DECLARE,
    ELEM,
    END_OF_TEXT,
    EXPORT,
    FUNC,
    GLOBAL,
    IMPORT,
    ITEM,
    LEFT,
    LOCAL,
    MEMORY,
    MODULE,
    MUT,
    OFFSET,
    RIGHT,
    START,
    TABLE,
    TYPE,
)
from wasmer_runtime_core.wasm.text.lexer import Tokens, tokenize
from wasmer_runtime_core.wasm.types import FUNCREF, PAGE_BYTES

HEADER: Final = b"\x00asm\x01\x00\x00\x00"
END_BYTE: Final = b"\x0b"
REF_FUNC_BYTE: Final = 0xD2

KINDS: Final = {FUNC: FUNCTION_KIND, TABLE: TABLE_KIND, MEMORY: MEMORY_KIND, GLOBAL: GLOBAL_KIND}
"""Keyword -> kind of import or export."""


def parse_module(text: str | bytes) -> bytes:
    """Turn a module's text into a binary module.

    Args:
        text: ``(module …)``, or its fields alone; bytes are UTF-8.

    Returns:
        The module in the binary format, with a name section if it has names.

    Raises:
        DecodeError: the text is malformed; with line and column.
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
    return parser.module_bytes()


def parse_fields(tokens: Tokens, start: int) -> bytes:
    """`parse_module` of a module inside a script: the tokens from `start`, after ``(module``, to its ``)``."""
    parser = ModuleParser(Cursor(tokens, start))
    parser.parse(RIGHT)
    return parser.module_bytes()


@final
class ModuleParser:
    """One module: its definitions and its sections so far."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.definitions = Definitions()
        self.module_name: str | None = None
        self.fields: list[int] = []  # the token of each field's keyword
        self.imports: list[bytes] = []
        self.functions: list[bytes] = []
        self.tables: list[bytes] = []
        self.memories: list[bytes] = []
        self.globals: list[bytes] = []
        self.exports: list[bytes] = []
        self.start: bytes = b""
        self.elements: list[bytes] = []
        self.code: list[bytes] = []
        self.data: list[bytes] = []
        self.uses_data = False
        self.functions_read = 0
        self.tables_read = 0
        self.memories_read = 0
        self.globals_read = 0
        self.local_names: list[tuple[int, dict[int, bytes]]] = []
        self.label_names: list[tuple[int, dict[int, bytes]]] = []

    def parse(self, closing: int) -> None:
        """Read the fields up to `closing`, ``)`` or the end of the text, which stays."""
        cursor = self.cursor
        if closing == RIGHT:
            self.module_name = cursor.take_identifier()
        try:
            self.bind_fields(closing)
        except DecodeError as error:
            self.fail_earlier(error)
            raise
        end = cursor.at
        for start in self.fields:
            cursor.at = start
            self.read_field()
        cursor.at = end

    def fail_earlier(self, error: DecodeError) -> None:
        """Raise for the first thing that is wrong when the first pass found something later in the text."""
        try:
            for start in self.fields:
                self.cursor.at = start
                self.read_field()
        except DecodeError as earlier:
            name_unknown = earlier.reason.startswith("unknown ") and not earlier.reason.startswith("unknown operator")
            if not name_unknown:  # else it may be defined behind what is wrong
                raise earlier from None

    # --- first pass --------------------------------------------------------------------
    def bind_fields(self, closing: int) -> None:
        """Number all definitions, and note where each field's keyword is."""
        cursor = self.cursor
        numbers = cursor.numbers
        fields = self.fields
        defined = ""
        while numbers[cursor.at] != closing:
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
            elif keyword == END_OF_TEXT:
                raise cursor.unexpected("a module field")
            cursor.skip()

    def bind_field(self, keyword: int) -> str:
        """Number what a field defines; "import", the kind of what it defines, or nothing."""
        cursor = self.cursor
        definitions = self.definitions
        cursor.at += 1
        if keyword == TYPE:
            definitions.types.bind(cursor)
            cursor.expect_opening(FUNC)
            definitions.add_type(take_function_type(cursor, IndexSpace("param", "parameter")))
            cursor.expect_right("(param, (result or )")
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
        return self.definitions.globals

    # --- second pass -------------------------------------------------------------------
    def read_field(self) -> None:
        """Read one field, from its keyword to its ``)``."""
        cursor = self.cursor
        keyword = cursor.numbers[cursor.at]
        if keyword not in FIELDS:
            raise cursor.unexpected("a module field")
        cursor.at += 1
        if keyword == FUNC:
            self.read_function()
        elif keyword == TYPE:
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
        elif keyword == ELEM:
            self.read_element_segment()
        elif keyword == DATA:
            self.read_data_segment()
        elif keyword == START:
            if self.start:
                raise cursor.error("multiple start sections", 1)
            self.start = index_bytes(self.definitions.functions.take_index(cursor))
        else:
            assert keyword == CUSTOM_ANNOTATION
            cursor.skip()
            return
        cursor.expect_right(")")

    def read_inline_exports(self, kind: int, index: int) -> None:
        """``(export "…")*``"""
        cursor = self.cursor
        while cursor.take_opening(EXPORT):
            name = cursor.take_name("the name of the export")
            self.exports.append(sized(name) + bytes((kind,)) + index_bytes(index))
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
        cursor.take_identifier()
        index = self.functions_read
        self.functions_read += 1
        self.read_inline_exports(FUNCTION_KIND, index)
        imported = self.take_inline_import(FUNCTION_KIND)
        locals_ = IndexSpace("local", "local")
        type_ = index_bytes(self.definitions.take_type_use(cursor, locals_))
        if imported:
            self.imports.append(imported + type_)
            self.keep_local_names(index, locals_)
            return
        self.functions.append(type_)
        out = BytesWriter()
        out.write(self.take_locals(locals_))
        reader = InstructionReader(cursor, self.definitions, locals_, out)
        reader.read(False)
        out.write(END_BYTE)
        self.code.append(sized(out.getvalue()))
        self.uses_data = self.uses_data or reader.uses_data
        self.keep_local_names(index, locals_)
        if reader.label_names:
            self.label_names.append((index, dict(reader.label_names)))

    def keep_local_names(self, function: int, locals_: IndexSpace) -> None:
        if locals_.indices:
            self.local_names.append((function, locals_.named()))

    def take_locals(self, locals_: IndexSpace) -> bytes:
        """``(local …)*``, as runs of one type."""
        cursor = self.cursor
        runs: list[bytes] = []
        run_type = -1
        run_length = 0
        while cursor.take_opening(LOCAL):
            named = locals_.count
            if cursor.spellings[cursor.numbers[cursor.at]].startswith("$"):
                locals_.bind(cursor)
                if not cursor.has_value_type():
                    raise cursor.unexpected("a value type")
            while cursor.has_value_type():
                code = cursor.take_value_type()
                if named < locals_.count:
                    named = locals_.count
                    if cursor.numbers[cursor.at] != RIGHT:
                        raise cursor.unexpected(")")
                else:
                    locals_.count += 1
                    named += 1
                if code != run_type:
                    if run_length:
                        runs.append(index_bytes(run_length) + bytes((run_type,)))
                    run_type, run_length = code, 0
                run_length += 1
            cursor.expect_right("a value type or )")
        if run_length:
            runs.append(index_bytes(run_length) + bytes((run_type,)))
        return vector(runs)

    def read_import(self) -> None:
        cursor = self.cursor
        names = sized(cursor.take_name("the name of a module")) + sized(cursor.take_name("the name of the import"))
        if cursor.numbers[cursor.at] != LEFT:
            raise cursor.unexpected("(func, (table, (memory or (global")
        cursor.at += 1
        keyword = cursor.numbers[cursor.at]
        kind = KINDS.get(keyword, -1)
        if kind < 0:
            raise cursor.unexpected("func, table, memory or global")
        cursor.at += 1
        cursor.take_identifier()
        names += bytes((kind,))
        if kind == FUNCTION_KIND:
            locals_ = IndexSpace("local", "local")
            self.imports.append(names + index_bytes(self.definitions.take_type_use(cursor, locals_)))
            self.keep_local_names(self.functions_read, locals_)
            self.functions_read += 1
        elif kind == TABLE_KIND:
            self.tables_read += 1
            self.imports.append(names + self.take_table_type())
        elif kind == MEMORY_KIND:
            self.memories_read += 1
            self.imports.append(names + self.take_limits())
        else:
            self.globals_read += 1
            self.imports.append(names + self.take_global_type())
        cursor.expect_right(")")

    def read_export(self) -> None:
        cursor = self.cursor
        name = sized(cursor.take_name("the name of the export"))
        if cursor.numbers[cursor.at] != LEFT:
            raise cursor.unexpected("(func, (table, (memory or (global")
        cursor.at += 1
        keyword = cursor.numbers[cursor.at]
        kind = KINDS.get(keyword, -1)
        if kind < 0:
            raise cursor.unexpected("func, table, memory or global")
        cursor.at += 1
        self.exports.append(name + bytes((kind,)) + index_bytes(self.space(keyword).take_index(cursor)))
        cursor.expect_right(")")

    def take_limits(self) -> bytes:
        cursor = self.cursor
        minimum = index_bytes(cursor.take_unsigned(32, "the minimum size"))
        if not cursor.has_index():
            return b"\x00" + minimum
        return b"\x01" + minimum + index_bytes(cursor.take_unsigned(32, "the maximum size"))

    def take_reference_type(self) -> bytes:
        cursor = self.cursor
        code = cursor.take_value_type()
        if code > FUNCREF:
            cursor.at -= 1
            raise cursor.unexpected("a reference type")
        return bytes((code,))

    def take_table_type(self) -> bytes:
        limits = self.take_limits()
        return self.take_reference_type() + limits

    def take_global_type(self) -> bytes:
        cursor = self.cursor
        if cursor.take_opening(MUT):
            code = cursor.take_value_type()
            cursor.expect_right(")")
            return bytes((code, 1))
        return bytes((cursor.take_value_type(), 0))

    def read_table(self) -> None:
        cursor = self.cursor
        cursor.take_identifier()
        index = self.tables_read
        self.tables_read += 1
        self.read_inline_exports(TABLE_KIND, index)
        imported = self.take_inline_import(TABLE_KIND)
        if imported:
            self.imports.append(imported + self.take_table_type())
            return
        if not cursor.has_value_type():
            self.tables.append(self.take_table_type())
            return
        type_ = self.take_reference_type()
        cursor.expect_opening(ELEM)
        items, functions_only = self.take_element_items(type_[0])
        cursor.expect_right("an element or )")
        size = index_bytes(len(items))
        self.tables.append(type_ + b"\x01" + size + size)
        self.elements.append(element_segment(index, b"\x41\x00\x0b", type_, items, functions_only))

    def read_memory(self) -> None:
        cursor = self.cursor
        cursor.take_identifier()
        index = self.memories_read
        self.memories_read += 1
        self.read_inline_exports(MEMORY_KIND, index)
        imported = self.take_inline_import(MEMORY_KIND)
        if imported:
            self.imports.append(imported + self.take_limits())
        elif cursor.take_opening(DATA):
            content = cursor.take_strings()
            cursor.expect_right("a string or )")
            pages = index_bytes((len(content) + PAGE_BYTES - 1) // PAGE_BYTES)
            self.memories.append(b"\x01" + pages + pages)
            self.data.append(data_segment(index, b"\x41\x00\x0b", content))
        else:
            self.memories.append(self.take_limits())

    def read_global(self) -> None:
        cursor = self.cursor
        cursor.take_identifier()
        index = self.globals_read
        self.globals_read += 1
        self.read_inline_exports(GLOBAL_KIND, index)
        imported = self.take_inline_import(GLOBAL_KIND)
        type_ = self.take_global_type()
        if imported:
            self.imports.append(imported + type_)
        else:
            self.globals.append(type_ + self.take_expression(False))

    def take_expression(self, single: bool) -> bytes:
        """A constant expression with its ``end``; `single`: one folded instruction."""
        out = BytesWriter()
        InstructionReader(self.cursor, self.definitions, IndexSpace("local", "local"), out).read(single)
        out.write(END_BYTE)
        return out.getvalue()

    def take_offset(self) -> bytes:
        """``(offset expr)`` or one folded instruction, encoded."""
        cursor = self.cursor
        if cursor.take_opening(OFFSET):
            expression = self.take_expression(False)
            cursor.expect_right("an instruction or )")
            return expression
        return self.take_expression(True)

    def take_element_items(self, type_: int) -> tuple[list[bytes], bool]:
        """Elements of a segment; whether they are functions by index, else expressions."""
        cursor = self.cursor
        items: list[bytes] = []
        if type_ != FUNCREF or cursor.numbers[cursor.at] == LEFT:
            while cursor.numbers[cursor.at] == LEFT:
                if cursor.take_opening(ITEM):
                    items.append(self.take_expression(False))
                    cursor.expect_right("an instruction or )")
                else:
                    items.append(self.take_expression(True))
            return items, False
        while cursor.has_index():
            items.append(index_bytes(self.definitions.functions.take_index(cursor)))
        return items, True

    def read_element_segment(self) -> None:
        """``(elem $id? mode elemlist)``: passive, declarative or active."""
        cursor = self.cursor
        cursor.take_identifier()
        table = -1
        offset = b""
        declarative = False
        if cursor.numbers[cursor.at] == DECLARE:
            cursor.at += 1
            declarative = True
        elif cursor.take_opening(TABLE):
            table = self.definitions.tables.take_index(cursor)
            cursor.expect_right(")")
            offset = self.take_offset()
        elif cursor.has_index():  # the spelling of 1.0
            table = self.definitions.tables.take_index(cursor)
            offset = self.take_offset()
        elif cursor.numbers[cursor.at] == LEFT:
            table = 0
            offset = self.take_offset()
        type_ = bytes((FUNCREF,))
        functions_only = True
        if cursor.numbers[cursor.at] == FUNC:
            cursor.at += 1
            items, functions_only = self.take_element_items(FUNCREF)
            if not functions_only:
                raise cursor.unexpected("the index of a function")
        elif cursor.has_value_type():
            type_ = self.take_reference_type()
            items = []
            while cursor.numbers[cursor.at] == LEFT:
                items.extend(self.take_element_items(0)[0])
            functions_only = False
        elif offset:
            items, functions_only = self.take_element_items(FUNCREF)
            if not functions_only:
                raise cursor.unexpected("the index of a function")
        else:
            raise cursor.unexpected("declare, an offset, func or a reference type")
        self.elements.append(element_segment(table, offset, type_, items, functions_only, declarative))

    def read_data_segment(self) -> None:
        """``(data $id? (memory x)? offset? "…"*)``."""
        cursor = self.cursor
        cursor.take_identifier()
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
        self.data.append(data_segment(memory, offset, cursor.take_strings()))

    # --- the module --------------------------------------------------------------------
    def module_bytes(self) -> bytes:
        """The binary module (section 5.5)."""
        sections = [HEADER]
        types = [
            b"\x60" + sized(type_.params) + sized(type_.results) for type_ in self.definitions.function_types
        ]
        data_count = [b""] * len(self.data) if self.uses_data else []
        for number, items in (
            (1, types),
            (2, self.imports),
            (3, self.functions),
            (4, self.tables),
            (5, self.memories),
            (6, self.globals),
            (7, self.exports),
            (8, [self.start] if self.start else []),
            (9, self.elements),
            (12, data_count),
            (10, self.code),
            (11, self.data),
        ):
            if number == 8 and items:
                sections.append(section(8, items[0]))
            elif number == 12 and self.uses_data:
                sections.append(section(12, index_bytes(len(items))))
            elif items:
                sections.append(section(number, vector(items)))
        names = self.name_section()
        if names:
            sections.append(custom_section(b"name", names))
        return b"".join(sections)

    def name_section(self) -> bytes:
        """The subsections of the name section (appendix, section 7.4.1), those with names."""
        definitions = self.definitions
        parts: list[bytes] = []
        if self.module_name is not None:
            parts.append(section(0, sized(self.module_name[1:].encode("utf-8", "replace"))))
        if definitions.functions.indices:
            parts.append(section(1, name_map(definitions.functions.named())))
        for number, indirect in ((2, self.local_names), (3, self.label_names)):
            if indirect:
                parts.append(section(number, vector([index_bytes(index) + name_map(names) for index, names in indirect])))
        for number, space in (
            (4, definitions.types),
            (5, definitions.tables),
            (6, definitions.memories),
            (7, definitions.globals),
            (8, definitions.elements),
            (9, definitions.data),
        ):
            if space.indices:
                parts.append(section(number, name_map(space.named())))
        return b"".join(parts)


FIELDS: Final = frozenset(
    (TYPE, IMPORT, FUNC, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEM, DATA, CUSTOM_ANNOTATION)
)
"""The keywords that begin a field of a module."""


def element_segment(
    table: int,
    offset: bytes,
    type_: bytes,
    items: list[bytes],
    functions_only: bool,
    declarative: bool = False,
) -> bytes:
    """An element segment (section 5.5.12), in the shortest of its eight forms.

    Args:
        table: of an active segment.
        offset: the expression of an active segment, else empty.
        type_: the reference type.
        items: function indices or expressions, encoded.
        functions_only: whether they are indices.
        declarative: a segment without offset is declarative, not passive.
    """
    kind = b"\x00" if functions_only else type_
    flags = 0 if functions_only else 4
    if offset:
        if table == 0 and (functions_only or type_[0] == FUNCREF):
            return bytes((flags,)) + offset + vector(items)
        return bytes((flags | 2,)) + index_bytes(table) + offset + kind + vector(items)
    return bytes((flags | (3 if declarative else 1),)) + kind + vector(items)


def data_segment(memory: int, offset: bytes, content: bytes) -> bytes:
    """A data segment (section 5.5.14); `offset` is empty for a passive one."""
    if not offset:
        return b"\x01" + sized(content)
    if memory == 0:
        return b"\x00" + offset + sized(content)
    return b"\x02" + index_bytes(memory) + offset + sized(content)
