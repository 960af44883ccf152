"""What a backend says of the loops of a function, so that a call may go on, at the head of one, in other code.

At the head of a loop without operands on the stack all that the function still knows is in its locals and its vmctx. A
backend that `NotesLoops` says where these lie there; the code that goes on takes them as arguments (docs/tiers.md).
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING
from wasmer_runtime_core.support.named_tuple import NamedTuple

if TYPE_CHECKING:
    from typing import Protocol

    from wasmer_runtime_core.wasm.body.body import Body

    class NotesLoops(Protocol):
        """Parts of a backend whose code may be left at the heads of loops (`contract.compiler.Parts`)."""

        def loops(self, body: Body) -> NotedFunction | None:
            """What `Parts.compile` makes of it, and its loops; None: its code cannot be left.

            Raises:
                As `Compiler.compile`.
            """


Place = tuple[int, int]
"""`IN_INTEGER_REGISTER`, `IN_VECTOR_REGISTER`, `IN_FRAME` or `NOWHERE` of `convention`, and the register's number in
instructions, or the displacement."""


class NotedLoop(NamedTuple):
    """A loop in a function's code.

    Attributes:
        label: its own, in the body.
        start: offset of its head in the function's code.
        end: offset of what lies behind it.
        places: where the vmctx and the locals are at its head, in this order; nothing: it has operands, too.
    """

    label: int
    start: int
    end: int
    places: tuple[Place, ...]


class NotedFunction(NamedTuple):
    """A function's code, and what is known of it.

    Attributes:
        code: as `Parts.compile` makes it.
        relocations: of it.
        leave: instructions that end a call, with the result where the caller wants it and rbp as in the function:
            registers are restored, the frame is gone.
        saved: the byte of `CompiledModule.saved`.
        loops: outer ones before those in them.
    """

    code: bytes
    relocations: bytes
    leave: bytes
    saved: int
    loops: tuple[NotedLoop, ...]
