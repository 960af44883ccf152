"""`Module`: what a module declares and its machine code; instances are made from it.

A module is plain data and never changes, so it may be shared between threads, serialized and pickled:
another process gets the compiled code, not the source, and compiles nothing (`artifacts`). The first
instance makes it callable here (code in executable pages, see `plan`); all later ones
share that.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.artifact import Artifact
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Self
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL, MEMORY, TABLE, TAG, ModuleInfo, import_type
from wasmer_runtime_core.wasm.types import TagType

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from typing_extensions import Buffer

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

    def serialize(self) -> bytes:
        """The compiled module as bytes, for a file, a cache, another process (`artifacts`).

        Equal modules give equal bytes.
        """
        from wasmer_runtime_core.running.artifacts.writing import serialized

        return serialized(self)

    @classmethod
    def deserialize(cls, source: Buffer | os.PathLike[Any]) -> Self:
        """A module from what `serialize` gave. Nothing is compiled; code in a file is mapped, not read.

        An artifact holds machine code, which its instances run: load what you, or who you trust, have written. Its file
        must not be written to in place while the module lives; to replace it, write another and rename it.

        Args:
            source: the bytes, or a path to a file of them.

        Raises:
            CacheError: it is no artifact, is not whole, is damaged, of another version, or for another processor;
                `CacheError.kind` says which.
            MemoryError: no room for its code.
            OSError: the file cannot be read.
        """
        from wasmer_runtime_core.running.artifacts.stored import load_stored

        stored = load_stored(source)
        return cls(stored.info, None, stored=stored)

    def cache(self) -> Self:
        """What a cache stores: the module itself, for it is an `Artifact`."""
        return self

    def wait_for_tiers(self, everything: bool = False, whole: bool = False) -> None:
        """Wait until all that was asked of the background is there: code of the functions that were found to be hot.

        For tests and benchmarks.

        Args:
            everything: take all functions for hot.
            whole: have the module in its last tier, as if it had run for long.

        Raises:
            Timeout, Cancelled, Exception: as `running.interrupts.wait`.
        """
        if self.tiers is not None:
            from wasmer_runtime_core.running.preparing import prepared

            if whole:
                self.tiers.ask_for_whole()
            count = len(self.info.functions) - self.info.imported_functions
            self.tiers.wait(prepared(self).plan.code, range(count) if everything else ())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).deserialize, (self.serialize(),)

    @property
    def imports(self) -> list[ImportType]:
        """What it must be given, in its order."""
        from wasmer_runtime_core.contract.values import describe

        info = self.info
        return [ImportType(row.namespace, row.name, describe(import_type(info, row))) for row in watched(info.imports)]

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


def extern_type(info: ModuleInfo, kind: int, index: int) -> ExternalType:
    """The type of what an export names."""
    if kind == FUNCTION:
        return info.types[info.functions[index]]
    if kind == MEMORY:
        return info.memories[index]
    if kind == TABLE:
        return info.tables[index]
    if kind == TAG:
        return TagType(info.types[info.tags[index]].params)
    assert kind == GLOBAL
    return info.globals[index]
