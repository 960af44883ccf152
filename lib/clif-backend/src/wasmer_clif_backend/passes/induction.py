"""Variables that loops count, and the addresses that they index.

An index and a constant are added in 32 bits, so the sum may wrap, and the constant is no displacement: unless it is
known how far the index goes. `rules.integer` knows that of masks and shifts; this pass finds it for loops that count
from one constant to another:

    block1(i):  …  store x, base + uextend(i + K)  …  i' = i + 4;  brif i' != E, block1(i'), …

*Bounds.* Such a variable is no greater than E - 4, or E - 1 where the test is ``i' < E``.

*Rebasing.* Compilers like to count up to 0, from -N, which saves a comparison, and use i + K where K > N. Then i goes
through the greatest numbers there are, and every i + K wraps. Where all uses of i are such sums, the loop counts from 0
to N instead; the sums become i + (K - N), which do not wrap.

*Addresses.* ``base + uextend(i + K)`` is ``base + uextend(i)``, and K is added to the displacement of the access, where
the sum does not wrap. What is left over goes when `parameters` comes by once more.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import BRIF, HEAP, IADD, ICMP, ICONST, INTEGER_CONDITIONS, PARAMETER, UEXTEND
from wasmer_clif_backend.ir.rules.choice import INVERSE
from wasmer_clif_backend.ir.types import I8, I32, I64
from wasmer_clif_backend.ir.uses import OPERANDS, A, B

_ROWS: Final = 1 << 8
_NE: Final[i64] = INTEGER_CONDITIONS.index("ne")
_ULT: Final[i64] = INTEGER_CONDITIONS.index("ult")
_ALL: Final = 0x1_0000_0000
"""How many numbers an i32 has."""
_FARTHEST: Final = 0x7FFF_FFFF
"""What the displacement of an access can be."""


@final
class Induction:
    """The pass, with its columns, for one function after another."""

    def __init__(self) -> None:
        self._rows: i64 = _ROWS
        self._count: i64 = 0
        # By number of a counted variable: the variable, the next one, the first number, how far it goes from there, the
        # edges that bring the first number and the next one, uses that are understood.
        self._make_columns(_ROWS)
        self._number = column(_ROWS)
        """By value: one more than its number; 0: it is no counted variable."""
        self._made = column(_ROWS)
        """By value: the last address that was made of it."""
        self._values: i64 = _ROWS

    def _make_columns(self, rows: i64) -> None:
        self._rows = rows
        self._variable = column(rows)
        self._next = column(rows)
        self._first = column(rows)
        self._span = column(rows)
        self._step = column(rows)
        self._entry = column(rows)
        self._back = column(rows)
        self._understood = column(rows)
        self._sums = column(rows)

    def run(self, function: Function, flow: Flow) -> bool:
        """After `parameters`, whose counts of uses it needs; whether there is something for that to take away."""
        self._count = 0
        for head in flow.order:
            if flow.loop[head] == head:
                self._find_variables(function, flow, head)
        if self._count == 0:
            return False
        # Room for what the rest makes: a sum and an address for each access, some constants.
        rows = 4 * function.count + 64
        if rows > self._values:
            self._values = 2 * rows
            self._number = column(self._values)
            self._made = column(self._values)
        else:
            v: i64 = 0
            while v < rows:
                self._number[v] = 0
                self._made[v] = 0
                v += 1
        number: i64 = 0
        while number < self._count:
            self._number[self._variable[number]] = number + 1
            number += 1
        self._find_sums(function)
        number = 0
        while number < self._count:
            if self._is_worth_it(number, function):
                self._rebase(function, number)
            number += 1
        return self._fold_addresses(function)

    # --- which variables are counted ---------------------------------------------------------------------

    def _find_variables(self, function: Function, flow: Flow, head: i64) -> None:
        """Those of a loop that is entered by one edge and goes round by another one."""
        if function.opcode[function.first[head]] != PARAMETER:
            return
        one = function.incoming[head]
        two = function.edge_next[one]
        if two == 0 or function.edge_next[two]:
            return
        back = one
        entry = two
        if not flow.is_within(function.edge_from[one], head):
            back = two
            entry = one
        if not flow.is_within(function.edge_from[back], head) or flow.is_within(function.edge_from[entry], head):
            return
        v = function.first[head]
        while v and function.opcode[v] == PARAMETER:
            if function.type[v] == I32:
                self._find_variable(function, v, entry, back)
            v = function.next[v]

    def _find_variable(self, function: Function, v: i64, entry: i64, back: i64) -> None:
        place = function.immediate[v] + 1
        first = function.pool[function.edge_arguments[entry] + place]
        following = function.pool[function.edge_arguments[back] + place]
        if function.opcode[first] != ICONST or function.opcode[following] != IADD or function.a[following] != v:
            return
        if function.opcode[function.b[following]] != ICONST:
            return
        step = function.immediate[function.b[following]]
        if step <= 0 or step > 0xFFFF:
            return
        start = function.immediate[first] & 0xFFFF_FFFF
        # The test at the end: it goes on while `following` is in a relation to a constant.
        end = function.last[function.edge_from[back]]
        if function.opcode[end] != BRIF:
            return
        condition: i64 = _NE
        limit: i64 = 0
        test = function.a[end]
        if function.opcode[test] == ICMP:
            if function.opcode[function.b[test]] != ICONST:
                return
            condition = function.immediate[test]
            limit = function.immediate[function.b[test]]
            if function.a[test] == v:
                limit += step
                if condition != _NE and INVERSE[condition] != _NE:
                    return
            elif function.a[test] != following:
                return
        elif test != following:
            return
        if function.c[end] == back:
            condition = INVERSE[condition]
        if function.b[end] == function.c[end]:
            return
        limit &= 0xFFFF_FFFF
        if condition == _ULT:
            # Whatever it begins with, it goes on with less than the limit.
            bound = start
            if limit > 0 and limit - 1 > start:
                bound = limit - 1
            function.bound[v] = bound
            self._enter(v, following, 0, -1, step, entry, back)
            return
        if condition != _NE:
            return
        span = (limit - start) & 0xFFFF_FFFF
        if span == 0 or span % step:
            return
        if start + span <= _ALL:
            function.bound[v] = start + span - step
        self._enter(v, following, start, span, step, entry, back)

    def _enter(self, v: i64, following: i64, start: i64, span: i64, step: i64, entry: i64, back: i64) -> None:
        number = self._count
        if number == self._rows:
            return  # enough
        self._count = number + 1
        self._variable[number] = v
        self._next[number] = following
        self._first[number] = start
        self._span[number] = span
        self._step[number] = step
        self._entry[number] = entry
        self._back[number] = back
        self._understood[number] = 0
        self._sums[number] = 0

    # --- counting from 0 ---------------------------------------------------------------------------------------

    def _find_sums(self, function: Function) -> None:
        """Count the uses of variables that are sums with constants, and those of them that would not wrap."""
        b = function.entry
        while b:
            v = function.first[b]
            while v:
                if function.opcode[v] == IADD:
                    number = self._number[function.a[v]] - 1
                    if number >= 0 and function.opcode[function.b[v]] == ICONST:
                        self._understood[number] += 1
                        if v != self._next[number] and self._moved(function, number, v) >= 0:
                            self._sums[number] += 1
                v = function.next[v]
            b = function.block_next[b]

    def _moved(self, function: Function, number: i64, sum: i64) -> i64:
        """What is added to a variable that counts from 0, for a sum that does not wrap then; -1: it may wrap."""
        k = (function.immediate[function.b[sum]] + self._first[number]) & 0xFFFF_FFFF
        if k + self._span[number] <= _FARTHEST:
            return k
        return -1

    def _is_worth_it(self, number: i64, function: Function) -> bool:
        """Whether a variable begins below 0, is added to constants only, and counting from 0 helps."""
        if self._span[number] < 0 or self._first[number] <= _FARTHEST or self._sums[number] == 0:
            return False
        v = self._variable[number]
        following = self._next[number]
        end = function.last[function.edge_from[self._back[number]]]
        test = function.a[end]
        uses = self._understood[number]
        if function.opcode[test] == ICMP:
            if function.uses[test] != 1:
                return False
            if function.a[test] == v:
                uses += 1
                return function.uses[v] == uses and function.uses[following] == 1
        return function.uses[v] == uses and function.uses[following] == 2

    def _rebase(self, function: Function, number: i64) -> None:
        v = self._variable[number]
        start = self._first[number]
        span = self._span[number]
        entry = self._entry[number]
        place = function.immediate[v] + 1
        zero = self._constant(function, 0, function.last[function.edge_from[entry]])
        function.pool[function.edge_arguments[entry] + place] = zero
        function.bound[v] = span - self._step[number]
        function.bound[self._next[number]] = span
        end = function.last[function.edge_from[self._back[number]]]
        test = function.a[end]
        if function.opcode[test] == ICMP:
            limit = function.immediate[function.b[test]] - start
            function.b[test] = self._constant(function, limit, test)
        else:
            made = function.new(ICMP, I8, test, self._constant(function, span, end), 0, _NE)
            function.insert_before(end, made)
            function.bound[made] = 1
            function.a[end] = made
        b = function.entry
        while b:
            sum = function.first[b]
            while sum:
                if function.opcode[sum] == IADD and function.a[sum] == v and sum != self._next[number]:
                    k = function.immediate[function.b[sum]] + start
                    function.b[sum] = self._constant(function, k, sum)
                sum = function.next[sum]
            b = function.block_next[b]

    def _constant(self, function: Function, value: i64, before: i64) -> i64:
        """A new i32 before an instruction."""
        low = value & 0xFFFF_FFFF
        kept = low
        if low > _FARTHEST:
            kept = low - _ALL
        v = function.new(ICONST, I32, 0, 0, 0, kept)
        function.bound[v] = low
        function.insert_before(before, v)
        return v

    # --- addresses -----------------------------------------------------------------------------------------------

    def _fold_addresses(self, function: Function) -> bool:
        """Constants that are added to an index without wrapping become displacements; whether there were any."""
        found = False
        b = function.entry
        while b:
            v = function.first[b]
            while v:
                if function.extra[v] & HEAP:
                    operands: i64 = OPERANDS[function.opcode[v]]
                    if operands & B:
                        at = self._folded(function, v, function.b[v])
                        if at:
                            function.b[v] = at
                            found = True
                    elif operands & A:
                        at = self._folded(function, v, function.a[v])
                        if at:
                            function.a[v] = at
                            found = True
                v = function.next[v]
            b = function.block_next[b]
        return found

    def _folded(self, function: Function, access: i64, at: i64) -> i64:
        """An address of a counted variable alone, whose constant is in the displacement now; 0: there is none."""
        if function.opcode[at] != IADD:
            return 0
        wide = function.b[at]
        if function.opcode[wide] != UEXTEND or function.type[function.a[wide]] != I32:
            return 0
        sum = function.a[wide]
        if function.opcode[sum] != IADD or function.opcode[function.b[sum]] != ICONST:
            return 0
        v = function.a[sum]
        k = function.immediate[function.b[sum]]
        if self._number[v] == 0 or k < 0 or function.bound[v] < 0 or function.bound[v] + k >= _ALL:
            return 0
        offset = function.immediate[access] + k
        if offset > _FARTHEST:
            return 0
        function.immediate[access] = offset
        base = function.a[at]
        made = self._made[v]
        if made and function.block_of[made] == function.block_of[access] and function.a[made] == base:
            return made
        extended = function.new(UEXTEND, I64, v)
        function.bound[extended] = function.bound[v]
        function.insert_before(access, extended)
        made = function.new(IADD, I64, base, extended)
        function.insert_before(access, made)
        self._made[v] = made
        return made
