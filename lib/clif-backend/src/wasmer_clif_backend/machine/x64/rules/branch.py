"""Branches, returns and traps."""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import BR_CATCH, BR_TABLE, BRIF, JUMP, TRAP, TRAPNZ, TRAPZ
from wasmer_clif_backend.machine.code import (
    CATCH,
    GENERAL,
    REG_READ,
    REG_WRITTEN,
    TABLE_JUMP,
    TERMINATOR,
    THIRD_WRITTEN,
)
from wasmer_clif_backend.machine.x64.emit import NO_EDGE
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.rules.condition import (
    BOTH,
    EITHER,
    condition,
    first_of,
    second_of,
    set_condition,
)
from wasmer_clif_backend.machine.x64.rules.trapping import trap_if
from wasmer_clif_backend.machine.x64.traps import trap_kind
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import BELOW, EQUAL, NOT_EQUAL
from wasmer_runtime_core.codegen.x64.records import LABEL, NONE, REG
from wasmer_runtime_core.support.annotations import Final, i64

_JMP: Final[i64] = forms.JMP_REL32.number
_JCC: Final[i64] = forms.JCC_REL32.number
_CMP_IMM8: Final[i64] = forms.CMP_RM32_IMM8.number
_FEW: Final = 4


def jump(lowering: Lowering) -> bool:
    """A jump, or nothing if the block comes next."""
    v = lowering.v
    lowering.code.add(_JMP, LABEL, TERMINATOR, displacement=lowering.function.a[v])
    return True


def jump_if(lowering: Lowering, code: i64, then: i64, other: i64) -> None:
    """A jump on a condition of the machine; the last one of a block says where else to go."""
    lowering.code.add(_JCC + code, LABEL, TERMINATOR, displacement=then, immediate=other)


def branch(lowering: Lowering) -> bool:
    """One jump, or two where a condition is two of the machine's."""
    f = lowering.function
    v = lowering.v
    then = f.b[v]
    other = f.c[v]
    held = condition(lowering, f.a[v])
    if held & BOTH:
        jump_if(lowering, second_of(held) ^ 1, other, NO_EDGE)
    elif held & EITHER:
        jump_if(lowering, second_of(held), then, NO_EDGE)
    jump_if(lowering, first_of(held), then, other)
    return True


def catch(lowering: Lowering) -> bool:
    """The two ways behind a call."""
    f = lowering.function
    v = lowering.v
    nothing_throws = f.extra[v] << 8
    lowering.code.add(CATCH, LABEL | nothing_throws, TERMINATOR, displacement=f.b[v], immediate=f.a[v])
    return True


def table_of_few(lowering: Lowering) -> bool:
    """Comparisons, where there are no more than two per jump: they are foreseen better than a jump to anywhere."""
    f = lowering.function
    v = lowering.v
    edges = f.b[v]
    count = f.pool[edges] - 1
    if count < 1 or count > _FEW:
        return False
    number = lowering.use(f.a[v])
    at: i64 = 0
    while at < count:
        if at + 1 < count:
            # One comparison for two: below the second one is the first, for what is lower has gone already.
            lowering.compare_immediate(_CMP_IMM8, number, at + 1)
            jump_if(lowering, BELOW, f.pool[edges + 1 + at], NO_EDGE)
            jump_if(lowering, EQUAL, f.pool[edges + 2 + at], NO_EDGE)
        else:
            lowering.compare_immediate(_CMP_IMM8, number, at)
            jump_if(lowering, EQUAL, f.pool[edges + 1 + at], NO_EDGE)
        at += 2
    lowering.code.add(_JMP, LABEL, TERMINATOR, displacement=f.pool[edges + 1 + count])
    return True


def table(lowering: Lowering) -> bool:
    """A jump through a table of distances, one row of the code: no move comes between its parts."""
    f = lowering.function
    v = lowering.v
    list_at = f.b[v]
    targets = f.pool[list_at]
    if targets == 1:
        lowering.code.add(_JMP, LABEL, TERMINATOR, displacement=f.pool[list_at + 1])
        return True
    index = lowering.code.temporary(GENERAL)
    lowering.copy(index, lowering.use(f.a[v]))
    start = lowering.code.temporary(GENERAL)
    roles = REG_READ | REG_WRITTEN | THIRD_WRITTEN | TERMINATOR
    lowering.code.add(TABLE_JUMP, REG, roles, index, third=start)
    return True


def trap(lowering: Lowering) -> bool:
    """The instruction that core's handler takes for a trap."""
    v = lowering.v
    lowering.code.add(forms.TRAP.number, NONE | (trap_kind(lowering.function.extra[v]) << 16), TERMINATOR)
    return True


def trap_on(lowering: Lowering) -> bool:
    """A jump to a trap."""
    f = lowering.function
    v = lowering.v
    held = condition(lowering, f.a[v])
    code = f.extra[v]
    when = f.opcode[v] == TRAPNZ
    first = first_of(held) if when else first_of(held) ^ 1
    if held & (EITHER | BOTH) == 0:
        trap_if(lowering, first, code)
        return True
    if bool(held & BOTH) == when:
        # Both, or neither of them: as a number first.
        r = lowering.code.temporary(GENERAL)
        set_condition(lowering, r, held)
        lowering.compare(forms.TEST_RM8_R8.number, r, r)
        trap_if(lowering, NOT_EQUAL if when else EQUAL, code)
        return True
    trap_if(lowering, first, code)
    trap_if(lowering, second_of(held) if when else second_of(held) ^ 1, code)
    return True


RULES: Final = {
    JUMP: (jump,),
    BRIF: (branch,),
    BR_CATCH: (catch,),
    BR_TABLE: (table_of_few, table),
    TRAP: (trap,),
    TRAPZ: (trap_on,),
    TRAPNZ: (trap_on,),
}
