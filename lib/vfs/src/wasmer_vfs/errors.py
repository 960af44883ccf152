"""What is refused, and how it is told.

Refusals are `OSError`s with the host's numbers, of the subclasses that Python has for them, so a caller need not
know whether the host has refused or this package has. One refusal has a class of its own, because no number says
it: a path that leads out of the directory it was given with.
"""

from __future__ import annotations

import errno
import os


class OutOfDirectory(PermissionError):
    """A path, or the text of a link, is absolute or leads above the directory it is given with; EPERM."""

    def __init__(self) -> None:
        super().__init__(errno.EPERM, "The path leads out of its directory")


def refusal(number: int) -> OSError:
    """The exception for an error number of the host's (`errno.ENOENT` …), of its subclass, with its text."""
    return OSError(number, os.strerror(number))
