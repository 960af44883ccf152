"""`CraneliftCompiler`: modules of WebAssembly to machine code, body by body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from wasmer_clif_backend.compile_function import Stages, proves
from wasmer_clif_backend.effort import Effort
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.verify import verify, verify_flow
from wasmer_clif_backend.passes.optimise import Passes
from wasmer_clif_backend.translate.function import Translator
from wasmer_clif_backend.translate.view import ModuleView
from wasmer_runtime_core.codegen.x64.encode import ModuleEncoder
from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
from wasmer_runtime_core.contract.code_limit import CodeLimit
from wasmer_runtime_core.contract.helpers import VMCALLS
from wasmer_runtime_core.contract.target import TARGET, host_features
from wasmer_runtime_core.errors import CompileError, InternalError
from wasmer_runtime_core.implementation_limits import ImplementationLimits
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.module import ModuleInfo

REQUIRED: Final = ("avx", "avx2", "bmi1", "bmi2", "fma", "lzcnt", "popcnt")
"""What the code is made of, and every processor of the level x86-64-v3 has."""


@final
class CraneliftCompiler:
    """Compiles through SSA form, with values in registers wherever they live.

    Args:
        prove: verify every function that is translated, and prove every allocation; if not given, as
            ``WASMER_CLIF_CHECK`` in the environment says.
        cpu_features: what the processor has, by name of `contract.target`; None: what this machine has.

    Raises:
        CompileError: the processor lacks what the code needs.
    """

    def __init__(self, prove: bool | None = None, cpu_features: frozenset[str] | None = None) -> None:
        features = host_features() if cpu_features is None else cpu_features
        missing = [name for name in REQUIRED if name not in features]
        if missing:
            raise CompileError(
                "the cranelift backend needs a processor of the level x86-64-v3; this one does not have "
                f"{', '.join(missing)}"
            )
        self._prove: Final = prove

    @property
    def name(self) -> str:
        """``"cranelift"``"""
        return "cranelift"

    def compile(self, info: ModuleInfo, bodies: Sequence[Body], config: CompilerConfig) -> CompiledModule:
        """Machine code of every body, in order.

        Raises:
            CompileError: a function's frame would be too large.
            ImplementationLimitError: the code is too large for the module's size.
            Timeout: a deadline of this thread has passed.
            InternalError: a bug of ours.
        """
        limit = CodeLimit(ImplementationLimits(config.implementation_limits), bodies)
        encoder = ModuleEncoder(len(bodies) + len(VMCALLS))
        work = self._begin(info, config, limit)
        for body in bodies:
            checkpoint()
            limit.begin(body)
            records, constants = work.records(body)
            encoder.function(records, constants)
            limit.check_code(len(encoder.code))
        encoded = encoder.finish()
        return CompiledModule(
            backend=self.name,
            target=TARGET,
            code=encoded.code,
            function_offsets=encoded.function_offsets,
            sites=encoded.sites,
            relocations=encoded.relocations,
            bounds_checks=work.bounds_checks,
            cpu_features=encoded.cpu_features,
            release_gil=config.release_gil,
        )

    def records(self, info: ModuleInfo, body: Body, config: CompilerConfig) -> bytes:
        """The machine-instruction records of one body: what ``dump --stage=records`` prints.

        Raises:
            As `compile`.
        """
        limit = CodeLimit(ImplementationLimits(config.implementation_limits), [body])
        limit.begin(body)
        return self._begin(info, config, limit).records(body)[0]

    def _begin(self, info: ModuleInfo, config: CompilerConfig, limit: CodeLimit) -> _Compilation:
        return _Compilation(info, config, limit, proves() if self._prove is None else self._prove)


@final
class _Compilation:
    """One module on its way. Nothing of it outlives `CraneliftCompiler.compile`."""

    def __init__(self, info: ModuleInfo, config: CompilerConfig, limit: CodeLimit, prove: bool) -> None:
        self.bounds_checks: Final = config.memory_bound_check_mode == "enable"
        view = ModuleView(info)
        self.limit: Final = limit
        self.translator: Final = Translator(view, self.bounds_checks)
        self.passes: Final = Passes()
        self.stages: Final = Stages(view.entries, prove=prove)

    def records(self, body: Body) -> tuple[bytes, bytes]:
        """A body's instruction records and constants."""
        flow = self.translator.flow
        function = self.translator.translate(body, Effort(self.limit))
        self._must_make_sense(function, flow, body, "translated")
        self.passes.run(function, flow)
        self._must_make_sense(function, flow, body, "optimised")
        return self.stages.records(function, body.offset, flow)

    def _must_make_sense(self, function: Function, flow: Flow, body: Body, how: str) -> None:
        if self.stages.prove:
            findings = verify(function) or verify_flow(function, flow)
            if findings:
                raise InternalError(f"function {body.function_index} is {how} wrongly: {findings[0]}")
