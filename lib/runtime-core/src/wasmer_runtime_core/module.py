"""`Module`: what a module declares and its machine code; instances are made from it.

A module is plain data and never changes, so it may be shared between threads and pickled:
another process gets the compiled code, not the source, and compiles nothing. The first
instance makes it callable here (code in executable pages, see `link`); all later ones
share that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wasmer_runtime_core.backend import CompiledModule
from wasmer_runtime_core.errors import CacheError
from wasmer_runtime_core.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL, MEMORY, TABLE, ModuleInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmer_runtime_core.instance import Instance
    from wasmer_runtime_core.limits import Limits
    from wasmer_runtime_core.values import ExternDescriptor
    from wasmer_runtime_core.wasm.types import ExternalType

ARTIFACT_VERSION: Final = 3
"""Of the pickled form. Changed whenever the machine contract or a field changes."""


class ImportType(NamedTuple):
    """One import: where it is looked for and what it must be."""

    namespace: str
    name: str
    type: ExternDescriptor


class ExportType(NamedTuple):
    """One export and what it is."""

    name: str
    type: ExternDescriptor


class Module:
    """A compiled module.

    Attributes:
        info: what it declares.
        compiled: its machine code.
        linked: its code in executable memory, made by the first instance.
    """

    __slots__ = ("__weakref__", "compiled", "info", "linked")

    def __init__(self, info: ModuleInfo, compiled: CompiledModule) -> None:
        self.info = info
        self.compiled = compiled
        self.linked: Any = None

    @property
    def name(self) -> str | None:
        """The module's own name, from its name section."""
        return self.info.module_name

    @property
    def backend(self) -> str:
        """Name of the backend that compiled it."""
        return self.compiled.backend

    @property
    def imports(self) -> list[ImportType]:
        """What it must be given, in its order."""
        from wasmer_runtime_core.values import describe

        types = self.info.types
        return [
            ImportType(namespace, name, describe(types[type] if isinstance(type, int) else type))
            for namespace, name, _, type in self.info.imports
        ]

    @property
    def exports(self) -> list[ExportType]:
        """What its instances have, in its order."""
        from wasmer_runtime_core.values import describe

        return [
            ExportType(name, describe(extern_type(self.info, kind, index))) for name, kind, index in self.info.exports
        ]

    def custom_sections(self, name: str) -> list[bytes]:
        """Contents of all custom sections of this name, in order."""
        return [section.data for section in self.info.custom_sections if section.name == name]

    def instantiate(self, imports: Mapping[str, Any] | None = None, limits: Limits | None = None) -> Instance:
        """A new instance; its start function, if it has one, runs.

        Args:
            imports: a mapping of namespaces (`imports.resolve_imports` says what they may be).
            limits: how large the instance may become (`limits.Limits`).

        Raises:
            LinkError: imports are missing or do not match; all of them are listed.
            RuntimeError: a segment does not fit, or the start function traps.
            CreationError: the memory or a table cannot be had, or is beyond the limits.
        """
        from wasmer_runtime_core.instance import Instance
        from wasmer_runtime_core.vm import Ctx

        externs: list[Any] = []
        creators: list[Any] | None = None
        if self.info.imports:
            from wasmer_runtime_core.imports import resolve_imports

            creators = []
            externs = resolve_imports(self.info, imports, creators)
        create = getattr(imports, "state_creator", None)
        if create is None:
            ctx = Ctx()
        else:
            state = create()
            paired = type(state) is tuple and len(state) == 2 and callable(state[1])
            ctx = Ctx(*state) if paired else Ctx(state)
        if creators:
            ctx.states = tuple([ctx.data if creator == create else creator() for creator in creators])
            if create is None:
                ctx.data = ctx.states[0]
        if creators or create is not None:
            for each in (ctx.data, *ctx.states) if creators else (ctx.data,):
                claim = getattr(type(each), "belong_to", None)
                if claim is not None:
                    claim(each, ctx)
        return Instance(self, externs, ctx, limits)

    def __reduce__(self) -> tuple[Any, ...]:
        info = tuple(getattr(self.info, name) for name in INFO_FIELDS)
        compiled = tuple(getattr(self.compiled, name) for name in COMPILED_FIELDS)
        return (_restore, (ARTIFACT_VERSION, info, compiled))

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        functions = len(self.info.functions) - self.info.imported_functions
        return f"<Module{name}: {functions} functions, {self.backend}, {len(self.compiled.code)} bytes of code>"


def extern_type(info: ModuleInfo, kind: int, index: int) -> ExternalType:
    """The type of what an export names."""
    if kind == FUNCTION:
        return info.types[info.functions[index]]
    if kind == MEMORY:
        return info.memories[index]
    if kind == TABLE:
        return info.tables[index]
    assert kind == GLOBAL
    return info.globals[index]


# The fields that make up a pickled module; names are read again from the custom sections. A
# test compares them with the classes.
# fmt: off
INFO_FIELDS: Final = (
    "types", "imports", "functions", "tables", "memories", "globals",
    "imported_functions", "imported_tables", "imported_memories", "imported_globals",
    "global_definitions", "exports", "start", "elements", "data", "data_count",
    "custom_sections", "code_offset", "escaping",
)
COMPILED_FIELDS: Final = (
    "backend", "target", "code", "function_offsets", "sites", "relocations",
    "bounds_checks", "cpu_features", "release_gil", "extra", "inlined",
)
# fmt: on


def _restore(version: int, info: tuple[Any, ...], compiled: tuple[Any, ...]) -> Module:
    """A module from its pickled form.

    Raises:
        CacheError: made by another version.
    """
    if version != ARTIFACT_VERSION:
        raise CacheError(
            f"a compiled module of format {version}; this version reads {ARTIFACT_VERSION}: compile it again"
        )
    restored = ModuleInfo()
    for name, value in zip(INFO_FIELDS, info, strict=True):
        setattr(restored, name, value)
    return Module(restored, CompiledModule(**dict(zip(COMPILED_FIELDS, compiled, strict=True))))
