"""What a state has for a memory until it has seen its guest's."""

from __future__ import annotations


class NoMemory(bytearray):
    """Stands for the memory of a module that has none: no range but the empty one lies in it."""

    def read(self, offset: int, length: int) -> bytes:
        return b""

    def write(self, offset: int, data: bytes) -> None:
        pass
