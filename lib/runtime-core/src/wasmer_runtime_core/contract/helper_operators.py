"""Which operators core carries out: of each the helper, and what is passed.

A call passes the operands, in their order, then the immediates, which are the first words of the
record: `a`, or `a` and `b`; `PASSED` says where there are fewer. A backend may have code of its own for an operator
instead.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.helpers import SLOTS, VMCALLS, VMCall
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.body.body import access_memory
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


PASSED: Final = {"array_copy": 0, "array_init_data": 1, "array_init_elem": 1}
"""How many words of the record a helper gets, where an object says the rest: which type it is of."""


def _helper_operator(name: str, immediate: str) -> HelperOperator:
    call = VMCALLS[SLOTS[name]]
    immediates = PASSED.get(name, 2 if immediate == "memarg" else len(immediate.split()))
    return HelperOperator(call, len(call.params) - immediates, immediates)


def wide_operands(call: VMCall, a: int, b: int, memories: frozenset[int], tables: frozenset[int]) -> tuple[bool, ...]:
    """Of each operand of a helper whether it is an index of 64 bits: the others are as `VMCall.types` says.

    Args:
        a, b: words of the record.
        memories, tables: those whose index has 64 bits.
    """
    wide = memories if call.name.startswith("memory") else tables
    if "place" in call.params[-1]:
        a = access_memory(b)
    target = (b if call.name.endswith("_init") else a) in wide
    source = b in wide if call.name.endswith("_copy") else target
    of_names = {"to": target, "at": target, "delta": target, "from": source, "count": target and source}
    names = [param.rpartition(":")[0] for param in call.params]
    return tuple([type_ == "index" and of_names[name] for name, type_ in zip(names, call.types, strict=True)])


HELPER_OPERATORS: Final = {
    code: _helper_operator(row.helper, row.immediate) for code, row in OPERATORS.items() if row.effects & HELPER
}
"""By operator code."""
