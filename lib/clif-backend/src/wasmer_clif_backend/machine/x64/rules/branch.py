"""Branches, returns and traps."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from wasmer_clif_backend.ir.opcodes import BR_TABLE, BRIF, JUMP, TRAP, TRAPNZ, TRAPZ
from wasmer_clif_backend.ir.types import I32
from wasmer_clif_backend.machine.code import GENERAL, IN_MEMORY, NO_REGISTER, REG_WRITTEN, RM_READ, TERMINATOR
from wasmer_clif_backend.machine.x64.emit import NO_EDGE, TABLE_JUMP
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.rules.condition import CMOV32, condition, set_condition
from wasmer_clif_backend.machine.x64.rules.trapping import trap_if, trap_kind
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import LABEL, MEM_INDEX, NONE, REG
from wasmer_runtime_core.codegen.x64.registers import ABOVE

_JMP: Final[i64] = forms.JMP_REL32.number
_JMP_TO: Final[i64] = forms.JMP_RM64.number
_JCC: Final[i64] = forms.JCC_REL32.number
_LEA: Final[i64] = forms.LEA_R64_M.number
_MOVSXD: Final[i64] = forms.MOVSXD_R64_RM32.number
_ADD: Final[i64] = forms.ADD_R64_RM64.number
_CMP: Final[i64] = forms.CMP_R32_RM32.number


def jump(lowering: Lowering, v: i64) -> bool:
    """A jump, or nothing if the block comes next."""
    lowering.code.add(_JMP, LABEL, TERMINATOR, displacement=lowering.function.a[v])
    return True


def jump_if(lowering: Lowering, code: int, then: i64, other: i64) -> None:
    """A jump on a condition of the machine; the last one of a block says where else to go."""
    lowering.code.add(_JCC + code, LABEL, TERMINATOR, displacement=then, immediate=other)


def branch(lowering: Lowering, v: i64) -> bool:
    """One jump, or two where a condition is two of the machine's."""
    f = lowering.function
    then = f.b[v]
    other = f.c[v]
    held = condition(lowering, f.a[v])
    if held.both:
        jump_if(lowering, held.second ^ 1, other, NO_EDGE)
    elif held.second >= 0:
        jump_if(lowering, held.second, then, NO_EDGE)
    jump_if(lowering, held.first, then, other)
    return True


def table(lowering: Lowering, v: i64) -> bool:
    """A jump through a table of distances. The default one is its last row, which larger numbers become."""
    f = lowering.function
    edges = f.items(f.b[v])
    if len(edges) == 1:
        lowering.code.add(_JMP, LABEL, TERMINATOR, displacement=edges[0])
        return True
    x = lowering.use(f.a[v])
    last = lowering.integer(len(edges) - 1, I32)
    index = lowering.code.temporary(GENERAL)
    lowering.copy(index, x)
    lowering.compare(_CMP, index, last)
    lowering.modify(CMOV32 + ABOVE, index, last)
    start = lowering.code.temporary(GENERAL)
    lowering.code.add(_LEA, LABEL | TABLE_JUMP, REG_WRITTEN, start)
    to = lowering.code.temporary(GENERAL)
    lowering.code.add(_MOVSXD, MEM_INDEX | (2 << 8), REG_WRITTEN | IN_MEMORY, to, start, index)
    lowering.modify(_ADD, to, start)
    lowering.code.add(_JMP_TO, REG, RM_READ | TERMINATOR, NO_REGISTER, to)
    return True


def trap(lowering: Lowering, v: i64) -> bool:
    """The instruction that core's handler takes for a trap."""
    lowering.code.add(forms.TRAP.number, NONE | (trap_kind(lowering.function.extra[v]) << 16), TERMINATOR)
    return True


def trap_on(lowering: Lowering, v: i64) -> bool:
    """A jump to a trap."""
    f = lowering.function
    held = condition(lowering, f.a[v])
    code = f.extra[v]
    when = f.opcode[v] == TRAPNZ
    if held.second < 0:
        trap_if(lowering, held.first if when else held.first ^ 1, code)
        return True
    if held.both == when:
        # Both, or neither of them: as a number first.
        r = lowering.code.temporary(GENERAL)
        set_condition(lowering, r, held)
        lowering.compare(forms.TEST_RM8_R8.number, r, r)
        trap_if(lowering, 5 if when else 4, code)
        return True
    trap_if(lowering, held.first if when else held.first ^ 1, code)
    trap_if(lowering, held.second if when else held.second ^ 1, code)
    return True


RULES: Final = {
    JUMP: (jump,),
    BRIF: (branch,),
    BR_TABLE: (table,),
    TRAP: (trap,),
    TRAPZ: (trap_on,),
    TRAPNZ: (trap_on,),
}
