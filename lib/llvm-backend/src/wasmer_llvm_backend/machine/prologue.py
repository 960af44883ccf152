"""How a function begins: it compares the stack with its limit, and only then makes its frame.

LLVM makes a function's frame before anything that is written for it, and puts there what it likes. So the
comparison is not in LLVM's language: it is *prologue data*, bytes that LLVM places in front of all else. They
hold the size of the frame, which only the machine code tells, with whatever was inlined into the function.
`frame_bytes` reads it from the instructions that make the frame; `frames` says where those are.

Where the arguments of calls in a function's place need more room than its own have, it is made before the comparison
(native/calls/tail_calls.c in core): its bytes stand in front.

A function that calls nothing and is short (`is_checked`) goes without: what is kept below the limit has room for
its frame. Should that be larger than `UNCHECKED_FRAME_BYTES` nevertheless, the unit is compiled again with all of its
functions `checked`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmer_llvm_backend.module_text import FUNCTION, TEXT_SECTION
from wasmer_runtime_core.contract.helpers import MAKE_ROOM
from wasmer_runtime_core.contract.vmctx import STORE, VMCTX
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.body.body import Body

UNCHECKED_RECORDS: Final = 128
"""A function of more operators than this checks the stack even if it calls nothing."""

# fmt: off
_BEFORE_SIZE: Final = bytes((
    0x48, 0x8B, 0x47, VMCTX["store"].offset,        # mov rax, [rdi+store]
    0x4C, 0x8D, 0x9C, 0x24,                         # lea r11, [rsp-size]: its displacement follows
))
_BEHIND_SIZE: Final = bytes((
    0x4C, 0x3B, 0x58, STORE["stack_limit"].offset,  # cmp r11, [rax+stack_limit]
    0x72, 3,                                        # jb to the last byte of what follows
    0x0F, 0x1F, 0x40, 0xF4,                         # nop [rax-12], which ends like hlt: the trap
))
# fmt: on
_ROOM_OPCODE: Final = bytes.fromhex("41 ba")  # mov r10d, imm32
_CALL_OPCODE: Final = bytes.fromhex("ff 15")  # call [rip+disp32]
ROOM_BYTES: Final = len(_ROOM_OPCODE) + 4 + len(_CALL_OPCODE) + 4
_SIZE_BYTES: Final = 4
CHECK_BYTES: Final = len(_BEFORE_SIZE) + _SIZE_BYTES + len(_BEHIND_SIZE)
TRAP_AT: Final = CHECK_BYTES - 1
"""Where in the check its trap is."""

UNCHECKED: Final = f"{FUNCTION} {TEXT_SECTION}"
"""What stands in the head of a function that is not checked."""
_CHECK: Final = _BEFORE_SIZE + bytes(_SIZE_BYTES) + _BEHIND_SIZE


def _head(data: bytes) -> str:
    """What stands in the head of a function that begins with these bytes."""
    text = "".join([f"\\{byte:02X}" for byte in data])
    return f'{UNCHECKED}prologue [{len(data)} x i8] c"{text}" '


CHECKED: Final = _head(_CHECK)
"""What stands there if it is."""


def with_room(passed: int, own: int, entries: int) -> str:
    """What stands there if the function makes room first, and is checked then.

    Args:
        passed: the most bytes that calls in its place pass on the stack.
        own: those that its own arguments take there.
        entries: of the table of code addresses. The displacement is from the module's first byte, until `finish_room`.
    """
    number = (passed >> 4) | own >> 4 << 16
    place = -8 * (entries - MAKE_ROOM)
    words = (number.to_bytes(4, "little"), place.to_bytes(4, "little", signed=True))
    return _head(_ROOM_OPCODE + words[0] + _CALL_OPCODE + words[1] + _CHECK)


def begins_with_room(code: bytearray, start: int) -> bool:
    """Whether the function that starts there makes room."""
    return code.startswith(_ROOM_OPCODE, start) and code.startswith(_CALL_OPCODE, start + len(_ROOM_OPCODE) + 4)


def finish_room(code: bytearray, start: int) -> int:
    """Let the function that starts there call through the table, if the code lies at its module's first byte; where it
    says that."""
    at = start + ROOM_BYTES - 4
    place = int.from_bytes(code[at : at + 4], "little", signed=True)
    code[at : at + 4] = (place - at - 4).to_bytes(4, "little", signed=True)
    return at


USE_OF_VMCTX: Final = "call void (...) @llvm.fake.use(ptr %0)"
"""Without it LLVM could do without the first argument of a function private to a unit. It is no instruction."""

SET_FRAME_POINTER: Final = bytes.fromhex("55 48 89 e5")  # push rbp; mov rbp, rsp
RED_ZONE: Final = 128

# fmt: off
_ADJUSTMENTS: Final = (  # instruction, bytes of its operand, what the frame grows by for an operand of 1
    (bytes.fromhex("48 81 ec"),    4,  1),  # sub rsp, imm32
    (bytes.fromhex("48 83 ec"),    1,  1),  # sub rsp, imm8
    (bytes.fromhex("48 81 c4"),    4, -1),  # add rsp, imm32
    (bytes.fromhex("48 83 c4"),    1, -1),  # add rsp, imm8
    (bytes.fromhex("48 8d a4 24"), 4, -1),  # lea rsp, [rsp+disp32]
    (bytes.fromhex("48 8d 64 24"), 1, -1),  # lea rsp, [rsp+disp8]
    (bytes.fromhex("48 81 e4"),    4, -1),  # and rsp, -alignment: at most that
    (bytes.fromhex("48 83 e4"),    1, -1),  # and rsp, -alignment
)
# fmt: on
_PUSHES: Final = (*(bytes((0x41, 0x50 + low)) for low in range(8)), *(bytes((0x50 + low,)) for low in range(8)))


def is_checked(body: Body) -> bool:
    """Whether a function compares the stack with its limit."""
    return body.calls > 0 or body.call_weight > 0 or len(body.records) > UNCHECKED_RECORDS * RECORD_BYTES


def begins_with_check(code: bytearray, start: int) -> bool:
    """Whether the function that starts there is checked."""
    return code.startswith(_BEFORE_SIZE, start) and code.startswith(
        _BEHIND_SIZE, start + len(_BEFORE_SIZE) + _SIZE_BYTES
    )


def fill_in(code: bytearray, start: int, size: int) -> None:
    """Let the check of the function that starts there compare a frame of `size` bytes."""
    at = start + len(_BEFORE_SIZE)
    code[at : at + _SIZE_BYTES] = (-size).to_bytes(_SIZE_BYTES, "little", signed=True)


def frame_bytes(code: bytearray, at: int) -> int:
    """What a function takes of the stack, without the return address and what it calls.

    `at`: behind the instruction that sets its frame pointer. LLVM reserves the outgoing arguments with the frame
    (see `target.OPTIONS`), and lets nothing come between the instructions that change the stack pointer.

    Raises:
        InternalError: those are not what LLVM makes frames with.
    """
    if code[at - len(SET_FRAME_POINTER) : at] != SET_FRAME_POINTER:
        raise InternalError(f"LLVM sets a frame pointer with {code[at - 4 : at].hex()}")
    size = 8 + RED_ZONE
    while True:
        for push in _PUSHES:
            if code.startswith(push, at):
                size += 8
                at += len(push)
                break
        else:
            for instruction, width, sign in _ADJUSTMENTS:
                if code.startswith(instruction, at):
                    at += len(instruction)
                    size += sign * int.from_bytes(code[at : at + width], "little", signed=True)
                    at += width
                    break
            else:
                return size
