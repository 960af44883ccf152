"""Which register does what.

rax, rcx and rdx are scratch: lowering rules use them freely between two records and no
value lives in them across an operator (but for the one result a block hands to its end, in
rax). rsp and rbp hold the frame. The others are dealt out once for each function: some to
the vmctx and the base of memory 0, some to the most used locals (their *homes*), the rest
form the pool that operands are computed in.

A function that calls keeps its homes in registers that callees preserve; a leaf prefers
those that nobody has to save. Float registers are never preserved, so a home among them
in a function that calls is written to its slot before a call and read back after; the
local must be used much more often than calls happen to be worth it.
"""

from __future__ import annotations

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
    XMM0,
    XMM1,
    XMM2,
    XMM3,
    XMM4,
    XMM5,
    XMM6,
    XMM7,
    XMM8,
    XMM9,
    XMM10,
    XMM11,
    XMM12,
    XMM13,
)

# Other names for the same constants: what mypyc knows as a number stays one.
from wasmer_runtime_core.codegen.x64.registers import XMM0 as XMM_RESULT
from wasmer_runtime_core.codegen.x64.registers import XMM14 as XMM_SCRATCH_2
from wasmer_runtime_core.codegen.x64.registers import XMM15 as XMM_SCRATCH
from wasmer_runtime_core.support.annotations import Final, i64

__all__ = [
    "FLOAT_ARGUMENTS",
    "INTEGER_ARGUMENTS",
    "R8",
    "R9",
    "R10",
    "RAX",
    "RBP",
    "RCX",
    "RDI",
    "RDX",
    "RSI",
    "RSP",
    "XMM_RESULT",
    "XMM_SCRATCH",
    "XMM_SCRATCH_2",
]

CALLEE_SAVED_MASK: Final[i64] = (1 << RBX) | (1 << R12) | (1 << R13) | (1 << R14) | (1 << R15)

# A leaf: the vmctx stays where it came.
LEAF_VMCTX: Final[i64] = RDI
LEAF_MEMORY: Final[i64] = R11
LEAF_HOMES: Final = (R10, R9, RBX, R12, R13, R14, R15)
LEAF_POOL_MASK: Final[i64] = (1 << RSI) | (1 << R8) | (1 << RDI)

# A function that calls.
CALLING_VMCTX: Final[i64] = R15
CALLING_MEMORY: Final[i64] = R14
CALLING_HOMES: Final = (RBX, R12, R13, R14)
CALLING_SAVED_HOMES: Final = (R11, R10, R9)
"""Homes that are not preserved: written and read back around each call."""
CALLING_POOL_MASK: Final[i64] = (1 << RSI) | (1 << RDI) | (1 << R8)

FLOAT_POOL_MASK: Final[i64] = (1 << XMM0) | (1 << XMM1) | (1 << XMM2) | (1 << XMM3) | (1 << XMM4) | (1 << XMM5)
FLOAT_HOMES: Final = (XMM13, XMM12, XMM11, XMM10, XMM9, XMM8, XMM7, XMM6)
