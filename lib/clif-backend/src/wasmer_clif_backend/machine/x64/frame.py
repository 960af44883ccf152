"""The frame of a function: what lies where, from the frame pointer down.

::

    rbp + 16    arguments that came on the stack
    rbp + 8     where to return to
    rbp         the caller's frame pointer
                callee-saved registers that the function uses
                slots of the allocator, 16 bytes each
                the function's own stack slots, a buffer for the results of calls
    rsp         arguments of calls that go on the stack

Frame pointers are kept always: backtraces and traps walk them. What is below rbp is there behind the row `FRAME`, if
the allocation says so (`Allocation.framed_at`), else from the entry on.
"""

from __future__ import annotations

from wasmer_clif_backend.machine.code import FIRST_XMM, Code
from wasmer_clif_backend.machine.regalloc.allocation import FIRST_SLOT, Allocation
from wasmer_runtime_core.contract.vmctx import MOST_FRAME_BYTES
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.support.annotations import Final, final, i64

ARGUMENTS: Final = 16
"""From the frame pointer to the first argument on the stack."""


class FrameTooLarge(CompileError):
    """A function's frame is larger than `MOST_FRAME_BYTES`."""


@final
class Frame:
    """Offsets from rbp, and the size below it."""

    def __init__(self, code: Code, allocation: Allocation) -> None:
        self.saved: list[int] = [r for r in range(FIRST_XMM) if int(allocation.saved) >> r & 1]
        self.spare: Final = FIRST_SLOT + int(allocation.slots)
        """The place of one more slot, for moves between slots; there where there are slots."""
        saved_bytes = (8 * i64(len(self.saved)) + 15) // 16 * 16
        slots = allocation.slots
        slots_end = saved_bytes + 16 * (slots + 1) if slots else saved_bytes
        own = code.slot_bytes + code.buffer_bytes
        outgoing = (code.outgoing + 15) // 16 * 16
        self._slots: i64 = -(saved_bytes + 16)
        self.own: i64 = -(slots_end + own)
        """Where the function's own slots begin."""
        self.size: i64 = slots_end + own + outgoing

    def check(self, name: str) -> None:
        """
        Raises:
            FrameTooLarge: no function may have such a frame.
        """
        if self.size > MOST_FRAME_BYTES:
            raise FrameTooLarge(
                f"function {name.removeprefix('u0:')} needs a frame of {self.size:,} bytes on the stack; "
                f"the most is {MOST_FRAME_BYTES:,}"
            )

    def slot(self, place: i64) -> i64:
        """The offset of a place that is a slot."""
        return self._slots - 16 * (place - FIRST_SLOT)
