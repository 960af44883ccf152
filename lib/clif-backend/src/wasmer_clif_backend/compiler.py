"""`CraneliftCompiler`: modules of WebAssembly to machine code, body by body.

A function is translated to SSA form, optimised, and goes through the stages (`compile_function`). One whose SSA form is
too large for its size (`effort`) is translated again with its locals in memory, and a warning names it.
"""

from __future__ import annotations

from wasmer_clif_backend.compile_function import Stages, proves
from wasmer_clif_backend.effort import OPERATORS_AHEAD, PER_OPERATOR, Effort, TooMuchEffort
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.machine.x64.frame import FrameTooLarge
from wasmer_clif_backend.notices import CraneliftWarning
from wasmer_clif_backend.passes.optimise import Passes
from wasmer_clif_backend.translate.function import Translator
from wasmer_clif_backend.translate.view import CallLayout, ModuleView
from wasmer_runtime_core.codegen.x64.encode import ModuleEncoder
from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig, checked_memories
from wasmer_runtime_core.contract.code_limit import CodeLimit
from wasmer_runtime_core.contract.convention import saved_byte
from wasmer_runtime_core.contract.helpers import VMCALLS
from wasmer_runtime_core.contract.target import TARGET, host_features
from wasmer_runtime_core.errors import CompileError, ImplementationLimitError, InternalError
from wasmer_runtime_core.implementation_limits import ImplementationLimits
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final, i64
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.support.notices import Notices
from wasmer_runtime_core.support.printable import printable, shortened
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES, Body
from wasmer_runtime_core.wasm.module import ModuleInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME: Final = "cranelift"

REQUIRED: Final = ("avx", "avx2", "bmi1", "bmi2", "fma", "lzcnt", "popcnt")
"""What the code is made of, and every processor of the level x86-64-v3 has."""

STAGES: Final = ("clif", "opt", "vcode", "ra")
"""The function in SSA form; the same after the passes; its instructions with virtual registers; these with their places
and moves. Instruction records are what comes next."""


@final
class CraneliftCompiler:
    """Compiles through SSA form, with values in registers wherever they live.

    Args:
        prove: verify every function that is translated, and prove every allocation; if not given, as
            ``WASMER_CLIF_CHECK`` in the environment says.
        cpu_features: what the processor has, by name of `contract.target`; None: what this machine has.
        in_memory: keep the locals of every function in memory, as is done with those that are too large.
        steps: how many a module may take per operator before that is done (`effort`).

    Raises:
        CompileError: the processor lacks what the code needs.
    """

    def __init__(
        self,
        prove: bool | None = None,
        cpu_features: frozenset[str] | None = None,
        in_memory: bool = False,
        steps: int = PER_OPERATOR,
    ) -> None:
        features = host_features() if cpu_features is None else cpu_features
        missing = [name for name in REQUIRED if name not in features]
        if missing:
            raise CompileError(
                "the cranelift backend needs a processor of the level x86-64-v3; this one does not have "
                f"{', '.join(missing)}"
            )
        self._prove: Final = prove
        self._in_memory: Final = in_memory
        self._steps: Final = steps

    features: Final = frozenset(("exceptions", "gc"))
    """Of those that not every backend has (core's `features.OF_BACKENDS`)."""

    @property
    def name(self) -> str:
        """``"cranelift"``"""
        return NAME

    def cache_key(self) -> str | None:
        """What compiled modules depend on besides this backend's version; "": on nothing that was asked for.

        None where proofs are wanted: then there must be something to prove.
        """
        if self._prove:
            return None
        is_usual = not self._in_memory and self._steps == PER_OPERATOR
        return "" if is_usual else f"in_memory={self._in_memory} steps={self._steps}"

    def compile(self, info: ModuleInfo, bodies: Sequence[Body], config: CompilerConfig) -> CompiledModule:
        """Machine code of every body, in order.

        Warns (`CraneliftWarning`) of a function whose locals stay in memory for its size.

        Raises:
            CompileError: a function's frame would be too large.
            ImplementationLimitError: the code is too large for the module's size.
            Timeout: a deadline of this thread has passed.
            InternalError: a bug of ours.
        """
        limit = CodeLimit(ImplementationLimits(config.implementation_limits), bodies)
        return self._begin(info, config, limit).compile_all(bodies, ModuleEncoder(len(bodies) + len(VMCALLS)))

    def in_parts(self, info: ModuleInfo, config: CompilerConfig, body_bytes: int) -> CraneliftParts:
        """Begin a module whose functions are compiled one at a time (`contract.compiler.CompilesInParts`)."""
        return self._begin(info, config, CodeLimit(ImplementationLimits(config.implementation_limits), (), body_bytes))

    def records(self, info: ModuleInfo, body: Body, config: CompilerConfig) -> bytes:
        """The machine-instruction records of one body: what ``dump --stage=records`` prints.

        Raises:
            As `compile`.
        """
        limit = CodeLimit(ImplementationLimits(config.implementation_limits), [body])
        limit.begin(body)
        return self._begin(info, config, limit).records(body)[0]

    @property
    def stages(self) -> tuple[str, ...]:
        """What `show` can show."""
        return STAGES

    def show(self, stage: str, info: ModuleInfo, body: Body, config: CompilerConfig) -> str:
        """One body at a stage of its compilation, as text: what ``dump --stage=vcode`` prints.

        Args:
            stage: one of `stages`.

        Raises:
            As `compile`.
        """
        limit = CodeLimit(ImplementationLimits(config.implementation_limits), [body])
        limit.begin(body)
        return self._begin(info, config, limit).show(stage, body)

    def _begin(self, info: ModuleInfo, config: CompilerConfig, limit: CodeLimit) -> CraneliftParts:
        prove = proves() if self._prove is None else self._prove
        return CraneliftParts(info, config, limit, prove, self._in_memory, self._steps)


