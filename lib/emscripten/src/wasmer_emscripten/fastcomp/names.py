"""Names as this package has them: without the ``_`` that the first backend put before each name of C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_emscripten.glue.names import Names

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

_WASI: Final = "__wasi_"


def real(name: str) -> str:
    """A name of C, as it was before the backend."""
    return name.removeprefix("_").removeprefix(_WASI)


def without_underscores(info: ModuleInfo, names: Names) -> Names:
    """The names of a module of the first backend, by what it imports and exports."""
    imports = {entry.name: real(entry.name) for entry in info.imports if entry.name.startswith("_")}
    minified = {letters: name.removeprefix(_WASI) for letters, name in names.imports.items()}
    exports = {entry.name.removeprefix("_"): entry.name for entry in info.exports}
    return Names(imports | minified, {**exports, **names.exports}, names.texts)
