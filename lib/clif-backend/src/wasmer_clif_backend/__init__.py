"""The optimising backend after Cranelift's design: compiles slower than singlepass, faster than llvm.

`CraneliftCompiler` is what other packages use; it is loaded when first asked for. ``python -m wasmer_clif_backend``
has the tools for CLIF's text.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmer_clif_backend.compiler import CraneliftCompiler as CraneliftCompiler
    from wasmer_clif_backend.notices import CraneliftWarning as CraneliftWarning

from wasmer_clif_backend.version import VERSION as VERSION
from wasmer_runtime_core.support import main_interpreter as main_interpreter  # before any compiled module

__all__ = ["VERSION", "CraneliftCompiler", "CraneliftWarning"]


def __getattr__(name: str) -> object:
    if name == "CraneliftCompiler":
        from wasmer_clif_backend.compiler import CraneliftCompiler

        return CraneliftCompiler
    if name == "CraneliftWarning":
        from wasmer_clif_backend.notices import CraneliftWarning

        return CraneliftWarning
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
