"""The backend that hands WebAssembly to LLVM through llvmlite: slowest to compile, fastest to run.

>>> from wasmer_runtime import compile
>>> module = compile(wasm, backend="llvm")                       # as exact as the other backends
>>> module = compile_with(wasm, LLVMCompiler(opt_level=3, cpu="x86-64-v3", fast=True))

Names are imported when they are first used: a worker process needs none of them.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # checkers take it for True
if TYPE_CHECKING:
    from wasmer_llvm_backend.compiler import LLVMCallbacks, LLVMCompiler
    from wasmer_llvm_backend.notices import LLVMWarning
    from wasmer_llvm_backend.version import VERSION

__all__ = ["VERSION", "LLVMCallbacks", "LLVMCompiler", "LLVMWarning"]

_HOMES = {"VERSION": "version", "LLVMCallbacks": "compiler", "LLVMCompiler": "compiler", "LLVMWarning": "notices"}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
