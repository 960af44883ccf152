"""What a user should know of a compilation that succeeds, said through Python's `warnings`."""

from __future__ import annotations

import sys
import warnings

from wasmer_runtime_core.support.annotations import Final, final

MOST_NOTICES: Final = 100
"""Of one kind about one module: a module says how many functions it has, and what reads stderr may be slow."""


def notify(message: str, category: type[Warning]) -> None:
    """Warn in the name of whoever asked for the compilation: the innermost caller that is none of our modules.

    Raises:
        Warning: the user has made an error of its category.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("wasmer_"):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


@final
class Notices:
    """Those of one kind about one module: of too many, the first ones are told, and that there are more."""

    def __init__(self, category: type[Warning]) -> None:
        self._category = category
        self._count = 0

    def tell(self, message: str) -> None:
        """One more.

        Raises:
            Warning: as `notify`.
        """
        self._count += 1
        if self._count <= MOST_NOTICES:
            notify(message, self._category)
        elif self._count == MOST_NOTICES + 1:
            notify("so it is with more functions of this module", self._category)
