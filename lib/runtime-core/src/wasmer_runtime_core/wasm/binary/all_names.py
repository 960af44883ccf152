"""The name section, whole (specification, section 7.4.1, and the extended name section proposal).

`names` reads what people look up, and takes what it gets. This is for the printer, which
must not lose anything: all of it is read, or nothing. Every index is one of the module's,
in ascending order, every name is UTF-8, every subsection is known and stands once.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import DecodeError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final
from wasmer_runtime_core.support.checkpoint import checkpoint, watched
from wasmer_runtime_core.wasm.binary.decode import DecodedModule
from wasmer_runtime_core.wasm.binary.scan import read_operator, read_value_type, skip_immediates
from wasmer_runtime_core.wasm.operators.effects import OPENS
from wasmer_runtime_core.wasm.operators.rows import OPERATORS
from wasmer_runtime_core.wasm.reader import Reader
from wasmer_runtime_core.wasm.types import StructType

if TYPE_CHECKING:
    from collections.abc import Callable

STRETCH: Final = 1 << 10
"""So many operators are read between two checkpoints."""

MODULE: Final = 0
FUNCTIONS: Final = 1
LOCALS: Final = 2
LABELS: Final = 3
TYPES: Final = 4
TABLES: Final = 5
MEMORIES: Final = 6
GLOBALS: Final = 7
ELEMENTS: Final = 8
DATA: Final = 9
FIELDS: Final = 10
TAGS: Final = 11


@final
class Names:
    """Names by index, in UTF-8; of locals and labels by function first, of fields by type."""

    def __init__(self) -> None:
        self.module: bytes | None = None
        self.functions: dict[int, bytes] = {}
        self.locals: dict[int, dict[int, bytes]] = {}
        self.labels: dict[int, dict[int, bytes]] = {}
        self.types: dict[int, bytes] = {}
        self.tables: dict[int, bytes] = {}
        self.memories: dict[int, bytes] = {}
        self.globals: dict[int, bytes] = {}
        self.elements: dict[int, bytes] = {}
        self.data: dict[int, bytes] = {}
        self.fields: dict[int, dict[int, bytes]] = {}
        self.tags: dict[int, bytes] = {}


def read_all_names(data: bytes, decoded: DecodedModule) -> Names | None:
    """The contents of a name section, or None if they are not all names of this module."""
    info = decoded.info
    names = Names()
    reader = Reader(data, 0, len(data))
    last = -1
    try:
        while not reader.at_end():
            number = int(reader.byte())
            size = int(reader.u32())
            start = int(reader.skip(size))
            part = Reader(data, start, start + size)
            if number <= last:
                return None
            last = number
            if number == MODULE:
                names.module = part.name().encode("utf-8")
            elif number == FUNCTIONS:
                names.functions = _name_map(part, len(info.functions))
            elif number == LOCALS:
                names.locals = _indirect_map(part, decoded, _count_locals, len(info.functions))
            elif number == LABELS:
                names.labels = _indirect_map(part, decoded, _count_blocks, len(info.functions))
            elif number == TYPES:
                names.types = _name_map(part, len(info.types))
            elif number == TABLES:
                names.tables = _name_map(part, len(info.tables))
            elif number == MEMORIES:
                names.memories = _name_map(part, len(info.memories))
            elif number == GLOBALS:
                names.globals = _name_map(part, len(info.globals))
            elif number == ELEMENTS:
                names.elements = _name_map(part, len(info.elements))
            elif number == DATA:
                names.data = _name_map(part, len(info.data))
            elif number == FIELDS:
                names.fields = _indirect_map(part, decoded, _count_fields, len(info.types))
            elif number == TAGS:
                names.tags = _name_map(part, len(info.tags))
            else:
                return None
            if not part.at_end():
                return None
    except DecodeError:
        return None
    return names


def _name_map(reader: Reader, count: int) -> dict[int, bytes]:
    """Names of some of `count` definitions."""
    names: dict[int, bytes] = {}
    last = -1
    for _ in watched(range(int(reader.u32()))):
        index = int(reader.u32())
        if not last < index < count:
            raise DecodeError("a name for nothing", int(reader.position))
        last = index
        names[index] = reader.name().encode("utf-8")
    return names


def _indirect_map(
    reader: Reader, decoded: DecodedModule, count: Callable[[DecodedModule, int], int], owners: int
) -> dict[int, dict[int, bytes]]:
    """Names of what is in functions, or in types: in one of the `owners`; `count` says how many there are in one."""
    names: dict[int, dict[int, bytes]] = {}
    last = -1
    for _ in watched(range(int(reader.u32()))):
        function = int(reader.u32())
        if not last < function < owners:
            raise DecodeError("names in no function", int(reader.position))
        last = function
        names[function] = _name_map(reader, count(decoded, function))
        if not names[function]:
            raise DecodeError("no names in a function", int(reader.position))
    return names


def _count_fields(decoded: DecodedModule, type_index: int) -> int:
    """Of a struct."""
    definitions = decoded.info.definitions
    composite = definitions[type_index].composite if definitions else None
    return len(composite.fields) if isinstance(composite, StructType) else 0


def _count_params(decoded: DecodedModule, function: int) -> int:
    info = decoded.info
    type_index = info.functions[function]
    return len(info.types[type_index].params) if type_index < len(info.types) else 0


def _count_locals(decoded: DecodedModule, function: int) -> int:
    """Parameters and locals of a function."""
    count = _count_params(decoded, function)
    own = function - decoded.info.imported_functions
    if own >= 0:
        reader = Reader(decoded.data, *decoded.code[own])
        for _ in watched(range(int(reader.u32()))):
            count += int(reader.u32())
            read_value_type(reader)
    return count


def _count_blocks(decoded: DecodedModule, function: int) -> int:
    """Blocks in a function, in the order of which labels are numbered."""
    own = function - decoded.info.imported_functions
    if own < 0:
        return 0
    reader = Reader(decoded.data, *decoded.code[own])
    for _ in watched(range(int(reader.u32()))):
        reader.u32()
        read_value_type(reader)
    count = operators = 0
    while not reader.at_end():
        if operators % STRETCH == 0:
            checkpoint()
        operators += 1
        code = read_operator(reader)
        skip_immediates(reader, code)
        count += code in BLOCKS
    return count


BLOCKS: Final = frozenset(code for code, row in OPERATORS.items() if row.effects & OPENS)
