"""The order of blocks in the code.

The text's own order, if every block stands behind the one that dominates it: whoever wrote it knew which
loops belong together. Else reverse post-order. Blocks that are not reached are left out.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function


def layout(function: Function, flow: Flow) -> list[int]:
    """The reachable blocks, in the order of the code."""
    seen: set[int] = {0}
    order: list[int] = []
    for b in function.block_order():
        if flow.number[b] == 0:
            continue
        if int(flow.dominator[b]) not in seen:
            return flow.order
        seen.add(b)
        order.append(b)
    # Cold blocks go to the end.
    warm = [b for b in order if not function.cold[b] or b == function.entry]
    cold = [b for b in order if function.cold[b] and b != function.entry]
    return warm + cold if _in_order(warm + cold, flow) else order


def _in_order(order: list[int], flow: Flow) -> bool:
    """Whether every block stands behind the one that dominates it."""
    seen: set[int] = {0}
    for b in order:
        if int(flow.dominator[b]) not in seen:
            return False
        seen.add(b)
    return True
