"""The functions most programs need: `compile`, `instantiate`, `validate`, and the text format.

A module is given as `bytes` (binary or text), `str` (text), or an `os.PathLike` (a file of
either). A backend is given by name, as a `Backend`, or as a compiler object; without one it is "auto" (`compile`).
"""

from __future__ import annotations

import os

from wasmer_runtime_core.compile_module import compile_with, in_tiers
from wasmer_runtime_core.compiling import pipeline
from wasmer_runtime_core.compiling.pipeline import validate, validate_and_report_errors
from wasmer_runtime_core.compiling.registry import AUTO, BACKENDS, DEFAULT, LARGE_MODULE_BYTES, find_compiler
from wasmer_runtime_core.contract.backend import checked_config
from wasmer_runtime_core.errors import BackendError, DecodeError, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.implementation_limits import DEFAULT_LIMITS, MODULE_BYTES, ImplementationLimits
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmer_runtime.cache.whole_modules import WholeModules
    from wasmer_runtime_core.compiling.backend_names import Backend
    from wasmer_runtime_core.compiling.pipeline import Source
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler
    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.objects.limits import Limits

__all__ = [
    "DEFAULT_BACKEND",
    "compile",
    "compile_with",
    "compile_with_config",
    "compile_with_config_with",
    "compiler_for_backend",
    "default_compiler",
    "instantiate",
    "validate",
    "validate_and_report_errors",
    "wasm2wat",
    "wat2wasm",
]

DEFAULT_BACKEND: Final = DEFAULT

TIERS: Final = ("singlepass", "cranelift")
"""Whose code runs at first, and whose when it pays."""

OWN_BACKENDS: Final = frozenset([row.name for row in BACKENDS])

LEAST_BYTES: Final = 4096
"""A module in the binary format that is smaller is compiled each time, and not looked for in the cache."""
LEAST_BYTES_OF_SINGLEPASS: Final = 65536
"""Likewise: it compiles so many bytes about as fast as a file is found, checked and mapped."""


def default_compiler() -> Compiler:
    """The compiler that is used at first when none is named, and alone where there are no tiers.

    Raises:
        BackendError: it is not installed.
    """
    return find_compiler(DEFAULT_BACKEND)


def compiler_for_backend(backend: str | Backend) -> Compiler | None:
    """The compiler of a backend, or None if it is not installed.

    Raises:
        BackendError: there is no backend of this name.
    """
    from wasmer_runtime_core.compiling.backend_names import Backend

    if isinstance(backend, str):
        try:
            backend = Backend.from_str(backend)
        except BackendError:
            return find_compiler(backend)
    try:
        return find_compiler(backend)
    except BackendError:
        return None


def compile(
    wasm: Source,
    backend: str | Backend | Compiler | None = None,
    config: CompilerConfig | None = None,
    cache: bool = True,
    lazy: bool = False,
    tiers: bool | None = None,
) -> Module:
    """Compile a module, or take it from the cache where it was kept when it was compiled (`cache.compilations`).

    Args:
        wasm: bytes (binary or text), text, or a path.
        backend: a name ("singlepass", "cranelift", "llvm", "auto", or one that a package
            brought), a `Backend`, or a compiler. Default: "auto", which is singlepass now and
            with `tiers`. Where that is not installed it is cranelift, else llvm.
        config: how to compile.
        cache: whether to look there, and keep it there.
        lazy: validate now, and compile each function when it is first called. What the cache has is taken all the
            same; what is compiled so is not kept there. llvm compiles modules as a whole, now.
        tiers: compile with singlepass now, and functions that turn out to run often with cranelift, in a process in the
            background (docs/tiers.md). None: with "auto", for a module of up to 10 MiB. With middlewares or
            deterministic results, and lazily, there is one tier.

    Raises:
        DecodeError: the module is malformed.
        ValidationError: it is not valid.
        ImplementationLimitError: it is larger than `config` lets a module be.
        BackendError: no such backend, or it is not installed.
        CompileError: the backend cannot do what the module needs.
        OSError: the file cannot be read.
        TypeError: `config` is no `CompilerConfig`.
        ValueError: tiers, and another backend than singlepass, or lazily.
    """
    is_auto = backend is None or _is_auto(backend)
    chosen: str | Compiler = DEFAULT_BACKEND if backend is None or is_auto else _named(backend)
    name = chosen if isinstance(chosen, str) else chosen.name
    if tiers and (name != TIERS[0] or lazy):
        raise ValueError(f"with tiers a module is compiled by {TIERS[0]} at once, not by {name} or lazily")
    config = checked_config(config)
    limits = ImplementationLimits(config.implementation_limits)
    binary = pipeline.read_module(wasm, limits)
    if tiers is None:
        tiers = is_auto and not lazy and len(binary) <= LARGE_MODULE_BYTES
    above = TIERS[1:] if tiers else ()
    keeps = cache and os.environ.get("WASMER_CACHE_DIR") != ""
    whole = (lambda: _whole_modules(keeps)) if tiers else None

    def compile_it() -> Module:
        compiler = _first_compiler(len(binary)) if is_auto else _compiler(chosen)
        try:
            return compile_with(binary, compiler, config, lazy, above if compiler.name == TIERS[0] else (), whole)
        except (ValidationError, UnsupportedFeatureError) as error:
            raise pipeline.located(error, wasm, binary, limits) from None

    least = LEAST_BYTES_OF_SINGLEPASS if name == "singlepass" else LEAST_BYTES
    if not keeps or len(binary) < least:
        return compile_it()
    from wasmer_runtime.cache.compilations import compiled

    return compiled(binary, chosen, config, compile_it, not lazy, in_tiers(binary, config, above, whole))


