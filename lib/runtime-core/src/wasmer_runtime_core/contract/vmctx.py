"""The fields that machine code and the C part share, each written once.

`VMCTX` is the fixed head of an instance's vmctx; behind it lie, in this order, the
arrays whose lengths depend on the module (`VmctxLayout`; `VmctxOffsets` for backends). Generated code reaches
everything through the pointer to it, the first argument of every wasm function. `STORE`
is the part that all instances which can reach one another share.

The C file includes a header that the build writes from these rows; backends read the
offsets here. Field sizes are in bytes.
"""

from __future__ import annotations

TYPE_CHECKING = False  # checkers take it for True; the build loads this by path, where nothing of core is at hand
if TYPE_CHECKING:
    from typing import Final

    from wasmer_runtime_core.wasm.module import ModuleInfo


class Field:
    """One field: where it lies and what it holds."""

    __slots__ = ("meaning", "name", "offset", "size")

    def __init__(self, name: str, offset: int, size: int, meaning: str) -> None:
        self.name = name
        self.offset = offset
        self.size = size
        self.meaning = meaning


def _fields(*rows: tuple[str, int, str]) -> dict[str, Field]:
    """Lay the rows one behind another, each aligned to its size."""
    fields: dict[str, Field] = {}
    offset = 0
    for name, size, meaning in rows:
        offset = (offset + size - 1) & -size
        fields[name] = Field(name, offset, size, meaning)
        offset += size
    return fields


VMCTX: Final = _fields(
    ("store", 8, "address of the store; another one once instances are linked"),
    ("memory_base", 8, "address of byte 0 of memory 0; never moves while memories are reserved"),
    ("instance", 8, "PyObject * of the instance, borrowed"),
    ("points_used", 8, "metering: what has been executed, in points (middleware.metering)"),
    ("points_at", 8, "address of the points_used that shared points are counted in: its own, or another instance's"),
)
VMCTX_BYTES: Final = 64
"""With room for fields to come, which is zero."""

STORE: Final = _fields(
    ("stack_limit", 8, "lowest stack pointer a function that calls may have"),
    ("activation", 8, "address of the innermost activation record, private to the C part"),
    ("owner", 8, "identity of the thread that runs, 0 if none"),
    ("depth", 8, "nested entries of the owner"),
    ("pending_exception", 8, "address of the exception that is on its way from a throw to a catch, 0: none"),
)

MEMORY_DEFINITION: Final = _fields(
    ("base", 8, "address of byte 0"),
    ("length", 8, "bytes that may be accessed"),
)
TABLE_DEFINITION: Final = _fields(
    ("base", 8, "address of element 0; elements are 8 bytes (funcref: address of a record, or 0)"),
    ("length", 8, "elements"),
)
FUNCTION_RECORD: Final = _fields(
    ("code", 8, "address of the function's code"),
    ("vmctx", 8, "the callee's first argument"),
    ("type", 8, "address of the type record, which is the type's identity in this process"),
    ("owner", 8, "PyObject * of what keeps code and vmctx alive, borrowed"),
)
TYPE_RECORD: Final = _fields(
    ("supertypes", 8, "address of the addresses of its supertypes' records, from the root down; the last is its own"),
    ("depth", 4, "of itself in that list; 0: a type without a supertype"),
    ("form", 4, "what it describes: TYPE_FORMS"),
)
"""One per type in the process, whatever modules declare it. A call compares addresses; only where a subtype
could fit it would compare `supertypes[depth]` as well. Of 2.0 every type is of depth 0."""
TYPE_FORMS: Final = ("FUNCTION", "STRUCT", "ARRAY")
"""By number. Of those of 2.0 all are functions."""
REFERENCE_TAGS: Final = {"I31": 1, "OBJECT": 2, "MASK": 3}
"""Low bits of a reference word that is not null: an i31 (bit 0 set), a Python object; none: an object of the collected
heap. Function references are addresses of function records, which nothing else is compared with."""
EXCEPTION: Final = _fields(
    ("references", 8, "an exception is a Python object: how many refer to it"),
    ("class", 8, "its type"),
    ("count", 8, "how many values it carries"),
    ("tag", 8, "address of its tag, 0: none that code could know"),
)
EXCEPTION_VALUES: Final = 96
"""Of an exception: where its values lie, in slots of `convention.RESULT_SLOT_BYTES`."""
IMPORT_RECORD: Final = _fields(
    ("code", 8, "address of the function's code"),
    ("vmctx", 8, "the callee's first argument"),
)
FUNCTION_RECORD_BYTES: Final = 32
IMPORT_RECORD_BYTES: Final = 16
GLOBAL_BYTES: Final = 16

