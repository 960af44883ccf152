"""Calls, returns, the start of a function, and the registers that make its frame."""

from __future__ import annotations

from wasmer_clif_backend.ir.function import Parameter, Signature
from wasmer_clif_backend.ir.opcodes import (
    CALL,
    CALL_INDIRECT,
    GET_FRAME_POINTER,
    GET_PINNED_REG,
    GET_RETURN_ADDRESS,
    GET_STACK_POINTER,
    RETURN,
    RETURN_CALL,
    RETURN_CALL_INDIRECT,
    SET_PINNED_REG,
)
from wasmer_clif_backend.ir.types import F32, F64, in_xmm
from wasmer_clif_backend.machine.code import (
    CALL_CLOBBERS,
    ENTRY,
    GENERAL,
    IMPLICIT,
    IN_MEMORY,
    LEAVE,
    NO_REGISTER,
    REG_READ,
    REG_WRITTEN,
    RM_READ,
    TERMINATOR,
    implicit,
)
from wasmer_clif_backend.machine.x64.abi import ON_STACK, Convention
from wasmer_clif_backend.machine.x64.emit import IN_FRAME
from wasmer_clif_backend.machine.x64.frame import ARGUMENTS
from wasmer_clif_backend.machine.x64.lower import MOV64, Lowering
from wasmer_clif_backend.machine.x64.registers import PINNED
from wasmer_clif_backend.machine.x64.rules.extend import sign_extended, zero_extended
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import MEM, NONE, REG, TABLE
from wasmer_runtime_core.codegen.x64.registers import R11, RAX, RBP, RSP
from wasmer_runtime_core.contract.convention import RESULT_SLOT_BYTES
from wasmer_runtime_core.contract.traps import CALL_SITE
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.support.annotations import Final, i64

_IN_R11: Final[i64] = 1 << R11
_CALL: Final[i64] = forms.CALL_RM64.number
_JMP: Final[i64] = forms.JMP_RM64.number
_RET: Final[i64] = forms.RET.number
_LEA: Final[i64] = forms.LEA_R64_M.number
_MOV_STORE: Final[i64] = forms.MOV_RM64_R64.number
_MOVSS: Final[i64] = forms.VMOVSS_XMM_M32.number
_MOVSD: Final[i64] = forms.VMOVSD_XMM_M64.number
_MOVUPS: Final[i64] = forms.VMOVUPS_XMM_XM128.number
_MOVSS_STORE: Final[i64] = forms.VMOVSS_M32_XMM.number
_MOVSD_STORE: Final[i64] = forms.VMOVSD_M64_XMM.number
_MOVUPS_STORE: Final[i64] = forms.VMOVUPS_XM128_XMM.number


def load_form(type: i64) -> i64:
    """The instruction that loads a whole register's worth of a value."""
    if not in_xmm(type):
        return MOV64
    return _MOVSS if type == F32 else _MOVSD if type == F64 else _MOVUPS


def store_form(type: i64) -> i64:
    """The instruction that stores it."""
    if not in_xmm(type):
        return _MOV_STORE
    return _MOVSS_STORE if type == F32 else _MOVSD_STORE if type == F64 else _MOVUPS_STORE


def enter(lowering: Lowering) -> None:
    """The frame, and the parameters to where they live."""
    f = lowering.function
    code = lowering.code
    convention = lowering.convention(f.signature)
    code.add(ENTRY, NONE, IMPLICIT, immediate=implicit(0, convention.passed))
    if lowering.buffer >= 0:
        code.pair(lowering.buffer, convention.buffer)
    v = f.first[f.entry]
    for place in convention.arguments:
        if place < ON_STACK and lowering.wanted[v]:
            code.pair(lowering.result(v), place)
        v = f.next[v]
    code.copies()
    v = f.first[f.entry]
    for place in convention.arguments:
        if place >= ON_STACK and lowering.wanted[v]:
            load_from(lowering, load_form(f.type[v]), lowering.result(v), RBP, ARGUMENTS + place - ON_STACK)
        v = f.next[v]


