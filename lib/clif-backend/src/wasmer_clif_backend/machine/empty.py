"""Blocks in which nothing happens but a jump: they are not emitted, and who would go there goes where they lead.

Such blocks come of edges: to leave a loop, or an ``if`` without ``else``, is a block of WebAssembly even where it
computes nothing. Which are empty is known when registers are allocated, for then what edges move is known.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column, grown
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.machine.code import TERMINATOR, Code
from wasmer_clif_backend.machine.regalloc.allocation import Allocation
from wasmer_runtime_core.support.annotations import Final, final, i64

_LONGEST: Final = 16
"""So many empty blocks in a row are seen through; the one behind is emitted. A circle of them has no end."""


@final
class EmptyBlocks:
    """Where blocks lead. Used again for the next function.

    Attributes:
        leads_to: by block: itself, or, if it is empty, the block that is reached through it.
    """

    def __init__(self) -> None:
        self.leads_to = column(1 << 7)

    def find(self, function: Function, code: Code, out: Allocation) -> None:
        """Look at every block of the code."""
        if function.block_count > i64(len(self.leads_to)):
            self.leads_to = grown(self.leads_to, function.block_count)
        leads_to = self.leads_to
        for b in code.order:
            leads_to[b] = self._next(function, code, out, b)
        for b in code.order:
            found: i64 = leads_to[b]
            steps = 0
            while leads_to[found] != found and steps < _LONGEST:
                found = leads_to[found]
                steps += 1
            leads_to[b] = found if leads_to[found] == found else b

    def _next(self, function: Function, code: Code, out: Allocation, b: i64) -> i64:
        """The block that an empty one jumps to; itself, if it is not empty."""
        i = code.block_first[b]
        if code.block_end[b] - i != 1 or code.roles[i] != TERMINATOR or code.way_end[b] - code.way_first[b] != 1:
            return b
        e = code.ways[code.way_first[b]]
        if out.edge_moves(e) or out.first_edit[2 * i] or out.first_edit[2 * i + 1]:
            return b
        return function.edge_to[e]
