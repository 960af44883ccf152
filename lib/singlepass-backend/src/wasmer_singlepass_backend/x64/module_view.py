"""What the function compiler asks about the module, as native arrays.

What core's `VmctxOffsets` says in lists is copied to vectors of machine words: an element
read from those is a load.
"""

from __future__ import annotations

from librt.vecs import append, vec

from wasmer_runtime_core.contract.objects import ObjectLayouts, fields_of
from wasmer_runtime_core.contract.vmctx import VmctxOffsets
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.types import I64, V128
from wasmer_singlepass_backend.x64.abi import CallLayout


def _array(values: list[int]) -> vec[i64]:
    array = vec[i64]()
    for value in values:
        array = append(array, i64(value))
    return array


@final
class ModuleView:
    """Function types, call layouts and vmctx offsets of one module."""

    def __init__(self, info: ModuleInfo) -> None:
        offsets = VmctxOffsets(info)
        self.layouts: Final = [CallLayout(type_.param_kinds, type_.result_kinds) for type_ in watched(info.types)]
        self.vectors: bool = any(V128 in type_.params or V128 in type_.results for type_ in info.types) or any(
            type_.kind == V128 for type_ in info.globals
        )
        self.vectors |= any(
            field.storage == V128
            for definition in watched(info.definitions)
            for field in fields_of(definition.composite)
        )
        self.global_types: Final = bytes(type_.kind for type_ in info.globals)
        self.table_types: Final = bytes(table.kind for table in info.tables)
        self.wide_memories: Final = bytes(memory.index_type == I64 for memory in info.memories)
        self.shared_memories: Final = bytes(memory.shared for memory in info.memories)
        self.wide_tables: Final = bytes(table.index_type == I64 for table in info.tables)
        self.function_types: vec[i64] = _array(offsets.function_types)
        self.imported_functions: i64 = offsets.imported_functions
        self.defined_functions: i64 = offsets.defined_functions
        self.imported_globals: i64 = offsets.imported_globals
        self.global_offsets: vec[i64] = _array(offsets.global_offsets)
        self.memory_offsets: vec[i64] = _array(offsets.memory_offsets)
        self.table_offsets: vec[i64] = _array(offsets.table_offsets)
        self.type_offsets: vec[i64] = _array(offsets.type_offsets)
        self.tag_offsets: vec[i64] = _array(offsets.tag_offsets)
        self.tag_types: vec[i64] = _array(info.tags)
        self.import_offsets: vec[i64] = _array(offsets.import_offsets)
        self.record_offsets: Final = offsets.record_offsets
        self.open_types: Final = offsets.open_types
        self.info: Final = info
        self.definitions: Final = info.definitions
        self.objects: Final = ObjectLayouts(info.definitions)

    def layout_of(self, function_index: i64) -> CallLayout:
        """The call layout of a function in the index space with imports."""
        return self.layouts[self.function_types[function_index]]

    def field_offset(self, type_index: i64, field: i64) -> i64:
        """Where a struct's field lies in it."""
        return i64(self.objects.of(int(type_index)).offsets[field])

    def record_offset(self, function_index: i64) -> i64:
        """Offset of an escaping function's record."""
        return i64(self.record_offsets[int(function_index)])
