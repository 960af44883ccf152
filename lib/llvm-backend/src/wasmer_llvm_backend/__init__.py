"""The backend that hands WebAssembly to LLVM through llvmlite: slowest to compile, fastest to run.

>>> from wasmer_runtime import compile
>>> module = compile(wasm, backend="llvm")                       # as exact as the other backends
>>> module = compile_with(wasm, LLVMCompiler(opt_level=3, cpu="x86-64-v3", fast=True))
"""

from __future__ import annotations

from wasmer_llvm_backend.compiler import LLVMCallbacks, LLVMCompiler
from wasmer_llvm_backend.version import VERSION

__all__ = ["VERSION", "LLVMCallbacks", "LLVMCompiler"]
