"""`compile_with`: from bytes to a `Module`. Only this knows `compiling` and `running`, which do not know each other."""

from __future__ import annotations

from wasmer_runtime_core.compiling.pipeline import Compilation, Source, run
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.support.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler


def compile_with(source: Source, compiler: Compiler, config: CompilerConfig | None = None) -> Module:
    """Compile a module with a backend.

    Raises:
        DecodeError: malformed.
        ValidationError: not valid.
        UnsupportedFeatureError: uses a feature that is not here, or is switched off.
        ImplementationLimitError: larger than `config` lets a module be.
        CompileError: the backend cannot do what it needs.
    """
    compilation = run(Compilation(source, compiler, config))
    return Module(compilation.info, compilation.compiled, compilation.config)
