"""The passes, in order."""

from __future__ import annotations

from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import UNKNOWN, Function
from wasmer_clif_backend.ir.rebuild import Rebuilder
from wasmer_clif_backend.passes.chains import Chains
from wasmer_clif_backend.passes.frames import Frames
from wasmer_clif_backend.passes.induction import Induction
from wasmer_clif_backend.passes.lanes import Lanes
from wasmer_clif_backend.passes.parameters import Parameters
from wasmer_clif_backend.passes.rounds import Rounds
from wasmer_clif_backend.passes.shortcuts import Shortcuts
from wasmer_runtime_core.support.annotations import Final, final


@final
class Passes:
    """All passes, with what they keep between functions: one object per compilation."""

    def __init__(self) -> None:
        self._parameters: Final = Parameters()
        self._induction: Final = Induction()
        self._lanes: Final = Lanes()
        self._rounds: Final = Rounds()
        self._shortcuts: Final = Shortcuts()
        self._chains: Final = Chains()
        self._frames: Final = Frames()

    def run(self, function: Function, flow: Flow) -> None:
        """Optimise a function that was made through `ir.make`.

        Args:
            flow: of the function as it is; as it becomes, afterwards.
        """
        self._parameters.run(function, flow)
        leftovers = self._induction.run(function, flow)
        if self._lanes.run(function, flow):
            leftovers = True
        if self._rounds.run(function, flow):
            flow.find(function)
            function.called = UNKNOWN
            leftovers = True
        if self._shortcuts.run(function, flow):
            flow.find(function)
            function.called = UNKNOWN
            leftovers = True
        if leftovers:
            self._parameters.run(function, flow)
        self._chains.run(function, flow)
        if self._frames.run(function, flow):
            flow.find(function)


def optimised(function: Function) -> Function:
    """A verified function, made again and optimised: what the tools for text show."""
    rebuilder = Rebuilder(function)
    made = rebuilder.run()
    Passes().run(made, rebuilder.flow)
    return made
