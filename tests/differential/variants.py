"""The ways of compiling that are compared: a backend with a configuration each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wasmer_runtime_core.contract.backend import Compiler, CompilerConfig
from wasmer_singlepass_backend import SinglepassCompiler

OLD_PROCESSOR: Final = frozenset(("ssse3", "sse4_1", "sse4_2", "popcnt"))
"""What the singlepass backend cannot do without: no AVX, BMI or LZCNT."""


def _host() -> tuple[Compiler, CompilerConfig]:
    return SinglepassCompiler(), CompilerConfig()


def _old_processor() -> tuple[Compiler, CompilerConfig]:
    return SinglepassCompiler(OLD_PROCESSOR), CompilerConfig()


def _bounds_checks() -> tuple[Compiler, CompilerConfig]:
    return SinglepassCompiler(), CompilerConfig(memory_bound_check_mode="enable")


def _llvm() -> tuple[Compiler, CompilerConfig]:
    from wasmer_llvm_backend import LLVMCompiler

    return LLVMCompiler(), CompilerConfig()


def _llvm_bounds_checks() -> tuple[Compiler, CompilerConfig]:
    return _llvm()[0], CompilerConfig(memory_bound_check_mode="enable")


VARIANTS: Final[dict[str, Callable[[], tuple[Compiler, CompilerConfig]]]] = {
    "singlepass": _host,
    "singlepass, old processor": _old_processor,
    "singlepass, bounds checks": _bounds_checks,
    "llvm": _llvm,
    "llvm, bounds checks": _llvm_bounds_checks,
}