GUARDED_MEMORIES: Final = 1
"""Memory 0 alone has its base at hand; accesses to others are compared with their length."""


@final
class CraneliftParts:
    """One module on its way. Functions come together, or one at a time.

    Attributes:
        checked_memories: as in `CompiledModule`.
    """

    def __init__(
        self, info: ModuleInfo, config: CompilerConfig, limit: CodeLimit, prove: bool, in_memory: bool, steps: int
    ) -> None:
        self.checked_memories: Final = checked_memories(info, config, GUARDED_MEMORIES)
        self.release_gil: Final = config.release_gil
        self.view = view = ModuleView(info)
        self.info: Final = info
        self.limit: Final = limit
        self.in_memory: Final = in_memory
        self.steps: Final[i64] = steps
        self.notices: Final = Notices(CraneliftWarning)
        self.allowed: i64 = i64(steps) * OPERATORS_AHEAD
        """Steps that functions have left of theirs."""
        self.prove: Final = prove
        self.entries: Final = view.entries
        self.translator: Final = Translator(view, 0 in self.checked_memories)
        self.passes = Passes()
        self.stages = Stages(view.entries, prove=prove)
        self.before = 0  # bytes of code of functions that came one at a time

    def compile(self, body: Body) -> CompiledModule:
        """Code of one function, apart from the module's table. Raises as `CraneliftCompiler.compile`."""
        entries = len(self.info.functions) - self.info.imported_functions + len(VMCALLS)
        part = self.compile_all((body,), ModuleEncoder(entries, True))
        self.before += len(part.code)
        return part

    def compile_as(self, body: Body, params: bytes, results: bytes) -> CompiledModule:
        """The same, of a function that has a type of its own, which the module need not have; the last of the module's
        tools, which know that type from here on. `body` has its index, behind those of the module."""
        self.view.layouts.append(CallLayout(params, results))
        return self.compile(body)

    def compile_all(self, bodies: Sequence[Body], encoder: ModuleEncoder) -> CompiledModule:
        """Code of these functions. Raises as `CraneliftCompiler.compile`."""
        saved = bytearray()
        for body in bodies:
            checkpoint()
            self.limit.begin(body)
            records, constants = self.records(body)
            saved.append(saved_byte(int(self.stages.allocation.saved)))
            encoder.function(records, constants)
            self.limit.check_code(self.before + len(encoder.code))
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
            release_gil=self.release_gil,
            handlers=encoded.handlers,
            saved=bytes(saved),
        )

    def records(self, body: Body) -> tuple[bytes, bytes]:
        """A body's instruction records and constants."""
        if not self.in_memory:
            self.allowed += self.steps * (i64(len(body.records)) // RECORD_BYTES)
            effort = Effort(self.limit, self.allowed)
            try:
                return self.written(body, effort, False)
            except (TooMuchEffort, ImplementationLimitError, FrameTooLarge):
                # What was left off in the middle holds parts of this function, which would come up in the next ones.
                # The translator forgets whatever it did when it begins a body.
                self.passes = Passes()
                self.stages = Stages(self.entries, prove=self.prove)
                self.tell(body)
            finally:
                self.allowed = max(0, self.allowed - effort.total())
        return self.written(body, Effort(self.limit), True)

    def written(self, body: Body, effort: Effort, in_memory: bool) -> tuple[bytes, bytes]:
        """One way or the other; in memory no pass is run, since what it moves would live longer than a block."""
        flow = self.translator.flow
        function = self.translator.translate(body, effort, in_memory)
        self._must_make_sense(function, flow, body, "translated")
        if not in_memory:
            self.passes.run(function, flow)
            self._must_make_sense(function, flow, body, "optimised")
        records, constants = self.stages.records(function, body.offset, flow)
        self.limit.check_records(len(records))
        return records, constants

    def show(self, stage: str, body: Body) -> str:
        """A body at one of `STAGES`."""
        from wasmer_clif_backend.ir.printer import print_function
        from wasmer_clif_backend.machine.printer import print_code

        flow = self.translator.flow
        function = self.translator.translate(body, Effort(self.limit), self.in_memory)
        if stage == "clif":
            return print_function(function)
        if not self.in_memory:
            self.passes.run(function, flow)
        if stage == "opt":
            return print_function(function)
        self.stages.records(function, body.offset, flow)
        return print_code(self.stages.code, self.stages.allocation if stage == "ra" else None)

    def tell(self, body: Body) -> None:
        """Warn of a function whose SSA form is too large."""
        name = self.info.function_names.get(body.function_index)
        called = f" ({printable(shortened(name))})" if name else ""
        self.notices.tell(
            f"function {body.function_index}{called} at byte {body.offset:#x} has too many values alive in too many "
            "places: its locals are kept in memory"
        )

    def _must_make_sense(self, function: Function, flow: Flow, body: Body, how: str) -> None:
        if self.prove:
            from wasmer_clif_backend.ir.verify import verify, verify_flow

            findings = verify(function) or verify_flow(function, flow)
            if findings:
                raise InternalError(f"function {body.function_index} is {how} wrongly: {findings[0]}")
