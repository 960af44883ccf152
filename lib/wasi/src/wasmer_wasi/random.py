"""Random bytes: the host's, or the same ones in every run.

A source is a function from a number of bytes to that many bytes. `seeded` makes one whose
bytes follow from a seed: not for secrets, but for runs that can be repeated.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

RandomSource = Callable[[int], bytes]

system: Final[RandomSource] = os.urandom

CHUNK_BYTES: Final = 1 << 20
"""Most that is asked of a source at once."""


def seeded(seed: int | bytes | str) -> RandomSource:
    """Bytes that follow from `seed`."""
    import random  # only here: it brings OpenSSL along

    return random.Random(seed).randbytes


def fill(buffer: memoryview, source: RandomSource) -> None:
    """Fill a buffer from a source."""
    for start in range(0, len(buffer), CHUNK_BYTES):
        piece = buffer[start : start + CHUNK_BYTES]
        piece[:] = source(len(piece))
