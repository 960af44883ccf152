"""Variables that loops count, and the addresses that they index.

An index and a constant are added in 32 bits, so the sum may wrap, and the constant is no displacement: unless it is
known how far the index goes. `rules.integer` knows that of masks and shifts; this pass finds it for loops that count
from one constant to another:

    block1(i):  …  store x, base + uextend(i + K)  …  i' = i + 4;  brif i' != E, block1(i'), …

*Bounds.* How often such a loop goes round is known, so all variables that it counts have a last number. And one that
goes on while its next value is below E is below E, however it gets there, but for its first value.

*Rebasing.* Compilers like to count up to 0, from -N, which saves a comparison, and use i + K where K > N. Then i goes
through the greatest numbers there are, and every i + K wraps. Where all uses of i are such sums, the loop counts from 0
to N instead; the sums become i + (K - N), which do not wrap.

*Addresses.* ``base + uextend(i + K)`` is ``base + uextend(i)``, and K is added to the displacement of the access, where
the sum does not wrap. What is left over goes when `parameters` comes by once more.
"""

from __future__ import annotations

from wasmer_clif_backend.effort import EVERY
from wasmer_clif_backend.ir.columns import column, with_room
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import (
    BRIF,
    HEAP,
    IADD,
    ICMP,
    ICONST,
    INTEGER_CONDITIONS,
    ISHL,
    PARAMETER,
    UEXTEND,
)
from wasmer_clif_backend.ir.rules.choice import INVERSE
from wasmer_clif_backend.ir.types import I8, I32, I64
from wasmer_clif_backend.ir.uses import OPERANDS, A, B
from wasmer_runtime_core.support.annotations import Final, final, i64

