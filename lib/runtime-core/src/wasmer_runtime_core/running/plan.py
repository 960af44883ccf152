"""A compiled module's declarations as the plain rows of which the C part makes a plan (`native/objects/plan.c`)."""

from __future__ import annotations

from wasmer_runtime_core.contract.vmctx import (
    INITIALIZER_STEPS,
    INITIALIZERS,
    MEMORY_FLAGS,
    NO_FUNCTION,
    PACKED_DATA,
    PACKED_DATA_BYTES,
    PLAN,
    TABLE_FLAGS,
    VmctxLayout,
)
from wasmer_runtime_core.native.machine import Plan
from wasmer_runtime_core.running.publish import publish, publish_lazily
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.checkpoint import STRETCH, checkpoint, watched
from wasmer_runtime_core.wasm.module import (
    ACTIVE,
    ConstantExpression,
    ConstantOperator,
    DataSegment,
    ElementSegment,
    ModuleInfo,
)
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC
from wasmer_runtime_core.wasm.types import I32, I64, KIND, GlobalType, MemoryType, TableType, type_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmer_runtime_core.contract.artifact import Artifact
    from wasmer_runtime_core.native.machine import Initializer, Step

CONSTANT, GLOBAL, NULL, FUNCTION, COMPUTED = range(len(INITIALIZERS))

_GLOBAL_GET: Final = BY_MNEMONIC["global.get"].code
_INDEX_CONSTANTS: Final = {I32: BY_MNEMONIC["i32.const"].code, I64: BY_MNEMONIC["i64.const"].code}
"""Operators of constant offsets, by the type of the index."""
_KINDS: Final = {
    _GLOBAL_GET: GLOBAL,
    BY_MNEMONIC["ref.null"].code: NULL,
    BY_MNEMONIC["ref.func"].code: FUNCTION,
}
_STEPS: Final = {
    row.code: INITIALIZER_STEPS.index(row.constant_name)
    for row in BY_MNEMONIC.values()
    if row.constant_name in INITIALIZER_STEPS
}
_STEPS[_GLOBAL_GET] = INITIALIZER_STEPS.index("GLOBAL")
_CONSTANT_STEP: Final = INITIALIZER_STEPS.index("CONSTANT")
_NULL_STEP: Final = INITIALIZER_STEPS.index("REF_NULL")
_FIRST_OBJECT_STEP: Final = INITIALIZER_STEPS.index("STRUCT_NEW")
_FIRST_CONVERSION: Final = INITIALIZER_STEPS.index("REF_I31")


def make_plan(module: Artifact) -> Plan:
    """A plan of a compiled module, with its code published."""
    info, lazy = module.info, module.lazy
    if lazy is None:
        compiled, tiers = module.compiled, module.tiers
        checked = compiled.checked_memories
        if tiers is not None:
            tiers.checked_memories = checked
        code = publish(compiled, info, None if tiers is None else tiers.tick)
    else:
        checked, code = lazy.checked_memories, publish_lazily(lazy, info)
    rows = plan_rows(info, checked)
    if rows[1] is None:
        rows = in_this_process(info, rows)
    return Plan(code, info, *rows)  # the info names the functions


def plan_rows(info: ModuleInfo, checked_memories: tuple[int, ...]) -> tuple[Any, ...]:
    """What a `Plan` takes behind the code and the label: plain values, the data segments last.

    Of a module that has definitions of types, what `in_this_process` makes of them: None stands for its types.
    """
    layout = VmctxLayout.of(info)
    checked = frozenset(checked_memories)
    numbers = {
        "memories_at": layout.memories_offset,
        "tables_at": layout.tables_offset,
        "imported_globals_at": layout.imported_globals_offset,
        "tags_at": layout.tags_offset,
        "types_at": layout.types_offset,
        "imports_at": layout.imports_offset,
        "globals_at": layout.globals_offset,
        "records_at": layout.function_records_offset,
        "block_bytes": layout.total_bytes,
        "n_imported_functions": info.imported_functions,
        "n_imported_memories": info.imported_memories,
        "n_imported_tables": info.imported_tables,
        "n_imported_globals": info.imported_globals,
        "n_imported_tags": info.imported_tags,
        "start": NO_FUNCTION if info.start is None else info.start,
    }
    return (  # by position: names would cost more than all of the numbers
        tuple(map(numbers.__getitem__, PLAN)),
        None if info.definitions else tuple(info.types),
        _packed(info.functions, 4),
        tuple((row.kind, row.namespace, row.name) for row in watched(info.imports)),
        tuple(_memory(row, number in checked) for number, row in enumerate(info.memories)),
        tuple(_table(row) for row in info.tables),
        b"".join(bytes((row.kind, row.mutable)) for row in watched(info.globals)),
        tuple(_initializer(row.initializer) for row in watched(info.global_definitions)),
        _packed(info.escaping, 4),
        tuple(
            (
                row.mode,
                row.table,
                _initializer(row.offset) if row.offset else None,
                row.type & KIND,
                _items(row),
                _computed_items(row),
            )
            for row in watched(info.elements)
        ),
        _whole_globals(info.globals),
        tuple((index, _initializer(row)) for index, row in info.table_initializers),
        _packed(info.tags, 4),
        tuple(
            (row.mode, row.memory, _initializer(row.offset) if row.offset else None, bytes(row.data))
            for row in watched(info.data)
        ),
    )


