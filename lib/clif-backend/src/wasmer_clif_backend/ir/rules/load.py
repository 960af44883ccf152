"""A load from one of two places beside another access: both are loaded, then one is chosen.

``p + (c ? 0 : 4)`` is how C comes to be that goes down a tree: ``p->left`` or ``p->right``. The load waits for the
choice, and the choice for a load from the node, its key: so each step takes the time of two loads. Loaded both, the
children come together with the key.

The other load must not trap where the program's own would not. It does not where the block, or one of those before that
dominate it, has accessed the same node at least as far from its start; so the sum does not wrap either.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.function import Function
from wasmer_clif_backend.ir.numbering import Numbering
from wasmer_clif_backend.ir.opcodes import HEAP, IADD, ICONST, LOAD, NOTRAP, SELECT, STORE, UEXTEND
from wasmer_clif_backend.ir.rules.choice import select
from wasmer_clif_backend.ir.types import I32, I64
from wasmer_runtime_core.support.annotations import Final, i64

_FARTHEST: Final = 64
"""Of the two places: beyond, they are less likely to be in one line of a cache."""
_MOST_STEPS: Final = 24
"""So many instructions before are looked at, ..."""
_MOST_BLOCKS: Final = 3
"""... in so many blocks, for an access that reaches as far."""


def load_of_choice(n: Numbering, type: i64, at: i64, offset: i64, flags: i64) -> i64:
    """``load`` of an integer, as a choice of two; 0: it is no such load."""
    f = n.function
    if f.opcode[at] != IADD or f.opcode[f.b[at]] != UEXTEND:
        return 0
    sum = f.a[f.b[at]]
    if f.opcode[sum] != IADD or f.type[sum] != I32:
        return 0
    p = f.a[sum]
    choice = f.b[sum]
    if f.opcode[choice] != SELECT:
        p, choice = choice, p
        if f.opcode[choice] != SELECT:
            return 0
    if f.opcode[f.b[choice]] != ICONST or f.opcode[f.c[choice]] != ICONST or (type != I32 and type != I64):
        return 0
    one = f.immediate[f.b[choice]]
    other = f.immediate[f.c[choice]]
    if one < 0 or other < 0 or one > _FARTHEST or other > _FARTHEST:
        return 0
    if flags & (HEAP | NOTRAP) != HEAP or f.a[at] != f.memory_base:
        return 0
    node = _accessed(n, p, max(one, other) + offset + _bytes_of(type))
    if node == 0:
        return 0
    epoch = n.epoch_of(flags)
    # They keep their flags: so none of them comes to stand before the access that tells that they do not trap.
    x = n.value(LOAD, type, node, 0, epoch, offset + one, flags)
    y = n.value(LOAD, type, node, 0, epoch, offset + other, flags)
    return select(n, type, f.a[choice], x, y)


def _accessed(n: Numbering, p: i64, bytes: i64) -> i64:
    """The address with an index p, if so many bytes from there have been accessed on every way; 0 if not."""
    f = n.function
    block = n.block
    blocks: i64 = 0
    steps: i64 = 0
    v = f.last[block]
    while steps < _MOST_STEPS:
        while v == 0:
            blocks += 1
            block = n.flow.dominator[block]
            if blocks == _MOST_BLOCKS or block == 0 or n.within_blocks:
                return 0
            v = f.last[block]
        opcode = f.opcode[v]
        if (opcode == LOAD or opcode == STORE) and f.extra[v] & HEAP:
            node = f.a[v] if opcode == LOAD else f.b[v]
            size = f.type[v] if opcode == LOAD else f.type[f.a[v]]
            if _is_at(f, node, p) and f.immediate[v] + _bytes_of(size) >= bytes:
                return node
        v = f.previous[v]
        steps += 1
    return 0


def _is_at(f: Function, node: i64, p: i64) -> bool:
    """Whether an address is that of memory 0 with this index."""
    if f.opcode[node] != IADD or f.a[node] != f.memory_base:
        return False
    return f.opcode[f.b[node]] == UEXTEND and f.a[f.b[node]] == p


def _bytes_of(type: i64) -> i64:
    """What an access of a type takes at least."""
    return 8 if type == I64 else 4 if type == I32 else i64(1)
