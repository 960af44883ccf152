"""Compile and run WebAssembly.

::

    from wasmer_runtime import instantiate

    instance = instantiate('''
        (module (func (export "add") (param i32 i32) (result i32)
          local.get 0 local.get 1 i32.add))''')
    instance.exports.add(1, 2)   # 3

* `compile` and `instantiate` take a module as bytes, as text, or as a path.
* Imports are dictionaries: ``instantiate(wasm, {"env": {"log": print}})``.
* What can go wrong is in `wasmer_runtime.error`.
* ``wasmer-runtime``, or ``python -m wasmer_runtime``, is the command line.

Names are imported when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # checkers take it for True; importing typing would double the time of an import
if TYPE_CHECKING:
    from wasmer_runtime import cache, error, memory, middleware, processes, types, units, wasm
    from wasmer_runtime.api import (
        compile,
        compile_with,
        compile_with_config,
        compile_with_config_with,
        compiler_for_backend,
        default_compiler,
        instantiate,
        validate,
        validate_and_report_errors,
        wasm2wat,
        wat2wasm,
    )
    from wasmer_runtime.pool import Pool
    from wasmer_runtime.version import VERSION, __version__
    from wasmer_runtime_core.compiling.backend_names import Backend
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler
    from wasmer_runtime_core.contract.units import Bytes, Pages
    from wasmer_runtime_core.contract.values import (
        ElementType,
        FuncSig,
        GlobalDescriptor,
        MemoryDescriptor,
        TableDescriptor,
        TagDescriptor,
        Type,
        Value,
    )
    from wasmer_runtime_core.running.ctx import Ctx
    from wasmer_runtime_core.running.host import HostFunc, func
    from wasmer_runtime_core.running.imports import ImportObject, Namespace, imports
    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.interrupts import check_interrupts, seconds_left, timeout, wait, watch_signals
    from wasmer_runtime_core.running.module import ExportType, ImportType, Module
    from wasmer_runtime_core.running.objects.arrays import vectorize
    from wasmer_runtime_core.running.objects.functions import Function
    from wasmer_runtime_core.running.objects.globals import Global
    from wasmer_runtime_core.running.objects.limits import Limits
    from wasmer_runtime_core.running.objects.memory import Memory
    from wasmer_runtime_core.running.objects.pointers import Array, Item, WasmPtr
    from wasmer_runtime_core.running.objects.table import Table
    from wasmer_runtime_core.running.objects.tags import Tag, WasmException

__all__ = [
    "VERSION",
    "Array",
    "Backend",
    "Bytes",
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
    "Instance",
    "Item",
    "Limits",
    "Memory",
    "MemoryDescriptor",
    "Module",
    "Namespace",
    "Pages",
    "Pool",
    "Table",
    "TableDescriptor",
    "Tag",
    "TagDescriptor",
    "Type",
    "Value",
    "WasmException",
    "WasmPtr",
    "__version__",
    "cache",
    "check_interrupts",
    "compile",
    "compile_with",
    "compile_with_config",
    "compile_with_config_with",
    "compiler_for_backend",
    "default_compiler",
    "error",
    "func",
    "imports",
    "instantiate",
    "memory",
    "middleware",
    "processes",
    "seconds_left",
    "timeout",
    "types",
    "units",
    "validate",
    "validate_and_report_errors",
    "vectorize",
    "wait",
    "wasm",
    "wasm2wat",
    "wat2wasm",
    "watch_signals",
]

# The modules that hold those names; a test compares them with the imports above.
_HOMES = {
    "wasmer_runtime.api": (
        "compile",
        "compile_with",
        "compile_with_config",
        "compile_with_config_with",
        "compiler_for_backend",
        "default_compiler",
        "instantiate",
        "validate",
        "validate_and_report_errors",
        "wasm2wat",
        "wat2wasm",
    ),
    "wasmer_runtime.pool": ("Pool",),
    "wasmer_runtime.version": ("VERSION", "__version__"),
    "wasmer_runtime_core.running.objects.arrays": ("vectorize",),
    "wasmer_runtime_core.contract.backend": ("CompilerConfig",),
    "wasmer_runtime_core.contract.compiler": ("Compiler",),
    "wasmer_runtime_core.compiling.backend_names": ("Backend",),
    "wasmer_runtime_core.running.objects.functions": ("Function",),
    "wasmer_runtime_core.running.objects.globals": ("Global",),
    "wasmer_runtime_core.running.objects.tags": ("Tag", "WasmException"),
    "wasmer_runtime_core.running.host": ("HostFunc", "func"),
    "wasmer_runtime_core.running.imports": ("ImportObject", "Namespace", "imports"),
    "wasmer_runtime_core.running.instance": ("Instance",),
    "wasmer_runtime_core.running.interrupts": ("check_interrupts", "seconds_left", "timeout", "wait", "watch_signals"),
    "wasmer_runtime_core.running.objects.limits": ("Limits",),
    "wasmer_runtime_core.running.objects.memory": ("Memory",),
    "wasmer_runtime_core.running.module": ("ExportType", "ImportType", "Module"),
    "wasmer_runtime_core.running.objects.pointers": ("Array", "Item", "WasmPtr"),
    "wasmer_runtime_core.running.objects.table": ("Table",),
    "wasmer_runtime_core.contract.units": ("Bytes", "Pages"),
    "wasmer_runtime_core.contract.values": (
        "ElementType",
        "FuncSig",
        "GlobalDescriptor",
        "MemoryDescriptor",
        "TableDescriptor",
        "TagDescriptor",
        "Type",
        "Value",
    ),
    "wasmer_runtime_core.running.ctx": ("Ctx",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_SUBMODULES = ("cache", "error", "memory", "middleware", "processes", "types", "units", "wasm")


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return _module(f"{__name__}.{name}")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_module(home), name)
    setattr(sys.modules[__name__], name, value)
    return value


def _module(name: str) -> object:
    """`importlib.import_module`, without `importlib`, which takes as long to import as five modules of ours."""
    __import__(name)
    return sys.modules[name]


def __dir__() -> list[str]:
    return sorted(__all__)
