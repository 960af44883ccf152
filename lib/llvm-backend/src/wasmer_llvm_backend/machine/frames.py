"""Where a function makes its frame, and where it has none: LLVM puts off making one as long as a path does without.

Every function of ours has a frame pointer, and backtraces walk those. But where a way through
a function calls nothing and needs few registers, LLVM sets up the frame behind it, or takes it
down before; the code there may well trap. Its description of frames says where the address
at which the stack was when the function was called (the CFA) is still found from the stack pointer; and which registers
a function saves, which an exception that leaves it has to bring back.

Source: DWARF 4, section 6.4; the System V ABI, x86-64 supplement, table 3.36 (numbers of registers).
"""

from __future__ import annotations

from struct import unpack_from
from typing import Final, NamedTuple

from wasmer_llvm_backend.machine.inlining import unsigned
from wasmer_llvm_backend.machine.prologue import CHECK_BYTES
from wasmer_runtime_core.contract.convention import saved_byte
from wasmer_runtime_core.errors import InternalError

COMMON: Final = 0xFFFFFFFF
RSP: Final = 7
RBP: Final = 6
ADVANCE: Final = 0x40
OFFSET: Final = 0x80
"""Of the register in the low bits: it is saved so many times 8 bytes below the CFA."""
PUSHED: Final = (0x0E, 16, OFFSET | RBP, 2)
"""def_cfa_offset 16, offset rbp: it lies on the stack."""
SET: Final = (0x0D, RBP)
"""def_cfa_register rbp: it is the frame pointer."""
AT_THE_CALL: Final = (RSP, 8)
"""The CFA where only the return address lies on the stack."""

# As it goes as a rule: a push, then the frame pointer is set, at once or behind the check of the stack.
FRAME_AT_ONCE: Final = bytes((ADVANCE | 1, *PUSHED, ADVANCE | 3, *SET))
FRAME_BEHIND_CHECK: Final = bytes((ADVANCE | CHECK_BYTES + 1, *PUSHED, ADVANCE | 3, *SET))

# fmt: off
OPERANDS: Final = {
    0x00: "",    # nop
    0x05: "uu",  # offset_extended
    0x06: "u",   # restore_extended
    0x08: "u",   # same_value
    0x0A: "",    # remember_state
    0x0B: "",    # restore_state
    0x0C: "uu",  # def_cfa
    0x0D: "u",   # def_cfa_register
    0x0E: "u",   # def_cfa_offset
    0x0F: "b",   # def_cfa_expression
    0x10: "ub",  # expression
    0x2E: "u",   # GNU_args_size
}
# fmt: on
"""Instruction -> its operands: numbers, or a block with its length in front."""

ADVANCES: Final = {0x02: "<B", 0x03: "<H", 0x04: "<I"}
ELSEWHERE: Final = (-1, 0)


class Frame(NamedTuple):
    """The frame of one function."""

    start: int
    """Offset of the function's first byte."""
    set: list[int]
    """Offsets behind instructions that set the frame pointer."""
    frameless: list[tuple[int, int]]
    """Ranges of its code that run without a frame, ascending."""
    saved: int
    """Which registers it saves below the caller's rbp (`convention.saved_byte`)."""


def read_frames(section: bytearray) -> list[Frame]:
    """The frames of all functions; .debug_frame, relocated.

    Raises:
        InternalError: it holds something that LLVM does not write for modules of ours.
    """
    found: list[Frame] = []
    at = 0
    while at < len(section):
        length, kind = unpack_from("<II", section, at)
        behind = at + 4 + length
        if kind != COMMON:
            start, size = unpack_from("<QQ", section, at + 8)
            if section.startswith(FRAME_AT_ONCE, at + 24):
                saved = _saved(section, at + 24 + len(FRAME_AT_ONCE), behind)
                found.append(Frame(start, [start + 4], [], saved))
            elif section.startswith(FRAME_BEHIND_CHECK, at + 24):
                push = start + CHECK_BYTES
                saved = _saved(section, at + 24 + len(FRAME_BEHIND_CHECK), behind)
                found.append(Frame(start, [push + 4], [(start, push + 1)], saved))
            else:
                found.append(_function(section, at + 24, behind, start, start + size))
        at = behind
    return found


def _function(section: bytearray, at: int, behind: int, place: int, end: int) -> Frame:
    """Run the instructions for one function."""
    first = place
    begin = at
    pointer_set: list[int] = []
    found: list[tuple[int, int]] = []
    remembered: list[tuple[int, int]] = []
    cfa = AT_THE_CALL
    start = place
    while at < behind:
        opcode = section[at]
        at += 1
        operands: list[int] = []
        if opcode & 0xC0 == 0x40:
            place += opcode & 0x3F
        elif opcode & 0xC0 == 0x80:
            _, at = unsigned(section, at)
        elif opcode in ADVANCES:
            (distance,) = unpack_from(ADVANCES[opcode], section, at)
            place += distance
            at += 1 << opcode - 2
        elif opcode in OPERANDS:
            for kind in OPERANDS[opcode]:
                value, at = unsigned(section, at)
                operands.append(value)
                if kind == "b":
                    at += value
        elif opcode & 0xC0 != 0xC0:
            raise InternalError(f"LLVM's description of frames has an instruction {opcode:#x}")
        before = cfa
        if opcode == 0x0C:
            cfa = (operands[0], operands[1])
        elif opcode == 0x0D:
            cfa = (operands[0], cfa[1])
            if operands[0] == RBP:
                pointer_set.append(place)
        elif opcode == 0x0E:
            cfa = (cfa[0], operands[0])
            if cfa[0] == RSP and operands[0] > PUSHED[1]:
                raise InternalError("LLVM makes a frame without a frame pointer")
        elif opcode == 0x0F:
            cfa = ELSEWHERE
        elif opcode == 0x0A:
            remembered.append(cfa)
        elif opcode == 0x0B:
            cfa = remembered.pop()
        if before == AT_THE_CALL != cfa:
            found.append((start, place))
        elif cfa == AT_THE_CALL != before:
            start = place
    if cfa == AT_THE_CALL:
        found.append((start, end))
    # one byte: a push, a return
    return Frame(
        first, pointer_set, [(low, high) for low, high in found if high > low + 1], _saved(section, begin, behind)
    )


def _saved(section: bytearray, at: int, behind: int) -> int:
    """Of the instructions for one function: which registers it saves.

    Raises:
        InternalError: they do not lie as `convention.saved_byte` has them.
    """
    places: dict[int, int] = {}
    while at < behind:
        opcode = section[at]
        at += 1
        if opcode & 0xC0 == OFFSET:
            place, at = unsigned(section, at)
            if places.setdefault(place, opcode & 0x3F) != opcode & 0x3F:
                raise InternalError("LLVM saves two registers in one place")
        elif opcode in ADVANCES:
            at += 1 << opcode - 2
        elif opcode in OPERANDS:
            for kind in OPERANDS[opcode]:
                value, at = unsigned(section, at)
                if kind == "b":
                    at += value
    places.pop(PUSHED[-1], None)
    registers = [places[place] for place in sorted(places)]
    if sorted(places) != list(range(PUSHED[-1] + 1, PUSHED[-1] + 1 + len(places))) or registers != sorted(
        registers, reverse=True
    ):
        raise InternalError(f"LLVM saves registers {registers} at {sorted(places)}")
    return saved_byte(sum(1 << register for register in registers), downwards=True)
