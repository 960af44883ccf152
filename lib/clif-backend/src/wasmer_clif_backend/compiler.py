"""`ClifCompiler`: modules of WebAssembly to machine code, body by body.

It is not what `CraneliftCompiler` gives yet: it has no vectors, and optimises nothing. Tests use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from wasmer_clif_backend.compile_function import Stages
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.verify import verify, verify_flow
from wasmer_clif_backend.passes.optimise import Passes
from wasmer_clif_backend.translate.function import Translator
from wasmer_clif_backend.translate.view import ModuleView
from wasmer_runtime_core.codegen.x64.encode import ModuleEncoder
from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
from wasmer_runtime_core.contract.helpers import VMCALLS
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.running.publish import TARGET
from wasmer_runtime_core.support.checkpoint import checkpoint
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.module import ModuleInfo


@final
class ClifCompiler:
    """A `backend.Compiler`.

    Args:
        prove: verify every function that is translated, and prove every allocation.
    """

    def __init__(self, prove: bool = False) -> None:
        self._prove: Final = prove

    @property
    def name(self) -> str:
        """``"cranelift"``"""
        return "cranelift"

    def compile(self, info: ModuleInfo, bodies: Sequence[Body], config: CompilerConfig) -> CompiledModule:
        """Machine code of every body, in order.

        Raises:
            CompileError: an operator is not there yet; says which.
            InternalError: a bug of ours.
        """
        bounds_checks = config.memory_bound_check_mode == "enable"
        view = ModuleView(info)
        encoder = ModuleEncoder(len(bodies) + len(VMCALLS))
        stages = Stages(view.entries, prove=self._prove)
        translator = Translator(view, bounds_checks)
        passes = Passes()
        for body in bodies:
            checkpoint()
            function = self.optimised(translator, passes, body)
            records, constants = stages.records(function, body.offset, translator.flow)
            encoder.function(records, constants)
        encoded = encoder.finish()
        return CompiledModule(
            backend=self.name,
            target=TARGET,
            code=encoded.code,
            function_offsets=encoded.function_offsets,
            sites=encoded.sites,
            relocations=encoded.relocations,
            bounds_checks=bounds_checks,
            cpu_features=encoded.cpu_features,
            release_gil=config.release_gil,
        )

    def optimised(self, translator: Translator, passes: Passes, body: Body) -> Function:
        """The function of a body, verified if asked for."""
        function = translator.translate(body)
        self._must_make_sense(function, translator.flow, body, "translated")
        passes.run(function, translator.flow)
        self._must_make_sense(function, translator.flow, body, "optimised")
        return function

    def _must_make_sense(self, function: Function, flow: Flow, body: Body, how: str) -> None:
        if self._prove:
            findings = verify(function) or verify_flow(function, flow)
            if findings:
                raise InternalError(f"function {body.function_index} is {how} wrongly: {findings[0]}")
