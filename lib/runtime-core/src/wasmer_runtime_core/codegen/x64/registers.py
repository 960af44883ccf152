"""The registers of x86-64: numbers, names, and who may use what.

A register is its number, 0 to 15, in both files: general registers and xmm registers are
told apart by the instruction form that names them. The same number has a name for each
operand size. The sets of the System V AMD64 calling convention are tuples in the order of
the document, so that the n-th integer argument lies in ``INTEGER_ARGUMENTS[n]``.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final

# --- general registers ------------------------------------------------------------------
RAX: Final = 0
RCX: Final = 1
RDX: Final = 2
RBX: Final = 3
RSP: Final = 4
RBP: Final = 5
RSI: Final = 6
RDI: Final = 7
R8: Final = 8
R9: Final = 9
R10: Final = 10
R11: Final = 11
R12: Final = 12
R13: Final = 13
R14: Final = 14
R15: Final = 15

# --- vector registers -------------------------------------------------------------------
XMM0: Final = 0
XMM1: Final = 1
XMM2: Final = 2
XMM3: Final = 3
XMM4: Final = 4
XMM5: Final = 5
XMM6: Final = 6
XMM7: Final = 7
XMM8: Final = 8
XMM9: Final = 9
XMM10: Final = 10
XMM11: Final = 11
XMM12: Final = 12
XMM13: Final = 13
XMM14: Final = 14
XMM15: Final = 15

# --- names --------------------------------------------------------------------------------
# The byte registers 4 to 7 are spl to dil, never ah to bh: the encoder writes the REX
# prefix that this takes.
# fmt: off
NAMES_8: Final = ("al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil",
                  "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b")
NAMES_16: Final = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di",
                   "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w")
NAMES_32: Final = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi",
                   "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d")
NAMES_64: Final = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                   "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15")
# fmt: on
NAMES_XMM: Final = tuple(f"xmm{number}" for number in range(16))

# --- System V AMD64 calling convention (psABI 3.2) -------------------------------------------
INTEGER_ARGUMENTS: Final = (RDI, RSI, RDX, RCX, R8, R9)
FLOAT_ARGUMENTS: Final = (XMM0, XMM1, XMM2, XMM3, XMM4, XMM5, XMM6, XMM7)
INTEGER_RESULTS: Final = (RAX, RDX)
FLOAT_RESULTS: Final = (XMM0, XMM1)
CALLEE_SAVED: Final = (RBX, RBP, R12, R13, R14, R15)  # and rsp; no xmm register is
CALLER_SAVED: Final = (RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11)