def in_this_process(info: ModuleInfo, rows: tuple[Any, ...]) -> tuple[Any, ...]:
    """The rows of a plan with this process's types and numbers of types, in place of the module's."""
    from wasmer_runtime_core.running.process_types import process_types

    types = process_types(info)
    if types is None:
        raise ValueError("a plan without types, of a module without definitions of them")
    numbers, _, functions, imports, memories, tables, globals_, initializers, escaping, elements, whole, *rest = rows
    tables = tuple([(*row[:3], types.value_type(row[3])) for row in tables])
    wholes = [int.from_bytes(whole[at : at + 8], "little") for at in range(0, len(whole), 8)]
    whole = _packed([types.value_type(type_) for type_ in wholes], 8)
    made = functions, imports, memories, tables, globals_, initializers, escaping, elements, whole
    return (numbers, tuple(types.types), *made, *rest)


def packed_data(rows: tuple[tuple[Any, ...], ...]) -> bytes | None:
    """Data segments, as `plan_rows` gives them, as rows of `PACKED_DATA`; None if the offset of one is computed."""
    packed = []
    for mode, memory, offset, data in watched(rows):
        kind, value = offset or (CONSTANT, 0)
        if kind not in (CONSTANT, GLOBAL):
            return None
        numbers = {"mode": mode, "memory": memory, "kind": kind, "unused": 0, "value": value, "length": len(data)}
        packed.append(b"".join([numbers[name].to_bytes(field.size, "little") for name, field in PACKED_DATA.items()]))
    return b"".join(packed)


def unpacked_segments(info: ModuleInfo, packed: bytes, contents: bytes) -> list[DataSegment]:
    """The data segments of a module from what `packed_data` made of them, and from their bytes."""
    segments, at = [], 0
    for start in watched(range(0, len(packed), PACKED_DATA_BYTES)):
        row = {
            name: int.from_bytes(packed[start + field.offset : start + field.offset + field.size], "little")
            for name, field in PACKED_DATA.items()
        }
        value, offset = row["value"], None
        if row["mode"] == ACTIVE:
            if row["kind"] == GLOBAL:
                offset = (ConstantOperator(_GLOBAL_GET, value, info.globals[value].value),)
            else:
                type_ = info.memories[row["memory"]].index_type
                offset = (ConstantOperator(_INDEX_CONSTANTS[type_], value, type_),)
        segments.append(DataSegment(row["mode"], row["memory"], offset, contents[at : at + row["length"]]))
        at += row["length"]
    return segments


def _table(type_: TableType) -> tuple[int, int | None, int, int]:
    """Minimum, maximum, flags, type of the elements."""
    return (*type_.limits, TABLE_FLAGS["WIDE"] * (type_.index_type == I64), type_.element)


def _whole_globals(globals_: list[GlobalType]) -> bytes:
    """Their types; nothing where each is its kind."""
    if all(row.value <= KIND for row in watched(globals_)):
        return b""
    return _packed([row.value for row in watched(globals_)], 8)


def _memory(type_: MemoryType, checked: bool) -> tuple[int, int | None, int, int]:
    """Minimum, maximum, flags; nothing in place of the kind of a table's elements."""
    flags = 0 if checked else MEMORY_FLAGS["GUARDED"]
    if type_.shared:
        flags |= MEMORY_FLAGS["SHARED"]
    if type_.index_type == I64:
        flags |= MEMORY_FLAGS["WIDE"]
    return (*type_.limits, flags, 0)


def _initializer(expression: ConstantExpression) -> Initializer:
    """A kind of `INITIALIZERS`, and the constant, the index, or the steps."""
    only = expression[0]
    if len(expression) > 1 or _STEPS.get(only.operator, _CONSTANT_STEP) >= _FIRST_OBJECT_STEP:
        return COMPUTED, tuple(map(_step, expression))
    kind = _KINDS.get(only.operator, CONSTANT)
    return kind, only.value if kind != NULL else 0


def _step(operator: ConstantOperator) -> Step:
    """One of `INITIALIZER_STEPS`, with a value and a type."""
    number = _STEPS.get(operator.operator, _CONSTANT_STEP)
    if number == _CONSTANT_STEP or number == _NULL_STEP:
        return number, operator.value if number == _CONSTANT_STEP else 0, operator.type & KIND
    is_object = _FIRST_OBJECT_STEP <= number < _FIRST_CONVERSION
    return number, operator.value, type_index(operator.type) if is_object else 0


def _items(segment: ElementSegment) -> bytes:
    """Items as 64-bit ints: a function's index, -1 for null, -2 - n for the value of global n.

    Where some are computed, these are not asked.
    """
    items = []
    for item in watched(segment.items):
        kind = NULL if len(item) > 1 else _KINDS.get(item[0].operator, NULL)
        items.append(item[0].value if kind == FUNCTION else -1 if kind == NULL else -2 - item[0].value)
    return _packed(items, 8)


def _computed_items(segment: ElementSegment) -> tuple[Initializer, ...]:
    """The initializers of all items, if some are computed; else nothing."""
    if all(len(item) == 1 and item[0].operator in _KINDS for item in watched(segment.items)):
        return ()
    return tuple(map(_initializer, watched(segment.items)))


def _packed(numbers: Sequence[int], size: int) -> bytes:
    """Signed integers of `size` bytes; the module `array` takes longer to load than this for most modules."""
    if len(numbers) > STRETCH:  # each number is an object of 40 bytes meanwhile
        parts = []
        for at in range(0, len(numbers), STRETCH):
            checkpoint()
            parts.append(_packed(numbers[at : at + STRETCH], size))
        return b"".join(parts)
    return b"".join([number.to_bytes(size, "little", signed=True) for number in numbers])
