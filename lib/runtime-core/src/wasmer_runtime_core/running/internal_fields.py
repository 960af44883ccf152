"""`InternalField`: numbers that middlewares and hosts keep in every instance."""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final

INTERNALS_SIZE: Final = 256
"""Internal fields an instance has."""


class InternalField:
    """The number of a 64-bit field that every instance has, for middleware and hosts."""

    __slots__ = ("index",)
    _numbers = iter(range(INTERNALS_SIZE))  # one step of it is one for all threads

    def __init__(self, index: int) -> None:
        self.index = index

    @classmethod
    def allocate(cls) -> InternalField:
        """A field nobody else uses.

        Raises:
            OverflowError: all are taken.
        """
        index = next(cls._numbers, None)
        if index is None:
            raise OverflowError(f"an instance has {INTERNALS_SIZE} internal fields, and all are taken")
        return cls(index)
