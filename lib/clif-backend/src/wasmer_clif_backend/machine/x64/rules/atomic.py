"""Atomic accesses: what the machine has with a lock, the others as loops of ``cmpxchg``.

The loop is one row of the code (`machine.x64.atomic`), so that no move comes into it.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.opcodes import (
    ATOMIC_CAS,
    ATOMIC_LOAD,
    ATOMIC_OPERATIONS,
    ATOMIC_RMW,
    ATOMIC_STORE,
    FENCE,
)
from wasmer_clif_backend.ir.types import I8, I16, I32, I64
from wasmer_clif_backend.machine.code import (
    ATOMIC,
    GENERAL,
    IMPLICIT,
    NO_REGISTER,
    REG_READ,
    REG_WRITTEN,
    RM_READ,
    RM_WRITTEN,
    implicit,
)
from wasmer_clif_backend.machine.x64.lower import Lowering
from wasmer_clif_backend.machine.x64.rules.memory import load_form
from wasmer_clif_backend.machine.x64.traps import trap_of_access
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import REG
from wasmer_runtime_core.codegen.x64.registers import RAX, RDX
from wasmer_runtime_core.support.annotations import Final, i64

_IN_RAX: Final[i64] = 1 << RAX
_IN_BOTH: Final[i64] = 1 << RAX | 1 << RDX
XCHG: Final = ATOMIC_OPERATIONS.index("xchg")
ADD: Final = ATOMIC_OPERATIONS.index("add")
SUB: Final = ATOMIC_OPERATIONS.index("sub")
COMPARE: Final = len(ATOMIC_OPERATIONS)
"""The number of compare-and-swap, behind the operations."""
FENCE_NUMBER: Final = COMPARE + 1
_NEG: Final = forms.NEG_RM64.number
_XADDS: Final = {
    I8: forms.LOCK_XADD_M8_R8.number,
    I16: forms.LOCK_XADD_M16_R16.number,
    I32: forms.LOCK_XADD_M32_R32.number,
    I64: forms.LOCK_XADD_M64_R64.number,
}
_XCHGS: Final = {
    I8: forms.XCHG_RM8_R8.number,
    I16: forms.XCHG_RM16_R16.number,
    I32: forms.XCHG_RM32_R32.number,
}


def _exchange_form(type: i64) -> i64:
    return _XCHGS.get(int(type), forms.XCHG_RM64_R64.number)


def load(lowering: Lowering) -> bool:
    """Every load is in order."""
    f = lowering.function
    v = lowering.v
    lowering.take_address(f.a[v], 0)
    lowering.load(load_form(f.type[v]), lowering.result(v), trap_of_access(f.extra[v]))
    return True


def store(lowering: Lowering) -> bool:
    """``xchg``, which is locked always."""
    f = lowering.function
    v = lowering.v
    t = lowering.code.temporary(GENERAL)
    lowering.copy(t, lowering.use(f.a[v]))
    lowering.take_address(f.b[v], 0)
    lowering.modify_memory(_exchange_form(f.type[f.a[v]]), t, trap_of_access(f.extra[v]))
    return True


def exchange(lowering: Lowering) -> bool:
    """The same, and what was there is wanted."""
    f = lowering.function
    v = lowering.v
    if f.immediate[v] != XCHG:
        return False
    d = lowering.result(v)
    lowering.copy(d, lowering.use(f.b[v]))
    lowering.take_address(f.a[v], 0)
    lowering.modify_memory(_exchange_form(f.type[v]), d, trap_of_access(f.extra[v]))
    return True


def add(lowering: Lowering) -> bool:
    """``lock xadd``, of a difference with the negated operand."""
    f = lowering.function
    v = lowering.v
    if f.immediate[v] != ADD and f.immediate[v] != SUB:
        return False
    d = lowering.result(v)
    lowering.copy(d, lowering.use(f.b[v]))
    if f.immediate[v] == SUB:
        lowering.modify_immediate(_NEG, d)
    lowering.take_address(f.a[v], 0)
    lowering.modify_memory(_XADDS[int(f.type[v])], d, trap_of_access(f.extra[v]))
    return True


def loop(lowering: Lowering) -> bool:
    """Read, compute, ``cmpxchg`` until nobody was between. Both operands are copied: the row keeps them to its end."""
    f = lowering.function
    v = lowering.v
    _row(lowering, f.a[v], f.b[v], f.immediate[v], f.type[v], NO_REGISTER, trap_of_access(f.extra[v]))
    lowering.code.copy_one(lowering.result(v), RAX)
    return True


def compare_and_swap(lowering: Lowering) -> bool:
    """``lock cmpxchg``: what is expected, and what was there, is in rax."""
    f = lowering.function
    v = lowering.v
    _row(lowering, f.a[v], f.c[v], COMPARE, f.type[v], lowering.use(f.b[v]), trap_of_access(f.extra[v]))
    lowering.code.copy_one(lowering.result(v), RAX)
    return True


def _row(lowering: Lowering, at: i64, x: i64, what: i64, type: i64, expected: i64, kind: i64) -> None:
    """The row; what is expected, if anything is, goes to rax."""
    address, value = lowering.code.temporary(GENERAL), lowering.code.temporary(GENERAL)
    lowering.copy(address, lowering.use(at))
    lowering.copy(value, lowering.use(x))
    read: i64 = 0
    if expected >= 0:
        read = _IN_RAX
        lowering.code.copy_one(RAX, expected)
    lowering.code.add(
        ATOMIC,
        REG | (kind << 16),
        REG_READ | REG_WRITTEN | RM_READ | RM_WRITTEN | IMPLICIT,
        value,
        address,
        displacement=what | (type << 8),
        immediate=implicit(read, _IN_BOTH),
    )


def fence(lowering: Lowering) -> bool:
    """A locked instruction that changes nothing, on the stack."""
    lowering.code.add(ATOMIC, REG, 0, displacement=FENCE_NUMBER)
    return True


RULES: Final = {
    ATOMIC_RMW: (exchange, add, loop),
    ATOMIC_CAS: (compare_and_swap,),
    ATOMIC_LOAD: (load,),
    ATOMIC_STORE: (store,),
    FENCE: (fence,),
}
