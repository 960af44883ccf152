"""The registers that code may use, as the allocator numbers them: general ones 0 to 15, xmm ones from 16.

Never given: rsp and rbp, which make the frame, and xmm15, in which moves are made that need a place between.
"""

from __future__ import annotations

from wasmer_clif_backend.machine.code import FIRST_XMM
from wasmer_clif_backend.machine.regalloc.scan import RegisterSet
from wasmer_runtime_core.codegen.x64.registers import (
    FLOAT_ARGUMENTS,
    INTEGER_ARGUMENTS,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    RAX,
    RBP,
    RBX,
    RCX,
    RDI,
    RDX,
    RSI,
    RSP,
)
from wasmer_runtime_core.support.annotations import Final

SCRATCH: Final = FIRST_XMM + 15

# What a call loses first; of these, those that instructions want for themselves last.
_LOST: Final = [RSI, RDI, R8, R9, R10, R11, RAX, RCX, RDX]
_KEPT: Final = [RBX, R12, R13, R14, R15]
_XMM: Final = [FIRST_XMM + number for number in range(15)]

REGISTERS: Final = RegisterSet([*_LOST, *_KEPT], _XMM, _KEPT)
WITHOUT_PINNED: Final = RegisterSet([*_LOST, *_KEPT[:-1]], _XMM, _KEPT)
"""For functions that name the pinned register, r15."""
PINNED: Final = R15

NEVER_GIVEN: Final = (1 << RSP) | (1 << RBP)
"""Bits of the registers whose life the allocator need not look at."""

GENERAL_ARGUMENTS: Final = tuple(INTEGER_ARGUMENTS)
XMM_ARGUMENTS: Final = tuple(FIRST_XMM + number for number in FLOAT_ARGUMENTS)
GENERAL_RESULTS: Final = (RAX, RDX)
XMM_RESULTS: Final = (FIRST_XMM, FIRST_XMM + 1)
