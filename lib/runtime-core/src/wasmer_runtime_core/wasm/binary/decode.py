"""The binary format of modules: bytes in, `ModuleInfo` out (specification, section 5.5).

A module is a sequence of sections, each with its size. This reads every section but the
bodies of functions, of which it takes the bounds only: the validator reads them, once.
Nothing is judged here but form. What has the right form and the wrong meaning (an index
that names nothing, an initializer that is not constant) is left to the validator; so
*malformed* and *invalid* stay apart, as the specification has them.

Memory is proportional to the module: vectors grow as their elements are read, a length is
never believed before its bytes are there, and what is written often (a type, an element, a
name of an import) is kept once. Every count has its row in `implementation_limits`.

Long for one idea: each section of the format has its method, and all of them share one position.
"""

from __future__ import annotations

from wasmer_runtime_core import implementation_limits as limits_table
from wasmer_runtime_core.errors import DecodeError, ValidationError
from wasmer_runtime_core.implementation_limits import DEFAULT_LIMITS, ImplementationLimits, Limit
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.binary.scan import (
    read_heap_type,
    read_operator,
    read_reference_type,
    read_value_type,
    skip_expression,
)
from wasmer_runtime_core.wasm.custom_sections import CustomSection
from wasmer_runtime_core.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    FUNCTION,
    GLOBAL,
    MEMORY,
    PASSIVE,
    TABLE,
    TAG,
    ConstantExpression,
    ConstantOperator,
    DataSegment,
    ElementSegment,
    Export,
    GlobalDefinition,
    Import,
    ModuleInfo,
)
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.reader import UNEXPECTED_END, Reader
from wasmer_runtime_core.wasm.subtyping import TypeSpace
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    HAS_MAXIMUM,
    HEAP_I31,
    HEAP_SHIFT,
    I32,
    I64,
    KIND,
    NON_NULL,
    SHARED,
    V128,
    VALUE_TYPE_NAMES,
    WIDE_INDEX,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    type_index,
)

MAGIC: Final = b"\0asm"
VERSION: Final = b"\1\0\0\0"

STRETCH: Final = 1 << 13
"""So many elements of vectors are read between two checkpoints."""

# --- section ids (5.5.2), in the order in which sections may stand ----------------------------
CUSTOM_SECTION: Final = 0
TYPE_SECTION: Final = 1
IMPORT_SECTION: Final = 2
FUNCTION_SECTION: Final = 3
TABLE_SECTION: Final = 4
MEMORY_SECTION: Final = 5
GLOBAL_SECTION: Final = 6
EXPORT_SECTION: Final = 7
START_SECTION: Final = 8
ELEMENT_SECTION: Final = 9
DATA_COUNT_SECTION: Final = 12
CODE_SECTION: Final = 10
DATA_SECTION: Final = 11
TAG_SECTION: Final = 13

_ORDER: Final = {
    section: place
    for place, section in enumerate(
        (
            TYPE_SECTION,
            IMPORT_SECTION,
            FUNCTION_SECTION,
            TABLE_SECTION,
            MEMORY_SECTION,
            TAG_SECTION,
            GLOBAL_SECTION,
            EXPORT_SECTION,
            START_SECTION,
            ELEMENT_SECTION,
            DATA_COUNT_SECTION,
            CODE_SECTION,
            DATA_SECTION,
        ),
        start=1,
    )
}

FUNCTION_TYPE_FORM: Final = 0x60
ELEMENT_KIND_FUNCTION: Final = 0x00
TABLE_WITH_INITIALIZER: Final = b"\x40\x00"
"""In the table section: a table type and an expression follow."""
TAG_OF_EXCEPTIONS: Final = 0x00

