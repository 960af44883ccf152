"""Who is measured: this project's backends, wasmtime, and code that clang compiled natively.

Each contender makes of a kernel a function ``run(n) -> checksum``. A peer that is not
installed is left out with a line that says so; a kernel that a contender cannot compile is
a gap in the table with its reason below, not the end of the run.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from kernels import Kernel, build_native, build_wasm

if TYPE_CHECKING:
    import wasmtime

Run = Callable[[int], int]


class Contender(Protocol):
    """A way to run a kernel."""

    @property
    def name(self) -> str: ...

    def load(self, kernel: Kernel) -> Run: ...


class Native:
    """The shared library, called through ctypes."""

    name = "native"

    def load(self, kernel: Kernel) -> Run:
        run = ctypes.CDLL(str(build_native(kernel))).run
        run.argtypes = [ctypes.c_int64]
        run.restype = ctypes.c_int64
        return run


class Ours:
    """One of this project's backends, by its name; ``+metering`` behind it: counting points, ``+deterministic``: with
    canonical NaNs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._backend, _, self._way = name.partition("+")

    def load(self, kernel: Kernel) -> Run:
        import wasmer_runtime

        config = None
        if self._way == "deterministic":
            config = wasmer_runtime.CompilerConfig(deterministic=True)
        elif self._way:
            from wasmer_runtime.middleware import Metering

            config = wasmer_runtime.CompilerConfig(middlewares=(Metering(2**60),))
        module = wasmer_runtime.compile(build_wasm(kernel).read_bytes(), self._backend, config)
        run: Run = wasmer_runtime.instantiate(module, {}).exports.run
        return run


class Wasmtime:
    """Wasmtime's Python package: Cranelift at its default, ``speed``; or its baseline compiler."""

    def __init__(self, strategy: str = "cranelift") -> None:
        self.name = "wasmtime" if strategy == "cranelift" else f"wasmtime-{strategy}"
        self._strategy = strategy

    def load(self, kernel: Kernel) -> Run:
        import wasmtime

        store = wasmtime.Store(wasmtime.Engine(wasmtime_config(self._strategy)))
        module = wasmtime.Module(store.engine, build_wasm(kernel).read_bytes())
        run = wasmtime.Instance(store, module, []).exports(store)["run"]
        assert isinstance(run, wasmtime.Func)
        return lambda n: int(run(store, n))


def wasmtime_config(strategy: str) -> wasmtime.Config:
    """Wasmtime's configuration with a compiler chosen: "cranelift" (at ``speed``) or "winch"."""
    import wasmtime
    from wasmtime import _bindings

    config = wasmtime.Config()
    config.parallel_compilation = False
    if strategy == "winch":  # the package's setter does not know it, the library below does
        _bindings.wasmtime_config_strategy_set(config.ptr(), 2)
    else:
        config.strategy = strategy
        config.cranelift_opt_level = "speed"
    return config


def installed() -> list[str]:
    """Our backends that can be used here."""
    names = ["singlepass"]
    if importlib.util.find_spec("wasmer_clif_backend"):
        names.append("cranelift")
    if importlib.util.find_spec("llvmlite") and importlib.util.find_spec("wasmer_llvm_backend"):
        names.append("llvm")
    return names


def available(name: str) -> Contender | None:
    """The contender of that name, or None where its package is not installed."""
    if name == "native":
        return Native()
    if name.startswith("wasmtime"):
        if importlib.util.find_spec("wasmtime") is None:
            return None
        return Wasmtime(name.removeprefix("wasmtime").removeprefix("-") or "cranelift")
    if importlib.util.find_spec("wasmer_runtime") is None:
        return None
    return Ours(name)
