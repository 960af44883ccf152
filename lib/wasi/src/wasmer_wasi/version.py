"""The versions of the interface, how a module's is found, and the version of this distribution.

A module says which interface it was built for by the namespace that its functions are
imported from. `LATEST` is a floating choice that only a user makes; a module is never
found to be of version `LATEST`.
"""

from __future__ import annotations

import enum

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "0.1.0"
__version__ = VERSION


class WasiVersion(enum.Enum):
    """A version of the interface; the value is its name on command lines."""

    SNAPSHOT0 = "snapshot0"
    SNAPSHOT1 = "snapshot1"
    LATEST = "latest"

    def pinned(self) -> WasiVersion:
        """`LATEST` as what it stands for today, others as they are."""
        return WasiVersion.SNAPSHOT1 if self is WasiVersion.LATEST else self

    @property
    def namespace(self) -> str:
        """The module name its functions are imported from."""
        return NAMESPACES[self.pinned()]

    @classmethod
    def parse(cls, name: str) -> WasiVersion:
        """The version of this name, in any case, or of this namespace.

        Raises:
            ValueError: there is no such version.
        """
        for version in cls:
            if name.lower() == version.value or name == NAMESPACES.get(version):
                return version
        names = ", ".join(version.value for version in cls)
        raise ValueError(f"The WASI version {name} doesn't exist; there are {names}")


NAMESPACES: Final = {
    WasiVersion.SNAPSHOT0: "wasi_unstable",
    WasiVersion.SNAPSHOT1: "wasi_snapshot_preview1",
}
BY_NAMESPACE: Final = {namespace: version for version, namespace in NAMESPACES.items()}

_FUNCTION: Final = 0  # the kind of an import, as core's wasm.module numbers them


def get_wasi_version(module: Any, strict: bool) -> WasiVersion | None:
    """The version that `module` was built for, or None if it does not use WASI.

    Only imported functions count. `strict`: all of them come from one namespace and it is a
    WASI one. Not `strict`: the first WASI namespace met decides.

    Args:
        module: a module of the runtime, or its `ModuleInfo`.
    """
    found: WasiVersion | None = None
    for namespace in _function_namespaces(module):
        version = BY_NAMESPACE.get(namespace)
        if not strict:
            if version is not None:
                return version
        elif version is None or (found is not None and found is not version):
            return None
        else:
            found = version
    return found


def is_wasi_module(module: Any) -> bool:
    """Whether `module` imports any function of WASI."""
    return get_wasi_version(module, strict=False) is not None


def _function_namespaces(module: Any) -> Iterator[str]:
    """The namespaces of imported functions, in the module's order."""
    info = getattr(module, "info", module)
    if callable(info):
        info = info()
    for imported in info.imports:
        if imported.kind == _FUNCTION:
            yield imported.namespace
