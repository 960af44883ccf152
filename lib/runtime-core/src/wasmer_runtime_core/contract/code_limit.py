"""How much machine code the functions of a module may become (core's `implementation_limits`, code_bytes).

The encoder knows how long a function's code is when it has all its records, sixteen bytes an instruction. Few
operators become many instructions: those that pass a thousand values each. So a backend counts its records while they
are written, and gives a function up before they have taken more memory than its code could be allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from mypy_extensions import i64

from wasmer_runtime_core.implementation_limits import CODE_BYTES, ImplementationLimits
from wasmer_runtime_core.wasm.body.body import RECORD_BYTES, Body

INSTRUCTION_BYTES: Final = 4
"""So long is an instruction, at least, on the average of a function that is too large."""


@final
class CodeLimit:
    """The limit of one module."""

    def __init__(self, limits: ImplementationLimits, bodies: Sequence[Body]) -> None:
        self.limits: Final = limits
        self.body_bytes: Final = sum([body.size for body in bodies])
        self.most: i64 = limits.most(CODE_BYTES, self.body_bytes)
        self.written: i64 = 0
        self.body: Body | None = None  # at hand

    def begin(self, body: Body) -> None:
        """Turn to another function."""
        self.body = body

    def check_records(self, size: i64) -> None:
        """The function at hand has records of so many bytes.

        Raises:
            ImplementationLimitError: they become too much code.
        """
        self.check(self.written + size // (RECORD_BYTES // INSTRUCTION_BYTES))

    def check_code(self, size: i64) -> None:
        """The functions so far are code of so many bytes.

        Raises:
            ImplementationLimitError: that is too much.
        """
        self.check(size)
        self.written = size

    def check(self, size: i64) -> None:
        if size > self.most:
            body = self.body
            assert body is not None
            raise self.limits.exceeded(CODE_BYTES, size, body.offset, body.function_index, self.body_bytes)
