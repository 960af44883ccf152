"""The place of the cranelift backend, which is not there yet.

What it will be: an SSA compiler written here after Cranelift's design, which optimises and compiles
slower than singlepass. Until then the distribution exists so that its name, its place among the
layers and its entry point are settled, and whoever asks for the backend is told so instead of
getting another one.
"""

from __future__ import annotations

from wasmer_clif_backend.version import VERSION
from wasmer_runtime_core.errors import BackendError

__all__ = ["VERSION", "CraneliftCompiler"]


class CraneliftCompiler:
    """Raises `BackendError` when made: this version has no cranelift backend."""

    name = "cranelift"

    def __init__(self) -> None:
        raise BackendError(
            f"the cranelift backend is not available in this version (wasmer-clif-backend {VERSION}); "
            'compile with backend="singlepass"'
        )
