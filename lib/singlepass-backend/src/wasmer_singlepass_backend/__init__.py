"""The single-pass backend: WebAssembly to x86-64, as fast as it can be read.

`SinglepassCompiler` is what other packages use; it is loaded when first asked for.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmer_singlepass_backend.compiler import SinglepassCompiler as SinglepassCompiler

from wasmer_runtime_core.support import main_interpreter as main_interpreter  # before any compiled module
from wasmer_singlepass_backend.version import VERSION as VERSION

__all__ = ["SinglepassCompiler", "VERSION"]


def __getattr__(name: str) -> object:
    if name == "SinglepassCompiler":
        from wasmer_singlepass_backend.compiler import SinglepassCompiler

        return SinglepassCompiler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
