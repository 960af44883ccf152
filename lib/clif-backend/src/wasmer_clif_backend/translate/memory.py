"""Addresses in linear memories, and fields of what the vmctx leads to."""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import (
    CAN_MOVE,
    HEAP,
    IADD,
    ICMP,
    ICONST,
    INTEGER_CONDITIONS,
    LOAD,
    NOTRAP,
    READONLY,
    TRAPNZ,
    UADD_OVERFLOW_TRAP,
    UEXTEND,
    VMCTX,
)
from wasmer_clif_backend.ir.types import I8, I64
from wasmer_clif_backend.translate.body import State
from wasmer_runtime_core.contract.traps import BY_NAME
from wasmer_runtime_core.contract.vmctx import MEMORY_DEFINITION
from wasmer_runtime_core.support.annotations import Final, final, i64

FIELD: Final = NOTRAP | VMCTX
"""Flags of what an instance is made of, and code may change."""
CONSTANT_FIELD: Final = NOTRAP | READONLY | CAN_MOVE | VMCTX
"""Of what never changes while its code runs."""
ACCESS: Final = HEAP
"""Of linear memory."""

_UGT: Final = INTEGER_CONDITIONS.index("ugt")
_OUT_OF_BOUNDS: Final = BY_NAME["MEMORY_OUT_OF_BOUNDS"].number
_LENGTH: Final[i64] = MEMORY_DEFINITION["length"].offset
_BASE: Final[i64] = MEMORY_DEFINITION["base"].offset
_FARTHEST: Final = 0x7FFF_FFFF
"""What the displacement of an operand can be."""


@final
class Memory:
    """Makes addresses.

    Args:
        bounds_checks: compare every access with the memory's length; else guard pages find it.
    """

    def __init__(self, state: State, bounds_checks: bool) -> None:
        self.state: Final = state
        self.bounds_checks: Final = bounds_checks
        self.base: i64 = 0
        """Of memory 0, which never moves."""
        self.offset: i64 = 0
        """What is still to be added to the last address."""
        self.flags: i64 = ACCESS
        """Of an access there: ``notrap`` if it ends within the least size of the memory, wherever its index is."""

    def load(self, type: i64, at: i64, offset: i64, flags: i64 = FIELD) -> i64:
        """What lies at an address."""
        return self.state.make(LOAD, type, at, 0, 0, offset, flags)

    def field(self, offset: i64, flags: i64 = FIELD) -> i64:
        """A field of the vmctx."""
        return self.state.make(LOAD, I64, self.state.vmctx, 0, 0, offset, flags)

    def address(self, index: i64, a: i64, b: i64, size: i64) -> i64:
        """The address of an access, but for `offset`, which is left for its displacement.

        Guard pages find what lies beyond a memory that is reserved; where they are not there, or for other
        memories, the end of the access is compared with the length.

        Args:
            index: the operand.
            a, b: of the record: the offset and the memory.
            size: bytes of the access.
        """
        state = self.state
        function = state.function
        offset = a & 0xFFFF_FFFF
        memory = b & 0xFFFF
        if state.view.wide_memories[memory]:
            return self.wide(index, offset | ((b >> 16) & 0xFFFF) << 32, memory, size)
        at = state.make(UEXTEND, I64, index)
        if b == 0 and not self.bounds_checks:
            known: i64 = -1
            if function.opcode[at] == ICONST:
                known = function.immediate[at]
            elif function.opcode[at] == IADD and function.opcode[function.b[at]] == ICONST:
                # A sum that does not wrap: `rules.integer` has extended its operands.
                known = function.immediate[function.b[at]]
            if known >= 0 and offset + known <= _FARTHEST:
                self.offset = offset + known
                if function.opcode[at] == ICONST:
                    self.bound_by(0, size)
                    return self.base
                at = function.a[at]
                self.bound_by(state.values.upper(at), size)
                return state.make(IADD, I64, self.base, at)
            if offset > _FARTHEST:
                at = state.make(IADD, I64, at, state.integer(offset, I64))
                offset = 0
            self.offset = offset
            self.bound_by(state.values.upper(at), size)
            return state.make(IADD, I64, self.base, at)
        self.offset = 0
        self.flags = ACCESS
        if offset:
            at = state.make(IADD, I64, at, state.integer(offset, I64))
        definition = self.field(state.view.offsets.memory_offsets[memory], CONSTANT_FIELD)
        end = state.make(IADD, I64, at, state.integer(size, I64))
        length = self.load(I64, definition, _LENGTH)
        beyond = state.make(ICMP, I8, end, length, 0, _UGT)
        state.make(TRAPNZ, 0, beyond, 0, 0, 0, _OUT_OF_BOUNDS)
        return state.make(IADD, I64, self.load(I64, definition, _BASE), at)

    def wide(self, at: i64, offset: i64, memory: i64, size: i64) -> i64:
        """The same of an index of 64 bits: where the access ends may be more than 64 bits hold."""
        state = self.state
        end = state.make(UADD_OVERFLOW_TRAP, I64, at, state.integer(offset + size, I64), 0, 0, _OUT_OF_BOUNDS)
        definition = self.field(state.view.offsets.memory_offsets[memory], CONSTANT_FIELD)
        beyond = state.make(ICMP, I8, end, self.load(I64, definition, _LENGTH), 0, _UGT)
        state.make(TRAPNZ, 0, beyond, 0, 0, 0, _OUT_OF_BOUNDS)
        self.flags = ACCESS
        self.offset = offset
        if offset > _FARTHEST:
            at = state.make(IADD, I64, at, state.integer(offset, I64))
            self.offset = 0
        return state.make(IADD, I64, self.load(I64, definition, _BASE), at)

    def bound_by(self, bound: i64, size: i64) -> None:
        """`flags`, for an index that is no greater than `bound`; -1: not known."""
        self.flags = ACCESS
        if bound >= 0 and bound <= _FARTHEST and bound + self.offset + size <= self.state.view.memory_bytes:
            self.flags = ACCESS | NOTRAP
