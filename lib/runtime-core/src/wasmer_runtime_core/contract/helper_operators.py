"""Which operators core carries out: of each the helper, and what is passed.

A call passes the operands, in their order, then the immediates, which are the first words of the
record: `a`, or `a` and `b`. A backend may have code of its own for an operator instead.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.helpers import SLOTS, VMCALLS, VMCall
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.operators.effects import HELPER
from wasmer_runtime_core.wasm.operators.rows import OPERATORS


class HelperOperator(NamedTuple):
    """An operator that a helper carries out.

    Attributes:
        call: the helper.
        operands: how many are taken from the stack.
        immediates: how many words of the record follow them.
    """

    call: VMCall
    operands: int
    immediates: int


def _helper_operator(name: str, immediate: str) -> HelperOperator:
    call = VMCALLS[SLOTS[name]]
    immediates = len(immediate.split())
    return HelperOperator(call, len(call.params) - immediates, immediates)


HELPER_OPERATORS: Final = {
    code: _helper_operator(row.helper, row.immediate) for code, row in OPERATORS.items() if row.effects & HELPER
}
"""By operator code."""
