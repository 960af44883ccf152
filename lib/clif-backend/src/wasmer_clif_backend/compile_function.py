"""One function from CLIF to instruction records, stage by stage.

Each stage leaves what the next one takes, and can be printed (`cli`): the function, the code with virtual
registers, the allocation, the records. Nothing here outlives the compilation of one function but for `Stages` itself,
which belongs to one thread.
"""

from __future__ import annotations

import os

from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.layout import layout
from wasmer_clif_backend.machine.code import Code
from wasmer_clif_backend.machine.regalloc.allocation import Allocation
from wasmer_clif_backend.machine.regalloc.coalesce import coalesce
from wasmer_clif_backend.machine.regalloc.intervals import Intervals
from wasmer_clif_backend.machine.regalloc.resolve import Resolver
from wasmer_clif_backend.machine.regalloc.scan import Scan
from wasmer_clif_backend.machine.x64.emit import Emitter
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.registers import PINNED, REGISTERS, WITHOUT_PINNED
from wasmer_clif_backend.machine.x64.rules import RULES
from wasmer_clif_backend.machine.x64.rules.call import enter
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from collections.abc import Callable

_STAGE: Final = 0x100
"""Steps that a stage takes whatever the function is like."""
CHECK_VARIABLE: Final = "WASMER_CLIF_CHECK"
"""Set in the environment: every allocation is proved (`machine.regalloc.checker`)."""


def proves() -> bool:
    """Whether the environment asks for proofs."""
    return bool(os.environ.get(CHECK_VARIABLE))


@final
class Stages:
    """The stages of one function after another.

    Args:
        callees: by name of a function: its entry in the table of code addresses.
        prove: check every allocation; as the environment says if not given.
        watch: called with a stage's name when it is done, of every function: benchmarks look at the clock.
    """

    def __init__(
        self,
        callees: dict[str, int],
        prove: bool | None = None,
        watch: Callable[[str], None] | None = None,
    ) -> None:
        self.watch: Final = watch
        self.callees: Final = callees
        self.prove: Final = proves() if prove is None else prove
        self.code: Final = Code()
        self.intervals: Final = Intervals()
        self.allocation: Final = Allocation()
        self._lowering: Final = Lowering(self.code, callees)
        self._scan: Final = Scan(self.code, self.intervals, self.allocation)
        self._resolver: Final = Resolver(self.code, self.intervals, self.allocation)
        self._emitter: Final = Emitter(self.code, self.allocation)

    def records(self, function: Function, stack_check: int = -1, flow: Flow | None = None) -> tuple[bytes, bytes]:
        """A verified function's instruction records and constants.

        Args:
            flow: of the function, if it is known.
            stack_check: if it is not negative, the function compares the stack pointer with the limit that its first
                argument, a vmctx, leads to; the trap's source is this.

        Raises:
            CompileError: an instruction is not supported for its types, or the frame is too large.
            InternalError: a bug of ours.
        """
        if flow is None:
            flow = Flow(function)
        code = self.code
        self._lowering.run(function, layout(function, flow), RULES, enter)
        self._done(function, "select")
        registers = REGISTERS
        if self._lowering.pinned:
            registers = WITHOUT_PINNED
            code.never_given |= 1 << PINNED
        self.intervals.build(function, code, flow)
        self._done(function, "intervals")
        out = self.allocation
        out.begin(function, code)
        coalesce(function, code, self.intervals, flow, out)
        self._done(function, "coalesce")
        self._scan.run(registers, flow)
        out.find_homes()
        self._done(function, "scan")
        self._resolver.run(function, flow)
        self._done(function, "resolve")
        if self.prove:
            from wasmer_clif_backend.machine.regalloc.checker import check

            check(function, code, out, registers.kept)
        records = self._emitter.run(function, flow, stack_check)
        self._done(function, "emit")
        return records, b"".join(code.constants)

    def _done(self, function: Function, stage: str) -> None:
        """A stage is done."""
        function.effort.spend(_STAGE)
        if self.watch is not None:
            self.watch(stage)
