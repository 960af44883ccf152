"""``import my_module`` loads ``my_module.wasm`` or ``my_module.wat``, in the sandbox that every module has.

::

    import wasmer_runtime.importer
    import my_module            # found on sys.path, or in a package, like a Python module

    my_module.add(1, 2)

Importing this module installs the hook (`uninstall` removes it). It is asked last: a Python
module of the same name wins, and ``.wasm`` wins over ``.wat``. The file is compiled by the
default backend and instantiated once; its exports become the module's attributes, and
``from my_module import add`` works as usual. Names that begin and end with two underscores are
Python's own: such an export is reached through ``__wasm_instance__``.

*Imports* of the WebAssembly module come from what was allowed, and nothing was allowed at first: the
names in a file choose among what its host offers, they never reach a Python module by themselves::

    wasmer_runtime.importer.install({"host": {"log": print}}, wasi=True)

See `install` for what may be offered, docs/import-hook.md for examples. A WASI library's ``_initialize``
is called; a program's ``_start`` is an attribute like any other and is not.

Every module so made has ``__wasm_module__`` (the `Module`) and ``__wasm_instance__`` (the
`Instance`). A namespace that was not allowed is an ImportError; what does not fit a `LinkError`; a file
that is no module, a `CompileError`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from wasmer_runtime.api import compile
from wasmer_runtime_core.running.imports import ImportObject
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.support.printable import printable

SUFFIXES: Final = (".wasm", ".wat")
WASI_NAMESPACES: Final = ("wasi_snapshot_preview1", "wasi_unstable")

__all__ = ["WasmFinder", "WasmLoader", "install", "uninstall"]


class Allowed(NamedTuple):
    """What the modules of one package may import from."""

    namespaces: Mapping[str, Any]
    wasi: bool
    package: str = ""
    """The package that was spoken of, "" for all."""


NOTHING: Final = Allowed({}, False)


class WasmFinder(MetaPathFinder):
    """Finds files; see the module's description.

    Attributes:
        allowed: by package, "" for all; of several that a module lies in, the innermost that says something.
    """

    def __init__(self) -> None:
        self.allowed: dict[str, Allowed] = {}

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
                    loader = WasmLoader(fullname, file, self.allowed_to(fullname))
                    return spec_from_file_location(fullname, file, loader=loader)
        return None

    def allowed_to(self, fullname: str) -> Allowed:
        """What a module may import from."""
        package = fullname
        while package:
            package = package.rpartition(".")[0]
            if package in self.allowed:
                return self.allowed[package]
        return NOTHING


class WasmLoader(Loader):
    """Compiles and instantiates one file.

    Attributes:
        name: of the module.
        path: of its file.
        allowed: what it may import from.
    """

    def __init__(self, name: str, path: str, allowed: Allowed = NOTHING) -> None:
        self.name = name
        self.path = path
        self.allowed = allowed

    def exec_module(self, module: ModuleType) -> None:
        """Fill a new module.

        Raises:
            ImportError: it imports from namespaces that were not allowed.
            LinkError, CompileError: as `instantiate` does.
        """
        wasm = compile(Path(self.path))
        instance = wasm.instantiate(self.imports(wasm))
        exports = instance.exports
        initialize = exports["_initialize"] if "_initialize" in exports else None
        if callable(initialize) and any(namespace in WASI_NAMESPACES for namespace, _, _ in wasm.imports):
            initialize()
        names = [name for name in exports if not (name.startswith("__") and name.endswith("__"))]
        module.__dict__.update({name: exports[name] for name in names})
        module.__dict__["__wasm_module__"] = wasm
        module.__dict__["__wasm_instance__"] = instance
        module.__dict__["__all__"] = [name for name in names if name.isidentifier() and not name.startswith("_")]
        if module.__doc__ is None:
            module.__doc__ = f"WebAssembly module {self.path}"

    def imports(self, wasm: Module) -> ImportObject:
        """What the module imports, of what it may import.

        Raises:
            ImportError: it wants something else.
        """
        wanted = dict.fromkeys(namespace for namespace, _, _ in wasm.imports)
        self.require(list(wanted))
        imports = ImportObject()
        for namespace in wanted:
            if namespace in self.allowed.namespaces:
                imports.register(namespace, offered(self.allowed.namespaces[namespace]))
            else:
                wasi = self.wasi(namespace)
                imports.state_creator = wasi.state_creator
                imports.register(namespace, wasi[namespace])
        return imports

    def require(self, wanted: Sequence[str]) -> None:
        """Check that all namespaces are allowed.

        Raises:
            ImportError: some are not; says how to allow them.
        """
        namespaces, wasi, package = self.allowed
        refused = [each for each in wanted if each not in namespaces and not (wasi and each in WASI_NAMESPACES)]
        if not refused:
            return
        others = [each for each in refused if each not in WASI_NAMESPACES]
        offer = [f"{{{', '.join(f'{each!r}: …' for each in others)}}}"] if others else []
        if len(others) < len(refused):
            offer.append("wasi=True")
        if package:  # which gets nothing of what all are allowed
            offer.append(f"package={package!r}")
        raise ImportError(
            f"{printable(self.path)} imports from {', '.join(map(repr, refused))}, which it was not allowed; "
            f"before it is imported, call wasmer_runtime.importer.install({', '.join(offer)})",
            name=self.name,
            path=self.path,
        )

    def wasi(self, namespace: str) -> Any:
        """Imports of a WASI program without arguments and directories."""
        try:
            from wasmer_wasi import WasiVersion, generate_import_object_for_version
        except ImportError:
            raise ImportError(
                f"{printable(self.path)} needs WASI; install it with: pip install wasmer-runtime[wasi]",
                name=self.name,
                path=self.path,
            ) from None
        return generate_import_object_for_version(WasiVersion.parse(namespace), [self.name])


def offered(source: Any) -> Any:
    """What an allowed namespace gives: of a Python module what ``from module import *`` would, of anything else all."""
    if isinstance(source, str):
        source = import_module(source)
    if not isinstance(source, ModuleType):
        return source
    members = vars(source)
    if "__wasm_instance__" in members:
        return members["__wasm_instance__"]
    names = getattr(source, "__all__", None)
    if names is None:
        names = [name for name in members if not name.startswith("_")]
    return {name: getattr(source, name) for name in names}


_finder: Final = WasmFinder()


def install(namespaces: Mapping[str, Any] | None = None, *, wasi: bool = False, package: str = "") -> None:
    """Let ``import`` find WebAssembly modules, and allow these to import more than before.

    Importing this module has called ``install()``. Modules that are imported already stay as they are.

    Args:
        namespaces: what is offered under which namespace: a mapping of names, an instance, a module, or the
            name of a module, which is imported when a file asks for the namespace. A Python module offers what
            ``from module import *`` gives, functions that it imported itself included: prefer a mapping.
        wasi: whether the namespaces of WASI are offered, by wasmer-wasi: without arguments, environment and
            directories, with the standard streams, clocks and random numbers of this process.
        package: allowed to the modules in this package and below alone, in place of what all are allowed.
    """
    before = _finder.allowed.get(package, NOTHING)
    _finder.allowed[package] = Allowed({**before.namespaces, **(namespaces or {})}, before.wasi or wasi, package)
    if _finder not in sys.meta_path:
        sys.meta_path.append(_finder)


def uninstall() -> None:
    """Leave ``import`` as it was, and forget what was allowed; modules that were imported stay."""
    _finder.allowed.clear()
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


install()
