"""Neighbouring accesses of one block become one access of 16 bytes.

Compilers unroll loops over arrays: four stores to ``a + 0``, ``a + 4``, ``a + 8``, ``a + 12``, of values that were
computed alike. Where that is seen to be the same, they are one store of a vector, and what they store is computed lane
by lane.

*No trap may be lost, or come too early.* So this is done with accesses only that cannot trap: whose index has a bound
such that they end within the least size of the memory (`Function.memory_bytes`), which it never falls below. These are
marked ``notrap`` first, whatever becomes of them. And between them nothing may trap, call or write anything else.

*What moves* are stores, down to the last of them, and what is loaded for them. The bytes that an access may touch are
known, from its offset to its bound: two whose bytes are apart may change places. The order of floats' operations is
kept.

What the vectors leave unused goes when `parameters` comes by once more.
"""

from __future__ import annotations

from wasmer_clif_backend.effort import EVERY
from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.numbering import is_same_constant
from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BIG,
    BOR,
    BXOR,
    EFFECTS,
    ENDS,
    FADD,
    FDIV,
    FMUL,
    FSUB,
    HEAP,
    IADD,
    IMUL,
    ISUB,
    LOAD,
    LOADS,
    NOTRAP,
    ROWS,
    SPLAT,
    STORE,
    STORES,
    UEXTEND,
)
from wasmer_clif_backend.ir.types import I32, I64, VECTOR, bytes_of
from wasmer_clif_backend.ir.uses import has_effect
from wasmer_runtime_core.support.annotations import Final, final, i64

_WINDOW: Final = 48
"""Accesses that are looked at together."""
_DEPTH: Final = 5
"""How deep in one another the operations are that a store's value is computed by."""
_LANES: Final = 4
_VECTOR_BYTES: Final = 16


def _bytes() -> bytes:
    """By opcode: bytes of an access with an address in a (loads) or b (stores); 0: its type says; 255: it is none."""
    found = bytearray(255 for _ in ROWS)
    for row in ROWS:
        if row.name in ("load", "store"):
            found[row.number] = 0
        for prefix in ("uload", "sload", "istore"):
            bits = row.name.removeprefix(prefix)
            if bits in ("8", "16", "32"):
                found[row.number] = int(bits) // 8
            elif bits in ("8x8", "16x4", "32x2"):
                found[row.number] = 8
    return bytes(found)


_BYTES: Final = _bytes()


def _alike() -> bytes:
    """By opcode: 1: lanes of integers and floats can be computed by it."""
    found = bytearray(len(ROWS))
    for opcode in (IADD, ISUB, IMUL, BAND, BOR, BXOR, FADD, FSUB, FMUL, FDIV):
        found[opcode] = 1
    return bytes(found)


_ALIKE: Final = _alike()


