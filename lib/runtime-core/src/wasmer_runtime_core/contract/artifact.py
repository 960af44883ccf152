"""`Artifact`: a compiled module as plain data, which processes hand to each other.

What a module declares and its machine code. It never changes, so threads may share it, and it can be pickled: another
process gets the compiled code, not the source, and compiles nothing. `running.module.Module` is one that makes
instances.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
from wasmer_runtime_core.errors import CacheError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, NoReturn
from wasmer_runtime_core.wasm.module import ModuleInfo

if TYPE_CHECKING:
    from wasmer_runtime_core.contract.compiler import LazyFunctions

ARTIFACT_VERSION: Final = 14
"""Raised whenever something in an artifact, or of the machine contract, means something else. What their rows show,
fields that come, go or are called otherwise, is told by a number of its own (`running.artifacts.layout`)."""

# The fields that make up a stored module; names are read again from the custom sections. A
# test compares them with the classes.
# fmt: off
INFO_FIELDS: Final = (
    "types", "definitions", "imports", "functions", "tables", "table_initializers", "memories", "globals", "tags",
    "imported_functions", "imported_tables", "imported_memories", "imported_globals", "imported_tags",
    "global_definitions", "exports", "start", "elements", "data", "data_count",
    "custom_sections", "code_offset", "escaping",
)
COMPILED_FIELDS: Final = (
    "backend", "target", "code", "function_offsets", "sites", "relocations",
    "checked_memories", "cpu_features", "release_gil", "inlined", "handlers", "saved",
)
# fmt: on


class Artifact:
    """A compiled module; or one whose functions are compiled when they are called.

    Attributes:
        info: what it declares.
        config: how it was compiled; None where nothing says so, for it was stored: a configuration may be anything.
        stored: where it was read from (`running.artifacts.stored.StoredModule`); None if it was compiled here.
        lazy: who compiles its functions when they are called (`compiler.LazyFunctions`); None: they are compiled.
        tiers: who replaces code of its functions by better code (`compiling.tiers.tiered.Tiered`), or None.
        prepared: what all its instances have in common, made by the first of them (`running.preparing.Prepared`).
    """

    __slots__ = ("__weakref__", "_compiled", "config", "info", "lazy", "prepared", "stored", "tiers")

    def __init__(
        self,
        info: ModuleInfo,
        compiled: CompiledModule | None,
        config: CompilerConfig | None = None,
        stored: Any = None,
        lazy: LazyFunctions | None = None,
        tiers: Any = None,
    ) -> None:
        self.info = info
        self._compiled = compiled
        self.config = config
        self.stored = stored
        self.lazy = lazy
        self.tiers = tiers
        self.prepared: Any = None

    @property
    def compiled(self) -> CompiledModule:
        """Its machine code, as data. Where that lies in executable pages or in a file, a copy is made each time, of its
        table of sites as well; of a module that is compiled lazily, all of it is compiled each time."""
        compiled = self._compiled
        if self.lazy is not None:
            return self.lazy.compiled()
        if compiled is None:
            copy: CompiledModule = self.stored.compiled()
            return copy
        if not compiled.code and self.prepared is not None:
            code = self.prepared.plan.code
            return compiled._replace(code=code.read(), sites=code.read_sites())
        return compiled

    def is_prepared(self, prepared: Any) -> None:
        """Note what all instances have in common. That has the code in executable pages, and its table of sites packed:
        they need not lie here."""
        self.prepared = prepared
        if self._compiled is not None:
            self._compiled = self._compiled._replace(code=b"", sites=b"")

    @property
    def name(self) -> str | None:
        """The module's own name, from its name section."""
        return self.info.module_name

    @property
    def backend(self) -> str:
        """Name of the backend that compiled it."""
        made: Any = self._compiled or self.stored or self.lazy
        backend: str = made.backend
        return backend

    @property
    def code_bytes(self) -> int:
        """How many bytes of machine code it has; if it is compiled lazily, so far."""
        if self.lazy is not None:
            return 0 if self.prepared is None else int(self.prepared.plan.code.parts_bytes)
        if self.stored is not None:
            stored: int = self.stored.code.code_bytes
            return stored
        return len(self.compiled.code)

    def custom_sections(self, name: str) -> list[bytes]:
        """Contents of all custom sections of this name, in order."""
        return [section.data for section in self.info.custom_sections if section.name == name]

    @classmethod
    def restored(cls, version: int, *_: object) -> NoReturn:
        """What modules that an earlier version pickled ask for, to be told that they are not of this one.

        Raises:
            CacheError: always.
        """
        raise CacheError(
            f"a compiled module of format {version}; this version reads {ARTIFACT_VERSION}: compile it again", "version"
        )

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        functions = len(self.info.functions) - self.info.imported_functions
        when = ", lazily" if self.lazy is not None else ""
        return f"<Module{name}: {functions} functions, {self.backend}{when}, {self.code_bytes} bytes of code>"
