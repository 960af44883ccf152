"""What a module uses of features that its configuration switches off.

A pass of its own over a decoded module, made only where something is switched off; it finds the use that
comes first. Operators say themselves whose they are; for types, segments and counts the rules stand here, in
the order of the sections. Every use has the error that releases before the feature had for it.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import DecodeError, ValidationError
from wasmer_runtime_core.features import FEATURES, unsupported
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.binary.decode import EXTENDED_CONST, DecodedModule
from wasmer_runtime_core.wasm.binary.scan import read_heap_type, read_operator, read_value_type, skip_immediates
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL, MEMORY, TABLE, TAG, ConstantExpression
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC, HAS_MEMORY_INDEX, OPERATORS
from wasmer_runtime_core.wasm.reader import TOO_LARGE, Reader
from wasmer_runtime_core.wasm.types import (
    ANYREF,
    EXNREF,
    EXTERNREF,
    FUNCREF,
    HEAP_TYPE_NUMBERS,
    I32,
    KIND,
    NON_NULL,
    NON_NULL_CODE,
    NULLABLE_CODE,
    V128,
    VALUE_TYPE_NAMES,
    FunctionType,
    heap_type_name,
    type_index,
    value_type_name,
)

BULK_MEMORY: Final = "bulk_memory"
EXCEPTIONS: Final = "exceptions"
EXTENDED: Final = "extended_const"
FUNCTION_REFERENCES: Final = "function_references"
GC: Final = "gc"
LONG_VALUE_TYPES: Final = frozenset((NULLABLE_CODE, NON_NULL_CODE, *HEAP_TYPE_NUMBERS))
"""First bytes of reference types."""
MEMORY_64: Final = "memory64"
MULTI_MEMORY: Final = "multi_memory"
MULTI_VALUE: Final = "multi_value"
REFERENCE_TYPES: Final = "reference_types"
THREADS: Final = "threads"

VALUE_TYPES: Final = {
    V128: "simd",
    FUNCREF: REFERENCE_TYPES,
    EXTERNREF: REFERENCE_TYPES,
    ANYREF: GC,
    EXNREF: EXCEPTIONS,
}
"""Value type -> the feature that brought it."""

ELEMENT_SEGMENTS: Final = {
    1: (BULK_MEMORY, "a passive segment"),
    2: (BULK_MEMORY, "an element segment with its kind written"),
    3: (REFERENCE_TYPES, "a declarative segment"),
    4: (REFERENCE_TYPES, "an element segment of expressions"),
    5: (BULK_MEMORY, "a passive segment"),
    6: (REFERENCE_TYPES, "an element segment of expressions"),
    7: (REFERENCE_TYPES, "a declarative segment"),
}
"""Flags of an element segment -> whose form it is; 0 is the form of 1.0."""
ELEMENTS_ARE_EXPRESSIONS: Final = 4
DATA_SEGMENTS: Final = {1: (BULK_MEMORY, "a passive segment"), 2: (BULK_MEMORY, "a segment with its memory written")}

OTHER_MEMORY: Final = "the index of a memory"
FLAGS_OF_ONE_MEMORY: Final = 32
"""Below it was the first number of a memory argument before accesses could name their memory."""

_GLOBAL_GET: Final = BY_MNEMONIC["global.get"].code
_REF_NULL: Final = BY_MNEMONIC["ref.null"].code
_SELECT_TYPED: Final = BY_MNEMONIC["select t"].code


def _feature_of_reference(type_: int) -> str:
    """Whose a reference type is that is more than its kind."""
    if type_ & NON_NULL or type_index(type_) >= 0:
        return FUNCTION_REFERENCES
    return GC if type_ > KIND else ""


def check_switched_off(decoded: DecodedModule, switched_off: frozenset[str]) -> None:
    """See that a module does without some features.

    Args:
        decoded: the module; it need not be valid.
        switched_off: names of features.

    Raises:
        UnsupportedFeatureError: it uses one of them.
        DecodeError: a function body is malformed.
    """
    _Check(decoded, switched_off).check()


def features_used(decoded: DecodedModule) -> dict[str, str]:
    """The features that a module uses, each with what it was told by: ``{"simd": "v128.load"}``.

    Args:
        decoded: a module that is valid.
    """
    uses = _Uses(decoded, frozenset(row.name for row in FEATURES))
    uses.check()
    return uses.found


class _Check:
    def __init__(self, decoded: DecodedModule, switched_off: frozenset[str]) -> None:
        self.decoded = decoded
        self.info = decoded.info
        self.switched_off = switched_off
        self.turns = 0

    def check(self) -> None:
        self.types()
        self.sizes()
        self.imports()
        self.tables_and_globals()
        self.memories()
        self.segments()
        index = self.info.imported_functions
        for start, end in self.decoded.code:
            self.body(Reader(self.decoded.data, start, end, index))
            index += 1

    def turn(self) -> None:
        self.turns += 1
        if self.turns & 0xFFF == 0:
            checkpoint()

    def refuse(self, feature: str, use: str, without: DecodeError | ValidationError, function: int = -1) -> None:
        raise unsupported(feature, use, without, None if function < 0 else function)

    # --- declarations ----------------------------------------------------------------------------
    def types(self) -> None:
        if GC in self.switched_off:
            self.definitions()
        for type_, at in zip(self.info.types, self.decoded.offsets["types"], strict=True):
            self.turn()
            for code in (*type_.params, *type_.results):
                self.value_type(code, at)
            if len(type_.results) > 1 and MULTI_VALUE in self.switched_off:
                self.refuse(
                    MULTI_VALUE, "a function type with several results", ValidationError("invalid result arity", at)
                )

    def definitions(self) -> None:
        """Types that are more than functions, or have to do with one another."""
        rows = zip(self.info.definitions, self.decoded.offsets["types"], strict=True) if self.info.definitions else ()
        for index, (definition, at) in enumerate(rows):
            self.turn()
            what = ""
            if definition.group_size > 1:
                what = "a recursive group of types"
            elif not definition.final or definition.supertype >= 0:
                what = "a subtype"
            elif not isinstance(definition.composite, FunctionType):
                what = "a struct or array type"
            elif any(
                type_index(type_) >= index for type_ in (*definition.composite.params, *definition.composite.results)
            ):
                what = "a type that names itself"
            if what:
                self.refuse(GC, what, DecodeError("malformed function type", at))

    def sizes(self) -> None:
        """Limits in more bytes than a number of 32 bits may have, or greater than one."""
        if MEMORY_64 in self.switched_off:
            for at in self.decoded.long_sizes:
                try:
                    Reader(self.decoded.data, at, len(self.decoded.data)).u32()
                except DecodeError as error:
                    self.refuse(MEMORY_64, "a size of more than 32 bits", error)

    def imports(self) -> None:
        tables = memories = 0
        for row, at in zip(self.info.imports, self.decoded.offsets["imports"], strict=True):
            self.turn()
            if row.kind == TABLE:
                self.table(tables, at)
                tables += 1
            elif row.kind == MEMORY:
                self.memory(memories, at)
                memories += 1
            elif row.kind == GLOBAL:
                self.value_type(row.type.value, at)  # type: ignore[union-attr]
            elif row.kind == TAG:
                self.tag(at, f"malformed import kind {TAG}")
            elif row.kind == FUNCTION:
                pass  # its type is one of the types

    def tables_and_globals(self) -> None:
        info = self.info
        initializers = dict(info.table_initializers)
        for number, at in enumerate(self.decoded.offsets["tables"], info.imported_tables):
            self.turn()
            self.table(number, at)
            if number in initializers:
                if FUNCTION_REFERENCES in self.switched_off:
                    error = DecodeError("malformed reference type 0x40", at)
                    self.refuse(FUNCTION_REFERENCES, "a table with an initializer", error)
                self.constant(initializers[number], at)
        for at in self.decoded.offsets["tags"]:
            self.tag(at, "malformed section id 13")
        for definition, at in zip(info.global_definitions, self.decoded.offsets["globals"], strict=True):
            self.turn()
            self.value_type(definition.type.value, at)
            self.constant(definition.initializer, at)

    def memories(self) -> None:
        for number, at in enumerate(self.decoded.offsets["memories"], self.info.imported_memories):
            self.turn()
            self.memory(number, at)

    def segments(self) -> None:
        info = self.info
        for segment, at in zip(info.elements, self.decoded.offsets["elements"], strict=True):
            self.turn()
            flags = self.flags(at)
            if flags in ELEMENT_SEGMENTS:
                feature, use = ELEMENT_SEGMENTS[flags]
                if feature in self.switched_off:
                    self.refuse(feature, use, DecodeError(f"malformed elements segment kind {flags}", at))
            if segment.offset is not None:
                self.constant(segment.offset, at)
            if segment.type & ~NON_NULL != FUNCREF or flags & ELEMENTS_ARE_EXPRESSIONS:
                self.value_type(segment.type, at)
        for at in self.decoded.offsets["data count"]:
            if BULK_MEMORY in self.switched_off:
                self.refuse(BULK_MEMORY, "a data count section", DecodeError("malformed section id 12", at))
        for data, at in zip(info.data, self.decoded.offsets["data"], strict=True):
            self.turn()
            flags = self.flags(at)
            if flags in DATA_SEGMENTS and BULK_MEMORY in self.switched_off:
                feature, use = DATA_SEGMENTS[flags]
                self.refuse(feature, use, DecodeError(f"malformed data segment kind {flags}", at))
            if data.offset is not None:
                self.constant(data.offset, at)

    def tag(self, at: int, without: str) -> None:
        """A tag; the legacy encoding of exceptions needs them as well."""
        if EXCEPTIONS in self.switched_off:
            self.refuse(EXCEPTIONS, "a tag", DecodeError(without, at))

    def flags(self, at: int) -> int:
        return int(Reader(self.decoded.data, at, len(self.decoded.data)).u32())

    def table(self, number: int, at: int) -> None:
        if self.info.tables[number].index_type != I32 and MEMORY_64 in self.switched_off:
            self.refuse(MEMORY_64, "a 64-bit table", DecodeError(TOO_LARGE, at))
        if self.info.tables[number].element != FUNCREF:
            self.value_type(self.info.tables[number].element, at)
        if number > 0 and REFERENCE_TYPES in self.switched_off:
            self.refuse(REFERENCE_TYPES, "more than one table", ValidationError("multiple tables", at))

    def memory(self, number: int, at: int) -> None:
        if self.info.memories[number].index_type != I32 and MEMORY_64 in self.switched_off:
            self.refuse(MEMORY_64, "a 64-bit memory", DecodeError(TOO_LARGE, at))
        if self.info.memories[number].shared and THREADS in self.switched_off:
            self.refuse(THREADS, "a shared memory", DecodeError("malformed limits flags", at))
        if number > 0 and MULTI_MEMORY in self.switched_off:
            self.refuse(MULTI_MEMORY, "more than one memory", ValidationError("multiple memories", at))

    def constant(self, expression: ConstantExpression, at: int) -> None:
        for constant in expression:
            self.turn()
            self.operator(constant.operator, at)
            if constant.operator == _GLOBAL_GET and GC in self.switched_off:
                if self.info.imported_globals <= constant.value < len(self.info.globals):
                    error = ValidationError(f"unknown global {constant.value}", at)
                    self.refuse(GC, "an initializer with the module's own global", error)
            if constant.operator == _REF_NULL:
                self.heap_type(constant.value, at, -1)
            if constant.operator in EXTENDED_CONST and EXTENDED in self.switched_off:
                error = ValidationError("constant expression required", at)
                self.refuse(EXTENDED, OPERATORS[constant.operator].mnemonic, error)

    def value_type(self, code: int, at: int, function: int = -1) -> None:
        feature = VALUE_TYPES.get(code) or _feature_of_reference(code)
        if feature in self.switched_off:
            error = DecodeError(f"malformed value type {code:#04x}", at)
            self.refuse(feature, value_type_name(code), error, function)

    def heap_type(self, type_: int, at: int, function: int) -> None:
        """Behind ``ref.null``, where each is nullable."""
        feature = FUNCTION_REFERENCES if type_index(type_) >= 0 else _feature_of_reference(type_)
        if type_ > KIND and feature in self.switched_off:
            error = DecodeError(f"malformed reference type {heap_type_name(type_)}", at)
            self.refuse(feature, f"a reference to {heap_type_name(type_)}", error, function)
        self.value_type(type_ & KIND, at, function) if type_ & KIND else None

    def operator(self, code: int, at: int, function: int = -1) -> None:
        row = OPERATORS[code]
        if row.feature in self.switched_off:
            mnemonic = "select with its type written" if code == _SELECT_TYPED else row.word
            self.refuse(row.feature, mnemonic, DecodeError(f"illegal opcode {code:#04x}", at), function)

    # --- bodies ------------------------------------------------------------------------------------
    def body(self, reader: Reader) -> None:
        function = int(reader.function)
        for _ in range(int(reader.u32())):
            self.turn()
            reader.u32()
            at = int(reader.position)
            self.value_type(read_value_type(reader), at, function)
        while not reader.at_end():
            self.turn()
            at = int(reader.position)
            code = read_operator(reader)
            self.operator(code, at, function)
            behind = int(reader.position)
            skip_immediates(reader, code)
            immediate = OPERATORS[code].immediate
            if immediate.startswith("block"):
                self.block_type(Reader(reader.data, behind, reader.end), function)
            elif "mem" in immediate:
                self.memory_immediates(Reader(reader.data, behind, reader.end), immediate.split(), function)
            elif immediate == "heap type":
                self.heap_type(read_heap_type(Reader(reader.data, behind, reader.end)), behind, function)
            elif immediate == "types":
                types = Reader(reader.data, behind, reader.end)
                for _ in range(int(types.u32())):
                    self.value_type(read_value_type(types), behind, function)

    def memory_immediates(self, reader: Reader, words: list[str], function: int) -> None:
        """What names a memory: a byte that is zero, or a flag of an access, in releases with one memory. Offsets."""
        for word in words:
            at = int(reader.position)
            if word == "memory":
                if reader.u32() != 0 or int(reader.position) - at > 1:
                    self.other_memory(OTHER_MEMORY, DecodeError("zero byte expected", at), function)
            elif word == "memarg":
                flags = int(reader.u32())
                if flags >= FLAGS_OF_ONE_MEMORY:
                    use = OTHER_MEMORY if flags & HAS_MEMORY_INDEX else "an alignment of 2**32 bytes or more"
                    self.other_memory(use, DecodeError("malformed memop flags", at), function)
                if flags & HAS_MEMORY_INDEX:
                    reader.u32()
                if MEMORY_64 in self.switched_off:
                    try:
                        reader.u32()
                    except DecodeError as error:
                        self.refuse(MEMORY_64, "an offset of more than 32 bits", error, function)
            elif word == "data":
                reader.u32()

    def other_memory(self, use: str, without: DecodeError, function: int) -> None:
        if MULTI_MEMORY in self.switched_off:
            self.refuse(MULTI_MEMORY, use, without, function)

    def block_type(self, reader: Reader, function: int) -> None:
        at = int(reader.position)
        first = int(reader.peek())
        if first in VALUE_TYPE_NAMES or first in LONG_VALUE_TYPES:
            self.value_type(read_value_type(reader), at, function)
        elif int(reader.s33()) >= 0 and MULTI_VALUE in self.switched_off:
            self.refuse(
                MULTI_VALUE,
                "a block with parameters or several results",
                DecodeError("malformed block type", at),
                function,
            )


class _Uses(_Check):
    """Takes all uses down."""

    def __init__(self, decoded: DecodedModule, switched_off: frozenset[str]) -> None:
        super().__init__(decoded, switched_off)
        self.found: dict[str, str] = {}

    def refuse(self, feature: str, use: str, without: DecodeError | ValidationError, function: int = -1) -> None:
        self.found.setdefault(feature, use)
