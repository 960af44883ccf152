"""``import my_module`` loads ``my_module.wasm`` or ``my_module.wat``.

::

    import wasmer_runtime.importer
    import my_module            # found on sys.path, or in a package, like a Python module

    my_module.add(1, 2)

Importing this module installs the hook (`uninstall` removes it). It is asked last: a Python
module of the same name wins, and ``.wasm`` wins over ``.wat``. The file is compiled by the
default backend and instantiated once; its exports become the module's attributes, and
``from my_module import add`` works as usual.

*Imports* of the WebAssembly module are found by namespace: ``(import "host" "log" …)`` is
the attribute ``log`` of the Python (or WebAssembly) module ``host``, looked for beside the
importing module in its package first, then on its own. WASI's namespaces come from
wasmer-wasi: the program has no arguments, no environment and no directories, and shares
the standard streams. A WASI library's ``_initialize`` is called; a program's ``_start`` is
an attribute like any other and is not.

Every module so made has ``__wasm_module__`` (the `Module`) and ``__wasm_instance__`` (the
`Instance`). What cannot be found is an ImportError; what does not fit a `LinkError`; a file that is
no module, a `CompileError`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from wasmer_runtime.api import compile
from wasmer_runtime_core.imports import ImportObject
from wasmer_runtime_core.module import Module

SUFFIXES: Final = (".wasm", ".wat")
WASI_NAMESPACES: Final = ("wasi_snapshot_preview1", "wasi_unstable")

__all__ = ["WasmFinder", "WasmLoader", "install", "uninstall"]


class WasmFinder(MetaPathFinder):
    """Finds files; see the module's description."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of a module whose file is in `path` (default: sys.path), or None."""
        name = fullname.rpartition(".")[2]
        for folder in sys.path if path is None else path:
            if not isinstance(folder, str):
                continue
            for suffix in SUFFIXES:
                file = os.path.join(folder or os.getcwd(), name + suffix)
                if os.path.isfile(file):
                    return spec_from_file_location(fullname, file, loader=WasmLoader(fullname, file))
        return None


class WasmLoader(Loader):
    """Compiles and instantiates one file.

    Attributes:
        name: of the module.
        path: of its file.
    """

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path

    def exec_module(self, module: ModuleType) -> None:
        """Fill a new module.

        Raises:
            ImportError: a namespace that it imports from is no module.
            LinkError, CompileError: as `instantiate` does.
        """
        wasm = compile(Path(self.path))
        instance = wasm.instantiate(self.imports(wasm))
        exports = instance.exports
        names = list(exports)
        if any(namespace in WASI_NAMESPACES for namespace, _, _ in wasm.imports) and "_initialize" in names:
            exports["_initialize"]()
        module.__dict__.update({name: exports[name] for name in names})
        module.__dict__["__wasm_module__"] = wasm
        module.__dict__["__wasm_instance__"] = instance
        module.__dict__["__all__"] = [name for name in names if name.isidentifier() and not name.startswith("_")]
        if module.__doc__ is None:
            module.__doc__ = f"WebAssembly module {self.path}"

    def imports(self, wasm: Module) -> ImportObject:
        """What the module imports, taken from other modules.

        Raises:
            ImportError: a namespace is no module.
        """
        wanted: dict[str, list[str]] = {}
        for namespace, name, _ in wasm.imports:
            wanted.setdefault(namespace, []).append(name)
        imports = ImportObject()
        for namespace, names in wanted.items():
            if namespace in WASI_NAMESPACES:
                wasi = self.wasi(namespace)
                imports.state_creator = wasi.state_creator
                imports.register(namespace, wasi[namespace])
                continue
            source = self.source(namespace)
            imports.register(namespace, {name: getattr(source, name) for name in names if hasattr(source, name)})
        return imports

    def wasi(self, namespace: str) -> Any:
        """Imports of a WASI program without arguments and directories."""
        try:
            from wasmer_wasi import WasiVersion, generate_import_object_for_version
        except ImportError:
            raise ImportError(
                f"{self.path} needs WASI; install it with: pip install wasmer-runtime[wasi]", name=namespace
            ) from None
        return generate_import_object_for_version(WasiVersion.parse(namespace), [self.name])

    def source(self, namespace: str) -> ModuleType:
        """The module that a namespace stands for."""
        package = self.name.rpartition(".")[0]
        candidates = ([f"{package}.{namespace}"] if package else []) + [namespace]
        for candidate in candidates:
            try:
                found = candidate in sys.modules or find_spec(candidate) is not None
            except (ImportError, ValueError):
                found = False
            if found:
                return import_module(candidate)
        raise ImportError(
            f"{self.path} imports from {namespace!r}, and there is no module {' or '.join(candidates)}", name=namespace
        )


_finder: Final = WasmFinder()


def install() -> None:
    """Let ``import`` find WebAssembly modules. Importing this module has done it already."""
    if _finder not in sys.meta_path:
        sys.meta_path.append(_finder)


def uninstall() -> None:
    """Leave ``import`` as it was; modules that were imported stay."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


install()
