"""Sums in loops: what the last round left is added last.

``(p + x) + y``, where p comes of the round before and x and y do not, makes each round wait for two additions.
``(x + y) + p`` makes it wait for one: x and y are computed while earlier rounds still are. The same holds of products,
and of what combines bits.

Sums of a variable behind the place where it was counted on are sums of what it has become: ``i + 8`` where there is
``j = i + 4`` is ``j + 4``. So i need not be kept beyond.

What a block of a loop is given is bounded, if that is on every way: a mask behind it may say nothing then.

How *late* a value is, is counted in instructions, more for products and loads. What a loop's head is given by the
round before is far later than all that its round computes without it; a variable that counts is not late.
"""

from __future__ import annotations

from wasmer_clif_backend.effort import EVERY
from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BOR,
    BXOR,
    EFFECTS,
    IADD,
    ICONST,
    IMUL,
    LOADS,
    PARAMETER,
    ROWS,
)
from wasmer_clif_backend.ir.types import I32, I64
from wasmer_clif_backend.ir.uses import OPERANDS, A, B, C
from wasmer_runtime_core.support.annotations import Final, final, i64

_ROWS: Final = 1 << 10
_CARRIED: Final = 1 << 20
"""How late a value is that the round before gives."""
_LOAD: Final = 4
_PRODUCT: Final = 3
_NEAR: Final = 4
"""How many blocks a sum of a variable may be behind where that is counted on."""
_FAR: Final = 0x3FFF_FFFF
_WORD: Final = 0xFFFF_FFFF


def _steps() -> bytes:
    """By opcode: how much later its result is than its operands."""
    found = bytearray(1 for _ in ROWS)
    for row in ROWS:
        if EFFECTS[row.number] & LOADS:
            found[row.number] = _LOAD
    found[IMUL] = _PRODUCT
    found[ICONST] = 0
    return bytes(found)


_STEPS: Final = _steps()


def _is_chain() -> bytes:
    """By opcode: 1: its operands may be taken in any order."""
    found = bytearray(len(ROWS))
    for opcode in (IADD, IMUL, BAND, BOR, BXOR):
        found[opcode] = 1
    return bytes(found)


_IS_CHAIN: Final = _is_chain()


