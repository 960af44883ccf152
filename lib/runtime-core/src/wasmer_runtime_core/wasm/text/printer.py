"""Modules as text: the inverse of `wasm.text.parse_module` (specification, chapter 6).

Instructions are written flat, a line each, indented by their blocks, with comments that
say the index of a definition and the block a branch leaves, as wasm2wat has them. Names
become identifiers. A name that cannot be one (a second definition has it) is kept in an
``(@name …)`` annotation, a custom section in ``(@custom …)``.

The text is at most some hundred times as long as the module, so two things end where they
would cost more: indentation behind `MAX_INDENT` blocks, and identifiers where they are used,
when long ones have been written so often that they exceed `LONG_NAMES_PER_BYTE`. Then
numbers stand there, which mean the same.

``parse_module(print_module(m)) == m`` holds for every module in canonical encoding: LEB128
as short as can be, runs of locals joined, segments in their shortest form, a data count
where an instruction needs it, names behind the sections, and declarations that name a type by the
first of those that are equal to it. Another encoding of the same
module comes back as the canonical one. Not kept is an initializer that is not constant.

The name section is read as a whole or not at all: if it holds anything that names nothing,
it is written as a custom section.

Long for one idea: each section is written by a method, in the words that `parser` reads.
"""

from __future__ import annotations

import re
import struct

