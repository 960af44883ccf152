"""Compiled modules kept on disk (Wasmer's ``cache``).

======================  ====================================================================================
`FileSystemCache`       a directory that the program chooses: `store` a module, `load` it by its hash
`WasmHash`              what identifies a module's bytes
`compilations`          the cache that `compile` and the command line use by themselves
`keys`                  what identifies a compilation: all that its code depends on
`files`                 a directory of files that are whole or not there, however many processes use it
======================  ====================================================================================

What is stored are artifacts (`Module.serialize`). They hold machine code: a cache must be a directory that nobody else
can write to (docs/starting-fast.md).
"""

from __future__ import annotations

from wasmer_runtime_core.contract.artifact import Artifact
from wasmer_runtime_core.errors import CacheError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmer_runtime.cache.file_system_cache import FileSystemCache
    from wasmer_runtime.cache.hashes import WasmHash

__all__ = ["Artifact", "CacheError", "FileSystemCache", "WasmHash"]


def __getattr__(name: str) -> object:
    """The two that `compile` does not need."""
    if name == "FileSystemCache":
        from wasmer_runtime.cache.file_system_cache import FileSystemCache

        return FileSystemCache
    if name == "WasmHash":
        from wasmer_runtime.cache.hashes import WasmHash

        return WasmHash
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
