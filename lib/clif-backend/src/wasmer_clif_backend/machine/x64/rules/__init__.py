"""The rules of instruction selection: by opcode, in order; the first that fits is taken.

A rule is a function of the lowering and an instruction. It looks whether it fits, says no (False) before it has
written anything, or writes the instructions and says yes.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import ROWS
from wasmer_clif_backend.machine.x64.rules import (
    atomic,
    bits,
    branch,
    call,
    convert,
    division,
    float,
    integer,
    memory,
    overflow,
    vector,
)
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wasmer_clif_backend.machine.x64.lower import Rules

RULES: Final[Rules] = [() for _ in ROWS]
for _chapter in (integer, bits, division, overflow, branch, call, memory, atomic, float, convert, vector):
    for _opcode, _rules in _chapter.RULES.items():
        RULES[_opcode] = (*RULES[_opcode], *_rules)
