"""Parameters of blocks that say nothing go, and so does all that nobody uses.

Translation gives the head of a loop a parameter per local that the loop writes. Some of them bring the same value
on every way, others are not read again. This pass

1. finds parameters with one value, inner loops first, and puts that in their place;
2. walks back from what has an effect to what it needs: uses are counted, operands renamed, on the way. A value that
   only a parameter needs which nobody needs is not met, so loops that go round for themselves vanish;
3. takes away what was not met, and the arguments of parameters that went.

It leaves the columns `uses` and `colour` as `ir.uses.count` does.
"""

from __future__ import annotations

from wasmer_clif_backend.effort import EVERY
from wasmer_clif_backend.ir.columns import column, with_room
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.numbering import is_same_constant
from wasmer_clif_backend.ir.opcodes import NOTRAP, PARAMETER, RESULT
from wasmer_clif_backend.ir.uses import EFFECT, EFFECT_OF, LIST, OPERANDS, UNLESS_NOTRAP, A, B, C
from wasmer_runtime_core.support.annotations import Final, final, i64

_ROWS: Final = 1 << 10
_ROUNDS: Final = 4
_PASSED: Final = -1
"""In the column `uses`: the walk came by before anybody needed it; so it goes, if nobody comes after."""


@final
class Parameters:
    """The pass, with its columns, for one function after another."""

    def __init__(self) -> None:
        self._rows: i64 = _ROWS
        self._instead = column(_ROWS)
        """By value: what takes its place; 0: it stays. All 0 between functions."""
        self._replaced = column(_ROWS)
        """The values that something takes the place of."""
        self._replaced_count: i64 = 0
        self._work = column(_ROWS)
        self._top: i64 = 0

    def run(self, function: Function, flow: Flow) -> None:
        """Every block of the function is reached, and in the order of `flow` stands behind its dominator."""
        # A block may get a constant in the place of each of its parameters.
        rows = 2 * function.count
        if rows > self._rows:
            self._rows = with_room(rows)
            self._instead = column(self._rows)
            self._replaced = column(self._rows)
            self._work = column(self._rows)
        self._replaced_count = 0
        rounds: i64 = 0
        while rounds < _ROUNDS and self._find_single(function, flow):
            rounds += 1
        uses = function.uses
        v: i64 = 0
        while v < function.count:
            uses[v] = 0
            v += 1
        self._walk(function, flow)
        self._sweep(function)
        while self._replaced_count > 0:
            self._replaced_count -= 1
            self._instead[self._replaced[self._replaced_count]] = 0
        function.is_counted = True

    # --- one value -------------------------------------------------------------------------------------

    def _find_single(self, function: Function, flow: Flow) -> bool:
        """Parameters with one value; whether there was one."""
        found = False
        at: i64 = len(flow.order) - 1
        while at > 0:
            b = flow.order[at]
            v = function.first[b]
            while v and function.opcode[v] == PARAMETER:
                if self._instead[v] == 0:
                    only = self._single_value(function, b, v)
                    if only:
                        self._instead[v] = only
                        self._replaced[self._replaced_count] = v
                        self._replaced_count += 1
                        found = True
                v = function.next[v]
            at -= 1
        return found

    def _single_value(self, function: Function, block: i64, parameter: i64) -> i64:
        """The value that a parameter has on every way; 0: there are several."""
        at = function.immediate[parameter] + 1
        only: i64 = 0
        copied = False
        e = function.incoming[block]
        while e:
            function.effort.spend(1)
            x = self._resolved(function.pool[function.edge_arguments[e] + at])
            if x != parameter and x != only:
                if only == 0:
                    only = x
                elif is_same_constant(function, x, only):
                    copied = True
                else:
                    return 0
            e = function.edge_next[e]
        if copied:
            made = function.new(function.opcode[only], function.type[only], 0, 0, 0, function.immediate[only])
            function.bound[made] = function.bound[only]
            function.insert_behind(_last_parameter(function, block), made)
            return made
        return only

    def _resolved(self, v: i64) -> i64:
        """What takes the place of a value in the end. Who asks again gets there at once: nests of loops make it far."""
        instead = self._instead
        found = instead[v]
        if found == 0:
            return v
        while instead[found]:
            found = instead[found]
        while instead[v] != found:
            behind = instead[v]
            instead[v] = found
            v = behind
        return found

    # --- what is needed ----------------------------------------------------------------------------------

    def _walk(self, function: Function, flow: Flow) -> None:
        """From the last instruction to the first."""
        uses = function.uses
        at: i64 = len(flow.order) - 1
        while at >= 0:
            b = flow.order[at]
            v = function.last[b]
            self._visit(function, v)  # what ends the block
            while v:
                if self._top > 0:
                    self._top -= 1
                    self._visit(function, self._work[self._top])
                    continue
                v = function.previous[v]
                if v & EVERY == 0:
                    function.effort.spend(4 * EVERY)
                if uses[v] > 0:
                    self._visit(function, v)
                    continue
                effect: i64 = EFFECT_OF[function.opcode[v]]
                if effect == EFFECT or (effect == UNLESS_NOTRAP and function.extra[v] & NOTRAP == 0):
                    self._visit(function, v)
                else:
                    uses[v] = _PASSED
            at -= 1

    def _need(self, function: Function, x: i64) -> i64:
        """One more use of a value; the one that it is now."""
        if self._instead[x]:
            x = self._resolved(x)
        before = function.uses[x]
        if before == _PASSED:
            function.uses[x] = 1
            self._work[self._top] = x
            self._top += 1
        else:
            function.uses[x] = before + 1
        return x

    def _visit(self, function: Function, v: i64) -> None:
        """The operands of what is needed are needed."""
        opcode = function.opcode[v]
        operands: i64 = OPERANDS[opcode]
        if operands & A:
            function.a[v] = self._need(function, function.a[v])
        if operands & B:
            function.b[v] = self._need(function, function.b[v])
        if operands & C:
            function.c[v] = self._need(function, function.c[v])
        if operands & LIST:
            at = function.b[v]
            end = at + function.pool[at]
            while at < end:
                at += 1
                function.pool[at] = self._need(function, function.pool[at])
        if opcode == PARAMETER:
            place = function.immediate[v] + 1
            e = function.incoming[function.block_of[v]]
            while e:
                function.effort.spend(1)
                at = function.edge_arguments[e] + place
                function.pool[at] = self._need(function, function.pool[at])
                e = function.edge_next[e]
        elif opcode == RESULT:
            self._need(function, function.a[v])  # not as an operand, but it has to be there

    # --- what is not -----------------------------------------------------------------------------------------

    def _sweep(self, function: Function) -> None:
        """Take away what was not met; count colours."""
        uses = function.uses
        colour: i64 = 0
        b = function.entry
        while b:
            colour += 1
            if function.opcode[function.first[b]] == PARAMETER:
                self._sweep_parameters(function, b)
            v = function.first[b]
            while v:
                behind = function.next[v]
                if v & EVERY == 0:
                    function.effort.spend(2 * EVERY)
                if uses[v] == _PASSED:
                    if self._is_kept(function, v):
                        uses[v] = 0
                        function.colour[v] = colour
                    else:
                        function.remove(v)
                else:
                    function.colour[v] = colour
                    effect: i64 = EFFECT_OF[function.opcode[v]]
                    if effect == EFFECT or (effect == UNLESS_NOTRAP and function.extra[v] & NOTRAP == 0):
                        colour += 1
                v = behind
            b = function.block_next[b]

    def _is_kept(self, function: Function, v: i64) -> bool:
        """What nobody needs, but has to be there: parameters of the entry, results of an instruction that is."""
        opcode = function.opcode[v]
        if opcode == PARAMETER:
            return function.block_of[v] == function.entry
        return opcode == RESULT and function.block_of[function.a[v]] != 0

    def _sweep_parameters(self, function: Function, block: i64) -> None:
        """Take away a block's parameters, and their arguments."""
        uses = function.uses
        before: i64 = 0
        kept: i64 = 0
        v = function.first[block]
        while v and function.opcode[v] == PARAMETER:
            before += 1
            if uses[v] > 0:
                kept += 1
            v = function.next[v]
        if kept == before or block == function.entry:
            return
        e = function.incoming[block]
        while e:
            function.effort.spend(before)
            at = function.edge_arguments[e]
            to = at
            place: i64 = 0
            v = function.first[block]
            while v and function.opcode[v] == PARAMETER:
                place += 1
                if uses[v] > 0:
                    to += 1
                    function.pool[to] = function.pool[at + place]
                v = function.next[v]
            function.pool[at] = kept
            if kept == 0:
                function.edge_arguments[e] = 0
            e = function.edge_next[e]
        number: i64 = 0
        v = function.first[block]
        while v and function.opcode[v] == PARAMETER:
            behind = function.next[v]
            if uses[v] > 0:
                function.immediate[v] = number
                number += 1
            else:
                function.remove(v)
            v = behind


def _last_parameter(function: Function, block: i64) -> i64:
    v = function.first[block]
    while function.next[v] and function.opcode[function.next[v]] == PARAMETER:
        v = function.next[v]
    return v
