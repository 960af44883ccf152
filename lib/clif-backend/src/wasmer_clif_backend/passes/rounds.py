"""Loops over arrays do four rounds at once.

A loop of one block, which a variable counts by some bytes, and which loads, computes and stores words or floats at
``base + i + K``, does the same for four values of i in a row: each lane of a vector is one round. So a second loop is
made, of vectors, and the way to the first one asks which to take:

    block0:  brif base <= last, block3(0), block1(0)
    block1(i):  …  store x, memory + uextend(base + i) + K  …  brif i' != E, block1(i'), block2
    block3(j):  …  store x4, memory + uextend(base + j) + K  …  brif j' != E, block3(j'), block2

*No trap may be lost, or come too early, and no sum may wrap.* From `base` to the last byte that the loop may touch all
is below the memory's least size (`Function.memory_bytes`): that is what is asked. Else the loop goes round as it was.

*What one round leaves, another may want.* All accesses are of one base, so their distance is known (`records`): two are
of the same word of the same round, or of none that four rounds have in common. How words are loaded and stored that do
not lie side by side, `records` says too.

The order of floats' operations is kept. Loops that do anything else, or go round other than a multiple of four times,
stay as they are; `lanes` finds those that were unrolled.
"""

from __future__ import annotations

from wasmer_clif_backend.effort import EVERY
from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.numbering import IS_CONSTANT
from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BIG,
    BITCAST,
    BOR,
    BRIF,
    BXOR,
    F32CONST,
    FADD,
    FCVT_FROM_SINT,
    FCVT_TO_SINT_SAT,
    FDIV,
    FMUL,
    FSUB,
    HEAP,
    IADD,
    ICMP,
    ICONST,
    IMUL,
    INTEGER_CONDITIONS,
    ISUB,
    JUMP,
    LITTLE,
    LOAD,
    NOTRAP,
    PARAMETER,
    ROWS,
    SPLAT,
    STORE,
    UEXTEND,
    VCONST,
)
from wasmer_clif_backend.ir.rules.choice import INVERSE
from wasmer_clif_backend.ir.types import F32, I8, I8X16, I32, I64, VECTOR
from wasmer_clif_backend.ir.uses import EDGES, LIST, OPERANDS, A, B, C, uses_of
from wasmer_clif_backend.passes.records import ROUNDS, WORD, Records
from wasmer_runtime_core.support.annotations import Final, final, i64

_ROWS: Final = 1 << 10
_FARTHEST: Final = 0x7FFF_FFFF
_WORD: Final = 0xFFFF_FFFF
_ALL: Final = 0x1_0000_0000
_NE: Final[i64] = INTEGER_CONDITIONS.index("ne")
_ULE: Final[i64] = INTEGER_CONDITIONS.index("ule")


def _alike() -> bytes:
    """By opcode: how many operands it has, where lanes can be computed by it as values are; 0: they cannot."""
    found = bytearray(len(ROWS))
    for opcode in (IADD, ISUB, IMUL, BAND, BOR, BXOR, FADD, FSUB, FMUL, FDIV):
        found[opcode] = 2
    for opcode in (FCVT_TO_SINT_SAT, FCVT_FROM_SINT):
        found[opcode] = 1
    return bytes(found)


_ALIKE: Final = _alike()

# What a value of the loop is.
_OTHER: Final = 0
_INDEX: Final = 1
"""The variable, maybe plus a constant."""
_BASED: Final = 5
"""Base and variable, maybe plus a constant."""
_EXTENDED: Final = 2
_ADDRESS: Final = 3
_LANE: Final = 4
"""A word or float of which there are four in a vector."""