UNCHECKED_FRAME_BYTES: Final = 4096
"""A frame up to this size need not be compared with the stack limit: what is kept below it has room for one of a
function that calls, which compares the stack pointer alone, and under it one of a function that calls nothing."""
MOST_FRAME_BYTES: Final = 16 << 20
"""A function that needs a larger frame is refused by the compiler. No stack lies lower in the address space than
this, so a stack pointer less a frame is never negative."""


PLAN: Final = _fields(
    ("memories_at", 4, "offset in a vmctx of the addresses of memories"),
    ("tables_at", 4, "of the addresses of tables"),
    ("imported_globals_at", 4, "of the addresses of imported globals"),
    ("tags_at", 4, "of the addresses of tags"),
    ("types_at", 4, "of the addresses of type records"),
    ("imports_at", 4, "of the records of imported functions"),
    ("globals_at", 4, "of the cells of own globals"),
    ("records_at", 4, "of function records"),
    ("block_bytes", 4, "length of the block"),
    ("n_imported_functions", 4, "how many of the functions are imported"),
    ("n_imported_memories", 4, "how many of the memories"),
    ("n_imported_tables", 4, "how many of the tables"),
    ("n_imported_globals", 4, "how many of the globals"),
    ("n_imported_tags", 4, "how many of the tags"),
    ("start", 4, "index of the start function, or NO_FUNCTION"),
)
"""The numbers of a plan, fields of a C struct, which takes them in this order (`running.plan`)."""

PACKED_DATA: Final = _fields(
    ("mode", 4, "ACTIVE, PASSIVE or DECLARATIVE"),
    ("memory", 4, "its index"),
    ("kind", 4, "of its offset: CONSTANT or GLOBAL of INITIALIZERS"),
    ("unused", 4, "zero"),
    ("value", 8, "of its offset: the bits, or the index of the global"),
    ("length", 8, "in bytes"),
)
"""A data segment as artifacts have it; the bytes of all segments lie behind one another."""
PACKED_DATA_BYTES: Final = 32

NO_FUNCTION: Final = 0xFFFF_FFFF

MEMORY_FLAGS: Final = {"SHARED": 1, "WIDE": 2, "GUARDED": 4}
"""Of a memory in a plan: threads share it; its index has 64 bits; code does not compare accesses with its length."""
TABLE_FLAGS: Final = {"WIDE": 1}
"""Of a table in a plan: its index has 64 bits."""

INITIALIZERS: Final = ("CONSTANT", "GLOBAL", "NULL", "FUNCTION", "COMPUTED")
"""Kinds of initializers, by number: of a constant, a global's value, null, a reference to a function, steps."""

INITIALIZER_STEPS: Final = (
    *("CONSTANT", "GLOBAL", "REF_NULL", "REF_FUNC"),
    *("I32_ADD", "I32_SUB", "I32_MUL", "I64_ADD", "I64_SUB", "I64_MUL"),
    *("STRUCT_NEW", "STRUCT_NEW_DEFAULT", "ARRAY_NEW", "ARRAY_NEW_DEFAULT", "ARRAY_NEW_FIXED"),
    *("REF_I31", "ANY_CONVERT_EXTERN", "EXTERN_CONVERT_ANY"),
)
"""Steps of an initializer that is computed, by number: the first four push a value, the others are operators. Each has
a value (the bits; an index; how many elements) and a type: the kind of a constant or null, the type index of an
object."""