@final
class Lanes:
    """The pass, with its columns, for one function after another."""

    def __init__(self) -> None:
        # Accesses since the last thing that keeps its place: the instruction, the first byte and the end of what it may
        # touch, counted from the memory's base.
        self._access = column(_WINDOW)
        self._from = column(_WINDOW)
        self._end = column(_WINDOW)
        self._count: i64 = 0
        self._stores: i64 = 0
        # The stores at hand, by lane: their places in the window.
        self._group = column(_LANES)
        self._lanes: i64 = 0
        self._last: i64 = 0
        self._changed = False

    def run(self, function: Function, flow: Flow) -> bool:
        """Whether there is something for `parameters` to take away."""
        self._changed = False
        if function.memory_bytes == 0:
            return False
        b = function.entry
        while b:
            self._count = 0
            self._stores = 0
            v = function.first[b]
            while v:
                behind = function.next[v]
                if v & EVERY == 0:
                    function.effort.spend(EVERY)
                effects: i64 = EFFECTS[function.opcode[v]]
                if effects:
                    if effects & (LOADS | STORES) and self._note(function, v):
                        if self._count == _WINDOW:
                            self._close(function, flow)
                    elif effects & ENDS or has_effect(function, v):
                        self._close(function, flow)
                v = behind
            b = function.block_next[b]
        return self._changed

    # --- which accesses cannot trap ---------------------------------------------------------------------

    def _note(self, function: Function, v: i64) -> bool:
        """An access that cannot trap, for the window; False: it is none."""
        opcode = function.opcode[v]
        size: i64 = _BYTES[opcode]
        if size == 255 or function.extra[v] & HEAP == 0:
            return False
        is_store = EFFECTS[opcode] & STORES != 0
        at = function.a[v]
        if is_store:
            at = function.b[v]
        if size == 0:
            size = bytes_of(function.type[v])
            if is_store:
                size = bytes_of(function.type[function.a[v]])
        bound: i64 = 0
        if at != function.memory_base:
            if function.opcode[at] != IADD or function.a[at] != function.memory_base:
                return False
            index = function.b[at]
            bound = function.bound[index]
            if function.opcode[index] == UEXTEND:
                # What `induction` found is known of the narrow one alone.
                narrow = function.bound[function.a[index]]
                if narrow >= 0 and (bound < 0 or narrow < bound):
                    bound = narrow
            if bound < 0:
                return False
        offset = function.immediate[v]
        if offset < 0 or bound > function.memory_bytes or offset + bound + size > function.memory_bytes:
            return False
        if function.extra[v] & NOTRAP == 0:
            function.extra[v] |= NOTRAP
            self._changed = True  # colours
        place = self._count
        self._access[place] = v
        self._from[place] = offset
        self._end[place] = offset + bound + size
        self._count = place + 1
        if opcode == STORE:
            self._stores += 1
        return True

    # --- groups of stores ---------------------------------------------------------------------------------

    def _close(self, function: Function, flow: Flow) -> None:
        """What follows keeps its place: look for groups among what was before."""
        if self._stores > 1:
            place: i64 = 0
            while place < self._count:
                v = self._access[place]
                if v and function.opcode[v] == STORE:
                    function.effort.spend(4 * _WINDOW)
                    self._try(function, flow, place)
                place += 1
        self._count = 0
        self._stores = 0

    def _try(self, function: Function, flow: Flow, place: i64) -> None:
        """A group whose lowest store is this one, if there is one that can be made."""
        first = self._access[place]
        type = function.type[function.a[first]]
        if type < I32 or type >= VECTOR or function.extra[first] & BIG:
            return
        size = bytes_of(type)
        self._lanes = _VECTOR_BYTES // size
        self._last = 0
        lane: i64 = 0
        while lane < self._lanes:
            found = self._store_at(function, first, type, function.immediate[first] + lane * size)
            if found < 0:
                return
            self._group[lane] = found
            if found > self._last:
                self._last = found
            lane += 1
        if not self._stores_can_move(function):
            return
        end = self._access[self._last]
        function.at = function.source[end]
        made = self._pack_values(function, flow, type, end)
        if made == 0:
            return
        function.immediate[end] = function.immediate[first]
        function.a[end] = made
        lane = 0
        while lane < self._lanes:
            found = self._group[lane]
            if found != self._last:
                function.remove(self._access[found])
                self._access[found] = 0
            lane += 1
        self._end[self._last] = self._bytes_end()
        self._from[self._last] = function.immediate[first]
        self._changed = True

    def _bytes_end(self) -> i64:
        """Where the bytes of the group end."""
        end: i64 = 0
        lane: i64 = 0
        while lane < self._lanes:
            if self._end[self._group[lane]] > end:
                end = self._end[self._group[lane]]
            lane += 1
        return end

    def _store_at(self, function: Function, like: i64, type: i64, offset: i64) -> i64:
        """The place of the only store like another one, with this offset; -1: there is none, or more."""
        found: i64 = -1
        place: i64 = 0
        while place < self._count:
            v = self._access[place]
            if v and function.opcode[v] == STORE and function.b[v] == function.b[like]:
                if function.immediate[v] == offset:
                    if found >= 0 or function.type[function.a[v]] != type or function.extra[v] != function.extra[like]:
                        return -1
                    found = place
            place += 1
        return found

    def _is_in_group(self, place: i64) -> bool:
        lane: i64 = 0
        while lane < self._lanes:
            if self._group[lane] == place:
                return True
            lane += 1
        return False

    def _are_apart(self, one: i64, other: i64) -> bool:
        return self._end[one] <= self._from[other] or self._end[other] <= self._from[one]

    def _same_address(self, function: Function, one: i64, other: i64) -> bool:
        """Whether two accesses differ by their offsets only."""
        return self._address(function, one) == self._address(function, other)

    def _address(self, function: Function, place: i64) -> i64:
        v = self._access[place]
        if EFFECTS[function.opcode[v]] & STORES:
            return function.b[v]
        return function.a[v]

    def _may_overlap(self, function: Function, one: i64, other: i64) -> bool:
        """Whether two accesses may touch the same byte."""
        if self._are_apart(one, other):
            return False
        if not self._same_address(function, one, other):
            return True
        x = self._access[one]
        y = self._access[other]
        return function.immediate[x] < function.immediate[y] + self._size(function, y) and function.immediate[
            y
        ] < function.immediate[x] + self._size(function, x)

    def _size(self, function: Function, v: i64) -> i64:
        size: i64 = _BYTES[function.opcode[v]]
        if size == 0:
            size = bytes_of(function.type[v])
            if EFFECTS[function.opcode[v]] & STORES:
                size = bytes_of(function.type[function.a[v]])
        return size

    def _stores_can_move(self, function: Function) -> bool:
        """Whether every store of the group can be where the last one is."""
        lane: i64 = 0
        while lane < self._lanes:
            store = self._group[lane]
            place = store + 1
            while place < self._last:
                if self._access[place] and not self._is_in_group(place) and self._may_overlap(function, store, place):
                    return False
                place += 1
            lane += 1
        return True

    # --- their values -----------------------------------------------------------------------------------------

    def _pack_values(self, function: Function, flow: Flow, type: i64, end: i64) -> i64:
        v0 = function.a[self._access[self._group[0]]]
        v1 = function.a[self._access[self._group[1]]]
        v2 = v0
        v3 = v1
        if self._lanes == 4:
            v2 = function.a[self._access[self._group[2]]]
            v3 = function.a[self._access[self._group[3]]]
        return self._pack(function, flow, type, end, v0, v1, v2, v3, 0)

    def _pack(
        self, function: Function, flow: Flow, type: i64, end: i64, v0: i64, v1: i64, v2: i64, v3: i64, depth: i64
    ) -> i64:
        """A vector of values, before `end`; 0: they are not alike. Of two lanes, the last two values are the first two.

        The first look makes nothing (`_are_alike`), so that what fails leaves nothing behind.
        """
        if not self._are_alike(function, type, end, v0, v1, v2, v3, depth):
            return 0
        return self._make(function, flow, type, end, v0, v1, v2, v3)

    def _are_alike(
        self, function: Function, type: i64, end: i64, v0: i64, v1: i64, v2: i64, v3: i64, depth: i64
    ) -> bool:
        if self._are_one(function, v0, v1, v2, v3):
            return True
        opcode = function.opcode[v0]
        block = function.block_of[end]
        if opcode != function.opcode[v1] or opcode != function.opcode[v2] or opcode != function.opcode[v3]:
            return False
        if function.block_of[v0] != block or function.block_of[v1] != block:
            return False
        if function.block_of[v2] != block or function.block_of[v3] != block:
            return False
        if opcode == LOAD:
            size = bytes_of(type)
            if not self._is_load_at(function, v0, v1, size):
                return False
            if self._lanes == 2:
                return True
            return self._is_load_at(function, v0, v2, 2 * size) and self._is_load_at(function, v0, v3, 3 * size)
        if _ALIKE[opcode] == 0 or depth == _DEPTH or (opcode == IMUL and type == I64):
            return False
        f = function
        return self._are_alike(f, type, end, f.a[v0], f.a[v1], f.a[v2], f.a[v3], depth + 1) and self._are_alike(
            f, type, end, f.b[v0], f.b[v1], f.b[v2], f.b[v3], depth + 1
        )

    def _are_one(self, function: Function, v0: i64, v1: i64, v2: i64, v3: i64) -> bool:
        """Whether values are one, or one constant."""
        return (
            (v1 == v0 or is_same_constant(function, v1, v0))
            and (v2 == v0 or is_same_constant(function, v2, v0))
            and (v3 == v0 or is_same_constant(function, v3, v0))
        )

    def _is_load_at(self, function: Function, first: i64, v: i64, distance: i64) -> bool:
        """Whether v loads so many bytes behind another load, and both can be made where the last store is."""
        if function.a[v] != function.a[first] or function.immediate[v] != function.immediate[first] + distance:
            return False
        if function.extra[v] != function.extra[first] or function.extra[v] & BIG:
            return False
        return self._load_can_move(function, first) and self._load_can_move(function, v)

    def _load_can_move(self, function: Function, v: i64) -> bool:
        load: i64 = 0
        while load < self._count and self._access[load] != v:
            load += 1
        if load == self._count:
            return False  # before the window, or it may trap
        place: i64 = 0
        while place <= self._last:
            store = self._access[place]
            if store and EFFECTS[function.opcode[store]] & STORES:
                if self._is_in_group(place):
                    # They are behind it now. What was before it, it has to see.
                    if place < load and self._may_overlap(function, place, load):
                        return False
                elif place > load and self._may_overlap(function, place, load):
                    return False
            place += 1
        return True

    def _make(self, function: Function, flow: Flow, type: i64, end: i64, v0: i64, v1: i64, v2: i64, v3: i64) -> i64:
        f = function
        vector = VECTOR | type
        if self._are_one(f, v0, v1, v2, v3):
            return self._splat(f, vector, v0, self._outside(f, flow, v0, end))
        opcode = f.opcode[v0]
        if opcode == LOAD:
            made = f.new(LOAD, vector, f.a[v0], 0, 0, f.immediate[v0], f.extra[v0])
        else:
            x = self._make(f, flow, type, end, f.a[v0], f.a[v1], f.a[v2], f.a[v3])
            y = self._make(f, flow, type, end, f.b[v0], f.b[v1], f.b[v2], f.b[v3])
            made = f.new(opcode, vector, x, y)
        f.insert_before(end, made)
        return made

    def _splat(self, function: Function, vector: i64, v: i64, before: i64) -> i64:
        """A value in every lane: made before an instruction, unless it has been made there."""
        f = function
        made = f.previous[before]
        while made and f.opcode[made] == SPLAT:
            if f.type[made] == vector and f.a[made] == v:
                return made
            made = f.previous[made]
        made = f.new(SPLAT, vector, v)
        f.insert_before(before, made)
        return made

    def _outside(self, function: Function, flow: Flow, v: i64, end: i64) -> i64:
        """Before which instruction something is made of v for `end`: outside of the loop, if v is."""
        block = function.block_of[end]
        loop = flow.loop[block]
        function.effort.spend(flow.depth[function.block_of[v]])
        if loop == 0 or flow.is_within(function.block_of[v], loop):
            return end
        above = flow.dominator[loop]
        if flow.is_within(above, loop):
            return end
        return function.last[above]
