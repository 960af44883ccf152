"""What identifies a compilation: a hash of everything that the code depends on.

=====================  =========================================================================================
the module             its bytes in the binary format
the format             `ARTIFACT_VERSION`, the number of the machine contract and of the rows of artifacts
core and the backend   the contents of the packages: what pip recorded of them, else size and time of each file; for
                       "auto", the last tier of what is installed, of all backends
the backend's options  its ``cache_key()``; the compilers that names stand for have none
middlewares            class and ``cache_key()`` of each, in their order
the configuration      every field; a backend's own part by its ``cache_key()``
the processor          target and features
=====================  =========================================================================================

A compiler, a middleware or a part of the configuration without ``cache_key()``, or one for which that is None, has no
key, and what is compiled with it is not kept. ``cache_key()`` is a text that is another one whenever the object would
do something else, in this process or another.
"""

from __future__ import annotations

import os
import sys

from wasmer_runtime.cache.hashes import blake2b
from wasmer_runtime_core.compiling.registry import AUTO, BACKENDS
from wasmer_runtime_core.contract.artifact import ARTIFACT_VERSION
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.contract.target import TARGET, host_features
from wasmer_runtime_core.native.address_space import can_reserve
from wasmer_runtime_core.running.artifacts.layout import contract_number
from wasmer_runtime_core.running.artifacts.plain_values import ROW_CLASSES
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.first_use import kept

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY_BYTES: Final = 32
CORE: Final = "wasmer_runtime_core"
PACKAGE_OF: Final = {row.name: row.package for row in BACKENDS}
BESIDE: Final = {"wasmer_llvm_backend": ("llvmlite", "_version.py")}
"""What a backend compiles with besides its own package, and a file of that which says its version."""
SOURCES: Final = (".py", ".so", ".c", ".h")


class _NoKey(Exception):
    """Something that the code depends on cannot be told."""


def compilation_key(wasm: bytes, backend: object, config: CompilerConfig) -> str | None:
    """The key of a compilation as hexadecimal digits; None: it has none.

    Args:
        wasm: the module in the binary format.
        backend: a compiler, the name of one of this project, or "auto".
        config: how it compiles.
    """
    try:
        text = "\n".join(_facts(backend, config))
    except (_NoKey, OSError):
        return None
    state = blake2b(KEY_BYTES)
    state.update(text.encode())
    state.update(b"\0")
    state.update(wasm)
    digits: str = state.hexdigest()
    return digits


def _facts(backend: object, config: CompilerConfig) -> Iterator[str]:
    yield f"{ARTIFACT_VERSION} {contract_number(ROW_CLASSES)}"
    yield package_stamp(CORE)
    if backend == AUTO:
        for row in BACKENDS:
            yield f"{row.name} {_stamp_if_installed(row.package)}"
    elif isinstance(backend, str):
        yield f"{backend} {package_stamp(PACKAGE_OF[backend])} "
    else:
        key = _key_of(backend)
        yield f"{backend.name} {package_stamp(type(backend).__module__.partition('.')[0])} {key}"  # type: ignore[attr-defined]
    yield f"{TARGET} {' '.join(sorted(host_features()))}"
    if config.memory_bound_check_mode == "default" and not can_reserve():  # as the pipeline decides
        config = config._replace(memory_bound_check_mode="enable")
    for name in config._fields:
        yield f"{name} {_text_of(getattr(config, name))}"


def _text_of(value: Any) -> str:
    """Of a field of a configuration, whatever there will be."""
    if value is None or type(value) in (bool, int, str):
        return repr(value)
    if type(value) is tuple:
        return repr([_text_of(each) for each in value])
    if type(value) is dict:
        return repr([(_text_of(name), _text_of(value[name])) for name in sorted(value)])
    return f"{type(value).__module__}.{type(value).__qualname__} {_key_of(value)!r}"


def _key_of(each: object) -> str:
    method = getattr(each, "cache_key", None)
    key: Any = method() if callable(method) and not isinstance(each, type) else None
    if isinstance(key, str):
        return key
    raise _NoKey


def _stamp_if_installed(package: str) -> str:
    try:
        return str(package_stamp(package))
    except FileNotFoundError:
        return ""


@kept
def package_stamp(package: str) -> str:
    """What tells a package from another version of it, whatever that calls itself.

    Raises:
        OSError: its files cannot be looked at.
    """
    directory = _directory(package)
    stamp = _recorded(directory, package) or _looked_at(directory)
    if package in BESIDE:
        other, file = BESIDE[package]
        with open(os.path.join(_directory(other), file), "rb") as content:
            stamp += _digest(content.read())
    return stamp


def _directory(package: str) -> str:
    """Where a package lies; nothing of it is imported."""
    module = sys.modules.get(package)
    file = getattr(module, "__file__", None)
    if file is not None:
        if os.path.basename(str(file)).partition(".")[0] != "__init__":
            raise FileNotFoundError(f"{package} is no package")  # whatever lies beside its file may be part of it
        return os.path.dirname(str(file))
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        found = find(package, None) if find is not None else None
        if found is not None and found.origin:
            return os.path.dirname(str(found.origin))
    raise FileNotFoundError(f"there is no package {package}")


def _recorded(directory: str, package: str) -> str | None:
    """Of an installed package: pip's record, which has the hash of each file. None: it is none, or lies elsewhere."""
    parent = os.path.dirname(directory)
    beginning = package + "-"
    for name in os.listdir(parent):
        if name.startswith(beginning) and name.endswith(".dist-info"):
            try:
                with open(os.path.join(parent, name, "RECORD"), "rb") as record:
                    content = record.read()
            except FileNotFoundError:
                continue
            if f"{package}/__init__.py,sha256=".encode() in content:
                return _digest(content)
    return None


def _looked_at(directory: str) -> str:
    """Of a package that somebody works on: name, size and time of each file."""
    found = []
    for place, directories, names in os.walk(directory):
        directories[:] = [name for name in directories if name != "__pycache__"]
        for name in names:
            if name.endswith(SOURCES):
                path = os.path.join(place, name)
                status = os.stat(path)
                found.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return _digest("\n".join(sorted(found)).encode())


def _digest(content: bytes) -> str:
    state = blake2b(16)
    state.update(content)
    digits: str = state.hexdigest()
    return digits
