"""`Compiler`: what a backend is. What goes into it and comes out is in `backend`.

A module of its own, because a protocol takes `typing`, which nothing on the way to a first call imports
(`support.annotations`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
    from wasmer_runtime_core.wasm.body.body import Body
    from wasmer_runtime_core.wasm.module import ModuleInfo


@runtime_checkable
class Compiler(Protocol):
    """A backend."""

    @property
    def name(self) -> str:
        """As in `Backend`: "singlepass", "cranelift", "llvm"."""

    def compile(self, info: ModuleInfo, bodies: Sequence[Body], config: CompilerConfig) -> CompiledModule:
        """Make machine code of every body, in order.

        Raises:
            CompileError: the module needs what this backend cannot do, said in its message.
            ImplementationLimitError: its code is too large for its size.
            InternalError: a bug of the backend; names the operator and the offset.
        """
