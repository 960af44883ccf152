"""What a user should know of a compilation that succeeds, said through Python's `warnings`."""

from __future__ import annotations

import sys
import warnings


class LLVMWarning(UserWarning):
    """The module is compiled, but not as it was meant to be.

    Either a function was too large for LLVM's optimizations, or no worker process could be
    started, so that all was compiled in this one. To be told by an exception instead:
    ``warnings.simplefilter("error", LLVMWarning)``.
    """


def notify(message: str) -> None:
    """Warn in the name of whoever asked for the compilation."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("wasmer_"):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, LLVMWarning, stacklevel=level)
