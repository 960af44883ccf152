"""The register accountant: after every operator, do the compiler's books balance?

Every register of the pool is either free or owned by exactly one operand, and the register says
by which; so many operands from the bottom on as are said to be settled are; an operand that
stands for a local is counted in that local's references; a comparison stays in the flags
only for the operator that takes it from there. Tests compile with this on
(`SinglepassCompiler.records(…, verify=True)`); it costs too much to be on always.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.support.annotations import i64
from wasmer_singlepass_backend.x64.function import (
    FunctionCompiler,
    bit_of,
)
from wasmer_singlepass_backend.x64.registers import RAX
from wasmer_singlepass_backend.x64.values import CONSTANT, FLAGS, LOCAL, REGISTER, SLOT, XMM


def check_books(f: FunctionCompiler) -> None:
    """Raises:
    InternalError: the books do not balance; says what is wrong and at which offset.
    """
    general = f.free
    vectors = f.free_xmm
    references = [0] * len(f.local_types)
    p: i64 = 0
    while p < f.sp:
        kind = i64(f.kinds[p])
        value = f.values[p]
        if kind == REGISTER and value == RAX:
            if p != f.sp - 1:
                _fail(f, f"operand {p} waits in rax and is not the function's result")
        elif kind == REGISTER:
            if general & bit_of(value):
                _fail(f, f"register {value} has two owners, operand {p} is one")
            general |= bit_of(value)
            if f.owners[value] != p:
                _fail(f, f"register {value} is operand {p}'s and said to be operand {f.owners[value]}'s")
        elif kind == XMM:
            if vectors & bit_of(value):
                _fail(f, f"xmm{value} has two owners, operand {p} is one")
            vectors |= bit_of(value)
            if f.owners[16 + value] != p:
                _fail(f, f"xmm{value} is operand {p}'s and said to be operand {f.owners[16 + value]}'s")
        elif kind == LOCAL:
            references[int(value)] += 1
        elif kind == FLAGS and p != f.sp - 1:
            _fail(f, f"operand {p} is in the flags and not on top")
        if p < f.settled and kind != SLOT and kind != CONSTANT:
            _fail(f, f"operand {p} is not settled, {f.settled} are said to be")
        p += 1
    if general != f.pool_mask:
        _fail(f, f"general registers {f.pool_mask & ~general:#x} lost or {general & ~f.pool_mask:#x} found")
    if vectors != f.pool_xmm:
        _fail(f, f"xmm registers {f.pool_xmm & ~vectors:#x} lost or {vectors & ~f.pool_xmm:#x} found")
    for local, count in enumerate(references):
        if f.local_refs[local] != count:
            _fail(f, f"local {local} has {count} references, {f.local_refs[local]} are counted")


def _fail(f: FunctionCompiler, what: str) -> None:
    raise InternalError(f"{what}, after the operator at byte {int(f.offset()):#x}")
