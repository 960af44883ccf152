"""Calls, returns, the start of a function, and the registers that make its frame."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

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
)
from wasmer_clif_backend.machine.x64.abi import ON_STACK, RESULT_BYTES, Convention
from wasmer_clif_backend.machine.x64.emit import IN_FRAME
from wasmer_clif_backend.machine.x64.frame import ARGUMENTS
from wasmer_clif_backend.machine.x64.lower import MOV64, Lowering
from wasmer_clif_backend.machine.x64.registers import PINNED
from wasmer_clif_backend.machine.x64.rules.extend import sign_extended, zero_extended
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.records import MEM, NONE, REG, TABLE
from wasmer_runtime_core.codegen.x64.registers import R11, RAX, RBP, RSP
from wasmer_runtime_core.contract.traps import CALL_SITE
from wasmer_runtime_core.errors import CompileError

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
    convention = Convention(f.signature)
    registers = [one for one in convention.arguments if one < ON_STACK]
    if convention.in_buffer:
        registers.append(convention.buffer)
    lowering.code.add(ENTRY, NONE, IMPLICIT, immediate=lowering.code.implicit([], registers))
    pairs: list[int] = []
    if lowering.buffer >= 0:
        pairs += (int(lowering.buffer), convention.buffer)
    parameters = f.parameters(f.entry)
    for v, place in zip(parameters, convention.arguments, strict=True):
        if place < ON_STACK and lowering.wanted[v]:
            pairs += (int(lowering.result(v)), place)
    lowering.code.copies(pairs)
    for v, place in zip(parameters, convention.arguments, strict=True):
        if place >= ON_STACK and lowering.wanted[v]:
            _stack(lowering, load_form(f.type[v]), lowering.result(v), RBP, ARGUMENTS + place - ON_STACK)


def _stack(lowering: Lowering, form: i64, r: i64, base: int, offset: i64, flags: i64 = 0, store: bool = False) -> None:
    """A load from the frame, or a store."""
    lowering.code.add(form, MEM | flags, (REG_READ if store else REG_WRITTEN) | IN_MEMORY, r, base, displacement=offset)


def leave(lowering: Lowering, v: i64) -> bool:
    """Results to where the caller expects them."""
    f = lowering.function
    convention = Convention(f.signature)
    values = f.items(f.b[v])
    read: list[int] = []
    if convention.in_buffer:
        if lowering.buffer < 0:
            lowering.buffer = lowering.code.temporary(GENERAL)
        for number, value in enumerate(values):
            r = lowering.use(value)
            _stack(lowering, store_form(f.type[value]), r, int(lowering.buffer), RESULT_BYTES * number, 0, True)
        lowering.code.copies([RAX, int(lowering.buffer)])
        read = [RAX]
    else:
        pairs: list[int] = []
        for value, place, parameter in zip(values, convention.results, f.signature.results, strict=True):
            r = _extended(lowering, value, parameter)
            pairs += (place, int(r))
        lowering.code.copies(pairs)
        read = convention.results
    lowering.code.add(LEAVE, NONE, 0)
    lowering.code.add(_RET, NONE, IMPLICIT | TERMINATOR, immediate=lowering.code.implicit(read, []))
    return True


def _extended(lowering: Lowering, value: i64, parameter: Parameter) -> i64:
    """A value as its parameter wants its upper bits."""
    if parameter.extension == "uext":
        return zero_extended(lowering, value)
    if parameter.extension == "sext":
        return sign_extended(lowering, value)
    return lowering.use(value)


def _arguments(lowering: Lowering, v: i64, signature: Signature, base: int, start: i64) -> tuple[list[int], list[int]]:
    """Arguments on the stack are stored, from `base` plus `start`; the pairs of the others, and their registers."""
    f = lowering.function
    convention = Convention(signature)
    pairs: list[int] = []
    registers: list[int] = []
    values = f.items(f.b[v])
    held = [_extended(lowering, value, one) for value, one in zip(values, signature.parameters, strict=True)]
    for value, r, place in zip(values, held, convention.arguments, strict=True):
        if place >= ON_STACK:
            _stack(lowering, store_form(f.type[value]), r, base, start + place - ON_STACK, 0, True)
        else:
            pairs += (place, int(r))
            registers.append(place)
    return pairs, registers


def _signature(lowering: Lowering, v: i64) -> Signature:
    f = lowering.function
    if f.opcode[v] in (CALL, RETURN_CALL):
        return f.signatures[f.functions[f.extra[v]].signature]
    return f.signatures[f.extra[v]]


def _entry_of(lowering: Lowering, v: i64) -> int:
    """The entry in the table of code addresses."""
    name = lowering.function.functions[lowering.function.extra[v]].name
    if name not in lowering.callees:
        raise CompileError(f"there is no function {name}")
    return lowering.callees[name]


def call(lowering: Lowering, v: i64) -> bool:
    """A call through the table of code addresses, or of an address."""
    return _call(lowering, v, lowering.function.results(v))


def _call(lowering: Lowering, v: i64, results: list[int]) -> bool:
    f = lowering.function
    signature = _signature(lowering, v)
    convention = Convention(signature)
    target = lowering.use(f.a[v]) if f.a[v] else i64(NO_REGISTER)
    pairs, registers = _arguments(lowering, v, signature, RSP, 0)
    lowering.code.calls = True
    lowering.code.outgoing = max(lowering.code.outgoing, convention.stack_bytes, lowering.tail_area)
    if convention.in_buffer:
        address = lowering.code.temporary(GENERAL)
        lowering.code.buffer_bytes = max(lowering.code.buffer_bytes, RESULT_BYTES * len(signature.results))
        lowering.code.add(
            _LEA, MEM | IN_FRAME, REG_WRITTEN | IN_MEMORY, address, RBP, displacement=lowering.code.slot_bytes
        )
        pairs += (convention.buffer, int(address))
        registers.append(convention.buffer)
    lowering.code.copies(pairs)
    written = [RAX] if convention.in_buffer else convention.results
    implicit = lowering.code.implicit(registers, written)
    roles: i64 = IMPLICIT | CALL_CLOBBERS
    kind: i64 = CALL_SITE << 16
    if target >= 0:
        lowering.code.add(_CALL, REG | kind, roles | RM_READ, NO_REGISTER, target, immediate=implicit)
    else:
        lowering.code.add(_CALL, TABLE | kind, roles, displacement=_entry_of(lowering, v), immediate=implicit)
    back: list[int] = []
    for number, one in enumerate(results):
        if not lowering.wanted[one]:
            continue
        d = lowering.result(one)
        if convention.in_buffer:
            offset = lowering.code.slot_bytes + RESULT_BYTES * number
            _stack(lowering, load_form(f.type[one]), d, RBP, offset, IN_FRAME)
        else:
            back += (int(d), convention.results[number])
    lowering.code.copies(back)
    return True


def return_call(lowering: Lowering, v: i64) -> bool:
    """A jump with this function's frame taken down, where its caller left room enough for the callee's arguments.

    Else a call and a return: it gives the same, but takes stack.
    """
    f = lowering.function
    signature = _signature(lowering, v)
    convention = Convention(signature)
    own = Convention(f.signature)
    if convention.stack_bytes > max(own.stack_bytes, lowering.tail_area):
        return _call_and_return(lowering, v, convention)
    target = lowering.use(f.a[v]) if f.a[v] else i64(NO_REGISTER)
    pairs, registers = _arguments(lowering, v, signature, RBP, ARGUMENTS)
    if convention.in_buffer:
        if lowering.buffer < 0:
            lowering.buffer = lowering.code.temporary(GENERAL)
        pairs += (convention.buffer, int(lowering.buffer))
        registers.append(convention.buffer)
    if target >= 0:
        pairs += (R11, int(target))
        registers.append(R11)
    lowering.code.copies(pairs)
    lowering.code.add(LEAVE, NONE, 0)
    implicit = lowering.code.implicit(registers, [])
    roles: i64 = IMPLICIT | TERMINATOR
    if target >= 0:
        lowering.code.add(_JMP, REG, roles, NO_REGISTER, R11, immediate=implicit)
    else:
        lowering.code.add(_JMP, TABLE, roles, displacement=_entry_of(lowering, v), immediate=implicit)
    return True


def _call_and_return(lowering: Lowering, v: i64, convention: Convention) -> bool:
    """The callee gives what this function gives: it stays where it is, or goes to the same buffer."""
    f = lowering.function
    target = lowering.use(f.a[v]) if f.a[v] else i64(NO_REGISTER)
    pairs, registers = _arguments(lowering, v, _signature(lowering, v), RSP, 0)
    lowering.code.calls = True
    lowering.code.outgoing = max(lowering.code.outgoing, convention.stack_bytes, lowering.tail_area)
    if convention.in_buffer:
        if lowering.buffer < 0:
            lowering.buffer = lowering.code.temporary(GENERAL)
        pairs += (convention.buffer, int(lowering.buffer))
        registers.append(convention.buffer)
    lowering.code.copies(pairs)
    written = [RAX] if convention.in_buffer else convention.results
    implicit = lowering.code.implicit(registers, written)
    roles: i64 = IMPLICIT | CALL_CLOBBERS
    kind: i64 = CALL_SITE << 16
    if target >= 0:
        lowering.code.add(_CALL, REG | kind, roles | RM_READ, NO_REGISTER, target, immediate=implicit)
    else:
        lowering.code.add(_CALL, TABLE | kind, roles, displacement=_entry_of(lowering, v), immediate=implicit)
    lowering.code.add(LEAVE, NONE, 0)
    lowering.code.add(_RET, NONE, IMPLICIT | TERMINATOR, immediate=lowering.code.implicit(written, []))
    return True


def machine_register(lowering: Lowering, v: i64) -> bool:
    """rbp, rsp, r15, and where this function returns to."""
    f = lowering.function
    opcode = f.opcode[v]
    d = lowering.result(v)
    if opcode == GET_RETURN_ADDRESS:
        _stack(lowering, MOV64, d, RBP, 8)
        return True
    if opcode == GET_PINNED_REG:
        lowering.pinned = True
    register = RBP if opcode == GET_FRAME_POINTER else RSP if opcode == GET_STACK_POINTER else PINNED
    lowering.code.add(MOV64, REG, REG_WRITTEN | RM_READ, d, register)
    return True


def set_pinned(lowering: Lowering, v: i64) -> bool:
    """r15."""
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