_I32_CONST: Final = BY_MNEMONIC["i32.const"].code
_I64_CONST: Final = BY_MNEMONIC["i64.const"].code
_F32_CONST: Final = BY_MNEMONIC["f32.const"].code
_F64_CONST: Final = BY_MNEMONIC["f64.const"].code
_V128_CONST: Final = BY_MNEMONIC["v128.const"].code
_REF_NULL: Final = BY_MNEMONIC["ref.null"].code
_REF_FUNC: Final = BY_MNEMONIC["ref.func"].code
_GLOBAL_GET: Final = BY_MNEMONIC["global.get"].code
_END: Final = BY_MNEMONIC["end"].code

_ARRAY_NEW_FIXED: Final = BY_MNEMONIC["array.new_fixed"].code
OBJECT_CONST: Final = frozenset(
    BY_MNEMONIC[name].code
    for name in ("struct.new", "struct.new_default", "array.new", "array.new_default", "array.new_fixed")
)
"""Operators of initializers that make an object."""
REFERENCE_CONST: Final = {
    BY_MNEMONIC["ref.i31"].code: ANYREF | NON_NULL | HEAP_I31 << HEAP_SHIFT,
    BY_MNEMONIC["any.convert_extern"].code: ANYREF,
    BY_MNEMONIC["extern.convert_any"].code: EXTERNREF,
}
"""Those that make a reference of what they take."""
EXTENDED_CONST: Final = {
    BY_MNEMONIC[f"{name}.{operation}"].code: type_
    for name, type_ in (("i32", I32), ("i64", I64))
    for operation in ("add", "sub", "mul")
}
"""What the feature extended_const lets initializers have besides, with the type that each takes twice and gives."""

_VALUE_TYPES: Final = bytes(VALUE_TYPE_NAMES)

_NO_CONSTANT: Final = (ConstantOperator(_I32_CONST, 0, I32),)
"""Stands for an initializer that is not constant, until the validator refuses it."""


@final
class DecodedModule:
    """A module that is well formed outside of its function bodies.

    Attributes:
        info: what it declares.
        data: its bytes.
        code: for each function it defines, the byte offsets of its body's start and end.
        offsets: by section (``"imports"``, ``"exports"`` …), the byte offset of each entry.
        long_sizes: byte offsets of limits that are written as no 32-bit number can be.
        faults: what already showed as invalid.
        limits: what it was decoded under, and is to be validated under.
        types: what its types have to do with one another.
        needed: once it is validated: features that a backend must have, beside those that each has
            (`features.OF_BACKENDS`).
    """

    def __init__(self, data: bytes, limits: ImplementationLimits) -> None:
        self.info = ModuleInfo()
        self.data = data
        self.limits = limits
        self.code: list[tuple[int, int]] = []
        self.offsets: dict[str, list[int]] = {
            section: []
            for section in (
                "types",
                "imports",
                "functions",
                "tables",
                "memories",
                "tags",
                "globals",
                "exports",
                "start",
                "elements",
                "data",
                "data count",
            )
        }
        self.long_sizes: list[int] = []
        self.faults: list[ValidationError] = []
        self.types = TypeSpace()
        self.needed: frozenset[str] = frozenset()


def decode_module(data: bytes | bytearray | memoryview, limits: ImplementationLimits = DEFAULT_LIMITS) -> DecodedModule:
    """Decode a binary module.

    Args:
        data: the module; any bytes-like object, copied if it is not `bytes`.
        limits: how much it may have of everything.

    Raises:
        DecodeError: the module is malformed; `offset` says where.
        UnsupportedFeatureError: it uses a feature that is not here.
        ImplementationLimitError: it has more of something than `limits` says.
    """
    if not isinstance(data, bytes):
        data = bytes(data)
    return _Decoder(data, limits).decode()


