"""`Backend`: the names of the project's backends as an enumeration. `registry` finds what they name.

A module of its own, because `enum` imports much, and nothing on the way to a first call needs it: a name is as good.
"""

from __future__ import annotations

import enum

from wasmer_runtime_core.compiling.registry import AUTO, installed
from wasmer_runtime_core.errors import BackendError


class Backend(enum.Enum):
    """The project's backends. The value is the name used on command lines and in cache paths."""

    CRANELIFT = "cranelift"
    SINGLEPASS = "singlepass"
    LLVM = "llvm"
    AUTO = AUTO
    """What `registry.AUTO` says."""

    @classmethod
    def variants(cls) -> list[str]:
        """Names that can be used now: the installed backends, and "auto"."""
        return [*installed(), cls.AUTO.value]

    @classmethod
    def from_str(cls, name: str) -> Backend:
        """The backend of this name, in any case.

        Raises:
            BackendError: there is none.
        """
        try:
            return cls(name.lower())
        except ValueError:
            raise BackendError(f"The backend {name} doesn't exist") from None

    def __str__(self) -> str:
        return self.value
