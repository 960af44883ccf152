"""A function that is there, a parsed one, is made again through `make`: CLIF files are optimised as modules are.

Blocks are taken in an order in which each stands behind its dominator; code that is not reached is left out.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.layout import layout
from wasmer_clif_backend.ir.make import make
from wasmer_clif_backend.ir.numbering import Numbering
from wasmer_clif_backend.ir.opcodes import BR_CATCH, BR_TABLE, BRIF, JUMP, NOP, PARAMETER, RESULT
from wasmer_clif_backend.ir.rules.choice import condition_of
from wasmer_clif_backend.ir.uses import LIST, OPERANDS, A, B, C
from wasmer_runtime_core.support.annotations import Final, final, i64


def rebuild(old: Function) -> Function:
    """The same function, folded and numbered."""
    return Rebuilder(old).run()


@final
class Rebuilder:
    """Makes one function again.

    Attributes:
        old, new: the functions; `old` is only read.
        numbering: what makes values of the new one.
    """

    def __init__(self, old: Function) -> None:
        self.old: Final = old
        self.new: Final = Function()
        self._old_flow: Final = Flow(old)
        self.flow: Final = Flow()
        self.numbering: Final = Numbering(self.new, self.flow)
        self._values: Final[list[int]] = [0] * int(old.count)
        """By value of the old function: that of the new one."""
        self._blocks: Final[list[int]] = [0] * int(old.block_count)
        self._epochs: Final[dict[int, tuple[i64, i64, i64]]] = {}
        """By block of the old function: the epochs at its end."""

    def run(self) -> Function:
        """The new function."""
        old = self.old
        new = self.new
        new.name = old.name
        new.signature = old.signature
        new.signatures = old.signatures
        new.functions = old.functions
        new.slots = old.slots
        for data in old.constants:
            new.constant(data)
        self.numbering.begin()
        self.flow.begin()
        order = layout(old, self._old_flow)
        for b in order:
            self._begin_block(b)
        for b in order:
            self._fill(b)
        return new

    def _begin_block(self, b: int) -> None:
        """The block and its parameters."""
        old = self.old
        flow = self._old_flow
        block = self.new.block()
        self._blocks[b] = int(block)
        self.new.cold[block] = old.cold[b]
        is_head = int(flow.loop[b]) == b
        loop = flow.outer[b] if is_head else flow.loop[b]
        self.flow.enter(block, self._blocks[flow.dominator[b]], self._blocks[loop], is_head)
        for v in old.parameters(b):
            self.new.at = old.source[v]
            self._values[v] = int(self.new.add(block, PARAMETER, old.type[v], 0, 0, 0, old.immediate[v]))

    def _fill(self, b: int) -> None:
        """The instructions of a block."""
        old = self.old
        n = self.numbering
        n.block = self._blocks[b]
        before = old.incoming[b]
        source = int(old.edge_from[before])
        if before and old.edge_next[before] == 0 and source in self._epochs:
            n.heap, n.context, n.any = self._epochs[source]
        else:
            n.new_epoch()
        for v in old.instructions(b):
            if old.opcode[v] != PARAMETER and old.opcode[v] != NOP:
                self.new.at = old.source[v]
                self._values[v] = int(self._instruction(v))
        self._epochs[b] = (n.heap, n.context, n.any)

    def _instruction(self, v: i64) -> i64:
        old = self.old
        new = self.new
        opcode = old.opcode[v]
        a = old.a[v]
        b = old.b[v]
        c = old.c[v]
        if opcode == RESULT:
            return new.add_result(self._values[a], old.immediate[v], old.type[v])
        if opcode == JUMP:
            return new.add(self.numbering.block, JUMP, 0, self._edge(a))
        if opcode == BRIF:
            condition = condition_of(self.numbering, self._values[a])
            then = self._edge(b)
            return new.add(self.numbering.block, BRIF, 0, condition, then, self._edge(c))
        if opcode == BR_CATCH:
            behind = self._edge(a)
            return new.add(self.numbering.block, BR_CATCH, 0, behind, self._edge(b), 0, 0, old.extra[v])
        if opcode == BR_TABLE:
            edges = [int(self._edge(e)) for e in old.items(b)]
            return new.add(self.numbering.block, BR_TABLE, 0, self._values[a], new.new_list(edges))
        operands = OPERANDS[opcode]
        if operands & A:
            a = self._values[a]
        if operands & B:
            b = self._values[b]
        if operands & C:
            c = self._values[c]
        if operands & LIST:
            b = new.new_list([self._values[one] for one in old.items(b)])
        return make(self.numbering, opcode, old.type[v], a, b, c, old.immediate[v], old.extra[v])

    def _edge(self, e: i64) -> i64:
        """An edge from the block at hand, like one of the old function."""
        old = self.old
        arguments = [self._values[one] for one in old.items(old.edge_arguments[e])]
        local = [int(self.numbering.local(v)) for v in arguments]
        return self.new.edge(self.numbering.block, self._blocks[old.edge_to[e]], self.new.new_list(local))
