"""`compile_with`: from bytes to a `Module`. Only this knows `compiling` and `running`, which do not know each other."""

from __future__ import annotations

from wasmer_runtime_core.compiling.pipeline import Compilation, Source, run
from wasmer_runtime_core.native.machine import trim_heap
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final

LARGE_MODULE_BYTES: Final = 4 << 20
"""Of such a module, what compiling took and is free again goes back to the system: five times its size, in about a
hundredth of the time that compiling took. The C library would keep it."""

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wasmer_runtime_core.compiling.tiers.owner import WholeModules
    from wasmer_runtime_core.compiling.tiers.tiered import Tiered
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler


def compile_with(
    source: Source,
    compiler: Compiler,
    config: CompilerConfig | None = None,
    lazy: bool = False,
    tiers: Sequence[str] = (),
    whole: Callable[[], WholeModules] | None = None,
) -> Module:
    """Compile a module with a backend.

    Args:
        source: the module.
        compiler: the backend.
        config: how to compile.
        lazy: validate now, and compile each function when it is first called; backends that compile modules as a
            whole do that now all the same.
        tiers: backends that may compile hot functions again in the background, ascending, where there can be tiers
            (`in_tiers`).
        whole: gives who has the last tier, which is of the whole module, when that is wanted first.

    Raises:
        DecodeError: malformed.
        ValidationError: not valid.
        UnsupportedFeatureError: uses a feature that is not here, or is switched off.
        ImplementationLimitError: larger than `config` lets a module be.
        CompileError: the backend cannot do what it needs.
    """
    compilation = run(Compilation(source, compiler, config, lazy))
    functions = compilation.functions
    compiled = compilation.compiled if functions is None else None
    config = compilation.config
    tiered = in_tiers(compilation.binary, config, tiers, whole) if functions is None else None
    module = Module(compilation.info, compiled, config, lazy=functions, tiers=tiered)
    is_large = len(compilation.binary) >= LARGE_MODULE_BYTES
    del compilation
    if is_large:
        trim_heap()
    return module


def in_tiers(
    binary: bytes, config: CompilerConfig, tiers: Sequence[str], whole: Callable[[], WholeModules] | None = None
) -> Tiered | None:
    """Who will compile a module's hot functions again; None: there is one tier.

    There is one where middlewares have a say, which another process cannot be given in general, and where results are
    to be deterministic, so that not even timing shows another.

    Args:
        binary: the module.
        config: how it is compiled.
        tiers: backends above the first, ascending.
        whole: gives who has the last tier, which is of the whole module, when that is wanted first.
    """
    if not tiers or config.middlewares or config.deterministic:
        return None
    from wasmer_runtime_core.compiling.tiers.tiered import Tiered

    return Tiered(binary, config, tiers, whole)
