"""`Artifact`: a compiled module as plain data, which processes hand to each other.

What a module declares and its machine code. It never changes, so threads may share it, and it can be pickled: another
process gets the compiled code, not the source, and compiles nothing. `running.module.Module` is one that makes
instances.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
from wasmer_runtime_core.errors import CacheError
from wasmer_runtime_core.support.annotations import Any, Final, Self
from wasmer_runtime_core.wasm.module import ModuleInfo

ARTIFACT_VERSION: Final = 5
"""Of the pickled form. Changed whenever the machine contract or a field changes."""

# The fields that make up a pickled module; names are read again from the custom sections. A
# test compares them with the classes.
# fmt: off
INFO_FIELDS: Final = (
    "types", "imports", "functions", "tables", "memories", "globals", "tags",
    "imported_functions", "imported_tables", "imported_memories", "imported_globals", "imported_tags",
    "global_definitions", "exports", "start", "elements", "data", "data_count",
    "custom_sections", "code_offset", "escaping",
)
COMPILED_FIELDS: Final = (
    "backend", "target", "code", "function_offsets", "sites", "relocations",
    "checked_memories", "cpu_features", "release_gil", "inlined", "handlers",
)
# fmt: on


class Artifact:
    """A compiled module.

    Attributes:
        info: what it declares.
        compiled: its machine code.
        config: how it was compiled; None where nothing says so, for it was pickled: a configuration may be anything.
        prepared: what all its instances have in common, made by the first of them (`running.plan.Prepared`).
    """

    __slots__ = ("__weakref__", "compiled", "config", "info", "prepared")

    def __init__(self, info: ModuleInfo, compiled: CompiledModule, config: CompilerConfig | None = None) -> None:
        self.info = info
        self.compiled = compiled
        self.config = config
        self.prepared: Any = None

    @property
    def name(self) -> str | None:
        """The module's own name, from its name section."""
        return self.info.module_name

    @property
    def backend(self) -> str:
        """Name of the backend that compiled it."""
        return self.compiled.backend

    def custom_sections(self, name: str) -> list[bytes]:
        """Contents of all custom sections of this name, in order."""
        return [section.data for section in self.info.custom_sections if section.name == name]

    @classmethod
    def restored(cls, version: int, info: tuple[Any, ...], compiled: tuple[Any, ...]) -> Self:
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
        return cls(restored, CompiledModule(**dict(zip(COMPILED_FIELDS, compiled, strict=True))))

    def __reduce__(self) -> tuple[Any, ...]:
        info = tuple(getattr(self.info, name) for name in INFO_FIELDS)
        compiled = tuple(getattr(self.compiled, name) for name in COMPILED_FIELDS)
        return (type(self).restored, (ARTIFACT_VERSION, info, compiled))

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        functions = len(self.info.functions) - self.info.imported_functions
        return f"<Module{name}: {functions} functions, {self.backend}, {len(self.compiled.code)} bytes of code>"
