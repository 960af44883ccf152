"""Ways to break a module.

A mutation is plain data, so that Hypothesis can draw and shrink it and a report can print
it. Places are numbers that are taken modulo the length of what they fall into.
"""

from __future__ import annotations

import random
from typing import Final, NamedTuple

from tests.fuzz.corpus import OPCODE_BYTES

KINDS: Final = ("set", "flip", "insert", "delete", "repeat", "cut", "opcode", "integer")
LONG_INTEGERS: Final = (
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\x7f",
    b"\x80\x80\x80\x80\x10",
    b"\x80\x80\x80\x80\x78",
    b"\x80\x00",
    b"\xff\x00",
    b"\x80\x80\x80\x80\x80\x00",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f",
)


class Mutation(NamedTuple):
    kind: str  # one of KINDS
    place: int
    value: int


def mutate(module: bytes, mutations: list[Mutation]) -> bytes:
    """Apply the mutations, one after another."""
    data = bytearray(module)
    for kind, place, value in mutations:
        at = place % (len(data) + 1)
        byte = value & 0xFF
        if kind == "set":
            data[at : at + 1] = bytes((byte,))
        elif kind == "flip" and at < len(data):
            data[at] ^= 1 << (value & 7)
        elif kind == "insert":
            data[at:at] = bytes((byte,))
        elif kind == "delete":
            del data[at : at + 1 + (value & 3)]
        elif kind == "repeat":
            data[at:at] = data[at : at + 1 + (value & 15)]
        elif kind == "cut" and value % 8 == 0:
            del data[at:]
        elif kind == "opcode":
            data[at : at + 1] = bytes((OPCODE_BYTES[value % len(OPCODE_BYTES)],))
        elif kind == "integer":
            data[at : at + 1] = LONG_INTEGERS[value % len(LONG_INTEGERS)]
    return bytes(data)


def random_mutations(source: random.Random, length: int) -> list[Mutation]:
    """One to four mutations for a module of `length` bytes; mostly behind its header."""
    return [
        Mutation(
            source.choice(KINDS),
            source.randrange(8 if source.random() < 0.95 else 0, length + 9),
            source.getrandbits(8),
        )
        for _ in range(source.choice((1, 1, 1, 2, 2, 3, 4)))
    ]
