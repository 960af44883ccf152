"""Locals and operands in the frame: how a function is translated whose SSA form would be too large (`effort`).

Each local, and each place of the operand stack, has 16 bytes in a stack slot. A local is read and written there.
Operands are values as ever within a block; before control flow goes anywhere they are stored (`settle`), and behind
that they are loaded when an operator is about to take them (`reach`). So nothing but the vmctx, the base of memory and
what branches pass lives longer than a block, and all that is done later takes time in proportion to the instructions.
No pass may change that: what is computed once for several blocks is left alone in such a function.
"""

from __future__ import annotations

from librt.strings import read_i32_le
from librt.vecs import vec

from wasmer_clif_backend.ir.function import Function, StackSlot
from wasmer_clif_backend.ir.opcodes import STACK_LOAD, STACK_STORE
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.wasm.body.body import Body

PLACE_BYTES: Final = 16

OPERANDS_OF_ONE: Final = 3
"""The most that an operator takes, but for calls and those that direct control."""


@final
class InMemory:
    """What one function has in its frame.

    Attributes:
        settled: so many operands, from the bottom, are in the frame.
    """

    def __init__(self, function: Function, body: Body) -> None:
        self.function: Final = function
        self.settled: i64 = 0
        self._locals: Final[i64] = len(function.slots)
        self._operands: Final[i64] = len(function.slots) + 1
        function.slots.append(StackSlot(int(PLACE_BYTES * i64(len(body.local_types)))))
        function.slots.append(StackSlot(int(PLACE_BYTES * i64(body.max_stack))))
        self._weights: Final = body.local_weights

    def read(self, block: i64, local: i64, type: i64) -> i64:
        """What a local holds."""
        return self.function.add(block, STACK_LOAD, type, 0, 0, 0, PLACE_BYTES * local, self._locals)

    def write(self, block: i64, local: i64, value: i64) -> None:
        """A local holds another value, if anybody asks."""
        if read_i32_le(self._weights, 4 * local) != 0:
            self.function.add(block, STACK_STORE, 0, value, 0, 0, PLACE_BYTES * local, self._locals)

    def settle(self, block: i64, stack: vec[i64], height: i64) -> None:
        """All operands are in the frame."""
        at = self.settled
        while at < height:
            self.function.add(block, STACK_STORE, 0, stack[at], 0, 0, PLACE_BYTES * at, self._operands)
            at += 1
        self.settled = height

    def reach(self, block: i64, stack: vec[i64], height: i64, count: i64) -> None:
        """The topmost operands are values of this block."""
        self.cut(height)
        low = height - count
        if low < 0:
            low = 0
        while self.settled > low:
            at = self.settled - 1
            type = self.function.type[stack[at]]
            stack[at] = self.function.add(block, STACK_LOAD, type, 0, 0, 0, PLACE_BYTES * at, self._operands)
            self.settled = at

    def cut(self, height: i64) -> None:
        """Operands from a height on are others than those that were stored."""
        if self.settled > height:
            self.settled = height
