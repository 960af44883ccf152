"""What a module is, as plain data: for ``inspect``, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from wasmer_runtime_core.compiling.pipeline import Compilation
from wasmer_runtime_core.running.module import extern_type
from wasmer_runtime_core.wasm.module import KIND_NAMES, ModuleInfo, import_type
from wasmer_runtime_core.wasm.reader import Reader
from wasmer_runtime_core.wasm.types import show_external_type
from wasmer_runtime_core.wasm.validation.switched_off import features_used

SECTIONS: Final = (
    *("custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element"),
    *("code", "data", "data count", "tag"),
)
"""By number (specification, section 5.5.2)."""
HEADER_BYTES: Final = 8

DOTNET: Final = ("mono_wasm_", "SystemInteropJS_", "mono_interp_")
"""How functions begin that only .NET's runtime imports."""


class Program(NamedTuple):
    """What kind of program a module is."""

    kind: str
    """``"wasi"``, ``"emscripten"``, ``"go"``, ``"dotnet"``; ``"library"`` of WASI; ``""``: a plain module."""
    version: str
    """Of the interface, or ""."""
    shown: str
    unknown: tuple[tuple[str, str], ...]
    """Namespaces and names of functions that it imports, and that its kind of program has not."""


class Holder:
    """Stands for a module where nothing is compiled: the packages of programs look at `info` alone."""

    def __init__(self, info: ModuleInfo) -> None:
        self.info = info


def program(info: ModuleInfo) -> Program:
    """The kind of program; where the package for it is not installed, by its imports alone."""
    names = [(row.namespace, row.name) for row in info.imports]
    if any(name.startswith(DOTNET) for _, name in names):
        return Program("dotnet", "", "a .NET runtime", ())
    if any(namespace in ("go", "gojs") for namespace, _ in names):
        return Program("go", "", "a Go program", ())
    wasi = next((each for each, _ in names if each in ("wasi_unstable", "wasi_snapshot_preview1")), None)
    if any(namespace == "env" for namespace, _ in names):
        try:
            from wasmer_emscripten import is_emscripten_module
        except ModuleNotFoundError:
            pass
        else:
            if is_emscripten_module(Holder(info)):
                return Program("emscripten", "", "a program of emcc", ())
    if wasi is None:
        return Program("", "", "", ())
    version = "snapshot0" if wasi == "wasi_unstable" else "snapshot1"
    exports = {row.name for row in info.exports}
    kind = "library" if "_initialize" in exports and "_start" not in exports else "wasi"
    return Program(kind, version, f"a WASI {'library' if kind == 'library' else 'program'}", _not_wasi(wasi, names))


def _not_wasi(namespace: str, names: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    try:
        from wasmer_wasi.functions import FUNCTIONS
    except ModuleNotFoundError:
        return ()
    known = {row.name for row in FUNCTIONS}
    threads = ("wasi", "thread-spawn")
    return tuple(
        (space, name)
        for space, name in names
        if not (space == namespace and name in known) and (space, name) not in (threads, ("env", "memory"))
    )


def sections(binary: bytes) -> Iterator[tuple[str, int]]:
    """The sections in their order: name (of a custom one its own) and size in bytes."""
    reader = Reader(binary, HEADER_BYTES, len(binary))
    while not reader.at_end():
        number = int(reader.byte())
        size = int(reader.u32())
        start = int(reader.skip(size))
        name = SECTIONS[number]
        if number == 0:
            name = f"custom {Reader(binary, start, start + size).name()}"
        yield name, size


def description(compilation: Compilation, found: Program) -> dict[str, Any]:
    """All of it, of a module that is validated, and of which it is known what kind of program it is."""
    info, binary = compilation.info, compilation.binary
    return {
        "bytes": len(binary),
        "name": info.module_name,
        "program": {
            "kind": found.kind,
            "version": found.version,
            "unknown_imports": [{"namespace": space, "name": name} for space, name in found.unknown],
        },
        "features": dict(sorted(features_used(compilation.decoded).items())),
        "functions": len(info.functions) - info.imported_functions,
        "imports": [
            {
                "namespace": row.namespace,
                "name": row.name,
                "kind": KIND_NAMES[row.kind],
                "type": show_external_type(import_type(info, row)),
            }
            for row in info.imports
        ],
        "exports": [
            {"name": name, "kind": KIND_NAMES[kind], "type": show_external_type(extern_type(info, kind, index))}
            for name, kind, index in info.exports
        ],
        "sections": [{"name": name, "bytes": size} for name, size in sections(binary)],
    }
