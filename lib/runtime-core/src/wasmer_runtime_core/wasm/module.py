"""`ModuleInfo`: a decoded module without its code (specification, section 2.5).

Index spaces put imports first. Positions are byte offsets in the module.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, TypeAlias
from wasmer_runtime_core.support.checkpoint import STRETCH, checkpoint
from wasmer_runtime_core.support.first_use import at_first_use
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.custom_sections import CustomSection as CustomSection
from wasmer_runtime_core.wasm.types import (
    ExternalType,
    FunctionType,
    GlobalType,
    MemoryType,
    TableType,
    TagType,
    TypeDefinition,
)

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.debug.source_lines import SourceLines

FUNCTION: Final = 0
TABLE: Final = 1
MEMORY: Final = 2
GLOBAL: Final = 3
TAG: Final = 4
"""Of exceptions."""
KIND_NAMES: Final = ("function", "table", "memory", "global", "tag")


class Import(NamedTuple):
    namespace: str
    name: str
    kind: int  # FUNCTION, TABLE, MEMORY, GLOBAL or TAG
    type: int | TableType | MemoryType | GlobalType  # a function's and a tag's: its type index


class Export(NamedTuple):
    name: str
    kind: int
    index: int  # type: ignore[assignment]  # the name of a tuple method, and of what this is


class ConstantOperator(NamedTuple):
    """One operator of an initializer (section 3.3.10).

    `operator` is an operator code: ``t.const`` (value: the bits, an int), ``ref.null``
    (value: the reference type), ``ref.func`` or ``global.get`` (value: the index), one of
    `EXTENDED_CONST` (value: 0), which takes two values of the type that it gives, of `OBJECT_CONST` (value: 0, or the
    number of elements of ``array.new_fixed``), which makes an object, or of `REFERENCE_CONST` (value: 0). `type` is
    what it gives.
    """

    operator: int
    value: int
    type: int


ConstantExpression: TypeAlias = tuple[ConstantOperator, ...]
"""An initializer: operators without the ``end``. One gives the value; several are a program for a stack."""


class GlobalDefinition(NamedTuple):
    type: GlobalType
    initializer: ConstantExpression


ACTIVE: Final = 0
PASSIVE: Final = 1
DECLARATIVE: Final = 2


class ElementSegment(NamedTuple):
    mode: int  # ACTIVE, PASSIVE or DECLARATIVE
    table: int
    offset: ConstantExpression | None
    type: int
    items: tuple[ConstantExpression, ...]


class DataSegment(NamedTuple):
    mode: int
    memory: int
    offset: ConstantExpression | None
    data: bytes


class ModuleInfo:
    """What a module declares. Filled by `decode`, checked by `validate`, read by all."""

    def __init__(self) -> None:
        self.types: list[FunctionType] = []  # `NO_FUNCTION` for a struct or an array
        self.definitions: list[TypeDefinition] = []
        """By type index, what is more than a function type, or named by more than functions. Empty where nothing is:
        then each type is final, below none, and a group of its own."""
        self.imports: list[Import] = []
        self.functions: list[int] = []  # type index of every function, imported ones first
        self.tables: list[TableType] = []
        self.memories: list[MemoryType] = []
        self.globals: list[GlobalType] = []
        self.tags: list[int] = []  # type index of every tag, imported ones first
        self.table_initializers: list[tuple[int, ConstantExpression]] = []  # index of a table, where it has one
        self.imported_functions = 0
        self.imported_tables = 0
        self.imported_memories = 0
        self.imported_globals = 0
        self.imported_tags = 0
        self.global_definitions: list[GlobalDefinition] = []  # of the module's own globals
        self.exports: list[Export] = []
        self.start: int | None = None
        self.elements: list[ElementSegment] = []
        self.data: list[DataSegment] = []
        self.data_count: int | None = None
        self.custom_sections: list[CustomSection] = []
        self.code_offset = 0  # of the code section's contents
        self.escaping: tuple[int, ...] = ()
        """Functions that may become references: exported, in an element segment, or in the
        initializer of a global or table. Ascending. Each gets a function record in an instance."""

    # The name section, read when first asked.
    @at_first_use
    def module_name(self) -> str | None:
        """What the module calls itself."""
        from wasmer_runtime_core.wasm.names import read_module_name

        return read_module_name(self.custom_sections)

    @at_first_use
    def function_names(self) -> dict[int, str]:
        """Names by function index."""
        from wasmer_runtime_core.wasm.names import read_function_names

        return read_function_names(self.custom_sections, len(self.functions))

    @at_first_use
    def linked_names(self) -> dict[int, str]:
        """By function index what others call a function: its first export, else its import."""
        imported = (f"{row.namespace}.{row.name}" for row in self.imports if row.kind == FUNCTION)
        exported = ((row.index, row.name) for row in reversed(self.exports) if row.kind == FUNCTION)
        names: dict[int, str] = {}
        for rows in (enumerate(imported), exported):
            while stretch := [row for _, row in zip(range(STRETCH), rows, strict=False)]:
                checkpoint()
                names.update(stretch)
        return names

    @at_first_use
    def source_lines(self) -> SourceLines:
        """Positions in source files, from DWARF in custom sections; finds nothing if there is none."""
        from wasmer_runtime_core.wasm.debug.source_lines import SourceLines

        return SourceLines(self)

    @at_first_use
    def local_names(self) -> dict[int, dict[int, str]]:
        """Names of locals, parameters first: by function index, then by local index."""
        from wasmer_runtime_core.implementation_limits import LOCALS
        from wasmer_runtime_core.wasm.names import read_local_names

        return read_local_names(self.custom_sections, len(self.functions), LOCALS.ceiling)

    @at_first_use
    def type_names(self) -> dict[int, str]:
        """Names by type index."""
        from wasmer_runtime_core.wasm.names import read_type_names

        return read_type_names(self.custom_sections, len(self.types))

    @at_first_use
    def field_names(self) -> dict[int, dict[int, str]]:
        """Names of the fields of structs: by type index, then by field."""
        from wasmer_runtime_core.implementation_limits import FIELDS
        from wasmer_runtime_core.wasm.names import read_field_names

        return read_field_names(self.custom_sections, len(self.types), FIELDS.ceiling)

    def __getstate__(self) -> dict[str, Any]:
        """Debug information is read again where the module goes, and types are other objects in another process."""
        return {name: value for name, value in self.__dict__.items() if name not in ("source_lines", "process_types")}


def import_type(info: ModuleInfo, row: Import) -> ExternalType:
    """The type that an import has to have."""
    type_ = row.type
    if not isinstance(type_, int):
        return type_
    return TagType(info.types[type_].params) if row.kind == TAG else info.types[type_]
