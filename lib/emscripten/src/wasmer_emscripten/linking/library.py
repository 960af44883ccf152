"""One module of a program that is linked dynamically, with its symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

from wasmer_emscripten.guest import U32
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.running.objects.tags import Tag
from wasmer_runtime_core.wasm.types import I32

if TYPE_CHECKING:
    from wasmer_emscripten.linking.dylink import Dylink
    from wasmer_runtime_core.running.instance import Instance

INTERNAL: Final = frozenset(
    (
        "__cpp_exception",
        "__c_longjmp",
        "__wasm_apply_data_relocs",
        "__wasm_call_ctors",
        "__memory_base",
        "__table_base",
        "__stack_pointer",
        "__start_em_asm",
        "__stop_em_asm",
        "__start_em_js",
        "__stop_em_js",
        "__dso_handle",
        "__tls_size",
        "__tls_align",
        "__set_stack_limits",
        "__wasm_init_tls",
        "emscripten_tls_init",
    )
)
"""Exports of every module that are no symbols."""
ORIGINAL: Final = "orig$"
"""Before the name of a function that takes and returns i64 whole, where the plain name has one that takes halves."""


class Cell(NamedTuple):
    """An entry of a module's global offset table, which the linker fills.

    Attributes:
        namespace: ``GOT.mem`` or ``GOT.func``.
        name: the symbol.
        value: the global that the module imports.
    """

    namespace: str
    name: str
    value: Global


@final
class Library:
    """A module that is placed.

    Attributes:
        name: what it is known by.
        dylink: what its section says.
        memory, table: where its data and its places in the table begin.
        places: how many it has there now.
        allocated: what the program's allocator gave for the data, to be freed; 0: it did not.
        instance: None until there is one.
        cells: its global offset table.
        needed: the libraries that it needs, which are loaded before it.
        is_global: others find its symbols without needing it.
    """

    __slots__ = (
        "allocated", "cells", "dylink", "instance", "is_global", "memory", "name", "needed", "places", "table",
    )  # fmt: skip

    def __init__(self, name: str, dylink: Dylink, memory: int, table: int, is_global: bool) -> None:
        self.name = name
        self.dylink = dylink
        self.memory = memory
        self.table = table
        self.is_global = is_global
        self.places = 0
        self.allocated = 0
        self.instance: Instance | None = None
        self.cells: list[Cell] = []
        self.needed: list[Library] = []

    def symbol(self, name: str, whole: bool = True) -> Any:
        """The function of a name that it exports, or the address of the data; None: neither.

        Args:
            whole: a function is wanted that takes i64 as they are, as pointers lead to.
        """
        if self.instance is None or name in INTERNAL:
            return None
        exports = self.instance.exports
        if whole and ORIGINAL + name in exports:
            name = ORIGINAL + name
        if name not in exports:
            return None
        found: Any = exports[name]
        if callable(found):
            return found
        if isinstance(found, Global) and found.type.value == I32:
            return int(found.value) + self.memory & U32
        return None

    def function(self, name: str) -> Any:
        """The exported function of a name, as it is imported by others; None: there is none."""
        found = self.symbol(name, whole=False)
        return found if callable(found) else None

    def tag(self, name: str) -> Tag | None:
        """The exported tag of a name; None: there is none."""
        exports: Any = self.instance.exports if self.instance is not None else {}
        found = exports[name] if name in exports else None
        return found if isinstance(found, Tag) else None

    def run(self, name: str) -> None:
        """Call an export that takes and returns nothing, if there is one."""
        exports: Any = self.instance.exports if self.instance is not None else {}
        found = exports[name] if name in exports else None
        if callable(found) and not found.core_type.params and not found.core_type.results:
            found()
