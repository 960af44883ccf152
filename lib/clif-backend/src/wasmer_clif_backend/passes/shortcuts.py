"""Ways on which a branch to come is decided already go past it.

    block1:  …  jump block3(0)            block1:  …  jump block4
    block2:  …  jump block3(v7)           block2:  …  jump block3(v7)
    block3(v8):  …  brif v8, block5, block4

Where loops join cases and then ask which one it was, each case goes on to what it leads to. What stands before the
branch is copied to that way, with what is known there: comparisons and choices of constants are no more. What follows
is copied too, if its own branch is decided, or that of a block behind it.

A value of the blocks that were copied is another one on the way past them. Where both ways meet, a parameter says which
(Braun and others, *Simple and efficient construction of static single assignment form*, 2013); the pass over parameters
that follows takes away those that say nothing.

Only in loops: elsewhere a branch more is nothing. Heads of loops stay as they are, so no loop gets a second entry.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column, with_room
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BRIF,
    CALLS,
    EFFECTS,
    IADD,
    ICMP,
    ICONST,
    JUMP,
    PARAMETER,
    RESULT,
    SELECT,
)
from wasmer_clif_backend.ir.rules.constants import compare
from wasmer_clif_backend.ir.types import I8, VECTOR
from wasmer_clif_backend.ir.uses import EDGES, LIST, OPERANDS, A, B, C
from wasmer_runtime_core.support.annotations import Final, final, i64

_MOST_COPIED: Final = 20
"""So many instructions are copied to one way at most."""
_MOST_BLOCKS: Final = 48
"""So many blocks at most may be behind the branch, in which values have to be found again."""
_MOST_WAYS: Final = 64
"""So many ways of a function are made shorter."""


@final
class Shortcuts:
    """The pass, for one function after another."""

    def __init__(self) -> None:
        self._became = column(1 << 10)
        """By value of the blocks that are copied: what it is on the way at hand; 0: itself."""
        self._copied: list[int] = []
        """The values that have an entry there."""
        self._room: i64 = 0
        """How many more instructions may be copied."""
        self._blocks: i64 = 0
        """One more than the last block that `flow` knows."""
        # Of the block that is gone past: blocks that it dominates, as a list, and with itself as a set; those that were
        # copied; by value and block, what the value is at the block's end, and at its start, as far as that is known;
        # new parameters whose arguments are still to be found: of which value, in which block.
        self._behind: list[int] = []
        self._inside: set[int] = set()
        self._originals: set[int] = set()
        self._at_end: dict[tuple[int, int], int] = {}
        self._at_start: dict[tuple[int, int], int] = {}
        self._waiting: list[tuple[int, int]] = []
        self._last: dict[int, int] = {}
        """By block that got new parameters: the last one."""
        self._dominated = column(1 << 7)
        """By block: how many it dominates, with itself."""
        self._is_counted = False
        """Whether that is known of the function at hand."""

    def run(self, function: Function, flow: Flow) -> bool:
        """Whether there were such ways: `flow`, counts of uses and `Function.called` are to be found again."""
        self._blocks = function.block_count
        self._is_counted = False
        made = 0
        for b in flow.order:
            if flow.depth[b] == 0 or flow.loop[b] == b or function.opcode[function.first[b]] != PARAMETER:
                continue
            function.effort.spend(4)
            if made >= _MOST_WAYS:
                break
            made += self._block(function, flow, b, _MOST_WAYS - made)
        return made > 0

    def _block(self, function: Function, flow: Flow, b: i64, most: int) -> int:
        """Go past one block where that is possible; on how many ways it was. One way to it stays."""
        end = function.last[b]
        if function.opcode[end] != BRIF or not _is_asked_for(function, b, function.a[end]):
            return 0
        if 2 * function.count > i64(len(self._became)):
            self._became = column(with_room(2 * function.count))
        ways: list[int] = []
        others = 0
        blocks = self._blocks
        e = function.incoming[b]
        while e:
            function.effort.spend(4)
            source = function.edge_from[e]
            if source < blocks and flow.number[source] >= flow.number[b]:
                return 0  # the way back of a loop that is entered elsewhere
            if self._is_decided(function, b, e):
                ways.append(int(e))
            else:
                others += 1
            e = function.edge_next[e]
        if others == 0:
            ways = ways[1:]
        if not ways or not self._find_behind(function, flow, b):
            return 0
        gone = 0
        for e in ways:
            if gone == most:
                break
            if self._go_past(function, flow, b, e):
                gone += 1
        return gone

    # --- where --------------------------------------------------------------------------------------------------

    def _is_decided(self, function: Function, b: i64, e: i64) -> bool:
        """Whether what an edge brings decides the branch of its block."""
        self._enter(function, b, e)
        decided = self._known(function, function.a[function.last[b]]) >= 0
        self._forget()
        return decided

    def _known(self, function: Function, v: i64) -> i64:
        """Whether a condition is known on the way at hand, and what: 0 or 1; -1: it is not."""
        f = function
        if self._became[v]:
            v = self._became[v]
        if f.opcode[v] == ICONST:
            return 1 if f.immediate[v] else 0
        if f.opcode[v] != ICMP or f.type[f.a[v]] >= VECTOR:
            return -1
        x = self._value(f.a[v])
        y = self._value(f.b[v])
        if f.opcode[x] != ICONST or f.opcode[y] != ICONST:
            return -1
        return 1 if compare(f.immediate[v], f.type[x], f.immediate[x], f.immediate[y]) else 0

    def _find_behind(self, function: Function, flow: Flow, b: i64) -> bool:
        """The blocks that a block dominates, if they are few."""
        if not self._is_counted:
            self._is_counted = True
            self._count_dominated(function, flow)
        missing = self._dominated[b] - 1
        if missing > _MOST_BLOCKS:
            return False
        self._behind = []
        self._inside = {int(b)}
        at = flow.number[b]  # the one behind it in the order, from 0
        skipped = 0
        while missing > 0:
            one = flow.order[at]
            function.effort.spend(8)
            if int(flow.dominator[one]) in self._inside:
                self._inside.add(int(one))
                self._behind.append(int(one))
                missing -= 1
            else:
                skipped += 1
                if skipped > _MOST_BLOCKS:
                    return False
            at += 1
        return True

    def _count_dominated(self, function: Function, flow: Flow) -> None:
        """Of every block, how many it dominates."""
        if self._blocks > i64(len(self._dominated)):
            self._dominated = column(2 * self._blocks)
        dominated = self._dominated
        order = flow.order
        at = i64(len(order))
        function.effort.spend(at)
        for b in order:
            dominated[b] = 1
        while at > 0:
            at -= 1
            dominated[flow.dominator[order[at]]] += dominated[order[at]]

    # --- copies ---------------------------------------------------------------------------------------------------

    def _enter(self, function: Function, b: i64, e: i64) -> None:
        """The parameters of a block are what an edge brings, on the way at hand."""
        p = function.edge_arguments[e]
        v = function.first[b]
        given: list[int] = []
        while v and function.opcode[v] == PARAMETER:
            p += 1
            given.append(int(self._value(function.pool[p])))
            v = function.next[v]
        v = function.first[b]
        for x in given:
            self._set(v, x)
            v = function.next[v]

    def _set(self, v: i64, x: i64) -> None:
        self._became[v] = x
        self._copied.append(int(v))

    def _value(self, v: i64) -> i64:
        """What a value is on the way at hand."""
        found = self._became[v]
        return found if found else v

    def _forget(self) -> None:
        for v in self._copied:
            self._became[v] = 0
        self._copied.clear()

    def _go_past(self, function: Function, flow: Flow, b: i64, e: i64) -> bool:
        """Copy a block, and what follows that is decided, to the way of one edge."""
        room = _length(function, b)
        if room < 0 or room > _MOST_COPIED:
            return False
        self._room = _MOST_COPIED - room
        self._originals = set()
        self._at_end = {}
        self._at_start = {}
        self._last = {}
        f = function
        if 2 * f.count > i64(len(self._became)):
            self._became = column(with_room(2 * f.count))
        source = f.edge_from[e]
        # The arguments, before the edge leads elsewhere.
        self._enter(f, b, e)
        made = f.block_behind(source)
        f.cold[made] = f.cold[b]
        f.unlead(e)
        f.edge_arguments[e] = 0
        f.lead(e, made)
        self._copy(f, flow, b, made)
        self._forget()
        self._find_values(f)
        return True

    def _copy(self, function: Function, flow: Flow, first: i64, into: i64) -> None:
        """Blocks from `first` on, whose parameters are known."""
        work = [(int(first), int(into))]
        while work:
            b, made = work.pop()
            self._copy_instructions(function, b, made)
            end = function.last[b]
            if function.opcode[end] == JUMP:
                edges = [int(function.a[end])]
            else:
                known = self._known(function, function.a[end])
                edges = [int(function.b[end]), int(function.c[end])]
                if known >= 0:
                    edges = [edges[0 if known else 1]]
            function.at = function.source[end]
            ends = []
            for e in edges:
                to = function.edge_to[e]
                if self._goes_on(function, flow, e, len(edges) == 1):
                    self._enter(function, to, e)
                    target = function.block_behind(made)
                    function.cold[target] = function.cold[to]
                    ends.append(int(function.edge(made, target)))
                    work.append((int(to), int(target)))
                else:
                    given = [int(self._value(x)) for x in function.items(function.edge_arguments[e])]
                    ends.append(int(function.edge(made, to, function.new_list(given))))
            if len(ends) == 1:
                function.append(made, function.new(JUMP, 0, ends[0]))
            else:
                condition = self._value(function.a[end])
                function.append(made, function.new(BRIF, 0, condition, ends[0], ends[1]))

    def _goes_on(self, function: Function, flow: Flow, e: i64, only: bool) -> bool:
        """Whether the block that an edge leads to is copied, too: nobody else goes there, and its branch is decided."""
        b = function.edge_to[e]
        end = function.last[b]
        opcode = function.opcode[end]
        if int(b) not in self._inside or function.edge_next[function.incoming[b]] or flow.loop[b] == b:
            return False
        if opcode == JUMP:
            if not only:
                return False
        elif opcode != BRIF:
            return False
        length = _length(function, b)
        if length < 0 or length > self._room:
            return False
        if opcode == BRIF:
            self._enter(function, b, e)
            if self._known(function, function.a[end]) < 0 and not self._leads_to_decided(function, end):
                return False
        self._room -= length
        return True

    def _leads_to_decided(self, function: Function, end: i64) -> bool:
        """Whether a branch leads to a block that nobody else goes to, and whose own branch is decided."""
        for e in (function.b[end], function.c[end]):
            to = function.edge_to[e]
            last = function.last[to]
            if int(to) not in self._inside or function.edge_next[function.incoming[to]]:
                continue
            if function.opcode[last] == BRIF and self._known(function, function.a[last]) >= 0:
                return True
        return False

    def _copy_instructions(self, function: Function, b: i64, made: i64) -> None:
        """All but parameters and the branch."""
        f = function
        self._originals.add(int(b))
        end = f.last[b]
        v = f.first[b]
        while v != end:
            if f.opcode[v] != PARAMETER:
                self._set(v, self._simpler(f, v, made))
            if f.type[v]:
                self._at_end[int(v), int(made)] = int(self._became[v])
            v = f.next[v]

    def _simpler(self, function: Function, v: i64, made: i64) -> i64:
        """A copy of an instruction in a block, or what it comes to there."""
        f = function
        opcode = f.opcode[v]
        operands: i64 = OPERANDS[opcode]
        a = self._value(f.a[v]) if operands & A else f.a[v]
        b = self._value(f.b[v]) if operands & B else f.b[v]
        c = self._value(f.c[v]) if operands & C else f.c[v]
        if opcode == ICMP:
            known = self._known(f, v)
            if known >= 0:
                return self._constant(f, made, I8, known)
        elif opcode == SELECT and f.opcode[a] == ICONST:
            return b if f.immediate[a] else c
        elif opcode == IADD or opcode == BAND:
            if f.opcode[a] == ICONST:
                a, b = b, a
            if f.opcode[b] == ICONST:
                k = f.immediate[b]
                if opcode == IADD and k == 0:
                    return a
                if opcode == BAND and k & (k + 1) == 0 and f.bound[a] >= 0 and f.bound[a] <= k:
                    return a
        if operands & LIST:
            b = f.new_list([int(self._value(x)) for x in f.items(b)])
        f.at = f.source[v]
        copy = f.new(opcode, f.type[v], a, b, c, f.immediate[v], f.extra[v])
        f.bound[copy] = f.bound[v]
        f.append(made, copy)
        return copy

    def _constant(self, function: Function, made: i64, type: i64, value: i64) -> i64:
        v = function.new(ICONST, type, 0, 0, 0, value)
        function.bound[v] = value
        function.append(made, v)
        return v

    # --- values that are two now ----------------------------------------------------------------------------------

    def _find_values(self, function: Function) -> None:
        """What the blocks behind use of those that were copied is found on every way."""
        f = function
        for b in self._behind:
            if b in self._originals:
                continue
            v = f.first[b]
            while v:
                function.effort.spend(2)
                operands: i64 = OPERANDS[f.opcode[v]]
                if operands & A:
                    f.a[v] = self._at(f, f.a[v], b)
                if operands & B:
                    f.b[v] = self._at(f, f.b[v], b)
                if operands & C:
                    f.c[v] = self._at(f, f.c[v], b)
                if operands & LIST:
                    self._list(f, f.b[v], b)
                if operands & EDGES:
                    for e in f.edges(b):
                        self._list(f, f.edge_arguments[e], b)
                v = f.next[v]
        given: dict[int, list[int]] = {}  # by edge: what it brings for new parameters
        at = 0  # in the order in which a block got its parameters
        while at < len(self._waiting):
            x, b = self._waiting[at]
            at += 1
            e = f.incoming[b]
            while e:
                f.effort.spend(4)
                given.setdefault(int(e), []).append(int(self._end(f, x, f.edge_from[e])))
                e = f.edge_next[e]
        self._waiting.clear()
        for e, values in given.items():
            f.edge_arguments[e] = f.new_list(f.items(f.edge_arguments[e]) + values)

    def _list(self, function: Function, p: i64, b: i64) -> None:
        end = p + function.pool[p]
        while p < end:
            p += 1
            function.pool[p] = self._at(function, function.pool[p], b)

    def _at(self, function: Function, x: i64, b: i64) -> i64:
        """What a value is in a block that uses it."""
        home = function.block_of[x]
        if home == b or int(home) not in self._originals:
            return x
        return self._start(function, x, b)

    def _end(self, function: Function, x: i64, b: i64) -> i64:
        """What a value is where a block ends."""
        found = self._at_end.get((int(x), int(b)), 0)
        if found:
            return found
        return x if function.block_of[x] == b or int(b) in self._originals else self._start(function, x, b)

    def _start(self, function: Function, x: i64, b: i64) -> i64:
        """What a value is where a block begins. Where ways meet that is a parameter; its arguments are found later."""
        f = function
        passed: list[int] = []
        while True:
            f.effort.spend(4)
            found: i64 = self._at_start.get((int(x), int(b)), 0)
            if found:
                break
            passed.append(int(b))
            e = f.incoming[b]
            if f.edge_next[e]:
                found = self._parameter(f, x, b)
                break
            b = f.edge_from[e]
            found = self._at_end.get((int(x), int(b)), 0)
            if found:
                break
            if f.block_of[x] == b or int(b) in self._originals:
                found = x
                break
        for one in passed:
            self._at_start[int(x), one] = int(found)
        return found

    def _parameter(self, function: Function, x: i64, b: i64) -> i64:
        """A new last parameter of a block."""
        f = function
        before: i64 = self._last.get(int(b), 0)
        if before == 0:
            v = f.first[b]
            while v and f.opcode[v] == PARAMETER:
                before = v
                v = f.next[v]
        number: i64 = 0
        if before:
            number = f.immediate[before] + 1
        f.at = f.source[x]
        made = f.new(PARAMETER, f.type[x], 0, 0, 0, number)
        f.bound[made] = f.bound[x]
        self._last[int(b)] = int(made)
        if before:
            f.insert_behind(before, made)
        else:
            f.insert_before(f.first[b], made)
        self._waiting.append((int(x), int(b)))
        return made


def _is_asked_for(function: Function, b: i64, condition: i64) -> bool:
    """Whether a condition of a block is one of its parameters, or compares one with a constant."""
    f = function
    if f.opcode[condition] == ICMP and f.block_of[condition] == b:
        x = f.a[condition]
        y = f.b[condition]
        return f.opcode[y] == ICONST and f.opcode[x] == PARAMETER and f.block_of[x] == b
    return f.opcode[condition] == PARAMETER and f.block_of[condition] == b


def _length(function: Function, b: i64) -> i64:
    """How many instructions a block has; -1: it cannot be copied."""
    count: i64 = 0
    v = function.first[b]
    while v:
        opcode = function.opcode[v]
        if EFFECTS[opcode] & CALLS or opcode == RESULT or count > _MOST_COPIED:
            return -1
        if opcode != PARAMETER and opcode != ICONST:
            count += 1
        v = function.next[v]
    return count
