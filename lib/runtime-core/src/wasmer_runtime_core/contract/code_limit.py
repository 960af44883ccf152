"""How much machine code the functions of a module may become (core's `implementation_limits`, code_bytes).

The encoder knows how long a function's code is when it has all its records, sixteen bytes an instruction. Few
operators become many instructions: those that pass a thousand values each. So a backend counts its records while they
are written, and gives a function up before they have taken more memory than its code could be allowed.
"""

from __future__ import annotations

from wasmer_runtime_core.implementation_limits import CODE_BYTES, ImplementationLimits
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, final
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES, Body

if TYPE_CHECKING:
    from collections.abc import Sequence

INSTRUCTION_BYTES: Final = 4
"""So long is an instruction, at least, on the average of a function that is too large."""


@final
class CodeLimit:
    """The limit of one module."""

    def __init__(self, limits: ImplementationLimits, bodies: Sequence[Body], body_bytes: int = 0) -> None:
        """`body_bytes`: so many have bodies that are not among `bodies`, together."""
        self.limits: Final = limits
        self.body_bytes: Final = body_bytes + sum([body.size for body in bodies])
        self.most: int = limits.most(CODE_BYTES, self.body_bytes)
        self.written: int = 0
        self.body: Body | None = None  # at hand

    def begin(self, body: Body) -> None:
        """Turn to another function."""
        self.body = body

    def check_records(self, size: int) -> None:
        """The function at hand has records of so many bytes.

        Raises:
            ImplementationLimitError: they become too much code.
        """
        self.check(self.written + size // (RECORD_BYTES // INSTRUCTION_BYTES))

    def check_code(self, size: int) -> None:
        """The functions so far are code of so many bytes.

        Raises:
            ImplementationLimitError: that is too much.
        """
        self.check(size)
        self.written = size

    def check(self, size: int) -> None:
        if size > self.most:
            body = self.body
            assert body is not None
            raise self.limits.exceeded(CODE_BYTES, size, body.offset, body.function_index, self.body_bytes)
