"""The program's memory, where an address outside it ends the program: nobody could be told.

What is here is called between Python and C++, where an `OSError` may be the user's own, from a function that C++
called.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, TypeVar, final

from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.guest import U32, Guest
from wasmer_emscripten.numbers import must_be_answer

Result = TypeVar("Result")


@final
class Memory:
    """Of one program; as `Guest`."""

    __slots__ = ("_guest",)

    def __init__(self, guest: Guest) -> None:
        self._guest = guest

    def _checked(self, function: Callable[..., Result], pointer: int, *args: Any) -> Result:
        try:
            return function(pointer, *args)
        except OSError as failure:
            must_be_answer(failure)
            raise WrongArgument(
                f"the program passed an address that is not in its memory: {pointer & U32:#x}"
            ) from failure

    def read(self, pointer: int, length: int) -> bytes:
        return self._checked(self._guest.read, pointer, length)

    def write(self, pointer: int, data: bytes) -> None:
        self._checked(self._guest.write, pointer, data)

    def view(self, pointer: int, length: int) -> memoryview:
        return self._checked(self._guest.view, pointer, length)

    def string(self, pointer: int, most: int) -> bytes:
        return self._checked(self._guest.string, pointer, most)

    def u32(self, pointer: int) -> int:
        return self._checked(self._guest.u32, pointer)

    def put_u32(self, pointer: int, value: int) -> None:
        self._checked(self._guest.put_u32, pointer, value)

    def unpack(self, layout: Struct, pointer: int) -> tuple[Any, ...]:
        return self._checked(lambda at: self._guest.unpack(layout, at), pointer)
