"""The category of what this backend warns of."""

from __future__ import annotations


class LLVMWarning(UserWarning):
    """The module is compiled, but not as it was meant to be.

    Either a function was too large for LLVM's optimizations, or no worker process could be
    started, so that all was compiled in this one. To be told by an exception instead:
    ``warnings.simplefilter("error", LLVMWarning)``.
    """
