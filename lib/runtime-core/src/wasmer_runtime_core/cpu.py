"""What the processor of this machine can do, asked once."""

from __future__ import annotations

from functools import cache


@cache
def host_features() -> frozenset[str]:
    """Feature names in Linux' spelling (``"avx2"``, ``"sse4_1"``, ``"bmi2"``); empty where they cannot be read.

    Source: the ``flags`` line of /proc/cpuinfo.
    """
    try:
        with open("/proc/cpuinfo", "rb") as lines:
            for line in lines:
                name, _, words = line.partition(b":")
                if name.strip() in (b"flags", b"Features"):
                    return frozenset(words.decode().split())
    except OSError:
        pass
    return frozenset()
