"""Where the frame is made: not before the ways part on which nothing is called.

Many functions return at once where there is nothing to do: a recursion at its end, a test of an argument. What such a
way costs is mostly the frame: callee-saved registers go to memory, and come back. So the frame is made in the last
block before the calls that is in no loop (`Function.framed`), and what returns before needs none.

Control may not come back from the framed part to the other one. So a short return that both share is repeated for the
framed part. The registers follow (`machine.regalloc`): before the frame no value is put where only calls would let it
be.
"""

from __future__ import annotations

from wasmer_clif_backend.effort import EVERY
from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import UNKNOWN, Function
from wasmer_clif_backend.ir.opcodes import CALLS, EFFECTS, PARAMETER, RESULT, RETURN
from wasmer_clif_backend.ir.uses import EDGES, LIST, OPERANDS, A, B, C
from wasmer_runtime_core.support.annotations import Final, final, i64

_LONGEST: Final = 6
"""So many instructions, the return among them, are repeated."""


@final
class Frames:
    """The pass, for one function after another."""

    def __init__(self) -> None:
        self._framed = column(1 << 7)
        """By block: 1: it is dominated by the one that makes the frame."""
        self._became = column(1 << 10)
        """By value of the return that is repeated: its copy."""

    def run(self, function: Function, flow: Flow) -> bool:
        """Find `Function.framed`. Needs counts of uses, and keeps them.

        Returns: whether there are more blocks now, so that `flow` has to look again.
        """
        if function.called == UNKNOWN:
            function.called = _find_calls(function, flow)
        b = function.called
        while flow.loop[b]:
            b = flow.dominator[b]
        if b == 0 or b == function.entry or function.slots:
            return False
        shared = self._find_shared(function, flow, b)
        if shared is None:
            return False
        function.framed = b
        for one in shared:
            self._repeat(function, one)
        return bool(shared)

    def _find_shared(self, function: Function, flow: Flow, framed: i64) -> list[int] | None:
        """The returns that have to be repeated; None: the function cannot be parted here, or nothing is gained."""
        if function.block_count > i64(len(self._framed)):
            self._framed = column(2 * function.block_count)
        inside = self._framed
        function.effort.spend(2 * i64(len(flow.order)))
        inside[0] = 0  # dominates the entry, as it were
        for b in flow.order:
            inside[b] = inside[flow.dominator[b]]
            if b == framed:
                inside[b] = 1
        shared: list[int] = []
        returns = False
        for b in flow.order:
            if inside[b]:
                continue
            ends_here = function.opcode[function.last[b]] == RETURN
            returns = returns or ends_here
            e = function.incoming[b]
            while e:
                if flow.number[function.edge_from[e]] and inside[function.edge_from[e]]:
                    if not ends_here or not _is_short(function, b):
                        return None
                    shared.append(b)
                    break
                e = function.edge_next[e]
        return shared if returns else None

    def _repeat(self, function: Function, b: i64) -> None:
        """A return once more, for those ways to it that come from the framed part."""
        f = function
        made = f.block()
        f.cold[made] = f.cold[b]
        if f.count > i64(len(self._became)):
            self._became = column(2 * f.count)
        became = self._became
        v = f.first[b]
        while v:
            f.at = f.source[v]
            copy = f.new(f.opcode[v], f.type[v], f.a[v], f.b[v], f.c[v], f.immediate[v], f.extra[v])
            f.colour[copy] = f.colour[v]
            f.bound[copy] = f.bound[v]
            f.append(made, copy)
            became[v] = copy
            operands: i64 = OPERANDS[f.opcode[v]]
            if operands & A:
                f.a[copy] = self._use(f, b, f.a[v])
            if operands & B:
                f.b[copy] = self._use(f, b, f.b[v])
            if operands & C:
                f.c[copy] = self._use(f, b, f.c[v])
            if operands & LIST:
                f.b[copy] = f.new_list([int(self._use(f, b, x)) for x in f.items(f.b[v])])
            v = f.next[v]
        e = f.incoming[b]
        f.incoming[b] = 0
        while e:
            behind = f.edge_next[e]
            f.lead(e, made if self._framed[f.edge_from[e]] else b)
            e = behind

    def _use(self, function: Function, b: i64, x: i64) -> i64:
        """What a copy of an instruction of a block has in place of an operand: one use more of it."""
        if function.block_of[x] == b:
            x = self._became[x]
        function.uses[x] += 1
        return x


def _is_short(function: Function, b: i64) -> bool:
    """Whether a block that returns is a few instructions of the simplest kind, parameters not counted."""
    steps: i64 = 0
    v = function.last[b]
    while v and function.opcode[v] != PARAMETER:
        steps += 1
        if steps > _LONGEST or function.opcode[v] == RESULT or OPERANDS[function.opcode[v]] & EDGES:
            return False
        v = function.previous[v]
    return True


def _find_calls(function: Function, flow: Flow) -> i64:
    """The nearest block that dominates all calls; 0: there are none."""
    found: i64 = 0
    for b in flow.order:
        v = function.first[b]
        while v:
            if v & EVERY == 0:
                function.effort.spend(EVERY)
            if EFFECTS[function.opcode[v]] & CALLS:
                found = flow.nearest(found, b) if found else i64(b)
                break
            v = function.next[v]
    return found
