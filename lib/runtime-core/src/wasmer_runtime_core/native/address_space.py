"""Whether memories on guard pages can be had: 8 GiB of address space each, of which most is never touched."""

from __future__ import annotations


def can_reserve() -> bool:
    """Whether there is room for such memories now.

    A limit on this process's address space (``ulimit -v``) leaves none, and so do some 16,000
    of them that are alive: 47 bits of addresses hold no more.
    """
    from wasmer_runtime_core.native import machine  # whoever compiles seldom leaves it at that

    return machine.can_reserve()
