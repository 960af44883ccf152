"""`Module`: what a module declares and its machine code; instances are made from it.

A module is plain data and never changes, so it may be shared between threads and pickled:
another process gets the compiled code, not the source, and compiles nothing. The first
instance makes it callable here (code in executable pages, see `plan`); all later ones
share that.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.artifact import Artifact
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL, MEMORY, TABLE, ModuleInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmer_runtime_core.contract.values import ExternDescriptor
    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.objects.limits import Limits
    from wasmer_runtime_core.wasm.types import ExternalType


class ImportType(NamedTuple):
    """One import: where it is looked for and what it must be."""

    namespace: str
    name: str
    type: ExternDescriptor


class ExportType(NamedTuple):
    """One export and what it is."""

    name: str
    type: ExternDescriptor


class Module(Artifact):
    """A compiled module, from which instances are made (`Artifact` has what it consists of)."""

    __slots__ = ()

    @property
    def imports(self) -> list[ImportType]:
        """What it must be given, in its order."""
        from wasmer_runtime_core.contract.values import describe

        types = self.info.types
        return [
            ImportType(namespace, name, describe(types[type] if isinstance(type, int) else type))
            for namespace, name, _, type in watched(self.info.imports)
        ]

    @property
    def exports(self) -> list[ExportType]:
        """What its instances have, in its order."""
        from wasmer_runtime_core.contract.values import describe

        return [
            ExportType(name, describe(extern_type(self.info, kind, index)))
            for name, kind, index in watched(self.info.exports)
        ]

    def instantiate(self, imports: Mapping[str, Any] | None = None, limits: Limits | None = None) -> Instance:
        """A new instance; its start function, if it has one, runs.

        Args:
            imports: a mapping of namespaces (`imports.resolve_imports` says what they may be).
            limits: how large the instance may become (`objects.limits.Limits`).

        Raises:
            LinkError: imports are missing or do not match; all of them are listed.
            RuntimeError: a segment does not fit, or the start function traps.
            CreationError: the memory or a table cannot be had, or is beyond the limits.
        """
        from wasmer_runtime_core.running.ctx import Ctx
        from wasmer_runtime_core.running.instance import Instance

        externs: list[Any] = []
        creators: list[Any] | None = None
        if self.info.imports:
            from wasmer_runtime_core.running.imports import resolve_imports

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


_restore = Module.restored
"""What modules that an earlier version pickled ask for, to be told that they are not of this one."""


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
