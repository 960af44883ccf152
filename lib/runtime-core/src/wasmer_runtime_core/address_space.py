"""Whether memories on guard pages can be had: 8 GiB of address space each, of which most is never touched."""

from __future__ import annotations

import sys
from typing import Final

MEMORY_BYTES: Final = 8 << 30
"""A 32-bit index and a 32-bit offset reach no further."""


def can_reserve() -> bool:
    """Whether there is room for such memories now.

    A limit on this process's address space (``ulimit -v``) leaves none, and so do some 16,000
    of them that are alive: 47 bits of addresses hold no more.
    """
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < 4 * MEMORY_BYTES:
        return False
    machine = sys.modules.get("wasmer_runtime_core.native.machine")  # else nothing is reserved yet
    return machine is None or bool(machine.can_reserve())
