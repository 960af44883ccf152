"""The ways of compiling that are compared: a backend with a configuration each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.backends import compiler_or_skip
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.contract.compiler import Compiler
from wasmer_singlepass_backend import SinglepassCompiler

OLD_PROCESSOR: Final = frozenset(("ssse3", "sse4.1", "sse4.2", "popcnt"))
"""What the singlepass backend cannot do without: no AVX, BMI or LZCNT."""


def _host() -> tuple[Compiler, CompilerConfig]:
    return SinglepassCompiler(), CompilerConfig()


def _old_processor() -> tuple[Compiler, CompilerConfig]:
    return SinglepassCompiler(OLD_PROCESSOR), CompilerConfig()


def _bounds_checks() -> tuple[Compiler, CompilerConfig]:
    return SinglepassCompiler(), CompilerConfig(memory_bound_check_mode="enable")


def llvm_at(level: int) -> Compiler:
    """LLVM at an optimization level; where it cannot be used, the test is skipped."""
    compiler_or_skip("llvm")
    from wasmer_llvm_backend import LLVMCompiler

    return LLVMCompiler(opt_level=level)


def _llvm() -> tuple[Compiler, CompilerConfig]:
    return llvm_at(1), CompilerConfig()


def _llvm_bounds_checks() -> tuple[Compiler, CompilerConfig]:
    return _llvm()[0], CompilerConfig(memory_bound_check_mode="enable")


def _cranelift() -> tuple[Compiler, CompilerConfig]:
    """With every function verified and every allocation proved."""
    from wasmer_clif_backend import CraneliftCompiler

    return CraneliftCompiler(prove=True), CompilerConfig()


def _cranelift_in_memory() -> tuple[Compiler, CompilerConfig]:
    from wasmer_clif_backend import CraneliftCompiler

    return CraneliftCompiler(prove=True, in_memory=True), CompilerConfig()


def _cranelift_bounds_checks() -> tuple[Compiler, CompilerConfig]:
    return _cranelift()[0], CompilerConfig(memory_bound_check_mode="enable")


def _deterministic() -> tuple[Compiler, CompilerConfig]:
    return _cranelift()[0], CompilerConfig(deterministic=True)


def _llvm_deterministic() -> tuple[Compiler, CompilerConfig]:
    return _llvm()[0], CompilerConfig(deterministic=True)


DETERMINISTIC: Final[dict[str, Callable[[], tuple[Compiler, CompilerConfig]]]] = {
    "singlepass": lambda: (SinglepassCompiler(), CompilerConfig(deterministic=True)),
    "singlepass, old processor": lambda: (SinglepassCompiler(OLD_PROCESSOR), CompilerConfig(deterministic=True)),
    "cranelift": _deterministic,
    "llvm": _llvm_deterministic,
}
"""Those whose results are the same to the bit."""

VARIANTS: Final[dict[str, Callable[[], tuple[Compiler, CompilerConfig]]]] = {
    "singlepass": _host,
    "singlepass, old processor": _old_processor,
    "singlepass, bounds checks": _bounds_checks,
    "cranelift": _cranelift,
    "cranelift, bounds checks": _cranelift_bounds_checks,
    "cranelift, locals in memory": _cranelift_in_memory,
    "llvm": _llvm,
    "llvm, bounds checks": _llvm_bounds_checks,
}