@final
class _Decoder:
    """Reads section after section into a `DecodedModule`."""

    def __init__(self, data: bytes, limits: ImplementationLimits) -> None:
        self.data: Final = data
        self.limits: Final = limits
        self.name_bytes: i64 = limits.most(limits_table.NAME_BYTES)
        self.reader: Final = Reader(data, 0, len(data))
        self.module: Final = DecodedModule(data, limits)
        self.info: Final = self.module.info
        self.function_types: list[int] = []  # of the module's own functions
        self.element_count: i64 = 0
        self.initializer_operators: i64 = 0
        self.left: i64 = STRETCH  # elements of vectors until the next checkpoint
        self.names_types: bool = False  # something else than a function's definition names a type
        # each kept once
        self.known_types: dict[FunctionType, int] = {}  # the first index of each
        self.known_names: dict[str, str] = {}
        self.known_functions: dict[int, ConstantExpression] = {}  # ``ref.func``, by index

    def decode(self) -> DecodedModule:
        self.header()
        reader = self.reader
        end = reader.end
        last = 0
        while reader.position < end:
            start = reader.position
            section = reader.byte()
            place = _ORDER.get(section)
            if place is None and section != CUSTOM_SECTION:
                raise DecodeError(f"malformed section id {section}", start)
            size = reader.u32()
            if size > end - reader.position:
                raise DecodeError("length out of bounds", start + 1)
            if place is not None:
                if place <= last:
                    raise DecodeError("unexpected content after last section", start)
                last = place
            section_end = reader.position + size
            reader.end = section_end
            self.section(section)
            if reader.position != section_end:
                raise DecodeError("section size mismatch", reader.position)
            reader.end = end
        self.finish()
        return self.module

    def header(self) -> None:
        data = self.data
        self.limits.check(limits_table.MODULE_BYTES, len(data), 0)
        if len(data) < 4:
            raise DecodeError("unexpected end", len(data))
        if data[:4] != MAGIC:
            raise DecodeError("magic header not detected", 0)
        if len(data) < 8:
            raise DecodeError("unexpected end", len(data))
        if data[4:8] != VERSION:
            raise self.reader.refused(DecodeError("unknown binary version", 4), "header")
        self.reader.position = 8

    def finish(self) -> None:
        """What one section says of another."""
        info = self.info
        if self.names_types and not info.definitions:
            from wasmer_runtime_core.wasm.binary.type_section import define_functions

            define_functions(info, self.module.types)
        at = len(self.data)
        if len(self.module.code) != len(self.function_types):
            raise DecodeError("function and code section have inconsistent lengths", at)
        if info.data_count is not None and info.data_count != len(info.data):
            raise DecodeError("data count and data section have inconsistent lengths", at)

    def section(self, section: int) -> None:
        if section == CUSTOM_SECTION:
            self.custom()
        elif section == TYPE_SECTION:
            self.types()
        elif section == IMPORT_SECTION:
            self.imports()
        elif section == FUNCTION_SECTION:
            self.functions()
        elif section == TABLE_SECTION:
            self.tables()
        elif section == MEMORY_SECTION:
            self.memories()
        elif section == TAG_SECTION:
            self.tags()
        elif section == GLOBAL_SECTION:
            self.globals()
        elif section == EXPORT_SECTION:
            self.exports()
        elif section == START_SECTION:
            self.start()
        elif section == ELEMENT_SECTION:
            self.elements()
        elif section == DATA_COUNT_SECTION:
            self.module.offsets["data count"].append(self.reader.position)
            self.info.data_count = int(self.reader.u32())
        elif section == CODE_SECTION:
            self.code()
        else:
            self.data_segments()

    def turn(self) -> None:
        """For each element of a vector: a checkpoint, if one is due."""
        self.left -= 1
        if self.left == 0:
            checkpoint()
            self.left = STRETCH

    # --- counts and names, within their limits ------------------------------------------------
    def count(self, limit: Limit, already: i64) -> i64:
        """Read how many elements a vector has; `already` says how many count as well for its limit."""
        reader = self.reader
        start = reader.position
        count = reader.u32()
        if count + already > self.limits.most(limit):
            if count > reader.end - reader.position:  # there is a byte of each, at least
                raise DecodeError(UNEXPECTED_END, start)
            raise self.limits.exceeded(limit, count + already, start)
        return count

    def name(self) -> str:
        """Read a name. Equal ones are one object."""
        start = self.reader.position
        name = self.reader.name()
        if self.reader.position - start > self.name_bytes:
            self.limits.check(limits_table.NAME_BYTES, len(name.encode()), start)
        return self.known_names.setdefault(name, name)

    # --- sections, in the specification's order ------------------------------------------------
    def custom(self) -> None:
        reader = self.reader
        start = reader.position
        name = self.name()
        at = reader.position
        data = reader.bytes(reader.end - reader.position)
        self.info.custom_sections.append(CustomSection(name, data, at))
        self.limits.check(limits_table.CUSTOM_SECTIONS, len(self.info.custom_sections), start)

    def types(self) -> None:
        """The type section, as long as it defines functions of kinds alone; what is more is `TypeReader`'s."""
        reader = self.reader
        types = self.info.types
        space = self.module.types
        offsets = self.module.offsets["types"]
        known = self.known_types
        most_params: i64 = self.limits.most(limits_table.PARAMETERS)
        most_results: i64 = self.limits.most(limits_table.RESULTS)
        count = self.count(limits_table.TYPES, 0)
        while count > 0:
            self.turn()
            start = reader.position
            if reader.peek() != FUNCTION_TYPE_FORM:
                break
            reader.byte()
            params = self.kinds()
            results = None if params is None else self.kinds()
            if params is None or results is None:
                reader.position = start
                break
            offsets.append(start)
            type_ = FunctionType(params, results)
            if len(params) > most_params:
                raise self.limits.exceeded(limits_table.PARAMETERS, len(params), start)
            if len(results) > most_results:
                raise self.limits.exceeded(limits_table.RESULTS, len(results), start)
            first = known.setdefault(type_, len(types))
            types.append(type_ if first == len(types) else types[first])
            space.add_function(first)
            count -= 1
        if count > 0:
            from wasmer_runtime_core.wasm.binary.type_section import TypeReader

            TypeReader(reader, self.info, space, self.limits, offsets, self.module.faults).read(count)

    def imports(self) -> None:
        reader = self.reader
        info = self.info
        offsets = self.module.offsets["imports"]
        count = self.count(limits_table.IMPORTS, 0)
        while count > 0:
            self.turn()
            offsets.append(reader.position)
            namespace = self.name()
            name = self.name()
            at = reader.position
            kind = reader.byte()
            if kind == FUNCTION:
                type_index = reader.u32()
                info.functions.append(type_index)
                info.imports.append(Import(namespace, name, kind, type_index))
            elif kind == TABLE:
                table = self.table_type()
                info.tables.append(table)
                info.imports.append(Import(namespace, name, kind, table))
            elif kind == MEMORY:
                memory = self.memory_type()
                info.memories.append(memory)
                info.imports.append(Import(namespace, name, kind, memory))
            elif kind == GLOBAL:
                global_ = self.global_type()
                info.globals.append(global_)
                info.imports.append(Import(namespace, name, kind, global_))
            elif kind == TAG:
                type_index = self.tag_type()
                info.tags.append(int(type_index))
                info.imports.append(Import(namespace, name, kind, type_index))
            else:
                raise DecodeError(f"malformed import kind {kind}", at)
            count -= 1
        info.imported_functions = len(info.functions)
        info.imported_tables = len(info.tables)
        info.imported_memories = len(info.memories)
        info.imported_globals = len(info.globals)
        info.imported_tags = len(info.tags)
        limits = self.limits
        limits.check(limits_table.FUNCTIONS, info.imported_functions, offsets[0] if offsets else None)
        limits.check(limits_table.TABLES, info.imported_tables, offsets[0] if offsets else None)
        limits.check(limits_table.MEMORIES, info.imported_memories, offsets[0] if offsets else None)
        limits.check(limits_table.GLOBALS, info.imported_globals, offsets[0] if offsets else None)
        limits.check(limits_table.TAGS, info.imported_tags, offsets[0] if offsets else None)

    def functions(self) -> None:
        reader = self.reader
        offsets = self.module.offsets["functions"]
        count = self.count(limits_table.FUNCTIONS, self.info.imported_functions)
        while count > 0:
            self.turn()
            offsets.append(reader.position)
            self.function_types.append(reader.u32())
            count -= 1
        self.info.functions.extend(self.function_types)

    def tables(self) -> None:
        reader = self.reader
        offsets = self.module.offsets["tables"]
        count = self.count(limits_table.TABLES, self.info.imported_tables)
        while count > 0:
            self.turn()
            at = reader.position
            offsets.append(at)
            if reader.data[at : at + 2] == TABLE_WITH_INITIALIZER and at + 2 <= reader.end:
                reader.position = at + 2
                self.info.tables.append(self.table_type())
                self.info.table_initializers.append((len(self.info.tables) - 1, self.constant()))
            else:
                self.info.tables.append(self.table_type())
            count -= 1

    def memories(self) -> None:
        reader = self.reader
        offsets = self.module.offsets["memories"]
        count = self.count(limits_table.MEMORIES, self.info.imported_memories)
        while count > 0:
            self.turn()
            offsets.append(reader.position)
            self.info.memories.append(self.memory_type())
            count -= 1

    def tags(self) -> None:
        reader = self.reader
        offsets = self.module.offsets["tags"]
        count = self.count(limits_table.TAGS, self.info.imported_tags)
        while count > 0:
            self.turn()
            offsets.append(reader.position)
            self.info.tags.append(int(self.tag_type()))
            count -= 1

    def globals(self) -> None:
        reader = self.reader
        info = self.info
        offsets = self.module.offsets["globals"]
        count = self.count(limits_table.GLOBALS, info.imported_globals)
        while count > 0:
            self.turn()
            offsets.append(reader.position)
            type_ = self.global_type()
            info.globals.append(type_)
            info.global_definitions.append(GlobalDefinition(type_, self.constant()))
            count -= 1

    def exports(self) -> None:
        reader = self.reader
        offsets = self.module.offsets["exports"]
        count = self.count(limits_table.EXPORTS, 0)
        while count > 0:
            self.turn()
            offsets.append(reader.position)
            name = self.name()
            at = reader.position
            kind = reader.byte()
            if kind > TAG:
                raise DecodeError(f"malformed export kind {kind}", at)
            self.info.exports.append(Export(name, kind, reader.u32()))
            count -= 1

    def start(self) -> None:
        self.module.offsets["start"].append(self.reader.position)
        self.info.start = int(self.reader.u32())

    def elements(self) -> None:
        reader = self.reader
        offsets = self.module.offsets["elements"]
        count = self.count(limits_table.ELEMENT_SEGMENTS, 0)
        while count > 0:
            self.turn()
            offsets.append(reader.position)
            self.info.elements.append(self.element())
            count -= 1

    def element(self) -> ElementSegment:
        """An element segment: bit 0 not active, bit 1 table or declarative, bit 2 expressions."""
        reader = self.reader
        at = reader.position
        flags = reader.u32()
        if flags > 7:
            raise DecodeError(f"malformed elements segment kind {flags}", at)
        table = 0
        offset: ConstantExpression | None = None
        if flags & 1:
            mode = DECLARATIVE if flags & 2 else PASSIVE
        else:
            mode = ACTIVE
            if flags & 2:
                table = reader.u32()
            offset = self.constant()
        type_ = FUNCREF if flags & 4 else FUNCREF | NON_NULL
        if flags & 3:
            if flags & 4:
                type_ = self.resolved(read_reference_type(reader))
            elif reader.byte() != ELEMENT_KIND_FUNCTION:
                raise DecodeError("malformed element kind", reader.position - 1)
        items: list[ConstantExpression] = []
        count = self.count(limits_table.ELEMENTS, self.element_count)
        self.element_count += count
        while count > 0:
            self.turn()
            items.append(self.constant() if flags & 4 else self.function_reference())
            count -= 1
        return ElementSegment(mode, table, offset, type_, tuple(items))

    def function_reference(self) -> ConstantExpression:
        """An element that is written as a function index."""
        index = int(self.reader.u32())
        found = self.known_functions.get(index)
        if found is None:
            type_ = self.function_type(index)
            found = self.known_functions[index] = (ConstantOperator(_REF_FUNC, index, type_),)
        return found

    def function_type(self, index: int) -> int:
        """Of a reference to this function."""
        info = self.info
        if index < len(info.functions) and info.functions[index] < len(info.types):
            return self.module.types.references[info.functions[index]] | NON_NULL
        return FUNCREF | NON_NULL  # the validator says what is wrong

    def code(self) -> None:
        reader = self.reader
        most_bytes: i64 = self.limits.most(limits_table.BODY_BYTES)
        self.info.code_offset = reader.position
        code = self.module.code
        count = reader.u32()
        if count != len(self.function_types):
            raise DecodeError("function and code section have inconsistent lengths", self.info.code_offset)
        while count > 0:
            self.turn()
            size = reader.u32()
            start = reader.skip(size)
            if size > most_bytes:
                function = self.info.imported_functions + len(code)
                raise self.limits.exceeded(limits_table.BODY_BYTES, size, start, function)
            code.append((start, reader.position))
            count -= 1

    def data_segments(self) -> None:
        reader = self.reader
        offsets = self.module.offsets["data"]
        count = self.count(limits_table.DATA_SEGMENTS, 0)
        while count > 0:
            self.turn()
            at = reader.position
            offsets.append(at)
            flags = reader.u32()
            if flags > 2:
                raise DecodeError(f"malformed data segment kind {flags}", at)
            memory = reader.u32() if flags == 2 else 0
            offset = None if flags == 1 else self.constant()
            mode = PASSIVE if flags == 1 else ACTIVE
            self.info.data.append(DataSegment(mode, memory, offset, reader.bytes(reader.u32())))
            count -= 1

    # --- parts (5.3) ------------------------------------------------------------------------
    def kinds(self) -> bytes | None:
        """Several value types of which each is its kind. None, and nothing read of use, if they are not."""
        reader = self.reader
        count = reader.u32()
        if count > reader.end - reader.position:
            return None
        types = reader.bytes(count)
        return None if types.translate(None, _VALUE_TYPES) else types

    def resolved(self, type_: int) -> int:
        """A value type that was read, with its kind; one of the module's types is told to the instances' part."""
        if type_ & KIND:
            return type_
        self.names_types = True
        found = self.module.types.resolved(type_)
        if found < 0:
            self.fault(f"unknown type {type_index(type_)}", self.reader.position)
            return FUNCREF
        return found

    def size_limits(self, place: str, may_be: i64) -> tuple[Limits, int, i64]:
        """Limits of a memory or table, the type of its index, and its flags: `may_be` are those that it can have."""
        reader = self.reader
        at = reader.position
        flags = reader.byte()
        if flags & ~may_be:
            raise reader.refused(DecodeError("malformed limits flags", at), place)
        minimum = self.size()
        maximum = self.size() if flags & HAS_MAXIMUM else None
        return Limits(minimum, maximum), I64 if flags & WIDE_INDEX else I32, flags

    def size(self) -> int:
        """A number of pages or elements."""
        at = self.reader.position
        size = self.reader.u64()
        if self.reader.position - at > 5 or size > 0xFFFF_FFFF:
            self.module.long_sizes.append(at)
        return size

    def memory_type(self) -> MemoryType:
        limits, index_type, flags = self.size_limits("memory limits", HAS_MAXIMUM | SHARED | WIDE_INDEX)
        return MemoryType(limits, flags & SHARED != 0, index_type)

    def table_type(self) -> TableType:
        element = self.resolved(read_reference_type(self.reader))
        limits, index_type, _ = self.size_limits("table limits", HAS_MAXIMUM | WIDE_INDEX)
        return TableType(element, limits, index_type)

    def object_type(self, index: i64) -> int:
        """Of a reference to an object that is made: of this type of the module."""
        self.names_types = True
        references = self.module.types.references
        if index < len(references):
            return references[index] | NON_NULL
        self.fault(f"unknown type {index}", self.reader.position)
        return ANYREF | NON_NULL

    def tag_type(self) -> i64:
        """The index of a tag's type."""
        reader = self.reader
        at = reader.position
        if reader.byte() != TAG_OF_EXCEPTIONS:
            raise DecodeError("malformed tag attribute", at)
        return reader.u32()

    def global_type(self) -> GlobalType:
        reader = self.reader
        value = self.resolved(read_value_type(reader))
        mutable = reader.byte()
        if mutable > 1:
            raise reader.refused(DecodeError("malformed mutability", reader.position - 1), "mutability")
        return GlobalType(value, mutable == 1)

    def constant(self) -> ConstantExpression:
        """An initializer. One that is no constant expression becomes a fault."""
        reader = self.reader
        start = reader.position
        only = self.constant_operator(read_operator(reader))
        if only is not None and reader.peek() == _END:
            reader.byte()
            return (only,)
        reader.position = start
        return self.constant_operators()

    def constant_operators(self) -> ConstantExpression:
        """An initializer of several operators, or what is none."""
        reader = self.reader
        start = reader.position
        operators: list[ConstantOperator] = []
        code = read_operator(reader)
        while code != _END:
            self.turn()
            constant = self.constant_operator(code)
            if constant is None:
                reader.position = start
                skip_expression(reader, True)  # what the data count is for is code
                return self.fault("constant expression required", start)
            operators.append(constant)
            code = read_operator(reader)
        if not operators:
            return self.fault("type mismatch: an initializer gives no value", start)
        self.initializer_operators += len(operators)
        self.limits.check(limits_table.INITIALIZER_OPERATORS, self.initializer_operators, start)
        return tuple(operators)

    def fault(self, reason: str, offset: int) -> ConstantExpression:
        self.module.faults.append(ValidationError(reason, offset))
        return _NO_CONSTANT

    def constant_operator(self, code: int) -> ConstantOperator | None:
        """Read the immediate of an operator that may stand in an initializer; None, and nothing read, for others."""
        reader = self.reader
        value = 0
        type_ = 0
        if code == _I32_CONST:
            value, type_ = int(reader.s32()) & 0xFFFF_FFFF, I32
        elif code == _GLOBAL_GET:
            value = reader.u32()
            if value < len(self.info.globals):
                type_ = self.info.globals[value].value
        elif code == _REF_FUNC:
            value = reader.u32()
            type_ = self.function_type(value)
        elif code == _REF_NULL:
            type_ = self.resolved(read_heap_type(reader))
            value = type_
        elif code == _I64_CONST:
            value, type_ = int(reader.s64()) & 0xFFFF_FFFF_FFFF_FFFF, I64
        elif code == _F32_CONST:
            value, type_ = int.from_bytes(reader.bytes(4), "little"), F32
        elif code == _F64_CONST:
            value, type_ = int.from_bytes(reader.bytes(8), "little"), F64
        elif code == _V128_CONST:
            value, type_ = int.from_bytes(reader.bytes(16), "little"), V128
        elif code in EXTENDED_CONST:
            type_ = EXTENDED_CONST[code]
        elif code in OBJECT_CONST:
            type_ = self.object_type(reader.u32())
            if code == _ARRAY_NEW_FIXED:
                value = int(reader.u32())
        elif code in REFERENCE_CONST:
            type_ = REFERENCE_CONST[code]
        else:
            return None
        return ConstantOperator(code, value, type_)