from wasmer_runtime_core.errors import DecodeError, ValidationError
from wasmer_runtime_core.implementation_limits import DEFAULT_LIMITS, MODULE_LOCALS, ImplementationLimits
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final
from wasmer_runtime_core.support.checkpoint import checkpoint, watched
from wasmer_runtime_core.wasm.binary.all_names import Names, read_all_names
from wasmer_runtime_core.wasm.binary.decode import DecodedModule, decode_module
from wasmer_runtime_core.wasm.binary.scan import (
    CAST_FROM_NULL,
    CAST_TO_NULL,
    CATCHES,
    FIRST_CATCH_ALL,
    read_cast_flags,
    read_catch_kind,
    read_heap_type,
    read_operator,
    read_value_type,
    read_zero,
)
from wasmer_runtime_core.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    FUNCTION,
    GLOBAL,
    MEMORY,
    TABLE,
    TAG,
    ConstantExpression,
    ConstantOperator,
    ElementSegment,
)
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, HAS_MEMORY_INDEX, OPERATORS
from wasmer_runtime_core.wasm.reader import Reader
from wasmer_runtime_core.wasm.text.lexer import IDENTIFIER_CHARACTERS
from wasmer_runtime_core.wasm.text.numerals import float_bits
from wasmer_runtime_core.wasm.types import (
    HEAP_SHIFT,
    HEAP_TYPE_NUMBERS,
    I8,
    I16,
    I64,
    NON_NULL,
    NON_NULL_CODE,
    NULLABLE_CODE,
    VALUE_TYPE_NAMES,
    ArrayType,
    CompositeType,
    FieldType,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    TypeDefinition,
    ValueTypes,
    heap_type_name,
    type_index,
    value_type_name,
    value_types,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN_IDENTIFIER: Final = re.compile(rf"[{IDENTIFIER_CHARACTERS}]+")
KEYWORDS_OF_KINDS: Final = {FUNCTION: "func", TABLE: "table", MEMORY: "memory", GLOBAL: "global", TAG: "tag"}
SECTION_WORDS: Final = {
    1: "type",
    2: "import",
    3: "func",
    4: "table",
    5: "memory",
    6: "global",
    7: "export",
    8: "start",
    9: "elem",
    10: "code",
    11: "data",
    12: "datacount",
    13: "tag",
}
"""Section id -> the word of ``(after …)`` in a custom annotation."""
START_SECTION: Final = 8

END: Final = BY_MNEMONIC["end"].code
ELSE: Final = BY_MNEMONIC["else"].code
CATCH_ALL: Final = BY_MNEMONIC["catch_all"].code
DELEGATE: Final = BY_MNEMONIC["delegate"].code
EMPTY_BLOCK_TYPE: Final = -64
ELEMENTS_ARE_EXPRESSIONS: Final = 4  # in the flags of an element segment (5.5.12)

BYTE_TEXTS: Final = {
    value: chr(value) if 0x20 <= value < 0x7F and value not in b'"\\' else f"\\{value:02x}" for value in range(256)
}
"""Byte -> how it stands in a string literal."""
BYTES_AT_ONCE: Final = 1 << 14
"""So many bytes of a string are written between two checkpoints."""


def print_module(data: bytes, limits: ImplementationLimits = DEFAULT_LIMITS) -> str:
    """The text of a binary module.

    Raises:
        DecodeError: the module is malformed.
        ValidationError: an initializer is not constant, or an alignment is beyond 32 bits; such a module has
            no text here.
        ImplementationLimitError: it has more of something than `limits` says. Each parameter and each local of each
            function is a word of the text, so they are counted here as they are where modules are validated.
    """
    return _Printer(decode_module(data, limits)).module()


def bytes_literal(data: bytes) -> str:
    """Any bytes as a string literal."""
    pieces = ['"']
    for at in range(0, len(data), BYTES_AT_ONCE):
        checkpoint()
        pieces.append(data[at : at + BYTES_AT_ONCE].decode("latin-1").translate(BYTE_TEXTS))
    pieces.append('"')
    return "".join(pieces)


def text_literal(text: str) -> str:
    """A name as a string literal; what cannot be seen is escaped."""
    pieces = ['"']
    for character in text:
        if character in '"\\' or not character.isprintable():
            pieces.append("".join(f"\\{byte:02x}" for byte in character.encode("utf-8")))
        else:
            pieces.append(character)
    pieces.append('"')
    return "".join(pieces)


def float_text(bits: int, width: int) -> str:
    """The shortest decimal spelling of a float, or its NaN."""
    fraction_bits = 23 if width == 32 else 52
    sign = "-" if bits >> (width - 1) else ""
    fraction = bits & (1 << fraction_bits) - 1
    if bits >> fraction_bits & (0xFF if width == 32 else 0x7FF) == (0xFF if width == 32 else 0x7FF):
        if fraction == 0:
            return sign + "inf"
        return sign + ("nan" if fraction == 1 << (fraction_bits - 1) else f"nan:{fraction:#x}")
    if width == 64:
        value: float = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
        return repr(value)
    value = struct.unpack("<f", bits.to_bytes(4, "little"))[0]
    for digits in range(6, 9):
        spelling = f"{value:.{digits}g}"
        if float_bits(spelling, 32) == bits:
            return spelling
    return f"{value:.9g}"


def vector_text(data: bytes) -> str:
    """The lanes of a vector, as four integers."""
    return "i32x4 " + " ".join(f"{lane:#010x}" for lane in struct.unpack("<4I", data))


def limits_text(limits: Limits) -> str:
    return str(limits.minimum) if limits.maximum is None else f"{limits.minimum} {limits.maximum}"


def index_type_text(index_type: int) -> str:
    """With which the limits begin."""
    return "i64 " if index_type == I64 else ""


def table_type_text(type_: TableType) -> str:
    return f"{index_type_text(type_.index_type)}{limits_text(type_.limits)} {value_type_name(type_.element)}"


def memory_type_text(type_: MemoryType) -> str:
    return index_type_text(type_.index_type) + limits_text(type_.limits) + (" shared" if type_.shared else "")


def global_type_text(type_: GlobalType) -> str:
    name = value_type_name(type_.value)
    return f"(mut {name})" if type_.mutable else name


def types_text(keyword: str, types: ValueTypes, name: Callable[[int], str] = value_type_name) -> str:
    """`` (param i32 i32)``, or nothing."""
    return f" ({keyword} {' '.join(map(name, types))})" if types else ""


def composite_text(
    type_: CompositeType, name: Callable[[int], str] = value_type_name, fields: Labels | None = None
) -> str:
    """``(func (param i32))``, ``(struct (field (mut i8)))``; `name` writes value types, `fields` names of fields."""
    if isinstance(type_, FunctionType):
        return f"(func{types_text('param', type_.params, name)}{types_text('result', type_.results, name)})"
    if isinstance(type_, ArrayType):
        return f"(array {field_text(type_.element, name)})"
    written = [
        f" (field {'' if fields is None else fields.written(at)}{field_text(field, name)})"
        for at, field in enumerate(watched(type_.fields))
    ]
    return f"(struct{''.join(written)})"


def field_text(field: FieldType, name: Callable[[int], str] = value_type_name) -> str:
    """``(mut i8)``."""
    written = {I8: "i8", I16: "i16"}.get(field.storage) or name(field.storage)
    return f"(mut {written})" if field.mutable else written


LONG_NAME: Final = 32
LONG_NAMES_PER_BYTE: Final = 16
LONG_NAMES_OF_SMALL_MODULES: Final = 1 << 20


@final
class LongNames:
    """How many characters of long identifiers may still be written where they are used."""

    def __init__(self, module_bytes: int) -> None:
        self.left = LONG_NAMES_OF_SMALL_MODULES + LONG_NAMES_PER_BYTE * module_bytes

    def may_write(self, name: str) -> bool:
        """Whether one more may be; it counts as written."""
        if len(name) <= LONG_NAME:
            return True
        self.left -= len(name)
        return self.left >= 0


@final
class Labels:
    """What the definitions of one kind are called: at their definition, and where they are used.

    Attributes:
        identifiers: index -> identifier with its ``$``.
        annotations: index -> the name that could not be one.
    """

    def __init__(self, names: dict[int, bytes], long_names: LongNames) -> None:
        self.long_names = long_names
        self.identifiers: dict[int, str] = {}
        self.annotations: dict[int, str] = {}
        taken: set[str] = set()
        for index in watched(list(names)):
            name = names[index].decode("utf-8")
            if not name or name in taken:
                self.annotations[index] = f"(@name {text_literal(name)})"
                continue
            taken.add(name)
            self.identifiers[index] = identifier(name)

    def use(self, index: int) -> str:
        """The definition, where it is used."""
        found = self.identifiers.get(index)
        return found if found is not None and self.long_names.may_write(found) else str(index)

    def definition(self, index: int) -> str:
        """`` $name (;index;)``, where it is defined."""
        found = self.identifiers.get(index)
        if found is not None:
            return f" {found} (;{index};)"
        annotation = self.annotations.get(index)
        return f" (;{index};)" if annotation is None else f" {annotation} (;{index};)"

    def written(self, index: int) -> str:
        """``$name `` or an annotation, for a local; empty without."""
        found = self.identifiers.get(index) or self.annotations.get(index)
        return "" if found is None else found + " "


def identifier(name: str) -> str:
    """A name as an identifier, quoted if it must be."""
    return "$" + (name if PLAIN_IDENTIFIER.fullmatch(name) is not None else text_literal(name))


@final
class _Printer:
    """Writes a module, field after field, into `lines`."""

    def __init__(self, decoded: DecodedModule) -> None:
        for fault in decoded.faults:
            raise fault
        self.decoded = decoded
        self.info = decoded.info
        self.lines: list[str] = []
        self.locals_written = 0  # parameters among them
        names = None
        for section in reversed(self.info.custom_sections):
            if section.name == "name":
                names = read_all_names(section.data, decoded)
                break  # to count blocks takes going through code: once, however many there are
        self.names_are_custom = names is None
        self.names = Names() if names is None else names
        self.long_names = LongNames(len(decoded.data))
        self.types = Labels(self.names.types, self.long_names)
        self.functions = Labels(self.names.functions, self.long_names)
        self.tables = Labels(self.names.tables, self.long_names)
        self.memories = Labels(self.names.memories, self.long_names)
        self.globals = Labels(self.names.globals, self.long_names)
        self.tags = Labels(self.names.tags, self.long_names)
        self.elements = Labels(self.names.elements, self.long_names)
        self.data = Labels(self.names.data, self.long_names)
        self.fields = {index: Labels(names, self.long_names) for index, names in self.names.fields.items()}
        self.spaces: dict[int, Labels] = {
            FUNCTION: self.functions,
            TABLE: self.tables,
            MEMORY: self.memories,
            GLOBAL: self.globals,
            TAG: self.tags,
        }

    def module(self) -> str:
        """The whole module."""
        lines = self.lines
        info = self.info
        name = self.names.module
        opening = "(module"
        if name is not None:
            text = name.decode("utf-8")
            opening += f" {identifier(text)}" if text else ' (@name "")'
        lines.append(opening)
        self.write_types()
        self.imports()
        own_functions = info.functions[info.imported_functions :]
        for number, function_type in enumerate(watched(own_functions)):
            start, end = self.decoded.code[number]
            before = len(lines)
            self.function(info.imported_functions + number, function_type, start, end)
            lines[before:] = ["\n".join(lines[before:])]  # one string takes half the memory of its lines
        initializers = dict(info.table_initializers)
        for index in range(info.imported_tables, len(info.tables)):
            written = table_type_text(info.tables[index])
            if index in initializers:
                written += f" {self.constant(initializers[index])}"
            lines.append(f"  (table{self.tables.definition(index)} {written})")
        for index in range(info.imported_memories, len(info.memories)):
            lines.append(f"  (memory{self.memories.definition(index)} {memory_type_text(info.memories[index])})")
        for index in range(info.imported_tags, len(info.tags)):
            lines.append(f"  (tag{self.tags.definition(index)} {self.type_use(info.tags[index])})")
        for number, definition in enumerate(watched(info.global_definitions)):
            index = info.imported_globals + number
            written = global_type_text(definition.type)
            value = self.constant(definition.initializer)
            lines.append(f"  (global{self.globals.definition(index)} {written} {value})")
        for export in watched(info.exports):
            target = f"({KEYWORDS_OF_KINDS[export.kind]} {self.spaces[export.kind].use(export.index)})"
            lines.append(f"  (export {text_literal(export.name)} {target})")
        if info.start is not None:
            lines.append(f"  (start {self.functions.use(info.start)})")
        for index, element in enumerate(watched(info.elements)):
            lines.append(f"  (elem{self.elements.definition(index)} {self.element(index, element)})")
        for index, segment in enumerate(watched(info.data)):
            place = ""
            if segment.mode == ACTIVE and segment.offset is not None:
                memory = f"(memory {self.memories.use(segment.memory)}) " if segment.memory else ""
                place = f"{memory}{self.constant(segment.offset, 'offset')} "
            lines.append(f"  (data{self.data.definition(index)} {place}{bytes_literal(segment.data)})")
        self.custom_sections()
        lines[-1] += ")"
        lines.append("")
        return "\n".join(lines)

    def write_types(self) -> None:
        """The type definitions, those of a recursive group in one field if it has several."""
        lines = self.lines
        info = self.info
        if not info.definitions:
            for index, type_ in enumerate(watched(info.types)):
                lines.append(f"  (type{self.types.definition(index)} {composite_text(type_)})")
            return
        for index, definition in enumerate(watched(info.definitions)):
            written = self.composite(index, definition)
            if definition.supertype >= 0 or not definition.final:
                final = " final" if definition.final else ""
                above = f" {self.types.use(self.supertype(index))}" if definition.supertype >= 0 else ""
                written = f"(sub{final}{above} {written})"
            several = definition.group_size > 1
            if several and index == definition.group:
                lines.append("  (rec")
            lines.append(f"  {'  ' if several else ''}(type{self.types.definition(index)} {written})")
            if several and index == definition.group + definition.group_size - 1:
                lines[-1] += ")"

    def composite(self, index: int, definition: TypeDefinition) -> str:
        """What a type is. One that is equal to a type before is written with the types of its own group."""
        moved = definition.group - self.info.definitions[definition.first].group
        own = range(definition.group - moved, definition.group - moved + definition.group_size)

        def name(type_: int) -> str:
            at = type_index(type_)
            return value_type_name(type_ + (moved << HEAP_SHIFT) if moved and at in own else type_)

        return composite_text(definition.composite, name, self.fields.get(index))

    def supertype(self, index: int) -> int:
        """The type that a type is declared to be below, in its own group if it is there."""
        definition = self.info.definitions[index]
        first = self.info.definitions[definition.first]
        moved = definition.group - first.group
        return definition.supertype + moved if definition.supertype >= first.group else definition.supertype

    def imports(self) -> None:
        counts = {FUNCTION: 0, TABLE: 0, MEMORY: 0, GLOBAL: 0, TAG: 0}
        for import_ in watched(self.info.imports):
            kind = import_.kind
            index = counts[kind]
            counts[kind] += 1
            type_ = import_.type
            if isinstance(type_, TableType):
                written = table_type_text(type_)
            elif isinstance(type_, MemoryType):
                written = memory_type_text(type_)
            elif isinstance(type_, GlobalType):
                written = global_type_text(type_)
            else:
                written = self.type_use(type_)
                if kind == FUNCTION and index in self.names.locals:
                    written += self.parameters(type_, Labels(self.names.locals[index], self.long_names))
            described = f"({KEYWORDS_OF_KINDS[kind]}{self.spaces[kind].definition(index)} {written})"
            self.lines.append(f"  (import {text_literal(import_.namespace)} {text_literal(import_.name)} {described})")

    def type_use(self, index: int) -> str:
        return f"(type {self.types.use(index)})"

    def parameters(self, type_index: int, locals_: Labels) -> str:
        """`` (param $x i32) … (result …)`` of a function."""
        if type_index >= len(self.info.types):
            return ""
        type_ = self.info.types[type_index]
        self.count_locals(len(type_.params) + len(type_.results), None)
        pieces: list[str] = []
        unnamed: list[int] = []
        for index, value_type in enumerate(type_.params):
            name = locals_.written(index)
            if not name:
                unnamed.append(value_type)
                continue
            pieces.append(types_text("param", tuple(unnamed)))
            unnamed = []
            pieces.append(f" (param {name}{value_type_name(value_type)})")
        pieces.append(types_text("param", tuple(unnamed)))
        pieces.append(types_text("result", type_.results))
        return "".join(pieces)

    def count_locals(self, count: int, offset: int | None) -> None:
        """So many more are going to be written."""
        self.locals_written += count
        self.decoded.limits.check(MODULE_LOCALS, self.locals_written, offset, len(self.decoded.data))

    def constant(self, expression: ConstantExpression, place: str = "") -> str:
        """An initializer: one operator as a folded instruction, several as a sequence, in a list that begins so."""
        written = " ".join([self.constant_operator(operator) for operator in expression])
        return f"({place} {written})" if place and len(expression) > 1 else written

    def constant_operator(self, constant: ConstantOperator) -> str:
        operator = OPERATORS[constant.operator]
        value = constant.value
        immediate = operator.immediate
        if immediate == "i32" or immediate == "i64":
            bits = int(immediate[1:])
            value &= (1 << bits) - 1
            written = str(value - (1 << bits) if value >> (bits - 1) else value)
        elif immediate == "f32" or immediate == "f64":
            bits = int(immediate[1:])
            written = float_text(value & (1 << bits) - 1, bits)
        elif immediate == "v128":
            written = vector_text((value & (1 << 128) - 1).to_bytes(16, "little"))
        elif immediate == "heap type":
            written = heap_type_name(value)
        elif immediate == "function":
            written = self.functions.use(value)
        elif immediate == "global":
            written = self.globals.use(value)
        elif immediate == "type" or immediate == "type count":
            written = self.types.use(type_index(constant.type))
            if immediate == "type count":
                written += f" {value}"
        else:
            return f"({operator.mnemonic})"
        return f"({operator.mnemonic} {written})"

    def element(self, index: int, segment: ElementSegment) -> str:
        """An element segment behind its name."""
        start = self.decoded.offsets["elements"][index]
        flags = int(Reader(self.decoded.data, start, len(self.decoded.data)).u32())
        pieces: list[str] = []
        if segment.mode == DECLARATIVE:
            pieces.append("declare")
        elif segment.mode == ACTIVE and segment.offset is not None:
            if segment.table:
                pieces.append(f"(table {self.tables.use(segment.table)})")
            pieces.append(self.constant(segment.offset, "offset"))
        if not flags & ELEMENTS_ARE_EXPRESSIONS:
            pieces.append("func")
            pieces += [self.functions.use(item.value) for (item,) in watched(segment.items)]
        else:
            pieces.append(value_type_name(segment.type))
            pieces += [self.constant(item, "item") for item in watched(segment.items)]
        return " ".join(pieces)

    def custom_sections(self) -> None:
        """The custom sections, each with the section it stands behind."""
        data = self.decoded.data
        position = 8
        place = "before first"
        sections = iter(watched(self.info.custom_sections))
        while position < len(data):
            reader = Reader(data, position, len(data))
            number = int(reader.byte())
            size = int(reader.u32())
            position = int(reader.position) + size
            if number != 0:
                if reader.u32() != 0 or number == START_SECTION:  # an empty section has no text to stand behind
                    place = f"after {SECTION_WORDS[number]}"
                continue
            section = next(sections)
            if section.name == "name" and not self.names_are_custom:
                place = "after last"
                continue
            self.lines.append(f"  (@custom {text_literal(section.name)} ({place}) {bytes_literal(section.data)})")

    # --- code --------------------------------------------------------------------------
    def function(self, index: int, type_index: int, start: int, end: int) -> None:
        """A function with its body, the bytes from `start` to `end`."""
        reader = Reader(self.decoded.data, start, end)
        locals_ = Labels(self.names.locals.get(index, {}), self.long_names)
        head = f"  (func{self.functions.definition(index)} {self.type_use(type_index)}"
        self.lines.append(head + self.parameters(type_index, locals_))
        params = len(self.info.types[type_index].params) if type_index < len(self.info.types) else 0
        written = self.local_declarations(reader, params, locals_)
        if written:
            self.lines.append("   " + written)
        _BodyPrinter(self, reader, locals_, self.names.labels.get(index, {})).run()
        self.lines[-1] += ")"

    def local_declarations(self, reader: Reader, first: int, locals_: Labels) -> str:
        """`` (local i32 i32) (local $x f32)``; unnamed locals come in groups."""
        pieces: list[str] = []
        runs = int(reader.u32())
        index = first
        for _ in watched(range(runs)):
            start = int(reader.position)
            count = int(reader.u32())
            self.count_locals(count, start)
            name = value_type_name(read_value_type(reader))
            last = index + count
            while index < last:
                checkpoint()
                written = locals_.written(index)
                if written:
                    pieces.append(f" (local {written}{name})")
                    index += 1
                    continue
                unnamed = 0
                while index < last and not locals_.written(index):
                    unnamed += 1
                    index += 1
                    if unnamed == MAX_PRINTED_LOCALS:
                        break
                pieces.append(f" (local{f' {name}' * unnamed})")
        return "".join(pieces)


LONG_VALUE_TYPES: Final = frozenset((NULLABLE_CODE, NON_NULL_CODE, *HEAP_TYPE_NUMBERS)).difference(VALUE_TYPE_NAMES)
"""First bytes of value types that are more than their kind."""
OBJECT_IMMEDIATES: Final = frozenset(("cast", "type field", "type count", "type data", "type element", "type type"))
MAX_PRINTED_LOCALS: Final = 64
"""In one ``(local …)``."""


@final
class _BodyPrinter:
    """Writes the instructions of one function."""

    def __init__(self, printer: _Printer, reader: Reader, locals_: Labels, labels: dict[int, bytes]) -> None:
        self.printer = printer
        self.reader = reader
        self.locals = locals_
        self.label_names = labels
        self.blocks = 0
        self.open_labels: list[str] = []  # of each open block its identifier, or ""
        self.levels: dict[str, list[int]] = {}  # identifier -> which of the open blocks have it

    def run(self) -> None:
        """Up to the body's last ``end``, which is not written."""
        reader = self.reader
        lines = self.printer.lines
        indents = ["    "]
        checkpoint()
        while True:
            if len(lines) % STRETCH == 0:
                checkpoint()
            code = read_operator(reader)
            operator = OPERATORS[code]
            mnemonic = operator.mnemonic
            immediate = operator.immediate
            depth = len(self.open_labels)
            if immediate == "":
                if code == END:
                    if depth == 0:
                        break
                    self.levels[self.open_labels.pop()].pop()
                    lines.append(indents[depth - 1] + "end")
                elif code == ELSE or code == CATCH_ALL:
                    lines.append(indents[max(depth - 1, 0)] + mnemonic)
                else:
                    lines.append(indents[depth] + mnemonic)
            elif immediate == "block":
                lines.append(indents[depth] + mnemonic + self.block())
                if len(indents) < depth + 2:
                    indents.append(indents[depth] + "  " if depth < MAX_INDENT else indents[depth])
            elif immediate == "block catches":
                lines.append(indents[depth] + mnemonic + self.try_table())
                if len(indents) < depth + 2:
                    indents.append(indents[depth] + "  " if depth < MAX_INDENT else indents[depth])
            elif mnemonic == "catch":
                lines.append(f"{indents[max(depth - 1, 0)]}catch{self.immediates(immediate, 0)}")
            elif code == DELEGATE and depth:
                self.levels[self.open_labels.pop()].pop()
                lines.append(f"{indents[depth - 1]}delegate {self.label()}")
            elif immediate == "types":
                lines.append(indents[depth] + "select" + self.select_types())
            elif immediate == "reference type":
                mnemonic, _, null = mnemonic.partition(" ")
                type_ = read_heap_type(reader) | (0 if null else NON_NULL)
                lines.append(f"{indents[depth]}{mnemonic} {value_type_name(type_)}")
            else:
                lines.append(f"{indents[depth]}{mnemonic}{self.immediates(immediate, operator.access_bytes)}")
        if not reader.at_end():
            raise DecodeError("END opcode expected", int(reader.position))

    def try_table(self) -> str:
        """The label, the type and the catches of a ``try_table``, whose labels are those of blocks around it."""
        written = self.block()
        own = self.open_labels.pop()
        self.levels[own].pop()
        reader = self.reader
        pieces = [written]
        for _ in watched(range(int(reader.u32()))):
            kind = int(read_catch_kind(reader))
            tag = f" {self.printer.tags.use(int(reader.u32()))}" if kind < FIRST_CATCH_ALL else ""
            pieces.append(f" ({CATCHES[kind]}{tag} {self.label()})")
        self.levels[own].append(len(self.open_labels))
        self.open_labels.append(own)
        return "".join(pieces)

    def block(self) -> str:
        """The label and type of a block that opens."""
        name = self.label_names.get(self.blocks)
        self.blocks += 1
        written = ""
        label = ""
        if name is not None:
            text = name.decode("utf-8")
            if text:
                label = identifier(text)
                written = " " + label
            else:
                written = ' (@name "")'
        self.levels.setdefault(label, []).append(len(self.open_labels))
        self.open_labels.append(label)
        start = int(self.reader.position)
        if self.reader.peek() in LONG_VALUE_TYPES:
            return f"{written} (result {value_type_name(read_value_type(self.reader))})"
        type_ = int(self.reader.s33())
        if type_ >= 0:
            return f"{written} {self.printer.type_use(type_)}"
        if type_ == EMPTY_BLOCK_TYPE and self.reader.position == start + 1:
            return written
        result = VALUE_TYPE_NAMES.get(type_ & 0x7F)
        if result is None or self.reader.position != start + 1:
            raise self.reader.refused(DecodeError("malformed block type", start), "value type")
        return f"{written} (result {result})"

    def select_types(self) -> str:
        count = int(self.reader.u32())
        types = value_types([read_value_type(self.reader) for _ in watched(range(count))])
        return types_text("result", types) or " (result)"

    def label(self) -> str:
        """A branch's target: its identifier, if that means the same here, or its depth."""
        depth = int(self.reader.u32())
        level = len(self.open_labels) - 1 - depth
        if level >= 0:
            label = self.open_labels[level]
            if label and self.levels[label][-1] == level and self.printer.long_names.may_write(label):
                return label
        return str(depth)

    def immediates(self, immediate: str, access_bytes: int) -> str:
        """Immediates, each with a space before it."""
        reader = self.reader
        printer = self.printer
        if immediate == "local":
            return " " + self.locals.use(int(reader.u32()))
        if immediate == "i32":
            return f" {int(reader.s32())}"
        if immediate == "memarg":
            return self.memory_argument(access_bytes)
        if immediate == "label":
            return " " + self.label()
        if immediate == "function":
            return " " + printer.functions.use(int(reader.u32()))
        if immediate == "global":
            return " " + printer.globals.use(int(reader.u32()))
        if immediate == "i64":
            return f" {int(reader.s64())}"
        if immediate == "f32":
            return " " + float_text(int(reader.fixed32()) & 0xFFFF_FFFF, 32)
        if immediate == "f64":
            return " " + float_text(int(reader.fixed64()) & 0xFFFF_FFFF_FFFF_FFFF, 64)
        if immediate == "type table":
            type_ = printer.type_use(int(reader.u32()))
            table = int(reader.u32())
            return f" {printer.tables.use(table)} {type_}" if table else f" {type_}"
        if immediate == "labels":
            count = int(reader.u32()) + 1
            return " " + " ".join([self.label() for _ in watched(range(count))])
        return self.rare_immediates(immediate, access_bytes)

    def rare_immediates(self, immediate: str, access_bytes: int) -> str:
        """The immediates of tables, references, bulk memory and vectors."""
        reader = self.reader
        printer = self.printer
        if immediate == "v128":
            return " " + vector_text(reader.bytes(16))
        if immediate == "lane":
            return f" {int(reader.byte())}"
        if immediate == "memarg lane":
            return f"{self.memory_argument(access_bytes)} {int(reader.byte())}"
        if immediate == "lanes":
            return "".join(f" {lane}" for lane in reader.bytes(16))
        if immediate == "tag":
            return " " + printer.tags.use(int(reader.u32()))
        if immediate == "table":
            return " " + printer.tables.use(int(reader.u32()))
        if immediate == "memory":
            memory = int(reader.u32())
            return " " + printer.memories.use(memory) if memory else ""
        if immediate == "heap type":
            return " " + heap_type_name(read_heap_type(reader))
        if immediate == "type":
            return " " + printer.types.use(int(reader.u32()))
        if immediate in OBJECT_IMMEDIATES:
            return self.object_immediates(immediate)
        if immediate == "data":
            return " " + printer.data.use(int(reader.u32()))
        if immediate == "element":
            return " " + printer.elements.use(int(reader.u32()))
        if immediate == "data memory":
            segment = printer.data.use(int(reader.u32()))
            memory = int(reader.u32())
            return f" {printer.memories.use(memory)} {segment}" if memory else f" {segment}"
        if immediate == "element table":
            segment = printer.elements.use(int(reader.u32()))
            return f" {printer.tables.use(int(reader.u32()))} {segment}"
        if immediate == "zero":
            read_zero(reader)
            return ""
        first, second = int(reader.u32()), int(reader.u32())
        if immediate == "table table":
            return f" {printer.tables.use(first)} {printer.tables.use(second)}"
        assert immediate == "memory memory"
        return f" {printer.memories.use(first)} {printer.memories.use(second)}" if first or second else ""

    def object_immediates(self, immediate: str) -> str:
        """The immediates of structs, arrays and casts."""
        reader = self.reader
        printer = self.printer
        if immediate == "cast":
            flags = int(read_cast_flags(reader))
            label = self.label()
            source = read_heap_type(reader) | (0 if flags & CAST_FROM_NULL else NON_NULL)
            target = read_heap_type(reader) | (0 if flags & CAST_TO_NULL else NON_NULL)
            return f" {label} {value_type_name(source)} {value_type_name(target)}"
        type_ = int(reader.u32())
        written = f" {printer.types.use(type_)}"
        second = int(reader.u32())
        if immediate == "type field":
            fields = printer.fields.get(type_)
            return f"{written} {second if fields is None else fields.use(second)}"
        if immediate == "type count":
            return f"{written} {second}"
        if immediate == "type data":
            return f"{written} {printer.data.use(second)}"
        if immediate == "type element":
            return f"{written} {printer.elements.use(second)}"
        return f"{written} {printer.types.use(second)}"

    def memory_argument(self, access_bytes: int) -> str:
        """`` memory offset=… align=…``, each where it says something."""
        start = int(self.reader.position)
        exponent = int(self.reader.u32())
        written = ""
        if exponent & HAS_MEMORY_INDEX:
            exponent -= HAS_MEMORY_INDEX
            written = " " + self.printer.memories.use(int(self.reader.u32()))
        if exponent > MAX_ALIGNMENT_EXPONENT:
            raise ValidationError("alignment must not be larger than natural", start)
        offset = self.reader.u64()
        if offset:
            written += f" offset={offset}"
        return written if 1 << exponent == access_bytes else f"{written} align={1 << exponent}"


MAX_ALIGNMENT_EXPONENT: Final = 31
MAX_INDENT: Final = 32
"""Blocks that are indented more than those around them; deeper ones are not."""
STRETCH: Final = 1 << 10
"""So many lines are written between two checkpoints."""