class VmctxLayout:
    """Offsets of a module's arrays behind the fixed head, in bytes from the vmctx.

    Arrays, in order: addresses of memory definitions, addresses of table definitions,
    addresses of imported globals, addresses of tags, addresses of type records, import records
    (`IMPORT_RECORD`), global cells of the module's own (16 bytes each, 16-aligned),
    function records (`FUNCTION_RECORD`, one per function in `escaping`).
    """

    def __init__(
        self,
        memories: int,
        tables: int,
        imported_globals: int,
        tags: int,
        types: int,
        imported_functions: int,
        own_globals: int,
        escaping: tuple[int, ...],
    ) -> None:
        self.imported_globals = imported_globals
        self.escaping = escaping
        self.escaping_position = {function: at for at, function in enumerate(escaping)}
        offset = VMCTX_BYTES
        self.memories_offset = offset
        offset += 8 * memories
        self.tables_offset = offset
        offset += 8 * tables
        self.imported_globals_offset = offset
        offset += 8 * imported_globals
        self.tags_offset = offset
        offset += 8 * tags
        self.types_offset = offset
        offset += 8 * types
        offset = (offset + 15) & -16
        self.imports_offset = offset
        offset += IMPORT_RECORD_BYTES * imported_functions
        self.globals_offset = offset
        offset += GLOBAL_BYTES * own_globals
        self.function_records_offset = offset
        offset += FUNCTION_RECORD_BYTES * len(escaping)
        self.total_bytes = offset

    @classmethod
    def of(cls, info: ModuleInfo) -> VmctxLayout:
        """The layout of a validated module's instances."""
        return cls(
            memories=len(info.memories),
            tables=len(info.tables),
            imported_globals=info.imported_globals,
            tags=len(info.tags),
            types=len(info.types),
            imported_functions=info.imported_functions,
            own_globals=len(info.globals) - info.imported_globals,
            escaping=info.escaping,
        )

    def memory(self, index: int) -> int:
        """Offset of the address of memory `index`'s definition."""
        return self.memories_offset + 8 * index

    def table(self, index: int) -> int:
        """Offset of the address of table `index`'s definition."""
        return self.tables_offset + 8 * index

    def global_(self, index: int) -> int:
        """Offset of an imported global's address, or of an own global's cell, which lies in place."""
        if index < self.imported_globals:
            return self.imported_globals_offset + 8 * index
        return self.globals_offset + GLOBAL_BYTES * (index - self.imported_globals)

    def tag(self, index: int) -> int:
        """Offset of the address that tag `index` is known by, wherever it is imported."""
        return self.tags_offset + 8 * index

    def type_record(self, type_index: int) -> int:
        """Offset of the address of type `type_index`'s record."""
        return self.types_offset + 8 * type_index

    def import_record(self, function_index: int) -> int:
        """Offset of imported function `function_index`'s `IMPORT_RECORD`."""
        return self.imports_offset + IMPORT_RECORD_BYTES * function_index

    def function_record(self, function_index: int) -> int:
        """Offset of the funcref record of an escaping function (`ref.func`)."""
        return self.function_records_offset + FUNCTION_RECORD_BYTES * self.escaping_position[function_index]


class VmctxOffsets:
    """What generated code asks about a module again and again: `VmctxLayout` asked once for each index.

    A backend's own view of a module is made of these; where a list is too slow it copies them.

    Attributes:
        function_types: type index of every function, imported ones first.
        imported_functions, defined_functions: how many; `imported_globals` likewise.
        global_offsets: of an imported global's address, or of an own global's cell.
        memory_offsets, table_offsets: of the addresses of definitions.
        tag_offsets: of the addresses of tags.
        type_offsets: of the addresses of type records.
        import_offsets: of imported functions' records.
        record_offsets: of the function records of those that escape, by function index.
        open_types: by index of a function type that may have subtypes, how many types are above it: what an indirect
            call compares is there in the list of supertypes of what it finds (`TYPE_RECORD`).
    """

    def __init__(self, info: ModuleInfo) -> None:
        layout = VmctxLayout.of(info)
        self.function_types = info.functions
        self.imported_functions = info.imported_functions
        self.defined_functions = len(info.functions) - info.imported_functions
        self.imported_globals = info.imported_globals
        self.global_offsets = [layout.global_(index) for index in range(len(info.globals))]
        self.memory_offsets = [layout.memory(index) for index in range(len(info.memories))]
        self.table_offsets = [layout.table(index) for index in range(len(info.tables))]
        self.tag_offsets = [layout.tag(index) for index in range(len(info.tags))]
        self.type_offsets = [layout.type_record(index) for index in range(len(info.types))]
        self.import_offsets = [layout.import_record(index) for index in range(info.imported_functions)]
        self.record_offsets = {function: layout.function_record(function) for function in info.escaping}
        self.open_types: dict[int, int] = {}
        for index, definition in enumerate(info.definitions):
            if not definition.final:
                above = definition.supertype
                self.open_types[index] = 0 if above < 0 else self.open_types[above] + 1


ContextLayout, ContextOffsets = VmctxLayout, VmctxOffsets
"""Their names before *context* meant `Ctx` alone."""
