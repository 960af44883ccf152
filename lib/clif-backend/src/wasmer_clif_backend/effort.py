"""`Effort`: what the compilation of one function takes, counted while it is done, and what it may take.

Every stage counts its steps, at least once for some thousand. So a compilation looks for signals and deadlines, and
lets other threads run, every few milliseconds, whatever the function is like.

SSA form has shapes that are larger than the function they come of: a parameter for each of many locals where each of
many branches meets, a live value for each of them in each of many blocks. The steps that a module may take are
many times what ordinary ones do, and in proportion to its size; what a function leaves of its share, the next ones
have. When they are used up, `TooMuchEffort` ends the attempt, and `compiler` has the function translated with its
locals in memory: then nothing lives longer than a block, and every stage takes time in proportion to the function.
"""

from __future__ import annotations

from wasmer_runtime_core.contract.code_limit import CodeLimit
from wasmer_runtime_core.support.annotations import Final, final, i64
from wasmer_runtime_core.support.checkpoint import checkpoint

STRETCH: Final = 1 << 14
"""Steps between two looks at signals, some tens of nanoseconds each in compiled code."""


EVERY: Final = 0xFF
"""Who walks over instructions, which are numbered, counts at those whose number has none of these bits, for so many."""

UNBOUNDED: Final = 1 << 62

PER_OPERATOR: Final = 1 << 10
"""Steps that a module may take per operator. Ordinary ones take some fifty."""

OPERATORS_AHEAD: Final = 1 << 14
"""A module has the share of so many operators more: for its first functions."""


class TooMuchEffort(Exception):
    """A function takes more steps than it may."""


@final
class Effort:
    """The steps of one function.

    Args:
        limit: how much code the function may become.
        most: how many steps there may be.
    """

    def __init__(self, limit: CodeLimit | None = None, most: i64 = UNBOUNDED) -> None:
        self.limit: Final = limit
        self.most: Final[i64] = most
        self.spent: i64 = 0
        """How many there were, but for those of the stretch at hand."""
        self.left: i64 = STRETCH
        """Of the stretch at hand."""

    def total(self) -> int:
        """The steps so far."""
        return int(self.spent + STRETCH - self.left)

    def spend(self, steps: i64) -> None:
        """So many steps are about to be done, or have just been.

        Raises:
            TooMuchEffort: that are more than there may be.
            Timeout: a deadline has passed.
            Exception: what a signal handler raised, such as KeyboardInterrupt.
        """
        self.left -= steps
        if self.left < 0:
            self._look()

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

    def _look(self) -> None:
        self.spent += STRETCH - self.left
        self.left = STRETCH
        if self.spent > self.most:
            raise TooMuchEffort
        checkpoint()
