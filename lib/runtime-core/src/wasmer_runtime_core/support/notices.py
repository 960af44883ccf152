"""What a user should know of a compilation that succeeds, said through Python's `warnings`."""

from __future__ import annotations

import sys
import warnings


def notify(message: str, category: type[Warning]) -> None:
    """Warn in the name of whoever asked for the compilation: the innermost caller that is none of our modules.

    Raises:
        Warning: the user has made an error of its category.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("wasmer_"):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
