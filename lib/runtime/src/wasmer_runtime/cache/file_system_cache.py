"""`FileSystemCache`: compiled modules in a directory that the program chooses, by a hash that it chooses.

API and layout are Wasmer's: a directory per backend, in it a file per hash. A program that uses it says itself what
identifies a module: where configurations differ, they belong into the hash. `compile` has a cache that knows.
"""

from __future__ import annotations

import os

from wasmer_runtime.cache.compilations import mapped_module
from wasmer_runtime.cache.files import Files
from wasmer_runtime.cache.hashes import WasmHash
from wasmer_runtime_core.compiling.registry import DEFAULT
from wasmer_runtime_core.errors import CacheError
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, final
from wasmer_runtime_core.support.printable import printable

if TYPE_CHECKING:
    from wasmer_runtime_core.compiling.backend_names import Backend


@final
class FileSystemCache:
    """Such a directory.

    What is in it runs: it must be one that nobody writes to whom you do not trust.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Use a directory, made with those above it if it is not there.

        Raises:
            PermissionError: it cannot be written to.
            OSError: it cannot be made, or is no directory.
        """
        self.path = os.fspath(path)
        os.makedirs(self.path, exist_ok=True)
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise PermissionError(f"the cache {printable(self.path)} cannot be written to")

    def load(self, key: WasmHash) -> Module:
        """The module that the default backend compiled. See `load_with_backend`."""
        return self.load_with_backend(key, DEFAULT)

    def load_with_backend(self, key: WasmHash, backend: str | Backend) -> Module:
        """The module that this backend compiled.

        Raises:
            CacheError: there is none (`CacheError.kind` is ``"missing"``), or what is there cannot be used here.
            OSError: it cannot be read.
        """
        try:
            with Files(self._directory(backend), private=False) as files:
                return mapped_module(files, key.encode())
        except FileNotFoundError:
            raise CacheError(f"the cache has no module {key.encode()[:16]}… of {_name(backend)}", "missing") from None

    def store(self, key: WasmHash, module: Module) -> None:
        """Keep a module, in place of one that had this hash.

        Raises:
            OSError: it cannot be written; what was there is as it was.
        """
        with Files(self._directory(module.backend), make=True, private=False) as files:
            files.write(key.encode(), module.serialize())

    def _directory(self, backend: str | Backend) -> str:
        name = _name(backend)
        if not name or os.sep in name or name.startswith("."):
            raise ValueError(f"{name!r} is not the name of a backend")
        return os.path.join(self.path, name)

    def __repr__(self) -> str:
        return f"FileSystemCache({self.path!r})"


def _name(backend: Any) -> str:
    name = getattr(backend, "value", backend)
    if not isinstance(name, str):
        raise TypeError(f"a backend is a name or a Backend, not {type(backend).__name__}")
    return name.lower()
