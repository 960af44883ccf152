"""Loops are turned round when code is emitted: a last block that jumps to its loop's head stands before the head."""

from __future__ import annotations

from librt.vecs import vec

from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.machine.code import Code
from wasmer_runtime_core.support.annotations import final, i64


@final
class Rotation:
    """The order in which blocks are emitted: that of the code, with loops turned round. Used again for each function.

    A last block that ends in a jump to its loop's head stands before the head: so each time round takes one jump less,
    and entering the loop one more. A block into which another one only falls stays: it would be jumped to instead.
    """

    def __init__(self) -> None:
        blocks: i64 = 1 << 7
        # By block: its place in the order, from 1; of a head, the block that goes before it; whether it went.
        self._place = column(blocks)
        self._last = column(blocks)
        self._moved = column(blocks)

    def turned(self, function: Function, code: Code, leads_to: vec[i64]) -> vec[i64]:
        """The order to emit, without blocks that are empty.

        Args:
            leads_to: by block: itself, or the one that is reached through it (`EmptyBlocks`).
        """
        if function.block_count > i64(len(self._place)):
            self._place = grown(self._place, function.block_count)
            self._last = grown(self._last, function.block_count)
            self._moved = grown(self._moved, function.block_count)
        count: i64 = 0
        for b in code.order:
            if leads_to[b] == b:
                self._place[b] = 0
                self._last[b] = 0
                self._moved[b] = 0
                count += 1
        order = column(count)
        at: i64 = 0
        for b in code.order:
            if leads_to[b] == b:
                order[at] = b
                at += 1
        if not self._find(function, code, leads_to, order):
            return order
        turned = column(count)
        at = 0
        for b in order:
            if self._moved[b]:
                continue
            last = self._last[b]
            if last and not self._last[last]:
                turned[at] = last
                at += 1
                self._moved[last] = 1
            turned[at] = b
            at += 1
        return turned

    def _find(self, function: Function, code: Code, leads_to: vec[i64], order: vec[i64]) -> bool:
        """Which block goes before each head; whether there are any."""
        found = False
        at: i64 = 0
        falls_into: i64 = 0
        for b in order:
            at += 1
            self._place[b] = at
            only = self._only_way(function, code, leads_to, b)
            place = self._place[only] if only else i64(0)
            if place > 1 and place < at and (falls_into != b or place == at - 1):
                self._last[only] = b
                found = True
            falls_into = only
        return found

    def _only_way(self, function: Function, code: Code, leads_to: vec[i64], b: i64) -> i64:
        """The block that a block always goes to; 0: there are several, or none."""
        n = code.way_first[b]
        return leads_to[function.edge_to[code.ways[n]]] if code.way_end[b] - n == 1 else i64(0)
