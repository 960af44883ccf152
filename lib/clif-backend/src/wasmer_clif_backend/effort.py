"""`Effort`: what the compilation of one function takes, counted while it is done.

Every stage counts its steps, at least once for some thousand. So a compilation looks for signals and deadlines, and
lets other threads run, every few milliseconds, whatever the function is like.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from wasmer_runtime_core.contract.code_limit import CodeLimit
from wasmer_runtime_core.support.checkpoint import checkpoint

STRETCH: Final = 1 << 14
"""Steps between two looks at signals, some tens of nanoseconds each in compiled code."""


@final
class Effort:
    """The steps of one function.

    Args:
        limit: how much code the function may become.
    """

    def __init__(self, limit: CodeLimit | None = None) -> None:
        self.limit: Final = limit
        self.left: i64 = STRETCH
        """Of the stretch at hand."""

    def spend(self, steps: i64) -> None:
        """So many steps are about to be done, or have just been.

        Raises:
            Timeout: a deadline has passed.
            Exception: what a signal handler raised, such as KeyboardInterrupt.
        """
        self.left -= steps
        if self.left < 0:
            self.left = STRETCH
            checkpoint()

    def grow(self, rows: i64) -> None:
        """So many instructions are there, of the representation or of the machine, and there will be more.

        Whatever is made of a module's operators, it is far less than the bytes that each may become: one row
        counts as one byte.

        Raises:
            ImplementationLimitError: the function becomes too much code.
        """
        if self.limit is not None:
            self.limit.check(self.limit.written + rows)

    def write(self, size: i64) -> None:
        """There are instruction records of so many bytes.

        Raises:
            ImplementationLimitError: they become too much code.
        """
        if self.limit is not None:
            self.limit.check_records(size)
