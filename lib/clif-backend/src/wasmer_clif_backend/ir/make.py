"""The smart constructor: every instruction of an optimised function is made here.

`make` gives a value for what is asked: by the rules of `rules`, which are ordered and know constants, bounds and the
instructions that operands are; else the instruction that is there already (`numbering`); else a new one. So
folding, common subexpressions and redundant loads cost no pass of their own. Which rules concern an opcode is
a table, `_KINDS`.

What has an effect keeps its place and its number, and ends the epochs of the memory that it may write.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.numbering import Numbering
from wasmer_clif_backend.ir.opcodes import (
    BAND,
    BITCAST,
    BNOT,
    BOR,
    BXOR,
    CALLS,
    CLZ,
    CTZ,
    EFFECTS,
    ENDS,
    FABS,
    FCMP,
    FCOPYSIGN,
    FNEG,
    IADD,
    ICMP,
    ICONST,
    IMUL,
    INEG,
    IREDUCE,
    ISHL,
    ISUB,
    LOAD,
    LOADS,
    PARAMETER,
    POPCNT,
    RESULT,
    ROTL,
    ROTR,
    ROWS,
    SDIV,
    SELECT,
    SEXTEND,
    SREM,
    SSHR,
    STACK_LOAD,
    STACK_STORE,
    STORE,
    STORES,
    TRAPNZ,
    TRAPZ,
    UDIV,
    UEXTEND,
    ULOAD8,
    ULOAD16,
    ULOAD32,
    UREM,
    USHR,
)
from wasmer_clif_backend.ir.rules.choice import (
    compare_integers,
    compare_scalar_floats,
    condition_of,
    select,
)
from wasmer_clif_backend.ir.rules.float import bitcast, signs
from wasmer_clif_backend.ir.rules.integer import arithmetic, bits, divide, extend, reduce, shift
from wasmer_clif_backend.ir.rules.load import load_of_choice
from wasmer_clif_backend.ir.types import I64, VECTOR
from wasmer_runtime_core.support.annotations import Final, i64

_ALWAYS_NEW: Final = 0
_NUMBERED: Final = 1
_ARITHMETIC: Final = 2
_SHIFT: Final = 3
_COMPARE: Final = 4
_EXTEND: Final = 5
_REDUCE: Final = 6
_LOAD: Final = 7
_STORE: Final = 8
_SELECT: Final = 9
_DIVIDE: Final = 10
_BITS: Final = 11
_COMPARE_FLOATS: Final = 12
_SIGNS: Final = 13
_BITCAST: Final = 14
_TRAP_IF: Final = 15
_CONSTANT: Final = 16


def _kinds() -> bytes:
    kinds = bytearray(len(ROWS))
    for row in ROWS:
        one = len(row.results) == 1
        if row.number in (PARAMETER, RESULT) or not one:
            continue
        if row.effects & (LOADS | STORES | ENDS | CALLS) == 0:
            kinds[row.number] = _NUMBERED
        elif row.name.removeprefix("u").removeprefix("s").startswith("load"):
            kinds[row.number] = _LOAD
    for row in ROWS:
        if row.name == "store" or row.name.startswith("istore"):
            kinds[row.number] = _STORE
    for opcodes, kind in (
        ((IADD, ISUB, IMUL, BAND, BOR, BXOR), _ARITHMETIC),
        ((ISHL, USHR, SSHR, ROTL, ROTR), _SHIFT),
        ((UDIV, SDIV, UREM, SREM), _DIVIDE),
        ((CLZ, CTZ, POPCNT, INEG, BNOT), _BITS),
        ((UEXTEND, SEXTEND), _EXTEND),
        ((IREDUCE,), _REDUCE),
        ((ICMP,), _COMPARE),
        ((FCMP,), _COMPARE_FLOATS),
        ((SELECT,), _SELECT),
        ((FNEG, FABS, FCOPYSIGN), _SIGNS),
        ((BITCAST,), _BITCAST),
        ((TRAPZ, TRAPNZ), _TRAP_IF),
        ((ICONST,), _CONSTANT),
        ((STACK_LOAD,), _LOAD),
        ((STACK_STORE,), _STORE),
    ):
        for opcode in opcodes:
            kinds[opcode] = kind
    return bytes(kinds)


_KINDS: Final = _kinds()
"""By opcode: which rules there are."""


def make(
    n: Numbering, opcode: i64, type: i64, a: i64 = 0, b: i64 = 0, c: i64 = 0, immediate: i64 = 0, extra: i64 = 0
) -> i64:
    """A value of this instruction, or of a simpler one; where it has an effect, its number.

    Columns are those of `Function`. Of what has several results, the others are for the caller to add.
    """
    kind: i64 = _KINDS[opcode]
    if kind == _LOAD:
        return _load(n, opcode, type, a, immediate, extra)
    if kind == _STORE:
        return _store(n, opcode, type, a, b, immediate, extra)
    if kind == _ALWAYS_NEW:
        v = n.add(opcode, type, a, b, c, immediate, extra)
        if EFFECTS[opcode] & (STORES | CALLS):
            n.new_epoch()
        return v
    if kind == _CONSTANT:
        return n.integer(immediate, type)
    if type >= VECTOR and kind != _BITCAST and kind != _SELECT:
        return n.value(opcode, type, a, b, c, immediate, extra)
    if kind == _ARITHMETIC:
        if type <= I64:
            return arithmetic(n, opcode, type, a, b)
    elif kind == _SHIFT:
        return shift(n, opcode, type, a, b)
    elif kind == _COMPARE:
        return compare_integers(n, immediate, a, b)
    elif kind == _EXTEND:
        return extend(n, opcode, type, a)
    elif kind == _REDUCE:
        return reduce(n, type, a)
    elif kind == _SELECT:
        return select(n, type, a, b, c)
    elif kind == _DIVIDE:
        return divide(n, opcode, type, a, b)
    elif kind == _BITS:
        if type <= I64:
            return bits(n, opcode, type, a)
    elif kind == _COMPARE_FLOATS:
        return compare_scalar_floats(n, immediate, a, b)
    elif kind == _SIGNS:
        return signs(n, opcode, type, a, b)
    elif kind == _BITCAST:
        return bitcast(n, type, a, extra)
    elif kind == _TRAP_IF:
        return _trap_if(n, opcode, a, extra)
    return n.value(opcode, type, a, b, c, immediate, extra)


def _load(n: Numbering, opcode: i64, type: i64, at: i64, offset: i64, extra: i64) -> i64:
    epoch = n.any
    if opcode != STACK_LOAD:
        epoch = n.epoch_of(extra)
        if opcode == LOAD:
            chosen = load_of_choice(n, type, at, offset, extra)
            if chosen:
                return chosen
    v = n.value(opcode, type, at, 0, epoch, offset, extra)
    if opcode == ULOAD8:
        n.bounded(v, 0xFF)
    elif opcode == ULOAD16:
        n.bounded(v, 0xFFFF)
    elif opcode == ULOAD32:
        n.bounded(v, 0xFFFF_FFFF)
    return v


def _store(n: Numbering, opcode: i64, type: i64, a: i64, b: i64, immediate: i64, extra: i64) -> i64:
    v = n.add(opcode, type, a, b, 0, immediate, extra)
    if opcode == STACK_STORE:
        n.new_epoch()
    else:
        n.written(extra)
        if opcode == STORE:
            # What is loaded from there next is what was stored.
            n.forward(LOAD, n.function.type[a], b, immediate, extra, a)
    return v


def _trap_if(n: Numbering, opcode: i64, c: i64, extra: i64) -> i64:
    """``trapz``, ``trapnz``: 0 if it never traps, or has been looked at before."""
    f = n.function
    c = condition_of(n, c)
    if f.opcode[c] == ICONST:
        if (f.immediate[c] == 0) == (opcode == TRAPNZ):
            return 0
    return n.value(opcode, 0, c, 0, 0, 0, extra)
