"""Value numbering: where an instruction computes what another one has, there is only one of them.

`Numbering.value` gives the instruction that is there already, if it stands where its value is defined on every way to
the block at hand, or makes a new one. Found by a hash table with open addressing; of instructions that are equal, the
table has the one that was asked for last where the other one does not dominate.

Loads
-----
What a load gives depends on memory too. So memory has numbers as values have: an *epoch* is a stretch of the function
in which nothing writes memory of one kind, and a load carries the epoch it stands in (column c). Loads of one
address in one epoch are one value. Kinds are those of the flags of an access, as Cranelift has them: ``heap``, and
``vmctx`` and ``table`` together, never overlap; an access without such a flag may be of any kind. What is ``readonly``
is always in epoch 0. Where ways join that bring different epochs, a new one begins. A load behind a store to its
address is what was stored.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.columns import column
from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import F32CONST, F64CONST, HEAP, ICONST, READONLY, ROWS, TABLE, VCONST, VMCTX
from wasmer_clif_backend.ir.rule import RULES
from wasmer_clif_backend.ir.types import I64, VECTOR, most_of
from wasmer_runtime_core.support.annotations import Final, final, i64

_ROWS: Final = 1 << 8
_VALUE: Final = 0xFFFF_FFFF
_PROBES: Final = 32
"""Beyond so many entries, a value counts as a new one: no choice of constants makes this slow."""
_STEPS: Final = 64
"""Blocks that are walked up at most to see whether one dominates another."""


def _hash(opcode: i64, type: i64, a: i64, b: i64, c: i64, immediate: i64, extra: i64) -> i64:
    """32 bits; the same, compiled or not, though products wrap in one and not in the other."""
    key = (immediate + (immediate >> 32) * 31) * 0x165667B1 + opcode * 0x9E3779B1 + type * 0x85EBCA6B
    key = (key + a * 0xC2B2AE3D + b * 0x27D4EB2F + c * 0x7FEB352D + extra * 0x846CA68B) & 0xFFFF_FFFF
    return key ^ (key >> 15)


def _constants() -> bytes:
    found = bytearray(len(ROWS))
    for opcode in (ICONST, F32CONST, F64CONST, VCONST):
        found[opcode] = 1
    return bytes(found)


IS_CONSTANT: Final = _constants()
"""By opcode: 1: its value is known."""


def is_same_constant(function: Function, x: i64, y: i64) -> bool:
    """Whether two values are one constant, made twice."""
    opcode = function.opcode[x]
    if opcode != function.opcode[y] or function.immediate[x] != function.immediate[y]:
        return False
    return function.type[x] == function.type[y] and IS_CONSTANT[opcode] != 0


ENTRY: Final = 1
"""The first block, which dominates all others."""


@final
class Numbering:
    """The values of one function after another.

    Attributes:
        function, flow: what is made; `flow` knows the dominator of every block that was begun.
        block: where new instructions go.
        heap, context, any: the epochs of memory at hand.
        fired: by number of a rule: how often it was applied.
    """

    def __init__(self, function: Function, flow: Flow) -> None:
        self.function: Final = function
        self.flow: Final = flow
        self.block: i64 = 0
        self.within_blocks = False
        """Whether values of other blocks are none."""
        self.heap: i64 = 1
        self.context: i64 = 1
        self.any: i64 = 1
        self.fired: Final = column(len(RULES))
        self._epochs: i64 = 1
        self._rows: i64 = _ROWS
        self._entries = column(_ROWS)
        """``stamp << 32 | value``."""
        self._stamp: i64 = 0
        """Entries with another stamp are of an earlier function: empty."""
        self._filled: i64 = 0

    def begin(self) -> None:
        """Forget everything: another function begins."""
        self._stamp += 1
        self._filled = 0
        # No more of the table than the function needs: the rest would be in no cache.
        self._rows = _ROWS
        while self._rows < 2 * self.function.capacity:
            self._rows *= 2
        if self._rows > i64(len(self._entries)):
            self._entries = column(self._rows)
        self._epochs = 1
        self.heap = 1
        self.context = 1
        self.any = 1

    # --- memory -----------------------------------------------------------------------------------------

    def new_epoch(self) -> None:
        """Memory of every kind may have changed."""
        self._epochs += 1
        self.heap = self._epochs
        self.context = self._epochs
        self.any = self._epochs

    def written(self, flags: i64) -> None:
        """An access with these flags wrote memory."""
        self._epochs += 1
        self.any = self._epochs
        if flags & HEAP:
            self.heap = self._epochs
        elif flags & (VMCTX | TABLE):
            self.context = self._epochs
        else:
            self.heap = self._epochs
            self.context = self._epochs

    def meet(self, heap: i64, context: i64, any: i64) -> None:
        """Another way leads to the block at hand, with these epochs."""
        if heap != self.heap:
            self._epochs += 1
            self.heap = self._epochs
        if context != self.context:
            self._epochs += 1
            self.context = self._epochs
        if any != self.any:
            self._epochs += 1
            self.any = self._epochs

    def epoch_of(self, flags: i64) -> i64:
        """The epoch that a load with these flags stands in."""
        if flags & READONLY:
            return 0
        if flags & HEAP:
            return self.heap
        if flags & (VMCTX | TABLE):
            return self.context
        return self.any

    # --- values -----------------------------------------------------------------------------------------

    def add(
        self, opcode: i64, type: i64, a: i64 = 0, b: i64 = 0, c: i64 = 0, immediate: i64 = 0, extra: i64 = 0
    ) -> i64:
        """A new instruction, whatever there is."""
        return self.function.add(self.block, opcode, type, a, b, c, immediate, extra)

    def integer(self, value: i64, type: i64) -> i64:
        """A constant; `value` is sign-extended."""
        v = self.value(ICONST, type, 0, 0, 0, value)
        if value >= 0:
            self.function.bound[v] = value
        elif type < I64:
            self.function.bound[v] = value + most_of(type) + 1
        return v

    def value(
        self, opcode: i64, type: i64, a: i64 = 0, b: i64 = 0, c: i64 = 0, immediate: i64 = 0, extra: i64 = 0
    ) -> i64:
        """The instruction that is there already, or a new one: of what depends on its columns alone."""
        f = self.function
        mask = self._rows - 1
        at = _hash(opcode, type, a, b, c, immediate, extra) & mask
        stamp = self._stamp
        probes: i64 = 0
        while True:
            entry = self._entries[at]
            if entry >> 32 != stamp:
                break
            v = entry & _VALUE
            if (
                f.a[v] == a
                and f.opcode[v] == opcode
                and f.immediate[v] == immediate
                and f.b[v] == b
                and f.type[v] == type
                and f.c[v] == c
                and f.extra[v] == extra
            ):
                home = f.block_of[v]
                if home == 0:
                    return f.next[v]  # forwarded: the epoch is the store's, which dominates all of it
                if self._is_defined(home):
                    return v
                break
            probes += 1
            if probes == _PROBES:
                return f.add(self.block, opcode, type, a, b, c, immediate, extra)
            at = (at + 1) & mask
        v = f.add(self.block, opcode, type, a, b, c, immediate, extra)
        if self._entries[at] >> 32 != stamp:
            self._filled += 1
        self._entries[at] = (stamp << 32) | v
        if 2 * self._filled > self._rows:
            self._grow()
        return v

    def local(self, v: i64) -> i64:
        """A value for an edge from the block at hand: a constant of another block is made here again, as it would
        take a register from there to here."""
        f = self.function
        if IS_CONSTANT[f.opcode[v]] == 0 or f.block_of[v] == self.block:
            return v
        made = f.add(self.block, f.opcode[v], f.type[v], 0, 0, 0, f.immediate[v])
        f.bound[made] = f.bound[v]
        return made

    def local_before(self, end: i64, v: i64) -> i64:
        """The same for a block that has ended, with this instruction."""
        f = self.function
        if IS_CONSTANT[f.opcode[v]] == 0 or f.block_of[v] == f.block_of[end]:
            return v
        made = f.new(f.opcode[v], f.type[v], 0, 0, 0, f.immediate[v])
        f.bound[made] = f.bound[v]
        f.insert_before(end, made)
        return made

    def forward(self, opcode: i64, type: i64, at: i64, immediate: i64, extra: i64, value: i64) -> None:
        """What was just written by a store: a load of this kind gives `value` in the epoch at hand."""
        f = self.function
        mask = self._rows - 1
        epoch = self.epoch_of(extra)
        at_entry = _hash(opcode, type, at, 0, epoch, immediate, extra) & mask
        probes: i64 = 0
        while self._entries[at_entry] >> 32 == self._stamp:
            at_entry = (at_entry + 1) & mask
            probes += 1
            if probes == _PROBES:
                return
        v = f.new(opcode, type, at, 0, epoch, immediate, extra)
        f.next[v] = value
        self._entries[at_entry] = (self._stamp << 32) | v
        self._filled += 1
        if 2 * self._filled > self._rows:
            self._grow()

    def _is_defined(self, home: i64) -> bool:
        """Whether a value of a block is defined in the block at hand."""
        block = self.block
        if home == block:
            return True
        if self.within_blocks:
            return False
        if home == ENTRY:
            return True
        number = self.flow.number
        dominator = self.flow.dominator
        place = number[home]
        steps: i64 = 0
        while number[block] > place and steps < _STEPS:
            block = dominator[block]
            steps += 1
        return block == home

    def _grow(self) -> None:
        """Twice the room."""
        entries = self._entries
        rows = self._rows
        f = self.function
        self._rows = 2 * rows
        self._entries = column(self._rows)
        mask = self._rows - 1
        old: i64 = 0
        while old < rows:
            if entries[old] >> 32 == self._stamp:
                v = entries[old] & _VALUE
                at = _hash(f.opcode[v], f.type[v], f.a[v], f.b[v], f.c[v], f.immediate[v], f.extra[v]) & mask
                while self._entries[at]:
                    at = (at + 1) & mask
                self._entries[at] = entries[old]
            old += 1

    # --- what is known of a value --------------------------------------------------------------------------

    def upper(self, v: i64) -> i64:
        """No greater is an integer, unsigned; -1: not known."""
        f = self.function
        bound = f.bound[v]
        if bound >= 0:
            return bound
        return most_of(f.type[v])

    def bounded(self, v: i64, bound: i64) -> i64:
        """A value that is no greater than this; the value again. -1: nothing is known."""
        f = self.function
        if bound >= 0 and f.type[v] < VECTOR and (f.bound[v] < 0 or bound < f.bound[v]):
            f.bound[v] = bound
        return v
