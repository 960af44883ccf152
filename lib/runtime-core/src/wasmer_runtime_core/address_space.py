"""Whether memories on guard pages can be had: 8 GiB of address space each, of which most is never touched."""

from __future__ import annotations

from typing import Final

MEMORY_BYTES: Final = 8 << 30
"""A 32-bit index and a 32-bit offset reach no further."""


def can_reserve() -> bool:
    """False if a limit on this process's address space (``ulimit -v``) leaves no room for such memories."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return limit == resource.RLIM_INFINITY or limit >= 4 * MEMORY_BYTES
