"""The category of what this backend warns of."""

from __future__ import annotations


class CraneliftWarning(UserWarning):
    """The module is compiled, but a function of it was too large to keep its locals in registers.

    To be told by an exception instead: ``warnings.simplefilter("error", CraneliftWarning)``.
    """
