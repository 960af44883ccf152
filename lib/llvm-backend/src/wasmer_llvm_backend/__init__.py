"""The place of the llvm backend, which is not there yet.

What it will be: WebAssembly handed to LLVM through llvmlite, slowest to compile, fastest to run.
Until then the distribution exists so that its name, its place among the layers and its entry
point are settled, and whoever asks for the backend is told so instead of getting another one.
"""

from __future__ import annotations

from wasmer_llvm_backend.version import VERSION
from wasmer_runtime_core.errors import BackendError

__all__ = ["VERSION", "LLVMCompiler"]


class LLVMCompiler:
    """Raises `BackendError` when made: this version has no llvm backend."""

    name = "llvm"

    def __init__(self) -> None:
        raise BackendError(
            f"the llvm backend is not available in this version (wasmer-llvm-backend {VERSION}); "
            'compile with backend="singlepass"'
        )
