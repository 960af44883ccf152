"""Who uses what: the operands of any instruction that are values, how often each value is used, what lies between.

`OPERANDS` says by opcode, in bits, where values lie; what walks over many instructions asks it and reads the
columns. `uses_of` makes a list of the same, for what is not in a hurry.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.opcodes import (
    BR_CATCH,
    BR_TABLE,
    BRIF,
    CALLS,
    EFFECTS,
    ENDS,
    IN_A,
    JUMP,
    LOADS,
    NOTRAP,
    RESULT,
    ROWS,
    STORES,
    TRAPS,
    VALUE,
)
from wasmer_runtime_core.support.annotations import Final, i64

A: Final = 1
"""The column a is a value."""
B: Final = 2
C: Final = 4
LIST: Final = 8
"""The column b is a list of values in the pool."""
EDGES: Final = 16
"""It has edges: see `Function.edges`."""


def _operands() -> bytes:
    found = bytearray(len(ROWS))
    for row in ROWS:
        if row.number == RESULT:
            continue  # names its instruction, which is no use of it
        for operand in row.operands:
            if operand.kind == VALUE:
                found[row.number] |= A << (operand.place - IN_A)
            elif operand.kind == "arguments":
                found[row.number] |= LIST
            elif operand.kind in ("block", "table"):
                found[row.number] |= EDGES
    return bytes(found)


OPERANDS: Final = _operands()
"""By opcode: which operands are values."""


NO_EFFECT: Final = 0
EFFECT: Final = 1
"""Writes, calls or may trap."""
UNLESS_NOTRAP: Final = 2
"""Reads, and may trap unless its flags say that it does not."""


def _effect(effects: int) -> int:
    if effects & (STORES | CALLS):
        return EFFECT
    if effects & TRAPS:
        return UNLESS_NOTRAP if effects & LOADS else EFFECT
    return NO_EFFECT


EFFECT_OF: Final = bytes(_effect(row.effects) for row in ROWS)
"""By opcode."""


def has_effect(function: Function, v: i64) -> bool:
    """Whether an instruction writes, calls or may trap, so that it keeps its place among those that do."""
    effect: i64 = EFFECT_OF[function.opcode[v]]
    if effect == UNLESS_NOTRAP:
        return function.extra[v] & NOTRAP == 0
    return effect != NO_EFFECT


def count(function: Function) -> None:
    """Fill in the columns `uses` and `colour` for all that stands in a block.

    An instruction's colour is the number of effects before it. Two in one block with equal colours have no
    effect between them; so a load may be made where its only user stands, if the user's colour is that of the
    load, or one more if the load may trap. Blocks share no colour.
    """
    uses = function.uses
    v: i64 = 1
    while v < function.count:
        uses[v] = 0
        v += 1
    colour: i64 = 0
    b = function.entry
    while b:
        colour += 1
        v = function.first[b]
        while v:
            function.colour[v] = colour
            if has_effect(function, v):
                colour += 1
            _count_operands(function, v)
            v = function.next[v]
        b = function.block_next[b]


def _count_operands(function: Function, v: i64) -> None:
    operands: i64 = OPERANDS[function.opcode[v]]
    if operands & A:
        function.uses[function.a[v]] += 1
    if operands & B:
        function.uses[function.b[v]] += 1
    if operands & C:
        function.uses[function.c[v]] += 1
    if operands & LIST:
        _count_list(function, function.b[v])
    if operands & EDGES:
        opcode = function.opcode[v]
        if opcode == JUMP:
            _count_list(function, function.edge_arguments[function.a[v]])
        elif opcode == BRIF:
            _count_list(function, function.edge_arguments[function.b[v]])
            _count_list(function, function.edge_arguments[function.c[v]])
        elif opcode == BR_CATCH:
            _count_list(function, function.edge_arguments[function.a[v]])
            _count_list(function, function.edge_arguments[function.b[v]])
        elif opcode == BR_TABLE:
            at = function.b[v]
            end = at + function.pool[at]
            while at < end:
                at += 1
                _count_list(function, function.edge_arguments[function.pool[at]])


def _count_list(function: Function, at: i64) -> None:
    end = at + function.pool[at]
    while at < end:
        at += 1
        function.uses[function.pool[at]] += 1


def uses_of(function: Function, v: int) -> list[int]:
    """All values that an instruction uses, its edges' arguments too."""
    opcode = int(function.opcode[v])
    operands = OPERANDS[opcode]
    columns = ((A, function.a), (B, function.b), (C, function.c))
    found = [int(column[v]) for bit, column in columns if operands & bit]
    if operands & LIST:
        found += function.items(function.b[v])
    if EFFECTS[opcode] & ENDS:
        for e in function.edges(function.block_of[v]):
            found += function.items(function.edge_arguments[e])
    return found
