"""The core of the runtime: the format, the contract between its parts, the machine state.

Programs use `wasmer_runtime`; what is listed here is for embedders that bring their own
compiler, and for the packages above. Names are imported when they are first used, so that
importing this package costs nothing.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # checkers take it for True; importing typing would double the time of an import
if TYPE_CHECKING:
    from wasmer_runtime_core import errors as error
    from wasmer_runtime_core.backend import CompiledModule, Compiler, CompilerConfig
    from wasmer_runtime_core.backends import Backend, find_compiler
    from wasmer_runtime_core.functions import Function
    from wasmer_runtime_core.globals import Global
    from wasmer_runtime_core.host import HostFunc, func
    from wasmer_runtime_core.imports import ImportObject, Namespace
    from wasmer_runtime_core.instance import Instance
    from wasmer_runtime_core.memory import Memory
    from wasmer_runtime_core.module import ExportType, ImportType, Module
    from wasmer_runtime_core.pipeline import compile_with, validate, validate_and_report_errors
    from wasmer_runtime_core.table import Table
    from wasmer_runtime_core.units import Bytes, Pages
    from wasmer_runtime_core.values import (
        ElementType,
        FuncSig,
        GlobalDescriptor,
        Initializer,
        MemoryDescriptor,
        TableDescriptor,
        Type,
        Value,
    )
    from wasmer_runtime_core.version import VERSION
    from wasmer_runtime_core.vm import Ctx, InternalField

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
    "Type",
    "Value",
    "compile_with",
    "error",
    "find_compiler",
    "func",
    "validate",
    "validate_and_report_errors",
]

# The modules that hold those names, each row as in the imports above.
_HOMES = {
    "backend": ("CompiledModule", "Compiler", "CompilerConfig"),
    "backends": ("Backend", "find_compiler"),
    "functions": ("Function",),
    "globals": ("Global",),
    "host": ("HostFunc", "func"),
    "imports": ("ImportObject", "Namespace"),
    "instance": ("Instance",),
    "memory": ("Memory",),
    "module": ("ExportType", "ImportType", "Module"),
    "pipeline": ("compile_with", "validate", "validate_and_report_errors"),
    "table": ("Table",),
    "units": ("Bytes", "Pages"),
    "values": (
        "ElementType",
        "FuncSig",
        "GlobalDescriptor",
        "Initializer",
        "MemoryDescriptor",
        "TableDescriptor",
        "Type",
        "Value",
    ),
    "version": ("VERSION",),
    "vm": ("Ctx", "InternalField"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "error":
        value: object = import_module("wasmer_runtime_core.errors")
    else:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{home}"), name)
    setattr(sys.modules[__name__], name, value)  # globals() is not the built-in here: a submodule has that name
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
