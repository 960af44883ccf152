"""Where the arguments of a call lie: the System V AMD64 convention (psABI 3.2.3), by which all code here calls.

The callee's vmctx is the first integer argument. A function with several results gets the address of a buffer as the
second; result 0 comes back in a register, result k in the buffer's slot k - 1. The parameters of WebAssembly follow.

The C part takes the numbers from its generated header and places the arguments of its entries in the same way. Loaded
by path while that is built, so nothing of core is imported here.
"""

from __future__ import annotations

TYPE_CHECKING = False  # checkers take it for True; the build loads this by path, where nothing of core is at hand
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final


INTEGER_ARGUMENTS: Final = 6
"""So many integers and references travel in registers: rdi, rsi, rdx, rcx, r8, r9."""
VECTOR_ARGUMENTS: Final = 8
"""So many floats and vectors do: xmm0 to xmm7."""
RESULT_SLOT_BYTES: Final = 16
"""Of each result in a buffer."""
MOST_TAIL_ROOM: Final = 2_047
"""A tail call passes up to so many units of 16 bytes on the stack: more than a function can have parameters there."""

PRESERVED: Final = (3, 12, 13, 14, 15)
"""Registers that callees preserve, beside rsp and rbp: rbx, r12, r13, r14, r15."""
SAVED_DOWNWARDS: Final = 1 << len(PRESERVED)
"""In the byte that `saved_byte` makes."""


def saved_byte(registers: int, downwards: bool = False) -> int:
    """Which of them a function saves, a bit each in the order of `PRESERVED` (`backend.CompiledModule.saved`).

    They lie in this order at [rbp - 8], [rbp - 16] and so on, no others between them.

    Args:
        registers: a mask by number of register; others do not count.
        downwards: they lie the other way round: the last one is at [rbp - 8].
    """
    saved = sum(1 << bit for bit, register in enumerate(PRESERVED) if registers >> register & 1)
    return saved | SAVED_DOWNWARDS if downwards and saved else saved


# Classes of arguments.
INTEGER: Final = 0
FLOAT: Final = 1
VECTOR: Final = 2

# Where an argument is.
IN_INTEGER_REGISTER: Final = 0
IN_VECTOR_REGISTER: Final = 1
ON_STACK: Final = 2
IN_FRAME: Final = 3
"""Of a value that is no argument: at a displacement from rbp (`loops`)."""
NOWHERE: Final = 4
"""Likewise: nobody will read it."""
PLACES: Final = ("IN_INTEGER_REGISTER", "IN_VECTOR_REGISTER", "ON_STACK", "IN_FRAME")
"""What the C part knows by name."""


class Arguments:
    """Where the arguments of one call are.

    Attributes:
        wheres: for each `IN_INTEGER_REGISTER`, `IN_VECTOR_REGISTER` or `ON_STACK`.
        places: for each its register, counted among those that carry arguments; or its offset in bytes from where the
            arguments on the stack begin.
        stack_bytes: what those take, a multiple of 16.
    """

    def __init__(self, classes: Iterable[int], taken: int) -> None:
        """`taken`: so many integer registers carry something else: the vmctx, a buffer's address."""
        self.wheres: list[int] = []
        self.places: list[int] = []
        integers, vectors, stack = taken, 0, 0
        for class_ in classes:
            if class_ == INTEGER and integers < INTEGER_ARGUMENTS:
                where, place = IN_INTEGER_REGISTER, integers
                integers += 1
            elif class_ != INTEGER and vectors < VECTOR_ARGUMENTS:
                where, place = IN_VECTOR_REGISTER, vectors
                vectors += 1
            else:
                size = 16 if class_ == VECTOR else 8
                where, place = ON_STACK, (stack + size - 1) & -size
                stack = place + size
            self.wheres.append(where)
            self.places.append(place)
        self.stack_bytes = (stack + 15) & -16
