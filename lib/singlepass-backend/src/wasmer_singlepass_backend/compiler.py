"""`SinglepassCompiler`: the backend that compiles fastest.

Each body is read once, front to back, and leaves as machine-instruction records; core
encodes them. What is of the processor lies in a folder of its name.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64.encode import ModuleEncoder
from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig, checked_memories
from wasmer_runtime_core.contract.code_limit import CodeLimit
from wasmer_runtime_core.contract.convention import saved_byte
from wasmer_runtime_core.contract.helpers import VMCALLS
from wasmer_runtime_core.contract.target import TARGET, host_features
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.implementation_limits import ImplementationLimits
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final, i64
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.module import ModuleInfo
from wasmer_singlepass_backend.x64.compile_function import Rules, compile_function
from wasmer_singlepass_backend.x64.function import (
    FunctionCompiler,
    LoopNote,
)
from wasmer_singlepass_backend.x64.module_view import ModuleView
from wasmer_singlepass_backend.x64.target import REQUIRED, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmer_runtime_core.contract.loops import NotedFunction


NAME: Final = "singlepass"

GUARDED_MEMORIES: Final = 1
"""Memory 0 alone has its base at hand; accesses to others are compared with their length."""


@final
class SinglepassParts:
    """One module on its way. Functions come together, or one at a time.

    Attributes:
        checked_memories: as in `CompiledModule`.
    """

    def __init__(self, info: ModuleInfo, target: Target, config: CompilerConfig, limit: CodeLimit) -> None:
        self.checked_memories: Final = checked_memories(info, config, GUARDED_MEMORIES)
        self._limit: Final = limit
        self._release_gil: Final = config.release_gil
        self._entries: Final = len(info.functions) - info.imported_functions + len(VMCALLS)
        self._function: Final = FunctionCompiler(ModuleView(info), target, 0 in self.checked_memories, limit)
        self._rules: Final = Rules()
        self._before = 0  # bytes of code of functions that came one at a time

    def compile(self, body: Body) -> CompiledModule:
        """Code of one function, apart from the module's table.

        Raises:
            ImplementationLimitError: the code so far is too large for the module's size.
            InternalError: a bug of ours; names the function, the operator and the offset.
        """
        part = self.compile_all((body,), ModuleEncoder(self._entries, True))
        self._before += len(part.code)
        return part

    def loops(self, body: Body) -> NotedFunction | None:
        """What `compile` makes of it, and its loops (`contract.loops.NotesLoops`). Raises as that does."""
        from wasmer_runtime_core.contract.loops import NotedFunction, NotedLoop  # by who leaves loops alone

        function = self._function
        part = ModuleEncoder(self._entries, True)
        records = compile_function(function, self._rules, body)
        part.function(records, function.constants.restart())
        encoded = part.finish()
        part = ModuleEncoder(self._entries, True)
        notes: list[LoopNote] = []
        function.notes = notes
        try:
            records = compile_function(function, self._rules, body)
        finally:
            function.notes = None
        part.function(records, function.constants.restart())
        if function.view.layout_of(i64(body.function_index)).buffered:
            return None
        places = part.label_offsets
        code = encoded.code
        return NotedFunction(
            code,
            encoded.relocations,
            code[int(places[0]) : int(places[function.left_label])],
            saved_byte(int(function.saved_mask)),
            tuple(
                [
                    NotedLoop(int(note.label), int(places[note.label]), int(places[note.end]), tuple(note.places))
                    for note in notes
                ]
            ),
        )

    def compile_all(self, bodies: Sequence[Body], encoder: ModuleEncoder) -> CompiledModule:
        """Code of these functions. Raises as `SinglepassCompiler.compile`."""
        function, limit, rules = self._function, self._limit, self._rules
        saved = bytearray()
        for body in bodies:
            records = compile_function(function, rules, body)
            saved.append(saved_byte(int(function.saved_mask)))
            encoder.function(records, function.constants.restart())
            limit.check_code(self._before + len(encoder.code))
        encoded = encoder.finish()
        return CompiledModule(
            backend=NAME,
            target=TARGET,
            code=encoded.code,
            function_offsets=encoded.function_offsets,
            sites=encoded.sites,
            relocations=encoded.relocations,
            checked_memories=self.checked_memories,
            cpu_features=encoded.cpu_features,
            release_gil=self._release_gil,
            handlers=encoded.handlers,
            saved=bytes(saved),
        )


@final
class SinglepassCompiler:
    """Compiles at some 20 MB a second; the code takes about 1.2 times as long as an optimising compiler's."""

    def __init__(self, cpu_features: frozenset[str] | None = None) -> None:
        """`cpu_features`: what the code may use, by name of `contract.target`; None: what this machine has."""
        self._features = cpu_features

    features: Final = frozenset(("exceptions", "gc"))
    """Of those that not every backend has (core's `features.OF_BACKENDS`)."""

    @property
    def name(self) -> str:
        """``"singlepass"``"""
        return NAME

    def cache_key(self) -> str:
        """What compiled modules depend on besides this backend's version; "": on nothing that was asked for."""
        return "" if self._features is None else f"features={sorted(self._features)}"

    def compile(self, info: ModuleInfo, bodies: Sequence[Body], config: CompilerConfig) -> CompiledModule:
        """Machine code of every body, in order.

        Raises:
            CompileError: the processor lacks what the code always needs.
            ImplementationLimitError: the code is too large for the module's size.
            InternalError: a bug of ours; names the function, the operator and the offset.
        """
        limit = CodeLimit(ImplementationLimits(config.implementation_limits), bodies)
        parts = SinglepassParts(info, self._target(), config, limit)
        return parts.compile_all(bodies, ModuleEncoder(len(bodies) + len(VMCALLS)))

    def in_parts(self, info: ModuleInfo, config: CompilerConfig, body_bytes: int) -> SinglepassParts:
        """Begin a module whose functions are compiled one at a time (`contract.compiler.CompilesInParts`).

        Raises:
            CompileError: the processor lacks what the code always needs.
        """
        limit = CodeLimit(ImplementationLimits(config.implementation_limits), (), body_bytes)
        return SinglepassParts(info, self._target(), config, limit)

    def records(self, info: ModuleInfo, body: Body, config: CompilerConfig, verify: bool = False) -> bytes:
        """The machine-instruction records of one body: what golden tests and `dump` print.

        With `verify` the registers are accounted for after every operator.

        Raises:
            InternalError: the accounts do not balance.
        """
        checked = checked_memories(info, config, GUARDED_MEMORIES)
        limit = CodeLimit(ImplementationLimits(config.implementation_limits), [body])
        function = FunctionCompiler(ModuleView(info), self._target(), 0 in checked, limit)
        return compile_function(function, Rules(), body, verify)

    def _target(self) -> Target:
        features = self._features if self._features is not None else host_features()
        missing = [name for name in REQUIRED if name not in features]
        if missing:
            raise CompileError(
                f"the singlepass backend needs a processor with {' and '.join(missing)}; this one does not have it"
            )
        return Target.of(features)
