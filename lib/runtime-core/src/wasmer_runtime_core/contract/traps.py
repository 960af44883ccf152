"""The kinds of trap, one row each: number, name, Wasmer's group, the specification's words.

The number is what trap tables and the C part hold (one byte). `group` is the name of the
2019 `WasmTrapInfo` member the kind belongs to.
"""

from __future__ import annotations

TYPE_CHECKING = False  # checkers take it for True; the build loads this by path, where nothing of core is at hand
if TYPE_CHECKING:
    from typing import Final


class TrapKind:
    """One row."""

    __slots__ = ("group", "message", "name", "number")

    def __init__(self, number: int, name: str, group: str, message: str) -> None:
        self.number = number
        self.name = name
        self.group = group
        self.message = message


# fmt: off
TRAP_KINDS: Final = (
    TrapKind(1,  "UNREACHABLE",                  "Unreachable",                    "unreachable"),
    TrapKind(2,  "MEMORY_OUT_OF_BOUNDS",         "MemoryOutOfBounds",              "out of bounds memory access"),
    TrapKind(3,  "TABLE_OUT_OF_BOUNDS",          "CallIndirectOOB",                "out of bounds table access"),
    TrapKind(4,  "UNDEFINED_ELEMENT",            "CallIndirectOOB",                "undefined element"),
    TrapKind(5,  "UNINITIALIZED_ELEMENT",        "CallIndirectOOB",                "uninitialized element"),
    TrapKind(6,  "INDIRECT_CALL_TYPE_MISMATCH",  "IncorrectCallIndirectSignature", "indirect call type mismatch"),
    TrapKind(7,  "INTEGER_DIVIDE_BY_ZERO",       "IllegalArithmetic",              "integer divide by zero"),
    TrapKind(8,  "INTEGER_OVERFLOW",             "IllegalArithmetic",              "integer overflow"),
    TrapKind(9,  "INVALID_CONVERSION_TO_INTEGER", "IllegalArithmetic",             "invalid conversion to integer"),
    TrapKind(10, "STACK_OVERFLOW",               "StackOverflow",                  "call stack exhausted"),
    TrapKind(11, "MISALIGNED_ATOMIC_ACCESS",     "MisalignedAtomicAccess",         "unaligned atomic"),
    TrapKind(12, "EXECUTION_LIMIT_EXCEEDED",     "ExecutionLimitExceeded",         "execution limit exceeded"),
    TrapKind(13, "NULL_REFERENCE",               "NullReference",                  "null reference"),
    TrapKind(14, "HEAP_EXHAUSTED",               "HeapExhausted",                  "heap exhausted"),
    TrapKind(15, "CAST_FAILURE",                 "CastFailure",                    "cast failure"),
    TrapKind(16, "ARRAY_OUT_OF_BOUNDS",          "ArrayOutOfBounds",               "out of bounds array access"),
    TrapKind(17, "NULL_STRUCTURE",               "NullReference",                  "null structure reference"),
    TrapKind(18, "NULL_ARRAY",                   "NullReference",                  "null array reference"),
    TrapKind(19, "NULL_I31",                     "NullReference",                  "null i31 reference"),
    TrapKind(20, "EXPECTED_SHARED_MEMORY",       "ExpectedSharedMemory",           "expected shared memory"),
)
# fmt: on
BY_NAME: Final = {kind.name: kind for kind in TRAP_KINDS}
BY_NUMBER: Final = {kind.number: kind for kind in TRAP_KINDS}

CALL_SITE: Final = 0xFF
"""Not a trap: a row of the site table that marks a call's return address."""
SITE_RANGE: Final = 0x100
"""Added to the kind of a site that holds for all code up to the next row, not for one
instruction. Only faults on memory accesses are looked up so, and after exact rows."""
SITE_FRAMELESS: Final = 0x200
"""Added to the kind of a site where the function has no frame, not yet or no more: the stack
pointer is at the return address, and the frame pointer is the caller's."""