_ROWS: Final = 1 << 8
_NE: Final[i64] = INTEGER_CONDITIONS.index("ne")
_ULT: Final[i64] = INTEGER_CONDITIONS.index("ult")
_ULE: Final[i64] = INTEGER_CONDITIONS.index("ule")
_SLT: Final[i64] = INTEGER_CONDITIONS.index("slt")
_SLE: Final[i64] = INTEGER_CONDITIONS.index("sle")
_ITSELF: Final = 1
"""The test at a loop's end is of the variable."""
_NEXT: Final = 2
"""It is of the next one."""
_LONGEST_STEP: Final = 0xFFFF
_WORD: Final = 0xFFFF_FFFF
_HALF: Final = 0x8000_0000
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
        # edges that bring the first number and the next one, what the test at the end is of, uses that are understood.
        none = column(0)
        self._variable = none
        self._next = none
        self._first = none
        self._span = none
        self._step = none
        self._entry = none
        self._back = none
        self._understood = none
        self._sums = none
        self._tests = none
        self._is_rebased = none
        self._number = column(_ROWS)
        """By value: one more than its number; 0: it is no counted variable."""
        self._made = column(_ROWS)
        """By value: the last address that was made of it."""
        self._values: i64 = _ROWS
        self._found_bound = False
        """Whether a variable is bounded that is not counted."""
        # The test of the loop at hand: of which value, in which relation to which number it goes on.
        self._tested: i64 = 0
        self._condition: i64 = 0
        self._limit: i64 = 0
        # The variable that was read last.
        self._start_now: i64 = 0
        self._step_now: i64 = 0
        self._next_now: i64 = 0
        self._make_columns(_ROWS)

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
        self._tests = column(rows)
        self._is_rebased = column(rows)

    def run(self, function: Function, flow: Flow) -> bool:
        """After `parameters`, whose counts of uses it needs; whether there is something for that to take away."""
        self._count = 0
        self._found_bound = False
        for head in flow.order:
            if flow.loop[head] == head:
                self._find_variables(function, flow, head)
        if self._count == 0 and not self._found_bound:
            return False
        # Room for what the rest makes: a sum and an address per access, some constants.
        rows = 4 * function.count + 64
        if rows > self._values:
            self._values = with_room(rows)
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
        made = False
        number = 0
        while number < self._count:
            if self._is_worth_it(number, function):
                self._rebase(function, number)
                made = True  # instructions whose uses nobody has counted
            number += 1
        if made:
            self._move_sums(function)
        return self._fold_addresses(function) or made

    # --- which variables are counted ---------------------------------------------------------------------

    def _find_variables(self, function: Function, flow: Flow, head: i64) -> None:
        """Those of a loop that is entered by one edge and goes round by another one."""
        if function.opcode[function.first[head]] != PARAMETER:
            return
        one = function.incoming[head]
        two = function.edge_next[one]
        if two == 0 or function.edge_next[two]:
            return
        # What looks for the loop goes up from there.
        function.effort.spend(2 * flow.depth[function.edge_from[one]] + 2 * flow.depth[function.edge_from[two]])
        back = one
        entry = two
        if not flow.is_within(function.edge_from[one], head):
            back = two
            entry = one
        if not flow.is_within(function.edge_from[back], head) or flow.is_within(function.edge_from[entry], head):
            return
        end = function.last[function.edge_from[back]]
        if function.opcode[end] != BRIF or function.b[end] == function.c[end]:
            return
        self._find_test(function, end, back)
        # Which variable the test is of says how often the loop goes round, and that how far the others go.
        rounds: i64 = 0
        v = function.first[head]
        while v and function.opcode[v] == PARAMETER and rounds == 0:
            if function.type[v] == I32 and self._read(function, v, entry, back):
                rounds = self._rounds(v)
            v = function.next[v]
        v = function.first[head]
        while v and function.opcode[v] == PARAMETER:
            function.effort.spend(4)
            if function.type[v] == I32:
                if rounds and self._read(function, v, entry, back):
                    self._bound(function, v, rounds)
                    self._enter(v, rounds, entry, back)
                else:
                    self._bound_by_test(function, v, entry, back)
            v = function.next[v]

    def _find_test(self, function: Function, end: i64, back: i64) -> None:
        """What the end of the loop compares with which constant, and in which relation the loop goes on."""
        test = function.a[end]
        self._tested = test
        self._condition = _NE
        self._limit = 0
        if function.opcode[test] == ICMP:
            if function.opcode[function.b[test]] != ICONST or function.type[function.a[test]] != I32:
                self._tested = 0
                return
            self._tested = function.a[test]
            self._condition = function.immediate[test]
            self._limit = function.immediate[function.b[test]] & _WORD
        if function.c[end] == back:
            self._condition = INVERSE[self._condition]
        if self._condition == _ULE and self._limit < _WORD:
            self._condition = _ULT
            self._limit += 1
        elif self._condition == _SLE and self._limit != _FARTHEST:
            self._condition = _SLT
            self._limit = (self._limit + 1) & _WORD

    def _read(self, function: Function, v: i64, entry: i64, back: i64) -> bool:
        """Whether a variable begins with a constant, and goes on with the sum of itself and one."""
        place = function.immediate[v] + 1
        first = function.pool[function.edge_arguments[entry] + place]
        following = function.pool[function.edge_arguments[back] + place]
        if function.opcode[first] != ICONST or function.opcode[following] != IADD or function.a[following] != v:
            return False
        if function.opcode[function.b[following]] != ICONST:
            return False
        self._start_now = function.immediate[first] & _WORD
        self._step_now = function.immediate[function.b[following]]
        self._next_now = following
        return self._step_now != 0 and self._step_now >= -_LONGEST_STEP and self._step_now <= _LONGEST_STEP

    def _rounds(self, v: i64) -> i64:
        """How often a loop goes round that nothing but its test ends, by the variable that was read; 0: unknown."""
        start = self._start_now
        step = self._step_now
        limit = self._limit
        if self._tested == self._next_now:
            start = (start + step) & _WORD
        elif self._tested != v:
            return 0
        if self._condition == _NE:
            span = (limit - start) & _WORD
            if step < 0:
                step = -step
                span = (start - limit) & _WORD
            if span % step:
                return 0
            return span // step + 1
        if self._condition == _SLT:
            # The same without sign, all numbers moved by half of them.
            start ^= _HALF
            limit ^= _HALF
        elif self._condition != _ULT:
            return 0
        if start >= limit:
            return 1
        if step < 0 or limit - 1 + step > _WORD:
            return 0
        return (limit - start + step - 1) // step + 1

    def _bound(self, function: Function, v: i64, rounds: i64) -> None:
        """How far the variable that was read goes, and the next one."""
        start = self._start_now
        step = self._step_now
        if step < 0:
            if start + (rounds - 1) * step >= 0:
                _lower(function, v, start)
            return
        if start + (rounds - 1) * step <= _WORD:
            _lower(function, v, start + (rounds - 1) * step)
        if start + rounds * step <= _WORD:
            _lower(function, self._next_now, start + rounds * step)

    def _bound_by_test(self, function: Function, v: i64, entry: i64, back: i64) -> None:
        """A variable that goes on while its next value is below a limit, however it gets there."""
        place = function.immediate[v] + 1
        if self._condition != _ULT or function.pool[function.edge_arguments[back] + place] != self._tested:
            return
        bound = function.bound[function.pool[function.edge_arguments[entry] + place]]
        if bound >= 0:
            _lower(function, v, bound if bound > self._limit - 1 else self._limit - 1)
            self._found_bound = True

    def _enter(self, v: i64, rounds: i64, entry: i64, back: i64) -> None:
        """The variable that was read has a number from now on."""
        number = self._count
        if number == self._rows:
            return  # enough
        self._count = number + 1
        self._variable[number] = v
        self._next[number] = self._next_now
        self._first[number] = self._start_now
        self._span[number] = rounds * self._step_now
        self._step[number] = self._step_now
        self._entry[number] = entry
        self._back[number] = back
        self._tests[number] = _ITSELF if self._tested == v else _NEXT if self._tested == self._next_now else 0
        self._understood[number] = 0
        self._sums[number] = 0
        self._is_rebased[number] = 0

    # --- counting from 0 ---------------------------------------------------------------------------------------

    def _find_sums(self, function: Function) -> None:
        """Count the uses of variables that are sums with constants, and those of them that would not wrap.

        On the way, what is bounded now bounds what is made of it.
        """
        b = function.entry
        while b:
            v = function.first[b]
            while v:
                if v & EVERY == 0:
                    function.effort.spend(EVERY)
                if function.opcode[v] == IADD:
                    number = self._number[function.a[v]] - 1
                    if number >= 0 and function.opcode[function.b[v]] == ICONST:
                        self._understood[number] += 1
                        if v != self._next[number] and self._moved(function, number, v) >= 0:
                            self._sums[number] += 1
                    _bound_sum(function, v)
                elif function.opcode[v] == ISHL:
                    _bound_shifted(function, v)
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
        uses = self._understood[number]
        following: i64 = 1
        if self._tests[number]:
            test = function.a[function.last[function.edge_from[self._back[number]]]]
            if function.opcode[test] == ICMP and function.uses[test] != 1:
                return False
            if self._tests[number] == _ITSELF:
                uses += 1
            else:
                following = 2
        return function.uses[self._variable[number]] == uses and function.uses[self._next[number]] == following

    def _rebase(self, function: Function, number: i64) -> None:
        v = self._variable[number]
        span = self._span[number]
        entry = self._entry[number]
        place = function.immediate[v] + 1
        zero = self._constant(function, 0, function.last[function.edge_from[entry]])
        function.pool[function.edge_arguments[entry] + place] = zero
        function.bound[v] = span - self._step[number]
        function.bound[self._next[number]] = span
        if self._tests[number]:
            self._end_at(function, number)
        self._is_rebased[number] = 1

    def _move_sums(self, function: Function) -> None:
        """To variables that count from 0 now, more is added: in one walk, however many there are."""
        b = function.entry
        while b:
            sum = function.first[b]
            while sum:
                if sum & EVERY == 0:
                    function.effort.spend(EVERY)
                if function.opcode[sum] == IADD:
                    number = self._number[function.a[sum]] - 1
                    if number >= 0 and self._is_rebased[number] and sum != self._next[number]:
                        k = function.immediate[function.b[sum]] + self._first[number]
                        function.b[sum] = self._constant(function, k, sum)
                sum = function.next[sum]
            b = function.block_next[b]

    def _end_at(self, function: Function, number: i64) -> None:
        """The loop ends where the variable that its test is of has gone as far as it goes, counted from 0."""
        tested = self._next[number]
        limit = self._span[number]
        if self._tests[number] == _ITSELF:
            tested = self._variable[number]
            limit -= self._step[number]
        back = self._back[number]
        end = function.last[function.edge_from[back]]
        condition = _NE if function.b[end] == back else INVERSE[_NE]
        test = function.new(ICMP, I8, tested, self._constant(function, limit, end), 0, condition)
        function.insert_before(end, test)
        function.bound[test] = 1
        function.uses[test] = 1
        function.a[end] = test

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
                if v & EVERY == 0:
                    function.effort.spend(EVERY)
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
        if k < 0 or function.bound[v] < 0 or function.bound[v] + k >= _ALL:
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


def _lower(function: Function, v: i64, bound: i64) -> None:
    """A value has a bound, too."""
    if function.bound[v] < 0 or bound < function.bound[v]:
        function.bound[v] = bound


def _bound_sum(function: Function, v: i64) -> None:
    """What the sum of two that are bounded cannot exceed."""
    one = function.bound[function.a[v]]
    two = function.bound[function.b[v]]
    if function.type[v] == I32 and one >= 0 and two >= 0 and one + two <= _WORD:
        _lower(function, v, one + two)


def _bound_shifted(function: Function, v: i64) -> None:
    """The same of one that is shifted to the left."""
    one = function.bound[function.a[v]]
    by = function.b[v]
    if function.type[v] == I32 and function.opcode[by] == ICONST and one >= 0 and one <= _WORD:
        shifted = one << (function.immediate[by] & 31)
        if shifted <= _WORD:
            _lower(function, v, shifted)
