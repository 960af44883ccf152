"""What an operator does besides turning operands into results: the words of a row's column *effects*.

==========================  ================================================================================
words                       what the operator may do
==========================  ================================================================================
reads *state* …             its results depend on it (each of `STATES`)
writes *state* …            it changes it; growing and dropping are changes
traps *kind* …              it traps in these ways, words of `TRAPS`
opens                       it begins a block, and is its label
closes                      it ends a block, or an arm of one: ``else``, ``end``, ``catch``
branches                    it may go to a label
returns                     it leaves the function with results
stops                       control never passes to the operator behind it
calls                       it runs other functions: these may do anything but read or write its locals
throws                      it throws an exception of WebAssembly
orders                      what reads or writes a memory stays before it or behind it: other threads see it so
allocates                   it makes an object that is collected when nothing refers to it
helper                      core carries it out, unless a backend has its own code for it (`contract.helpers`)
==========================  ================================================================================

No word says what holds for every operator alike: that a deadline or a signal may end the program at it,
that a call may exhaust the stack, and that an operator which traps has written nothing.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.first_use import kept

STATES: Final = ("local", "global", "table", "memory", "data", "element", "points", "object")
"""What operators read and write: variables, tables and memories (their lengths too), what is left of segments, the
points that a program has used (`internal`), and mutable fields and elements of structs and arrays."""

TRAPS: Final = {
    "unreachable": "UNREACHABLE",
    "memory": "MEMORY_OUT_OF_BOUNDS",
    "table": "TABLE_OUT_OF_BOUNDS",
    "undefined": "UNDEFINED_ELEMENT",
    "uninitialized": "UNINITIALIZED_ELEMENT",
    "type": "INDIRECT_CALL_TYPE_MISMATCH",
    "zero": "INTEGER_DIVIDE_BY_ZERO",
    "overflow": "INTEGER_OVERFLOW",
    "conversion": "INVALID_CONVERSION_TO_INTEGER",
    "limit": "EXECUTION_LIMIT_EXCEEDED",
    "null": "NULL_REFERENCE",
    "structure": "NULL_STRUCTURE",
    "array": "NULL_ARRAY",
    "i31": "NULL_I31",
    "cast": "CAST_FAILURE",
    "bounds": "ARRAY_OUT_OF_BOUNDS",
    "heap": "HEAP_EXHAUSTED",
    "unaligned": "MISALIGNED_ATOMIC_ACCESS",
    "unshared": "EXPECTED_SHARED_MEMORY",
}
"""A row's word -> the name of a row of `contract.traps`."""

OPENS: Final = 1 << 0
CLOSES: Final = 1 << 1
BRANCHES: Final = 1 << 2
RETURNS: Final = 1 << 3
STOPS: Final = 1 << 4
CALLS: Final = 1 << 5
THROWS: Final = 1 << 6
ALLOCATES: Final = 1 << 7
HELPER: Final = 1 << 8
MAY_TRAP: Final = 1 << 9
ORDERS: Final = 1 << 10
READS: Final = {state: 1 << 16 + at for at, state in enumerate(STATES)}
WRITES: Final = {state: 1 << 24 + at for at, state in enumerate(STATES)}

CONTROL: Final = OPENS | CLOSES | BRANCHES | RETURNS | STOPS | CALLS
"""Any of these: what runs next may be something else than the operator behind it, or that may be reached otherwise."""
READS_ANYTHING: Final = sum(READS.values())
WRITES_ANYTHING: Final = sum(WRITES.values())
OUTLIVES: Final = MAY_TRAP | CALLS | THROWS | ORDERS | WRITES_ANYTHING & ~WRITES["local"]
"""Any of these: when the operator runs can be told from outside of its function."""

_WORDS: Final = {
    "opens": OPENS,
    "closes": CLOSES,
    "branches": BRANCHES,
    "returns": RETURNS,
    "stops": STOPS,
    "calls": CALLS,
    "throws": THROWS,
    "orders": ORDERS,
    "allocates": ALLOCATES,
    "helper": HELPER,
}
_STATES: Final = {"reads": READS, "writes": WRITES}


@kept
def read_effects(text: str) -> tuple[int, tuple[str, ...]]:
    """The column of a row: the bits above, and the names of traps.

    Args:
        text: clauses between commas, each a verb and its objects.

    Raises:
        KeyError: a word that is none.
    """
    bits = 0
    traps: tuple[str, ...] = ()
    for clause in text.split(", ") if text else ():
        verb, *objects = clause.split()
        if verb == "traps":
            bits |= MAY_TRAP
            traps = tuple([TRAPS[word] for word in objects])
        elif objects:
            for word in objects:
                bits |= _STATES[verb][word]
        else:
            bits |= _WORDS[verb]
    return bits, traps
