"""`Compiler`: what a backend is; `CompilesInParts`: one that makes code of one function at a time, when it is first
called. What goes into them and comes out is in `backend`.

A module of its own, because a protocol takes `typing`, which nothing on the way to a first call imports
(`support.annotations`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

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


class Parts(Protocol):
    """The functions of one module, compiled one at a time. Belongs to one thread at a time; after a failure it is of no
    more use."""

    @property
    def checked_memories(self) -> tuple[int, ...]:
        """As in `CompiledModule`."""

    def compile(self, body: Body) -> CompiledModule:
        """Code of one function, which reaches the table of code addresses by relocations (`helpers.RELOCATION_TABLE`).

        Raises:
            As `Compiler.compile`.
        """


@runtime_checkable
class CompilesInParts(Compiler, Protocol):
    """A backend that can compile functions of a module one at a time."""

    def in_parts(self, info: ModuleInfo, config: CompilerConfig, body_bytes: int) -> Parts:
        """Begin a module whose bodies have so many bytes, together.

        Raises:
            CompileError: as `Compiler.compile`.
        """


class LazyFunctions(Protocol):
    """The functions of a module that are compiled when they are first called; each at most once, mostly."""

    @property
    def backend(self) -> str:
        """Who compiles them."""

    @property
    def release_gil(self) -> bool:
        """As in `CompiledModule`."""

    @property
    def checked_memories(self) -> tuple[int, ...]:
        """As in `CompiledModule`."""

    def compile_function(self, code: Any, number: int, /) -> object:
        """Compile the function of this number, of those that the module defines, and give its code to `code.add`
        (`native.machine.Code`)."""

    def compiled(self) -> CompiledModule:
        """The whole module compiled, as it would have been at once."""
