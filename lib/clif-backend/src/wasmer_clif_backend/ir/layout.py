"""The order of blocks in the code.

The text's own order, if every block stands behind the one that dominates it: whoever wrote it knew which
loops belong together. Else reverse post-order. Blocks that are not reached are left out, cold ones go to the end. What
runs without a frame stands before what has one (`Function.framed`).
In this order code is selected and registers are allocated; when it is emitted, loops are turned round besides
(`machine.rotation`).
"""

from __future__ import annotations

from librt.vecs import vec

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_runtime_core.support.annotations import i64


def layout(function: Function, flow: Flow) -> vec[i64]:
    """The reachable blocks, in the order of the code: what needs no frame before what does."""
    order = _in_text(function, flow)
    if function.framed == 0:
        return order
    framed = column(function.block_count)
    framed[function.framed] = 1
    for b in flow.order:
        if framed[flow.dominator[b]]:
            framed[b] = 1
    return _parted(order, framed, function.entry)


def _in_text(function: Function, flow: Flow) -> vec[i64]:
    """The order without regard to the frame."""
    order = flow.order
    if not _is_numbered_in_order(function, flow):
        order = _reached(function, flow)
        if not _in_order(function, flow, order):
            return flow.order
    if _has_cold(function, order) and _may_be_parted(function, flow, order):
        return _parted(order, function.cold, function.entry)
    return order


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


def _reached(function: Function, flow: Flow) -> vec[i64]:
    """Blocks in the text's order."""
    order = column(i64(len(flow.order)))
    at: i64 = 0
    b = function.entry
    while b:
        if flow.number[b]:
            order[at] = b
            at += 1
        b = function.block_next[b]
    return order


def _in_order(function: Function, flow: Flow, order: vec[i64]) -> bool:
    """Whether every block stands behind the one that dominates it."""
    seen = column(function.block_count)
    seen[0] = 1
    for b in order:
        if not seen[flow.dominator[b]]:
            return False
        seen[b] = 1
    return True


def _has_cold(function: Function, order: vec[i64]) -> bool:
    """Whether a block is cold."""
    cold = function.cold
    for b in order:
        if cold[b]:
            return True
    return False


def _may_be_parted(function: Function, flow: Flow, order: vec[i64]) -> bool:
    """Whether every block still stands behind the one that dominates it if cold ones go behind the others."""
    cold = function.cold
    for b in order:
        above = flow.dominator[b]
        if cold[above] and above != function.entry and not cold[b]:
            return False
    return True


def _parted(order: vec[i64], behind: vec[i64], entry: i64) -> vec[i64]:
    """The entry and what is not marked, then what is."""
    parted = column(i64(len(order)))
    at: i64 = 0
    for b in order:
        if b == entry or not behind[b]:
            parted[at] = b
            at += 1
    for b in order:
        if b != entry and behind[b]:
            parted[at] = b
            at += 1
    return parted
