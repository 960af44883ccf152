"""Branches, calls and what depends on a condition, as rows (Intel manual, volume 2; `rows` tells how to read them).

A conditional instruction is sixteen rows, named by the first: ``JCC_REL32.number + ABOVE``
is ``ja``. Jumps are written in their long form; the encoder takes the short one if it fits.
"""

from __future__ import annotations

from wasmer_runtime_core.codegen.x64.forms.rows import conditional, form
from wasmer_runtime_core.support.annotations import Final

# fmt: off

# --- branches and calls ---------------------------------------------------------------
JMP_REL32: Final  = form("jmp rel32",  "E9 cd", short=0xEB)
CALL_REL32: Final = form("call rel32", "E8 cd")
JMP_RM64: Final   = form("jmp rm64",   "FF /4")
CALL_RM64: Final  = form("call rm64",  "FF /2")
RET: Final        = form("ret",        "C3")
LEAVE: Final      = form("leave",      "C9")

# --- by condition ---------------------------------------------------------------------
JCC_REL32: Final       = conditional("j{} rel32",        "0F 80+cc cd", short=0x70)
SETCC_RM8: Final       = conditional("set{} rm8",        "0F 90+cc /0")
CMOVCC_R32_RM32: Final = conditional("cmov{} r32, rm32", "0F 40+cc /r")
CMOVCC_R64_RM64: Final = conditional("cmov{} r64, rm64", "REX.W 0F 40+cc /r")

# --- other ----------------------------------------------------------------------------
NOP: Final      = form("nop",      "90")
NOP_RM16: Final = form("nop rm16", "66 0F 1F /0")
NOP_RM32: Final = form("nop rm32", "0F 1F /0")
UD2: Final      = form("ud2",      "0F 0B")
INT3: Final     = form("int3",     "CC")
PAUSE: Final    = form("pause",    "F3 90")
HLT: Final      = form("hlt",      "F4")

TRAP: Final = HLT
"""What backends emit to trap. It is privileged, so it faults everywhere outside of a kernel; and
hypervisors often intercept #UD, which makes ud2 several times slower (docs/rationale.md)."""
# fmt: on
