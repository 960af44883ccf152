"""Modules in their last tier, compiled as a whole in the background: for this program and for those that come after it.

Kept under a key of their own (`keys`, backend "auto"), which says what is installed: when llvm comes to it, the last
tier is another one. Who finds one has nothing left to compile.
"""

from __future__ import annotations

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import AUTO, find_compiler
from wasmer_runtime_core.errors import CacheError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, final
from wasmer_runtime_core.support.handlers import raised_by_a_handler

if TYPE_CHECKING:
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.running.artifacts.stored import StoredModule

MOST_BYTES_OF_LLVM: Final = 2 << 20
"""It takes some ten seconds for so many, in the binary format. Of a larger module cranelift's code is the last tier."""
LLVM: Final = ("wasmer_llvm_backend", "llvmlite")


@final
class WholeModules:
    """How they are made, and whether they are kept (`compiling.tiers.owner.WholeModules`)."""

    def __init__(self, is_kept: bool) -> None:
        self.is_kept: Final = is_kept

    def backend(self, binary: bytes) -> str:
        """Whose code the last tier is; "": cranelift's, whose code of hot functions there is, and nothing is kept."""
        from importlib.util import find_spec

        if len(binary) <= MOST_BYTES_OF_LLVM and all(find_spec(name) is not None for name in LLVM):
            return "llvm"
        return "cranelift" if self.is_kept else ""

    def found(self, binary: bytes, config: CompilerConfig) -> StoredModule | None:
        """A module that was kept."""
        if not self.is_kept:
            return None
        from wasmer_runtime.cache.compilations import kept_module
        from wasmer_runtime.cache.keys import compilation_key

        key = compilation_key(binary, AUTO, config)
        module = None if key is None else kept_module(key)
        stored: Any = None if module is None else module.stored
        return None if stored is None else stored

    def make(self, binary: bytes, backend: str, config: CompilerConfig) -> bytes:
        """Compile a module, keep it, and give its artifact. llvm has one core, in this process.

        Raises:
            CompileError: the backend cannot do what it needs.
            InternalError: a bug of ours.
        """
        compiler: Any = find_compiler(backend)
        if hasattr(compiler, "processes"):
            compiler.processes = 0
        artifact = compile_with(binary, compiler, config).serialize()
        if self.is_kept:
            from wasmer_runtime.cache.compilations import keep_artifact
            from wasmer_runtime.cache.keys import compilation_key

            key = compilation_key(binary, AUTO, config)
            if key is not None:
                keep_artifact(key, artifact)
        return artifact

    def load(self, artifact: int) -> StoredModule:
        """What `make` gave, in a file whose descriptor is taken.

        Raises:
            CacheError: it cannot be used here.
        """
        from wasmer_runtime_core.running.artifacts.stored import load_stored

        try:
            with open(artifact, "rb") as file:
                file.seek(0)
                return load_stored(file.read())
        except OSError as failure:
            if raised_by_a_handler(failure):
                raise
            raise CacheError(f"the module's artifact cannot be read: {failure}", "damaged") from failure