def load_from(lowering: Lowering, form: i64, d: i64, base: i64, offset: i64, flags: i64 = 0) -> None:
    """``form d, [base + offset]``."""
    lowering.code.add(form, MEM | flags, REG_WRITTEN | IN_MEMORY, d, base, displacement=offset)


def store_to(lowering: Lowering, form: i64, r: i64, base: i64, offset: i64) -> None:
    """``form [base + offset], r``."""
    lowering.code.add(form, MEM, REG_READ | IN_MEMORY, r, base, displacement=offset)


def leave(lowering: Lowering) -> bool:
    """Results to where the caller expects them, and back."""
    f = lowering.function
    code = lowering.code
    convention = lowering.convention(f.signature)
    p = f.b[lowering.v]
    number: i64 = 0
    for parameter in f.signature.results:
        value = f.pool[p + 1 + number]
        if convention.in_buffer:
            r = lowering.use(value)
            store_to(lowering, store_form(f.type[value]), r, lowering.buffer_register(), RESULT_SLOT_BYTES * number)
        else:
            code.pair(convention.results[number], _extended(lowering, value, parameter))
        number += 1
    if convention.in_buffer:
        code.pair(RAX, lowering.buffer_register())
    code.copies()
    code.add(LEAVE, NONE, 0)
    code.add(_RET, NONE, IMPLICIT | TERMINATOR, immediate=implicit(convention.returned, 0))
    return True


def _extended(lowering: Lowering, value: i64, parameter: Parameter) -> i64:
    """A value as its parameter wants its upper bits."""
    if not parameter.extension:
        return lowering.use(value)
    if parameter.extension == "uext":
        return zero_extended(lowering, value)
    return sign_extended(lowering, value)


def _pass(lowering: Lowering, signature: Signature, convention: Convention, base: i64, start: i64) -> None:
    """The arguments of the call at hand: those on the stack are stored, from `base` plus `start`, the others paired."""
    f = lowering.function
    p = f.b[lowering.v]
    number: i64 = 0
    for parameter in signature.parameters:
        value = f.pool[p + 1 + number]
        place: i64 = convention.arguments[number]
        r = _extended(lowering, value, parameter)
        if place >= ON_STACK:
            store_to(lowering, store_form(f.type[value]), r, base, start + place - ON_STACK)
        else:
            lowering.code.pair(place, r)
        number += 1


def _signature(lowering: Lowering) -> Signature:
    """The signature of the call at hand."""
    f = lowering.function
    v = lowering.v
    if f.opcode[v] == CALL or f.opcode[v] == RETURN_CALL:
        return f.signatures[f.functions[f.extra[v]].signature]
    return f.signatures[f.extra[v]]


def _target(lowering: Lowering) -> i64:
    """The register with the address that the call at hand goes to, or none: it names its callee."""
    v = lowering.function.a[lowering.v]
    if not v:
        return i64(NO_REGISTER)
    target = lowering.use(v)
    lowering.code.suggest(RAX, target)  # no argument goes there
    return target


def _go(lowering: Lowering, form: i64, target: i64, kind: i64, roles: i64, registers: i64) -> None:
    """``call`` or ``jmp``: to the address in a register, else to the callee's entry in the table of code addresses."""
    if target >= 0:
        lowering.code.add(form, REG | (kind << 16), roles | RM_READ, NO_REGISTER, target, immediate=registers)
        return
    name = lowering.function.functions[lowering.function.extra[lowering.v]].name
    entry = lowering.callees.get(name)
    if entry is None:
        raise CompileError(f"there is no function {name}")
    lowering.code.add(form, TABLE | (kind << 16), roles, displacement=entry, immediate=registers)


