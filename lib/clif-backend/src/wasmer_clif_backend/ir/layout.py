"""The order of blocks in the code.

The text's own order, if every block stands behind the one that dominates it: whoever wrote it knew which
loops belong together. Else reverse post-order. Blocks that are not reached are left out, cold ones go to the end. What
runs without a frame stands before what has one (`Function.framed`).
In this order code is selected and registers are allocated; when it is emitted, loops are turned round besides
(`machine.rotation`).
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_runtime_core.support.annotations import i64


def layout(function: Function, flow: Flow) -> list[int]:
    """The reachable blocks, in the order of the code: what needs no frame before what does."""
    order = _in_text(function, flow)
    if function.framed == 0:
        return order
    framed = column(function.block_count)
    framed[function.framed] = 1
    for b in flow.order:
        if framed[flow.dominator[b]]:
            framed[b] = 1
    return [b for b in order if not framed[b]] + [b for b in order if framed[b]]


def _in_text(function: Function, flow: Flow) -> list[int]:
    """The order without regard to the frame."""
    if not _is_numbered_in_order(function, flow):
        order = [b for b in function.block_order() if flow.number[b]]
        if not _in_order(order, flow):
            return flow.order
    else:
        order = flow.order
    warm = [b for b in order if not function.cold[b] or b == function.entry]
    if len(warm) == len(order):
        return order
    cold = [b for b in order if function.cold[b] and b != function.entry]
    return warm + cold if _in_order(warm + cold, flow) else order


def _is_numbered_in_order(function: Function, flow: Flow) -> bool:
    """Whether the text's order is the reverse post-order, as it is in what WebAssembly became."""
    last: i64 = 0
    b = function.entry
    while b:
        number = flow.number[b]
        if number:
            if number < last:
                return False
            last = number
        b = function.block_next[b]
    return True


def _in_order(order: list[int], flow: Flow) -> bool:
    """Whether every block stands behind the one that dominates it."""
    seen: set[int] = {0}
    for b in order:
        if int(flow.dominator[b]) not in seen:
            return False
        seen.add(b)
    return True
