"""The records of an atomic operation: ``lock cmpxchg``, alone or in a loop.

::

    mov rax, [address]              what is there
    again: mov rdx, rax
    op rdx, value                   what should be there
    lock cmpxchg [address], rdx     put it there if that is still so; else rax is what is there
    jne again

rax and rdx are the row's own (its implicit registers); address and value are in others, which it leaves alone.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import ATOMIC_OPERATIONS
from wasmer_clif_backend.ir.types import I8, I16, I32, I64
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import (
    ABOVE,
    BELOW,
    GREATER,
    LESS,
    NOT_EQUAL,
)
from wasmer_runtime_core.codegen.x64.records import BIND, LABEL, MEM, NONE, REG
from wasmer_runtime_core.codegen.x64.registers import (
    RAX,
    RDX,
    RSP,
)
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, i64

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPARE: Final = len(ATOMIC_OPERATIONS)
_FENCE: Final = _COMPARE + 1
_CMPXCHG: Final = {
    I8: forms.LOCK_CMPXCHG_M8_R8.number,
    I16: forms.LOCK_CMPXCHG_M16_R16.number,
    I32: forms.LOCK_CMPXCHG_M32_R32.number,
    I64: forms.LOCK_CMPXCHG_M64_R64.number,
}
_LOADS: Final = {
    I8: forms.MOVZX_R32_RM8.number,
    I16: forms.MOVZX_R32_RM16.number,
    I32: forms.MOV_R32_RM32.number,
    I64: forms.MOV_R64_RM64.number,
}
_COMPARES: Final = {
    I8: forms.CMP_R8_RM8.number,
    I16: forms.CMP_R16_RM16.number,
    I32: forms.CMP_R32_RM32.number,
    I64: forms.CMP_R64_RM64.number,
}
_MOV: Final = forms.MOV_R64_RM64.number
_NOT: Final = forms.NOT_RM64.number
_CMOV: Final = forms.CMOVCC_R64_RM64.number
_JCC: Final = forms.JCC_REL32.number
_PLAIN: Final = {
    "add": forms.ADD_R64_RM64.number,
    "sub": forms.SUB_R64_RM64.number,
    "and": forms.AND_R64_RM64.number,
    "nand": forms.AND_R64_RM64.number,
    "or": forms.OR_R64_RM64.number,
    "xor": forms.XOR_R64_RM64.number,
}
# value is taken if what is there is: greater, for the lesser one, and so on.
_EXTREMES: Final = {"umin": ABOVE, "umax": BELOW, "smin": GREATER, "smax": LESS}


def emit_atomic(
    record: Callable[..., None],
    new_label: Callable[[], int],
    what: int,
    type: int,
    address: i64,
    value: i64,
    kind: i64,
) -> None:
    """The records of one row; registers are those of the machine.

    Args:
        record, new_label: what writes a record, and what gives a label (`Emitter`).
    """
    if what == _FENCE:
        record(forms.LOCK_OR_M32_IMM8.number, MEM, 0, RSP, 0, 0, 0, 0, 0, 0)
        return
    if what == _COMPARE:
        record(_CMPXCHG[type], MEM, value, address, 0, 0, 0, kind, 0, 0)
        return
    operation = ATOMIC_OPERATIONS[what]
    again = new_label()
    record(_LOADS[type], MEM, RAX, address, 0, 0, 0, kind, 0, 0)
    record(BIND, NONE, 0, 0, 0, 0, 0, 0, again, 0)
    if operation in _EXTREMES:
        record(_MOV, REG, RDX, RAX, 0, 0, 0, 0, 0, 0)
        record(_COMPARES[type], REG, RAX, value, 0, 0, 0, 0, 0, 0)
        record(_CMOV + _EXTREMES[operation], REG, RDX, value, 0, 0, 0, 0, 0, 0)
    else:
        record(_MOV, REG, RDX, RAX, 0, 0, 0, 0, 0, 0)
        record(_PLAIN[operation], REG, RDX, value, 0, 0, 0, 0, 0, 0)
        if operation == "nand":
            record(_NOT, REG, 0, RDX, 0, 0, 0, 0, 0, 0)
    record(_CMPXCHG[type], MEM, RDX, address, 0, 0, 0, kind, 0, 0)
    record(_JCC + NOT_EQUAL, LABEL, 0, 0, 0, 0, 0, 0, again, 0)
