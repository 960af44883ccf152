"""The cache that `compile` and the command line use by themselves: a module is compiled once, by whatever program.

**Where.** ``$WASMER_CACHE_DIR``, else ``wasmer-runtime`` below ``$XDG_CACHE_HOME``, else below ``~/.cache``. If the
variable is set and empty, nothing is kept. The directory is this user's alone (mode 0700), or it is not used.

**What.** Modules for which it pays: `api.LEAST_BYTES`. How much together: `limit`; what was used least recently goes.

Nothing that happens to the cache is an error: a disk that is full or can only be read, a directory that is somebody
else's, a file that is damaged. The module is compiled, and, if that is possible, kept this time.
"""

from __future__ import annotations

import os

from wasmer_runtime.cache.files import Files
from wasmer_runtime_core.compile_module import LARGE_MODULE_BYTES
from wasmer_runtime_core.compiling.registry import AUTO
from wasmer_runtime_core.errors import CacheError
from wasmer_runtime_core.native.machine import MappedFile, trim_heap
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmer_runtime_core.compiling.tiers.tiered import Tiered
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.running.module import Module

DIRECTORY_VARIABLE: Final = "WASMER_CACHE_DIR"
LIMIT_VARIABLE: Final = "WASMER_CACHE_MEGABYTES"
DEFAULT_MEGABYTES: Final = 1024


def place() -> str | None:
    """The directory; None: nothing is kept."""
    configured = os.environ.get(DIRECTORY_VARIABLE)
    if configured is not None:
        return os.path.abspath(configured) if configured else None
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # as its specification says
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "wasmer-runtime") if os.path.isabs(base) else None


def limit() -> int:
    """How many bytes are kept, at most."""
    try:
        megabytes = int(os.environ.get(LIMIT_VARIABLE, ""))
    except ValueError:
        megabytes = DEFAULT_MEGABYTES
    return max(megabytes, 0) << 20


def open_files(make: bool = False) -> Files | None:
    """The cache, or None if there is none.

    Raises:
        UnsafeDirectoryError: it is not this user's alone.
        OSError: it cannot be opened.
    """
    path = place()
    if path is None:
        return None
    if make:
        parent = os.path.dirname(path)
        if os.environ.get(DIRECTORY_VARIABLE):
            os.makedirs(parent, exist_ok=True)
        elif not os.path.isdir(parent):
            os.mkdir(parent, 0o700)  # ~/.cache; a home that is not there is not made
    return Files(path, make=make)


def compiled(
    wasm: bytes,
    backend: object,
    config: CompilerConfig | None,
    compile_it: Callable[[], Module],
    keep: bool = True,
    tiers: Tiered | None = None,
) -> Module:
    """A module from the cache, or compiled and then kept.

    Args:
        wasm: the module in the binary format.
        backend: a compiler, or the name of one of this project.
        config: how it compiles.
        compile_it: compiles it.
        keep: whether it is kept then.
        tiers: who replaces code that is found by better code. Then what is in its last tier already comes first.
    """
    from wasmer_runtime.cache.keys import compilation_key
    from wasmer_runtime_core.contract.backend import checked_config

    config = checked_config(config)
    if tiers is not None and (last := compilation_key(wasm, AUTO, config)) is not None:
        module = kept_module(last)
        if module is not None:
            module.config = config
            return module
    key = compilation_key(wasm, backend, config)
    if key is None:
        return compile_it()
    module = kept_module(key, tiers)
    if module is None:
        module = compile_it()
        if keep:
            _keep_module(key, module)
            if len(wasm) >= LARGE_MODULE_BYTES:
                return _mapped_instead(module, key, tiers)
    else:
        module.config = config
    return module


def _mapped_instead(module: Module, key: str, tiers: Tiered | None) -> Module:
    """A large module as it is kept: its code and tables are in memory once, in pages of the file, and what it declares
    when somebody asks. That is a quarter of what the one that was compiled holds."""
    kept = kept_module(key, tiers)
    if kept is None:
        return module
    kept.config = module.config
    del module
    trim_heap()
    return kept


def mapped_module(files: Files, name: str, tiers: Tiered | None = None) -> Module:
    """The module in a file of a cache.

    Args:
        files: the cache.
        name: of the file.
        tiers: who replaces its code by better code.

    Raises:
        FileNotFoundError: there is none.
        CacheError: it is no artifact that can be used here.
        OSError: it cannot be read.
    """
    from wasmer_runtime_core.running.artifacts.stored import StoredModule
    from wasmer_runtime_core.running.module import Module

    tick = None if tiers is None else tiers.tick
    stored = StoredModule(MappedFile(files.location(name)), printable(files.shown(name)), tick)
    if tiers is not None:
        tiers.checked_memories = stored.checked_memories
    return Module(stored.info, None, stored=stored, tiers=tiers)


def kept_module(key: str, tiers: Tiered | None = None) -> Module | None:
    """What the cache has; what it has and cannot be used is removed."""
    try:
        files = open_files()
        if files is None:
            return None
        with files:
            try:
                module = mapped_module(files, key, tiers)
            except CacheError:
                files.remove(key)
                return None
            _touch(files, key)
            return module
    except OSError as failure:
        if raised_by_a_handler(failure):
            raise
        return None


def _touch(files: Files, key: str) -> None:
    try:
        files.touch(key)
    except OSError as failure:
        if raised_by_a_handler(failure):
            raise


def _keep_module(key: str, module: Module) -> None:
    try:
        content = module.serialize()
    except (OSError, MemoryError, TypeError, ValueError) as failure:  # the last two of what a backend made
        if raised_by_a_handler(failure):
            raise
        return
    keep_artifact(key, content)


def keep_artifact(key: str, content: bytes) -> None:
    """Put an artifact into the cache, if that is possible."""
    most = limit()
    try:
        if len(content) > most:
            return
        files = open_files(make=True)
        if files is None:
            return
        with files:
            files.write(key, content)
            files.trim(most)
    except (OSError, MemoryError) as failure:
        if raised_by_a_handler(failure):
            raise
