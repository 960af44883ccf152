"""Machine code on pages of its own, ready to run.

`publish` copies a `CompiledModule` behind its table of code addresses and makes it
executable. The pages live as long as the object, which plans and instances hold.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.backend import CompiledModule
from wasmer_runtime_core.contract.target import TARGET, host_features
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.native.machine import Code
from wasmer_runtime_core.wasm.module import ModuleInfo


def publish(compiled: CompiledModule, info: ModuleInfo) -> Code:
    """Put a compiled module's code where it can run.

    Raises:
        CompileError: it is for another machine, or needs what this processor lacks.
        MemoryError: no room for it.
    """
    if compiled.target != TARGET:
        raise CompileError(f"this code is for {compiled.target}; this machine runs {TARGET}")
    if compiled.cpu_features:
        have = host_features()
        missing = [name for name in compiled.cpu_features if name not in have]
        if missing:
            raise CompileError(f"this code needs a processor with {', '.join(missing)}; compile it again here")
    if compiled.relocations:
        raise CompileError(
            "this code has relocations; only code that reaches everything through its table is supported"
        )
    return Code(
        compiled.code,
        compiled.function_offsets,
        compiled.sites,
        info.imported_functions,
        info,
        compiled.release_gil,
        compiled.inlined,
        compiled.handlers,
        compiled.saved,
    )
