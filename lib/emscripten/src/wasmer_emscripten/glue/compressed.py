"""A module that lies compressed in a script, as the Solidity compiler's: blocks of LZ4 in base64, and its size behind.

A block is a length of four bytes, of which the highest bit says that what follows is not compressed; then sequences: a
byte with two lengths, bytes that are taken as they are, and how far back in what is there already the rest begins
(LZ4 Block Format Description, Yann Collet).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from wasmer_emscripten.numbers import must_be_answer
from wasmer_runtime_core.running.interrupts import check_interrupts

_GIVEN: Final = re.compile(r'"([A-Za-z0-9+/]{64,}+={0,2})"\s*+,\s*+(\d{1,10}+)\s*+\)')
MOST_BYTES: Final = 1 << 28
"""Of a module, unpacked."""
_RAW: Final = 0x8000_0000
_SHORTEST: Final = 4
"""Bytes that are repeated at least."""
_LOOK_EVERY: Final = 1 << 16
"""Sequences between two looks whether the call must end."""


def compressed(text: str) -> Iterator[bytes]:
    """What is compressed in a script, unpacked."""
    for given in _GIVEN.finditer(text):
        try:
            packed = base64.b64decode(given[1] + "=" * (-len(given[1]) % 4))
        except binascii.Error as failure:
            must_be_answer(failure)
            continue
        found = unpacked(packed, min(int(given[2]), MOST_BYTES))
        if found is not None:
            yield found


def unpacked(packed: bytes, size: int) -> bytes | None:
    """What blocks hold; None if that is not of the size, or they are none."""
    made = bytearray()
    at = 0
    while at + 4 <= len(packed) and len(made) < size:
        length = int.from_bytes(packed[at : at + 4], "little")
        at += 4
        end = at + (length & ~_RAW)
        if end > len(packed):
            return None
        if length & _RAW:
            made += packed[at:end]
        elif not _unpack(packed, at, end, made, size):
            return None
        at = end
    return bytes(made) if len(made) == size else None


def _unpack(packed: bytes, at: int, end: int, made: bytearray, size: int) -> bool:
    """Put what a block holds behind what was made; whether it is one, and has no more than it may."""
    begin = len(made)
    steps = 0
    while at < end:
        steps += 1
        if steps % _LOOK_EVERY == 0:
            check_interrupts()
        token = packed[at]
        at += 1
        count = token >> 4
        if count == 15:
            at, count = _longer(packed, at, end, count)
        if count:
            made += packed[at : min(at + count, end)]
            at += count
        if at >= end:
            return at == end and len(made) <= size
        back = packed[at] | packed[at + 1] << 8 if at + 1 < end else 0
        at += 2
        count = token & 15
        if count == 15:
            at, count = _longer(packed, at, end, count)
        count += _SHORTEST
        start = len(made) - back
        if not back or start < begin or len(made) + count > size:
            return False
        if count <= back:
            made += made[start : start + count]
        else:  # what is repeated reaches into itself
            made += (made[start:] * (count // back + 1))[:count]
    return True


def _longer(packed: bytes, at: int, end: int, count: int) -> tuple[int, int]:
    """Where a length ends that goes on in further bytes, and the length."""
    while at < end:
        more = packed[at]
        at += 1
        count += more
        if more != 255:
            break
    return at, count