def _call(lowering: Lowering, signature: Signature, convention: Convention) -> None:
    """A call, up to where the results lie in their registers or in a buffer in the frame."""
    code = lowering.code
    target = _target(lowering)
    _pass(lowering, signature, convention, RSP, 0)
    code.calls = True
    if code.frame_at:
        code.frame_at = 0  # Who said where the frame is made did not count this one.
    if convention.stack_bytes > code.outgoing:
        code.outgoing = convention.stack_bytes
    if convention.in_buffer:
        address = code.temporary(GENERAL)
        code.buffer_bytes = max(code.buffer_bytes, RESULT_SLOT_BYTES * i64(len(signature.results)))
        load_from(lowering, _LEA, address, RBP, code.slot_bytes, IN_FRAME)
        code.pair(convention.buffer, address)
    code.copies()
    registers = implicit(convention.passed, convention.returned)
    _go(lowering, _CALL, target, CALL_SITE, IMPLICIT | CALL_CLOBBERS, registers)


def call(lowering: Lowering) -> bool:
    """A call through the table of code addresses, or of an address."""
    f = lowering.function
    v = lowering.v
    signature = _signature(lowering)
    convention = lowering.convention(signature)
    _call(lowering, signature, convention)
    # The first result is the instruction, the others stand behind it.
    number: i64 = 0
    for _ in signature.results:
        if lowering.wanted[v]:
            if convention.in_buffer:
                offset = lowering.code.slot_bytes + RESULT_SLOT_BYTES * number
                load_from(lowering, load_form(f.type[v]), lowering.result(v), RBP, offset, IN_FRAME)
            else:
                lowering.code.pair(lowering.result(v), convention.results[number])
        v = f.next[v]
        number += 1
    lowering.code.copies()
    return True


def return_call(lowering: Lowering) -> bool:
    """A jump with this function's frame taken down; arguments on the stack lie where its own did, which were read.

    If they take more, there is room for them since the function was entered (`Emitter`).
    """
    signature = _signature(lowering)
    convention = lowering.convention(signature)
    code = lowering.code
    if convention.stack_bytes > max(lowering.convention(lowering.function.signature).stack_bytes, code.passed_in_place):
        code.passed_in_place = convention.stack_bytes
    target = _target(lowering)
    _pass(lowering, signature, convention, RBP, ARGUMENTS)
    if convention.in_buffer:
        code.pair(convention.buffer, lowering.buffer_register())
    read = convention.passed
    if target >= 0:  # no register that is kept for the caller, nor one that an argument is in
        code.pair(R11, target)
        target = R11
        read |= _IN_R11
    code.copies()
    code.add(LEAVE, NONE, 0)
    _go(lowering, _JMP, target, 0, IMPLICIT | TERMINATOR, implicit(read, 0))
    return True


def machine_register(lowering: Lowering) -> bool:
    """rbp, rsp, r15, and where this function returns to."""
    f = lowering.function
    v = lowering.v
    opcode = f.opcode[v]
    d = lowering.result(v)
    if opcode == GET_RETURN_ADDRESS:
        load_from(lowering, MOV64, d, RBP, 8)
        return True
    if opcode == GET_PINNED_REG:
        lowering.pinned = True
    register = RBP if opcode == GET_FRAME_POINTER else RSP if opcode == GET_STACK_POINTER else PINNED
    lowering.code.add(MOV64, REG, REG_WRITTEN | RM_READ, d, register)
    return True


def set_pinned(lowering: Lowering) -> bool:
    """r15."""
    v = lowering.v
    lowering.pinned = True
    lowering.code.add(MOV64, REG, REG_WRITTEN | RM_READ, PINNED, lowering.use(lowering.function.a[v]))
    return True


RULES: Final = {
    CALL: (call,),
    CALL_INDIRECT: (call,),
    RETURN: (leave,),
    RETURN_CALL: (return_call,),
    RETURN_CALL_INDIRECT: (return_call,),
    GET_FRAME_POINTER: (machine_register,),
    GET_STACK_POINTER: (machine_register,),
    GET_PINNED_REG: (machine_register,),
    GET_RETURN_ADDRESS: (machine_register,),
    SET_PINNED_REG: (set_pinned,),
}