@final
class Rounds:
    """The pass, with its columns, for one function after another."""

    def __init__(self) -> None:
        # By value of the loop at hand: what it is; what is added to base and variable, or the vector.
        self._kind = column(_ROWS)
        self._number = column(_ROWS)
        self._rows: i64 = _ROWS
        self._records: Final = Records()
        self._access: i64 = 0
        """The number of the next access, while the second loop is made."""
        self._base: i64 = 0
        self._variable: i64 = 0
        self._start: i64 = 0
        self._span: i64 = 0
        self._step: i64 = 0
        self._is_elsewhere = column(_ROWS)
        """By value: 1: another block uses it than the one that makes it."""
        self._is_marked = False
        """Whether that is known of the function at hand."""
        self._constants: list[int] = []
        """Those that are used behind the loop."""
        self._end: i64 = 0
        """Where the last byte ends that the loop may touch, from its base on."""

    def run(self, function: Function, flow: Flow) -> bool:
        """Whether there are new loops: then `flow` is that of the function no more."""
        if function.memory_bytes == 0 or function.memory_base == 0:
            return False
        found = False
        self._is_marked = False
        for b in flow.order:
            if flow.loop[b] == b and self._is_worth_it(function, b):
                self._widen(function, b)
                found = True
        return found

    # --- which loops ------------------------------------------------------------------------------------------

    def _is_worth_it(self, function: Function, head: i64) -> bool:
        """Whether a loop is one block, counted, and does what can be done in lanes."""
        one = function.incoming[head]
        two = function.edge_next[one]
        if two == 0 or function.edge_next[two]:
            return False
        back = one if function.edge_from[one] == head else two
        entry = two if back == one else one
        if function.edge_from[back] != head or function.edge_from[entry] == head:
            return False
        end = function.last[head]
        if function.opcode[function.last[function.edge_from[entry]]] != JUMP or function.opcode[end] != BRIF:
            return False
        v = function.first[head]
        if function.opcode[v] != PARAMETER or function.opcode[function.next[v]] == PARAMETER:
            return False
        return (
            self._is_counted(function, v, entry, back, end)
            and self._is_understood(function, head, end)
            and self._records.may_be_at_once(function)
            and self._is_left_alone(function, head)
        )

    def _is_counted(self, function: Function, v: i64, entry: i64, back: i64, end: i64) -> bool:
        """Whether the only variable goes from one constant to another, a multiple of four times."""
        first = function.pool[function.edge_arguments[entry] + 1]
        following = function.pool[function.edge_arguments[back] + 1]
        test = function.a[end]
        if function.type[v] != I32 or function.opcode[first] != ICONST or function.opcode[following] != IADD:
            return False
        by = function.b[following]
        if function.a[following] != v or function.opcode[by] != ICONST or function.immediate[by] <= 0:
            return False
        if function.opcode[test] != ICMP or function.a[test] != following:
            return False
        limit = function.b[test]
        condition = function.immediate[test]
        if function.c[end] == back:
            condition = INVERSE[condition]
        if function.opcode[limit] != ICONST or condition != _NE or function.b[end] == function.c[end]:
            return False
        self._variable = v
        self._start = function.immediate[first]
        self._span = function.immediate[limit] - self._start
        self._step = function.immediate[by]
        return (
            self._start >= 0
            and self._span > 0
            and self._span % (ROUNDS * self._step) == 0
            and self._start + self._span <= _FARTHEST
            and self._records.begin(self._step)
        )

    def _is_understood(self, function: Function, head: i64, end: i64) -> bool:
        """Whether all that the loop does can be done in lanes; which accesses there are."""
        if function.count > self._rows:
            self._rows = 2 * function.count
            self._kind = column(self._rows)
            self._number = column(self._rows)
        self._base = 0
        self._end = 0
        self._kind[self._variable] = _INDEX
        self._number[self._variable] = 0
        v = function.next[self._variable]
        while v != end:
            function.effort.spend(4)
            kind = self._kind_of(function, head, v)
            self._kind[v] = kind
            opcode = function.opcode[v]
            if kind < 0:
                return False
            if kind == _OTHER and opcode != ICONST and opcode != F32CONST and opcode != STORE and v != function.a[end]:
                return False
            v = function.next[v]
        return self._base != 0 and not self._records.is_empty() and self._end <= function.memory_bytes

    def _kind_of(self, function: Function, head: i64, v: i64) -> i64:
        opcode = function.opcode[v]
        type = function.type[v]
        a = function.a[v]
        b = function.b[v]
        if opcode == STORE:
            # What is not understood must not be taken for a constant.
            return _OTHER if self._is_store(function, head, v) else i64(-1)
        if opcode == LOAD:
            if (type != F32 and type != I32) or not self._is_access(function, head, v, a, 0):
                return -1
            return _LANE
        if opcode == UEXTEND:
            self._number[v] = self._number[a]
            return _EXTENDED if type == I64 and self._is(function, head, a, _BASED) else i64(-1)
        if opcode == IADD and type == I64:
            self._number[v] = self._number[b]
            return _ADDRESS if a == function.memory_base and self._is(function, head, b, _EXTENDED) else i64(-1)
        if opcode == IADD and (self._is_index(function, head, a) or self._is_index(function, head, b)):
            return self._index(function, head, v, a, b)
        if _ALIKE[opcode] == 0 or (type != F32 and type != I32):
            return _OTHER
        if not self._is_lane(function, head, a) or (_ALIKE[opcode] == 2 and not self._is_lane(function, head, b)):
            return -1
        return _LANE

    def _index(self, function: Function, head: i64, v: i64, a: i64, b: i64) -> i64:
        """A sum of an index and a constant, or of the variable and the base."""
        if not self._is_index(function, head, a):
            a, b = b, a
        if function.opcode[b] == ICONST:
            self._number[v] = self._number[a] + function.immediate[b]
            return self._kind[a]
        if function.block_of[b] == head or a != self._variable or (self._base and self._base != b):
            return -1
        self._base = b
        self._number[v] = 0
        return _BASED

    def _is_index(self, function: Function, head: i64, x: i64) -> bool:
        return function.block_of[x] == head and (self._kind[x] == _INDEX or self._kind[x] == _BASED)

    def _is(self, function: Function, head: i64, x: i64, kind: i64) -> bool:
        return function.block_of[x] == head and self._kind[x] == kind

    def _is_lane(self, function: Function, head: i64, x: i64) -> bool:
        """Whether there can be a vector of a value."""
        type = function.type[x]
        if type != F32 and type != I32:
            return False
        opcode = function.opcode[x]
        return function.block_of[x] != head or self._kind[x] == _LANE or opcode == ICONST or opcode == F32CONST

    def _is_store(self, function: Function, head: i64, v: i64) -> bool:
        return self._is_lane(function, head, function.a[v]) and self._is_access(function, head, v, function.b[v], 1)

    def _is_access(self, function: Function, head: i64, v: i64, at: i64, stores: i64) -> bool:
        """Whether an access is of base and variable; it is noted."""
        flags = function.extra[v]
        if flags & HEAP == 0 or flags & BIG or not self._is(function, head, at, _ADDRESS):
            return False
        distance = self._number[at] + function.immediate[v]
        if self._number[at] < 0 or function.immediate[v] < 0 or not self._records.note(distance, stores, flags):
            return False
        end = self._start + self._span - self._step + distance + WORD
        if end > self._end:
            self._end = end
        return end <= _FARTHEST

    def _is_left_alone(self, function: Function, head: i64) -> bool:
        """Whether nothing outside of the loop uses what it makes, but for constants: those are noted."""
        if not self._is_marked:
            self._mark(function)
        self._constants = []
        v = function.first[head]
        while v:
            if self._is_elsewhere[v]:
                if not _is_constant(function, v):
                    return False
                self._constants.append(int(v))
            v = function.next[v]
        end = function.last[head]
        leaving = function.c[end] if function.edge_to[function.b[end]] == head else function.b[end]
        for x in function.items(function.edge_arguments[leaving]):
            if function.block_of[x] == head and not _is_constant(function, x):
                return False
        return True

    def _mark(self, function: Function) -> None:
        """Values that other blocks use, of all loops at once. What a second loop uses of others, the first one did."""
        self._is_marked = True
        if function.count > i64(len(self._is_elsewhere)):
            self._is_elsewhere = column(2 * function.count)
        v: i64 = 0
        while v < function.count:
            self._is_elsewhere[v] = 0
            v += 1
        b = function.entry
        while b:
            v = function.first[b]
            while v:
                if v & EVERY == 0:
                    function.effort.spend(2 * EVERY)
                operands: i64 = OPERANDS[function.opcode[v]]
                if operands & A:
                    self._use(function, b, function.a[v])
                if operands & B:
                    self._use(function, b, function.b[v])
                if operands & C:
                    self._use(function, b, function.c[v])
                if operands & (LIST | EDGES):
                    for x in uses_of(function, v):
                        function.effort.spend(1)
                        self._use(function, b, x)
                v = function.next[v]
            b = function.block_next[b]

    def _use(self, function: Function, block: i64, x: i64) -> None:
        if function.block_of[x] != block:
            self._is_elsewhere[x] = 1

    # --- the second loop ------------------------------------------------------------------------------------------

    def _widen(self, function: Function, head: i64) -> None:
        f = function
        one = f.incoming[head]
        entry = one if f.edge_from[one] != head else f.edge_next[one]
        before = f.edge_from[entry]
        end = f.last[head]
        back_is_first = f.edge_to[f.b[end]] == head
        leaving = f.c[end] if back_is_first else f.b[end]
        jump = f.last[before]
        wide = f.block()
        # Which loop to take.
        last = self._constant(f, f.memory_bytes - self._end, jump)
        fits = f.new(ICMP, I8, self._base, last, 0, _ULE)
        f.bound[fits] = 1
        f.insert_before(jump, fits)
        start = self._constant(f, self._start, jump)
        f.opcode[jump] = BRIF
        f.a[jump] = fits
        f.b[jump] = f.edge(before, wide, f.new_list([int(start)]))
        f.c[jump] = entry
        # Constants that what follows the loop found there: it is not always on the way any more.
        for x in self._constants:
            if f.block_of[x] == head:
                f.remove(x)
                f.insert_before(jump, x)
        # The loop.
        variable = f.new(PARAMETER, I32)
        f.append(wide, variable)
        f.bound[variable] = self._start + self._span - ROUNDS * self._step
        index = f.new(IADD, I32, self._base, variable)
        f.append(wide, index)
        extended = f.new(UEXTEND, I64, index)
        f.append(wide, extended)
        address = f.new(IADD, I64, f.memory_base, extended)
        f.append(wide, address)
        self._access = 0
        v = f.next[self._variable]
        while v != end:
            self._add_wide(f, head, wide, jump, v, address)
            v = f.next[v]
        by = self._append_constant(f, wide, ROUNDS * self._step)
        following = f.new(IADD, I32, variable, by)
        f.append(wide, following)
        limit = self._append_constant(f, wide, self._start + self._span)
        test = f.new(ICMP, I8, following, limit, 0, _NE)
        f.bound[test] = 1
        f.append(wide, test)
        back = f.edge(wide, wide, f.new_list([int(following)]))
        given = [self._given(f, head, wide, x) for x in f.items(f.edge_arguments[leaving])]
        left = f.edge(wide, f.edge_to[leaving], f.new_list(given))
        f.append(wide, f.new(BRIF, 0, test, back, left))

    def _add_wide(self, f: Function, head: i64, wide: i64, jump: i64, v: i64, address: i64) -> None:
        """What the loop does with one value, done with four."""
        opcode = f.opcode[v]
        if opcode == STORE:
            self._store(f, v, wide, address, self._lanes(f, head, wide, jump, f.a[v]))
            return
        if self._kind[v] != _LANE or f.block_of[v] != head:
            return
        if opcode == LOAD:
            made = self._load(f, v, wide, address)
        else:
            x = self._lanes(f, head, wide, jump, f.a[v])
            y: i64 = 0
            if OPERANDS[opcode] & B:
                y = self._lanes(f, head, wide, jump, f.b[v])
            made = f.new(opcode, VECTOR | f.type[v], x, y)
        f.append(wide, made)
        self._number[v] = made

    def _load(self, f: Function, v: i64, wide: i64, address: i64) -> i64:
        """What a load gives in four rounds."""
        flags = f.extra[v] | NOTRAP
        access = self._access
        self._access = access + 1
        type = VECTOR | f.type[v]
        if not self._records.is_group():
            return f.new(LOAD, type, address, 0, 0, self._number[f.a[v]] + f.immediate[v], flags)
        if self._records.is_first(access):
            rows: list[int] = []
            row: i64 = 0
            while row < self._records.rows():
                made = f.new(LOAD, I8X16, address, 0, 0, self._records.distance_of_row(access, row), flags)
                f.append(wide, made)
                rows.append(int(made))
                row += 1
            self._records.turn_loaded(f, wide, access, rows)
        return f.new(BITCAST, type, self._records.column_of(access), 0, 0, 0, LITTLE)

    def _store(self, f: Function, v: i64, wide: i64, address: i64, x: i64) -> None:
        """What a store does in four rounds."""
        flags = f.extra[v] | NOTRAP
        access = self._access
        self._access = access + 1
        if not self._records.is_group():
            f.append(wide, f.new(STORE, 0, x, address, 0, self._number[f.b[v]] + f.immediate[v], flags))
            return
        self._records.set_column(access, x)
        if not self._records.is_last(access):
            return
        row: i64 = 0
        for made in self._records.turn_stored(f, wide, access):
            distance = self._records.distance_of_row(access, row)
            f.append(wide, f.new(STORE, 0, made, address, 0, distance, flags))
            row += 1

    def _lanes(self, f: Function, head: i64, wide: i64, jump: i64, x: i64) -> i64:
        """A vector of a value: its own, a constant, or one that is spread before the loop."""
        opcode = f.opcode[x]
        type = f.type[x]
        if opcode == ICONST or opcode == F32CONST:
            data = int(f.immediate[x] & _WORD).to_bytes(4, "little")
            made = f.new(VCONST, VECTOR | type, 0, 0, 0, f.constant(data * ROUNDS))
            f.append(wide, made)
            return made
        if f.block_of[x] == head:
            return self._number[x]
        made = f.new(SPLAT, VECTOR | type, x)
        f.insert_before(jump, made)
        return made

    def _given(self, f: Function, head: i64, wide: i64, x: int) -> int:
        """What is given to the block behind the loop: constants of the loop once more."""
        if f.block_of[x] != head:
            return x
        made = f.new(f.opcode[x], f.type[x], 0, 0, 0, f.immediate[x])
        f.bound[made] = f.bound[x]
        f.append(wide, made)
        return int(made)

    def _constant(self, function: Function, value: i64, before: i64) -> i64:
        v = function.new(ICONST, I32, 0, 0, 0, value if value <= _FARTHEST else value - _ALL)
        function.bound[v] = value
        function.insert_before(before, v)
        return v

    def _append_constant(self, function: Function, block: i64, value: i64) -> i64:
        v = function.new(ICONST, I32, 0, 0, 0, value)
        function.bound[v] = value
        function.append(block, v)
        return v


def _is_constant(function: Function, x: i64) -> bool:
    return IS_CONSTANT[function.opcode[x]] != 0
