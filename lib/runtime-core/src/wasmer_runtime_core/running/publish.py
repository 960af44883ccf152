"""Machine code on pages of its own, ready to run.

`publish` copies a `CompiledModule` behind its table of code addresses and makes it
executable. The pages live as long as the object, which plans and instances hold. Of a module whose functions are
compiled when they are called, `publish_lazily` makes a table that says so.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.backend import CompiledModule
from wasmer_runtime_core.contract.target import TARGET, host_features
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.native.machine import Code
from wasmer_runtime_core.support.annotations import TYPE_CHECKING
from wasmer_runtime_core.wasm.module import ModuleInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmer_runtime_core.contract.compiler import LazyFunctions


def publish(
    compiled: CompiledModule, info: ModuleInfo, tick: Callable[[Code], int] | None = None, packed: bool = False
) -> Code:
    """Put a compiled module's code where it can run.

    Args:
        compiled: the code.
        info: what names its functions.
        tick: who replaces its code, and is told now and then that there is something to look at.
        packed: its table of sites is, as in artifacts (`native.machine.pack_sites`).

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
        packed,
        None,
        tick,
    )


def publish_lazily(functions: LazyFunctions, info: ModuleInfo) -> Code:
    """The code of a module of which nothing is compiled yet.

    Raises:
        MemoryError: no room for it.
    """
    count = len(info.functions) - info.imported_functions
    return Code(
        b"",
        bytes(4 * (count + 1)),
        b"",
        info.imported_functions,
        info,
        functions.release_gil,
        compile=functions.compile_function,
    )
