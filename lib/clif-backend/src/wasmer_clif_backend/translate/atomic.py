"""Atomic accesses (threads): CLIF's own on a shared memory, plain ones on others.

First comes the alignment, which traps where a bound would, too. CLIF's atomic instructions keep their place among all
that reads or writes memory, and end what is known of it; so nothing is moved past one, nor is a value that was
loaded before taken for what is there behind it.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import (
    ATOMIC_CAS,
    ATOMIC_LOAD,
    ATOMIC_OPERATIONS,
    ATOMIC_RMW,
    ATOMIC_STORE,
    BAND,
    BOR,
    BXOR,
    FENCE,
    IADD,
    INTEGER_CONDITIONS,
    IREDUCE,
    ISUB,
    LOAD,
    SELECT,
    STORE,
    UEXTEND,
)
from wasmer_clif_backend.ir.types import I8, I16, I32, I64
from wasmer_clif_backend.translate.body import State
from wasmer_clif_backend.translate.memory import Memory
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.operators.rows import ATOMIC_PAGE, OPERATORS, Operator

_UNALIGNED: Final = BY_NAME["MISALIGNED_ATOMIC_ACCESS"].number
_EQ: Final = INTEGER_CONDITIONS.index("eq")
_NE: Final = INTEGER_CONDITIONS.index("ne")
_TYPES_BY_BYTES: Final = {1: I8, 2: I16, 4: I32, 8: I64}
_PLAIN: Final = {"add": IADD, "sub": ISUB, "and": BAND, "or": BOR, "xor": BXOR}


@final
class Row:
    """An operator: what it does, to values of which type, of which so many bytes are in memory, as another type."""

    def __init__(self, operator: Operator) -> None:
        words = operator.mnemonic.split(".")
        self.verb: Final = words[-1].split("_")[0] if words[-2].startswith("rmw") else words[-1].rstrip("_u0123456789")
        self.type: Final = I64 if words[0] == "i64" else I32
        self.size: Final = operator.access_bytes
        self.part: Final = _TYPES_BY_BYTES[operator.access_bytes]


ROWS: Final = {
    code: Row(row)
    for code, row in OPERATORS.items()
    if code & ~0xFF == ATOMIC_PAGE and row.access_bytes and not row.helper
}
"""By operator code, those that no helper carries out."""


@final
class Atomics:
    """Translates them, for one module."""

    def __init__(self, state: State, memory: Memory) -> None:
        self.state: Final = state
        self.memory: Final = memory

    def operator(self, code: i64, a: i64, b: i64) -> None:
        """One operator; `a`, `b` are the words of its record."""
        state = self.state
        row = ROWS.get(int(code))
        if row is None:
            state.make(FENCE, 0)
            return
        shared = state.view.shared_memories[b & 0xFFFF] != 0
        flags: i64 = 0
        if row.verb == "load":
            at = self.address(state.pop(), a, b, row)
            flags = self.memory.flags
            state.push(self.whole(state.make(ATOMIC_LOAD if shared else LOAD, row.part, at, 0, 0, 0, flags), row))
            return
        x = self.narrow(state.pop(), row)
        if row.verb == "cmpxchg":
            expected = self.narrow(state.pop(), row)
            at = self.address(state.pop(), a, b, row)
            flags = self.memory.flags
            if shared:
                state.push(self.whole(state.make(ATOMIC_CAS, row.part, at, expected, x, 0, flags), row))
                return
            was = state.make(LOAD, row.part, at, 0, 0, 0, flags)
            same = state.compare(_EQ, was, expected)
            state.make(STORE, 0, state.make(SELECT, row.part, same, x, was), at, 0, 0, flags)
            state.push(self.whole(was, row))
            return
        at = self.address(state.pop(), a, b, row)
        flags = self.memory.flags
        if row.verb == "store":
            state.make(ATOMIC_STORE if shared else STORE, 0, x, at, 0, 0, flags)
        elif shared:
            number: i64 = ATOMIC_OPERATIONS.index(row.verb)
            state.push(self.whole(state.make(ATOMIC_RMW, row.part, at, x, 0, number, flags), row))
        else:
            was = state.make(LOAD, row.part, at, 0, 0, 0, flags)
            if row.verb != "xchg":
                x = state.make(_PLAIN[row.verb], row.part, was, x)
            state.make(STORE, 0, x, at, 0, 0, flags)
            state.push(self.whole(was, row))

    def address(self, index: i64, a: i64, b: i64, row: Row) -> i64:
        """The whole address of an access, aligned."""
        state = self.state
        mask: i64 = row.size - 1
        if mask:
            type: i64 = I64 if state.view.wide_memories[b & 0xFFFF] else I32
            low = index
            if a & mask:
                low = state.make(IADD, type, index, state.integer(a & mask, type))
            low = state.make(BAND, type, low, state.integer(mask, type))
            state.trap_if(state.compare(_NE, low, state.integer(0, type)), _UNALIGNED)
        at = self.memory.address(index, a, b, row.size)
        if self.memory.offset:
            at = state.make(IADD, I64, at, state.integer(self.memory.offset, I64))
        return at

    def narrow(self, v: i64, row: Row) -> i64:
        """As much of a value as is in memory."""
        return v if row.part == row.type else self.state.make(IREDUCE, row.part, v)

    def whole(self, v: i64, row: Row) -> i64:
        """What was in memory as a value, zero-extended."""
        return v if row.part == row.type else self.state.make(UEXTEND, row.type, v)