@final
class Chains:
    """The pass, with its column, for one function after another."""

    def __init__(self) -> None:
        self._late = column(_ROWS)
        """By value of the loop at hand: how late it is."""
        self._next = column(_ROWS)
        """By parameter of a loop's head: its sum with a constant that the next round is given; 0: there is none."""

    def run(self, function: Function, flow: Flow) -> None:
        """Needs counts of uses; leaves all values but those that are in the middle of a sum."""
        if 2 * function.count > i64(len(self._late)):  # as many constants may be made as there are sums
            self._late = column(2 * function.count)
            self._next = column(2 * function.count)
        for b in flow.order:
            loop = flow.loop[b]
            if loop:
                self._block(function, flow, b, loop)
            elif flow.loop[flow.dominator[b]]:
                self._behind(function, flow, b)

    def _block(self, function: Function, flow: Flow, b: i64, loop: i64) -> None:
        late = self._late
        v = function.first[b]
        while v and function.opcode[v] == PARAMETER:
            self._next[v] = _next_of(function, v) if b == loop else i64(0)
            late[v] = _CARRIED if b == loop and not self._next[v] else i64(0)
            if function.bound[v] < 0:
                function.bound[v] = _most(function, v)
            v = function.next[v]
        while v:
            behind = function.next[v]
            if v & EVERY == 0:
                function.effort.spend(2 * EVERY)
            opcode = function.opcode[v]
            operands: i64 = OPERANDS[opcode]
            if opcode == IADD:
                if function.opcode[function.a[v]] == PARAMETER:
                    self._count_on(function, flow, v, b)
                elif function.opcode[function.b[v]] == ICONST and function.opcode[function.a[v]] == IADD:
                    self._count_in(function, v, b)
            most: i64 = 0
            if operands & A:
                most = self._lateness(function, flow, function.a[v], loop)
            if operands & B:
                other = self._lateness(function, flow, function.b[v], loop)
                if _IS_CHAIN[opcode] and (most >= _CARRIED or other >= _CARRIED):
                    self._turn(function, flow, v, loop)
                    most = self._lateness(function, flow, function.a[v], loop)
                    other = self._lateness(function, flow, function.b[v], loop)
                if other > most:
                    most = other
            if operands & C:
                other = self._lateness(function, flow, function.c[v], loop)
                if other > most:
                    most = other
            step: i64 = _STEPS[opcode]
            late[v] = most + step
            v = behind

    def _behind(self, function: Function, flow: Flow, b: i64) -> None:
        """The block behind a loop that is in none: its sums of what the loop counts."""
        v = function.first[b]
        while v:
            if v & EVERY == 0:
                function.effort.spend(EVERY)
            if function.opcode[v] == IADD and function.opcode[function.a[v]] == PARAMETER:
                self._count_on(function, flow, v, b)
            v = function.next[v]

    def _count_on(self, function: Function, flow: Flow, v: i64, b: i64) -> None:
        """A variable and a constant, behind where the variable is counted on: the sum of what it is then.

        What is bounded stays: its constant becomes a displacement. Only blocks a few steps behind are looked at.
        """
        x = function.a[v]
        by = function.b[v]
        head = function.block_of[x]
        type = function.type[v]
        if flow.loop[head] != head or function.opcode[by] != ICONST or function.bound[x] >= 0 or type < I32:
            return
        following = self._next[x]
        if following == 0 or following == v:
            return
        k = function.immediate[by]
        step = function.immediate[function.b[following]]
        if k == step or k > _FAR or k < -_FAR or step > _FAR or step < -_FAR:
            return
        counted_in = function.block_of[following]
        above = b
        steps: i64 = 0
        while steps < _NEAR and above != counted_in:
            above = flow.dominator[above]
            steps += 1
        if steps == 0 or above != counted_in:
            return
        made = function.new(ICONST, type, 0, 0, 0, k - step)
        function.bound[made] = (k - step) & _WORD if type == I32 else k - step if k >= step else i64(-1)
        function.insert_before(v, made)
        function.uses[made] = 1
        self._late[made] = 0
        function.uses[by] -= 1
        function.uses[x] -= 1
        function.uses[following] += 1
        function.a[v] = following
        function.b[v] = made

    def _count_in(self, function: Function, v: i64, b: i64) -> None:
        """``(x + i) + 1`` behind ``j = i + 1`` in the block where a loop counts is ``x + j``."""
        inner = function.a[v]
        by = function.b[v]
        if function.uses[inner] != 1 or function.block_of[inner] != b:
            return
        i = function.a[inner]
        x = function.b[inner]
        if function.opcode[i] != PARAMETER or function.block_of[i] != b or self._next[i] == 0:
            i, x = x, i
            if function.opcode[i] != PARAMETER or function.block_of[i] != b or self._next[i] == 0:
                return
        following = self._next[i]
        if function.immediate[by] != function.immediate[function.b[following]]:
            return
        above = function.previous[v]
        steps: i64 = 0
        while steps < _NEAR and above != following and above:
            above = function.previous[above]
            steps += 1
        if above != following:
            return
        function.remove(inner)
        function.uses[inner] = 0
        function.uses[i] -= 1
        function.uses[by] -= 1
        function.uses[following] += 1
        function.a[v] = x
        function.b[v] = following

    def _lateness(self, function: Function, flow: Flow, v: i64, loop: i64) -> i64:
        """How late a value is in a loop: one that is made outside of it is there."""
        return self._late[v] if flow.loop[function.block_of[v]] == loop else i64(0)

    def _turn(self, function: Function, flow: Flow, v: i64, loop: i64) -> None:
        """``(p + x) + y`` becomes ``(x + y) + p``, if p is the latest."""
        inner = function.a[v]
        y = function.b[v]
        if not self._is_inner(function, v, inner):
            inner, y = y, inner
            if not self._is_inner(function, v, inner):
                return
        p = function.a[inner]
        x = function.b[inner]
        last = self._lateness(function, flow, p, loop)
        early = self._lateness(function, flow, x, loop)
        if early > last:
            p, x = x, p
            last, early = early, last
        own = self._lateness(function, flow, y, loop)
        if own > early:
            early = own
        if early + 1 >= last or function.opcode[x] == ICONST or function.opcode[y] == ICONST:
            return
        function.remove(inner)
        function.insert_before(v, inner)
        function.colour[inner] = function.colour[v]
        function.a[inner] = x
        function.b[inner] = y
        function.bound[inner] = -1
        function.a[v] = inner
        function.b[v] = p
        step: i64 = _STEPS[function.opcode[v]]
        self._late[inner] = early + step

    def _is_inner(self, function: Function, v: i64, x: i64) -> bool:
        """Whether an operand is an operation of the same kind that only this one needs."""
        return (
            function.opcode[x] == function.opcode[v]
            and function.uses[x] == 1
            and function.block_of[x] == function.block_of[v]
            and (function.type[x] == I32 or function.type[x] == I64)
        )


def _most(function: Function, v: i64) -> i64:
    """What a parameter is no greater than, if that is known of all that it is given; else -1."""
    place = function.immediate[v] + 1
    most: i64 = -1
    e = function.incoming[function.block_of[v]]
    while e:
        function.effort.spend(1)
        given = function.pool[function.edge_arguments[e] + place]
        if given != v:
            bound = function.bound[given]
            if bound < 0:
                return -1
            if bound > most:
                most = bound
        e = function.edge_next[e]
    return most


def _next_of(function: Function, v: i64) -> i64:
    """The sum with a constant that a loop's head is given by the round before for a variable; 0: there is none."""
    place = function.immediate[v] + 1
    e = function.incoming[function.block_of[v]]
    while e:
        function.effort.spend(1)
        given = function.pool[function.edge_arguments[e] + place]
        if function.opcode[given] == IADD and function.a[given] == v and function.opcode[function.b[given]] == ICONST:
            return given
        e = function.edge_next[e]
    return 0
