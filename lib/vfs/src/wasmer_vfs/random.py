"""Random bytes: the host's, or the same ones in every run.

A source is a function from a number of bytes to that many bytes. `seeded` makes one whose
bytes follow from a seed: not for secrets, but for runs that can be repeated.
"""

from __future__ import annotations

import os

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, TypeAlias
from wasmer_vfs.waiting import asked, look

if TYPE_CHECKING:
    from collections.abc import Callable

RandomSource: TypeAlias = "Callable[[int], bytes]"

system: Final[RandomSource] = os.urandom

CHUNK_BYTES: Final = 1 << 20
"""Most that is asked of a source at once."""


def seeded(seed: int | bytes | str) -> RandomSource:
    """Bytes that follow from `seed`."""
    import random  # only here: it brings OpenSSL along

    return random.Random(seed).randbytes


def fill(memory: Any, start: int, length: int, source: RandomSource) -> None:
    """Fill a range of a guest's memory from a source.

    Raises:
        RuntimeError: the source gave another number of bytes than it was asked for.
    """
    for at in range(start, start + length, CHUNK_BYTES):
        wanted = min(CHUNK_BYTES, start + length - at)
        data = asked(source, wanted)
        if len(data) != wanted:
            raise RuntimeError(f"the source of random bytes was asked for {wanted} and gave {len(data)}")
        memory.write(at, data)
        if length > CHUNK_BYTES:
            look()
