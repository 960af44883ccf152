"""Machine code on pages of its own, ready to run.

`publish` copies a `CompiledModule` behind its table of code addresses and makes it
executable. The pages live as long as the object, which plans and instances hold.
"""

from __future__ import annotations

from typing import Final

from wasmer_runtime_core.backend import CompiledModule
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.native.machine import Code
from wasmer_runtime_core.wasm.module import ModuleInfo

TARGET: Final = "x86_64-sysv"

_BASELINE: Final = frozenset({"sse", "sse2", "fxsr", "cmov", "mmx"})
_CPUINFO_NAMES: Final = {"sse3": "pni", "sse4.1": "sse4_1", "sse4.2": "sse4_2", "lzcnt": "abm"}

_found_features: frozenset[str] | None = None


def cpu_features() -> frozenset[str]:
    """What this processor has, in the kernel's words ("sse4_1", "avx2", …)."""
    global _found_features
    if _found_features is None:
        _found_features = _BASELINE
        try:
            with open("/proc/cpuinfo") as lines:
                for line in lines:
                    if line.startswith("flags"):
                        _found_features = frozenset(line.partition(":")[2].split())
                        break
        except OSError:
            pass
    return _found_features


def publish(compiled: CompiledModule, info: ModuleInfo) -> Code:
    """Put a compiled module's code where it can run.

    Raises:
        CompileError: it is for another machine, or needs what this processor lacks.
        MemoryError: no room for it.
    """
    if compiled.target != TARGET:
        raise CompileError(f"this code is for {compiled.target}; this machine runs {TARGET}")
    if compiled.cpu_features:
        have = cpu_features()
        missing = [name for name in compiled.cpu_features if _CPUINFO_NAMES.get(name, name) not in have]
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
    )
