"""The core of the runtime: the format, the contract between its parts, the machine state.

Programs use `wasmer_runtime`; what is listed here is for embedders that bring their own
compiler, and for the packages above. Names are imported when they are first used, so that
importing this package costs nothing.
"""

from __future__ import annotations

import sys

from wasmer_runtime_core.bundles import Finder as _Bundled

TYPE_CHECKING = False  # checkers take it for True; importing typing would double the time of an import
if TYPE_CHECKING:
    from wasmer_runtime_core import errors as error
    from wasmer_runtime_core.compile_module import compile_with
    from wasmer_runtime_core.compiling.backend_names import Backend
    from wasmer_runtime_core.compiling.pipeline import validate, validate_and_report_errors
    from wasmer_runtime_core.compiling.registry import find_compiler
    from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler
    from wasmer_runtime_core.contract.units import Bytes, Pages
    from wasmer_runtime_core.contract.values import (
        ElementType,
        FuncSig,
        GlobalDescriptor,
        Initializer,
        MemoryDescriptor,
        TableDescriptor,
        TagDescriptor,
        Type,
        Value,
    )
    from wasmer_runtime_core.running.ctx import Ctx
    from wasmer_runtime_core.running.host import HostFunc, func
    from wasmer_runtime_core.running.imports import ImportObject, Namespace
    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.internal_fields import InternalField
    from wasmer_runtime_core.running.module import ExportType, ImportType, Module
    from wasmer_runtime_core.running.objects.functions import Function
    from wasmer_runtime_core.running.objects.globals import Global
    from wasmer_runtime_core.running.objects.memory import Memory
    from wasmer_runtime_core.running.objects.table import Table
    from wasmer_runtime_core.running.objects.tags import Tag, WasmException
    from wasmer_runtime_core.version import VERSION, __version__

__all__ = [
    "VERSION",
    "Backend",
    "Bytes",
    "CompiledModule",
    "Compiler",
    "CompilerConfig",
    "Ctx",
    "ElementType",
    "ExportType",
    "FuncSig",
    "Function",
    "Global",
    "GlobalDescriptor",
    "HostFunc",
    "ImportObject",
    "ImportType",
    "Initializer",
    "Instance",
    "InternalField",
    "Memory",
    "MemoryDescriptor",
    "Module",
    "Namespace",
    "Pages",
    "Table",
    "TableDescriptor",
    "Tag",
    "TagDescriptor",
    "Type",
    "Value",
    "WasmException",
    "__version__",
    "compile_with",
    "error",
    "find_compiler",
    "func",
    "validate",
    "validate_and_report_errors",
]

# The modules that hold those names, each row as in the imports above.
_HOMES = {
    "contract.backend": ("CompiledModule", "CompilerConfig"),
    "contract.compiler": ("Compiler",),
    "compiling.backend_names": ("Backend",),
    "compiling.registry": ("find_compiler",),
    "running.objects.functions": ("Function",),
    "running.objects.globals": ("Global",),
    "running.objects.tags": ("Tag", "WasmException"),
    "running.host": ("HostFunc", "func"),
    "running.imports": ("ImportObject", "Namespace"),
    "running.instance": ("Instance",),
    "running.objects.memory": ("Memory",),
    "running.module": ("ExportType", "ImportType", "Module"),
    "compiling.pipeline": ("validate", "validate_and_report_errors"),
    "compile_module": ("compile_with",),
    "running.objects.table": ("Table",),
    "contract.units": ("Bytes", "Pages"),
    "contract.values": (
        "ElementType",
        "FuncSig",
        "GlobalDescriptor",
        "Initializer",
        "MemoryDescriptor",
        "TableDescriptor",
        "TagDescriptor",
        "Type",
        "Value",
    ),
    "version": ("VERSION", "__version__"),
    "running.ctx": ("Ctx",),
    "running.internal_fields": ("InternalField",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name == "error":
        value = _module("wasmer_runtime_core.errors")
    else:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(_module(f"{__name__}.{home}"), name)
    setattr(sys.modules[__name__], name, value)  # globals() is not the built-in here: a submodule has that name
    return value


def _module(name: str) -> object:
    """`importlib.import_module`, without `importlib`, which takes as long to import as five modules of ours."""
    __import__(name)
    return sys.modules[name]


def __dir__() -> list[str]:
    return sorted(__all__)


class _FormerNames:
    """Finds modules that were elsewhere once; see `former_names`."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> object:
        if not name.startswith(f"{__name__}."):
            return None
        from wasmer_runtime_core.former_names import specification

        return specification(name)


sys.meta_path.insert(0, _Bundled)
sys.meta_path.append(_FormerNames)  # type: ignore[arg-type]
