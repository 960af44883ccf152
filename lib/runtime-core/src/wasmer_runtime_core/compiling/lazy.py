"""Functions that are compiled when they are first called.

A module that is compiled lazily is decoded and validated whole, at once: what is invalid is refused as ever. Its bodies
are not kept, they would take several times the module's size; each is validated again when its function is called for
the first time, and compiled by a backend that `CompilesInParts`. What a middleware made is kept.

The C part asks for a function (`native/calls/first_call.c`), with the GIL and in whichever thread called. Threads may
ask for one function at once, and a handler of a signal may, in the middle of another one: each works with tools of its
own, and the first whose code is published is taken. There is no lock that anybody could hold, so none that a fork or a
greenlet could leave held. docs/tiers.md says how code that comes later is found by who calls it.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.target import host_features
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.validation.body_validator import BodyValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
    from wasmer_runtime_core.contract.compiler import CompilesInParts, Parts
    from wasmer_runtime_core.native.machine import Code
    from wasmer_runtime_core.wasm.binary.decode import DecodedModule
    from wasmer_runtime_core.wasm.module import ModuleInfo


class BodiesAgain:
    """The bodies of a module that is valid, each made when it is asked for."""

    def __init__(self, decoded: DecodedModule) -> None:
        self._decoded: Final = decoded
        self._idle: list[BodyValidator] = []

    def __len__(self) -> int:
        return len(self._decoded.code)

    def __getitem__(self, number: int) -> Body:
        start, end = self._decoded.code[number]
        validator = self._idle.pop() if self._idle else BodyValidator(self._decoded)
        validator.module_locals = 0  # those of all bodies have been added up
        body = validator.validate(self._decoded.info.imported_functions + number, start, end)
        self._idle.append(validator)
        return body

    def __iter__(self) -> Iterator[Body]:
        return (self[number] for number in range(len(self)))


class Rewritten:
    """Bodies, each rewritten when it is asked for."""

    def __init__(self, bodies: Sequence[Body], rewrite: Callable[[Body], Body]) -> None:
        self._bodies: Final = bodies
        self._rewrite: Final = rewrite

    def __len__(self) -> int:
        return len(self._bodies)

    def __getitem__(self, number: int) -> Body:
        return self._rewrite(self._bodies[number])

    def __iter__(self) -> Iterator[Body]:
        return (self[number] for number in range(len(self)))


class LazilyCompiled:
    """The functions of one module (`contract.compiler.LazyFunctions`)."""

    def __init__(
        self,
        info: ModuleInfo,
        bodies: Sequence[Body],
        body_bytes: int,
        compiler: CompilesInParts,
        config: CompilerConfig,
    ) -> None:
        """See that the backend can compile the module.

        Raises:
            CompileError: it cannot.
        """
        self.info: Final = info
        self._bodies: Final = bodies
        self._body_bytes: Final = body_bytes
        self._compiler: Final = compiler
        self._config: Final = config
        parts = self.begin()
        self.backend: Final = compiler.name
        self.release_gil: Final = config.release_gil
        self.checked_memories: Final = parts.checked_memories
        self._idle: Final = [parts]

    def begin(self) -> Parts:
        """Tools of one's own."""
        return self._compiler.in_parts(self.info, self._config, self._body_bytes)

    def body(self, number: int) -> Body:
        """The body of a function, of those that the module defines."""
        return self._bodies[number]

    def compile_function(self, code: Code, number: int, /) -> object:
        """Compile a function, and publish its code unless somebody was faster.

        Raises:
            CompileError: the backend, or this processor, cannot do what it needs.
            ImplementationLimitError: its code is too large.
            InternalError: a bug of ours.
        """
        parts = self._idle.pop() if self._idle else self.begin()
        part = parts.compile(self._bodies[number])
        self._idle.append(parts)  # not after a failure: what was left off in the middle is of no use
        if missing := set(part.cpu_features).difference(host_features()):
            raise CompileError(f"this code needs a processor with {', '.join(sorted(missing))}")
        return code.add(
            number,
            part.code,
            part.function_offsets,
            part.sites,
            part.inlined,
            part.handlers,
            part.saved,
            part.relocations,
        )

    def compiled(self) -> CompiledModule:
        """The whole module compiled, as it would have been at once."""
        return self._compiler.compile(self.info, self._bodies, self._config)
