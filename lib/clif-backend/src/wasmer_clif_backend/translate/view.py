"""What translation asks about a module: types as signatures of CLIF, functions by name, offsets in the vmctx.

A function of WebAssembly is one of CLIF with core's convention written out. The vmctx is its first parameter. If it has
several results, the address of a buffer is the second one: result n, from 1, goes to byte ``16 * (n - 1)``; result 0 is
returned. An i32 arrives as an i64 whose upper half means nothing: callers of other backends do not clear it. So
each function type has two signatures: what such a function is itself, and what calls pass to it.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.function import Parameter, Signature
from wasmer_clif_backend.ir.types import F32, F64, I8X16, I32, I64
from wasmer_runtime_core.contract.helpers import EXCEPTION_HELPERS, VMCALLS
from wasmer_runtime_core.contract.vmctx import VmctxOffsets
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.wasm import types as kinds
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_runtime_core.wasm.types import PAGE_BYTES

TYPES: Final = {
    kinds.I32: I32, kinds.I64: I64, kinds.F32: F32, kinds.F64: F64, kinds.V128: I8X16,
    kinds.FUNCREF: I64, kinds.EXTERNREF: I64, kinds.ANYREF: I64,
    kinds.EXNREF: I64,
}  # fmt: skip
"""By kind of a value: the type of CLIF. A reference is an address, a vector bytes."""

CLIF_TYPES: Final = bytes(TYPES.get(code, 0) for code in range(128))
"""The same as bytes."""


def passed_as(type: int) -> int:
    """The type that a value has on its way between functions."""
    return I64 if type == I32 else type


@final
class CallLayout:
    """A function type: its values' types, the signature of a function of it, and that of calls, which pass an i32."""

    def __init__(self, params: bytes, results: bytes) -> None:
        self.params: Final = [TYPES[code] for code in params]
        self.results: Final = [TYPES[code] for code in results]
        self.buffered: Final = len(results) > 1
        first = [Parameter(I64)] * (2 if self.buffered else 1)
        given = [Parameter(passed_as(type)) for type in self.results[:1]]
        self.signature: Final = Signature(first + [Parameter(passed_as(type)) for type in self.params], given)
        self.called: Final = Signature(first + [Parameter(type) for type in self.params], given)


@final
class ModuleView:
    """One module. Nothing of it changes while its functions are compiled."""

    def __init__(self, info: ModuleInfo) -> None:
        self.info: Final = info
        self.offsets: Final = VmctxOffsets(info)
        self.layouts: Final = [CallLayout(type.param_kinds, type.result_kinds) for type in watched(info.types)]
        self.imported: Final = self.offsets.imported_functions
        defined = self.offsets.defined_functions
        self.names: Final = [name_of(index) for index in range(self.imported + defined)]
        self.entries: Final = {name: number for number, name in enumerate(self.names[self.imported :])}
        self.entries.update({helper_name(call.name): defined + call.slot for call in VMCALLS})
        self.entries.update({helper_name(name): call.slot for name, call in EXCEPTION_HELPERS.items()})
        self.no_layout: Final = CallLayout(b"", b"")
        self.wide_memories: Final = bytes(memory.index_type == kinds.I64 for memory in info.memories)
        self.shared_memories: Final = bytes(memory.shared for memory in info.memories)
        self.wide_tables: Final = bytes(table.index_type == kinds.I64 for table in info.tables)
        pages = info.memories[0].limits.minimum if self.wide_memories[:1] == b"\0" else 0
        self.memory_bytes: Final[i64] = PAGE_BYTES * i64(pages)
        """How large memory 0 is at least; 0 if its index has 64 bits: no access to it is left unchecked."""
        self.global_types: Final = [TYPES[type.kind] for type in info.globals]

    def layout_of(self, function_index: int) -> CallLayout:
        """Of a function in the index space with imports."""
        return self.layouts[self.offsets.function_types[function_index]]


def name_of(function_index: int) -> str:
    """A function's name in CLIF."""
    return f"u0:{function_index}"


def helper_name(name: str) -> str:
    """The name of one of core's helpers."""
    return f"%{name}"
