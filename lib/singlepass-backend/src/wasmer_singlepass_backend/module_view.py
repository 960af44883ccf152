"""What the function compiler asks about the module, as native arrays.

A call into core's `ContextLayout` is a generic Python call; a field read here is a load.
So everything the lowering rules need is looked up once for the module.
"""

from __future__ import annotations

from typing import Final, final

from librt.vecs import append, vec
from mypy_extensions import i64

from wasmer_runtime_core.context import ContextLayout
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.types import V128
from wasmer_singlepass_backend.abi import CallShape


def _array(values: list[int]) -> vec[i64]:
    array = vec[i64]()
    for value in values:
        array = append(array, i64(value))
    return array


@final
class ModuleView:
    """Function types, call shapes and vmctx offsets of one module."""

    def __init__(self, info: ModuleInfo) -> None:
        layout = ContextLayout.of(info)
        self.shapes: Final = [CallShape(type_.params, type_.results) for type_ in info.types]
        self.vectors: bool = any(V128 in type_.params or V128 in type_.results for type_ in info.types) or any(
            type_.value == V128 for type_ in info.globals
        )
        self.function_types: vec[i64] = _array(info.functions)
        self.imported_functions: i64 = info.imported_functions
        self.defined_functions: i64 = len(info.functions) - info.imported_functions
        self.imported_globals: i64 = info.imported_globals
        self.global_offsets: vec[i64] = _array([layout.global_(index) for index in range(len(info.globals))])
        self.global_types: Final = bytes(type_.value for type_ in info.globals)
        self.memory_offsets: vec[i64] = _array([layout.memory(index) for index in range(len(info.memories))])
        self.table_offsets: vec[i64] = _array([layout.table(index) for index in range(len(info.tables))])
        self.signature_offsets: vec[i64] = _array([layout.signature(index) for index in range(len(info.types))])
        self.import_offsets: vec[i64] = _array([layout.import_record(i) for i in range(info.imported_functions)])
        self.table_types: Final = bytes(table.element for table in info.tables)
        self.record_offsets: Final = {function: layout.function_record(function) for function in info.escaping}

    def shape_of(self, function_index: i64) -> CallShape:
        """The call shape of a function in the index space with imports."""
        return self.shapes[self.function_types[function_index]]

    def record_offset(self, function_index: i64) -> i64:
        """Offset of an escaping function's record."""
        return i64(self.record_offsets[int(function_index)])
