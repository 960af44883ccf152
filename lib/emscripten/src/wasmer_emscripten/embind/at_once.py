"""What a program passes at once: the texts among the arguments of a call, or within a record.

A text is copied, and a program may pass the same one as often as a record has places. So all that is made for one call
is bounded, before it is made; what a program then holds is counted by `handles`.
"""

from __future__ import annotations

from typing import Final, final

from wasmer_emscripten.errors import WrongArgument

MAX_BYTES: Final = 1 << 30
"""Of texts in a program's memory that become values together."""


@final
class AtOnce:
    """Of one program. A ``with`` block holds what is made together; a block within another is a part of it."""

    __slots__ = ("_bytes", "_depth")

    def __init__(self) -> None:
        self._bytes = 0
        self._depth = 0

    def __enter__(self) -> None:
        if not self._depth:
            self._bytes = 0
        self._depth += 1

    def __exit__(self, *failure: object) -> None:
        self._depth -= 1

    def add(self, size: int) -> None:
        """A text of so many bytes is about to be made.

        Raises:
            WrongArgument: with the others that is too much.
        """
        if self._depth:
            self._bytes += size
            if self._bytes > MAX_BYTES:
                raise WrongArgument(f"the program passed texts of more than {MAX_BYTES} bytes at once")