def compile_with_config(wasm: Source, config: CompilerConfig) -> Module:
    """Compile with the default compiler and this configuration."""
    return compile_with(wasm, default_compiler(), config)


def compile_with_config_with(wasm: Source, config: CompilerConfig, compiler: Compiler) -> Module:
    """Compile with this configuration and this compiler."""
    return compile_with(wasm, compiler, config)


def instantiate(
    module_or_wasm: Module | Source,
    imports: Mapping[str, Any] | None = None,
    backend: str | Backend | Compiler | None = None,
    limits: Limits | None = None,
) -> Instance:
    """Make an instance; compile first if a module is not given.

    Args:
        module_or_wasm: a `Module`, or what `compile` takes.
        imports: a mapping of namespaces, each a mapping of names, or an instance.
        backend: as in `compile`; only where there is something to compile.
        limits: how large the instance may become.

    Raises:
        LinkError: imports are missing or do not match; all of them are listed.
        RuntimeError: a segment does not fit, or the start function traps.
        CreationError: memory cannot be had, or is beyond the limits.
        ValueError: a backend for a module that another one has compiled.

    And what `compile` raises.
    """
    if isinstance(module_or_wasm, Module):
        if backend is not None and not _is_auto(backend) and _compiler(backend).name != module_or_wasm.backend:
            raise ValueError(f"the module is compiled already, by {module_or_wasm.backend}")
        return module_or_wasm.instantiate(imports, limits)
    return compile(module_or_wasm, backend).instantiate(imports, limits)


def wat2wasm(text: str | bytes, validate: bool = True) -> bytes:
    """A module in the binary format, from text.

    Args:
        text: bytes are UTF-8.
        validate: whether what is not valid is refused.

    Raises:
        DecodeError: a mistake in the text, with line and column.
        ValidationError: the module is not valid; with line and column, too.
        ImplementationLimitError: the text is longer than a module may be.
    """
    if not isinstance(text, str):
        DEFAULT_LIMITS.check(MODULE_BYTES, len(text))
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"malformed UTF-8 encoding: {error}", error.start) from None
    return pipeline.run(pipeline.Compilation(text), until="validate" if validate else "read").binary


def wasm2wat(wasm: Source) -> str:
    """A module as text.

    Raises:
        DecodeError: the module is malformed.
        ValidationError: it is not valid.
    """
    from wasmer_runtime_core.wasm.text.printer import print_module

    return print_module(pipeline.read_module(wasm))


def _whole_modules(keeps: bool) -> WholeModules:
    from wasmer_runtime.cache.whole_modules import WholeModules

    return WholeModules(keeps)


def _first_compiler(module_bytes: int) -> Compiler:
    """Who compiles at once, with "auto"."""
    try:
        return find_compiler(TIERS[0])
    except BackendError:
        return find_compiler(AUTO, module_bytes)


def _is_auto(backend: str | Backend | Compiler | None) -> bool:
    name = getattr(backend, "value", backend)
    return isinstance(name, str) and name.lower() == AUTO


def _named(backend: str | Backend | Compiler) -> str | Compiler:
    """The name of a backend of this project, of which nothing is imported; the compiler, if it is another one."""
    name = getattr(backend, "value", backend)
    if isinstance(name, str) and name.lower() in OWN_BACKENDS:
        return name.lower()
    return _compiler(backend)


def _compiler(backend: str | Backend | Compiler | None) -> Compiler:
    if backend is None:
        return default_compiler()
    if isinstance(backend, str):
        return find_compiler(backend)
    from wasmer_runtime_core.compiling.backend_names import Backend

    if isinstance(backend, Backend):
        return find_compiler(backend)
    if callable(getattr(backend, "compile", None)):
        return backend
    raise TypeError(f"a backend is a name, a Backend or a compiler, not {type(backend).__name__}")
